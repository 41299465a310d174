/* graph-host: the PipeWire graph with a known pattern for sound, led from stdin.
 *
 *   graph-host [--decks N] [--fused] [--rate N] [--no-sink] [--group NAME] [--cycles N]
 *
 * Tells each change of state on stdout ("state RUNNING Null output").  Commands:
 * state, counts, latency, stop, start, quit.  With --cycles N it starts and stops
 * the graph N times and ends.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <gio/gio.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/graph/pipewire-graph.h"
#include "tests/pipewire/fake-cycle.h"

static const char *const state_names[] = { "STOPPED", "CONNECTING", "NO_SINK", "RUNNING" };

static EchPipewireGraph *graph;
static struct ech_cycle *cycle;

static void
tell_state (void *data)
{
  char                 text[ECH_TEXT_MAX];
  enum ech_graph_state state = ech_pipewire_graph_state (graph, text);

  printf ("state %s %s\n", state_names[state], text);
  fflush (stdout);
}

static void
tell_counts (void)
{
  struct fake_counts c = fake_cycle_counts (cycle);

  printf ("counts frame=%" PRIu64 " begins=%" PRIu64 " mixes=%" PRIu64 " decks=%" PRIu64
          " skips=%" PRIu64 " skipped=%" PRIu64 " rates=%" PRIu64 " errors=%" PRIu64
          " times_back=%" PRIu64 " max_block=%" PRIu64 "\n",
          c.frame, c.begins, c.mixes, c.decks, c.skips, c.skipped_frames, c.rates, c.errors,
          c.times_back, c.max_block);
}

static void
start (void)
{
  g_autoptr (GError) error = NULL;

  if (!ech_pipewire_graph_start (graph, &error)) {
    fprintf (stderr, "graph-host: %s\n", error->message);
    exit (1);
  }
}

/* Until the nodes are there, so that a stop finds something to take down. */
static void
start_and_stop (int cycles)
{
  for (int i = 0; i < cycles; i++) {
    start();
    for (int wait = 0; wait < 500; wait++) {
      if (ech_pipewire_graph_state (graph, NULL) >= ECH_GRAPH_NO_SINK)
        break;
      g_usleep (10000);
    }
    if (ech_pipewire_graph_state (graph, NULL) < ECH_GRAPH_NO_SINK) {
      fprintf (stderr, "graph-host: start %d did not come up\n", i);
      exit (1);
    }
    /* some stops in the midst of it */
    if (i % 3 == 0)
      g_usleep (30000);
    ech_pipewire_graph_stop (graph);
  }
  tell_counts();
}

static void
serve (void)
{
  char line[64];

  while (fgets (line, sizeof line, stdin) != NULL) {
    g_strchomp (line);
    if (strcmp (line, "quit") == 0)
      break;
    if (strcmp (line, "state") == 0)
      tell_state (NULL);
    else if (strcmp (line, "counts") == 0)
      tell_counts();
    else if (strcmp (line, "latency") == 0)
      printf ("latency %" PRIu64 "\n", ech_pipewire_graph_latency_ns (graph));
    else if (strcmp (line, "stop") == 0)
      ech_pipewire_graph_stop (graph);
    else if (strcmp (line, "start") == 0)
      start();
    else
      printf ("unknown command\n");
    fflush (stdout);
  }
}

int
main (int argc, char **argv)
{
  int                decks = 2, rate = 48000, cycles = 0;
  gboolean           fused = FALSE, no_sink = FALSE;
  char              *group     = NULL;
  const GOptionEntry entries[] = {
    { "decks", 0, 0, G_OPTION_ARG_INT, &decks, "Decks", "N" },
    { "rate", 0, 0, G_OPTION_ARG_INT, &rate, "Rate that the cycle begins with; 0 = unknown", "N" },
    { "fused", 0, 0, G_OPTION_ARG_NONE, &fused, "One node", NULL },
    { "no-sink", 0, 0, G_OPTION_ARG_NONE, &no_sink, "Make no link to a sink", NULL },
    { "group", 0, 0, G_OPTION_ARG_STRING, &group, "node.group", "NAME" },
    { "cycles", 0, 0, G_OPTION_ARG_INT, &cycles, "Start and stop so often", "N" },
    { NULL },
  };
  g_autoptr (GOptionContext) context      = g_option_context_new (NULL);
  g_autoptr (GError) error                = NULL;
  struct ech_pipewire_graph_config config = { 0 };

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    fprintf (stderr, "graph-host: %s\n", error->message);
    return 2;
  }
  cycle = aligned_alloc (64, (ech_cycle_size() + 63) / 64 * 64);
  ech_cycle_init (cycle, NULL, decks, rate);
  config = (struct ech_pipewire_graph_config){
    .cycle      = cycle,
    .rate       = rate,
    .n_decks    = decks,
    .fused      = fused,
    .no_sink    = no_sink,
    .node_group = group,
    .changed    = tell_state,
  };
  graph = ech_pipewire_graph_new (&config);
  if (cycles > 0) {
    start_and_stop (cycles);
  } else {
    start();
    serve();
  }
  ech_pipewire_graph_free (graph);
  free (cycle);
  g_free (group);
  return 0;
}
