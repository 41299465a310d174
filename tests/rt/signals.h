/* Signals and measurements that the tests of engine/rt share.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef TESTS_RT_SIGNALS_H
#define TESTS_RT_SIGNALS_H

#include <glib.h>
#include <math.h>
#include <string.h>

#define TEST_SEED 0x45c4e10u

static inline double
to_db (double ratio)
{
  return 20.0 * log10 (fmax (ratio, 1e-20));
}

static inline double
from_db (double db)
{
  return pow (10.0, db / 20.0);
}

static inline float *
new_frames (uint32_t n)
{
  return g_new0 (float, 2 * (size_t) n);
}

/* White noise, each channel its own. */
static inline float *
new_noise (uint32_t n, double amplitude, uint32_t seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  float *out             = new_frames (n);

  for (uint32_t i = 0; i < 2 * n; i++)
    out[i] = (float) g_rand_double_range (rand, -amplitude, amplitude);
  return out;
}

/* A sine on the left, its cosine on the right. */
static inline float *
new_tone (uint32_t n, double hz, double rate, double amplitude)
{
  float *out = new_frames (n);

  for (uint32_t i = 0; i < n; i++) {
    out[2 * i]     = (float) (amplitude * sin (2.0 * M_PI * hz * i / rate));
    out[2 * i + 1] = (float) (amplitude * cos (2.0 * M_PI * hz * i / rate));
  }
  return out;
}

/* Least-squares amplitude of a tone in one channel, and what is left beside it. */
struct fit {
  double amplitude;
  double residual; /* as the amplitude of a sine of the same power */
};

static inline struct fit
fit_tone (const float *stereo, uint32_t channel, uint32_t n, double radians_a_frame)
{
  double ss = 0, cc = 0, sc = 0, xs = 0, xc = 0, det, a, b, rest = 0;

  for (uint32_t i = 0; i < n; i++) {
    double s = sin (radians_a_frame * i), c = cos (radians_a_frame * i);
    double x = stereo[2 * i + channel];

    ss += s * s, cc += c * c, sc += s * c, xs += x * s, xc += x * c;
  }
  det = ss * cc - sc * sc;
  a   = (xs * cc - xc * sc) / det;
  b   = (xc * ss - xs * sc) / det;
  for (uint32_t i = 0; i < n; i++) {
    double e =
        stereo[2 * i + channel] - a * sin (radians_a_frame * i) - b * cos (radians_a_frame * i);

    rest += e * e;
  }
  return (struct fit){ hypot (a, b), sqrt (2.0 * rest / n) };
}

static inline double
rms (const float *stereo, uint32_t channel, uint32_t n)
{
  double sum = 0;

  for (uint32_t i = 0; i < n; i++)
    sum += (double) stereo[2 * i + channel] * stereo[2 * i + channel];
  return sqrt (sum / n);
}

/* Amplitude (1 = a full-scale sine) at @hz, seen through a Blackman-Harris window
 * over all @n frames: side lobes below -92 dB, main lobe 4 rate / n wide to each side. */
static inline double
spectrum_at (const float *stereo, uint32_t channel, uint32_t n, double hz, double rate)
{
  double re = 0, im = 0, sum = 0;

  for (uint32_t i = 0; i < n; i++) {
    double t = 2.0 * M_PI * i / n;
    double w = 0.35875 - 0.48829 * cos (t) + 0.14128 * cos (2 * t) - 0.01168 * cos (3 * t);
    double x = w * stereo[2 * i + channel];

    re += x * cos (2.0 * M_PI * hz * i / rate);
    im -= x * sin (2.0 * M_PI * hz * i / rate);
    sum += w;
  }
  return 2.0 * hypot (re, im) / sum;
}

/* Calls @process over @n frames in pieces of random length, 0 among them. */
typedef void (*ProcessFunc) (gpointer data, float *stereo, uint32_t n);

static inline void
process_in_pieces (ProcessFunc process,
                   gpointer    data,
                   float      *stereo,
                   uint32_t    n,
                   uint32_t    longest,
                   GRand      *rand)
{
  for (uint32_t done = 0; done < n;) {
    uint32_t now = (uint32_t) g_rand_int_range (rand, 0, (gint32) longest + 1);

    now = MIN (now, n - done);
    process (data, stereo + 2 * done, now);
    done += now;
  }
}

#endif
