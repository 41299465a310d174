/* Beat tracking by qm-dsp.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_BEATS_H
#define ECH_ANALYSIS_BEATS_H

#include "engine/analysis/music.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ech_beats_track:
 * @stereo: interleaved frames
 * @progress: called every few seconds of music
 * @out_beats_frames: to be freed with free(); beats in track frames, rising.  They
 *    follow the tempo from beat to beat, are placed to some 12 ms, and may
 *    run at half, two thirds or twice the tempo that a dancer feels.
 *
 * Returns: how many; 0 where none were found.
 */
size_t ech_beats_track (const float     *stereo,
                        uint64_t         n_frames,
                        double           rate,
                        EchMusicProgress progress,
                        void            *data,
                        double         **out_beats_frames);

/**
 * ech_beats_find_downbeat:
 * @grid: beats_per_bar is looked for in multiples of @grid's beats
 *
 * Where the music changes most, judged over all bars.
 *
 * Returns: index of the first beat that begins a bar, 0 .. beats_per_bar - 1.
 */
uint32_t ech_beats_find_downbeat (const float           *stereo,
                                  uint64_t               n_frames,
                                  double                 rate,
                                  const struct ech_grid *grid);

#ifdef __cplusplus
}
#endif

#endif
