/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/run.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>

#include "app/cli/telemetry.h"
#include "drivers/host/driver-host.h"
#include "engine/engine.h"
#include "engine/journal-line.h"
#include "engine/journal.h"
#include "engine/policy-watch.h"
#include "engine/session-keeper.h"
#include "engine/session-restore.h"

struct run {
  gboolean no_link, link, fused, json, no_osc;
  int      osc_port;
  char    *osc_hands; /* owned; nullable */
  int      decks;
  gboolean no_journal;
  char    *journal;
  char   **drivers;  /* --driver */
  char   **settings; /* --set */
  gboolean restore, no_session;
  char    *record_folder;
  gboolean record_pcm24;
  double   telemetry_s; /* 0 = none */
  char    *policy_file;

  GMainLoop     *loop;
  EchEngine     *engine;
  EchDriverHost *host;
  EchLane       *lane;

  EchSessionKeeper  *keeper;    /* nullable */
  EchSessionRestore *restoring; /* nullable */
  EchPolicyWatch    *policy;
};

/* Without its own number the option takes none of what follows it: that is a track. */
static void
guard_telemetry (int argc, char **argv)
{
  static char each_second[] = "--telemetry=1";

  for (int i = 1; i < argc; i++) {
    char *end;

    if (strcmp (argv[i], "--telemetry") != 0)
      continue;
    if (i + 1 == argc || (g_ascii_strtod (argv[i + 1], &end), end == argv[i + 1] || *end != '\0'))
      argv[i] = each_second;
  }
}

static gboolean
parse_options (struct run *run, int *argc, char ***argv, GError **error)
{
  g_autoptr (GOptionContext) context   = g_option_context_new ("[TRACK...]");
  const GOptionEntry         entries[] = {
    { "link", 0, 0, G_OPTION_ARG_NONE, &run->link, "Enable Ableton Link at once", NULL },
    { "no-link", 0, 0, G_OPTION_ARG_NONE, &run->no_link, "Do not start the Ableton Link driver", NULL },
    { "no-osc", 0, 0, G_OPTION_ARG_NONE, &run->no_osc, "Do not listen for OSC", NULL },
    { "osc-port", 'p', 0, G_OPTION_ARG_INT, &run->osc_port, "UDP port on loopback for OSC (8000)", "N" },
    { "osc-hands", 0, 0, G_OPTION_ARG_STRING, &run->osc_hands,
      "OSC senders that may take a name that the policy calls a hand (nobody)", "ADDRESSES" },
    { "decks", 'd', 0, G_OPTION_ARG_INT, &run->decks, "Number of decks, 1..4 (2)", "N" },
    { "fused", 0, 0, G_OPTION_ARG_NONE, &run->fused, "One PipeWire node for all, for the smallest quantums", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &run->json, "Print each action's fate, a JSON object a line", NULL },
    { "journal", 'j', 0, G_OPTION_ARG_FILENAME, &run->journal,
      "Keep the journal in FILE ($XDG_STATE_HOME/echelon/journal/, by date)", "FILE" },
    { "driver", 0, 0, G_OPTION_ARG_STRING_ARRAY, &run->drivers,
      "Start this driver too, though it is off by default", "ID" },
    { "set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &run->settings,
      "Give a driver's setting a value (echelonctl drivers --json lists them)", "ID.KEY=VALUE" },
    { "telemetry", 't', 0, G_OPTION_ARG_DOUBLE, &run->telemetry_s,
      "Print what was counted so often (1): refusals, lateness, depths, guards", "SECONDS" },
    { "no-journal", 0, 0, G_OPTION_ARG_NONE, &run->no_journal, "Keep no journal", NULL },
    { "restore", 'r', 0, G_OPTION_ARG_NONE, &run->restore,
      "Bring the decks back as they were before a crash, paused", NULL },
    { "no-session", 0, 0, G_OPTION_ARG_NONE, &run->no_session, "Keep nothing that could be brought back after a crash", NULL },
    { "record-folder", 0, 0, G_OPTION_ARG_FILENAME, &run->record_folder,
      "Where /record writes (Echelon in the music folder)", "FOLDER" },
    { "record-pcm24", 0, 0, G_OPTION_ARG_NONE, &run->record_pcm24, "Record 24-bit integers instead of 32-bit float", NULL },
    { "policy", 0, 0, G_OPTION_ARG_FILENAME, &run->policy_file,
      "Safety policy, read again when it changes ($XDG_CONFIG_HOME/echelon/policy.json)", "FILE" },
    G_OPTION_ENTRY_NULL,
  };

  g_option_context_set_summary (context, "Runs the engine, the scheduler and the drivers without a window until it is interrupted.\n"
                                         "The TRACKs are loaded onto decks a, b, ...");
  g_option_context_add_main_entries (context, entries, NULL);
  guard_telemetry (*argc, *argv);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (run->decks < 1 || run->decks > ECH_MAX_DECKS) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--decks takes 1 to %d", ECH_MAX_DECKS);
    return FALSE;
  }
  if (!(run->telemetry_s == 0 || (run->telemetry_s >= 0.1 && run->telemetry_s <= 3600))) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--telemetry takes 0.1 to 3600 seconds");
    return FALSE;
  }
  if (run->link && run->no_link) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--link and --no-link exclude each other");
    return FALSE;
  }
  if (run->osc_port < 1 || run->osc_port > 65535) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--osc-port takes 1 to 65535");
    return FALSE;
  }
  if (*argc - 1 > run->decks) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "%d tracks do not fit on %d decks; see --decks", *argc - 1, run->decks);
    return FALSE;
  }
  if (run->restore && (run->no_session || *argc > 1)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                         run->no_session ? "--restore needs the session that --no-session leaves alone"
                                         : "--restore puts tracks on the decks itself; it takes no TRACK");
    return FALSE;
  }
  return TRUE;
}

/* The value that --set gave, or NULL. */
static const char *
find_setting (struct run *run, const char *id, const char *key)
{
  g_autofree char *begins = g_strconcat (id, ".", key, "=", NULL);

  for (unsigned i = 0; run->settings && run->settings[i]; i++) {
    if (g_str_has_prefix (run->settings[i], begins))
      return run->settings[i] + strlen (begins);
  }
  return NULL;
}

static const struct echelon_setting *
find_key (struct run *run, const char *id, const char *key)
{
  struct ech_driver_info info;
  int                    index = ech_driver_host_find (run->host, id);

  if (index < 0)
    return NULL;
  ech_driver_host_get_info (run->host, (unsigned) index, &info);
  for (uint32_t i = 0; i < info.n_settings; i++) {
    if (strcmp (info.settings[i].key, key) == 0)
      return &info.settings[i];
  }
  return NULL;
}

/* NULL where @text is no value of that type. */
static GVariant *
read_setting (const char *text, char type)
{
  gint64 number;

  if (type == 's')
    return g_variant_new_string (text);
  if (type == 'b' && (strcmp (text, "true") == 0 || strcmp (text, "false") == 0))
    return g_variant_new_boolean (text[0] == 't');
  if (type == 'i' && g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, &number, NULL))
    return g_variant_new_int64 (number);
  return NULL;
}

static GVariant *
get_setting (const char *id, const char *key, void *data)
{
  struct run                   *run     = data;
  const char                   *given   = find_setting (run, id, key);
  const struct echelon_setting *setting = given ? find_key (run, id, key) : NULL;

  if (setting)
    return read_setting (given, setting->type);
  if (strcmp (key, "enabled") == 0 && run->drivers && g_strv_contains ((const char *const *) run->drivers, id))
    return g_variant_new_boolean (TRUE);
  if (strcmp (id, "osc") == 0 && strcmp (key, "port") == 0)
    return g_variant_new_int32 (run->osc_port);
  if (strcmp (id, "osc") == 0 && strcmp (key, "enabled") == 0)
    return g_variant_new_boolean (!run->no_osc);
  if (strcmp (id, "osc") == 0 && strcmp (key, "hands") == 0 && run->osc_hands != NULL)
    return g_variant_new_string (run->osc_hands);
  if (strcmp (id, "link") == 0 && strcmp (key, "enabled") == 0)
    return g_variant_new_boolean (!run->no_link);
  if (strcmp (id, "link") == 0 && strcmp (key, "join") == 0)
    return g_variant_new_boolean (run->link);
  return NULL;
}

/* Scheduler's thread: a line to a terminal or a pipe, from the one thread that writes them. */
static void
print_event (const struct ech_event *event, void *data)
{
  struct run *run = data;

  if (run->json) {
    struct ech_journal_line line;
    g_autofree char        *text = NULL;

    ech_journal_line_set_event (&line, event);
    text = ech_journal_line_print (&line);
    printf ("%s\n", text);
  } else {
    g_print ("%-9s %-12s deck %c  beat %.3f%s%s\n", ech_fate_name (event->fate), ech_verb_name (event->verb),
             (char) ('a' + event->deck), event->beat, event->text[0] != '\0' ? "  " : "", event->text);
  }
  fflush (stdout);
}

static gboolean
print_telemetry (gpointer data)
{
  struct run          *run = data;
  struct ech_state     state;
  struct ech_telemetry telemetry;
  g_autofree char     *text = NULL;

  ech_engine_snapshot (run->engine, &state);
  ech_engine_telemetry (run->engine, &telemetry);
  text = run->json ? ech_cli_telemetry_json (&state, &telemetry) : ech_cli_telemetry_text (&state, &telemetry);
  printf ("%s\n", text); /* whole, beside the scheduler's */
  fflush (stdout);
  return G_SOURCE_CONTINUE;
}

static gboolean
end (gpointer data)
{
  g_main_loop_quit (((struct run *) data)->loop);
  return G_SOURCE_CONTINUE;
}

static void
load_tracks (struct run *run, int n, char **paths)
{
  for (int i = 0; i < n; i++) {
    g_autofree char  *path   = g_canonicalize_filename (paths[i], NULL);
    struct ech_action action = { .verb = ECH_VERB_LOAD, .deck = (uint32_t) i, .text = path };

    if (ech_lane_post (run->lane, &action) != 0)
      g_printerr ("echelonctl run: %s is not loaded: the lane is full\n", path);
  }
}

static void
report_drivers (struct run *run)
{
  for (unsigned i = 0; i < ech_driver_host_get_n_drivers (run->host); i++) {
    struct ech_driver_info info;

    ech_driver_host_get_info (run->host, i, &info);
    if (info.enabled || info.state == ECH_DRIVER_REFUSED)
      g_printerr ("driver %s: %s%s%s\n", info.id, ech_driver_state_name (info.state),
                  info.text[0] != '\0' ? ": " : "", info.text);
  }
}

/* A misspelt name must not be passed over in silence. */
static gboolean
check_drivers (struct run *run, GError **error)
{
  for (unsigned i = 0; run->drivers && run->drivers[i]; i++) {
    if (ech_driver_host_find (run->host, run->drivers[i]) < 0) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "there is no driver \"%s\"; echelonctl drivers lists them", run->drivers[i]);
      return FALSE;
    }
  }
  for (unsigned i = 0; run->settings && run->settings[i]; i++) {
    g_auto (GStrv)                words = g_strsplit_set (run->settings[i], ".=", 3);
    const struct echelon_setting *setting =
        g_strv_length (words) == 3 ? find_key (run, words[0], words[1]) : NULL;
    g_autoptr (GVariant) value = NULL;

    if (setting)
      value = read_setting (find_setting (run, words[0], words[1]), setting->type);
    if (value) {
      g_variant_take_ref (value);
      continue;
    }
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "--set takes DRIVER.KEY=VALUE, and \"%s\" is none; echelonctl drivers --json lists them",
                 run->settings[i]);
    return FALSE;
  }
  return TRUE;
}

/* The session */

static void
on_restored (GPtrArray *problems, gboolean gave_up, void *data)
{
  struct run *run = data;

  for (guint i = 0; i < problems->len; i++)
    g_printerr ("%s\n", (const char *) problems->pdata[i]);
  g_printerr ("%s\n", gave_up ? "The decks were not brought back; echelonctl run --restore tries again."
                              : "The decks are back, paused.");
  g_clear_pointer (&run->restoring, ech_session_restore_free);
  if (gave_up)
    ech_session_keeper_hold (run->keeper, FALSE);
  else
    ech_session_keeper_settle (run->keeper);
}

static void
begin_session (struct run *run)
{
  const struct ech_session *previous;

  if (run->no_session)
    return;
  run->keeper = ech_session_keeper_new (run->engine, NULL);
  previous    = ech_session_keeper_previous (run->keeper);
  if (ech_session_keeper_notice (run->keeper) != NULL)
    g_printerr ("%s\n", ech_session_keeper_notice (run->keeper));
  if (previous != NULL && run->restore) {
    g_autofree char *text = ech_session_describe (previous);

    g_printerr ("Bringing back, paused:\n%s\n", text);
    ech_session_keeper_hold (run->keeper, TRUE);
    run->restoring = ech_session_restore_new (run->engine, previous, on_restored, run);
  } else if (previous != NULL) {
    g_printerr ("Echelon did not close properly; echelonctl run --restore brings the decks back as they were.\n");
  } else if (run->restore) {
    g_printerr ("There is no session to bring back.\n");
  }
}

/* The policy */

static void
on_policy (struct run *run)
{
  const char *path  = ech_policy_watch_get_path (run->policy);
  const char *fault = ech_policy_watch_get_fault (run->policy);

  if (fault != NULL) {
    g_printerr ("echelonctl run: %s: %s; the policy before it stays in force\n", path, fault);
    return;
  }
  ech_engine_set_policy (run->engine, ech_policy_watch_get_policy (run->policy));
  g_printerr ("echelonctl run: the policy is that of %s now\n", path);
}

/* A file that was asked for by name must be there and right; the usual one need not be. */
static gboolean
open_policy (struct run *run)
{
  g_autofree char *usual = ech_policy_default_path ();
  const char      *fault;

  if (run->policy_file != NULL && !g_file_test (run->policy_file, G_FILE_TEST_EXISTS)) {
    g_printerr ("echelonctl run: there is no %s\n", run->policy_file);
    return FALSE;
  }
  run->policy = ech_policy_watch_new (run->policy_file != NULL ? run->policy_file : usual);
  fault       = ech_policy_watch_get_fault (run->policy);
  if (fault != NULL)
    g_printerr ("echelonctl run: %s: %s%s\n", ech_policy_watch_get_path (run->policy), fault,
                run->policy_file == NULL ? "; the defaults hold" : "");
  return fault == NULL || run->policy_file == NULL;
}

static int
run_engine (struct run *run, int n_tracks, char **tracks)
{
  g_autofree char         *folder = ech_journal_default_folder ();
  g_autoptr (GError)       error  = NULL;
  struct ech_engine_config config = {
    .n_decks        = (uint32_t) run->decks,
    .journal_file   = run->no_journal ? NULL : run->journal,
    .journal_folder = run->no_journal ? NULL : folder,
    .record_folder  = run->record_folder,
    .record_pcm24   = run->record_pcm24,
    .fused          = run->fused,
    .default_timing = { .kind = ECH_TIMING_NOW },
  };

  /* before the first line that somebody may answer with a signal */
  run->loop = g_main_loop_new (NULL, FALSE);
  g_unix_signal_add (SIGINT, end, run);
  g_unix_signal_add (SIGTERM, end, run);
  if (!open_policy (run))
    return 2;
  config.policy = ech_policy_watch_get_policy (run->policy);
  run->engine = ech_engine_new (&config);
  ech_engine_add_listener (run->engine, print_event, run);
  g_signal_connect_swapped (run->policy, "changed", G_CALLBACK (on_policy), run);
  /* no hand: nobody must wait because the command line has just touched a deck */
  run->lane = ech_engine_add_source (run->engine, "console", ECH_SOURCE_OSC);
  if (!ech_engine_start (run->engine, &error)) {
    g_printerr ("echelonctl run: %s\n", error->message);
    return 1;
  }
  run->host = ech_driver_host_new (run->engine, get_setting, run);
  ech_driver_host_scan (run->host, NULL);
  if (!check_drivers (run, &error)) {
    g_printerr ("echelonctl run: %s\n", error->message);
    return 2;
  }
  ech_driver_host_start_all (run->host);
  report_drivers (run);
  begin_session (run);
  load_tracks (run, n_tracks, tracks);

  if (run->telemetry_s > 0)
    g_timeout_add ((guint) (run->telemetry_s * 1000), print_telemetry, run);
  g_main_loop_run (run->loop);
  if (run->telemetry_s > 0)
    print_telemetry (run); /* the whole of it */
  return 0;
}

int
ech_cli_run (int argc, char **argv)
{
  struct run         run    = { .osc_port = 8000, .decks = 2 };
  g_autoptr (GError) error  = NULL;
  int                status = 2;

  if (!parse_options (&run, &argc, &argv, &error))
    g_printerr ("echelonctl run: %s\n", error->message);
  else
    status = run_engine (&run, argc - 1, argv + 1);
  ech_session_restore_free (run.restoring);
  ech_session_keeper_free (run.keeper);
  if (run.host != NULL)
    ech_driver_host_stop_all (run.host);
  g_clear_object (&run.host);
  g_clear_object (&run.policy);
  ech_engine_free (run.engine);
  g_clear_pointer (&run.loop, g_main_loop_unref);
  g_free (run.journal);
  g_strfreev (run.drivers);
  g_strfreev (run.settings);
  g_free (run.record_folder);
  g_free (run.osc_hands);
  g_free (run.policy_file);
  return status;
}
