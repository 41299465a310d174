/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/graph/filter-node.h"

#include <errno.h>
#include <glib.h>

int
ech_filter_node_init (struct ech_filter_node        *node,
                      const struct ech_node_context *context,
                      const char                    *name,
                      const char                    *description,
                      const struct pw_filter_events *events,
                      void                          *data)
{
  struct pw_properties *properties;

  node->context = context;
  properties    = pw_properties_new (
         PW_KEY_NODE_NAME, name, PW_KEY_NODE_DESCRIPTION, description, PW_KEY_MEDIA_NAME, description,
         PW_KEY_MEDIA_TYPE, "Audio", PW_KEY_MEDIA_CATEGORY, "Filter", PW_KEY_MEDIA_ROLE, "DSP",
         PW_KEY_NODE_GROUP, context->group,
         /* decks keep their place in time also while nothing is linked */
         PW_KEY_NODE_ALWAYS_PROCESS, "true",
         /* all our nodes on one data loop: newer daemons may have several */
         "node.loop.name", "data-loop.0", NULL);
  if (context->quantum_frames > 0)
    pw_properties_setf (properties, PW_KEY_NODE_LATENCY, "%u/48000", context->quantum_frames);
  node->filter = pw_filter_new (context->core, description, properties);
  if (node->filter == NULL)
    return -errno;
  pw_filter_add_listener (node->filter, &node->hook, events, data);
  return 0;
}

void
ech_filter_node_finish (struct ech_filter_node *node)
{
  if (node->filter == NULL)
    return;
  spa_hook_remove (&node->hook);
  pw_filter_destroy (node->filter);
  node->filter = NULL;
}

void *
ech_filter_node_add_port (struct ech_filter_node *node,
                          enum pw_direction       direction,
                          const char             *name,
                          const char             *channel)
{
  struct pw_properties *properties;

  properties = pw_properties_new (PW_KEY_FORMAT_DSP, "32 bit float mono audio", PW_KEY_PORT_NAME,
                                  name, NULL);
  if (channel != NULL)
    pw_properties_set (properties, PW_KEY_AUDIO_CHANNEL, channel);
  return pw_filter_add_port (node->filter, direction, PW_FILTER_PORT_FLAG_MAP_BUFFERS,
                             sizeof (void *), properties, NULL, 0);
}

int
ech_filter_node_connect (struct ech_filter_node *node,
                         enum pw_filter_flags    flags,
                         const struct spa_pod  **params,
                         uint32_t                n_params)
{
  return pw_filter_connect (node->filter, PW_FILTER_FLAG_RT_PROCESS | flags, params, n_params);
}

void
ech_filter_node_state_changed (struct ech_filter_node *node,
                               enum pw_filter_state    old,
                               enum pw_filter_state    state,
                               const char             *error)
{
  if (state == PW_FILTER_STATE_ERROR)
    g_debug ("%s: %s", pw_filter_get_name (node->filter), error != NULL ? error : "error");
  if (state == PW_FILTER_STATE_UNCONNECTED && old > PW_FILTER_STATE_UNCONNECTED)
    node->context->lost (node->context->lost_data);
}

uint32_t
ech_filter_node_id (const struct ech_filter_node *node)
{
  return node->filter != NULL ? pw_filter_get_node_id (node->filter) : SPA_ID_INVALID;
}

/* Blocks that may be longer than the port's buffer: nobody else looks. */
static float *
checked_buffer (void *port, uint32_t n_frames)
{
  struct pw_buffer *buffer = pw_filter_dequeue_buffer (port);
  struct spa_data  *data;

  if (buffer == NULL)
    return NULL;
  data = &buffer->buffer->datas[0];
  if (data->data == NULL || data->maxsize / sizeof (float) < n_frames) {
    data->chunk->size = 0;
    pw_filter_queue_buffer (port, buffer);
    return NULL;
  }
  data->chunk->offset = 0;
  data->chunk->size   = n_frames * sizeof (float);
  data->chunk->stride = sizeof (float);
  pw_filter_queue_buffer (port, buffer);
  return data->data;
}

float *
ech_filter_node_buffer (void *port, uint32_t n_frames)
{
  if (n_frames <= ECH_MAX_BLOCK)
    return pw_filter_get_dsp_buffer (port, n_frames);
  return checked_buffer (port, n_frames);
}
