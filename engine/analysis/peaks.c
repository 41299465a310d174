/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/analysis/peaks.h"

#include <math.h>
#include <string.h>

#define LOW_HZ  200.0
#define HIGH_HZ 2000.0

static float
one_pole (double frequency_hz, double rate)
{
  return (float) (1.0 - exp (-2.0 * M_PI * frequency_hz / rate));
}

void
ech_peaks_init (struct ech_peaks *peaks, double rate)
{
  memset (peaks, 0, sizeof *peaks);
  peaks->low_coefficient  = one_pole (LOW_HZ, rate);
  peaks->high_coefficient = one_pole (HIGH_HZ, rate);
}

static uint8_t
byte_of (float level)
{
  return level >= 1.0f ? 255 : (uint8_t) (level * 255.0f + 0.5f);
}

static void
close_bin (struct ech_peaks *peaks, struct ech_peak_bin *out_bin)
{
  out_bin->peak = byte_of (peaks->largest[0]);
  out_bin->low  = byte_of (peaks->largest[1]);
  out_bin->mid  = byte_of (peaks->largest[2]);
  out_bin->high = byte_of (peaks->largest[3]);
  memset (peaks->largest, 0, sizeof peaks->largest);
  peaks->fill = 0;
}

/* fmaxf() minds NaN, which the decoder has taken out, and costs a call. */
static inline float
larger (float a, float b)
{
  return a > b ? a : b;
}

static void
add_within_bin (struct ech_peaks *peaks, const float *stereo, uint32_t n_frames)
{
  const float a = peaks->low_coefficient, b = peaks->high_coefficient;
  float       low0 = peaks->low[0], low1 = peaks->low[1];
  float       high0 = peaks->high[0], high1 = peaks->high[1];
  float       all = peaks->largest[0], low = peaks->largest[1];
  float       mid = peaks->largest[2], high = peaks->largest[3];

  for (uint32_t i = 0; i < n_frames; i++) {
    float left = stereo[2 * i], right = stereo[2 * i + 1];
    float mono = 0.5f * (left + right);

    low0 += a * (mono - low0);
    low1 += a * (low0 - low1);
    high0 += b * (mono - high0);
    high1 += b * (high0 - high1);
    all  = larger (all, larger (fabsf (left), fabsf (right)));
    low  = larger (low, fabsf (low1));
    mid  = larger (mid, fabsf (high1 - low1));
    high = larger (high, fabsf (mono - high1));
  }
  peaks->low[0] = low0, peaks->low[1] = low1;
  peaks->high[0] = high0, peaks->high[1] = high1;
  peaks->largest[0] = all, peaks->largest[1] = low;
  peaks->largest[2] = mid, peaks->largest[3] = high;
  peaks->fill += n_frames;
}

uint64_t
ech_peaks_add (struct ech_peaks    *peaks,
               const float         *stereo,
               uint64_t             n_frames,
               struct ech_peak_bin *out_bins)
{
  uint64_t n_bins = 0;

  while (n_frames > 0) {
    uint64_t room = ECH_PEAK_BIN_FRAMES - peaks->fill;
    uint64_t n    = n_frames < room ? n_frames : room;

    add_within_bin (peaks, stereo, (uint32_t) n);
    stereo += 2 * n;
    n_frames -= n;
    if (peaks->fill == ECH_PEAK_BIN_FRAMES)
      close_bin (peaks, &out_bins[n_bins++]);
  }
  return n_bins;
}

uint64_t
ech_peaks_flush (struct ech_peaks *peaks, struct ech_peak_bin *out_bin)
{
  if (peaks->fill == 0)
    return 0;
  close_bin (peaks, out_bin);
  return 1;
}
