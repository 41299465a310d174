/* See ask-rows.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/safety/ask-rows.h"

#include "ui/ech-ui.h"

/* Longer than a double click takes, shorter than a thought. */
#define SETTLE_US (400 * G_TIME_SPAN_MILLISECOND)

struct row {
  struct ech_ask_rows *rows;
  uint64_t             serial;
  gint64               until_us;
  int                  seconds; /* that the label shows */
  GtkWidget           *box;
  GtkWidget           *left;
  GtkWidget           *yes;
  GtkWidget           *no;
};

struct ech_ask_rows {
  GtkBox         *box;
  EchSafetyModel *model;
  GPtrArray      *rows; /* of struct row, in the box's order */
  gint64          settled_us;
};

static void
answer (struct row *row, gboolean yes)
{
  struct ech_ask_rows *rows = row->rows;

  if (g_get_monotonic_time () < rows->settled_us)
    return;
  /* Not to the next yes: a Return that repeats would say it, too. */
  if (gtk_widget_get_focus_child (row->box))
    gtk_widget_grab_focus (GTK_WIDGET (rows->box));
  ech_safety_model_answer (rows->model, row->serial, yes);
}

static void
on_yes (struct row *row)
{
  answer (row, TRUE);
}

static void
on_no (struct row *row)
{
  answer (row, FALSE);
}

static GtkWidget *
add_label (GtkWidget *box, const char *text, const char *css_class)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_add_css_class (label, css_class);
  gtk_box_append (GTK_BOX (box), label);
  return label;
}

static GtkWidget *
add_button (struct row *row, const char *label, const struct ech_ask *ask, GCallback on_clicked)
{
  GtkWidget       *button = gtk_button_new_with_label (label);
  g_autofree char *name   = g_strdup_printf ("%s: %s, %s", label, ask->source, ask->text);

  ech_ui_set_accessible (GTK_ACCESSIBLE (button), name, NULL);
  g_signal_connect_swapped (button, "clicked", on_clicked, row);
  gtk_box_append (GTK_BOX (row->box), button);
  return button;
}

static struct row *
add_row (struct ech_ask_rows *rows, const struct ech_ask *ask)
{
  struct row *row = g_new0 (struct row, 1);
  GtkWidget  *text;

  row->rows     = rows;
  row->serial   = ask->serial;
  row->until_us = ask->until_us;
  row->seconds  = -1;
  row->box      = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  gtk_widget_add_css_class (row->box, "ask");
  add_label (row->box, ask->source, "source");
  text = add_label (row->box, ask->text, "wish");
  gtk_widget_set_hexpand (text, TRUE);
  gtk_label_set_wrap (GTK_LABEL (text), TRUE);
  row->left = add_label (row->box, "", "left");
  row->yes  = add_button (row, _ ("Yes"), ask, G_CALLBACK (on_yes));
  row->no   = add_button (row, _ ("No"), ask, G_CALLBACK (on_no));
  gtk_widget_add_css_class (row->yes, "yes");
  gtk_box_append (rows->box, row->box);
  return row;
}

static const struct ech_ask *
find_ask (struct ech_ask_rows *rows, uint64_t serial)
{
  for (guint i = 0; i < ech_safety_model_get_n_asks (rows->model); i++) {
    const struct ech_ask *ask = ech_safety_model_get_ask (rows->model, i);

    if (ask->serial == serial)
      return ask;
  }
  return NULL;
}

static gboolean
has_row (struct ech_ask_rows *rows, uint64_t serial)
{
  for (guint i = 0; i < rows->rows->len; i++)
    if (((struct row *) g_ptr_array_index (rows->rows, i))->serial == serial)
      return TRUE;
  return FALSE;
}

static void
remove_row (struct ech_ask_rows *rows, guint i)
{
  struct row *row = g_ptr_array_index (rows->rows, i);

  if (gtk_widget_get_focus_child (row->box))
    gtk_widget_grab_focus (GTK_WIDGET (rows->box));
  gtk_box_remove (rows->box, row->box);
  g_ptr_array_remove_index (rows->rows, i);
}

/* The time that is left is told to screen readers by the buttons' description. */
static void
show_left (struct row *row, gint64 now_us)
{
  int              seconds = (int) ((MAX (0, row->until_us - now_us) + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);
  g_autofree char *text    = NULL;
  g_autofree char *spoken  = NULL;

  if (seconds == row->seconds)
    return;
  row->seconds = seconds;
  text         = g_strdup_printf (_ ("%d s"), seconds);
  spoken       = g_strdup_printf (ngettext ("%d second left", "%d seconds left", (gulong) seconds), seconds);
  gtk_label_set_label (GTK_LABEL (row->left), text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row->yes), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, spoken, -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row->no), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, spoken, -1);
}

void
ech_ask_rows_tick (struct ech_ask_rows *rows)
{
  gint64 now_us = g_get_monotonic_time ();

  for (guint i = 0; i < rows->rows->len; i++)
    show_left (g_ptr_array_index (rows->rows, i), now_us);
  ech_ui_set_class (GTK_WIDGET (rows->box), "settling", now_us < rows->settled_us);
}

void
ech_ask_rows_update (struct ech_ask_rows *rows)
{
  for (guint i = rows->rows->len; i-- > 0;) {
    struct row *row = g_ptr_array_index (rows->rows, i);

    if (find_ask (rows, row->serial))
      continue;
    remove_row (rows, i);
    rows->settled_us = g_get_monotonic_time () + SETTLE_US;
  }
  for (guint i = 0; i < ech_safety_model_get_n_asks (rows->model); i++) {
    const struct ech_ask *ask = ech_safety_model_get_ask (rows->model, i);

    if (!has_row (rows, ask->serial))
      g_ptr_array_add (rows->rows, add_row (rows, ask));
  }
  for (guint i = 0; i < rows->rows->len; i++) {
    struct row           *row = g_ptr_array_index (rows->rows, i);
    const struct ech_ask *ask = find_ask (rows, row->serial);

    gtk_widget_set_sensitive (row->yes, !ask->answered && !ask->ambiguous);
    gtk_widget_set_sensitive (row->no, !ask->answered && !ask->ambiguous);
  }
  ech_ask_rows_tick (rows);
}

gboolean
ech_ask_rows_grab_focus (struct ech_ask_rows *rows)
{
  if (rows->rows->len == 0)
    return FALSE;
  return gtk_widget_grab_focus (((struct row *) g_ptr_array_index (rows->rows, 0))->yes);
}

struct ech_ask_rows *
ech_ask_rows_new (GtkBox *box, EchSafetyModel *model)
{
  struct ech_ask_rows *rows = g_new0 (struct ech_ask_rows, 1);

  rows->box   = box;
  rows->model = g_object_ref (model);
  rows->rows  = g_ptr_array_new_with_free_func (g_free);
  ech_ask_rows_update (rows);
  return rows;
}

void
ech_ask_rows_free (struct ech_ask_rows *rows)
{
  while (rows->rows->len > 0)
    remove_row (rows, rows->rows->len - 1);
  g_ptr_array_unref (rows->rows);
  g_object_unref (rows->model);
  g_free (rows);
}
