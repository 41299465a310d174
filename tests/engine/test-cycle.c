/* The audio thread's cycle by itself: exact frames, at any block size.
 *
 * A synthetic track carries its own frame number in its samples, so that the
 * output tells which track frame was heard on which graph frame.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rt/cycle.h"

enum { TRACK_FRAMES = 48000 * 4, OUT_FRAMES = 48000 * 6, RATE = 48000, RAMP = 96 };

struct rig {
  struct ech_exchange *exchange;
  struct ech_cycle    *cycle;
  float               *out;   /* deck 0's left channel */
  float               *mixed; /* master, interleaved, with our own delay */
  uint64_t             at;
  uint32_t             block;
};

static float           track_samples[2 * TRACK_FRAMES];
static struct ech_pcm  track;
static int             n_released;

static void
release (struct ech_pcm *pcm)
{
  n_released++;
}

/* Frame i of the track is (i + 1) / 2^20: exact in a float, never 0. */
static float
sample_of (double frame)
{
  return (float) ((frame + 1.0) / 1048576.0);
}

static double
frame_of (float sample)
{
  return (double) sample * 1048576.0 - 1.0;
}

static void
make_track (void)
{
  for (int i = 0; i < TRACK_FRAMES; i++)
    track_samples[2 * i] = track_samples[2 * i + 1] = sample_of (i);
  track.frames  = track_samples;
  track.rate    = RATE;
  track.release = release;
  atomic_store (&track.length_frames, TRACK_FRAMES);
  atomic_store (&track.decoded_frames, TRACK_FRAMES);
}

static void
rig_init (struct rig *rig, uint32_t block)
{
  rig->exchange = aligned_alloc (64, (sizeof *rig->exchange + 63) & ~(size_t) 63);
  rig->cycle    = aligned_alloc (64, ech_cycle_size ());
  rig->out      = g_new0 (float, OUT_FRAMES);
  rig->mixed    = g_new0 (float, 2 * OUT_FRAMES);
  rig->block    = block;
  rig->at       = 0;
  ech_exchange_init (rig->exchange);
  ech_cycle_init (rig->cycle, rig->exchange, 2, RATE);
}

static void
rig_finish (struct rig *rig)
{
  ech_cycle_finish (rig->cycle);
  free (rig->exchange);
  free (rig->cycle);
  g_free (rig->out);
  g_free (rig->mixed);
}

static void
push (struct rig *rig, struct ech_command command)
{
  if (command.when == ECH_WHEN_NOW)
    command.at = NAN;
  g_assert_true (ech_ring_push (&rig->exchange->commands, &command));
}

static void
run_to (struct rig *rig, uint64_t end)
{
  static float right[ECH_MAX_BLOCK], other[2][ECH_MAX_BLOCK], master[2][ECH_MAX_BLOCK];

  while (rig->at < end) {
    uint32_t             n     = (uint32_t) MIN (rig->block, end - rig->at);
    struct ech_mix_ports ports = { .master = { master[0], master[1] } };

    ech_cycle_begin (rig->cycle, n, 0, 0);
    ech_cycle_deck (rig->cycle, 1, other[0], other[1]);
    ech_cycle_deck (rig->cycle, 0, rig->out + rig->at, right);
    ports.deck_left[0]  = rig->out + rig->at;
    ports.deck_right[0] = right;
    ports.deck_left[1]  = other[0];
    ports.deck_right[1] = other[1];
    ech_cycle_mix (rig->cycle, &ports);
    for (uint32_t i = 0; i < n; i++) {
      rig->mixed[2 * (rig->at + i)]     = master[0][i];
      rig->mixed[2 * (rig->at + i) + 1] = master[1][i];
    }
    rig->at += n;
  }
}

static void
load_track (struct rig *rig)
{
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SET_TRACK, .pcm = &track, .generation = 1, .id = 1 });
}

static void
set_grid (struct rig *rig, double first_beat, double frames_per_beat)
{
  push (rig, (struct ech_command){
               .type = ECH_COMMAND_SET_GRID,
               .grid = { .first_beat_frames = first_beat, .frames_per_beat = frames_per_beat, .beats_per_bar = 4 } });
}

static bool
next_feedback (struct rig *rig, uint64_t id, struct ech_feedback *out)
{
  while (ech_ring_pop (&rig->exchange->feedback, out))
    if (out->id == id)
      return true;
  return false;
}

static const uint32_t blocks[] = { 1, 32, 64, 256, 1000, 4096 };

/* A start on a beat: full gain on the due frame, the track's own audio ramped in before it. */
static void
test_start_on_beat (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig          rig;
    struct ech_feedback feedback;
    uint64_t            due = 24000 * 2; /* beat 2 at 120 BPM */

    rig_init (&rig, blocks[b]);
    load_track (&rig);
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .when = ECH_WHEN_BEAT, .at = 2.0, .value = 5000.0, .id = 7 });
    run_to (&rig, due + 1000);

    for (uint64_t i = 0; i <= due - RAMP; i++)
      g_assert_cmpfloat (rig.out[i], ==, 0.0f);
    for (uint64_t i = due - RAMP + 1; i < due; i++) {
      float full = sample_of (5000.0 - (double) (due - i));

      g_assert_cmpfloat (rig.out[i], >, 0.0f);
      g_assert_cmpfloat (rig.out[i], <, full);
    }
    for (uint64_t i = due; i < due + 1000; i++)
      g_assert_cmpfloat (rig.out[i], ==, sample_of (5000.0 + (double) (i - due)));
    g_assert_true (next_feedback (&rig, 7, &feedback));
    g_assert_cmpint (feedback.type, ==, ECH_FEEDBACK_EXECUTED);
    g_assert_cmpuint (feedback.frame, ==, due);
    g_assert_cmpfloat (feedback.beat, ==, 2.0);
    rig_finish (&rig);
  }
}

/* The tempo changes after the request, twice, once within the ramp: still the computed frame. */
static void
test_tempo_change_before_beat (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig rig;
    /* 120 BPM to frame 10000, 140 to 52000, then 97: beat 3 */
    double   beat1 = 10000.0 / 24000.0;
    double   beat2 = beat1 + (52000.0 - 10000.0) * 140.0 / (60.0 * RATE);
    uint64_t due   = (uint64_t) llround (52000.0 + (3.0 - beat2) * 60.0 * RATE / 97.0);

    rig_init (&rig, blocks[b]);
    load_track (&rig);
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .when = ECH_WHEN_BEAT, .at = 3.0, .value = 0.0, .id = 7 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_TEMPO, .when = ECH_WHEN_FRAME, .at = 10000, .value = 140.0, .id = 8 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_TEMPO, .when = ECH_WHEN_FRAME, .at = 52000, .value = 97.0, .id = 9 });
    run_to (&rig, due + 10);
    g_assert_cmpfloat (rig.out[due - 1], ==, 0.0f);
    g_assert_cmpfloat (rig.out[due], ==, sample_of (0));
    g_assert_cmpfloat (rig.out[due + 9], ==, sample_of (9));
    rig_finish (&rig);
  }
}

/* A jump on the beat from a playing deck, and a stop that is silent on its frame. */
static void
test_jump_and_stop_on_beat (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig rig;

    rig_init (&rig, blocks[b]);
    load_track (&rig);
    set_grid (&rig, 0, 24000);
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .when = ECH_WHEN_FRAME, .at = 0, .value = 0.0 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_JUMP, .when = ECH_WHEN_BEAT, .at = 1.0, .value = 4.0, .id = 3 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_STOP, .when = ECH_WHEN_BEAT, .at = 2.0, .id = 4 });
    run_to (&rig, 60000);
    g_assert_cmpfloat (rig.out[24000 - RAMP], ==, sample_of (24000 - RAMP));
    g_assert_cmpfloat (rig.out[24000], ==, sample_of (24000 + 4 * 24000));
    g_assert_cmpfloat (rig.out[48000 - RAMP], ==, sample_of (48000 + 4 * 24000 - RAMP));
    g_assert_cmpfloat (rig.out[48000 - 1], >, 0.0f);
    for (int i = 48000; i < 60000; i++)
      g_assert_cmpfloat (rig.out[i], ==, 0.0f);
    rig_finish (&rig);
  }
}

/* Everything at once, at odd places: the same bytes at every block size. */
static void
script (struct rig *rig)
{
  load_track (rig);
  set_grid (rig, 1234.5, 60.0 * RATE / 123.4);
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SYNC, .value = 1.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_PARAM, .param = ECH_PARAM_CROSSFADER, .value = 0.2 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .when = ECH_WHEN_BEAT, .at = 1.0, .value = NAN, .id = 1 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_PARAM, .param = ECH_PARAM_EQ_LOW, .when = ECH_WHEN_BEAT, .at = 1.5, .value = -26.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_PARAM, .param = ECH_PARAM_TRIM, .when = ECH_WHEN_BEAT, .at = 1.6, .value = 9.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_TEMPO, .when = ECH_WHEN_FRAME, .at = 30001.25, .value = 131.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_JUMP, .when = ECH_WHEN_BEAT, .at = 2.0, .value = -0.5, .id = 2 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_PARAM, .param = ECH_PARAM_FILTER, .when = ECH_WHEN_BEAT, .at = 2.1, .value = -0.6 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SPEED, .when = ECH_WHEN_BEAT, .at = 2.2, .value = 1.03 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SYNC, .when = ECH_WHEN_BEAT, .at = 2.7, .value = 0.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_TEMPO, .when = ECH_WHEN_BEAT, .at = 3.0, .value = 90.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SPEED, .when = ECH_WHEN_BEAT, .at = 3.2, .value = 0.9 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SEEK, .when = ECH_WHEN_BEAT, .at = 4.0, .value = 100000.0, .id = 3 });
  run_to (rig, 100001);
  push (rig, (struct ech_command){ .type = ECH_COMMAND_STOP, .id = 4 });
  run_to (rig, 110002);
  push (rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .value = NAN, .id = 5 });
  run_to (rig, OUT_FRAMES);
}

static void
test_block_sizes (void)
{
  struct rig first;

  rig_init (&first, 64);
  script (&first);
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig rig;

    rig_init (&rig, blocks[b]);
    script (&rig);
    g_assert_cmpmem (first.out, OUT_FRAMES * sizeof (float), rig.out, OUT_FRAMES * sizeof (float));
    g_assert_cmpmem (first.mixed, 2 * OUT_FRAMES * sizeof (float), rig.mixed, 2 * OUT_FRAMES * sizeof (float));
    rig_finish (&rig);
  }
  rig_finish (&first);
}

/* At defaults a track passes the whole mixer bit-exact, later by the limiter's look-ahead. */
static void
test_bit_exact (void)
{
  struct rig rig;
  uint32_t   delay;

  rig_init (&rig, 256);
  delay = ech_cycle_latency (rig.cycle);
  load_track (&rig);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_PARAM, .param = ECH_PARAM_CROSSFADER, .value = 0.0 });
  run_to (&rig, 2560);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .value = NAN });
  run_to (&rig, 2560 + 100000);
  for (int i = 0; i < 90000; i++)
    g_assert_cmpfloat (rig.mixed[2 * (2560 + delay + (uint32_t) i)], ==, sample_of (i));
  rig_finish (&rig);
}

/* An immediate start in the middle of a track is ramped after the fact: no step. */
static void
test_immediate_start_is_ramped (void)
{
  struct rig rig;
  float      largest = 0;

  rig_init (&rig, 64);
  load_track (&rig);
  run_to (&rig, 640);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .value = 150000.0 });
  run_to (&rig, 4096);
  for (int i = 1; i < 4096; i++)
    largest = MAX (largest, ABS (rig.out[i] - rig.out[i - 1]));
  g_assert_cmpfloat (rig.out[4000], ==, sample_of (150000 + 4000 - 640));
  g_assert_cmpfloat (largest, <, 1.5f * sample_of (150000) / RAMP);
  rig_finish (&rig);
}

/* Two tracks of other tempos in sync: beat on beat, also after changes of tempo. */
static void
test_sync_stays_in_phase (void)
{
  struct rig rig;
  double     tempo[] = { 118.0, 126.5, 121.25 };
  double     per_beat = 60.0 * RATE / 123.4;

  rig_init (&rig, 256);
  load_track (&rig);
  set_grid (&rig, 777.25, per_beat);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_SYNC, .value = 1.0 });
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .when = ECH_WHEN_BEAT, .at = 1.0, .value = NAN });
  for (int i = 0; i < 3; i++) {
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_TEMPO, .when = ECH_WHEN_FRAME, .at = 30000 + 20011 * i, .value = tempo[i] });
  }
  run_to (&rig, 130000);
  for (uint64_t frame = 25000; frame < 130000; frame += 997) {
    struct ech_timeline t       = { 0, 0, 120, RATE };
    double              heard   = frame_of (rig.out[frame]);
    double              session, beat;

    for (int i = 0; i < 3 && frame >= 30000 + 20011 * (uint64_t) i; i++) {
      double at       = 30000 + 20011 * i;
      t.origin_beats  = ech_timeline_beat_at (&t, at);
      t.origin_frames = at;
      t.bpm           = tempo[i];
    }
    session = ech_timeline_beat_at (&t, (double) frame);
    beat    = (heard - 777.25) / per_beat;
    g_assert_cmpfloat_with_epsilon (remainder (beat - session, 1.0) * per_beat, 0.0, 1.0);
  }
  rig_finish (&rig);
}

/* A jump that lands in phase with the bar: downbeat on the session's bar, whatever was asked for. */
static void
test_land_in_phase (void)
{
  struct rig rig;
  double     per_beat = 60.0 * RATE / 125.0;

  rig_init (&rig, 64);
  load_track (&rig);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_SET_GRID,
                                    .grid = { .first_beat_frames = 500.0, .frames_per_beat = per_beat, .beats_per_bar = 4, .downbeat = 3 } });
  run_to (&rig, 24000 * 5 + 128); /* a little after beat 5 */
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .value = 40000.0, .in_phase = 4 });
  run_to (&rig, 24000 * 6);
  for (uint64_t frame = 24000 * 5 + 512; frame < 24000 * 6; frame += 4000) {
    double session = (24000 * 5 + 128) / 24000.0; /* where it landed; from there it runs freely */
    double landed  = frame_of (rig.out[frame]) - (double) (frame - 24000 * 5 - 128);
    double beat    = (landed - 500.0) / per_beat - 3.0;

    g_assert_cmpfloat_with_epsilon (remainder (beat - session, 4.0) * per_beat, 0.0, 1.0);
    g_assert_cmpfloat (fabs (landed - 40000.0), <=, 2.0 * per_beat + 1.0);
  }
  rig_finish (&rig);
}

/* What cannot be in time any more is not done late, but said. */
static void
test_late (void)
{
  struct rig          rig;
  struct ech_feedback feedback;

  rig_init (&rig, 256);
  load_track (&rig);
  run_to (&rig, 48000);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .when = ECH_WHEN_BEAT, .at = 1.9, .value = 0.0, .id = 42 });
  run_to (&rig, 60000);
  g_assert_true (next_feedback (&rig, 42, &feedback));
  g_assert_cmpint (feedback.type, ==, ECH_FEEDBACK_LATE);
  for (int i = 48000; i < 60000; i++)
    g_assert_cmpfloat (rig.out[i], ==, 0.0f);
  rig_finish (&rig);
}

/* Frames that the graph lost are lost to all alike: the deck stays on its beat. */
static void
test_lost_cycles_keep_time (void)
{
  struct rig           rig;
  static float         left[256], right[256];
  struct ech_mix_ports ports = { .deck_left = { left }, .deck_right = { right } };

  rig_init (&rig, 256);
  load_track (&rig);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .value = 0.0 });
  run_to (&rig, 2560);
  ech_cycle_begin (rig.cycle, 256, 0, 1000);
  ech_cycle_deck (rig.cycle, 0, left, right);
  ech_cycle_mix (rig.cycle, &ports);
  g_assert_cmpfloat (left[0], ==, sample_of (3560));
  /* a cycle in which our nodes were not called at all */
  ech_cycle_begin (rig.cycle, 256, 0, 0);
  ech_cycle_begin (rig.cycle, 256, 0, 0);
  ech_cycle_deck (rig.cycle, 0, left, right);
  ech_cycle_mix (rig.cycle, &ports);
  g_assert_cmpfloat (left[0], ==, sample_of (3560 + 512));
  rig_finish (&rig);
}

/* A taken-back start that had begun to fade in leaves no sound behind. */
static void
test_cancel_within_ramp (void)
{
  struct rig          rig;
  struct ech_feedback feedback;

  rig_init (&rig, 16);
  load_track (&rig);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .when = ECH_WHEN_BEAT, .at = 1.0, .value = 90000.0, .id = 6 });
  run_to (&rig, 24000 - 48);
  g_assert_cmpfloat (rig.out[24000 - 49], >, 0.0f);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_CANCEL, .id = 6 });
  run_to (&rig, 30000);
  g_assert_true (next_feedback (&rig, 6, &feedback));
  g_assert_cmpint (feedback.type, ==, ECH_FEEDBACK_CANCELLED);
  for (int i = 24000 + RAMP; i < 30000; i++)
    g_assert_cmpfloat (rig.out[i], ==, 0.0f);
  rig_finish (&rig);
}

/* The reference comes back, and a command for the track that went is refused. */
static void
test_swap_and_stale (void)
{
  struct rig          rig;
  struct ech_feedback feedback;
  bool                retired = false;

  rig_init (&rig, 64);
  load_track (&rig);
  run_to (&rig, 64);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_SET_TRACK, .pcm = NULL, .generation = 2, .id = 2 });
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .value = NAN, .generation = 1, .id = 3 });
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .value = NAN, .generation = 2, .id = 4 });
  run_to (&rig, 128);
  while (ech_ring_pop (&rig.exchange->feedback, &feedback)) {
    retired |= feedback.type == ECH_FEEDBACK_RETIRED && feedback.pcm == &track;
    if (feedback.id == 3)
      g_assert_cmpint (feedback.type, ==, ECH_FEEDBACK_STALE);
    if (feedback.id == 4)
      g_assert_cmpint (feedback.type, ==, ECH_FEEDBACK_REFUSED);
  }
  g_assert_true (retired);
  n_released = 0;
  load_track (&rig);
  rig_finish (&rig);
  g_assert_cmpint (n_released, ==, 1);
}

/* The track's last frame is heard, then the deck stops and says so. */
static void
test_end_of_track (void)
{
  struct rig          rig;
  struct ech_feedback feedback;
  bool                ended = false;

  rig_init (&rig, 100);
  load_track (&rig);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .when = ECH_WHEN_FRAME, .at = 10.0, .value = TRACK_FRAMES - 5000.0 });
  run_to (&rig, 8000);
  g_assert_cmpfloat (rig.out[5009], ==, sample_of (TRACK_FRAMES - 1));
  g_assert_cmpfloat (rig.out[5010], ==, 0.0f);
  while (ech_ring_pop (&rig.exchange->feedback, &feedback))
    ended |= feedback.type == ECH_FEEDBACK_END_OF_TRACK && feedback.frame == 5010;
  g_assert_true (ended);
  rig_finish (&rig);
}

/* Loops, hot cues, bend */

static void
play_from (struct rig *rig, double position)
{
  push (rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .when = ECH_WHEN_FRAME, .at = 0, .value = position, .id = 101 });
}

/* A loop from beat 1 on, a beat long: each pass begins on its frame at full gain, the samples are the
 * track's own, and before it lies the ramp with what comes before the in point. */
static void
test_loop_wraps (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig          rig;
    struct ech_feedback feedback;

    rig_init (&rig, blocks[b]);
    load_track (&rig);
    set_grid (&rig, 0, 24000);
    play_from (&rig, 10000.0);
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_LOOP, .when = ECH_WHEN_BEAT, .at = 1.0, .value = 1.0, .id = 5 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_LOOP, .when = ECH_WHEN_BEAT, .at = 5.0, .value = 0.0, .id = 6 });
    run_to (&rig, 150000);
    for (uint64_t i = 0; i < 24000; i++)
      g_assert_cmpfloat (rig.out[i], ==, sample_of (10000.0 + (double) i));
    for (uint64_t i = 24000; i < 5 * 24000; i++) {
      uint64_t into = i % 24000;
      float    full = sample_of (34000.0 + (double) into);

      /* left on the frame of a wrap: there is no ramp, the track plays on */
      if (into <= 24000 - RAMP || i >= 4 * 24000)
        g_assert_cmpfloat (rig.out[i], ==, full);
      else {
        float before = sample_of (34000.0 + (double) into - 24000.0);
        float share  = (float) (into - (24000 - RAMP)) / RAMP;

        g_assert_cmpfloat_with_epsilon (rig.out[i], full * (1 - share) + before * share, 1e-6);
      }
    }
    for (uint64_t i = 5 * 24000; i < 150000; i++)
      g_assert_cmpfloat (rig.out[i], ==, sample_of (58000.0 + (double) (i - 5 * 24000)));
    g_assert_true (next_feedback (&rig, 5, &feedback));
    g_assert_cmpint (feedback.type, ==, ECH_FEEDBACK_EXECUTED);
    g_assert_cmpuint (feedback.frame, ==, 24000);
    g_assert_true (next_feedback (&rig, 6, &feedback));
    rig_finish (&rig);
  }
}

/* A thousand passes of a length that is no whole number of frames, at an odd speed: where the
 * deck is says arithmetic, to a millionth of a frame. */
static void
test_loop_does_not_drift (void)
{
  struct rig rig;
  double     length = 0.0625 * 20671.875, in = 5000.0, speed = 1.0371;

  rig_init (&rig, 777);
  load_track (&rig);
  set_grid (&rig, 100.25, 20671.875);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_SPEED, .value = speed });
  play_from (&rig, in);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_LOOP, .when = ECH_WHEN_FRAME, .at = 0, .value = 0.0625 });
  for (int pass = 0; pass < 6; pass++) {
    const struct ech_rt_report *report;
    double                      travelled;

    for (int i = 0; i < OUT_FRAMES / 777; i++) {
      rig.at = 0;
      run_to (&rig, 777);
    }
    report    = ech_triple_read (&rig.exchange->reports);
    travelled = (double) report->frame * speed;
    g_assert_true (report->decks[0].loop_active);
    g_assert_cmpfloat (report->decks[0].loop_in_frames, ==, in);
    g_assert_cmpfloat (report->decks[0].loop_out_frames, ==, in + length);
    g_assert_cmpfloat_with_epsilon (remainder (report->decks[0].position_frames - in - travelled, length), 0.0, 1e-6);
    if (pass == 5)
      g_assert_cmpfloat (travelled / length, >, 1000);
  }
  rig_finish (&rig);
}

/* A synced loop of whole beats keeps the phase, also when the tempo changes within and within its ramp. */
static void
test_loop_keeps_phase (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig          rig;
    double              per_beat = 60.0 * RATE / 123.4, changed = 72000.0 - 40.0;
    struct ech_timeline t        = { 0, 0, 120, RATE };

    rig_init (&rig, blocks[b]);
    load_track (&rig);
    set_grid (&rig, 777.25, per_beat);
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_SYNC, .value = 1.0 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .when = ECH_WHEN_BEAT, .at = 1.0, .value = NAN, .id = 102 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_LOOP, .when = ECH_WHEN_BEAT, .at = 2.0, .value = 1.0 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_TEMPO, .when = ECH_WHEN_FRAME, .at = changed, .value = 131.0 });
    run_to (&rig, 250000);
    for (uint64_t frame = 49000; frame < 250000; frame += 501) {
      double heard, beat, session;

      if ((double) frame > changed && t.bpm == 120) {
        t = (struct ech_timeline){ changed, ech_timeline_beat_at (&t, changed), 131, RATE };
      }
      session = ech_timeline_beat_at (&t, (double) frame);
      if (ceil (session) - session < 0.01) /* in the ramp two places sound */
        continue;
      heard = frame_of (rig.out[frame]);
      beat  = (heard - 777.25) / per_beat;
      g_assert_cmpfloat_with_epsilon (remainder (beat - session, 1.0) * per_beat, 0.0, 1.0);
      g_assert_cmpfloat (beat, <, 2.0);
    }
    rig_finish (&rig);
  }
}

/* In and out by hand on the beat, and the loop's move, on their frames. */
static void
test_loop_in_out_move (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig rig;

    rig_init (&rig, blocks[b]);
    load_track (&rig);
    set_grid (&rig, 0, 24000);
    play_from (&rig, 500.0);
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_LOOP_OUT, .when = ECH_WHEN_BEAT, .at = 0.25, .id = 9 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_LOOP_IN, .when = ECH_WHEN_BEAT, .at = 0.5 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_LOOP_OUT, .when = ECH_WHEN_BEAT, .at = 1.0, .id = 103 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_LOOP_MOVE, .when = ECH_WHEN_BEAT, .at = 2.0, .value = 3.0, .id = 104 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_SEEK, .when = ECH_WHEN_BEAT, .at = 4.25, .value = 2000.0, .id = 105 });
    run_to (&rig, 140000);
    g_assert_cmpfloat (rig.out[24000 - RAMP], ==, sample_of (24500 - RAMP));
    g_assert_cmpfloat (rig.out[24000], ==, sample_of (12500));
    g_assert_cmpfloat (rig.out[36000 - RAMP], ==, sample_of (24500 - RAMP));
    g_assert_cmpfloat (rig.out[36000], ==, sample_of (12500));
    /* moved on the frame of a wrap: from the in point */
    g_assert_cmpfloat (rig.out[48000], ==, sample_of (12500 + 72000));
    g_assert_cmpfloat (rig.out[60000], ==, sample_of (12500 + 72000));
    g_assert_cmpfloat (rig.out[61000], ==, sample_of (13500 + 72000));
    /* the seek leaves it */
    for (int i = 102000; i < 140000; i++)
      g_assert_cmpfloat (rig.out[i], ==, sample_of (2000 + i - 102000));
    rig_finish (&rig);
  }
}

/* An out point pressed without notice: the first frame after it is the in point's, and no step is heard. */
static void
test_loop_out_now (void)
{
  struct rig rig;
  float      largest = 0;

  rig_init (&rig, 64);
  load_track (&rig);
  play_from (&rig, 0.0);
  run_to (&rig, 64000);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_LOOP_IN });
  run_to (&rig, 96000);
  push (&rig, (struct ech_command){ .type = ECH_COMMAND_LOOP_OUT });
  run_to (&rig, 200000);
  g_assert_cmpfloat (rig.out[96000 + RAMP], ==, sample_of (64000 + RAMP));
  g_assert_cmpfloat (rig.out[128000], ==, sample_of (64000));
  g_assert_cmpfloat (rig.out[160000], ==, sample_of (64000));
  for (int i = 1; i < 200000; i++)
    largest = MAX (largest, ABS (rig.out[i] - rig.out[i - 1]));
  g_assert_cmpfloat (largest, <, 1.5f * sample_of (32000) / RAMP);
  rig_finish (&rig);
}

/* A loop left, set anew or sped up in the middle of its ramp, a seek in it, loops shorter than
 * the ramp, a loop on the last frame of the track: no step, and always the same bytes. */
static void
loop_script (struct rig *rig)
{
  load_track (rig);
  set_grid (rig, 0, 24000);
  play_from (rig, 30000.0);
  push (rig, (struct ech_command){ .type = ECH_COMMAND_LOOP, .when = ECH_WHEN_FRAME, .at = 5000.0, .value = 0.25 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_LOOP, .when = ECH_WHEN_FRAME, .at = 11000.0 - 30, .value = 0.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_LOOP, .when = ECH_WHEN_FRAME, .at = 20000.0, .value = 0.125 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SPEED, .when = ECH_WHEN_FRAME, .at = 23000.0 - 50, .value = 1.4 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SPEED, .when = ECH_WHEN_FRAME, .at = 24950.0, .value = 0.7 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SEEK, .when = ECH_WHEN_FRAME, .at = 40011.0, .value = 50000.0, .id = 106 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_LOOP, .when = ECH_WHEN_FRAME, .at = 41000.5, .value = 1.0 / 32 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_BEND, .when = ECH_WHEN_FRAME, .at = 45000.0, .value = 0.5 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_LOOP_MOVE, .when = ECH_WHEN_FRAME, .at = 50000.0, .value = 0.5, .id = 107 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_LOOP_IN, .when = ECH_WHEN_FRAME, .at = 55003.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_TEMPO, .when = ECH_WHEN_FRAME, .at = 56000.25, .value = 133.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_JUMP, .when = ECH_WHEN_BEAT, .at = 2.6, .value = 1.0, .id = 108 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_BEND, .when = ECH_WHEN_BEAT, .at = 2.7, .value = 0.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SPEED, .when = ECH_WHEN_BEAT, .at = 3.0, .value = 1.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_HOTCUE_SET, .when = ECH_WHEN_BEAT, .at = 3.1, .param = 2 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SEEK, .when = ECH_WHEN_BEAT, .at = 4.0, .value = TRACK_FRAMES - 6000.0, .id = 109 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_LOOP, .when = ECH_WHEN_BEAT, .at = 4.0, .value = 0.25 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SYNC, .when = ECH_WHEN_BEAT, .at = 5.0, .value = 1.0 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_STOP, .when = ECH_WHEN_BEAT, .at = 6.0, .id = 110 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_HOTCUE_JUMP, .when = ECH_WHEN_BEAT, .at = 6.5, .param = 2, .id = 111 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_LOOP, .when = ECH_WHEN_BEAT, .at = 7.0, .value = 0.5 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_TEMPO, .when = ECH_WHEN_BEAT, .at = 8.0, .value = 97.0 });
  run_to (rig, OUT_FRAMES);
}

static void
test_loop_block_sizes (void)
{
  struct rig                  first;
  const struct ech_rt_report *report;
  float                       largest = 0;

  rig_init (&first, 64);
  loop_script (&first);
  for (int i = 1; i < OUT_FRAMES; i++)
    largest = MAX (largest, ABS (first.out[i] - first.out[i - 1]));
  g_test_message ("the largest step is %g", (double) largest);
  /* the steepest ramp there is: from somewhere to almost the track's end, in half a loop of 1/32 beat */
  g_assert_cmpfloat (largest, <, 2.0f * sample_of (TRACK_FRAMES) / RAMP);
  report = ech_triple_read (&first.exchange->reports);
  g_assert_true (report->decks[0].loop_active && report->decks[0].state == ECH_DECK_PLAYING);
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig rig;

    rig_init (&rig, blocks[b]);
    loop_script (&rig);
    g_assert_cmpmem (first.out, OUT_FRAMES * sizeof (float), rig.out, OUT_FRAMES * sizeof (float));
    rig_finish (&rig);
  }
  rig_finish (&first);
}

/* Set on the beat, jumped to on the beat, from a standstill too; a new track has none. */
static void
test_hotcues (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig                  rig;
    struct ech_feedback         feedback;
    const struct ech_rt_report *report;

    rig_init (&rig, blocks[b]);
    load_track (&rig);
    play_from (&rig, 300.0);
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_HOTCUE_SET, .when = ECH_WHEN_BEAT, .at = 0.5, .param = 7 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_HOTCUE_JUMP, .when = ECH_WHEN_BEAT, .at = 1.0, .param = 7, .id = 112 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_STOP, .when = ECH_WHEN_BEAT, .at = 1.5, .id = 113 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_HOTCUE_JUMP, .when = ECH_WHEN_BEAT, .at = 2.0, .param = 7, .id = 114 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_HOTCUE_CLEAR, .when = ECH_WHEN_BEAT, .at = 2.2, .param = 7 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_HOTCUE_JUMP, .when = ECH_WHEN_BEAT, .at = 2.5, .param = 7, .id = 77 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_HOTCUE_SET, .when = ECH_WHEN_BEAT, .at = 2.6, .param = 0 });
    run_to (&rig, 70000);
    g_assert_cmpfloat (rig.out[24000 - RAMP], ==, sample_of (24300 - RAMP));
    g_assert_cmpfloat (rig.out[24000], ==, sample_of (12300));
    g_assert_cmpfloat (rig.out[36000], ==, 0.0f);
    g_assert_cmpfloat (rig.out[48000 - RAMP], ==, 0.0f);
    for (int i = 48000; i < 70000; i++)
      g_assert_cmpfloat (rig.out[i], ==, sample_of (12300 + i - 48000));
    g_assert_true (next_feedback (&rig, 77, &feedback));
    g_assert_cmpint (feedback.type, ==, ECH_FEEDBACK_REFUSED);
    report = ech_triple_read (&rig.exchange->reports);
    g_assert_cmpfloat (report->decks[0].hotcue_frames[0], ==, 12300 + 14400);
    g_assert_true (isnan (report->decks[0].hotcue_frames[7]));
    load_track (&rig);
    run_to (&rig, 71000);
    report = ech_triple_read (&rig.exchange->reports);
    g_assert_true (isnan (report->decks[0].hotcue_frames[0]));
    rig_finish (&rig);
  }
}

/* While held the deck runs faster by that factor, also in sync; released it has the session's speed
 * again and keeps the phase that the hand gave it. */
static void
test_bend (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig rig;

    rig_init (&rig, blocks[b]);
    load_track (&rig);
    set_grid (&rig, 0, 24000);
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_SYNC, .value = 1.0 });
    play_from (&rig, 0.0);
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_BEND, .when = ECH_WHEN_FRAME, .at = 10000.0, .value = 0.25 });
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_BEND, .when = ECH_WHEN_FRAME, .at = 20000.0, .value = 0.0 });
    run_to (&rig, 40000);
    g_assert_cmpfloat (rig.out[10000], ==, sample_of (10000));
    g_assert_cmpfloat_with_epsilon (frame_of (rig.out[15000]), 16250.0, 0.1);
    for (int i = 20000; i < 40000; i++)
      g_assert_cmpfloat (rig.out[i], ==, sample_of (i + 2500));
    rig_finish (&rig);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  make_track ();
  g_test_add_func ("/cycle/start-on-beat", test_start_on_beat);
  g_test_add_func ("/cycle/tempo-change-before-beat", test_tempo_change_before_beat);
  g_test_add_func ("/cycle/jump-and-stop-on-beat", test_jump_and_stop_on_beat);
  g_test_add_func ("/cycle/block-sizes", test_block_sizes);
  g_test_add_func ("/cycle/bit-exact", test_bit_exact);
  g_test_add_func ("/cycle/immediate-start-is-ramped", test_immediate_start_is_ramped);
  g_test_add_func ("/cycle/sync-stays-in-phase", test_sync_stays_in_phase);
  g_test_add_func ("/cycle/land-in-phase", test_land_in_phase);
  g_test_add_func ("/cycle/late", test_late);
  g_test_add_func ("/cycle/lost-cycles-keep-time", test_lost_cycles_keep_time);
  g_test_add_func ("/cycle/cancel-within-ramp", test_cancel_within_ramp);
  g_test_add_func ("/cycle/swap-and-stale", test_swap_and_stale);
  g_test_add_func ("/cycle/end-of-track", test_end_of_track);
  g_test_add_func ("/cycle/loop-wraps", test_loop_wraps);
  g_test_add_func ("/cycle/loop-does-not-drift", test_loop_does_not_drift);
  g_test_add_func ("/cycle/loop-keeps-phase", test_loop_keeps_phase);
  g_test_add_func ("/cycle/loop-in-out-move", test_loop_in_out_move);
  g_test_add_func ("/cycle/loop-out-now", test_loop_out_now);
  g_test_add_func ("/cycle/loop-block-sizes", test_loop_block_sizes);
  g_test_add_func ("/cycle/hotcues", test_hotcues);
  g_test_add_func ("/cycle/bend", test_bend);
  return g_test_run ();
}
