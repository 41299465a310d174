/* Bytes become MIDI messages, whatever the bytes are.
 *
 * One parser for each device: running status, real-time bytes in the midst of
 * other messages, System Exclusive of any length (counted, never kept), data
 * bytes that belong to nothing.  A note-on of velocity 0 is a note-off.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MIDI_MESSAGE_H
#define ECH_MIDI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ech_midi_message_type {
  ECH_MIDI_NOTE_OFF,
  ECH_MIDI_NOTE_ON,
  ECH_MIDI_KEY_PRESSURE,
  ECH_MIDI_CC,
  ECH_MIDI_PROGRAM,
  ECH_MIDI_PRESSURE,
  ECH_MIDI_PITCH,
  ECH_MIDI_SYSEX,    /* value = length in bytes without F0 and F7, at most 65535 */
  ECH_MIDI_SYSTEM,   /* number = status byte, F1..F6 */
  ECH_MIDI_REALTIME, /* number = status byte, F8..FF */
};

/**
 * struct ech_midi_message:
 * @channel: 0..15, of channel messages
 * @number: note, controller or program, 0..127; else see the type
 * @value: 0..127; pitch bend and song position 0..16383
 */
struct ech_midi_message {
  uint8_t  type; /* enum ech_midi_message_type */
  uint8_t  channel;
  uint8_t  number;
  uint16_t value;
};

struct ech_midi_parser {
  uint8_t  status; /* running; 0 = none */
  uint8_t  data[2];
  uint8_t  n_data;
  bool     in_sysex;
  uint32_t sysex_bytes;
  uint64_t n_ignored; /* bytes that belonged to nothing */
};

/**
 * ech_midi_parser_feed:
 * Thread: any, one at a time.  RT-safe: yes.
 * Returns: true when @byte completed a message.
 */
bool ech_midi_parser_feed (struct ech_midi_parser  *parser,
                           uint8_t                  byte,
                           struct ech_midi_message *out_message);

/* Bytes were lost: what is under way is dropped, up to the next status byte. */
void ech_midi_parser_reset (struct ech_midi_parser *parser);

/* "note 11 on channel 1, velocity 127" for people; @size of 64 is enough. */
void
ech_midi_message_describe (const struct ech_midi_message *message, char *out_text, size_t size);

#endif
