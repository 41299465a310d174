/* The last millisecond of a grid: attacks in the samples.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>

#include "engine/analysis/attack.h"

enum { RATE = 44100, N_FRAMES = RATE * 30 };

static float samples[2 * N_FRAMES];

static void
make_drums (double first, double period, double noise)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  for (int i = 0; i < N_FRAMES; i++)
    samples[2 * i] = samples[2 * i + 1] = (float) (noise * g_rand_double_range (rand, -1, 1));
  for (double beat = first; beat < N_FRAMES; beat += period) {
    for (int i = 0; i < 4000 && llround (beat) + i < N_FRAMES; i++) {
      float hit = (float) (0.6 * exp (-i / 900.0) * cos (i * 0.012));

      samples[2 * (llround (beat) + i)] += hit;
      samples[2 * (llround (beat) + i) + 1] += hit;
    }
  }
}

static void
test_finds_the_frame (void)
{
  static const struct { const char *why; double bpm, first, off, drift, noise; } cases[] = {
    { "early by 8 ms",            120.0, 1000.0, -350.0, 1.0,      0.0 },
    { "late by 8 ms",             128.0, 300.0,   350.0, 1.0,      0.0 },
    { "a little too fast",        124.0, 2000.0,  100.0, 1.00005,  0.0 },
    { "a tempo that is not even", 123.456, 50.5,    0.0, 0.99995,  0.0 },
    { "under hiss",               126.0, 700.0,   120.0, 1.0,      0.01 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    double          period = 60.0 * RATE / cases[i].bpm;
    struct ech_grid grid   = { .first_beat_frames = cases[i].first + cases[i].off,
                               .frames_per_beat   = period * cases[i].drift };
    double          last   = floor ((N_FRAMES - 20000) / period);

    g_test_message ("%s", cases[i].why);
    make_drums (cases[i].first, period, cases[i].noise);
    g_assert_true (ech_attack_refine (samples, N_FRAMES, RATE, &grid));
    g_assert_cmpfloat_with_epsilon (grid.first_beat_frames, cases[i].first, 1.0);
    g_assert_cmpfloat_with_epsilon (ech_grid_frame_at (&grid, last), cases[i].first + last * period, 1.5);
  }
}

static void
test_leaves_alone_what_has_no_attacks (void)
{
  struct ech_grid grid = { .first_beat_frames = 123.0, .frames_per_beat = 22050.0 };

  make_drums (N_FRAMES, 22050.0, 0.3);
  g_assert_false (ech_attack_refine (samples, N_FRAMES, RATE, &grid));
  g_assert_cmpfloat (grid.first_beat_frames, ==, 123.0);
  g_assert_cmpfloat (grid.frames_per_beat, ==, 22050.0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/attack/finds-the-frame", test_finds_the_frame);
  g_test_add_func ("/attack/leaves-alone-what-has-no-attacks", test_leaves_alone_what_has_no_attacks);
  return g_test_run ();
}
