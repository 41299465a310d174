/* See mixer-model.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "ui/model/mixer-model.h"

#include "ui/model/control.h"
#include "ui/model/model-private.h"

/* Less than this much under unity is rounding, not limiting. */
#define LIMITING_GAIN 0.99f

struct _EchMixerModel {
  GObject parent_instance;

  /* borrowed: owns us, and detaches us first */
  EchSessionModel *session;

  /* owned */
  char *message;

  struct ech_control crossfader;
  struct ech_control master_volume;
  float              peak[2];
  gboolean           limiting;
  gint64             message_until_us;
};

enum { PROP_CROSSFADER = 1, PROP_MASTER_VOLUME, PROP_LIMITING, PROP_MESSAGE, N_PROPS };

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (EchMixerModel, ech_mixer_model, G_TYPE_OBJECT)

static void
post (EchMixerModel *self, enum ech_verb verb, struct ech_control *control)
{
  struct ech_action action = { .verb   = verb,
                               .value  = control->value,
                               .timing = { .kind = ECH_TIMING_NOW } };

  control->unsent = self->session && ech_session_model_post (self->session, &action) != 0;
}

static void
set (EchMixerModel *self, enum ech_verb verb, struct ech_control *control, double value, guint prop)
{
  value = CLAMP (value, 0.0, 1.0);
  if (control->value == value)
    return;
  ech_control_set (control, value, g_get_monotonic_time ());
  post (self, verb, control);
  g_object_notify_by_pspec (G_OBJECT (self), props[prop]);
}

static void
follow (EchMixerModel      *self,
        enum ech_verb       verb,
        struct ech_control *control,
        double              value,
        gint64              now_us,
        guint               prop)
{
  if (control->unsent)
    post (self, verb, control);
  if (ech_control_follow (control, value, now_us))
    g_object_notify_by_pspec (G_OBJECT (self), props[prop]);
}

void
ech_mixer_model_follow (EchMixerModel *self, const struct ech_state *state, gint64 now_us)
{
  gboolean limiting = state->limiter_gain > 0 && state->limiter_gain < LIMITING_GAIN;

  memcpy (self->peak, state->master_peak, sizeof self->peak);
  follow (self, ECH_VERB_CROSSFADER, &self->crossfader, state->crossfader, now_us, PROP_CROSSFADER);
  follow (self, ECH_VERB_MASTER_VOLUME, &self->master_volume, state->master_volume, now_us,
          PROP_MASTER_VOLUME);
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
  if (event->verb == ECH_VERB_CROSSFADER)
    ech_control_release (&self->crossfader);
  if (event->verb == ECH_VERB_MASTER_VOLUME)
    ech_control_release (&self->master_volume);

  self->message_until_us = g_get_monotonic_time () + ECH_MESSAGE_SECONDS * G_TIME_SPAN_SECOND;
  if (ech_model_set_string (&self->message, event->text))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MESSAGE]);
}

double
ech_mixer_model_get_crossfader (EchMixerModel *self)
{
  g_return_val_if_fail (ECH_IS_MIXER_MODEL (self), 0.5);

  return self->crossfader.value;
}

void
ech_mixer_model_set_crossfader (EchMixerModel *self, double position)
{
  g_return_if_fail (ECH_IS_MIXER_MODEL (self));

  set (self, ECH_VERB_CROSSFADER, &self->crossfader, position, PROP_CROSSFADER);
}

void
ech_mixer_model_set_master_volume (EchMixerModel *self, double volume)
{
  g_return_if_fail (ECH_IS_MIXER_MODEL (self));

  set (self, ECH_VERB_MASTER_VOLUME, &self->master_volume, volume, PROP_MASTER_VOLUME);
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
  case PROP_CROSSFADER: g_value_set_double (value, self->crossfader.value); break;
  case PROP_MASTER_VOLUME: g_value_set_double (value, self->master_volume.value); break;
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
  case PROP_CROSSFADER: ech_mixer_model_set_crossfader (self, g_value_get_double (value)); break;
  case PROP_MASTER_VOLUME:
    ech_mixer_model_set_master_volume (self, g_value_get_double (value));
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
  props[PROP_LIMITING]      = g_param_spec_boolean ("limiting", NULL, NULL, FALSE, ro);
  props[PROP_MESSAGE]       = g_param_spec_string ("message", NULL, NULL, NULL, ro);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
ech_mixer_model_init (EchMixerModel *self)
{
  self->crossfader.value    = 0.5;
  self->master_volume.value = 1.0;
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
