/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/engine.h"

#include <stdlib.h>

#include "engine/graph/pipewire-graph.h"
#include "engine/journal.h"
#include "engine/loader-bridge.h"
#include "engine/recorder.h"
#include "engine/scheduler/policy.h"
#include "engine/scheduler/scheduler-thread.h"

#define DEFAULT_RATE 48000.0

/* Without a report for so long the audio thread is taken for gone. */
#define SILENCE_NS (500 * 1000 * 1000ull)

struct _EchEngine {
  struct ech_engine_config config;
  struct ech_exchange     *exchange;
  struct ech_cycle        *cycle;
  EchLoaderBridge         *bridge;
  EchScheduler            *scheduler;
  EchSchedulerThread      *thread;
  EchPipewireGraph        *graph;
  EchJournal              *journal; /* nullable */
  EchRecorder             *recorder;
  EchLane                 *recorder_lane; /* the recorder thread's; made when a recording fails */

  GMutex            policy_lock;
  struct ech_policy policy; /* a copy of the scheduler's, or of what it will take next */

  /* scheduler's thread */
  struct ech_state seen;
  uint64_t         seen_cycles;
  uint64_t         seen_ns;
};

static uint64_t
monotonic_ns (void)
{
  return (uint64_t) g_get_monotonic_time () * 1000;
}

/* Before the first tick: the journal misses nothing. */
static void
open_journal (EchEngine *engine)
{
  g_autoptr (GError)        error  = NULL;
  struct ech_journal_config config = {
    .file    = engine->config.journal_file,
    .folder  = engine->config.journal_folder,
    .n_decks = engine->config.n_decks,
  };

  if (config.file == NULL && config.folder == NULL)
    return;
  engine->journal = ech_journal_new (&config, &error);
  if (engine->journal == NULL) {
    g_warning ("no journal is kept: %s", error->message);
    return;
  }
  ech_scheduler_set_arrival_listener (engine->scheduler, ech_journal_take_arrival, engine->journal);
  ech_scheduler_add_listener (engine->scheduler, ech_journal_take_event, engine->journal);
}

static void
close_journal (EchEngine *engine)
{
  ech_scheduler_snapshot (engine->scheduler, &engine->seen);
  ech_journal_free (g_steal_pointer (&engine->journal), engine->seen.frame);
}

/* The recorder's thread: all see that there is no recording any more. */
static void
end_recording (const char *text, void *data)
{
  EchEngine        *engine = data;
  struct ech_action stop   = { .verb = ECH_VERB_RECORD, .value = 0 };

  if (engine->recorder_lane == NULL)
    engine->recorder_lane = ech_scheduler_add_lane (engine->scheduler, "recorder", ECH_SOURCE_HAND, 0);
  if (engine->recorder_lane != NULL)
    ech_lane_post (engine->recorder_lane, &stop);
}

static void
open_recorder (EchEngine *engine)
{
  struct ech_recorder_config config = {
    .folder      = engine->config.record_folder,
    .pcm24       = engine->config.record_pcm24,
    .failed      = end_recording,
    .failed_data = engine,
  };

  engine->recorder = ech_recorder_new (&config);
  ech_recorder_attach (engine->recorder, engine->scheduler);
  ech_cycle_set_capture (engine->cycle, ech_recorder_capture (engine->recorder));
}

EchEngine *
ech_engine_new (const struct ech_engine_config *config)
{
  EchEngine                  *engine    = g_new0 (EchEngine, 1);
  struct ech_scheduler_config scheduler = { 0 };

  g_mutex_init (&engine->policy_lock);
  if (config->policy != NULL)
    engine->policy = *config->policy;
  else
    ech_policy_init (&engine->policy);
  engine->config         = *config;
  engine->config.n_decks = CLAMP (config->n_decks, 1, ECH_MAX_DECKS);
  engine->config.remote  = g_strdup (config->remote);
  engine->exchange       = aligned_alloc (64, (sizeof *engine->exchange + 63) & ~(size_t) 63);
  engine->cycle          = aligned_alloc (64, ech_cycle_size ());
  g_assert (engine->exchange != NULL && engine->cycle != NULL);
  ech_exchange_init (engine->exchange);
  ech_cycle_init (engine->cycle, engine->exchange, engine->config.n_decks, DEFAULT_RATE);
  engine->bridge = ech_loader_bridge_new (FALSE);

  scheduler.n_decks        = engine->config.n_decks;
  scheduler.exchange       = engine->exchange;
  scheduler.loader         = ech_loader_bridge_interface ();
  scheduler.loader_data    = engine->bridge;
  scheduler.default_timing = config->default_timing;
  scheduler.handover_s     = 0.1;
  scheduler.policy         = config->policy;
  engine->scheduler        = ech_scheduler_new (&scheduler);
  ech_loader_bridge_attach (engine->bridge, engine->scheduler);
  open_journal (engine);
  open_recorder (engine);
  engine->config.record_folder = NULL;
  engine->config.journal_file = engine->config.journal_folder = NULL; /* the caller's own */
  engine->config.policy                                       = NULL;
  return engine;
}

void
ech_engine_free (EchEngine *engine)
{
  if (engine == NULL)
    return;
  ech_engine_stop (engine);
  close_journal (engine);
  ech_loader_bridge_detach (engine->bridge);
  ech_cycle_finish (engine->cycle);
  ech_recorder_free (engine->recorder);
  ech_scheduler_free (engine->scheduler);
  ech_loader_bridge_free (engine->bridge);
  free (engine->cycle);
  free (engine->exchange);
  g_free ((char *) engine->config.remote);
  g_mutex_clear (&engine->policy_lock);
  g_free (engine);
}

/* The moment of a tick: commands pushed now are read when the next block begins.  The
 * block that is being worked on ends at most one block from now; one more is margin. */
static void
tell_now (struct ech_now *out_now, void *data)
{
  EchEngine *engine = data;

  ech_scheduler_snapshot (engine->scheduler, &engine->seen);
  out_now->time_ns = monotonic_ns ();
  out_now->exact   = false;
  if (engine->seen.cycles != engine->seen_cycles) {
    engine->seen_cycles = engine->seen.cycles;
    engine->seen_ns     = out_now->time_ns;
  }
  out_now->running = engine->seen_ns != 0 && out_now->time_ns - engine->seen_ns < SILENCE_NS;
  out_now->frame   = (double) engine->seen.frame;
  if (out_now->running)
    out_now->frame = ech_state_frame_at (&engine->seen, out_now->time_ns) + engine->seen.delay_frames
                     + 2.0 * engine->seen.block_frames;
}

gboolean
ech_engine_start (EchEngine *engine, GError **error)
{
  struct ech_pipewire_graph_config graph = {
    .cycle   = engine->cycle,
    .n_decks = engine->config.n_decks,
    .fused   = engine->config.fused,
    .remote  = engine->config.remote,
  };

  if (engine->graph != NULL)
    return TRUE;
  engine->graph = ech_pipewire_graph_new (&graph);
  if (!ech_pipewire_graph_start (engine->graph, error)) {
    g_clear_pointer (&engine->graph, ech_pipewire_graph_free);
    return FALSE;
  }
  engine->thread = ech_scheduler_thread_new (engine->scheduler, tell_now, engine);
  return TRUE;
}

void
ech_engine_stop (EchEngine *engine)
{
  if (engine->graph != NULL)
    ech_pipewire_graph_stop (engine->graph);
  g_clear_pointer (&engine->thread, ech_scheduler_thread_free);
  g_clear_pointer (&engine->graph, ech_pipewire_graph_free);
}

enum ech_audio_state
ech_engine_audio_state (EchEngine *engine, char *out_text)
{
  if (engine->graph == NULL) {
    if (out_text != NULL)
      g_strlcpy (out_text, "The engine is stopped.", ECH_TEXT_MAX);
    return ECH_AUDIO_STOPPED;
  }
  switch (ech_pipewire_graph_state (engine->graph, out_text)) {
  case ECH_GRAPH_RUNNING:
    return ECH_AUDIO_RUNNING;
  case ECH_GRAPH_NO_SINK:
    return ECH_AUDIO_NO_DEVICE;
  case ECH_GRAPH_CONNECTING:
    return ECH_AUDIO_CONNECTING;
  default:
    return ECH_AUDIO_STOPPED;
  }
}

void
ech_engine_set_policy (EchEngine *engine, const struct ech_policy *policy)
{
  g_mutex_lock (&engine->policy_lock);
  engine->policy = *policy;
  g_mutex_unlock (&engine->policy_lock);
  ech_scheduler_set_policy (engine->scheduler, policy);
}

void
ech_engine_telemetry (EchEngine *engine, struct ech_telemetry *out_telemetry)
{
  ech_scheduler_telemetry (engine->scheduler, out_telemetry);
}

void
ech_engine_set_default_timing (EchEngine *engine, const struct ech_timing *timing)
{
  ech_scheduler_set_default_timing (engine->scheduler, timing);
}

void
ech_engine_set_record (EchEngine *engine, const char *folder, bool pcm24)
{
  ech_recorder_set_folder (engine->recorder, folder, pcm24);
}

EchLane *
ech_engine_add_source (EchEngine *engine, const char *name, enum ech_source_class source_class)
{
  return ech_scheduler_add_lane (engine->scheduler, name, source_class, 0);
}

void
ech_engine_remove_source (EchEngine *engine, EchLane *lane)
{
  ech_scheduler_remove_lane (engine->scheduler, lane);
}

enum ech_source_class
ech_engine_source_class (EchEngine *engine, const char *name, enum ech_source_class source_class)
{
  enum ech_source_class counts_as;

  g_mutex_lock (&engine->policy_lock);
  ech_policy_rules (&engine->policy, name, source_class, &counts_as);
  g_mutex_unlock (&engine->policy_lock);
  return counts_as;
}

void
ech_engine_add_listener (EchEngine *engine, EchEventFunc func, void *data)
{
  ech_scheduler_add_listener (engine->scheduler, func, data);
}

void
ech_engine_remove_listener (EchEngine *engine, EchEventFunc func, void *data)
{
  ech_scheduler_remove_listener (engine->scheduler, func, data);
}

void
ech_engine_snapshot (EchEngine *engine, struct ech_state *out_state)
{
  double downstream_s;

  ech_scheduler_snapshot (engine->scheduler, out_state);
  if (engine->graph == NULL)
    return;
  downstream_s = (double) ech_pipewire_graph_latency_ns (engine->graph) * 1e-9;
  out_state->delay_frames += (uint32_t) llround (downstream_s * out_state->timeline.rate);
}

double
ech_state_frame_at (const struct ech_state *state, uint64_t time_ns)
{
  double elapsed_s = ((double) time_ns - (double) state->time_ns) * 1e-9;

  if (!state->running)
    return (double) state->frame;
  /* Reports come each cycle: older than a second means that they stopped. */
  return (double) state->frame + CLAMP (elapsed_s, -1.0, 1.0) * state->timeline.rate - state->delay_frames;
}

double
ech_state_position_at (const struct ech_state *state, uint32_t deck, double frame)
{
  const struct ech_deck_status *status = &state->decks[deck];
  double position = status->position_frames + (frame - (double) state->frame) * status->step;

  if (status->step == 0.0)
    return status->position_frames;
  return CLAMP (position, 0.0, status->length_frames);
}

EchTrack *
ech_engine_ref_track (EchEngine *engine, uint32_t deck)
{
  return ech_loader_bridge_ref_track (engine->bridge, deck);
}

void
ech_engine_set_crossfader_curve (EchEngine *engine, uint32_t curve)
{
  ech_scheduler_set_crossfader_curve (engine->scheduler, curve);
}

int
ech_engine_set_clock (EchEngine *engine, const struct ech_clock_source *source, void *owner, void *self)
{
  return ech_scheduler_set_clock (engine->scheduler, source, owner, self);
}

void
ech_engine_unset_clock (EchEngine *engine, void *owner)
{
  ech_scheduler_unset_clock (engine->scheduler, owner);
}

bool
ech_engine_post_clock_update (EchEngine *engine, const struct ech_clock_update *update)
{
  return ech_scheduler_post_clock_update (engine->scheduler, update);
}
