/* The whole track at a glance; a click seeks.
 *
 * To everybody but the eye it is a GtkRange of seconds, so that a screen reader
 * tells the position, and sets it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_OVERVIEW_H
#define ECH_OVERVIEW_H

#include <gtk/gtk.h>

#include "ui/model/deck-model.h"

G_BEGIN_DECLS

#define ECH_TYPE_OVERVIEW (ech_overview_get_type ())
G_DECLARE_FINAL_TYPE (EchOverview, ech_overview, ECH, OVERVIEW, GtkRange)

/* Property: `model` (EchDeckModel).  CSS name: overview; its `color` is the deck's. */
void ech_overview_set_model (EchOverview *self, EchDeckModel *model);

G_END_DECLS

#endif
