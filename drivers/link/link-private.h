/* The Ableton Link driver's inside.
 *
 * link-driver.c: its thread, settings, on and off; link-clock.c: what the audio thread calls;
 * link-transport.c: shared start and stop.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_LINK_PRIVATE_H
#define ECH_LINK_PRIVATE_H

#include <abl_link.h>
#include <pthread.h>
#include <stdatomic.h>

#include "drivers/sdk/echelon-driver.h"

enum ech_link_phase {
  ECH_LINK_DISABLED,
  ECH_LINK_WARMING,  /* the instance is too young to be enabled */
  ECH_LINK_ALIGNING, /* the audio thread puts our beat and tempo into it */
  ECH_LINK_ENABLED,
};

enum { ECH_LINK_WISH_NONE, ECH_LINK_WISH_PLAY, ECH_LINK_WISH_STOP };

/* What the audio thread works with.  The session's state is changed there and nowhere else. */
struct ech_link_clock {
  /* fixed before the clock is published */
  abl_link               link;
  abl_link_session_state state; /* the audio thread's own */
  double                 quantum;
  int64_t                trim_ns; /* added to the time at which a beat is to be heard */

  /* the driver's thread asks, the audio thread does it and clears it */
  atomic_bool    wants_alignment;
  _Atomic int    wish; /* ECH_LINK_WISH_* */
  _Atomic double wish_beat; /* NAN = now; written before `wish` */

  atomic_bool    follows;     /* the session's beat is ours */
  _Atomic double nudge_beats; /* whole; what we count is so far ahead of the session's beat */
};

/* Shared start and stop; the driver's thread's own. */
struct ech_link_transport {
  bool    is_shared;
  bool    session_plays; /* as we last saw or wished it */
  bool    awaits_own;    /* what we wished is not in the session yet ... */
  bool    awaits_start;  /* a start of ours waits for its beat */
  int64_t own_until_us;  /* ... and if not by then, it will not be */
  int64_t settled_us;    /* we joined just now: until then nothing is anybody's press */
};

struct ech_link {
  /* fixed from start to stop */
  struct echelon_host           *host;
  const struct echelon_host_api *api;
  int                            stop_fd;
  int                            update_ms;
  pthread_t                      thread;

  /* the driver's thread, after start */
  enum ech_link_phase       phase;
  bool                      has_link;
  bool                      was_told; /* the newest update has gone out */
  abl_link_session_state    app_state;
  int64_t                   made_us;  /* when the instance was made */
  int64_t                   asked_us; /* when alignment was asked for */
  uint64_t                  peers;
  char                      status[ECH_TEXT_MAX];
  struct ech_link_transport transport;
  struct ech_state          seen;

  struct ech_link_clock clock;
};

/* link-clock.c */
extern const struct ech_clock_source ech_link_source;

/* Session time of @monotonic_ns, which is CLOCK_MONOTONIC; both clocks are read anew, for they
 * drift apart.  RT-safe: yes. */
double ech_link_time_us (int64_t monotonic_ns);

/* link-transport.c, all on the driver's thread */
void ech_link_transport_share (struct ech_link *self, bool is_shared);
void ech_link_transport_joined (struct ech_link *self);
void ech_link_transport_take_event (struct ech_link *self, const struct ech_event *event);
void ech_link_transport_look (struct ech_link *self); /* @app_state is fresh */

#endif
