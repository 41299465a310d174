/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "app/cli/midi-common.h"
#include "app/cli/midi.h"

struct monitor {
  struct ech_cli_midi midi;
  GPtrArray          *mappings;
  gboolean            json, clock;
};

static char *
hex_of (const uint8_t *bytes, unsigned n_bytes)
{
  GString *hex = g_string_new (NULL);

  for (unsigned i = 0; i < n_bytes; i++)
    g_string_append_printf (hex, i ? " %02X" : "%02X", bytes[i]);
  return g_string_free (hex, FALSE);
}

/* The control that the message is of; false if it is of none. */
static bool
control_of (const struct ech_midi_message *message, struct ech_midi_control *out_control)
{
  *out_control =
      (struct ech_midi_control){ .channel = message->channel, .number = message->number };
  switch (message->type) {
  case ECH_MIDI_NOTE_ON:
  case ECH_MIDI_NOTE_OFF:
    out_control->type = ECH_MIDI_CONTROL_NOTE;
    return true;
  case ECH_MIDI_CC:
    out_control->type = ECH_MIDI_CONTROL_CC;
    return true;
  case ECH_MIDI_PITCH:
    out_control->type = ECH_MIDI_CONTROL_PITCH;
    return true;
  default:
    return false;
  }
}

/* What the device's mapping does with it: "/deck/a/play, /deck/b/stop (shift)", or "". */
static char *
targets_of (struct monitor *monitor, const char *device, const struct ech_midi_message *message)
{
  struct ech_midi_mapping *mapping = ech_cli_midi_mapping_for (monitor->mappings, device);
  GString                 *targets = g_string_new (NULL);
  struct ech_midi_control  control;

  for (guint i = 0; mapping && control_of (message, &control) && i < mapping->bindings->len; i++) {
    const struct ech_midi_binding *b =
        &g_array_index (mapping->bindings, struct ech_midi_binding, i);

    if (!ech_midi_control_equal (&b->control, &control))
      continue;
    g_string_append_printf (targets, "%s%s", targets->len ? ", " : "", b->address);
    if (b->layer >= 0)
      g_string_append_printf (
          targets, " (%s)", g_array_index (mapping->layers, struct ech_midi_layer, b->layer).name);
  }
  return g_string_free (targets, FALSE);
}

static void
print_json (const char *device,
            const char *hex,
            const char *meaning,
            const char *targets,
            double      seconds)
{
  g_autoptr (JsonBuilder) builder = json_builder_new();
  g_autoptr (JsonNode) root       = NULL;
  g_autofree char *text           = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "time");
  json_builder_add_double_value (builder, seconds);
  json_builder_set_member_name (builder, "device");
  json_builder_add_string_value (builder, device);
  json_builder_set_member_name (builder, "bytes");
  json_builder_add_string_value (builder, hex);
  json_builder_set_member_name (builder, "meaning");
  json_builder_add_string_value (builder, meaning);
  json_builder_set_member_name (builder, "action");
  json_builder_add_string_value (builder, targets);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  printf ("%s\n", text);
}

static void
on_message (struct ech_cli_midi           *midi,
            unsigned                       device,
            const struct ech_midi_message *message,
            const uint8_t                 *bytes,
            unsigned                       n_bytes,
            uint64_t                       time_ns)
{
  struct monitor  *monitor = midi->data;
  const char      *name    = ech_midi_ports_name (midi->ports, device);
  g_autofree char *hex     = hex_of (bytes, n_bytes);
  g_autofree char *targets = NULL;
  char             meaning[64];

  if (message->type == ECH_MIDI_REALTIME && !monitor->clock
      && (message->number == 0xf8 || message->number == 0xfe))
    return;
  targets = targets_of (monitor, name, message);
  ech_midi_message_describe (message, meaning, sizeof meaning);
  if (monitor->json)
    print_json (name, hex, meaning, targets, (double) time_ns * 1e-9);
  else
    printf ("%-24s %-9s %s%s%s\n", name, hex, meaning, *targets ? "  -> " : "", targets);
  fflush (stdout);
}

static void
on_device (struct ech_cli_midi *midi, unsigned device, bool is_there)
{
  const struct monitor *monitor = midi->data;

  if (!monitor->json)
    fprintf (stderr, "%s %s\n", ech_midi_ports_name (midi->ports, device),
             !is_there                                        ? "is gone."
             : ech_midi_ports_has_input (midi->ports, device) ? "is there."
                                                              : "is there, and only hears.");
}

int
ech_cli_midi_monitor (int argc, char **argv)
{
  struct monitor     monitor   = { 0 };
  g_autofree char   *device    = NULL;
  double             seconds   = -1;
  const GOptionEntry entries[] = {
    { "device", 'd', 0, G_OPTION_ARG_STRING, &device, "Only devices with NAME in their name",
      "NAME" },
    { "clock", 'c', 0, G_OPTION_ARG_NONE, &monitor.clock, "Print clock and active sensing too",
      NULL },
    { "seconds", 's', 0, G_OPTION_ARG_DOUBLE, &seconds, "End after so long", "N" },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &monitor.json, "Print a JSON object a line", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error           = NULL;

  g_option_context_set_summary (
      context, "Prints what MIDI devices say: device, bytes, meaning, and what the "
               "mapping does with it.\nA running Echelon goes on hearing them.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc > 1) {
    g_printerr ("echelonctl midi-monitor: %s\n",
                error ? error->message : "takes no arguments; see --help");
    return 2;
  }
  monitor.mappings = ech_cli_midi_mappings ("echelonctl midi-monitor");
  monitor.midi     = (struct ech_cli_midi){
        .filter = device, .message = on_message, .device_changed = on_device, .data = &monitor
  };
  if (ech_cli_midi_open (&monitor.midi, ECH_MIDI_NODE "-monitor", &error))
    ech_cli_midi_run (&monitor.midi, seconds < 0 ? -1 : (int) (seconds * 1000));
  else
    g_printerr ("echelonctl midi-monitor: %s\n", error->message);
  ech_cli_midi_close (&monitor.midi);
  g_ptr_array_unref (monitor.mappings);
  return error ? 1 : 0;
}
