/* See safety-panel.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/safety/safety-panel.h"

#include "engine/scheduler/vocabulary.h"
#include "ui/ech-ui.h"
#include "ui/safety/ask-rows.h"
#include "ui/safety/source-rows.h"

/* A flood of refusals is shown so often: nobody reads faster. */
#define REFUSALS_US (200 * G_TIME_SPAN_MILLISECOND)

struct refusal_row {
  GtkWidget *row;
  GtkWidget *time;
  GtkWidget *source;
  GtkWidget *rule;
  GtkWidget *count;
  GtkWidget *text;
};

struct _EchSafetyPanel {
  GtkWidget parent_instance;

  /* template children */
  GtkWidget  *root;
  GtkWidget  *rules;
  GtkWidget  *close;
  GtkWidget  *guard_row;
  GtkLabel   *guard;
  GtkStack   *stack;
  GtkBox     *asks;
  GtkWidget  *no_asks;
  GtkListBox *refusals;
  GtkWidget  *clear;
  GtkBox     *sources;
  GtkWidget  *no_sources;

  /* owned */
  EchSafetyModel         *model;
  struct ech_ask_rows    *ask_rows;
  struct ech_source_rows *source_rows;

  struct refusal_row refusal_rows[ECH_MAX_REFUSALS];
  guint              n_refusal_rows;
  gboolean           are_refusals_stale, are_sources_stale;
  gint64             refusals_us; /* when they were shown last */
};

G_DEFINE_FINAL_TYPE (EchSafetyPanel, ech_safety_panel, GTK_TYPE_WIDGET)

/* --- what the person does --- */

static void
on_dismiss_clicked (EchSafetyPanel *self)
{
  ech_safety_model_dismiss_guard (self->model);
}

static void
on_clear_clicked (EchSafetyPanel *self)
{
  ech_safety_model_clear_refusals (self->model);
}

/* --- refusals --- */

static GtkWidget *
add_label (GtkWidget *box, const char *css_class)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_yalign (GTK_LABEL (label), 0);
  gtk_widget_add_css_class (label, css_class);
  gtk_box_append (GTK_BOX (box), label);
  return label;
}

static void
add_refusal_row (EchSafetyPanel *self)
{
  struct refusal_row *row = &self->refusal_rows[self->n_refusal_rows++];
  GtkWidget          *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

  row->row    = gtk_list_box_row_new ();
  row->time   = add_label (box, "unit");
  row->source = add_label (box, "source");
  row->rule   = add_label (box, "unit");
  row->count  = add_label (box, "badge");
  row->text   = add_label (box, "reason");
  gtk_widget_set_hexpand (row->text, TRUE);
  gtk_widget_set_valign (row->count, GTK_ALIGN_START);
  gtk_label_set_wrap (GTK_LABEL (row->text), TRUE);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row->row), FALSE);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row->row), box);
  gtk_list_box_append (self->refusals, row->row);
}

static void
show_refusal (struct refusal_row *row, const struct ech_refusal *refusal)
{
  g_autoptr (GDateTime) when  = g_date_time_new_from_unix_local (refusal->time_us / G_USEC_PER_SEC);
  g_autofree char      *time  = when ? g_date_time_format (when, "%H:%M:%S") : g_strdup ("");
  g_autofree char      *count = g_strdup_printf ("×%u", refusal->count);
  g_autofree char      *times = g_strdup_printf (ngettext ("%u time", "%u times", refusal->count), refusal->count);
  const char           *rule  = ech_rule_name (refusal->rule);
  g_autofree char      *name  =
    g_strdup_printf ("%s, %s, %s, %s: %s", time, refusal->source, rule, times, refusal->text);

  gtk_label_set_label (GTK_LABEL (row->time), time);
  gtk_label_set_label (GTK_LABEL (row->source), refusal->source);
  gtk_label_set_label (GTK_LABEL (row->count), count);
  gtk_widget_set_visible (row->count, refusal->count > 1);
  gtk_label_set_label (GTK_LABEL (row->text), refusal->text);
  gtk_label_set_label (GTK_LABEL (row->rule), rule);
  ech_ui_set_accessible (GTK_ACCESSIBLE (row->row), name, NULL);
}

static void
show_refusals (EchSafetyPanel *self, gint64 now_us)
{
  guint n = ech_safety_model_get_n_refusals (self->model);

  self->are_refusals_stale = FALSE;
  self->refusals_us        = now_us;
  while (self->n_refusal_rows < n)
    add_refusal_row (self);
  while (self->n_refusal_rows > n)
    gtk_list_box_remove (self->refusals, self->refusal_rows[--self->n_refusal_rows].row);
  for (guint i = 0; i < n; i++)
    show_refusal (&self->refusal_rows[i], ech_safety_model_get_refusal (self->model, i));
  gtk_widget_set_sensitive (self->clear, n > 0);
}

/* --- what the model tells --- */

static void
on_asks (EchSafetyPanel *self)
{
  guint            n     = ech_safety_model_get_n_asks (self->model);
  GtkStackPage    *page  = gtk_stack_get_page (self->stack, gtk_stack_get_child_by_name (self->stack, "asks"));
  g_autofree char *title = n > 0 ? g_strdup_printf (_ ("Waiting for you (%u)"), n) : g_strdup (_ ("Waiting for you"));

  gtk_stack_page_set_title (page, title);
  gtk_stack_page_set_needs_attention (page, n > 0);
  gtk_widget_set_visible (self->no_asks, n == 0);
  ech_ask_rows_update (self->ask_rows);
}

static void
on_refusals (EchSafetyPanel *self)
{
  self->are_refusals_stale = TRUE;
}

static void
on_sources (EchSafetyPanel *self)
{
  self->are_sources_stale = TRUE;
}

static void
on_guard (EchSafetyPanel *self)
{
  const char *text = ech_safety_model_get_guard (self->model);

  gtk_label_set_label (self->guard, text ? text : "");
  gtk_widget_set_visible (self->guard_row, text != NULL);
  if (text)
    ech_ui_announce (GTK_ACCESSIBLE (self->guard), text);
}

/* Nothing is laid out anew for a panel that nobody sees. */
static void
on_polled (EchSafetyPanel *self)
{
  gint64 now_us = g_get_monotonic_time ();

  if (!gtk_widget_get_mapped (GTK_WIDGET (self)))
    return;
  ech_ask_rows_tick (self->ask_rows);
  if (now_us - self->refusals_us < REFUSALS_US)
    return;
  if (self->are_refusals_stale)
    show_refusals (self, now_us);
  if (self->are_sources_stale) {
    self->are_sources_stale = FALSE;
    ech_source_rows_update (self->source_rows);
    gtk_widget_set_visible (self->no_sources, ech_safety_model_get_n_sources (self->model) == 0);
  }
}

/* --- the widget --- */

void
ech_safety_panel_set_session (EchSafetyPanel *self, EchSessionModel *session)
{
  g_return_if_fail (ECH_IS_SAFETY_PANEL (self));
  g_return_if_fail (!self->model);

  self->model       = g_object_ref (ech_session_model_get_safety (session));
  self->ask_rows    = ech_ask_rows_new (self->asks, self->model);
  self->source_rows = ech_source_rows_new (self->sources, self->model);
  self->are_refusals_stale = self->are_sources_stale = TRUE;
  g_signal_connect_object (self->model, "asks", G_CALLBACK (on_asks), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->model, "refusals", G_CALLBACK (on_refusals), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->model, "sources", G_CALLBACK (on_sources), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->model, "guard", G_CALLBACK (on_guard), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "polled", G_CALLBACK (on_polled), self, G_CONNECT_SWAPPED);
  on_asks (self);
  on_guard (self);
}

void
ech_safety_panel_enter (EchSafetyPanel *self)
{
  g_return_if_fail (ECH_IS_SAFETY_PANEL (self));

  if (ech_safety_model_get_n_asks (self->model) > 0) {
    gtk_stack_set_visible_child_name (self->stack, "asks");
    ech_ask_rows_grab_focus (self->ask_rows);
  } else
    gtk_widget_child_focus (self->root, GTK_DIR_TAB_FORWARD);
}

static void
ech_safety_panel_dispose (GObject *object)
{
  EchSafetyPanel *self = ECH_SAFETY_PANEL (object);

  g_clear_pointer (&self->ask_rows, ech_ask_rows_free);
  g_clear_pointer (&self->source_rows, ech_source_rows_free);
  g_clear_pointer (&self->root, gtk_widget_unparent);
  g_clear_object (&self->model);

  G_OBJECT_CLASS (ech_safety_panel_parent_class)->dispose (object);
}

static void
ech_safety_panel_class_init (EchSafetyPanelClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = ech_safety_panel_dispose;

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/echelon_dj/Echelon/ui/safety-panel.ui");
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, root);
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, rules);
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, close);
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, guard_row);
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, guard);
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, stack);
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, asks);
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, no_asks);
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, refusals);
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, clear);
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, sources);
  gtk_widget_class_bind_template_child (widget_class, EchSafetyPanel, no_sources);
  gtk_widget_class_bind_template_callback (widget_class, on_dismiss_clicked);
  gtk_widget_class_bind_template_callback (widget_class, on_clear_clicked);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (widget_class, "safety");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
ech_safety_panel_init (EchSafetyPanel *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  ech_ui_set_accessible (GTK_ACCESSIBLE (self), _ ("Safety"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->asks), _ ("Waiting for your yes"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->refusals), _ ("Refused, newest first"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->sources), _ ("Sources"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->rules), _ ("Safety rules"), NULL);
  ech_ui_set_accessible (GTK_ACCESSIBLE (self->close), _ ("Close safety panel"), NULL);
}
