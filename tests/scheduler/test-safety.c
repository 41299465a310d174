/* The masks, each state with each verb, and each rule with the case it is for.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <string.h>

#include "engine/scheduler/safety.h"
#include "engine/scheduler/vocabulary.h"

static struct ech_safety_policy policy;

/* clang-format off */
/* What a DJ expects, written down by hand: E empty, L loading, S stopped, P primed, A playing. */
static const struct { enum ech_verb verb; const char *states; } expected[] = {
  { ECH_VERB_LOAD,     "ELSPA" },
  { ECH_VERB_EJECT,    " LS A" },
  { ECH_VERB_PLAY,     "  SPA" },
  { ECH_VERB_STOP,     "  SPA" },
  { ECH_VERB_SEEK,     "  SPA" },
  { ECH_VERB_CUE,      "  SPA" },
  { ECH_VERB_BEATJUMP, "  SPA" },
  { ECH_VERB_SPEED,    "ELSPA" },
  { ECH_VERB_SYNC,     "ELSPA" },
  { ECH_VERB_TRIM,     "ELSPA" },
  { ECH_VERB_VOLUME,   "ELSPA" },
  { ECH_VERB_EQ,       "ELSPA" },
  { ECH_VERB_FILTER,   "ELSPA" },
  { ECH_VERB_PFL,      "ELSPA" },
  { ECH_VERB_LOCK,     "ELSPA" },
  { ECH_VERB_UNLOCK,   "ELSPA" },
  { ECH_VERB_LOOP,          "  SPA" },
  { ECH_VERB_LOOP_IN,       "  SPA" },
  { ECH_VERB_LOOP_OUT,      "  SPA" },
  { ECH_VERB_LOOP_MOVE,     "  SPA" },
  { ECH_VERB_HOTCUE_SET,    "  SPA" },
  { ECH_VERB_HOTCUE_JUMP,   "  SPA" },
  { ECH_VERB_HOTCUE_CLEAR,  "  SPA" },
  { ECH_VERB_BEND,          "ELSPA" },
  { ECH_VERB_KEYLOCK,       "ELSPA" },
};
/* clang-format on */

/* A deck in @state, faded out, with a grid and ten seconds of track. */
static struct ech_shadow
shadow_in (enum ech_deck_state state)
{
  struct ech_shadow       shadow;
  struct ech_deck_shadow *deck = &shadow.decks[0];

  ech_shadow_init (&shadow, 2);
  deck->is_loading = state == ECH_DECK_LOADING;
  if (state >= ECH_DECK_STOPPED) {
    ech_shadow_take_track (&shadow, 0, 1, 48000, 480000, 0);
    deck->has_grid = deck->analysed = true;
  }
  deck->n_waiting_plays = state == ECH_DECK_PRIMED;
  deck->playing         = state == ECH_DECK_PLAYING;
  return shadow;
}

static enum ech_rule
judge (const struct ech_shadow *shadow,
       enum ech_verb            verb,
       double                   value,
       enum ech_source_class    source_class,
       bool                     in_time,
       char                    *out_text)
{
  struct ech_action   action   = { .verb = verb, .value = value };
  struct ech_petition petition = { &action, source_class, in_time };
  struct ech_verdict  verdict;
  bool                allowed = ech_safety_judge (&policy, shadow, &petition, &verdict);

  g_assert_true (allowed == (verdict.rule == ECH_RULE_NONE));
  /* every refusal says why, to a person */
  g_assert_true (allowed || (strlen (verdict.text) > 20 && strchr (verdict.text, 'A')));
  if (out_text)
    g_strlcpy (out_text, verdict.text, ECH_TEXT_MAX);
  return verdict.rule;
}

static void
test_masks (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (expected); i++) {
    for (int state = 0; state < ECH_N_DECK_STATES; state++) {
      struct ech_shadow shadow  = shadow_in ((enum ech_deck_state) state);
      bool              allowed = expected[i].states[state] != ' ';
      enum ech_rule     rule;

      g_assert_cmpint (ech_shadow_deck_state (&shadow.decks[0]), ==, state);
      rule = judge (&shadow, expected[i].verb, 1, ECH_SOURCE_OSC, false, NULL);
      g_test_message ("%s on %s: %s", ech_verb_name (expected[i].verb),
                      ech_deck_state_name ((enum ech_deck_state) state), ech_rule_name (rule));
      g_assert_true (ech_safety_mask ((enum ech_deck_state) state, expected[i].verb) == allowed);
      g_assert_true ((rule == ECH_RULE_NONE) == allowed);
      if (!allowed)
        g_assert_cmpint (rule, ==, state == ECH_DECK_EMPTY ? ECH_RULE_NO_TRACK : ECH_RULE_STATE);
    }
  }
}

/* Each verb is in the table above or has no deck, so none is forgotten. */
static void
test_masks_are_complete (void)
{
  for (int verb = ECH_VERB_NONE + 1; verb < ECH_N_VERBS; verb++) {
    bool found = false;

    for (unsigned i = 0; i < G_N_ELEMENTS (expected); i++)
      found |= expected[i].verb == (enum ech_verb) verb;
    g_assert_true (found == ech_verb_has_deck ((enum ech_verb) verb));
  }
}

static void
test_lock (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action lock   = { .verb = ECH_VERB_LOCK, .text = "the guest's deck" };
  char              text[ECH_TEXT_MAX];

  ech_shadow_take_executed (&shadow, &lock, 0);
  for (unsigned i = 0; i < G_N_ELEMENTS (expected); i++) {
    bool          passes = expected[i].verb == ECH_VERB_LOCK || expected[i].verb == ECH_VERB_UNLOCK;
    enum ech_rule rule   = judge (&shadow, expected[i].verb, 1, ECH_SOURCE_HAND, true, text);

    g_assert_cmpint (rule, ==, passes ? ECH_RULE_NONE : ECH_RULE_LOCKED);
    if (!passes)
      g_assert_nonnull (strstr (text, "the guest's deck"));
  }
  g_assert_cmpint (judge (&shadow, ECH_VERB_EMERGENCY, 0, ECH_SOURCE_AGENT, false, NULL), ==,
                   ECH_RULE_NONE);
  g_assert_cmpint (judge (&shadow, ECH_VERB_CROSSFADER, 0, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NONE);
  lock.verb = ECH_VERB_UNLOCK;
  ech_shadow_take_executed (&shadow, &lock, 0);
  g_assert_cmpint (judge (&shadow, ECH_VERB_PLAY, NAN, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NONE);
}

/* clang-format off */
static const struct {
  const char *why; enum ech_verb verb; double value; bool in_time; enum ech_rule rule;
} on_air[] = {
  { "a load would cut it",                       ECH_VERB_LOAD,     0,   false, ECH_RULE_ON_AIR },
  { "a load on the bar cuts it too",             ECH_VERB_LOAD,     0,   true,  ECH_RULE_ON_AIR },
  { "an eject would cut it",                     ECH_VERB_EJECT,    0,   false, ECH_RULE_ON_AIR },
  { "an eject on the bar cuts it too",           ECH_VERB_EJECT,    0,   true,  ECH_RULE_ON_AIR },
  { "a seek now breaks the beat",                ECH_VERB_SEEK,     5,   false, ECH_RULE_ON_AIR },
  { "a seek on the beat keeps it",               ECH_VERB_SEEK,     5,   true,  ECH_RULE_NONE },
  { "play from a position now is a seek",        ECH_VERB_PLAY,     5,   false, ECH_RULE_ON_AIR },
  { "play from a position on the beat",          ECH_VERB_PLAY,     5,   true,  ECH_RULE_NONE },
  { "play while it plays changes nothing",       ECH_VERB_PLAY,     NAN, false, ECH_RULE_NONE },
  { "to the cue now breaks the beat",            ECH_VERB_CUE,      NAN, false, ECH_RULE_ON_AIR },
  { "to the cue on the beat",                    ECH_VERB_CUE,      NAN, true,  ECH_RULE_NONE },
  { "setting the cue is not heard",              ECH_VERB_CUE,      5,   false, ECH_RULE_NONE },
  { "a beatjump stays in phase by nature",       ECH_VERB_BEATJUMP, 4,   false, ECH_RULE_NONE },
  { "a loop stays in phase by nature",           ECH_VERB_LOOP,     4,   false, ECH_RULE_NONE },
  { "an out point is a loop",                    ECH_VERB_LOOP_OUT, 0,   false, ECH_RULE_NONE },
  { "a moved loop is a beatjump",                ECH_VERB_LOOP_MOVE, 4,  false, ECH_RULE_NONE },
  { "setting a hot cue is not heard",            ECH_VERB_HOTCUE_SET, 0, false, ECH_RULE_NONE },
  { "to a hot cue now breaks the beat",          ECH_VERB_HOTCUE_JUMP, 0, false, ECH_RULE_ON_AIR },
  { "to a hot cue on the beat",                  ECH_VERB_HOTCUE_JUMP, 0, true, ECH_RULE_NONE },
  { "bending is a hand on the record",           ECH_VERB_BEND,     0.1, false, ECH_RULE_NONE },
  { "a person may stop what is heard",           ECH_VERB_STOP,     0,   false, ECH_RULE_NONE },
};
/* clang-format on */

static void
test_on_air (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_PLAYING);

  for (unsigned i = 0; i < G_N_ELEMENTS (on_air); i++) {
    g_test_message ("%s", on_air[i].why);
    shadow.decks[0].gain = 1;
    g_assert_cmpint (
        judge (&shadow, on_air[i].verb, on_air[i].value, ECH_SOURCE_HAND, on_air[i].in_time, NULL),
        ==, on_air[i].rule);
    /* faded out, all of it is allowed */
    shadow.decks[0].gain = 0.0009f;
    g_assert_cmpint (
        judge (&shadow, on_air[i].verb, on_air[i].value, ECH_SOURCE_HAND, on_air[i].in_time, NULL),
        ==, ECH_RULE_NONE);
  }
}

static void
test_what_is_heard (void)
{
  struct ech_shadow       shadow = shadow_in (ECH_DECK_PLAYING);
  struct ech_deck_shadow *deck   = &shadow.decks[0];

  deck->gain = 0.0011;
  g_assert_true (ech_shadow_is_on_air (deck, policy.least_gain));
  deck->eq_db[0] = deck->eq_db[1] = -26;
  g_assert_true (ech_shadow_is_on_air (deck, policy.least_gain)); /* the highs are left */
  deck->eq_db[2] = -INFINITY;
  g_assert_false (ech_shadow_is_on_air (deck, policy.least_gain));
  deck->eq_db[2] = 0;
  deck->playing  = false;
  g_assert_false (ech_shadow_is_on_air (deck, policy.least_gain));
  /* a start that is on its way counts */
  deck->in_flight         = 7;
  deck->in_flight_playing = true;
  g_assert_true (ech_shadow_is_on_air (deck, policy.least_gain));
}

static void
test_last_deck (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_PLAYING);

  shadow.decks[0].gain = 1;
  g_assert_cmpint (judge (&shadow, ECH_VERB_STOP, 0, ECH_SOURCE_AGENT, true, NULL), ==,
                   ECH_RULE_LAST_DECK);
  g_assert_cmpint (judge (&shadow, ECH_VERB_STOP, 0, ECH_SOURCE_BRIDGE, false, NULL), ==,
                   ECH_RULE_LAST_DECK);
  g_assert_cmpint (judge (&shadow, ECH_VERB_CUE, NAN, ECH_SOURCE_AGENT, true, NULL), ==,
                   ECH_RULE_LAST_DECK);
  g_assert_cmpint (judge (&shadow, ECH_VERB_STOP, 0, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NONE);
  g_assert_cmpint (judge (&shadow, ECH_VERB_STOP, 0, ECH_SOURCE_HAND, false, NULL), ==,
                   ECH_RULE_NONE);
  /* with another one on air it may go */
  shadow.decks[1] = shadow.decks[0];
  g_assert_cmpint (judge (&shadow, ECH_VERB_STOP, 0, ECH_SOURCE_AGENT, false, NULL), ==,
                   ECH_RULE_NONE);
  shadow.decks[1].gain = 0;
  g_assert_cmpint (judge (&shadow, ECH_VERB_STOP, 0, ECH_SOURCE_AGENT, false, NULL), ==,
                   ECH_RULE_LAST_DECK);
}

static void
test_grid_and_position (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  char              text[ECH_TEXT_MAX];

  g_assert_cmpint (judge (&shadow, ECH_VERB_SEEK, 9.99, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NONE);
  g_assert_cmpint (judge (&shadow, ECH_VERB_SEEK, 10, ECH_SOURCE_OSC, false, text), ==,
                   ECH_RULE_INVALID);
  g_assert_nonnull (strstr (text, "0:10.0 long"));
  g_assert_cmpint (judge (&shadow, ECH_VERB_PLAY, 300, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_INVALID);
  g_assert_cmpint (judge (&shadow, ECH_VERB_CUE, 300, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_INVALID);

  shadow.decks[0].has_grid = false;
  g_assert_cmpint (judge (&shadow, ECH_VERB_BEATJUMP, 4, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NO_GRID);
  g_assert_cmpint (judge (&shadow, ECH_VERB_LOOP, 4, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NO_GRID);
  g_assert_cmpint (judge (&shadow, ECH_VERB_LOOP, 0, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NONE);
  g_assert_cmpint (judge (&shadow, ECH_VERB_LOOP_MOVE, 1, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NO_GRID);
  g_assert_cmpint (judge (&shadow, ECH_VERB_LOOP_IN, 0, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NONE);
  g_assert_cmpint (judge (&shadow, ECH_VERB_SYNC, 1, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NO_GRID);
  g_assert_cmpint (judge (&shadow, ECH_VERB_SYNC, 0, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NONE);
  /* it may still come */
  shadow.decks[0].analysed = false;
  g_assert_cmpint (judge (&shadow, ECH_VERB_SYNC, 1, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NONE);
  g_assert_cmpint (judge (&shadow, ECH_VERB_BEATJUMP, 4, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NO_GRID);
}

/* docs/safety.md shows the very table that is in force. */
static void
test_documentation (void)
{
  g_autofree char *path =
      g_build_filename (g_getenv ("ECH_SOURCE_ROOT"), "docs", "safety.md", NULL);
  g_autofree char *text = NULL;
  char             table[4096];

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  ech_safety_mask_print (table, sizeof table);
  g_test_message ("%s", table);
  g_assert_nonnull (strstr (text, table));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ech_safety_policy_init (&policy);
  g_test_add_func ("/safety/masks", test_masks);
  g_test_add_func ("/safety/masks-complete", test_masks_are_complete);
  g_test_add_func ("/safety/lock", test_lock);
  g_test_add_func ("/safety/on-air", test_on_air);
  g_test_add_func ("/safety/heard", test_what_is_heard);
  g_test_add_func ("/safety/last-deck", test_last_deck);
  g_test_add_func ("/safety/grid-and-position", test_grid_and_position);
  g_test_add_func ("/safety/documentation", test_documentation);
  return g_test_run();
}
