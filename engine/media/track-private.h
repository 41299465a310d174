/* How the loader fills a track.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MEDIA_TRACK_PRIVATE_H
#define ECH_MEDIA_TRACK_PRIVATE_H

#include "engine/media/track.h"

/**
 * ech_track_new:
 * @memory: a mapping of @memory_bytes that the track now owns (munmap)
 * @peaks, @frames: inside @memory
 * @title, @artist: untrusted bytes, may be ""
 *
 * Returns: a track with one reference, nothing decoded yet.
 */
EchTrack *ech_track_new (const char                *path,
                         void                      *memory,
                         size_t                     memory_bytes,
                         const struct ech_peak_bin *peaks,
                         const float               *frames,
                         uint64_t                   length_frames,
                         double                     rate,
                         unsigned                   file_channels,
                         const char                *title,
                         const char                *artist);

/* The loader's thread alone.  Brings the pages in, then publishes.  @frames
 * are under the length and not fewer than before. */
void ech_track_publish (EchTrack *track, uint64_t decoded_frames, uint64_t n_peaks);

/* The loader's thread alone: what is decoded is all there is; gives back the
 * address space behind it. */
void ech_track_complete (EchTrack *track);

/* @analysis has been checked. */
void ech_track_set_analysis (EchTrack *track, const struct ech_analysis *analysis);

#endif
