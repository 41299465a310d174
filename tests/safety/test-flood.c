/* One source asks for things, seven others for as much as they can post: nobody's actions are lost or
 * change their order, and the one is served by the first tick that begins after its post.
 *
 * Counted in ticks, not in seconds: how fast the machine is says nothing about who is served.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rt/exchange.h"
#include "engine/scheduler/scheduler.h"

/* ThreadSanitizer makes each step some ten times as long. */
#ifdef __SANITIZE_THREAD__
enum { N_POSTS = 100000, N_PATIENT = 500 };
#else
enum { N_POSTS = 1000000, N_PATIENT = 2000 };
#endif

enum { N_FLOODS = 7, PATIENCE = 16, MAX_TICKS = 100000000 };

struct producer {
  EchLane         *lane;
  _Atomic uint64_t accepted; /* posts that the lane took */
  uint64_t         refused;
  uint64_t         n_fates;   /* ticking thread */
  uint64_t         last_told; /* client of the newest fate */
};

struct room {
  struct ech_exchange *exchange;
  EchScheduler        *scheduler;
  struct producer      producers[N_FLOODS + 1];
  _Atomic uint64_t     ticks;   /* begun */
  _Atomic uint32_t     running; /* producers that have not ended */
  _Atomic uint64_t     n_served;
  uint64_t             served_in[N_PATIENT]; /* tick */
  uint64_t             posted_in[N_PATIENT]; /* the newest tick when the post had returned */
};

static struct room *room;

/* Locks are carried out by the scheduler itself; each has one fate. */
static struct ech_action
lock_action (uint32_t deck, uint64_t client)
{
  return (struct ech_action){ .verb   = client % 2 ? ECH_VERB_LOCK : ECH_VERB_UNLOCK,
                              .deck   = deck,
                              .timing = { .kind = ECH_TIMING_NOW },
                              .client = client };
}

static void *
flood (void *data)
{
  struct producer *self = data;

  for (uint64_t i = 0; i < N_POSTS; i++) {
    struct ech_action action = lock_action (1, self->accepted + 1);

    if (ech_lane_post (self->lane, &action) == 0)
      self->accepted++;
    else
      self->refused++;
  }
  room->running--;
  return NULL;
}

/* Asks for one thing after the other, at most PATIENCE ahead. */
static void *
ask_patiently (void *data)
{
  struct producer *self = data;

  for (uint64_t i = 0; i < N_PATIENT; i++) {
    struct ech_action action = lock_action (0, i + 1);

    while (i >= room->n_served + PATIENCE)
      g_thread_yield();
    if (ech_lane_post (self->lane, &action) == 0)
      self->accepted++;
    else
      self->refused++;
    room->posted_in[i] = room->ticks;
  }
  room->running--;
  return NULL;
}

static void
on_event (const struct ech_event *event, void *data)
{
  struct producer *producer = &room->producers[event->source];

  (void) data;
  g_assert_cmpint (event->fate, ==, ECH_FATE_EXECUTED);
  g_assert_cmpuint (event->client, ==, producer->last_told + 1); /* none lost, none before another */
  producer->last_told = event->client;
  producer->n_fates++;
  if (event->source == N_FLOODS) {
    room->served_in[event->client - 1] = room->ticks;
    room->n_served++;
  }
}

static void
tick (void)
{
  uint64_t       number = ++room->ticks;
  struct ech_now now    = { .frame = (double) number, .time_ns = number * 10000000, .running = true };

  ech_scheduler_tick (room->scheduler, &now);
}

static bool
is_done (void)
{
  for (int i = 0; i <= N_FLOODS; i++) {
    if (room->producers[i].n_fates < room->producers[i].accepted)
      return false;
  }
  return room->running == 0;
}

/* @flooding, @asking: their classes; so the flood may have the higher priority. */
static void
run (enum ech_source_class flooding, enum ech_source_class asking, uint32_t capacity)
{
  struct ech_policy           policy;
  struct ech_scheduler_config config = { .n_decks = 2, .policy = &policy };
  GThread                    *threads[N_FLOODS + 1];
  uint64_t                    n_posts = 0, late = 0;

  ech_policy_init_score (&policy); /* no rate: whoever floods is held back by nothing else */
  for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++)
    policy.classes[i].priority = (uint32_t) (100 - 20 * i);
  room           = g_new0 (struct room, 1);
  room->exchange = aligned_alloc (64, (sizeof *room->exchange + 63) / 64 * 64);
  ech_exchange_init (room->exchange);
  config.exchange = room->exchange;
  room->scheduler = ech_scheduler_new (&config);
  room->running   = N_FLOODS + 1;
  ech_scheduler_add_listener (room->scheduler, on_event, NULL);
  for (int i = 0; i <= N_FLOODS; i++) {
    g_autofree char *name = g_strdup_printf ("source-%d", i);

    room->producers[i].lane = ech_scheduler_add_lane (
        room->scheduler, name, i < N_FLOODS ? flooding : asking, i < N_FLOODS ? capacity : 64);
  }
  tick();
  for (int i = 0; i <= N_FLOODS; i++)
    threads[i] = g_thread_new ("source", i < N_FLOODS ? flood : ask_patiently, &room->producers[i]);
  while (!is_done() && room->ticks < MAX_TICKS)
    tick();
  for (int i = 0; i <= N_FLOODS; i++)
    g_thread_join (threads[i]);

  for (int i = 0; i <= N_FLOODS; i++) {
    g_assert_cmpuint (room->producers[i].n_fates, ==, room->producers[i].accepted);
    n_posts += room->producers[i].accepted + room->producers[i].refused;
  }
  g_assert_cmpuint (room->producers[N_FLOODS].refused, ==, 0);
  g_assert_cmpuint (room->producers[N_FLOODS].accepted, ==, N_PATIENT);
  for (int i = 0; i < N_PATIENT; i++)
    late += room->served_in[i] > room->posted_in[i] + 1;
  g_test_message ("%" G_GUINT64_FORMAT " posts in %" G_GUINT64_FORMAT " ticks, %" G_GUINT64_FORMAT
                  " of %d patient ones served late",
                  n_posts, (uint64_t) room->ticks, late, N_PATIENT);
  g_assert_cmpuint (late, ==, 0);

  ech_scheduler_free (room->scheduler);
  free (room->exchange);
  g_free (room);
}

static void
test_flood_below (void)
{
  run (ECH_SOURCE_AGENT, ECH_SOURCE_HAND, 0);
}

static void
test_flood_above (void)
{
  run (ECH_SOURCE_HAND, ECH_SOURCE_AGENT, 0);
}

/* Lanes so long that a tick cannot empty one. */
static void
test_flood_long_lanes (void)
{
  run (ECH_SOURCE_HAND, ECH_SOURCE_AGENT, 65536);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/flood/of-lower-priority", test_flood_below);
  g_test_add_func ("/flood/of-higher-priority", test_flood_above);
  g_test_add_func ("/flood/long-lanes", test_flood_long_lanes);
  return g_test_run();
}
