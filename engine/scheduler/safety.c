/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/scheduler/safety.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/scheduler/vocabulary.h"

#define BIT(verb) (UINT64_C (1) << ECH_VERB_##verb)

_Static_assert(ECH_N_VERBS <= 64, "a mask has a bit for each verb");

/* what belongs to the deck rather than to its track */
#define SETTINGS                                                                            \
  (BIT (SPEED) | BIT (SYNC) | BIT (BEND) | BIT (KEYLOCK) | BIT (TRIM) | BIT (VOLUME) | BIT (EQ) | BIT (FILTER) \
   | BIT (PFL) | BIT (LOCK) | BIT (UNLOCK))
#define MOTION (BIT (PLAY) | BIT (STOP) | BIT (SEEK) | BIT (CUE) | BIT (BEATJUMP) | LOOPS | HOTCUES)
#define LOOPS  (BIT (LOOP) | BIT (LOOP_IN) | BIT (LOOP_OUT) | BIT (LOOP_MOVE))
#define HOTCUES (BIT (HOTCUE_SET) | BIT (HOTCUE_JUMP) | BIT (HOTCUE_CLEAR))

static const uint64_t masks[ECH_N_DECK_STATES] = {
  [ECH_DECK_EMPTY]   = SETTINGS | BIT (LOAD),
  [ECH_DECK_LOADING] = SETTINGS | BIT (LOAD) | BIT (EJECT), /* an eject takes the load back */
  [ECH_DECK_STOPPED] = SETTINGS | BIT (LOAD) | BIT (EJECT) | MOTION,
  [ECH_DECK_PRIMED]  = SETTINGS | BIT (LOAD) | MOTION,
  [ECH_DECK_PLAYING] =
      SETTINGS | BIT (LOAD) | BIT (EJECT) | MOTION, /* on air: see judge_on_air() */
};

bool
ech_safety_mask (enum ech_deck_state state, enum ech_verb verb)
{
  return !ech_verb_has_deck (verb) || (masks[state] & (UINT64_C (1) << verb)) != 0;
}

void
ech_safety_mask_print (char *out_text, size_t size)
{
  size_t n = 0;

#define PRINT(...) n += (size_t) snprintf (out_text + n, size > n ? size - n : 0, __VA_ARGS__)
  PRINT ("| |");
  for (int state = 0; state < ECH_N_DECK_STATES; state++)
    PRINT (" %s |", ech_deck_state_name ((enum ech_deck_state) state));
  PRINT ("\n|---|---|---|---|---|---|\n");
  for (int verb = ECH_VERB_NONE + 1; verb < ECH_N_VERBS; verb++) {
    if (!ech_verb_has_deck ((enum ech_verb) verb))
      continue;
    PRINT ("| %s |", ech_verb_name ((enum ech_verb) verb));
    for (int state = 0; state < ECH_N_DECK_STATES; state++)
      PRINT (" %s |",
             ech_safety_mask ((enum ech_deck_state) state, (enum ech_verb) verb) ? "yes" : "-");
    PRINT ("\n");
  }
#undef PRINT
}

void
ech_safety_policy_init (struct ech_safety_policy *policy)
{
  policy->least_gain      = 0.001;
  policy->guarded_classes = 1u << ECH_SOURCE_BRIDGE | 1u << ECH_SOURCE_AGENT;
}

static __attribute__ ((format (printf, 3, 4))) bool
refuse (struct ech_verdict *out_verdict, enum ech_rule rule, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  out_verdict->rule = rule;
  vsnprintf (out_verdict->text, sizeof out_verdict->text, format, args);
  va_end (args);
  return false;
}

/* One judgement, laid out for the rules below. */
struct question {
  const struct ech_safety_policy *policy;
  const struct ech_shadow        *shadow;
  const struct ech_petition      *petition;
  const struct ech_action        *action;
  const struct ech_deck_shadow   *deck;
  char                            letter;
};

static bool
judge_lock (const struct question *q, struct ech_verdict *out_verdict)
{
  bool reasoned = q->deck->lock_reason[0] != '\0';

  /* locking twice changes nothing, so nobody is told off for it */
  if (!q->deck->locked || q->action->verb == ECH_VERB_UNLOCK || q->action->verb == ECH_VERB_LOCK)
    return true;
  return refuse (out_verdict, ECH_RULE_LOCKED, "Deck %c is locked%s%.80s. Unlock it first.",
                 q->letter, reasoned ? ": " : "", q->deck->lock_reason);
}

static bool
judge_mask (const struct question *q, struct ech_verdict *out_verdict)
{
  enum ech_deck_state state = ech_shadow_deck_state (q->deck);
  const char         *verb  = ech_verb_name ((enum ech_verb) q->action->verb);

  if (ech_safety_mask (state, (enum ech_verb) q->action->verb))
    return true;
  switch (state) {
  case ECH_DECK_EMPTY:
    return refuse (out_verdict, ECH_RULE_NO_TRACK, "Deck %c is empty. Load a track first.",
                   q->letter);
  case ECH_DECK_LOADING:
    return refuse (out_verdict, ECH_RULE_STATE, "Deck %c is still loading its track: no %s yet.",
                   q->letter, verb);
  case ECH_DECK_PRIMED:
    return refuse (out_verdict, ECH_RULE_STATE, "Deck %c waits to start: no %s now. Stop it first.",
                   q->letter, verb);
  default:
    return refuse (out_verdict, ECH_RULE_STATE, "Deck %c is %s: no %s now.", q->letter,
                   ech_deck_state_name (state), verb);
  }
}

static bool
is_on_air (const struct question *q, uint32_t deck)
{
  return ech_shadow_is_on_air (&q->shadow->decks[deck], q->policy->least_gain);
}

/* A start in the last moment before a swap would be cut by it. */
static bool
judge_swap (const struct question *q, struct ech_verdict *out_verdict)
{
  if (!ech_verb_starts ((enum ech_verb) q->action->verb) || q->deck->n_swaps_ahead == 0)
    return true;
  return refuse (out_verdict, ECH_RULE_STATE, "Deck %c changes its track this moment.", q->letter);
}

/* What moves the music that is heard off its beat; a beatjump and a loop keep it. */
static bool
breaks_the_beat (const struct ech_action *action)
{
  switch (action->verb) {
  case ECH_VERB_SEEK:
  case ECH_VERB_HOTCUE_JUMP:
    return true;
  case ECH_VERB_PLAY:
    return !isnan (action->value);
  case ECH_VERB_CUE:
    return isnan (action->value);
  default:
    return false;
  }
}

static bool
judge_on_air (const struct question *q, struct ech_verdict *out_verdict)
{
  const char *verb = ech_verb_name ((enum ech_verb) q->action->verb);

  if (!is_on_air (q, q->action->deck))
    return true;
  if (q->action->verb == ECH_VERB_LOAD || q->action->verb == ECH_VERB_EJECT)
    return refuse (out_verdict, ECH_RULE_ON_AIR,
                   "Deck %c is on air: %s %s would cut it. Fade it out or stop it first.",
                   q->letter, q->action->verb == ECH_VERB_LOAD ? "a" : "an", verb);
  if (breaks_the_beat (q->action) && !q->petition->in_time)
    return refuse (
        out_verdict, ECH_RULE_ON_AIR,
        "Deck %c is on air: a %s now would break the beat. Give it a beat, such as \"bar\".",
        q->letter, verb);
  return true;
}

static bool
judge_last_deck (const struct question *q, struct ech_verdict *out_verdict)
{
  bool stops = q->action->verb == ECH_VERB_STOP
               || (q->action->verb == ECH_VERB_CUE && isnan (q->action->value));

  if (!stops || !(q->policy->guarded_classes & (1u << q->petition->source_class))
      || !is_on_air (q, q->action->deck))
    return true;
  for (uint32_t i = 0; i < q->shadow->n_decks; i++) {
    if (i != q->action->deck && is_on_air (q, i))
      return true;
  }
  return refuse (out_verdict, ECH_RULE_LAST_DECK,
                 "Deck %c is the last one on air; only a person may stop it.", q->letter);
}

static bool
judge_grid (const struct question *q, struct ech_verdict *out_verdict)
{
  const struct ech_action *action = q->action;
  bool lands = action->timing.kind == ECH_TIMING_GRID && action->timing.way == ECH_WAY_LAND
               && (ech_verb_starts ((enum ech_verb) action->verb)
                   || action->verb == ECH_VERB_SEEK);
  bool loops = (action->verb == ECH_VERB_LOOP && action->value != 0)
               || action->verb == ECH_VERB_LOOP_MOVE;

  if (q->deck->has_grid)
    return true;
  if (action->verb == ECH_VERB_SYNC && action->value != 0 && q->deck->has_track
      && q->deck->analysed)
    return refuse (out_verdict, ECH_RULE_NO_GRID,
                   "No beat was found in the track on deck %c, so it cannot follow the session.",
                   q->letter);
  if (action->verb == ECH_VERB_BEATJUMP || loops || lands)
    return refuse (out_verdict, ECH_RULE_NO_GRID,
                   q->deck->analysed
                       ? "No beat was found in the track on deck %c."
                       : "The beats of deck %c are not known yet; try again in a moment.",
                   q->letter);
  return true;
}

static void
format_time (double seconds, char *out_text, size_t size)
{
  int tenths = (int) lround (seconds * 10.0);

  snprintf (out_text, size, "%d:%02d.%d", tenths / 600, tenths / 10 % 60, tenths % 10);
}

static bool
judge_position (const struct question *q, struct ech_verdict *out_verdict)
{
  const struct ech_action *action = q->action;
  char                     asked[32], length[32];

  if ((action->verb != ECH_VERB_PLAY && action->verb != ECH_VERB_SEEK
       && action->verb != ECH_VERB_CUE)
      || isnan (action->value) || !q->deck->has_track
      || action->value * q->deck->rate < q->deck->length_frames)
    return true;
  format_time (action->value, asked, sizeof asked);
  format_time (q->deck->length_frames / q->deck->rate, length, sizeof length);
  return refuse (out_verdict, ECH_RULE_INVALID,
                 "The track on deck %c is %s long; %s is beyond its end.", q->letter, length,
                 asked);
}

bool
ech_safety_judge (const struct ech_safety_policy *policy,
                  const struct ech_shadow        *shadow,
                  const struct ech_petition      *petition,
                  struct ech_verdict             *out_verdict)
{
  static bool (*const rules[]) (const struct question *q, struct ech_verdict *out_verdict) = {
    judge_lock, judge_mask, judge_swap, judge_on_air, judge_last_deck, judge_grid, judge_position,
  };
  const struct ech_action *action = petition->action;
  struct question          q      = { policy, shadow, petition, action, NULL, 'A' };

  *out_verdict = (struct ech_verdict){ .rule = ECH_RULE_NONE };
  if (!ech_verb_has_deck ((enum ech_verb) action->verb))
    return true;
  q.deck   = &shadow->decks[action->deck];
  q.letter = (char) ('A' + action->deck);
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    if (!rules[i](&q, out_verdict))
      return false;
  }
  return true;
}
