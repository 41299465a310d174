/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/resample.h"
#include "tests/rt/signals.h"

enum { RATE = 44100, TRACK = 80000, LENGTH = 20000 };

static const double tones[] = { 1000, 5000, 10000, 16000 };

static void
read_track (const float *track, double origin, double step, int64_t first, float *out, uint32_t n)
{
  ech_resample_read (ech_sinc_tables_get(), track, TRACK, origin, step, first, out, n);
}

/* A tone, read at many speeds: what is there beside the tone. */
static void
test_residual (void)
{
  static const double steps[] = { 0.5,  0.77, 0.92, 0.9972, 1.003, 1.02,  1.06,  1.08,
                                  1.16, 1.33, 1.5,  1.77,   2.0,   -0.97, -1.08, -2.0 };
  g_autofree float   *out     = new_frames (LENGTH);
  double              worst   = -999;

  for (guint t = 0; t < G_N_ELEMENTS (tones); t++) {
    g_autofree float *track      = new_tone (TRACK, tones[t], RATE, 0.5);
    double            tone_worst = -999;

    for (guint k = 0; k < G_N_ELEMENTS (steps); k++) {
      double hz = tones[t] * fabs (steps[k]);

      if (hz > 0.5 * RATE) /* folds: next test */
        continue;
      read_track (track, 40000.3, steps[k], -LENGTH / 2, out, LENGTH);
      for (uint32_t c = 0; c < 2; c++) {
        struct fit fit = fit_tone (out, c, LENGTH, 2.0 * M_PI * hz / RATE);

        if (to_db (fit.residual / 0.5) > tone_worst)
          tone_worst = to_db (fit.residual / 0.5);
      }
    }
    g_test_message ("%.0f Hz: residual %.1f dB", tones[t], tone_worst);
    worst = fmax (worst, tone_worst);
  }
  g_assert_cmpfloat (worst, <=, -85.0);
}

static const struct {
  const char *why;
  double      hz, step, most_db;
} folds[] = {
  { "16 kHz at twice the speed", 16000, 2.0, -90 },
  { "20 kHz at twice the speed", 20000, 2.0, -90 },
  { "16 kHz backwards at twice the speed", 16000, -2.0, -90 },
  { "19 kHz at one and a half", 19500, 1.5, -85 },
  { "10 kHz at four times", 10000, 4.0, -90 },
  { "16 kHz at three times", 16000, 3.0, -90 },
  { "16 kHz at eight times", 16000, 8.0, -90 },
  { "5 kHz at eight times", 5000, 8.0, -90 },
};

static void
test_fold_over (void)
{
  g_autofree float *out = new_frames (LENGTH);

  for (guint k = 0; k < G_N_ELEMENTS (folds); k++) {
    g_autofree float *track = new_tone (TRACK, folds[k].hz, RATE, 0.5);
    uint32_t          n     = (uint32_t) MIN (LENGTH, 70000 / fabs (folds[k].step));
    double            leak;

    read_track (track, 40000.3, folds[k].step, -(int64_t) n / 2, out, n);
    leak = to_db (rms (out, 0, n) / (0.5 * M_SQRT1_2));
    g_test_message ("%s: %.1f dB", folds[k].why, leak);
    g_assert_cmpfloat (leak, <=, folds[k].most_db);
  }
}

/* The pass band: what a DJ's speeds leave of it, against the speed itself. */
static void
test_pass_band (void)
{
  static const double steps[] = { 0.92, 1.0 + 1e-9, 1.02, 1.08 };
  g_autofree float   *out     = new_frames (LENGTH);

  for (guint k = 0; k < G_N_ELEMENTS (steps); k++)
    for (guint t = 0; t < G_N_ELEMENTS (tones); t++) {
      g_autofree float *track = new_tone (TRACK, tones[t], RATE, 0.5);
      struct fit        fit;

      read_track (track, 40000.3, steps[k], -LENGTH / 2, out, LENGTH);
      fit = fit_tone (out, 0, LENGTH, 2.0 * M_PI * tones[t] * steps[k] / RATE);
      g_test_message ("step %.2f, %.0f Hz: %+.4f dB", steps[k], tones[t],
                      to_db (fit.amplitude / 0.5));
      if (tones[t] <= 10000)
        g_assert_cmpfloat (fabs (to_db (fit.amplitude / 0.5)), <=, 0.01);
      else
        g_assert_cmpfloat (fabs (to_db (fit.amplitude / 0.5)), <=, 0.1);
    }
}

static void
test_bit_exact (void)
{
  g_autofree float *track = new_noise (TRACK, 1.0, TEST_SEED);
  g_autofree float *out   = new_frames (LENGTH);

  track[2 * 500] = -0.0f;
  read_track (track, 100.0, 1.0, 0, out, LENGTH);
  g_assert_cmpmem (out, LENGTH * 8, track + 200, LENGTH * 8);

  read_track (track, 30000.0, -1.0, 0, out, LENGTH);
  for (int i = 0; i < LENGTH; i++)
    g_assert_cmpmem (out + 2 * i, 8, track + 2 * (30000 - i), 8);

  /* half speed: each other frame is the track's own */
  read_track (track, 100.0, 0.5, 0, out, LENGTH);
  for (int i = 0; i < LENGTH; i += 2)
    g_assert_cmpmem (out + 2 * i, 8, track + 2 * (100 + i / 2), 8);

  read_track (track, 100.0, 0.0, 0, out, 3);
  g_assert_cmpmem (out + 4, 8, track + 200, 8);
}

static void
test_outside_is_silence (void)
{
  g_autofree float   *track     = new_noise (TRACK, 1.0, TEST_SEED);
  g_autofree float   *out       = new_frames (1000);
  static const double nowhere[] = { NAN, INFINITY, -INFINITY, 1e300, -1e300, 1e17 };

  read_track (track, -500.0, 1.0, 0, out, 1000);
  for (int i = 0; i < 500; i++)
    g_assert_true (out[2 * i] == 0.0f && out[2 * i + 1] == 0.0f);
  g_assert_cmpmem (out + 1000, 500 * 8, track, 500 * 8);

  read_track (track, TRACK - 500.0, 1.0, 0, out, 1000);
  g_assert_cmpmem (out, 500 * 8, track + 2 * (TRACK - 500), 500 * 8);
  for (int i = 500; i < 1000; i++)
    g_assert_true (out[2 * i] == 0.0f && out[2 * i + 1] == 0.0f);

  for (guint k = 0; k < G_N_ELEMENTS (nowhere); k++)
    for (double step = -9.0; step <= 9.0; step += 1.5) {
      read_track (track, nowhere[k], step, 0, out, 10);
      read_track (track, 0.0, nowhere[k], 1, out + 20, 10);
      for (int i = 0; i < 40; i++)
        g_assert_true (out[i] == 0.0f);
    }
}

/* Frames that may not be read yet are never touched: they lie behind a value
 * that would show in the output. */
static void
test_never_reads_beyond (void)
{
  enum { READABLE = 1000 };
  g_autofree float *track = new_noise (2 * READABLE, 1.0, TEST_SEED);
  g_autofree float *clear = g_memdup2 (track, 2 * READABLE * 8);
  g_autofree float *out   = new_frames (8000);
  g_autofree float *same  = new_frames (8000);

  for (int i = 2 * READABLE; i < 4 * READABLE; i++)
    track[i] = NAN, clear[i] = 0.0f;
  for (double step = 0.3; step < 12.0; step *= 1.37) {
    uint32_t n = (uint32_t) (1990.0 / step);

    ech_resample_read (ech_sinc_tables_get(), track, READABLE, 0.2, step, 0, out, n);
    ech_resample_read (ech_sinc_tables_get(), clear, 2 * READABLE, 0.2, step, 0, same, n);
    for (uint32_t i = 0; i < n; i++)
      if (0.2 + i * step + 128 < READABLE || 0.2 + i * step < READABLE)
        g_assert_cmpfloat_with_epsilon (out[2 * i], same[2 * i], 1e-6);
      else
        g_assert_true (isfinite (out[2 * i]));
  }
}

static void
test_any_cut_same_bytes (void)
{
  static const double steps[] = { 1.0, -1.0, 0.5, 0.9188, 1.0725, -1.31, 2.0, 3.3, 7.9, 20.0 };
  g_autoptr (GRand) rand      = g_rand_new_with_seed (TEST_SEED);
  g_autofree float *track     = new_noise (TRACK, 1.0, TEST_SEED);
  g_autofree float *whole     = new_frames (LENGTH);
  g_autofree float *pieces    = new_frames (LENGTH);

  for (guint k = 0; k < G_N_ELEMENTS (steps); k++) {
    read_track (track, 40000.7, steps[k], -3000, whole, LENGTH);
    for (uint32_t done = 0; done < LENGTH;) {
      uint32_t now = (uint32_t) g_rand_int_range (rand, 0, 300);

      now = MIN (now, LENGTH - done);
      read_track (track, 40000.7, steps[k], (int64_t) done - 3000, pieces + 2 * done, now);
      done += now;
    }
    g_assert_cmpmem (whole, LENGTH * 8, pieces, LENGTH * 8);
  }
}

/* Speed as a slow ramp through the banks and groups: the tone's neighbourhood
 * stays clean, so nothing clicks. */
static void
test_speed_ramp (void)
{
  static const double ranges[][2] = { { 0.94, 1.06 }, { 1.9, 2.1 }, { 1.0, 1.5 } };
  enum { N = 32768 };
  g_autofree float *track = new_tone (TRACK, 3000, RATE, 0.5);
  g_autofree float *out   = new_frames (N);

  for (guint k = 0; k < G_N_ELEMENTS (ranges); k++) {
    double position = 100.0, worst = 0.0;

    for (int i = 0; i < N; i++) {
      double step = ranges[k][0] + (ranges[k][1] - ranges[k][0]) * i / N;

      read_track (track, position, step, 0, out + 2 * i, 1);
      position += step;
      worst =
          fmax (worst, fabs (out[2 * i] - 0.5 * sin (2 * M_PI * 3000 * (position - step) / RATE)));
    }
    g_test_message ("%.2f..%.2f: error %.1f dB", ranges[k][0], ranges[k][1], to_db (worst / 0.5));
    g_assert_cmpfloat (to_db (worst / 0.5), <=, -80.0);
  }
}

static gpointer
get_tables (gpointer data)
{
  return (gpointer) ech_sinc_tables_get();
}

static void
test_tables_once (void)
{
  GThread *threads[4];

  for (int i = 0; i < 4; i++)
    threads[i] = g_thread_new ("tables", get_tables, NULL);
  for (int i = 0; i < 4; i++)
    g_assert_true (g_thread_join (threads[i]) == ech_sinc_tables_get());
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rt/resample/tables-once", test_tables_once);
  g_test_add_func ("/rt/resample/residual", test_residual);
  g_test_add_func ("/rt/resample/fold-over", test_fold_over);
  g_test_add_func ("/rt/resample/pass-band", test_pass_band);
  g_test_add_func ("/rt/resample/bit-exact", test_bit_exact);
  g_test_add_func ("/rt/resample/outside-is-silence", test_outside_is_silence);
  g_test_add_func ("/rt/resample/never-reads-beyond", test_never_reads_beyond);
  g_test_add_func ("/rt/resample/any-cut-same-bytes", test_any_cut_same_bytes);
  g_test_add_func ("/rt/resample/speed-ramp", test_speed_ramp);
  return g_test_run();
}
