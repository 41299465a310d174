/* The beats of a bar as a row of lamps; on a deck also how far its beat is from
 * the session's.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_BEAT_LAMPS_H
#define ECH_BEAT_LAMPS_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define ECH_TYPE_BEAT_LAMPS (ech_beat_lamps_get_type ())
G_DECLARE_FINAL_TYPE (EchBeatLamps, ech_beat_lamps, ECH, BEAT_LAMPS, GtkWidget)

/**
 * EchBeatLamps:
 *
 * Properties: `n-beats` (beats of a bar, 1..16), `show-error` (boolean).
 * CSS name: beatlamps; its `color` is the lit lamp's.
 */

/**
 * ech_beat_lamps_set:
 * @beat: counted from a bar's first, may be negative; NAN = all lamps off
 * @error_beats: -0.5 .. 0.5, positive = ahead of the session; NAN = unknown
 */
void ech_beat_lamps_set (EchBeatLamps *self, double beat, double error_beats);

G_END_DECLS

#endif
