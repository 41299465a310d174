/* What did the hand just touch?  Messages in, a control and its kind out.
 *
 * Pure: the time is an argument.  The window's dialog and `echelonctl
 * midi-learn` share it.  It judges what it has seen, never a single message:
 * two controllers 32 apart are one 14-bit control only when they move together,
 * and an encoder is one that repeats itself.
 *
 * Thread: one at a time.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MIDI_LEARN_H
#define ECH_MIDI_LEARN_H

#include "drivers/midi/midi-mapping.h"
#include "drivers/midi/midi-message.h"

enum {
  ECH_MIDI_LEARN_MOST = 1024,    /* messages of one gesture; the oldest half goes when it is full */
  ECH_MIDI_LEARN_QUIET_MS = 600, /* a gesture is over when so long nothing came */
};

struct ech_midi_learn_event {
  uint64_t time_ns;
  uint16_t value;
  uint8_t  type; /* enum ech_midi_control_type: NOTE (value 0 = off), CC or PITCH */
  uint8_t  channel, number;
};

struct ech_midi_learn {
  struct ech_midi_learn_event events[ECH_MIDI_LEARN_MOST];
  unsigned                    n;
};

/**
 * struct ech_midi_understood:
 * @found: there is something to tell
 * @sure: it can be nothing else; else @hint says what would tell it apart
 * @no_release: a button that does not say when it is let go
 */
struct ech_midi_understood {
  bool                    found, sure, no_release;
  struct ech_midi_control control;
  uint8_t                 kind;     /* enum ech_midi_kind */
  uint8_t                 encoding; /* enum ech_midi_encoding */
  const char             *hint;     /* a sentence, or NULL */
};

/* From the beginning: nothing has been touched. */
void ech_midi_learn_begin (struct ech_midi_learn *learn);

/* Clock, sensing, pressure and System Exclusive are passed over. */
void ech_midi_learn_take (struct ech_midi_learn         *learn,
                          const struct ech_midi_message *message,
                          uint64_t                       time_ns);

/* Has something come, and has it been quiet since for a gesture's end? */
bool ech_midi_learn_is_over (const struct ech_midi_learn *learn, uint64_t now_ns);

/* What was understood of all that came since the beginning. */
void ech_midi_learn_judge (const struct ech_midi_learn *learn,
                           struct ech_midi_understood  *out_understood);

/**
 * ech_midi_learn_binding: a binding that fits the control and what it is to do
 * @address: /deck/a/play; borrowed by the binding
 *
 * The kind decides the mode: play on a button toggles, a hot cue is a pad.
 */
void ech_midi_learn_binding (const struct ech_midi_understood *understood,
                             const char                       *address,
                             struct ech_midi_binding          *out_binding);

#endif
