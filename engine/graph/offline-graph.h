/* The graph without PipeWire: the same cycle under a virtual clock, as fast as it goes.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_GRAPH_OFFLINE_GRAPH_H
#define ECH_GRAPH_OFFLINE_GRAPH_H

#include <glib.h>

#include "engine/rt/cycle.h"

typedef struct _EchOfflineGraph EchOfflineGraph;

/* Takes @n interleaved stereo frames of the master.  Returns false to be told no more. */
typedef gboolean (*EchOfflineSink) (const float *stereo, uint32_t n, void *data);

/**
 * ech_offline_graph_new:
 * @cycle: initialised; outlives the graph
 * @block: frames a cycle, 1 .. ECH_MAX_BLOCK
 * @sink: gets the output with our own delay taken out: its first frame is graph frame 0
 *
 * Thread: one, always the same, which plays the audio thread's part.
 */
EchOfflineGraph *ech_offline_graph_new (struct ech_cycle *cycle, uint32_t n_decks, uint32_t block,
                                        EchOfflineSink sink, void *data);
void             ech_offline_graph_free (EchOfflineGraph *graph);

/* Runs cycles until the graph stands at @frame; no-op when it is there already.  Returns false
 * when the sink refused. */
gboolean ech_offline_graph_run_to (EchOfflineGraph *graph, uint64_t frame);

/* Carries out what is due at the frame where the graph stands; no time passes. */
void ech_offline_graph_settle (EchOfflineGraph *graph);

/* Lets the last frames out of the delay: the sink has then had as many frames as the graph stands at. */
gboolean ech_offline_graph_flush (EchOfflineGraph *graph);

uint64_t ech_offline_graph_frame (const EchOfflineGraph *graph);

#endif
