/* What the MIDI commands share: devices, messages, mappings.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APP_CLI_MIDI_COMMON_H
#define ECH_APP_CLI_MIDI_COMMON_H

#include "drivers/midi/midi-mapping.h"
#include "drivers/midi/midi-message.h"
#include "drivers/midi/midi-ports.h"

/**
 * struct ech_cli_midi: all devices, or those whose name has @filter in it
 * @message: (nullable): each message with its own bytes
 * @input: (nullable): a line of stdin without its end; NULL at the end of it
 */
struct ech_cli_midi {
  const char *filter;
  void (*message) (struct ech_cli_midi           *midi,
                   unsigned                       device,
                   const struct ech_midi_message *message,
                   const uint8_t                 *bytes,
                   unsigned                       n_bytes,
                   uint64_t                       time_ns);
  void (*device_changed) (struct ech_cli_midi *midi, unsigned device, bool is_there);
  void (*input) (struct ech_cli_midi *midi, const char *line);
  void *data;

  struct ech_midi_ports *ports;
  bool                   is_connected;
  bool                   ends; /* set it to leave the loop */
  int                    signal_fd;
  struct ech_midi_parser parsers[ECH_MIDI_MAX_DEVICES];
  uint8_t                bytes[ECH_MIDI_MAX_DEVICES][16];
  unsigned               n_bytes[ECH_MIDI_MAX_DEVICES];
};

/* @node: the node's name, which tells others what we are about. */
gboolean ech_cli_midi_open (struct ech_cli_midi *midi, const char *node, GError **error);
void     ech_cli_midi_close (struct ech_cli_midi *midi);

/* Until midi->ends or @timeout_ms are over (-1: never). SIGINT and SIGTERM end it. */
void ech_cli_midi_run (struct ech_cli_midi *midi, int timeout_ms);

/* The vocabulary with all decks. */
extern const struct ech_midi_words ech_cli_midi_words;

/* All mappings, the user's first; sentences about broken ones go to stderr. */
GPtrArray *ech_cli_midi_mappings (const char *command);

/* The mapping that fits @device best, or NULL. */
struct ech_midi_mapping *ech_cli_midi_mapping_for (GPtrArray *mappings, const char *device);

/* The user's file for a mapping of that name. */
char *ech_cli_midi_path (const char *name);

#endif
