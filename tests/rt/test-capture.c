/* What finds the ring full is lost, counted, and leaves its place: a take keeps its length.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <stdlib.h>

#include "engine/rt/capture.h"

enum { BLOCK = 100, RATE = 48000 };

static struct ech_capture *
new_capture (void)
{
  struct ech_capture *capture = aligned_alloc (64, (sizeof *capture + 63) & ~(size_t) 63);

  ech_capture_init (capture);
  return capture;
}

/* Each frame tells its number. */
static void
take_block (struct ech_capture *capture, int64_t frame, uint32_t n)
{
  float stereo[2 * BLOCK];

  for (uint32_t i = 0; i < n; i++)
    stereo[2 * i] = stereo[2 * i + 1] = (float) (frame + i);
  ech_capture_take (capture, RATE, frame, stereo, n);
}

static void
test_edges (void)
{
  static const struct {
    const char *why;
    int64_t     on, off;
  } cases[] = {
    { "within a block", 120, 180 },
    { "on the edges of blocks", 200, 500 },
    { "across many", 333, 10001 },
    { "one frame", 450, 451 },
    { "none at all", 460, 460 },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct ech_capture      *capture = new_capture ();
    struct ech_capture_chunk chunk   = { 0 };
    uint64_t                 want    = 0;

    g_assert_true (ech_capture_set (capture, true, cases[i].on));
    g_assert_true (ech_capture_set (capture, false, cases[i].off));
    for (int64_t frame = 0; frame < 11000; frame += BLOCK)
      take_block (capture, frame, BLOCK);
    while (ech_ring_pop (&capture->ring, &chunk)) {
      g_assert_cmpuint (chunk.take, ==, 1);
      g_assert_cmpuint (chunk.at_frames, ==, want);
      for (uint32_t k = 0; k < chunk.n_frames; k++)
        g_assert_cmpfloat (chunk.stereo[2 * k], ==, (float) (cases[i].on + (int64_t) want++));
    }
    g_assert_true (chunk.is_last);
    g_assert_cmpuint (chunk.at_frames, ==, (uint64_t) (cases[i].off - cases[i].on));
    g_assert_cmpuint (want, ==, chunk.at_frames);
    g_assert_cmpuint (capture->lost_frames, ==, 0);
    free (capture);
  }
}

static void
test_full (void)
{
  struct ech_capture      *capture = new_capture ();
  struct ech_capture_chunk chunk   = { 0 };
  int64_t                  frame = 0, last = 3 * ECH_CAPTURE_SLOTS * ECH_CAPTURE_FRAMES;
  uint64_t                 got = 0;

  ech_capture_set (capture, true, 0);
  ech_capture_set (capture, false, last);
  for (; frame <= last; frame += BLOCK)
    take_block (capture, frame, BLOCK);
  g_assert_true (capture->owes_end);
  g_assert_cmpuint (capture->lost_frames, ==, 2 * ECH_CAPTURE_SLOTS * ECH_CAPTURE_FRAMES);
  for (; ech_ring_pop (&capture->ring, &chunk); got += chunk.n_frames)
    g_assert_false (chunk.is_last);
  g_assert_cmpuint (got, ==, ECH_CAPTURE_SLOTS * ECH_CAPTURE_FRAMES);
  take_block (capture, frame, BLOCK); /* there is room again: the end that was owed */
  g_assert_true (ech_ring_pop (&capture->ring, &chunk));
  g_assert_true (chunk.is_last);
  g_assert_cmpuint (chunk.at_frames, ==, (uint64_t) last);
  free (capture);
}

static void
test_gap (void)
{
  struct ech_capture      *capture = new_capture ();
  struct ech_capture_chunk chunk;

  ech_capture_set (capture, true, 0);
  take_block (capture, 0, BLOCK);
  take_block (capture, 1000, BLOCK); /* the clock went on without us */
  ech_capture_set (capture, false, 1100);
  take_block (capture, 1100, BLOCK);
  g_assert_cmpuint (capture->lost_frames, ==, 900);
  while (ech_ring_pop (&capture->ring, &chunk))
    for (uint32_t k = 0; k < chunk.n_frames; k++)
      g_assert_cmpfloat (chunk.stereo[2 * k], ==, (float) (chunk.at_frames + k));
  g_assert_true (chunk.is_last);
  g_assert_cmpuint (chunk.at_frames, ==, 1100);
  free (capture);
}

static void
test_split (void)
{
  struct ech_capture      *capture = new_capture ();
  struct ech_capture_chunk chunk;
  uint64_t                 ends[3] = { 0 };

  ech_capture_set (capture, true, 0);
  take_block (capture, 0, BLOCK);
  ech_capture_split (capture, BLOCK);
  ech_capture_take (capture, 2.0 * RATE, BLOCK, (float[2 * BLOCK]){ 0 }, BLOCK);
  ech_capture_set (capture, false, 2 * BLOCK);
  take_block (capture, 2 * BLOCK, BLOCK);
  while (ech_ring_pop (&capture->ring, &chunk)) {
    g_assert_cmpuint (chunk.take, <=, 2);
    g_assert_cmpfloat (chunk.rate, ==, chunk.take == 1 ? RATE : 2.0 * RATE);
    if (chunk.is_last)
      ends[chunk.take] = chunk.at_frames;
  }
  g_assert_cmpuint (ends[1], ==, BLOCK);
  g_assert_cmpuint (ends[2], ==, BLOCK);
  free (capture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/capture/edges", test_edges);
  g_test_add_func ("/capture/full", test_full);
  g_test_add_func ("/capture/gap", test_gap);
  g_test_add_func ("/capture/split", test_split);
  return g_test_run ();
}
