/* The engine's nodes in PipeWire: each deck a filter node, the mixer another, or all in one.
 *
 * Owns a pw_thread_loop of its own.  Links its nodes to each other and to the default sink, follows
 * the default, and rebuilds everything when the daemon goes and comes back.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_GRAPH_PIPEWIRE_GRAPH_H
#define ECH_GRAPH_PIPEWIRE_GRAPH_H

#include <glib.h>

#include "engine/rt/cycle.h"

typedef struct _EchPipewireGraph EchPipewireGraph;

enum ech_graph_state {
  ECH_GRAPH_STOPPED,
  ECH_GRAPH_CONNECTING,
  ECH_GRAPH_NO_SINK,
  ECH_GRAPH_RUNNING
};

struct ech_pipewire_graph_config {
  struct ech_cycle
      *cycle; /* outlives the graph; its audio side belongs to the data loop while the graph runs */
  uint32_t
      rate; /* what the cycle was initialised with; 0 = set it to the graph's at the first cycle */
  uint32_t    n_decks;
  bool        fused;
  const char *remote; /* NULL = default socket */
  const char *
      node_group; /* NULL = $ECHELON_NODE_GROUP, else one of our own; tests name a driver's group */
  uint32_t quantum_frames; /* wished for, at 48 kHz; 0 = the daemon's default */
  bool     no_sink;        /* do not link to a sink by ourselves (tests, users who patch by hand) */
  void (*changed) (
      void *data); /* state or sink changed; called on the loop's thread; may be NULL */
  void *changed_data;
};

/* Copies @config and its strings.  Free with ech_pipewire_graph_free(). */
EchPipewireGraph *ech_pipewire_graph_new (const struct ech_pipewire_graph_config *config);

/**
 * ech_pipewire_graph_start: the loop's thread runs, and connects by itself
 *
 * A daemon that is not there is no error: the state is CONNECTING, and it is tried
 * again ten times a second.  Between two daemons the cycle stands still and goes on
 * where it was.  A graph of another rate sets the cycle's rate (ech_cycle_set_rate()).
 *
 * Thread: main.
 * Returns: FALSE with G_IO_ERROR when PipeWire's library cannot work here at all.
 */
gboolean ech_pipewire_graph_start (EchPipewireGraph *graph, GError **error);

/* Returns with the data loop out of the cycle.  May be started again.  Thread: main; not from changed(). */
void ech_pipewire_graph_stop (EchPipewireGraph *graph);
void ech_pipewire_graph_free (EchPipewireGraph *graph); /* stops it first; accepts NULL */

/* @out_text: (size ECH_TEXT_MAX, nullable) e.g. the sink's description.  Thread: any. */
enum ech_graph_state ech_pipewire_graph_state (EchPipewireGraph *graph, char *out_text);

/* From the master outputs to the speaker, as the devices report it; our own delay
 * (ech_cycle_latency()) not counted.  Thread: any but audio. */
uint64_t ech_pipewire_graph_latency_ns (EchPipewireGraph *graph);

#endif
