/* The inbox: one bounded lock-free lane for each source of actions.
 *
 * A source that floods fills its own lane and nobody else's.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ACTION_QUEUE_H
#define ECH_ACTION_QUEUE_H

#include "engine/rt/ring.h"
#include "engine/scheduler/scheduler.h"

enum { ECH_LANE_CAPACITY = 64, ECH_LANE_MAX_CAPACITY = 65536, ECH_RECENT_IDS = 256 };

struct ech_wakeup {
  void (*func) (void *data);
  void *data;
};

/* One action as it lies in a lane; its text is the slot's own. */
struct ech_lane_slot {
  struct ech_action action;
  uint64_t          posted_ns; /* CLOCK_MONOTONIC */
  uint32_t          n_batch;   /* first of a batch: how many follow, itself included; else 0 */
};

struct _EchLane {
  /* set once */
  char                     name[ECH_NAME_MAX];
  enum ech_source_class    source_class;
  uint32_t                 index;
  uint32_t                 capacity;
  const struct ech_wakeup *wakeup;
  struct ech_lane_slot    *slots;

  struct ech_ring ring; /* writer: the source; reader: the ticking thread */

  /* any thread */
  _Atomic uint64_t posted;
  _Atomic uint64_t refused_full;
  _Atomic bool     removed;

  /* ticking thread */
  GArray  *batch; /* what has come of the batch at the lane's end */
  bool     purged;
  bool     is_known; /* to the judge */
  uint32_t n_entries; /* actions of this lane that have no fate yet */
  uint32_t next_id;
  uint32_t id_hashes[ECH_RECENT_IDS];
  char     ids[ECH_RECENT_IDS][ECH_ID_MAX];
};

EchLane *ech_lane_new (const char              *name,
                       enum ech_source_class    source_class,
                       uint32_t                 capacity,
                       uint32_t                 index,
                       const struct ech_wakeup *wakeup);
void     ech_lane_free (EchLane *lane); /* with the texts of all that is in it */

/**
 * ech_lane_take: takes one action, or one whole batch
 * @out_slots: the slots, valid until the next call; the caller owns their texts
 *
 * A batch of which a part is still being written stays until it is whole.
 *
 * Thread: ticking.
 * Returns: how many; 0 = nothing (more) for now.
 */
unsigned ech_lane_take (EchLane *lane, struct ech_lane_slot **out_slots);

/* Actions that stand in the lane.  Thread: any. */
uint32_t ech_lane_depth (const EchLane *lane);

/* True if @id was among the last ECH_RECENT_IDS; remembers it otherwise.  Thread: ticking. */
bool ech_lane_knows_id (EchLane *lane, const char *id);

#endif
