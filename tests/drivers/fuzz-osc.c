/* Mutated packets into the OSC driver, built with AddressSanitizer: 200 000 from one seed.
 *
 * What must hold for each: no bad memory access, answers that are whole OSC
 * messages, and never both an error and a post from one packet.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/osc/osc-private.h"
#include "tests/drivers/fake-host.h"

enum { N_PACKETS = 200000, N_SEEDS = 14, MAX_SEED = 4096, SEED = 20261122 };

struct seed {
  unsigned char data[MAX_SEED];
  size_t        size;
};

static struct seed seeds[N_SEEDS];

static lo_message
message_of (const char *types)
{
  lo_message message = lo_message_new();

  for (; *types; types++) {
    if (*types == 'f')
      lo_message_add_float (message, 0.5f);
    else if (*types == 'i')
      lo_message_add_int32 (message, 1);
    else if (*types == 'd')
      lo_message_add_double (message, 8.25);
    else if (*types == 's')
      lo_message_add_string (message, "bar");
    else
      lo_message_add_string (message, "id=fuzz");
  }
  return message;
}

static void
keep_seed (unsigned place, void *data, size_t size)
{
  g_assert_cmpuint (size, <=, MAX_SEED);
  memcpy (seeds[place].data, data, size);
  seeds[place].size = size;
  free (data);
}

static void
make_message_seed (unsigned place, const char *address, const char *types)
{
  lo_message message = message_of (types);
  size_t     size    = 0;
  void      *data    = lo_message_serialise (message, address, NULL, &size);

  lo_message_free (message);
  keep_seed (place, data, size);
}

static lo_bundle
bundle_of (lo_timetag tag, unsigned depth)
{
  lo_bundle bundle = lo_bundle_new (tag);

  lo_bundle_add_message (bundle, "/crossfader", message_of ("f"));
  lo_bundle_add_message (bundle, "/deck/a/play", message_of ("fsI"));
  if (depth > 0)
    lo_bundle_add_bundle (bundle, bundle_of (tag, depth - 1));
  return bundle;
}

static void
make_bundle_seed (unsigned place, lo_timetag tag, unsigned depth)
{
  lo_bundle bundle = bundle_of (tag, depth);
  size_t    size   = 0;
  void     *data   = lo_bundle_serialise (bundle, NULL, &size);

  lo_bundle_free_recursive (bundle);
  keep_seed (place, data, size);
}

static void
make_seeds (void)
{
  lo_timetag soon;

  lo_timetag_now (&soon);
  soon.sec += 5;
  make_message_seed (0, "/crossfader", "f");
  make_message_seed (1, "/deck/a/load", "sI");
  make_message_seed (2, "/deck/b/seek", "dsI");
  make_message_seed (3, "/eq/a/low", "is");
  make_message_seed (4, "/query", "s");
  make_message_seed (5, "/subscribe", "i");
  make_message_seed (6, "/ping", "");
  make_message_seed (7, "/lock/a", "s");
  make_bundle_seed (8, LO_TT_IMMEDIATE, 0);
  make_bundle_seed (9, LO_TT_IMMEDIATE, 5);
  make_bundle_seed (10, soon, 2);
  make_message_seed (11, "/limiter", "ffffffffffffffff");
  make_message_seed (12, "/source", "s");
  make_message_seed (13, "/source", "si");
}

/* Few edits, now and then many; the kinds are those that break parsers. */
static size_t
mutate (GRand *rand, unsigned char *data, size_t size)
{
  static const int           counts[]     = { 0, 1, 1, 1, 1, 2, 3, 8 };
  static const unsigned char favourites[] = { 0x00, 0xff, 0x7f, 0x80, ',', '/',
                                              '#',  '*',  's',  'b',  4 };
  int                        n = counts[g_rand_int_range (rand, 0, G_N_ELEMENTS (counts))];

  while (n-- > 0 && size > 0) {
    size_t at = (size_t) g_rand_int_range (rand, 0, (gint32) size);

    switch (g_rand_int_range (rand, 0, 6)) {
    case 0:
      data[at] ^= (unsigned char) (1u << g_rand_int_range (rand, 0, 8));
      break;
    case 1:
      data[at] = favourites[g_rand_int_range (rand, 0, sizeof favourites)];
      break;
    case 2:
      size = g_rand_int_range (rand, 0, 4) > 0 ? at & ~(size_t) 3 : at;
      break;
    case 3: /* a stretch appears twice */
      if (size + 8 <= MAX_SEED && at + 8 <= size) {
        memmove (data + at + 8, data + at, size - at);
        size += 8;
      }
      break;
    case 4: /* a stretch is gone */
      if (at + 4 <= size) {
        memmove (data + at, data + at + 4, size - at - 4);
        size -= 4;
      }
      break;
    default:
      if (at + 4 <= size)
        memset (data + (at & ~(size_t) 3), g_rand_boolean (rand) ? 0xff : 0, 4);
      break;
    }
  }
  return size;
}

/* Reads all answers; returns how many were errors. */
static unsigned
read_answers (int socket)
{
  _Alignas(8) unsigned char data[4096];
  ssize_t                   size;
  unsigned                  n_errors = 0;

  while ((size = recv (socket, data, sizeof data, MSG_DONTWAIT)) >= 0) {
    lo_message message = lo_message_deserialise (data, (size_t) size, NULL);

    g_assert_nonnull (message);
    lo_message_free (message);
    n_errors += strcmp ((char *) data, "/echelon/error") == 0;
  }
  return n_errors;
}

/* In memory of its very size, so that a byte too far is seen. */
static int
decode_copy (struct ech_osc_packet *packet, const unsigned char *data, size_t size)
{
  g_autofree void *copy                = g_memdup2 (data, size);
  char             error[ECH_TEXT_MAX] = "";
  int              result              = ech_osc_packet_decode (packet, copy, size, error);

  g_assert_true (result == 0 || error[0]);
  ech_osc_packet_clear (packet);
  return result;
}

static int
open_socket (struct sockaddr_in *out_address)
{
  struct sockaddr_in address = { .sin_family      = AF_INET,
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t          length  = sizeof address;
  int                fd      = socket (AF_INET, SOCK_DGRAM, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  getsockname (fd, (struct sockaddr *) &address, &length);
  *out_address = address;
  return fd;
}

static void
test_fuzz (void)
{
  g_autofree struct ech_osc *self = g_new0 (struct ech_osc, 1);
  g_autoptr (GRand) rand          = g_rand_new_with_seed (SEED);
  struct fake_host   fake;
  struct sockaddr_in own, address;
  int                peer_socket = open_socket (&address);
  unsigned           n_good = 0, n_bad = 0;

  fake_host_init (&fake);
  self->host    = &fake.handle;
  self->api     = fake.handle.api;
  self->sources = (struct ech_osc_sources){ .host = &fake.handle };
  self->socket  = open_socket (&own);
  self->limiter = (struct ech_osc_limiter){ .rate = 1e9, .burst = 1e9 };
  make_seeds();
  for (int i = 0; i < N_PACKETS; i++) {
    const struct seed *seed   = &seeds[g_rand_int_range (rand, 0, N_SEEDS)];
    unsigned           before = fake.n_actions, n_errors;
    size_t             size;
    int                decoded;

    memcpy (self->datagram, seed->data, seed->size);
    size    = mutate (rand, self->datagram, seed->size);
    decoded = decode_copy (&self->packet, self->datagram, size);
    ech_osc_handle (self, size, ech_osc_peer_from (&address));
    n_errors = read_answers (peer_socket);
    g_assert_cmpuint (n_errors, <=, 1);
    g_assert_true (n_errors == 0 || fake.n_actions == before);
    g_assert_true (decoded == 0 || n_errors == 1);
    n_good += fake.n_actions > before;
    n_bad += n_errors;
  }
  g_test_message ("%u packets posted, %u were errors", n_good, n_bad);
  g_assert_cmpuint (n_good, >, N_PACKETS / 10);
  g_assert_cmpuint (n_bad, >, N_PACKETS / 4);
  close (self->socket);
  close (peer_socket);
  fake_host_finish (&fake);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/osc/fuzz", test_fuzz);
  return g_test_run();
}
