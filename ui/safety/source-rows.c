/* See source-rows.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/safety/source-rows.h"

#include "ui/ech-ui.h"
#include "ui/model/control.h"

static const char *const class_names[ECH_N_SOURCE_CLASSES] = {
  [ECH_SOURCE_HAND] = N_ ("Hand"),
  [ECH_SOURCE_OSC] = N_ ("OSC"),
  [ECH_SOURCE_BRIDGE] = N_ ("Bridge"),
  [ECH_SOURCE_AGENT] = N_ ("Agent"),
};

static const char *const mode_names[ECH_N_SAFETY_MODES] = { N_ ("Off"), N_ ("Ghost"), N_ ("Assist"), N_ ("Auto") };

struct row {
  struct ech_source_rows *rows;
  char                    name[ECH_NAME_MAX];
  uint32_t                source_class;
  struct ech_control      mode;
  GtkWidget              *box;
  GtkWidget              *choice;
  GtkWidget              *refused;
};

struct ech_source_rows {
  GtkBox         *box;
  EchSafetyModel *model;
  GPtrArray      *rows;      /* of struct row */
  gboolean        following; /* a drop-down follows the model: not a choice */
};

static void
on_mode (GtkDropDown *choice, GParamSpec *pspec, struct row *row)
{
  guint selected = gtk_drop_down_get_selected (choice);

  if (row->rows->following || selected >= ECH_N_SAFETY_MODES)
    return;
  ech_control_set (&row->mode, selected, g_get_monotonic_time ());
  ech_safety_model_set_mode (row->rows->model, row->name, selected);
}

static GtkWidget *
add_label (struct row *row, const char *text, const char *css_class)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (label, css_class);
  gtk_box_append (GTK_BOX (row->box), label);
  return label;
}

static void
add_choice (struct row *row)
{
  g_autoptr (GtkStringList) modes = gtk_string_list_new (NULL);
  g_autofree char          *name  = g_strdup_printf (_ ("Mode of %s"), row->name);

  for (guint i = 0; i < ECH_N_SAFETY_MODES; i++)
    gtk_string_list_append (modes, _ (mode_names[i]));
  row->choice = gtk_drop_down_new (G_LIST_MODEL (g_steal_pointer (&modes)), NULL);
  gtk_widget_set_tooltip_text (
    row->choice, _ ("Off: refused. Ghost: judged, not done. Assist: asks for your yes. Auto: done."));
  ech_ui_set_accessible (GTK_ACCESSIBLE (row->choice), name, NULL);
  /* its inner button is met by screen readers, too */
  ech_ui_set_accessible (GTK_ACCESSIBLE (gtk_widget_get_first_child (row->choice)), name, NULL);
  g_signal_connect (row->choice, "notify::selected", G_CALLBACK (on_mode), row);
  gtk_box_append (GTK_BOX (row->box), row->choice);
}

static struct row *
add_row (struct ech_source_rows *rows, const struct ech_source_status *source)
{
  struct row *row = g_new0 (struct row, 1);

  row->rows         = rows;
  row->source_class = source->source_class;
  row->mode.value   = source->mode;
  g_strlcpy (row->name, source->name, sizeof row->name);
  row->box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  gtk_widget_add_css_class (row->box, "sourcerow");
  add_label (row, row->name, "source");
  gtk_widget_set_hexpand (
    add_label (row, source->source_class < ECH_N_SOURCE_CLASSES ? _ (class_names[source->source_class]) : "", "unit"),
    TRUE);
  row->refused = add_label (row, "", "left");
  add_choice (row);
  gtk_box_append (rows->box, row->box);
  return row;
}

static gboolean
are_rows_the_same (struct ech_source_rows *rows)
{
  if (rows->rows->len != ech_safety_model_get_n_sources (rows->model))
    return FALSE;
  for (guint i = 0; i < rows->rows->len; i++) {
    struct row                     *row    = g_ptr_array_index (rows->rows, i);
    const struct ech_source_status *source = ech_safety_model_get_source (rows->model, i);

    if (strcmp (row->name, source->name) != 0 || row->source_class != source->source_class)
      return FALSE;
  }
  return TRUE;
}

static void
remove_all (struct ech_source_rows *rows)
{
  for (guint i = 0; i < rows->rows->len; i++)
    gtk_box_remove (rows->box, ((struct row *) g_ptr_array_index (rows->rows, i))->box);
  g_ptr_array_set_size (rows->rows, 0);
}

static void
show_source (struct row *row, const struct ech_source_status *source, gint64 now_us)
{
  gulong           n    = (gulong) source->violations;
  g_autofree char *text = g_strdup_printf (ngettext ("%lu refused", "%lu refused", n), n);

  gtk_label_set_label (GTK_LABEL (row->refused), text);
  ech_control_follow (&row->mode, source->mode, now_us);
  gtk_drop_down_set_selected (GTK_DROP_DOWN (row->choice), (guint) row->mode.value);
}

void
ech_source_rows_update (struct ech_source_rows *rows)
{
  gint64 now_us = g_get_monotonic_time ();

  rows->following = TRUE;
  if (!are_rows_the_same (rows)) {
    remove_all (rows);
    for (guint i = 0; i < ech_safety_model_get_n_sources (rows->model); i++)
      g_ptr_array_add (rows->rows, add_row (rows, ech_safety_model_get_source (rows->model, i)));
  }
  for (guint i = 0; i < rows->rows->len; i++)
    show_source (g_ptr_array_index (rows->rows, i), ech_safety_model_get_source (rows->model, i), now_us);
  rows->following = FALSE;
}

struct ech_source_rows *
ech_source_rows_new (GtkBox *box, EchSafetyModel *model)
{
  struct ech_source_rows *rows = g_new0 (struct ech_source_rows, 1);

  rows->box   = box;
  rows->model = g_object_ref (model);
  rows->rows  = g_ptr_array_new_with_free_func (g_free);
  ech_source_rows_update (rows);
  return rows;
}

void
ech_source_rows_free (struct ech_source_rows *rows)
{
  remove_all (rows);
  g_ptr_array_unref (rows->rows);
  g_object_unref (rows->model);
  g_free (rows);
}
