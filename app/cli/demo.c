/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/demo.h"

#include <gio/gio.h>
#include <glib-unix.h>

#include "engine/engine.h"

/* What is asked, when, and what must come of it. */
struct step {
  double          at_s; /* after both tracks are loaded */
  const char     *say;
  uint32_t        verb;
  uint32_t        deck;
  double          value;
  double          grid_beats; /* 0 = at once */
  enum ech_fate   outcome;
  enum ech_source_class who;
};

static const struct step steps[] = {
  { 0.0, "The session runs at 126 BPM.", ECH_VERB_TEMPO, 0, 126.0, 0, ECH_FATE_EXECUTED, ECH_SOURCE_HAND },
  { 0.1, "Deck A follows the session.", ECH_VERB_SYNC, 0, 1.0, 0, ECH_FATE_EXECUTED, ECH_SOURCE_HAND },
  { 0.1, "Deck B follows it, too.", ECH_VERB_SYNC, 1, 1.0, 0, ECH_FATE_EXECUTED, ECH_SOURCE_HAND },
  { 0.1, "The crossfader goes to deck A.", ECH_VERB_CROSSFADER, 0, 0.0, 0, ECH_FATE_EXECUTED, ECH_SOURCE_HAND },
  { 0.3, "Play deck A on the next bar.", ECH_VERB_PLAY, 0, NAN, 4, ECH_FATE_EXECUTED, ECH_SOURCE_HAND },
  { 5.0, "A program ejects deck A, which is on air: refused.", ECH_VERB_EJECT, 0, NAN, 0, ECH_FATE_REJECTED, ECH_SOURCE_AGENT },
  { 6.0, "A program stops the last deck that is heard: refused.", ECH_VERB_STOP, 0, NAN, 0, ECH_FATE_REJECTED, ECH_SOURCE_AGENT },
  { 7.0, "Play deck B on the next bar, unheard yet.", ECH_VERB_PLAY, 1, NAN, 4, ECH_FATE_EXECUTED, ECH_SOURCE_HAND },
  { 12.0, "The crossfader goes to the middle on a beat.", ECH_VERB_CROSSFADER, 0, 0.5, 1, ECH_FATE_EXECUTED, ECH_SOURCE_HAND },
  { 16.0, "Deck A's bass goes on the bar.", ECH_VERB_EQ, 0, -26.0, 4, ECH_FATE_EXECUTED, ECH_SOURCE_HAND },
  { 20.0, "The crossfader goes to deck B on the bar.", ECH_VERB_CROSSFADER, 0, 1.0, 4, ECH_FATE_EXECUTED, ECH_SOURCE_HAND },
  { 24.0, "Deck A stops on the bar.", ECH_VERB_STOP, 0, NAN, 4, ECH_FATE_EXECUTED, ECH_SOURCE_HAND },
};

struct demo {
  GMainLoop *loop;
  EchEngine *engine;
  EchLane   *hand, *program;
  int        seconds;
  gboolean   interrupted;
  gint64     started_us;
  unsigned   next_step;
  _Atomic int fates[G_N_ELEMENTS (steps)]; /* enum ech_fate + 1; 0 = none yet */
};

/* Scheduler's thread. */
static void
on_event (const struct ech_event *event, void *data)
{
  struct demo *demo = data;

  if (event->client == 0 || event->client > G_N_ELEMENTS (steps)) {
    if (event->fate == ECH_FATE_REJECTED)
      g_print ("          rejected: %s\n", event->text);
    return;
  }
  switch ((enum ech_fate) event->fate) {
  case ECH_FATE_QUEUED:
    g_print ("          queued for beat %.0f\n", event->beat);
    return;
  case ECH_FATE_EXECUTED:
    g_print ("          heard on beat %.3f, frame %" G_GUINT64_FORMAT "\n", event->beat, event->frame);
    break;
  default:
    g_print ("          %s (%s): %s\n", ech_fate_name (event->fate), ech_rule_name (event->rule), event->text);
  }
  demo->fates[event->client - 1] = (int) event->fate + 1;
}

static void
post_step (struct demo *demo, unsigned i)
{
  const struct step *step   = &steps[i];
  struct ech_action  action = {
    .verb   = step->verb,
    .deck   = step->deck,
    .value  = step->value,
    .client = i + 1,
    .timing = { .kind = step->grid_beats > 0 ? ECH_TIMING_GRID : ECH_TIMING_NOW, .beats = step->grid_beats },
  };

  g_print ("%6.1f s  %s\n", step->at_s, step->say);
  ech_lane_post (step->who == ECH_SOURCE_HAND ? demo->hand : demo->program, &action);
}

static gboolean
both_loaded (struct demo *demo)
{
  struct ech_state state;

  ech_engine_snapshot (demo->engine, &state);
  return state.decks[0].has_grid && state.decks[1].has_grid && state.running;
}

static gboolean
on_tick (gpointer data)
{
  struct demo *demo = data;
  double       elapsed_s;

  if (demo->started_us == 0) {
    if (!both_loaded (demo))
      return G_SOURCE_CONTINUE;
    demo->started_us = g_get_monotonic_time ();
  }
  elapsed_s = (double) (g_get_monotonic_time () - demo->started_us) * 1e-6;
  while (demo->next_step < G_N_ELEMENTS (steps) && steps[demo->next_step].at_s <= elapsed_s)
    post_step (demo, demo->next_step++);
  if (elapsed_s >= demo->seconds)
    g_main_loop_quit (demo->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_interrupt (gpointer data)
{
  struct demo *demo = data;

  demo->interrupted = TRUE;
  g_main_loop_quit (demo->loop);
  return G_SOURCE_CONTINUE;
}

/* Nothing to play to, or nothing to play: say so instead of waiting for ever. */
static gboolean
on_patience_over (gpointer data)
{
  struct demo *demo = data;
  char         text[ECH_TEXT_MAX];

  if (demo->started_us != 0)
    return G_SOURCE_REMOVE;
  ech_engine_audio_state (demo->engine, text);
  g_printerr ("echelonctl demo: no start after 30 s; the audio side says: %s\n", text);
  g_main_loop_quit (demo->loop);
  return G_SOURCE_REMOVE;
}

static void
load (struct demo *demo, uint32_t deck, const char *path)
{
  g_autofree char  *full   = g_canonicalize_filename (path, NULL);
  struct ech_action action = { .verb = ECH_VERB_LOAD, .deck = deck, .text = full };

  g_print ("Deck %c: %s\n", (char) ('A' + deck), full);
  ech_lane_post (demo->hand, &action);
}

static int
verdict (const struct demo *demo)
{
  unsigned wrong = 0;

  if (demo->started_us == 0)
    return 1;
  for (unsigned i = 0; i < demo->next_step; i++) {
    if (demo->fates[i] == (int) steps[i].outcome + 1)
      continue;
    wrong++;
    g_printerr ("not as it should be: %s\n", steps[i].say);
  }
  g_print ("%u of %u actions went as they should.\n", demo->next_step - wrong, demo->next_step);
  return wrong == 0 || demo->interrupted ? 0 : 1;
}

static int
play (struct demo *demo, char **tracks)
{
  struct ech_engine_config config = { .n_decks = 2, .default_timing = { .kind = ECH_TIMING_NOW } };
  g_autoptr (GError)       error  = NULL;
  int                      status;

  demo->engine = ech_engine_new (&config);
  ech_engine_add_listener (demo->engine, on_event, demo);
  demo->hand    = ech_engine_add_source (demo->engine, "demo", ECH_SOURCE_HAND);
  demo->program = ech_engine_add_source (demo->engine, "program", ECH_SOURCE_AGENT);
  if (!ech_engine_start (demo->engine, &error)) {
    g_printerr ("echelonctl demo: %s\n", error->message);
    ech_engine_free (demo->engine);
    return 1;
  }
  load (demo, 0, tracks[0]);
  load (demo, 1, tracks[1]);
  demo->loop = g_main_loop_new (NULL, FALSE);
  g_timeout_add (20, on_tick, demo);
  g_timeout_add_seconds (30, on_patience_over, demo);
  g_unix_signal_add (SIGINT, on_interrupt, demo);
  g_unix_signal_add (SIGTERM, on_interrupt, demo);
  g_main_loop_run (demo->loop);
  ech_engine_stop (demo->engine);
  status = verdict (demo);
  ech_engine_free (demo->engine);
  g_main_loop_unref (demo->loop);
  return status;
}

int
ech_cli_demo (int argc, char **argv)
{
  struct demo                demo      = { .seconds = 30 };
  g_autoptr (GOptionContext) context   = g_option_context_new ("TRACK TRACK");
  g_autoptr (GError)         error     = NULL;
  const GOptionEntry         entries[] = {
    { "seconds", 's', 0, G_OPTION_ARG_INT, &demo.seconds, "How long to play (30)", "N" },
    G_OPTION_ENTRY_NULL,
  };

  g_option_context_set_summary (context, "Mixes two tracks by itself, in time, and shows what is refused.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("echelonctl demo: %s\n", error->message);
    return 2;
  }
  if (argc != 3) {
    g_printerr ("echelonctl demo: two TRACKs are needed; see echelonctl demo --help\n");
    return 2;
  }
  return play (&demo, argv + 1);
}
