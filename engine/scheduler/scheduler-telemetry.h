/* What the scheduler counts while the set runs: who was refused what, how late, how exact.
 *
 * Plain data; ech_scheduler_telemetry() copies it whole.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SCHEDULER_TELEMETRY_H
#define ECH_SCHEDULER_TELEMETRY_H

#include "engine/scheduler/action.h"

/* One more than the loaded sources: the last is the guards'. */
enum { ECH_N_COUNTED_SOURCES = ECH_MAX_SOURCES + 1 };

struct ech_source_counts {
  char     name[ECH_NAME_MAX]; /* "" = there is none */
  uint32_t depth;              /* actions in its lane now */
  uint32_t max_depth;          /* at the beginning of a tick */
  uint64_t posted;
  uint64_t refused_full;         /* posts that found the lane full */
  uint64_t refused[ECH_N_RULES]; /* by rule; GHOST: what it would have done */
};

/**
 * struct ech_telemetry
 * @locks, @unlocks: carried out
 * @refused_locked: refused because the deck is locked
 * @refused_cooldown: refused by a cooldown, of a verb or after an unlock
 * @refused: by verb and rule
 * @error_*: frames between the beat and where an action that waited for it was heard; within half a
 *    frame is exact
 * @latency_*: immediate actions, from the post to the frame they are heard on, ms; the last 1024
 * @silences: told; @resumed: the guard started a deck again
 * @expired_unconfirmed: actions that were held and nobody said yes
 * @repaired: fates that were lost on their way and found by the audio thread's reports
 * @feedback_lost: by the audio thread's own count
 */
struct ech_telemetry {
  uint64_t                 locks;
  uint64_t                 unlocks;
  uint64_t                 refused_locked;
  uint64_t                 refused_cooldown;
  uint64_t                 refused[ECH_N_VERBS][ECH_N_RULES];
  uint64_t                 emergency_loops;
  uint64_t                 silences;
  uint64_t                 resumed;
  uint64_t                 emergency_stops;
  uint64_t                 overrides;
  uint64_t                 confirmed;
  uint64_t                 expired_unconfirmed;
  uint64_t                 taken_over;
  uint64_t                 repaired;
  uint64_t                 feedback_lost;
  uint64_t                 error_n;
  double                   error_min_frames;
  double                   error_mean_frames;
  double                   error_max_frames;
  uint64_t                 latency_n;
  double                   latency_p50_ms;
  double                   latency_p95_ms;
  double                   latency_p99_ms;
  double                   latency_max_ms; /* of all */
  struct ech_source_counts sources[ECH_N_COUNTED_SOURCES];
};

#endif
