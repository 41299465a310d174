/* The OSC driver's inside: one thread, one socket, one struct.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_OSC_PRIVATE_H
#define ECH_OSC_PRIVATE_H

#include <pthread.h>

#include "drivers/osc/osc-packet.h"
#include "drivers/osc/osc-peers.h"
#include "drivers/osc/osc-sources.h"
#include "drivers/osc/osc-state.h"
#include "drivers/osc/osc-telemetry.h"
#include "drivers/sdk/echelon-driver.h"

enum {
  ECH_OSC_PROTOCOL      = 1,  /* told in /pong */
  ECH_OSC_MAX_VALUES    = 16, /* arguments of one message */
  ECH_OSC_HORIZON_S     = 30, /* a bundle's time lies at most so far ahead */
  ECH_OSC_FEEDBACK_MS   = 50,
  ECH_OSC_MESSAGE_RATE  = 1000, /* messages a second and sender */
  ECH_OSC_MESSAGE_BURST = 2000,
};

struct ech_osc {
  /* fixed from start to stop */
  struct echelon_host           *host;
  const struct echelon_host_api *api;
  int                            socket;
  int                            stop_fd;
  pthread_t                      thread;
  struct ech_osc_networks        networks;
  char                           where[64]; /* "127.0.0.1:8000" */

  /* the driver's thread */
  struct ech_osc_limiter     limiter;
  struct ech_osc_subscribers subscribers;
  struct ech_osc_sources     sources;
  unsigned                   subscribers_shown;
  uint64_t                   feedback_due_ns;
  uint64_t                   sums[ECH_OSC_MAX_LEAVES][ECH_MAX_DECKS]; /* of what was last told */
  ech_osc_peer               originators[ECH_OSC_MAX_LEAVES][ECH_MAX_DECKS];
  struct ech_osc_packet      packet;
  struct ech_action          actions[ECH_OSC_MAX_MESSAGES];
  _Alignas(8) unsigned char datagram[ECH_OSC_MAX_DATAGRAM];
  unsigned char answer[2048];
};

uint64_t ech_osc_now_ns (void);

/* What is heard now. */
void ech_osc_take_moment (struct ech_osc *self, struct ech_osc_moment *out_moment);

/* Sends and frees @message; what does not fit or cannot be sent is dropped. */
void ech_osc_send (struct ech_osc *self, ech_osc_peer to, const char *address, lo_message message);

/* "/echelon/error text" */
void ech_osc_send_error (struct ech_osc *self, ech_osc_peer to, const char *text);

/* One datagram, whatever is in it. */
void ech_osc_handle (struct ech_osc *self, size_t size, ech_osc_peer from);

/* One step in an action's life: to who asked for it, and to the subscribers. */
void ech_osc_tell_event (struct ech_osc *self, const struct ech_event *event);

/* All there is, to one. */
void ech_osc_dump (struct ech_osc *self, ech_osc_peer to);

/* What has changed, to all subscribers. */
void ech_osc_feedback (struct ech_osc *self);

#endif
