/* All reachable states of two decks, and every verb in each of them, against the rules' invariants.
 *
 * A state is: each deck (empty, loading, stopped, primed, playing; its fader up or down; unlocked,
 * locked by a hand, locked by another, in its lock's cooldown), and whether an emergency stop has just
 * been.  The search begins with two empty decks and goes on with all that the judge lets anybody
 * do and with what happens by itself (a load is ready, a track ends, a start is due, time passes), until
 * nothing new comes.  In each state each class of source, in each mode, with and without a
 * person's second step, soon after and long after it did the same and a hand had the control, asks for
 * each verb with arguments and timings that matter; and the same when it is due.
 *
 * What is right is said here a second time, as a set of reasons (reasons_against()): the judge must
 * allow what has none, and must name one of them otherwise.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/scheduler/safety.h"
#include "engine/scheduler/vocabulary.h"

enum { N_DECKS = 2, LENGTH_S = 100, RATE = 48000 };
enum { ASKER, OTHER_HAND, OTHER_AGENT, N_SOURCES };
enum { UNLOCKED, BY_HAND, BY_OTHER, COOLING, N_LOCKS };

/* The moment of each judgement, and the one of what has just been. */
#define NOW_BEAT  100.0
#define NOW_NS    UINT64_C (50000000000)
#define JUST_BEAT 99.99
#define JUST_NS   (NOW_NS - 5000000)

struct deck_state {
  uint8_t motion; /* enum ech_deck_state */
  uint8_t up;     /* the fader */
  uint8_t lock;
};

struct state {
  struct deck_state decks[N_DECKS];
  uint8_t           emergency;
};

enum { N_DECK_CODES = ECH_N_DECK_STATES * 2 * N_LOCKS, N_CODES = N_DECK_CODES * N_DECK_CODES * 2 };

/* Who asks, and what was before. */
struct context {
  enum ech_source_class source_class;
  enum ech_source_mode  mode;
  bool                  cool;    /* did the same just now */
  bool                  touched; /* a hand has just had its control */
  enum ech_judge_stage  stage;
};

static struct ech_policy        policy;
static struct ech_safety_state *safety;
static struct ech_shadow        shadow;
static GArray                  *examples;
static uint8_t                 *seen;
static unsigned                *queue;
static unsigned                 n_queued, n_failures;
static uint64_t                 n_verdicts, n_allowed, n_by_rule[ECH_N_RULES];

/* States and their numbers */

static unsigned
code_of (const struct state *s)
{
  unsigned code = 0;

  for (int i = 0; i < N_DECKS; i++) {
    const struct deck_state *d = &s->decks[i];

    code = ((code * ECH_N_DECK_STATES + d->motion) * 2 + d->up) * N_LOCKS + d->lock;
  }
  return code * 2 + s->emergency;
}

static struct state
state_of (unsigned code)
{
  struct state s = { .emergency = code % 2 };

  code /= 2;
  for (int i = N_DECKS - 1; i >= 0; i--) {
    s.decks[i].lock = code % N_LOCKS;
    code /= N_LOCKS;
    s.decks[i].up = code % 2;
    code /= 2;
    s.decks[i].motion = code % ECH_N_DECK_STATES;
    code /= ECH_N_DECK_STATES;
  }
  return s;
}

static void
reach (const struct state *s)
{
  unsigned code = code_of (s);

  if (!seen[code]) {
    seen[code]        = 1;
    queue[n_queued++] = code;
  }
}

/* The same as the judge sees it */

static struct ech_stamp
just_now (void)
{
  return (struct ech_stamp){ .beat = JUST_BEAT, .ns = JUST_NS, .is_set = true };
}

static void
build_lock (struct ech_deck_lock *lock, uint8_t kind)
{
  memset (lock, 0, sizeof *lock);
  if (kind == COOLING) {
    lock->state    = ECH_LOCK_COOLDOWN;
    lock->unlocked = just_now();
  } else if (kind != UNLOCKED) {
    lock->state        = ECH_LOCK_LOCKED;
    lock->source_class = kind == BY_HAND ? ECH_SOURCE_HAND : ECH_SOURCE_AGENT;
    g_strlcpy (lock->reason, "first", sizeof lock->reason);
  }
}

static void
build_shadow (const struct state *s)
{
  struct ech_rt_report report = { .frame = 1000 };

  ech_shadow_init (&shadow, N_DECKS);
  for (uint32_t i = 0; i < N_DECKS; i++) {
    const struct deck_state *d      = &s->decks[i];
    struct ech_deck_shadow  *deck   = &shadow.decks[i];
    struct ech_action        volume = { .verb = ECH_VERB_VOLUME, .deck = i, .value = d->up };

    deck->is_loading = d->motion == ECH_DECK_LOADING;
    if (d->motion >= ECH_DECK_STOPPED) {
      ech_shadow_take_track (&shadow, i, 1, RATE, (double) LENGTH_S * RATE, 10);
      deck->has_grid = deck->analysed = true;
    }
    deck->n_waiting_plays = d->motion == ECH_DECK_PRIMED;
    ech_shadow_expect (&shadow, &volume, 7);
    ech_shadow_take_executed (&shadow, &volume, 20);
    ech_shadow_settle (&shadow, 7);
    report.decks[i] = (struct ech_deck_report){ .generation = d->motion >= ECH_DECK_STOPPED,
                                                .gain       = d->up ? 0.70710678f : 0.0f,
                                                .speed      = 1,
                                                .has_grid   = true };
    report.decks[i].state = d->motion == ECH_DECK_LOADING  ? ECH_DECK_EMPTY
                            : d->motion == ECH_DECK_PRIMED ? ECH_DECK_STOPPED
                                                           : d->motion;
  }
  ech_shadow_take_report (&shadow, &report, true);
}

/* All but the source's own. */
static void
build_safety (const struct state *s)
{
  for (int i = 0; i < N_DECKS; i++)
    build_lock (&safety->locks[i], s->decks[i].lock);
  safety->emergency = s->emergency ? just_now() : (struct ech_stamp){ 0 };
}

/* What was noted in the source that asks, in the control and in the locks is taken back. */
static void
build_asker (const struct state *s, const struct context *c, const struct ech_action *action)
{
  struct ech_safety_source *asker   = &safety->sources[ASKER];
  int                       control = ech_safety_control (action);
  uint32_t                  deck    = ech_verb_has_deck (action->verb) ? action->deck : 0;

  build_safety (s);
  asker->source_class                   = c->source_class;
  asker->mode                           = c->mode;
  asker->tokens_known                   = false;
  asker->refused                        = (struct ech_refused_step){ 0 };
  asker->accepted[deck][action->verb]   = c->cool ? just_now() : (struct ech_stamp){ 0 };
  safety->sources[OTHER_AGENT].mode     = ECH_MODE_AUTO;
  safety->sources[OTHER_HAND].mode      = ECH_MODE_AUTO;
  safety->sources[OTHER_HAND].refused   = (struct ech_refused_step){ 0 };
  if (control >= 0)
    safety->touched[control] = c->touched ? just_now() : (struct ech_stamp){ 0 };
}

/* The examples: each verb, with what matters to a rule */

/* Can anybody say it? */
static bool
is_word (enum ech_verb verb)
{
  unsigned               n;
  const struct ech_word *words = ech_vocabulary_words (&n);

  for (unsigned i = 0; i < n; i++) {
    if (words[i].verb == verb)
      return true;
  }
  return false;
}

static void
example (enum ech_verb verb, double value, enum ech_timing_kind kind, enum ech_way way)
{
  double beats = kind == ECH_TIMING_AT_BEAT ? NOW_BEAT + 8 : 4;

  if (!is_word (verb))
    return;
  for (uint32_t deck = 0; deck < (ech_verb_has_deck (verb) ? N_DECKS : 1); deck++) {
    struct ech_action one = { .verb   = verb,
                              .deck   = deck,
                              .value  = value,
                              .timing = { kind, way, kind == ECH_TIMING_NOW ? 0 : beats },
                              .id     = "x",
                              .text   = verb == ECH_VERB_LOAD ? "x.flac" : NULL };

    g_array_append_val (examples, one);
  }
}

static void
now_and_in_time (enum ech_verb verb, double value)
{
  example (verb, value, ECH_TIMING_NOW, ECH_WAY_WAIT);
  example (verb, value, ECH_TIMING_GRID, ECH_WAY_WAIT);
}

static void
build_examples (void)
{
  static const struct {
    enum ech_verb verb;
    double        values[3];
    unsigned      n_values;
  } jumps[] = {
    { ECH_VERB_PLAY, { NAN, 5, LENGTH_S }, 3 }, { ECH_VERB_SEEK, { 5, LENGTH_S }, 2 },
    { ECH_VERB_CUE, { NAN, 5, LENGTH_S }, 3 },  { ECH_VERB_HOTCUE_JUMP, { 0 }, 1 },
  };
  static const enum ech_verb plain[] = {
    ECH_VERB_LOAD,     ECH_VERB_EJECT,      ECH_VERB_STOP,         ECH_VERB_LOOP_IN,
    ECH_VERB_LOOP_OUT, ECH_VERB_HOTCUE_SET, ECH_VERB_HOTCUE_CLEAR,
  };
  static const struct {
    enum ech_verb verb;
    double        value;
  } values[] = {
    { ECH_VERB_BEATJUMP, 4 },      { ECH_VERB_LOOP, 4 },           { ECH_VERB_LOOP, 0 },
    { ECH_VERB_LOOP_MOVE, 1 },     { ECH_VERB_SPEED, 1.02 },       { ECH_VERB_SYNC, 1 },
    { ECH_VERB_PFL, 1 },           { ECH_VERB_FILTER, -1 },        { ECH_VERB_BEND, 0.02 },
    { ECH_VERB_KEYLOCK, 1 },       { ECH_VERB_VOLUME, 0 },         { ECH_VERB_VOLUME, 1 },
    { ECH_VERB_TRIM, -60 },        { ECH_VERB_TRIM, 0 },           { ECH_VERB_EQ, -60 },
    { ECH_VERB_CROSSFADER, 0 },    { ECH_VERB_CROSSFADER, 1 },     { ECH_VERB_CROSSFADER, 0.5 },
    { ECH_VERB_LIMITER, -3 },      { ECH_VERB_MASTER_VOLUME, 0 },  { ECH_VERB_MASTER_VOLUME, 1 },
    { ECH_VERB_BOOTH_VOLUME, 0 },  { ECH_VERB_HEADPHONES_VOLUME, 0 },
    { ECH_VERB_HEADPHONES_MIX, 1 }, { ECH_VERB_TEMPO, 128 },       { ECH_VERB_RECORD, 1 },
    { ECH_VERB_LINK, 1 },          { ECH_VERB_LINK_STARTSTOP, 1 }, { ECH_VERB_LINK_NUDGE, 1 },
  };

  examples = g_array_new (FALSE, FALSE, sizeof (struct ech_action));
  for (unsigned i = 0; i < G_N_ELEMENTS (jumps); i++) {
    for (unsigned k = 0; k < jumps[i].n_values; k++) {
      now_and_in_time (jumps[i].verb, jumps[i].values[k]);
      example (jumps[i].verb, jumps[i].values[k], ECH_TIMING_GRID, ECH_WAY_LAND);
      example (jumps[i].verb, jumps[i].values[k], ECH_TIMING_AT_BEAT, ECH_WAY_WAIT);
      example (jumps[i].verb, jumps[i].values[k], ECH_TIMING_IN_BEATS, ECH_WAY_WAIT);
    }
  }
  for (unsigned i = 0; i < G_N_ELEMENTS (plain); i++)
    now_and_in_time (plain[i], 0);
  for (unsigned i = 0; i < G_N_ELEMENTS (values); i++)
    now_and_in_time (values[i].verb, values[i].value);
  example (ECH_VERB_LOCK, 0, ECH_TIMING_NOW, ECH_WAY_WAIT);
  example (ECH_VERB_UNLOCK, 0, ECH_TIMING_NOW, ECH_WAY_WAIT);
  example (ECH_VERB_EMERGENCY, 0, ECH_TIMING_NOW, ECH_WAY_WAIT);
}

/* What is right, said a second time */

static bool
is_heard (const struct state *s, uint32_t deck)
{
  return s->decks[deck].motion == ECH_DECK_PLAYING && s->decks[deck].up;
}

static bool
is_last (const struct state *s, uint32_t deck)
{
  return is_heard (s, deck) && !is_heard (s, 1 - deck);
}

static bool
has_track (const struct state *s, uint32_t deck)
{
  return s->decks[deck].motion >= ECH_DECK_STOPPED;
}

static bool
is_jump (const struct ech_action *a)
{
  return a->verb == ECH_VERB_SEEK || a->verb == ECH_VERB_HOTCUE_JUMP
         || (a->verb == ECH_VERB_PLAY && !isnan (a->value))
         || (a->verb == ECH_VERB_CUE && isnan (a->value));
}

/* It waits for its beat, or lands in phase with it: which a jump to the cue, that stops, cannot. */
static bool
keeps_beat (const struct ech_action *a)
{
  if (a->timing.kind == ECH_TIMING_NOW)
    return false;
  return a->timing.way == ECH_WAY_WAIT || a->verb != ECH_VERB_CUE;
}

static bool
needs_track (enum ech_verb verb)
{
  switch (verb) {
  case ECH_VERB_PLAY:
  case ECH_VERB_STOP:
  case ECH_VERB_SEEK:
  case ECH_VERB_CUE:
  case ECH_VERB_BEATJUMP:
  case ECH_VERB_LOOP:
  case ECH_VERB_LOOP_IN:
  case ECH_VERB_LOOP_OUT:
  case ECH_VERB_LOOP_MOVE:
  case ECH_VERB_HOTCUE_SET:
  case ECH_VERB_HOTCUE_JUMP:
  case ECH_VERB_HOTCUE_CLEAR:
    return true;
  default:
    return false;
  }
}

/* Nothing is in the master any more, and something was. */
static bool
silences (const struct state *s, const struct ech_action *a)
{
  bool left[N_DECKS], any = false;

  for (uint32_t i = 0; i < N_DECKS; i++) {
    left[i] = is_heard (s, i);
    any     = any || left[i];
  }
  if (!any)
    return false;
  switch (a->verb) {
  case ECH_VERB_MASTER_VOLUME:
    return a->value == 0;
  case ECH_VERB_VOLUME:
    left[a->deck] = left[a->deck] && a->value > 0;
    break;
  case ECH_VERB_TRIM:
    left[a->deck] = left[a->deck] && a->value > -60;
    break;
  case ECH_VERB_CROSSFADER:
    left[0] = left[0] && a->value < 1;
    left[1] = left[1] && a->value > 0;
    break;
  default:
    break;
  }
  return !left[0] && !left[1];
}

#define REASON(rule) (UINT32_C (1) << ECH_RULE_##rule)

static uint32_t
deck_reasons (const struct state     *s,
              const struct context   *c,
              const struct ech_action *a,
              const struct ech_source_rules *rules)
{
  const struct deck_state *d = &s->decks[a->deck];
  uint32_t reasons = 0;
  bool     is_lock = a->verb == ECH_VERB_LOCK || a->verb == ECH_VERB_UNLOCK;
  bool     stops = a->verb == ECH_VERB_STOP || (a->verb == ECH_VERB_CUE && isnan (a->value));

  if ((d->lock == BY_HAND || d->lock == BY_OTHER) && !is_lock)
    reasons |= REASON (LOCKED);
  if (d->lock == BY_HAND && a->verb == ECH_VERB_UNLOCK && c->source_class != ECH_SOURCE_HAND)
    reasons |= REASON (LOCKED);
  if (d->lock == COOLING && !is_lock && rules->after_unlock.amount > 0)
    reasons |= REASON (COOLDOWN);
  if (needs_track (a->verb) && !has_track (s, a->deck))
    reasons |= d->motion == ECH_DECK_EMPTY ? REASON (NO_TRACK) : REASON (STATE);
  if (a->verb == ECH_VERB_EJECT && d->motion == ECH_DECK_EMPTY)
    reasons |= REASON (NO_TRACK);
  if (a->verb == ECH_VERB_EJECT && d->motion == ECH_DECK_PRIMED)
    reasons |= REASON (STATE);
  if (is_heard (s, a->deck) && c->stage != ECH_JUDGE_OVERRIDE) {
    if (a->verb == ECH_VERB_LOAD || a->verb == ECH_VERB_EJECT || (is_jump (a) && !keeps_beat (a)))
      reasons |= REASON (ON_AIR);
  }
  if (stops && is_last (s, a->deck) && !rules->may_stop_last)
    reasons |= REASON (LAST_DECK);
  if ((a->verb == ECH_VERB_PLAY || a->verb == ECH_VERB_SEEK || a->verb == ECH_VERB_CUE)
      && a->value >= LENGTH_S)
    reasons |= REASON (INVALID);
  return reasons;
}

/* A bit for each rule that has something against it; 0 = it may be done. */
static uint32_t
reasons_against (const struct state *s, const struct context *c, const struct ech_action *a)
{
  const struct ech_source_rules *rules   = &policy.classes[c->source_class];
  uint32_t                       reasons = 0;

  if (a->verb == ECH_VERB_EMERGENCY)
    return 0;
  if (c->mode == ECH_MODE_OFF && c->stage != ECH_JUDGE_OVERRIDE)
    reasons |= REASON (MODE);
  if (ech_verb_has_deck (a->verb))
    reasons |= deck_reasons (s, c, a, rules);
  if (silences (s, a) && !rules->may_silence_last)
    reasons |= REASON (LAST_DECK);
  if (c->stage == ECH_JUDGE_DUE)
    return reasons;
  if (!(rules->verbs & (UINT64_C (1) << a->verb)))
    reasons |= REASON (FORBIDDEN);
  if (s->emergency && rules->after_emergency.amount > 0 && a->verb != ECH_VERB_LOCK)
    reasons |= REASON (EMERGENCY);
  if (c->touched && c->source_class != ECH_SOURCE_HAND && rules->yield.amount > 0
      && ech_verb_group (a->verb) != ECH_GROUP_SAFETY)
    reasons |= REASON (TAKEN);
  if (c->cool && ech_action_cools (a) && rules->cooldowns[a->verb].amount > 0)
    reasons |= REASON (COOLDOWN);
  return reasons;
}

/* What the outcome must be where nothing is against it. */
static enum ech_outcome
outcome_wanted (const struct context *c, const struct ech_action *a)
{
  if (c->stage != ECH_JUDGE_ARRIVAL || a->verb == ECH_VERB_EMERGENCY)
    return ECH_OUTCOME_DO;
  if (c->mode == ECH_MODE_GHOST)
    return ECH_OUTCOME_REFUSE;
  if (c->mode == ECH_MODE_ASSIST && a->verb != ECH_VERB_UNLOCK)
    return ECH_OUTCOME_HOLD;
  return ECH_OUTCOME_DO;
}

/* Judging */

static void
fail (const struct state *s, const struct context *c, const struct ech_action *a, const char *what,
      const struct ech_violation *v)
{
  char text[ECH_TEXT_MAX];

  if (++n_failures > 20)
    return;
  ech_action_describe (a, text, sizeof text);
  printf ("# %s: %s (value %g, timing %u way %u) by %s in mode %s, stage %d%s%s%s; "
          "deck A %s fader %d lock %d, deck B %s fader %d lock %d: outcome %u rule %s \"%s\"\n",
          what, text, a->value, a->timing.kind, a->timing.way,
          ech_source_class_name (c->source_class), ech_mode_name (c->mode), (int) c->stage,
          c->cool ? ", cool" : "", c->touched ? ", touched" : "",
          s->emergency ? ", after an emergency" : "", ech_deck_state_name (s->decks[0].motion),
          s->decks[0].up, s->decks[0].lock, ech_deck_state_name (s->decks[1].motion),
          s->decks[1].up, s->decks[1].lock, v->outcome, ech_rule_name (v->rule), v->text);
}

static void
check (const struct state         *s,
       const struct context       *c,
       const struct ech_action    *a,
       const struct ech_violation *v)
{
  uint32_t         reasons = reasons_against (s, c, a);
  enum ech_outcome wanted  = reasons ? ECH_OUTCOME_REFUSE : outcome_wanted (c, a);

  n_verdicts++;
  n_by_rule[v->rule < ECH_N_RULES ? v->rule : 0]++;
  n_allowed += v->outcome == ECH_OUTCOME_DO;
  if (v->outcome != wanted)
    fail (s, c, a, reasons ? "allowed" : "not allowed", v);
  else if (reasons && !(reasons & (UINT32_C (1) << v->rule)))
    fail (s, c, a, "another rule", v);
  else if (!reasons && wanted == ECH_OUTCOME_REFUSE && v->rule != ECH_RULE_GHOST)
    fail (s, c, a, "a ghost's", v);
  else if (wanted == ECH_OUTCOME_HOLD && v->rule != ECH_RULE_CONFIRM)
    fail (s, c, a, "held", v);
  else if (wanted == ECH_OUTCOME_DO && v->rule != ECH_RULE_NONE)
    fail (s, c, a, "done, with a rule", v);
  else if (wanted == ECH_OUTCOME_REFUSE && (v->rule == ECH_RULE_NONE || strlen (v->text) < 15))
    fail (s, c, a, "no reason is told", v);
  else if (ech_verb_has_deck (a->verb) && v->deck_state != s->decks[a->deck].motion)
    fail (s, c, a, "another state of the deck", v);
}

static uint8_t
lock_of (uint32_t deck)
{
  const struct ech_deck_lock *lock = &safety->locks[deck];

  if (lock->state == ECH_LOCK_UNLOCKED)
    return UNLOCKED;
  if (lock->state == ECH_LOCK_COOLDOWN)
    return COOLING;
  return lock->source_class == ECH_SOURCE_HAND ? BY_HAND : BY_OTHER;
}

/* What noting it made of the locks; only LOCK and UNLOCK that were done may change them. */
static void
check_locks (const struct state         *s,
             const struct context       *c,
             const struct ech_action    *a,
             const struct ech_violation *v)
{
  for (uint32_t i = 0; i < N_DECKS; i++) {
    uint8_t was = s->decks[i].lock, is = lock_of (i), wanted = was;
    bool    locked = was == BY_HAND || was == BY_OTHER;

    if (v->outcome == ECH_OUTCOME_DO && a->deck == i) {
      if (a->verb == ECH_VERB_LOCK && !locked)
        wanted = c->source_class == ECH_SOURCE_HAND ? BY_HAND : BY_OTHER;
      else if (a->verb == ECH_VERB_UNLOCK && locked)
        wanted = COOLING;
    }
    if (is != wanted)
      fail (s, c, a, "the lock has changed wrongly", v);
    if (locked && is == was && strcmp (safety->locks[i].reason, "first") != 0)
      fail (s, c, a, "the lock's reason has changed", v);
  }
}

/* Where it leads when it is done. */
static void
follow (const struct state *s, const struct ech_action *a)
{
  struct state       next = *s;
  struct deck_state *d    = &next.decks[a->deck];
  bool               waits = ech_verb_starts (a->verb) && a->timing.kind != ECH_TIMING_NOW
                      && a->timing.way == ECH_WAY_WAIT;

  for (uint32_t i = 0; i < N_DECKS; i++)
    next.decks[i].lock = lock_of (i);
  next.emergency = safety->emergency.is_set;
  switch (a->verb) {
  case ECH_VERB_LOAD:
    if (!has_track (s, a->deck))
      d->motion = ECH_DECK_LOADING;
    else if (!is_heard (s, a->deck))
      d->motion = ECH_DECK_STOPPED;
    break;
  case ECH_VERB_EJECT:
    d->motion = ECH_DECK_EMPTY;
    break;
  case ECH_VERB_PLAY:
  case ECH_VERB_HOTCUE_JUMP:
    if (d->motion != ECH_DECK_PLAYING)
      d->motion = waits ? ECH_DECK_PRIMED : ECH_DECK_PLAYING;
    break;
  case ECH_VERB_STOP:
    d->motion = ECH_DECK_STOPPED;
    break;
  case ECH_VERB_CUE:
    if (isnan (a->value) && d->motion == ECH_DECK_PLAYING)
      d->motion = ECH_DECK_STOPPED;
    break;
  case ECH_VERB_VOLUME:
    d->up = a->value > 0;
    break;
  case ECH_VERB_EMERGENCY:
    for (uint32_t i = 0; i < N_DECKS; i++) {
      if (next.decks[i].motion >= ECH_DECK_STOPPED)
        next.decks[i].motion = ECH_DECK_STOPPED;
    }
    break;
  default:
    break;
  }
  reach (&next);
}

/* What happens without anybody's asking. */
static void
follow_time (const struct state *s)
{
  struct state next = *s;

  next.emergency = 0;
  reach (&next);
  for (uint32_t i = 0; i < N_DECKS; i++) {
    next = *s;
    if (next.decks[i].lock == COOLING) {
      next.decks[i].lock = UNLOCKED;
      reach (&next);
    }
    next = *s;
    if (next.decks[i].motion == ECH_DECK_LOADING) {
      next.decks[i].motion = ECH_DECK_STOPPED;
      reach (&next);
      next.decks[i].motion = ECH_DECK_EMPTY; /* it failed */
      reach (&next);
    } else if (next.decks[i].motion == ECH_DECK_PRIMED) {
      next.decks[i].motion = ECH_DECK_PLAYING;
      reach (&next);
    } else if (next.decks[i].motion == ECH_DECK_PLAYING) {
      next.decks[i].motion = ECH_DECK_STOPPED; /* the track's end */
      reach (&next);
    }
  }
}

static struct ech_petition
petition_of (const struct context *c, const struct ech_action *a)
{
  return (struct ech_petition){ .action         = a,
                                .source         = ASKER,
                                .stage          = c->stage,
                                .now_beat       = NOW_BEAT,
                                .now_ns         = NOW_NS,
                                .in_time        = keeps_beat (a),
                                .timing         = ECH_TIMING_FITS,
                                .waiting_source = -1,
                                .held_source    = -1,
                                .override_source = -1 };
}

static void
ask (const struct state *s, const struct context *c, const struct ech_action *a)
{
  struct ech_petition  petition = petition_of (c, a);
  struct ech_violation violation;

  build_asker (s, c, a);
  ech_safety_judge (&policy, safety, &shadow, &petition, &violation);
  check (s, c, a, &violation);
  if (c->stage == ECH_JUDGE_DUE)
    return;
  ech_safety_note (&policy, safety, &petition, &violation);
  check_locks (s, c, a, &violation);
  if (violation.outcome == ECH_OUTCOME_DO)
    follow (s, a);
}

static void
ask_all (const struct state *s)
{
  static const struct {
    bool cool, touched;
  } before[] = { { false, false }, { true, false }, { false, true } };
  struct context c;

  for (c.source_class = 0; c.source_class < ECH_N_SOURCE_CLASSES; c.source_class++) {
    for (c.mode = 0; c.mode < ECH_N_MODES; c.mode++) {
      for (unsigned k = 0; k < examples->len; k++) {
        const struct ech_action *a = &g_array_index (examples, struct ech_action, k);

        for (unsigned b = 0; b < G_N_ELEMENTS (before); b++) {
          c.cool    = before[b].cool;
          c.touched = before[b].touched;
          c.stage   = ECH_JUDGE_ARRIVAL;
          ask (s, &c, a);
        }
        c.cool = c.touched = false;
        c.stage            = ECH_JUDGE_DUE;
        if (a->verb != ECH_VERB_EMERGENCY)
          ask (s, &c, a);
        c.stage = ECH_JUDGE_OVERRIDE;
        if (c.mode == ECH_MODE_AUTO && c.source_class == ECH_SOURCE_HAND
            && a->verb != ECH_VERB_EMERGENCY)
          ask (s, &c, a);
      }
    }
  }
}

/* Yes, no, and who may set whose mode: these look at no deck, so any one state will do. */

static unsigned n_social;

static void
expect (struct context             *c,
        struct ech_action          *a,
        const struct ech_petition  *petition,
        enum ech_rule               rule,
        struct ech_violation       *out)
{
  struct state s = { 0 };

  n_social++;
  n_verdicts++;
  ech_safety_judge (&policy, safety, &shadow, petition, out);
  n_by_rule[out->rule]++;
  if (out->rule != rule)
    fail (&s, c, a, ech_rule_name (rule), out);
}

/* A rule where the mode lets it through. */
static enum ech_rule
by_mode (const struct context *c, enum ech_rule rule, bool at_once)
{
  if (c->mode == ECH_MODE_OFF)
    return ECH_RULE_MODE;
  if (rule != ECH_RULE_NONE)
    return rule;
  if (c->mode == ECH_MODE_GHOST)
    return ECH_RULE_GHOST;
  return c->mode == ECH_MODE_ASSIST && !at_once ? ECH_RULE_CONFIRM : ECH_RULE_NONE;
}

static bool
may (const struct context *c, enum ech_verb verb)
{
  return policy.classes[c->source_class].verbs & (UINT64_C (1) << verb);
}

static void
ask_cancel (struct context *c)
{
  static const int32_t owners[] = { -1, ASKER, OTHER_AGENT, OTHER_HAND };
  struct state         s        = { 0 };

  for (unsigned i = 0; i < G_N_ELEMENTS (owners); i++) {
    struct ech_action    a        = { .verb = ECH_VERB_CANCEL, .target = "y", .id = "x",
                                      .timing = { .kind = ECH_TIMING_NOW } };
    struct ech_petition  petition = petition_of (c, &a);
    struct ech_violation v;
    bool mine = owners[i] == ASKER || (owners[i] > 0 && c->source_class == ECH_SOURCE_HAND);

    build_asker (&s, c, &a);
    petition.waiting_source = owners[i];
    expect (c, &a, &petition, by_mode (c, mine ? ECH_RULE_NONE : ECH_RULE_UNKNOWN, true), &v);
  }
}

static void
ask_confirm_held (struct context *c)
{
  static const int32_t owners[] = { -1, ASKER, OTHER_AGENT, OTHER_HAND };
  struct state         s        = { 0 };

  for (unsigned i = 0; i < G_N_ELEMENTS (owners); i++) {
    struct ech_action    a        = { .verb = ECH_VERB_CONFIRM, .target = "y", .id = "x",
                                      .timing = { .kind = ECH_TIMING_NOW } };
    struct ech_petition  petition = petition_of (c, &a);
    struct ech_violation v;
    enum ech_rule        rule = ECH_RULE_NONE;

    build_asker (&s, c, &a);
    petition.held_source = owners[i];
    if (!may (c, ECH_VERB_CONFIRM))
      rule = ECH_RULE_FORBIDDEN;
    else if (owners[i] < 0)
      rule = ECH_RULE_UNKNOWN;
    else if (owners[i] == ASKER || c->mode != ECH_MODE_AUTO)
      rule = ECH_RULE_FORBIDDEN;
    expect (c, &a, &petition, by_mode (c, rule, false), &v);
  }
}

static void
ask_second_step (struct context *c)
{
  static const double ages_ms[] = { 0, 299.999, 300, 5000, 10000, 10000.001, 60000 };
  struct state        s         = { 0 };

  for (unsigned i = 0; i < G_N_ELEMENTS (ages_ms); i++) {
    for (int permitted = 0; permitted < 2; permitted++) {
      for (int whose = ASKER; whose <= OTHER_HAND; whose++) {
        struct ech_action    a = { .verb = ECH_VERB_CONFIRM, .target = "y", .id = "x",
                                   .timing = { .kind = ECH_TIMING_NOW } };
        struct ech_petition  petition = petition_of (c, &a);
        struct ech_violation v;
        struct ech_refused_step step = { .id = "y", .ns = NOW_NS - (uint64_t) (ages_ms[i] * 1e6) };
        bool is_hand = c->source_class == ECH_SOURCE_HAND;
        bool in_time = ages_ms[i] >= 300 && ages_ms[i] <= 10000;
        enum ech_rule rule = ECH_RULE_NONE;

        build_asker (&s, c, &a);
        if (whose == ASKER && !is_hand)
          continue; /* nobody remembers a step of others than hands */
        safety->sources[whose].refused = step;
        policy.human_override          = permitted;
        if (!may (c, ECH_VERB_CONFIRM))
          rule = ECH_RULE_FORBIDDEN;
        else if (!is_hand)
          rule = ECH_RULE_UNKNOWN;
        else if (c->mode != ECH_MODE_AUTO || !permitted)
          rule = ECH_RULE_FORBIDDEN;
        else if (!in_time)
          rule = ECH_RULE_UNKNOWN;
        expect (c, &a, &petition, by_mode (c, rule, false), &v);
        if (v.rule == ECH_RULE_NONE && v.override_source != whose)
          fail (&s, c, &a, "another's second step", &v);
        policy.human_override = true;
      }
    }
  }
}

static void
ask_modes (struct context *c)
{
  static const char *const names[] = { "asker", "other-hand", "other-agent", "nobody" };
  struct state             s       = { 0 };

  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
    for (int mode = 0; mode < ECH_N_MODES; mode++) {
      struct ech_action    a = { .verb = ECH_VERB_SOURCE_MODE, .value = mode, .id = "x",
                                 .timing = { .kind = ECH_TIMING_NOW } };
      struct ech_petition  petition = petition_of (c, &a);
      struct ech_violation v;
      bool                 lowers = i == 0 && mode <= (int) c->mode;
      enum ech_rule        rule   = ECH_RULE_FORBIDDEN;

      g_strlcpy (a.target, names[i], sizeof a.target);
      build_asker (&s, c, &a);
      if (!may (c, ECH_VERB_SOURCE_MODE))
        rule = ECH_RULE_FORBIDDEN;
      else if (i == 3)
        rule = ECH_RULE_UNKNOWN;
      else if (c->source_class == ECH_SOURCE_HAND || lowers)
        rule = ECH_RULE_NONE;
      else if (c->source_class == ECH_SOURCE_OSC && c->mode == ECH_MODE_AUTO && i == 2)
        rule = ECH_RULE_NONE;
      expect (c, &a, &petition, by_mode (c, rule, lowers), &v);
    }
  }
}

static void
ask_social (void)
{
  struct state   s = { 0 };
  struct context c = { .stage = ECH_JUDGE_ARRIVAL };

  build_shadow (&s);
  for (c.source_class = 0; c.source_class < ECH_N_SOURCE_CLASSES; c.source_class++) {
    for (c.mode = 0; c.mode < ECH_N_MODES; c.mode++) {
      ask_cancel (&c);
      ask_confirm_held (&c);
      ask_second_step (&c);
      ask_modes (&c);
    }
  }
}

/* Each verb of the vocabulary was asked for; the last three by ask_social(). */
static bool
is_complete (void)
{
  for (enum ech_verb verb = ECH_VERB_NONE + 1; verb < ECH_N_VERBS; verb++) {
    bool found = verb == ECH_VERB_CANCEL || verb == ECH_VERB_CONFIRM || verb == ECH_VERB_SOURCE_MODE;

    for (unsigned i = 0; i < examples->len; i++)
      found = found || g_array_index (examples, struct ech_action, i).verb == verb;
    if (is_word (verb) && !found) {
      printf ("# nobody asked for %s\n", ech_verb_name (verb));
      return false;
    }
  }
  return true;
}

int
main (void)
{
  static const struct state start = { 0 };
  unsigned                  n_heard = 0;

  ech_policy_init (&policy);
  safety = g_new0 (struct ech_safety_state, 1);
  seen   = g_new0 (uint8_t, N_CODES);
  queue  = g_new (unsigned, N_CODES);
  ech_safety_state_init (safety);
  ech_safety_source_init (&policy, safety, ASKER, "asker", ECH_SOURCE_HAND);
  ech_safety_source_init (&policy, safety, OTHER_HAND, "other-hand", ECH_SOURCE_HAND);
  ech_safety_source_init (&policy, safety, OTHER_AGENT, "other-agent", ECH_SOURCE_AGENT);
  build_examples();
  reach (&start);
  for (unsigned next = 0; next < n_queued; next++) {
    struct state s = state_of (queue[next]);

    build_shadow (&s);
    ask_all (&s);
    follow_time (&s);
    n_heard += is_heard (&s, 0) || is_heard (&s, 1);
  }
  ask_social();

  printf ("# %u reachable states of two decks (of %d that can be written down), %u with a deck on "
          "air;\n# %" G_GUINT64_FORMAT " verdicts on %u examples of actions, %" G_GUINT64_FORMAT
          " done, %u about yes, no and modes\n",
          n_queued, N_CODES, n_heard, n_verdicts, examples->len, n_allowed, n_social);
  for (int rule = 1; rule < ECH_N_RULES; rule++) {
    if (n_by_rule[rule])
      printf ("# %10" G_GUINT64_FORMAT " %s\n", n_by_rule[rule], ech_rule_name (rule));
  }
  printf ("%s 1 - each verdict is right\n", n_failures ? "not ok" : "ok");
  printf ("%s 2 - there is something to judge\n",
          n_queued > 1000 && n_heard > 100 && n_verdicts > 1000000 ? "ok" : "not ok");
  printf ("%s 3 - every verb was asked for\n", is_complete() ? "ok" : "not ok");
  printf ("1..3\n");
  g_array_unref (examples);
  g_free (safety);
  g_free (seen);
  g_free (queue);
  return 0;
}
