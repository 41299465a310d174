/* The session as the window sees it: tempo, beat, audio state, decks, mixer.
 *
 * The one place where the window meets the engine.  It owns the window's lane
 * (class HAND), copies the engine's snapshot every 16 ms and passes it on to the
 * deck and mixer models, which notify what has changed.  Fates of the window's
 * own actions come back here; each refusal becomes a message on the model of
 * the place where the person looks.
 *
 * Thread: main, for everything in ui/model.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SESSION_MODEL_H
#define ECH_SESSION_MODEL_H

#include <glib-object.h>

#include "engine/engine.h"
#include "ui/model/deck-model.h"
#include "ui/model/mixer-model.h"
#include "ui/model/safety-model.h"

G_BEGIN_DECLS

/* How often snapshots are looked at. */
#define ECH_MODEL_POLL_MS 16

/* How long a refusal stays where it is shown. */
#define ECH_MESSAGE_SECONDS 8

/* Beats in the session's bar. */
#define ECH_BEATS_PER_BAR 4

#define ECH_TYPE_SESSION_MODEL (ech_session_model_get_type ())
G_DECLARE_FINAL_TYPE (EchSessionModel, ech_session_model, ECH, SESSION_MODEL, GObject)

/**
 * EchSessionModel:
 *
 * Properties, read only unless said otherwise:
 *  - `tempo` (double, BPM; read and write)
 *  - `bar` (int, 1 = the first) and `beat` (int, 1 .. 4): where the session is now
 *  - `audio-state` (uint, enum ech_audio_state), `audio-text` (string)
 *  - `recording` (boolean; read and write), `record-seconds` (uint): of this recording, or of the one before
 *
 * Signals:
 *  - `refused` (uint deck or ECH_NO_DECK, string text): an action of the
 *    window's own was refused or has expired
 *  - `recorded` (string name of the file, double seconds of silence in it that were lost): it has ended
 *  - `polled` (): a snapshot was looked at; for what moves all the time
 */
#define ECH_NO_DECK G_MAXUINT

/**
 * ech_session_model_new:
 * @engine: outlives the model
 */
EchSessionModel *ech_session_model_new (EchEngine *engine);

/* Borrowed; NULL past the last deck. */
EchDeckModel  *ech_session_model_get_deck (EchSessionModel *self, guint index);
EchMixerModel *ech_session_model_get_mixer (EchSessionModel *self);
guint          ech_session_model_get_n_decks (EchSessionModel *self);

double ech_session_model_get_tempo (EchSessionModel *self);

/* Posts TEMPO; out of range is brought into range. */
void ech_session_model_set_tempo (EchSessionModel *self, double bpm);

/* The session beat that the listener hears at g_get_monotonic_time() @time_us. */
double ech_session_model_get_beat_at (EchSessionModel *self, gint64 time_us);

/* Ableton Link as the window shows it. */
struct ech_link_view {
  gboolean is_available; /* there is such a driver */
  gboolean is_enabled;
  gboolean shares_start_stop;
  guint    n_peers;     /* others than us */
  int      nudge_beats; /* our bar is so far ahead of the session's */
};

void     ech_session_model_get_link (EchSessionModel *self, struct ech_link_view *out_link);
gboolean ech_link_view_equal (const struct ech_link_view *a, const struct ech_link_view *b);

/* Posts @verb, one of ECH_VERB_LINK, _STARTSTOP and _NUDGE. */
void ech_session_model_set_link (EchSessionModel *self, enum ech_verb verb, double value);

/**
 * ech_session_model_cancel_waiting:
 *
 * Takes back each action that waits for its beat, on all decks.
 *
 * Returns: how many were asked to go.
 */
guint ech_session_model_cancel_waiting (EchSessionModel *self);

/* What is refused, and what asks for a yes.  Borrowed. */
EchSafetyModel *ech_session_model_get_safety (EchSessionModel *self);

gboolean ech_session_model_get_recording (EchSessionModel *self);
void     ech_session_model_set_recording (EchSessionModel *self, gboolean recording);

/* By the safety policy: whether a person may insist on what a deck on air refuses, and when. */
void ech_session_model_set_override (EchSessionModel *self,
                                     gboolean         allowed,
                                     double           least_ms,
                                     double           window_ms);

/**
 * ech_session_model_get_override:
 * @out_from_us, @out_until_us: g_get_monotonic_time() between which the second step counts
 *
 * Returns: whether the window's newest refusal can be lifted by a second step.
 */
gboolean ech_session_model_get_override (EchSessionModel *self, gint64 *out_from_us, gint64 *out_until_us);

/* The second step.  Returns: FALSE when there is nothing to insist on, or it is too early. */
gboolean ech_session_model_do_override (EchSessionModel *self);

/* Stops all decks at once; always allowed. */
void ech_session_model_emergency (EchSessionModel *self);

/* Looks at the newest snapshot now (a timer does so every ECH_MODEL_POLL_MS). */
void ech_session_model_poll (EchSessionModel *self);

G_END_DECLS

#endif
