/* The timeline on another's clock: small errors vanish, big ones are taken over at once.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>

#include "engine/rt/follower.h"

#define RATE 48000.0

/* A session at constant tempo, seen by a device whose frames are a little long or short. */
struct world {
  double bpm;
  double beat_at_0;
  double device_rate; /* frames a second of true time */
  double noise_s;
};

static const uint32_t blocks[] = { 16, 64, 256, 1024, 8192 };

static double
true_beat (const struct world *world, double frame)
{
  return world->beat_at_0 + frame / world->device_rate * world->bpm / 60.0;
}

static double
error_us (const struct world *world, const struct ech_timeline *timeline, double frame)
{
  return (ech_timeline_beat_at (timeline, frame) - true_beat (world, frame)) * 60e6 / world->bpm;
}

/* Runs for @seconds; returns the largest error in the last half. */
static double
run (const struct world *world, uint32_t block, double seconds, GRand *rand, struct ech_timeline *timeline)
{
  struct ech_follower follower;
  double              worst = 0.0;

  ech_follower_init (&follower);
  for (double frame = 0; frame < seconds * RATE; frame += block) {
    double noise = rand ? g_rand_double_range (rand, -world->noise_s, world->noise_s) : 0.0;
    struct ech_clock_reading reading = {
      .beat = true_beat (world, frame) + noise * world->bpm / 60.0, .bpm = world->bpm
    };
    double before = ech_timeline_beat_at (timeline, frame);
    bool   jump   = ech_follower_take (&follower, &reading, frame, block, RATE, timeline);

    if (!jump)
      g_assert_cmpfloat_with_epsilon (ech_timeline_beat_at (timeline, frame), before, 1e-9);
    if (frame > seconds * RATE / 2) {
      g_assert_false (jump);
      worst = fmax (worst, fabs (error_us (world, timeline, frame + block)));
    }
  }
  return worst;
}

static void
test_joins_and_stays (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct world        world    = { .bpm = 97.0, .beat_at_0 = 131.4, .device_rate = RATE };
    struct ech_timeline timeline = { .bpm = 120.0, .rate = RATE };

    g_assert_cmpfloat (run (&world, blocks[b], 2, NULL, &timeline), <, 0.01);
    g_assert_cmpfloat (timeline.bpm, ==, 97.0);
  }
}

/* A device 300 ppm off, either way: learned, and no error remains. */
static void
test_learns_the_device (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++)
    for (int sign = -1; sign <= 1; sign += 2) {
      struct world        world    = { .bpm = 128.0, .device_rate = RATE * (1.0 + sign * 3e-4) };
      struct ech_timeline timeline = { .bpm = 128.0, .rate = RATE };

      g_assert_cmpfloat (run (&world, blocks[b], 30, NULL, &timeline), <, 0.5);
      g_assert_cmpfloat_with_epsilon (timeline.rate, world.device_rate, 0.1);
    }
}

/* Whole microseconds, and a time stamp that trembles, hardly come through. */
static void
test_calms_noise (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  for (size_t b = 0; b < 4; b++) {
    struct world        world = { .bpm = 174.0, .device_rate = RATE * 1.00005, .noise_s = 50e-6 };
    struct ech_timeline timeline = { .bpm = 174.0, .rate = RATE };

    g_assert_cmpfloat (run (&world, blocks[b], 30, rand, &timeline), <, 25.0);
  }
}

/* Half a millisecond is made up for without a step; two are taken over at once. */
static void
test_slews_or_jumps (void)
{
  struct world             world    = { .bpm = 120.0, .device_rate = RATE };
  struct ech_timeline      timeline = { .origin_beats = 0.001, .bpm = 120.0, .rate = RATE };
  struct ech_timeline      far      = { .origin_beats = -0.004, .bpm = 120.0, .rate = RATE };
  struct ech_follower      follower;
  struct ech_clock_reading reading = { .beat = 0.0, .bpm = 120.0 };

  g_assert_cmpfloat (run (&world, 256, 20, NULL, &timeline), <, 0.1);
  ech_follower_init (&follower);
  g_assert_true (ech_follower_take (&follower, &reading, 0.0, 256, RATE, &far));
  g_assert_cmpfloat (far.origin_beats, ==, 0.0);
  g_assert_cmpfloat (far.rate, ==, RATE);
}

static void
test_tempo_is_limited (void)
{
  static const struct { double told, taken; } cases[] = {
    { 5.0, ECH_MIN_BPM }, { 20.0, 20.0 }, { 999.0, 999.0 }, { 5000.0, ECH_MAX_BPM },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct ech_follower      follower = { 0 };
    struct ech_timeline      timeline = { .bpm = 120.0, .rate = RATE };
    struct ech_clock_reading reading  = { .beat = 0.0, .bpm = cases[i].told };

    ech_follower_take (&follower, &reading, 0.0, 64, RATE, &timeline);
    g_assert_cmpfloat (timeline.bpm, ==, cases[i].taken);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/follower/joins-and-stays", test_joins_and_stays);
  g_test_add_func ("/follower/learns-the-device", test_learns_the_device);
  g_test_add_func ("/follower/calms-noise", test_calms_noise);
  g_test_add_func ("/follower/slews-or-jumps", test_slews_or_jumps);
  g_test_add_func ("/follower/tempo-is-limited", test_tempo_is_limited);
  return g_test_run ();
}
