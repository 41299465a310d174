/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/analysis/key.h"

#include <dsp/keydetection/GetKeyMode.h>

#include <algorithm>
#include <new>
#include <vector>

namespace {

constexpr float  tuning_hz      = 440.0f;
constexpr double hpcp_seconds   = 10.0;
constexpr double median_seconds = 10.0;
constexpr int    n_keys         = 24;
constexpr int    no_key         = -1; /* ECH_KEY_UNKNOWN */
constexpr size_t progress_hops  = 8;

/* qm-dsp: 1 = C major .. 12 = B major, 13 = C minor .. 24 = B minor, 0 = none */
int
key_of (int qm_key)
{
  return qm_key >= 1 && qm_key <= n_keys ? qm_key - 1 : no_key;
}

int
find (const float *stereo, uint64_t n_frames, double rate, EchMusicProgress progress, void *data)
{
  GetKeyMode           detector (static_cast<int> (rate), tuning_hz, hpcp_seconds, median_seconds);
  std::vector<double>  block (detector.getBlockSize ());
  std::vector<size_t>  heard (n_keys);
  size_t               n_hops = 0;

  for (uint64_t start = 0; start + block.size () <= n_frames; start += detector.getHopSize ()) {
    double loudest = 0.0;

    for (size_t i = 0; i < block.size (); i++) {
      const float *frame = stereo + 2 * (start + i);

      block[i] = 0.5 * (static_cast<double> (frame[0]) + frame[1]);
      loudest  = std::max (loudest, std::abs (block[i]));
    }
    int key = key_of (detector.process (block.data ()));

    if (key != no_key && loudest > 1e-4)
      heard[key]++;
    if (++n_hops % progress_hops == 0)
      progress (data);
  }

  auto most = std::max_element (heard.begin (), heard.end ());

  return *most > 0 ? static_cast<int> (most - heard.begin ()) : no_key;
}

} // namespace

int
ech_key_find (const float     *stereo,
              uint64_t         n_frames,
              double           rate,
              EchMusicProgress progress,
              void            *data)
{
  try {
    return find (stereo, n_frames, rate, progress, data);
  } catch (const std::bad_alloc &) {
    return no_key;
  }
}
