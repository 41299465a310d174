/* See wait-button.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/deck/wait-button.h"

#include "ui/deck/readout.h"
#include "ui/ech-ui.h"

struct _EchWaitButton {
  GtkButton parent_instance;

  /* children, owned by the widget tree */
  GtkWidget  *rest;
  GtkWidget  *wait;
  GtkWidget  *unit;
  GtkImage   *image;
  GtkLabel   *label;
  EchReadout *readout;

  double beats_left;
  int    told; /* whole beats that the accessible description says */
};

enum { PROP_ICON = 1, PROP_CAPTION, PROP_BEATS_LEFT, PROP_COMPACT, N_PROPS };

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (EchWaitButton, ech_wait_button, GTK_TYPE_BUTTON)

static void
tell (EchWaitButton *self)
{
  g_autofree char *text = NULL;
  int              told = self->beats_left < 0 ? -1 : (int) ceil (self->beats_left);

  if (told == self->told)
    return;
  self->told = told;
  if (told >= 0)
    text = g_strdup_printf (
      ngettext ("Waits for its beat, %d beat left. Press to take it back.",
                "Waits for its beat, %d beats left. Press to take it back.", told),
      told);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                  text ? text : "", -1);
  gtk_accessible_update_state (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_STATE_BUSY, told >= 0, -1);
}

void
ech_wait_button_set_beats_left (EchWaitButton *self, double beats_left)
{
  gboolean waits = beats_left >= 0;
  char     text[32];

  g_return_if_fail (ECH_IS_WAIT_BUTTON (self));

  if (waits != (self->beats_left >= 0)) {
    gtk_widget_set_opacity (self->rest, waits ? 0.0 : 1.0);
    gtk_widget_set_opacity (self->wait, waits ? 1.0 : 0.0);
    ech_ui_set_class (GTK_WIDGET (self), "waiting", waits);
  }
  self->beats_left = beats_left;
  if (waits) {
    g_snprintf (text, sizeof text, "%.1f", beats_left);
    ech_readout_set_text (self->readout, text);
  }
  tell (self);
}

void
ech_wait_button_set_icon (EchWaitButton *self, const char *icon)
{
  g_return_if_fail (ECH_IS_WAIT_BUTTON (self));

  gtk_image_set_from_icon_name (self->image, icon);
  gtk_widget_set_visible (GTK_WIDGET (self->image), icon != NULL);
}

void
ech_wait_button_set_caption (EchWaitButton *self, const char *caption)
{
  g_return_if_fail (ECH_IS_WAIT_BUTTON (self));

  gtk_label_set_label (self->label, caption ? caption : "");
  gtk_widget_set_visible (GTK_WIDGET (self->label), caption && *caption);
}

static void
ech_wait_button_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  EchWaitButton *self = ECH_WAIT_BUTTON (object);

  switch (id) {
  case PROP_ICON: g_value_set_string (value, gtk_image_get_icon_name (self->image)); break;
  case PROP_CAPTION: g_value_set_string (value, gtk_label_get_label (self->label)); break;
  case PROP_COMPACT: g_value_set_boolean (value, !gtk_widget_get_visible (self->unit)); break;
  case PROP_BEATS_LEFT: g_value_set_double (value, self->beats_left); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_wait_button_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  EchWaitButton *self = ECH_WAIT_BUTTON (object);

  switch (id) {
  case PROP_ICON: ech_wait_button_set_icon (self, g_value_get_string (value)); break;
  case PROP_CAPTION: ech_wait_button_set_caption (self, g_value_get_string (value)); break;
  case PROP_COMPACT: gtk_widget_set_visible (self->unit, !g_value_get_boolean (value)); break;
  case PROP_BEATS_LEFT: ech_wait_button_set_beats_left (self, g_value_get_double (value)); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_wait_button_class_init (EchWaitButtonClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const int     rw           = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = ech_wait_button_get_property;
  object_class->set_property = ech_wait_button_set_property;

  props[PROP_ICON]       = g_param_spec_string ("icon", NULL, NULL, NULL, rw);
  props[PROP_CAPTION]    = g_param_spec_string ("caption", NULL, NULL, NULL, rw);
  props[PROP_COMPACT]    = g_param_spec_boolean ("compact", NULL, NULL, FALSE, rw);
  props[PROP_BEATS_LEFT] = g_param_spec_double ("beats-left", NULL, NULL, -1, G_MAXDOUBLE, -1, rw);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static GtkWidget *
make_wait_page (EchWaitButton *self)
{
  GtkWidget *box   = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  self->readout = g_object_new (ECH_TYPE_READOUT, "sample", "00.0", NULL);
  self->unit    = gtk_label_new (_ ("beats"));
  gtk_widget_add_css_class (self->unit, "unit");
  gtk_widget_set_valign (box, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->readout));
  gtk_box_append (GTK_BOX (box), self->unit);
  return box;
}

static GtkWidget *
make_rest_page (EchWaitButton *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);

  self->image = GTK_IMAGE (gtk_image_new ());
  self->label = GTK_LABEL (gtk_label_new (NULL));
  gtk_widget_set_visible (GTK_WIDGET (self->image), FALSE);
  gtk_widget_set_visible (GTK_WIDGET (self->label), FALSE);
  gtk_widget_add_css_class (GTK_WIDGET (self->label), "caption");
  gtk_widget_set_valign (box, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->image));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->label));
  return box;
}

static void
ech_wait_button_init (EchWaitButton *self)
{
  GtkWidget *overlay = gtk_overlay_new ();

  self->beats_left = -1;
  self->told       = -1;
  /* Both pages keep their room, so that nothing moves when one gives way to the other. */
  self->rest = make_rest_page (self);
  self->wait = make_wait_page (self);
  gtk_widget_set_opacity (self->wait, 0.0);
  gtk_overlay_set_child (GTK_OVERLAY (overlay), self->rest);
  gtk_overlay_add_overlay (GTK_OVERLAY (overlay), self->wait);
  gtk_overlay_set_measure_overlay (GTK_OVERLAY (overlay), self->wait, TRUE);
  gtk_button_set_child (GTK_BUTTON (self), overlay);
  gtk_widget_add_css_class (GTK_WIDGET (self), "waitbutton");

  /* A mouse click leaves the focus where it is, so that the space bar does not press
   * the button again in the middle of a set. */
  gtk_widget_set_focus_on_click (GTK_WIDGET (self), FALSE);
}
