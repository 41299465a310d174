/* See knob.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "ui/mixer/knob.h"

#include <math.h>

#include "ui/ech-ui.h"

/* Pixels of a drag from end to end. */
#define DRAG_PX      180.0
#define FINE         0.15
#define SWEEP        (0.75 * 2.0 * G_PI) /* open at the bottom */
#define WHEEL_TURN   (1.0 / 40.0)
#define KEY_TURN     (1.0 / 40.0)
#define PAGE_TURN    (1.0 / 8.0)
#define REST_CATCH   0.012

struct _EchKnob {
  GtkRange parent_instance;

  /* owned */
  char *unit;

  double rest;
  double drag_turn;  /* where the drag stands, 0..1, before the catch at rest */
  double drag_y;
};

enum { PROP_REST = 1, PROP_UNIT, N_PROPS };

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (EchKnob, ech_knob, GTK_TYPE_RANGE)

/* A turn is 0..1 from the left stop to the right one.  With the rest value inside
 * the range it lies at 0.5, so that an EQ of -26 .. +12 dB has 0 dB at the top. */
static double
turn_of (EchKnob *self, double value)
{
  GtkAdjustment *adj   = gtk_range_get_adjustment (GTK_RANGE (self));
  double         lower = gtk_adjustment_get_lower (adj);
  double         upper = gtk_adjustment_get_upper (adj);

  if (self->rest <= lower || self->rest >= upper)
    return upper > lower ? (value - lower) / (upper - lower) : 0.0;
  if (value <= self->rest)
    return 0.5 * (value - lower) / (self->rest - lower);
  return 0.5 + 0.5 * (value - self->rest) / (upper - self->rest);
}

static double
value_of (EchKnob *self, double turn)
{
  GtkAdjustment *adj   = gtk_range_get_adjustment (GTK_RANGE (self));
  double         lower = gtk_adjustment_get_lower (adj);
  double         upper = gtk_adjustment_get_upper (adj);

  turn = CLAMP (turn, 0.0, 1.0);
  if (self->rest <= lower || self->rest >= upper)
    return lower + turn * (upper - lower);
  /* Hold at rest within a hair's breadth, so that the hand finds it. */
  if (fabs (turn - 0.5) < REST_CATCH)
    return self->rest;
  if (turn <= 0.5)
    return lower + 2.0 * turn * (self->rest - lower);
  return self->rest + (2.0 * turn - 1.0) * (upper - self->rest);
}

static void
turn_by (EchKnob *self, double by, GdkModifierType state)
{
  double turn = turn_of (self, gtk_range_get_value (GTK_RANGE (self)));

  if (state & GDK_SHIFT_MASK)
    by *= FINE;
  /* A key or wheel step that is smaller than the catch must leave it, too. */
  if (fabs (turn - 0.5) < 1e-9 && fabs (by) < REST_CATCH)
    by = copysign (REST_CATCH, by);
  gtk_range_set_value (GTK_RANGE (self), value_of (self, turn + by));
}

static void
reset (EchKnob *self)
{
  gtk_range_set_value (GTK_RANGE (self), self->rest);
}

static void
on_drag_begin (GtkGestureDrag *gesture, double x, double y, EchKnob *self)
{
  self->drag_turn = turn_of (self, gtk_range_get_value (GTK_RANGE (self)));
  self->drag_y    = 0.0;
}

static void
on_drag_update (GtkGestureDrag *gesture, double x, double y, EchKnob *self)
{
  GdkModifierType state =
    gtk_event_controller_get_current_event_state (GTK_EVENT_CONTROLLER (gesture));
  double by = (self->drag_y - y) / DRAG_PX;

  gtk_gesture_set_state (GTK_GESTURE (gesture), GTK_EVENT_SEQUENCE_CLAIMED);
  if (state & GDK_SHIFT_MASK)
    by *= FINE;
  self->drag_y    = y;
  self->drag_turn = CLAMP (self->drag_turn + by, 0.0, 1.0);
  gtk_range_set_value (GTK_RANGE (self), value_of (self, self->drag_turn));
}

static void
on_pressed (GtkGestureClick *gesture, int n_press, double x, double y, EchKnob *self)
{
  gtk_widget_grab_focus (GTK_WIDGET (self));
  if (n_press == 2)
    reset (self);
}

static gboolean
on_scroll (GtkEventControllerScroll *controller, double dx, double dy, EchKnob *self)
{
  turn_by (self, -dy * WHEEL_TURN,
           gtk_event_controller_get_current_event_state (GTK_EVENT_CONTROLLER (controller)));
  return GDK_EVENT_STOP;
}

static gboolean
on_key (GtkEventControllerKey *controller,
        guint                  keyval,
        guint                  keycode,
        GdkModifierType        state,
        EchKnob               *self)
{
  GtkAdjustment *adj = gtk_range_get_adjustment (GTK_RANGE (self));

  if (state & (GDK_CONTROL_MASK | GDK_ALT_MASK))
    return GDK_EVENT_PROPAGATE;
  switch (keyval) {
  case GDK_KEY_Up:
  case GDK_KEY_Right:
  case GDK_KEY_KP_Up:
  case GDK_KEY_KP_Right: turn_by (self, KEY_TURN, state); break;
  case GDK_KEY_Down:
  case GDK_KEY_Left:
  case GDK_KEY_KP_Down:
  case GDK_KEY_KP_Left: turn_by (self, -KEY_TURN, state); break;
  case GDK_KEY_Page_Up: turn_by (self, PAGE_TURN, state); break;
  case GDK_KEY_Page_Down: turn_by (self, -PAGE_TURN, state); break;
  case GDK_KEY_Home:
  case GDK_KEY_BackSpace: reset (self); break;
  case GDK_KEY_End: gtk_range_set_value (GTK_RANGE (self), gtk_adjustment_get_lower (adj)); break;
  default: return GDK_EVENT_PROPAGATE;
  }
  return GDK_EVENT_STOP;
}

static void
arc (cairo_t *cr, double cx, double cy, double r, double from, double to)
{
  double start = G_PI / 2 + (2 * G_PI - SWEEP) / 2;

  cairo_new_path (cr);
  cairo_arc (cr, cx, cy, r, start + MIN (from, to) * SWEEP, start + MAX (from, to) * SWEEP);
  cairo_stroke (cr);
}

static void
ech_knob_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  EchKnob *self   = ECH_KNOB (widget);
  float    width  = gtk_widget_get_width (widget);
  float    height = gtk_widget_get_height (widget);
  double   size   = MIN (width, height);
  double   cx = width / 2.0, cy = height / 2.0 + size * 0.04;
  double   line = MAX (2.5, size * 0.09);
  double   r    = size / 2.0 - line / 2.0 - 1.0;
  double   turn = turn_of (self, gtk_range_get_value (GTK_RANGE (self)));
  double   rest = turn_of (self, self->rest);
  double   angle;
  GdkRGBA  color;
  cairo_t *cr;

  ech_ui_get_color (widget, &color);
  cr = gtk_snapshot_append_cairo (snapshot, &GRAPHENE_RECT_INIT (0, 0, width, height));
  cairo_set_line_width (cr, line);
  cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);

  cairo_set_source_rgba (cr, 1, 1, 1, 0.16);
  arc (cr, cx, cy, r, 0.0, 1.0);
  gdk_cairo_set_source_rgba (cr, &color);
  if (fabs (turn - rest) > 1e-6)
    arc (cr, cx, cy, r, rest, turn);

  cairo_arc (cr, cx, cy, MAX (1.0, r - line * 1.1), 0, 2 * G_PI);
  cairo_set_source_rgba (cr, 0.23, 0.25, 0.29, 1);
  cairo_fill (cr);

  angle = G_PI / 2 + (2 * G_PI - SWEEP) / 2 + turn * SWEEP;
  cairo_set_line_width (cr, MAX (2.0, line * 0.7));
  cairo_set_source_rgba (cr, 1, 1, 1, 0.95);
  cairo_move_to (cr, cx + cos (angle) * r * 0.25, cy + sin (angle) * r * 0.25);
  cairo_line_to (cr, cx + cos (angle) * (r - line * 1.6), cy + sin (angle) * (r - line * 1.6));
  cairo_stroke (cr);
  cairo_destroy (cr);
}

static void
ech_knob_measure (GtkWidget     *widget,
                  GtkOrientation orientation,
                  int            for_size,
                  int           *minimum,
                  int           *natural,
                  int           *minimum_baseline,
                  int           *natural_baseline)
{
  *minimum = *natural = 24; /* CSS min-width and min-height say the rest */
}

static void
ech_knob_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  /* GtkRange would place its trough, which a knob does not show. */
}

static void
tell_value (EchKnob *self)
{
  g_autofree char *text  = NULL;
  double           value = gtk_range_get_value (GTK_RANGE (self));

  if (!self->unit)
    return;
  if (strcmp (self->unit, "%") == 0)
    text = g_strdup_printf ("%.0f %%", value * 100.0);
  else
    text = g_strdup_printf ("%+.1f %s", value, self->unit);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, text,
                                  -1);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self), text);
}

static void
ech_knob_value_changed (GtkRange *range)
{
  tell_value (ECH_KNOB (range));
  gtk_widget_queue_draw (GTK_WIDGET (range));
}

static void
ech_knob_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  EchKnob *self = ECH_KNOB (object);

  switch (id) {
  case PROP_REST: g_value_set_double (value, self->rest); break;
  case PROP_UNIT: g_value_set_string (value, self->unit); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_knob_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  EchKnob *self = ECH_KNOB (object);

  switch (id) {
  case PROP_REST: self->rest = g_value_get_double (value); break;
  case PROP_UNIT:
    g_free (self->unit);
    self->unit = g_value_dup_string (value);
    tell_value (self);
    break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
ech_knob_finalize (GObject *object)
{
  g_clear_pointer (&ECH_KNOB (object)->unit, g_free);

  G_OBJECT_CLASS (ech_knob_parent_class)->finalize (object);
}

static void
ech_knob_class_init (EchKnobClass *klass)
{
  GObjectClass   *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  GtkRangeClass  *range_class  = GTK_RANGE_CLASS (klass);
  const int       rw           = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property  = ech_knob_get_property;
  object_class->set_property  = ech_knob_set_property;
  object_class->finalize      = ech_knob_finalize;
  widget_class->measure       = ech_knob_measure;
  widget_class->size_allocate = ech_knob_size_allocate;
  widget_class->snapshot      = ech_knob_snapshot;
  range_class->value_changed  = ech_knob_value_changed;

  props[PROP_REST] =
    g_param_spec_double ("rest", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, 0, rw);
  props[PROP_UNIT] = g_param_spec_string ("unit", NULL, NULL, NULL, rw);
  g_object_class_install_properties (object_class, N_PROPS, props);

  gtk_widget_class_set_css_name (widget_class, "knob");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_SLIDER);
}

static void
ech_knob_init (EchKnob *self)
{
  GtkGesture         *drag   = gtk_gesture_drag_new ();
  GtkGesture         *click  = gtk_gesture_click_new ();
  GtkEventController *scroll = gtk_event_controller_scroll_new (
    GTK_EVENT_CONTROLLER_SCROLL_VERTICAL);
  GtkEventController *key = gtk_event_controller_key_new ();

  gtk_range_set_adjustment (GTK_RANGE (self), gtk_adjustment_new (0, 0, 1, 0.01, 0.1, 0));
  ech_ui_silence_range (GTK_RANGE (self));
  gtk_widget_set_focusable (GTK_WIDGET (self), TRUE);
  g_signal_connect (drag, "drag-begin", G_CALLBACK (on_drag_begin), self);
  g_signal_connect (drag, "drag-update", G_CALLBACK (on_drag_update), self);
  g_signal_connect (click, "pressed", G_CALLBACK (on_pressed), self);
  g_signal_connect (scroll, "scroll", G_CALLBACK (on_scroll), self);
  g_signal_connect (key, "key-pressed", G_CALLBACK (on_key), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (click));
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (drag));
  gtk_widget_add_controller (GTK_WIDGET (self), scroll);
  gtk_widget_add_controller (GTK_WIDGET (self), key);
}
