/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/analysis/grid.h"

#include <stdlib.h>
#include <string.h>

enum { N_FIT_ROUNDS = 8, N_LEAST = 4 };

/* Of the period: beats farther off than this are another thing. */
#define OUTLIER_SHARE 0.10

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
median_interval (const double *moments, size_t n)
{
  double *intervals = malloc ((n - 1) * sizeof *intervals);
  double  median;

  if (!intervals)
    return 0.0;
  for (size_t i = 0; i + 1 < n; i++)
    intervals[i] = moments[i + 1] - moments[i];
  qsort (intervals, n - 1, sizeof *intervals, compare_doubles);
  median = intervals[(n - 1) / 2];
  free (intervals);
  return median;
}

/* How far the moments agree with @frequency: 0..n. */
static double
agreement (const double *moments, size_t n, double frequency)
{
  double re = 0.0, im = 0.0;

  for (size_t i = 0; i < n; i++) {
    double turn = 2.0 * M_PI * fmod ((moments[i] - moments[0]) * frequency, 1.0);

    re += cos (turn);
    im += sin (turn);
  }
  return hypot (re, im);
}

/* The best of the frequencies in @low .. @high, @step apart. */
static double
best_frequency (const double *moments, size_t n, double low, double high, double step)
{
  double best = low, most = -1.0;

  for (double f = low; f <= high; f += step) {
    double a = agreement (moments, n, f);

    if (a > most)
      most = a, best = f;
  }
  return best;
}

double
ech_grid_find_period (const double *moments, size_t n)
{
  double interval, width, f;

  if (n < N_LEAST)
    return 0.0;
  interval = median_interval (moments, n);
  if (!(interval > 0.0))
    return 0.0;
  /* a step that cannot miss a peak of this width; trackers quantise the
   * interval by up to 3 % */
  width = 0.2 / (moments[n - 1] - moments[0]);
  f     = best_frequency (moments, n, 0.97 / interval, 1.03 / interval, width);
  return 1.0 / best_frequency (moments, n, f - width, f + width, width / 50);
}

struct sums {
  double w, x, y, xx, xy, rr;
  size_t n;
};

/* 1 for what lies near, falling to 0 at the outlier's distance. */
static double
trust (double distance, double limit)
{
  double u = distance / limit;

  return fabs (u) < 1.0 ? (1.0 - u * u) * (1.0 - u * u) : 0.0;
}

static struct sums
sum_up (const double *moments, const double *weights, size_t n, const struct ech_line *line,
        double limit)
{
  struct sums s = { 0 };

  for (size_t i = 0; i < n; i++) {
    double beat     = round ((moments[i] - line->offset) / line->period);
    double distance = moments[i] - line->offset - beat * line->period;
    double w        = trust (distance, limit) * (weights ? weights[i] : 1.0);

    if (w <= 0.0)
      continue;
    s.w += w;
    s.x += w * beat;
    s.y += w * distance;
    s.xx += w * beat * beat;
    s.xy += w * beat * distance;
    s.rr += w * distance * distance;
    s.n++;
  }
  return s;
}

/* One step of least squares.  The beats are counted from their middle, so that
 * offset and period do not disturb each other. */
static bool
improve (const struct sums *s, struct ech_line *line)
{
  double middle = s->x / s->w;
  double xx     = s->xx - s->x * middle;
  double slope;

  if (s->n < N_LEAST || xx <= 0.0)
    return false;
  slope = (s->xy - s->y * middle) / xx;
  line->period += slope;
  line->offset += s->y / s->w - slope * middle;
  return true;
}

static void
judge (const double *moments, const double *weights, size_t n, struct ech_line *line)
{
  double      limit = OUTLIER_SHARE * line->period;
  struct sums s     = sum_up (moments, weights, n, line, limit);
  double      middle = s.w > 0 ? s.x / s.w : 0.0;
  double      xx     = s.w > 0 ? s.xx / s.w - middle * middle : 0.0;

  line->share  = n > 0 ? (double) s.n / (double) n : 0.0;
  line->spread = s.w > 0 ? sqrt (s.rr / s.w) : limit;
  if (s.n < N_LEAST || xx <= 0.0) {
    line->period_error = line->offset_error = line->period;
    return;
  }
  line->period_error = line->spread / sqrt ((double) s.n * xx);
  line->offset_error = line->spread / sqrt ((double) s.n) * sqrt (1.0 + middle * middle / xx);
}

bool
ech_grid_fit_line (const double *moments, const double *weights, size_t n, struct ech_line *line)
{
  struct ech_line fitted = *line;
  double          limit  = 0.25 * line->period;

  for (int i = 0; i < N_FIT_ROUNDS; i++) {
    struct sums s = sum_up (moments, weights, n, &fitted, limit);

    if (s.n < N_LEAST || !improve (&s, &fitted) || !(fitted.period > 0.0))
      return false;
    /* the net is drawn in as the line gets better */
    limit = fmax (OUTLIER_SHARE * fitted.period,
                  limit * 0.7);
  }
  judge (moments, weights, n, &fitted);
  *line = fitted;
  return true;
}

double
ech_grid_round_bpm (double bpm, double error_bpm)
{
  static const double steps[] = { 1.0, 0.5, 0.1 };

  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    double rounded = round (bpm / steps[i]) * steps[i];

    /* three errors hold the truth; a twentieth of the step is no accident */
    if (fabs (rounded - bpm) <= 3.0 * error_bpm && 3.0 * error_bpm < 0.05 * steps[i])
      return rounded;
  }
  return bpm;
}
