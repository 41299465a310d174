/* echelonctl: Echelon without a window, for scripts, agents and tests.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "app/cli/analyze.h"
#include "app/cli/demo.h"
#include "app/cli/drivers.h"
#include "app/cli/policy.h"
#include "app/cli/midi.h"
#include "app/cli/link-test.h"
#include "app/cli/render.h"
#include "app/cli/replay.h"
#include "app/cli/run.h"
#include "app/cli/send.h"
#include "app/cli/soak.h"

static const struct {
  const char *name;
  const char *help;
  int (*run) (int argc, char **argv);
} commands[] = {
  { "run", "engine, scheduler and drivers without a window", ech_cli_run },
  { "render", "a score becomes a sound file, offline and exact", ech_cli_render },
  { "replay", "a journal becomes a sound file: the set again", ech_cli_replay },
  { "analyze", "tempo, beats, key and loudness of files", ech_cli_analyze },
  { "drivers", "list the driver modules", ech_cli_drivers },
  { "policy", "the safety policy in plain words; check a policy file", ech_cli_policy },
  { "send", "one action to a running Echelon by OSC, and its fate", ech_cli_send },
  { "midi-monitor", "what MIDI controllers say, and what it means", ech_cli_midi_monitor },
  { "midi-learn", "teach a control what to do: touch it", ech_cli_midi_learn },
  { "midi-map", "list, check, import and export MIDI mappings", ech_cli_midi_map },
#ifdef ECH_HAVE_LINK
  { "link-test", "an Ableton Link peer that prints tempo, beat, phase, peers", ech_cli_link_test },
#endif
  { "demo", "a short set that plays itself and shows what is refused", ech_cli_demo },
  { "soak", "random actions against a running engine, and a report", ech_cli_soak },
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void
print_help (FILE *file)
{
  fprintf (file, "Usage: echelonctl COMMAND [OPTION...] [ARGUMENT...]\n\n");
  for (int i = 0; i < N_COMMANDS; i++)
    fprintf (file, "  %-12s %s\n", commands[i].name, commands[i].help);
  fprintf (file, "\nechelonctl COMMAND --help tells more.  echelonctl --version tells the version.\n");
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  if (argc < 2) {
    print_help (stderr);
    return 2;
  }
  if (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0 || strcmp (argv[1], "help") == 0) {
    print_help (stdout);
    return 0;
  }
  if (strcmp (argv[1], "--version") == 0) {
    printf ("echelonctl %s\n", ECH_VERSION);
    return 0;
  }
  for (int i = 0; i < N_COMMANDS; i++) {
    if (strcmp (argv[1], commands[i].name) == 0) {
      g_autofree char *name = g_strconcat ("echelonctl ", argv[1], NULL);

      g_set_prgname (name); /* as --help shows it */
      return commands[i].run (argc - 1, argv + 1);
    }
  }
  fprintf (stderr, "echelonctl: there is no command “%s”; see echelonctl --help\n", argv[1]);
  return 2;
}
