/* Whether an action may happen.  Pure: action, state, policy and time in, verdict out.
 *
 * Asked when an action arrives, when what was held gets its yes, and when it is due.  Whoever asks
 * for real tells with ech_safety_note() what came of it, so that the next judgement knows.
 * Standard C; docs/safety.md tells the rules in words.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SAFETY_H
#define ECH_SAFETY_H

#include "engine/scheduler/policy.h"
#include "engine/scheduler/shadow-state.h"

/* A moment that a span is counted from; zeroed = it never was, so every span has passed. */
struct ech_stamp {
  double   beat; /* session beats */
  uint64_t ns;   /* CLOCK_MONOTONIC (virtual offline) */
  bool     is_set;
};

/* A hand's action that was refused because its deck is on air: a second step may do it. */
struct ech_refused_step {
  char     id[ECH_ID_MAX]; /* "" = none */
  uint64_t ns;
};

/**
 * struct ech_safety_source: what is known of a source while the set runs
 * @source_class: as it was loaded; the policy may say otherwise by its name
 * @mode: enum ech_source_mode
 * @tokens, @tokens_ns: the bucket at that moment; @tokens_known false = full
 * @accepted: when the verb was last accepted; verbs without a deck count as deck 0
 */
struct ech_safety_source {
  bool                    exists;
  char                    name[ECH_NAME_MAX];
  uint32_t                source_class;
  uint32_t                mode;
  bool                    tokens_known;
  double                  tokens;
  uint64_t                tokens_ns;
  struct ech_refused_step refused;
  struct ech_stamp        accepted[ECH_MAX_DECKS][ECH_N_VERBS];
};

enum ech_lock_state {
  ECH_LOCK_UNLOCKED,
  ECH_LOCK_LOCKED,
  ECH_LOCK_COOLDOWN, /* was unlocked: how long that counts is the asking source's rule */
  ECH_N_LOCK_STATES,
};

struct ech_deck_lock {
  uint32_t         state;        /* enum ech_lock_state */
  uint32_t         source_class; /* LOCKED: enum ech_source_class of who locked it */
  char             reason[ECH_TEXT_MAX];
  struct ech_stamp unlocked; /* COOLDOWN: since when */
};

/* A mode that was set for a source of the policy before it came, or that it had when it went. */
struct ech_coming_mode {
  char     name[ECH_NAME_MAX]; /* "" = none */
  uint32_t source_class;
  uint32_t mode;
};

/* Controls that a hand can take over: (verb, deck), each EQ band, each deck's transport. */
enum { ECH_N_CONTROLS = (int) ECH_MAX_DECKS * ((int) ECH_N_VERBS + (int) ECH_N_BANDS) };

/* All that the judge knows beside the engine's state.  Copied whole to judge a batch ahead. */
struct ech_safety_state {
  struct ech_safety_source sources[ECH_MAX_SOURCES];
  struct ech_coming_mode   coming[ECH_MAX_NAMED_SOURCES];
  struct ech_deck_lock     locks[ECH_MAX_DECKS];
  struct ech_stamp         touched[ECH_N_CONTROLS]; /* by a hand; see ech_safety_control() */
  struct ech_stamp         emergency;
};

enum ech_judge_stage {
  ECH_JUDGE_ARRIVAL,   /* all rules */
  ECH_JUDGE_CONFIRMED, /* held, and now it has its yes: permission to controls (rules 4 to 12) */
  ECH_JUDGE_OVERRIDE,  /* a CONFIRM became it: 4 to 13, but not on-air */
  ECH_JUDGE_DUE,       /* mode off, and what concerns the deck and the sound (10, 11) */
  ECH_JUDGE_GUARD,     /* a guard's own: mask, position and grid alone */
};

/* What the scheduler found out about the action's time. */
enum ech_timing_fact {
  ECH_TIMING_FITS,
  ECH_TIMING_MISSED,   /* the named beat has passed */
  ECH_TIMING_FULL,     /* too much waits already */
  ECH_TIMING_NO_AUDIO, /* the audio does not run, and its inbox is full */
  ECH_TIMING_EXPIRED,  /* past its own deadline */
};

/**
 * struct ech_petition: who asks for what, when, with the facts that need looking up
 * @action: ARRIVAL: anything; else it was well formed once.  Its timing is resolved
 * @source: index into ech_safety_state.sources (GUARD: unused)
 * @stage: enum ech_judge_stage
 * @now_beat, @now_ns: session beat and CLOCK_MONOTONIC (virtual offline)
 * @in_time: waits for a beat, or lands in phase
 * @overridden: DUE: a person's second step stands behind it, so on-air is not asked (OVERRIDE: always)
 * @in_batch: one of several that are all or nothing
 * @is_duplicate: the source used this id before
 * @timing: enum ech_timing_fact
 * @waiting_source: CANCEL: the source whose action of id `target` waits or is held, the
 *    petitioner's own before another's; -1 = none
 * @held_source: CONFIRM: the source whose action of id `target` is held for a yes, another's before
 *    the petitioner's own; -1 = none
 * @override_source: OVERRIDE: as the CONFIRM's violation told it
 */
struct ech_petition {
  const struct ech_action *action;
  uint32_t                 source;
  uint32_t                 stage;
  double                   now_beat;
  uint64_t                 now_ns;
  bool                     in_time;
  bool                     overridden;
  bool                     in_batch;
  bool                     is_duplicate;
  uint32_t                 timing;
  int32_t                  waiting_source;
  int32_t                  held_source;
  int32_t                  override_source;
};

enum ech_outcome {
  ECH_OUTCOME_DO,
  ECH_OUTCOME_HOLD,   /* until a person says yes */
  ECH_OUTCOME_REFUSE, /* fate rejected; rule ghost: all was well, and it is only noted */
  ECH_OUTCOME_EXPIRE, /* fate expired: past its deadline */
};

/**
 * struct ech_violation: the verdict, with its reason where it is not "do"
 * @outcome: enum ech_outcome
 * @rule: enum ech_rule; NONE = do (or expired), CONFIRM = hold
 * @deck: the action's, 0 where the verb has none
 * @deck_state: enum ech_deck_state of that deck
 * @ends_beat: session beat at which the reason is gone by itself, NAN = none is known
 * @ends_ns: the same in CLOCK_MONOTONIC, 0 = none is known
 * @takes_token: it got as far as the source's rate, and costs a token
 * @override_source: rule 8: the CONFIRM becomes that source's refused action; -1 = it does not
 * @text: a sentence for the person who asked; "" for "do"
 */
struct ech_violation {
  uint32_t outcome;
  uint32_t rule;
  uint32_t verb;
  uint32_t deck;
  uint32_t deck_state;
  uint32_t source;
  double   ends_beat;
  uint64_t ends_ns;
  bool     takes_token;
  int32_t  override_source;
  char     text[ECH_TEXT_MAX];
};

/* Nothing locked, touched or known of any source. */
void ech_safety_state_init (struct ech_safety_state *state);

/* A source comes: all is forgotten that an earlier one of that index did; its mode is the policy's,
 * or what was set for its name before it came. */
void ech_safety_source_init (const struct ech_policy *policy,
                             struct ech_safety_state *state,
                             uint32_t                 source,
                             const char              *name,
                             enum ech_source_class    source_class);

/* The source has gone.  A mode that is not the policy's is remembered: who was switched off does not
 * come back by coming again. */
void ech_safety_source_finish (const struct ech_policy *policy,
                               struct ech_safety_state *state,
                               uint32_t                 source);

/* @next takes the place of @last: modes set at run time stay, unless the policy's own changed. */
void ech_safety_change_policy (struct ech_safety_state *state,
                               const struct ech_policy *last,
                               const struct ech_policy *next);

/* What the source counts as, by the policy. */
enum ech_source_class ech_safety_class (const struct ech_policy       *policy,
                                        const struct ech_safety_state *state,
                                        uint32_t                       source);

/**
 * ech_safety_judge:
 * @out_violation: filled always
 *
 * Reads only what it is given.
 *
 * Thread: any.
 * Returns: enum ech_outcome, the same as in @out_violation.
 */
enum ech_outcome ech_safety_judge (const struct ech_policy       *policy,
                                   const struct ech_safety_state *state,
                                   const struct ech_shadow       *shadow,
                                   const struct ech_petition     *petition,
                                   struct ech_violation          *out_violation);

/**
 * ech_safety_note: what came of @petition
 * @violation: as ech_safety_judge() gave it for this very petition
 *
 * Spends the token, stamps the cooldown (done, held or ghost), and of what is done: the control that
 * a hand touched, the lock, the emergency, the mode; remembers what a second step may override.
 * Call it once for each judgement of the stages ARRIVAL, CONFIRMED and OVERRIDE that is carried out
 * (or, for a batch, on the copy that the next one is judged by).
 */
void ech_safety_note (const struct ech_policy    *policy,
                      struct ech_safety_state    *state,
                      const struct ech_petition  *petition,
                      const struct ech_violation *violation);

/* The tokens that @source has now, INFINITY where its rate is not limited. */
double ech_safety_tokens (const struct ech_source_rules  *rules,
                          const struct ech_safety_source *source,
                          uint64_t                        now_ns);

/* A loaded source by its name; -1 = there is none. */
int32_t ech_safety_find_source (const struct ech_safety_state *state, const char *name);

/* The rules of a source that is loaded, or named in the policy; else NULL. */
const struct ech_source_rules *ech_safety_rules_by_name (const struct ech_policy       *policy,
                                                         const struct ech_safety_state *state,
                                                         const char                    *name);

/* The control that @action moves, 0 .. ECH_N_CONTROLS - 1, or -1: lock, cancel and their kind. */
int ech_safety_control (const struct ech_action *action);

/* A hand's @action takes what waits for the same control from others: all on controls, and on a
 * deck's transport play, stop, seek, cue (jump), beatjump, hotcue-jump, load and eject. */
bool ech_safety_takes_over (const struct ech_action *action);

/* The lock as the snapshot shows it: COOLDOWN only while some source is still refused for it. */
enum ech_lock_state ech_safety_lock_state (const struct ech_policy       *policy,
                                           const struct ech_safety_state *state,
                                           uint32_t                       deck,
                                           double                         now_beat,
                                           uint64_t                       now_ns);

bool ech_stamp_has_passed (const struct ech_stamp *stamp,
                           const struct ech_span  *span,
                           double                  now_beat,
                           uint64_t                now_ns);

/* Playing and audible by the policy's level. */
bool ech_safety_is_on_air (const struct ech_policy *policy,
                           const struct ech_shadow *shadow,
                           uint32_t                 deck);

/* How many decks are on air. */
unsigned ech_safety_n_on_air (const struct ech_policy *policy, const struct ech_shadow *shadow);

/* Predicates: would it be done now?  Each is ech_safety_judge() on an action made for it. */

/* @in_time: asked as if for a beat */
struct ech_asking {
  const struct ech_policy       *policy;
  const struct ech_safety_state *state;
  const struct ech_shadow       *shadow;
  uint32_t                       source;
  double                         now_beat;
  uint64_t                       now_ns;
  bool                           in_time;
};

bool ech_safety_can_load (const struct ech_asking *by, uint32_t deck, struct ech_violation *out);
bool ech_safety_can_eject (const struct ech_asking *by, uint32_t deck, struct ech_violation *out);
bool ech_safety_can_play (const struct ech_asking *by, uint32_t deck, struct ech_violation *out);
bool ech_safety_can_stop (const struct ech_asking *by, uint32_t deck, struct ech_violation *out);
bool ech_safety_can_seek (const struct ech_asking *by, uint32_t deck, struct ech_violation *out);
bool ech_safety_can_cue (const struct ech_asking *by, uint32_t deck, struct ech_violation *out);
bool ech_safety_can_loop (const struct ech_asking *by, uint32_t deck, struct ech_violation *out);
bool ech_safety_can_set_eq (const struct ech_asking *by, uint32_t deck, struct ech_violation *out);
bool ech_safety_can_lock (const struct ech_asking *by, uint32_t deck, struct ech_violation *out);
bool ech_safety_can_unlock (const struct ech_asking *by, uint32_t deck, struct ech_violation *out);

/* The table of masks: may @verb happen to a deck in @state?  True for verbs without a deck. */
bool ech_safety_mask (enum ech_deck_state state, enum ech_verb verb);

/* Tables as Markdown, for docs/safety.md; @size of at least 8192. */
void ech_safety_mask_print (char *out_text, size_t size);
void ech_safety_rules_print (char *out_text, size_t size); /* the rules in order, and when asked */
void ech_safety_policy_print (const struct ech_policy *policy, char *out_text, size_t size);

/* "unlocked", "locked", "cooldown" */
const char *ech_lock_state_name (enum ech_lock_state state);

#endif
