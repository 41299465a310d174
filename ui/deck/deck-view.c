/* See deck-view.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/deck/deck-view.h"

#include "ui/deck/beat-lamps.h"
#include "ui/deck/deck-keys.h"
#include "ui/deck/file-drop.h"
#include "ui/deck/hold.h"
#include "ui/deck/hotcue-pads.h"
#include "ui/deck/quantize.h"
#include "ui/deck/readout.h"
#include "ui/deck/wait-button.h"
#include "ui/ech-ui.h"
#include "ui/waveform/overview.h"

#define JUMP_BEATS 4

/* The remaining time turns yellow, and then red, while the deck plays. */
#define ENDING_SECONDS 30.0
#define END_SECONDS    10.0

static const double tempo_ranges[] = { 4, 8, 16, 50 };

struct _EchDeckView {
  GtkWidget parent_instance;

  /* template children */
  GtkWidget     *root;
  GtkLabel      *letter;
  GtkLabel      *title;
  GtkLabel      *artist;
  GtkWidget     *lock;
  GtkWidget     *air_badge;
  EchReadout    *elapsed;
  EchReadout    *remaining;
  EchReadout    *bpm;
  EchOverview   *overview;
  EchWaitButton *seek_wait;
  EchBeatLamps  *lamps;
  GtkLabel      *message;
  EchWaitButton *cue;
  EchWaitButton *play;
  GtkWidget     *sync;
  GtkWidget     *jump_back;
  GtkWidget     *jump_on;
  EchHotcuePads *hotcues;
  GtkWidget     *loops;
  EchWaitButton *loop_in;
  EchWaitButton *loop_out;
  GtkWidget     *loop_halve;
  EchWaitButton *loop;
  GtkWidget     *loop_double;
  GtkWidget     *loop_back;
  GtkWidget     *loop_on;
  GtkDropDown   *quantize;
  GtkWidget     *keylock;
  GtkWidget     *load;
  GtkWidget     *eject;
  GtkDropDown   *range;
  GtkWidget     *tempo;
  GtkAdjustment *tempo_adjustment;
  EchReadout    *tempo_text;
  GtkWidget     *bend_down;
  GtkWidget     *bend_up;
  GtkWidget     *tempo_reset;

  /* owned */
  GBindingGroup *bindings;
  EchDeckModel  *model;

  gboolean following; /* a drop-down follows the model: not a choice */
};

G_DEFINE_FINAL_TYPE (EchDeckView, ech_deck_view, GTK_TYPE_WIDGET)

/* --- what the person does --- */

static void
on_play_clicked (EchDeckView *self)
{
  ech_deck_model_toggle_play (self->model, ech_ui_shift_is_held (GTK_WIDGET (self)));
}

static void
on_cue_clicked (EchDeckView *self)
{
  ech_deck_model_cue (self->model, ech_ui_shift_is_held (GTK_WIDGET (self)));
}

/* By the space bar too; a screen reader's click is on_cue_clicked() alone. */
static void
on_cue_held (GtkWidget *button, gboolean held, gpointer data)
{
  EchDeckView *self = data;

  if (held)
    ech_deck_model_hold_cue (self->model, ech_ui_shift_is_held (button));
  else
    ech_deck_model_release_cue (self->model);
}

static void
on_bend_held (GtkWidget *button, gboolean held, gpointer data)
{
  EchDeckView *self = data;
  double       offset = button == self->bend_up ? ECH_BEND_OFFSET : -ECH_BEND_OFFSET;

  ech_deck_model_bend (self->model, held ? offset : 0.0);
}

static void
on_bend_down_clicked (EchDeckView *self)
{
  ech_deck_model_nudge (self->model, -ECH_BEND_OFFSET);
}

static void
on_bend_up_clicked (EchDeckView *self)
{
  ech_deck_model_nudge (self->model, ECH_BEND_OFFSET);
}

static void
on_loop_clicked (EchDeckView *self)
{
  ech_deck_model_toggle_loop (self->model, ech_ui_shift_is_held (GTK_WIDGET (self)));
}

static void
on_loop_in_clicked (EchDeckView *self)
{
  ech_deck_model_loop_in (self->model, ech_ui_shift_is_held (GTK_WIDGET (self)));
}

static void
on_loop_out_clicked (EchDeckView *self)
{
  ech_deck_model_loop_out (self->model, ech_ui_shift_is_held (GTK_WIDGET (self)));
}

static void
on_loop_halve_clicked (EchDeckView *self)
{
  ech_deck_model_scale_loop (self->model, -1);
}

static void
on_loop_double_clicked (EchDeckView *self)
{
  ech_deck_model_scale_loop (self->model, 1);
}

static void
on_loop_back_clicked (EchDeckView *self)
{
  ech_deck_model_move_loop (self->model, -1);
}

static void
on_loop_on_clicked (EchDeckView *self)
{
  ech_deck_model_move_loop (self->model, 1);
}

static void
on_jump_back_clicked (EchDeckView *self)
{
  ech_deck_model_beat_jump (self->model, -JUMP_BEATS);
}

static void
on_jump_on_clicked (EchDeckView *self)
{
  ech_deck_model_beat_jump (self->model, JUMP_BEATS);
}

static void
on_seek_wait_clicked (EchDeckView *self)
{
  ech_deck_model_cancel_seek (self->model);
}

static void
on_eject_clicked (EchDeckView *self)
{
  ech_deck_model_eject (self->model);
}

static void
on_tempo_reset_clicked (EchDeckView *self)
{
  ech_deck_model_set_control (self->model, ECH_DECK_CONTROL_TEMPO, 0.0);
}

static void
on_quantize_selected (EchDeckView *self)
{
  guint selected = gtk_drop_down_get_selected (self->quantize);

  if (!self->following && self->model && selected < ech_quantize_n_choices ())
    g_object_set (self->model, "quantize", ech_quantize_choice (selected), NULL);
}

static void
on_range_selected (EchDeckView *self)
{
  guint selected = gtk_drop_down_get_selected (self->range);

  if (!self->following && self->model && selected < G_N_ELEMENTS (tempo_ranges))
    g_object_set (self->model, "tempo-range", tempo_ranges[selected], NULL);
}

/* --- what the model tells --- */

static void
format_time (char *out, gsize size, const char *sign, double seconds)
{
  int tenths = (int) floor (MAX (0.0, seconds) * 10.0 + 1e-6);

  g_snprintf (out, size, "%s%02d:%02d.%d", sign, tenths / 600, tenths / 10 % 60, tenths % 10);
}

static void
show_ending (EchDeckView *self, double remaining, gboolean playing)
{
  ech_ui_set_class (GTK_WIDGET (self->remaining), "ending", playing && remaining < ENDING_SECONDS);
  ech_ui_set_class (GTK_WIDGET (self->remaining), "now", playing && remaining < END_SECONDS);
}

static void
show_times (EchDeckView *self)
{
  double   position, remaining;
  gboolean loaded, playing;
  char     text[32];

  g_object_get (self->model, "position", &position, "remaining", &remaining, "loaded", &loaded,
                "playing", &playing, NULL);
  show_ending (self, remaining, loaded && playing);
  if (!loaded) {
    ech_readout_set_text (self->elapsed, "--:--.-");
    ech_readout_set_text (self->remaining, "--:--.-");
    return;
  }
  format_time (text, sizeof text, position < 0 ? "-" : "", fabs (position));
  ech_readout_set_text (self->elapsed, text);
  format_time (text, sizeof text, "-", remaining);
  ech_readout_set_text (self->remaining, text);
}

static void
show_tempo (EchDeckView *self)
{
  double   bpm, speed;
  gboolean loaded;
  char     text[32];

  g_object_get (self->model, "bpm", &bpm, "speed", &speed, "loaded", &loaded, NULL);
  if (bpm > 0)
    g_snprintf (text, sizeof text, "%.2f", bpm);
  ech_readout_set_text (self->bpm, bpm > 0 ? text : "---.--");
  if (!loaded || speed <= 0)
    speed = 1.0 + ech_deck_model_get_control (self->model, ECH_DECK_CONTROL_TEMPO) / 100.0;
  g_snprintf (text, sizeof text, "%+.2f %%", (speed - 1.0) * 100.0);
  ech_readout_set_text (self->tempo_text, text);
}

static void
show_title (EchDeckView *self)
{
  g_autofree char *title  = NULL;
  g_autofree char *artist = NULL;
  gboolean         loaded;

  g_object_get (self->model, "title", &title, "artist", &artist, "loaded", &loaded, NULL);
  gtk_label_set_label (self->title, loaded && title ? title : _ ("Empty"));
  gtk_label_set_label (self->artist, loaded && artist ? artist : "");
  ech_ui_set_class (GTK_WIDGET (self), "empty", !loaded);
}

/* A refusal, else what is going on with the track. */
static void
show_message (EchDeckView *self)
{
  g_autofree char *message = NULL;
  g_autofree char *hint    = NULL;

  g_object_get (self->model, "message", &message, "hint", &hint, NULL);
  gtk_label_set_label (self->message, message ? message : hint);
  ech_ui_set_class (GTK_WIDGET (self->message), "refusal", message != NULL);
  if (message)
    ech_ui_announce (GTK_ACCESSIBLE (self->message), message);
  else
    gtk_accessible_update_property (GTK_ACCESSIBLE (self->message),
                                    GTK_ACCESSIBLE_PROPERTY_LABEL, hint ? hint : "", -1);
}

static void
show_state (EchDeckView *self)
{
  enum ech_deck_state state   = ech_deck_model_get_state (self->model);
  gboolean            playing = state == ECH_DECK_PLAYING;
  const char         *letter  = ech_deck_model_get_letter (self->model);
  g_autofree char    *name    = g_strdup_printf (playing ? _ ("Stop deck %s") : _ ("Play deck %s"),
                                                 letter);

  ech_wait_button_set_icon (self->play, playing ? "media-playback-pause-symbolic"
                                                : "media-playback-start-symbolic");
  ech_wait_button_set_caption (self->play, playing ? _ ("Stop") : _ ("Play"));
  ech_ui_set_class (GTK_WIDGET (self->play), "playing", playing);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->play), name, NULL);
}

/* Its reason is the button's tooltip, what a screen reader says of it, and stands in the message line. */
static void
show_lock (EchDeckView *self, gboolean locked, const char *reason)
{
  g_autofree char *text = NULL;

  if (!locked)
    text = g_strdup (_ ("Lock the deck: it takes nothing from anybody"));
  else if (reason && *reason)
    text = g_strdup_printf (_ ("Locked: %s. Press to unlock"), reason);
  else
    text = g_strdup (_ ("Locked. Press to unlock"));
  gtk_button_set_icon_name (GTK_BUTTON (self->lock),
                            locked ? "changes-prevent-symbolic" : "changes-allow-symbolic");
  ech_deck_keys_set_tooltip (self->lock, text, "lock", ech_deck_model_get_index (self->model), 0);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->lock), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                  text, -1);
}

static void
show_badges (EchDeckView *self)
{
  gboolean         on_air, locked;
  g_autofree char *reason = NULL;

  g_object_get (self->model, "on-air", &on_air, "locked", &locked, "lock-reason", &reason, NULL);
  /* The badge keeps its place: nothing moves when a deck goes on air. */
  gtk_widget_set_opacity (self->air_badge, on_air ? 1.0 : 0.0);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->air_badge), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  on_air ? _ ("On air") : _ ("Not on air"), -1);
  show_lock (self, locked, reason);
  ech_ui_set_class (GTK_WIDGET (self), "onair", on_air);
}

static void
show_waiting (EchDeckView *self)
{
  double transport, cue, seek;

  g_object_get (self->model, "transport-beats-left", &transport, "cue-beats-left", &cue,
                "seek-beats-left", &seek, NULL);
  ech_wait_button_set_beats_left (self->play, transport);
  ech_wait_button_set_beats_left (self->cue, cue);
  ech_wait_button_set_beats_left (self->seek_wait, seek);
  gtk_widget_set_visible (GTK_WIDGET (self->seek_wait), seek >= 0);
}

/* "4", "1/2", "3.98" */
static void
format_beats (char *out, gsize size, double beats)
{
  double part = 1.0 / beats;

  if (beats < 0.75 && fabs (part - round (part)) < 0.01)
    g_snprintf (out, size, "1/%.0f", part);
  else if (fabs (beats - round (beats)) < 0.01)
    g_snprintf (out, size, "%.0f", beats);
  else
    g_snprintf (out, size, "%.2f", beats);
}

static void
name_loop (EchDeckView *self, const char *beats, gboolean runs)
{
  const char      *letter = ech_deck_model_get_letter (self->model);
  g_autofree char *name   = NULL;

  if (runs && beats)
    name = g_strdup_printf (_ ("Loop of %s beats runs, deck %s"), beats, letter);
  else if (runs)
    name = g_strdup_printf (_ ("Loop runs, deck %s"), letter);
  else
    name = g_strdup_printf (_ ("Loop %s beats, deck %s"), beats, letter);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->loop), name, NULL);
  gtk_accessible_update_state (GTK_ACCESSIBLE (self->loop), GTK_ACCESSIBLE_STATE_PRESSED,
                               runs ? GTK_ACCESSIBLE_TRISTATE_TRUE : GTK_ACCESSIBLE_TRISTATE_FALSE,
                               -1);
}

/* The loop that runs, else the one that the button would lay. */
static void
show_loop (EchDeckView *self)
{
  double           in_frames, out_frames, size;
  gboolean         runs  = ech_deck_model_get_loop (self->model, &in_frames, &out_frames);
  double           beats = ech_deck_model_get_loop_beats (self->model);
  g_autofree char *caption = NULL;
  char             text[32];

  g_object_get (self->model, "loop-size", &size, NULL);
  format_beats (text, sizeof text, runs && !isnan (beats) ? beats : size);
  caption = runs && isnan (beats) ? g_strdup (_ ("Loop")) : g_strdup_printf (_ ("Loop %s"), text);
  ech_wait_button_set_caption (self->loop, caption);
  ech_ui_set_class (GTK_WIDGET (self->loop), "running", runs);
  ech_ui_set_class (GTK_WIDGET (self->loop_in), "set", !isnan (in_frames));
  ech_ui_set_class (GTK_WIDGET (self->loop_out), "set", !isnan (out_frames));
  gtk_widget_set_sensitive (self->loop_back, runs);
  gtk_widget_set_sensitive (self->loop_on, runs);
  name_loop (self, runs && isnan (beats) ? NULL : text, runs);
}

static void
show_loop_waiting (EchDeckView *self)
{
  double loop, in, out;

  g_object_get (self->model, "loop-beats-left", &loop, "loop-in-beats-left", &in,
                "loop-out-beats-left", &out, NULL);
  ech_wait_button_set_beats_left (self->loop, loop);
  ech_wait_button_set_beats_left (self->loop_in, in);
  ech_wait_button_set_beats_left (self->loop_out, out);
}

static void
show_choices (EchDeckView *self)
{
  g_autofree char *quantize = NULL;
  double           range;

  g_object_get (self->model, "quantize", &quantize, "tempo-range", &range, NULL);
  self->following = TRUE;
  gtk_drop_down_set_selected (self->quantize, ech_quantize_find (quantize));
  for (guint i = 0; i < G_N_ELEMENTS (tempo_ranges); i++)
    if (tempo_ranges[i] == range)
      gtk_drop_down_set_selected (self->range, i);
  self->following = FALSE;
  gtk_adjustment_set_lower (self->tempo_adjustment, -range);
  gtk_adjustment_set_upper (self->tempo_adjustment, range);
}

static void
on_polled (EchDeckView *self)
{
  gint64 now_us = g_get_monotonic_time ();

  ech_beat_lamps_set (self->lamps, ech_deck_model_get_beat_at (self->model, now_us),
                      ech_deck_model_get_phase_error_at (self->model, now_us));
}

/* --- setting up --- */

static void
name_one (EchDeckView *self, gpointer widget, const char *format)
{
  g_autofree char *name = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  name = g_strdup_printf (format, ech_deck_model_get_letter (self->model));
#pragma GCC diagnostic pop
  ech_ui_set_accessible (GTK_ACCESSIBLE (widget), name, NULL);
}

/* A screen reader meets the drop-down's inner button, too. */
static void
name_choice (EchDeckView *self, GtkDropDown *choice, const char *format)
{
  name_one (self, choice, format);
  name_one (self, gtk_widget_get_first_child (GTK_WIDGET (choice)), format);
}

static void
name_readout (EchDeckView *self, EchReadout *readout, const char *format)
{
  g_autofree char *name = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  name = g_strdup_printf (format, ech_deck_model_get_letter (self->model));
#pragma GCC diagnostic pop
  ech_readout_set_title (readout, name);
}

static void
name_all (EchDeckView *self)
{
  name_one (self, self->cue, _ ("Cue deck %s"));
  name_one (self, self->sync, _ ("Sync deck %s"));
  name_one (self, self->jump_back, _ ("Jump back 4 beats, deck %s"));
  name_one (self, self->jump_on, _ ("Jump on 4 beats, deck %s"));
  name_one (self, self->loops, _ ("Loop, deck %s"));
  name_one (self, self->loop_in, _ ("Loop in, deck %s"));
  name_one (self, self->loop_out, _ ("Loop out, deck %s"));
  name_one (self, self->loop_halve, _ ("Halve the loop, deck %s"));
  name_one (self, self->loop_double, _ ("Double the loop, deck %s"));
  name_one (self, self->loop_back, _ ("Move the loop back, deck %s"));
  name_one (self, self->loop_on, _ ("Move the loop on, deck %s"));
  name_one (self, self->bend_down, _ ("Bend slower, deck %s"));
  name_one (self, self->bend_up, _ ("Bend faster, deck %s"));
  name_one (self, self->seek_wait, _ ("Take back the waiting jump, deck %s"));
  name_choice (self, self->quantize, _ ("Quantise, deck %s"));
  name_one (self, self->keylock, _ ("Key lock, deck %s"));
  name_one (self, self->lock, _ ("Lock deck %s"));
  name_one (self, self->load, _ ("Load a file on deck %s"));
  name_one (self, self->eject, _ ("Eject deck %s"));
  name_choice (self, self->range, _ ("Tempo range, deck %s"));
  name_one (self, self->tempo, _ ("Tempo in per cent, deck %s"));
  name_one (self, self->tempo_reset, _ ("Reset tempo, deck %s"));
  name_one (self, self->lamps, _ ("Beat of the bar, deck %s"));
  name_readout (self, self->elapsed, _ ("Time, deck %s:"));
  name_readout (self, self->remaining, _ ("Remaining, deck %s:"));
  name_readout (self, self->bpm, _ ("BPM, deck %s:"));
  name_readout (self, self->tempo_text, _ ("Tempo, deck %s:"));
  name_one (self, self, _ ("Deck %s"));
}

static void
tell_keys (EchDeckView *self)
{
  const struct {
    gpointer    widget;
    const char *text;
    const char *control;
  } controls[] = {
    { self->cue, _ ("Set the cue point; at it: hold to listen; playing: back to it and stop"), "cue" },
    { self->play, _ ("Play or stop on the beat; while it waits: take it back. Shift: at once"), "play" },
    { self->sync, _ ("Follow the session's tempo, and start on its beat"), "sync" },
    { self->jump_back, _ ("Jump back 4 beats"), "jump-back" },
    { self->jump_on, _ ("Jump on 4 beats"), "jump-on" },
    { self->loop_in, _ ("The loop begins here"), "loop-in" },
    { self->loop_out, _ ("The loop ends here, and runs"), "loop-out" },
    { self->loop_halve, _ ("Half as long a loop"), "loop-halve" },
    { self->loop, _ ("Loop so many beats from here, or leave the loop"), "loop" },
    { self->loop_double, _ ("Twice as long a loop"), "loop-double" },
    { self->loop_back, _ ("Move the loop back by its length"), "loop-move-back" },
    { self->loop_on, _ ("Move the loop on by its length"), "loop-move-on" },
    { self->bend_down, _ ("Slower by 2 % while held"), "bend-down" },
    { self->bend_up, _ ("Faster by 2 % while held"), "bend-up" },
    { self->quantize,
      _ ("What play, stop, cue, jumps, hot cues and loops wait for. Shift: this time at once."),
      "quantize" },
    { self->keylock, _ ("Key lock: the tempo changes, the key stays"), "keylock" },
    { self->load, _ ("Load a file"), "load" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (controls); i++)
    ech_deck_keys_set_tooltip (controls[i].widget, controls[i].text, controls[i].control,
                               ech_deck_model_get_index (self->model), 0);
}

/* Calls @show whenever one of the properties in @names (NULL at the end) changes, and now. */
static void
follow (EchDeckView *self, void (*show) (EchDeckView *), const char *const *names)
{
  for (; *names; names++) {
    g_autofree char *signal = g_strconcat ("notify::", *names, NULL);

    g_signal_connect_object (self->model, signal, G_CALLBACK (show), self, G_CONNECT_SWAPPED);
  }
  show (self);
}

static void
follow_model (EchDeckView *self)
{
  follow (self, show_title, (const char *[]){ "title", "artist", "loaded", NULL });
  follow (self, show_times, (const char *[]){ "position", "remaining", "loaded", "playing", NULL });
  follow (self, show_tempo, (const char *[]){ "bpm", "speed", "loaded", "tempo", NULL });
  follow (self, show_message, (const char *[]){ "message", "hint", NULL });
  follow (self, show_state, (const char *[]){ "state", NULL });
  follow (self, show_badges, (const char *[]){ "on-air", "locked", "lock-reason", NULL });
  follow (self, show_waiting,
          (const char *[]){ "transport-beats-left", "cue-beats-left", "seek-beats-left", NULL });
  follow (self, show_loop, (const char *[]){ "loop-size", "has-grid", NULL });
  g_signal_connect_object (self->model, "points", G_CALLBACK (show_loop), self, G_CONNECT_SWAPPED);
  follow (self, show_loop_waiting,
          (const char *[]){ "loop-beats-left", "loop-in-beats-left", "loop-out-beats-left", NULL });
  follow (self, show_choices, (const char *[]){ "quantize", "tempo-range", NULL });
}

void
ech_deck_view_set_deck (EchDeckView *self, EchSessionModel *session, guint index)
{
  g_autofree char *css_class = NULL;

  g_return_if_fail (ECH_IS_DECK_VIEW (self));
  g_return_if_fail (!self->model);

  self->model = g_object_ref (ech_session_model_get_deck (session, index));
  css_class   = g_strdup_printf ("deck-%c", 'a' + (int) index);
  gtk_widget_add_css_class (GTK_WIDGET (self), css_class);
  gtk_label_set_label (self->letter, ech_deck_model_get_letter (self->model));
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->load), "u", index);
  name_all (self);
  tell_keys (self);
  ech_hotcue_pads_set_deck (self->hotcues, session, index);

  g_binding_group_set_source (self->bindings, self->model);
  ech_overview_set_model (self->overview, self->model);
  ech_file_drop_attach (GTK_WIDGET (self), self->model);
  follow_model (self);
  g_signal_connect_object (session, "polled", G_CALLBACK (on_polled), self, G_CONNECT_SWAPPED);
}

static void
fill_choices (EchDeckView *self)
{
  g_auto (GStrv)            labels = ech_quantize_labels ();
  g_autoptr (GtkStringList) quantize = gtk_string_list_new ((const char *const *) labels);
  g_autoptr (GtkStringList) ranges   = gtk_string_list_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (tempo_ranges); i++)
    gtk_string_list_take (ranges, g_strdup_printf ("±%.0f %%", tempo_ranges[i]));
  self->following = TRUE;
  gtk_drop_down_set_model (self->quantize, G_LIST_MODEL (quantize));
  gtk_drop_down_set_model (self->range, G_LIST_MODEL (ranges));
  self->following = FALSE;
  g_signal_connect_swapped (self->quantize, "notify::selected", G_CALLBACK (on_quantize_selected),
                            self);
  g_signal_connect_swapped (self->range, "notify::selected", G_CALLBACK (on_range_selected), self);
}

static void
ech_deck_view_dispose (GObject *object)
{
  EchDeckView *self = ECH_DECK_VIEW (object);

  g_clear_pointer (&self->root, gtk_widget_unparent);
  g_clear_object (&self->bindings);
  g_clear_object (&self->model);

  G_OBJECT_CLASS (ech_deck_view_parent_class)->dispose (object);
}

static void
bind_children (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, root);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, letter);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, title);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, artist);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, lock);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, air_badge);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, elapsed);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, remaining);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, bpm);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, overview);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, seek_wait);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, lamps);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, message);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, cue);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, play);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, sync);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, jump_back);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, jump_on);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, hotcues);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, loops);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, loop_in);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, loop_out);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, loop_halve);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, loop);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, loop_double);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, loop_back);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, loop_on);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, bend_down);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, bend_up);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, quantize);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, keylock);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, load);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, eject);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, range);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, tempo);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, tempo_adjustment);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, tempo_text);
  gtk_widget_class_bind_template_child (widget_class, EchDeckView, tempo_reset);
}

static void
ech_deck_view_class_init (EchDeckViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = ech_deck_view_dispose;

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/echelon_dj/Echelon/ui/deck-view.ui");
  bind_children (widget_class);
  gtk_widget_class_bind_template_callback (widget_class, on_play_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_cue_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_jump_back_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_jump_on_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_loop_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_loop_in_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_loop_out_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_loop_halve_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_loop_double_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_loop_back_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_loop_on_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_bend_down_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_bend_up_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_seek_wait_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_eject_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_tempo_reset_clicked);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (widget_class, "deck");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
ech_deck_view_init (EchDeckView *self)
{
  const GBindingFlags both = G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE;

  gtk_widget_init_template (GTK_WIDGET (self));
  fill_choices (self);
  ech_hold_attach (GTK_BUTTON (self->cue), on_cue_held, self);
  ech_hold_attach (GTK_BUTTON (self->bend_down), on_bend_held, self);
  ech_hold_attach (GTK_BUTTON (self->bend_up), on_bend_held, self);
  self->bindings = g_binding_group_new ();
  g_binding_group_bind (self->bindings, "synced", self->sync, "active", both);
  g_binding_group_bind (self->bindings, "keylock", self->keylock, "active", both);
  g_binding_group_bind (self->bindings, "locked", self->lock, "active", both);
  g_binding_group_bind (self->bindings, "tempo", self->tempo_adjustment, "value", both);
}
