/* echelonctl policy: what holds, in plain words; is this file right?
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_POLICY_H
#define ECH_APP_CLI_POLICY_H

int ech_cli_policy (int argc, char **argv);

#endif
