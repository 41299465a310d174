/* echelonctl midi-monitor, midi-learn and midi-map: controllers from a terminal.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_MIDI_H
#define ECH_APP_CLI_MIDI_H

/* Prints what comes in, until it is interrupted.  Exit status: 0; 1 without PipeWire; 2 for wrong
 * arguments. */
int ech_cli_midi_monitor (int argc, char **argv);

/* Listens to one touch and writes the user's mapping.  Exit status: 0; 1 when nothing was learned
 * or written; 2 for wrong arguments. */
int ech_cli_midi_learn (int argc, char **argv);

/* Lists, checks, takes in and hands out mappings.  Exit status: 0; 1 when a file is no mapping or
 * cannot be written; 2 for wrong arguments. */
int ech_cli_midi_map (int argc, char **argv);

#endif
