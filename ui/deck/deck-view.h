/* A deck: what is on it, where it stands, and its controls.
 *
 * Its Load button activates the window's action "win.load" with the deck's index (uint32).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_DECK_VIEW_H
#define ECH_DECK_VIEW_H

#include <gtk/gtk.h>

#include "ui/model/session-model.h"

G_BEGIN_DECLS

#define ECH_TYPE_DECK_VIEW (ech_deck_view_get_type ())
G_DECLARE_FINAL_TYPE (EchDeckView, ech_deck_view, ECH, DECK_VIEW, GtkWidget)

/* Shows deck @index of @session; once.  CSS name: deck. */
void ech_deck_view_set_deck (EchDeckView *self, EchSessionModel *session, guint index);

G_END_DECLS

#endif
