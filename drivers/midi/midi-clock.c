/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/midi/midi-clock.h"

#include <math.h>

#define LOST_NS    500000000.0
#define BAR_TICKS  (4 * ECH_MIDI_TICKS)
#define MIN_BPM    20.0
#define MAX_BPM    999.0
#define PHASE_GAIN 0.1
#define RATE_GAIN  0.01

enum { SURE_AFTER = 2 * ECH_MIDI_TICKS, AVERAGED = ECH_MIDI_TICKS, MOST_AT_ONCE = 256 };

void
ech_midi_clock_out_fill (struct ech_midi_clock_out *clock,
                         double                     beat,
                         double                     bpm,
                         uint64_t                   now_ns,
                         uint64_t                   until_ns,
                         void (*send) (void *data, uint8_t byte, uint64_t time_ns),
                         void *data)
{
  double ns_per_tick = 60e9 / bpm / ECH_MIDI_TICKS;
  double at_tick     = beat * ECH_MIDI_TICKS;

  /* at the beginning, and after the session's beat jumped: from here on, no burst */
  if (!clock->running || fabs (clock->tick - at_tick) > BAR_TICKS) {
    clock->tick    = (int64_t) ceil (at_tick);
    clock->running = true;
  }
  for (unsigned i = 0; i < MOST_AT_ONCE; i++) {
    double ahead_ns = (clock->tick - at_tick) * ns_per_tick;
    double due_ns   = (double) now_ns + (ahead_ns > 0 ? ahead_ns : 0);

    if (due_ns >= (double) until_ns)
      return;
    if (!clock->started && clock->tick % BAR_TICKS == 0) {
      clock->started = true;
      send (data, 0xfa, (uint64_t) due_ns);
    }
    send (data, 0xf8, (uint64_t) due_ns);
    clock->tick++;
  }
}

static double
bpm_of (double period_ns)
{
  double bpm = 60e9 / (period_ns * ECH_MIDI_TICKS);

  return bpm >= MIN_BPM && bpm <= MAX_BPM ? bpm : 0;
}

double
ech_midi_clock_in_tick (struct ech_midi_clock_in *clock, uint64_t time_ns)
{
  double now     = (double) time_ns;
  double elapsed = now - (double) clock->last_ns;
  double error;

  if (clock->n_ticks == 0 || elapsed > LOST_NS || elapsed < 0) {
    *clock = (struct ech_midi_clock_in){ .n_ticks = 1, .last_ns = time_ns, .expected_ns = now };
    return 0;
  }
  clock->last_ns = time_ns;
  clock->n_ticks++;
  if (clock->n_ticks <= AVERAGED) { /* the plain mean gives it a start */
    clock->period_ns = (now - clock->expected_ns) / (clock->n_ticks - 1);
    if (clock->n_ticks == AVERAGED)
      clock->expected_ns = now;
    return 0;
  }
  clock->expected_ns += clock->period_ns;
  error = now - clock->expected_ns;
  if (fabs (error) > 4 * clock->period_ns) { /* another tempo altogether */
    *clock = (struct ech_midi_clock_in){ .n_ticks = 1, .last_ns = time_ns, .expected_ns = now };
    return 0;
  }
  clock->expected_ns += PHASE_GAIN * error;
  clock->period_ns += RATE_GAIN * error;
  return clock->n_ticks > SURE_AFTER ? bpm_of (clock->period_ns) : 0;
}
