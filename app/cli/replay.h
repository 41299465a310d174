/* echelonctl replay: a journal rendered again.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_REPLAY_H
#define ECH_APP_CLI_REPLAY_H

int ech_cli_replay (int argc, char **argv);

#endif
