/* The loader's stages, cancelling, many loads, nothing left behind.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gstdio.h>
#include <string.h>

#include "tests/media/sounds.h"

enum { N_STAGES = ECH_LOAD_FAILED + 1 };

/* What a request brought. */
struct heard {
  gint      n_calls;
  gint      ended;
  int       stages[8];
  uint64_t  decoded_at_ready;
  EchTrack *track;
  GError   *error;
};

static void
on_stage (EchLoadId id, enum ech_load_stage stage, EchTrack *track, const GError *error,
          gpointer user_data)
{
  struct heard *heard = user_data;

  g_assert_cmpint (heard->n_calls, <, (int) G_N_ELEMENTS (heard->stages));
  heard->stages[heard->n_calls] = stage;
  if (stage == ECH_LOAD_READY) {
    heard->decoded_at_ready = ech_track_decoded_frames (track);
    heard->track            = ech_track_ref (track);
  } else if (track) {
    g_assert_true (track == heard->track);
  }
  if (error && !heard->error)
    heard->error = g_error_copy (error);
  g_atomic_int_inc (&heard->n_calls);
  if (stage >= ECH_LOAD_ANALYSED)
    g_atomic_int_set (&heard->ended, 1);
}

static void
wait_for (gint *flag)
{
  while (!g_atomic_int_get (flag))
    g_usleep (500);
}

static void
heard_clear (struct heard *heard)
{
  g_clear_pointer (&heard->track, ech_track_unref);
  g_clear_error (&heard->error);
}

static void
test_stages (void)
{
  EchLoader          *loader = ech_loader_new ();
  g_autofree char    *path =
      sounds_write ("long.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2, 40.0);
  struct heard        heard = { 0 };
  struct ech_analysis analysis;
  size_t              n_bins;

  ech_loader_load (loader, path, ECH_LOAD_NORMAL, on_stage, &heard);
  wait_for (&heard.ended);
  g_assert_no_error (heard.error);
  g_assert_cmpint (heard.n_calls, ==, 3);
  g_assert_cmpint (heard.stages[0], ==, ECH_LOAD_READY);
  g_assert_cmpint (heard.stages[1], ==, ECH_LOAD_DECODED);
  g_assert_cmpint (heard.stages[2], ==, ECH_LOAD_ANALYSED);
  g_assert_cmpuint (heard.decoded_at_ready, >=, 44100 / 5);
  g_assert_cmpuint (ech_track_decoded_frames (heard.track), ==, 40 * 44100);
  ech_track_peaks (heard.track, &n_bins);
  g_assert_cmpuint (n_bins, ==, (40 * 44100 + ECH_PEAK_BIN_FRAMES - 1) / ECH_PEAK_BIN_FRAMES);
  g_assert_true (ech_track_get_analysis (heard.track, &analysis));
  g_assert_true (isfinite (analysis.lufs));
  heard_clear (&heard);
  ech_loader_free (loader);
}

/* Noise of 0.05 s is shorter than what READY waits for. */
static void
test_short (void)
{
  EchLoader           *loader = ech_loader_new ();
  g_autofree char     *path =
      sounds_write ("short.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 0.05);
  g_autoptr (EchTrack) track = ech_loader_load_sync (loader, path, TRUE, NULL);
  struct ech_analysis  analysis;

  g_assert_nonnull (track);
  g_assert_cmpuint (ech_track_length_frames (track), ==, 2205);
  g_assert_true (ech_track_get_analysis (track, &analysis));
  g_assert_false (analysis.has_grid);
  ech_loader_free (loader);
}

static void
test_set_grid (void)
{
  EchLoader             *loader = ech_loader_new ();
  g_autofree char       *path =
      sounds_write ("grid.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 0.5);
  g_autoptr (EchTrack)   track = ech_loader_load_sync (loader, path, FALSE, NULL);
  const struct ech_grid  grid = { 100.0, 22050.0, 4, 1, 1.0 };
  struct ech_analysis    analysis;

  g_assert_false (ech_track_get_analysis (track, &analysis));
  g_assert_cmpint (analysis.key, ==, ECH_KEY_UNKNOWN);
  ech_track_set_grid (track, &grid);
  ech_track_get_analysis (track, &analysis);
  g_assert_true (analysis.has_grid);
  g_assert_cmpfloat_with_epsilon (analysis.bpm, 120.0, 1e-9);
  ech_loader_free (loader);
}

static void
test_together (void)
{
  enum { N = 8 };
  EchLoader       *loader = ech_loader_new ();
  g_autofree char *path =
      sounds_write ("eight.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 44100, 2, 20.0);
  struct heard     heard[N] = { 0 };

  for (int i = 0; i < N; i++)
    ech_loader_load (loader, path, i % 2 ? ECH_LOAD_BACKGROUND : ECH_LOAD_NORMAL, on_stage,
                     &heard[i]);
  for (int i = 0; i < N; i++) {
    wait_for (&heard[i].ended);
    g_assert_no_error (heard[i].error);
    g_assert_cmpuint (ech_track_decoded_frames (heard[i].track), ==, 20 * 44100);
  }
  for (int i = 1; i < N; i++)
    g_assert_cmpmem (ech_track_pcm (heard[i].track)->frames, 20 * 44100 * 8,
                     ech_track_pcm (heard[0].track)->frames, 20 * 44100 * 8);
  for (int i = 0; i < N; i++)
    heard_clear (&heard[i]);
  ech_loader_free (loader);
}

static void
test_cancel (void)
{
  EchLoader       *loader = ech_loader_new ();
  g_autofree char *path =
      sounds_write ("cancel.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2, 30.0);

  for (int round = 0; round < 30; round++) {
    struct heard heard = { 0 };
    EchLoadId    id    = ech_loader_load (loader, path, ECH_LOAD_NORMAL, on_stage, &heard);
    int          n_calls;

    g_usleep (round * 300);
    ech_loader_cancel (loader, id);
    n_calls = g_atomic_int_get (&heard.n_calls);
    g_usleep (2000);
    g_assert_cmpint (g_atomic_int_get (&heard.n_calls), ==, n_calls);
    ech_loader_cancel (loader, id);
    /* what was handed out is whole in itself */
    if (heard.track) {
      uint64_t decoded = ech_track_decoded_frames (heard.track);
      float    sum     = 0.0f;

      for (uint64_t i = 0; i < 2 * decoded; i++)
        sum += ech_track_pcm (heard.track)->frames[i];
      g_assert_true (isfinite (sum));
    }
    heard_clear (&heard);
  }
  ech_loader_cancel (loader, 123456);
  ech_loader_free (loader);
}

struct self_cancel {
  EchLoader *loader;
  gint       n_calls;
};

static void
cancel_at_once (EchLoadId id, enum ech_load_stage stage, EchTrack *track, const GError *error,
                gpointer user_data)
{
  struct self_cancel *data = user_data;

  g_atomic_int_inc (&data->n_calls);
  ech_loader_cancel (data->loader, id);
}

static void
test_cancel_in_callback (void)
{
  struct self_cancel   data = { ech_loader_new (), 0 };
  g_autofree char     *path =
      sounds_write ("self.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 5.0);
  g_autoptr (EchTrack) after = NULL;

  ech_loader_load (data.loader, path, ECH_LOAD_NORMAL, cancel_at_once, &data);
  wait_for (&data.n_calls);
  after = ech_loader_load_sync (data.loader, path, FALSE, NULL);
  g_assert_nonnull (after);
  g_assert_cmpint (data.n_calls, ==, 1);
  ech_loader_free (data.loader);
}

/* Freed in the middle of loads: no call after that, tracks live on. */
static void
test_free_while_loading (void)
{
  g_autofree char *path =
      sounds_write ("free.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2, 30.0);

  for (int round = 0; round < 10; round++) {
    EchLoader   *loader = ech_loader_new ();
    struct heard heard  = { 0 };
    int          n_calls;

    ech_loader_load (loader, path, ECH_LOAD_NORMAL, on_stage, &heard);
    g_usleep (round * 3000);
    ech_loader_free (loader);
    n_calls = heard.n_calls;
    g_usleep (5000);
    if (heard.track)
      g_assert_cmpuint (ech_track_length_frames (heard.track), >, 0);
    g_assert_cmpint (heard.n_calls, ==, n_calls);
    heard_clear (&heard);
  }
}

static guint
count_entries (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint            n   = 0;

  while (g_dir_read_name (dir))
    n++;
  return n;
}

static guint
count_maps (void)
{
  g_autofree char *text = NULL;
  guint            n    = 0;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &text, NULL, NULL));
  for (const char *p = text; (p = strstr (p, "echelon-track")); p++)
    n++;
  return n;
}

static void
test_no_leaks (void)
{
  EchLoader       *loader = ech_loader_new ();
  g_autofree char *path =
      sounds_write ("leak.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2, 1.0);
  g_autofree char *text = sounds_path ("leak.txt");
  guint            n_fds = 0;

  g_assert_true (g_file_set_contents (text, "text", -1, NULL));
  for (int i = 0; i < 200; i++) {
    g_autoptr (EchTrack) track = ech_loader_load_sync (loader, i % 5 ? path : text, FALSE, NULL);

    g_assert_true ((track != NULL) == (i % 5 != 0));
    if (i == 20)
      n_fds = count_entries ("/proc/self/fd");
  }
  /* idle workers come and go: two descriptors each */
  g_assert_cmpuint (count_entries ("/proc/self/fd"), <=, n_fds + 6);
  g_assert_cmpuint (count_maps (), <=, 6);
  ech_loader_free (loader);
  g_assert_cmpuint (count_maps (), ==, 0);
  g_autoptr (GArray) children = sounds_children ();
  g_assert_cmpuint (children->len, ==, 0);
}

static void
test_track_outlives_loader (void)
{
  EchLoader           *loader = ech_loader_new ();
  g_autofree char     *path =
      sounds_write ("live.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 2.0);
  g_autoptr (EchTrack) track = ech_loader_load_sync (loader, path, FALSE, NULL);
  struct ech_pcm      *pcm = ech_track_pcm (ech_track_ref (track));
  g_autofree float    *expected = NULL;
  sf_count_t           n;
  SF_INFO              info;

  ech_loader_free (loader);
  expected = sounds_read (path, &n, &info);
  g_assert_cmpmem (pcm->frames, n * 8, expected, n * 8);
  pcm->release (pcm);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/loader/stages", test_stages);
  g_test_add_func ("/loader/short", test_short);
  g_test_add_func ("/loader/set-grid", test_set_grid);
  g_test_add_func ("/loader/together", test_together);
  g_test_add_func ("/loader/cancel", test_cancel);
  g_test_add_func ("/loader/cancel-in-callback", test_cancel_in_callback);
  g_test_add_func ("/loader/free-while-loading", test_free_while_loading);
  g_test_add_func ("/loader/no-leaks", test_no_leaks);
  g_test_add_func ("/loader/track-outlives-loader", test_track_outlives_loader);
  status = g_test_run ();
  sounds_finish ();
  return status;
}
