/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/analysis/beats.h"

#include <dsp/onsets/DetectionFunction.h>
#include <dsp/tempotracking/DownBeat.h>
#include <dsp/tempotracking/TempoTrackV2.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>

namespace {

/* What the tracker's own constants are made for: 512 frames at 44.1 kHz. */
constexpr double step_seconds = 0.01161;

constexpr double lowest_rate = 22050.0;

/* The first values of the detection function tell of the start, not of music. */
constexpr size_t n_skipped = 2;

constexpr size_t progress_steps = 1024;

/* The downbeat finder listens to what is left under 1.4 kHz, about. */
constexpr double   downbeat_rate  = 2756.0;
constexpr unsigned downbeat_block = 512;
constexpr double   start_share    = 0.3;

unsigned
window_frames (double rate)
{
  unsigned n = 64;

  while (n < rate / 50.0)
    n *= 2;
  return n;
}

DFConfig
make_config (double rate, unsigned step)
{
  DFConfig config = {};

  config.stepSize             = step;
  config.frameLength          = window_frames (rate);
  config.DFType               = DF_COMPLEXSD;
  config.dbRise               = 3;
  config.adaptiveWhitening    = false;
  config.whiteningRelaxCoeff  = -1;
  config.whiteningFloor       = -1;
  return config;
}

/* Beats are heard well below 10 kHz; a lower rate halves the work, and more. */
unsigned
decimation (double rate)
{
  unsigned factor = 1;

  while (rate / factor >= 2.0 * lowest_rate)
    factor *= 2;
  return factor;
}

double
mono_at (const float *stereo, unsigned factor)
{
  double sum = 0.0;

  for (unsigned i = 0; i < 2 * factor; i++)
    sum += stereo[i];
  return sum / (2 * factor);
}

std::vector<double>
detect (const float *stereo, uint64_t n_frames, unsigned factor, const DFConfig &config,
        EchMusicProgress progress, void *data)
{
  DetectionFunction   function (config);
  std::vector<double> window (config.frameLength), strengths;

  for (uint64_t start = 0; (start + config.frameLength) * factor <= n_frames;
       start += config.stepSize) {
    for (unsigned i = 0; i < config.frameLength; i++)
      window[i] = mono_at (stereo + 2 * factor * (start + i), factor);
    strengths.push_back (function.processTimeDomain (window.data ()));
    if (strengths.size () % progress_steps == 0)
      progress (data);
  }
  while (!strengths.empty () && strengths.back () <= 0.0)
    strengths.pop_back ();
  return strengths;
}

std::vector<double>
track (const float *stereo, uint64_t n_frames, double rate, EchMusicProgress progress, void *data)
{
  const unsigned      factor    = decimation (rate);
  const double        low_rate  = rate / factor;
  const unsigned      step      = static_cast<unsigned> (low_rate * step_seconds);
  const DFConfig      config    = make_config (low_rate, step);
  std::vector<double> strengths = detect (stereo, n_frames, factor, config, progress, data);

  if (strengths.size () < n_skipped + 512)
    return {};
  strengths.erase (strengths.begin (), strengths.begin () + n_skipped);

  std::vector<double> periods (strengths.size ()), tempi, beats;
  TempoTrackV2        tracker (static_cast<float> (low_rate), step);

  tracker.calculateBeatPeriod (strengths, periods, tempi);
  progress (data);
  tracker.calculateBeats (strengths, periods, beats);
  for (double &beat : beats)
    beat = ((beat + n_skipped) * step + config.frameLength / 2.0) * factor;
  return beats;
}

unsigned
downbeat_factor (double rate)
{
  unsigned factor = 2;

  while (factor < 64 && rate / factor > 1.4 * downbeat_rate)
    factor *= 2;
  return factor;
}

void
push_audio (DownBeat &finder, const float *stereo, uint64_t n_frames)
{
  std::vector<float> block (downbeat_block);

  for (uint64_t start = 0; start + downbeat_block <= n_frames; start += downbeat_block) {
    for (unsigned i = 0; i < downbeat_block; i++)
      block[i] = 0.5f * (stereo[2 * (start + i)] + stereo[2 * (start + i) + 1]);
    finder.pushAudioBlock (block.data ());
  }
}

uint32_t
find_downbeat (const float *stereo, uint64_t n_frames, double rate, const ech_grid &grid)
{
  DownBeat            finder (static_cast<float> (rate), downbeat_factor (rate), downbeat_block);
  std::vector<double> beats, changes;
  std::vector<int>    downbeats;
  std::vector<double> change (grid.beats_per_bar);
  size_t              length;
  double first = std::max (0.0, std::ceil (-grid.first_beat_frames / grid.frames_per_beat));

  for (double beat = first; ech_grid_frame_at (&grid, beat + 1) < n_frames; beat++)
    beats.push_back (ech_grid_frame_at (&grid, beat) / downbeat_block);
  if (beats.size () < 4 * grid.beats_per_bar)
    return 0;
  finder.setBeatsPerBar (static_cast<int> (grid.beats_per_bar));
  push_audio (finder, stereo, n_frames);
  const float *audio = finder.getBufferedAudio (length);
  finder.findDownBeats (audio, length, beats, downbeats);
  finder.getBeatSD (changes);
  for (size_t i = 0; i < changes.size (); i++) {
    size_t place = (i + 1 + static_cast<size_t> (first)) % change.size ();

    change[place] += changes[i];
  }
  /* music mostly begins with a bar: only a clear change elsewhere says otherwise */
  change[0] += start_share * *std::max_element (change.begin (), change.end ());
  return std::max_element (change.begin (), change.end ()) - change.begin ();
}

} // namespace

uint32_t
ech_beats_find_downbeat (const float           *stereo,
                         uint64_t               n_frames,
                         double                 rate,
                         const struct ech_grid *grid)
{
  try {
    return find_downbeat (stereo, n_frames, rate, *grid);
  } catch (const std::bad_alloc &) {
    return 0;
  }
}

size_t
ech_beats_track (const float     *stereo,
                 uint64_t         n_frames,
                 double           rate,
                 EchMusicProgress progress,
                 void            *data,
                 double         **out_beats_frames)
{
  *out_beats_frames = nullptr;
  try {
    std::vector<double> beats = track (stereo, n_frames, rate, progress, data);

    if (beats.empty ())
      return 0;
    *out_beats_frames = static_cast<double *> (std::malloc (beats.size () * sizeof (double)));
    if (!*out_beats_frames)
      return 0;
    std::copy (beats.begin (), beats.end (), *out_beats_frames);
    return beats.size ();
  } catch (const std::bad_alloc &) {
    return 0;
  }
}
