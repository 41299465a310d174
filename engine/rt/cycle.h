/* One graph cycle: plan the block, render each deck, mix, report.
 *
 * The same code runs in PipeWire's data loop (decks and mixer as separate nodes,
 * or all in one) and in the offline graph.  Everything is exact to the frame and
 * independent of how time is cut into blocks: the same commands give the same
 * bytes at any block size.
 *
 * Call order in a cycle: begin; deck for each deck, any order, each at most once;
 * mix.  A deck that is left out keeps its place in time.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_CYCLE_H
#define ECH_RT_CYCLE_H

#include "engine/rt/capture.h"
#include "engine/rt/exchange.h"

struct ech_cycle;

/* Bytes of a cycle: large (buffers inside); allocate outside the audio thread. */
size_t ech_cycle_size (void);

/**
 * ech_cycle_init: @cycle is memory of ech_cycle_size() bytes, aligned to 64
 * @n_decks: 1 .. ECH_MAX_DECKS
 * @rate: graph frames a second
 *
 * Frame 0 is beat 0 at 120 BPM.  Thread: any, before the audio thread runs.
 */
void ech_cycle_init (struct ech_cycle *cycle, struct ech_exchange *exchange, uint32_t n_decks, double rate);

/* Where the record output goes from now on; NULL: nowhere, and RECORD is refused.  Borrowed.
 * Thread: any, before the audio thread runs. */
void ech_cycle_set_capture (struct ech_cycle *cycle, struct ech_capture *capture);

/* Downstream delay, from our outputs to the speaker, as the devices report it: what a clock source
 * is asked for is the beat at the speaker.  From the coming block on; 0 until set.
 * Thread: audio (or any, when it is stopped).  RT-safe: yes. */
ECH_RT void ech_cycle_set_delay (struct ech_cycle *cycle, uint64_t delay_ns);

/* Gives back, as RETIRED feedback, each track still held.  Audio thread stopped. */
void ech_cycle_finish (struct ech_cycle *cycle);

/* The graph's rate changed (another device).  Keeps the beat; audio thread stopped. */
void ech_cycle_set_rate (struct ech_cycle *cycle, double rate);

/**
 * ech_cycle_begin: takes the commands in and plans the coming block
 * @n_frames: 0 .. ECH_MAX_BLOCK; 0 carries out what is due at the frame where the cycle
 *    stands, and reports, without time passing
 * @time_ns: CLOCK_MONOTONIC of the block's first frame
 * @skipped_frames: graph frames that the driver's clock went on without us (xrun)
 *
 * Thread: audio.  RT-safe: yes.
 */
ECH_RT void ech_cycle_begin (struct ech_cycle *cycle,
                             uint32_t          n_frames,
                             uint64_t          time_ns,
                             uint64_t          skipped_frames);

/**
 * ech_cycle_deck: renders @deck's block
 * @out_left, @out_right: n_frames each; either may be NULL (port not linked)
 * Thread: audio.  RT-safe: yes.
 */
ECH_RT void ech_cycle_deck (struct ech_cycle *cycle, uint32_t deck, float *out_left, float *out_right);

/* Planar buffers of one block; any pointer may be NULL. */
struct ech_mix_ports {
  const float *deck_left[ECH_MAX_DECKS];
  const float *deck_right[ECH_MAX_DECKS];
  float       *master[2];
  float       *headphones[2];
  float       *booth[2];
  float       *record[2];
};

/* Mixes the block, ends the cycle and publishes the report.  Thread: audio.  RT-safe: yes. */
ECH_RT void ech_cycle_mix (struct ech_cycle *cycle, const struct ech_mix_ports *ports);

/* Our own delay in frames from a deck's output to the master (the limiter's look-ahead). */
uint32_t ech_cycle_latency (const struct ech_cycle *cycle);

/* Graph frame of the coming block's first sample.  Thread: audio (or any, when it is stopped). */
uint64_t ech_cycle_frame (const struct ech_cycle *cycle);

/* The timeline from that frame on.  Thread: audio (or any, when it is stopped). */
struct ech_timeline ech_cycle_timeline (const struct ech_cycle *cycle);

#endif
