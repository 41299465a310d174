/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/session-restore.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define POLL_MS 10

/* After a refusal that passes by itself: a cooldown, a rate, no audio yet. */
#define RETRY_US      (30 * G_TIME_SPAN_MILLISECOND)
#define PATIENCE_US   (30 * G_TIME_SPAN_SECOND)
#define LOAD_US       (120 * G_TIME_SPAN_SECOND)

/* The desk, then the decks. */
enum { N_QUEUES = 1 + ECH_MAX_DECKS };

/* @needs_track: left out when the load before it failed */
struct step {
  struct ech_action action;
  gboolean          needs_track;
};

/* Steps that come one after the other. */
struct queue {
  GArray  *steps;
  guint    next;
  gboolean is_posted; /* the next one, and its fate is not known yet */
  gint64   since_us;  /* ... or first tried */
  gint64   not_before_us;
};

struct _EchSessionRestore {
  EchEngine            *engine;
  struct ech_session    session;
  EchSessionRestoreFunc func;
  void                 *data;
  EchLane              *lane;
  GAsyncQueue          *events; /* struct ech_event, from the scheduler's thread */
  struct queue          queues[N_QUEUES];
  GPtrArray            *problems;
  gboolean              gave_up;
  guint                 timer;
};

/* What is to be done */

static struct ech_action *
add_step (struct queue *queue, gboolean needs_track, enum ech_verb verb, uint32_t deck, uint32_t index, double value)
{
  struct step step = {
    .needs_track = needs_track,
    .action      = { .verb   = verb,
                     .deck   = deck,
                     .index  = index,
                     .value  = value,
                     .timing = { .kind = ECH_TIMING_NOW } },
  };

  g_array_append_val (queue->steps, step);
  return &g_array_index (queue->steps, struct step, queue->steps->len - 1).action;
}

/* A value that was not kept is left as it is. */
static void
add_setting (struct queue *queue, enum ech_verb verb, uint32_t deck, uint32_t index, double value)
{
  if (!isnan (value))
    add_step (queue, FALSE, verb, deck, index, value);
}

static void
add_place (struct queue *queue, enum ech_verb verb, uint32_t deck, double seconds)
{
  if (!isnan (seconds))
    add_step (queue, TRUE, verb, deck, 0, seconds);
}

/* Others play by the session's tempo when they are there: it is left alone then. */
static void
plan_desk (EchSessionRestore *restore)
{
  const struct ech_session *session = &restore->session;
  struct queue             *queue   = &restore->queues[0];
  struct ech_state          state;

  ech_engine_snapshot (restore->engine, &state);
  if (state.link_peers == 0)
    add_setting (queue, ECH_VERB_TEMPO, 0, 0, session->bpm);
  add_setting (queue, ECH_VERB_CROSSFADER, 0, 0, session->crossfader);
  add_setting (queue, ECH_VERB_LIMITER, 0, 0, session->limiter_db);
  add_setting (queue, ECH_VERB_MASTER_VOLUME, 0, 0, session->master_volume);
  add_setting (queue, ECH_VERB_BOOTH_VOLUME, 0, 0, session->booth_volume);
  add_setting (queue, ECH_VERB_HEADPHONES_VOLUME, 0, 0, session->headphones_volume);
  add_setting (queue, ECH_VERB_HEADPHONES_MIX, 0, 0, session->headphones_mix);
}

static void
plan_settings (struct queue *queue, uint32_t number, const struct ech_session_deck *deck)
{
  add_setting (queue, ECH_VERB_SPEED, number, 0, deck->speed);
  add_setting (queue, ECH_VERB_SYNC, number, 0, deck->sync);
  add_setting (queue, ECH_VERB_TRIM, number, 0, deck->trim_db);
  add_setting (queue, ECH_VERB_VOLUME, number, 0, deck->volume);
  for (uint32_t band = 0; band < ECH_N_BANDS; band++)
    add_setting (queue, ECH_VERB_EQ, number, band, deck->eq_db[band]);
  add_setting (queue, ECH_VERB_FILTER, number, 0, deck->filter);
  add_setting (queue, ECH_VERB_PFL, number, 0, deck->pfl);
}

/* Marks are set where the deck stands, so it goes there first; last it goes to its place. */
static void
plan_marks (struct queue *queue, uint32_t number, const struct ech_session_deck *deck)
{
  for (uint32_t i = 0; i < ECH_N_HOTCUES; i++) {
    if (isnan (deck->hotcue_s[i]))
      continue;
    add_place (queue, ECH_VERB_SEEK, number, deck->hotcue_s[i]);
    add_step (queue, TRUE, ECH_VERB_HOTCUE_SET, number, i, 0);
  }
  if (!isnan (deck->loop_in_s)) {
    add_place (queue, ECH_VERB_SEEK, number, deck->loop_in_s);
    add_step (queue, TRUE, ECH_VERB_LOOP_IN, number, 0, 0);
  }
  if (!isnan (deck->loop_in_s) && !isnan (deck->loop_out_s)) {
    add_place (queue, ECH_VERB_SEEK, number, deck->loop_out_s);
    add_step (queue, TRUE, ECH_VERB_LOOP_OUT, number, 0, 0);
    if (!deck->loop_active)
      add_step (queue, TRUE, ECH_VERB_LOOP, number, 0, 0);
  }
  add_place (queue, ECH_VERB_CUE, number, deck->cue_s);
  add_place (queue, ECH_VERB_SEEK, number, deck->position_s);
}

static void
plan_deck (EchSessionRestore *restore, uint32_t number)
{
  const struct ech_session_deck *deck  = &restore->session.decks[number];
  struct queue                  *queue = &restore->queues[1 + number];

  plan_settings (queue, number, deck);
  if (deck->path[0] != '\0') {
    add_step (queue, FALSE, ECH_VERB_LOAD, number, 0, 0)->text = deck->path;
    plan_marks (queue, number, deck);
  }
  if (deck->locked)
    add_step (queue, FALSE, ECH_VERB_LOCK, number, 0, 0)->text =
        deck->lock_reason[0] != '\0' ? deck->lock_reason : NULL;
}

/* Problems */

static void __attribute__ ((format (printf, 2, 3)))
add_problem (EchSessionRestore *restore, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_ptr_array_add (restore->problems, g_strdup_vprintf (format, args));
  va_end (args);
}

static char
letter_of (const struct step *step)
{
  return (char) ('A' + step->action.deck);
}

static void
report_refusal (EchSessionRestore *restore, const struct step *step, const char *text)
{
  g_autofree char *name = NULL;

  if (step->action.verb == ECH_VERB_LOAD) {
    name = g_filename_display_basename (step->action.text);
    if (g_file_test (step->action.text, G_FILE_TEST_EXISTS))
      add_problem (restore, _ ("Deck %c: %s was not loaded: %s"), letter_of (step), name, text);
    else
      add_problem (restore, _ ("Deck %c: %s is not there any more (%s)"), letter_of (step), name, step->action.text);
  } else if (ech_verb_has_deck (step->action.verb)) {
    add_problem (restore, _ ("Deck %c: %s was not brought back: %s"), letter_of (step),
                 ech_verb_name (step->action.verb), text);
  } else {
    add_problem (restore, _ ("%s was not brought back: %s"), ech_verb_name (step->action.verb), text);
  }
}

/* Step by step */

static struct step *
next_step (struct queue *queue)
{
  return queue->next < queue->steps->len ? &g_array_index (queue->steps, struct step, queue->next) : NULL;
}

static void
go_on (struct queue *queue)
{
  queue->next++;
  queue->is_posted     = FALSE;
  queue->since_us      = 0;
  queue->not_before_us = 0;
}

static void
skip_track (struct queue *queue)
{
  struct step *step;

  while ((step = next_step (queue)) != NULL && step->needs_track)
    go_on (queue);
}

/* No word of it for so long: the audio stands still. */
static void
give_up (EchSessionRestore *restore, struct queue *queue)
{
  report_refusal (restore, next_step (queue), _ ("the audio is not running"));
  queue->next      = queue->steps->len;
  restore->gave_up = TRUE;
}

static gboolean
passes_by_itself (enum ech_rule rule)
{
  return rule == ECH_RULE_COOLDOWN || rule == ECH_RULE_RATE || rule == ECH_RULE_NO_AUDIO;
}

static void
take_refusal (EchSessionRestore *restore, struct queue *queue, const struct ech_event *event)
{
  struct step *step   = next_step (queue);
  gint64       now_us = g_get_monotonic_time ();
  gboolean     load   = step->action.verb == ECH_VERB_LOAD;

  if (passes_by_itself (event->rule) && now_us - queue->since_us < PATIENCE_US) {
    queue->is_posted     = FALSE;
    queue->not_before_us = now_us + RETRY_US;
    return;
  }
  if (event->rule == ECH_RULE_NO_AUDIO) {
    give_up (restore, queue);
    return;
  }
  report_refusal (restore, step, event->text);
  go_on (queue);
  if (load)
    skip_track (queue);
}

static void
take_event (EchSessionRestore *restore, const struct ech_event *event)
{
  struct queue *queue = &restore->queues[event->client >> 32];

  if (!queue->is_posted || queue->next != (guint) event->client || event->fate == ECH_FATE_QUEUED)
    return;
  if (event->fate == ECH_FATE_EXECUTED)
    go_on (queue);
  else
    take_refusal (restore, queue, event);
}

static void
post_next (EchSessionRestore *restore, struct queue *queue)
{
  struct step *step   = next_step (queue);
  gint64       now_us = g_get_monotonic_time ();

  if (step == NULL || now_us < queue->not_before_us)
    return;
  if (queue->since_us == 0)
    queue->since_us = now_us;
  if (queue->is_posted) {
    if (now_us - queue->since_us > (step->action.verb == ECH_VERB_LOAD ? LOAD_US : PATIENCE_US))
      give_up (restore, queue);
    return;
  }
  if (step->action.verb == ECH_VERB_LOAD && !g_file_test (step->action.text, G_FILE_TEST_EXISTS)) {
    report_refusal (restore, step, "");
    go_on (queue);
    skip_track (queue);
    return;
  }
  step->action.client = (uint64_t) (queue - restore->queues) << 32 | queue->next;
  queue->is_posted    = ech_lane_post (restore->lane, &step->action) == 0;
}

static gboolean
on_timer (gpointer data)
{
  EchSessionRestore *restore = data;
  struct ech_event  *event;
  gboolean           busy = FALSE;

  while ((event = g_async_queue_try_pop (restore->events)) != NULL) {
    take_event (restore, event);
    g_free (event);
  }
  for (int i = 0; i < N_QUEUES; i++) {
    post_next (restore, &restore->queues[i]);
    busy |= next_step (&restore->queues[i]) != NULL;
  }
  if (busy)
    return G_SOURCE_CONTINUE;
  restore->timer = 0;
  restore->func (restore->problems, restore->gave_up, restore->data);
  return G_SOURCE_REMOVE;
}

/* Scheduler's thread. */
static void
on_event (const struct ech_event *event, void *data)
{
  EchSessionRestore *restore = data;

  if (event->source == ech_lane_source (restore->lane) && event->client >> 32 < N_QUEUES)
    g_async_queue_push (restore->events, g_memdup2 (event, sizeof *event));
}

EchSessionRestore *
ech_session_restore_new (EchEngine                *engine,
                         const struct ech_session *session,
                         EchSessionRestoreFunc     func,
                         void                     *data)
{
  EchSessionRestore *restore = g_new0 (EchSessionRestore, 1);
  struct ech_state   state;

  restore->engine   = engine;
  restore->session  = *session;
  restore->func     = func;
  restore->data     = data;
  restore->events   = g_async_queue_new_full (g_free);
  restore->problems = g_ptr_array_new_with_free_func (g_free);
  for (int i = 0; i < N_QUEUES; i++)
    restore->queues[i].steps = g_array_new (FALSE, FALSE, sizeof (struct step));
  ech_engine_snapshot (engine, &state);
  plan_desk (restore);
  for (uint32_t i = 0; i < ECH_MAX_DECKS; i++) {
    const struct ech_session_deck *deck = &restore->session.decks[i];

    if (i < state.n_decks && i < session->n_decks)
      plan_deck (restore, i);
    else if (deck->path[0] != '\0')
      add_problem (restore, _ ("Deck %c: %s was not loaded: there are only %u decks now"), (char) ('A' + i),
                   deck->title, state.n_decks);
  }
  restore->lane = ech_engine_add_source (engine, "session", ECH_SOURCE_HAND);
  if (restore->lane == NULL) {
    add_problem (restore, _ ("Nothing was brought back: there are too many sources of actions already"));
    for (int i = 0; i < N_QUEUES; i++)
      g_array_set_size (restore->queues[i].steps, 0);
  } else {
    ech_engine_add_listener (engine, on_event, restore);
  }
  restore->timer = g_timeout_add (POLL_MS, on_timer, restore);
  return restore;
}

void
ech_session_restore_free (EchSessionRestore *restore)
{
  if (restore == NULL)
    return;
  g_clear_handle_id (&restore->timer, g_source_remove);
  if (restore->lane != NULL) {
    ech_engine_remove_listener (restore->engine, on_event, restore);
    ech_engine_remove_source (restore->engine, restore->lane);
  }
  for (int i = 0; i < N_QUEUES; i++)
    g_array_unref (restore->queues[i].steps);
  g_async_queue_unref (restore->events);
  g_ptr_array_unref (restore->problems);
  g_free (restore);
}

char *
ech_session_describe (const struct ech_session *session)
{
  GString *text = g_string_new (NULL);

  for (uint32_t i = 0; i < ECH_MAX_DECKS; i++) {
    const struct ech_session_deck *deck    = &session->decks[i];
    int                            seconds = isnan (deck->position_s) ? 0 : (int) deck->position_s;

    if (deck->path[0] == '\0')
      continue;
    g_string_append_printf (text, "%s%s %c: %s%s%s, %d:%02d", text->len > 0 ? "\n" : "", _ ("Deck"), (char) ('A' + i),
                            deck->title, deck->artist[0] != '\0' ? " – " : "", deck->artist, seconds / 60, seconds % 60);
    if (deck->playing)
      g_string_append_printf (text, " (%s)", _ ("it played"));
  }
  return g_string_free (text, FALSE);
}
