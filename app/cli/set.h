/* A set becomes a sound file, offline: what `render` and `replay` share.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_SET_H
#define ECH_APP_CLI_SET_H

#include <glib.h>

/**
 * struct ech_set
 * @name: the score or journal, for messages
 * @rate: frames a second; 0 in a replay: the journal's
 * @events: struct ech_score_event, borrowed; those of one frame happen in their order
 *
 * The strings are owned by the set.
 */
struct ech_set {
  char *name;
  char *output;
  int   rate;
  int   block;
  int   decks;
  char *format;
  char *journal;
  char *record_folder;
  char *policy; /* file, NULL = a score's own: one person's will, no rule of who or how often */
  char *as;     /* class of the source, NULL = hand */

  GPtrArray *events;
};

/* --output, --rate, --block, --format, --journal, --record-folder, --policy, --as; what they say is
 * put into @set. */
void ech_set_add_options (struct ech_set *set, GOptionContext *context);

/* Is all that the options said possible?  Nothing is written yet. */
gboolean ech_set_check_options (const struct ech_set *set, GError **error);

/* Renders; a file that could not be finished is not left behind. */
gboolean ech_set_render (struct ech_set *set, GError **error);

void ech_set_clear (struct ech_set *set);

#endif
