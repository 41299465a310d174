/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/eq.h"
#include "tests/rt/signals.h"

enum { RATE = 44100, SETTLE = 44100, LOOK = 44100 };

static void
process (gpointer data, float *stereo, uint32_t n)
{
  ech_eq_process (data, stereo, n);
}

static void
set_gains (struct ech_eq *eq, double low, double mid, double high)
{
  ech_eq_set_gain (eq, ECH_BAND_LOW, low);
  ech_eq_set_gain (eq, ECH_BAND_MID, mid);
  ech_eq_set_gain (eq, ECH_BAND_HIGH, high);
}

/* What a settled EQ makes of a tone, in dB. */
static double
response (double hz, double rate, double low, double mid, double high)
{
  g_autofree float *tone = new_tone (SETTLE + LOOK, hz, rate, 0.5);
  struct ech_eq     eq;
  struct fit        fit;

  ech_eq_init (&eq, rate);
  set_gains (&eq, low, mid, high);
  ech_eq_process (&eq, tone, SETTLE + LOOK);
  fit = fit_tone (tone + 2 * SETTLE, 0, LOOK, 2.0 * M_PI * hz / rate);
  return to_db (fit.amplitude / 0.5);
}

/* One gain a hair from 1 keeps the filters in the path. */
static void
test_flat (void)
{
  static const double rates[] = { 44100, 48000, 96000 };
  double              worst   = 0.0;

  for (guint r = 0; r < G_N_ELEMENTS (rates); r++)
    for (double hz = 20; hz <= 20000; hz *= 1.31)
      worst = fmax (worst, fabs (response (hz, rates[r], 1.0 + 1e-9, 1.0, 1.0)));
  g_test_message ("worst %.6f dB", worst);
  g_assert_cmpfloat (worst, <=, 0.01);
}

static const struct {
  double hz, low, mid, high, at_most_db;
} kills[] = {
  { 60, 0, 1, 1, -60 },   { 100, 0, 1, 1, -60 }, { 800, 1, 0, 1, -60 },   { 10000, 1, 1, 0, -60 },
  { 6000, 1, 1, 0, -55 }, { 60, 0, 0, 1, -60 },  { 10000, 1, 0, 0, -60 }, { 10000, 0, 1, 0, -60 },
};

static void
test_kill (void)
{
  for (guint k = 0; k < G_N_ELEMENTS (kills); k++) {
    double db = response (kills[k].hz, RATE, kills[k].low, kills[k].mid, kills[k].high);

    g_test_message ("%.0f Hz with %g %g %g: %.1f dB", kills[k].hz, kills[k].low, kills[k].mid,
                    kills[k].high, db);
    g_assert_cmpfloat (db, <=, kills[k].at_most_db);
  }
}

/* A band's gain is the gain at its centre, and the others' centres stay. */
static void
test_bands_are_apart (void)
{
  static const double centre[ECH_N_BANDS] = { 60, 790, 10000 };

  for (int band = 0; band < ECH_N_BANDS; band++)
    for (double db = -24; db <= 12; db += 12) {
      double gain[ECH_N_BANDS] = { 1.0, 1.0, 1.0 };

      gain[band] = db == 0 ? 1.0 + 1e-9 : from_db (db);
      for (int at = 0; at < ECH_N_BANDS; at++)
        g_assert_cmpfloat_with_epsilon (response (centre[at], RATE, gain[0], gain[1], gain[2]),
                                        at == band ? db : 0.0, 0.05);
    }
}

static void
test_all_killed_is_silence (void)
{
  g_autofree float *noise = new_noise (20000, 1.0, TEST_SEED);
  struct ech_eq     eq;

  ech_eq_init (&eq, RATE);
  set_gains (&eq, 0, 0, 0);
  ech_eq_process (&eq, noise, 20000);
  for (int i = 2 * 1000; i < 2 * 20000; i++)
    g_assert_true (noise[i] == 0.0f);
}

static void
test_bypass_is_bit_exact (void)
{
  g_autofree float *noise = new_noise (100000, 1.0, TEST_SEED);
  g_autofree float *out   = g_memdup2 (noise, 100000 * 8);
  struct ech_eq     eq;

  noise[0] = out[0] = -0.0f;
  noise[7] = out[7] = 1e-42f;
  ech_eq_init (&eq, RATE);
  ech_eq_process (&eq, out, 20000);
  g_assert_true (ech_eq_is_bypassed (&eq));
  g_assert_cmpmem (noise, 20000 * 8, out, 20000 * 8);

  set_gains (&eq, 0, 1, 2);
  g_assert_false (ech_eq_is_bypassed (&eq));
  ech_eq_process (&eq, out + 2 * 20000, 20000);
  for (int i = 21000; i < 40000; i++)
    g_assert_true (noise[2 * i] != out[2 * i]);

  set_gains (&eq, 1, 1, 1);
  ech_eq_process (&eq, out + 2 * 40000, 60000);
  g_assert_true (ech_eq_is_bypassed (&eq));
  g_assert_cmpmem (noise + 2 * 40900, 59100 * 8, out + 2 * 40900, 59100 * 8);
}

/* A change on a tone: what of it is heard where there is no tone. */
static double
splash (double from, double to, enum ech_band band, double hz)
{
  enum { N = 32768 };
  g_autofree float *tone  = new_tone (SETTLE + N, hz, RATE, 0.5);
  double            worst = 0.0;
  struct ech_eq     eq;

  ech_eq_init (&eq, RATE);
  ech_eq_set_gain (&eq, band, from);
  ech_eq_process (&eq, tone, SETTLE + N / 2);
  ech_eq_set_gain (&eq, band, to);
  ech_eq_process (&eq, tone + 2 * (SETTLE + N / 2), N / 2);
  for (double at = 50; at < 20000; at = at * 1.02 + 5)
    if (fabs (at - hz) > 1000)
      worst = fmax (worst, spectrum_at (tone + 2 * SETTLE, 0, N, at, RATE));
  return to_db (worst);
}

static const struct {
  const char   *why;
  double        from, to;
  enum ech_band band;
  double        hz;
} changes[] = {
  { "kill of the tone's own band", 1.0, 0.0, ECH_BAND_MID, 1000 },
  { "its return", 0.0, 1.0, ECH_BAND_MID, 1000 },
  { "boost", 0.5, 4.0, ECH_BAND_MID, 1000 },
  { "into the filters only", 1.0, 0.0, ECH_BAND_LOW, 1000 },
  { "out of the filters only", 0.0, 1.0, ECH_BAND_LOW, 1000 },
  { "kill of a bass", 1.0, 0.0, ECH_BAND_LOW, 100 },
  { "kill of a high tone", 1.0, 0.0, ECH_BAND_HIGH, 5000 },
};

static void
test_changes_do_not_click (void)
{
  for (guint k = 0; k < G_N_ELEMENTS (changes); k++) {
    double db = splash (changes[k].from, changes[k].to, changes[k].band, changes[k].hz);

    g_test_message ("%s: %.1f dBFS", changes[k].why, db);
    g_assert_cmpfloat (db, <=, -80.0);
  }
}

/* The same knob movements at the same frames, the rest cut otherwise. */
static void
play_score (float *stereo, uint32_t n, uint32_t longest, GRand *rand)
{
  g_autoptr (GRand) score = g_rand_new_with_seed (TEST_SEED + 1);
  struct ech_eq eq;

  ech_eq_init (&eq, RATE);
  for (uint32_t done = 0; done < n;) {
    uint32_t now = (uint32_t) g_rand_int_range (score, 1, 3000);

    now = MIN (now, n - done);
    process_in_pieces (process, &eq, stereo + 2 * done, now, longest, rand);
    done += now;
    if (g_rand_int_range (score, 0, 3) == 0)
      set_gains (&eq, 1, 1, 1);
    else
      ech_eq_set_gain (&eq, g_rand_int_range (score, 0, ECH_N_BANDS),
                       g_rand_double_range (score, -0.5, 4.0));
  }
}

static void
test_any_cut_same_bytes (void)
{
  enum { N = 300000 };
  static const uint32_t longest[] = { 1, 17, 64, 300, 5000 };
  g_autoptr (GRand) rand          = g_rand_new_with_seed (TEST_SEED);
  g_autofree float *source        = new_noise (N, 1.0, TEST_SEED);
  g_autofree float *whole         = g_memdup2 (source, N * 8);

  play_score (whole, N, 1 << 20, rand);
  for (guint k = 0; k < G_N_ELEMENTS (longest); k++) {
    g_autofree float *pieces = g_memdup2 (source, N * 8);

    play_score (pieces, N, longest[k], rand);
    g_assert_cmpmem (whole, N * 8, pieces, N * 8);
  }
}

static void
test_bad_samples_pass_and_are_forgotten (void)
{
  g_autofree float *noise = new_noise (30000, 0.5, TEST_SEED);
  struct ech_eq     eq;

  noise[2 * 100]     = NAN;
  noise[2 * 101 + 1] = INFINITY;
  noise[2 * 15000]   = -INFINITY;
  ech_eq_init (&eq, RATE);
  ech_eq_process (&eq, noise, 10000);
  g_assert_true (isnan (noise[2 * 100]));
  set_gains (&eq, 0.5, 0.5, NAN);
  ech_eq_process (&eq, noise + 2 * 10000, 20000);
  for (int i = 2 * 10000; i < 2 * 30000; i++)
    g_assert_true (fabsf (noise[i]) < 2.0f);
}

/* After the music the filters come to rest at zero, not at denormals. */
static void
test_silence_comes_to_rest (void)
{
  g_autofree float *sound = new_noise (400000, 1.0, TEST_SEED);
  struct ech_eq     eq;

  memset (sound + 2 * 10000, 0, 390000 * 8);
  ech_eq_init (&eq, RATE);
  set_gains (&eq, 0.5, 2.0, 0.5);
  for (int i = 0; i < 4000; i++) /* blocks that do not divide the filters' own */
    ech_eq_process (&eq, sound + 200 * i, 100);
  for (int i = 0; i < 4; i++)
    for (int c = 0; c < 2; c++)
      g_assert_true (eq.low_pass[i].s1[c] == 0.0 && eq.mid_pass[i].s1[c] == 0.0);
  g_assert_true (sound[2 * 399999] == 0.0f);
}

static void
test_reset (void)
{
  g_autofree float *noise  = new_noise (20000, 1.0, TEST_SEED);
  g_autofree float *again  = g_memdup2 (noise, 20000 * 8);
  g_autofree float *silent = new_frames (100);
  struct ech_eq     eq;

  ech_eq_init (&eq, RATE);
  set_gains (&eq, 0.0, 2.0, 0.5);
  ech_eq_reset (&eq);
  ech_eq_process (&eq, noise, 20000);
  ech_eq_reset (&eq);
  ech_eq_process (&eq, silent, 100);
  for (int i = 0; i < 200; i++)
    g_assert_true (silent[i] == 0.0f);
  ech_eq_reset (&eq);
  ech_eq_process (&eq, again, 20000);
  g_assert_cmpmem (noise, 20000 * 8, again, 20000 * 8);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rt/eq/flat", test_flat);
  g_test_add_func ("/rt/eq/kill", test_kill);
  g_test_add_func ("/rt/eq/bands-are-apart", test_bands_are_apart);
  g_test_add_func ("/rt/eq/all-killed-is-silence", test_all_killed_is_silence);
  g_test_add_func ("/rt/eq/bypass-is-bit-exact", test_bypass_is_bit_exact);
  g_test_add_func ("/rt/eq/changes-do-not-click", test_changes_do_not_click);
  g_test_add_func ("/rt/eq/any-cut-same-bytes", test_any_cut_same_bytes);
  g_test_add_func ("/rt/eq/bad-samples-pass-and-are-forgotten",
                   test_bad_samples_pass_and_are_forgotten);
  g_test_add_func ("/rt/eq/silence-comes-to-rest", test_silence_comes_to_rest);
  g_test_add_func ("/rt/eq/reset", test_reset);
  return g_test_run();
}
