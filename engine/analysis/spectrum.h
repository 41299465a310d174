/* The rhythm spectrum: how strongly a series repeats at each frequency.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_SPECTRUM_H
#define ECH_ANALYSIS_SPECTRUM_H

#include <stddef.h>

/**
 * struct ech_spectrum: magnitudes at frequencies k / n_transform, k = 0 .. n - 1
 * @magnitude: 0..1: 1 is a series that is nothing but pulses of that frequency
 *
 * Frequencies are in cycles per element of the series.
 */
struct ech_spectrum {
  float *magnitude;
  size_t n;
  size_t n_transform;
};

/* Returns: 0; -ENOMEM with nothing allocated. */
int  ech_spectrum_init (struct ech_spectrum *spectrum, const float *series, size_t n);
void ech_spectrum_finish (struct ech_spectrum *spectrum);

/* The strongest within one bin of @frequency; 0 outside what is known. */
double ech_spectrum_at (const struct ech_spectrum *spectrum, double frequency);

/* The exact magnitude at one frequency, straight from the series. */
double ech_spectrum_measure (const float *series, size_t n, double frequency);

#endif
