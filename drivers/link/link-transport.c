/* Shared start and stop: a deck whose sync is on goes with the session.
 *
 * Start and stop are what somebody pressed, nothing else.  A press on our side is an
 * action on a synced deck: its start (also one that waits for its beat), and the stop of the
 * last one that plays; a track that runs out is no press.  A press of a peer's starts, at
 * the next quantum, the synced decks that stand ready, or stops those that play.  What
 * the session does at the moment we join is nobody's press.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>

#include "drivers/link/link-private.h"

/* So long after joining the session's state is what we found, not what somebody pressed; and so
 * long it may take until what we wished is the session's. */
#define SETTLE_US 1000000

static void
wish (struct ech_link *self, bool plays, double beat)
{
  struct ech_link_transport *transport = &self->transport;

  if (transport->session_plays == plays)
    return;
  atomic_store (&self->clock.wish_beat, beat);
  atomic_store (&self->clock.wish, plays ? ECH_LINK_WISH_PLAY : ECH_LINK_WISH_STOP);
  transport->session_plays = plays;
  transport->awaits_own    = true;
  transport->own_until_us  = abl_link_clock_micros (self->clock.link) + SETTLE_US;
}

static bool
goes_along (const struct ech_deck_status *deck)
{
  return deck->sync && deck->has_grid && !deck->locked;
}

static bool
any_synced_deck_plays (const struct ech_state *state)
{
  for (uint32_t i = 0; i < state->n_decks; i++) {
    const struct ech_deck_status *deck = &state->decks[i];

    if (deck->sync && (deck->state == ECH_DECK_PLAYING || deck->state == ECH_DECK_PRIMED))
      return true;
  }
  return false;
}

static void
post_to_decks (struct ech_link *self, bool plays)
{
  struct ech_action action = { .verb = plays ? ECH_VERB_PLAY : ECH_VERB_STOP, .value = NAN };

  action.timing.kind  = plays ? ECH_TIMING_GRID : ECH_TIMING_NOW;
  action.timing.beats = self->clock.quantum;
  self->api->state (self->host, &self->seen);
  for (uint32_t i = 0; i < self->seen.n_decks; i++) {
    const struct ech_deck_status *deck = &self->seen.decks[i];
    bool is_ready = plays ? deck->state == ECH_DECK_STOPPED
                          : deck->state == ECH_DECK_PLAYING || deck->state == ECH_DECK_PRIMED;

    action.deck = i;
    if (goes_along (deck) && is_ready && self->api->post (self->host, &action) < 0)
      self->api->log (self->host, ECHELON_LOG_WARNING, "The lane is full; a start or stop is lost.");
  }
}

void
ech_link_transport_share (struct ech_link *self, bool is_shared)
{
  self->transport.is_shared = is_shared;
  if (self->has_link)
    abl_link_enable_start_stop_sync (self->clock.link, is_shared);
  if (is_shared)
    ech_link_transport_joined (self);
}

void
ech_link_transport_joined (struct ech_link *self)
{
  if (!self->has_link)
    return;
  self->transport.awaits_own = false;
  self->transport.settled_us = abl_link_clock_micros (self->clock.link) + SETTLE_US;
}

static void
take_own_start (struct ech_link *self, const struct ech_event *event)
{
  if (event->deck < self->seen.n_decks && self->seen.decks[event->deck].sync)
    wish (self, true, event->fate == ECH_FATE_QUEUED ? event->beat : NAN);
  self->transport.awaits_start = event->fate == ECH_FATE_QUEUED;
}

void
ech_link_transport_take_event (struct ech_link *self, const struct ech_event *event)
{
  bool is_start = event->verb == ECH_VERB_PLAY || event->verb == ECH_VERB_HOTCUE_JUMP;
  bool is_stop  = event->verb == ECH_VERB_STOP || event->verb == ECH_VERB_EMERGENCY
                 || (event->verb == ECH_VERB_CUE && isnan (event->value))
                 || event->verb == ECH_VERB_EJECT;
  bool is_done = event->fate == ECH_FATE_EXECUTED;
  bool is_taken_back;

  if (!self->transport.is_shared || self->phase != ECH_LINK_ENABLED || (!is_start && !is_stop)
      || event->source == self->api->source (self->host))
    return;
  self->api->state (self->host, &self->seen);
  if (is_start && (is_done || event->fate == ECH_FATE_QUEUED)) {
    take_own_start (self, event);
    return;
  }
  /* a start that was refused when it came, or only judged, is nobody's press */
  is_taken_back = is_start && self->transport.awaits_start;
  if (((is_stop && is_done) || is_taken_back) && !any_synced_deck_plays (&self->seen)) {
    self->transport.awaits_start = false;
    wish (self, false, NAN);
  }
}

void
ech_link_transport_look (struct ech_link *self)
{
  struct ech_link_transport *transport = &self->transport;
  bool                       plays     = abl_link_is_playing (self->app_state);
  bool                       was_own   = transport->awaits_own;
  int64_t                    now_us    = abl_link_clock_micros (self->clock.link);

  if (plays == transport->session_plays) {
    transport->awaits_own = false;
    return;
  }
  if (was_own && now_us < transport->own_until_us)
    return;
  transport->awaits_own    = false;
  transport->session_plays = plays;
  if (transport->is_shared && !was_own && now_us >= transport->settled_us)
    post_to_decks (self, plays);
}
