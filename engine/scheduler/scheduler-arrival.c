/* What happens to an action when it comes: its timing, its judgement, and what follows from that.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "engine/scheduler/quantizer.h"
#include "engine/scheduler/scheduler-private.h"
#include "engine/scheduler/vocabulary.h"

/* Timing */

/* The default holds for what moves the playhead: a fader that waits for the bar would be broken. */
static bool
follows_default (enum ech_verb verb)
{
  return (verb >= ECH_VERB_PLAY && verb <= ECH_VERB_BEATJUMP)
         || (verb >= ECH_VERB_LOOP && verb <= ECH_VERB_HOTCUE_JUMP);
}

static bool
takes_timing (enum ech_verb verb)
{
  return verb < ECH_VERB_LOCK || (verb >= ECH_VERB_LOOP && verb <= ECH_VERB_RECORD);
}

static bool
lands (const struct ech_entry *entry)
{
  return entry->action.timing.kind == ECH_TIMING_GRID && entry->action.timing.way == ECH_WAY_LAND
         && (ech_verb_starts (entry->action.verb) || entry->action.verb == ECH_VERB_SEEK);
}

void
ech_arrival_tell (EchScheduler *s, const struct ech_entry *entry)
{
  struct ech_arrival arrival = {
    .frame   = s->now.frame,
    .beat    = s->now_beat,
    .rate    = round (s->clock.local.timeline.rate), /* as measured, on somebody else's clock */
    .time_ns = s->now.time_ns,
    .curve   = s->shadow.crossfader_curve,
  };

  if (!s->on_arrival)
    return;
  if (entry) {
    arrival.serial       = entry->serial;
    arrival.action       = entry->action;
    arrival.source_class =
        ech_safety_class (&s->policy, &s->safety, entry->lane->index);
    g_strlcpy (arrival.source_name, entry->lane->name, sizeof arrival.source_name);
    if (arrival.action.timing.kind == ECH_TIMING_DEFAULT && follows_default (arrival.action.verb))
      arrival.action.timing = s->tick_timing;
  }
  s->on_arrival (&arrival, s->arrival_data);
}

void
ech_arrival_resolve_timing (EchScheduler *s, struct ech_entry *entry)
{
  static const struct ech_timing at_once = { ECH_TIMING_NOW, ECH_WAY_WAIT, 0 };
  struct ech_action             *action  = &entry->action;

  if (action->timing.kind == ECH_TIMING_DEFAULT)
    action->timing = follows_default (action->verb) ? s->tick_timing : at_once;
  if (!takes_timing (action->verb))
    action->timing = at_once;
  entry->waits = ech_timing_waits (&action->timing);
}

static bool
has_room (EchScheduler *s, const struct ech_entry *entry, enum ech_timing_fact *out_fact)
{
  if (entry->action.verb == ECH_VERB_EMERGENCY || entry->action.verb == ECH_VERB_CANCEL)
    return true;
  if (g_hash_table_size (s->entries) > ECH_MAX_ENTRIES)
    *out_fact = ECH_TIMING_FULL;
  else if (!s->now.running && s->overflow->len)
    *out_fact = ECH_TIMING_NO_AUDIO;
  else
    return true;
  return false;
}

/* When it is due, from now. */
static enum ech_timing_fact
find_due (EchScheduler *s, struct ech_entry *entry)
{
  struct ech_timeline  timeline = ech_scheduler_timeline (s);
  enum ech_timing_fact fact     = ECH_TIMING_FITS;
  struct ech_due       due;

  if (!has_room (s, entry, &fact))
    return fact;
  if (ech_quantize_at_frame (&entry->action.timing, &timeline, s->now.frame, &due) < 0)
    return ECH_TIMING_MISSED;
  entry->due.beats      = due.beats;
  entry->deadline.beats = entry->action.deadline_beats;
  if (entry->action.deadline_beats != 0 && s->now_beat > entry->action.deadline_beats)
    return ECH_TIMING_EXPIRED;
  return ECH_TIMING_FITS;
}

/* Judging */

/* The waiting action that a CANCEL means: the poster's own before anybody else's. */
static struct ech_entry *
find_target (EchScheduler *s, const struct ech_entry *cancel)
{
  struct ech_entry  key = { .lane = cancel->lane };
  struct ech_entry *found;

  g_strlcpy (key.action.id, cancel->action.target, sizeof key.action.id);
  found = g_hash_table_lookup (s->ids, &key);
  for (unsigned i = 0; !found && i < ECH_MAX_SOURCES; i++) {
    key.lane = g_atomic_pointer_get (&s->lanes[i]);
    found    = key.lane ? g_hash_table_lookup (s->ids, &key) : NULL;
  }
  return found && found->action.verb != ECH_VERB_CANCEL && !found->canceller ? found : NULL;
}

static void
look_up_target (EchScheduler *s, const struct ech_entry *entry, struct ech_petition *petition)
{
  const struct ech_entry *target;
  const struct ech_held  *held;

  /* what is not well formed may have no end */
  if (!memchr (entry->action.target, 0, sizeof entry->action.target))
    return;
  if (entry->action.verb == ECH_VERB_CANCEL) {
    target                   = find_target (s, entry);
    petition->waiting_source = target ? (int32_t) target->lane->index : -1;
  } else if (entry->action.verb == ECH_VERB_CONFIRM) {
    held                  = ech_held_find (s, entry->lane, entry->action.target);
    petition->held_source = held ? (int32_t) held->lane->index : -1;
  }
}

enum ech_outcome
ech_arrival_judge (EchScheduler                  *s,
                   const struct ech_safety_state *state,
                   const struct ech_shadow       *shadow,
                   struct ech_entry              *entry,
                   enum ech_judge_stage           stage,
                   struct ech_judgement          *out)
{
  struct ech_petition *petition = &out->petition;

  *petition = (struct ech_petition){
    .action          = &entry->action,
    .source          = entry->lane->index,
    .stage           = entry->is_guards ? ECH_JUDGE_GUARD : stage,
    .now_beat        = s->now_beat,
    .now_ns          = s->now.time_ns,
    .overridden      = entry->is_overridden,
    .in_batch        = entry->in_batch,
    .is_duplicate    = entry->was_known,
    .waiting_source  = -1,
    .held_source     = -1,
    .override_source = -1,
  };
  if (stage != ECH_JUDGE_DUE) {
    petition->timing = find_due (s, entry);
    look_up_target (s, entry, petition);
  }
  petition->in_time = entry->waits || lands (entry);
  return ech_safety_judge (&s->policy, state, shadow, petition, &out->violation);
}

bool
ech_arrival_is_allowed (EchScheduler           *s,
                        const struct ech_entry *entry,
                        struct ech_violation   *out_violation)
{
  struct ech_judgement judgement;
  bool                 allowed;

  allowed = ech_arrival_judge (s, &s->safety, &s->shadow, (struct ech_entry *) entry, ECH_JUDGE_DUE,
                               &judgement)
            == ECH_OUTCOME_DO;
  *out_violation = judgement.violation;
  return allowed;
}

static bool
is_refusal (const struct ech_violation *violation)
{
  return violation->outcome == ECH_OUTCOME_EXPIRE
         || (violation->outcome == ECH_OUTCOME_REFUSE && violation->rule != ECH_RULE_GHOST);
}

/* What the next one of the batch is judged by: as if this one were done, be it held or a ghost. */
static void
note_ahead (EchScheduler               *s,
            struct ech_shadow          *shadow,
            const struct ech_entry     *entry,
            const struct ech_judgement *judgement)
{
  struct ech_violation as_done = judgement->violation;

  as_done.outcome = ECH_OUTCOME_DO;
  as_done.rule    = ECH_RULE_NONE;
  ech_safety_note (&s->policy, s->ahead, &judgement->petition, &as_done);
  if (!entry->waits)
    ech_shadow_expect (shadow, &entry->action, entry->serial);
}

unsigned
ech_arrival_judge_all (EchScheduler         *s,
                       struct ech_entry    **entries,
                       unsigned              n,
                       enum ech_judge_stage  stage,
                       struct ech_judgement *out)
{
  struct ech_shadow shadow;

  if (n == 1) {
    ech_arrival_judge (s, &s->safety, &s->shadow, entries[0], stage, &out[0]);
    return is_refusal (&out[0].violation) ? 0 : 1;
  }
  *s->ahead = s->safety;
  shadow    = s->shadow;
  for (unsigned i = 0; i < n; i++) {
    ech_arrival_judge (s, s->ahead, &shadow, entries[i], stage, &out[i]);
    if (is_refusal (&out[i].violation))
      return i;
    note_ahead (s, &shadow, entries[i], &out[i]);
  }
  return n;
}

/* The tokens of those judged are spent, and nothing else has happened. */
static void
spend_tokens (EchScheduler *s, struct ech_judgement *judgements, unsigned n_judged)
{
  for (unsigned i = 0; i < n_judged; i++) {
    struct ech_violation spent = { .outcome     = ECH_OUTCOME_REFUSE,
                                   .takes_token = judgements[i].violation.takes_token };

    ech_safety_note (&s->policy, &s->safety, &judgements[i].petition, &spent);
  }
}

static void
carry_out_emergency (EchScheduler *s, struct ech_entry *entry, struct ech_judgement *judgement);

void
ech_arrival_refuse_all (EchScheduler         *s,
                        struct ech_entry    **entries,
                        unsigned              n,
                        unsigned              culprit,
                        struct ech_judgement *judgements)
{
  struct ech_violation violation = judgements[culprit].violation;
  struct ech_violation others    = violation;

  g_snprintf (others.text, sizeof others.text, "Refused with the rest of its bundle: %.100s",
              violation.text);
  others.outcome = ECH_OUTCOME_REFUSE;
  for (unsigned i = 0; i < n; i++) {
    /* an emergency stop is not held up by whom it came with */
    if (entries[i]->action.verb == ECH_VERB_EMERGENCY && i != culprit)
      carry_out_emergency (s, entries[i], &judgements[i]);
    else
      ech_entry_refuse (s, entries[i], i == culprit ? &violation : &others, NULL);
  }
}

/* Carrying out */

static void
cancel_target (EchScheduler *s, struct ech_entry *cancel)
{
  struct ech_entry *target = find_target (s, cancel);

  /* of two in one batch the first has taken it back */
  if (!target) {
    ech_entry_reject (s, cancel, ECH_RULE_UNKNOWN, "No waiting action has the id %s.",
                      cancel->action.target);
    return;
  }
  target->canceller = cancel->serial;
  cancel->stage     = ECH_STAGE_HANDED;
  ech_orders_take_back (s, target, NULL);
}

static void
finish_now (EchScheduler *s, struct ech_entry *entry)
{
  ech_entry_finish (s, entry, ECH_FATE_EXECUTED, ECH_RULE_NONE, s->now_beat,
                    (uint64_t) s->now.frame, NULL);
}

void
ech_arrival_carry_out (EchScheduler *s, struct ech_entry *entry)
{
  struct ech_action *action = &entry->action;

  entry->generation = s->shadow.decks[action->deck].generation;
  if (action->id[0])
    g_hash_table_add (s->ids, entry);
  ech_arrival_take_over (s, entry);
  switch (action->verb) {
  case ECH_VERB_LOCK:
    ech_orders_guard_lock (s, action->deck);
    finish_now (s, entry);
    break;
  case ECH_VERB_UNLOCK:
    finish_now (s, entry);
    break;
  case ECH_VERB_SOURCE_MODE:
    ech_orders_guard_mode (s);
    finish_now (s, entry);
    ech_held_expire (s); /* who was switched off asks for nothing any more */
    break;
  case ECH_VERB_EMERGENCY:
    ech_orders_emergency (s, entry);
    break;
  case ECH_VERB_CANCEL:
    cancel_target (s, entry);
    break;
  case ECH_VERB_CONFIRM:
    ech_held_confirm (s, entry);
    break;
  case ECH_VERB_LOAD:
    ech_loads_begin (s, entry);
    break;
  case ECH_VERB_LINK:
  case ECH_VERB_LINK_STARTSTOP:
  case ECH_VERB_LINK_NUDGE:
    ech_clock_wish (s, entry);
    break;
  case ECH_VERB_RECORD:
    if (action->value != 0 || !s->recorder) {
      ech_record_begin (s, entry);
      break;
    }
    G_GNUC_FALLTHROUGH;
  default:
    if (entry->waits) {
      ech_entry_queued (s, entry);
      ech_entry_count (s, entry);
      ech_orders_wait (s, entry);
    } else {
      ech_orders_hand_over (s, entry, false);
    }
    break;
  }
}

/* Hands take over */

void
ech_entry_count (EchScheduler *s, struct ech_entry *entry)
{
  int control = ech_safety_control (&entry->action);

  if (entry->is_guards || entry->counted_control || control < 0
      || ech_safety_class (&s->policy, &s->safety, entry->lane->index) == ECH_SOURCE_HAND)
    return;
  entry->counted_control = control + 1;
  s->n_takeable[control]++;
}

void
ech_arrival_take_over (EchScheduler *s, const struct ech_entry *hand)
{
  int control                = ech_safety_control (&hand->action);
  g_autoptr (GArray) serials = NULL;

  if (control < 0 || s->n_takeable[control] == 0 || hand->is_guards
      || !ech_safety_takes_over (&hand->action)
      || ech_safety_class (&s->policy, &s->safety, hand->lane->index) != ECH_SOURCE_HAND)
    return;
  serials = ech_entry_serials (s);
  for (guint i = 0; i < serials->len; i++) {
    struct ech_entry *entry = ech_entry_by_serial (s, g_array_index (serials, uint64_t, i));

    if (!entry || entry->counted_control != control + 1 || entry->is_taken)
      continue;
    entry->is_taken = true;
    s->telemetry.taken_over++;
    ech_orders_take_back (s, entry, NULL);
  }
}

/* Units */

static void
carry_out_emergency (EchScheduler *s, struct ech_entry *entry, struct ech_judgement *judgement)
{
  if (ech_arrival_judge (s, &s->safety, &s->shadow, entry, ECH_JUDGE_ARRIVAL, judgement)
      != ECH_OUTCOME_DO) {
    ech_entry_refuse (s, entry, &judgement->violation, NULL);
    return;
  }
  ech_safety_note (&s->policy, &s->safety, &judgement->petition, &judgement->violation);
  ech_arrival_carry_out (s, entry);
}

/* Only what has an id can be confirmed. */
static void
give_id (struct ech_entry *entry)
{
  if (!entry->action.id[0])
    g_snprintf (entry->action.id, sizeof entry->action.id, "#%" G_GUINT64_FORMAT, entry->serial);
}

static void
refuse_one (EchScheduler *s, struct ech_entry *entry, struct ech_judgement *judgement)
{
  bool is_step =
      judgement->violation.rule == ECH_RULE_ON_AIR
      && ech_safety_class (&s->policy, &s->safety, entry->lane->index) == ECH_SOURCE_HAND;

  if (is_step)
    give_id (entry);
  ech_safety_note (&s->policy, &s->safety, &judgement->petition, &judgement->violation);
  if (is_step)
    ech_override_remember (s, entry);
  ech_entry_refuse (s, entry, &judgement->violation, NULL);
}

/* All were allowed, each in its own way: done, held, or a ghost's. */
static void
settle_all (EchScheduler         *s,
            struct ech_entry    **entries,
            unsigned              n,
            struct ech_judgement *judgements)
{
  bool is_held = false;

  for (unsigned i = 0; i < n; i++) {
    if (judgements[i].violation.outcome == ECH_OUTCOME_HOLD) {
      is_held = true;
      give_id (entries[i]);
    }
    ech_safety_note (&s->policy, &s->safety, &judgements[i].petition, &judgements[i].violation);
  }
  if (is_held)
    ech_held_add (s, entries, n, judgements);
  for (unsigned i = 0; i < n; i++) {
    const struct ech_violation *violation = &judgements[i].violation;

    if (violation->outcome == ECH_OUTCOME_REFUSE)
      ech_entry_refuse (s, entries[i], violation, NULL);
    else if (violation->outcome == ECH_OUTCOME_DO && violation->override_source >= 0)
      ech_override_become (s, entries[i], (uint32_t) violation->override_source);
    else if (violation->outcome == ECH_OUTCOME_DO)
      ech_arrival_carry_out (s, entries[i]);
  }
}

static void
prepare (EchScheduler *s, struct ech_entry *entry, unsigned n)
{
  struct ech_action *action = &entry->action;

  ech_arrival_tell (s, entry);
  entry->in_batch = n > 1;
  if (!ech_verb_has_deck (action->verb))
    action->deck = 0;
  if (action->verb != ECH_VERB_EMERGENCY && memchr (action->id, 0, sizeof action->id)
      && action->id[0])
    entry->was_known = ech_lane_knows_id (entry->lane, action->id);
  ech_arrival_resolve_timing (s, entry);
}

static void
take (EchScheduler *s, struct ech_entry **entries, unsigned n, struct ech_judgement *judgements)
{
  unsigned culprit = ech_arrival_judge_all (s, entries, n, ECH_JUDGE_ARRIVAL, judgements);

  if (culprit == n) {
    settle_all (s, entries, n, judgements);
  } else if (n == 1) {
    refuse_one (s, entries[0], &judgements[0]);
  } else {
    spend_tokens (s, judgements, culprit + 1);
    ech_arrival_refuse_all (s, entries, n, culprit, judgements);
  }
}

/* One action, or one batch: all or none. */
void
ech_arrival_take_unit (EchScheduler *s, EchLane *lane, struct ech_lane_slot *slots, unsigned n)
{
  struct ech_entry    *one_entry, **entries = &one_entry;
  struct ech_judgement one, *judgements     = &one;

  if (n > 1) {
    entries    = g_new (struct ech_entry *, n);
    judgements = g_new (struct ech_judgement, n);
  }
  for (unsigned i = 0; i < n; i++) {
    entries[i] = ech_entry_new (s, lane, &slots[i]);
    prepare (s, entries[i], n);
  }
  take (s, entries, n, judgements);
  if (n > 1) {
    g_free (entries);
    g_free (judgements);
  }
}
