/* See overview.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/waveform/overview.h"

#include <math.h>

#include "ui/ech-ui.h"
#include "ui/waveform/markers.h"
#include "ui/waveform/tile.h"

/* While the track is being decoded the picture grows at this pace. */
#define REFRESH_MS 120

/* The accessible value keeps up at this pace. */
#define TELL_SECONDS 0.2

struct _EchOverview {
  GtkRange parent_instance;

  /* owned */
  EchDeckModel *model;
  GSignalGroup *model_signals;
  GdkTexture   *texture;
  guint         refresh_timer;

  struct ech_markers markers;

  gboolean following; /* the value moves by itself: not a seek */
  gboolean complete;  /* the texture shows the whole track */
  int      texture_width, texture_height;
  int      drawn_x;
};

enum { PROP_MODEL = 1, N_PROPS };

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (EchOverview, ech_overview, GTK_TYPE_RANGE)

static double
get_seconds (EchOverview *self, const char *property)
{
  double seconds = 0.0;

  if (self->model)
    g_object_get (self->model, property, &seconds, NULL);
  return seconds;
}

static double
x_of (EchOverview *self, double seconds)
{
  double length = get_seconds (self, "length");

  return length > 0 ? seconds / length * gtk_widget_get_width (GTK_WIDGET (self)) : 0.0;
}

static double
x_of_marker (double frames, gpointer data)
{
  EchOverview *self = data;
  double       rate = ech_track_rate (ech_deck_model_get_track (self->model));

  return rate > 0 ? x_of (self, frames / rate) : 0.0;
}

static gboolean
build_texture (EchOverview *self)
{
  const GdkRGBA              background = { 0.055f, 0.062f, 0.075f, 1 };
  EchTrack                  *track      = self->model ? ech_deck_model_get_track (self->model) : NULL;
  int                        scale      = gtk_widget_get_scale_factor (GTK_WIDGET (self));
  int                        width      = gtk_widget_get_width (GTK_WIDGET (self)) * scale;
  int                        height     = gtk_widget_get_height (GTK_WIDGET (self)) * scale;
  struct ech_tile_colors     colors;
  const struct ech_peak_bin *bins;
  size_t                     n_bins;
  double                     total;
  GdkRGBA                    color;

  if (!track || width <= 0 || height <= 0)
    return FALSE;
  ech_ui_get_color (GTK_WIDGET (self), &color);
  ech_tile_colors_init (&colors, &color, &background);
  self->complete = ech_track_is_complete (track);
  bins           = ech_track_peaks (track, &n_bins);
  total          = (double) ech_track_length_frames (track) / ECH_PEAK_BIN_FRAMES;
  if (self->complete && total > n_bins + 1.0)
    self->complete = FALSE; /* the last bins are on their way */
  g_clear_object (&self->texture);
  self->texture = ech_tile_new (bins, n_bins, 0.0, MAX (total, 1.0) / width, width, height, &colors);
  self->texture_width  = width;
  self->texture_height = height;
  return !self->complete;
}

static gboolean
on_refresh (gpointer data)
{
  EchOverview *self = data;

  gtk_widget_queue_draw (GTK_WIDGET (self));
  if (build_texture (self))
    return G_SOURCE_CONTINUE;
  self->refresh_timer = 0;
  return G_SOURCE_REMOVE;
}

static void
refresh (EchOverview *self)
{
  if (build_texture (self) && !self->refresh_timer)
    self->refresh_timer = g_timeout_add (REFRESH_MS, on_refresh, self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
on_track (EchOverview *self)
{
  g_clear_object (&self->texture);
  g_clear_handle_id (&self->refresh_timer, g_source_remove);
  refresh (self);
}

static void
on_length (EchOverview *self)
{
  GtkAdjustment *adjustment = gtk_range_get_adjustment (GTK_RANGE (self));

  self->following = TRUE;
  gtk_adjustment_set_upper (adjustment, MAX (get_seconds (self, "length"), 0.001));
  self->following = FALSE;
  refresh (self);
}

static void
tell_value (EchOverview *self, double position)
{
  char text[48];

  g_snprintf (text, sizeof text, "%d:%04.1f", (int) (position / 60), fmod (position, 60.0));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, text,
                                  -1);
}

static void
on_position (EchOverview *self)
{
  double position = MAX (0.0, get_seconds (self, "position"));
  int    x        = (int) lround (x_of (self, position) *
                                  gtk_widget_get_scale_factor (GTK_WIDGET (self)));

  if (fabs (position - gtk_range_get_value (GTK_RANGE (self))) >= TELL_SECONDS) {
    self->following = TRUE;
    gtk_range_set_value (GTK_RANGE (self), position);
    self->following = FALSE;
    tell_value (self, position);
  }
  if (x != self->drawn_x)
    gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
ech_overview_value_changed (GtkRange *range)
{
  EchOverview *self = ECH_OVERVIEW (range);

  if (self->model && !self->following)
    ech_deck_model_seek (self->model, gtk_range_get_value (range));
}

static void
on_released (GtkGestureClick *gesture, int n_press, double x, double y, EchOverview *self)
{
  int width = gtk_widget_get_width (GTK_WIDGET (self));

  if (!self->model || width <= 0 || x < 0 || x > width)
    return;
  ech_deck_model_seek (self->model, x / width * get_seconds (self, "length"));
}

static gboolean
on_key (GtkEventControllerKey *controller,
        guint                  keyval,
        guint                  keycode,
        GdkModifierType        state,
        EchOverview           *self)
{
  if (!self->model || (state & (GDK_CONTROL_MASK | GDK_ALT_MASK)))
    return GDK_EVENT_PROPAGATE;
  switch (keyval) {
  case GDK_KEY_Left: ech_deck_model_beat_jump (self->model, -1); break;
  case GDK_KEY_Right: ech_deck_model_beat_jump (self->model, 1); break;
  case GDK_KEY_Page_Up: ech_deck_model_beat_jump (self->model, -16); break;
  case GDK_KEY_Page_Down: ech_deck_model_beat_jump (self->model, 16); break;
  case GDK_KEY_Home: ech_deck_model_seek (self->model, 0.0); break;
  default: return GDK_EVENT_PROPAGATE;
  }
  return GDK_EVENT_STOP;
}

static void
ech_overview_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  EchOverview *self   = ECH_OVERVIEW (widget);
  float        width  = gtk_widget_get_width (widget);
  float        height = gtk_widget_get_height (widget);
  int          scale  = gtk_widget_get_scale_factor (widget);
  double       x      = x_of (self, MAX (0.0, get_seconds (self, "position")));

  if (!self->texture)
    return;
  gtk_snapshot_append_texture (snapshot, self->texture, &GRAPHENE_RECT_INIT (0, 0, width, height));
  gtk_snapshot_append_color (snapshot, &(GdkRGBA){ 0.055f, 0.062f, 0.075f, 0.62f },
                             &GRAPHENE_RECT_INIT (0, 0, x, height));
  ech_markers_snapshot (&self->markers, widget, snapshot, self->model, x_of_marker, self);
  gtk_snapshot_append_color (snapshot, &(GdkRGBA){ 1, 1, 1, 1 },
                             &GRAPHENE_RECT_INIT (x - 1, 0, 2, height));
  self->drawn_x = (int) lround (x * scale);
}

static void
ech_overview_measure (GtkWidget     *widget,
                      GtkOrientation orientation,
                      int            for_size,
                      int           *minimum,
                      int           *natural,
                      int           *minimum_baseline,
                      int           *natural_baseline)
{
  *minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? 120 : 32;
}

static void
ech_overview_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  EchOverview *self  = ECH_OVERVIEW (widget);
  int          scale = gtk_widget_get_scale_factor (widget);

  /* Not chained up: GtkRange would place its trough, which this widget does not show. */
  if (self->texture_width != width * scale || self->texture_height != height * scale)
    refresh (self);
}

static void
ech_overview_css_changed (GtkWidget *widget, GtkCssStyleChange *change)
{
  GTK_WIDGET_CLASS (ech_overview_parent_class)->css_changed (widget, change);
  ech_markers_clear (&ECH_OVERVIEW (widget)->markers);
  refresh (ECH_OVERVIEW (widget));
}

void
ech_overview_set_model (EchOverview *self, EchDeckModel *model)
{
  g_return_if_fail (ECH_IS_OVERVIEW (self));

  if (!g_set_object (&self->model, model))
    return;
  g_signal_group_set_target (self->model_signals, model);
  if (model) {
    g_autofree char *name =
      g_strdup_printf (_ ("Position in the track, deck %s"), ech_deck_model_get_letter (model));

    ech_ui_set_accessible (GTK_ACCESSIBLE (self), name, _ ("Seconds. Setting it seeks."));
    on_length (self);
  }
  on_track (self);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MODEL]);
}

static void
ech_overview_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_MODEL)
    g_value_set_object (value, ECH_OVERVIEW (object)->model);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
ech_overview_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_MODEL)
    ech_overview_set_model (ECH_OVERVIEW (object), g_value_get_object (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
ech_overview_dispose (GObject *object)
{
  EchOverview *self = ECH_OVERVIEW (object);

  g_clear_handle_id (&self->refresh_timer, g_source_remove);
  ech_markers_clear (&self->markers);
  g_clear_object (&self->model_signals);
  g_clear_object (&self->model);
  g_clear_object (&self->texture);

  G_OBJECT_CLASS (ech_overview_parent_class)->dispose (object);
}

static void
ech_overview_class_init (EchOverviewClass *klass)
{
  GObjectClass   *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  GtkRangeClass  *range_class  = GTK_RANGE_CLASS (klass);

  object_class->get_property  = ech_overview_get_property;
  object_class->set_property  = ech_overview_set_property;
  object_class->dispose       = ech_overview_dispose;
  widget_class->measure       = ech_overview_measure;
  widget_class->size_allocate = ech_overview_size_allocate;
  widget_class->snapshot      = ech_overview_snapshot;
  widget_class->css_changed   = ech_overview_css_changed;
  range_class->value_changed  = ech_overview_value_changed;

  props[PROP_MODEL] =
    g_param_spec_object ("model", NULL, NULL, ECH_TYPE_DECK_MODEL,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, props);

  gtk_widget_class_set_css_name (widget_class, "overview");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_SLIDER);
}

static void
ech_overview_init (EchOverview *self)
{
  GtkGesture         *click = gtk_gesture_click_new ();
  GtkEventController *key   = gtk_event_controller_key_new ();

  ech_ui_silence_range (GTK_RANGE (self));
  gtk_widget_set_focusable (GTK_WIDGET (self), TRUE);
  gtk_widget_set_focus_on_click (GTK_WIDGET (self), FALSE);
  gtk_range_set_adjustment (GTK_RANGE (self), gtk_adjustment_new (0, 0, 0.001, 1, 10, 0));
  self->model_signals = g_signal_group_new (ECH_TYPE_DECK_MODEL);
  g_signal_group_connect_swapped (self->model_signals, "notify::track", G_CALLBACK (on_track), self);
  g_signal_group_connect_swapped (self->model_signals, "points",
                                  G_CALLBACK (gtk_widget_queue_draw), self);
  g_signal_group_connect_swapped (self->model_signals, "notify::length", G_CALLBACK (on_length),
                                  self);
  g_signal_group_connect_swapped (self->model_signals, "notify::position", G_CALLBACK (on_position),
                                  self);
  g_signal_connect (click, "released", G_CALLBACK (on_released), self);
  g_signal_connect (key, "key-pressed", G_CALLBACK (on_key), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (click));
  gtk_widget_add_controller (GTK_WIDGET (self), key);
}
