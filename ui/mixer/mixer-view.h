/* The mixer: two channels, master, crossfader.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MIXER_VIEW_H
#define ECH_MIXER_VIEW_H

#include <gtk/gtk.h>

#include "ui/mixer/channel-strip.h"
#include "ui/model/session-model.h"

G_BEGIN_DECLS

#define ECH_TYPE_MIXER_VIEW (ech_mixer_view_get_type ())
G_DECLARE_FINAL_TYPE (EchMixerView, ech_mixer_view, ECH, MIXER_VIEW, GtkWidget)

/* Shows the mixer of @session; once.  CSS name: mixer. */
void ech_mixer_view_set_session (EchMixerView *self, EchSessionModel *session);

/* The strip of deck @index, 0 or 1.  Borrowed. */
EchChannelStrip *ech_mixer_view_get_strip (EchMixerView *self, guint index);

/* Where the keyboard's focus is best when nothing else has it: nothing that plays or
 * stops lies under the space bar there. */
GtkWidget *ech_mixer_view_get_crossfader (EchMixerView *self);

G_END_DECLS

#endif
