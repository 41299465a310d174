/* Orders: what the scheduler thread tells the audio thread to do, and when.
 *
 * Plain data of fixed size, by value through one ring.  Only the scheduler
 * writes commands; widgets and drivers post actions (scheduler/action.h).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_COMMAND_H
#define ECH_RT_COMMAND_H

#include "engine/rt/clock-port.h"
#include "engine/rt/pcm.h"
#include "engine/types.h"

enum ech_command_type {
  ECH_COMMAND_NONE,

  /* decks */
  ECH_COMMAND_SET_TRACK, /* pcm (a reference moves in; NULL = eject), generation = the new one */
  ECH_COMMAND_SET_GRID,  /* grid */
  ECH_COMMAND_PLAY,      /* value: track frame to start at, NAN = where the deck stands */
  ECH_COMMAND_STOP,
  ECH_COMMAND_SEEK, /* value: track frame */
  ECH_COMMAND_JUMP, /* value: beats of the track's grid, signed, from where the deck will be */
  ECH_COMMAND_CUE,  /* value: track frame to set; NAN = go to it (and stop there) */
  ECH_COMMAND_SPEED, /* value: ratio of the recorded speed; what plays without sync */
  ECH_COMMAND_SYNC,  /* value: 0 or 1 */
  ECH_COMMAND_LOOP,  /* value: beats, from where the deck is; 0 = leave the loop */
  ECH_COMMAND_LOOP_IN,   /* the in point is where the deck is */
  ECH_COMMAND_LOOP_OUT,  /* the out point is where the deck is: go to the in point and loop */
  ECH_COMMAND_LOOP_MOVE, /* value: beats, signed; who plays in the loop goes along */
  ECH_COMMAND_HOTCUE_SET, /* param: 0 .. ECH_N_HOTCUES - 1; set to where the deck is */
  ECH_COMMAND_HOTCUE_JUMP,  /* param; plays from there, also from a standstill */
  ECH_COMMAND_HOTCUE_CLEAR, /* param */
  ECH_COMMAND_BEND,         /* value: offset to the ratio of speed while held, 0 = release */

  ECH_COMMAND_KEYLOCK,      /* value: 0 or 1 */

  /* mixer */
  ECH_COMMAND_PARAM, /* param, deck (where the parameter has one), value */
  ECH_COMMAND_RECORD, /* value: 0 or 1 */

  /* session */
  ECH_COMMAND_TEMPO, /* value: BPM */

  /* the scheduler takes back command `id`, if it has not begun */
  ECH_COMMAND_CANCEL,

  /* whose clock to follow from the coming block on: clock, NULL = our own; at once whatever `when` */
  ECH_COMMAND_CLOCK,
};

/* Mixer parameters; each is smoothed over ECH_PARAM_RAMP_S from its frame on. */
enum ech_param {
  ECH_PARAM_TRIM,   /* per deck; dB, -inf .. +12 */
  ECH_PARAM_EQ_LOW, /* per deck; dB, -inf .. +12; at or under ECH_EQ_KILL_DB a kill */
  ECH_PARAM_EQ_MID,
  ECH_PARAM_EQ_HIGH,
  ECH_PARAM_FILTER, /* per deck; -1 low-pass .. 0 off .. 1 high-pass */
  ECH_PARAM_VOLUME, /* per deck; channel fader 0..1, linear gain at 1.0 = 0 dB */
  ECH_PARAM_PFL,    /* per deck; 0 or 1: to the headphones before the fader */
  ECH_PARAM_CROSSFADER,       /* 0..1, 0 = side of decks a and c */
  ECH_PARAM_CROSSFADER_CURVE, /* enum ech_crossfader_curve */
  ECH_PARAM_LIMITER,          /* threshold and ceiling, dBFS, -24..0 */
  ECH_PARAM_MASTER_VOLUME,    /* 0..1 */
  ECH_PARAM_BOOTH_VOLUME,
  ECH_PARAM_HEADPHONES_VOLUME,
  ECH_PARAM_HEADPHONES_MIX, /* 0 = cue, 1 = master */
  ECH_N_PARAMS,
};

enum ech_crossfader_curve {
  ECH_CURVE_CONSTANT_POWER, /* -3 dB in the middle */
  ECH_CURVE_LINEAR,         /* -6 dB in the middle */
  ECH_CURVE_CUT,            /* both full in the middle, off at the far end */
  ECH_N_CURVES,
};

enum ech_command_when {
  ECH_WHEN_NOW,   /* the coming block's first frame; `at` = the exact instant within half a frame of
                     it where that is known (offline), else NAN */
  ECH_WHEN_FRAME, /* `at` = graph frame, fractional allowed: heard at the nearest frame */
  ECH_WHEN_BEAT,  /* `at` = session beat, resolved with the timeline in force */
};

/**
 * struct ech_command
 * @id: the action's serial; comes back in feedback; 0 = nobody asks
 * @generation: the deck generation that the action was judged with; when the
 *    deck holds another track by now the command is refused (deck commands only;
 *    0 = any)
 * @in_phase: PLAY, SEEK, HOTCUE_JUMP: shift the target to the nearest position whose phase within so
 *    many beats (1 = beat, 4 = bar) matches the session's at the frame of landing ("land in
 *    phase", and every start of a synced deck); 0 = go where the value says
 * @param: PARAM: enum ech_param; HOTCUE_*: which one
 * @at: see enum ech_command_when.  ECH_WHEN_BEAT and ECH_WHEN_FRAME are heard
 *    exactly there, at full gain, with the click-hiding ramp before it.
 *
 * A command of ECH_WHEN_BEAT that arrives after its frame is not carried out but
 * reported late, so that the scheduler can give it the next boundary.
 */
struct ech_command {
  uint64_t id;
  double   at;
  uint16_t type; /* enum ech_command_type */
  uint8_t  when; /* enum ech_command_when */
  uint8_t  deck; /* 0-based */
  uint8_t  param;
  uint8_t  in_phase;
  uint16_t reserved;
  uint32_t generation;
  uint32_t reserved2;
  union {
    double          value;
    struct ech_pcm *pcm;
    struct ech_grid grid;
    struct ech_clock_port *clock;
  };
};
_Static_assert (sizeof (struct ech_command) == 64, "one ring slot: a cache line");

#endif
