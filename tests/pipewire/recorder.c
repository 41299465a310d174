/* recorder: keeps what comes in, with the driver's clock of each block.
 *
 *   recorder FILE [--ports N] [--seconds S] [--group NAME] [--name NAME] [--latency N]
 *
 * A PipeWire node with the inputs in_1 .. in_N.  Says "ready" when the daemon knows
 * it; writes FILE at SIGTERM or the end of stdin.  FILE is a row of blocks: a header
 * (struct header below) and N runs of samples, 32-bit float; unlinked inputs are NaN.
 * With --latency it says of itself, as a device would, that it is N frames late.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <pipewire/filter.h>
#include <pipewire/pipewire.h>
#include <signal.h>
#include <spa/node/io.h>
#include <spa/param/latency-utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PORTS = 16, MAX_RATE = 96000 };

struct header {
  uint32_t clock_id;
  uint32_t rate;
  uint64_t position;
  uint64_t nsec;
  uint32_t n_frames;
  uint32_t n_ports;
};

struct recorder {
  struct pw_main_loop *loop;
  struct pw_filter    *filter;
  struct spa_hook      hook;
  unsigned             n_ports;
  void                *ports[MAX_PORTS];
  char                *memory;
  size_t               size;
  size_t               fill;
  unsigned             lost_blocks; /* memory full */
};

/* Thread: audio. */
static void
on_process (void *data, struct spa_io_position *position)
{
  struct recorder *recorder = data;
  uint32_t         n        = position->clock.duration;
  struct header    header   = {
         .clock_id = position->clock.id,
         .rate     = position->clock.rate.denom,
         .position = position->clock.position,
         .nsec     = position->clock.nsec,
         .n_frames = n,
         .n_ports  = recorder->n_ports,
  };

  if (recorder->fill + sizeof header + (size_t) recorder->n_ports * n * sizeof (float)
      > recorder->size) {
    recorder->lost_blocks++;
    return;
  }
  memcpy (recorder->memory + recorder->fill, &header, sizeof header);
  recorder->fill += sizeof header;
  for (unsigned p = 0; p < recorder->n_ports; p++) {
    float *out = (float *) (recorder->memory + recorder->fill);
    float *in  = pw_filter_get_dsp_buffer (recorder->ports[p], n);

    for (uint32_t i = 0; i < n; i++)
      out[i] = in != NULL ? in[i] : NAN;
    recorder->fill += n * sizeof (float);
  }
}

static void
on_state_changed (void                *data,
                  enum pw_filter_state old,
                  enum pw_filter_state state,
                  const char          *error)
{
  if (state == PW_FILTER_STATE_PAUSED && old == PW_FILTER_STATE_CONNECTING) {
    printf ("ready\n");
    fflush (stdout);
  }
}

static const struct pw_filter_events filter_events = {
  PW_VERSION_FILTER_EVENTS,
  .process       = on_process,
  .state_changed = on_state_changed,
};

static void
on_stdin (void *data, int fd, uint32_t mask)
{
  char byte;

  if (read (fd, &byte, 1) <= 0)
    pw_main_loop_quit (((struct recorder *) data)->loop);
}

static void
on_signal (void *data, int number)
{
  pw_main_loop_quit (((struct recorder *) data)->loop);
}

static void
add_ports (struct recorder *recorder)
{
  for (unsigned p = 0; p < recorder->n_ports; p++) {
    char name[16];

    snprintf (name, sizeof name, "in_%u", p + 1);
    recorder->ports[p] = pw_filter_add_port (
        recorder->filter, PW_DIRECTION_INPUT, PW_FILTER_PORT_FLAG_MAP_BUFFERS, sizeof (void *),
        pw_properties_new (PW_KEY_FORMAT_DSP, "32 bit float mono audio", PW_KEY_PORT_NAME, name,
                           NULL),
        NULL, 0);
  }
}

static void
tell_latency (struct recorder *recorder, uint32_t frames)
{
  struct spa_latency_info info =
      SPA_LATENCY_INFO (SPA_DIRECTION_INPUT, .min_rate = frames, .max_rate = frames);
  uint8_t bytes[512];

  for (unsigned p = 0; p < recorder->n_ports; p++) {
    struct spa_pod_builder builder   = SPA_POD_BUILDER_INIT (bytes, sizeof bytes);
    const struct spa_pod  *params[1] = { spa_latency_build (&builder, SPA_PARAM_Latency, &info) };

    pw_filter_update_params (recorder->filter, recorder->ports[p], params, 1);
  }
}

static int
write_file (const struct recorder *recorder, const char *path)
{
  FILE *file = fopen (path, "wb");
  bool  is_written;

  if (file == NULL)
    return 1;
  is_written = fwrite (recorder->memory, 1, recorder->fill, file) == recorder->fill;
  return fclose (file) == 0 && is_written ? 0 : 1;
}

int
main (int argc, char **argv)
{
  struct recorder    recorder = { .n_ports = 2 };
  const char        *group = NULL, *name = "recorder";
  double             seconds = 30;
  uint32_t           latency = 0;
  struct pw_context *context;
  struct pw_core    *core;
  struct pw_loop    *loop;
  int                result;

  for (int i = 2; i + 1 < argc; i += 2) {
    if (strcmp (argv[i], "--ports") == 0)
      recorder.n_ports = SPA_MIN ((unsigned) atoi (argv[i + 1]), (unsigned) MAX_PORTS);
    else if (strcmp (argv[i], "--seconds") == 0)
      seconds = atof (argv[i + 1]);
    else if (strcmp (argv[i], "--group") == 0)
      group = argv[i + 1];
    else if (strcmp (argv[i], "--name") == 0)
      name = argv[i + 1];
    else if (strcmp (argv[i], "--latency") == 0)
      latency = strtoul (argv[i + 1], NULL, 10);
  }
  if (argc < 2)
    return 2;
  /* touched before the audio thread runs; headers take about as much as samples at 16 frames */
  recorder.size   = (size_t) (seconds * MAX_RATE) * recorder.n_ports * sizeof (float) + (4u << 20);
  recorder.memory = malloc (recorder.size);
  memset (recorder.memory, 0xff, recorder.size);

  pw_init (NULL, NULL);
  recorder.loop = pw_main_loop_new (NULL);
  loop          = pw_main_loop_get_loop (recorder.loop);
  pw_loop_add_signal (loop, SIGTERM, on_signal, &recorder);
  pw_loop_add_signal (loop, SIGINT, on_signal, &recorder);
  pw_loop_add_io (loop, STDIN_FILENO, SPA_IO_IN | SPA_IO_HUP, false, on_stdin, &recorder);
  context =
      pw_context_new (loop, pw_properties_new (PW_KEY_CONFIG_NAME, "client-rt.conf", NULL), 0);
  core = context != NULL ? pw_context_connect (context, NULL, 0) : NULL;
  if (core == NULL) {
    fprintf (stderr, "recorder: no PipeWire\n");
    return 1;
  }
  recorder.filter =
      pw_filter_new (core, name,
                     pw_properties_new (PW_KEY_NODE_NAME, name, PW_KEY_NODE_ALWAYS_PROCESS, "true",
                                        PW_KEY_NODE_GROUP, group, NULL));
  pw_filter_add_listener (recorder.filter, &recorder.hook, &filter_events, &recorder);
  add_ports (&recorder);
  if (pw_filter_connect (recorder.filter, PW_FILTER_FLAG_RT_PROCESS, NULL, 0) < 0)
    return 1;
  if (latency > 0)
    tell_latency (&recorder, latency);
  pw_main_loop_run (recorder.loop);
  spa_hook_remove (&recorder.hook);
  pw_filter_destroy (recorder.filter);
  pw_core_disconnect (core);
  pw_context_destroy (context);
  pw_main_loop_destroy (recorder.loop);
  pw_deinit();
  result = write_file (&recorder, argv[1]);
  if (recorder.lost_blocks > 0)
    fprintf (stderr, "recorder: memory full, %u blocks lost\n", recorder.lost_blocks);
  free (recorder.memory);
  return result;
}
