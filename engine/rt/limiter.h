/* Look-ahead true-peak limiter for the stereo master.
 *
 * A four times oversampling detector looks ahead far enough for the gain to be
 * down, smoothly, before the peak arrives.  Both channels share one gain.
 * Below the ceiling the output is the input, delayed, bit for bit.
 *
 * Thread: all but init belong to the audio thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_LIMITER_H
#define ECH_RT_LIMITER_H

#include "engine/rt/smooth.h"
#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  ECH_LIMITER_LOOKAHEAD     = 64,  /* frames, at rates up to 50 kHz */
  ECH_LIMITER_MAX_LOOKAHEAD = 512, /* frames, at any rate */
  ECH_LIMITER_MAX_TAPS      = 24,  /* of the peak detector */
};

struct ech_limiter {
  /* set by ech_limiter_init() */
  uint32_t latency_frames;
  uint32_t half_taps;
  uint32_t hold_frames;
  uint32_t box_frames[2];
  double   release;
  float    detector[3][ECH_LIMITER_MAX_TAPS * 2]; /* per phase; each tap twice, for L and R */

  struct ech_smooth ceiling;
  float             min_gain;

  /* Newest detector input last; written twice so that a stretch is always in one piece. */
  float    history[2 * ECH_LIMITER_MAX_TAPS * 2];
  uint32_t history_at;
  float    before[2]; /* the curve's last point before the frame in the middle */

  float    delay[ECH_LIMITER_MAX_LOOKAHEAD * 2];
  uint32_t delay_at;

  /* Gains are whole numbers of 1/2^30: sums of them neither drift nor round, and
   * an idle limiter's gain is exactly 1. */
  uint64_t frame; /* counts input frames */
  struct {
    uint64_t frame;
    uint32_t gain;
  } minima[ECH_LIMITER_MAX_LOOKAHEAD]; /* rising queue of candidates */
  uint32_t minima_head;
  uint32_t minima_count;
  uint32_t envelope;
  uint32_t box0[ECH_LIMITER_MAX_LOOKAHEAD];
  uint64_t box1[ECH_LIMITER_MAX_LOOKAHEAD];
  uint32_t box_at[2];
  uint64_t box_sum[2];
};

/**
 * ech_limiter_init: silent, ceiling 1.0 (0 dBFS)
 * @rate: frames a second, up to 384000
 *
 * Thread: any, before the audio thread has it.  RT-safe: no (computes the
 * detector's filter).  Owns nothing: no finish needed.
 */
void ech_limiter_init (struct ech_limiter *l, double rate);

/* The constant delay in frames: ECH_LIMITER_LOOKAHEAD up to 50 kHz, more above.
 * Thread: any.  RT-safe: yes. */
ECH_RT uint32_t ech_limiter_latency (const struct ech_limiter *l);

/**
 * ech_limiter_set_ceiling: the true peak that the output keeps
 * @ceiling: linear, more than 0 .. 1; held to -60 .. 0 dBFS
 *
 * Takes hold from the next processed frame on, over ECH_PARAM_RAMP_S.
 *
 * RT-safe: yes.
 */
ECH_RT void ech_limiter_set_ceiling (struct ech_limiter *l, double ceiling);

/**
 * ech_limiter_process: processes @n interleaved stereo frames in place
 *
 * The output is the input of ech_limiter_latency() frames before.  A sample
 * that is not finite counts as 0, and one over 65536 as that.
 *
 * RT-safe: yes.
 */
ECH_RT void ech_limiter_process (struct ech_limiter *l, float *stereo, uint32_t n);

/* Smallest gain applied since the last call, 1 = idle.  RT-safe: yes. */
ECH_RT float ech_limiter_take_min_gain (struct ech_limiter *l);

/* Forgets the sound and all gain reduction; lands the ceiling on its target.  RT-safe: yes. */
ECH_RT void ech_limiter_reset (struct ech_limiter *l);

#ifdef __cplusplus
}
#endif

#endif
