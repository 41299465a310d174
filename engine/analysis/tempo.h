/* From onsets and a tracker's beats to one exact beat grid.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_TEMPO_H
#define ECH_ANALYSIS_TEMPO_H

#include "engine/analysis/onsets.h"
#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The tempos between which an octave is chosen: one of T, 2 T, T / 2 lies in
 * here. */
#define ECH_TEMPO_LOWEST_BPM  88.0
#define ECH_TEMPO_HIGHEST_BPM 176.0

/**
 * ech_tempo_find_grid:
 * @beats_frames: (optional): @n_beats of a beat tracker, as a hint
 * @stereo: the frames that @onsets were made from
 * @out_grid: beats_per_bar is 4; confidence tells 0..1
 *
 * Tempo is assumed to be constant; where it is not, the confidence is low.
 *
 * Returns: false where there is no beat: silence, or a few seconds only.
 */
bool ech_tempo_find_grid (const struct ech_onsets *onsets,
                          const double            *beats_frames,
                          size_t                   n_beats,
                          const float             *stereo,
                          uint64_t                 n_frames,
                          double                   rate,
                          struct ech_grid         *out_grid);

#ifdef __cplusplus
}
#endif

#endif
