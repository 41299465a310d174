/* What is published: one plain struct a tick.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/scheduler/scheduler-private.h"

/* Decks */

static void
fill_track (struct ech_deck_status       *out,
            const struct ech_deck_shadow *deck,
            const struct ech_load        *loaded)
{
  out->has_grid      = deck->has_grid;
  out->track_rate    = deck->rate;
  out->length_frames = deck->length_frames;
  if (!loaded)
    return;
  g_strlcpy (out->title, loaded->title, sizeof out->title);
  g_strlcpy (out->artist, loaded->artist, sizeof out->artist);
  out->grid = loaded->grid;
}

static void
fill_motion (struct ech_deck_status       *out,
             const struct ech_deck_shadow *deck,
             const struct ech_deck_report *seen)
{
  out->speed     = seen->speed > 0 ? seen->speed : 1.0;
  out->peak[0]   = seen->peak[0];
  out->peak[1]   = seen->peak[1];
  out->rms[0]    = seen->rms[0];
  out->rms[1]    = seen->rms[1];
  out->underruns = seen->underruns;
  out->keylock   = seen->keylock;
  for (int i = 0; i < ECH_N_HOTCUES; i++)
    out->hotcue_frames[i] = NAN;
  out->loop_in_frames = out->loop_out_frames = NAN;
  if (seen->generation != deck->generation) /* the report is older than the track */
    return;
  out->position_frames = seen->position_frames;
  out->step            = seen->step;
  out->cue_frames      = seen->cue_frames;
  out->bend            = seen->bend;
  if (!deck->has_track)
    return;
  out->loop_active     = seen->loop_active;
  out->loop_in_frames  = seen->loop_in_frames;
  out->loop_out_frames = seen->loop_out_frames;
  for (int i = 0; i < ECH_N_HOTCUES; i++)
    out->hotcue_frames[i] = seen->hotcue_frames[i];
}

static void
fill_deck (EchScheduler *s, uint32_t i)
{
  struct ech_deck_status       *out  = &s->building.decks[i];
  const struct ech_deck_shadow *deck = &s->shadow.decks[i];
  const struct ech_deck_lock   *lock = &s->safety.locks[i];

  *out = (struct ech_deck_status){
    .state      = ech_shadow_deck_state (deck),
    .generation = deck->generation,
    .on_air     = ech_safety_is_on_air (&s->policy, &s->shadow, i),
    .locked     = lock->state == ECH_LOCK_LOCKED,
    .sync       = deck->sync,
    .pfl        = deck->pfl,
    .speed_set  = deck->speed_set,
    .trim_db    = deck->trim_db,
    .volume     = deck->volume,
    .filter     = deck->filter,
  };
  for (int band = 0; band < ECH_N_BANDS; band++)
    out->eq_db[band] = deck->eq_db[band];
  g_strlcpy (out->lock_reason, lock->reason, sizeof out->lock_reason);
  out->lock_state = ech_safety_lock_state (&s->policy, &s->safety, i, s->now_beat, s->now.time_ns);
  out->lock_class = lock->source_class;
  fill_motion (out, deck, &s->report->decks[i]);
  fill_track (out, deck, s->tracks[i].loaded);
  if (deck->has_grid)
    out->bpm = ech_grid_bpm (&out->grid, deck->rate) * out->speed * (1.0 + out->bend);
}

/* What waits */

static void
fill_one_pending (struct ech_state *out, double now_beat, const struct ech_entry *entry)
{
  struct ech_pending *pending = &out->pending[out->n_pending];
  uint32_t            at      = out->n_pending++;

  *pending = (struct ech_pending){
    .serial    = entry->serial,
    .verb      = entry->action.verb,
    .deck      = entry->action.deck,
    .source    = entry->lane->index,
    .index     = entry->action.index,
    .value     = entry->action.value,
    .due_beats = entry->stage == ECH_STAGE_HELD ? now_beat : entry->due.beats,
    .held      = entry->stage == ECH_STAGE_HELD,
    .until_ns  = entry->held ? entry->held->until_ns : 0,
  };
  g_strlcpy (pending->id, entry->action.id, sizeof pending->id);
  for (; at > 0 && out->pending[at - 1].due_beats > out->pending[at].due_beats; at--) {
    struct ech_pending earlier = out->pending[at - 1];

    out->pending[at - 1] = out->pending[at];
    out->pending[at]     = earlier;
  }
}

static void
fill_pending (EchScheduler *s)
{
  struct ech_appointment *next[ECH_MAX_PENDING_SHOWN];
  bool                    only_waiting = s->held->len == 0 && s->handed->len == 0;
  guint                   n;

  /* most ticks find what the one before found, however much waits */
  if (only_waiting && s->pending_shown == s->waiting.n_changes)
    return;
  s->pending_shown = only_waiting ? s->waiting.n_changes : UINT64_MAX;
  n                = ech_schedule_peek (&s->waiting, next, ECH_MAX_PENDING_SHOWN);

  s->building.n_pending = 0;
  /* first what waits for a person */
  for (guint i = 0; i < s->held->len; i++) {
    const struct ech_held *held = g_ptr_array_index (s->held, i);

    for (guint j = 0; j < held->entries->len && s->building.n_pending < ECH_MAX_PENDING_SHOWN; j++)
      fill_one_pending (&s->building, s->now_beat, g_ptr_array_index (held->entries, j));
  }
  for (guint i = 0; i < s->handed->len && s->building.n_pending < ECH_MAX_PENDING_SHOWN; i++)
    fill_one_pending (&s->building, s->now_beat, g_ptr_array_index (s->handed, i));
  for (guint i = 0; i < n && s->building.n_pending < ECH_MAX_PENDING_SHOWN; i++)
    fill_one_pending (&s->building, s->now_beat, next[i]->owner);
}

static const struct ech_source_rules *
rules_of (EchScheduler *s, const EchLane *lane)
{
  enum ech_source_class unused;

  return ech_policy_rules (&s->policy, lane->name, lane->source_class, &unused);
}

/* A ghost's would-have-beens are none. */
static uint64_t
n_violations (const struct ech_source_counts *counts)
{
  uint64_t n = 0;

  for (int rule = 0; rule < ECH_N_RULES; rule++)
    n += rule == ECH_RULE_GHOST ? 0 : counts->refused[rule];
  return n;
}

static void
fill_sources (EchScheduler *s)
{
  s->building.n_sources = 0;
  for (uint32_t i = 0; i < ECH_MAX_SOURCES; i++) {
    struct ech_source_status *out  = &s->building.sources[i];
    EchLane                  *lane = g_atomic_pointer_get (&s->lanes[i]);

    *out = (struct ech_source_status){ .depth = 0 };
    if (!lane || !lane->is_known || atomic_load (&lane->removed))
      continue;
    g_strlcpy (out->name, lane->name, sizeof out->name);
    out->source_class     = ech_safety_class (&s->policy, &s->safety, i);
    out->mode             = s->safety.sources[i].mode;
    out->priority         = rules_of (s, lane)->priority;
    out->violations       = n_violations (&s->telemetry.sources[i]);
    out->depth            = ech_lane_depth (lane);
    out->posted           = atomic_load_explicit (&lane->posted, memory_order_relaxed);
    out->refused_full     = atomic_load_explicit (&lane->refused_full, memory_order_relaxed);
    s->building.n_sources = i + 1;
  }
}

static void
fill_session (EchScheduler *s)
{
  struct ech_state           *out = &s->building;
  const struct ech_rt_report *r   = s->report;

  const struct ech_beat_clock *clock = &s->clock.local.base;

  out->serial++;
  out->running           = s->now.running;
  out->frame             = r->frame;
  out->time_ns           = r->time_ns;
  out->block_frames      = r->block_frames;
  out->delay_frames      = r->latency_frames;
  out->n_decks           = s->config.n_decks;
  out->timeline          = ech_scheduler_timeline (s);
  out->beat              = ech_timeline_beat_at (&out->timeline, (double) r->frame);
  out->link_peers        = clock->interface->num_peers (clock);
  out->link_enabled      = clock->interface->is_synchronized (clock);
  out->crossfader        = s->shadow.crossfader;
  out->crossfader_curve  = s->shadow.crossfader_curve;
  out->limiter_db        = s->shadow.limiter_db;
  out->master_volume     = s->shadow.master_volume;
  out->booth_volume      = s->shadow.booth_volume;
  out->headphones_volume = s->shadow.headphones_volume;
  out->headphones_mix    = s->shadow.headphones_mix;
  out->link_available     = s->clock.update.available;
  out->link_start_stop    = s->clock.update.start_stop;
  out->link_playing       = s->clock.update.playing;
  out->link_quantum_beats = s->clock.update.quantum_beats;
  out->link_nudge_beats   = s->clock.update.nudge_beats;
  out->limiter_gain      = r->cycles ? r->limiter_gain : 1.0f;
  out->cycles            = r->cycles;
  out->lost_cycles       = r->lost_cycles;
  out->recording         = r->recording;
  out->record_frames     = r->record_frames;
  out->record_lost_frames = r->record_lost_frames;
  g_strlcpy (out->record_name, s->record_name, sizeof out->record_name);
  for (int side = 0; side < 2; side++) {
    out->master_peak[side] = r->master_peak[side];
    out->master_rms[side]  = r->master_rms[side];
  }
}

void
ech_snapshot_publish (EchScheduler *s)
{
  fill_session (s);
  for (uint32_t i = 0; i < s->config.n_decks; i++)
    fill_deck (s, i);
  fill_pending (s);
  fill_sources (s);
  s->building.n_executed     = s->n_executed;
  s->building.n_rejected     = s->n_rejected;
  s->building.latency_p50_ms = s->telemetry.latency_p50_ms;
  s->building.latency_max_ms = s->telemetry.latency_max_ms;

  g_mutex_lock (&s->state_lock);
  s->state = s->building;
  s->told  = s->telemetry;
  g_mutex_unlock (&s->state_lock);
}

void
ech_scheduler_snapshot (EchScheduler *s, struct ech_state *out_state)
{
  g_mutex_lock (&s->state_lock);
  *out_state = s->state;
  g_mutex_unlock (&s->state_lock);
}
