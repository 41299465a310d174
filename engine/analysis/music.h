/* Listens to a whole track.  Runs in the worker process alone.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_MUSIC_H
#define ECH_ANALYSIS_MUSIC_H

#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of media/track.h, which is no C++. */
struct ech_analysis;

/* Called now and then with @data, so that somebody sees that work goes on. */
typedef void (*EchMusicProgress) (void *data);

/**
 * ech_music_analyse:
 * @frames: @n_frames of interleaved stereo, all finite
 * @rate: ECH_MIN_TRACK_RATE .. ECH_MAX_TRACK_RATE
 *
 * Thread: any, one at a time.
 */
void ech_music_analyse (const float         *frames,
                        uint64_t             n_frames,
                        double               rate,
                        EchMusicProgress     progress,
                        void                *data,
                        struct ech_analysis *out_analysis);

#ifdef __cplusplus
}
#endif

#endif
