/* Preferences.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_PREFERENCES_H
#define ECH_PREFERENCES_H

#include "app/application.h"

G_BEGIN_DECLS

/* Shows the preferences window above @parent, at the page "general" or "safety"; each change holds
 * at once, unless its row says otherwise. */
void ech_preferences_present (EchApplication *application, GtkWindow *parent, const char *page_name);

G_END_DECLS

#endif
