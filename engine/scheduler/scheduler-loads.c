/* Tracks: from the loader through the scheduler onto a deck, and off it.
 *
 * A pcm reference has one owner at a time: the load that waits, the order on its way, the audio
 * thread.  It comes back through a RETIRED feedback, or with the news that its order was not
 * carried out.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/scheduler/quantizer.h"
#include "engine/scheduler/scheduler-private.h"

void
ech_loads_drop (EchScheduler *s, struct ech_load *load)
{
  if (!load)
    return;
  g_hash_table_remove (s->tickets, &load->ticket);
  if (!load->analysed && s->config.loader && s->config.loader->cancel)
    s->config.loader->cancel (s->config.loader_data, load->ticket);
  if (load->owns_pcm)
    load->pcm->release (load->pcm);
  g_free (load);
}

void
ech_loads_supersede (EchScheduler *s, uint32_t deck, const char *text)
{
  struct ech_entry *old = s->tracks[deck].loading;

  /* what plays no beat and is on its way to the audio thread is as good as done */
  if (old && (old->stage != ECH_STAGE_HANDED || old->waits))
    ech_orders_take_back (s, old, text);
}

void
ech_loads_begin (EchScheduler *s, struct ech_entry *entry)
{
  struct ech_load *load;
  uint32_t         deck = entry->action.deck;

  if (!s->config.loader) {
    ech_entry_reject (s, entry, ECH_RULE_LOAD, "There is nobody here who could load a file.");
    return;
  }
  ech_loads_supersede (s, deck, "Another load took its place.");

  load         = g_new0 (struct ech_load, 1);
  load->ticket = entry->serial;
  load->deck   = deck;
  load->entry  = entry;
  g_hash_table_insert (s->tickets, &load->ticket, load);

  entry->load                      = load;
  entry->stage                     = ECH_STAGE_LOADING;
  s->tracks[deck].loading          = entry;
  s->shadow.decks[deck].is_loading = true;
  ech_entry_count (s, entry);
  if (entry->action.deadline_beats != 0)
    ech_schedule_add (&s->deadlines, &entry->deadline);
  ech_entry_queued (s, entry);
  s->config.loader->request (s->config.loader_data, load->ticket, deck, entry->action.text);
}

void
ech_loads_order (EchScheduler *s, struct ech_entry *entry, struct ech_command *out_command)
{
  uint32_t deck = entry->action.deck;

  *out_command = (struct ech_command){
    .type       = ECH_COMMAND_SET_TRACK,
    .deck       = (uint8_t) deck,
    .generation = ++s->tracks[deck].last_generation,
  };
  entry->generation = out_command->generation;
  if (entry->load) {
    out_command->pcm      = entry->load->pcm;
    entry->load->owns_pcm = false;
  }
}

void
ech_loads_returned (struct ech_entry *entry)
{
  if (entry->load && entry->load->pcm)
    entry->load->owns_pcm = true;
}

static void
send_grid (EchScheduler *s, const struct ech_load *load)
{
  struct ech_deck_shadow *deck    = &s->shadow.decks[load->deck];
  struct ech_command      command = {
         .type       = ECH_COMMAND_SET_GRID,
         .deck       = (uint8_t) load->deck,
         .when       = ECH_WHEN_NOW,
         .at         = s->now.exact ? s->now.frame : NAN,
         .generation = load->generation,
         .grid       = load->grid,
  };

  deck->analysed = load->analysed;
  if (!(load->grid.frames_per_beat > 0))
    return;
  deck->has_grid = true;
  ech_orders_push (s, &command);
}

void
ech_loads_arrived (EchScheduler *s, struct ech_entry *entry, uint64_t frame)
{
  struct ech_deck_tracks *tracks = &s->tracks[entry->action.deck];
  struct ech_load        *load   = g_steal_pointer (&entry->load);
  double                  length = 0;

  ech_loads_drop (s, tracks->loaded);
  tracks->loaded = load;
  if (load) {
    load->entry      = NULL;
    load->generation = entry->generation;
    length = (double) atomic_load_explicit (&load->pcm->length_frames, memory_order_relaxed);
  }
  ech_shadow_take_track (&s->shadow, entry->action.deck, entry->generation,
                         load ? load->pcm->rate : 0, length, frame);
  if (load)
    send_grid (s, load);
}

void
ech_loads_retire (EchScheduler *s, uint32_t deck, struct ech_pcm *pcm)
{
  struct ech_load *loaded = s->tracks[deck].loaded;

  if (loaded && loaded->pcm == pcm)
    loaded->pcm = NULL;
  if (pcm)
    pcm->release (pcm);
}

/* Where a file does not tell its length, the true one is known only when it is all decoded. */
void
ech_loads_update_lengths (EchScheduler *s)
{
  for (uint32_t i = 0; i < s->config.n_decks; i++) {
    const struct ech_load *loaded = s->tracks[i].loaded;

    if (loaded && loaded->pcm && loaded->generation == s->shadow.decks[i].generation)
      s->shadow.decks[i].length_frames =
          (double) atomic_load_explicit (&loaded->pcm->length_frames, memory_order_relaxed);
  }
}

/* Results */

/* The beat that was named when the load was asked for may have passed meanwhile. */
static bool
beat_is_ahead (EchScheduler *s, struct ech_entry *entry)
{
  struct ech_timeline timeline = ech_scheduler_timeline (s);
  struct ech_timing   at       = { ECH_TIMING_AT_BEAT, ECH_WAY_WAIT, entry->due.beats };
  struct ech_due      due;

  if (ech_quantize_at_frame (&at, &timeline, s->now.frame, &due) == 0)
    return true;
  if (entry->action.timing.kind != ECH_TIMING_GRID
      || ech_quantize_at_frame (&entry->action.timing, &timeline, s->now.frame, &due) < 0) {
    ech_entry_reject (s, entry, ECH_RULE_MISSED, "The track was not ready before its beat.");
    return false;
  }
  entry->due.beats = due.beats;
  ech_entry_queued (s, entry);
  return true;
}

static void
take_ready (EchScheduler *s, struct ech_load *load, const struct ech_load_result *result)
{
  struct ech_entry *entry = load->entry;

  load->ready    = true;
  load->pcm      = result->pcm;
  load->owns_pcm = true;
  g_strlcpy (load->title, result->title, sizeof load->title);
  g_strlcpy (load->artist, result->artist, sizeof load->artist);
  if (!entry->waits)
    ech_orders_hand_over (s, entry, true);
  else if (beat_is_ahead (s, entry))
    ech_orders_wait (s, entry);
}

static void
take_analysed (EchScheduler *s, struct ech_load *load, const struct ech_grid *grid)
{
  load->analysed = true;
  if (grid && isfinite (grid->frames_per_beat) && grid->frames_per_beat > 0
      && isfinite (grid->first_beat_frames))
    load->grid = *grid;
  if (!load->entry)
    send_grid (s, load);
}

static void
take_failed (EchScheduler *s, struct ech_load *load, const char *error)
{
  struct ech_entry *entry = load->entry;

  load->analysed = true; /* the loader is done with it */
  if (load->ready)
    take_analysed (s, load, NULL);
  else
    ech_entry_reject (s, entry, ECH_RULE_LOAD, "%s",
                      error[0] ? error : "The file cannot be played.");
}

static void
take_result (EchScheduler *s, const struct ech_load_result *result)
{
  struct ech_load *load = g_hash_table_lookup (s->tickets, &result->ticket);
  bool good = result->stage == ECH_LOAD_RESULT_READY && result->pcm && result->pcm->rate > 0;

  if (result->stage == ECH_LOAD_RESULT_READY && (!load || load->ready || !good)) {
    if (result->pcm)
      result->pcm->release (result->pcm);
    if (load && !load->ready)
      take_failed (s, load, result->error);
  } else if (good) {
    take_ready (s, load, result);
  } else if (load && result->stage == ECH_LOAD_RESULT_ANALYSED && load->ready) {
    take_analysed (s, load, &result->grid);
  } else if (load && result->stage == ECH_LOAD_RESULT_FAILED) {
    take_failed (s, load, result->error);
  }
}

void
ech_loads_take_results (EchScheduler *s)
{
  struct ech_load_result *result;

  while ((result = g_async_queue_try_pop (s->load_results))) {
    take_result (s, result);
    g_free (result);
  }
}

void
ech_scheduler_load_result (EchScheduler *s, const struct ech_load_result *result)
{
  g_async_queue_push (s->load_results, g_memdup2 (result, sizeof *result));
  if (s->wakeup.func)
    s->wakeup.func (s->wakeup.data);
}

static bool
is_on_its_way (const struct ech_load *load)
{
  if (!load->ready || !load->analysed)
    return true;
  return load->entry && !load->entry->waits;
}

bool
ech_scheduler_is_loading (EchScheduler *s)
{
  GHashTableIter   iter;
  struct ech_load *load;

  if (g_async_queue_length (s->load_results) > 0 || s->n_preparing > 0)
    return true;
  g_hash_table_iter_init (&iter, s->tickets);
  while (g_hash_table_iter_next (&iter, NULL, (void **) &load)) {
    if (is_on_its_way (load))
      return true;
  }
  return false;
}
