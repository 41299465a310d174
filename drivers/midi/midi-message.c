/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/midi/midi-message.h"

#include <stdio.h>

static unsigned
data_bytes (uint8_t status)
{
  if (status < 0xf0)
    return (status & 0xe0) == 0xc0 ? 1 : 2; /* program and channel pressure have one */
  return status == 0xf2 ? 2 : status == 0xf1 || status == 0xf3 ? 1 : 0;
}

static void
finish_channel (const struct ech_midi_parser *parser, struct ech_midi_message *out_message)
{
  static const uint8_t types[] = { ECH_MIDI_NOTE_OFF, ECH_MIDI_NOTE_ON, ECH_MIDI_KEY_PRESSURE,
                                   ECH_MIDI_CC,       ECH_MIDI_PROGRAM, ECH_MIDI_PRESSURE,
                                   ECH_MIDI_PITCH };

  *out_message = (struct ech_midi_message){ .type    = types[(parser->status >> 4) - 8],
                                            .channel = parser->status & 15,
                                            .number  = parser->data[0],
                                            .value   = parser->data[1] };
  switch (out_message->type) {
  case ECH_MIDI_NOTE_ON:
    if (out_message->value == 0)
      out_message->type = ECH_MIDI_NOTE_OFF;
    break;
  case ECH_MIDI_PITCH:
    out_message->number = 0;
    out_message->value  = (uint16_t) (parser->data[0] | parser->data[1] << 7);
    break;
  case ECH_MIDI_PROGRAM:
    out_message->value = 127;
    break;
  case ECH_MIDI_PRESSURE:
    out_message->number = 0;
    out_message->value  = parser->data[0];
    break;
  default:
    break;
  }
}

static void
finish_system (const struct ech_midi_parser *parser, struct ech_midi_message *out_message)
{
  *out_message = (struct ech_midi_message){ .type = ECH_MIDI_SYSTEM, .number = parser->status };
  if (parser->status == 0xf2)
    out_message->value = (uint16_t) (parser->data[0] | parser->data[1] << 7);
  else if (parser->n_data > 0)
    out_message->value = parser->data[0];
}

/* What is under way is whole.  System messages cancel running status. */
static bool
finish (struct ech_midi_parser *parser, struct ech_midi_message *out_message)
{
  if (parser->status < 0xf0) {
    finish_channel (parser, out_message);
  } else {
    finish_system (parser, out_message);
    parser->status = 0;
  }
  parser->n_data = 0;
  return true;
}

static bool
end_sysex (struct ech_midi_parser *parser, struct ech_midi_message *out_message)
{
  *out_message     = (struct ech_midi_message){ .type  = ECH_MIDI_SYSEX,
                                                .value = parser->sysex_bytes > UINT16_MAX
                                                             ? UINT16_MAX
                                                             : (uint16_t) parser->sysex_bytes };
  parser->in_sysex = false;
  return true;
}

static bool
take_status (struct ech_midi_parser *parser, uint8_t byte, struct ech_midi_message *out_message)
{
  bool was_sysex = parser->in_sysex;

  parser->n_ignored += parser->n_data;
  parser->n_data   = 0;
  parser->in_sysex = false;
  parser->status   = 0;
  if (byte == 0xf7)
    return was_sysex && end_sysex (parser, out_message);
  if (byte == 0xf0) {
    parser->in_sysex    = true;
    parser->sysex_bytes = 0;
    return false;
  }
  if (byte == 0xf4 || byte == 0xf5) { /* undefined */
    parser->n_ignored++;
    return false;
  }
  parser->status = byte;
  return data_bytes (byte) == 0 && finish (parser, out_message);
}

bool
ech_midi_parser_feed (struct ech_midi_parser  *parser,
                      uint8_t                  byte,
                      struct ech_midi_message *out_message)
{
  if (byte >= 0xf8) { /* real time: may stand anywhere and disturbs nothing */
    *out_message = (struct ech_midi_message){ .type = ECH_MIDI_REALTIME, .number = byte };
    return true;
  }
  if (byte >= 0x80)
    return take_status (parser, byte, out_message);
  if (parser->in_sysex) {
    parser->sysex_bytes++;
    return false;
  }
  if (parser->status == 0) {
    parser->n_ignored++;
    return false;
  }
  parser->data[parser->n_data++] = byte;
  return parser->n_data == data_bytes (parser->status) && finish (parser, out_message);
}

void
ech_midi_parser_reset (struct ech_midi_parser *parser)
{
  parser->n_ignored += parser->n_data;
  parser->status   = 0;
  parser->n_data   = 0;
  parser->in_sysex = false;
}

void
ech_midi_message_describe (const struct ech_midi_message *message, char *out_text, size_t size)
{
  unsigned channel = message->channel + 1u;

  switch (message->type) {
  case ECH_MIDI_NOTE_OFF:
    snprintf (out_text, size, "note %u off, channel %u", message->number, channel);
    break;
  case ECH_MIDI_NOTE_ON:
    snprintf (out_text, size, "note %u on, channel %u, velocity %u", message->number, channel,
              message->value);
    break;
  case ECH_MIDI_KEY_PRESSURE:
    snprintf (out_text, size, "pressure of note %u, channel %u, %u", message->number, channel,
              message->value);
    break;
  case ECH_MIDI_CC:
    snprintf (out_text, size, "controller %u, channel %u, value %u", message->number, channel,
              message->value);
    break;
  case ECH_MIDI_PROGRAM:
    snprintf (out_text, size, "program %u, channel %u", message->number, channel);
    break;
  case ECH_MIDI_PRESSURE:
    snprintf (out_text, size, "pressure, channel %u, %u", channel, message->value);
    break;
  case ECH_MIDI_PITCH:
    snprintf (out_text, size, "pitch bend, channel %u, value %u", channel, message->value);
    break;
  case ECH_MIDI_SYSEX:
    snprintf (out_text, size, "system exclusive, %u bytes", message->value);
    break;
  case ECH_MIDI_REALTIME:
    snprintf (out_text, size, "%s",
              message->number == 0xf8   ? "clock"
              : message->number == 0xfa ? "start"
              : message->number == 0xfb ? "continue"
              : message->number == 0xfc ? "stop"
              : message->number == 0xfe ? "active sensing"
              : message->number == 0xff ? "reset"
                                        : "undefined real-time byte");
    break;
  default:
    snprintf (out_text, size, "system message %02X, value %u", message->number, message->value);
    break;
  }
}
