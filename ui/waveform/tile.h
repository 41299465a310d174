/* A piece of waveform as a texture.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_WAVEFORM_TILE_H
#define ECH_WAVEFORM_TILE_H

#include <gdk/gdk.h>

#include "engine/media/track.h"

G_BEGIN_DECLS

/* From the outside in: all, low, middle and high band, each over the one before. */
struct ech_tile_colors {
  GdkRGBA background; /* opaque, so that tiles may overlap without a seam */
  GdkRGBA peak;
  GdkRGBA band[ECH_N_BANDS];
};

/* The colours that go with a deck's @color on @background. */
void ech_tile_colors_init (struct ech_tile_colors *colors,
                           const GdkRGBA          *color,
                           const GdkRGBA          *background);

/**
 * ech_tile_new:
 * @bins: of the whole track; nullable if @n_bins is 0
 * @n_bins: how many there are now; what lies outside is drawn as silence
 * @first_bin: at the left edge; may be negative and fractional
 * @bins_per_px: more than 0
 * @width, @height: in texture pixels, 1 .. 8192
 *
 * Thread: any.  Returns: (transfer full)
 */
GdkTexture *ech_tile_new (const struct ech_peak_bin    *bins,
                          size_t                        n_bins,
                          double                        first_bin,
                          double                        bins_per_px,
                          int                           width,
                          int                           height,
                          const struct ech_tile_colors *colors);

G_END_DECLS

#endif
