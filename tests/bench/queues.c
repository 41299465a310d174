/* A message of 64 bytes from one thread to another: our ring beside what else could have been taken.
 *
 * All in the same run, as times ours; of many short runs the median.  Then how long an immediate
 * action takes from its post to its execution.  Nothing is asserted: speed is no test.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <spa/utils/ringbuffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_CK
#include <ck_ring.h>
#endif

#include "engine/rt/exchange.h"
#include "engine/scheduler/scheduler-thread.h"

enum { N_SLOTS = 512, MESSAGES = 200000, RUNS = 15, N_LATENCIES = 500, CYCLE_US = 5333 };

struct message {
  uint64_t words[8];
};

struct queue {
  const char *name;
  bool (*push) (const struct message *message);
  bool (*pop) (struct message *out);
  double alone[RUNS], across[RUNS];
};

/* ours */
static struct ech_ring ring;
static struct message  ring_slots[N_SLOTS];

static bool
own_push (const struct message *m)
{
  return ech_ring_push (&ring, m);
}

static bool
own_pop (struct message *out)
{
  return ech_ring_pop (&ring, out);
}

/* PipeWire's */
static struct spa_ringbuffer spa_ring;
static struct message        spa_slots[N_SLOTS];

static bool
spa_push (const struct message *m)
{
  uint32_t index;

  if (spa_ringbuffer_get_write_index (&spa_ring, &index) >= (int32_t) sizeof spa_slots)
    return false;
  spa_ringbuffer_write_data (&spa_ring, spa_slots, sizeof spa_slots, index % sizeof spa_slots, m,
                             sizeof *m);
  spa_ringbuffer_write_update (&spa_ring, (int32_t) (index + sizeof *m));
  return true;
}

static bool
spa_pop (struct message *out)
{
  uint32_t index;

  if (spa_ringbuffer_get_read_index (&spa_ring, &index) < (int32_t) sizeof *out)
    return false;
  spa_ringbuffer_read_data (&spa_ring, spa_slots, sizeof spa_slots, index % sizeof spa_slots, out,
                            sizeof *out);
  spa_ringbuffer_read_update (&spa_ring, (int32_t) (index + sizeof *out));
  return true;
}

/* GLib's, a message on the heap */
static GAsyncQueue *async;

static bool
async_push (const struct message *m)
{
  g_async_queue_push (async, g_memdup2 (m, sizeof *m));
  return true;
}

static bool
async_pop (struct message *out)
{
  g_autofree struct message *m = g_async_queue_try_pop (async);

  if (!m)
    return false;
  *out = *m;
  return true;
}

/* a ring under a mutex */
static GMutex         mutex;
static struct message mutex_slots[N_SLOTS];
static uint32_t       mutex_head, mutex_tail;

static bool
mutex_push (const struct message *m)
{
  bool room;

  g_mutex_lock (&mutex);
  room = mutex_head - mutex_tail < N_SLOTS;
  if (room)
    mutex_slots[mutex_head++ % N_SLOTS] = *m;
  g_mutex_unlock (&mutex);
  return room;
}

static bool
mutex_pop (struct message *out)
{
  bool any;

  g_mutex_lock (&mutex);
  any = mutex_head != mutex_tail;
  if (any)
    *out = mutex_slots[mutex_tail++ % N_SLOTS];
  g_mutex_unlock (&mutex);
  return any;
}

#ifdef HAVE_CK
/* Concurrency Kit's, by value and inlined here: what ours calls a function for */
CK_RING_PROTOTYPE (message, message)
static ck_ring_t      ck;
static struct message ck_slots[N_SLOTS];

static bool
ck_push (const struct message *m)
{
  return CK_RING_ENQUEUE_SPSC (message, &ck, ck_slots, (struct message *) m);
}

static bool
ck_pop (struct message *out)
{
  return CK_RING_DEQUEUE_SPSC (message, &ck, ck_slots, out);
}
#endif

static struct queue queues[] = {
  { .name = "our ring", .push = own_push, .pop = own_pop },
  { .name = "spa_ringbuffer", .push = spa_push, .pop = spa_pop },
#ifdef HAVE_CK
  { .name = "ck_ring", .push = ck_push, .pop = ck_pop },
#endif
  { .name = "ring under a mutex", .push = mutex_push, .pop = mutex_pop },
  { .name = "GAsyncQueue, malloc", .push = async_push, .pop = async_pop },
};

static double
median (double *values, unsigned n)
{
  for (unsigned i = 1; i < n; i++) {
    for (unsigned k = i; k > 0 && values[k] < values[k - 1]; k--) {
      double other  = values[k];
      values[k]     = values[k - 1];
      values[k - 1] = other;
    }
  }
  return values[n / 2];
}

static double
run_alone (const struct queue *q)
{
  struct message m     = { { 1 } };
  gint64         begin = g_get_monotonic_time();

  for (unsigned i = 0; i < MESSAGES; i++) {
    q->push (&m);
    q->pop (&m);
  }
  return (double) (g_get_monotonic_time() - begin) * 1000 / MESSAGES;
}

static void *
produce (void *data)
{
  const struct queue *q = data;
  struct message      m = { { 0 } };

  for (uint64_t i = 0; i < MESSAGES;) {
    m.words[0] = i;
    if (q->push (&m))
      i++;
    else
      g_thread_yield();
  }
  return NULL;
}

static double
run_across (struct queue *q)
{
  gint64         begin  = g_get_monotonic_time();
  GThread       *thread = g_thread_new ("producer", produce, q);
  struct message m;

  for (uint64_t i = 0; i < MESSAGES;) {
    if (!q->pop (&m)) {
      g_thread_yield();
      continue;
    }
    if (m.words[0] != i)
      g_error ("%s: message %" G_GUINT64_FORMAT " came as number %" G_GUINT64_FORMAT, q->name,
               m.words[0], i);
    i++;
  }
  g_thread_join (thread);
  return (double) (g_get_monotonic_time() - begin) * 1000 / MESSAGES;
}

static void
compare_queues (void)
{
  double own_alone = 0, own_across = 0;

  ech_ring_init (&ring, ring_slots, N_SLOTS, sizeof (struct message));
  spa_ringbuffer_init (&spa_ring);
  async = g_async_queue_new();
#ifdef HAVE_CK
  ck_ring_init (&ck, N_SLOTS);
#endif
  for (int run = 0; run < RUNS; run++) {
    for (unsigned i = 0; i < G_N_ELEMENTS (queues); i++) {
      queues[i].alone[run]  = run_alone (&queues[i]);
      queues[i].across[run] = run_across (&queues[i]);
    }
  }
  printf ("%-22s %26s %26s\n", "64 bytes, push and pop", "one thread", "two threads");
  for (unsigned i = 0; i < G_N_ELEMENTS (queues); i++) {
    double alone = median (queues[i].alone, RUNS), across = median (queues[i].across, RUNS);

    if (i == 0) {
      own_alone  = alone;
      own_across = across;
    }
    printf ("%-22s %10.1f ns %8.2f times %10.1f ns %8.2f times\n", queues[i].name, alone,
            alone / own_alone, across, across / own_across);
  }
  g_async_queue_unref (async);
}

/* From post to execution: the scheduler's thread, and an audio thread of 256 frames a cycle */

static struct ech_exchange *exchange;
static EchScheduler        *scheduler;
static gint                 is_over;
static gint64               posted_us, executed_us; /* under the mutex */
static GCond                executed;

static void
note_executed (void)
{
  g_mutex_lock (&mutex);
  executed_us = g_get_monotonic_time();
  g_cond_signal (&executed);
  g_mutex_unlock (&mutex);
}

static void
on_event (const struct ech_event *event, void *data)
{
  if (event->verb == ECH_VERB_LOCK && event->fate == ECH_FATE_EXECUTED)
    note_executed();
}

static void *
play_audio (void *data)
{
  struct ech_command command;

  while (!g_atomic_int_get (&is_over)) {
    while (ech_ring_pop (&exchange->commands, &command)) {
      struct ech_feedback feedback = { .type = ECH_FEEDBACK_EXECUTED, .id = command.id };

      note_executed();
      ech_ring_push (&exchange->feedback, &feedback);
    }
    g_usleep (CYCLE_US);
  }
  return NULL;
}

static void
tell_now (struct ech_now *now, void *data)
{
  uint64_t us = (uint64_t) g_get_monotonic_time();

  *now = (struct ech_now){ .frame = (double) us * 0.048, .time_ns = us * 1000, .running = true };
}

static void
measure_latency (const char *name, EchLane *lane, const struct ech_action *action)
{
  double ms[N_LATENCIES];

  for (int i = 0; i < N_LATENCIES; i++) {
    g_mutex_lock (&mutex);
    executed_us = 0;
    posted_us   = g_get_monotonic_time();
    while (ech_lane_post (lane, action) != 0)
      g_thread_yield();
    while (executed_us == 0)
      g_cond_wait (&executed, &mutex);
    ms[i] = (double) (executed_us - posted_us) / 1000;
    g_mutex_unlock (&mutex);
    g_usleep (1000 + (gulong) (i * 37 % 5000));
  }
  median (ms, N_LATENCIES);
  printf ("%-44s p50 %6.3f ms  p95 %6.3f ms  p99 %6.3f ms  max %6.3f ms\n", name,
          ms[N_LATENCIES / 2], ms[N_LATENCIES * 95 / 100], ms[N_LATENCIES * 99 / 100],
          ms[N_LATENCIES - 1]);
}

static void
measure_latencies (void)
{
  struct ech_action   lock  = { .verb = ECH_VERB_LOCK, .timing = { .kind = ECH_TIMING_NOW } };
  struct ech_action   fader = { .verb   = ECH_VERB_CROSSFADER,
                                .value  = 0.5,
                                .timing = { .kind = ECH_TIMING_NOW } };
  struct ech_policy   policy;
  struct ech_scheduler_config config = { .n_decks = 2, .policy = &policy };
  EchSchedulerThread *thread;
  GThread            *audio;
  EchLane            *lane;

  ech_policy_init_score (&policy);
  exchange = aligned_alloc (64, (sizeof *exchange + 63) / 64 * 64);
  ech_exchange_init (exchange);
  config.exchange = exchange;
  scheduler       = ech_scheduler_new (&config);
  ech_scheduler_add_listener (scheduler, on_event, NULL);
  lane   = ech_scheduler_add_lane (scheduler, "bench", ECH_SOURCE_HAND, 0);
  thread = ech_scheduler_thread_new (scheduler, tell_now, NULL);
  audio  = g_thread_new ("audio", play_audio, NULL);
  measure_latency ("lock: post to told (scheduler alone)", lane, &lock);
  measure_latency ("fader: post to a cycle of 256 frames", lane, &fader);
  g_atomic_int_set (&is_over, 1);
  g_thread_join (audio);
  ech_scheduler_thread_free (thread);
  ech_scheduler_free (scheduler);
  free (exchange);
}

int
main (void)
{
  compare_queues();
  measure_latencies();
  return 0;
}
