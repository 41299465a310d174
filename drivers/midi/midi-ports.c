/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/midi/midi-ports.h"

#include <errno.h>
#include <pipewire/filter.h>
#include <pipewire/link.h>
#include <pipewire/pipewire.h>
#include <spa/control/control.h>
#include <spa/pod/builder.h>
#include <spa/pod/iter.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "drivers/midi/midi-ring.h"

#define RETRY_NS UINT64_C (500000000)

enum {
  MAX_PORTS    = 128, /* MIDI ports in the graph that we keep an eye on */
  MAX_NODES    = 512,
  AT_A_TIME    = 4096, /* entries; then others have their turn */
  MOST_A_CYCLE = 2048, /* bytes to one device; an event of 4 KB is dropped by who hears it */
};

enum { SIDE_IN, SIDE_OUT, N_SIDES }; /* as we see it */

/* A port of somebody's: what a device says comes out of it (IN), or goes into it (OUT). */
struct port {
  uint32_t id; /* 0 = free */
  uint32_t node;
  uint8_t  side;
  bool     is_alsa;
  int      device; /* -1 = none yet */
  char     name[ECH_MIDI_DEVICE_NAME];
};

struct node {
  uint32_t id;
  bool     is_ours, is_learner, is_echelon;
  char     name[ECH_MIDI_DEVICE_NAME];
};

struct device {
  char                   name[ECH_MIDI_DEVICE_NAME]; /* "" = free */
  int                    slot;                       /* -1 = not in use */
  uint32_t               port[N_SIDES];              /* ids; 0 = none */
  struct pw_proxy       *link[N_SIDES];
  struct spa_hook        hook[N_SIDES];
  struct ech_midi_ports *ports; /* borrowed: owns us */
};

struct ech_midi_ports {
  const struct ech_midi_ports_events *events;
  void                               *data;
  char                                node_name[64];
  int                                 wake_fd;

  /* PipeWire; NULL while there is none */
  struct pw_loop     *loop;
  struct pw_context  *context;
  struct pw_core     *core;
  struct pw_registry *registry;
  struct pw_filter   *filter[N_SIDES]; /* two nodes, see make_filters() */
  struct spa_hook     core_hook, registry_hook, filter_hook[N_SIDES];
  struct spa_source  *wake;
  uint32_t            our_port[N_SIDES][ECH_MIDI_MAX_USED]; /* ids */
  bool                is_broken;
  uint64_t            retry_ns; /* 0 = not before something happens */

  struct port   ports[MAX_PORTS];
  struct node   nodes[MAX_NODES];
  struct device devices[ECH_MIDI_MAX_DEVICES];
  int           device_of_slot[ECH_MIDI_MAX_USED];
  unsigned      n_learners;

  /* the audio thread's side: ports and rings */
  void                *rt_port[N_SIDES][ECH_MIDI_MAX_USED];
  bool                 rt_lost[ECH_MIDI_MAX_USED];
  struct ech_midi_ring in;    /* audio thread writes */
  struct ech_midi_ring now;   /* audio thread reads */
  struct ech_midi_ring timed; /* audio thread reads */
  uint8_t              rt_bytes[ECH_MIDI_RING_MOST];
  uint8_t              bytes[ECH_MIDI_RING_MOST];
};

static uint64_t
now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (uint64_t) t.tv_sec * UINT64_C (1000000000) + (uint64_t) t.tv_nsec;
}

/* --- audio thread: bytes between ports and rings, nothing else ------------------------- */

static void
rt_wake (struct ech_midi_ports *p)
{
  uint64_t one = 1;
  ssize_t  n   = write (p->wake_fd, &one, sizeof one); /* full: it is awake already */

  (void) n;
}

static bool
rt_take_event (struct ech_midi_ports *p,
               unsigned               slot,
               uint64_t               time_ns,
               const uint8_t         *bytes,
               uint32_t               n_bytes)
{
  while (n_bytes > 0) {
    uint32_t              part  = SPA_MIN (n_bytes, (uint32_t) ECH_MIDI_RING_MOST);
    struct ech_midi_entry entry = { time_ns, (uint16_t) slot, p->rt_lost[slot], part };

    if (!ech_midi_ring_push (&p->in, &entry, bytes)) {
      p->rt_lost[slot] = true;
      return false;
    }
    p->rt_lost[slot] = false;
    bytes += part;
    n_bytes -= part;
  }
  return true;
}

#if PW_CHECK_VERSION(1, 3, 0)
/* Universal MIDI packets come only where they were asked for; those that hold MIDI 1 are taken. */
static uint32_t
rt_bytes_of_ump (const struct spa_pod_control *control, uint8_t *out_bytes)
{
  const uint32_t *words = SPA_POD_BODY_CONST (&control->value);
  uint32_t        word;

  if (SPA_POD_BODY_SIZE (&control->value) < sizeof word)
    return 0;
  word = words[0];
  if (word >> 28 != 1 && word >> 28 != 2)
    return 0;
  out_bytes[0] = (uint8_t) (word >> 16);
  out_bytes[1] = (uint8_t) (word >> 8) & 0x7f;
  out_bytes[2] = (uint8_t) word & 0x7f;
  if (out_bytes[0] >= 0xf0)
    return out_bytes[0] == 0xf2 ? 3 : out_bytes[0] == 0xf1 || out_bytes[0] == 0xf3 ? 2 : 1;
  return (out_bytes[0] & 0xe0) == 0xc0 ? 2 : 3;
}
#endif

static void
rt_take_control (struct ech_midi_ports        *p,
                 unsigned                      slot,
                 uint64_t                      time_ns,
                 const struct spa_pod_control *control)
{
  switch (control->type) {
  case SPA_CONTROL_Midi:
    rt_take_event (p, slot, time_ns, SPA_POD_BODY_CONST (&control->value),
                   SPA_POD_BODY_SIZE (&control->value));
    break;
#if PW_CHECK_VERSION(1, 3, 0)
  case SPA_CONTROL_UMP: {
    uint8_t  bytes[3];
    uint32_t n = rt_bytes_of_ump (control, bytes);

    rt_take_event (p, slot, time_ns, bytes, n);
    break;
  }
#endif
  default:
    break;
  }
}

/* Returns whether anything came. */
static bool
rt_read_port (struct ech_midi_ports *p, unsigned slot, uint64_t cycle_ns, double ns_per_frame)
{
  struct pw_buffer       *buffer = pw_filter_dequeue_buffer (p->rt_port[SIDE_IN][slot]);
  struct spa_data        *data;
  struct spa_pod         *pod;
  struct spa_pod_control *control;
  bool                    any = false;

  if (buffer == NULL)
    return false;
  data = &buffer->buffer->datas[0];
  pod  = data->data
             ? spa_pod_from_data (data->data, data->maxsize, data->chunk->offset, data->chunk->size)
             : NULL;
  if (pod && spa_pod_is_sequence (pod)) {
    SPA_POD_SEQUENCE_FOREACH ((struct spa_pod_sequence *) pod, control) {
      rt_take_control (p, slot, cycle_ns + (uint64_t) (control->offset * ns_per_frame), control);
      any = true;
    }
  }
  pw_filter_queue_buffer (p->rt_port[SIDE_IN][slot], buffer);
  return any;
}

/* The buffers of one cycle that go out. */
struct rt_cycle {
  uint64_t               begin_ns, end_ns;
  double                 ns_per_frame;
  uint32_t               n_frames;
  struct pw_buffer      *buffers[ECH_MIDI_MAX_USED];
  struct spa_pod_builder builders[ECH_MIDI_MAX_USED];
  struct spa_pod_frame   frames[ECH_MIDI_MAX_USED];
  uint32_t               n_bytes[ECH_MIDI_MAX_USED];
};

static void
rt_open_port (struct ech_midi_ports *p, struct rt_cycle *cycle, unsigned slot)
{
  struct pw_buffer *buffer = pw_filter_dequeue_buffer (p->rt_port[SIDE_OUT][slot]);
  struct spa_data  *data   = buffer ? &buffer->buffer->datas[0] : NULL;

  cycle->buffers[slot] = NULL;
  cycle->n_bytes[slot] = 0;
  if (data == NULL || data->data == NULL)
    return;
  cycle->buffers[slot]  = buffer;
  cycle->builders[slot] = SPA_POD_BUILDER_INIT (data->data, data->maxsize);
  spa_pod_builder_push_sequence (&cycle->builders[slot], &cycle->frames[slot], 0);
}

static void
rt_close_port (struct ech_midi_ports *p, struct rt_cycle *cycle, unsigned slot)
{
  struct pw_buffer *buffer = cycle->buffers[slot];
  struct spa_data  *data;

  if (buffer == NULL)
    return;
  spa_pod_builder_pop (&cycle->builders[slot], &cycle->frames[slot]);
  data                = &buffer->buffer->datas[0];
  data->chunk->offset = 0;
  data->chunk->size   = cycle->builders[slot].state.offset;
  data->chunk->stride = 1;
  pw_filter_queue_buffer (p->rt_port[SIDE_OUT][slot], buffer);
}

/* False: it must wait for the next cycle. */
static bool
rt_write_entry (struct rt_cycle             *cycle,
                const struct ech_midi_entry *entry,
                const uint8_t               *bytes,
                uint32_t                     offset)
{
  struct spa_pod_builder *builder = &cycle->builders[entry->slot];

  if (cycle->buffers[entry->slot] == NULL)
    return true; /* nobody hears it */
  if (cycle->n_bytes[entry->slot] + entry->n_bytes + 32 > MOST_A_CYCLE)
    return false;
  cycle->n_bytes[entry->slot] += entry->n_bytes + 32;
  spa_pod_builder_control (builder, offset, SPA_CONTROL_Midi);
  spa_pod_builder_bytes (builder, bytes, entry->n_bytes);
  return true;
}

static void
rt_write_ring (struct ech_midi_ports *p, struct rt_cycle *cycle, struct ech_midi_ring *ring)
{
  struct ech_midi_entry entry;

  while (ech_midi_ring_peek (ring, &entry, p->rt_bytes)) {
    uint32_t offset = 0;

    if (entry.time_ns >= cycle->end_ns)
      return;
    if (entry.time_ns > cycle->begin_ns)
      offset = (uint32_t) ((double) (entry.time_ns - cycle->begin_ns) / cycle->ns_per_frame);
    if (!rt_write_entry (cycle, &entry, p->rt_bytes, SPA_MIN (offset, cycle->n_frames - 1)))
      return;
    ech_midi_ring_drop (ring, &entry);
  }
}

static bool
rt_begin_cycle (struct rt_cycle *cycle, const struct spa_io_position *position)
{
  if (position == NULL || position->clock.rate.denom == 0 || position->clock.duration == 0)
    return false;
  cycle->n_frames     = (uint32_t) position->clock.duration;
  cycle->ns_per_frame = 1e9 * position->clock.rate.num / position->clock.rate.denom;
  cycle->begin_ns     = position->clock.nsec;
  cycle->end_ns       = cycle->begin_ns + (uint64_t) (cycle->n_frames * cycle->ns_per_frame);
  return true;
}

/* Thread: audio. */
static void
on_process_in (void *data, struct spa_io_position *position)
{
  struct ech_midi_ports *p = data;
  struct rt_cycle        cycle;
  bool                   any = false;

  if (!rt_begin_cycle (&cycle, position))
    return;
  for (unsigned i = 0; i < ECH_MIDI_MAX_USED; i++)
    any |= rt_read_port (p, i, cycle.begin_ns, cycle.ns_per_frame);
  if (any)
    rt_wake (p);
}

/* Thread: audio. */
static void
on_process_out (void *data, struct spa_io_position *position)
{
  struct ech_midi_ports *p = data;
  struct rt_cycle        cycle;

  if (!rt_begin_cycle (&cycle, position))
    return;
  for (unsigned i = 0; i < ECH_MIDI_MAX_USED; i++)
    rt_open_port (p, &cycle, i);
  rt_write_ring (p, &cycle, &p->now); /* at the cycle's begin: before all that has a time */
  rt_write_ring (p, &cycle, &p->timed);
  for (unsigned i = 0; i < ECH_MIDI_MAX_USED; i++)
    rt_close_port (p, &cycle, i);
}

static void
on_filter_state (void                *data,
                 enum pw_filter_state old,
                 enum pw_filter_state state,
                 const char          *error)
{
  struct ech_midi_ports *p = data;

  if (state == PW_FILTER_STATE_ERROR)
    p->is_broken = true;
}

static const struct pw_filter_events filter_events[N_SIDES] = {
  { PW_VERSION_FILTER_EVENTS, .process = on_process_in, .state_changed = on_filter_state },
  { PW_VERSION_FILTER_EVENTS, .process = on_process_out, .state_changed = on_filter_state },
};

/* --- what came in ---------------------------------------------------------------------- */

static void
on_wake (void *data, int fd, uint32_t mask)
{
  struct ech_midi_ports *p = data;
  struct ech_midi_entry  entry;
  uint64_t               count;
  ssize_t                n     = read (fd, &count, sizeof count);
  unsigned               taken = 0;

  (void) n;
  while (ech_midi_ring_peek (&p->in, &entry, p->bytes)) {
    int device;

    if (taken++ == AT_A_TIME) {
      rt_wake (p);
      return;
    }

    ech_midi_ring_drop (&p->in, &entry);
    device = p->device_of_slot[entry.slot % ECH_MIDI_MAX_USED];
    if (device >= 0)
      p->events->bytes (p->data, (unsigned) device, p->bytes, entry.n_bytes, entry.time_ns,
                        entry.lost != 0);
  }
}

/* --- devices --------------------------------------------------------------------------- */

static struct node *
find_node (struct ech_midi_ports *p, uint32_t id)
{
  for (unsigned i = 0; id != 0 && i < MAX_NODES; i++)
    if (p->nodes[i].id == id)
      return &p->nodes[i];
  return NULL;
}

static struct pw_proxy *
make_link (struct ech_midi_ports *p, unsigned side, uint32_t theirs, uint32_t ours)
{
  char                  out[16], in[16];
  struct pw_properties *properties;
  struct pw_proxy      *proxy;

  snprintf (out, sizeof out, "%u", side == SIDE_IN ? theirs : ours);
  snprintf (in, sizeof in, "%u", side == SIDE_IN ? ours : theirs);
  properties = pw_properties_new (PW_KEY_LINK_OUTPUT_PORT, out, PW_KEY_LINK_INPUT_PORT, in, NULL);
  proxy = pw_core_create_object (p->core, "link-factory", PW_TYPE_INTERFACE_Link, PW_VERSION_LINK,
                                 &properties->dict, 0);
  pw_properties_free (properties);
  return proxy;
}

static void
drop_link (struct device *device, unsigned side)
{
  if (device->link[side] == NULL)
    return;
  spa_hook_remove (&device->hook[side]);
  pw_proxy_destroy (device->link[side]);
  device->link[side] = NULL;
}

static void
drop_links (struct device *device)
{
  drop_link (device, SIDE_IN);
  drop_link (device, SIDE_OUT);
}

/* A way out is open when its link is active: what was sent before went nowhere. */
static void
on_link_info (void *data, const struct pw_link_info *info)
{
  struct device         *device = data;
  struct ech_midi_ports *p      = device->ports;

  if (info->state == PW_LINK_STATE_ACTIVE && p->events->ready)
    p->events->ready (p->data, (unsigned) (device - p->devices));
}

static const struct pw_link_events no_link_events = { PW_VERSION_LINK_EVENTS };
static const struct pw_link_events link_events    = {
     PW_VERSION_LINK_EVENTS,
     .info = on_link_info,
};

/* Makes what links are wanted and can be made. */
static void
settle_links (struct ech_midi_ports *p)
{
  for (unsigned i = 0; p->core && i < ECH_MIDI_MAX_DEVICES; i++) {
    struct device *device = &p->devices[i];

    for (unsigned side = 0; device->slot >= 0 && side < N_SIDES; side++) {
      uint32_t ours = p->our_port[side][device->slot];

      if (device->link[side] || device->port[side] == 0 || ours == 0)
        continue;
      device->link[side] = make_link (p, side, device->port[side], ours);
      if (device->link[side])
        pw_proxy_add_object_listener (device->link[side], &device->hook[side],
                                      side == SIDE_OUT ? &link_events : &no_link_events, device);
    }
  }
}

static void
remove_device (struct ech_midi_ports *p, unsigned index)
{
  struct device *device = &p->devices[index];

  p->events->removed (p->data, index);
  drop_links (device);
  if (device->slot >= 0)
    p->device_of_slot[device->slot] = -1;
  *device = (struct device){ .slot = -1 };
}

/* "nanoKONTROL2:nanoKONTROL2 MIDI 1" is "nanoKONTROL2 MIDI 1". */
static const char *
without_client (const char *alias)
{
  const char *colon = strchr (alias, ':');
  size_t      n     = colon ? (size_t) (colon - alias) : 0;

  return colon && strncmp (colon + 1, alias, n) == 0 ? colon + 1 : alias;
}

static void
base_name (struct ech_midi_ports *p, const struct port *port, char *out_name, size_t size)
{
  const struct node *node = find_node (p, port->node);

  if (port->is_alsa || node == NULL)
    snprintf (out_name, size, "%s", without_client (port->name));
  else
    snprintf (out_name, size, "%s", node->name);
}

/* The device of that name which still lacks a port on @side; else a free place, with a name
 * of its own: two of the same make are "X" and "X #2". */
static int
place_for (struct ech_midi_ports *p, const char *base, unsigned side, char *out_name)
{
  for (unsigned nth = 1; nth <= ECH_MIDI_MAX_DEVICES; nth++) {
    int at = -1, free_at = -1;

    if (nth == 1)
      snprintf (out_name, ECH_MIDI_DEVICE_NAME, "%s", base);
    else
      snprintf (out_name, ECH_MIDI_DEVICE_NAME, "%.*s #%u", ECH_MIDI_DEVICE_NAME - 8, base, nth);
    for (int i = ECH_MIDI_MAX_DEVICES - 1; i >= 0; i--) {
      if (p->devices[i].name[0] == '\0')
        free_at = i;
      else if (strcmp (p->devices[i].name, out_name) == 0)
        at = i;
    }
    if (at < 0)
      return free_at;
    if (p->devices[at].port[side] == 0)
      return at;
  }
  return -1;
}

static void
place_port (struct ech_midi_ports *p, struct port *port)
{
  char           base[ECH_MIDI_DEVICE_NAME], name[ECH_MIDI_DEVICE_NAME];
  struct device *device;
  int            at;
  bool           is_new;

  base_name (p, port, base, sizeof base);
  at = base[0] ? place_for (p, base, port->side, name) : -1;
  if (at < 0)
    return;
  device = &p->devices[at];
  is_new = device->name[0] == '\0';
  if (is_new) {
    *device = (struct device){ .slot = -1, .ports = p };
    snprintf (device->name, sizeof device->name, "%s", name);
  }
  device->port[port->side] = port->id;
  port->device             = at;
  if (is_new)
    p->events->added (p->data, (unsigned) at);
}

/* Ports of nodes that we know by now, and that are not our own kind's, belong to devices. */
static void
place_ports (struct ech_midi_ports *p)
{
  for (unsigned i = 0; i < MAX_PORTS; i++) {
    struct port *port = &p->ports[i];
    struct node *node;

    if (port->id == 0 || port->device >= 0)
      continue;
    node = find_node (p, port->node);
    if (node && !node->is_ours && !node->is_echelon)
      place_port (p, port);
  }
}

/* --- registry -------------------------------------------------------------------------- */

static const char *
property (const struct spa_dict *props, const char *key)
{
  const char *text = props ? spa_dict_lookup (props, key) : NULL;

  return text ? text : "";
}

static bool
is_our_node (struct ech_midi_ports *p, unsigned side, uint32_t id)
{
  return p->filter[side] && pw_filter_get_node_id (p->filter[side]) == id;
}

static void
on_node (struct ech_midi_ports *p, uint32_t id, const struct spa_dict *props)
{
  const char  *name        = property (props, PW_KEY_NODE_NAME);
  const char  *description = property (props, PW_KEY_NODE_DESCRIPTION);
  struct node *node        = NULL;

  for (unsigned i = 0; i < MAX_NODES && node == NULL; i++)
    if (p->nodes[i].id == 0)
      node = &p->nodes[i];
  if (node == NULL)
    return;
  *node = (struct node){ .id      = id,
                         .is_ours = is_our_node (p, SIDE_IN, id) || is_our_node (p, SIDE_OUT, id),
                         .is_echelon = strncmp (name, ECH_MIDI_NODE, strlen (ECH_MIDI_NODE)) == 0 };
  snprintf (node->name, sizeof node->name, "%s", description[0] ? description : name);
  node->is_learner = !node->is_ours && strcmp (name, ECH_MIDI_LEARN_NODE) == 0
                     && strcmp (p->node_name, ECH_MIDI_LEARN_NODE) != 0;
  if (node->is_learner && ++p->n_learners == 1 && p->events->learning)
    p->events->learning (p->data, true);
}

static bool
is_midi (const char *format)
{
  return strcmp (format, "8 bit raw midi") == 0 || strcmp (format, "8 bit raw control") == 0
         || strcmp (format, "32 bit raw UMP") == 0;
}

static void
on_port (struct ech_midi_ports *p, uint32_t id, const struct spa_dict *props)
{
  const char *alias      = property (props, PW_KEY_PORT_ALIAS),
             *name       = property (props, PW_KEY_PORT_NAME);
  bool         is_source = strcmp (property (props, PW_KEY_PORT_DIRECTION), "out") == 0;
  struct port *port      = NULL;
  unsigned     n;
  uint32_t     node_id;

  if (!is_midi (property (props, PW_KEY_FORMAT_DSP))
      || strcmp (property (props, PW_KEY_PORT_MONITOR), "true") == 0)
    return;
  node_id = (uint32_t) strtoul (property (props, PW_KEY_NODE_ID), NULL, 10);
  if (is_our_node (p, SIDE_IN, node_id) || is_our_node (p, SIDE_OUT, node_id)) {
    if (sscanf (name, is_source ? "out_%u" : "in_%u", &n) == 1 && n >= 1 && n <= ECH_MIDI_MAX_USED)
      p->our_port[is_source ? SIDE_OUT : SIDE_IN][n - 1] = id;
    return;
  }
  for (unsigned i = 0; i < MAX_PORTS && port == NULL; i++)
    if (p->ports[i].id == 0)
      port = &p->ports[i];
  if (port == NULL)
    return;
  *port = (struct port){ .id      = id,
                         .node    = node_id,
                         .side    = is_source ? SIDE_IN : SIDE_OUT,
                         .is_alsa = strncmp (property (props, PW_KEY_OBJECT_PATH), "alsa:", 5) == 0,
                         .device  = -1 };
  snprintf (port->name, sizeof port->name, "%s", alias[0] ? alias : name);
}

static void
on_global (void                  *data,
           uint32_t               id,
           uint32_t               permissions,
           const char            *type,
           uint32_t               version,
           const struct spa_dict *props)
{
  struct ech_midi_ports *p = data;

  if (strcmp (type, PW_TYPE_INTERFACE_Node) == 0)
    on_node (p, id, props);
  else if (strcmp (type, PW_TYPE_INTERFACE_Port) == 0)
    on_port (p, id, props);
  else
    return;
  place_ports (p);
  settle_links (p);
}

static void
forget_port (struct ech_midi_ports *p, struct port *port)
{
  struct device *device = port->device >= 0 ? &p->devices[port->device] : NULL;

  if (device) {
    device->port[port->side] = 0;
    drop_link (device, port->side);
    if (device->port[SIDE_IN] == 0 && device->port[SIDE_OUT] == 0)
      remove_device (p, (unsigned) port->device);
  }
  port->id = 0;
}

static void
on_global_remove (void *data, uint32_t id)
{
  struct ech_midi_ports *p    = data;
  struct node           *node = find_node (p, id);

  for (unsigned i = 0; i < MAX_PORTS; i++)
    if (p->ports[i].id == id)
      forget_port (p, &p->ports[i]);
  if (node == NULL)
    return;
  if (node->is_learner && --p->n_learners == 0 && p->events->learning)
    p->events->learning (p->data, false);
  node->id = 0;
}

static const struct pw_registry_events registry_events = {
  PW_VERSION_REGISTRY_EVENTS,
  .global        = on_global,
  .global_remove = on_global_remove,
};

/* --- connection ------------------------------------------------------------------------ */

static void
on_core_error (void *data, uint32_t id, int seq, int res, const char *message)
{
  struct ech_midi_ports *p = data;

  if (id == PW_ID_CORE && res == -EPIPE)
    p->is_broken = true;
}

static const struct pw_core_events core_events = {
  PW_VERSION_CORE_EVENTS,
  .error = on_core_error,
};

static void
disconnect (struct ech_midi_ports *p)
{
  bool was_connected = p->core != NULL;

  for (unsigned i = 0; i < ECH_MIDI_MAX_DEVICES; i++)
    if (p->devices[i].name[0])
      remove_device (p, i);
  memset (p->ports, 0, sizeof p->ports);
  memset (p->nodes, 0, sizeof p->nodes);
  memset (p->our_port, 0, sizeof p->our_port);
  if (p->n_learners > 0 && p->events->learning)
    p->events->learning (p->data, false);
  p->n_learners = 0;
  for (unsigned side = 0; side < N_SIDES; side++) {
    if (p->filter[side]) {
      spa_hook_remove (&p->filter_hook[side]);
      pw_filter_destroy (p->filter[side]);
    }
    p->filter[side] = NULL;
  }
  if (p->registry) {
    spa_hook_remove (&p->registry_hook);
    pw_proxy_destroy ((struct pw_proxy *) p->registry);
  }
  if (p->core) {
    spa_hook_remove (&p->core_hook);
    pw_core_disconnect (p->core);
  }
  p->registry = NULL;
  p->core     = NULL;
  if (was_connected && p->events->connected)
    p->events->connected (p->data, false);
}

static bool
add_ports (struct ech_midi_ports *p, unsigned side)
{
  for (unsigned i = 0; i < ECH_MIDI_MAX_USED; i++) {
    char name[16];

    snprintf (name, sizeof name, side == SIDE_IN ? "in_%u" : "out_%u", i + 1);
    p->rt_port[side][i] = pw_filter_add_port (
        p->filter[side], side == SIDE_IN ? PW_DIRECTION_INPUT : PW_DIRECTION_OUTPUT,
        PW_FILTER_PORT_FLAG_MAP_BUFFERS, sizeof (void *),
        pw_properties_new (PW_KEY_FORMAT_DSP, "8 bit raw midi", PW_KEY_PORT_NAME, name, NULL), NULL,
        0);
    if (p->rt_port[side][i] == NULL)
      return false;
  }
  return true;
}

static bool
make_filter (struct ech_midi_ports *p, unsigned side)
{
  /* as the engine's nodes: tests lead the graph with it */
  const char *group = getenv ("ECHELON_NODE_GROUP");
  char        name[80];

  snprintf (name, sizeof name, side == SIDE_IN ? "%s" : "%s-out", p->node_name);
  p->filter[side] = pw_filter_new (
      p->core, name,
      pw_properties_new (PW_KEY_NODE_NAME, name, PW_KEY_NODE_DESCRIPTION, "Echelon MIDI",
                         PW_KEY_MEDIA_TYPE, "Midi", PW_KEY_MEDIA_CATEGORY, "Filter",
                         PW_KEY_MEDIA_ROLE, "DSP", PW_KEY_NODE_ALWAYS_PROCESS, "true",
                         PW_KEY_NODE_GROUP, group, NULL));
  if (p->filter[side] == NULL)
    return false;
  pw_filter_add_listener (p->filter[side], &p->filter_hook[side], &filter_events[side], p);
  return add_ports (p, side)
         && pw_filter_connect (p->filter[side], PW_FILTER_FLAG_RT_PROCESS, NULL, 0) >= 0;
}

/* One node for both ways would stand in a ring with a device that has both: PipeWire cuts a ring
 * open by a cycle's delay, and that may fall on what is pressed. */
static bool
make_filters (struct ech_midi_ports *p)
{
  return make_filter (p, SIDE_IN) && make_filter (p, SIDE_OUT);
}

static void
connect_to (struct ech_midi_ports *p)
{
  p->is_broken = false;
  p->retry_ns  = 0;
  p->core      = pw_context_connect (p->context, NULL, 0);
  if (p->core == NULL) {
    p->retry_ns = now_ns() + RETRY_NS;
    return;
  }
  pw_core_add_listener (p->core, &p->core_hook, &core_events, p);
  if (make_filters (p)) {
    p->registry = pw_core_get_registry (p->core, PW_VERSION_REGISTRY, 0);
    pw_registry_add_listener (p->registry, &p->registry_hook, &registry_events, p);
    if (p->events->connected)
      p->events->connected (p->data, true);
  } else {
    p->is_broken = true;
  }
}

/* --- public ---------------------------------------------------------------------------- */

struct ech_midi_ports *
ech_midi_ports_new (const char *node_name, const struct ech_midi_ports_events *events, void *data)
{
  struct ech_midi_ports *p = calloc (1, sizeof *p);

  if (p == NULL)
    return NULL;
  pw_init (NULL, NULL);
  p->events = events;
  p->data   = data;
  snprintf (p->node_name, sizeof p->node_name, "%s", node_name);
  spa_ringbuffer_init (&p->in.buffer);
  spa_ringbuffer_init (&p->now.buffer);
  spa_ringbuffer_init (&p->timed.buffer);
  for (unsigned i = 0; i < ECH_MIDI_MAX_USED; i++)
    p->device_of_slot[i] = -1;
  for (unsigned i = 0; i < ECH_MIDI_MAX_DEVICES; i++)
    p->devices[i].slot = -1;
  p->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  p->loop    = pw_loop_new (NULL);
  if (p->wake_fd >= 0 && p->loop) {
    pw_loop_enter (p->loop);
    p->wake = pw_loop_add_io (p->loop, p->wake_fd, SPA_IO_IN, false, on_wake, p);
    p->context =
        pw_context_new (p->loop, pw_properties_new (PW_KEY_CONFIG_NAME, "client-rt.conf", NULL), 0);
  }
  if (p->context == NULL) {
    ech_midi_ports_free (p);
    return NULL;
  }
  connect_to (p);
  return p;
}

void
ech_midi_ports_free (struct ech_midi_ports *p)
{
  if (p == NULL)
    return;
  disconnect (p);
  if (p->context)
    pw_context_destroy (p->context);
  if (p->loop) {
    if (p->wake)
      pw_loop_destroy_source (p->loop, p->wake);
    pw_loop_leave (p->loop);
    pw_loop_destroy (p->loop);
  }
  if (p->wake_fd >= 0)
    close (p->wake_fd);
  free (p);
  pw_deinit();
}

int
ech_midi_ports_fd (struct ech_midi_ports *p)
{
  return pw_loop_get_fd (p->loop);
}

void
ech_midi_ports_dispatch (struct ech_midi_ports *p)
{
  for (unsigned i = 0; i < 16 && pw_loop_iterate (p->loop, 0) > 0; i++)
    ;
  if (p->is_broken) {
    /* not from a callback: what calls it would be destroyed under its feet */
    disconnect (p);
    p->is_broken = false;
    p->retry_ns  = now_ns() + RETRY_NS;
  }
  if (p->core == NULL && now_ns() >= p->retry_ns)
    connect_to (p);
}

int
ech_midi_ports_timeout_ms (struct ech_midi_ports *p)
{
  uint64_t now = now_ns();

  if (p->core)
    return -1;
  return p->retry_ns <= now ? 0 : (int) ((p->retry_ns - now) / 1000000 + 1);
}

const char *
ech_midi_ports_name (struct ech_midi_ports *p, unsigned device)
{
  return device < ECH_MIDI_MAX_DEVICES && p->devices[device].name[0] ? p->devices[device].name
                                                                     : NULL;
}

bool
ech_midi_ports_has_input (struct ech_midi_ports *p, unsigned device)
{
  return p->devices[device].port[SIDE_IN] != 0;
}

bool
ech_midi_ports_has_output (struct ech_midi_ports *p, unsigned device)
{
  return p->devices[device].port[SIDE_OUT] != 0;
}

int
ech_midi_ports_use (struct ech_midi_ports *p, unsigned index, bool use)
{
  struct device *device = &p->devices[index];

  if (use == (device->slot >= 0))
    return 0;
  if (!use) {
    drop_links (device);
    p->device_of_slot[device->slot] = -1;
    device->slot                    = -1;
    return 0;
  }
  for (int i = 0; i < ECH_MIDI_MAX_USED; i++) {
    if (p->device_of_slot[i] < 0) {
      p->device_of_slot[i] = (int) index;
      device->slot         = i;
      settle_links (p);
      return 0;
    }
  }
  return -ENOSPC;
}

int
ech_midi_ports_send (struct ech_midi_ports *p,
                     unsigned               device,
                     const uint8_t         *bytes,
                     unsigned               n_bytes,
                     uint64_t               time_ns)
{
  struct ech_midi_entry entry = { .time_ns = time_ns, .n_bytes = n_bytes };

  if (p->devices[device].slot < 0)
    return -ENOTCONN;
  if (n_bytes > MOST_A_CYCLE - 32)
    return -ENOSPC;
  entry.slot = (uint16_t) p->devices[device].slot;
  return ech_midi_ring_push (time_ns ? &p->timed : &p->now, &entry, bytes) ? 0 : -ENOSPC;
}
