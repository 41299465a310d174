/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/graph/deck-node.h"

#include <errno.h>
#include <glib.h>

struct ech_deck_node {
  struct ech_filter_node base;
  uint32_t               deck;
  void                  *left;
  void                  *right;
};

/* Thread: audio. */
static void
on_process (void *data, struct spa_io_position *position)
{
  struct ech_deck_node  *node = data;
  struct ech_graph_clock clock;

  if (position == NULL)
    return;
  clock = ech_filter_node_clock (position);
  ech_cycle_gate_deck (node->base.context->gate, &clock, node->deck,
                       ech_filter_node_buffer (node->left, clock.n_frames),
                       ech_filter_node_buffer (node->right, clock.n_frames));
}

static void
on_state_changed (void                *data,
                  enum pw_filter_state old,
                  enum pw_filter_state state,
                  const char          *error)
{
  struct ech_deck_node *node = data;

  ech_filter_node_state_changed (&node->base, old, state, error);
}

static const struct pw_filter_events filter_events = {
  PW_VERSION_FILTER_EVENTS,
  .process       = on_process,
  .state_changed = on_state_changed,
};

static int
build (struct ech_deck_node *node, const struct ech_node_context *context)
{
  g_autofree char *name        = g_strdup_printf ("echelon-deck-%c", 'a' + node->deck);
  g_autofree char *description = g_strdup_printf ("Echelon deck %c", 'A' + node->deck);
  int result = ech_filter_node_init (&node->base, context, name, description, &filter_events, node);

  if (result < 0)
    return result;
  node->left  = ech_filter_node_add_port (&node->base, PW_DIRECTION_OUTPUT, "left", "FL");
  node->right = ech_filter_node_add_port (&node->base, PW_DIRECTION_OUTPUT, "right", "FR");
  if (node->left == NULL || node->right == NULL)
    return -ENOMEM;
  return ech_filter_node_connect (&node->base, 0, NULL, 0);
}

struct ech_deck_node *
ech_deck_node_new (const struct ech_node_context *context, uint32_t deck)
{
  struct ech_deck_node *node = g_new0 (struct ech_deck_node, 1);
  int                   result;

  node->deck = deck;
  result     = build (node, context);
  if (result < 0) {
    ech_deck_node_free (node);
    errno = -result;
    return NULL;
  }
  return node;
}

void
ech_deck_node_free (struct ech_deck_node *node)
{
  if (node == NULL)
    return;
  ech_filter_node_finish (&node->base);
  g_free (node);
}

uint32_t
ech_deck_node_id (const struct ech_deck_node *node)
{
  return ech_filter_node_id (&node->base);
}
