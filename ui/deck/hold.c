/* See hold.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "ui/deck/hold.h"

struct hold {
  GtkWidget  *button; /* borrowed: owns us */
  EchHoldFunc func;
  gpointer    data;
  GtkWindow  *window; /* whose focus is watched while it is held; weak */
  gulong      window_handler;
  guint       key; /* that holds it, 0 = pointer */
  gboolean    held;
};

static void
let_go (struct hold *self)
{
  if (!self->held)
    return;
  self->held = FALSE;
  if (self->window)
    g_signal_handler_disconnect (self->window, self->window_handler);
  g_clear_weak_pointer (&self->window);
  gtk_widget_unset_state_flags (self->button, GTK_STATE_FLAG_ACTIVE);
  self->func (self->button, FALSE, self->data);
}

static void
on_window_active (GtkWindow *window, GParamSpec *pspec, struct hold *self)
{
  if (!gtk_window_is_active (window))
    let_go (self);
}

static void
take_hold (struct hold *self, guint key)
{
  GtkRoot *root = gtk_widget_get_root (self->button);

  if (self->held)
    return;
  self->held = TRUE;
  self->key  = key;
  if (GTK_IS_WINDOW (root)) {
    g_set_weak_pointer (&self->window, GTK_WINDOW (root));
    self->window_handler =
      g_signal_connect (root, "notify::is-active", G_CALLBACK (on_window_active), self);
  }
  gtk_widget_set_state_flags (self->button, GTK_STATE_FLAG_ACTIVE, FALSE);
  self->func (self->button, TRUE, self->data);
}

/* --- mouse and finger --- */

static gboolean
is_inside (struct hold *self, GdkEvent *event)
{
  GtkNative *native = gtk_widget_get_native (self->button);
  double     x, y, left, top;

  if (!native || !gdk_event_get_position (event, &x, &y))
    return TRUE;
  gtk_native_get_surface_transform (native, &left, &top);
  if (!gtk_widget_translate_coordinates (GTK_WIDGET (native), self->button, x - left, y - top, &x, &y))
    return FALSE;
  return gtk_widget_contains (self->button, x, y);
}

/* Before GtkButton's own gesture, which never learns of it. */
static gboolean
on_event (GtkEventControllerLegacy *controller, GdkEvent *event, struct hold *self)
{
  switch (gdk_event_get_event_type (event)) {
  case GDK_BUTTON_PRESS:
    if (gdk_button_event_get_button (event) != GDK_BUTTON_PRIMARY)
      return GDK_EVENT_PROPAGATE;
    take_hold (self, 0);
    return GDK_EVENT_STOP;
  case GDK_TOUCH_BEGIN: take_hold (self, 0); return GDK_EVENT_STOP;
  case GDK_BUTTON_RELEASE:
    if (gdk_button_event_get_button (event) != GDK_BUTTON_PRIMARY)
      return GDK_EVENT_PROPAGATE;
    let_go (self);
    return GDK_EVENT_STOP;
  case GDK_TOUCH_END:
  case GDK_TOUCH_CANCEL: let_go (self); return GDK_EVENT_STOP;
  case GDK_GRAB_BROKEN: let_go (self); return GDK_EVENT_PROPAGATE;
  case GDK_MOTION_NOTIFY:
  case GDK_TOUCH_UPDATE:
    if (self->held && self->key == 0 && !is_inside (self, event))
      let_go (self);
    return GDK_EVENT_PROPAGATE;
  default: return GDK_EVENT_PROPAGATE;
  }
}

static void
on_pointer_left (GtkEventControllerMotion *controller, struct hold *self)
{
  if (self->key == 0)
    let_go (self);
}

/* --- keys --- */

static gboolean
on_key_pressed (GtkEventControllerKey *controller,
                guint                  keyval,
                guint                  keycode,
                GdkModifierType        state,
                struct hold           *self)
{
  if ((state & (GDK_CONTROL_MASK | GDK_ALT_MASK)) ||
      (keyval != GDK_KEY_space && keyval != GDK_KEY_KP_Space && keyval != GDK_KEY_Return &&
       keyval != GDK_KEY_KP_Enter))
    return GDK_EVENT_PROPAGATE;
  take_hold (self, keyval);
  return GDK_EVENT_STOP;
}

static void
on_key_released (GtkEventControllerKey *controller,
                 guint                  keyval,
                 guint                  keycode,
                 GdkModifierType        state,
                 struct hold           *self)
{
  if (keyval == self->key)
    let_go (self);
}

/* --- the rest --- */

static void
on_state_flags (GtkWidget *button, GtkStateFlags before, struct hold *self)
{
  if (!gtk_widget_is_sensitive (button))
    let_go (self);
}

static void
hold_free (gpointer data)
{
  struct hold *self = data;

  if (self->window)
    g_signal_handler_disconnect (self->window, self->window_handler);
  g_clear_weak_pointer (&self->window);
  g_free (self);
}

void
ech_hold_attach (GtkButton *button, EchHoldFunc func, gpointer data)
{
  struct hold        *self   = g_new0 (struct hold, 1);
  GtkEventController *events = gtk_event_controller_legacy_new ();
  GtkEventController *motion = gtk_event_controller_motion_new ();
  GtkEventController *keys   = gtk_event_controller_key_new ();
  GtkEventController *focus  = gtk_event_controller_focus_new ();

  self->button = GTK_WIDGET (button);
  self->func   = func;
  self->data   = data;
  gtk_event_controller_set_propagation_phase (events, GTK_PHASE_CAPTURE);
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect (events, "event", G_CALLBACK (on_event), self);
  g_signal_connect (motion, "leave", G_CALLBACK (on_pointer_left), self);
  g_signal_connect (keys, "key-pressed", G_CALLBACK (on_key_pressed), self);
  g_signal_connect (keys, "key-released", G_CALLBACK (on_key_released), self);
  g_signal_connect_swapped (focus, "leave", G_CALLBACK (let_go), self);
  gtk_widget_add_controller (self->button, motion);
  gtk_widget_add_controller (self->button, focus);
  gtk_widget_add_controller (self->button, keys);
  gtk_widget_add_controller (self->button, events);
  g_signal_connect_swapped (button, "unmap", G_CALLBACK (let_go), self);
  g_signal_connect (button, "state-flags-changed", G_CALLBACK (on_state_flags), self);
  g_object_set_data_full (G_OBJECT (button), "ech-hold", self, hold_free);
}
