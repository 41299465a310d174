/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/scheduler/shadow-state.h"

#include <string.h>

#include "engine/rt/crossfader.h"

void
ech_shadow_init (struct ech_shadow *shadow, uint32_t n_decks)
{
  memset (shadow, 0, sizeof *shadow);
  shadow->n_decks               = n_decks;
  shadow->crossfader            = 0.5;
  shadow->limiter_db            = -1.0;
  shadow->master_volume         = 1.0;
  shadow->booth_volume          = 1.0;
  shadow->headphones_volume     = 1.0;
  shadow->ordered_crossfader    = 0.5;
  shadow->ordered_master_volume = 1.0;
  for (uint32_t i = 0; i < ECH_MAX_DECKS; i++) {
    shadow->decks[i].speed_set       = 1.0;
    shadow->decks[i].volume          = 1.0;
    shadow->decks[i].ordered_volume  = 1.0;
    shadow->decks[i].loop_in_frames  = NAN;
    shadow->decks[i].loop_out_frames = NAN;
  }
}

bool
ech_shadow_is_playing (const struct ech_deck_shadow *deck)
{
  return deck->in_flight ? deck->in_flight_playing : deck->playing;
}

enum ech_deck_state
ech_shadow_deck_state (const struct ech_deck_shadow *deck)
{
  if (!deck->has_track)
    return deck->is_loading ? ECH_DECK_LOADING : ECH_DECK_EMPTY;
  if (ech_shadow_is_playing (deck))
    return ECH_DECK_PLAYING;
  return deck->n_waiting_plays ? ECH_DECK_PRIMED : ECH_DECK_STOPPED;
}

static bool
is_killed (const struct ech_deck_shadow *deck)
{
  for (int band = 0; band < ECH_N_BANDS; band++) {
    if (deck->ordered_eq_db[band] > ECH_EQ_KILL_DB)
      return false;
  }
  return true;
}

bool
ech_shadow_is_on_air (const struct ech_deck_shadow *deck, double least_gain)
{
  return deck->has_track && ech_shadow_is_playing (deck) && deck->gain > least_gain
         && !is_killed (deck);
}

bool
ech_shadow_is_audible (const struct ech_shadow *shadow, double least_gain)
{
  if (!(shadow->ordered_master_volume > least_gain))
    return false;
  for (uint32_t i = 0; i < shadow->n_decks; i++) {
    if (ech_shadow_is_on_air (&shadow->decks[i], least_gain))
      return true;
  }
  return false;
}

/* The reports tell the level a cycle late; what an order will make of it, only the settings. */
static void
set_level (struct ech_shadow *shadow, uint32_t deck_index, uint64_t serial)
{
  struct ech_deck_shadow *deck = &shadow->decks[deck_index];

  deck->gain =
      deck->ordered_volume * pow (10.0, deck->ordered_trim_db / 20.0)
      * ech_crossfader_gain (shadow->crossfader_curve, shadow->ordered_crossfader, deck_index);
  deck->gain_in_flight = serial;
}

/* False for what has nothing to do with levels. */
static bool
take_ordered (struct ech_shadow *shadow, const struct ech_action *action)
{
  struct ech_deck_shadow *deck = &shadow->decks[action->deck % ECH_MAX_DECKS];

  switch (action->verb) {
  case ECH_VERB_VOLUME:
    deck->ordered_volume = action->value;
    return true;
  case ECH_VERB_TRIM:
    deck->ordered_trim_db = action->value;
    return true;
  case ECH_VERB_EQ:
    deck->ordered_eq_db[action->index % ECH_N_BANDS] = action->value;
    return true;
  case ECH_VERB_CROSSFADER:
    shadow->ordered_crossfader = action->value;
    return true;
  case ECH_VERB_MASTER_VOLUME:
    shadow->ordered_master_volume = action->value;
    return true;
  default:
    return false;
  }
}

static void
expect_level (struct ech_shadow *shadow, const struct ech_action *action, uint64_t serial)
{
  if (!take_ordered (shadow, action))
    return;
  if (action->verb == ECH_VERB_VOLUME || action->verb == ECH_VERB_TRIM)
    set_level (shadow, action->deck, serial);
  for (uint32_t i = 0; action->verb == ECH_VERB_CROSSFADER && i < shadow->n_decks; i++)
    set_level (shadow, i, serial);
}

bool
ech_shadow_would_be_audible (const struct ech_shadow *shadow,
                             const struct ech_action *action,
                             double                   least_gain)
{
  struct ech_shadow after = *shadow;

  expect_level (&after, action, 0);
  return ech_shadow_is_audible (&after, least_gain);
}

static void
take_place (struct ech_deck_shadow *deck, const struct ech_deck_report *seen, uint64_t frame)
{
  deck->report_frame    = frame;
  deck->position_frames = seen->position_frames;
  deck->step            = seen->step;
  deck->loop_active     = seen->loop_active;
  deck->loop_in_frames  = seen->loop_in_frames;
  deck->loop_out_frames = seen->loop_out_frames;
}

void
ech_shadow_take_report (struct ech_shadow *shadow, const struct ech_rt_report *report, bool exact)
{
  for (uint32_t i = 0; i < shadow->n_decks; i++) {
    struct ech_deck_shadow       *deck = &shadow->decks[i];
    const struct ech_deck_report *seen = &report->decks[i];

    if (!deck->gain_in_flight)
      deck->gain = seen->gain;
    deck->sync = seen->sync;
    /* what sync made of the speed stays when sync goes */
    if (!seen->sync && seen->speed > 0)
      deck->speed_set = seen->speed;
    if (seen->generation == deck->generation)
      take_place (deck, seen, report->frame);
    if (seen->generation == deck->generation && (exact || report->frame > deck->told_frame))
      deck->playing = seen->state == ECH_DECK_PLAYING;
  }
}

static void
tell_playing (struct ech_deck_shadow *deck, bool playing, uint64_t frame)
{
  deck->playing    = playing;
  deck->told_frame = frame;
}

static void
take_deck_executed (struct ech_deck_shadow *deck, const struct ech_action *action, uint64_t frame)
{
  switch (action->verb) {
  case ECH_VERB_PLAY:
  case ECH_VERB_HOTCUE_JUMP:
    tell_playing (deck, true, frame);
    break;
  case ECH_VERB_STOP:
    tell_playing (deck, false, frame);
    break;
  case ECH_VERB_CUE:
    if (isnan (action->value))
      tell_playing (deck, false, frame);
    break;
  case ECH_VERB_SPEED:
    deck->speed_set = action->value;
    break;
  case ECH_VERB_SYNC:
    deck->sync = action->value != 0;
    break;
  case ECH_VERB_TRIM:
    deck->trim_db = action->value;
    break;
  case ECH_VERB_VOLUME:
    deck->volume = action->value;
    break;
  case ECH_VERB_EQ:
    deck->eq_db[action->index] = action->value;
    break;
  case ECH_VERB_FILTER:
    deck->filter = action->value;
    break;
  case ECH_VERB_PFL:
    deck->pfl = action->value != 0;
    break;
  default:
    break;
  }
}

void
ech_shadow_take_executed (struct ech_shadow       *shadow,
                          const struct ech_action *action,
                          uint64_t                 frame)
{
  take_ordered (shadow, action);
  switch (action->verb) {
  case ECH_VERB_CROSSFADER:
    shadow->crossfader = action->value;
    break;
  case ECH_VERB_LIMITER:
    shadow->limiter_db = action->value;
    break;
  case ECH_VERB_MASTER_VOLUME:
    shadow->master_volume = action->value;
    break;
  case ECH_VERB_BOOTH_VOLUME:
    shadow->booth_volume = action->value;
    break;
  case ECH_VERB_HEADPHONES_VOLUME:
    shadow->headphones_volume = action->value;
    break;
  case ECH_VERB_HEADPHONES_MIX:
    shadow->headphones_mix = action->value;
    break;
  default:
    if (action->deck < ECH_MAX_DECKS)
      take_deck_executed (&shadow->decks[action->deck], action, frame);
    break;
  }
}

void
ech_shadow_take_end (struct ech_shadow *shadow, uint32_t deck, uint64_t frame)
{
  tell_playing (&shadow->decks[deck], false, frame);
}

void
ech_shadow_take_track (struct ech_shadow *shadow,
                       uint32_t           deck_index,
                       uint32_t           generation,
                       double             rate,
                       double             length_frames,
                       uint64_t           frame)
{
  struct ech_deck_shadow *deck = &shadow->decks[deck_index];

  deck->generation    = generation;
  deck->has_track     = rate > 0;
  deck->rate          = rate;
  deck->length_frames = length_frames;
  deck->has_grid      = false;
  deck->analysed      = false;
  take_place (deck, &(struct ech_deck_report){ .loop_in_frames = NAN, .loop_out_frames = NAN },
              frame);
  tell_playing (deck, false, frame);
}

void
ech_shadow_expect (struct ech_shadow *shadow, const struct ech_action *action, uint64_t serial)
{
  struct ech_deck_shadow *deck;
  bool                    playing;

  expect_level (shadow, action, serial);
  switch (action->verb) {
  case ECH_VERB_PLAY:
  case ECH_VERB_HOTCUE_JUMP:
    playing = true;
    break;
  case ECH_VERB_STOP:
    playing = false;
    break;
  case ECH_VERB_CUE:
    if (!isnan (action->value))
      return;
    playing = false;
    break;
  default:
    return;
  }
  deck                    = &shadow->decks[action->deck];
  deck->in_flight         = serial;
  deck->in_flight_playing = playing;
}

void
ech_shadow_settle (struct ech_shadow *shadow, uint64_t serial)
{
  for (uint32_t i = 0; i < shadow->n_decks; i++) {
    struct ech_deck_shadow *deck = &shadow->decks[i];

    if (deck->in_flight == serial)
      deck->in_flight = 0;
    if (deck->gain_in_flight == serial)
      deck->gain_in_flight = 0;
  }
}
