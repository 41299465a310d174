/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/bridge/bridge-link.h"

#include <stdio.h>
#include <string.h>

#define MS UINT64_C (1000000)

static void
enter (struct ech_bridge_link *link, enum ech_bridge_state state, uint64_t now_ns)
{
  link->state    = state;
  link->since_ns = now_ns;
}

void
ech_bridge_link_start (struct ech_bridge_link *link, uint64_t now_ns)
{
  memset (link, 0, sizeof *link);
  enter (link, ECH_BRIDGE_CONNECTING, now_ns);
}

static uint64_t
backoff_ns (const struct ech_bridge_link *link)
{
  uint64_t ms = ECH_BRIDGE_BACKOFF_MS;

  for (uint32_t i = 1; i < link->n_failures && ms < ECH_BRIDGE_BACKOFF_MAX_MS; i++)
    ms *= 2;
  return (ms < ECH_BRIDGE_BACKOFF_MAX_MS ? ms : ECH_BRIDGE_BACKOFF_MAX_MS) * MS;
}

void
ech_bridge_link_failed (struct ech_bridge_link *link, const char *reason, uint64_t now_ns)
{
  link->n_failures += link->n_failures < 31;
  link->version[0] = '\0';
  link->asked_ns   = 0;
  snprintf (link->reason, sizeof link->reason, "%s", reason);
  enter (link, ECH_BRIDGE_BACKOFF, now_ns);
}

void
ech_bridge_link_mismatch (struct ech_bridge_link *link, const char *reason, uint64_t now_ns)
{
  link->n_failures = 31;
  ech_bridge_link_failed (link, reason, now_ns);
}

void
ech_bridge_link_heard (struct ech_bridge_link *link, uint64_t now_ns)
{
  link->heard_ns = now_ns;
  if (link->state == ECH_BRIDGE_STALE)
    enter (link, ECH_BRIDGE_CONNECTED, now_ns);
}

void
ech_bridge_link_verified (struct ech_bridge_link *link, const char *version, uint64_t now_ns)
{
  if (link->state == ECH_BRIDGE_BACKOFF || link->state == ECH_BRIDGE_DISCONNECTED)
    return;
  if (version[0])
    snprintf (link->version, sizeof link->version, "%s", version);
  link->n_failures = 0;
  link->reason[0]  = '\0';
  if (link->state == ECH_BRIDGE_CONNECTING)
    enter (link, ECH_BRIDGE_CONNECTED, now_ns);
  ech_bridge_link_heard (link, now_ns);
}

static enum ech_bridge_duty
give_up (struct ech_bridge_link *link, const char *reason, uint64_t now_ns)
{
  ech_bridge_link_failed (link, reason, now_ns);
  return ECH_BRIDGE_CLOSE;
}

static enum ech_bridge_duty
ask (struct ech_bridge_link *link, uint64_t now_ns)
{
  if (link->asked_ns != 0 && now_ns - link->asked_ns < ECH_BRIDGE_ASK_MS * MS)
    return ECH_BRIDGE_REST;
  link->asked_ns = now_ns;
  return ECH_BRIDGE_ASK;
}

enum ech_bridge_duty
ech_bridge_link_tick (struct ech_bridge_link *link, uint64_t now_ns)
{
  switch (link->state) {
  case ECH_BRIDGE_CONNECTING:
    if (now_ns - link->since_ns >= ECH_BRIDGE_CONNECT_MS * MS)
      return give_up (link, "no answer", now_ns);
    if (link->asked_ns == 0) {
      link->asked_ns = now_ns;
      return ECH_BRIDGE_OPEN;
    }
    return ask (link, now_ns);
  case ECH_BRIDGE_CONNECTED:
    if (now_ns - link->heard_ns >= ECH_BRIDGE_STALE_MS * MS)
      enter (link, ECH_BRIDGE_STALE, now_ns);
    return ask (link, now_ns);
  case ECH_BRIDGE_STALE:
    if (now_ns - link->heard_ns >= ECH_BRIDGE_LOST_MS * MS)
      return give_up (link, "it fell silent", now_ns);
    return ask (link, now_ns);
  case ECH_BRIDGE_BACKOFF:
    if (now_ns - link->since_ns >= backoff_ns (link)) {
      enter (link, ECH_BRIDGE_CONNECTING, now_ns);
      link->asked_ns = now_ns;
      return ECH_BRIDGE_OPEN;
    }
    return ECH_BRIDGE_REST;
  default:
    return ECH_BRIDGE_REST;
  }
}

uint64_t
ech_bridge_link_due_ns (const struct ech_bridge_link *link, uint64_t now_ns)
{
  switch (link->state) {
  case ECH_BRIDGE_DISCONNECTED:
    return UINT64_MAX;
  case ECH_BRIDGE_BACKOFF:
    return link->since_ns + backoff_ns (link);
  default:
    return link->asked_ns == 0 ? now_ns : link->asked_ns + ECH_BRIDGE_ASK_MS * MS;
  }
}

const char *
ech_bridge_state_name (enum ech_bridge_state state)
{
  static const char *const names[ECH_N_BRIDGE_STATES] = { "off", "connecting", "connected",
                                                          "stale", "waiting" };

  return (unsigned) state < ECH_N_BRIDGE_STATES ? names[state] : "unknown";
}
