/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/scheduler/vocabulary.h"

#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <string.h>

#include "engine/scheduler/policy.h"

/* A day: no track is longer, and every product with a sample rate stays exact in a double. */
#define MAX_SECONDS 86400.0
#define MAX_BEATS   1e9
#define MAX_JUMP    4096.0
#define MIN_GRID    0.25
#define MAX_GRID    64.0

enum { MAX_PATH = 4096, MAX_ADDRESS = 96, N_SHOWN = 48 };

#define W(address, arguments, help, lo, hi, verb, index, argument, timing)         \
  {                                                                                \
    address, arguments, help, lo, hi, verb, index, ECH_ARGUMENT_##argument, timing \
  }

static const struct ech_word words[] = {
  W ("/deck/x/load",
     "s path",
     "Loads a track onto the deck.",
     0,
     0,
     ECH_VERB_LOAD,
     0,
     STRING,
     true),
  W ("/deck/x/eject", "", "Takes the track off the deck.", 0, 0, ECH_VERB_EJECT, 0, NONE, true),
  W ("/deck/x/play",
     "[f position]",
     "Starts the deck, at a position in seconds or where it stands.",
     0,
     MAX_SECONDS,
     ECH_VERB_PLAY,
     0,
     OPTIONAL_NUMBER,
     true),
  W ("/deck/x/stop", "", "Stops the deck where it is.", 0, 0, ECH_VERB_STOP, 0, NONE, true),
  W ("/deck/x/seek",
     "f position",
     "Goes to a position in seconds; the deck goes on playing.",
     0,
     MAX_SECONDS,
     ECH_VERB_SEEK,
     0,
     NUMBER,
     true),
  W ("/deck/x/cue",
     "[f position]",
     "With seconds: sets the cue point. Without: goes to it and stops there.",
     0,
     MAX_SECONDS,
     ECH_VERB_CUE,
     0,
     OPTIONAL_NUMBER,
     true),
  W ("/deck/x/beatjump",
     "f beats",
     "Jumps by beats of the track's grid, back when negative.",
     -MAX_JUMP,
     MAX_JUMP,
     ECH_VERB_BEATJUMP,
     0,
     NUMBER,
     true),
  W ("/deck/x/loop",
     "f beats",
     "Loops so many beats (1/32 to 64) from here; 0 leaves the loop.",
     0,
     ECH_MAX_LOOP_BEATS,
     ECH_VERB_LOOP,
     0,
     NUMBER,
     true),
  W ("/deck/x/loop/in", "", "Sets the loop's in point here.", 0, 0, ECH_VERB_LOOP_IN, 0, NONE, true),
  W ("/deck/x/loop/out",
     "",
     "Sets the loop's out point here and loops.",
     0,
     0,
     ECH_VERB_LOOP_OUT,
     0,
     NONE,
     true),
  W ("/deck/x/loop/move",
     "f beats",
     "Moves the loop, and who plays in it, by beats; back when negative.",
     -MAX_JUMP,
     MAX_JUMP,
     ECH_VERB_LOOP_MOVE,
     0,
     NUMBER,
     true),
  W ("/deck/x/hotcue/N/set",
     "",
     "Sets hot cue N (1 to 8) to where the deck is.",
     0,
     0,
     ECH_VERB_HOTCUE_SET,
     0,
     NONE,
     true),
  W ("/deck/x/hotcue/N/jump",
     "",
     "Plays from hot cue N, also when the deck is stopped.",
     0,
     0,
     ECH_VERB_HOTCUE_JUMP,
     0,
     NONE,
     true),
  W ("/deck/x/hotcue/N/clear", "", "Forgets hot cue N.", 0, 0, ECH_VERB_HOTCUE_CLEAR, 0, NONE, true),
  W ("/deck/x/bend",
     "f offset",
     "Bends the speed while held: 0.02 is 2 % faster; 0 releases.",
     -ECH_MAX_BEND,
     ECH_MAX_BEND,
     ECH_VERB_BEND,
     0,
     NUMBER,
     true),
  W ("/deck/x/tempo",
     "f ratio",
     "Sets the deck's speed: 1.0 is as recorded.",
     0.25,
     3.0,
     ECH_VERB_SPEED,
     0,
     NUMBER,
     true),
  W ("/deck/x/sync",
     "i 0 or 1",
     "Follows the session's tempo and beat.",
     0,
     1,
     ECH_VERB_SYNC,
     0,
     SWITCH,
     true),
  W ("/deck/x/keylock",
     "i 0 or 1",
     "Keeps the pitch while the speed changes.",
     0,
     1,
     ECH_VERB_KEYLOCK,
     0,
     SWITCH,
     true),
  W ("/deck/x/pfl",
     "i 0 or 1",
     "Sends the deck to the headphones before its fader.",
     0,
     1,
     ECH_VERB_PFL,
     0,
     SWITCH,
     true),
  W ("/deck/x/gain", "f dB", "Sets the deck's trim.", -60, 12, ECH_VERB_TRIM, 0, NUMBER, true),
  W ("/deck/x/volume",
     "f 0..1",
     "Moves the deck's channel fader.",
     0,
     1,
     ECH_VERB_VOLUME,
     0,
     NUMBER,
     true),
  W ("/eq/x/low",
     "f dB",
     "Sets the low band; at or under -26 it is killed.",
     -INFINITY,
     ECH_EQ_MAX_DB,
     ECH_VERB_EQ,
     ECH_BAND_LOW,
     NUMBER,
     true),
  W ("/eq/x/mid",
     "f dB",
     "Sets the middle band; at or under -26 it is killed.",
     -INFINITY,
     ECH_EQ_MAX_DB,
     ECH_VERB_EQ,
     ECH_BAND_MID,
     NUMBER,
     true),
  W ("/eq/x/high",
     "f dB",
     "Sets the high band; at or under -26 it is killed.",
     -INFINITY,
     ECH_EQ_MAX_DB,
     ECH_VERB_EQ,
     ECH_BAND_HIGH,
     NUMBER,
     true),
  W ("/filter/x",
     "f -1..1",
     "Turns the deck's filter: -1 low-pass, 0 off, 1 high-pass.",
     -1,
     1,
     ECH_VERB_FILTER,
     0,
     NUMBER,
     true),
  W ("/crossfader",
     "f 0..1",
     "Moves the crossfader; 0 is the side of deck A.",
     0,
     1,
     ECH_VERB_CROSSFADER,
     0,
     NUMBER,
     true),
  W ("/limiter",
     "f dBFS",
     "Sets the limiter's threshold and ceiling.",
     -24,
     0,
     ECH_VERB_LIMITER,
     0,
     NUMBER,
     true),
  W ("/master/volume",
     "f 0..1",
     "Sets the master level.",
     0,
     1,
     ECH_VERB_MASTER_VOLUME,
     0,
     NUMBER,
     true),
  W ("/booth/volume",
     "f 0..1",
     "Sets the booth level.",
     0,
     1,
     ECH_VERB_BOOTH_VOLUME,
     0,
     NUMBER,
     true),
  W ("/headphones/volume",
     "f 0..1",
     "Sets the headphone level.",
     0,
     1,
     ECH_VERB_HEADPHONES_VOLUME,
     0,
     NUMBER,
     true),
  W ("/headphones/mix",
     "f 0..1",
     "Blends the headphones from cue (0) to master (1).",
     0,
     1,
     ECH_VERB_HEADPHONES_MIX,
     0,
     NUMBER,
     true),
  W ("/record",
     "i 0 or 1",
     "Records the master into a file, or stops recording.",
     0,
     1,
     ECH_VERB_RECORD,
     0,
     SWITCH,
     true),
  W ("/tempo",
     "f BPM",
     "Sets the session's tempo.",
     ECH_MIN_BPM,
     ECH_MAX_BPM,
     ECH_VERB_TEMPO,
     0,
     NUMBER,
     true),
  W ("/link",
     "i 0 or 1",
     "Takes part in an Ableton Link session, or leaves it.",
     0,
     1,
     ECH_VERB_LINK,
     0,
     SWITCH,
     false),
  W ("/link/startstop",
     "i 0 or 1",
     "Shares start and stop with the Ableton Link session.",
     0,
     1,
     ECH_VERB_LINK_STARTSTOP,
     0,
     SWITCH,
     false),
  W ("/link/nudge",
     "i beats",
     "Counts our bar so many beats ahead of the session's.",
     -64,
     64,
     ECH_VERB_LINK_NUDGE,
     0,
     NUMBER,
     false),
  W ("/lock/x",
     "[s reason]",
     "Locks the deck: nothing but /unlock and /emergency reaches it.",
     0,
     0,
     ECH_VERB_LOCK,
     0,
     OPTIONAL_STRING,
     false),
  W ("/unlock/x",
     "[s reason]",
     "Unlocks the deck.",
     0,
     0,
     ECH_VERB_UNLOCK,
     0,
     OPTIONAL_STRING,
     false),
  W ("/emergency",
     "",
     "Stops all decks at once and cancels all that waits.",
     0,
     0,
     ECH_VERB_EMERGENCY,
     0,
     NONE,
     false),
  W ("/cancel",
     "s id",
     "Takes back the waiting action that was posted with this id.",
     0,
     0,
     ECH_VERB_CANCEL,
     0,
     STRING,
     false),
  W ("/confirm",
     "s id",
     "Says yes to what waits for one, or insists on what a deck on air refused.",
     0,
     0,
     ECH_VERB_CONFIRM,
     0,
     STRING,
     false),
  W ("/source/NAME/mode",
     "s off, ghost, assist or auto",
     "Sets what becomes of what a source asks for.",
     0,
     ECH_N_MODES - 1,
     ECH_VERB_SOURCE_MODE,
     0,
     MODE,
     false),
};

#undef W

static const char *const timing_help =
    "now, 1/4, 1/2, beat, bar, 4bar, 16bar, @33.0, +2.5b or ~beat";

const struct ech_word *
ech_vocabulary_words (unsigned *out_n_words)
{
  if (out_n_words)
    *out_n_words = G_N_ELEMENTS (words);
  return words;
}

/* Names. */

static const char *const fate_names[ECH_N_FATES] = {
  [ECH_FATE_QUEUED] = "queued",       [ECH_FATE_EXECUTED] = "executed",
  [ECH_FATE_REJECTED] = "rejected",   [ECH_FATE_EXPIRED] = "expired",
  [ECH_FATE_CANCELLED] = "cancelled",
};

static const char *const rule_names[ECH_N_RULES] = {
  [ECH_RULE_NONE] = "none",           [ECH_RULE_INVALID] = "invalid",
  [ECH_RULE_NO_TRACK] = "no-track",   [ECH_RULE_STATE] = "state",
  [ECH_RULE_LOCKED] = "locked",       [ECH_RULE_ON_AIR] = "on-air",
  [ECH_RULE_LAST_DECK] = "last-deck", [ECH_RULE_COOLDOWN] = "cooldown",
  [ECH_RULE_RATE] = "rate",           [ECH_RULE_NO_GRID] = "no-grid",
  [ECH_RULE_LOAD] = "load",           [ECH_RULE_STALE] = "stale",
  [ECH_RULE_MISSED] = "missed",       [ECH_RULE_DUPLICATE] = "duplicate",
  [ECH_RULE_UNKNOWN] = "unknown",     [ECH_RULE_NO_AUDIO] = "no-audio",
  [ECH_RULE_MODE] = "mode",           [ECH_RULE_GHOST] = "ghost",
  [ECH_RULE_FORBIDDEN] = "forbidden", [ECH_RULE_TAKEN] = "taken",
  [ECH_RULE_EMERGENCY] = "emergency", [ECH_RULE_CONFIRM] = "confirm",
  [ECH_RULE_RECORD] = "record",
};

static const char *const verb_names[ECH_N_VERBS] = {
  [ECH_VERB_NONE]              = "none",
  [ECH_VERB_LOAD]              = "load",
  [ECH_VERB_EJECT]             = "eject",
  [ECH_VERB_PLAY]              = "play",
  [ECH_VERB_STOP]              = "stop",
  [ECH_VERB_SEEK]              = "seek",
  [ECH_VERB_CUE]               = "cue",
  [ECH_VERB_BEATJUMP]          = "beatjump",
  [ECH_VERB_SPEED]             = "speed",
  [ECH_VERB_SYNC]              = "sync",
  [ECH_VERB_TRIM]              = "trim",
  [ECH_VERB_VOLUME]            = "volume",
  [ECH_VERB_EQ]                = "eq",
  [ECH_VERB_FILTER]            = "filter",
  [ECH_VERB_PFL]               = "pfl",
  [ECH_VERB_CROSSFADER]        = "crossfader",
  [ECH_VERB_LIMITER]           = "limiter",
  [ECH_VERB_MASTER_VOLUME]     = "master-volume",
  [ECH_VERB_BOOTH_VOLUME]      = "booth-volume",
  [ECH_VERB_HEADPHONES_VOLUME] = "headphones-volume",
  [ECH_VERB_HEADPHONES_MIX]    = "headphones-mix",
  [ECH_VERB_TEMPO]             = "tempo",
  [ECH_VERB_LOCK]              = "lock",
  [ECH_VERB_UNLOCK]            = "unlock",
  [ECH_VERB_EMERGENCY]         = "emergency",
  [ECH_VERB_CANCEL]            = "cancel",
  [ECH_VERB_LOOP]              = "loop",
  [ECH_VERB_LOOP_IN]           = "loop-in",
  [ECH_VERB_LOOP_OUT]          = "loop-out",
  [ECH_VERB_LOOP_MOVE]         = "loop-move",
  [ECH_VERB_HOTCUE_SET]        = "hotcue-set",
  [ECH_VERB_HOTCUE_JUMP]       = "hotcue-jump",
  [ECH_VERB_HOTCUE_CLEAR]      = "hotcue-clear",
  [ECH_VERB_BEND]              = "bend",
  [ECH_VERB_KEYLOCK]           = "keylock",
  [ECH_VERB_RECORD]            = "record",
  [ECH_VERB_CONFIRM]           = "confirm",
  [ECH_VERB_SOURCE_MODE]       = "source-mode",
  [ECH_VERB_LINK]              = "link",
  [ECH_VERB_LINK_STARTSTOP]    = "link-startstop",
  [ECH_VERB_LINK_NUDGE]        = "link-nudge",
};

static const char *const deck_state_names[ECH_N_DECK_STATES] = {
  [ECH_DECK_EMPTY] = "empty",   [ECH_DECK_LOADING] = "loading", [ECH_DECK_STOPPED] = "stopped",
  [ECH_DECK_PRIMED] = "primed", [ECH_DECK_PLAYING] = "playing",
};

const char *
ech_fate_name (enum ech_fate fate)
{
  return (unsigned) fate < ECH_N_FATES ? fate_names[fate] : "unknown";
}

const char *
ech_rule_name (enum ech_rule rule)
{
  return (unsigned) rule < ECH_N_RULES ? rule_names[rule] : "unknown";
}

const char *
ech_verb_name (enum ech_verb verb)
{
  return (unsigned) verb < ECH_N_VERBS ? verb_names[verb] : "unknown";
}

const char *
ech_deck_state_name (enum ech_deck_state state)
{
  return (unsigned) state < ECH_N_DECK_STATES ? deck_state_names[state] : "unknown";
}

bool
ech_verb_has_deck (enum ech_verb verb)
{
  return (verb >= ECH_VERB_LOAD && verb <= ECH_VERB_PFL) || verb == ECH_VERB_LOCK
         || verb == ECH_VERB_UNLOCK || (verb >= ECH_VERB_LOOP && verb <= ECH_VERB_KEYLOCK);
}

bool
ech_verb_has_hotcue (enum ech_verb verb)
{
  return verb >= ECH_VERB_HOTCUE_SET && verb <= ECH_VERB_HOTCUE_CLEAR;
}

bool
ech_verb_starts (enum ech_verb verb)
{
  return verb == ECH_VERB_PLAY || verb == ECH_VERB_HOTCUE_JUMP;
}

void
ech_action_describe (const struct ech_action *action, char *out_text, size_t size)
{
  const char *name = ech_verb_name (action->verb);

  if (ech_verb_has_hotcue (action->verb))
    g_snprintf (out_text, size, "Deck %c: %s %u", (char) ('A' + action->deck % 26), name,
                action->index % ECH_N_HOTCUES + 1);
  else if (ech_verb_has_deck (action->verb))
    g_snprintf (out_text, size, "Deck %c: %s", (char) ('A' + action->deck % 26), name);
  else if (action->verb == ECH_VERB_SOURCE_MODE)
    g_snprintf (out_text, size, "Source %.40s: mode %s", action->target,
                ech_mode_name ((enum ech_source_mode) (int) action->value));
  else
    g_snprintf (out_text, size, "%c%s", g_ascii_toupper (name[0]), name + 1);
}

/* Numbers and timings. */

/* Strict decimal notation, whatever the locale: strtod() would take hexadecimal too. */
static bool
parse_number (const char *text, double *out_number)
{
  static const char *const specials[] = { "nan", "inf", "infinity" };
  const char              *bare       = text + (*text == '-' || *text == '+');
  char                    *end;

  for (unsigned i = 0; i < G_N_ELEMENTS (specials); i++) {
    if (g_ascii_strcasecmp (bare, specials[i]) == 0) {
      *out_number = i == 0 ? NAN : *text == '-' ? -INFINITY : INFINITY;
      return true;
    }
  }
  if (!*bare || strspn (text, "0123456789+-.eE") != strlen (text))
    return false;
  *out_number = g_ascii_strtod (text, &end);
  return *end == '\0' && end != text;
}

static bool
parse_number_within (const char *text, size_t length, double lo, double hi, double *out_number)
{
  char   copy[32];
  double number;

  if (length == 0 || length >= sizeof copy)
    return false;
  memcpy (copy, text, length);
  copy[length] = '\0';
  if (!parse_number (copy, &number) || !(number >= lo && number <= hi))
    return false;
  *out_number = number;
  return true;
}

static bool
parse_grid (const char *text, double *out_beats)
{
  static const struct {
    const char *name;
    double      beats;
  } named[] = { { "1/4", 0.25 }, { "1/2", 0.5 } }, units[] = { { "beat", 1 }, { "bar", 4 } };

  for (unsigned i = 0; i < G_N_ELEMENTS (named); i++) {
    if (strcmp (text, named[i].name) == 0) {
      *out_beats = named[i].beats;
      return true;
    }
  }
  for (unsigned i = 0; i < G_N_ELEMENTS (units); i++) {
    size_t n_digits = strspn (text, "0123456789.");
    double count    = 1;

    if (strcmp (text + n_digits, units[i].name) != 0)
      continue;
    if (n_digits
        && !parse_number_within (text, n_digits, MIN_GRID / units[i].beats,
                                 MAX_GRID / units[i].beats, &count))
      return false;
    *out_beats = count * units[i].beats;
    return true;
  }
  return false;
}

int
ech_timing_parse (const char *text, struct ech_timing *out_timing)
{
  struct ech_timing timing = { ECH_TIMING_GRID, ECH_WAY_WAIT, 0 };
  size_t            length = strlen (text);
  bool              ok;

  if (strcmp (text, "now") == 0) {
    timing.kind = ECH_TIMING_NOW;
    ok          = true;
  } else if (text[0] == '@') {
    timing.kind = ECH_TIMING_AT_BEAT;
    ok          = parse_number_within (text + 1, length - 1, -MAX_BEATS, MAX_BEATS, &timing.beats);
  } else if (text[0] == '+') {
    timing.kind = ECH_TIMING_IN_BEATS;
    ok          = length > 2 && text[length - 1] == 'b'
         && parse_number_within (text + 1, length - 2, 0, MAX_BEATS, &timing.beats);
  } else if (text[0] == '~') {
    timing.way = ECH_WAY_LAND;
    ok         = parse_grid (text + 1, &timing.beats);
  } else {
    ok = parse_grid (text, &timing.beats);
  }
  if (!ok)
    return -EINVAL;
  *out_timing = timing;
  return 0;
}

static void
format_grid (double beats, const char *number, const char *way, char *out_text, size_t size)
{
  if (beats == 0.25 || beats == 0.5)
    g_snprintf (out_text, size, "%s%s", way, beats == 0.25 ? "1/4" : "1/2");
  else if (beats == 1 || beats == 4)
    g_snprintf (out_text, size, "%s%s", way, beats == 1 ? "beat" : "bar");
  else if (fmod (beats, 4) == 0)
    g_snprintf (out_text, size, "%s%dbar", way, (int) (beats / 4));
  else
    g_snprintf (out_text, size, "%s%sbeat", way, number);
}

void
ech_timing_format (const struct ech_timing *timing, char *out_text, size_t size)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  /* never through printf: its decimal point follows the locale */
  g_ascii_formatd (number, sizeof number, "%.10g", timing->beats);
  switch (timing->kind) {
  case ECH_TIMING_NOW:
    g_strlcpy (out_text, "now", size);
    break;
  case ECH_TIMING_GRID:
    format_grid (timing->beats, number, timing->way == ECH_WAY_LAND ? "~" : "", out_text, size);
    break;
  case ECH_TIMING_AT_BEAT:
    g_snprintf (out_text, size, "@%s", number);
    break;
  case ECH_TIMING_IN_BEATS:
    g_snprintf (out_text, size, "+%sb", number);
    break;
  default:
    g_strlcpy (out_text, "default", size);
    break;
  }
}

/* Addresses. */

/* What came from outside, fit for a sentence: short, and without bytes that are no text. */
static const char *
shown (const char *text, char *out_text)
{
  size_t n = 0;

  for (; text[n] && n < N_SHOWN - 4; n++)
    out_text[n] = g_ascii_isprint (text[n]) ? text[n] : '?';
  strcpy (out_text + n, text[n] ? "..." : "");
  return out_text;
}

static G_GNUC_PRINTF (2, 3) int refuse (char *out_error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_vsnprintf (out_error, ECH_TEXT_MAX, format, args);
  va_end (args);
  return -EINVAL;
}

/* The deck letter's place in @pattern, or NULL: an x that is a whole part of the path. */
static const char *
deck_place (const char *pattern)
{
  const char *x = strstr (pattern, "/x");

  return x && (x[2] == '/' || x[2] == '\0') ? x + 1 : NULL;
}

/* The hot cue's place in @pattern, or NULL: an N that is a whole part of the path. */
static const char *
hotcue_place (const char *pattern)
{
  const char *n = strstr (pattern, "/N/");

  return n ? n + 1 : NULL;
}

/* Is the rest of @address that of @pattern?  A hot cue is one digit, 1 to 8. */
static bool
rest_fits (const char *pattern, const char *address, uint32_t *out_hotcue)
{
  const char *digit = hotcue_place (pattern);
  size_t      n     = digit ? (size_t) (digit - pattern) : 0;

  if (!digit)
    return strcmp (pattern, address) == 0;
  if (strncmp (pattern, address, n) != 0 || address[n] < '1' || address[n] > '0' + ECH_N_HOTCUES)
    return false;
  *out_hotcue = (uint32_t) (address[n] - '1');
  return strcmp (digit + 1, address + n + 1) == 0;
}

/* What stands in the place of the NAME in @pattern, up to the next slash; NULL: @address has none. */
static const char *
name_in (const char *pattern, const char *address, size_t *out_length)
{
  const char *name = strstr (pattern, "/NAME/");
  size_t      n    = name ? (size_t) (name + 1 - pattern) : 0;

  if (!name || strncmp (pattern, address, n) != 0)
    return NULL;
  *out_length = strcspn (address + n, "/");
  return *out_length && strcmp (name + strlen ("/NAME"), address + n + *out_length) == 0
             ? address + n
             : NULL;
}

/* Fits with any letter in the deck's place: whether there is such a deck is told apart. */
static bool
address_fits (const char *pattern, const char *address, char *out_letter, uint32_t *out_hotcue)
{
  const char *x = deck_place (pattern);
  size_t      n;

  *out_letter = 0;
  *out_hotcue = 0;
  if (!x)
    return strcmp (pattern, address) == 0 || name_in (pattern, address, &n);
  n = (size_t) (x - pattern);
  if (strncmp (pattern, address, n) != 0 || !g_ascii_islower (address[n]))
    return false;
  *out_letter = address[n];
  return rest_fits (x + 1, address + n + 1, out_hotcue);
}

static const struct ech_word *
find_word (const char *address, char *out_letter, uint32_t *out_hotcue)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (words); i++) {
    if (address_fits (words[i].address, address, out_letter, out_hotcue))
      return &words[i];
  }
  return NULL;
}

static unsigned
edit_distance (const char *a, const char *b)
{
  unsigned row[MAX_ADDRESS + 1];
  size_t   n_a = MIN (strlen (a), MAX_ADDRESS), n_b = MIN (strlen (b), MAX_ADDRESS);

  for (size_t j = 0; j <= n_b; j++)
    row[j] = (unsigned) j;
  for (size_t i = 1; i <= n_a; i++) {
    unsigned diagonal = row[0];

    row[0] = (unsigned) i;
    for (size_t j = 1; j <= n_b; j++) {
      unsigned above = row[j];

      row[j]   = MIN (MIN (above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
      diagonal = above;
    }
  }
  return row[n_b];
}

/* @pattern with the deck letter that @address seems to mean. */
static void
spell (const char *pattern, const char *address, char *out_text, size_t size)
{
  const char *x = deck_place (pattern), *p;

  const char *digit = hotcue_place (pattern), *named = strstr (address, "/hotcue/");

  g_strlcpy (out_text, pattern, size);
  if (digit)
    out_text[digit - pattern] =
        named && named[8] >= '1' && named[8] <= '0' + ECH_N_HOTCUES ? named[8] : '1';
  if (!x)
    return;
  out_text[x - pattern] = 'a';
  for (p = strchr (address, '/'); p; p = strchr (p + 1, '/')) {
    if (p[1] >= 'a' && p[1] < 'a' + ECH_MAX_DECKS && (p[2] == '/' || p[2] == '\0'))
      out_text[x - pattern] = p[1];
  }
}

static int
refuse_address (const char *address, char *out_error)
{
  char     best[MAX_ADDRESS] = "", candidate[MAX_ADDRESS], text[N_SHOWN];
  unsigned least             = UINT_MAX;

  for (unsigned i = 0; i < G_N_ELEMENTS (words); i++) {
    unsigned distance;

    spell (words[i].address, address, candidate, sizeof candidate);
    distance = edit_distance (address, candidate);
    if (distance < least) {
      least = distance;
      g_strlcpy (best, candidate, sizeof best);
    }
  }
  refuse (out_error, "Echelon does not know the address %s; the nearest that it knows is %s",
          shown (address, text), best);
  return -ENOENT;
}

/* Arguments. */

/* What has been read of a message so far. */
struct parse {
  const struct ech_word  *word;
  const char             *address;
  const struct ech_value *values;
  unsigned                n_values;
  unsigned                next;
  struct ech_action      *action;
  char                   *out_error;
};

static bool
value_is_string (const struct ech_value *value)
{
  return (value->type == 's' || value->type == 'w') && value->s;
}

static bool
value_number (const struct ech_value *value, double *out_number)
{
  switch (value->type) {
  case 'i':
  case 'h':
    *out_number = (double) value->i;
    return true;
  case 'f':
  case 'd':
    *out_number = value->f;
    return true;
  case 'w':
    return value->s && parse_number (value->s, out_number);
  default:
    return false;
  }
}

static bool
value_is_id (const struct ech_value *value)
{
  return value_is_string (value) && g_str_has_prefix (value->s, "id=");
}

static bool
value_is_deadline (const struct ech_value *value)
{
  return value_is_string (value) && g_str_has_prefix (value->s, "until=");
}

static int
check_range (const struct ech_word *word, double number, const char *address, char *out_error)
{
  char lo[G_ASCII_DTOSTR_BUF_SIZE], hi[G_ASCII_DTOSTR_BUF_SIZE], is[G_ASCII_DTOSTR_BUF_SIZE];

  if (number >= word->minimum && number <= word->maximum
      && !(word->verb == ECH_VERB_LOOP && number > 0 && number < ECH_MIN_LOOP_BEATS))
    return 0;
  if (isnan (number))
    return refuse (out_error, "%s wants a number, and NaN is none", address);
  if (word->verb == ECH_VERB_LOOP && number > 0 && number < ECH_MIN_LOOP_BEATS)
    return refuse (out_error, "%s takes 1/32 (0.03125) to 64 beats, or 0 to leave the loop",
                   address);
  g_ascii_formatd (lo, sizeof lo, "%g", word->minimum);
  g_ascii_formatd (hi, sizeof hi, "%g", word->maximum);
  g_ascii_formatd (is, sizeof is, "%g", number);
  return refuse (out_error, "%s takes %s to %s, not %s", address, lo, hi, is);
}

static int
take_number (struct parse *p)
{
  const struct ech_value *value    = &p->values[p->next];
  bool                    optional = p->word->argument == ECH_ARGUMENT_OPTIONAL_NUMBER;
  char                    text[N_SHOWN];

  p->action->value = NAN;
  if (p->next < p->n_values && value_number (value, &p->action->value)) {
    p->next++;
    return check_range (p->word, p->action->value, p->address, p->out_error);
  }
  if (optional && (p->next == p->n_values || value_is_string (value)))
    return 0;
  if (p->next == p->n_values || value_is_id (value) || value_is_deadline (value))
    return refuse (p->out_error, "%s wants an argument: %s", p->address, p->word->arguments);
  if (value_is_string (value))
    return refuse (p->out_error, "%s wants a number (%s), not \"%s\"", p->address,
                   p->word->arguments, shown (value->s, text));
  return refuse (p->out_error, "%s wants a number (%s), not an argument of type '%c'", p->address,
                 p->word->arguments, g_ascii_isprint (value->type) ? value->type : '?');
}

static int
take_switch (struct parse *p)
{
  const struct ech_value *value = &p->values[p->next];

  if (p->next < p->n_values && (value->type == 'T' || value->type == 'F')) {
    p->action->value = value->type == 'T';
    p->next++;
    return 0;
  }
  if (p->next < p->n_values && value_number (value, &p->action->value)) {
    p->next++;
    if (p->action->value == 0 || p->action->value == 1)
      return 0;
  }
  return refuse (p->out_error, "%s wants 0 or 1", p->address);
}

static int
take_text (struct parse *p, const char *text)
{
  if (p->word->verb == ECH_VERB_CANCEL || p->word->verb == ECH_VERB_CONFIRM) {
    if (strlen (text) >= ECH_ID_MAX)
      return refuse (p->out_error, "The id is too long; at most %d bytes", ECH_ID_MAX - 1);
    g_strlcpy (p->action->target, text, ECH_ID_MAX);
    return 0;
  }
  p->action->text = text;
  return 0;
}

static int
take_string (struct parse *p)
{
  const struct ech_value *value = &p->values[p->next];

  if (p->next < p->n_values && value_is_string (value) && !value_is_id (value)) {
    p->next++;
    return take_text (p, value->s);
  }
  if (p->word->argument == ECH_ARGUMENT_OPTIONAL_STRING
      && (p->next == p->n_values || value_is_id (value)))
    return 0;
  return refuse (p->out_error, "%s wants a string: %s", p->address, p->word->arguments);
}

/* The name stands in the address, the mode is a word. */
static int
take_mode (struct parse *p)
{
  const struct ech_value *value = &p->values[p->next];
  size_t                  length;
  const char             *name = name_in (p->word->address, p->address, &length);

  if (!name || length >= ECH_NAME_MAX)
    return refuse (p->out_error, "The name of a source has 1 to %d bytes", ECH_NAME_MAX - 1);
  memcpy (p->action->target, name, length);
  p->action->target[length] = '\0';
  for (int mode = 0; p->next < p->n_values && value_is_string (value) && mode < ECH_N_MODES; mode++) {
    if (strcmp (value->s, ech_mode_name ((enum ech_source_mode) mode)) != 0)
      continue;
    p->action->value = mode;
    p->next++;
    return 0;
  }
  return refuse (p->out_error, "%.60s wants a mode: off, ghost, assist or auto", p->address);
}

static int
take_own_argument (struct parse *p)
{
  switch (p->word->argument) {
  case ECH_ARGUMENT_MODE:
    return take_mode (p);
  case ECH_ARGUMENT_NUMBER:
  case ECH_ARGUMENT_OPTIONAL_NUMBER:
    return take_number (p);
  case ECH_ARGUMENT_SWITCH:
    return take_switch (p);
  case ECH_ARGUMENT_STRING:
  case ECH_ARGUMENT_OPTIONAL_STRING:
    return take_string (p);
  default:
    return 0;
  }
}

static int
take_id (struct parse *p, const char *id)
{
  if (p->action->id[0])
    return refuse (p->out_error, "%s has more than one id", p->address);
  if (!*id || strlen (id) >= ECH_ID_MAX)
    return refuse (p->out_error, "An id has 1 to %d bytes", ECH_ID_MAX - 1);
  g_strlcpy (p->action->id, id, ECH_ID_MAX);
  return 0;
}

static int
take_timing (struct parse *p, const char *text)
{
  char copy[N_SHOWN];

  if (!p->word->timing)
    return refuse (p->out_error, "%s takes no timing; \"%s\" is too much", p->address,
                   shown (text, copy));
  if (p->action->timing.kind != ECH_TIMING_DEFAULT)
    return refuse (p->out_error, "%s has more than one timing", p->address);
  if (ech_timing_parse (text, &p->action->timing) < 0)
    return refuse (p->out_error, "\"%s\" is no timing; use %s", shown (text, copy), timing_help);
  return 0;
}

static int
take_deadline (struct parse *p, const char *text)
{
  char copy[N_SHOWN];

  if (!p->word->timing)
    return refuse (p->out_error, "%s takes no deadline; it happens at once", p->address);
  if (p->action->deadline_beats != 0)
    return refuse (p->out_error, "%s has more than one deadline", p->address);
  if (!parse_number (text, &p->action->deadline_beats) || !isfinite (p->action->deadline_beats)
      || p->action->deadline_beats == 0 || fabs (p->action->deadline_beats) > MAX_BEATS)
    return refuse (p->out_error, "\"%s\" is no deadline; use until= and a session beat but 0",
                   shown (text, copy));
  return 0;
}

static int
take_rest (struct parse *p)
{
  int result = 0;

  for (; result == 0 && p->next < p->n_values; p->next++) {
    const struct ech_value *value = &p->values[p->next];

    if (value_is_id (value))
      result = take_id (p, value->s + strlen ("id="));
    else if (value_is_deadline (value))
      result = take_deadline (p, value->s + strlen ("until="));
    else if (value_is_string (value))
      result = take_timing (p, value->s);
    else
      result = refuse (p->out_error, "%s has too many arguments; it takes %s", p->address,
                       p->word->arguments[0] ? p->word->arguments : "none");
  }
  return result;
}

int
ech_vocabulary_parse (const char             *address,
                      const struct ech_value *values,
                      unsigned                n_values,
                      unsigned                n_decks,
                      struct ech_action      *out_action,
                      char                   *out_error)
{
  struct ech_action action = { .value = NAN };
  struct parse      p      = { .address   = address,
                               .values    = values,
                               .n_values  = n_values,
                               .action    = &action,
                               .out_error = out_error };
  char              letter;
  uint32_t          hotcue;
  int               result;

  p.word = find_word (address, &letter, &hotcue);
  if (!p.word)
    return refuse_address (address, out_error);
  if (letter && (unsigned) (letter - 'a') >= n_decks)
    return refuse (out_error, "There is no deck %c; the decks are a to %c",
                   g_ascii_toupper (letter), (char) ('a' + n_decks - 1));

  action.verb  = p.word->verb;
  action.deck  = letter ? (uint32_t) (letter - 'a') : 0;
  action.index = ech_verb_has_hotcue (action.verb) ? hotcue : p.word->index;
  result       = take_own_argument (&p);
  if (result == 0)
    result = take_rest (&p);
  if (result == 0)
    result = ech_vocabulary_check (&action, n_decks, out_error);
  if (result == 0)
    *out_action = action;
  return result;
}

/* Actions that nobody parsed. */

static const struct ech_word *
word_of (const struct ech_action *action)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (words); i++) {
    if (words[i].verb == action->verb
        && (action->verb != ECH_VERB_EQ || words[i].index == action->index))
      return &words[i];
  }
  return NULL;
}

static bool
timing_is_valid (const struct ech_timing *timing)
{
  switch (timing->kind) {
  case ECH_TIMING_DEFAULT:
  case ECH_TIMING_NOW:
    return true;
  case ECH_TIMING_GRID:
    return timing->way <= ECH_WAY_LAND && timing->beats >= MIN_GRID && timing->beats <= MAX_GRID;
  case ECH_TIMING_AT_BEAT:
    return fabs (timing->beats) <= MAX_BEATS;
  case ECH_TIMING_IN_BEATS:
    return timing->beats >= 0 && timing->beats <= MAX_BEATS;
  default:
    return false;
  }
}

static int
check_value (const struct ech_word *word, double value, char *out_error)
{
  switch (word->argument) {
  case ECH_ARGUMENT_OPTIONAL_NUMBER:
    return isnan (value) ? 0 : check_range (word, value, word->address, out_error);
  case ECH_ARGUMENT_NUMBER:
    return check_range (word, value, word->address, out_error);
  case ECH_ARGUMENT_SWITCH:
    return value == 0 || value == 1 ? 0 : refuse (out_error, "%s wants 0 or 1", word->address);
  case ECH_ARGUMENT_MODE:
    return value >= 0 && value < ECH_N_MODES && value == floor (value)
               ? 0
               : refuse (out_error, "A mode is off, ghost, assist or auto");
  default:
    return 0;
  }
}

static bool
id_is_valid (const char *id)
{
  return memchr (id, 0, ECH_ID_MAX) && g_utf8_validate (id, -1, NULL);
}

static int
check_text (const struct ech_action *action, char *out_error)
{
  if (action->verb == ECH_VERB_LOAD) {
    if (!action->text || !*action->text)
      return refuse (out_error, "A load needs the path of a file");
    if (strlen (action->text) >= MAX_PATH)
      return refuse (out_error, "The path is too long; at most %d bytes", MAX_PATH - 1);
  } else if (action->text) {
    if (strlen (action->text) >= ECH_TEXT_MAX || !g_utf8_validate (action->text, -1, NULL))
      return refuse (out_error, "A reason is UTF-8 text of at most %d bytes", ECH_TEXT_MAX - 1);
  }
  return 0;
}

int
ech_vocabulary_check (const struct ech_action *action, unsigned n_decks, char *out_error)
{
  const struct ech_word *word = word_of (action);
  int                    result;

  if (!word)
    return refuse (out_error, "Echelon does not know this action");
  if (ech_verb_has_deck (action->verb) && action->deck >= n_decks)
    return refuse (out_error, "There is no such deck; there are %u", n_decks);
  if (ech_verb_has_hotcue (action->verb) && action->index >= ECH_N_HOTCUES)
    return refuse (out_error, "There is no such hot cue; there are %d", ECH_N_HOTCUES);
  if (!timing_is_valid (&action->timing))
    return refuse (out_error, "This is no timing; use %s", timing_help);
  if (!isfinite (action->deadline_beats))
    return refuse (out_error, "The deadline is no beat");
  if (!id_is_valid (action->id) || !id_is_valid (action->target))
    return refuse (out_error, "An id is UTF-8 text of at most %d bytes", ECH_ID_MAX - 1);
  if (action->verb == ECH_VERB_CANCEL && !action->target[0])
    return refuse (out_error, "/cancel wants the id of the waiting action");
  if (action->verb == ECH_VERB_CONFIRM && !action->target[0])
    return refuse (out_error, "/confirm wants the id of what waits for a yes");
  if (action->verb == ECH_VERB_SOURCE_MODE
      && (!action->target[0] || strlen (action->target) >= ECH_NAME_MAX))
    return refuse (out_error, "The name of a source has 1 to %d bytes", ECH_NAME_MAX - 1);
  result = check_value (word, action->value, out_error);
  return result < 0 ? result : check_text (action, out_error);
}
