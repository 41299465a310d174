/* Reading.  See policy-write.c for the way back.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/policy-file.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/json-lines.h"
#include "engine/policy-keys.h"
#include "engine/scheduler/vocabulary.h"

enum {
  MOST_DEPTH  = 16, /* ours has 5 */
  SHOWN       = 40, /* characters of what is wrong, in a sentence */
  LONGEST_KEY = 64, /* bytes of which the nearest names are looked for */
  LONG_LIST   = 20, /* names; with a near one at hand they are not all told */
};

#define ACCEPTED_SPANS "“300 ms”, “4 s”, “0.5 beats” or 0, less than 1000 s or beats"
#define ACCEPTED_TIMES "“300 ms” or “4 s”, less than 1000 s"

struct reader {
  EchJsonLines *lines;
  unsigned      fault; /* number of the value that is wrong */
  GError      **error;
};

static G_GNUC_PRINTF (3, 4) gboolean
fail (struct reader *reader, unsigned value, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list          args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  reader->fault = value;
  g_set_error_literal (reader->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, text);
  return FALSE;
}

/* What stands there, short enough for a sentence. */
static char *
shorten (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autofree char *head  = NULL;

  if (g_utf8_strlen (valid, -1) <= SHOWN)
    return g_steal_pointer (&valid);
  head = g_utf8_substring (valid, 0, SHOWN - 1);
  return g_strconcat (head, "…", NULL);
}

static char *
describe (JsonNode *node)
{
  g_autofree char *text = NULL;

  if (JSON_NODE_HOLDS_OBJECT (node))
    return g_strdup ("an object");
  if (JSON_NODE_HOLDS_ARRAY (node))
    return g_strdup ("an array");
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_DOUBLE)
    return g_strdup_printf ("%.10g", json_node_get_double (node));
  text = json_to_string (node, FALSE);
  return shorten (text);
}

static gboolean
is_number (JsonNode *node)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;

  return type == G_TYPE_INT64 || type == G_TYPE_DOUBLE;
}

/* NULL where it is no string. */
static const char *
get_text (JsonNode *node)
{
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;
  return json_node_get_string (node);
}

/* --- the nearest name --- */

/* How many characters must be put in, left out or changed; two that changed places count as one. */
static unsigned
distance (const char *a, const char *b)
{
  unsigned n = (unsigned) strlen (a), m = (unsigned) strlen (b);
  unsigned rows[LONGEST_KEY + 1][LONGEST_KEY + 1];

  if (n > LONGEST_KEY || m > LONGEST_KEY)
    return LONGEST_KEY;
  for (unsigned i = 0; i <= n; i++) {
    for (unsigned j = 0; j <= m; j++) {
      if (i == 0 || j == 0) {
        rows[i][j] = i + j;
        continue;
      }
      rows[i][j] = MIN (rows[i - 1][j], rows[i][j - 1]) + 1;
      rows[i][j] = MIN (rows[i][j], rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        rows[i][j] = MIN (rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[n][m];
}

/* "did you mean ...?", and what there is unless that is a long list. */
static char *
suggest (const char *wrong, const char *const *names)
{
  g_autofree char *all   = g_strjoinv (", ", (char **) names);
  const char      *best  = NULL;
  unsigned         least = 1 + (unsigned) strlen (wrong) / 3;

  for (unsigned i = 0; names[i] != NULL; i++) {
    unsigned d = distance (wrong, names[i]);

    if (d <= least && (best == NULL || d < least)) {
      best  = names[i];
      least = d;
    }
  }
  if (best != NULL && g_strv_length ((char **) names) > LONG_LIST)
    return g_strdup_printf ("did you mean “%s”?", best);
  if (best != NULL)
    return g_strdup_printf ("did you mean “%s”? Accepted: %s", best, all);
  return g_strdup_printf ("accepted: %s", all);
}

static gboolean
fail_name (struct reader *reader, unsigned value, const char *wrong, const char *what, const char *const *names)
{
  g_autofree char *shown = shorten (wrong);
  g_autofree char *hint  = suggest (shown, names);

  return fail (reader, value, "“%s” is no %s; %s", shown, what, hint);
}

static char **
key_names (const char *section)
{
  g_autoptr (GStrvBuilder)     names = g_strv_builder_new ();
  unsigned                     n_keys;
  const struct ech_policy_key *keys = ech_policy_keys (&n_keys);

  for (unsigned i = 0; i < n_keys; i++)
    if (ech_policy_key_find (section, keys[i].name) == &keys[i])
      g_strv_builder_add (names, keys[i].name);
  return g_strv_builder_end (names);
}

static char **
verb_names (void)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  for (int group = 0; group < ECH_N_GROUPS; group++)
    g_strv_builder_add (names, ech_group_name ((enum ech_verb_group) group));
  for (int verb = 1; verb < ECH_N_VERBS; verb++)
    if (ECH_POLICY_VERBS & ECH_VERB_BIT (verb))
      g_strv_builder_add (names, ech_verb_name ((enum ech_verb) verb));
  return g_strv_builder_end (names);
}

/* 0 and an error for what is neither group nor verb. */
static uint64_t
read_verbs_name (struct reader *reader, unsigned value, const char *name)
{
  g_auto (GStrv) names = NULL;
  uint64_t       verbs = ech_policy_verbs_of (name);

  if (verbs != 0)
    return verbs;
  if (strcmp (name, ech_verb_name (ECH_VERB_EMERGENCY)) == 0) {
    fail (reader, value, "emergency stop is always allowed, from everybody: no rule holds for it");
    return 0;
  }
  names = verb_names ();
  fail_name (reader, value, name, "group of verbs and no verb", (const char *const *) names);
  return 0;
}

/* --- values --- */

static gboolean
read_switch (struct reader *reader, const struct ech_policy_key *key, unsigned value, JsonNode *node, bool *out)
{
  g_autofree char *found = describe (node);

  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return fail (reader, value, "“%s” takes true or false, not %s", key->name, found);
  *out = json_node_get_boolean (node);
  return TRUE;
}

static gboolean
read_number (struct reader *reader, const struct ech_policy_key *key, unsigned value, JsonNode *node, double *out)
{
  g_autofree char *found  = describe (node);
  gboolean         whole  = key->type != ECH_POLICY_NUMBER;
  double           number = is_number (node) ? json_node_get_double (node) : NAN;

  if (key->type == ECH_POLICY_VERSION && number > key->maximum)
    return fail (reader, value, "the policy's “version” is %s, and this program reads version 1", found);
  if (!(number >= key->minimum && number <= key->maximum) || (whole && number != floor (number)))
    return fail (reader, value, "“%s” takes a %snumber from %g to %.0f, not %s", key->name, whole ? "whole " : "",
                 key->minimum, key->maximum, found);
  *out = number + 0.0; /* -0 becomes 0 */
  return TRUE;
}

/* "12.5", without sign and exponent, at most @digits before the point and 20 behind it. */
static const char *
skip_number (const char *text, unsigned digits)
{
  size_t whole = strspn (text, "0123456789");
  size_t rest;

  if (whole == 0 || whole > digits || (whole > 1 && *text == '0'))
    return NULL;
  text += whole;
  if (*text != '.')
    return text;
  rest = strspn (text + 1, "0123456789");
  return rest > 0 && rest <= 20 ? text + 1 + rest : NULL;
}

/* "300 ms", "4 s", "4 beats". */
static gboolean
parse_span (const char *text, struct ech_span *out)
{
  static const struct {
    const char *name;
    unsigned    digits;
    uint32_t    unit;
    double      factor;
  } units[] = {
    { "ms", 6, ECH_SPAN_MS, 1 },      { "s", 3, ECH_SPAN_MS, 1000 },
    { "beat", 3, ECH_SPAN_BEATS, 1 }, { "beats", 3, ECH_SPAN_BEATS, 1 },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (units); i++) {
    const char *end = skip_number (text, units[i].digits);

    if (end != NULL && strcmp (end + (*end == ' '), units[i].name) == 0) {
      *out = (struct ech_span){ g_ascii_strtod (text, NULL) * units[i].factor, units[i].unit };
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
read_span (struct reader *reader, const char *name, unsigned value, JsonNode *node, struct ech_span *out)
{
  const char      *text  = get_text (node);
  g_autofree char *found = describe (node);

  if (text != NULL && parse_span (text, out))
    return TRUE;
  if (!is_number (node) || json_node_get_double (node) != 0)
    return fail (reader, value, "“%s” takes a length of time such as " ACCEPTED_SPANS ", not %s", name, found);
  *out = (struct ech_span){ 0 };
  return TRUE;
}

static gboolean
read_time (struct reader *reader, const struct ech_policy_key *key, unsigned value, JsonNode *node, double *out)
{
  const char      *text  = get_text (node);
  g_autofree char *found = describe (node);
  struct ech_span  span;

  if (key->minimum == 0 && is_number (node) && json_node_get_double (node) == 0) {
    *out = 0;
    return TRUE;
  }
  if (text == NULL || !parse_span (text, &span) || span.unit != ECH_SPAN_MS)
    return fail (reader, value, "“%s” takes a time such as " ACCEPTED_TIMES ", not %s", key->name, found);
  if (key->minimum > 0 && span.amount == 0)
    return fail (reader, value, "“%s” takes more than 0: " ACCEPTED_TIMES, key->name);
  *out = span.amount;
  return TRUE;
}

static gboolean
read_word (struct reader *reader, const struct ech_policy_key *key, unsigned value, JsonNode *node, uint32_t *out)
{
  const char      *text  = get_text (node);
  g_autofree char *found = describe (node);
  g_autofree char *hint  = NULL;

  for (uint32_t i = 0; text != NULL && key->words[i] != NULL; i++) {
    if (strcmp (text, key->words[i]) == 0) {
      *out = i;
      return TRUE;
    }
  }
  hint = suggest (text != NULL ? text : "", key->words);
  return fail (reader, value, "“%s” cannot be %s; %s", key->name, found, hint);
}

static gboolean
read_verbs (struct reader *reader, const struct ech_policy_key *key, unsigned value, JsonNode *node, uint64_t *out)
{
  g_autofree char *found = describe (node);
  JsonArray       *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  uint64_t         set   = 0;

  if (array == NULL)
    return fail (reader, value, "“%s” takes an array of groups and verbs such as [\"loads\", \"record\"], not %s",
                 key->name, found);
  for (unsigned i = 0; i < json_array_get_length (array); i++) {
    JsonNode        *item     = json_array_get_element (array, i);
    g_autofree char *index    = g_strdup_printf ("%u", i);
    unsigned         number   = ech_json_lines_find (reader->lines, value, index);
    g_autofree char *what     = describe (item);
    uint64_t         of_name;

    if (get_text (item) == NULL)
      return fail (reader, number, "“%s” takes the names of groups and verbs, not %s", key->name, what);
    of_name = read_verbs_name (reader, number, get_text (item));
    if (of_name == 0)
      return FALSE;
    set |= of_name;
  }
  *out = key->type == ECH_POLICY_MAY ? set : ECH_POLICY_VERBS & ~set;
  *out |= ECH_VERB_BIT (ECH_VERB_EMERGENCY);
  return TRUE;
}

/* --- objects --- */

static JsonObject *
need_object (struct reader *reader, unsigned value, const char *name, JsonNode *node)
{
  g_autofree char *found = describe (node);

  if (JSON_NODE_HOLDS_OBJECT (node))
    return json_node_get_object (node);
  if (name[0] == '\0')
    fail (reader, value, "a policy is an object, { ... }, not %s", found);
  else
    fail (reader, value, "“%s” takes an object, { ... }, not %s", name, found);
  return NULL;
}

/* Groups before verbs, wherever they stand. */
static gboolean
read_cooldowns (struct reader *reader, const struct ech_policy_key *key, unsigned value, JsonNode *node,
                struct ech_span *cooldowns)
{
  JsonObject       *object = need_object (reader, value, key->name, node);
  g_autoptr (GList) names  = object != NULL ? json_object_get_members (object) : NULL;

  if (object == NULL)
    return FALSE;
  for (int only_verbs = 0; only_verbs < 2; only_verbs++) {
    for (GList *l = names; l != NULL; l = l->next) {
      unsigned        number = ech_json_lines_find (reader->lines, value, l->data);
      uint64_t        verbs  = read_verbs_name (reader, number, l->data);
      struct ech_span span;

      if (verbs == 0 || !read_span (reader, l->data, number, json_object_get_member (object, l->data), &span))
        return FALSE;
      if ((strcmp (ech_verb_name ((enum ech_verb) g_bit_nth_lsf (verbs, -1)), l->data) == 0) != only_verbs)
        continue;
      for (int verb = 0; verb < ECH_N_VERBS; verb++)
        if (verbs & ECH_VERB_BIT (verb))
          cooldowns[verb] = span;
    }
  }
  return TRUE;
}

static gboolean read_section (struct reader *reader, const char *section, unsigned value, const char *name, JsonNode *node, void *base);

static gboolean
read_classes (struct reader *reader, const struct ech_policy_key *key, unsigned value, JsonNode *node,
              struct ech_source_rules *classes)
{
  JsonObject       *object = need_object (reader, value, key->name, node);
  g_autoptr (GList) names  = object != NULL ? json_object_get_members (object) : NULL;

  if (object == NULL)
    return FALSE;
  for (GList *l = names; l != NULL; l = l->next) {
    unsigned number = ech_json_lines_find (reader->lines, value, l->data);
    unsigned i      = 0;

    while (key->words[i] != NULL && strcmp (key->words[i], l->data) != 0)
      i++;
    if (key->words[i] == NULL)
      return fail_name (reader, number, l->data, "class of sources", key->words);
    if (!read_section (reader, "rules", number, l->data, json_object_get_member (object, l->data), &classes[i]))
      return FALSE;
  }
  return TRUE;
}

/* Printable ASCII, as they are in addresses of OSC and in the journal. */
static gboolean
is_source_name (const char *name)
{
  size_t length = strlen (name);

  for (const char *at = name; *at != '\0'; at++)
    if (!g_ascii_isprint (*at) || *at == '/')
      return FALSE;
  return length > 0 && length < ECH_NAME_MAX;
}

static gboolean
read_source (struct reader *reader, unsigned value, const char *name, JsonNode *node, struct ech_policy *policy)
{
  const struct ech_policy_key *key    = ech_policy_key_find ("source", "class");
  struct ech_named_source     *source = &policy->sources[policy->n_sources];
  JsonObject                  *object = need_object (reader, value, name, node);

  if (object == NULL)
    return FALSE;
  if (!json_object_has_member (object, "class"))
    return fail (reader, value, "the source “%s” has no “class”; accepted: hand, osc, bridge, agent", name);
  if (!read_word (reader, key, ech_json_lines_find (reader->lines, value, "class"),
                  json_object_get_member (object, "class"), &source->source_class))
    return FALSE;
  g_strlcpy (source->name, name, sizeof source->name);
  source->rules = policy->classes[source->source_class];
  policy->n_sources++;
  return read_section (reader, "source", value, name, node, &source->rules);
}

static gboolean
read_sources (struct reader *reader, const struct ech_policy_key *key, unsigned value, JsonNode *node,
              struct ech_policy *policy)
{
  JsonObject       *object = need_object (reader, value, key->name, node);
  g_autoptr (GList) names  = object != NULL ? json_object_get_members (object) : NULL;

  if (object == NULL)
    return FALSE;
  for (GList *l = names; l != NULL; l = l->next) {
    unsigned         number = ech_json_lines_find (reader->lines, value, l->data);
    g_autofree char *shown  = shorten (l->data);

    if (!is_source_name (l->data))
      return fail (reader, number, "“%s” is no source's name: 1 to %d ASCII characters without “/”", shown,
                   ECH_NAME_MAX - 1);
    if (policy->n_sources == ECH_MAX_NAMED_SOURCES)
      return fail (reader, number, "there are more than %d named sources", ECH_MAX_NAMED_SOURCES);
    if (!read_source (reader, number, l->data, json_object_get_member (object, l->data), policy))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_value (struct reader *reader, const struct ech_policy_key *key, unsigned value, JsonNode *node, void *base)
{
  void            *field   = (char *) base + key->offset;
  double           number  = 0;
  g_autofree char *section = NULL;

  switch (key->type) {
  case ECH_POLICY_SWITCH:
    return read_switch (reader, key, value, node, field);
  case ECH_POLICY_NUMBER:
    return read_number (reader, key, value, node, field);
  case ECH_POLICY_VERSION:
    return read_number (reader, key, value, node, &number);
  case ECH_POLICY_WHOLE:
    if (!read_number (reader, key, value, node, &number))
      return FALSE;
    *(uint32_t *) field = (uint32_t) number;
    return TRUE;
  case ECH_POLICY_TIME:
    return read_time (reader, key, value, node, field);
  case ECH_POLICY_SPAN:
    return read_span (reader, key->name, value, node, field);
  case ECH_POLICY_WORD:
    return strcmp (key->section, "source") == 0 || read_word (reader, key, value, node, field);
  case ECH_POLICY_MAY:
  case ECH_POLICY_MAY_NOT:
    return read_verbs (reader, key, value, node, field);
  case ECH_POLICY_COOLDOWNS:
    return read_cooldowns (reader, key, value, node, field);
  case ECH_POLICY_CLASSES:
    return read_classes (reader, key, value, node, field);
  case ECH_POLICY_SOURCES:
    return read_sources (reader, key, value, node, base);
  default:
    section = g_strjoin (key->section[0] != '\0' ? "." : "", key->section, key->name, NULL);
    return read_section (reader, section, value, key->name, node, base);
  }
}

/* Keys are read in the order of their table, wherever they stand: sources after the classes that they
 * build on. */
static gboolean
read_section (struct reader *reader, const char *section, unsigned value, const char *name, JsonNode *node, void *base)
{
  JsonObject       *object = need_object (reader, value, name, node);
  g_autoptr (GList) given  = object != NULL ? json_object_get_members (object) : NULL;
  g_auto (GStrv)    names  = key_names (section);

  if (object == NULL)
    return FALSE;
  for (GList *l = given; l != NULL; l = l->next)
    if (ech_policy_key_find (section, l->data) == NULL)
      return fail_name (reader, ech_json_lines_find (reader->lines, value, l->data), l->data,
                        name[0] != '\0' ? "key here" : "key of a policy", (const char *const *) names);
  for (unsigned i = 0; names[i] != NULL; i++) {
    JsonNode *member = json_object_get_member (object, names[i]);

    if (member != NULL
        && !read_value (reader, ech_policy_key_find (section, names[i]),
                        ech_json_lines_find (reader->lines, value, names[i]), member, base))
      return FALSE;
  }
  if (json_object_has_member (object, "may") && json_object_has_member (object, "may_not"))
    return fail (reader, ech_json_lines_find (reader->lines, value, "may_not"),
                 "“may_not” stands beside “may”: one of them is accepted");
  return TRUE;
}

/* --- texts and files --- */

/* The sentence gets its line before it. */
static gboolean
place_error (unsigned line, unsigned *out_line, GError **error)
{
  if (out_line != NULL)
    *out_line = line;
  if (line > 0)
    g_prefix_error (error, "line %u: ", line);
  return FALSE;
}

static gboolean
read_policy (const char *text, size_t length, struct ech_policy *out, unsigned *out_line, GError **error)
{
  unsigned                 line   = 0;
  g_autoptr (EchJsonLines) lines  = ech_json_lines_new (text, length, MOST_DEPTH, &line, error);
  g_autoptr (JsonParser)   parser = json_parser_new_immutable ();
  struct reader            reader = { .lines = lines, .error = error };

  if (lines == NULL || !json_parser_load_from_data (parser, text, (gssize) length, error))
    return place_error (line, out_line, error);
  ech_policy_init (out);
  if (!read_section (&reader, "", 1, "", json_parser_get_root (parser), out))
    return place_error (ech_json_lines_line (lines, reader.fault), out_line, error);
  if (out->override_least_ms <= out->override_window_ms)
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                       "“override_least” is longer than “override_window”: nobody could confirm");
  reader.fault = ech_json_lines_find (lines, 1, "on_air");
  return place_error (ech_json_lines_line (lines, reader.fault), out_line, error);
}

gboolean
ech_policy_parse (const char        *text,
                  size_t             length,
                  struct ech_policy *out,
                  unsigned          *out_line,
                  GError           **error)
{
  struct ech_policy policy;
  g_autoptr (GError) own = NULL;

  if (out_line != NULL)
    *out_line = 0;
  if (length > ECH_POLICY_MOST_BYTES) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "a policy has at most %d bytes", ECH_POLICY_MOST_BYTES);
    return FALSE;
  }
  if (!read_policy (text, length, &policy, out_line, &own)) {
    g_propagate_error (error, g_steal_pointer (&own));
    return FALSE;
  }
  *out = policy;
  return TRUE;
}

/* No more than is accepted, and one byte: a device or a giant file costs no memory. */
char *
ech_policy_read (const char *path, size_t *out_length, GError **error)
{
  g_autofree char *text   = g_malloc (ECH_POLICY_MOST_BYTES + 1);
  int              fd     = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat      info;
  size_t           length = 0;
  ssize_t          n      = -1;

  if (fd >= 0 && fstat (fd, &info) == 0 && S_ISDIR (info.st_mode))
    errno = EISDIR;
  else if (fd >= 0) {
    while ((n = read (fd, text + length, ECH_POLICY_MOST_BYTES + 1 - length)) > 0
           || (n < 0 && errno == EINTR))
      length += n > 0 ? (size_t) n : 0;
  }
  if (n < 0) {
    int number = errno;

    g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (number), "%s cannot be read: %s", path,
                 g_strerror (number));
    g_clear_pointer (&text, g_free);
  }
  if (fd >= 0)
    close (fd);
  *out_length = length;
  return g_steal_pointer (&text);
}

gboolean
ech_policy_load (const char *path, struct ech_policy *out, unsigned *out_line, GError **error)
{
  size_t           length;
  g_autofree char *text = ech_policy_read (path, &length, error);

  if (out_line != NULL)
    *out_line = 0;
  return text != NULL && ech_policy_parse (text, length, out, out_line, error);
}

gboolean
ech_policy_save (const char *path, const struct ech_policy *policy, GError **error)
{
  g_autofree char *text   = ech_policy_print (policy, false);
  g_autofree char *target = realpath (path, NULL);
  g_autofree char *folder = NULL;
  struct ech_policy unused;
  int               number;

  if (!ech_policy_parse (text, strlen (text), &unused, NULL, error))
    return FALSE;
  if (target == NULL)
    target = g_strdup (path);
  folder = g_path_get_dirname (target);
  if (g_mkdir_with_parents (folder, 0755) != 0) {
    number = errno;
    g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (number), "%s cannot be made: %s", folder,
                 g_strerror (number));
    return FALSE;
  }
  return g_file_set_contents_full (target, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                   0644, error);
}

char *
ech_policy_default_path (void)
{
  return g_build_filename (g_get_user_config_dir (), "echelon", "policy.json", NULL);
}
