/* A number that changes many times a second.
 *
 * A GtkLabel lays the whole window out again whenever its text changes; this
 * one keeps the size of its sample and only draws.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_READOUT_H
#define ECH_READOUT_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define ECH_TYPE_READOUT (ech_readout_get_type ())
G_DECLARE_FINAL_TYPE (EchReadout, ech_readout, ECH, READOUT, GtkWidget)

/**
 * EchReadout:
 *
 * Properties: `text`; `sample` (the widest text there will be); `title` (what the
 * number is, for a screen reader, which reads "title text"); `xalign` (0..1).
 * CSS name: readout.
 */

void ech_readout_set_text (EchReadout *self, const char *text);
void ech_readout_set_title (EchReadout *self, const char *title);

G_END_DECLS

#endif
