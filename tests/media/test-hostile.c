/* Files that nobody should load: one clear sentence each, and the loader goes on.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/media/sounds.h"

static EchLoader *loader;

static void
assert_refused (const char *path, enum ech_loader_error code, const char *sentence)
{
  g_autoptr (GError)   error = NULL;
  g_autoptr (EchTrack) track = ech_loader_load_sync (loader, path, FALSE, &error);

  g_assert_null (track);
  g_assert_error (error, ECH_LOADER_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, sentence));
  g_assert_cmpuint (strlen (error->message), <, ECH_TEXT_MAX);
}

static char *
write_bytes (const char *name, const void *bytes, gssize n)
{
  char *path = sounds_path (name);

  g_assert_true (g_file_set_contents (path, bytes, n, NULL));
  return path;
}

static void
test_no_audio (void)
{
  g_autofree char *text  = write_bytes ("x.txt", "just words, no sound\n", -1);
  g_autofree char *empty = write_bytes ("empty.wav", "", 0);
  g_autofree char *gone  = sounds_path ("gone.wav");
  g_autofree char *under = sounds_path ("x.txt/below.wav");
  g_autofree char *fifo  = sounds_path ("pipe.wav");

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  assert_refused (text, ECH_LOADER_ERROR_FORMAT,
                  "x.txt is not an audio file that Echelon can read (WAV, FLAC, OGG, Opus, MP3)");
  assert_refused (empty, ECH_LOADER_ERROR_EMPTY, "empty.wav is empty");
  assert_refused (gone, ECH_LOADER_ERROR_NOT_FOUND, "gone.wav does not exist");
  assert_refused (under, ECH_LOADER_ERROR_NOT_FOUND, "below.wav does not exist");
  assert_refused (sounds_folder (), ECH_LOADER_ERROR_NOT_A_FILE, "is a folder, not a track");
  assert_refused (fifo, ECH_LOADER_ERROR_NOT_A_FILE, "pipe.wav is not a regular file");
  assert_refused ("/dev/zero", ECH_LOADER_ERROR_NOT_A_FILE, "zero is not a regular file");
}

static void
test_permission (void)
{
  g_autofree char *path = write_bytes ("secret.wav", "RIFF", 4);

  if (geteuid () == 0) {
    g_test_skip ("root may read everything");
    return;
  }
  g_assert_cmpint (g_chmod (path, 0), ==, 0);
  assert_refused (path, ECH_LOADER_ERROR_PERMISSION, "permission denied");
}

static void
test_long_name (void)
{
  g_autofree char *name = g_strnfill (240, 'n');
  g_autofree char *path = sounds_path (name);
  g_autofree char *huge = g_strnfill (5000, 'p');
  g_autofree char *deep = sounds_path (huge);

  assert_refused (path, ECH_LOADER_ERROR_NOT_FOUND, "does not exist");
  assert_refused (deep, ECH_LOADER_ERROR_NOT_FOUND, "does not exist");
}

/* No byte that begins an MP3 frame or any header, and every other one. */
static void
test_random_bytes (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  for (int round = 0; round < 20; round++) {
    guint8               bytes[20000];
    g_autofree char     *path  = NULL;
    g_autoptr (GError)   error = NULL;
    g_autoptr (EchTrack) track = NULL;

    for (gsize i = 0; i < sizeof bytes; i++)
      bytes[i] = (guint8) g_rand_int (rand);
    path  = write_bytes ("random.mp3", bytes, sizeof bytes);
    track = ech_loader_load_sync (loader, path, FALSE, &error);
    g_assert_true ((track != NULL) != (error != NULL));
    if (error)
      g_assert_error (error, ECH_LOADER_ERROR, ECH_LOADER_ERROR_FORMAT);
  }
}

static void
test_rates (void)
{
  g_autofree char *slow = sounds_write ("slow.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 4000, 1, 0.5);
  g_autofree char *fast =
      sounds_write ("fast.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 384000, 1, 0.5);

  assert_refused (slow, ECH_LOADER_ERROR_FORMAT, "sample rate outside 8 to 192 kHz");
  assert_refused (fast, ECH_LOADER_ERROR_FORMAT, "sample rate outside 8 to 192 kHz");
}

static void
test_no_frames (void)
{
  g_autofree char *path =
      sounds_write ("none.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 0.0);

  assert_refused (path, ECH_LOADER_ERROR_FORMAT, "none.wav");
}

static GError *warning;

static void
on_stage (EchLoadId id, enum ech_load_stage stage, EchTrack *track, const GError *error,
          gpointer user_data)
{
  gint *last = user_data;

  if (stage == ECH_LOAD_DECODED && error)
    warning = g_error_copy (error);
  if (stage != ECH_LOAD_READY)
    g_atomic_int_set (last, stage);
}

static int
load_and_wait (const char *path)
{
  gint last = -1;

  ech_loader_load (loader, path, ECH_LOAD_NO_ANALYSIS, on_stage, &last);
  while (g_atomic_int_get (&last) < 0)
    g_usleep (1000);
  return last;
}

/* Half a file plays as far as it goes. */
static void
test_truncated (void)
{
  static const struct { const char *name; int format; } cases[] = {
    { "half.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16 },
    { "half.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16 },
    { "half.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS },
    { "half.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS },
    { "half.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char     *path  = sounds_write (cases[i].name, cases[i].format, 48000, 2, 10.0);
    g_autoptr (GError)   error = NULL;
    g_autoptr (EchTrack) track = NULL;
    GStatBuf             info;

    g_assert_cmpint (g_stat (path, &info), ==, 0);
    g_assert_cmpint (truncate (path, info.st_size / 2), ==, 0);
    track = ech_loader_load_sync (loader, path, FALSE, &error);
    g_assert_no_error (error);
    g_assert_cmpfloat (ech_track_length_seconds (track), >, 3.0);
    g_assert_cmpfloat (ech_track_length_seconds (track), <, 7.0);
    g_assert_cmpuint (ech_track_length_frames (track), ==, ech_track_decoded_frames (track));
  }
}

static void
test_truncated_is_told (void)
{
  g_autofree char *path =
      sounds_write ("told.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2, 10.0);
  GStatBuf         info;

  g_assert_cmpint (g_stat (path, &info), ==, 0);
  g_assert_cmpint (truncate (path, info.st_size / 2), ==, 0);
  g_assert_cmpint (load_and_wait (path), ==, ECH_LOAD_DECODED);
  g_assert_nonnull (warning);
  g_assert_nonnull (strstr (warning->message, "told.flac is damaged: it ends after"));
  g_clear_error (&warning);
}

/* Headers that promise hours in a few bytes. */
static void
test_huge_claims (void)
{
  g_autofree char *wav = sounds_write ("huge.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 1.0);
  g_autofree char *flac =
      sounds_write ("huge.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2, 1.0);
  g_autofree char     *bytes = NULL;
  gsize                n;
  g_autoptr (EchTrack) a = NULL;
  g_autoptr (EchTrack) b = NULL;

  g_assert_true (g_file_get_contents (wav, &bytes, &n, NULL));
  memset (bytes + 4, 0xff, 4);
  for (gsize i = 12; i < 4096; i++)
    if (memcmp (bytes + i, "data", 4) == 0) {
      memcpy (bytes + i + 4, "\xf0\xff\xff\xff", 4);
      break;
    }
  g_assert_true (g_file_set_contents (wav, bytes, (gssize) n, NULL));
  a = ech_loader_load_sync (loader, wav, FALSE, NULL);
  g_assert_nonnull (a);
  g_assert_cmpuint (ech_track_length_frames (a), ==, 44100);
  g_clear_pointer (&bytes, g_free);

  /* 36 bits of total samples, at byte 21 */
  g_assert_true (g_file_get_contents (flac, &bytes, &n, NULL));
  bytes[21] |= 0x0f;
  memset (bytes + 22, 0xff, 4);
  g_assert_true (g_file_set_contents (flac, bytes, (gssize) n, NULL));
  b = ech_loader_load_sync (loader, flac, FALSE, NULL);
  g_assert_nonnull (b);
  g_assert_cmpuint (ech_track_length_frames (b), ==, 44100);
}

/* Damaged bytes in real files: whatever comes of it, the next load works. */
static void
test_mutations (void)
{
  static const struct { const char *name; int format; } cases[] = {
    { "m.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16 },
    { "m.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24 },
    { "m.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS },
    { "m.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS },
    { "m.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III },
  };
  g_autoptr (GRand) rand = g_rand_new_with_seed (42);

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++) {
    g_autofree char *path = sounds_write (cases[c].name, cases[c].format, 48000, 2, 1.0);
    g_autofree char *good = NULL;
    gsize            n;

    g_assert_true (g_file_get_contents (path, &good, &n, NULL));
    for (int round = 0; round < 20; round++) {
      g_autofree char     *bad   = g_memdup2 (good, n);
      g_autoptr (GError)   error = NULL;
      g_autoptr (EchTrack) track = NULL;

      for (int i = 0; i < 30; i++)
        bad[g_rand_int_range (rand, 0, i < 10 ? MIN (400, (int) n) : (int) n)]
          = (char) g_rand_int (rand);
      g_assert_true (g_file_set_contents (path, bad, (gssize) n, NULL));
      track = ech_loader_load_sync (loader, path, TRUE, &error);
      g_assert_true ((track != NULL) != (error != NULL));
    }
    g_assert_true (g_file_set_contents (path, good, (gssize) n, NULL));
    g_autoptr (EchTrack) after = ech_loader_load_sync (loader, path, FALSE, NULL);
    g_assert_nonnull (after);
  }
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  loader = ech_loader_new ();
  g_test_add_func ("/hostile/no-audio", test_no_audio);
  g_test_add_func ("/hostile/permission", test_permission);
  g_test_add_func ("/hostile/long-name", test_long_name);
  g_test_add_func ("/hostile/random-bytes", test_random_bytes);
  g_test_add_func ("/hostile/rates", test_rates);
  g_test_add_func ("/hostile/no-frames", test_no_frames);
  g_test_add_func ("/hostile/truncated", test_truncated);
  g_test_add_func ("/hostile/truncated-is-told", test_truncated_is_told);
  g_test_add_func ("/hostile/huge-claims", test_huge_claims);
  g_test_add_func ("/hostile/mutations", test_mutations);
  status = g_test_run ();
  ech_loader_free (loader);
  sounds_finish ();
  return status;
}
