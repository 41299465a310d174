/* See mixer-view.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/mixer/mixer-view.h"

#include "ui/ech-ui.h"
#include "ui/mixer/knob.h"
#include "ui/mixer/meter-view.h"

struct _EchMixerView {
  GtkWidget parent_instance;

  /* template children */
  GtkWidget       *root;
  EchChannelStrip *strip_a;
  EchChannelStrip *strip_b;
  GtkWidget       *headphones_mix;
  GtkAdjustment   *headphones_mix_adjustment;
  GtkWidget       *headphones_volume;
  GtkAdjustment   *headphones_volume_adjustment;
  GtkWidget       *booth;
  GtkAdjustment   *booth_adjustment;
  GtkWidget       *master;
  GtkAdjustment   *master_adjustment;
  EchMeterView    *meter;
  GtkWidget       *limiter;
  GtkLabel        *message;
  GtkWidget       *crossfader;
  GtkAdjustment   *crossfader_adjustment;

  /* owned */
  EchMixerModel *model;
};

G_DEFINE_FINAL_TYPE (EchMixerView, ech_mixer_view, GTK_TYPE_WIDGET)

static void
show_message (EchMixerView *self)
{
  g_autofree char *message = NULL;

  g_object_get (self->model, "message", &message, NULL);
  gtk_label_set_label (self->message, message ? message : "");
  gtk_widget_set_visible (GTK_WIDGET (self->message), message != NULL);
  if (message)
    ech_ui_announce (GTK_ACCESSIBLE (self->message), message);
}

static void
show_limiting (EchMixerView *self)
{
  gboolean limiting;

  g_object_get (self->model, "limiting", &limiting, NULL);
  ech_ui_set_class (self->limiter, "active", limiting);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->limiter), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  limiting ? _ ("Limiter works") : _ ("Limiter at rest"), -1);
}

static void
on_polled (EchMixerView *self)
{
  float peak[2];

  ech_mixer_model_get_peak (self->model, peak);
  ech_meter_view_set_peak (self->meter, peak);
}

void
ech_mixer_view_set_session (EchMixerView *self, EchSessionModel *session)
{
  const GBindingFlags both = G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE;

  g_return_if_fail (ECH_IS_MIXER_VIEW (self));
  g_return_if_fail (!self->model);

  self->model = g_object_ref (ech_session_model_get_mixer (session));
  ech_channel_strip_set_deck (self->strip_a, session, 0);
  if (ech_session_model_get_n_decks (session) > 1)
    ech_channel_strip_set_deck (self->strip_b, session, 1);
  else
    gtk_widget_set_visible (GTK_WIDGET (self->strip_b), FALSE);

  g_object_bind_property (self->model, "crossfader", self->crossfader_adjustment, "value", both);
  g_object_bind_property (self->model, "master-volume", self->master_adjustment, "value", both);
  g_object_bind_property (self->model, "booth-volume", self->booth_adjustment, "value", both);
  g_object_bind_property (self->model, "headphones-volume", self->headphones_volume_adjustment,
                          "value", both);
  g_object_bind_property (self->model, "headphones-mix", self->headphones_mix_adjustment, "value",
                          both);
  g_signal_connect_object (self->model, "notify::message", G_CALLBACK (show_message), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->model, "notify::limiting", G_CALLBACK (show_limiting), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "polled", G_CALLBACK (on_polled), self, G_CONNECT_SWAPPED);
  show_message (self);
  show_limiting (self);
}

EchChannelStrip *
ech_mixer_view_get_strip (EchMixerView *self, guint index)
{
  g_return_val_if_fail (ECH_IS_MIXER_VIEW (self), NULL);

  return index == 0 ? self->strip_a : self->strip_b;
}

GtkWidget *
ech_mixer_view_get_crossfader (EchMixerView *self)
{
  g_return_val_if_fail (ECH_IS_MIXER_VIEW (self), NULL);

  return self->crossfader;
}

static void
ech_mixer_view_dispose (GObject *object)
{
  EchMixerView *self = ECH_MIXER_VIEW (object);

  g_clear_pointer (&self->root, gtk_widget_unparent);
  g_clear_object (&self->model);

  G_OBJECT_CLASS (ech_mixer_view_parent_class)->dispose (object);
}

static void
ech_mixer_view_class_init (EchMixerViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = ech_mixer_view_dispose;

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/echelon_dj/Echelon/ui/mixer-view.ui");
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, root);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, strip_a);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, strip_b);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, headphones_mix);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, headphones_mix_adjustment);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, headphones_volume);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, headphones_volume_adjustment);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, booth);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, booth_adjustment);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, master);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, master_adjustment);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, meter);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, limiter);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, message);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, crossfader);
  gtk_widget_class_bind_template_child (widget_class, EchMixerView, crossfader_adjustment);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (widget_class, "mixer");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
ech_mixer_view_init (EchMixerView *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  ech_ui_set_accessible (GTK_ACCESSIBLE (self), _ ("Mixer"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->headphones_mix), _ ("Headphones mix"),
                         _ ("0 is the cued channels, 1 is the master"));
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->headphones_volume), _ ("Headphones level"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->booth), _ ("Booth level"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->master), _ ("Master level"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->meter), _ ("Level, master"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->crossfader), _ ("Crossfader"),
                         _ ("0 is deck A's side, 1 is deck B's"));
}
