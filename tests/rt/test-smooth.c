/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/smooth.h"
#include "tests/rt/signals.h"

static void
test_lands_exactly (void)
{
  struct ech_smooth s;

  ech_smooth_init (&s, 1.0, 480);
  ech_smooth_set (&s, 0.1);
  for (int i = 0; i < 479; i++) {
    ech_smooth_next (&s);
    g_assert_false (ech_smooth_is_settled (&s));
    g_assert_cmpfloat (s.value, >, 0.1);
  }
  g_assert_cmpfloat (ech_smooth_next (&s), ==, 0.1);
  g_assert_true (ech_smooth_is_settled (&s));
  g_assert_cmpfloat (ech_smooth_next (&s), ==, 0.1);
}

/* A knob turned at random, also while it still moves: never over the target,
 * never away from it, no jump of value or of slope. */
static void
test_retargeting (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (TEST_SEED);
  struct ech_smooth s;
  double            value = 0.5, step = 0.0;

  ech_smooth_init (&s, value, 480);
  for (int k = 0; k < 2000; k++) {
    double target = g_rand_double (rand);
    double from   = s.value;
    int    frames = g_rand_int_range (rand, 1, 700);

    ech_smooth_set (&s, target);
    for (int i = 0; i < frames; i++) {
      double next = ech_smooth_next (&s);

      g_assert_cmpfloat ((next - value) * (target - from), >=, -1e-15);
      g_assert_cmpfloat (next, >=, fmin (from, target) - 1e-12);
      g_assert_cmpfloat (next, <=, fmax (from, target) + 1e-12);
      g_assert_cmpfloat (fabs (next - value), <=, 3.0 / 480);
      if (i > 0)
        g_assert_cmpfloat (fabs (next - value - step), <=, 12.0 / 480 / 480);
      step  = next - value;
      value = next;
    }
  }
}

/* A fader that moves steadily, told anew every few frames, keeps its slope. */
static void
test_steady_motion_stays_smooth (void)
{
  struct ech_smooth s;
  double            value = 0.0, step = 0.0, jump = 0.0;

  ech_smooth_init (&s, 0.0, 480);
  for (int i = 0; i < 48000; i++) {
    double next;

    if (i % 64 == 0)
      ech_smooth_set (&s, (i + 480) / 50000.0);
    next = ech_smooth_next (&s);
    if (i > 1)
      jump = fmax (jump, fabs (next - value - step));
    step  = next - value;
    value = next;
  }
  g_test_message ("largest change of slope: %.2e a frame", jump);
  g_assert_cmpfloat (jump, <=, 12.0 / 480 / 480 * 0.02);
}

static void
test_same_target_begins_nothing (void)
{
  struct ech_smooth s;

  ech_smooth_init (&s, 1.0, 100);
  ech_smooth_set (&s, 1.0);
  g_assert_true (ech_smooth_is_settled (&s));
  ech_smooth_set (&s, 0.0);
  for (int i = 0; i < 60; i++)
    ech_smooth_next (&s);
  ech_smooth_set (&s, 0.0);
  g_assert_cmpuint (s.remaining_frames, ==, 40);
  ech_smooth_jump (&s, 0.25);
  g_assert_cmpfloat (ech_smooth_next (&s), ==, 0.25);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rt/smooth/lands-exactly", test_lands_exactly);
  g_test_add_func ("/rt/smooth/retargeting", test_retargeting);
  g_test_add_func ("/rt/smooth/steady-motion-stays-smooth", test_steady_motion_stays_smooth);
  g_test_add_func ("/rt/smooth/same-target-begins-nothing", test_same_target_begins_nothing);
  return g_test_run();
}
