/* Scores: a set as text, a line an event.
 *
 *   TIME ADDRESS ARG...     TIME = seconds (2.5), beats (8b), bar|beat (3|1)
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_SCORE_H
#define ECH_APP_CLI_SCORE_H

#include <glib.h>

#include "engine/scheduler/action.h"

/* FRAMES: in a replay, never in a score's text. */
enum ech_score_unit { ECH_SCORE_SECONDS, ECH_SCORE_BEATS, ECH_SCORE_FRAMES };

/* CURVE: in a replay; the crossfader's curve is action.index from here on. */
enum ech_score_kind { ECH_SCORE_ACTION, ECH_SCORE_END, ECH_SCORE_CURVE };

struct ech_score_event {
  unsigned            line; /* 1-based */
  enum ech_score_unit unit;
  double              time;
  enum ech_score_kind kind;
  struct ech_action   action; /* its text lives in words; client = line */
  char              **words;  /* TIME, ADDRESS, ARG... */
};

struct ech_score {
  char      *folder; /* of the score's file */
  GPtrArray *events; /* struct ech_score_event, in the order of the lines */
};

/**
 * ech_score_read: reads and checks the whole of @path
 * Returns: NULL with a sentence that names the line, when any line cannot be read.
 */
struct ech_score *ech_score_read (const char *path, unsigned n_decks, GError **error);
void              ech_score_free (struct ech_score *score);

/* "2.5", "8b", "3|1".  Returns FALSE for anything else, negative times included. */
gboolean ech_score_parse_time (const char *word, enum ech_score_unit *out_unit, double *out_time);

#endif
