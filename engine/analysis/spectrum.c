/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/analysis/spectrum.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of the frequencies up to half the series' rate only the slow ones are rhythm. */
#define KEPT_SHARE 8

struct number {
  float re, im;
};

static void
reverse_bits (struct number *x, size_t n)
{
  for (size_t i = 1, j = 0; i < n; i++) {
    size_t bit = n >> 1;

    for (; j & bit; bit >>= 1)
      j ^= bit;
    j ^= bit;
    if (i < j) {
      struct number swap = x[i];

      x[i] = x[j];
      x[j] = swap;
    }
  }
}

static void
transform (struct number *x, const struct number *turns, size_t n)
{
  reverse_bits (x, n);
  for (size_t length = 2; length <= n; length *= 2)
    for (size_t start = 0; start < n; start += length)
      for (size_t k = 0; k < length / 2; k++) {
        struct number *a = &x[start + k], *b = a + length / 2, t = turns[k * (n / length)];
        float          re = b->re * t.re - b->im * t.im, im = b->re * t.im + b->im * t.re;

        *b = (struct number){ a->re - re, a->im - im };
        *a = (struct number){ a->re + re, a->im + im };
      }
}

static size_t
transform_length (size_t n)
{
  size_t length = 1024;

  while (length < 2 * n)
    length *= 2;
  return length;
}

int
ech_spectrum_init (struct ech_spectrum *spectrum, const float *series, size_t n)
{
  size_t         length = transform_length (n);
  struct number *x      = calloc (length, sizeof *x);
  struct number *turns  = calloc (length / 2, sizeof *turns);
  double         sum    = 0.0;

  spectrum->n_transform = length;
  spectrum->n           = length / KEPT_SHARE;
  spectrum->magnitude   = calloc (spectrum->n, sizeof *spectrum->magnitude);
  if (!x || !turns || !spectrum->magnitude) {
    free (x);
    free (turns);
    ech_spectrum_finish (spectrum);
    return -ENOMEM;
  }
  for (size_t i = 0; i < n; i++)
    sum += series[i];
  for (size_t i = 0; i < n; i++)
    x[i].re = series[i] - (float) (sum / (double) n);
  for (size_t i = 0; i < length / 2; i++) {
    double angle = -2.0 * M_PI * (double) i / (double) length;

    turns[i] = (struct number){ (float) cos (angle), (float) sin (angle) };
  }
  transform (x, turns, length);
  for (size_t i = 0; sum > 0.0 && i < spectrum->n; i++)
    spectrum->magnitude[i] = (float) (hypot (x[i].re, x[i].im) / sum);
  free (x);
  free (turns);
  return 0;
}

void
ech_spectrum_finish (struct ech_spectrum *spectrum)
{
  free (spectrum->magnitude);
  memset (spectrum, 0, sizeof *spectrum);
}

double
ech_spectrum_at (const struct ech_spectrum *spectrum, double frequency)
{
  double place   = frequency * (double) spectrum->n_transform;
  size_t k       = (size_t) lround (place);
  float  largest = 0.0f;

  if (place < 1.0 || k + 2 > spectrum->n)
    return 0.0;
  for (size_t i = k - 1; i <= k + 1; i++)
    largest = fmaxf (largest, spectrum->magnitude[i]);
  return largest;
}

double
ech_spectrum_measure (const float *series, size_t n, double frequency)
{
  double c = cos (2.0 * M_PI * frequency), s = sin (2.0 * M_PI * frequency);
  double x = 1.0, y = 0.0, re = 0.0, im = 0.0, sum = 0.0;

  for (size_t i = 0; i < n; i++) {
    double next = x * c - y * s;

    re += series[i] * x;
    im += series[i] * y;
    sum += series[i];
    y = x * s + y * c;
    x = next;
  }
  return sum > 0.0 ? hypot (re, im) / sum : 0.0;
}
