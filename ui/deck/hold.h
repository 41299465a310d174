/* Buttons that do something for as long as they are held down.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_HOLD_H
#define ECH_HOLD_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef void (*EchHoldFunc) (GtkWidget *button, gboolean held, gpointer data);

/**
 * ech_hold_attach:
 * @func: called with TRUE when @button is pressed by mouse, finger, space bar or Return, and with
 *    FALSE when it is let go: also when the pointer or the focus leaves it, when the window is no
 *    longer the active one, when the button is hidden, made insensitive or destroyed
 *
 * The button's own `clicked` is then what a screen reader asks for, and nothing else.
 */
void ech_hold_attach (GtkButton *button, EchHoldFunc func, gpointer data);

G_END_DECLS

#endif
