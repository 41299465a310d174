/* What nobody asked for: the emergency loop and the silence watchdog.
 *
 * They post as the source "guard", pass the masks and the grid alone, and stand in the journal as
 * anybody's actions do.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "engine/scheduler/quantizer.h"
#include "engine/scheduler/scheduler-private.h"
#include "engine/scheduler/vocabulary.h"

/* So much later than the sound ends may its fate be told. */
#define FATE_NS UINT64_C (1000000000)

/* Of a track without a grid: 120 BPM. */
#define SECONDS_PER_BEAT 0.5

/* Posting */

static struct ech_entry *
entry_of (EchScheduler *s, const struct ech_action *action)
{
  struct ech_lane_slot slot  = { .action = *action, .posted_ns = s->now.time_ns };
  struct ech_entry    *entry = ech_entry_new (s, s->guard_lane, &slot);

  entry->is_guards = true;
  return entry;
}

static void
post (EchScheduler *s, const struct ech_action *action)
{
  struct ech_entry    *entry = entry_of (s, action);
  struct ech_judgement judgement;

  ech_arrival_tell (s, entry);
  ech_arrival_resolve_timing (s, entry);
  ech_arrival_judge (s, &s->safety, &s->shadow, entry, ECH_JUDGE_ARRIVAL, &judgement);
  if (judgement.violation.outcome == ECH_OUTCOME_DO)
    ech_arrival_carry_out (s, entry);
  else
    ech_entry_refuse (s, entry, &judgement.violation, NULL);
}

/* An event that no action stands behind. */
static void
report (EchScheduler *s, const char *text)
{
  struct ech_event event = { .serial = ++s->next_serial,
                             .fate   = ECH_FATE_EXECUTED,
                             .source = ECH_MAX_SOURCES,
                             .value  = NAN,
                             .beat   = s->now_beat,
                             .frame  = (uint64_t) s->now.frame };

  event.deck       = s->guards.last_deck;
  event.deck_state = ech_shadow_deck_state (&s->shadow.decks[event.deck]);
  g_strlcpy (event.source_name, s->guard_lane->name, sizeof event.source_name);
  g_strlcpy (event.text, text, sizeof event.text);
  g_array_append_val (s->events, event);
}

/* The deck's own beats */

static bool
has_grid (EchScheduler *s, uint32_t deck)
{
  return s->shadow.decks[deck].has_grid && s->tracks[deck].loaded
         && s->tracks[deck].loaded->grid.frames_per_beat > 0;
}

static double
frames_per_beat (EchScheduler *s, uint32_t deck)
{
  return has_grid (s, deck) ? s->tracks[deck].loaded->grid.frames_per_beat
                            : SECONDS_PER_BEAT * s->shadow.decks[deck].rate;
}

/* Track frames that are left at graph frame @frame, when it plays on as it does. */
static double
frames_left (const struct ech_deck_shadow *deck, double frame)
{
  return deck->length_frames
         - (deck->position_frames + (frame - (double) deck->report_frame) * deck->step);
}

/* Emergency loop */

/* The one deck on air, or n_decks: none, or more than one. */
static uint32_t
only_deck_on_air (EchScheduler *s)
{
  uint32_t only = s->config.n_decks;

  for (uint32_t i = 0; i < s->config.n_decks; i++) {
    if (!ech_safety_is_on_air (&s->policy, &s->shadow, i))
      continue;
    if (only < s->config.n_decks)
      return s->config.n_decks;
    only = i;
  }
  return only;
}

/* Another deck takes over before @frame: its start waits, or is on its way. */
static bool
another_starts_before (EchScheduler *s, uint32_t deck, double frame)
{
  GHashTableIter    iter;
  struct ech_entry *entry;
  bool              any = false;

  for (uint32_t i = 0; i < s->config.n_decks; i++)
    any = any || (i != deck && s->shadow.decks[i].n_waiting_plays > 0);
  if (!any)
    return false;
  g_hash_table_iter_init (&iter, s->entries);
  while (g_hash_table_iter_next (&iter, NULL, (void **) &entry)) {
    if (entry->is_counted_play && entry->action.deck != deck
        && ech_orders_frame_of (s, entry->due.beats) < frame)
      return true;
  }
  return false;
}

/* The next beat of the session that can still be met. */
static double
next_beat (EchScheduler *s)
{
  const struct ech_timing beat     = { ECH_TIMING_GRID, ECH_WAY_WAIT, 1 };
  struct ech_timeline     timeline = ech_scheduler_timeline (s);
  struct ech_due          due;

  return ech_quantize_at_frame (&beat, &timeline, s->now.frame, &due) == 0 ? due.beats
                                                                           : s->now_beat;
}

/* Beats, as many as asked for or the half of them and so on, that fit into @left track frames. */
static double
fitting_beats (double beats, double left, double per_beat)
{
  while (beats > ECH_MIN_LOOP_BEATS && beats * per_beat > left)
    beats /= 2;
  return CLAMP (beats, ECH_MIN_LOOP_BEATS, ECH_MAX_LOOP_BEATS);
}

static void
loop_on_grid (EchScheduler *s, uint32_t deck_index)
{
  const struct ech_deck_shadow *deck     = &s->shadow.decks[deck_index];
  double                        per_beat = frames_per_beat (s, deck_index);
  double                        beat     = next_beat (s);
  double                        left     = frames_left (deck, ech_orders_frame_of (s, beat));
  struct ech_action             loop     = { .verb = ECH_VERB_LOOP, .deck = deck_index };

  loop.timing = (struct ech_timing){ ECH_TIMING_AT_BEAT, ECH_WAY_WAIT, beat };
  /* it would not live to see that beat */
  if (left < ECH_MIN_LOOP_BEATS * per_beat) {
    loop.timing = (struct ech_timing){ .kind = ECH_TIMING_NOW };
    left        = frames_left (deck, s->now.frame + s->report->block_frames);
  }
  loop.value = fitting_beats (s->policy.emergency_loop_beats, left, per_beat);
  post (s, &loop);
}

/* Without a grid the loop is made by its two ends. */
static void
loop_by_hand (EchScheduler *s, uint32_t deck_index, double step)
{
  struct ech_timeline timeline = ech_scheduler_timeline (s);
  double              per_beat = frames_per_beat (s, deck_index);
  double              left     = frames_left (&s->shadow.decks[deck_index], s->now.frame);
  double              beats    = s->policy.emergency_loop_beats;
  double              end      = 0;
  struct ech_action   in       = { .verb = ECH_VERB_LOOP_IN, .deck = deck_index, .value = NAN };
  struct ech_action   out      = { .verb = ECH_VERB_LOOP_OUT, .deck = deck_index, .value = NAN };

  /* half a beat of the track stays behind the loop */
  beats          = fmin (beats, fmax (left / per_beat - 0.5, ECH_MIN_LOOP_BEATS));
  end            = s->now.frame + beats * per_beat / step;
  in.timing.kind = ECH_TIMING_NOW;
  out.timing     = (struct ech_timing){ ECH_TIMING_AT_BEAT, ECH_WAY_WAIT,
                                        ech_timeline_beat_at (&timeline, end) };
  post (s, &in);
  post (s, &out);
}

static void
note_loops (EchScheduler *s)
{
  for (uint32_t i = 0; i < s->config.n_decks; i++) {
    const struct ech_deck_shadow *deck = &s->shadow.decks[i];

    if (s->guards.decks[i].generation != deck->generation)
      continue;
    if (deck->loop_active)
      s->guards.decks[i].looped = true;
    else if (s->guards.decks[i].looped) /* left, so it may run out again */
      memset (&s->guards.decks[i], 0, sizeof s->guards.decks[i]);
  }
}

static bool
runs_out (EchScheduler *s, uint32_t deck_index)
{
  const struct ech_deck_shadow *deck  = &s->shadow.decks[deck_index];
  double                        beats = s->policy.emergency_loop_beats;
  double per_beat = frames_per_beat (s, deck_index), left = frames_left (deck, s->now.frame), later;

  if (!deck->playing || !(deck->step > 0) || deck->loop_active || !(deck->length_frames > 0)
      || left <= 0)
    return false;
  /* at the beat behind the next one it would be too late */
  later = frames_left (deck, ech_orders_frame_of (s, next_beat (s) + 1));
  return left <= (beats + 1) * per_beat || later < beats * per_beat;
}

static void
guard_the_end (EchScheduler *s)
{
  uint32_t                      deck_index = only_deck_on_air (s);
  const struct ech_deck_shadow *deck       = &s->shadow.decks[deck_index % ECH_MAX_DECKS];

  if (deck_index >= s->config.n_decks || s->guards.decks[deck_index].generation == deck->generation
      || !runs_out (s, deck_index)
      || another_starts_before (s, deck_index,
                                s->now.frame + frames_left (deck, s->now.frame) / deck->step))
    return;
  s->guards.decks[deck_index].generation = deck->generation;
  s->guards.decks[deck_index].looped     = false;
  s->telemetry.emergency_loops++;
  if (has_grid (s, deck_index))
    loop_on_grid (s, deck_index);
  else
    loop_by_hand (s, deck_index, deck->step);
}

/* Silence */

static bool
is_heard (EchScheduler *s)
{
  double least = pow (10.0, s->policy.silence_db / 20.0);

  /* the meters come down a moment behind the fader */
  return ech_shadow_is_audible (&s->shadow, ech_policy_least_gain (&s->policy))
         && fmax (s->report->master_peak[0], s->report->master_peak[1]) > least;
}

/* Silent for so long that what is told now cannot be why. */
static bool
was_silent_before (EchScheduler *s)
{
  return s->guards.is_silent && s->now.time_ns > s->guards.silent_ns + FATE_NS;
}

/* A person who takes the last deck off the air means it; so does whoever stops it all. */
void
ech_guards_take_executed (EchScheduler *s, const struct ech_entry *entry)
{
  double least_gain = ech_policy_least_gain (&s->policy);

  if (entry->action.verb == ECH_VERB_EMERGENCY) {
    s->guards.excused = true;
    return;
  }
  if (entry->is_guards || was_silent_before (s)
      || ech_safety_class (&s->policy, &s->safety, entry->lane->index) != ECH_SOURCE_HAND)
    return;
  switch (entry->action.verb) {
  case ECH_VERB_STOP:
  case ECH_VERB_CUE:
  case ECH_VERB_EJECT:
  case ECH_VERB_LOAD:
  case ECH_VERB_VOLUME:
  case ECH_VERB_TRIM:
  case ECH_VERB_EQ:
  case ECH_VERB_CROSSFADER:
  case ECH_VERB_MASTER_VOLUME:
    if (!ech_shadow_is_audible (&s->shadow, least_gain))
      s->guards.excused = true;
    break;
  default:
    break;
  }
}

/* The last deck plays its last beats, and loops them. */
static void
resume (EchScheduler *s)
{
  uint32_t                      index    = s->guards.last_deck;
  const struct ech_deck_shadow *deck     = &s->shadow.decks[index];
  double                        per_beat = frames_per_beat (s, index);
  double                        beats    = s->policy.emergency_loop_beats, start;
  struct ech_action             play     = { .verb = ECH_VERB_PLAY, .deck = index };

  if (!deck->has_track || !(deck->length_frames > 0))
    return;
  beats = fitting_beats (beats, deck->length_frames - per_beat, per_beat);
  start = deck->length_frames - (beats + 0.5) * per_beat;
  if (has_grid (s, index)) {
    const struct ech_grid *grid = &s->tracks[index].loaded->grid;

    start = ech_grid_frame_at (grid, floor (ech_grid_beat_at (grid, deck->length_frames)) - beats);
  }
  play.value       = fmax (start, 0) / deck->rate;
  play.timing.kind = ECH_TIMING_NOW;
  post (s, &play);
  s->telemetry.resumed++;
  s->guards.decks[index].generation = deck->generation;
  s->guards.decks[index].looped     = false;
  if (has_grid (s, index)) {
    struct ech_action loop = { .verb = ECH_VERB_LOOP, .deck = index, .value = beats };

    loop.timing.kind = ECH_TIMING_NOW;
    post (s, &loop);
  } else {
    /* loop_by_hand() looks where the deck was */
    struct ech_timeline timeline = ech_scheduler_timeline (s);
    double              end      = s->now.frame + beats * per_beat / deck->rate * timeline.rate;
    struct ech_action   in       = { .verb = ECH_VERB_LOOP_IN, .deck = index, .value = NAN };
    struct ech_action   out      = { .verb = ECH_VERB_LOOP_OUT, .deck = index, .value = NAN };

    in.timing.kind = ECH_TIMING_NOW;
    out.timing     = (struct ech_timing){ ECH_TIMING_AT_BEAT, ECH_WAY_WAIT,
                                          ech_timeline_beat_at (&timeline, end) };
    post (s, &in);
    post (s, &out);
  }
}

static void
tell_silence (EchScheduler *s)
{
  char text[ECH_TEXT_MAX], seconds[G_ASCII_DTOSTR_BUF_SIZE];
  bool resumes = s->policy.silence_action == ECH_SILENCE_RESUME;

  g_ascii_formatd (seconds, sizeof seconds, "%.3g", s->policy.silence_after_ms / 1000);
  g_snprintf (text, sizeof text, "Silence for %s s: %s%s", seconds,
              ech_safety_n_on_air (&s->policy, &s->shadow)
                  ? "a deck is on air, and nothing is heard."
                  : "no deck is on air.",
              resumes ? " The last deck plays on." : "");
  s->telemetry.silences++;
  report (s, text);
  if (resumes)
    resume (s);
}

static void
guard_the_sound (EchScheduler *s)
{
  struct ech_guards *g = &s->guards;

  if (is_heard (s)) {
    g->was_heard = true;
    g->excused   = false;
    g->is_silent = false;
    for (uint32_t i = s->config.n_decks; i > 0; i--) {
      if (ech_safety_is_on_air (&s->policy, &s->shadow, i - 1))
        g->last_deck = i - 1;
    }
    return;
  }
  if (!g->is_silent) {
    g->is_silent = true;
    g->silent_ns = s->now.time_ns;
  }
  if (!g->was_heard || g->excused || s->now.time_ns < g->silent_ns
      || (double) (s->now.time_ns - g->silent_ns) < s->policy.silence_after_ms * 1e6)
    return;
  g->was_heard = false;
  tell_silence (s);
}

void
ech_guards_tick (EchScheduler *s)
{
  if (!s->now.running)
    return;
  note_loops (s);
  if (s->policy.emergency_loop)
    guard_the_end (s);
  if (s->policy.silence_action != ECH_SILENCE_NOTHING)
    guard_the_sound (s);
}
