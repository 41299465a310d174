/* The page "Safety" of the preferences: each rule of the policy in plain words.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_PREFERENCES_SAFETY_H
#define ECH_PREFERENCES_SAFETY_H

#include <adwaita.h>

#include "engine/policy-watch.h"

G_BEGIN_DECLS

/* A page for @window that shows and edits @watch's policy; each change is saved at once.  What the
 * page does not show (named sources, single verbs) stays as it is in the file. */
AdwPreferencesPage *ech_preferences_safety_new (EchPolicyWatch *watch, AdwPreferencesWindow *window);

G_END_DECLS

#endif
