/* The mixer: channel strips, crossfader, limiter, and the four outputs.
 *
 *   deck -> trim -> EQ -> filter -+-> fader x crossfader -> sum -> limiter -+-> master volume -> master
 *                                 |                                         +-> booth volume  -> booth
 *                                 +-> PFL -> cue bus ---(delay)--- mix <----+-> record
 *                                                                  |
 *                                                                  +-> headphones
 *
 * The limiter stands before the volumes, so that nothing leaves over its
 * ceiling.  All calls belong to the audio thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_MIXER_H
#define ECH_RT_MIXER_H

#include "engine/rt/command.h"
#include "engine/rt/eq.h"
#include "engine/rt/filter.h"
#include "engine/rt/limiter.h"
#include "engine/rt/meter.h"
#include "engine/rt/smooth.h"

/* Frames of silence after which nothing of a channel sounds any more. */
enum { ECH_CHANNEL_QUIET_FRAMES = 4096 };

struct ech_channel {
  uint64_t          quiet_frames; /* since the deck was last heard */
  double            trim_db;
  double            volume;
  double            filter_position;
  struct ech_smooth trim;
  struct ech_smooth fader; /* volume times the crossfader's gain on this side */
  struct ech_smooth cue;   /* PFL */
  struct ech_eq     eq;
  struct ech_filter filter;
  struct ech_meter  meter; /* after the fader */
};

struct ech_mixer {
  uint32_t           n_decks;
  double             crossfader;
  uint32_t           curve;
  struct ech_channel channels[ECH_MAX_DECKS];
  struct ech_smooth  master, booth, headphones, headphones_mix;
  struct ech_limiter limiter;
  struct ech_meter   master_meter;
  float              cue_delay[2 * ECH_LIMITER_MAX_LOOKAHEAD];
  uint32_t           cue_delay_at;
};

/* Interleaved stereo buffers of one span; outputs may be NULL, inputs too (silence). */
struct ech_mix_span {
  const float *decks[ECH_MAX_DECKS];
  float       *master;
  float       *headphones;
  float       *booth;
  float       *record;
};

/* All at default: 0 dB, flat, faders up, crossfader in the middle, limiter at -1 dBFS. */
void ech_mixer_init (struct ech_mixer *mixer, uint32_t n_decks, double rate);

/* Keeps all settings, forgets the sound.  Audio stopped. */
void ech_mixer_set_rate (struct ech_mixer *mixer, double rate);

/* @param: enum ech_param; takes hold from the next processed frame on, by a ramp where
 * something sounds, at once where nothing does.  RT-safe: yes. */
ECH_RT void ech_mixer_set (struct ech_mixer *mixer, uint32_t deck, uint32_t param, double value);

/* @scratch: room for 3 * @n stereo frames.  RT-safe: yes. */
ECH_RT void ech_mixer_process (struct ech_mixer          *mixer,
                               const struct ech_mix_span *span,
                               uint32_t                   n,
                               float                     *scratch);

#endif
