/* The clock that the scheduler reads, whoever keeps it.
 *
 * A clock is a snapshot of "now": its owner updates it once a tick, and all
 * that is decided in that tick sees the same beat.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_BEAT_CLOCK_H
#define ECH_BEAT_CLOCK_H

#include "engine/clock-source.h"
#include "engine/types.h"

struct ech_beat_clock;

/* Thread: the one that updates the clock. */
struct ech_beat_clock_interface {
  double (*current_beat) (const struct ech_beat_clock *clock);
  double (*phase) (const struct ech_beat_clock *clock,
                   double                       quantum_beats); /* 0 <= phase < quantum */
  double (*tempo_bpm) (const struct ech_beat_clock *clock);
  bool (*is_synchronized) (
      const struct ech_beat_clock *clock); /* follows, or is followed by, others */
  uint32_t (*num_peers) (const struct ech_beat_clock *clock);
  double (*time_to_next_beat) (const struct ech_beat_clock *clock); /* seconds, more than 0 */
  double (*time_to_next_bar) (const struct ech_beat_clock *clock);  /* a bar is 4 beats */
};

struct ech_beat_clock {
  const struct ech_beat_clock_interface *interface;
};

/* The session's own timeline, with nobody else on it. */
struct ech_local_clock {
  struct ech_beat_clock base;
  struct ech_timeline   timeline;
  double                frame; /* now */
};

/* 120 BPM from frame 0 on, at 48 kHz, until the first update. */
void ech_local_clock_init (struct ech_local_clock *clock);

/* A timeline of rate 0 (no audio yet) is passed over. */
void ech_local_clock_update (struct ech_local_clock    *clock,
                             const struct ech_timeline *timeline,
                             double                     frame);

/* The same timeline, which the audio thread may keep on somebody else's clock; what else there is
 * to know of the others comes in updates. */
struct ech_shared_clock {
  struct ech_local_clock  local;
  struct ech_clock_update update;
};

/* Nobody else, until the first update. */
void ech_shared_clock_init (struct ech_shared_clock *clock);
void ech_shared_clock_take (struct ech_shared_clock       *clock,
                            const struct ech_clock_update *update);

#endif
