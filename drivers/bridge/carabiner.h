/* Carabiner's language: lines of text over TCP, with EDN maps in them.
 *
 * Source: the README of Deep Symmetry's Carabiner.  Pure: bytes in, words out.
 * Echelon sends `version`, `status` and `bpm N`, and nothing else: above all never
 * force-beat-at-time, which tears the session of everybody.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_CARABINER_H
#define ECH_CARABINER_H

#include <stdbool.h>
#include <stddef.h>

enum { ECH_CARABINER_LINE = 512 };

enum ech_carabiner_kind {
  ECH_CARABINER_STATUS,  /* bpm, peers, beat */
  ECH_CARABINER_VERSION, /* text */
  ECH_CARABINER_REFUSED, /* text: what it did not take */
  ECH_CARABINER_OTHER,   /* a word of its own that does not concern us */
  ECH_CARABINER_GARBAGE, /* not Carabiner's language */
};

/* @bpm, @beat: NAN where the line had none; @peers: -1 */
struct ech_carabiner_word {
  enum ech_carabiner_kind kind;
  double                  bpm;
  double                  beat;
  int                     peers;
  char                    text[64];
};

/* Zeroed to begin with. */
struct ech_carabiner_reader {
  char   line[ECH_CARABINER_LINE];
  size_t n;
  bool   overlong; /* the rest of a line that is too long is skipped */
};

typedef void (*EchCarabinerFunc) (const struct ech_carabiner_word *word, void *data);

/* @func is called for each whole line; half a line waits for its other half. */
void ech_carabiner_feed (struct ech_carabiner_reader *reader,
                         const char                  *bytes,
                         size_t                       n_bytes,
                         EchCarabinerFunc             func,
                         void                        *data);

/* One line without its end. */
void ech_carabiner_parse (const char *line, struct ech_carabiner_word *out_word);

/* Versions 1.x are spoken. */
bool ech_carabiner_version_fits (const char *version);

#endif
