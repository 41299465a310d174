/* The way to the audio thread and back.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/scheduler/quantizer.h"
#include "engine/scheduler/scheduler-private.h"
#include "engine/scheduler/vocabulary.h"

/* Orders */

void
ech_orders_push (EchScheduler *s, const struct ech_command *command)
{
  /* behind what waits already: orders keep their order */
  if (s->overflow->len || !ech_ring_push (&s->config.exchange->commands, command))
    g_array_append_val (s->overflow, *command);
}

void
ech_orders_flush (EchScheduler *s)
{
  guint n = 0;

  while (n < s->overflow->len
         && ech_ring_push (&s->config.exchange->commands,
                           &g_array_index (s->overflow, struct ech_command, n)))
    n++;
  if (n)
    g_array_remove_range (s->overflow, 0, n);
}

static bool
is_ring_full (EchScheduler *s)
{
  return s->overflow->len || ech_ring_fill (&s->config.exchange->commands) >= ECH_COMMAND_SLOTS;
}

/* Tempo changes that are known already move the beats behind them. */
double
ech_orders_frame_of (EchScheduler *s, double beat)
{
  struct ech_timeline timeline = ech_scheduler_timeline (s);

  for (guint i = 0; i < s->tempos->len; i++) {
    const struct ech_entry *change = g_ptr_array_index (s->tempos, i);

    if (change->due.beats >= beat)
      break;
    timeline.origin_frames = ech_timeline_frame_at (&timeline, change->due.beats);
    timeline.origin_beats  = change->due.beats;
    timeline.bpm           = change->action.value;
  }
  return ech_timeline_frame_at (&timeline, beat);
}

static bool
is_near (EchScheduler *s, double beat)
{
  double ahead = s->config.handover_s * ech_scheduler_timeline (s).rate;

  /* one frame over: whoever sleeps until ech_scheduler_next_frame() may round down */
  return ech_orders_frame_of (s, beat) - s->now.frame <= ahead + 1.0;
}

static void
note_tempo (EchScheduler *s, struct ech_entry *entry)
{
  guint i = 0;

  if (entry->action.verb != ECH_VERB_TEMPO || g_ptr_array_find (s->tempos, entry, NULL))
    return;
  while (i < s->tempos->len
         && ((struct ech_entry *) g_ptr_array_index (s->tempos, i))->due.beats <= entry->due.beats)
    i++;
  g_ptr_array_insert (s->tempos, (gint) i, entry);
}

static void
note_play (EchScheduler *s, struct ech_entry *entry)
{
  if (!ech_verb_starts (entry->action.verb) || !entry->waits || entry->is_counted_play)
    return;
  entry->is_counted_play = true;
  s->shadow.decks[entry->action.deck].n_waiting_plays++;
}

void
ech_orders_withdraw (EchScheduler *s, struct ech_entry *entry)
{
  ech_schedule_remove (&s->waiting, &entry->due);
  ech_schedule_remove (&s->deadlines, &entry->deadline);
  if (entry->stage == ECH_STAGE_HANDED && entry->waits)
    g_ptr_array_remove_fast (s->handed, entry);
  if (entry->action.verb == ECH_VERB_TEMPO)
    g_ptr_array_remove (s->tempos, entry);
  if (entry->is_counted_play)
    s->shadow.decks[entry->action.deck].n_waiting_plays--;
  if (entry->is_counted_swap)
    s->shadow.decks[entry->action.deck].n_swaps_ahead--;
  entry->is_counted_play = false;
  entry->is_counted_swap = false;
}

void
ech_orders_wait (EchScheduler *s, struct ech_entry *entry)
{
  note_tempo (s, entry);
  note_play (s, entry);
  if (is_near (s, entry->due.beats) && !is_ring_full (s)) {
    ech_orders_hand_over (s, entry, false);
    return;
  }
  entry->stage = ECH_STAGE_WAITING;
  ech_schedule_add (&s->waiting, &entry->due);
  if (entry->action.deadline_beats != 0 && entry->deadline.place == 0)
    ech_schedule_add (&s->deadlines, &entry->deadline);
}

/* Handing over */

/* A stop means stop: whatever waits to start this deck does not. */
static void
cancel_starts (EchScheduler *s, const struct ech_entry *stop)
{
  g_autoptr (GPtrArray) starts = g_ptr_array_new();
  GHashTableIter    iter;
  struct ech_entry *entry;

  if (s->shadow.decks[stop->action.deck].n_waiting_plays == 0)
    return;
  g_hash_table_iter_init (&iter, s->entries);
  while (g_hash_table_iter_next (&iter, NULL, (void **) &entry)) {
    if (entry->is_counted_play && entry->action.deck == stop->action.deck)
      g_ptr_array_add (starts, entry);
  }
  for (guint i = 0; i < starts->len; i++)
    ech_orders_take_back (s, g_ptr_array_index (starts, i), "The deck was stopped.");
}

static bool
is_swap (const struct ech_entry *entry)
{
  return entry->action.verb == ECH_VERB_LOAD || entry->action.verb == ECH_VERB_EJECT;
}

static void
order (EchScheduler *s, struct ech_entry *entry, struct ech_command *command)
{
  command->id   = entry->serial;
  command->when = entry->waits ? ECH_WHEN_BEAT : ECH_WHEN_NOW;
  command->at   = entry->waits ? entry->due.beats : s->now.exact ? s->now.frame : NAN;
  ech_orders_push (s, command);

  entry->stage        = ECH_STAGE_HANDED;
  entry->handed_frame = s->now.frame;
  entry->is_overdue   = false;
  if (!entry->waits) {
    ech_shadow_expect (&s->shadow, &entry->action, entry->serial);
    return;
  }
  g_ptr_array_add (s->handed, entry);
  if (is_swap (entry)) {
    entry->is_counted_swap = true;
    s->shadow.decks[entry->action.deck].n_swaps_ahead++;
  }
}

static bool
belongs_to_track (enum ech_verb verb)
{
  return verb == ECH_VERB_EJECT || (verb >= ECH_VERB_PLAY && verb <= ECH_VERB_BEATJUMP)
         || (verb >= ECH_VERB_LOOP && verb <= ECH_VERB_HOTCUE_CLEAR);
}

/* The audio thread holds, or has just carried out, a start that @swap would cut. */
static bool
cuts_a_start (EchScheduler *s, const struct ech_entry *swap)
{
  for (guint i = 0; i < s->handed->len; i++) {
    const struct ech_entry *other = g_ptr_array_index (s->handed, i);

    if (ech_verb_starts (other->action.verb) && other->action.deck == swap->action.deck
        && (!swap->waits || other->due.beats <= swap->due.beats))
      return true;
  }
  return false;
}

/* It lies with the audio thread, and must not happen any more. */
static void
forbid (EchScheduler *s, struct ech_entry *entry, enum ech_rule rule)
{
  entry->forbidden_by = rule;
  ech_orders_take_back (s, entry, NULL);
}

/* A swap that was handed over for a deck which nobody heard is taken back when a fader goes up. */
void
ech_orders_guard_swaps (EchScheduler *s)
{
  for (guint i = 0; i < s->handed->len; i++) {
    struct ech_entry             *entry = g_ptr_array_index (s->handed, i);
    const struct ech_deck_shadow *deck  = &s->shadow.decks[entry->action.deck];

    if (!is_swap (entry) || entry->forbidden_by || entry->is_overridden
        || !ech_shadow_is_on_air (deck, ech_policy_least_gain (&s->policy)))
      continue;
    forbid (s, entry, ECH_RULE_ON_AIR);
  }
}

/* @deck was locked: what was handed over for it before comes too late. */
void
ech_orders_guard_lock (EchScheduler *s, uint32_t deck)
{
  for (guint i = 0; i < s->handed->len; i++) {
    struct ech_entry *entry = g_ptr_array_index (s->handed, i);

    if (ech_verb_has_deck (entry->action.verb) && entry->action.deck == deck
        && !entry->forbidden_by && !entry->is_guards)
      forbid (s, entry, ECH_RULE_LOCKED);
  }
}

/* Sources that are switched off have nothing done any more. */
void
ech_orders_guard_mode (EchScheduler *s)
{
  for (guint i = 0; i < s->handed->len; i++) {
    struct ech_entry *entry = g_ptr_array_index (s->handed, i);

    if (s->safety.sources[entry->lane->index].mode == ECH_MODE_OFF && !entry->forbidden_by
        && !entry->is_guards)
      forbid (s, entry, ECH_RULE_MODE);
  }
}

/* It was allowed when it came; is it still?  Tells its fate if not. */
static bool
is_still_allowed (EchScheduler *s, struct ech_entry *entry)
{
  struct ech_violation violation;

  if (entry->action.deadline_beats != 0 && entry->waits
      && entry->due.beats > entry->action.deadline_beats) {
    ech_entry_finish (s, entry, ECH_FATE_EXPIRED, ECH_RULE_NONE, s->now_beat, 0,
                      "Its deadline comes before its beat.");
    return false;
  }
  if (belongs_to_track (entry->action.verb)
      && entry->generation != s->shadow.decks[entry->action.deck].generation) {
    ech_entry_reject (s, entry, ECH_RULE_STALE, "Deck %c holds another track by now.",
                      (char) ('A' + entry->action.deck));
    return false;
  }
  if (is_swap (entry) && cuts_a_start (s, entry)) {
    ech_entry_reject (s, entry, ECH_RULE_STATE, "Deck %c starts this moment.",
                      (char) ('A' + entry->action.deck));
    return false;
  }
  if (ech_arrival_is_allowed (s, entry, &violation))
    return true;
  ech_entry_refuse (s, entry, &violation, NULL);
  return false;
}

/* An eject takes back the load that is on its way; where there is no track that is all. */
static bool
eject_is_done (EchScheduler *s, struct ech_entry *entry)
{
  uint32_t deck = entry->action.deck;

  ech_loads_supersede (s, deck, "The deck was ejected.");
  if (s->shadow.decks[deck].has_track || s->tracks[deck].loading)
    return false;
  ech_entry_finish (s, entry, ECH_FATE_EXECUTED, ECH_RULE_NONE, s->now_beat,
                    (uint64_t) s->now.frame, NULL);
  return true;
}

void
ech_orders_hand_over (EchScheduler *s, struct ech_entry *entry, bool judge_again)
{
  struct ech_command command;
  enum ech_verb      verb = entry->action.verb;

  /* what it takes back may be all there was */
  if (verb == ECH_VERB_EJECT && !judge_again && eject_is_done (s, entry))
    return;
  if ((judge_again || is_swap (entry)) && !is_still_allowed (s, entry))
    return;
  ech_schedule_remove (&s->deadlines, &entry->deadline);
  if (!entry->waits) {
    entry->due.beats = s->now_beat;
    note_tempo (s, entry);
    if (verb == ECH_VERB_STOP)
      cancel_starts (s, entry);
  }
  if (verb == ECH_VERB_EJECT && judge_again && eject_is_done (s, entry))
    return;
  if (is_swap (entry))
    ech_loads_order (s, entry, &command);
  else
    ech_executor_command (&entry->action, &s->shadow.decks[entry->action.deck], entry->generation,
                          &command);
  order (s, entry, &command);
}

void
ech_orders_hand_over_due (EchScheduler *s)
{
  struct ech_appointment *first;

  while (!is_ring_full (s) && (first = ech_schedule_first (&s->waiting))
         && is_near (s, first->beats)) {
    ech_schedule_remove (&s->waiting, first);
    ech_orders_hand_over (s, first->owner, true);
  }
}

/* Taking back */

void
ech_orders_take_back (EchScheduler *s, struct ech_entry *entry, const char *text)
{
  struct ech_command command = { .type = ECH_COMMAND_CANCEL };

  if (entry->stage == ECH_STAGE_HELD) {
    /* all or nothing */
    ech_held_cancel (s, entry->held, entry->is_taken ? ECH_RULE_TAKEN : ECH_RULE_NONE,
                     entry->is_taken ? "A hand took it over." : text);
    return;
  }
  if (entry->stage == ECH_STAGE_WISHED)
    return; /* the driver has heard of it: what it did is told soon */
  if (entry->stage != ECH_STAGE_HANDED) {
    ech_entry_cancel (s, entry, text);
    return;
  }
  /* The audio thread decides: its answer is CANCELLED, or EXECUTED if that came first. */
  command.id   = entry->serial;
  command.deck = (uint8_t) entry->action.deck;
  command.when = ECH_WHEN_NOW;
  command.at   = NAN;
  ech_orders_push (s, &command);
}

void
ech_orders_emergency (EchScheduler *s, struct ech_entry *entry)
{
  g_autoptr (GArray) serials = ech_entry_serials (s);
  struct ech_command stop    = { .type = ECH_COMMAND_STOP };

  for (guint i = 0; i < serials->len; i++) {
    struct ech_entry *other = ech_entry_by_serial (s, g_array_index (serials, uint64_t, i));

    if (other && other != entry && other->action.verb != ECH_VERB_CANCEL
        && other->stage != ECH_STAGE_NEW && (other->stage != ECH_STAGE_HANDED || other->waits))
      ech_orders_take_back (s, other, "Emergency stop.");
  }
  entry->n_awaited = s->config.n_decks;
  for (uint32_t deck = 0; deck < s->config.n_decks; deck++) {
    stop.deck = (uint8_t) deck;
    order (s, entry, &stop);
  }
}

/* Feedback */

static void
retry_later (EchScheduler *s, struct ech_entry *entry, const struct ech_feedback *feedback)
{
  struct ech_timeline timeline = ech_scheduler_timeline (s);
  struct ech_due      due;
  char                beat[G_ASCII_DTOSTR_BUF_SIZE];

  if (entry->action.timing.kind != ECH_TIMING_GRID || entry->n_retries++ >= ECH_MAX_RETRIES
      || ech_quantize_at_frame (&entry->action.timing, &timeline,
                                MAX (s->now.frame, (double) feedback->frame + 1), &due)
             < 0) {
    g_ascii_formatd (beat, sizeof beat, "%.2f", entry->due.beats);
    ech_entry_reject (s, entry, ECH_RULE_MISSED, "Beat %s has passed.", beat);
    return;
  }
  ech_orders_withdraw (s, entry);
  entry->stage     = ECH_STAGE_NEW;
  entry->due.beats = due.beats;
  ech_entry_queued (s, entry);
  ech_orders_wait (s, entry);
}

static void
reject_refused (EchScheduler *s, struct ech_entry *entry)
{
  const struct ech_deck_shadow *deck   = &s->shadow.decks[entry->action.deck];
  char                          letter = (char) ('A' + entry->action.deck);

  if (entry->action.verb == ECH_VERB_RECORD)
    ech_entry_reject (s, entry, ECH_RULE_RECORD, "Recording was switched too often in a moment.");
  else if (!deck->has_track)
    ech_entry_reject (s, entry, ECH_RULE_NO_TRACK, "Deck %c is empty. Load a track first.", letter);
  else if (entry->action.verb == ECH_VERB_BEATJUMP && deck->has_grid)
    ech_entry_reject (s, entry, ECH_RULE_STATE, "The jump would leave the track on deck %c.",
                      letter);
  else if (entry->action.verb == ECH_VERB_BEATJUMP)
    ech_entry_reject (s, entry, ECH_RULE_NO_GRID, "The beats of deck %c are not known.", letter);
  else if (entry->action.verb == ECH_VERB_HOTCUE_JUMP)
    ech_entry_reject (s, entry, ECH_RULE_STATE, "Hot cue %u of deck %c is not set.",
                      entry->action.index + 1, letter);
  else if (entry->action.verb == ECH_VERB_LOOP_OUT)
    ech_entry_reject (s, entry, ECH_RULE_STATE, "Deck %c has no in point before this place.",
                      letter);
  else if (entry->action.verb == ECH_VERB_LOOP || entry->action.verb == ECH_VERB_LOOP_MOVE)
    ech_entry_reject (s, entry, ECH_RULE_STATE, "There is no such loop in the track on deck %c.",
                      letter);
  else if (entry->action.verb == ECH_VERB_PLAY && isnan (entry->action.value))
    ech_entry_reject (s, entry, ECH_RULE_STATE, "Deck %c stands at the end of its track.", letter);
  else
    ech_entry_reject (s, entry, ECH_RULE_STATE, "Deck %c cannot do that as things stand.", letter);
}

static void
take_executed (EchScheduler *s, struct ech_entry *entry, const struct ech_feedback *feedback)
{
  char text[ECH_TEXT_MAX] = "";

  if (is_swap (entry))
    ech_loads_arrived (s, entry, feedback->frame);
  else
    ech_shadow_take_executed (&s->shadow, &entry->action, feedback->frame);
  if (entry->action.verb == ECH_VERB_RECORD && entry->action.value != 0)
    g_snprintf (text, sizeof text, "Records into %.140s", s->record_name);
  ech_telemetry_note_latency (s, entry, feedback->frame);
  ech_telemetry_note_error (s, entry, feedback->frame);
  ech_guards_take_executed (s, entry);
  ech_entry_finish (s, entry, ECH_FATE_EXECUTED, ECH_RULE_NONE, feedback->beat, feedback->frame,
                    text[0] ? text : NULL);
}

static void
take_emergency (EchScheduler *s, struct ech_entry *entry, const struct ech_feedback *feedback)
{
  if (feedback->type == ECH_FEEDBACK_EXECUTED)
    ech_shadow_take_end (&s->shadow, feedback->deck, feedback->frame);
  if (--entry->n_awaited > 0)
    return;
  ech_guards_take_executed (s, entry);
  ech_entry_finish (s, entry, ECH_FATE_EXECUTED, ECH_RULE_NONE, feedback->beat, feedback->frame,
                    NULL);
}

static void
take_taken_back (EchScheduler *s, struct ech_entry *entry)
{
  char letter = (char) ('A' + entry->action.deck);

  switch (entry->forbidden_by) {
  case ECH_RULE_ON_AIR:
    ech_entry_reject (s, entry, ECH_RULE_ON_AIR, "Deck %c went on air before the beat.", letter);
    break;
  case ECH_RULE_LOCKED:
    ech_entry_reject (s, entry, ECH_RULE_LOCKED, "Deck %c was locked before the beat.", letter);
    break;
  case ECH_RULE_MODE:
    ech_entry_reject (s, entry, ECH_RULE_MODE, "%s was switched off before the beat.",
                      entry->lane->name);
    break;
  default:
    ech_entry_cancel (s, entry, NULL);
    break;
  }
}

void
ech_orders_take_fate (EchScheduler *s, const struct ech_feedback *feedback)
{
  struct ech_entry *entry = g_hash_table_lookup (s->entries, &feedback->id);

  if (!entry || entry->stage != ECH_STAGE_HANDED)
    return;
  if (entry->action.verb == ECH_VERB_EMERGENCY) {
    take_emergency (s, entry, feedback);
    return;
  }
  ech_shadow_settle (&s->shadow, entry->serial);
  if (feedback->type == ECH_FEEDBACK_EXECUTED) {
    take_executed (s, entry, feedback);
    return;
  }
  ech_loads_returned (entry);
  switch (feedback->type) {
  case ECH_FEEDBACK_LATE:
    retry_later (s, entry, feedback);
    break;
  case ECH_FEEDBACK_STALE:
    ech_entry_reject (s, entry, ECH_RULE_STALE, "Deck %c holds another track by now.",
                      (char) ('A' + entry->action.deck));
    break;
  case ECH_FEEDBACK_CANCELLED:
    take_taken_back (s, entry);
    break;
  default:
    reject_refused (s, entry);
    break;
  }
}

void
ech_orders_take_feedback (EchScheduler *s)
{
  struct ech_feedback feedback;

  for (unsigned i = 0;
       i < ECH_FEEDBACK_SLOTS && ech_ring_pop (&s->config.exchange->feedback, &feedback); i++) {
    if (feedback.deck >= ECH_MAX_DECKS)
      continue;
    if (feedback.type == ECH_FEEDBACK_RETIRED)
      ech_loads_retire (s, feedback.deck, feedback.pcm);
    else if (feedback.type == ECH_FEEDBACK_CLOCK_RETIRED)
      ech_clock_retire (s, feedback.clock);
    else if (feedback.type == ECH_FEEDBACK_END_OF_TRACK)
      ech_shadow_take_end (&s->shadow, feedback.deck, feedback.frame);
    else
      ech_orders_take_fate (s, &feedback);
  }
}
