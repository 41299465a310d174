/* A button whose action may wait for its beat: while it does, the button shows
 * how many beats are left, and pressing it takes the action back.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_WAIT_BUTTON_H
#define ECH_WAIT_BUTTON_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define ECH_TYPE_WAIT_BUTTON (ech_wait_button_get_type ())
G_DECLARE_FINAL_TYPE (EchWaitButton, ech_wait_button, ECH, WAIT_BUTTON, GtkButton)

/**
 * EchWaitButton:
 *
 * Properties: `icon` (icon name, nullable), `caption`, `beats-left` (double, -1 = nothing
 * waits), `compact` (boolean: no room for the word "beats").  CSS class "waiting" while something does.
 */

void ech_wait_button_set_icon (EchWaitButton *self, const char *icon);
void ech_wait_button_set_caption (EchWaitButton *self, const char *caption);
void ech_wait_button_set_beats_left (EchWaitButton *self, double beats_left);

G_END_DECLS

#endif
