/* See markers.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "ui/waveform/markers.h"

#include <math.h>

#include "ui/ech-ui.h"

#define FLAG_PADDING 3.0f

/* Light enough for dark digits; none of them a colour that has a meaning already (a deck's, waits,
 * on air). */
static const char *const colors[ECH_N_HOTCUES] = {
  "#ff9ecb", "#cde66a", "#bda6ff", "#ffb59e", "#5fdcc4", "#e6d3b0", "#8fbcff", "#c9d1dc",
};

static void
get_color (guint index, GdkRGBA *out_color)
{
  gdk_rgba_parse (out_color, colors[index % ECH_N_HOTCUES]);
}

void
ech_markers_add_style (void)
{
  g_autoptr (GtkCssProvider) provider = gtk_css_provider_new ();
  g_autoptr (GString)        css      = g_string_new (NULL);

  for (guint i = 0; i < ECH_N_HOTCUES; i++)
    g_string_append_printf (css,
                            "button.pad.hotcue-%u:not(.waiting) { color: %s; }\n"
                            "button.pad.set.hotcue-%u:not(.waiting) { background-color: %s; color: #14161a; }\n",
                            i + 1, colors[i], i + 1, colors[i]);
  gtk_css_provider_load_from_data (provider, css->str, -1);
  gtk_style_context_add_provider_for_display (gdk_display_get_default (),
                                              GTK_STYLE_PROVIDER (provider),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION + 1);
}

void
ech_markers_format_time (char *out_text, gsize size, double seconds)
{
  int tenths = (int) floor (MAX (0.0, seconds) * 10.0 + 1e-6);

  g_snprintf (out_text, size, "%d:%02d.%d", tenths / 600, tenths / 10 % 60, tenths % 10);
}

void
ech_markers_clear (struct ech_markers *self)
{
  for (guint i = 0; i < ECH_N_HOTCUES; i++)
    g_clear_object (&self->numbers[i]);
}

static void
fill (GtkSnapshot *snapshot, const GdkRGBA *color, double x, double y, double width, double height)
{
  gtk_snapshot_append_color (
    snapshot, color, &GRAPHENE_RECT_INIT ((float) x, (float) y, (float) width, (float) height));
}

/* Shaded from end to end; of a loop without an out point its in point alone. */
static void
draw_loop (GtkSnapshot    *snapshot,
           EchDeckModel   *model,
           float           width,
           float           height,
           EchMarkersXFunc x_of,
           gpointer        data)
{
  const GdkRGBA running = { 0.49f, 0.88f, 0.54f, 1 }, resting = { 0.75f, 0.78f, 0.82f, 1 };
  double        in_frames, out_frames, left, right;
  gboolean      active = ech_deck_model_get_loop (model, &in_frames, &out_frames);
  const GdkRGBA edge   = active ? running : resting;
  GdkRGBA       shade  = ech_ui_with_alpha (&edge, active ? 0.2f : 0.09f);

  if (isnan (in_frames))
    return;
  left = x_of (in_frames, data);
  if (left > -2 && left < width + 2)
    fill (snapshot, &edge, left - 1, 0, 2, height);
  if (isnan (out_frames))
    return;
  right = x_of (out_frames, data);
  if (right > -2 && right < width + 2)
    fill (snapshot, &edge, right - 1, 0, 2, height);
  left  = CLAMP (left, 0.0, width);
  right = CLAMP (right, 0.0, width);
  if (right <= left)
    return;
  fill (snapshot, &shade, left, 0, right - left, height);
  fill (snapshot, &edge, left, height - 3, right - left, 3);
}

static void
draw_cue (GtkSnapshot *snapshot, double x, float width, float height)
{
  const GdkRGBA color = { 1.0f, 0.86f, 0.35f, 1 };

  if (x < -8 || x > width + 8)
    return;
  fill (snapshot, &color, x - 1, 0, 2, height);
  fill (snapshot, &color, x - 4, height - 6, 8, 6);
}

/* A line, and a flag with the number at its top; at the right edge the flag flies to the left. */
static void
draw_hotcue (struct ech_markers *self,
             GtkWidget          *widget,
             GtkSnapshot        *snapshot,
             guint               index,
             double              x,
             float               width,
             float               height)
{
  const GdkRGBA ink = { 0.05f, 0.06f, 0.08f, 1 };
  GdkRGBA       color;
  int           text_width, text_height;
  double        flag_width, flag_x;

  if (!self->numbers[index]) {
    char text[4];

    g_snprintf (text, sizeof text, "%u", index + 1);
    self->numbers[index] = gtk_widget_create_pango_layout (widget, text);
  }
  pango_layout_get_pixel_size (self->numbers[index], &text_width, &text_height);
  flag_width = text_width + 2 * FLAG_PADDING;
  if (x < -flag_width || x > width + flag_width)
    return;
  flag_x = x + flag_width > width ? x - flag_width : x;
  get_color (index, &color);
  fill (snapshot, &color, x - 1, 0, 2, height);
  fill (snapshot, &color, flag_x, 0, flag_width, text_height);
  gtk_snapshot_save (snapshot);
  gtk_snapshot_translate (snapshot, &GRAPHENE_POINT_INIT ((float) flag_x + FLAG_PADDING, 0));
  gtk_snapshot_append_layout (snapshot, self->numbers[index], &ink);
  gtk_snapshot_restore (snapshot);
}

void
ech_markers_snapshot (struct ech_markers *self,
                      GtkWidget          *widget,
                      GtkSnapshot        *snapshot,
                      EchDeckModel       *model,
                      EchMarkersXFunc     x_of,
                      gpointer            data)
{
  float width  = (float) gtk_widget_get_width (widget);
  float height = (float) gtk_widget_get_height (widget);

  draw_loop (snapshot, model, width, height, x_of, data);
  draw_cue (snapshot, x_of (ech_deck_model_get_cue_frames (model), data), width, height);
  for (guint i = 0; i < ECH_N_HOTCUES; i++) {
    double frames = ech_deck_model_get_hotcue_frames (model, i);

    if (!isnan (frames))
      draw_hotcue (self, widget, snapshot, i, x_of (frames, data), width, height);
  }
}
