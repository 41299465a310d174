/* What is understood of what a hand does, by gestures of real controllers.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "drivers/midi/midi-learn.h"
#include "tests/midi/midi-fixture.h"

#define MS UINT64_C (1000000)

struct hand {
  struct ech_midi_learn      learn;
  struct ech_midi_parser     parser;
  struct ech_midi_understood understood;
  uint64_t                   now_ns;
};

/* @hex, and then @ms of time. */
static void
touch (struct hand *hand, const char *hex, unsigned ms)
{
  struct ech_midi_message message;
  g_auto (GStrv) words = g_strsplit (hex, " ", -1);

  for (char **word = words; *word; word++)
    if (ech_midi_parser_feed (&hand->parser, (uint8_t) strtoul (*word, NULL, 16), &message))
      ech_midi_learn_take (&hand->learn, &message, hand->now_ns);
  hand->now_ns += ms * MS;
}

static void
cc (struct hand *hand, unsigned status, unsigned number, unsigned value, unsigned ms)
{
  g_autofree char *hex = g_strdup_printf ("%02X %02X %02X", status, number, value);

  touch (hand, hex, ms);
}

static void
begin (struct hand *hand)
{
  memset (hand, 0, sizeof *hand);
  hand->now_ns = 1000 * MS;
  ech_midi_learn_begin (&hand->learn);
}

/* "CONTROL: KIND" with " ?" behind it if it is not sure. */
static void
expect (struct hand *hand, const char *what)
{
  char             control[64];
  g_autofree char *got = NULL;

  ech_midi_learn_judge (&hand->learn, &hand->understood);
  if (!hand->understood.found) {
    g_assert_cmpstr ("nothing", ==, what);
    return;
  }
  ech_midi_control_describe (&hand->understood.control, control, sizeof control);
  got = g_strdup_printf ("%s: %s%s", control,
                         ech_midi_kind_describe (&hand->understood.control, hand->understood.kind,
                                                 hand->understood.encoding),
                         hand->understood.sure ? "" : " ?");
  g_assert_cmpstr (got, ==, what);
  g_assert_true (hand->understood.sure || hand->understood.hint);
}

static void
test_buttons (void)
{
  struct hand hand;

  begin (&hand);
  expect (&hand, "nothing");
  touch (&hand, "F8 FE F0 01 02 F7 D0 10 A0 0B 10", 10);
  expect (&hand, "nothing");
  g_assert_false (ech_midi_learn_is_over (&hand.learn, hand.now_ns + 10000 * MS));
  touch (&hand, "90 0B 7F", 90);
  g_assert_false (ech_midi_learn_is_over (&hand.learn, hand.now_ns));
  touch (&hand, "80 0B 00", 700);
  g_assert_true (ech_midi_learn_is_over (&hand.learn, hand.now_ns));
  expect (&hand, "note 11 on channel 1: button");
  g_assert_false (hand.understood.no_release);

  begin (&hand);
  touch (&hand, "9E 34 7F", 100);
  expect (&hand, "note 52 on channel 15: button");
  g_assert_true (hand.understood.no_release);

  begin (&hand); /* a CC button */
  touch (&hand, "B0 29 7F", 100);
  touch (&hand, "B0 29 00", 700);
  expect (&hand, "controller 41 on channel 1: button");

  begin (&hand); /* a switch that stays */
  touch (&hand, "B0 05 7F", 900);
  expect (&hand, "controller 5 on channel 1: switch ?");
  begin (&hand);
  touch (&hand, "B0 05 00", 900);
  expect (&hand, "controller 5 on channel 1: switch");
}

/* Faders are 0 to 7, the buttons under them 32 to 39: as if they were their fine halves. */
static void
test_nanokontrol2 (void)
{
  struct hand hand;

  begin (&hand);
  touch (&hand, "B0 20 7F", 80);
  touch (&hand, "B0 20 00", 700);
  expect (&hand, "controller 32 on channel 1: button");

  begin (&hand);
  for (unsigned v = 10; v < 90; v += 2)
    cc (&hand, 0xb0, 0x00, v, 8);
  expect (&hand, "controller 0 on channel 1: fader or knob");

  begin (&hand); /* the button is hit while the fader moves, and again and again */
  for (unsigned v = 10; v < 90; v += 2) {
    cc (&hand, 0xb0, 0x00, v, 2);
    cc (&hand, 0xb0, 0x20, v & 2 ? 127 : 0, 6);
  }
  expect (&hand, "controller 0 on channel 1: fader or knob");
}

/* The jog's controllers lie where fine halves would; its plate sends a note. */
static void
test_flx4_jog (void)
{
  struct hand hand;

  begin (&hand);
  touch (&hand, "90 36 7F", 5);
  for (unsigned i = 0; i < 20; i++)
    cc (&hand, 0xb0, 0x22, i < 10 ? 0x41 + i % 3 : 0x3f - i % 2, 6);
  touch (&hand, "90 36 00", 5);
  cc (&hand, 0xb0, 0x21, 0x3f, 6);
  expect (&hand, "controller 34 on channel 1: encoder (offset from 64)");

  begin (&hand); /* the side; the tempo fader (1 would be its coarse half) moved long before */
  for (unsigned v = 30; v < 50; v++)
    cc (&hand, 0xb0, 0x01, v, 8);
  hand.now_ns += 300 * MS;
  for (unsigned i = 0; i < 40; i++)
    cc (&hand, 0xb0, 0x21, i < 20 ? 0x41 : 0x3f, 8);
  expect (&hand, "controller 33 on channel 1: encoder (offset from 64)");
}

static void
test_pairs (void)
{
  struct hand hand;

  begin (&hand); /* coarse, then fine */
  for (unsigned v = 2000; v < 9000; v += 333) {
    cc (&hand, 0xb6, 0x1f, v >> 7, 1);
    cc (&hand, 0xb6, 0x3f, v & 127, 9);
  }
  expect (&hand, "controllers 31 and 63 on channel 7: 14-bit fader or knob");

  begin (&hand); /* fine, then coarse; slowly, so that the coarse half stays */
  for (unsigned v = 2000; v < 2050; v += 7) {
    cc (&hand, 0xb6, 0x3f, v & 127, 0);
    cc (&hand, 0xb6, 0x1f, v >> 7, 9);
  }
  expect (&hand, "controllers 31 and 63 on channel 7: 14-bit fader or knob");

  begin (&hand); /* two hands on two controls 32 apart, at different times: no pair */
  for (unsigned v = 10; v < 50; v++) {
    cc (&hand, 0xb0, 0x05, v, 12);
    cc (&hand, 0xb0, 0x25, 127 - v, 12);
  }
  expect (&hand, "controller 5 on channel 1: fader or knob");

  begin (&hand); /* DDJ-T1: a jog of 14 bits */
  for (unsigned i = 0; i < 12; i++) {
    cc (&hand, 0xb0, 1, i < 6 ? 0 : 127, 0);
    cc (&hand, 0xb0, 33, i < 6 ? 1 + i % 2 : 126 + i % 2, 9);
  }
  expect (&hand, "controllers 1 and 33 on channel 1: encoder (two's complement)");

  begin (&hand);
  touch (&hand, "E0 00 30 E0 10 31 E0 20 33 90 51 7F 80 51 00", 10);
  touch (&hand, "E0 00 36 E0 10 38 E0 20 3F", 10);
  expect (&hand, "pitch bend on channel 1: 14-bit fader or knob (pitch bend)");
}

static void
test_encoders (void)
{
  static const struct {
    const char *why, *values, *kind;
  } cases[] = {
    { "two's complement", "01 01 01 02 01 7F 7F 7E 7F", "encoder (two's complement)" },
    { "only forwards", "01 01 02 01 01", "encoder (two's complement) ?" },
    { "only backwards", "7F 7F 7E 7F 7F", "encoder (two's complement)" },
    { "offset", "41 41 42 41 3F 3F 3E", "encoder (offset from 64)" },
    { "offset, only forwards", "41 41 41 42", "encoder (offset from 64) ?" },
    { "offset, only backwards", "3F 3F 3F 3E", "encoder (offset from 64)" },
    { "sign bit", "01 01 02 01 41 41 42 41", "encoder (sign bit)" },
    { "a knob at its lower end", "05 04 03 02 01 00 01 02 03", "fader or knob" },
    { "a knob slowly from its end", "01 02 03 04 05 06 07 08", "fader or knob" },
    { "a knob past its middle", "3C 3D 3E 3F 40 41 42", "fader or knob" },
    { "a knob at its upper end", "79 7B 7C 7E 7F", "fader or knob" },
    { "a knob moved a little", "30 31 32", "fader or knob ?" },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct hand      hand;
    g_autofree char *what = g_strdup_printf ("controller 9 on channel 1: %s", cases[i].kind);
    g_auto (GStrv) values = g_strsplit (cases[i].values, " ", -1);

    g_test_message ("%s", cases[i].why);
    begin (&hand);
    for (char **v = values; *v; v++)
      cc (&hand, 0xb0, 9, (unsigned) strtoul (*v, NULL, 16), 15);
    expect (&hand, what);
  }
}

/* A worn fader that trembles all the time must not be what was touched. */
static void
test_trembling (void)
{
  struct hand hand;

  begin (&hand);
  for (unsigned i = 0; i < 40; i++)
    cc (&hand, 0xb0, 0x13, 60 + i % 2, 20);
  touch (&hand, "90 0B 7F", 80);
  touch (&hand, "90 0B 00", 20);
  for (unsigned i = 0; i < 40; i++)
    cc (&hand, 0xb0, 0x13, 60 + i % 2, 20);
  expect (&hand, "note 11 on channel 1: button");
}

/* Whatever comes, and however much. */
static void
test_flood (void)
{
  struct hand hand;
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  struct ech_midi_message message;

  begin (&hand);
  for (unsigned i = 0; i < 200000; i++) {
    if (ech_midi_parser_feed (&hand.parser, (uint8_t) g_rand_int (rand), &message))
      ech_midi_learn_take (&hand.learn, &message, hand.now_ns);
    hand.now_ns += 320000;
    if (i % 1000 == 0)
      ech_midi_learn_judge (&hand.learn, &hand.understood);
  }
  g_assert_true (hand.understood.found);
}

/* What is made of it is a binding that the mapping takes, for every address; or a sentence. */
static void
test_bindings (void)
{
  static const struct {
    const char *hex, *address, *line;
  } cases[] = {
    { "90 0B 7F 90 0B 00", "/deck/a/play", "\"action\": \"/deck/a/play\", \"mode\": \"toggle\"}" },
    { "90 0B 7F 90 0B 00", "/deck/b/hotcue/3/jump", "\"mode\": \"pad\"}" },
    { "90 0B 7F 90 0B 00", "/deck/b/cue", "\"mode\": \"cue\"}" },
    { "90 0B 7F 90 0B 00", "/eq/a/low", "\"mode\": \"toggle\", \"value\": -26}" },
    { "90 0B 7F 90 0B 00", "/deck/a/stop", "\"action\": \"/deck/a/stop\"}" },
    { "90 0B 7F 90 0B 00", "/deck/a/bend", "\"mode\": \"hold\", \"value\": 0.03}" },
    { "B0 07 01 B0 07 05 B0 07 09 B0 07 20", "/crossfader",
      "{\"cc\": 7, \"channel\": 1, \"action\": \"/crossfader\"}" },
    { "B0 07 01 B0 07 05 B0 07 09 B0 07 20", "/deck/a/stop", NULL },
    { "B0 07 01 B0 07 01 B0 07 7F B0 07 7F", "/deck/a/beatjump",
      "\"kind\": \"encoder\", \"encoding\": \"twos-complement\"" },
    { "B0 07 01 B0 07 01 B0 07 7F B0 07 7F", "/deck/a/play", NULL },
    { "B0 07 00", "/deck/a/sync", "\"kind\": \"switch\"" },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct ech_midi_mapping *mapping = ech_midi_mapping_new ("Test");
    struct ech_midi_binding  binding;
    struct hand              hand;
    g_autofree char         *text = NULL;
    g_autoptr (GError) error      = NULL;
    gboolean added;

    begin (&hand);
    touch (&hand, cases[i].hex, 0);
    ech_midi_learn_judge (&hand.learn, &hand.understood);
    ech_midi_learn_binding (&hand.understood, cases[i].address, &binding);
    added = ech_midi_mapping_add (mapping, &binding, &midi_words, &error);
    text  = ech_midi_mapping_print (mapping);
    g_test_message ("%s: %s", cases[i].address, error ? error->message : text);
    g_assert_cmpint (added, ==, cases[i].line != NULL);
    if (cases[i].line)
      g_assert_nonnull (strstr (text, cases[i].line));
    ech_midi_mapping_free (mapping);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/midi/learn/buttons", test_buttons);
  g_test_add_func ("/midi/learn/nanokontrol2", test_nanokontrol2);
  g_test_add_func ("/midi/learn/flx4-jog", test_flx4_jog);
  g_test_add_func ("/midi/learn/pairs", test_pairs);
  g_test_add_func ("/midi/learn/encoders", test_encoders);
  g_test_add_func ("/midi/learn/trembling", test_trembling);
  g_test_add_func ("/midi/learn/flood", test_flood);
  g_test_add_func ("/midi/learn/bindings", test_bindings);
  return g_test_run();
}
