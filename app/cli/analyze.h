/* echelonctl analyze: tempo, beats, key, loudness of files.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_ANALYZE_H
#define ECH_APP_CLI_ANALYZE_H

/**
 * ech_cli_analyze:
 * @argv: argv[0] is "analyze"
 *
 * Prints a table, or with --json an object a line.
 *
 * Returns: the exit status: 0; 1 if a file failed; 2 for wrong arguments.
 */
int ech_cli_analyze (int argc, char **argv);

#endif
