/* What a deck model does for hot cues, loops, bend and the cue button's preview.
 *
 * What is held down must end when it is let go, whatever happens in between: a full
 * lane, a lock, a cooldown.  So the end is posted again until the engine tells it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>

#include "ui/model/deck-model-private.h"

/* A click by a screen reader bends for so long. */
#define NUDGE_MS 250

/* A snapshot older than this after a post may still tell the state before it. */
#define NEWS_US (100 * G_TIME_SPAN_MILLISECOND)

/* How long after a post that did not help it is posted again. */
#define AGAIN_US (200 * G_TIME_SPAN_MILLISECOND)

/* Actions are handed to the audio thread 0.1 s ahead; the snapshot is a little old, too. */
#define LEAD_SECONDS 0.25

/* A place nearer than this to where the deck stands is where the deck stands. */
#define SAME_PLACE_SECONDS 0.005

static gboolean
is_playing (EchDeckModel *self)
{
  return self->status.state == ECH_DECK_PLAYING;
}

static gboolean
stands_at (EchDeckModel *self, double frames)
{
  return fabs (ech_deck_model_seconds_of (self, self->status.position_frames - frames)) <=
         SAME_PLACE_SECONDS;
}

/* --- hot cues --- */

double
ech_deck_model_get_hotcue_frames (EchDeckModel *self, guint index)
{
  g_return_val_if_fail (ECH_IS_DECK_MODEL (self), NAN);
  g_return_val_if_fail (index < ECH_N_HOTCUES, NAN);

  return self->status.track_rate > 0 ? self->status.hotcue_frames[index] : NAN;
}

double
ech_deck_model_get_hotcue_beats_left (EchDeckModel *self, guint index)
{
  const struct ech_waiting *w;

  if (!self->session)
    return -1.0;
  w = ech_session_model_find_waiting_hotcue (self->session, self->index, ECH_HOTCUE_VERBS, index);
  if (!w || isnan (w->due_beats))
    return -1.0;
  return MAX (0.0, w->due_beats - ech_session_model_get_beat_at (self->session,
                                                                 g_get_monotonic_time ()));
}

static gboolean
take_hotcue_back (EchDeckModel *self, guint index)
{
  const struct ech_waiting *w;

  if (!self->session)
    return FALSE;
  w = ech_session_model_find_waiting_hotcue (self->session, self->index, ECH_HOTCUE_VERBS, index);
  if (w)
    ech_session_model_cancel (self->session, w);
  return w != NULL;
}

void
ech_deck_model_press_hotcue (EchDeckModel *self, guint index, gboolean now)
{
  struct ech_action action = { .index = index };

  g_return_if_fail (ECH_IS_DECK_MODEL (self));
  g_return_if_fail (index < ECH_N_HOTCUES);

  if (take_hotcue_back (self, index))
    return;
  if (isnan (ech_deck_model_get_hotcue_frames (self, index))) {
    action.verb = ECH_VERB_HOTCUE_SET;
    /* Only a synced deck's beats are the session's: elsewhere to wait would miss them. */
    action.timing = ech_deck_model_quantized (self, now || !is_playing (self) || !self->status.sync);
  } else {
    action.verb   = ECH_VERB_HOTCUE_JUMP;
    action.timing = ech_deck_model_quantized (self, now);
    /* The newest wish counts. */
    ech_deck_model_cancel_if_waiting (self, ECH_VERB_BIT (HOTCUE_JUMP) | ECH_SEEK_VERBS);
    ech_deck_model_forget_preview (self);
  }
  ech_deck_model_post_once (self, &action);
}

void
ech_deck_model_clear_hotcue (EchDeckModel *self, guint index)
{
  struct ech_action action = { .verb   = ECH_VERB_HOTCUE_CLEAR,
                               .index  = index,
                               .timing = { .kind = ECH_TIMING_NOW } };

  g_return_if_fail (ECH_IS_DECK_MODEL (self));
  g_return_if_fail (index < ECH_N_HOTCUES);

  if (take_hotcue_back (self, index) || isnan (ech_deck_model_get_hotcue_frames (self, index)))
    return;
  ech_deck_model_post_once (self, &action);
}

/* --- loops --- */

gboolean
ech_deck_model_get_loop (EchDeckModel *self, double *out_in_frames, double *out_out_frames)
{
  g_return_val_if_fail (ECH_IS_DECK_MODEL (self), FALSE);

  *out_in_frames  = self->status.track_rate > 0 ? self->status.loop_in_frames : NAN;
  *out_out_frames = self->status.track_rate > 0 ? self->status.loop_out_frames : NAN;
  return self->status.track_rate > 0 && self->status.loop_active;
}

double
ech_deck_model_get_loop_beats (EchDeckModel *self)
{
  double in, out;

  if (!ech_deck_model_get_loop (self, &in, &out) || !self->status.has_grid ||
      self->status.grid.frames_per_beat <= 0)
    return NAN;
  return (out - in) / self->status.grid.frames_per_beat;
}

void
ech_deck_model_toggle_loop (EchDeckModel *self, gboolean now)
{
  struct ech_action action = { .verb = ECH_VERB_LOOP };

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  if (ech_deck_model_cancel_if_waiting (self, ECH_LOOP_VERBS))
    return;
  /* An out point that still waits would begin the loop anew. */
  if (self->status.loop_active)
    ech_deck_model_cancel_if_waiting (self, ECH_VERB_BIT (LOOP_OUT));
  action.value  = self->status.loop_active ? 0.0 : self->loop_size;
  action.timing = ech_deck_model_quantized (self, now || !is_playing (self));
  ech_deck_model_post_once (self, &action);
}

static void
post_point (EchDeckModel *self, enum ech_verb verb, guint64 waiting, gboolean now)
{
  struct ech_action action = { .verb = verb };

  if (ech_deck_model_cancel_if_waiting (self, waiting))
    return;
  action.timing = ech_deck_model_quantized (self, now || !is_playing (self));
  ech_deck_model_post_once (self, &action);
}

void
ech_deck_model_loop_in (EchDeckModel *self, gboolean now)
{
  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  post_point (self, ECH_VERB_LOOP_IN, ECH_VERB_BIT (LOOP_IN), now);
}

void
ech_deck_model_loop_out (EchDeckModel *self, gboolean now)
{
  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  post_point (self, ECH_VERB_LOOP_OUT, ECH_VERB_BIT (LOOP_OUT), now);
}

void
ech_deck_model_move_loop (EchDeckModel *self, int direction)
{
  struct ech_action action = { .verb = ECH_VERB_LOOP_MOVE };
  double            beats  = ech_deck_model_get_loop_beats (self);

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  action.value  = direction * (isnan (beats) ? self->loop_size : beats);
  action.timing = ech_deck_model_quantized (self, !is_playing (self));
  ech_deck_model_post_once (self, &action);
}

static double
power_of_two_near (double beats)
{
  return CLAMP (exp2 (round (log2 (beats))), ECH_MIN_LOOP_BEATS, ECH_MAX_LOOP_BEATS);
}

/* The session beat at which the deck is @ahead track frames further, and a hair more. */
static double
beat_when (const struct ech_state *state, const struct ech_deck_status *deck, double ahead, double hair)
{
  return ech_timeline_beat_at (&state->timeline, (double) state->frame + ahead / deck->step + hair);
}

/* The loop that runs gets @beats and keeps its in point.  If the new out point is still to come, it
 * is set there; else the next pass has the new length: LOOP begins where the deck is, and that is
 * the in point then. */
static void
resize_running_loop (EchDeckModel *self, double beats)
{
  const struct ech_deck_status *deck   = &self->status;
  const struct ech_state       *state  = ech_session_model_get_state (self->session);
  struct ech_action             action = { .timing = { .kind = ECH_TIMING_AT_BEAT } };
  double length = deck->loop_out_frames - deck->loop_in_frames;
  double wanted = beats * deck->grid.frames_per_beat;
  double lead   = LEAD_SECONDS * state->timeline.rate * deck->step;
  double ahead  = deck->loop_in_frames + wanted - deck->position_frames;

  if (wanted < length && ahead >= lead) {
    action.verb         = ECH_VERB_LOOP_OUT;
    action.timing.beats = beat_when (state, deck, ahead, 0.0);
  } else {
    ahead = deck->loop_out_frames - deck->position_frames;
    if (ahead < lead)
      ahead += length * ceil ((lead - ahead) / length);
    action.verb  = ECH_VERB_LOOP;
    action.value = beats;
    /* On the pass's own frame and not one before it; a deck that is not synced is met on whole frames. */
    action.timing.beats = beat_when (state, deck, ahead, deck->sync ? 1e-3 : 0.5);
  }
  ech_deck_model_post_once (self, &action);
}

void
ech_deck_model_scale_loop (EchDeckModel *self, int steps)
{
  struct ech_action action = { .verb = ECH_VERB_LOOP, .timing = { .kind = ECH_TIMING_NOW } };
  double            beats, running;
  gboolean          waited;

  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  running = ech_deck_model_get_loop_beats (self);
  waited  = ech_deck_model_cancel_if_waiting (self, ECH_LOOP_VERBS | ECH_VERB_BIT (LOOP_OUT));
  beats   = power_of_two_near (ldexp (waited || isnan (running) ? self->loop_size : running, steps));
  g_object_set (self, "loop-size", beats, NULL);
  if (isnan (running) || !self->session) {
    if (waited)
      ech_deck_model_toggle_loop (self, FALSE);
    return;
  }
  action.value = beats;
  if (is_playing (self) && self->status.step > 0)
    resize_running_loop (self, beats);
  else if (stands_at (self, self->status.loop_in_frames))
    ech_deck_model_post_once (self, &action);
}

/* --- bend --- */

static void
post_bend (EchDeckModel *self)
{
  struct ech_action action = { .verb   = ECH_VERB_BEND,
                               .value  = self->bend,
                               .timing = { .kind = ECH_TIMING_NOW } };
  int               r      = ech_deck_model_post (self, &action);

  self->bend_unsent    = r == -ENOSPC;
  self->bend_settling  = self->bend == 0.0;
  self->bend_posted_us = g_get_monotonic_time ();
}

void
ech_deck_model_bend (EchDeckModel *self, double offset)
{
  g_return_if_fail (ECH_IS_DECK_MODEL (self));
  g_return_if_fail (fabs (offset) <= ECH_MAX_BEND);

  g_clear_handle_id (&self->nudge_timer, g_source_remove);
  if (offset == self->bend)
    return;
  self->bend = offset;
  post_bend (self);
}

static gboolean
on_nudged (gpointer data)
{
  EchDeckModel *self = data;

  self->nudge_timer = 0;
  ech_deck_model_bend (self, 0.0);
  return G_SOURCE_REMOVE;
}

void
ech_deck_model_nudge (EchDeckModel *self, double offset)
{
  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  ech_deck_model_bend (self, offset);
  self->nudge_timer = g_timeout_add (NUDGE_MS, on_nudged, self);
}

/* A lock that came while it was held, say: the release is still owed. */
void
ech_deck_model_bend_refused (EchDeckModel *self)
{
  self->bend_settling  = self->bend == 0.0;
  self->bend_posted_us = g_get_monotonic_time ();
}

static void
follow_bend (EchDeckModel *self, gint64 now_us)
{
  gint64 since_us = now_us - self->bend_posted_us;

  if (self->bend_unsent)
    post_bend (self);
  else if (!self->bend_settling || since_us < NEWS_US)
    return;
  else if (self->status.bend == 0.0)
    self->bend_settling = FALSE;
  else if (since_us >= AGAIN_US && !self->status.locked)
    post_bend (self);
}

/* --- the cue button, held --- */

static void
post_now (EchDeckModel *self, enum ech_verb verb)
{
  struct ech_action action = { .verb = verb, .value = NAN, .timing = { .kind = ECH_TIMING_NOW } };

  ech_deck_model_post (self, &action);
  self->preview_posted_us = g_get_monotonic_time ();
}

void
ech_deck_model_forget_preview (EchDeckModel *self)
{
  self->preview = ECH_PREVIEW_NONE;
}

void
ech_deck_model_hold_cue (EchDeckModel *self, gboolean now)
{
  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  if (self->status.state != ECH_DECK_STOPPED || now || !stands_at (self, self->status.cue_frames)) {
    ech_deck_model_cue (self, now);
    return;
  }
  self->preview = ECH_PREVIEW_HELD;
  post_now (self, ECH_VERB_PLAY);
}

void
ech_deck_model_release_cue (EchDeckModel *self)
{
  g_return_if_fail (ECH_IS_DECK_MODEL (self));

  if (self->preview != ECH_PREVIEW_HELD)
    return;
  self->preview = ECH_PREVIEW_STOPPING;
  post_now (self, ECH_VERB_STOP);
}

/* A stop, and when it has been heard the way back: a cue on a deck that is on air would be refused. */
static void
follow_preview (EchDeckModel *self, gint64 now_us)
{
  gint64 since_us = now_us - self->preview_posted_us;

  if (self->preview != ECH_PREVIEW_STOPPING || since_us < NEWS_US || self->status.locked)
    return;
  if (is_playing (self)) {
    if (since_us >= AGAIN_US)
      post_now (self, ECH_VERB_STOP);
    return;
  }
  self->preview = ECH_PREVIEW_NONE;
  post_now (self, ECH_VERB_CUE);
}

void
ech_deck_model_follow_holds (EchDeckModel *self, gint64 now_us)
{
  follow_bend (self, now_us);
  follow_preview (self, now_us);
}

void
ech_deck_model_let_go (EchDeckModel *self)
{
  ech_deck_model_bend (self, 0.0);
  ech_deck_model_release_cue (self);
}
