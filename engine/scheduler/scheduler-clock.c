/* Somebody else's clock: its way to the audio thread and back, what it tells, and the wishes to it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>

#include "engine/scheduler/scheduler-private.h"

/* A driver that does not do what was wished within this time does not do it. */
#define WISH_NS (5 * G_GINT64_CONSTANT (1000000000))

void
ech_clock_init (EchScheduler *s)
{
  struct ech_clock_desk *desk = &s->clock_desk;

  g_mutex_init (&desk->lock);
  desk->ports  = g_ptr_array_new_with_free_func (g_free);
  desk->wishes = g_ptr_array_new();
  ech_ring_init (&desk->updates, desk->update_slots, ECH_CLOCK_UPDATES,
                 sizeof (struct ech_clock_update));
}

void
ech_clock_finish (EchScheduler *s)
{
  g_ptr_array_unref (s->clock_desk.ports);
  g_ptr_array_unref (s->clock_desk.wishes);
  g_mutex_clear (&s->clock_desk.lock);
}

/* The source, any thread */

int
ech_scheduler_set_clock (EchScheduler *s, const struct ech_clock_source *source, void *owner, void *self)
{
  struct ech_clock_desk *desk   = &s->clock_desk;
  struct ech_clock_port *port   = NULL;
  int                    result = -EBUSY;

  g_mutex_lock (&desk->lock);
  if (desk->port == NULL) {
    port             = g_new0 (struct ech_clock_port, 1);
    port->source     = source;
    port->self       = self;
    desk->port       = port;
    desk->owner      = owner;
    desk->is_changed = true;
    result           = 0;
    g_ptr_array_add (desk->ports, port);
  }
  g_mutex_unlock (&desk->lock);
  if (result == 0 && s->wakeup.func)
    s->wakeup.func (s->wakeup.data);
  return result;
}

void
ech_scheduler_unset_clock (EchScheduler *s, void *owner)
{
  struct ech_clock_desk *desk = &s->clock_desk;
  struct ech_clock_port *port = NULL;

  g_mutex_lock (&desk->lock);
  if (desk->port != NULL && desk->owner == owner) {
    port             = g_steal_pointer (&desk->port);
    desk->is_changed = true;
  }
  if (port != NULL) {
    ech_clock_port_revoke (port);
    /* a call of the source's is microseconds long; the audio thread goes on in any case */
    while (ech_clock_port_is_inside (port))
      g_usleep (50);
  }
  g_mutex_unlock (&desk->lock);
  if (port != NULL && s->wakeup.func)
    s->wakeup.func (s->wakeup.data);
}

bool
ech_scheduler_post_clock_update (EchScheduler *s, const struct ech_clock_update *update)
{
  return ech_ring_push (&s->clock_desk.updates, update);
}

/* The source, ticking thread */

static void
order_clock (EchScheduler *s)
{
  struct ech_clock_desk *desk    = &s->clock_desk;
  struct ech_command     command = { .type = ECH_COMMAND_CLOCK, .when = ECH_WHEN_NOW, .at = NAN };

  g_mutex_lock (&desk->lock);
  command.clock = desk->port;
  if (desk->is_changed)
    ech_orders_push (s, &command);
  desk->is_changed = false;
  g_mutex_unlock (&desk->lock);
}

void
ech_clock_retire (EchScheduler *s, struct ech_clock_port *port)
{
  g_mutex_lock (&s->clock_desk.lock);
  g_ptr_array_remove (s->clock_desk.ports, port);
  g_mutex_unlock (&s->clock_desk.lock);
}

/* Wishes: what only the driver can do */

static bool
is_granted (const struct ech_entry *entry, const struct ech_clock_update *update)
{
  bool wanted = entry->action.value != 0;

  switch (entry->action.verb) {
  case ECH_VERB_LINK:
    return wanted == update->enabled;
  case ECH_VERB_LINK_STARTSTOP:
    return wanted == update->start_stop;
  default:
    return rint (entry->action.value) == update->nudge_beats;
  }
}

/* Tells the fate of @entry if it has one by now. */
static bool
settle_wish (EchScheduler *s, struct ech_entry *entry)
{
  const struct ech_clock_update *update = &s->clock.update;

  if (!update->available)
    ech_entry_reject (s, entry, ECH_RULE_STATE, "The Ableton Link driver is not running.");
  else if (is_granted (entry, update))
    ech_entry_finish (s, entry, ECH_FATE_EXECUTED, ECH_RULE_NONE, s->now_beat,
                      (uint64_t) s->now.frame, NULL);
  else if (s->now.time_ns > entry->wished_ns + WISH_NS)
    ech_entry_reject (s, entry, ECH_RULE_STATE, "The Ableton Link driver does not answer.");
  else
    return false;
  return true;
}

static void
settle_wishes (EchScheduler *s)
{
  GPtrArray *wishes = s->clock_desk.wishes;

  for (guint i = wishes->len; i > 0; i--) {
    struct ech_entry *entry = wishes->pdata[i - 1];

    g_ptr_array_remove_index (wishes, i - 1);
    if (!settle_wish (s, entry))
      g_ptr_array_insert (wishes, (gint) i - 1, entry);
  }
}

/* The newest word counts. */
static void
supersede (EchScheduler *s, enum ech_verb verb)
{
  GPtrArray *wishes = s->clock_desk.wishes;

  for (guint i = wishes->len; i > 0; i--) {
    struct ech_entry *entry = wishes->pdata[i - 1];

    if (entry->action.verb != verb)
      continue;
    g_ptr_array_remove_index (wishes, i - 1);
    ech_entry_cancel (s, entry, "Another one came after it.");
  }
}

void
ech_clock_wish (EchScheduler *s, struct ech_entry *entry)
{
  supersede (s, entry->action.verb);
  entry->stage     = ECH_STAGE_WISHED;
  entry->wished_ns = s->now.time_ns;
  if (settle_wish (s, entry))
    return;
  ech_entry_queued (s, entry); /* the driver hears of it by this */
  g_ptr_array_add (s->clock_desk.wishes, entry);
}

void
ech_clock_tick (EchScheduler *s)
{
  struct ech_clock_update update;

  while (ech_ring_pop (&s->clock_desk.updates, &update))
    ech_shared_clock_take (&s->clock, &update);
  order_clock (s);
  settle_wishes (s);
}
