/* When an action is due: tables with reasons.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <glib.h>

#include "engine/scheduler/beat-clock.h"
#include "engine/scheduler/quantizer.h"

/* clang-format off */
static const struct {
  const char *why;
  double      now_beat, grid, tolerance, due;
} grids[] = {
  { "a quarter beat",                           5.30, 0.25, 0,    5.50 },
  { "half a beat",                              5.30, 0.5,  0,    5.50 },
  { "the next beat",                            5.30, 1,    0,    6 },
  { "mid-bar waits for the bar",                5.25, 4,    0,    8 },
  { "four bars",                                5.25, 16,   0,    16 },
  { "sixteen bars",                             5.25, 64,   0,    64 },
  { "three beats of one's own",                 5.25, 3,    0,    6 },
  { "exactly on the grid fires now",            8,    4,    0,    8 },
  { "just past the grid waits",                 8.01, 4,    0,    12 },
  { "just past, within the tolerance, fires",   8.01, 4,    0.02, 8 },
  { "before the first beat",                   -0.5,  4,    0,    0 },
  { "a negative bar",                          -5.0,  4,    0,   -4 },
  { "exactly on a negative bar",               -8.0,  4,    0,   -8 },
};

static const struct {
  const char       *why;
  struct ech_timing timing;
  double            now_beat;
  int               result;
  double            due;
} others[] = {
  { "now is now",                    { ECH_TIMING_NOW,      0, 0 },                5.3, 0,      5.3 },
  { "landing in phase is now",       { ECH_TIMING_GRID,     ECH_WAY_LAND, 4 },     5.3, 0,      5.3 },
  { "a beat to come",                { ECH_TIMING_AT_BEAT,  0, 33.5 },             5.3, 0,      33.5 },
  { "a beat that has passed",        { ECH_TIMING_AT_BEAT,  0, 5.0 },              5.3, -ETIME, 0 },
  { "this very beat",                { ECH_TIMING_AT_BEAT,  0, 5.3 },              5.3, 0,      5.3 },
  { "in so many beats",              { ECH_TIMING_IN_BEATS, 0, 2.5 },              5.3, 0,      7.8 },
  { "a grid of nothing is no grid",  { ECH_TIMING_GRID,     0, 0 },                5.3, -EINVAL, 0 },
  { "the default must be resolved",  { ECH_TIMING_DEFAULT,  0, 0 },                5.3, -EINVAL, 0 },
};
/* clang-format on */

static void
test_grids (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (grids); i++) {
    struct ech_timing timing = { ECH_TIMING_GRID, ECH_WAY_WAIT, grids[i].grid };
    struct ech_due    due;

    g_test_message ("%s", grids[i].why);
    g_assert_cmpint (ech_quantize (&timing, grids[i].now_beat, grids[i].tolerance, &due), ==, 0);
    g_assert_cmpfloat (due.beats, ==, grids[i].due);
    g_assert_cmpfloat_with_epsilon (due.error_beats, grids[i].due - grids[i].now_beat, 1e-12);
  }
}

static void
test_others (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (others); i++) {
    struct ech_due due;

    g_test_message ("%s", others[i].why);
    g_assert_cmpint (ech_quantize (&others[i].timing, others[i].now_beat, 0, &due), ==,
                     others[i].result);
    if (others[i].result == 0)
      g_assert_cmpfloat_with_epsilon (due.beats, others[i].due, 1e-12);
  }
}

/* 128 BPM at 44.1 kHz: beat 4 is frame 82687.5, heard on 82688. */
static void
test_frames (void)
{
  struct ech_timeline line = { .bpm = 128, .rate = 44100 };
  struct ech_timing   bar  = { ECH_TIMING_GRID, ECH_WAY_WAIT, 4 };
  struct ech_timing   at4  = { ECH_TIMING_AT_BEAT, ECH_WAY_WAIT, 4 };
  struct ech_due      due;

  static const struct {
    const char *why;
    double      frame, due;
    int         at4;
  } cases[] = {
    { "one frame before", 82687, 4, 0 },
    { "the instant itself, between two frames", 82687.5, 4, 0 },
    { "on the boundary's own frame", 82688, 4, 0 },
    { "rounding in the sum of seconds is no delay", 82688 + 1e-9, 4, 0 },
    { "one frame after", 82689, 8, -ETIME },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("%s", cases[i].why);
    g_assert_cmpint (ech_quantize_at_frame (&bar, &line, cases[i].frame, &due), ==, 0);
    g_assert_cmpfloat (due.beats, ==, cases[i].due);
    g_assert_cmpint (ech_quantize_at_frame (&at4, &line, cases[i].frame, &due), ==, cases[i].at4);
  }
}

/* The rule itself against plain counting, on random timelines. */
static void
test_frames_against_counting (void)
{
  static const double resolutions[] = { 0.25, 0.5, 1, 3, 4, 16, 64 };
  g_autoptr (GRand) rand            = g_rand_new_with_seed (20261122);

  for (int i = 0; i < 20000; i++) {
    double              grid = resolutions[g_rand_int_range (rand, 0, G_N_ELEMENTS (resolutions))];
    struct ech_timing   timing = { ECH_TIMING_GRID, ECH_WAY_WAIT, grid };
    struct ech_timeline line   = {
        .origin_frames = g_rand_double_range (rand, 0, 1e6),
        .origin_beats  = g_rand_double_range (rand, -100, 1000),
        .bpm           = g_rand_double_range (rand, 20, 999),
        .rate          = g_rand_int_range (rand, 0, 2) ? 44100 : 48000,
    };
    double         frame = g_rand_int_range (rand, 0, 10000000);
    double         k     = floor (ech_timeline_beat_at (&line, frame) / grid) - 3;
    struct ech_due due;

    if (i % 2) /* on, or a frame beside, a boundary */
      frame = (double) ech_timeline_onset_frame (&line, (k + 5) * grid)
              + g_rand_int_range (rand, -1, 2);
    while ((double) ech_timeline_onset_frame (&line, k * grid) < frame)
      k++;
    g_assert_cmpint (ech_quantize_at_frame (&timing, &line, frame, &due), ==, 0);
    g_assert_cmpfloat (due.beats, ==, k * grid);
  }
}

/* Boundaries that fall between two frames are heard on the later one, and reached from it. */
static void
test_ties (void)
{
  static const double bpms[] = { 128, 125, 100, 87.5, 174, 133.3 };
  struct ech_timing   timing = { ECH_TIMING_GRID, ECH_WAY_WAIT, 1 };
  struct ech_due      due;

  for (unsigned i = 0; i < G_N_ELEMENTS (bpms); i++) {
    struct ech_timeline line = { .bpm = bpms[i], .rate = 44100 };

    for (int beat = 0; beat < 20000; beat++) {
      if (beat % 100 == 99) { /* as a change of tempo leaves it behind */
        line.origin_frames = ech_timeline_frame_at (&line, beat - 17.3);
        line.origin_beats  = beat - 17.3;
      }
      double frame = (double) ech_timeline_onset_frame (&line, beat);

      g_assert_cmpint (ech_quantize_at_frame (&timing, &line, frame, &due), ==, 0);
      g_assert_cmpfloat (due.beats, ==, beat);
      g_assert_cmpint (ech_quantize_at_frame (&timing, &line, frame + 1, &due), ==, 0);
      g_assert_cmpfloat (due.beats, ==, beat + 1);
    }
  }
}

static void
test_clock (void)
{
  struct ech_timeline          line = { .bpm = 120, .rate = 48000 }, none = { .rate = 0 };
  struct ech_local_clock       local;
  const struct ech_beat_clock *clock = &local.base;

  ech_local_clock_init (&local);
  ech_local_clock_update (&local, &line, 5.25 * 24000);
  g_assert_cmpfloat (clock->interface->current_beat (clock), ==, 5.25);
  g_assert_cmpfloat (clock->interface->phase (clock, 4), ==, 1.25);
  g_assert_cmpfloat (clock->interface->tempo_bpm (clock), ==, 120);
  g_assert_cmpfloat (clock->interface->time_to_next_beat (clock), ==, 0.375);
  g_assert_cmpfloat (clock->interface->time_to_next_bar (clock), ==, 1.375);
  g_assert_false (clock->interface->is_synchronized (clock));
  g_assert_cmpuint (clock->interface->num_peers (clock), ==, 0);

  /* a report from before the audio ran does not stop the clock */
  ech_local_clock_update (&local, &none, 6 * 24000);
  g_assert_cmpfloat (clock->interface->current_beat (clock), ==, 6);
  g_assert_cmpfloat (clock->interface->time_to_next_beat (clock), ==, 0.5);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/quantizer/grids", test_grids);
  g_test_add_func ("/quantizer/others", test_others);
  g_test_add_func ("/quantizer/frames", test_frames);
  g_test_add_func ("/quantizer/frames-against-counting", test_frames_against_counting);
  g_test_add_func ("/quantizer/ties", test_ties);
  g_test_add_func ("/beat-clock/local", test_clock);
  return g_test_run();
}
