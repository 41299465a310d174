/* Reading a track at any position and speed: windowed sinc, addressed by position.
 *
 * There is no stream and no state: each output frame is computed from the
 * track frames around its position alone, so seeks, reverse play and speed
 * ramps need no settling and the result does not depend on block boundaries.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_RESAMPLE_H
#define ECH_RT_RESAMPLE_H

#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Track frames that count on either side of a position. */
#define ECH_SINC_HALF_TAPS 16

/* Up to this speed nothing above the output's half rate folds over; beyond it
 * reading goes on, with the filter of this speed. */
#define ECH_SINC_MAX_STEP 8.0

/* Kernels for all phases and speeds; opaque, some MB. */
struct ech_sinc_tables;

/**
 * ech_sinc_tables_get:
 *
 * The first call builds the tables (some 10 ms), so make it before the audio
 * thread starts.
 *
 * Thread: any, also several at once.  RT-safe: no (waits, computes).
 * Returns: the process's one set of tables, which lives for ever.
 */
const struct ech_sinc_tables *ech_sinc_tables_get (void);

/**
 * ech_resample_read: reads @n frames of a track at a constant speed
 * @frames: interleaved L R
 * @readable_frames: frames from here on, and those before 0, are silence
 * @origin_position: track frames, fractional allowed, where index 0 stands
 * @step: track frames an output frame; negative = reverse, 0 = stands still
 * @first_index: out[0]'s index; may be negative
 * @out: (array) @n interleaved stereo frames, overwritten
 *
 * out[i] = track at @origin_position + (@first_index + i) * @step.  A stretch
 * that is cut into several calls with the same origin and step gives the same
 * bytes as one call.
 *
 * At a step of 1 or -1 from a whole origin the track's samples are copied, bit
 * exact; so is any whole position with a step of -1 .. 1.  A position that is
 * not finite reads as silence.
 *
 * Thread: any.  RT-safe: yes.
 */
ECH_RT void ech_resample_read (const struct ech_sinc_tables *tables,
                               const float                  *frames,
                               uint64_t                      readable_frames,
                               double                        origin_position,
                               double                        step,
                               int64_t                       first_index,
                               float                        *out,
                               uint32_t                      n);

#ifdef __cplusplus
}
#endif

#endif
