/* The words: OSC addresses, score lines and documentation from one table.
 *
 * Standard C.  Used by the OSC driver (through the host's table), by the score
 * reader and by `echelonctl`, so that all three accept the same messages and
 * answer with the same sentences.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_VOCABULARY_H
#define ECH_VOCABULARY_H

#include "engine/scheduler/action.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One argument.  type: 'i' (i), 'h' (i), 'f' (f), 'd' (f), 'T', 'F', 's' (s), and
 * 'w': a word of a score or command line, number or string as the address wants it. */
struct ech_value {
  char type;
  union {
    int64_t     i;
    double      f;
    const char *s;
  };
};

/**
 * ech_vocabulary_parse: a message becomes an action
 * @n_decks: decks there are
 * @out_action: filled on success; its text points into @values
 * @out_error: (size ECH_TEXT_MAX) one sentence: what is wrong and what is accepted
 *
 * After the address's own arguments come, in any order, an optional timing
 * string, an optional "id=..." string and an optional "until=BEAT" string (the deadline).  Numbers may be int, float or double
 * where the address wants a number; NaN and infinities are refused (-inf is
 * accepted as an EQ gain).  Out of range is refused, never clamped.
 *
 * Thread: any.
 * Returns: 0; -ENOENT for an address that is not in the table; -EINVAL for
 * arguments that do not fit.
 */
int ech_vocabulary_parse (const char             *address,
                          const struct ech_value *values,
                          unsigned                n_values,
                          unsigned                n_decks,
                          struct ech_action      *out_action,
                          char                   *out_error);

/**
 * ech_timing_parse: "now", "1/4", "1/2", "beat", "bar", "4bar", "16bar", "@33.0", "+2.5b";
 * other counts as "3beat" or "8bar", up to 64 beats; each grid also with "~" before it
 * (land in phase).
 * Returns: 0 or -EINVAL; @out_timing is untouched then.
 */
int ech_timing_parse (const char *text, struct ech_timing *out_timing);

/* The same back to text ("default" where none was named); @size of at least 32 bytes. */
void ech_timing_format (const struct ech_timing *timing, char *out_text, size_t size);

/* "queued", "executed", ...; "none", "locked", "on-air", ...; "play", ...; "playing", ... */
const char *ech_fate_name (enum ech_fate fate);
const char *ech_rule_name (enum ech_rule rule);
const char *ech_verb_name (enum ech_verb verb);
const char *ech_deck_state_name (enum ech_deck_state state);

/* What an address wants before its timing and id. */
enum ech_argument {
  ECH_ARGUMENT_NONE,
  ECH_ARGUMENT_NUMBER,
  ECH_ARGUMENT_OPTIONAL_NUMBER,
  ECH_ARGUMENT_SWITCH, /* 0 or 1; T and F will do */
  ECH_ARGUMENT_STRING,
  ECH_ARGUMENT_OPTIONAL_STRING,
  ECH_ARGUMENT_MODE, /* off, ghost, assist or auto */
};

/* The table itself, for documentation and completion. */
struct ech_word {
  const char *address;   /* with x for a deck letter, N for a hot cue: "/deck/x/hotcue/N/set",
                            * NAME for a source's name: "/source/NAME/mode" */
  const char *arguments; /* "[f position]" */
  const char *help;      /* one sentence */
  double      minimum, maximum;
  uint32_t    verb;
  uint32_t    index;    /* EQ: the band */
  uint32_t    argument; /* enum ech_argument */
  bool        timing;   /* takes a timing string */
};

const struct ech_word *ech_vocabulary_words (unsigned *out_n_words);

/**
 * ech_vocabulary_check: is @action well formed?
 * @out_error: (size ECH_TEXT_MAX) one sentence when it is not
 *
 * The same ranges as ech_vocabulary_parse(), for actions that were not parsed from a
 * message: verb, deck, band, value, timing, deadline, strings.  Reads no memory
 * but the action's and its text.
 *
 * Thread: any.
 * Returns: 0 or -EINVAL.
 */
int ech_vocabulary_check (const struct ech_action *action, unsigned n_decks, char *out_error);

/* False for the verbs that take hold outside any deck, such as the crossfader. */
bool ech_verb_has_deck (enum ech_verb verb);

/* True for the verbs whose index is a hot cue. */
bool ech_verb_has_hotcue (enum ech_verb verb);

/* True for the verbs after which the deck plays. */
bool ech_verb_starts (enum ech_verb verb);

/* "play, deck A, at bar"... for people: "deck A: play". @size of at least ECH_TEXT_MAX. */
void ech_action_describe (const struct ech_action *action, char *out_text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
