/* The keys of the decks' controls, as their tooltips tell them.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_DECK_KEYS_H
#define ECH_DECK_KEYS_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * ech_deck_keys_set_tooltip:
 * @text: what the control does
 * @control: its name in the table in deck-keys.c
 * @deck: 0-based; decks without keys get @text alone
 * @number: of a control that there are several of; else 0
 */
void ech_deck_keys_set_tooltip (
  GtkWidget *widget, const char *text, const char *control, guint deck, int number);

G_END_DECLS

#endif
