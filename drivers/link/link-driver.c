/* Ableton Link: tempo, beat, start and stop shared with other programs on the network.
 *
 * The driver runs silently until Link is enabled (/link 1).  One thread: it hears the
 * engine's events, enables and disables Link, and tells the engine every few milliseconds how the
 * session stands.  Link has threads of its own; they end with the instance, and the module
 * stays in memory all the same (it is linked so that it cannot be unloaded).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "drivers/link/link-private.h"

/* Enabled right after it is made, an instance may force its tempo upon a running session: in one
 * case of ten, until 200 ms.  Half a second is enough. */
#define WARM_UP_US 500000

/* No cycle of audio came to align the instance: on without. */
#define ALIGN_US 1000000

static int64_t
now_ns (void)
{
  struct timespec ts;

  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t
now_us (void)
{
  return now_ns() / 1000;
}

/* --- telling --------------------------------------------------------------------------- */

static void
show_status (struct ech_link *self, const struct ech_clock_update *update)
{
  char text[ECH_TEXT_MAX];

  if (!update->enabled)
    snprintf (text, sizeof text, "%s", self->phase == ECH_LINK_DISABLED ? "Disabled" : "Enabling");
  else if (update->peers == 1)
    snprintf (text, sizeof text, "Enabled, 1 peer");
  else
    snprintf (text, sizeof text, "Enabled, %u peers", update->peers);
  if (strcmp (text, self->status) == 0)
    return;
  snprintf (self->status, sizeof self->status, "%s", text);
  self->api->status (self->host, text);
}

static void
tell (struct ech_link *self)
{
  struct ech_clock_update update = {
    .time_ns       = (uint64_t) now_ns(),
    .quantum_beats = self->clock.quantum,
    .nudge_beats   = atomic_load (&self->clock.nudge_beats),
    .available     = true,
    .enabled       = self->phase == ECH_LINK_ENABLED,
    .start_stop    = self->transport.is_shared,
  };
  double us = ech_link_time_us ((int64_t) update.time_ns);

  if (update.enabled) {
    update.peers   = (uint32_t) self->peers;
    update.playing = abl_link_is_playing (self->app_state);
    update.beat = abl_link_beat_at_time (self->app_state, (int64_t) us, self->clock.quantum)
                  + update.nudge_beats;
    update.bpm  = abl_link_tempo (self->app_state);
  }
  self->was_told = self->api->clock_update (self->host, &update) == 0;
  show_status (self, &update);
}

/* --- on and off ------------------------------------------------------------------------ */

static bool
make_link (struct ech_link *self)
{
  if (self->has_link)
    return true;
  self->api->state (self->host, &self->seen);
  self->clock.link = abl_link_create (self->seen.timeline.bpm > 0 ? self->seen.timeline.bpm : 120.0);
  if (self->clock.link.impl == NULL)
    return false;
  self->has_link = true;
  self->made_us  = now_us();
  abl_link_enable_start_stop_sync (self->clock.link, self->transport.is_shared);
  return true;
}

static void
enable (struct ech_link *self)
{
  if (self->phase != ECH_LINK_DISABLED)
    return;
  if (!make_link (self)) {
    self->api->failed (self->host, "Ableton Link cannot be started: no thread or socket for it.");
    return;
  }
  if (self->api->publish_clock (self->host, &ech_link_source, &self->clock) < 0) {
    self->api->log (self->host, ECHELON_LOG_WARNING, "Another driver keeps the clock already.");
    return;
  }
  self->phase = ECH_LINK_WARMING;
}

static void
disable (struct ech_link *self)
{
  if (self->phase == ECH_LINK_DISABLED)
    return;
  self->api->withdraw_clock (self->host);
  atomic_store (&self->clock.follows, false);
  atomic_store (&self->clock.wants_alignment, false);
  atomic_store (&self->clock.wish, ECH_LINK_WISH_NONE);
  abl_link_enable (self->clock.link, false);
  self->phase = ECH_LINK_DISABLED;
  self->peers = 0;
}

/* The next step on the way to enabled, if its time has come. */
static void
go_on_enabling (struct ech_link *self)
{
  if (self->phase == ECH_LINK_WARMING && now_us() - self->made_us >= WARM_UP_US) {
    atomic_store (&self->clock.wants_alignment, true);
    self->asked_us = now_us();
    self->phase    = ECH_LINK_ALIGNING;
  }
  if (self->phase != ECH_LINK_ALIGNING)
    return;
  if (atomic_load (&self->clock.wants_alignment) && now_us() - self->asked_us < ALIGN_US)
    return;
  atomic_store (&self->clock.wants_alignment, false);
  atomic_store (&self->clock.follows, true);
  ech_link_transport_joined (self);
  abl_link_enable (self->clock.link, true);
  self->phase = ECH_LINK_ENABLED;
}

static void
look (struct ech_link *self)
{
  uint64_t peers;

  go_on_enabling (self);
  if (self->phase != ECH_LINK_ENABLED)
    return;
  peers = abl_link_num_peers (self->clock.link);
  if (self->peers == 0 && peers > 0)
    ech_link_transport_joined (self);
  self->peers = peers;
  abl_link_capture_app_session_state (self->clock.link, self->app_state);
  ech_link_transport_look (self);
}

/* --- the thread ------------------------------------------------------------------------ */

static void
take_event (struct ech_link *self, const struct ech_event *event)
{
  bool is_wish = event->fate == ECH_FATE_QUEUED;

  if (is_wish && event->rule == ECH_RULE_CONFIRM)
    return; /* it waits for a person's yes, and is told again after that */
  if (event->verb == ECH_VERB_LINK && is_wish && event->value != 0)
    enable (self);
  else if (event->verb == ECH_VERB_LINK && is_wish)
    disable (self);
  else if (event->verb == ECH_VERB_LINK_STARTSTOP && is_wish)
    ech_link_transport_share (self, event->value != 0);
  else if (event->verb == ECH_VERB_LINK_NUDGE && is_wish)
    atomic_store (&self->clock.nudge_beats, rint (event->value));
  else
    ech_link_transport_take_event (self, event);
}

static void
take_events (struct ech_link *self)
{
  struct ech_event event;

  while (self->api->next_event (self->host, &event) == 0)
    take_event (self, &event);
}

/* Enabled: at each interval.  Disabled: once, and when something happened. */
static void *
run (void *data)
{
  struct ech_link *self  = data;
  struct pollfd    fds[] = { { .fd = self->stop_fd, .events = POLLIN },
                             { .fd = self->api->event_fd (self->host), .events = POLLIN } };

  if (self->api->setting_bool (self->host, "join", false))
    enable (self);
  while (fds[0].revents == 0) {
    bool is_idle;

    take_events (self);
    look (self);
    tell (self);
    is_idle = self->phase == ECH_LINK_DISABLED && self->was_told;
    if (poll (fds, 2, is_idle ? -1 : self->update_ms) < 0 && errno != EINTR)
      break;
  }
  disable (self);
  return NULL;
}

/* --- start and stop -------------------------------------------------------------------- */

static void
free_self (struct ech_link *self)
{
  if (self->has_link)
    abl_link_destroy (self->clock.link);
  if (self->app_state.impl != NULL)
    abl_link_destroy_session_state (self->app_state);
  if (self->clock.state.impl != NULL)
    abl_link_destroy_session_state (self->clock.state);
  if (self->stop_fd >= 0)
    close (self->stop_fd);
  free (self);
}

static int
fail (struct ech_link *self, char *out_error, int code, const char *sentence)
{
  snprintf (out_error, ECH_TEXT_MAX, "%s", sentence);
  if (self != NULL)
    free_self (self);
  return code;
}

static void
read_settings (struct ech_link *self)
{
  const struct echelon_host_api *api     = self->api;
  int64_t                        quantum = api->setting_int (self->host, "quantum", 4);
  int64_t                        update  = api->setting_int (self->host, "update-ms", 10);
  int64_t                        trim    = api->setting_int (self->host, "trim-ms", 0);

  self->clock.quantum       = quantum >= 1 && quantum <= 64 ? (double) quantum : 4.0;
  self->update_ms           = update >= 1 && update <= 1000 ? (int) update : 10;
  self->clock.trim_ns       = (trim >= -1000 && trim <= 1000 ? trim : 0) * 1000000;
  self->transport.is_shared = api->setting_bool (self->host, "start-stop", false);
}

static int
link_start (struct echelon_host *host, void **out_self, char *out_error)
{
  struct ech_link *self;
  sigset_t         all, before;
  int              code;

  if (host->api->size < offsetof (struct echelon_host_api, clock_update) + sizeof (void *))
    return fail (NULL, out_error, -ENOTSUP, "This Echelon cannot follow a driver's clock.");
  self = calloc (1, sizeof *self);
  if (self == NULL)
    return fail (NULL, out_error, -ENOMEM, "Out of memory.");
  self->host        = host;
  self->api         = host->api;
  self->stop_fd     = eventfd (0, EFD_CLOEXEC);
  self->app_state   = abl_link_create_session_state();
  self->clock.state = abl_link_create_session_state();
  if (self->app_state.impl == NULL || self->clock.state.impl == NULL || self->stop_fd < 0)
    return fail (self, out_error, -ENOMEM, "Out of memory, or of open files.");
  read_settings (self);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  code = pthread_create (&self->thread, NULL, run, self);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (code != 0)
    return fail (self, out_error, -code, "No thread can be started.");
  *out_self = self;
  return 0;
}

static void
link_stop (void *data)
{
  struct ech_link *self = data;
  uint64_t         one  = 1;

  while (write (self->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
  pthread_join (self->thread, NULL);
  free_self (self);
}

static const struct echelon_setting settings[] = {
  { "join", "Enable Ableton Link at start", "false", 'b', 0, 0 },
  { "start-stop", "Share start and stop", "false", 'b', 0, 0 },
  { "quantum", "Length in beats in which phase is shared", "4", 'i', 1, 64 },
  { "trim-ms", "Play so many milliseconds earlier, for sound that comes late", "0", 'i', -1000, 1000 },
  { "update-ms", "Milliseconds from one look at the session to the next", "10", 'i', 1, 1000 },
};

static const struct echelon_driver driver = {
  .abi          = ECHELON_DRIVER_ABI,
  .size         = sizeof (struct echelon_driver),
  .id           = "link",
  .name         = "Ableton Link",
  .description  = "Shares tempo and beat, and start and stop if wished, with programs on the network.",
  .source_class = ECH_SOURCE_HAND,
  .settings     = settings,
  .n_settings   = sizeof settings / sizeof *settings,
  .start        = link_start,
  .stop         = link_stop,
};

const struct echelon_driver *
echelon_driver_entry (void)
{
  return &driver;
}
