/* See deck-model.h.  Cues, loops and bend: deck-performance.c.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include <errno.h>

#include "ui/model/deck-model-private.h"

/* A cue point nearer than this to where the deck stands is where the deck stands. */
#define SAME_PLACE_SECONDS 0.005

/* Polls after a change of track in which the engine is asked for it. */
#define MAX_TRACK_LOOKS 30

static const guint64 due_verbs[ECH_N_DUES] = {
  [ECH_DUE_TRANSPORT] = ECH_TRANSPORT_VERBS,
  [ECH_DUE_CUE]       = ECH_CUE_VERBS,
  [ECH_DUE_SEEK]      = ECH_SEEK_VERBS,
  [ECH_DUE_LOOP]      = ECH_LOOP_VERBS,
  [ECH_DUE_LOOP_IN]   = ECH_VERB_BIT (LOOP_IN),
  [ECH_DUE_LOOP_OUT]  = ECH_VERB_BIT (LOOP_OUT),
};

enum {
  PROP_LETTER = 1,
  PROP_TRACK,
  PROP_STATE,
  PROP_PLAYING,
  PROP_LOADED,
  PROP_TITLE,
  PROP_ARTIST,
  PROP_HINT,
  PROP_LENGTH,
  PROP_POSITION,
  PROP_REMAINING,
  PROP_BPM,
  PROP_SPEED,
  PROP_ON_AIR,
  PROP_LOCKED,
  PROP_LOCK_REASON,
  PROP_SYNCED,
  PROP_HAS_GRID,
  PROP_TRIM,
  PROP_EQ_LOW,
  PROP_EQ_MID,
  PROP_EQ_HIGH,
  PROP_VOLUME,
  PROP_TEMPO,
  PROP_TEMPO_RANGE,
  PROP_QUANTIZE,
  PROP_TRANSPORT_BEATS_LEFT,
  PROP_CUE_BEATS_LEFT,
  PROP_SEEK_BEATS_LEFT,
  PROP_LOOP_BEATS_LEFT,
  PROP_LOOP_IN_BEATS_LEFT,
  PROP_LOOP_OUT_BEATS_LEFT,
  PROP_LOOP_SIZE,
  PROP_PFL,
  PROP_KEYLOCK,
  PROP_MESSAGE,
  N_PROPS
};

static GParamSpec *props[N_PROPS];
static guint       points_signal;

G_DEFINE_BOXED_TYPE (EchTrack, ech_track, ech_track_ref, ech_track_unref)
G_DEFINE_FINAL_TYPE (EchDeckModel, ech_deck_model, G_TYPE_OBJECT)

static void
changed (EchDeckModel *self, guint prop)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[prop]);
}

int
ech_deck_model_post (EchDeckModel *self, struct ech_action *action)
{
  if (!self->session)
    return -ESHUTDOWN;
  action->deck = self->index;
  return ech_session_model_post (self->session, action);
}

void
ech_deck_model_post_once (EchDeckModel *self, struct ech_action *action)
{
  if (ech_deck_model_post (self, action) != 0)
    ech_deck_model_tell (self, _ ("Too much is being asked at once: press again"));
}

struct ech_timing
ech_deck_model_quantized (EchDeckModel *self, gboolean now)
{
  struct ech_timing timing = { .kind = ECH_TIMING_NOW };

  if (!now && ech_timing_parse (self->quantize, &timing) != 0)
    timing = (struct ech_timing){ .kind = ECH_TIMING_NOW };
  return timing;
}

gboolean
ech_deck_model_cancel_if_waiting (EchDeckModel *self, guint64 verbs)
{
  const struct ech_waiting *waiting;

  if (!self->session)
    return FALSE;
  waiting = ech_session_model_find_waiting (self->session, self->index, verbs);
  if (!waiting)
    return FALSE;
  ech_session_model_cancel (self->session, waiting);
  return TRUE;
}

/* --- following the engine --- */

double
ech_deck_model_seconds_of (EchDeckModel *self, double frames)
{
  return self->status.track_rate > 0 ? frames / self->status.track_rate : 0.0;
}

/* The engine tells the new generation a moment before it has the new track at hand, so
 * that what we get first may be the old one. */
static void
follow_track (EchDeckModel *self)
{
  gboolean             empty = self->status.state == ECH_DECK_EMPTY || self->status.track_rate <= 0;
  g_autoptr (EchTrack) track = NULL;

  if (self->track_generation != self->status.generation) {
    self->track_generation = self->status.generation;
    self->track_looks      = MAX_TRACK_LOOKS;
  }
  if ((self->track != NULL) == !empty && self->track_looks == 0)
    return;
  if (self->track_looks > 0)
    self->track_looks--;

  if (!empty)
    track = ech_engine_ref_track (ech_session_model_get_engine (self->session), self->index);
  if (track == self->track)
    return;
  g_clear_pointer (&self->track, ech_track_unref);
  self->track = g_steal_pointer (&track);
  changed (self, PROP_TRACK);
  changed (self, PROP_LOADED);
}

static void
follow_hint (EchDeckModel *self)
{
  struct ech_analysis analysis;
  const char         *hint = "";

  g_autofree char    *locked = NULL;

  if (self->status.locked)
    hint = locked = self->status.lock_reason[0] ? g_strdup_printf (_ ("Locked: %s"), self->status.lock_reason)
                                                : g_strdup (_ ("Locked"));
  else if (self->status.state == ECH_DECK_LOADING)
    hint = _ ("Loading…");
  else if (!self->track)
    hint = _ ("Drop a song here, or press Load");
  else if (!self->status.has_grid)
    hint = ech_track_get_analysis (self->track, &analysis) ? _ ("No steady beat found: free tempo")
                                                           : _ ("Looking for the beat…");

  if (ech_model_set_string (&self->hint, hint))
    changed (self, PROP_HINT);
}

static void
follow_position (EchDeckModel *self, gint64 now_us)
{
  double position = ech_deck_model_seconds_of (self, ech_deck_model_get_position_at (self, now_us));
  double length   = ech_deck_model_seconds_of (self, self->status.length_frames);
  double speed    = self->status.speed > 0 ? self->status.speed : 1.0;
  double left     = MAX (0.0, length - position) / speed;

  if (length != self->length) {
    self->length = length;
    changed (self, PROP_LENGTH);
  }
  if (position != self->position) {
    self->position = position;
    changed (self, PROP_POSITION);
  }
  if (left != self->remaining) {
    self->remaining = left;
    changed (self, PROP_REMAINING);
  }
}

static void
follow_waiting (EchDeckModel *self, gint64 now_us)
{
  double beat = ech_session_model_get_beat_at (self->session, now_us);

  for (guint i = 0; i < ECH_N_DUES; i++) {
    const struct ech_waiting *w =
      ech_session_model_find_waiting (self->session, self->index, due_verbs[i]);
    double left = -1.0;

    if (w && !isnan (w->due_beats))
      left = MAX (0.0, w->due_beats - beat);
    if (left != self->beats_left[i]) {
      self->beats_left[i] = left;
      changed (self, PROP_TRANSPORT_BEATS_LEFT + i);
    }
  }
}

static double
control_in_state (const struct ech_deck_status *status, enum ech_deck_control control)
{
  switch (control) {
  case ECH_DECK_CONTROL_TRIM: return MAX (status->trim_db, ECH_TRIM_MIN_DB);
  case ECH_DECK_CONTROL_EQ_LOW:
  case ECH_DECK_CONTROL_EQ_MID:
  case ECH_DECK_CONTROL_EQ_HIGH:
    return MAX (status->eq_db[control - ECH_DECK_CONTROL_EQ_LOW], ECH_EQ_KILL_DB);
  case ECH_DECK_CONTROL_VOLUME: return status->volume;
  case ECH_DECK_CONTROL_TEMPO:
    /* rounded, so that a ratio that came back through a double is the same setting */
    return status->speed_set > 0 ? round ((status->speed_set - 1.0) * 1e6) / 1e4 : 0.0;
  default: g_return_val_if_reached (0.0);
  }
}

static void
post_control (EchDeckModel *self, enum ech_deck_control control)
{
  struct ech_action action = { .timing = { .kind = ECH_TIMING_NOW } };

  action.value = self->controls[control].value;
  switch (control) {
  case ECH_DECK_CONTROL_TRIM: action.verb = ECH_VERB_TRIM; break;
  case ECH_DECK_CONTROL_EQ_LOW:
  case ECH_DECK_CONTROL_EQ_MID:
  case ECH_DECK_CONTROL_EQ_HIGH:
    action.verb  = ECH_VERB_EQ;
    action.index = control - ECH_DECK_CONTROL_EQ_LOW;
    break;
  case ECH_DECK_CONTROL_VOLUME: action.verb = ECH_VERB_VOLUME; break;
  case ECH_DECK_CONTROL_TEMPO:
    action.verb  = ECH_VERB_SPEED;
    action.value = 1.0 + action.value / 100.0;
    break;
  default: g_return_if_reached ();
  }
  self->controls[control].unsent = ech_deck_model_post (self, &action) != 0;
}

static void
follow_controls (EchDeckModel *self, gint64 now_us)
{
  for (guint i = 0; i < ECH_DECK_N_CONTROLS; i++) {
    if (self->controls[i].unsent)
      post_control (self, i);
    if (ech_control_follow (&self->controls[i], control_in_state (&self->status, i), now_us))
      changed (self, PROP_TRIM + i);
  }
  if (ech_control_follow (&self->synced, self->status.sync, now_us))
    changed (self, PROP_SYNCED);
  if (ech_control_follow (&self->pfl, self->status.pfl, now_us))
    changed (self, PROP_PFL);
  if (ech_control_follow (&self->keylock, self->status.keylock, now_us))
    changed (self, PROP_KEYLOCK);
  if (ech_control_follow (&self->lock, self->status.locked, now_us))
    changed (self, PROP_LOCKED);
}

static void
notify_status (EchDeckModel *self, const struct ech_deck_status *old)
{
  const struct ech_deck_status *now = &self->status;

  if (old->state != now->state) {
    changed (self, PROP_STATE);
    changed (self, PROP_PLAYING);
  }
  if (strcmp (old->title, now->title) != 0)
    changed (self, PROP_TITLE);
  if (strcmp (old->artist, now->artist) != 0)
    changed (self, PROP_ARTIST);
  if (old->bpm != now->bpm)
    changed (self, PROP_BPM);
  if (old->speed != now->speed)
    changed (self, PROP_SPEED);
  if (old->on_air != now->on_air)
    changed (self, PROP_ON_AIR);
  if (strcmp (old->lock_reason, now->lock_reason) != 0)
    changed (self, PROP_LOCK_REASON);
  if (old->has_grid != now->has_grid)
    changed (self, PROP_HAS_GRID);
}

static gboolean
is_same (double a, double b)
{
  return a == b || (isnan (a) && isnan (b));
}

/* Cue point, hot cues, loop: what lies on the track. */
static gboolean
are_points_the_same (const struct ech_deck_status *a, const struct ech_deck_status *b)
{
  for (guint i = 0; i < ECH_N_HOTCUES; i++)
    if (!is_same (a->hotcue_frames[i], b->hotcue_frames[i]))
      return FALSE;
  return a->generation == b->generation && a->track_rate == b->track_rate &&
         a->cue_frames == b->cue_frames && a->loop_active == b->loop_active &&
         is_same (a->loop_in_frames, b->loop_in_frames) &&
         is_same (a->loop_out_frames, b->loop_out_frames) && a->has_grid == b->has_grid;
}

void
ech_deck_model_follow (EchDeckModel *self, const struct ech_state *state, gint64 now_us)
{
  struct ech_deck_status old = self->status;

  self->status = state->decks[self->index];
  follow_track (self);
  notify_status (self, &old);
  follow_hint (self);
  follow_position (self, now_us);
  follow_waiting (self, now_us);
  follow_controls (self, now_us);
  ech_deck_model_follow_holds (self, now_us);
  if (!are_points_the_same (&old, &self->status))
    g_signal_emit (self, points_signal, 0);

  if (self->message && now_us >= self->message_until_us) {
    g_clear_pointer (&self->message, g_free);
    changed (self, PROP_MESSAGE);
  }
}

void
ech_deck_model_refused (EchDeckModel *self, const struct ech_event *event)
{
  /* The hand's value was not taken: show the engine's again, at once. */
  switch (event->verb) {
  case ECH_VERB_TRIM: ech_control_release (&self->controls[ECH_DECK_CONTROL_TRIM]); break;
  case ECH_VERB_VOLUME: ech_control_release (&self->controls[ECH_DECK_CONTROL_VOLUME]); break;
  case ECH_VERB_SPEED: ech_control_release (&self->controls[ECH_DECK_CONTROL_TEMPO]); break;
  case ECH_VERB_EQ:
    if (event->index < ECH_N_BANDS)
      ech_control_release (&self->controls[ECH_DECK_CONTROL_EQ_LOW + event->index]);
    break;
  case ECH_VERB_SYNC: ech_control_release (&self->synced); break;
  case ECH_VERB_PFL: ech_control_release (&self->pfl); break;
  case ECH_VERB_KEYLOCK: ech_control_release (&self->keylock); break;
  case ECH_VERB_LOCK:
  case ECH_VERB_UNLOCK: ech_control_release (&self->lock); break;
  case ECH_VERB_BEND: ech_deck_model_bend_refused (self); break;
  default: break;
  }
  ech_deck_model_tell (self, event->text);
}

void
ech_deck_model_tell (EchDeckModel *self, const char *text)
{
  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  self->message_until_us = g_get_monotonic_time () + ECH_MESSAGE_SECONDS * G_TIME_SPAN_SECOND;
  if (ech_model_set_string (&self->message, text))
    changed (self, PROP_MESSAGE);
}

/* --- what the person asks for --- */

void
ech_deck_model_toggle_play (EchDeckModel *self, gboolean now)
{
  struct ech_action action = { .value = NAN };

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  /* While the cue button is held the deck plays already: now it goes on when that is let go. */
  if (self->preview == ECH_PREVIEW_HELD) {
    ech_deck_model_forget_preview (self);
    return;
  }
  ech_deck_model_forget_preview (self);
  if (ech_deck_model_cancel_if_waiting (self, ECH_TRANSPORT_VERBS))
    return;
  action.verb   = self->status.state == ECH_DECK_PLAYING ? ECH_VERB_STOP : ECH_VERB_PLAY;
  action.timing = ech_deck_model_quantized (self, now);
  ech_deck_model_post_once (self, &action);
}

void
ech_deck_model_cue (EchDeckModel *self, gboolean now)
{
  struct ech_action action  = { .verb = ECH_VERB_CUE, .value = NAN };
  gboolean          playing = self->status.state == ECH_DECK_PLAYING;
  double            here;

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  ech_deck_model_forget_preview (self);
  if (ech_deck_model_cancel_if_waiting (self, ECH_CUE_VERBS))
    return;
  here = ech_deck_model_seconds_of (self, self->status.position_frames);
  if (!playing && !now &&
      fabs (here - ech_deck_model_seconds_of (self, self->status.cue_frames)) > SAME_PLACE_SECONDS)
    action.value = here;
  action.timing = ech_deck_model_quantized (self, now || !playing);
  ech_deck_model_post_once (self, &action);
}

/* The beat or bar of the track that is nearest to @seconds, where a jump that waits
 * for the session's beat or bar stays in phase. */
static double
snap (EchDeckModel *self, double seconds, double quantum_beats)
{
  const struct ech_grid *grid  = &self->status.grid;
  double                 bar   = grid->beats_per_bar ? grid->beats_per_bar : ECH_BEATS_PER_BAR;
  double                 unit  = quantum_beats >= bar ? bar : 1.0;
  double                 frame = seconds * self->status.track_rate;
  double                 beat  = ech_grid_beat_at (grid, frame) - grid->downbeat;
  double                 first = ech_grid_beat_at (grid, 0.0) - grid->downbeat;
  double                 last  = ech_grid_beat_at (grid, self->status.length_frames) - grid->downbeat;

  beat = round (beat / unit) * unit;
  while (beat < first)
    beat += unit;
  while (beat > last && beat - unit >= first)
    beat -= unit;
  return MAX (0.0, ech_grid_frame_at (grid, beat + grid->downbeat)) / self->status.track_rate;
}

void
ech_deck_model_seek (EchDeckModel *self, double seconds)
{
  struct ech_action action  = { .verb = ECH_VERB_SEEK };
  gboolean          playing = self->status.state == ECH_DECK_PLAYING;

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  /* The newest wish counts: a seek that waits gives way. */
  ech_deck_model_cancel_if_waiting (self, ECH_SEEK_VERBS);
  action.timing = ech_deck_model_quantized (self, !playing);
  action.value  = CLAMP (seconds, 0.0, MAX (0.0, self->length));
  if (action.timing.kind == ECH_TIMING_GRID && self->status.has_grid &&
      self->status.grid.frames_per_beat > 0)
    action.value = snap (self, action.value, action.timing.beats);
  ech_deck_model_post_once (self, &action);
}

void
ech_deck_model_cancel_seek (EchDeckModel *self)
{
  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  ech_deck_model_cancel_if_waiting (self, ECH_SEEK_VERBS);
}

void
ech_deck_model_beat_jump (EchDeckModel *self, double beats)
{
  struct ech_action action = { .verb = ECH_VERB_BEATJUMP, .value = beats };

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  action.timing = ech_deck_model_quantized (self, self->status.state != ECH_DECK_PLAYING);
  ech_deck_model_post_once (self, &action);
}

void
ech_deck_model_load (EchDeckModel *self, const char *path)
{
  struct ech_action action = { .verb   = ECH_VERB_LOAD,
                               .text   = path,
                               .timing = { .kind = ECH_TIMING_NOW } };

  g_return_if_fail (ECH_IS_DECK_MODEL (self));
  g_return_if_fail (path);

  ech_deck_model_post_once (self, &action);
}

void
ech_deck_model_eject (EchDeckModel *self)
{
  struct ech_action action = { .verb = ECH_VERB_EJECT, .timing = { .kind = ECH_TIMING_NOW } };

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  ech_deck_model_post_once (self, &action);
}

void
ech_deck_model_set_synced (EchDeckModel *self, gboolean synced)
{
  struct ech_action action = { .verb   = ECH_VERB_SYNC,
                               .value  = synced ? 1.0 : 0.0,
                               .timing = { .kind = ECH_TIMING_NOW } };

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  if (self->synced.value == action.value)
    return;
  ech_control_set (&self->synced, action.value, g_get_monotonic_time ());
  ech_deck_model_post_once (self, &action);
  changed (self, PROP_SYNCED);
}

void
ech_deck_model_set_pfl (EchDeckModel *self, gboolean pfl)
{
  struct ech_action action = { .verb   = ECH_VERB_PFL,
                               .value  = pfl ? 1.0 : 0.0,
                               .timing = { .kind = ECH_TIMING_NOW } };

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  if (self->pfl.value == action.value)
    return;
  ech_control_set (&self->pfl, action.value, g_get_monotonic_time ());
  ech_deck_model_post_once (self, &action);
  changed (self, PROP_PFL);
}

/* The hand has set it: shown at once, and posted. */
static void
set_switch (EchDeckModel *self, struct ech_control *control, guint prop, struct ech_action *action)
{
  ech_control_set (control, action->value, g_get_monotonic_time ());
  ech_deck_model_post_once (self, action);
  changed (self, prop);
}

void
ech_deck_model_set_keylock (EchDeckModel *self, gboolean keylock)
{
  struct ech_action action = { .verb   = ECH_VERB_KEYLOCK,
                               .value  = keylock ? 1.0 : 0.0,
                               .timing = { .kind = ECH_TIMING_NOW } };

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  if (self->keylock.value != action.value)
    set_switch (self, &self->keylock, PROP_KEYLOCK, &action);
}

void
ech_deck_model_set_locked (EchDeckModel *self, gboolean locked)
{
  struct ech_action action = { .verb   = locked ? ECH_VERB_LOCK : ECH_VERB_UNLOCK,
                               .value  = locked ? 1.0 : 0.0,
                               .text   = locked ? _ ("by hand") : NULL,
                               .timing = { .kind = ECH_TIMING_NOW } };

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  if (self->lock.value != action.value)
    set_switch (self, &self->lock, PROP_LOCKED, &action);
}

void
ech_deck_model_set_control (EchDeckModel *self, enum ech_deck_control control, double value)
{
  g_return_if_fail (ECH_IS_DECK_MODEL (self));
  g_return_if_fail (control < ECH_DECK_N_CONTROLS);
  g_return_if_fail (isfinite (value));

  if (self->controls[control].value == value)
    return;
  ech_control_set (&self->controls[control], value, g_get_monotonic_time ());
  post_control (self, control);
  changed (self, PROP_TRIM + control);
}

double
ech_deck_model_get_control (EchDeckModel *self, enum ech_deck_control control)
{
  g_return_val_if_fail (ECH_IS_DECK_MODEL (self), 0.0);
  g_return_val_if_fail (control < ECH_DECK_N_CONTROLS, 0.0);

  return self->controls[control].value;
}

/* --- looking --- */

guint
ech_deck_model_get_index (EchDeckModel *self)
{
  return self->index;
}

const char *
ech_deck_model_get_letter (EchDeckModel *self)
{
  return self->letter;
}

EchTrack *
ech_deck_model_get_track (EchDeckModel *self)
{
  return self->track;
}

enum ech_deck_state
ech_deck_model_get_state (EchDeckModel *self)
{
  return self->status.state;
}

void
ech_deck_model_get_peak (EchDeckModel *self, float out_peak[2])
{
  out_peak[0] = self->status.peak[0];
  out_peak[1] = self->status.peak[1];
}

double
ech_deck_model_get_position_at (EchDeckModel *self, gint64 time_us)
{
  const struct ech_state *state;

  if (!self->session || self->status.track_rate <= 0)
    return 0.0;
  state = ech_session_model_get_state (self->session);
  if (!state->running)
    return self->status.position_frames;
  return ech_state_position_at (state, self->index,
                                ech_state_frame_at (state, (uint64_t) time_us * 1000));
}

double
ech_deck_model_get_beat_at (EchDeckModel *self, gint64 time_us)
{
  const struct ech_grid *grid = &self->status.grid;

  if (!self->status.has_grid || grid->frames_per_beat <= 0)
    return NAN;
  return ech_grid_beat_at (grid, ech_deck_model_get_position_at (self, time_us)) - grid->downbeat;
}

double
ech_deck_model_get_phase_error_at (EchDeckModel *self, gint64 time_us)
{
  double beat = ech_deck_model_get_beat_at (self, time_us);
  double error;

  if (isnan (beat) || !self->session)
    return NAN;
  error = ech_beat_phase (beat - ech_session_model_get_beat_at (self->session, time_us), 1.0);
  return error >= 0.5 ? error - 1.0 : error;
}

gboolean
ech_deck_model_get_grid (EchDeckModel *self, struct ech_grid *out_grid)
{
  *out_grid = self->status.grid;
  return self->status.has_grid && self->status.grid.frames_per_beat > 0;
}

double
ech_deck_model_get_heard_rate (EchDeckModel *self)
{
  return self->status.track_rate * (self->status.speed > 0 ? self->status.speed : 1.0);
}

double
ech_deck_model_get_cue_frames (EchDeckModel *self)
{
  return self->status.cue_frames;
}

double
ech_deck_model_get_due_in (EchDeckModel *self, gint64 time_us, enum ech_verb *out_verb)
{
  const struct ech_waiting *w;
  double                    beats;
  double                    bpm;

  if (!self->session)
    return -1.0;
  w = ech_session_model_find_waiting (self->session, self->index,
                                      ECH_TRANSPORT_VERBS | ECH_CUE_VERBS | ECH_SEEK_VERBS |
                                        ECH_HOTCUE_VERBS | ECH_LOOP_VERBS | ECH_LOOP_POINT_VERBS);
  bpm = ech_session_model_get_state (self->session)->timeline.bpm;
  if (!w || isnan (w->due_beats) || bpm <= 0)
    return -1.0;
  if (out_verb)
    *out_verb = w->verb;
  beats = w->due_beats - ech_session_model_get_beat_at (self->session, time_us);
  return MAX (0.0, beats) * 60.0 / bpm;
}

/* --- object --- */

static void
ech_deck_model_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  EchDeckModel                 *self   = ECH_DECK_MODEL (object);
  const struct ech_deck_status *status = &self->status;

  switch (id) {
  case PROP_LETTER: g_value_set_string (value, self->letter); break;
  case PROP_TRACK: g_value_set_boxed (value, self->track); break;
  case PROP_STATE: g_value_set_uint (value, status->state); break;
  case PROP_PLAYING: g_value_set_boolean (value, status->state == ECH_DECK_PLAYING); break;
  case PROP_LOADED: g_value_set_boolean (value, self->track != NULL); break;
  case PROP_TITLE: g_value_set_string (value, status->title); break;
  case PROP_ARTIST: g_value_set_string (value, status->artist); break;
  case PROP_HINT: g_value_set_string (value, self->hint); break;
  case PROP_LENGTH: g_value_set_double (value, self->length); break;
  case PROP_POSITION: g_value_set_double (value, self->position); break;
  case PROP_REMAINING: g_value_set_double (value, self->remaining); break;
  case PROP_BPM: g_value_set_double (value, status->bpm); break;
  case PROP_SPEED: g_value_set_double (value, status->speed); break;
  case PROP_ON_AIR: g_value_set_boolean (value, status->on_air); break;
  case PROP_LOCKED: g_value_set_boolean (value, self->lock.value != 0); break;
  case PROP_LOCK_REASON: g_value_set_string (value, status->lock_reason); break;
  case PROP_SYNCED: g_value_set_boolean (value, self->synced.value != 0); break;
  case PROP_HAS_GRID: g_value_set_boolean (value, status->has_grid); break;
  case PROP_TRIM:
  case PROP_EQ_LOW:
  case PROP_EQ_MID:
  case PROP_EQ_HIGH:
  case PROP_VOLUME:
  case PROP_TEMPO: g_value_set_double (value, self->controls[id - PROP_TRIM].value); break;
  case PROP_TEMPO_RANGE: g_value_set_double (value, self->tempo_range); break;
  case PROP_QUANTIZE: g_value_set_string (value, self->quantize); break;
  case PROP_TRANSPORT_BEATS_LEFT:
  case PROP_CUE_BEATS_LEFT:
  case PROP_SEEK_BEATS_LEFT:
  case PROP_LOOP_BEATS_LEFT:
  case PROP_LOOP_IN_BEATS_LEFT:
  case PROP_LOOP_OUT_BEATS_LEFT:
    g_value_set_double (value, self->beats_left[id - PROP_TRANSPORT_BEATS_LEFT]);
    break;
  case PROP_LOOP_SIZE: g_value_set_double (value, self->loop_size); break;
  case PROP_PFL: g_value_set_boolean (value, self->pfl.value != 0); break;
  case PROP_KEYLOCK: g_value_set_boolean (value, self->keylock.value != 0); break;
  case PROP_MESSAGE: g_value_set_string (value, self->message); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
set_quantize (EchDeckModel *self, const char *quantize)
{
  struct ech_timing timing;

  if (!quantize || ech_timing_parse (quantize, &timing) != 0)
    return;
  if (ech_model_set_string (&self->quantize, quantize))
    changed (self, PROP_QUANTIZE);
}

static void
set_tempo_range (EchDeckModel *self, double range)
{
  if (range == self->tempo_range)
    return;
  self->tempo_range = range;
  changed (self, PROP_TEMPO_RANGE);
}

static void
set_loop_size (EchDeckModel *self, double beats)
{
  if (beats == self->loop_size)
    return;
  self->loop_size = beats;
  changed (self, PROP_LOOP_SIZE);
}

static void
ech_deck_model_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  EchDeckModel *self = ECH_DECK_MODEL (object);

  switch (id) {
  case PROP_TRIM:
  case PROP_EQ_LOW:
  case PROP_EQ_MID:
  case PROP_EQ_HIGH:
  case PROP_VOLUME:
  case PROP_TEMPO:
    ech_deck_model_set_control (self, id - PROP_TRIM, g_value_get_double (value));
    break;
  case PROP_TEMPO_RANGE: set_tempo_range (self, g_value_get_double (value)); break;
  case PROP_QUANTIZE: set_quantize (self, g_value_get_string (value)); break;
  case PROP_SYNCED: ech_deck_model_set_synced (self, g_value_get_boolean (value)); break;
  case PROP_LOOP_SIZE: set_loop_size (self, g_value_get_double (value)); break;
  case PROP_PFL: ech_deck_model_set_pfl (self, g_value_get_boolean (value)); break;
  case PROP_KEYLOCK: ech_deck_model_set_keylock (self, g_value_get_boolean (value)); break;
  case PROP_LOCKED: ech_deck_model_set_locked (self, g_value_get_boolean (value)); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_deck_model_finalize (GObject *object)
{
  EchDeckModel *self = ECH_DECK_MODEL (object);

  g_clear_handle_id (&self->nudge_timer, g_source_remove);
  g_clear_pointer (&self->track, ech_track_unref);
  g_clear_pointer (&self->message, g_free);
  g_clear_pointer (&self->quantize, g_free);
  g_clear_pointer (&self->hint, g_free);

  G_OBJECT_CLASS (ech_deck_model_parent_class)->finalize (object);
}

static void
add_double (guint prop, const char *name, double minimum, double maximum, double value, int flags)
{
  props[prop] = g_param_spec_double (name, NULL, NULL, minimum, maximum, value,
                                     flags | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
}

static void
add_boolean (guint prop, const char *name, int flags)
{
  props[prop] = g_param_spec_boolean (name, NULL, NULL, FALSE,
                                      flags | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
}

static void
add_string (guint prop, const char *name, int flags)
{
  props[prop] = g_param_spec_string (name, NULL, NULL, NULL,
                                     flags | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
}

static void
ech_deck_model_class_init (EchDeckModelClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const int     ro           = G_PARAM_READABLE;
  const int     rw           = G_PARAM_READWRITE;

  object_class->get_property = ech_deck_model_get_property;
  object_class->set_property = ech_deck_model_set_property;
  object_class->finalize     = ech_deck_model_finalize;

  props[PROP_TRACK] = g_param_spec_boxed ("track", NULL, NULL, ECH_TYPE_TRACK,
                                          ro | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  props[PROP_STATE] = g_param_spec_uint ("state", NULL, NULL, 0, G_MAXUINT, ECH_DECK_EMPTY,
                                         ro | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  add_string (PROP_LETTER, "letter", ro);
  add_boolean (PROP_PLAYING, "playing", ro);
  add_boolean (PROP_LOADED, "loaded", ro);
  add_string (PROP_TITLE, "title", ro);
  add_string (PROP_ARTIST, "artist", ro);
  add_string (PROP_HINT, "hint", ro);
  add_double (PROP_LENGTH, "length", 0, G_MAXDOUBLE, 0, ro);
  add_double (PROP_POSITION, "position", -G_MAXDOUBLE, G_MAXDOUBLE, 0, ro);
  add_double (PROP_REMAINING, "remaining", 0, G_MAXDOUBLE, 0, ro);
  add_double (PROP_BPM, "bpm", 0, G_MAXDOUBLE, 0, ro);
  add_double (PROP_SPEED, "speed", 0, G_MAXDOUBLE, 1, ro);
  add_boolean (PROP_ON_AIR, "on-air", ro);
  add_boolean (PROP_LOCKED, "locked", rw);
  add_string (PROP_LOCK_REASON, "lock-reason", ro);
  add_boolean (PROP_SYNCED, "synced", rw);
  add_boolean (PROP_HAS_GRID, "has-grid", ro);
  add_double (PROP_TRIM, "trim", ECH_TRIM_MIN_DB, ECH_TRIM_MAX_DB, 0, rw);
  add_double (PROP_EQ_LOW, "eq-low", ECH_EQ_KILL_DB, ECH_EQ_MAX_DB, 0, rw);
  add_double (PROP_EQ_MID, "eq-mid", ECH_EQ_KILL_DB, ECH_EQ_MAX_DB, 0, rw);
  add_double (PROP_EQ_HIGH, "eq-high", ECH_EQ_KILL_DB, ECH_EQ_MAX_DB, 0, rw);
  add_double (PROP_VOLUME, "volume", 0, 1, 1, rw);
  add_double (PROP_TEMPO, "tempo", -100, 300, 0, rw);
  add_double (PROP_TEMPO_RANGE, "tempo-range", 1, 100, 8, rw);
  add_string (PROP_QUANTIZE, "quantize", rw);
  add_double (PROP_TRANSPORT_BEATS_LEFT, "transport-beats-left", -1, G_MAXDOUBLE, -1, ro);
  add_double (PROP_CUE_BEATS_LEFT, "cue-beats-left", -1, G_MAXDOUBLE, -1, ro);
  add_double (PROP_SEEK_BEATS_LEFT, "seek-beats-left", -1, G_MAXDOUBLE, -1, ro);
  add_double (PROP_LOOP_BEATS_LEFT, "loop-beats-left", -1, G_MAXDOUBLE, -1, ro);
  add_double (PROP_LOOP_IN_BEATS_LEFT, "loop-in-beats-left", -1, G_MAXDOUBLE, -1, ro);
  add_double (PROP_LOOP_OUT_BEATS_LEFT, "loop-out-beats-left", -1, G_MAXDOUBLE, -1, ro);
  add_double (PROP_LOOP_SIZE, "loop-size", ECH_MIN_LOOP_BEATS, ECH_MAX_LOOP_BEATS, 4, rw);
  add_boolean (PROP_PFL, "pfl", rw);
  add_boolean (PROP_KEYLOCK, "keylock", rw);
  add_string (PROP_MESSAGE, "message", ro);
  g_object_class_install_properties (object_class, N_PROPS, props);

  points_signal = g_signal_new ("points", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                NULL, G_TYPE_NONE, 0);
}

static void
ech_deck_model_init (EchDeckModel *self)
{
  self->quantize    = g_strdup ("bar");
  self->hint        = g_strdup ("");
  self->tempo_range = 8.0;
  self->loop_size   = 4.0;
  self->controls[ECH_DECK_CONTROL_VOLUME].value = 1.0;
  for (guint i = 0; i < ECH_N_DUES; i++)
    self->beats_left[i] = -1.0;
}

EchDeckModel *
ech_deck_model_new (EchSessionModel *session, guint index)
{
  EchDeckModel *self = g_object_new (ECH_TYPE_DECK_MODEL, NULL);

  self->session   = session;
  self->index     = index;
  self->letter[0] = (char) ('A' + index);
  return self;
}

void
ech_deck_model_detach (EchDeckModel *self)
{
  self->session = NULL;
}
