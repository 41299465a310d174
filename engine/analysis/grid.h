/* A beat grid of constant tempo through beats that jitter, slip and err.
 * Pure arithmetic.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_GRID_H
#define ECH_ANALYSIS_GRID_H

#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ech_line: moment of beat n = offset + n * period, all in one unit
 * @offset_error, @period_error: standard errors of the two
 * @spread: typical distance of a beat that fits
 * @share: 0..1, of the beats, those that fit (within a tenth of the period)
 */
struct ech_line {
  double offset;
  double period;
  double offset_error;
  double period_error;
  double spread;
  double share;
};

/**
 * ech_grid_find_period:
 * @moments: @n beats, rising
 *
 * The period that most of the beats agree on, also when the tracker slipped by
 * part of a beat here and there, and far finer than their placement.
 *
 * Returns: the period, or 0 where there are fewer than 4 beats.
 */
double ech_grid_find_period (const double *moments, size_t n);

/**
 * ech_grid_fit_line:
 * @moments: @n of them
 * @weights: NULL, or how much each counts
 * @line: in: offset and period near the truth; out: all fields
 *
 * Weighted least squares, where beats that lie far off lose their weight.
 *
 * Returns: false, with @line as it was, where fewer than 4 beats fit.
 */
bool
ech_grid_fit_line (const double *moments, const double *weights, size_t n, struct ech_line *line);

/**
 * ech_grid_round_bpm:
 * @error_bpm: standard error of @bpm
 *
 * Producers choose whole tempos: takes the whole number (or half, or tenth) that lies
 * within the error, if the error is small enough for that to be no accident.
 */
double ech_grid_round_bpm (double bpm, double error_bpm);

#ifdef __cplusplus
}
#endif

#endif
