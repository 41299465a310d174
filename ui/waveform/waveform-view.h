/* The scrolling waveform of a deck, with beat grid and a playhead that stands still.
 *
 * The waveform is cut into textures of 256 pixels that are made between frames
 * and only moved in a frame, by fractions of a pixel, to where the audio clock
 * will be when the frame is shown.  All is scaled to time as heard, so that two
 * decks in time scroll alike.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_WAVEFORM_VIEW_H
#define ECH_WAVEFORM_VIEW_H

#include <gtk/gtk.h>

#include "ui/model/deck-model.h"

G_BEGIN_DECLS

#define ECH_WAVEFORM_MIN_ZOOM     20.0
#define ECH_WAVEFORM_MAX_ZOOM     600.0
#define ECH_WAVEFORM_DEFAULT_ZOOM 150.0

#define ECH_TYPE_WAVEFORM_VIEW (ech_waveform_view_get_type ())
G_DECLARE_FINAL_TYPE (EchWaveformView, ech_waveform_view, ECH, WAVEFORM_VIEW, GtkWidget)

/**
 * EchWaveformView:
 *
 * Properties: `model` (EchDeckModel), `zoom` (double, pixels a second as heard; the wheel
 * changes it).
 * CSS name: waveform; its `color` is the deck's.
 */

void ech_waveform_view_set_model (EchWaveformView *self, EchDeckModel *model);
void ech_waveform_view_set_zoom (EchWaveformView *self, double px_per_second);

/* For benchmarks: main-thread time spent in snapshots and in making tiles. */
struct ech_waveform_cost {
  guint64 n_frames;
  gint64  snapshot_ns;
  guint64 n_tiles;
  gint64  tiles_ns;
};
void ech_waveform_view_get_cost (EchWaveformView *self, struct ech_waveform_cost *out_cost);

G_END_DECLS

#endif
