/* click-peer: an Ableton Link peer that clicks by the graph's clock, to compare others with.
 *
 *   click-peer [--tempo BPM] [--quantum BEATS] [--latency-us N] [--no-audio]
 *
 * A PipeWire node with the output "clicks": one sample on the frame that is nearest to each beat
 * (1.0 where the quantum begins, else 0.5), placed from the graph clock's own time, not from the
 * time at which we are called.  Shares no code with the driver that it judges.
 *
 * Commands on stdin, a line each: enable, disable, tempo BPM, play, stop, state; each is answered
 * by a line "state TIME_US TEMPO BEAT PHASE PEERS PLAYING".  Ends with stdin.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <abl_link.h>
#include <inttypes.h>
#include <math.h>
#include <pipewire/filter.h>
#include <pipewire/pipewire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct peer {
  abl_link               link;
  abl_link_session_state audio, app;
  double                 quantum;
  double                 latency_us;
  struct pw_main_loop   *loop;
  struct pw_filter      *filter;
  void                  *port;
  char                   line[128];
  size_t                 fill;
};

static int64_t
clock_ns (clockid_t clock)
{
  struct timespec ts;

  clock_gettime (clock, &ts);
  return ts.tv_sec * INT64_C (1000000000) + ts.tv_nsec;
}

/* Link's clock is CLOCK_MONOTONIC_RAW, the graph's CLOCK_MONOTONIC. */
static int64_t
raw_behind_ns (void)
{
  int64_t width = INT64_MAX, behind = 0;

  for (int i = 0; i < 5; i++) {
    int64_t a = clock_ns (CLOCK_MONOTONIC), raw = clock_ns (CLOCK_MONOTONIC_RAW);
    int64_t b = clock_ns (CLOCK_MONOTONIC);

    if (b - a < width) {
      width  = b - a;
      behind = a + (b - a) / 2 - raw;
    }
  }
  return behind;
}

/* Thread: audio. */
static void
on_process (void *data, struct spa_io_position *position)
{
  struct peer *peer = data;
  uint32_t     n    = (uint32_t) position->clock.duration;
  float       *out  = pw_filter_get_dsp_buffer (peer->port, n);
  double       t0 = (double) ((int64_t) position->clock.nsec - raw_behind_ns()) / 1e3 + peer->latency_us;
  double       frame_us = 1e6 / position->clock.rate.denom;
  double       tempo, beat;

  if (out == NULL)
    return;
  memset (out, 0, n * sizeof *out);
  abl_link_capture_audio_session_state (peer->link, peer->audio);
  tempo = abl_link_tempo (peer->audio);
  beat  = abl_link_beat_at_time (peer->audio, (int64_t) floor (t0), peer->quantum)
         + (t0 - floor (t0)) * tempo / 60e6;
  for (double next = ceil (beat - 0.5 * frame_us * tempo / 60e6);; next += 1.0) {
    long at = lround ((next - beat) * 60e6 / tempo / frame_us);

    if (at >= (long) n)
      break;
    if (at >= 0)
      out[at] = fabs (remainder (next, peer->quantum)) < 0.5 ? 1.0f : 0.5f;
  }
}

static const struct pw_filter_events filter_events = {
  PW_VERSION_FILTER_EVENTS,
  .process = on_process,
};

static void
print_state (struct peer *peer)
{
  int64_t now = abl_link_clock_micros (peer->link);

  abl_link_capture_app_session_state (peer->link, peer->app);
  printf ("state %" PRId64 " %.6f %.6f %.6f %d %d\n", now, abl_link_tempo (peer->app),
          abl_link_beat_at_time (peer->app, now, peer->quantum),
          abl_link_phase_at_time (peer->app, now, peer->quantum),
          (int) abl_link_num_peers (peer->link), abl_link_is_playing (peer->app));
  fflush (stdout);
}

static void
obey (struct peer *peer, const char *line)
{
  int64_t now = abl_link_clock_micros (peer->link);

  abl_link_capture_app_session_state (peer->link, peer->app);
  if (strcmp (line, "enable") == 0)
    abl_link_enable (peer->link, true);
  else if (strcmp (line, "disable") == 0)
    abl_link_enable (peer->link, false);
  else if (strncmp (line, "tempo ", 6) == 0)
    abl_link_set_tempo (peer->app, atof (line + 6), now);
  else if (strcmp (line, "play") == 0)
    abl_link_set_is_playing (peer->app, true, (uint64_t) now);
  else if (strcmp (line, "stop") == 0)
    abl_link_set_is_playing (peer->app, false, (uint64_t) now);
  abl_link_commit_app_session_state (peer->link, peer->app);
  print_state (peer);
}

static void
on_stdin (void *data, int fd, uint32_t mask)
{
  struct peer *peer = data;
  char         byte;

  if (read (fd, &byte, 1) <= 0) {
    pw_main_loop_quit (peer->loop);
  } else if (byte != '\n') {
    if (peer->fill < sizeof peer->line - 1)
      peer->line[peer->fill++] = byte;
  } else {
    peer->line[peer->fill] = '\0';
    peer->fill             = 0;
    obey (peer, peer->line);
  }
}

static bool
open_node (struct peer *peer)
{
  peer->filter = pw_filter_new_simple (
      pw_main_loop_get_loop (peer->loop), "click-peer",
      pw_properties_new (PW_KEY_NODE_NAME, "click-peer", PW_KEY_NODE_ALWAYS_PROCESS, "true", NULL),
      &filter_events, peer);
  if (peer->filter == NULL)
    return false;
  peer->port = pw_filter_add_port (
      peer->filter, PW_DIRECTION_OUTPUT, PW_FILTER_PORT_FLAG_MAP_BUFFERS, sizeof (void *),
      pw_properties_new (PW_KEY_FORMAT_DSP, "32 bit float mono audio", PW_KEY_PORT_NAME, "clicks", NULL),
      NULL, 0);
  return peer->port != NULL
         && pw_filter_connect (peer->filter, PW_FILTER_FLAG_RT_PROCESS, NULL, 0) >= 0;
}

int
main (int argc, char **argv)
{
  struct peer peer  = { .quantum = 4 };
  double      tempo = 120;
  bool        audio = true;

  for (int i = 1; i < argc; i++) {
    if (strcmp (argv[i], "--no-audio") == 0)
      audio = false;
    else if (i + 1 < argc && strcmp (argv[i], "--tempo") == 0)
      tempo = atof (argv[++i]);
    else if (i + 1 < argc && strcmp (argv[i], "--quantum") == 0)
      peer.quantum = atof (argv[++i]);
    else if (i + 1 < argc && strcmp (argv[i], "--latency-us") == 0)
      peer.latency_us = atof (argv[++i]);
    else
      return 2;
  }
  pw_init (NULL, NULL);
  peer.loop  = pw_main_loop_new (NULL);
  peer.link  = abl_link_create (tempo);
  peer.audio = abl_link_create_session_state();
  peer.app   = abl_link_create_session_state();
  abl_link_enable_start_stop_sync (peer.link, true);
  pw_loop_add_io (pw_main_loop_get_loop (peer.loop), STDIN_FILENO, SPA_IO_IN | SPA_IO_HUP, false,
                  on_stdin, &peer);
  if (audio && !open_node (&peer)) {
    fprintf (stderr, "click-peer: no PipeWire\n");
    return 1;
  }
  print_state (&peer);
  pw_main_loop_run (peer.loop);
  if (peer.filter != NULL)
    pw_filter_destroy (peer.filter);
  abl_link_enable (peer.link, false);
  abl_link_destroy (peer.link);
  pw_main_loop_destroy (peer.loop);
  pw_deinit();
  return 0;
}
