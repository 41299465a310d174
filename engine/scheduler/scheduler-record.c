/* Recording: a file is made before the audio thread is told to begin.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/scheduler/scheduler-private.h"

struct ech_record_result {
  uint64_t ticket;
  bool     failed;
  char     text[ECH_TEXT_MAX]; /* failed: why; else the file's name */
};

void
ech_record_begin (EchScheduler *s, struct ech_entry *entry)
{
  if (!s->recorder) {
    ech_entry_reject (s, entry, ECH_RULE_RECORD, "There is no folder here to record into.");
    return;
  }
  entry->stage = ECH_STAGE_LOADING;
  if (entry->waits)
    ech_entry_queued (s, entry);
  s->n_preparing++;
  s->recorder->prepare (s->recorder_data, entry->serial);
}

static void
take_result (EchScheduler *s, const struct ech_record_result *result)
{
  struct ech_entry *entry = g_hash_table_lookup (s->entries, &result->ticket);

  s->n_preparing--;
  /* taken back in the meantime: the file waits for the next one */
  if (!entry || entry->stage != ECH_STAGE_LOADING)
    return;
  if (result->failed) {
    ech_entry_reject (s, entry, ECH_RULE_RECORD, "%s", result->text);
    return;
  }
  g_strlcpy (s->record_name, result->text, sizeof s->record_name);
  if (entry->waits)
    ech_orders_wait (s, entry);
  else
    ech_orders_hand_over (s, entry, false);
}

void
ech_record_take_results (EchScheduler *s)
{
  struct ech_record_result *result;

  while ((result = g_async_queue_try_pop (s->record_results))) {
    take_result (s, result);
    g_free (result);
  }
}

void
ech_scheduler_record_result (EchScheduler *s, uint64_t ticket, const char *name, const char *error)
{
  struct ech_record_result *result = g_new0 (struct ech_record_result, 1);

  result->ticket = ticket;
  result->failed = error != NULL;
  g_strlcpy (result->text, error ? error : name, sizeof result->text);
  g_async_queue_push (s->record_results, result);
  if (s->wakeup.func)
    s->wakeup.func (s->wakeup.data);
}

void
ech_scheduler_set_recorder (EchScheduler *s, const struct ech_recorder_interface *recorder, void *data)
{
  s->recorder      = recorder;
  s->recorder_data = data;
}
