/* The one place where the scheduler thread and the audio thread meet.
 *
 * scheduler --commands--> audio, audio --feedback, reports--> scheduler.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_EXCHANGE_H
#define ECH_RT_EXCHANGE_H

#include "engine/rt/command.h"
#include "engine/rt/ring.h"
#include "engine/rt/telemetry.h"

enum { ECH_COMMAND_SLOTS = 512, ECH_FEEDBACK_SLOTS = 2048 };

struct ech_exchange {
  struct ech_ring     commands; /* writer: scheduler; reader: audio */
  struct ech_ring     feedback; /* writer: audio; reader: scheduler */
  struct ech_triple   reports;  /* writer: audio; reader: scheduler */
  struct ech_command  command_slots[ECH_COMMAND_SLOTS];
  struct ech_feedback feedback_slots[ECH_FEEDBACK_SLOTS];
};

static inline void
ech_exchange_init (struct ech_exchange *x)
{
  ech_ring_init (&x->commands, x->command_slots, ECH_COMMAND_SLOTS, sizeof (struct ech_command));
  ech_ring_init (&x->feedback, x->feedback_slots, ECH_FEEDBACK_SLOTS, sizeof (struct ech_feedback));
  ech_triple_init (&x->reports);
}

#endif
