/* Units, identifiers, limits and plain state of Echelon.
 *
 * Standard C only: every layer, the audio thread and the driver modules
 * include this file.  A quantity's unit is the end of its name:
 * _frames, _beats, _ns (CLOCK_MONOTONIC), _bpm, _db.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_TYPES_H
#define ECH_TYPES_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  ECH_MAX_DECKS   = 4,    /* a, b, c, d */
  ECH_MAX_BLOCK   = 8192, /* frames in one graph cycle, at most */
  ECH_N_BANDS     = 3,    /* low, mid, high */
  ECH_N_HOTCUES   = 8,    /* of each deck */
  ECH_ID_MAX      = 48,   /* bytes of a client id, with its NUL */
  ECH_NAME_MAX    = 32,   /* bytes of a source's name, with its NUL */
  ECH_TEXT_MAX    = 160,  /* bytes of a sentence for people, with its NUL */
  ECH_MAX_SOURCES = 16,
};

/* At or under this EQ gain a band is killed: silent. */
#define ECH_EQ_KILL_DB (-26.0)
#define ECH_EQ_MAX_DB  (12.0)

/* Loops, in beats of the track's own grid. */
#define ECH_MIN_LOOP_BEATS (1.0 / 32.0)
#define ECH_MAX_LOOP_BEATS (64.0)

/* Pitch bend: the most that it adds to or takes from the ratio of speed. */
#define ECH_MAX_BEND 0.5

#define ECH_MIN_BPM 20.0
#define ECH_MAX_BPM 999.0

/* Marks a function that the audio thread may call: it does not allocate,
 * free, lock, wait, log or touch a file.  Newer clang checks it. */
#if defined(__clang__) && __clang_major__ >= 20
#define ECH_RT __attribute__ ((nonblocking))
#else
#define ECH_RT
#endif

/* What a deck is doing, as safety, telemetry and OSC tell it. */
enum ech_deck_state {
  ECH_DECK_EMPTY,
  ECH_DECK_LOADING, /* empty, a track is on its way */
  ECH_DECK_STOPPED,
  ECH_DECK_PRIMED, /* stopped, with a start that waits for its beat */
  ECH_DECK_PLAYING,
  ECH_N_DECK_STATES,
};

enum ech_band { ECH_BAND_LOW, ECH_BAND_MID, ECH_BAND_HIGH };

/**
 * struct ech_grid: a track's beat grid of constant tempo
 * @first_beat_frames: the first beat, in track frames (may be fractional)
 * @frames_per_beat: track frames from beat to beat; 0 = no grid
 * @beats_per_bar: 4 where unknown
 * @downbeat: index (0 .. beats_per_bar - 1) of the first beat that begins a bar
 * @confidence: 0..1
 */
struct ech_grid {
  double   first_beat_frames;
  double   frames_per_beat;
  uint32_t beats_per_bar;
  uint32_t downbeat;
  double   confidence;
};

/* Beat number (0 = the grid's first beat, may be negative) at a track position. */
static inline double
ech_grid_beat_at (const struct ech_grid *grid, double position_frames)
{
  return (position_frames - grid->first_beat_frames) / grid->frames_per_beat;
}

static inline double
ech_grid_frame_at (const struct ech_grid *grid, double beat)
{
  return grid->first_beat_frames + beat * grid->frames_per_beat;
}

static inline double
ech_grid_bpm (const struct ech_grid *grid, double track_rate)
{
  return grid->frames_per_beat > 0 ? 60.0 * track_rate / grid->frames_per_beat : 0.0;
}

/**
 * struct ech_timeline: the session's map between graph frames and beats
 * @origin_frames: a graph frame, fractional where a tempo changed between frames
 * @origin_beats: the session beat there
 * @bpm: ECH_MIN_BPM .. ECH_MAX_BPM
 * @rate: graph frames a second
 */
struct ech_timeline {
  double origin_frames;
  double origin_beats;
  double bpm;
  double rate;
};

static inline double
ech_timeline_beat_at (const struct ech_timeline *t, double frame)
{
  return t->origin_beats + (frame - t->origin_frames) * t->bpm / (60.0 * t->rate);
}

static inline double
ech_timeline_frame_at (const struct ech_timeline *t, double beat)
{
  return t->origin_frames + (beat - t->origin_beats) * (60.0 * t->rate) / t->bpm;
}

/* The frame on which an event due at @beat is heard: the nearest one. */
static inline int64_t
ech_timeline_onset_frame (const struct ech_timeline *t, double beat)
{
  return (int64_t) llround (ech_timeline_frame_at (t, beat));
}

/* @beat's phase within @quantum beats, 0 <= phase < quantum, also for negative beats. */
static inline double
ech_beat_phase (double beat, double quantum)
{
  double phase = fmod (beat, quantum);

  if (phase < 0)
    phase += quantum;
  return phase >= quantum ? 0.0 : phase;
}

#ifdef __cplusplus
}
#endif

#endif
