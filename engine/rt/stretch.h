/* A time stretcher: a stream in, the same pitch at another speed out.
 *
 * The one place that knows which library does it (docs/decisions/0013).  Works in hops: of
 * `wanted` frames in, and as many out as the speed makes of them.  Stereo, interleaved; a
 * mono sound stays one.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_STRETCH_H
#define ECH_RT_STRETCH_H

#include "engine/types.h"

#define ECH_STRETCH_MIN_SPEED 0.5
#define ECH_STRETCH_MAX_SPEED 2.0

struct ech_stretch;

/* Some MB and a millisecond.  Thread: any, not the audio thread.  NULL: out of memory. */
struct ech_stretch *ech_stretch_create (double rate);
void                ech_stretch_destroy (struct ech_stretch *stretch); /* NULL is fine */

/* Frames from a reset to the first one out in whose making a whole window had part.  RT-safe: yes. */
ECH_RT uint32_t ech_stretch_lead (struct ech_stretch *stretch);

/* Index of the frame in that is the frame out of the same index, at any speed, from a reset on; each
 * hop moves both on by what it takes and gives.  RT-safe: yes. */
ECH_RT uint32_t ech_stretch_pivot (struct ech_stretch *stretch);

/* Forgets the sound.  RT-safe: yes, some microseconds. */
ECH_RT void ech_stretch_reset (struct ech_stretch *stretch);

/* From the next hop on; within a little of ECH_STRETCH_MIN_SPEED .. MAX_SPEED.  RT-safe: yes. */
ECH_RT void ech_stretch_set_speed (struct ech_stretch *stretch, double speed);

/* Frames that are missing for the next hop.  RT-safe: yes. */
ECH_RT uint32_t ech_stretch_wanted (struct ech_stretch *stretch);

enum { ECH_STRETCH_MAX_FEED = 1024 };

/* At most ECH_STRETCH_MAX_FEED frames, and no more than are wanted.  RT-safe: yes. */
ECH_RT void ech_stretch_feed (struct ech_stretch *stretch, const float *in, uint32_t n);

/* Takes at most @max frames of what has come out; returns how many.  RT-safe: yes. */
ECH_RT uint32_t ech_stretch_take (struct ech_stretch *stretch, float *out, uint32_t max);

#endif
