/* Policy files: what is read, what is refused with which line, there and back, and any bytes at all.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/json-lines.h"
#include "engine/policy-file.h"
#include "engine/policy-keys.h"
#include "engine/scheduler/vocabulary.h"

enum { N_RANDOM_POLICIES = 400, N_MUTATIONS = 20000 };

static struct ech_policy
read_text (const char *text)
{
  struct ech_policy  policy;
  unsigned           line  = 99;
  g_autoptr (GError) error = NULL;

  if (!ech_policy_parse (text, strlen (text), &policy, &line, &error))
    g_test_message ("%s\n%s", text, error->message);
  g_assert_no_error (error);
  g_assert_cmpuint (line, ==, 0);
  return policy;
}

/* --- comparing --- */

static void
assert_same_span (const char *what, const struct ech_span *a, const struct ech_span *b)
{
  if (a->amount != b->amount || a->unit != b->unit)
    g_error ("%s: %.17g of unit %u is not %.17g of unit %u", what, a->amount, a->unit, b->amount, b->unit);
}

static void
assert_same_value (const struct ech_policy_key *key, const char *a, const char *b)
{
  a += key->offset;
  b += key->offset;
  switch (key->type) {
  case ECH_POLICY_SWITCH:
    g_assert_cmpint (*(const bool *) a, ==, *(const bool *) b);
    break;
  case ECH_POLICY_NUMBER:
  case ECH_POLICY_TIME:
    g_assert_cmpfloat (*(const double *) a, ==, *(const double *) b);
    break;
  case ECH_POLICY_WORD:
  case ECH_POLICY_WHOLE:
    g_assert_cmpuint (*(const uint32_t *) a, ==, *(const uint32_t *) b);
    break;
  case ECH_POLICY_MAY:
    g_assert_cmphex (*(const uint64_t *) a, ==, *(const uint64_t *) b);
    break;
  case ECH_POLICY_SPAN:
    assert_same_span (key->name, (const struct ech_span *) a, (const struct ech_span *) b);
    break;
  case ECH_POLICY_COOLDOWNS:
    for (int verb = 0; verb < ECH_N_VERBS; verb++)
      assert_same_span (ech_verb_name ((enum ech_verb) verb), (const struct ech_span *) a + verb,
                        (const struct ech_span *) b + verb);
    break;
  default:
    break;
  }
}

static void
assert_same_keys (gboolean rules, const void *a, const void *b)
{
  unsigned                     n_keys;
  const struct ech_policy_key *keys = ech_policy_keys (&n_keys);

  for (unsigned i = 0; i < n_keys; i++)
    if (strcmp (keys[i].section, "source") != 0 && (strcmp (keys[i].section, "rules") == 0) == rules)
      assert_same_value (&keys[i], a, b);
}

static void
assert_same (const struct ech_policy *a, const struct ech_policy *b)
{
  assert_same_keys (FALSE, a, b);
  for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++)
    assert_same_keys (TRUE, &a->classes[i], &b->classes[i]);
  g_assert_cmpuint (a->n_sources, ==, b->n_sources);
  for (uint32_t i = 0; i < a->n_sources; i++) {
    g_assert_cmpstr (a->sources[i].name, ==, b->sources[i].name);
    g_assert_cmpuint (a->sources[i].source_class, ==, b->sources[i].source_class);
    assert_same_keys (TRUE, &a->sources[i].rules, &b->sources[i].rules);
  }
}

/* --- reading --- */

static void
test_defaults (void)
{
  struct ech_policy defaults, policy;
  g_autofree char  *least = NULL;
  g_autofree char  *whole = NULL;

  ech_policy_init (&defaults);
  policy = read_text ("{}");
  assert_same (&policy, &defaults);
  least = ech_policy_print (&defaults, false);
  g_assert_cmpstr (least, ==, "{\n  \"version\": 1\n}\n");
  whole  = ech_policy_print (&defaults, true);
  policy = read_text (whole);
  assert_same (&policy, &defaults);
}

/* Each field of the struct has a key: a text that changes all of them changes all of the bytes that
 * the table knows, and the table knows all but padding. */
static void
test_every_field (void)
{
  unsigned                     n_keys;
  const struct ech_policy_key *keys   = ech_policy_keys (&n_keys);
  size_t                       policy = 0, rules = 0;

  for (unsigned i = 0; i < n_keys; i++) {
    static const size_t sizes[] = {
      [ECH_POLICY_SWITCH] = sizeof (bool),          [ECH_POLICY_NUMBER] = sizeof (double),
      [ECH_POLICY_WHOLE] = sizeof (uint32_t),       [ECH_POLICY_TIME] = sizeof (double),
      [ECH_POLICY_SPAN] = sizeof (struct ech_span), [ECH_POLICY_WORD] = sizeof (uint32_t),
      [ECH_POLICY_MAY] = sizeof (uint64_t),         [ECH_POLICY_COOLDOWNS] = sizeof (struct ech_span) * ECH_N_VERBS,
      [ECH_POLICY_CLASSES] = sizeof (struct ech_source_rules) * ECH_N_SOURCE_CLASSES,
      [ECH_POLICY_SOURCES] = sizeof (struct ech_named_source) * ECH_MAX_NAMED_SOURCES + sizeof (uint32_t),
    };

    if (strcmp (keys[i].section, "rules") == 0)
      rules += sizes[keys[i].type];
    else if (strcmp (keys[i].section, "source") != 0)
      policy += sizes[keys[i].type];
  }
  /* alignment of the switches and 32-bit fields between doubles */
  g_assert_cmpuint (sizeof (struct ech_source_rules) - rules, <, 8);
  g_assert_cmpuint (sizeof (struct ech_policy) - policy, <=, 2 * 7 + 2 * 4);
}

static void
test_words (void)
{
  for (uint32_t i = 0; i < ECH_N_MODES; i++) {
    g_autofree char  *text   = g_strdup_printf ("{\"classes\":{\"osc\":{\"mode\":\"%s\"}}}", ech_mode_name ((enum ech_source_mode) i));
    struct ech_policy policy = read_text (text);

    g_assert_cmpuint (policy.classes[ECH_SOURCE_OSC].mode, ==, i);
  }
  for (uint32_t i = 0; i < ECH_N_SOURCE_CLASSES; i++) {
    g_autofree char  *text   = g_strdup_printf ("{\"classes\":{\"%s\":{\"priority\":%u}}}",
                                                ech_source_class_name ((enum ech_source_class) i), 31 + i);
    struct ech_policy policy = read_text (text);

    g_assert_cmpuint (policy.classes[i].priority, ==, 31 + i);
  }
}

static void
test_values (void)
{
  struct ech_policy policy = read_text (
      "{ \"on_air\": { \"level_db\": -50.5, \"human_override\": false, \"override_least\": 0, \"override_window\": \"2.5s\" },\n"
      "  \"confirm_wait\": \"90 s\",\n"
      "  \"guards\": { \"emergency_loop\": { \"on\": false, \"beats\": 4 },\n"
      "              \"silence\": { \"action\": \"resume\", \"after\": \"1500 ms\", \"level_db\": -45 } } }");

  g_assert_cmpfloat (policy.on_air_db, ==, -50.5);
  g_assert_false (policy.human_override);
  g_assert_cmpfloat (policy.override_least_ms, ==, 0);
  g_assert_cmpfloat (policy.override_window_ms, ==, 2500);
  g_assert_cmpfloat (policy.confirm_wait_ms, ==, 90000);
  g_assert_false (policy.emergency_loop);
  g_assert_cmpfloat (policy.emergency_loop_beats, ==, 4);
  g_assert_cmpuint (policy.silence_action, ==, ECH_SILENCE_RESUME);
  g_assert_cmpfloat (policy.silence_after_ms, ==, 1500);
  g_assert_cmpfloat (policy.silence_db, ==, -45);
}

static void
test_cooldowns (void)
{
  struct ech_policy             policy = read_text ("{\"classes\":{\"agent\":{\"cooldowns\":{"
                                                    "\"stop\": 0, \"transport\": \"2 beats\", \"cue\": \"120 ms\", \"safety\": \"1 beat\"}}}}");
  const struct ech_span        *spans  = policy.classes[ECH_SOURCE_AGENT].cooldowns;

  g_assert_cmpfloat (spans[ECH_VERB_PLAY].amount, ==, 2);
  g_assert_cmpuint (spans[ECH_VERB_PLAY].unit, ==, ECH_SPAN_BEATS);
  g_assert_cmpfloat (spans[ECH_VERB_STOP].amount, ==, 0); /* the verb goes before its group */
  g_assert_cmpfloat (spans[ECH_VERB_CUE].amount, ==, 120);
  g_assert_cmpuint (spans[ECH_VERB_CUE].unit, ==, ECH_SPAN_MS);
  g_assert_cmpfloat (spans[ECH_VERB_LOAD].amount, ==, 16); /* as it was */
  g_assert_cmpfloat (spans[ECH_VERB_LOCK].amount, ==, 1);
  g_assert_cmpfloat (spans[ECH_VERB_EMERGENCY].amount, ==, 0);
}

static void
test_permissions (void)
{
  struct ech_policy policy = read_text ("{\"classes\":{\"agent\":{\"may\":[\"loops\",\"play\"]},\"bridge\":{\"may_not\":[\"loads\"]},"
                                        "\"osc\":{\"may\":[]}}}");

  g_assert_cmphex (policy.classes[ECH_SOURCE_AGENT].verbs, ==,
                   ech_group_verbs (ECH_GROUP_LOOPS) | ECH_VERB_BIT (ECH_VERB_PLAY) | ECH_VERB_BIT (ECH_VERB_EMERGENCY));
  /* everything but these: also what its class may not do by default */
  g_assert_cmphex (policy.classes[ECH_SOURCE_BRIDGE].verbs, ==,
                   policy.classes[ECH_SOURCE_HAND].verbs & ~ech_group_verbs (ECH_GROUP_LOADS));
  g_assert_cmphex (policy.classes[ECH_SOURCE_OSC].verbs, ==, ECH_VERB_BIT (ECH_VERB_EMERGENCY));
}

/* As in their class as this file has it, wherever that stands. */
static void
test_sources (void)
{
  struct ech_policy policy = read_text ("{\"sources\":{\"touch panel\":{\"class\":\"hand\"},"
                                        "\"q\\\"b\\\\\":{\"mode\":\"assist\",\"class\":\"agent\",\"cooldowns\":{\"play\":\"1 beat\"}}},"
                                        "\"classes\":{\"agent\":{\"priority\":33,\"cooldowns\":{\"transport\":\"7 beats\"}}}}");
  g_autofree char  *text   = ech_policy_print (&policy, false);
  struct ech_policy back   = read_text (text);
  enum ech_source_class        counts_as;
  const struct ech_source_rules *rules = ech_policy_rules (&policy, "q\"b\\", ECH_SOURCE_OSC, &counts_as);

  g_assert_cmpuint (policy.n_sources, ==, 2);
  g_assert_cmpuint (counts_as, ==, ECH_SOURCE_AGENT);
  g_assert_cmpuint (rules->mode, ==, ECH_MODE_ASSIST);
  g_assert_cmpuint (rules->priority, ==, 33);
  g_assert_cmpfloat (rules->cooldowns[ECH_VERB_STOP].amount, ==, 7);
  g_assert_cmpfloat (rules->cooldowns[ECH_VERB_PLAY].amount, ==, 1);
  assert_same (&policy, &back);
}

/* --- refusing --- */

/* clang-format off */
static const struct { const char *text; unsigned line; const char *says; } faults[] = {
  { "", 1, "a value is expected" },
  { "\n\n  ", 3, "the end of the text" },
  { "{\n\"version\": 1,\n}", 3, "a comma stands before “}”" },
  { "{\n  // mine\n}", 2, "double quotes is expected, not “/”" },
  { "{\"version\": /* no */ 1}", 1, "comments are not accepted" },
  { "{'version': 1}", 1, "double quotes is expected, not “'”" },
  { "{\"version\"\n 1}", 2, "“:” is expected" },
  { "{\"version\": 01}", 1, "begins with 0" },
  { "{\"version\": +1}", 1, "not “+”" },
  { "{\"version\": True}", 1, "not “T”" },
  { "{\"version\": NaN}", 1, "not “N”" },
  { "{} {}", 1, "goes on after its end" },
  { "{\"a\tb\": 1}", 1, "U+0009" },
  { "{\"\\u0000\": 1}", 1, "u0000" },
  { "{\"\\ud800\": 1}", 1, "halves" },
  { "{\"\\x\": 1}", 1, "after “\\” in a text" },
  { "{\n\n\"a\": \"\xff\"}", 3, "not UTF-8" },
  { "{\"a\": \"b\n\"}", 1, "not closed" },
  { "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", 1, "too many levels" },
  { "{\"version\": 1,\n \"version\": 1}", 2, "“version” is given twice" },
  { "{\"version\": 1,\n \"vers\\u0069on\": 1}", 2, "“version” is given twice" },
  { "[]", 1, "a policy is an object" },
  { "7", 1, "a policy is an object, { ... }, not 7" },
  { "{\"version\": 2}", 1, "this program reads version 1" },
  { "{\"version\": \"1\"}", 1, "“version” takes a whole number" },
  { "{\"on_air\":\n{\"levl_db\": -60}}", 2, "did you mean “level_db”?" },
  { "{\"on-air\": {}}", 1, "did you mean “on_air”?" },
  { "{\"zebra\": {}}", 1, "“zebra” is no key of a policy; accepted: version, on_air, confirm_wait, guards, classes, sources" },
  { "{\"on_air\": 3}", 1, "“on_air” takes an object, { ... }, not 3" },
  { "{\"on_air\": {\"level_db\": -121}}", 1, "“level_db” takes a number from -120 to 0, not -121" },
  { "{\"on_air\": {\"level_db\": 1e400}}", 1, "“level_db” takes a number from -120 to 0" },
  { "{\"on_air\": {\"level_db\": null}}", 1, "not null" },
  { "{\"on_air\": {\"human_override\": 1}}", 1, "“human_override” takes true or false, not 1" },
  { "{\"on_air\": {\"override_least\": \"1 beat\"}}", 1, "takes a time such as" },
  { "{\"on_air\": {\"override_least\":\n\"11 s\"}}", 1, "longer than “override_window”" },
  { "{\"on_air\": {\"override_window\": \"0 ms\"}}", 1, "more than 0" },
  { "{\"confirm_wait\": 0}", 1, "takes a time" },
  { "{\"confirm_wait\": \"1000 s\"}", 1, "less than 1000 s" },
  { "{\"confirm_wait\": \"-1 s\"}", 1, "not \"-1 s\"" },
  { "{\"confirm_wait\": \"1e2 s\"}", 1, "not \"1e2 s\"" },
  { "{\"confirm_wait\": \"0x10 ms\"}", 1, "not \"0x10 ms\"" },
  { "{\"confirm_wait\": \"inf s\"}", 1, "takes a time" },
  { "{\"confirm_wait\": \"1  s\"}", 1, "takes a time" },
  { "{\"confirm_wait\": \"1. s\"}", 1, "takes a time" },
  { "{\"guards\": {\"emergency_loop\": {\"beats\": 0.5}}}", 1, "from 1 to 64" },
  { "{\"guards\": {\"silence\": {\"action\": \"resum\"}}}", 1, "did you mean “resume”? Accepted: nothing, report, resume" },
  { "{\"guards\": {\"silence\": {\"action\": []}}}", 1, "cannot be an array; accepted: nothing" },
  { "{\"classes\": {\"agents\": {}}}", 1, "“agents” is no class of sources; did you mean “agent”?" },
  { "{\"classes\": {\"agent\":\n{\n\"mode\": \"asist\"}}}", 3, "did you mean “assist”?" },
  { "{\"classes\": {\"agent\": {\"class\": \"hand\"}}}", 1, "“class” is no key here" },
  { "{\"classes\": {\"agent\": {\"priority\": 1.5}}}", 1, "“priority” takes a whole number from 0 to 100, not 1.5" },
  { "{\"classes\": {\"agent\": {\"rate_per_s\": -1}}}", 1, "from 0 to 1000000" },
  { "{\"classes\": {\"agent\": {\"cooldowns\": {\n\"trasport\": \"4 beats\"}}}}", 2, "did you mean “transport”?" },
  { "{\"classes\": {\"agent\": {\"cooldowns\": {\"stop\":\n\"4 bats\"}}}}", 1, "“0.5 beats” or 0, less than 1000 s or beats, not \"4 bats\"" },
  { "{\"classes\": {\"agent\": {\"cooldowns\": {\"stop\": 4}}}}", 1, "not 4" },
  { "{\"classes\": {\"agent\": {\"cooldowns\": {\"stop\": \"1000 beats\"}}}}", 1, "less than 1000" },
  { "{\"classes\": {\"agent\": {\"cooldowns\": {\"emergency\": 0}}}}", 1, "emergency stop is always allowed" },
  { "{\"classes\": {\"agent\": {\"cooldowns\": {\"none\": 0}}}}", 1, "no group of verbs and no verb" },
  { "{\"classes\": {\"agent\": {\"cooldowns\": []}}}", 1, "takes an object" },
  { "{\"classes\": {\"agent\": {\"may\": [\n\"play\",\n\"sotp\"]}}}", 3, "did you mean “stop”?" },
  { "{\"classes\": {\"agent\": {\"may\": [\n3]}}}", 2, "takes the names of groups and verbs, not 3" },
  { "{\"classes\": {\"agent\": {\"may\": \"play\"}}}", 1, "takes an array of groups and verbs" },
  { "{\"classes\": {\"agent\": {\"may\": [],\n\"may_not\": []}}}", 2, "“may_not” stands beside “may”" },
  { "{\"classes\": {\"agent\": {\"may_not\": [\"emergency\"]}}}", 1, "emergency stop is always allowed" },
  { "{\"sources\": {\n\"bot\": {\"mode\": \"off\"}}}", 2, "the source “bot” has no “class”" },
  { "{\"sources\": {\"bot\": {\"class\": \"robot\"}}}", 1, "“class” cannot be \"robot\"; accepted: hand, osc" },
  { "{\"sources\": {\"\": {\"class\": \"osc\"}}}", 1, "“” is no source's name" },
  { "{\"sources\": {\"a/b\": {\"class\": \"osc\"}}}", 1, "without “/”" },
  { "{\"sources\": {\"f\xc3\xbcr\": {\"class\": \"osc\"}}}", 1, "ASCII" },
  { "{\"sources\": {\"12345678901234567890123456789012\": {\"class\": \"osc\"}}}", 1, "1 to 31" },
};
/* clang-format on */

static void
test_faults (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (faults); i++) {
    struct ech_policy  policy = { .on_air_db = 77 };
    g_autoptr (GError) error  = NULL;
    g_autofree char   *place  = g_strdup_printf ("line %u: ", faults[i].line);
    unsigned           line   = 0;

    if (ech_policy_parse (faults[i].text, strlen (faults[i].text), &policy, &line, &error))
      g_error ("accepted: %s", faults[i].text);
    g_test_message ("%s", error->message);
    g_assert_cmpuint (line, ==, faults[i].line);
    g_assert_true (g_str_has_prefix (error->message, place));
    if (strstr (error->message, faults[i].says) == NULL)
      g_error ("“%s” does not say “%s”", error->message, faults[i].says);
    g_assert_cmpfloat (policy.on_air_db, ==, 77); /* untouched */
  }
}

static void
test_sizes (void)
{
  struct ech_policy  policy;
  g_autoptr (GError) error = NULL;
  g_autofree char   *big   = g_strnfill (ECH_POLICY_MOST_BYTES + 1, ' ');
  GString           *many  = g_string_new ("{\"sources\":{");

  memcpy (big, "{}", 2);
  g_assert_true (ech_policy_parse (big, ECH_POLICY_MOST_BYTES, &policy, NULL, NULL));
  g_assert_false (ech_policy_parse (big, ECH_POLICY_MOST_BYTES + 1, &policy, NULL, &error));
  g_assert_nonnull (strstr (error->message, "1048576 bytes"));
  g_clear_error (&error);

  for (unsigned i = 0; i <= ECH_MAX_NAMED_SOURCES; i++)
    g_string_append_printf (many, "%s\n\"s%u\":{\"class\":\"osc\"}", i > 0 ? "," : "", i);
  g_string_append (many, "}}");
  g_assert_false (ech_policy_parse (many->str, many->len, &policy, NULL, &error));
  g_assert_cmpstr (error->message, ==, "line 18: there are more than 16 named sources");
  g_string_free (many, TRUE);
}

/* Deep and wide: no stack, no memory and no time to speak of. */
static void
test_monsters (void)
{
  static const char *const pieces[] = { "[", "{\"a\":", "[1,", "\"", "\\", "{\"\\u0061\":[", "-", "1e", "[[],", "{\"a\":1,", "\n" };

  for (unsigned i = 0; i < G_N_ELEMENTS (pieces); i++) {
    GString           *text = g_string_new ("{\"sources\":");
    struct ech_policy  policy;
    g_autoptr (GError) error = NULL;

    while (text->len + strlen (pieces[i]) < ECH_POLICY_MOST_BYTES)
      g_string_append (text, pieces[i]);
    g_assert_false (ech_policy_parse (text->str, text->len, &policy, NULL, &error));
    g_assert_cmpuint (strlen (error->message), <, 600);
    g_string_free (text, TRUE);
  }
}

/* --- there and back --- */

static double
random_number (GRand *rand, double minimum, double maximum)
{
  double number = g_rand_double_range (rand, minimum, maximum);

  return g_rand_boolean (rand) ? round (number) : number;
}

static struct ech_span
random_span (GRand *rand)
{
  if (g_rand_int_range (rand, 0, 4) == 0)
    return (struct ech_span){ 0 };
  if (g_rand_boolean (rand))
    return (struct ech_span){ random_number (rand, 0, 999), ECH_SPAN_BEATS };
  return (struct ech_span){ random_number (rand, 0, g_rand_boolean (rand) ? 999999 : 1), ECH_SPAN_MS };
}

static void
randomise_cooldowns (GRand *rand, struct ech_span *cooldowns)
{
  for (int group = 0; group < ECH_N_GROUPS; group++) {
    struct ech_span span = random_span (rand);

    for (int verb = 1; verb < ECH_N_VERBS; verb++)
      if ((ech_group_verbs ((enum ech_verb_group) group) & ECH_VERB_BIT (verb)) && verb != ECH_VERB_EMERGENCY)
        cooldowns[verb] = g_rand_int_range (rand, 0, 6) == 0 ? random_span (rand) : span;
  }
}

static void
randomise_value (GRand *rand, const struct ech_policy_key *key, char *base)
{
  void    *field = base + key->offset;
  unsigned n     = 0;

  while (key->words != NULL && key->words[n] != NULL)
    n++;
  if (g_rand_int_range (rand, 0, 3) == 0)
    return; /* as it was */
  switch (key->type) {
  case ECH_POLICY_SWITCH:
    *(bool *) field = g_rand_boolean (rand);
    break;
  case ECH_POLICY_NUMBER:
    *(double *) field = random_number (rand, key->minimum, key->maximum);
    break;
  case ECH_POLICY_WHOLE:
    *(uint32_t *) field = (uint32_t) g_rand_int_range (rand, (int) key->minimum, (int) key->maximum + 1);
    break;
  case ECH_POLICY_TIME:
    *(double *) field = random_number (rand, 1, 999999);
    break;
  case ECH_POLICY_SPAN:
    *(struct ech_span *) field = random_span (rand);
    break;
  case ECH_POLICY_WORD:
    *(uint32_t *) field = (uint32_t) g_rand_int_range (rand, 0, (int) n);
    break;
  case ECH_POLICY_MAY:
    *(uint64_t *) field = (((uint64_t) g_rand_int (rand) << 32 | g_rand_int (rand)) & ECH_POLICY_VERBS)
                          | ECH_VERB_BIT (ECH_VERB_EMERGENCY);
    break;
  case ECH_POLICY_COOLDOWNS:
    randomise_cooldowns (rand, field);
    break;
  default:
    break;
  }
}

static void
randomise_keys (GRand *rand, gboolean rules, void *base)
{
  unsigned                     n_keys;
  const struct ech_policy_key *keys = ech_policy_keys (&n_keys);

  for (unsigned i = 0; i < n_keys; i++)
    if (strcmp (keys[i].section, "source") != 0 && (strcmp (keys[i].section, "rules") == 0) == rules)
      randomise_value (rand, &keys[i], base);
}

static void
randomise (GRand *rand, struct ech_policy *policy)
{
  ech_policy_init (policy);
  randomise_keys (rand, FALSE, policy);
  policy->override_window_ms = MAX (policy->override_window_ms, policy->override_least_ms);
  for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++)
    randomise_keys (rand, TRUE, &policy->classes[i]);
  policy->n_sources = (uint32_t) g_rand_int_range (rand, 0, ECH_MAX_NAMED_SOURCES + 1);
  for (uint32_t i = 0; i < policy->n_sources; i++) {
    struct ech_named_source *source = &policy->sources[i];

    g_snprintf (source->name, sizeof source->name, "%c\"\\ %u~", (char) g_rand_int_range (rand, '0', '~'), i);
    source->source_class = (uint32_t) g_rand_int_range (rand, 0, ECH_N_SOURCE_CLASSES);
    source->rules        = policy->classes[source->source_class];
    randomise_keys (rand, TRUE, &source->rules);
  }
}

static void
test_round_trip (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);

  for (int i = 0; i < N_RANDOM_POLICIES; i++) {
    struct ech_policy policy;

    randomise (rand, &policy);
    for (int all = 0; all < 2; all++) {
      g_autofree char  *text  = ech_policy_print (&policy, all);
      struct ech_policy back  = read_text (text);
      g_autofree char  *again = ech_policy_print (&back, all);

      assert_same (&policy, &back);
      g_assert_cmpstr (again, ==, text);
    }
  }
}

/* --- any bytes --- */

/* Bytes changed, cut out, doubled, put in; or pieces of the language itself. */
static void
mutate (GRand *rand, GString *text)
{
  static const char *const pieces[] = { "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u00", "null", "1e999", "-0", "\n", "true",
                                        "\"sources\"", "\"\xc3\xa9\"", "\xff", "99999999999999999999", "0 beats", "\"may\":[]," };
  gssize                   at       = text->len > 0 ? g_rand_int_range (rand, 0, (int) text->len) : 0;
  gssize                   wish     = g_rand_int_range (rand, 1, 30);
  gssize                   n        = MIN (wish, (gssize) text->len - at);
  g_autofree char         *copy     = g_strndup (text->str + at, (size_t) n);

  switch (g_rand_int_range (rand, 0, 5)) {
  case 0:
    if (text->len > 0)
      text->str[at] = (char) g_rand_int_range (rand, 0, 256);
    break;
  case 1:
    g_string_erase (text, at, n);
    break;
  case 2:
    g_string_insert (text, g_rand_int_range (rand, 0, (int) text->len + 1), copy);
    break;
  case 3:
    g_string_insert_c (text, at, (char) g_rand_int_range (rand, 0, 256));
    break;
  default:
    g_string_insert (text, at, pieces[g_rand_int_range (rand, 0, G_N_ELEMENTS (pieces))]);
    break;
  }
}

/* Whatever the bytes: a policy that goes there and back, or a line and a sentence. */
static gboolean
survive (const GString *text)
{
  struct ech_policy  policy = { .on_air_db = 77 };
  g_autoptr (GError) error  = NULL;
  unsigned           line   = 0;

  if (!ech_policy_parse (text->str, text->len, &policy, &line, &error)) {
    g_assert_cmpuint (line, >, 0);
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
    g_assert_cmpfloat (policy.on_air_db, ==, 77);
    return FALSE;
  } else {
    g_autofree char  *print = ech_policy_print (&policy, false);
    struct ech_policy back  = read_text (print);

    g_assert_cmpuint (policy.n_sources, <=, ECH_MAX_NAMED_SOURCES);
    assert_same (&policy, &back);
    return TRUE;
  }
}

static void
test_mutations (void)
{
  g_autoptr (GRand) rand   = g_rand_new_with_seed (5);
  g_autofree char  *seed   = NULL;
  unsigned          n_good = 0;
  struct ech_policy policy;

  for (int i = 0; i < N_MUTATIONS; i++) {
    GString *text;

    if (i % 50 == 0) {
      g_free (seed);
      randomise (rand, &policy);
      policy.n_sources = MIN (policy.n_sources, 1);
      seed             = ech_policy_print (&policy, i % 100 == 0);
    }
    text = g_string_new (seed);
    for (int n = g_rand_int_range (rand, 1, 4); n > 0; n--)
      mutate (rand, text);
    n_good += survive (text);
    g_string_free (text, TRUE);
  }
  g_test_message ("%u of %d were still policies", n_good, N_MUTATIONS);
  g_assert_cmpuint (n_good, >, N_MUTATIONS / 200);
  g_assert_cmpuint (n_good, <, N_MUTATIONS / 2);
}

/* --- files --- */

static void
test_files (void)
{
  g_autofree char   *folder = g_dir_make_tmp ("echelon-policy-XXXXXX", NULL);
  g_autofree char   *deep   = g_build_filename (folder, "new", "folder", NULL);
  g_autofree char   *path   = g_build_filename (deep, "policy.json", NULL);
  g_autofree char   *link   = g_build_filename (folder, "link.json", NULL);
  g_autofree char   *text   = NULL;
  g_autoptr (GError) error  = NULL;
  g_autoptr (GDir)   dir    = NULL;
  struct ech_policy  policy, back;

  g_assert_false (ech_policy_load (path, &policy, NULL, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_clear_error (&error);
  g_assert_false (ech_policy_load (folder, &policy, NULL, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
  g_clear_error (&error);

  ech_policy_init (&policy);
  policy.classes[ECH_SOURCE_AGENT].mode = ECH_MODE_GHOST;
  g_assert_true (ech_policy_save (path, &policy, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==,
                   "{\n  \"version\": 1,\n  \"classes\": {\n    \"agent\": {\n      \"mode\": \"ghost\"\n    }\n  }\n}\n");

  g_assert_cmpint (symlink (path, link), ==, 0);
  policy.classes[ECH_SOURCE_AGENT].mode = ECH_MODE_ASSIST;
  g_assert_true (ech_policy_save (link, &policy, NULL));
  g_assert_true (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  g_assert_true (ech_policy_load (path, &back, NULL, NULL));
  assert_same (&policy, &back);

  /* nothing beside the file is left */
  dir = g_dir_open (deep, 0, NULL);
  g_assert_cmpstr (g_dir_read_name (dir), ==, "policy.json");
  g_assert_null (g_dir_read_name (dir));

  g_remove (link);
  g_remove (path);
  g_rmdir (deep);
  g_assert_true (ech_policy_save (path, &policy, NULL)); /* the folder again */
  g_remove (path);
  g_rmdir (deep);
  g_free (deep);
  deep = g_build_filename (folder, "new", NULL);
  g_rmdir (deep);
  g_rmdir (folder);
}

static void
test_lines (void)
{
  const char               text[] = "{ \"a\":\n [1,\n  {\"b/c\": 2}], \"a/1\": 3 }";
  g_autoptr (EchJsonLines) lines  = ech_json_lines_new (text, strlen (text), 4, NULL, NULL);
  unsigned                 a;

  g_assert_nonnull (lines);
  a = ech_json_lines_find (lines, 1, "a");
  g_assert_cmpuint (ech_json_lines_line (lines, 1), ==, 1);
  g_assert_cmpuint (ech_json_lines_line (lines, a), ==, 1);
  g_assert_cmpuint (ech_json_lines_line (lines, ech_json_lines_find (lines, a, "0")), ==, 2);
  g_assert_cmpuint (ech_json_lines_line (lines, ech_json_lines_find (lines, ech_json_lines_find (lines, a, "1"), "b/c")), ==, 3);
  g_assert_cmpuint (ech_json_lines_line (lines, ech_json_lines_find (lines, 1, "a/1")), ==, 3);
  g_assert_cmpuint (ech_json_lines_find (lines, 1, "b"), ==, 0);
  g_assert_cmpuint (ech_json_lines_line (lines, 0), ==, 0);
  g_assert_null (ech_json_lines_new (text, strlen (text), 2, NULL, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/policy-file/defaults", test_defaults);
  g_test_add_func ("/policy-file/every-field", test_every_field);
  g_test_add_func ("/policy-file/words", test_words);
  g_test_add_func ("/policy-file/values", test_values);
  g_test_add_func ("/policy-file/cooldowns", test_cooldowns);
  g_test_add_func ("/policy-file/permissions", test_permissions);
  g_test_add_func ("/policy-file/sources", test_sources);
  g_test_add_func ("/policy-file/faults", test_faults);
  g_test_add_func ("/policy-file/sizes", test_sizes);
  g_test_add_func ("/policy-file/monsters", test_monsters);
  g_test_add_func ("/policy-file/round-trip", test_round_trip);
  g_test_add_func ("/policy-file/mutations", test_mutations);
  g_test_add_func ("/policy-file/files", test_files);
  g_test_add_func ("/policy-file/lines", test_lines);
  return g_test_run ();
}
