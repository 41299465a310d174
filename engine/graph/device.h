/* Which sink to play to, and on which of its ports.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_GRAPH_DEVICE_H
#define ECH_GRAPH_DEVICE_H

#include "engine/graph/registry.h"

/**
 * ech_device_choose: the sink to play to
 * @current: the one that is played to, or NULL
 *
 * The session's default sink; where none is named, or it is not there, @current stays;
 * without one the sink of the highest priority.
 *
 * Returns: a sink with ports, or NULL.
 */
const struct ech_global *ech_device_choose (struct ech_registry     *registry,
                                            const struct ech_global *current);

/* What people call it: description, nick or name. */
const char *ech_device_description (const struct ech_global *sink);

/**
 * ech_device_stereo_ports: where left and right go
 *
 * FL and FR where the sink has them, else its first two inputs; one input takes both.
 * Returns: false when the sink has no ports (yet).
 */
bool ech_device_stereo_ports (struct ech_registry      *registry,
                              const struct ech_global  *sink,
                              const struct ech_global **out_left,
                              const struct ech_global **out_right);

#endif
