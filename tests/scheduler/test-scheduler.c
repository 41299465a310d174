/* The scheduler against an audio thread that the test plays: the life of each kind of action.
 *
 * 120 BPM at 48 kHz: a beat is 24000 frames; the hand-over is 4800 frames ahead.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <string.h>

#include "engine/scheduler/action-queue.h"
#include "engine/scheduler/executor.h"
#include "engine/scheduler/vocabulary.h"
#include "tests/scheduler/fake-audio.h"

typedef void (*Test) (struct fake *f);

#define assert_life(f, id, expected)            \
  G_STMT_START                                  \
  {                                             \
    g_autofree char *life_ = fake_life (f, id); \
    g_assert_cmpstr (life_, ==, expected);      \
  }                                             \
  G_STMT_END

/* Valid until the next call. */
static const struct ech_state *
snapshot (struct fake *f)
{
  static struct ech_state state;

  ech_scheduler_snapshot (f->scheduler, &state);
  return &state;
}

/* At once and on the beat */

static void
test_now (struct fake *f)
{
  const struct ech_command *play;

  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/play 1.5 id=p");
  fake_settle (f);
  play = fake_last_command (f, ECH_COMMAND_PLAY);
  g_assert_nonnull (play);
  g_assert_cmpint (play->when, ==, ECH_WHEN_NOW);
  g_assert_cmpfloat (play->at, ==, f->frame);
  g_assert_cmpfloat (play->value, ==, 1.5 * 44100); /* seconds became the track's frames */
  g_assert_cmpuint (play->generation, ==, 1);
  assert_life (f, "p", "executed 0");
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_PLAYING);
  g_assert_true (snapshot (f)->decks[0].on_air);
}

/* Loops, hot cues and bend: each becomes its order, and a hot cue's jump is a start. */
static void
test_loops_and_hotcues (struct fake *f)
{
  static const struct {
    const char           *message;
    enum ech_command_type type;
    double                value;
    unsigned              hotcue;
  } cases[] = {
    { "/deck/a/loop 8", ECH_COMMAND_LOOP, 8, 0 },
    { "/deck/a/loop/move -0.5", ECH_COMMAND_LOOP_MOVE, -0.5, 0 },
    { "/deck/a/loop/in", ECH_COMMAND_LOOP_IN, 0, 0 },
    { "/deck/a/loop/out", ECH_COMMAND_LOOP_OUT, 0, 0 },
    { "/deck/a/loop 0", ECH_COMMAND_LOOP, 0, 0 },
    { "/deck/a/hotcue/4/set", ECH_COMMAND_HOTCUE_SET, 0, 3 },
    { "/deck/a/hotcue/8/clear", ECH_COMMAND_HOTCUE_CLEAR, 0, 7 },
    { "/deck/a/bend 0.03", ECH_COMMAND_BEND, 0.03, 0 },
  };

  fake_load (f, "a");
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    const struct ech_command *command;

    fake_post (f->osc, cases[i].message);
    fake_settle (f);
    command = fake_last_command (f, cases[i].type);
    g_test_message ("%s", cases[i].message);
    g_assert_nonnull (command);
    g_assert_cmpfloat (command->value, ==, cases[i].value);
    g_assert_cmpuint (command->param, ==, cases[i].hotcue);
    g_assert_cmpuint (command->generation, ==, cases[i].type == ECH_COMMAND_BEND ? 0 : 1);
  }
  /* a start that waits: primed, and a stop takes it back */
  fake_run_to_beat (f, 0.5);
  fake_post (f->osc, "/deck/a/hotcue/2/jump bar id=j");
  fake_tick (f);
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_PRIMED);
  fake_post (f->osc, "/deck/a/stop");
  fake_settle (f);
  assert_life (f, "j", "queued 4; cancelled");
  fake_post (f->osc, "/deck/a/hotcue/2/jump id=k");
  fake_settle (f);
  g_assert_cmpint (fake_last_event (f, "k")->fate, ==, ECH_FATE_EXECUTED);
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_PLAYING);
  /* now it is on air */
  fake_post (f->osc, "/deck/a/hotcue/2/jump id=l");
  fake_settle (f);
  g_assert_cmpint (fake_last_event (f, "l")->rule, ==, ECH_RULE_ON_AIR);
}

static void
test_mixer (struct fake *f)
{
  static const struct {
    const char    *message;
    enum ech_param param;
    double         value;
  } cases[] = {
    { "/deck/b/gain -3", ECH_PARAM_TRIM, -3 },
    { "/deck/b/volume 0.5", ECH_PARAM_VOLUME, 0.5 },
    { "/eq/b/low -inf", ECH_PARAM_EQ_LOW, -INFINITY },
    { "/eq/b/mid -6", ECH_PARAM_EQ_MID, -6 },
    { "/eq/b/high 3", ECH_PARAM_EQ_HIGH, 3 },
    { "/filter/b -0.5", ECH_PARAM_FILTER, -0.5 },
    { "/deck/b/pfl 1", ECH_PARAM_PFL, 1 },
    { "/crossfader 0.25", ECH_PARAM_CROSSFADER, 0.25 },
    { "/limiter -3", ECH_PARAM_LIMITER, -3 },
    { "/master/volume 0.9", ECH_PARAM_MASTER_VOLUME, 0.9 },
    { "/booth/volume 0.8", ECH_PARAM_BOOTH_VOLUME, 0.8 },
    { "/headphones/volume 0.7", ECH_PARAM_HEADPHONES_VOLUME, 0.7 },
    { "/headphones/mix 0.6", ECH_PARAM_HEADPHONES_MIX, 0.6 },
  };
  struct ech_state state;

  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    const struct ech_command *command;

    fake_post (f->osc, cases[i].message);
    fake_settle (f);
    command = fake_last_command (f, ECH_COMMAND_PARAM);
    g_test_message ("%s", cases[i].message);
    g_assert_nonnull (command);
    g_assert_cmpuint (command->param, ==, cases[i].param);
    g_assert_cmpfloat (command->value, ==, cases[i].value);
    g_assert_cmpuint (command->deck, ==, i < 7 ? 1 : 0);
    g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_PARAM), ==, i + 1);
  }
  state = *snapshot (f);
  g_assert_cmpfloat (state.decks[1].trim_db, ==, -3);
  g_assert_cmpfloat (state.decks[1].volume, ==, 0.5);
  g_assert_true (isinf (state.decks[1].eq_db[0]));
  g_assert_cmpfloat (state.decks[1].eq_db[2], ==, 3);
  g_assert_cmpfloat (state.decks[1].filter, ==, -0.5);
  g_assert_true (state.decks[1].pfl);
  g_assert_cmpfloat (state.decks[0].volume, ==, 1);
  g_assert_cmpfloat (state.crossfader, ==, 0.25);
  g_assert_cmpfloat (state.limiter_db, ==, -3);
  g_assert_cmpfloat (state.headphones_mix, ==, 0.6);
}

static void
test_bar (struct fake *f)
{
  const struct ech_command *play;
  struct ech_state          state;

  fake_load (f, "a");
  fake_run_to_beat (f, 1.3);
  fake_post (f->osc, "/deck/a/play bar id=p");
  fake_tick (f);
  assert_life (f, "p", "queued 4");
  state = *snapshot (f);
  g_assert_cmpuint (state.n_pending, ==, 1);
  g_assert_cmpfloat (state.pending[0].due_beats, ==, 4);
  g_assert_cmpstr (state.pending[0].id, ==, "p");
  g_assert_cmpint (state.decks[0].state, ==, ECH_DECK_PRIMED);
  /* it stays here until the hand-over */
  g_assert_cmpfloat (ech_scheduler_next_frame (f->scheduler), ==, 4 * 24000 - 4800);
  fake_run_to_beat (f, 3.7);
  g_assert_null (fake_last_command (f, ECH_COMMAND_PLAY));
  fake_run_to_beat (f, 3.85);
  play = fake_last_command (f, ECH_COMMAND_PLAY);
  g_assert_nonnull (play);
  g_assert_cmpint (play->when, ==, ECH_WHEN_BEAT);
  g_assert_cmpfloat (play->at, ==, 4);
  g_assert_cmpuint (snapshot (f)->n_pending, ==, 1); /* it still waits, over there */
  fake_run_to_beat (f, 4.1);
  assert_life (f, "p", "queued 4; executed 4");
  g_assert_cmpuint (fake_last_event (f, "p")->frame, ==, 96000);
  g_assert_cmpuint (snapshot (f)->n_pending, ==, 0);
  g_assert_true (isinf (ech_scheduler_next_frame (f->scheduler)));
}

static void
test_on_the_boundary (struct fake *f)
{
  fake_load (f, "a");
  fake_run_to_beat (f, 4);
  g_assert_cmpfloat (f->frame, ==, 96000);
  fake_post (f->osc, "/deck/a/play bar id=p");
  fake_settle (f);
  assert_life (f, "p", "queued 4; executed 4");
  g_assert_cmpuint (fake_last_event (f, "p")->frame, ==, 96000);
}

static void
test_order_of_beats (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/stop @12 id=third");
  fake_post (f->osc, "/deck/a/seek 10 @8 id=second");
  fake_post (f->osc, "/deck/a/play +4b id=first");
  fake_post (f->osc, "/deck/a/beatjump 4 @8 id=after-second");
  fake_tick (f);
  g_assert_cmpuint (snapshot (f)->n_pending, ==, 4);
  g_assert_cmpstr (snapshot (f)->pending[0].id, ==, "first");
  g_assert_cmpstr (snapshot (f)->pending[2].id, ==, "after-second");
  fake_run_to_beat (f, 13);
  assert_life (f, "first", "queued 4; executed 4");
  assert_life (f, "second", "queued 8; executed 8");
  assert_life (f, "after-second", "queued 8; executed 8");
  assert_life (f, "third", "queued 12; executed 12");
  g_assert_cmpuint (g_array_index (f->commands, struct ech_command, 0).type, ==, ECH_COMMAND_PLAY);
  g_assert_cmpuint (g_array_index (f->commands, struct ech_command, 1).type, ==, ECH_COMMAND_SEEK);
  g_assert_cmpuint (g_array_index (f->commands, struct ech_command, 2).type, ==, ECH_COMMAND_JUMP);
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_STOPPED);
}

static void
test_passed (struct fake *f)
{
  fake_load (f, "a");
  fake_run_to_beat (f, 34);
  fake_post (f->osc, "/deck/a/play @33 id=p");
  fake_settle (f);
  assert_life (f, "p", "rejected missed");
  g_assert_cmpstr (fake_last_event (f, "p")->text, ==, "Beat 33 has passed.");
}

static void
test_default_timing (struct fake *f)
{
  struct ech_timing bar = { ECH_TIMING_GRID, ECH_WAY_WAIT, 4 };

  fake_load (f, "a");
  ech_scheduler_set_default_timing (f->scheduler, &bar);
  fake_run_to_beat (f, 1);
  fake_post (f->hand, "/deck/a/play id=p");
  fake_post (f->hand, "/crossfader 0.1 id=x"); /* a fader is no button */
  fake_post (f->hand, "/deck/a/seek 3 now id=s");
  fake_settle (f);
  assert_life (f, "p", "queued 4");
  assert_life (f, "x", "executed 1");
  assert_life (f, "s", "executed 1");
}

static void
test_in_phase (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->hand, "/deck/a/play 1 ~beat id=p");
  fake_settle (f);
  assert_life (f, "p", "executed 0"); /* it waits for nothing */
  g_assert_cmpuint (fake_last_command (f, ECH_COMMAND_PLAY)->in_phase, ==, 1);
  fake_post (f->hand, "/deck/a/seek 3 ~bar id=s"); /* on air, yet it keeps the beat */
  fake_settle (f);
  assert_life (f, "s", "executed 0");
  g_assert_cmpuint (fake_last_command (f, ECH_COMMAND_SEEK)->in_phase, ==, 4);
  fake_post (f->hand, "/deck/a/seek 5 beat");
  fake_settle (f);
  g_assert_cmpuint (fake_last_command (f, ECH_COMMAND_SEEK)->in_phase, ==, 0);
  fake_post (f->hand, "/deck/a/sync 1");
  fake_settle (f);
  fake_post (f->hand, "/deck/a/seek 7 beat");
  fake_settle (f);
  g_assert_cmpuint (fake_last_command (f, ECH_COMMAND_SEEK)->in_phase, ==, 1); /* synced: always */
  g_assert_true (snapshot (f)->decks[0].sync);
}

/* Late */

static void
test_late_gets_next_boundary (struct fake *f)
{
  fake_load (f, "a");
  fake_run_to_beat (f, 3.9);
  fake_post (f->osc, "/deck/a/play bar id=p");
  fake_tick (f); /* handed over, and then the audio thread sleeps over the boundary */
  f->asleep = true;
  fake_cycle (f, 4 * 480);
  fake_cycle (f, 4 * 480);
  f->asleep = false;
  fake_cycle (f, 480);
  fake_tick (f);
  assert_life (f, "p", "queued 4; queued 8");
  fake_run_to_beat (f, 8.1);
  assert_life (f, "p", "queued 4; queued 8; executed 8");
}

static void
test_late_at_beat_is_missed (struct fake *f)
{
  fake_load (f, "a");
  fake_run_to_beat (f, 3.9);
  fake_post (f->osc, "/deck/a/play @4 id=p");
  fake_tick (f);
  f->asleep = true;
  fake_cycle (f, 4800);
  f->asleep = false;
  fake_cycle (f, 480);
  fake_tick (f);
  assert_life (f, "p", "queued 4; rejected missed");
  g_assert_cmpstr (fake_last_event (f, "p")->text, ==, "Beat 4.00 has passed.");
}

static void
test_late_again_and_again (struct fake *f)
{
  fake_load (f, "a");
  fake_run_to_beat (f, 0.95);
  fake_post (f->osc, "/deck/a/play beat id=p");
  for (int i = 0; i < 6; i++) {
    fake_tick (f);
    f->asleep = true;
    fake_cycle (f, 24000);
    f->asleep = false;
    fake_cycle (f, 0);
  }
  fake_tick (f);
  assert_life (f, "p", "queued 1; queued 2; queued 3; queued 4; rejected missed");
}

/* Tempo */

static void
test_tempo_keeps_the_beat (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/play @8 id=p");
  fake_run_to_beat (f, 6);
  fake_post (f->osc, "/tempo 150 id=t");
  fake_settle (f);
  assert_life (f, "t", "executed 6");
  g_assert_cmpfloat (snapshot (f)->timeline.bpm, ==, 150);
  fake_run_to_beat (f, 9);
  assert_life (f, "p", "queued 8; executed 8");
  /* six beats at 120 and two at 150 */
  g_assert_cmpuint (fake_last_event (f, "p")->frame, ==, 6 * 24000 + 2 * 19200);
}

/* The change is known to come, so what lies close behind it is handed over in time. */
static void
test_tempo_leap (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/tempo 20 now");
  fake_settle (f);
  fake_post (f->osc, "/tempo 999 @2 id=t");
  fake_post (f->osc, "/deck/a/play @2.1 id=p"); /* 300 ms behind at 20 BPM, 6 ms at 999 */
  fake_run_to_beat (f, 3);
  assert_life (f, "t", "queued 2; executed 2");
  assert_life (f, "p", "queued 2.1; executed 2.1");
  /* and an immediate one, in the very tick */
  fake_post (f->osc, "/tempo 20 now");
  fake_settle (f);
  double           beat    = snapshot (f)->beat;
  g_autofree char *message = g_strdup_printf ("/deck/a/stop @%.9f id=q", beat + 0.1);

  fake_post (f->osc, "/tempo 999 now");
  fake_post (f->osc, message);
  fake_tick (f);
  fake_cycle (f, 480);
  g_assert_nonnull (fake_last_command (f, ECH_COMMAND_STOP));
  fake_run_to_beat (f, beat + 1);
  g_assert_cmpint (fake_last_event (f, "q")->fate, ==, ECH_FATE_EXECUTED);
}

/* Cancel, deadline, ids */

static void
test_cancel (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/play @8 id=p");
  fake_tick (f);
  fake_post (f->osc, "/cancel p id=c");
  fake_tick (f);
  assert_life (f, "p", "queued 8; cancelled");
  assert_life (f, "c", "executed 0");
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_STOPPED);
  fake_run_to_beat (f, 9);
  g_assert_cmpuint (f->commands->len, ==, 0);

  fake_post (f->osc, "/cancel p id=c2");
  fake_tick (f);
  assert_life (f, "c2", "rejected unknown");
}

static void
test_cancel_after_hand_over (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/play @8 id=p");
  fake_run_to_beat (f, 7.9);
  g_assert_nonnull (fake_last_command (f, ECH_COMMAND_PLAY));
  fake_post (f->osc, "/cancel p id=c");
  fake_tick (f);
  assert_life (f, "p", "queued 8"); /* nobody knows yet */
  fake_cycle (f, 480);
  fake_tick (f);
  assert_life (f, "p", "queued 8; cancelled");
  g_assert_cmpint (fake_last_event (f, "c")->fate, ==, ECH_FATE_EXECUTED);
}

static void
test_cancel_too_late (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/play @8 id=p");
  fake_run_to_beat (f, 7.99);
  fake_cycle (f, 480); /* it happens here, and the scheduler has not heard of it */
  fake_post (f->osc, "/cancel p id=c");
  f->asleep = true;
  {
    struct ech_feedback held;

    /* the news is delayed by one tick */
    g_assert_true (ech_ring_pop (&f->exchange->feedback, &held));
    g_assert_cmpint (held.type, ==, ECH_FEEDBACK_EXECUTED);
    fake_tick (f);
    ech_ring_push (&f->exchange->feedback, &held);
  }
  f->asleep = false;
  fake_settle (f);
  assert_life (f, "p", "queued 8; executed 8");
  assert_life (f, "c", "rejected unknown");
}

static void
test_cancel_whose (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/play @8 id=p");
  fake_tick (f);
  fake_post (f->agent, "/cancel p id=c1");
  fake_tick (f);
  assert_life (f, "c1", "rejected unknown"); /* an agent has only its own */
  fake_post (f->hand, "/cancel p id=c2");
  fake_tick (f);
  assert_life (f, "p", "queued 8; cancelled");
  assert_life (f, "c2", "executed 0");
}

static void
test_deadline (struct fake *f)
{
  struct ech_action play = { .verb           = ECH_VERB_PLAY,
                             .value          = NAN,
                             .timing         = { ECH_TIMING_AT_BEAT, 0, 16 },
                             .deadline_beats = 12,
                             .id             = "p" };

  fake_load (f, "a");
  ech_lane_post (f->osc, &play);
  strcpy (play.id, "q"); /* in time for its deadline */
  play.timing.beats = 11;
  ech_lane_post (f->osc, &play);
  fake_run_to_beat (f, 11.9);
  assert_life (f, "p", "queued 16");
  assert_life (f, "q", "queued 11; executed 11");
  fake_run_to_beat (f, 12.1);
  assert_life (f, "p", "queued 16; expired");
  strcpy (play.id, "r"); /* it has passed already */
  ech_lane_post (f->osc, &play);
  fake_tick (f);
  g_assert_cmpint (fake_last_event (f, "r")->fate, !=, ECH_FATE_QUEUED);
  fake_run_to_beat (f, 17);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_PLAY), ==, 1);
}

static void
test_duplicate (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/play @8 id=p");
  fake_post (f->osc, "/deck/a/play @8 id=p");
  fake_tick (f);
  assert_life (f, "p", "queued 8; rejected duplicate");
  fake_run_to_beat (f, 9);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_PLAY), ==, 1);
  fake_post (f->osc, "/deck/a/stop id=p"); /* done long ago, known still */
  fake_tick (f);
  g_assert_cmpint (fake_last_event (f, "p")->rule, ==, ECH_RULE_DUPLICATE);
  fake_post (f->hand, "/deck/a/stop id=p"); /* another source's ids are its own */
  fake_settle (f);
  g_assert_cmpint (fake_last_event (f, "p")->fate, ==, ECH_FATE_EXECUTED);

  for (int i = 0; i < ECH_RECENT_IDS; i++) {
    g_autofree char *message = g_strdup_printf ("/crossfader 0.5 id=%d", i);

    fake_post (f->osc, message);
    fake_settle (f);
  }
  fake_post (f->osc, "/crossfader 0.5 id=p");
  fake_settle (f);
  g_assert_cmpint (fake_last_event (f, "p")->fate, ==, ECH_FATE_EXECUTED);
}

/* What never gets past the door */

static void
test_invalid (struct fake *f)
{
  struct ech_action wild = { .verb = ECH_VERB_VOLUME, .deck = 3, .value = 0.5, .id = "deck" };

  ech_lane_post (f->agent, &wild);
  wild = (struct ech_action){ .verb = ECH_VERB_CROSSFADER, .value = NAN, .id = "nan" };
  ech_lane_post (f->agent, &wild);
  wild =
      (struct ech_action){ .verb = 12345, .deck = UINT32_MAX, .index = UINT32_MAX, .id = "verb" };
  ech_lane_post (f->agent, &wild);
  wild = (struct ech_action){
    .verb = ECH_VERB_CROSSFADER, .deck = 77, .value = 0.5, .id = "deckless"
  };
  ech_lane_post (f->agent, &wild);
  fake_settle (f);
  assert_life (f, "deck", "rejected invalid");
  assert_life (f, "nan", "rejected invalid");
  assert_life (f, "verb", "rejected invalid");
  assert_life (f, "deckless", "executed 0"); /* the crossfader has no deck to be wrong */
  g_assert_cmpuint (snapshot (f)->n_rejected, ==, 3);
}

static void
test_safety_when_due (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/play @8 id=p");
  fake_tick (f);
  fake_post (f->hand, "/lock/a guest id=l");
  fake_tick (f);
  assert_life (f, "l", "executed 0");
  g_assert_cmpstr (snapshot (f)->decks[0].lock_reason, ==, "guest");
  fake_run_to_beat (f, 9);
  assert_life (f, "p", "queued 8; rejected locked"); /* allowed when it came, not when due */
  g_assert_null (fake_last_command (f, ECH_COMMAND_PLAY));
}

static void
test_orders_on_their_way_count (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/play id=p");
  fake_post (f->osc, "/deck/a/eject id=e"); /* no feedback yet, but the deck is as good as on air */
  fake_settle (f);
  assert_life (f, "p", "executed 0");
  assert_life (f, "e", "rejected on-air");
  fake_post (f->osc, "/deck/a/stop id=s");
  fake_post (f->osc, "/deck/a/eject id=e2");
  fake_settle (f);
  assert_life (f, "s", "executed 0");
  assert_life (f, "e2", "executed 0");
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_EMPTY);
}

/* The last moment before a swap: neither a start nor a fader makes it cut what is heard. */
static void
test_swap_and_start (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/eject @4 id=e");
  fake_run_to_beat (f, 3.9); /* handed over */
  fake_post (f->hand, "/deck/a/play id=p");
  fake_settle (f);
  assert_life (f, "p", "rejected state");
  fake_run_to_beat (f, 4.1);
  assert_life (f, "e", "queued 4; executed 4");

  fake_load (f, "a");
  fake_post (f->hand, "/deck/a/load two.flac @8.04 id=l");
  fake_tick (f);
  fake_answer_ready (f, f->n_requests, fake_pcm_new (60));
  fake_post (f->hand, "/deck/a/play @8 id=q");
  fake_run_to_beat (f, 8.1);
  assert_life (f, "q", "queued 8; executed 8");
  assert_life (f, "l", "queued 8.04; rejected state");

  /* a start that has happened, and the scheduler has not heard of it */
  fake_post (f->hand, "/deck/a/stop");
  fake_settle (f);
  fake_post (f->hand, "/deck/a/load three.flac id=m");
  fake_run_to_beat (f, 11.9);
  fake_post (f->hand, "/deck/a/play @12 id=r");
  fake_tick (f);
  fake_answer_ready (f, f->n_requests, fake_pcm_new (60));
  fake_cycle (f, 4800);
  fake_settle (f);
  g_assert_cmpint (fake_last_event (f, "r")->fate, ==, ECH_FATE_EXECUTED);
  g_assert_cmpint (fake_last_event (f, "m")->fate, ==, ECH_FATE_REJECTED);
}

static void
test_swap_and_fader (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->hand, "/deck/a/volume 0");
  fake_settle (f);
  fake_post (f->hand, "/deck/a/play");
  fake_settle (f);
  fake_post (f->osc, "/deck/a/eject @4 id=e"); /* nobody hears it */
  fake_run_to_beat (f, 3.85);
  assert_life (f, "e", "queued 4");
  fake_post (f->hand, "/deck/a/volume 1");
  fake_run_to_beat (f, 4.1);
  assert_life (f, "e", "queued 4; rejected on-air");
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_PLAYING);
}

static void
test_stop_means_stop (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/play @8 id=far");
  fake_run_to_beat (f, 3.9);
  fake_post (f->osc, "/deck/a/play bar id=near");
  fake_tick (f);
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_PRIMED);
  fake_post (f->osc, "/deck/a/stop id=s");
  fake_settle (f);
  assert_life (f, "far", "queued 8; cancelled");
  assert_life (f, "near", "queued 4; cancelled");
  g_assert_cmpint (fake_last_event (f, "s")->fate, ==, ECH_FATE_EXECUTED);
  fake_run_to_beat (f, 9);
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_STOPPED);
  /* a stop that waits takes nothing back */
  fake_post (f->osc, "/deck/a/play @12 id=p");
  fake_post (f->osc, "/deck/a/stop @10 id=t");
  fake_run_to_beat (f, 12.1);
  assert_life (f, "p", "queued 12; executed 12");
}

static void
test_emergency (struct fake *f)
{
  fake_load (f, "a");
  fake_load (f, "b");
  fake_post (f->osc, "/deck/a/play");
  fake_post (f->osc, "/deck/b/play");
  fake_post (f->osc, "/deck/a/seek 3 @8 id=w");
  fake_settle (f);
  fake_post (f->hand, "/lock/a");
  fake_post (f->agent, "/emergency id=e");
  fake_settle (f);
  assert_life (f, "w", "queued 8; cancelled");
  assert_life (f, "e", "executed 0");
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_STOPPED);
  g_assert_cmpint (snapshot (f)->decks[1].state, ==, ECH_DECK_STOPPED);
  g_assert_cmpuint (snapshot (f)->n_pending, ==, 0);
}

static void
test_end_of_track (struct fake *f)
{
  struct ech_feedback end = { .type = ECH_FEEDBACK_END_OF_TRACK, .deck = 0, .frame = 100 };

  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/play");
  fake_settle (f);
  f->decks[0].state = ECH_DECK_STOPPED;
  ech_ring_push (&f->exchange->feedback, &end);
  fake_cycle (f, 480);
  fake_tick (f);
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_STOPPED);
}

/* Batches */

static int
post_batch (EchLane *lane, struct ech_action *actions, unsigned n)
{
  return ech_lane_post_batch (lane, actions, n);
}

static void
test_batch (struct fake *f)
{
  struct ech_action batch[3] = {
    { .verb = ECH_VERB_CROSSFADER, .value = 0.2, .id = "b1" },
    { .verb = ECH_VERB_EJECT, .deck = 1, .id = "b2" }, /* there is nothing on deck B */
    { .verb = ECH_VERB_VOLUME, .value = 0.4, .id = "b3" },
  };

  fake_load (f, "a");
  g_assert_cmpint (post_batch (f->osc, batch, 3), ==, 0);
  fake_settle (f);
  g_assert_cmpuint (f->commands->len, ==, 0); /* nothing of it was done */
  assert_life (f, "b1", "rejected no-track");
  assert_life (f, "b2", "rejected no-track");
  assert_life (f, "b3", "rejected no-track");
  g_assert_cmpstr (fake_last_event (f, "b2")->text, ==, "Deck B is empty. Load a track first.");
  g_assert_nonnull (strstr (fake_last_event (f, "b1")->text, "Deck B is empty"));

  /* each is judged as if those before it were done */
  fake_post (f->osc, "/deck/a/play");
  fake_settle (f);
  batch[0] = (struct ech_action){ .verb = ECH_VERB_STOP, .id = "c1" };
  batch[1] = (struct ech_action){ .verb = ECH_VERB_EJECT, .id = "c2" };
  g_assert_cmpint (post_batch (f->osc, batch, 2), ==, 0);
  fake_settle (f);
  assert_life (f, "c1", "executed 0");
  assert_life (f, "c2", "executed 0");
}

static void
test_batch_is_all_or_nothing (struct fake *f)
{
  struct ech_action batch[17];
  struct ech_state  state;

  for (int i = 0; i < 17; i++)
    batch[i] = (struct ech_action){ .verb = ECH_VERB_CROSSFADER, .value = i / 17.0 };
  g_assert_cmpint (post_batch (f->agent, batch, 17), ==, -ENOSPC); /* the lane holds 16 */
  g_assert_cmpint (post_batch (f->agent, batch, 10), ==, 0);
  g_assert_cmpint (post_batch (f->agent, batch, 7), ==, -ENOSPC);
  g_assert_cmpint (post_batch (f->agent, batch, 6), ==, 0);
  g_assert_cmpint (ech_lane_post (f->agent, batch), ==, -ENOSPC);
  fake_settle (f);
  g_assert_cmpuint (f->commands->len, ==, 16);
  state = *snapshot (f);
  g_assert_cmpstr (state.sources[2].name, ==, "agent");
  g_assert_cmpuint (state.sources[2].posted, ==, 16);
  g_assert_cmpuint (state.sources[2].refused_full, ==, 17 + 7 + 1);
}

/* Loads */

static void
test_load (struct fake *f)
{
  struct fake_pcm *pcm = fake_pcm_new (60);
  struct ech_state state;

  fake_post (f->osc, "/deck/a/load song.flac id=l");
  fake_tick (f);
  assert_life (f, "l", "queued 0");
  g_assert_cmpstr (g_array_index (f->texts, char *, 0), ==, "song.flac");
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_LOADING);
  g_assert_true (ech_scheduler_is_loading (f->scheduler));
  fake_post (f->osc, "/deck/a/play id=early");
  fake_tick (f);
  assert_life (f, "early", "rejected state");

  fake_answer_ready (f, 1, pcm);
  fake_settle (f);
  assert_life (f, "l", "queued 0; executed 0");
  state = *snapshot (f);
  g_assert_cmpint (state.decks[0].state, ==, ECH_DECK_STOPPED);
  g_assert_cmpstr (state.decks[0].title, ==, "Title");
  g_assert_cmpuint (state.decks[0].generation, ==, 1);
  g_assert_cmpfloat (state.decks[0].length_frames, ==, 60 * 44100);
  g_assert_false (state.decks[0].has_grid);
  g_assert_true (ech_scheduler_is_loading (f->scheduler)); /* its beats are still to come */

  fake_answer_grid (f, 1, 125);
  fake_settle (f);
  state = *snapshot (f);
  g_assert_true (state.decks[0].has_grid);
  g_assert_cmpfloat_with_epsilon (state.decks[0].bpm, 125, 1e-9);
  g_assert_cmpuint (fake_last_command (f, ECH_COMMAND_SET_GRID)->generation, ==, 1);
  g_assert_false (ech_scheduler_is_loading (f->scheduler));

  atomic_store (&pcm->pcm.length_frames, 1000); /* decoding ended earlier than the file said */
  fake_settle (f);
  g_assert_cmpfloat (snapshot (f)->decks[0].length_frames, ==, 1000);

  fake_post (f->osc, "/deck/a/eject id=e");
  fake_settle (f);
  assert_life (f, "e", "executed 0");
  g_assert_cmpuint (f->cancelled->len, ==, 0); /* the loader had said its last */
  g_assert_cmpint (pcm->refs, ==, 0);
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_EMPTY);
  g_assert_cmpstr (snapshot (f)->decks[0].title, ==, "");
}

static void
test_load_failed (struct fake *f)
{
  fake_post (f->osc, "/deck/a/load nowhere.flac id=l");
  fake_tick (f);
  fake_answer_failed (f, 1, "There is no file nowhere.flac.");
  fake_tick (f);
  assert_life (f, "l", "queued 0; rejected load");
  g_assert_cmpstr (fake_last_event (f, "l")->text, ==, "There is no file nowhere.flac.");
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_EMPTY);
  g_assert_false (ech_scheduler_is_loading (f->scheduler));
}

static void
test_load_fails_after_ready (struct fake *f)
{
  fake_post (f->osc, "/deck/a/load cut.flac id=l");
  fake_tick (f);
  fake_answer_ready (f, 1, fake_pcm_new (60));
  fake_settle (f);
  fake_answer_failed (f, 1, "The file is cut off.");
  fake_settle (f);
  assert_life (f, "l", "queued 0; executed 0"); /* what there is can be played */
  fake_post (f->osc, "/deck/a/sync 1 id=s");
  fake_settle (f);
  assert_life (f, "s", "rejected no-grid"); /* and no grid will come */
  g_assert_false (ech_scheduler_is_loading (f->scheduler));
}

static void
test_load_superseded (struct fake *f)
{
  struct fake_pcm *first = fake_pcm_new (60), *second = fake_pcm_new (60);

  fake_post (f->osc, "/deck/a/load one.flac id=l1");
  fake_post (f->osc, "/deck/a/load two.flac id=l2");
  fake_tick (f);
  assert_life (f, "l1", "queued 0; cancelled");
  g_assert_cmpuint (g_array_index (f->cancelled, uint64_t, 0), ==, 1);
  fake_answer_ready (f, 1, first); /* the loader had it already */
  fake_answer_ready (f, 2, second);
  fake_answer_grid (f, 2, 120);
  fake_settle (f);
  assert_life (f, "l2", "queued 0; executed 0");
  g_assert_cmpint (first->refs, ==, 0);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_SET_TRACK), ==, 1);
}

static void
test_load_cancelled (struct fake *f)
{
  fake_post (f->osc, "/deck/a/load one.flac id=l1");
  fake_post (f->osc, "/cancel l1 id=c");
  fake_tick (f);
  assert_life (f, "l1", "queued 0; cancelled");
  assert_life (f, "c", "executed 0");
  fake_post (f->osc, "/deck/a/load two.flac id=l2");
  fake_post (f->osc, "/deck/a/eject id=e");
  fake_tick (f);
  assert_life (f, "l2", "queued 0; cancelled");
  assert_life (f, "e", "executed 0");
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_EMPTY);
  g_assert_cmpuint (f->cancelled->len, ==, 2);
}

static void
test_load_judged_again (struct fake *f)
{
  struct fake_pcm *pcm = fake_pcm_new (60);

  fake_load (f, "a");
  fake_post (f->hand, "/deck/a/load two.flac id=l");
  fake_tick (f);
  assert_life (f, "l", "queued 0");
  fake_post (f->hand, "/deck/a/play"); /* meanwhile the deck goes on air */
  fake_settle (f);
  fake_answer_ready (f, f->n_requests, pcm);
  fake_settle (f);
  assert_life (f, "l", "queued 0; rejected on-air");
  g_assert_cmpint (pcm->refs, ==, 0);
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_PLAYING);
}

static void
test_load_on_a_beat (struct fake *f)
{
  struct fake_pcm *pcm = fake_pcm_new (60), *late = fake_pcm_new (60);

  fake_post (f->osc, "/deck/a/load one.flac @8 id=l");
  fake_tick (f);
  fake_answer_ready (f, 1, pcm);
  fake_answer_grid (f, 1, 120);
  fake_run_to_beat (f, 7.5);
  assert_life (f, "l", "queued 8");
  g_assert_false (ech_scheduler_is_loading (f->scheduler)); /* only its beat is missing */
  g_assert_null (fake_last_command (f, ECH_COMMAND_SET_TRACK));
  fake_run_to_beat (f, 8.1);
  assert_life (f, "l", "queued 8; executed 8");
  g_assert_true (snapshot (f)->decks[0].has_grid);

  /* not ready in time: a grid goes on, a named beat does not */
  fake_post (f->osc, "/deck/b/load two.flac bar id=g");
  fake_tick (f);
  fake_run_to_beat (f, 13);
  fake_answer_ready (f, 2, late);
  fake_tick (f);
  assert_life (f, "g", "queued 12; queued 16");
  fake_run_to_beat (f, 16.1);
  assert_life (f, "g", "queued 12; queued 16; executed 16");
  fake_post (f->osc, "/deck/a/load two.flac @18 id=h");
  fake_run_to_beat (f, 19);
  fake_answer_ready (f, 3, fake_pcm_new (60));
  fake_tick (f);
  assert_life (f, "h", "queued 18; rejected missed");
}

static void
test_late_load_keeps_its_track (struct fake *f)
{
  struct fake_pcm *pcm = fake_pcm_new (60);

  fake_post (f->osc, "/deck/a/load one.flac bar id=l");
  fake_run_to_beat (f, 0.1);
  assert_life (f, "l", "queued 0");
  fake_answer_ready (f, 1, pcm);
  fake_run_to_beat (f, 3.9);
  f->asleep = true;
  fake_cycle (f, 4800);
  f->asleep = false;
  fake_cycle (f, 480);
  fake_run_to_beat (f, 8.1);
  assert_life (f, "l", "queued 0; queued 4; queued 8; executed 8");
  g_assert_cmpint (pcm->refs, ==, 1);
}

static void
test_stale (struct fake *f)
{
  struct fake_pcm *old = fake_load (f, "a");

  fake_post (f->osc, "/deck/a/play @8 id=p");
  fake_tick (f);
  fake_post (f->osc, "/deck/a/load two.flac id=l");
  fake_tick (f);
  fake_answer_ready (f, f->n_requests, fake_pcm_new (30));
  fake_settle (f);
  g_assert_cmpint (old->refs, ==, 0);
  g_assert_cmpuint (snapshot (f)->decks[0].generation, ==, 2);
  fake_run_to_beat (f, 9);
  assert_life (f, "p", "queued 8; rejected stale");
  g_assert_null (fake_last_command (f, ECH_COMMAND_PLAY));
}

/* The scheduler has not heard of the swap; the audio thread turns the order down. */
static void
test_stale_by_feedback (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/a/load two.flac id=l");
  fake_tick (f);
  fake_answer_ready (f, f->n_requests, fake_pcm_new (30));
  fake_post (f->osc, "/deck/a/play id=p");
  fake_settle (f);
  assert_life (f, "l", "queued 0; executed 0");
  assert_life (f, "p", "rejected stale");
}

static void
test_bad_grid (struct fake *f)
{
  fake_post (f->osc, "/deck/a/load one.flac");
  fake_tick (f);
  fake_answer_ready (f, 1, fake_pcm_new (60));
  fake_settle (f);
  fake_answer_grid (f, 1, -1); /* a worker that lies */
  fake_settle (f);
  g_assert_false (snapshot (f)->decks[0].has_grid);
  g_assert_null (fake_last_command (f, ECH_COMMAND_SET_GRID));
  fake_post (f->osc, "/deck/a/beatjump 4 id=j");
  fake_tick (f);
  assert_life (f, "j", "rejected no-grid");
}

/* Rings and lanes */

static void
test_ring_full (struct fake *f)
{
  EchLane *lane = ech_scheduler_add_lane (f->scheduler, "crowd", ECH_SOURCE_OSC, 1024);
  unsigned n    = ECH_COMMAND_SLOTS + 10;

  f->asleep = true;
  for (unsigned i = 0; i < n; i++) {
    struct ech_action action = { .verb = ECH_VERB_CROSSFADER, .value = i / (double) n };

    g_snprintf (action.id, sizeof action.id, "%u", i);
    g_assert_cmpint (ech_lane_post (lane, &action), ==, 0);
  }
  /* the first ticks still think that audio runs: what finds no room is kept */
  ech_scheduler_tick (f->scheduler, &(struct ech_now){ .running = true, .exact = true });
  ech_scheduler_tick (f->scheduler, &(struct ech_now){ .running = true, .exact = true });
  g_assert_cmpuint (f->events->len, ==, 0);
  g_assert_cmpfloat (ech_scheduler_next_frame (f->scheduler), ==, 0);
  fake_post (f->osc, "/crossfader 0.5 id=more");
  fake_tick (f);
  assert_life (f, "more", "rejected no-audio");
  fake_post (f->osc, "/emergency id=e"); /* always */
  fake_tick (f);
  g_assert_null (fake_last_event (f, "e"));

  f->asleep = false;
  for (int i = 0; i < 3; i++)
    fake_settle (f);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_PARAM), ==, n);
  for (unsigned i = 0; i < n; i++)
    g_assert_cmpfloat (g_array_index (f->commands, struct ech_command, i).value, ==,
                       i / (double) n);
  g_assert_cmpint (fake_last_event (f, "e")->fate, ==, ECH_FATE_EXECUTED);
}

/* The audio thread makes room in the middle of a tick: what waited goes first all the same. */
static void
test_ring_full_keeps_order (struct fake *f)
{
  EchLane *lane = ech_scheduler_add_lane (f->scheduler, "crowd", ECH_SOURCE_OSC, 1024);
  unsigned n    = ECH_COMMAND_SLOTS + 10;

  f->cycles_on_request = true;
  for (unsigned i = 0; i <= n; i++) {
    struct ech_action action = { .verb = ECH_VERB_CROSSFADER, .value = i / (double) n };

    if (i == n)
      fake_post (lane, "/deck/a/load x.flac");
    ech_lane_post (lane, &action);
  }
  for (int i = 0; i < 3; i++)
    fake_settle (f);
  g_assert_cmpuint (f->commands->len, ==, n + 1);
  for (unsigned i = 0; i <= n; i++)
    g_assert_cmpfloat (g_array_index (f->commands, struct ech_command, i).value, ==,
                       i / (double) n);
  f->cycles_on_request = false;
}

static void
test_fairness (struct fake *f)
{
  EchLane *crowd = ech_scheduler_add_lane (f->scheduler, "crowd", ECH_SOURCE_OSC, 4096);

  for (int i = 0; i < 4096; i++)
    g_assert_cmpint (fake_post (crowd, "/crossfader 0.5"), ==, 0);
  fake_post (f->hand, "/emergency id=e");
  fake_settle (f); /* far from all of the crowd's, but the hand's */
  g_assert_cmpint (ech_lane_depth (crowd), >, 1000);
  g_assert_nonnull (fake_last_event (f, "e"));
}

static void
test_lane_removed (struct fake *f)
{
  EchLane *lane = ech_scheduler_add_lane (f->scheduler, "gone", ECH_SOURCE_OSC, 0);

  fake_load (f, "a");
  fake_post (lane, "/deck/a/play @8 id=waits");
  fake_post (lane, "/deck/b/load x.flac id=loads");
  fake_run_to_beat (f, 3.9);
  fake_post (lane, "/deck/a/seek 2 @4 id=handed");
  fake_tick (f);
  fake_post (lane, "/lock/a a-text-of-its-own id=unread");
  ech_scheduler_remove_lane (f->scheduler, lane);
  fake_settle (f);
  fake_tick (f);
  assert_life (f, "waits", "queued 8; cancelled");
  assert_life (f, "loads", "queued 0; cancelled");
  assert_life (f, "handed", "queued 4; cancelled");
  assert_life (f, "unread", "");
  g_assert_cmpuint (snapshot (f)->n_sources, ==, 3);
  /* its place is free again */
  g_assert_cmpuint (
      ech_lane_source (ech_scheduler_add_lane (f->scheduler, "next", ECH_SOURCE_OSC, 0)), ==, 3);
}

static void
test_lanes_run_out (struct fake *f)
{
  for (int i = 3; i < ECH_MAX_SOURCES; i++)
    g_assert_nonnull (ech_scheduler_add_lane (f->scheduler, "one more", ECH_SOURCE_OSC, 0));
  g_assert_null (ech_scheduler_add_lane (f->scheduler, "too many", ECH_SOURCE_OSC, 0));
}

static void
test_curve (struct fake *f)
{
  ech_scheduler_set_crossfader_curve (f->scheduler, ECH_CURVE_CUT);
  fake_settle (f);
  g_assert_cmpuint (fake_last_command (f, ECH_COMMAND_PARAM)->param, ==,
                    ECH_PARAM_CROSSFADER_CURVE);
  g_assert_cmpfloat (fake_last_command (f, ECH_COMMAND_PARAM)->value, ==, ECH_CURVE_CUT);
  fake_settle (f);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_PARAM), ==, 1);
}

/* All sorts of things at random times; what must hold: each action gets exactly one last fate,
 * every track is given back, and nothing is loaded onto, or ejected from, a deck on air (the fake
 * audio thread looks at each swap). */
static void
test_random (struct fake *f)
{
  static const char *const messages[] = {
    "/deck/%c/play",
    "/deck/%c/play bar",
    "/deck/%c/play 3 beat",
    "/deck/%c/stop",
    "/deck/%c/stop beat",
    "/deck/%c/seek 5 1/4",
    "/deck/%c/load x.flac",
    "/deck/%c/load x.flac bar",
    "/deck/%c/eject",
    "/deck/%c/eject beat",
    "/deck/%c/cue",
    "/deck/%c/cue 2",
    "/deck/%c/beatjump 4 1/2",
    "/lock/%c",
    "/unlock/%c",
    "/unlock/%c",
    "/eq/%c/low -3 beat",
    "/tempo 140 bar",
    "/tempo 90",
    "/deck/%c/sync 1",
    "/emergency",
  };
  g_autoptr (GRand) rand       = g_rand_new_with_seed (2);
  g_autoptr (GHashTable) fates = g_hash_table_new (g_direct_hash, g_direct_equal);
  unsigned n_posted = 0, n_last = 0;

  for (int i = 0; i < 20000; i++) {
    EchLane    *lanes[] = { f->hand, f->osc, f->agent };
    const char *format  = messages[g_rand_int_range (rand, 0, G_N_ELEMENTS (messages))];

    if (g_rand_int_range (rand, 0, 4) == 0) {
      g_autofree char *message = g_strdup (format);
      char            *letter  = strchr (message, '%');

      if (letter) { /* "%c" becomes one letter */
        *letter = g_rand_int_range (rand, 0, 2) ? 'a' : 'b';
        memmove (letter + 1, letter + 2, strlen (letter + 2) + 1);
      }
      n_posted += fake_post (lanes[g_rand_int_range (rand, 0, 3)], message) == 0;
    }
    if (f->n_requests && g_rand_int_range (rand, 0, 3) == 0) {
      uint64_t back    = (uint64_t) g_rand_int_range (rand, 0, 2); /* MIN() takes its arguments twice */
      uint64_t request = f->n_requests - MIN (f->n_requests - 1, back);

      if (g_rand_int_range (rand, 0, 8) == 0)
        fake_answer_failed (f, request, "no");
      else if (g_rand_boolean (rand))
        fake_answer_ready (f, request, fake_pcm_new (600));
      else
        fake_answer_grid (f, request, 120);
    }
    f->asleep = g_rand_int_range (rand, 0, 20) == 0;
    fake_tick (f);
    fake_cycle (f, (uint32_t) g_rand_int_range (rand, 0, 4096));
  }
  f->asleep = false;
  fake_post (f->hand, "/emergency");
  n_posted++;
  for (int i = 0; i < 3; i++)
    fake_settle (f);

  for (guint i = 0; i < f->events->len; i++) {
    const struct ech_event *event = &g_array_index (f->events, struct ech_event, i);

    if (event->fate == ECH_FATE_QUEUED)
      continue;
    n_last++;
    g_assert_true (g_hash_table_add (fates, GSIZE_TO_POINTER (event->serial)));
  }
  g_assert_cmpuint (n_last, ==, n_posted);
  g_assert_cmpuint (n_posted, >, 3000);
  g_assert_cmpuint (snapshot (f)->n_executed, >, 500);
  g_assert_cmpuint (snapshot (f)->n_executed + snapshot (f)->n_rejected, <=, n_posted);
}

/* Freed in the middle of everything: nothing leaks (run under ASan), every track is given back. */
static void
test_freed_in_flight (struct fake *f)
{
  fake_load (f, "a");
  fake_post (f->osc, "/deck/b/load one.flac @64");
  fake_post (f->osc, "/deck/a/load two.flac");
  fake_tick (f);
  fake_answer_ready (f, 2, fake_pcm_new (60));
  fake_answer_ready (f, 3, fake_pcm_new (60));
  fake_tick (f); /* two.flac's order lies in the ring */
  fake_post (f->osc, "/lock/a text");
  fake_answer_ready (f, 9, fake_pcm_new (60));
}

/* The heap against plain sorting, with removals anywhere. */
static int
compare_appointments (gconstpointer a, gconstpointer b)
{
  const struct ech_appointment *x = *(struct ech_appointment *const *) a,
                               *y = *(struct ech_appointment *const *) b;

  return x->beats != y->beats ? (x->beats > y->beats) - (x->beats < y->beats)
                              : (x->serial > y->serial) - (x->serial < y->serial);
}

static void
test_schedule (void)
{
  static struct ech_appointment all[300];
  struct ech_appointment       *next[G_N_ELEMENTS (all)];
  g_autoptr (GRand) rand      = g_rand_new_with_seed (3);
  g_autoptr (GPtrArray) plain = g_ptr_array_new();
  struct ech_schedule schedule;

  ech_schedule_init (&schedule);
  for (int i = 0; i < 20000; i++) {
    struct ech_appointment *one = &all[g_rand_int_range (rand, 0, G_N_ELEMENTS (all))];

    if (one->place) {
      ech_schedule_remove (&schedule, one);
      g_ptr_array_remove (plain, one);
    } else {
      one->beats  = g_rand_int_range (rand, 0, 100);
      one->serial = (uint64_t) i;
      ech_schedule_add (&schedule, one);
      g_ptr_array_add (plain, one);
    }
    if (i % 20)
      continue;
    g_ptr_array_sort (plain, compare_appointments);
    g_assert_cmpuint (ech_schedule_peek (&schedule, next, G_N_ELEMENTS (all)), ==, plain->len);
    g_assert_true (ech_schedule_first (&schedule) == (plain->len ? plain->pdata[0] : NULL));
    for (guint k = 0; k < plain->len; k++)
      g_assert_true (next[k] == plain->pdata[k]);
  }
  ech_schedule_finish (&schedule);
}

static void
run (gconstpointer test)
{
  struct fake fake;

  fake_init (&fake);
  ((Test) test) (&fake);
  fake_finish (&fake);
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *path;
    Test        test;
  } tests[] = {
    { "/scheduler/now", test_now },
    { "/scheduler/loops-and-hotcues", test_loops_and_hotcues },
    { "/scheduler/mixer", test_mixer },
    { "/scheduler/bar", test_bar },
    { "/scheduler/on-the-boundary", test_on_the_boundary },
    { "/scheduler/order-of-beats", test_order_of_beats },
    { "/scheduler/passed", test_passed },
    { "/scheduler/default-timing", test_default_timing },
    { "/scheduler/in-phase", test_in_phase },
    { "/scheduler/late/next-boundary", test_late_gets_next_boundary },
    { "/scheduler/late/at-beat", test_late_at_beat_is_missed },
    { "/scheduler/late/again", test_late_again_and_again },
    { "/scheduler/tempo/keeps-the-beat", test_tempo_keeps_the_beat },
    { "/scheduler/tempo/leap", test_tempo_leap },
    { "/scheduler/cancel/waiting", test_cancel },
    { "/scheduler/cancel/handed-over", test_cancel_after_hand_over },
    { "/scheduler/cancel/too-late", test_cancel_too_late },
    { "/scheduler/cancel/whose", test_cancel_whose },
    { "/scheduler/deadline", test_deadline },
    { "/scheduler/duplicate", test_duplicate },
    { "/scheduler/invalid", test_invalid },
    { "/scheduler/safety-when-due", test_safety_when_due },
    { "/scheduler/orders-on-their-way", test_orders_on_their_way_count },
    { "/scheduler/swap/start", test_swap_and_start },
    { "/scheduler/swap/fader", test_swap_and_fader },
    { "/scheduler/stop-means-stop", test_stop_means_stop },
    { "/scheduler/emergency", test_emergency },
    { "/scheduler/end-of-track", test_end_of_track },
    { "/scheduler/batch/judged-whole", test_batch },
    { "/scheduler/batch/all-or-nothing", test_batch_is_all_or_nothing },
    { "/scheduler/load/life", test_load },
    { "/scheduler/load/failed", test_load_failed },
    { "/scheduler/load/fails-after-ready", test_load_fails_after_ready },
    { "/scheduler/load/superseded", test_load_superseded },
    { "/scheduler/load/cancelled", test_load_cancelled },
    { "/scheduler/load/judged-again", test_load_judged_again },
    { "/scheduler/load/on-a-beat", test_load_on_a_beat },
    { "/scheduler/load/late", test_late_load_keeps_its_track },
    { "/scheduler/load/stale", test_stale },
    { "/scheduler/load/stale-by-feedback", test_stale_by_feedback },
    { "/scheduler/load/bad-grid", test_bad_grid },
    { "/scheduler/ring-full", test_ring_full },
    { "/scheduler/ring-full-keeps-order", test_ring_full_keeps_order },
    { "/scheduler/fairness", test_fairness },
    { "/scheduler/lane-removed", test_lane_removed },
    { "/scheduler/lanes-run-out", test_lanes_run_out },
    { "/scheduler/crossfader-curve", test_curve },
    { "/scheduler/random", test_random },
    { "/scheduler/freed-in-flight", test_freed_in_flight },
  };

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/executor/schedule", test_schedule);
  for (unsigned i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add_data_func (tests[i].path, (gconstpointer) tests[i].test, run);
  return g_test_run();
}
