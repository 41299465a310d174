/* What the scheduler costs: a post, a verdict, a message, a tick with few and with many waiting.
 *
 * Figures are the best of many short runs of CPU time.  Nothing is asserted: speed is no test.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/scheduler/action-queue.h"
#include "engine/scheduler/quantizer.h"
#include "engine/scheduler/safety.h"
#include "engine/scheduler/vocabulary.h"

enum { RUNS = 25 };

static EchLane                 *lane;
static EchScheduler            *scheduler;
static struct ech_exchange     *exchange;
static struct ech_shadow        shadow;
static struct ech_policy        policy;
static struct ech_safety_state  state;
static volatile double          sink;

static double
cpu_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static void
measure (const char *name, void (*once) (void), unsigned times)
{
  double best = 1e300;

  for (int run = 0; run < RUNS; run++) {
    double begin = cpu_ns(), ns;

    for (unsigned i = 0; i < times; i++)
      once();
    ns   = (cpu_ns() - begin) / times;
    best = ns < best ? ns : best;
  }
  printf ("%-52s %10.0f ns\n", name, best);
}

static void
post_and_take (void)
{
  struct ech_action     action = { .verb = ECH_VERB_CROSSFADER, .value = 0.5 };
  struct ech_lane_slot *slots;

  ech_lane_post (lane, &action);
  sink = ech_lane_take (lane, &slots);
}

static void
post_and_take_path (void)
{
  struct ech_action     action = { .verb = ECH_VERB_LOAD, .text = "/home/dj/music/a-track.flac" };
  struct ech_lane_slot *slots;

  ech_lane_post (lane, &action);
  if (ech_lane_take (lane, &slots))
    g_free ((char *) slots[0].action.text);
}

static void
judge (const struct ech_petition *petition)
{
  struct ech_violation violation;

  sink = ech_safety_judge (&policy, &state, &shadow, petition, &violation);
}

/* One that is done, and noted; time goes on, so no cooldown holds. */
static void
allow_and_note (void)
{
  static uint64_t      ns       = 1;
  struct ech_action    action   = { .verb = ECH_VERB_VOLUME, .value = 0.5 };
  struct ech_petition  petition = { .action = &action, .now_ns = ns += 100000000 };
  struct ech_violation violation;

  petition.waiting_source = petition.held_source = petition.override_source = -1;
  sink = ech_safety_judge (&policy, &state, &shadow, &petition, &violation);
  ech_safety_note (&policy, &state, &petition, &violation);
}

static void
allow (void)
{
  struct ech_action   action   = { .verb = ECH_VERB_SEEK, .value = 5 };
  struct ech_petition petition = { .action = &action, .source = 1, .in_time = true };

  petition.waiting_source = petition.held_source = petition.override_source = -1;
  judge (&petition);
}

static void
refuse (void)
{
  struct ech_action   action   = { .verb = ECH_VERB_LOAD, .text = "track.flac" };
  struct ech_petition petition = { .action = &action };

  petition.waiting_source = petition.held_source = petition.override_source = -1;
  judge (&petition);
}

static void
quantize (void)
{
  static const struct ech_timeline line   = { .bpm = 128, .rate = 44100 };
  static const struct ech_timing   timing = { ECH_TIMING_GRID, ECH_WAY_WAIT, 4 };
  struct ech_due                   due;

  ech_quantize_at_frame (&timing, &line, 123456, &due);
  sink = due.beats;
}

static void
parse (void)
{
  static const struct ech_value values[] = { { .type = 'f', .f = 12.5 },
                                             { .type = 's', .s = "bar" },
                                             { .type = 's', .s = "id=some-id" } };
  struct ech_action             action;
  char                          error[ECH_TEXT_MAX];

  ech_vocabulary_parse ("/deck/b/seek", values, 3, 4, &action, error);
  sink = action.value;
}

static void
tick (void)
{
  struct ech_now now = { .frame = 1000, .running = true };

  ech_scheduler_tick (scheduler, &now);
}

/* One action through all of it: post, judge, order, feedback, event. */
static void
one_action (void)
{
  struct ech_action   action = { .verb = ECH_VERB_CROSSFADER, .value = 0.5 };
  struct ech_command  command;
  struct ech_feedback feedback = { .type = ECH_FEEDBACK_EXECUTED };

  ech_lane_post (lane, &action);
  tick();
  while (ech_ring_pop (&exchange->commands, &command)) {
    feedback.id = command.id;
    ech_ring_push (&exchange->feedback, &feedback);
  }
}

static void
fill (unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    struct ech_action action = { .verb   = ECH_VERB_CROSSFADER,
                                 .value  = 0.5,
                                 .timing = { ECH_TIMING_AT_BEAT, 0, 1000 + (i * 7919) % 100003 } };

    while (ech_lane_post (lane, &action) != 0)
      tick();
  }
  tick();
}

static void
measure_ticks (unsigned n_waiting)
{
  char                        name[64];
  struct ech_scheduler_config config = { .n_decks = 4, .exchange = exchange };

  ech_policy_init_score (&policy); /* no rate stands in the way of what is measured */
  config.policy = &policy;
  ech_exchange_init (exchange);
  scheduler = ech_scheduler_new (&config);
  lane      = ech_scheduler_add_lane (scheduler, "bench", ECH_SOURCE_OSC, 1024);
  fill (n_waiting);
  g_snprintf (name, sizeof name, "tick, nothing to do, %u waiting", n_waiting);
  measure (name, tick, 500);
  g_snprintf (name, sizeof name, "one immediate action, post to event, %u waiting", n_waiting);
  measure (name, one_action, 500);
  ech_scheduler_free (scheduler);
}

int
main (void)
{
  struct ech_wakeup wakeup = { NULL, NULL };

  lane = ech_lane_new ("bench", ECH_SOURCE_OSC, 64, 0, &wakeup);
  measure ("lane: post + take", post_and_take, 10000);
  measure ("lane: post + take, with a path", post_and_take_path, 10000);
  ech_lane_free (lane);

  ech_policy_init (&policy);
  ech_safety_state_init (&state);
  ech_safety_source_init (&policy, &state, 0, "hand", ECH_SOURCE_HAND);
  ech_safety_source_init (&policy, &state, 1, "agent", ECH_SOURCE_AGENT);
  ech_shadow_init (&shadow, 4);
  ech_shadow_take_track (&shadow, 0, 1, 44100, 1e7, 0);
  shadow.decks[0].playing = true;
  shadow.decks[0].gain    = 1;
  measure ("verdict: allowed (all rules asked)", allow, 10000);
  measure ("verdict: refused, with its sentence", refuse, 10000);
  measure ("verdict and note: a hand's fader", allow_and_note, 10000);
  measure ("due beat", quantize, 10000);
  measure ("message to action: /deck/b/seek 12.5 bar id=...", parse, 10000);

  exchange = aligned_alloc (64, (sizeof *exchange + 63) / 64 * 64);
  measure_ticks (10);
  measure_ticks (100); /* the snapshot shows the first 32 */
  measure_ticks (10000);
  free (exchange);
  return 0;
}
