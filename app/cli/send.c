/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/send.h"

#include <errno.h>
#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <lo/lo.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/scheduler/vocabulary.h"

enum { STATUS_GOOD, STATUS_REJECTED, STATUS_USAGE, STATUS_NO_ANSWER, STATUS_GO_ON };

enum {
  DEFAULT_PORT = 8000,
  MAX_DATAGRAM = 65536,
  HEARTBEAT_MS = 500, /* between pings while a fate is waited for */
};

/* What kind of answer ends the wait. */
enum request { REQUEST_ACTION, REQUEST_QUERY, REQUEST_PING, REQUEST_SUBSCRIBE, REQUEST_SOURCE };

struct send {
  int      port;
  char    *host; /* owned */
  double   timeout_s;
  gboolean json, no_wait;

  enum request request;
  int          socket;
  char        *id;       /* owned: ours, or as given; without "id=" */
  gint64       heard_us; /* when the last answer came */
  gint64       begun_us;
  gboolean     answered;
  gboolean     quiet;  /* --source asks for the name: nobody wants to see the answer */
  char        *source; /* owned; nullable */
};

/* --- the message ----------------------------------------------------------------------- */

static gboolean
address_fits (const char *pattern, const char *address)
{
  for (; *pattern && *address; pattern++, address++) {
    gboolean deck = *pattern == 'x' && pattern[-1] == '/' && (pattern[1] == '/' || !pattern[1]);

    if (deck ? !g_ascii_isalpha (*address) : *pattern != *address)
      return FALSE;
  }
  return *pattern == *address;
}

/* Whether the address's first argument is text, also where it looks like a number. */
static gboolean
begins_with_text (const char *address)
{
  unsigned               n_words;
  const struct ech_word *words = ech_vocabulary_words (&n_words);

  for (unsigned i = 0; i < n_words; i++)
    if (address_fits (words[i].address, address))
      return words[i].argument == ECH_ARGUMENT_STRING
             || words[i].argument == ECH_ARGUMENT_OPTIONAL_STRING
             || words[i].argument == ECH_ARGUMENT_MODE;
  return strcmp (address, "/query") == 0 || strcmp (address, "/source") == 0;
}

static gboolean
is_load (const char *address)
{
  return address_fits ("/deck/x/load", address);
}

static void
add_word (lo_message message, const char *word, gboolean text)
{
  char    *end;
  gint64   whole  = g_ascii_strtoll (word, &end, 10);
  gboolean is_int = *word && *end == '\0' && whole >= G_MININT32 && whole <= G_MAXINT32;
  double   number;

  if (!text && is_int) {
    lo_message_add_int32 (message, (int32_t) whole);
    return;
  }
  number = g_ascii_strtod (word, &end);
  if (!text && *word && *end == '\0')
    lo_message_add_double (message, number);
  else
    lo_message_add_string (message, word);
}

/* The player may run in another folder than we do. */
static void
add_path (lo_message message, const char *path)
{
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);

  lo_message_add_string (message, absolute);
}

static void
add_id (struct send *self, lo_message message, int n_words, char **words)
{
  g_autofree char *argument = NULL;

  for (int i = 0; i < n_words; i++) {
    if (!g_str_has_prefix (words[i], "id="))
      continue;
    self->id = g_strdup (words[i] + strlen ("id="));
    return;
  }
  self->id = g_strdup_printf ("send-%d-%" G_GINT64_FORMAT, (int) getpid(), self->begun_us);
  argument = g_strconcat ("id=", self->id, NULL);
  lo_message_add_string (message, argument);
}

static enum request
request_of (const char *address)
{
  static const char *const addresses[] = { NULL, "/query", "/ping", "/subscribe", "/source" };

  for (int i = REQUEST_QUERY; i <= REQUEST_SOURCE; i++)
    if (strcmp (address, addresses[i]) == 0)
      return (enum request) i;
  return REQUEST_ACTION;
}

static lo_message
make_message (struct send *self, const char *address, int n_words, char **words)
{
  lo_message message = lo_message_new();

  for (int i = 0; i < n_words; i++) {
    if (i == 0 && is_load (address))
      add_path (message, words[i]);
    else
      add_word (message, words[i], i == 0 && begins_with_text (address));
  }
  if (self->request == REQUEST_ACTION)
    add_id (self, message, n_words, words);
  return message;
}

/* --- the socket ------------------------------------------------------------------------ */

static int
report_silence (struct send *self)
{
  if (self->answered)
    g_printerr ("echelonctl send: Echelon at %s:%d no longer answers\n", self->host, self->port);
  else
    g_printerr (
        "echelonctl send: no answer from %s:%d; is Echelon running, with OSC on that port?\n",
        self->host, self->port);
  return STATUS_NO_ANSWER;
}

static gboolean
open_socket (struct send *self)
{
  struct addrinfo  hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM };
  struct addrinfo *found = NULL;
  g_autofree char *port  = g_strdup_printf ("%d", self->port);
  int              code  = getaddrinfo (self->host, port, &hints, &found);

  if (code != 0) {
    g_printerr ("echelonctl send: %s: %s\n", self->host, gai_strerror (code));
    return FALSE;
  }
  self->socket = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  /* connected: a port where nobody listens is told at once, and nobody else's packets come in */
  code = self->socket < 0 ? -1 : connect (self->socket, found->ai_addr, found->ai_addrlen);
  freeaddrinfo (found);
  if (code < 0)
    g_printerr ("echelonctl send: %s: %s\n", self->host, g_strerror (errno));
  return code == 0;
}

/* Returns FALSE when nobody listens there. */
static gboolean
send_message (struct send *self, const char *address, lo_message message)
{
  size_t  size = 0;
  void   *raw  = lo_message_serialise (message, address, NULL, &size);
  ssize_t sent = send (self->socket, raw, size, 0);

  free (raw);
  return sent >= 0 || errno != ECONNREFUSED;
}

static gboolean
send_ping (struct send *self)
{
  lo_message message = lo_message_new();
  gboolean   result  = send_message (self, "/ping", message);

  lo_message_free (message);
  return result;
}

/* --- answers --------------------------------------------------------------------------- */

static double
number_at (lo_message message, int place)
{
  const void *argument = lo_message_get_argv (message)[place];
  float       f;
  double      d;
  int32_t     i;
  int64_t     h;

  switch (lo_message_get_types (message)[place]) {
  case LO_FLOAT:
    memcpy (&f, argument, sizeof f);
    return f;
  case LO_DOUBLE:
    memcpy (&d, argument, sizeof d);
    return d;
  case LO_INT32:
    memcpy (&i, argument, sizeof i);
    return i;
  case LO_INT64:
    memcpy (&h, argument, sizeof h);
    return (double) h;
  default:
    return 0;
  }
}

static const char *
text_at (lo_message message, int place)
{
  return (const char *) lo_message_get_argv (message)[place];
}

/* No more digits than the type holds; the same in every locale. */
static char *
show_number (lo_message message, int place)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  bool is_float = lo_message_get_types (message)[place] == LO_FLOAT;

  g_ascii_formatd (text, sizeof text, is_float ? "%.7g" : "%.15g", number_at (message, place));
  return g_strdup (text);
}

static void
print_json (JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text     = json_to_string (root, FALSE);

  g_print ("%s\n", text);
}

static void
add_json_value (JsonBuilder *builder, lo_message message, int place)
{
  char   type   = lo_message_get_types (message)[place];
  double number = number_at (message, place);

  if (type == LO_STRING)
    json_builder_add_string_value (builder, text_at (message, place));
  else if (type == LO_INT32 || type == LO_INT64)
    json_builder_add_int_value (builder, (gint64) number);
  else if (isfinite (number))
    json_builder_add_double_value (builder, number);
  else
    json_builder_add_null_value (builder); /* JSON has no infinity */
}

static void
print_values_json (const char *address, lo_message message)
{
  g_autoptr (JsonBuilder) builder = json_builder_new();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "address");
  json_builder_add_string_value (builder, address);
  json_builder_set_member_name (builder, "values");
  json_builder_begin_array (builder);
  for (int i = 0; i < lo_message_get_argc (message); i++)
    add_json_value (builder, message, i);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  print_json (builder);
}

static void
print_values (struct send *self, const char *address, lo_message message)
{
  if (self->json) {
    print_values_json (address, message);
    return;
  }
  g_print ("%s", address);
  for (int i = 0; i < lo_message_get_argc (message); i++) {
    bool             is_text = lo_message_get_types (message)[i] == LO_STRING;
    g_autofree char *quoted =
        is_text ? g_shell_quote (text_at (message, i)) : show_number (message, i);

    g_print (" %s", quoted);
  }
  g_print ("\n");
}

static void
print_fate_json (lo_message message)
{
  static const char *const names[] = { "id", "fate", "rule", "text", "beat" };
  g_autoptr (JsonBuilder) builder  = json_builder_new();

  json_builder_begin_object (builder);
  for (int i = 0; i < 5; i++) {
    json_builder_set_member_name (builder, names[i]);
    add_json_value (builder, message, i);
  }
  json_builder_end_object (builder);
  print_json (builder);
}

static void
print_fate (struct send *self, lo_message message)
{
  const char *rule = text_at (message, 2), *text = text_at (message, 3);
  char        beat[G_ASCII_DTOSTR_BUF_SIZE];

  if (self->json) {
    print_fate_json (message);
    return;
  }
  g_ascii_formatd (beat, sizeof beat, "%.3f", number_at (message, 4));
  g_print ("%-9s beat %s", text_at (message, 1), beat);
  if (strcmp (rule, "none") != 0)
    g_print ("  %s", rule);
  g_print ("%s%s\n", *text ? "  " : "", text);
}

static int
take_fate (struct send *self, lo_message message)
{
  const char *fate = text_at (message, 1);

  if (strcmp (text_at (message, 0), self->id) != 0)
    return STATUS_GO_ON;
  print_fate (self, message);
  if (strcmp (fate, "queued") == 0)
    return self->no_wait ? STATUS_GOOD : STATUS_GO_ON;
  return strcmp (fate, "executed") == 0 ? STATUS_GOOD : STATUS_REJECTED;
}

static int
take_pong (struct send *self, const char *address, lo_message message)
{
  if (self->request == REQUEST_PING)
    print_values (self, address, message);
  /* A query's answers come before that of the ping sent after it. */
  return self->request == REQUEST_PING || self->request == REQUEST_QUERY ? STATUS_GOOD
                                                                         : STATUS_GO_ON;
}

static gboolean
has_types (lo_message message, const char *types)
{
  return strcmp (lo_message_get_types (message), types) == 0;
}

static int
take_answer (struct send *self, const char *address, lo_message message)
{
  if (strcmp (address, "/echelon/error") == 0 && has_types (message, "s")) {
    g_printerr ("echelonctl send: %s\n", text_at (message, 0));
    return STATUS_USAGE;
  }
  if (strcmp (address, "/pong") == 0)
    return take_pong (self, address, message);
  if (strcmp (address, "/source") == 0 && self->request == REQUEST_SOURCE) {
    if (!self->quiet)
      print_values (self, address, message);
    return STATUS_GOOD;
  }
  if (strcmp (address, "/echelon/reply") == 0)
    return self->request == REQUEST_ACTION && has_types (message, "ssssd")
               ? take_fate (self, message)
               : STATUS_GO_ON;
  if (self->request == REQUEST_QUERY || self->request == REQUEST_SUBSCRIBE)
    print_values (self, address, message);
  return STATUS_GO_ON;
}

static int
receive (struct send *self)
{
  g_autofree char *data = g_malloc (MAX_DATAGRAM);
  ssize_t          size = recv (self->socket, data, MAX_DATAGRAM, MSG_DONTWAIT);
  lo_message       message;
  int              status;

  if (size < 0)
    return errno == ECONNREFUSED ? report_silence (self) : STATUS_GO_ON;
  message = lo_message_deserialise (data, (size_t) size, NULL);
  if (message == NULL)
    return STATUS_GO_ON; /* not OSC: whoever sent it is not Echelon */
  self->answered = TRUE;
  self->heard_us = g_get_monotonic_time();
  status         = take_answer (self, data, message);
  lo_message_free (message);
  return status;
}

/* UDP tells nothing of a death: while we wait, a ping now and then must be answered. */
static int
wait_for_end (struct send *self)
{
  gint64 ping_us = g_get_monotonic_time();

  for (;;) {
    struct pollfd fd     = { .fd = self->socket, .events = POLLIN };
    int           status = poll (&fd, 1, HEARTBEAT_MS) > 0 ? receive (self) : STATUS_GO_ON;
    gint64        now_us = g_get_monotonic_time();

    if (status != STATUS_GO_ON)
      return status;
    if ((double) (now_us - self->heard_us) > self->timeout_s * G_USEC_PER_SEC)
      return report_silence (self);
    if (now_us - ping_us > HEARTBEAT_MS * 1000 && self->request != REQUEST_PING) {
      ping_us = now_us;
      if (!send_ping (self))
        return report_silence (self);
    }
  }
}

/* Sends one message and waits for what ends it. */
static int
ask (struct send *self, const char *address, int n_words, char **words)
{
  lo_message message;
  gboolean   sent;

  self->request  = request_of (address);
  self->begun_us = self->heard_us = g_get_monotonic_time();
  message = make_message (self, address, n_words, words);
  sent    = send_message (self, address, message);
  lo_message_free (message);
  if (sent && self->request == REQUEST_QUERY)
    sent = send_ping (self);
  return sent ? wait_for_end (self) : report_silence (self);
}

/* Without its name nothing is asked for: it would be done by other rules. */
static int
run (struct send *self, const char *address, int n_words, char **words)
{
  int status = STATUS_GOOD;

  if (!open_socket (self))
    return STATUS_NO_ANSWER;
  self->quiet = TRUE;
  if (self->source != NULL)
    status = ask (self, "/source", 1, &self->source);
  self->quiet = FALSE;
  return status == STATUS_GOOD ? ask (self, address, n_words, words) : status;
}

/* --- options --------------------------------------------------------------------------- */

static gboolean
parse_options (struct send *self, int *argc, char ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("ADDRESS [ARG...]");
  const GOptionEntry entries[]       = {
          { "port", 'p', 0, G_OPTION_ARG_INT, &self->port, "UDP port (8000)", "N" },
          { "host", 0, 0, G_OPTION_ARG_STRING, &self->host, "Where Echelon runs (127.0.0.1)", "NAME" },
          { "timeout", 't', 0, G_OPTION_ARG_DOUBLE, &self->timeout_s,
            "Give up when nothing is heard for so long (3)", "SECONDS" },
          { "no-wait", 'n', 0, G_OPTION_ARG_NONE, &self->no_wait, "Do not wait for an action's beat",
            NULL },
          { "source", 's', 0, G_OPTION_ARG_STRING, &self->source,
            "Ask as the source of that name, with the policy's rules for it", "NAME" },
          { "json", 'j', 0, G_OPTION_ARG_NONE, &self->json, "Print a JSON object a line", NULL },
          G_OPTION_ENTRY_NULL
  };

  g_option_context_set_summary (
      context, "Sends one OSC message to a running Echelon and prints what becomes of it.\n\n"
               "  echelonctl send /deck/a/load song.flac\n"
               "  echelonctl send /deck/a/play bar\n"
               "  echelonctl send /crossfader 0.5\n"
               "  echelonctl send /query '/deck/*/state'\n"
               "  echelonctl send /subscribe 600     (prints until it is interrupted)");
  g_option_context_set_description (
      context, "Exit status: 0 executed or answered; 1 rejected, expired or cancelled;\n"
               "2 wrong arguments; 3 no answer.  docs/osc.md lists all addresses.");
  g_option_context_set_strict_posix (context, TRUE); /* "-26" after the address is a number */
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc < 2 || (*argv)[1][0] != '/')
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "an ADDRESS that begins with / is needed; see --help");
  else if (self->port < 1 || self->port > 65535)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--port takes 1 to 65535");
  else if (!(self->timeout_s > 0))
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--timeout takes more than 0 seconds");
  else
    return TRUE;
  return FALSE;
}

int
ech_cli_send (int argc, char **argv)
{
  struct send self         = { .port = DEFAULT_PORT, .timeout_s = 3, .socket = -1 };
  g_autoptr (GError) error = NULL;
  int status               = STATUS_USAGE;

  if (!parse_options (&self, &argc, &argv, &error)) {
    g_printerr ("echelonctl send: %s\n", error->message);
  } else {
    if (self.host == NULL)
      self.host = g_strdup ("127.0.0.1");
    setvbuf (stdout, NULL, _IOLBF, 0); /* each fate when it comes, also into a pipe */
    status = run (&self, argv[1], argc - 2, argv + 2);
  }
  if (self.socket >= 0)
    close (self.socket);
  g_free (self.id);
  g_free (self.host);
  g_free (self.source);
  return status;
}
