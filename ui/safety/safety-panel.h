/* What asks for a yes, what was refused, and who may do what.
 *
 * Its close button activates the window's action "win.safety".
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SAFETY_PANEL_H
#define ECH_SAFETY_PANEL_H

#include <gtk/gtk.h>

#include "ui/model/session-model.h"

G_BEGIN_DECLS

#define ECH_TYPE_SAFETY_PANEL (ech_safety_panel_get_type ())
G_DECLARE_FINAL_TYPE (EchSafetyPanel, ech_safety_panel, ECH, SAFETY_PANEL, GtkWidget)

/* Once.  CSS name: safety. */
void ech_safety_panel_set_session (EchSafetyPanel *self, EchSessionModel *session);

/* Shows what asks for a yes, else what was refused, and takes the keyboard's focus there. */
void ech_safety_panel_enter (EchSafetyPanel *self);

G_END_DECLS

#endif
