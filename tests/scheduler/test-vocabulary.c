/* What is a message and what is none.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "engine/scheduler/vocabulary.h"

enum { MAX_ARGS = 8, N_DECKS = 2 };

/* A message as a score has it, "/deck/a/seek 12.5 bar"; typed words are "f:12.5", "s:bar", "T:". */
static unsigned
split (char *line, const char **out_address, struct ech_value *values)
{
  unsigned n = 0;

  *out_address = strtok (line, " ");
  for (char *word; (word = strtok (NULL, " ")) && n < MAX_ARGS; n++) {
    values[n] = (struct ech_value){ .type = 'w', .s = word };
    if (word[0] == 0 || word[1] != ':')
      continue;
    values[n].type = word[0];
    if (word[0] == 'i' || word[0] == 'h')
      values[n].i = g_ascii_strtoll (word + 2, NULL, 10);
    else if (word[0] == 'f' || word[0] == 'd')
      values[n].f = g_ascii_strtod (word + 2, NULL);
    else
      values[n].s = word + 2;
  }
  return n;
}

static int
parse (const char *message, struct ech_action *out_action, char *out_error)
{
  static char      line[512];
  struct ech_value values[MAX_ARGS];
  const char      *address;
  unsigned         n;

  g_strlcpy (line, message, sizeof line);
  n = split (line, &address, values);
  strcpy (out_error, "");
  return ech_vocabulary_parse (address, values, n, N_DECKS, out_action, out_error);
}

/* clang-format off */
static const struct {
  const char *message; enum ech_verb verb; uint32_t deck, index; double value;
} good[] = {
  { "/deck/a/eject",             ECH_VERB_EJECT,             0, 0, NAN },
  { "/deck/b/play",              ECH_VERB_PLAY,              1, 0, NAN },
  { "/deck/b/play 12.5",         ECH_VERB_PLAY,              1, 0, 12.5 },
  { "/deck/b/play i:12 s:bar",   ECH_VERB_PLAY,              1, 0, 12 },
  { "/deck/a/stop",              ECH_VERB_STOP,              0, 0, NAN },
  { "/deck/a/seek d:30.25",      ECH_VERB_SEEK,              0, 0, 30.25 },
  { "/deck/a/seek h:30",         ECH_VERB_SEEK,              0, 0, 30 },
  { "/deck/a/seek 1e2",          ECH_VERB_SEEK,              0, 0, 100 },
  { "/deck/a/cue",               ECH_VERB_CUE,               0, 0, NAN },
  { "/deck/a/cue f:4",           ECH_VERB_CUE,               0, 0, 4 },
  { "/deck/a/beatjump -16",      ECH_VERB_BEATJUMP,          0, 0, -16 },
  { "/deck/a/tempo 1.05",        ECH_VERB_SPEED,             0, 0, 1.05 },
  { "/deck/a/sync i:1",          ECH_VERB_SYNC,              0, 0, 1 },
  { "/deck/a/sync T:",           ECH_VERB_SYNC,              0, 0, 1 },
  { "/deck/a/sync F:",           ECH_VERB_SYNC,              0, 0, 0 },
  { "/deck/a/pfl f:0",           ECH_VERB_PFL,               0, 0, 0 },
  { "/deck/a/gain -3.5",         ECH_VERB_TRIM,              0, 0, -3.5 },
  { "/deck/a/volume f:1",        ECH_VERB_VOLUME,            0, 0, 1 },
  { "/eq/a/low -inf",            ECH_VERB_EQ,                0, 0, -INFINITY },
  { "/eq/a/mid f:-26",           ECH_VERB_EQ,                0, 1, -26 },
  { "/eq/b/high 12",             ECH_VERB_EQ,                1, 2, 12 },
  { "/filter/b -1",              ECH_VERB_FILTER,            1, 0, -1 },
  { "/crossfader 0.0",           ECH_VERB_CROSSFADER,        0, 0, 0 },
  { "/limiter -3",               ECH_VERB_LIMITER,           0, 0, -3 },
  { "/master/volume 1",          ECH_VERB_MASTER_VOLUME,     0, 0, 1 },
  { "/booth/volume 0.5",         ECH_VERB_BOOTH_VOLUME,      0, 0, 0.5 },
  { "/headphones/volume 0.5",    ECH_VERB_HEADPHONES_VOLUME, 0, 0, 0.5 },
  { "/headphones/mix 0.5",       ECH_VERB_HEADPHONES_MIX,    0, 0, 0.5 },
  { "/tempo 128",                ECH_VERB_TEMPO,             0, 0, 128 },
  { "/link 1",                   ECH_VERB_LINK,              0, 0, 1 },
  { "/link/startstop 0",         ECH_VERB_LINK_STARTSTOP,    0, 0, 0 },
  { "/link/nudge -2",            ECH_VERB_LINK_NUDGE,        0, 0, -2 },
  { "/unlock/b",                 ECH_VERB_UNLOCK,            1, 0, NAN },
  { "/deck/a/loop 4",            ECH_VERB_LOOP,              0, 0, 4 },
  { "/deck/a/loop 0",            ECH_VERB_LOOP,              0, 0, 0 },
  { "/deck/a/loop f:0.03125",    ECH_VERB_LOOP,              0, 0, 0.03125 },
  { "/deck/b/loop/in bar",       ECH_VERB_LOOP_IN,           1, 0, NAN },
  { "/deck/b/loop/out",          ECH_VERB_LOOP_OUT,          1, 0, NAN },
  { "/deck/b/loop/move -2",      ECH_VERB_LOOP_MOVE,         1, 0, -2 },
  { "/deck/a/hotcue/1/set",      ECH_VERB_HOTCUE_SET,        0, 0, NAN },
  { "/deck/b/hotcue/8/jump bar", ECH_VERB_HOTCUE_JUMP,       1, 7, NAN },
  { "/deck/a/hotcue/3/clear",    ECH_VERB_HOTCUE_CLEAR,      0, 2, NAN },
  { "/deck/a/bend -0.04",        ECH_VERB_BEND,              0, 0, -0.04 },
  { "/deck/b/keylock 1 bar",     ECH_VERB_KEYLOCK,           1, 0, 1 },
  { "/record 1 bar",             ECH_VERB_RECORD,            0, 0, 1 },
  { "/emergency",                ECH_VERB_EMERGENCY,         0, 0, NAN },
  { "/confirm my-play",          ECH_VERB_CONFIRM,           0, 0, NAN },
  { "/source/agent/mode off",    ECH_VERB_SOURCE_MODE,       0, 0, 0 },
  { "/source/x/mode auto",       ECH_VERB_SOURCE_MODE,       0, 0, 3 },
};

static const struct { const char *message; int result; const char *says; } bad[] = {
  { "/deck/a/seek s:ten",          -EINVAL, "number" },
  { "/deck/a/seek T:",             -EINVAL, "type 'T'" },
  { "/deck/a/seek",                -EINVAL, "wants an argument" },
  { "/source/agent/mode on",       -EINVAL, "off, ghost, assist or auto" },
  { "/source/agent/mode i:3",      -EINVAL, "off, ghost, assist or auto" },
  { "/source/agent/mode auto bar", -EINVAL, "takes no timing" },
  { "/source//mode auto",          -ENOENT, "" },
  { "/source/a/b/mode auto",       -ENOENT, "" },
  { "/source/of-a-name-that-is-longer-than-any/mode off", -EINVAL, "1 to 31 bytes" },
  { "/confirm",                    -EINVAL, "wants a string" },
  { "/deck/a/seek id=7",           -EINVAL, "wants an argument" },
  { "/deck/a/seek f:nan",          -EINVAL, "NaN" },
  { "/deck/a/seek nan",            -EINVAL, "NaN" },
  { "/deck/a/seek d:inf",          -EINVAL, "0 to 86400" },
  { "/deck/a/seek -1",             -EINVAL, "not -1" },
  { "/deck/a/seek 0x10",           -EINVAL, "number" },
  { "/deck/a/seek 1,5",            -EINVAL, "number" },
  { "/deck/a/seek 10 20",          -EINVAL, "no timing" },
  { "/deck/a/seek 10 f:20",        -EINVAL, "too many" },
  { "/deck/a/stop i:1",            -EINVAL, "too many" },
  { "/deck/a/play bar bar",        -EINVAL, "more than one timing" },
  { "/deck/a/play id=a id=b",      -EINVAL, "more than one id" },
  { "/deck/a/play id=",            -EINVAL, "id" },
  { "/deck/a/play until=",         -EINVAL, "\"\" is no deadline" },
  { "/deck/a/play until=bar",      -EINVAL, "\"bar\" is no deadline" },
  { "/deck/a/play until=inf",      -EINVAL, "no deadline" },
  { "/deck/a/play until=0",        -EINVAL, "no deadline" },
  { "/deck/a/play until=8 until=9", -EINVAL, "more than one deadline" },
  { "/deck/a/seek until=8",        -EINVAL, "wants an argument" },
  { "/emergency until=8",          -EINVAL, "takes no deadline" },
  { "/deck/a/play soon",           -EINVAL, "\"soon\" is no timing" },
  { "/deck/a/play T:",             -EINVAL, "number" },
  { "/deck/a/sync i:2",            -EINVAL, "0 or 1" },
  { "/deck/a/sync f:0.5",          -EINVAL, "0 or 1" },
  { "/deck/a/sync",                -EINVAL, "0 or 1" },
  { "/deck/a/volume 1.01",         -EINVAL, "0 to 1" },
  { "/deck/a/tempo 0",             -EINVAL, "0.25 to 3" },
  { "/eq/a/low inf",               -EINVAL, "to 12" },
  { "/eq/a/low 12.1",              -EINVAL, "to 12" },
  { "/limiter f:-inf",             -EINVAL, "-24 to 0" },
  { "/limiter 0.1",                -EINVAL, "-24 to 0" },
  { "/tempo 19",                   -EINVAL, "20 to 999" },
  { "/deck/a/load",                -EINVAL, "string" },
  { "/deck/a/load f:1",            -EINVAL, "string" },
  { "/deck/a/load s:",             -EINVAL, "path" },
  { "/cancel",                     -EINVAL, "string" },
  { "/cancel s:",                  -EINVAL, "id" },
  { "/lock/a why bar",             -EINVAL, "takes no timing" },
  { "/emergency now",              -EINVAL, "takes no timing" },
  { "/cancel x bar",               -EINVAL, "takes no timing" },
  { "/deck/c/play",                -EINVAL, "no deck C" },
  { "/deck/z/play",                -EINVAL, "no deck Z" },
  { "/deck/A/play",                -ENOENT, "/deck/a/play" },
  { "/deck/a/plya",                -ENOENT, "nearest that it knows is /deck/a/play" },
  { "/deck/b/hotcue/0/jump",       -ENOENT, "/deck/b/hotcue/1/jump" },
  { "/deck/b/hotcue/9/jump",       -ENOENT, "/deck/b/hotcue/1/jump" },
  { "/deck/b/hotcue/11/jump",      -ENOENT, "/deck/b/hotcue/1/jump" },
  { "/deck/b/hotcue/N/jump",       -ENOENT, "/deck/b/hotcue/1/jump" },
  { "/deck/b/hotcue/3/jmp",        -ENOENT, "/deck/b/hotcue/3/jump" },
  { "/deck/c/hotcue/3/jump",       -EINVAL, "no deck C" },
  { "/deck/b/hotcue",              -ENOENT, "/deck/b/" },
  { "/deck/a/loop 0.03",           -EINVAL, "1/32" },
  { "/deck/a/loop -1",             -EINVAL, "0 to 64" },
  { "/deck/a/loop 64.1",           -EINVAL, "0 to 64" },
  { "/deck/a/bend 0.51",           -EINVAL, "-0.5 to 0.5" },
  { "/crossfade",                  -ENOENT, "/crossfader" },
  { "/deck/a/play/now",            -ENOENT, "/deck/a/play" },
  { "/deck/*/stop",                -ENOENT, "does not know" },
  { "/",                           -ENOENT, "does not know" },
};

static const struct { const char *text; enum ech_timing_kind kind; enum ech_way way; double beats; } timings[] = {
  { "now",    ECH_TIMING_NOW,      ECH_WAY_WAIT, 0 },
  { "1/4",    ECH_TIMING_GRID,     ECH_WAY_WAIT, 0.25 },
  { "1/2",    ECH_TIMING_GRID,     ECH_WAY_WAIT, 0.5 },
  { "beat",   ECH_TIMING_GRID,     ECH_WAY_WAIT, 1 },
  { "bar",    ECH_TIMING_GRID,     ECH_WAY_WAIT, 4 },
  { "4bar",   ECH_TIMING_GRID,     ECH_WAY_WAIT, 16 },
  { "16bar",  ECH_TIMING_GRID,     ECH_WAY_WAIT, 64 },
  { "3beat",  ECH_TIMING_GRID,     ECH_WAY_WAIT, 3 },
  { "0.75beat", ECH_TIMING_GRID,   ECH_WAY_WAIT, 0.75 },
  { "~beat",  ECH_TIMING_GRID,     ECH_WAY_LAND, 1 },
  { "~bar",   ECH_TIMING_GRID,     ECH_WAY_LAND, 4 },
  { "~1/2",   ECH_TIMING_GRID,     ECH_WAY_LAND, 0.5 },
  { "@33",    ECH_TIMING_AT_BEAT,  ECH_WAY_WAIT, 33 },
  { "@-1.5",  ECH_TIMING_AT_BEAT,  ECH_WAY_WAIT, -1.5 },
  { "+2.5b",  ECH_TIMING_IN_BEATS, ECH_WAY_WAIT, 2.5 },
  { "+0b",    ECH_TIMING_IN_BEATS, ECH_WAY_WAIT, 0 },
};

static const char *const no_timings[] = {
  "", "Bar", "bars", "17bar", "65beat", "0bar", "1/3", "~now", "~@3", "~", "@", "@nan", "@inf", "@1e10",
  "+", "+b", "+2.5", "+-1b", "+nanb", "2.5b", "@33b", "now ", "0.1beat", "99999999999999999999999999999999999bar",
};
/* clang-format on */

static void
test_good (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (good); i++) {
    struct ech_action action;
    char              error[ECH_TEXT_MAX];

    g_test_message ("%s", good[i].message);
    g_assert_cmpint (parse (good[i].message, &action, error), ==, 0);
    g_assert_cmpuint (action.verb, ==, good[i].verb);
    g_assert_cmpuint (action.deck, ==, good[i].deck);
    g_assert_cmpuint (action.index, ==, good[i].index);
    g_assert_true (action.value == good[i].value
                   || (isnan (action.value) && isnan (good[i].value)));
  }
}

static void
test_bad (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
    struct ech_action action = { .verb = 99 };
    char              error[ECH_TEXT_MAX];
    int               result = parse (bad[i].message, &action, error);

    g_test_message ("%s: %s", bad[i].message, error);
    g_assert_cmpint (result, ==, bad[i].result);
    g_assert_nonnull (strstr (error, bad[i].says));
    g_assert_cmpuint (action.verb, ==, 99); /* nothing is filled */
  }
}

/* Each address takes its least argument, a timing and an id, and is in the documentation. */
static void
test_each_word (void)
{
  static const char *const arguments[] = { "", " 0", "", " 1", " \x66ile", "", " ghost" };
  g_autofree char         *path =
      g_build_filename (g_getenv ("ECH_SOURCE_ROOT"), "docs", "actions.md", NULL);
  g_autofree char       *docs = NULL;
  const struct ech_word *words;
  unsigned               n;

  g_assert_true (g_file_get_contents (path, &docs, NULL, NULL));
  words = ech_vocabulary_words (&n);
  g_assert_cmpuint (n, ==, 42);
  for (unsigned i = 0; i < n; i++) {
    g_autoptr (GString) message = g_string_new (words[i].address);
    g_autofree char  *quoted    = g_strdup_printf ("`%s`", words[i].address);
    struct ech_action action;
    char              error[ECH_TEXT_MAX];
    double            least = words[i].minimum;

    g_assert_nonnull (strstr (docs, quoted));
    g_assert_nonnull (strstr (docs, words[i].help));
    g_string_replace (message, "/x", "/b", 1);
    g_string_replace (message, "/N/", "/5/", 1);
    if (words[i].argument == ECH_ARGUMENT_NUMBER)
      g_string_append_printf (message, " %g", least);
    else
      g_string_append (message, arguments[words[i].argument]);
    g_string_append (message, words[i].timing ? " id=me 4bar" : " id=me");
    g_test_message ("%s", message->str);
    g_assert_cmpint (parse (message->str, &action, error), ==, 0);
    g_assert_cmpstr (action.id, ==, "me");
    g_assert_cmpuint (action.verb, ==, words[i].verb);
    g_assert_cmpuint (action.timing.kind, ==,
                      words[i].timing ? ECH_TIMING_GRID : ECH_TIMING_DEFAULT);
  }
}

static void
test_strings (void)
{
  struct ech_action action;
  char              error[ECH_TEXT_MAX], message[512];

  g_assert_cmpint (parse ("/deck/a/load s:bar id=x @8", &action, error), ==, 0);
  g_assert_cmpstr (action.text, ==, "bar"); /* a file may be called so */
  g_assert_cmpfloat (action.timing.beats, ==, 8);
  g_assert_cmpint (parse ("/deck/a/play 1 until=33.5 bar id=x", &action, error), ==, 0);
  g_assert_cmpfloat (action.deadline_beats, ==, 33.5);
  g_assert_cmpfloat (action.timing.beats, ==, 4);
  g_assert_cmpint (parse ("/lock/b bar", &action, error), ==, 0);
  g_assert_cmpstr (action.text, ==, "bar");
  g_assert_cmpint (parse ("/lock/b id=7", &action, error), ==, 0);
  g_assert_null (action.text);
  g_assert_cmpstr (action.id, ==, "7");
  g_assert_cmpint (parse ("/cancel my-play id=7", &action, error), ==, 0);
  g_assert_cmpstr (action.target, ==, "my-play");
  g_assert_cmpint (parse ("/confirm my-play", &action, error), ==, 0);
  g_assert_cmpstr (action.target, ==, "my-play");
  g_assert_cmpint (parse ("/source/an.agent/mode ghost id=7", &action, error), ==, 0);
  g_assert_cmpstr (action.target, ==, "an.agent");
  g_assert_cmpstr (action.id, ==, "7");

  g_snprintf (message, sizeof message, "/deck/a/play id=%047d", 1);
  g_assert_cmpint (parse (message, &action, error), ==, 0);
  g_snprintf (message, sizeof message, "/deck/a/play id=%048d", 1);
  g_assert_cmpint (parse (message, &action, error), ==, -EINVAL);
  g_snprintf (message, sizeof message, "/cancel %048d", 1);
  g_assert_cmpint (parse (message, &action, error), ==, -EINVAL);
  g_assert_cmpint (parse ("/deck/a/play id=\xff\xfe", &action, error), ==, -EINVAL);
}

/* An error is one line of text, whatever came. */
static void
test_error_is_text (void)
{
  struct ech_action action;
  char              error[ECH_TEXT_MAX], address[300];

  memset (address, 0xff, sizeof address);
  address[0]   = '/';
  address[299] = 0;
  g_assert_cmpint (parse (address, &action, error), ==, -ENOENT);
  g_assert_true (g_utf8_validate (error, -1, NULL));
  g_assert_cmpuint (strlen (error), <, ECH_TEXT_MAX - 1);
  g_assert_cmpint (parse ("/deck/a/play \n\x1b[31m", &action, error), ==, -EINVAL);
  g_assert_null (strchr (error, '\n'));
  g_assert_null (strchr (error, '\x1b'));
}

static void
test_timings (void)
{
  struct ech_timing timing, again;
  char              text[32];

  for (unsigned i = 0; i < G_N_ELEMENTS (timings); i++) {
    g_test_message ("%s", timings[i].text);
    g_assert_cmpint (ech_timing_parse (timings[i].text, &timing), ==, 0);
    g_assert_cmpuint (timing.kind, ==, timings[i].kind);
    g_assert_cmpuint (timing.way, ==, timings[i].way);
    g_assert_cmpfloat (timing.beats, ==, timings[i].beats);
    ech_timing_format (&timing, text, sizeof text);
    g_assert_cmpstr (text, ==, timings[i].text);
    g_assert_cmpint (ech_timing_parse (text, &again), ==, 0);
    g_assert_cmpmem (&timing, sizeof timing, &again, sizeof again);
  }
  for (unsigned i = 0; i < G_N_ELEMENTS (no_timings); i++) {
    g_test_message ("\"%s\"", no_timings[i]);
    g_assert_cmpint (ech_timing_parse (no_timings[i], &timing), ==, -EINVAL);
  }
}

/* Actions that a driver made by hand. */
static void
test_check (void)
{
  struct ech_action ok = { .verb = ECH_VERB_SEEK, .value = 5 }, bent;
  char              error[ECH_TEXT_MAX];

  g_assert_cmpint (ech_vocabulary_check (&ok, N_DECKS, error), ==, 0);
#define REFUSED(change) \
  bent = ok;            \
  change;               \
  g_assert_cmpint (ech_vocabulary_check (&bent, N_DECKS, error), ==, -EINVAL)
  REFUSED (bent.deck = 2);
  REFUSED (bent.deck = UINT32_MAX);
  REFUSED (bent.verb = ECH_VERB_NONE);
  REFUSED (bent.verb = 4711);
  REFUSED (bent.value = NAN);
  REFUSED (bent.value = -0.1);
  REFUSED (bent.deadline_beats = NAN);
  REFUSED (bent.timing.kind = 99);
  REFUSED ((bent.timing = (struct ech_timing){ ECH_TIMING_GRID, 0, 0.2 }));
  REFUSED ((bent.timing = (struct ech_timing){ ECH_TIMING_GRID, 0, NAN }));
  REFUSED ((bent.timing = (struct ech_timing){ ECH_TIMING_GRID, 9, 1 }));
  REFUSED ((bent.timing = (struct ech_timing){ ECH_TIMING_AT_BEAT, 0, INFINITY }));
  REFUSED ((bent.timing = (struct ech_timing){ ECH_TIMING_IN_BEATS, 0, -1 }));
  REFUSED (memset (bent.id, 'x', sizeof bent.id));
  REFUSED (memset (bent.target, 'x', sizeof bent.target));
  REFUSED (bent.verb = ECH_VERB_LOAD);
  REFUSED (bent.verb = ECH_VERB_CANCEL);
  ok = (struct ech_action){ .verb = ECH_VERB_EQ, .index = 2, .value = -INFINITY };
  g_assert_cmpint (ech_vocabulary_check (&ok, N_DECKS, error), ==, 0);
  REFUSED (bent.index = 3);
  REFUSED ((bent.verb = ECH_VERB_HOTCUE_JUMP, bent.index = 8));
  REFUSED ((bent.verb = ECH_VERB_LOOP, bent.value = 0.02));
  REFUSED (bent.value = INFINITY);
#undef REFUSED
}

static void
test_names (void)
{
  g_assert_cmpstr (ech_fate_name (ECH_FATE_CANCELLED), ==, "cancelled");
  g_assert_cmpstr (ech_rule_name (ECH_RULE_ON_AIR), ==, "on-air");
  g_assert_cmpstr (ech_deck_state_name (ECH_DECK_PRIMED), ==, "primed");
  g_assert_cmpstr (ech_verb_name ((enum ech_verb) 1000), ==, "unknown");
  for (int i = 0; i < ECH_N_RULES; i++)
    g_assert_nonnull (ech_rule_name ((enum ech_rule) i));
  for (int i = 0; i < ECH_N_VERBS; i++)
    g_assert_nonnull (ech_verb_name ((enum ech_verb) i));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vocabulary/good", test_good);
  g_test_add_func ("/vocabulary/bad", test_bad);
  g_test_add_func ("/vocabulary/each-word", test_each_word);
  g_test_add_func ("/vocabulary/strings", test_strings);
  g_test_add_func ("/vocabulary/error-is-text", test_error_is_text);
  g_test_add_func ("/vocabulary/timings", test_timings);
  g_test_add_func ("/vocabulary/check", test_check);
  g_test_add_func ("/vocabulary/names", test_names);
  return g_test_run();
}
