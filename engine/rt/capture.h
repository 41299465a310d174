/* The record output on its way to a file: from the audio thread to whoever writes.
 *
 * The audio thread puts chunks of fixed size into a bounded ring and never waits; what
 * finds the ring full is lost, counted, and silence in the file, so that a take is as long
 * as it was.  Frames are those of the record output: our own delay is the caller's to add.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_CAPTURE_H
#define ECH_RT_CAPTURE_H

#include "engine/rt/ring.h"
#include "engine/types.h"

/* Over five seconds at 48 kHz. */
enum { ECH_CAPTURE_FRAMES = 64, ECH_CAPTURE_SLOTS = 4096, ECH_CAPTURE_EDGES = 16 };

/**
 * struct ech_capture_chunk
 * @take: counts the recordings, from 1
 * @at_frames: of stereo[0], since the take's beginning
 * @rate: frames a second
 * @n_frames: 0 .. ECH_CAPTURE_FRAMES
 * @is_last: the take is at_frames + n_frames long
 */
struct ech_capture_chunk {
  uint64_t take;
  uint64_t at_frames;
  double   rate;
  uint32_t n_frames;
  bool     is_last;
  float    stereo[2 * ECH_CAPTURE_FRAMES];
};

struct ech_capture_edge {
  int64_t frame;
  bool    on;
};

struct ech_capture {
  struct ech_ring          ring; /* writer: audio; reader: the recorder's thread */
  struct ech_capture_chunk slots[ECH_CAPTURE_SLOTS];

  /* the audio thread's own */
  struct ech_capture_edge  edges[ECH_CAPTURE_EDGES]; /* to come, in order */
  uint32_t                 n_edges;
  bool                     is_wanted; /* as the newest edge says */
  bool                     is_on;
  bool                     owes_end; /* the last chunk of a take found the ring full */
  int64_t                  begin_frame;
  struct ech_capture_chunk chunk; /* being filled */
  struct ech_capture_chunk end;   /* owed */
  uint64_t                 taken_frames; /* of this take */
  uint64_t                 lost_frames;  /* of all takes */
};

/* Thread: any, before the two sides start. */
void ech_capture_init (struct ech_capture *capture);

/**
 * ech_capture_set: from output frame @frame on, which has not come yet, the output is recorded, or not
 * Thread: audio.  RT-safe: yes.
 * Returns: false when ECH_CAPTURE_EDGES are to come already.
 */
ECH_RT bool ech_capture_set (struct ech_capture *capture, bool on, int64_t frame);

/* The record output from @frame on: @n interleaved stereo frames.  Thread: audio.  RT-safe: yes. */
ECH_RT void ech_capture_take (struct ech_capture *capture,
                              double              rate,
                              int64_t             frame,
                              const float        *stereo,
                              uint32_t            n);

/* The rate changes with @frame: what is being recorded goes on in a take of its own.  Audio stopped. */
void ech_capture_split (struct ech_capture *capture, int64_t frame);

#endif
