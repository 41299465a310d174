/* See readout.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "ui/deck/readout.h"

#include "ui/ech-ui.h"

/* A screen reader needs the number, not each of its tenths. */
#define TELL_MS 500

struct _EchReadout {
  GtkWidget parent_instance;

  /* owned */
  char        *text;
  char        *sample;
  char        *title;
  PangoLayout *layout; /* of text; NULL until drawn */

  float    xalign;
  guint    tell_timer;
  gboolean told_all; /* the accessible name is up to date */
};

enum { PROP_TEXT = 1, PROP_SAMPLE, PROP_TITLE, PROP_XALIGN, N_PROPS };

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (EchReadout, ech_readout, GTK_TYPE_WIDGET)

static void
tell_now (EchReadout *self)
{
  const char      *text  = self->text ? self->text : "";
  g_autofree char *label = self->title ? g_strdup_printf ("%s %s", self->title, text)
                                       : g_strdup (text);

  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  self->told_all = TRUE;
}

/* Goes on as long as the number changes. */
static gboolean
on_tell (gpointer data)
{
  EchReadout *self = data;

  if (!self->told_all) {
    tell_now (self);
    return G_SOURCE_CONTINUE;
  }
  self->tell_timer = 0;
  return G_SOURCE_REMOVE;
}

static void
tell (EchReadout *self)
{
  self->told_all = FALSE;
  if (self->tell_timer)
    return;
  tell_now (self);
  self->tell_timer = g_timeout_add (TELL_MS, on_tell, self);
}

void
ech_readout_set_text (EchReadout *self, const char *text)
{
  g_return_if_fail (ECH_IS_READOUT (self));

  if (g_strcmp0 (text, self->text) == 0)
    return;
  g_free (self->text);
  self->text = g_strdup (text);
  if (self->layout)
    pango_layout_set_text (self->layout, text ? text : "", -1);
  tell (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TEXT]);
}

void
ech_readout_set_title (EchReadout *self, const char *title)
{
  g_return_if_fail (ECH_IS_READOUT (self));

  g_free (self->title);
  self->title    = g_strdup (title);
  tell_now (self);
}

static void
ech_readout_measure (GtkWidget     *widget,
                     GtkOrientation orientation,
                     int            for_size,
                     int           *minimum,
                     int           *natural,
                     int           *minimum_baseline,
                     int           *natural_baseline)
{
  EchReadout              *self   = ECH_READOUT (widget);
  g_autoptr (PangoLayout) layout = NULL;
  int                      width, height;

  layout = gtk_widget_create_pango_layout (widget, self->sample ? self->sample : "0");
  pango_layout_get_pixel_size (layout, &width, &height);
  *minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? width : height;
  if (orientation == GTK_ORIENTATION_VERTICAL)
    *minimum_baseline = *natural_baseline =
      PANGO_PIXELS (pango_layout_get_baseline (layout));
}

static void
ech_readout_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  EchReadout *self = ECH_READOUT (widget);
  GdkRGBA     color;
  int         width, height;

  if (!self->layout)
    self->layout = gtk_widget_create_pango_layout (widget, self->text ? self->text : "");
  pango_layout_get_pixel_size (self->layout, &width, &height);
  ech_ui_get_color (widget, &color);
  gtk_snapshot_save (snapshot);
  gtk_snapshot_translate (
    snapshot, &GRAPHENE_POINT_INIT (floorf ((gtk_widget_get_width (widget) - width) * self->xalign),
                                    floorf ((gtk_widget_get_height (widget) - height) * 0.5f)));
  gtk_snapshot_append_layout (snapshot, self->layout, &color);
  gtk_snapshot_restore (snapshot);
}

static void
forget_layout (EchReadout *self)
{
  g_clear_object (&self->layout);
  gtk_widget_queue_resize (GTK_WIDGET (self));
}

static void
ech_readout_css_changed (GtkWidget *widget, GtkCssStyleChange *change)
{
  GTK_WIDGET_CLASS (ech_readout_parent_class)->css_changed (widget, change);
  forget_layout (ECH_READOUT (widget));
}

static void
ech_readout_system_setting_changed (GtkWidget *widget, GtkSystemSetting setting)
{
  GTK_WIDGET_CLASS (ech_readout_parent_class)->system_setting_changed (widget, setting);
  forget_layout (ECH_READOUT (widget));
}

static void
ech_readout_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  EchReadout *self = ECH_READOUT (object);

  switch (id) {
  case PROP_TEXT: g_value_set_string (value, self->text); break;
  case PROP_SAMPLE: g_value_set_string (value, self->sample); break;
  case PROP_TITLE: g_value_set_string (value, self->title); break;
  case PROP_XALIGN: g_value_set_float (value, self->xalign); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_readout_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  EchReadout *self = ECH_READOUT (object);

  switch (id) {
  case PROP_TEXT: ech_readout_set_text (self, g_value_get_string (value)); break;
  case PROP_SAMPLE:
    g_free (self->sample);
    self->sample = g_value_dup_string (value);
    gtk_widget_queue_resize (GTK_WIDGET (self));
    break;
  case PROP_TITLE: ech_readout_set_title (self, g_value_get_string (value)); break;
  case PROP_XALIGN:
    self->xalign = g_value_get_float (value);
    gtk_widget_queue_draw (GTK_WIDGET (self));
    break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_readout_dispose (GObject *object)
{
  g_clear_handle_id (&ECH_READOUT (object)->tell_timer, g_source_remove);

  G_OBJECT_CLASS (ech_readout_parent_class)->dispose (object);
}

static void
ech_readout_finalize (GObject *object)
{
  EchReadout *self = ECH_READOUT (object);

  g_clear_object (&self->layout);
  g_clear_pointer (&self->text, g_free);
  g_clear_pointer (&self->sample, g_free);
  g_clear_pointer (&self->title, g_free);

  G_OBJECT_CLASS (ech_readout_parent_class)->finalize (object);
}

static void
ech_readout_class_init (EchReadoutClass *klass)
{
  GObjectClass   *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  const int       rw           = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property           = ech_readout_get_property;
  object_class->set_property           = ech_readout_set_property;
  object_class->dispose                = ech_readout_dispose;
  object_class->finalize               = ech_readout_finalize;
  widget_class->measure                = ech_readout_measure;
  widget_class->snapshot               = ech_readout_snapshot;
  widget_class->css_changed            = ech_readout_css_changed;
  widget_class->system_setting_changed = ech_readout_system_setting_changed;

  props[PROP_TEXT]   = g_param_spec_string ("text", NULL, NULL, NULL, rw);
  props[PROP_SAMPLE] = g_param_spec_string ("sample", NULL, NULL, NULL, rw);
  props[PROP_TITLE]   = g_param_spec_string ("title", NULL, NULL, NULL, rw);
  props[PROP_XALIGN] = g_param_spec_float ("xalign", NULL, NULL, 0, 1, 0.5f, rw);
  g_object_class_install_properties (object_class, N_PROPS, props);

  gtk_widget_class_set_css_name (widget_class, "readout");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_LABEL);
}

static void
ech_readout_init (EchReadout *self)
{
  self->xalign = 0.5f;
}
