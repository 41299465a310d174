/* The bridge's parts without a socket: the line's states, Carabiner's language, Serato's files.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <math.h>
#include <string.h>

#include "drivers/bridge/bridge-link.h"
#include "drivers/bridge/carabiner.h"
#include "drivers/bridge/serato.h"

#define MS UINT64_C (1000000)
#define T0 (UINT64_C (1000) * 1000 * MS)

/* Ticks each 10 ms up to @until; returns how often @duty was asked for. */
static unsigned
pass (struct ech_bridge_link *link, uint64_t from, uint64_t until, enum ech_bridge_duty duty)
{
  enum ech_bridge_duty got;
  unsigned             n = 0;

  for (uint64_t now = from; now < until; now += 10 * MS) {
    unsigned guard = 0;

    while ((got = ech_bridge_link_tick (link, now)) != ECH_BRIDGE_REST) {
      n += got == duty;
      g_assert_cmpuint (guard++, <, 4);
    }
  }
  return n;
}

static void
test_handshake (void)
{
  struct ech_bridge_link link;

  ech_bridge_link_start (&link, T0);
  g_assert_cmpint (ech_bridge_link_tick (&link, T0), ==, ECH_BRIDGE_OPEN);
  g_assert_cmpuint (pass (&link, T0, T0 + 2500 * MS, ECH_BRIDGE_ASK), ==, 2);
  ech_bridge_link_heard (&link, T0 + 2500 * MS); /* a word alone proves nothing */
  g_assert_cmpuint (link.state, ==, ECH_BRIDGE_CONNECTING);
  ech_bridge_link_verified (&link, "1.2", T0 + 2500 * MS);
  g_assert_cmpuint (link.state, ==, ECH_BRIDGE_CONNECTED);
  g_assert_cmpstr (link.version, ==, "1.2");

  /* silence, and its end */
  pass (&link, T0 + 2500 * MS, T0 + 5480 * MS, ECH_BRIDGE_ASK);
  g_assert_cmpuint (link.state, ==, ECH_BRIDGE_CONNECTED);
  pass (&link, T0 + 5500 * MS, T0 + 5520 * MS, ECH_BRIDGE_ASK);
  g_assert_cmpuint (link.state, ==, ECH_BRIDGE_STALE);
  ech_bridge_link_heard (&link, T0 + 6000 * MS);
  g_assert_cmpuint (link.state, ==, ECH_BRIDGE_CONNECTED);

  /* silence for good */
  g_assert_cmpuint (pass (&link, T0 + 6000 * MS, T0 + 16100 * MS, ECH_BRIDGE_CLOSE), ==, 1);
  g_assert_cmpuint (link.state, ==, ECH_BRIDGE_BACKOFF);
  g_assert_cmpstr (link.version, ==, "");
}

static void
test_backoff (void)
{
  static const unsigned  waits_ms[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
  struct ech_bridge_link link;
  uint64_t               now = T0;

  ech_bridge_link_start (&link, now);
  for (unsigned i = 0; i < G_N_ELEMENTS (waits_ms); i++) {
    ech_bridge_link_failed (&link, "not there", now);
    g_assert_cmpuint (ech_bridge_link_due_ns (&link, now), ==, now + waits_ms[i] * MS);
    g_assert_cmpuint (pass (&link, now, now + (waits_ms[i] - 5) * MS, ECH_BRIDGE_OPEN), ==, 0);
    now += waits_ms[i] * MS;
    g_assert_cmpint (ech_bridge_link_tick (&link, now), ==, ECH_BRIDGE_OPEN);
    g_assert_cmpuint (link.state, ==, ECH_BRIDGE_CONNECTING);
  }
  ech_bridge_link_verified (&link, "", now);
  ech_bridge_link_failed (&link, "gone", now); /* a success makes it hopeful again */
  g_assert_cmpuint (ech_bridge_link_due_ns (&link, now), ==, now + 1000 * MS);
  ech_bridge_link_mismatch (&link, "too old", now);
  g_assert_cmpuint (ech_bridge_link_due_ns (&link, now), ==, now + 30000 * MS);
  ech_bridge_link_verified (&link, "9", now); /* an answer that comes after all is too late */
  g_assert_cmpuint (link.state, ==, ECH_BRIDGE_BACKOFF);
}

static void
test_carabiner_lines (void)
{
  static const struct {
    const char             *line;
    enum ech_carabiner_kind kind;
    double                  bpm;
    int                     peers;
  } lines[] = {
    { "status { :peers 2 :bpm 128.500000 :start 73743731220 :beat 597.737570 }",
      ECH_CARABINER_STATUS, 128.5, 2 },
    { "status {:bpm 90,:peers 0}", ECH_CARABINER_STATUS, 90, 0 },
    { "status { :bpm 128.5 }", ECH_CARABINER_STATUS, 128.5, -1 },
    { "status { :peers 2 }", ECH_CARABINER_GARBAGE, NAN, -1 },
    { "status { :xbpm 120 }", ECH_CARABINER_GARBAGE, NAN, -1 },
    { "status { :bpm fast }", ECH_CARABINER_GARBAGE, NAN, -1 },
    { "status { :bpm -3 }", ECH_CARABINER_GARBAGE, NAN, -1 },
    { "status { :bpm nan }", ECH_CARABINER_GARBAGE, NAN, -1 },
    { "status :bpm 120", ECH_CARABINER_GARBAGE, NAN, -1 },
    { "version \"1.1.6\"", ECH_CARABINER_VERSION, NAN, -1 },
    { "version \"\"", ECH_CARABINER_GARBAGE, NAN, -1 },
    { "version 1.1", ECH_CARABINER_GARBAGE, NAN, -1 },
    { "bad-bpm x", ECH_CARABINER_REFUSED, NAN, -1 },
    { "unsupported hello", ECH_CARABINER_REFUSED, NAN, -1 },
    { "beat-at-time { :when 1 :quantum 4.0 :beat 3.0 }", ECH_CARABINER_OTHER, NAN, -1 },
    { "GET / HTTP/1.1", ECH_CARABINER_GARBAGE, NAN, -1 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++) {
    struct ech_carabiner_word word;

    ech_carabiner_parse (lines[i].line, &word);
    g_test_message ("%s", lines[i].line);
    g_assert_cmpint (word.kind, ==, lines[i].kind);
    if (word.kind == ECH_CARABINER_STATUS) {
      g_assert_cmpfloat (word.bpm, ==, lines[i].bpm);
      g_assert_cmpint (word.peers, ==, lines[i].peers);
    }
  }
  g_assert_true (ech_carabiner_version_fits ("1.1.6"));
  g_assert_false (ech_carabiner_version_fits ("2.0"));
  g_assert_false (ech_carabiner_version_fits ("11.0"));
}

static void
collect (const struct ech_carabiner_word *word, void *data)
{
  g_string_append_c (data, "SVROG"[word->kind]);
}

/* The same words come out however the bytes are cut; an endless line costs itself alone. */
static void
test_carabiner_pieces (void)
{
  g_autoptr (GString) text = g_string_new ("version \"1.1.6\"\r\nstatus { :bpm 120.0 }\n\n");
  g_autoptr (GRand) rand   = g_rand_new_with_seed (7);

  for (int i = 0; i < 5000; i++)
    g_string_append_c (text, 'x');
  g_string_append (text, "\nstatus { :bpm 99.0 }\nbad-bpm 0\n\xff\xfe\nstatus { :bpm 1");
  for (int run = 0; run < 200; run++) {
    struct ech_carabiner_reader reader = { 0 };
    g_autoptr (GString) words          = g_string_new (NULL);

    for (gsize at = 0; at < text->len;) {
      gsize n = MIN ((gsize) g_rand_int_range (rand, 1, run + 2), text->len - at);

      ech_carabiner_feed (&reader, text->str + at, n, collect, words);
      at += n;
    }
    g_assert_cmpstr (words->str, ==, "VSGSRG"); /* the last is half a line */
  }
}

static void
test_carabiner_garbage (void)
{
  g_autoptr (GRand) rand             = g_rand_new_with_seed (11);
  struct ech_carabiner_reader reader = { 0 };
  g_autoptr (GString) words          = g_string_new (NULL);
  static const char alphabet[]       = "status version{} :bpm\"0123.-\n\r\xff";
  char              bytes[256];

  for (int run = 0; run < 20000; run++) {
    for (size_t i = 0; i < sizeof bytes; i++)
      bytes[i] = alphabet[g_rand_int_range (rand, 0, sizeof alphabet)];
    ech_carabiner_feed (&reader, bytes, sizeof bytes, collect, words);
  }
  g_assert_cmpuint (words->len, >, 10000);
}

/* --- Serato ---------------------------------------------------------------------------- */

static void
put_u32 (GByteArray *bytes, guint32 number)
{
  guint32 big = GUINT32_TO_BE (number);

  g_byte_array_append (bytes, (guint8 *) &big, 4);
}

static void
put_chunk (GByteArray *bytes, const char *tag, const GByteArray *content)
{
  g_byte_array_append (bytes, (const guint8 *) tag, 4);
  put_u32 (bytes, content->len);
  g_byte_array_append (bytes, content->data, content->len);
}

static void
put_text (GByteArray *bytes, guint32 field, const char *text)
{
  glong                n     = 0;
  g_autofree gunichar2 *units = g_utf8_to_utf16 (text, -1, NULL, &n, NULL);

  put_u32 (bytes, field);
  put_u32 (bytes, (guint32) (n + 1) * 2);
  for (glong i = 0; i <= n; i++) {
    guint8 big[2] = { (guint8) (units[i] >> 8), (guint8) units[i] };

    g_byte_array_append (bytes, big, 2);
  }
}

static void
put_number (GByteArray *bytes, guint32 field, guint32 number)
{
  put_u32 (bytes, field);
  put_u32 (bytes, 4);
  put_u32 (bytes, number);
}

static void
put_entry (GByteArray *bytes, guint32 deck, guint32 start_s, const char *title)
{
  g_autoptr (GByteArray) fields = g_byte_array_new();
  g_autoptr (GByteArray) adat   = g_byte_array_new();

  put_number (fields, 1, 77);
  put_text (fields, 6, title);
  put_text (fields, 7, "Björk");
  put_number (fields, 28, start_s);
  put_number (fields, 31, deck);
  put_chunk (adat, "adat", fields);
  put_chunk (bytes, "oent", adat);
}

static GByteArray *
session_file (void)
{
  GByteArray *bytes                 = g_byte_array_new();
  g_autoptr (GByteArray) version    = g_byte_array_new();

  put_text (version, 0, "1.0/Serato Scratch LIVE Review");
  put_chunk (bytes, "vrsn", version);
  put_entry (bytes, 1, 1000, "Jóga");
  put_entry (bytes, 2, 1200, "Hyperballad");
  return bytes;
}

struct log {
  struct ech_serato_entry entries[8];
  unsigned                n;
};

static void
keep (const struct ech_serato_entry *entry, void *data)
{
  struct log *log = data;

  g_assert_true (g_utf8_validate (entry->title, -1, NULL));
  g_assert_true (g_utf8_validate (entry->artist, -1, NULL));
  if (log->n < G_N_ELEMENTS (log->entries))
    log->entries[log->n] = *entry;
  log->n++;
}

static void
test_serato (void)
{
  g_autoptr (GByteArray) bytes = session_file();
  struct log log               = { 0 };

  g_assert_cmpint (ech_serato_parse (bytes->data, bytes->len, keep, &log), ==, 2);
  g_assert_cmpstr (log.entries[0].title, ==, "Jóga");
  g_assert_cmpstr (log.entries[0].artist, ==, "Björk");
  g_assert_cmpuint (log.entries[0].deck, ==, 1);
  g_assert_cmpuint (log.entries[1].start_s, ==, 1200);
  g_assert_cmpstr (log.entries[1].title, ==, "Hyperballad");
  g_assert_cmpint (ech_serato_parse ((const guint8 *) "RIFFxxxxWAVE", 12, keep, &log), ==, -1);
  g_assert_cmpint (ech_serato_parse (bytes->data, 3, keep, &log), ==, -1);
}

/* Cut off anywhere (it is being written) and with any byte changed: fewer entries, no nonsense. */
static void
test_serato_damage (void)
{
  g_autoptr (GByteArray) bytes = session_file();
  g_autoptr (GRand) rand       = g_rand_new_with_seed (13);

  for (guint n = 8; n < bytes->len; n++) {
    g_autofree guint8 *cut = g_memdup2 (bytes->data, n); /* its end is the heap's end to ASan */
    struct log         log = { 0 };

    g_assert_cmpint (ech_serato_parse (cut, n, keep, &log), <=, 1);
  }
  for (int run = 0; run < 20000; run++) {
    g_autofree guint8 *changed = g_memdup2 (bytes->data, bytes->len);
    struct log         log     = { 0 };

    for (int i = g_rand_int_range (rand, 1, 5); i > 0; i--)
      changed[g_rand_int_range (rand, 0, (gint32) bytes->len)] = (guint8) g_rand_int (rand);
    g_assert_cmpint (ech_serato_parse (changed, bytes->len, keep, &log), <, 20);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bridge/handshake", test_handshake);
  g_test_add_func ("/bridge/backoff", test_backoff);
  g_test_add_func ("/bridge/carabiner-lines", test_carabiner_lines);
  g_test_add_func ("/bridge/carabiner-pieces", test_carabiner_pieces);
  g_test_add_func ("/bridge/carabiner-garbage", test_carabiner_garbage);
  g_test_add_func ("/bridge/serato", test_serato);
  g_test_add_func ("/bridge/serato-damage", test_serato_damage);
  return g_test_run();
}
