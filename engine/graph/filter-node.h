/* What the deck nodes and the mixer node have in common.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_GRAPH_FILTER_NODE_H
#define ECH_GRAPH_FILTER_NODE_H

#include <pipewire/filter.h>
#include <pipewire/pipewire.h>

#include "engine/graph/cycle-gate.h"

/**
 * struct ech_node_context: what a node is made with; borrowed, outlives the node
 * @group: node.group of all our nodes, so that one driver runs them all
 * @lost: the node was taken away although the daemon lives; loop's thread
 */
struct ech_node_context {
  struct pw_core        *core;
  struct ech_cycle_gate *gate;
  const char            *group;
  uint32_t               quantum_frames; /* wished for; 0 = no wish */
  void (*lost) (void *data);
  void *lost_data;
};

struct ech_filter_node {
  struct pw_filter              *filter;
  struct spa_hook                hook;
  const struct ech_node_context *context;
};

/* Returns 0 or negative errno.  @events->process has @data. */
int ech_filter_node_init (struct ech_filter_node        *node,
                          const struct ech_node_context *context,
                          const char                    *name,
                          const char                    *description,
                          const struct pw_filter_events *events,
                          void                          *data);

void ech_filter_node_finish (struct ech_filter_node *node);

/* @channel: audio.channel, nullable.  Returns the port's data, or NULL. */
void *ech_filter_node_add_port (struct ech_filter_node *node,
                                enum pw_direction       direction,
                                const char             *name,
                                const char             *channel);

/* Publishes the node; @params as pw_filter_connect() has them. */
int ech_filter_node_connect (struct ech_filter_node *node,
                             enum pw_filter_flags    flags,
                             const struct spa_pod  **params,
                             uint32_t                n_params);

/* For a node's state_changed: tells the context when the node was taken away. */
void ech_filter_node_state_changed (struct ech_filter_node *node,
                                    enum pw_filter_state    old,
                                    enum pw_filter_state    state,
                                    const char             *error);

/* Global id, SPA_ID_INVALID until the daemon knows the node. */
uint32_t ech_filter_node_id (const struct ech_filter_node *node);

/* The port's samples in this cycle; NULL where nothing is linked, or the buffer is too small.
 * Thread: audio.  RT-safe: yes. */
float *ech_filter_node_buffer (void *port, uint32_t n_frames);

static inline struct ech_graph_clock
ech_filter_node_clock (const struct spa_io_position *position)
{
  const struct spa_io_clock *clock = &position->clock;

  return (struct ech_graph_clock){
    .id       = clock->id,
    .rate     = clock->rate.num > 0 ? clock->rate.denom / clock->rate.num : 0,
    .position = clock->position,
    .nsec     = clock->nsec,
    .n_frames = (uint32_t) clock->duration,
  };
}

#endif
