/* See meter-view.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "ui/mixer/meter-view.h"

#include <math.h>

#include "ui/ech-ui.h"

#define FLOOR_DB    (-48.0f)
#define WARM_DB     (-9.0f)
#define HOT_DB      (-1.0f)
#define FALL_DB_S   24.0f
#define HOLD_US     (1500 * G_TIME_SPAN_MILLISECOND)
#define N_SEGMENTS  24

struct channel {
  float  level_db;
  float  hold_db;
  gint64 held_us;
};

struct _EchMeterView {
  GtkWidget parent_instance;

  struct channel channels[2];
  gint64         last_us;
  int            drawn[4]; /* lit segments and held segment of both channels */
};

G_DEFINE_FINAL_TYPE (EchMeterView, ech_meter_view, GTK_TYPE_WIDGET)

static int
segment_of (float db)
{
  return (int) lroundf (CLAMP ((db - FLOOR_DB) / -FLOOR_DB, 0.0f, 1.0f) * N_SEGMENTS);
}

static void
follow (struct channel *c, float peak, float fall_db, gint64 now_us)
{
  float db = peak > 1e-6f ? 20.0f * log10f (peak) : -120.0f;

  c->level_db = MAX (db, MAX (c->level_db - fall_db, FLOOR_DB));
  if (c->level_db >= c->hold_db || now_us - c->held_us > HOLD_US) {
    c->hold_db = c->level_db;
    c->held_us = now_us;
  }
}

void
ech_meter_view_set_peak (EchMeterView *self, const float peak[2])
{
  gint64 now_us  = g_get_monotonic_time ();
  float  fall_db = FALL_DB_S * (now_us - self->last_us) / (float) G_TIME_SPAN_SECOND;
  int    drawn[4];

  g_return_if_fail (ECH_IS_METER_VIEW (self));

  self->last_us = now_us;
  for (int i = 0; i < 2; i++) {
    follow (&self->channels[i], peak[i], fall_db, now_us);
    drawn[i]     = segment_of (self->channels[i].level_db);
    drawn[i + 2] = segment_of (self->channels[i].hold_db);
  }
  if (memcmp (drawn, self->drawn, sizeof drawn) == 0)
    return;
  memcpy (self->drawn, drawn, sizeof drawn);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static GdkRGBA
segment_color (const GdkRGBA *base, int segment)
{
  float db = FLOOR_DB - FLOOR_DB * segment / N_SEGMENTS;

  if (db >= HOT_DB - 1.5f)
    return (GdkRGBA){ 1.0f, 0.27f, 0.27f, 1.0f };
  if (db >= WARM_DB)
    return (GdkRGBA){ 1.0f, 0.82f, 0.30f, 1.0f };
  return *base;
}

static void
ech_meter_view_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  EchMeterView *self   = ECH_METER_VIEW (widget);
  float         width  = gtk_widget_get_width (widget);
  float         height = gtk_widget_get_height (widget);
  float         gap    = 2.0f;
  float         bar_w  = floorf ((width - gap) / 2);
  float         pitch  = height / N_SEGMENTS;
  GdkRGBA       base;

  ech_ui_get_color (widget, &base);
  for (int c = 0; c < 2; c++)
    for (int s = 0; s < N_SEGMENTS; s++) {
      GdkRGBA  color = segment_color (&base, s);
      gboolean lit   = s < self->drawn[c] || (self->drawn[c + 2] > 0 && s == self->drawn[c + 2] - 1);
      float    top   = roundf (height - (s + 1) * pitch);
      float    below = roundf (height - s * pitch);

      color.alpha = lit ? 1.0f : 0.13f;
      gtk_snapshot_append_color (
        snapshot, &color,
        &GRAPHENE_RECT_INIT (c * (bar_w + gap), top, bar_w, MAX (1.0f, below - top - 1.0f)));
    }
}

static void
ech_meter_view_measure (GtkWidget     *widget,
                        GtkOrientation orientation,
                        int            for_size,
                        int           *minimum,
                        int           *natural,
                        int           *minimum_baseline,
                        int           *natural_baseline)
{
  *minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? 12 : 48;
}

static void
ech_meter_view_class_init (EchMeterViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  widget_class->measure  = ech_meter_view_measure;
  widget_class->snapshot = ech_meter_view_snapshot;
  gtk_widget_class_set_css_name (widget_class, "meter");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_METER);
}

static void
ech_meter_view_init (EchMeterView *self)
{
  for (int i = 0; i < 2; i++)
    self->channels[i] = (struct channel){ FLOOR_DB, FLOOR_DB, 0 };
}
