/* What can be asked and what subscribers are told: addresses and their values.
 *
 * One table; docs/osc.md is printed from it, /query and the feedback to
 * subscribers run through it.  A control's feedback comes on the address that
 * sets it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_OSC_STATE_H
#define ECH_OSC_STATE_H

#include <lo/lo.h>

#include "engine/scheduler/state.h"

enum { ECH_OSC_MAX_LEAVES = 64 };

/* A moment: a snapshot, and what is heard now. */
struct ech_osc_moment {
  struct ech_state state;
  double           frame; /* graph frame that is heard now */
  double           beat;  /* session beat there */
  const char *(*deck_state_name) (enum ech_deck_state state);
};

/**
 * struct ech_osc_leaf: one address (with x for the deck's letter)
 * @types: OSC type tags of the values
 * @streamed: subscribers are told of changes; else only on /query
 * @verb: the verb that sets it, ECH_VERB_NONE if none does
 */
struct ech_osc_leaf {
  const char *address;
  const char *types;
  const char *help;
  bool        per_deck;
  bool        streamed;
  uint32_t    verb;
  uint32_t    index; /* EQ band */
  void (*fill) (const struct ech_osc_moment  *moment,
                const struct ech_deck_status *deck,
                lo_message                    message);
};

const struct ech_osc_leaf *ech_osc_leaves (unsigned *out_n_leaves);

/* The leaf's address with its deck's letter; @size of 64 is enough. */
void ech_osc_leaf_address (const struct ech_osc_leaf *leaf,
                           unsigned                   deck,
                           char                      *out_address,
                           size_t                     size);

/* A new message with the leaf's values; the caller frees it. */
lo_message ech_osc_leaf_message (const struct ech_osc_leaf   *leaf,
                                 unsigned                     deck,
                                 const struct ech_osc_moment *moment);

/* The leaf an event's action has changed, or -1. */
int ech_osc_leaf_for (const struct ech_event *event);

/* Whether @address fits @pattern, in which * and ? stand for anything but "/". */
bool ech_osc_address_fits (const char *address, const char *pattern);

/* Session beat and so on for the message tables. */
void ech_osc_moment_finish (struct ech_osc_moment *moment);

#endif
