/* The bridge's inside: one thread, a line to each peer, one tempo between them and the session.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_BRIDGE_PRIVATE_H
#define ECH_BRIDGE_PRIVATE_H

#include <netinet/in.h>
#include <pthread.h>

#include "drivers/bridge/bridge-link.h"
#include "drivers/bridge/carabiner.h"
#include "drivers/bridge/serato.h"
#include "drivers/sdk/echelon-driver.h"

enum ech_bridge_tempo {
  ECH_BRIDGE_TEMPO_OFF,    /* shown only */
  ECH_BRIDGE_TEMPO_FOLLOW, /* the session takes the peer's */
  ECH_BRIDGE_TEMPO_LEAD,   /* the peer takes the session's */
};

/**
 * struct ech_bridge_peer: what the two back-ends have in common
 * @bpm: the peer's tempo, NAN = not told
 * @told_bpm: LEAD: what it was told last
 */
struct ech_bridge_peer {
  struct ech_bridge_link link;
  int                    fd; /* -1 = none */
  double                 bpm;
  double                 told_bpm;
  struct sockaddr_in     address;
};

struct ech_bridge_live {
  struct ech_bridge_peer peer;
  uint16_t               reply_port;
};

struct ech_bridge_carabiner {
  struct ech_bridge_peer      peer;
  bool                        established; /* the TCP connection stands */
  int                         n_peers;     /* of the Link session, -1 = not told */
  struct ech_carabiner_reader reader;
};

struct ech_bridge_serato {
  const char             *folder; /* "" = off */
  uint64_t                due_ns;
  int64_t                 seen_ns; /* the newest file's time of change */
  int64_t                 seen_size;
  struct ech_serato_entry last;
  bool                    readable;
};

struct ech_bridge {
  struct echelon_host           *host;
  const struct echelon_host_api *api;
  int                            stop_fd;
  pthread_t                      thread;
  uint32_t                       tempo; /* enum ech_bridge_tempo */
  uint64_t                       tempo_due_ns;
  struct ech_bridge_live         live;
  struct ech_bridge_carabiner    carabiner;
  struct ech_bridge_serato       serato;
  char                           shown[ECH_TEXT_MAX];
};

uint64_t ech_bridge_now_ns (void);
void     ech_bridge_close (struct ech_bridge_peer *peer);
void     ech_bridge_log (struct ech_bridge *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/* bridge-live.c: Ableton Live through AbletonOSC, UDP */
void ech_bridge_live_run (struct ech_bridge *self, uint64_t now_ns);  /* its line's duties */
void ech_bridge_live_read (struct ech_bridge *self, uint64_t now_ns); /* its socket is readable */
void ech_bridge_live_tell_tempo (struct ech_bridge *self, double bpm);
void ech_bridge_live_leave (struct ech_bridge *self);

/* bridge-carabiner.c: a Link session through Carabiner, TCP */
void ech_bridge_carabiner_run (struct ech_bridge *self, uint64_t now_ns);
void ech_bridge_carabiner_read (struct ech_bridge *self, uint64_t now_ns);
void ech_bridge_carabiner_tell_tempo (struct ech_bridge *self, double bpm);

/* bridge-serato.c: the newest session file of the folder */
void ech_bridge_serato_run (struct ech_bridge *self, uint64_t now_ns);

#endif
