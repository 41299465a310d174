/* drag-source FILE: a small window from which FILE can be dragged, as a file manager does it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <gtk/gtk.h>

static void
on_activate (GtkApplication *application, GFile *file)
{
  GtkWidget          *window = gtk_application_window_new (application);
  GtkWidget          *label  = gtk_label_new ("file");
  GtkDragSource      *source = gtk_drag_source_new ();
  g_autoptr (GSList)  files  = g_slist_prepend (NULL, file);
  GdkFileList        *list   = gdk_file_list_new_from_list (files);
  GdkContentProvider *content =
    gdk_content_provider_new_typed (GDK_TYPE_FILE_LIST, list);

  gtk_drag_source_set_actions (source, GDK_ACTION_COPY);
  gtk_drag_source_set_content (source, content);
  gtk_widget_add_controller (label, GTK_EVENT_CONTROLLER (source));
  gtk_window_set_child (GTK_WINDOW (window), label);
  gtk_window_set_title (GTK_WINDOW (window), "drag source");
  gtk_window_set_decorated (GTK_WINDOW (window), FALSE);
  gtk_window_set_default_size (GTK_WINDOW (window), 120, 60);
  gtk_window_present (GTK_WINDOW (window));
}

int
main (int argc, char **argv)
{
  g_autoptr (GtkApplication) application =
    gtk_application_new (NULL, G_APPLICATION_NON_UNIQUE);
  g_autoptr (GFile) file = argc == 2 ? g_file_new_for_path (argv[1]) : NULL;

  if (!file) {
    g_printerr ("usage: drag-source FILE\n");
    return 2;
  }
  g_signal_connect (application, "activate", G_CALLBACK (on_activate), file);
  return g_application_run (G_APPLICATION (application), 1, argv);
}
