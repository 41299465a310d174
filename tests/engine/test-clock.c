/* The cycle on somebody else's clock: exact frames, decks that follow smoothly, and a source that
 * may be taken away while the audio thread runs.
 *
 * The track is a line: sample i is i, so that the output tells the position heard.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rt/cycle.h"

enum { RATE = 48000, TRACK_FRAMES = RATE * 40, FRAMES_PER_BEAT = RATE / 2 };

#define DELAY_NS 5000000ull /* a speaker 5 ms away */

static float          samples[2 * TRACK_FRAMES];
static struct ech_pcm track;

/* A session far away, on the host's clock. */
struct session {
  double   bpm;
  double   beat;    /* at time 0 */
  bool     silent;
  unsigned n_tempos;
  uint64_t tempo_ns;
};

struct rig {
  struct ech_exchange  *exchange;
  struct ech_cycle     *cycle;
  struct ech_clock_port port;
  struct session        session;
  double                device_rate;
  double                device_frames; /* of true time since 0 */
  uint64_t              at;
  uint32_t              block;
  float                *out;
};

static double
session_beat (const struct session *session, uint64_t ns)
{
  return session->beat + (double) ns * 1e-9 * session->bpm / 60.0;
}

static bool
read_session (void *self, const struct ech_clock_query *query, struct ech_clock_reading *out)
{
  struct session *session = self;

  out->beat = session_beat (session, query->heard_ns);
  out->bpm  = session->bpm;
  return !session->silent;
}

static void
set_session_tempo (void *self, double bpm, uint64_t heard_ns)
{
  struct session *session = self;
  double          beat    = session_beat (session, heard_ns);

  session->n_tempos++;
  session->tempo_ns = heard_ns;
  session->bpm      = bpm;
  session->beat     = beat - (double) heard_ns * 1e-9 * bpm / 60.0;
}

static const struct ech_clock_source source = { sizeof source, read_session, set_session_tempo };

static void
release (struct ech_pcm *pcm)
{
}

static void
push (struct rig *rig, struct ech_command command)
{
  if (command.when == ECH_WHEN_NOW)
    command.at = NAN;
  g_assert_true (ech_ring_push (&rig->exchange->commands, &command));
}

static void
rig_init (struct rig *rig, uint32_t block)
{
  *rig = (struct rig){ .block = block, .device_rate = RATE };
  for (int i = 0; i < TRACK_FRAMES; i++)
    samples[2 * i] = samples[2 * i + 1] = (float) i;
  track.frames  = samples;
  track.rate    = RATE;
  track.release = release;
  atomic_store (&track.length_frames, TRACK_FRAMES);
  atomic_store (&track.decoded_frames, TRACK_FRAMES);
  rig->exchange = aligned_alloc (64, (sizeof *rig->exchange + 63) & ~(size_t) 63);
  rig->cycle    = aligned_alloc (64, ech_cycle_size ());
  rig->out      = g_new0 (float, RATE * 30);
  ech_exchange_init (rig->exchange);
  ech_cycle_init (rig->cycle, rig->exchange, 1, RATE);
  ech_cycle_set_delay (rig->cycle, DELAY_NS);
  rig->port.source = &source;
  rig->port.self   = &rig->session;
}

static void
rig_finish (struct rig *rig)
{
  ech_cycle_finish (rig->cycle);
  free (rig->exchange);
  free (rig->cycle);
  g_free (rig->out);
}

static void
follow (struct rig *rig)
{
  push (rig, (struct ech_command){ .type = ECH_COMMAND_CLOCK, .clock = &rig->port });
}

static uint64_t
time_at (const struct rig *rig, double frame)
{
  return (uint64_t) llround (frame * 1e9 / rig->device_rate);
}

static void
run_to (struct rig *rig, uint64_t end)
{
  static float right[ECH_MAX_BLOCK];

  while (rig->at < end) {
    uint32_t             n     = (uint32_t) MIN (rig->block, end - rig->at);
    struct ech_mix_ports ports = { 0 };

    ech_cycle_begin (rig->cycle, n, time_at (rig, (double) rig->at), 0);
    ech_cycle_deck (rig->cycle, 0, rig->out + rig->at, right);
    ech_cycle_mix (rig->cycle, &ports);
    rig->at += n;
  }
}

/* The session's beat at the speaker when @frame is there. */
static double
beat_heard (const struct rig *rig, double frame)
{
  return session_beat (&rig->session,
                       time_at (rig, frame + ech_cycle_latency (rig->cycle)) + DELAY_NS);
}

static bool
next_feedback (struct rig *rig, uint32_t type, struct ech_feedback *out)
{
  while (ech_ring_pop (&rig->exchange->feedback, out))
    if (out->type == type)
      return true;
  return false;
}

static const uint32_t blocks[] = { 64, 256, 1000, 4096 };

/* A start on a beat of the session is heard on the frame that is at the speaker at that beat. */
static void
test_start_on_their_beat (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++)
    for (int ppm = -200; ppm <= 200; ppm += 200) {
      struct rig          rig;
      struct ech_feedback feedback;

      rig_init (&rig, blocks[b]);
      rig.session     = (struct session){ .bpm = 97.5, .beat = 40.3 };
      rig.device_rate = RATE * (1.0 + ppm * 1e-6);
      follow (&rig);
      push (&rig, (struct ech_command){ .type = ECH_COMMAND_SET_TRACK, .pcm = &track, .generation = 1 });
      push (&rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .when = ECH_WHEN_BEAT, .at = 52.0, .value = 1000, .id = 3 });
      run_to (&rig, 10 * RATE);
      g_assert_true (next_feedback (&rig, ECH_FEEDBACK_EXECUTED, &feedback));
      g_assert_cmpuint (feedback.id, ==, 3);
      /* within a frame of 20.8 us: rounding to frames is half of one */
      g_assert_cmpfloat_with_epsilon (beat_heard (&rig, (double) feedback.frame), 52.0,
                                      12e-6 * 97.5 / 60.0);
      g_assert_cmpfloat (rig.out[feedback.frame], ==, 1000.0f);
      g_assert_cmpfloat (rig.out[feedback.frame + 100], ==, 1100.0f);
      rig_finish (&rig);
    }
}

/* Phase of what is heard on @frame against the session's beat, in beats, -0.5 .. 0.5. */
static double
phase_error (const struct rig *rig, uint64_t frame, double octave)
{
  double difference = (double) rig->out[frame] / FRAMES_PER_BEAT
                      - beat_heard (rig, (double) frame) * octave;

  return difference - rint (difference);
}

static void
play_synced (struct rig *rig)
{
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SET_TRACK, .pcm = &track, .generation = 1 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SET_GRID,
                                   .grid = { .frames_per_beat = FRAMES_PER_BEAT, .beats_per_bar = 4 } });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_SYNC, .value = 1 });
  push (rig, (struct ech_command){ .type = ECH_COMMAND_PLAY, .value = RATE });
}

/* No step of the position larger than the tempo and 4 % of catching up make. */
static void
assert_smooth (const struct rig *rig, uint64_t from, uint64_t to, double slowest, double fastest)
{
  for (uint64_t i = from + 1; i < to; i++) {
    double step = (double) rig->out[i] - (double) rig->out[i - 1];

    /* floats of a million have a grain of 1/8 */
    g_assert_cmpfloat (step, >, slowest - 0.26);
    g_assert_cmpfloat (step, <, fastest + 0.26);
  }
}

/* Joining: a deck that plays keeps sounding, takes the tempo at once and glides into phase. */
static void
test_deck_glides_into_phase (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig rig;

    rig_init (&rig, blocks[b]);
    rig.session = (struct session){ .bpm = 126.0, .beat = 7.63 };
    play_synced (&rig);
    run_to (&rig, 2 * RATE);
    follow (&rig);
    run_to (&rig, 12 * RATE);
    assert_smooth (&rig, RATE, 12 * RATE, 0.96, 1.05 * 1.04);
    g_assert_cmpfloat (fabs (phase_error (&rig, 2 * RATE + 2 * blocks[b], 1)), >, 0.05);
    for (uint64_t i = 9 * RATE; i < 12 * RATE; i += 997)
      g_assert_cmpfloat (fabs (phase_error (&rig, i, 1)), <, 2e-5);
    rig_finish (&rig);
  }
}

/* A tempo that no deck plays at is followed at a multiple or a fraction, in phase. */
static void
test_far_tempos (void)
{
  static const struct { double bpm, octave; } cases[] = {
    { 20.0, 8.0 }, { 62.0, 2.0 }, { 130.0, 1.0 }, { 250.0, 0.5 }, { 999.0, 0.125 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct rig rig;

    rig_init (&rig, 256);
    rig.session = (struct session){ .bpm = 120.0, .beat = 0.0 };
    follow (&rig);
    play_synced (&rig);
    run_to (&rig, 2 * RATE);
    set_session_tempo (&rig.session, cases[i].bpm, time_at (&rig, (double) rig.at));
    run_to (&rig, 20 * RATE);
    for (uint64_t at = 18 * RATE; at < 20 * RATE; at += 997)
      g_assert_cmpfloat (fabs (phase_error (&rig, at, cases[i].octave)), <, 5e-5);
    rig_finish (&rig);
  }
}

/* Many changes in a row, as of somebody who holds a key down, add up no error. */
static void
test_many_changes (void)
{
  struct rig rig;

  rig_init (&rig, 256);
  rig.session = (struct session){ .bpm = 120.0, .beat = 0.3 };
  play_synced (&rig);
  follow (&rig);
  for (int i = 0; i < 200; i++) {
    run_to (&rig, RATE + (uint64_t) i * 1500);
    set_session_tempo (&rig.session, 120.0 + 20.0 * (i % 3), time_at (&rig, (double) rig.at) - 7000000);
  }
  run_to (&rig, 20 * RATE);
  for (uint64_t at = 18 * RATE; at < 20 * RATE; at += 997)
    g_assert_cmpfloat (fabs (phase_error (&rig, at, 1)), <, 2e-5);
  rig_finish (&rig);
}

/* Our own change of tempo is the session's, from the very instant it is heard on. */
static void
test_our_tempo_is_theirs (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++) {
    struct rig          rig;
    struct ech_feedback feedback;

    rig_init (&rig, blocks[b]);
    rig.session = (struct session){ .bpm = 120.0, .beat = 0.0 };
    follow (&rig);
    play_synced (&rig);
    push (&rig, (struct ech_command){ .type = ECH_COMMAND_TEMPO, .when = ECH_WHEN_BEAT, .at = 5.3, .value = 133.0, .id = 9 });
    run_to (&rig, 10 * RATE);
    g_assert_true (next_feedback (&rig, ECH_FEEDBACK_EXECUTED, &feedback));
    g_assert_cmpuint (rig.session.n_tempos, ==, 1);
    g_assert_cmpfloat (rig.session.bpm, ==, 133.0);
    g_assert_cmpfloat_with_epsilon (session_beat (&rig.session, rig.session.tempo_ns), 5.3, 1e-4);
    g_assert_cmpfloat (ech_cycle_timeline (rig.cycle).bpm, ==, 133.0);
    assert_smooth (&rig, RATE / 2, 10 * RATE, 0.99, 1.12);
    for (uint64_t at = 5 * RATE; at < 10 * RATE; at += 997)
      g_assert_cmpfloat (fabs (phase_error (&rig, at, 1)), <, 2e-5);
    rig_finish (&rig);
  }
}

/* Leaving changes nothing that is heard: tempo and beat go on (TEMPO-5, BEATTIME-1). */
static void
test_leaving_changes_nothing (void)
{
  for (int way = 0; way < 3; way++) {
    struct rig          rig;
    struct ech_feedback feedback;
    double              beat, bpm;

    rig_init (&rig, 256);
    rig.session = (struct session){ .bpm = 126.0, .beat = 7.63 };
    follow (&rig);
    play_synced (&rig);
    run_to (&rig, 8 * RATE);
    beat = beat_heard (&rig, 10.0 * RATE);
    bpm  = rig.session.bpm;
    if (way == 0)
      rig.session.silent = true;
    else if (way == 1)
      ech_clock_port_revoke (&rig.port);
    else
      push (&rig, (struct ech_command){ .type = ECH_COMMAND_CLOCK });
    if (way > 0) /* it may be freed now: whoever calls it gets this */
      rig.session = (struct session){ .bpm = 20.0, .beat = 1e6 };
    run_to (&rig, 10 * RATE);
    g_assert_cmpfloat (ech_cycle_timeline (rig.cycle).bpm, ==, bpm);
    g_assert_cmpfloat (ech_cycle_timeline (rig.cycle).rate, ==, RATE);
    {
      struct ech_timeline timeline = ech_cycle_timeline (rig.cycle);

      g_assert_cmpfloat_with_epsilon (ech_timeline_beat_at (&timeline, 10.0 * RATE), beat, 1e-5);
    }
    g_assert_true (next_feedback (&rig, ECH_FEEDBACK_CLOCK_RETIRED, &feedback) == (way == 2));
    if (way == 2)
      g_assert_true (feedback.clock == &rig.port);
    assert_smooth (&rig, 8 * RATE - 1000, 10 * RATE, 1.05, 1.05);
    rig_finish (&rig);
  }
}

/* What waits for a beat that a joined session moved: later, or reported late; never at the wrong
 * place, and the deck is not left in a ramp to nowhere. */
static void
test_jump_moves_what_waits (void)
{
  for (size_t b = 0; b < G_N_ELEMENTS (blocks); b++)
    for (int forward = 0; forward < 2; forward++) {
      struct rig          rig;
      struct ech_feedback feedback;
      double              shift = forward ? 1.7 : -0.9;

      rig_init (&rig, blocks[b]);
      play_synced (&rig);
      push (&rig, (struct ech_command){ .type = ECH_COMMAND_STOP, .when = ECH_WHEN_BEAT, .at = 8.0, .id = 5 });
      /* in the middle of the ramp before beat 8 */
      run_to (&rig, 8 * FRAMES_PER_BEAT - 48);
      rig.session = (struct session){ .bpm = 120.0, .beat = shift };
      follow (&rig);
      run_to (&rig, 12 * RATE);
      if (forward) {
        g_assert_true (next_feedback (&rig, ECH_FEEDBACK_LATE, &feedback));
        g_assert_cmpfloat (rig.out[8 * FRAMES_PER_BEAT + 2000], >, 1.0f);
        g_assert_cmpfloat (rig.out[11 * RATE], >, 1.0f);
      } else {
        g_assert_true (next_feedback (&rig, ECH_FEEDBACK_EXECUTED, &feedback));
        g_assert_cmpfloat_with_epsilon (beat_heard (&rig, (double) feedback.frame), 8.0, 1e-4);
        g_assert_cmpfloat (rig.out[feedback.frame - 200], >, 1.0f);
        g_assert_cmpfloat (rig.out[feedback.frame], ==, 0.0f);
      }
      rig_finish (&rig);
    }
}

/* Without a source, or with one that is revoked before it was ever read, not a bit changes. */
static void
test_no_source_no_change (void)
{
  struct rig plain, revoked;

  rig_init (&plain, 256);
  play_synced (&plain);
  run_to (&plain, 4 * RATE);
  rig_init (&revoked, 1000);
  ech_clock_port_revoke (&revoked.port);
  follow (&revoked);
  play_synced (&revoked);
  run_to (&revoked, 4 * RATE);
  g_assert_cmpmem (plain.out, 4 * RATE * sizeof (float), revoked.out, 4 * RATE * sizeof (float));
  rig_finish (&plain);
  rig_finish (&revoked);
}

/* Hand-over under load */

struct race {
  struct ech_clock_port *_Atomic port; /* what the audio thread holds */
  atomic_bool                    quit;
  _Atomic uint64_t               reads;
};

struct living {
  atomic_bool is_alive;
};

static bool
read_living (void *self, const struct ech_clock_query *query, struct ech_clock_reading *out)
{
  struct living *living = self;

  g_assert_true (atomic_load (&living->is_alive));
  for (int i = 0; i < 50; i++)
    g_assert_true (atomic_load (&living->is_alive));
  return true;
}

static const struct ech_clock_source living_source = { sizeof living_source, read_living,
                                                       set_session_tempo };

static void *
race_audio (void *data)
{
  struct race             *race = data;
  struct ech_clock_query   query = { 0 };
  struct ech_clock_reading reading;

  while (!atomic_load (&race->quit)) {
    struct ech_clock_port *port = atomic_load (&race->port);

    if (port == NULL || !ech_clock_port_enter (port))
      continue;
    port->source->read (port->self, &query, &reading);
    ech_clock_port_leave (port);
    atomic_fetch_add (&race->reads, 1);
  }
  return NULL;
}

/* 20,000 times: published, read by a thread that never waits, revoked, dead. */
static void
test_revoked_is_not_called (void)
{
  enum { N = 20000 };
  g_autofree struct ech_clock_port *ports   = g_new0 (struct ech_clock_port, N);
  g_autofree struct living         *livings = g_new0 (struct living, N);
  struct race                       race    = { NULL };
  GThread                          *thread  = g_thread_new ("audio", race_audio, &race);

  for (int i = 0; i < N; i++) {
    atomic_store (&livings[i].is_alive, true);
    ports[i].source = &living_source;
    ports[i].self   = &livings[i];
    atomic_store (&race.port, &ports[i]);
    for (int k = 0; k < i % 64; k++)
      atomic_load (&ports[i].is_inside);
    ech_clock_port_revoke (&ports[i]);
    while (ech_clock_port_is_inside (&ports[i]))
      g_thread_yield ();
    atomic_store (&livings[i].is_alive, false);
  }
  atomic_store (&race.quit, true);
  g_thread_join (thread);
  g_test_message ("%" G_GUINT64_FORMAT " reads", (uint64_t) atomic_load (&race.reads));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clock/start-on-their-beat", test_start_on_their_beat);
  g_test_add_func ("/clock/deck-glides-into-phase", test_deck_glides_into_phase);
  g_test_add_func ("/clock/far-tempos", test_far_tempos);
  g_test_add_func ("/clock/many-changes", test_many_changes);
  g_test_add_func ("/clock/our-tempo-is-theirs", test_our_tempo_is_theirs);
  g_test_add_func ("/clock/leaving-changes-nothing", test_leaving_changes_nothing);
  g_test_add_func ("/clock/jump-moves-what-waits", test_jump_moves_what_waits);
  g_test_add_func ("/clock/no-source-no-change", test_no_source_no_change);
  g_test_add_func ("/clock/revoked-is-not-called", test_revoked_is_not_called);
  return g_test_run ();
}
