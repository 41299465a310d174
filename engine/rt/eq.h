/* Three-band kill EQ: Linkwitz-Riley crossovers of 48 dB an octave.
 *
 * Crossovers at 250 Hz and 2500 Hz; the low band gets the all-pass of the
 * upper crossover, so that the bands sum flat.  48 dB an octave and not 24,
 * because with 24 a killed band leaks through its neighbours' skirts: -33 dB at
 * 800 Hz.
 *
 * With all gains at exactly 1 the EQ passes its input bit-exact.  The filters
 * run nevertheless, so that a kill on the beat starts from warm filters; the
 * change between the two is a cross-fade of ECH_PARAM_RAMP_S.
 *
 * Thread: all but init belong to the audio thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_EQ_H
#define ECH_RT_EQ_H

#include "engine/rt/smooth.h"
#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ECH_EQ_LOW_HZ  250.0
#define ECH_EQ_HIGH_HZ 2500.0

/* One second-order section's state for left and right. */
struct ech_eq_section {
  double s1[2];
  double s2[2];
};

/* One crossover: two kinds of section, used twice each. */
struct ech_eq_coefficients {
  double gain; /* of the low-pass numerator */
  double a1;
  double a2;
};

struct ech_eq {
  /* set by ech_eq_init() */
  struct ech_eq_coefficients low_cross[2];
  struct ech_eq_coefficients high_cross[2];

  struct ech_smooth gains[ECH_N_BANDS];
  struct ech_smooth wet; /* 0 = bypassed */
  uint32_t          frames_to_flush;

  struct ech_eq_section low_pass[4];
  struct ech_eq_section low_all_pass[2]; /* input through the lower crossover's phase */
  struct ech_eq_section mid_pass[4];
  struct ech_eq_section high_all_pass[2]; /* mid and high through the upper one's phase */
  struct ech_eq_section align[2];         /* low through the upper one's phase */
};

/**
 * ech_eq_init: flat, bypassed, silent
 * @rate: frames a second, 8000 or more
 *
 * Thread: any, before the audio thread has it.  RT-safe: no.  Owns nothing: no finish needed.
 */
void ech_eq_init (struct ech_eq *eq, double rate);

/**
 * ech_eq_set_gain: sends a band to a gain
 * @gain: linear, 0 (killed) or more; 1 = flat
 *
 * Takes hold from the next processed frame on, over ECH_PARAM_RAMP_S.  A gain
 * that is negative or not a number is taken as 0.
 *
 * RT-safe: yes.
 */
ECH_RT void ech_eq_set_gain (struct ech_eq *eq, enum ech_band band, double gain);

/* Processes @n interleaved stereo frames in place.  No delay.  RT-safe: yes. */
ECH_RT void ech_eq_process (struct ech_eq *eq, float *stereo, uint32_t n);

/* Forgets the sound, and lands all ramps on their targets.  RT-safe: yes. */
ECH_RT void ech_eq_reset (struct ech_eq *eq);

/* Whether the next frame passes bit-exact, unless a gain is set before it.  RT-safe: yes. */
ECH_RT bool ech_eq_is_bypassed (const struct ech_eq *eq);

#ifdef __cplusplus
}
#endif

#endif
