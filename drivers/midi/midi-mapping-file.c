/* A mapping's text: reading it, with a sentence for each thing that can be wrong, and printing it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <gio/gio.h>
#include <math.h>
#include <string.h>

#include "drivers/midi/midi-json.h"
#include "drivers/midi/midi-mapping.h"
#include "drivers/midi/midi-names.h"

const char *const ech_midi_control_names[]  = { "note", "cc", "cc14", "pitch" };
const char *const ech_midi_kind_names[]     = { "button", "switch", "knob", "encoder" };
const char *const ech_midi_encoding_names[] = { "twos-complement", "offset", "sign-bit" };
const char *const ech_midi_takeover_names[] = { "pickup", "scale", "jump" };
const char *const ech_midi_mode_names[] = { "press", "release", "toggle", "hold", "cue", "pad" };

/* In the order of enum ech_midi_show; what stands behind the deck's letter. */
static const char *const deck_shows[] = { "playing", "loaded", "cue",    "sync", "pfl",
                                          "loop",    "locked", "on-air", "beat" };

int
ech_midi_name_index (const char *const *names, unsigned n_names, const char *name)
{
  for (unsigned i = 0; i < n_names; i++)
    if (strcmp (names[i], name) == 0)
      return (int) i;
  return -1;
}

/* --- reading --------------------------------------------------------------------------- */

struct reader {
  struct ech_midi_mapping     *mapping;
  const struct ech_midi_words *words;
  GError                     **error;
};

static G_GNUC_PRINTF (3, 4) gboolean
    refuse (const struct reader *r, const struct ech_json *where, const char *format, ...)
{
  va_list          args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (r->error && *r->error == NULL)
    g_set_error (r->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "line %u: %s", where->line, text);
  return FALSE;
}

static gboolean
refuse_by (const struct reader *r, const struct ech_json *where, GError *why)
{
  g_autoptr (GError) owned = why;

  return refuse (r, where, "%s", owned->message);
}

static gboolean
want (const struct reader *r, const struct ech_json *json, enum ech_json_type type)
{
  return json->type == type
         || refuse (r, json, "“%s” is %s; it must be %s.", json->name ? json->name : "an entry",
                    ech_json_type_name (json->type), ech_json_type_name (type));
}

/* Every member of @object must be one of @known (names with a space behind each). */
static gboolean
want_known (const struct reader *r, const struct ech_json *object, const char *known)
{
  for (guint i = 0; i < object->items->len; i++) {
    const struct ech_json *item = object->items->pdata[i];
    g_autofree char       *name = g_strdup_printf (" %s ", item->name);

    if (strstr (known, name) == NULL)
      return refuse (r, item, "“%s” is not known here; known are:%s", item->name, known);
  }
  return TRUE;
}

static gboolean
read_integer (const struct reader *r, const struct ech_json *json, int lo, int hi, int *out_number)
{
  if (!want (r, json, ECH_JSON_NUMBER))
    return FALSE;
  if (json->number != floor (json->number) || json->number < lo || json->number > hi)
    return refuse (r, json, "“%s” is %g; whole numbers from %d to %d are accepted.",
                   json->name ? json->name : "an entry", json->number, lo, hi);
  *out_number = (int) json->number;
  return TRUE;
}

/* One of @names; a member that is not there leaves @out_index as it is. */
static gboolean
read_choice (const struct reader   *r,
             const struct ech_json *object,
             const char            *name,
             const char *const     *names,
             unsigned               n_names,
             uint8_t               *out_index)
{
  const struct ech_json *json = ech_json_member (object, name);
  g_autoptr (GString) known   = NULL;
  int index;

  if (json == NULL)
    return TRUE;
  if (!want (r, json, ECH_JSON_STRING))
    return FALSE;
  index = ech_midi_name_index (names, n_names, json->text);
  if (index >= 0) {
    *out_index = (uint8_t) index;
    return TRUE;
  }
  known = g_string_new (names[0]);
  for (unsigned i = 1; i < n_names; i++)
    g_string_append_printf (known, ", %s", names[i]);
  return refuse (r, json, "“%s” is “%s”; accepted are %s.", name, json->text, known->str);
}

static gboolean
read_number (const struct reader   *r,
             const struct ech_json *object,
             const char            *name,
             bool                  *out_has,
             double                *out_number)
{
  const struct ech_json *json = ech_json_member (object, name);

  if (json == NULL)
    return TRUE;
  if (json->type == ECH_JSON_TRUE || json->type == ECH_JSON_FALSE) {
    *out_number = json->type == ECH_JSON_TRUE;
  } else {
    if (!want (r, json, ECH_JSON_NUMBER))
      return FALSE;
    *out_number = json->number;
  }
  *out_has = true;
  return TRUE;
}

static gboolean
read_string (const struct reader   *r,
             const struct ech_json *object,
             const char            *name,
             char                 **out_text)
{
  const struct ech_json *json = ech_json_member (object, name);

  if (json == NULL)
    return TRUE;
  if (!want (r, json, ECH_JSON_STRING))
    return FALSE;
  g_free (*out_text);
  *out_text = g_strdup (json->text);
  return TRUE;
}

static gboolean
read_control (const struct reader     *r,
              const struct ech_json   *object,
              unsigned                 n_types,
              struct ech_midi_control *out_control)
{
  const struct ech_json *json = NULL, *channel = ech_json_member (object, "channel");
  const struct ech_json *lsb = ech_json_member (object, "lsb");
  int                    number;

  for (unsigned i = 0; i < n_types; i++) {
    const struct ech_json *found = ech_json_member (object, ech_midi_control_names[i]);

    if (found && json)
      return refuse (r, found, "“%s” and “%s” are both there; a control is one of them.",
                     json->name, found->name);
    if (found) {
      json              = found;
      out_control->type = (uint8_t) i;
    }
  }
  if (json == NULL)
    return refuse (r, object, "no control: “note”%s is missing.",
                   n_types > 2 ? ", “cc”, “cc14” or “pitch”" : " or “cc”");
  if (channel == NULL)
    return refuse (r, object, "“channel” is missing.");
  if (!read_integer (r, channel, 1, 16, &number))
    return FALSE;
  out_control->channel = (uint8_t) (number - 1);
  if (lsb && out_control->type != ECH_MIDI_CONTROL_CC14)
    return refuse (r, lsb, "“lsb” belongs to “cc14” only.");
  if (out_control->type == ECH_MIDI_CONTROL_PITCH)
    return want (r, json, ECH_JSON_TRUE);
  if (!read_integer (r, json, 0, 127, &number))
    return FALSE;
  out_control->number = (uint8_t) number;
  if (out_control->type != ECH_MIDI_CONTROL_CC14)
    return TRUE;
  if (lsb == NULL && number > 95)
    return refuse (r, object, "“lsb” is missing: %d + 32 is no controller.", number);
  number = (number + 32) & 127;
  if (lsb && !read_integer (r, lsb, 0, 127, &number))
    return FALSE;
  if (number == out_control->number)
    return refuse (r, lsb, "“lsb” is the coarse half itself.");
  out_control->lsb = (uint8_t) number;
  return TRUE;
}

static int
find_layer (const struct ech_midi_mapping *mapping, const char *name)
{
  for (guint i = 0; i < mapping->layers->len; i++)
    if (strcmp (g_array_index (mapping->layers, struct ech_midi_layer, i).name, name) == 0)
      return (int) i;
  return -1;
}

static gboolean
read_layer_name (const struct reader *r, const struct ech_json *object, int *out_layer)
{
  const struct ech_json *json = ech_json_member (object, "layer");

  *out_layer = -1;
  if (json == NULL)
    return TRUE;
  if (!want (r, json, ECH_JSON_STRING))
    return FALSE;
  *out_layer = find_layer (r->mapping, json->text);
  return *out_layer >= 0 || refuse (r, json, "there is no layer “%s” in “layers”.", json->text);
}

/* Two or three numbers. */
static gboolean
read_range (const struct reader   *r,
            const struct ech_json *object,
            double                *out_range,
            unsigned              *out_n)
{
  const struct ech_json *json = ech_json_member (object, "range");

  if (json == NULL)
    return TRUE;
  if (!want (r, json, ECH_JSON_ARRAY))
    return FALSE;
  if (json->items->len != 2 && json->items->len != 3)
    return refuse (r, json, "“range” has %u numbers; 2 or 3 are accepted.", json->items->len);
  for (guint i = 0; i < json->items->len; i++) {
    const struct ech_json *item = json->items->pdata[i];

    if (!want (r, item, ECH_JSON_NUMBER))
      return FALSE;
    out_range[i] = item->number;
  }
  for (guint i = 1; i + 1 < json->items->len; i++)
    if ((out_range[i] - out_range[0]) * (out_range[2] - out_range[i]) < 0)
      return refuse (r, json, "“range” does not go one way: its middle lies outside its ends.");
  *out_n = json->items->len;
  return TRUE;
}

static gboolean
read_binding_parts (const struct reader *r, const struct ech_json *json, struct ech_midi_binding *b)
{
  static const char known[] = " note cc cc14 lsb pitch channel kind encoding takeover mode layer "
                              "action timing value off range step ";

  if (!want (r, json, ECH_JSON_OBJECT) || !want_known (r, json, known)
      || !read_control (r, json, ECH_MIDI_N_CONTROL_TYPES, &b->control))
    return FALSE;
  b->line = json->line;
  b->kind = b->control.type == ECH_MIDI_CONTROL_NOTE ? ECH_MIDI_BUTTON : ECH_MIDI_KNOB;
  return read_choice (r, json, "kind", ech_midi_kind_names, ECH_MIDI_N_KINDS, &b->kind)
         && read_choice (r, json, "encoding", ech_midi_encoding_names, ECH_MIDI_N_ENCODINGS,
                         &b->encoding)
         && read_choice (r, json, "takeover", ech_midi_takeover_names, ECH_MIDI_N_TAKEOVERS,
                         &b->takeover)
         && read_choice (r, json, "mode", ech_midi_mode_names, ECH_MIDI_N_MODES, &b->mode)
         && read_layer_name (r, json, &b->layer) && read_string (r, json, "action", &b->address)
         && read_string (r, json, "timing", &b->timing)
         && read_number (r, json, "value", &b->has_value, &b->value)
         && read_number (r, json, "off", &b->has_off, &b->off)
         && read_number (r, json, "step", &b->has_step, &b->step)
         && read_range (r, json, b->range, &b->n_range);
}

/* Members that the kind has no use for are mistakes. */
static gboolean
want_fitting (const struct reader *r, const struct ech_json *json, const struct ech_midi_binding *b)
{
  static const struct {
    const char *name;
    unsigned    kinds;
  } members[] = {
    { "encoding", 1u << ECH_MIDI_ENCODER },
    { "step", 1u << ECH_MIDI_ENCODER },
    { "takeover", 1u << ECH_MIDI_KNOB },
    { "range", 1u << ECH_MIDI_KNOB | 1u << ECH_MIDI_ENCODER },
    { "mode", 1u << ECH_MIDI_BUTTON },
    { "value", 1u << ECH_MIDI_BUTTON | 1u << ECH_MIDI_SWITCH },
    { "off", 1u << ECH_MIDI_BUTTON | 1u << ECH_MIDI_SWITCH },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (members); i++) {
    const struct ech_json *found = ech_json_member (json, members[i].name);

    if (found && !(members[i].kinds & 1u << b->kind))
      return refuse (r, found, "“%s” does not go with the kind “%s”.", members[i].name,
                     ech_midi_kind_names[b->kind]);
  }
  return TRUE;
}

static gboolean
read_binding (const struct reader *r, const struct ech_json *json)
{
  struct ech_midi_binding b   = { .layer = -1 };
  GError                 *why = NULL;
  gboolean                ok  = read_binding_parts (r, json, &b) && want_fitting (r, json, &b);

  if (ok && b.address == NULL)
    ok = refuse (r, json, "“action” is missing.");
  if (ok && !ech_midi_mapping_add (r->mapping, &b, r->words, &why))
    ok = refuse_by (r, json, why);
  g_free (b.address);
  g_free (b.timing);
  return ok;
}

static gboolean
read_layer (const struct reader *r, const struct ech_json *json)
{
  struct ech_midi_layer layer = { 0 };

  if (!want (r, json, ECH_JSON_OBJECT) || !want_known (r, json, " name note cc channel ")
      || !read_control (r, json, 2, &layer.control) || !read_string (r, json, "name", &layer.name))
    return FALSE;
  if (layer.name == NULL || find_layer (r->mapping, layer.name) >= 0) {
    g_free (layer.name);
    return refuse (r, json, "a layer wants a “name” of its own.");
  }
  if (r->mapping->layers->len >= ECH_MIDI_MAX_LAYERS) {
    g_free (layer.name);
    return refuse (r, json, "there are more than %d layers.", ECH_MIDI_MAX_LAYERS);
  }
  g_array_append_val (r->mapping->layers, layer);
  return TRUE;
}

/* "/deck/a/playing": TRUE and filled in, if it is one of those. */
static gboolean
read_deck_show (struct ech_midi_light *light)
{
  const char *name = light->show_name;
  int         index;

  if (!g_str_has_prefix (name, "/deck/") || name[6] < 'a' || name[6] >= 'a' + ECH_MAX_DECKS
      || name[7] != '/')
    return FALSE;
  light->deck = (uint32_t) (name[6] - 'a');
  name += 8;
  if (strcmp (name, "meter") == 0) {
    light->show = ECH_MIDI_SHOW_METER;
    return TRUE;
  }
  if (g_str_has_prefix (name, "hotcue/") && name[7] >= '1' && name[7] <= '0' + ECH_N_HOTCUES
      && name[8] == '\0') {
    light->show  = ECH_MIDI_SHOW_HOTCUE;
    light->index = (uint32_t) (name[7] - '1');
    return TRUE;
  }
  index = ech_midi_name_index (deck_shows, G_N_ELEMENTS (deck_shows), name);
  if (index >= 0)
    light->show = (uint32_t) index;
  return index >= 0;
}

static gboolean
read_show (const struct reader *r, const struct ech_json *json, struct ech_midi_light *light)
{
  struct ech_midi_binding  probe = { .layer = -1, .kind = ECH_MIDI_KNOB };
  struct ech_midi_mapping *scratch;
  int                      layer;
  gboolean                 ok;

  if (read_deck_show (light))
    return TRUE;
  if (strcmp (light->show_name, "/master/meter") == 0) {
    light->show = ECH_MIDI_SHOW_MASTER_METER;
    return TRUE;
  }
  if (strcmp (light->show_name, "/link") == 0) {
    light->show = ECH_MIDI_SHOW_LINK;
    return TRUE;
  }
  if (g_str_has_prefix (light->show_name, "/layer/")) {
    layer        = find_layer (r->mapping, light->show_name + strlen ("/layer/"));
    light->show  = ECH_MIDI_SHOW_LAYER;
    light->index = (uint32_t) layer;
    return layer >= 0 || refuse (r, json, "there is no layer “%s”.", light->show_name + 7);
  }
  /* what a knob could move, its state can be shown */
  light->show        = ECH_MIDI_SHOW_VALUE;
  probe.control.type = ECH_MIDI_CONTROL_CC;
  probe.address      = light->show_name;
  probe.n_range      = light->n_range;
  memcpy (probe.range, light->range, sizeof probe.range);
  scratch = ech_midi_mapping_new ("");
  ok      = ech_midi_mapping_add (scratch, &probe, r->words, NULL);
  if (ok) {
    const struct ech_midi_binding *made =
        &g_array_index (scratch->bindings, struct ech_midi_binding, 0);

    light->show_action = made->action;
    light->deck        = made->action.deck;
    light->n_range     = made->n_range;
    memcpy (light->range, made->range, sizeof light->range);
  }
  ech_midi_mapping_free (scratch);
  return ok
         || refuse (r, json, "“%s” is nothing that a light can show; docs/midi.md lists what can.",
                    light->show_name);
}

static gboolean
read_light_parts (const struct reader *r, const struct ech_json *json, struct ech_midi_light *light)
{
  const struct ech_json *on = NULL, *off = NULL, *waiting = NULL;
  int                    number;

  if (!want (r, json, ECH_JSON_OBJECT)
      || !want_known (r, json, " note cc channel show on off waiting range ")
      || !read_control (r, json, 2, &light->control)
      || !read_string (r, json, "show", &light->show_name)
      || !read_range (r, json, light->range, &light->n_range))
    return FALSE;
  if (light->show_name == NULL)
    return refuse (r, json, "“show” is missing.");
  on      = ech_json_member (json, "on");
  off     = ech_json_member (json, "off");
  waiting = ech_json_member (json, "waiting");
  if (on && !read_integer (r, on, 0, 127, &number))
    return FALSE;
  light->on = on ? (uint8_t) number : 127;
  if (off && !read_integer (r, off, 0, 127, &number))
    return FALSE;
  light->off     = off ? (uint8_t) number : 0;
  light->waiting = -1;
  if (waiting && !read_integer (r, waiting, 0, 127, &light->waiting))
    return FALSE;
  return read_show (r, json, light);
}

static gboolean
read_light (const struct reader *r, const struct ech_json *json)
{
  struct ech_midi_light light = { 0 };

  if (r->mapping->lights->len >= ECH_MIDI_MAX_LIGHTS)
    return refuse (r, json, "there are more than %d lights.", ECH_MIDI_MAX_LIGHTS);
  if (!read_light_parts (r, json, &light)) {
    g_free (light.show_name);
    return FALSE;
  }
  g_array_append_val (r->mapping->lights, light);
  return TRUE;
}

static gboolean
read_device (const struct reader *r, const struct ech_json *json)
{
  if (!want (r, json, ECH_JSON_STRING))
    return FALSE;
  if (*json->text == '\0')
    return refuse (r, json, "a device's name is empty: it would fit every device.");
  g_ptr_array_add (r->mapping->devices, g_strdup (json->text));
  return TRUE;
}

/* "F0 7E 7F 06 01 F7": whole messages, as bytes in hexadecimal. */
static gboolean
read_init (const struct reader *r, const struct ech_json *json)
{
  g_auto (GStrv) words = NULL;

  if (!want (r, json, ECH_JSON_STRING))
    return FALSE;
  words = g_strsplit (json->text, " ", -1);
  for (char **word = words; *word; word++) {
    guint8 byte = (guint8) g_ascii_strtoull (*word, NULL, 16);

    if (strlen (*word) != 2 || !g_ascii_isxdigit ((*word)[0]) || !g_ascii_isxdigit ((*word)[1]))
      return refuse (r, json, "“%s” is no byte; two hexadecimal digits are.", *word);
    g_byte_array_append (r->mapping->init, &byte, 1);
  }
  return r->mapping->init->len <= ECH_MIDI_MAX_INIT
         || refuse (r, json, "“init” has more than %d bytes.", ECH_MIDI_MAX_INIT);
}

static gboolean
read_list (const struct reader   *r,
           const struct ech_json *object,
           const char            *name,
           gboolean (*read) (const struct reader *r, const struct ech_json *json))
{
  const struct ech_json *json = ech_json_member (object, name);

  if (json == NULL)
    return TRUE;
  if (!want (r, json, ECH_JSON_ARRAY))
    return FALSE;
  for (guint i = 0; i < json->items->len; i++)
    if (!read (r, json->items->pdata[i]))
      return FALSE;
  return TRUE;
}

static gboolean
read_head (const struct reader *r, const struct ech_json *json)
{
  const struct ech_json *format, *version, *name;

  if (json->type != ECH_JSON_OBJECT)
    return refuse (r, json, "a mapping is an object, not %s.", ech_json_type_name (json->type));
  format  = ech_json_member (json, "format");
  version = ech_json_member (json, "version");
  name    = ech_json_member (json, "name");
  if (format == NULL || format->type != ECH_JSON_STRING
      || strcmp (format->text, ECH_MIDI_FORMAT) != 0)
    return refuse (r, format ? format : json, "it is no mapping: “format” must be “%s”.",
                   ECH_MIDI_FORMAT);
  if (version == NULL || version->type != ECH_JSON_NUMBER || version->number != ECH_MIDI_VERSION)
    return refuse (r, version ? version : json, "“version” must be %d: what this Echelon reads.",
                   ECH_MIDI_VERSION);
  if (name == NULL || name->type != ECH_JSON_STRING || *name->text == '\0')
    return refuse (r, name ? name : json, "“name” is missing.");
  if (!want_known (
          r, json,
          " $schema format version name comment source devices layers init bindings lights "))
    return FALSE;
  g_free (r->mapping->name);
  r->mapping->name = g_strdup (name->text);
  return TRUE;
}

struct ech_midi_mapping *
ech_midi_mapping_read (const char                  *text,
                       gsize                        length,
                       const struct ech_midi_words *words,
                       GError                     **error)
{
  struct reader    r = { .words = words, .error = error };
  struct ech_json *json;
  gboolean         ok;

  if (length > ECH_MIDI_MAX_FILE) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "it is larger than 1 MiB.");
    return NULL;
  }
  json = ech_json_read (text, length, error);
  if (json == NULL)
    return NULL;
  r.mapping = ech_midi_mapping_new ("");
  ok        = read_head (&r, json) && read_string (&r, json, "comment", &r.mapping->comment)
       && read_string (&r, json, "source", &r.mapping->source)
       && read_list (&r, json, "devices", read_device) && read_list (&r, json, "layers", read_layer)
       && read_list (&r, json, "init", read_init) && read_list (&r, json, "bindings", read_binding)
       && read_list (&r, json, "lights", read_light);
  ech_json_free (json);
  if (!ok)
    g_clear_pointer (&r.mapping, ech_midi_mapping_free);
  return r.mapping;
}

/* --- printing -------------------------------------------------------------------------- */

static void
print_name (GString *out, const char *name, const char *text)
{
  g_string_append_printf (out, ", \"%s\": ", name);
  ech_json_append_string (out, text);
}

static void
print_number (GString *out, const char *name, double number)
{
  g_string_append_printf (out, ", \"%s\": ", name);
  ech_json_append_number (out, number);
}

static void
print_control (GString *out, const struct ech_midi_control *control)
{
  if (control->type == ECH_MIDI_CONTROL_PITCH)
    g_string_append (out, "\"pitch\": true");
  else
    g_string_append_printf (out, "\"%s\": %u", ech_midi_control_names[control->type],
                            control->number);
  if (control->type == ECH_MIDI_CONTROL_CC14 && control->lsb != control->number + 32)
    g_string_append_printf (out, ", \"lsb\": %u", control->lsb);
  g_string_append_printf (out, ", \"channel\": %u", control->channel + 1);
}

static void
print_range (GString *out, const double *range, unsigned n)
{
  g_string_append (out, ", \"range\": [");
  for (unsigned i = 0; i < n; i++) {
    g_string_append (out, i ? ", " : "");
    ech_json_append_number (out, range[i]);
  }
  g_string_append_c (out, ']');
}

/* Only what is not the verb's own: a default that changes later must reach old files. */
static bool
is_own_range (enum ech_verb verb, const double *range, unsigned n)
{
  double own[3];

  return n == 0
         || (ech_midi_verb_range (verb, own) == n && memcmp (own, range, n * sizeof *own) == 0);
}

static void
print_binding (GString                       *out,
               const struct ech_midi_mapping *mapping,
               const struct ech_midi_binding *b)
{
  bool is_note = b->control.type == ECH_MIDI_CONTROL_NOTE;

  g_string_append_c (out, '{');
  print_control (out, &b->control);
  if (b->layer >= 0)
    print_name (out, "layer",
                g_array_index (mapping->layers, struct ech_midi_layer, b->layer).name);
  if (b->kind != (is_note ? ECH_MIDI_BUTTON : ECH_MIDI_KNOB))
    print_name (out, "kind", ech_midi_kind_names[b->kind]);
  if (b->kind == ECH_MIDI_ENCODER)
    print_name (out, "encoding", ech_midi_encoding_names[b->encoding]);
  print_name (out, "action", b->address);
  if (b->kind == ECH_MIDI_BUTTON && b->mode != ECH_MIDI_PRESS)
    print_name (out, "mode", ech_midi_mode_names[b->mode]);
  if (b->has_value)
    print_number (out, "value", b->value);
  if (b->has_off)
    print_number (out, "off", b->off);
  if (b->kind >= ECH_MIDI_KNOB && !is_own_range (b->action.verb, b->range, b->n_range))
    print_range (out, b->range, b->n_range);
  if (b->has_step)
    print_number (out, "step", b->step);
  if (b->kind == ECH_MIDI_KNOB && b->takeover != ECH_MIDI_PICKUP)
    print_name (out, "takeover", ech_midi_takeover_names[b->takeover]);
  if (b->timing)
    print_name (out, "timing", b->timing);
  g_string_append_c (out, '}');
}

static void
print_light (GString *out, const struct ech_midi_light *light)
{
  g_string_append_c (out, '{');
  print_control (out, &light->control);
  print_name (out, "show", light->show_name);
  g_string_append_printf (out, ", \"on\": %u, \"off\": %u", light->on, light->off);
  if (light->waiting >= 0)
    g_string_append_printf (out, ", \"waiting\": %d", light->waiting);
  if (light->show == ECH_MIDI_SHOW_VALUE
      && !is_own_range (light->show_action.verb, light->range, light->n_range))
    print_range (out, light->range, light->n_range);
  g_string_append_c (out, '}');
}

static void
print_member (GString *out, const char *name, const char *text)
{
  if (text == NULL)
    return;
  g_string_append_printf (out, "  \"%s\": ", name);
  ech_json_append_string (out, text);
  g_string_append (out, ",\n");
}

static void
print_init (GString *out, const GByteArray *init)
{
  if (init->len == 0)
    return;
  g_string_append (out, "  \"init\": [\"");
  for (guint i = 0; i < init->len; i++)
    g_string_append_printf (out, "%s%02X", i ? " " : "", init->data[i]);
  g_string_append (out, "\"],\n");
}

char *
ech_midi_mapping_print (const struct ech_midi_mapping *mapping)
{
  GString *out = g_string_new ("{\n");

  print_member (out, "format", ECH_MIDI_FORMAT);
  g_string_append_printf (out, "  \"version\": %d,\n", ECH_MIDI_VERSION);
  print_member (out, "name", mapping->name);
  print_member (out, "comment", mapping->comment);
  print_member (out, "source", mapping->source);
  g_string_append (out, "  \"devices\": [");
  for (guint i = 0; i < mapping->devices->len; i++) {
    g_string_append (out, i ? ", " : "");
    ech_json_append_string (out, mapping->devices->pdata[i]);
  }
  g_string_append (out, "],\n");
  print_init (out, mapping->init);
  g_string_append (out, "  \"layers\": [");
  for (guint i = 0; i < mapping->layers->len; i++) {
    const struct ech_midi_layer *layer = &g_array_index (mapping->layers, struct ech_midi_layer, i);

    g_string_append (out, i ? ",\n    {\"name\": " : "\n    {\"name\": ");
    ech_json_append_string (out, layer->name);
    g_string_append (out, ", ");
    print_control (out, &layer->control);
    g_string_append_c (out, '}');
  }
  g_string_append (out, mapping->layers->len ? "\n  ],\n" : "],\n");
  g_string_append (out, "  \"bindings\": [");
  for (guint i = 0; i < mapping->bindings->len; i++) {
    g_string_append (out, i ? ",\n    " : "\n    ");
    print_binding (out, mapping, &g_array_index (mapping->bindings, struct ech_midi_binding, i));
  }
  g_string_append (out, mapping->bindings->len ? "\n  ],\n" : "],\n");
  g_string_append (out, "  \"lights\": [");
  for (guint i = 0; i < mapping->lights->len; i++) {
    g_string_append (out, i ? ",\n    " : "\n    ");
    print_light (out, &g_array_index (mapping->lights, struct ech_midi_light, i));
  }
  g_string_append (out, mapping->lights->len ? "\n  ]\n}\n" : "]\n}\n");
  return g_string_free (out, FALSE);
}
