/* The mixer as a PipeWire node.
 *
 * "echelon-mixer": inputs a_left, a_right, b_left ...; outputs master_*, headphones_*,
 * booth_* and record_* (left, right).  Fused, the node is called "echelon", has the
 * same outputs and no inputs: it plays the decks itself.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_GRAPH_MIXER_NODE_H
#define ECH_GRAPH_MIXER_NODE_H

#include "engine/graph/filter-node.h"

struct ech_mixer_node;

/**
 * ech_mixer_node_new:
 * @latency_frames: our own delay, reported on the ports
 *
 * Thread: the loop's, as all here but ech_mixer_node_latency_ns().
 * Returns: NULL with errno set when PipeWire refuses.
 */
struct ech_mixer_node *ech_mixer_node_new (const struct ech_node_context *context,
                                           uint32_t                       n_decks,
                                           bool                           fused,
                                           uint32_t                       latency_frames);
void                   ech_mixer_node_free (struct ech_mixer_node *node);
uint32_t               ech_mixer_node_id (const struct ech_mixer_node *node);

/* The delay from the master outputs to the speaker as the devices report it, without our own.
 * @quantum_frames, @rate: of the graph. */
uint64_t ech_mixer_node_latency_ns (const struct ech_mixer_node *node,
                                    uint32_t                     quantum_frames,
                                    uint32_t                     rate);

#endif
