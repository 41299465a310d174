/* A person's yes: to what a source in mode assist asks for, and to what a deck on air refused.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "engine/scheduler/quantizer.h"
#include "engine/scheduler/scheduler-private.h"
#include "engine/scheduler/vocabulary.h"

/* Holding */

void
ech_held_free (void *data)
{
  struct ech_held *held = data;

  g_ptr_array_unref (held->entries);
  g_free (held);
}

static void
hold_entry (EchScheduler               *s,
            struct ech_held            *held,
            struct ech_entry           *entry,
            const struct ech_violation *violation)
{
  entry->held  = held;
  entry->stage = ECH_STAGE_HELD;
  g_ptr_array_add (held->entries, entry);
  g_hash_table_add (s->ids, entry);
  ech_entry_count (s, entry);
  ech_entry_tell (s, entry, ECH_FATE_QUEUED, ECH_RULE_CONFIRM, s->now_beat, 0, violation->text);
}

void
ech_held_add (EchScheduler         *s,
              struct ech_entry    **entries,
              unsigned              n,
              struct ech_judgement *judgements)
{
  struct ech_held *held = g_new0 (struct ech_held, 1);

  held->lane     = entries[0]->lane;
  held->entries  = g_ptr_array_new();
  held->until_ns = s->now.time_ns + (uint64_t) (s->policy.confirm_wait_ms * 1e6);
  g_ptr_array_add (s->held, held);
  for (unsigned i = 0; i < n; i++) {
    if (judgements[i].violation.outcome == ECH_OUTCOME_HOLD)
      hold_entry (s, held, entries[i], &judgements[i].violation);
  }
}

static bool
has_id (const struct ech_held *held, const char *id)
{
  for (guint i = 0; i < held->entries->len; i++) {
    const struct ech_entry *entry = g_ptr_array_index (held->entries, i);

    if (strcmp (entry->action.id, id) == 0)
      return true;
  }
  return false;
}

struct ech_held *
ech_held_find (EchScheduler *s, const EchLane *confirmer, const char *id)
{
  struct ech_held *own = NULL;

  for (guint i = 0; i < s->held->len; i++) {
    struct ech_held *held = g_ptr_array_index (s->held, i);

    if (!has_id (held, id))
      continue;
    if (held->lane != confirmer)
      return held;
    own = own ? own : held;
  }
  return own;
}

/* Not held any more; it goes on, or has its fate. */
void
ech_held_forget (EchScheduler *s, struct ech_entry *entry)
{
  struct ech_held *held = g_steal_pointer (&entry->held);

  if (!held)
    return;
  g_ptr_array_remove (held->entries, entry);
  if (entry->stage == ECH_STAGE_HELD)
    entry->stage = ECH_STAGE_NEW;
  if (held->entries->len == 0)
    g_ptr_array_remove (s->held, held);
}

/* Ends all of a batch, or the one. */
static void
end_all (EchScheduler    *s,
         struct ech_held *held,
         enum ech_fate    fate,
         enum ech_rule    rule,
         const char      *text)
{
  guint n = held->entries->len;

  for (; n > 0; n--)
    ech_entry_finish (s, g_ptr_array_index (held->entries, 0), fate, rule, s->now_beat, 0, text);
}

void
ech_held_cancel (EchScheduler *s, struct ech_held *held, enum ech_rule rule, const char *text)
{
  end_all (s, held, ECH_FATE_CANCELLED, rule, text);
}

static bool
is_past_deadline (EchScheduler *s, const struct ech_held *held)
{
  for (guint i = 0; i < held->entries->len; i++) {
    const struct ech_entry *entry = g_ptr_array_index (held->entries, i);

    if (entry->action.deadline_beats != 0 && s->now_beat > entry->action.deadline_beats)
      return true;
  }
  return false;
}

void
ech_held_expire (EchScheduler *s)
{
  /* from the end: each goes from its place */
  for (guint i = s->held->len; i > 0; i--) {
    struct ech_held *held;

    if (i > s->held->len)
      continue;
    held = g_ptr_array_index (s->held, i - 1);
    if (s->safety.sources[held->lane->index].mode == ECH_MODE_OFF)
      ech_held_cancel (s, held, ECH_RULE_MODE, "Its source was switched off.");
    else if (s->now.time_ns >= held->until_ns)
      end_all (s, held, ECH_FATE_EXPIRED, ECH_RULE_CONFIRM, "Nobody said yes in time.");
    else if (is_past_deadline (s, held))
      end_all (s, held, ECH_FATE_EXPIRED, ECH_RULE_CONFIRM,
               "Its deadline has passed, and nobody said yes.");
  }
}

/* The yes */

static void
release (EchScheduler *s, struct ech_entry **entries, unsigned n, struct ech_judgement *judgements)
{
  unsigned culprit = ech_arrival_judge_all (s, entries, n, ECH_JUDGE_CONFIRMED, judgements);

  for (unsigned i = 0; i < n; i++)
    ech_held_forget (s, entries[i]);
  if (culprit < n) {
    ech_arrival_refuse_all (s, entries, n, culprit, judgements);
    return;
  }
  for (unsigned i = 0; i < n; i++)
    ech_safety_note (&s->policy, &s->safety, &judgements[i].petition, &judgements[i].violation);
  for (unsigned i = 0; i < n; i++)
    ech_arrival_carry_out (s, entries[i]);
}

void
ech_held_confirm (EchScheduler *s, struct ech_entry *confirm)
{
  struct ech_held                 *held = ech_held_find (s, confirm->lane, confirm->action.target);
  unsigned                         n    = held ? held->entries->len : 0;
  g_autofree struct ech_entry    **entries    = g_new (struct ech_entry *, n + 1);
  g_autofree struct ech_judgement *judgements = g_new (struct ech_judgement, n + 1);

  /* of two in one batch the first has done it */
  if (!held || held->lane == confirm->lane) {
    ech_entry_reject (s, confirm, ECH_RULE_UNKNOWN, "Nothing with the id %s waits for a yes.",
                      confirm->action.target);
    return;
  }
  s->telemetry.confirmed += n;
  memcpy (entries, held->entries->pdata, n * sizeof entries[0]);
  ech_entry_finish (s, confirm, ECH_FATE_EXECUTED, ECH_RULE_NONE, s->now_beat,
                    (uint64_t) s->now.frame, NULL);
  release (s, entries, n, judgements);
}

/* The second step */

void
ech_override_remember (EchScheduler *s, const struct ech_entry *entry)
{
  struct ech_action *kept = &s->refused[entry->lane->index];

  g_free ((char *) kept->text);
  *kept      = entry->action;
  kept->text = g_strdup (entry->action.text);
}

/* The CONFIRM keeps who asked: its id, its serial, its client. */
static void
turn_into (struct ech_entry *confirm, const struct ech_action *refused)
{
  struct ech_action was = confirm->action;

  g_free ((char *) was.text);
  confirm->action        = *refused;
  confirm->action.text   = g_strdup (refused->text);
  confirm->action.client = was.client;
  memcpy (confirm->action.id, was.id, sizeof was.id);
  confirm->waits         = ech_timing_waits (&confirm->action.timing);
  confirm->is_overridden = true;
}

void
ech_override_become (EchScheduler *s, struct ech_entry *confirm, uint32_t source)
{
  struct ech_judgement judgement;

  turn_into (confirm, &s->refused[source]);
  ech_arrival_judge (s, &s->safety, &s->shadow, confirm, ECH_JUDGE_OVERRIDE, &judgement);
  judgement.petition.override_source = (int32_t) source;
  ech_safety_note (&s->policy, &s->safety, &judgement.petition, &judgement.violation);
  if (judgement.violation.outcome != ECH_OUTCOME_DO) {
    ech_entry_refuse (s, confirm, &judgement.violation, NULL);
    return;
  }
  s->telemetry.overrides++;
  ech_arrival_carry_out (s, confirm);
}
