/* See file-drop.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/deck/file-drop.h"

void
ech_file_drop_load (EchDeckModel *model, GFile *file)
{
  g_autofree char *path = file ? g_file_get_path (file) : NULL;

  if (path)
    ech_deck_model_load (model, path);
  else
    ech_deck_model_tell (model, _ ("That is not a file on this computer: copy it here first"));
}

static gboolean
on_drop (GtkDropTarget *target, const GValue *value, double x, double y, EchDeckModel *model)
{
  if (G_VALUE_HOLDS (value, GDK_TYPE_FILE_LIST)) {
    GSList *files = g_value_get_boxed (value);

    if (!files)
      return FALSE;
    ech_file_drop_load (model, files->data);
    if (files->next)
      ech_deck_model_tell (model, _ ("A deck holds one track: the first of these is loaded"));
    return TRUE;
  }
  ech_file_drop_load (model, g_value_get_object (value));
  return TRUE;
}

void
ech_file_drop_attach (GtkWidget *widget, EchDeckModel *model)
{
  GType          types[] = { GDK_TYPE_FILE_LIST, G_TYPE_FILE };
  GtkDropTarget *target  = gtk_drop_target_new (G_TYPE_INVALID, GDK_ACTION_COPY);

  gtk_drop_target_set_gtypes (target, types, G_N_ELEMENTS (types));
  g_signal_connect_data (target, "drop", G_CALLBACK (on_drop), g_object_ref (model),
                         (GClosureNotify) (void (*) (void)) g_object_unref, 0);
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (target));
}
