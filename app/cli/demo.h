/* echelonctl demo: Echelon plays a short set by itself and says what it does.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_DEMO_H
#define ECH_APP_CLI_DEMO_H

/* Exit status: 0; 1 when something that it shows did not happen; 2 for wrong arguments. */
int ech_cli_demo (int argc, char **argv);

#endif
