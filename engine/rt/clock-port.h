/* The audio thread's side of a clock source that may be taken away at any moment.
 *
 * The port itself goes to the audio thread by a command and comes back as RETIRED
 * feedback.  What it points to belongs to a driver module: the source.  The owner
 * revokes the port, waits until nobody is inside, and may then free the source
 * although the audio thread still holds the port.  The audio thread never waits.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_CLOCK_PORT_H
#define ECH_RT_CLOCK_PORT_H

#include <stdatomic.h>

#include "engine/clock-source.h"

struct ech_clock_port {
  const struct ech_clock_source *source; /* not to be followed once revoked */
  void                          *self;
  atomic_bool                    is_revoked; /* written by the owner, once */
  atomic_bool                    is_inside;  /* written by the audio thread */
};

/* False: revoked, the source may be gone.  Else call the source, and leave.  Both sides write their
 * own flag before they read the other's, in one order for all (seq_cst): either the owner sees us
 * inside, or we see that we are revoked.  Thread: audio.  RT-safe: yes. */
static inline bool
ech_clock_port_enter (struct ech_clock_port *port)
{
  atomic_store (&port->is_inside, true);
  if (!atomic_load (&port->is_revoked))
    return true;
  atomic_store (&port->is_inside, false);
  return false;
}

static inline void
ech_clock_port_leave (struct ech_clock_port *port)
{
  atomic_store (&port->is_inside, false);
}

/* After this, and once ech_clock_port_is_inside() is false, the source is not called any more.
 * Thread: the owner's. */
static inline void
ech_clock_port_revoke (struct ech_clock_port *port)
{
  atomic_store (&port->is_revoked, true);
}

static inline bool
ech_clock_port_is_inside (struct ech_clock_port *port)
{
  return atomic_load (&port->is_inside);
}

#endif
