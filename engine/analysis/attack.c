/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/analysis/attack.h"

#include <stdlib.h>

#include "engine/analysis/grid.h"

/* An attack is sought this far around a beat, and is to be out of the quiet of as long before. */
#define REACH_SECONDS 0.012

/* It begins where the level is this part of its height, and is followed back to that one. */
#define RISE_SHARE  0.25
#define START_SHARE 0.01
#define BACK_SECONDS 0.002

/* Louder than what went before by at least so much. */
#define LEAST_CONTRAST 8.0

/* Attacks that lie farther apart than this about their line are no one voice. */
#define MOST_SPREAD_SECONDS 0.001

enum { LEAST_ATTACKS = 8 };

/* What changes from frame to frame: a slow swing under the drums counts little. */
static double
level_at (const float *stereo, int64_t i)
{
  double now    = (double) stereo[2 * i] + stereo[2 * i + 1];
  double before = i > 0 ? (double) stereo[2 * i - 2] + stereo[2 * i - 1] : 0.0;

  return fabs (now - 0.97 * before);
}

static double
loudest (const float *stereo, int64_t first, int64_t end)
{
  double most = 0.0;

  for (int64_t i = first < 0 ? 0 : first; i < end; i++)
    most = fmax (most, level_at (stereo, i));
  return most;
}

/* The frame on which the attack near @beat begins, or -1. */
static int64_t
find_attack (const float *stereo, int64_t n_frames, double rate, int64_t beat)
{
  int64_t reach = (int64_t) (REACH_SECONDS * rate);
  int64_t first = beat - reach < 0 ? 0 : beat - reach, end = beat + reach, at, start;
  double  quiet, height;

  if (end > n_frames)
    return -1;
  quiet  = loudest (stereo, first - reach, first);
  height = loudest (stereo, first, end);
  if (height < 0.003 || height < LEAST_CONTRAST * quiet)
    return -1;
  for (at = first; at < end && level_at (stereo, at) < RISE_SHARE * height; at++) {
  }
  /* a wave that swells crosses nothing on its way: the first of it counts */
  start = at - (int64_t) (BACK_SECONDS * rate);
  start = start < first ? first : start;
  while (start < at && level_at (stereo, start) <= fmax (START_SHARE * height, 2.0 * quiet))
    start++;
  return start;
}

bool
ech_attack_refine (const float *stereo, uint64_t n_frames, double rate, struct ech_grid *grid)
{
  struct ech_line line    = { .offset = grid->first_beat_frames, .period = grid->frames_per_beat };
  size_t          n_beats = (size_t) ((double) n_frames / line.period) + 2, n = 0;
  double         *moments = malloc (n_beats * sizeof *moments);
  double          bpm, span, error;
  bool            fits;

  if (moments == NULL)
    return false;
  for (size_t beat = 0; beat < n_beats; beat++) {
    int64_t at = find_attack (stereo, (int64_t) n_frames, rate,
                              llround (line.offset + (double) beat * line.period));

    if (at >= 0)
      moments[n++] = (double) at;
  }
  span = n > 0 ? moments[n - 1] - moments[0] : 0.0;
  fits = n >= LEAST_ATTACKS && n >= n_beats / 4 && ech_grid_fit_line (moments, NULL, n, &line)
         && line.spread < MOST_SPREAD_SECONDS * rate;
  free (moments);
  if (!fits)
    return false;

  bpm   = 60.0 * rate / line.period;
  /* attacks lie on whole frames: no fit knows the tempo better than two of them over its span */
  error = bpm * fmax (line.period_error / line.period, 2.0 / span);
  bpm   = ech_grid_round_bpm (bpm, error);
  /* turned about the middle, where the fit knows the beat best */
  span  = round ((double) n_frames / line.period / 2.0);
  line.offset += span * (line.period - 60.0 * rate / bpm);
  grid->frames_per_beat   = 60.0 * rate / bpm;
  grid->first_beat_frames = line.offset;
  return true;
}
