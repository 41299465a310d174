/* A knob.  To everybody but the eye it is a GtkRange: adjustment, value and
 * accessible value, so that a screen reader and a test turn it like any slider.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_KNOB_H
#define ECH_KNOB_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define ECH_TYPE_KNOB (ech_knob_get_type ())
G_DECLARE_FINAL_TYPE (EchKnob, ech_knob, ECH, KNOB, GtkRange)

/**
 * EchKnob:
 *
 * Properties: `rest` (the value at twelve o'clock and after a reset; within
 * the adjustment's range, at its end for a knob that fills from the left),
 * `unit` (string: "dB", "%", ...: how the value is told).
 * Drag up and down, wheel, arrow keys, Page Up/Down, double click or Home =
 * back to rest.  Shift = fine.
 * CSS name: knob; its `color` is the arc's.
 */

G_END_DECLS

#endif
