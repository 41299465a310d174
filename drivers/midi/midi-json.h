/* JSON that remembers its lines, so that a sentence can say where something is wrong.
 *
 * json-glib reads JSON too, but once read no node knows its line any more.
 * Depth and size are bounded; numbers are read whatever the locale.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MIDI_JSON_H
#define ECH_MIDI_JSON_H

#include <glib.h>
#include <stdbool.h>

enum ech_json_type {
  ECH_JSON_NULL,
  ECH_JSON_FALSE,
  ECH_JSON_TRUE,
  ECH_JSON_NUMBER,
  ECH_JSON_STRING,
  ECH_JSON_ARRAY,
  ECH_JSON_OBJECT,
};

/**
 * struct ech_json:
 * @line: 1-based, where it begins
 * @name: of an object's member, else NULL
 * @text: of a string
 * @items: (element-type struct ech_json): of an array or object
 */
struct ech_json {
  enum ech_json_type type;
  unsigned           line;
  char              *name;
  double             number;
  char              *text;
  GPtrArray         *items;
};

/**
 * ech_json_read:
 * Returns: the whole of @text as a value; NULL with @error set (G_IO_ERROR_INVALID_DATA,
 * "line 3: ...") when it is not JSON.
 */
struct ech_json *ech_json_read (const char *text, gsize length, GError **error);
void             ech_json_free (struct ech_json *json);

/* The member @name of an object, or NULL. */
const struct ech_json *ech_json_member (const struct ech_json *object, const char *name);

/* "a string", "a number", ... */
const char *ech_json_type_name (enum ech_json_type type);

/* @text with quotes, as JSON has it. */
void ech_json_append_string (GString *string, const char *text);

/* Shortest text that reads back as @number. */
void ech_json_append_number (GString *string, double number);

#endif
