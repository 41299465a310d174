/* A track: its samples, its tags, its waveform and what analysis found.
 *
 * A track comes from the loader, with one reference for each who asked.  The
 * samples grow while a worker process decodes; everything else is either
 * fixed when the track is handed out or read through a lock.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MEDIA_TRACK_H
#define ECH_MEDIA_TRACK_H

#include <glib.h>

#include "engine/rt/pcm.h"
#include "engine/types.h"

G_BEGIN_DECLS

typedef struct _EchTrack EchTrack;

/* Frames that one bin of the waveform summary stands for. */
#define ECH_PEAK_BIN_FRAMES 256

/**
 * struct ech_peak_bin: the loudest that ECH_PEAK_BIN_FRAMES frames become
 * @peak: largest sample of both channels
 * @low, @mid, @high: largest sample of the band (under 200 Hz, between, over
 *    2 kHz), both channels mixed to mono
 *
 * All linear: 0 is silence, 255 is full scale or more.
 */
struct ech_peak_bin {
  uint8_t peak;
  uint8_t low;
  uint8_t mid;
  uint8_t high;
};

/* No key was found. */
#define ECH_KEY_UNKNOWN (-1)

/**
 * struct ech_analysis: what analysis found out about a track
 * @done: analysis has run (it may have found nothing)
 * @has_grid: @grid, @bpm and @confidence tell something
 * @grid: the beat grid, in track frames
 * @bpm: of @grid; 0 where unknown
 * @confidence: 0..1, how well the music's onsets agree with @grid
 * @key: 0 = C major .. 11 = B major, 12 = C minor .. 23 = B minor, or
 *    ECH_KEY_UNKNOWN
 * @lufs: integrated loudness (EBU R 128); -INFINITY for silence, NAN unknown
 * @true_peak_dbtp: dBTP; -INFINITY for silence, NAN unknown
 */
struct ech_analysis {
  bool            done;
  bool            has_grid;
  struct ech_grid grid;
  double          bpm;
  double          confidence;
  int             key;
  double          lufs;
  double          true_peak_dbtp;
};

/**
 * ech_track_ref / ech_track_unref:
 *
 * The last unref unmaps the samples and frees; ech_track_unref (NULL) does
 * nothing.  ech_track_pcm (track)->release gives a reference back too.
 *
 * Thread: any but the audio thread.  RT-safe: no.
 */
EchTrack *ech_track_ref (EchTrack *track);
void      ech_track_unref (EchTrack *track);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EchTrack, ech_track_unref)

/* The samples, as a command carries them to the audio thread.  They live as
 * long as the track; this takes no reference.  The pcm is the first member of
 * the track, so both have one address. */
static inline struct ech_pcm *
ech_track_pcm (EchTrack *track)
{
  return (struct ech_pcm *) track;
}

static inline EchTrack *
ech_track_from_pcm (struct ech_pcm *pcm)
{
  return (EchTrack *) pcm;
}

/* Fixed for the track's life.  Thread: any.  UTF-8, owned by the track.
 * The title falls back to the file's name without its ending; the artist to "". */
const char *ech_track_path (const EchTrack *track);
const char *ech_track_title (const EchTrack *track);
const char *ech_track_artist (const EchTrack *track);

/* Track frames a second, 8000 .. 192000.  Thread: any. */
double ech_track_rate (const EchTrack *track);

/* Channels of the file, 1 or more.  One is heard on both sides; of more than
 * two the first two are heard.  Thread: any. */
unsigned ech_track_file_channels (const EchTrack *track);

/* The length; where the file does not tell it, an upper bound until
 * decoding has ended.  Shrinks when decoding breaks off.  Thread: any. */
uint64_t ech_track_length_frames (EchTrack *track);
double   ech_track_length_seconds (EchTrack *track);

/* Frames that can be played now; only grows.  Thread: any. */
uint64_t ech_track_decoded_frames (EchTrack *track);

/* Nothing more will be decoded (all there is, or decoding broke off).  Thread: any. */
bool ech_track_is_complete (EchTrack *track);

/**
 * ech_track_peaks:
 * @out_n_bins: how many bins are filled now; only grows
 *
 * Bin i stands for the frames [i * 256, (i + 1) * 256).  The array lives as
 * long as the track, does not move, and bins under *out_n_bins do not change.
 * After the last frame the count is the length / 256, rounded up.
 *
 * Thread: any but audio.
 */
const struct ech_peak_bin *ech_track_peaks (EchTrack *track, size_t *out_n_bins);

/**
 * ech_track_get_analysis:
 * @out_analysis: a copy; all unknown with @done false until analysis has run
 *
 * Thread: any but audio (takes a short lock).
 * Returns: @done.
 */
bool ech_track_get_analysis (EchTrack *track, struct ech_analysis *out_analysis);

/**
 * ech_track_set_grid:
 * @grid: frames_per_beat 0 takes the grid away
 *
 * A person's or the library's own grid in place of the found one.
 *
 * Thread: any but audio.
 */
void ech_track_set_grid (EchTrack *track, const struct ech_grid *grid);

/**
 * ech_key_name:
 * @key: as in struct ech_analysis
 *
 * Thread: any.
 * Returns: such as "F#m"; "" where unknown.
 */
const char *ech_key_name (int key);

G_END_DECLS

#endif
