/* Ableton Link in the window: on and off, its state in words, peers, and behind an arrow what is
 * seldom touched: shared start and stop, and our bar against the session's.
 *
 * By Ableton's guidelines: the name in full, the state always to be seen, peers without
 * ourselves.  Hidden where there is no Link driver.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_LINK_BUTTON_H
#define ECH_LINK_BUTTON_H

#include <gtk/gtk.h>

#include "ui/model/session-model.h"

G_BEGIN_DECLS

#define ECH_TYPE_LINK_BUTTON (ech_link_button_get_type ())
G_DECLARE_FINAL_TYPE (EchLinkButton, ech_link_button, ECH, LINK_BUTTON, GtkWidget)

/* @session: a reference is kept. */
void ech_link_button_set_session (EchLinkButton *self, EchSessionModel *session);

G_END_DECLS

#endif
