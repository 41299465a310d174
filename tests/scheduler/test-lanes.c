/* Lanes under eight producers, and the thread that drains them.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/scheduler/action-queue.h"
#include "engine/scheduler/scheduler-thread.h"
#include "engine/scheduler/vocabulary.h"

enum { N_PRODUCERS = 8, N_ACTIONS = 20000, MAX_BATCH = 7 };

struct producer {
  EchLane *lane;
  uint32_t seed;
  uint64_t n_refused;
};

/* Numbers its actions; every third has a text with its number, and some come in batches. */
static void *
produce (void *data)
{
  struct producer *self  = data;
  g_autoptr (GRand) rand = g_rand_new_with_seed (self->seed);

  for (uint32_t next = 0; next < N_ACTIONS;) {
    struct ech_action batch[MAX_BATCH] = { 0 };
    char              texts[MAX_BATCH][16];
    uint32_t          n = (uint32_t) g_rand_int_range (rand, 1, MAX_BATCH + 1);

    n = MIN (n, N_ACTIONS - next);
    for (uint32_t i = 0; i < n; i++) {
      g_snprintf (texts[i], sizeof texts[i], "%u", next + i);
      batch[i].client = next + i;
      batch[i].index  = i;
      batch[i].deck   = n;
      batch[i].text   = (next + i) % 3 == 0 ? texts[i] : NULL;
    }
    if (ech_lane_post_batch (self->lane, batch, n) == 0) {
      memset (texts, 'x', sizeof texts); /* the lane has copies */
      next += n;
    } else {
      self->n_refused += n;
      g_thread_yield();
    }
  }
  return NULL;
}

/* Each unit is whole and in order. */
static unsigned
consume (EchLane *lane, uint64_t expected)
{
  struct ech_lane_slot *slots;
  unsigned              n = ech_lane_take (lane, &slots);

  for (unsigned i = 0; i < n; i++) {
    g_autofree char *text = g_strdup_printf ("%u", (unsigned) (expected + i));

    g_assert_cmpuint (slots[i].action.client, ==, expected + i);
    g_assert_cmpuint (slots[i].action.index, ==, i);
    g_assert_cmpuint (slots[i].action.deck, ==, n);
    g_assert_cmpstr (slots[i].action.text, ==, (expected + i) % 3 == 0 ? text : NULL);
    g_assert_cmpuint (slots[i].posted_ns, >, 0);
    g_free ((char *) slots[i].action.text);
  }
  return n;
}

static void
test_producers (void)
{
  struct ech_wakeup wakeup = { NULL, NULL };
  struct producer   producers[N_PRODUCERS];
  GThread          *threads[N_PRODUCERS];
  uint64_t          taken[N_PRODUCERS] = { 0 }, total = 0;

  for (uint32_t i = 0; i < N_PRODUCERS; i++) {
    producers[i] =
        (struct producer){ ech_lane_new ("producer", ECH_SOURCE_OSC, 0, i, &wakeup), 100 + i, 0 };
    producers[i].lane->ring.head = producers[i].lane->ring.tail =
        UINT32_MAX - 1000; /* over the wrap */
    producers[i].lane->ring.tail_copy = producers[i].lane->ring.head_copy = UINT32_MAX - 1000;
    threads[i] = g_thread_new ("producer", produce, &producers[i]);
  }
  while (total < (uint64_t) N_PRODUCERS * N_ACTIONS) {
    for (uint32_t i = 0; i < N_PRODUCERS; i++) {
      unsigned n = consume (producers[i].lane, taken[i]);

      taken[i] += n;
      total += n;
    }
  }
  for (uint32_t i = 0; i < N_PRODUCERS; i++) {
    g_thread_join (threads[i]);
    g_assert_cmpuint (taken[i], ==, N_ACTIONS);
    g_assert_cmpuint (atomic_load (&producers[i].lane->posted), ==, N_ACTIONS);
    g_assert_cmpuint (atomic_load (&producers[i].lane->refused_full), ==, producers[i].n_refused);
    g_assert_cmpuint (ech_lane_depth (producers[i].lane), ==, 0);
    ech_lane_free (producers[i].lane);
  }
}

static void
test_capacity (void)
{
  static const struct {
    uint32_t asked, got;
  } cases[] = { { 0, 64 }, { 1, 1 }, { 3, 4 }, { 64, 64 }, { 100, 128 }, { UINT32_MAX, 65536 } };
  struct ech_wakeup wakeup = { NULL, NULL };
  struct ech_action action = { .verb = ECH_VERB_LOCK, .text = "freed with the lane" };

  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    EchLane *lane = ech_lane_new ("lane", ECH_SOURCE_OSC, cases[i].asked, 0, &wakeup);
    unsigned n    = 0;

    while (ech_lane_post (lane, &action) == 0)
      n++;
    g_assert_cmpuint (n, ==, cases[i].got);
    g_assert_cmpuint (ech_lane_depth (lane), ==, n);
    if (n > 1) { /* what was taken is not the lane's any more */
      struct ech_lane_slot *slots;

      g_assert_cmpuint (ech_lane_take (lane, &slots), ==, 1);
      g_free ((char *) slots[0].action.text);
    }
    ech_lane_free (lane);
  }
}

/* The thread, with a scheduler that has no audio: locks are carried out without it. */
struct room {
  struct ech_exchange *exchange;
  EchScheduler        *scheduler;
  EchSchedulerThread  *thread;
  GMutex               lock;
  GCond                cond;
  unsigned             n_executed;
};

static void
tell_now (struct ech_now *now, void *data)
{
  (void) data;
  *now = (struct ech_now){ .frame = 1000, .running = true };
}

static void
on_event (const struct ech_event *event, void *data)
{
  struct room *room = data;

  g_mutex_lock (&room->lock);
  room->n_executed += event->fate == ECH_FATE_EXECUTED;
  g_cond_signal (&room->cond);
  g_mutex_unlock (&room->lock);
}

static void
wait_for (struct room *room, unsigned n)
{
  g_mutex_lock (&room->lock);
  while (room->n_executed < n)
    g_cond_wait (&room->cond, &room->lock);
  g_mutex_unlock (&room->lock);
}

static void
room_init (struct room *room)
{
  struct ech_scheduler_config config = { .n_decks = 2 };
  struct ech_policy           policy;

  ech_policy_init_score (&policy); /* no rate: the clock of this room stands still */
  config.policy = &policy;
  memset (room, 0, sizeof *room);
  room->exchange = aligned_alloc (64, (sizeof *room->exchange + 63) / 64 * 64);
  ech_exchange_init (room->exchange);
  config.exchange = room->exchange;
  room->scheduler = ech_scheduler_new (&config);
  ech_scheduler_add_listener (room->scheduler, on_event, room);
  room->thread = ech_scheduler_thread_new (room->scheduler, tell_now, NULL);
  g_assert_nonnull (room->thread);
}

static void
room_finish (struct room *room)
{
  ech_scheduler_thread_free (room->thread);
  ech_scheduler_free (room->scheduler);
  free (room->exchange);
}

static void
test_thread (void)
{
  struct room       room;
  EchLane          *lane;
  struct ech_action lock = { .verb = ECH_VERB_LOCK, .text = "why" };
  struct ech_state  state;

  room_init (&room);
  lane = ech_scheduler_add_lane (room.scheduler, "hand", ECH_SOURCE_HAND, 0);
  for (unsigned i = 1; i <= 500; i++) {
    lock.verb = i % 2 ? ECH_VERB_LOCK : ECH_VERB_UNLOCK;
    g_assert_cmpint (ech_lane_post (lane, &lock), ==, 0);
    wait_for (&room, i);
  }
  /* it ticks unasked, too */
  ech_scheduler_snapshot (room.scheduler, &state);
  for (uint64_t serial = state.serial; state.serial < serial + 3;) {
    g_usleep (1000);
    ech_scheduler_snapshot (room.scheduler, &state);
  }
  g_assert_true (state.running);
  room_finish (&room);
}

static void *
post_locks (void *data)
{
  EchScheduler     *scheduler = data;
  EchLane          *lane      = ech_scheduler_add_lane (scheduler, "source", ECH_SOURCE_OSC, 16);
  struct ech_action lock      = { .verb = ECH_VERB_LOCK, .text = "why" };

  for (int i = 0; i < 2000;) {
    if (ech_lane_post (lane, &lock) == 0)
      i++;
    else
      g_thread_yield();
  }
  return lane;
}

/* Sources come and go on their own threads while the scheduler's thread ticks. */
static void
test_sources_come_and_go (void)
{
  struct room      room;
  GThread         *threads[4];
  struct ech_state state;

  room_init (&room);
  for (int round = 1; round <= 5; round++) {
    EchLane *lanes[4];

    for (int i = 0; i < 4; i++)
      threads[i] = g_thread_new ("source", post_locks, room.scheduler);
    for (int i = 0; i < 4; i++)
      lanes[i] = g_thread_join (threads[i]);
    wait_for (&room, (unsigned) round * 4 * 2000);
    for (int i = 0; i < 4; i++)
      ech_scheduler_remove_lane (room.scheduler, lanes[i]);
    do {
      g_usleep (1000);
      ech_scheduler_snapshot (room.scheduler, &state);
    } while (state.n_sources > 0);
  }
  room_finish (&room);
}

static void
test_start_and_stop (void)
{
  for (int i = 0; i < 200; i++) {
    struct room room;

    room_init (&room);
    room_finish (&room);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lanes/eight-producers", test_producers);
  g_test_add_func ("/lanes/capacity", test_capacity);
  g_test_add_func ("/scheduler-thread/wakes", test_thread);
  g_test_add_func ("/scheduler-thread/sources-come-and-go", test_sources_come_and_go);
  g_test_add_func ("/scheduler-thread/start-and-stop", test_start_and_stop);
  return g_test_run();
}
