/* The state of the line to one peer: who is asked when, when it counts as lost, when it is tried again.
 *
 * Pure: time comes in, what to do comes out.  No socket, no clock.
 *
 *   DISCONNECTED -> CONNECTING -> CONNECTED <-> STALE
 *                        ^  |          |          |
 *                        |  v          v          v
 *                       BACKOFF <------+----------+
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_BRIDGE_LINK_H
#define ECH_BRIDGE_LINK_H

#include <stdbool.h>
#include <stdint.h>

enum ech_bridge_state {
  ECH_BRIDGE_DISCONNECTED, /* switched off */
  ECH_BRIDGE_CONNECTING,   /* asked, no answer yet that proves who it is */
  ECH_BRIDGE_CONNECTED,    /* the handshake is done, and it answers */
  ECH_BRIDGE_STALE,        /* it was there, and is silent */
  ECH_BRIDGE_BACKOFF,      /* given up for now */
  ECH_N_BRIDGE_STATES,
};

enum {
  ECH_BRIDGE_ASK_MS       = 1000,  /* between questions */
  ECH_BRIDGE_CONNECT_MS   = 3000,  /* CONNECTING at most */
  ECH_BRIDGE_STALE_MS     = 3000,  /* silence that makes STALE */
  ECH_BRIDGE_LOST_MS      = 10000, /* silence that makes BACKOFF */
  ECH_BRIDGE_BACKOFF_MS   = 1000,  /* the first; doubled each time */
  ECH_BRIDGE_BACKOFF_MAX_MS = 30000,
};

struct ech_bridge_link {
  uint32_t state; /* enum ech_bridge_state */
  uint32_t n_failures; /* in a row */
  uint64_t since_ns;   /* in this state */
  uint64_t heard_ns;
  uint64_t asked_ns;
  char     version[32]; /* what the peer says of itself, "" = unknown */
  char     reason[96];  /* BACKOFF: why */
};

/* What the line's owner has to do. */
enum ech_bridge_duty {
  ECH_BRIDGE_REST,
  ECH_BRIDGE_OPEN,  /* make the socket; then opened() or failed() */
  ECH_BRIDGE_ASK,   /* send the question that proves the peer's life */
  ECH_BRIDGE_CLOSE, /* drop the socket */
};

/* Beginning of CONNECTING. */
void ech_bridge_link_start (struct ech_bridge_link *link, uint64_t now_ns);

/* At most one duty a call: call it again until it says REST. */
enum ech_bridge_duty ech_bridge_link_tick (struct ech_bridge_link *link, uint64_t now_ns);

/* The peer answered the handshake's question; @version may be "". */
void ech_bridge_link_verified (struct ech_bridge_link *link, const char *version, uint64_t now_ns);

/* A word of the peer's own protocol came. */
void ech_bridge_link_heard (struct ech_bridge_link *link, uint64_t now_ns);

/* The socket is gone or the peer is none that we can talk to; the owner has closed its socket. */
void ech_bridge_link_failed (struct ech_bridge_link *link, const char *reason, uint64_t now_ns);

/* It speaks another language, and will an hour from now: the longest wait at once. */
void ech_bridge_link_mismatch (struct ech_bridge_link *link, const char *reason, uint64_t now_ns);

/* Until the next tick is worth while. */
uint64_t ech_bridge_link_due_ns (const struct ech_bridge_link *link, uint64_t now_ns);

/* "connected" ... */
const char *ech_bridge_state_name (enum ech_bridge_state state);

#endif
