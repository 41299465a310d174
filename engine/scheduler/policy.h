/* The safety policy: what each source may do, how often, and what guards the show.
 *
 * Plain data, never half changed: whoever changes it hands over a whole new one.  policy.c has the
 * defaults; engine/policy-file.h reads and writes it as JSON (data/schemas/policy.schema.json).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_POLICY_H
#define ECH_POLICY_H

#include "engine/scheduler/action.h"

enum { ECH_MAX_NAMED_SOURCES = 16 };

/* What becomes of what a source asks for. */
enum ech_source_mode {
  ECH_MODE_OFF,    /* refused */
  ECH_MODE_GHOST,  /* judged and logged, not done */
  ECH_MODE_ASSIST, /* judged, then waits for a person's yes */
  ECH_MODE_AUTO,   /* judged and done */
  ECH_N_MODES,
};

enum ech_span_unit { ECH_SPAN_MS, ECH_SPAN_BEATS };

/* A length of time, in milliseconds or in session beats; 0 = none. */
struct ech_span {
  double   amount;
  uint32_t unit; /* enum ech_span_unit */
};

/* Verbs of one kind; cooldowns and permissions are given by group or by verb. */
enum ech_verb_group {
  ECH_GROUP_TRANSPORT, /* play stop seek cue beatjump hotcue-jump */
  ECH_GROUP_LOOPS,     /* loop loop-in loop-out loop-move */
  ECH_GROUP_LOADS,     /* load eject */
  ECH_GROUP_MARKS,     /* hotcue-set hotcue-clear */
  ECH_GROUP_CONTROLS,  /* speed sync trim volume eq filter pfl bend keylock crossfader */
  ECH_GROUP_MASTER,    /* limiter, the volumes, headphones-mix, tempo, record */
  ECH_GROUP_SAFETY,    /* lock unlock emergency cancel confirm source-mode */
  ECH_N_GROUPS,
};

/**
 * struct ech_source_rules: what one source, or one class of sources, may do
 * @mode: enum ech_source_mode at the start; SOURCE_MODE changes it while the set runs
 * @priority: 0 .. 100; of what comes in the same tick the higher goes first
 * @verbs: bit 1 << verb: what it may ask for at all (emergency always)
 * @rate_per_s: actions a second on the long run, and at once; 0 = no limit
 * @cooldowns: after the verb was accepted on a deck, the same verb from the same source waits so long
 * @after_unlock: a deck that was unlocked so short ago takes nothing from it
 * @yield: what a hand has touched so short ago takes nothing from it (hands: unused)
 * @after_emergency: for so long after an emergency stop it is refused everything
 * @may_stop_last: stop the last deck on air
 * @may_silence_last: take the last deck on air out of the master by a fader, EQ or volume
 */
struct ech_source_rules {
  uint32_t        mode;
  uint32_t        priority;
  uint64_t        verbs;
  double          rate_per_s;
  struct ech_span cooldowns[ECH_N_VERBS];
  struct ech_span after_unlock;
  struct ech_span yield;
  struct ech_span after_emergency;
  bool            may_stop_last;
  bool            may_silence_last;
};

/* A source by its name, with rules of its own (or its class's, copied). */
struct ech_named_source {
  char                    name[ECH_NAME_MAX];
  uint32_t                source_class; /* enum ech_source_class: what it counts as */
  struct ech_source_rules rules;
};

enum ech_silence_action {
  ECH_SILENCE_NOTHING,
  ECH_SILENCE_REPORT, /* an event, a count, a line in the journal */
  ECH_SILENCE_RESUME, /* and the deck that was heard last plays its last bars, looped */
  ECH_N_SILENCE_ACTIONS,
};

/**
 * struct ech_policy
 * @on_air_db: a deck at or under this level is not heard
 * @human_override: a person may confirm what was refused because the deck is on air
 * @override_least_ms, @override_window_ms: and does it so long after the refusal
 * @confirm_wait_ms: what waits for a yes expires then
 * @emergency_loop: the last deck on air loops its last @emergency_loop_beats before it runs out
 * @silence_after_ms: so long under @silence_db, after something was on air, counts as silence
 */
struct ech_policy {
  double                  on_air_db;
  bool                    human_override;
  double                  override_least_ms;
  double                  override_window_ms;
  double                  confirm_wait_ms;
  bool                    emergency_loop;
  double                  emergency_loop_beats;
  uint32_t                silence_action; /* enum ech_silence_action */
  double                  silence_after_ms;
  double                  silence_db;
  struct ech_source_rules classes[ECH_N_SOURCE_CLASSES];
  uint32_t                n_sources;
  struct ech_named_source sources[ECH_MAX_NAMED_SOURCES];
};

/* The defaults, as docs/safety.md tells them. */
void ech_policy_init (struct ech_policy *policy);

/* As the defaults, but nothing that depends on who asks or how often: no cooldown, rate, yield or
 * guard, and a second step at once.  For a render, whose score is one person's will, and for replay. */
void ech_policy_init_score (struct ech_policy *policy);

/* The rules that hold for a source of that name and class, and what class it counts as. */
const struct ech_source_rules *ech_policy_rules (const struct ech_policy *policy,
                                                 const char              *name,
                                                 enum ech_source_class    source_class,
                                                 enum ech_source_class   *out_class);

/* Linear gain of @on_air_db. */
double ech_policy_least_gain (const struct ech_policy *policy);

enum ech_verb_group ech_verb_group (enum ech_verb verb);
uint64_t            ech_group_verbs (enum ech_verb_group group); /* bits 1 << verb */

/* Whether the cooldown of its verb holds for @action: what only sets a mark or leaves a loop
 * (CUE with a position, LOOP 0) is free. */
bool ech_action_cools (const struct ech_action *action);

/* "off" ...; "transport" ...; "hand" ... */
const char *ech_mode_name (enum ech_source_mode mode);
const char *ech_group_name (enum ech_verb_group group);
const char *ech_source_class_name (enum ech_source_class source_class);

#endif
