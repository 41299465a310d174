/* The audio thread and the loader, played by the test, one step at a time.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_TESTS_FAKE_AUDIO_H
#define ECH_TESTS_FAKE_AUDIO_H

#include <glib.h>

#include "engine/scheduler/scheduler.h"

enum { FAKE_MAX_LOADS = 16, FAKE_RATE = 48000, FAKE_FRAMES_PER_BEAT = 24000 };

struct fake_pcm {
  struct ech_pcm pcm;
  int            refs;
};

struct fake {
  EchScheduler        *scheduler;
  EchLane             *hand, *osc, *agent;
  struct ech_exchange *exchange;

  /* what the test sees */
  GArray  *commands; /* struct ech_command: all that were popped */
  GArray  *events;   /* struct ech_event */
  GArray  *texts;     /* char *: paths asked for; request n is element n - 1 */
  GArray  *tickets;   /* uint64_t: theirs */
  GArray  *cancelled; /* uint64_t: numbers of requests */
  uint64_t n_requests;

  /* the audio thread */
  double                 frame;
  struct ech_timeline    timeline;
  GArray                *pending;
  struct ech_deck_report decks[ECH_MAX_DECKS];
  struct ech_pcm        *pcm[ECH_MAX_DECKS];
  bool                   cycles_on_request; /* a load is asked for: the audio runs meanwhile */
  bool                   asleep;            /* pops nothing, reports nothing */
  uint64_t               cycles;
  float                  master_peak; /* reported */
  bool                   may_cut;     /* a person has insisted on it */
  uint64_t               feedback_lost;
  bool                   loses_feedback; /* it finds the ring full */
};

/* 2 decks, 120 BPM, 48 kHz, one empty cycle; the policy of a score, so that timing stands alone. */
void fake_init (struct fake *fake);
void fake_init_with_policy (struct fake *fake, const struct ech_policy *policy); /* NULL: the defaults */
void fake_finish (struct fake *fake); /* also checks that no track is left */

/* One tick of the scheduler, at the frame where the audio stands. */
void fake_tick (struct fake *fake);

/* One cycle of audio. */
void fake_cycle (struct fake *fake, uint32_t n_frames);

/* Ticks and cycles of 480 frames until @beat. */
void fake_run_to_beat (struct fake *fake, double beat);

/* Tick, empty cycle, tick: what can happen at once has happened. */
void fake_settle (struct fake *fake);

/* Posts "ADDRESS ARG..." on @lane; returns what the lane said.  Does not tick. */
int fake_post (EchLane *lane, const char *message);

/* One track in a state to be played on @deck, with a grid of 120 BPM, and all events forgotten. */
struct fake_pcm *fake_load (struct fake *fake, const char *deck);

struct fake_pcm *fake_pcm_new (double seconds);
void             fake_answer_ready (struct fake *fake, uint64_t request, struct fake_pcm *pcm);
void             fake_answer_grid (struct fake *fake, uint64_t request, double bpm);
void             fake_answer_failed (struct fake *fake, uint64_t request, const char *error);

/* "queued 4; executed 4" ...: the fates of the action with @id, in order. */
/* Forgets all events and commands. */
void fake_forget (struct fake *fake);

char                   *fake_life (struct fake *fake, const char *id);
const struct ech_event *fake_last_event (struct fake *fake, const char *id);

/* The newest command of @type, or NULL. */
const struct ech_command *fake_last_command (struct fake *fake, enum ech_command_type type);
unsigned                  fake_count_commands (struct fake *fake, enum ech_command_type type);

#endif
