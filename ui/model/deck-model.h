/* One deck as the window sees it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_DECK_MODEL_H
#define ECH_DECK_MODEL_H

#include <glib-object.h>

#include "engine/media/track.h"
#include "engine/scheduler/action.h"

G_BEGIN_DECLS

#define ECH_TYPE_TRACK (ech_track_get_type ())
GType ech_track_get_type (void);

/* The controls of a deck, by number where one function serves all. */
enum ech_deck_control {
  ECH_DECK_CONTROL_TRIM,     /* dB, -24 .. +12 */
  ECH_DECK_CONTROL_EQ_LOW,   /* dB, ECH_EQ_KILL_DB .. ECH_EQ_MAX_DB */
  ECH_DECK_CONTROL_EQ_MID,
  ECH_DECK_CONTROL_EQ_HIGH,
  ECH_DECK_CONTROL_VOLUME,   /* 0..1 */
  ECH_DECK_CONTROL_TEMPO,    /* per cent from the recorded tempo */
  ECH_DECK_N_CONTROLS,
};

#define ECH_TRIM_MIN_DB (-24.0)
#define ECH_TRIM_MAX_DB (12.0)

/* What a bend button adds to the ratio of speed while it is held, or takes from it. */
#define ECH_BEND_OFFSET 0.02

#define ECH_TYPE_DECK_MODEL (ech_deck_model_get_type ())
G_DECLARE_FINAL_TYPE (EchDeckModel, ech_deck_model, ECH, DECK_MODEL, GObject)

/**
 * EchDeckModel:
 *
 * Properties, read only unless said otherwise:
 *  - `letter` (string, "A" ..)
 *  - `track` (EchTrack boxed, NULL = empty)
 *  - `state` (uint, enum ech_deck_state), `playing`, `loaded` (boolean)
 *  - `title`, `artist` (string, UTF-8), `hint` (string: what is going on with the
 *    track, "" when all is known)
 *  - `length`, `position`, `remaining` (double, seconds; remaining as heard, at
 *    the present speed)
 *  - `bpm` (double, as heard; 0 = unknown), `speed` (double, ratio heard)
 *  - `on-air`, `locked` (read and write), `synced`, `has-grid` (boolean), `lock-reason` (string)
 *  - `trim`, `eq-low`, `eq-mid`, `eq-high` (dB), `volume` (0..1), `tempo` (per
 *    cent): read and write
 *  - `tempo-range` (double, per cent; read and write), `quantize` (string, as
 *    ech_timing_parse() reads it; read and write)
 *  - `transport-beats-left`, `cue-beats-left`, `seek-beats-left` (double): how long
 *    the play or stop, the cue, the seek or beat jump still waits; -1 = none does
 *  - `loop-beats-left`, `loop-in-beats-left`, `loop-out-beats-left` (double): the same of loops
 *  - `loop-size` (double, beats that the loop button lays, 1/32 .. 64; read and write)
 *  - `pfl` (boolean, heard in the headphones; read and write)
 *  - `keylock` (boolean, the key stays whatever the tempo; read and write)
 *  - `message` (string): the newest refusal, NULL after ECH_MESSAGE_SECONDS
 *
 * Signals:
 *  - `points` (): the cue point, a hot cue or the loop has changed, or the track under them
 */

guint       ech_deck_model_get_index (EchDeckModel *self);
const char *ech_deck_model_get_letter (EchDeckModel *self);

/* Borrowed; NULL on an empty deck. */
EchTrack *ech_deck_model_get_track (EchDeckModel *self);

enum ech_deck_state ech_deck_model_get_state (EchDeckModel *self);

/* What the transport's main button does: take back what waits, else stop what
 * plays, else play.  @now: without waiting for the quantise selector's beat. */
void ech_deck_model_toggle_play (EchDeckModel *self, gboolean now);

/* Playing: back to the cue point, and stop there.  Stopped: this is the cue
 * point now.  @now also: stopped decks go to the cue point. */
void ech_deck_model_cue (EchDeckModel *self, gboolean now);

/* Obeys the quantise selector on a playing deck, and then lands on the beat (or
 * bar) of the track that is nearest to @seconds. */
void ech_deck_model_seek (EchDeckModel *self, double seconds);

/* The cue button: ech_deck_model_cue(); or, where the deck stands at its cue point, plays until it is
 * let go, and then stops and goes back.  To press play meanwhile lets it play on. */
void ech_deck_model_hold_cue (EchDeckModel *self, gboolean now);
void ech_deck_model_release_cue (EchDeckModel *self);

/* Takes back a seek or beat jump that waits. */
void ech_deck_model_cancel_seek (EchDeckModel *self);

void ech_deck_model_beat_jump (EchDeckModel *self, double beats);

/* What a pad does: take back what waits, else jump to its hot cue, else set it.  A jump obeys the
 * quantise selector as play does; so does a set on a synced deck that plays. */
void ech_deck_model_press_hotcue (EchDeckModel *self, guint index, gboolean now);
void ech_deck_model_clear_hotcue (EchDeckModel *self, guint index);

/* Track frames, NAN = not set. */
double ech_deck_model_get_hotcue_frames (EchDeckModel *self, guint index);

/* How long what that pad asked for still waits; -1 = nothing does. */
double ech_deck_model_get_hotcue_beats_left (EchDeckModel *self, guint index);

/* Takes back a loop that waits; else leaves the loop that runs; else loops `loop-size` beats. */
void ech_deck_model_toggle_loop (EchDeckModel *self, gboolean now);

/* Doubles (1) or halves (-1) `loop-size`, and the loop that runs: it keeps its in point, and its new
 * length takes hold when the playhead meets the new out point or begins the next pass. */
void ech_deck_model_scale_loop (EchDeckModel *self, int steps);
void ech_deck_model_loop_in (EchDeckModel *self, gboolean now);
void ech_deck_model_loop_out (EchDeckModel *self, gboolean now);

/* Moves the loop by its own length, on (1) or back (-1). */
void ech_deck_model_move_loop (EchDeckModel *self, int direction);

/* Whether a loop runs; its points in track frames, NAN = not set. */
gboolean ech_deck_model_get_loop (EchDeckModel *self, double *out_in_frames, double *out_out_frames);

/* Of the loop that runs; NAN if none does or the track has no grid. */
double ech_deck_model_get_loop_beats (EchDeckModel *self);

/* Bends the speed by @offset (a ratio, ECH_BEND_OFFSET is the buttons') until it is called with 0. */
void ech_deck_model_bend (EchDeckModel *self, double offset);

/* Bends for a moment. */
void ech_deck_model_nudge (EchDeckModel *self, double offset);
void ech_deck_model_set_pfl (EchDeckModel *self, gboolean pfl);

/* The key stays whatever the tempo. */
void ech_deck_model_set_keylock (EchDeckModel *self, gboolean keylock);

/* A locked deck takes nothing but the way out. */
void ech_deck_model_set_locked (EchDeckModel *self, gboolean locked);
void ech_deck_model_load (EchDeckModel *self, const char *path);
void ech_deck_model_eject (EchDeckModel *self);
void ech_deck_model_set_synced (EchDeckModel *self, gboolean synced);
void ech_deck_model_set_control (EchDeckModel *self, enum ech_deck_control control, double value);
double ech_deck_model_get_control (EchDeckModel *self, enum ech_deck_control control);

/* Shows @text where the deck's refusals are shown. */
void ech_deck_model_tell (EchDeckModel *self, const char *text);

/* Linear, of the last few milliseconds; @out_peak has left and right. */
void ech_deck_model_get_peak (EchDeckModel *self, float out_peak[2]);

/* The deck's playhead, in track frames, that the listener hears at
 * g_get_monotonic_time() @time_us; 0 on an empty deck. */
double ech_deck_model_get_position_at (EchDeckModel *self, gint64 time_us);

/* The beat of the track there, counted from its first bar; NAN without a grid. */
double ech_deck_model_get_beat_at (EchDeckModel *self, gint64 time_us);

/* Session beats from the track's beat to the nearest session beat, -0.5 .. 0.5; NAN
 * without a grid. */
double ech_deck_model_get_phase_error_at (EchDeckModel *self, gint64 time_us);

/* FALSE without a grid. */
gboolean ech_deck_model_get_grid (EchDeckModel *self, struct ech_grid *out_grid);

/* Track frames a second heard at the present speed; 0 on an empty deck. */
double ech_deck_model_get_heard_rate (EchDeckModel *self);
double ech_deck_model_get_cue_frames (EchDeckModel *self);

/* Seconds (heard) until the first waiting action of the deck is due, by @time_us; -1 =
 * none waits.  @out_verb: nullable */
double ech_deck_model_get_due_in (EchDeckModel *self, gint64 time_us, enum ech_verb *out_verb);

G_END_DECLS

#endif
