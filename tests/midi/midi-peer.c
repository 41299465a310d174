/* midi-peer: a MIDI device made of software, led by lines.
 *
 *   midi-peer NODE [ALIAS CLIENT]
 *
 * ALIAS and CLIENT make its ports look like those of ALSA's client of that number.
 *
 * A PipeWire node with a port out, on which it "says", and a port in, on which it
 * "hears".  Commands on stdin:
 *
 *   say HEX          bytes as one event, at the next cycle's begin  -> said POSITION
 *   at FRAME HEX     at a frame within the next cycle               -> said POSITION
 *   flood PATH N     a file's bytes, N in an event, an event a cycle and 64 frames
 *                                                                   -> flooded BYTES
 *   clock FRAMES     a clock tick each so many frames; 0 ends it    -> clock FRAMES
 *   links            -> links IN OUT: whether its ports are linked
 *   quit
 *
 * What it hears comes on stdout: "heard POSITION HEX".
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <inttypes.h>
#include <pipewire/filter.h>
#include <pipewire/pipewire.h>
#include <spa/control/control.h>
#include <spa/pod/builder.h>
#include <spa/pod/iter.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 2048, HEARD = 4096, EVENT = 512 };

struct heard {
  uint64_t position;
  uint32_t n;
  uint8_t  bytes[EVENT];
};

struct peer {
  struct pw_main_loop *loop;
  struct pw_filter    *filter;
  struct spa_hook      hook;
  void                *in, *out;

  /* the main loop fills, the audio thread empties */
  uint8_t     say[MOST];
  uint32_t    n_say, say_frame;
  _Atomic int say_state; /* 0 free, 1 full */
  uint64_t    said_at;

  uint8_t         *flood;
  size_t           n_flood, flood_at, flood_chunk;
  _Atomic int      flood_state;
  _Atomic int      has_in, has_out;
  _Atomic uint32_t clock_frames;
  uint64_t         next_tick; /* position; audio thread */
  struct heard    *heard;
  _Atomic uint32_t n_heard;
  uint32_t         n_told;
};

/* Thread: audio. */
static void
hear (struct peer *p, uint64_t position)
{
  struct pw_buffer       *b = pw_filter_dequeue_buffer (p->in);
  struct spa_data        *d;
  struct spa_pod         *pod;
  struct spa_pod_control *c;

  p->has_in = b != NULL;
  if (b == NULL)
    return;
  d   = &b->buffer->datas[0];
  pod = d->data ? spa_pod_from_data (d->data, d->maxsize, d->chunk->offset, d->chunk->size) : NULL;
  if (pod && spa_pod_is_sequence (pod)) {
    SPA_POD_SEQUENCE_FOREACH ((struct spa_pod_sequence *) pod, c) {
      uint32_t      n = p->n_heard;
      struct heard *h = &p->heard[n % HEARD];

      if (c->type != SPA_CONTROL_Midi)
        continue;
      h->position = position + c->offset;
      h->n        = SPA_MIN (SPA_POD_BODY_SIZE (&c->value), (uint32_t) EVENT);
      memcpy (h->bytes, SPA_POD_BODY (&c->value), h->n);
      p->n_heard = n + 1;
    }
  }
  pw_filter_queue_buffer (p->in, b);
}

/* Thread: audio. */
static void
flood (struct peer *p, struct spa_pod_builder *builder, uint32_t n_frames)
{
  size_t most = 1800;

  for (uint32_t frame = 0; frame < n_frames && most > p->flood_chunk + 32; frame += 8) {
    size_t n = SPA_MIN (p->flood_chunk, p->n_flood - p->flood_at);

    if (n == 0) {
      p->flood_state = 2;
      return;
    }
    spa_pod_builder_control (builder, frame, SPA_CONTROL_Midi);
    spa_pod_builder_bytes (builder, p->flood + p->flood_at, (uint32_t) n);
    p->flood_at += n;
    most -= n + 32;
  }
}

/* Thread: audio. */
static void
tick (struct peer *p, struct spa_pod_builder *builder, const struct spa_io_position *position)
{
  const uint8_t byte  = 0xf8;
  uint64_t      begin = position->clock.position;

  if (p->clock_frames == 0)
    return;
  if (p->next_tick < begin || p->next_tick > begin + 48000)
    p->next_tick = begin;
  for (; p->next_tick < begin + position->clock.duration; p->next_tick += p->clock_frames) {
    spa_pod_builder_control (builder, (uint32_t) (p->next_tick - begin), SPA_CONTROL_Midi);
    spa_pod_builder_bytes (builder, &byte, 1);
  }
}

/* Thread: audio. */
static void
on_process (void *data, struct spa_io_position *position)
{
  struct peer           *p = data;
  struct pw_buffer      *b;
  struct spa_data       *d;
  struct spa_pod_builder builder;
  struct spa_pod_frame   frame;

  hear (p, position->clock.position);
  b          = pw_filter_dequeue_buffer (p->out);
  p->has_out = b != NULL;
  if (b == NULL)
    return;
  d       = &b->buffer->datas[0];
  builder = SPA_POD_BUILDER_INIT (d->data, d->maxsize);
  spa_pod_builder_push_sequence (&builder, &frame, 0);
  if (p->say_state == 1) {
    spa_pod_builder_control (&builder, p->say_frame, SPA_CONTROL_Midi);
    spa_pod_builder_bytes (&builder, p->say, p->n_say);
    p->said_at   = position->clock.position + p->say_frame;
    p->say_state = 2;
  }
  if (p->flood_state == 1)
    flood (p, &builder, (uint32_t) position->clock.duration);
  tick (p, &builder, position);
  spa_pod_builder_pop (&builder, &frame);
  d->chunk->offset = 0;
  d->chunk->size   = builder.state.offset;
  d->chunk->stride = 1;
  pw_filter_queue_buffer (p->out, b);
}

static void
on_state (void *data, enum pw_filter_state old, enum pw_filter_state state, const char *error)
{
  if (state == PW_FILTER_STATE_PAUSED && old == PW_FILTER_STATE_CONNECTING) {
    printf ("ready\n");
    fflush (stdout);
  }
}

static const struct pw_filter_events filter_events = {
  PW_VERSION_FILTER_EVENTS,
  .process       = on_process,
  .state_changed = on_state,
};

static void
say (struct peer *p, const char *hex, uint32_t frame)
{
  char *end;

  p->n_say     = 0;
  p->say_frame = frame;
  for (unsigned long byte; p->n_say < MOST; hex = end) {
    byte = strtoul (hex, &end, 16);
    if (end == hex)
      break;
    p->say[p->n_say++] = (uint8_t) byte;
  }
  p->say_state = 1;
}

static void
start_flood (struct peer *p, char *arguments)
{
  char *space = strchr (arguments, ' ');
  FILE *file;

  *space         = '\0';
  p->flood_chunk = strtoul (space + 1, NULL, 10);
  file           = fopen (arguments, "rb");
  if (file == NULL)
    exit (2);
  fseek (file, 0, SEEK_END);
  p->n_flood = (size_t) ftell (file);
  rewind (file);
  p->flood    = realloc (p->flood, p->n_flood);
  p->flood_at = 0;
  if (fread (p->flood, 1, p->n_flood, file) != p->n_flood)
    exit (2);
  fclose (file);
  p->flood_state = 1;
}

static void
obey (struct peer *p, char *line)
{
  char *arguments = strchr (line, ' ');

  if (arguments)
    *arguments++ = '\0';
  if (strcmp (line, "say") == 0 && arguments) {
    say (p, arguments, 0);
  } else if (strcmp (line, "at") == 0 && arguments) {
    char         *hex;
    unsigned long frame = strtoul (arguments, &hex, 10);

    say (p, hex, (uint32_t) frame);
  } else if (strcmp (line, "flood") == 0 && arguments) {
    start_flood (p, arguments);
  } else if (strcmp (line, "clock") == 0 && arguments) {
    p->clock_frames = (uint32_t) strtoul (arguments, NULL, 10);
    printf ("clock %u\n", p->clock_frames);
    fflush (stdout);
  } else if (strcmp (line, "links") == 0) {
    printf ("links %d %d\n", p->has_in, p->has_out);
    fflush (stdout);
  } else {
    pw_main_loop_quit (p->loop);
  }
}

static void
on_stdin (void *data, int fd, uint32_t mask)
{
  struct peer  *p = data;
  static char   buffer[16384];
  static size_t fill;
  ssize_t       n = read (fd, buffer + fill, sizeof buffer - 1 - fill);
  char         *end;

  if (n <= 0) {
    pw_main_loop_quit (p->loop);
    return;
  }
  fill += (size_t) n;
  buffer[fill] = '\0';
  while ((end = strchr (buffer, '\n'))) {
    *end = '\0';
    obey (p, buffer);
    fill -= (size_t) (end + 1 - buffer);
    memmove (buffer, end + 1, fill + 1);
  }
}

static void
on_timer (void *data, uint64_t count)
{
  struct peer *p = data;

  for (; p->n_told != p->n_heard; p->n_told++) {
    const struct heard *h = &p->heard[p->n_told % HEARD];

    printf ("heard %" PRIu64, h->position);
    for (uint32_t i = 0; i < h->n; i++)
      printf (" %02X", h->bytes[i]);
    printf ("\n");
  }
  if (p->say_state == 2) {
    printf ("said %" PRIu64 "\n", p->said_at);
    p->say_state = 0;
  }
  if (p->flood_state == 2) {
    printf ("flooded %zu\n", p->flood_at);
    p->flood_state = 0;
  }
  fflush (stdout);
}

/* With an alias and a client's number: as ALSA's ports look, which all belong to one node. */
static void *
add_port (struct peer *p, enum pw_direction direction, const char *name, int argc, char **argv)
{
  struct pw_properties *properties =
      pw_properties_new (PW_KEY_FORMAT_DSP, "8 bit raw midi", PW_KEY_PORT_NAME, name, NULL);

  if (argc > 3) {
    pw_properties_set (properties, PW_KEY_PORT_ALIAS, argv[2]);
    pw_properties_setf (properties, PW_KEY_OBJECT_PATH, "alsa:seq:default:client_%s:%s", argv[3],
                        name);
  }
  return pw_filter_add_port (p->filter, direction, PW_FILTER_PORT_FLAG_MAP_BUFFERS, sizeof (void *),
                             properties, NULL, 0);
}

int
main (int argc, char **argv)
{
  static struct peer peer;
  struct timespec    interval = { 0, 1000000 };
  struct pw_context *context;
  struct pw_core    *core;
  struct pw_loop    *loop;
  struct spa_source *timer;

  if (argc < 2)
    return 2;
  peer.heard = calloc (HEARD, sizeof *peer.heard);
  pw_init (NULL, NULL);
  peer.loop = pw_main_loop_new (NULL);
  loop      = pw_main_loop_get_loop (peer.loop);
  pw_loop_add_io (loop, STDIN_FILENO, SPA_IO_IN | SPA_IO_HUP, false, on_stdin, &peer);
  timer = pw_loop_add_timer (loop, on_timer, &peer);
  pw_loop_update_timer (loop, timer, &interval, &interval, false);
  context =
      pw_context_new (loop, pw_properties_new (PW_KEY_CONFIG_NAME, "client-rt.conf", NULL), 0);
  core = context ? pw_context_connect (context, NULL, 0) : NULL;
  if (core == NULL) {
    fprintf (stderr, "midi-peer: no PipeWire\n");
    return 1;
  }
  peer.filter = pw_filter_new (
      core, argv[1],
      pw_properties_new (PW_KEY_NODE_NAME, argv[1], PW_KEY_NODE_ALWAYS_PROCESS, "true",
                         PW_KEY_NODE_GROUP, getenv ("ECHELON_NODE_GROUP"), NULL));
  pw_filter_add_listener (peer.filter, &peer.hook, &filter_events, &peer);
  peer.in  = add_port (&peer, PW_DIRECTION_INPUT, "playback_1", argc, argv);
  peer.out = add_port (&peer, PW_DIRECTION_OUTPUT, "capture_1", argc, argv);
  if (pw_filter_connect (peer.filter, PW_FILTER_FLAG_RT_PROCESS, NULL, 0) < 0)
    return 1;
  pw_main_loop_run (peer.loop);
  spa_hook_remove (&peer.hook);
  pw_filter_destroy (peer.filter);
  pw_core_disconnect (core);
  pw_context_destroy (context);
  pw_main_loop_destroy (peer.loop);
  pw_deinit();
  free (peer.heard);
  free (peer.flood);
  return 0;
}
