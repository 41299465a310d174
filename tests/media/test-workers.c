/* Workers that die, hang and lie.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/media/sounds.h"

struct heard {
  int       signal; /* for all children when READY comes */
  gint      ended;
  int       last;
  bool      was_ready;
  EchTrack *track;
  GError   *error;
};

static void
signal_children (int number)
{
  g_autoptr (GArray) children = sounds_children ();

  for (guint i = 0; i < children->len; i++)
    kill (g_array_index (children, pid_t, i), number);
}

static void
on_stage (EchLoadId id, enum ech_load_stage stage, EchTrack *track, const GError *error,
          gpointer user_data)
{
  struct heard *heard = user_data;

  if (stage == ECH_LOAD_READY) {
    heard->was_ready = true;
    heard->track     = ech_track_ref (track);
    if (heard->signal)
      signal_children (heard->signal);
  }
  if (error)
    heard->error = g_error_copy (error);
  heard->last = stage;
  if (stage >= ECH_LOAD_ANALYSED)
    g_atomic_int_set (&heard->ended, 1);
}

static void
load (EchLoader *loader, const char *path, struct heard *heard)
{
  ech_loader_load (loader, path, ECH_LOAD_NORMAL, on_stage, heard);
  while (!g_atomic_int_get (&heard->ended))
    g_usleep (500);
}

static void
heard_clear (struct heard *heard)
{
  g_clear_pointer (&heard->track, ech_track_unref);
  g_clear_error (&heard->error);
}

/* Long enough that decoding takes more than a second: it is under way when READY comes. */
static char *
long_opus (void)
{
  g_autofree char *wav  = NULL;
  char            *path = sounds_path ("long.opus");

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return path;
  wav = sounds_write ("part.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 2, 20.0);
  if (!sounds_run (
          "sox part.wav long.wav repeat 14 && opusenc --quiet --comp 0 long.wav long.opus"))
    g_error ("sox and opusenc are needed");
  return path;
}

static void
assert_truncated (struct heard *heard)
{
  uint64_t n   = ech_track_length_frames (heard->track);
  float    sum = 0.0f;

  g_assert_cmpuint (n, ==, ech_track_decoded_frames (heard->track));
  g_assert_cmpuint (n, >=, 48000 / 5);
  g_assert_cmpuint (n, <, 300 * 48000);
  g_assert_true (ech_track_is_complete (heard->track));
  for (uint64_t i = 0; i < 2 * n; i++)
    sum += ech_track_pcm (heard->track)->frames[i];
  g_assert_true (isfinite (sum));
}

static void
assert_still_works (EchLoader *loader)
{
  g_autofree char *path =
      sounds_write ("after.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 1.0);
  g_autoptr (EchTrack) track = ech_loader_load_sync (loader, path, TRUE, NULL);

  g_assert_nonnull (track);
  g_assert_cmpuint (ech_track_length_frames (track), ==, 44100);
}

static void
test_killed (void)
{
  EchLoader       *loader = ech_loader_new ();
  g_autofree char *path   = long_opus ();
  struct heard     heard  = { .signal = SIGKILL };

  load (loader, path, &heard);
  g_assert_cmpint (heard.last, ==, ECH_LOAD_FAILED);
  g_assert_error (heard.error, ECH_LOADER_ERROR, ECH_LOADER_ERROR_WORKER);
  g_assert_cmpstr (heard.error->message, ==,
                   "The decoder crashed on long.opus: only its beginning can be played");
  assert_truncated (&heard);
  assert_still_works (loader);
  heard_clear (&heard);
  ech_loader_free (loader);
}

static void
test_stopped (void)
{
  EchLoader       *loader = ech_loader_new ();
  g_autofree char *path   = long_opus ();
  struct heard     heard  = { .signal = SIGSTOP };

  ech_loader_set_patience_ms (loader, 300);
  load (loader, path, &heard);
  g_assert_cmpint (heard.last, ==, ECH_LOAD_FAILED);
  g_assert_cmpstr (heard.error->message, ==, "The decoder hung on long.opus and was stopped");
  assert_truncated (&heard);
  signal_children (SIGKILL); /* the idle ones were stopped as well */
  ech_loader_set_patience_ms (loader, 10000);
  assert_still_works (loader);
  heard_clear (&heard);
  ech_loader_free (loader);
}

/* Only the worker's own rights are looked at: its file system and network are closed. */
G_GNUC_UNUSED static bool
sandboxed (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", pid);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) && strstr (text, "NoNewPrivs:\t1")
         && strstr (text, "Seccomp:\t2");
}

G_GNUC_UNUSED static void
look_at_sandbox (EchLoadId id, enum ech_load_stage stage, EchTrack *track, const GError *error,
                 gpointer user_data)
{
  g_autoptr (GArray) children = sounds_children ();
  gint              *n        = user_data;
  gint               found    = 0;

  if (stage != ECH_LOAD_READY)
    return;
  for (guint i = 0; i < children->len; i++)
    found += sandboxed (g_array_index (children, pid_t, i));
  g_atomic_int_set (n, 1 + found);
}

static void
test_sandbox (void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  g_test_skip ("the sanitizer needs what the sandbox takes away");
#else
  EchLoader       *loader = ech_loader_new ();
  g_autofree char *path   = long_opus ();
  gint             n      = 0;
  EchLoadId        id     = ech_loader_load (loader, path, ECH_LOAD_NORMAL, look_at_sandbox, &n);

  while (!g_atomic_int_get (&n))
    g_usleep (500);
  ech_loader_cancel (loader, id);
  g_assert_cmpint (n, ==, 2); /* the one that decodes, not the idle ones */
  ech_loader_free (loader);
#endif
}

static const struct lie {
  const char *how, *why, *sentence;
  bool        ready; /* so much of it was true that it could be played */
} lies[] = {
  { "capacity", "more than fits", "gave false figures", false },
  { "unmapped", "more than is there", "gave false figures", false },
  { "overflow", "sizes that overflow", "gave false figures", false },
  { "length", "longer than its room", "gave false figures", false },
  { "decoded", "more decoded than there is", "gave false figures", false },
  { "peaks", "more peaks than there are", "gave false figures", false },
  { "rate", "no rate", "gave false figures", false },
  { "channels", "no channels", "gave false figures", false },
  { "stage", "an unknown stage", "gave false figures", false },
  { "backwards", "decodes backwards", "gave false figures", true },
  { "failure", "an unknown failure", "is not an audio file", false },
  { "dies", "dies on the request", "crashed on lie.wav", false },
  { "dies-idle", "dies before any request", "crashed on lie.wav", false },
  { "shrinks", "cannot shrink the memory", "crashed on lie.wav", false },
  { "hangs", "never answers", "hung on lie.wav", false },
};

static void
test_lie (gconstpointer data)
{
  const struct lie *lie   = data;
  g_autofree char  *path  = sounds_path ("lie.wav");
  struct heard      heard = { 0 };
  EchLoader        *loader;

  g_setenv ("LIE", lie->how, TRUE);
  g_setenv ("ECHELON_WORKER", g_getenv ("LYING_WORKER"), TRUE);
  loader = ech_loader_new ();
  ech_loader_set_patience_ms (loader, 400);
  load (loader, path, &heard);
  g_assert_cmpint (heard.last, ==, ECH_LOAD_FAILED);
  g_assert_nonnull (strstr (heard.error->message, lie->sentence));
  g_assert_true (heard.was_ready == lie->ready);
  heard_clear (&heard);
  ech_loader_free (loader);
}

static void
test_lies_about_music (void)
{
  g_autofree char    *path  = sounds_path ("lie.wav");
  struct heard        heard = { 0 };
  struct ech_analysis found;
  EchLoader          *loader;

  g_setenv ("LIE", "music", TRUE);
  g_setenv ("ECHELON_WORKER", g_getenv ("LYING_WORKER"), TRUE);
  loader = ech_loader_new ();
  load (loader, path, &heard);
  g_assert_cmpint (heard.last, ==, ECH_LOAD_ANALYSED);
  g_assert_true (ech_track_get_analysis (heard.track, &found));
  g_assert_false (found.has_grid);
  g_assert_cmpint (found.key, ==, ECH_KEY_UNKNOWN);
  g_assert_true (isnan (found.lufs));
  g_assert_true (g_utf8_validate (ech_track_title (heard.track), -1, NULL));
  g_assert_null (strchr (ech_track_artist (heard.track), '\n'));
  heard_clear (&heard);
  ech_loader_free (loader);
}

/* Two that never stop talking do not keep a third load waiting. */
static void
test_chatter (void)
{
  g_autofree char *path     = sounds_path ("lie.wav");
  struct heard     heard[2] = { 0 };
  EchLoader       *loader;
  EchLoadId        ids[2];

  g_setenv ("LIE", "chatters", TRUE);
  g_setenv ("ECHELON_WORKER", g_getenv ("LYING_WORKER"), TRUE);
  loader = ech_loader_new ();
  for (int i = 0; i < 2; i++)
    ids[i] = ech_loader_load (loader, path, ECH_LOAD_NORMAL, on_stage, &heard[i]);
  g_usleep (50000);
  /* whoever is started from here on is honest */
  g_setenv ("ECHELON_WORKER", g_getenv ("REAL_WORKER"), TRUE);
  assert_still_works (loader);
  for (int i = 0; i < 2; i++) {
    g_assert_false (g_atomic_int_get (&heard[i].ended));
    ech_loader_cancel (loader, ids[i]);
  }
  ech_loader_free (loader);
}

static void
test_no_program (void)
{
  g_autofree char     *path  = sounds_path ("lie.wav");
  g_autoptr (GError)   error = NULL;
  EchLoader           *loader;

  g_setenv ("ECHELON_WORKER", "/nonexistent/worker", TRUE);
  loader = ech_loader_new ();
  g_assert_null (ech_loader_load_sync (loader, path, FALSE, &error));
  g_assert_error (error, ECH_LOADER_ERROR, ECH_LOADER_ERROR_WORKER);
  g_assert_nonnull (strstr (error->message, "/nonexistent/worker could not be started"));
  ech_loader_free (loader);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  g_setenv ("REAL_WORKER", g_getenv ("ECHELON_WORKER"), TRUE);
  g_test_add_func ("/workers/killed", test_killed);
  g_test_add_func ("/workers/stopped", test_stopped);
  g_test_add_func ("/workers/sandbox", test_sandbox);
  for (gsize i = 0; i < G_N_ELEMENTS (lies); i++) {
    g_autofree char *name = g_strdup_printf ("/workers/lies/%s", lies[i].why);

    g_test_add_data_func (name, &lies[i], test_lie);
  }
  g_test_add_func ("/workers/lies-about-music", test_lies_about_music);
  g_test_add_func ("/workers/chatter", test_chatter);
  g_test_add_func ("/workers/no-program", test_no_program);
  status = g_test_run ();
  sounds_finish ();
  return status;
}
