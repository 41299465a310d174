/* The journal: each action and its fate on disk, enough to render the set again.
 *
 * The scheduler's thread puts records into a bounded ring and never waits; a thread of the
 * journal's own writes them.  What finds the ring full, or the disk, is counted, and the
 * count is a line of its own.  The lines: engine/journal-line.h and docs/journal.md.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_JOURNAL_H
#define ECH_JOURNAL_H

#include <glib.h>

#include "engine/scheduler/scheduler.h"

typedef struct _EchJournal EchJournal;

/**
 * struct ech_journal_config
 * @file: (nullable) one file, written anew; it grows without limit
 * @folder: (nullable) where @file is NULL: files by date, the oldest are removed
 * @file_bytes: a file in @folder that would get larger goes on in the next; 0 = 16 MiB
 * @folder_bytes: all files in @folder together, the one that is written included; 0 = 128 MiB
 * @capacity: records in the ring, a power of two; 0 = 4096
 * @n_decks: for the first line
 */
struct ech_journal_config {
  const char *file;
  const char *folder;
  uint64_t    file_bytes;
  uint64_t    folder_bytes;
  uint32_t    capacity;
  uint32_t    n_decks;
};

/* Opens the first file at once.  Returns: NULL when it cannot be written. */
EchJournal *ech_journal_new (const struct ech_journal_config *config, GError **error);

/* Writes all that is in the ring, and that the set has ended at @frame. */
void ech_journal_free (EchJournal *journal, uint64_t frame);

/* Scheduler's listeners; @data is the journal.  Thread: the ticking one.  Never blocks. */
void ech_journal_take_arrival (const struct ech_arrival *arrival, void *data);
void ech_journal_take_event (const struct ech_event *event, void *data);

/* Records that were lost so far.  Thread: any. */
uint64_t ech_journal_n_dropped (EchJournal *journal);

/* $XDG_STATE_HOME/echelon/journal.  Returns: to be freed. */
char *ech_journal_default_folder (void);

#endif
