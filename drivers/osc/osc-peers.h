/* Who talks to us: how much each may say, who wants to be told, from where.
 *
 * Fixed tables and the time as an argument: nothing grows, nothing waits.
 * A peer is an IPv4 address and a port in one number, so that it can ride
 * through the scheduler as an action's `client`.
 *
 * Thread: the driver's one.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_OSC_PEERS_H
#define ECH_OSC_PEERS_H

#include <netinet/in.h>

#include "engine/types.h"

enum {
  ECH_OSC_MAX_SUBSCRIBERS = 32,
  ECH_OSC_MAX_BUCKETS     = 256,
  ECH_OSC_MAX_NETWORKS    = 16,
  ECH_OSC_LEASE_DEFAULT_S = 30,
  ECH_OSC_LEASE_MAX_S     = 3600,
};

/* address << 16 | port, both in host order; never 0. */
typedef uint64_t ech_osc_peer;

static inline ech_osc_peer
ech_osc_peer_from (const struct sockaddr_in *address)
{
  return (uint64_t) ntohl (address->sin_addr.s_addr) << 16 | ntohs (address->sin_port);
}

static inline struct sockaddr_in
ech_osc_peer_address (ech_osc_peer peer)
{
  return (struct sockaddr_in){
    .sin_family      = AF_INET,
    .sin_port        = htons ((uint16_t) peer),
    .sin_addr.s_addr = htonl ((uint32_t) (peer >> 16)),
  };
}

static inline bool
ech_osc_peer_is_local (ech_osc_peer peer)
{
  return peer >> 40 == 127;
}

/* --- subscribers ----------------------------------------------------------------------- */

struct ech_osc_subscriber {
  ech_osc_peer peer;
  uint64_t     lease_ns;
  uint64_t     until_ns;
};

struct ech_osc_subscribers {
  struct ech_osc_subscriber list[ECH_OSC_MAX_SUBSCRIBERS];
  unsigned                  n;
};

/* Adds or renews; @lease_s 0 takes the peer off.  Returns 0 or -ENOSPC. */
int ech_osc_subscribe (struct ech_osc_subscribers *subscribers,
                       ech_osc_peer                peer,
                       unsigned                    lease_s,
                       uint64_t                    now_ns);

/* A heartbeat: a peer that subscribes has its lease begin again. */
void ech_osc_renew (struct ech_osc_subscribers *subscribers, ech_osc_peer peer, uint64_t now_ns);

/* Drops those whose lease has run out.  Returns how many. */
unsigned ech_osc_expire (struct ech_osc_subscribers *subscribers, uint64_t now_ns);

/* --- how much each may say ------------------------------------------------------------- */

struct ech_osc_bucket {
  ech_osc_peer peer;
  double       tokens;
  uint64_t     filled_ns;
  uint64_t     told_ns; /* when its sender was last told that it says too much */
};

/* @rate messages a second, after a burst of at most @burst. */
struct ech_osc_limiter {
  double                rate, burst;
  struct ech_osc_bucket buckets[ECH_OSC_MAX_BUCKETS];
  unsigned              n;
};

enum ech_osc_pass {
  ECH_OSC_PASS,
  ECH_OSC_DROP_AND_TELL, /* once a second and sender */
  ECH_OSC_DROP,
};

/* @cost: messages in the packet.  Senders on this machine count by port, others by address. */
enum ech_osc_pass
ech_osc_limit (struct ech_osc_limiter *limiter, ech_osc_peer peer, double cost, uint64_t now_ns);

/* --- from where ------------------------------------------------------------------------ */

struct ech_osc_networks {
  struct {
    uint32_t address, mask; /* host order */
  } list[ECH_OSC_MAX_NETWORKS];
  unsigned n;
};

/* @text: "192.168.1.0/24, 10.0.0.7".  Returns 0 or -EINVAL. */
int ech_osc_networks_parse (struct ech_osc_networks *networks, const char *text);

/* This machine itself is always allowed. */
bool ech_osc_networks_allow (const struct ech_osc_networks *networks, ech_osc_peer peer);

#endif
