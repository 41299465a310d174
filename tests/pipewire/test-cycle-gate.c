/* The gate driven by hand: calls in every order that PipeWire may choose.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <string.h>

#include "engine/graph/cycle-gate.h"
#include "tests/pipewire/fake-cycle.h"

enum { RATE = 48000, N_DECKS = 2, N = 64 };

struct rig {
  struct ech_cycle      *cycle;
  struct ech_cycle_gate *gate;
  struct ech_graph_clock clock;
  float                  decks[ECH_MAX_DECKS][2][3 * ECH_MAX_BLOCK];
  float                  out[2][3 * ECH_MAX_BLOCK];
};

static struct rig *
rig_new (void)
{
  struct rig *rig = g_new0 (struct rig, 1);

  rig->cycle = g_malloc0 (ech_cycle_size());
  rig->gate  = g_new0 (struct ech_cycle_gate, 1);
  ech_cycle_init (rig->cycle, NULL, N_DECKS, RATE);
  ech_cycle_gate_init (rig->gate, rig->cycle, N_DECKS, RATE);
  ech_cycle_gate_set_open (rig->gate, true);
  rig->clock = (struct ech_graph_clock){ .id = 7, .rate = RATE, .nsec = 1000000000, .n_frames = N };
  return rig;
}

static struct fake_counts
counts (struct rig *rig)
{
  return fake_cycle_counts (rig->cycle);
}

static void
rig_free (struct rig *rig)
{
  g_assert_cmpuint (counts (rig).errors, ==, 0);
  g_free (rig->cycle);
  g_free (rig->gate);
  g_free (rig);
}

static void
tick (struct rig *rig)
{
  rig->clock.position += rig->clock.n_frames;
  rig->clock.nsec += rig->clock.n_frames * 1000000000ull / RATE;
}

static void
call_deck (struct rig *rig, uint32_t deck)
{
  /* what was there before must not shine through */
  memset (rig->decks[deck], 0x55, sizeof rig->decks[deck]);
  ech_cycle_gate_deck (rig->gate, &rig->clock, deck, rig->decks[deck][0], rig->decks[deck][1]);
}

/* @n_linked decks feed the mixer; master = deck a. */
static void
call_mixer (struct rig *rig, uint32_t n_linked)
{
  struct ech_mix_ports ports = { .master = { rig->out[0], rig->out[1] } };

  for (uint32_t d = 0; d < n_linked; d++) {
    ports.deck_left[d]  = rig->decks[d][0];
    ports.deck_right[d] = rig->decks[d][1];
  }
  memset (rig->out, 0x55, sizeof rig->out);
  ech_cycle_gate_mix (rig->gate, &rig->clock, &ports);
}

static void
call_all (struct rig *rig)
{
  struct ech_mix_ports ports = { .master = { rig->out[0], rig->out[1] } };

  memset (rig->out, 0x55, sizeof rig->out);
  ech_cycle_gate_all (rig->gate, &rig->clock, &ports);
}

static void
assert_pattern (const float *samples, uint32_t deck, uint32_t side, uint64_t frame, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    g_assert_cmpfloat (samples[i], ==, fake_sample (deck, side, frame + i));
}

static void
assert_silent (const float *samples, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    g_assert_cmpfloat (samples[i], ==, 0.0f);
}

static void
test_any_order_of_decks (void)
{
  static const uint32_t orders[][N_DECKS] = { { 0, 1 }, { 1, 0 } };
  struct rig           *rig               = rig_new();

  for (unsigned turn = 0; turn < 6; turn++) {
    for (unsigned i = 0; i < N_DECKS; i++)
      call_deck (rig, orders[turn % 2][i]);
    call_mixer (rig, N_DECKS);
    assert_pattern (rig->out[0], 0, 0, turn * N, N);
    assert_pattern (rig->decks[1][1], 1, 1, turn * N, N);
    tick (rig);
  }
  g_assert_cmpuint (counts (rig).begins, ==, 6);
  g_assert_cmpuint (counts (rig).frame, ==, 6 * N);
  rig_free (rig);
}

static void
test_decks_after_the_mixer_are_heard (void)
{
  struct rig *rig = rig_new();

  for (unsigned turn = 0; turn < 3; turn++) {
    call_deck (rig, 0);
    call_mixer (rig, 1);
    call_deck (rig, 1);
    assert_pattern (rig->out[0], 0, 0, turn * N, N);
    assert_pattern (rig->decks[1][0], 1, 0, turn * N, N);
    assert_pattern (rig->decks[1][1], 1, 1, turn * N, N);
    tick (rig);
  }
  g_assert_cmpuint (counts (rig).decks, ==, 3 * N_DECKS);
  rig_free (rig);
}

static void
test_mixer_without_decks (void)
{
  struct rig *rig = rig_new();

  call_mixer (rig, 0);
  assert_silent (rig->out[0], N);
  tick (rig);
  call_deck (rig, 0);
  call_deck (rig, 1);
  call_mixer (rig, 2);
  assert_pattern (rig->out[0], 0, 0, N, N);
  rig_free (rig);
}

static void
test_decks_without_mixer (void)
{
  struct rig *rig = rig_new();

  for (unsigned turn = 0; turn < 4; turn++) {
    call_deck (rig, 1);
    assert_pattern (rig->decks[1][0], 1, 0, turn * N, N);
    tick (rig);
  }
  /* the cycle that waits is ended by the next one's first call */
  g_assert_cmpuint (counts (rig).begins, ==, 4);
  g_assert_cmpuint (counts (rig).mixes, ==, 3);
  call_mixer (rig, 0);
  g_assert_cmpuint (counts (rig).frame, ==, 5 * N);
  rig_free (rig);
}

static void
test_second_call_is_silent (void)
{
  struct rig *rig = rig_new();

  call_deck (rig, 0);
  call_deck (rig, 0);
  assert_silent (rig->decks[0][0], N);
  call_mixer (rig, 2);
  call_mixer (rig, 2);
  assert_silent (rig->out[0], N);
  call_all (rig);
  assert_silent (rig->out[0], N);
  g_assert_cmpuint (counts (rig).begins, ==, 1);
  rig_free (rig);
}

static void
test_unlinked_ports (void)
{
  struct rig          *rig   = rig_new();
  struct ech_mix_ports ports = { 0 };

  ech_cycle_gate_deck (rig->gate, &rig->clock, 0, NULL, NULL);
  ech_cycle_gate_deck (rig->gate, &rig->clock, 1, NULL, rig->decks[1][1]);
  ech_cycle_gate_mix (rig->gate, &rig->clock, &ports);
  assert_pattern (rig->decks[1][1], 1, 1, 0, N);
  tick (rig);
  ech_cycle_gate_all (rig->gate, &rig->clock, &ports);
  g_assert_cmpuint (counts (rig).frame, ==, 2 * N);
  rig_free (rig);
}

static const struct {
  const char *why;
  uint32_t    id;
  int64_t     jump_frames;
  int64_t     jump_ns;
  uint64_t    skipped;
} jumps[] = {
  { "no jump", 7, 0, 0, 0 },
  { "a lost block", 7, N, 1333333, N },
  { "one frame", 7, 1, 20833, 1 },
  { "ten seconds are still an xrun", 7, 10 * RATE, 10000000000, 10 * RATE },
  { "more was set anew", 7, 10 * RATE + 1, 10000020833, 0 },
  { "backwards was set anew", 7, -N / 2, 1000, 0 },
  { "another driver has another count", 8, 12345, 1000, 0 },
};

static void
test_jumps (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (jumps); i++)
    for (unsigned fused = 0; fused < 2; fused++) {
      struct rig *rig = rig_new();

      g_test_message ("%s", jumps[i].why);
      rig->clock.position = 1000;
      for (unsigned turn = 0; turn < 2; turn++) {
        if (fused)
          call_all (rig);
        else
          call_mixer (rig, 0);
        tick (rig);
        if (turn == 0) {
          rig->clock.id = jumps[i].id;
          rig->clock.position += jumps[i].jump_frames;
          rig->clock.nsec += jumps[i].jump_ns;
        }
      }
      g_assert_cmpuint (counts (rig).skipped_frames, ==, jumps[i].skipped);
      g_assert_cmpuint (counts (rig).frame, ==, 2 * N + jumps[i].skipped);
      rig_free (rig);
    }
}

/* Seen when nodes move between drivers: one call with time 0, or with a time long past. */
static void
test_clocks_that_stand (void)
{
  static const uint64_t  times[] = { 0, 1 };
  struct rig            *rig     = rig_new();
  struct ech_graph_clock real;

  call_mixer (rig, 0);
  tick (rig);
  real = rig->clock;
  for (unsigned i = 0; i < G_N_ELEMENTS (times); i++) {
    rig->clock.id   = 8 + i;
    rig->clock.nsec = times[i];
    call_deck (rig, 0);
    assert_silent (rig->decks[0][0], N);
    call_mixer (rig, 1);
    assert_silent (rig->out[0], N);
  }
  g_assert_cmpuint (counts (rig).begins, ==, 1);
  rig->clock = real;
  call_mixer (rig, 0);
  g_assert_cmpuint (counts (rig).begins, ==, 2);
  g_assert_cmpuint (counts (rig).skipped_frames, ==, 0);

  /* a driver that really lives in another time is not left out for long */
  rig->clock.id   = 20;
  rig->clock.nsec = 5000;
  for (unsigned i = 0; i < 10; i++) {
    call_mixer (rig, 0);
    tick (rig);
  }
  g_assert_cmpuint (counts (rig).begins, ==, 2 + 6);
  rig_free (rig);
}

static void
test_shut_gate (void)
{
  struct rig *rig = rig_new();

  call_deck (rig, 0);
  ech_cycle_gate_set_open (rig->gate, false);
  call_deck (rig, 1);
  call_mixer (rig, 2);
  assert_silent (rig->decks[1][0], N);
  assert_silent (rig->out[0], N);
  tick (rig);
  call_all (rig);
  assert_silent (rig->out[0], N);
  g_assert_cmpuint (counts (rig).mixes, ==, 0);
  ech_cycle_gate_set_open (rig->gate, true);
  tick (rig);
  call_deck (rig, 0);
  call_deck (rig, 1);
  call_mixer (rig, 2);
  g_assert_cmpuint (counts (rig).begins, ==, 2);
  rig_free (rig);
}

static void
test_rate (void)
{
  struct rig *rig = rig_new();

  call_mixer (rig, 0);
  tick (rig);
  rig->clock.rate = 96000;
  call_deck (rig, 0);
  call_mixer (rig, 1);
  assert_silent (rig->decks[0][0], N);
  assert_silent (rig->out[0], N);
  g_assert_cmpuint (ech_cycle_gate_wanted_rate (rig->gate), ==, 96000);
  g_assert_cmpuint (counts (rig).begins, ==, 1);

  ech_cycle_gate_set_open (rig->gate, false);
  ech_cycle_gate_set_rate (rig->gate, 96000);
  ech_cycle_gate_set_open (rig->gate, true);
  g_assert_cmpuint (ech_cycle_gate_wanted_rate (rig->gate), ==, 0);
  rig->clock.position = 1 << 30;
  call_deck (rig, 0);
  call_mixer (rig, 1);
  assert_pattern (rig->out[0], 0, 0, N, N);
  g_assert_cmpuint (counts (rig).skipped_frames, ==, 0);
  rig_free (rig);
}

static void
test_long_blocks (void)
{
  static const uint32_t lengths[] = { ECH_MAX_BLOCK, ECH_MAX_BLOCK + 1, 2 * ECH_MAX_BLOCK, 20000 };

  for (unsigned fused = 0; fused < 2; fused++)
    for (unsigned i = 0; i < G_N_ELEMENTS (lengths); i++) {
      struct rig *rig     = rig_new();
      bool        is_long = lengths[i] > ECH_MAX_BLOCK;

      rig->clock.n_frames = lengths[i];
      for (unsigned turn = 0; turn < 3; turn++) {
        if (fused) {
          call_all (rig);
        } else {
          call_deck (rig, 0);
          if (is_long)
            assert_silent (rig->decks[0][0], lengths[i]);
          call_deck (rig, 1);
          call_mixer (rig, 2);
        }
        assert_pattern (rig->out[0], 0, 0, (uint64_t) turn * lengths[i], lengths[i]);
        assert_pattern (rig->out[1], 0, 1, (uint64_t) turn * lengths[i], lengths[i]);
        tick (rig);
      }
      g_assert_cmpuint (counts (rig).max_block, <=, ECH_MAX_BLOCK);
      g_assert_cmpuint (counts (rig).frame, ==, 3ull * lengths[i]);
      rig_free (rig);
    }
}

/* Calls at random: whatever comes, the contract of engine/rt/cycle.h is kept, and time
 * passes by as much as the blocks that were begun. */
static void
test_random_calls (void)
{
  struct rig *rig  = rig_new();
  GRand      *rand = g_rand_new_with_seed (20261122);

  for (unsigned i = 0; i < 20000; i++) {
    switch (g_rand_int_range (rand, 0, 12)) {
    case 0:
      rig->clock.id = g_rand_int_range (rand, 1, 4);
      break;
    case 1:
      rig->clock.position += g_rand_int_range (rand, 0, 1000);
      break;
    case 2:
      rig->clock.n_frames = g_rand_int_range (rand, 0, 300);
      break;
    case 3:
      ech_cycle_gate_set_open (rig->gate, g_rand_boolean (rand));
      break;
    case 4:
      rig->clock.nsec = g_rand_int_range (rand, 0, 3) * 1000000000ull;
      break;
    case 5:
      ech_cycle_gate_deck (rig->gate, &rig->clock, 0, rig->decks[0][0], rig->decks[0][1]);
      break;
    case 6:
      ech_cycle_gate_deck (rig->gate, &rig->clock, 1, rig->decks[1][0], NULL);
      break;
    case 7:
    case 8: {
      struct ech_mix_ports ports = { .deck_left = { rig->decks[0][0] }, .master = { rig->out[0] } };

      ech_cycle_gate_mix (rig->gate, &rig->clock, &ports);
      break;
    }
    default:
      tick (rig);
    }
  }
  g_assert_cmpuint (counts (rig).begins, >, 1000);
  g_rand_free (rand);
  rig_free (rig);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gate/any-order-of-decks", test_any_order_of_decks);
  g_test_add_func ("/gate/decks-after-the-mixer-are-heard", test_decks_after_the_mixer_are_heard);
  g_test_add_func ("/gate/mixer-without-decks", test_mixer_without_decks);
  g_test_add_func ("/gate/decks-without-mixer", test_decks_without_mixer);
  g_test_add_func ("/gate/second-call-is-silent", test_second_call_is_silent);
  g_test_add_func ("/gate/unlinked-ports", test_unlinked_ports);
  g_test_add_func ("/gate/jumps", test_jumps);
  g_test_add_func ("/gate/clocks-that-stand", test_clocks_that_stand);
  g_test_add_func ("/gate/shut", test_shut_gate);
  g_test_add_func ("/gate/rate", test_rate);
  g_test_add_func ("/gate/long-blocks", test_long_blocks);
  g_test_add_func ("/gate/random-calls", test_random_calls);
  return g_test_run();
}
