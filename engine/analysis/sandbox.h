/* What a worker process gives up before it looks at a file's content.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_SANDBOX_H
#define ECH_ANALYSIS_SANDBOX_H

/* Limits memory, time, descriptors; no new privileges; dies with its parent.
 * To be called first. */
void ech_sandbox_limit (void);

/* From here on no file can be opened, no program started, no network reached.
 * Without effect where the kernel does not offer it. */
void ech_sandbox_close (void);

#endif
