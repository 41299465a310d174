/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/midi/midi-mapping.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#include "drivers/midi/midi-names.h"

#ifndef ECH_MIDIDIR
#define ECH_MIDIDIR "/usr/share/echelon/midi"
#endif

/* --- mapping --------------------------------------------------------------------------- */

static void
clear_layer (void *data)
{
  g_free (((struct ech_midi_layer *) data)->name);
}

static void
clear_binding (void *data)
{
  struct ech_midi_binding *binding = data;

  g_free (binding->address);
  g_free (binding->timing);
}

static void
clear_light (void *data)
{
  g_free (((struct ech_midi_light *) data)->show_name);
}

struct ech_midi_mapping *
ech_midi_mapping_new (const char *name)
{
  struct ech_midi_mapping *mapping = g_new0 (struct ech_midi_mapping, 1);

  mapping->name     = g_strdup (name);
  mapping->devices  = g_ptr_array_new_with_free_func (g_free);
  mapping->layers   = g_array_new (FALSE, TRUE, sizeof (struct ech_midi_layer));
  mapping->bindings = g_array_new (FALSE, TRUE, sizeof (struct ech_midi_binding));
  mapping->lights   = g_array_new (FALSE, TRUE, sizeof (struct ech_midi_light));
  mapping->init     = g_byte_array_new();
  g_array_set_clear_func (mapping->layers, clear_layer);
  g_array_set_clear_func (mapping->bindings, clear_binding);
  g_array_set_clear_func (mapping->lights, clear_light);
  return mapping;
}

void
ech_midi_mapping_free (struct ech_midi_mapping *mapping)
{
  if (mapping == NULL)
    return;
  g_free (mapping->path);
  g_free (mapping->name);
  g_free (mapping->comment);
  g_free (mapping->source);
  g_ptr_array_unref (mapping->devices);
  g_array_unref (mapping->layers);
  g_array_unref (mapping->bindings);
  g_array_unref (mapping->lights);
  g_byte_array_unref (mapping->init);
  g_free (mapping);
}

static bool
is_cc (const struct ech_midi_control *control)
{
  return control->type == ECH_MIDI_CONTROL_CC || control->type == ECH_MIDI_CONTROL_CC14;
}

static bool
covers (const struct ech_midi_control *control, uint8_t number)
{
  return control->number == number
         || (control->type == ECH_MIDI_CONTROL_CC14 && control->lsb == number);
}

bool
ech_midi_control_equal (const struct ech_midi_control *a, const struct ech_midi_control *b)
{
  if (a->channel != b->channel)
    return false;
  if (is_cc (a) && is_cc (b))
    return covers (a, b->number) || (b->type == ECH_MIDI_CONTROL_CC14 && covers (a, b->lsb));
  return a->type == b->type && a->number == b->number;
}

int
ech_midi_mapping_find (const struct ech_midi_mapping *mapping,
                       const struct ech_midi_control *control,
                       int                            layer,
                       unsigned                       from)
{
  for (unsigned i = from; i < mapping->bindings->len; i++) {
    const struct ech_midi_binding *binding =
        &g_array_index (mapping->bindings, struct ech_midi_binding, i);

    if (binding->layer == layer && ech_midi_control_equal (&binding->control, control))
      return (int) i;
  }
  return -1;
}

int
ech_midi_mapping_find_address (const struct ech_midi_mapping *mapping,
                               const char                    *address,
                               unsigned                       from)
{
  for (unsigned i = from; i < mapping->bindings->len; i++)
    if (strcmp (g_array_index (mapping->bindings, struct ech_midi_binding, i).address, address)
        == 0)
      return (int) i;
  return -1;
}

void
ech_midi_mapping_remove (struct ech_midi_mapping *mapping, unsigned index)
{
  g_array_remove_index (mapping->bindings, index);
}

unsigned
ech_midi_mapping_fits (const struct ech_midi_mapping *mapping, const char *device)
{
  g_autofree char *folded = g_utf8_casefold (device, -1);
  unsigned         most   = 0;

  for (guint i = 0; i < mapping->devices->len; i++) {
    g_autofree char *part = g_utf8_casefold (mapping->devices->pdata[i], -1);

    if (strstr (folded, part))
      most = MAX (most, (unsigned) strlen (part));
  }
  return most;
}

/* --- folders --------------------------------------------------------------------------- */

char *
ech_midi_user_folder (void)
{
  return g_build_filename (g_get_user_config_dir(), "echelon", "midi", NULL);
}

char *
ech_midi_default_folder (void)
{
  const char *path = g_getenv ("ECHELON_MIDI_PATH");

  return g_strdup (path && *path ? path : ECH_MIDIDIR);
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static GPtrArray *
list_files (const char *folder)
{
  GPtrArray *names     = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, ".json") && name[0] != '.')
      g_ptr_array_add (names, g_build_filename (folder, name, NULL));
  g_ptr_array_sort (names, compare_names);
  return names;
}

static bool
has_name (GPtrArray *mappings, const char *name)
{
  for (guint i = 0; i < mappings->len; i++)
    if (strcmp (((struct ech_midi_mapping *) mappings->pdata[i])->name, name) == 0)
      return true;
  return false;
}

static void
free_mapping (void *data)
{
  ech_midi_mapping_free (data);
}

GPtrArray *
ech_midi_mappings_load (const char *const           *folders,
                        const struct ech_midi_words *words,
                        void (*on_error) (const char *sentence, void *data),
                        void *data)
{
  GPtrArray *mappings = g_ptr_array_new_with_free_func (free_mapping);

  for (; *folders; folders++) {
    g_autoptr (GPtrArray) files = list_files (*folders);

    for (guint i = 0; i < files->len; i++) {
      g_autoptr (GError) error         = NULL;
      struct ech_midi_mapping *mapping = ech_midi_mapping_load (files->pdata[i], words, &error);

      if (mapping && !has_name (mappings, mapping->name))
        g_ptr_array_add (mappings, mapping);
      else
        ech_midi_mapping_free (mapping);
      if (error && on_error)
        on_error (error->message, data);
    }
  }
  return mappings;
}

struct ech_midi_mapping *
ech_midi_mapping_load (const char *path, const struct ech_midi_words *words, GError **error)
{
  g_autofree char         *text = NULL, *base = g_path_get_basename (path);
  struct ech_midi_mapping *mapping;
  gsize                    length;

  if (!g_file_get_contents (path, &text, &length, error))
    return NULL;
  mapping = ech_midi_mapping_read (text, length, words, error);
  if (mapping)
    mapping->path = g_strdup (path);
  else
    g_prefix_error (error, "%s, ", base);
  return mapping;
}

gboolean
ech_midi_mapping_save (const struct ech_midi_mapping *mapping, const char *path, GError **error)
{
  g_autofree char *text = ech_midi_mapping_print (mapping), *folder = g_path_get_dirname (path);

  if (g_mkdir_with_parents (folder, 0755) < 0) {
    int code = errno;

    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
                 "The folder “%s” cannot be made: %s.", folder, g_strerror (code));
    return FALSE;
  }
  return g_file_set_contents_full (
      path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644, error);
}

/* --- what may be what ------------------------------------------------------------------ */

unsigned
ech_midi_verb_range (enum ech_verb verb, double out_range[3])
{
  static const struct {
    enum ech_verb verb;
    unsigned      n;
    double        range[3];
  } ranges[] = {
    { ECH_VERB_SPEED, 3, { 0.92, 1, 1.08 } },
    { ECH_VERB_BEND, 3, { -0.08, 0, 0.08 } },
    { ECH_VERB_TRIM, 3, { -24, 0, 12 } },
    { ECH_VERB_EQ, 3, { ECH_EQ_KILL_DB, 0, ECH_EQ_MAX_DB } },
    { ECH_VERB_FILTER, 3, { -1, 0, 1 } },
    { ECH_VERB_VOLUME, 2, { 0, 1 } },
    { ECH_VERB_CROSSFADER, 2, { 0, 1 } },
    { ECH_VERB_LIMITER, 2, { -24, 0 } },
    { ECH_VERB_MASTER_VOLUME, 2, { 0, 1 } },
    { ECH_VERB_BOOTH_VOLUME, 2, { 0, 1 } },
    { ECH_VERB_HEADPHONES_VOLUME, 2, { 0, 1 } },
    { ECH_VERB_HEADPHONES_MIX, 2, { 0, 1 } },
    { ECH_VERB_TEMPO, 2, { 60, 200 } },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (ranges); i++) {
    if (ranges[i].verb == verb) {
      memcpy (out_range, ranges[i].range, sizeof ranges[i].range);
      return ranges[i].n;
    }
  }
  return 0;
}

bool
ech_midi_verb_turns (enum ech_verb verb)
{
  double range[3];

  return ech_midi_verb_range (verb, range) > 0;
}

bool
ech_midi_verb_steps (enum ech_verb verb)
{
  return ech_midi_verb_turns (verb) || verb == ECH_VERB_BEATJUMP || verb == ECH_VERB_LOOP_MOVE
         || verb == ECH_VERB_LOOP || verb == ECH_VERB_SEEK;
}

/* --- checking -------------------------------------------------------------------------- */

static G_GNUC_PRINTF (2, 3) gboolean refuse (GError **error, const char *format, ...)
{
  va_list          args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, text);
  return FALSE;
}

/* The place of the deck's letter in @address, or NULL. */
static char *
find_deck (char *address)
{
  for (char *p = strchr (address, '/'); p; p = strchr (p + 1, '/'))
    if (p[1] >= 'a' && p[1] < 'a' + ECH_MAX_DECKS && (p[2] == '/' || p[2] == '\0'))
      return p + 1;
  return NULL;
}

/* The words as they are with all decks: a mapping with four serves a set-up of two. */
static int
parse (const struct ech_midi_words *words,
       const char                  *address,
       const struct ech_value      *values,
       unsigned                     n_values,
       struct ech_action           *out_action,
       char                        *out_error)
{
  g_autofree char *copy   = g_strdup (address);
  char            *letter = find_deck (copy);
  uint32_t         deck   = letter ? (uint32_t) (*letter - 'a') : 0;
  int              result;

  if (letter)
    *letter = 'a';
  *out_action = (struct ech_action){ 0 };
  result      = words->parse (words->data, copy, values, n_values, out_action, out_error);
  if (result == 0 && letter)
    out_action->deck = deck;
  return result;
}

/* With @number if it is one, and @timing if there is one; only the verdict is wanted. */
static gboolean
accepts (const struct ech_midi_words *words,
         const char                  *address,
         double                       number,
         const char                  *timing,
         struct ech_action           *out_action,
         GError                     **error)
{
  struct ech_value values[2];
  unsigned         n                      = 0;
  char             sentence[ECH_TEXT_MAX] = "";

  if (!isnan (number))
    values[n++] = (struct ech_value){ .type = 'd', .f = number };
  if (timing)
    values[n++] = (struct ech_value){ .type = 's', .s = timing };
  /* switches want whole numbers */
  if (!isnan (number) && number == floor (number) && fabs (number) < 1e6)
    values[0] = (struct ech_value){ .type = 'i', .i = (int64_t) number };
  if (parse (words, address, values, n, out_action, sentence) == 0)
    return TRUE;
  return refuse (error, "%s.", sentence);
}

static bool
is_switch (enum ech_verb verb)
{
  return verb == ECH_VERB_SYNC || verb == ECH_VERB_PFL || verb == ECH_VERB_KEYLOCK
         || verb == ECH_VERB_RECORD || verb == ECH_VERB_LINK || verb == ECH_VERB_LINK_STARTSTOP;
}

/* Must the button say which number it sets? */
static bool
wants_number (enum ech_verb verb)
{
  return is_switch (verb) || ech_midi_verb_steps (verb);
}

static bool
may_toggle (enum ech_verb verb)
{
  return verb == ECH_VERB_PLAY || verb == ECH_VERB_STOP || verb == ECH_VERB_LOCK
         || verb == ECH_VERB_LOOP || is_switch (verb) || ech_midi_verb_turns (verb);
}

static gboolean
check_button (struct ech_midi_binding *b, GError **error)
{
  enum ech_verb verb = b->action.verb;

  switch (b->mode) {
  case ECH_MIDI_TOGGLE:
  case ECH_MIDI_HOLD:
    if (!may_toggle (verb))
      return refuse (error, "%s has no opposite to go back to; the modes press and release fit.",
                     b->address);
    break;
  case ECH_MIDI_CUE:
    if (verb != ECH_VERB_CUE)
      return refuse (error, "the mode cue is for /deck/x/cue.");
    break;
  case ECH_MIDI_PAD:
    if (verb != ECH_VERB_HOTCUE_JUMP)
      return refuse (error, "the mode pad is for /deck/x/hotcue/N/jump.");
    break;
  default:
    break;
  }
  return TRUE;
}

static gboolean
check_kind (struct ech_midi_binding *b, GError **error)
{
  enum ech_verb verb = b->action.verb;

  if (b->kind == ECH_MIDI_KNOB && !ech_midi_verb_turns (verb))
    return refuse (error, "%s is for a button: a knob would set it off while it turns.",
                   b->address);
  if (b->kind == ECH_MIDI_ENCODER && !ech_midi_verb_steps (verb))
    return refuse (error, "%s is for a button: an encoder has no step of it.", b->address);
  if (b->kind == ECH_MIDI_KNOB && b->control.type == ECH_MIDI_CONTROL_NOTE)
    return refuse (error, "a note is a button, not a knob.");
  if (b->kind == ECH_MIDI_ENCODER && b->control.type == ECH_MIDI_CONTROL_NOTE)
    return refuse (error, "a note is a button, not an encoder.");
  if (b->kind <= ECH_MIDI_SWITCH
      && (b->control.type == ECH_MIDI_CONTROL_CC14 || b->control.type == ECH_MIDI_CONTROL_PITCH))
    return refuse (error, "a button is a note or a cc, not a 14-bit control.");
  if (b->kind == ECH_MIDI_SWITCH && !may_toggle (verb))
    return refuse (error, "%s has no opposite; a switch wants one.", b->address);
  return b->kind <= ECH_MIDI_SWITCH ? check_button (b, error) : TRUE;
}

static void
fill_defaults (struct ech_midi_binding *b)
{
  enum ech_verb verb = b->action.verb;
  double        range[3];

  if (!b->has_value)
    b->value = verb == ECH_VERB_LOOP ? 4 : is_switch (verb) ? 1 : 0;
  if (!b->has_off)
    b->off = 0;
  if (b->kind <= ECH_MIDI_SWITCH)
    return;
  if (b->n_range == 0)
    b->n_range = ech_midi_verb_range (verb, b->range);
  if (b->has_step)
    return;
  if (verb == ECH_VERB_BEND)
    b->step = 0.004;
  else if (ech_midi_verb_range (verb, range) > 0)
    b->step = (b->range[b->n_range - 1] - b->range[0]) / 64;
  else
    b->step = verb == ECH_VERB_SEEK ? 0.1 : 1;
}

/* Each number that it can ever post must be one that the address takes. */
static gboolean
check_numbers (const struct ech_midi_binding *b, const struct ech_midi_words *words, GError **error)
{
  struct ech_action action;
  bool              number = wants_number (b->action.verb);

  if (b->kind <= ECH_MIDI_SWITCH) {
    if (b->has_off
        && !(b->mode == ECH_MIDI_TOGGLE || b->mode == ECH_MIDI_HOLD || b->kind == ECH_MIDI_SWITCH))
      return refuse (error, "“off” is for the modes toggle and hold.");
    if (b->has_value && !accepts (words, b->address, b->value, b->timing, &action, error))
      return FALSE;
    return !number || b->action.verb == ECH_VERB_LOOP || !(b->has_off || b->mode != ECH_MIDI_PRESS)
           || accepts (words, b->address, b->off, b->timing, &action, error);
  }
  for (unsigned i = 0; i < b->n_range; i++)
    if (!accepts (words, b->address, b->range[i], b->timing, &action, error))
      return FALSE;
  if (b->n_range > 0 && b->range[0] == b->range[b->n_range - 1])
    return refuse (error, "“range” is the same at both ends.");
  return TRUE;
}

/* Some number that the address takes; a wrong one is refused later, by its own sentence. */
static bool
accepts_some (const struct ech_midi_binding *b,
              const struct ech_midi_words   *words,
              struct ech_action             *out_action)
{
  static const double numbers[] = { 0, 1, 60 };

  for (unsigned i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (accepts (words, b->address, numbers[i], b->timing, out_action, NULL))
      return true;
  return false;
}

/* Fills in the action and the defaults. */
static gboolean
check_binding (struct ech_midi_binding *b, const struct ech_midi_words *words, GError **error)
{
  g_autoptr (GError) bare = NULL;

  /* Does the address want a number?  The words say: it is refused without. */
  if (!accepts (words, b->address, NAN, b->timing, &b->action, &bare)) {
    if (!accepts_some (b, words, &b->action)) {
      g_propagate_error (error, g_steal_pointer (&bare));
      return FALSE;
    }
    if (b->kind <= ECH_MIDI_SWITCH && !b->has_value && !is_switch (b->action.verb)
        && b->action.verb != ECH_VERB_LOOP)
      return refuse (error, "a button on %s wants a “value”.", b->address);
  }
  if (b->action.verb == ECH_VERB_LOAD || b->action.verb == ECH_VERB_CANCEL)
    return refuse (error, "%s wants a text, which no control has.", b->address);
  if (!check_kind (b, error))
    return FALSE;
  fill_defaults (b);
  return check_numbers (b, words, error);
}

gboolean
ech_midi_mapping_add (struct ech_midi_mapping       *mapping,
                      const struct ech_midi_binding *binding,
                      const struct ech_midi_words   *words,
                      GError                       **error)
{
  struct ech_midi_binding copy = *binding;

  if (mapping->bindings->len >= ECH_MIDI_MAX_BINDINGS)
    return refuse (error, "there are more than %d bindings.", ECH_MIDI_MAX_BINDINGS);
  if (!check_binding (&copy, words, error))
    return FALSE;
  copy.address = g_strdup (binding->address);
  copy.timing  = g_strdup (binding->timing);
  g_array_append_val (mapping->bindings, copy);
  return TRUE;
}

/* --- for people ------------------------------------------------------------------------ */

void
ech_midi_control_describe (const struct ech_midi_control *control, char *out_text, size_t size)
{
  unsigned channel = control->channel + 1u;

  switch (control->type) {
  case ECH_MIDI_CONTROL_NOTE:
    snprintf (out_text, size, "note %u on channel %u", control->number, channel);
    break;
  case ECH_MIDI_CONTROL_CC:
    snprintf (out_text, size, "controller %u on channel %u", control->number, channel);
    break;
  case ECH_MIDI_CONTROL_CC14:
    snprintf (out_text, size, "controllers %u and %u on channel %u", control->number, control->lsb,
              channel);
    break;
  default:
    snprintf (out_text, size, "pitch bend on channel %u", channel);
    break;
  }
}

const char *
ech_midi_kind_describe (const struct ech_midi_control *control,
                        enum ech_midi_kind             kind,
                        enum ech_midi_encoding         encoding)
{
  static const char *const encoders[] = { "encoder (two's complement)", "encoder (offset from 64)",
                                          "encoder (sign bit)" };

  switch (kind) {
  case ECH_MIDI_BUTTON:
    return "button";
  case ECH_MIDI_SWITCH:
    return "switch";
  case ECH_MIDI_KNOB:
    return control->type == ECH_MIDI_CONTROL_CC14    ? "14-bit fader or knob"
           : control->type == ECH_MIDI_CONTROL_PITCH ? "14-bit fader or knob (pitch bend)"
                                                     : "fader or knob";
  default:
    return encoders[encoding < ECH_MIDI_N_ENCODINGS ? encoding : 0];
  }
}
