/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/graph/links.h"

#include <errno.h>
#include <pipewire/link.h>

enum { MAX_TRIES = 20 };

enum link_state {
  LINK_ASKED,   /* the daemon has not answered yet */
  LINK_MADE,    /* stands, or somebody had made the same before us */
  LINK_REMOVED, /* by somebody else */
  LINK_FAILED,
};

struct link {
  struct ech_links *owner;
  uint64_t          output_serial;
  uint64_t          input_serial;
  uint32_t          output_id;
  uint32_t          input_id;
  bool              is_output;
  bool              is_wished;
  enum link_state   state;
  unsigned          tries;
  struct pw_proxy  *proxy;
  struct spa_hook   proxy_hook;
  struct spa_hook   link_hook;
};

struct ech_links {
  struct pw_core *core;
  GPtrArray      *links; /* struct link */
  void (*changed) (void *data);
  void *data;
};

static void
drop_proxy (struct link *link)
{
  struct pw_proxy *proxy = g_steal_pointer (&link->proxy);

  if (proxy == NULL)
    return;
  spa_hook_remove (&link->proxy_hook);
  spa_hook_remove (&link->link_hook);
  pw_proxy_destroy (proxy);
}

static void
link_free (void *data)
{
  struct link *link = data;

  drop_proxy (link);
  g_free (link);
}

static void
set_state (struct link *link, enum link_state state)
{
  link->state = state;
  link->owner->changed (link->owner->data);
}

static void
on_bound (void *data, uint32_t global_id)
{
  struct link *link = data;

  link->tries = 0;
  set_state (link, LINK_MADE);
}

/* Also when a port went away; then the wish goes at the next update, and the entry with it. */
static void
on_removed (void *data)
{
  struct link *link = data;

  drop_proxy (link);
  set_state (link, LINK_REMOVED);
}

static void
fail (struct link *link, int result, const char *message)
{
  drop_proxy (link);
  if (result == -EEXIST) {
    set_state (link, LINK_MADE);
    return;
  }
  g_debug ("link %u -> %u: %s", link->output_id, link->input_id,
           message != NULL ? message : "failed");
  set_state (link, LINK_FAILED);
}

static void
on_error (void *data, int seq, int result, const char *message)
{
  fail (data, result, message);
}

static const struct pw_proxy_events proxy_events = {
  PW_VERSION_PROXY_EVENTS,
  .bound   = on_bound,
  .removed = on_removed,
  .error   = on_error,
};

static void
on_info (void *data, const struct pw_link_info *info)
{
  if (info->state == PW_LINK_STATE_ERROR)
    fail (data, -EIO, info->error);
}

static const struct pw_link_events link_events = {
  PW_VERSION_LINK_EVENTS,
  .info = on_info,
};

static void
make (struct link *link)
{
  struct pw_properties *properties = pw_properties_new (ECH_LINK_PROPERTY, "true", NULL);

  pw_properties_setf (properties, PW_KEY_LINK_OUTPUT_PORT, "%u", link->output_id);
  pw_properties_setf (properties, PW_KEY_LINK_INPUT_PORT, "%u", link->input_id);
  link->state = LINK_ASKED;
  link->tries++;
  link->proxy = pw_core_create_object (link->owner->core, "link-factory", PW_TYPE_INTERFACE_Link,
                                       PW_VERSION_LINK, &properties->dict, 0);
  pw_properties_free (properties);
  if (link->proxy == NULL) {
    link->state = LINK_FAILED;
    return;
  }
  pw_proxy_add_listener (link->proxy, &link->proxy_hook, &proxy_events, link);
  pw_proxy_add_object_listener (link->proxy, &link->link_hook, &link_events, link);
}

struct ech_links *
ech_links_new (struct pw_core *core, void (*changed) (void *data), void *data)
{
  struct ech_links *links = g_new0 (struct ech_links, 1);

  links->core    = core;
  links->links   = g_ptr_array_new_with_free_func (link_free);
  links->changed = changed;
  links->data    = data;
  return links;
}

void
ech_links_free (struct ech_links *links)
{
  if (links == NULL)
    return;
  g_ptr_array_unref (links->links);
  g_free (links);
}

static struct link *
find (struct ech_links *links, const struct ech_link_wish *wish)
{
  for (guint i = 0; i < links->links->len; i++) {
    struct link *link = links->links->pdata[i];

    if (link->output_serial == wish->output->serial && link->input_serial == wish->input->serial)
      return link;
  }
  return NULL;
}

static struct link *
add (struct ech_links *links, const struct ech_link_wish *wish)
{
  struct link *link = g_new0 (struct link, 1);

  link->owner         = links;
  link->output_serial = wish->output->serial;
  link->input_serial  = wish->input->serial;
  link->output_id     = wish->output->id;
  link->input_id      = wish->input->id;
  link->is_output     = wish->is_output;
  g_ptr_array_add (links->links, link);
  return link;
}

void
ech_links_update (struct ech_links *links, const struct ech_link_wish *wishes, unsigned n_wishes)
{
  for (guint i = 0; i < links->links->len; i++)
    ((struct link *) links->links->pdata[i])->is_wished = false;
  for (unsigned i = 0; i < n_wishes; i++) {
    struct link *link = find (links, &wishes[i]);

    if (link == NULL) {
      link = add (links, &wishes[i]);
      make (link);
    } else if (link->state == LINK_FAILED && link->tries < MAX_TRIES) {
      make (link);
    }
    link->is_wished = true;
  }
  /* New ones first: at a change of sinks the mixer is never without a driver. */
  for (guint i = links->links->len; i-- > 0;)
    if (!((struct link *) links->links->pdata[i])->is_wished)
      g_ptr_array_remove_index (links->links, i);
}

unsigned
ech_links_n_outputs (const struct ech_links *links)
{
  unsigned n = 0;

  for (guint i = 0; i < links->links->len; i++) {
    const struct link *link = links->links->pdata[i];

    n += link->is_output && link->state == LINK_MADE;
  }
  return n;
}

bool
ech_links_are_complete (const struct ech_links *links)
{
  for (guint i = 0; i < links->links->len; i++) {
    const struct link *link = links->links->pdata[i];

    if (!link->is_output && (link->state == LINK_ASKED || link->state == LINK_FAILED))
      return false;
  }
  return true;
}

bool
ech_links_output_is_patched (const struct ech_links *links)
{
  for (guint i = 0; i < links->links->len; i++) {
    const struct link *link = links->links->pdata[i];

    if (link->is_output && link->state == LINK_REMOVED)
      return true;
  }
  return false;
}

bool
ech_links_want_retry (const struct ech_links *links)
{
  for (guint i = 0; i < links->links->len; i++) {
    const struct link *link = links->links->pdata[i];

    if (link->state == LINK_FAILED && link->tries < MAX_TRIES)
      return true;
  }
  return false;
}
