/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/crossfader.h"

#include "engine/rt/command.h"

double
ech_crossfader_gain (uint32_t curve, double position, uint32_t deck)
{
  double near = deck % 2 == 0 ? 1.0 - position : position;

  /* exactly full and exactly off at the ends, whatever cosines round to */
  if (near >= 1.0)
    return 1.0;
  if (near <= 0.0)
    return 0.0;
  switch (curve) {
  case ECH_CURVE_LINEAR:
    return near;
  case ECH_CURVE_CUT:
    return fmin (1.0, near / 0.05);
  default:
    return sin (near * M_PI_2);
  }
}
