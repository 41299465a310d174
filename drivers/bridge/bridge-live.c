/* Ableton Live, through the AbletonOSC remote script.
 *
 * It listens on UDP 11000 and answers to port 11001 of whoever spoke last: one client at a time.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <lo/lo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/bridge/bridge-private.h"

enum { OLDEST_LIVE = 11, DATAGRAM = 1536, PACKETS_AT_A_TIME = 64 };

static void
send_message (struct ech_bridge *self, const char *address, const double *number)
{
  struct ech_bridge_peer *peer    = &self->live.peer;
  lo_message              message = lo_message_new();
  size_t                  size    = 0;
  void                   *bytes;

  if (number)
    lo_message_add_float (message, (float) *number);
  bytes = lo_message_serialise (message, address, NULL, &size);
  lo_message_free (message);
  /* nobody there is no error of UDP's that concerns us: silence tells */
  if (bytes && peer->fd >= 0)
    sendto (peer->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL,
            (const struct sockaddr *) &peer->address, sizeof peer->address);
  free (bytes);
}

static bool
open_socket (struct ech_bridge *self)
{
  struct ech_bridge_peer *peer  = &self->live.peer;
  bool                    local = ntohl (peer->address.sin_addr.s_addr) >> 24 == 127;
  struct sockaddr_in      ours  = { .sin_family      = AF_INET,
                                    .sin_port        = htons (self->live.reply_port),
                                    .sin_addr.s_addr = htonl (local ? INADDR_LOOPBACK : INADDR_ANY) };

  ech_bridge_close (peer);
  peer->fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return peer->fd >= 0 && bind (peer->fd, (struct sockaddr *) &ours, sizeof ours) == 0;
}

void
ech_bridge_live_run (struct ech_bridge *self, uint64_t now_ns)
{
  struct ech_bridge_peer *peer = &self->live.peer;
  enum ech_bridge_duty    duty;

  while ((duty = ech_bridge_link_tick (&peer->link, now_ns)) != ECH_BRIDGE_REST) {
    switch (duty) {
    case ECH_BRIDGE_OPEN:
      if (!open_socket (self)) {
        ech_bridge_close (peer);
        ech_bridge_link_failed (&peer->link, "the reply port is in use", now_ns);
        break;
      }
      send_message (self, "/live/test", NULL);
      break;
    case ECH_BRIDGE_ASK:
      send_message (self, "/live/test", NULL);
      if (peer->link.state != ECH_BRIDGE_CONNECTING)
        send_message (self, "/live/song/get/tempo", NULL);
      break;
    default:
      ech_bridge_close (peer);
      break;
    }
  }
}

static void
take_test (struct ech_bridge *self, uint64_t now_ns)
{
  struct ech_bridge_link *link  = &self->live.peer.link;
  bool                    fresh = link->state == ECH_BRIDGE_CONNECTING;

  ech_bridge_link_verified (link, "", now_ns);
  if (!fresh)
    return;
  send_message (self, "/live/application/get/version", NULL);
  send_message (self, "/live/song/start_listen/tempo", NULL);
  send_message (self, "/live/song/get/tempo", NULL);
}

static void
take_version (struct ech_bridge *self, const char *types, lo_arg **values, uint64_t now_ns)
{
  struct ech_bridge_peer *peer = &self->live.peer;
  char                    version[32];

  if (strncmp (types, "ii", 2) != 0 || peer->link.state == ECH_BRIDGE_CONNECTING)
    return;
  snprintf (version, sizeof version, "Live %d.%d", values[0]->i, values[1]->i);
  if (values[0]->i >= OLDEST_LIVE) {
    ech_bridge_link_verified (&peer->link, version, now_ns);
    return;
  }
  ech_bridge_log (self, "AbletonOSC runs in %s; %d or newer is wanted.", version, OLDEST_LIVE);
  ech_bridge_close (peer);
  ech_bridge_link_mismatch (&peer->link, "it is too old a Live", now_ns);
}

static void
take_message (struct ech_bridge *self,
              const char        *address,
              lo_message         message,
              uint64_t           now_ns)
{
  struct ech_bridge_peer *peer   = &self->live.peer;
  const char             *types  = lo_message_get_types (message);
  lo_arg                **values = lo_message_get_argv (message);

  if (strncmp (address, "/live/", strlen ("/live/")) != 0)
    return; /* not its language */
  if (strcmp (address, "/live/test") == 0)
    take_test (self, now_ns);
  else if (strcmp (address, "/live/application/get/version") == 0)
    take_version (self, types, values, now_ns);
  else if (peer->link.state == ECH_BRIDGE_CONNECTING)
    return; /* nobody is believed before the handshake */
  else if (strcmp (address, "/live/song/get/tempo") == 0 && types[0] == 'f'
           && isfinite (values[0]->f) && values[0]->f > 0)
    peer->bpm = values[0]->f;
  else if (strcmp (address, "/live/error") == 0 && types[0] == 's')
    ech_bridge_log (self, "AbletonOSC: %.100s", &values[0]->s);
  ech_bridge_link_heard (&peer->link, now_ns);
}

void
ech_bridge_live_read (struct ech_bridge *self, uint64_t now_ns)
{
  struct ech_bridge_peer *peer = &self->live.peer;
  _Alignas(8) char        datagram[DATAGRAM];

  for (int i = 0; i < PACKETS_AT_A_TIME && peer->fd >= 0; i++) {
    struct sockaddr_in from;
    socklen_t          length = sizeof from;
    int                result = 0;
    lo_message         message;
    ssize_t            size = recvfrom (peer->fd, datagram, sizeof datagram, MSG_DONTWAIT,
                                        (struct sockaddr *) &from, &length);

    if (size < 0)
      return;
    if (from.sin_addr.s_addr != peer->address.sin_addr.s_addr)
      continue;
    /* checks that the address and all strings end */
    message = lo_message_deserialise (datagram, (size_t) size, &result);
    if (!message)
      continue;
    take_message (self, datagram, message, now_ns);
    lo_message_free (message);
  }
}

void
ech_bridge_live_tell_tempo (struct ech_bridge *self, double bpm)
{
  send_message (self, "/live/song/set/tempo", &bpm);
}

/* Live goes on alone: it need not tell us any more. */
void
ech_bridge_live_leave (struct ech_bridge *self)
{
  if (self->live.peer.link.state == ECH_BRIDGE_CONNECTED)
    send_message (self, "/live/song/stop_listen/tempo", NULL);
  ech_bridge_close (&self->live.peer);
}
