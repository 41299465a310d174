/* The masks, each state with each verb, and each rule with the cases it is for and its sentence.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <string.h>

#include "engine/scheduler/safety.h"
#include "engine/scheduler/vocabulary.h"

/* hand, osc, bridge, agent: by their class */
static struct ech_policy       policy;
static struct ech_safety_state state;
static double                  now_beat;
static uint64_t                now_ns;
static struct ech_petition     facts; /* what the next petition says beside the action */
static struct ech_violation    said;

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

static void
forget (void)
{
  ech_safety_state_init (&state);
  for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++)
    ech_safety_source_init (&policy, &state, (uint32_t) i,
                            ech_source_class_name ((enum ech_source_class) i),
                            (enum ech_source_class) i);
  facts = (struct ech_petition){ .waiting_source = -1, .held_source = -1, .override_source = -1 };
}

/* The defaults, but without cooldowns and rates: those have tests of their own. */
static void
begin (void)
{
  ech_policy_init (&policy);
  for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++) {
    memset (policy.classes[i].cooldowns, 0, sizeof policy.classes[i].cooldowns);
    policy.classes[i].rate_per_s = 0;
  }
  now_beat = 1000;
  now_ns   = 1000000000000;
  forget();
}

static struct ech_petition
petition_of (const struct ech_action *action, uint32_t source)
{
  struct ech_petition petition = facts;

  petition.action   = action;
  petition.source   = source;
  petition.now_beat = now_beat;
  petition.now_ns   = now_ns;
  return petition;
}

/* Judges and says why; notes nothing. */
static enum ech_rule
ask (const struct ech_shadow *shadow, uint32_t source, const struct ech_action *action)
{
  struct ech_petition petition = petition_of (action, source);
  enum ech_outcome    outcome  = ech_safety_judge (&policy, &state, shadow, &petition, &said);

  g_assert_cmpint (outcome, ==, said.outcome);
  g_assert_true ((outcome == ECH_OUTCOME_DO) == (said.text[0] == '\0'));
  g_assert_true (outcome != ECH_OUTCOME_DO || said.rule == ECH_RULE_NONE);
  g_assert_true (outcome != ECH_OUTCOME_HOLD || said.rule == ECH_RULE_CONFIRM);
  /* every refusal says why, to a person */
  g_assert_true (outcome == ECH_OUTCOME_DO || strlen (said.text) > 15);
  g_assert_cmpint (said.verb, ==, action->verb);
  g_assert_cmpint (said.source, ==, source);
  return (enum ech_rule) said.rule;
}

static enum ech_rule
ask_and_note (const struct ech_shadow *shadow, uint32_t source, const struct ech_action *action)
{
  struct ech_petition petition = petition_of (action, source);
  enum ech_rule       rule     = ask (shadow, source, action);

  ech_safety_note (&policy, &state, &petition, &said);
  return rule;
}

static enum ech_rule
judge (const struct ech_shadow *shadow,
       enum ech_verb            verb,
       double                   value,
       enum ech_source_class    source_class,
       bool                     in_time,
       char                    *out_text)
{
  struct ech_action action = { .verb = verb, .value = value };
  enum ech_rule     rule;

  action.timing.kind = ECH_TIMING_NOW;
  action.text        = verb == ECH_VERB_LOAD ? "a track" : NULL;
  facts.in_time      = in_time;
  rule               = ask (shadow, source_class, &action);
  facts.in_time      = false;
  if (out_text)
    g_strlcpy (out_text, said.text, ECH_TEXT_MAX);
  return rule;
}

/* A verb that has no word yet is well formed for nobody. */
static bool
is_known (enum ech_verb verb)
{
  unsigned               n;
  const struct ech_word *words = ech_vocabulary_words (&n);

  for (unsigned i = 0; i < n; i++) {
    if (words[i].verb == verb)
      return true;
  }
  return false;
}

static double
value_of (enum ech_verb verb)
{
  return verb == ECH_VERB_BEND ? 0.1 : 1;
}

static void
test_masks (void)
{
  begin();
  for (unsigned i = 0; i < G_N_ELEMENTS (expected); i++) {
    for (int state = 0; state < ECH_N_DECK_STATES; state++) {
      struct ech_shadow shadow  = shadow_in ((enum ech_deck_state) state);
      bool              allowed = expected[i].states[state] != ' ';
      enum ech_rule     rule;

      g_assert_cmpint (ech_shadow_deck_state (&shadow.decks[0]), ==, state);
      g_assert_true (ech_safety_mask ((enum ech_deck_state) state, expected[i].verb) == allowed);
      if (!is_known (expected[i].verb))
        continue;
      rule = judge (&shadow, expected[i].verb, value_of (expected[i].verb), ECH_SOURCE_HAND, false,
                    NULL);
      g_test_message ("%s on %s: %s", ech_verb_name (expected[i].verb),
                      ech_deck_state_name ((enum ech_deck_state) state), ech_rule_name (rule));
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

  begin();
  for (unsigned i = 0; i < G_N_ELEMENTS (on_air); i++) {
    g_test_message ("%s", on_air[i].why);
    shadow.decks[0].gain = 1;
    g_assert_cmpint (
        judge (&shadow, on_air[i].verb, on_air[i].value, ECH_SOURCE_HAND, on_air[i].in_time, NULL),
        ==, on_air[i].rule);
    /* faded out, all of it is allowed */
    g_assert_true (on_air[i].rule == ECH_RULE_NONE
                   || g_str_has_suffix (said.text, "Confirm to do it all the same."));
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
  g_assert_true (ech_shadow_is_on_air (deck, 0.001));
  deck->ordered_eq_db[0] = deck->ordered_eq_db[1] = -26;
  g_assert_true (ech_shadow_is_on_air (deck, 0.001)); /* the highs are left */
  deck->ordered_eq_db[2] = -INFINITY;
  g_assert_false (ech_shadow_is_on_air (deck, 0.001));
  deck->ordered_eq_db[2] = 0;
  deck->playing          = false;
  g_assert_false (ech_shadow_is_on_air (deck, 0.001));
  /* a start that is on its way counts */
  deck->in_flight         = 7;
  deck->in_flight_playing = true;
  g_assert_true (ech_shadow_is_on_air (deck, 0.001));
}

static void
test_last_deck (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_PLAYING);

  begin();
  shadow.decks[0].gain = 1;
  g_assert_cmpint (judge (&shadow, ECH_VERB_STOP, 0, ECH_SOURCE_AGENT, true, NULL), ==,
                   ECH_RULE_LAST_DECK);
  g_assert_cmpint (judge (&shadow, ECH_VERB_STOP, 0, ECH_SOURCE_BRIDGE, false, NULL), ==,
                   ECH_RULE_LAST_DECK);
  g_assert_cmpint (judge (&shadow, ECH_VERB_CUE, NAN, ECH_SOURCE_AGENT, true, NULL), ==,
                   ECH_RULE_LAST_DECK);
  g_assert_cmpint (judge (&shadow, ECH_VERB_STOP, 0, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_LAST_DECK);
  g_assert_cmpstr (said.text, ==, "Deck A is the last one on air; only a person may stop it.");
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

  begin();
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

/* The rest of the rules, in their order */

static struct ech_action
action_of (enum ech_verb verb, double value)
{
  struct ech_action action = { .verb = verb, .value = value };

  action.timing.kind = ECH_TIMING_NOW;
  return action;
}

static struct ech_action
about (enum ech_verb verb, const char *target, double value)
{
  struct ech_action action = action_of (verb, value);

  g_strlcpy (action.target, target, sizeof action.target);
  return action;
}

static const enum ech_source_class everybody[] = { ECH_SOURCE_HAND, ECH_SOURCE_OSC,
                                                   ECH_SOURCE_BRIDGE, ECH_SOURCE_AGENT };

static void
test_emergency_passes (void)
{
  struct ech_shadow shadow    = shadow_in (ECH_DECK_PLAYING);
  struct ech_action emergency = action_of (ECH_VERB_EMERGENCY, NAN);

  for (unsigned i = 0; i < G_N_ELEMENTS (everybody); i++) {
    for (uint32_t mode = 0; mode < ECH_N_MODES; mode++) {
      begin();
      policy.classes[i].verbs           = 0;
      policy.classes[i].rate_per_s      = 1;
      policy.classes[i].after_emergency = (struct ech_span){ 100, ECH_SPAN_BEATS };
      state.sources[i].mode             = mode;
      state.sources[i].tokens_known     = true;
      state.sources[i].tokens_ns        = now_ns;
      facts.is_duplicate                = true;
      facts.timing                      = ECH_TIMING_FULL;
      /* and again: the one before it stands in no one's way */
      g_assert_cmpint (ask_and_note (&shadow, everybody[i], &emergency), ==, ECH_RULE_NONE);
      g_assert_cmpint (ask_and_note (&shadow, everybody[i], &emergency), ==, ECH_RULE_NONE);
      g_assert_cmpfloat (state.sources[i].tokens, ==, 0);
    }
  }
  emergency.timing.kind = 99;
  begin();
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &emergency), ==, ECH_RULE_INVALID);
}

static void
test_shape_and_duplicate (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action fader  = action_of (ECH_VERB_VOLUME, 1.5);

  begin();
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &fader), ==, ECH_RULE_INVALID);
  g_assert_cmpstr (said.text, ==, "/deck/x/volume takes 0 to 1, not 1.5");
  fader.value = 0.5;
  fader.deck  = 7;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &fader), ==, ECH_RULE_INVALID);
  fader.deck = 0;
  g_strlcpy (fader.id, "one", sizeof fader.id);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &fader), ==, ECH_RULE_NONE);
  facts.is_duplicate = true;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &fader), ==, ECH_RULE_DUPLICATE);
  g_assert_cmpstr (said.text, ==, "The id one was used before.");
  g_assert_false (said.takes_token);
}

static void
test_mode_off (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action fader  = action_of (ECH_VERB_VOLUME, 0.5);
  struct ech_action on     = about (ECH_VERB_SOURCE_MODE, "hand", ECH_MODE_AUTO);

  begin();
  state.sources[ECH_SOURCE_HAND].mode = ECH_MODE_OFF;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &fader), ==, ECH_RULE_MODE);
  g_assert_cmpstr (said.text, ==, "The source hand is switched off. A person has to switch it on.");
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &on), ==, ECH_RULE_MODE);
  facts.stage = ECH_JUDGE_DUE;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &fader), ==, ECH_RULE_MODE);
  facts.stage = ECH_JUDGE_CONFIRMED; /* a yes does not ask for the mode again */
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &fader), ==, ECH_RULE_NONE);
}

static void
test_rate (void)
{
  struct ech_shadow         shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action         fader  = action_of (ECH_VERB_VOLUME, 0.5);
  struct ech_action         cancel = about (ECH_VERB_CANCEL, "x", NAN);
  struct ech_safety_source *source = &state.sources[ECH_SOURCE_AGENT];

  begin();
  policy.classes[ECH_SOURCE_AGENT].rate_per_s = 4;
  for (int i = 0; i < 4; i++)
    g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &fader), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &fader), ==, ECH_RULE_RATE);
  g_assert_cmpstr (said.text, ==, "The source agent asks for too much; it has 4 actions a second.");
  g_assert_cmpuint (said.ends_ns, ==, now_ns + 250000000);
  g_assert_cmpfloat (source->tokens, ==, 0); /* a refusal costs nothing */
  /* taking back is free, and the others are nobody's business */
  facts.waiting_source = ECH_SOURCE_AGENT;
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &cancel), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &fader), ==, ECH_RULE_NONE);
  now_ns += 249999999;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &fader), ==, ECH_RULE_RATE);
  now_ns += 1;
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &fader), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &fader), ==, ECH_RULE_RATE);
  /* it never holds more than a second's worth */
  now_ns += 3600 * UINT64_C (1000000000);
  g_assert_cmpfloat (ech_safety_tokens (&policy.classes[ECH_SOURCE_AGENT], source, now_ns), ==, 4);
  /* what is refused further on has cost its token all the same */
  shadow = shadow_in (ECH_DECK_EMPTY);
  fader  = action_of (ECH_VERB_PLAY, NAN);
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &fader), ==, ECH_RULE_NO_TRACK);
  g_assert_cmpfloat (source->tokens, ==, 3);
  /* less than one a second: one at a time */
  policy.classes[ECH_SOURCE_AGENT].rate_per_s = 0.5;
  source->tokens_known                        = false;
  g_assert_cmpfloat (ech_safety_tokens (&policy.classes[ECH_SOURCE_AGENT], source, now_ns), ==, 1);
}

static void
test_permission (void)
{
  struct ech_shadow shadow  = shadow_in (ECH_DECK_STOPPED);
  struct ech_action limiter = action_of (ECH_VERB_LIMITER, -3);

  begin();
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &limiter), ==, ECH_RULE_FORBIDDEN);
  g_assert_cmpstr (said.text, ==, "The policy does not let the source agent use limiter.");
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &limiter), ==, ECH_RULE_NONE);
  facts.stage = ECH_JUDGE_CONFIRMED;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &limiter), ==, ECH_RULE_FORBIDDEN);
}

static void
test_after_emergency (void)
{
  struct ech_shadow shadow    = shadow_in (ECH_DECK_STOPPED);
  struct ech_action emergency = action_of (ECH_VERB_EMERGENCY, NAN);
  struct ech_action play      = action_of (ECH_VERB_PLAY, NAN);
  struct ech_action lock      = action_of (ECH_VERB_LOCK, NAN);
  struct ech_action ghost     = about (ECH_VERB_SOURCE_MODE, "agent", ECH_MODE_GHOST);

  begin();
  ask_and_note (&shadow, ECH_SOURCE_OSC, &emergency);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_EMERGENCY);
  g_assert_cmpstr (said.text, ==,
                   "There was an emergency stop; the source agent may go on in 8.0 beats.");
  g_assert_cmpfloat (said.ends_beat, ==, 1008);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_BRIDGE, &play), ==, ECH_RULE_EMERGENCY);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &play), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &lock), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &ghost), ==, ECH_RULE_NONE);
  now_beat += 7.999;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_EMERGENCY);
  now_beat = 1008;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_NONE);
  /* the session's beat jumped back: nothing is locked for ever */
  now_beat = 3;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_NONE);
}

static void
test_timing (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action play   = action_of (ECH_VERB_PLAY, NAN);

  begin();
  play.timing  = (struct ech_timing){ ECH_TIMING_AT_BEAT, ECH_WAY_WAIT, 33.5 };
  facts.timing = ECH_TIMING_MISSED;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &play), ==, ECH_RULE_MISSED);
  g_assert_cmpstr (said.text, ==, "Beat 33.5 has passed.");
  facts.timing = ECH_TIMING_FULL;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &play), ==, ECH_RULE_MISSED);
  facts.timing = ECH_TIMING_NO_AUDIO;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &play), ==, ECH_RULE_NO_AUDIO);
  facts.timing = ECH_TIMING_EXPIRED;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &play), ==, ECH_RULE_NONE);
  g_assert_cmpint (said.outcome, ==, ECH_OUTCOME_EXPIRE);
}

static void
test_cancel (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action cancel = about (ECH_VERB_CANCEL, "x", NAN);

  begin();
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &cancel), ==, ECH_RULE_UNKNOWN);
  g_assert_cmpstr (said.text, ==, "No waiting action has the id x.");
  facts.waiting_source = ECH_SOURCE_AGENT;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &cancel), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &cancel), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &cancel), ==, ECH_RULE_UNKNOWN);
}

static void
test_confirm (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action yes    = about (ECH_VERB_CONFIRM, "x", NAN);

  begin();
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &yes), ==, ECH_RULE_UNKNOWN);
  g_assert_cmpstr (said.text, ==, "Nothing with the id x waits for a yes.");
  facts.held_source = ECH_SOURCE_AGENT;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &yes), ==, ECH_RULE_NONE);
  g_assert_cmpint (said.override_source, ==, -1);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &yes), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_BRIDGE, &yes), ==, ECH_RULE_FORBIDDEN);
  facts.held_source = ECH_SOURCE_OSC;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &yes), ==, ECH_RULE_FORBIDDEN);
  g_assert_cmpstr (said.text, ==, "The source osc asked for it; somebody else has to say yes.");
  state.sources[ECH_SOURCE_HAND].mode = ECH_MODE_ASSIST;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &yes), ==, ECH_RULE_FORBIDDEN);
  g_assert_cmpstr (said.text, ==, "The source hand is in mode assist: it cannot say yes.");
}

/* A hand's eject of deck A, which is on air, refused at now_ns. */
static struct ech_shadow
refused_eject (uint32_t source)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_PLAYING);
  struct ech_action eject  = action_of (ECH_VERB_EJECT, NAN);

  g_strlcpy (eject.id, "out", sizeof eject.id);
  shadow.decks[0].gain = 1;
  g_assert_cmpint (ask_and_note (&shadow, source, &eject), ==, ECH_RULE_ON_AIR);
  return shadow;
}

static void
test_override (void)
{
  struct ech_action yes   = about (ECH_VERB_CONFIRM, "out", NAN);
  struct ech_action eject = action_of (ECH_VERB_EJECT, NAN);
  struct ech_shadow shadow;

  begin();
  ech_safety_source_init (&policy, &state, 5, "midi", ECH_SOURCE_HAND);
  shadow = refused_eject (ECH_SOURCE_HAND);
  now_ns += 299999999;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &yes), ==, ECH_RULE_UNKNOWN);
  g_assert_cmpstr (said.text, ==, "That was too quick to be a second thought. Confirm once more.");
  now_ns += 1;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &yes), ==, ECH_RULE_NONE);
  g_assert_cmpint (said.override_source, ==, ECH_SOURCE_HAND);
  g_assert_cmpint (ask (&shadow, 5, &yes), ==, ECH_RULE_NONE); /* another hand of the same person */
  g_assert_cmpint (said.override_source, ==, ECH_SOURCE_HAND);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &yes), ==, ECH_RULE_UNKNOWN);
  facts.in_batch = true;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &yes), ==, ECH_RULE_UNKNOWN);
  facts.in_batch = false;
  now_ns += UINT64_C (9700000000);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &yes), ==, ECH_RULE_NONE);
  now_ns += 1;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &yes), ==, ECH_RULE_UNKNOWN);
  g_assert_cmpstr (said.text, ==, "Too late to confirm out; ask for it again first.");

  now_ns -= 1;
  policy.human_override = false;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &yes), ==, ECH_RULE_FORBIDDEN);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &eject), ==, ECH_RULE_ON_AIR);
  g_assert_null (strstr (said.text, "Confirm"));
  policy.human_override = true;

  /* the step itself: all rules but this one */
  facts.stage           = ECH_JUDGE_OVERRIDE;
  facts.override_source = ECH_SOURCE_HAND;
  facts.overridden      = true;
  state.locks[0].state  = ECH_LOCK_LOCKED;
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_HAND, &eject), ==, ECH_RULE_LOCKED);
  g_assert_cmpstr (state.sources[ECH_SOURCE_HAND].refused.id, ==, "out"); /* may be tried again */
  state.locks[0].state = ECH_LOCK_UNLOCKED;
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_HAND, &eject), ==, ECH_RULE_NONE);
  g_assert_cmpstr (state.sources[ECH_SOURCE_HAND].refused.id, ==, ""); /* once */
  facts.stage = ECH_JUDGE_DUE;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &eject), ==, ECH_RULE_NONE);

  /* nobody but a hand has a second step */
  begin();
  shadow = refused_eject (ECH_SOURCE_OSC);
  g_assert_null (strstr (said.text, "Confirm"));
  now_ns += 1000000000;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &yes), ==, ECH_RULE_UNKNOWN);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &yes), ==, ECH_RULE_UNKNOWN);
}

/* clang-format off */
static const struct {
  const char *why; uint32_t source; const char *target; uint32_t mode; enum ech_rule rule;
} modes[] = {
  { "a hand sets anybody's",               ECH_SOURCE_HAND,  "agent",  ECH_MODE_OFF,    ECH_RULE_NONE },
  { "a hand sets its own",                 ECH_SOURCE_HAND,  "hand",   ECH_MODE_ASSIST, ECH_RULE_NONE },
  { "nobody has that name",                ECH_SOURCE_HAND,  "nobody", ECH_MODE_OFF,    ECH_RULE_UNKNOWN },
  { "it has not come, but is named",       ECH_SOURCE_HAND,  "later",  ECH_MODE_OFF,    ECH_RULE_NONE },
  { "an agent may ask for less",           ECH_SOURCE_AGENT, "agent",  ECH_MODE_GHOST,  ECH_RULE_NONE },
  { "or for what it has",                  ECH_SOURCE_AGENT, "agent",  ECH_MODE_ASSIST, ECH_RULE_NONE },
  { "not for more",                        ECH_SOURCE_AGENT, "agent",  ECH_MODE_AUTO,   ECH_RULE_FORBIDDEN },
  { "nor for another",                     ECH_SOURCE_AGENT, "osc",    ECH_MODE_OFF,    ECH_RULE_FORBIDDEN },
  { "OSC sets who is under it",            ECH_SOURCE_OSC,   "agent",  ECH_MODE_AUTO,   ECH_RULE_NONE },
  { "OSC lowers who is under it",          ECH_SOURCE_OSC,   "bridge", ECH_MODE_OFF,    ECH_RULE_NONE },
  { "not who is over it",                  ECH_SOURCE_OSC,   "hand",   ECH_MODE_OFF,    ECH_RULE_FORBIDDEN },
  { "OSC does not raise itself",           ECH_SOURCE_OSC,   "osc",    ECH_MODE_GHOST,  ECH_RULE_NONE },
};
/* clang-format on */

static void
test_source_mode (void)
{
  struct ech_shadow        shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action        osc    = about (ECH_VERB_SOURCE_MODE, "agent", ECH_MODE_AUTO);
  struct ech_named_source *later;

  for (unsigned i = 0; i < G_N_ELEMENTS (modes); i++) {
    struct ech_action action = about (ECH_VERB_SOURCE_MODE, modes[i].target, modes[i].mode);

    g_test_message ("%s", modes[i].why);
    begin();
    policy.n_sources = 1;
    g_strlcpy (policy.sources[0].name, "later", ECH_NAME_MAX);
    policy.sources[0].rules              = policy.classes[ECH_SOURCE_AGENT];
    state.sources[ECH_SOURCE_AGENT].mode = ECH_MODE_ASSIST;
    g_assert_cmpint (ask (&shadow, modes[i].source, &action), ==,
                     modes[i].source == ECH_SOURCE_AGENT && modes[i].mode == ECH_MODE_AUTO
                         ? ECH_RULE_FORBIDDEN
                         : modes[i].rule);
  }
  /* in any mode but auto it speaks for itself alone */
  begin();
  state.sources[ECH_SOURCE_OSC].mode = ECH_MODE_ASSIST;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &osc), ==, ECH_RULE_FORBIDDEN);
  g_assert_cmpstr (said.text, ==, "The source osc may not set the mode of agent to auto.");
  state.sources[ECH_SOURCE_OSC].mode = ECH_MODE_AUTO;
  /* the same priority is not a lower one */
  policy.classes[ECH_SOURCE_AGENT].priority = policy.classes[ECH_SOURCE_OSC].priority;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &osc), ==, ECH_RULE_FORBIDDEN);

  /* set, and remembered for who is not here */
  begin();
  policy.n_sources = 1;
  later            = &policy.sources[0];
  g_strlcpy (later->name, "later", ECH_NAME_MAX);
  later->source_class = ECH_SOURCE_HAND;
  later->rules        = policy.classes[ECH_SOURCE_AGENT];
  osc                 = about (ECH_VERB_SOURCE_MODE, "agent", ECH_MODE_GHOST);
  ask_and_note (&shadow, ECH_SOURCE_HAND, &osc);
  g_assert_cmpint (state.sources[ECH_SOURCE_AGENT].mode, ==, ECH_MODE_GHOST);
  osc = about (ECH_VERB_SOURCE_MODE, "later", ECH_MODE_OFF);
  ask_and_note (&shadow, ECH_SOURCE_HAND, &osc);
  ech_safety_source_init (&policy, &state, 9, "later", ECH_SOURCE_AGENT);
  g_assert_cmpint (state.sources[9].mode, ==, ECH_MODE_OFF);
  g_assert_cmpint (ech_safety_class (&policy, &state, 9), ==, ECH_SOURCE_HAND); /* by its name */
  /* who was switched off does not come back by coming again */
  ech_safety_source_finish (&policy, &state, 9);
  g_assert_false (state.sources[9].exists);
  ech_safety_source_init (&policy, &state, 7, "later", ECH_SOURCE_AGENT);
  g_assert_cmpint (state.sources[7].mode, ==, ECH_MODE_OFF);
}

static void
test_change_of_policy (void)
{
  struct ech_policy next;

  begin();
  next                                                           = policy;
  state.sources[ECH_SOURCE_AGENT].mode                           = ECH_MODE_GHOST;
  state.sources[ECH_SOURCE_BRIDGE].mode                          = ECH_MODE_GHOST;
  next.classes[ECH_SOURCE_BRIDGE].mode                           = ECH_MODE_ASSIST;
  next.classes[ECH_SOURCE_AGENT].cooldowns[ECH_VERB_PLAY].amount = 32;
  ech_safety_change_policy (&state, &policy, &next);
  g_assert_cmpint (state.sources[ECH_SOURCE_AGENT].mode, ==,
                   ECH_MODE_GHOST); /* as a person set it */
  g_assert_cmpint (state.sources[ECH_SOURCE_BRIDGE].mode, ==, ECH_MODE_ASSIST);
  g_assert_cmpint (state.sources[ECH_SOURCE_HAND].mode, ==, ECH_MODE_AUTO);
}

static void
test_lock (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action lock   = action_of (ECH_VERB_LOCK, NAN);
  struct ech_action unlock = action_of (ECH_VERB_UNLOCK, NAN);
  struct ech_action other  = lock;

  begin();
  lock.text  = "the guest's deck";
  other.text = "mine now";
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_HAND, &lock), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &other), ==, ECH_RULE_NONE);
  g_assert_cmpstr (state.locks[0].reason, ==, "the guest's deck"); /* the first one's stay */
  g_assert_cmpint (state.locks[0].source_class, ==, ECH_SOURCE_HAND);
  for (unsigned i = 0; i < G_N_ELEMENTS (expected); i++) {
    bool          passes = expected[i].verb == ECH_VERB_LOCK || expected[i].verb == ECH_VERB_UNLOCK;
    enum ech_rule rule;

    if (!is_known (expected[i].verb))
      continue;
    rule =
        judge (&shadow, expected[i].verb, value_of (expected[i].verb), ECH_SOURCE_HAND, true, NULL);
    g_assert_cmpint (rule, ==, passes ? ECH_RULE_NONE : ECH_RULE_LOCKED);
    if (!passes)
      g_assert_cmpstr (said.text, ==, "Deck A is locked: the guest's deck. Unlock it first.");
  }
  /* what belongs to no deck, and the other deck */
  g_assert_cmpint (judge (&shadow, ECH_VERB_CROSSFADER, 0, ECH_SOURCE_OSC, false, NULL), ==,
                   ECH_RULE_NONE);
  other.deck = 1;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &other), ==, ECH_RULE_NONE);
  /* a hand's lock is a hand's to open */
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &unlock), ==, ECH_RULE_LOCKED);
  g_assert_cmpstr (said.text, ==, "A hand has locked deck A; only a hand may unlock it.");
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_HAND, &unlock), ==, ECH_RULE_NONE);
  g_assert_cmpint (state.locks[0].state, ==, ECH_LOCK_COOLDOWN);

  begin();
  ask_and_note (&shadow, ECH_SOURCE_AGENT, &lock);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &unlock), ==, ECH_RULE_NONE);
  /* due: locked meanwhile */
  facts.stage = ECH_JUDGE_DUE;
  g_assert_cmpint (judge (&shadow, ECH_VERB_PLAY, NAN, ECH_SOURCE_HAND, true, NULL), ==,
                   ECH_RULE_LOCKED);
  /* a guard is above it */
  facts.stage = ECH_JUDGE_GUARD;
  g_assert_cmpint (judge (&shadow, ECH_VERB_PLAY, NAN, 0, true, NULL), ==, ECH_RULE_NONE);
}

static void
test_lock_cooldown (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action lock   = action_of (ECH_VERB_LOCK, NAN);
  struct ech_action unlock = action_of (ECH_VERB_UNLOCK, NAN);
  struct ech_action play   = action_of (ECH_VERB_PLAY, NAN);

  begin();
  /* an unlock of what is not locked starts nothing */
  ask_and_note (&shadow, ECH_SOURCE_HAND, &unlock);
  g_assert_cmpint (ech_safety_lock_state (&policy, &state, 0, now_beat, now_ns), ==,
                   ECH_LOCK_UNLOCKED);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_NONE);

  ask_and_note (&shadow, ECH_SOURCE_HAND, &lock);
  g_assert_cmpint (ech_safety_lock_state (&policy, &state, 0, now_beat, now_ns), ==,
                   ECH_LOCK_LOCKED);
  ask_and_note (&shadow, ECH_SOURCE_HAND, &unlock);
  g_assert_cmpint (ech_safety_lock_state (&policy, &state, 0, now_beat, now_ns), ==,
                   ECH_LOCK_COOLDOWN);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &play), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_COOLDOWN);
  g_assert_cmpstr (said.text, ==,
                   "Deck A was unlocked a moment ago; the source agent may go on in 4.0 beats.");
  g_assert_cmpfloat (said.ends_beat, ==, 1004);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &lock), ==, ECH_RULE_NONE);
  now_beat += 1; /* the bridge waits one beat, the agent four */
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_BRIDGE, &play), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_COOLDOWN);
  now_beat += 3;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_NONE);
  g_assert_cmpint (ech_safety_lock_state (&policy, &state, 0, now_beat, now_ns), ==,
                   ECH_LOCK_UNLOCKED);
  /* locking again ends it */
  now_beat -= 2;
  ask_and_note (&shadow, ECH_SOURCE_HAND, &lock);
  g_assert_false (state.locks[0].unlocked.is_set);
}

static void
test_swap (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);

  begin();
  shadow.decks[0].n_swaps_ahead = 1;
  g_assert_cmpint (judge (&shadow, ECH_VERB_PLAY, NAN, ECH_SOURCE_HAND, true, NULL), ==,
                   ECH_RULE_STATE);
  g_assert_cmpstr (said.text, ==, "Deck A changes its track this moment.");
  g_assert_cmpint (judge (&shadow, ECH_VERB_SEEK, 1, ECH_SOURCE_HAND, true, NULL), ==,
                   ECH_RULE_NONE);
}

/* Deck A alone on air, deck B faded out and playing. */
static struct ech_shadow
one_on_air (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_PLAYING);

  ech_shadow_take_track (&shadow, 1, 1, 48000, 480000, 0);
  shadow.decks[1].playing        = true;
  shadow.decks[0].gain           = 1;
  shadow.decks[1].gain           = 0;
  shadow.decks[1].ordered_volume = 0;
  shadow.ordered_crossfader      = 0;
  return shadow;
}

/* clang-format off */
static const struct { const char *why; enum ech_verb verb; double value; bool silences; } silencing[] = {
  { "the fader down",              ECH_VERB_VOLUME,        0,     true },
  { "to what is not heard",        ECH_VERB_VOLUME,        0.001, true },
  { "to what still is",            ECH_VERB_VOLUME,        0.002, false },
  { "-60 dB of trim is -60 dB",    ECH_VERB_TRIM,          -60,   true },
  { "a small trim is heard",       ECH_VERB_TRIM,          -50,   false },
  { "the crossfader away from it", ECH_VERB_CROSSFADER,    1,     true },
  { "to the middle is still heard", ECH_VERB_CROSSFADER,   0.5,   false },
  { "the master down",             ECH_VERB_MASTER_VOLUME, 0,     true },
  { "the master lower",            ECH_VERB_MASTER_VOLUME, 0.01,  false },
  { "a filter lets something by",  ECH_VERB_FILTER,        -1,    false },
  { "one band is not all",         ECH_VERB_EQ,            -26,   false },
};
/* clang-format on */

static void
test_silencing (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (silencing); i++) {
    struct ech_shadow shadow = one_on_air();
    enum ech_rule     rule   = silencing[i].silences ? ECH_RULE_LAST_DECK : ECH_RULE_NONE;

    g_test_message ("%s", silencing[i].why);
    begin();
    g_assert_cmpint (
        judge (&shadow, silencing[i].verb, silencing[i].value, ECH_SOURCE_AGENT, false, NULL), ==,
        rule);
    if (silencing[i].silences)
      g_assert_cmpstr (said.text, ==,
                       "That would silence the last deck on air; only a person may do it.");
    facts.stage = ECH_JUDGE_DUE; /* and when it is due */
    g_assert_cmpint (
        judge (&shadow, silencing[i].verb, silencing[i].value, ECH_SOURCE_BRIDGE, true, NULL), ==,
        rule);
    begin();
    g_assert_cmpint (
        judge (&shadow, silencing[i].verb, silencing[i].value, ECH_SOURCE_HAND, false, NULL), ==,
        ECH_RULE_NONE);
    g_assert_cmpint (
        judge (&shadow, silencing[i].verb, silencing[i].value, ECH_SOURCE_OSC, false, NULL), ==,
        ECH_RULE_NONE);
    /* with another deck on air a fader may go; the master is everybody's */
    shadow.decks[1].gain           = 1;
    shadow.decks[1].ordered_volume = 1;
    rule = silencing[i].verb == ECH_VERB_MASTER_VOLUME && silencing[i].silences ? ECH_RULE_LAST_DECK
                                                                                : ECH_RULE_NONE;
    g_assert_cmpint (
        judge (&shadow, silencing[i].verb, silencing[i].value, ECH_SOURCE_AGENT, false, NULL), ==,
        rule);
    /* where nothing was heard nothing is silenced */
    shadow.decks[0].playing = shadow.decks[1].playing = false;
    g_assert_cmpint (
        judge (&shadow, silencing[i].verb, silencing[i].value, ECH_SOURCE_AGENT, false, NULL), ==,
        ECH_RULE_NONE);
  }
}

static void
test_silencing_by_kills (void)
{
  struct ech_shadow shadow = one_on_air();
  struct ech_action kill   = action_of (ECH_VERB_EQ, -INFINITY);

  begin();
  shadow.decks[0].ordered_eq_db[1] = shadow.decks[0].ordered_eq_db[2] = -26;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &kill), ==, ECH_RULE_LAST_DECK);
  kill.value = -25;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &kill), ==, ECH_RULE_NONE);
  /* an order on its way counts: the other deck's fader is down already */
  shadow               = one_on_air();
  shadow.decks[1].gain = 1;
  kill                 = action_of (ECH_VERB_VOLUME, 0);
  kill.deck            = 1;
  ech_shadow_expect (&shadow, &kill, 7);
  kill.deck = 0;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &kill), ==, ECH_RULE_LAST_DECK);
}

static void
test_taken (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action bass = action_of (ECH_VERB_EQ, -3), treble = bass, play;

  begin();
  play         = action_of (ECH_VERB_PLAY, NAN);
  treble.index = ECH_BAND_HIGH;
  ask_and_note (&shadow, ECH_SOURCE_HAND, &bass);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &bass), ==, ECH_RULE_TAKEN);
  g_assert_cmpstr (said.text, ==,
                   "A hand has taken it over; the source agent may go on in 4.0 beats.");
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &treble), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &bass), ==, ECH_RULE_NONE);
  bass.deck = 1;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &bass), ==, ECH_RULE_NONE);
  bass.deck = 0;
  now_beat += 1; /* OSC waits one beat, the agent four */
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &bass), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &bass), ==, ECH_RULE_TAKEN);
  now_beat += 3;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &bass), ==, ECH_RULE_NONE);
  /* what is not a hand takes nothing */
  ask_and_note (&shadow, ECH_SOURCE_OSC, &treble);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &treble), ==, ECH_RULE_NONE);
}

/* clang-format off */
static const struct { enum ech_verb a, b; bool same; } pairs[] = {
  { ECH_VERB_PLAY,        ECH_VERB_STOP,          true },
  { ECH_VERB_PLAY,        ECH_VERB_LOOP,          true },
  { ECH_VERB_LOAD,        ECH_VERB_SEEK,          true },
  { ECH_VERB_HOTCUE_SET,  ECH_VERB_CUE,           true },
  { ECH_VERB_PLAY,        ECH_VERB_VOLUME,        false },
  { ECH_VERB_SPEED,       ECH_VERB_BEND,          false },
  { ECH_VERB_CROSSFADER,  ECH_VERB_MASTER_VOLUME, false },
};
/* clang-format on */

static void
test_controls (void)
{
  bool seen[ECH_N_CONTROLS] = { false };

  for (unsigned i = 0; i < G_N_ELEMENTS (pairs); i++) {
    struct ech_action a = action_of (pairs[i].a, 1), b = action_of (pairs[i].b, 1);

    g_assert_true ((ech_safety_control (&a) == ech_safety_control (&b)) == pairs[i].same);
  }
  for (int verb = 1; verb < ECH_N_VERBS; verb++) {
    for (uint32_t deck = 0; deck < ECH_MAX_DECKS; deck++) {
      struct ech_action action  = { .verb = (uint32_t) verb, .deck = deck };
      int               control = ech_safety_control (&action);

      g_assert_cmpint (control, <, ECH_N_CONTROLS);
      g_assert_true ((control < 0) == (ech_verb_group ((enum ech_verb) verb) == ECH_GROUP_SAFETY));
      if (control < 0 || !ech_verb_has_deck ((enum ech_verb) verb)
          || ech_verb_group ((enum ech_verb) verb) < ECH_GROUP_CONTROLS)
        continue;
      g_assert_false (seen[control]); /* each its own, on each deck */
      seen[control] = true;
    }
  }
}

static void
test_cooldowns (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action play   = action_of (ECH_VERB_PLAY, NAN);
  struct ech_action stop   = action_of (ECH_VERB_STOP, NAN);
  struct ech_action cue    = action_of (ECH_VERB_CUE, 1);

  ech_policy_init (&policy);
  now_beat = 64;
  now_ns   = 5000000000;
  forget();
  /* the hand's 60 ms debounce */
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_HAND, &play), ==, ECH_RULE_NONE);
  now_ns += 59999999;
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_HAND, &play), ==, ECH_RULE_COOLDOWN);
  g_assert_cmpstr (said.text, ==, "The source hand may use play on deck A again in 1 ms.");
  g_assert_cmpuint (said.ends_ns, ==, 5060000000);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &stop), ==, ECH_RULE_NONE);
  now_ns += 1; /* what was refused has stamped nothing */
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_HAND, &play), ==, ECH_RULE_NONE);
  /* half a beat of OSC, four of an agent */
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_OSC, &cue), ==, ECH_RULE_TAKEN);
  now_beat = 68;
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_OSC, &play), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_NONE);
  now_beat = 68.49;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &play), ==, ECH_RULE_COOLDOWN);
  now_beat = 68.5;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &play), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_COOLDOWN);
  g_assert_cmpstr (said.text, ==, "The source agent may use play on deck A again in 3.5 beats.");
  now_beat = 72;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_NONE);
  /* setting a mark is free, also twice */
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &cue), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &cue), ==, ECH_RULE_NONE);
  /* another deck has its own; a jump back of the beat frees all */
  play.deck = 1;
  ech_shadow_take_track (&shadow, 1, 1, 48000, 480000, 0);
  ask_and_note (&shadow, ECH_SOURCE_AGENT, &play);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_COOLDOWN);
  now_beat = 1;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_NONE);
}

/* The session's tempo has a cooldown if the policy gives it one: it counts as deck 0's. */
static void
test_cooldown_without_deck (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action tempo  = action_of (ECH_VERB_TEMPO, 128);

  begin();
  policy.classes[ECH_SOURCE_OSC].cooldowns[ECH_VERB_TEMPO] = (struct ech_span){ 2, ECH_SPAN_BEATS };
  ask_and_note (&shadow, ECH_SOURCE_OSC, &tempo);
  tempo.deck = 3;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &tempo), ==, ECH_RULE_COOLDOWN);
  g_assert_cmpstr (said.text, ==, "The source osc may use tempo again in 2.0 beats.");
}

static void
test_ghost (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action play   = action_of (ECH_VERB_PLAY, NAN);
  struct ech_action lock   = action_of (ECH_VERB_LOCK, NAN);

  ech_policy_init (&policy);
  now_beat = 10;
  now_ns   = 10;
  forget();
  state.sources[ECH_SOURCE_HAND].mode  = ECH_MODE_GHOST;
  state.sources[ECH_SOURCE_AGENT].mode = ECH_MODE_GHOST;
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_GHOST);
  g_assert_cmpstr (said.text, ==, "Ghost: would have done \"Deck A: play\".");
  g_assert_cmpfloat (state.sources[ECH_SOURCE_AGENT].tokens, ==, 49);
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_COOLDOWN);
  /* it leaves no mark on the world */
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &lock), ==, ECH_RULE_GHOST);
  g_assert_cmpint (state.locks[0].state, ==, ECH_LOCK_UNLOCKED);
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_HAND, &play), ==, ECH_RULE_GHOST);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_OSC, &play), ==, ECH_RULE_NONE);
}

static void
test_assist (void)
{
  struct ech_shadow shadow = shadow_in (ECH_DECK_STOPPED);
  struct ech_action play   = action_of (ECH_VERB_PLAY, NAN);
  struct ech_action cancel = about (ECH_VERB_CANCEL, "x", NAN);
  struct ech_action less   = about (ECH_VERB_SOURCE_MODE, "agent", ECH_MODE_GHOST);
  struct ech_action load   = action_of (ECH_VERB_LOAD, NAN);
  struct ech_action lock   = action_of (ECH_VERB_LOCK, NAN);
  struct ech_action unlock = action_of (ECH_VERB_UNLOCK, NAN);

  ech_policy_init (&policy);
  now_beat = 10;
  now_ns   = 10;
  forget();
  state.sources[ECH_SOURCE_AGENT].mode = ECH_MODE_ASSIST;
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_CONFIRM);
  g_assert_cmpint (said.outcome, ==, ECH_OUTCOME_HOLD);
  g_assert_cmpstr (said.text, ==, "\"Deck A: play\" waits for a person's yes.");
  load.text = "/music/night ferry.flac";
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &load), ==, ECH_RULE_CONFIRM);
  g_assert_cmpstr (said.text, ==, "\"Deck A: load night ferry.flac\" waits for a person's yes.");
  /* held counts for the cooldown, and is not asked again with the yes */
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_COOLDOWN);
  facts.stage = ECH_JUDGE_CONFIRMED;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &play), ==, ECH_RULE_NONE);
  facts.stage          = ECH_JUDGE_ARRIVAL;
  facts.waiting_source = ECH_SOURCE_AGENT;
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &cancel), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &less), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &unlock), ==, ECH_RULE_NONE);
  g_assert_cmpint (ask_and_note (&shadow, ECH_SOURCE_AGENT, &lock), ==, ECH_RULE_CONFIRM);
  g_assert_cmpint (state.locks[0].state, ==, ECH_LOCK_UNLOCKED);
  facts.in_batch = true; /* one waits for the other */
  g_assert_cmpint (ask (&shadow, ECH_SOURCE_AGENT, &unlock), ==, ECH_RULE_CONFIRM);
}

static void
test_predicates (void)
{
  struct ech_shadow    shadow = shadow_in (ECH_DECK_PLAYING);
  struct ech_asking    by     = { &policy, &state, &shadow, ECH_SOURCE_HAND, 1000, 1000, false };
  struct ech_violation out;

  begin();
  shadow.decks[0].gain = 1;
  g_assert_false (ech_safety_can_load (&by, 0, &out));
  g_assert_cmpint (out.rule, ==, ECH_RULE_ON_AIR);
  g_assert_cmpint (out.deck_state, ==, ECH_DECK_PLAYING);
  g_assert_false (ech_safety_can_eject (&by, 0, &out));
  g_assert_false (ech_safety_can_seek (&by, 0, &out));
  g_assert_false (ech_safety_can_cue (&by, 0, &out));
  by.in_time = true;
  g_assert_true (ech_safety_can_seek (&by, 0, &out));
  g_assert_true (ech_safety_can_play (&by, 0, &out));
  g_assert_true (ech_safety_can_loop (&by, 0, &out));
  g_assert_true (ech_safety_can_stop (&by, 0, &out));
  g_assert_true (ech_safety_can_set_eq (&by, 0, &out));
  g_assert_true (ech_safety_can_lock (&by, 0, &out));
  g_assert_true (ech_safety_can_unlock (&by, 0, &out));
  g_assert_false (ech_safety_can_play (&by, 1, &out));
  g_assert_cmpint (out.rule, ==, ECH_RULE_NO_TRACK);
  by.source = ECH_SOURCE_AGENT;
  g_assert_false (ech_safety_can_stop (&by, 0, &out));
  g_assert_cmpint (out.rule, ==, ECH_RULE_LAST_DECK);
}

/* docs/safety.md shows the very tables that are in force. */
static void
test_documentation (void)
{
  g_autofree char *path =
      g_build_filename (g_getenv ("ECH_SOURCE_ROOT"), "docs", "safety.md", NULL);
  g_autofree char *text = NULL;
  char             table[8192];

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  ech_safety_mask_print (table, sizeof table);
  g_test_message ("%s", table);
  g_assert_nonnull (strstr (text, table));
  ech_safety_rules_print (table, sizeof table);
  g_test_message ("%s", table);
  g_assert_nonnull (strstr (text, table));
  ech_policy_init (&policy);
  ech_safety_policy_print (&policy, table, sizeof table);
  g_test_message ("%s", table);
  g_assert_nonnull (strstr (text, table));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/safety/masks", test_masks);
  g_test_add_func ("/safety/masks-complete", test_masks_are_complete);
  g_test_add_func ("/safety/emergency-passes", test_emergency_passes);
  g_test_add_func ("/safety/shape-and-duplicate", test_shape_and_duplicate);
  g_test_add_func ("/safety/mode-off", test_mode_off);
  g_test_add_func ("/safety/rate", test_rate);
  g_test_add_func ("/safety/permission", test_permission);
  g_test_add_func ("/safety/after-emergency", test_after_emergency);
  g_test_add_func ("/safety/timing", test_timing);
  g_test_add_func ("/safety/cancel", test_cancel);
  g_test_add_func ("/safety/confirm", test_confirm);
  g_test_add_func ("/safety/override", test_override);
  g_test_add_func ("/safety/source-mode", test_source_mode);
  g_test_add_func ("/safety/change-of-policy", test_change_of_policy);
  g_test_add_func ("/safety/lock", test_lock);
  g_test_add_func ("/safety/lock-cooldown", test_lock_cooldown);
  g_test_add_func ("/safety/swap", test_swap);
  g_test_add_func ("/safety/on-air", test_on_air);
  g_test_add_func ("/safety/heard", test_what_is_heard);
  g_test_add_func ("/safety/last-deck", test_last_deck);
  g_test_add_func ("/safety/grid-and-position", test_grid_and_position);
  g_test_add_func ("/safety/silencing", test_silencing);
  g_test_add_func ("/safety/silencing-by-kills", test_silencing_by_kills);
  g_test_add_func ("/safety/taken", test_taken);
  g_test_add_func ("/safety/controls", test_controls);
  g_test_add_func ("/safety/cooldowns", test_cooldowns);
  g_test_add_func ("/safety/cooldown-without-deck", test_cooldown_without_deck);
  g_test_add_func ("/safety/ghost", test_ghost);
  g_test_add_func ("/safety/assist", test_assist);
  g_test_add_func ("/safety/predicates", test_predicates);
  g_test_add_func ("/safety/documentation", test_documentation);
  return g_test_run();
}
