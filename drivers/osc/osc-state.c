/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/osc/osc-state.h"

#include <stdio.h>
#include <string.h>

typedef const struct ech_osc_moment  moment_t;
typedef const struct ech_deck_status deck_t;

/* --- values ---------------------------------------------------------------------------- */

static double
position_frames (moment_t *moment, deck_t *deck)
{
  double frames = deck->position_frames;

  if (deck->state == ECH_DECK_PLAYING)
    frames += (moment->frame - (double) moment->state.frame) * deck->step;
  return frames < 0 ? 0 : frames > deck->length_frames ? deck->length_frames : frames;
}

static double
seconds (deck_t *deck, double frames)
{
  return deck->track_rate > 0 ? frames / deck->track_rate : 0.0;
}

static double
beat_phase (moment_t *moment, deck_t *deck)
{
  if (!deck->has_grid || deck->grid.frames_per_beat <= 0)
    return 0.0;
  return ech_beat_phase (ech_grid_beat_at (&deck->grid, position_frames (moment, deck)), 1.0);
}

static void
fill_deck_state (moment_t *moment, deck_t *deck, lo_message message)
{
  double position = position_frames (moment, deck);

  lo_message_add_string (message, moment->deck_state_name (deck->state));
  lo_message_add_float (message, (float) seconds (deck, position));
  lo_message_add_float (message, (float) seconds (deck, deck->length_frames - position));
  lo_message_add_float (message, (float) deck->bpm);
  lo_message_add_float (message, (float) beat_phase (moment, deck));
  lo_message_add_int32 (message, deck->on_air);
  lo_message_add_int32 (message, deck->locked);
  lo_message_add_string (message, deck->title);
}

static void
fill_seek (moment_t *moment, deck_t *deck, lo_message message)
{
  lo_message_add_float (message, (float) seconds (deck, position_frames (moment, deck)));
}

static void
fill_clock (moment_t *moment, deck_t *deck, lo_message message)
{
  lo_message_add_float (message, (float) moment->state.timeline.bpm);
  lo_message_add_double (message, moment->beat);
  lo_message_add_float (message, (float) ech_beat_phase (moment->beat, 4.0));
  lo_message_add_int32 (message, (int32_t) moment->state.link_peers);
  lo_message_add_int32 (message, moment->state.link_enabled);
}

static void
fill_meter (moment_t *moment, deck_t *deck, lo_message message)
{
  const struct ech_state *state = &moment->state;

  for (unsigned i = 0; i < 2; i++)
    lo_message_add_float (message, state->master_peak[i]);
  for (unsigned i = 0; i < 2; i++)
    lo_message_add_float (message, state->master_rms[i]);
  lo_message_add_float (message, state->limiter_gain);
  for (unsigned d = 0; d < state->n_decks && d < ECH_MAX_DECKS; d++)
    for (unsigned i = 0; i < 2; i++)
      lo_message_add_float (message, state->decks[d].peak[i]);
}

/* A place that is not set is told as -1: not every OSC program can read NAN. */
static double
place_seconds (deck_t *deck, double frames)
{
  return isnan (frames) ? -1.0 : seconds (deck, frames);
}

/* As /deck/x/loop takes it. */
static double
loop_beats (deck_t *deck)
{
  if (!deck->loop_active)
    return 0.0;
  if (!deck->has_grid || deck->grid.frames_per_beat <= 0)
    return -1.0;
  return (deck->loop_out_frames - deck->loop_in_frames) / deck->grid.frames_per_beat;
}

static void
fill_loop_state (moment_t *moment, deck_t *deck, lo_message message)
{
  lo_message_add_int32 (message, deck->loop_active);
  lo_message_add_float (message, (float) place_seconds (deck, deck->loop_in_frames));
  lo_message_add_float (message, (float) place_seconds (deck, deck->loop_out_frames));
}

#define DECK_FLOAT(name, expression)                                           \
  static void fill_##name (moment_t *moment, deck_t *deck, lo_message message) \
  {                                                                            \
    lo_message_add_float (message, (float) (expression));                      \
  }
#define DECK_INT(name, expression)                                             \
  static void fill_##name (moment_t *moment, deck_t *deck, lo_message message) \
  {                                                                            \
    lo_message_add_int32 (message, (int32_t) (expression));                    \
  }

DECK_FLOAT (cue, seconds (deck, deck->cue_frames))
DECK_FLOAT (speed, deck->speed_set)
DECK_INT (sync, deck->sync)
DECK_INT (keylock, deck->keylock)
DECK_INT (pfl, deck->pfl)
DECK_FLOAT (trim, deck->trim_db)
DECK_FLOAT (volume, deck->volume)
DECK_FLOAT (low, deck->eq_db[ECH_BAND_LOW])
DECK_FLOAT (mid, deck->eq_db[ECH_BAND_MID])
DECK_FLOAT (high, deck->eq_db[ECH_BAND_HIGH])
DECK_FLOAT (filter, deck->filter)
DECK_INT (lock, deck->locked)
DECK_FLOAT (crossfader, moment->state.crossfader)
DECK_FLOAT (limiter, moment->state.limiter_db)
DECK_FLOAT (master, moment->state.master_volume)
DECK_FLOAT (booth, moment->state.booth_volume)
DECK_FLOAT (headphones, moment->state.headphones_volume)
DECK_FLOAT (headphones_mix, moment->state.headphones_mix)
DECK_FLOAT (tempo, moment->state.timeline.bpm)
DECK_FLOAT (loop, loop_beats (deck))
DECK_FLOAT (bend, deck->bend)
DECK_FLOAT (hotcue_1, place_seconds (deck, deck->hotcue_frames[0]))
DECK_FLOAT (hotcue_2, place_seconds (deck, deck->hotcue_frames[1]))
DECK_FLOAT (hotcue_3, place_seconds (deck, deck->hotcue_frames[2]))
DECK_FLOAT (hotcue_4, place_seconds (deck, deck->hotcue_frames[3]))
DECK_FLOAT (hotcue_5, place_seconds (deck, deck->hotcue_frames[4]))
DECK_FLOAT (hotcue_6, place_seconds (deck, deck->hotcue_frames[5]))
DECK_FLOAT (hotcue_7, place_seconds (deck, deck->hotcue_frames[6]))
DECK_FLOAT (hotcue_8, place_seconds (deck, deck->hotcue_frames[7]))

static void
fill_record (moment_t *moment, deck_t *deck, lo_message message)
{
  const struct ech_state *state = &moment->state;
  double                  rate  = state->timeline.rate;

  lo_message_add_int32 (message, state->recording);
  lo_message_add_float (message, rate > 0 ? (float) floor ((double) state->record_frames / rate) : 0.0f);
  lo_message_add_int64 (message, (int64_t) state->record_lost_frames);
  lo_message_add_string (message, state->record_name);
}
DECK_INT (link, moment->state.link_enabled)
DECK_INT (link_startstop, moment->state.link_start_stop)
DECK_INT (link_nudge, moment->state.link_nudge_beats)

/* --- the table ------------------------------------------------------------------------- */

#define DECK     true
#define ALL      false
#define STREAMED true
#define ASKED    false

#define HOTCUE(number)                                                                           \
  {                                                                                              \
    "/deck/x/hotcue/" #number, "f", "hot cue " #number " in seconds, -1 = none", DECK, STREAMED, \
      ECH_VERB_NONE, 0, fill_hotcue_##number                                                     \
  }

static const struct ech_osc_leaf leaves[] = {
  { "/deck/x/state", "sffffiis",
    "state, position s, remaining s, BPM as heard, beat phase 0..1, on air, locked, title", DECK,
    STREAMED, ECH_VERB_NONE, 0, fill_deck_state },
  { "/deck/x/seek", "f", "position in seconds", DECK, ASKED, ECH_VERB_NONE, 0, fill_seek },
  { "/deck/x/cue", "f", "cue point in seconds", DECK, STREAMED, ECH_VERB_CUE, 0, fill_cue },
  { "/deck/x/tempo", "f", "ratio of original, as set by the tempo fader", DECK, STREAMED,
    ECH_VERB_SPEED, 0, fill_speed },
  { "/deck/x/sync", "i", "0 or 1", DECK, STREAMED, ECH_VERB_SYNC, 0, fill_sync },
  { "/deck/x/keylock", "i", "0 or 1", DECK, STREAMED, ECH_VERB_KEYLOCK, 0, fill_keylock },
  { "/deck/x/pfl", "i", "0 or 1", DECK, STREAMED, ECH_VERB_PFL, 0, fill_pfl },
  { "/deck/x/gain", "f", "trim in dB", DECK, STREAMED, ECH_VERB_TRIM, 0, fill_trim },
  { "/deck/x/volume", "f", "channel fader, 0..1", DECK, STREAMED, ECH_VERB_VOLUME, 0, fill_volume },
  { "/eq/x/low", "f", "dB", DECK, STREAMED, ECH_VERB_EQ, ECH_BAND_LOW, fill_low },
  { "/eq/x/mid", "f", "dB", DECK, STREAMED, ECH_VERB_EQ, ECH_BAND_MID, fill_mid },
  { "/eq/x/high", "f", "dB", DECK, STREAMED, ECH_VERB_EQ, ECH_BAND_HIGH, fill_high },
  { "/filter/x", "f", "-1..1", DECK, STREAMED, ECH_VERB_FILTER, 0, fill_filter },
  { "/lock/x", "i", "0 or 1", DECK, STREAMED, ECH_VERB_LOCK, 0, fill_lock },
  { "/crossfader", "f", "0..1, 0 = A side", ALL, STREAMED, ECH_VERB_CROSSFADER, 0,
    fill_crossfader },
  { "/limiter", "f", "threshold in dBFS", ALL, STREAMED, ECH_VERB_LIMITER, 0, fill_limiter },
  { "/master/volume", "f", "0..1", ALL, STREAMED, ECH_VERB_MASTER_VOLUME, 0, fill_master },
  { "/booth/volume", "f", "0..1", ALL, STREAMED, ECH_VERB_BOOTH_VOLUME, 0, fill_booth },
  { "/headphones/volume", "f", "0..1", ALL, STREAMED, ECH_VERB_HEADPHONES_VOLUME, 0,
    fill_headphones },
  { "/headphones/mix", "f", "0..1", ALL, STREAMED, ECH_VERB_HEADPHONES_MIX, 0,
    fill_headphones_mix },
  { "/tempo", "f", "BPM of the session", ALL, STREAMED, ECH_VERB_TEMPO, 0, fill_tempo },
  { "/record", "ifhs", "0 or 1, whole seconds so far, frames lost, file", ALL, STREAMED,
    ECH_VERB_RECORD, 0, fill_record },
  { "/link", "i", "0 or 1", ALL, STREAMED, ECH_VERB_LINK, 0, fill_link },
  { "/link/startstop", "i", "0 or 1", ALL, STREAMED, ECH_VERB_LINK_STARTSTOP, 0,
    fill_link_startstop },
  { "/link/nudge", "i", "beats that our bar is ahead", ALL, STREAMED, ECH_VERB_LINK_NUDGE, 0,
    fill_link_nudge },
  { "/clock", "fdfii", "BPM, session beat, phase in the bar (0..4), Link peers, Link on", ALL,
    STREAMED, ECH_VERB_NONE, 0, fill_clock },
  { "/meter", "f...",
    "linear: master peak left, right; master RMS left, right; limiter gain; peak left, right of each deck",
    ALL, STREAMED, ECH_VERB_NONE, 0, fill_meter },
  { "/deck/x/loop", "f", "beats of the loop that runs, 0 = none does, -1 = no grid to count them by",
    DECK, STREAMED, ECH_VERB_LOOP, 0, fill_loop },
  { "/deck/x/loop/state", "iff", "runs 0 or 1, in and out point in seconds, -1 = not set", DECK,
    STREAMED, ECH_VERB_NONE, 0, fill_loop_state },
  { "/deck/x/bend", "f", "offset to the speed while held, 0 = none", DECK, STREAMED, ECH_VERB_BEND,
    0, fill_bend },
  HOTCUE (1),
  HOTCUE (2),
  HOTCUE (3),
  HOTCUE (4),
  HOTCUE (5),
  HOTCUE (6),
  HOTCUE (7),
  HOTCUE (8),
};

#undef HOTCUE

enum { N_LEAVES = sizeof leaves / sizeof *leaves };

_Static_assert ((int) N_LEAVES <= (int) ECH_OSC_MAX_LEAVES, "the driver keeps a sum for each");
_Static_assert ((int) ECH_N_HOTCUES == 8, "a leaf for each");

const struct ech_osc_leaf *
ech_osc_leaves (unsigned *out_n_leaves)
{
  *out_n_leaves = N_LEAVES;
  return leaves;
}

void
ech_osc_leaf_address (const struct ech_osc_leaf *leaf,
                      unsigned                   deck,
                      char                      *out_address,
                      size_t                     size)
{
  char *place;

  snprintf (out_address, size, "%s", leaf->address);
  if (leaf->per_deck && (place = strstr (out_address, "/x")))
    place[1] = (char) ('a' + deck);
}

lo_message
ech_osc_leaf_message (const struct ech_osc_leaf   *leaf,
                      unsigned                     deck,
                      const struct ech_osc_moment *moment)
{
  lo_message message = lo_message_new();

  if (message)
    leaf->fill (moment, &moment->state.decks[deck], message);
  return message;
}

int
ech_osc_leaf_for (const struct ech_event *event)
{
  uint32_t verb  = event->verb == ECH_VERB_UNLOCK ? ECH_VERB_LOCK : event->verb;
  uint32_t index = verb == ECH_VERB_EQ ? event->index : 0;

  if (verb == ECH_VERB_NONE)
    return -1;
  for (int i = 0; i < N_LEAVES; i++)
    if (leaves[i].verb == verb && leaves[i].index == index)
      return i;
  return -1;
}

/* Greedy with one place to go back to, so that no pattern costs more than length times length. */
static bool
part_fits (const char *text, size_t length, const char *pattern, size_t pattern_length)
{
  size_t t = 0, p = 0, star = SIZE_MAX, star_text = 0;

  while (t < length) {
    if (p < pattern_length && pattern[p] == '*') {
      star      = p++;
      star_text = t;
    } else if (p < pattern_length && (pattern[p] == '?' || pattern[p] == text[t])) {
      p++;
      t++;
    } else if (star != SIZE_MAX) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern_length && pattern[p] == '*')
    p++;
  return p == pattern_length;
}

bool
ech_osc_address_fits (const char *address, const char *pattern)
{
  for (;;) {
    size_t length         = strcspn (address, "/");
    size_t pattern_length = strcspn (pattern, "/");

    if (!part_fits (address, length, pattern, pattern_length))
      return false;
    address += length;
    pattern += pattern_length;
    if (*address != *pattern)
      return false;
    if (*address == '\0')
      return true;
    address++;
    pattern++;
  }
}

void
ech_osc_moment_finish (struct ech_osc_moment *moment)
{
  if (moment->state.running && isfinite (moment->frame)) {
    moment->beat = ech_timeline_beat_at (&moment->state.timeline, moment->frame);
  } else {
    moment->frame = (double) moment->state.frame;
    moment->beat  = moment->state.beat;
  }
}
