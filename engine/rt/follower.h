/* Keeps the engine's timeline on somebody else's clock.
 *
 * The tempo is taken over at once.  A phase that is a little off is made up for by
 * the length of a frame (the timeline's rate), so that beats neither jump nor
 * repeat; the same correction learns how fast the sound device really runs.  A phase
 * that is far off, as when a session is joined, is taken over at once.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_FOLLOWER_H
#define ECH_RT_FOLLOWER_H

#include "engine/clock-source.h"

/* What is further off than this is taken over at once. */
#define ECH_FOLLOW_MAX_SLEW_S 0.001

struct ech_follower {
  double drift; /* learned: so much longer than nominal is a frame, relatively */
};

void ech_follower_init (struct ech_follower *follower);

/**
 * ech_follower_take: @reading is the source's beat at @frame
 * @n_frames: how long the corrected timeline holds
 * @nominal_rate: graph frames a second by the graph's own account
 * @timeline: anchored anew at @frame; its rate is then what is measured
 *
 * Thread: audio.  RT-safe: yes.
 * Returns: true when the phase was taken over at once.
 */
ECH_RT bool ech_follower_take (struct ech_follower            *follower,
                               const struct ech_clock_reading *reading,
                               double                          frame,
                               uint32_t                        n_frames,
                               double                          nominal_rate,
                               struct ech_timeline            *timeline);

#endif
