/* MIDI clock, 24 ticks a beat: sending it out of the session's beat, and reading a tempo out of it.
 *
 * Pure: the time is an argument.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MIDI_CLOCK_H
#define ECH_MIDI_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { ECH_MIDI_TICKS = 24 };

/* --- out ------------------------------------------------------------------------------- */

/**
 * struct ech_midi_clock_out:
 * @tick: the next to be sent, counted from session beat 0
 * @started: START has been sent, on a bar's first tick
 */
struct ech_midi_clock_out {
  bool    running, started;
  int64_t tick;
};

/**
 * ech_midi_clock_out_fill: the ticks that are due before @until_ns
 * @beat, @now_ns: the session's beat at that time; @bpm: its tempo
 * @send: @byte is F8 or FA; FA stands right before the F8 of its beat
 *
 * Call it again and again, each time with an @until_ns a little ahead; ticks already sent are
 * not sent again, also when the tempo changes.
 */
void ech_midi_clock_out_fill (struct ech_midi_clock_out *clock,
                              double                     beat,
                              double                     bpm,
                              uint64_t                   now_ns,
                              uint64_t                   until_ns,
                              void (*send) (void *data, uint8_t byte, uint64_t time_ns),
                              void *data);

/* --- in -------------------------------------------------------------------------------- */

/* A phase-locked loop over the ticks: jitter of single ticks does not reach the tempo. */
struct ech_midi_clock_in {
  double   period_ns; /* of a tick; 0 = none seen */
  double   expected_ns;
  uint64_t last_ns;
  unsigned n_ticks; /* since it began */
};

/**
 * ech_midi_clock_in_tick: an F8 at @time_ns
 * Returns: the tempo; 0 while it is not sure of it (the first beat, and after a pause of
 * half a second).
 */
double ech_midi_clock_in_tick (struct ech_midi_clock_in *clock, uint64_t time_ns);

#endif
