/* The bridge to other DJ programs: Ableton Live (AbletonOSC), a Link session (Carabiner), and
 * Serato's history.
 *
 * It carries the tempo, one way, and nothing else: it never loads, starts or stops a deck.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "drivers/bridge/bridge-private.h"

#define MS         UINT64_C (1000000)
#define LEAST_BPM  0.005
#define LOOPBACK   "127.0.0.1"

enum {
  TICK_MS  = 250,
  TEMPO_MS = 200,  /* between two changes that we pass on */
  RETRY_MS = 2000, /* what the session refused is tried again */
};

uint64_t
ech_bridge_now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * UINT64_C (1000000000) + (uint64_t) now.tv_nsec;
}

void
ech_bridge_close (struct ech_bridge_peer *peer)
{
  if (peer->fd >= 0)
    close (peer->fd);
  peer->fd       = -1;
  peer->bpm      = NAN;
  peer->told_bpm = NAN;
}

void
ech_bridge_log (struct ech_bridge *self, const char *format, ...)
{
  char    text[ECH_TEXT_MAX];
  va_list args;

  va_start (args, format);
  vsnprintf (text, sizeof text, format, args);
  va_end (args);
  self->api->log (self->host, ECHELON_LOG_WARNING, text);
}

/* --- the tempo ------------------------------------------------------------------------- */

static void
post_tempo (struct ech_bridge *self, double bpm)
{
  struct ech_value  value  = { .type = 'd', .f = bpm };
  struct ech_action action = { 0 };
  char              error[ECH_TEXT_MAX];

  if (self->api->parse (self->host, "/tempo", &value, 1, &action, error) < 0)
    ech_bridge_log (self, "%s", error);
  else
    self->api->post (self->host, &action);
}

/* The peer that is followed: Live before Carabiner, if it is there. */
static struct ech_bridge_peer *
leader (struct ech_bridge *self)
{
  struct ech_bridge_peer *peers[] = { &self->live.peer, &self->carabiner.peer };

  for (size_t i = 0; i < G_N_ELEMENTS (peers); i++) {
    if (peers[i]->link.state == ECH_BRIDGE_CONNECTED && !isnan (peers[i]->bpm))
      return peers[i];
  }
  return NULL;
}

/* Posted until the session has it: a hand may hold the tempo for a while. */
static void
follow (struct ech_bridge *self, double session_bpm, uint64_t now_ns)
{
  struct ech_bridge_peer *peer = leader (self);

  if (!peer || fabs (peer->bpm - session_bpm) < LEAST_BPM)
    return;
  self->tempo_due_ns = now_ns + (peer->bpm == peer->told_bpm ? RETRY_MS : TEMPO_MS) * MS;
  peer->told_bpm     = peer->bpm;
  if (peer->bpm >= ECH_MIN_BPM && peer->bpm <= ECH_MAX_BPM)
    post_tempo (self, peer->bpm);
}

static void
tell (struct ech_bridge      *self,
      struct ech_bridge_peer *peer,
      double                  bpm,
      void (*tell_tempo) (struct ech_bridge *self, double bpm))
{
  if (peer->link.state != ECH_BRIDGE_CONNECTED || isnan (peer->bpm)
      || fabs (peer->bpm - bpm) < LEAST_BPM)
    return;
  tell_tempo (self, bpm);
  peer->told_bpm = bpm;
}

static void
carry_tempo (struct ech_bridge *self, uint64_t now_ns)
{
  struct ech_state state;

  if (self->tempo == ECH_BRIDGE_TEMPO_OFF || now_ns < self->tempo_due_ns)
    return;
  self->api->state (self->host, &state);
  if (!(state.timeline.bpm > 0))
    return;
  if (self->tempo == ECH_BRIDGE_TEMPO_FOLLOW) {
    follow (self, state.timeline.bpm, now_ns);
    return;
  }
  self->tempo_due_ns = now_ns + TEMPO_MS * MS;
  tell (self, &self->live.peer, state.timeline.bpm, ech_bridge_live_tell_tempo);
  tell (self, &self->carabiner.peer, state.timeline.bpm, ech_bridge_carabiner_tell_tempo);
}

/* --- what preferences show ------------------------------------------------------------- */

static void
describe (GString *text, const char *name, const struct ech_bridge_peer *peer)
{
  const struct ech_bridge_link *link = &peer->link;

  if (link->state == ECH_BRIDGE_DISCONNECTED)
    return;
  g_string_append_printf (text, "%s%s: %s", text->len ? "; " : "", name,
                          ech_bridge_state_name ((enum ech_bridge_state) link->state));
  if (link->state == ECH_BRIDGE_BACKOFF)
    g_string_append_printf (text, ", %s", link->reason);
  else if (link->version[0])
    g_string_append_printf (text, " (%s)", link->version);
  if (link->state == ECH_BRIDGE_CONNECTED && !isnan (peer->bpm))
    g_string_append_printf (text, ", %.2f BPM", peer->bpm);
}

static void
describe_serato (GString *text, const struct ech_bridge_serato *serato)
{
  if (!serato->folder[0])
    return;
  g_string_append_printf (text, "%sSerato: ", text->len ? "; " : "");
  if (!serato->readable)
    g_string_append (text, "its folder cannot be read");
  else if (!serato->last.title[0] && !serato->last.artist[0])
    g_string_append (text, "track log only, no control exists");
  else
    g_string_append_printf (text, "log only; deck %u: %s - %s", serato->last.deck,
                            serato->last.artist, serato->last.title);
}

static void
show_status (struct ech_bridge *self)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char        shown[ECH_TEXT_MAX];
  const char *end;

  describe (text, "AbletonOSC", &self->live.peer);
  describe (text, "Carabiner", &self->carabiner.peer);
  describe_serato (text, &self->serato);
  if (text->len == 0)
    g_string_append (text, "No peer is switched on.");
  g_strlcpy (shown, text->str, sizeof shown);
  while (!g_utf8_validate (shown, -1, &end))
    shown[end - shown] = '\0';
  if (strcmp (shown, self->shown) == 0)
    return;
  memcpy (self->shown, shown, sizeof shown);
  self->api->status (self->host, shown);
}

/* --- the thread ------------------------------------------------------------------------ */

static void
drain_events (struct ech_bridge *self)
{
  struct ech_event event;

  while (self->api->next_event (self->host, &event) == 0)
    ; /* the session's tempo is looked up: what became of one change says less */
}

static int
timeout_ms (struct ech_bridge *self, uint64_t now_ns)
{
  uint64_t due_ns = now_ns + TICK_MS * MS;

  due_ns = MIN (due_ns, ech_bridge_link_due_ns (&self->live.peer.link, now_ns));
  due_ns = MIN (due_ns, ech_bridge_link_due_ns (&self->carabiner.peer.link, now_ns));
  return due_ns <= now_ns ? 1 : (int) ((due_ns - now_ns) / MS + 1);
}

static void *
run (void *data)
{
  struct ech_bridge *self = data;

  for (;;) {
    struct pollfd fds[4] = { { .fd = self->stop_fd, .events = POLLIN },
                             { .fd = self->api->event_fd (self->host), .events = POLLIN },
                             { .fd = self->live.peer.fd, .events = POLLIN },
                             { .fd = self->carabiner.peer.fd, .events = POLLIN } };
    uint64_t now_ns = ech_bridge_now_ns();

    if (poll (fds, 4, timeout_ms (self, now_ns)) < 0 && errno != EINTR)
      break;
    now_ns = ech_bridge_now_ns();
    if (fds[0].revents)
      return NULL;
    if (fds[1].revents)
      drain_events (self);
    if (fds[2].revents)
      ech_bridge_live_read (self, now_ns);
    if (fds[3].revents)
      ech_bridge_carabiner_read (self, now_ns);
    ech_bridge_live_run (self, now_ns);
    ech_bridge_carabiner_run (self, now_ns);
    ech_bridge_serato_run (self, now_ns);
    carry_tempo (self, now_ns);
    show_status (self);
  }
  self->api->failed (self->host, "Its poll broke.");
  return NULL;
}

/* --- start and stop -------------------------------------------------------------------- */

static int
fail (char *out_error, int code, const char *sentence)
{
  snprintf (out_error, ECH_TEXT_MAX, "%s", sentence);
  return code;
}

static int
read_address (struct ech_bridge      *self,
              const char             *host_key,
              const char             *port_key,
              int64_t                 port,
              struct ech_bridge_peer *peer,
              char                   *out_error)
{
  const char *host = self->api->setting_string (self->host, host_key, LOOPBACK);

  port          = self->api->setting_int (self->host, port_key, port);
  peer->address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons ((uint16_t) port) };
  if (port < 1 || port > 65535)
    return fail (out_error, -ERANGE, "A port must be 1 to 65535.");
  if (inet_pton (AF_INET, host, &peer->address.sin_addr) != 1)
    return fail (out_error, -EINVAL, "A machine is named by its number, such as 192.168.1.20.");
  return 0;
}

static int
read_tempo (struct ech_bridge *self, char *out_error)
{
  const char *text = self->api->setting_string (self->host, "tempo", "follow");

  if (strcmp (text, "follow") == 0)
    self->tempo = ECH_BRIDGE_TEMPO_FOLLOW;
  else if (strcmp (text, "lead") == 0)
    self->tempo = ECH_BRIDGE_TEMPO_LEAD;
  else if (strcmp (text, "off") == 0)
    self->tempo = ECH_BRIDGE_TEMPO_OFF;
  else
    return fail (out_error, -EINVAL, "The tempo is one of: follow, lead, off.");
  return 0;
}

static int
read_settings (struct ech_bridge *self, char *out_error)
{
  int64_t reply = self->api->setting_int (self->host, "live-reply-port", 11001);
  int     code  = read_tempo (self, out_error);

  if (code == 0 && (reply < 1 || reply > 65535))
    code = fail (out_error, -ERANGE, "A port must be 1 to 65535.");
  if (code == 0)
    code = read_address (self, "live-host", "live-port", 11000, &self->live.peer, out_error);
  if (code == 0)
    code = read_address (self, "carabiner-host", "carabiner-port", 17000, &self->carabiner.peer,
                         out_error);
  self->live.reply_port = (uint16_t) reply;
  self->serato.folder   = self->api->setting_string (self->host, "serato-folder", "");
  return code;
}

static void
begin_links (struct ech_bridge *self)
{
  uint64_t now_ns = ech_bridge_now_ns();

  if (self->api->setting_bool (self->host, "live", true))
    ech_bridge_link_start (&self->live.peer.link, now_ns);
  if (self->api->setting_bool (self->host, "carabiner", true))
    ech_bridge_link_start (&self->carabiner.peer.link, now_ns);
}

static int
bridge_start (struct echelon_host *host, void **out_self, char *out_error)
{
  struct ech_bridge *self = calloc (1, sizeof *self);
  sigset_t           all, before;
  int                code;

  if (!self)
    return fail (out_error, -ENOMEM, "Out of memory.");
  self->host              = host;
  self->api               = host->api;
  self->live.peer.fd      = -1;
  self->carabiner.peer.fd = -1;
  ech_bridge_close (&self->live.peer);
  ech_bridge_close (&self->carabiner.peer);
  if ((code = read_settings (self, out_error)) < 0) {
    free (self);
    return code;
  }
  begin_links (self);
  self->stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  code = self->stop_fd < 0 ? errno : pthread_create (&self->thread, NULL, run, self);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (code != 0) {
    if (self->stop_fd >= 0)
      close (self->stop_fd);
    free (self);
    return fail (out_error, -code, "No thread can be started.");
  }
  *out_self = self;
  return 0;
}

static void
bridge_stop (void *data)
{
  struct ech_bridge *self = data;
  uint64_t           one  = 1;

  while (write (self->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
  pthread_join (self->thread, NULL);
  ech_bridge_live_leave (self);
  ech_bridge_close (&self->carabiner.peer);
  close (self->stop_fd);
  free (self);
}

static const struct echelon_setting settings[] = {
  { "tempo", "Tempo: follow the peer, lead it, or off", "follow", 's', 0, 0 },
  { "live", "Ableton Live, by AbletonOSC", "true", 'b', 0, 0 },
  { "live-host", "Machine that Live runs on", LOOPBACK, 's', 0, 0 },
  { "live-port", "AbletonOSC's port", "11000", 'i', 1, 65535 },
  { "live-reply-port", "Port that AbletonOSC answers to", "11001", 'i', 1, 65535 },
  { "carabiner", "A Link session, by Carabiner", "true", 'b', 0, 0 },
  { "carabiner-host", "Machine that Carabiner runs on", LOOPBACK, 's', 0, 0 },
  { "carabiner-port", "Carabiner's port", "17000", 'i', 1, 65535 },
  { "serato-folder", "Serato's History/Sessions folder (its track log only)", "", 's', 0, 0 },
};

static const struct echelon_driver driver = {
  .abi          = ECHELON_DRIVER_ABI,
  .size         = sizeof (struct echelon_driver),
  .id           = "bridge",
  .name         = "Bridge",
  .description  = "Tempo from or to Ableton Live and Carabiner; Serato's track log.",
  .source_class = ECH_SOURCE_BRIDGE,
  .settings     = settings,
  .n_settings   = sizeof settings / sizeof *settings,
  .start        = bridge_start,
  .stop         = bridge_stop,
  .flags        = ECHELON_DRIVER_OFF_BY_DEFAULT,
};

const struct echelon_driver *
echelon_driver_entry (void)
{
  return &driver;
}
