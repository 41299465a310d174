/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/media/sounds.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char *folder;

const char *
sounds_folder (void)
{
  if (!folder) {
    folder = g_dir_make_tmp ("echelon-media-XXXXXX", NULL);
    g_assert_nonnull (folder);
  }
  return folder;
}

void
sounds_finish (void)
{
  g_autoptr (GDir) dir = g_dir_open (sounds_folder (), 0, NULL);
  const char      *name;

  while ((name = g_dir_read_name (dir))) {
    g_autofree char *path = sounds_path (name);

    g_remove (path);
  }
  g_rmdir (folder);
  g_clear_pointer (&folder, g_free);
}

char *
sounds_path (const char *name)
{
  return g_build_filename (sounds_folder (), name, NULL);
}

char *
sounds_write (const char *name, int format, int rate, int channels, double seconds)
{
  char             *path = sounds_path (name);
  SF_INFO           info = { .samplerate = rate, .channels = channels, .format = format };
  SNDFILE          *file = sf_open (path, SFM_WRITE, &info);
  g_autoptr (GRand) rand = g_rand_new_with_seed (20261122);
  g_autofree float *frame = g_new0 (float, channels);

  g_assert_nonnull (file);
  sf_set_string (file, SF_STR_TITLE, "Straße in Ωmega");
  sf_set_string (file, SF_STR_ARTIST, "Die Prüfer");
  for (long i = 0; i < lround (seconds * rate); i++) {
    for (int c = 0; c < channels; c++)
      frame[c] = (float) (0.4 * sin (2 * M_PI * (200.0 + 130.0 * c) * i / rate)
                          + 0.3 * g_rand_double_range (rand, -1.0, 1.0));
    g_assert_cmpint (sf_writef_float (file, frame, 1), ==, 1);
  }
  g_assert_cmpint (sf_close (file), ==, 0);
  return path;
}

bool
sounds_run (const char *command)
{
  g_autofree char *line = g_strdup_printf ("cd '%s' && { %s; } >/dev/null 2>&1", sounds_folder (),
                                           command);
  const char      *argv[] = { "/bin/sh", "-c", line, NULL };
  int              status = 0;

  return g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status,
                       NULL)
         && status == 0;
}

float *
sounds_read (const char *path, sf_count_t *out_n_frames, SF_INFO *out_info)
{
  SF_INFO           info = { 0 };
  SNDFILE          *file = sf_open (path, SFM_READ, &info);
  g_autofree float *wide = NULL;
  float            *stereo;
  sf_count_t        n;
  int               right;

  g_assert_nonnull (file);
  right  = info.channels > 1 ? 1 : 0;
  /* where a file does not tell its length, libsndfile says it is endless */
  info.frames = MIN (info.frames, 20 * info.samplerate);
  wide   = g_new0 (float, info.channels * (info.frames + 1));
  stereo = g_new0 (float, 2 * (info.frames + 1));
  n      = sf_readf_float (file, wide, info.frames);
  for (sf_count_t i = 0; i < n; i++) {
    stereo[2 * i]     = wide[i * info.channels];
    stereo[2 * i + 1] = wide[i * info.channels + right];
  }
  sf_close (file);
  *out_n_frames = n;
  *out_info     = info;
  return stereo;
}

static bool
is_living_child (const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/%s/stat", name);
  g_autofree char *stat = NULL;
  const char      *after_name;
  char             state = 0;
  int              parent = 0;

  if (!g_file_get_contents (path, &stat, NULL, NULL) || !(after_name = strrchr (stat, ')')))
    return false;
  return sscanf (after_name, ") %c %d", &state, &parent) == 2 && parent == getpid() && state != 'Z';
}

GArray *
sounds_children (void)
{
  GArray          *pids = g_array_new (FALSE, FALSE, sizeof (pid_t));
  g_autoptr (GDir) dir  = g_dir_open ("/proc", 0, NULL);
  const char      *name;

  while ((name = g_dir_read_name (dir)))
    if (g_ascii_isdigit (*name) && is_living_child (name)) {
      pid_t pid = (pid_t) atoi (name);

      g_array_append_val (pids, pid);
    }
  return pids;
}
