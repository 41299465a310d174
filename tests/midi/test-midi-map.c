/* Bytes, bindings, actions: the mapping without a device.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gstdio.h>
#include <string.h>

#include "drivers/midi/midi-clock.h"
#include "tests/midi/midi-fixture.h"

/* --- bytes ----------------------------------------------------------------------------- */

static char *
parse_hex (const char *hex)
{
  struct ech_midi_parser  parser = { 0 };
  struct ech_midi_message message;
  GString                *out = g_string_new (NULL);
  g_auto (GStrv) words        = g_strsplit (hex, " ", -1);

  for (char **word = words; *word; word++) {
    if (!**word || !ech_midi_parser_feed (&parser, (uint8_t) strtoul (*word, NULL, 16), &message))
      continue;
    g_string_append_printf (out, "%s%u:%u:%u:%u", out->len ? " " : "", message.type,
                            message.channel, message.number, message.value);
  }
  return g_string_free (out, FALSE);
}

static void
test_bytes (void)
{
  static const struct {
    const char *why, *hex, *messages;
  } cases[] = {
    { "note on and off", "90 0B 7F 80 0B 40", "1:0:11:127 0:0:11:64" },
    { "velocity 0 is off", "91 0B 00", "0:1:11:0" },
    { "running status", "B0 07 01 07 02 08 03", "3:0:7:1 3:0:7:2 3:0:8:3" },
    { "real time inside a message", "90 F8 0B F8 7F", "9:0:248:0 9:0:248:0 1:0:11:127" },
    { "pitch bend is 14 bits", "E0 00 40", "6:0:0:8192" },
    { "System Exclusive is counted", "F0 7E 01 02 F7", "7:0:0:3" },
    { "real time inside System Exclusive", "F0 01 F8 02 F7", "9:0:248:0 7:0:0:2" },
    { "a status byte ends System Exclusive", "F0 01 02 90 0B 7F", "1:0:11:127" },
    { "F7 alone is nothing", "F7 90 0B 7F", "1:0:11:127" },
    { "data without status are nothing", "01 02 03 90 0B 7F", "1:0:11:127" },
    { "a message cut short is dropped", "90 0B B0 07 05", "3:0:7:5" },
    { "system common ends running status", "B0 07 01 F6 07 02", "3:0:7:1 8:0:246:0" },
    { "song position", "F2 10 02", "8:0:242:272" },
    { "undefined F4 ends running status", "B0 07 01 F4 07 02", "3:0:7:1" },
    { "program change has one data byte", "C3 05 06", "4:3:5:127 4:3:6:127" },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *got = parse_hex (cases[i].hex);

    g_test_message ("%s", cases[i].why);
    g_assert_cmpstr (got, ==, cases[i].messages);
  }
}

/* Whatever the bytes: no message out of range, and a whole one after them is read. */
static void
test_garbage (void)
{
  struct ech_midi_parser  parser = { 0 };
  struct ech_midi_message m;
  g_autoptr (GRand) rand = g_rand_new_with_seed (20261122);

  for (unsigned i = 0; i < 2000000; i++) {
    if (!ech_midi_parser_feed (&parser, (uint8_t) g_rand_int (rand), &m))
      continue;
    g_assert_cmpuint (m.channel, <, 16);
    if (m.type < ECH_MIDI_SYSEX)
      g_assert_true (m.number < 128 && m.value < (m.type == ECH_MIDI_PITCH ? 16384 : 128));
  }
  g_assert_false (ech_midi_parser_feed (&parser, 0x93, &m));
  g_assert_false (ech_midi_parser_feed (&parser, 0x11, &m));
  g_assert_true (ech_midi_parser_feed (&parser, 0x22, &m));
  g_assert_true (m.type == ECH_MIDI_NOTE_ON && m.channel == 3 && m.number == 0x11);
}

/* --- buttons --------------------------------------------------------------------------- */

struct step {
  const char *hex; /* NULL: wait_ms */
  const char *posts;
  unsigned    wait_ms;
};

static void
run_steps (const char        *why,
           const char        *layers,
           const char        *bindings,
           const struct step *steps,
           unsigned           n)
{
  g_autofree char    *text = midi_mapping_text (layers, bindings, "");
  struct midi_fixture f;

  midi_fixture_init (&f, text);
  g_test_message ("%s", why);
  for (unsigned i = 0; i < n; i++) {
    const char *got =
        steps[i].hex ? midi_feed (&f, steps[i].hex) : midi_wait (&f, steps[i].wait_ms);

    if (strcmp (got, steps[i].posts) != 0)
      g_error ("%s, step %u: “%s” instead of “%s”", why, i, got, steps[i].posts);
  }
  midi_fixture_finish (&f);
}

#define RUN(why, layers, bindings, ...)                             \
  do {                                                              \
    const struct step steps[] = { __VA_ARGS__ };                    \
    run_steps (why, layers, bindings, steps, G_N_ELEMENTS (steps)); \
  } while (0)

static void
test_buttons (void)
{
  RUN ("a button is pressed once, with its timing", "",
       "{'note': 11, 'channel': 1, 'action': '/deck/a/play', 'timing': 'bar'}",
       { "90 0B 7F", "play a bar" }, { "90 0B 00", "" }, { "91 0B 7F", "" }, { "90 0C 7F", "" });
  RUN ("toggle goes by the state", "",
       "{'note': 11, 'channel': 1, 'action': '/deck/a/play', 'mode': 'toggle'}",
       { "90 0B 7F 80 0B 00", "play a" }, { "90 0B 40 90 0B 00", "stop a" },
       { "90 0B 01 80 0B 40", "play a" });
  RUN ("hold", "", "{'note': 1, 'channel': 2, 'action': '/deck/b/pfl', 'mode': 'hold'}",
       { "91 01 7F", "pfl b 1" }, { "81 01 7F", "pfl b 0" }, { "81 01 7F", "" });
  RUN ("hold of a kill, and back", "",
       "{'note': 1, 'channel': 1, 'action': '/eq/b/low', 'mode': 'hold', 'value': -26}",
       { "90 01 7F", "eq b 0 -26" }, { "90 01 00", "eq b 0 0" });
  RUN ("toggle of a kill", "",
       "{'note': 1, 'channel': 1, 'action': '/eq/b/mid', 'mode': 'toggle', 'value': -26}",
       { "90 01 7F 90 01 00", "eq b 1 -26" }, { "90 01 7F 90 01 00", "eq b 1 0" });
  RUN ("on release", "", "{'note': 1, 'channel': 1, 'action': '/deck/a/stop', 'mode': 'release'}",
       { "90 01 7F", "" }, { "90 01 00", "stop a" });
  RUN ("a CC button", "", "{'cc': 41, 'channel': 1, 'kind': 'button', 'action': '/deck/a/play'}",
       { "B0 29 7F", "play a" }, { "B0 29 00", "" });
  RUN ("a hardware switch", "",
       "{'cc': 5, 'channel': 1, 'kind': 'switch', 'action': '/deck/a/sync'}",
       { "B0 05 7F", "sync a 1" }, { "B0 05 00", "sync a 0" });
  RUN ("lock toggles to unlock", "",
       "{'note': 9, 'channel': 1, 'action': '/lock/a', 'mode': 'toggle'}",
       { "90 09 7F 90 09 00", "lock a" }, { "90 09 7F", "unlock a" });
  RUN ("a loop toggles", "",
       "{'note': 9, 'channel': 1, 'action': '/deck/a/loop', 'mode': 'toggle', 'value': 8}",
       { "90 09 7F 90 09 00", "loop a 8" }, { "90 09 7F", "loop a 0" });
  RUN ("a pad sets, then jumps; with shift it clears",
       "{'name': 'shift', 'note': 63, 'channel': 1}",
       "{'note': 0, 'channel': 8, 'action': '/deck/a/hotcue/3/jump', 'mode': 'pad'},"
       "{'note': 0, 'channel': 8, 'layer': 'shift', 'action': '/deck/a/hotcue/3/clear'}",
       { "97 00 7F 97 00 00", "hotcue-set a 2" }, { "97 00 7F 97 00 00", "hotcue-jump a 2" },
       { "90 3F 7F", "" }, { "97 00 7F", "hotcue-clear a 2" });
  RUN ("the velocity of a press is no matter", "",
       "{'note': 67, 'channel': 1, 'action': '/deck/a/play'}", { "90 43 40", "play a" },
       { "80 43 00", "" }, { "90 43 01", "play a" });
  RUN ("two bindings of one control", "",
       "{'note': 1, 'channel': 1, 'action': '/deck/a/stop'},"
       "{'note': 1, 'channel': 1, 'action': '/deck/b/play'}",
       { "90 01 7F", "stop a; play b" });
}

static void
test_cue (void)
{
  g_autofree char *text = midi_mapping_text (
      "", "{'note': 12, 'channel': 1, 'action': '/deck/a/cue', 'mode': 'cue'}", "");
  struct midi_fixture f;

  midi_fixture_init (&f, text);
  f.state.decks[0].position_frames = 96000;
  g_assert_cmpstr (midi_feed (&f, "90 0C 7F"), ==, "cue a 2"); /* stopped elsewhere: sets it */
  g_assert_cmpstr (midi_feed (&f, "90 0C 00"), ==, "");
  f.state.decks[0].cue_frames = 96000;
  g_assert_cmpstr (midi_feed (&f, "90 0C 7F"), ==, "play a"); /* at it: plays while held */
  g_assert_cmpstr (midi_feed (&f, "90 0C 00"), ==, "cue a");
  f.state.decks[0].state = ECH_DECK_PLAYING;
  g_assert_cmpstr (midi_feed (&f, "90 0C 7F"), ==, "cue a"); /* playing: back to it */
  g_assert_cmpstr (midi_feed (&f, "90 0C 00"), ==, "");
  midi_fixture_finish (&f);
}

static void
test_layers (void)
{
  const char *bindings =
      "{'note': 1, 'channel': 1, 'action': '/deck/a/play'},"
      "{'note': 1, 'channel': 1, 'layer': 'shift', 'action': '/deck/a/stop'},"
      "{'note': 2, 'channel': 1, 'action': '/deck/b/pfl', 'mode': 'hold'},"
      "{'note': 2, 'channel': 1, 'layer': 'shift', 'action': '/deck/b/play'},"
      "{'cc': 7, 'channel': 1, 'action': '/deck/a/volume', 'takeover': 'jump'},"
      "{'cc': 7, 'channel': 1, 'layer': 'shift', 'action': '/filter/a', 'takeover': 'jump'},"
      "{'note': 1, 'channel': 5, 'action': '/deck/c/play'},"
      "{'note': 81, 'channel': 1, 'action': '/deck/d/play'}";

  RUN ("by held modifier", "{'name': 'shift', 'note': 63, 'channel': 1}", bindings,
       { "90 01 7F 90 01 00", "play a" }, { "90 3F 7F", "" }, { "90 01 7F 90 01 00", "stop a" },
       { "B0 07 7F", "filter a 1" }, { "90 3F 00", "" }, { "90 01 7F", "play a" },
       { "B0 07 7F", "volume a 1" });
  RUN ("by channel and by note", "{'name': 'shift', 'note': 63, 'channel': 1}", bindings,
       { "94 01 7F", "play c" }, { "90 51 7F", "play d" });
  RUN ("what was pressed is let go, whatever is held by then",
       "{'name': 'shift', 'note': 63, 'channel': 1}", bindings, { "90 02 7F", "pfl b 1" },
       { "90 3F 7F", "" }, { "90 02 00", "pfl b 0" }, { "90 02 7F", "play b" },
       { "90 3F 00 90 02 00", "" });
  RUN ("a control with nothing in the layer keeps its own",
       "{'name': 'shift', 'note': 63, 'channel': 1}", bindings, { "90 3F 7F 94 01 7F", "play c" });
}

/* --- knobs ----------------------------------------------------------------------------- */

static void
test_knobs (void)
{
  RUN ("jump takes every value", "",
       "{'cc': 7, 'channel': 1, 'action': '/crossfader', 'takeover': 'jump'}",
       { "B0 07 00", "crossfader 0" }, { "B0 07 7F", "crossfader 1" },
       { "B0 07 40", "crossfader 0.5039" });
  RUN ("the middle is the middle", "",
       "{'cc': 7, 'channel': 1, 'action': '/eq/a/high', 'takeover': 'jump'}",
       { "B0 07 40", "eq a 2 0" }, { "B0 07 00", "eq a 2 -26" }, { "B0 07 7F", "eq a 2 12" },
       { "B0 07 20", "eq a 2 -13" });
  RUN (
      "a range turned round", "",
      "{'cc': 7, 'channel': 1, 'action': '/deck/a/tempo', 'range': [1.08, 1, 0.92], 'takeover': 'jump'}",
      { "B0 07 00", "speed a 1.08" }, { "B0 07 40", "speed a 1" }, { "B0 07 7F", "speed a 0.92" });
  RUN ("pitch bend is a 14-bit fader", "",
       "{'pitch': true, 'channel': 2, 'action': '/deck/b/tempo', 'takeover': 'jump'}",
       { "E1 00 40", "speed b 1" }, { "E1 7F 7F", "speed b 1.08" }, { "E0 00 40", "" });
  RUN ("the timing is the binding's", "",
       "{'cc': 7, 'channel': 1, 'action': '/crossfader', 'timing': 'beat'}",
       { "B0 07 7F", "crossfader 1 beat" });
}

static void
test_pairs (void)
{
  const char *b = "{'cc14': 0, 'channel': 1, 'action': '/crossfader', 'takeover': 'jump'}";

  RUN ("coarse, then fine", "", b, { "B0 00 40", "" }, { "B0 20 00", "crossfader 0.5" },
       { "B0 00 7F 20 7F", "crossfader 1" });
  RUN ("fine, then coarse", "", b, { "B0 20 7F", "" }, { "B0 00 7F", "crossfader 1" },
       { "B0 20 00 00 00", "crossfader 0" });
  RUN ("a fine half alone, at first, is nothing", "", b, { "B0 20 40", "" }, { NULL, "", 20 },
       { "B0 00 00 20 00", "crossfader 0" });
  RUN ("a fine half alone moves on from where it stood", "", b,
       { "B0 00 40 20 00", "crossfader 0.5" }, { "B0 20 7F", "" },
       { NULL, "crossfader 0.5078", 10 });
  RUN ("a coarse half alone is taken after a moment", "", b, { "B0 00 40", "" },
       { NULL, "crossfader 0.5", 10 });
  RUN ("another pair of numbers", "",
       "{'cc14': 8, 'lsb': 9, 'channel': 1, 'action': '/crossfader', 'takeover': 'jump'}",
       { "B0 08 7F 09 7F", "crossfader 1" }, { "B0 28 00", "" });
}

static void
test_takeover (void)
{
  g_autofree char *text =
      midi_mapping_text ("",
                         "{'cc': 1, 'channel': 1, 'action': '/deck/a/volume'},"
                         "{'cc': 2, 'channel': 1, 'action': '/deck/b/volume', 'takeover': 'scale'}",
                         "");
  struct midi_fixture f;

  midi_fixture_init (&f, text);
  f.state.decks[0].volume = 0.5;
  g_assert_cmpstr (midi_feed (&f, "B0 01 10"), ==, ""); /* far below: nothing jumps */
  g_assert_cmpstr (midi_feed (&f, "B0 01 30"), ==, "");
  g_assert_cmpstr (midi_feed (&f, "B0 01 50"), ==, "volume a 0.6299"); /* came past */
  g_assert_cmpstr (midi_feed (&f, "B0 01 08"), ==,
                   "volume a 0.06299"); /* and is followed, however fast */
  midi_wait (&f, 300);
  g_assert_cmpstr (midi_feed (&f, "B0 01 0A"), ==, "volume a 0.07874");
  midi_wait (&f, 300);
  f.state.decks[0].volume = 0.9; /* somebody else's */
  g_assert_cmpstr (midi_feed (&f, "B0 01 0C"), ==, "");
  g_assert_cmpstr (midi_feed (&f, "B0 01 74"), ==, "volume a 0.9134");

  f.state.decks[1].volume = 0.5;
  g_assert_cmpstr (midi_feed (&f, "B0 02 00"), ==, "");
  g_assert_cmpstr (midi_feed (&f, "B0 02 20"), ==, "volume b 0.626");
  g_assert_cmpstr (midi_feed (&f, "B0 02 7F"), ==, "volume b 1"); /* both ends meet */
  g_assert_cmpstr (midi_feed (&f, "B0 02 40"), ==, "volume b 0.5039");
  midi_fixture_finish (&f);
}

/* A refused knob (a locked deck) must not be thought to stand where it asked to be. */
static void
test_takeover_refused (void)
{
  g_autofree char *text =
      midi_mapping_text ("", "{'cc': 1, 'channel': 1, 'action': '/deck/a/volume'}", "");
  struct midi_fixture f;

  midi_fixture_init (&f, text);
  f.obeys                 = false;
  f.state.decks[0].volume = 0.5;
  g_assert_cmpstr (midi_feed (&f, "B0 01 40"), ==, "volume a 0.5039");
  g_assert_cmpstr (midi_feed (&f, "B0 01 60"), ==, "volume a 0.7559");
  midi_wait (&f, 300);
  g_assert_cmpstr (midi_feed (&f, "B0 01 70"), ==, "");
  g_assert_cmpstr (midi_feed (&f, "B0 01 3F"), ==, "volume a 0.4961");
  midi_fixture_finish (&f);
}

static void
test_encoders (void)
{
  RUN ("two's complement", "",
       "{'cc': 3, 'channel': 1, 'kind': 'encoder', 'action': '/deck/a/beatjump', 'step': 4}",
       { "B0 03 01", "beatjump a 4" }, { "B0 03 7F", "beatjump a -4" },
       { "B0 03 03", "beatjump a 12" }, { "B0 03 00", "" });
  RUN (
      "offset", "",
      "{'cc': 3, 'channel': 1, 'kind': 'encoder', 'encoding': 'offset', 'action': '/deck/a/beatjump'}",
      { "B0 03 41", "beatjump a 1" }, { "B0 03 3F", "beatjump a -1" }, { "B0 03 40", "" });
  RUN (
      "sign bit", "",
      "{'cc': 3, 'channel': 1, 'kind': 'encoder', 'encoding': 'sign-bit', 'action': '/deck/a/beatjump'}",
      { "B0 03 01", "beatjump a 1" }, { "B0 03 41", "beatjump a -1" },
      { "B0 03 42", "beatjump a -2" });
  RUN ("14 bits, two's complement", "",
       "{'cc14': 1, 'channel': 1, 'kind': 'encoder', 'action': '/deck/a/beatjump'}",
       { "B0 01 00 21 01", "beatjump a 1" }, { "B0 01 7F 21 7F", "beatjump a -1" });
  RUN ("steps of a value, and its ends", "",
       "{'cc': 3, 'channel': 1, 'kind': 'encoder', 'action': '/crossfader', 'step': 0.4}",
       { "B0 03 01", "crossfader 0.4" }, { "B0 03 01", "crossfader 0.8" },
       { "B0 03 01", "crossfader 1" }, { "B0 03 7F", "crossfader 0.6" });
  RUN ("a loop doubles and halves", "",
       "{'cc': 3, 'channel': 1, 'kind': 'encoder', 'action': '/deck/a/loop'}",
       { "B0 03 01", "loop a 4" }, { "B0 03 01", "loop a 8" }, { "B0 03 7F", "loop a 4" },
       { "B0 03 7F", "loop a 2" });
  RUN (
      "a jog bends, and rests when it stands", "",
      "{'cc': 33, 'channel': 1, 'kind': 'encoder', 'encoding': 'offset', 'action': '/deck/a/bend', 'step': 0.01}",
      { "B0 21 41", "bend a 0.01" }, { "B0 21 43", "bend a 0.04" }, { NULL, "bend a 0", 100 },
      { NULL, "", 100 }, { "B0 21 3F", "bend a -0.01" }, { NULL, "bend a 0", 100 });
}

/* What was held when the cable was pulled is let go. */
static void
test_let_go (void)
{
  g_autofree char *text = midi_mapping_text (
      "{'name': 'shift', 'note': 63, 'channel': 1}",
      "{'note': 1, 'channel': 1, 'action': '/deck/a/bend', 'mode': 'hold', 'value': 0.04},"
      "{'note': 2, 'channel': 1, 'action': '/deck/a/stop', 'mode': 'release'},"
      "{'note': 3, 'channel': 1, 'action': '/deck/a/play'},"
      "{'note': 3, 'channel': 1, 'layer': 'shift', 'action': '/deck/a/stop'},"
      "{'cc': 9, 'channel': 1, 'kind': 'encoder', 'action': '/deck/b/bend'}",
      "");
  struct midi_fixture f;

  midi_fixture_init (&f, text);
  g_assert_cmpstr (midi_feed (&f, "90 01 7F 90 02 7F B0 09 01 90 3F 7F"), ==,
                   "bend a 0.04; bend b 0.004");
  g_string_truncate (f.posts, 0);
  ech_midi_map_let_go (f.map, f.now_ns, &f.state);
  g_assert_cmpstr (f.posts->str, ==, "bend a 0; bend b 0");
  g_assert_cmpstr (midi_feed (&f, "90 01 00 90 02 00"), ==, "");
  g_assert_cmpstr (midi_feed (&f, "90 03 7F"), ==, "play a"); /* shift is not held any more */
  midi_fixture_finish (&f);
}

/* A mapping with four decks in a set-up of two. */
static void
test_few_decks (void)
{
  g_autofree char    *text = midi_mapping_text ("",
                                                "{'note': 1, 'channel': 1, 'action': '/deck/c/play'},"
                                                   "{'note': 1, 'channel': 1, 'action': '/deck/b/play'}",
                                                "");
  struct midi_fixture f;

  midi_fixture_init (&f, text);
  f.state.n_decks = 2;
  g_assert_cmpstr (midi_feed (&f, "90 01 7F"), ==, "play b");
  midi_fixture_finish (&f);
}

/* --- lights ---------------------------------------------------------------------------- */

static void
test_lights (void)
{
  g_autofree char *text = midi_mapping_text (
      "{'name': 'shift', 'note': 63, 'channel': 1}", "",
      "{'note': 11, 'channel': 1, 'show': '/deck/a/playing', 'on': 127, 'off': 1, 'waiting': 64},\n"
      "{'note': 12, 'channel': 8, 'show': '/deck/b/hotcue/2'},\n"
      "{'cc': 5, 'channel': 2, 'show': '/crossfader'},\n"
      "{'cc': 6, 'channel': 2, 'show': '/master/meter', 'on': 100},\n"
      "{'note': 63, 'channel': 1, 'show': '/layer/shift'}");
  struct midi_fixture f;

  midi_fixture_init (&f, text);
  g_assert_cmpstr (midi_light (&f), ==, "90 0B 01, 97 0C 00, B1 05 00, B1 06 00, 90 3F 00");
  g_assert_cmpstr (midi_light (&f), ==, "");
  f.state.decks[0].state            = ECH_DECK_PLAYING;
  f.state.decks[1].hotcue_frames[1] = 5;
  f.state.crossfader                = 1;
  f.state.master_peak[1]            = 1;
  g_assert_cmpstr (midi_light (&f), ==, "90 0B 7F, 97 0C 7F, B1 05 7F, B1 06 64");
  midi_feed (&f, "90 3F 7F");
  g_assert_cmpstr (midi_light (&f), ==, "90 3F 7F");
  f.state.n_pending  = 1; /* waits: blinks with the beat */
  f.state.pending[0] = (struct ech_pending){ .verb = ECH_VERB_STOP, .deck = 0 };
  f.state.beat       = 0.1;
  g_assert_cmpstr (midi_light (&f), ==, "90 0B 40");
  f.state.beat = 0.3;
  g_assert_cmpstr (midi_light (&f), ==, "90 0B 01");
  ech_midi_map_forget_lights (f.map);
  g_assert_cmpstr (midi_light (&f), ==, "90 0B 01, 97 0C 7F, B1 05 7F, B1 06 64, 90 3F 7F");
  g_string_truncate (f.sent, 0);
  ech_midi_map_dark (f.map);
  g_assert_cmpstr (f.sent->str, ==, "97 0C 00, B1 05 00, B1 06 00, 90 3F 00");
  midi_fixture_finish (&f);
}

/* --- files ----------------------------------------------------------------------------- */

#define HEAD "{'format': 'echelon-midi-mapping', 'version': 1, 'name': 'T',\n"

static void
test_sentences (void)
{
  static const struct {
    const char *text, *sentence;
  } cases[] = {
    { "", "line 1: a value is missing" },
    { "[]", "line 1: a mapping is an object, not an array." },
    { "{\n'name': 'T'\n 'version': 1}", "line 3: a “,” or “}” is missing" },
    { "{'format': 'other'}", "line 1: it is no mapping: “format” must be “echelon-midi-mapping”." },
    { "{'format': 'echelon-midi-mapping',\n'version': 2}",
      "line 2: “version” must be 1: what this Echelon reads." },
    { HEAD "'bindigs': []}",
      "line 2: “bindigs” is not known here; known are: $schema format version name comment source devices "
      "layers init bindings lights " },
    { HEAD "'bindings': [\n{'note': 128, 'channel': 1, 'action': '/deck/a/play'}]}",
      "line 3: “note” is 128; whole numbers from 0 to 127 are accepted." },
    { HEAD "'bindings': [\n\n{'note': 1, 'channel': 17, 'action': '/deck/a/play'}]}",
      "line 4: “channel” is 17; whole numbers from 1 to 16 are accepted." },
    { HEAD "'bindings': [{'note': 1, 'channel': 1}]}", "line 2: “action” is missing." },
    { HEAD "'bindings': [{'note': 1, 'cc': 1, 'channel': 1}]}",
      "line 2: “note” and “cc” are both there; a control is one of them." },
    { HEAD "'bindings': [{'channel': 1, 'action': '/deck/a/play'}]}",
      "line 2: no control: “note”, “cc”, “cc14” or “pitch” is missing." },
    { HEAD "'bindings': [{'note': 1, 'channel': 1, 'action': '/deck/a/plya'}]}",
      "line 2: Echelon does not know the address /deck/a/plya; the nearest that it knows is /deck/a/play." },
    { HEAD "'bindings': [{'cc': 1, 'channel': 1, 'action': '/deck/a/stop'}]}",
      "line 2: /deck/a/stop is for a button: a knob would set it off while it turns." },
    { HEAD "'bindings': [{'note': 1, 'channel': 1, 'action': '/eq/a/low'}]}",
      "line 2: a button on /eq/a/low wants a “value”." },
    { HEAD "'bindings': [{'note': 1, 'channel': 1, 'action': '/deck/a/load'}]}", NULL },
    { HEAD "'bindings': [{'note': 1, 'channel': 1, 'action': '/deck/a/eject', 'mode': 'toggle'}]}",
      "line 2: /deck/a/eject has no opposite to go back to; the modes press and release fit." },
    { HEAD "'bindings': [{'note': 1, 'channel': 1, 'action': '/deck/a/play', 'mode': 'push'}]}",
      "line 2: “mode” is “push”; accepted are press, release, toggle, hold, cue, pad." },
    { HEAD "'bindings': [{'note': 1, 'channel': 1, 'action': '/deck/a/play', 'layer': 'x'}]}",
      "line 2: there is no layer “x” in “layers”." },
    { HEAD "'bindings': [{'cc': 1, 'channel': 1, 'action': '/crossfader', 'range': [0, 2]}]}",
      NULL },
    { HEAD "'bindings': [{'cc': 1, 'channel': 1, 'action': '/crossfader', 'range': [0, 0]}]}",
      "line 2: “range” is the same at both ends." },
    { HEAD "'bindings': [{'note': 1, 'channel': 1, 'action': '/deck/a/play', 'timing': 'bra'}]}",
      NULL },
    { HEAD "'bindings': [{'note': 1, 'channel': 1, 'action': '/deck/a/play', 'range': [0, 1]}]}",
      "line 2: “range” does not go with the kind “button”." },
    { HEAD "'lights': [{'note': 1, 'channel': 1, 'show': '/deck/a/dancing'}]}",
      "line 2: “/deck/a/dancing” is nothing that a light can show; docs/midi.md lists what can." },
    { HEAD "'init': ['F0 G1']}", "line 2: “G1” is no byte; two hexadecimal digits are." },
    { HEAD "'devices': ['']}", "line 2: a device's name is empty: it would fit every device." },
    { HEAD "'devices': ['A', 3]}", "line 2: “an entry” is a number; it must be a string." },
    { HEAD "'name': 'U'}", "line 2: “name” is there twice" },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text    = g_strdelimit (g_strdup (cases[i].text), "'", '"');
    g_autoptr (GError) error = NULL;
    struct ech_midi_mapping *mapping =
        ech_midi_mapping_read (text, strlen (text), &midi_words, &error);

    g_assert_null (mapping);
    g_test_message ("%s", error->message);
    g_assert_true (g_str_has_prefix (error->message, "line "));
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
    if (cases[i].sentence)
      g_assert_cmpstr (error->message, ==, cases[i].sentence);
  }
}

/* Each cut of a good file is refused, and reads nothing behind its end. */
static void
test_cuts (void)
{
  g_autofree char *text = midi_mapping_text (
      "{'name': 'shift', 'note': 63, 'channel': 1}",
      "{'cc14': 1, 'channel': 1, 'action': '/crossfader', 'range': [0, 0.25e0, 1]}",
      "{'note': 1, 'channel': 1, 'show': '/deck/a/pl\\u0061ying'}");
  size_t length = strlen (text);

  for (size_t i = 0; i < length; i++) {
    g_autofree char *part    = g_memdup2 (text, i); /* no NUL behind it */
    g_autoptr (GError) error = NULL;

    g_assert_null (ech_midi_mapping_read (part ? part : "", i, &midi_words, &error));
    g_assert_nonnull (error);
  }
}

static void
test_print (void)
{
  g_autofree char *text = midi_mapping_text (
      "{'name': 'shift', 'note': 63, 'channel': 1}",
      "{'cc14': 1, 'lsb': 2, 'channel': 16, 'action': '/crossfader', 'range': [1, 0], 'takeover': 'scale'},"
      "{'note': 1, 'channel': 1, 'layer': 'shift', 'action': '/eq/a/low', 'mode': 'toggle', 'value': -26,"
      " 'timing': '~beat'},"
      "{'cc': 3, 'channel': 1, 'kind': 'encoder', 'encoding': 'sign-bit', 'action': '/deck/a/beatjump', 'step': 0.5},"
      "{'pitch': true, 'channel': 3, 'action': '/deck/b/tempo'},"
      "{'cc': 9, 'channel': 3, 'kind': 'switch', 'action': '/deck/b/pfl'}",
      "{'note': 1, 'channel': 1, 'show': '/deck/a/playing', 'waiting': 3},"
      "{'cc': 1, 'channel': 1, 'show': '/eq/b/mid', 'off': 3}");
  struct midi_fixture      f;
  g_autofree char         *first = NULL, *second = NULL;
  struct ech_midi_mapping *again;
  g_autoptr (GError) error = NULL;

  midi_fixture_init (&f, text);
  f.mapping->comment = g_strdup ("With “quotes”, \"these\" too,\nand a line.");
  g_byte_array_append (f.mapping->init, (const guint8 *) "\xf0\x7e\xf7", 3);
  first = ech_midi_mapping_print (f.mapping);
  again = ech_midi_mapping_read (first, strlen (first), &midi_words, &error);
  g_assert_no_error (error);
  second = ech_midi_mapping_print (again);
  g_assert_cmpstr (first, ==, second);
  g_assert_cmpstr (again->comment, ==, f.mapping->comment);
  g_assert_cmpuint (again->bindings->len, ==, 5);
  g_assert_nonnull (
      strstr (first, "{\"cc14\": 1, \"lsb\": 2, \"channel\": 16, \"action\": \"/crossfader\", "
                     "\"range\": [1, 0], \"takeover\": \"scale\"}"));
  ech_midi_mapping_free (again);
  midi_fixture_finish (&f);
}

static void
test_save (void)
{
  g_autofree char  *folder    = g_dir_make_tmp ("echelon-midi-XXXXXX", NULL);
  g_autofree char  *path      = g_build_filename (folder, "deep", "t.json", NULL);
  g_autofree char  *deep      = g_path_get_dirname (path);
  g_autofree char  *bad       = g_build_filename (deep, "u.json", NULL);
  const char *const folders[] = { deep, "/nowhere", NULL };
  g_autofree char  *text =
      midi_mapping_text ("", "{'note': 1, 'channel': 1, 'action': '/deck/a/play'}", "");
  struct midi_fixture f;
  g_autoptr (GError) error  = NULL;
  g_autoptr (GPtrArray) all = NULL;

  midi_fixture_init (&f, text);
  g_assert_true (ech_midi_mapping_save (f.mapping, path, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_set_contents (bad, "{", -1, NULL));
  all = ech_midi_mappings_load (folders, &midi_words, NULL, NULL);
  g_assert_cmpuint (all->len, ==, 1);
  g_assert_cmpstr (((struct ech_midi_mapping *) all->pdata[0])->path, ==, path);
  g_assert_null (ech_midi_mapping_load (bad, &midi_words, &error));
  g_assert_true (g_str_has_prefix (error->message, "u.json, line 1: "));
  g_assert_cmpuint (ech_midi_mapping_fits (f.mapping, "my tEST device"), ==, 4);
  g_assert_cmpuint (ech_midi_mapping_fits (f.mapping, "another"), ==, 0);
  g_unlink (path);
  g_unlink (bad);
  g_rmdir (deep);
  g_rmdir (folder);
  midi_fixture_finish (&f);
}

/* --- clock ----------------------------------------------------------------------------- */

struct ticks {
  unsigned n, starts;
  int64_t  start_at;
  uint64_t last_ns;
  double   worst_ns;
};

static void
on_tick (void *data, uint8_t byte, uint64_t time_ns)
{
  struct ticks *t = data;

  if (byte == 0xfa) {
    t->starts++;
    t->start_at = t->n;
    return;
  }
  if (t->n > 0)
    t->worst_ns = MAX (t->worst_ns, fabs ((double) (time_ns - t->last_ns) - 60e9 / 120 / 24));
  t->last_ns = time_ns;
  t->n++;
}

/* 120 BPM for 10 s in uneven turns: 480 ticks, evenly, START before the first bar's. */
static void
test_clock_out (void)
{
  struct ech_midi_clock_out clock = { 0 };
  struct ticks              t     = { 0 };
  uint64_t                  begin = UINT64_C (5000000000);

  for (uint64_t at = 0, turn = 3000000; at < UINT64_C (10000000000);
       at += turn, turn      = 3000000 + at % 17000000)
    ech_midi_clock_out_fill (&clock, 0.25 + (double) at / 5e8, 120, begin + at,
                                  begin + at + 40000000, on_tick, &t);
  g_assert_cmpuint (t.n, >=, 480);
  g_assert_cmpuint (t.n, <=, 484);
  g_assert_cmpuint (t.starts, ==, 1);
  g_assert_cmpint (t.start_at, ==, 90); /* beat 0.25 + 90/24 = bar 2 */
  g_assert_cmpfloat (t.worst_ns, <, 1000);
}

static void
test_clock_in (void)
{
  struct ech_midi_clock_in clock = { 0 };
  g_autoptr (GRand) rand         = g_rand_new_with_seed (7);
  double   bpm = 0, ns = 1e9;
  unsigned sure = 0;

  for (unsigned i = 0; i < 24 * 60; i++, ns += 60e9 / 127.5 / 24) {
    double jitter = g_rand_double_range (rand, -1e6, 1e6); /* 1 ms, as USB has */

    bpm = ech_midi_clock_in_tick (&clock, (uint64_t) (ns + jitter));
    sure += bpm > 0;
  }
  g_assert_cmpfloat (fabs (bpm - 127.5), <, 0.5);
  g_assert_cmpuint (sure, >, 24 * 57);
  ns += 2e9;
  g_assert_cmpfloat (ech_midi_clock_in_tick (&clock, (uint64_t) ns), ==, 0); /* lost */
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/midi/bytes", test_bytes);
  g_test_add_func ("/midi/garbage", test_garbage);
  g_test_add_func ("/midi/buttons", test_buttons);
  g_test_add_func ("/midi/cue", test_cue);
  g_test_add_func ("/midi/layers", test_layers);
  g_test_add_func ("/midi/knobs", test_knobs);
  g_test_add_func ("/midi/pairs", test_pairs);
  g_test_add_func ("/midi/takeover", test_takeover);
  g_test_add_func ("/midi/takeover-refused", test_takeover_refused);
  g_test_add_func ("/midi/encoders", test_encoders);
  g_test_add_func ("/midi/let-go", test_let_go);
  g_test_add_func ("/midi/few-decks", test_few_decks);
  g_test_add_func ("/midi/lights", test_lights);
  g_test_add_func ("/midi/sentences", test_sentences);
  g_test_add_func ("/midi/cuts", test_cuts);
  g_test_add_func ("/midi/print", test_print);
  g_test_add_func ("/midi/save", test_save);
  g_test_add_func ("/midi/clock-out", test_clock_out);
  g_test_add_func ("/midi/clock-in", test_clock_in);
  return g_test_run();
}
