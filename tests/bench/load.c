/* From the request to READY, for each format: milliseconds.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/media/sounds.h"

enum { N_ROUNDS = 40 };

static const struct { const char *name, *command; } cases[] = {
  { "song.wav", NULL },
  { "song.flac", "flac -f -o song.flac song.wav" },
  { "song.mp3", "lame -b 192 song.wav song.mp3" },
  { "song.ogg", "oggenc -q 5 -o song.ogg song.wav" },
  { "song.opus", "opusenc song.wav song.opus" },
};

struct times {
  gint64 start_us, ready_us, decoded_us;
  gint   done;
};

static void
on_stage (EchLoadId id, enum ech_load_stage stage, EchTrack *track, const GError *error,
          gpointer user_data)
{
  struct times *times = user_data;

  if (stage == ECH_LOAD_READY)
    times->ready_us = g_get_monotonic_time () - times->start_us;
  else
    times->decoded_us = g_get_monotonic_time () - times->start_us;
  if (stage != ECH_LOAD_READY)
    g_atomic_int_set (&times->done, 1);
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static void
measure (const char *name, bool cold)
{
  g_autofree char *path = sounds_path (name);
  EchLoader       *loader = ech_loader_new ();
  double           ready_ms[N_ROUNDS], decoded_ms[N_ROUNDS];

  for (int i = 0; i < N_ROUNDS; i++) {
    struct times times = { 0 };

    if (cold) { /* no idle worker is there yet */
      ech_loader_free (loader);
      loader = ech_loader_new ();
    } else {
      g_usleep (60000);
    }
    times.start_us = g_get_monotonic_time ();
    ech_loader_load (loader, path, ECH_LOAD_NO_ANALYSIS, on_stage, &times);
    while (!g_atomic_int_get (&times.done))
      g_usleep (200);
    ready_ms[i]   = times.ready_us / 1e3;
    decoded_ms[i] = times.decoded_us / 1e3;
  }
  qsort (ready_ms, N_ROUNDS, sizeof *ready_ms, compare);
  qsort (decoded_ms, N_ROUNDS, sizeof *decoded_ms, compare);
  printf (
      "%-10s %-5s playable: median %6.2f ms, worst %6.2f ms; decoded: median %7.1f ms (%.0f x)\n",
      name, cold ? "cold" : "warm", ready_ms[N_ROUNDS / 2], ready_ms[N_ROUNDS - 1],
      decoded_ms[N_ROUNDS / 2], 180.0e3 / decoded_ms[N_ROUNDS / 2]);
  ech_loader_free (loader);
}

int
main (void)
{
  g_autofree char *wav =
      sounds_write ("song.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 180.0);

  printf ("A track of 180 s, %d loads each\n", N_ROUNDS);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    if (!cases[i].command || sounds_run (cases[i].command)) {
      measure (cases[i].name, false);
      measure (cases[i].name, true);
    }
  sounds_finish ();
  return 0;
}
