/* See deck-keys.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "ui/deck/deck-keys.h"

/* tests/ui/shortcuts.py compares this table with the keys that the window takes. */
static const struct {
  const char *control;
  const char *keys[2]; /* of decks A and B; % stands for the number */
} table[] = {
  { "play", { "Q", "P" } },
  { "cue", { "W", "O" } },
  { "sync", { "E", "I" } },
  { "jump-back", { "A", "K" } },
  { "jump-on", { "S", "L" } },
  { "quantize", { "D", "J" } },
  { "keylock", { "Shift+D", "Shift+J" } },
  { "lock", { "Ctrl+L", "Ctrl+Shift+L" } },
  { "load", { "Ctrl+O", "Ctrl+Shift+O" } },
  { "hotcue", { "Ctrl+%", "Alt+%" } },
  { "loop", { "F", "H" } },
  { "loop-in", { "R", "Y" } },
  { "loop-out", { "T", "U" } },
  { "loop-halve", { "4", "6" } },
  { "loop-double", { "5", "7" } },
  { "loop-move-back", { "Shift+A", "Shift+K" } },
  { "loop-move-on", { "Shift+S", "Shift+L" } },
  { "bend-down", { "C", "," } },
  { "bend-up", { "V", "." } },
  { "pfl", { "G", "B" } },
};

void
ech_deck_keys_set_tooltip (
  GtkWidget *widget, const char *text, const char *control, guint deck, int number)
{
  for (guint i = 0; i < G_N_ELEMENTS (table) && deck < 2; i++) {
    g_auto (GStrv)   parts   = NULL;
    g_autofree char *digits  = NULL;
    g_autofree char *keys    = NULL;
    g_autofree char *tooltip = NULL;

    if (strcmp (table[i].control, control) != 0)
      continue;
    parts   = g_strsplit (table[i].keys[deck], "%", -1);
    digits  = g_strdup_printf ("%d", number);
    keys    = g_strjoinv (digits, parts);
    tooltip = g_strdup_printf ("%s (%s)", text, keys);
    gtk_widget_set_tooltip_text (widget, tooltip);
    return;
  }
  gtk_widget_set_tooltip_text (widget, text);
}
