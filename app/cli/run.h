/* echelonctl run: engine, scheduler and drivers without a window.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_RUN_H
#define ECH_APP_CLI_RUN_H

/* Runs until SIGINT or SIGTERM.  Exit status: 0; 1 when it could not start; 2 for wrong arguments. */
int ech_cli_run (int argc, char **argv);

#endif
