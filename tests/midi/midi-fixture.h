/* A mapping at work without a device: bytes in, what comes out as lines of text.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_TESTS_MIDI_FIXTURE_H
#define ECH_TESTS_MIDI_FIXTURE_H

#include "drivers/midi/midi-map.h"
#include "drivers/midi/midi-mapping.h"

struct midi_fixture {
  struct ech_midi_mapping *mapping;
  struct ech_midi_map     *map;
  struct ech_midi_parser   parser;
  struct ech_state         state;
  uint64_t                 now_ns;
  bool                     obeys; /* what is posted shows in the state at once */
  GString                 *posts; /* "play a; stop a; eq b 0 -26" */
  GString                 *sent;  /* "90 0B 7F, 90 0C 00" */
};

/* The words of the program, with four decks. */
extern const struct ech_midi_words midi_words;

void midi_fixture_init (struct midi_fixture *f, const char *mapping_text);
void midi_fixture_finish (struct midi_fixture *f);

/* Hexadecimal bytes; what they bring about is in f->posts, which begins empty. */
const char *midi_feed (struct midi_fixture *f, const char *hex);

/* Time passes. */
const char *midi_wait (struct midi_fixture *f, unsigned ms);

/* Lights; what is sent. */
const char *midi_light (struct midi_fixture *f);

/* @bindings as the text of a mapping's lists, ' for ". */
char *midi_mapping_text (const char *layers, const char *bindings, const char *lights);

#endif
