/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/scheduler/quantizer.h"

#include <errno.h>

/* Frames: what remains of a sum of seconds and beats is not a frame too late. */
#define ROUNDING 1e-6

bool
ech_timing_waits (const struct ech_timing *timing)
{
  switch (timing->kind) {
  case ECH_TIMING_GRID:
    return timing->way == ECH_WAY_WAIT;
  case ECH_TIMING_AT_BEAT:
  case ECH_TIMING_IN_BEATS:
    return true;
  default:
    return false;
  }
}

static int
due_at (double beats, double now_beat, struct ech_due *out_due)
{
  out_due->beats       = beats + 0.0; /* "-0" is no beat that one shows to people */
  out_due->error_beats = beats - now_beat;
  return 0;
}

int
ech_quantize (const struct ech_timing *timing,
              double                   now_beat,
              double                   tolerance_beats,
              struct ech_due          *out_due)
{
  switch (timing->kind) {
  case ECH_TIMING_NOW:
    return due_at (now_beat, now_beat, out_due);
  case ECH_TIMING_GRID:
    if (timing->way == ECH_WAY_LAND)
      return due_at (now_beat, now_beat, out_due);
    if (!(timing->beats > 0))
      return -EINVAL;
    return due_at (ceil ((now_beat - tolerance_beats) / timing->beats) * timing->beats, now_beat,
                   out_due);
  case ECH_TIMING_AT_BEAT:
    if (timing->beats < now_beat - tolerance_beats)
      return -ETIME;
    return due_at (timing->beats, now_beat, out_due);
  case ECH_TIMING_IN_BEATS:
    return due_at (now_beat + timing->beats, now_beat, out_due);
  default:
    return -EINVAL;
  }
}

static bool
in_time (const struct ech_timeline *timeline, double beat, double first_frame)
{
  return (double) ech_timeline_onset_frame (timeline, beat) >= first_frame;
}

int
ech_quantize_at_frame (const struct ech_timing   *timing,
                       const struct ech_timeline *timeline,
                       double                     now_frame,
                       struct ech_due            *out_due)
{
  double first    = ceil (now_frame - ROUNDING); /* frames are whole */
  double now_beat = ech_timeline_beat_at (timeline, now_frame);
  double half     = 0.5 * timeline->bpm / (60.0 * timeline->rate);
  int    result;

  if (timing->kind == ECH_TIMING_AT_BEAT)
    return in_time (timeline, timing->beats, first) ? due_at (timing->beats, now_beat, out_due)
                                                    : -ETIME;
  if (timing->kind != ECH_TIMING_GRID || timing->way == ECH_WAY_LAND)
    return ech_quantize (timing, now_beat, 0.0, out_due);

  /* Beats are only near the frames' own rounding, so look at the neighbours. */
  result = ech_quantize (timing, ech_timeline_beat_at (timeline, first), half, out_due);
  if (result < 0)
    return result;
  if (in_time (timeline, out_due->beats - timing->beats, first))
    out_due->beats -= timing->beats;
  else if (!in_time (timeline, out_due->beats, first))
    out_due->beats += timing->beats;
  return due_at (out_due->beats, now_beat, out_due);
}
