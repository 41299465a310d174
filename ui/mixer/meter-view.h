/* A stereo level meter with peak hold.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_METER_VIEW_H
#define ECH_METER_VIEW_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define ECH_TYPE_METER_VIEW (ech_meter_view_get_type ())
G_DECLARE_FINAL_TYPE (EchMeterView, ech_meter_view, ECH, METER_VIEW, GtkWidget)

/* @peak: linear, left and right, the newest; falls back by itself as it is called
 * again, some 60 times a second.  CSS name: meter. */
void ech_meter_view_set_peak (EchMeterView *self, const float peak[2]);

G_END_DECLS

#endif
