/* Strict JSON, and on which line each value stands.
 *
 * JSON-GLib forgives much (comments, a key given twice, any depth) and tells no lines once a
 * text is read.  This pass over the text comes first: what it lets through is JSON as RFC 8259
 * has it, no key twice, no deeper than asked for.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_JSON_LINES_H
#define ECH_JSON_LINES_H

#include <glib.h>

typedef struct _EchJsonLines EchJsonLines;

/**
 * ech_json_lines_new:
 * @text: @length bytes, anything
 * @most_depth: objects and arrays within each other
 * @out_line: (nullable) how far it came, from 1: the line of the fault
 *
 * Strings hold no NUL and no half of a character ("\u0000", "\ud83d").
 * Memory: in proportion to @length.
 *
 * Thread: any.
 * Returns: (transfer full); NULL with one sentence, which ends without a full stop and does not
 * name the line.
 */
EchJsonLines *ech_json_lines_new (const char *text,
                                  size_t      length,
                                  unsigned    most_depth,
                                  unsigned   *out_line,
                                  GError    **error);
void          ech_json_lines_free (EchJsonLines *lines);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EchJsonLines, ech_json_lines_free)

/* Values have numbers: 1 is the whole; then the member of @value with that key, or the item of an
 * array ("0", "1", ...).  0 when there is none. */
unsigned ech_json_lines_find (EchJsonLines *lines, unsigned value, const char *key);

/* The line on which @value's key stands (an item: itself), from 1; 0 for no value. */
unsigned ech_json_lines_line (EchJsonLines *lines, unsigned value);

#endif
