/* A mapping: what each control of a device does, as data; its file.
 *
 * The file is JSON (data/schemas/midi-mapping.schema.json); docs/midi.md tells
 * what it means.  Nothing here knows of PipeWire or of threads.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MIDI_MAPPING_H
#define ECH_MIDI_MAPPING_H

#include <glib.h>

#include "engine/scheduler/action.h"
#include "engine/scheduler/vocabulary.h"

#define ECH_MIDI_FORMAT "echelon-midi-mapping"

enum {
  ECH_MIDI_VERSION      = 1, /* of the format */
  ECH_MIDI_MAX_BINDINGS = 2048,
  ECH_MIDI_MAX_LIGHTS   = 1024,
  ECH_MIDI_MAX_LAYERS   = 8,
  ECH_MIDI_MAX_INIT     = 1024, /* bytes */
  ECH_MIDI_MAX_FILE     = 1 << 20,
};

enum ech_midi_control_type {
  ECH_MIDI_CONTROL_NOTE,
  ECH_MIDI_CONTROL_CC,
  ECH_MIDI_CONTROL_CC14, /* number = the coarse half, lsb = the fine one */
  ECH_MIDI_CONTROL_PITCH,
  ECH_MIDI_N_CONTROL_TYPES,
};

/* What the hand moves. @channel: 0..15. */
struct ech_midi_control {
  uint8_t type; /* enum ech_midi_control_type */
  uint8_t channel;
  uint8_t number;
  uint8_t lsb;
};

enum ech_midi_kind {
  ECH_MIDI_BUTTON,  /* says when it is pressed, and mostly when it is let go */
  ECH_MIDI_SWITCH,  /* stays on or off by itself */
  ECH_MIDI_KNOB,    /* knob or fader: says where it stands */
  ECH_MIDI_ENCODER, /* turns without end: says how far */
  ECH_MIDI_N_KINDS,
};

/* How an encoder says "one step back": 7-bit values; a 14-bit one likewise. */
enum ech_midi_encoding {
  ECH_MIDI_TWOS_COMPLEMENT, /* 127 */
  ECH_MIDI_OFFSET,          /* 63: the distance from 64 */
  ECH_MIDI_SIGN_BIT,        /* 65: bit 6 is the sign */
  ECH_MIDI_N_ENCODINGS,
};

/* What a knob does that stands elsewhere than what it moves. */
enum ech_midi_takeover {
  ECH_MIDI_PICKUP, /* nothing, until it has come past */
  ECH_MIDI_SCALE,  /* moves it by as much of the way that is left */
  ECH_MIDI_JUMP,   /* takes it at once */
  ECH_MIDI_N_TAKEOVERS,
};

enum ech_midi_mode {
  ECH_MIDI_PRESS,   /* the action, with its value */
  ECH_MIDI_RELEASE, /* the same when the button is let go */
  ECH_MIDI_TOGGLE,  /* the action or its opposite, by the state */
  ECH_MIDI_HOLD,    /* the action; its opposite when let go */
  ECH_MIDI_CUE,     /* as the CUE button of a player */
  ECH_MIDI_PAD,     /* a hot cue: sets an empty one, else jumps */
  ECH_MIDI_N_MODES,
};

/**
 * struct ech_midi_binding:
 * @layer: index into the mapping's layers: only while that one is held; -1 = none
 * @action: verb, deck, index and timing of @address and @timing
 * @value, @off: of a button: what it sets, and the opposite
 * @range: of a knob: the value at one end (and in the middle), and at the other
 * @step: of an encoder: value of a step
 * @line: in the file; 0 = from elsewhere
 */
struct ech_midi_binding {
  struct ech_midi_control control;
  uint8_t                 kind;     /* enum ech_midi_kind */
  uint8_t                 encoding; /* enum ech_midi_encoding */
  uint8_t                 takeover; /* enum ech_midi_takeover */
  uint8_t                 mode;     /* enum ech_midi_mode */
  int                     layer;
  char                   *address;
  char                   *timing; /* NULL: the verb's default */
  bool                    has_value, has_off, has_step;
  double                  value, off, step;
  double                  range[3];
  unsigned                n_range; /* 0: the verb's own, else 2 or 3 */
  struct ech_action       action;
  unsigned                line;
};

struct ech_midi_layer {
  char                   *name;
  struct ech_midi_control control; /* note or CC */
};

enum ech_midi_show {
  ECH_MIDI_SHOW_PLAYING,
  ECH_MIDI_SHOW_LOADED,
  ECH_MIDI_SHOW_CUE, /* stands at its cue point */
  ECH_MIDI_SHOW_SYNC,
  ECH_MIDI_SHOW_PFL,
  ECH_MIDI_SHOW_LOOP,
  ECH_MIDI_SHOW_LOCKED,
  ECH_MIDI_SHOW_ON_AIR,
  ECH_MIDI_SHOW_BEAT, /* of the deck while it plays */
  ECH_MIDI_SHOW_HOTCUE,
  ECH_MIDI_SHOW_METER,
  ECH_MIDI_SHOW_MASTER_METER,
  ECH_MIDI_SHOW_LINK,
  ECH_MIDI_SHOW_LAYER,
  ECH_MIDI_SHOW_VALUE, /* where a control stands, 0..1 over its range */
};

/* A light of the device. @show_action: SHOW_VALUE: what it shows. */
struct ech_midi_light {
  struct ech_midi_control control; /* note or CC */
  char                   *show_name;
  uint32_t                show; /* enum ech_midi_show */
  uint32_t                deck, index;
  struct ech_action       show_action;
  double                  range[3];
  unsigned                n_range;
  uint8_t                 on, off;
  int waiting; /* while an action waits for its beat, in turn with off; -1 = as it is */
};

struct ech_midi_mapping {
  char       *path; /* NULL: not from a file */
  char       *name;
  char       *comment;  /* NULL = none */
  char       *source;   /* where its numbers come from; NULL */
  GPtrArray  *devices;  /* char *: parts of names of ports */
  GArray     *layers;   /* struct ech_midi_layer */
  GArray     *bindings; /* struct ech_midi_binding */
  GArray     *lights;   /* struct ech_midi_light */
  GByteArray *init;     /* sent when the device comes */
};

/* The vocabulary: a driver has the host's, a program its own. */
struct ech_midi_words {
  int (*parse) (void                   *data,
                const char             *address,
                const struct ech_value *values,
                unsigned                n_values,
                struct ech_action      *out_action,
                char                   *out_error);
  void *data;
};

struct ech_midi_mapping *ech_midi_mapping_new (const char *name);
void                     ech_midi_mapping_free (struct ech_midi_mapping *mapping);

/**
 * ech_midi_mapping_read: a file's text becomes a mapping, whole or not at all
 * @text: (array length=length)
 * Returns: NULL with one sentence in @error that names the line (G_IO_ERROR_INVALID_DATA).
 */
struct ech_midi_mapping *ech_midi_mapping_read (const char                  *text,
                                                gsize                        length,
                                                const struct ech_midi_words *words,
                                                GError                     **error);

/* The same of the file @path; the sentence begins with the file's name. */
struct ech_midi_mapping *
ech_midi_mapping_load (const char *path, const struct ech_midi_words *words, GError **error);

/* As text that reads back the same. */
char *ech_midi_mapping_print (const struct ech_midi_mapping *mapping);

/* Whole or not at all: a crash leaves the old file. */
gboolean
ech_midi_mapping_save (const struct ech_midi_mapping *mapping, const char *path, GError **error);

/**
 * ech_midi_mapping_add: checks @binding (its action is filled in) and puts a copy in
 * Returns: FALSE with a sentence when it makes no sense.
 */
gboolean ech_midi_mapping_add (struct ech_midi_mapping       *mapping,
                               const struct ech_midi_binding *binding,
                               const struct ech_midi_words   *words,
                               GError                       **error);

/* The first binding from @from on that the control in this layer has already, or -1. */
int ech_midi_mapping_find (const struct ech_midi_mapping *mapping,
                           const struct ech_midi_control *control,
                           int                            layer,
                           unsigned                       from);

/* The first binding from @from on that does what @address says, or -1. */
int ech_midi_mapping_find_address (const struct ech_midi_mapping *mapping,
                                   const char                    *address,
                                   unsigned                       from);

void ech_midi_mapping_remove (struct ech_midi_mapping *mapping, unsigned index);

/* How much of a device's name one of the mapping's names is, in bytes, whatever the case; 0: it is
 * not one of the mapping's devices. */
unsigned ech_midi_mapping_fits (const struct ech_midi_mapping *mapping, const char *device);

/**
 * ech_midi_mappings_load: all of the folders, the user's first
 * @folders: NULL-terminated; those that are not there are left out
 * @on_error: (nullable): told the sentence of each file that cannot be used
 *
 * A name that an earlier folder has takes the later one's place.
 *
 * Returns: (element-type struct ech_midi_mapping): sorted by folder, then by file.
 */
GPtrArray *ech_midi_mappings_load (const char *const           *folders,
                                   const struct ech_midi_words *words,
                                   void (*on_error) (const char *sentence, void *data),
                                   void *data);

/* $XDG_CONFIG_HOME/echelon/midi */
char *ech_midi_user_folder (void);

/* $ECHELON_MIDI_PATH, or where Echelon is installed. */
char *ech_midi_default_folder (void);

/* Do the two touch?  A 14-bit control covers the CC of its halves. */
bool ech_midi_control_equal (const struct ech_midi_control *a, const struct ech_midi_control *b);

/* "note 11 on channel 1", "controllers 0 and 32 on channel 1". */
void
ech_midi_control_describe (const struct ech_midi_control *control, char *out_text, size_t size);

/* "button", "switch", "knob" ("14-bit fader"), "encoder (two's complement)". */
const char *ech_midi_kind_describe (const struct ech_midi_control *control,
                                    enum ech_midi_kind             kind,
                                    enum ech_midi_encoding         encoding);

/* The values that a knob moves @verb through; 0, 2 or 3 of them in @out_range. */
unsigned ech_midi_verb_range (enum ech_verb verb, double out_range[3]);

/* May a knob move it?  May an encoder? */
bool ech_midi_verb_turns (enum ech_verb verb);
bool ech_midi_verb_steps (enum ech_verb verb);

#endif
