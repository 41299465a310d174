/* The waveform's summary: a few bytes for each 256 frames.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_PEAKS_H
#define ECH_ANALYSIS_PEAKS_H

#include "engine/media/track.h"

/* Caller-owned; all fields private. */
struct ech_peaks {
  float    low_coefficient;
  float    high_coefficient;
  float    low[2];  /* two one-pole low-passes in a row */
  float    high[2];
  float    largest[4];
  uint32_t fill; /* frames in the bin that is being made */
};

/* @rate: frames a second */
void ech_peaks_init (struct ech_peaks *peaks, double rate);

/**
 * ech_peaks_add:
 * @stereo: @n_frames interleaved frames that follow the last ones
 * @out_bins: takes up to n_frames / ECH_PEAK_BIN_FRAMES + 1 bins
 *
 * Returns: how many bins became full.
 */
uint64_t ech_peaks_add (struct ech_peaks    *peaks,
                        const float         *stereo,
                        uint64_t             n_frames,
                        struct ech_peak_bin *out_bins);

/* The last bin, which need not be full.  Returns: 0 or 1 bins. */
uint64_t ech_peaks_flush (struct ech_peaks *peaks, struct ech_peak_bin *out_bin);

#endif
