/* The window's side of safety: the panel and its button, the second step, recording.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "app/main-window-private.h"

#include "ui/ech-ui.h"

#define TOAST_SECONDS 6

/* Who asks all the time is told about so often. */
#define ASKED_US (3 * G_TIME_SPAN_SECOND)

/* --- the second step --- */

void
ech_main_window_end_override (EchMainWindow *self)
{
  g_clear_handle_id (&self->override_timer, g_source_remove);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.override", FALSE);
}

static gboolean
on_override_late (gpointer data)
{
  EchMainWindow *self = data;

  self->override_timer = 0;
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.override", FALSE);
  if (self->toast)
    adw_toast_dismiss (self->toast);
  return G_SOURCE_REMOVE;
}

static void
wait_until (EchMainWindow *self, gint64 time_us, GSourceFunc func)
{
  gint64 left_us = MAX (0, time_us - g_get_monotonic_time ());

  self->override_timer = g_timeout_add ((guint) (left_us / 1000 + 1), func, self);
}

/* The hand that asked has let go by now: what comes from here on is meant. */
static gboolean
on_override_ripe (gpointer data)
{
  EchMainWindow *self = data;
  gint64         from_us, until_us;

  self->override_timer = 0;
  if (!ech_session_model_get_override (self->session, &from_us, &until_us))
    return G_SOURCE_REMOVE;
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.override", TRUE);
  wait_until (self, until_us, on_override_late);
  return G_SOURCE_REMOVE;
}

void
ech_main_window_toast_refusal (EchMainWindow *self, const char *text)
{
  gint64 from_us, until_us;

  ech_main_window_end_override (self);
  if (!ech_session_model_get_override (self->session, &from_us, &until_us)) {
    ech_main_window_show_toast (self, text, NULL, NULL, TOAST_SECONDS);
    return;
  }
  ech_main_window_show_toast (self, text, _ ("Do It Anyway"), "win.override", 0);
  wait_until (self, from_us, on_override_ripe);
}

/* --- the panel --- */

static void
show_count (EchMainWindow *self)
{
  EchSafetyModel  *model = ech_session_model_get_safety (self->session);
  guint            n     = ech_safety_model_get_n_asks (model);
  g_autofree char *count = g_strdup_printf ("%u", n);
  g_autofree char *name  = n > 0 ? g_strdup_printf (_ ("Safety, %u waiting for your yes"), n) : g_strdup (_ ("Safety"));

  gtk_label_set_label (self->safety_count, count);
  gtk_widget_set_visible (GTK_WIDGET (self->safety_count), n > 0);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->safety_button), name, NULL);
}

static void
on_asked (EchMainWindow *self)
{
  EchSafetyModel       *model  = ech_session_model_get_safety (self->session);
  gint64                now_us = g_get_monotonic_time ();
  const struct ech_ask *ask    = ech_safety_model_get_ask (model, ech_safety_model_get_n_asks (model) - 1);
  g_autofree char      *text   = NULL;

  text = g_strdup_printf (_ ("%s asks: %s"), ask->source, ask->text);
  ech_ui_announce (GTK_ACCESSIBLE (self->safety_count), text);
  /* A second step that is offered is not taken from under the hand. */
  if (gtk_widget_get_visible (GTK_WIDGET (self->safety)) || self->override_timer != 0 ||
      now_us - self->asked_us < ASKED_US)
    return;
  self->asked_us = now_us;
  ech_main_window_show_toast (self, text, _ ("Show"), "win.safety", TOAST_SECONDS);
}

static void
on_guard (EchMainWindow *self)
{
  const char *text = ech_safety_model_get_guard (ech_session_model_get_safety (self->session));

  ech_ui_set_class (self->safety_button, "alarm", text != NULL);
  if (text && !gtk_widget_get_visible (GTK_WIDGET (self->safety)) && self->override_timer == 0)
    ech_main_window_show_toast (self, text, _ ("Show"), "win.safety", TOAST_SECONDS);
}

/* The focus does not stay in what is not there any more; nobody is asked twice to look. */
static void
on_safety_visible (EchMainWindow *self)
{
  if (self->toast && g_strcmp0 (adw_toast_get_action_name (self->toast), "win.safety") == 0)
    adw_toast_dismiss (self->toast);
  if (!gtk_widget_get_visible (GTK_WIDGET (self->safety)))
    gtk_widget_grab_focus (ech_mixer_view_get_crossfader (self->mixer));
}

void
ech_main_window_toggle_safety (EchMainWindow *self)
{
  gboolean visible = gtk_widget_get_visible (GTK_WIDGET (self->safety));

  gtk_widget_set_visible (GTK_WIDGET (self->safety), !visible);
  if (!visible)
    ech_safety_panel_enter (self->safety);
}

static gboolean
on_panel_key (GtkEventControllerKey *controller,
              guint                  keyval,
              guint                  keycode,
              GdkModifierType        state,
              EchMainWindow         *self)
{
  if (keyval != GDK_KEY_Escape)
    return GDK_EVENT_PROPAGATE;
  ech_main_window_toggle_safety (self);
  return GDK_EVENT_STOP;
}

/* --- recording --- */

static void
show_recording (EchMainWindow *self)
{
  gboolean recording = ech_session_model_get_recording (self->session);
  guint    seconds;
  char     text[32];

  g_object_get (self->session, "record-seconds", &seconds, NULL);
  if (!recording)
    g_strlcpy (text, _ ("Rec"), sizeof text);
  else if (seconds < 3600)
    g_snprintf (text, sizeof text, "%02u:%02u", seconds / 60, seconds % 60);
  else
    g_snprintf (text, sizeof text, "%u:%02u:%02u", seconds / 3600, seconds / 60 % 60, seconds % 60);
  gtk_label_set_label (self->record_label, text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->record), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                  recording ? text : "", -1);
}

static void
on_recorded (EchMainWindow *self, const char *name, double lost_seconds)
{
  g_autofree char *base = g_path_get_basename (name);
  g_autofree char *text = NULL;

  if (lost_seconds > 0)
    text = g_strdup_printf (_ ("Recorded: %s, with %.1f s of silence where the disk was too slow"), base, lost_seconds);
  else
    text = g_strdup_printf (_ ("Recorded: %s"), base);
  ech_main_window_toast (self, text);
}

void
ech_main_window_follow_safety (EchMainWindow *self)
{
  EchSafetyModel     *model = ech_session_model_get_safety (self->session);
  GtkEventController *keys  = gtk_event_controller_key_new ();

  ech_safety_panel_set_session (self->safety, self->session);
  g_signal_connect (keys, "key-pressed", G_CALLBACK (on_panel_key), self);
  gtk_widget_add_controller (GTK_WIDGET (self->safety), keys);
  g_signal_connect_object (self->safety, "notify::visible", G_CALLBACK (on_safety_visible), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (model, "asks", G_CALLBACK (show_count), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (model, "asked", G_CALLBACK (on_asked), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (model, "guard", G_CALLBACK (on_guard), self, G_CONNECT_SWAPPED);
  show_count (self);
  ech_main_window_end_override (self);

  ech_ui_set_accessible (GTK_ACCESSIBLE (self->record), _ ("Record"), NULL);
  g_object_bind_property (self->session, "recording", self->record, "active",
                          G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  g_signal_connect_object (self->session, "notify::recording", G_CALLBACK (show_recording), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->session, "notify::record-seconds", G_CALLBACK (show_recording), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->session, "recorded", G_CALLBACK (on_recorded), self, G_CONNECT_SWAPPED);
  show_recording (self);
}
