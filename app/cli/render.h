/* echelonctl render: a score becomes a sound file.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_RENDER_H
#define ECH_APP_CLI_RENDER_H

/* Exit status: 0; 1 when the render failed; 2 for wrong arguments or a score that cannot be read. */
int ech_cli_render (int argc, char **argv);

#endif
