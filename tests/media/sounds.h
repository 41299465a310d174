/* Files for the tests of media: made at test time, removed after.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef TESTS_MEDIA_SOUNDS_H
#define TESTS_MEDIA_SOUNDS_H

#include <glib.h>
#include <sndfile.h>

#include "engine/media/loader.h"

/* A folder for this program's files, removed by sounds_finish(). */
const char *sounds_folder (void);
void        sounds_finish (void);

/* @name in the folder.  To be freed. */
char *sounds_path (const char *name);

/**
 * sounds_write:
 * @format: of libsndfile
 *
 * Seeded noise under a slow sine, a different one in each channel.
 *
 * Returns: the path.  To be freed.
 */
char *sounds_write (const char *name, int format, int rate, int channels, double seconds);

/* Runs a shell command in the folder.  Returns: false where it fails or its program is absent. */
bool sounds_run (const char *command);

/* All frames as libsndfile reads them, as stereo.  To be freed. */
float *sounds_read (const char *path, sf_count_t *out_n_frames, SF_INFO *out_info);

/* The process ids of our children, those that are dead but not reaped left out. */
GArray *sounds_children (void);

#endif
