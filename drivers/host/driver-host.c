/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/host/driver-host.h"

#include <errno.h>
#include <gmodule.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/rt/ring.h"

#ifndef ECH_DRIVERDIR
#define ECH_DRIVERDIR "/usr/lib/echelon/drivers"
#endif

#define ENTRY_SYMBOL "echelon_driver_entry"

enum { N_EVENTS = 1024, MAX_FURTHER = 8 };

/* A source that the driver opened for a program it speaks for. */
struct further {
  EchLane *lane; /* NULL = free */
  char     name[ECH_NAME_MAX];
};

struct driver {
  struct echelon_host handle; /* what the module holds; valid as long as the host */
  EchDriverHost      *host;   /* borrowed: owns us */

  /* fixed after the scan */
  GModule                     *module;
  const struct echelon_driver *table; /* NULL: refused */
  char                        *id, *name, *description, *path;
  uint32_t                     abi;

  /* host's thread */
  enum ech_driver_state state;
  bool                  enabled;
  void                 *self;     /* the module's own */
  GHashTable           *settings; /* key -> GVariant, as of the last start */

  /* lane_mutex: the driver posts, the host takes the lane away */
  pthread_mutex_t lane_mutex;
  EchLane        *lane;
  struct further  further[MAX_FURTHER];
  bool            tells_clock; /* has sent updates */

  /* the scheduler's thread writes, the driver reads */
  struct ech_ring   events;
  struct ech_event *event_slots;
  int               event_fd;
  _Atomic uint64_t  lost_events;
  uint64_t          lost_told;    /* driver's reader only */
  int64_t           lost_told_us; /* driver's reader only: when */
  _Atomic uint32_t  source;
  _Atomic uint32_t  n_decks; /* 0: not asked yet */

  /* any thread */
  atomic_bool     failed;
  atomic_bool     change_queued;
  pthread_mutex_t text_mutex;
  char            text[ECH_TEXT_MAX];
};

struct _EchDriverHost {
  GObject parent_instance;

  EchEngine           *engine; /* borrowed: outlives us */
  EchDriverSettingFunc get_setting;
  void                *setting_data;
  GMainContext        *context; /* owned: of the host's thread */
  GPtrArray           *drivers; /* owned struct driver, sorted by id */
};

G_DEFINE_FINAL_TYPE (EchDriverHost, ech_driver_host, G_TYPE_OBJECT)

enum { SIGNAL_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

static const char *const state_names[ECH_N_DRIVER_STATES] = {
  "refused", "found", "stopped", "running", "failed",
};

const char *
ech_driver_state_name (enum ech_driver_state state)
{
  return (unsigned) state < ECH_N_DRIVER_STATES ? state_names[state] : "unknown";
}

/* --- text and change notices, any thread ----------------------------------------------- */

static void
set_text (struct driver *driver, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text ? text : "", -1);
  const char      *end;

  if (strlen (valid) >= ECH_TEXT_MAX) {
    end                = g_utf8_find_prev_char (valid, valid + ECH_TEXT_MAX);
    valid[end - valid] = '\0';
  }
  pthread_mutex_lock (&driver->text_mutex);
  g_strlcpy (driver->text, valid, sizeof driver->text);
  pthread_mutex_unlock (&driver->text_mutex);
}

static void
emit_changed (struct driver *driver)
{
  guint index;

  if (g_ptr_array_find (driver->host->drivers, driver, &index))
    g_signal_emit (driver->host, signals[SIGNAL_CHANGED], 0, index);
}

/* A notice on its way to the host's thread; the host may be gone when it arrives. */
struct notice {
  GWeakRef       host;
  struct driver *driver;
};

static void
notice_free (void *data)
{
  struct notice *notice = data;

  g_weak_ref_clear (&notice->host);
  g_free (notice);
}

static void stop_driver (struct driver *driver, enum ech_driver_state state);

static gboolean
on_notice (void *data)
{
  struct notice *notice          = data;
  g_autoptr (EchDriverHost) host = g_weak_ref_get (&notice->host);

  if (host == NULL)
    return G_SOURCE_REMOVE;
  atomic_store (&notice->driver->change_queued, false);
  if (atomic_load (&notice->driver->failed) && notice->driver->state == ECH_DRIVER_RUNNING)
    stop_driver (notice->driver, ECH_DRIVER_FAILED);
  else
    emit_changed (notice->driver);
  return G_SOURCE_REMOVE;
}

static void
queue_change (struct driver *driver)
{
  struct notice *notice;
  g_autoptr (GSource) source = NULL;

  if (atomic_exchange (&driver->change_queued, true))
    return;
  notice         = g_new0 (struct notice, 1);
  notice->driver = driver;
  g_weak_ref_init (&notice->host, driver->host);
  source = g_idle_source_new();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_notice, notice, notice_free);
  g_source_attach (source, driver->host->context);
}

/* --- lane ------------------------------------------------------------------------------ */

static void
take_lane_away (struct driver *driver)
{
  EchLane *lanes[1 + MAX_FURTHER];

  pthread_mutex_lock (&driver->lane_mutex);
  lanes[0] = g_steal_pointer (&driver->lane);
  for (unsigned i = 0; i < MAX_FURTHER; i++)
    lanes[1 + i] = g_steal_pointer (&driver->further[i].lane);
  pthread_mutex_unlock (&driver->lane_mutex);
  for (unsigned i = 0; i < G_N_ELEMENTS (lanes); i++)
    if (lanes[i] != NULL)
      ech_engine_remove_source (driver->host->engine, lanes[i]);
}

/* --- the table that drivers call ------------------------------------------------------- */

static struct driver *
driver_of (struct echelon_host *handle)
{
  return handle->reserved;
}

static int
api_post_batch (struct echelon_host *handle, const struct ech_action *actions, unsigned n)
{
  struct driver *driver = driver_of (handle);
  int            result = -ESHUTDOWN;

  pthread_mutex_lock (&driver->lane_mutex);
  if (driver->lane != NULL)
    result = ech_lane_post_batch (driver->lane, actions, n);
  pthread_mutex_unlock (&driver->lane_mutex);
  return result;
}

static int
api_post (struct echelon_host *handle, const struct ech_action *action)
{
  struct driver *driver = driver_of (handle);
  int            result = -ESHUTDOWN;

  pthread_mutex_lock (&driver->lane_mutex);
  if (driver->lane != NULL)
    result = ech_lane_post (driver->lane, action);
  pthread_mutex_unlock (&driver->lane_mutex);
  return result;
}

static void
api_state (struct echelon_host *handle, struct ech_state *out_state)
{
  ech_engine_snapshot (driver_of (handle)->host->engine, out_state);
}

static double
api_frame_at (struct echelon_host *handle, uint64_t time_ns)
{
  struct ech_state state;

  api_state (handle, &state);
  return ech_state_frame_at (&state, time_ns);
}

static void
signal_events (struct driver *driver)
{
  uint64_t one = 1;

  /* Only a counter at its limit refuses, and that one polls readable too. */
  while (write (driver->event_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

static void
clear_events (struct driver *driver)
{
  uint64_t count;

  while (read (driver->event_fd, &count, sizeof count) < 0 && errno == EINTR)
    ;
}

static void
tell_lost_events (struct driver *driver)
{
  uint64_t lost   = atomic_load_explicit (&driver->lost_events, memory_order_relaxed);
  int64_t  now_us = g_get_monotonic_time();

  if (lost == driver->lost_told || now_us - driver->lost_told_us < G_USEC_PER_SEC)
    return; /* nothing, or told within a second: a flood must not fill the log too */
  g_warning ("driver %s: %" G_GUINT64_FORMAT " events lost, it did not read them in time",
             driver->id, lost - driver->lost_told);
  driver->lost_told    = lost;
  driver->lost_told_us = now_us;
  queue_change (driver);
}

static int
api_next_event (struct echelon_host *handle, struct ech_event *out_event)
{
  struct driver *driver = driver_of (handle);

  if (ech_ring_pop (&driver->events, out_event))
    return 0;
  tell_lost_events (driver);
  clear_events (driver);
  /* An event that came in before the clear must not wait for the next one's signal. */
  if (!ech_ring_pop (&driver->events, out_event))
    return -EAGAIN;
  signal_events (driver);
  return 0;
}

static int
api_event_fd (struct echelon_host *handle)
{
  return driver_of (handle)->event_fd;
}

static uint32_t
api_source (struct echelon_host *handle)
{
  return atomic_load (&driver_of (handle)->source);
}

/* Before the engine's first snapshot nobody knows; the scheduler refuses a deck too many. */
static uint32_t
count_decks (struct driver *driver)
{
  uint32_t         n_decks = atomic_load (&driver->n_decks);
  struct ech_state state;

  if (n_decks == 0) {
    ech_engine_snapshot (driver->host->engine, &state);
    n_decks = state.n_decks;
    atomic_store (&driver->n_decks, n_decks);
  }
  return n_decks > 0 ? n_decks : ECH_MAX_DECKS;
}

static int
api_parse (struct echelon_host    *handle,
           const char             *address,
           const struct ech_value *values,
           unsigned                n_values,
           struct ech_action      *out_action,
           char                   *out_error)
{
  return ech_vocabulary_parse (address, values, n_values, count_decks (driver_of (handle)),
                               out_action, out_error);
}

static void
api_log (struct echelon_host *handle, enum echelon_log_level level, const char *text)
{
  static const GLogLevelFlags levels[] = {
    [ECHELON_LOG_ERROR]   = G_LOG_LEVEL_WARNING, /* a driver is never fatal */
    [ECHELON_LOG_WARNING] = G_LOG_LEVEL_WARNING,
    [ECHELON_LOG_INFO]    = G_LOG_LEVEL_INFO,
    [ECHELON_LOG_DEBUG]   = G_LOG_LEVEL_DEBUG,
  };
  GLogLevelFlags flags =
      (unsigned) level < G_N_ELEMENTS (levels) ? levels[level] : G_LOG_LEVEL_INFO;

  g_log (G_LOG_DOMAIN, flags, "driver %s: %s", driver_of (handle)->id, text);
}

static GVariant *
find_setting (struct driver *driver, const char *key)
{
  return driver->settings ? g_hash_table_lookup (driver->settings, key) : NULL;
}

static bool
variant_to_int (GVariant *value, int64_t *out)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT32))
    *out = g_variant_get_int32 (value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    *out = g_variant_get_uint32 (value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    *out = g_variant_get_int64 (value);
  else
    return false;
  return true;
}

static int64_t
api_setting_int (struct echelon_host *handle, const char *key, int64_t fallback)
{
  GVariant *value = find_setting (driver_of (handle), key);
  int64_t   result;

  return value && variant_to_int (value, &result) ? result : fallback;
}

static bool
api_setting_bool (struct echelon_host *handle, const char *key, bool fallback)
{
  GVariant *value = find_setting (driver_of (handle), key);

  return value && g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN)
             ? g_variant_get_boolean (value)
             : fallback;
}

static const char *
api_setting_string (struct echelon_host *handle, const char *key, const char *fallback)
{
  GVariant *value = find_setting (driver_of (handle), key);

  return value && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
             ? g_variant_get_string (value, NULL)
             : fallback;
}

static void
api_failed (struct echelon_host *handle, const char *reason)
{
  struct driver *driver = driver_of (handle);

  set_text (driver, reason);
  if (atomic_exchange (&driver->failed, true))
    return;
  g_warning ("driver %s failed: %s", driver->id, reason);
  take_lane_away (driver); /* what it has waiting must not outlive it, not even for a moment */
  queue_change (driver);
}

static void
api_status (struct echelon_host *handle, const char *text)
{
  struct driver *driver = driver_of (handle);

  if (atomic_load (&driver->failed))
    return; /* the reason stays */
  set_text (driver, text);
  queue_change (driver);
}

/* --- further sources ------------------------------------------------------------------- */

static uint32_t
api_source_class (struct echelon_host *handle, const char *name)
{
  struct driver *driver = driver_of (handle);

  return ech_engine_source_class (driver->host->engine, name, driver->table->source_class);
}

static bool
id_is_good (const char *id)
{
  size_t length = id ? strlen (id) : 0;

  return length > 0 && length < ECH_NAME_MAX
         && strspn (id, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

/* Names that the program itself gives; its sources may come later. */
static bool
is_reserved (const char *name)
{
  static const char *const names[] = { "window", "console", "session", "guard", "score", "demo", "program" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i], name) == 0)
      return true;
  return false;
}

static bool
is_name_taken (struct driver *driver, const char *name)
{
  GPtrArray       *drivers = driver->host->drivers; /* fixed after the scan */
  struct ech_state state;

  if (is_reserved (name))
    return true;
  for (guint i = 0; i < drivers->len; i++)
    if (strcmp (((struct driver *) drivers->pdata[i])->id, name) == 0)
      return true;
  ech_engine_snapshot (driver->host->engine, &state);
  for (uint32_t i = 0; i < state.n_sources; i++)
    if (strcmp (state.sources[i].name, name) == 0)
      return true;
  return false;
}

static struct further *
find_further (struct driver *driver, uint32_t source)
{
  for (unsigned i = 0; i < MAX_FURTHER; i++)
    if (driver->further[i].lane != NULL && ech_lane_source (driver->further[i].lane) == source)
      return &driver->further[i];
  return NULL;
}

/* With lane_mutex held. */
static int
open_further (struct driver *driver, const char *name, uint32_t *out_source)
{
  struct further *place = NULL;

  if (driver->lane == NULL)
    return -ESHUTDOWN;
  for (unsigned i = 0; i < MAX_FURTHER; i++) {
    if (driver->further[i].lane == NULL)
      place = place ? place : &driver->further[i];
    else if (strcmp (driver->further[i].name, name) == 0)
      return -EEXIST;
  }
  if (place == NULL)
    return -ENOSPC;
  place->lane = ech_engine_add_source (driver->host->engine, name, driver->table->source_class);
  if (place->lane == NULL)
    return -ENOSPC;
  g_strlcpy (place->name, name, sizeof place->name);
  *out_source = ech_lane_source (place->lane);
  return 0;
}

static int
api_open_source (struct echelon_host *handle, const char *name, uint32_t *out_source)
{
  struct driver *driver = driver_of (handle);
  int            result;

  if (!id_is_good (name) || strlen (name) >= ECH_NAME_MAX)
    return -EINVAL;
  if (is_name_taken (driver, name))
    return -EEXIST;
  pthread_mutex_lock (&driver->lane_mutex);
  result = open_further (driver, name, out_source);
  pthread_mutex_unlock (&driver->lane_mutex);
  return result;
}

static void
api_close_source (struct echelon_host *handle, uint32_t source)
{
  struct driver  *driver = driver_of (handle);
  struct further *further;
  EchLane        *lane = NULL;

  pthread_mutex_lock (&driver->lane_mutex);
  further = find_further (driver, source);
  if (further != NULL)
    lane = g_steal_pointer (&further->lane);
  pthread_mutex_unlock (&driver->lane_mutex);
  if (lane != NULL)
    ech_engine_remove_source (driver->host->engine, lane);
}

static int
api_post_as (struct echelon_host     *handle,
             uint32_t                 source,
             const struct ech_action *actions,
             unsigned                 n)
{
  struct driver  *driver = driver_of (handle);
  struct further *further;
  int             result;

  pthread_mutex_lock (&driver->lane_mutex);
  further = find_further (driver, source);
  if (driver->lane == NULL)
    result = -ESHUTDOWN;
  else
    result = further == NULL ? -ENOENT : ech_lane_post_batch (further->lane, actions, n);
  pthread_mutex_unlock (&driver->lane_mutex);
  return result;
}

static void
api_telemetry (struct echelon_host *handle, struct ech_telemetry *out_telemetry)
{
  ech_engine_telemetry (driver_of (handle)->host->engine, out_telemetry);
}

static int
api_publish_clock (struct echelon_host *handle, const struct ech_clock_source *source, void *self)
{
  struct driver *driver = driver_of (handle);
  int            result = -ESHUTDOWN;

  if (source == NULL || source->size < sizeof *source || !source->read || !source->set_tempo)
    return -EINVAL;
  pthread_mutex_lock (&driver->lane_mutex);
  if (driver->lane != NULL)
    result = ech_engine_set_clock (driver->host->engine, source, driver, self);
  pthread_mutex_unlock (&driver->lane_mutex);
  return result;
}

static void
api_withdraw_clock (struct echelon_host *handle)
{
  struct driver *driver = driver_of (handle);

  ech_engine_unset_clock (driver->host->engine, driver);
}

static int
api_clock_update (struct echelon_host *handle, const struct ech_clock_update *update)
{
  struct driver *driver = driver_of (handle);
  int            result = -ESHUTDOWN;

  pthread_mutex_lock (&driver->lane_mutex);
  if (driver->lane != NULL) {
    driver->tells_clock = true;
    result = ech_engine_post_clock_update (driver->host->engine, update) ? 0 : -EAGAIN;
  }
  pthread_mutex_unlock (&driver->lane_mutex);
  return result;
}

/* The audio thread is out of the module, and nobody believes in its session any more. */
static void
end_clock (struct driver *driver)
{
  static const struct ech_clock_update none;

  ech_engine_unset_clock (driver->host->engine, driver);
  if (driver->tells_clock)
    ech_engine_post_clock_update (driver->host->engine, &none);
  driver->tells_clock = false;
}

static const struct echelon_host_api host_api = {
  .abi             = ECHELON_DRIVER_ABI,
  .size            = sizeof (struct echelon_host_api),
  .post            = api_post,
  .post_batch      = api_post_batch,
  .state           = api_state,
  .frame_at        = api_frame_at,
  .next_event      = api_next_event,
  .event_fd        = api_event_fd,
  .source          = api_source,
  .parse           = api_parse,
  .fate_name       = ech_fate_name,
  .rule_name       = ech_rule_name,
  .verb_name       = ech_verb_name,
  .deck_state_name = ech_deck_state_name,
  .timing_format   = ech_timing_format,
  .log             = api_log,
  .setting_int     = api_setting_int,
  .setting_bool    = api_setting_bool,
  .setting_string  = api_setting_string,
  .failed          = api_failed,
  .status          = api_status,
  .source_class    = api_source_class,
  .open_source     = api_open_source,
  .close_source    = api_close_source,
  .post_as         = api_post_as,
  .telemetry       = api_telemetry,
  .publish_clock   = api_publish_clock,
  .withdraw_clock  = api_withdraw_clock,
  .clock_update    = api_clock_update,
};

/* Scheduler's thread. */
static void
on_event (const struct ech_event *event, void *data)
{
  struct driver *driver = data;

  if (!ech_ring_push (&driver->events, event))
    atomic_fetch_add_explicit (&driver->lost_events, 1, memory_order_relaxed);
  signal_events (driver);
}

/* --- looking at a module --------------------------------------------------------------- */

static bool
settings_are_good (const struct echelon_driver *table)
{
  if (table->n_settings > 0 && table->settings == NULL)
    return false;
  for (uint32_t i = 0; i < table->n_settings; i++) {
    const struct echelon_setting *setting = &table->settings[i];

    if (setting->key == NULL || setting->label == NULL || setting->fallback == NULL
        || strchr ("ibs", setting->type) == NULL || setting->type == '\0')
      return false;
  }
  return true;
}

/* A sentence, or NULL when the table fits. */
static char *
find_fault (const struct echelon_driver *table)
{
  if (table == NULL)
    return g_strdup ("Its entry function returned no table.");
  if (table->abi != ECHELON_DRIVER_ABI)
    return g_strdup_printf ("Made for driver ABI %u; this Echelon has %u.", table->abi,
                            ECHELON_DRIVER_ABI);
  if (table->size < offsetof (struct echelon_driver, flags))
    return g_strdup_printf ("Its table is too short: %u bytes.", table->size);
  if (!id_is_good (table->id))
    return g_strdup ("Its id is missing or not of a-z, 0-9 and \"-\".");
  if (table->name == NULL || table->description == NULL || table->start == NULL
      || table->stop == NULL || table->source_class >= ECH_N_SOURCE_CLASSES)
    return g_strdup ("Its table lacks a name, a description, start, stop or a source class.");
  if (!settings_are_good (table))
    return g_strdup ("Its settings table is broken.");
  return NULL;
}

static uint32_t
table_flags (const struct echelon_driver *table)
{
  return table->size >= offsetof (struct echelon_driver, flags) + sizeof table->flags ? table->flags
                                                                                      : 0;
}

static struct driver *
driver_new (EchDriverHost *host, const char *path)
{
  struct driver   *driver = g_new0 (struct driver, 1);
  g_autofree char *base   = g_path_get_basename (path);

  driver->handle.api      = &host_api;
  driver->handle.reserved = driver;
  driver->host            = host;
  driver->path            = g_strdup (path);
  driver->id              = g_strndup (base, strlen (base) - strlen (".so"));
  driver->name            = g_strdup (driver->id);
  driver->description     = g_strdup ("");
  driver->state           = ECH_DRIVER_REFUSED;
  driver->event_fd        = -1;
  pthread_mutex_init (&driver->lane_mutex, NULL);
  pthread_mutex_init (&driver->text_mutex, NULL);
  return driver;
}

static void
driver_free (void *data)
{
  struct driver *driver = data;

  if (driver->module)
    g_module_close (driver->module);
  g_clear_pointer (&driver->settings, g_hash_table_unref);
  if (driver->event_fd >= 0)
    close (driver->event_fd);
  g_free (driver->event_slots);
  pthread_mutex_destroy (&driver->lane_mutex);
  pthread_mutex_destroy (&driver->text_mutex);
  g_free (driver->id);
  g_free (driver->name);
  g_free (driver->description);
  g_free (driver->path);
  g_free (driver);
}

static void
replace_string (char **string, const char *by)
{
  g_free (*string);
  *string = g_strdup (by);
}

static bool
ask_enabled (struct driver *driver)
{
  EchDriverHost *host        = driver->host;
  g_autoptr (GVariant) value = NULL;

  if (host->get_setting)
    value = host->get_setting (driver->id, "enabled", host->setting_data);
  if (value)
    g_variant_take_ref (value);
  if (value && g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_variant_get_boolean (value);
  return !(table_flags (driver->table) & ECHELON_DRIVER_OFF_BY_DEFAULT);
}

static void
accept_table (struct driver *driver, const struct echelon_driver *table)
{
  driver->table = table;
  driver->abi   = table->abi;
  driver->state = ECH_DRIVER_FOUND;
  replace_string (&driver->id, table->id);
  replace_string (&driver->name, table->name);
  replace_string (&driver->description, table->description);
  driver->enabled = ask_enabled (driver);
}

/* Opens the module; a sentence on why not, or NULL. */
static char *
load_module (struct driver *driver)
{
  const struct echelon_driver *(*entry) (void);
  const struct echelon_driver *table;
  char                        *fault;
  void                        *symbol = NULL;

  /* Bound at once: a missing function shows here, not on stage. */
  driver->module = g_module_open (driver->path, G_MODULE_BIND_LOCAL);
  if (driver->module == NULL)
    return g_strdup_printf ("It cannot be loaded: %s", g_module_error());
  if (!g_module_symbol (driver->module, ENTRY_SYMBOL, &symbol) || symbol == NULL)
    return g_strdup ("It has no " ENTRY_SYMBOL "(): not a driver of Echelon.");
  memcpy (&entry, &symbol, sizeof entry);
  table = entry();
  fault = find_fault (table);
  if (fault == NULL && ech_driver_host_find (driver->host, table->id) >= 0)
    fault = g_strdup_printf ("Another module is the driver \"%s\" already.", table->id);
  if (fault == NULL)
    accept_table (driver, table);
  else if (table)
    driver->abi = table->abi;
  return fault;
}

static void
look_at_file (EchDriverHost *self, const char *path)
{
  struct driver   *driver = driver_new (self, path);
  g_autofree char *fault  = load_module (driver);

  if (fault) {
    set_text (driver, fault);
    g_clear_pointer (&driver->module, g_module_close);
  }
  g_ptr_array_add (self->drivers, driver);
}

static int
compare_strings (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
scan_folder (EchDriverHost *self, const char *folder)
{
  g_autofree char *whole      = g_canonicalize_filename (folder, NULL);
  g_autoptr (GDir) dir        = g_dir_open (whole, 0, NULL);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, ".so") && strlen (name) > strlen (".so"))
      g_ptr_array_add (paths, g_canonicalize_filename (name, whole));
  g_ptr_array_sort (paths, compare_strings); /* which of two wins must not hang on the disk */
  for (guint i = 0; i < paths->len; i++)
    look_at_file (self, paths->pdata[i]);
}

static int
compare_drivers (const void *a, const void *b)
{
  const struct driver *const *left  = a;
  const struct driver *const *right = b;
  int                         order = strcmp ((*left)->id, (*right)->id);

  return order != 0 ? order : strcmp ((*left)->path, (*right)->path);
}

/* --- start and stop, host's thread ----------------------------------------------------- */

static void
read_settings (struct driver *driver)
{
  EchDriverHost *host = driver->host;

  g_clear_pointer (&driver->settings, g_hash_table_unref);
  driver->settings =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_variant_unref);
  for (uint32_t i = 0; host->get_setting && i < driver->table->n_settings; i++) {
    const struct echelon_setting *setting = &driver->table->settings[i];
    GVariant *value = host->get_setting (driver->id, setting->key, host->setting_data);
    int64_t   number;

    if (value == NULL)
      continue;
    g_variant_take_ref (value);
    if (setting->type == 'i' && variant_to_int (value, &number)
        && (number < setting->minimum || number > setting->maximum)) {
      g_warning ("driver %s: %s = %" G_GINT64_FORMAT " is out of range, taking %s", driver->id,
                 setting->key, number, setting->fallback);
      g_variant_unref (value);
      continue;
    }
    g_hash_table_replace (driver->settings, (char *) setting->key, value);
  }
}

static bool
make_event_road (struct driver *driver)
{
  struct ech_event left_over;

  if (driver->event_slots == NULL) {
    driver->event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (driver->event_fd < 0)
      return false;
    driver->event_slots = g_new0 (struct ech_event, N_EVENTS);
    ech_ring_init (&driver->events, driver->event_slots, N_EVENTS, sizeof (struct ech_event));
  }
  /* Emptied from the reader's side: the writer may still be about. */
  while (ech_ring_pop (&driver->events, &left_over))
    ;
  return true;
}

static void
set_state (struct driver *driver, enum ech_driver_state state)
{
  driver->state = state;
  emit_changed (driver);
}

static gboolean
fail_start (struct driver *driver, GError **error)
{
  char text[ECH_TEXT_MAX];

  pthread_mutex_lock (&driver->text_mutex);
  g_strlcpy (text, driver->text, sizeof text);
  pthread_mutex_unlock (&driver->text_mutex);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", driver->name, text);
  set_state (driver, ECH_DRIVER_FAILED);
  return FALSE;
}

static bool
open_roads (struct driver *driver)
{
  EchEngine *engine = driver->host->engine;
  EchLane   *lane;

  if (!make_event_road (driver)) {
    set_text (driver, "No file descriptor is left for its events.");
    return false;
  }
  lane = ech_engine_add_source (engine, driver->id, driver->table->source_class);
  if (lane == NULL) {
    set_text (driver, "No lane is left: too many sources of actions.");
    return false;
  }
  atomic_store (&driver->source, ech_lane_source (lane));
  pthread_mutex_lock (&driver->lane_mutex);
  driver->lane = lane;
  pthread_mutex_unlock (&driver->lane_mutex);
  ech_engine_add_listener (engine, on_event, driver);
  return true;
}

static void
close_roads (struct driver *driver)
{
  take_lane_away (driver);
  ech_engine_remove_listener (driver->host->engine, on_event, driver);
}

static gboolean
start_driver (struct driver *driver, GError **error)
{
  char reason[ECH_TEXT_MAX] = "";
  int  result;

  set_text (driver, "");
  atomic_store (&driver->failed, false);
  read_settings (driver);
  if (!open_roads (driver))
    return fail_start (driver, error);
  driver->self = NULL;
  result       = driver->table->start (&driver->handle, &driver->self, reason);
  if (result < 0) {
    reason[ECH_TEXT_MAX - 1] = '\0';
    end_clock (driver);
    close_roads (driver);
    set_text (driver, reason[0] ? reason : g_strerror (-result));
    return fail_start (driver, error);
  }
  set_state (driver, ECH_DRIVER_RUNNING);
  return TRUE;
}

static void
stop_driver (struct driver *driver, enum ech_driver_state state)
{
  /* The lane goes first: what the driver posts from now on is refused. */
  take_lane_away (driver);
  end_clock (driver);
  driver->table->stop (driver->self);
  driver->self = NULL;
  close_roads (driver);
  if (state == ECH_DRIVER_STOPPED)
    set_text (driver, "");
  set_state (driver, state);
}

/* --- object ---------------------------------------------------------------------------- */

static void
ech_driver_host_dispose (GObject *object)
{
  EchDriverHost *self = ECH_DRIVER_HOST (object);

  ech_driver_host_stop_all (self);
  G_OBJECT_CLASS (ech_driver_host_parent_class)->dispose (object);
}

static void
ech_driver_host_finalize (GObject *object)
{
  EchDriverHost *self = ECH_DRIVER_HOST (object);

  g_ptr_array_unref (self->drivers);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (ech_driver_host_parent_class)->finalize (object);
}

static void
ech_driver_host_class_init (EchDriverHostClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose  = ech_driver_host_dispose;
  object_class->finalize = ech_driver_host_finalize;

  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                          0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
}

static void
ech_driver_host_init (EchDriverHost *self)
{
  self->context = g_main_context_ref_thread_default();
  self->drivers = g_ptr_array_new_with_free_func (driver_free);
}

/* --- public ---------------------------------------------------------------------------- */

static struct driver *
driver_at (EchDriverHost *self, unsigned index)
{
  g_assert (index < self->drivers->len);
  return self->drivers->pdata[index];
}

EchDriverHost *
ech_driver_host_new (EchEngine *engine, EchDriverSettingFunc get_setting, void *data)
{
  EchDriverHost *self = g_object_new (ECH_TYPE_DRIVER_HOST, NULL);

  self->engine       = engine;
  self->get_setting  = get_setting;
  self->setting_data = data;
  return self;
}

unsigned
ech_driver_host_scan (EchDriverHost *self, const char *path)
{
  g_auto (GStrv) folders = NULL;

  if (path == NULL)
    path = g_getenv ("ECHELON_DRIVER_PATH");
  if (path == NULL || *path == '\0')
    path = ECH_DRIVERDIR;
  folders = g_strsplit (path, ":", -1);
  for (char **folder = folders; *folder; folder++)
    if (**folder)
      scan_folder (self, *folder);
  g_ptr_array_sort (self->drivers, compare_drivers);
  return self->drivers->len;
}

unsigned
ech_driver_host_get_n_drivers (EchDriverHost *self)
{
  return self->drivers->len;
}

void
ech_driver_host_get_info (EchDriverHost *self, unsigned index, struct ech_driver_info *out_info)
{
  struct driver *driver = driver_at (self, index);

  *out_info = (struct ech_driver_info){
    .id          = driver->id,
    .name        = driver->name,
    .description = driver->description,
    .path        = driver->path,
    .abi         = driver->abi,
    .state       = driver->state,
    .enabled     = driver->enabled,
    .lost_events = atomic_load (&driver->lost_events),
    .settings    = driver->table ? driver->table->settings : NULL,
    .n_settings  = driver->table ? driver->table->n_settings : 0,
  };
  /* A driver that has said it failed is not shown as running until its stop. */
  if (driver->state == ECH_DRIVER_RUNNING && atomic_load (&driver->failed))
    out_info->state = ECH_DRIVER_FAILED;
  pthread_mutex_lock (&driver->text_mutex);
  g_strlcpy (out_info->text, driver->text, sizeof out_info->text);
  pthread_mutex_unlock (&driver->text_mutex);
}

int
ech_driver_host_find (EchDriverHost *self, const char *id)
{
  for (guint i = 0; i < self->drivers->len; i++) {
    struct driver *driver = driver_at (self, i);

    if (driver->table && strcmp (driver->id, id) == 0)
      return (int) i;
  }
  return -1;
}

gboolean
ech_driver_host_start (EchDriverHost *self, unsigned index, GError **error)
{
  struct driver *driver = driver_at (self, index);

  if (driver->table == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "%s: %s", driver->name, driver->text);
    return FALSE;
  }
  if (self->engine == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED, "%s: there is no engine to drive.",
                 driver->name);
    return FALSE;
  }
  if (driver->state == ECH_DRIVER_RUNNING) {
    if (!atomic_load (&driver->failed))
      return TRUE;
    stop_driver (driver, ECH_DRIVER_FAILED);
  }
  return start_driver (driver, error);
}

void
ech_driver_host_stop (EchDriverHost *self, unsigned index)
{
  struct driver *driver = driver_at (self, index);

  if (driver->state == ECH_DRIVER_RUNNING)
    stop_driver (driver, atomic_load (&driver->failed) ? ECH_DRIVER_FAILED : ECH_DRIVER_STOPPED);
}

gboolean
ech_driver_host_restart (EchDriverHost *self, unsigned index, GError **error)
{
  ech_driver_host_stop (self, index);
  return ech_driver_host_start (self, index, error);
}

gboolean
ech_driver_host_set_enabled (EchDriverHost *self, unsigned index, gboolean enabled, GError **error)
{
  driver_at (self, index)->enabled = enabled;
  if (enabled)
    return ech_driver_host_start (self, index, error);
  ech_driver_host_stop (self, index);
  return TRUE;
}

unsigned
ech_driver_host_start_all (EchDriverHost *self)
{
  unsigned n_running = 0;

  for (guint i = 0; i < self->drivers->len; i++) {
    struct driver *driver    = driver_at (self, i);
    g_autoptr (GError) error = NULL;

    if (driver->table == NULL || !driver->enabled)
      continue;
    if (ech_driver_host_start (self, i, &error))
      n_running++;
    else
      g_warning ("%s", error->message);
  }
  return n_running;
}

void
ech_driver_host_stop_all (EchDriverHost *self)
{
  for (guint i = self->drivers->len; i > 0; i--)
    ech_driver_host_stop (self, i - 1);
}
