/* See hotcue-pads.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/deck/hotcue-pads.h"

#include <math.h>

#include "ui/deck/deck-keys.h"
#include "ui/deck/wait-button.h"
#include "ui/ech-ui.h"
#include "ui/waveform/markers.h"

#define COLUMNS 4

struct _EchHotcuePads {
  GtkWidget parent_instance;

  /* children */
  EchWaitButton *pads[ECH_N_HOTCUES];

  /* owned */
  EchDeckModel *model;
};

G_DEFINE_FINAL_TYPE (EchHotcuePads, ech_hotcue_pads, GTK_TYPE_WIDGET)

static guint
index_of (EchHotcuePads *self, gpointer pad)
{
  for (guint i = 0; i < ECH_N_HOTCUES; i++)
    if ((gpointer) self->pads[i] == pad)
      return i;
  g_return_val_if_reached (0);
}

/* --- what the person does --- */

static void
on_clicked (EchHotcuePads *self, GtkButton *pad)
{
  if (self->model)
    ech_deck_model_press_hotcue (self->model, index_of (self, pad),
                                 ech_ui_shift_is_held (GTK_WIDGET (self)));
}

static void
clear (EchHotcuePads *self, gpointer pad)
{
  if (self->model)
    ech_deck_model_clear_hotcue (self->model, index_of (self, pad));
}

static void
on_right_pressed (GtkGestureClick *gesture, int n_press, double x, double y, EchHotcuePads *self)
{
  gtk_gesture_set_state (GTK_GESTURE (gesture), GTK_EVENT_SEQUENCE_CLAIMED);
  clear (self, gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (gesture)));
}

static gboolean
on_key (GtkEventControllerKey *controller,
        guint                  keyval,
        guint                  keycode,
        GdkModifierType        state,
        EchHotcuePads         *self)
{
  if ((state & (GDK_CONTROL_MASK | GDK_ALT_MASK)) ||
      (keyval != GDK_KEY_Delete && keyval != GDK_KEY_KP_Delete && keyval != GDK_KEY_BackSpace))
    return GDK_EVENT_PROPAGATE;
  clear (self, gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (controller)));
  return GDK_EVENT_STOP;
}

/* --- what the model tells --- */

static void
show_pad (EchHotcuePads *self, guint index)
{
  GtkWidget       *pad    = GTK_WIDGET (self->pads[index]);
  EchTrack        *track  = ech_deck_model_get_track (self->model);
  double           rate   = track ? ech_track_rate (track) : 0.0;
  double           frames = ech_deck_model_get_hotcue_frames (self->model, index);
  gboolean         set    = rate > 0 && !isnan (frames);
  const char      *letter = ech_deck_model_get_letter (self->model);
  char             time[32];
  g_autofree char *caption = NULL;
  g_autofree char *name    = NULL;

  if (set) {
    ech_markers_format_time (time, sizeof time, frames / rate);
    caption = g_strdup_printf ("%u  %s", index + 1, time);
    /* Translators: a hot cue's number, its time in the track, the deck's letter */
    name = g_strdup_printf (_ ("Hot cue %u, %s, deck %s"), index + 1, time, letter);
  } else {
    caption = g_strdup_printf ("%u", index + 1);
    name    = g_strdup_printf (_ ("Hot cue %u, empty, deck %s"), index + 1, letter);
  }
  ech_wait_button_set_caption (self->pads[index], caption);
  ech_ui_set_accessible (GTK_ACCESSIBLE (pad), name, NULL);
  ech_ui_set_class (pad, "set", set);
  ech_deck_keys_set_tooltip (pad, set ? _ ("Jump to this hot cue. Right click or Delete: clear it.")
                                      : _ ("Set this hot cue here"),
                             "hotcue", ech_deck_model_get_index (self->model), (int) index + 1);
}

static void
on_points (EchHotcuePads *self)
{
  for (guint i = 0; i < ECH_N_HOTCUES; i++)
    show_pad (self, i);
}

static void
on_polled (EchHotcuePads *self)
{
  for (guint i = 0; i < ECH_N_HOTCUES; i++)
    ech_wait_button_set_beats_left (self->pads[i],
                                    ech_deck_model_get_hotcue_beats_left (self->model, i));
}

void
ech_hotcue_pads_set_deck (EchHotcuePads *self, EchSessionModel *session, guint index)
{
  g_autofree char *name = NULL;

  g_return_if_fail (ECH_IS_HOTCUE_PADS (self));
  g_return_if_fail (!self->model);

  self->model = g_object_ref (ech_session_model_get_deck (session, index));
  name        = g_strdup_printf (_ ("Hot cues, deck %s"), ech_deck_model_get_letter (self->model));
  ech_ui_set_accessible (GTK_ACCESSIBLE (self), name, NULL);
  g_signal_connect_object (self->model, "points", G_CALLBACK (on_points), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->model, "notify::track", G_CALLBACK (on_points), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "polled", G_CALLBACK (on_polled), self, G_CONNECT_SWAPPED);
  on_points (self);
}

/* --- object --- */

static EchWaitButton *
make_pad (EchHotcuePads *self, guint index)
{
  EchWaitButton      *pad       = g_object_new (ECH_TYPE_WAIT_BUTTON, "compact", TRUE, NULL);
  GtkGesture         *right     = gtk_gesture_click_new ();
  GtkEventController *keys      = gtk_event_controller_key_new ();
  g_autofree char    *css_class = g_strdup_printf ("hotcue-%u", index + 1);

  gtk_widget_add_css_class (GTK_WIDGET (pad), "pad");
  gtk_widget_add_css_class (GTK_WIDGET (pad), css_class);
  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (right), GDK_BUTTON_SECONDARY);
  g_signal_connect (right, "pressed", G_CALLBACK (on_right_pressed), self);
  g_signal_connect (keys, "key-pressed", G_CALLBACK (on_key), self);
  g_signal_connect_object (pad, "clicked", G_CALLBACK (on_clicked), self, G_CONNECT_SWAPPED);
  gtk_widget_add_controller (GTK_WIDGET (pad), GTK_EVENT_CONTROLLER (right));
  gtk_widget_add_controller (GTK_WIDGET (pad), keys);
  return pad;
}

static void
ech_hotcue_pads_dispose (GObject *object)
{
  EchHotcuePads *self = ECH_HOTCUE_PADS (object);
  GtkWidget     *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))))
    gtk_widget_unparent (child);
  g_clear_object (&self->model);

  G_OBJECT_CLASS (ech_hotcue_pads_parent_class)->dispose (object);
}

static void
ech_hotcue_pads_class_init (EchHotcuePadsClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = ech_hotcue_pads_dispose;

  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_GRID_LAYOUT);
  gtk_widget_class_set_css_name (widget_class, "hotcues");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
ech_hotcue_pads_init (EchHotcuePads *self)
{
  GtkLayoutManager *layout = gtk_widget_get_layout_manager (GTK_WIDGET (self));

  gtk_grid_layout_set_column_homogeneous (GTK_GRID_LAYOUT (layout), TRUE);
  gtk_grid_layout_set_row_homogeneous (GTK_GRID_LAYOUT (layout), TRUE);
  gtk_grid_layout_set_column_spacing (GTK_GRID_LAYOUT (layout), 4);
  gtk_grid_layout_set_row_spacing (GTK_GRID_LAYOUT (layout), 4);
  for (guint i = 0; i < ECH_N_HOTCUES; i++) {
    GtkLayoutChild *place;

    self->pads[i] = make_pad (self, i);
    gtk_widget_set_parent (GTK_WIDGET (self->pads[i]), GTK_WIDGET (self));
    gtk_widget_set_hexpand (GTK_WIDGET (self->pads[i]), TRUE);
    place = gtk_layout_manager_get_layout_child (layout, GTK_WIDGET (self->pads[i]));
    gtk_grid_layout_child_set_column (GTK_GRID_LAYOUT_CHILD (place), (int) i % COLUMNS);
    gtk_grid_layout_child_set_row (GTK_GRID_LAYOUT_CHILD (place), (int) i / COLUMNS);
  }
}
