/* See tile.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "ui/waveform/tile.h"

#include <math.h>

#include "ui/ech-ui.h"

enum { N_LAYERS = 1 + ECH_N_BANDS };

/* What the ear takes for half as loud is more than half as high: quiet passages show. */
#define HEIGHT_GAMMA 0.8

/* The inner bands are drawn lower than they are, so that each leaves the outer ones to see. */
static const float layer_height[N_LAYERS] = { 1.0f, 0.95f, 0.75f, 0.45f };

struct column {
  float height[N_LAYERS]; /* half height in pixels */
};

void
ech_tile_colors_init (struct ech_tile_colors *colors,
                      const GdkRGBA          *color,
                      const GdkRGBA          *background)
{
  const GdkRGBA white = { 1, 1, 1, 1 };

  colors->background             = *background;
  colors->background.alpha       = 1.0f;
  colors->peak                   = ech_ui_mix (&colors->background, color, 0.24f);
  colors->band[ECH_BAND_LOW]     = ech_ui_mix (&colors->background, color, 0.52f);
  colors->band[ECH_BAND_MID]     = ech_ui_mix (&colors->background, color, 0.95f);
  colors->band[ECH_BAND_HIGH]    = ech_ui_mix (color, &white, 0.78f);
}

static void
merge (struct ech_peak_bin *into, const struct ech_peak_bin *bin)
{
  into->peak = MAX (into->peak, bin->peak);
  into->low  = MAX (into->low, bin->low);
  into->mid  = MAX (into->mid, bin->mid);
  into->high = MAX (into->high, bin->high);
}

/* The loudest of the bins that lie under a pixel; at least the one in its middle. */
static struct ech_peak_bin
bins_under (const struct ech_peak_bin *bins, size_t n_bins, double from, double to)
{
  struct ech_peak_bin loudest = { 0 };
  double              first   = ceil (from - 0.5);
  double              last    = ceil (to - 0.5) - 1.0;

  if (last < first)
    first = last = floor ((from + to) / 2.0);
  first = MAX (first, 0.0);
  for (double i = first; i <= last && i < (double) n_bins; i += 1.0)
    merge (&loudest, &bins[(size_t) i]);
  return loudest;
}

static void
measure_column (struct column *column, const struct ech_peak_bin *bin, const float *heights)
{
  const uint8_t values[N_LAYERS] = { bin->peak, bin->low, bin->mid, bin->high };

  for (int l = 0; l < N_LAYERS; l++)
    column->height[l] = heights[values[l]] * layer_height[l];
}

static void
to_bytes (guint8 out[4], const float rgb[3])
{
  for (int i = 0; i < 3; i++)
    out[i] = (guint8) (CLAMP (rgb[i], 0.0f, 1.0f) * 255.0f + 0.5f);
  out[3] = 255;
}

/* One pixel, @distance from the middle line: each layer covers it fully, partly or not. */
static void
paint (guint8                       *out,
       const struct column          *column,
       float                         distance,
       const struct ech_tile_colors *colors,
       const GdkRGBA *const          layers[N_LAYERS])
{
  float rgb[3] = { colors->background.red, colors->background.green, colors->background.blue };

  for (int l = 0; l < N_LAYERS; l++) {
    float cover = CLAMP (column->height[l] - distance + 0.5f, 0.0f, 1.0f);

    if (column->height[l] <= 0.0f && l > 0)
      continue; /* silence is one thin line, in the outermost colour */

    rgb[0] += (layers[l]->red - rgb[0]) * cover;
    rgb[1] += (layers[l]->green - rgb[1]) * cover;
    rgb[2] += (layers[l]->blue - rgb[2]) * cover;
  }
  to_bytes (out, rgb);
}

GdkTexture *
ech_tile_new (const struct ech_peak_bin    *bins,
              size_t                        n_bins,
              double                        first_bin,
              double                        bins_per_px,
              int                           width,
              int                           height,
              const struct ech_tile_colors *colors)
{
  const GdkRGBA *const layers[N_LAYERS] = { &colors->peak, &colors->band[0], &colors->band[1],
                                            &colors->band[2] };
  g_autofree struct column *columns = g_new (struct column, width);
  g_autofree guint8        *pixels  = g_malloc ((gsize) width * height * 4);
  g_autoptr (GBytes)        bytes   = NULL;
  float                     heights[256];

  for (int i = 0; i < 256; i++)
    heights[i] = (float) (pow (i / 255.0, HEIGHT_GAMMA) * (height / 2.0 - 1.0));
  for (int x = 0; x < width; x++) {
    double              from = first_bin + x * bins_per_px;
    struct ech_peak_bin bin  = bins_under (bins, n_bins, from, from + bins_per_px);

    measure_column (&columns[x], &bin, heights);
  }
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      paint (pixels + ((gsize) y * width + x) * 4, &columns[x], fabsf (y + 0.5f - height / 2.0f),
             colors, layers);

  bytes = g_bytes_new_take (g_steal_pointer (&pixels), (gsize) width * height * 4);
  return gdk_memory_texture_new (width, height, GDK_MEMORY_R8G8B8A8, bytes, (gsize) width * 4);
}
