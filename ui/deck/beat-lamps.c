/* See beat-lamps.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "ui/deck/beat-lamps.h"

#include "engine/types.h"
#include "ui/ech-ui.h"

/* Steps of brightness within a beat: fewer redraws than frames. */
#define N_STEPS 8

/* Closer to the session's beat than this counts as in time. */
#define IN_TIME_BEATS 0.02

struct _EchBeatLamps {
  GtkWidget parent_instance;

  guint    n_beats;
  gboolean show_error;
  int      lit;        /* lamp, -1 = none */
  int      step;       /* 0 = just lit */
  int      error_px;   /* from the middle */
  gboolean has_error;
  gboolean in_time;
};

enum { PROP_N_BEATS = 1, PROP_SHOW_ERROR, N_PROPS };

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (EchBeatLamps, ech_beat_lamps, GTK_TYPE_WIDGET)

void
ech_beat_lamps_set (EchBeatLamps *self, double beat, double error_beats)
{
  int      lit = -1, step = 0, error_px = 0;
  gboolean has_error = self->show_error && isfinite (error_beats);

  g_return_if_fail (ECH_IS_BEAT_LAMPS (self));

  if (isfinite (beat)) {
    double phase = ech_beat_phase (beat, self->n_beats);

    lit  = (int) phase;
    step = (int) ((phase - lit) * N_STEPS);
  }
  if (has_error)
    error_px = (int) lround (error_beats * gtk_widget_get_width (GTK_WIDGET (self)));
  if (lit == self->lit && step == self->step && error_px == self->error_px &&
      has_error == self->has_error)
    return;
  self->lit       = lit;
  self->step      = step;
  self->error_px  = error_px;
  self->has_error = has_error;
  self->in_time   = has_error && fabs (error_beats) < IN_TIME_BEATS;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
fill (GtkSnapshot *snapshot, const GdkRGBA *color, float x, float y, float w, float h, float radius)
{
  GskRoundedRect outline;

  gsk_rounded_rect_init_from_rect (&outline, &GRAPHENE_RECT_INIT (x, y, w, h), radius);
  gtk_snapshot_push_rounded_clip (snapshot, &outline);
  gtk_snapshot_append_color (snapshot, color, &outline.bounds);
  gtk_snapshot_pop (snapshot);
}

static void
ech_beat_lamps_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  EchBeatLamps *self   = ECH_BEAT_LAMPS (widget);
  float         width  = gtk_widget_get_width (widget);
  float         height = gtk_widget_get_height (widget);
  float         strip  = self->show_error ? MAX (4.0f, floorf (height * 0.3f)) : 0.0f;
  float         lamp_h = height - strip - (self->show_error ? 2.0f : 0.0f);
  float         gap    = 4.0f;
  float         lamp_w = (width - gap * (self->n_beats - 1)) / self->n_beats;
  GdkRGBA       lit, dark;

  ech_ui_get_color (widget, &lit);
  dark = ech_ui_with_alpha (&(GdkRGBA){ 1, 1, 1, 1 }, 0.14f);
  for (guint i = 0; i < self->n_beats; i++) {
    gboolean on    = (int) i == self->lit;
    GdkRGBA  color = on ? ech_ui_with_alpha (&lit, 1.0f - 0.55f * self->step / N_STEPS) : dark;

    fill (snapshot, &color, i * (lamp_w + gap), 0, lamp_w, lamp_h, 2.0f);
  }
  if (!self->show_error)
    return;
  fill (snapshot, &dark, 0, height - strip, width, strip, strip / 2);
  if (self->has_error) {
    float   x      = width / 2 + self->error_px;
    GdkRGBA needle = self->in_time ? lit : (GdkRGBA){ 1.0f, 0.86f, 0.35f, 1.0f };

    fill (snapshot, &(GdkRGBA){ 1, 1, 1, 0.55f }, width / 2 - 0.5f, height - strip, 1, strip, 0);
    fill (snapshot, &needle, CLAMP (x - 4, 0, width - 8), height - strip, 8, strip, strip / 2);
  }
}

static void
ech_beat_lamps_measure (GtkWidget     *widget,
                        GtkOrientation orientation,
                        int            for_size,
                        int           *minimum,
                        int           *natural,
                        int           *minimum_baseline,
                        int           *natural_baseline)
{
  EchBeatLamps *self = ECH_BEAT_LAMPS (widget);

  /* CSS min-width and min-height say the rest. */
  *minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? (int) self->n_beats * 8 : 6;
}

static void
ech_beat_lamps_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  EchBeatLamps *self = ECH_BEAT_LAMPS (object);

  switch (id) {
  case PROP_N_BEATS: g_value_set_uint (value, self->n_beats); break;
  case PROP_SHOW_ERROR: g_value_set_boolean (value, self->show_error); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_beat_lamps_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  EchBeatLamps *self = ECH_BEAT_LAMPS (object);

  switch (id) {
  case PROP_N_BEATS: self->n_beats = g_value_get_uint (value); break;
  case PROP_SHOW_ERROR: self->show_error = g_value_get_boolean (value); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  gtk_widget_queue_resize (GTK_WIDGET (self));
}

static void
ech_beat_lamps_class_init (EchBeatLampsClass *klass)
{
  GObjectClass   *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  const int       rw           = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = ech_beat_lamps_get_property;
  object_class->set_property = ech_beat_lamps_set_property;
  widget_class->measure      = ech_beat_lamps_measure;
  widget_class->snapshot     = ech_beat_lamps_snapshot;

  props[PROP_N_BEATS]    = g_param_spec_uint ("n-beats", NULL, NULL, 1, 16, 4, rw);
  props[PROP_SHOW_ERROR] = g_param_spec_boolean ("show-error", NULL, NULL, FALSE, rw);
  g_object_class_install_properties (object_class, N_PROPS, props);

  gtk_widget_class_set_css_name (widget_class, "beatlamps");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
ech_beat_lamps_init (EchBeatLamps *self)
{
  self->n_beats = 4;
  self->lit     = -1;
}
