/* A picture of the daemon's nodes and ports, kept from its registry.
 *
 * Thread: the loop's, all of it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_GRAPH_REGISTRY_H
#define ECH_GRAPH_REGISTRY_H

#include <glib.h>
#include <pipewire/pipewire.h>

enum ech_global_kind { ECH_GLOBAL_NODE, ECH_GLOBAL_PORT };

/**
 * struct ech_global: a node or a port
 * @serial: never used twice, unlike @id
 * @name: node.name or port.name
 * @properties: as the registry announced them
 */
struct ech_global {
  enum ech_global_kind  kind;
  uint32_t              id;
  uint64_t              serial;
  uint32_t              node_id;  /* port */
  bool                  is_input; /* port */
  const char           *name;
  struct pw_properties *properties;
};

struct ech_registry;

/**
 * ech_registry_new:
 * @settled: called when a burst of changes is over; also once after the first list
 * Returns: NULL when the connection is gone.
 */
struct ech_registry      *
ech_registry_new (struct pw_core *core, void (*settled) (void *data), void *data);
void ech_registry_free (struct ech_registry *registry);

/* Calls settled() after the next round trip, as if something had changed. */
void ech_registry_poke (struct ech_registry *registry);

const struct ech_global *ech_registry_node (struct ech_registry *registry, uint32_t id);
const struct ech_global *ech_registry_port (struct ech_registry *registry,
                                            uint32_t             node_id,
                                            bool                 is_input,
                                            const char          *name);

/* All nodes, or all inputs of a node, by id.  Free the array, not what is in it. */
GPtrArray *ech_registry_nodes (struct ech_registry *registry);
GPtrArray *ech_registry_inputs (struct ech_registry *registry, uint32_t node_id);

/* The node.name of the session's default sink, NULL when none is named. */
const char *ech_registry_default_sink (struct ech_registry *registry);

#endif
