/* The journal: each action and its fate, a JSON object a line.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_JOURNAL_H
#define ECH_APP_CLI_JOURNAL_H

#include <stdio.h>

#include "engine/scheduler/action.h"

/**
 * ech_journal_write: appends @event to @file
 *
 * Keys: fate, verb, deck, beat, frame (executed), rule and text (refused),
 * source, id, serial, value; what an event does not have is left out.
 */
void ech_journal_write (FILE *file, const struct ech_event *event);

#endif
