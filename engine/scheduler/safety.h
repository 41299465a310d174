/* Whether an action may happen.  Pure: action, state and policy in, verdict out.
 *
 * Asked when an action arrives and again when it is due.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SAFETY_H
#define ECH_SAFETY_H

#include "engine/scheduler/shadow-state.h"

/**
 * struct ech_safety_policy
 * @least_gain: linear; a deck at or under it is not heard
 * @guarded_classes: bit 1 << enum ech_source_class: sources that may not stop the last deck on air
 */
struct ech_safety_policy {
  double   least_gain;
  uint32_t guarded_classes;
};

/* -60 dB; bridges and agents are guarded. */
void ech_safety_policy_init (struct ech_safety_policy *policy);

/* Who asks, and how. */
struct ech_petition {
  const struct ech_action *action; /* well formed: ech_vocabulary_check() */
  enum ech_source_class    source_class;
  bool                     in_time; /* waits for a beat or lands in phase */
};

/**
 * struct ech_verdict
 * @rule: ECH_RULE_NONE = allowed
 * @text: refused: a sentence for the person who asked
 */
struct ech_verdict {
  enum ech_rule rule;
  char          text[ECH_TEXT_MAX];
};

/* Returns: true = allowed.  Thread: any.  Reads only what it is given. */
bool ech_safety_judge (const struct ech_safety_policy *policy,
                       const struct ech_shadow        *shadow,
                       const struct ech_petition      *petition,
                       struct ech_verdict             *out_verdict);

/* The table of masks: may @verb happen to a deck in @state?  True for verbs without a deck. */
bool ech_safety_mask (enum ech_deck_state state, enum ech_verb verb);

/* The table as Markdown, a line a verb; @size of at least 4096.  docs/safety.md shows it. */
void ech_safety_mask_print (char *out_text, size_t size);

#endif
