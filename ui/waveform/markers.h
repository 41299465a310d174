/* What lies on a track, as waveforms show it: hot cues, the cue point, the loop.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MARKERS_H
#define ECH_MARKERS_H

#include <gtk/gtk.h>

#include "ui/model/deck-model.h"

G_BEGIN_DECLS

/* Zero it before the first use. */
struct ech_markers {
  PangoLayout *numbers[ECH_N_HOTCUES]; /* owned; NULL until drawn */
};

/* The axis: the x of a place in track frames. */
typedef double (*EchMarkersXFunc) (double frames, gpointer data);

/**
 * ech_markers_snapshot:
 *
 * Draws all of @model's points that lie within the size of @widget.
 */
void ech_markers_snapshot (struct ech_markers *self,
                           GtkWidget          *widget,
                           GtkSnapshot        *snapshot,
                           EchDeckModel       *model,
                           EchMarkersXFunc     x_of,
                           gpointer            data);

/* Another font, or the end. */
void ech_markers_clear (struct ech_markers *self);

/* Gives each pad of class "hotcue-N" and "set" the colour of its marker.  Once, with a display. */
void ech_markers_add_style (void);

/* "1:03.2" */
void ech_markers_format_time (char *out_text, gsize size, double seconds);

G_END_DECLS

#endif
