/* One channel of the mixer: trim, EQ with kills, fader, meter.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_CHANNEL_STRIP_H
#define ECH_CHANNEL_STRIP_H

#include <gtk/gtk.h>

#include "ui/model/session-model.h"

G_BEGIN_DECLS

#define ECH_TYPE_CHANNEL_STRIP (ech_channel_strip_get_type ())
G_DECLARE_FINAL_TYPE (EchChannelStrip, ech_channel_strip, ECH, CHANNEL_STRIP, GtkWidget)

/* Shows the channel of deck @index of @session; once.  CSS name: channelstrip. */
void ech_channel_strip_set_deck (EchChannelStrip *self, EchSessionModel *session, guint index);

/* Kills the band, or brings it back to what it was. */
void ech_channel_strip_toggle_kill (EchChannelStrip *self, enum ech_band band);

G_END_DECLS

#endif
