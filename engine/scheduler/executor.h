/* The schedule, and how a due action becomes an order for the audio thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_EXECUTOR_H
#define ECH_EXECUTOR_H

#include <glib.h>

#include "engine/rt/command.h"
#include "engine/scheduler/shadow-state.h"

/**
 * struct ech_appointment: embedded in what waits
 * @beats: due
 * @serial: of two with the same beat the smaller comes first
 * @place: 1-based place in the heap, 0 = not in any schedule
 */
struct ech_appointment {
  double   beats;
  uint64_t serial;
  guint    place;
  void    *owner;
};

/* Sorted by due beat: a binary heap.  Adding and removing anywhere are O(log n).
 * @n_changes: counts what was added and removed: who has seen it knows whether to look again */
struct ech_schedule {
  GPtrArray *heap; /* of struct ech_appointment, borrowed */
  uint64_t   n_changes;
};

void  ech_schedule_init (struct ech_schedule *schedule);
void  ech_schedule_finish (struct ech_schedule *schedule);
guint ech_schedule_size (const struct ech_schedule *schedule);
void  ech_schedule_add (struct ech_schedule *schedule, struct ech_appointment *appointment);

/* Nothing happens when it is in no schedule. */
void ech_schedule_remove (struct ech_schedule *schedule, struct ech_appointment *appointment);

/* The next one due, or NULL. */
struct ech_appointment *ech_schedule_first (const struct ech_schedule *schedule);

/* The @n that are due first, in order; returns how many there were. */
guint
ech_schedule_peek (const struct ech_schedule *schedule, struct ech_appointment **out, guint n);

/**
 * ech_executor_command: the order that carries @action out
 * @generation: of the track that it was judged with; for verbs that move the playhead
 *
 * Not for LOAD and EJECT, whose track the scheduler owns.  The caller fills id, when and at.
 *
 * Returns: false for verbs that are not the audio thread's business.
 */
bool ech_executor_command (const struct ech_action      *action,
                           const struct ech_deck_shadow *deck,
                           uint32_t                      generation,
                           struct ech_command           *out_command);

#endif
