/* echelonctl send: one message to a running Echelon, and what became of it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_SEND_H
#define ECH_APP_CLI_SEND_H

/**
 * ech_cli_send:
 * @argv: argv[0] is "send"
 *
 * Returns: the exit status: 0 executed or answered; 1 rejected, expired or
 * cancelled; 2 wrong arguments, here or there; 3 no answer.
 */
int ech_cli_send (int argc, char **argv);

#endif
