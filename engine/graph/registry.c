/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/graph/registry.h"

#include <pipewire/extensions/metadata.h>
#include <spa/utils/json.h>
#include <spa/utils/string.h>
#include <string.h>

struct ech_registry {
  struct pw_core     *core;
  struct spa_hook     core_hook;
  struct pw_registry *proxy;
  struct spa_hook     hook;
  GHashTable         *globals; /* id -> struct ech_global */
  int                 sync_seq;
  bool                sync_wanted; /* a change came after the sync under way was sent */

  struct pw_metadata *metadata;
  struct spa_hook     metadata_hook;
  uint32_t            metadata_id;
  char               *default_sink;

  void (*settled) (void *data);
  void *data;
};

static void
global_free (void *data)
{
  struct ech_global *global = data;

  pw_properties_free (global->properties);
  g_free (global);
}

void
ech_registry_poke (struct ech_registry *registry)
{
  if (registry->sync_seq != 0)
    registry->sync_wanted = true;
  else
    registry->sync_seq = pw_core_sync (registry->core, PW_ID_CORE, 0);
}

static void
on_done (void *data, uint32_t id, int seq)
{
  struct ech_registry *registry = data;

  if (id != PW_ID_CORE || seq != registry->sync_seq)
    return;
  registry->sync_seq = 0;
  if (registry->sync_wanted) {
    registry->sync_wanted = false;
    ech_registry_poke (registry);
    return;
  }
  registry->settled (registry->data);
}

static const struct pw_core_events core_events = {
  PW_VERSION_CORE_EVENTS,
  .done = on_done,
};

static uint64_t
number (const struct pw_properties *properties, const char *key, uint64_t otherwise)
{
  return pw_properties_get_uint64 (properties, key, otherwise);
}

static void
add_global (struct ech_registry   *registry,
            enum ech_global_kind   kind,
            uint32_t               id,
            const struct spa_dict *dict)
{
  struct ech_global *global = g_new0 (struct ech_global, 1);

  global->kind       = kind;
  global->id         = id;
  global->properties = pw_properties_new_dict (dict);
  global->serial     = number (global->properties, PW_KEY_OBJECT_SERIAL, id);
  global->node_id    = (uint32_t) number (global->properties, PW_KEY_NODE_ID, SPA_ID_INVALID);
  global->is_input =
      spa_streq (pw_properties_get (global->properties, PW_KEY_PORT_DIRECTION), "in");
  global->name = pw_properties_get (global->properties,
                                    kind == ECH_GLOBAL_NODE ? PW_KEY_NODE_NAME : PW_KEY_PORT_NAME);
  if (global->name == NULL)
    global->name = "";
  g_hash_table_replace (registry->globals, GUINT_TO_POINTER (id), global);
  ech_registry_poke (registry);
}

/* {"name":"alsa_output..."}; a cleared key comes as NULL */
static char *
name_from_json (const char *json)
{
  struct spa_json outer, inner;
  char            key[64], value[512];

  if (json == NULL)
    return NULL;
  spa_json_init (&outer, json, strlen (json));
  if (spa_json_enter_object (&outer, &inner) <= 0)
    return NULL;
  while (spa_json_get_string (&inner, key, sizeof key) > 0) {
    if (strcmp (key, "name") == 0)
      return spa_json_get_string (&inner, value, sizeof value) > 0 ? g_strdup (value) : NULL;
    if (spa_json_get_string (&inner, value, sizeof value) <= 0)
      return NULL;
  }
  return NULL;
}

static int
on_property (void *data, uint32_t subject, const char *key, const char *type, const char *value)
{
  struct ech_registry *registry = data;

  if (subject != PW_ID_CORE || (key != NULL && strcmp (key, "default.audio.sink") != 0))
    return 0;
  g_free (registry->default_sink);
  registry->default_sink = key != NULL ? name_from_json (value) : NULL;
  ech_registry_poke (registry);
  return 0;
}

static const struct pw_metadata_events metadata_events = {
  PW_VERSION_METADATA_EVENTS,
  .property = on_property,
};

static void
drop_metadata (struct ech_registry *registry)
{
  if (registry->metadata == NULL)
    return;
  spa_hook_remove (&registry->metadata_hook);
  pw_proxy_destroy ((struct pw_proxy *) registry->metadata);
  registry->metadata = NULL;
  g_clear_pointer (&registry->default_sink, g_free);
}

static void
add_metadata (struct ech_registry *registry, uint32_t id, const struct spa_dict *dict)
{
  if (registry->metadata != NULL
      || !spa_streq (spa_dict_lookup (dict, PW_KEY_METADATA_NAME), "default"))
    return;
  registry->metadata =
      pw_registry_bind (registry->proxy, id, PW_TYPE_INTERFACE_Metadata, PW_VERSION_METADATA, 0);
  if (registry->metadata == NULL)
    return;
  registry->metadata_id = id;
  pw_metadata_add_listener (registry->metadata, &registry->metadata_hook, &metadata_events,
                            registry);
  ech_registry_poke (registry);
}

static void
on_global (void                  *data,
           uint32_t               id,
           uint32_t               permissions,
           const char            *type,
           uint32_t               version,
           const struct spa_dict *dict)
{
  struct ech_registry *registry = data;

  if (dict == NULL)
    return;
  if (strcmp (type, PW_TYPE_INTERFACE_Node) == 0)
    add_global (registry, ECH_GLOBAL_NODE, id, dict);
  else if (strcmp (type, PW_TYPE_INTERFACE_Port) == 0)
    add_global (registry, ECH_GLOBAL_PORT, id, dict);
  else if (strcmp (type, PW_TYPE_INTERFACE_Metadata) == 0)
    add_metadata (registry, id, dict);
}

static void
on_global_remove (void *data, uint32_t id)
{
  struct ech_registry *registry = data;

  if (registry->metadata != NULL && id == registry->metadata_id)
    drop_metadata (registry);
  g_hash_table_remove (registry->globals, GUINT_TO_POINTER (id));
  ech_registry_poke (registry);
}

static const struct pw_registry_events registry_events = {
  PW_VERSION_REGISTRY_EVENTS,
  .global        = on_global,
  .global_remove = on_global_remove,
};

struct ech_registry *
ech_registry_new (struct pw_core *core, void (*settled) (void *data), void *data)
{
  struct ech_registry *registry = g_new0 (struct ech_registry, 1);

  registry->core    = core;
  registry->settled = settled;
  registry->data    = data;
  registry->globals = g_hash_table_new_full (NULL, NULL, NULL, global_free);
  registry->proxy   = pw_core_get_registry (core, PW_VERSION_REGISTRY, 0);
  if (registry->proxy == NULL) {
    g_hash_table_unref (registry->globals);
    g_free (registry);
    return NULL;
  }
  pw_core_add_listener (core, &registry->core_hook, &core_events, registry);
  pw_registry_add_listener (registry->proxy, &registry->hook, &registry_events, registry);
  ech_registry_poke (registry);
  return registry;
}

void
ech_registry_free (struct ech_registry *registry)
{
  if (registry == NULL)
    return;
  drop_metadata (registry);
  spa_hook_remove (&registry->hook);
  spa_hook_remove (&registry->core_hook);
  pw_proxy_destroy ((struct pw_proxy *) registry->proxy);
  g_hash_table_unref (registry->globals);
  g_free (registry->default_sink);
  g_free (registry);
}

const struct ech_global *
ech_registry_node (struct ech_registry *registry, uint32_t id)
{
  const struct ech_global *global = g_hash_table_lookup (registry->globals, GUINT_TO_POINTER (id));

  return global != NULL && global->kind == ECH_GLOBAL_NODE ? global : NULL;
}

static int
by_id (const void *a, const void *b)
{
  const struct ech_global *const *x = a, *const *y = b;

  return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

static GPtrArray *
collect (struct ech_registry *registry,
         bool (*wanted) (const struct ech_global *, uint32_t),
         uint32_t node_id)
{
  GPtrArray     *found = g_ptr_array_new();
  GHashTableIter iter;
  void          *value;

  g_hash_table_iter_init (&iter, registry->globals);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (wanted (value, node_id))
      g_ptr_array_add (found, value);
  g_ptr_array_sort (found, by_id);
  return found;
}

static bool
is_node (const struct ech_global *global, uint32_t node_id)
{
  return global->kind == ECH_GLOBAL_NODE;
}

static bool
is_input_of (const struct ech_global *global, uint32_t node_id)
{
  return global->kind == ECH_GLOBAL_PORT && global->node_id == node_id && global->is_input;
}

GPtrArray *
ech_registry_nodes (struct ech_registry *registry)
{
  return collect (registry, is_node, 0);
}

GPtrArray *
ech_registry_inputs (struct ech_registry *registry, uint32_t node_id)
{
  return collect (registry, is_input_of, node_id);
}

const struct ech_global *
ech_registry_port (struct ech_registry *registry, uint32_t node_id, bool is_input, const char *name)
{
  GHashTableIter iter;
  void          *value;

  g_hash_table_iter_init (&iter, registry->globals);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const struct ech_global *global = value;

    if (global->kind == ECH_GLOBAL_PORT && global->node_id == node_id
        && global->is_input == is_input && strcmp (global->name, name) == 0)
      return global;
  }
  return NULL;
}

const char *
ech_registry_default_sink (struct ech_registry *registry)
{
  return registry->default_sink;
}
