/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/meter.h"
#include "tests/rt/signals.h"

static void
test_sine (void)
{
  g_autofree float *tone = new_tone (44100, 441, 44100, 0.8);
  struct ech_meter  m;
  float             peak[2], level[2];

  for (int i = 0; i < 44100; i++)
    tone[2 * i + 1] *= 0.5f;
  ech_meter_init (&m);
  ech_meter_add (&m, tone, 44100);
  ech_meter_take (&m, peak, level);
  g_assert_cmpfloat_with_epsilon (peak[0], 0.8, 1e-6);
  g_assert_cmpfloat_with_epsilon (peak[1], 0.4, 1e-6);
  g_assert_cmpfloat_with_epsilon (level[0], 0.8 * M_SQRT1_2, 1e-6);
  g_assert_cmpfloat_with_epsilon (level[1], 0.4 * M_SQRT1_2, 1e-6);

  ech_meter_take (&m, peak, level);
  g_assert_cmpfloat (peak[0] + peak[1] + level[0] + level[1], ==, 0.0);
}

static void
add (gpointer data, float *stereo, uint32_t n)
{
  ech_meter_add (data, stereo, n);
}

static void
test_any_cut_same_reading (void)
{
  g_autoptr (GRand) rand  = g_rand_new_with_seed (TEST_SEED);
  g_autofree float *noise = new_noise (50000, 1.0, TEST_SEED);
  struct ech_meter  whole = { 0 }, pieces = { 0 };
  float             a[4], b[4];

  ech_meter_add (&whole, noise, 50000);
  process_in_pieces (add, &pieces, noise, 50000, 500, rand);
  ech_meter_take (&whole, a, a + 2);
  ech_meter_take (&pieces, b, b + 2);
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
  g_assert_cmpfloat (a[2], >, 0.5);
}

static void
test_not_finite_is_left_out (void)
{
  float            frames[] = { NAN, 0.5f, INFINITY, -0.5f, 0.25f, -INFINITY, -0.25f, 0.5f };
  struct ech_meter m        = { 0 };
  float            peak[2], level[2];

  ech_meter_add (&m, frames, 4);
  ech_meter_take (&m, peak, level);
  g_assert_cmpfloat (peak[0], ==, 0.25f);
  g_assert_cmpfloat (peak[1], ==, 0.5f);
  g_assert_true (isfinite (level[0]) && isfinite (level[1]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rt/meter/sine", test_sine);
  g_test_add_func ("/rt/meter/any-cut-same-reading", test_any_cut_same_reading);
  g_test_add_func ("/rt/meter/not-finite-is-left-out", test_not_finite_is_left_out);
  return g_test_run();
}
