/* The driver host with real modules and an engine of the test's own.
 *
 * test-driver-host FOLDER: where the modules of the tests lie.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/host/driver-host.h"

enum { N_LANES = 16, LANE_ROOM = 64 };

/* --- the engine ------------------------------------------------------------------------ */

struct _EchLane {
  EchEngine *engine;
  char       name[ECH_NAME_MAX];
  uint32_t   source;
  bool       there;
  unsigned   n_posts;
  uint32_t   last_verb;
};

struct _EchEngine {
  pthread_mutex_t mutex;
  EchLane         lanes[N_LANES];
  unsigned        n_lanes; /* ever made */
  unsigned        room;    /* posts a lane takes */
  EchEventFunc    listeners[N_LANES];
  void           *listener_data[N_LANES];
};

EchLane *
ech_engine_add_source (EchEngine *engine, const char *name, enum ech_source_class source_class)
{
  EchLane *lane = NULL;

  pthread_mutex_lock (&engine->mutex);
  for (uint32_t i = 0; i < N_LANES && lane == NULL; i++) {
    if (engine->lanes[i].there)
      continue;
    lane  = &engine->lanes[i];
    *lane = (EchLane){ .engine = engine, .source = i, .there = true };
    g_strlcpy (lane->name, name, sizeof lane->name);
    engine->n_lanes++;
  }
  pthread_mutex_unlock (&engine->mutex);
  return lane;
}

void
ech_engine_remove_source (EchEngine *engine, EchLane *lane)
{
  pthread_mutex_lock (&engine->mutex);
  g_assert_true (lane->there);
  lane->there = false;
  pthread_mutex_unlock (&engine->mutex);
}

int
ech_lane_post_batch (EchLane *lane, const struct ech_action *actions, unsigned n_actions)
{
  int result = -ENOSPC;

  pthread_mutex_lock (&lane->engine->mutex);
  g_assert_true (lane->there);
  if (lane->n_posts + n_actions <= lane->engine->room) {
    lane->n_posts += n_actions;
    lane->last_verb = actions[n_actions - 1].verb;
    result          = 0;
  }
  pthread_mutex_unlock (&lane->engine->mutex);
  return result;
}

int
ech_lane_post (EchLane *lane, const struct ech_action *action)
{
  return ech_lane_post_batch (lane, action, 1);
}

uint32_t
ech_lane_source (const EchLane *lane)
{
  return lane->source;
}

void
ech_engine_telemetry (EchEngine *engine, struct ech_telemetry *out_telemetry)
{
  *out_telemetry = (struct ech_telemetry){ 0 };
}

enum ech_source_class
ech_engine_source_class (EchEngine *engine, const char *name, enum ech_source_class source_class)
{
  return source_class;
}

void
ech_engine_add_listener (EchEngine *engine, EchEventFunc func, void *data)
{
  unsigned i = 0;

  pthread_mutex_lock (&engine->mutex);
  while (engine->listeners[i])
    i++;
  engine->listener_data[i] = data;
  engine->listeners[i]     = func;
  pthread_mutex_unlock (&engine->mutex);
}

void
ech_engine_remove_listener (EchEngine *engine, EchEventFunc func, void *data)
{
  pthread_mutex_lock (&engine->mutex);
  for (unsigned i = 0; i < N_LANES; i++)
    if (engine->listeners[i] == func && engine->listener_data[i] == data)
      engine->listeners[i] = NULL;
  pthread_mutex_unlock (&engine->mutex);
}

int
ech_engine_set_clock (EchEngine *engine, const struct ech_clock_source *source, void *owner, void *self)
{
  return 0;
}

void
ech_engine_unset_clock (EchEngine *engine, void *owner)
{
}

bool
ech_engine_post_clock_update (EchEngine *engine, const struct ech_clock_update *update)
{
  return true;
}

void
ech_engine_snapshot (EchEngine *engine, struct ech_state *out_state)
{
  memset (out_state, 0, sizeof *out_state);
  out_state->n_decks = 2;
}

double
ech_state_frame_at (const struct ech_state *state, uint64_t time_ns)
{
  return 0;
}

static void
emit (EchEngine *engine, const struct ech_event *event)
{
  pthread_mutex_lock (&engine->mutex);
  for (unsigned i = 0; i < N_LANES; i++)
    if (engine->listeners[i])
      engine->listeners[i](event, engine->listener_data[i]);
  pthread_mutex_unlock (&engine->mutex);
}

static unsigned
count_listeners (EchEngine *engine)
{
  unsigned n = 0;

  for (unsigned i = 0; i < N_LANES; i++)
    n += engine->listeners[i] != NULL;
  return n;
}

static unsigned
count_lanes (EchEngine *engine)
{
  unsigned n = 0;

  for (unsigned i = 0; i < N_LANES; i++)
    n += engine->lanes[i].there;
  return n;
}

/* --- a host with settings -------------------------------------------------------------- */

static const char *module_folder;

struct fixture {
  EchEngine      engine;
  EchDriverHost *host;
  GHashTable    *settings; /* "id key" -> GVariant */
  unsigned       n_changes;
};

static GVariant *
get_setting (const char *id, const char *key, void *data)
{
  struct fixture  *fixture = data;
  g_autofree char *name    = g_strdup_printf ("%s %s", id, key);
  GVariant        *value   = g_hash_table_lookup (fixture->settings, name);

  return value ? g_variant_ref (value) : NULL;
}

static void
set (struct fixture *fixture, const char *name, GVariant *value)
{
  g_hash_table_replace (fixture->settings, g_strdup (name), g_variant_ref_sink (value));
}

static void
on_changed (EchDriverHost *host, guint index, struct fixture *fixture)
{
  g_assert_cmpuint (index, <, ech_driver_host_get_n_drivers (host));
  fixture->n_changes++;
}

static void
set_up (struct fixture *fixture, gconstpointer data)
{
  memset (fixture, 0, sizeof *fixture);
  pthread_mutex_init (&fixture->engine.mutex, NULL);
  fixture->engine.room = LANE_ROOM;
  fixture->settings =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);
  set (fixture, "osc port", g_variant_new_int32 (0));
  set (fixture, "pedal enabled", g_variant_new_boolean (FALSE));
  fixture->host = ech_driver_host_new (&fixture->engine, get_setting, fixture);
  ech_driver_host_scan (fixture->host, module_folder);
  g_signal_connect (fixture->host, "changed", G_CALLBACK (on_changed), fixture);
}

static void
tear_down (struct fixture *fixture, gconstpointer data)
{
  g_clear_object (&fixture->host);
  g_assert_cmpuint (count_lanes (&fixture->engine), ==, 0);
  g_assert_cmpuint (count_listeners (&fixture->engine), ==, 0);
  g_hash_table_unref (fixture->settings);
  pthread_mutex_destroy (&fixture->engine.mutex);
}

static unsigned
index_of (struct fixture *fixture, const char *id)
{
  int index = ech_driver_host_find (fixture->host, id);

  g_assert_cmpint (index, >=, 0);
  return (unsigned) index;
}

static struct ech_driver_info
info_of (struct fixture *fixture, const char *id)
{
  struct ech_driver_info info;

  ech_driver_host_get_info (fixture->host, index_of (fixture, id), &info);
  return info;
}

static EchLane *
lane_of (struct fixture *fixture, const char *name)
{
  for (unsigned i = 0; i < N_LANES; i++)
    if (fixture->engine.lanes[i].there && strcmp (fixture->engine.lanes[i].name, name) == 0)
      return &fixture->engine.lanes[i];
  return NULL;
}

static void
start (struct fixture *fixture, const char *id)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (ech_driver_host_start (fixture->host, index_of (fixture, id), &error));
  g_assert_no_error (error);
}

/* Runs the main context until @id's text has @part, for half a minute at most. */
static void
wait_for_text (struct fixture *fixture, const char *id, const char *part)
{
  gint64 end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

  while (strstr (info_of (fixture, id).text, part) == NULL) {
    if (g_get_monotonic_time() > end)
      g_error ("\"%s\" did not come, there is \"%s\"", part, info_of (fixture, id).text);
    if (!g_main_context_iteration (NULL, FALSE))
      g_usleep (1000);
  }
}

static void
wait_for_posts (struct fixture *fixture, const char *id, unsigned n)
{
  gint64   end   = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
  unsigned there = 0;

  while (there < n && g_get_monotonic_time() < end) {
    pthread_mutex_lock (&fixture->engine.mutex);
    there = lane_of (fixture, id)->n_posts;
    pthread_mutex_unlock (&fixture->engine.mutex);
    g_usleep (1000);
  }
  g_assert_cmpuint (there, ==, n);
}

/* --- tests ----------------------------------------------------------------------------- */

static void
test_scan (struct fixture *fixture, gconstpointer data)
{
  static const struct {
    const char           *file; /* without .so */
    enum ech_driver_state state;
    const char           *reason;
  } wanted[] = {
    { "odd-abi", ECH_DRIVER_REFUSED, "driver ABI 2; this Echelon has 1" },
    { "odd-duplicate", ECH_DRIVER_REFUSED, "the driver \"null\" already" },
    { "odd-id", ECH_DRIVER_REFUSED, "id is missing" },
    { "odd-no-stop", ECH_DRIVER_REFUSED, "lacks" },
    { "odd-no-symbol", ECH_DRIVER_REFUSED, "no echelon_driver_entry()" },
    { "odd-no-table", ECH_DRIVER_REFUSED, "returned no table" },
    { "odd-short", ECH_DRIVER_REFUSED, "too short: 24 bytes" },
    { "odd-text", ECH_DRIVER_REFUSED, "cannot be loaded" },
    { "odd-unresolved", ECH_DRIVER_REFUSED, "echelon_no_such_function" },
    { "echelon-null", ECH_DRIVER_FOUND, "" },
    { "echelon-osc", ECH_DRIVER_FOUND, "" },
    { "odd-late", ECH_DRIVER_FOUND, "" },
    { "odd-old", ECH_DRIVER_FOUND, "" },
    { "pedal", ECH_DRIVER_FOUND, "" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (wanted); i++) {
    g_autofree char *file  = g_strdup_printf ("/%s.so", wanted[i].file);
    bool             found = false;

    for (unsigned d = 0; d < ech_driver_host_get_n_drivers (fixture->host); d++) {
      struct ech_driver_info info;

      ech_driver_host_get_info (fixture->host, d, &info);
      if (!g_str_has_suffix (info.path, file))
        continue;
      found = true;
      g_test_message ("%s: %s", wanted[i].file, info.text);
      g_assert_cmpstr (ech_driver_state_name (info.state), ==,
                       ech_driver_state_name (wanted[i].state));
      g_assert_nonnull (strstr (info.text, wanted[i].reason));
    }
    g_assert_true (found);
  }
  g_assert_cmpuint (ech_driver_host_get_n_drivers (fixture->host), ==, G_N_ELEMENTS (wanted));
  g_assert_cmpint (ech_driver_host_find (fixture->host, "odd-text"), ==, -1);
  g_assert_false (info_of (fixture, "null").enabled);
  g_assert_true (info_of (fixture, "osc").enabled);
  g_assert_true (info_of (fixture, "old").enabled);
  g_assert_false (info_of (fixture, "pedal").enabled);
}

static void
test_refused_does_not_start (struct fixture *fixture, gconstpointer data)
{
  for (unsigned d = 0; d < ech_driver_host_get_n_drivers (fixture->host); d++) {
    g_autoptr (GError) error = NULL;
    struct ech_driver_info info;

    ech_driver_host_get_info (fixture->host, d, &info);
    if (info.state != ECH_DRIVER_REFUSED)
      continue;
    g_assert_false (ech_driver_host_start (fixture->host, d, &error));
    g_assert_nonnull (strstr (error->message, info.text));
  }
  g_assert_cmpuint (fixture->engine.n_lanes, ==, 0);
}

static void
test_posts_and_events (struct fixture *fixture, gconstpointer data)
{
  struct ech_event event = { .fate = ECH_FATE_EXECUTED };
  EchLane         *lane;

  set (fixture, "null script",
       g_variant_new_string ("/crossfader 0.2; /deck/a/load \"a b.wav\"; /deck/b/play bar"));
  start (fixture, "null");
  g_assert_cmpint (info_of (fixture, "null").state, ==, ECH_DRIVER_RUNNING);
  wait_for_text (fixture, "null", "posted 3, refused 0");
  lane = lane_of (fixture, "null");
  g_assert_nonnull (lane);
  g_assert_cmpuint (lane->n_posts, ==, 3);
  g_assert_cmpuint (lane->last_verb, ==, ECH_VERB_PLAY);

  event.source = lane->source;
  emit (&fixture->engine, &event);
  wait_for_text (fixture, "null", "executed 1");
  event.source++;
  emit (&fixture->engine, &event);
  event.source = lane->source;
  emit (&fixture->engine, &event);
  wait_for_text (fixture, "null", "executed 2");

  g_assert_cmpuint (fixture->n_changes, >, 0);
  ech_driver_host_stop (fixture->host, index_of (fixture, "null"));
  g_assert_cmpint (info_of (fixture, "null").state, ==, ECH_DRIVER_STOPPED);
  g_assert_cmpuint (count_lanes (&fixture->engine), ==, 0);
  g_assert_cmpuint (count_listeners (&fixture->engine), ==, 0);
}

static void
test_flood_hurts_itself (struct fixture *fixture, gconstpointer data)
{
  set (fixture, "null flood", g_variant_new_int64 (100000));
  start (fixture, "null");
  start (fixture, "osc");
  wait_for_text (fixture, "null", "posted 64, refused 99936");
  g_assert_cmpuint (lane_of (fixture, "osc")->n_posts, ==, 0);
}

static void
test_failing_start (struct fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  unsigned index           = index_of (fixture, "null");

  set (fixture, "null fail-start", g_variant_new_boolean (TRUE));
  g_assert_false (ech_driver_host_start (fixture->host, index, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "Script: Its script says that it does not start.");
  g_assert_cmpint (info_of (fixture, "null").state, ==, ECH_DRIVER_FAILED);
  g_assert_cmpuint (count_lanes (&fixture->engine), ==, 0);

  set (fixture, "null fail-start", g_variant_new_boolean (FALSE));
  start (fixture, "null");
  g_assert_cmpint (info_of (fixture, "null").state, ==, ECH_DRIVER_RUNNING);
}

static void
test_failing_under_way (struct fixture *fixture, gconstpointer data)
{
  gint64 end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

  start (fixture, "osc");
  set (fixture, "null fail-later", g_variant_new_boolean (TRUE));
  g_test_expect_message ("echelon", G_LOG_LEVEL_WARNING, "driver null failed: *");
  start (fixture, "null");
  wait_for_text (fixture, "null", "says that it fails");
  g_assert_cmpint (info_of (fixture, "null").state, ==, ECH_DRIVER_FAILED);
  while (count_listeners (&fixture->engine) > 1 && g_get_monotonic_time() < end)
    g_main_context_iteration (NULL, FALSE);
  g_test_assert_expected_messages();
  g_assert_cmpuint (count_listeners (&fixture->engine), ==, 1); /* it was stopped */
  g_assert_null (lane_of (fixture, "null"));                    /* and purged */
  g_assert_cmpint (info_of (fixture, "osc").state, ==, ECH_DRIVER_RUNNING);

  set (fixture, "null fail-later", g_variant_new_boolean (FALSE));
  start (fixture, "null");
  wait_for_text (fixture, "null", "posted 0");
}

static void
test_stalled_reader (struct fixture *fixture, gconstpointer data)
{
  struct ech_event event = { .fate = ECH_FATE_REJECTED, .source = 99 };

  set (fixture, "null stall", g_variant_new_boolean (TRUE));
  start (fixture, "null");
  for (unsigned i = 0; i < 5000; i++)
    emit (&fixture->engine, &event);
  g_assert_cmpuint (info_of (fixture, "null").lost_events, ==, 5000 - 1024);

  /* Restarted, it begins with an empty ring: old fates are not its own. */
  set (fixture, "null stall", g_variant_new_boolean (FALSE));
  /* the first look at the ring tells of the loss, and that may be before restart returns */
  g_test_expect_message ("echelon", G_LOG_LEVEL_WARNING, "driver null: 3976 events lost*");
  g_assert_true (ech_driver_host_restart (fixture->host, index_of (fixture, "null"), NULL));
  event.source = lane_of (fixture, "null")->source;
  emit (&fixture->engine, &event);
  wait_for_text (fixture, "null", "rejected 1");
  ech_driver_host_stop (fixture->host, index_of (fixture, "null"));
  g_test_assert_expected_messages();
}

static void
test_post_after_stop (struct fixture *fixture, gconstpointer data)
{
  start (fixture, "late");
  g_test_expect_message ("echelon", G_LOG_LEVEL_INFO, "driver late: post in stop: shut down");
  ech_driver_host_stop (fixture->host, index_of (fixture, "late"));
  g_test_assert_expected_messages();
}

static void
test_settings (struct fixture *fixture, gconstpointer data)
{
  unsigned osc = index_of (fixture, "osc");

  set (fixture, "osc port", g_variant_new_int32 (70000));
  g_test_expect_message ("echelon", G_LOG_LEVEL_WARNING,
                         "*port = 70000 is out of range, taking 8000");
  ech_driver_host_start (fixture->host, osc, NULL); /* whether 8000 is free is not ours to say */
  ech_driver_host_stop (fixture->host, osc);
  g_test_assert_expected_messages();
  set (fixture, "osc port", g_variant_new_int32 (0));
  set (fixture, "osc allow", g_variant_new_string ("rubbish"));
  g_assert_false (ech_driver_host_start (fixture->host, osc, NULL));
  g_assert_nonnull (strstr (info_of (fixture, "osc").text, "networks"));
}

static void
test_enabled (struct fixture *fixture, gconstpointer data)
{
  g_autoptr (EchDriverHost) second = NULL;
  struct ech_driver_info info;

  g_test_expect_message ("echelon", G_LOG_LEVEL_INFO, "driver late: *");
  g_test_expect_message ("echelon", G_LOG_LEVEL_INFO, "driver old: *");
  g_assert_cmpuint (ech_driver_host_start_all (fixture->host), ==, 3); /* late, old, osc */
  g_assert_true (
      ech_driver_host_set_enabled (fixture->host, index_of (fixture, "late"), FALSE, NULL));
  g_assert_cmpint (info_of (fixture, "late").state, ==, ECH_DRIVER_STOPPED);
  ech_driver_host_stop_all (fixture->host);
  g_test_assert_expected_messages();
  ech_driver_host_stop_all (fixture->host);

  set (fixture, "osc enabled", g_variant_new_boolean (FALSE));
  second = ech_driver_host_new (NULL, get_setting, fixture);
  ech_driver_host_scan (second, module_folder);
  ech_driver_host_get_info (second, (unsigned) ech_driver_host_find (second, "osc"), &info);
  g_assert_false (info.enabled);
  g_assert_false (
      ech_driver_host_start (second, (unsigned) ech_driver_host_find (second, "osc"), NULL));
}

/* The example of docs/driver-guide.md, with a FIFO for a pedal. */
static void
test_guide_example (struct fixture *fixture, gconstpointer data)
{
  g_autofree char *folder  = g_dir_make_tmp ("ech-pedal-XXXXXX", NULL);
  g_autofree char *path    = g_build_filename (folder, "pedal", NULL);
  g_autoptr (GError) error = NULL;
  struct ech_event event   = { .fate = ECH_FATE_EXECUTED, .verb = ECH_VERB_PLAY };
  int              pedal;

  set (fixture, "pedal device", g_variant_new_string (path));
  g_assert_false (ech_driver_host_start (fixture->host, index_of (fixture, "pedal"), &error));
  g_assert_nonnull (strstr (error->message, "There is no pedal at"));
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  start (fixture, "pedal");
  pedal = open (path, O_WRONLY);
  g_assert_cmpint (write (pedal, "psx", 3), ==, 3);
  wait_for_posts (fixture, "pedal", 2);
  g_assert_cmpuint (lane_of (fixture, "pedal")->last_verb, ==, ECH_VERB_STOP);
  event.source = lane_of (fixture, "pedal")->source;
  emit (&fixture->engine, &event);
  wait_for_text (fixture, "pedal", "Light on.");
  event =
      (struct ech_event){ .fate = ECH_FATE_REJECTED, .source = event.source, .text = "No track." };
  emit (&fixture->engine, &event);
  wait_for_text (fixture, "pedal", "No track.");
  ech_driver_host_stop (fixture->host, index_of (fixture, "pedal"));
  close (pedal);
  g_unlink (path);
  g_rmdir (folder);
}

static bool
has_room (EchEngine *engine)
{
  bool has;

  pthread_mutex_lock (&engine->mutex);
  has = engine->room > 0;
  pthread_mutex_unlock (&engine->mutex);
  return has;
}

static void *
emit_without_end (void *data)
{
  EchEngine       *engine = data;
  struct ech_event event  = { .fate = ECH_FATE_EXECUTED };

  while (has_room (engine)) {
    emit (engine, &event);
    g_thread_yield();
  }
  return NULL;
}

static void
test_restart_under_load (struct fixture *fixture, gconstpointer data)
{
  GThread *thread;

  set (fixture, "null flood", g_variant_new_int64 (100));
  thread = g_thread_new ("events", emit_without_end, &fixture->engine);
  for (unsigned i = 0; i < 200; i++) {
    g_assert_true (ech_driver_host_restart (fixture->host, index_of (fixture, "null"), NULL));
    g_assert_true (ech_driver_host_restart (fixture->host, index_of (fixture, "osc"), NULL));
    while (g_main_context_iteration (NULL, FALSE))
      ;
  }
  pthread_mutex_lock (&fixture->engine.mutex);
  fixture->engine.room = 0;
  pthread_mutex_unlock (&fixture->engine.mutex);
  g_thread_join (thread);
  g_assert_cmpuint (count_lanes (&fixture->engine), ==, 2);
}

/* Whether events are lost here depends on how the threads run: that warning is no failure. */
static void
test_restart_wrapped (struct fixture *fixture, gconstpointer data)
{
  GLogLevelFlags before = g_log_set_always_fatal (G_LOG_FATAL_MASK);

  test_restart_under_load (fixture, data);
  g_log_set_always_fatal (before);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  module_folder = argv[1];

#define ADD(name, func) \
  g_test_add ("/driver-host/" name, struct fixture, NULL, set_up, func, tear_down)
  ADD ("scan", test_scan);
  ADD ("refused-does-not-start", test_refused_does_not_start);
  ADD ("posts-and-events", test_posts_and_events);
  ADD ("flood-hurts-itself", test_flood_hurts_itself);
  ADD ("failing-start", test_failing_start);
  ADD ("failing-under-way", test_failing_under_way);
  ADD ("stalled-reader", test_stalled_reader);
  ADD ("post-after-stop", test_post_after_stop);
  ADD ("settings", test_settings);
  ADD ("enabled", test_enabled);
  ADD ("guide-example", test_guide_example);
  ADD ("restart-under-load", test_restart_wrapped);
  return g_test_run();
}
