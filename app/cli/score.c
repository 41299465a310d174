/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/score.h"

#include <gio/gio.h>
#include <string.h>

#include "engine/scheduler/vocabulary.h"

enum { BEATS_PER_BAR = 4, MAX_WORDS = 32 };

static gboolean
parse_number (const char *text, double *out_value, const char **out_rest)
{
  char *rest = NULL;

  if (!g_ascii_isdigit (*text) && *text != '.')
    return FALSE;
  *out_value = g_ascii_strtod (text, &rest);
  *out_rest  = rest;
  return rest != text && isfinite (*out_value) && *out_value >= 0.0;
}

gboolean
ech_score_parse_time (const char *word, enum ech_score_unit *out_unit, double *out_time)
{
  const char *rest;
  double      beat;

  if (!parse_number (word, out_time, &rest))
    return FALSE;
  *out_unit = ECH_SCORE_BEATS;
  if (strcmp (rest, "b") == 0)
    return TRUE;
  if (*rest == '|') {
    if (!parse_number (rest + 1, &beat, &rest) || *rest != '\0' || *out_time < 1.0 || beat < 1.0)
      return FALSE;
    *out_time = (*out_time - 1.0) * BEATS_PER_BAR + (beat - 1.0);
    return TRUE;
  }
  *out_unit = ECH_SCORE_SECONDS;
  return *rest == '\0';
}

static void
event_free (gpointer data)
{
  struct ech_score_event *event = data;

  g_strfreev (event->words);
  g_free (event);
}

void
ech_score_free (struct ech_score *score)
{
  if (score == NULL)
    return;
  g_ptr_array_unref (score->events);
  g_free (score->folder);
  g_free (score);
}

/* A track beside the score is meant first, then one in the working directory. */
static void
find_track (const struct ech_score *score, struct ech_score_event *event)
{
  g_autofree char *beside = NULL;

  if (event->action.verb != ECH_VERB_LOAD || g_path_is_absolute (event->action.text))
    return;
  beside = g_build_filename (score->folder, event->action.text, NULL);
  if (!g_file_test (beside, G_FILE_TEST_EXISTS))
    return;
  for (char **word = event->words + 2; *word != NULL; word++) {
    if (*word == event->action.text) {
      g_free (*word);
      *word              = g_steal_pointer (&beside);
      event->action.text = *word;
      return;
    }
  }
}

static gboolean
parse_event (struct ech_score *score, struct ech_score_event *event, int n_words, unsigned n_decks, GError **error)
{
  struct ech_value values[MAX_WORDS];
  char             text[ECH_TEXT_MAX];

  if (!ech_score_parse_time (event->words[0], &event->unit, &event->time)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "“%s” is no time; accepted are seconds (2.5), beats (8b) and bar|beat (3|1)",
                 event->words[0]);
    return FALSE;
  }
  if (n_words < 2) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                         "after the time an address is missing, such as /deck/a/play");
    return FALSE;
  }
  if (strcmp (event->words[1], "end") == 0) {
    event->kind = ECH_SCORE_END;
    if (n_words == 2)
      return TRUE;
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "“end” takes no argument");
    return FALSE;
  }
  if (n_words - 2 > MAX_WORDS) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "more than %d arguments", MAX_WORDS);
    return FALSE;
  }
  for (int i = 2; i < n_words; i++)
    values[i - 2] = (struct ech_value){ .type = 'w', .s = event->words[i] };
  if (ech_vocabulary_parse (event->words[1], values, (unsigned) n_words - 2, n_decks, &event->action, text) != 0) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, text);
    return FALSE;
  }
  event->action.client = event->line;
  if (event->action.text != NULL)
    find_track (score, event);
  return TRUE;
}

/* Adds the event of one line; a line without words adds none. */
static gboolean
parse_line (struct ech_score *score, const char *line, unsigned number, unsigned n_decks, GError **error)
{
  g_autoptr (GError)      shell = NULL;
  struct ech_score_event *event;
  char                  **words   = NULL;
  int                     n_words = 0;

  if (!g_utf8_validate (line, -1, NULL)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "the line is not UTF-8");
    return FALSE;
  }
  if (!g_shell_parse_argv (line, &n_words, &words, &shell)) {
    if (g_error_matches (shell, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING))
      return TRUE;
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "a quotation mark is not closed");
    return FALSE;
  }
  event        = g_new0 (struct ech_score_event, 1);
  event->line  = number;
  event->words = words;
  g_ptr_array_add (score->events, event);
  return parse_event (score, event, n_words, n_decks, error);
}

struct ech_score *
ech_score_read (const char *path, unsigned n_decks, GError **error)
{
  g_autofree char  *text  = NULL;
  g_auto (GStrv)    lines = NULL;
  struct ech_score *score;

  if (!g_file_get_contents (path, &text, NULL, error))
    return NULL;
  score         = g_new0 (struct ech_score, 1);
  score->folder = g_path_get_dirname (path);
  score->events = g_ptr_array_new_with_free_func (event_free);
  lines         = g_strsplit (text, "\n", -1);
  for (unsigned i = 0; lines[i] != NULL; i++) {
    g_strchomp (lines[i]);
    if (!parse_line (score, lines[i], i + 1, n_decks, error)) {
      g_prefix_error (error, "%s, line %u: ", path, i + 1);
      ech_score_free (score);
      return NULL;
    }
  }
  return score;
}
