/* Rubber Band's R3 engine with its short window: no allocation once it is made, 3 % of a core.
 *
 * It is given middle and side instead of left and right: its version 3.1 treats the channels
 * as strangers, and what is mono would not stay so.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/rt/stretch.h"

#include <rubberband/rubberband-c.h>

enum { PIECE = 256 };

static RubberBandState
state_of (struct ech_stretch *stretch)
{
  return (RubberBandState) stretch;
}

/* A reset leaves something that a new one has not: each start is to be like any other. */
static void
season (struct ech_stretch *stretch)
{
  static const float silence[2 * ECH_STRETCH_MAX_FEED];
  float              out[2 * PIECE];

  ech_stretch_reset (stretch);
  ech_stretch_set_speed (stretch, 1.06);
  for (uint32_t hops = 0, n; hops < 8; hops++) {
    while ((n = ech_stretch_wanted (stretch)) > 0)
      ech_stretch_feed (stretch, silence, n < ECH_STRETCH_MAX_FEED ? n : ECH_STRETCH_MAX_FEED);
    while (ech_stretch_take (stretch, out, PIECE) > 0) {
    }
  }
}

struct ech_stretch *
ech_stretch_create (double rate)
{
  RubberBandState state =
      rubberband_new ((unsigned) rate, 2,
                      RubberBandOptionProcessRealTime | RubberBandOptionEngineFiner
                          | RubberBandOptionWindowShort | RubberBandOptionThreadingNever,
                      1.0, 1.0);

  if (state == NULL)
    return NULL;
  /* else it writes to stderr, from whatever thread, when it is not content */
  rubberband_set_debug_level (state, -1);
  rubberband_set_max_process_size (state, ECH_STRETCH_MAX_FEED);
  season ((struct ech_stretch *) state);
  return (struct ech_stretch *) state;
}

void
ech_stretch_destroy (struct ech_stretch *stretch)
{
  if (stretch != NULL)
    rubberband_delete (state_of (stretch));
}

uint32_t
ech_stretch_lead (struct ech_stretch *stretch)
{
  return 2 * rubberband_get_start_delay (state_of (stretch));
}

/* The delay that it tells is that at the recorded speed, where any pivot fits.  The middle of its
 * window lies a fifth before that: found by measuring (tests/cli/test-keylock.py). */
uint32_t
ech_stretch_pivot (struct ech_stretch *stretch)
{
  return rubberband_get_start_delay (state_of (stretch)) * 4 / 5;
}

void
ech_stretch_reset (struct ech_stretch *stretch)
{
  rubberband_set_time_ratio (state_of (stretch), 1.0); /* as when it was new */
  rubberband_reset (state_of (stretch));
}

void
ech_stretch_set_speed (struct ech_stretch *stretch, double speed)
{
  rubberband_set_time_ratio (state_of (stretch), 1.0 / speed);
}

uint32_t
ech_stretch_wanted (struct ech_stretch *stretch)
{
  return rubberband_get_samples_required (state_of (stretch));
}

void
ech_stretch_feed (struct ech_stretch *stretch, const float *in, uint32_t n)
{
  float        middle[ECH_STRETCH_MAX_FEED], side[ECH_STRETCH_MAX_FEED];
  const float *planes[2] = { middle, side };

  for (uint32_t i = 0; i < n; i++) {
    middle[i] = 0.5f * (in[2 * i] + in[2 * i + 1]);
    side[i]   = 0.5f * (in[2 * i] - in[2 * i + 1]);
  }
  rubberband_process (state_of (stretch), planes, n, 0);
}

uint32_t
ech_stretch_take (struct ech_stretch *stretch, float *out, uint32_t max)
{
  float    middle[PIECE], side[PIECE];
  float   *planes[2] = { middle, side };
  uint32_t taken     = 0;

  while (taken < max) {
    int      there = rubberband_available (state_of (stretch));
    uint32_t want  = max - taken < PIECE ? max - taken : PIECE;
    uint32_t n     = there <= 0 ? 0 : (uint32_t) there < want ? (uint32_t) there : want;

    if (n == 0 || rubberband_retrieve (state_of (stretch), planes, n) != n)
      break;
    for (uint32_t i = 0; i < n; i++) {
      out[2 * (taken + i)]     = middle[i] + side[i];
      out[2 * (taken + i) + 1] = middle[i] - side[i];
    }
    taken += n;
  }
  return taken;
}
