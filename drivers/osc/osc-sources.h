/* Senders with a name: each is a source of its own, with the rules that the policy has for it.
 *
 * A name is a lane of the driver's, opened when its first sender takes it and closed, with all
 * that waits from it, when the lease of its last one has run out.  Fixed tables; the time is an
 * argument.
 *
 * Thread: the driver's one.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_OSC_SOURCES_H
#define ECH_OSC_SOURCES_H

#include "drivers/osc/osc-peers.h"
#include "drivers/sdk/echelon-driver.h"

enum {
  ECH_OSC_MAX_NAMES          = 8,
  ECH_OSC_MAX_NAMED          = 64, /* senders, all names together */
  ECH_OSC_NAME_LEASE_S       = 600,
  ECH_OSC_NAME_LEASE_MAX_S   = 86400,
};

struct ech_osc_sources {
  struct echelon_host     *host;
  struct ech_osc_networks  hands; /* senders that may take a name of class hand */
  struct {
    char     name[ECH_NAME_MAX]; /* "" = free */
    uint32_t source;
  } names[ECH_OSC_MAX_NAMES];
  struct {
    ech_osc_peer peer;
    unsigned     name; /* index */
    uint64_t     lease_ns;
    uint64_t     until_ns;
  } named[ECH_OSC_MAX_NAMED];
  unsigned n_named;
};

/* May @peer take @name?  Returns 0 or -errno with a sentence in @out_error (size ECH_TEXT_MAX). */
int ech_osc_sources_check (struct ech_osc_sources *sources,
                           ech_osc_peer            peer,
                           const char             *name,
                           char                   *out_error);

/* From now on @peer is @name, for @lease_s seconds after its last packet; lease 0 gives the name back.
 * Returns and @out_error as above. */
int ech_osc_sources_take (struct ech_osc_sources *sources,
                          ech_osc_peer            peer,
                          const char             *name,
                          unsigned                lease_s,
                          uint64_t                now_ns,
                          char                   *out_error);

/* A packet came: the lease begins again.  Returns the sender's source, or -1 when it has no name. */
int ech_osc_sources_renew (struct ech_osc_sources *sources, ech_osc_peer peer, uint64_t now_ns);

/* Takes the names back whose lease has run out, and those that the policy has made a hand of
 * meanwhile from senders that may not be one. */
void ech_osc_sources_expire (struct ech_osc_sources *sources, uint64_t now_ns);

/* One of our names' sources? */
bool ech_osc_sources_own (const struct ech_osc_sources *sources, uint32_t source);

#endif
