/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/graph/offline-graph.h"

#include "engine/rt/denormals.h"

struct _EchOfflineGraph {
  struct ech_cycle *cycle;
  uint32_t          n_decks;
  uint32_t          block;
  uint64_t          frame;
  uint32_t          to_drop; /* frames of our own delay still to leave out */
  EchOfflineSink    sink;
  void             *sink_data;
  float             deck[ECH_MAX_DECKS][2][ECH_MAX_BLOCK];
  float             master[2][ECH_MAX_BLOCK];
  float             stereo[2 * ECH_MAX_BLOCK];
};

EchOfflineGraph *
ech_offline_graph_new (struct ech_cycle *cycle,
                       uint32_t          n_decks,
                       uint32_t          block,
                       EchOfflineSink    sink,
                       void             *data)
{
  EchOfflineGraph *graph = g_new0 (EchOfflineGraph, 1);

  graph->cycle     = cycle;
  graph->n_decks   = n_decks;
  graph->block     = CLAMP (block, 1, ECH_MAX_BLOCK);
  graph->to_drop   = ech_cycle_latency (cycle);
  graph->sink      = sink;
  graph->sink_data = data;
  return graph;
}

void
ech_offline_graph_free (EchOfflineGraph *graph)
{
  g_free (graph);
}

/* One cycle of @n frames, 0 to carry out what is due without time passing. */
static void
run_cycle (EchOfflineGraph *graph, uint32_t n)
{
  struct ech_mix_ports ports     = { .master = { graph->master[0], graph->master[1] } };
  uint64_t             denormals = ech_denormals_off ();

  ech_cycle_begin (graph->cycle, n, 0, 0);
  for (uint32_t i = 0; i < graph->n_decks; i++) {
    ech_cycle_deck (graph->cycle, i, graph->deck[i][0], graph->deck[i][1]);
    ports.deck_left[i]  = graph->deck[i][0];
    ports.deck_right[i] = graph->deck[i][1];
  }
  ech_cycle_mix (graph->cycle, &ports);
  ech_denormals_restore (denormals);
  graph->frame += n;
}

static gboolean
deliver (EchOfflineGraph *graph, uint32_t n)
{
  uint32_t first = MIN (n, graph->to_drop);

  graph->to_drop -= first;
  for (uint32_t i = first; i < n; i++) {
    graph->stereo[2 * (i - first)]     = graph->master[0][i];
    graph->stereo[2 * (i - first) + 1] = graph->master[1][i];
  }
  return n == first || graph->sink (graph->stereo, n - first, graph->sink_data);
}

gboolean
ech_offline_graph_run_to (EchOfflineGraph *graph, uint64_t frame)
{
  while (graph->frame < frame) {
    uint32_t n = (uint32_t) MIN ((uint64_t) graph->block, frame - graph->frame);

    run_cycle (graph, n);
    if (!deliver (graph, n))
      return FALSE;
  }
  return TRUE;
}

void
ech_offline_graph_settle (EchOfflineGraph *graph)
{
  run_cycle (graph, 0);
}

gboolean
ech_offline_graph_flush (EchOfflineGraph *graph)
{
  return ech_offline_graph_run_to (graph, graph->frame + ech_cycle_latency (graph->cycle));
}

uint64_t
ech_offline_graph_frame (const EchOfflineGraph *graph)
{
  return graph->frame;
}
