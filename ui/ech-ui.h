/* What all of the window's widgets share.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_UI_H
#define ECH_UI_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Registers templates and widget types; once, before the first template.  Thread: main. */
void ech_ui_init (void);

/* The CSS `color` of @widget. */
void ech_ui_get_color (GtkWidget *widget, GdkRGBA *out_color);

/* @color with @alpha in place of its own. */
GdkRGBA ech_ui_with_alpha (const GdkRGBA *color, float alpha);

/* @from mixed with @to; @part 0 = all @from. */
GdkRGBA ech_ui_mix (const GdkRGBA *from, const GdkRGBA *to, float part);

/**
 * ech_ui_set_accessible:
 * @name: what a screen reader calls @accessible
 * @description: nullable: what it does
 */
void ech_ui_set_accessible (GtkAccessible *accessible, const char *name, const char *description);

/* Has a screen reader say @text. */
void ech_ui_announce (GtkAccessible *accessible, const char *text);

/* Switches off what a GtkRange does with mouse and wheel, so that a subclass that draws
 * itself keeps its value, its adjustment and its accessible side only. */
void ech_ui_silence_range (GtkRange *range);

/* Whether Shift is down now. */
gboolean ech_ui_shift_is_held (GtkWidget *widget);

/* Adds or removes the CSS class @name. */
void ech_ui_set_class (GtkWidget *widget, const char *name, gboolean on);

G_END_DECLS

#endif
