/* A cycle that plays a known pattern and watches how it is called.
 *
 * Stands in for engine/rt/cycle.c in tests of the graph: each deck's each sample
 * tells its deck, its side and its graph frame, and the mixer passes deck a to the
 * master, b to the headphones, c to the booth, d to the record outputs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef TESTS_FAKE_CYCLE_H
#define TESTS_FAKE_CYCLE_H

#include "engine/rt/cycle.h"

enum { FAKE_LATENCY_FRAMES = 96 };

struct fake_counts {
  uint64_t frame;
  uint64_t begins;
  uint64_t mixes;
  uint64_t decks;
  uint64_t skips; /* begins with skipped frames */
  uint64_t skipped_frames;
  uint64_t rates;      /* calls of set_rate */
  uint64_t errors;     /* calls against the contract of engine/rt/cycle.h */
  uint64_t times_back; /* blocks that did not begin later than the one before */
  uint64_t max_block;
};

/* As they stand together; a moment old while the audio thread runs.  Thread: any. */
struct fake_counts fake_cycle_counts (struct ech_cycle *cycle);

/* 24 bits, never 0 for long: value of @deck's @side at graph frame @frame. */
static inline float
fake_sample (uint32_t deck, uint32_t side, uint64_t frame)
{
  uint32_t bits = (uint32_t) (frame * 7919u + (deck * 2 + side) * 131u) & 0xffffffu;

  return (float) ((int32_t) bits - 0x800000) / 8388608.0f;
}

#endif
