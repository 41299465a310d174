/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/follower.h"

/* A loop of the second order: this fast (rad/s), and without ringing. */
#define OMEGA   3.0
#define DAMPING 0.7

/* No sound device is further off than that. */
#define MAX_DRIFT 0.002

/* A shift of tempo that small is not heard as one. */
#define MAX_CORRECTION 0.005

void
ech_follower_init (struct ech_follower *follower)
{
  follower->drift = 0.0;
}

static double
limited (double value, double limit)
{
  return fmax (-limit, fmin (value, limit));
}

bool
ech_follower_take (struct ech_follower            *follower,
                   const struct ech_clock_reading *reading,
                   double                          frame,
                   uint32_t                        n_frames,
                   double                          nominal_rate,
                   struct ech_timeline            *timeline)
{
  double bpm        = fmax (ECH_MIN_BPM, fmin (reading->bpm, ECH_MAX_BPM));
  double beat       = ech_timeline_beat_at (timeline, frame);
  double error_s    = (reading->beat - beat) * 60.0 / bpm;
  double length_s   = n_frames / nominal_rate;
  bool   is_jump    = fabs (error_s) > ECH_FOLLOW_MAX_SLEW_S;
  double correction = follower->drift;

  if (is_jump) {
    beat = reading->beat;
  } else {
    follower->drift = limited (follower->drift + OMEGA * OMEGA * error_s * length_s, MAX_DRIFT);
    correction = limited (follower->drift + 2.0 * DAMPING * OMEGA * error_s, MAX_CORRECTION);
  }
  timeline->origin_frames = frame;
  timeline->origin_beats  = beat;
  timeline->bpm           = bpm;
  timeline->rate          = nominal_rate / (1.0 + correction);
  return is_jump;
}
