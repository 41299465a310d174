/* A control whose value the person's hand and the engine both move.
 *
 * While a hand moves it, the newest snapshots still tell the value of some
 * milliseconds ago; a slider that followed them would tremble under the hand.
 * So the hand's value holds until the engine tells the same one or a short time
 * has passed.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_UI_CONTROL_H
#define ECH_UI_CONTROL_H

#include <glib.h>

#include "engine/types.h"

struct ech_control {
  double   value;   /* what the widget shows */
  gint64   hold_us; /* g_get_monotonic_time() until which the hand's value holds */
  gboolean unsent;  /* the lane was full: post again */
};

/* The hand set it, now. */
static inline void
ech_control_set (struct ech_control *control, double value, gint64 now_us)
{
  control->value   = value;
  control->hold_us = now_us + 400 * G_TIME_SPAN_MILLISECOND;
}

/* The engine tells @value.  Returns: whether the shown value changed. */
static inline gboolean
ech_control_follow (struct ech_control *control, double value, gint64 now_us)
{
  gboolean changed = control->value != value;

  if (control->unsent || (changed && now_us < control->hold_us))
    return FALSE;
  control->value   = value;
  control->hold_us = 0;
  return changed;
}

/* The engine refused the hand's value: the next snapshot wins. */
static inline void
ech_control_release (struct ech_control *control)
{
  control->hold_us = 0;
  control->unsent  = FALSE;
}

#endif
