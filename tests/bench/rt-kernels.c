/* What the audio thread's kernels cost: nanoseconds of CPU time a stereo frame,
 * and the command ring beside the queues that one might have taken instead.
 *
 * Figures of one thread are the best of many short runs of CPU time, those across
 * processors the median of many bursts: a busy machine makes them little worse.
 * Nothing is asserted: speed is no test.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <spa/utils/ringbuffer.h>

#include "engine/rt/command.h"
#include "engine/rt/eq.h"
#include "engine/rt/filter.h"
#include "engine/rt/limiter.h"
#include "engine/rt/meter.h"
#include "engine/rt/resample.h"
#include "engine/rt/ring.h"

enum { RATE = 48000, BLOCK = 64, TRACK = 1 << 20, BLOCKS = 500, RUNS = 25, SLOTS = 256 };

static float  *track;
static float   block[2 * BLOCK];
static double  origin;
static double  step;
static int64_t block_at;

static struct ech_eq      eq;
static struct ech_filter  filter;
static struct ech_limiter limiter;
static struct ech_meter   meter;

static double
cpu_ns (clockid_t clock)
{
  struct timespec t;

  clock_gettime (clock, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static double
best_of_runs (void (*once) (void), uint32_t times)
{
  double best = 1e300;

  for (int run = 0; run < RUNS; run++) {
    double begin = cpu_ns (CLOCK_THREAD_CPUTIME_ID), ns;

    for (uint32_t i = 0; i < times; i++)
      once();
    ns   = (cpu_ns (CLOCK_THREAD_CPUTIME_ID) - begin) / times;
    best = MIN (best, ns);
  }
  return best;
}

static void
read_block (void)
{
  ech_resample_read (ech_sinc_tables_get(), track, TRACK, origin, step, block_at, block, BLOCK);
  block_at = (block_at + BLOCK) % 50000;
}

static void
load_block (void)
{
  memcpy (block, track + 2 * block_at, sizeof block);
  block_at = (block_at + BLOCK) % 50000;
}

static void
eq_block (void)
{
  load_block();
  ech_eq_process (&eq, block, BLOCK);
}

static void
filter_block (void)
{
  load_block();
  ech_filter_process (&filter, block, BLOCK);
}

static void
limiter_block (void)
{
  load_block();
  ech_limiter_process (&limiter, block, BLOCK);
}

static void
meter_block (void)
{
  load_block();
  ech_meter_add (&meter, block, BLOCK);
}

static void
tell (const char *what, void (*once) (void))
{
  printf ("%-34s %6.1f ns/frame\n", what, best_of_runs (once, BLOCKS) / BLOCK);
}

static void
bench_kernels (void)
{
  static const double steps[] = { 1.0, 0.91875, 1.03, -1.5, 3.0, 7.0 };

  origin = 1000.0, step = 1.0;
  tell ("resample, bit-exact", read_block);
  origin = 1000.3;
  for (guint k = 0; k < G_N_ELEMENTS (steps); k++) {
    g_autofree char *what = g_strdup_printf ("resample, step %g", steps[k]);

    step = steps[k];
    tell (what, read_block);
  }

  ech_eq_init (&eq, RATE);
  tell ("eq, flat (bypassed, kept warm)", eq_block);
  ech_eq_set_gain (&eq, ECH_BAND_LOW, 0.5);
  tell ("eq, in use", eq_block);

  ech_filter_init (&filter, RATE);
  tell ("filter, off", filter_block);
  ech_filter_set (&filter, -0.4);
  tell ("filter, in use", filter_block);

  ech_limiter_init (&limiter, RATE);
  tell ("limiter, idle", limiter_block);
  ech_limiter_set_ceiling (&limiter, 0.1);
  tell ("limiter, limiting", limiter_block);
  tell ("meter", meter_block);
}

/* One 72-byte command in, one out. */
static struct ech_ring       ring;
static struct ech_command    ring_slots[SLOTS];
static struct spa_ringbuffer spa;
static unsigned char         spa_bytes[128 * SLOTS];
static GAsyncQueue          *async;
static struct ech_command    message;

static bool
ring_push (void)
{
  return ech_ring_push (&ring, &message);
}

static bool
ring_pop (struct ech_command *out)
{
  return ech_ring_pop (&ring, out);
}

static bool
spa_push (void)
{
  uint32_t index;
  int32_t  filled = spa_ringbuffer_get_write_index (&spa, &index);

  if (filled + (int32_t) sizeof message > (int32_t) sizeof spa_bytes)
    return false;
  spa_ringbuffer_write_data (&spa, spa_bytes, sizeof spa_bytes, index % sizeof spa_bytes, &message,
                             sizeof message);
  spa_ringbuffer_write_update (&spa, (int32_t) (index + sizeof message));
  return true;
}

static bool
spa_pop (struct ech_command *out)
{
  uint32_t index;
  int32_t  filled = spa_ringbuffer_get_read_index (&spa, &index);

  if (filled < (int32_t) sizeof *out)
    return false;
  spa_ringbuffer_read_data (&spa, spa_bytes, sizeof spa_bytes, index % sizeof spa_bytes, out,
                            sizeof *out);
  spa_ringbuffer_read_update (&spa, (int32_t) (index + sizeof *out));
  return true;
}

static bool
async_push (void)
{
  g_async_queue_push (async, g_memdup2 (&message, sizeof message));
  return true;
}

static bool
async_pop (struct ech_command *out)
{
  struct ech_command *got = g_async_queue_try_pop (async);

  if (!got)
    return false;
  *out = *got;
  g_free (got);
  return true;
}

static const struct queue {
  const char *name;
  bool (*push) (void);
  bool (*pop) (struct ech_command *out);
} queues[] = {
  { "our ring", ring_push, ring_pop },
  { "spa_ringbuffer", spa_push, spa_pop },
  { "GAsyncQueue and malloc", async_push, async_pop },
};

static const struct queue *queue;

static void
push_and_pop (void)
{
  struct ech_command out;

  message.id++;
  if (!queue->push() || !queue->pop (&out) || out.id != message.id)
    abort();
}

/* As the ring is used: another thread writes a burst, then this one, which stands
 * for the audio thread, takes it out at the top of its cycle. */
enum { BURST = 64, ROUNDS = 4000, TRIES = 2000 };

static gint   turn; /* 0 = reader's, 1 = writer's */
static double push_ns[ROUNDS], pop_ns[ROUNDS];

/* Each side on a processor of its own, where there are two. */
static void
stay_on (guint processor)
{
  cpu_set_t set;

  CPU_ZERO (&set);
  CPU_SET (processor % g_get_num_processors(), &set);
  pthread_setaffinity_np (pthread_self(), sizeof set, &set);
}

static void
wait_while (gint whose)
{
  for (guint tries = 1; g_atomic_int_get (&turn) == whose; tries++)
    if (tries % TRIES == 0)
      g_thread_yield();
}

static gpointer
push_bursts (gpointer data)
{
  stay_on (1);
  for (guint round = 0; round < ROUNDS; round++) {
    double begin;

    wait_while (0);
    begin = cpu_ns (CLOCK_MONOTONIC);
    for (guint i = 0; i < BURST; i++) {
      message.id++;
      if (!queue->push())
        abort();
    }
    push_ns[round] = (cpu_ns (CLOCK_MONOTONIC) - begin) / BURST;
    g_atomic_int_set (&turn, 0);
  }
  return NULL;
}

static int
by_size (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
median (double *values)
{
  qsort (values, ROUNDS, sizeof *values, by_size);
  return values[ROUNDS / 2];
}

static void
exchange_bursts (double *out_push_ns, double *out_pop_ns)
{
  GThread *writer = NULL;

  message.id = 0;
  g_atomic_int_set (&turn, 0);
  writer = g_thread_new ("writer", push_bursts, NULL);
  for (guint round = 0; round < ROUNDS; round++) {
    struct ech_command out;
    double             begin;

    g_atomic_int_set (&turn, 1);
    wait_while (1);
    begin = cpu_ns (CLOCK_MONOTONIC);
    for (guint i = 0; i < BURST; i++)
      if (!queue->pop (&out) || out.id != (uint64_t) round * BURST + i + 1)
        abort();
    pop_ns[round] = (cpu_ns (CLOCK_MONOTONIC) - begin) / BURST;
  }
  g_thread_join (writer);
  *out_push_ns = median (push_ns);
  *out_pop_ns  = median (pop_ns);
}

static void
bench_queues (void)
{
  double one[G_N_ELEMENTS (queues)], push[G_N_ELEMENTS (queues)], pop[G_N_ELEMENTS (queues)];

  async = g_async_queue_new();
  ech_ring_init (&ring, ring_slots, SLOTS, sizeof ring_slots[0]);
  for (guint k = 0; k < G_N_ELEMENTS (queues); k++) {
    queue  = &queues[k];
    one[k] = best_of_runs (push_and_pop, 20000);
  }
  stay_on (0);
  for (guint k = 0; k < G_N_ELEMENTS (queues); k++) {
    queue = &queues[k];
    exchange_bursts (&push[k], &pop[k]);
    printf ("%-24s one thread %5.1f ns (x%.1f); other core: push %5.1f ns (x%.1f), "
            "pop %5.1f ns (x%.1f)\n",
            queues[k].name, one[k], one[k] / one[0], push[k], push[k] / push[0], pop[k],
            pop[k] / pop[0]);
  }
  g_async_queue_unref (async);
}

int
main (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  track = g_new (float, 2 * TRACK);
  for (int i = 0; i < 2 * TRACK; i++)
    track[i] = (float) g_rand_double_range (rand, -0.5, 0.5);
  bench_kernels();
  bench_queues();
  g_free (track);
  return 0;
}
