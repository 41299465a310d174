/* A deck's eight hot cues as pads.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_HOTCUE_PADS_H
#define ECH_HOTCUE_PADS_H

#include <gtk/gtk.h>

#include "ui/model/session-model.h"

G_BEGIN_DECLS

#define ECH_TYPE_HOTCUE_PADS (ech_hotcue_pads_get_type ())
G_DECLARE_FINAL_TYPE (EchHotcuePads, ech_hotcue_pads, ECH, HOTCUE_PADS, GtkWidget)

/**
 * EchHotcuePads:
 *
 * An empty pad sets its hot cue, a set one jumps to it, one that waits takes that back;
 * with Shift at once.  The right mouse button, Delete and Backspace clear.
 * CSS name: hotcues; a pad has the classes "pad", "hotcue-1" .. and, when set, "set".
 */

/* Shows the hot cues of deck @index; once. */
void ech_hotcue_pads_set_deck (EchHotcuePads *self, EchSessionModel *session, guint index);

G_END_DECLS

#endif
