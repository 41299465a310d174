/* The rows of what asks for a yes, each with its two answers.
 *
 * Rows never change places under the hand: a new one comes last, and for a moment after one has gone
 * the others take no answer, so that a double click answers one question.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ASK_ROWS_H
#define ECH_ASK_ROWS_H

#include <gtk/gtk.h>

#include "ui/model/safety-model.h"

G_BEGIN_DECLS

struct ech_ask_rows;

/* @box: focusable; gets the focus of a row that goes.  Free before it is destroyed. */
struct ech_ask_rows *ech_ask_rows_new (GtkBox *box, EchSafetyModel *model);
void                 ech_ask_rows_free (struct ech_ask_rows *rows);

/* What the model tells now. */
void ech_ask_rows_update (struct ech_ask_rows *rows);

/* The time that is left; cheap. */
void ech_ask_rows_tick (struct ech_ask_rows *rows);

/* Focus to the oldest one's yes.  Returns: whether there is one. */
gboolean ech_ask_rows_grab_focus (struct ech_ask_rows *rows);

G_END_DECLS

#endif
