/* Each band is followed by a level meter that rises at once and falls slowly;
 * the rise of its logarithm is the onset strength.  That places an onset
 * within a moment, also for a kick drum of 50 Hz, where a windowed spectrum
 * blurs it over the window.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/analysis/onsets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOW_HZ  160.0
#define HIGH_HZ 2500.0

/* Seconds in which the meter falls to 37 %: longer than the band's periods. */
static const double fall_seconds[ECH_N_BANDS] = { 0.060, 0.030, 0.015 };

/* Kick and snare make the beat; hi-hats lie between beats as often as on them. */
static const float weights[ECH_N_BANDS] = { 1.0f, 0.8f, 0.4f };

/* Under this share of the band's loud level, rises hardly count. */
#define SOFT_SHARE 0.05f

struct follower {
  double low[2], high[2];
  double low_coefficient, high_coefficient;
  float  level[ECH_N_BANDS];
  float  fall[ECH_N_BANDS];
};

static void
follower_init (struct follower *f, double rate)
{
  memset (f, 0, sizeof *f);
  f->low_coefficient  = 1.0 - exp (-2.0 * M_PI * LOW_HZ / rate);
  f->high_coefficient = 1.0 - exp (-2.0 * M_PI * HIGH_HZ / rate);
  for (int b = 0; b < ECH_N_BANDS; b++)
    f->fall[b] = (float) exp (-1.0 / (fall_seconds[b] * rate));
}

/* The largest level of each band within the span. */
static void
follow (struct follower *f, const float *stereo, uint64_t n_frames, float out_level[ECH_N_BANDS])
{
  float largest[ECH_N_BANDS] = { 0 };

  for (uint64_t i = 0; i < n_frames; i++) {
    /* the offset keeps the filters from denormal numbers, which are slow */
    double mono = 0.5 * ((double) stereo[2 * i] + stereo[2 * i + 1]) + 1e-15;
    float  x[ECH_N_BANDS];

    f->low[0] += f->low_coefficient * (mono - f->low[0]);
    f->low[1] += f->low_coefficient * (f->low[0] - f->low[1]);
    f->high[0] += f->high_coefficient * (mono - f->high[0]);
    f->high[1] += f->high_coefficient * (f->high[0] - f->high[1]);
    x[ECH_BAND_LOW]  = (float) f->low[1];
    x[ECH_BAND_MID]  = (float) (f->high[1] - f->low[1]);
    x[ECH_BAND_HIGH] = (float) (mono - f->high[1]);
    for (int b = 0; b < ECH_N_BANDS; b++) {
      float fallen = f->level[b] * f->fall[b], level = fabsf (x[b]);

      f->level[b] = level > fallen ? level : fallen;
      largest[b]  = f->level[b] > largest[b] ? f->level[b] : largest[b];
    }
  }
  memcpy (out_level, largest, sizeof largest);
}

static int
compare_floats (const void *a, const void *b)
{
  float x = *(const float *) a, y = *(const float *) b;

  return (x > y) - (x < y);
}

/* The level that a tenth of the moments exceed: what "loud" means here. */
static float
loud_level (const float *levels, size_t n)
{
  float *sorted = malloc (n * sizeof *sorted);
  float  level;

  if (!sorted)
    return 0.0f;
  memcpy (sorted, levels, n * sizeof *sorted);
  qsort (sorted, n, sizeof *sorted, compare_floats);
  level = sorted[n - 1 - n / 10];
  free (sorted);
  return level;
}

static void
level_to_rise (float *levels, size_t n)
{
  float  softest = loud_level (levels, n) * SOFT_SHARE;
  float  before  = logf (softest + levels[0]);
  double sum     = 0.0;

  if (softest <= 0.0f) {
    memset (levels, 0, n * sizeof *levels);
    return;
  }
  /* what sounds from the first frame on begins there */
  levels[0] = before - logf (softest);
  sum       = levels[0];
  for (size_t i = 1; i < n; i++) {
    float now = logf (softest + levels[i]);

    levels[i] = fmaxf (0.0f, now - before);
    before    = now;
    sum += levels[i];
  }
  for (size_t i = 0; sum > 0 && i < n; i++)
    levels[i] *= (float) (n / sum);
}

/* Adds a band's linear rises to the accents, in proportion to its loud level. */
static void
add_accents (struct ech_onsets *onsets, int band)
{
  const float *levels = onsets->band[band];
  float        loud   = loud_level (levels, onsets->n);

  for (size_t i = 0; loud > 0.0f && i < onsets->n; i++)
    onsets->accent[i] +=
        weights[band] * fmaxf (0.0f, levels[i] - (i ? levels[i - 1] : 0.0f)) / loud;
}

static void
add_rises (struct ech_onsets *onsets, int band)
{
  for (size_t i = 0; i < onsets->n; i++)
    onsets->sum[i] += weights[band] * onsets->band[band][i];
}

static bool
allocate (struct ech_onsets *onsets, size_t n)
{
  bool ok = true;

  onsets->n      = n;
  onsets->sum    = calloc (n, sizeof (float));
  onsets->accent = calloc (n, sizeof (float));
  for (int b = 0; b < ECH_N_BANDS; b++) {
    onsets->band[b] = calloc (n, sizeof (float));
    ok              = ok && onsets->band[b];
  }
  return ok && onsets->sum && onsets->accent;
}

int
ech_onsets_init (struct ech_onsets *onsets, const float *stereo, uint64_t n_frames, double rate)
{
  struct follower follower;
  uint64_t        hop = (uint64_t) lround (rate / ECH_ONSET_RATE);

  memset (onsets, 0, sizeof *onsets);
  onsets->hop_frames = (double) hop;
  if (!allocate (onsets, n_frames / hop + 1)) {
    ech_onsets_finish (onsets);
    return -ENOMEM;
  }
  follower_init (&follower, rate);
  for (size_t i = 0; i < onsets->n; i++) {
    uint64_t n = n_frames - i * hop < hop ? n_frames - i * hop : hop;
    float    level[ECH_N_BANDS];

    follow (&follower, stereo + 2 * i * hop, n, level);
    for (int b = 0; b < ECH_N_BANDS; b++)
      onsets->band[b][i] = level[b];
  }
  for (int b = 0; b < ECH_N_BANDS; b++) {
    add_accents (onsets, b);
    level_to_rise (onsets->band[b], onsets->n);
    add_rises (onsets, b);
  }
  return 0;
}

void
ech_onsets_finish (struct ech_onsets *onsets)
{
  for (int b = 0; b < ECH_N_BANDS; b++)
    free (onsets->band[b]);
  free (onsets->sum);
  free (onsets->accent);
  memset (onsets, 0, sizeof *onsets);
}
