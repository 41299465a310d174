/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/replay.h"

#include <gio/gio.h>
#include <string.h>

#include "app/cli/score.h"
#include "app/cli/set.h"
#include "engine/journal-line.h"
#include "engine/scheduler/quantizer.h"
#include "engine/scheduler/vocabulary.h"

/* A live action that waited for its beat is posted so long before it, as it was handed over that
 * night: key lock wants to know of a jump ahead.  But behind what was carried out before. */
#define LEAD_S 0.1

/* A posted action and what became of it. */
struct deed {
  struct ech_journal_line line;
  unsigned                number; /* of its line */
  unsigned                order;  /* in which it was carried out; 0 = it was not */
  uint32_t                verb;   /* that was: a CONFIRM may become another action */
  uint64_t                frame;  /* there; live */
  double                  beat;
};

struct replay {
  struct ech_set set;
  char         **paths;

  bool       begun;
  bool       offline;
  double     rate; /* of the journal's frames */
  uint64_t   n_dropped;
  unsigned   n_executed;
  GPtrArray *deeds;     /* struct deed, in the order of arrival */
  GHashTable *by_serial; /* serial -> deed */
  struct ech_journal_line end;
  bool                    has_end;
};

static void
deed_free (gpointer data)
{
  struct deed *deed = data;

  ech_journal_line_clear (&deed->line);
  g_free (deed);
}

static gboolean
parse_options (struct replay *replay, int *argc, char ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("JOURNAL...");

  g_option_context_set_summary (context, "Renders a set again from its journal: “render --journal”, “run --journal”, or the application's.");
  g_option_context_set_description (context,
    "The journal of a render gives that render's bytes again.  The journal of a live set gives what\n"
    "was carried out, on the frames on which it was.  A set that went on in several files is given\n"
    "as all of them, in their order.\n");
  ech_set_add_options (&replay->set, context);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc < 2 || replay->set.output == NULL) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                         "a JOURNAL and -o OUT.wav are needed; see echelonctl replay --help");
    return FALSE;
  }
  replay->paths    = *argv + 1;
  replay->set.name = g_strdup (replay->paths[0]);
  return ech_set_check_options (&replay->set, error);
}

/* Reading */

static gboolean
invalid (GError **error, const char *text)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, text);
  return FALSE;
}

static gboolean
take_start (struct replay *replay, const struct ech_journal_line *line, GError **error)
{
  if (replay->begun && (line->part <= 1 || line->offline != replay->offline))
    return invalid (error, "another set begins here");
  if (!replay->begun && line->part > 1)
    return invalid (error, "the set began in an earlier file");
  replay->begun     = true;
  replay->offline   = line->offline;
  replay->set.decks = (int) line->n_decks;
  return TRUE;
}

static gboolean
take_rate (struct replay *replay, const struct ech_arrival *arrival, GError **error)
{
  /* before the audio runs nobody knows its rate; frame 0 is the same at each */
  if (replay->rate != 0 && replay->rate != arrival->rate && replay->offline)
    return invalid (error, "“rate” changes within a render");
  replay->rate = arrival->rate;
  return TRUE;
}

static struct deed *
add_deed (struct replay *replay, struct ech_journal_line *line, unsigned number)
{
  struct deed *deed = g_new0 (struct deed, 1);

  deed->line   = *line;
  deed->number = number;
  g_ptr_array_add (replay->deeds, deed);
  return deed;
}

static gboolean
take_posted (struct replay *replay, struct ech_journal_line *line, unsigned number, GError **error)
{
  struct deed *deed = add_deed (replay, line, number);

  if (!g_hash_table_insert (replay->by_serial, &deed->line.arrival.serial, deed))
    return invalid (error, "an action with this “serial” was posted before");
  return take_rate (replay, &deed->line.arrival, error);
}

static gboolean
take_fate (struct replay *replay, const struct ech_event *event, GError **error)
{
  struct deed *deed = g_hash_table_lookup (replay->by_serial, &event->serial);

  if (event->verb == ECH_VERB_NONE) /* a guard's report: nothing was done */
    return TRUE;
  if (deed == NULL && replay->n_dropped == 0)
    return invalid (error, "no action with this “serial” was posted");
  if (deed == NULL || event->fate != ECH_FATE_EXECUTED)
    return TRUE;
  deed->order = ++replay->n_executed;
  deed->verb  = event->verb;
  deed->frame = event->frame;
  deed->beat  = event->beat;
  return TRUE;
}

/* Takes over what @line owns. */
static gboolean
take_line (struct replay *replay, struct ech_journal_line *line, unsigned number, GError **error)
{
  if (line->kind != ECH_JOURNAL_START && !replay->begun)
    return invalid (error, "a journal begins with a line of fate “start”");
  switch (line->kind) {
  case ECH_JOURNAL_START:
    return take_start (replay, line, error);
  case ECH_JOURNAL_POSTED:
    return take_posted (replay, line, number, error);
  case ECH_JOURNAL_FATE:
    return take_fate (replay, &line->event, error);
  case ECH_JOURNAL_SETTING:
    add_deed (replay, line, number);
    return take_rate (replay, &line->arrival, error);
  case ECH_JOURNAL_DROPPED:
    replay->n_dropped += line->count;
    return TRUE;
  case ECH_JOURNAL_END:
    replay->end     = *line;
    replay->has_end = true;
    return TRUE;
  }
  return FALSE;
}

static gboolean
read_line (struct replay *replay, const char *text, size_t length, unsigned number, GError **error)
{
  struct ech_journal_line line;
  g_autofree char        *copy = g_strndup (text, length);

  if (strlen (copy) != length)
    return invalid (error, "there is a NUL in it");
  if (!ech_journal_line_parse (copy, &line, error))
    return FALSE;
  return take_line (replay, &line, number, error);
}

static gboolean
read_journal (struct replay *replay, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize            length;
  unsigned         number = 0;

  if (!g_file_get_contents (path, &text, &length, error))
    return FALSE;
  for (const char *at = text; at < text + length;) {
    const char *newline = memchr (at, '\n', (size_t) (text + length - at));
    const char *end     = newline != NULL ? newline : text + length;

    if (!read_line (replay, at, (size_t) (end - at), ++number, error)) {
      g_prefix_error (error, "%s, line %u: ", path, number);
      return FALSE;
    }
    at = end + 1;
  }
  if (replay->begun)
    return TRUE;
  invalid (error, "the journal is empty");
  g_prefix_error (error, "%s: ", path);
  return FALSE;
}

/* What is to be done, and when */

static struct ech_score_event *
event_of (const struct deed *deed)
{
  struct ech_score_event *event = g_new0 (struct ech_score_event, 1);

  event->line          = deed->number;
  event->unit          = ECH_SCORE_FRAMES;
  event->time          = deed->line.arrival.frame;
  event->action        = deed->line.arrival.action;
  event->action.client = deed->number;
  if (deed->line.kind == ECH_JOURNAL_SETTING) {
    event->kind         = ECH_SCORE_CURVE;
    event->action.index = deed->line.arrival.curve;
  }
  return event;
}

/* What was carried out and is heard.  Locks, modes, cancels and a yes did their work on that night's
 * decisions, and those stand in the journal; a yes that became the refused action itself is heard. */
static bool
is_heard (const struct deed *deed)
{
  uint32_t verb = deed->line.arrival.action.verb;

  return deed->line.kind == ECH_JOURNAL_SETTING
         || (deed->order > 0 && verb != ECH_VERB_LOCK && verb != ECH_VERB_UNLOCK && verb != ECH_VERB_CANCEL
             && verb != ECH_VERB_RECORD && verb != ECH_VERB_LINK && verb != ECH_VERB_LINK_STARTSTOP
             && verb != ECH_VERB_LINK_NUDGE && verb != ECH_VERB_SOURCE_MODE && (verb != ECH_VERB_CONFIRM || deed->verb != verb));
}

/* As that night: at once on the frame where it was, in time by the beat on which it was.
 * @before: the frame of what was carried out before it, on an earlier one */
static struct ech_score_event *
live_event_of (const struct replay *replay, const struct deed *deed, double before)
{
  struct ech_score_event *event  = event_of (deed);
  struct ech_action      *action = &event->action;
  double                  frame  = (double) deed->frame;

  if (event->kind != ECH_SCORE_ACTION)
    return event;
  action->id[0]          = '\0';
  action->deadline_beats = 0;
  if (ech_timing_waits (&action->timing)) {
    action->timing = (struct ech_timing){ .kind = ECH_TIMING_AT_BEAT, .beats = deed->beat };
    event->time    = fmax (fmin (event->time, frame), fmax (before, frame - floor (LEAD_S * replay->rate)));
  } else {
    event->time = frame;
  }
  return event;
}

/* The refused action that the CONFIRM became: "#12" is the 12th, any other id its poster's own. */
static const struct deed *
find_overridden (const struct replay *replay, const struct deed *confirm)
{
  const char        *id     = confirm->line.arrival.action.target;
  uint64_t           serial = id[0] == '#' ? g_ascii_strtoull (id + 1, NULL, 10) : 0;
  const struct deed *found  = serial > 0 ? g_hash_table_lookup (replay->by_serial, &serial) : NULL;
  uint64_t           newest = 0;
  GHashTableIter     iter;
  gpointer           value;

  g_hash_table_iter_init (&iter, replay->by_serial);
  while (found == NULL && g_hash_table_iter_next (&iter, NULL, &value)) {
    const struct deed *deed = value;

    if (deed->line.arrival.serial < confirm->line.arrival.serial && deed->line.arrival.serial > newest
        && deed->line.arrival.action.verb == confirm->verb
        && strcmp (deed->line.arrival.action.id, id) == 0)
      newest = deed->line.arrival.serial;
  }
  return found != NULL ? found : g_hash_table_lookup (replay->by_serial, &newest);
}

/* As that night, in two steps: asked for, refused because the deck is on air, and insisted on. */
static void
add_override (struct replay *replay, const struct deed *confirm, double before)
{
  const struct deed      *refused = find_overridden (replay, confirm);
  struct deed             both    = *confirm;
  struct ech_score_event *first, *second;

  if (refused == NULL)
    return;
  both.line.arrival.action = refused->line.arrival.action;
  first                    = live_event_of (replay, &both, before);
  second                   = event_of (confirm);
  second->time             = first->time;
  g_snprintf (first->action.id, sizeof first->action.id, "override-%u", confirm->number);
  g_strlcpy (second->action.target, first->action.id, sizeof second->action.target);
  second->action.id[0] = '\0';
  g_ptr_array_add (replay->set.events, first);
  g_ptr_array_add (replay->set.events, second);
}

static int
compare_orders (const void *a, const void *b)
{
  const struct deed *x = *(struct deed *const *) a, *y = *(struct deed *const *) b;

  return x->order < y->order ? -1 : x->order > y->order;
}

static void
scale (struct replay *replay)
{
  double factor = replay->rate > 0 ? replay->set.rate / replay->rate : 1.0;

  for (guint i = 0; i < replay->set.events->len; i++)
    ((struct ech_score_event *) replay->set.events->pdata[i])->time *= factor;
}

static void
add_end (struct replay *replay)
{
  struct ech_score_event *end;

  if (!replay->has_end || replay->end.quiet)
    return;
  end       = g_new0 (struct ech_score_event, 1);
  end->kind = ECH_SCORE_END;
  end->unit = ECH_SCORE_FRAMES;
  end->time = replay->end.frame;
  g_ptr_array_add (replay->set.events, end);
}

static void
make_events (struct replay *replay)
{
  double before = 0.0, last = 0.0;

  if (!replay->offline)
    g_ptr_array_sort (replay->deeds, compare_orders);
  for (guint i = 0; i < replay->deeds->len; i++) {
    struct deed *deed = replay->deeds->pdata[i];

    if (replay->offline)
      g_ptr_array_add (replay->set.events, event_of (deed));
    else if (is_heard (deed)) {
      if ((double) deed->frame > last)
        before = last;
      last = fmax (last, (double) deed->frame);
      if (deed->line.arrival.action.verb == ECH_VERB_CONFIRM)
        add_override (replay, deed, before);
      else
        g_ptr_array_add (replay->set.events, live_event_of (replay, deed, before));
    }
  }
  add_end (replay);
  if (replay->set.rate == 0)
    replay->set.rate = replay->rate > 0 ? (int) lround (replay->rate) : 48000;
  scale (replay);
}

static gboolean
read_all (struct replay *replay, GError **error)
{
  for (char **path = replay->paths; *path != NULL; path++)
    if (!read_journal (replay, *path, error))
      return FALSE;
  if (replay->n_dropped > 0)
    g_printerr ("echelonctl replay: %s: %" G_GUINT64_FORMAT " lines were lost when it was written; the sound may differ\n",
                replay->set.name, replay->n_dropped);
  make_events (replay);
  return ech_set_check_options (&replay->set, error);
}

int
ech_cli_replay (int argc, char **argv)
{
  struct replay      replay = { .set = { .block = 1024 } };
  g_autoptr (GError) error  = NULL;
  int                status = 0;

  replay.deeds      = g_ptr_array_new_with_free_func (deed_free);
  replay.by_serial  = g_hash_table_new (g_int64_hash, g_int64_equal);
  replay.set.events = g_ptr_array_new_with_free_func (g_free);
  if (!parse_options (&replay, &argc, &argv, &error) || !read_all (&replay, &error))
    status = 2;
  else if (!ech_set_render (&replay.set, &error))
    status = 1;
  if (error != NULL)
    g_printerr ("echelonctl replay: %s\n", error->message);
  g_ptr_array_unref (replay.set.events);
  g_hash_table_unref (replay.by_serial);
  g_ptr_array_unref (replay.deeds);
  ech_set_clear (&replay.set);
  return status;
}
