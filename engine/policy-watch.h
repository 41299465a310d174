/* The policy file while the program runs: read at start and whenever it changes.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_POLICY_WATCH_H
#define ECH_POLICY_WATCH_H

#include <glib-object.h>

#include "engine/policy-file.h"

G_BEGIN_DECLS

#define ECH_TYPE_POLICY_WATCH (ech_policy_watch_get_type ())
G_DECLARE_FINAL_TYPE (EchPolicyWatch, ech_policy_watch, ECH, POLICY_WATCH, GObject)

/**
 * ech_policy_watch_new: reads @path and watches it
 * @path: need not exist: then, and when it is removed, the defaults hold
 *
 * Signal "changed": the policy or the fault is another one now; told a moment after the last of
 * several writes, and at once by ech_policy_watch_save().  A file that is wrong leaves the policy
 * as it was.  A link is followed, also when its target changes.
 *
 * Thread: main, for all calls; the default main context runs.
 */
EchPolicyWatch *ech_policy_watch_new (const char *path);

const char *ech_policy_watch_get_path (EchPolicyWatch *self);

/* What is in force; until the next change. */
const struct ech_policy *ech_policy_watch_get_policy (EchPolicyWatch *self);

/* What is wrong with the file as it is now ("line 7: ..."), NULL when it is right or not there. */
const char *ech_policy_watch_get_fault (EchPolicyWatch *self);

/* Its line, 0 for none. */
unsigned ech_policy_watch_get_fault_line (EchPolicyWatch *self);

/**
 * ech_policy_watch_save: writes @policy, and it is in force
 * @replace: whatever the file says by now; else a file that was changed by somebody, or is wrong,
 *    is left as it is
 *
 * Returns: FALSE with a sentence.
 */
gboolean ech_policy_watch_save (EchPolicyWatch          *self,
                                const struct ech_policy *policy,
                                gboolean                 replace,
                                GError                 **error);

G_END_DECLS

#endif
