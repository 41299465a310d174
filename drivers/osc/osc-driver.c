/* Open Sound Control over UDP: one thread between a socket and the scheduler.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/osc/osc-private.h"

#define PRIVATE_NETWORKS "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16"

enum {
  DEFAULT_PORT      = 8000,
  PACKETS_AT_A_TIME = 64, /* neither side of the thread starves the other */
  EVENTS_AT_A_TIME  = 256,
  NAMES_MS          = 250, /* between looks at the leases of names, at most */
  RECEIVE_BYTES     = 1 << 20, /* a burst of one sender must not push another's packet out */
};

/* --- the thread ------------------------------------------------------------------------ */

static void
show_status (struct ech_osc *self)
{
  char text[ECH_TEXT_MAX];

  if (self->subscribers.n == 0)
    snprintf (text, sizeof text, "Listening on %s", self->where);
  else
    snprintf (text, sizeof text, "Listening on %s, %u subscribed", self->where,
              self->subscribers.n);
  self->subscribers_shown = self->subscribers.n;
  self->api->status (self->host, text);
}

/* Returns false when the socket is beyond use. */
static bool
take_packets (struct ech_osc *self)
{
  for (int i = 0; i < PACKETS_AT_A_TIME; i++) {
    struct sockaddr_in from;
    socklen_t          length = sizeof from;
    ssize_t size = recvfrom (self->socket, self->datagram, sizeof self->datagram, MSG_DONTWAIT,
                             (struct sockaddr *) &from, &length);

    if (size >= 0 && from.sin_family == AF_INET && from.sin_port != 0)
      ech_osc_handle (self, (size_t) size, ech_osc_peer_from (&from));
    else if (size < 0)
      return errno != EBADF && errno != ENOTSOCK && errno != EINVAL;
  }
  return true;
}

static void
take_events (struct ech_osc *self)
{
  struct ech_event event;

  for (int i = 0; i < EVENTS_AT_A_TIME && self->api->next_event (self->host, &event) == 0; i++)
    ech_osc_tell_event (self, &event);
}

static void
run_feedback (struct ech_osc *self)
{
  uint64_t now_ns = ech_osc_now_ns();

  if (self->subscribers.n > 0 && now_ns >= self->feedback_due_ns) {
    ech_osc_expire (&self->subscribers, now_ns);
    ech_osc_feedback (self);
    /* from its end on: a slow round must not make the next one come sooner */
    self->feedback_due_ns = ech_osc_now_ns() + ECH_OSC_FEEDBACK_MS * UINT64_C (1000000);
  }
  if (self->subscribers.n != self->subscribers_shown)
    show_status (self);
  if (self->sources.n_named > 0)
    ech_osc_sources_expire (&self->sources, now_ns);
}

static int
timeout_ms (const struct ech_osc *self)
{
  uint64_t now_ns = ech_osc_now_ns();

  if (self->subscribers.n == 0)
    return self->sources.n_named == 0 ? -1 : NAMES_MS;
  return self->feedback_due_ns <= now_ns ? 0
                                         : (int) ((self->feedback_due_ns - now_ns) / 1000000 + 1);
}

static void *
run (void *data)
{
  struct ech_osc *self  = data;
  struct pollfd   fds[] = { { .fd = self->stop_fd, .events = POLLIN },
                            { .fd = self->socket, .events = POLLIN },
                            { .fd = self->api->event_fd (self->host), .events = POLLIN } };

  for (;;) {
    if (poll (fds, 3, timeout_ms (self)) < 0 && errno != EINTR)
      break;
    if (fds[0].revents)
      return NULL;
    if (fds[1].revents & POLLNVAL || (fds[1].revents && !take_packets (self)))
      break;
    if (fds[2].revents)
      take_events (self);
    run_feedback (self);
  }
  self->api->failed (self->host, "Its socket broke.");
  return NULL;
}

/* --- start and stop -------------------------------------------------------------------- */

static int
fail (char *out_error, int code, const char *sentence)
{
  snprintf (out_error, ECH_TEXT_MAX, "%s", sentence);
  return code;
}

/* The socket is ours and not liblo's: a liblo server listens on every interface. */
static int
open_socket (struct ech_osc *self, char *out_error)
{
  int64_t            port    = self->api->setting_int (self->host, "port", DEFAULT_PORT);
  bool               open    = self->api->setting_bool (self->host, "open", false);
  struct sockaddr_in address = {
    .sin_family      = AF_INET,
    .sin_port        = htons ((uint16_t) port),
    .sin_addr.s_addr = htonl (open ? INADDR_ANY : INADDR_LOOPBACK),
  };
  socklen_t length = sizeof address;
  char      text[INET_ADDRSTRLEN];

  if (port < 0 || port > 65535)
    return fail (out_error, -ERANGE, "The port must be 1 to 65535.");
  self->socket = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (self->socket < 0)
    return fail (out_error, -errno, "No UDP socket can be opened.");
  if (bind (self->socket, (struct sockaddr *) &address, sizeof address) < 0) {
    int code = -errno;

    snprintf (out_error, ECH_TEXT_MAX, "UDP port %d cannot be used: %s. Choose another.",
              (int) port, strerror (-code));
    return code;
  }
  /* As much of it as the system allows. */
  setsockopt (self->socket, SOL_SOCKET, SO_RCVBUF, &(int){ RECEIVE_BYTES }, sizeof (int));
  getsockname (self->socket, (struct sockaddr *) &address, &length);
  inet_ntop (AF_INET, &address.sin_addr, text, sizeof text);
  snprintf (self->where, sizeof self->where, "%s:%u", text, ntohs (address.sin_port));
  return 0;
}

static int
read_networks (struct ech_osc *self, char *out_error)
{
  const char *allow = self->api->setting_string (self->host, "allow", PRIVATE_NETWORKS);

  if (ech_osc_networks_parse (&self->networks, allow) < 0)
    return fail (out_error, -EINVAL,
                 "The allowed networks cannot be read; write them like 192.168.1.0/24, 10.0.0.7.");
  if (ech_osc_networks_parse (&self->sources.hands,
                              self->api->setting_string (self->host, "hands", ""))
      < 0)
    return fail (out_error, -EINVAL,
                 "The addresses of hands cannot be read; write them like 127.0.0.1, 192.168.1.5.");
  return 0;
}

/* The program's signals are the main thread's affair. */
static int
start_thread (struct ech_osc *self, char *out_error)
{
  sigset_t all, before;
  int      code;

  self->stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->stop_fd < 0)
    return fail (out_error, -errno, "No file descriptor is left.");
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  code = pthread_create (&self->thread, NULL, run, self);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  return code == 0 ? 0 : fail (out_error, -code, "No thread can be started.");
}

static void
destroy (struct ech_osc *self)
{
  if (self->socket >= 0)
    close (self->socket);
  if (self->stop_fd >= 0)
    close (self->stop_fd);
  free (self);
}

static int
osc_start (struct echelon_host *host, void **out_self, char *out_error)
{
  struct ech_osc *self = calloc (1, sizeof *self);
  int             code;

  if (self == NULL)
    return fail (out_error, -ENOMEM, "Out of memory.");
  self->host    = host;
  self->api     = host->api;
  self->sources = (struct ech_osc_sources){ .host = host };
  self->socket  = -1;
  self->stop_fd = -1;
  self->limiter =
      (struct ech_osc_limiter){ .rate = ECH_OSC_MESSAGE_RATE, .burst = ECH_OSC_MESSAGE_BURST };
  if ((code = read_networks (self, out_error)) < 0 || (code = open_socket (self, out_error)) < 0) {
    destroy (self);
    return code;
  }
  show_status (self);
  if ((code = start_thread (self, out_error)) < 0) {
    destroy (self);
    return code;
  }
  *out_self = self;
  return 0;
}

static void
osc_stop (void *data)
{
  struct ech_osc *self = data;
  uint64_t        one  = 1;

  while (write (self->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
  pthread_join (self->thread, NULL);
  destroy (self);
}

static const struct echelon_setting settings[] = {
  { "port", "UDP port", "8000", 'i', 0, 65535 },
  { "open", "Accept messages from other machines", "false", 'b', 0, 0 },
  { "allow", "Networks they may come from", PRIVATE_NETWORKS, 's', 0, 0 },
  { "hands", "Addresses that may take a hand's name", "", 's', 0, 0 },
};

static const struct echelon_driver driver = {
  .abi          = ECHELON_DRIVER_ABI,
  .size         = sizeof (struct echelon_driver),
  .id           = "osc",
  .name         = "Open Sound Control",
  .description  = "Control by OSC programs and surfaces, over UDP.",
  .source_class = ECH_SOURCE_OSC,
  .settings     = settings,
  .n_settings   = sizeof settings / sizeof *settings,
  .start        = osc_start,
  .stop         = osc_stop,
};

const struct echelon_driver *
echelon_driver_entry (void)
{
  return &driver;
}
