/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/bridge/serato.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

enum { FIELD_TITLE = 6, FIELD_ARTIST = 7, FIELD_START = 28, FIELD_DECK = 31, HEADER = 8 };

/* What is left to read. */
struct bytes {
  const uint8_t *at;
  size_t         n;
};

static uint32_t
big_endian (const uint8_t *at)
{
  return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

/* The next chunk; false at the end and where it is cut off. */
static bool
next_chunk (struct bytes *left, const uint8_t **out_tag, struct bytes *out_content)
{
  uint32_t length;

  if (left->n < HEADER)
    return false;
  length = big_endian (left->at + 4);
  if (length > left->n - HEADER)
    return false;
  *out_tag     = left->at;
  *out_content = (struct bytes){ left->at + HEADER, length };
  left->at += HEADER + length;
  left->n -= HEADER + length;
  return true;
}

static bool
is_tag (const uint8_t *tag, const char *name)
{
  return memcmp (tag, name, 4) == 0;
}

static void
read_text (const struct bytes *content, char *out_text)
{
  g_autofree gunichar2 *units = g_new (gunichar2, content->n / 2 + 1);
  g_autofree char      *text  = NULL;
  size_t                n     = content->n / 2;

  for (size_t i = 0; i < n; i++)
    units[i] = (gunichar2) (content->at[2 * i] << 8 | content->at[2 * i + 1]);
  while (n > 0 && units[n - 1] == 0)
    n--;
  text = g_utf16_to_utf8 (units, (glong) n, NULL, NULL, NULL);
  if (!text)
    return;
  g_strlcpy (out_text, text, ECH_SERATO_TEXT);
  /* not in the middle of a letter */
  for (const char *end; !g_utf8_validate (out_text, -1, &end);)
    out_text[end - out_text] = '\0';
}

static void
read_field (uint32_t number, const struct bytes *content, struct ech_serato_entry *entry)
{
  switch (number) {
  case FIELD_TITLE:
    read_text (content, entry->title);
    break;
  case FIELD_ARTIST:
    read_text (content, entry->artist);
    break;
  case FIELD_DECK:
    if (content->n == 4 && big_endian (content->at) <= ECH_SERATO_DECKS)
      entry->deck = big_endian (content->at);
    break;
  case FIELD_START:
    if (content->n == 4)
      entry->start_s = big_endian (content->at);
    break;
  default:
    break;
  }
}

static bool
read_entry (struct bytes content, struct ech_serato_entry *out_entry)
{
  const uint8_t *tag;
  struct bytes   inner, field;
  bool           found = false;

  *out_entry = (struct ech_serato_entry){ 0 };
  while (next_chunk (&content, &tag, &inner)) {
    if (!is_tag (tag, "adat"))
      continue;
    while (next_chunk (&inner, &tag, &field))
      read_field (big_endian (tag), &field, out_entry);
    found = out_entry->title[0] || out_entry->artist[0];
  }
  return found;
}

int
ech_serato_parse (const uint8_t *bytes, size_t n_bytes, EchSeratoFunc func, void *data)
{
  struct bytes            left = { bytes, n_bytes }, content;
  const uint8_t          *tag;
  struct ech_serato_entry entry;
  int                     n = 0;

  if (n_bytes < HEADER || !is_tag (bytes, "vrsn"))
    return -1;
  while (next_chunk (&left, &tag, &content)) {
    if (!is_tag (tag, "oent") || !read_entry (content, &entry))
      continue;
    func (&entry, data);
    n++;
  }
  return n;
}
