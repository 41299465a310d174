/* See session-model.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include <errno.h>

#include "ui/model/control.h"
#include "ui/model/model-private.h"
#include "ui/model/safety-model-private.h"

/* Our own actions get an answer within two ticks; one without any for this long
 * has lost it (the event queue was full). */
#define ANSWER_US (2 * G_TIME_SPAN_SECOND)

/* Events that may wait for the main thread; past that the newest are left out,
 * and what waits is told by the snapshot alone. */
#define MAX_EVENTS 4096

struct _EchSessionModel {
  GObject parent_instance;

  /* owned */
  EchLane       *lane;
  EchDeckModel  *decks[ECH_MAX_DECKS];
  EchMixerModel *mixer;
  EchSafetyModel *safety;
  GAsyncQueue   *events;  /* of struct ech_event; pushed by the scheduler's thread */
  GArray        *waiting; /* of struct ech_waiting */
  guint          timer;

  /* borrowed: outlives us */
  EchEngine *engine;

  struct ech_state   state;
  struct ech_control tempo;
  struct ech_control recording;
  guint              record_seconds;
  gboolean           was_recording;
  gboolean           override_allowed;
  gint64             override_least_us, override_window_us;
  char               override_id[ECH_ID_MAX]; /* of the newest refusal, if a second step lifts it */
  gint64             override_since_us;
  guint              n_decks;
  guint              next_id;
  gint               bar;
  gint               beat;
  guint              audio_state;
  char               audio_text[ECH_TEXT_MAX];
};

enum {
  PROP_TEMPO = 1,
  PROP_BAR,
  PROP_BEAT,
  PROP_AUDIO_STATE,
  PROP_AUDIO_TEXT,
  PROP_RECORDING,
  PROP_RECORD_SECONDS,
  N_PROPS
};
enum { SIGNAL_REFUSED, SIGNAL_POLLED, SIGNAL_RECORDED, N_SIGNALS };

static GParamSpec *props[N_PROPS];
static guint       signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (EchSessionModel, ech_session_model, G_TYPE_OBJECT)

gboolean
ech_model_set_string (char **field, const char *text)
{
  if (g_strcmp0 (*field, text) == 0)
    return FALSE;
  g_free (*field);
  *field = g_strdup (text);
  return TRUE;
}

/* Scheduler's thread. */
static void
on_event (const struct ech_event *event, void *data)
{
  EchSessionModel *self = data;

  if (g_async_queue_length (self->events) < MAX_EVENTS)
    g_async_queue_push (self->events, g_memdup2 (event, sizeof *event));
}

static void
forget_waiting (EchSessionModel *self, const char *id)
{
  for (guint i = 0; i < self->waiting->len; i++)
    if (strcmp (g_array_index (self->waiting, struct ech_waiting, i).id, id) == 0) {
      g_array_remove_index (self->waiting, i);
      return;
    }
}

static void
set_due (EchSessionModel *self, const struct ech_event *event)
{
  for (guint i = 0; i < self->waiting->len; i++) {
    struct ech_waiting *w = &g_array_index (self->waiting, struct ech_waiting, i);

    if (strcmp (w->id, event->id) == 0)
      w->due_beats = event->beat;
  }
}

/* The one that a second step of the hand would lift: what was refused after it takes its place. */
static void
remember_override (EchSessionModel *self, const struct ech_event *event)
{
  self->override_id[0] = '\0';
  if (event->fate != ECH_FATE_REJECTED || event->rule != ECH_RULE_ON_AIR || !self->override_allowed)
    return;
  g_strlcpy (self->override_id, event->id, sizeof self->override_id);
  self->override_since_us = g_get_monotonic_time ();
}

/* Without its last sentence, which tells how to insist: here a button does. */
static void
drop_hint (struct ech_event *event)
{
  char *last = g_strrstr (event->text, ". ");

  if (last)
    last[1] = '\0';
}

static void
tell_refusal (EchSessionModel *self, struct ech_event *event)
{
  gboolean on_deck = ech_verb_has_deck (event->verb) && event->deck < self->n_decks;

  /* It was done or gone a moment before the hand took it back: no news. */
  if (event->verb == ECH_VERB_CANCEL && event->rule == ECH_RULE_UNKNOWN)
    return;

  remember_override (self, event);
  if (self->override_id[0] != '\0')
    drop_hint (event);
  if (on_deck)
    ech_deck_model_refused (self->decks[event->deck], event);
  else
    ech_mixer_model_refused (self->mixer, event);
  if (event->verb == ECH_VERB_TEMPO)
    ech_control_release (&self->tempo);
  if (event->verb == ECH_VERB_RECORD)
    ech_control_release (&self->recording);
  g_signal_emit (self, signals[SIGNAL_REFUSED], 0, on_deck ? event->deck : ECH_NO_DECK,
                 event->text);
}

static void
take_event (EchSessionModel *self, struct ech_event *event)
{
  ech_safety_model_take (self->safety, event);
  if (event->source != ech_lane_source (self->lane))
    return;

  if (event->fate == ECH_FATE_QUEUED) {
    set_due (self, event);
    return;
  }
  forget_waiting (self, event->id);
  if (event->fate == ECH_FATE_REJECTED || event->fate == ECH_FATE_EXPIRED)
    tell_refusal (self, event);
}

static void
take_events (EchSessionModel *self)
{
  /* Bounded by what is there now, so that a flood cannot hold the main thread. */
  for (gint n = g_async_queue_length (self->events); n > 0; n--) {
    g_autofree struct ech_event *event = g_async_queue_try_pop (self->events);

    if (!event)
      return;
    take_event (self, event);
  }
}

/* Ours come from events, the other sources' from the snapshot. */
static void
follow_pending (EchSessionModel *self, gint64 now_us)
{
  for (guint i = self->waiting->len; i-- > 0;) {
    struct ech_waiting *w = &g_array_index (self->waiting, struct ech_waiting, i);

    if (w->posted_us == 0 || (isnan (w->due_beats) && now_us - w->posted_us > ANSWER_US) ||
        w->due_beats < self->state.beat - 2 * ECH_BEATS_PER_BAR)
      g_array_remove_index (self->waiting, i);
  }
  for (guint i = 0; i < MIN (self->state.n_pending, ECH_MAX_PENDING_SHOWN); i++) {
    const struct ech_pending *p = &self->state.pending[i];
    struct ech_waiting        w = { .verb      = p->verb,
                                    .deck      = p->deck,
                                    .index     = p->index,
                                    .due_beats = p->due_beats };

    /* What is held has no beat yet: the safety panel shows it. */
    if (p->held || p->source == ech_lane_source (self->lane))
      continue;
    g_strlcpy (w.id, p->id, sizeof w.id);
    g_array_append_val (self->waiting, w);
  }
}

static void
follow_clock (EchSessionModel *self)
{
  double beat = ech_session_model_get_beat_at (self, g_get_monotonic_time ());
  gint   bar  = (gint) floor (beat / ECH_BEATS_PER_BAR) + 1;
  gint   in   = (gint) floor (ech_beat_phase (beat, ECH_BEATS_PER_BAR)) + 1;

  if (bar != self->bar) {
    self->bar = bar;
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_BAR]);
  }
  if (in != self->beat) {
    self->beat = in;
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_BEAT]);
  }
}

static void
follow_audio (EchSessionModel *self)
{
  char  text[ECH_TEXT_MAX] = "";
  guint state              = ech_engine_audio_state (self->engine, text);

  if (state != self->audio_state) {
    self->audio_state = state;
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_AUDIO_STATE]);
  }
  if (strcmp (text, self->audio_text) != 0) {
    g_strlcpy (self->audio_text, text, sizeof self->audio_text);
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_AUDIO_TEXT]);
  }
}

static void
follow_recording (EchSessionModel *self, gint64 now_us)
{
  const struct ech_state *state   = &self->state;
  double                  rate    = state->timeline.rate;
  guint                   seconds = rate > 0 ? (guint) ((double) state->record_frames / rate) : 0;

  if (ech_control_follow (&self->recording, state->recording, now_us))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_RECORDING]);
  if (seconds != self->record_seconds) {
    self->record_seconds = seconds;
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_RECORD_SECONDS]);
  }
  if (self->was_recording && !state->recording)
    g_signal_emit (self, signals[SIGNAL_RECORDED], 0, state->record_name,
                   rate > 0 ? (double) state->record_lost_frames / rate : 0.0);
  self->was_recording = state->recording;
}

static void
post_tempo (EchSessionModel *self)
{
  struct ech_action action = { .verb   = ECH_VERB_TEMPO,
                               .value  = self->tempo.value,
                               .timing = { .kind = ECH_TIMING_NOW } };

  self->tempo.unsent = ech_session_model_post (self, &action) != 0;
}

void
ech_session_model_poll (EchSessionModel *self)
{
  gint64 now_us = g_get_monotonic_time ();

  g_return_if_fail (ECH_IS_SESSION_MODEL (self));

  ech_engine_snapshot (self->engine, &self->state);
  take_events (self);
  follow_pending (self, now_us);
  follow_clock (self);
  follow_audio (self);
  follow_recording (self, now_us);
  ech_safety_model_follow (self->safety, &self->state, now_us);

  if (self->tempo.unsent)
    post_tempo (self);
  if (ech_control_follow (&self->tempo, self->state.timeline.bpm, now_us))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TEMPO]);
  for (guint i = 0; i < self->n_decks; i++)
    ech_deck_model_follow (self->decks[i], &self->state, now_us);
  ech_mixer_model_follow (self->mixer, &self->state, now_us);
  g_signal_emit (self, signals[SIGNAL_POLLED], 0);
}

static gboolean
on_timer (gpointer data)
{
  ech_session_model_poll (data);
  return G_SOURCE_CONTINUE;
}

int
ech_session_model_post (EchSessionModel *self, struct ech_action *action)
{
  struct ech_waiting waiting = { .verb      = action->verb,
                                 .deck      = action->deck,
                                 .index     = action->index,
                                 .due_beats = NAN,
                                 .posted_us = g_get_monotonic_time () };
  int                r;

  if (!self->lane)
    return -ESHUTDOWN;
  g_snprintf (action->id, sizeof action->id, "window-%u", ++self->next_id);
  r = ech_lane_post (self->lane, action);
  if (r == 0 && action->timing.kind != ECH_TIMING_NOW) {
    g_strlcpy (waiting.id, action->id, sizeof waiting.id);
    g_array_append_val (self->waiting, waiting);
  }
  return r;
}

static const struct ech_waiting *
find_waiting (EchSessionModel *self, guint deck, guint64 verbs, int index)
{
  for (guint i = 0; i < self->waiting->len; i++) {
    const struct ech_waiting *w = &g_array_index (self->waiting, struct ech_waiting, i);

    if (w->deck == deck && w->verb < 64 && (verbs & (G_GUINT64_CONSTANT (1) << w->verb)) &&
        (index < 0 || w->index == (guint) index))
      return w;
  }
  return NULL;
}

const struct ech_waiting *
ech_session_model_find_waiting (EchSessionModel *self, guint deck, guint64 verbs)
{
  return find_waiting (self, deck, verbs, -1);
}

const struct ech_waiting *
ech_session_model_find_waiting_hotcue (EchSessionModel *self,
                                       guint            deck,
                                       guint64          verbs,
                                       guint            index)
{
  return find_waiting (self, deck, verbs, (int) index);
}

void
ech_session_model_cancel (EchSessionModel *self, const struct ech_waiting *waiting)
{
  struct ech_action action = { .verb   = ECH_VERB_CANCEL,
                               .deck   = waiting->deck,
                               .timing = { .kind = ECH_TIMING_NOW } };

  if (waiting->id[0] == '\0') {
    if (waiting->deck < self->n_decks)
      ech_deck_model_tell (self->decks[waiting->deck],
                           _ ("That waits for another program, which gave it no name: "
                              "it cannot be taken back from here"));
    return;
  }
  g_strlcpy (action.target, waiting->id, sizeof action.target);
  ech_session_model_post (self, &action);
}

guint
ech_session_model_cancel_waiting (EchSessionModel *self)
{
  guint n;

  g_return_val_if_fail (ECH_IS_SESSION_MODEL (self), 0);

  n = self->waiting->len;
  for (guint i = 0; i < n; i++)
    ech_session_model_cancel (self, &g_array_index (self->waiting, struct ech_waiting, i));
  return n;
}

void
ech_session_model_emergency (EchSessionModel *self)
{
  struct ech_action action = { .verb = ECH_VERB_EMERGENCY, .timing = { .kind = ECH_TIMING_NOW } };

  g_return_if_fail (ECH_IS_SESSION_MODEL (self));

  ech_session_model_post (self, &action);
}

void
ech_session_model_set_override (EchSessionModel *self, gboolean allowed, double least_ms, double window_ms)
{
  g_return_if_fail (ECH_IS_SESSION_MODEL (self));

  self->override_allowed   = allowed;
  self->override_least_us  = (gint64) (least_ms * 1000);
  self->override_window_us = (gint64) (window_ms * 1000);
}

gboolean
ech_session_model_get_override (EchSessionModel *self, gint64 *out_from_us, gint64 *out_until_us)
{
  g_return_val_if_fail (ECH_IS_SESSION_MODEL (self), FALSE);

  *out_from_us  = self->override_since_us + self->override_least_us;
  *out_until_us = self->override_since_us + self->override_window_us;
  return self->override_id[0] != '\0' && g_get_monotonic_time () <= *out_until_us;
}

gboolean
ech_session_model_do_override (EchSessionModel *self)
{
  struct ech_action action = { .verb = ECH_VERB_CONFIRM, .timing = { .kind = ECH_TIMING_NOW } };
  gint64            from_us, until_us;

  if (!ech_session_model_get_override (self, &from_us, &until_us) || g_get_monotonic_time () < from_us)
    return FALSE;
  g_strlcpy (action.target, self->override_id, sizeof action.target);
  self->override_id[0] = '\0';
  return ech_session_model_post (self, &action) == 0;
}

gboolean
ech_session_model_get_recording (EchSessionModel *self)
{
  g_return_val_if_fail (ECH_IS_SESSION_MODEL (self), FALSE);

  return self->recording.value != 0;
}

void
ech_session_model_set_recording (EchSessionModel *self, gboolean recording)
{
  struct ech_action action = { .verb   = ECH_VERB_RECORD,
                               .value  = recording ? 1.0 : 0.0,
                               .timing = { .kind = ECH_TIMING_NOW } };

  g_return_if_fail (ECH_IS_SESSION_MODEL (self));

  if (self->recording.value == action.value || ech_session_model_post (self, &action) != 0)
    return;
  ech_control_set (&self->recording, action.value, g_get_monotonic_time ());
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_RECORDING]);
}

EchSafetyModel *
ech_session_model_get_safety (EchSessionModel *self)
{
  g_return_val_if_fail (ECH_IS_SESSION_MODEL (self), NULL);

  return self->safety;
}

guint
ech_session_model_get_source (EchSessionModel *self)
{
  return self->lane ? ech_lane_source (self->lane) : G_MAXUINT;
}

EchEngine *
ech_session_model_get_engine (EchSessionModel *self)
{
  return self->engine;
}

const struct ech_state *
ech_session_model_get_state (EchSessionModel *self)
{
  return &self->state;
}

EchDeckModel *
ech_session_model_get_deck (EchSessionModel *self, guint index)
{
  g_return_val_if_fail (ECH_IS_SESSION_MODEL (self), NULL);

  return index < self->n_decks ? self->decks[index] : NULL;
}

EchMixerModel *
ech_session_model_get_mixer (EchSessionModel *self)
{
  g_return_val_if_fail (ECH_IS_SESSION_MODEL (self), NULL);

  return self->mixer;
}

guint
ech_session_model_get_n_decks (EchSessionModel *self)
{
  g_return_val_if_fail (ECH_IS_SESSION_MODEL (self), 0);

  return self->n_decks;
}

double
ech_session_model_get_tempo (EchSessionModel *self)
{
  g_return_val_if_fail (ECH_IS_SESSION_MODEL (self), 0);

  return self->tempo.value;
}

void
ech_session_model_set_tempo (EchSessionModel *self, double bpm)
{
  g_return_if_fail (ECH_IS_SESSION_MODEL (self));
  g_return_if_fail (isfinite (bpm));

  bpm = CLAMP (bpm, ECH_MIN_BPM, ECH_MAX_BPM);
  /* a session shared by Link has tempos like 130.0001, and who shows two digits hands them back */
  if (fabs (bpm - self->tempo.value) < 0.005)
    return;
  ech_control_set (&self->tempo, bpm, g_get_monotonic_time ());
  post_tempo (self);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TEMPO]);
}

void
ech_session_model_get_link (EchSessionModel *self, struct ech_link_view *out_link)
{
  const struct ech_state *state = &self->state;

  *out_link = (struct ech_link_view){
    .is_available      = state->link_available,
    .is_enabled        = state->link_enabled,
    .shares_start_stop = state->link_start_stop,
    .n_peers           = state->link_peers,
    .nudge_beats       = (int) lround (state->link_nudge_beats),
  };
}

gboolean
ech_link_view_equal (const struct ech_link_view *a, const struct ech_link_view *b)
{
  return a->is_available == b->is_available && a->is_enabled == b->is_enabled &&
         a->shares_start_stop == b->shares_start_stop && a->n_peers == b->n_peers &&
         a->nudge_beats == b->nudge_beats;
}

void
ech_session_model_set_link (EchSessionModel *self, enum ech_verb verb, double value)
{
  struct ech_action action = { .verb   = verb,
                               .value  = value,
                               .timing = { .kind = ECH_TIMING_NOW } };

  g_return_if_fail (ECH_IS_SESSION_MODEL (self));

  ech_session_model_post (self, &action);
}

double
ech_session_model_get_beat_at (EchSessionModel *self, gint64 time_us)
{
  const struct ech_state *state = &self->state;

  if (!(state->timeline.rate > 0))
    return 0.0;
  return ech_timeline_beat_at (&state->timeline,
                               ech_state_frame_at (state, (uint64_t) time_us * 1000));
}

static void
ech_session_model_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  EchSessionModel *self = ECH_SESSION_MODEL (object);

  switch (id) {
  case PROP_TEMPO: g_value_set_double (value, self->tempo.value); break;
  case PROP_BAR: g_value_set_int (value, self->bar); break;
  case PROP_BEAT: g_value_set_int (value, self->beat); break;
  case PROP_AUDIO_STATE: g_value_set_uint (value, self->audio_state); break;
  case PROP_AUDIO_TEXT: g_value_set_string (value, self->audio_text); break;
  case PROP_RECORDING: g_value_set_boolean (value, self->recording.value != 0); break;
  case PROP_RECORD_SECONDS: g_value_set_uint (value, self->record_seconds); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_session_model_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_TEMPO)
    ech_session_model_set_tempo (ECH_SESSION_MODEL (object), g_value_get_double (value));
  else if (id == PROP_RECORDING)
    ech_session_model_set_recording (ECH_SESSION_MODEL (object), g_value_get_boolean (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
ech_session_model_dispose (GObject *object)
{
  EchSessionModel *self = ECH_SESSION_MODEL (object);

  g_clear_handle_id (&self->timer, g_source_remove);
  if (self->lane) {
    for (guint i = 0; i < self->n_decks; i++)
      ech_deck_model_let_go (self->decks[i]);
    ech_engine_remove_listener (self->engine, on_event, self);
    ech_engine_remove_source (self->engine, g_steal_pointer (&self->lane));
  }
  for (guint i = 0; i < self->n_decks; i++)
    if (self->decks[i])
      ech_deck_model_detach (self->decks[i]);
  if (self->mixer)
    ech_mixer_model_detach (self->mixer);
  for (guint i = 0; i < self->n_decks; i++)
    g_clear_object (&self->decks[i]);
  g_clear_object (&self->mixer);
  if (self->safety)
    ech_safety_model_detach (self->safety);
  g_clear_object (&self->safety);

  G_OBJECT_CLASS (ech_session_model_parent_class)->dispose (object);
}

static void
ech_session_model_finalize (GObject *object)
{
  EchSessionModel *self = ECH_SESSION_MODEL (object);

  g_clear_pointer (&self->events, g_async_queue_unref);
  g_clear_pointer (&self->waiting, g_array_unref);

  G_OBJECT_CLASS (ech_session_model_parent_class)->finalize (object);
}

static void
ech_session_model_class_init (EchSessionModelClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const int     ro           = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = ech_session_model_get_property;
  object_class->set_property = ech_session_model_set_property;
  object_class->dispose      = ech_session_model_dispose;
  object_class->finalize     = ech_session_model_finalize;

  props[PROP_TEMPO] = g_param_spec_double ("tempo", NULL, NULL, ECH_MIN_BPM, ECH_MAX_BPM, 120.0,
                                           ro | G_PARAM_WRITABLE);
  props[PROP_BAR]   = g_param_spec_int ("bar", NULL, NULL, G_MININT, G_MAXINT, 1, ro);
  props[PROP_BEAT]  = g_param_spec_int ("beat", NULL, NULL, 1, ECH_BEATS_PER_BAR, 1, ro);
  props[PROP_AUDIO_STATE] = g_param_spec_uint ("audio-state", NULL, NULL, 0, G_MAXUINT, 0, ro);
  props[PROP_AUDIO_TEXT]  = g_param_spec_string ("audio-text", NULL, NULL, "", ro);
  props[PROP_RECORDING] =
    g_param_spec_boolean ("recording", NULL, NULL, FALSE, ro | G_PARAM_WRITABLE);
  props[PROP_RECORD_SECONDS] =
    g_param_spec_uint ("record-seconds", NULL, NULL, 0, G_MAXUINT, 0, ro);
  g_object_class_install_properties (object_class, N_PROPS, props);

  signals[SIGNAL_REFUSED] =
    g_signal_new ("refused", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_STRING);
  signals[SIGNAL_POLLED] = g_signal_new ("polled", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_RECORDED] =
    g_signal_new ("recorded", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_DOUBLE);
}

static void
ech_session_model_init (EchSessionModel *self)
{
  self->events  = g_async_queue_new_full (g_free);
  self->waiting = g_array_new (FALSE, FALSE, sizeof (struct ech_waiting));
}

EchSessionModel *
ech_session_model_new (EchEngine *engine)
{
  EchSessionModel *self = g_object_new (ECH_TYPE_SESSION_MODEL, NULL);

  self->engine = engine;
  ech_engine_snapshot (engine, &self->state);
  self->tempo.value = self->state.timeline.bpm;
  self->n_decks     = CLAMP (self->state.n_decks, 1, ECH_MAX_DECKS);
  for (guint i = 0; i < self->n_decks; i++)
    self->decks[i] = ech_deck_model_new (self, i);
  self->mixer  = ech_mixer_model_new (self);
  self->safety = ech_safety_model_new (self);
  self->lane  = ech_engine_add_source (engine, "window", ECH_SOURCE_HAND);
  g_assert (self->lane); /* the window is the first source there is */
  ech_engine_add_listener (engine, on_event, self);
  self->timer = g_timeout_add (ECH_MODEL_POLL_MS, on_timer, self);
  ech_session_model_poll (self);
  return self;
}
