/* What is going on, as plain data: the snapshot that the window, the drivers
 * and the tests read.  Standard C, installed with the driver SDK.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_STATE_H
#define ECH_STATE_H

#include "engine/scheduler/action.h"
#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ECH_MAX_PENDING_SHOWN = 32, ECH_TITLE_MAX = 128 };

struct ech_deck_status {
  uint32_t        state;      /* enum ech_deck_state */
  uint32_t        generation; /* changes with each track */
  bool            on_air;     /* playing and audible through fader, crossfader and EQ */
  bool            locked;
  bool            sync;
  bool            has_grid;
  bool            pfl;
  char            title[ECH_TITLE_MAX];
  char            artist[ECH_TITLE_MAX];
  char            lock_reason[ECH_TEXT_MAX];
  double          track_rate;      /* track frames a second, 0 = empty */
  double          length_frames;   /* track frames */
  double          position_frames; /* track frames, at ech_state.frame */
  double          step;            /* track frames a graph frame, 0 when stopped */
  double          cue_frames;
  double          speed;     /* ratio of original: the tempo fader's, or sync's */
  double          speed_set; /* the tempo fader's own */
  struct ech_grid grid;
  double          bpm; /* as heard: grid's tempo times speed and bend; 0 = unknown */
  double          trim_db;
  double          volume;
  double          eq_db[ECH_N_BANDS];
  double          filter;
  float           peak[2]; /* linear */
  float           rms[2];
  uint32_t        underruns;
  double          bend;            /* offset to the ratio of speed while held, 0 = none */
  bool            loop_active;
  double          loop_in_frames;  /* track frames, NAN = not set */
  double          loop_out_frames; /* the first frame behind the loop */
  double          hotcue_frames[ECH_N_HOTCUES]; /* track frames, NAN = none */
  bool            keylock;
  uint32_t        lock_state; /* enum ech_lock_state (safety.h): 0 unlocked, 1 locked, 2 cooldown */
  uint32_t        lock_class; /* locked: enum ech_source_class of who locked it */
};

/* An action that waits for its beat. */
struct ech_pending {
  uint64_t serial;
  uint32_t verb;
  uint32_t deck;
  uint32_t source;
  uint32_t index;
  double   value;
  double   due_beats;
  char     id[ECH_ID_MAX];
  bool     held; /* for a person's yes (CONFIRM with its id); due_beats means nothing yet */
  uint64_t until_ns; /* held: it expires then (CLOCK_MONOTONIC) */
};

/* One loaded source of actions. */
struct ech_source_status {
  char     name[ECH_NAME_MAX];
  uint32_t source_class; /* enum ech_source_class; what it counts as by the policy */
  uint32_t depth;        /* actions in its lane now */
  uint64_t posted;
  uint64_t refused_full; /* posts that found the lane full */
  uint32_t mode;         /* enum ech_source_mode (policy.h): off, ghost, assist, auto */
  uint32_t priority;     /* 0 .. 100 */
  uint64_t violations;   /* actions that were refused */
};

struct ech_state {
  uint64_t                 serial;  /* counts snapshots */
  bool                     running; /* the audio thread's cycles come in */
  uint64_t                 frame;   /* graph frame ... */
  uint64_t                 time_ns; /* ... at this CLOCK_MONOTONIC time */
  uint32_t                 block_frames;
  uint32_t                 delay_frames; /* from the graph to the speaker, as far as it is known */
  uint32_t                 n_decks;
  struct ech_timeline      timeline;
  double                   beat; /* at `frame` */
  uint32_t                 link_peers;
  bool                     link_enabled;
  double                   crossfader;
  uint32_t                 crossfader_curve;
  double                   limiter_db;
  double                   master_volume;
  double                   booth_volume;
  double                   headphones_volume;
  double                   headphones_mix;
  float                    master_peak[2];
  float                    master_rms[2];
  float                    limiter_gain;
  uint64_t                 cycles;
  uint64_t                 lost_cycles;
  struct ech_deck_status   decks[ECH_MAX_DECKS];
  uint32_t                 n_pending;
  struct ech_pending       pending[ECH_MAX_PENDING_SHOWN];
  uint32_t                 n_sources;
  struct ech_source_status sources[ECH_MAX_SOURCES];
  uint64_t                 n_executed;
  uint64_t                 n_rejected;
  double                   latency_p50_ms; /* immediate actions: post to execution */
  double                   latency_max_ms;
  bool                     recording;
  uint64_t                 record_frames;      /* of this recording, or of the one before */
  uint64_t                 record_lost_frames; /* silence in the files; 0 is good */
  char                     record_name[ECH_TEXT_MAX]; /* the newest recording's file, "" = none */
  bool                     link_available;  /* the driver runs */
  bool                     link_start_stop; /* start and stop are shared too */
  bool                     link_playing;    /* the session's transport, where they are */
  double                   link_quantum_beats;
  double                   link_nudge_beats; /* our bar is so far ahead of the session's */
};

#ifdef __cplusplus
}
#endif

#endif
