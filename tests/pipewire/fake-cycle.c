/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/pipewire/fake-cycle.h"

#include <string.h>

enum { N_COUNTS = sizeof (struct fake_counts) / sizeof (uint64_t) };

struct ech_cycle {
  uint32_t           n_decks;
  double             rate;
  uint32_t           n_frames;
  bool               is_begun;
  uint32_t           done;
  uint64_t           last_ns;
  struct fake_counts counts;

  /* the same for other threads: odd while it changes */
  atomic_uint          version;
  atomic_uint_fast64_t shared[N_COUNTS];
};

static void
publish (struct ech_cycle *cycle)
{
  uint64_t words[N_COUNTS];

  memcpy (words, &cycle->counts, sizeof words);
  atomic_fetch_add (&cycle->version, 1);
  for (unsigned i = 0; i < N_COUNTS; i++)
    atomic_store (&cycle->shared[i], words[i]);
  atomic_fetch_add (&cycle->version, 1);
}

size_t
ech_cycle_size (void)
{
  return sizeof (struct ech_cycle);
}

void
ech_cycle_init (struct ech_cycle    *cycle,
                struct ech_exchange *exchange,
                uint32_t             n_decks,
                double               rate)
{
  memset (cycle, 0, sizeof *cycle);
  cycle->n_decks = n_decks;
  cycle->rate    = rate;
}

void
ech_cycle_finish (struct ech_cycle *cycle)
{
}

void
ech_cycle_set_delay (struct ech_cycle *cycle, uint64_t delay_ns)
{
}

void
ech_cycle_set_rate (struct ech_cycle *cycle, double rate)
{
  cycle->counts.rates++;
  cycle->rate = rate;
  publish (cycle);
}

void
ech_cycle_begin (struct ech_cycle *cycle,
                 uint32_t          n_frames,
                 uint64_t          time_ns,
                 uint64_t          skipped_frames)
{
  if (cycle->is_begun || n_frames > ECH_MAX_BLOCK)
    cycle->counts.errors++;
  if (time_ns <= cycle->last_ns)
    cycle->counts.times_back++;
  cycle->last_ns = time_ns;
  if (skipped_frames > 0)
    cycle->counts.skips++;
  if (n_frames > cycle->counts.max_block)
    cycle->counts.max_block = n_frames;
  cycle->counts.skipped_frames += skipped_frames;
  cycle->counts.frame += skipped_frames;
  cycle->counts.begins++;
  cycle->n_frames = n_frames;
  cycle->is_begun = true;
  cycle->done     = 0;
  publish (cycle);
}

static void
fill (const struct ech_cycle *cycle, uint32_t deck, uint32_t side, float *out)
{
  for (uint32_t i = 0; out != NULL && i < cycle->n_frames; i++)
    out[i] = fake_sample (deck, side, cycle->counts.frame + i);
}

void
ech_cycle_deck (struct ech_cycle *cycle, uint32_t deck, float *out_left, float *out_right)
{
  if (!cycle->is_begun || deck >= cycle->n_decks || (cycle->done & 1u << deck))
    cycle->counts.errors++;
  cycle->done |= 1u << deck;
  cycle->counts.decks++;
  fill (cycle, deck, 0, out_left);
  fill (cycle, deck, 1, out_right);
  publish (cycle);
}

static void
pass (const struct ech_cycle *cycle, const float *in, float *out)
{
  if (out == NULL)
    return;
  if (in != NULL)
    memcpy (out, in, cycle->n_frames * sizeof *out);
  else
    memset (out, 0, cycle->n_frames * sizeof *out);
}

void
ech_cycle_mix (struct ech_cycle *cycle, const struct ech_mix_ports *ports)
{
  float *const *outs[ECH_MAX_DECKS] = { ports->master, ports->headphones, ports->booth,
                                        ports->record };

  if (!cycle->is_begun)
    cycle->counts.errors++;
  for (uint32_t d = 0; d < ECH_MAX_DECKS; d++) {
    pass (cycle, ports->deck_left[d], outs[d][0]);
    pass (cycle, ports->deck_right[d], outs[d][1]);
  }
  cycle->is_begun = false;
  cycle->counts.mixes++;
  cycle->counts.frame += cycle->n_frames;
  publish (cycle);
}

uint32_t
ech_cycle_latency (const struct ech_cycle *cycle)
{
  return FAKE_LATENCY_FRAMES;
}

uint64_t
ech_cycle_frame (const struct ech_cycle *cycle)
{
  return cycle->counts.frame;
}

struct fake_counts
fake_cycle_counts (struct ech_cycle *cycle)
{
  uint64_t           words[N_COUNTS];
  struct fake_counts counts;
  unsigned           before, after;

  do {
    before = atomic_load (&cycle->version);
    for (unsigned i = 0; i < N_COUNTS; i++)
      words[i] = atomic_load (&cycle->shared[i]);
    after = atomic_load (&cycle->version);
  } while (before != after || before % 2 != 0);
  memcpy (&counts, words, sizeof counts);
  return counts;
}
