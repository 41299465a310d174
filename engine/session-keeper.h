/* Keeps the session on disk while the engine plays, so that a crash costs a second of it.
 *
 * A thread of its own looks at the newest snapshot a little more often than each second and saves
 * what has changed; neither the scheduler nor the audio thread knows of it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SESSION_KEEPER_H
#define ECH_SESSION_KEEPER_H

#include "engine/engine.h"
#include "engine/session-store.h"

typedef struct _EchSessionKeeper EchSessionKeeper;

/**
 * ech_session_keeper_new:
 * @engine: outlives the keeper
 * @path: (nullable) the file; NULL = ech_session_store_default_path()
 *
 * Where no session can be kept (another program keeps it, no room) the keeper does nothing, and
 * ech_session_keeper_notice() says why.
 *
 * Thread: one, as for all of these functions (main).
 */
EchSessionKeeper *ech_session_keeper_new (EchEngine *engine, const char *path);

/* A sentence for the user, or NULL. */
const char *ech_session_keeper_notice (EchSessionKeeper *keeper);

/* What a program that did not end by itself had on its decks, or NULL.  Owned by the keeper. */
const struct ech_session *ech_session_keeper_previous (EchSessionKeeper *keeper);

/* While @hold nothing is saved: what is being brought back is still kept as the previous one. */
void ech_session_keeper_hold (EchSessionKeeper *keeper, gboolean hold);

/* The previous session was brought back or is not wanted: never offer it again. */
void ech_session_keeper_settle (EchSessionKeeper *keeper);

/* The program ends by itself: its session will not be offered.  A previous one that nobody has
 * decided on still will, unless tracks were played since.  Before the engine is stopped. */
void ech_session_keeper_free (EchSessionKeeper *keeper);

#endif
