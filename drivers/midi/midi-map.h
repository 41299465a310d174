/* A mapping at work for one device: messages in, actions out; state in, lights out.
 *
 * Pure: no thread, no clock, no device of its own.  The time is an argument,
 * what comes out goes to functions of the caller's.
 *
 * Thread: one at a time.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MIDI_MAP_H
#define ECH_MIDI_MAP_H

#include "drivers/midi/midi-mapping.h"
#include "drivers/midi/midi-message.h"
#include "engine/scheduler/state.h"

struct ech_midi_map;

/**
 * struct ech_midi_map_out: where it all goes
 * @post: @binding is its index; @continuous: the next one from the same binding takes this one's
 *    place, so one that cannot be posted yet may be replaced
 * @send: bytes for the device
 */
struct ech_midi_map_out {
  void (*post) (void *data, const struct ech_action *action, unsigned binding, bool continuous);
  void (*send) (void *data, const uint8_t *bytes, unsigned n_bytes);
  void *data;
};

/* @mapping outlives the map. */
struct ech_midi_map *ech_midi_map_new (const struct ech_midi_mapping *mapping,
                                       const struct ech_midi_map_out *out);
void                 ech_midi_map_free (struct ech_midi_map *map);

/* One message of the device's. @now_ns never goes back. */
void ech_midi_map_take (struct ech_midi_map           *map,
                        const struct ech_midi_message *message,
                        uint64_t                       now_ns,
                        const struct ech_state        *state);

/**
 * ech_midi_map_tick: what is to be done when nothing comes: a jog that stands still again,
 * half of a 14-bit value whose other half does not come
 * Returns: when to call again; 0 = not before the next message.
 */
uint64_t
ech_midi_map_tick (struct ech_midi_map *map, uint64_t now_ns, const struct ech_state *state);

/* The device is gone, or is not listened to: what is held is let go. */
void ech_midi_map_let_go (struct ech_midi_map *map, uint64_t now_ns, const struct ech_state *state);

/* Sends the lights that have changed; @beat is the session's, heard now. */
void ech_midi_map_light (struct ech_midi_map *map, const struct ech_state *state, double beat);

/* The device is new: the next ech_midi_map_light() sends all. */
void ech_midi_map_forget_lights (struct ech_midi_map *map);

/* All lights off. */
void ech_midi_map_dark (struct ech_midi_map *map);

/* Where a knob at @position (0..1) puts the value, and back; piecewise straight. */
double ech_midi_value_at (const double *range, unsigned n_range, double position);
double ech_midi_position_of (const double *range, unsigned n_range, double value);

/* What @action sets stands at *out_value; false if the state does not tell. */
bool ech_midi_state_value (const struct ech_state  *state,
                           const struct ech_action *action,
                           double                  *out_value);

#endif
