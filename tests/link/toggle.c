/* The Link driver on and off, again and again, while music plays.
 *
 *   toggle TIMES DRIVERS TRACK
 *
 * Each turn enables Link, changes the tempo through it, and takes it away in one of three ways:
 * disabled by an action, the driver stopped while it is disabled, or stopped in the middle.  Every
 * action that was taken has its fate in the end, and no thread, file or port stays behind.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/driver-host.h"
#include "engine/engine.h"

struct toggle {
  EchEngine       *engine;
  EchDriverHost   *host;
  EchLane         *lane;
  unsigned         link;
  unsigned         n_posted;
  _Atomic unsigned n_done; /* executed, rejected, expired or cancelled */
  _Atomic unsigned n_rejected;
  struct ech_state state;
};

static void
on_event (const struct ech_event *event, void *data)
{
  struct toggle *t = data;

  if (strcmp (event->source_name, "toggle") != 0 || event->fate == ECH_FATE_QUEUED)
    return;
  atomic_fetch_add (&t->n_done, 1);
  if (event->fate == ECH_FATE_REJECTED) {
    fprintf (stderr, "# rejected: %s\n", event->text);
    atomic_fetch_add (&t->n_rejected, 1);
  }
}

static void
post (struct toggle *t, uint32_t verb, double value)
{
  struct ech_action action = { .verb = verb, .value = value, .timing = { .kind = ECH_TIMING_NOW } };

  for (int i = 0; i < 1000; i++) {
    if (ech_lane_post (t->lane, &action) == 0) {
      t->n_posted++;
      return;
    }
    g_usleep (1000);
  }
  g_assert_not_reached();
}

/* All that was posted has its fate. */
static void
settle (struct toggle *t)
{
  for (int i = 0; i < 10000 && atomic_load (&t->n_done) < t->n_posted; i++)
    g_usleep (1000);
  g_assert_cmpuint (atomic_load (&t->n_done), ==, t->n_posted);
}

static const struct ech_state *
state (struct toggle *t)
{
  ech_engine_snapshot (t->engine, &t->state);
  return &t->state;
}

static void
start_driver (struct toggle *t)
{
  g_autoptr (GError) error = NULL;

  if (!ech_driver_host_start (t->host, t->link, &error))
    g_error ("%s", error->message);
  for (int i = 0; i < 5000 && !state (t)->link_available; i++)
    g_usleep (1000);
  g_assert_true (state (t)->link_available);
}

static unsigned
count_entries (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  unsigned n           = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  return n;
}

static void
load_and_play (struct toggle *t, const char *path)
{
  struct ech_action load = { .verb = ECH_VERB_LOAD, .text = path };

  g_assert_cmpint (ech_lane_post (t->lane, &load), ==, 0);
  t->n_posted++;
  for (int i = 0; i < 30000 && !state (t)->decks[0].has_grid; i++)
    g_usleep (1000);
  g_assert_true (state (t)->decks[0].has_grid);
  post (t, ECH_VERB_SYNC, 1);
  post (t, ECH_VERB_LOOP, 4);
  post (t, ECH_VERB_PLAY, NAN);
  settle (t);
}

int
main (int argc, char **argv)
{
  struct ech_engine_config config = { .n_decks = 1 };
  struct toggle            t      = { 0 };
  g_autoptr (GError) error        = NULL;
  unsigned times, threads, files, kept = 0;
  uint64_t lost;

  if (argc != 4)
    return 2;
  times    = (unsigned) atoi (argv[1]);
  t.engine = ech_engine_new (&config);
  t.lane   = ech_engine_add_source (t.engine, "toggle", ECH_SOURCE_HAND);
  ech_engine_add_listener (t.engine, on_event, &t);
  if (!ech_engine_start (t.engine, &error))
    g_error ("%s", error->message);
  t.host = ech_driver_host_new (t.engine, NULL, NULL);
  ech_driver_host_scan (t.host, argv[2]);
  t.link = (unsigned) ech_driver_host_find (t.host, "link");
  load_and_play (&t, argv[3]);
  start_driver (&t); /* what the host keeps for a driver that was started once */
  ech_driver_host_stop (t.host, t.link);
  threads = count_entries ("/proc/self/task");
  files   = count_entries ("/proc/self/fd");
  lost    = state (&t)->lost_cycles;

  for (unsigned i = 0; i < times; i++) {
    double bpm = 100.0 + i % 40;

    start_driver (&t);
    for (unsigned k = 0; k < 1 + i % 3; k++) {
      post (&t, ECH_VERB_LINK, 1);
      settle (&t);
      g_assert_true (state (&t)->link_enabled);
      post (&t, ECH_VERB_TEMPO, bpm);
      settle (&t);
      if (i % 3 == 2 && k == i % 3)
        break; /* stopped in the middle */
      post (&t, ECH_VERB_LINK, 0);
      settle (&t);
      g_assert_false (state (&t)->link_enabled);
    }
    ech_driver_host_stop (t.host, t.link);
    for (int n = 0; n < 2000 && state (&t)->link_available; n++)
      g_usleep (1000);
    g_assert_false (state (&t)->link_enabled);
    kept += fabs (state (&t)->timeline.bpm - bpm) < 0.01 && state (&t)->decks[0].state == ECH_DECK_PLAYING;
  }
  post (&t, ECH_VERB_TEMPO, 120);
  settle (&t);
  g_usleep (200000);
  printf ("1..4\n");
  printf ("# %u turns, %u actions, %u cycles lost meanwhile\n", times, t.n_posted,
          (unsigned) (state (&t)->lost_cycles - lost));
  printf ("%s 1 - the deck plays and the tempo stays, %u of %u times\n", kept == times ? "ok" : "not ok", kept, times);
  printf ("%s 2 - each of %u actions was carried out\n", atomic_load (&t.n_rejected) == 0 ? "ok" : "not ok", t.n_posted);
  printf ("%s 3 - %u threads, as before\n", count_entries ("/proc/self/task") <= threads ? "ok" : "not ok",
          count_entries ("/proc/self/task"));
  printf ("%s 4 - %u open files, as before\n", count_entries ("/proc/self/fd") <= files ? "ok" : "not ok",
          count_entries ("/proc/self/fd"));
  g_clear_object (&t.host);
  ech_engine_stop (t.engine);
  ech_engine_free (t.engine);
  return 0;
}
