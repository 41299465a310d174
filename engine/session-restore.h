/* Brings the decks back as a session has them: paused, by actions like anybody's.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SESSION_RESTORE_H
#define ECH_SESSION_RESTORE_H

#include "engine/engine.h"
#include "engine/session-store.h"

typedef struct _EchSessionRestore EchSessionRestore;

/* @problems: a sentence (const char *) for each thing that could not be brought back; borrowed.
 * @gave_up: the audio never ran: another try may do better
 * Called once; the restore may be freed in it. */
typedef void (*EchSessionRestoreFunc) (GPtrArray *problems, gboolean gave_up, void *data);

/**
 * ech_session_restore_new:
 * @engine: started; outlives the restore
 * @session: copied
 *
 * Posts through a lane of its own ("session", a hand's), each step when the one before is done:
 * desk, then on each deck its settings, track, hot cues, loop, position and lock.  No step starts
 * a deck.  Waits for the audio for a while when it is not running yet.
 *
 * Thread: one with a main loop on the default context.
 */
EchSessionRestore *ech_session_restore_new (EchEngine                *engine,
                                            const struct ech_session *session,
                                            EchSessionRestoreFunc     func,
                                            void                     *data);

/* What was not posted yet will not be.  NULL is fine. */
void ech_session_restore_free (EchSessionRestore *restore);

/* A line for each deck that holds a track, for people: "Deck A: Title (Artist), at 1:23".
 * Returns: to be freed. */
char *ech_session_describe (const struct ech_session *session);

#endif
