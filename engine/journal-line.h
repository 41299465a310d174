/* The journal's lines: a JSON object each (docs/journal.md).
 *
 * The one place that knows the format: the engine's journal, `echelonctl run --json`,
 * `render --journal` and `replay` all write and read by these.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_JOURNAL_LINE_H
#define ECH_JOURNAL_LINE_H

#include <glib.h>

#include "engine/scheduler/scheduler.h"

#define ECH_JOURNAL_VERSION 1

enum ech_journal_kind {
  ECH_JOURNAL_START,   /* a file begins */
  ECH_JOURNAL_POSTED,  /* an action came */
  ECH_JOURNAL_FATE,    /* what became of it */
  ECH_JOURNAL_SETTING, /* a preference that is heard was changed */
  ECH_JOURNAL_DROPPED, /* lines were lost here */
  ECH_JOURNAL_END,     /* the set ends */
};

/**
 * struct ech_journal_line
 * @arrival: POSTED, SETTING; its text is @text
 * @event: FATE
 * @text: (nullable) owned by whoever has the line; see ech_journal_line_clear()
 * @n_decks: START
 * @part: START: 1, 2, ... where a set has gone on in a new file
 * @offline: START: virtual clock; an action's instant is then exact
 * @frame: END: the set's length in frames
 * @quiet: END: nothing asked for the end; the sound had ended
 * @count: DROPPED: how many
 */
struct ech_journal_line {
  enum ech_journal_kind kind;
  struct ech_arrival    arrival;
  struct ech_event      event;
  char                 *text;
  uint32_t              n_decks;
  uint32_t              part;
  bool                  offline;
  double                frame;
  bool                  quiet;
  uint64_t              count;
};

/* Copies the text, so that the line outlives @arrival. */
void ech_journal_line_set_arrival (struct ech_journal_line *line, const struct ech_arrival *arrival);
void ech_journal_line_set_event (struct ech_journal_line *line, const struct ech_event *event);
void ech_journal_line_clear (struct ech_journal_line *line);

/* Without the newline.  Thread: any.  Returns: to be freed. */
char *ech_journal_line_print (const struct ech_journal_line *line);

/**
 * ech_journal_line_parse:
 * @out_line: to be cleared
 *
 * Thread: any.
 * Returns: FALSE with a sentence that says what is wrong; unknown keys are no fault.
 */
gboolean ech_journal_line_parse (const char *text, struct ech_journal_line *out_line, GError **error);

#endif
