/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/link-test.h"

#include <abl_link.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <stdio.h>

/* Enabled at once, an instance may force its tempo upon a session that runs already. */
#define WARM_UP_MS 500

struct link_test {
  double   tempo;
  int      quantum;
  double   seconds; /* 0 = until interrupted */
  gboolean json;

  GMainLoop             *loop;
  abl_link               link;
  abl_link_session_state state;
  int64_t                end_us; /* of the link's clock; 0 = none */
};

static gboolean
parse_options (struct link_test *test, int *argc, char ***argv, GError **error)
{
  g_autoptr (GOptionContext) context   = g_option_context_new (NULL);
  const GOptionEntry         entries[] = {
    { "tempo", 't', 0, G_OPTION_ARG_DOUBLE, &test->tempo, "Tempo where nobody else is, 20..999 (120)", "BPM" },
    { "quantum", 'q', 0, G_OPTION_ARG_INT, &test->quantum, "Beats in which phase is shared, 1..64 (4)", "BEATS" },
    { "seconds", 's', 0, G_OPTION_ARG_DOUBLE, &test->seconds, "End after so long (when interrupted)", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &test->json, "A JSON object a line", NULL },
    G_OPTION_ENTRY_NULL,
  };

  g_option_context_set_summary (context, "Takes part in the Ableton Link session of this network and prints its tempo, beat,\n"
                                         "phase and peers (others than itself) each second.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (!(test->tempo >= 20.0 && test->tempo <= 999.0))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--tempo takes 20 to 999");
  else if (test->quantum < 1 || test->quantum > 64)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--quantum takes 1 to 64");
  else if (!(test->seconds >= 0.0 && test->seconds <= 1e6))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--seconds takes 0 to 1000000");
  else if (*argc > 1)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "“%s” is one argument too many", (*argv)[1]);
  else
    return TRUE;
  return FALSE;
}

static void
print (struct link_test *test)
{
  int64_t now_us  = abl_link_clock_micros (test->link);
  double  quantum = test->quantum, tempo, beat, phase;
  int     peers   = (int) abl_link_num_peers (test->link);
  bool    plays;

  abl_link_capture_app_session_state (test->link, test->state);
  tempo = abl_link_tempo (test->state);
  beat  = abl_link_beat_at_time (test->state, now_us, quantum);
  phase = abl_link_phase_at_time (test->state, now_us, quantum);
  plays = abl_link_is_playing (test->state);
  if (test->json) {
    char numbers[3][G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_formatd (numbers[0], sizeof numbers[0], "%.4f", tempo);
    g_ascii_formatd (numbers[1], sizeof numbers[1], "%.6f", beat);
    g_ascii_formatd (numbers[2], sizeof numbers[2], "%.6f", phase);
    printf ("{\"time_us\":%" G_GINT64_FORMAT ",\"tempo\":%s,\"beat\":%s,\"phase\":%s,\"peers\":%d,\"playing\":%s}\n", now_us,
            numbers[0], numbers[1], numbers[2], peers, plays ? "true" : "false");
  } else {
    printf ("%7.2f BPM   beat %10.3f   phase %6.3f of %d   %d %s   %s\n", tempo, beat, phase, test->quantum, peers,
            peers == 1 ? "peer " : "peers", plays ? "playing" : "stopped");
  }
  fflush (stdout);
}

static gboolean
on_second (gpointer data)
{
  struct link_test *test = data;

  print (test);
  if (test->end_us != 0 && abl_link_clock_micros (test->link) >= test->end_us)
    g_main_loop_quit (test->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
enable (gpointer data)
{
  struct link_test *test = data;

  abl_link_enable_start_stop_sync (test->link, true);
  abl_link_enable (test->link, true);
  if (test->seconds > 0.0)
    test->end_us = abl_link_clock_micros (test->link) + (int64_t) (test->seconds * 1e6);
  g_timeout_add (1000, on_second, test);
  return G_SOURCE_REMOVE;
}

static gboolean
end (gpointer data)
{
  g_main_loop_quit (((struct link_test *) data)->loop);
  return G_SOURCE_CONTINUE;
}

static int
run (struct link_test *test)
{
  test->link  = abl_link_create (test->tempo);
  test->state = abl_link_create_session_state ();
  if (test->link.impl == NULL || test->state.impl == NULL) {
    g_printerr ("echelonctl link-test: Ableton Link cannot be started here: no thread or socket for it\n");
    return 1;
  }
  test->loop = g_main_loop_new (NULL, FALSE);
  g_timeout_add (WARM_UP_MS, enable, test);
  g_unix_signal_add (SIGINT, end, test);
  g_unix_signal_add (SIGTERM, end, test);
  g_main_loop_run (test->loop);
  g_main_loop_unref (test->loop);
  abl_link_enable (test->link, false);
  abl_link_destroy (test->link);
  abl_link_destroy_session_state (test->state);
  return 0;
}

int
ech_cli_link_test (int argc, char **argv)
{
  struct link_test   test  = { .tempo = 120.0, .quantum = 4 };
  g_autoptr (GError) error = NULL;

  if (parse_options (&test, &argc, &argv, &error))
    return run (&test);
  g_printerr ("echelonctl link-test: %s\n", error->message);
  return 2;
}
