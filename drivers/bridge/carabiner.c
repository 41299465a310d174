/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/bridge/carabiner.h"

#include <glib.h>
#include <math.h>
#include <string.h>

/* The value behind @key in a flat EDN map, NAN without one. */
static double
map_number (const char *map, const char *key)
{
  size_t length = strlen (key);

  for (const char *at = map; (at = strstr (at, key)) != NULL; at += length) {
    char  *end;
    double number;

    if ((at != map && !strchr (" {,", at[-1])) || (at[length] != ' ' && at[length] != ','))
      continue;
    number = g_ascii_strtod (at + length, &end);
    return end != at + length && strchr (" ,}", *end) && isfinite (number) ? number : NAN;
  }
  return NAN;
}

static bool
begins (const char *line, const char *word)
{
  return g_str_has_prefix (line, word) && strchr (" ", line[strlen (word)]);
}

static void
parse_status (const char *line, struct ech_carabiner_word *out_word)
{
  const char *map   = strchr (line, '{');
  const char *end   = strrchr (line, '}');
  double      peers = NAN;

  if (!map || !end || end < map)
    return;
  out_word->bpm  = map_number (map, ":bpm");
  out_word->beat = map_number (map, ":beat");
  peers          = map_number (map, ":peers");
  if (isnan (out_word->bpm) || out_word->bpm <= 0)
    return;
  if (peers >= 0 && peers < 1e6)
    out_word->peers = (int) peers;
  out_word->kind = ECH_CARABINER_STATUS;
}

static void
parse_version (const char *line, struct ech_carabiner_word *out_word)
{
  const char *from = strchr (line, '"');
  const char *to   = from ? strchr (from + 1, '"') : NULL;

  if (!to || to == from + 1 || (size_t) (to - from) > sizeof out_word->text)
    return;
  memcpy (out_word->text, from + 1, (size_t) (to - from - 1));
  out_word->kind = ECH_CARABINER_VERSION;
}

void
ech_carabiner_parse (const char *line, struct ech_carabiner_word *out_word)
{
  static const char *const others[] = { "beat-at-time", "phase-at-time", "time-at-beat" };

  *out_word = (struct ech_carabiner_word){
    .kind = ECH_CARABINER_GARBAGE, .bpm = NAN, .beat = NAN, .peers = -1
  };
  if (begins (line, "status")) {
    parse_status (line, out_word);
  } else if (begins (line, "version")) {
    parse_version (line, out_word);
  } else if (g_str_has_prefix (line, "bad-") || begins (line, "unsupported")) {
    g_strlcpy (out_word->text, line, sizeof out_word->text);
    out_word->kind = ECH_CARABINER_REFUSED;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++) {
    if (begins (line, others[i]))
      out_word->kind = ECH_CARABINER_OTHER;
  }
}

static void
end_line (struct ech_carabiner_reader *reader, EchCarabinerFunc func, void *data)
{
  struct ech_carabiner_word word = { .kind = ECH_CARABINER_GARBAGE, .bpm = NAN, .beat = NAN,
                                     .peers = -1 };

  if (reader->n > 0 && reader->line[reader->n - 1] == '\r')
    reader->n--;
  reader->line[reader->n] = '\0';
  if (!reader->overlong && reader->n > 0 && g_utf8_validate (reader->line, (gssize) reader->n, NULL))
    ech_carabiner_parse (reader->line, &word);
  if (reader->n > 0 || reader->overlong)
    func (&word, data);
  reader->n        = 0;
  reader->overlong = false;
}

void
ech_carabiner_feed (struct ech_carabiner_reader *reader,
                    const char                  *bytes,
                    size_t                       n_bytes,
                    EchCarabinerFunc             func,
                    void                        *data)
{
  for (size_t i = 0; i < n_bytes; i++) {
    if (bytes[i] == '\n')
      end_line (reader, func, data);
    else if (reader->n < sizeof reader->line - 1)
      reader->line[reader->n++] = bytes[i];
    else
      reader->overlong = true;
  }
}

bool
ech_carabiner_version_fits (const char *version)
{
  return g_str_has_prefix (version, "1.");
}
