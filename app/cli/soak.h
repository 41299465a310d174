/* echelonctl soak: randomised actions against a running engine, and what must never come of them.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_CLI_SOAK_H
#define ECH_CLI_SOAK_H

int ech_cli_soak (int argc, char **argv);

#endif
