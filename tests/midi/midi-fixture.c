/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/midi/midi-fixture.h"

#include <string.h>

static int
parse (void                   *data,
       const char             *address,
       const struct ech_value *values,
       unsigned                n_values,
       struct ech_action      *out_action,
       char                   *out_error)
{
  return ech_vocabulary_parse (address, values, n_values, ECH_MAX_DECKS, out_action, out_error);
}

const struct ech_midi_words midi_words = { parse, NULL };

static void
obey (struct midi_fixture *f, const struct ech_action *a)
{
  struct ech_deck_status *deck = &f->state.decks[a->deck];

  switch (a->verb) {
  case ECH_VERB_PLAY:
    deck->state = ECH_DECK_PLAYING;
    break;
  case ECH_VERB_STOP:
    deck->state = ECH_DECK_STOPPED;
    break;
  case ECH_VERB_CROSSFADER:
    f->state.crossfader = a->value;
    break;
  case ECH_VERB_VOLUME:
    deck->volume = a->value;
    break;
  case ECH_VERB_EQ:
    deck->eq_db[a->index] = a->value;
    break;
  case ECH_VERB_SPEED:
    deck->speed_set = a->value;
    break;
  case ECH_VERB_PFL:
    deck->pfl = a->value > 0;
    break;
  case ECH_VERB_SYNC:
    deck->sync = a->value > 0;
    break;
  case ECH_VERB_LOCK:
  case ECH_VERB_UNLOCK:
    deck->locked = a->verb == ECH_VERB_LOCK;
    break;
  case ECH_VERB_LOOP:
    deck->loop_active = a->value > 0;
    break;
  case ECH_VERB_HOTCUE_SET:
    deck->hotcue_frames[a->index] = 1000;
    break;
  default:
    break;
  }
}

static void
on_post (void *data, const struct ech_action *a, unsigned binding, bool continuous)
{
  struct midi_fixture *f = data;
  char                 timing[32], number[G_ASCII_DTOSTR_BUF_SIZE];

  if (f->posts->len)
    g_string_append (f->posts, "; ");
  g_string_append (f->posts, ech_verb_name (a->verb));
  if (ech_verb_has_deck (a->verb))
    g_string_append_printf (f->posts, " %c", (char) ('a' + a->deck));
  if (a->verb == ECH_VERB_EQ || ech_verb_has_hotcue (a->verb))
    g_string_append_printf (f->posts, " %u", a->index);
  if (ech_midi_verb_steps (a->verb) || a->verb == ECH_VERB_SYNC || a->verb == ECH_VERB_PFL
      || (a->verb == ECH_VERB_CUE && !isnan (a->value)))
    g_string_append_printf (f->posts, " %s",
                            g_ascii_formatd (number, sizeof number, "%.4g", a->value));
  ech_timing_format (&a->timing, timing, sizeof timing);
  if (strcmp (timing, "default") != 0)
    g_string_append_printf (f->posts, " %s", timing);
  if (f->obeys)
    obey (f, a);
}

static void
on_send (void *data, const uint8_t *bytes, unsigned n_bytes)
{
  struct midi_fixture *f = data;

  if (f->sent->len)
    g_string_append (f->sent, ", ");
  for (unsigned i = 0; i < n_bytes; i++)
    g_string_append_printf (f->sent, i ? " %02X" : "%02X", bytes[i]);
}

void
midi_fixture_init (struct midi_fixture *f, const char *mapping_text)
{
  struct ech_midi_map_out out = { on_post, on_send, f };
  g_autoptr (GError) error    = NULL;

  memset (f, 0, sizeof *f);
  f->mapping = ech_midi_mapping_read (mapping_text, strlen (mapping_text), &midi_words, &error);
  g_assert_no_error (error);
  f->map                = ech_midi_map_new (f->mapping, &out);
  f->posts              = g_string_new (NULL);
  f->sent               = g_string_new (NULL);
  f->now_ns             = UINT64_C (1000000000);
  f->obeys              = true;
  f->state.n_decks      = ECH_MAX_DECKS;
  f->state.timeline.bpm = 120;
  for (unsigned d = 0; d < ECH_MAX_DECKS; d++) {
    struct ech_deck_status *deck = &f->state.decks[d];

    deck->state         = ECH_DECK_STOPPED;
    deck->track_rate    = 48000;
    deck->length_frames = 48000 * 60;
    deck->speed = deck->speed_set = 1;
    for (unsigned h = 0; h < ECH_N_HOTCUES; h++)
      deck->hotcue_frames[h] = NAN;
  }
}

void
midi_fixture_finish (struct midi_fixture *f)
{
  ech_midi_map_free (f->map);
  ech_midi_mapping_free (f->mapping);
  g_string_free (f->posts, TRUE);
  g_string_free (f->sent, TRUE);
}

const char *
midi_feed (struct midi_fixture *f, const char *hex)
{
  struct ech_midi_message message;
  g_auto (GStrv) words = g_strsplit (hex, " ", -1);

  g_string_truncate (f->posts, 0);
  f->now_ns += 1000000;
  for (char **word = words; *word; word++)
    if (**word && ech_midi_parser_feed (&f->parser, (uint8_t) strtoul (*word, NULL, 16), &message))
      ech_midi_map_take (f->map, &message, f->now_ns, &f->state);
  return f->posts->str;
}

const char *
midi_wait (struct midi_fixture *f, unsigned ms)
{
  g_string_truncate (f->posts, 0);
  for (unsigned i = 0; i < ms; i++) {
    f->now_ns += 1000000;
    ech_midi_map_tick (f->map, f->now_ns, &f->state);
  }
  return f->posts->str;
}

const char *
midi_light (struct midi_fixture *f)
{
  g_string_truncate (f->sent, 0);
  ech_midi_map_light (f->map, &f->state, f->state.beat);
  return f->sent->str;
}

char *
midi_mapping_text (const char *layers, const char *bindings, const char *lights)
{
  char *text = g_strdup_printf ("{'format': 'echelon-midi-mapping', 'version': 1, 'name': 'Test',\n"
                                "'devices': ['Test'], 'layers': [%s],\n"
                                "'bindings': [\n%s],\n"
                                "'lights': [\n%s]}",
                                layers, bindings, lights);

  g_strdelimit (text, "'", '"');
  return text;
}
