/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/command.h"
#include "engine/rt/ring.h"
#include "tests/rt/signals.h"

enum { MESSAGES = 2000000 };

/* A message that shows when it was torn, lost, doubled or out of order. */
struct message {
  uint64_t serial;
  uint64_t body[7];
};

static void
fill (struct message *m, uint64_t serial)
{
  m->serial = serial;
  for (guint k = 0; k < G_N_ELEMENTS (m->body); k++)
    m->body[k] = serial * 0x9e3779b97f4a7c15u + k;
}

static void
check (const struct message *m, uint64_t serial)
{
  struct message expected;

  fill (&expected, serial);
  g_assert_cmpmem (m, sizeof *m, &expected, sizeof expected);
}

/* Indices just before their wrap, as after four thousand million messages. */
static void
start_at (struct ech_ring *ring, uint32_t index)
{
  atomic_store (&ring->head, index);
  atomic_store (&ring->tail, index);
  ring->head_copy = ring->tail_copy = index;
}

static void
test_full_and_empty (void)
{
  static const uint32_t starts[] = { 0, 5, UINT32_MAX - 3, UINT32_MAX };
  struct message        slots[8], m;
  struct ech_ring       ring;

  for (guint k = 0; k < G_N_ELEMENTS (starts); k++) {
    ech_ring_init (&ring, slots, 8, sizeof slots[0]);
    start_at (&ring, starts[k]);
    for (uint64_t round = 0; round < 5; round++) {
      g_assert_false (ech_ring_pop (&ring, &m));
      for (uint64_t i = 0; i < 8; i++) {
        fill (&m, 100 * round + i);
        g_assert_cmpuint (ech_ring_fill (&ring), ==, i);
        g_assert_true (ech_ring_push (&ring, &m));
      }
      fill (&m, 999);
      g_assert_false (ech_ring_push (&ring, &m));
      g_assert_cmpuint (ech_ring_fill (&ring), ==, 8);
      for (uint64_t i = 0; i < 8; i++) {
        g_assert_true (ech_ring_pop (&ring, &m));
        check (&m, 100 * round + i);
      }
    }
  }
}

static gpointer
write_all (gpointer data)
{
  struct ech_ring *ring = data;
  struct message   m;

  for (uint64_t serial = 0; serial < MESSAGES;) {
    fill (&m, serial);
    if (ech_ring_push (ring, &m))
      serial++;
    else
      g_thread_yield();
  }
  return NULL;
}

static void
stress (uint32_t n_slots)
{
  g_autofree struct message *slots = g_new (struct message, n_slots);
  struct ech_ring            ring;
  struct message             m;
  GThread                   *writer = NULL;

  ech_ring_init (&ring, slots, n_slots, sizeof *slots);
  start_at (&ring, UINT32_MAX - MESSAGES / 2);
  writer = g_thread_new ("writer", write_all, &ring);
  for (uint64_t serial = 0; serial < MESSAGES;) {
    g_assert_cmpuint (ech_ring_fill (&ring), <=, n_slots);
    if (ech_ring_pop (&ring, &m))
      check (&m, serial++);
    else
      g_thread_yield();
  }
  g_thread_join (writer);
  g_assert_false (ech_ring_pop (&ring, &m));
  g_assert_cmpuint (atomic_load (&ring.head), <, UINT32_MAX - MESSAGES / 2);
}

static void
test_two_threads (void)
{
  stress (1);
  stress (2);
  stress (64);
  stress (4096);
}

static void
test_sides_do_not_share_a_line (void)
{
  g_assert_cmpuint (offsetof (struct ech_ring, head) / ECH_CACHE_LINE, !=,
                    offsetof (struct ech_ring, tail) / ECH_CACHE_LINE);
  g_assert_cmpuint (offsetof (struct ech_ring, head) % ECH_CACHE_LINE, ==, 0);
  g_assert_cmpuint (offsetof (struct ech_ring, tail) % ECH_CACHE_LINE, ==, 0);
  g_assert_cmpuint (sizeof (struct ech_ring) % ECH_CACHE_LINE, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rt/ring/full-and-empty", test_full_and_empty);
  g_test_add_func ("/rt/ring/sides-do-not-share-a-line", test_sides_do_not_share_a_line);
  g_test_add_func ("/rt/ring/two-threads", test_two_threads);
  return g_test_run();
}
