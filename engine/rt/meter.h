/* Peak and RMS of a stereo signal since the last look.
 *
 * Thread: all calls belong to the audio thread and are RT-safe.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_METER_H
#define ECH_RT_METER_H

#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ech_meter {
  double   square_sum[2];
  float    peak[2];
  uint32_t reserved;
  uint64_t n_frames;
};

/* Zero memory is an initialised meter, too. */
void ech_meter_init (struct ech_meter *m);

/* Looks at @n interleaved stereo frames.  Samples that are not finite are left out. */
ECH_RT void ech_meter_add (struct ech_meter *m, const float *stereo, uint32_t n);

/**
 * ech_meter_take: what was added since the last take; starts anew
 * @out_peak: linear, left and right
 * @out_rms: linear, left and right; a full-scale sine is 0.707.  Both 0 when
 *    nothing was added.
 */
ECH_RT void ech_meter_take (struct ech_meter *m, float out_peak[2], float out_rms[2]);

#ifdef __cplusplus
}
#endif

#endif
