/* The crossfader's curves: for the mixer, which plays them, and for the scheduler, which must know
 * what a crossfader will silence before it moves.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_CROSSFADER_H
#define ECH_CROSSFADER_H

#include "engine/types.h"

/* Linear gain that the crossfader gives the side of @deck (a and c left, b and d right).
 * @curve: enum ech_crossfader_curve.  RT-safe: yes. */
ECH_RT double ech_crossfader_gain (uint32_t curve, double position, uint32_t deck);

#endif
