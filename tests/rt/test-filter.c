/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/filter.h"
#include "tests/rt/signals.h"

enum { RATE = 44100, SETTLE = 44100, LOOK = 44100 };

static void
process (gpointer data, float *stereo, uint32_t n)
{
  ech_filter_process (data, stereo, n);
}

static double
response (double hz, double position)
{
  g_autofree float *tone = new_tone (SETTLE + LOOK, hz, RATE, 0.5);
  struct ech_filter f;
  struct fit        fit;

  ech_filter_init (&f, RATE);
  ech_filter_set (&f, position);
  ech_filter_process (&f, tone, SETTLE + LOOK);
  fit = fit_tone (tone + 2 * SETTLE, 0, LOOK, 2.0 * M_PI * hz / RATE);
  return to_db (fit.amplitude / 0.5);
}

/* The further the knob, the more goes; nowhere does a resonance add anything. */
static void
test_travel (void)
{
  static const double tones[] = { 30, 100, 300, 1000, 3000, 10000, 16000 };

  for (guint t = 0; t < G_N_ELEMENTS (tones); t++)
    for (int side = -1; side <= 1; side += 2) {
      double last = 0.001;

      for (int k = 1; k <= 8; k++) {
        double db = response (tones[t], side * k / 8.0);

        g_assert_cmpfloat (db, <=, last + 0.001);
        last = db;
      }
    }
  g_assert_cmpfloat (response (1000, -1.0), <=, -80);
  g_assert_cmpfloat (response (1000, 1.0), <=, -70);
  g_assert_cmpfloat (response (1000, -0.05), >=, -0.1);
  g_assert_cmpfloat (response (1000, 0.05), >=, -0.1);
}

static void
test_slope (void)
{
  double hz = sqrt (ECH_FILTER_LOW_HZ * ECH_FILTER_HIGH_HZ); /* cut-off at -0.5 */

  g_assert_cmpfloat_with_epsilon (response (hz, -0.5), -6.02, 0.05);
  g_assert_cmpfloat_with_epsilon (response (4 * hz, -0.5) - response (2 * hz, -0.5), -24.0, 1.5);
}

static void
test_off_is_bit_exact (void)
{
  g_autofree float *noise = new_noise (60000, 1.0, TEST_SEED);
  g_autofree float *out   = g_memdup2 (noise, 60000 * 8);
  struct ech_filter f;

  ech_filter_init (&f, RATE);
  ech_filter_process (&f, out, 10000);
  g_assert_cmpmem (noise, 10000 * 8, out, 10000 * 8);
  ech_filter_set (&f, -0.7);
  ech_filter_process (&f, out + 2 * 10000, 10000);
  g_assert_true (noise[2 * 15000] != out[2 * 15000]);
  ech_filter_set (&f, 0.4);
  ech_filter_process (&f, out + 2 * 20000, 10000);
  ech_filter_set (&f, NAN);
  ech_filter_process (&f, out + 2 * 30000, 30000);
  g_assert_cmpmem (noise + 2 * 30441, 29559 * 8, out + 2 * 30441, 29559 * 8);
}

static double
splash (double from, double to, double hz)
{
  enum { N = 32768 };
  g_autofree float *tone  = new_tone (SETTLE + N, hz, RATE, 0.5);
  double            worst = 0.0;
  struct ech_filter f;

  ech_filter_init (&f, RATE);
  ech_filter_set (&f, from);
  ech_filter_process (&f, tone, SETTLE + N / 2);
  ech_filter_set (&f, to);
  ech_filter_process (&f, tone + 2 * (SETTLE + N / 2), N / 2);
  for (double at = 50; at < 20000; at = at * 1.02 + 5)
    if (fabs (at - hz) > 1500)
      worst = fmax (worst, spectrum_at (tone + 2 * SETTLE, 0, N, at, RATE));
  return to_db (worst);
}

static void
test_changes_do_not_click (void)
{
  static const double changes[][2] = { { 0, -1 },    { -1, 0 },      { 0, 1 },
                                       { 1, 0 },     { -1, 1 },      { 0, 0.01 },
                                       { 0, -0.01 }, { -0.6, -0.4 }, { 0.4, 0.7 } };

  for (guint k = 0; k < G_N_ELEMENTS (changes); k++) {
    double db = splash (changes[k][0], changes[k][1], 1000);

    g_test_message ("%+.2f to %+.2f: %.1f dBFS", changes[k][0], changes[k][1], db);
    g_assert_cmpfloat (db, <=, -80.0);
  }
}

static void
play_score (float *stereo, uint32_t n, uint32_t longest, GRand *rand)
{
  g_autoptr (GRand) score = g_rand_new_with_seed (TEST_SEED + 1);
  struct ech_filter f;

  ech_filter_init (&f, RATE);
  for (uint32_t done = 0; done < n;) {
    uint32_t now = (uint32_t) g_rand_int_range (score, 1, 2000);

    now = MIN (now, n - done);
    process_in_pieces (process, &f, stereo + 2 * done, now, longest, rand);
    done += now;
    ech_filter_set (&f,
                    g_rand_int_range (score, 0, 3) ? g_rand_double_range (score, -1.2, 1.2) : 0);
  }
}

static void
test_any_cut_same_bytes (void)
{
  enum { N = 200000 };
  static const uint32_t longest[] = { 1, 17, 64, 300, 5000 };
  g_autoptr (GRand) rand          = g_rand_new_with_seed (TEST_SEED);
  g_autofree float *source        = new_noise (N, 1.0, TEST_SEED);
  g_autofree float *whole         = g_memdup2 (source, N * 8);

  play_score (whole, N, 1 << 20, rand);
  for (int i = 0; i < 2 * N; i++)
    g_assert_true (fabsf (whole[i]) < 4.0f);
  for (guint k = 0; k < G_N_ELEMENTS (longest); k++) {
    g_autofree float *pieces = g_memdup2 (source, N * 8);

    play_score (pieces, N, longest[k], rand);
    g_assert_cmpmem (whole, N * 8, pieces, N * 8);
  }
}

/* At low rates the cut-off's travel ends under half the rate. */
static void
test_low_rates (void)
{
  static const double rates[] = { 8000, 22050, 32000 };

  for (guint k = 0; k < G_N_ELEMENTS (rates); k++)
    for (double position = -1.0; position <= 1.0; position += 0.125) {
      g_autofree float *noise = new_noise (20000, 0.5, TEST_SEED);
      struct ech_filter f;

      ech_filter_init (&f, rates[k]);
      ech_filter_set (&f, position);
      ech_filter_process (&f, noise, 20000);
      for (int i = 0; i < 2 * 20000; i++)
        g_assert_true (fabsf (noise[i]) < 2.0f);
    }
}

static void
test_bad_samples_are_forgotten (void)
{
  g_autofree float *noise = new_noise (20000, 0.5, TEST_SEED);
  struct ech_filter f;

  noise[2 * 5000] = NAN;
  noise[2 * 5001] = INFINITY;
  ech_filter_init (&f, RATE);
  ech_filter_set (&f, -0.5);
  ech_filter_process (&f, noise, 20000);
  for (int i = 0; i < 2 * 20000; i++)
    g_assert_true (fabsf (noise[i]) < 2.0f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rt/filter/travel", test_travel);
  g_test_add_func ("/rt/filter/slope", test_slope);
  g_test_add_func ("/rt/filter/off-is-bit-exact", test_off_is_bit_exact);
  g_test_add_func ("/rt/filter/changes-do-not-click", test_changes_do_not_click);
  g_test_add_func ("/rt/filter/any-cut-same-bytes", test_any_cut_same_bytes);
  g_test_add_func ("/rt/filter/low-rates", test_low_rates);
  g_test_add_func ("/rt/filter/bad-samples-are-forgotten", test_bad_samples_are_forgotten);
  return g_test_run();
}
