/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/graph/mixer-node.h"

#include <errno.h>
#include <glib.h>
#include <spa/param/latency-utils.h>
#include <spa/pod/builder.h>

enum output { MASTER, HEADPHONES, BOOTH, RECORD, N_OUTPUTS };

static const char *const output_names[N_OUTPUTS] = { "master", "headphones", "booth", "record" };
static const char *const side_names[2]           = { "left", "right" };
static const char *const side_channels[2]        = { "FL", "FR" };

struct ech_mixer_node {
  struct ech_filter_node          base;
  uint32_t                        n_decks;
  bool                            fused;
  struct spa_process_latency_info own_latency;
  void                           *inputs[ECH_MAX_DECKS][2];
  void                           *outputs[N_OUTPUTS][2];
  struct spa_latency_info         downstream[N_OUTPUTS][2];   /* from our outputs to the speaker */
  struct spa_latency_info         upstream[ECH_MAX_DECKS][2]; /* from the source to our inputs */
};

/* Thread: audio. */
static void
fetch_outputs (struct ech_mixer_node *node, uint32_t n_frames, struct ech_mix_ports *ports)
{
  float **const out[N_OUTPUTS] = { ports->master, ports->headphones, ports->booth, ports->record };

  for (unsigned o = 0; o < N_OUTPUTS; o++)
    for (unsigned c = 0; c < 2; c++)
      out[o][c] = ech_filter_node_buffer (node->outputs[o][c], n_frames);
}

/* Thread: audio. */
static void
on_process (void *data, struct spa_io_position *position)
{
  struct ech_mixer_node *node  = data;
  struct ech_mix_ports   ports = { 0 };
  struct ech_graph_clock clock;

  if (position == NULL)
    return;
  clock = ech_filter_node_clock (position);
  fetch_outputs (node, clock.n_frames, &ports);
  if (node->fused) {
    ech_cycle_gate_all (node->base.context->gate, &clock, &ports);
    return;
  }
  for (uint32_t d = 0; d < node->n_decks; d++) {
    ports.deck_left[d]  = ech_filter_node_buffer (node->inputs[d][0], clock.n_frames);
    ports.deck_right[d] = ech_filter_node_buffer (node->inputs[d][1], clock.n_frames);
  }
  ech_cycle_gate_mix (node->base.context->gate, &clock, &ports);
}

static void
on_state_changed (void                *data,
                  enum pw_filter_state old,
                  enum pw_filter_state state,
                  const char          *error)
{
  struct ech_mixer_node *node = data;

  ech_filter_node_state_changed (&node->base, old, state, error);
}

static void
publish_latency (struct ech_mixer_node *node, void *port, struct spa_latency_info info)
{
  uint8_t                bytes[512];
  struct spa_pod_builder builder = SPA_POD_BUILDER_INIT (bytes, sizeof bytes);
  const struct spa_pod  *params[1];

  spa_process_latency_info_add (&node->own_latency, &info);
  params[0] = spa_latency_build (&builder, SPA_PARAM_Latency, &info);
  pw_filter_update_params (node->base.filter, port, params, 1);
}

/* What a deck's node sees downstream is the way through the master. */
static void
publish_downstream (struct ech_mixer_node *node)
{
  struct spa_latency_info info;

  spa_latency_info_combine_start (&info, SPA_DIRECTION_INPUT);
  for (unsigned c = 0; c < 2; c++)
    spa_latency_info_combine (&info, &node->downstream[MASTER][c]);
  spa_latency_info_combine_finish (&info);
  for (uint32_t d = 0; d < node->n_decks; d++)
    for (unsigned c = 0; c < 2; c++)
      if (node->inputs[d][c] != NULL)
        publish_latency (node, node->inputs[d][c], info);
}

static void
publish_upstream (struct ech_mixer_node *node)
{
  struct spa_latency_info info;

  spa_latency_info_combine_start (&info, SPA_DIRECTION_OUTPUT);
  for (uint32_t d = 0; d < node->n_decks; d++)
    for (unsigned c = 0; c < 2; c++)
      spa_latency_info_combine (&info, &node->upstream[d][c]);
  spa_latency_info_combine_finish (&info);
  for (unsigned o = 0; o < N_OUTPUTS; o++)
    for (unsigned c = 0; c < 2; c++)
      publish_latency (node, node->outputs[o][c], info);
}

static struct spa_latency_info *
latency_of_port (struct ech_mixer_node *node, const void *port, enum spa_direction direction)
{
  for (unsigned o = 0; direction == SPA_DIRECTION_INPUT && o < N_OUTPUTS; o++)
    for (unsigned c = 0; c < 2; c++)
      if (node->outputs[o][c] == port)
        return &node->downstream[o][c];
  for (uint32_t d = 0; direction == SPA_DIRECTION_OUTPUT && d < node->n_decks; d++)
    for (unsigned c = 0; c < 2; c++)
      if (node->inputs[d][c] == port)
        return &node->upstream[d][c];
  return NULL;
}

static void
on_param_changed (void *data, void *port, uint32_t id, const struct spa_pod *param)
{
  struct ech_mixer_node   *node = data;
  struct spa_latency_info  info;
  struct spa_latency_info *own;

  if (port == NULL || id != SPA_PARAM_Latency || param == NULL
      || spa_latency_parse (param, &info) < 0)
    return;
  own = latency_of_port (node, port, info.direction);
  if (own == NULL || spa_latency_info_compare (own, &info) == 0)
    return;
  *own = info;
  if (info.direction == SPA_DIRECTION_INPUT)
    publish_downstream (node);
  else
    publish_upstream (node);
}

static const struct pw_filter_events filter_events = {
  PW_VERSION_FILTER_EVENTS,
  .process       = on_process,
  .state_changed = on_state_changed,
  .param_changed = on_param_changed,
};

static int
add_inputs (struct ech_mixer_node *node)
{
  for (uint32_t d = 0; d < node->n_decks; d++)
    for (unsigned c = 0; c < 2; c++) {
      g_autofree char *name = g_strdup_printf ("%c_%s", 'a' + d, side_names[c]);

      node->inputs[d][c] = ech_filter_node_add_port (&node->base, PW_DIRECTION_INPUT, name, NULL);
      if (node->inputs[d][c] == NULL)
        return -ENOMEM;
    }
  return 0;
}

static int
add_outputs (struct ech_mixer_node *node)
{
  for (unsigned o = 0; o < N_OUTPUTS; o++)
    for (unsigned c = 0; c < 2; c++) {
      g_autofree char *name = g_strdup_printf ("%s_%s", output_names[o], side_names[c]);

      node->outputs[o][c] = ech_filter_node_add_port (&node->base, PW_DIRECTION_OUTPUT, name,
                                                      o == MASTER ? side_channels[c] : NULL);
      if (node->outputs[o][c] == NULL)
        return -ENOMEM;
    }
  return 0;
}

static int
connect_node (struct ech_mixer_node *node)
{
  uint8_t                bytes[512];
  struct spa_pod_builder builder = SPA_POD_BUILDER_INIT (bytes, sizeof bytes);
  const struct spa_pod  *params[1];

  params[0] = spa_process_latency_build (&builder, SPA_PARAM_ProcessLatency, &node->own_latency);
  /* Custom: PipeWire's own handling passes latency on but does not tell us. */
  return ech_filter_node_connect (&node->base, PW_FILTER_FLAG_CUSTOM_LATENCY, params, 1);
}

static int
build (struct ech_mixer_node *node, const struct ech_node_context *context)
{
  const char *name        = node->fused ? "echelon" : "echelon-mixer";
  const char *description = node->fused ? "Echelon" : "Echelon mixer";
  int result = ech_filter_node_init (&node->base, context, name, description, &filter_events, node);

  if (result == 0 && !node->fused)
    result = add_inputs (node);
  if (result == 0)
    result = add_outputs (node);
  if (result == 0)
    result = connect_node (node);
  if (result == 0) {
    publish_downstream (node);
    publish_upstream (node);
  }
  return result;
}

static void
init_latency (struct ech_mixer_node *node, uint32_t latency_frames)
{
  node->own_latency = SPA_PROCESS_LATENCY_INFO_INIT (.rate = latency_frames);
  for (unsigned c = 0; c < 2; c++) {
    for (unsigned o = 0; o < N_OUTPUTS; o++)
      node->downstream[o][c] = SPA_LATENCY_INFO (SPA_DIRECTION_INPUT);
    for (unsigned d = 0; d < ECH_MAX_DECKS; d++)
      node->upstream[d][c] = SPA_LATENCY_INFO (SPA_DIRECTION_OUTPUT);
  }
}

struct ech_mixer_node *
ech_mixer_node_new (const struct ech_node_context *context,
                    uint32_t                       n_decks,
                    bool                           fused,
                    uint32_t                       latency_frames)
{
  struct ech_mixer_node *node = g_new0 (struct ech_mixer_node, 1);
  int                    result;

  node->n_decks = n_decks;
  node->fused   = fused;
  init_latency (node, latency_frames);
  result = build (node, context);
  if (result < 0) {
    ech_mixer_node_free (node);
    errno = -result;
    return NULL;
  }
  return node;
}

void
ech_mixer_node_free (struct ech_mixer_node *node)
{
  if (node == NULL)
    return;
  ech_filter_node_finish (&node->base);
  g_free (node);
}

uint32_t
ech_mixer_node_id (const struct ech_mixer_node *node)
{
  return ech_filter_node_id (&node->base);
}

uint64_t
ech_mixer_node_latency_ns (const struct ech_mixer_node *node,
                           uint32_t                     quantum_frames,
                           uint32_t                     rate)
{
  const struct spa_latency_info *info = &node->downstream[MASTER][0];
  double frames = (double) info->min_quantum * quantum_frames + info->min_rate;

  return rate > 0 ? info->min_ns + (uint64_t) (frames * 1e9 / rate) : 0;
}
