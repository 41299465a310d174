/* The DJ filter: one knob from low-pass through off to high-pass.
 *
 * 24 dB an octave without resonance.  At exactly 0 the input passes bit-exact;
 * leaving and reaching 0 is a cross-fade.
 *
 * Thread: all but init belong to the audio thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_FILTER_H
#define ECH_RT_FILTER_H

#include "engine/rt/smooth.h"
#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Cut-off at the ends of the knob's travel and next to its middle. */
#define ECH_FILTER_LOW_HZ  40.0    /* low-pass at -1, high-pass next to 0 */
#define ECH_FILTER_HIGH_HZ 18000.0 /* low-pass next to 0 */
#define ECH_FILTER_TOP_HZ  10000.0 /* high-pass at 1 */

/* Two state-variable sections of one side (low-pass or high-pass), left and right. */
struct ech_filter_side {
  double            s1[2][2]; /* [section][channel] */
  double            s2[2][2];
  struct ech_smooth octave; /* of the cut-off, over 1 Hz */
  double            g;      /* for the cut-off that octave stands on */
};

struct ech_filter {
  double                 rate;
  struct ech_filter_side low_pass;
  struct ech_filter_side high_pass;
  struct ech_smooth      low_wet; /* 0..1: how much of the output is low-passed */
  struct ech_smooth      high_wet;
  uint32_t               frames_to_flush;
};

/* Off and silent.  Thread: any, before the audio thread has it.  RT-safe: no. */
void ech_filter_init (struct ech_filter *f, double rate);

/* @position: -1 low-pass .. 0 off .. 1 high-pass, held to that; not a number is
 * taken as 0.  Takes hold from the next processed frame on, over
 * ECH_PARAM_RAMP_S.  RT-safe: yes. */
ECH_RT void ech_filter_set (struct ech_filter *f, double position);

/* Processes @n interleaved stereo frames in place.  No delay.  RT-safe: yes. */
ECH_RT void ech_filter_process (struct ech_filter *f, float *stereo, uint32_t n);

/* Forgets the sound, and lands all ramps on their targets.  RT-safe: yes. */
ECH_RT void ech_filter_reset (struct ech_filter *f);

#ifdef __cplusplus
}
#endif

#endif
