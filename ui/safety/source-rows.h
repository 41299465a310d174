/* The rows of who may do something: name, class, mode, refusals.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SOURCE_ROWS_H
#define ECH_SOURCE_ROWS_H

#include <gtk/gtk.h>

#include "ui/model/safety-model.h"

G_BEGIN_DECLS

struct ech_source_rows;

/* Free before @box is destroyed. */
struct ech_source_rows *ech_source_rows_new (GtkBox *box, EchSafetyModel *model);
void                    ech_source_rows_free (struct ech_source_rows *rows);

/* What the model tells now. */
void ech_source_rows_update (struct ech_source_rows *rows);

G_END_DECLS

#endif
