/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/analyze.h"

#include <glib/gi18n-lib.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>

#include "engine/analysis/analysis.h"

/* JSON by hand: json-glib writes 17 digits, and 120.00000000000001 BPM is no use. */
static void
add_number (GString *line, const char *name, bool known, double value, const char *format)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  if (known && isfinite (value))
    g_string_append_printf (line, ",\"%s\":%s", name,
                            g_ascii_formatd (digits, sizeof digits, format, value));
  else
    g_string_append_printf (line, ",\"%s\":null", name);
}

static void
add_text (GString *line, const char *name, const char *text)
{
  g_autoptr (JsonNode) node   = json_node_init_string (json_node_alloc (), text);
  g_autofree char     *quoted = json_to_string (node, FALSE);

  g_string_append_printf (line, "%s\"%s\":%s", line->len > 1 ? "," : "", name,
                          *text ? quoted : "null");
}

static void
add_results (GString *line, EchTrack *track, const struct ech_analysis *found)
{
  double first = found->grid.first_beat_frames / ech_track_rate (track);

  add_number (line, "duration", true, ech_track_length_seconds (track), "%.6f");
  add_number (line, "bpm", found->has_grid, found->bpm, "%.5f");
  add_number (line, "confidence", found->has_grid, found->confidence, "%.3f");
  add_number (line, "first_beat", found->has_grid, fabs (first) < 5e-7 ? 0.0 : first, "%.6f");
  add_number (line, "beats_per_bar", found->has_grid, found->grid.beats_per_bar, "%.0f");
  add_number (line, "downbeat", found->has_grid, found->grid.downbeat, "%.0f");
  add_text (line, "key", ech_key_name (found->key));
  add_number (line, "lufs", true, found->lufs, "%.2f");
  add_number (line, "true_peak_dbtp", true, found->true_peak_dbtp, "%.2f");
}

/* JSON has no bytes but UTF-8: a file's name may have others. */
static void
print_json (const char                *file,
            EchTrack                  *track,
            const struct ech_analysis *found,
            const GError              *error)
{
  g_autoptr (GString) line  = g_string_new ("{");
  g_autofree char    *shown = g_filename_display_name (file);

  add_text (line, "file", shown);
  if (track)
    add_results (line, track, found);
  if (error)
    add_text (line, "error", error->message);
  g_string_append_c (line, '}');
  puts (line->str);
  fflush (stdout);
}

static void
print_row (const char *file, EchTrack *track, const struct ech_analysis *found)
{
  g_autofree char *name    = g_path_get_basename (file);
  g_autofree char *shown   = g_filename_display_name (name);
  int              seconds = (int) lround (ech_track_length_seconds (track));
  const char      *key     = ech_key_name (found->key);

  printf ("%3d:%02d  ", seconds / 60, seconds % 60);
  if (found->has_grid)
    printf ("%8.3f  %4.0f %%  %8.3f s  ", found->bpm, 100.0 * found->confidence,
            found->grid.first_beat_frames / ech_track_rate (track));
  else
    printf ("%8s  %6s  %10s  ", "–", "–", "–");
  printf ("%-4s  %6.1f  %6.1f  %s\n", *key ? key : "–", found->lufs, found->true_peak_dbtp, shown);
  fflush (stdout);
}

static bool
analyze (EchLoader *loader, const char *file, bool as_json)
{
  g_autoptr (EchTrack) track = NULL;
  g_autoptr (GError)   error = NULL;
  struct ech_analysis  found = { 0 };
  bool                 ok    = ech_analyze_file (loader, file, &found, &track, &error);

  if (as_json)
    print_json (file, track, &found, error);
  else if (ok)
    print_row (file, track, &found);
  if (!ok)
    fprintf (stderr, "echelonctl analyze: %s\n", error->message);
  return ok;
}

int
ech_cli_analyze (int argc, char **argv)
{
  gboolean                   as_json = FALSE;
  g_auto (GStrv)             files   = NULL;
  g_autoptr (GError)         error   = NULL;
  g_autoptr (EchLoader)      loader  = NULL;
  g_autoptr (GOptionContext) context =
      g_option_context_new (_ ("FILE… – tempo, beats, key, loudness"));
  bool                       ok      = true;
  const GOptionEntry         entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, N_ ("Print one JSON object a line"), NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, NULL, NULL },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
  };

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_description (
      context,
      _ ("Prints length, tempo in BPM, how sure it is, first beat, key, loudness in LUFS and "
         "true\npeak in dBTP of each file; exits with 1 where a file could not be read."));
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    fprintf (stderr, "echelonctl analyze: %s\n", error->message);
    return 2;
  }
  if (!files) {
    fprintf (stderr, "%s\n", _ ("echelonctl analyze: no file was named; --help tells more"));
    return 2;
  }
  loader = ech_loader_new ();
  if (!as_json)
    printf ("%6s  %8s  %6s  %10s  %-4s  %6s  %6s  %s\n", _ ("length"), _ ("BPM"), _ ("sure"),
            _ ("first beat"), _ ("key"), _ ("LUFS"), _ ("dBTP"), _ ("file"));
  for (char **file = files; *file; file++)
    ok &= analyze (loader, *file, as_json);
  return ok ? 0 : 1;
}
