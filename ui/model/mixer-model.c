/* See mixer-model.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "ui/model/mixer-model.h"

#include "ui/model/control.h"
#include "ui/model/model-private.h"

/* Less than this much under unity is rounding, not limiting. */
#define LIMITING_GAIN 0.99f

enum mixer_control {
  CONTROL_CROSSFADER,
  CONTROL_MASTER_VOLUME,
  CONTROL_BOOTH_VOLUME,
  CONTROL_HEADPHONES_VOLUME,
  CONTROL_HEADPHONES_MIX,
  N_CONTROLS,
};

struct _EchMixerModel {
  GObject parent_instance;

  /* borrowed: owns us, and detaches us first */
  EchSessionModel *session;

  /* owned */
  char *message;

  struct ech_control controls[N_CONTROLS];
  float              peak[2];
  gboolean           limiting;
  gint64             message_until_us;
};

/* The controls in the order of their numbers. */
enum {
  PROP_CROSSFADER = 1,
  PROP_MASTER_VOLUME,
  PROP_BOOTH_VOLUME,
  PROP_HEADPHONES_VOLUME,
  PROP_HEADPHONES_MIX,
  PROP_LIMITING,
  PROP_MESSAGE,
  N_PROPS
};

static const enum ech_verb verbs[N_CONTROLS] = {
  ECH_VERB_CROSSFADER, ECH_VERB_MASTER_VOLUME, ECH_VERB_BOOTH_VOLUME, ECH_VERB_HEADPHONES_VOLUME,
  ECH_VERB_HEADPHONES_MIX,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (EchMixerModel, ech_mixer_model, G_TYPE_OBJECT)

static void
changed (EchMixerModel *self, enum mixer_control control)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_CROSSFADER + control]);
}

static void
post (EchMixerModel *self, enum mixer_control control)
{
  struct ech_action action = { .verb   = verbs[control],
                               .value  = self->controls[control].value,
                               .timing = { .kind = ECH_TIMING_NOW } };

  self->controls[control].unsent =
    self->session && ech_session_model_post (self->session, &action) != 0;
}

static void
set (EchMixerModel *self, enum mixer_control control, double value)
{
  value = CLAMP (value, 0.0, 1.0);
  if (self->controls[control].value == value)
    return;
  ech_control_set (&self->controls[control], value, g_get_monotonic_time ());
  post (self, control);
  changed (self, control);
}

static void
follow_controls (EchMixerModel *self, const struct ech_state *state, gint64 now_us)
{
  const double values[N_CONTROLS] = { state->crossfader, state->master_volume,
                                                state->booth_volume, state->headphones_volume,
                                                state->headphones_mix };

  for (guint i = 0; i < N_CONTROLS; i++) {
    if (self->controls[i].unsent)
      post (self, i);
    if (ech_control_follow (&self->controls[i], values[i], now_us))
      changed (self, i);
  }
}

void
ech_mixer_model_follow (EchMixerModel *self, const struct ech_state *state, gint64 now_us)
{
  gboolean limiting = state->limiter_gain > 0 && state->limiter_gain < LIMITING_GAIN;

  memcpy (self->peak, state->master_peak, sizeof self->peak);
  follow_controls (self, state, now_us);
  if (limiting != self->limiting) {
    self->limiting = limiting;
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LIMITING]);
  }
  if (self->message && now_us >= self->message_until_us) {
    g_clear_pointer (&self->message, g_free);
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MESSAGE]);
  }
}

void
ech_mixer_model_refused (EchMixerModel *self, const struct ech_event *event)
{
  for (guint i = 0; i < N_CONTROLS; i++)
    if (event->verb == verbs[i])
      ech_control_release (&self->controls[i]);

  self->message_until_us = g_get_monotonic_time () + ECH_MESSAGE_SECONDS * G_TIME_SPAN_SECOND;
  if (ech_model_set_string (&self->message, event->text))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MESSAGE]);
}

double
ech_mixer_model_get_crossfader (EchMixerModel *self)
{
  g_return_val_if_fail (ECH_IS_MIXER_MODEL (self), 0.5);

  return self->controls[CONTROL_CROSSFADER].value;
}

void
ech_mixer_model_set_crossfader (EchMixerModel *self, double position)
{
  g_return_if_fail (ECH_IS_MIXER_MODEL (self));

  set (self, CONTROL_CROSSFADER, position);
}

void
ech_mixer_model_get_peak (EchMixerModel *self, float out_peak[2])
{
  memcpy (out_peak, self->peak, sizeof self->peak);
}

static void
ech_mixer_model_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  EchMixerModel *self = ECH_MIXER_MODEL (object);

  switch (id) {
  case PROP_CROSSFADER:
  case PROP_MASTER_VOLUME:
  case PROP_BOOTH_VOLUME:
  case PROP_HEADPHONES_VOLUME:
  case PROP_HEADPHONES_MIX:
    g_value_set_double (value, self->controls[id - PROP_CROSSFADER].value);
    break;
  case PROP_LIMITING: g_value_set_boolean (value, self->limiting); break;
  case PROP_MESSAGE: g_value_set_string (value, self->message); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_mixer_model_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  EchMixerModel *self = ECH_MIXER_MODEL (object);

  switch (id) {
  case PROP_CROSSFADER:
  case PROP_MASTER_VOLUME:
  case PROP_BOOTH_VOLUME:
  case PROP_HEADPHONES_VOLUME:
  case PROP_HEADPHONES_MIX:
    set (self, id - PROP_CROSSFADER, g_value_get_double (value));
    break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_mixer_model_finalize (GObject *object)
{
  EchMixerModel *self = ECH_MIXER_MODEL (object);

  g_clear_pointer (&self->message, g_free);

  G_OBJECT_CLASS (ech_mixer_model_parent_class)->finalize (object);
}

static void
ech_mixer_model_class_init (EchMixerModelClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const int     ro           = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  const int     rw           = ro | G_PARAM_WRITABLE;

  object_class->get_property = ech_mixer_model_get_property;
  object_class->set_property = ech_mixer_model_set_property;
  object_class->finalize     = ech_mixer_model_finalize;

  props[PROP_CROSSFADER]    = g_param_spec_double ("crossfader", NULL, NULL, 0, 1, 0.5, rw);
  props[PROP_MASTER_VOLUME] = g_param_spec_double ("master-volume", NULL, NULL, 0, 1, 1, rw);
  props[PROP_BOOTH_VOLUME]  = g_param_spec_double ("booth-volume", NULL, NULL, 0, 1, 1, rw);
  props[PROP_HEADPHONES_VOLUME] =
    g_param_spec_double ("headphones-volume", NULL, NULL, 0, 1, 1, rw);
  props[PROP_HEADPHONES_MIX] = g_param_spec_double ("headphones-mix", NULL, NULL, 0, 1, 0, rw);
  props[PROP_LIMITING]      = g_param_spec_boolean ("limiting", NULL, NULL, FALSE, ro);
  props[PROP_MESSAGE]       = g_param_spec_string ("message", NULL, NULL, NULL, ro);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
ech_mixer_model_init (EchMixerModel *self)
{
  self->controls[CONTROL_CROSSFADER].value        = 0.5;
  self->controls[CONTROL_MASTER_VOLUME].value     = 1.0;
  self->controls[CONTROL_BOOTH_VOLUME].value      = 1.0;
  self->controls[CONTROL_HEADPHONES_VOLUME].value = 1.0;
}

EchMixerModel *
ech_mixer_model_new (EchSessionModel *session)
{
  EchMixerModel *self = g_object_new (ECH_TYPE_MIXER_MODEL, NULL);

  self->session = session;
  return self;
}

void
ech_mixer_model_detach (EchMixerModel *self)
{
  self->session = NULL;
}
