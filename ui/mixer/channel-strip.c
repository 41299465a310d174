/* See channel-strip.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/mixer/channel-strip.h"

#include "ui/deck/deck-keys.h"
#include "ui/ech-ui.h"
#include "ui/mixer/knob.h"
#include "ui/mixer/meter-view.h"

struct _EchChannelStrip {
  GtkWidget parent_instance;

  /* template children */
  GtkWidget     *root;
  GtkLabel      *letter;
  GtkWidget     *trim;
  GtkWidget     *knobs[ECH_N_BANDS];
  GtkWidget     *kills[ECH_N_BANDS];
  GtkWidget     *pfl;
  GtkWidget     *volume;
  GtkAdjustment *trim_adjustment;
  GtkAdjustment *eq_adjustments[ECH_N_BANDS];
  GtkAdjustment *volume_adjustment;
  EchMeterView  *meter;

  /* owned */
  GBindingGroup *bindings;
  EchDeckModel  *model;

  double   before_kill[ECH_N_BANDS]; /* dB, to come back to */
  gboolean following;                /* a kill button follows the model: not a press */
};

G_DEFINE_FINAL_TYPE (EchChannelStrip, ech_channel_strip, GTK_TYPE_WIDGET)

static enum ech_deck_control
control_of (enum ech_band band)
{
  return ECH_DECK_CONTROL_EQ_LOW + band;
}

static gboolean
is_killed (EchChannelStrip *self, enum ech_band band)
{
  return ech_deck_model_get_control (self->model, control_of (band)) <= ECH_EQ_KILL_DB;
}

static void
set_killed (EchChannelStrip *self, enum ech_band band, gboolean kill)
{
  double db = ech_deck_model_get_control (self->model, control_of (band));

  if (kill == is_killed (self, band))
    return;
  if (kill)
    self->before_kill[band] = db;
  ech_deck_model_set_control (self->model, control_of (band),
                              kill ? ECH_EQ_KILL_DB : self->before_kill[band]);
}

void
ech_channel_strip_toggle_kill (EchChannelStrip *self, enum ech_band band)
{
  g_return_if_fail (ECH_IS_CHANNEL_STRIP (self));

  set_killed (self, band, !is_killed (self, band));
}

static void
on_kill_toggled (EchChannelStrip *self, GtkToggleButton *button)
{
  if (self->following || !self->model)
    return;
  for (guint i = 0; i < ECH_N_BANDS; i++)
    if (self->kills[i] == GTK_WIDGET (button))
      set_killed (self, i, gtk_toggle_button_get_active (button));
}

static void
show_kills (EchChannelStrip *self)
{
  self->following = TRUE;
  for (guint i = 0; i < ECH_N_BANDS; i++)
    gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (self->kills[i]), is_killed (self, i));
  self->following = FALSE;
}

static void
on_polled (EchChannelStrip *self)
{
  float peak[2];

  ech_deck_model_get_peak (self->model, peak);
  ech_meter_view_set_peak (self->meter, peak);
}

static void
name_one (GtkWidget *widget, const char *what, const char *letter)
{
  g_autofree char *name = g_strdup_printf (_ ("%s, deck %s"), what, letter);

  ech_ui_set_accessible (GTK_ACCESSIBLE (widget), name, NULL);
}

static void
name_all (EchChannelStrip *self)
{
  const char *letter = ech_deck_model_get_letter (self->model);

  name_one (self->trim, _ ("Trim"), letter);
  name_one (self->knobs[ECH_BAND_LOW], _ ("Low EQ"), letter);
  name_one (self->knobs[ECH_BAND_MID], _ ("Mid EQ"), letter);
  name_one (self->knobs[ECH_BAND_HIGH], _ ("High EQ"), letter);
  name_one (self->kills[ECH_BAND_LOW], _ ("Kill low"), letter);
  name_one (self->kills[ECH_BAND_MID], _ ("Kill mid"), letter);
  name_one (self->kills[ECH_BAND_HIGH], _ ("Kill high"), letter);
  name_one (self->pfl, _ ("Headphone cue"), letter);
  name_one (self->volume, _ ("Volume"), letter);
  name_one (GTK_WIDGET (self->meter), _ ("Level"), letter);
  name_one (GTK_WIDGET (self), _ ("Channel"), letter);
}

void
ech_channel_strip_set_deck (EchChannelStrip *self, EchSessionModel *session, guint index)
{
  g_autofree char *css_class = NULL;

  g_return_if_fail (ECH_IS_CHANNEL_STRIP (self));
  g_return_if_fail (!self->model);

  self->model = g_object_ref (ech_session_model_get_deck (session, index));
  css_class   = g_strdup_printf ("deck-%c", 'a' + (int) index);
  gtk_widget_add_css_class (GTK_WIDGET (self), css_class);
  gtk_label_set_label (self->letter, ech_deck_model_get_letter (self->model));
  name_all (self);
  ech_deck_keys_set_tooltip (self->pfl, _ ("Listen to this channel in the headphones, before its fader"),
                             "pfl", index, 0);

  g_binding_group_set_source (self->bindings, self->model);
  g_signal_connect_object (self->model, "notify::eq-low", G_CALLBACK (show_kills), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->model, "notify::eq-mid", G_CALLBACK (show_kills), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->model, "notify::eq-high", G_CALLBACK (show_kills), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "polled", G_CALLBACK (on_polled), self, G_CONNECT_SWAPPED);
  show_kills (self);
}

static void
ech_channel_strip_dispose (GObject *object)
{
  EchChannelStrip *self = ECH_CHANNEL_STRIP (object);

  g_clear_pointer (&self->root, gtk_widget_unparent);
  g_clear_object (&self->bindings);
  g_clear_object (&self->model);

  G_OBJECT_CLASS (ech_channel_strip_parent_class)->dispose (object);
}

/* A template child that lives in an array. */
static void
bind_child (GtkWidgetClass *widget_class, const char *name, gssize offset)
{
  gtk_widget_class_bind_template_child_full (widget_class, name, FALSE, offset);
}

static void
bind_children (GtkWidgetClass *widget_class)
{
  static const char *const bands[ECH_N_BANDS] = { "low", "mid", "high" };

  for (gsize i = 0; i < ECH_N_BANDS; i++) {
    g_autofree char *kill       = g_strconcat (bands[i], "_kill", NULL);
    g_autofree char *adjustment = g_strconcat (bands[i], "_adjustment", NULL);
    gsize            offset     = i * sizeof (gpointer);

    bind_child (widget_class, bands[i], G_STRUCT_OFFSET (EchChannelStrip, knobs) + offset);
    bind_child (widget_class, kill, G_STRUCT_OFFSET (EchChannelStrip, kills) + offset);
    bind_child (widget_class, adjustment,
                G_STRUCT_OFFSET (EchChannelStrip, eq_adjustments) + offset);
  }
  gtk_widget_class_bind_template_child (widget_class, EchChannelStrip, root);
  gtk_widget_class_bind_template_child (widget_class, EchChannelStrip, letter);
  gtk_widget_class_bind_template_child (widget_class, EchChannelStrip, trim);
  gtk_widget_class_bind_template_child (widget_class, EchChannelStrip, trim_adjustment);
  gtk_widget_class_bind_template_child (widget_class, EchChannelStrip, pfl);
  gtk_widget_class_bind_template_child (widget_class, EchChannelStrip, volume);
  gtk_widget_class_bind_template_child (widget_class, EchChannelStrip, volume_adjustment);
  gtk_widget_class_bind_template_child (widget_class, EchChannelStrip, meter);
}

static void
ech_channel_strip_class_init (EchChannelStripClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = ech_channel_strip_dispose;

  gtk_widget_class_set_template_from_resource (
    widget_class, "/io/github/echelon_dj/Echelon/ui/channel-strip.ui");
  bind_children (widget_class);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (widget_class, "channelstrip");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
ech_channel_strip_init (EchChannelStrip *self)
{
  const GBindingFlags both = G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE;

  gtk_widget_init_template (GTK_WIDGET (self));
  for (guint i = 0; i < ECH_N_BANDS; i++)
    g_signal_connect_swapped (self->kills[i], "toggled", G_CALLBACK (on_kill_toggled), self);
  self->bindings = g_binding_group_new ();
  g_binding_group_bind (self->bindings, "trim", self->trim_adjustment, "value", both);
  g_binding_group_bind (self->bindings, "eq-low", self->eq_adjustments[ECH_BAND_LOW], "value", both);
  g_binding_group_bind (self->bindings, "eq-mid", self->eq_adjustments[ECH_BAND_MID], "value", both);
  g_binding_group_bind (self->bindings, "eq-high", self->eq_adjustments[ECH_BAND_HIGH], "value",
                        both);
  g_binding_group_bind (self->bindings, "pfl", self->pfl, "active", both);
  g_binding_group_bind (self->bindings, "volume", self->volume_adjustment, "value", both);
}
