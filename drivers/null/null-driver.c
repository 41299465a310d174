/* A driver without a device: it posts what its settings say, and can be made to misbehave.
 *
 * For tests and demonstrations; off unless somebody asks for it.  Its status
 * line counts what became of its posts.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "drivers/sdk/echelon-driver.h"

enum { MAX_WORDS = 8, MAX_LINE = 512 };

struct null_driver {
  /* fixed from start to stop */
  struct echelon_host           *host;
  const struct echelon_host_api *api;
  int                            stop_fd;
  pthread_t                      thread;

  /* the driver's thread */
  uint64_t posted, refused;
  uint64_t fates[ECH_N_FATES];
};

/* --- the script ------------------------------------------------------------------------ */

/* Splits at blanks; double quotes hold a word together.  Returns the number of words. */
static unsigned
split (char *line, char **words)
{
  unsigned n = 0;

  while (n < MAX_WORDS) {
    const char *ends = " \t";

    line += strspn (line, " \t");
    if (*line == '\0')
      break;
    if (*line == '"') {
      ends = "\"";
      line++;
    }
    words[n++] = line;
    line += strcspn (line, ends);
    if (*line)
      *line++ = '\0';
  }
  return n;
}

static void
post (struct null_driver *self, const struct ech_action *action)
{
  if (self->api->post (self->host, action) == 0)
    self->posted++;
  else
    self->refused++;
}

static void
post_line (struct null_driver *self, const char *text, size_t length)
{
  char              line[MAX_LINE], error[ECH_TEXT_MAX] = "";
  char             *words[MAX_WORDS];
  struct ech_value  values[MAX_WORDS];
  struct ech_action action = { 0 };
  unsigned          n;

  snprintf (line, sizeof line, "%.*s", (int) length, text);
  n = split (line, words);
  if (n == 0)
    return;
  for (unsigned i = 1; i < n; i++)
    values[i - 1] = (struct ech_value){ .type = 'w', .s = words[i] };
  if (self->api->parse (self->host, words[0], values, n - 1, &action, error) < 0) {
    self->api->log (self->host, ECHELON_LOG_WARNING, error);
    self->refused++;
    return;
  }
  post (self, &action);
}

static void
run_script (struct null_driver *self)
{
  const char *script = self->api->setting_string (self->host, "script", "");

  while (*script) {
    size_t length = strcspn (script, ";\n");

    post_line (self, script, length);
    script += length + (script[length] != '\0');
  }
}

static void
run_flood (struct null_driver *self)
{
  int64_t           n      = self->api->setting_int (self->host, "flood", 0);
  struct ech_action action = { .verb = ECH_VERB_CROSSFADER };

  for (int64_t i = 0; i < n; i++) {
    action.value = (double) (i % 101) / 100.0;
    post (self, &action);
  }
}

/* --- the thread ------------------------------------------------------------------------ */

static void
show_status (struct null_driver *self)
{
  char text[ECH_TEXT_MAX];

  snprintf (text, sizeof text, "posted %llu, refused %llu, executed %llu, rejected %llu",
            (unsigned long long) self->posted, (unsigned long long) self->refused,
            (unsigned long long) self->fates[ECH_FATE_EXECUTED],
            (unsigned long long) self->fates[ECH_FATE_REJECTED]);
  self->api->status (self->host, text);
}

static void
take_events (struct null_driver *self)
{
  struct ech_event event;

  while (self->api->next_event (self->host, &event) == 0)
    if (event.source == self->api->source (self->host) && event.fate < ECH_N_FATES)
      self->fates[event.fate]++;
  show_status (self);
}

static void *
run (void *data)
{
  struct null_driver *self  = data;
  bool                stall = self->api->setting_bool (self->host, "stall", false);
  struct pollfd       fds[] = { { .fd = self->stop_fd, .events = POLLIN },
                                { .fd = self->api->event_fd (self->host), .events = POLLIN } };

  run_script (self);
  run_flood (self);
  show_status (self);
  if (self->api->setting_bool (self->host, "fail-later", false))
    self->api->failed (self->host, "Its script says that it fails.");
  while (poll (fds, stall ? 1 : 2, -1) >= 0 || errno == EINTR) {
    if (fds[0].revents)
      break;
    if (!stall && fds[1].revents)
      take_events (self);
  }
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
null_start (struct echelon_host *host, void **out_self, char *out_error)
{
  struct null_driver *self;
  sigset_t            all, before;
  int                 code;

  if (host->api->setting_bool (host, "fail-start", false))
    return fail (out_error, -ENODEV, "Its script says that it does not start.");
  self = calloc (1, sizeof *self);
  if (self == NULL)
    return fail (out_error, -ENOMEM, "Out of memory.");
  self->host    = host;
  self->api     = host->api;
  self->stop_fd = eventfd (0, EFD_CLOEXEC);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  code = self->stop_fd < 0 ? errno : pthread_create (&self->thread, NULL, run, self);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (code != 0) {
    free (self);
    return fail (out_error, -code, "No thread can be started.");
  }
  *out_self = self;
  return 0;
}

static void
null_stop (void *data)
{
  struct null_driver *self = data;
  uint64_t            one  = 1;

  while (write (self->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
  pthread_join (self->thread, NULL);
  close (self->stop_fd);
  free (self);
}

static const struct echelon_setting settings[] = {
  { "script", "Actions to post, separated by ;", "", 's', 0, 0 },
  { "flood", "Crossfader moves to post without a pause", "0", 'i', 0, 1e9 },
  { "stall", "Never read events", "false", 'b', 0, 0 },
  { "fail-start", "Fail to start", "false", 'b', 0, 0 },
  { "fail-later", "Fail after the script", "false", 'b', 0, 0 },
};

static const struct echelon_driver driver = {
  .abi          = ECHELON_DRIVER_ABI,
  .size         = sizeof (struct echelon_driver),
  .id           = "null",
  .name         = "Script",
  .description  = "Posts what its settings say; for tests.",
  .source_class = ECH_SOURCE_AGENT,
  .settings     = settings,
  .n_settings   = sizeof settings / sizeof *settings,
  .start        = null_start,
  .stop         = null_stop,
  .flags        = ECHELON_DRIVER_OFF_BY_DEFAULT,
};

const struct echelon_driver *
echelon_driver_entry (void)
{
  return &driver;
}
