/* What `echelonctl run --telemetry` prints: a line now and then, for people or as JSON.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_TELEMETRY_H
#define ECH_APP_CLI_TELEMETRY_H

#include <glib.h>

#include "engine/engine.h"

/* One line without its end; counts that are 0 are left out.  Returns: to be freed. */
char *ech_cli_telemetry_text (const struct ech_state *state, const struct ech_telemetry *telemetry);

/* One JSON object, "fate" is "telemetry"; all counts, but of refusals those that there were.
 * Returns: to be freed. */
char *ech_cli_telemetry_json (const struct ech_state *state, const struct ech_telemetry *telemetry);

#endif
