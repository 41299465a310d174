/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/midi/midi-learn.h"

#include <stdlib.h>
#include <string.h>

#define MS          UINT64_C (1000000)
#define TOGETHER_NS (5 * MS) /* the halves of a 14-bit value */

enum {
  MAX_GROUPS   = 64,
  FEW          = 3,  /* fewer tell nothing of a movement */
  STEP_MOST    = 15, /* an encoder's quickest step, 7 bits */
  STEP_MOST_14 = 512,
};

/* All that one control said. */
struct group {
  uint8_t  type, channel, number;
  unsigned n;
  unsigned lowest, highest;
  unsigned n_repeats; /* the same value twice running */
};

void
ech_midi_learn_begin (struct ech_midi_learn *learn)
{
  learn->n = 0;
}

static void
put (struct ech_midi_learn *learn, const struct ech_midi_learn_event *event)
{
  if (learn->n == ECH_MIDI_LEARN_MOST) {
    learn->n /= 2;
    memmove (learn->events, learn->events + learn->n, learn->n * sizeof *learn->events);
  }
  learn->events[learn->n++] = *event;
}

void
ech_midi_learn_take (struct ech_midi_learn         *learn,
                     const struct ech_midi_message *message,
                     uint64_t                       time_ns)
{
  struct ech_midi_learn_event event = { .time_ns = time_ns,
                                        .value   = message->value,
                                        .channel = message->channel,
                                        .number  = message->number };

  switch (message->type) {
  case ECH_MIDI_NOTE_ON:
    event.type = ECH_MIDI_CONTROL_NOTE;
    break;
  case ECH_MIDI_NOTE_OFF:
    event.type  = ECH_MIDI_CONTROL_NOTE;
    event.value = 0;
    break;
  case ECH_MIDI_CC:
    event.type = ECH_MIDI_CONTROL_CC;
    break;
  case ECH_MIDI_PITCH:
    event.type = ECH_MIDI_CONTROL_PITCH;
    break;
  default:
    return;
  }
  put (learn, &event);
}

bool
ech_midi_learn_is_over (const struct ech_midi_learn *learn, uint64_t now_ns)
{
  return learn->n > 0
         && now_ns >= learn->events[learn->n - 1].time_ns + ECH_MIDI_LEARN_QUIET_MS * MS;
}

/* --- groups ---------------------------------------------------------------------------- */

static bool
is_of (const struct ech_midi_learn_event *event, const struct group *group)
{
  return event->type == group->type && event->channel == group->channel
         && event->number == group->number;
}

static struct group *
group_for (struct group *groups, unsigned *n_groups, const struct ech_midi_learn_event *event)
{
  for (unsigned i = 0; i < *n_groups; i++)
    if (is_of (event, &groups[i]))
      return &groups[i];
  if (*n_groups == MAX_GROUPS)
    return NULL;
  groups[*n_groups] = (struct group){
    .type = event->type, .channel = event->channel, .number = event->number, .lowest = UINT16_MAX
  };
  return &groups[(*n_groups)++];
}

static unsigned
count_repeats (const struct ech_midi_learn *learn, const struct group *group)
{
  unsigned n    = 0;
  int      last = -1;

  for (unsigned i = 0; i < learn->n; i++) {
    if (!is_of (&learn->events[i], group))
      continue;
    n += learn->events[i].value == last;
    last = learn->events[i].value;
  }
  return n;
}

static unsigned
make_groups (const struct ech_midi_learn *learn, struct group *groups)
{
  unsigned n_groups = 0;

  for (unsigned i = 0; i < learn->n; i++) {
    struct group *group = group_for (groups, &n_groups, &learn->events[i]);

    if (group == NULL)
      continue;
    group->n++;
    group->lowest  = MIN (group->lowest, learn->events[i].value);
    group->highest = MAX (group->highest, learn->events[i].value);
  }
  for (unsigned i = 0; i < n_groups; i++)
    groups[i].n_repeats = count_repeats (learn, &groups[i]);
  return n_groups;
}

/* A fader that trembles where it stands. */
static bool
trembles (const struct group *group)
{
  return group->type != ECH_MIDI_CONTROL_NOTE && group->n > 1 && group->highest - group->lowest <= 1
         && group->n_repeats == 0;
}

/* The one that said most.  A note beside a movement is a touch: a jog wheel's plate, a fader's
 * middle. */
static const struct group *
find_main (const struct group *groups, unsigned n_groups)
{
  const struct group *best   = NULL;
  bool                moves  = false;
  bool                steady = false;

  for (unsigned i = 0; i < n_groups; i++) {
    moves |=
        groups[i].type != ECH_MIDI_CONTROL_NOTE && groups[i].n >= FEW && !trembles (&groups[i]);
    steady |= !trembles (&groups[i]);
  }
  for (unsigned i = 0; i < n_groups; i++) {
    if ((moves && groups[i].type == ECH_MIDI_CONTROL_NOTE) || (steady && trembles (&groups[i])))
      continue;
    if (best == NULL || groups[i].n > best->n)
      best = &groups[i];
  }
  return best;
}

/* --- 14 bits --------------------------------------------------------------------------- */

/* How many of @a's messages have one of @b's within a moment? */
static unsigned
count_together (const struct ech_midi_learn *learn, const struct group *a, const struct group *b)
{
  unsigned n = 0;

  for (unsigned i = 0; i < learn->n; i++) {
    if (!is_of (&learn->events[i], a))
      continue;
    for (unsigned j = i > 4 ? i - 4 : 0; j < learn->n && j < i + 5; j++) {
      uint64_t t = learn->events[i].time_ns, u = learn->events[j].time_ns;

      if (is_of (&learn->events[j], b) && (t > u ? t - u : u - t) <= TOGETHER_NS) {
        n++;
        break;
      }
    }
  }
  return n;
}

/* A button says 0 and 127 and nothing else: no half of anything. */
static bool
says_only_ends (const struct ech_midi_learn *learn, const struct group *group)
{
  for (unsigned i = 0; i < learn->n; i++)
    if (is_of (&learn->events[i], group) && learn->events[i].value != 0
        && learn->events[i].value != 127)
      return false;
  return true;
}

static bool
is_pair (const struct ech_midi_learn *learn, const struct group *coarse, const struct group *fine)
{
  unsigned least = MIN (coarse->n, fine->n), most = MAX (coarse->n, fine->n);

  return least >= FEW && least * 3 >= most * 2 && !says_only_ends (learn, fine)
         && count_together (learn, coarse, fine) * 5 >= coarse->n * 4
         && count_together (learn, fine, coarse) * 5 >= fine->n * 4;
}

/* The coarse and the fine half that @main is one of; false if it stands alone. */
static bool
find_pair (const struct ech_midi_learn *learn,
           const struct group          *groups,
           unsigned                     n_groups,
           const struct group          *main,
           const struct group         **out_coarse,
           const struct group         **out_fine)
{
  for (unsigned i = 0; main->type == ECH_MIDI_CONTROL_CC && i < n_groups; i++) {
    const struct group *other = &groups[i];
    bool                is_fine;

    if (other->type != ECH_MIDI_CONTROL_CC || other->channel != main->channel
        || abs ((int) other->number - (int) main->number) != 32)
      continue;
    is_fine     = other->number > main->number;
    *out_coarse = is_fine ? main : other;
    *out_fine   = is_fine ? other : main;
    if (is_pair (learn, *out_coarse, *out_fine))
      return true;
  }
  return false;
}

/* 14-bit values of the pair, each time its second half comes. */
static unsigned
join_pair (const struct ech_midi_learn *learn,
           const struct group          *coarse,
           const struct group          *fine,
           uint16_t                    *out_values)
{
  int      high = -1, low = -1;
  unsigned n = 0;

  for (unsigned i = 0; i < learn->n; i++) {
    if (is_of (&learn->events[i], coarse))
      high = learn->events[i].value;
    else if (is_of (&learn->events[i], fine))
      low = learn->events[i].value;
    if (high >= 0 && low >= 0) {
      out_values[n++] = (uint16_t) (high << 7 | low);
      high = low = -1;
    }
  }
  return n;
}

/* --- kinds ----------------------------------------------------------------------------- */

static const char *const other_way = "Turn it the other way too.";

/* Small steps up and down, said again and again: an encoder. */
static bool
judge_encoder (const uint16_t *values, unsigned n, unsigned bits, struct ech_midi_understood *out)
{
  unsigned half = 1u << (bits - 1), most = bits == 7 ? STEP_MOST : STEP_MOST_14;
  unsigned restless = 0;
  bool     low = false, high = false, below = false, above = false;

  for (unsigned i = 0; i < n; i++) {
    unsigned v = values[i];

    /* the same again, or back: a knob on its way does neither */
    restless += i > 0 && v == values[i - 1];
    restless +=
        i > 1 && ((int) v - values[i - 1]) * ((int) values[i - 1] - (int) values[i - 2]) < 0;
    if (v >= 1 && v <= most)
      low = true;
    else if (v >= 2 * half - most)
      high = true;
    else if (v < half && v >= half - most)
      below = true;
    else if (v > half && v <= half + most)
      above = true;
    else
      return false; /* no encoder says that, nor a step of nothing */
  }
  if (n < FEW || (restless * 4 < n && !(low && high)))
    return false;
  out->sure = true;
  if (!below && !above)
    out->encoding = ECH_MIDI_TWOS_COMPLEMENT;
  else if (!low && !high)
    out->encoding = ECH_MIDI_OFFSET;
  else if (low && above && !below && !high)
    out->encoding = ECH_MIDI_SIGN_BIT;
  else
    return false;
  if ((low && !high && !above) || (above && !below && !low)) {
    out->sure = bits == 14;
    out->hint = bits == 14 ? NULL : other_way;
  }
  out->kind = ECH_MIDI_ENCODER;
  return true;
}

static void
judge_note (const struct group *group, struct ech_midi_understood *out)
{
  out->kind       = ECH_MIDI_BUTTON;
  out->sure       = true;
  out->no_release = group->lowest > 0;
}

/* On and off, and no more. */
static void
judge_ends (const uint16_t *values, unsigned n, struct ech_midi_understood *out)
{
  out->kind = n == 1 || values[0] == 0 ? ECH_MIDI_SWITCH : ECH_MIDI_BUTTON;
  out->sure = n > 1 || values[0] == 0;
  if (!out->sure)
    out->hint = "Press it once more.";
}

static void
judge_cc (const uint16_t             *values,
          unsigned                    n,
          const struct group         *group,
          struct ech_midi_understood *out)
{
  bool ends = true;

  for (unsigned i = 0; i < n; i++)
    ends &= values[i] == 0 || values[i] == 127;
  if (ends && n <= 8 && !(group->n_repeats > 0 && group->lowest == 127)) {
    judge_ends (values, n, out);
    return;
  }
  if (judge_encoder (values, n, 7, out))
    return;
  out->kind = ECH_MIDI_KNOB;
  out->sure = n > FEW && group->highest - group->lowest >= 4;
  if (!out->sure)
    out->hint = "Move it further, to both of its ends.";
}

static unsigned
values_of (const struct ech_midi_learn *learn, const struct group *group, uint16_t *out_values)
{
  unsigned n = 0;

  for (unsigned i = 0; i < learn->n; i++)
    if (is_of (&learn->events[i], group))
      out_values[n++] = learn->events[i].value;
  return n;
}

static void
judge_pair (const struct ech_midi_learn *learn,
            const struct group          *coarse,
            const struct group          *fine,
            struct ech_midi_understood  *out)
{
  uint16_t values[ECH_MIDI_LEARN_MOST];
  unsigned n = join_pair (learn, coarse, fine, values);

  out->control = (struct ech_midi_control){ .type    = ECH_MIDI_CONTROL_CC14,
                                            .channel = coarse->channel,
                                            .number  = coarse->number,
                                            .lsb     = fine->number };
  if (judge_encoder (values, n, 14, out))
    return;
  out->kind = ECH_MIDI_KNOB;
  out->sure = true;
}

void
ech_midi_learn_judge (const struct ech_midi_learn *learn, struct ech_midi_understood *out)
{
  struct group        groups[MAX_GROUPS];
  unsigned            n_groups = make_groups (learn, groups);
  const struct group *main     = find_main (groups, n_groups), *coarse, *fine;
  uint16_t            values[ECH_MIDI_LEARN_MOST];

  *out = (struct ech_midi_understood){ 0 };
  if (main == NULL)
    return;
  out->found   = true;
  out->control = (struct ech_midi_control){ .type    = main->type,
                                            .channel = main->channel,
                                            .number  = main->number };
  if (main->type == ECH_MIDI_CONTROL_NOTE) {
    judge_note (main, out);
  } else if (main->type == ECH_MIDI_CONTROL_PITCH) {
    out->kind = ECH_MIDI_KNOB;
    out->sure = true;
  } else if (find_pair (learn, groups, n_groups, main, &coarse, &fine)) {
    judge_pair (learn, coarse, fine, out);
  } else {
    judge_cc (values, values_of (learn, main, values), main, out);
  }
}

/* --- binding --------------------------------------------------------------------------- */

static bool
ends_in (const char *text, const char *end)
{
  return g_str_has_suffix (text, end);
}

static uint8_t
mode_for (const char *address)
{
  if (strstr (address, "/hotcue/") && ends_in (address, "/jump"))
    return ECH_MIDI_PAD;
  if (g_str_has_prefix (address, "/deck/") && ends_in (address, "/cue"))
    return ECH_MIDI_CUE;
  if (ends_in (address, "/bend"))
    return ECH_MIDI_HOLD;
  if (ends_in (address, "/play") || ends_in (address, "/sync") || ends_in (address, "/pfl")
      || ends_in (address, "/keylock") || ends_in (address, "/loop")
      || g_str_has_prefix (address, "/lock/") || strcmp (address, "/record") == 0
      || g_str_has_prefix (address, "/eq/"))
    return ECH_MIDI_TOGGLE;
  return ECH_MIDI_PRESS;
}

/* What a button sets where the action wants a number and none was named. */
static void
choose_value (const char *address, struct ech_midi_binding *binding)
{
  static const struct {
    const char *end;
    double      value;
  } values[] = { { "/low", -26 }, { "/mid", -26 },  { "/high", -26 },      { "/bend", 0.03 },
                 { "/tempo", 1 }, { "/gain", 0 },   { "/beatjump", 4 },    { "/loop/move", 4 },
                 { "/seek", 0 },  { "/volume", 1 }, { "/crossfader", 0.5 } };

  for (unsigned i = 0; i < G_N_ELEMENTS (values); i++) {
    /* the session's own tempo is no neutral value */
    if (!ends_in (address, values[i].end) || strcmp (address, "/tempo") == 0)
      continue;
    binding->has_value = true;
    binding->value     = values[i].value;
    return;
  }
  if (g_str_has_prefix (address, "/filter/")) {
    binding->has_value = true;
    binding->value     = 0;
  }
}

void
ech_midi_learn_binding (const struct ech_midi_understood *understood,
                        const char                       *address,
                        struct ech_midi_binding          *out_binding)
{
  *out_binding = (struct ech_midi_binding){ .control  = understood->control,
                                            .kind     = understood->kind,
                                            .encoding = understood->encoding,
                                            .layer    = -1,
                                            .address  = (char *) address };
  if (understood->kind > ECH_MIDI_SWITCH)
    return;
  choose_value (address, out_binding);
  if (understood->kind == ECH_MIDI_BUTTON)
    out_binding->mode = mode_for (address);
  if (understood->no_release && out_binding->mode == ECH_MIDI_HOLD)
    out_binding->mode = ECH_MIDI_TOGGLE;
}
