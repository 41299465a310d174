/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/midi-common.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int
parse (void                   *data,
       const char             *address,
       const struct ech_value *values,
       unsigned                n_values,
       struct ech_action      *out_action,
       char                   *out_error)
{
  return ech_vocabulary_parse (address, values, n_values, ECH_MAX_DECKS, out_action, out_error);
}

const struct ech_midi_words ech_cli_midi_words = { parse, NULL };

/* --- devices --------------------------------------------------------------------------- */

static bool
is_wanted (const struct ech_cli_midi *midi, const char *name)
{
  g_autofree char *folded = g_utf8_casefold (name, -1);
  g_autofree char *part   = midi->filter ? g_utf8_casefold (midi->filter, -1) : NULL;

  return part == NULL || strstr (folded, part);
}

static void
on_added (void *data, unsigned device)
{
  struct ech_cli_midi *midi = data;

  if (!is_wanted (midi, ech_midi_ports_name (midi->ports, device)))
    return;
  memset (&midi->parsers[device], 0, sizeof midi->parsers[device]);
  midi->n_bytes[device] = 0;
  if (ech_midi_ports_use (midi->ports, device, true) == 0 && midi->device_changed)
    midi->device_changed (midi, device, true);
}

static void
on_removed (void *data, unsigned device)
{
  struct ech_cli_midi *midi = data;

  if (midi->device_changed && is_wanted (midi, ech_midi_ports_name (midi->ports, device)))
    midi->device_changed (midi, device, false);
}

static void
keep_byte (struct ech_cli_midi *midi, unsigned device, uint8_t byte)
{
  if (midi->n_bytes[device] < sizeof midi->bytes[device])
    midi->bytes[device][midi->n_bytes[device]++] = byte;
}

static void
on_bytes (void          *data,
          unsigned       device,
          const uint8_t *bytes,
          unsigned       n_bytes,
          uint64_t       time_ns,
          bool           lost)
{
  struct ech_cli_midi    *midi = data;
  struct ech_midi_message message;

  if (lost)
    ech_midi_parser_reset (&midi->parsers[device]);
  for (unsigned i = 0; i < n_bytes; i++) {
    bool is_realtime = bytes[i] >= 0xf8;

    if (!is_realtime)
      keep_byte (midi, device, bytes[i]);
    if (!ech_midi_parser_feed (&midi->parsers[device], bytes[i], &message))
      continue;
    if (midi->message)
      midi->message (midi, device, &message, is_realtime ? &bytes[i] : midi->bytes[device],
                     is_realtime ? 1 : midi->n_bytes[device], time_ns);
    if (!is_realtime)
      midi->n_bytes[device] = 0;
  }
}

static void
on_connected (void *data, bool connected)
{
  ((struct ech_cli_midi *) data)->is_connected = connected;
}

static const struct ech_midi_ports_events events = {
  .added     = on_added,
  .removed   = on_removed,
  .bytes     = on_bytes,
  .connected = on_connected,
};

gboolean
ech_cli_midi_open (struct ech_cli_midi *midi, const char *node, GError **error)
{
  sigset_t signals;

  /* before there are threads: they inherit the mask */
  sigemptyset (&signals);
  sigaddset (&signals, SIGINT);
  sigaddset (&signals, SIGTERM);
  sigprocmask (SIG_BLOCK, &signals, NULL);
  midi->signal_fd = signalfd (-1, &signals, SFD_CLOEXEC);
  midi->ports     = ech_midi_ports_new (node, &events, midi);
  if (midi->ports && midi->is_connected)
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED,
                       "There is no PipeWire to connect to.");
  return FALSE;
}

void
ech_cli_midi_close (struct ech_cli_midi *midi)
{
  ech_midi_ports_free (midi->ports); /* its events still want to know it */
  midi->ports = NULL;
  close (midi->signal_fd);
}

/* --- loop ------------------------------------------------------------------------------ */

static void
take_input (struct ech_cli_midi *midi)
{
  char    line[256];
  ssize_t n = read (STDIN_FILENO, line, sizeof line - 1);

  if (n <= 0) {
    midi->input (midi, NULL);
    midi->input = NULL;
    return;
  }
  line[n] = '\0';
  midi->input (midi, g_strchomp (line));
}

static int
sooner (int a, int b)
{
  return a < 0 ? b : b < 0 ? a : MIN (a, b);
}

void
ech_cli_midi_run (struct ech_cli_midi *midi, int timeout_ms)
{
  gint64        until = timeout_ms < 0 ? G_MAXINT64 : g_get_monotonic_time() + timeout_ms * 1000;
  struct pollfd fds[3] = { { .fd = ech_midi_ports_fd (midi->ports), .events = POLLIN },
                           { .fd = midi->signal_fd, .events = POLLIN },
                           { .fd = -1, .events = POLLIN } };

  while (!midi->ends && g_get_monotonic_time() < until) {
    gint64 left = until == G_MAXINT64 ? -1 : (until - g_get_monotonic_time()) / 1000 + 1;

    fds[2].fd = midi->input ? STDIN_FILENO : -1;
    if (poll (fds, 3, sooner ((int) left, ech_midi_ports_timeout_ms (midi->ports))) < 0
        && errno != EINTR)
      break;
    if (fds[1].revents)
      midi->ends = true;
    if (fds[2].revents && midi->input)
      take_input (midi);
    ech_midi_ports_dispatch (midi->ports);
  }
}

/* --- mappings -------------------------------------------------------------------------- */

static void
print_fault (const char *sentence, void *data)
{
  g_printerr ("%s: %s\n", (const char *) data, sentence);
}

GPtrArray *
ech_cli_midi_mappings (const char *command)
{
  g_autofree char  *user      = ech_midi_user_folder();
  g_autofree char  *installed = ech_midi_default_folder();
  const char *const folders[] = { user, installed, NULL };

  return ech_midi_mappings_load (folders, &ech_cli_midi_words, print_fault, (void *) command);
}

struct ech_midi_mapping *
ech_cli_midi_mapping_for (GPtrArray *mappings, const char *device)
{
  struct ech_midi_mapping *best = NULL;
  unsigned                 most = 0;

  for (guint i = 0; i < mappings->len; i++) {
    unsigned fit = ech_midi_mapping_fits (mappings->pdata[i], device);

    if (fit > most) {
      most = fit;
      best = mappings->pdata[i];
    }
  }
  return best;
}

char *
ech_cli_midi_path (const char *name)
{
  g_autofree char *folder = ech_midi_user_folder();
  g_autofree char *lower  = g_utf8_strdown (name, -1);
  g_autofree char *file   = NULL;

  g_strcanon (lower, "abcdefghijklmnopqrstuvwxyz0123456789", '-');
  file = g_strconcat (lower, ".json", NULL);
  return g_build_filename (folder, file, NULL);
}
