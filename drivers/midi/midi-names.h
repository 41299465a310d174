/* The words of a mapping's file, in the order of the enums.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MIDI_NAMES_H
#define ECH_MIDI_NAMES_H

extern const char *const ech_midi_control_names[];  /* "note", "cc", "cc14", "pitch" */
extern const char *const ech_midi_kind_names[];     /* "button", "switch", "knob", "encoder" */
extern const char *const ech_midi_encoding_names[]; /* "twos-complement", "offset", "sign-bit" */
extern const char *const ech_midi_takeover_names[]; /* "pickup", "scale", "jump" */
extern const char *const ech_midi_mode_names[];     /* "press", "release", "toggle", ... */

/* The place of @name in @names, or -1. */
int ech_midi_name_index (const char *const *names, unsigned n_names, const char *name);

#endif
