/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/meter.h"

#include <float.h>
#include <math.h>
#include <string.h>

void
ech_meter_init (struct ech_meter *m)
{
  memset (m, 0, sizeof *m);
}

void
ech_meter_add (struct ech_meter *m, const float *stereo, uint32_t n)
{
  for (uint32_t c = 0; c < 2; c++) {
    double sum  = m->square_sum[c];
    float  peak = m->peak[c];

    for (uint32_t i = 0; i < n; i++) {
      float size = fabsf (stereo[2 * i + c]);

      if (!(size <= FLT_MAX))
        continue;
      peak = size > peak ? size : peak;
      sum += (double) size * size;
    }
    m->square_sum[c] = sum;
    m->peak[c]       = peak;
  }
  m->n_frames += n;
}

void
ech_meter_take (struct ech_meter *m, float out_peak[2], float out_rms[2])
{
  for (uint32_t c = 0; c < 2; c++) {
    out_peak[c] = m->peak[c];
    out_rms[c]  = m->n_frames > 0 ? (float) sqrt (m->square_sum[c] / (double) m->n_frames) : 0.0f;
  }
  ech_meter_init (m);
}
