/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/telemetry.h"
#include "tests/rt/signals.h"

enum { REPORTS = 1000000, TAKEN_AT_LEAST = 1000 };

/* One number in the first, a middle and the last field: a torn report shows. */
static void
fill (struct ech_rt_report *r, uint64_t serial)
{
  r->frame                  = serial;
  r->timeline.origin_frames = (double) serial;
  for (int d = 0; d < ECH_MAX_DECKS; d++)
    r->decks[d].position_frames = (double) serial + d;
  r->cycles        = serial;
  r->feedback_lost = serial;
}

static uint64_t
check (const struct ech_rt_report *r)
{
  g_assert_cmpfloat (r->timeline.origin_frames, ==, (double) r->frame);
  for (int d = 0; d < ECH_MAX_DECKS; d++)
    g_assert_cmpfloat (r->decks[d].position_frames, ==, (double) r->frame + (r->frame ? d : 0));
  g_assert_cmpuint (r->cycles, ==, r->frame);
  g_assert_cmpuint (r->feedback_lost, ==, r->frame);
  return r->frame;
}

static void
test_newest_only (void)
{
  g_autofree struct ech_triple *triple = g_new (struct ech_triple, 1);

  ech_triple_init (triple);
  g_assert_cmpuint (ech_triple_read (triple)->frame, ==, 0);
  for (uint64_t serial = 1; serial <= 5; serial++) {
    fill (ech_triple_writable (triple), serial);
    ech_triple_publish (triple);
  }
  g_assert_cmpuint (check (ech_triple_read (triple)), ==, 5);
  g_assert_cmpuint (check (ech_triple_read (triple)), ==, 5);
  fill (ech_triple_writable (triple), 6);
  g_assert_cmpuint (check (ech_triple_read (triple)), ==, 5);
  ech_triple_publish (triple);
  g_assert_cmpuint (check (ech_triple_read (triple)), ==, 6);
}

struct writer {
  struct ech_triple *triple;
  gint               stop;
};

static gpointer
write_until_told (gpointer data)
{
  struct writer *w = data;

  for (uint64_t serial = 1; serial <= REPORTS || !g_atomic_int_get (&w->stop); serial++) {
    fill (ech_triple_writable (w->triple), serial);
    ech_triple_publish (w->triple);
  }
  return NULL;
}

static void
test_two_threads (void)
{
  g_autofree struct ech_triple *triple = g_new (struct ech_triple, 1);
  struct writer                 writer = { triple, 0 };
  uint64_t                      last = 0, taken = 0;
  GThread                      *thread = NULL;

  ech_triple_init (triple);
  thread = g_thread_new ("writer", write_until_told, &writer);
  while (taken < TAKEN_AT_LEAST || last < REPORTS) {
    const struct ech_rt_report *r      = ech_triple_read (triple);
    uint64_t                    serial = check (r);

    g_assert_cmpuint (serial, >=, last);
    taken += serial > last;
    last = serial;
    g_assert_cmpuint (check (r), ==, serial); /* it stays ours until the next read */
    if (taken % 64 == 0)
      g_thread_yield();
  }
  g_atomic_int_set (&writer.stop, 1);
  g_thread_join (thread);
  g_test_message ("%" G_GUINT64_FORMAT " reports taken of %" G_GUINT64_FORMAT, taken, last);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rt/telemetry/newest-only", test_newest_only);
  g_test_add_func ("/rt/telemetry/two-threads", test_two_threads);
  return g_test_run();
}
