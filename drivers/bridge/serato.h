/* Serato's history files: which track was put on which deck.  Read only, seconds late.
 *
 * `_Serato_/History/Sessions/N.session`: chunks of a 4-byte tag, a 4-byte big-endian length and
 * content.  "oent" holds "adat", which holds fields (4-byte number, 4-byte length, content):
 * 6 title, 7 artist, 31 deck, 28 start time; texts are UTF-16BE.  Undocumented by the maker; known
 * from what others have read in such files (npm seratolibraryparser among them).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SERATO_H
#define ECH_SERATO_H

#include <stddef.h>
#include <stdint.h>

enum { ECH_SERATO_TEXT = 128, ECH_SERATO_DECKS = 4 };

/* @deck: 1 .. 4, 0 = not said; texts are UTF-8, "" = not said */
struct ech_serato_entry {
  uint32_t deck;
  uint32_t start_s; /* Unix time, 0 = not said */
  char     title[ECH_SERATO_TEXT];
  char     artist[ECH_SERATO_TEXT];
};

typedef void (*EchSeratoFunc) (const struct ech_serato_entry *entry, void *data);

/* @func is called for each entry in the file's order.  What is cut off at the end (Serato is
 * writing) or makes no sense is left out.
 * Returns: entries; -1 when this is no session file. */
int ech_serato_parse (const uint8_t *bytes, size_t n_bytes, EchSeratoFunc func, void *data);

#endif
