/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/render.h"

#include <gio/gio.h>

#include "app/cli/score.h"
#include "app/cli/set.h"

static gboolean
parse_options (struct ech_set *set, int argc, char **argv, GError **error)
{
  g_autoptr (GOptionContext) context   = g_option_context_new ("SCORE");
  const GOptionEntry         entries[] = {
    { "decks", 'd', 0, G_OPTION_ARG_INT, &set->decks, "Number of decks, 1..4 (4)", "N" },
    G_OPTION_ENTRY_NULL,
  };

  g_option_context_set_summary (context, "Renders a score offline, faster than real time; the same score gives the same bytes.");
  g_option_context_set_description (context,
    "A score is text, a line an event: TIME ADDRESS ARG..., with the addresses of OSC.\n"
    "TIME is seconds (2.5), beats (8b) or bar|beat (3|1).  “end” at its TIME ends the render.\n"
    "Track names are looked for beside the score, then in the working directory.\n"
    "“echelonctl replay” renders the journal again.\n");
  ech_set_add_options (set, context);
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  if (argc != 2 || set->output == NULL) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                         "one SCORE and -o OUT.wav are needed; see echelonctl render --help");
    return FALSE;
  }
  set->name = g_strdup (argv[1]);
  if (set->rate == 0) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--rate takes 8000 to 192000");
    return FALSE;
  }
  if (set->decks < 1 || set->decks > ECH_MAX_DECKS) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--decks takes 1 to %d", ECH_MAX_DECKS);
    return FALSE;
  }
  return ech_set_check_options (set, error);
}

int
ech_cli_render (int argc, char **argv)
{
  struct ech_set     set    = { .rate = 48000, .block = 1024, .decks = ECH_MAX_DECKS };
  struct ech_score  *score  = NULL;
  g_autoptr (GError) error  = NULL;
  int                status = 0;

  if (!parse_options (&set, argc, argv, &error))
    status = 2;
  else if ((score = ech_score_read (set.name, (unsigned) set.decks, &error)) == NULL)
    status = 2;
  else {
    set.events = score->events;
    status     = ech_set_render (&set, &error) ? 0 : 1;
  }
  if (error != NULL)
    g_printerr ("echelonctl render: %s\n", error->message);
  ech_score_free (score);
  ech_set_clear (&set);
  return status;
}
