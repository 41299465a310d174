/* 1. Candidates: the tracker's tempo, folded into one octave, its relatives by
 *    2:3, 3:4 and the like (what trackers mistake it for), and the strongest
 *    tempos of the rhythm spectrum.
 * 2. Each is judged by the spectrum at the beat and at its straight divisions
 *    and multiples: at a wrong relative these fall between the onsets.
 * 3. The winner's period is tuned until the spectrum is strongest, the phase is
 *    where kick and snare fall, and a least-squares line through the onsets
 *    that lie near the beats makes both exact.
 * 4. The attack itself is sought in the samples, folded over all beats.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/analysis/tempo.h"

#include <stdlib.h>
#include <string.h>

#include "engine/analysis/grid.h"
#include "engine/analysis/spectrum.h"

enum {
  N_CANDIDATES_MAX   = 24,
  N_FROM_SPECTRUM    = 6,
  N_FOLD_BINS        = 96,  /* of a beat, to find its phase */
  ATTACK_STEP_FRAMES = 16,
  N_ATTACK_STEPS     = 176, /* 64 ms at 44.1 kHz */
  ATTACK_SPAN        = 6,   /* steps before and after that are compared */
  N_LEAST_BEATS      = 12,
  START_BINS         = 4, /* a twenty-fourth of a beat */
};

/* The tracker looks at the order of beats, which a spectrum does not see. */
#define TRACKER_BONUS 1.5

/* Dance music is about here; half an octave away is half as welcome, about. */
#define LIKELY_BPM     124.0
#define LIKELY_OCTAVES 0.75

#define START_BONUS 0.5
#define SWING_BONUS 0.7
#define TRACKER_VOTE 0.4
#define TRACKER_LATE_SECONDS 0.013

/* An onset belongs to a beat when it is no farther away than this. */
#define SNAP_SECONDS 0.030

struct finder {
  const struct ech_onsets *onsets;
  struct ech_spectrum      spectrum;
  double                   moments_a_second;
  double                   candidates_bpm[N_CANDIDATES_MAX];
  double                   bonus[N_CANDIDATES_MAX];
  size_t                   n_candidates;
  const double            *beats_frames;
  size_t                   n_beats;
  double                   tuned_bpm; /* by the spectrum */
  double                   runner_up; /* 0..1: how near another phase came to the chosen one */
};

static double
fold_bpm (double bpm)
{
  while (bpm < ECH_TEMPO_LOWEST_BPM)
    bpm *= 2.0;
  while (bpm >= ECH_TEMPO_HIGHEST_BPM)
    bpm /= 2.0;
  return bpm;
}

static double
cycles_of (const struct finder *finder, double bpm)
{
  return bpm / 60.0 / finder->moments_a_second;
}

/* The beat, its halves and quarters; two beats and the bar: what is strong in
 * straight music.  Thirds count a little, for triplets. */
static double
rhythm_score (const struct finder *finder, double bpm)
{
  static const struct { double ratio, weight; } parts[] = {
    { 0.25, 1.0 }, { 0.5, 1.0 }, { 1.0, 1.0 }, { 2.0, 1.0 }, { 3.0, 0.25 }, { 4.0, 0.7 },
  };
  double f = cycles_of (finder, bpm), score = 0.0;

  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    score += parts[i].weight * ech_spectrum_at (&finder->spectrum, f * parts[i].ratio);
  return score;
}

static double
likelihood (double bpm)
{
  double octaves = log2 (bpm / LIKELY_BPM) / LIKELY_OCTAVES;

  return exp (-0.5 * octaves * octaves);
}

static void
add_candidate (struct finder *finder, double bpm, double bonus)
{
  if (finder->n_candidates == N_CANDIDATES_MAX || !(bpm > ECH_MIN_BPM && bpm < ECH_MAX_BPM))
    return;
  finder->candidates_bpm[finder->n_candidates] = fold_bpm (bpm);
  finder->bonus[finder->n_candidates++]        = bonus;
}

static void
add_relatives (struct finder *finder, double bpm)
{
  static const double ratios[] = { 3.0 / 2, 4.0 / 3, 5.0 / 4, 6.0 / 5, 5.0 / 3, 8.0 / 5 };

  add_candidate (finder, bpm, TRACKER_BONUS);
  for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++)
    add_candidate (finder, bpm * ratios[i], 1.0);
}

/* The best tempos of the whole octave, each at least 2 % from the others. */
static void
add_from_spectrum (struct finder *finder)
{
  double best[N_FROM_SPECTRUM] = { 0 }, score[N_FROM_SPECTRUM] = { 0 };
  double step = 60.0 * finder->moments_a_second / (double) finder->spectrum.n_transform / 2.0;

  for (double bpm = ECH_TEMPO_LOWEST_BPM; bpm < ECH_TEMPO_HIGHEST_BPM; bpm += step) {
    double s     = rhythm_score (finder, bpm) * likelihood (bpm);
    size_t place = N_FROM_SPECTRUM - 1;

    for (size_t i = 0; i < N_FROM_SPECTRUM; i++)
      if (fabs (best[i] / bpm - 1.0) < 0.02) {
        place = i;
        break;
      }
    if (s <= score[place])
      continue;
    for (; place > 0 && s > score[place - 1]; place--) {
      best[place]  = best[place - 1];
      score[place] = score[place - 1];
    }
    best[place]  = bpm;
    score[place] = s;
  }
  for (size_t i = 0; i < N_FROM_SPECTRUM; i++)
    if (best[i] > 0.0)
      add_candidate (finder, best[i], 1.0);
}

/* The strongest place of the spectrum near @bpm: a tracker's tempo may be off by
 * more than a peak is wide. */
static double
pull_in (const struct finder *finder, double bpm, double share)
{
  double step = 60.0 * finder->moments_a_second / (double) finder->spectrum.n_transform / 4.0;
  double best = bpm, most = 0.0;

  for (double b = bpm * (1.0 - share); b <= bpm * (1.0 + share); b += step) {
    double s = rhythm_score (finder, b);

    if (s > most)
      most = s, best = b;
  }
  return best;
}

static double
choose_bpm (struct finder *finder)
{
  double best = 0.0, most = 0.0;

  for (size_t i = 0; i < finder->n_candidates; i++) {
    double bpm = pull_in (finder, finder->candidates_bpm[i], 0.004);
    double s   = rhythm_score (finder, bpm) * likelihood (bpm) * finder->bonus[i];

    if (s > most)
      most = s, best = bpm;
  }
  return best;
}

static double
fine_score (const struct finder *finder, double bpm)
{
  double f = cycles_of (finder, bpm);

  return ech_spectrum_measure (finder->onsets->sum, finder->onsets->n, f)
         + ech_spectrum_measure (finder->onsets->sum, finder->onsets->n, 2.0 * f)
         + ech_spectrum_measure (finder->onsets->sum, finder->onsets->n, 4.0 * f);
}

/* Halves the distance until the tempo drifts by less than a moment over the track. */
static double
tune (const struct finder *finder, double bpm)
{
  double seconds = (double) finder->onsets->n / finder->moments_a_second;
  double step    = bpm * 0.05 / (seconds * bpm / 60.0);
  double middle  = fine_score (finder, bpm);

  for (int i = 0; i < 24 && step > bpm * 0.0005 / (seconds * bpm / 60.0); i++) {
    double below = fine_score (finder, bpm - step), above = fine_score (finder, bpm + step);

    if (below > middle && below >= above)
      bpm -= step, middle = below;
    else if (above > middle)
      bpm += step, middle = above;
    else
      step /= 2.0;
  }
  return bpm;
}

/* The first frame that is no silence. */
static uint64_t
first_sound (const float *stereo, uint64_t n_frames)
{
  for (uint64_t i = 0; i < n_frames; i++)
    if (fabsf (stereo[2 * i]) > 0.003f || fabsf (stereo[2 * i + 1]) > 0.003f)
      return i;
  return 0;
}

/* The elements @begin .. @end laid over each other beat by beat, smoothed over about
 * a fiftieth of a beat. */
static void
fold (const float *series, size_t begin, size_t end, double period, double out_fold[N_FOLD_BINS])
{
  static const double kernel[] = { 0.5, 1.0, 1.0, 1.0, 0.5 };
  double              raw[N_FOLD_BINS] = { 0 };

  for (size_t i = begin; i < end; i++) {
    double phase = fmod ((double) i + 0.5, period) / period * N_FOLD_BINS;

    raw[(size_t) phase % N_FOLD_BINS] += series[i];
  }
  for (int b = 0; b < N_FOLD_BINS; b++) {
    out_fold[b] = 0.0;
    for (int k = 0; k < 5; k++)
      out_fold[b] += kernel[k] * raw[(b + k - 2 + N_FOLD_BINS) % N_FOLD_BINS];
  }
}

static void
normalise (double fold[N_FOLD_BINS])
{
  double largest = 0.0;

  for (int b = 0; b < N_FOLD_BINS; b++)
    largest = fmax (largest, fold[b]);
  for (int b = 0; largest > 0.0 && b < N_FOLD_BINS; b++)
    fold[b] /= largest;
}

/* How many bins lie between two, around the beat. */
static int
bins_apart (int a, int b)
{
  return abs ((a - b + N_FOLD_BINS * 3 / 2) % N_FOLD_BINS - N_FOLD_BINS / 2);
}

/* Where the tracker's beats fall, each as a hill an eighth of a beat wide.  It places
 * them late. */
static void
fold_beats (const struct finder *finder, double period, double out_fold[N_FOLD_BINS])
{
  memset (out_fold, 0, N_FOLD_BINS * sizeof *out_fold);
  for (size_t i = 0; i < finder->n_beats; i++) {
    double moment = finder->beats_frames[i] / finder->onsets->hop_frames
                    - TRACKER_LATE_SECONDS * finder->moments_a_second;
    double phase  = fmod (moment, period) / period;
    int    bin    = (int) ((phase < 0 ? phase + 1.0 : phase) * N_FOLD_BINS) % N_FOLD_BINS;

    for (int d = -N_FOLD_BINS / 12; d <= N_FOLD_BINS / 12; d++)
      out_fold[(bin + d + N_FOLD_BINS) % N_FOLD_BINS] += 1.0 - abs (d) / (N_FOLD_BINS / 12 + 1.0);
  }
  normalise (out_fold);
}

static double
start_bonus (int bin, int first_bin)
{
  int distance = bins_apart (bin, first_bin);

  return distance <= START_BINS ? START_BONUS * (1.0 - distance / (START_BINS + 1.0)) : 0.0;
}

/* In swing the note between beats comes late: two thirds after its beat, a third
 * before the next.  Straight music has nothing at either place. */
static double
swing_bonus (const double *rises, int bin)
{
  return SWING_BONUS * (rises[(bin + N_FOLD_BINS * 2 / 3) % N_FOLD_BINS]
                        - rises[(bin + N_FOLD_BINS / 3) % N_FOLD_BINS]);
}

/* Where in the beat most begins, and loudest, and where the tracker heard it: moments,
 * 0 .. period.  Most music also begins on a beat. */
static double
find_phase (struct finder *finder, double period, double first_moment)
{
  const struct ech_onsets *onsets = finder->onsets;
  double rises[N_FOLD_BINS], accents[N_FOLD_BINS], tracked[N_FOLD_BINS], scores[N_FOLD_BINS];
  int    best = 0, first = (int) (fmod (first_moment, period) / period * N_FOLD_BINS);

  fold (onsets->sum, 0, onsets->n, period, rises);
  fold (onsets->accent, 0, onsets->n, period, accents);
  fold_beats (finder, period, tracked);
  normalise (rises);
  normalise (accents);
  for (int b = 0; b < N_FOLD_BINS; b++) {
    scores[b] = rises[b] + accents[b] + TRACKER_VOTE * tracked[b] + start_bonus (b, first)
                + swing_bonus (rises, b);
    best = scores[b] > scores[best] ? b : best;
  }
  finder->runner_up = 0.0;
  for (int b = 0; b < N_FOLD_BINS; b++)
    if (bins_apart (b, best) > N_FOLD_BINS / 10)
      finder->runner_up = fmax (finder->runner_up, scores[b] / scores[best]);
  return (best + 0.5) / N_FOLD_BINS * period;
}

/* The onset near moment @at.  Returns: its strength, 0 for none. */
static double
nearest_onset (const struct ech_onsets *onsets, double at, double reach, double *out_moment)
{
  long   first = lround (ceil (at - reach)), last = lround (floor (at + reach));
  double sum = 0.0, weighted = 0.0;
  long   peak = -1;

  first = first < 0 ? 0 : first;
  for (long i = first; i <= last && i < (long) onsets->n; i++)
    if (peak < 0 || onsets->sum[i] > onsets->sum[peak])
      peak = i;
  if (peak < 0 || onsets->sum[peak] <= 0.0f)
    return 0.0;
  /* the rise may be spread over its neighbours */
  for (long i = peak - 1; i <= peak + 1; i++)
    if (i >= 0 && i < (long) onsets->n) {
      sum += onsets->sum[i];
      weighted += onsets->sum[i] * ((double) i + 0.5);
    }
  *out_moment = weighted / sum;
  return sum;
}

static bool
snap_to_onsets (const struct finder *finder, struct ech_line *line)
{
  const struct ech_onsets *onsets  = finder->onsets;
  double                   reach   = SNAP_SECONDS * finder->moments_a_second;
  size_t                   n_beats = (size_t) ((double) onsets->n / line->period) + 2, n = 0;
  double                  *moments = malloc (2 * n_beats * sizeof *moments);
  bool                     ok;

  if (!moments)
    return false;
  for (size_t beat = 0; beat < n_beats; beat++) {
    double at       = line->offset + (double) beat * line->period;
    double strength = at < (double) onsets->n
                        ? nearest_onset (onsets, at, reach, &moments[n]) : 0.0;

    /* many weak onsets tell less than few strong ones, but not nothing */
    if (strength > 1.0)
      moments[n_beats + n++] = fmin (strength, 60.0);
  }
  ok = n >= N_LEAST_BEATS && ech_grid_fit_line (moments, moments + n_beats, n, line);
  free (moments);
  return ok;
}

/* Energy of short steps around all beats, laid over each other. */
static void
fold_attack (const float *stereo, uint64_t n_frames, double offset, double period,
             double out_energy[N_ATTACK_STEPS])
{
  const int64_t before = N_ATTACK_STEPS / 2 * ATTACK_STEP_FRAMES;

  memset (out_energy, 0, N_ATTACK_STEPS * sizeof *out_energy);
  for (double beat = offset; beat < (double) n_frames; beat += period) {
    int64_t start  = llround (beat) - before;
    double  energy[N_ATTACK_STEPS] = { 0 }, sum = 0.0;

    if (start + N_ATTACK_STEPS * ATTACK_STEP_FRAMES > (int64_t) n_frames)
      break;
    for (int64_t i = start < 0 ? -start : 0; i < N_ATTACK_STEPS * ATTACK_STEP_FRAMES; i++) {
      double mono = (double) stereo[2 * (start + i)] + stereo[2 * (start + i) + 1];

      energy[i / ATTACK_STEP_FRAMES] += mono * mono;
    }
    for (int i = 0; i < N_ATTACK_STEPS; i++)
      sum += energy[i];
    /* each beat has one voice, loud or soft */
    for (int i = 0; sum > 0.0 && i < N_ATTACK_STEPS; i++)
      out_energy[i] += energy[i] / sum;
  }
}

/* From the fitted beat to where the attack begins, in frames.  The fit tends to be
 * late, since a rise has a length: it is moved little the other way. */
static double
attack_correction (const float *stereo, uint64_t n_frames, double offset, double period,
                   double rate)
{
  double energy[N_ATTACK_STEPS], most = 0.0;
  int    middle = N_ATTACK_STEPS / 2, best = middle;
  int    room   = middle - ATTACK_SPAN;
  int    early  = (int) fmin (room, 0.009 * rate / ATTACK_STEP_FRAMES);
  int    late   = (int) fmin (room, 0.002 * rate / ATTACK_STEP_FRAMES);

  fold_attack (stereo, n_frames, offset, period, energy);
  for (int i = middle - early; i <= middle + late; i++) {
    double before = 1e-12, after = 1e-12;

    for (int k = 0; k < ATTACK_SPAN; k++) {
      before += energy[i - 1 - k];
      after += energy[i + k];
    }
    /* rise in level, of what is loud enough to matter */
    if ((after - before) * log (after / before) > most)
      most = (after - before) * log (after / before), best = i;
  }
  return (best - middle) * (double) ATTACK_STEP_FRAMES;
}

/* Pearson's, of two folded beats. */
static double
correlation (const double *a, const double *b)
{
  double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0, n = N_FOLD_BINS, variance;

  for (int i = 0; i < N_FOLD_BINS; i++) {
    sa += a[i], sb += b[i];
    saa += a[i] * a[i], sbb += b[i] * b[i], sab += a[i] * b[i];
  }
  variance = (saa - sa * sa / n) * (sbb - sb * sb / n);
  return variance > 0.0 ? (sab - sa * sb / n) / sqrt (variance) : 0.0;
}

/* Does the beat look alike in each stretch of the track and in the rest of it?  With
 * a wrong tempo, or one that drifts, it does not. */
static double
steadiness (const struct ech_onsets *onsets, double period)
{
  size_t n_stretches = (size_t) fmin (16.0, fmax (2.0, onsets->n / period / 24.0)), n_heard = 0;
  double whole[N_FOLD_BINS], sum = 0.0;

  fold (onsets->sum, 0, onsets->n, period, whole);
  for (size_t s = 0; s < n_stretches; s++) {
    double part[N_FOLD_BINS], rest[N_FOLD_BINS], heard = 0.0;

    fold (onsets->sum, s * onsets->n / n_stretches, (s + 1) * onsets->n / n_stretches, period,
          part);
    for (int b = 0; b < N_FOLD_BINS; b++) {
      rest[b] = whole[b] - part[b];
      heard += part[b];
    }
    /* a break without onsets tells nothing against the beat */
    if (heard < 0.1 * (double) onsets->n / n_stretches)
      continue;
    sum += fmax (0.0, correlation (part, rest));
    n_heard++;
  }
  return n_heard ? sum / (double) n_heard : 0.0;
}

/* Steady, with one place that is clearly the beat, and near to what was fitted. */
static double
judge_confidence (const struct finder *finder, const struct ech_line *line)
{
  double spread_seconds = line->spread / finder->moments_a_second;
  double clear          = fmin (1.0, 2.0 * (1.0 - finder->runner_up));

  return steadiness (finder->onsets, line->period) * (0.5 + 0.5 * clear)
         * exp (-0.5 * pow (spread_seconds / 0.020, 2.0));
}

static void
fill_grid (const struct finder *finder, const struct ech_line *line, const float *stereo,
           uint64_t n_frames, double rate, struct ech_grid *out_grid)
{
  double hop       = finder->onsets->hop_frames;
  double bpm       = 60.0 * rate / (line->period * hop);
  /* two ways to the tempo: they differ by more than the fit believes of itself */
  double bpm_error = hypot (bpm * line->period_error / line->period, bpm - finder->tuned_bpm);
  double rounded   = ech_grid_round_bpm (bpm, bpm_error);
  double period    = 60.0 * rate / rounded;
  /* turned about the middle, where the fit knows the beat best */
  double middle = round ((double) finder->onsets->n / line->period / 2.0);
  double offset = (line->offset + middle * line->period) * hop - middle * period;
  double start  = (double) first_sound (stereo, n_frames);

  offset += attack_correction (stereo, n_frames, offset - floor (offset / period) * period, period,
                               rate);
  /* a beat may begin a little before what is heard of it */
  offset += ceil ((start - 0.1 * period - offset) / period) * period;
  *out_grid = (struct ech_grid){
    .first_beat_frames = offset,
    .frames_per_beat   = period,
    .beats_per_bar     = 4,
    .confidence        = judge_confidence (finder, line),
  };
}

static bool
find_grid (struct finder *finder, const float *stereo, uint64_t n_frames, double rate,
           struct ech_grid *out_grid)
{
  double          tracked = ech_grid_find_period (finder->beats_frames, finder->n_beats), bpm;
  struct ech_line line    = { 0 };

  if (tracked > 0.0)
    add_relatives (finder, 60.0 * rate / tracked);
  add_from_spectrum (finder);
  bpm = choose_bpm (finder);
  if (!(bpm > 0.0))
    return false;
  finder->tuned_bpm = tune (finder, bpm);
  line.period       = 60.0 * finder->moments_a_second / finder->tuned_bpm;
  line.offset = find_phase (finder, line.period,
                            (double) first_sound (stereo, n_frames) / finder->onsets->hop_frames);
  if (!snap_to_onsets (finder, &line) || !snap_to_onsets (finder, &line))
    return false;
  fill_grid (finder, &line, stereo, n_frames, rate, out_grid);
  return true;
}

bool
ech_tempo_find_grid (const struct ech_onsets *onsets,
                     const double            *beats_frames,
                     size_t                   n_beats,
                     const float             *stereo,
                     uint64_t                 n_frames,
                     double                   rate,
                     struct ech_grid         *out_grid)
{
  struct finder finder = {
    .onsets           = onsets,
    .moments_a_second = rate / onsets->hop_frames,
    .beats_frames     = beats_frames,
    .n_beats          = n_beats,
  };
  bool          found;

  if (ech_spectrum_init (&finder.spectrum, onsets->sum, onsets->n) < 0)
    return false;
  found = find_grid (&finder, stereo, n_frames, rate, out_grid);
  ech_spectrum_finish (&finder.spectrum);
  return found;
}
