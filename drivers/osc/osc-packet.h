/* A datagram becomes a list of messages, or one sentence on what is wrong.
 *
 * Nothing in a datagram is believed: every length is checked before it is
 * used, nesting and number are bounded.  liblo reads the single messages; its
 * server, dispatcher and time queue are not used (they match patterns, coerce
 * numbers and queue without bound).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_OSC_PACKET_H
#define ECH_OSC_PACKET_H

#include <lo/lo.h>

#include "engine/types.h"

enum {
  ECH_OSC_MAX_DATAGRAM = 65536,
  ECH_OSC_MAX_MESSAGES = 1024, /* in one datagram */
  ECH_OSC_MAX_DEPTH    = 8,    /* bundles in bundles */
  ECH_OSC_MAX_ADDRESS  = 128,  /* bytes, with its NUL */
};

/* The time tag that means "at once", as OSC has it. */
#define ECH_OSC_AT_ONCE UINT64_C (1)

/**
 * struct ech_osc_message:
 * @address: printable ASCII, begins with "/"; points into the datagram
 * @time_tag: NTP time (32.32) of the bundle around it, or ECH_OSC_AT_ONCE
 */
struct ech_osc_message {
  lo_message  message; /* owned */
  const char *address;
  uint64_t    time_tag;
};

struct ech_osc_packet {
  struct ech_osc_message messages[ECH_OSC_MAX_MESSAGES];
  unsigned               n_messages;
};

/**
 * ech_osc_packet_decode:
 * @data: 4-byte aligned; must outlive @packet's use
 * @out_error: (size ECH_TEXT_MAX) one sentence
 *
 * Call ech_osc_packet_clear() afterwards in both cases.
 *
 * Returns: 0 or -EINVAL.
 */
int ech_osc_packet_decode (struct ech_osc_packet *packet, void *data, size_t size, char *out_error);

void ech_osc_packet_clear (struct ech_osc_packet *packet);

#endif
