/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#include "app/cli/midi-common.h"
#include "app/cli/midi.h"

#define COMMAND "echelonctl midi-map"

static int
list (int argc, char **argv)
{
  g_autoptr (GPtrArray) mappings = ech_cli_midi_mappings (COMMAND);

  for (guint i = 0; i < mappings->len; i++) {
    const struct ech_midi_mapping *mapping = mappings->pdata[i];

    printf ("%-36s %3u bindings %3u lights  %s\n", mapping->name, mapping->bindings->len,
            mapping->lights->len, mapping->path);
  }
  return 0;
}

static int
check (int argc, char **argv)
{
  int status = 0;

  for (int i = 0; i < argc; i++) {
    g_autoptr (GError) error         = NULL;
    struct ech_midi_mapping *mapping = ech_midi_mapping_load (argv[i], &ech_cli_midi_words, &error);

    if (mapping)
      printf ("%s: “%s”, %u bindings, %u lights\n", argv[i], mapping->name, mapping->bindings->len,
              mapping->lights->len);
    else
      g_printerr (COMMAND ": %s\n", error->message);
    status |= mapping == NULL;
    ech_midi_mapping_free (mapping);
  }
  return status;
}

/* Checked first: a file that is no mapping never lies in the folder. */
static int
import (int argc, char **argv)
{
  g_autoptr (GError) error         = NULL;
  struct ech_midi_mapping *mapping = ech_midi_mapping_load (argv[0], &ech_cli_midi_words, &error);
  g_autofree char         *path    = mapping ? ech_cli_midi_path (mapping->name) : NULL;

  if (mapping && ech_midi_mapping_save (mapping, path, &error))
    printf ("“%s” is now %s\n", mapping->name, path);
  else
    g_printerr (COMMAND ": %s\n", error->message);
  ech_midi_mapping_free (mapping);
  return error ? 1 : 0;
}

static int export(int argc, char **argv)
{
  g_autoptr (GPtrArray) mappings   = ech_cli_midi_mappings (COMMAND);
  struct ech_midi_mapping *mapping = NULL;
  g_autoptr (GError) error         = NULL;

  for (guint i = 0; i < mappings->len && mapping == NULL; i++)
    if (g_ascii_strcasecmp (((struct ech_midi_mapping *) mappings->pdata[i])->name, argv[0]) == 0)
      mapping = mappings->pdata[i];
  if (mapping == NULL) {
    g_printerr (COMMAND ": there is no mapping “%s”; " COMMAND " list names them\n", argv[0]);
    return 1;
  }
  if (argc == 2 && ech_midi_mapping_save (mapping, argv[1], &error))
    return 0;
  if (argc == 2) {
    g_printerr (COMMAND ": %s\n", error->message);
    return 1;
  }
  g_autofree char *text = ech_midi_mapping_print (mapping);
  fputs (text, stdout);
  return 0;
}

static const struct {
  const char *name;
  int         least, most;
  int (*run) (int argc, char **argv);
} commands[] = {
  { "list", 0, 0, list },
  { "check", 1, 1000, check },
  { "import", 1, 1, import },
  { "export", 1, 2, export },
};

int
ech_cli_midi_map (int argc, char **argv)
{
  g_autoptr (GOptionContext) context =
      g_option_context_new ("list | check FILE... | import FILE | export NAME [FILE]");
  g_autoptr (GError) error = NULL;

  g_option_context_set_summary (
      context, "list:    the mappings there are, the user's before those that come with Echelon\n"
               "check:   is each FILE a mapping? If not, what is wrong and on which line\n"
               "import:  puts a checked copy among the user's mappings\n"
               "export:  prints a mapping, or writes it to FILE");
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr (COMMAND ": %s\n", error->message);
    return 2;
  }
  for (unsigned i = 0; argc > 1 && i < G_N_ELEMENTS (commands); i++)
    if (strcmp (argv[1], commands[i].name) == 0 && argc - 2 >= commands[i].least
        && argc - 2 <= commands[i].most)
      return commands[i].run (argc - 2, argv + 2);
  g_printerr (COMMAND ": takes list, check FILE..., import FILE or export NAME [FILE]\n");
  return 2;
}
