/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/midi/midi-map.h"

#include <math.h>
#include <string.h>

#define MS UINT64_C (1000000)

/* A value that we asked for shows in the state after the scheduler's next turn; until then
 * what we asked for is what stands. */
#define SETTLE_NS   (200 * MS)
#define PAIR_NS     (4 * MS)  /* the halves of a 14-bit value come together */
#define JOG_NS      (40 * MS) /* over which a jog's speed is taken */
#define JOG_REST_NS (70 * MS) /* without a step: it stands */

#define PICKUP_WITHIN (3.0 / 128)
#define MAX_JOG_BEND  0.2

enum { N_NUMBERS = 128, N_CHANNELS = 16, NONE = -1 };
enum { TABLE_NOTE, TABLE_CC, TABLE_PITCH, N_TABLES };

/* What a binding remembers. */
struct memory {
  bool     held;
  bool     cue_preview; /* CUE: plays while held */
  bool     on;          /* TOGGLE of what the state does not tell */
  bool     engaged;     /* takeover: knob and value stand together */
  bool     has_position;
  bool     has_coarse, coarse_fresh, fine_fresh;
  uint8_t  coarse, fine;
  double   position;  /* 0..1, of the knob */
  double   sent;      /* what it last asked for */
  uint64_t sent_ns;   /* 0 = never */
  uint64_t half_ns;   /* since when one half waits for the other */
  double   jog_steps; /* within the window */
  uint64_t jog_from_ns, jog_last_ns;
  bool     jog_bends;
};

struct ech_midi_map {
  const struct ech_midi_mapping *mapping;
  struct ech_midi_map_out        out;
  struct memory                 *memory; /* of each binding */
  int                           *next;   /* of each binding: the next one of its control */
  int                            first[N_TABLES][N_CHANNELS][N_NUMBERS];
  int                            layer_of[2][N_CHANNELS][N_NUMBERS];
  bool                           layer_held[ECH_MIDI_MAX_LAYERS];
  int                           *shown;  /* of each light: what was last sent, NONE = nothing */
  unsigned                       n_jogs; /* that bend now */
  unsigned                       n_halves;
};

static const struct ech_midi_binding *
binding_at (const struct ech_midi_map *map, int index)
{
  return &g_array_index (map->mapping->bindings, struct ech_midi_binding, index);
}

/* --- making ---------------------------------------------------------------------------- */

static void
chain (struct ech_midi_map *map, int *head, int index)
{
  map->next[index] = *head;
  *head            = index;
}

static void
index_bindings (struct ech_midi_map *map)
{
  /* backwards, so that each chain is in the order of the file */
  for (int i = (int) map->mapping->bindings->len - 1; i >= 0; i--) {
    const struct ech_midi_control *c = &binding_at (map, i)->control;

    switch (c->type) {
    case ECH_MIDI_CONTROL_NOTE:
      chain (map, &map->first[TABLE_NOTE][c->channel][c->number], i);
      break;
    case ECH_MIDI_CONTROL_PITCH:
      chain (map, &map->first[TABLE_PITCH][c->channel][0], i);
      break;
    default:
      chain (map, &map->first[TABLE_CC][c->channel][c->number], i);
      break;
    }
  }
}

/* The fine halves have no chain of their own: a number here means "fine half of that CC". */
static int
find_fine (const struct ech_midi_map *map, unsigned channel, unsigned number, int from)
{
  for (guint i = (guint) from; i < map->mapping->bindings->len; i++) {
    const struct ech_midi_control *c = &binding_at (map, (int) i)->control;

    if (c->type == ECH_MIDI_CONTROL_CC14 && c->channel == channel && c->lsb == number)
      return (int) i;
  }
  return NONE;
}

struct ech_midi_map *
ech_midi_map_new (const struct ech_midi_mapping *mapping, const struct ech_midi_map_out *out)
{
  struct ech_midi_map *map = g_new0 (struct ech_midi_map, 1);

  map->mapping = mapping;
  map->out     = *out;
  map->memory  = g_new0 (struct memory, mapping->bindings->len + 1);
  map->next    = g_new0 (int, mapping->bindings->len + 1);
  map->shown   = g_new0 (int, mapping->lights->len + 1);
  memset (map->first, 0xff, sizeof map->first); /* NONE everywhere */
  memset (map->layer_of, 0xff, sizeof map->layer_of);
  index_bindings (map);
  for (guint i = 0; i < mapping->layers->len; i++) {
    const struct ech_midi_control *c =
        &g_array_index (mapping->layers, struct ech_midi_layer, i).control;

    map->layer_of[c->type == ECH_MIDI_CONTROL_NOTE ? TABLE_NOTE : TABLE_CC][c->channel][c->number] =
        (int) i;
  }
  ech_midi_map_forget_lights (map);
  return map;
}

void
ech_midi_map_free (struct ech_midi_map *map)
{
  if (map == NULL)
    return;
  g_free (map->memory);
  g_free (map->next);
  g_free (map->shown);
  g_free (map);
}

/* --- state ----------------------------------------------------------------------------- */

double
ech_midi_value_at (const double *range, unsigned n_range, double position)
{
  if (position <= 0)
    return range[0];
  if (position >= 1)
    return range[n_range - 1];
  if (n_range == 2)
    return range[0] + position * (range[1] - range[0]);
  return position < 0.5 ? range[0] + position * 2 * (range[1] - range[0])
                        : range[1] + (position * 2 - 1) * (range[2] - range[1]);
}

static double
part (double from, double to, double value)
{
  double p = to == from ? 0 : (value - from) / (to - from);

  return CLAMP (p, 0, 1);
}

double
ech_midi_position_of (const double *range, unsigned n_range, double value)
{
  bool upper;

  if (n_range == 2)
    return part (range[0], range[1], value);
  upper = range[2] > range[0] ? value > range[1] : value < range[1];
  return upper ? 0.5 + part (range[1], range[2], value) / 2 : part (range[0], range[1], value) / 2;
}

bool
ech_midi_state_value (const struct ech_state  *state,
                      const struct ech_action *action,
                      double                  *out_value)
{
  const struct ech_deck_status *deck = &state->decks[action->deck % ECH_MAX_DECKS];

  switch (action->verb) {
  case ECH_VERB_SPEED:
    *out_value = deck->speed_set > 0 ? deck->speed_set : 1;
    break;
  case ECH_VERB_BEND:
    *out_value = deck->bend;
    break;
  case ECH_VERB_TRIM:
    *out_value = deck->trim_db;
    break;
  case ECH_VERB_VOLUME:
    *out_value = deck->volume;
    break;
  case ECH_VERB_EQ:
    *out_value = deck->eq_db[action->index % ECH_N_BANDS];
    break;
  case ECH_VERB_FILTER:
    *out_value = deck->filter;
    break;
  case ECH_VERB_SYNC:
    *out_value = deck->sync;
    break;
  case ECH_VERB_PFL:
    *out_value = deck->pfl;
    break;
  case ECH_VERB_CROSSFADER:
    *out_value = state->crossfader;
    break;
  case ECH_VERB_LIMITER:
    *out_value = state->limiter_db;
    break;
  case ECH_VERB_MASTER_VOLUME:
    *out_value = state->master_volume;
    break;
  case ECH_VERB_BOOTH_VOLUME:
    *out_value = state->booth_volume;
    break;
  case ECH_VERB_HEADPHONES_VOLUME:
    *out_value = state->headphones_volume;
    break;
  case ECH_VERB_HEADPHONES_MIX:
    *out_value = state->headphones_mix;
    break;
  case ECH_VERB_TEMPO:
    *out_value = state->timeline.bpm;
    break;
  case ECH_VERB_LINK:
    *out_value = state->link_enabled;
    break;
  case ECH_VERB_LINK_STARTSTOP:
    *out_value = state->link_start_stop;
    break;
  default:
    return false;
  }
  return true;
}

static const struct ech_deck_status *
deck_of (const struct ech_midi_binding *b, const struct ech_state *state)
{
  return &state->decks[b->action.deck % ECH_MAX_DECKS];
}

static bool
plays (const struct ech_deck_status *deck)
{
  return deck->state == ECH_DECK_PLAYING || deck->state == ECH_DECK_PRIMED;
}

/* --- posting --------------------------------------------------------------------------- */

static void
post (struct ech_midi_map    *map,
      int                     index,
      const struct ech_state *state,
      enum ech_verb           verb,
      double                  value,
      bool                    continuous)
{
  struct ech_action action = binding_at (map, index)->action;

  if (action.deck >= state->n_decks && action.deck > 0)
    return; /* the mapping has more decks than there are */
  action.verb  = verb;
  action.value = value;
  map->out.post (map->out.data, &action, (unsigned) index, continuous);
}

static void
post_value (struct ech_midi_map    *map,
            int                     index,
            double                  value,
            uint64_t                now_ns,
            const struct ech_state *state,
            bool                    continuous)
{
  struct memory *m = &map->memory[index];

  m->sent    = value;
  m->sent_ns = now_ns;
  post (map, index, state, binding_at (map, index)->action.verb, value, continuous);
}

/* Where it stands: what we asked for a moment ago, else what the state says. */
static bool
standing (struct ech_midi_map    *map,
          int                     index,
          uint64_t                now_ns,
          const struct ech_state *state,
          double                 *out_value)
{
  const struct memory *m = &map->memory[index];

  if (m->sent_ns != 0 && now_ns - m->sent_ns < SETTLE_NS) {
    *out_value = m->sent;
    return true;
  }
  return ech_midi_state_value (state, &binding_at (map, index)->action, out_value);
}

/* --- buttons --------------------------------------------------------------------------- */

static void
press_cue (struct ech_midi_map *map, int index, const struct ech_state *state)
{
  const struct ech_deck_status *deck = deck_of (binding_at (map, index), state);
  struct memory                *m    = &map->memory[index];
  double                        off_cue;

  if (plays (deck) || deck->track_rate <= 0) {
    post (map, index, state, ECH_VERB_CUE, NAN, false);
    return;
  }
  off_cue = fabs (deck->position_frames - deck->cue_frames);
  if (off_cue > 0.001 * deck->track_rate) {
    post (map, index, state, ECH_VERB_CUE, deck->position_frames / deck->track_rate, false);
    return;
  }
  m->cue_preview = true;
  post (map, index, state, ECH_VERB_PLAY, NAN, false);
}

static void
release_cue (struct ech_midi_map *map, int index, const struct ech_state *state)
{
  struct memory *m = &map->memory[index];

  if (m->cue_preview)
    post (map, index, state, ECH_VERB_CUE, NAN, false);
  m->cue_preview = false;
}

/* Does what the binding switches on hold already? */
static bool
is_on (struct ech_midi_map *map, int index, uint64_t now_ns, const struct ech_state *state)
{
  const struct ech_midi_binding *b    = binding_at (map, index);
  const struct ech_deck_status  *deck = deck_of (b, state);
  double                         value;

  switch (b->action.verb) {
  case ECH_VERB_PLAY:
    return plays (deck);
  case ECH_VERB_STOP:
    return !plays (deck);
  case ECH_VERB_LOCK:
    return deck->locked;
  case ECH_VERB_LOOP:
    return deck->loop_active;
  default:
    if (!standing (map, index, now_ns, state, &value))
      return map->memory[index].on;
    return fabs (value - b->value) <= fabs (value - b->off);
  }
}

/* The action, or its opposite. */
static void
set_on (struct ech_midi_map    *map,
        int                     index,
        bool                    on,
        uint64_t                now_ns,
        const struct ech_state *state)
{
  const struct ech_midi_binding *b = binding_at (map, index);

  map->memory[index].on = on;
  switch (b->action.verb) {
  case ECH_VERB_PLAY:
    post (map, index, state, on ? ECH_VERB_PLAY : ECH_VERB_STOP,
          on && b->has_value ? b->value : NAN, false);
    break;
  case ECH_VERB_STOP:
    post (map, index, state, on ? ECH_VERB_STOP : ECH_VERB_PLAY, NAN, false);
    break;
  case ECH_VERB_LOCK:
    post (map, index, state, on ? ECH_VERB_LOCK : ECH_VERB_UNLOCK, 0, false);
    break;
  case ECH_VERB_LOOP:
    post (map, index, state, ECH_VERB_LOOP, on ? b->value : 0, false);
    break;
  default:
    post_value (map, index, on ? b->value : b->off, now_ns, state, false);
    break;
  }
}

/* The action as it stands in the file. */
static void
do_plainly (struct ech_midi_map *map, int index, uint64_t now_ns, const struct ech_state *state)
{
  const struct ech_midi_binding *b     = binding_at (map, index);
  double                         value = b->value;

  if ((b->action.verb == ECH_VERB_PLAY || b->action.verb == ECH_VERB_CUE) && !b->has_value)
    value = NAN;
  post_value (map, index, value, now_ns, state, false);
}

static void
press_pad (struct ech_midi_map *map, int index, const struct ech_state *state)
{
  const struct ech_midi_binding *b = binding_at (map, index);
  bool is_set = !isnan (deck_of (b, state)->hotcue_frames[b->action.index % ECH_N_HOTCUES]);

  post (map, index, state, is_set ? ECH_VERB_HOTCUE_JUMP : ECH_VERB_HOTCUE_SET, 0, false);
}

static void
press (struct ech_midi_map *map, int index, uint64_t now_ns, const struct ech_state *state)
{
  map->memory[index].held = true;
  switch (binding_at (map, index)->mode) {
  case ECH_MIDI_PRESS:
    do_plainly (map, index, now_ns, state);
    break;
  case ECH_MIDI_TOGGLE:
    set_on (map, index, !is_on (map, index, now_ns, state), now_ns, state);
    break;
  case ECH_MIDI_HOLD:
    set_on (map, index, true, now_ns, state);
    break;
  case ECH_MIDI_CUE:
    press_cue (map, index, state);
    break;
  case ECH_MIDI_PAD:
    press_pad (map, index, state);
    break;
  default:
    break;
  }
}

static void
release (struct ech_midi_map *map, int index, uint64_t now_ns, const struct ech_state *state)
{
  if (!map->memory[index].held)
    return;
  map->memory[index].held = false;
  switch (binding_at (map, index)->mode) {
  case ECH_MIDI_RELEASE:
    do_plainly (map, index, now_ns, state);
    break;
  case ECH_MIDI_HOLD:
    set_on (map, index, false, now_ns, state);
    break;
  case ECH_MIDI_CUE:
    release_cue (map, index, state);
    break;
  default:
    break;
  }
}

/* --- knobs ----------------------------------------------------------------------------- */

/* Has the knob, on its way from where it was, come to what it moves? */
static bool
comes_past (const struct memory *m, double position, double standing)
{
  if (fabs (position - standing) <= PICKUP_WITHIN)
    return true;
  return m->has_position && (m->position - standing) * (position - standing) < 0;
}

/* The position to set, after the takeover has had its say; NAN = none. */
static double
take_over (const struct ech_midi_binding *b, const struct memory *m, double position, double stands)
{
  double way;

  if (m->engaged || b->takeover == ECH_MIDI_JUMP || comes_past (m, position, stands))
    return position;
  if (b->takeover == ECH_MIDI_PICKUP || !m->has_position)
    return NAN;
  way = position - m->position;
  if (way > 0)
    return stands + way * (1 - stands) / (1 - m->position);
  return stands + way * stands / m->position;
}

static bool
is_waiting_kind (const struct ech_midi_binding *b)
{
  return b->action.timing.kind != ECH_TIMING_DEFAULT && b->action.timing.kind != ECH_TIMING_NOW;
}

static void
turn_knob (struct ech_midi_map    *map,
           int                     index,
           double                  position,
           uint64_t                now_ns,
           const struct ech_state *state)
{
  const struct ech_midi_binding *b = binding_at (map, index);
  struct memory                 *m = &map->memory[index];
  double                         value, stands, to = position;

  /* one that waits for its beat stands elsewhere until then, and is the hand's all the same */
  if (!is_waiting_kind (b) && standing (map, index, now_ns, state, &value)) {
    stands = ech_midi_position_of (b->range, b->n_range, value);
    if (m->engaged && m->sent_ns != 0 && now_ns - m->sent_ns >= SETTLE_NS
        && fabs (stands - m->position) > PICKUP_WITHIN)
      m->engaged = false; /* somebody else has moved it */
    to = take_over (b, m, position, stands);
  }
  m->engaged      = !isnan (to) && fabs (to - position) <= PICKUP_WITHIN;
  m->position     = position;
  m->has_position = true;
  if (isnan (to))
    return;
  post_value (map, index, ech_midi_value_at (b->range, b->n_range, to), now_ns, state, true);
}

/* --- encoders -------------------------------------------------------------------------- */

static int
steps_of (enum ech_midi_encoding encoding, unsigned value, unsigned bits)
{
  unsigned half = 1u << (bits - 1);

  switch (encoding) {
  case ECH_MIDI_OFFSET:
    return (int) value - (int) half;
  case ECH_MIDI_SIGN_BIT:
    return value & half ? -(int) (value & (half - 1)) : (int) value;
  default:
    return value & half ? (int) value - (int) (half * 2) : (int) value;
  }
}

static double
jog_bend (const struct ech_midi_binding *b, const struct memory *m)
{
  double bend = m->jog_steps * b->step;

  return CLAMP (bend, -MAX_JOG_BEND, MAX_JOG_BEND);
}

static void
turn_jog (struct ech_midi_map    *map,
          int                     index,
          int                     steps,
          uint64_t                now_ns,
          const struct ech_state *state)
{
  const struct ech_midi_binding *b = binding_at (map, index);
  struct memory                 *m = &map->memory[index];

  if (!m->jog_bends) {
    m->jog_bends   = true;
    m->jog_steps   = 0;
    m->jog_from_ns = now_ns;
    map->n_jogs++;
  } else if (now_ns - m->jog_from_ns >= JOG_NS) {
    m->jog_steps *= (double) JOG_NS / (double) (now_ns - m->jog_from_ns) / 2;
    m->jog_from_ns = now_ns;
  }
  m->jog_steps += steps;
  m->jog_last_ns = now_ns;
  post_value (map, index, jog_bend (b, m), now_ns, state, true);
}

/* Longer and shorter by the double. */
static void
turn_loop (struct ech_midi_map    *map,
           int                     index,
           int                     steps,
           uint64_t                now_ns,
           const struct ech_state *state)
{
  const struct ech_deck_status *deck  = deck_of (binding_at (map, index), state);
  const struct memory          *m     = &map->memory[index];
  double                        beats = 4;

  if (m->sent_ns != 0 && now_ns - m->sent_ns < SETTLE_NS)
    beats = m->sent * exp2 (steps);
  else if (deck->loop_active && deck->grid.frames_per_beat > 0)
    beats =
        (deck->loop_out_frames - deck->loop_in_frames) / deck->grid.frames_per_beat * exp2 (steps);
  beats = exp2 (round (log2 (CLAMP (beats, ECH_MIN_LOOP_BEATS, ECH_MAX_LOOP_BEATS))));
  post_value (map, index, beats, now_ns, state, false);
}

static void
turn_encoder (struct ech_midi_map    *map,
              int                     index,
              int                     steps,
              uint64_t                now_ns,
              const struct ech_state *state)
{
  const struct ech_midi_binding *b    = binding_at (map, index);
  const struct ech_deck_status  *deck = deck_of (b, state);
  double                         value, lo, hi;

  if (steps == 0)
    return;
  switch (b->action.verb) {
  case ECH_VERB_BEND:
    turn_jog (map, index, steps, now_ns, state);
    return;
  case ECH_VERB_LOOP:
    turn_loop (map, index, CLAMP (steps, -1, 1), now_ns, state);
    return;
  case ECH_VERB_BEATJUMP:
  case ECH_VERB_LOOP_MOVE:
    post (map, index, state, b->action.verb, steps * b->step, false);
    return;
  case ECH_VERB_SEEK:
    if (deck->track_rate <= 0)
      return;
    if (!standing (map, index, now_ns, state, &value))
      value = deck->position_frames / deck->track_rate;
    value = CLAMP (value + steps * b->step, 0, deck->length_frames / deck->track_rate);
    post_value (map, index, value, now_ns, state, true);
    return;
  default:
    break;
  }
  if (!standing (map, index, now_ns, state, &value))
    return;
  lo = MIN (b->range[0], b->range[b->n_range - 1]);
  hi = MAX (b->range[0], b->range[b->n_range - 1]);
  value += steps * b->step;
  post_value (map, index, CLAMP (value, lo, hi), now_ns, state, true);
}

/* --- messages -------------------------------------------------------------------------- */

/* The middle of what a control sends is the middle of what it moves. */
static double
position_of (unsigned value, unsigned most, unsigned n_range)
{
  unsigned half = (most + 1) / 2;

  if (n_range < 3)
    return (double) value / most;
  return value <= half ? 0.5 * value / half : 0.5 + 0.5 * (value - half) / (most - half);
}

static void
turn (struct ech_midi_map    *map,
      int                     index,
      unsigned                value,
      unsigned                bits,
      uint64_t                now_ns,
      const struct ech_state *state)
{
  const struct ech_midi_binding *b = binding_at (map, index);

  if (b->kind == ECH_MIDI_ENCODER)
    turn_encoder (map, index, steps_of (b->encoding, value, bits), now_ns, state);
  else
    turn_knob (map, index, position_of (value, (1u << bits) - 1, b->n_range), now_ns, state);
}

static void
finish_pair (struct ech_midi_map *map, int index, uint64_t now_ns, const struct ech_state *state)
{
  struct memory *m = &map->memory[index];

  map->n_halves -= m->coarse_fresh || m->fine_fresh;
  m->coarse_fresh = m->fine_fresh = false;
  if (m->has_coarse) /* a fine half alone says nothing */
    turn (map, index, (unsigned) m->coarse << 7 | m->fine, 14, now_ns, state);
}

/* One half of a 14-bit value. */
static void
take_half (struct ech_midi_map    *map,
           int                     index,
           bool                    is_fine,
           uint8_t                 value,
           uint64_t                now_ns,
           const struct ech_state *state)
{
  struct memory *m = &map->memory[index];

  if (is_fine ? m->fine_fresh : m->coarse_fresh)
    finish_pair (map, index, now_ns, state); /* the other half never came */
  if (!m->coarse_fresh && !m->fine_fresh) {
    map->n_halves++;
    m->half_ns = now_ns;
  }
  if (is_fine) {
    m->fine       = value;
    m->fine_fresh = true;
  } else {
    m->coarse       = value;
    m->coarse_fresh = true;
    m->has_coarse   = true;
  }
  if (m->coarse_fresh && m->fine_fresh)
    finish_pair (map, index, now_ns, state);
}

static void
take_button (struct ech_midi_map    *map,
             int                     index,
             bool                    is_down,
             uint64_t                now_ns,
             const struct ech_state *state)
{
  if (binding_at (map, index)->kind == ECH_MIDI_SWITCH)
    set_on (map, index, is_down, now_ns, state);
  else if (is_down)
    press (map, index, now_ns, state);
  else
    release (map, index, now_ns, state);
}

static void
take_cc (struct ech_midi_map           *map,
         int                            index,
         const struct ech_midi_message *message,
         uint64_t                       now_ns,
         const struct ech_state        *state)
{
  const struct ech_midi_binding *b = binding_at (map, index);

  if (b->kind <= ECH_MIDI_SWITCH)
    take_button (map, index, message->value >= 64, now_ns, state);
  else if (b->control.type == ECH_MIDI_CONTROL_CC14)
    take_half (map, index, false, (uint8_t) message->value, now_ns, state);
  else
    turn (map, index, message->value, 7, now_ns, state);
}

/* Bindings of the layer that is held, if the control has any there; else those of none. */
static int
layer_for (const struct ech_midi_map *map, int first)
{
  for (int i = first; i != NONE; i = map->next[i]) {
    int layer = binding_at (map, i)->layer;

    if (layer >= 0 && map->layer_held[layer])
      return layer;
  }
  return NONE;
}

static void
take_chain (struct ech_midi_map           *map,
            int                            first,
            const struct ech_midi_message *message,
            bool                           is_release,
            uint64_t                       now_ns,
            const struct ech_state        *state)
{
  int layer = layer_for (map, first);

  for (int i = first; i != NONE; i = map->next[i]) {
    const struct ech_midi_binding *b = binding_at (map, i);

    /* what was pressed is let go, whatever layer is held by then */
    if (is_release && b->kind == ECH_MIDI_BUTTON)
      release (map, i, now_ns, state);
    else if (b->layer != layer)
      continue;
    else if (message->type == ECH_MIDI_PITCH)
      turn (map, i, message->value, 14, now_ns, state);
    else if (message->type == ECH_MIDI_CC)
      take_cc (map, i, message, now_ns, state);
    else
      take_button (map, i, !is_release, now_ns, state);
  }
}

static void
take_layer (struct ech_midi_map *map, const struct ech_midi_message *message, bool is_release)
{
  unsigned table = message->type == ECH_MIDI_CC ? TABLE_CC : TABLE_NOTE;
  int      layer = map->layer_of[table][message->channel][message->number];

  if (layer >= 0)
    map->layer_held[layer] = !is_release;
}

static void
take_fine (struct ech_midi_map           *map,
           const struct ech_midi_message *message,
           uint64_t                       now_ns,
           const struct ech_state        *state)
{
  int i = find_fine (map, message->channel, message->number, 0);

  for (; i != NONE; i = find_fine (map, message->channel, message->number, i + 1)) {
    int first = map->first[TABLE_CC][message->channel][binding_at (map, i)->control.number];

    if (binding_at (map, i)->layer == layer_for (map, first))
      take_half (map, i, true, (uint8_t) message->value, now_ns, state);
  }
}

void
ech_midi_map_take (struct ech_midi_map           *map,
                   const struct ech_midi_message *message,
                   uint64_t                       now_ns,
                   const struct ech_state        *state)
{
  bool is_release;
  int  first;

  switch (message->type) {
  case ECH_MIDI_NOTE_ON:
  case ECH_MIDI_NOTE_OFF:
    is_release = message->type == ECH_MIDI_NOTE_OFF;
    first      = map->first[TABLE_NOTE][message->channel][message->number];
    break;
  case ECH_MIDI_CC:
    is_release = message->value < 64;
    first      = map->first[TABLE_CC][message->channel][message->number];
    break;
  case ECH_MIDI_PITCH:
    is_release = false;
    first      = map->first[TABLE_PITCH][message->channel][0];
    break;
  default:
    return; /* clock, pressure, System Exclusive: nothing that a hand moves */
  }
  if (message->type != ECH_MIDI_PITCH)
    take_layer (map, message, is_release);
  take_chain (map, first, message, is_release, now_ns, state);
  if (message->type == ECH_MIDI_CC)
    take_fine (map, message, now_ns, state);
}

/* --- time ------------------------------------------------------------------------------ */

static uint64_t
sooner (uint64_t a, uint64_t b)
{
  return a == 0 || (b != 0 && b < a) ? b : a;
}

static void
rest_jog (struct ech_midi_map *map, int index, uint64_t now_ns, const struct ech_state *state)
{
  map->memory[index].jog_bends = false;
  map->n_jogs--;
  post_value (map, index, 0, now_ns, state, false);
}

uint64_t
ech_midi_map_tick (struct ech_midi_map *map, uint64_t now_ns, const struct ech_state *state)
{
  uint64_t next_ns = 0;

  for (guint i = 0; (map->n_jogs || map->n_halves) && i < map->mapping->bindings->len; i++) {
    struct memory *m = &map->memory[i];

    if ((m->coarse_fresh || m->fine_fresh) && now_ns >= m->half_ns + PAIR_NS)
      finish_pair (map, (int) i, now_ns, state);
    else if (m->coarse_fresh || m->fine_fresh)
      next_ns = sooner (next_ns, m->half_ns + PAIR_NS);
    if (m->jog_bends && now_ns >= m->jog_last_ns + JOG_REST_NS)
      rest_jog (map, (int) i, now_ns, state);
    else if (m->jog_bends)
      next_ns = sooner (next_ns, m->jog_last_ns + JOG_REST_NS);
  }
  return next_ns;
}

void
ech_midi_map_let_go (struct ech_midi_map *map, uint64_t now_ns, const struct ech_state *state)
{
  for (guint i = 0; i < map->mapping->bindings->len; i++) {
    struct memory *m = &map->memory[i];

    if (m->held && binding_at (map, (int) i)->mode != ECH_MIDI_RELEASE)
      release (map, (int) i, now_ns, state);
    if (m->jog_bends)
      rest_jog (map, (int) i, now_ns, state);
    m->held         = false;
    m->coarse_fresh = m->fine_fresh = m->has_coarse = false;
    m->has_position = m->engaged = false; /* it may have been moved meanwhile */
  }
  map->n_halves = 0;
  memset (map->layer_held, 0, sizeof map->layer_held);
}

/* --- lights ---------------------------------------------------------------------------- */

static double
level_of_peak (const float *peak)
{
  double db = 20 * log10 (MAX (MAX (peak[0], peak[1]), 1e-6f));

  return CLAMP ((db + 48) / 48, 0, 1);
}

static bool
deck_shows (const struct ech_midi_light *light, const struct ech_deck_status *deck)
{
  switch (light->show) {
  case ECH_MIDI_SHOW_PLAYING:
    return deck->state == ECH_DECK_PLAYING;
  case ECH_MIDI_SHOW_LOADED:
    return deck->state >= ECH_DECK_STOPPED;
  case ECH_MIDI_SHOW_CUE:
    return deck->state >= ECH_DECK_STOPPED && deck->state != ECH_DECK_PLAYING
           && fabs (deck->position_frames - deck->cue_frames) <= 0.001 * deck->track_rate;
  case ECH_MIDI_SHOW_SYNC:
    return deck->sync;
  case ECH_MIDI_SHOW_PFL:
    return deck->pfl;
  case ECH_MIDI_SHOW_LOOP:
    return deck->loop_active;
  case ECH_MIDI_SHOW_LOCKED:
    return deck->locked;
  case ECH_MIDI_SHOW_ON_AIR:
    return deck->on_air;
  case ECH_MIDI_SHOW_BEAT:
    return deck->state == ECH_DECK_PLAYING && deck->has_grid && deck->grid.frames_per_beat > 0
           && ech_beat_phase (ech_grid_beat_at (&deck->grid, deck->position_frames), 1) < 0.25;
  case ECH_MIDI_SHOW_HOTCUE:
    return deck->state >= ECH_DECK_STOPPED && !isnan (deck->hotcue_frames[light->index]);
  default:
    return false;
  }
}

/* 0..1 */
static double
level_of (struct ech_midi_map         *map,
          const struct ech_midi_light *light,
          const struct ech_state      *state)
{
  const struct ech_deck_status *deck = &state->decks[light->deck % ECH_MAX_DECKS];
  double                        value;

  switch (light->show) {
  case ECH_MIDI_SHOW_METER:
    return level_of_peak (deck->peak);
  case ECH_MIDI_SHOW_MASTER_METER:
    return level_of_peak (state->master_peak);
  case ECH_MIDI_SHOW_LINK:
    return state->link_enabled;
  case ECH_MIDI_SHOW_LAYER:
    return map->layer_held[light->index];
  case ECH_MIDI_SHOW_VALUE:
    if (!ech_midi_state_value (state, &light->show_action, &value))
      return 0;
    return ech_midi_position_of (light->range, light->n_range, value);
  default:
    return deck_shows (light, deck);
  }
}

/* An action that waits for its beat, and that the light is about. */
static bool
waits (const struct ech_midi_light *light, const struct ech_state *state)
{
  for (uint32_t i = 0; i < state->n_pending && i < ECH_MAX_PENDING_SHOWN; i++) {
    const struct ech_pending *p = &state->pending[i];

    if (p->deck != light->deck)
      continue;
    if (light->show == ECH_MIDI_SHOW_PLAYING
        && (p->verb == ECH_VERB_PLAY || p->verb == ECH_VERB_STOP || p->verb == ECH_VERB_CUE))
      return true;
    if (light->show == ECH_MIDI_SHOW_LOOP && p->verb == ECH_VERB_LOOP)
      return true;
    if (light->show == ECH_MIDI_SHOW_HOTCUE && p->verb >= ECH_VERB_HOTCUE_SET
        && p->verb <= ECH_VERB_HOTCUE_CLEAR && p->index == light->index)
      return true;
  }
  return false;
}

static int
shown_by (struct ech_midi_map         *map,
          const struct ech_midi_light *light,
          const struct ech_state      *state,
          double                       beat)
{
  double level = level_of (map, light, state);

  if (light->waiting >= 0 && waits (light, state))
    return ech_beat_phase (beat, 0.5) < 0.25 ? light->waiting : light->off;
  return (int) lround (light->off + level * (light->on - light->off));
}

static void
send_light (struct ech_midi_map *map, const struct ech_midi_light *light, int value)
{
  uint8_t status  = light->control.type == ECH_MIDI_CONTROL_NOTE ? 0x90 : 0xb0;
  uint8_t bytes[] = { (uint8_t) (status | light->control.channel), light->control.number,
                      (uint8_t) value };

  map->out.send (map->out.data, bytes, sizeof bytes);
}

void
ech_midi_map_light (struct ech_midi_map *map, const struct ech_state *state, double beat)
{
  for (guint i = 0; i < map->mapping->lights->len; i++) {
    const struct ech_midi_light *light =
        &g_array_index (map->mapping->lights, struct ech_midi_light, i);
    int value = shown_by (map, light, state, beat);

    if (value == map->shown[i])
      continue;
    map->shown[i] = value;
    send_light (map, light, value);
  }
}

void
ech_midi_map_forget_lights (struct ech_midi_map *map)
{
  for (guint i = 0; i < map->mapping->lights->len; i++)
    map->shown[i] = NONE;
}

void
ech_midi_map_dark (struct ech_midi_map *map)
{
  for (guint i = 0; i < map->mapping->lights->len; i++) {
    const struct ech_midi_light *light =
        &g_array_index (map->mapping->lights, struct ech_midi_light, i);

    if (map->shown[i] != light->off)
      send_light (map, light, light->off);
    map->shown[i] = NONE;
  }
}
