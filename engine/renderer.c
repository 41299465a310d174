/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/renderer.h"

#include <stdlib.h>

#include "engine/loader-bridge.h"
#include "engine/recorder.h"

/* Rounds of tick and settle that one action can need, with a wide margin. */
enum { MAX_ROUNDS = 64 };

struct _EchRenderer {
  struct ech_renderer_config config;
  struct ech_exchange       *exchange;
  struct ech_cycle          *cycle;
  EchOfflineGraph           *graph;
  EchLoaderBridge           *bridge;
  EchScheduler              *scheduler;
  EchRecorder               *recorder; /* nullable */
  EchLane                   *lane;
  uint64_t                   n_ticks;
  struct ech_state           state;
};

static void *
alloc_aligned (size_t size)
{
  void *memory = aligned_alloc (64, (size + 63) & ~(size_t) 63);

  g_assert (memory != NULL);
  return memory;
}

static void
open_recorder (EchRenderer *renderer)
{
  struct ech_recorder_config config = { .folder = renderer->config.record_folder, .wait = true };

  renderer->recorder             = ech_recorder_new (&config);
  renderer->config.record_folder = NULL; /* the caller's own */
  ech_recorder_attach (renderer->recorder, renderer->scheduler);
  ech_cycle_set_capture (renderer->cycle, ech_recorder_capture (renderer->recorder));
}

EchRenderer *
ech_renderer_new (const struct ech_renderer_config *config)
{
  EchRenderer                *renderer  = g_new0 (EchRenderer, 1);
  struct ech_scheduler_config scheduler = { 0 };
  struct ech_policy           policy;

  ech_policy_init_score (&policy);
  renderer->config   = *config;
  renderer->exchange = alloc_aligned (sizeof *renderer->exchange);
  renderer->cycle    = alloc_aligned (ech_cycle_size ());
  ech_exchange_init (renderer->exchange);
  ech_cycle_init (renderer->cycle, renderer->exchange, config->n_decks, config->rate);
  renderer->graph = ech_offline_graph_new (renderer->cycle, config->n_decks, config->block,
                                           config->sink, config->sink_data);
  renderer->bridge = ech_loader_bridge_new (TRUE);

  scheduler.n_decks             = config->n_decks;
  scheduler.exchange            = renderer->exchange;
  scheduler.loader              = ech_loader_bridge_interface ();
  scheduler.loader_data         = renderer->bridge;
  scheduler.default_timing.kind = ECH_TIMING_NOW;
  scheduler.handover_s          = 0.1;
  scheduler.policy              = config->policy != NULL ? config->policy : &policy;
  renderer->config.policy       = NULL; /* the caller's own */
  renderer->scheduler           = ech_scheduler_new (&scheduler);
  ech_loader_bridge_attach (renderer->bridge, renderer->scheduler);
  if (config->on_event != NULL)
    ech_scheduler_add_listener (renderer->scheduler, config->on_event, config->event_data);
  if (config->on_arrival != NULL)
    ech_scheduler_set_arrival_listener (renderer->scheduler, config->on_arrival, config->arrival_data);
  if (config->record_folder != NULL)
    open_recorder (renderer);
  renderer->lane = ech_scheduler_add_lane (renderer->scheduler, "score", ECH_SOURCE_HAND, 0);
  ech_offline_graph_settle (renderer->graph); /* the first report */
  return renderer;
}

void
ech_renderer_free (EchRenderer *renderer)
{
  if (renderer == NULL)
    return;
  ech_loader_bridge_detach (renderer->bridge);
  ech_cycle_finish (renderer->cycle);
  ech_recorder_free (renderer->recorder);
  ech_scheduler_free (renderer->scheduler);
  ech_loader_bridge_free (renderer->bridge);
  ech_offline_graph_free (renderer->graph);
  free (renderer->cycle);
  free (renderer->exchange);
  g_free (renderer);
}

static void
tick (EchRenderer *renderer, double frame)
{
  struct ech_now now = {
    .frame   = frame,
    .time_ns = (uint64_t) (frame * 1e9 / renderer->config.rate),
    .exact   = true,
    .running = true,
  };

  ech_scheduler_tick (renderer->scheduler, &now);
}

void
ech_renderer_post (EchRenderer *renderer, const struct ech_action *action, double exact_frame)
{
  if (ech_lane_post (renderer->lane, action) != 0)
    g_error ("the score's lane is full"); /* it is drained after each post */
  for (int round = 0; round < MAX_ROUNDS; round++) {
    tick (renderer, exact_frame);
    if (round > 0 && !ech_scheduler_is_loading (renderer->scheduler)
        && ech_ring_fill (&renderer->exchange->commands) == 0)
      break;
    ech_offline_graph_settle (renderer->graph);
  }
}

void
ech_renderer_set_crossfader_curve (EchRenderer *renderer, uint32_t curve)
{
  ech_scheduler_set_crossfader_curve (renderer->scheduler, curve);
  tick (renderer, (double) ech_offline_graph_frame (renderer->graph));
  ech_offline_graph_settle (renderer->graph);
}

/* Each 10 ms of music has its tick, on a frame of its own. */
static uint64_t
next_tick_frame (const EchRenderer *renderer)
{
  return (uint64_t) llround ((double) (renderer->n_ticks + 1) * renderer->config.rate / 100.0);
}

gboolean
ech_renderer_run_to (EchRenderer *renderer, uint64_t frame)
{
  while (ech_offline_graph_frame (renderer->graph) < frame) {
    uint64_t next = next_tick_frame (renderer);

    if (!ech_offline_graph_run_to (renderer->graph, MIN (next, frame)))
      return FALSE;
    if (renderer->recorder != NULL)
      ech_recorder_wait (renderer->recorder);
    if (next <= frame) {
      renderer->n_ticks++;
      tick (renderer, (double) next);
    }
  }
  return TRUE;
}

gboolean
ech_renderer_finish (EchRenderer *renderer)
{
  return ech_offline_graph_flush (renderer->graph);
}

uint64_t
ech_renderer_frame (const EchRenderer *renderer)
{
  return ech_offline_graph_frame (renderer->graph);
}

struct ech_timeline
ech_renderer_timeline (EchRenderer *renderer)
{
  return ech_cycle_timeline (renderer->cycle);
}

double
ech_renderer_next_tempo_beats (EchRenderer *renderer)
{
  double next = INFINITY;

  ech_scheduler_snapshot (renderer->scheduler, &renderer->state);
  for (uint32_t i = 0; i < renderer->state.n_pending; i++)
    if (renderer->state.pending[i].verb == ECH_VERB_TEMPO)
      next = fmin (next, renderer->state.pending[i].due_beats);
  return next;
}

void
ech_renderer_settle (EchRenderer *renderer)
{
  ech_offline_graph_settle (renderer->graph);
  tick (renderer, (double) ech_offline_graph_frame (renderer->graph));
}

gboolean
ech_renderer_is_busy (EchRenderer *renderer)
{
  ech_scheduler_snapshot (renderer->scheduler, &renderer->state);
  for (uint32_t i = 0; i < renderer->config.n_decks; i++)
    if (renderer->state.decks[i].state == ECH_DECK_PLAYING)
      return TRUE;
  return renderer->state.n_pending > 0;
}
