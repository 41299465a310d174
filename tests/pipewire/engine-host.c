/* engine-host: the whole engine, led from stdin by lines of the score's language.
 *
 *   engine-host [--decks N] [--fused]
 *
 * A line is an OSC address and its arguments ("/deck/a/play 1.0 bar id=x"), or
 *
 *   snapshot   -> snapshot AUDIO RUNNING FRAME TIME_NS ORIGIN_FRAMES ORIGIN_BEATS BPM RATE LOST STATES
 *   quit
 *
 * Each event comes as a line: event ID FATE RULE BEAT FRAME TEXT ("-" where there is no id).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

enum { MAX_VALUES = 8 };

static const char *const audio_names[] = { "STOPPED", "CONNECTING", "NO_DEVICE", "RUNNING" };

static EchEngine *engine;
static EchLane   *lane;
static int        decks = 2;

/* Thread: scheduler. */
static void
on_event (const struct ech_event *event, void *data)
{
  printf ("event %s %s %s %.17g %" PRIu64 " %s\n", *event->id != '\0' ? event->id : "-",
          ech_fate_name (event->fate), ech_rule_name (event->rule), event->beat, event->frame,
          event->text);
  fflush (stdout);
}

static void
tell_snapshot (void)
{
  struct ech_state state;

  ech_engine_snapshot (engine, &state);
  printf ("snapshot %s %d %" PRIu64 " %" PRIu64 " %.17g %.17g %.17g %.17g %" PRIu64 " ",
          audio_names[ech_engine_audio_state (engine, NULL)], state.running, state.frame,
          state.time_ns, state.timeline.origin_frames, state.timeline.origin_beats,
          state.timeline.bpm, state.timeline.rate, state.lost_cycles);
  for (uint32_t d = 0; d < state.n_decks; d++)
    printf ("%s%s", d > 0 ? "," : "", ech_deck_state_name (state.decks[d].state));
  printf ("\n");
}

static void
post (const char *line)
{
  g_auto (GStrv) words     = NULL;
  g_autoptr (GError) error = NULL;
  struct ech_value  values[MAX_VALUES];
  struct ech_action action;
  char              text[ECH_TEXT_MAX];
  int               n_words;

  if (!g_shell_parse_argv (line, &n_words, &words, &error) || n_words - 1 > MAX_VALUES) {
    printf ("error %s\n", error != NULL ? error->message : "too many words");
    return;
  }
  for (int i = 1; i < n_words; i++)
    values[i - 1] = (struct ech_value){ .type = 'w', .s = words[i] };
  if (ech_vocabulary_parse (words[0], values, n_words - 1, decks, &action, text) < 0)
    printf ("error %s\n", text);
  else if (ech_lane_post (lane, &action) < 0)
    printf ("error the lane is full\n");
}

int
main (int argc, char **argv)
{
  struct ech_engine_config config = { .default_timing = { .kind = ECH_TIMING_NOW } };
  struct ech_policy        policy;
  g_autoptr (GError) error        = NULL;
  char line[512];

  for (int i = 1; i < argc; i++) {
    if (strcmp (argv[i], "--fused") == 0)
      config.fused = true;
    else if (strcmp (argv[i], "--decks") == 0 && i + 1 < argc)
      decks = atoi (argv[++i]);
  }
  /* this is about time and nodes: no cooldown, no guard */
  ech_policy_init_score (&policy);
  config.policy  = &policy;
  config.n_decks = decks;
  engine         = ech_engine_new (&config);
  ech_engine_add_listener (engine, on_event, NULL);
  lane = ech_engine_add_source (engine, "test", ECH_SOURCE_HAND);
  if (!ech_engine_start (engine, &error)) {
    fprintf (stderr, "engine-host: %s\n", error->message);
    return 1;
  }
  while (fgets (line, sizeof line, stdin) != NULL) {
    g_strchomp (line);
    if (strcmp (line, "quit") == 0)
      break;
    if (strcmp (line, "snapshot") == 0)
      tell_snapshot();
    else
      post (line);
    fflush (stdout);
  }
  ech_engine_free (engine);
  return 0;
}
