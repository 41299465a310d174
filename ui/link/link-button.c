/* See link-button.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/link/link-button.h"

#include "ui/deck/beat-lamps.h"
#include "ui/ech-ui.h"

/* Nobody has answered a press within this time: the button shows what is. */
#define ANSWER_US (6 * G_USEC_PER_SEC)

struct _EchLinkButton {
  GtkWidget parent_instance;

  /* children, owned by the widget tree */
  GtkWidget    *toggle;
  GtkLabel     *state;
  GtkWidget    *more;
  GtkWidget    *share;
  GtkLabel     *nudge;
  EchBeatLamps *lamps;

  /* owned */
  EchSessionModel *session;

  struct ech_link_view shown;
  gboolean             wanted; /* what was pressed, until ... */
  gint64               wanted_until_us;
  gint64               share_until_us; /* the same of the switch */
  gboolean             is_showing; /* the children change by us, not by a hand */
};

G_DEFINE_FINAL_TYPE (EchLinkButton, ech_link_button, GTK_TYPE_WIDGET)

static char *
describe (EchLinkButton *self, const struct ech_link_view *link)
{
  if (self->wanted_until_us != 0)
    return g_strdup (self->wanted ? _ ("Enabling") : _ ("Disabling"));
  if (!link->is_enabled)
    return g_strdup (_ ("Disabled"));
  if (link->n_peers == 0)
    return g_strdup (_ ("Enabled"));
  return g_strdup_printf (ngettext ("Enabled, %u peer", "Enabled, %u peers", link->n_peers),
                          link->n_peers);
}

static void
show (EchLinkButton *self, const struct ech_link_view *link)
{
  g_autofree char *text  = describe (self, link);
  g_autofree char *nudge = g_strdup_printf ("%+d", link->nudge_beats);

  self->is_showing = TRUE;
  gtk_widget_set_visible (GTK_WIDGET (self), link->is_available);
  gtk_label_set_text (self->state, text);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (self->toggle), link->is_enabled);
  if (self->share_until_us == 0) /* else a press is under way */
    gtk_switch_set_active (GTK_SWITCH (self->share), link->shares_start_stop);
  gtk_label_set_text (self->nudge, nudge);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->toggle),
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text, -1);
  self->is_showing = FALSE;
  self->shown      = *link;
}

static void
on_polled (EchLinkButton *self)
{
  gint64               now_us = g_get_monotonic_time ();
  struct ech_link_view link;
  gboolean             is_over;

  ech_session_model_get_link (self->session, &link);
  is_over = self->wanted_until_us != 0
            && (link.is_enabled == self->wanted || now_us > self->wanted_until_us);
  if (is_over)
    self->wanted_until_us = 0;
  if (self->share_until_us != 0
      && (link.shares_start_stop == gtk_switch_get_active (GTK_SWITCH (self->share))
          || now_us > self->share_until_us)) {
    self->share_until_us = 0;
    is_over              = TRUE;
  }
  if (is_over || !ech_link_view_equal (&link, &self->shown))
    show (self, &link);
  if (gtk_widget_get_mapped (GTK_WIDGET (self->lamps)))
    ech_beat_lamps_set (self->lamps, ech_session_model_get_beat_at (self->session, now_us), NAN);
}

static void
on_toggled (GtkToggleButton *toggle, EchLinkButton *self)
{
  if (self->is_showing)
    return;
  self->wanted          = gtk_toggle_button_get_active (toggle);
  self->wanted_until_us = g_get_monotonic_time () + ANSWER_US;
  ech_session_model_set_link (self->session, ECH_VERB_LINK, self->wanted);
  show (self, &self->shown); /* the button shows what is, the words what is on its way */
}

static void
on_share (GtkSwitch *share, GParamSpec *pspec, EchLinkButton *self)
{
  if (self->is_showing)
    return;
  self->share_until_us = g_get_monotonic_time () + ANSWER_US;
  ech_session_model_set_link (self->session, ECH_VERB_LINK_STARTSTOP,
                              gtk_switch_get_active (share));
}

static void
on_nudge (GtkButton *button, EchLinkButton *self)
{
  int by = GPOINTER_TO_INT (g_object_get_data (G_OBJECT (button), "beats"));

  ech_session_model_set_link (self->session, ECH_VERB_LINK_NUDGE, self->shown.nudge_beats + by);
}

void
ech_link_button_set_session (EchLinkButton *self, EchSessionModel *session)
{
  g_return_if_fail (ECH_IS_LINK_BUTTON (self));

  self->session = g_object_ref (session);
  g_signal_connect_object (session, "polled", G_CALLBACK (on_polled), self, G_CONNECT_SWAPPED);
  on_polled (self);
}

/* --- making --- */

static GtkWidget *
make_nudge (EchLinkButton *self, const char *label, const char *name, int beats)
{
  GtkWidget *button = gtk_button_new_with_label (label);

  g_object_set_data (G_OBJECT (button), "beats", GINT_TO_POINTER (beats));
  ech_ui_set_accessible (GTK_ACCESSIBLE (button), name, NULL);
  g_signal_connect (button, "clicked", G_CALLBACK (on_nudge), self);
  return button;
}

static GtkWidget *
make_row (const char *text)
{
  GtkWidget *row   = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  GtkWidget *label = gtk_label_new (text);

  gtk_widget_set_hexpand (label, TRUE);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_box_append (GTK_BOX (row), label);
  return row;
}

static GtkWidget *
make_nudges (EchLinkButton *self)
{
  GtkWidget *row = make_row (_ ("Our bar against theirs, in beats"));

  self->nudge = GTK_LABEL (gtk_label_new ("+0"));
  gtk_label_set_width_chars (self->nudge, 3);
  gtk_box_append (GTK_BOX (row), make_nudge (self, "−", _ ("Our bar a beat later"), -1));
  gtk_box_append (GTK_BOX (row), GTK_WIDGET (self->nudge));
  gtk_box_append (GTK_BOX (row), make_nudge (self, "+", _ ("Our bar a beat earlier"), 1));
  return row;
}

static GtkWidget *
make_share (EchLinkButton *self)
{
  GtkWidget *row = make_row (_ ("Share start and stop"));

  self->share = gtk_switch_new ();
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->share), _ ("Share start and stop"),
                         _ ("Decks whose sync is on start and stop with the session"));
  gtk_widget_set_tooltip_text (row, _ ("Decks whose sync is on start and stop with the session"));
  g_signal_connect (self->share, "notify::active", G_CALLBACK (on_share), self);
  gtk_box_append (GTK_BOX (row), self->share);
  return row;
}

static GtkWidget *
make_more (EchLinkButton *self)
{
  GtkWidget *button  = gtk_menu_button_new ();
  GtkWidget *popover = gtk_popover_new ();
  GtkWidget *box     = gtk_box_new (GTK_ORIENTATION_VERTICAL, 10);

  self->lamps = g_object_new (ECH_TYPE_BEAT_LAMPS, NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->lamps), _ ("Phase in the session's bar"), NULL);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->lamps));
  gtk_box_append (GTK_BOX (box), make_share (self));
  gtk_box_append (GTK_BOX (box), make_nudges (self));
  gtk_popover_set_child (GTK_POPOVER (popover), box);
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (button), popover);
  gtk_widget_set_tooltip_text (button, _ ("More of Ableton Link"));
  ech_ui_set_accessible (GTK_ACCESSIBLE (button), _ ("More of Ableton Link"), NULL);
  return button;
}

static GtkWidget *
make_toggle (EchLinkButton *self)
{
  GtkWidget *button = gtk_toggle_button_new ();
  GtkWidget *box    = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);

  self->state = GTK_LABEL (gtk_label_new (_ ("Disabled")));
  gtk_widget_add_css_class (GTK_WIDGET (self->state), "unit");
  gtk_box_append (GTK_BOX (box), gtk_label_new ("Ableton Link"));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->state));
  gtk_button_set_child (GTK_BUTTON (button), box);
  gtk_widget_set_tooltip_text (button,
                               _ ("Share tempo and beat with other programs on the network"));
  ech_ui_set_accessible (GTK_ACCESSIBLE (button), "Ableton Link", NULL);
  g_signal_connect (button, "toggled", G_CALLBACK (on_toggled), self);
  return button;
}

static void
ech_link_button_dispose (GObject *object)
{
  EchLinkButton *self = ECH_LINK_BUTTON (object);

  g_clear_object (&self->session);
  g_clear_pointer (&self->toggle, gtk_widget_unparent);
  g_clear_pointer (&self->more, gtk_widget_unparent);

  G_OBJECT_CLASS (ech_link_button_parent_class)->dispose (object);
}

static void
ech_link_button_class_init (EchLinkButtonClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = ech_link_button_dispose;

  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "linkbutton");
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BOX_LAYOUT);
  gtk_widget_class_set_accessible_role (GTK_WIDGET_CLASS (klass), GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
ech_link_button_init (EchLinkButton *self)
{
  self->toggle = make_toggle (self);
  self->more   = make_more (self);
  gtk_widget_add_css_class (GTK_WIDGET (self), "linked");
  gtk_widget_set_parent (self->toggle, GTK_WIDGET (self));
  gtk_widget_set_parent (self->more, GTK_WIDGET (self));
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE); /* until there is a driver */
}
