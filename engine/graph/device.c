/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/graph/device.h"

#include <spa/utils/string.h>

static bool
is_sink (const struct ech_global *node)
{
  const char *media_class = pw_properties_get (node->properties, PW_KEY_MEDIA_CLASS);

  return spa_streq (media_class, "Audio/Sink") || spa_streq (media_class, "Audio/Duplex");
}

/* Session priority tells which sink people would want, driver priority only which clock is good. */
static int64_t
priority (const struct ech_global *sink)
{
  int64_t session = pw_properties_get_int64 (sink->properties, PW_KEY_PRIORITY_SESSION, 0);
  int64_t driver  = pw_properties_get_int64 (sink->properties, PW_KEY_PRIORITY_DRIVER, 0);

  return session * (INT64_C (1) << 32) + driver;
}

static bool
has_ports (struct ech_registry *registry, const struct ech_global *sink)
{
  const struct ech_global *left, *right;

  return ech_device_stereo_ports (registry, sink, &left, &right);
}

const struct ech_global *
ech_device_choose (struct ech_registry *registry, const struct ech_global *current)
{
  g_autoptr (GPtrArray) nodes   = ech_registry_nodes (registry);
  const char              *name = ech_registry_default_sink (registry);
  const struct ech_global *best = NULL;

  for (guint i = 0; i < nodes->len; i++) {
    const struct ech_global *node = nodes->pdata[i];

    if (!is_sink (node) || !has_ports (registry, node))
      continue;
    if (name != NULL && spa_streq (node->name, name))
      return node;
    if (node == current || best == NULL || (best != current && priority (node) > priority (best)))
      best = node;
  }
  return best;
}

const char *
ech_device_description (const struct ech_global *sink)
{
  static const char *const keys[] = { PW_KEY_NODE_DESCRIPTION, PW_KEY_NODE_NICK };

  for (unsigned i = 0; i < G_N_ELEMENTS (keys); i++) {
    const char *text = pw_properties_get (sink->properties, keys[i]);

    if (text != NULL && *text != '\0')
      return text;
  }
  return sink->name;
}

static bool
has_channel (const struct ech_global *port, const char *channel)
{
  return spa_streq (pw_properties_get (port->properties, PW_KEY_AUDIO_CHANNEL), channel);
}

/* MIDI, video and control ports are no place for sound. */
static bool
is_audio (const struct ech_global *port)
{
  const char *format = pw_properties_get (port->properties, PW_KEY_FORMAT_DSP);

  return format == NULL || spa_streq (format, "32 bit float mono audio");
}

static int
by_port_id (const void *a, const void *b)
{
  const struct ech_global *const *x = a, *const *y = b;
  int64_t                         i = pw_properties_get_int64 ((*x)->properties, PW_KEY_PORT_ID, 0);
  int64_t                         j = pw_properties_get_int64 ((*y)->properties, PW_KEY_PORT_ID, 0);

  return (i > j) - (i < j);
}

bool
ech_device_stereo_ports (struct ech_registry      *registry,
                         const struct ech_global  *sink,
                         const struct ech_global **out_left,
                         const struct ech_global **out_right)
{
  g_autoptr (GPtrArray) ports       = ech_registry_inputs (registry, sink->id);
  const struct ech_global *front[2] = { NULL, NULL };
  const struct ech_global *first[2] = { NULL, NULL };
  unsigned                 n_first  = 0;

  g_ptr_array_sort (ports, by_port_id);
  for (guint i = 0; i < ports->len; i++) {
    const struct ech_global *port = ports->pdata[i];

    if (!is_audio (port))
      continue;
    if (n_first < 2)
      first[n_first++] = port;
    if (has_channel (port, "FL"))
      front[0] = port;
    else if (has_channel (port, "FR"))
      front[1] = port;
  }
  if (front[0] != NULL && front[1] != NULL) {
    *out_left  = front[0];
    *out_right = front[1];
  } else {
    *out_left  = first[0];
    *out_right = n_first > 1 ? first[1] : first[0];
  }
  return n_first > 0;
}
