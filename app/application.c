/* See application.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include <glib-unix.h>

#include "app/application.h"

#include "app/benchmark.h"
#include "app/main-window.h"
#include "app/preferences.h"
#include "app/session-offer.h"
#include "engine/journal.h"
#include "ui/ech-ui.h"

struct _EchApplication {
  AdwApplication parent_instance;

  /* owned */
  EchSettings     *settings;
  EchEngine       *engine;
  EchSessionModel *session;
  EchDriverHost   *drivers;
  EchSessionOffer *offer; /* NULL in a benchmark */
  EchPolicyWatch  *policy;
  guint            signal_sources[2];

  int benchmark_seconds; /* 0 = none */
};

G_DEFINE_FINAL_TYPE (EchApplication, ech_application, ADW_TYPE_APPLICATION)

static const char *const curve_names[] = { "constant-power", "linear", "cut" };

EchSettings *
ech_application_get_settings (EchApplication *self)
{
  return self->settings;
}

EchSessionModel *
ech_application_get_session (EchApplication *self)
{
  return self->session;
}

EchDriverHost *
ech_application_get_drivers (EchApplication *self)
{
  return self->drivers;
}

EchPolicyWatch *
ech_application_get_policy (EchApplication *self)
{
  return self->policy;
}

void
ech_application_apply_settings (EchApplication *self)
{
  g_autofree char *quantize = ech_settings_get_string (self->settings, "quantize");
  g_autofree char *curve    = ech_settings_get_string (self->settings, "crossfader-curve");
  g_autofree char *folder   = ech_settings_get_string (self->settings, "record-folder");
  double           range    = ech_settings_get_double (self->settings, "tempo-range");

  for (guint i = 0; i < ech_session_model_get_n_decks (self->session); i++)
    g_object_set (ech_session_model_get_deck (self->session, i), "quantize", quantize,
                  "tempo-range", round (range * 100.0), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (curve_names); i++)
    if (strcmp (curve, curve_names[i]) == 0)
      ech_engine_set_crossfader_curve (self->engine, i);
  ech_engine_set_record (self->engine, folder, ech_settings_get_boolean (self->settings, "record-pcm24"));
}

/* --- drivers --- */

static GVariant *
get_driver_setting (const char *id, const char *key, void *data)
{
  EchApplication *self = data;

  if (strcmp (id, "link") == 0 && strcmp (key, "join") == 0)
    return g_variant_new_boolean (ech_settings_get_boolean (self->settings, "link-enabled"));
  if (strcmp (id, "osc") != 0)
    return NULL;
  if (strcmp (key, "enabled") == 0)
    return g_variant_new_boolean (ech_settings_get_boolean (self->settings, "osc-enabled"));
  if (strcmp (key, "port") == 0)
    return g_variant_new_int32 (ech_settings_get_int (self->settings, "osc-port"));
  if (strcmp (key, "open") == 0)
    return g_variant_new_boolean (ech_settings_get_boolean (self->settings, "osc-open"));
  return NULL;
}

gboolean
ech_application_apply_osc (EchApplication *self, GError **error)
{
  int      index  = ech_driver_host_find (self->drivers, "osc");
  gboolean wanted = ech_settings_get_boolean (self->settings, "osc-enabled");

  if (index < 0 && !wanted)
    return TRUE;
  if (index < 0) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _ ("OSC is not installed"));
    return FALSE;
  }
  ech_driver_host_stop (self->drivers, (unsigned) index);
  return ech_driver_host_set_enabled (self->drivers, (unsigned) index, wanted, error);
}

char *
ech_application_describe_osc (EchApplication *self)
{
  int                    index = ech_driver_host_find (self->drivers, "osc");
  struct ech_driver_info info;

  if (index < 0)
    return g_strdup (_ ("The OSC driver is not installed"));
  ech_driver_host_get_info (self->drivers, (unsigned) index, &info);
  if (info.text[0] != '\0')
    return g_strdup (info.text);
  return g_strdup (info.state == ECH_DRIVER_RUNNING ? _ ("Listening") : _ ("Switched off"));
}

static void
start_drivers (EchApplication *self)
{
  self->drivers = ech_driver_host_new (self->engine, get_driver_setting, self);
  ech_driver_host_scan (self->drivers, NULL);
  ech_driver_host_start_all (self->drivers);
}

/* --- safety policy --- */

static void
tell_policy_fault (EchApplication *self)
{
  GList *windows = gtk_application_get_windows (GTK_APPLICATION (self));

  for (GList *l = windows; l; l = l->next)
    if (ECH_IS_MAIN_WINDOW (l->data))
      ech_main_window_show_policy_fault (l->data, ech_policy_watch_get_fault (self->policy) != NULL,
                                         ech_policy_watch_get_fault_line (self->policy));
}

/* The window offers a second step where the policy has one. */
static void
tell_override (EchApplication *self)
{
  const struct ech_policy *policy = ech_policy_watch_get_policy (self->policy);

  if (self->session)
    ech_session_model_set_override (self->session, policy->human_override,
                                    policy->override_least_ms, policy->override_window_ms);
}

static void
on_policy_changed (EchApplication *self)
{
  const char *fault = ech_policy_watch_get_fault (self->policy);

  if (fault)
    g_warning ("%s: %s; the policy before it stays in force",
               ech_policy_watch_get_path (self->policy), fault);
  else if (self->engine)
    ech_engine_set_policy (self->engine, ech_policy_watch_get_policy (self->policy));
  tell_override (self);
  tell_policy_fault (self);
}

static void
start_policy (EchApplication *self)
{
  g_autofree char *path = ech_policy_default_path ();

  self->policy = ech_policy_watch_new (path);
  g_signal_connect_object (self->policy, "changed", G_CALLBACK (on_policy_changed), self,
                           G_CONNECT_SWAPPED);
  on_policy_changed (self);
}

/* --- engine --- */

static void
start_engine (EchApplication *self)
{
  g_autofree char         *folder = ech_journal_default_folder ();
  g_autofree char         *timing = ech_settings_get_string (self->settings, "default-timing");
  struct ech_engine_config config = { 0 };
  g_autoptr (GError)      error   = NULL;

  config.n_decks = (uint32_t) MAX (2, ech_settings_get_int (self->settings, "decks"));
  config.fused   = ech_settings_get_boolean (self->settings, "fused");

  config.policy         = ech_policy_watch_get_policy (self->policy);
  config.journal_folder = folder;
  if (ech_timing_parse (timing, &config.default_timing) != 0)
    config.default_timing.kind = ECH_TIMING_NOW;

  self->engine = ech_engine_new (&config);
  if (!ech_engine_start (self->engine, &error))
    g_warning ("%s", error->message);
  self->session = ech_session_model_new (self->engine);
  tell_override (self);
}

static gboolean
on_quit_signal (gpointer data)
{
  g_application_quit (G_APPLICATION (data));
  return G_SOURCE_CONTINUE;
}

/* --- actions --- */

static void
on_quit (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (data));

  /* The window asks first when music plays. */
  if (window)
    gtk_window_close (window);
  else
    g_application_quit (G_APPLICATION (data));
}

static void
on_preferences (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  EchApplication *self = ECH_APPLICATION (data);

  ech_preferences_present (self, gtk_application_get_active_window (GTK_APPLICATION (self)),
                           "general");
}

static void
on_safety (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  EchApplication *self = ECH_APPLICATION (data);

  ech_preferences_present (self, gtk_application_get_active_window (GTK_APPLICATION (self)),
                           "safety");
}

static void
on_about (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  adw_show_about_window (gtk_application_get_active_window (GTK_APPLICATION (data)),
                         "application-name", "Echelon", "application-icon", ECH_APP_ID, "version",
                         ECH_VERSION, "developer-name", _ ("The Echelon developers"),
                         "license-type", GTK_LICENSE_GPL_3_0, "comments",
                         _ ("Actions that wait for their beat and land on the sample"), NULL);
}

static void
add_actions (EchApplication *self)
{
  static const GActionEntry entries[] = {
    { .name = "quit", .activate = on_quit },
    { .name = "preferences", .activate = on_preferences },
    { .name = "safety", .activate = on_safety },
    { .name = "about", .activate = on_about },
  };

  g_action_map_add_action_entries (G_ACTION_MAP (self), entries, G_N_ELEMENTS (entries), self);
  gtk_application_set_accels_for_action (GTK_APPLICATION (self), "app.quit",
                                         (const char *[]){ "<Control>q", NULL });
  gtk_application_set_accels_for_action (GTK_APPLICATION (self), "app.preferences",
                                         (const char *[]){ "<Control>comma", NULL });
}

/* --- application --- */

static void
ech_application_startup (GApplication *application)
{
  EchApplication *self = ECH_APPLICATION (application);

  G_APPLICATION_CLASS (ech_application_parent_class)->startup (application);

  adw_style_manager_set_color_scheme (adw_style_manager_get_default (),
                                      ADW_COLOR_SCHEME_FORCE_DARK);
  ech_ui_init ();
  self->settings = ech_settings_new ();
  start_policy (self);
  start_engine (self);
  start_drivers (self);
  if (self->benchmark_seconds == 0)
    self->offer = ech_session_offer_new (self->engine);
  ech_application_apply_settings (self);
  add_actions (self);
  self->signal_sources[0] = g_unix_signal_add (SIGINT, on_quit_signal, self);
  self->signal_sources[1] = g_unix_signal_add (SIGTERM, on_quit_signal, self);
}

static GtkWindow *
ensure_window (EchApplication *self)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (self));

  if (!window) {
    window = GTK_WINDOW (ech_main_window_new (self));
    tell_policy_fault (self);
    if (self->benchmark_seconds > 0)
      ech_benchmark_attach (window, self->session, self->benchmark_seconds);
  }
  return window;
}

static void
ech_application_activate (GApplication *application)
{
  EchApplication *self   = ECH_APPLICATION (application);
  GtkWindow      *window = ensure_window (self);

  gtk_window_present (window);
  if (self->offer)
    ech_session_offer_present (self->offer, ECH_MAIN_WINDOW (window));
}

/* Files go to the empty decks, A first; a deck that has a track keeps it. */
static void
ech_application_open (GApplication *application, GFile **files, int n_files, const char *hint)
{
  EchApplication *self   = ECH_APPLICATION (application);
  GtkWindow      *window = ensure_window (self);

  gtk_window_present (window);
  ech_main_window_open (ECH_MAIN_WINDOW (window), files, (guint) n_files);
  if (self->offer)
    ech_session_offer_present (self->offer, ECH_MAIN_WINDOW (window));
}

static int
ech_application_handle_local_options (GApplication *application, GVariantDict *options)
{
  EchApplication *self = ECH_APPLICATION (application);

  if (g_variant_dict_contains (options, "version")) {
    g_print ("echelon %s\n", ECH_VERSION);
    return 0;
  }
  g_variant_dict_lookup (options, "benchmark", "i", &self->benchmark_seconds);
  if (self->benchmark_seconds > 0)
    g_application_set_flags (application,
                             g_application_get_flags (application) | G_APPLICATION_NON_UNIQUE);
  return -1;
}

static void
ech_application_shutdown (GApplication *application)
{
  EchApplication *self = ECH_APPLICATION (application);
  GList          *windows;

  g_clear_pointer (&self->offer, ech_session_offer_free);
  /* First what looks at the session, then the session, then what it looks at. */
  while ((windows = gtk_application_get_windows (GTK_APPLICATION (self))))
    gtk_window_destroy (windows->data);
  if (self->session)
    g_object_run_dispose (G_OBJECT (self->session));
  g_clear_object (&self->session);
  if (self->drivers)
    ech_driver_host_stop_all (self->drivers);
  g_clear_object (&self->drivers);
  g_clear_object (&self->policy);
  g_clear_pointer (&self->engine, ech_engine_free);
  g_clear_pointer (&self->settings, ech_settings_free);
  for (guint i = 0; i < G_N_ELEMENTS (self->signal_sources); i++)
    g_clear_handle_id (&self->signal_sources[i], g_source_remove);

  G_APPLICATION_CLASS (ech_application_parent_class)->shutdown (application);
}

static void
ech_application_class_init (EchApplicationClass *klass)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

  application_class->startup              = ech_application_startup;
  application_class->activate             = ech_application_activate;
  application_class->open                 = ech_application_open;
  application_class->handle_local_options = ech_application_handle_local_options;
  application_class->shutdown             = ech_application_shutdown;
}

static void
ech_application_init (EchApplication *self)
{
  static const GOptionEntry options[] = {
    { "version", 0, 0, G_OPTION_ARG_NONE, NULL, N_ ("Show the version and exit"), NULL },
    { "benchmark", 0, 0, G_OPTION_ARG_INT, NULL,
      N_ ("Play, measure start and drawing for so many seconds, print the figures and exit"),
      N_ ("SECONDS") },
    { NULL },
  };

  g_application_add_main_option_entries (G_APPLICATION (self), options);
  g_application_set_option_context_parameter_string (G_APPLICATION (self), _ ("[TRACK…]"));
  g_application_set_option_context_summary (
    G_APPLICATION (self), _ ("Echelon, a DJ performance instrument. The first TRACK goes to deck "
                             "A, the second to deck B."));
}

EchApplication *
ech_application_new (void)
{
  return g_object_new (ECH_TYPE_APPLICATION, "application-id", ECH_APP_ID, "flags",
                       G_APPLICATION_HANDLES_OPEN, "resource-base-path",
                       "/io/github/echelon_dj/Echelon", NULL);
}
