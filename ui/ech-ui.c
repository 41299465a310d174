/* See ech-ui.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "ui/ech-ui.h"

#include "ui/deck/beat-lamps.h"
#include "ui/deck/deck-view.h"
#include "ui/deck/hotcue-pads.h"
#include "ui/deck/readout.h"
#include "ui/deck/wait-button.h"
#include "ui/ech-ui-resources.h"
#include "ui/link/link-button.h"
#include "ui/mixer/channel-strip.h"
#include "ui/mixer/knob.h"
#include "ui/mixer/meter-view.h"
#include "ui/mixer/mixer-view.h"
#include "ui/safety/safety-panel.h"
#include "ui/waveform/markers.h"
#include "ui/waveform/overview.h"
#include "ui/waveform/waveform-view.h"

void
ech_ui_init (void)
{
  /* Registered by hand: the linker leaves constructors of a static library out. */
  ech_ui_register_resource ();

  g_type_ensure (ECH_TYPE_BEAT_LAMPS);
  g_type_ensure (ECH_TYPE_CHANNEL_STRIP);
  g_type_ensure (ECH_TYPE_DECK_VIEW);
  g_type_ensure (ECH_TYPE_HOTCUE_PADS);
  g_type_ensure (ECH_TYPE_KNOB);
  g_type_ensure (ECH_TYPE_LINK_BUTTON);
  g_type_ensure (ECH_TYPE_METER_VIEW);
  g_type_ensure (ECH_TYPE_MIXER_VIEW);
  g_type_ensure (ECH_TYPE_OVERVIEW);
  g_type_ensure (ECH_TYPE_READOUT);
  g_type_ensure (ECH_TYPE_SAFETY_PANEL);
  g_type_ensure (ECH_TYPE_WAIT_BUTTON);
  g_type_ensure (ECH_TYPE_WAVEFORM_VIEW);
  ech_markers_add_style ();
}

void
ech_ui_get_color (GtkWidget *widget, GdkRGBA *out_color)
{
#if GTK_CHECK_VERSION(4, 10, 0)
  gtk_widget_get_color (widget, out_color);
#else
  gtk_style_context_get_color (gtk_widget_get_style_context (widget), out_color);
#endif
}

GdkRGBA
ech_ui_with_alpha (const GdkRGBA *color, float alpha)
{
  GdkRGBA result = *color;

  result.alpha = alpha;
  return result;
}

GdkRGBA
ech_ui_mix (const GdkRGBA *from, const GdkRGBA *to, float part)
{
  return (GdkRGBA){ from->red + (to->red - from->red) * part,
                    from->green + (to->green - from->green) * part,
                    from->blue + (to->blue - from->blue) * part,
                    from->alpha + (to->alpha - from->alpha) * part };
}

void
ech_ui_set_accessible (GtkAccessible *accessible, const char *name, const char *description)
{
  gtk_accessible_update_property (accessible, GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  if (description)
    gtk_accessible_update_property (accessible, GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, description,
                                    -1);
}

void
ech_ui_announce (GtkAccessible *accessible, const char *text)
{
#if GTK_CHECK_VERSION(4, 14, 0)
  gtk_accessible_announce (accessible, text, GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_HIGH);
#else
  /* Before 4.14 a screen reader is told by the change of a label of role "alert". */
  gtk_accessible_update_property (accessible, GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
#endif
}

void
ech_ui_silence_range (GtkRange *range)
{
  g_autoptr (GListModel) controllers = gtk_widget_observe_controllers (GTK_WIDGET (range));

  /* Not removed: GtkRange keeps pointers to them. */
  for (guint i = 0; i < g_list_model_get_n_items (controllers); i++) {
    g_autoptr (GtkEventController) controller = g_list_model_get_item (controllers, i);

    gtk_event_controller_set_propagation_phase (controller, GTK_PHASE_NONE);
  }
}

gboolean
ech_ui_shift_is_held (GtkWidget *widget)
{
  GdkSeat   *seat = gdk_display_get_default_seat (gtk_widget_get_display (widget));
  GdkDevice *keys = seat ? gdk_seat_get_keyboard (seat) : NULL;

  return keys && (gdk_device_get_modifier_state (keys) & GDK_SHIFT_MASK);
}

void
ech_ui_set_class (GtkWidget *widget, const char *name, gboolean on)
{
  if (on)
    gtk_widget_add_css_class (widget, name);
  else
    gtk_widget_remove_css_class (widget, name);
}
