/* The emergency loop and the silence watchdog, in virtual time.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "tests/scheduler/fake-audio.h"

/* The fake's tracks have 60 s at 120 BPM: 120 beats. */
enum { TRACK_BEATS = 120, TRACK_RATE = 44100 };

static struct ech_state     state;
static struct ech_telemetry telemetry;

static const struct ech_telemetry *
counted (struct fake *f)
{
  ech_scheduler_telemetry (f->scheduler, &telemetry);
  return &telemetry;
}

static void
post (struct fake *f, EchLane *lane, const char *message)
{
  g_assert_cmpint (fake_post (lane, message), ==, 0);
  fake_settle (f);
}

/* The newest event of the source "guard" with @verb, or NULL. */
static const struct ech_event *
guards_event (struct fake *f, enum ech_verb verb)
{
  for (guint i = f->events->len; i > 0; i--) {
    const struct ech_event *event = &g_array_index (f->events, struct ech_event, i - 1);

    if (strcmp (event->source_name, "guard") == 0 && event->verb == verb)
      return event;
  }
  return NULL;
}

/* Deck A plays from beat 4 on, heard, with @left beats of its track to go. */
static void
play_near_the_end (struct fake *f, double left)
{
  fake_load (f, "a");
  f->master_peak = 0.5f;
  fake_run_to_beat (f, 4);
  f->decks[0].position_frames = (TRACK_BEATS - left) * 0.5 * TRACK_RATE;
  post (f, f->hand, "/deck/a/play");
  fake_forget (f);
}

static void
test_loops_its_end (struct fake *f)
{
  const struct ech_command *loop;

  play_near_the_end (f, 20);
  fake_run_to_beat (f, 14.9); /* 9.1 beats left: not yet */
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_LOOP), ==, 0);
  fake_run_to_beat (f, 16.1);
  loop = fake_last_command (f, ECH_COMMAND_LOOP);
  g_assert_nonnull (loop);
  g_assert_cmpfloat (loop->value, ==, 8);
  g_assert_cmpint (loop->when, ==, ECH_WHEN_BEAT);
  g_assert_cmpfloat (loop->at, <=, 16); /* it ends before the track does, at beat 24 */
  g_assert_nonnull (guards_event (f, ECH_VERB_LOOP));
  g_assert_cmpint (guards_event (f, ECH_VERB_LOOP)->fate, ==, ECH_FATE_EXECUTED);
  g_assert_cmpuint (counted (f)->emergency_loops, ==, 1);
  /* once */
  fake_run_to_beat (f, 20);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_LOOP), ==, 1);
  /* left by hand, it runs out again */
  post (f, f->hand, "/deck/a/loop 0");
  f->decks[0].position_frames = (TRACK_BEATS - 8.9) * 0.5 * TRACK_RATE;
  fake_run_to_beat (f, 21.5);
  g_assert_cmpuint (counted (f)->emergency_loops, ==, 2);
}

/* A lock keeps hands and programs off; this is neither. */
static void
test_loops_a_locked_deck (struct fake *f)
{
  play_near_the_end (f, 20);
  post (f, f->hand, "/lock/a");
  fake_run_to_beat (f, 17);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_LOOP), ==, 1);
}

static void
test_another_deck_comes (struct fake *f)
{
  play_near_the_end (f, 20);
  fake_load (f, "b");
  post (f, f->hand, "/deck/b/play @23");
  fake_run_to_beat (f, 22);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_LOOP), ==, 0);
}

static void
test_another_deck_comes_too_late (struct fake *f)
{
  play_near_the_end (f, 20);
  fake_load (f, "b");
  post (f, f->hand, "/deck/b/play @32");
  fake_run_to_beat (f, 22);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_LOOP), ==, 1);
}

static void
test_two_on_air (struct fake *f)
{
  play_near_the_end (f, 20);
  fake_load (f, "b");
  post (f, f->hand, "/deck/b/play");
  fake_run_to_beat (f, 22);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_LOOP), ==, 0);
}

static void
test_faded_out (struct fake *f)
{
  play_near_the_end (f, 20);
  post (f, f->hand, "/deck/a/volume 0");
  fake_run_to_beat (f, 22);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_LOOP), ==, 0);
}

static void
test_no_emergency_loop (struct fake *f)
{
  struct ech_policy policy;

  ech_policy_init (&policy);
  policy.emergency_loop = false;
  ech_scheduler_set_policy (f->scheduler, &policy);
  play_near_the_end (f, 20);
  fake_run_to_beat (f, 22);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_LOOP), ==, 0);
}

static void
test_loops_without_grid (struct fake *f)
{
  struct fake_pcm          *pcm = fake_pcm_new (60);
  const struct ech_command *out;

  post (f, f->hand, "/deck/a/load tape.flac");
  fake_answer_ready (f, f->n_requests, pcm);
  fake_answer_grid (f, f->n_requests, 0);
  fake_settle (f);
  fake_settle (f);
  fake_run_to_beat (f, 4);
  f->master_peak              = 0.5f;
  f->decks[0].position_frames = (TRACK_BEATS - 20) * 0.5 * TRACK_RATE;
  post (f, f->hand, "/deck/a/play");
  fake_run_to_beat (f, 23.9);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_LOOP_IN), ==, 1);
  out = fake_last_command (f, ECH_COMMAND_LOOP_OUT);
  g_assert_nonnull (out);
  g_assert_cmpfloat (out->at, <, 24); /* the track's end */
  g_assert_cmpint (guards_event (f, ECH_VERB_LOOP_OUT)->fate, ==, ECH_FATE_EXECUTED);
}

/* A seek puts the deck a beat before its end: a shorter loop. */
static void
test_loops_what_is_left (struct fake *f)
{
  play_near_the_end (f, 3.2);
  fake_run_to_beat (f, 6);
  g_assert_nonnull (fake_last_command (f, ECH_COMMAND_LOOP));
  g_assert_cmpfloat (fake_last_command (f, ECH_COMMAND_LOOP)->value, ==, 2);
}

/* Silence */

static void
test_tells_silence (struct fake *f)
{
  const struct ech_event *event;

  play_near_the_end (f, 100);
  fake_run_to_beat (f, 8);
  f->master_peak    = 0;
  f->decks[0].state = ECH_DECK_STOPPED; /* by itself, or by a program */
  fake_run_to_beat (f, 15.9);           /* 3.95 s */
  g_assert_null (guards_event (f, ECH_VERB_NONE));
  fake_run_to_beat (f, 16.2);
  event = guards_event (f, ECH_VERB_NONE);
  g_assert_nonnull (event);
  g_assert_cmpint (event->rule, ==, ECH_RULE_NONE);
  g_assert_cmpstr (event->text, ==, "Silence for 4 s: no deck is on air.");
  g_assert_cmpuint (counted (f)->silences, ==, 1);
  fake_run_to_beat (f, 60); /* once, until something is heard again */
  g_assert_cmpuint (counted (f)->silences, ==, 1);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_PLAY), ==, 0);
}

/* The deck says that it plays, and nothing comes of it. */
static void
test_tells_silence_on_air (struct fake *f)
{
  play_near_the_end (f, 100);
  fake_run_to_beat (f, 8);
  f->master_peak = 0.0005f;
  fake_run_to_beat (f, 16.2);
  g_assert_cmpstr (guards_event (f, ECH_VERB_NONE)->text, ==,
                   "Silence for 4 s: a deck is on air, and nothing is heard.");
}

static const char *const hands_off[] = { "/deck/a/stop", "/deck/a/volume 0", "/emergency",
                                         "/master/volume 0" };

static void
test_hand_means_it (struct fake *f)
{
  play_near_the_end (f, 100);
  for (unsigned i = 0; i < G_N_ELEMENTS (hands_off); i++) {
    double beat = 20 * i + 8;

    fake_run_to_beat (f, beat);
    post (f, f->hand, "/deck/a/volume 1");
    post (f, f->hand, "/master/volume 1");
    post (f, f->hand, "/deck/a/play");
    f->master_peak = 0.5f;
    fake_run_to_beat (f, beat + 2);
    g_test_message ("%s", hands_off[i]);
    ech_scheduler_snapshot (f->scheduler, &state);
    g_assert_true (state.decks[0].on_air);
    post (f, f->hand, hands_off[i]);
    f->master_peak = 0;
    fake_run_to_beat (f, beat + 14);
    g_assert_null (guards_event (f, ECH_VERB_NONE));
  }
}

static void
test_a_program_is_no_hand (struct fake *f)
{
  struct ech_policy policy;

  ech_policy_init (&policy);
  policy.classes[ECH_SOURCE_OSC].may_stop_last = true;
  ech_scheduler_set_policy (f->scheduler, &policy);
  play_near_the_end (f, 100);
  fake_run_to_beat (f, 8);
  post (f, f->osc, "/deck/a/stop id=s");
  f->master_peak = 0;
  g_assert_cmpint (fake_last_event (f, "s")->fate, ==, ECH_FATE_EXECUTED);
  fake_run_to_beat (f, 17);
  g_assert_nonnull (guards_event (f, ECH_VERB_NONE));
}

static void
test_resumes (struct fake *f)
{
  const struct ech_command *play;
  struct ech_policy         policy;

  ech_policy_init (&policy);
  policy.silence_action = ECH_SILENCE_RESUME;
  ech_scheduler_set_policy (f->scheduler, &policy);
  play_near_the_end (f, 100);
  fake_run_to_beat (f, 8);
  f->master_peak    = 0;
  f->decks[0].state = ECH_DECK_STOPPED;
  fake_run_to_beat (f, 16.2);
  play = fake_last_command (f, ECH_COMMAND_PLAY);
  /* the last eight beats of the grid */
  g_assert_cmpfloat_with_epsilon (play->value, (TRACK_BEATS - 8) * 0.5 * TRACK_RATE, 1e-6);
  g_assert_cmpfloat (fake_last_command (f, ECH_COMMAND_LOOP)->value, ==, 8);
  g_assert_cmpuint (counted (f)->resumed, ==, 1);
  ech_scheduler_snapshot (f->scheduler, &state);
  g_assert_cmpint (state.decks[0].state, ==, ECH_DECK_PLAYING);
  g_assert_true (g_str_has_suffix (guards_event (f, ECH_VERB_NONE)->text,
                                   "The last deck plays on."));
}

/* Before anything was heard nothing is missed. */
static void
test_quiet_beginning (struct fake *f)
{
  fake_load (f, "a");
  fake_run_to_beat (f, 40);
  g_assert_cmpuint (counted (f)->silences, ==, 0);
}

static void
run (const void *data)
{
  void (*test) (struct fake *f) = *(void (*const *) (struct fake *)) data;
  struct fake f;

  fake_init_with_policy (&f, NULL);
  test (&f);
  fake_finish (&f);
}

static const struct {
  const char *name;
  void (*test) (struct fake *f);
} tests[] = {
  { "/guards/loops-its-end", test_loops_its_end },
  { "/guards/locked-deck", test_loops_a_locked_deck },
  { "/guards/another-deck-comes", test_another_deck_comes },
  { "/guards/another-deck-too-late", test_another_deck_comes_too_late },
  { "/guards/two-on-air", test_two_on_air },
  { "/guards/faded-out", test_faded_out },
  { "/guards/switched-off", test_no_emergency_loop },
  { "/guards/without-grid", test_loops_without_grid },
  { "/guards/what-is-left", test_loops_what_is_left },
  { "/silence/told", test_tells_silence },
  { "/silence/on-air", test_tells_silence_on_air },
  { "/silence/hand", test_hand_means_it },
  { "/silence/program", test_a_program_is_no_hand },
  { "/silence/resumes", test_resumes },
  { "/silence/quiet-beginning", test_quiet_beginning },
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add_data_func (tests[i].name, &tests[i].test, run);
  return g_test_run();
}
