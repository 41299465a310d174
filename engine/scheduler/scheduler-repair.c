/* Fates that were lost on their way.
 *
 * The audio thread never waits, so a feedback that finds the ring full is gone, and whatever was
 * believed of its order would stay believed for ever.  An order that should have its fate and has
 * none is looked up in the report: what is there now was carried out.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/scheduler/scheduler-private.h"

/* The audio thread counts what it lost: then one need not wait long. */
#define PATIENCE_S       1.0
#define SHORT_PATIENCE_S 0.1
#define CHECK_EACH_S     0.25

static double
due_frame (EchScheduler *s, const struct ech_entry *entry)
{
  return entry->waits ? fmax (ech_orders_frame_of (s, entry->due.beats), entry->handed_frame)
                      : entry->handed_frame;
}

static bool
shows_playing (const struct ech_deck_report *deck)
{
  return deck->state == ECH_DECK_PLAYING;
}

/* Whether the report shows the track on the deck that the order was for. */
static bool
shows_track (const struct ech_entry *entry, const struct ech_deck_report *deck)
{
  return deck->generation == entry->generation;
}

static bool
is_done (EchScheduler *s, const struct ech_entry *entry)
{
  const struct ech_action      *action = &entry->action;
  const struct ech_deck_report *deck   = &s->report->decks[action->deck];

  switch (action->verb) {
  case ECH_VERB_LOAD:
  case ECH_VERB_EJECT:
    return shows_track (entry, deck);
  case ECH_VERB_PLAY:
  case ECH_VERB_HOTCUE_JUMP:
    return shows_track (entry, deck) && shows_playing (deck);
  case ECH_VERB_STOP:
    return shows_track (entry, deck) && !shows_playing (deck);
  case ECH_VERB_CUE:
    return shows_track (entry, deck) && (!isnan (action->value) || !shows_playing (deck));
  case ECH_VERB_LOOP:
    return shows_track (entry, deck) && deck->loop_active == (action->value != 0);
  case ECH_VERB_LOOP_OUT:
    return shows_track (entry, deck) && deck->loop_active;
  case ECH_VERB_SYNC:
    return deck->sync == (action->value != 0);
  case ECH_VERB_TEMPO:
    return fabs (s->report->timeline.bpm - action->value) < 1e-9;
  case ECH_VERB_SEEK:
  case ECH_VERB_BEATJUMP:
  case ECH_VERB_LOOP_IN:
  case ECH_VERB_LOOP_MOVE:
  case ECH_VERB_HOTCUE_SET:
  case ECH_VERB_HOTCUE_CLEAR:
    return shows_track (entry, deck);
  default:
    return true; /* the mixer refuses nothing */
  }
}

/* As if the feedback had come; the report has the last word on whether the deck plays. */
static void
repair (EchScheduler *s, struct ech_entry *entry)
{
  const struct ech_deck_report *seen     = &s->report->decks[entry->action.deck];
  uint32_t                      index    = entry->action.deck;
  struct ech_feedback           feedback = {
              .type  = is_done (s, entry) ? ECH_FEEDBACK_EXECUTED : ECH_FEEDBACK_REFUSED,
              .deck  = index,
              .id    = entry->serial,
              .frame = s->report->frame,
              .beat  = entry->waits ? entry->due.beats : s->now_beat,
  };

  s->telemetry.repaired++;
  entry->n_awaited   = 1;
  entry->is_repaired = true;
  if (entry->waits)
    feedback.frame = (uint64_t) fmax (0, ech_orders_frame_of (s, entry->due.beats));
  ech_orders_take_fate (s, &feedback);
  if (s->shadow.decks[index].generation != seen->generation)
    return;
  s->shadow.decks[index].playing    = shows_playing (seen);
  s->shadow.decks[index].told_frame = 0;
}

void
ech_repair_tick (EchScheduler *s)
{
  double rate  = s->clock.local.timeline.rate;
  bool   lost  = s->report->feedback_lost != s->feedback_lost;
  double until = (double) s->report->frame - (lost ? SHORT_PATIENCE_S : PATIENCE_S) * rate;
  g_autoptr (GArray) serials = NULL;
  bool any_waits             = false;

  /* the frames of an audio server that came again begin anew */
  if (s->check_frame > (double) s->report->frame + rate)
    s->check_frame = 0;
  if (!(rate > 0) || (double) s->report->frame < s->check_frame
      || g_hash_table_size (s->entries) == 0)
    return;
  s->check_frame = (double) s->report->frame + (lost ? SHORT_PATIENCE_S : CHECK_EACH_S) * rate;
  serials        = ech_entry_serials (s);
  for (guint i = 0; i < serials->len; i++) {
    struct ech_entry *entry = ech_entry_by_serial (s, g_array_index (serials, uint64_t, i));

    if (!entry || entry->stage != ECH_STAGE_HANDED || entry->action.verb == ECH_VERB_CANCEL)
      continue;
    if (due_frame (s, entry) > until) {
      any_waits = true;
    } else if (entry->is_overdue) {
      repair (s, entry); /* twice looked, so its fate is not just behind this report */
    } else {
      entry->is_overdue = true;
      any_waits         = true;
    }
  }
  if (!any_waits)
    s->feedback_lost = s->report->feedback_lost;
}
