/* From a grid that is right within milliseconds to one that is right within a frame or so.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_ATTACK_H
#define ECH_ANALYSIS_ATTACK_H

#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ech_attack_refine:
 * @stereo: @n_frames interleaved frames
 * @grid: in: within 10 ms of the truth on every beat; out: offset and period as the attacks of
 *    the drums in the samples have them
 *
 * Each beat is looked at for an attack out of quiet; a least-squares line through these makes the
 * grid.  Where too few beats have one, or they do not agree within a millisecond, the grid stays as
 * it was.
 *
 * Returns: true when the grid was refined.
 */
bool ech_attack_refine (const float *stereo, uint64_t n_frames, double rate, struct ech_grid *grid);

#ifdef __cplusplus
}
#endif

#endif
