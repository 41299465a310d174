/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/drivers.h"

#include <json-glib/json-glib.h>

#include "drivers/host/driver-host.h"

static void
add_text (JsonBuilder *builder, const char *name, const char *text)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, text);
}

static void
add_settings (JsonBuilder *builder, const struct ech_driver_info *info)
{
  json_builder_set_member_name (builder, "settings");
  json_builder_begin_array (builder);
  for (uint32_t i = 0; i < info->n_settings; i++) {
    const struct echelon_setting *setting = &info->settings[i];
    char                          type[]  = { setting->type, '\0' };

    json_builder_begin_object (builder);
    add_text (builder, "key", setting->key);
    add_text (builder, "type", type);
    add_text (builder, "default", setting->fallback);
    add_text (builder, "label", setting->label);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_driver (JsonBuilder *builder, const struct ech_driver_info *info)
{
  json_builder_begin_object (builder);
  add_text (builder, "id", info->id);
  add_text (builder, "name", info->name);
  add_text (builder, "description", info->description);
  json_builder_set_member_name (builder, "abi");
  if (info->abi > 0)
    json_builder_add_int_value (builder, info->abi);
  else
    json_builder_add_null_value (builder);
  add_text (builder, "state", ech_driver_state_name (info->state));
  json_builder_set_member_name (builder, "enabled");
  json_builder_add_boolean_value (builder, info->enabled);
  add_text (builder, "reason", info->text);
  add_text (builder, "path", info->path);
  add_settings (builder, info);
  json_builder_end_object (builder);
}

static void
print_json (EchDriverHost *host)
{
  g_autoptr (JsonBuilder) builder = json_builder_new();
  g_autoptr (JsonNode) root       = NULL;
  g_autofree char *text           = NULL;

  json_builder_begin_array (builder);
  for (unsigned i = 0; i < ech_driver_host_get_n_drivers (host); i++) {
    struct ech_driver_info info;

    ech_driver_host_get_info (host, i, &info);
    add_driver (builder, &info);
  }
  json_builder_end_array (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, TRUE);
  g_print ("%s\n", text);
}

static void
print_driver (const struct ech_driver_info *info)
{
  g_autofree char *abi  = info->abi > 0 ? g_strdup_printf ("%u", info->abi) : g_strdup ("-");
  const char      *note = info->enabled ? "" : "  (off by default)";

  if (info->state == ECH_DRIVER_REFUSED)
    g_print ("%-16s %-4s %-8s %s\n", info->id, abi, ech_driver_state_name (info->state),
             info->text);
  else
    g_print ("%-16s %-4s %-8s %s: %s%s\n", info->id, abi, ech_driver_state_name (info->state),
             info->name, info->description, note);
}

static void
print_table (EchDriverHost *host)
{
  g_print ("%-16s %-4s %-8s\n", "ID", "ABI", "STATE");
  for (unsigned i = 0; i < ech_driver_host_get_n_drivers (host); i++) {
    struct ech_driver_info info;

    ech_driver_host_get_info (host, i, &info);
    print_driver (&info);
  }
}

int
ech_cli_drivers (int argc, char **argv)
{
  gboolean           json      = FALSE;
  const GOptionEntry entries[] = {
    { "json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print a JSON array", NULL }, G_OPTION_ENTRY_NULL
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (EchDriverHost) host     = NULL;
  g_autoptr (GError) error           = NULL;

  g_option_context_set_summary (
      context, "Lists the driver modules that Echelon finds, and why one is refused.");
  g_option_context_set_description (
      context, "They are looked for in ECHELON_DRIVER_PATH (folders, separated by \":\"),\n"
               "or where Echelon is installed.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc > 1) {
    g_printerr ("echelonctl drivers: %s\n",
                error ? error->message : "takes no arguments; see --help");
    return 2;
  }
  host = ech_driver_host_new (NULL, NULL, NULL);
  ech_driver_host_scan (host, NULL);
  if (json)
    print_json (host);
  else
    print_table (host);
  return 0;
}
