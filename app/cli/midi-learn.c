/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/midi/midi-learn.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "app/cli/midi-common.h"
#include "app/cli/midi.h"
#include "drivers/midi/midi-names.h"

#define COMMAND "echelonctl midi-learn"

enum conflict_answer { ASK, REPLACE, KEEP_BOTH };

struct session {
  /* options */
  char    *device, *timing, *kind, *encoding, *mode, *takeover, *layer;
  double   value, seconds;
  gboolean has_value, replace, keep_both, unmap, undo;

  struct ech_cli_midi        midi;
  struct ech_midi_learn      learn;
  struct ech_midi_understood understood;
  GPtrArray                 *mappings;
  const char                *address;
  char                      *heard; /* the device that was touched */
  unsigned                   n_devices;
  const char                *hinted;
  char                      *answer; /* a line that was typed */
  bool                       has_answer;
};

static gboolean
on_value (const char *name, const char *text, void *data, GError **error)
{
  struct session *s = data;
  char           *end;

  s->value     = g_ascii_strtod (text, &end);
  s->has_value = TRUE;
  if (*text && *end == '\0')
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--value takes a number, not “%s”",
               text);
  return FALSE;
}

/* --- listening ------------------------------------------------------------------------- */

static void
on_message (struct ech_cli_midi           *midi,
            unsigned                       device,
            const struct ech_midi_message *message,
            const uint8_t                 *bytes,
            unsigned                       n_bytes,
            uint64_t                       time_ns)
{
  struct session *s    = midi->data;
  const char     *name = ech_midi_ports_name (midi->ports, device);
  unsigned        n    = s->learn.n;

  /* one device at a time: the first that is touched */
  if (s->heard && strcmp (s->heard, name) != 0)
    return;
  ech_midi_learn_take (&s->learn, message, (uint64_t) g_get_monotonic_time() * 1000);
  if (s->heard == NULL && s->learn.n > n)
    s->heard = g_strdup (name);
}

static void
on_device (struct ech_cli_midi *midi, unsigned device, bool is_there)
{
  struct session *s = midi->data;

  if (!is_there)
    return;
  s->n_devices++;
  fprintf (stderr, "Listening to %s.\n", ech_midi_ports_name (midi->ports, device));
}

static void
on_input (struct ech_cli_midi *midi, const char *line)
{
  struct session *s = midi->data;

  g_free (s->answer);
  s->answer     = g_strdup (line);
  s->has_answer = true;
  midi->ends    = true;
}

static void
print_understood (const struct session *s)
{
  char control[64];

  ech_midi_control_describe (&s->understood.control, control, sizeof control);
  printf (
      "Understood: %s, %s, %s%s.\n", s->heard, control,
      ech_midi_kind_describe (&s->understood.control, s->understood.kind, s->understood.encoding),
      s->understood.no_release ? " that does not say when it is let go" : "");
  fflush (stdout);
}

/* Listens until it is sure, or unsure and nothing more comes for a while.  False: nothing came. */
static bool
listen_to_hand (struct session *s)
{
  gint64 until = g_get_monotonic_time() + (gint64) (s->seconds * 1e6);

  while (g_get_monotonic_time() < until) {
    ech_cli_midi_run (&s->midi, 50);
    if (s->midi.ends)
      return false;
    if (!ech_midi_learn_is_over (&s->learn, (uint64_t) g_get_monotonic_time() * 1000))
      continue;
    ech_midi_learn_judge (&s->learn, &s->understood);
    if (s->understood.sure)
      return true;
    if (s->hinted == NULL) {
      s->hinted = s->understood.hint;
      fprintf (stderr, "%s Or wait: %s.\n", s->hinted,
               ech_midi_kind_describe (&s->understood.control, s->understood.kind,
                                       s->understood.encoding));
      until = MIN (until, g_get_monotonic_time() + 4 * G_USEC_PER_SEC);
    }
  }
  return s->understood.found;
}

/* --- what is made of it ---------------------------------------------------------------- */

static bool
choose (const char *what, const char *text, const char *const *names, unsigned n, uint8_t *out)
{
  int index = text ? ech_midi_name_index (names, n, text) : -1;

  if (text && index < 0) {
    g_printerr (COMMAND ": --%s does not take “%s”; it takes", what, text);
    for (unsigned i = 0; i < n; i++)
      g_printerr ("%s %s", i ? "," : "", names[i]);
    g_printerr ("\n");
    return false;
  }
  if (text)
    *out = (uint8_t) index;
  return true;
}

/* What the options say goes over what was understood. */
static bool
make_binding (struct session                *s,
              const struct ech_midi_mapping *mapping,
              struct ech_midi_binding       *out)
{
  if (!choose ("kind", s->kind, ech_midi_kind_names, ECH_MIDI_N_KINDS, &s->understood.kind)
      || !choose ("encoding", s->encoding, ech_midi_encoding_names, ECH_MIDI_N_ENCODINGS,
                  &s->understood.encoding))
    return false;
  ech_midi_learn_binding (&s->understood, s->address, out);
  if (!choose ("mode", s->mode, ech_midi_mode_names, ECH_MIDI_N_MODES, &out->mode)
      || !choose ("takeover", s->takeover, ech_midi_takeover_names, ECH_MIDI_N_TAKEOVERS,
                  &out->takeover))
    return false;
  out->timing = s->timing;
  if (s->has_value) {
    out->has_value = true;
    out->value     = s->value;
  }
  for (guint i = 0; s->layer && i < mapping->layers->len; i++)
    if (strcmp (g_array_index (mapping->layers, struct ech_midi_layer, i).name, s->layer) == 0)
      out->layer = (int) i;
  if (s->layer && out->layer < 0) {
    g_printerr (COMMAND ": “%s” has no layer “%s”\n", mapping->name, s->layer);
    return false;
  }
  return true;
}

/* The device's mapping to change: its own, or a new one.  The caller frees it. */
static struct ech_midi_mapping *
mapping_to_change (struct session *s, const char *device)
{
  struct ech_midi_mapping *mapping = ech_cli_midi_mapping_for (s->mappings, device), *copy;
  g_autofree char         *text    = mapping ? ech_midi_mapping_print (mapping) : NULL;

  if (text)
    return ech_midi_mapping_read (text, strlen (text), &ech_cli_midi_words, NULL);
  copy = ech_midi_mapping_new (device);
  g_ptr_array_add (copy->devices, g_strdup (device));
  return copy;
}

static enum conflict_answer
ask (struct session *s)
{
  printf ("Replace it, keep both, or cancel? [r/k/c] ");
  fflush (stdout);
  s->midi.ends  = false;
  s->has_answer = false;
  s->midi.input = on_input;
  ech_cli_midi_run (&s->midi, (int) (s->seconds * 1000));
  s->midi.input = NULL;
  if (s->has_answer && s->answer && g_ascii_tolower (s->answer[0]) == 'r')
    return REPLACE;
  if (s->has_answer && s->answer && g_ascii_tolower (s->answer[0]) == 'k')
    return KEEP_BOTH;
  return ASK;
}

/* The control does something already.  False: cancelled. */
static bool
settle_conflict (struct session                *s,
                 struct ech_midi_mapping       *mapping,
                 const struct ech_midi_binding *b)
{
  int                  at = ech_midi_mapping_find (mapping, &b->control, b->layer, 0);
  char                 control[64];
  enum conflict_answer answer = s->replace ? REPLACE : s->keep_both ? KEEP_BOTH : ASK;

  if (at < 0)
    return true;
  ech_midi_control_describe (&b->control, control, sizeof control);
  for (int i = at; i >= 0;
       i     = ech_midi_mapping_find (mapping, &b->control, b->layer, (unsigned) i + 1))
    printf ("%s does %s already.\n", control,
                g_array_index (mapping->bindings, struct ech_midi_binding, i).address);
  if (answer == ASK)
    answer = ask (s);
  if (answer == ASK) {
    printf ("Cancelled: nothing is changed.\n");
    return false;
  }
  while (answer == REPLACE && (at = ech_midi_mapping_find (mapping, &b->control, b->layer, 0)) >= 0)
    ech_midi_mapping_remove (mapping, (unsigned) at);
  return true;
}

/* What there was is kept beside it, for --undo. */
static bool
save (const struct ech_midi_mapping *mapping)
{
  g_autofree char *path    = ech_cli_midi_path (mapping->name);
  g_autofree char *backup  = g_strconcat (path, ".before", NULL);
  g_autofree char *old     = NULL;
  gsize            length  = 0;
  g_autoptr (GError) error = NULL;

  if (g_file_get_contents (path, &old, &length, NULL))
    g_file_set_contents (backup, old, (gssize) length, NULL);
  else
    g_unlink (backup);
  if (!ech_midi_mapping_save (mapping, path, &error)) {
    g_printerr (COMMAND ": %s\n", error->message);
    return false;
  }
  printf ("Saved in %s; a running Echelon uses it at once.\n", path);
  return true;
}

static int
learn (struct session *s)
{
  struct ech_midi_mapping *mapping;
  struct ech_midi_binding  binding;
  g_autoptr (GError) error = NULL;
  int status               = 1;

  fprintf (stderr, "Controllers do nothing else until this ends. Touch the control for %s.\n",
           s->address);
  ech_midi_learn_begin (&s->learn);
  if (!listen_to_hand (s)) {
    g_printerr (COMMAND ": %s\n", s->midi.ends        ? "ended; nothing is changed"
                                  : s->n_devices == 0 ? "no MIDI device is connected"
                                                      : "nothing was touched");
    return 1;
  }
  print_understood (s);
  mapping = mapping_to_change (s, s->heard);
  if (make_binding (s, mapping, &binding) && settle_conflict (s, mapping, &binding)) {
    if (ech_midi_mapping_add (mapping, &binding, &ech_cli_midi_words, &error))
      status = save (mapping) ? 0 : 1;
    else
      g_printerr (COMMAND ": %s\n", error->message);
  }
  ech_midi_mapping_free (mapping);
  return status;
}

/* --- unmap and undo -------------------------------------------------------------------- */

static int
unmap (struct session *s)
{
  struct ech_midi_mapping *mapping = mapping_to_change (s, s->device);
  int                      at, status = 1, n = 0;

  for (; (at = ech_midi_mapping_find_address (mapping, s->address, 0)) >= 0; n++)
    ech_midi_mapping_remove (mapping, (unsigned) at);
  if (n == 0)
    g_printerr (COMMAND ": nothing of %s does %s\n", s->device, s->address);
  else
    status = save (mapping) ? 0 : 1;
  ech_midi_mapping_free (mapping);
  return status;
}

static int
undo (struct session *s)
{
  struct ech_midi_mapping *mapping = ech_cli_midi_mapping_for (s->mappings, s->device);
  g_autofree char         *path    = mapping ? ech_cli_midi_path (mapping->name) : NULL;
  g_autofree char         *backup  = path ? g_strconcat (path, ".before", NULL) : NULL;

  if (path == NULL || !g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_printerr (COMMAND ": %s has no mapping of the user's own\n", s->device);
    return 1;
  }
  if (g_file_test (backup, G_FILE_TEST_EXISTS) ? g_rename (backup, path) : g_unlink (path)) {
    g_printerr (COMMAND ": %s: %s\n", path, g_strerror (errno));
    return 1;
  }
  printf ("%s is as it was before.\n", path);
  return 0;
}

/* --- command --------------------------------------------------------------------------- */

static bool
is_address (const char *address)
{
  struct ech_action action;
  char              sentence[ECH_TEXT_MAX];

  if (ech_vocabulary_parse (address, NULL, 0, ECH_MAX_DECKS, &action, sentence) != -ENOENT)
    return true;
  g_printerr (COMMAND ": %s\n", sentence);
  return false;
}

static gboolean
parse_options (struct session *s, int *argc, char ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("ADDRESS");
  GOptionGroup      *group           = g_option_group_new (NULL, NULL, NULL, s, NULL);
  const GOptionEntry entries[]       = {
          { "device", 'd', 0, G_OPTION_ARG_STRING, &s->device,
            "Listen only to devices with NAME in their name", "NAME" },
          { "seconds", 's', 0, G_OPTION_ARG_DOUBLE, &s->seconds, "Wait so long for a touch (20)", "N" },
          { "timing", 't', 0, G_OPTION_ARG_STRING, &s->timing,
            "When it happens: now, beat, bar, ~beat ...", "TIMING" },
          { "value", 'v', 0, G_OPTION_ARG_CALLBACK, on_value, "What a button sets", "N" },
          { "kind", 0, 0, G_OPTION_ARG_STRING, &s->kind,
            "button, switch, knob or encoder, whatever was understood", "KIND" },
          { "encoding", 0, 0, G_OPTION_ARG_STRING, &s->encoding, "twos-complement, offset or sign-bit",
            "NAME" },
          { "mode", 'm', 0, G_OPTION_ARG_STRING, &s->mode, "press, release, toggle, hold, cue or pad",
            "MODE" },
          { "takeover", 0, 0, G_OPTION_ARG_STRING, &s->takeover, "pickup, scale or jump", "NAME" },
          { "layer", 0, 0, G_OPTION_ARG_STRING, &s->layer, "Only while this layer's button is held",
            "NAME" },
          { "replace", 'r', 0, G_OPTION_ARG_NONE, &s->replace, "Replace what the control does already",
            NULL },
          { "keep-both", 'k', 0, G_OPTION_ARG_NONE, &s->keep_both, "Keep what the control does already",
            NULL },
          { "unmap", 'u', 0, G_OPTION_ARG_NONE, &s->unmap, "Nothing of --device does ADDRESS any more",
            NULL },
          { "undo", 0, 0, G_OPTION_ARG_NONE, &s->undo, "Take back the last change of --device", NULL },
          G_OPTION_ENTRY_NULL,
  };

  g_option_context_set_summary (
      context,
      "Learns which control does ADDRESS (as /deck/a/play): touch it, see what was understood.\n"
      "Meanwhile a running Echelon does nothing with what controllers say.");
  g_option_group_add_entries (group, entries);
  g_option_context_set_main_group (context, group);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc != (s->undo ? 1 : 2) || ((s->unmap || s->undo) && s->device == NULL)
      || (s->replace && s->keep_both) || !(s->seconds > 0 && s->seconds <= 3600)) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "takes one ADDRESS; --unmap and --undo want --device; see --help");
    return FALSE;
  }
  return TRUE;
}

static int
run (struct session *s)
{
  g_autoptr (GError) error = NULL;
  int status               = 1;

  if (s->undo)
    return undo (s);
  if (!is_address (s->address))
    return 2;
  if (s->unmap)
    return unmap (s);
  s->midi = (struct ech_cli_midi){
    .filter = s->device, .message = on_message, .device_changed = on_device, .data = s
  };
  if (ech_cli_midi_open (&s->midi, ECH_MIDI_LEARN_NODE, &error))
    status = learn (s);
  else
    g_printerr (COMMAND ": %s\n", error->message);
  ech_cli_midi_close (&s->midi);
  return status;
}

int
ech_cli_midi_learn (int argc, char **argv)
{
  struct session *s        = g_new0 (struct session, 1);
  g_autoptr (GError) error = NULL;
  int status               = 2;

  s->seconds = 20;
  if (parse_options (s, &argc, &argv, &error)) {
    s->address  = s->undo ? NULL : argv[1];
    s->mappings = ech_cli_midi_mappings (COMMAND);
    status      = run (s);
    g_ptr_array_unref (s->mappings);
  } else {
    g_printerr (COMMAND ": %s\n", error->message);
  }
  g_free (s->device);
  g_free (s->timing);
  g_free (s->kind);
  g_free (s->encoding);
  g_free (s->mode);
  g_free (s->takeover);
  g_free (s->layer);
  g_free (s->heard);
  g_free (s->answer);
  g_free (s);
  return status;
}
