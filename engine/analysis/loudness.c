/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/analysis/loudness.h"

#include <ebur128.h>

static double
true_peak_db (ebur128_state *state)
{
  double largest = 0.0;

  for (unsigned channel = 0; channel < 2; channel++) {
    double peak;

    if (ebur128_true_peak (state, channel, &peak) != EBUR128_SUCCESS)
      return NAN;
    largest = fmax (largest, peak);
  }
  return largest > 0.0 ? 20.0 * log10 (largest) : -INFINITY;
}

void
ech_loudness_measure (const float *stereo,
                      uint64_t     n_frames,
                      double       rate,
                      double      *out_lufs,
                      double      *out_true_peak_dbtp)
{
  ebur128_state *state
    = ebur128_init (2, (unsigned long) rate, EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK);

  *out_lufs = *out_true_peak_dbtp = NAN;
  if (!state)
    return;
  if (ebur128_add_frames_float (state, stereo, n_frames) == EBUR128_SUCCESS) {
    if (ebur128_loudness_global (state, out_lufs) != EBUR128_SUCCESS)
      *out_lufs = NAN;
    *out_true_peak_dbtp = true_peak_db (state);
  }
  ebur128_destroy (&state);
}
