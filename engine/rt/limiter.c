/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/limiter.h"

#include <math.h>
#include <string.h>

/* Time runs to the right; a peak between frames m and m+1 is known half_taps later:
 *
 *   m        +half_taps                           +latency
 *   peak     detected
 *            |<- hold: lowest gain asked for ------------>|
 *            |<- two boxes: slope down ->|<- lead: at the bottom ->|
 *                                                 peak is heard
 *
 * The lead is flat so that the gain does not move while the samples that make
 * up the peak go by: a slope there would put up a new peak between them. */
enum {
  LEAD_FRAMES = 8,
  TAIL_FRAMES = 4,
  N_PHASES    = 3, /* between two samples; the fourth is the sample itself */
  LANES       = 4,
  DELAY_MASK  = ECH_LIMITER_MAX_LOOKAHEAD - 1,
};

#define UNITY       (UINT32_C (1) << 30)
#define RELEASE_S   0.1
#define LOUDEST     65536.0f
#define LOWEST_CEIL 0.001

/* Once it limits, it aims 0.1 dB below the ceiling, for the detector's own error. */
#define AIM 0.98855

/* No curve below half the rate rises more than 1.083 fold between quarter points. */
#define STEEPEST 1.25f

typedef float vector __attribute__ ((vector_size (16)));
typedef float loose_vector __attribute__ ((vector_size (16), aligned (4), may_alias));

/* A Hann-windowed sinc of twelve taps, of 24 from 96 kHz on: the usual true-peak
 * meter's curve, so that what others will judge the master by is what we see.
 * A longer kernel is nearer the truth next to half the rate, by 0.15 dB at most
 * on music, but such meters then read up to 0.3 dB over the ceiling. */
static double
kernel_at (double distance, uint32_t half_taps)
{
  double angle = M_PI * distance;

  return sin (angle) / angle * 0.5 * (1.0 + cos (angle / half_taps));
}

static void
design_detector (struct ech_limiter *l)
{
  for (uint32_t phase = 0; phase < N_PHASES; phase++)
    for (uint32_t j = 0; j < 2 * l->half_taps; j++) {
      double middle = l->half_taps - 1 + (phase + 1) / (N_PHASES + 1.0);

      l->detector[phase][2 * j] = l->detector[phase][2 * j + 1] =
          (float) kernel_at (j - middle, l->half_taps);
    }
}

static uint32_t
latency_for (double rate)
{
  uint32_t latency = ECH_LIMITER_LOOKAHEAD;

  for (double most = 50000.0; rate > most && latency < ECH_LIMITER_MAX_LOOKAHEAD; most *= 2.0)
    latency *= 2;
  return latency;
}

void
ech_limiter_init (struct ech_limiter *l, double rate)
{
  uint32_t slope;

  memset (l, 0, sizeof *l);
  l->latency_frames = latency_for (rate);
  l->half_taps      = rate < 96000.0 ? 6 : 12;
  slope             = l->latency_frames - (l->half_taps - 1) - LEAD_FRAMES;
  l->box_frames[0]  = (slope + 1) / 2;
  l->box_frames[1]  = slope + 1 - l->box_frames[0];
  l->hold_frames    = slope + LEAD_FRAMES + 1 + TAIL_FRAMES;
  l->release        = 1.0 - exp (-1.0 / (RELEASE_S * rate));
  design_detector (l);
  ech_smooth_init (&l->ceiling, 1.0, ech_smooth_ramp_frames (rate, ECH_PARAM_RAMP_S));
  ech_limiter_reset (l);
}

void
ech_limiter_reset (struct ech_limiter *l)
{
  ech_smooth_jump (&l->ceiling, l->ceiling.target);
  memset (l->history, 0, sizeof l->history);
  memset (l->delay, 0, sizeof l->delay);
  l->before[0] = l->before[1] = 0.0f;
  l->history_at               = 0;
  l->delay_at                 = 0;
  l->min_gain                 = 1.0f;
  l->frame                    = 0;
  l->minima_head              = 0;
  l->minima_count             = 0;
  l->envelope                 = UNITY;
  for (uint32_t i = 0; i < l->box_frames[0]; i++)
    l->box0[i] = UNITY;
  for (uint32_t i = 0; i < l->box_frames[1]; i++)
    l->box1[i] = (uint64_t) l->box_frames[0] * UNITY;
  l->box_at[0] = l->box_at[1] = 0;
  l->box_sum[0]               = (uint64_t) l->box_frames[0] * UNITY;
  l->box_sum[1]               = l->box_sum[0] * l->box_frames[1];
}

uint32_t
ech_limiter_latency (const struct ech_limiter *l)
{
  return l->latency_frames;
}

void
ech_limiter_set_ceiling (struct ech_limiter *l, double ceiling)
{
  ech_smooth_set (&l->ceiling, ceiling > LOWEST_CEIL ? fmin (ceiling, 1.0) : LOWEST_CEIL);
}

float
ech_limiter_take_min_gain (struct ech_limiter *l)
{
  float gain = l->min_gain;

  l->min_gain = 1.0f;
  return gain;
}

static inline float
clean (float sample)
{
  if (!(fabsf (sample) <= LOUDEST))
    return isfinite (sample) ? copysignf (LOUDEST, sample) : 0.0f;
  return sample;
}

static inline vector
interpolate (const float *taps, const float *window, uint32_t n_taps)
{
  vector even = { 0.0f, 0.0f, 0.0f, 0.0f };
  vector odd  = even;

  for (uint32_t j = 0; j < 2 * n_taps; j += 2 * LANES) {
    even += *(const loose_vector *) (taps + j) * *(const loose_vector *) (window + j);
    odd +=
        *(const loose_vector *) (taps + j + LANES) * *(const loose_vector *) (window + j + LANES);
  }
  return even + odd;
}

/* A stretch of each channel's curve: one point before the frame in the window's
 * middle, that frame, the points between it and the next, the next. */
enum { BEFORE, MIDDLE, NEXT = MIDDLE + N_PHASES + 1, N_POINTS };

static inline void
trace (struct ech_limiter *l, const float *window, float points[2][N_POINTS])
{
  const float *middle = window + 2 * (l->half_taps - 1);

  for (uint32_t c = 0; c < 2; c++) {
    points[c][BEFORE] = l->before[c];
    points[c][MIDDLE] = middle[c];
    points[c][NEXT]   = middle[2 + c];
  }
  for (uint32_t phase = 0; phase < N_PHASES; phase++) {
    vector sums = interpolate (l->detector[phase], window, 2 * l->half_taps);

    points[0][MIDDLE + 1 + phase] = sums[0] + sums[2];
    points[1][MIDDLE + 1 + phase] = sums[1] + sums[3];
  }
  l->before[0] = points[0][NEXT - 1];
  l->before[1] = points[1][NEXT - 1];
}

/* Without branches: whether a point is farther out than the next is chance. */
static inline float
largest_point (const float *points)
{
  float largest = fabsf (points[MIDDLE]);

  for (uint32_t k = MIDDLE + 1; k < NEXT; k++) {
    float size = fabsf (points[k]);

    largest = size > largest ? size : largest;
  }
  return largest;
}

/* The top of the parabola through point @k and its neighbours, if it tops there. */
static float
vertex (const float *points, uint32_t k)
{
  float sign   = points[k] < 0.0f ? -1.0f : 1.0f;
  float centre = sign * points[k];
  float left   = sign * points[k - 1];
  float right  = sign * points[k + 1];
  float curve  = 2.0f * centre - left - right;

  if (left > centre || right > centre || !(curve > 0.0f))
    return centre;
  return centre + (right - left) * (right - left) / (8.0f * curve);
}

/* Near the highest partials four points a frame are too few: the parabola through
 * the largest says what lies between. */
static float
refine (const float *points, float largest)
{
  for (uint32_t k = MIDDLE; k < NEXT; k++)
    if (fabsf (points[k]) == largest)
      return vertex (points, k);
  return largest;
}

/* The true peak of a stretch; not exact where it is far below the ceiling. */
static inline float
true_peak (float points[2][N_POINTS], double ceiling)
{
  float left  = largest_point (points[0]);
  float right = largest_point (points[1]);

  if (left * STEEPEST > ceiling)
    left = refine (points[0], left);
  if (right * STEEPEST > ceiling)
    right = refine (points[1], right);
  return left > right ? left : right;
}

/* Takes a frame in; returns the gain that the frame in the middle asks for. */
static inline uint32_t
detect (struct ech_limiter *l, float left, float right)
{
  double ceiling = ech_smooth_next (&l->ceiling);
  float *near    = l->history + 2 * l->history_at;
  float *far     = near + 4 * l->half_taps;
  float  points[2][N_POINTS];
  float  peak;

  near[0] = far[0] = left;
  near[1] = far[1] = right;
  l->history_at    = l->history_at + 1 < 2 * l->half_taps ? l->history_at + 1 : 0;
  trace (l, l->history + 2 * l->history_at, points);
  peak = true_peak (points, ceiling);
  return peak > ceiling ? (uint32_t) (ceiling * AIM / peak * UNITY) : UNITY;
}

/* The lowest of the last hold_frames gains. */
static inline uint32_t
hold (struct ech_limiter *l, uint32_t gain)
{
  while (l->minima_count > 0
         && l->minima[(l->minima_head + l->minima_count - 1) & DELAY_MASK].gain >= gain)
    l->minima_count--;
  l->minima[(l->minima_head + l->minima_count) & DELAY_MASK].gain  = gain;
  l->minima[(l->minima_head + l->minima_count) & DELAY_MASK].frame = l->frame;
  l->minima_count++;
  if (l->frame - l->minima[l->minima_head & DELAY_MASK].frame >= l->hold_frames) {
    l->minima_head++;
    l->minima_count--;
  }
  l->frame++;
  return l->minima[l->minima_head & DELAY_MASK].gain;
}

/* Down at once, up with RELEASE_S, until it is at exactly UNITY. */
static inline uint32_t
release (struct ech_limiter *l, uint32_t gain)
{
  uint32_t up = (uint32_t) ((UNITY - l->envelope) * l->release) + 1;

  l->envelope = l->envelope + up < gain ? l->envelope + up : gain;
  return l->envelope;
}

static inline double
smooth (struct ech_limiter *l, uint32_t gain)
{
  uint32_t *at = l->box_at;

  l->box_sum[0] += (uint64_t) gain - l->box0[at[0]];
  l->box0[at[0]] = gain;
  at[0]          = at[0] + 1 < l->box_frames[0] ? at[0] + 1 : 0;

  l->box_sum[1] += l->box_sum[0] - l->box1[at[1]];
  l->box1[at[1]] = l->box_sum[0];
  at[1]          = at[1] + 1 < l->box_frames[1] ? at[1] + 1 : 0;

  return (double) l->box_sum[1]
         / ((double) l->box_frames[0] * l->box_frames[1] * UNITY); /* exactly 1 when idle */
}

void
ech_limiter_process (struct ech_limiter *l, float *stereo, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++, stereo += 2) {
    float  left  = clean (stereo[0]);
    float  right = clean (stereo[1]);
    float  gain  = (float) smooth (l, release (l, hold (l, detect (l, left, right))));
    float *slot  = l->delay + 2 * l->delay_at;

    stereo[0]   = slot[0] * gain;
    stereo[1]   = slot[1] * gain;
    slot[0]     = left;
    slot[1]     = right;
    l->delay_at = l->delay_at + 1 < l->latency_frames ? l->delay_at + 1 : 0;
    l->min_gain = gain < l->min_gain ? gain : l->min_gain;
  }
}
