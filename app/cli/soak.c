/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/soak.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "engine/engine.h"

enum {
  TICK_MS      = 10,
  FLOOD_EACH   = 1000, /* ticks */
  FLOOD        = 500,  /* actions */
  PATIENCE_S   = 30,   /* for the tracks at the start */
  SETTLE_S     = 10,   /* for the last fates */
  MAX_FAULTS   = 20,   /* told in words */
  N_IDS        = 40,   /* so few that some come twice */
};

/* One lane of each class: all rules for all kinds of source are in play. */
static const struct {
  const char           *name;
  enum ech_source_class source_class;
  double                actions_a_tick;
} sources[] = {
  { "soak-hand", ECH_SOURCE_HAND, 0.15 },
  { "soak-osc", ECH_SOURCE_OSC, 0.30 },
  { "soak-bridge", ECH_SOURCE_BRIDGE, 0.05 },
  { "soak-agent", ECH_SOURCE_AGENT, 0.30 },
};

enum { N_SOURCES = G_N_ELEMENTS (sources) };

struct soak {
  /* options */
  double   minutes;
  gint64   seed;
  int      decks;
  gboolean json;
  char    *journal;

  /* main thread */
  GMainLoop *loop;
  EchEngine *engine;
  EchLane   *lanes[N_SOURCES];
  GRand     *rand;
  char     **tracks;
  unsigned   n_tracks;
  unsigned   n_ticks;
  gint64     begun_us; /* 0: the tracks are still coming */
  gboolean   ending;
  guint64    n_full; /* posts that found their lane full */
  guint64    next_client;
  double     loudest;

  /* main and scheduler's thread */
  GMutex           mutex;
  GHashTable      *open; /* client numbers of actions without a last fate */
  struct ech_state before;
  gboolean         is_fresh; /* nothing was carried out since `before` */
  guint64          n_fates[ECH_N_FATES];
  guint64          n_rules[ECH_N_RULES];
  guint64          n_posted;
  guint64          n_faults;
  GPtrArray       *faults; /* the first ones, as sentences */
};

static G_GNUC_PRINTF (2, 3) void
fault (struct soak *soak, const char *format, ...)
{
  va_list args;

  soak->n_faults++;
  if (soak->faults->len >= MAX_FAULTS)
    return;
  va_start (args, format);
  g_ptr_array_add (soak->faults, g_strdup_vprintf (format, args));
  va_end (args);
}

/* --- what must never happen ------------------------------------------------------------ */

static unsigned
n_on_air (const struct ech_state *state)
{
  unsigned n = 0;

  for (uint32_t i = 0; i < state->n_decks; i++)
    n += state->decks[i].on_air;
  return n;
}

/* Judged by the newest snapshot, if nothing came in between that may have changed the picture. */
static void
check_executed (struct soak *soak, const struct ech_event *event)
{
  const struct ech_deck_status *deck = &soak->before.decks[event->deck % ECH_MAX_DECKS];
  gboolean is_hand = strcmp (event->source_name, sources[0].name) == 0;
  gboolean stops   = event->verb == ECH_VERB_STOP
                   || (event->verb == ECH_VERB_CUE && isnan (event->value));

  if (!soak->is_fresh || !ech_verb_has_deck (event->verb) || !deck->on_air)
    return;
  if (event->verb == ECH_VERB_LOAD || event->verb == ECH_VERB_EJECT)
    fault (soak, "Deck %c was on air, and a %s by %s was carried out.", (char) ('A' + event->deck),
           ech_verb_name (event->verb), event->source_name);
  else if (stops && !is_hand && n_on_air (&soak->before) == 1)
    fault (soak, "Deck %c was the last on air, and %s stopped it.", (char) ('A' + event->deck),
           event->source_name);
  else if (deck->locked && event->verb != ECH_VERB_UNLOCK && event->verb != ECH_VERB_LOCK
           && strcmp (event->source_name, "guard") != 0)
    fault (soak, "Deck %c was locked, and a %s by %s was carried out.", (char) ('A' + event->deck),
           ech_verb_name (event->verb), event->source_name);
}

/* Scheduler's thread. */
static void
on_event (const struct ech_event *event, void *data)
{
  struct soak *soak = data;

  g_mutex_lock (&soak->mutex);
  soak->n_fates[event->fate]++;
  if (event->fate == ECH_FATE_REJECTED) {
    soak->n_rules[event->rule]++;
    if (event->rule == ECH_RULE_NONE || event->text[0] == '\0')
      fault (soak, "A refusal of %s names no rule or no reason.", ech_verb_name (event->verb));
  }
  if (event->fate == ECH_FATE_EXECUTED) {
    check_executed (soak, event);
    soak->is_fresh = FALSE;
  }
  if (event->fate != ECH_FATE_QUEUED && event->client != 0
      && !g_hash_table_remove (soak->open, &event->client))
    fault (soak, "Action %" G_GUINT64_FORMAT " (%s) was told a last fate twice.", event->client,
           ech_verb_name (event->verb));
  g_mutex_unlock (&soak->mutex);
}

static void
check_state (struct soak *soak)
{
  struct ech_state state;

  ech_engine_snapshot (soak->engine, &state);
  g_mutex_lock (&soak->mutex);
  for (int i = 0; i < 2; i++) {
    if (!isfinite (state.master_peak[i]) || state.master_peak[i] > 1.0f)
      fault (soak, "The master was at %g: more than full scale.", (double) state.master_peak[i]);
    soak->loudest = MAX (soak->loudest, (double) state.master_peak[i]);
  }
  for (uint32_t i = 0; i < state.n_decks; i++) {
    if (!isfinite (state.decks[i].position_frames))
      fault (soak, "Deck %c is nowhere.", (char) ('A' + i));
  }
  soak->before   = state;
  soak->is_fresh = TRUE;
  g_mutex_unlock (&soak->mutex);
}

/* --- what is asked --------------------------------------------------------------------- */

static double
random_value (struct soak *soak, const struct ech_word *word)
{
  double span = word->maximum - MAX (word->minimum, -40.0);

  switch (word->argument) {
  case ECH_ARGUMENT_SWITCH:
    return g_rand_boolean (soak->rand);
  case ECH_ARGUMENT_OPTIONAL_NUMBER:
    if (g_rand_int_range (soak->rand, 0, 3) > 0)
      return NAN;
    return g_rand_double_range (soak->rand, 0, 20); /* seconds that most tracks have */
  case ECH_ARGUMENT_NUMBER:
    if (word->verb == ECH_VERB_SEEK)
      return g_rand_double_range (soak->rand, 0, 20);
    if (word->verb == ECH_VERB_BEATJUMP || word->verb == ECH_VERB_LOOP_MOVE)
      return g_rand_int_range (soak->rand, -8, 9);
    if (word->verb == ECH_VERB_LOOP)
      return ldexp (1, g_rand_int_range (soak->rand, -5, 5));
    if (word->verb == ECH_VERB_TEMPO)
      return g_rand_double_range (soak->rand, 90, 150);
    if (word->verb == ECH_VERB_SPEED)
      return g_rand_double_range (soak->rand, 0.9, 1.1);
    return word->maximum - g_rand_double (soak->rand) * span;
  default:
    return NAN;
  }
}

static struct ech_timing
random_timing (struct soak *soak)
{
  static const double beats[] = { 0.25, 0.5, 1, 1, 2, 4, 8 };
  struct ech_timing   timing  = { .kind = ECH_TIMING_NOW };

  switch (g_rand_int_range (soak->rand, 0, 6)) {
  case 0:
  case 1:
    timing.kind  = ECH_TIMING_GRID;
    timing.beats = beats[g_rand_int_range (soak->rand, 0, G_N_ELEMENTS (beats))];
    timing.way   = g_rand_int_range (soak->rand, 0, 4) == 0 ? ECH_WAY_LAND : ECH_WAY_WAIT;
    break;
  case 2:
    timing.kind  = ECH_TIMING_IN_BEATS;
    timing.beats = g_rand_double_range (soak->rand, 0, 12);
    break;
  case 3:
    timing.kind  = ECH_TIMING_AT_BEAT;
    timing.beats = soak->before.beat + g_rand_double_range (soak->rand, -1, 16);
    break;
  default:
    break;
  }
  return timing;
}

/* A stop and an eject end the music, a lock its changes: they are asked for more seldom. */
static const struct ech_word *
random_word (struct soak *soak)
{
  unsigned               n     = 0;
  const struct ech_word *words = ech_vocabulary_words (&n);

  for (;;) {
    const struct ech_word *word = &words[g_rand_int_range (soak->rand, 0, (gint32) n)];
    uint32_t               verb = word->verb;
    gboolean seldom = verb == ECH_VERB_STOP || verb == ECH_VERB_EJECT || verb == ECH_VERB_LOCK;

    if (verb == ECH_VERB_EMERGENCY || verb == ECH_VERB_SOURCE_MODE || verb == ECH_VERB_RECORD
        || verb == ECH_VERB_LINK || verb == ECH_VERB_LINK_STARTSTOP || verb == ECH_VERB_LINK_NUDGE)
      continue; /* each would be the end of the test, write to the disk, or move others' tempo */
    if (!seldom || g_rand_int_range (soak->rand, 0, 8) == 0)
      return word;
  }
}

static void
post (struct soak *soak, unsigned source, struct ech_action *action)
{
  gboolean is_full;

  /* in the table before it is in the lane: its fate may come before the post returns */
  g_mutex_lock (&soak->mutex);
  action->client = ++soak->next_client;
  g_hash_table_add (soak->open, g_memdup2 (&action->client, sizeof action->client));
  g_mutex_unlock (&soak->mutex);
  is_full = ech_lane_post (soak->lanes[source], action) != 0;
  g_mutex_lock (&soak->mutex);
  if (is_full)
    g_hash_table_remove (soak->open, &action->client);
  soak->n_full += is_full;
  soak->n_posted += !is_full;
  g_mutex_unlock (&soak->mutex);
}

static void
post_random (struct soak *soak, unsigned source)
{
  const struct ech_word *word   = random_word (soak);
  struct ech_action      action = {
         .verb  = word->verb,
         .deck  = (uint32_t) g_rand_int_range (soak->rand, 0, soak->decks),
         .index = ech_verb_has_hotcue (word->verb) ? (uint32_t) g_rand_int_range (soak->rand, 0, ECH_N_HOTCUES)
                                                   : word->index,
         .value = random_value (soak, word),
  };

  if (word->timing)
    action.timing = random_timing (soak);
  if (g_rand_int_range (soak->rand, 0, 4) == 0)
    g_snprintf (action.id, sizeof action.id, "soak-%d", g_rand_int_range (soak->rand, 0, N_IDS));
  if (word->timing && g_rand_int_range (soak->rand, 0, 10) == 0)
    action.deadline_beats = soak->before.beat + g_rand_double_range (soak->rand, 0.1, 8);
  if (word->verb == ECH_VERB_LOAD)
    action.text = soak->tracks[g_rand_int_range (soak->rand, 0, (gint32) soak->n_tracks)];
  if (word->argument == ECH_ARGUMENT_STRING && word->verb != ECH_VERB_LOAD)
    g_snprintf (action.target, sizeof action.target, "soak-%d", g_rand_int_range (soak->rand, 0, N_IDS));
  if (g_rand_int_range (soak->rand, 0, 50) == 0) /* and some that are none */
    action.value = g_rand_boolean (soak->rand) ? INFINITY : 1e12;
  post (soak, source, &action);
}

static void
post_flood (struct soak *soak)
{
  for (int i = 0; i < FLOOD; i++) {
    struct ech_action action = { .verb = ECH_VERB_CROSSFADER, .value = (i % 11) / 10.0 };

    post (soak, N_SOURCES - 1, &action);
  }
}

/* A hand keeps the music going: what is soaked is a set, not silence. */
static void
keep_playing (struct soak *soak)
{
  for (uint32_t i = 0; i < soak->before.n_decks; i++) {
    const struct ech_deck_status *deck   = &soak->before.decks[i];
    struct ech_action             action = { .deck = i, .value = 0 };

    if (deck->locked)
      action.verb = ECH_VERB_UNLOCK;
    else if (deck->state == ECH_DECK_EMPTY)
      action.verb = ECH_VERB_LOAD, action.text = soak->tracks[i % soak->n_tracks];
    else if (deck->state == ECH_DECK_STOPPED)
      action.verb = ECH_VERB_PLAY;
    else
      continue;
    post (soak, 0, &action);
  }
}

/* --- its course ------------------------------------------------------------------------ */

static gboolean
is_loaded (const struct soak *soak)
{
  for (int i = 0; i < soak->decks; i++) {
    if (!soak->before.decks[i].has_grid && !(soak->before.decks[i].track_rate > 0))
      return FALSE;
  }
  return soak->before.running;
}

static void
begin_end (struct soak *soak)
{
  struct ech_action emergency = { .verb = ECH_VERB_EMERGENCY };

  soak->ending   = TRUE;
  soak->begun_us = g_get_monotonic_time ();
  post (soak, 0, &emergency);
}

static gboolean
is_settled (struct soak *soak)
{
  gboolean settled;

  g_mutex_lock (&soak->mutex);
  settled = g_hash_table_size (soak->open) == 0;
  g_mutex_unlock (&soak->mutex);
  return settled;
}

static gboolean
on_tick (gpointer data)
{
  struct soak *soak = data;
  double       elapsed_s;

  check_state (soak);
  if (soak->begun_us == 0) {
    if (is_loaded (soak))
      soak->begun_us = g_get_monotonic_time ();
    return G_SOURCE_CONTINUE;
  }
  elapsed_s = (double) (g_get_monotonic_time () - soak->begun_us) * 1e-6;
  if (soak->ending) {
    if (is_settled (soak) || elapsed_s > SETTLE_S)
      g_main_loop_quit (soak->loop);
    return G_SOURCE_CONTINUE;
  }
  if (elapsed_s >= soak->minutes * 60) {
    begin_end (soak);
    return G_SOURCE_CONTINUE;
  }
  for (unsigned i = 0; i < N_SOURCES; i++) {
    if (g_rand_double (soak->rand) < sources[i].actions_a_tick)
      post_random (soak, i);
  }
  if (++soak->n_ticks % 100 == 0)
    keep_playing (soak);
  if (soak->n_ticks % FLOOD_EACH == 0)
    post_flood (soak);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_interrupt (gpointer data)
{
  struct soak *soak = data;

  if (soak->begun_us == 0 || soak->ending)
    g_main_loop_quit (soak->loop);
  else
    begin_end (soak);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_patience_over (gpointer data)
{
  struct soak *soak = data;
  char         text[ECH_TEXT_MAX];

  if (soak->begun_us != 0)
    return G_SOURCE_REMOVE;
  ech_engine_audio_state (soak->engine, text);
  g_printerr ("echelonctl soak: no start after %d s; the audio side says: %s\n", PATIENCE_S, text);
  g_main_loop_quit (soak->loop);
  return G_SOURCE_REMOVE;
}

/* --- the report ------------------------------------------------------------------------ */

static void
print_text (const struct soak *soak)
{
  const struct ech_state *state = &soak->before;

  g_print ("seed %" G_GINT64_FORMAT ": %" G_GUINT64_FORMAT " actions posted, %" G_GUINT64_FORMAT " found their lane full\n",
           soak->seed, soak->n_posted, soak->n_full);
  for (int fate = 0; fate < ECH_N_FATES; fate++)
    g_print ("  %-9s %8" G_GUINT64_FORMAT "\n", ech_fate_name (fate), soak->n_fates[fate]);
  for (int rule = 0; rule < ECH_N_RULES; rule++) {
    if (soak->n_rules[rule])
      g_print ("  refused by %-9s %8" G_GUINT64_FORMAT "\n", ech_rule_name (rule), soak->n_rules[rule]);
  }
  g_print ("cycles %" G_GUINT64_FORMAT ", lost %" G_GUINT64_FORMAT "; latency of immediate actions %.1f ms median, %.1f ms at most; loudest %.2f dBFS\n",
           state->cycles, state->lost_cycles, state->latency_p50_ms, state->latency_max_ms,
           20.0 * log10 (MAX (soak->loudest, 1e-6)));
  for (guint i = 0; i < soak->faults->len; i++)
    g_print ("FAULT: %s\n", (const char *) g_ptr_array_index (soak->faults, i));
  g_print ("%" G_GUINT64_FORMAT " faults, %u actions without a fate\n", soak->n_faults,
           g_hash_table_size (soak->open));
}

static void
add_int (JsonBuilder *builder, const char *key, guint64 number)
{
  json_builder_set_member_name (builder, key);
  json_builder_add_int_value (builder, (gint64) number);
}

static void
print_json (const struct soak *soak)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode)    root    = NULL;
  g_autofree char        *text    = NULL;

  json_builder_begin_object (builder);
  add_int (builder, "seed", (guint64) soak->seed);
  add_int (builder, "posted", soak->n_posted);
  add_int (builder, "full", soak->n_full);
  for (int fate = 0; fate < ECH_N_FATES; fate++)
    add_int (builder, ech_fate_name (fate), soak->n_fates[fate]);
  json_builder_set_member_name (builder, "refused_by");
  json_builder_begin_object (builder);
  for (int rule = 0; rule < ECH_N_RULES; rule++) {
    if (soak->n_rules[rule])
      add_int (builder, ech_rule_name (rule), soak->n_rules[rule]);
  }
  json_builder_end_object (builder);
  add_int (builder, "cycles", soak->before.cycles);
  add_int (builder, "lost_cycles", soak->before.lost_cycles);
  add_int (builder, "without_fate", g_hash_table_size (soak->open));
  add_int (builder, "faults", soak->n_faults);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  g_print ("%s\n", text);
  for (guint i = 0; i < soak->faults->len; i++)
    g_printerr ("FAULT: %s\n", (const char *) g_ptr_array_index (soak->faults, i));
}

/* --- beginning and end ----------------------------------------------------------------- */

static gboolean
start (struct soak *soak)
{
  struct ech_engine_config config = { .n_decks        = (uint32_t) soak->decks,
                                      .default_timing = { .kind = ECH_TIMING_NOW },
                                      .journal_file   = soak->journal };
  g_autoptr (GError)       error  = NULL;

  soak->engine = ech_engine_new (&config);
  ech_engine_add_listener (soak->engine, on_event, soak);
  for (unsigned i = 0; i < N_SOURCES; i++)
    soak->lanes[i] = ech_engine_add_source (soak->engine, sources[i].name, sources[i].source_class);
  if (!ech_engine_start (soak->engine, &error)) {
    g_printerr ("echelonctl soak: %s\n", error->message);
    return FALSE;
  }
  for (int i = 0; i < soak->decks; i++) {
    struct ech_action load = { .verb = ECH_VERB_LOAD, .deck = (uint32_t) i,
                               .text = soak->tracks[(unsigned) i % soak->n_tracks] };

    post (soak, 0, &load);
  }
  return TRUE;
}

static int
run (struct soak *soak)
{
  int status = 1;

  soak->rand   = g_rand_new_with_seed ((guint32) soak->seed);
  soak->open   = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  soak->faults = g_ptr_array_new_with_free_func (g_free);
  soak->loop   = g_main_loop_new (NULL, FALSE);
  g_mutex_init (&soak->mutex);
  if (start (soak)) {
    g_timeout_add (TICK_MS, on_tick, soak);
    g_timeout_add_seconds (PATIENCE_S, on_patience_over, soak);
    g_unix_signal_add (SIGINT, on_interrupt, soak);
    g_unix_signal_add (SIGTERM, on_interrupt, soak);
    g_main_loop_run (soak->loop);
    ech_engine_stop (soak->engine);
    if (soak->begun_us != 0) {
      (soak->json ? print_json : print_text) (soak);
      status = soak->n_faults > 0 || g_hash_table_size (soak->open) > 0;
    }
  }
  ech_engine_free (soak->engine);
  g_main_loop_unref (soak->loop);
  g_ptr_array_unref (soak->faults);
  g_hash_table_unref (soak->open);
  g_rand_free (soak->rand);
  g_mutex_clear (&soak->mutex);
  return status;
}

int
ech_cli_soak (int argc, char **argv)
{
  struct soak                soak      = { .minutes = 5, .seed = 1, .decks = 4 };
  g_autoptr (GOptionContext) context   = g_option_context_new ("TRACK...");
  g_autoptr (GError)         error     = NULL;
  const GOptionEntry         entries[] = {
    { "minutes", 'm', 0, G_OPTION_ARG_DOUBLE, &soak.minutes, "How long (5)", "N" },
    { "seed", 's', 0, G_OPTION_ARG_INT64, &soak.seed, "The same seed asks the same (1)", "N" },
    { "decks", 'd', 0, G_OPTION_ARG_INT, &soak.decks, "Number of decks, 1..4 (4)", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &soak.json, "Report as a JSON object", NULL },
    { "journal", 'j', 0, G_OPTION_ARG_FILENAME, &soak.journal, "Keep the journal in FILE", "FILE" },
    G_OPTION_ENTRY_NULL,
  };
  int status = 2;

  g_option_context_set_summary (context,
                                "Plays the tracks and has a hand, an OSC program, a bridge and an agent ask for anything at\n"
                                "random. Checks that nothing on air is loaded over, that no program stops the last deck, that\n"
                                "each action has one fate and that the master stays under full scale. Exit status 0: no fault.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    g_printerr ("echelonctl soak: %s\n", error->message);
  else if (argc < 2)
    g_printerr ("echelonctl soak: TRACKs are needed; see echelonctl soak --help\n");
  else if (!(soak.minutes > 0 && soak.minutes <= 10000))
    g_printerr ("echelonctl soak: --minutes takes more than 0, and 10000 at most\n");
  else if (soak.decks < 1 || soak.decks > ECH_MAX_DECKS)
    g_printerr ("echelonctl soak: --decks takes 1 to %d\n", ECH_MAX_DECKS);
  else {
    soak.n_tracks = (unsigned) argc - 1;
    soak.tracks   = g_new0 (char *, (gsize) argc);
    for (int i = 1; i < argc; i++)
      soak.tracks[i - 1] = g_canonicalize_filename (argv[i], NULL);
    status = run (&soak);
    g_strfreev (soak.tracks);
  }
  g_free (soak.journal);
  return status;
}
