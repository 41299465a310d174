/* The vocabulary: all that anyone can ask of Echelon, and what becomes of it.
 *
 * Standard C, installed with the driver SDK.  An action is a wish: widgets,
 * drivers and scores post it; the scheduler judges it, gives it its beat and
 * turns it into a command for the audio thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ACTION_H
#define ECH_ACTION_H

#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Absolute verbs, never toggles.  Numbers are part of the driver ABI: append only. */
enum ech_verb {
  ECH_VERB_NONE,
  ECH_VERB_LOAD,          /* deck, text = path */
  ECH_VERB_EJECT,         /* deck */
  ECH_VERB_PLAY,          /* deck, value = start position in seconds, NAN = where the deck stands */
  ECH_VERB_STOP,          /* deck */
  ECH_VERB_SEEK,          /* deck, value = seconds */
  ECH_VERB_CUE,           /* deck, value = seconds: set; NAN = jump to it and stop there */
  ECH_VERB_BEATJUMP,      /* deck, value = beats, signed */
  ECH_VERB_SPEED,         /* deck, value = ratio of original (OSC: /deck/x/tempo) */
  ECH_VERB_SYNC,          /* deck, value = 0 or 1 */
  ECH_VERB_TRIM,          /* deck, value = dB */
  ECH_VERB_VOLUME,        /* deck, value = 0..1 */
  ECH_VERB_EQ,            /* deck, index = enum ech_band, value = dB */
  ECH_VERB_FILTER,        /* deck, value = -1..1 */
  ECH_VERB_PFL,           /* deck, value = 0 or 1 */
  ECH_VERB_CROSSFADER,    /* value = 0..1 */
  ECH_VERB_LIMITER,       /* value = dBFS, -24..0 */
  ECH_VERB_MASTER_VOLUME, /* value = 0..1 */
  ECH_VERB_BOOTH_VOLUME,  /* value = 0..1 */
  ECH_VERB_HEADPHONES_VOLUME, /* value = 0..1 */
  ECH_VERB_HEADPHONES_MIX,    /* value = 0..1 */
  ECH_VERB_TEMPO,             /* value = BPM of the session */
  ECH_VERB_LOCK,              /* deck, text = reason or NULL */
  ECH_VERB_UNLOCK,            /* deck */
  ECH_VERB_EMERGENCY,         /* stop all decks now */
  ECH_VERB_CANCEL,            /* client id of the waiting action in `target` */
  ECH_VERB_LOOP,         /* deck, value = beats from here, 1/32 .. 64; 0 = leave the loop */
  ECH_VERB_LOOP_IN,      /* deck: the in point is here */
  ECH_VERB_LOOP_OUT,     /* deck: the out point is here; loop */
  ECH_VERB_LOOP_MOVE,    /* deck, value = beats, signed */
  ECH_VERB_HOTCUE_SET,   /* deck, index = 0 .. ECH_N_HOTCUES - 1 */
  ECH_VERB_HOTCUE_JUMP,  /* deck, index; plays from there */
  ECH_VERB_HOTCUE_CLEAR, /* deck, index */
  ECH_VERB_BEND,         /* deck, value = offset to the ratio of speed while held, 0 = release */
  ECH_VERB_KEYLOCK,      /* deck, value = 0 or 1 */
  ECH_VERB_RECORD,       /* value = 0 or 1 */
  ECH_VERB_CONFIRM,      /* id in `target`: the yes to what waits for one; a person's second step */
  ECH_VERB_SOURCE_MODE,  /* the source's name in `target`, value = enum ech_source_mode */
  ECH_VERB_LINK,           /* value = 0 or 1: take part in an Ableton Link session */
  ECH_VERB_LINK_STARTSTOP, /* value = 0 or 1: share start and stop with it */
  ECH_VERB_LINK_NUDGE,     /* value = whole beats: so far is our bar ahead of the session's */
  ECH_N_VERBS,
};

enum ech_timing_kind {
  ECH_TIMING_DEFAULT,  /* the verb's default from the settings */
  ECH_TIMING_NOW,      /* at once */
  ECH_TIMING_GRID,     /* the next multiple of `beats` session beats: 0.25 .. 64, bar = 4 */
  ECH_TIMING_AT_BEAT,  /* session beat `beats` */
  ECH_TIMING_IN_BEATS, /* `beats` session beats after arrival */
};

enum ech_way {
  ECH_WAY_WAIT, /* hold until the boundary */
  ECH_WAY_LAND, /* act now, at a position whose phase within `beats` matches the session's */
};

struct ech_timing {
  uint32_t kind; /* enum ech_timing_kind */
  uint32_t way;  /* enum ech_way */
  double   beats;
};

enum ech_source_class {
  ECH_SOURCE_HAND, /* mouse, keyboard, MIDI */
  ECH_SOURCE_OSC,
  ECH_SOURCE_BRIDGE,
  ECH_SOURCE_AGENT,
  ECH_N_SOURCE_CLASSES,
};

/**
 * struct ech_action
 * @deck: 0-based, where the verb has one
 * @index: EQ band; number of the hot cue, from 0
 * @text: path or reason in UTF-8/file name encoding, NUL-terminated, or NULL;
 *    borrowed for the duration of the call that takes the action
 * @deadline_beats: session beat after which it must not happen any more; 0 = none
 * @client: what the poster wants back with each fate (an address, a widget); opaque
 * @id: the client's id for the action; "" = none; the same id twice does a thing once
 * @target: CANCEL: the id of the action to take back; CONFIRM: of what waits for a yes;
 *    SOURCE_MODE: the source's name
 */
struct ech_action {
  uint32_t          verb; /* enum ech_verb */
  uint32_t          deck;
  uint32_t          index;
  double            value;
  struct ech_timing timing;
  double            deadline_beats;
  const char       *text;
  uint64_t          client;
  char              id[ECH_ID_MAX];
  char              target[ECH_ID_MAX];
};

/* What has become of an action; "queued" is never called "done". */
enum ech_fate {
  ECH_FATE_QUEUED, /* waits for `beat` */
  ECH_FATE_EXECUTED,
  ECH_FATE_REJECTED,
  ECH_FATE_EXPIRED,
  ECH_FATE_CANCELLED,
  ECH_N_FATES,
};

/* Why an action was refused.  The names (ech_rule_name()) are part of the OSC contract. */
enum ech_rule {
  ECH_RULE_NONE,
  ECH_RULE_INVALID,   /* out of range, not finite, no such deck */
  ECH_RULE_NO_TRACK,  /* the deck is empty */
  ECH_RULE_STATE,     /* the mask of the deck's state does not allow the verb */
  ECH_RULE_LOCKED,    /* the deck is locked */
  ECH_RULE_ON_AIR,    /* load, eject or unquantised seek on a deck that is heard */
  ECH_RULE_LAST_DECK, /* the last audible deck is not stopped by a non-human */
  ECH_RULE_COOLDOWN,
  ECH_RULE_RATE,      /* the source posts too much */
  ECH_RULE_NO_GRID,   /* a beat action needs a beat grid */
  ECH_RULE_LOAD,      /* the file cannot be played; the text says why */
  ECH_RULE_STALE,     /* the deck's track changed in between */
  ECH_RULE_MISSED,    /* the beat had passed, or the schedule is full */
  ECH_RULE_DUPLICATE, /* this id was posted before */
  ECH_RULE_UNKNOWN,   /* no waiting action has that id */
  ECH_RULE_NO_AUDIO,  /* the engine is not running */
  ECH_RULE_MODE,      /* the source is switched off */
  ECH_RULE_GHOST,     /* allowed, but the source is a ghost: not done */
  ECH_RULE_FORBIDDEN, /* the policy does not let this source do that */
  ECH_RULE_TAKEN,     /* a hand has taken the control over */
  ECH_RULE_EMERGENCY, /* so soon after an emergency stop */
  ECH_RULE_CONFIRM,   /* with QUEUED: waits for a person's yes; with EXPIRED: none came */
  ECH_RULE_RECORD,    /* nothing can be recorded; the text says why */
  ECH_N_RULES,
};

/**
 * struct ech_event: one step in an action's life
 * @serial: the scheduler's own number of the action; the same in all its events
 * @beat: queued: the due beat; executed: where it was heard; else the beat of refusal
 * @frame: executed: the graph frame
 * @text: a sentence for the person who asked
 */
struct ech_event {
  uint64_t serial;
  uint32_t fate; /* enum ech_fate */
  uint32_t rule; /* enum ech_rule */
  uint32_t verb;
  uint32_t deck;
  uint32_t source; /* index into ech_state.sources */
  uint32_t index;
  uint64_t client;
  double   value;
  double   beat;
  uint64_t frame;
  char     id[ECH_ID_MAX];
  char     source_name[ECH_NAME_MAX];
  char     text[ECH_TEXT_MAX];
  uint32_t deck_state; /* enum ech_deck_state of `deck` at that moment */
};

#ifdef __cplusplus
}
#endif

#endif
