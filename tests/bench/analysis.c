/* Analysis as a multiple of real time, part by part.
 *
 *   bench-analysis FILE
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/analysis/beats.h"
#include "engine/analysis/key.h"
#include "engine/analysis/loudness.h"
#include "engine/analysis/music.h"
#include "engine/analysis/onsets.h"
#include "engine/analysis/peaks.h"
#include "engine/analysis/tempo.h"
#include "engine/media/track.h"

enum { N_ROUNDS = 3, REPEAT = 4 };

struct song {
  float    *frames;
  uint64_t  n_frames;
  double    rate;
  double   *beats;
  size_t    n_beats;
};

static void
on_progress (void *data)
{
  (void) data;
}

static void
run_beats (struct song *song)
{
  free (song->beats);
  song->n_beats = ech_beats_track (song->frames, song->n_frames, song->rate, on_progress, NULL,
                                   &song->beats);
}

static void
run_grid (struct song *song)
{
  struct ech_onsets onsets;
  struct ech_grid   grid;

  if (ech_onsets_init (&onsets, song->frames, song->n_frames, song->rate) < 0)
    return;
  ech_tempo_find_grid (&onsets, song->beats, song->n_beats, song->frames, song->n_frames,
                       song->rate, &grid);
  ech_onsets_finish (&onsets);
}

static void
run_key (struct song *song)
{
  ech_key_find (song->frames, song->n_frames, song->rate, on_progress, NULL);
}

static void
run_loudness (struct song *song)
{
  double lufs, peak;

  ech_loudness_measure (song->frames, song->n_frames, song->rate, &lufs, &peak);
}

static void
run_peaks (struct song *song)
{
  struct ech_peaks                peaks;
  g_autofree struct ech_peak_bin *bins
    = g_new (struct ech_peak_bin, song->n_frames / ECH_PEAK_BIN_FRAMES + 1);

  ech_peaks_init (&peaks, song->rate);
  ech_peaks_add (&peaks, song->frames, song->n_frames, bins);
}

static void
run_all (struct song *song)
{
  struct ech_analysis found;

  ech_music_analyse (song->frames, song->n_frames, song->rate, on_progress, NULL, &found);
}

static const struct { const char *name; void (*run) (struct song *song); } parts[] = {
  { "peaks", run_peaks },        { "beats (qm-dsp)", run_beats },
  { "onsets and grid", run_grid }, { "key (qm-dsp)", run_key },
  { "loudness, true peak", run_loudness }, { "all, as the worker does", run_all },
};

static void
read_song (struct song *song, const char *path)
{
  SF_INFO  info = { 0 };
  SNDFILE *file = sf_open (path, SFM_READ, &info);

  if (!file || info.channels != 2) {
    fprintf (stderr, "bench-analysis: cannot read %s\n", path);
    exit (1);
  }
  song->rate     = info.samplerate;
  song->n_frames = (uint64_t) info.frames * REPEAT;
  song->frames   = g_new (float, 2 * song->n_frames);
  for (int i = 0; i < REPEAT; i++) {
    sf_seek (file, 0, SEEK_SET);
    sf_readf_float (file, song->frames + 2 * i * info.frames, info.frames);
  }
  sf_close (file);
}

int
main (int argc, char **argv)
{
  struct song song = { 0 };

  if (argc != 2)
    return 2;
  read_song (&song, argv[1]);
  printf ("A track of %.0f s\n", song.n_frames / song.rate);
  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++) {
    gint64  best_us  = G_MAXINT64;
    clock_t best_cpu = 0;

    for (int round = 0; round < N_ROUNDS; round++) {
      gint64  start_us  = g_get_monotonic_time (), us;
      clock_t start_cpu = clock ();

      parts[i].run (&song);
      us = g_get_monotonic_time () - start_us;
      if (us < best_us)
        best_us = us, best_cpu = clock () - start_cpu;
    }
    printf ("%-26s %6.0f x real time (%.0f x of one core)\n", parts[i].name,
            song.n_frames / song.rate / (best_us / 1e6),
            song.n_frames / song.rate / ((double) best_cpu / CLOCKS_PER_SEC));
  }
  g_free (song.frames);
  free (song.beats);
  return 0;
}
