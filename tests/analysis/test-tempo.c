/* The whole analysis on rhythms made here, so that tempo and first beat are known:
 * any tempo, any rate, and the ones that fool trackers.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>

#include "engine/analysis/music.h"
#include "engine/media/track.h"

static void
on_progress (void *data)
{
  guint *n = data;

  (*n)++;
}

struct sound {
  float   *frames;
  uint64_t n_frames;
  double   rate;
  GRand   *rand;
};

static void
sound_init (struct sound *sound, double seconds, double rate)
{
  sound->rate     = rate;
  sound->n_frames = (uint64_t) (seconds * rate);
  sound->frames   = g_new0 (float, 2 * sound->n_frames);
  sound->rand     = g_rand_new_with_seed (99);
}

static void
sound_finish (struct sound *sound)
{
  g_free (sound->frames);
  g_rand_free (sound->rand);
}

static void
add_kick (struct sound *sound, double at_seconds, double level)
{
  uint64_t at = (uint64_t) llround (at_seconds * sound->rate);

  for (uint64_t i = 0; i < 0.25 * sound->rate && at + i < sound->n_frames; i++) {
    double t = i / sound->rate;
    float x = (float) (level * cos (2 * M_PI * (50 * t + 4 * (1 - exp (-t * 40)))) * exp (-t * 14));

    sound->frames[2 * (at + i)] += x;
    sound->frames[2 * (at + i) + 1] += x;
  }
}

static void
add_hat (struct sound *sound, double at_seconds, double level)
{
  uint64_t at = (uint64_t) llround (at_seconds * sound->rate);
  double   before = 0.0;

  for (uint64_t i = 0; i < 0.06 * sound->rate && at + i < sound->n_frames; i++) {
    double x = g_rand_double_range (sound->rand, -1.0, 1.0);
    float  y = (float) (level * (x - before) * exp (-(i / sound->rate) * 60));

    before = x;
    sound->frames[2 * (at + i)] += y;
    sound->frames[2 * (at + i) + 1] += y;
  }
}

static void
assert_grid (const struct sound *sound, double bpm, double first_seconds)
{
  struct ech_analysis found;
  guint               n_progress = 0;
  double              period = 60.0 / bpm, phase;

  ech_music_analyse (sound->frames, sound->n_frames, sound->rate, on_progress, &n_progress, &found);
  g_assert_true (found.done);
  g_assert_true (found.has_grid);
  g_test_message ("%.3f BPM: found %.4f, first beat %.4f s, confidence %.2f", bpm, found.bpm,
                  found.grid.first_beat_frames / sound->rate, found.confidence);
  g_assert_cmpfloat_with_epsilon (found.bpm / bpm, 1.0, 0.0005);
  phase = remainder (found.grid.first_beat_frames / sound->rate - first_seconds, period);
  g_assert_cmpfloat_with_epsilon (phase, 0.0, 0.010);
  g_assert_cmpfloat (found.confidence, >, 0.5);
  g_assert_cmpuint (n_progress, >, 2);
}

/* Kick on the beat, hats between. */
static void
four_on_the_floor (double bpm, double rate, double first_seconds, double seconds)
{
  struct sound sound;
  double       period = 60.0 / bpm;

  sound_init (&sound, seconds, rate);
  for (double t = first_seconds; t < seconds; t += period) {
    add_kick (&sound, t, 0.7);
    add_hat (&sound, t + period / 2, 0.3);
  }
  assert_grid (&sound, bpm, first_seconds);
  sound_finish (&sound);
}

static void
test_tempos (void)
{
  static const double bpms[] = { 89.0, 93.8, 100.0, 110.7, 118.25, 124.0, 127.33, 133.7, 140.0,
                                 150.0, 160.4, 174.0 };

  for (gsize i = 0; i < G_N_ELEMENTS (bpms); i++)
    four_on_the_floor (bpms[i], 44100, 0.1 + 0.037 * (double) i, 45.0);
}

static void
test_rates (void)
{
  static const double rates[] = { 8000, 22050, 32000, 48000, 88200, 96000, 192000 };

  for (gsize i = 0; i < G_N_ELEMENTS (rates); i++)
    four_on_the_floor (126.5, rates[i], 0.31, 40.0);
}

/* Kick, and hats on each quarter of a beat: what is heard as 2:3 at these tempos. */
static void
test_sixteenths (void)
{
  static const double bpms[] = { 140.0, 170.0, 172.5 };

  for (gsize i = 0; i < G_N_ELEMENTS (bpms); i++) {
    double       period = 60.0 / bpms[i];
    struct sound sound;
    int          step = 0;

    sound_init (&sound, 45.0, 44100);
    for (double t = 0.2; t < 45.0; t += period / 4, step++) {
      add_hat (&sound, t, step % 4 ? 0.15 : 0.3);
      if (step % 16 == 0 || step % 16 == 10)
        add_kick (&sound, t, 0.8);
      if (step % 8 == 4)
        add_hat (&sound, t, 0.9);
    }
    assert_grid (&sound, bpms[i], 0.2);
    sound_finish (&sound);
  }
}

/* A bass on every off-beat, nearly as loud as the kick. */
static void
test_off_beat_bass (void)
{
  double       period = 60.0 / 128.0;
  struct sound sound;

  sound_init (&sound, 45.0, 44100);
  for (double t = 0.05; t < 45.0; t += period) {
    add_kick (&sound, t, 0.7);
    for (uint64_t i = 0; i < 0.2 * 44100; i++) {
      uint64_t at = (uint64_t) ((t + period / 2) * 44100) + i;
      float    x  = (float) (0.5 * sin (2 * M_PI * 55 * i / 44100.0) * fmin (1.0, i / 400.0)
                            * exp (-(double) i / 5000.0));

      if (at < sound.n_frames)
        sound.frames[2 * at] += x, sound.frames[2 * at + 1] += x;
    }
  }
  assert_grid (&sound, 128.0, 0.05);
  sound_finish (&sound);
}

/* A break without any beat in the middle third. */
static void
test_break (void)
{
  double       period = 60.0 / 122.2;
  struct sound sound;

  sound_init (&sound, 90.0, 44100);
  for (double t = 0.4; t < 90.0; t += period)
    if (t < 30.0 || t > 60.0) {
      add_kick (&sound, t, 0.7);
      add_hat (&sound, t + period / 2, 0.3);
    }
  assert_grid (&sound, 122.2, 0.4);
  sound_finish (&sound);
}

/* The grid begins where the music does, not in the silence before. */
static void
test_silent_start (void)
{
  double              period = 60.0 / 125.0;
  struct sound        sound;
  struct ech_analysis found;
  guint               n_progress = 0;

  sound_init (&sound, 50.0, 44100);
  for (double t = 6.1; t < 50.0; t += period)
    add_kick (&sound, t, 0.7);
  ech_music_analyse (sound.frames, sound.n_frames, 44100, on_progress, &n_progress, &found);
  g_assert_true (found.has_grid);
  g_assert_cmpfloat_with_epsilon (found.grid.first_beat_frames / 44100, 6.1, 0.010);
  sound_finish (&sound);
}

static void
assert_no_grid (struct sound *sound)
{
  struct ech_analysis found;
  guint               n_progress = 0;

  ech_music_analyse (sound->frames, sound->n_frames, sound->rate, on_progress, &n_progress, &found);
  g_assert_true (found.done);
  g_assert_false (found.has_grid);
  g_assert_cmpfloat (found.bpm, ==, 0.0);
}

static void
test_noise (void)
{
  for (guint32 seed = 0; seed < 3; seed++) {
    struct sound sound;

    sound_init (&sound, 60.0, 44100);
    g_rand_set_seed (sound.rand, seed);
    for (uint64_t i = 0; i < 2 * sound.n_frames; i++)
      sound.frames[i] = (float) g_rand_double_range (sound.rand, -0.5, 0.5);
    assert_no_grid (&sound);
    sound_finish (&sound);
  }
}

static void
test_silence (void)
{
  struct sound        sound;
  struct ech_analysis found;
  guint               n_progress = 0;

  sound_init (&sound, 20.0, 44100);
  assert_no_grid (&sound);
  ech_music_analyse (sound.frames, sound.n_frames, 44100, on_progress, &n_progress, &found);
  g_assert_true (isinf (found.lufs) && found.lufs < 0);
  g_assert_true (isinf (found.true_peak_dbtp));
  g_assert_cmpint (found.key, ==, ECH_KEY_UNKNOWN);
  sound_finish (&sound);
}

/* From one frame to a few seconds: no grid, no crash. */
static void
test_short (void)
{
  static const uint64_t lengths[] = { 1, 2, 127, 128, 129, 1024, 5000, 44100, 3 * 44100 };

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++) {
    struct sound sound;

    sound_init (&sound, 4.0, 44100);
    add_kick (&sound, 0.0, 0.7);
    sound.n_frames = lengths[i];
    assert_no_grid (&sound);
    sound_finish (&sound);
  }
}

/* A sine of 0 dBFS in both channels is -0.0 dBTP and, at 997 Hz, 0 LUFS by
 * the standard's calibration: -3.01 in one channel, twice that. */
static void
test_loudness (void)
{
  struct sound        sound;
  struct ech_analysis found;
  guint               n_progress = 0;

  sound_init (&sound, 20.0, 48000);
  for (uint64_t i = 0; i < sound.n_frames; i++)
    sound.frames[2 * i] = sound.frames[2 * i + 1]
      = (float) (0.1 * sin (2 * M_PI * 997.0 * i / 48000.0));
  ech_music_analyse (sound.frames, sound.n_frames, 48000, on_progress, &n_progress, &found);
  g_assert_cmpfloat_with_epsilon (found.lufs, -20.0, 0.1);
  g_assert_cmpfloat_with_epsilon (found.true_peak_dbtp, -20.0, 0.1);
  sound_finish (&sound);
}

/* Cadences, each chord two seconds of soft partials. */
static void
assert_key (const int chords[4][3], int key)
{
  struct sound        sound;
  struct ech_analysis found;
  guint               n_progress = 0;

  sound_init (&sound, 64.0, 44100);
  for (uint64_t i = 0; i < sound.n_frames; i++) {
    double     t     = i / 44100.0, x = 0.0;
    const int *chord = chords[(int) (t / 2.0) % 4];

    for (int n = 0; n < 3; n++)
      for (int k = 1; k <= 4; k++)
        x += sin (2 * M_PI * 440.0 * pow (2.0, (chord[n] - 69) / 12.0) * k * t) / (k * k);
    sound.frames[2 * i] = sound.frames[2 * i + 1] = (float) (0.1 * x);
  }
  ech_music_analyse (sound.frames, sound.n_frames, 44100, on_progress, &n_progress, &found);
  g_test_message ("expected %s, found %s", ech_key_name (key), ech_key_name (found.key));
  g_assert_cmpint (found.key, ==, key);
  sound_finish (&sound);
}

const char *
ech_key_name (int key)
{
  static char text[8];

  g_snprintf (text, sizeof text, "%d", key);
  return text;
}

static void
test_keys (void)
{
  static const int c_major[4][3] = {
    { 60, 64, 67 }, { 60, 65, 69 }, { 59, 62, 67 }, { 60, 64, 67 }
  };
  static const int a_minor[4][3] = {
    { 57, 60, 64 }, { 57, 62, 65 }, { 56, 59, 64 }, { 57, 60, 64 }
  };

  for (int up = 0; up < 12; up += 5) {
    int major[4][3], minor[4][3];

    for (int c = 0; c < 4; c++)
      for (int n = 0; n < 3; n++) {
        major[c][n] = c_major[c][n] + up;
        minor[c][n] = a_minor[c][n] + up;
      }
    assert_key (major, up % 12);
    assert_key (minor, 12 + (9 + up) % 12);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tempo/tempos", test_tempos);
  g_test_add_func ("/tempo/rates", test_rates);
  g_test_add_func ("/tempo/sixteenths", test_sixteenths);
  g_test_add_func ("/tempo/off-beat-bass", test_off_beat_bass);
  g_test_add_func ("/tempo/break", test_break);
  g_test_add_func ("/tempo/silent-start", test_silent_start);
  g_test_add_func ("/tempo/noise", test_noise);
  g_test_add_func ("/tempo/silence", test_silence);
  g_test_add_func ("/tempo/short", test_short);
  g_test_add_func ("/tempo/loudness", test_loudness);
  g_test_add_func ("/tempo/keys", test_keys);
  return g_test_run ();
}
