/* The stretcher follows its line: it does not drift, finds back after a change, and the
 * sound does not depend on how it is read.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rt/keylock.h"

enum { RATE = 48000, BLOCK = 256, TRACK_FRAMES = 1 << 18 };

static float          samples[2 * TRACK_FRAMES];
static struct ech_pcm pcm = { .frames = samples, .rate = RATE };

static struct ech_keylock *
new_keylock (void)
{
  struct ech_keylock *keylock = g_new (struct ech_keylock, 1);

  g_assert_cmpint (ech_keylock_init (keylock, RATE), ==, 0);
  return keylock;
}

static void
free_keylock (struct ech_keylock *keylock)
{
  ech_keylock_finish (keylock);
  g_free (keylock);
}

static void
read_on (struct ech_keylock *keylock, const struct ech_line *line, float *out, uint32_t n)
{
  ech_keylock_read (keylock, ech_sinc_tables_get (), &pcm, TRACK_FRAMES, line, out, n);
}

/* Two minutes, twenty with -m slow; behind the track's end it is silence, which costs the same. */
static void
test_no_drift (void)
{
  static const double speeds[] = { 0.53, 0.92, 0.9997, 1.0613, 1.37, 1.99 };
  int64_t             frames   = (g_test_slow () ? 1200 : 120) * (int64_t) RATE / G_N_ELEMENTS (speeds);
  struct ech_keylock *keylock  = new_keylock ();

  for (unsigned i = 0; i < G_N_ELEMENTS (speeds); i++) {
    struct ech_line line  = { 1000.0, 0, speeds[i] };
    double          worst = 0.0;

    ech_keylock_start (keylock, &line, 0, 0);
    while (keylock->frame < frames) {
      read_on (keylock, &line, NULL, BLOCK);
      worst = fmax (worst, fabs (ech_keylock_error (keylock, &line)));
    }
    g_test_message ("speed %.4f: at most %.2f track frames off, at the end %.2f", speeds[i], worst,
                    ech_keylock_error (keylock, &line));
    g_assert_cmpfloat (worst, <, 8.0); /* a sixth of a millisecond */
  }
  free_keylock (keylock);
}

static void
test_finds_back (void)
{
  static const double steps[] = { 1.08, 0.92, 1.5, 0.6, 1.06 };
  struct ech_keylock *keylock = new_keylock ();
  struct ech_line     line    = { 0.0, 0, 1.03 };

  ech_keylock_start (keylock, &line, 0, 0);
  for (unsigned i = 0; i < G_N_ELEMENTS (steps); i++) {
    for (int64_t end = keylock->frame + RATE; keylock->frame < end;)
      read_on (keylock, &line, NULL, BLOCK);
    g_assert_cmpfloat (fabs (ech_keylock_error (keylock, &line)), <, 8.0);
    line.position += (double) (keylock->frame - line.frame) * line.step;
    line.frame = keylock->frame;
    line.step  = steps[i];
  }
  free_keylock (keylock);
}

static void
test_cuts (void)
{
  static float        whole[2 * 40960], cut[2 * 40960];
  struct ech_line     line    = { 5000.25, 0, 0.94 };
  struct ech_keylock *keylock = new_keylock ();
  g_autoptr (GRand)   rand    = g_rand_new_with_seed (20261122);

  for (int i = 0; i < 2 * TRACK_FRAMES; i++)
    samples[i] = (float) g_rand_double_range (rand, -0.5, 0.5);
  ech_keylock_start (keylock, &line, 0, 128);
  read_on (keylock, &line, whole, 40960);
  ech_keylock_start (keylock, &line, 0, 128); /* what was before leaves nothing behind */
  for (uint32_t at = 0, n; at < 40960; at += n) {
    n = MIN ((uint32_t) g_rand_int_range (rand, 1, 1500), 40960 - at);
    read_on (keylock, &line, cut + 2 * at, n);
  }
  g_assert_cmpint (memcmp (whole, cut, sizeof whole), ==, 0);
  memset (samples, 0, sizeof samples);
  free_keylock (keylock);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/keylock/no-drift", test_no_drift);
  g_test_add_func ("/keylock/finds-back", test_finds_back);
  g_test_add_func ("/keylock/cuts", test_cuts);
  return g_test_run ();
}
