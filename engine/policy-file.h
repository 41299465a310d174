/* The safety policy as a file: JSON that a person writes (docs/policy.md, data/schemas/policy.schema.json).
 *
 * Reading is strict and whole: a file with a fault changes nothing.  Every key may be left out and
 * then has its default; "{}" is the default policy.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_POLICY_FILE_H
#define ECH_POLICY_FILE_H

#include <glib.h>

#include "engine/scheduler/policy.h"

enum { ECH_POLICY_MOST_BYTES = 1024 * 1024 };

/**
 * ech_policy_parse:
 * @text: @length bytes, anything
 * @out: untouched on failure
 * @out_line: (nullable) the line of the fault, from 1; 0 when it is in no line
 *
 * Thread: any.
 * Returns: FALSE with "line 7: " and one sentence: what is wrong, what is accepted.
 */
gboolean ech_policy_parse (const char        *text,
                           size_t             length,
                           struct ech_policy *out,
                           unsigned          *out_line,
                           GError           **error);

/**
 * ech_policy_print:
 * @all: every key; else what differs from the defaults
 *
 * Keys stand in a fixed order.  ech_policy_parse() makes the same policy of it.  What the file
 * cannot say is taken as the nearest that it can: emergency stop is allowed, without a cooldown.
 *
 * Returns: (transfer full) JSON that ends with a line break.
 */
char *ech_policy_print (const struct ech_policy *policy, bool all);

/* The bytes of the file @path, at most one more than ECH_POLICY_MOST_BYTES; (transfer full), NULL with
 * an error of the family G_FILE_ERROR. */
char *ech_policy_read (const char *path, size_t *out_length, GError **error);

/**
 * ech_policy_load: reads the file @path
 *
 * Thread: any; waits for the disk.
 * Returns: FALSE with a sentence; G_FILE_ERROR_NOENT when there is no such file.  @out and
 * @out_line as in ech_policy_parse().
 */
gboolean ech_policy_load (const char *path, struct ech_policy *out, unsigned *out_line, GError **error);

/**
 * ech_policy_save: writes what differs from the defaults, atomically
 *
 * Makes the folder where there is none; a symbolic link stays one.  What could not be read back
 * (ech_policy_parse()) is not written.
 * Thread: any; waits for the disk.
 */
gboolean ech_policy_save (const char *path, const struct ech_policy *policy, GError **error);

/* $XDG_CONFIG_HOME/echelon/policy.json; (transfer full). */
char *ech_policy_default_path (void);

/* The rules in plain words, a rule a line; (transfer full). */
char *ech_policy_explain (const struct ech_policy *policy);

#endif
