/* echelonctl link-test: a peer of its own in the Ableton Link session of this network.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_CLI_LINK_TEST_H
#define ECH_CLI_LINK_TEST_H

/* Returns the exit status. */
int ech_cli_link_test (int argc, char **argv);

#endif
