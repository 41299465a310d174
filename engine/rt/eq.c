/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/eq.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Signal flow; each crossover's high side is what its all-pass leaves of the low side:
 *
 *   in -+- low_pass ---------------+- align --------- * gain low  -+
 *       |                          |                               |
 *       +- low_all_pass -- minus --+-+- mid_pass -----* gain mid  -+- out
 *                                    |         |                   |
 *                                    +- high_all_pass              |
 *                                         minus ------* gain high -+
 */

enum {
  CHUNK        = 64,
  FLUSH_FRAMES = 256,
};

/* What a filter still holds of a sound this faint is dropped before it becomes
 * denormal, which some processors take a hundred times as long for. */
#define FLUSH_BELOW 1e-60

typedef double pair __attribute__ ((vector_size (16)));
typedef double loose_pair __attribute__ ((vector_size (16), aligned (8), may_alias));

static inline pair
load (const double *from)
{
  return *(const loose_pair *) from;
}

static inline void
store (double *to, pair value)
{
  *(loose_pair *) to = value;
}

static void
design_section (struct ech_eq_coefficients *c, double rate, double hz, double q)
{
  double w     = tan (M_PI * hz / rate);
  double scale = 1.0 / (1.0 + w / q + w * w);

  c->gain = w * w * scale;
  c->a1   = 2.0 * (w * w - 1.0) * scale;
  c->a2   = (1.0 - w / q + w * w) * scale;
}

/* Fourth-order Butterworth: twice in a row it is the low-pass of an LR8
 * crossover, and its all-pass of the same poles is what low and high sum to. */
static void
design_crossover (struct ech_eq_coefficients c[2], double rate, double hz)
{
  design_section (&c[0], rate, hz, 0.5 / cos (M_PI / 8.0));
  design_section (&c[1], rate, hz, 0.5 / cos (3.0 * M_PI / 8.0));
}

void
ech_eq_init (struct ech_eq *eq, double rate)
{
  uint32_t ramp = ech_smooth_ramp_frames (rate, ECH_PARAM_RAMP_S);

  memset (eq, 0, sizeof *eq);
  design_crossover (eq->low_cross, rate, ECH_EQ_LOW_HZ);
  design_crossover (eq->high_cross, rate, ECH_EQ_HIGH_HZ);
  for (uint32_t band = 0; band < ECH_N_BANDS; band++)
    ech_smooth_init (&eq->gains[band], 1.0, ramp);
  ech_smooth_init (&eq->wet, 0.0, ramp);
  eq->frames_to_flush = FLUSH_FRAMES;
}

void
ech_eq_set_gain (struct ech_eq *eq, enum ech_band band, double gain)
{
  gain = gain > 0.0 ? fmin (gain, FLT_MAX) : 0.0;
  ech_smooth_set (&eq->gains[band], gain);
  if (gain != 1.0)
    ech_smooth_set (&eq->wet, 1.0);
}

static bool
is_flat (const struct ech_eq *eq)
{
  for (uint32_t band = 0; band < ECH_N_BANDS; band++)
    if (eq->gains[band].target != 1.0 || !ech_smooth_is_settled (&eq->gains[band]))
      return false;
  return true;
}

bool
ech_eq_is_bypassed (const struct ech_eq *eq)
{
  return eq->wet.target == 0.0 && ech_smooth_is_settled (&eq->wet);
}

void
ech_eq_reset (struct ech_eq *eq)
{
  for (uint32_t band = 0; band < ECH_N_BANDS; band++)
    ech_smooth_jump (&eq->gains[band], eq->gains[band].target);
  ech_smooth_jump (&eq->wet, is_flat (eq) ? 0.0 : 1.0);
  eq->frames_to_flush = FLUSH_FRAMES;
  memset (eq->low_pass, 0, sizeof eq->low_pass);
  memset (eq->low_all_pass, 0, sizeof eq->low_all_pass);
  memset (eq->mid_pass, 0, sizeof eq->mid_pass);
  memset (eq->high_all_pass, 0, sizeof eq->high_all_pass);
  memset (eq->align, 0, sizeof eq->align);
}

/* One frame through one low-pass section of gain 1/c->gain. */
static inline pair
low_pass_step (const struct ech_eq_coefficients *c, pair *s1, pair *s2, pair x)
{
  pair y = x + *s1;

  *s1 = (x + x + *s2) - c->a1 * y;
  *s2 = x - c->a2 * y;
  return y;
}

static inline pair
all_pass_step (const struct ech_eq_coefficients *c, pair *s1, pair *s2, pair x)
{
  pair y = c->a2 * x + *s1;

  *s1 = (c->a1 * x + *s2) - c->a1 * y;
  *s2 = x - c->a2 * y;
  return y;
}

/* All four sections in one loop: they depend on each other only from frame to
 * frame, so the processor works on several at a time. */
static void
low_pass (const struct ech_eq_coefficients c[2],
          struct ech_eq_section            s[4],
          const pair                      *in,
          pair                            *out,
          uint32_t                         n)
{
  pair   a1 = load (s[0].s1), a2 = load (s[0].s2);
  pair   b1 = load (s[1].s1), b2 = load (s[1].s2);
  pair   c1 = load (s[2].s1), c2 = load (s[2].s2);
  pair   d1 = load (s[3].s1), d2 = load (s[3].s2);
  double gain = c[0].gain * c[1].gain;

  gain *= gain;
  for (uint32_t i = 0; i < n; i++) {
    pair y = low_pass_step (&c[0], &a1, &a2, in[i] * gain);

    y      = low_pass_step (&c[1], &b1, &b2, y);
    y      = low_pass_step (&c[0], &c1, &c2, y);
    out[i] = low_pass_step (&c[1], &d1, &d2, y);
  }
  store (s[0].s1, a1), store (s[0].s2, a2);
  store (s[1].s1, b1), store (s[1].s2, b2);
  store (s[2].s1, c1), store (s[2].s2, c2);
  store (s[3].s1, d1), store (s[3].s2, d2);
}

static void
all_pass (const struct ech_eq_coefficients c[2],
          struct ech_eq_section            s[2],
          const pair                      *in,
          pair                            *out,
          uint32_t                         n)
{
  pair a1 = load (s[0].s1), a2 = load (s[0].s2);
  pair b1 = load (s[1].s1), b2 = load (s[1].s2);

  for (uint32_t i = 0; i < n; i++)
    out[i] = all_pass_step (&c[1], &b1, &b2, all_pass_step (&c[0], &a1, &a2, in[i]));
  store (s[0].s1, a1), store (s[0].s2, a2);
  store (s[1].s1, b1), store (s[1].s2, b2);
}

static inline double
filter_input (float sample)
{
  return fabsf (sample) <= FLT_MAX ? sample : 0.0;
}

struct bands {
  pair band[ECH_N_BANDS][CHUNK];
};

static void
split (struct ech_eq *eq, const float *stereo, uint32_t n, struct bands *out)
{
  pair *low  = out->band[ECH_BAND_LOW];
  pair *mid  = out->band[ECH_BAND_MID];
  pair *high = out->band[ECH_BAND_HIGH];
  pair  in[CHUNK], upper[CHUNK];

  for (uint32_t i = 0; i < n; i++)
    in[i] = (pair){ filter_input (stereo[2 * i]), filter_input (stereo[2 * i + 1]) };

  low_pass (eq->low_cross, eq->low_pass, in, low, n);
  all_pass (eq->low_cross, eq->low_all_pass, in, upper, n);
  for (uint32_t i = 0; i < n; i++)
    upper[i] -= low[i];

  low_pass (eq->high_cross, eq->mid_pass, upper, mid, n);
  all_pass (eq->high_cross, eq->high_all_pass, upper, high, n);
  for (uint32_t i = 0; i < n; i++)
    high[i] -= mid[i];

  all_pass (eq->high_cross, eq->align, low, low, n);
}

static void
mix (struct ech_eq *eq, const struct bands *bands, float *stereo, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    pair   sum = { 0.0, 0.0 };
    double wet;

    for (uint32_t band = 0; band < ECH_N_BANDS; band++)
      sum += ech_smooth_next (&eq->gains[band]) * bands->band[band][i];
    if (is_flat (eq))
      ech_smooth_set (&eq->wet, 0.0);
    wet = ech_smooth_next (&eq->wet);
    if (wet == 0.0)
      continue;
    if (wet < 1.0) {
      pair dry = { stereo[2 * i], stereo[2 * i + 1] };

      sum = dry + wet * (sum - dry);
    }
    stereo[2 * i]     = (float) sum[0];
    stereo[2 * i + 1] = (float) sum[1];
  }
}

static void
flush (struct ech_eq_section *sections, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t c = 0; c < 2; c++) {
      if (fabs (sections[i].s1[c]) < FLUSH_BELOW)
        sections[i].s1[c] = 0.0;
      if (fabs (sections[i].s2[c]) < FLUSH_BELOW)
        sections[i].s2[c] = 0.0;
    }
}

/* Counted in frames from the start, so that it does not depend on the blocks. */
static void
flush_when_due (struct ech_eq *eq, uint32_t n)
{
  eq->frames_to_flush -= n;
  if (eq->frames_to_flush > 0)
    return;
  eq->frames_to_flush = FLUSH_FRAMES;
  flush (eq->low_pass, 4);
  flush (eq->low_all_pass, 2);
  flush (eq->mid_pass, 4);
  flush (eq->high_all_pass, 2);
  flush (eq->align, 2);
}

void
ech_eq_process (struct ech_eq *eq, float *stereo, uint32_t n)
{
  struct bands bands;

  while (n > 0) {
    uint32_t now = n < CHUNK ? n : CHUNK;

    if (now > eq->frames_to_flush)
      now = eq->frames_to_flush;
    split (eq, stereo, now, &bands);
    if (!ech_eq_is_bypassed (eq))
      mix (eq, &bands, stereo, now);
    flush_when_due (eq, now);
    stereo += 2 * now;
    n -= now;
  }
}
