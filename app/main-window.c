/* See main-window.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "app/main-window.h"

#include "app/main-window-private.h"
#include "ui/deck/file-drop.h"
#include "ui/ech-ui.h"

#define TOAST_SECONDS 6

G_DEFINE_FINAL_TYPE (EchMainWindow, ech_main_window, ADW_TYPE_APPLICATION_WINDOW)

/* --- what the session tells --- */

static void
on_polled (EchMainWindow *self)
{
  gint64 now_us = g_get_monotonic_time ();
  double beat   = ech_session_model_get_beat_at (self->session, now_us);
  int    bar    = (int) floor (beat / ECH_BEATS_PER_BAR) + 1;
  int    in     = (int) ech_beat_phase (beat, ECH_BEATS_PER_BAR) + 1;
  char   text[32];

  ech_beat_lamps_set (self->lamps, beat, NAN);
  g_snprintf (text, sizeof text, "%d.%d", bar, in);
  ech_readout_set_text (self->counter, text);

  for (guint i = 0; i < ECH_WINDOW_DECKS; i++) {
    EchDeckModel *deck = ech_session_model_get_deck (self->session, i);

    if (deck && ech_deck_model_get_state (deck) != ECH_DECK_EMPTY)
      self->loading[i] = FALSE;
  }
}

static void
show_audio (EchMainWindow *self)
{
  static const char *const icons[] = { "audio-volume-muted-symbolic", "content-loading-symbolic",
                                       "audio-volume-muted-symbolic", "audio-volume-high-symbolic" };
  g_autofree char         *text    = NULL;
  guint                    state;
  gboolean                 fine;

  g_object_get (self->session, "audio-state", &state, "audio-text", &text, NULL);
  fine = state == ECH_AUDIO_RUNNING;
  gtk_image_set_from_icon_name (self->audio_icon, icons[MIN (state, ECH_AUDIO_RUNNING)]);
  if (!text || !*text) {
    g_free (text);
    text = g_strdup (fine ? _ ("Playing") : _ ("No sound"));
  }
  gtk_label_set_label (self->audio_label, text);
  gtk_widget_set_tooltip_text (self->audio, text);
  ech_ui_set_class (self->audio, "trouble", !fine);
}

void
ech_main_window_show_toast (
  EchMainWindow *self, const char *text, const char *button, const char *action, guint seconds)
{
  g_autofree char *safe = g_markup_escape_text (text, -1);

  /* The newest takes the place of the one before: a queue of old refusals helps nobody. */
  if (self->toast)
    adw_toast_dismiss (self->toast);
  g_set_object (&self->toast, adw_toast_new (safe));
  adw_toast_set_timeout (self->toast, seconds);
  adw_toast_set_button_label (self->toast, button);
  adw_toast_set_action_name (self->toast, action);
  adw_toast_overlay_add_toast (self->toasts, g_object_ref (self->toast));
}

void
ech_main_window_toast (EchMainWindow *self, const char *text)
{
  ech_main_window_end_override (self);
  ech_main_window_show_toast (self, text, NULL, NULL, TOAST_SECONDS);
}

void
ech_main_window_show_policy_fault (EchMainWindow *self, gboolean fault, guint line)
{
  g_autofree char *text =
    line > 0 ? g_strdup_printf (_ ("The policy file is wrong in line %u: the rules before it stay in force"), line)
             : g_strdup (_ ("The policy file cannot be read: the rules before it stay in force"));

  if (self->policy_toast)
    adw_toast_dismiss (self->policy_toast);
  g_clear_object (&self->policy_toast);
  if (!fault)
    return;
  self->policy_toast = adw_toast_new (text);
  adw_toast_set_timeout (self->policy_toast, 0);
  adw_toast_set_button_label (self->policy_toast, _ ("Show"));
  adw_toast_set_action_name (self->policy_toast, "app.safety");
  adw_toast_overlay_add_toast (self->toasts, g_object_ref (self->policy_toast));
}

static void
on_refused (EchMainWindow *self, guint deck, const char *text)
{
  g_autofree char *line = NULL;

  /* Most sentences name their deck themselves. */
  if (deck == ECH_NO_DECK || g_str_has_prefix (text, "Deck "))
    line = g_strdup (text);
  else
    line = g_strdup_printf (
      _ ("Deck %s: %s"),
      ech_deck_model_get_letter (ech_session_model_get_deck (self->session, deck)), text);
  ech_main_window_toast_refusal (self, line);
}

/* --- files --- */

void
ech_main_window_open (EchMainWindow *self, GFile **files, guint n_files)
{
  guint next = 0;

  g_return_if_fail (ECH_IS_MAIN_WINDOW (self));

  for (guint i = 0; i < ECH_WINDOW_DECKS && next < n_files; i++) {
    EchDeckModel *deck = ech_session_model_get_deck (self->session, i);

    if (!deck || self->loading[i] || ech_deck_model_get_state (deck) != ECH_DECK_EMPTY)
      continue;
    self->loading[i] = TRUE;
    ech_file_drop_load (deck, files[next++]);
  }
  if (next < n_files)
    ech_main_window_toast (
      self, next == 0 ? _ ("Both decks hold a track: eject one, or load on a deck yourself")
                      : _ ("There are two decks: the other files were not loaded"));
}

void
ech_main_window_get_waveform_cost (EchMainWindow            *self,
                                   guint                     index,
                                   struct ech_waveform_cost *out_cost)
{
  ech_waveform_view_get_cost (index == 0 ? self->waveform_a : self->waveform_b, out_cost);
}

/* --- size --- */

static const char *
size_class_of (int width, int height)
{
  if (width >= 2200 && height >= 1180)
    return "size-xl";
  if (width >= 1720 && height >= 920)
    return "size-l";
  return "size-m";
}

static gboolean
on_size_idle (gpointer data)
{
  EchMainWindow *self = data;

  gtk_widget_remove_css_class (self->content, "size-m");
  gtk_widget_remove_css_class (self->content, "size-l");
  gtk_widget_remove_css_class (self->content, "size-xl");
  gtk_widget_add_css_class (self->content, self->size_class);
  self->size_idle = 0;
  return G_SOURCE_REMOVE;
}

static void
ech_main_window_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  EchMainWindow *self = ECH_MAIN_WINDOW (widget);
  const char    *size = size_class_of (width, height);

  GTK_WIDGET_CLASS (ech_main_window_parent_class)->size_allocate (widget, width, height, baseline);
  if (size == self->size_class)
    return;
  /* Not within an allocation: a new class asks for another one. */
  self->size_class = size;
  if (!self->size_idle)
    self->size_idle = g_idle_add_full (G_PRIORITY_HIGH_IDLE, on_size_idle, self, NULL);
}

/* --- closing --- */

static void
save_size (EchMainWindow *self)
{
  EchSettings *settings = ech_application_get_settings (self->application);
  int          width, height;

  gtk_window_get_default_size (GTK_WINDOW (self), &width, &height);
  if (width >= 640 && height >= 480) {
    ech_settings_set (settings, "window-width", g_variant_new_int32 (width));
    ech_settings_set (settings, "window-height", g_variant_new_int32 (height));
  }
  ech_settings_set (settings, "window-maximized",
                    g_variant_new_boolean (gtk_window_is_maximized (GTK_WINDOW (self))));
}

static void
on_close_answer (EchMainWindow *self, const char *response)
{
  if (strcmp (response, "close") != 0)
    return;
  self->may_close = TRUE;
  gtk_window_close (GTK_WINDOW (self));
}

static void
ask_to_close (EchMainWindow *self)
{
  GtkWidget *dialog = adw_message_dialog_new (
    GTK_WINDOW (self), _ ("Music is playing"), _ ("Closing the window ends it at once."));

  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "stay", _ ("Keep Playing"),
                                    "close", _ ("Close"), NULL);
  adw_message_dialog_set_response_appearance (ADW_MESSAGE_DIALOG (dialog), "close",
                                              ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "stay");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "stay");
  g_signal_connect_swapped (dialog, "response", G_CALLBACK (on_close_answer), self);
  gtk_window_present (GTK_WINDOW (dialog));
}

static gboolean
ech_main_window_close_request (GtkWindow *window)
{
  EchMainWindow *self    = ECH_MAIN_WINDOW (window);
  gboolean       playing = FALSE;

  for (guint i = 0; i < ech_session_model_get_n_decks (self->session); i++)
    playing |= ech_deck_model_get_state (ech_session_model_get_deck (self->session, i)) ==
               ECH_DECK_PLAYING;
  if (playing && !self->may_close) {
    ask_to_close (self);
    return GDK_EVENT_STOP;
  }
  save_size (self);
  return GTK_WINDOW_CLASS (ech_main_window_parent_class)->close_request (window);
}

/* --- the rest --- */

static void
on_tempo_activate (EchMainWindow *self)
{
  gtk_spin_button_update (GTK_SPIN_BUTTON (self->tempo));
  gtk_widget_grab_focus (ech_mixer_view_get_crossfader (self->mixer));
}

static void
ech_main_window_dispose (GObject *object)
{
  EchMainWindow *self = ECH_MAIN_WINDOW (object);

  g_clear_handle_id (&self->size_idle, g_source_remove);
  g_clear_handle_id (&self->override_timer, g_source_remove);
  g_clear_object (&self->toast);
  g_clear_object (&self->policy_toast);
  g_clear_object (&self->session);
  gtk_widget_dispose_template (GTK_WIDGET (self), ECH_TYPE_MAIN_WINDOW);

  G_OBJECT_CLASS (ech_main_window_parent_class)->dispose (object);
}

static void
bind_children (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, toasts);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, content);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, tempo);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, tempo_adjustment);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, link_button);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, lamps);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, counter);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, audio);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, audio_icon);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, audio_label);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, menu_button);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, wave_a);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, wave_b);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, waveform_a);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, waveform_b);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, deck_a);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, mixer);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, deck_b);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, record);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, record_label);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, safety_button);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, safety_count);
  gtk_widget_class_bind_template_child (widget_class, EchMainWindow, safety);
}

static void
ech_main_window_class_init (EchMainWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose          = ech_main_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request  = ech_main_window_close_request;
  widget_class->size_allocate              = ech_main_window_size_allocate;

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/echelon_dj/Echelon/main-window.ui");
  bind_children (widget_class);
  ech_main_window_class_install_actions (widget_class);
}

static void
ech_main_window_init (EchMainWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->tempo), _ ("Session tempo in BPM"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->lamps), _ ("Beat of the session"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->menu_button), _ ("Menu"), NULL);
  ech_readout_set_title (self->counter, _ ("Bar and beat:"));
  /* GtkSpinButton itself has the signal since 4.14. */
  g_signal_connect_swapped (gtk_editable_get_delegate (GTK_EDITABLE (self->tempo)), "activate",
                            G_CALLBACK (on_tempo_activate), self);
  ech_main_window_add_shortcuts (self);
}

static void
show_decks (EchMainWindow *self)
{
  EchDeckModel *a = ech_session_model_get_deck (self->session, 0);
  EchDeckModel *b = ech_session_model_get_deck (self->session, 1);

  ech_deck_view_set_deck (self->deck_a, self->session, 0);
  ech_waveform_view_set_model (self->waveform_a, a);
  ech_file_drop_attach (self->wave_a, a);
  ech_deck_view_set_deck (self->deck_b, self->session, 1);
  ech_waveform_view_set_model (self->waveform_b, b);
  ech_file_drop_attach (self->wave_b, b);
  ech_mixer_view_set_session (self->mixer, self->session);
}

EchMainWindow *
ech_main_window_new (EchApplication *application)
{
  EchMainWindow *self     = g_object_new (ECH_TYPE_MAIN_WINDOW, "application", application, NULL);
  EchSettings   *settings = ech_application_get_settings (application);

  self->application = application;
  self->session     = g_object_ref (ech_application_get_session (application));
  gtk_window_set_default_size (GTK_WINDOW (self), ech_settings_get_int (settings, "window-width"),
                               ech_settings_get_int (settings, "window-height"));
  if (ech_settings_get_boolean (settings, "window-maximized"))
    gtk_window_maximize (GTK_WINDOW (self));

  show_decks (self);
  g_object_bind_property (self->session, "tempo", self->tempo_adjustment, "value",
                          G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  g_signal_connect_object (self->session, "polled", G_CALLBACK (on_polled), self,
                           G_CONNECT_SWAPPED);
  ech_link_button_set_session (self->link_button, self->session);
  g_signal_connect_object (self->session, "refused", G_CALLBACK (on_refused), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->session, "notify::audio-state", G_CALLBACK (show_audio), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->session, "notify::audio-text", G_CALLBACK (show_audio), self,
                           G_CONNECT_SWAPPED);
  show_audio (self);
  ech_main_window_follow_safety (self);
  gtk_window_set_focus (GTK_WINDOW (self), ech_mixer_view_get_crossfader (self->mixer));
  return self;
}
