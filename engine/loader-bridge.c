/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/loader-bridge.h"

#include "engine/types.h"

/* A track that was asked for, until it is on its deck and the loader has no more to say. */
struct wanted {
  EchLoaderBridge *bridge;
  uint64_t         ticket;
  uint32_t         deck;
  EchLoadId        id;
  EchTrack        *track; /* until it is on its deck */
  gboolean         is_on_deck;
  gboolean         is_finished;
};

struct _EchLoaderBridge {
  EchLoader    *loader;
  gboolean      wait;
  EchScheduler *scheduler;

  GMutex      lock;
  GHashTable *wanted; /* ticket -> struct wanted, owned */
  EchTrack   *on_deck[ECH_MAX_DECKS];
};

static void
wanted_free (gpointer data)
{
  struct wanted *wanted = data;

  g_clear_pointer (&wanted->track, ech_track_unref);
  g_free (wanted);
}

EchLoaderBridge *
ech_loader_bridge_new (gboolean wait)
{
  EchLoaderBridge *bridge = g_new0 (EchLoaderBridge, 1);

  bridge->loader = ech_loader_new ();
  bridge->wait   = wait;
  bridge->wanted = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, wanted_free);
  g_mutex_init (&bridge->lock);
  return bridge;
}

void
ech_loader_bridge_free (EchLoaderBridge *bridge)
{
  if (bridge == NULL)
    return;
  ech_loader_bridge_detach (bridge);
  g_hash_table_unref (bridge->wanted);
  for (uint32_t i = 0; i < ECH_MAX_DECKS; i++)
    g_clear_pointer (&bridge->on_deck[i], ech_track_unref);
  g_mutex_clear (&bridge->lock);
  g_free (bridge);
}

/* Answers */

static void
fill_result (struct ech_load_result *result, uint64_t ticket, EchTrack *track)
{
  result->ticket = ticket;
  if (track == NULL)
    return;
  g_strlcpy (result->title, ech_track_title (track), sizeof result->title);
  g_strlcpy (result->artist, ech_track_artist (track), sizeof result->artist);
}

static void
answer_ready (EchLoaderBridge *bridge, uint64_t ticket, EchTrack *track)
{
  struct ech_load_result result = { .stage = ECH_LOAD_RESULT_READY };
  struct wanted         *wanted;

  fill_result (&result, ticket, track);
  result.pcm = ech_track_pcm (ech_track_ref (track));
  g_mutex_lock (&bridge->lock);
  wanted = g_hash_table_lookup (bridge->wanted, &ticket);
  if (wanted != NULL)
    wanted->track = ech_track_ref (track);
  g_mutex_unlock (&bridge->lock);
  ech_scheduler_load_result (bridge->scheduler, &result);
}

static void
answer_analysed (EchLoaderBridge *bridge, uint64_t ticket, EchTrack *track)
{
  struct ech_load_result result = { .stage = ECH_LOAD_RESULT_ANALYSED };
  struct ech_analysis    analysis;

  fill_result (&result, ticket, track);
  if (ech_track_get_analysis (track, &analysis) && analysis.has_grid)
    result.grid = analysis.grid;
  ech_scheduler_load_result (bridge->scheduler, &result);
}

static void
answer_failed (EchLoaderBridge *bridge, uint64_t ticket, const GError *error)
{
  struct ech_load_result result = { .ticket = ticket, .stage = ECH_LOAD_RESULT_FAILED };

  g_strlcpy (result.error, error != NULL ? error->message : "The file could not be loaded.",
             sizeof result.error);
  ech_scheduler_load_result (bridge->scheduler, &result);
}

static void
drop_when_done (EchLoaderBridge *bridge, struct wanted *wanted)
{
  if (wanted->is_on_deck && wanted->is_finished)
    g_hash_table_remove (bridge->wanted, &wanted->ticket);
}

/* The loader's last word, unless the request is being forgotten anyway. */
static void
finish (EchLoaderBridge *bridge, uint64_t ticket)
{
  struct wanted *wanted;

  g_mutex_lock (&bridge->lock);
  wanted = g_hash_table_lookup (bridge->wanted, &ticket);
  if (wanted != NULL) {
    wanted->is_finished = TRUE;
    drop_when_done (bridge, wanted);
  }
  g_mutex_unlock (&bridge->lock);
}

/* Loader's thread. */
static void
on_stage (EchLoadId id, enum ech_load_stage stage, EchTrack *track, const GError *error, gpointer data)
{
  struct wanted   *wanted = data;
  EchLoaderBridge *bridge = wanted->bridge;

  switch (stage) {
  case ECH_LOAD_READY:
    answer_ready (bridge, wanted->ticket, track);
    break;
  case ECH_LOAD_ANALYSED:
    answer_analysed (bridge, wanted->ticket, track);
    finish (bridge, wanted->ticket);
    break;
  case ECH_LOAD_FAILED:
    /* What was decoded stays playable; the deck has it already. */
    if (track == NULL)
      answer_failed (bridge, wanted->ticket, error);
    else
      answer_analysed (bridge, wanted->ticket, track);
    finish (bridge, wanted->ticket);
    break;
  default:
    break;
  }
}

static void
load_and_wait (EchLoaderBridge *bridge, uint64_t ticket, const char *path)
{
  g_autoptr (GError)   error = NULL;
  g_autoptr (EchTrack) track = ech_loader_load_sync (bridge->loader, path, TRUE, &error);

  if (track == NULL) {
    answer_failed (bridge, ticket, error);
  } else {
    answer_ready (bridge, ticket, track);
    answer_analysed (bridge, ticket, track);
  }
  finish (bridge, ticket);
}

/* The scheduler's side, on its thread */

/* A load of the same deck that failed, or was whole and was then refused its deck. */
static gboolean
is_left_over (gpointer key, gpointer value, gpointer data)
{
  const struct wanted *wanted = value;
  const struct wanted *next   = data;

  return wanted->deck == next->deck && wanted->is_finished;
}

static void
request (void *data, uint64_t ticket, uint32_t deck, const char *path)
{
  EchLoaderBridge *bridge = data;
  struct wanted   *wanted = g_new0 (struct wanted, 1);

  wanted->bridge = bridge;
  wanted->ticket = ticket;
  wanted->deck   = deck;
  g_mutex_lock (&bridge->lock);
  g_hash_table_foreach_remove (bridge->wanted, is_left_over, wanted);
  g_hash_table_insert (bridge->wanted, &wanted->ticket, wanted);
  g_mutex_unlock (&bridge->lock);
  if (bridge->wait)
    load_and_wait (bridge, ticket, path);
  else
    wanted->id = ech_loader_load (bridge->loader, path, ECH_LOAD_NORMAL, on_stage, wanted);
}

/* No longer wanted at all: forget it, after the loader's last call for it. */
static void
forget (EchLoaderBridge *bridge, uint64_t ticket)
{
  struct wanted *wanted;

  g_mutex_lock (&bridge->lock);
  wanted = g_hash_table_lookup (bridge->wanted, &ticket);
  if (wanted != NULL)
    g_hash_table_steal (bridge->wanted, &ticket);
  g_mutex_unlock (&bridge->lock);
  if (wanted == NULL)
    return;
  if (wanted->id != 0 && bridge->loader != NULL) /* all loads have ended once it is gone */
    ech_loader_cancel (bridge->loader, wanted->id);
  wanted_free (wanted);
}

static void
cancel (void *data, uint64_t ticket)
{
  forget (data, ticket);
}

static void
take_off_deck (EchLoaderBridge *bridge, uint32_t deck)
{
  EchTrack *old;

  g_mutex_lock (&bridge->lock);
  old = g_steal_pointer (&bridge->on_deck[deck]);
  g_mutex_unlock (&bridge->lock);
  g_clear_pointer (&old, ech_track_unref);
}

static void
put_on_deck (EchLoaderBridge *bridge, uint32_t deck, uint64_t ticket)
{
  struct wanted *wanted;

  take_off_deck (bridge, deck);
  g_mutex_lock (&bridge->lock);
  wanted = g_hash_table_lookup (bridge->wanted, &ticket);
  if (wanted != NULL) {
    bridge->on_deck[deck] = g_steal_pointer (&wanted->track);
    wanted->is_on_deck    = TRUE;
    drop_when_done (bridge, wanted);
  }
  g_mutex_unlock (&bridge->lock);
}

/* Loads that are refused come back by cancel(), or have failed here. */
static void
on_event (const struct ech_event *event, void *data)
{
  EchLoaderBridge *bridge = data;

  if (event->fate != ECH_FATE_EXECUTED)
    return;
  if (event->verb == ECH_VERB_EJECT)
    take_off_deck (bridge, event->deck);
  if (event->verb == ECH_VERB_LOAD)
    put_on_deck (bridge, event->deck, event->serial);
}

const struct ech_loader_interface *
ech_loader_bridge_interface (void)
{
  static const struct ech_loader_interface interface = { .request = request, .cancel = cancel };

  return &interface;
}

void
ech_loader_bridge_attach (EchLoaderBridge *bridge, EchScheduler *scheduler)
{
  bridge->scheduler = scheduler;
  ech_scheduler_add_listener (scheduler, on_event, bridge);
}

void
ech_loader_bridge_detach (EchLoaderBridge *bridge)
{
  g_clear_pointer (&bridge->loader, ech_loader_free);
  if (bridge->scheduler != NULL)
    ech_scheduler_remove_listener (bridge->scheduler, on_event, bridge);
  bridge->scheduler = NULL;
}

EchTrack *
ech_loader_bridge_ref_track (EchLoaderBridge *bridge, uint32_t deck)
{
  EchTrack *track;

  if (deck >= ECH_MAX_DECKS)
    return NULL;
  g_mutex_lock (&bridge->lock);
  track = bridge->on_deck[deck] != NULL ? ech_track_ref (bridge->on_deck[deck]) : NULL;
  g_mutex_unlock (&bridge->lock);
  return track;
}
