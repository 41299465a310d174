/* A deck: a track, a playhead, and the few milliseconds around each change.
 *
 * The playhead is a straight line (position at a frame, track frames a graph
 * frame) that is drawn anew only where something changes, so that nothing adds
 * up rounding errors, frames that were lost are skipped in time, and the output
 * does not depend on how time is cut into blocks.
 *
 * All calls belong to the audio thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_DECK_H
#define ECH_RT_DECK_H

#include "engine/rt/command.h"
#include "engine/rt/resample.h"

/* The ramp that hides a cut, in seconds. */
#define ECH_CLICK_RAMP_S 0.002

enum { ECH_DECK_TAILS = 2 };

/* A straight stretch of a track that sounds. */
struct ech_voice {
  bool    active;
  double  origin_position; /* track frames, at origin_frame */
  int64_t origin_frame;
  double  step;

  /* gain: gain0 until ramp_start, gain1 from ramp_end on */
  double  gain0, gain1;
  int64_t ramp_start, ramp_end;
};

struct ech_deck {
  const struct ech_sinc_tables *tables;
  double                        rate;
  int64_t                       ramp_frames;

  struct ech_pcm *pcm; /* one reference, NULL = empty */
  uint32_t        generation;
  struct ech_grid grid;
  bool            has_grid;
  bool            sync;
  bool            playing;
  double          speed_set; /* the tempo fader */
  double          speed;     /* what is heard */
  double          cue_frames;
  double          rest_frames; /* where a stopped deck stands */
  uint32_t        underruns;

  struct ech_voice main;
  struct ech_voice incoming; /* what an announced start or jump will sound like */
  struct ech_voice tails[ECH_DECK_TAILS]; /* what an unannounced change leaves behind */
  uint32_t         next_tail;

  uint64_t announced_id; /* command that incoming, or main's ramp down, prepares; 0 = none */
  int64_t  announced_frame;
};

void ech_deck_init (struct ech_deck *deck, const struct ech_sinc_tables *tables, double rate);

/* Anchors all motion at @frame and goes on at another graph rate.  Audio stopped. */
void ech_deck_set_rate (struct ech_deck *deck, double rate, int64_t frame);

enum ech_deck_outcome { ECH_DECK_DONE, ECH_DECK_STALE, ECH_DECK_IMPOSSIBLE };

/**
 * ech_deck_execute: carries out a deck command at @frame
 * @exact_frame: the instant itself, within half a frame of @frame
 * @timeline: in force there
 * @out_retired: the track that leaves the deck, or NULL
 * RT-safe: yes.
 */
ECH_RT enum ech_deck_outcome ech_deck_execute (struct ech_deck           *deck,
                                               const struct ech_command  *command,
                                               int64_t                    frame,
                                               double                     exact_frame,
                                               const struct ech_timeline *timeline,
                                               struct ech_pcm           **out_retired);

/**
 * ech_deck_announce: @command is due at @due_frame, at most ramp_frames from @frame
 *
 * Begins (or, after a tempo change, redraws) the ramp that ends on the due frame.
 * RT-safe: yes.
 */
ECH_RT void ech_deck_announce (struct ech_deck           *deck,
                               const struct ech_command  *command,
                               int64_t                    frame,
                               int64_t                    due_frame,
                               const struct ech_timeline *timeline);

/* The announced command was taken back.  RT-safe: yes. */
ECH_RT void ech_deck_withdraw (struct ech_deck *deck, int64_t frame);

/* The session's tempo changed at @exact_frame.  RT-safe: yes. */
ECH_RT void ech_deck_retime (struct ech_deck           *deck,
                             int64_t                    frame,
                             double                     exact_frame,
                             const struct ech_timeline *timeline);

/**
 * ech_deck_render: adds @n interleaved stereo frames from @frame on to @out
 * @scratch: room for @n stereo frames
 * @out: zeroed by the caller; NULL lets time pass without sound
 * RT-safe: yes.
 */
ECH_RT void ech_deck_render (struct ech_deck *deck, int64_t frame, uint32_t n, float *scratch, float *out);

/* The frame at which the track runs out, INT64_MAX when it does not. RT-safe: yes. */
ECH_RT int64_t ech_deck_end_frame (const struct ech_deck *deck);

/* The track ran out: stop.  RT-safe: yes. */
ECH_RT void ech_deck_run_out (struct ech_deck *deck);

/* Playhead in track frames.  RT-safe: yes. */
ECH_RT double ech_deck_position (const struct ech_deck *deck, double frame);

#endif
