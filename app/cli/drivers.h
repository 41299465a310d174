/* echelonctl drivers: which driver modules there are, and which are refused.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_DRIVERS_H
#define ECH_APP_CLI_DRIVERS_H

/**
 * ech_cli_drivers:
 * @argv: argv[0] is "drivers"
 *
 * Prints a table, or with --json an array of objects; starts no driver.
 *
 * Returns: the exit status: 0; 2 for wrong arguments.
 */
int ech_cli_drivers (int argc, char **argv);

#endif
