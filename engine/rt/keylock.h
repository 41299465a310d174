/* Key lock: a stretcher that follows a straight line through a track.
 *
 * The deck's line says which track position belongs on which graph frame; the stretcher's own
 * count is known hop by hop, and what it is off is put right in the hops that follow.  So the
 * position is always the deck's, and nothing drifts.  Hops depend on frames alone, never on
 * how time is cut into blocks.
 *
 * All calls belong to the audio thread, but for create and destroy.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_KEYLOCK_H
#define ECH_RT_KEYLOCK_H

#include "engine/rt/pcm.h"
#include "engine/rt/resample.h"
#include "engine/rt/stretch.h"

/* What a hop gives, at most: 4 times a second's 48th part would be too much even at 192 kHz. */
enum { ECH_KEYLOCK_HOP = 4096 };

/* A straight line: @position at graph frame @frame, @step track frames a graph frame. */
struct ech_line {
  double  position;
  int64_t frame;
  double  step;
};

/* Where reading goes back from, and to; @length 0 = nowhere. */
struct ech_keylock_loop {
  double in_frames;
  double length;
};

/**
 * struct ech_keylock
 * @in_use: a voice, or what is announced, has it
 * @ready_frame: from here on the sound is whole
 * @shift: track frames that the line jumped back since the start; positions here do not
 */
struct ech_keylock {
  struct ech_stretch *stretch;
  double              rate;
  bool                in_use;
  int64_t             frame; /* of the next sample out */
  int64_t             ready_frame;
  double              feed;            /* position of the next frame in */
  double              centre_position; /* of the next hop's window ... */
  int64_t             centre_frame;    /* ... and where that is heard */
  double              shift;
  uint32_t            skip; /* of the first hop */

  struct ech_keylock_loop loop; /* that the feed goes round in */

  uint32_t n_ready, taken;
  float    ready[2 * ECH_KEYLOCK_HOP];
};

/* Returns: 0, or -1 without memory.  Thread: any, audio stopped. */
int  ech_keylock_init (struct ech_keylock *keylock, double rate);
void ech_keylock_finish (struct ech_keylock *keylock);

/* Frames from a start to the first frame whose sound is whole.  RT-safe: yes. */
ECH_RT int64_t ech_keylock_lead (const struct ech_keylock *keylock);

/**
 * ech_keylock_start: begins to follow @line at @frame
 * @skip: by so many frames of the first hop later hops fall earlier; decks that began on one frame
 *    have theirs in different blocks
 * RT-safe: yes.
 */
ECH_RT void ech_keylock_start (struct ech_keylock    *keylock,
                               const struct ech_line *line,
                               int64_t                frame,
                               uint32_t               skip);

/* The line has gone back by @frames, as the feed did before.  RT-safe: yes. */
ECH_RT void ech_keylock_shift (struct ech_keylock *keylock, double frames);

/* The feed has gone round in its loop, where the line has not been yet.  RT-safe: yes. */
ECH_RT bool ech_keylock_went_round (const struct ech_keylock *keylock);

/* How far, in track frames, the feed is from @line.  RT-safe: yes. */
ECH_RT double ech_keylock_error (const struct ech_keylock *keylock, const struct ech_line *line);

/**
 * ech_keylock_read: the next @n frames
 * @out: interleaved stereo, overwritten; NULL = passes over them
 * RT-safe: yes.
 */
ECH_RT void ech_keylock_read (struct ech_keylock           *keylock,
                              const struct ech_sinc_tables *tables,
                              const struct ech_pcm         *pcm,
                              uint64_t                      readable_frames,
                              const struct ech_line        *line,
                              float                        *out,
                              uint32_t                      n);

#endif
