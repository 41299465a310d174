/* Loudness and true peak by EBU R 128.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_LOUDNESS_H
#define ECH_ANALYSIS_LOUDNESS_H

#include "engine/types.h"

/* Both results: -INFINITY for silence, NAN where they could not be measured. */
void ech_loudness_measure (const float *stereo,
                           uint64_t     n_frames,
                           double       rate,
                           double      *out_lufs,
                           double      *out_true_peak_dbtp);

#endif
