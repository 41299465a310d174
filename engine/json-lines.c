/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/json-lines.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <string.h>

enum { SHOWN = 40 };

struct _EchJsonLines {
  GHashTable *values; /* "PARENT/key" -> number */
  GArray     *lines;  /* unsigned, by number; [0] is none */
};

struct scan {
  const char   *at;
  const char   *end;
  unsigned      line;
  unsigned      depth, most_depth;
  EchJsonLines *lines;
  GError      **error;
};

static gboolean scan_value (struct scan *scan, unsigned number);

/* @sentence may have one %s: what stands there instead. */
static gboolean
fail (struct scan *scan, const char *sentence)
{
  g_autofree char *found = NULL;
  const char      *place = strstr (sentence, "%s");
  gunichar         c;

  if (scan->at >= scan->end)
    found = g_strdup ("the end of the text");
  else {
    c     = g_utf8_get_char (scan->at);
    found = g_unichar_isgraph (c)
                ? g_strdup_printf ("“%.*s”", (int) (g_utf8_next_char (scan->at) - scan->at), scan->at)
                : g_strdup_printf ("the character U+%04X", c);
  }
  if (place == NULL)
    g_set_error_literal (scan->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, sentence);
  else
    g_set_error (scan->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%.*s%s%s",
                 (int) (place - sentence), sentence, found, place + 2);
  return FALSE;
}

static void
skip_space (struct scan *scan)
{
  for (; scan->at < scan->end && strchr (" \t\r\n", *scan->at) != NULL && *scan->at != '\0'; scan->at++)
    if (*scan->at == '\n')
      scan->line++;
}

static gboolean
take (struct scan *scan, char c)
{
  if (scan->at >= scan->end || *scan->at != c)
    return FALSE;
  scan->at++;
  return TRUE;
}

static gboolean
scan_escape (struct scan *scan)
{
  unsigned code = 0;

  if (scan->at < scan->end && strchr ("\"\\/bfnrt", *scan->at) != NULL && *scan->at != '\0') {
    scan->at++;
    return TRUE;
  }
  if (!take (scan, 'u'))
    return fail (scan, "after “\\” in a text stands one of \" \\ / b f n r t u, not %s");
  for (int i = 0; i < 4; i++, scan->at++) {
    if (scan->at >= scan->end || !g_ascii_isxdigit (*scan->at))
      return fail (scan, "after “\\u” in a text stand four hexadecimal digits, not %s");
    code = code * 16 + (unsigned) g_ascii_xdigit_value (*scan->at);
  }
  if (code == 0 || (code >= 0xd800 && code < 0xe000))
    return fail (scan, "a text holds neither “\\u0000” nor halves of characters: write the character itself");
  return TRUE;
}

static gboolean
scan_string (struct scan *scan)
{
  if (!take (scan, '"'))
    return fail (scan, "a key or a text in double quotes is expected, not %s");
  while (!take (scan, '"')) {
    if (scan->at >= scan->end || *scan->at == '\n')
      return fail (scan, "a text is not closed: its double quote is missing");
    if ((unsigned char) *scan->at < 0x20)
      return fail (scan, "a text cannot hold %s: write it with “\\”");
    if (!take (scan, '\\'))
      scan->at++;
    else if (!scan_escape (scan))
      return FALSE;
  }
  return TRUE;
}

static gboolean
scan_digits (struct scan *scan)
{
  const char *begin = scan->at;

  while (scan->at < scan->end && g_ascii_isdigit (*scan->at))
    scan->at++;
  return scan->at > begin || fail (scan, "a digit is expected, not %s");
}

static gboolean
scan_number (struct scan *scan)
{
  take (scan, '-');
  if (take (scan, '0')) {
    if (scan->at < scan->end && g_ascii_isdigit (*scan->at))
      return fail (scan, "a number begins with 0 only before its point");
  } else if (!scan_digits (scan)) {
    return FALSE;
  }
  if (take (scan, '.') && !scan_digits (scan))
    return FALSE;
  if (!take (scan, 'e') && !take (scan, 'E'))
    return TRUE;
  if (!take (scan, '-'))
    take (scan, '+');
  return scan_digits (scan);
}

static gboolean
scan_word (struct scan *scan)
{
  static const char *const words[] = { "true", "false", "null" };

  for (unsigned i = 0; i < G_N_ELEMENTS (words); i++) {
    size_t length = strlen (words[i]);

    if ((size_t) (scan->end - scan->at) >= length && memcmp (scan->at, words[i], length) == 0) {
      scan->at += length;
      return TRUE;
    }
  }
  if (scan->at < scan->end && (*scan->at == '/' || *scan->at == '#'))
    return fail (scan, "comments are not accepted");
  return fail (scan, "a value is expected (a text in double quotes, a number, true, false, [ or {), not %s");
}

/* The number of a new value; 0 when the parent has one of that key. */
static unsigned
remember (struct scan *scan, unsigned parent, const char *key)
{
  unsigned number = scan->lines->lines->len;

  if (!g_hash_table_insert (scan->lines->values, g_strdup_printf ("%u/%s", parent, key),
                            GUINT_TO_POINTER (number)))
    return 0;
  g_array_append_val (scan->lines->lines, scan->line);
  return number;
}

static gboolean
scan_item (struct scan *scan, unsigned parent, unsigned index)
{
  char key[16];

  g_snprintf (key, sizeof key, "%u", index);
  return scan_value (scan, remember (scan, parent, key));
}

/* The key as JSON-GLib will read it. */
static char *
decode_key (const char *begin, const char *end)
{
  g_autofree char     *quoted = g_strndup (begin, (size_t) (end - begin));
  g_autoptr (JsonNode) node   = NULL;

  if (strchr (quoted, '\\') != NULL)
    node = json_from_string (quoted, NULL);
  if (node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_string (node) != NULL)
    return json_node_dup_string (node);
  return g_strndup (begin + 1, (size_t) (end - begin - 2));
}

static gboolean
scan_member (struct scan *scan, unsigned parent)
{
  g_autofree char *key   = NULL;
  const char      *begin = scan->at;
  unsigned         number;

  if (!scan_string (scan))
    return FALSE;
  key = decode_key (begin, scan->at);
  number = remember (scan, parent, key);
  if (number == 0) {
    g_autofree char *shown = g_utf8_substring (key, 0, MIN (SHOWN, g_utf8_strlen (key, -1)));

    g_set_error (scan->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "“%s” is given twice: each key may stand there once", shown);
    return FALSE;
  }
  skip_space (scan);
  if (!take (scan, ':'))
    return fail (scan, "“:” is expected after a key, not %s");
  skip_space (scan);
  return scan_value (scan, number);
}

static gboolean
scan_list (struct scan *scan, unsigned number, char close)
{
  unsigned n = 0;

  if (++scan->depth > scan->most_depth)
    return fail (scan, "there are too many levels of { and [");
  skip_space (scan);
  while (n > 0 || !take (scan, close)) {
    skip_space (scan);
    if (n > 0 && scan->at < scan->end && *scan->at == close)
      return fail (scan, "a comma stands before %s: after the last item there is none");
    if (!(close == '}' ? scan_member (scan, number) : scan_item (scan, number, n)))
      return FALSE;
    n++;
    skip_space (scan);
    if (take (scan, close))
      break;
    if (!take (scan, ','))
      return fail (scan, close == '}' ? "“,” or “}” is expected, not %s" : "“,” or “]” is expected, not %s");
  }
  scan->depth--;
  return TRUE;
}

static gboolean
scan_value (struct scan *scan, unsigned number)
{
  if (take (scan, '{'))
    return scan_list (scan, number, '}');
  if (take (scan, '['))
    return scan_list (scan, number, ']');
  if (scan->at < scan->end && *scan->at == '"')
    return scan_string (scan);
  if (scan->at < scan->end && (*scan->at == '-' || g_ascii_isdigit (*scan->at)))
    return scan_number (scan);
  return scan_word (scan);
}

static gboolean
scan_text (struct scan *scan)
{
  const char *end = scan->end;

  if (!g_utf8_validate_len (scan->at, (size_t) (end - scan->at), &end)) {
    for (const char *at = scan->at; at < end; at++)
      scan->line += *at == '\n';
    g_set_error_literal (scan->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "the text is not UTF-8");
    return FALSE;
  }
  skip_space (scan);
  if (!scan_value (scan, remember (scan, 0, "")))
    return FALSE;
  skip_space (scan);
  return scan->at == scan->end || fail (scan, "the text goes on after its end with %s");
}

EchJsonLines *
ech_json_lines_new (const char *text,
                    size_t      length,
                    unsigned    most_depth,
                    unsigned   *out_line,
                    GError    **error)
{
  g_autoptr (EchJsonLines) lines = g_new0 (EchJsonLines, 1);
  struct scan              scan  = {
                  .at         = text,
                  .end        = text + length,
                  .line       = 1,
                  .most_depth = most_depth,
                  .lines      = lines,
                  .error      = error,
  };
  gboolean good;

  lines->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  lines->lines  = g_array_new (FALSE, TRUE, sizeof (unsigned));
  g_array_set_size (lines->lines, 1);
  good = scan_text (&scan);
  if (out_line != NULL)
    *out_line = scan.line;
  return good ? g_steal_pointer (&lines) : NULL;
}

void
ech_json_lines_free (EchJsonLines *lines)
{
  if (lines == NULL)
    return;
  g_hash_table_unref (lines->values);
  g_array_unref (lines->lines);
  g_free (lines);
}

unsigned
ech_json_lines_find (EchJsonLines *lines, unsigned value, const char *key)
{
  g_autofree char *name = g_strdup_printf ("%u/%s", value, key);

  return GPOINTER_TO_UINT (g_hash_table_lookup (lines->values, name));
}

unsigned
ech_json_lines_line (EchJsonLines *lines, unsigned value)
{
  return value < lines->lines->len ? g_array_index (lines->lines, unsigned, value) : 0;
}
