/* The window's actions, and the keys that activate them.
 *
 * Keys without Ctrl come last in an event's way (bubble phase): an entry that has the
 * focus takes its letters first.  tests/ui/shortcuts.py compares this table with
 * shortcuts.ui and docs/keyboard.md.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "app/main-window-private.h"

#include "ui/deck/file-drop.h"
#include "ui/deck/quantize.h"


static const struct {
  const char *keys; /* alternatives, separated by | as GtkShortcutTrigger has it */
  const char *action;
  const char *arguments;
} shortcuts[] = {
  { "q", "win.play", "uint32 0" },
  { "<Shift>q", "win.play-now", "uint32 0" },
  { "w", "win.cue", "uint32 0" },
  { "<Shift>w", "win.cue-now", "uint32 0" },
  { "e", "win.sync", "uint32 0" },
  { "a", "win.jump", "(uint32 0, -4.0)" },
  { "s", "win.jump", "(uint32 0, 4.0)" },
  { "z", "win.tempo", "(uint32 0, -0.05)" },
  { "x", "win.tempo", "(uint32 0, 0.05)" },
  { "d", "win.quantize", "uint32 0" },
  { "<Shift>d", "win.keylock", "uint32 0" },
  { "<Control>l", "win.lock", "uint32 0" },
  { "1", "win.kill", "(uint32 0, uint32 0)" },
  { "2", "win.kill", "(uint32 0, uint32 1)" },
  { "3", "win.kill", "(uint32 0, uint32 2)" },
  { "<Control>o", "win.load", "uint32 0" },
  { "f", "win.loop", "uint32 0" },
  { "<Shift>f", "win.loop-now", "uint32 0" },
  { "r", "win.loop-in", "uint32 0" },
  { "t", "win.loop-out", "uint32 0" },
  { "4", "win.loop-scale", "(uint32 0, -1)" },
  { "5", "win.loop-scale", "(uint32 0, 1)" },
  { "<Shift>a", "win.loop-move", "(uint32 0, -1)" },
  { "<Shift>s", "win.loop-move", "(uint32 0, 1)" },
  { "g", "win.pfl", "uint32 0" },
  { "<Control>1", "win.hotcue", "(uint32 0, uint32 0)" },
  { "<Control>2", "win.hotcue", "(uint32 0, uint32 1)" },
  { "<Control>3", "win.hotcue", "(uint32 0, uint32 2)" },
  { "<Control>4", "win.hotcue", "(uint32 0, uint32 3)" },
  { "<Control>5", "win.hotcue", "(uint32 0, uint32 4)" },
  { "<Control>6", "win.hotcue", "(uint32 0, uint32 5)" },
  { "<Control>7", "win.hotcue", "(uint32 0, uint32 6)" },
  { "<Control>8", "win.hotcue", "(uint32 0, uint32 7)" },

  { "p", "win.play", "uint32 1" },
  { "<Shift>p", "win.play-now", "uint32 1" },
  { "o", "win.cue", "uint32 1" },
  { "<Shift>o", "win.cue-now", "uint32 1" },
  { "i", "win.sync", "uint32 1" },
  { "k", "win.jump", "(uint32 1, -4.0)" },
  { "l", "win.jump", "(uint32 1, 4.0)" },
  { "n", "win.tempo", "(uint32 1, -0.05)" },
  { "m", "win.tempo", "(uint32 1, 0.05)" },
  { "j", "win.quantize", "uint32 1" },
  { "<Shift>j", "win.keylock", "uint32 1" },
  { "<Control><Shift>l", "win.lock", "uint32 1" },
  { "8", "win.kill", "(uint32 1, uint32 0)" },
  { "9", "win.kill", "(uint32 1, uint32 1)" },
  { "0", "win.kill", "(uint32 1, uint32 2)" },
  { "<Control><Shift>o", "win.load", "uint32 1" },
  { "h", "win.loop", "uint32 1" },
  { "<Shift>h", "win.loop-now", "uint32 1" },
  { "y", "win.loop-in", "uint32 1" },
  { "u", "win.loop-out", "uint32 1" },
  { "6", "win.loop-scale", "(uint32 1, -1)" },
  { "7", "win.loop-scale", "(uint32 1, 1)" },
  { "<Shift>k", "win.loop-move", "(uint32 1, -1)" },
  { "<Shift>l", "win.loop-move", "(uint32 1, 1)" },
  { "b", "win.pfl", "uint32 1" },
  { "<Alt>1", "win.hotcue", "(uint32 1, uint32 0)" },
  { "<Alt>2", "win.hotcue", "(uint32 1, uint32 1)" },
  { "<Alt>3", "win.hotcue", "(uint32 1, uint32 2)" },
  { "<Alt>4", "win.hotcue", "(uint32 1, uint32 3)" },
  { "<Alt>5", "win.hotcue", "(uint32 1, uint32 4)" },
  { "<Alt>6", "win.hotcue", "(uint32 1, uint32 5)" },
  { "<Alt>7", "win.hotcue", "(uint32 1, uint32 6)" },
  { "<Alt>8", "win.hotcue", "(uint32 1, uint32 7)" },

  { "<Control>Left", "win.crossfade", "-0.05" },
  { "<Control>Right", "win.crossfade", "0.05" },
  { "<Control>Down", "win.crossfade-to", "0.5" },
  { "Escape", "win.cancel-waiting", NULL },
  { "<Control>BackSpace", "win.emergency", NULL },
  { "<Control>Return", "win.override", NULL },
  { "<Control>r", "win.record", NULL },
  { "F2", "win.safety", NULL },
  { "plus|KP_Add|equal", "win.zoom", "1.25" },
  { "minus|KP_Subtract", "win.zoom", "0.8" },
  { "F11", "win.fullscreen", NULL },
  { "F1|<Control>question", "win.shortcuts", NULL },
};

/* Held: the speed is bent until they are let go. */
static const struct {
  const char *key;
  guint       deck;
  int         direction;
} bend_keys[] = {
  { "c", 0, -1 },
  { "v", 0, 1 },
  { "comma", 1, -1 },
  { "period", 1, 1 },
};

/* With a digit from 1 to 8: the hot cue is cleared.  No shortcuts, since with Shift the key of a
 * digit is another sign's on most keyboards. */
static const struct {
  const char *modifiers;
  guint       deck;
} clear_keys[] = {
  { "<Control><Shift>", 0 },
  { "<Alt><Shift>", 1 },
};

/* NULL also while a key repeats: who holds play down, or a hot cue's key, asks for it once. */
static EchDeckModel *
get_deck (EchMainWindow *self, GVariant *parameter)
{
  if (self->key_repeats)
    return NULL;
  return ech_session_model_get_deck (self->session, g_variant_get_uint32 (parameter));
}

static void
on_play (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchDeckModel *deck = get_deck (ECH_MAIN_WINDOW (widget), parameter);

  if (deck)
    ech_deck_model_toggle_play (deck, g_str_has_suffix (name, "-now"));
}

static void
on_cue (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchDeckModel *deck = get_deck (ECH_MAIN_WINDOW (widget), parameter);

  if (deck)
    ech_deck_model_cue (deck, g_str_has_suffix (name, "-now"));
}

static void
on_sync (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchDeckModel *deck = get_deck (ECH_MAIN_WINDOW (widget), parameter);
  gboolean      synced;

  if (!deck)
    return;
  g_object_get (deck, "synced", &synced, NULL);
  ech_deck_model_set_synced (deck, !synced);
}

static void
on_jump (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchMainWindow *self = ECH_MAIN_WINDOW (widget);
  EchDeckModel  *deck;
  guint32        index;
  double         beats;

  g_variant_get (parameter, "(ud)", &index, &beats);
  deck = ech_session_model_get_deck (self->session, index);
  if (deck)
    ech_deck_model_beat_jump (deck, beats);
}

static void
on_tempo (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchMainWindow *self = ECH_MAIN_WINDOW (widget);
  EchDeckModel  *deck;
  guint32        index;
  double         step, range;

  g_variant_get (parameter, "(ud)", &index, &step);
  deck = ech_session_model_get_deck (self->session, index);
  if (!deck)
    return;
  g_object_get (deck, "tempo-range", &range, NULL);
  ech_deck_model_set_control (
    deck, ECH_DECK_CONTROL_TEMPO,
    CLAMP (ech_deck_model_get_control (deck, ECH_DECK_CONTROL_TEMPO) + step, -range, range));
}

static void
on_kill (GtkWidget *widget, const char *name, GVariant *parameter)
{
  guint32 index, band;

  g_variant_get (parameter, "(uu)", &index, &band);
  if (!ECH_MAIN_WINDOW (widget)->key_repeats && index < ECH_WINDOW_DECKS && band < ECH_N_BANDS)
    ech_channel_strip_toggle_kill (
      ech_mixer_view_get_strip (ECH_MAIN_WINDOW (widget)->mixer, index), band);
}

static void
on_loop (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchDeckModel *deck = get_deck (ECH_MAIN_WINDOW (widget), parameter);

  if (deck)
    ech_deck_model_toggle_loop (deck, g_str_has_suffix (name, "-now"));
}

static void
on_loop_point (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchDeckModel *deck = get_deck (ECH_MAIN_WINDOW (widget), parameter);

  if (deck && g_str_has_suffix (name, "-in"))
    ech_deck_model_loop_in (deck, FALSE);
  else if (deck)
    ech_deck_model_loop_out (deck, FALSE);
}

/* The deck and the number of @parameter, "(ui)" or "(uu)". */
static EchDeckModel *
get_deck_and (EchMainWindow *self, GVariant *parameter, int *out_number)
{
  guint32 index;

  g_variant_get_child (parameter, 0, "u", &index);
  g_variant_get_child (parameter, 1, g_variant_is_of_type (parameter, G_VARIANT_TYPE ("(ui)")) ? "i" : "u",
                       out_number);
  if (self->key_repeats)
    return NULL;
  return ech_session_model_get_deck (self->session, index);
}

static void
on_loop_scale (GtkWidget *widget, const char *name, GVariant *parameter)
{
  int           steps;
  EchDeckModel *deck = get_deck_and (ECH_MAIN_WINDOW (widget), parameter, &steps);

  if (deck)
    ech_deck_model_scale_loop (deck, steps);
}

static void
on_loop_move (GtkWidget *widget, const char *name, GVariant *parameter)
{
  int           direction;
  EchDeckModel *deck = get_deck_and (ECH_MAIN_WINDOW (widget), parameter, &direction);

  if (deck)
    ech_deck_model_move_loop (deck, direction);
}

static void
on_hotcue (GtkWidget *widget, const char *name, GVariant *parameter)
{
  int           index;
  EchDeckModel *deck = get_deck_and (ECH_MAIN_WINDOW (widget), parameter, &index);

  if (deck && index < ECH_N_HOTCUES)
    ech_deck_model_press_hotcue (deck, (guint) index, FALSE);
}

static void
on_pfl (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchDeckModel *deck = get_deck (ECH_MAIN_WINDOW (widget), parameter);
  gboolean      pfl;

  if (!deck)
    return;
  g_object_get (deck, "pfl", &pfl, NULL);
  ech_deck_model_set_pfl (deck, !pfl);
}

static void
on_keylock (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchDeckModel *deck = get_deck (ECH_MAIN_WINDOW (widget), parameter);
  gboolean      keylock;

  if (!deck)
    return;
  g_object_get (deck, "keylock", &keylock, NULL);
  ech_deck_model_set_keylock (deck, !keylock);
}

static void
on_lock (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchDeckModel *deck = get_deck (ECH_MAIN_WINDOW (widget), parameter);
  gboolean      locked;

  if (!deck)
    return;
  g_object_get (deck, "locked", &locked, NULL);
  ech_deck_model_set_locked (deck, !locked);
}

/* To the next choice, and round. */
static void
on_quantize (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchDeckModel    *deck     = get_deck (ECH_MAIN_WINDOW (widget), parameter);
  g_autofree char *quantize = NULL;

  if (!deck)
    return;
  g_object_get (deck, "quantize", &quantize, NULL);
  g_object_set (deck, "quantize",
                ech_quantize_choice ((ech_quantize_find (quantize) + 1) %
                                     ech_quantize_n_choices ()),
                NULL);
}

static void
on_crossfade (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchMixerModel *mixer = ech_session_model_get_mixer (ECH_MAIN_WINDOW (widget)->session);

  ech_mixer_model_set_crossfader (mixer, ech_mixer_model_get_crossfader (mixer) +
                                           g_variant_get_double (parameter));
}

static void
on_crossfade_to (GtkWidget *widget, const char *name, GVariant *parameter)
{
  ech_mixer_model_set_crossfader (ech_session_model_get_mixer (ECH_MAIN_WINDOW (widget)->session),
                                  g_variant_get_double (parameter));
}

static void
on_zoom (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchMainWindow *self = ECH_MAIN_WINDOW (widget);
  double         zoom;

  g_object_get (self->waveform_a, "zoom", &zoom, NULL);
  ech_waveform_view_set_zoom (self->waveform_a, zoom * g_variant_get_double (parameter));
}

static void
on_cancel_waiting (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchMainWindow *self = ECH_MAIN_WINDOW (widget);

  ech_session_model_cancel_waiting (self->session);
  /* Out of an entry, and away from what a space bar could press. */
  gtk_widget_grab_focus (ech_mixer_view_get_crossfader (self->mixer));
}

static void
on_emergency (GtkWidget *widget, const char *name, GVariant *parameter)
{
  ech_session_model_emergency (ECH_MAIN_WINDOW (widget)->session);
}

/* By the toast's button or the key; disabled but for the time in which it counts. */
static void
on_override (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchMainWindow *self = ECH_MAIN_WINDOW (widget);

  if (self->key_repeats || !ech_session_model_do_override (self->session))
    return;
  ech_main_window_end_override (self);
  if (self->toast)
    adw_toast_dismiss (self->toast);
}

static void
on_record (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchMainWindow *self = ECH_MAIN_WINDOW (widget);

  if (!self->key_repeats)
    ech_session_model_set_recording (self->session, !ech_session_model_get_recording (self->session));
}

static void
on_safety (GtkWidget *widget, const char *name, GVariant *parameter)
{
  if (!ECH_MAIN_WINDOW (widget)->key_repeats)
    ech_main_window_toggle_safety (ECH_MAIN_WINDOW (widget));
}

static void
on_fullscreen (GtkWidget *widget, const char *name, GVariant *parameter)
{
  if (gtk_window_is_fullscreen (GTK_WINDOW (widget)))
    gtk_window_unfullscreen (GTK_WINDOW (widget));
  else
    gtk_window_fullscreen (GTK_WINDOW (widget));
}

/* Made when it is asked for: as the application's help overlay it would be there, hidden,
 * from the start, and GTK 4.8 falls over when a screen reader counts hidden windows. */
static void
on_shortcuts (GtkWidget *widget, const char *name, GVariant *parameter)
{
  g_autoptr (GtkBuilder) builder =
    gtk_builder_new_from_resource ("/io/github/echelon_dj/Echelon/shortcuts.ui");
  GtkWindow *window = GTK_WINDOW (gtk_builder_get_object (builder, "shortcuts"));

  gtk_window_set_transient_for (window, GTK_WINDOW (widget));
  gtk_window_set_destroy_with_parent (window, TRUE);
  gtk_window_present (window);
}

/* --- loading --- */

static void
loaded_from (EchMainWindow *self, GFile *file)
{
  g_autoptr (GFile) folder = g_file_get_parent (file);
  g_autofree char  *path   = folder ? g_file_get_path (folder) : NULL;

  if (path && g_utf8_validate (path, -1, NULL))
    ech_settings_set (ech_application_get_settings (self->application), "last-folder",
                      g_variant_new_string (path));
}

static GFile *
get_last_folder (EchMainWindow *self)
{
  g_autofree char *path =
    ech_settings_get_string (ech_application_get_settings (self->application), "last-folder");

  if (*path && g_file_test (path, G_FILE_TEST_IS_DIR))
    return g_file_new_for_path (path);
  path = (g_free (path), g_strdup (g_get_user_special_dir (G_USER_DIRECTORY_MUSIC)));
  return path && g_file_test (path, G_FILE_TEST_IS_DIR) ? g_file_new_for_path (path) : NULL;
}

static GtkFileFilter *
make_filter (void)
{
  GtkFileFilter *filter = gtk_file_filter_new ();

  gtk_file_filter_set_name (filter, _ ("Music"));
  for (const char *const *suffix =
         (const char *const[]){ "wav", "flac", "ogg", "oga", "opus", "mp3", NULL };
       *suffix; suffix++)
    gtk_file_filter_add_suffix (filter, *suffix);
  return filter;
}

static void
load (EchMainWindow *self, guint deck, GFile *file)
{
  loaded_from (self, file);
  ech_file_drop_load (ech_session_model_get_deck (self->session, deck), file);
}

static char *
dialog_title (EchMainWindow *self, guint deck)
{
  return g_strdup_printf (
    _ ("Load on Deck %s"),
    ech_deck_model_get_letter (ech_session_model_get_deck (self->session, deck)));
}

#if GTK_CHECK_VERSION(4, 10, 0)

static void
on_file_chosen (GObject *source, GAsyncResult *result, gpointer data)
{
  EchMainWindow    *self = ECH_MAIN_WINDOW (data);
  g_autoptr (GFile) file = gtk_file_dialog_open_finish (GTK_FILE_DIALOG (source), result, NULL);

  if (file && self->session)
    load (self, GPOINTER_TO_UINT (g_object_get_data (source, "deck")), file);
  g_object_unref (self);
}

static void
ask_for_file (EchMainWindow *self, guint deck)
{
  g_autoptr (GtkFileDialog) dialog  = gtk_file_dialog_new ();
  g_autoptr (GFile)         folder  = get_last_folder (self);
  g_autoptr (GListStore)    filters = g_list_store_new (GTK_TYPE_FILE_FILTER);
  g_autoptr (GtkFileFilter) filter  = make_filter ();
  g_autofree char          *title   = dialog_title (self, deck);

  g_list_store_append (filters, filter);
  gtk_file_dialog_set_title (dialog, title);
  gtk_file_dialog_set_filters (dialog, G_LIST_MODEL (filters));
  if (folder)
    gtk_file_dialog_set_initial_folder (dialog, folder);
  g_object_set_data (G_OBJECT (dialog), "deck", GUINT_TO_POINTER (deck));
  gtk_file_dialog_open (dialog, GTK_WINDOW (self), NULL, on_file_chosen, g_object_ref (self));
}

#else

static void
on_file_response (GtkNativeDialog *dialog, int response, EchMainWindow *self)
{
  g_autoptr (GFile) file = NULL;

  if (response == GTK_RESPONSE_ACCEPT)
    file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
  if (file)
    load (self, GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (dialog), "deck")), file);
  g_object_unref (dialog);
}

static void
ask_for_file (EchMainWindow *self, guint deck)
{
  g_autofree char   *title  = dialog_title (self, deck);
  g_autoptr (GFile)  folder = get_last_folder (self);
  GtkFileChooserNative *dialog =
    gtk_file_chooser_native_new (title, GTK_WINDOW (self), GTK_FILE_CHOOSER_ACTION_OPEN,
                                 _ ("_Load"), _ ("_Cancel"));

  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (dialog), TRUE);
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (dialog), make_filter ());
  if (folder)
    gtk_file_chooser_set_current_folder (GTK_FILE_CHOOSER (dialog), folder, NULL);
  g_object_set_data (G_OBJECT (dialog), "deck", GUINT_TO_POINTER (deck));
  g_signal_connect_object (dialog, "response", G_CALLBACK (on_file_response), self, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (dialog));
}

#endif

static void
on_load (GtkWidget *widget, const char *name, GVariant *parameter)
{
  EchMainWindow *self = ECH_MAIN_WINDOW (widget);

  if (get_deck (self, parameter))
    ask_for_file (self, g_variant_get_uint32 (parameter));
}

/* --- keys that are no shortcuts --- */

static void
bend (EchMainWindow *self, guint key, gboolean held)
{
  EchDeckModel *deck = ech_session_model_get_deck (self->session, bend_keys[key].deck);

  if (deck)
    ech_deck_model_bend (deck, held ? bend_keys[key].direction * ECH_BEND_OFFSET : 0.0);
}

/* What the key says without Shift. */
static guint
get_plain_key (EchMainWindow *self, GtkEventControllerKey *controller, guint keycode)
{
  GdkEvent *event  = gtk_event_controller_get_current_event (GTK_EVENT_CONTROLLER (controller));
  guint     keyval = GDK_KEY_VoidSymbol;

  gdk_display_translate_key (gtk_widget_get_display (GTK_WIDGET (self)), keycode, 0,
                             (int) gdk_key_event_get_layout (event), &keyval, NULL, NULL, NULL);
  return keyval;
}

static gboolean
clear_hotcue (EchMainWindow *self, guint digit, GdkModifierType state)
{
  for (guint i = 0; i < G_N_ELEMENTS (clear_keys); i++) {
    GdkModifierType modifiers;
    EchDeckModel   *deck = ech_session_model_get_deck (self->session, clear_keys[i].deck);

    gtk_accelerator_parse (clear_keys[i].modifiers, NULL, &modifiers);
    if (!deck || (state & gtk_accelerator_get_default_mod_mask ()) != modifiers)
      continue;
    ech_deck_model_clear_hotcue (deck, digit - GDK_KEY_1);
    return GDK_EVENT_STOP;
  }
  return GDK_EVENT_PROPAGATE;
}

static gboolean
on_key_pressed (GtkEventControllerKey *controller,
                guint                  keyval,
                guint                  keycode,
                GdkModifierType        state,
                EchMainWindow         *self)
{
  guint plain = get_plain_key (self, controller, keycode);

  if (plain >= GDK_KEY_1 && plain < GDK_KEY_1 + ECH_N_HOTCUES)
    return clear_hotcue (self, plain, state);
  if (state & (GDK_CONTROL_MASK | GDK_ALT_MASK | GDK_SUPER_MASK))
    return GDK_EVENT_PROPAGATE;
  for (guint i = 0; i < G_N_ELEMENTS (bend_keys); i++) {
    if (gdk_keyval_to_lower (keyval) != gdk_keyval_from_name (bend_keys[i].key))
      continue;
    if (self->held_keys[i] == 0)
      bend (self, i, TRUE);
    self->held_keys[i] = keycode;
    return GDK_EVENT_STOP;
  }
  return GDK_EVENT_PROPAGATE;
}

/* Before everybody else. */
static gboolean
on_any_key_pressed (GtkEventControllerKey *controller,
                    guint                  keyval,
                    guint                  keycode,
                    GdkModifierType        state,
                    EchMainWindow         *self)
{
  self->key_repeats = self->key_down == keycode;
  self->key_down    = keycode;
  return GDK_EVENT_PROPAGATE;
}

/* By the key itself: its letter may be another one by now (Shift, another layout). */
static void
on_key_released (GtkEventControllerKey *controller,
                 guint                  keyval,
                 guint                  keycode,
                 GdkModifierType        state,
                 EchMainWindow         *self)
{
  self->key_repeats = FALSE;
  self->key_down    = 0;
  for (guint i = 0; i < G_N_ELEMENTS (bend_keys); i++)
    if (self->held_keys[i] == keycode) {
      self->held_keys[i] = 0;
      bend (self, i, FALSE);
    }
}

/* The window is not the active one any more, or is gone: its keys' releases go elsewhere. */
static void
let_keys_go (EchMainWindow *self)
{
  self->key_repeats = FALSE;
  self->key_down    = 0;
  for (guint i = 0; i < G_N_ELEMENTS (bend_keys); i++)
    if (self->held_keys[i] != 0) {
      self->held_keys[i] = 0;
      bend (self, i, FALSE);
    }
}

static void
on_is_active (EchMainWindow *self)
{
  if (!gtk_window_is_active (GTK_WINDOW (self)))
    let_keys_go (self);
}

static void
add_held_keys (EchMainWindow *self)
{
  GtkEventController *pressed = gtk_event_controller_key_new ();
  GtkEventController *all     = gtk_event_controller_key_new ();

  G_STATIC_ASSERT (G_N_ELEMENTS (bend_keys) <= G_N_ELEMENTS (self->held_keys));
  /* An entry takes its letters first; a release is for everybody. */
  gtk_event_controller_set_propagation_phase (all, GTK_PHASE_CAPTURE);
  g_signal_connect (pressed, "key-pressed", G_CALLBACK (on_key_pressed), self);
  g_signal_connect (all, "key-pressed", G_CALLBACK (on_any_key_pressed), self);
  g_signal_connect (all, "key-released", G_CALLBACK (on_key_released), self);
  gtk_widget_add_controller (GTK_WIDGET (self), pressed);
  gtk_widget_add_controller (GTK_WIDGET (self), all);
  g_signal_connect (self, "notify::is-active", G_CALLBACK (on_is_active), NULL);
  g_signal_connect (self, "unmap", G_CALLBACK (let_keys_go), NULL);
}

/* --- setting up --- */

void
ech_main_window_class_install_actions (GtkWidgetClass *widget_class)
{
  gtk_widget_class_install_action (widget_class, "win.play", "u", on_play);
  gtk_widget_class_install_action (widget_class, "win.play-now", "u", on_play);
  gtk_widget_class_install_action (widget_class, "win.cue", "u", on_cue);
  gtk_widget_class_install_action (widget_class, "win.cue-now", "u", on_cue);
  gtk_widget_class_install_action (widget_class, "win.sync", "u", on_sync);
  gtk_widget_class_install_action (widget_class, "win.jump", "(ud)", on_jump);
  gtk_widget_class_install_action (widget_class, "win.tempo", "(ud)", on_tempo);
  gtk_widget_class_install_action (widget_class, "win.kill", "(uu)", on_kill);
  gtk_widget_class_install_action (widget_class, "win.quantize", "u", on_quantize);
  gtk_widget_class_install_action (widget_class, "win.loop", "u", on_loop);
  gtk_widget_class_install_action (widget_class, "win.loop-now", "u", on_loop);
  gtk_widget_class_install_action (widget_class, "win.loop-in", "u", on_loop_point);
  gtk_widget_class_install_action (widget_class, "win.loop-out", "u", on_loop_point);
  gtk_widget_class_install_action (widget_class, "win.loop-scale", "(ui)", on_loop_scale);
  gtk_widget_class_install_action (widget_class, "win.loop-move", "(ui)", on_loop_move);
  gtk_widget_class_install_action (widget_class, "win.hotcue", "(uu)", on_hotcue);
  gtk_widget_class_install_action (widget_class, "win.pfl", "u", on_pfl);
  gtk_widget_class_install_action (widget_class, "win.keylock", "u", on_keylock);
  gtk_widget_class_install_action (widget_class, "win.lock", "u", on_lock);
  gtk_widget_class_install_action (widget_class, "win.load", "u", on_load);
  gtk_widget_class_install_action (widget_class, "win.crossfade", "d", on_crossfade);
  gtk_widget_class_install_action (widget_class, "win.crossfade-to", "d", on_crossfade_to);
  gtk_widget_class_install_action (widget_class, "win.zoom", "d", on_zoom);
  gtk_widget_class_install_action (widget_class, "win.cancel-waiting", NULL, on_cancel_waiting);
  gtk_widget_class_install_action (widget_class, "win.emergency", NULL, on_emergency);
  gtk_widget_class_install_action (widget_class, "win.override", NULL, on_override);
  gtk_widget_class_install_action (widget_class, "win.record", NULL, on_record);
  gtk_widget_class_install_action (widget_class, "win.safety", NULL, on_safety);
  gtk_widget_class_install_action (widget_class, "win.fullscreen", NULL, on_fullscreen);
  gtk_widget_class_install_action (widget_class, "win.shortcuts", NULL, on_shortcuts);
}

void
ech_main_window_add_shortcuts (EchMainWindow *self)
{
  GtkEventController *controller = gtk_shortcut_controller_new ();

  gtk_event_controller_set_propagation_phase (controller, GTK_PHASE_BUBBLE);
  for (guint i = 0; i < G_N_ELEMENTS (shortcuts); i++) {
    GtkShortcut *shortcut = gtk_shortcut_new (gtk_shortcut_trigger_parse_string (shortcuts[i].keys),
                                              gtk_named_action_new (shortcuts[i].action));

    if (shortcuts[i].arguments) {
      GVariant *arguments = g_variant_parse (NULL, shortcuts[i].arguments, NULL, NULL, NULL);

      g_assert (arguments);
      gtk_shortcut_set_arguments (shortcut, arguments);
      g_variant_unref (arguments);
    }
    gtk_shortcut_controller_add_shortcut (GTK_SHORTCUT_CONTROLLER (controller), shortcut);
  }
  gtk_widget_add_controller (GTK_WIDGET (self), controller);
  add_held_keys (self);
}
