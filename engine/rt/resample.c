/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/resample.h"

#include <math.h>
#include <string.h>
#include <threads.h>

/* Banks of kernels, one for each speed on a logarithmic scale, in groups of an
 * octave.  A faster group's kernels are longer by as much as their cut-off is
 * lower, and need fewer phases by as much:
 *
 *   group  step    taps  phases
 *     0    1..2     32     512
 *     1    2..4     64     256
 *     2    4..8    128     128
 *
 * A kernel's phase, and its place between two banks, are interpolated linearly,
 * so that the response is continuous in position and in speed. */
enum {
  N_GROUPS         = 3,
  BANKS_PER_OCTAVE = 8,
  BASE_TAPS        = 2 * ECH_SINC_HALF_TAPS,
  BASE_PHASES      = 512,
  MAX_TAPS         = BASE_TAPS << (N_GROUPS - 1),
  /* one row more than phases: the last phase's neighbour */
  BANK_FLOATS  = (BASE_PHASES + (1 << (N_GROUPS - 1))) * BASE_TAPS,
  GROUP_BANKS  = BANKS_PER_OCTAVE + 1,
  VECTOR_LANES = 4,
};

/* Kaiser window's shape: over 90 dB of stop band from 32 taps. */
#define KAISER_BETA 9.2

/* Farther than this from frame 0 no track has a frame. */
#define FARTHEST_FRAME 9.0e15

typedef float vector __attribute__ ((vector_size (16)));
typedef float loose_vector __attribute__ ((vector_size (16), aligned (4), may_alias));

struct ech_sinc_tables {
  _Alignas(64) float banks[N_GROUPS][GROUP_BANKS][BANK_FLOATS];
};

static struct ech_sinc_tables the_tables;
static once_flag              the_tables_once = ONCE_FLAG_INIT;

/* Modified Bessel function of the first kind, order 0. */
static double
bessel_i0 (double x)
{
  double sum  = 1.0;
  double term = 1.0;

  for (int k = 1; term > sum * 1e-17; k++) {
    double half = x / (2.0 * k);

    term *= half * half;
    sum += term;
  }
  return sum;
}

/* The low-pass kernel for @step at @distance track frames from its middle. */
static double
kernel_at (double step, double distance)
{
  double half_width = ECH_SINC_HALF_TAPS * fmax (1.0, step / 2.0);
  double edge       = distance / half_width;
  double angle      = M_PI * distance / step;
  double sinc       = distance == 0.0 ? 1.0 : sin (angle) / angle;

  if (fabs (edge) >= 1.0)
    return 0.0;
  return sinc / step * bessel_i0 (KAISER_BETA * sqrt (1.0 - edge * edge)) / bessel_i0 (KAISER_BETA);
}

/* Row of taps for frames base - taps/2 + 1 .. base + taps/2, at base + @fraction. */
static void
build_row (float *row, uint32_t taps, double step, double fraction)
{
  double values[MAX_TAPS];
  double sum = 0.0;

  for (uint32_t j = 0; j < taps; j++) {
    values[j] = kernel_at (step, (double) j - (taps / 2 - 1) - fraction);
    sum += values[j];
  }
  for (uint32_t j = 0; j < taps; j++)
    row[j] = (float) (values[j] / sum);
}

static void
build_tables (void)
{
  for (uint32_t group = 0; group < N_GROUPS; group++) {
    uint32_t taps   = BASE_TAPS << group;
    uint32_t phases = BASE_PHASES >> group;

    for (uint32_t bank = 0; bank < GROUP_BANKS; bank++) {
      double step = exp2 (group + (double) bank / BANKS_PER_OCTAVE);

      for (uint32_t phase = 0; phase <= phases; phase++)
        build_row (&the_tables.banks[group][bank][phase * taps], taps, step,
                   (double) phase / phases);
    }
  }
}

const struct ech_sinc_tables *
ech_sinc_tables_get (void)
{
  call_once (&the_tables_once, build_tables);
  return &the_tables;
}

/* What a speed needs of the tables. */
struct bank_choice {
  const float *bank;
  const float *next;  /* the bank for the next higher speed */
  float        blend; /* 0 = only bank */
  uint32_t     taps;
  uint32_t     phases;
};

static struct bank_choice
choose_bank (const struct ech_sinc_tables *tables, double step)
{
  double   octave = step > 1.0 ? log2 (fmin (step, ECH_SINC_MAX_STEP)) : 0.0;
  uint32_t group  = octave >= N_GROUPS ? N_GROUPS - 1 : (uint32_t) octave;
  double   place  = (octave - group) * BANKS_PER_OCTAVE;
  uint32_t bank   = place >= BANKS_PER_OCTAVE ? BANKS_PER_OCTAVE - 1 : (uint32_t) place;

  return (struct bank_choice){
    .bank   = tables->banks[group][bank],
    .next   = tables->banks[group][bank + 1],
    .blend  = (float) (place - bank),
    .taps   = BASE_TAPS << group,
    .phases = BASE_PHASES >> group,
  };
}

static inline vector
load (const float *from)
{
  return *(const loose_vector *) from;
}

static inline vector
spread (float value)
{
  return (vector){ value, value, value, value };
}

/* Sums of left and right: each half-vector of @acc holds an L R pair. */
static inline void
store_pair (vector acc, float *out)
{
  out[0] = acc[0] + acc[2];
  out[1] = acc[1] + acc[3];
}

static inline void
multiply_in (vector taps, const float *frames, vector *low, vector *high)
{
  *low += __builtin_shufflevector (taps, taps, 0, 0, 1, 1) * load (frames);
  *high += __builtin_shufflevector (taps, taps, 2, 2, 3, 3) * load (frames + VECTOR_LANES);
}

/* @row and the row after it hold a kernel's taps, @taps apart; @window the frames. */
static inline void
convolve (const float *row, uint32_t taps, float fraction, const float *window, float *out)
{
  vector between = spread (fraction);
  vector low     = spread (0.0f);
  vector high    = spread (0.0f);

  for (uint32_t j = 0; j < taps; j += VECTOR_LANES) {
    vector a = load (row + j);

    a += between * (load (row + taps + j) - a);
    multiply_in (a, window + 2 * j, &low, &high);
  }
  store_pair (low + high, out);
}

static inline void
convolve_blended (const float *row,
                  const float *next,
                  uint32_t     taps,
                  float        fraction,
                  float        blend,
                  const float *window,
                  float       *out)
{
  vector between = spread (fraction);
  vector mix     = spread (blend);
  vector low     = spread (0.0f);
  vector high    = spread (0.0f);

  for (uint32_t j = 0; j < taps; j += VECTOR_LANES) {
    vector a = load (row + j);
    vector b = load (next + j);

    a += between * (load (row + taps + j) - a);
    b += between * (load (next + taps + j) - b);
    a += mix * (b - a);
    multiply_in (a, window + 2 * j, &low, &high);
  }
  store_pair (low + high, out);
}

/* The @taps frames from @first on, in one piece: the track itself where it has
 * them all, else a copy with silence around it. */
static const float *
window_at (const float *frames, int64_t readable, int64_t first, uint32_t taps, float *scratch)
{
  int64_t from = first < 0 ? 0 : first;
  int64_t to   = first + taps > readable ? readable : first + taps;

  if (first >= 0 && first + taps <= readable)
    return frames + 2 * first;
  memset (scratch, 0, 2 * taps * sizeof *scratch);
  if (from < to)
    memcpy (scratch + 2 * (from - first), frames + 2 * from,
            (size_t) (to - from) * 2 * sizeof *scratch);
  return scratch;
}

static void
copy_frame (const float *frames, int64_t readable, int64_t at, float *out)
{
  bool inside = at >= 0 && at < readable;

  out[0] = inside ? frames[2 * at] : 0.0f;
  out[1] = inside ? frames[2 * at + 1] : 0.0f;
}

static void
read_between (const struct bank_choice *c,
              const float              *frames,
              int64_t                   readable,
              int64_t                   base,
              double                    fraction,
              float                    *out)
{
  float        scratch[2 * MAX_TAPS];
  double       place  = fraction * c->phases;
  uint32_t     phase  = (uint32_t) place;
  float        rest   = (float) (place - phase);
  size_t       offset = (size_t) phase * c->taps;
  const float *window =
      window_at (frames, readable, base - (int64_t) c->taps / 2 + 1, c->taps, scratch);

  if (c->blend > 0.0f)
    convolve_blended (c->bank + offset, c->next + offset, c->taps, rest, c->blend, window, out);
  else if (c->taps == BASE_TAPS) /* by far the most frequent: gets a loop of fixed length */
    convolve (c->bank + offset, BASE_TAPS, rest, window, out);
  else
    convolve (c->bank + offset, c->taps, rest, window, out);
}

/* floor() without a call into libm; @position is within FARTHEST_FRAME. */
static inline int64_t
floor_frame (double position)
{
  int64_t frame = (int64_t) position;

  return position < (double) frame ? frame - 1 : frame;
}

void
ech_resample_read (const struct ech_sinc_tables *tables,
                   const float                  *frames,
                   uint64_t                      readable_frames,
                   double                        origin_position,
                   double                        step,
                   int64_t                       first_index,
                   float                        *out,
                   uint32_t                      n)
{
  double             speed  = fabs (step);
  struct bank_choice choice = choose_bank (tables, speed);
  int64_t readable = readable_frames < (uint64_t) FARTHEST_FRAME ? (int64_t) readable_frames
                                                                 : (int64_t) FARTHEST_FRAME;

  for (uint32_t i = 0; i < n; i++, out += 2) {
    double  position = origin_position + (double) (first_index + i) * step;
    int64_t base;

    if (!(fabs (position) < FARTHEST_FRAME)) {
      out[0] = out[1] = 0.0f;
      continue;
    }
    base = floor_frame (position);
    if (position == (double) base && speed <= 1.0)
      copy_frame (frames, readable, base, out);
    else
      read_between (&choice, frames, readable, base, position - (double) base, out);
  }
}
