/* What the engine is doing, as far as the scheduler knows.
 *
 * Rebuilt from the audio thread's reports and feedback, and, for the few
 * milliseconds in which an order is on its way, from the order itself: an
 * eject behind a play on the same road meets a playing deck.
 *
 * Plain data; whoever judges gets a copy or a const pointer.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SHADOW_STATE_H
#define ECH_SHADOW_STATE_H

#include "engine/rt/telemetry.h"
#include "engine/scheduler/action.h"

struct ech_deck_shadow {
  /* the track */
  bool     has_track;
  bool     is_loading; /* a load is on its way */
  bool     analysed;   /* no better grid will come */
  bool     has_grid;
  uint32_t generation; /* 0 = never held a track */
  double   rate;       /* track frames a second */
  double   length_frames;

  /* motion */
  bool     playing;
  uint64_t told_frame;        /* graph frame of the newest feedback about `playing` */
  uint64_t in_flight;         /* serial of the newest order that will change `playing`, 0 = none */
  bool     in_flight_playing; /* what it will make of it */
  uint32_t n_waiting_plays;
  uint32_t n_swaps_ahead; /* loads and ejects that the audio thread holds for their beat */
  double   gain;           /* linear, through trim, fader and crossfader */
  uint64_t gain_in_flight; /* serial of the newest order that will change `gain`, 0 = none */

  /* settings, as last carried out */
  bool   sync;
  bool   pfl;
  double speed_set;
  double trim_db;
  double volume;
  double eq_db[ECH_N_BANDS];
  double filter;

  /* the same, with what is on its way; the kill is taken from here */
  double ordered_trim_db;
  double ordered_volume;
  double ordered_eq_db[ECH_N_BANDS];

  /* where it is, by the newest report about this track */
  uint64_t report_frame; /* graph frame */
  double   position_frames;
  double   step; /* track frames a graph frame, 0 when stopped */
  bool     loop_active;
  double   loop_in_frames; /* NAN = not set */
  double   loop_out_frames;
};

struct ech_shadow {
  uint32_t               n_decks;
  struct ech_deck_shadow decks[ECH_MAX_DECKS];
  double                 crossfader;
  uint32_t               crossfader_curve;
  double                 limiter_db;
  double                 master_volume;
  double                 booth_volume;
  double                 headphones_volume;
  double                 headphones_mix;
  double                 ordered_crossfader; /* with what is on its way */
  double                 ordered_master_volume;
};

/* All at the engine's own defaults. */
void ech_shadow_init (struct ech_shadow *shadow, uint32_t n_decks);

enum ech_deck_state ech_shadow_deck_state (const struct ech_deck_shadow *deck);

/* Plays, or will before anything that is ordered now. */
bool ech_shadow_is_playing (const struct ech_deck_shadow *deck);

/* Playing and audible: @least_gain is the linear gain that counts as heard. */
bool ech_shadow_is_on_air (const struct ech_deck_shadow *deck, double least_gain);

/* Is music in the master: a deck on air, and the master volume up? */
bool ech_shadow_is_audible (const struct ech_shadow *shadow, double least_gain);

/* The same once @action was carried out: for VOLUME, TRIM, EQ, CROSSFADER and MASTER_VOLUME the
 * levels that it sets, for all else what the reports say. */
bool ech_shadow_would_be_audible (const struct ech_shadow *shadow,
                                  const struct ech_action *action,
                                  double                   least_gain);

/**
 * ech_shadow_take_report: @exact: the report is newer than any feedback taken before (offline)
 *
 * A deck's motion is taken only from a report that is newer than what feedback told, and that is
 * about the same track.
 */
void
ech_shadow_take_report (struct ech_shadow *shadow, const struct ech_rt_report *report, bool exact);

/* Feedback: @action was carried out at @frame.  Not for LOAD and EJECT. */
void ech_shadow_take_executed (struct ech_shadow       *shadow,
                               const struct ech_action *action,
                               uint64_t                 frame);

/* @deck stopped by itself. */
void ech_shadow_take_end (struct ech_shadow *shadow, uint32_t deck, uint64_t frame);

/* A track came onto the deck (rate > 0) or left it. */
void ech_shadow_take_track (struct ech_shadow *shadow,
                            uint32_t           deck,
                            uint32_t           generation,
                            double             rate,
                            double             length_frames,
                            uint64_t           frame);

/* @action is on its way and will be carried out at once; settle when its fate is known. */
void
ech_shadow_expect (struct ech_shadow *shadow, const struct ech_action *action, uint64_t serial);
void ech_shadow_settle (struct ech_shadow *shadow, uint64_t serial);

#endif
