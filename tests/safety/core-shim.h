/* The scheduler and its safety rules as a shared library with a flat interface, for tests alone:
 * tests/safety/core.py binds it.
 *
 * The audio thread is played here, without sound: decks play or stand, an order happens on its
 * frame, and a report follows each cycle.  All in one thread, under a virtual clock.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_TESTS_CORE_SHIM_H
#define ECH_TESTS_CORE_SHIM_H

#include "engine/scheduler/policy.h"
#include "engine/scheduler/state.h"

struct core;

enum { CORE_RATE = 48000 };

enum core_answer { CORE_READY, CORE_GRID, CORE_NO_GRID, CORE_FAILED };

/* What the invariants look at; smaller than a snapshot. */
struct core_deck_state {
  uint32_t state;
  uint32_t generation;
  uint32_t on_air;
  uint32_t locked;
  double   volume;
};

struct core_state {
  double                 beat;
  double                 bpm;
  uint32_t               n_pending;
  uint32_t               n_sources;
  struct core_deck_state decks[ECH_MAX_DECKS];
};

/* An order as the audio thread carried it out: what really happened to the sound. */
struct core_done {
  uint64_t serial; /* 0: not an action's */
  uint32_t type;   /* enum ech_command_type */
  uint32_t deck;
  uint32_t was_on_air; /* the deck was heard just before */
  uint32_t when;       /* enum ech_command_when */
  uint32_t in_phase;
  uint32_t n_on_air; /* decks heard just before */
  double   value;
  double   at;
  uint64_t frame;
};

/* The policy; fields by the names of struct ech_policy and struct ech_source_rules. */
struct ech_policy *core_policy_new (void);
void               core_policy_free (struct ech_policy *policy);
int                core_policy_set (struct ech_policy *policy, const char *field, double value);

/* @who: a class, or ECH_N_SOURCE_CLASSES + a named source's number. */
int core_policy_name (struct ech_policy *policy, const char *name, uint32_t source_class);
int core_rules_set (struct ech_policy *policy, int who, const char *field, double value, int unit);
int core_rules_set_verbs (struct ech_policy *policy, int who, uint64_t verbs);
int core_rules_set_cooldown (
    struct ech_policy *policy, int who, uint32_t verb, double amount, uint32_t unit);

struct core *core_new (const struct ech_policy *policy, uint32_t n_decks);
void         core_free (struct core *core);
int core_add_source (struct core *core, const char *name, uint32_t source_class, uint32_t capacity);
void core_remove_source (struct core *core, int source);
int  core_post (struct core *core, int source, const struct ech_action *actions, unsigned n);

void     core_tick (struct core *core);
void     core_cycle (struct core *core, uint32_t n_frames);
void     core_settle (struct core *core); /* tick, an empty cycle, tick */
void     core_advance (struct core *core, unsigned n_cycles, uint32_t n_frames);
uint64_t core_frame (const struct core *core);

/* The loader's answer to the newest request for @deck; false when there is none to answer. */
bool core_answer (struct core *core, uint32_t deck, uint32_t answer, double value);

unsigned core_take_events (struct core *core, struct ech_event *out, unsigned n);
unsigned core_take_done (struct core *core, struct core_done *out, unsigned n);
void     core_state (struct core *core, struct core_state *out);
unsigned core_pending (struct core *core, struct ech_pending *out, unsigned n);

/* The sizes that the binding relies on. */
size_t core_size (const char *what);

/* Names, for readable failures, and numbers, so that nothing is written down twice. */
const char *core_rule_name (uint32_t rule);
const char *core_verb_name (uint32_t verb);
const char *core_fate_name (uint32_t fate);
bool        core_is_word (uint32_t verb); /* the vocabulary has it */

#endif
