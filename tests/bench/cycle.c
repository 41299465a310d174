/* What a cycle costs: decks with EQ in use and sped up, mixer and limiter; time and block sizes, with
 * and without key lock.
 *
 * usage: bench-cycle            a table of ns and of the share of the block's time
 *        bench-cycle N BLOCK K  K cycles of N decks, for callgrind
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/rt/cycle.h"

enum { RATE = 48000, TRACK_FRAMES = RATE * 120, RUNS = 7 };

static struct ech_pcm track;

static void
release (struct ech_pcm *pcm)
{
}

static void
make_track (void)
{
  float *samples = malloc (2 * sizeof (float) * TRACK_FRAMES);

  for (int i = 0; i < TRACK_FRAMES; i++)
    samples[2 * i] = samples[2 * i + 1] = 0.2f * sinf ((float) i * 0.05f);
  track.frames  = samples;
  track.rate    = RATE;
  track.release = release;
  atomic_store (&track.length_frames, TRACK_FRAMES);
  atomic_store (&track.decoded_frames, TRACK_FRAMES);
}

static void
push (struct ech_exchange *x, struct ech_command command)
{
  command.at = NAN;
  if (!ech_ring_push (&x->commands, &command))
    abort ();
}

static void
run (struct ech_cycle *cycle, uint32_t n_decks, uint32_t block, int n_cycles)
{
  static float         deck[ECH_MAX_DECKS][2][ECH_MAX_BLOCK], out[4][2][ECH_MAX_BLOCK];
  struct ech_mix_ports ports = {
    .master = { out[0][0], out[0][1] }, .headphones = { out[1][0], out[1][1] },
    .booth = { out[2][0], out[2][1] }, .record = { out[3][0], out[3][1] },
  };

  for (int k = 0; k < n_cycles; k++) {
    ech_cycle_begin (cycle, block, 0, 0);
    for (uint32_t i = 0; i < n_decks; i++) {
      ech_cycle_deck (cycle, i, deck[i][0], deck[i][1]);
      ports.deck_left[i]  = deck[i][0];
      ports.deck_right[i] = deck[i][1];
    }
    ech_cycle_mix (cycle, &ports);
  }
}

static struct ech_cycle *
make_cycle (uint32_t n_decks, bool keylock)
{
  struct ech_exchange *x     = aligned_alloc (64, (sizeof *x + 63) & ~(size_t) 63);
  struct ech_cycle    *cycle = aligned_alloc (64, ech_cycle_size ());

  ech_exchange_init (x);
  ech_cycle_init (cycle, x, n_decks, RATE);
  for (uint32_t i = 0; i < n_decks; i++) {
    push (x, (struct ech_command){ .type = ECH_COMMAND_SET_TRACK, .deck = (uint8_t) i, .pcm = &track, .generation = 1 });
    push (x, (struct ech_command){ .type = ECH_COMMAND_SPEED, .deck = (uint8_t) i, .value = 1.03 });
    push (x, (struct ech_command){ .type = ECH_COMMAND_PARAM, .deck = (uint8_t) i, .param = ECH_PARAM_EQ_LOW, .value = -6.0 });
    push (x, (struct ech_command){ .type = ECH_COMMAND_KEYLOCK, .deck = (uint8_t) i, .value = keylock });
    push (x, (struct ech_command){ .type = ECH_COMMAND_PLAY, .deck = (uint8_t) i, .value = 0.0 });
  }
  return cycle;
}

static double
now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

/* Returns the mean of the best run; a cycle's worst is that of the run where it was smallest. */
static double
measure (uint32_t n_decks, uint32_t block, bool keylock, double *out_worst)
{
  int               n_cycles = RATE * 4 / (int) block;
  struct ech_cycle *cycle    = make_cycle (n_decks, keylock);
  double            best     = INFINITY;

  *out_worst = INFINITY;
  for (int i = 0; i < RUNS; i++) {
    double start = now_ns (), worst = 0.0, before = start;

    for (int k = 0; k < n_cycles; k++) {
      double now;

      run (cycle, n_decks, block, 1);
      now    = now_ns ();
      worst  = fmax (worst, now - before);
      before = now;
    }
    best       = fmin (best, (before - start) / n_cycles);
    *out_worst = fmin (*out_worst, worst);
  }
  return best;
}

int
main (int argc, char **argv)
{
  make_track ();
  if (argc == 4) {
    uint32_t n_decks = (uint32_t) atoi (argv[1]), block = (uint32_t) atoi (argv[2]);

    run (make_cycle (n_decks, false), n_decks, block, atoi (argv[3]));
    return 0;
  }
  printf ("decks playing at 1.03 with EQ in use, mixer, limiter; thread CPU time, best of %d\n", RUNS);
  printf ("%5s %6s %9s %12s %10s %12s %10s %7s\n", "decks", "block", "key lock", "ns/cycle", "of block", "worst ns", "of block", "ratio");
  for (uint32_t n = 1; n <= 4; n *= 2) {
    for (uint32_t block = 64; block <= 256; block *= 4) {
      double plain = 0.0;

      for (int keylock = 0; keylock < 2; keylock++) {
        double worst, ns = measure (n, block, keylock != 0, &worst);

        plain = keylock ? plain : ns;
        printf ("%5u %6u %9s %12.0f %9.2f%% %12.0f %9.2f%% %7.1f\n", n, block, keylock ? "on" : "off", ns,
                100.0 * ns * RATE / (block * 1e9), worst, 100.0 * worst * RATE / (block * 1e9), ns / plain);
      }
    }
  }
  return 0;
}
