/* See preferences.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "app/preferences.h"

#include "app/preferences-safety.h"
#include "ui/deck/quantize.h"
#include "ui/ech-ui.h"

static const double      range_values[] = { 0.04, 0.08, 0.16, 0.50 };
static const char *const range_labels[] = { "±4 %", "±8 %", "±16 %", "±50 %", NULL };
static const char *const curve_values[] = { "constant-power", "linear", "cut" };
static const char *const curve_labels[] = { N_ ("Constant power"), N_ ("Linear"), N_ ("Cut"), NULL };

struct preferences {
  EchApplication *application; /* outlives the window */
  EchSettings    *settings;    /* the application's */
  GtkWidget      *window;
  GtkWidget      *osc_switch;
  GtkWidget      *osc_row;
  GtkWidget      *folder_row;
  GtkWidget      *folder_button;
  GtkWidget      *folder_reset;
  GtkNativeDialog *folder_dialog; /* while it is open */
  gulong          drivers_handler;
};

/* --- rows --- */

static AdwPreferencesGroup *
add_group (AdwPreferencesPage *page, const char *title)
{
  AdwPreferencesGroup *group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());

  adw_preferences_group_set_title (group, title);
  adw_preferences_page_add (page, group);
  return group;
}

static GtkWidget *
add_row (AdwPreferencesGroup *group, const char *title, const char *subtitle, GtkWidget *control)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  if (subtitle)
    adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  gtk_widget_set_valign (control, GTK_ALIGN_CENTER);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), control);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), control);
  /* The row names its widget, too: read with ours it would be heard twice. */
  gtk_accessible_reset_relation (GTK_ACCESSIBLE (control), GTK_ACCESSIBLE_RELATION_LABELLED_BY);
  ech_ui_set_accessible (GTK_ACCESSIBLE (control), title, subtitle);
  if (GTK_IS_DROP_DOWN (control)) /* its inner button is met by screen readers, too */
    ech_ui_set_accessible (GTK_ACCESSIBLE (gtk_widget_get_first_child (control)), title, NULL);
  adw_preferences_group_add (group, row);
  return row;
}

static GtkWidget *
make_choice (char **labels, guint selected, GCallback on_selected, struct preferences *p)
{
  GtkWidget *choice = gtk_drop_down_new_from_strings ((const char *const *) labels);

  gtk_drop_down_set_selected (GTK_DROP_DOWN (choice), selected);
  g_signal_connect (choice, "notify::selected", on_selected, p);
  return choice;
}

static GtkWidget *
make_switch (struct preferences *p, const char *key, GCallback on_active)
{
  GtkWidget *sw = gtk_switch_new ();

  gtk_switch_set_active (GTK_SWITCH (sw), ech_settings_get_boolean (p->settings, key));
  g_object_set_data (G_OBJECT (sw), "key", (gpointer) key);
  g_signal_connect (sw, "notify::active", on_active, p);
  return sw;
}

/* --- decks and mixer --- */

static void
on_quantize (GtkDropDown *choice, GParamSpec *pspec, struct preferences *p)
{
  ech_settings_set (p->settings, "quantize",
                    g_variant_new_string (ech_quantize_choice (gtk_drop_down_get_selected (choice))));
  ech_application_apply_settings (p->application);
}

static void
on_range (GtkDropDown *choice, GParamSpec *pspec, struct preferences *p)
{
  ech_settings_set (p->settings, "tempo-range",
                    g_variant_new_double (range_values[gtk_drop_down_get_selected (choice)]));
  ech_application_apply_settings (p->application);
}

static void
on_curve (GtkDropDown *choice, GParamSpec *pspec, struct preferences *p)
{
  ech_settings_set (p->settings, "crossfader-curve",
                    g_variant_new_string (curve_values[gtk_drop_down_get_selected (choice)]));
  ech_application_apply_settings (p->application);
}

static guint
find_range (EchSettings *settings)
{
  double range = ech_settings_get_double (settings, "tempo-range");

  for (guint i = 0; i < G_N_ELEMENTS (range_values); i++)
    if (fabs (range_values[i] - range) < 0.005)
      return i;
  return 1;
}

static guint
find_curve (EchSettings *settings)
{
  g_autofree char *curve = ech_settings_get_string (settings, "crossfader-curve");

  for (guint i = 0; i < G_N_ELEMENTS (curve_values); i++)
    if (strcmp (curve_values[i], curve) == 0)
      return i;
  return 0;
}

static void
add_decks (struct preferences *p, AdwPreferencesPage *page)
{
  AdwPreferencesGroup *group    = add_group (page, _ ("Decks and mixer"));
  g_autofree char     *quantize = ech_settings_get_string (p->settings, "quantize");
  g_auto (GStrv)       labels   = ech_quantize_labels ();
  g_autoptr (GStrvBuilder) curves = g_strv_builder_new ();
  g_auto (GStrv)           curve_names = NULL;

  for (guint i = 0; curve_labels[i]; i++)
    g_strv_builder_add (curves, _ (curve_labels[i]));
  curve_names = g_strv_builder_end (curves);

  add_row (group, _ ("Quantise"), _ ("What play, stop, cue and jumps wait for"),
           make_choice (labels, ech_quantize_find (quantize), G_CALLBACK (on_quantize), p));
  add_row (group, _ ("Tempo range"), _ ("Of both tempo faders"),
           make_choice ((char **) range_labels, find_range (p->settings), G_CALLBACK (on_range), p));
  add_row (group, _ ("Crossfader curve"), NULL,
           make_choice (curve_names, find_curve (p->settings), G_CALLBACK (on_curve), p));
}

/* --- audio --- */

static void
on_plain_switch (GtkSwitch *sw, GParamSpec *pspec, struct preferences *p)
{
  ech_settings_set (p->settings, g_object_get_data (G_OBJECT (sw), "key"),
                    g_variant_new_boolean (gtk_switch_get_active (sw)));
}

static void
add_audio (struct preferences *p, AdwPreferencesPage *page)
{
  add_row (add_group (page, _ ("Audio")), _ ("One PipeWire node for all"),
           _ ("For the smallest quantums. From the next start on."),
           make_switch (p, "fused", G_CALLBACK (on_plain_switch)));
}

/* --- recording --- */

static void
show_folder (struct preferences *p)
{
  g_autofree char *folder = ech_settings_get_string (p->settings, "record-folder");
  g_autofree char *shown  = *folder ? g_filename_display_name (folder) : g_strdup (_ ("“Echelon” in the music folder"));
  g_autofree char *safe   = g_markup_escape_text (shown, -1);

  adw_action_row_set_subtitle (ADW_ACTION_ROW (p->folder_row), safe);
  gtk_accessible_update_property (GTK_ACCESSIBLE (p->folder_button), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, shown, -1);
  gtk_widget_set_sensitive (p->folder_reset, *folder != '\0');
}

static void
set_folder (struct preferences *p, const char *path)
{
  ech_settings_set (p->settings, "record-folder", g_variant_new_string (path));
  ech_application_apply_settings (p->application);
  show_folder (p);
}

static void
on_folder_response (GtkNativeDialog *dialog, int response, struct preferences *p)
{
  g_autoptr (GFile) file = NULL;
  g_autofree char  *path = NULL;

  if (response == GTK_RESPONSE_ACCEPT)
    file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
  path = file ? g_file_get_path (file) : NULL;
  /* the settings hold text */
  if (path && g_utf8_validate (path, -1, NULL))
    set_folder (p, path);
  g_clear_object (&p->folder_dialog);
}

static void
on_folder_clicked (struct preferences *p)
{
  if (p->folder_dialog)
    return;
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  p->folder_dialog = GTK_NATIVE_DIALOG (
    gtk_file_chooser_native_new (_ ("Folder for Recordings"), GTK_WINDOW (p->window),
                                 GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _ ("_Select"), _ ("_Cancel")));
  G_GNUC_END_IGNORE_DEPRECATIONS
  gtk_native_dialog_set_modal (p->folder_dialog, TRUE);
  g_signal_connect (p->folder_dialog, "response", G_CALLBACK (on_folder_response), p);
  gtk_native_dialog_show (p->folder_dialog);
}

static void
on_folder_reset (struct preferences *p)
{
  set_folder (p, "");
}

static void
on_format (GtkDropDown *choice, GParamSpec *pspec, struct preferences *p)
{
  ech_settings_set (p->settings, "record-pcm24", g_variant_new_boolean (gtk_drop_down_get_selected (choice) == 1));
  ech_application_apply_settings (p->application);
}

static void
add_recording (struct preferences *p, AdwPreferencesPage *page)
{
  AdwPreferencesGroup *group     = add_group (page, _ ("Recording"));
  char                *formats[] = { _ ("32-bit floating point"), _ ("24-bit integers"), NULL };

  p->folder_button = gtk_button_new_with_label (_ ("Choose…"));
  p->folder_reset  = gtk_button_new_from_icon_name ("edit-undo-symbolic");
  p->folder_row    = add_row (group, _ ("Folder"), NULL, p->folder_button);
  ech_ui_set_accessible (GTK_ACCESSIBLE (p->folder_button), _ ("Folder for recordings"), NULL);
  gtk_widget_set_valign (p->folder_reset, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (p->folder_reset, _ ("Back to “Echelon” in the music folder"));
  ech_ui_set_accessible (GTK_ACCESSIBLE (p->folder_reset), _ ("Back to “Echelon” in the music folder"), NULL);
  adw_action_row_add_suffix (ADW_ACTION_ROW (p->folder_row), p->folder_reset);
  g_signal_connect_swapped (p->folder_button, "clicked", G_CALLBACK (on_folder_clicked), p);
  g_signal_connect_swapped (p->folder_reset, "clicked", G_CALLBACK (on_folder_reset), p);
  add_row (group, _ ("Format"), _ ("Of the next recording's file"),
           make_choice (formats, ech_settings_get_boolean (p->settings, "record-pcm24") ? 1 : 0,
                        G_CALLBACK (on_format), p));
  show_folder (p);
}

/* --- OSC --- */

static void
show_osc (struct preferences *p)
{
  g_autofree char *text = ech_application_describe_osc (p->application);
  g_autofree char *safe = g_markup_escape_text (text, -1);

  adw_action_row_set_subtitle (ADW_ACTION_ROW (p->osc_row), safe);
}

static void
apply_osc (struct preferences *p)
{
  g_autoptr (GError) error = NULL;

  if (!ech_application_apply_osc (p->application, &error)) {
    g_autofree char *safe = g_markup_escape_text (error->message, -1);

    adw_preferences_window_add_toast (ADW_PREFERENCES_WINDOW (p->window), adw_toast_new (safe));
  }
  show_osc (p);
}

static void
on_osc_switch (GtkSwitch *sw, GParamSpec *pspec, struct preferences *p)
{
  on_plain_switch (sw, pspec, p);
  apply_osc (p);
}

static void
on_osc_port (GtkSpinButton *spin, struct preferences *p)
{
  int port = gtk_spin_button_get_value_as_int (spin);

  if (port == ech_settings_get_int (p->settings, "osc-port"))
    return;
  ech_settings_set (p->settings, "osc-port", g_variant_new_int32 (port));
  apply_osc (p);
}

static void
add_osc (struct preferences *p, AdwPreferencesPage *page)
{
  AdwPreferencesGroup *group = add_group (page, _ ("Open Sound Control"));
  GtkWidget           *port  = gtk_spin_button_new_with_range (1024, 65535, 1);

  p->osc_row = add_row (group, _ ("Listen for OSC"), NULL,
                        make_switch (p, "osc-enabled", G_CALLBACK (on_osc_switch)));
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (port), ech_settings_get_int (p->settings, "osc-port"));
  g_signal_connect (port, "value-changed", G_CALLBACK (on_osc_port), p);
  add_row (group, _ ("UDP port"), NULL, port);
  add_row (group, _ ("Accept from other computers"), _ ("Off: only programs on this one can send"),
           make_switch (p, "osc-open", G_CALLBACK (on_osc_switch)));
  show_osc (p);
}

static void
add_link (struct preferences *p, AdwPreferencesPage *page)
{
  if (ech_driver_host_find (ech_application_get_drivers (p->application), "link") < 0)
    return;
  add_row (add_group (page, "Ableton Link"), _ ("Enable Ableton Link at start"),
           _ ("Now: by the button in the window"),
           make_switch (p, "link-enabled", G_CALLBACK (on_plain_switch)));
}

static void
on_destroy (GtkWidget *window, struct preferences *p)
{
  EchDriverHost *drivers = ech_application_get_drivers (p->application);

  if (drivers)
    g_signal_handler_disconnect (drivers, p->drivers_handler);
  if (p->folder_dialog)
    gtk_native_dialog_destroy (p->folder_dialog);
  g_clear_object (&p->folder_dialog);
  g_free (p);
}

void
ech_preferences_present (EchApplication *application, GtkWindow *parent, const char *page_name)
{
  struct preferences *p    = g_new0 (struct preferences, 1);
  AdwPreferencesPage *page = ADW_PREFERENCES_PAGE (adw_preferences_page_new ());
  AdwPreferencesPage *safety;

  p->application = application;
  p->settings    = ech_application_get_settings (application);
  p->window      = adw_preferences_window_new ();
  gtk_window_set_title (GTK_WINDOW (p->window), _ ("Preferences"));
  gtk_window_set_transient_for (GTK_WINDOW (p->window), parent);
  gtk_window_set_destroy_with_parent (GTK_WINDOW (p->window), TRUE);
  adw_preferences_window_set_search_enabled (ADW_PREFERENCES_WINDOW (p->window), FALSE);
  add_decks (p, page);
  add_audio (p, page);
  add_recording (p, page);
  add_osc (p, page);
  add_link (p, page);
  adw_preferences_page_set_title (page, _ ("General"));
  adw_preferences_page_set_name (page, "general");
  adw_preferences_page_set_icon_name (page, "preferences-system-symbolic");
  adw_preferences_window_add (ADW_PREFERENCES_WINDOW (p->window), page);
  safety = ech_preferences_safety_new (ech_application_get_policy (application), ADW_PREFERENCES_WINDOW (p->window));
  adw_preferences_window_add (ADW_PREFERENCES_WINDOW (p->window), safety);
  adw_preferences_window_set_visible_page_name (ADW_PREFERENCES_WINDOW (p->window), page_name);
  p->drivers_handler = g_signal_connect_swapped (ech_application_get_drivers (application),
                                                 "changed", G_CALLBACK (show_osc), p);
  g_signal_connect (p->window, "destroy", G_CALLBACK (on_destroy), p);
  gtk_window_present (GTK_WINDOW (p->window));
}
