/* The session on disk: what is on the decks and how the desk stands, in SQLite.
 *
 * One file for a user, one program at a time: a lock file beside it says whose it is.  A session
 * that was not ended by its program is what a later start can offer.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SESSION_STORE_H
#define ECH_SESSION_STORE_H

#include <gio/gio.h>

#include "engine/types.h"

enum { ECH_SESSION_PATH_MAX = 4096, ECH_SESSION_TITLE_MAX = 128 };

/**
 * struct ech_session_deck
 * @path: "" = empty
 * @position_s: what the listener heard, in seconds of the track
 * @playing: it played at that moment
 * @cue_s, @loop_in_s, @loop_out_s, @hotcue_s: seconds, NAN = not set
 * @speed: the tempo fader's ratio, also while synced
 */
struct ech_session_deck {
  char   path[ECH_SESSION_PATH_MAX];
  char   title[ECH_SESSION_TITLE_MAX];
  char   artist[ECH_SESSION_TITLE_MAX];
  char   lock_reason[ECH_TEXT_MAX];
  bool   playing;
  bool   locked;
  bool   sync;
  bool   keylock;
  bool   pfl;
  bool   loop_active;
  double position_s;
  double cue_s;
  double loop_in_s;
  double loop_out_s;
  double hotcue_s[ECH_N_HOTCUES];
  double speed;
  double trim_db;
  double volume;
  double eq_db[ECH_N_BANDS];
  double filter;
};

/**
 * struct ech_session
 * @saved_s: when, in seconds since 1970 (UTC)
 * @bpm: the session's tempo
 *
 * Zeroed before it is filled: two equal ones are equal byte for byte, but for @saved_s.
 */
struct ech_session {
  int64_t                 saved_s;
  uint32_t                n_decks;
  double                  bpm;
  double                  crossfader;
  double                  limiter_db;
  double                  master_volume;
  double                  booth_volume;
  double                  headphones_volume;
  double                  headphones_mix;
  struct ech_session_deck decks[ECH_MAX_DECKS];
};

typedef struct _EchSessionStore EchSessionStore;

/* $XDG_STATE_HOME/echelon/session.db.  Returns: to be freed. */
char *ech_session_store_default_path (void);

/**
 * ech_session_store_open:
 * @out_notice: (out) (nullable) a sentence when a damaged file was moved aside
 *
 * A file that is damaged, or of a newer version, is moved aside and a new one begun.
 * Returns: NULL when another program keeps the session here, or the file cannot be had.
 */
EchSessionStore *ech_session_store_open (const char *path, char **out_notice, GError **error);

/* Gives the file back to others; what was not ended is there to be offered.  NULL is fine. */
void ech_session_store_close (EchSessionStore *store);

/* The newest session with a track that was not ended, other than this program's own; or NULL.
 * Returns: to be freed with g_free(). */
struct ech_session *ech_session_store_previous (EchSessionStore *store);

/* It is not to be offered any more, nor are older ones. */
gboolean ech_session_store_forget_previous (EchSessionStore *store, GError **error);

/* Puts @session in the place of what this program saved before; on disk when it returns. */
gboolean ech_session_store_save (EchSessionStore *store, const struct ech_session *session, GError **error);

/* This program's session has ended by itself: it will not be offered. */
gboolean ech_session_store_end (EchSessionStore *store, GError **error);

/* True when a deck of @session holds a track. */
bool ech_session_has_track (const struct ech_session *session);

#endif
