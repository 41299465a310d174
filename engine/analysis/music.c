/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/analysis/music.h"

#include <pthread.h>
#include <stdlib.h>

#include "engine/analysis/attack.h"
#include "engine/analysis/beats.h"
#include "engine/analysis/key.h"
#include "engine/analysis/loudness.h"
#include "engine/analysis/onsets.h"
#include "engine/analysis/tempo.h"
#include "engine/media/track.h"

/* A grid that is believed less than this is none: noise gets 0.07. */
#define LEAST_CONFIDENCE 0.15

struct music {
  const float         *frames;
  uint64_t             n_frames;
  double               rate;
  EchMusicProgress     progress;
  void                *data;
  struct ech_analysis *out;
};

/* As long as the rest together, and without need of it: it has its own thread. */
static void *
measure_loudness (void *data)
{
  struct music *music = data;

  ech_loudness_measure (music->frames, music->n_frames, music->rate, &music->out->lufs,
                        &music->out->true_peak_dbtp);
  return NULL;
}

static bool
find_grid (struct music *music, const struct ech_onsets *onsets, struct ech_grid *out_grid)
{
  double *beats;
  size_t  n_beats = ech_beats_track (music->frames, music->n_frames, music->rate, music->progress,
                                     music->data, &beats);
  bool    found = ech_tempo_find_grid (onsets, beats, n_beats, music->frames, music->n_frames,
                                       music->rate, out_grid);

  free (beats);
  return found && out_grid->confidence >= LEAST_CONFIDENCE;
}

static void
find_beats (struct music *music)
{
  struct ech_analysis *out = music->out;
  struct ech_onsets    onsets;
  struct ech_grid      grid = { 0 };

  if (ech_onsets_init (&onsets, music->frames, music->n_frames, music->rate) < 0)
    return;
  music->progress (music->data);
  if (find_grid (music, &onsets, &grid)) {
    ech_attack_refine (music->frames, music->n_frames, music->rate, &grid);
    grid.downbeat   = ech_beats_find_downbeat (music->frames, music->n_frames, music->rate, &grid);
    out->has_grid   = true;
    out->grid       = grid;
    out->bpm        = ech_grid_bpm (&grid, music->rate);
    out->confidence = grid.confidence;
  }
  ech_onsets_finish (&onsets);
}

void
ech_music_analyse (const float         *frames,
                   uint64_t             n_frames,
                   double               rate,
                   EchMusicProgress     progress,
                   void                *data,
                   struct ech_analysis *out_analysis)
{
  struct music music = { frames, n_frames, rate, progress, data, out_analysis };
  pthread_t    thread;
  bool         threaded;

  *out_analysis = (struct ech_analysis){
    .done = true, .key = ECH_KEY_UNKNOWN, .lufs = NAN, .true_peak_dbtp = NAN,
    .grid.beats_per_bar = 4,
  };
  threaded = pthread_create (&thread, NULL, measure_loudness, &music) == 0;
  find_beats (&music);
  progress (data);
  out_analysis->key = ech_key_find (frames, n_frames, rate, progress, data);
  if (threaded)
    pthread_join (thread, NULL);
  else
    measure_loudness (&music);
}
