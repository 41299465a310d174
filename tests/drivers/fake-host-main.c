/* fake-host MODULE [KEY=VALUE...]: runs one driver module for a Python test.
 *
 * Posts, status lines and failures come on stdout, a line each.  Lines on
 * stdin: "event FATE RULE BEAT TEXT" (for the last action that was posted),
 * "other FATE" (another source's crossfader), "crossfader N", "full 0|1",
 * "running 0|1", "play 0|1" (deck a), "decks N", "all 0|1" (all that a light shows), "counts", "quit".
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/drivers/fake-host.h"

static int
index_of (const char *name, int n, const char *(*name_of) (int) )
{
  for (int i = 0; i < n; i++)
    if (strcmp (name, name_of (i)) == 0)
      return i;
  fprintf (stderr, "fake-host: no such name: %s\n", name);
  exit (2);
}

static const char *
fate_name (int i)
{
  return ech_fate_name ((enum ech_fate) i);
}

static const char *
rule_name (int i)
{
  return ech_rule_name ((enum ech_rule) i);
}

/* The fate of the last post, as the scheduler would tell it. */
static void
tell_event (struct fake_host *fake, char *arguments)
{
  struct ech_event event = { 0 };
  char             fate[32], rule[32], text[ECH_TEXT_MAX] = "";

  if (sscanf (arguments, "%31s %31s %lf %159[^\n]", fate, rule, &event.beat, text) < 3)
    exit (2);
  g_mutex_lock (&fake->mutex);
  event.verb   = fake->last.verb;
  event.deck   = fake->last.deck;
  event.index  = fake->last.index;
  event.value  = fake->last.value;
  event.client = fake->last.client;
  event.source = fake->last_source;
  g_strlcpy (event.id, fake->last.id, sizeof event.id);
  g_mutex_unlock (&fake->mutex);
  event.serial = 7;
  event.fate   = (uint32_t) index_of (fate, ECH_N_FATES, fate_name);
  event.rule   = (uint32_t) index_of (rule, ECH_N_RULES, rule_name);
  g_strlcpy (event.source_name, "osc", sizeof event.source_name);
  g_strlcpy (event.text, text, sizeof event.text);
  fake_host_event (fake, &event);
}

/* Somebody else's action: its client number is none of the driver's business. */
static void
tell_other (struct fake_host *fake, const char *fate)
{
  struct ech_event event = { .serial = 9,
                             .verb   = ECH_VERB_CROSSFADER,
                             .source = FAKE_SOURCE - 1,
                             .client = UINT64_C (0x7f0000010001),
                             .beat   = 3 };

  event.fate = (uint32_t) index_of (fate, ECH_N_FATES, fate_name);
  g_strlcpy (event.source_name, "window", sizeof event.source_name);
  fake_host_event (fake, &event);
}

static void
set_play (struct fake_host *fake, bool playing)
{
  struct ech_deck_status *deck = &fake->state.decks[0];

  deck->state         = playing ? ECH_DECK_PLAYING : ECH_DECK_STOPPED;
  deck->track_rate    = 48000;
  deck->length_frames = 48000 * 60;
  deck->step          = playing ? 1 : 0;
  deck->has_grid      = true;
  deck->bpm           = 120;
  deck->grid          = (struct ech_grid){ .frames_per_beat = 24000, .beats_per_bar = 4 };
  g_strlcpy (deck->title, "Song", sizeof deck->title);
}

/* Everything that a light can show, on or off. */
static void
set_all (struct fake_host *fake, bool on)
{
  for (unsigned d = 0; d < ECH_MAX_DECKS; d++) {
    struct ech_deck_status *deck = &fake->state.decks[d];

    deck->state      = on ? ECH_DECK_STOPPED : ECH_DECK_EMPTY;
    deck->track_rate = on ? 48000 : 0;
    deck->position_frames = deck->cue_frames = 0;
    deck->sync = deck->pfl = deck->loop_active = deck->locked = on;
    deck->volume                                              = on ? 1 : 0;
    for (unsigned i = 0; i < ECH_N_HOTCUES; i++)
      deck->hotcue_frames[i] = on ? 0 : NAN;
  }
  fake->state.crossfader = on ? 1 : 0;
}

/* Returns false at the end. */
static bool
obey (struct fake_host *fake, char *line)
{
  char *space     = strchr (line, ' ');
  char *arguments = space ? space + 1 : line + strlen (line);

  if (space)
    *space = '\0';
  if (strcmp (line, "event") == 0) {
    tell_event (fake, arguments);
  } else if (strcmp (line, "other") == 0) {
    tell_other (fake, arguments);
  } else {
    g_mutex_lock (&fake->mutex);
    if (strcmp (line, "crossfader") == 0)
      fake->state.crossfader = g_ascii_strtod (arguments, NULL);
    else if (strcmp (line, "full") == 0)
      fake->full = *arguments == '1';
    else if (strcmp (line, "running") == 0)
      fake->state.running = *arguments == '1';
    else if (strcmp (line, "play") == 0)
      set_play (fake, *arguments == '1');
    else if (strcmp (line, "decks") == 0)
      fake->state.n_decks = (uint32_t) atoi (arguments);
    else if (strcmp (line, "all") == 0)
      set_all (fake, *arguments == '1');
    else if (strcmp (line, "counts") == 0)
      printf ("counts batches=%u actions=%u\n", fake->n_batches, fake->n_actions);
    fflush (stdout);
    g_mutex_unlock (&fake->mutex);
  }
  return strcmp (line, "quit") != 0;
}

static const struct echelon_driver *
load (const char *path)
{
  const struct echelon_driver *(*entry) (void);
  void *module = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  void *symbol = module ? dlsym (module, "echelon_driver_entry") : NULL;

  if (symbol == NULL) {
    fprintf (stderr, "fake-host: %s\n", dlerror());
    exit (2);
  }
  memcpy (&entry, &symbol, sizeof entry);
  return entry();
}

int
main (int argc, char **argv)
{
  const struct echelon_driver *driver;
  struct fake_host             fake;
  void                        *self = NULL;
  char                         line[512], error[ECH_TEXT_MAX] = "";

  if (argc < 2)
    return 2;
  driver = load (argv[1]);
  fake_host_init (&fake);
  fake.print = true;
  for (int i = 2; i < argc; i++) {
    char *equals = strchr (argv[i], '=');

    *equals = '\0';
    fake_host_set (&fake, argv[i], equals + 1);
  }
  if (driver->start (&fake.handle, &self, error) < 0) {
    fake_host_finish (&fake);
    printf ("refused %s\n", error);
    return 1;
  }
  printf ("started %s\n", driver->id);
  fflush (stdout);
  while (fgets (line, sizeof line, stdin)) {
    line[strcspn (line, "\n")] = '\0';
    if (!obey (&fake, line))
      break;
  }
  driver->stop (self);
  fake_host_finish (&fake);
  printf ("stopped\n");
  return 0;
}
