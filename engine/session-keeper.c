/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/session-keeper.h"

#include <string.h>

/* Less than the second that is promised: the write itself takes some of it. */
#define PERIOD_US (700 * G_TIME_SPAN_MILLISECOND)

struct _EchSessionKeeper {
  EchEngine          *engine;
  EchSessionStore    *store;    /* nullable; opened and closed by the owner, else the thread's */
  struct ech_session *previous; /* nullable */
  char               *notice;   /* nullable */
  GThread            *thread;

  GMutex   lock;
  GCond    wake;
  gboolean ending;
  gboolean hold;
  gboolean settled; /* the previous one is to be forgotten */

  /* the keeper's thread */
  struct ech_session saved;
  gboolean           has_saved;
  gboolean           had_track;
  gboolean           has_complained;
  gboolean           to_settle;
};

/* From the snapshot */

static double
seconds_of (const struct ech_deck_status *status, double frames)
{
  return status->track_rate > 0 ? frames / status->track_rate : NAN;
}

/* What is heard now; the end of a track is no place to begin from. */
static double
heard_frames (const struct ech_state *state, uint32_t deck)
{
  const struct ech_deck_status *status   = &state->decks[deck];
  double                        frame    = ech_state_frame_at (state, (uint64_t) g_get_monotonic_time () * 1000);
  double                        position = ech_state_position_at (state, deck, frame);
  double                        length   = status->loop_out_frames - status->loop_in_frames;

  if (status->loop_active && length > 0 && position >= status->loop_out_frames)
    position = status->loop_in_frames + fmod (position - status->loop_in_frames, length);
  return CLAMP (position, 0.0, MAX (0.0, status->length_frames - 1.0));
}

static void
fill_track (struct ech_session_deck *deck, const struct ech_state *state, uint32_t number)
{
  const struct ech_deck_status *status = &state->decks[number];

  g_strlcpy (deck->title, status->title, sizeof deck->title);
  g_strlcpy (deck->artist, status->artist, sizeof deck->artist);
  deck->playing     = status->state == ECH_DECK_PLAYING;
  deck->position_s  = seconds_of (status, heard_frames (state, number));
  deck->cue_s       = seconds_of (status, status->cue_frames);
  deck->loop_active = status->loop_active;
  deck->loop_in_s   = seconds_of (status, status->loop_in_frames);
  deck->loop_out_s  = seconds_of (status, status->loop_out_frames);
  for (int i = 0; i < ECH_N_HOTCUES; i++)
    deck->hotcue_s[i] = seconds_of (status, status->hotcue_frames[i]);
}

static void
fill_settings (struct ech_session_deck *deck, const struct ech_deck_status *status)
{
  g_strlcpy (deck->lock_reason, status->lock_reason, sizeof deck->lock_reason);
  deck->locked  = status->locked;
  deck->sync    = status->sync;
  deck->pfl     = status->pfl;
  deck->speed   = status->speed_set;
  deck->trim_db = status->trim_db;
  deck->volume  = status->volume;
  memcpy (deck->eq_db, status->eq_db, sizeof deck->eq_db);
  deck->filter = status->filter;
}

/* The track's path is the loader's knowledge, not the snapshot's; false while the two differ. */
static gboolean
fill_deck (EchEngine *engine, const struct ech_state *state, uint32_t number, struct ech_session_deck *deck)
{
  const struct ech_deck_status *status = &state->decks[number];
  g_autoptr (EchTrack)          track  = ech_engine_ref_track (engine, number);
  char                          title[ECH_TITLE_MAX];

  fill_settings (deck, status);
  if (status->track_rate <= 0)
    return track == NULL;
  if (track == NULL || ech_track_rate (track) != status->track_rate)
    return FALSE;
  g_strlcpy (title, ech_track_title (track), sizeof title);
  if (strcmp (title, status->title) != 0)
    return FALSE;
  g_strlcpy (deck->path, ech_track_path (track), sizeof deck->path);
  fill_track (deck, state, number);
  return TRUE;
}

static gboolean
fill_session (EchEngine *engine, struct ech_session *session)
{
  struct ech_state state;

  memset (session, 0, sizeof *session);
  ech_engine_snapshot (engine, &state);
  session->n_decks           = state.n_decks;
  session->bpm               = state.timeline.bpm;
  session->crossfader        = state.crossfader;
  session->limiter_db        = state.limiter_db;
  session->master_volume     = state.master_volume;
  session->booth_volume      = state.booth_volume;
  session->headphones_volume = state.headphones_volume;
  session->headphones_mix    = state.headphones_mix;
  for (uint32_t i = 0; i < state.n_decks; i++)
    if (!fill_deck (engine, &state, i, &session->decks[i]))
      return FALSE;
  return state.serial > 0;
}

/* The keeper's thread */

static void
complain (EchSessionKeeper *keeper, const GError *error)
{
  if (!keeper->has_complained)
    g_warning ("%s", error->message);
  keeper->has_complained = TRUE;
}

/* @session: saved_s is 0. */
static gboolean
save_if_changed (EchSessionKeeper *keeper, struct ech_session *session)
{
  g_autoptr (GError) error = NULL;

  if (keeper->has_saved && memcmp (session, &keeper->saved, sizeof *session) == 0)
    return TRUE;
  keeper->saved    = *session;
  session->saved_s = g_get_real_time () / G_USEC_PER_SEC;
  keeper->has_saved = ech_session_store_save (keeper->store, session, &error);
  if (!keeper->has_saved)
    complain (keeper, error);
  keeper->had_track |= ech_session_has_track (session);
  return keeper->has_saved;
}

static void
settle (EchSessionKeeper *keeper)
{
  g_autoptr (GError) error = NULL;

  if (!ech_session_store_forget_previous (keeper->store, &error))
    complain (keeper, error);
}

/* First the new one is on disk, then the old one goes. */
static void
keep (EchSessionKeeper *keeper, gboolean hold)
{
  g_autofree struct ech_session *session = g_new0 (struct ech_session, 1);

  if (hold || !fill_session (keeper->engine, session) || !save_if_changed (keeper, session))
    return;
  if (keeper->to_settle)
    settle (keeper);
  keeper->to_settle = FALSE;
}

static void *
run (void *data)
{
  EchSessionKeeper *keeper = data;
  gint64            next   = g_get_monotonic_time ();

  g_mutex_lock (&keeper->lock);
  while (!keeper->ending) {
    gboolean hold = keeper->hold;

    keeper->to_settle |= keeper->settled;
    keeper->settled = FALSE;
    g_mutex_unlock (&keeper->lock);
    keep (keeper, hold);
    g_mutex_lock (&keeper->lock);
    next = MAX (next + PERIOD_US, g_get_monotonic_time ());
    while (!keeper->ending && !keeper->settled && g_cond_wait_until (&keeper->wake, &keeper->lock, next))
      continue;
  }
  g_mutex_unlock (&keeper->lock);
  return NULL;
}

/* The owner's side */

EchSessionKeeper *
ech_session_keeper_new (EchEngine *engine, const char *path)
{
  EchSessionKeeper  *keeper       = g_new0 (EchSessionKeeper, 1);
  g_autofree char   *default_path = ech_session_store_default_path ();
  g_autoptr (GError) error        = NULL;

  keeper->engine = engine;
  g_mutex_init (&keeper->lock);
  g_cond_init (&keeper->wake);
  keeper->store = ech_session_store_open (path != NULL ? path : default_path, &keeper->notice, &error);
  if (keeper->store == NULL) {
    g_free (keeper->notice);
    keeper->notice = g_strdup (error->message);
    return keeper;
  }
  keeper->previous = ech_session_store_previous (keeper->store);
  keeper->thread   = g_thread_new ("session", run, keeper);
  return keeper;
}

const char *
ech_session_keeper_notice (EchSessionKeeper *keeper)
{
  return keeper->notice;
}

const struct ech_session *
ech_session_keeper_previous (EchSessionKeeper *keeper)
{
  return keeper->previous;
}

void
ech_session_keeper_hold (EchSessionKeeper *keeper, gboolean hold)
{
  g_mutex_lock (&keeper->lock);
  keeper->hold = hold;
  g_mutex_unlock (&keeper->lock);
}

void
ech_session_keeper_settle (EchSessionKeeper *keeper)
{
  g_clear_pointer (&keeper->previous, g_free);
  g_mutex_lock (&keeper->lock);
  keeper->hold    = FALSE;
  keeper->settled = TRUE;
  g_cond_signal (&keeper->wake);
  g_mutex_unlock (&keeper->lock);
}

static void
end_session (EchSessionKeeper *keeper)
{
  g_autoptr (GError) error = NULL;

  if (keeper->settled || keeper->to_settle || (keeper->had_track && keeper->previous != NULL))
    settle (keeper);
  if (!ech_session_store_end (keeper->store, &error))
    complain (keeper, error);
}

void
ech_session_keeper_free (EchSessionKeeper *keeper)
{
  if (keeper == NULL)
    return;
  if (keeper->thread != NULL) {
    g_mutex_lock (&keeper->lock);
    keeper->ending = TRUE;
    g_cond_signal (&keeper->wake);
    g_mutex_unlock (&keeper->lock);
    g_thread_join (keeper->thread);
    end_session (keeper);
  }
  ech_session_store_close (keeper->store);
  g_mutex_clear (&keeper->lock);
  g_cond_clear (&keeper->wake);
  g_free (keeper->previous);
  g_free (keeper->notice);
  g_free (keeper);
}
