/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/scheduler/executor.h"

/* Schedule */

void
ech_schedule_init (struct ech_schedule *schedule)
{
  schedule->heap = g_ptr_array_new();
}

void
ech_schedule_finish (struct ech_schedule *schedule)
{
  g_clear_pointer (&schedule->heap, g_ptr_array_unref);
}

guint
ech_schedule_size (const struct ech_schedule *schedule)
{
  return schedule->heap->len;
}

static struct ech_appointment *
at (const struct ech_schedule *schedule, guint place)
{
  return g_ptr_array_index (schedule->heap, place - 1);
}

static void
put (struct ech_schedule *schedule, guint place, struct ech_appointment *appointment)
{
  g_ptr_array_index (schedule->heap, place - 1) = appointment;
  appointment->place                            = place;
}

static bool
is_before (const struct ech_appointment *a, const struct ech_appointment *b)
{
  return a->beats < b->beats || (a->beats == b->beats && a->serial < b->serial);
}

static void
sift_up (struct ech_schedule *schedule, guint place, struct ech_appointment *appointment)
{
  for (; place > 1 && is_before (appointment, at (schedule, place / 2)); place /= 2)
    put (schedule, place, at (schedule, place / 2));
  put (schedule, place, appointment);
}

static void
sift_down (struct ech_schedule *schedule, guint place, struct ech_appointment *appointment)
{
  guint n = schedule->heap->len, child;

  for (; (child = 2 * place) <= n; place = child) {
    if (child < n && is_before (at (schedule, child + 1), at (schedule, child)))
      child++;
    if (!is_before (at (schedule, child), appointment))
      break;
    put (schedule, place, at (schedule, child));
  }
  put (schedule, place, appointment);
}

void
ech_schedule_add (struct ech_schedule *schedule, struct ech_appointment *appointment)
{
  schedule->n_changes++;
  g_assert (appointment->place == 0);
  g_ptr_array_add (schedule->heap, appointment);
  sift_up (schedule, schedule->heap->len, appointment);
}

void
ech_schedule_remove (struct ech_schedule *schedule, struct ech_appointment *appointment)
{
  guint                   place = appointment->place, n = schedule->heap->len;
  struct ech_appointment *last;

  if (place == 0)
    return;
  schedule->n_changes++;
  last = at (schedule, n);
  g_ptr_array_set_size (schedule->heap, (gint) n - 1);
  appointment->place = 0;
  if (last == appointment)
    return;
  if (place > 1 && is_before (last, at (schedule, place / 2)))
    sift_up (schedule, place, last);
  else
    sift_down (schedule, place, last);
}

struct ech_appointment *
ech_schedule_first (const struct ech_schedule *schedule)
{
  return schedule->heap->len ? at (schedule, 1) : NULL;
}

guint
ech_schedule_peek (const struct ech_schedule *schedule, struct ech_appointment **out, guint n)
{
  /* The heap's own order: whoever comes next is a child of one already taken. */
  g_autofree guint *candidates   = g_new (guint, n + 2);
  guint             n_candidates = 0, taken = 0;

  if (schedule->heap->len)
    candidates[n_candidates++] = 1;
  while (n_candidates && taken < n) {
    guint best = 0, place;

    for (guint i = 1; i < n_candidates; i++) {
      if (is_before (at (schedule, candidates[i]), at (schedule, candidates[best])))
        best = i;
    }
    place            = candidates[best];
    candidates[best] = candidates[--n_candidates];
    out[taken++]     = at (schedule, place);
    for (guint child = 2 * place; child <= 2 * place + 1 && child <= schedule->heap->len; child++)
      candidates[n_candidates++] = child;
  }
  return taken;
}

/* Commands */

static bool
param (struct ech_command *command, enum ech_param param, double value)
{
  command->type  = ECH_COMMAND_PARAM;
  command->param = (uint8_t) param;
  command->value = value;
  return true;
}

static bool
setting (struct ech_command *command, enum ech_command_type type, double value)
{
  command->type  = type;
  command->value = value;
  return true;
}

/* @value is what the order says; @generation turns it down on another track. */
static bool
motion (struct ech_command *command, enum ech_command_type type, double value, uint32_t generation)
{
  command->generation = generation;
  return setting (command, type, value);
}

/* Within how many beats the target is brought into phase: as asked for, and by the beat at least
 * where the deck is synced. */
static uint8_t
phase_beats (const struct ech_action *action, const struct ech_deck_shadow *deck)
{
  if (action->timing.kind == ECH_TIMING_GRID && action->timing.way == ECH_WAY_LAND)
    return (uint8_t) CLAMP (action->timing.beats, 1.0, 64.0);
  return deck->sync ? 1 : 0;
}

static bool
hotcue (struct ech_command      *command,
        enum ech_command_type    type,
        const struct ech_action *action,
        uint32_t                 generation)
{
  command->param = (uint8_t) action->index;
  return motion (command, type, 0, generation);
}

static bool
deck_command (const struct ech_action      *action,
              const struct ech_deck_shadow *deck,
              uint32_t                      generation,
              struct ech_command           *command)
{
  double frames = action->value * deck->rate; /* NAN stays NAN */

  switch (action->verb) {
  case ECH_VERB_PLAY:
    command->in_phase = phase_beats (action, deck);
    return motion (command, ECH_COMMAND_PLAY, frames, generation);
  case ECH_VERB_SEEK:
    command->in_phase = phase_beats (action, deck);
    return motion (command, ECH_COMMAND_SEEK, frames, generation);
  case ECH_VERB_STOP:
    return motion (command, ECH_COMMAND_STOP, 0, generation);
  case ECH_VERB_CUE:
    return motion (command, ECH_COMMAND_CUE, frames, generation);
  case ECH_VERB_BEATJUMP:
    return motion (command, ECH_COMMAND_JUMP, action->value, generation);
  case ECH_VERB_LOOP:
    return motion (command, ECH_COMMAND_LOOP, action->value, generation);
  case ECH_VERB_LOOP_IN:
    return motion (command, ECH_COMMAND_LOOP_IN, 0, generation);
  case ECH_VERB_LOOP_OUT:
    return motion (command, ECH_COMMAND_LOOP_OUT, 0, generation);
  case ECH_VERB_LOOP_MOVE:
    return motion (command, ECH_COMMAND_LOOP_MOVE, action->value, generation);
  case ECH_VERB_HOTCUE_SET:
    return hotcue (command, ECH_COMMAND_HOTCUE_SET, action, generation);
  case ECH_VERB_HOTCUE_JUMP:
    command->in_phase = phase_beats (action, deck);
    return hotcue (command, ECH_COMMAND_HOTCUE_JUMP, action, generation);
  case ECH_VERB_HOTCUE_CLEAR:
    return hotcue (command, ECH_COMMAND_HOTCUE_CLEAR, action, generation);
  case ECH_VERB_BEND:
    return setting (command, ECH_COMMAND_BEND, action->value);
  case ECH_VERB_KEYLOCK:
    return setting (command, ECH_COMMAND_KEYLOCK, action->value);
  case ECH_VERB_SPEED:
    return setting (command, ECH_COMMAND_SPEED, action->value);
  case ECH_VERB_SYNC:
    return setting (command, ECH_COMMAND_SYNC, action->value);
  case ECH_VERB_TRIM:
    return param (command, ECH_PARAM_TRIM, action->value);
  case ECH_VERB_VOLUME:
    return param (command, ECH_PARAM_VOLUME, action->value);
  case ECH_VERB_EQ:
    return param (command, ECH_PARAM_EQ_LOW + action->index, action->value);
  case ECH_VERB_FILTER:
    return param (command, ECH_PARAM_FILTER, action->value);
  case ECH_VERB_PFL:
    return param (command, ECH_PARAM_PFL, action->value);
  default:
    return false;
  }
}

bool
ech_executor_command (const struct ech_action      *action,
                      const struct ech_deck_shadow *deck,
                      uint32_t                      generation,
                      struct ech_command           *out_command)
{
  *out_command = (struct ech_command){ .deck = (uint8_t) action->deck };
  switch (action->verb) {
  case ECH_VERB_CROSSFADER:
    return param (out_command, ECH_PARAM_CROSSFADER, action->value);
  case ECH_VERB_LIMITER:
    return param (out_command, ECH_PARAM_LIMITER, action->value);
  case ECH_VERB_MASTER_VOLUME:
    return param (out_command, ECH_PARAM_MASTER_VOLUME, action->value);
  case ECH_VERB_BOOTH_VOLUME:
    return param (out_command, ECH_PARAM_BOOTH_VOLUME, action->value);
  case ECH_VERB_HEADPHONES_VOLUME:
    return param (out_command, ECH_PARAM_HEADPHONES_VOLUME, action->value);
  case ECH_VERB_HEADPHONES_MIX:
    return param (out_command, ECH_PARAM_HEADPHONES_MIX, action->value);
  case ECH_VERB_RECORD:
    return setting (out_command, ECH_COMMAND_RECORD, action->value);
  case ECH_VERB_TEMPO:
    return setting (out_command, ECH_COMMAND_TEMPO, action->value);
  default:
    return deck_command (action, deck, generation, out_command);
  }
}
