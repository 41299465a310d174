/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/render.h"

#include <errno.h>
#include <gio/gio.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>

#include "app/cli/journal.h"
#include "app/cli/score.h"
#include "engine/renderer.h"
#include "engine/scheduler/vocabulary.h"

/* Without an `end` a render goes on while something sounds, but not for ever. */
#define LONGEST_S (4 * 3600.0)

/* What a WAV file's 32-bit sizes can tell, less its headers. */
#define MOST_BYTES (UINT32_MAX - 4096ull)

struct options {
  char *output;
  int   rate;
  int   block;
  int   decks;
  char *format;
  char *journal;
};

struct render {
  struct options    options;
  const char       *score_path;
  struct ech_score *score;
  EchRenderer      *renderer;
  SNDFILE          *sound;
  uint64_t          n_frames;
  char             *part_path; /* becomes the output when all is well */
  FILE             *journal;
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

static gboolean
parse_options (struct render *render, int argc, char **argv, GError **error)
{
  struct options                *o         = &render->options;
  g_autoptr (GOptionContext)     context   = g_option_context_new ("SCORE");
  const GOptionEntry             entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output, "Sound file to write (WAV)", "OUT.wav" },
    { "rate", 'r', 0, G_OPTION_ARG_INT, &o->rate, "Frames a second (48000)", "N" },
    { "block", 'b', 0, G_OPTION_ARG_INT, &o->block, "Frames a cycle, 1..8192 (1024); no influence on the sound", "N" },
    { "format", 'f', 0, G_OPTION_ARG_STRING, &o->format, "float (32 bit), pcm16 or pcm24", "FORMAT" },
    { "journal", 'j', 0, G_OPTION_ARG_FILENAME, &o->journal, "Write each action's fate, a JSON object a line", "FILE" },
    { "decks", 'd', 0, G_OPTION_ARG_INT, &o->decks, "Number of decks, 1..4 (4)", "N" },
    G_OPTION_ENTRY_NULL,
  };

  g_option_context_set_summary (context, "Renders a score offline, faster than real time; the same score gives the same bytes.");
  g_option_context_set_description (context,
    "A score is text, a line an event: TIME ADDRESS ARG..., with the addresses of OSC.\n"
    "TIME is seconds (2.5), beats (8b) or bar|beat (3|1).  “end” at its TIME ends the render.\n"
    "Track names are looked for beside the score, then in the working directory.\n");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  if (argc != 2 || o->output == NULL) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                         "one SCORE and -o OUT.wav are needed; see echelonctl render --help");
    return FALSE;
  }
  render->score_path = argv[1];
  if (o->rate < 8000 || o->rate > 192000) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--rate takes 8000 to 192000");
    return FALSE;
  }
  if (o->block < 1 || o->block > ECH_MAX_BLOCK) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--block takes 1 to %d", ECH_MAX_BLOCK);
    return FALSE;
  }
  if (o->decks < 1 || o->decks > ECH_MAX_DECKS) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--decks takes 1 to %d", ECH_MAX_DECKS);
    return FALSE;
  }
  if (sound_format (o->format) == 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "--format takes float, pcm16 or pcm24, not “%s”", o->format);
    return FALSE;
  }
  return TRUE;
}

static gboolean
open_outputs (struct render *render, GError **error)
{
  SF_INFO info = {
    .samplerate = render->options.rate,
    .channels   = 2,
    .format     = SF_FORMAT_WAV | sound_format (render->options.format),
  };

  render->part_path = g_strconcat (render->options.output, ".part", NULL);
  render->sound     = sf_open (render->part_path, SFM_WRITE, &info);
  if (render->sound == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s cannot be written: %s",
                 render->options.output, sf_strerror (NULL));
    return FALSE;
  }
  /* No PEAK chunk: it would hold the time of day. */
  sf_command (render->sound, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
  sf_command (render->sound, SFC_SET_CLIPPING, NULL, SF_TRUE);
  if (render->options.journal == NULL)
    return TRUE;
  render->journal = fopen (render->options.journal, "w");
  if (render->journal == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s cannot be written: %s",
                 render->options.journal, g_strerror (errno));
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
take_event (const struct ech_event *event, void *data)
{
  struct render *render = data;

  if (render->journal != NULL)
    ech_journal_write (render->journal, event);
  if (event->fate == ECH_FATE_REJECTED || event->fate == ECH_FATE_EXPIRED)
    g_printerr ("%s, line %u: %s (%s): %s\n", render->score_path, (unsigned) event->client,
                ech_fate_name (event->fate), ech_rule_name (event->rule), event->text);
}

/* Where an event lies by the timeline in force. */
static double
event_frame (const struct render *render, const struct ech_score_event *event, const struct ech_timeline *timeline)
{
  double frame = event->unit == ECH_SCORE_SECONDS ? event->time * render->options.rate
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

/* Stands on the frame of the next event, which a change of tempo on the way may move. */
static struct ech_score_event *
run_to_next_event (struct render *render, GPtrArray *left, double *out_exact)
{
  for (;;) {
    struct ech_timeline     timeline = ech_renderer_timeline (render->renderer);
    double                  tempo    = ech_renderer_next_tempo_beats (render->renderer);
    struct ech_score_event *event    = next_event (render, left, &timeline, out_exact);
    double                  change   = isfinite (tempo) ? ech_timeline_frame_at (&timeline, tempo) : INFINITY;

    if (event == NULL)
      return NULL;
    if (llround (fmin (change, 9e15)) >= llround (*out_exact)
        || llround (change) < (int64_t) ech_renderer_frame (render->renderer))
      return ech_renderer_run_to (render->renderer, (uint64_t) llround (*out_exact)) ? event : NULL;
    if (!ech_renderer_run_to (render->renderer, (uint64_t) llround (change)))
      return NULL;
    ech_renderer_settle (render->renderer);
  }
}

static void
run_until_quiet (struct render *render)
{
  uint64_t step = (uint64_t) render->options.rate / 100;
  uint64_t last = (uint64_t) (LONGEST_S * render->options.rate);

  while (ech_renderer_is_busy (render->renderer) && ech_renderer_frame (render->renderer) < last)
    if (!ech_renderer_run_to (render->renderer, ech_renderer_frame (render->renderer) + step))
      return;
}

static void
play_score (struct render *render)
{
  g_autoptr (GPtrArray)   left = g_ptr_array_new ();
  struct ech_score_event *event;
  double                  exact = 0.0;

  for (guint i = 0; i < render->score->events->len; i++)
    g_ptr_array_add (left, render->score->events->pdata[i]);
  while ((event = run_to_next_event (render, left, &exact)) != NULL) {
    if (event->is_end)
      return;
    ech_renderer_post (render->renderer, &event->action, exact);
    g_ptr_array_remove (left, event);
  }
  run_until_quiet (render);
}

static gboolean
run (struct render *render, GError **error)
{
  struct ech_renderer_config config = {
    .n_decks    = (uint32_t) render->options.decks,
    .rate       = render->options.rate,
    .block      = (uint32_t) render->options.block,
    .sink       = take_sound,
    .sink_data  = render,
    .on_event   = take_event,
    .event_data = render,
  };

  if (!open_outputs (render, error))
    return FALSE;
  render->renderer = ech_renderer_new (&config);
  play_score (render);
  if (!ech_renderer_finish (render->renderer) || sf_error (render->sound) != SF_ERR_NO_ERROR) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s cannot be written: %s", render->options.output,
                 render->n_frames * 2 * sizeof (float) > MOST_BYTES ? "the set is longer than a WAV file holds (4 GiB)"
                                                                    : sf_strerror (render->sound));
    return FALSE;
  }
  sf_close (g_steal_pointer (&render->sound));
  if (rename (render->part_path, render->options.output) != 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s cannot be written: %s",
                 render->options.output, g_strerror (errno));
    return FALSE;
  }
  return TRUE;
}

static void
finish (struct render *render, gboolean failed)
{
  ech_renderer_free (render->renderer);
  g_clear_pointer (&render->sound, sf_close);
  if (failed && render->part_path != NULL)
    remove (render->part_path);
  g_clear_pointer (&render->journal, fclose);
  g_clear_pointer (&render->score, ech_score_free);
  g_free (render->part_path);
  g_free (render->options.output);
  g_free (render->options.format);
  g_free (render->options.journal);
}

int
ech_cli_render (int argc, char **argv)
{
  struct render      render = { .options = { .rate = 48000, .block = 1024, .decks = ECH_MAX_DECKS } };
  g_autoptr (GError) error  = NULL;
  int                status = 0;

  if (!parse_options (&render, argc, argv, &error))
    status = 2;
  else if ((render.score = ech_score_read (render.score_path, (unsigned) render.options.decks, &error)) == NULL)
    status = 2;
  else if (!run (&render, &error))
    status = 1;
  if (error != NULL)
    g_printerr ("echelonctl render: %s\n", error->message);
  finish (&render, status != 0);
  return status;
}
