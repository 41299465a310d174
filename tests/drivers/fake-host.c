/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/drivers/fake-host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define RATE 48000.0

uint64_t
fake_now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (uint64_t) t.tv_sec * UINT64_C (1000000000) + (uint64_t) t.tv_nsec;
}

static struct fake_host *
fake_of (struct echelon_host *host)
{
  return host->reserved;
}

static void
print_action (const struct ech_action *action, unsigned place, unsigned of)
{
  char timing[32];

  ech_timing_format (&action->timing, timing, sizeof timing);
  printf ("post %s deck=%u index=%u value=%.9g timing=%s id=%s target=%s text=%s batch=%u/%u\n",
          ech_verb_name (action->verb), action->deck, action->index, action->value, timing,
          action->id, action->target, action->text ? action->text : "-", place, of);
}

static int
post_batch (struct echelon_host *host, const struct ech_action *actions, unsigned n)
{
  struct fake_host *fake   = fake_of (host);
  int               result = -ENOSPC;

  g_mutex_lock (&fake->mutex);
  if (!fake->full && n <= FAKE_LANE) {
    result = 0;
    fake->n_batches++;
    fake->n_actions += n;
    fake->last      = actions[n - 1];
    fake->last_source = FAKE_SOURCE;
    fake->last.text = NULL;
    for (unsigned i = 0; fake->print && i < n; i++)
      print_action (&actions[i], i + 1, n);
    fflush (stdout);
  }
  g_mutex_unlock (&fake->mutex);
  return result;
}

static int
post (struct echelon_host *host, const struct ech_action *action)
{
  return post_batch (host, action, 1);
}

static void
state (struct echelon_host *host, struct ech_state *out_state)
{
  struct fake_host *fake = fake_of (host);

  g_mutex_lock (&fake->mutex);
  fake->state.time_ns = fake_now_ns();
  fake->state.frame   = (uint64_t) ((double) (fake->state.time_ns - fake->born_ns) * 1e-9 * RATE);
  if (fake->state.decks[0].state == ECH_DECK_PLAYING)
    fake->state.decks[0].position_frames = (double) fake->state.frame;
  *out_state = fake->state;
  g_mutex_unlock (&fake->mutex);
}

static double
frame_at (struct echelon_host *host, uint64_t time_ns)
{
  return ((double) time_ns - (double) fake_of (host)->born_ns) * 1e-9 * RATE;
}

static int
next_event (struct echelon_host *host, struct ech_event *out_event)
{
  struct fake_host *fake = fake_of (host);
  struct ech_event *event;
  uint64_t          count;

  if (read (fake->event_fd, &count, sizeof count) < 0 && errno != EAGAIN)
    return -EAGAIN;
  event = g_async_queue_try_pop (fake->events);
  if (event == NULL)
    return -EAGAIN;
  *out_event = *event;
  g_free (event);
  count = 1;
  if (g_async_queue_length (fake->events) > 0 && write (fake->event_fd, &count, sizeof count) < 0)
    return -EAGAIN;
  return 0;
}

static int
event_fd (struct echelon_host *host)
{
  return fake_of (host)->event_fd;
}

static uint32_t
source (struct echelon_host *host)
{
  return FAKE_SOURCE;
}

static int
parse (struct echelon_host    *host,
       const char             *address,
       const struct ech_value *values,
       unsigned                n_values,
       struct ech_action      *out_action,
       char                   *out_error)
{
  return ech_vocabulary_parse (address, values, n_values, fake_of (host)->state.n_decks, out_action,
                               out_error);
}

static void
log_text (struct echelon_host *host, enum echelon_log_level level, const char *text)
{
  fprintf (stderr, "# log %d: %s\n", level, text);
}

static const char *
find_setting (struct echelon_host *host, const char *key)
{
  return g_hash_table_lookup (fake_of (host)->settings, key);
}

static int64_t
setting_int (struct echelon_host *host, const char *key, int64_t fallback)
{
  const char *text = find_setting (host, key);

  return text ? g_ascii_strtoll (text, NULL, 10) : fallback;
}

static bool
setting_bool (struct echelon_host *host, const char *key, bool fallback)
{
  const char *text = find_setting (host, key);

  return text ? strcmp (text, "true") == 0 : fallback;
}

static const char *
setting_string (struct echelon_host *host, const char *key, const char *fallback)
{
  const char *text = find_setting (host, key);

  return text ? text : fallback;
}

static void
failed (struct echelon_host *host, const char *reason)
{
  struct fake_host *fake = fake_of (host);

  g_mutex_lock (&fake->mutex);
  fake->failed = true;
  if (fake->print)
    printf ("failed %s\n", reason);
  fflush (stdout);
  g_mutex_unlock (&fake->mutex);
}

static void
status (struct echelon_host *host, const char *text)
{
  struct fake_host *fake = fake_of (host);

  g_mutex_lock (&fake->mutex);
  g_strlcpy (fake->status, text, sizeof fake->status);
  if (fake->print)
    printf ("status %s\n", text);
  fflush (stdout);
  g_mutex_unlock (&fake->mutex);
}

/* Names that begin with "hand" or "agent" are what they say. */
static uint32_t
source_class (struct echelon_host *host, const char *name)
{
  return g_str_has_prefix (name, "hand")    ? ECH_SOURCE_HAND
         : g_str_has_prefix (name, "agent") ? ECH_SOURCE_AGENT
                                            : ECH_SOURCE_OSC;
}

static int
open_source (struct echelon_host *host, const char *name, uint32_t *out_source)
{
  struct fake_host *fake   = fake_of (host);
  int               result = strcmp (name, "window") == 0 ? -EEXIST : -ENOSPC;

  g_mutex_lock (&fake->mutex);
  for (unsigned i = 0; result == -ENOSPC && i < FAKE_NAMES; i++) {
    if (fake->names[i][0] != '\0')
      continue;
    g_strlcpy (fake->names[i], name, ECH_NAME_MAX);
    *out_source = FAKE_SOURCE + 1 + i;
    result      = 0;
    if (fake->print)
      printf ("open %s\n", name);
  }
  fflush (stdout);
  g_mutex_unlock (&fake->mutex);
  return result;
}

static void
close_source (struct echelon_host *host, uint32_t source)
{
  struct fake_host *fake = fake_of (host);
  char             *name = fake->names[source - FAKE_SOURCE - 1];

  g_mutex_lock (&fake->mutex);
  if (fake->print)
    printf ("close %s\n", name);
  name[0] = '\0';
  fflush (stdout);
  g_mutex_unlock (&fake->mutex);
}

static int
post_as (struct echelon_host *host, uint32_t source, const struct ech_action *actions, unsigned n)
{
  struct fake_host *fake = fake_of (host);
  int               result;

  g_mutex_lock (&fake->mutex);
  if (fake->print)
    printf ("as %s\n", fake->names[source - FAKE_SOURCE - 1]);
  g_mutex_unlock (&fake->mutex);
  result = post_batch (host, actions, n);
  g_mutex_lock (&fake->mutex);
  fake->last_source = source;
  g_mutex_unlock (&fake->mutex);
  return result;
}

/* Made up, so that each figure can be told from the others. */
static void
telemetry (struct echelon_host *host, struct ech_telemetry *out_telemetry)
{
  *out_telemetry = (struct ech_telemetry){
    .locks = 1, .unlocks = 2, .refused_locked = 3, .refused_cooldown = 4, .emergency_loops = 5, .silences = 6,
    .resumed = 7, .emergency_stops = 8, .overrides = 9, .confirmed = 10, .expired_unconfirmed = 11,
    .taken_over = 12, .repaired = 13, .feedback_lost = 14, .error_n = 15, .error_min_frames = -0.5,
    .error_mean_frames = 0.25, .error_max_frames = 0.75, .latency_n = 16, .latency_p50_ms = 1.5,
    .latency_p95_ms = 2.5, .latency_p99_ms = 3.5, .latency_max_ms = 4.5,
  };
  out_telemetry->refused[ECH_VERB_LOAD][ECH_RULE_ON_AIR]  = 17;
  out_telemetry->refused[ECH_VERB_EJECT][ECH_RULE_ON_AIR] = 1;
  g_strlcpy (out_telemetry->sources[2].name, "osc", ECH_NAME_MAX);
  out_telemetry->sources[2].posted                      = 19;
  out_telemetry->sources[2].refused_full                = 20;
  out_telemetry->sources[2].refused[ECH_RULE_ON_AIR]    = 17;
  out_telemetry->sources[2].refused[ECH_RULE_COOLDOWN]  = 4;
  out_telemetry->sources[2].depth                       = 21;
  out_telemetry->sources[2].max_depth                   = 22;
}

static const struct echelon_host_api api = {
  .abi             = ECHELON_DRIVER_ABI,
  .size            = sizeof api,
  .post            = post,
  .post_batch      = post_batch,
  .state           = state,
  .frame_at        = frame_at,
  .next_event      = next_event,
  .event_fd        = event_fd,
  .source          = source,
  .parse           = parse,
  .fate_name       = ech_fate_name,
  .rule_name       = ech_rule_name,
  .verb_name       = ech_verb_name,
  .deck_state_name = ech_deck_state_name,
  .timing_format   = ech_timing_format,
  .log             = log_text,
  .setting_int     = setting_int,
  .setting_bool    = setting_bool,
  .setting_string  = setting_string,
  .failed          = failed,
  .status          = status,
  .source_class    = source_class,
  .open_source     = open_source,
  .close_source    = close_source,
  .post_as         = post_as,
  .telemetry       = telemetry,
};

void
fake_host_init (struct fake_host *fake)
{
  memset (fake, 0, sizeof *fake);
  fake->handle.api      = &api;
  fake->handle.reserved = fake;
  fake->born_ns         = fake_now_ns();
  fake->event_fd        = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
  fake->events          = g_async_queue_new_full (g_free);
  fake->settings        = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_mutex_init (&fake->mutex);
  fake->state.running           = true;
  fake->state.n_decks           = 2;
  fake->state.block_frames      = 256;
  fake->state.timeline          = (struct ech_timeline){ .bpm = 120, .rate = RATE };
  fake->state.crossfader        = 0.5;
  fake->state.decks[0].volume   = 0.75;
  fake->state.decks[0].eq_db[0] = -6;
}

void
fake_host_finish (struct fake_host *fake)
{
  close (fake->event_fd);
  g_async_queue_unref (fake->events);
  g_hash_table_unref (fake->settings);
  g_mutex_clear (&fake->mutex);
}

void
fake_host_set (struct fake_host *fake, const char *key, const char *text)
{
  g_hash_table_replace (fake->settings, g_strdup (key), g_strdup (text));
}

void
fake_host_event (struct fake_host *fake, const struct ech_event *event)
{
  uint64_t one = 1;

  g_async_queue_push (fake->events, g_memdup2 (event, sizeof *event));
  while (write (fake->event_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
}
