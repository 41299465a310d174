/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/graph/cycle-gate.h"

#include <string.h>

#include "engine/rt/denormals.h"

/* A clock that is further ahead than this was set anew; nothing was lost. */
enum { MAX_SKIP_S = 10 };

/* Cycles in a row that are left out because their clock stands. */
enum { MAX_REFUSED = 4 };

void
ech_cycle_gate_init (struct ech_cycle_gate *gate,
                     struct ech_cycle      *cycle,
                     uint32_t               n_decks,
                     uint32_t               rate)
{
  memset (gate, 0, sizeof *gate);
  gate->cycle   = cycle;
  gate->n_decks = n_decks;
  gate->rate    = rate;
}

void
ech_cycle_gate_set_open (struct ech_cycle_gate *gate, bool is_open)
{
  /* pairs with the acquire in enter(): what was set while shut is seen */
  atomic_store_explicit (&gate->is_open, is_open, memory_order_release);
}

uint32_t
ech_cycle_gate_wanted_rate (struct ech_cycle_gate *gate)
{
  return atomic_load_explicit (&gate->wanted_rate, memory_order_relaxed);
}

void
ech_cycle_gate_set_rate (struct ech_cycle_gate *gate, uint32_t rate)
{
  ech_cycle_set_rate (gate->cycle, rate);
  gate->rate      = rate;
  gate->has_clock = false; /* positions of the two rates cannot be compared */
  gate->is_begun  = false;
  gate->rendered  = 0;
  gate->kept      = 0;
  atomic_store_explicit (&gate->wanted_rate, 0, memory_order_relaxed);
}

static void
silence (float *out, uint32_t n_frames)
{
  if (out != NULL)
    memset (out, 0, n_frames * sizeof *out);
}

static void
silence_ports (const struct ech_mix_ports *ports, uint32_t n_frames)
{
  for (unsigned c = 0; c < 2; c++) {
    silence (ports->master[c], n_frames);
    silence (ports->headphones[c], n_frames);
    silence (ports->booth[c], n_frames);
    silence (ports->record[c], n_frames);
  }
}

static bool
is_same_cycle (const struct ech_graph_clock *a, const struct ech_graph_clock *b)
{
  return a->id == b->id && a->position == b->position && a->nsec == b->nsec;
}

/* A node that changes drivers may be called once or twice with what the new one's clock
 * was when it last ran, or with nothing in it.  Such a call is no time that passes. */
static bool
is_stale (struct ech_cycle_gate *gate, const struct ech_graph_clock *clock)
{
  bool is_behind = gate->has_clock && clock->id != gate->clock.id && clock->nsec < gate->clock.nsec;

  if (clock->nsec != 0 && !is_behind)
    return false;
  if (gate->n_refused > 0 && is_same_cycle (&gate->refused, clock))
    return true;
  if (gate->n_refused == MAX_REFUSED)
    return false; /* it is no slip: a driver of another time */
  gate->n_refused++;
  gate->refused = *clock;
  return true;
}

/* Frames by which the driver's clock went on without us. */
static uint64_t
skipped_frames (const struct ech_cycle_gate *gate, const struct ech_graph_clock *clock)
{
  uint64_t expected = gate->clock.position + gate->clock.n_frames;

  if (!gate->has_clock || clock->id != gate->clock.id || clock->position <= expected)
    return 0;
  if (clock->position - expected > (uint64_t) MAX_SKIP_S * clock->rate)
    return 0;
  return clock->position - expected;
}

static void
end_cycle (struct ech_cycle_gate *gate, const struct ech_mix_ports *ports)
{
  static const struct ech_mix_ports none;

  ech_cycle_mix (gate->cycle, ports != NULL ? ports : &none);
  gate->is_begun = false;
}

static void
open_cycle (struct ech_cycle_gate *gate, const struct ech_graph_clock *clock, bool is_whole)
{
  uint64_t skipped = skipped_frames (gate, clock);

  /* the mixer was not called: a node that is being linked may miss a cycle */
  if (gate->is_begun && !gate->is_whole)
    end_cycle (gate, NULL);
  gate->clock     = *clock;
  gate->has_clock = true;
  gate->is_whole  = is_whole || clock->n_frames > ECH_MAX_BLOCK;
  gate->rendered  = 0;
  gate->kept      = 0;
  gate->skipped   = skipped;
  gate->is_begun  = true;
  ech_cycle_set_delay (gate->cycle, atomic_load_explicit (&gate->delay_ns, memory_order_relaxed));
  if (!gate->is_whole)
    ech_cycle_begin (gate->cycle, clock->n_frames, clock->nsec, skipped);
}

/* Returns false when this call has to be silent. */
static bool
enter (struct ech_cycle_gate *gate, const struct ech_graph_clock *clock, bool is_whole)
{
  /* pairs with the release in ech_cycle_gate_set_open() */
  if (!atomic_load_explicit (&gate->is_open, memory_order_acquire) || clock->n_frames == 0)
    return false;
  if (clock->rate != gate->rate) {
    atomic_store_explicit (&gate->wanted_rate, clock->rate, memory_order_relaxed);
    return false;
  }
  if (!gate->has_denormals_off) {
    ech_denormals_off ();
    gate->has_denormals_off = true;
  }
  if (!gate->has_clock || !is_same_cycle (&gate->clock, clock)) {
    if (is_stale (gate, clock))
      return false;
    gate->n_refused = 0;
    atomic_store_explicit (&gate->last_rate, clock->rate, memory_order_relaxed);
    atomic_store_explicit (&gate->last_frames, clock->n_frames, memory_order_relaxed);
    open_cycle (gate, clock, is_whole);
  }
  return true;
}

static void
fetch (float *out, const float *scratch, uint32_t n_frames)
{
  if (out != NULL)
    memcpy (out, scratch, n_frames * sizeof *out);
}

void
ech_cycle_gate_deck (struct ech_cycle_gate        *gate,
                     const struct ech_graph_clock *clock,
                     uint32_t                      deck,
                     float                        *out_left,
                     float                        *out_right)
{
  uint32_t bit = 1u << deck;

  if (enter (gate, clock, false)) {
    if (gate->is_begun && !gate->is_whole && !(gate->rendered & bit)) {
      gate->rendered |= bit;
      ech_cycle_deck (gate->cycle, deck, out_left, out_right);
      return;
    }
    if (gate->kept & bit) {
      gate->kept &= ~bit;
      fetch (out_left, gate->scratch[deck][0], clock->n_frames);
      fetch (out_right, gate->scratch[deck][1], clock->n_frames);
      return;
    }
  }
  silence (out_left, clock->n_frames);
  silence (out_right, clock->n_frames);
}

static void
render_missing_decks (struct ech_cycle_gate *gate)
{
  for (uint32_t d = 0; d < gate->n_decks; d++)
    if (!(gate->rendered & 1u << d)) {
      ech_cycle_deck (gate->cycle, d, gate->scratch[d][0], gate->scratch[d][1]);
      gate->rendered |= 1u << d;
      gate->kept |= 1u << d;
    }
}

static float *
advance (float *port, uint32_t frames)
{
  return port != NULL ? port + frames : NULL;
}

/* Decks straight into the mixer, a slice of the block at a time. */
static void
render_whole (struct ech_cycle_gate *gate, const struct ech_mix_ports *ports)
{
  const struct ech_graph_clock *clock = &gate->clock;

  for (uint32_t at = 0; at < clock->n_frames; at += ECH_MAX_BLOCK) {
    uint32_t             rest    = clock->n_frames - at;
    uint32_t             n       = rest < ECH_MAX_BLOCK ? rest : ECH_MAX_BLOCK;
    uint64_t             time_ns = clock->nsec + (uint64_t) at * 1000000000u / clock->rate;
    struct ech_mix_ports slice   = { 0 };

    ech_cycle_begin (gate->cycle, n, time_ns, at == 0 ? gate->skipped : 0);
    for (uint32_t d = 0; d < gate->n_decks; d++) {
      ech_cycle_deck (gate->cycle, d, gate->scratch[d][0], gate->scratch[d][1]);
      slice.deck_left[d]  = gate->scratch[d][0];
      slice.deck_right[d] = gate->scratch[d][1];
    }
    for (unsigned c = 0; c < 2; c++) {
      slice.master[c]     = advance (ports->master[c], at);
      slice.headphones[c] = advance (ports->headphones[c], at);
      slice.booth[c]      = advance (ports->booth[c], at);
      slice.record[c]     = advance (ports->record[c], at);
    }
    end_cycle (gate, &slice);
  }
}

void
ech_cycle_gate_mix (struct ech_cycle_gate        *gate,
                    const struct ech_graph_clock *clock,
                    const struct ech_mix_ports   *ports)
{
  if (!enter (gate, clock, false)) {
    silence_ports (ports, clock->n_frames);
  } else if (!gate->is_begun) {
    silence_ports (ports, clock->n_frames); /* a second call in one cycle */
  } else if (gate->is_whole) {
    render_whole (gate, ports);
  } else {
    render_missing_decks (gate);
    end_cycle (gate, ports);
  }
}

void
ech_cycle_gate_all (struct ech_cycle_gate        *gate,
                    const struct ech_graph_clock *clock,
                    const struct ech_mix_ports   *ports)
{
  if (enter (gate, clock, true) && gate->is_begun)
    render_whole (gate, ports);
  else
    silence_ports (ports, clock->n_frames);
}
