/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/set.h"

#include <errno.h>
#include <gio/gio.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>

#include "app/cli/score.h"
#include "engine/journal-line.h"
#include "engine/policy-file.h"
#include "engine/renderer.h"
#include "engine/scheduler/vocabulary.h"

/* Without an `end` a render goes on while something sounds, but not for ever. */
#define LONGEST_S (4 * 3600.0)

/* What a WAV file's 32-bit sizes can tell, less its headers. */
#define MOST_BYTES (UINT32_MAX - 4096ull)

#define ECH_SET_SOURCE "score" /* as the renderer calls it */

struct render {
  const struct ech_set *set;
  EchRenderer          *renderer;
  SNDFILE              *sound;
  uint64_t              n_frames;
  char                 *part_path; /* becomes the output when all is well */
  FILE                 *journal;
  int64_t               settled; /* frame of the change of tempo that was waited for last */
};

static int
sound_format (const char *name)
{
  if (g_strcmp0 (name, "pcm16") == 0)
    return SF_FORMAT_PCM_16;
  if (g_strcmp0 (name, "pcm24") == 0)
    return SF_FORMAT_PCM_24;
  if (name == NULL || strcmp (name, "float") == 0)
    return SF_FORMAT_FLOAT;
  return 0;
}

void
ech_set_add_options (struct ech_set *set, GOptionContext *context)
{
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &set->output, "Sound file to write (WAV)", "OUT.wav" },
    { "rate", 'r', 0, G_OPTION_ARG_INT, &set->rate,
      set->rate != 0 ? "Frames a second (48000)" : "Frames a second (the journal's)", "N" },
    { "block", 'b', 0, G_OPTION_ARG_INT, &set->block, "Frames a cycle, 1..8192 (1024); no influence on the sound", "N" },
    { "format", 'f', 0, G_OPTION_ARG_STRING, &set->format, "float (32 bit), pcm16 or pcm24", "FORMAT" },
    { "journal", 'j', 0, G_OPTION_ARG_FILENAME, &set->journal, "Write each action and its fate, a JSON object a line", "FILE" },
    { "record-folder", 0, 0, G_OPTION_ARG_FILENAME, &set->record_folder, "Where /record writes; without it a recording is refused", "FOLDER" },
    { "policy", 0, 0, G_OPTION_ARG_FILENAME, &set->policy, "Judge by the safety policy in FILE", "FILE" },
    { "as", 0, 0, G_OPTION_ARG_STRING, &set->as, "Judge as if hand, osc, bridge or agent asked, by --policy or the defaults", "CLASS" },
    G_OPTION_ENTRY_NULL,
  };

  g_option_context_add_main_entries (context, entries, NULL);
}

/* The source of a set has the name "score": it is made one of that class. */
static gboolean
count_as (struct ech_policy *policy, const char *class_name, GError **error)
{
  struct ech_named_source *source       = NULL;
  uint32_t                 source_class = 0;

  while (source_class < ECH_N_SOURCE_CLASSES
         && strcmp (class_name, ech_source_class_name ((enum ech_source_class) source_class)) != 0)
    source_class++;
  if (source_class == ECH_N_SOURCE_CLASSES) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--as takes hand, osc, bridge or agent, not “%s”", class_name);
    return FALSE;
  }
  for (uint32_t i = 0; i < policy->n_sources; i++)
    if (strcmp (policy->sources[i].name, ECH_SET_SOURCE) == 0)
      source = &policy->sources[i];
  /* The set's is the only source: no other name is looked for. */
  if (source == NULL)
    source = &policy->sources[policy->n_sources < ECH_MAX_NAMED_SOURCES ? policy->n_sources++ : 0];
  g_strlcpy (source->name, ECH_SET_SOURCE, sizeof source->name);
  source->source_class = source_class;
  source->rules        = policy->classes[source_class];
  return TRUE;
}

static gboolean
read_policy (const struct ech_set *set, struct ech_policy *out, GError **error)
{
  if (set->policy == NULL && set->as == NULL) {
    ech_policy_init_score (out);
    return TRUE;
  }
  ech_policy_init (out);
  if (set->policy != NULL && !ech_policy_load (set->policy, out, NULL, error)) {
    if (!g_str_has_prefix ((*error)->message, set->policy))
      g_prefix_error (error, "%s: ", set->policy);
    return FALSE;
  }
  return set->as == NULL || count_as (out, set->as, error);
}

gboolean
ech_set_check_options (const struct ech_set *set, GError **error)
{
  struct ech_policy policy;

  if (!read_policy (set, &policy, error))
    return FALSE;
  if (set->rate != 0 && (set->rate < 8000 || set->rate > 192000)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--rate takes 8000 to 192000");
    return FALSE;
  }
  if (set->block < 1 || set->block > ECH_MAX_BLOCK) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--block takes 1 to %d", ECH_MAX_BLOCK);
    return FALSE;
  }
  if (sound_format (set->format) == 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--format takes float, pcm16 or pcm24, not “%s”", set->format);
    return FALSE;
  }
  return TRUE;
}

static gboolean
open_outputs (struct render *render, GError **error)
{
  SF_INFO info = {
    .samplerate = render->set->rate,
    .channels   = 2,
    .format     = SF_FORMAT_WAV | sound_format (render->set->format),
  };

  render->part_path = g_strconcat (render->set->output, ".part", NULL);
  render->sound     = sf_open (render->part_path, SFM_WRITE, &info);
  if (render->sound == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s cannot be written: %s",
                 render->set->output, sf_strerror (NULL));
    return FALSE;
  }
  /* No PEAK chunk: it would hold the time of day. */
  sf_command (render->sound, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
  sf_command (render->sound, SFC_SET_CLIPPING, NULL, SF_TRUE);
  if (render->set->journal == NULL)
    return TRUE;
  render->journal = fopen (render->set->journal, "w");
  if (render->journal == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s cannot be written: %s",
                 render->set->journal, g_strerror (errno));
  return render->journal != NULL;
}

static gboolean
take_sound (const float *stereo, uint32_t n, void *data)
{
  struct render *render = data;

  render->n_frames += n;
  if (render->n_frames * 2 * sizeof (float) > MOST_BYTES)
    return FALSE;
  return sf_writef_float (render->sound, stereo, n) == (sf_count_t) n;
}

static void
write_line (struct render *render, const struct ech_journal_line *line)
{
  g_autofree char *text = NULL;

  if (render->journal == NULL)
    return;
  text = ech_journal_line_print (line);
  fprintf (render->journal, "%s\n", text);
}

static void
take_arrival (const struct ech_arrival *arrival, void *data)
{
  struct ech_journal_line line;

  ech_journal_line_set_arrival (&line, arrival);
  write_line (data, &line);
  ech_journal_line_clear (&line);
}

static void
take_event (const struct ech_event *event, void *data)
{
  struct render          *render = data;
  struct ech_journal_line line;

  ech_journal_line_set_event (&line, event);
  write_line (render, &line);
  if (event->fate == ECH_FATE_REJECTED || event->fate == ECH_FATE_EXPIRED)
    g_printerr ("%s, line %u: %s (%s): %s\n", render->set->name, (unsigned) event->client,
                ech_fate_name (event->fate), ech_rule_name (event->rule), event->text);
}

/* Where an event lies by the timeline in force. */
static double
event_frame (const struct render *render, const struct ech_score_event *event, const struct ech_timeline *timeline)
{
  double frame = event->unit == ECH_SCORE_SECONDS  ? event->time * render->set->rate
                 : event->unit == ECH_SCORE_FRAMES ? event->time
                                                   : ech_timeline_frame_at (timeline, event->time);

  return fmax (frame, (double) ech_renderer_frame (render->renderer) - 0.5);
}

/* The earliest of what is left, the first line of equals; NULL when none is left. */
static struct ech_score_event *
next_event (const struct render *render, GPtrArray *left, const struct ech_timeline *timeline, double *out_frame)
{
  struct ech_score_event *next = NULL;

  for (guint i = 0; i < left->len; i++) {
    double frame = event_frame (render, left->pdata[i], timeline);

    if (next == NULL || llround (frame) < llround (*out_frame)) {
      next       = left->pdata[i];
      *out_frame = frame;
    }
  }
  return next;
}

/* The frame of the next change of tempo on the way to @frame, or -1.  A set and its replay stop
 * at the same ones: also at one on @frame itself, which is all that a replay knows of. */
static int64_t
next_change (const struct render *render, const struct ech_timeline *timeline, int64_t frame)
{
  double  tempo = ech_renderer_next_tempo_beats (render->renderer);
  int64_t change;

  if (!isfinite (tempo))
    return -1;
  change = llround (fmin (ech_timeline_frame_at (timeline, tempo), 9e15));
  if (change > frame || change < (int64_t) ech_renderer_frame (render->renderer) || change == render->settled)
    return -1;
  return change;
}

/* Stands on the frame of the next event, which a change of tempo on the way may move. */
static struct ech_score_event *
run_to_next_event (struct render *render, GPtrArray *left, double *out_exact)
{
  for (;;) {
    struct ech_timeline     timeline = ech_renderer_timeline (render->renderer);
    struct ech_score_event *event    = next_event (render, left, &timeline, out_exact);
    int64_t                 change;

    if (event == NULL)
      return NULL;
    change = next_change (render, &timeline, llround (*out_exact));
    if (change < 0)
      return ech_renderer_run_to (render->renderer, (uint64_t) llround (*out_exact)) ? event : NULL;
    if (!ech_renderer_run_to (render->renderer, (uint64_t) change))
      return NULL;
    ech_renderer_settle (render->renderer);
    render->settled = change;
  }
}

static void
run_until_quiet (struct render *render)
{
  uint64_t step = (uint64_t) render->set->rate / 100;
  uint64_t last = (uint64_t) (LONGEST_S * render->set->rate);

  while (ech_renderer_is_busy (render->renderer) && ech_renderer_frame (render->renderer) < last)
    if (!ech_renderer_run_to (render->renderer, ech_renderer_frame (render->renderer) + step))
      return;
}

static void
play_event (struct render *render, const struct ech_score_event *event, double exact)
{
  switch (event->kind) {
  case ECH_SCORE_ACTION:
    ech_renderer_post (render->renderer, &event->action, exact);
    break;
  case ECH_SCORE_CURVE:
    ech_renderer_set_crossfader_curve (render->renderer, event->action.index);
    break;
  case ECH_SCORE_END:
    break;
  }
}

static void
play_set (struct render *render)
{
  struct ech_journal_line start = { .kind = ECH_JOURNAL_START, .n_decks = (uint32_t) render->set->decks, .offline = true };
  struct ech_journal_line end   = { .kind = ECH_JOURNAL_END };
  g_autoptr (GPtrArray)   left  = g_ptr_array_new (); /* borrows them */
  struct ech_score_event *event;
  double                  exact = 0.0;

  g_ptr_array_extend (left, render->set->events, NULL, NULL);
  write_line (render, &start);
  while ((event = run_to_next_event (render, left, &exact)) != NULL && event->kind != ECH_SCORE_END) {
    play_event (render, event, exact);
    g_ptr_array_remove (left, event);
  }
  if (event == NULL)
    run_until_quiet (render);
  end.frame = event != NULL ? exact : (double) ech_renderer_frame (render->renderer);
  end.quiet = event == NULL;
  write_line (render, &end);
}

static gboolean
run (struct render *render, GError **error)
{
  struct ech_policy          policy;
  struct ech_renderer_config config = {
    .n_decks    = (uint32_t) render->set->decks,
    .rate       = render->set->rate,
    .block      = (uint32_t) render->set->block,
    .sink       = take_sound,
    .sink_data  = render,
    .on_event   = take_event,
    .event_data = render,
    .on_arrival = take_arrival,
    .arrival_data = render,
    .record_folder = render->set->record_folder,
    .policy       = &policy,
  };

  if (!read_policy (render->set, &policy, error))
    return FALSE;
  if (!open_outputs (render, error))
    return FALSE;
  render->renderer = ech_renderer_new (&config);
  play_set (render);
  if (!ech_renderer_finish (render->renderer) || sf_error (render->sound) != SF_ERR_NO_ERROR) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s cannot be written: %s", render->set->output,
                 render->n_frames * 2 * sizeof (float) > MOST_BYTES ? "the set is longer than a WAV file holds (4 GiB)"
                                                                    : sf_strerror (render->sound));
    return FALSE;
  }
  sf_close (g_steal_pointer (&render->sound));
  if (rename (render->part_path, render->set->output) != 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s cannot be written: %s",
                 render->set->output, g_strerror (errno));
    return FALSE;
  }
  return TRUE;
}

gboolean
ech_set_render (struct ech_set *set, GError **error)
{
  struct render render = { .set = set, .settled = -1 };
  gboolean      done   = run (&render, error);

  ech_renderer_free (render.renderer);
  g_clear_pointer (&render.sound, sf_close);
  if (!done && render.part_path != NULL)
    remove (render.part_path);
  g_clear_pointer (&render.journal, fclose);
  g_free (render.part_path);
  return done;
}

void
ech_set_clear (struct ech_set *set)
{
  g_free (set->name);
  g_free (set->output);
  g_free (set->format);
  g_free (set->journal);
  g_free (set->record_folder);
  g_free (set->policy);
  g_free (set->as);
}
