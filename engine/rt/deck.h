/* A deck: a track, a playhead, and the few milliseconds around each change.
 *
 * The playhead is a straight line (position at a frame, track frames a graph
 * frame) that is drawn anew only where something changes, so that nothing adds
 * up rounding errors, frames that were lost are skipped in time, and the output
 * does not depend on how time is cut into blocks.
 *
 * A loop's wrap is the same thing as an announced jump: the first graph frame whose
 * position has reached the out point sounds at full gain from the in point on, plus what
 * the position was beyond the out point; the ramp with the track's own audio lies before it.
 * So a loop's length is never rounded, and a synced loop of whole beats stays in phase.
 * A jump to a place outside of the loop leaves it; one within, a stop and a start from
 * where the deck stands do not.  A loop that is left keeps its points until others are set.
 *
 * With key lock on a voice's sound crosses over to that of a stretcher that follows the same
 * line, once that one has run long enough to be whole; until then, at the recorded speed, and
 * beyond what the stretcher can do, the voice is read as without.  There are two: for a jump
 * that is announced the second one runs ahead, unheard, so that it is whole on the due frame.
 * A loop too short for that goes round within the stretcher's feed.
 *
 * All calls belong to the audio thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_DECK_H
#define ECH_RT_DECK_H

#include "engine/rt/command.h"
#include "engine/rt/keylock.h"
#include "engine/rt/resample.h"

/* The ramp that hides a cut, in seconds. */
#define ECH_CLICK_RAMP_S 0.002

enum { ECH_DECK_TAILS = 4, ECH_DECK_KEYLOCKS = 2 };

/* Key lock comes and goes within so many seconds. */
#define ECH_KEYLOCK_CROSS_S 0.020

/* What is decided about key lock is decided on frames that this divides. */
enum { ECH_KEYLOCK_GRID = 64 };

struct ech_ramp {
  double  from, to; /* from until start, to from end on */
  int64_t start, end;
};

/* The shortest loop, in seconds of the track. */
#define ECH_MIN_LOOP_S 0.001

/* A straight stretch of a track that sounds. */
struct ech_voice {
  bool    active;
  double  origin_position; /* track frames, at origin_frame */
  int64_t origin_frame;
  double  step;

  /* gain: gain0 until ramp_start, gain1 from ramp_end on */
  double  gain0, gain1;
  int64_t ramp_start, ramp_end;

  struct ech_keylock *keylock; /* NULL = none */
  struct ech_ramp     locked;  /* how much of it is heard, 0..1 */
};

/**
 * struct ech_loop: in track frames, fractional
 * @in_frames: NAN = not set
 * @out_frames: the first frame behind the loop; NAN = not set
 */
struct ech_loop {
  bool   active;
  double in_frames;
  double out_frames;
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
  double          speed;     /* what is heard when nobody bends it */
  double          bend;      /* offset to the ratio while held, 0 = none */
  double          cue_frames;
  double          rest_frames; /* where a stopped deck stands */
  double          hotcues[ECH_N_HOTCUES]; /* track frames, NAN = none */
  struct ech_loop loop;
  uint32_t        underruns;

  struct ech_voice main;
  struct ech_voice incoming; /* what an announced start or jump will sound like */
  struct ech_voice tails[ECH_DECK_TAILS]; /* what an unannounced change leaves behind */
  uint32_t         next_tail;

  uint64_t announced_id; /* command that incoming, or main's ramp down, prepares; 0 = none */
  int64_t  announced_frame;

  bool               keylock_set;
  uint32_t           keylock_skip; /* the decks' hops do not fall together */
  struct ech_keylock keylocks[ECH_DECK_KEYLOCKS];
  struct ech_voice   standby;    /* runs ahead of what will be announced, unheard */
  uint64_t           standby_id; /* command that it is for, UINT64_MAX = the loop's wrap */

  bool    wrap_announced; /* incoming is the loop's next pass ... */
  int64_t wrap_frame;     /* ... which begins here */

  /* on somebody else's clock */
  double  clock_ratio;      /* what a synced deck's speed is multiplied by: the graph's nominal rate
                               to its rate by that clock; 1 = no such clock */
  double  catch_up;         /* track frames a graph frame while phase is made up for, 0 = none */
  double  catch_up_beats;   /* of the track, signed: all that is made up for ... */
  int64_t catch_up_start;   /* ... from here ... */
  int64_t catch_up_end;     /* ... to here */
};

/* Makes the stretchers; where there is no memory for them key lock does nothing. */
void ech_deck_init (struct ech_deck *deck, const struct ech_sinc_tables *tables, double rate);
void ech_deck_finish (struct ech_deck *deck);

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
 * @exact_frame: the instant itself, within half a frame of @due_frame
 *
 * Begins (or, after a tempo change, redraws) the ramp that ends on the due frame.
 * RT-safe: yes.
 */
ECH_RT void ech_deck_announce (struct ech_deck           *deck,
                               const struct ech_command  *command,
                               int64_t                    frame,
                               int64_t                    due_frame,
                               double                     exact_frame,
                               const struct ech_timeline *timeline);

/* How many frames before an announced jump its stretcher begins to run ahead; 0 = there is no need.
 * RT-safe: yes. */
ECH_RT int64_t ech_deck_prime_lead (const struct ech_deck *deck);

/* Lets a stretcher run ahead of @command, due at @due_frame.  RT-safe: yes. */
ECH_RT void ech_deck_prime (struct ech_deck           *deck,
                            const struct ech_command  *command,
                            int64_t                    frame,
                            int64_t                    due_frame,
                            double                     exact_frame,
                            const struct ech_timeline *timeline);

/* The same for the loop's wrap.  RT-safe: yes. */
ECH_RT void ech_deck_prime_wrap (struct ech_deck *deck, int64_t frame, int64_t wrap_frame);

/* Nothing will be announced that it was primed for.  RT-safe: yes. */
ECH_RT void ech_deck_unprime (struct ech_deck *deck);

/* True where ech_deck_tend() is wanted at each frame that ECH_KEYLOCK_GRID divides.  RT-safe: yes. */
ECH_RT bool ech_deck_wants_tending (const struct ech_deck *deck);

/* Brings key lock in and out.  RT-safe: yes. */
ECH_RT void ech_deck_tend (struct ech_deck *deck, int64_t frame);

/* The announced command was taken back.  RT-safe: yes. */
ECH_RT void ech_deck_withdraw (struct ech_deck *deck, int64_t frame);

/**
 * ech_deck_follow: at @frame the session went over from timeline @before to @after
 *
 * A synced deck takes the tempo at once.  What the phase of its beat moved by it makes up for by
 * playing faster or slower for a while, at most 4 %; it takes the shorter way.
 * RT-safe: yes.
 */
ECH_RT void ech_deck_follow (struct ech_deck           *deck,
                             int64_t                    frame,
                             const struct ech_timeline *before,
                             const struct ech_timeline *after);

/* The frame at which the deck has caught up, INT64_MAX when there is nothing to make up for.
 * RT-safe: yes. */
ECH_RT int64_t ech_deck_catch_up_end (const struct ech_deck *deck);

/* It has.  RT-safe: yes. */
ECH_RT void ech_deck_caught_up (struct ech_deck *deck, int64_t frame);

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

/* The frame at which the loop begins anew, INT64_MAX when none does.  RT-safe: yes. */
ECH_RT int64_t ech_deck_wrap_frame (const struct ech_deck *deck);

/* How many frames before the wrap its ramp begins.  RT-safe: yes. */
ECH_RT int64_t ech_deck_wrap_ramp (const struct ech_deck *deck);

/* Begins, or redraws, the ramp from @frame to the loop's wrap at @wrap_frame.  RT-safe: yes. */
ECH_RT void ech_deck_announce_wrap (struct ech_deck *deck, int64_t frame, int64_t wrap_frame);

/* There will be no wrap where one was announced.  RT-safe: yes. */
ECH_RT void ech_deck_withdraw_wrap (struct ech_deck *deck, int64_t frame);

/* The loop begins anew at @frame; ramped after the fact if nobody announced it.  RT-safe: yes. */
ECH_RT void ech_deck_wrap (struct ech_deck *deck, int64_t frame);

/* Playhead in track frames, within the loop where there is one.  RT-safe: yes. */
ECH_RT double ech_deck_position (const struct ech_deck *deck, double frame);

#endif
