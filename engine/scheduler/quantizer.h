/* When an action is due.  Pure: timing and clock in, beat out.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_QUANTIZER_H
#define ECH_QUANTIZER_H

#include "engine/scheduler/action.h"

/**
 * struct ech_due
 * @beats: the session beat on which the action is due
 * @error_beats: how far that is from the moment of the request
 */
struct ech_due {
  double beats;
  double error_beats;
};

/**
 * ech_quantize:
 * @timing: resolved, not ECH_TIMING_DEFAULT
 * @now_beat: the beat of the request
 * @tolerance_beats: a boundary that has passed by no more than this still counts
 *
 * Landing in phase happens now, like ECH_TIMING_NOW.
 *
 * Returns: 0; -ETIME when the named beat has passed; -EINVAL for no timing.
 */
int ech_quantize (const struct ech_timing *timing,
                  double                   now_beat,
                  double                   tolerance_beats,
                  struct ech_due          *out_due);

/**
 * ech_quantize_at_frame: the same to the frame
 * @now_frame: the first graph frame that a command can still reach
 *
 * A grid gives its smallest multiple whose frame (ech_timeline_onset_frame()) is not before
 * @now_frame: what stands on the boundary's own frame fires there.
 */
int ech_quantize_at_frame (const struct ech_timing   *timing,
                           const struct ech_timeline *timeline,
                           double                     now_frame,
                           struct ech_due            *out_due);

/* True if the action is to wait for a beat. */
bool ech_timing_waits (const struct ech_timing *timing);

#endif
