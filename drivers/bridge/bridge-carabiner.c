/* A Link session, through Carabiner.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/bridge/bridge-private.h"

enum { READ_BYTES = 4096, READS_AT_A_TIME = 16 };

static void
lose (struct ech_bridge *self, const char *reason, uint64_t now_ns)
{
  ech_bridge_close (&self->carabiner.peer);
  ech_bridge_link_failed (&self->carabiner.peer.link, reason, now_ns);
}

/* A line is short: one that does not go out whole means a peer that does not read. */
static bool
send_line (struct ech_bridge *self, const char *line)
{
  size_t  length = strlen (line);
  ssize_t sent   = send (self->carabiner.peer.fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);

  return sent == (ssize_t) length;
}

static bool
begin (struct ech_bridge *self)
{
  struct ech_bridge_carabiner *carabiner = &self->carabiner;
  struct ech_bridge_peer      *peer      = &carabiner->peer;

  ech_bridge_close (peer);
  memset (&carabiner->reader, 0, sizeof carabiner->reader);
  carabiner->established = false;
  carabiner->n_peers     = -1;
  peer->fd               = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return peer->fd >= 0
         && (connect (peer->fd, (const struct sockaddr *) &peer->address, sizeof peer->address) == 0
             || errno == EINPROGRESS);
}

/* Whether the connection that was begun stands; false: not yet, or it has failed. */
static bool
is_established (struct ech_bridge *self, uint64_t now_ns)
{
  struct ech_bridge_carabiner *carabiner = &self->carabiner;
  struct sockaddr_in           name;
  socklen_t                    length = sizeof name, size = sizeof (int);
  int                          code   = 0;

  if (carabiner->established || carabiner->peer.fd < 0)
    return carabiner->established;
  if (getsockopt (carabiner->peer.fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0 || code != 0) {
    lose (self, code == ECONNREFUSED ? "it is not running" : "it cannot be reached", now_ns);
    return false;
  }
  carabiner->established =
      getpeername (carabiner->peer.fd, (struct sockaddr *) &name, &length) == 0;
  return carabiner->established;
}

static void
ask (struct ech_bridge *self, uint64_t now_ns)
{
  bool connecting = self->carabiner.peer.link.state == ECH_BRIDGE_CONNECTING;

  if (is_established (self, now_ns) && !send_line (self, connecting ? "version\n" : "status\n"))
    lose (self, "it does not read", now_ns);
}

void
ech_bridge_carabiner_run (struct ech_bridge *self, uint64_t now_ns)
{
  struct ech_bridge_peer *peer = &self->carabiner.peer;
  enum ech_bridge_duty    duty;

  /* the first question goes out as soon as the connection stands */
  if (peer->link.state == ECH_BRIDGE_CONNECTING && !self->carabiner.established)
    ask (self, now_ns);
  while ((duty = ech_bridge_link_tick (&peer->link, now_ns)) != ECH_BRIDGE_REST) {
    if (duty == ECH_BRIDGE_OPEN && !begin (self))
      lose (self, "it cannot be reached", now_ns);
    else if (duty == ECH_BRIDGE_ASK)
      ask (self, now_ns);
    else if (duty == ECH_BRIDGE_CLOSE)
      ech_bridge_close (peer);
  }
}

struct context {
  struct ech_bridge *self;
  uint64_t           now_ns;
};

static void
take_version (struct ech_bridge *self, const char *version, uint64_t now_ns)
{
  struct ech_bridge_peer *peer = &self->carabiner.peer;
  char                    text[32];

  if (ech_carabiner_version_fits (version)) {
    snprintf (text, sizeof text, "%.31s", version);
    ech_bridge_link_verified (&peer->link, text, now_ns);
    return;
  }
  ech_bridge_log (self, "Carabiner is version %s; 1.x is wanted.", version);
  ech_bridge_close (peer);
  ech_bridge_link_mismatch (&peer->link, "its version is not 1.x", now_ns);
}

static void
take_word (const struct ech_carabiner_word *word, void *data)
{
  const struct context        *context   = data;
  struct ech_bridge           *self      = context->self;
  struct ech_bridge_carabiner *carabiner = &self->carabiner;
  struct ech_bridge_link      *link      = &carabiner->peer.link;

  if (word->kind == ECH_CARABINER_GARBAGE || carabiner->peer.fd < 0)
    return; /* no sign of life: whoever talks nonsense goes stale */
  if (word->kind == ECH_CARABINER_VERSION)
    take_version (self, word->text, context->now_ns);
  else if (word->kind == ECH_CARABINER_REFUSED)
    ech_bridge_log (self, "Carabiner did not take it: %s", word->text);
  if (carabiner->peer.fd < 0 || link->state == ECH_BRIDGE_CONNECTING)
    return; /* nobody is believed before the handshake */
  ech_bridge_link_heard (link, context->now_ns);
  if (word->kind == ECH_CARABINER_STATUS) {
    carabiner->peer.bpm = word->bpm;
    carabiner->n_peers  = word->peers;
  }
}

void
ech_bridge_carabiner_read (struct ech_bridge *self, uint64_t now_ns)
{
  struct ech_bridge_carabiner *carabiner = &self->carabiner;
  struct context               context   = { self, now_ns };
  char                         bytes[READ_BYTES];

  if (!is_established (self, now_ns))
    return;
  for (int i = 0; i < READS_AT_A_TIME && carabiner->peer.fd >= 0; i++) {
    ssize_t n = recv (carabiner->peer.fd, bytes, sizeof bytes, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (n <= 0) {
      lose (self, n == 0 ? "it hung up" : "the connection broke", now_ns);
      return;
    }
    ech_carabiner_feed (&carabiner->reader, bytes, (size_t) n, take_word, &context);
  }
}

void
ech_bridge_carabiner_tell_tempo (struct ech_bridge *self, double bpm)
{
  char line[48], number[24];
  int  whole = (int) bpm;

  /* not by printf's decimal point, which is the locale's */
  snprintf (number, sizeof number, "%d.%06d", whole, (int) lround ((bpm - whole) * 1e6) % 1000000);
  snprintf (line, sizeof line, "bpm %s\n", number);
  if (!send_line (self, line))
    lose (self, "it does not read", ech_bridge_now_ns());
}
