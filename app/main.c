/* Echelon, the application.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include <locale.h>

#include "app/application.h"

static gboolean
has_graphics_card (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/dev/dri", 0, NULL);

  return (dir && g_dir_read_name (dir)) || g_file_test ("/dev/nvidia0", G_FILE_TEST_EXISTS);
}

/* OpenGL in software draws this window less than half as often and takes the decks' cores for
 * it (tests/bench/ui.py: 25 frames a second, 60 with Cairo). */
static void
choose_renderer (void)
{
  if (!has_graphics_card ())
    g_setenv ("GSK_RENDERER", "cairo", FALSE);
}

int
main (int argc, char **argv)
{
  g_autoptr (EchApplication) application = NULL;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, ECH_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  g_set_prgname ("echelon");
  g_set_application_name ("Echelon");

  choose_renderer ();
  application = ech_application_new ();
  return g_application_run (G_APPLICATION (application), argc, argv);
}
