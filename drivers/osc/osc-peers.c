/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/osc/osc-peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S UINT64_C (1000000000)

/* --- subscribers ----------------------------------------------------------------------- */

static struct ech_osc_subscriber *
find_subscriber (struct ech_osc_subscribers *subscribers, ech_osc_peer peer)
{
  for (unsigned i = 0; i < subscribers->n; i++)
    if (subscribers->list[i].peer == peer)
      return &subscribers->list[i];
  return NULL;
}

int
ech_osc_subscribe (struct ech_osc_subscribers *subscribers,
                   ech_osc_peer                peer,
                   unsigned                    lease_s,
                   uint64_t                    now_ns)
{
  struct ech_osc_subscriber *subscriber = find_subscriber (subscribers, peer);

  if (lease_s == 0) {
    if (subscriber)
      *subscriber = subscribers->list[--subscribers->n];
    return 0;
  }
  if (subscriber == NULL) {
    if (subscribers->n == ECH_OSC_MAX_SUBSCRIBERS)
      return -ENOSPC;
    subscriber = &subscribers->list[subscribers->n++];
  }
  subscriber->peer     = peer;
  subscriber->lease_ns = lease_s * NS_PER_S;
  subscriber->until_ns = now_ns + subscriber->lease_ns;
  return 0;
}

void
ech_osc_renew (struct ech_osc_subscribers *subscribers, ech_osc_peer peer, uint64_t now_ns)
{
  struct ech_osc_subscriber *subscriber = find_subscriber (subscribers, peer);

  if (subscriber)
    subscriber->until_ns = now_ns + subscriber->lease_ns;
}

unsigned
ech_osc_expire (struct ech_osc_subscribers *subscribers, uint64_t now_ns)
{
  unsigned before = subscribers->n;

  for (unsigned i = 0; i < subscribers->n;) {
    if (subscribers->list[i].until_ns <= now_ns)
      subscribers->list[i] = subscribers->list[--subscribers->n];
    else
      i++;
  }
  return before - subscribers->n;
}

/* --- how much each may say ------------------------------------------------------------- */

static struct ech_osc_bucket *
find_bucket (struct ech_osc_limiter *limiter, ech_osc_peer peer, uint64_t now_ns)
{
  struct ech_osc_bucket *oldest = &limiter->buckets[0];

  for (unsigned i = 0; i < limiter->n; i++) {
    if (limiter->buckets[i].peer == peer)
      return &limiter->buckets[i];
    if (limiter->buckets[i].filled_ns < oldest->filled_ns)
      oldest = &limiter->buckets[i];
  }
  if (limiter->n < ECH_OSC_MAX_BUCKETS)
    oldest = &limiter->buckets[limiter->n++];
  *oldest = (struct ech_osc_bucket){ .peer = peer, .tokens = limiter->burst, .filled_ns = now_ns };
  return oldest;
}

enum ech_osc_pass
ech_osc_limit (struct ech_osc_limiter *limiter, ech_osc_peer peer, double cost, uint64_t now_ns)
{
  /* A program on the network could take a port a packet; on this machine many share one address. */
  ech_osc_peer           key    = ech_osc_peer_is_local (peer) ? peer : peer >> 16 << 16;
  struct ech_osc_bucket *bucket = find_bucket (limiter, key, now_ns);

  bucket->tokens += (double) (now_ns - bucket->filled_ns) * 1e-9 * limiter->rate;
  if (bucket->tokens > limiter->burst)
    bucket->tokens = limiter->burst;
  bucket->filled_ns = now_ns;
  if (bucket->tokens >= cost) {
    bucket->tokens -= cost;
    return ECH_OSC_PASS;
  }
  if (bucket->told_ns && now_ns - bucket->told_ns < NS_PER_S)
    return ECH_OSC_DROP;
  bucket->told_ns = now_ns;
  return ECH_OSC_DROP_AND_TELL;
}

/* --- from where ------------------------------------------------------------------------ */

static int
parse_network (struct ech_osc_networks *networks, char *text)
{
  char          *slash = strchr (text, '/');
  char          *end   = NULL;
  unsigned long  bits  = 32;
  struct in_addr address;

  if (slash) {
    *slash = '\0';
    bits   = strtoul (slash + 1, &end, 10);
    if (slash[1] < '0' || slash[1] > '9' || *end || bits > 32)
      return -EINVAL;
  }
  if (inet_pton (AF_INET, text, &address) != 1 || networks->n == ECH_OSC_MAX_NETWORKS)
    return -EINVAL;
  networks->list[networks->n].mask    = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
  networks->list[networks->n].address = ntohl (address.s_addr) & networks->list[networks->n].mask;
  networks->n++;
  return 0;
}

int
ech_osc_networks_parse (struct ech_osc_networks *networks, const char *text)
{
  char *copy   = strdup (text);
  char *rest   = NULL;
  int   result = copy ? 0 : -ENOMEM;

  networks->n = 0;
  for (char *word = copy ? strtok_r (copy, ", ", &rest) : NULL; word && result == 0;
       word       = strtok_r (NULL, ", ", &rest))
    result = parse_network (networks, word);
  free (copy);
  return result;
}

bool
ech_osc_networks_allow (const struct ech_osc_networks *networks, ech_osc_peer peer)
{
  uint32_t address = (uint32_t) (peer >> 16);

  if (ech_osc_peer_is_local (peer))
    return true;
  for (unsigned i = 0; i < networks->n; i++)
    if ((address & networks->list[i].mask) == networks->list[i].address)
      return true;
  return false;
}
