/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/journal-line.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "engine/scheduler/vocabulary.h"

#define MAX_EXACT 9007199254740992.0 /* the whole numbers that a double holds */

static const char *const classes[] = { "hand", "osc", "bridge", "agent" };
static const char *const curves[]  = { "constant-power", "linear", "cut" };
static const char *const bands[]   = { "low", "mid", "high" };

G_STATIC_ASSERT (G_N_ELEMENTS (classes) == ECH_N_SOURCE_CLASSES);
G_STATIC_ASSERT (G_N_ELEMENTS (curves) == ECH_N_CURVES);
G_STATIC_ASSERT (G_N_ELEMENTS (bands) == ECH_N_BANDS);

void
ech_journal_line_set_arrival (struct ech_journal_line *line, const struct ech_arrival *arrival)
{
  *line = (struct ech_journal_line){
    .kind    = arrival->serial != 0 ? ECH_JOURNAL_POSTED : ECH_JOURNAL_SETTING,
    .arrival = *arrival,
    .text    = g_strdup (arrival->action.text),
  };
  line->arrival.action.text = line->text;
}

void
ech_journal_line_set_event (struct ech_journal_line *line, const struct ech_event *event)
{
  *line = (struct ech_journal_line){ .kind = ECH_JOURNAL_FATE, .event = *event };
}

void
ech_journal_line_clear (struct ech_journal_line *line)
{
  g_clear_pointer (&line->text, g_free);
  line->arrival.action.text = NULL;
}

/* Writing */

static void
set_string (JsonObject *object, const char *key, const char *text, size_t size)
{
  g_autofree char *whole = g_strndup (text, size);
  g_autofree char *valid = g_utf8_make_valid (whole, -1);

  if (valid[0] != '\0')
    json_object_set_string_member (object, key, valid);
}

/* JSON has no infinities: they are strings; NAN is left out. */
static void
set_number (JsonObject *object, const char *key, double value)
{
  if (isfinite (value))
    json_object_set_double_member (object, key, value);
  else if (isinf (value))
    json_object_set_string_member (object, key, value > 0 ? "inf" : "-inf");
}

static void
set_deck (JsonObject *object, uint32_t verb, uint32_t deck)
{
  const char letter[2] = { (char) ('a' + deck % 26), '\0' };

  if (ech_verb_has_deck (verb))
    json_object_set_string_member (object, "deck", letter);
}

static void
set_hotcue (JsonObject *object, uint32_t verb, uint32_t index)
{
  if (ech_verb_has_hotcue (verb))
    json_object_set_int_member (object, "hotcue", index + 1);
}

static void
describe_event (JsonObject *object, const struct ech_event *event)
{
  json_object_set_int_member (object, "serial", (gint64) event->serial);
  json_object_set_string_member (object, "fate", ech_fate_name (event->fate));
  json_object_set_string_member (object, "verb", ech_verb_name (event->verb));
  set_deck (object, event->verb, event->deck);
  set_hotcue (object, event->verb, event->index);
  json_object_set_double_member (object, "beat", event->beat);
  if (event->fate == ECH_FATE_EXECUTED)
    json_object_set_int_member (object, "frame", (gint64) event->frame);
  if (isfinite (event->value))
    json_object_set_double_member (object, "value", event->value);
  if (event->rule != ECH_RULE_NONE)
    json_object_set_string_member (object, "rule", ech_rule_name (event->rule));
  set_string (object, "text", event->text, ECH_TEXT_MAX);
  set_string (object, "id", event->id, ECH_ID_MAX);
  json_object_set_string_member (object, "source", event->source_name);
}

/* A track by its whole path, so that the set can be rendered from anywhere. */
static void
describe_path (JsonObject *object, const char *path)
{
  g_autofree char *whole = g_canonicalize_filename (path, NULL);
  g_autofree char *uri   = NULL;

  if (g_utf8_validate (whole, -1, NULL)) {
    json_object_set_string_member (object, "path", whole);
    return;
  }
  uri = g_filename_to_uri (whole, NULL, NULL);
  if (uri != NULL)
    json_object_set_string_member (object, "uri", uri);
}

static void
describe_timing (JsonObject *object, const struct ech_timing *timing)
{
  static const char *const kinds[] = { "default", "now", "grid", "at-beat", "in-beats" };

  if (timing->kind == ECH_TIMING_DEFAULT || timing->kind >= G_N_ELEMENTS (kinds))
    return;
  json_object_set_string_member (object, "timing", kinds[timing->kind]);
  if (timing->kind == ECH_TIMING_NOW)
    return;
  set_number (object, "beats", timing->beats);
  json_object_set_string_member (object, "way", timing->way == ECH_WAY_LAND ? "land" : "wait");
}

static void
describe_action (JsonObject *object, const struct ech_action *action)
{
  if (action->verb == ECH_VERB_EQ && action->index < ECH_N_BANDS)
    json_object_set_string_member (object, "band", bands[action->index]);
  set_hotcue (object, action->verb, action->index);
  set_number (object, "value", action->value);
  if (action->text != NULL && action->verb == ECH_VERB_LOAD)
    describe_path (object, action->text);
  else if (action->text != NULL)
    set_string (object, "text", action->text, strlen (action->text));
  describe_timing (object, &action->timing);
  if (action->deadline_beats != 0)
    set_number (object, "deadline", action->deadline_beats);
  set_string (object, "id", action->id, ECH_ID_MAX);
  set_string (object, "target", action->target, ECH_ID_MAX);
}

static void
describe_posted (JsonObject *object, const struct ech_arrival *arrival)
{
  const struct ech_action *action = &arrival->action;

  json_object_set_int_member (object, "serial", (gint64) arrival->serial);
  json_object_set_string_member (object, "fate", "posted");
  json_object_set_string_member (object, "verb", action->verb < ECH_N_VERBS ? ech_verb_name (action->verb) : "none");
  set_deck (object, action->verb, action->deck);
  json_object_set_double_member (object, "beat", arrival->beat);
  json_object_set_double_member (object, "frame", arrival->frame);
  json_object_set_double_member (object, "rate", arrival->rate);
  json_object_set_int_member (object, "time_ns", (gint64) arrival->time_ns);
  describe_action (object, action);
  json_object_set_string_member (object, "source", arrival->source_name);
  json_object_set_string_member (object, "class", classes[MIN (arrival->source_class, ECH_N_SOURCE_CLASSES - 1)]);
}

static void
describe_start (JsonObject *object, const struct ech_journal_line *line)
{
  g_autoptr (GDateTime) now  = g_date_time_new_now_utc ();
  g_autofree char      *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%SZ");

  json_object_set_string_member (object, "fate", "start");
  json_object_set_int_member (object, "journal", ECH_JOURNAL_VERSION);
  json_object_set_string_member (object, "program", ECH_VERSION);
  json_object_set_int_member (object, "decks", line->n_decks);
  json_object_set_string_member (object, "clock", line->offline ? "virtual" : "live");
  /* a render's journal is the same each time */
  if (!line->offline)
    json_object_set_string_member (object, "time", time);
  if (line->part > 1)
    json_object_set_int_member (object, "part", line->part);
}

static JsonObject *
describe (const struct ech_journal_line *line)
{
  JsonObject *object = json_object_new ();

  switch (line->kind) {
  case ECH_JOURNAL_START:
    describe_start (object, line);
    break;
  case ECH_JOURNAL_POSTED:
    describe_posted (object, &line->arrival);
    break;
  case ECH_JOURNAL_FATE:
    describe_event (object, &line->event);
    break;
  case ECH_JOURNAL_SETTING:
    json_object_set_string_member (object, "fate", "setting");
    json_object_set_string_member (object, "curve", curves[MIN (line->arrival.curve, ECH_N_CURVES - 1)]);
    json_object_set_double_member (object, "frame", line->arrival.frame);
    json_object_set_double_member (object, "rate", line->arrival.rate);
    break;
  case ECH_JOURNAL_DROPPED:
    json_object_set_string_member (object, "fate", "dropped");
    json_object_set_int_member (object, "count", (gint64) line->count);
    break;
  case ECH_JOURNAL_END:
    json_object_set_string_member (object, "fate", "end");
    json_object_set_double_member (object, "frame", line->frame);
    json_object_set_boolean_member (object, "quiet", line->quiet);
    break;
  }
  return object;
}

/* JSON-GLib writes 1e-10 as 1e-10.0, which nobody can read.  Takes the ".0" out, in place. */
static void
mend_exponents (char *text)
{
  bool  in_string   = false;
  bool  in_exponent = false;
  char *to          = text;

  for (const char *at = text; *at != '\0'; at++) {
    if (in_string && *at == '\\' && at[1] != '\0')
      *to++ = *at++;
    else if (*at == '"')
      in_string = !in_string;
    else if (!in_string && *at == 'e' && at > text && g_ascii_isdigit (at[-1]))
      in_exponent = true;
    else if (!g_ascii_isdigit (*at) && *at != '+' && *at != '-' && *at != '.')
      in_exponent = false;
    if (in_exponent && at[0] == '.' && at[1] == '0')
      at++;
    else
      *to++ = *at;
  }
  *to = '\0';
}

char *
ech_journal_line_print (const struct ech_journal_line *line)
{
  g_autoptr (JsonObject) object = describe (line);
  g_autoptr (JsonNode)   node   = json_node_init_object (json_node_alloc (), object);
  char                  *text;

  text = json_to_string (node, FALSE);
  mend_exponents (text);
  return text;
}

/* Reading */

static G_GNUC_PRINTF (2, 3) gboolean fail (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list          args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, text);
  return FALSE;
}

/* The member's string, NULL when it is absent or no string. */
static const char *
get_string (JsonObject *object, const char *key)
{
  JsonNode *node = json_object_get_member (object, key);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

/* FALSE where it is there and no number; @out keeps its value where it is absent. */
static gboolean
get_number (JsonObject *object, const char *key, double *out, GError **error)
{
  JsonNode   *node = json_object_get_member (object, key);
  const char *text = get_string (object, key);
  GType       type = node != NULL ? json_node_get_value_type (node) : G_TYPE_INVALID;

  if (node == NULL)
    return TRUE;
  if (type == G_TYPE_INT64 || type == G_TYPE_DOUBLE)
    *out = json_node_get_double (node);
  else if (g_strcmp0 (text, "inf") == 0 || g_strcmp0 (text, "-inf") == 0)
    *out = *text == '-' ? -INFINITY : INFINITY;
  else
    return fail (error, "“%s” is no number", key);
  return TRUE;
}

/* One that must be there and lie in a range. */
static gboolean
need_number (JsonObject *object, const char *key, double least, double most, double *out, GError **error)
{
  *out = NAN;
  if (!get_number (object, key, out, error))
    return FALSE;
  if (isnan (*out))
    return fail (error, "“%s” is missing", key);
  if (*out < least || *out > most)
    return fail (error, "“%s” is out of range", key);
  return TRUE;
}

static gboolean
need_serial (JsonObject *object, uint64_t *out, GError **error)
{
  double serial;

  if (!need_number (object, "serial", 1, MAX_EXACT, &serial, error))
    return FALSE;
  *out = (uint64_t) serial;
  return TRUE;
}

/* The number of the word at @key; @absent where there is none. */
static gboolean
get_word (JsonObject *object, const char *key, const char *const *words, unsigned n, uint32_t absent, uint32_t *out, GError **error)
{
  const char *word = get_string (object, key);

  *out = absent;
  if (!json_object_has_member (object, key))
    return absent < n || fail (error, "“%s” is missing", key);
  for (unsigned i = 0; i < n && word != NULL; i++) {
    if (strcmp (words[i], word) == 0) {
      *out = i;
      return TRUE;
    }
  }
  return fail (error, "“%s” is none of the known words", key);
}

static gboolean
get_text (JsonObject *object, const char *key, char *out, size_t size, GError **error)
{
  const char *text = get_string (object, key);

  if (!json_object_has_member (object, key))
    return TRUE;
  if (text == NULL || g_strlcpy (out, text, size) >= size)
    return fail (error, "“%s” is no string, or too long", key);
  return TRUE;
}

static gboolean
parse_verb (JsonObject *object, uint32_t *out_verb, GError **error)
{
  const char *names[ECH_N_VERBS];

  for (unsigned i = 0; i < ECH_N_VERBS; i++)
    names[i] = ech_verb_name (i);
  return get_word (object, "verb", names, ECH_N_VERBS, ECH_N_VERBS, out_verb, error);
}

static gboolean
parse_deck (JsonObject *object, uint32_t verb, uint32_t *out_deck, GError **error)
{
  static const char *const letters[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
                                         "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z" };

  return get_word (object, "deck", letters, G_N_ELEMENTS (letters), ech_verb_has_deck (verb) ? 26 : 0, out_deck, error);
}

static gboolean
parse_timing (JsonObject *object, struct ech_timing *out, GError **error)
{
  static const char *const kinds[] = { "default", "now", "grid", "at-beat", "in-beats" };
  static const char *const ways[]  = { "wait", "land" };

  if (!get_word (object, "timing", kinds, G_N_ELEMENTS (kinds), ECH_TIMING_DEFAULT, &out->kind, error)
      || !get_word (object, "way", ways, G_N_ELEMENTS (ways), ECH_WAY_WAIT, &out->way, error))
    return FALSE;
  return out->kind <= ECH_TIMING_NOW || need_number (object, "beats", -INFINITY, INFINITY, &out->beats, error);
}

static gboolean
parse_text (JsonObject *object, struct ech_journal_line *line, GError **error)
{
  bool        is_load = line->arrival.action.verb == ECH_VERB_LOAD;
  const char *key     = !is_load ? "text" : json_object_has_member (object, "uri") ? "uri" : "path";
  const char *text    = get_string (object, key);

  if (json_object_has_member (object, key) && text == NULL)
    return fail (error, "“%s” is no string", key);
  if (text != NULL)
    line->text = strcmp (key, "uri") == 0 ? g_filename_from_uri (text, NULL, error) : g_strdup (text);
  if (text != NULL && line->text == NULL)
    return FALSE;
  line->arrival.action.text = line->text;
  return TRUE;
}

/* A band's name or a hot cue's number, for the verbs that have one. */
static gboolean
parse_index (JsonObject *object, struct ech_action *action, GError **error)
{
  double hotcue;

  if (!ech_verb_has_hotcue (action->verb))
    return get_word (object, "band", bands, ECH_N_BANDS, 0, &action->index, error);
  if (!need_number (object, "hotcue", 1, ECH_N_HOTCUES, &hotcue, error))
    return FALSE;
  action->index = (uint32_t) hotcue - 1;
  return TRUE;
}

static gboolean
parse_posted (JsonObject *object, struct ech_journal_line *line, GError **error)
{
  struct ech_arrival *arrival = &line->arrival;
  struct ech_action  *action  = &arrival->action;

  action->value = NAN;
  return need_serial (object, &arrival->serial, error) && parse_verb (object, &action->verb, error)
         && parse_deck (object, action->verb, &action->deck, error)
         && parse_index (object, action, error)
         && need_number (object, "frame", 0, MAX_EXACT, &arrival->frame, error)
         && need_number (object, "rate", 1, 1e6, &arrival->rate, error)
         && need_number (object, "beat", -MAX_EXACT, MAX_EXACT, &arrival->beat, error)
         && get_number (object, "value", &action->value, error)
         && get_number (object, "deadline", &action->deadline_beats, error)
         && parse_timing (object, &action->timing, error)
         && get_text (object, "id", action->id, sizeof action->id, error)
         && get_text (object, "target", action->target, sizeof action->target, error)
         && get_text (object, "source", arrival->source_name, sizeof arrival->source_name, error)
         && get_word (object, "class", classes, ECH_N_SOURCE_CLASSES, ECH_SOURCE_HAND, &arrival->source_class, error)
         && parse_text (object, line, error);
}

static gboolean
parse_fate (JsonObject *object, struct ech_journal_line *line, GError **error)
{
  struct ech_event *event = &line->event;
  double            frame = 0;

  if (!need_serial (object, &event->serial, error) || !parse_verb (object, &event->verb, error)
      || !parse_deck (object, event->verb, &event->deck, error)
      || !need_number (object, "beat", -MAX_EXACT, MAX_EXACT, &event->beat, error))
    return FALSE;
  if (event->fate == ECH_FATE_EXECUTED && !need_number (object, "frame", 0, MAX_EXACT, &frame, error))
    return FALSE;
  event->frame = (uint64_t) frame;
  return TRUE;
}

static gboolean
parse_start (JsonObject *object, struct ech_journal_line *line, GError **error)
{
  static const char *const clocks[] = { "live", "virtual" };
  double                   version, decks, part = 1;
  uint32_t                 clock;

  if (!need_number (object, "journal", 1, ECH_JOURNAL_VERSION, &version, error)
      || !need_number (object, "decks", 1, ECH_MAX_DECKS, &decks, error)
      || !get_word (object, "clock", clocks, 2, 2, &clock, error) || !get_number (object, "part", &part, error))
    return FALSE;
  line->n_decks = (uint32_t) decks;
  line->part    = (uint32_t) CLAMP (part, 1, 1e6);
  line->offline = clock == 1;
  return TRUE;
}

static gboolean
parse_rest (JsonObject *object, struct ech_journal_line *line, GError **error)
{
  double count = 0;

  switch (line->kind) {
  case ECH_JOURNAL_START:
    return parse_start (object, line, error);
  case ECH_JOURNAL_POSTED:
    return parse_posted (object, line, error);
  case ECH_JOURNAL_FATE:
    return parse_fate (object, line, error);
  case ECH_JOURNAL_SETTING:
    return get_word (object, "curve", curves, ECH_N_CURVES, ECH_N_CURVES, &line->arrival.curve, error)
           && need_number (object, "frame", 0, MAX_EXACT, &line->arrival.frame, error)
           && need_number (object, "rate", 1, 1e6, &line->arrival.rate, error);
  case ECH_JOURNAL_DROPPED:
    if (!need_number (object, "count", 1, MAX_EXACT, &count, error))
      return FALSE;
    line->count = (uint64_t) count;
    return TRUE;
  default:
    line->quiet = json_object_get_boolean_member_with_default (object, "quiet", FALSE);
    return need_number (object, "frame", 0, MAX_EXACT, &line->frame, error);
  }
}

static gboolean
parse_kind (JsonObject *object, struct ech_journal_line *line, GError **error)
{
  static const struct {
    const char           *name;
    enum ech_journal_kind kind;
  } kinds[] = { { "start", ECH_JOURNAL_START },     { "posted", ECH_JOURNAL_POSTED }, { "setting", ECH_JOURNAL_SETTING },
                { "dropped", ECH_JOURNAL_DROPPED }, { "end", ECH_JOURNAL_END } };
  const char *names[ECH_N_FATES];
  const char *fate = get_string (object, "fate");

  for (unsigned i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (g_strcmp0 (fate, kinds[i].name) == 0) {
      line->kind = kinds[i].kind;
      return TRUE;
    }
  }
  for (unsigned i = 0; i < ECH_N_FATES; i++)
    names[i] = ech_fate_name (i);
  line->kind = ECH_JOURNAL_FATE;
  return get_word (object, "fate", names, ECH_N_FATES, ECH_N_FATES, &line->event.fate, error);
}

/* The parser stops behind the first object; a line is one object and no more. */
static bool
is_one_object (const char *text)
{
  bool     in_string = false;
  unsigned depth     = 0;

  for (const char *at = text; *at != '\0'; at++) {
    if (in_string && *at == '\\' && at[1] != '\0')
      at++;
    else if (*at == '"')
      in_string = !in_string;
    else if (!in_string && *at == '{')
      depth++;
    else if (!in_string && *at == '}' && depth > 0 && --depth == 0)
      return at[1 + strspn (at + 1, " \t\r")] == '\0';
  }
  return false;
}

gboolean
ech_journal_line_parse (const char *text, struct ech_journal_line *out_line, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError)     inner  = NULL;
  JsonObject            *object;

  memset (out_line, 0, sizeof *out_line);
  if (!g_utf8_validate (text, -1, NULL))
    return fail (error, "it is not UTF-8");
  if (!is_one_object (text))
    return fail (error, "it is not one whole JSON object");
  if (!json_parser_load_from_data (parser, text, -1, &inner))
    return fail (error, "it is no JSON: %s", inner->message);
  if (json_parser_get_root (parser) == NULL || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    return fail (error, "it is no JSON object");
  object = json_node_get_object (json_parser_get_root (parser));
  if (parse_kind (object, out_line, error) && parse_rest (object, out_line, error))
    return TRUE;
  ech_journal_line_clear (out_line);
  return FALSE;
}
