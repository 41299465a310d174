/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/scheduler/fake-audio.h"

#include <stdlib.h>
#include <string.h>

#include "engine/scheduler/vocabulary.h"

static int live_tracks;

/* Loader */

/* For a request that was never made: a ticket that was never given. */
static uint64_t
ticket_of (const struct fake *fake, uint64_t request)
{
  if (request == 0 || request > fake->tickets->len)
    return UINT64_MAX;
  return g_array_index (fake->tickets, uint64_t, request - 1);
}

static void
loader_request (void *data, uint64_t ticket, uint32_t deck, const char *path)
{
  struct fake *fake = data;
  char        *copy = g_strdup (path);

  (void) deck;
  fake->n_requests++;
  g_array_append_val (fake->tickets, ticket);
  g_array_append_val (fake->texts, copy);
  if (fake->cycles_on_request)
    fake_cycle (fake, 0);
}

static void
loader_cancel (void *data, uint64_t ticket)
{
  struct fake *fake = data;

  for (uint64_t request = 1; request <= fake->n_requests; request++)
    if (ticket_of (fake, request) == ticket)
      g_array_append_val (fake->cancelled, request);
}

static const struct ech_loader_interface loader = { loader_request, loader_cancel };

static void
pcm_release (struct ech_pcm *pcm)
{
  struct fake_pcm *self = (struct fake_pcm *) pcm;

  g_assert_cmpint (self->refs, >, 0);
  if (--self->refs == 0)
    live_tracks--;
}

struct fake_pcm *
fake_pcm_new (double seconds)
{
  struct fake_pcm *self =
      g_new0 (struct fake_pcm, 1); /* never freed: its count is looked at later */

  self->pcm.rate    = 44100;
  self->pcm.release = pcm_release;
  self->refs        = 1;
  atomic_store (&self->pcm.length_frames, (uint64_t) (seconds * 44100));
  live_tracks++;
  g_test_queue_free (self);
  return self;
}

void
fake_answer_ready (struct fake *fake, uint64_t request, struct fake_pcm *pcm)
{
  struct ech_load_result result = { .ticket = ticket_of (fake, request),
                                    .stage  = ECH_LOAD_RESULT_READY,
                                    .pcm    = &pcm->pcm,
                                    .title  = "Title",
                                    .artist = "Artist" };

  ech_scheduler_load_result (fake->scheduler, &result);
}

void
fake_answer_grid (struct fake *fake, uint64_t request, double bpm)
{
  struct ech_load_result result = { .ticket = ticket_of (fake, request), .stage = ECH_LOAD_RESULT_ANALYSED };

  result.grid.frames_per_beat = bpm > 0 ? 60.0 * 44100 / bpm : bpm;
  ech_scheduler_load_result (fake->scheduler, &result);
}

void
fake_answer_failed (struct fake *fake, uint64_t request, const char *error)
{
  struct ech_load_result result = { .ticket = ticket_of (fake, request), .stage = ECH_LOAD_RESULT_FAILED };

  g_strlcpy (result.error, error, sizeof result.error);
  ech_scheduler_load_result (fake->scheduler, &result);
}

/* Beginning and end */

static void
on_event (const struct ech_event *event, void *data)
{
  g_array_append_vals (((struct fake *) data)->events, event, 1);
}

void
fake_init (struct fake *fake)
{
  struct ech_policy policy;

  ech_policy_init_score (&policy);
  fake_init_with_policy (fake, &policy);
}

void
fake_init_with_policy (struct fake *fake, const struct ech_policy *policy)
{
  struct ech_scheduler_config config = { .n_decks = 2, .loader = &loader, .loader_data = fake };

  memset (fake, 0, sizeof *fake);
  fake->exchange = aligned_alloc (64, (sizeof *fake->exchange + 63) / 64 * 64);
  ech_exchange_init (fake->exchange);
  config.exchange         = fake->exchange;
  config.policy           = policy;
  fake->scheduler         = ech_scheduler_new (&config);
  fake->hand              = ech_scheduler_add_lane (fake->scheduler, "hand", ECH_SOURCE_HAND, 0);
  fake->osc               = ech_scheduler_add_lane (fake->scheduler, "osc", ECH_SOURCE_OSC, 0);
  fake->agent             = ech_scheduler_add_lane (fake->scheduler, "agent", ECH_SOURCE_AGENT, 16);
  fake->commands          = g_array_new (FALSE, FALSE, sizeof (struct ech_command));
  fake->pending           = g_array_new (FALSE, FALSE, sizeof (struct ech_command));
  fake->events            = g_array_new (FALSE, FALSE, sizeof (struct ech_event));
  fake->texts             = g_array_new (FALSE, FALSE, sizeof (char *));
  fake->tickets           = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  fake->cancelled         = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  fake->timeline          = (struct ech_timeline){ .bpm = 120, .rate = FAKE_RATE };
  for (int i = 0; i < ECH_MAX_DECKS; i++)
    fake->decks[i] = (struct ech_deck_report){ .gain = 1, .speed = 1 };
  ech_scheduler_add_listener (fake->scheduler, on_event, fake);
  fake_cycle (fake, 0);
}

void
fake_finish (struct fake *fake)
{
  /* as ech_cycle_finish(): what the audio thread still holds */
  for (int i = 0; i < ECH_MAX_DECKS; i++) {
    if (fake->pcm[i])
      fake->pcm[i]->release (fake->pcm[i]);
  }
  for (guint i = 0; i < fake->pending->len; i++) {
    const struct ech_command *command = &g_array_index (fake->pending, struct ech_command, i);

    if (command->type == ECH_COMMAND_SET_TRACK && command->pcm)
      command->pcm->release (command->pcm);
  }
  ech_scheduler_free (fake->scheduler);
  for (guint i = 0; i < fake->texts->len; i++)
    g_free (g_array_index (fake->texts, char *, i));
  g_array_unref (fake->commands);
  g_array_unref (fake->pending);
  g_array_unref (fake->events);
  g_array_unref (fake->texts);
  g_array_unref (fake->tickets);
  g_array_unref (fake->cancelled);
  free (fake->exchange);
  g_assert_cmpint (live_tracks, ==, 0);
}

/* Audio */

static void
tell (struct fake              *fake,
      enum ech_feedback_type    type,
      const struct ech_command *command,
      double                    frame)
{
  struct ech_feedback feedback = {
    .type = type, .deck = command->deck, .id = command->id, .frame = (uint64_t) frame
  };

  feedback.beat =
      command->when == ECH_WHEN_BEAT ? command->at : ech_timeline_beat_at (&fake->timeline, frame);
  if (command->id && fake->loses_feedback)
    fake->feedback_lost++;
  else if (command->id)
    g_assert_true (ech_ring_push (&fake->exchange->feedback, &feedback));
}

static void
set_track (struct fake *fake, const struct ech_command *command)
{
  struct ech_deck_report *deck    = &fake->decks[command->deck];
  struct ech_feedback     retired = { .type = ECH_FEEDBACK_RETIRED,
                                      .deck = command->deck,
                                      .pcm  = fake->pcm[command->deck] };

  /* what safety is for */
  g_assert_false (!fake->may_cut && deck->state == ECH_DECK_PLAYING && deck->gain > 0.001f);
  fake->pcm[command->deck] = command->pcm;
  deck->generation         = command->generation;
  deck->state              = command->pcm ? ECH_DECK_STOPPED : ECH_DECK_EMPTY;
  deck->has_grid           = false;
  if (retired.pcm)
    g_assert_true (ech_ring_push (&fake->exchange->feedback, &retired));
}

static void
execute (struct fake *fake, const struct ech_command *command, double frame)
{
  struct ech_deck_report *deck = &fake->decks[command->deck];

  if (command->type >= ECH_COMMAND_SET_GRID && command->type <= ECH_COMMAND_BEND
      && command->generation != 0 && command->generation != deck->generation) {
    tell (fake, ECH_FEEDBACK_STALE, command, frame);
    return;
  }
  if (((command->type >= ECH_COMMAND_PLAY && command->type <= ECH_COMMAND_CUE)
       || (command->type >= ECH_COMMAND_LOOP && command->type <= ECH_COMMAND_HOTCUE_CLEAR))
      && !fake->pcm[command->deck]) {
    tell (fake, ECH_FEEDBACK_REFUSED, command, frame);
    return;
  }
  if (command->type == ECH_COMMAND_PLAY || command->type == ECH_COMMAND_HOTCUE_JUMP)
    deck->state = ECH_DECK_PLAYING;
  else if (command->type == ECH_COMMAND_STOP && deck->state == ECH_DECK_PLAYING)
    deck->state = ECH_DECK_STOPPED;
  else if (command->type == ECH_COMMAND_SYNC)
    deck->sync = command->value != 0;
  else if (command->type == ECH_COMMAND_SPEED)
    deck->speed = command->value;
  else if (command->type == ECH_COMMAND_SET_GRID)
    deck->has_grid = true;
  else if (command->type == ECH_COMMAND_PARAM && command->param == ECH_PARAM_VOLUME)
    deck->gain = (float) command->value;
  else if (command->type == ECH_COMMAND_LOOP)
    deck->loop_active = command->value != 0;
  else if (command->type == ECH_COMMAND_LOOP_OUT)
    deck->loop_active = true;
  else if (command->type == ECH_COMMAND_TEMPO)
    fake->timeline = (struct ech_timeline){ frame, ech_timeline_beat_at (&fake->timeline, frame),
                                            command->value, FAKE_RATE };
  tell (fake, ECH_FEEDBACK_EXECUTED, command, frame);
  if (command->type == ECH_COMMAND_SET_TRACK)
    set_track (fake, command);
}

static void
take_back (struct fake *fake, uint64_t id)
{
  for (guint i = 0; i < fake->pending->len; i++) {
    struct ech_command command = g_array_index (fake->pending, struct ech_command, i);

    if (command.id != id)
      continue;
    g_array_remove_index (fake->pending, i);
    tell (fake, ECH_FEEDBACK_CANCELLED, &command, fake->frame);
    return;
  }
}

/* Those due before @end, by frame, ties in order of arrival; the tempo may change on the way. */
static bool
execute_next (struct fake *fake, double end)
{
  double due  = INFINITY;
  guint  best = 0;

  for (guint i = 0; i < fake->pending->len; i++) {
    const struct ech_command *command = &g_array_index (fake->pending, struct ech_command, i);
    double                    at      = command->when == ECH_WHEN_NOW
                                            ? fake->frame
                                            : (double) ech_timeline_onset_frame (&fake->timeline, command->at);

    if (at < due) {
      due  = at;
      best = i;
    }
  }
  if (!(due < end))
    return false;
  struct ech_command command = g_array_index (fake->pending, struct ech_command, best);

  g_array_remove_index (fake->pending, best);
  if (due < fake->frame)
    tell (fake, ECH_FEEDBACK_LATE, &command, fake->frame);
  else
    execute (fake, &command, due);
  return true;
}

static void
report (struct fake *fake)
{
  struct ech_rt_report *out = ech_triple_writable (&fake->exchange->reports);

  out->frame    = (uint64_t) fake->frame;
  out->timeline = fake->timeline;
  out->cycles   = ++fake->cycles;

  out->master_peak[0] = out->master_peak[1] = fake->master_peak;
  out->feedback_lost                        = fake->feedback_lost;
  memcpy (out->decks, fake->decks, sizeof out->decks);
  ech_triple_publish (&fake->exchange->reports);
}

void
fake_cycle (struct fake *fake, uint32_t n_frames)
{
  struct ech_command command;

  if (!fake->asleep) {
    while (ech_ring_pop (&fake->exchange->commands, &command)) {
      g_array_append_val (fake->commands, command);
      if (command.type == ECH_COMMAND_CANCEL)
        take_back (fake, command.id);
      else
        g_array_append_val (fake->pending, command);
    }
    while (execute_next (fake, fake->frame + MAX (n_frames, 1))) {
    }
  }
  for (int i = 0; i < ECH_MAX_DECKS; i++) {
    fake->decks[i].step = fake->decks[i].state == ECH_DECK_PLAYING ? 44100.0 / FAKE_RATE : 0;
    fake->decks[i].position_frames += fake->decks[i].step * n_frames;
  }
  fake->frame += n_frames;
  if (!fake->asleep)
    report (fake);
}

void
fake_tick (struct fake *fake)
{
  struct ech_now now = { .frame   = fake->frame,
                         .time_ns = (uint64_t) (fake->frame * 1e9 / FAKE_RATE),
                         .exact   = true,
                         .running = !fake->asleep };

  ech_scheduler_tick (fake->scheduler, &now);
}

void
fake_settle (struct fake *fake)
{
  fake_tick (fake);
  fake_cycle (fake, 0);
  fake_tick (fake);
}

void
fake_run_to_beat (struct fake *fake, double beat)
{
  for (int i = 0; i < 1000000 && ech_timeline_beat_at (&fake->timeline, fake->frame) < beat; i++) {
    fake_tick (fake);
    fake_cycle (fake, 480);
  }
  fake_tick (fake);
}

/* Posting */

int
fake_post (EchLane *lane, const char *message)
{
  g_auto (GStrv) words = g_strsplit (message, " ", -1);
  struct ech_value  values[8];
  struct ech_action action;
  char              error[ECH_TEXT_MAX];
  unsigned          n = 0;

  for (; words[n + 1]; n++)
    values[n] = (struct ech_value){ .type = 'w', .s = words[n + 1] };
  if (ech_vocabulary_parse (words[0], values, n, ECH_MAX_DECKS, &action, error) < 0)
    g_error ("%s: %s", message, error);
  return ech_lane_post (lane, &action);
}

struct fake_pcm *
fake_load (struct fake *fake, const char *deck)
{
  struct fake_pcm *pcm     = fake_pcm_new (60);
  g_autofree char *message = g_strdup_printf ("/deck/%s/load some.flac", deck);

  fake_post (fake->hand, message);
  fake_tick (fake);
  fake_answer_ready (fake, fake->n_requests, pcm);
  fake_answer_grid (fake, fake->n_requests, 120);
  fake_settle (fake);
  fake_settle (fake);
  g_assert_false (ech_scheduler_is_loading (fake->scheduler));
  g_array_set_size (fake->events, 0);
  g_array_set_size (fake->commands, 0);
  return pcm;
}

/* Looking */

void
fake_forget (struct fake *fake)
{
  g_array_set_size (fake->events, 0);
  g_array_set_size (fake->commands, 0);
}

char *
fake_life (struct fake *fake, const char *id)
{
  GString *life = g_string_new (NULL);

  for (guint i = 0; i < fake->events->len; i++) {
    const struct ech_event *event = &g_array_index (fake->events, struct ech_event, i);

    if (strcmp (event->id, id) != 0)
      continue;
    g_string_append_printf (life, "%s%s", life->len ? "; " : "", ech_fate_name (event->fate));
    if (event->fate == ECH_FATE_REJECTED)
      g_string_append_printf (life, " %s", ech_rule_name (event->rule));
    else if (event->fate == ECH_FATE_QUEUED || event->fate == ECH_FATE_EXECUTED)
      g_string_append_printf (life, " %g", event->beat);
  }
  return g_string_free (life, FALSE);
}

const struct ech_event *
fake_last_event (struct fake *fake, const char *id)
{
  for (guint i = fake->events->len; i > 0; i--) {
    const struct ech_event *event = &g_array_index (fake->events, struct ech_event, i - 1);

    if (strcmp (event->id, id) == 0)
      return event;
  }
  return NULL;
}

const struct ech_command *
fake_last_command (struct fake *fake, enum ech_command_type type)
{
  for (guint i = fake->commands->len; i > 0; i--) {
    const struct ech_command *command = &g_array_index (fake->commands, struct ech_command, i - 1);

    if (command->type == type)
      return command;
  }
  return NULL;
}

unsigned
fake_count_commands (struct fake *fake, enum ech_command_type type)
{
  unsigned n = 0;

  for (guint i = 0; i < fake->commands->len; i++)
    n += g_array_index (fake->commands, struct ech_command, i).type == type;
  return n;
}
