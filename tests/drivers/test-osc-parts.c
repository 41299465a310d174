/* The OSC driver's parts that need no socket: leases, buckets, networks, packets, patterns.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "drivers/osc/osc-packet.h"
#include "drivers/osc/osc-peers.h"
#include "drivers/osc/osc-state.h"
#include "engine/scheduler/vocabulary.h"

#define S UINT64_C (1000000000)

static ech_osc_peer
peer_of (const char *address, uint16_t port)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons (port) };

  g_assert_cmpint (inet_pton (AF_INET, address, &in.sin_addr), ==, 1);
  return ech_osc_peer_from (&in);
}

static void
test_peer_round_trip (void)
{
  ech_osc_peer       peer    = peer_of ("192.168.7.255", 65535);
  struct sockaddr_in address = ech_osc_peer_address (peer);
  char               text[INET_ADDRSTRLEN];

  g_assert_cmpstr (inet_ntop (AF_INET, &address.sin_addr, text, sizeof text), ==, "192.168.7.255");
  g_assert_cmpuint (ntohs (address.sin_port), ==, 65535);
  g_assert_true (ech_osc_peer_is_local (peer_of ("127.3.2.1", 9)));
  g_assert_false (ech_osc_peer_is_local (peer));
}

static void
test_leases (void)
{
  struct ech_osc_subscribers subscribers = { .n = 0 };

  g_assert_cmpint (ech_osc_subscribe (&subscribers, 1, 30, 0), ==, 0);
  g_assert_cmpint (ech_osc_subscribe (&subscribers, 2, 10, 0), ==, 0);
  g_assert_cmpuint (ech_osc_expire (&subscribers, 10 * S - 1), ==, 0);
  ech_osc_renew (&subscribers, 1, 9 * S);
  ech_osc_renew (&subscribers, 77, 9 * S); /* a ping alone is no subscription */
  g_assert_cmpuint (ech_osc_expire (&subscribers, 10 * S), ==, 1);
  g_assert_cmpuint (subscribers.list[0].peer, ==, 1);
  g_assert_cmpuint (ech_osc_expire (&subscribers, 38 * S), ==, 0);
  g_assert_cmpint (ech_osc_subscribe (&subscribers, 1, 5, 38 * S), ==, 0);
  g_assert_cmpuint (subscribers.n, ==, 1);
  g_assert_cmpuint (ech_osc_expire (&subscribers, 43 * S), ==, 1);
  for (unsigned i = 0; i < ECH_OSC_MAX_SUBSCRIBERS; i++)
    g_assert_cmpint (ech_osc_subscribe (&subscribers, 100 + i, 30, 0), ==, 0);
  g_assert_cmpint (ech_osc_subscribe (&subscribers, 99, 30, 0), ==, -ENOSPC);
  g_assert_cmpint (ech_osc_subscribe (&subscribers, 110, 60, 0), ==, 0);
  g_assert_cmpint (ech_osc_subscribe (&subscribers, 110, 0, 0), ==, 0);
  g_assert_cmpint (ech_osc_subscribe (&subscribers, 99, 30, 0), ==, 0);
}

static void
test_buckets (void)
{
  g_autofree struct ech_osc_limiter *limiter = g_new0 (struct ech_osc_limiter, 1);
  ech_osc_peer local = peer_of ("127.0.0.1", 1), next = peer_of ("127.0.0.1", 2);
  ech_osc_peer far = peer_of ("10.0.0.1", 1), same_far = peer_of ("10.0.0.1", 2);

  limiter->rate  = 10;
  limiter->burst = 20;
  for (int i = 0; i < 20; i++)
    g_assert_cmpint (ech_osc_limit (limiter, local, 1, S), ==, ECH_OSC_PASS);
  g_assert_cmpint (ech_osc_limit (limiter, local, 1, S), ==, ECH_OSC_DROP_AND_TELL);
  g_assert_cmpint (ech_osc_limit (limiter, local, 1, S + 1), ==, ECH_OSC_DROP);
  g_assert_cmpint (ech_osc_limit (limiter, next, 20, S), ==, ECH_OSC_PASS);
  g_assert_cmpint (ech_osc_limit (limiter, local, 5, S + S / 2), ==, ECH_OSC_PASS);
  g_assert_cmpint (ech_osc_limit (limiter, local, 1, S + S / 2), ==, ECH_OSC_DROP);
  g_assert_cmpint (ech_osc_limit (limiter, local, 21, 100 * S), ==, ECH_OSC_DROP_AND_TELL);
  g_assert_cmpint (ech_osc_limit (limiter, far, 20, S), ==, ECH_OSC_PASS);
  g_assert_cmpint (ech_osc_limit (limiter, same_far, 1, S), ==, ECH_OSC_DROP_AND_TELL);
  /* more senders than buckets: the table stays as it is, the quietest one makes room */
  for (unsigned i = 0; i < 1000; i++)
    ech_osc_limit (limiter, peer_of ("127.0.0.1", (uint16_t) (1000 + i)), 1, 200 * S + i);
  g_assert_cmpuint (limiter->n, ==, ECH_OSC_MAX_BUCKETS);
}

static void
test_networks (void)
{
  static const struct {
    const char *why, *text, *from;
    int         result;
    bool        allowed;
  } cases[] = {
    { "inside", "192.168.1.0/24", "192.168.1.77", 0, true },
    { "outside", "192.168.1.0/24", "192.168.2.77", 0, false },
    { "second of a list", "10.0.0.7, 192.168.1.0/24", "192.168.1.1", 0, true },
    { "one address", "10.0.0.7", "10.0.0.8", 0, false },
    { "bits under the mask do not matter", "10.9.9.9/8", "10.1.2.3", 0, true },
    { "everything", "0.0.0.0/0", "8.8.8.8", 0, true },
    { "nothing", "", "10.0.0.1", 0, false },
    { "this machine always", "", "127.0.0.1", 0, true },
    { "33 bits", "10.0.0.0/33", "10.0.0.1", -EINVAL, false },
    { "no bits", "10.0.0.0/", "10.0.0.1", -EINVAL, false },
    { "negative bits", "10.0.0.0/-1", "10.0.0.1", -EINVAL, false },
    { "a name", "localhost", "10.0.0.1", -EINVAL, false },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct ech_osc_networks networks;

    g_test_message ("%s", cases[i].why);
    g_assert_cmpint (ech_osc_networks_parse (&networks, cases[i].text), ==, cases[i].result);
    if (cases[i].result == 0)
      g_assert_cmpint (ech_osc_networks_allow (&networks, peer_of (cases[i].from, 1)), ==,
                       cases[i].allowed);
  }
}

static void
test_patterns (void)
{
  static const struct {
    const char *address, *pattern;
    bool        fits;
  } cases[] = {
    { "/deck/a/state", "/deck/a/state", true },
    { "/deck/a/state", "/deck/?/state", true },
    { "/deck/a/state", "/deck/*/state", true },
    { "/deck/a/state", "/*/*/*", true },
    { "/deck/a/state", "/*", false },
    { "/deck/a/state", "/deck/*", false },
    { "/deck/a/state", "/deck/a/st*e", true },
    { "/deck/a/state", "/deck/a/*t*t*", true },
    { "/deck/a/state", "/deck/a/*t*t*t*", false },
    { "/deck/a/state", "/deck/a/state?", false },
    { "/deck/a/state", "/deck/a/stat", false },
    { "/deck/a/state", "/deck/a/state/", false },
    { "/deck/a/state", "", false },
    { "/crossfader", "/*fader", true },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("%s %s", cases[i].address, cases[i].pattern);
    g_assert_cmpint (ech_osc_address_fits (cases[i].address, cases[i].pattern), ==, cases[i].fits);
  }
}

/* Every control's event leads to the leaf on its own address. */
static void
test_leaves (void)
{
  unsigned                   n_leaves, n_words;
  const struct ech_osc_leaf *leaves = ech_osc_leaves (&n_leaves);
  const struct ech_word     *words  = ech_vocabulary_words (&n_words);
  unsigned                   found  = 0;

  for (unsigned i = 0; i < n_words; i++) {
    struct ech_event event = { .verb = words[i].verb, .index = words[i].index };
    int              leaf  = ech_osc_leaf_for (&event);

    if (leaf < 0 || words[i].verb == ECH_VERB_UNLOCK)
      continue;
    g_assert_cmpstr (leaves[leaf].address, ==, words[i].address);
    found++;
  }
  g_assert_cmpuint (found, >=, 20);
}

static void
test_nested_tags (void)
{
  g_autofree struct ech_osc_packet *packet = g_new0 (struct ech_osc_packet, 1);
  lo_timetag                        outer = { 100, 0 }, inner = { 101, 7 };
  lo_bundle                         out = lo_bundle_new (outer), in = lo_bundle_new (inner);
  lo_message                        message = lo_message_new();
  char                              error[ECH_TEXT_MAX];
  size_t                            size = 0;
  g_autofree void                  *data = NULL;

  lo_message_add_float (message, 0.5f);
  lo_bundle_add_message (out, "/first", message);
  lo_bundle_add_message (in, "/second", message);
  lo_bundle_add_bundle (out, in);
  data = lo_bundle_serialise (out, NULL, &size);
  g_assert_cmpint (ech_osc_packet_decode (packet, data, size, error), ==, 0);
  g_assert_cmpuint (packet->n_messages, ==, 2);
  g_assert_cmpstr (packet->messages[0].address, ==, "/first");
  g_assert_cmpuint (packet->messages[0].time_tag, ==, UINT64_C (100) << 32);
  g_assert_cmpuint (packet->messages[1].time_tag, ==, (UINT64_C (101) << 32) + 7);
  g_assert_cmpfloat (lo_message_get_argv (packet->messages[1].message)[0]->f, ==, 0.5f);
  ech_osc_packet_clear (packet);
  lo_bundle_free_recursive (out);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/osc/peer", test_peer_round_trip);
  g_test_add_func ("/osc/leases", test_leases);
  g_test_add_func ("/osc/buckets", test_buckets);
  g_test_add_func ("/osc/networks", test_networks);
  g_test_add_func ("/osc/patterns", test_patterns);
  g_test_add_func ("/osc/leaves", test_leaves);
  g_test_add_func ("/osc/nested-tags", test_nested_tags);
  return g_test_run();
}
