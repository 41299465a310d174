/* The judge of true peak is libebur128, not our own detector.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <ebur128.h>
#include <sndfile.h>

#include "engine/rt/limiter.h"
#include "tests/rt/signals.h"

enum { RATE = 44100 };

/* What a listener may measure over the ceiling, at most. */
#define TOLERANCE_DB 0.1

static void
process (gpointer data, float *stereo, uint32_t n)
{
  ech_limiter_process (data, stereo, n);
}

static double
true_peak_db (const float *stereo, uint32_t n, double rate)
{
  ebur128_state *state = ebur128_init (2, (unsigned long) rate, EBUR128_MODE_TRUE_PEAK);
  double         peak = 0.0, largest = 0.0;

  ebur128_add_frames_float (state, stereo, n);
  for (uint32_t c = 0; c < 2; c++) {
    ebur128_true_peak (state, c, &peak);
    largest = fmax (largest, peak);
  }
  ebur128_destroy (&state);
  return to_db (largest);
}

/* Limits in place; returns how far the true peak is over the ceiling, in dB. */
static double
overshoot (const char *what, float *stereo, uint32_t n, double rate, double ceiling_db)
{
  double             before = true_peak_db (stereo, n, rate);
  double             over;
  struct ech_limiter l;

  ech_limiter_init (&l, rate);
  ech_limiter_set_ceiling (&l, from_db (ceiling_db));
  ech_limiter_reset (&l);
  ech_limiter_process (&l, stereo, n);
  over = true_peak_db (stereo, n, rate) - ceiling_db;
  g_test_message ("%s: %+.2f dBTP limited to %.1f %+.3f dB, gain %.1f dB", what, before, ceiling_db,
                  over, to_db (ech_limiter_take_min_gain (&l)));
  for (uint32_t i = 0; i < 2 * n; i++)
    g_assert_cmpfloat (fabsf (stereo[i]), <=, from_db (ceiling_db));
  return over;
}

/* Twelve partials in phase: a high crest, moving through all phases. */
static float *
new_cluster (uint32_t n, double rate, double amplitude)
{
  float *out = new_frames (n);

  for (int k = 1; k <= 12; k++)
    for (uint32_t i = 0; i < n; i++) {
      double hz = 1531.7 * k * (1.0 + 0.001 * k * k / 144);

      out[2 * i] += (float) (amplitude / 12 * cos (2 * M_PI * hz * i / rate));
      out[2 * i + 1] += (float) (amplitude / 12 * sin (2 * M_PI * hz * i / rate));
    }
  return out;
}

/* Clipped noise and full-scale squares: bursts between silences. */
static float *
new_bursts (uint32_t n, double amplitude)
{
  float *out = new_noise (n, amplitude, TEST_SEED);

  for (uint32_t i = 0; i < n; i++) {
    if (i % 5000 > 1500)
      out[2 * i] = out[2 * i + 1] = 0.0f;
    else if (i % 10000 < 5000)
      out[2 * i] = out[2 * i + 1] = (float) ((i / 37) % 2 ? amplitude : -amplitude);
  }
  return out;
}

static void
test_hard_signals (void)
{
  static const double rates[]    = { 44100, 48000, 96000, 192000 };
  static const double ceilings[] = { 0.0, -1.0, -12.0 };
  enum { N = 100000 };

  for (guint r = 0; r < G_N_ELEMENTS (rates); r++)
    for (guint c = 0; c < G_N_ELEMENTS (ceilings); c++) {
      double rate = rates[r];

      g_autofree float *quarter = new_tone (N, rate / 4, rate, 1.99);
      g_autofree float *cluster = new_cluster (N, rate, 2.0);
      g_autofree float *bursts  = new_bursts (N, 2.0);
      g_autofree float *bass    = new_tone (N, 50, rate, 4.0);
      g_autofree float *noise   = new_noise (N, 2.0, TEST_SEED);

      for (int i = 0; i < N; i++) /* between its samples only: +3 dB */
        quarter[2 * i] = (float) (1.99 * sin (M_PI / 2 * i + M_PI / 4));
      g_test_message ("%.0f Hz", rate);
      g_assert_cmpfloat (overshoot ("fs/4", quarter, N, rate, ceilings[c]), <=, TOLERANCE_DB);
      g_assert_cmpfloat (overshoot ("12 tones", cluster, N, rate, ceilings[c]), <=, TOLERANCE_DB);
      g_assert_cmpfloat (overshoot ("bursts", bursts, N, rate, ceilings[c]), <=, TOLERANCE_DB);
      g_assert_cmpfloat (overshoot ("50 Hz", bass, N, rate, ceilings[c]), <=, TOLERANCE_DB);
      g_assert_cmpfloat (overshoot ("noise", noise, N, rate, ceilings[c]), <=, TOLERANCE_DB);
    }
}

#define SONGS "/usr/share/games/marsshooter/audio/music"

static void
limit_song (const char *path)
{
  SF_INFO           info  = { 0 };
  SNDFILE          *file  = sf_open (path, SFM_READ, &info);
  uint32_t          n     = file ? (uint32_t) MIN (info.frames, 60 * info.samplerate) : 0;
  g_autofree float *sound = new_frames (n + 1);
  g_autofree char  *name  = g_path_get_basename (path);

  g_assert_nonnull (file);
  g_assert_cmpint (info.channels, ==, 2);
  sf_seek (file, (info.frames - n) / 2, SEEK_SET);
  g_assert_cmpint (sf_readf_float (file, sound, n), ==, n);
  sf_close (file);
  for (uint32_t i = 0; i < 2 * n; i++)
    sound[i] *= 2.0f;
  g_assert_cmpfloat (overshoot (name, sound, n, info.samplerate, -1.0), <=, TOLERANCE_DB);
}

static void
test_songs (void)
{
  g_autoptr (GDir) dir = g_dir_open (SONGS, 0, NULL);
  const char *name     = NULL;
  guint       done     = 0;

  if (!dir) {
    g_test_skip ("no songs in " SONGS);
    return;
  }
  while (done < 6 && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, ".ogg")) {
      g_autofree char *path = g_build_filename (SONGS, name, NULL);

      limit_song (path);
      done++;
    }
  g_assert_cmpuint (done, >, 0);
}

static void
test_under_the_ceiling_is_bit_exact (void)
{
  static const double rates[] = { 44100, 50000, 88200, 192000, 384000 };
  enum { N = 50000 };

  for (guint r = 0; r < G_N_ELEMENTS (rates); r++) {
    g_autofree float  *noise = new_noise (N, 0.3, TEST_SEED);
    g_autofree float  *out   = g_memdup2 (noise, N * 8);
    struct ech_limiter l;
    uint32_t           late;

    noise[4] = out[4] = -0.0f;
    ech_limiter_init (&l, rates[r]);
    late = ech_limiter_latency (&l);
    g_assert_cmpuint (late, <=, ECH_LIMITER_MAX_LOOKAHEAD);
    g_assert_cmpfloat (late / rates[r], >, 0.0012);
    g_assert_cmpfloat (late / rates[r], <, 0.0027);
    if (rates[r] <= 50000)
      g_assert_cmpuint (late, ==, ECH_LIMITER_LOOKAHEAD);
    ech_limiter_process (&l, out, N);
    g_assert_cmpmem (out + 2 * late, (N - late) * 8, noise, (N - late) * 8);
    for (uint32_t i = 0; i < 2 * late; i++)
      g_assert_true (out[i] == 0.0f);
    g_assert_cmpfloat (ech_limiter_take_min_gain (&l), ==, 1.0f);
  }
}

/* Loudest where the tone is, then back to the very bits. */
static void
test_release_ends_at_unity (void)
{
  enum { N = 4 * RATE };
  g_autofree float  *noise = new_noise (N, 0.3, TEST_SEED);
  g_autofree float  *out   = NULL;
  struct ech_limiter l;
  uint32_t           late, tail = N - RATE;

  for (int i = 1000; i < 1100; i++)
    noise[2 * i] = 4.0f;
  out = g_memdup2 (noise, N * 8);
  ech_limiter_init (&l, RATE);
  late = ech_limiter_latency (&l);
  ech_limiter_process (&l, out, N);
  g_assert_cmpfloat (ech_limiter_take_min_gain (&l), <, 0.25f);
  g_assert_cmpfloat (ech_limiter_take_min_gain (&l), ==, 1.0f);
  g_assert_cmpmem (out + 2 * (tail + late), (RATE - late) * 8, noise + 2 * tail, (RATE - late) * 8);
  /* before the look-ahead has seen the peak, nothing has changed either */
  g_assert_cmpmem (out + 2 * late, (900 - late) * 8, noise, (900 - late) * 8);
}

/* The gain comes down before the peak, without a step. */
static void
test_attack_is_smooth (void)
{
  enum { N = 20000 };
  g_autofree float  *tone = new_tone (N, 100, RATE, 0.1);
  g_autofree float  *in   = NULL;
  double             step = 0.0, last = 1.0;
  struct ech_limiter l;
  uint32_t           late;

  for (int i = 10000; i < 12000; i++)
    tone[2 * i + 1] = i % 2 ? 3.0f : -3.0f;
  in = g_memdup2 (tone, N * 8);
  ech_limiter_init (&l, RATE);
  late = ech_limiter_latency (&l);
  ech_limiter_process (&l, tone, N);
  for (uint32_t i = 100; i + late < N; i++)
    if (fabsf (in[2 * i]) > 0.02f) {
      double gain = tone[2 * (i + late)] / in[2 * i];

      if (fabsf (in[2 * i - 2]) > 0.02f)
        step = fmax (step, fabs (gain - last));
      last = gain;
    }
  g_test_message ("largest step of the gain: %.4f", step);
  g_assert_cmpfloat (step, <=, 0.04);
}

static void
test_bad_samples_are_silence (void)
{
  enum { N = 30000 };
  g_autofree float  *noise = new_noise (N, 0.3, TEST_SEED);
  g_autofree float  *in    = NULL;
  struct ech_limiter l;
  uint32_t           late;

  noise[2 * 100] = NAN, noise[2 * 101 + 1] = INFINITY, noise[2 * 102] = -INFINITY;
  noise[2 * 103] = -NAN;
  in             = g_memdup2 (noise, N * 8);
  ech_limiter_init (&l, RATE);
  late = ech_limiter_latency (&l);
  ech_limiter_process (&l, noise, N);
  for (uint32_t i = 0; i < 2 * (N - late); i++)
    g_assert_true (noise[i + 2 * late] == (isfinite (in[i]) ? in[i] : 0.0f));

  for (int i = 0; i < 2 * 200; i++)
    noise[i] = i % 3 ? 3e38f : -3e38f;
  ech_limiter_process (&l, noise, N);
  for (int i = 0; i < 2 * N; i++)
    g_assert_true (fabsf (noise[i]) <= 1.0f);
  g_assert_cmpfloat (l.envelope, >, 0);
}

static void
test_ceiling_moves_smoothly (void)
{
  enum { N = 40000, CHANGE = 20000 };
  g_autofree float  *tone  = new_tone (N, 1000, RATE, 0.9);
  double             worst = 0.0;
  struct ech_limiter l;

  ech_limiter_init (&l, RATE);
  ech_limiter_process (&l, tone, CHANGE);
  ech_limiter_set_ceiling (&l, 0.3);
  ech_limiter_process (&l, tone + 2 * CHANGE, N - CHANGE);
  for (double hz = 2500; hz < 20000; hz *= 1.05)
    worst = fmax (worst, spectrum_at (tone + 2 * (CHANGE - 16384), 0, 32768, hz, RATE));
  g_test_message ("splash %.1f dBFS", to_db (worst));
  g_assert_cmpfloat (to_db (worst), <=, -80.0);
  for (int i = 0; i < 500; i++) /* a cut edge would have a peak of its own */
    tone[2 * (CHANGE + 1000 + i)] *= i / 500.0f, tone[2 * (CHANGE + 1000 + i) + 1] *= i / 500.0f;
  g_assert_cmpfloat (true_peak_db (tone + 2 * (CHANGE + 1000), N - CHANGE - 1000, RATE), <=,
                     to_db (0.3) + TOLERANCE_DB);

  ech_limiter_set_ceiling (&l, NAN);
  g_assert_cmpfloat (l.ceiling.target, ==, 0.001);
  ech_limiter_set_ceiling (&l, 17.0);
  g_assert_cmpfloat (l.ceiling.target, ==, 1.0);
}

static void
play_score (float *stereo, uint32_t n, double rate, uint32_t longest, GRand *rand)
{
  g_autoptr (GRand) score = g_rand_new_with_seed (TEST_SEED + 1);
  struct ech_limiter l;

  ech_limiter_init (&l, rate);
  for (uint32_t done = 0; done < n;) {
    uint32_t now = (uint32_t) g_rand_int_range (score, 1, 3000);

    now = MIN (now, n - done);
    process_in_pieces (process, &l, stereo + 2 * done, now, longest, rand);
    done += now;
    ech_limiter_set_ceiling (&l, g_rand_double_range (score, 0.1, 1.2));
  }
}

static void
test_any_cut_same_bytes (void)
{
  enum { N = 100000 };
  static const uint32_t longest[] = { 1, 17, 64, 300, 5000 };
  static const double   rates[]   = { 44100, 192000 };
  g_autoptr (GRand) rand          = g_rand_new_with_seed (TEST_SEED);
  g_autofree float *source        = new_bursts (N, 1.5);

  for (guint r = 0; r < G_N_ELEMENTS (rates); r++) {
    g_autofree float *whole = g_memdup2 (source, N * 8);

    play_score (whole, N, rates[r], 1 << 20, rand);
    for (guint k = 0; k < G_N_ELEMENTS (longest); k++) {
      g_autofree float *pieces = g_memdup2 (source, N * 8);

      play_score (pieces, N, rates[r], longest[k], rand);
      g_assert_cmpmem (whole, N * 8, pieces, N * 8);
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rt/limiter/hard-signals", test_hard_signals);
  g_test_add_func ("/rt/limiter/songs", test_songs);
  g_test_add_func ("/rt/limiter/under-the-ceiling-is-bit-exact",
                   test_under_the_ceiling_is_bit_exact);
  g_test_add_func ("/rt/limiter/release-ends-at-unity", test_release_ends_at_unity);
  g_test_add_func ("/rt/limiter/attack-is-smooth", test_attack_is_smooth);
  g_test_add_func ("/rt/limiter/bad-samples-are-silence", test_bad_samples_are_silence);
  g_test_add_func ("/rt/limiter/ceiling-moves-smoothly", test_ceiling_moves_smoothly);
  g_test_add_func ("/rt/limiter/any-cut-same-bytes", test_any_cut_same_bytes);
  return g_test_run();
}
