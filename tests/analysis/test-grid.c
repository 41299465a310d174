/* The line through beats: exact where they jitter, slip, and are missing.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>

#include "engine/analysis/grid.h"

enum { N = 400 };

#define PERIOD 21338.709677 /* 124 BPM at 44.1 kHz */
#define OFFSET 1234.5

/* Beats to @jitter_frames about their place. */
static void
make_beats (double *beats, double jitter_frames, guint32 seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);

  for (int i = 0; i < N; i++)
    beats[i] = OFFSET + i * PERIOD + g_rand_double_range (rand, -1.0, 1.0) * jitter_frames;
}

static void
assert_line (const double *beats, size_t n, double period_ppm, double offset_frames)
{
  struct ech_line line = { 0 };

  line.period = ech_grid_find_period (beats, n);
  g_assert_cmpfloat_with_epsilon (line.period, PERIOD, PERIOD * 300e-6);
  line.offset = beats[n / 8] - round ((beats[n / 8] - OFFSET) / PERIOD) * line.period;
  g_assert_true (ech_grid_fit_line (beats, NULL, n, &line));
  g_assert_cmpfloat_with_epsilon (line.period, PERIOD, PERIOD * period_ppm * 1e-6);
  g_assert_cmpfloat_with_epsilon (fmod (line.offset - OFFSET + 1.5 * PERIOD, PERIOD), 0.5 * PERIOD,
                                  offset_frames);
}

static void
test_exact (void)
{
  double beats[N];

  make_beats (beats, 0.0, 1);
  assert_line (beats, N, 0.01, 0.01);
}

/* A tracker that places beats to 512 frames. */
static void
test_quantised (void)
{
  double beats[N];

  make_beats (beats, 0.0, 1);
  for (int i = 0; i < N; i++)
    beats[i] = round (beats[i] / 512.0) * 512.0;
  assert_line (beats, N, 5.0, 40.0);
}

static void
test_jitter (void)
{
  double beats[N];

  for (guint32 seed = 0; seed < 20; seed++) {
    make_beats (beats, 600.0, seed);
    assert_line (beats, N, 30.0, 120.0);
  }
}

/* One beat in six is somewhere else. */
static void
test_outliers (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  double            beats[N];

  make_beats (beats, 300.0, 4);
  for (int i = 0; i < N; i += 6)
    beats[i] += g_rand_double_range (rand, -0.45, 0.45) * PERIOD;
  assert_line (beats, N, 30.0, 150.0);
}

/* The tracker lost half a beat for a while, and found it again. */
static void
test_slip (void)
{
  double beats[N];

  make_beats (beats, 300.0, 5);
  for (int i = 150; i < 230; i++)
    beats[i] += 0.5 * PERIOD;
  assert_line (beats, N, 30.0, 150.0);
}

static void
test_gap (void)
{
  double beats[N];

  make_beats (beats, 300.0, 6);
  for (int i = 100; i < N - 100; i++)
    beats[i] = OFFSET + (i + 100) * PERIOD;
  assert_line (beats, N - 100, 30.0, 150.0);
}

/* The error that the fit tells of holds the true error, nearly always. */
static void
test_errors_are_honest (void)
{
  int n_within = 0;

  for (guint32 seed = 0; seed < 100; seed++) {
    double          beats[N];
    struct ech_line line = { .offset = OFFSET, .period = PERIOD };

    make_beats (beats, 500.0, 1000 + seed);
    g_assert_true (ech_grid_fit_line (beats, NULL, N, &line));
    n_within += fabs (line.period - PERIOD) <= 2.0 * line.period_error;
    g_assert_cmpfloat_with_epsilon (line.spread, 500.0 / sqrt (3.0), 50.0);
    g_assert_cmpfloat (line.share, >, 0.99);
  }
  g_assert_cmpint (n_within, >=, 88);
  g_assert_cmpint (n_within, <, 101);
}

/* Weights: the heavy ones decide. */
static void
test_weights (void)
{
  double          beats[N], weights[N];
  struct ech_line line = { .offset = OFFSET, .period = PERIOD };

  make_beats (beats, 0.0, 1);
  for (int i = 0; i < N; i++) {
    weights[i] = i % 2 ? 1000.0 : 1.0;
    beats[i] += i % 2 ? 0.0 : 900.0;
  }
  g_assert_true (ech_grid_fit_line (beats, weights, N, &line));
  g_assert_cmpfloat_with_epsilon (line.offset, OFFSET, 5.0);
}

static void
test_too_few (void)
{
  const double    beats[] = { 0.0, 100.0, 200.0 };
  struct ech_line line    = { .offset = 0.0, .period = 100.0 };

  g_assert_cmpfloat (ech_grid_find_period (beats, 3), ==, 0.0);
  g_assert_cmpfloat (ech_grid_find_period (NULL, 0), ==, 0.0);
  g_assert_false (ech_grid_fit_line (beats, NULL, 3, &line));
  g_assert_cmpfloat (line.period, ==, 100.0);
}

static void
test_same_moment (void)
{
  const double beats[] = { 5.0, 5.0, 5.0, 5.0, 5.0 };

  g_assert_cmpfloat (ech_grid_find_period (beats, 5), ==, 0.0);
}

static void
test_round_bpm (void)
{
  static const struct { const char *why; double bpm, error, rounded; } cases[] = {
    { "whole, within the error",         124.003, 0.002, 124.0 },
    { "whole, but the error is smaller", 124.003, 0.0005, 124.003 },
    { "the error is too large to tell",  124.003, 0.1, 124.003 },
    { "half",                            127.502, 0.001, 127.5 },
    { "tenth",                           93.8004, 0.0005, 93.8 },
    { "neither",                         136.8838, 0.001, 136.8838 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("%s", cases[i].why);
    g_assert_cmpfloat_with_epsilon (ech_grid_round_bpm (cases[i].bpm, cases[i].error),
                                    cases[i].rounded, 1e-9);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/grid/exact", test_exact);
  g_test_add_func ("/grid/quantised", test_quantised);
  g_test_add_func ("/grid/jitter", test_jitter);
  g_test_add_func ("/grid/outliers", test_outliers);
  g_test_add_func ("/grid/slip", test_slip);
  g_test_add_func ("/grid/gap", test_gap);
  g_test_add_func ("/grid/errors-are-honest", test_errors_are_honest);
  g_test_add_func ("/grid/weights", test_weights);
  g_test_add_func ("/grid/too-few", test_too_few);
  g_test_add_func ("/grid/same-moment", test_same_moment);
  g_test_add_func ("/grid/round-bpm", test_round_bpm);
  return g_test_run ();
}
