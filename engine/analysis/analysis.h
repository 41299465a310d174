/* What a track's music is: tempo, beat grid, key, loudness.
 *
 * struct ech_analysis itself is in media/track.h, since a track carries it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_ANALYSIS_H
#define ECH_ANALYSIS_ANALYSIS_H

#include "engine/media/loader.h"
#include "engine/media/track.h"

G_BEGIN_DECLS

/**
 * ech_analyze_file:
 * @out_track: (optional): a reference, for rate, length, tags and peaks
 *
 * Loads and analyses a file in a worker process and waits for the result.
 *
 * Thread: any but audio, main while a window is open, and the loader's own.
 * Returns: true; false with @error set, worded for people.
 */
bool ech_analyze_file (EchLoader           *loader,
                       const char          *path,
                       struct ech_analysis *out_analysis,
                       EchTrack           **out_track,
                       GError             **error);

G_END_DECLS

#endif
