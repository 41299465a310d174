/* What the audio thread reports back.
 *
 * Two roads: a ring of feedback messages, each of which matters (an action's
 * fate, the end of a track, a retired reference), and a triple buffer with the
 * newest state, of which only the newest matters (positions, meters, clock).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_TELEMETRY_H
#define ECH_RT_TELEMETRY_H

#include <stdatomic.h>

#include "engine/rt/clock-port.h"
#include "engine/rt/pcm.h"
#include "engine/types.h"

enum ech_feedback_type {
  ECH_FEEDBACK_EXECUTED,     /* id, frame, beat */
  ECH_FEEDBACK_LATE,         /* id: its beat had passed when it arrived; not done */
  ECH_FEEDBACK_STALE,        /* id: the deck holds another track; not done */
  ECH_FEEDBACK_CANCELLED,    /* id: taken back in time */
  ECH_FEEDBACK_REFUSED,      /* id: impossible as things stand (no track, no grid, no room) */
  ECH_FEEDBACK_END_OF_TRACK, /* deck, frame: the deck stopped by itself */
  ECH_FEEDBACK_RETIRED,      /* pcm: its reference comes back to be released */
  ECH_FEEDBACK_CLOCK_RETIRED, /* clock: not looked at any more */
};

struct ech_feedback {
  uint32_t        type; /* enum ech_feedback_type */
  uint32_t        deck;
  uint64_t        id;
  uint64_t        frame; /* graph frame */
  double          beat;  /* session beat at that frame */
  union {
    struct ech_pcm        *pcm;
    struct ech_clock_port *clock;
  };
};

/* A deck as the audio thread sees it at the end of a block. */
struct ech_deck_report {
  uint32_t state;      /* enum ech_deck_state: EMPTY, STOPPED, PRIMED or PLAYING */
  uint32_t generation; /* counts the tracks that were swapped in */
  double   position_frames; /* track frames, at the report's frame */
  double   step;            /* track frames a graph frame; 0 when stopped */
  double   cue_frames;
  double   speed; /* ratio of recorded speed: as set, or as sync makes it */
  bool     sync;
  bool     keylock;
  bool     has_grid;
  uint32_t underruns; /* blocks that reached frames not yet decoded */
  float    peak[2];   /* linear, since the last report: after the channel fader */
  float    rms[2];
  float    gain; /* linear gain through fader and crossfader, 0 = inaudible */
  double   bend; /* offset to the ratio of speed while held, 0 = none; not in `speed` */
  bool     loop_active;
  double   loop_in_frames; /* track frames, NAN = not set */
  double   loop_out_frames;
  double   hotcue_frames[ECH_N_HOTCUES]; /* track frames, NAN = none */
};

struct ech_rt_report {
  uint64_t               frame; /* graph frame of the block's end */
  uint64_t               time_ns; /* CLOCK_MONOTONIC at which that frame enters the graph */
  uint32_t               block_frames;
  uint32_t               latency_frames; /* our own delay, from deck to output */
  struct ech_timeline    timeline;
  struct ech_deck_report decks[ECH_MAX_DECKS];
  float                  master_peak[2]; /* linear, since the last report */
  float                  master_rms[2];
  float                  limiter_gain; /* smallest gain since the last report, 1 = idle */
  uint64_t               cycles;
  uint64_t               lost_cycles; /* cycles in which the graph's clock skipped */
  uint64_t               feedback_lost; /* feedback ring full: must stay 0 */
  bool                   recording;
  uint64_t               record_frames;      /* of this take, or of the one before */
  uint64_t               record_lost_frames; /* of all takes: silence in the file */
};

/* Newest-only hand-over, one writer, one reader, neither ever waits. */
struct ech_triple {
  struct ech_rt_report slots[3];
  _Atomic uint32_t     shared; /* index of the slot in the middle, bit 2 = fresh */
  uint32_t             write_index; /* writer's own */
  uint32_t             read_index;  /* reader's own */
};

void ech_triple_init (struct ech_triple *triple);

/* The slot to fill next.  Thread: the writer.  RT-safe: yes. */
ECH_RT struct ech_rt_report *ech_triple_writable (struct ech_triple *triple);
ECH_RT void                  ech_triple_publish (struct ech_triple *triple);

/* The newest published report, or the one before when there is none newer
 * (never NULL: zeroed before the first).  Valid until the next call.
 * Thread: the reader. */
const struct ech_rt_report *ech_triple_read (struct ech_triple *triple);

#endif
