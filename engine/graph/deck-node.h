/* A deck as a PipeWire node: "echelon-deck-a" with the outputs left and right.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_GRAPH_DECK_NODE_H
#define ECH_GRAPH_DECK_NODE_H

#include "engine/graph/filter-node.h"

struct ech_deck_node;

/* NULL with errno set when PipeWire refuses.  Thread: the loop's, as all here. */
struct ech_deck_node *ech_deck_node_new (const struct ech_node_context *context, uint32_t deck);
void                  ech_deck_node_free (struct ech_deck_node *node);
uint32_t              ech_deck_node_id (const struct ech_deck_node *node);

#endif
