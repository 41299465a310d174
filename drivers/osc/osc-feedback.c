/* What goes out: replies, events, the state to those who asked to be told.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "drivers/osc/osc-private.h"

uint64_t
ech_osc_now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (uint64_t) t.tv_sec * UINT64_C (1000000000) + (uint64_t) t.tv_nsec;
}

void
ech_osc_take_moment (struct ech_osc *self, struct ech_osc_moment *out_moment)
{
  self->api->state (self->host, &out_moment->state);
  if (out_moment->state.n_decks > ECH_MAX_DECKS)
    out_moment->state.n_decks = ECH_MAX_DECKS;
  out_moment->frame           = self->api->frame_at (self->host, ech_osc_now_ns());
  out_moment->deck_state_name = self->api->deck_state_name;
  ech_osc_moment_finish (out_moment);
}

/* Returns the number of bytes in self->answer, 0 if the message is too long. */
static size_t
serialise (struct ech_osc *self, const char *address, lo_message message)
{
  size_t size = lo_message_length (message, address);

  if (size > sizeof self->answer)
    return 0;
  lo_message_serialise (message, address, self->answer, &size);
  return size;
}

/* A peer that is gone, or slow, is its own affair. */
static void
send_answer (struct ech_osc *self, ech_osc_peer to, size_t size)
{
  struct sockaddr_in address = ech_osc_peer_address (to);

  if (size > 0)
    sendto (self->socket, self->answer, size, MSG_DONTWAIT | MSG_NOSIGNAL,
            (struct sockaddr *) &address, sizeof address);
}

void
ech_osc_send (struct ech_osc *self, ech_osc_peer to, const char *address, lo_message message)
{
  if (message == NULL)
    return;
  send_answer (self, to, serialise (self, address, message));
  lo_message_free (message);
}

void
ech_osc_send_error (struct ech_osc *self, ech_osc_peer to, const char *text)
{
  lo_message message = lo_message_new();

  lo_message_add_string (message, text);
  ech_osc_send (self, to, "/echelon/error", message);
}

/* --- events ---------------------------------------------------------------------------- */

static void
add_fate (struct ech_osc *self, const struct ech_event *event, lo_message message)
{
  lo_message_add_string (message, event->id);
  lo_message_add_string (message, self->api->fate_name (event->fate));
  lo_message_add_string (message, self->api->rule_name (event->rule));
  lo_message_add_string (message, event->text);
  lo_message_add_double (message, event->beat);
}

static void
reply (struct ech_osc *self, ech_osc_peer to, const struct ech_event *event)
{
  lo_message message = lo_message_new();

  add_fate (self, event, message);
  ech_osc_send (self, to, "/echelon/reply", message);
}

/* The contract's five values; what follows them is for those who watch all decks and sources. */
static void
broadcast (struct ech_osc *self, ech_osc_peer originator, const struct ech_event *event)
{
  lo_message message = lo_message_new();
  char       deck[2] = { event->deck < ECH_MAX_DECKS ? (char) ('a' + event->deck) : '\0', '\0' };
  size_t     size;

  add_fate (self, event, message);
  lo_message_add_string (message, event->source_name);
  lo_message_add_string (message, self->api->verb_name (event->verb));
  lo_message_add_string (message, deck);
  lo_message_add_int64 (message, (int64_t) event->serial);
  size = serialise (self, "/event", message);
  for (unsigned i = 0; i < self->subscribers.n; i++)
    if (self->subscribers.list[i].peer != originator)
      send_answer (self, self->subscribers.list[i].peer, size);
  lo_message_free (message);
}

static void
remember_originator (struct ech_osc *self, ech_osc_peer originator, const struct ech_event *event)
{
  int leaf = ech_osc_leaf_for (event);

  if (event->fate == ECH_FATE_EXECUTED && leaf >= 0 && event->deck < ECH_MAX_DECKS)
    self->originators[leaf][event->deck] = originator;
}

void
ech_osc_tell_event (struct ech_osc *self, const struct ech_event *event)
{
  ech_osc_peer originator = 0;

  if (event->source == self->api->source (self->host)
      || ech_osc_sources_own (&self->sources, event->source))
    originator = event->client;
  remember_originator (self, originator, event);
  if (originator)
    reply (self, originator, event);
  if (self->subscribers.n > 0)
    broadcast (self, originator, event);
}

/* --- state ----------------------------------------------------------------------------- */

/* FNV-1a: enough to see that something is not as it was. */
static uint64_t
sum_of (const unsigned char *data, size_t size)
{
  uint64_t sum = UINT64_C (0xcbf29ce484222325);

  for (size_t i = 0; i < size; i++)
    sum = (sum ^ data[i]) * UINT64_C (0x100000001b3);
  return sum;
}

static void
send_to_all_but (struct ech_osc *self, ech_osc_peer but, size_t size)
{
  for (unsigned i = 0; i < self->subscribers.n; i++)
    if (self->subscribers.list[i].peer != but)
      send_answer (self, self->subscribers.list[i].peer, size);
}

/* Whoever moved a control knows where it is: no echo to it. */
static void
tell_if_changed (struct ech_osc              *self,
                 unsigned                     index,
                 const struct ech_osc_leaf   *leaf,
                 unsigned                     deck,
                 const struct ech_osc_moment *moment)
{
  lo_message message = ech_osc_leaf_message (leaf, deck, moment);
  char       address[64];
  size_t     size;
  uint64_t   sum;

  if (message == NULL)
    return;
  ech_osc_leaf_address (leaf, deck, address, sizeof address);
  size = serialise (self, address, message);
  sum  = sum_of (self->answer, size);
  lo_message_free (message);
  if (sum == self->sums[index][deck])
    return;
  self->sums[index][deck] = sum;
  send_to_all_but (self, self->originators[index][deck], size);
  self->originators[index][deck] = 0;
}

void
ech_osc_feedback (struct ech_osc *self)
{
  struct ech_osc_moment      moment;
  unsigned                   n_leaves;
  const struct ech_osc_leaf *leaves = ech_osc_leaves (&n_leaves);

  ech_osc_take_moment (self, &moment);
  for (unsigned i = 0; i < n_leaves; i++)
    for (unsigned deck = 0;
         leaves[i].streamed && deck < (leaves[i].per_deck ? moment.state.n_decks : 1); deck++)
      tell_if_changed (self, i, &leaves[i], deck, &moment);
}

void
ech_osc_dump (struct ech_osc *self, ech_osc_peer to)
{
  struct ech_osc_moment      moment;
  unsigned                   n_leaves;
  const struct ech_osc_leaf *leaves = ech_osc_leaves (&n_leaves);
  char                       address[64];

  ech_osc_take_moment (self, &moment);
  for (unsigned i = 0; i < n_leaves; i++) {
    for (unsigned deck = 0;
         leaves[i].streamed && deck < (leaves[i].per_deck ? moment.state.n_decks : 1); deck++) {
      ech_osc_leaf_address (&leaves[i], deck, address, sizeof address);
      ech_osc_send (self, to, address, ech_osc_leaf_message (&leaves[i], deck, &moment));
    }
  }
}
