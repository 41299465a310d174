/* A gain or other parameter on its way to a new value, a frame at a time.
 *
 * A cubic ramp of fixed length: its slope does not jump where it starts, lands
 * or is sent elsewhere on its way, it never passes the target, and it lands on
 * exactly the target.  The value depends on the frames counted, never on how
 * they were cut into blocks.
 *
 * Any thread may own one; all calls are RT-safe.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_SMOOTH_H
#define ECH_RT_SMOOTH_H

#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Length of a parameter's ramp, in seconds. */
#define ECH_PARAM_RAMP_S 0.010

/**
 * struct ech_smooth: all fields are private, but these may be read
 * @value: where the parameter stands now
 * @target: where it goes
 */
struct ech_smooth {
  double   value;
  double   target;
  double   square; /* value = target + u^2 (square + cube u), u = remaining / ramp */
  double   cube;
  double   inverse_ramp;
  uint32_t ramp_frames;
  uint32_t remaining_frames; /* 0 = settled */
};

static inline uint32_t
ech_smooth_ramp_frames (double rate, double seconds)
{
  double frames = rate * seconds;

  return frames >= 1.0 ? (uint32_t) (frames + 0.5) : 1;
}

/* Stands on @value at once, without a ramp. */
ECH_RT static inline void
ech_smooth_jump (struct ech_smooth *s, double value)
{
  s->value            = value;
  s->target           = value;
  s->remaining_frames = 0;
}

/**
 * ech_smooth_init:
 * @value: where it stands at first
 * @ramp_frames: 1 or more
 */
static inline void
ech_smooth_init (struct ech_smooth *s, double value, uint32_t ramp_frames)
{
  s->ramp_frames  = ramp_frames > 0 ? ramp_frames : 1;
  s->inverse_ramp = 1.0 / s->ramp_frames;
  s->square       = 0.0;
  s->cube         = 0.0;
  ech_smooth_jump (s, value);
}

ECH_RT static inline bool
ech_smooth_is_settled (const struct ech_smooth *s)
{
  return s->remaining_frames == 0;
}

/* Slope in units of value per whole ramp. */
ECH_RT static inline double
ech_smooth_slope (const struct ech_smooth *s)
{
  double u = s->remaining_frames * s->inverse_ramp;

  return s->remaining_frames > 0 ? -u * (2.0 * s->square + 3.0 * s->cube * u) : 0.0;
}

/**
 * ech_smooth_set: goes to @target within the next ramp_frames frames
 *
 * The target it already has changes nothing: no ramp begins anew.
 */
ECH_RT static inline void
ech_smooth_set (struct ech_smooth *s, double target)
{
  double distance, slope;

  if (target == s->target)
    return;
  slope    = ech_smooth_slope (s);
  distance = s->value - target;

  /* A slope of more than three ramps' worth would shoot over the target, and
   * one that leads away from it would go on doing so. */
  if (slope * distance >= 0.0)
    slope = 0.0;
  else if (fabs (slope) > 3.0 * fabs (distance))
    slope = -3.0 * distance;

  s->target           = target;
  s->square           = 3.0 * distance + slope;
  s->cube             = -2.0 * distance - slope;
  s->remaining_frames = s->ramp_frames;
}

/**
 * ech_smooth_next: steps one frame
 * Returns: the value for this frame; the target from the ramp_frames-th call
 *    after ech_smooth_set() on.
 */
ECH_RT static inline double
ech_smooth_next (struct ech_smooth *s)
{
  if (s->remaining_frames > 0) {
    double u = --s->remaining_frames * s->inverse_ramp;

    s->value = s->target + u * u * (s->square + s->cube * u);
  }
  return s->value;
}

#ifdef __cplusplus
}
#endif

#endif
