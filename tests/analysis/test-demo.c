/* Our own demo pieces through the whole path: file, worker, track.
 *
 *   test-analysis-demo pieces.json
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <json-glib/json-glib.h>
#include <math.h>
#include <sndfile.h>

#include "engine/analysis/analysis.h"

static const char *truth_path;

static double
number (JsonObject *piece, const char *name)
{
  return json_object_get_double_member (piece, name);
}

static void
check_piece (JsonArray *array, guint index, JsonNode *node, gpointer data)
{
  JsonObject          *piece  = json_node_get_object (node);
  g_autofree char     *folder = g_path_get_dirname (truth_path);
  const char          *file   = json_object_get_string_member (piece, "file");
  g_autofree char     *path   = g_build_filename (folder, file, NULL);
  g_autoptr (EchTrack) track  = NULL;
  g_autoptr (GError)   error  = NULL;
  struct ech_analysis  found;
  double               rate = number (piece, "rate"), period = number (piece, "frames_per_beat");

  g_assert_true (ech_analyze_file (data, path, &found, &track, &error));
  g_assert_no_error (error);
  g_test_message ("%s: %.4f BPM, first beat at %.2f, confidence %.2f", file, found.bpm,
                  found.grid.first_beat_frames, found.confidence);
  g_assert_cmpfloat (ech_track_rate (track), ==, rate);
  g_assert_cmpstr (ech_track_title (track), ==, json_object_get_string_member (piece, "title"));
  g_assert_cmpuint (ech_track_length_frames (track), ==, (guint64) number (piece, "length_frames"));
  g_assert_true (found.has_grid);
  g_assert_cmpfloat_with_epsilon (found.bpm / number (piece, "bpm"), 1.0, 0.0001);
  g_assert_cmpfloat_with_epsilon (found.grid.first_beat_frames, number (piece, "first_beat_frame"),
                                  0.003 * rate);
  g_assert_cmpfloat_with_epsilon (found.grid.frames_per_beat, period, period * 0.0001);
  g_assert_cmpuint (found.grid.downbeat, ==, 0);
  g_assert_cmpfloat (found.confidence, >, 0.8);
}

static JsonArray *
read_truth (JsonParser *parser)
{
  g_autoptr (GError) error = NULL;

  json_parser_load_from_file (parser, truth_path, &error);
  g_assert_no_error (error);
  return json_node_get_array (json_parser_get_root (parser));
}

static void
test_pieces (void)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (EchLoader)  loader = ech_loader_new ();
  JsonArray             *truth  = read_truth (parser);

  g_assert_cmpuint (json_array_get_length (truth), >=, 3);
  json_array_foreach_element (truth, check_piece, loader);
}

/* The pieces are what pieces.json says: each kick of the first section is loud on its
 * very frame, and the frames before it are not. */
static void
test_truth (void)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (EchLoader)  loader = ech_loader_new ();
  JsonArray             *truth  = read_truth (parser);

  for (guint i = 0; i < json_array_get_length (truth); i++) {
    JsonObject          *piece  = json_array_get_object_element (truth, i);
    g_autofree char     *folder = g_path_get_dirname (truth_path);
    g_autofree char     *path   = g_build_filename (
      folder, json_object_get_string_member (piece, "file"), NULL);
    g_autoptr (EchTrack) track  = ech_loader_load_sync (loader, path, FALSE, NULL);
    const float         *frames;

    g_assert_nonnull (track);
    frames = ech_track_pcm (track)->frames;
    for (int beat = 1; beat < 16; beat++) {
      gint64 at = llround (number (piece, "first_beat_frame")
                           + beat * number (piece, "frames_per_beat"));

      g_assert_cmpfloat (fabsf (frames[2 * at]), >, 0.25f);
      g_assert_cmpfloat (fabsf (frames[2 * (at - 1)]), <, 0.1f);
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (argc != 2)
    return 2;
  truth_path = argv[1];
  g_test_add_func ("/demo/truth", test_truth);
  g_test_add_func ("/demo/pieces", test_pieces);
  return g_test_run ();
}
