/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/midi/midi-json.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

enum { MAX_DEPTH = 16 };

struct reader {
  const char *at, *end;
  unsigned    line;
  GError    **error;
};

static struct ech_json *read_value (struct reader *r, unsigned depth);

void
ech_json_free (struct ech_json *json)
{
  if (json == NULL)
    return;
  g_free (json->name);
  g_free (json->text);
  g_clear_pointer (&json->items, g_ptr_array_unref);
  g_free (json);
}

static void
free_item (void *data)
{
  ech_json_free (data);
}

static G_GNUC_PRINTF (2, 3) void *refuse (struct reader *r, const char *format, ...)
{
  va_list          args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (r->error && *r->error == NULL)
    g_set_error (r->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "line %u: %s", r->line, text);
  return NULL;
}

static void
skip_space (struct reader *r)
{
  for (; r->at < r->end && strchr (" \t\r\n", *r->at) && *r->at; r->at++)
    r->line += *r->at == '\n';
}

static char
next (struct reader *r)
{
  skip_space (r);
  return r->at < r->end ? *r->at : '\0';
}

static struct ech_json *
new_json (struct reader *r, enum ech_json_type type)
{
  struct ech_json *json = g_new0 (struct ech_json, 1);

  json->type = type;
  json->line = r->line;
  if (type == ECH_JSON_ARRAY || type == ECH_JSON_OBJECT)
    json->items = g_ptr_array_new_with_free_func (free_item);
  return json;
}

/* Four hexadecimal digits, or -1. */
static int
read_hex (struct reader *r)
{
  int code = 0;

  for (int i = 0; i < 4; i++, r->at++) {
    if (r->at >= r->end || !g_ascii_isxdigit (*r->at))
      return -1;
    code = code * 16 + g_ascii_xdigit_value (*r->at);
  }
  return code;
}

static bool
read_code (struct reader *r, GString *text)
{
  int code = read_hex (r), low;

  if (code >= 0xd800 && code < 0xdc00 && r->end - r->at > 2 && r->at[0] == '\\'
      && r->at[1] == 'u') {
    r->at += 2;
    low = read_hex (r);
    if (low < 0xdc00 || low > 0xdfff)
      return false;
    code = 0x10000 + (code - 0xd800) * 0x400 + low - 0xdc00;
  }
  if (code <= 0 || (code >= 0xd800 && code < 0xe000))
    return false;
  g_string_append_unichar (text, (gunichar) code);
  return true;
}

static bool
read_escape (struct reader *r, GString *text)
{
  static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  const char       *name;
  char              c = r->at < r->end ? *r->at++ : '\0';

  if (c == 'u')
    return read_code (r, text);
  name = c ? strchr (names, c) : NULL;
  if (name)
    g_string_append_c (text, meanings[name - names]);
  return name != NULL;
}

static char *
read_text (struct reader *r)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (r->at++; r->at < r->end && *r->at != '"';) {
    if ((guchar) *r->at < 0x20)
      return refuse (r, "a string does not end on its line");
    if (*r->at == '\\') {
      r->at++;
      if (!read_escape (r, text))
        return refuse (r, "a string has an escape that JSON does not know");
    } else {
      g_string_append_c (text, *r->at++);
    }
  }
  if (r->at >= r->end)
    return refuse (r, "a string does not end");
  r->at++;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static struct ech_json *
read_number (struct reader *r)
{
  size_t           length = strspn (r->at, "+-0123456789.eE");
  g_autofree char *copy   = g_strndup (r->at, length);
  struct ech_json *json;
  char            *end;
  double           number = g_ascii_strtod (copy, &end);

  if (length == 0 || *end || !isfinite (number) || copy[0] == '+' || copy[0] == '.')
    return refuse (r, "“%.20s” is no number", copy);
  json         = new_json (r, ECH_JSON_NUMBER);
  json->number = number;
  r->at += length;
  return json;
}

static struct ech_json *
read_word (struct reader *r)
{
  static const struct {
    const char        *word;
    enum ech_json_type type;
  } words[] = { { "null", ECH_JSON_NULL }, { "true", ECH_JSON_TRUE }, { "false", ECH_JSON_FALSE } };

  for (unsigned i = 0; i < G_N_ELEMENTS (words); i++) {
    size_t length = strlen (words[i].word);

    if (strncmp (r->at, words[i].word, length) == 0) {
      r->at += length;
      return new_json (r, words[i].type);
    }
  }
  if ((guchar) *r->at < 0x20 || (guchar) *r->at > 0x7e)
    return refuse (r, "a value is missing");
  return refuse (r, "“%c” begins no value", *r->at);
}

/* One member or item into @json; false with the error set. */
static bool
read_item (struct reader *r, struct ech_json *json, unsigned depth)
{
  g_autofree char *name = NULL;
  struct ech_json *item;

  if (json->type == ECH_JSON_OBJECT) {
    if (next (r) != '"')
      return refuse (r, "a member's name in quotes is missing");
    if ((name = read_text (r)) == NULL)
      return false;
    if (ech_json_member (json, name))
      return refuse (r, "“%s” is there twice", name);
    if (next (r) != ':')
      return refuse (r, "a “:” after “%s” is missing", name);
    r->at++;
  }
  if ((item = read_value (r, depth + 1)) == NULL)
    return false;
  item->name = g_steal_pointer (&name);
  g_ptr_array_add (json->items, item);
  return true;
}

static struct ech_json *
read_group (struct reader *r, unsigned depth)
{
  char             close = *r->at == '{' ? '}' : ']';
  struct ech_json *json  = new_json (r, *r->at == '{' ? ECH_JSON_OBJECT : ECH_JSON_ARRAY);

  r->at++;
  if (next (r) == close) {
    r->at++;
    return json;
  }
  for (;;) {
    if (!read_item (r, json, depth))
      break;
    if (next (r) == close) {
      r->at++;
      return json;
    }
    if (*r->at != ',' || r->at >= r->end) {
      refuse (r, "a “,” or “%c” is missing", close);
      break;
    }
    r->at++;
  }
  ech_json_free (json);
  return NULL;
}

static struct ech_json *
read_value (struct reader *r, unsigned depth)
{
  struct ech_json *json;
  char            *text, c = next (r);

  if (depth > MAX_DEPTH)
    return refuse (r, "it is nested too deeply");
  if (c == '{' || c == '[')
    return read_group (r, depth);
  if (c == '"') {
    if ((text = read_text (r)) == NULL)
      return NULL;
    json       = new_json (r, ECH_JSON_STRING);
    json->text = text;
    return json;
  }
  return c == '-' || g_ascii_isdigit (c) ? read_number (r) : read_word (r);
}

struct ech_json *
ech_json_read (const char *text, gsize length, GError **error)
{
  struct reader    r    = { text, text + length, 1, error };
  g_autofree char *copy = g_strndup (text, length); /* ends with a NUL, wherever @text ends */
  struct ech_json *json;

  r.at  = copy;
  r.end = copy + length;
  if (strlen (copy) != length || !g_utf8_validate (copy, (gssize) length, NULL))
    return refuse (&r, "it is no text in UTF-8");
  json = read_value (&r, 0);
  if (json && next (&r) != '\0') {
    ech_json_free (json);
    return refuse (&r, "something follows the end");
  }
  return json;
}

const struct ech_json *
ech_json_member (const struct ech_json *object, const char *name)
{
  for (guint i = 0; object->type == ECH_JSON_OBJECT && i < object->items->len; i++) {
    const struct ech_json *item = object->items->pdata[i];

    if (strcmp (item->name, name) == 0)
      return item;
  }
  return NULL;
}

const char *
ech_json_type_name (enum ech_json_type type)
{
  static const char *const names[] = { "null",     "false",    "true",     "a number",
                                       "a string", "an array", "an object" };

  return names[type];
}

void
ech_json_append_string (GString *string, const char *text)
{
  g_string_append_c (string, '"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      g_string_append_printf (string, "\\%c", *text);
    else if (*text == '\n')
      g_string_append (string, "\\n");
    else if ((guchar) *text < 0x20)
      g_string_append_printf (string, "\\u%04x", (guchar) *text);
    else
      g_string_append_c (string, *text);
  }
  g_string_append_c (string, '"');
}

void
ech_json_append_number (GString *string, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (text, sizeof text, "%.10g", number);
  if (g_ascii_strtod (text, NULL) != number)
    g_ascii_dtostr (text, sizeof text, number);
  g_string_append (string, text);
}
