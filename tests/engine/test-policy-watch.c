/* A policy file that changes while somebody watches it: written in place, replaced, linked, removed.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/policy-watch.h"

enum { PATIENCE_S = 60 };

struct fixture {
  char           *folder;
  char           *path;
  EchPolicyWatch *watch;
  unsigned        n_changes;
};

static void
write_text (const char *path, const char *text)
{
  g_assert_true (g_file_set_contents (path, text, -1, NULL)); /* atomically */
}

static void
count (EchPolicyWatch *watch, struct fixture *f)
{
  f->n_changes++;
}

static gboolean
give_up (gpointer data)
{
  g_error ("no change was told in %d s", PATIENCE_S);
  return G_SOURCE_REMOVE;
}

/* Until one more change is told. */
static void
wait_for_change (struct fixture *f)
{
  unsigned before = f->n_changes;
  guint    source = g_timeout_add_seconds (PATIENCE_S, give_up, NULL);

  while (f->n_changes == before)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (source);
}

static void
open_watch (struct fixture *f, const char *path)
{
  f->watch = ech_policy_watch_new (path);
  g_signal_connect (f->watch, "changed", G_CALLBACK (count), f);
}

static void
set_up (struct fixture *f, const void *data)
{
  f->folder = g_dir_make_tmp ("echelon-watch-XXXXXX", NULL);
  f->path   = g_build_filename (f->folder, "policy.json", NULL);
}

static void
tear_down (struct fixture *f, const void *data)
{
  g_autoptr (GDir) dir = g_dir_open (f->folder, 0, NULL);
  const char      *name;

  g_clear_object (&f->watch);
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (f->folder, name, NULL);

    g_remove (path);
  }
  g_rmdir (f->folder);
  g_free (f->folder);
  g_free (f->path);
}

static double
level (struct fixture *f)
{
  return ech_policy_watch_get_policy (f->watch)->on_air_db;
}

static void
test_life (struct fixture *f, const void *data)
{
  g_autoptr (GFile)             file = g_file_new_for_path (f->path);
  g_autoptr (GFileOutputStream) out  = NULL;

  open_watch (f, f->path);
  g_assert_cmpfloat (level (f), ==, -60);
  g_assert_null (ech_policy_watch_get_fault (f->watch));

  write_text (f->path, "{\"on_air\":{\"level_db\":-50}}");
  wait_for_change (f);
  g_assert_cmpfloat (level (f), ==, -50);

  /* wrong: what was in force stays */
  write_text (f->path, "{\n\"on_air\":{\"level_db\":50}}");
  wait_for_change (f);
  g_assert_cmpfloat (level (f), ==, -50);
  g_assert_true (g_str_has_prefix (ech_policy_watch_get_fault (f->watch), "line 2: “level_db” takes"));
  g_assert_cmpuint (ech_policy_watch_get_fault_line (f->watch), ==, 2);

  /* written in place, in two steps */
  out = g_file_append_to (file, G_FILE_CREATE_NONE, NULL, NULL);
  g_assert_true (g_seekable_truncate (G_SEEKABLE (out), 0, NULL, NULL));
  g_assert_true (g_output_stream_write_all (G_OUTPUT_STREAM (out), "{\"on_air\":", 10, NULL, NULL, NULL));
  g_assert_true (g_output_stream_write_all (G_OUTPUT_STREAM (out), "{\"level_db\":-40}}", 17, NULL, NULL, NULL));
  g_assert_true (g_output_stream_close (G_OUTPUT_STREAM (out), NULL, NULL));
  wait_for_change (f);
  g_assert_cmpfloat (level (f), ==, -40);
  g_assert_null (ech_policy_watch_get_fault (f->watch));

  g_assert_cmpint (g_remove (f->path), ==, 0);
  wait_for_change (f);
  g_assert_cmpfloat (level (f), ==, -60);
  g_assert_cmpuint (f->n_changes, ==, 4);
}

/* A folder of configuration files that are links, as some people keep it. */
static void
test_link (struct fixture *f, const void *data)
{
  g_autofree char *one  = g_build_filename (f->folder, "one.json", NULL);
  g_autofree char *two  = g_build_filename (f->folder, "two.json", NULL);
  g_autofree char *next = g_build_filename (f->folder, "next", NULL);

  write_text (one, "{\"on_air\":{\"level_db\":-10}}");
  write_text (two, "{\"on_air\":{\"level_db\":-20}}");
  g_assert_cmpint (symlink (one, f->path), ==, 0);
  open_watch (f, f->path);
  g_assert_cmpfloat (level (f), ==, -10);
  write_text (one, "{\"on_air\":{\"level_db\":-11}}");
  wait_for_change (f);
  g_assert_cmpfloat (level (f), ==, -11);

  g_assert_cmpint (symlink (two, next), ==, 0);
  g_assert_cmpint (g_rename (next, f->path), ==, 0);
  wait_for_change (f);
  g_assert_cmpfloat (level (f), ==, -20);
  write_text (two, "{\"on_air\":{\"level_db\":-21}}");
  wait_for_change (f);
  g_assert_cmpfloat (level (f), ==, -21);
}

static void
test_save (struct fixture *f, const void *data)
{
  struct ech_policy  policy;
  g_autofree char   *text  = NULL;
  g_autoptr (GError) error = NULL;

  open_watch (f, f->path);
  policy           = *ech_policy_watch_get_policy (f->watch);
  policy.on_air_db = -33;
  g_assert_true (ech_policy_watch_save (f->watch, &policy, FALSE, &error));
  g_assert_cmpfloat (level (f), ==, -33);
  g_assert_cmpuint (f->n_changes, ==, 1); /* at once */

  /* what could not be read back is not written */
  policy.on_air_db = 33;
  g_assert_false (ech_policy_watch_save (f->watch, &policy, FALSE, &error));
  g_clear_error (&error);
  g_assert_cmpfloat (level (f), ==, -33);

  /* somebody was faster: theirs is kept, and read */
  write_text (f->path, "{\"on_air\":{\"level_db\":-50}}");
  policy.on_air_db = -34;
  g_assert_false (ech_policy_watch_save (f->watch, &policy, FALSE, &error));
  g_assert_nonnull (strstr (error->message, "changed by somebody else"));
  g_clear_error (&error);
  g_assert_cmpfloat (level (f), ==, -50);
  g_assert_true (g_file_get_contents (f->path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "{\"on_air\":{\"level_db\":-50}}");

  /* a wrong one is kept, unless it is to be replaced */
  write_text (f->path, "{");
  g_assert_false (ech_policy_watch_save (f->watch, &policy, FALSE, NULL));
  g_assert_nonnull (ech_policy_watch_get_fault (f->watch));
  g_assert_false (ech_policy_watch_save (f->watch, &policy, FALSE, NULL));
  g_assert_true (ech_policy_watch_save (f->watch, &policy, TRUE, NULL));
  g_assert_null (ech_policy_watch_get_fault (f->watch));
  g_assert_cmpfloat (level (f), ==, -34);
}

/* A start with a wrong file. */
static void
test_start (struct fixture *f, const void *data)
{
  write_text (f->path, "{\n\n]");
  open_watch (f, f->path);
  g_assert_cmpfloat (level (f), ==, -60);
  g_assert_cmpuint (ech_policy_watch_get_fault_line (f->watch), ==, 3);
  g_clear_object (&f->watch);
  open_watch (f, f->folder);
  g_assert_nonnull (strstr (ech_policy_watch_get_fault (f->watch), "Is a directory"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/policy-watch/life", struct fixture, NULL, set_up, test_life, tear_down);
  g_test_add ("/policy-watch/link", struct fixture, NULL, set_up, test_link, tear_down);
  g_test_add ("/policy-watch/save", struct fixture, NULL, set_up, test_save, tear_down);
  g_test_add ("/policy-watch/start", struct fixture, NULL, set_up, test_start, tear_down);
  return g_test_run ();
}
