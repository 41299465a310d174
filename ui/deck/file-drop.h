/* Files from a file manager, dropped on a deck.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_FILE_DROP_H
#define ECH_FILE_DROP_H

#include <gtk/gtk.h>

#include "ui/model/deck-model.h"

G_BEGIN_DECLS

/* Makes @widget a place where a file can be dropped to load it on @model (which is
 * referenced). */
void ech_file_drop_attach (GtkWidget *widget, EchDeckModel *model);

/* Loads @file, or tells on the deck why that cannot be. */
void ech_file_drop_load (EchDeckModel *model, GFile *file);

G_END_DECLS

#endif
