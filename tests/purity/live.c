/* The whole path, live, under observation: engine, scheduler, loader and PipeWire nodes,
 * with every kind of action posted while two tracks play.
 *
 * Linked with --wrap on the entries of the audio thread, it tells an interposer
 * (interposer.c, preloaded) when the audio thread is inside; built by clang with
 * RealtimeSanitizer it needs no help.
 *
 * usage: live SECONDS TRACK TRACK
 * With ECH_LINK_DRIVER, a folder, the Ableton Link driver of that folder takes part: enabled and
 * disabled every half second, while each change of tempo goes into its session.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <fcntl.h>
#include <pthread.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drivers/host/driver-host.h"
#include "engine/engine.h"
#include "engine/graph/cycle-gate.h"

#ifdef ECH_WRAP
/* The interposer's, when it is there. */
extern void ech_purity_enter (void) __attribute__ ((weak));
extern void ech_purity_leave (void) __attribute__ ((weak));
extern unsigned ech_purity_report (char *out_text, size_t size) __attribute__ ((weak));

static volatile int sabotage;

/* One of each kind, so that the test shows that it would have seen it. */
static void
commit_every_fault (void)
{
  static pthread_mutex_t lock   = PTHREAD_MUTEX_INITIALIZER;
  static GMutex          g_lock;
  struct timespec        moment = { .tv_nsec = 1 };
  char                   byte;
  void *volatile         memory = malloc (16);
  int                    file   = open ("/dev/null", O_RDONLY);

  free (memory);
  pthread_mutex_lock (&lock);
  pthread_mutex_unlock (&lock);
  g_mutex_lock (&g_lock);
  g_mutex_unlock (&g_lock);
  nanosleep (&moment, NULL);
  if (file >= 0 && read (file, &byte, 1) == 0)
    close (file);
}

void __real_ech_cycle_gate_deck (struct ech_cycle_gate *, const struct ech_graph_clock *, uint32_t, float *, float *);
void __wrap_ech_cycle_gate_deck (struct ech_cycle_gate *, const struct ech_graph_clock *, uint32_t, float *, float *);
void __real_ech_cycle_gate_mix (struct ech_cycle_gate *, const struct ech_graph_clock *, const struct ech_mix_ports *);
void __wrap_ech_cycle_gate_mix (struct ech_cycle_gate *, const struct ech_graph_clock *, const struct ech_mix_ports *);

void
__wrap_ech_cycle_gate_deck (struct ech_cycle_gate        *gate,
                            const struct ech_graph_clock *clock,
                            uint32_t                      deck,
                            float                        *left,
                            float                        *right)
{
  if (ech_purity_enter != NULL)
    ech_purity_enter ();
  if (sabotage)
    commit_every_fault ();
  __real_ech_cycle_gate_deck (gate, clock, deck, left, right);
  if (ech_purity_leave != NULL)
    ech_purity_leave ();
}

void
__wrap_ech_cycle_gate_mix (struct ech_cycle_gate        *gate,
                           const struct ech_graph_clock *clock,
                           const struct ech_mix_ports   *ports)
{
  if (ech_purity_enter != NULL)
    ech_purity_enter ();
  __real_ech_cycle_gate_mix (gate, clock, ports);
  if (ech_purity_leave != NULL)
    ech_purity_leave ();
}
#endif

static _Atomic unsigned n_fates[ECH_N_FATES];

static void
on_event (const struct ech_event *event, void *data)
{
  n_fates[event->fate]++;
}

static void
post (EchLane *lane, uint32_t verb, uint32_t deck, double value, double grid)
{
  struct ech_action action = {
    .verb   = verb,
    .deck   = deck,
    .value  = value,
    .timing = { .kind = grid > 0 ? ECH_TIMING_GRID : ECH_TIMING_NOW, .beats = grid },
  };

  ech_lane_post (lane, &action);
}

static void
load (EchLane *lane, uint32_t deck, const char *path)
{
  struct ech_action action = { .verb = ECH_VERB_LOAD, .deck = deck, .text = path };

  ech_lane_post (lane, &action);
}

static gboolean
wait_for_grids (EchEngine *engine, struct ech_state *state)
{
  for (int i = 0; i < 2000; i++) {
    ech_engine_snapshot (engine, state);
    if (state->running && state->decks[0].has_grid && state->decks[1].has_grid)
      return TRUE;
    g_usleep (20000);
  }
  return FALSE;
}

static EchDriverHost *
start_link (EchEngine *engine)
{
  const char *folder         = g_getenv ("ECH_LINK_DRIVER");
  EchDriverHost *host        = NULL;
  g_autoptr (GError) error   = NULL;
  int            index;

  if (folder == NULL)
    return NULL;
  host = ech_driver_host_new (engine, NULL, NULL);
  ech_driver_host_scan (host, folder);
  index = ech_driver_host_find (host, "link");
  if (index < 0 || !ech_driver_host_start (host, (unsigned) index, &error)) {
    fprintf (stderr, "live: no Link: %s\n", error ? error->message : "no such driver");
    exit (1);
  }
  return host;
}

/* One random action of every kind there is. */
static void
stir (EchLane *lane, GRand *rand, char **tracks)
{
  static const double grids[] = { 0, 0.25, 0.5, 1, 4 };
  uint32_t            deck    = (uint32_t) g_rand_int_range (rand, 0, 2);
  double              grid    = grids[g_rand_int_range (rand, 0, G_N_ELEMENTS (grids))];

  switch (g_rand_int_range (rand, 0, 29)) {
  case 0: post (lane, ECH_VERB_PLAY, deck, NAN, grid); break;
  case 1: post (lane, ECH_VERB_STOP, deck, NAN, grid); break;
  case 2: post (lane, ECH_VERB_SEEK, deck, g_rand_double_range (rand, 0, 20), 0.5); break;
  case 3: post (lane, ECH_VERB_BEATJUMP, deck, g_rand_int_range (rand, -8, 9), grid); break;
  case 4: post (lane, ECH_VERB_SYNC, deck, g_rand_boolean (rand), grid); break;
  case 5: post (lane, ECH_VERB_SPEED, deck, g_rand_double_range (rand, 0.9, 1.1), grid); break;
  case 6: post (lane, ECH_VERB_TEMPO, 0, g_rand_double_range (rand, 100, 150), grid); break;
  case 7: post (lane, ECH_VERB_CROSSFADER, 0, g_rand_double (rand), grid); break;
  case 8: post (lane, ECH_VERB_VOLUME, deck, g_rand_double (rand), grid); break;
  case 9: post (lane, ECH_VERB_TRIM, deck, g_rand_double_range (rand, -12, 12), grid); break;
  case 10: post (lane, ECH_VERB_EQ, deck, g_rand_double_range (rand, -30, 12), grid); break;
  case 11: post (lane, ECH_VERB_FILTER, deck, g_rand_double_range (rand, -1, 1), grid); break;
  case 12: post (lane, ECH_VERB_PFL, deck, g_rand_boolean (rand), grid); break;
  case 13: post (lane, ECH_VERB_LIMITER, 0, g_rand_double_range (rand, -12, 0), grid); break;
  case 14: post (lane, ECH_VERB_HEADPHONES_MIX, 0, g_rand_double (rand), grid); break;
  case 15: post (lane, ECH_VERB_CUE, deck, NAN, grid); break;
  case 16: post (lane, ECH_VERB_EJECT, deck, NAN, grid); break;
  case 17: post (lane, ECH_VERB_LOOP, deck, g_rand_boolean (rand) ? 0.125 : 0, grid); break;
  case 18: post (lane, ECH_VERB_LOOP_IN, deck, NAN, grid); break;
  case 19: post (lane, ECH_VERB_LOOP_OUT, deck, NAN, grid); break;
  case 20: post (lane, ECH_VERB_LOOP_MOVE, deck, g_rand_int_range (rand, -4, 5), grid); break;
  case 21: post (lane, ECH_VERB_HOTCUE_SET, deck, NAN, grid); break;
  case 22: post (lane, ECH_VERB_HOTCUE_JUMP, deck, NAN, 0.5); break;
  case 23: post (lane, ECH_VERB_HOTCUE_CLEAR, deck, NAN, grid); break;
  case 24: post (lane, ECH_VERB_BEND, deck, g_rand_double_range (rand, -0.5, 0.5), grid); break;
  case 25: post (lane, ECH_VERB_RECORD, 0, g_rand_boolean (rand), grid); break;
  case 26: post (lane, ECH_VERB_KEYLOCK, deck, g_rand_int_range (rand, 0, 4) > 0, grid); break;
  default: load (lane, deck, tracks[deck]); break;
  }
}

/* There are some: the action was not refused. */
static int
remove_recordings (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char      *name;
  unsigned         n   = 0;

  for (; dir != NULL && (name = g_dir_read_name (dir)) != NULL; n++) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_remove (path);
  }
  g_rmdir (folder);
  if (n > 0)
    return 0;
  fprintf (stderr, "live: nothing was recorded\n");
  return 1;
}

int
main (int argc, char **argv)
{
  struct ech_engine_config config = { .n_decks = 2 };
  struct ech_policy        policy;
  static struct ech_state  state;
  g_autoptr (GRand)        rand = g_rand_new_with_seed (20260101);
  g_autoptr (GError)       error = NULL;
  g_autofree char         *folder = g_dir_make_tmp ("echelon-purity-XXXXXX", NULL);
  EchEngine               *engine;
  EchLane                 *lane;
  gint64                   end_us;
  EchDriverHost           *host;
  uint64_t                 first_cycle;
  unsigned                 n_turns = 0;
  int                      status = 0;

  if (argc != 4)
    return 2;
  config.record_folder = folder;
  /* as much as it takes reaches the audio thread */
  ech_policy_init_score (&policy);
  config.policy = &policy;
  engine        = ech_engine_new (&config);
  ech_engine_add_listener (engine, on_event, NULL);
  lane = ech_engine_add_source (engine, "live", ECH_SOURCE_HAND);
  if (!ech_engine_start (engine, &error)) {
    fprintf (stderr, "live: %s\n", error->message);
    return 1;
  }
  host = start_link (engine);
  load (lane, 0, argv[2]);
  load (lane, 1, argv[3]);
  if (!wait_for_grids (engine, &state)) {
    fprintf (stderr, "live: the tracks were not loaded and analysed in time\n");
    return 1;
  }
#ifdef ECH_WRAP
  sabotage = g_getenv ("ECH_SABOTAGE") != NULL;
#endif
  first_cycle = state.cycles;
  post (lane, ECH_VERB_PLAY, 0, NAN, 1);
  post (lane, ECH_VERB_PLAY, 1, NAN, 1);
  end_us = g_get_monotonic_time () + (gint64) (atof (argv[1]) * 1e6);
  while (g_get_monotonic_time () < end_us) {
    stir (lane, rand, argv + 2);
    if (host != NULL && ++n_turns % 250 == 1)
      post (lane, ECH_VERB_LINK, 0, n_turns % 1000 != 751, 0); /* three quarters of the time */
    g_usleep (2000);
  }
  ech_engine_snapshot (engine, &state);
  g_clear_object (&host); /* while the audio runs */
  ech_engine_stop (engine);
  printf ("%" G_GUINT64_FORMAT " cycles, %u executed, %u rejected, %u cancelled\n", state.cycles - first_cycle,
          n_fates[ECH_FATE_EXECUTED], n_fates[ECH_FATE_REJECTED], n_fates[ECH_FATE_CANCELLED]);
  if (state.cycles - first_cycle < 50 || n_fates[ECH_FATE_EXECUTED] < 100) {
    fprintf (stderr, "live: too little happened to mean anything\n");
    status = 1;
  }
#ifdef ECH_WRAP
  if (ech_purity_report != NULL) {
    char text[2048];

    if (ech_purity_report (text, sizeof text) > 0) {
      fprintf (stderr, "in the audio thread: %s\n", text);
      status = 3;
    }
  }
#endif
  ech_engine_free (engine);
  if (remove_recordings (folder) != 0)
    status = 1;
  return status;
}
