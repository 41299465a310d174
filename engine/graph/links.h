/* The links that the engine makes, and what became of them.
 *
 * A link that somebody else removed while both its ports stay is not made again:
 * people put effects between deck and mixer, or take the output elsewhere.
 *
 * Thread: the loop's, all of it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_GRAPH_LINKS_H
#define ECH_GRAPH_LINKS_H

#include "engine/graph/registry.h"

/* Our links carry this property, so that people and tests can tell them. */
#define ECH_LINK_PROPERTY "echelon.link"

/* @is_output: leads to a sink, not between our own nodes. */
struct ech_link_wish {
  const struct ech_global *output;
  const struct ech_global *input;
  bool                     is_output;
};

struct ech_links;

/* @changed: a link was made, failed or went away; call ech_links_update() soon, not from inside. */
struct ech_links *ech_links_new (struct pw_core *core, void (*changed) (void *data), void *data);
void              ech_links_free (struct ech_links *links);

/* Makes what is missing of @wishes and takes away what is no longer wished. */
void
ech_links_update (struct ech_links *links, const struct ech_link_wish *wishes, unsigned n_wishes);

/* Links to a sink that stand. */
unsigned ech_links_n_outputs (const struct ech_links *links);

/* The wished links between our own nodes stand, or were removed by somebody. */
bool ech_links_are_complete (const struct ech_links *links);

/* Somebody removed a link to the sink, which is still there. */
bool ech_links_output_is_patched (const struct ech_links *links);

/* A link failed and may be tried again; then ech_links_update() does. */
bool ech_links_want_retry (const struct ech_links *links);

#endif
