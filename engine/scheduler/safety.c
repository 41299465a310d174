/* The rules, one function each, and the order in which they are asked.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/scheduler/safety.h"

#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/scheduler/vocabulary.h"

#define BIT(verb) (UINT64_C (1) << ECH_VERB_##verb)

_Static_assert(ECH_N_VERBS <= 64, "a mask has a bit for each verb");

/* what belongs to the deck rather than to its track */
#define SETTINGS                                                                                \
  (BIT (SPEED) | BIT (SYNC) | BIT (BEND) | BIT (KEYLOCK) | BIT (TRIM) | BIT (VOLUME) | BIT (EQ) \
   | BIT (FILTER) | BIT (PFL) | BIT (LOCK) | BIT (UNLOCK))
#define MOTION  (BIT (PLAY) | BIT (STOP) | BIT (SEEK) | BIT (CUE) | BIT (BEATJUMP) | LOOPS | HOTCUES)
#define LOOPS   (BIT (LOOP) | BIT (LOOP_IN) | BIT (LOOP_OUT) | BIT (LOOP_MOVE))
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

/* One judgement, laid out for the rules below. */
struct question {
  const struct ech_policy        *policy;
  const struct ech_safety_state  *state;
  const struct ech_shadow        *shadow;
  const struct ech_petition      *petition;
  const struct ech_action        *action;
  const struct ech_safety_source *source; /* who asks; NULL: a guard */
  const struct ech_source_rules  *rules;
  enum ech_source_class           source_class;
  bool                            has_deck;
  const struct ech_deck_shadow   *deck;
  const struct ech_deck_lock     *lock;
  char                            letter;
};

static __attribute__ ((format (printf, 3, 4))) bool
refuse (struct ech_violation *out, enum ech_rule rule, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  out->outcome = ECH_OUTCOME_REFUSE;
  out->rule    = rule;
  vsnprintf (out->text, sizeof out->text, format, args);
  va_end (args);
  return false;
}

static const char *
verb_name (const struct question *q)
{
  return ech_verb_name ((enum ech_verb) q->action->verb);
}

/* Spans */

bool
ech_stamp_has_passed (const struct ech_stamp *stamp,
                      const struct ech_span  *span,
                      double                  now_beat,
                      uint64_t                now_ns)
{
  if (!stamp->is_set || !(span->amount > 0))
    return true;
  /* a clock that went back locks nothing for ever */
  if (span->unit == ECH_SPAN_MS)
    return now_ns < stamp->ns || (double) (now_ns - stamp->ns) >= span->amount * 1e6;
  return now_beat < stamp->beat || now_beat - stamp->beat >= span->amount;
}

static bool
has_passed (const struct question *q, const struct ech_stamp *stamp, const struct ech_span *span)
{
  return ech_stamp_has_passed (stamp, span, q->petition->now_beat, q->petition->now_ns);
}

/* Tells when the span is over, and says it: "in 0.4 beats". */
static const char *
tell_end (const struct question  *q,
          const struct ech_stamp *stamp,
          const struct ech_span  *span,
          struct ech_violation   *out,
          char                    text[32])
{
  if (span->unit == ECH_SPAN_MS) {
    out->ends_ns = stamp->ns + (uint64_t) ceil (span->amount * 1e6);
    snprintf (text, 32, "in %.0f ms", ceil ((double) (out->ends_ns - q->petition->now_ns) * 1e-6));
  } else {
    long tenths;

    out->ends_beat = stamp->beat + span->amount;
    tenths         = lround (ceil ((out->ends_beat - q->petition->now_beat) * 10 - 1e-6));
    /* never through %f: its decimal point follows the locale */
    snprintf (text, 32, "in %ld.%ld beats", tenths / 10, tenths % 10);
  }
  return text;
}

/* Who asks, and whether it may at all */

static bool
judge_shape (const struct question *q, struct ech_violation *out)
{
  if (ech_vocabulary_check (q->action, q->shadow->n_decks, out->text) == 0)
    return true;
  out->outcome = ECH_OUTCOME_REFUSE;
  out->rule    = ECH_RULE_INVALID;
  return false;
}

static bool
judge_duplicate (const struct question *q, struct ech_violation *out)
{
  if (!q->petition->is_duplicate)
    return true;
  return refuse (out, ECH_RULE_DUPLICATE, "The id %s was used before.", q->action->id);
}

static bool
judge_mode_off (const struct question *q, struct ech_violation *out)
{
  if (q->source->mode != ECH_MODE_OFF)
    return true;
  return refuse (out, ECH_RULE_MODE, "The source %s is switched off. A person has to switch it on.",
                 q->source->name);
}

static bool
judge_rate (const struct question *q, struct ech_violation *out)
{
  double tokens;

  if (q->action->verb == ECH_VERB_CANCEL)
    return true;
  tokens = ech_safety_tokens (q->rules, q->source, q->petition->now_ns);
  if (tokens >= 1) {
    out->takes_token = q->rules->rate_per_s > 0;
    return true;
  }
  out->ends_ns = q->petition->now_ns + (uint64_t) ceil ((1 - tokens) / q->rules->rate_per_s * 1e9);
  return refuse (out, ECH_RULE_RATE,
                 "The source %s asks for too much; it has %.0f actions a second.", q->source->name,
                 q->rules->rate_per_s);
}

static bool
judge_permission (const struct question *q, struct ech_violation *out)
{
  if (q->rules->verbs & (UINT64_C (1) << q->action->verb))
    return true;
  return refuse (out, ECH_RULE_FORBIDDEN, "The policy does not let the source %s use %s.",
                 q->source->name, verb_name (q));
}

static bool
judge_after_emergency (const struct question *q, struct ech_violation *out)
{
  char when[32];

  if (q->action->verb == ECH_VERB_CANCEL || q->action->verb == ECH_VERB_LOCK
      || q->action->verb == ECH_VERB_SOURCE_MODE
      || has_passed (q, &q->state->emergency, &q->rules->after_emergency))
    return true;
  return refuse (out, ECH_RULE_EMERGENCY,
                 "There was an emergency stop; the source %s may go on %s.", q->source->name,
                 tell_end (q, &q->state->emergency, &q->rules->after_emergency, out, when));
}

static bool
judge_timing (const struct question *q, struct ech_violation *out)
{
  char beat[G_ASCII_DTOSTR_BUF_SIZE];

  switch (q->petition->timing) {
  case ECH_TIMING_MISSED:
    g_ascii_formatd (beat, sizeof beat, "%.10g", q->action->timing.beats);
    return refuse (out, ECH_RULE_MISSED, "Beat %s has passed.", beat);
  case ECH_TIMING_FULL:
    return refuse (out, ECH_RULE_MISSED, "The schedule is full: too many actions wait already.");
  case ECH_TIMING_NO_AUDIO:
    return refuse (out, ECH_RULE_NO_AUDIO, "The audio is not running.");
  case ECH_TIMING_EXPIRED:
    refuse (out, ECH_RULE_NONE, "Its deadline has passed.");
    out->outcome = ECH_OUTCOME_EXPIRE;
    return false;
  default:
    return true;
  }
}

/* What is about other actions and sources */

static bool
judge_cancel (const struct question *q, struct ech_violation *out)
{
  const struct ech_petition *p = q->petition;

  if (q->action->verb != ECH_VERB_CANCEL
      || (p->waiting_source >= 0
          && (p->waiting_source == (int32_t) p->source || q->source_class == ECH_SOURCE_HAND)))
    return true;
  return refuse (out, ECH_RULE_UNKNOWN, "No waiting action has the id %s.", q->action->target);
}

static bool
is_refused_step (const struct question *q, uint32_t source)
{
  const struct ech_safety_source *other = &q->state->sources[source];

  return other->exists && other->refused.id[0] && strcmp (other->refused.id, q->action->target) == 0
         && ech_safety_class (q->policy, q->state, source) == ECH_SOURCE_HAND;
}

/* Whose refused action the CONFIRM means: one's own, or for a hand any hand's; -1 = none. */
static int32_t
find_refused_step (const struct question *q)
{
  uint32_t own = q->petition->source;

  if (q->petition->in_batch)
    return -1;
  if (is_refused_step (q, own))
    return (int32_t) own;
  for (uint32_t i = 0; q->source_class == ECH_SOURCE_HAND && i < ECH_MAX_SOURCES; i++) {
    if (is_refused_step (q, i))
      return (int32_t) i;
  }
  return -1;
}

static bool
judge_override (const struct question *q, int32_t source, struct ech_violation *out)
{
  const struct ech_policy *policy = q->policy;
  uint64_t                 since  = q->state->sources[source].refused.ns;
  double                   age_ms = ((double) q->petition->now_ns - (double) since) * 1e-6;

  if (!policy->human_override)
    return refuse (out, ECH_RULE_FORBIDDEN,
                   "The policy does not let anybody override what a deck on air refuses.");
  if (age_ms < policy->override_least_ms) {
    out->ends_ns = since + (uint64_t) ceil (policy->override_least_ms * 1e6);
    return refuse (out, ECH_RULE_UNKNOWN,
                   "That was too quick to be a second thought. Confirm once more.");
  }
  if (age_ms > policy->override_window_ms)
    return refuse (out, ECH_RULE_UNKNOWN, "Too late to confirm %s; ask for it again first.",
                   q->action->target);
  out->override_source = source;
  return true;
}

static bool
judge_confirm (const struct question *q, struct ech_violation *out)
{
  int32_t held = q->petition->held_source, refused = -1;

  if (q->action->verb != ECH_VERB_CONFIRM)
    return true;
  if (held < 0)
    refused = find_refused_step (q);
  if (held < 0 && refused < 0)
    return refuse (out, ECH_RULE_UNKNOWN, "Nothing with the id %s waits for a yes.",
                   q->action->target);
  if (q->source->mode != ECH_MODE_AUTO)
    return refuse (out, ECH_RULE_FORBIDDEN, "The source %s is in mode %s: it cannot say yes.",
                   q->source->name, ech_mode_name ((enum ech_source_mode) q->source->mode));
  if (held == (int32_t) q->petition->source)
    return refuse (out, ECH_RULE_FORBIDDEN,
                   "The source %s asked for it; somebody else has to say yes.", q->source->name);
  return held >= 0 || judge_override (q, refused, out);
}

static bool
may_set_mode (const struct question *q, int32_t target, const struct ech_source_rules *rules)
{
  if (q->source_class == ECH_SOURCE_HAND)
    return true;
  if (target == (int32_t) q->petition->source)
    return q->action->value <= q->source->mode;
  return q->source_class == ECH_SOURCE_OSC && q->source->mode == ECH_MODE_AUTO
         && rules->priority < q->rules->priority;
}

static bool
judge_source_mode (const struct question *q, struct ech_violation *out)
{
  const char                    *name = q->action->target;
  int32_t                        target;
  const struct ech_source_rules *rules;

  if (q->action->verb != ECH_VERB_SOURCE_MODE)
    return true;
  target = ech_safety_find_source (q->state, name);
  rules  = ech_safety_rules_by_name (q->policy, q->state, name);
  if (!rules)
    return refuse (out, ECH_RULE_UNKNOWN, "There is no source %s, and the policy names none.",
                   name);
  if (may_set_mode (q, target, rules))
    return true;
  return refuse (out, ECH_RULE_FORBIDDEN, "The source %s may not set the mode of %s to %s.",
                 q->source->name, name,
                 ech_mode_name ((enum ech_source_mode) (int) q->action->value));
}

/* What is about the deck */

static bool
judge_lock (const struct question *q, struct ech_violation *out)
{
  bool reasoned = q->lock->reason[0] != '\0';

  /* locking twice changes nothing, so nobody is told off for it */
  if (!q->has_deck || q->lock->state != ECH_LOCK_LOCKED || q->action->verb == ECH_VERB_LOCK)
    return true;
  if (q->action->verb != ECH_VERB_UNLOCK)
    return refuse (out, ECH_RULE_LOCKED, "Deck %c is locked%s%.80s. Unlock it first.", q->letter,
                   reasoned ? ": " : "", q->lock->reason);
  if (q->source_class == ECH_SOURCE_HAND || q->lock->source_class != ECH_SOURCE_HAND)
    return true;
  return refuse (out, ECH_RULE_LOCKED, "A hand has locked deck %c; only a hand may unlock it.",
                 q->letter);
}

static bool
judge_after_unlock (const struct question *q, struct ech_violation *out)
{
  char when[32];

  if (!q->has_deck || q->lock->state != ECH_LOCK_COOLDOWN || q->action->verb == ECH_VERB_LOCK
      || q->action->verb == ECH_VERB_UNLOCK
      || has_passed (q, &q->lock->unlocked, &q->rules->after_unlock))
    return true;
  return refuse (out, ECH_RULE_COOLDOWN,
                 "Deck %c was unlocked a moment ago; the source %s may go on %s.", q->letter,
                 q->source->name,
                 tell_end (q, &q->lock->unlocked, &q->rules->after_unlock, out, when));
}

static bool
judge_mask (const struct question *q, struct ech_violation *out)
{
  enum ech_deck_state state;
  const char         *verb = verb_name (q);

  if (!q->has_deck)
    return true;
  state = ech_shadow_deck_state (q->deck);
  if (ech_safety_mask (state, (enum ech_verb) q->action->verb))
    return true;
  switch (state) {
  case ECH_DECK_EMPTY:
    return refuse (out, ECH_RULE_NO_TRACK, "Deck %c is empty. Load a track first.", q->letter);
  case ECH_DECK_LOADING:
    return refuse (out, ECH_RULE_STATE, "Deck %c is still loading its track: no %s yet.", q->letter,
                   verb);
  case ECH_DECK_PRIMED:
    return refuse (out, ECH_RULE_STATE, "Deck %c waits to start: no %s now. Stop it first.",
                   q->letter, verb);
  default:
    return refuse (out, ECH_RULE_STATE, "Deck %c is %s: no %s now.", q->letter,
                   ech_deck_state_name (state), verb);
  }
}

/* A start in the last moment before a swap would be cut by it. */
static bool
judge_swap (const struct question *q, struct ech_violation *out)
{
  if (!q->has_deck || !ech_verb_starts ((enum ech_verb) q->action->verb)
      || q->deck->n_swaps_ahead == 0)
    return true;
  return refuse (out, ECH_RULE_STATE, "Deck %c changes its track this moment.", q->letter);
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
may_override (const struct question *q)
{
  return q->source_class == ECH_SOURCE_HAND && q->policy->human_override
         && q->petition->stage == ECH_JUDGE_ARRIVAL && !q->petition->in_batch;
}

static bool
judge_on_air (const struct question *q, struct ech_violation *out)
{
  const char *hint = may_override (q) ? " Confirm to do it all the same." : "";

  if (!q->has_deck || q->petition->overridden
      || !ech_safety_is_on_air (q->policy, q->shadow, q->action->deck))
    return true;
  if (q->action->verb == ECH_VERB_LOAD || q->action->verb == ECH_VERB_EJECT)
    return refuse (out, ECH_RULE_ON_AIR,
                   "Deck %c is on air: %s %s would cut it. Fade it out or stop it first.%s",
                   q->letter, q->action->verb == ECH_VERB_LOAD ? "a" : "an", verb_name (q), hint);
  if (breaks_the_beat (q->action) && !q->petition->in_time)
    return refuse (
        out, ECH_RULE_ON_AIR,
        "Deck %c is on air: a %s now would break the beat. Give it a beat, such as \"bar\".%s",
        q->letter, verb_name (q), hint);
  return true;
}

static bool
judge_last_deck (const struct question *q, struct ech_violation *out)
{
  bool stops = q->action->verb == ECH_VERB_STOP
               || (q->action->verb == ECH_VERB_CUE && isnan (q->action->value));

  if (!stops || q->rules->may_stop_last
      || !ech_safety_is_on_air (q->policy, q->shadow, q->action->deck)
      || ech_safety_n_on_air (q->policy, q->shadow) > 1)
    return true;
  return refuse (out, ECH_RULE_LAST_DECK,
                 "Deck %c is the last one on air; only a person may stop it.", q->letter);
}

/* Wants to land where the beats of the track say. */
static bool
lands (const struct ech_action *action)
{
  return action->timing.kind == ECH_TIMING_GRID && action->timing.way == ECH_WAY_LAND
         && (ech_verb_starts ((enum ech_verb) action->verb) || action->verb == ECH_VERB_SEEK);
}

static bool
judge_grid (const struct question *q, struct ech_violation *out)
{
  const struct ech_action *action = q->action;
  bool                     loops =
      (action->verb == ECH_VERB_LOOP && action->value != 0) || action->verb == ECH_VERB_LOOP_MOVE;

  if (!q->has_deck || q->deck->has_grid)
    return true;
  if (action->verb == ECH_VERB_SYNC && action->value != 0 && q->deck->has_track
      && q->deck->analysed)
    return refuse (out, ECH_RULE_NO_GRID,
                   "No beat was found in the track on deck %c, so it cannot follow the session.",
                   q->letter);
  if (action->verb == ECH_VERB_BEATJUMP || loops || lands (action))
    return refuse (out, ECH_RULE_NO_GRID,
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
judge_position (const struct question *q, struct ech_violation *out)
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
  return refuse (out, ECH_RULE_INVALID, "The track on deck %c is %s long; %s is beyond its end.",
                 q->letter, length, asked);
}

/* The sound, the hand, and how often */

static bool
judge_silencing (const struct question *q, struct ech_violation *out)
{
  double least_gain;

  switch (q->action->verb) {
  case ECH_VERB_VOLUME:
  case ECH_VERB_TRIM:
  case ECH_VERB_EQ:
  case ECH_VERB_CROSSFADER:
  case ECH_VERB_MASTER_VOLUME:
    break;
  default:
    return true;
  }
  if (q->rules->may_silence_last)
    return true;
  least_gain = ech_policy_least_gain (q->policy);
  if (!ech_shadow_is_audible (q->shadow, least_gain)
      || ech_shadow_would_be_audible (q->shadow, q->action, least_gain))
    return true;
  return refuse (out, ECH_RULE_LAST_DECK,
                 "That would silence the last deck on air; only a person may do it.");
}

static bool
judge_taken (const struct question *q, struct ech_violation *out)
{
  int  control = ech_safety_control (q->action);
  char when[32];

  if (control < 0 || q->source_class == ECH_SOURCE_HAND
      || has_passed (q, &q->state->touched[control], &q->rules->yield))
    return true;
  return refuse (out, ECH_RULE_TAKEN, "A hand has taken it over; the source %s may go on %s.",
                 q->source->name,
                 tell_end (q, &q->state->touched[control], &q->rules->yield, out, when));
}

static bool
judge_cooldown (const struct question *q, struct ech_violation *out)
{
  const struct ech_span  *span  = &q->rules->cooldowns[q->action->verb];
  const struct ech_stamp *stamp = &q->source->accepted[out->deck][q->action->verb];
  char                    when[32];

  if (!ech_action_cools (q->action) || has_passed (q, stamp, span))
    return true;
  tell_end (q, stamp, span, out, when);
  if (q->has_deck)
    return refuse (out, ECH_RULE_COOLDOWN, "The source %s may use %s on deck %c again %s.",
                   q->source->name, verb_name (q), q->letter, when);
  return refuse (out, ECH_RULE_COOLDOWN, "The source %s may use %s again %s.", q->source->name,
                 verb_name (q), when);
}

static bool
judge_ghost (const struct question *q, struct ech_violation *out)
{
  char what[ECH_TEXT_MAX];

  if (q->source->mode != ECH_MODE_GHOST)
    return true;
  ech_action_describe (q->action, what, sizeof what);
  return refuse (out, ECH_RULE_GHOST, "Ghost: would have done \"%.100s\".", what);
}

/* Done at once, without anybody's yes: what takes back, gives back, or asks for less. */
static bool
is_free_to_assist (const struct question *q)
{
  if (q->petition->in_batch)
    return false; /* it waits with the others */
  switch (q->action->verb) {
  case ECH_VERB_CANCEL:
  case ECH_VERB_UNLOCK:
    return true;
  case ECH_VERB_SOURCE_MODE:
    return strcmp (q->action->target, q->source->name) == 0 && q->action->value <= q->source->mode;
  default:
    return false;
  }
}

/* Who is to say yes wants to know to which file. */
static void
name_file (const struct ech_action *action, char *what, size_t size)
{
  const char *slash  = action->text ? strrchr (action->text, '/') : NULL;
  size_t      length = strlen (what);

  if (action->verb == ECH_VERB_LOAD && action->text)
    snprintf (what + length, size - length, " %s", slash ? slash + 1 : action->text);
}

static bool
judge_assist (const struct question *q, struct ech_violation *out)
{
  char what[ECH_TEXT_MAX];

  if (q->source->mode != ECH_MODE_ASSIST || is_free_to_assist (q))
    return true;
  ech_action_describe (q->action, what, sizeof what);
  name_file (q->action, what, sizeof what);
  refuse (out, ECH_RULE_CONFIRM, "\"%.100s\" waits for a person's yes.", what);
  out->outcome = ECH_OUTCOME_HOLD;
  return false;
}

/* The order */

enum {
  A = 1 << ECH_JUDGE_ARRIVAL,
  C = 1 << ECH_JUDGE_CONFIRMED,
  O = 1 << ECH_JUDGE_OVERRIDE,
  D = 1 << ECH_JUDGE_DUE,
  G = 1 << ECH_JUDGE_GUARD,
};

static const struct {
  const char *name; /* as the documentation has it */
  bool (*func) (const struct question *q, struct ech_violation *out);
  unsigned stages;
} rules[] = {
  { "well-formed [invalid]", judge_shape, A },
  { "id used before [duplicate]", judge_duplicate, A },
  { "source switched off [mode]", judge_mode_off, A | D },
  { "rate [rate]", judge_rate, A },
  { "permission [forbidden]", judge_permission, A | C | O },
  { "after an emergency stop [emergency]", judge_after_emergency, A | C | O },
  { "timing [missed, no-audio; expired]", judge_timing, A | C | O },
  { "cancel [unknown]", judge_cancel, A | C },
  { "confirm [unknown, forbidden]", judge_confirm, A },
  { "source mode [unknown, forbidden]", judge_source_mode, A | C },
  { "lock [locked]", judge_lock, A | C | O | D },
  { "after an unlock [cooldown]", judge_after_unlock, A | C | O | D },
  { "state of the deck [no-track, state]", judge_mask, A | C | O | D | G },
  { "swap in the last moment [state]", judge_swap, A | C | O | D | G },
  { "on air [on-air]", judge_on_air, A | C | D },
  { "last deck [last-deck]", judge_last_deck, A | C | O | D },
  { "grid [no-grid]", judge_grid, A | C | O | D | G },
  { "position [invalid]", judge_position, A | C | O | D | G },
  { "silencing [last-deck]", judge_silencing, A | C | O | D },
  { "taken over by a hand [taken]", judge_taken, A | C | O },
  { "cooldown [cooldown]", judge_cooldown, A | O },
  { "ghost [ghost]", judge_ghost, A },
  { "assist [confirm]", judge_assist, A },
};

enum { N_RULES = sizeof rules / sizeof rules[0] };

static void
lay_out (struct question               *q,
         const struct ech_policy       *policy,
         const struct ech_safety_state *state,
         const struct ech_shadow       *shadow,
         const struct ech_petition     *petition)
{
  const struct ech_action *action = petition->action;

  q->policy       = policy;
  q->state        = state;
  q->shadow       = shadow;
  q->petition     = petition;
  q->action       = action;
  q->source       = NULL;
  q->source_class = ECH_SOURCE_HAND;
  q->rules        = &policy->classes[ECH_SOURCE_HAND];
  q->has_deck = ech_verb_has_deck ((enum ech_verb) action->verb) && action->deck < ECH_MAX_DECKS;
  q->deck     = &shadow->decks[q->has_deck ? action->deck : 0];
  q->lock     = &state->locks[q->has_deck ? action->deck : 0];
  q->letter   = (char) ('A' + (q->has_deck ? action->deck : 0));
  if (petition->stage == ECH_JUDGE_GUARD)
    return;
  q->source = &state->sources[petition->source];
  q->rules  = ech_policy_rules (policy, q->source->name,
                                (enum ech_source_class) q->source->source_class, &q->source_class);
}

enum ech_outcome
ech_safety_judge (const struct ech_policy       *policy,
                  const struct ech_safety_state *state,
                  const struct ech_shadow       *shadow,
                  const struct ech_petition     *petition,
                  struct ech_violation          *out)
{
  struct question q;

  lay_out (&q, policy, state, shadow, petition);
  out->outcome         = ECH_OUTCOME_DO;
  out->rule            = ECH_RULE_NONE;
  out->verb            = petition->action->verb;
  out->deck            = q.has_deck ? petition->action->deck : 0;
  out->deck_state      = ech_shadow_deck_state (q.deck);
  out->source          = petition->source;
  out->ends_beat       = NAN;
  out->ends_ns         = 0;
  out->takes_token     = false;
  out->override_source = -1;
  out->text[0]         = '\0';

  for (unsigned i = 0; i < N_RULES; i++) {
    /* an emergency stop passes all but a look at its shape */
    if ((rules[i].stages & (1u << petition->stage))
        && (petition->action->verb != ECH_VERB_EMERGENCY || rules[i].func == judge_shape)
        && !rules[i].func (&q, out))
      break;
  }
  return (enum ech_outcome) out->outcome;
}

/* Predicates */

static bool
can (const struct ech_asking *by, const struct ech_action *action, struct ech_violation *out)
{
  struct ech_petition petition = {
    .action          = action,
    .source          = by->source,
    .stage           = ECH_JUDGE_ARRIVAL,
    .now_beat        = by->now_beat,
    .now_ns          = by->now_ns,
    .in_time         = by->in_time,
    .waiting_source  = -1,
    .held_source     = -1,
    .override_source = -1,
  };

  return ech_safety_judge (by->policy, by->state, by->shadow, &petition, out) == ECH_OUTCOME_DO;
}

#define CAN(name, ...)                                                                       \
  bool ech_safety_can_##name (const struct ech_asking *by, uint32_t deck,                    \
                              struct ech_violation *out)                                     \
  {                                                                                          \
    struct ech_action action = { .deck = deck, .timing.kind = ECH_TIMING_NOW, __VA_ARGS__ }; \
                                                                                             \
    return can (by, &action, out);                                                           \
  }

CAN (load, .verb = ECH_VERB_LOAD, .text = "a track")
CAN (eject, .verb = ECH_VERB_EJECT)
CAN (play, .verb = ECH_VERB_PLAY, .value = NAN)
CAN (stop, .verb = ECH_VERB_STOP)
CAN (seek, .verb = ECH_VERB_SEEK)
CAN (cue, .verb = ECH_VERB_CUE, .value = NAN)
CAN (loop, .verb = ECH_VERB_LOOP, .value = 4)
CAN (set_eq, .verb = ECH_VERB_EQ)
CAN (lock, .verb = ECH_VERB_LOCK)
CAN (unlock, .verb = ECH_VERB_UNLOCK)

#undef CAN

/* The rules' own table, for the documentation */

void
ech_safety_rules_print (char *out_text, size_t size)
{
  size_t n = (size_t) snprintf (out_text, size,
                                "| | rule | arrival | confirmed | override | due | guard |\n"
                                "|---|---|---|---|---|---|---|\n");

  for (unsigned i = 0; i < N_RULES && n < size; i++) {
    n += (size_t) snprintf (out_text + n, size - n, "| %u | %s |", i + 1, rules[i].name);
    for (unsigned stage = 0; stage <= ECH_JUDGE_GUARD && n < size; stage++)
      n += (size_t) snprintf (out_text + n, size - n, " %s |",
                              rules[i].stages & (1u << stage) ? "yes" : "-");
    if (n < size)
      n += (size_t) snprintf (out_text + n, size - n, "\n");
  }
}
