/* Sources side by side under the default policy: modes, a person's yes, hands that take over,
 * rates, priorities, bundles, and what is counted of it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <string.h>

#include "engine/scheduler/vocabulary.h"
#include "tests/scheduler/fake-audio.h"

static struct ech_policy    policy;
static struct ech_state     state;
static struct ech_telemetry telemetry;

#define assert_life(f, id, expected)                \
  G_STMT_START                                      \
  {                                                 \
    g_autofree char *life_ = fake_life ((f), (id)); \
    g_assert_cmpstr (life_, ==, (expected));        \
  }                                                 \
  G_STMT_END

static const struct ech_state *
snapshot (struct fake *f)
{
  ech_scheduler_snapshot (f->scheduler, &state);
  return &state;
}

static const struct ech_telemetry *
counted (struct fake *f)
{
  ech_scheduler_telemetry (f->scheduler, &telemetry);
  return &telemetry;
}

static const struct ech_source_status *
source (struct fake *f, const char *name)
{
  snapshot (f);
  for (uint32_t i = 0; i < state.n_sources; i++) {
    if (strcmp (state.sources[i].name, name) == 0)
      return &state.sources[i];
  }
  g_assert_not_reached();
}

/* A track on deck A, and the hand that loaded it is eight beats ago. */
static void
begin (struct fake *f)
{
  fake_load (f, "a");
  fake_run_to_beat (f, 8);
  fake_forget (f);
}

static void
post (struct fake *f, EchLane *lane, const char *message)
{
  g_assert_cmpint (fake_post (lane, message), ==, 0);
  fake_settle (f);
}

static void
set_mode (struct fake *f, const char *name, const char *mode)
{
  g_autofree char *message = g_strdup_printf ("/source/%s/mode %s", name, mode);

  post (f, f->hand, message);
}

static const char *
said (struct fake *f, const char *id)
{
  const struct ech_event *event = fake_last_event (f, id);

  g_assert_nonnull (event);
  return event->text;
}

/* Modes */

static void
test_off (struct fake *f)
{
  begin (f);
  post (f, f->agent, "/deck/a/play @12 id=early");
  set_mode (f, "agent", "off");
  g_assert_cmpint (source (f, "agent")->mode, ==, ECH_MODE_OFF);
  post (f, f->agent, "/deck/a/volume 0.5 id=v");
  assert_life (f, "v", "rejected mode");
  fake_run_to_beat (f, 13); /* and what it had waiting is not done */
  assert_life (f, "early", "queued 12; rejected mode");
  set_mode (f, "agent", "auto");
  post (f, f->agent, "/deck/a/volume 0.5 id=w");
  assert_life (f, "w", "executed 13");
  g_assert_cmpuint (source (f, "agent")->violations, ==, 2);
}

static void
test_ghost (struct fake *f)
{
  begin (f);
  set_mode (f, "agent", "ghost");
  post (f, f->agent, "/deck/a/play id=p");
  post (f, f->agent, "/lock/a id=l");
  assert_life (f, "p", "rejected ghost");
  assert_life (f, "l", "rejected ghost");
  g_assert_cmpstr (said (f, "p"), ==, "Ghost: would have done \"Deck A: play\".");
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_PLAY), ==, 0);
  g_assert_false (snapshot (f)->decks[0].locked);
  g_assert_cmpuint (source (f, "agent")->violations, ==, 0); /* it did nothing wrong */
}

static void
test_mode_outlives (struct fake *f)
{
  EchLane *lane;

  set_mode (f, "agent", "off");
  ech_scheduler_remove_lane (f->scheduler, f->agent);
  fake_settle (f);
  lane = ech_scheduler_add_lane (f->scheduler, "agent", ECH_SOURCE_AGENT, 0);
  fake_settle (f);
  post (f, lane, "/deck/a/volume 0.5 id=v");
  assert_life (f, "v", "rejected mode");
}

static void
test_new_policy (struct fake *f)
{
  struct ech_policy next;

  ech_policy_init (&next);
  set_mode (f, "agent", "ghost");
  next.classes[ECH_SOURCE_OSC].mode = ECH_MODE_OFF;
  next.classes[ECH_SOURCE_AGENT].verbs &= ~(UINT64_C (1) << ECH_VERB_VOLUME);
  ech_scheduler_set_policy (f->scheduler, &next);
  post (f, f->osc, "/deck/a/volume 0.5 id=o");
  post (f, f->agent, "/deck/a/volume 0.5 id=a");
  assert_life (f, "o", "rejected mode");
  assert_life (f, "a", "rejected forbidden");
  g_assert_cmpint (source (f, "agent")->mode, ==, ECH_MODE_GHOST);
  next.n_sources = 1;
  g_strlcpy (next.sources[0].name, "osc", ECH_NAME_MAX);
  next.sources[0].source_class = ECH_SOURCE_HAND;
  next.sources[0].rules        = next.classes[ECH_SOURCE_HAND];
  ech_scheduler_set_policy (f->scheduler, &next);
  fake_settle (f);
  g_assert_cmpint (source (f, "osc")->source_class, ==, ECH_SOURCE_HAND);
  g_assert_cmpint (source (f, "osc")->priority, ==, 100);
  g_assert_cmpint (source (f, "osc")->mode, ==, ECH_MODE_AUTO); /* the policy's own changed */
}

/* A yes */

static void
test_yes (struct fake *f)
{
  const struct ech_event *event;

  begin (f);
  set_mode (f, "agent", "assist");
  post (f, f->agent, "/deck/a/play bar id=p");
  event = fake_last_event (f, "p");
  g_assert_cmpint (event->fate, ==, ECH_FATE_QUEUED);
  g_assert_cmpint (event->rule, ==, ECH_RULE_CONFIRM);
  g_assert_cmpint (event->deck_state, ==, ECH_DECK_STOPPED);
  g_assert_cmpuint (snapshot (f)->n_pending, ==, 1);
  g_assert_true (state.pending[0].held);
  g_assert_cmpstr (state.pending[0].id, ==, "p");
  /* beat 8 is second 4; 30 s for a yes */
  g_assert_cmpuint (state.pending[0].until_ns, ==, UINT64_C (34000000000));
  fake_run_to_beat (f, 13); /* the bar that it would have had is gone */
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_PLAY), ==, 0);
  post (f, f->hand, "/confirm p id=yes");
  g_assert_cmpuint (snapshot (f)->n_pending, ==, 1);
  g_assert_false (state.pending[0].held);
  g_assert_cmpuint (state.pending[0].until_ns, ==, 0);
  g_assert_cmpfloat (state.pending[0].due_beats, ==, 16);
  fake_run_to_beat (f, 17);
  assert_life (f, "p", "queued 8; queued 16; executed 16");
  assert_life (f, "yes", "executed 13");
  g_assert_cmpuint (counted (f)->confirmed, ==, 1);
  post (f, f->hand, "/confirm p id=again");
  assert_life (f, "again", "rejected unknown");
}

static void
test_yes_without_id (struct fake *f)
{
  char message[64];

  begin (f);
  set_mode (f, "agent", "assist");
  post (f, f->agent, "/deck/a/volume 0.5");
  g_assert_cmpuint (snapshot (f)->n_pending, ==, 1);
  g_assert_cmpint (state.pending[0].id[0], ==, '#');
  g_snprintf (message, sizeof message, "/confirm %s", state.pending[0].id);
  post (f, f->agent, message); /* not by itself */
  g_assert_cmpuint (snapshot (f)->n_pending, ==, 1);
  post (f, f->osc, message);
  g_assert_cmpuint (snapshot (f)->n_pending, ==, 0);
  g_assert_cmpfloat (state.decks[0].volume, ==, 0.5);
}

/* Yes to what cannot be any more. */
static void
test_yes_too_late (struct fake *f)
{
  begin (f);
  set_mode (f, "agent", "assist");
  post (f, f->agent, "/deck/a/volume 0.2 id=v");
  post (f, f->agent, "/deck/a/play @12 id=p");
  fake_run_to_beat (f, 12.5);
  post (f, f->hand, "/lock/a");
  post (f, f->hand, "/confirm v id=yes1");
  assert_life (f, "v", "queued 8; rejected locked");
  assert_life (f, "yes1", "executed 12.5");
  post (f, f->hand, "/unlock/a");
  fake_run_to_beat (f, 20);
  post (f, f->hand, "/confirm p id=yes2");
  assert_life (f, "p", "queued 8; rejected missed");
}

static void
test_no_yes (struct fake *f)
{
  begin (f);
  set_mode (f, "agent", "assist");
  post (f, f->agent, "/deck/a/volume 0.2 id=v");
  post (f, f->agent, "/eq/a/low -3 id=w");
  post (f, f->agent, "/cancel w id=c"); /* taking back needs no yes */
  assert_life (f, "w", "queued 8; cancelled");
  assert_life (f, "c", "executed 8");
  fake_run_to_beat (f, 8 + 59);
  assert_life (f, "v", "queued 8");
  fake_run_to_beat (f, 8 + 60.1); /* 30 s at 120 BPM */
  assert_life (f, "v", "queued 8; expired");
  g_assert_cmpint (fake_last_event (f, "v")->rule, ==, ECH_RULE_CONFIRM);
  g_assert_cmpuint (counted (f)->expired_unconfirmed, ==, 1);
  /* switched off, it asks for nothing any more */
  post (f, f->agent, "/eq/a/low -3 id=x");
  set_mode (f, "agent", "off");
  g_assert_cmpint (fake_last_event (f, "x")->fate, ==, ECH_FATE_CANCELLED);
  g_assert_cmpuint (snapshot (f)->n_pending, ==, 0);
  /* gone, too */
  set_mode (f, "osc", "assist");
  post (f, f->osc, "/eq/a/mid -3 id=y");
  ech_scheduler_remove_lane (f->scheduler, f->osc);
  fake_settle (f);
  g_assert_cmpint (fake_last_event (f, "y")->fate, ==, ECH_FATE_CANCELLED);
}

static struct ech_action
parsed (const char *address, const char *argument, const char *id)
{
  struct ech_value  values[2] = { { .type = 'w', .s = argument }, { .type = 'w', .s = id } };
  struct ech_action action;
  char              error[ECH_TEXT_MAX];

  if (ech_vocabulary_parse (address, argument ? values : &values[1], argument ? 2 : 1, 4, &action,
                            error)
      < 0)
    g_error ("%s", error);
  return action;
}

static void
test_batch_is_held_whole (struct fake *f)
{
  struct ech_action batch[] = { parsed ("/deck/a/volume", "0.2", "id=1"),
                                parsed ("/eq/a/low", "-3", "id=2"),
                                parsed ("/unlock/a", NULL, "id=3") };

  begin (f);
  set_mode (f, "agent", "assist");
  ech_lane_post_batch (f->agent, batch, 3);
  fake_settle (f);
  g_assert_cmpuint (snapshot (f)->n_pending, ==, 3);
  g_assert_cmpfloat (state.decks[0].volume, ==, 1);
  post (f, f->hand, "/confirm 2");
  assert_life (f, "1", "queued 8; executed 8");
  assert_life (f, "2", "queued 8; executed 8");
  assert_life (f, "3", "queued 8; executed 8");
  /* one taken back is all taken back */
  for (int i = 0; i < 3; i++)
    batch[i].id[0] += 4;
  ech_lane_post_batch (f->agent, batch, 3);
  fake_settle (f);
  post (f, f->hand, "/cancel 6 id=c");
  assert_life (f, "5", "queued 8; cancelled");
  assert_life (f, "6", "queued 8; cancelled");
  assert_life (f, "7", "queued 8; cancelled");
  assert_life (f, "c", "executed 8");
  /* one refused at the yes is all refused */
  for (int i = 0; i < 3; i++)
    batch[i].id[0] = (char) ('p' + i);
  ech_lane_post_batch (f->agent, batch, 2);
  fake_settle (f);
  post (f, f->hand, "/eq/a/low 1");
  assert_life (f, "p", "queued 8; cancelled"); /* the hand took the bass, and with it the bundle */
  g_assert_cmpint (fake_last_event (f, "p")->rule, ==, ECH_RULE_TAKEN);
}

/* Bundles */

static void
test_batch_by_what_is_before (struct fake *f)
{
  struct ech_action batch[] = { parsed ("/lock/a", "mine", "id=1"),
                                parsed ("/deck/a/volume", "0.2", "id=2"),
                                parsed ("/emergency", NULL, "id=3") };
  struct ech_action twice[] = { parsed ("/deck/a/loop", "4", "id=4"),
                                parsed ("/deck/a/loop", "8", "id=5") };

  begin (f);
  ech_lane_post_batch (f->agent, batch, 2);
  fake_settle (f);
  assert_life (f, "1", "rejected locked");
  assert_life (f, "2", "rejected locked");
  g_assert_false (snapshot (f)->decks[0].locked);
  /* each as if the one before it had its cooldown */
  ech_lane_post_batch (f->agent, twice, 2);
  fake_settle (f);
  assert_life (f, "4", "rejected cooldown");
  /* and nothing of a refused bundle counts */
  post (f, f->agent, "/deck/a/loop 4 id=6");
  assert_life (f, "6", "executed 8");
  /* the ids of the refused are used */
  post (f, f->agent, "/deck/a/loop 4 id=5");
  assert_life (f, "5", "rejected cooldown; rejected duplicate");
  /* an emergency stop is not held up by whom it comes with */
  g_strlcpy (batch[0].id, "7", ECH_ID_MAX);
  g_strlcpy (batch[1].id, "8", ECH_ID_MAX);
  ech_lane_post_batch (f->agent, batch, 3);
  fake_settle (f);
  assert_life (f, "7", "rejected locked");
  assert_life (f, "8", "rejected locked");
  assert_life (f, "3", "executed 8");
}

/* The second step */

static void
play_on_air (struct fake *f)
{
  begin (f);
  post (f, f->hand, "/deck/a/play");
  fake_run_to_beat (f, 10);
  fake_forget (f);
}

static void
test_override (struct fake *f)
{
  play_on_air (f);
  post (f, f->hand, "/deck/a/seek 12 id=s");
  assert_life (f, "s", "rejected on-air");
  g_assert_true (g_str_has_suffix (said (f, "s"), "Confirm to do it all the same."));
  post (f, f->hand, "/confirm s id=fast"); /* a finger that bounced */
  assert_life (f, "fast", "rejected unknown");
  fake_run_to_beat (f, 11);
  post (f, f->hand, "/confirm s id=slow");
  assert_life (f, "slow", "executed 11");
  g_assert_cmpint (fake_last_event (f, "slow")->verb, ==, ECH_VERB_SEEK);
  g_assert_cmpfloat (fake_last_event (f, "slow")->value, ==, 12);
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_SEEK), ==, 1);
  g_assert_cmpuint (counted (f)->overrides, ==, 1);
  fake_run_to_beat (f, 12);
  post (f, f->hand, "/confirm s id=twice"); /* once */
  assert_life (f, "twice", "rejected unknown");
}

static void
test_override_by_number (struct fake *f)
{
  char message[64];

  play_on_air (f);
  post (f, f->hand, "/deck/a/eject");
  for (guint i = 0; i < f->events->len; i++)
    g_snprintf (message, sizeof message, "/confirm %s id=yes",
                g_array_index (f->events, struct ech_event, i).id);
  g_assert_nonnull (strchr (message, '#'));
  fake_run_to_beat (f, 11);
  post (f, f->osc, message); /* nobody else's second step */
  assert_life (f, "yes", "rejected unknown");
  f->may_cut = true;
  g_strlcat (message, "2", sizeof message);
  post (f, f->hand, message);
  assert_life (f, "yes2", "executed 11");
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_EMPTY);
}

/* A load that was insisted on goes through to the end, also when it takes its time. */
static void
test_override_of_a_load (struct fake *f)
{
  struct fake_pcm *pcm = fake_pcm_new (60);

  play_on_air (f);
  post (f, f->hand, "/deck/a/load other.flac id=l");
  assert_life (f, "l", "rejected on-air");
  fake_run_to_beat (f, 11);
  post (f, f->hand, "/confirm l id=yes");
  assert_life (f, "yes", "queued 11");
  g_assert_cmpstr (g_array_index (f->texts, char *, f->texts->len - 1), ==, "other.flac");
  f->may_cut = true;
  fake_answer_ready (f, f->n_requests, pcm);
  fake_settle (f);
  fake_settle (f);
  assert_life (f, "yes", "queued 11; executed 11");
}

static void
test_override_forbidden (struct fake *f)
{
  struct ech_policy strict;

  play_on_air (f);
  ech_policy_init (&strict);
  strict.human_override = false;
  ech_scheduler_set_policy (f->scheduler, &strict);
  post (f, f->hand, "/deck/a/seek 12 id=s");
  g_assert_null (strstr (said (f, "s"), "Confirm"));
  fake_run_to_beat (f, 11);
  post (f, f->hand, "/confirm s id=yes");
  assert_life (f, "yes", "rejected forbidden");
}

static void
test_override_and_the_rest (struct fake *f)
{
  play_on_air (f);
  post (f, f->hand, "/deck/a/seek 12 id=s");
  fake_run_to_beat (f, 11);
  post (f, f->hand, "/lock/a");
  post (f, f->hand, "/confirm s id=yes"); /* every other rule holds */
  assert_life (f, "yes", "rejected locked");
  post (f, f->hand, "/unlock/a");
  post (f, f->hand, "/confirm s id=yes2");
  assert_life (f, "yes2", "executed 11");
}

/* Hands take over */

static void
test_takeover (struct fake *f)
{
  begin (f);
  post (f, f->agent, "/eq/a/low -26 @40 id=bass");
  post (f, f->agent, "/eq/a/high -26 @40 id=treble");
  post (f, f->agent, "/deck/a/play @40 id=play");
  post (f, f->agent, "/deck/a/volume 0.3 @8.05 id=near"); /* with the audio thread already */
  post (f, f->hand, "/eq/a/low -3");
  post (f, f->hand, "/deck/a/volume 0.9");
  fake_settle (f);
  assert_life (f, "bass", "queued 40; cancelled");
  assert_life (f, "near", "queued 8.05; cancelled");
  g_assert_cmpstr (said (f, "bass"), ==, "A hand took it over.");
  g_assert_cmpstr (said (f, "near"), ==, "A hand took it over.");
  assert_life (f, "treble", "queued 40");
  post (f, f->hand, "/deck/a/loop 4"); /* plays along: the start stays */
  assert_life (f, "play", "queued 40");
  post (f, f->hand, "/deck/a/play");
  assert_life (f, "play", "queued 40; cancelled");
  post (f, f->agent, "/eq/a/low -6 id=soon");
  assert_life (f, "soon", "rejected taken");
  g_assert_cmpuint (counted (f)->taken_over, ==, 3);
  fake_run_to_beat (f, 12.1);
  post (f, f->agent, "/eq/a/low -6 id=later");
  assert_life (f, "later", "executed 12.1");
  g_assert_cmpuint (fake_count_commands (f, ECH_COMMAND_PARAM), ==, 4);
}

/* Another hand is no automation. */
static void
test_hands_among_themselves (struct fake *f)
{
  EchLane *midi = ech_scheduler_add_lane (f->scheduler, "midi", ECH_SOURCE_HAND, 0);

  begin (f);
  post (f, midi, "/deck/a/play @12 id=p");
  post (f, f->hand, "/deck/a/seek 3");
  fake_run_to_beat (f, 12.1);
  assert_life (f, "p", "queued 12; executed 12");
}

/* Rates and cooldowns in virtual time */

static void
test_rate (struct fake *f)
{
  unsigned n_refused = 0;

  begin (f);
  for (int i = 0; i < 60; i++)
    post (f, f->agent, "/deck/a/volume 0.5");
  for (guint i = 0; i < f->events->len; i++)
    n_refused += g_array_index (f->events, struct ech_event, i).rule == ECH_RULE_RATE;
  g_assert_cmpuint (n_refused, ==, 10); /* 50 a second, and at once */
  post (f, f->osc, "/deck/a/volume 0.7 id=o"); /* its own affair */
  assert_life (f, "o", "executed 8");
  fake_run_to_beat (f, 8.5); /* a quarter of a second: 12 and a half */
  fake_forget (f);
  for (int i = 0; i < 20; i++)
    post (f, f->agent, "/deck/a/volume 0.5");
  n_refused = 0;
  for (guint i = 0; i < f->events->len; i++)
    n_refused += g_array_index (f->events, struct ech_event, i).rule == ECH_RULE_RATE;
  g_assert_cmpuint (n_refused, ==, 8);
  g_assert_cmpuint (counted (f)->refused[ECH_VERB_VOLUME][ECH_RULE_RATE], ==, 18);
}

static void
test_cooldowns (struct fake *f)
{
  begin (f);
  post (f, f->hand, "/deck/a/play id=1");
  post (f, f->hand, "/deck/a/play id=2"); /* a button that bounced */
  fake_run_to_beat (f, 8.12);             /* 60 ms */
  post (f, f->hand, "/deck/a/play id=3");
  assert_life (f, "1", "executed 8");
  assert_life (f, "2", "rejected cooldown");
  g_assert_cmpint (fake_last_event (f, "3")->fate, ==, ECH_FATE_EXECUTED);
  g_assert_cmpuint (counted (f)->refused_cooldown, ==, 1);
}

static void
test_lock_of_a_hand (struct fake *f)
{
  begin (f);
  post (f, f->hand, "/lock/a the-guests");
  g_assert_cmpint (snapshot (f)->decks[0].lock_state, ==, 1);
  g_assert_cmpint (state.decks[0].lock_class, ==, ECH_SOURCE_HAND);
  post (f, f->osc, "/unlock/a id=u");
  post (f, f->osc, "/deck/a/volume 0 id=v");
  assert_life (f, "u", "rejected locked");
  assert_life (f, "v", "rejected locked");
  post (f, f->hand, "/unlock/a");
  g_assert_cmpint (snapshot (f)->decks[0].lock_state, ==, 2);
  post (f, f->agent, "/eq/a/low 1 id=w");
  assert_life (f, "w", "rejected cooldown");
  fake_run_to_beat (f, 12.1);
  g_assert_cmpint (snapshot (f)->decks[0].lock_state, ==, 0);
  g_assert_cmpuint (counted (f)->locks, ==, 1);
  g_assert_cmpuint (counted (f)->unlocks, ==, 1);
  g_assert_cmpuint (counted (f)->refused_locked, ==, 2);
}

/* What lies with the audio thread already must not change a deck that is locked, or come from a
 * source that is switched off. */
static void
test_too_late (struct fake *f)
{
  begin (f);
  post (f, f->osc, "/eq/a/low -3 @12 id=locked");
  post (f, f->osc, "/eq/b/low -3 @12 id=other");
  post (f, f->agent, "/eq/b/mid -3 @12 id=off");
  fake_run_to_beat (f, 11.9);
  post (f, f->hand, "/lock/a");
  set_mode (f, "agent", "off");
  fake_run_to_beat (f, 13);
  assert_life (f, "locked", "queued 12; rejected locked");
  assert_life (f, "off", "queued 12; rejected mode");
  assert_life (f, "other", "queued 12; executed 12");
  g_assert_cmpstr (said (f, "locked"), ==, "Deck A was locked before the beat.");
}

/* A hand takes the load of an agent over, and that is what its eject is for. */
static void
test_eject_of_a_load (struct fake *f)
{
  post (f, f->agent, "/deck/b/load /music/b.flac id=load");
  post (f, f->hand, "/deck/b/eject id=eject");
  assert_life (f, "eject", "executed 0");
  g_assert_cmpint (fake_last_event (f, "load")->fate, ==, ECH_FATE_CANCELLED);
}

static void
test_emergency (struct fake *f)
{
  play_on_air (f);
  set_mode (f, "agent", "assist");
  post (f, f->agent, "/eq/a/low -3 id=held");
  post (f, f->osc, "/eq/a/mid -3 @40 id=waits");
  set_mode (f, "agent", "off");
  post (f, f->agent, "/emergency id=e");
  assert_life (f, "e", "executed 10");
  g_assert_cmpint (fake_last_event (f, "held")->fate, ==, ECH_FATE_CANCELLED);
  g_assert_cmpint (fake_last_event (f, "waits")->fate, ==, ECH_FATE_CANCELLED);
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_STOPPED);
  set_mode (f, "agent", "auto");
  post (f, f->agent, "/eq/a/low -3 id=after");
  assert_life (f, "after", "rejected emergency");
  g_assert_cmpuint (counted (f)->emergency_stops, ==, 1);
}

/* Two faders go down in the same tick: the second would silence the room. */
static void
test_silence_in_one_tick (struct fake *f)
{
  begin (f);
  fake_load (f, "b");
  post (f, f->hand, "/deck/a/play");
  post (f, f->hand, "/deck/b/play");
  fake_run_to_beat (f, 16);
  fake_post (f->agent, "/deck/a/volume 0 id=1");
  fake_post (f->agent, "/deck/b/volume 0 id=2");
  fake_settle (f);
  assert_life (f, "1", "executed 16");
  assert_life (f, "2", "rejected last-deck");
}

/* Priority and floods */

static void
test_priority (struct fake *f)
{
  guint first = G_MAXUINT, hand = G_MAXUINT;

  begin (f);
  for (int i = 0; i < 10; i++)
    fake_post (f->agent, "/eq/a/low -3 id=a");
  fake_post (f->osc, "/eq/a/mid -3 id=o");
  fake_post (f->hand, "/eq/a/high -3 id=h");
  fake_tick (f);
  fake_cycle (f, 0);
  for (guint i = 0; i < f->commands->len; i++) {
    const struct ech_command *command = &g_array_index (f->commands, struct ech_command, i);

    if (command->type != ECH_COMMAND_PARAM)
      continue;
    if (hand == G_MAXUINT && command->param == ECH_PARAM_EQ_HIGH)
      hand = i;
    if (first == G_MAXUINT)
      first = i;
  }
  g_assert_cmpuint (hand, ==, first);
}

/* A hand that posts without end, and another's action comes through in the tick that it came for. */
static void
test_flood (struct fake *f)
{
  EchLane *flood = ech_scheduler_add_lane (f->scheduler, "flood", ECH_SOURCE_HAND, 65536);
  struct ech_action move = { .verb = ECH_VERB_CROSSFADER, .value = 0.5 };
  char              message[64];

  begin (f);
  /* 10,000 a tick of 10 ms is a million a second */
  for (int tick = 0; tick < 30; tick++) {
    for (int i = 0; i < 10000; i++)
      ech_lane_post (flood, &move); /* most find it full after a while: the flood's own affair */
    g_snprintf (message, sizeof message, "/deck/a/gain 1 id=g%d", tick);
    g_assert_cmpint (fake_post (f->osc, message), ==, 0);
    fake_tick (f);
    fake_cycle (f, 480);
    fake_tick (f);
    g_snprintf (message, sizeof message, "g%d", tick);
    /* the order went in this tick: the fate is here with the next */
    for (int more = 0; more < 4 && !fake_last_event (f, message); more++) {
      fake_cycle (f, 480);
      fake_tick (f);
    }
    g_assert_nonnull (fake_last_event (f, message));
    g_assert_cmpint (fake_last_event (f, message)->fate, ==, ECH_FATE_EXECUTED);
    g_array_set_size (f->events, 0);
    g_array_set_size (f->commands, 0);
  }
  g_assert_cmpuint (source (f, "osc")->refused_full, ==, 0);
  g_assert_cmpuint (counted (f)->sources[ech_lane_source (flood)].max_depth, >, 10000);
}

/* What is counted */

static void
test_telemetry (struct fake *f)
{
  const struct ech_source_counts *agent;

  begin (f);
  post (f, f->agent, "/limiter -3");
  post (f, f->agent, "/limiter -4");
  post (f, f->agent, "/deck/b/play");
  post (f, f->osc, "/deck/a/play @12");
  fake_run_to_beat (f, 13);
  agent = &counted (f)->sources[ech_lane_source (f->agent)];
  g_assert_cmpstr (agent->name, ==, "agent");
  g_assert_cmpuint (agent->posted, ==, 3);
  g_assert_cmpuint (agent->refused[ECH_RULE_FORBIDDEN], ==, 2);
  g_assert_cmpuint (agent->refused[ECH_RULE_NO_TRACK], ==, 1);
  g_assert_cmpuint (telemetry.refused[ECH_VERB_LIMITER][ECH_RULE_FORBIDDEN], ==, 2);
  g_assert_cmpuint (telemetry.error_n, ==, 1);
  g_assert_cmpfloat (telemetry.error_max_frames, ==, 0);
  g_assert_cmpfloat (telemetry.error_min_frames, ==, 0);
  g_assert_cmpfloat (telemetry.error_mean_frames, ==, 0);
}

/* Feedback that was lost */

static void
test_repair (struct fake *f)
{
  begin (f);
  f->loses_feedback = true;
  fake_post (f->hand, "/deck/a/play id=p");
  fake_post (f->hand, "/deck/a/volume 0.25 id=v");
  fake_settle (f);
  f->loses_feedback = false;
  g_assert_null (fake_last_event (f, "p"));
  fake_run_to_beat (f, 11);
  g_assert_cmpint (fake_last_event (f, "p")->fate, ==, ECH_FATE_EXECUTED);
  g_assert_cmpint (fake_last_event (f, "v")->fate, ==, ECH_FATE_EXECUTED);
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_PLAYING);
  g_assert_cmpfloat (state.decks[0].volume, ==, 0.25);
  g_assert_cmpuint (counted (f)->repaired, ==, 2);
  g_assert_cmpuint (telemetry.feedback_lost, ==, 2);
}

/* Also when nobody counted it, and the order was not carried out. */
static void
test_repair_of_nothing (struct fake *f)
{
  begin (f);
  fake_post (f->hand, "/deck/a/play id=p");
  fake_tick (f);
  fake_cycle (f, 0);
  /* lost with all that it did: the deck stands, and no word of it comes */
  while (ech_ring_pop (&f->exchange->feedback, &(struct ech_feedback){ 0 })) {
  }
  f->decks[0].state = ECH_DECK_STOPPED;
  fake_cycle (f, 0);
  fake_run_to_beat (f, 9);
  g_assert_null (fake_last_event (f, "p"));
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_PLAYING); /* so it is believed */
  fake_run_to_beat (f, 12);
  g_assert_cmpint (fake_last_event (f, "p")->fate, ==, ECH_FATE_REJECTED);
  g_assert_cmpint (snapshot (f)->decks[0].state, ==, ECH_DECK_STOPPED);
  g_assert_cmpuint (counted (f)->repaired, ==, 1);
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
  { "/sources/off", test_off },
  { "/sources/ghost", test_ghost },
  { "/sources/mode-outlives", test_mode_outlives },
  { "/sources/new-policy", test_new_policy },
  { "/confirm/yes", test_yes },
  { "/confirm/without-id", test_yes_without_id },
  { "/confirm/too-late", test_yes_too_late },
  { "/confirm/no-yes", test_no_yes },
  { "/confirm/batch", test_batch_is_held_whole },
  { "/batch/by-what-is-before", test_batch_by_what_is_before },
  { "/override/seek", test_override },
  { "/override/by-number", test_override_by_number },
  { "/override/load", test_override_of_a_load },
  { "/override/forbidden", test_override_forbidden },
  { "/override/and-the-rest", test_override_and_the_rest },
  { "/takeover/controls", test_takeover },
  { "/takeover/hands", test_hands_among_themselves },
  { "/sources/rate", test_rate },
  { "/sources/cooldowns", test_cooldowns },
  { "/sources/lock-of-a-hand", test_lock_of_a_hand },
  { "/sources/too-late", test_too_late },
  { "/sources/eject-of-a-load", test_eject_of_a_load },
  { "/sources/emergency", test_emergency },
  { "/sources/silence-in-one-tick", test_silence_in_one_tick },
  { "/sources/priority", test_priority },
  { "/sources/flood", test_flood },
  { "/telemetry/counts", test_telemetry },
  { "/repair/lost", test_repair },
  { "/repair/nothing-done", test_repair_of_nothing },
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ech_policy_init (&policy);
  for (unsigned i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add_data_func (tests[i].name, &tests[i].test, run);
  return g_test_run();
}
