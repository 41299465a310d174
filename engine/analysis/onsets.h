/* How strongly something begins, moment by moment, in three bands.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_ONSETS_H
#define ECH_ANALYSIS_ONSETS_H

#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Moments a second, about: 2.9 ms each. */
#define ECH_ONSET_RATE 344.53125

/**
 * struct ech_onsets: onset strength of a track
 * @hop_frames: track frames from moment to moment
 * @n: moments
 * @band: for each band, @n strengths >= 0 whose mean is 1 (all 0 for a silent band)
 * @sum: what the three together tell, weighted for finding beats
 * @accent: likewise, but of the level's rise itself, so that loud onsets count more
 *
 * Moment k is about an onset in the frames [k * hop_frames, (k + 1) * hop_frames).
 */
struct ech_onsets {
  double hop_frames;
  size_t n;
  float *band[ECH_N_BANDS];
  float *sum;
  float *accent;
};

/* Returns: 0; -ENOMEM with nothing allocated. */
int
ech_onsets_init (struct ech_onsets *onsets, const float *stereo, uint64_t n_frames, double rate);

/* Takes a zeroed one too. */
void ech_onsets_finish (struct ech_onsets *onsets);

#ifdef __cplusplus
}
#endif

#endif
