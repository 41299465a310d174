/* Brings the calls of several PipeWire nodes into the order of one engine cycle.
 *
 * PipeWire calls each node on its own, in the order that the links ask for.  The
 * gate finds out which call opens a graph cycle, begins the engine's cycle there,
 * and ends it with the mixer.  It knows no PipeWire: tests drive it by hand.
 *
 * The usual order is decks, mixer.  A deck that has no link to the mixer may be
 * called after it; its block is then rendered at the mixer's call and kept, so
 * that a deck patched past the mixer is heard all the same.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_GRAPH_CYCLE_GATE_H
#define ECH_GRAPH_CYCLE_GATE_H

#include <stdatomic.h>

#include "engine/rt/cycle.h"

/* The driver's clock in one graph cycle. */
struct ech_graph_clock {
  uint32_t id;       /* of the driver */
  uint32_t rate;     /* frames a second */
  uint64_t position; /* driver's frames; continuous unless cycles were lost */
  uint64_t nsec;     /* CLOCK_MONOTONIC of the cycle's first frame */
  uint32_t n_frames;
};

struct ech_cycle_gate {
  struct ech_cycle *cycle; /* borrowed */
  uint32_t          n_decks;

  /* shared */
  _Atomic bool     is_open;     /* written by the main side, on the audio thread */
  _Atomic uint32_t wanted_rate; /* the graph's rate where it is not the cycle's, else 0 */
  _Atomic uint32_t last_rate;   /* of the newest graph cycle */
  _Atomic uint32_t last_frames;
  _Atomic uint64_t delay_ns; /* from the outputs to the speaker; written by the main side */

  /* audio thread, or the main side while the gate is shut */
  uint32_t               rate; /* the cycle's; 0 = not known yet */
  struct ech_graph_clock clock;
  bool                   has_clock;
  struct ech_graph_clock refused;   /* the newest call with a clock that stands */
  uint32_t               n_refused; /* such cycles in a row */
  bool                   is_begun;  /* the engine's cycle waits for its mix */
  bool                   is_whole;  /* block too long to be shared out: the mixer does all */
  bool                   has_denormals_off;
  uint64_t               skipped;  /* before this block */
  uint32_t               rendered; /* decks that this cycle has rendered, a bit each */
  uint32_t               kept;     /* of these: into `scratch`, not fetched yet */
  float                  scratch[ECH_MAX_DECKS][2][ECH_MAX_BLOCK];
};

/**
 * ech_cycle_gate_init: shut, no clock
 * @rate: what @cycle was initialised with; 0 = unknown, the graph's is asked for
 * Thread: any, before the audio thread runs.
 */
void ech_cycle_gate_init (struct ech_cycle_gate *gate,
                          struct ech_cycle      *cycle,
                          uint32_t               n_decks,
                          uint32_t               rate);

/* A shut gate gives silence and leaves the cycle alone.  Thread: audio, between two calls
 * (or any, when it is stopped). */
void ech_cycle_gate_set_open (struct ech_cycle_gate *gate, bool is_open);

/* The graph's rate when it is not the cycle's (the output is silent until
 * ech_cycle_gate_set_rate()), else 0.  Thread: any. */
uint32_t ech_cycle_gate_wanted_rate (struct ech_cycle_gate *gate);

/* Thread: main, with the gate shut. */
void ech_cycle_gate_set_rate (struct ech_cycle_gate *gate, uint32_t rate);

/**
 * ech_cycle_gate_deck: a deck node's call
 * @out_left, @out_right: clock->n_frames each; either may be NULL
 * Thread: audio.  RT-safe: yes.
 */
ECH_RT void ech_cycle_gate_deck (struct ech_cycle_gate        *gate,
                                 const struct ech_graph_clock *clock,
                                 uint32_t                      deck,
                                 float                        *out_left,
                                 float                        *out_right);

/**
 * ech_cycle_gate_mix: the mixer node's call
 *
 * Blocks over ECH_MAX_BLOCK are cut into slices and the decks go straight into the
 * mixer: what is patched between them is left out for as long.
 *
 * Thread: audio.  RT-safe: yes.
 */
ECH_RT void ech_cycle_gate_mix (struct ech_cycle_gate        *gate,
                                const struct ech_graph_clock *clock,
                                const struct ech_mix_ports   *ports);

/* The fused node's call: decks and mixer, any block length.  Thread: audio.  RT-safe: yes. */
ECH_RT void ech_cycle_gate_all (struct ech_cycle_gate        *gate,
                                const struct ech_graph_clock *clock,
                                const struct ech_mix_ports   *ports);

#endif
