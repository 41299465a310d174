/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/filter.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { FLUSH_FRAMES = 256 };

#define FLUSH_BELOW 1e-60

/* Butterworth: two sections of it make a Linkwitz-Riley slope, without a peak. */
#define DAMPING M_SQRT2

static double
warp (double rate, double octave)
{
  return tan (M_PI * fmin (exp2 (octave), 0.45 * rate) / rate);
}

static void
side_init (struct ech_filter_side *side, double rate, double hz)
{
  uint32_t ramp = ech_smooth_ramp_frames (rate, ECH_PARAM_RAMP_S);

  ech_smooth_init (&side->octave, log2 (hz), ramp);
  side->g = warp (rate, side->octave.value);
}

void
ech_filter_init (struct ech_filter *f, double rate)
{
  uint32_t ramp = ech_smooth_ramp_frames (rate, ECH_PARAM_RAMP_S);

  memset (f, 0, sizeof *f);
  f->rate = rate;
  side_init (&f->low_pass, rate, ECH_FILTER_HIGH_HZ);
  side_init (&f->high_pass, rate, ECH_FILTER_LOW_HZ);
  ech_smooth_init (&f->low_wet, 0.0, ramp);
  ech_smooth_init (&f->high_wet, 0.0, ramp);
  f->frames_to_flush = FLUSH_FRAMES;
}

/* @depth: 0..1, how far the knob is turned to this side */
static void
set_side (struct ech_filter_side *side,
          struct ech_smooth      *wet,
          double                  depth,
          double                  rest_hz,
          double                  full_hz)
{
  double rest = log2 (rest_hz);

  ech_smooth_set (&side->octave, rest + depth * (log2 (full_hz) - rest));
  ech_smooth_set (wet, depth > 0.0 ? 1.0 : 0.0);
}

void
ech_filter_set (struct ech_filter *f, double position)
{
  if (!(position >= -1.0))
    position = position < -1.0 ? -1.0 : 0.0;
  set_side (&f->low_pass, &f->low_wet, fmax (0.0, -position), ECH_FILTER_HIGH_HZ,
            ECH_FILTER_LOW_HZ);
  set_side (&f->high_pass, &f->high_wet, fmin (1.0, fmax (0.0, position)), ECH_FILTER_LOW_HZ,
            ECH_FILTER_TOP_HZ);
}

static bool
is_off (const struct ech_smooth *wet)
{
  return wet->target == 0.0 && ech_smooth_is_settled (wet);
}

/* A side that is off forgets the sound, so that it costs nothing and starts afresh:
 * next to the knob's middle its filters settle within the cross-fade. */
static void
forget (struct ech_filter_side *side)
{
  memset (side->s1, 0, sizeof side->s1);
  memset (side->s2, 0, sizeof side->s2);
}

void
ech_filter_reset (struct ech_filter *f)
{
  forget (&f->low_pass);
  forget (&f->high_pass);
  ech_smooth_jump (&f->low_wet, f->low_wet.target);
  ech_smooth_jump (&f->high_wet, f->high_wet.target);
  ech_smooth_jump (&f->low_pass.octave, f->low_pass.octave.target);
  ech_smooth_jump (&f->high_pass.octave, f->high_pass.octave.target);
  f->low_pass.g      = warp (f->rate, f->low_pass.octave.value);
  f->high_pass.g     = warp (f->rate, f->high_pass.octave.value);
  f->frames_to_flush = FLUSH_FRAMES;
}

/* One sample through one state-variable section (trapezoidal integrators, which
 * stay stable while the cut-off moves). */
static inline double
section (double *s1, double *s2, double g, double x, bool high)
{
  double band = (g * (x - *s2) + *s1) / (1.0 + g * (g + DAMPING));
  double low  = *s2 + g * band;

  *s1 = 2.0 * band - *s1;
  *s2 = 2.0 * low - *s2;
  return high ? x - DAMPING * band - low : low;
}

static void
process_side (struct ech_filter_side *side,
              struct ech_smooth      *wet_smooth,
              double                  rate,
              bool                    high,
              float                  *stereo,
              uint32_t                n)
{
  for (uint32_t i = 0; i < n && !is_off (wet_smooth); i++) {
    double wet = ech_smooth_next (wet_smooth);

    if (!ech_smooth_is_settled (&side->octave))
      side->g = warp (rate, ech_smooth_next (&side->octave));
    for (uint32_t c = 0; c < 2; c++) {
      float  dry = stereo[2 * i + c];
      double y   = fabsf (dry) <= FLT_MAX ? dry : 0.0;

      y = section (&side->s1[0][c], &side->s2[0][c], side->g, y, high);
      y = section (&side->s1[1][c], &side->s2[1][c], side->g, y, high);
      if (wet > 0.0)
        stereo[2 * i + c] = (float) (wet < 1.0 ? dry + wet * (y - dry) : y);
    }
    if (is_off (wet_smooth))
      forget (side);
  }
}

static void
flush (struct ech_filter_side *side)
{
  for (uint32_t k = 0; k < 2; k++)
    for (uint32_t c = 0; c < 2; c++) {
      if (fabs (side->s1[k][c]) < FLUSH_BELOW)
        side->s1[k][c] = 0.0;
      if (fabs (side->s2[k][c]) < FLUSH_BELOW)
        side->s2[k][c] = 0.0;
    }
}

void
ech_filter_process (struct ech_filter *f, float *stereo, uint32_t n)
{
  while (n > 0) {
    uint32_t now = n < f->frames_to_flush ? n : f->frames_to_flush;

    process_side (&f->low_pass, &f->low_wet, f->rate, false, stereo, now);
    process_side (&f->high_pass, &f->high_wet, f->rate, true, stereo, now);
    f->frames_to_flush -= now;
    if (f->frames_to_flush == 0) {
      f->frames_to_flush = FLUSH_FRAMES;
      flush (&f->low_pass);
      flush (&f->high_pass);
    }
    stereo += 2 * now;
    n -= now;
  }
}
