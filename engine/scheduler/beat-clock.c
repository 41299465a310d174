/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/scheduler/beat-clock.h"

#define BEATS_PER_BAR 4.0

static const struct ech_local_clock *
local (const struct ech_beat_clock *clock)
{
  return (const struct ech_local_clock *) clock;
}

static double
local_current_beat (const struct ech_beat_clock *clock)
{
  return ech_timeline_beat_at (&local (clock)->timeline, local (clock)->frame);
}

static double
local_phase (const struct ech_beat_clock *clock, double quantum_beats)
{
  return ech_beat_phase (local_current_beat (clock), quantum_beats);
}

static double
local_tempo_bpm (const struct ech_beat_clock *clock)
{
  return local (clock)->timeline.bpm;
}

static bool
local_is_synchronized (const struct ech_beat_clock *clock)
{
  (void) clock;
  return false;
}

static uint32_t
local_num_peers (const struct ech_beat_clock *clock)
{
  (void) clock;
  return 0;
}

static double
time_to_next (const struct ech_beat_clock *clock, double quantum_beats)
{
  return (quantum_beats - local_phase (clock, quantum_beats)) * 60.0 / local_tempo_bpm (clock);
}

static double
local_time_to_next_beat (const struct ech_beat_clock *clock)
{
  return time_to_next (clock, 1.0);
}

static double
local_time_to_next_bar (const struct ech_beat_clock *clock)
{
  return time_to_next (clock, BEATS_PER_BAR);
}

static const struct ech_beat_clock_interface local_interface = {
  .current_beat      = local_current_beat,
  .phase             = local_phase,
  .tempo_bpm         = local_tempo_bpm,
  .is_synchronized   = local_is_synchronized,
  .num_peers         = local_num_peers,
  .time_to_next_beat = local_time_to_next_beat,
  .time_to_next_bar  = local_time_to_next_bar,
};

void
ech_local_clock_init (struct ech_local_clock *clock)
{
  clock->base.interface = &local_interface;
  clock->timeline       = (struct ech_timeline){ .bpm = 120.0, .rate = 48000.0 };
  clock->frame          = 0.0;
}

void
ech_local_clock_update (struct ech_local_clock    *clock,
                        const struct ech_timeline *timeline,
                        double                     frame)
{
  if (timeline->rate > 0.0 && timeline->bpm > 0.0)
    clock->timeline = *timeline;
  clock->frame = frame;
}

/* The shared clock */

static const struct ech_clock_update *
update_of (const struct ech_beat_clock *clock)
{
  return &((const struct ech_shared_clock *) clock)->update;
}

static bool
shared_is_synchronized (const struct ech_beat_clock *clock)
{
  return update_of (clock)->enabled;
}

static uint32_t
shared_num_peers (const struct ech_beat_clock *clock)
{
  return update_of (clock)->enabled ? update_of (clock)->peers : 0;
}

static const struct ech_beat_clock_interface shared_interface = {
  .current_beat      = local_current_beat,
  .phase             = local_phase,
  .tempo_bpm         = local_tempo_bpm,
  .is_synchronized   = shared_is_synchronized,
  .num_peers         = shared_num_peers,
  .time_to_next_beat = local_time_to_next_beat,
  .time_to_next_bar  = local_time_to_next_bar,
};

void
ech_shared_clock_init (struct ech_shared_clock *clock)
{
  ech_local_clock_init (&clock->local);
  clock->local.base.interface = &shared_interface;
  clock->update               = (struct ech_clock_update){ .quantum_beats = BEATS_PER_BAR };
}

void
ech_shared_clock_take (struct ech_shared_clock *clock, const struct ech_clock_update *update)
{
  clock->update = *update;
}
