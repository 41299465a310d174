/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/safety/core-shim.h"

#include <stdlib.h>
#include <string.h>

#include "engine/rt/exchange.h"
#include "engine/scheduler/scheduler.h"
#include "engine/scheduler/vocabulary.h"

enum { MAX_REQUESTS_KEPT = 64 };

struct track {
  struct ech_pcm pcm;
  int            refs;
};

struct request {
  uint64_t ticket;
  uint32_t deck;
  bool     ready;
  bool     ended;
};

struct deck {
  struct ech_deck_report report;
  struct ech_pcm        *pcm;
  double                 trim_db, volume, eq_db[ECH_N_BANDS], rate;
};

struct core {
  EchScheduler        *scheduler;
  struct ech_exchange *exchange;
  EchLane             *lanes[ECH_MAX_SOURCES];
  uint32_t             n_decks;
  double               least_gain;
  GArray              *requests; /* struct request */
  GArray              *events;   /* struct ech_event */
  GArray              *done;     /* struct core_done */
  struct ech_state    *snapshot;

  /* the audio */
  uint64_t            frame;
  uint64_t            cycles;
  struct ech_timeline timeline;
  GArray             *pending; /* struct ech_command */
  double              crossfader;
  struct deck         decks[ECH_MAX_DECKS];
};

/* Policy: fields by name */

struct field {
  const char *name;
  size_t      offset;
  char        type; /* 'd' double, 'u' uint32_t, 'b' bool, 's' struct ech_span */
};

#define F(type, container, name)                      \
  {                                                   \
    #name, offsetof (struct container, name), type    \
  }

static const struct field policy_fields[] = {
  F ('d', ech_policy, on_air_db),          F ('b', ech_policy, human_override),
  F ('d', ech_policy, override_least_ms),  F ('d', ech_policy, override_window_ms),
  F ('d', ech_policy, confirm_wait_ms),    F ('b', ech_policy, emergency_loop),
  F ('d', ech_policy, emergency_loop_beats), F ('u', ech_policy, silence_action),
  F ('d', ech_policy, silence_after_ms),   F ('d', ech_policy, silence_db),
};

static const struct field rules_fields[] = {
  F ('u', ech_source_rules, mode),           F ('u', ech_source_rules, priority),
  F ('d', ech_source_rules, rate_per_s),     F ('s', ech_source_rules, after_unlock),
  F ('s', ech_source_rules, yield),          F ('s', ech_source_rules, after_emergency),
  F ('b', ech_source_rules, may_stop_last),  F ('b', ech_source_rules, may_silence_last),
};

static int
set_field (
    void *data, const struct field *fields, unsigned n, const char *name, double value, int unit)
{
  for (unsigned i = 0; i < n; i++) {
    char *at = (char *) data + fields[i].offset;

    if (strcmp (fields[i].name, name) != 0)
      continue;
    if (fields[i].type == 'd')
      *(double *) (void *) at = value;
    else if (fields[i].type == 'u')
      *(uint32_t *) (void *) at = (uint32_t) value;
    else if (fields[i].type == 'b')
      *(bool *) at = value != 0;
    else
      *(struct ech_span *) (void *) at = (struct ech_span){ value, (uint32_t) unit };
    return 0;
  }
  return -1;
}

static struct ech_source_rules *
rules_of (struct ech_policy *policy, int who)
{
  return who < ECH_N_SOURCE_CLASSES ? &policy->classes[who]
                                    : &policy->sources[who - ECH_N_SOURCE_CLASSES].rules;
}

struct ech_policy *
core_policy_new (void)
{
  struct ech_policy *policy = g_new0 (struct ech_policy, 1);

  ech_policy_init (policy);
  return policy;
}

void
core_policy_free (struct ech_policy *policy)
{
  g_free (policy);
}

int
core_policy_set (struct ech_policy *policy, const char *field, double value)
{
  return set_field (policy, policy_fields, G_N_ELEMENTS (policy_fields), field, value, 0);
}

int
core_policy_name (struct ech_policy *policy, const char *name, uint32_t source_class)
{
  struct ech_named_source *named = &policy->sources[policy->n_sources];

  if (policy->n_sources == ECH_MAX_NAMED_SOURCES)
    return -1;
  g_strlcpy (named->name, name, sizeof named->name);
  named->source_class = source_class;
  named->rules        = policy->classes[source_class];
  return ECH_N_SOURCE_CLASSES + (int) policy->n_sources++;
}

int
core_rules_set (struct ech_policy *policy, int who, const char *field, double value, int unit)
{
  return set_field (rules_of (policy, who), rules_fields, G_N_ELEMENTS (rules_fields), field, value,
                    unit);
}

int
core_rules_set_verbs (struct ech_policy *policy, int who, uint64_t verbs)
{
  rules_of (policy, who)->verbs = verbs;
  return 0;
}

int
core_rules_set_cooldown (
    struct ech_policy *policy, int who, uint32_t verb, double amount, uint32_t unit)
{
  rules_of (policy, who)->cooldowns[verb] = (struct ech_span){ amount, unit };
  return 0;
}

/* Loader */

static void
release (struct ech_pcm *pcm)
{
  struct track *track = (struct track *) pcm;

  if (--track->refs == 0)
    g_free (track);
}

static void
request (void *data, uint64_t ticket, uint32_t deck, const char *path)
{
  struct core   *core = data;
  struct request one  = { .ticket = ticket, .deck = deck };

  (void) path;
  if (core->requests->len == MAX_REQUESTS_KEPT)
    g_array_remove_index (core->requests, 0);
  g_array_append_val (core->requests, one);
}

static void
cancel (void *data, uint64_t ticket)
{
  struct core *core = data;

  for (guint i = 0; i < core->requests->len; i++) {
    struct request *one = &g_array_index (core->requests, struct request, i);

    if (one->ticket == ticket)
      one->ended = true;
  }
}

static const struct ech_loader_interface loader = { request, cancel };

static void
answer_ready (struct core *core, struct request *one, double seconds)
{
  struct ech_load_result result = { .ticket = one->ticket,
                                    .stage  = ECH_LOAD_RESULT_READY,
                                    .title  = "Title",
                                    .artist = "Artist" };
  struct track          *track  = g_new0 (struct track, 1);

  track->pcm.rate    = CORE_RATE;
  track->pcm.release = release;
  track->refs        = 1;
  atomic_store (&track->pcm.length_frames, (uint64_t) (seconds * CORE_RATE));
  result.pcm = &track->pcm;
  one->ready = true;
  ech_scheduler_load_result (core->scheduler, &result);
}

static void
answer_end (struct core *core, struct request *one, uint32_t answer, double bpm)
{
  struct ech_load_result result = { .ticket = one->ticket, .stage = ECH_LOAD_RESULT_ANALYSED };

  if (answer == CORE_FAILED)
    result.stage = ECH_LOAD_RESULT_FAILED;
  g_strlcpy (result.error, "The file cannot be read.", sizeof result.error);
  if (answer == CORE_GRID)
    result.grid = (struct ech_grid){ .frames_per_beat = 60.0 * CORE_RATE / bpm,
                                     .beats_per_bar   = 4,
                                     .confidence      = 1 };
  one->ended = true;
  ech_scheduler_load_result (core->scheduler, &result);
}

bool
core_answer (struct core *core, uint32_t deck, uint32_t answer, double value)
{
  for (guint i = core->requests->len; i > 0; i--) {
    struct request *one = &g_array_index (core->requests, struct request, i - 1);

    if (one->deck != deck)
      continue;
    if (one->ended || (answer != CORE_FAILED && one->ready == (answer == CORE_READY)))
      return false;
    if (answer == CORE_READY)
      answer_ready (core, one, value);
    else
      answer_end (core, one, answer, value);
    return true;
  }
  return false;
}

/* Beginning and end */

static void
on_event (const struct ech_event *event, void *data)
{
  g_array_append_vals (((struct core *) data)->events, event, 1);
}

struct core *
core_new (const struct ech_policy *policy, uint32_t n_decks)
{
  struct core                *core   = g_new0 (struct core, 1);
  struct ech_scheduler_config config = {
    .n_decks = n_decks, .loader = &loader, .loader_data = core
  };

  core->exchange = aligned_alloc (64, (sizeof *core->exchange + 63) / 64 * 64);
  memset (core->exchange, 0, sizeof *core->exchange);
  ech_exchange_init (core->exchange);
  config.exchange  = core->exchange;
  config.policy    = policy;
  core->scheduler  = ech_scheduler_new (&config);
  core->n_decks    = n_decks;
  core->least_gain = pow (10, policy->on_air_db / 20);
  core->requests   = g_array_new (FALSE, FALSE, sizeof (struct request));
  core->events     = g_array_new (FALSE, FALSE, sizeof (struct ech_event));
  core->done       = g_array_new (FALSE, FALSE, sizeof (struct core_done));
  core->pending    = g_array_new (FALSE, FALSE, sizeof (struct ech_command));
  core->snapshot   = g_new0 (struct ech_state, 1);
  core->timeline   = (struct ech_timeline){ .bpm = 120, .rate = CORE_RATE };
  core->crossfader = 0.5;
  for (uint32_t i = 0; i < n_decks; i++) {
    core->decks[i].volume       = 1;
    core->decks[i].rate         = 1;
    core->decks[i].report.speed = 1;
  }
  ech_scheduler_add_listener (core->scheduler, on_event, core);
  core_cycle (core, 0);
  core_tick (core);
  return core;
}

void
core_free (struct core *core)
{
  if (!core)
    return;
  for (uint32_t i = 0; i < core->n_decks; i++) {
    if (core->decks[i].pcm)
      core->decks[i].pcm->release (core->decks[i].pcm);
  }
  for (guint i = 0; i < core->pending->len; i++) {
    const struct ech_command *command = &g_array_index (core->pending, struct ech_command, i);

    if (command->type == ECH_COMMAND_SET_TRACK && command->pcm)
      command->pcm->release (command->pcm);
  }
  ech_scheduler_free (core->scheduler);
  g_array_unref (core->requests);
  g_array_unref (core->events);
  g_array_unref (core->done);
  g_array_unref (core->pending);
  g_free (core->snapshot);
  free (core->exchange);
  g_free (core);
}

int
core_add_source (struct core *core, const char *name, uint32_t source_class, uint32_t capacity)
{
  EchLane *lane = ech_scheduler_add_lane (core->scheduler, name,
                                          (enum ech_source_class) source_class, capacity);

  if (!lane)
    return -1;
  core->lanes[ech_lane_source (lane)] = lane;
  return (int) ech_lane_source (lane);
}

void
core_remove_source (struct core *core, int source)
{
  ech_scheduler_remove_lane (core->scheduler, core->lanes[source]);
  core->lanes[source] = NULL;
}

int
core_post (struct core *core, int source, const struct ech_action *actions, unsigned n)
{
  return n == 1 ? ech_lane_post (core->lanes[source], actions)
                : ech_lane_post_batch (core->lanes[source], actions, n);
}

/* Audio */

static double
gain_of (const struct core *core, uint32_t deck)
{
  const struct deck *d     = &core->decks[deck];
  double             angle = core->crossfader * G_PI_2;

  return pow (10, d->trim_db / 20) * d->volume * (deck % 2 ? sin (angle) : cos (angle));
}

static bool
is_on_air (const struct core *core, uint32_t deck)
{
  const struct deck *d = &core->decks[deck];
  bool               killed = true;

  for (int band = 0; band < ECH_N_BANDS; band++)
    killed = killed && d->eq_db[band] <= ECH_EQ_KILL_DB;
  return d->report.state == ECH_DECK_PLAYING && gain_of (core, deck) > core->least_gain && !killed;
}

static void
tell (struct core              *core,
      enum ech_feedback_type    type,
      const struct ech_command *command,
      double                    frame)
{
  struct ech_feedback feedback = {
    .type = type, .deck = command->deck, .id = command->id, .frame = (uint64_t) frame
  };

  feedback.beat =
      command->when == ECH_WHEN_BEAT ? command->at : ech_timeline_beat_at (&core->timeline, frame);
  if (command->id)
    ech_ring_push (&core->exchange->feedback, &feedback);
}

static void
set_track (struct core *core, const struct ech_command *command)
{
  struct deck        *deck    = &core->decks[command->deck];
  struct ech_feedback retired = { .type = ECH_FEEDBACK_RETIRED,
                                  .deck = command->deck,
                                  .pcm  = deck->pcm };

  deck->pcm                    = command->pcm;
  deck->report.generation      = command->generation;
  deck->report.state           = command->pcm ? ECH_DECK_STOPPED : ECH_DECK_EMPTY;
  deck->report.has_grid        = false;
  deck->report.position_frames = 0;
  deck->report.loop_active     = false;
  if (retired.pcm)
    ech_ring_push (&core->exchange->feedback, &retired);
}

static void
set_param (struct core *core, const struct ech_command *command)
{
  struct deck *deck = &core->decks[command->deck];

  switch (command->param) {
  case ECH_PARAM_TRIM:
    deck->trim_db = command->value;
    break;
  case ECH_PARAM_VOLUME:
    deck->volume = command->value;
    break;
  case ECH_PARAM_EQ_LOW:
  case ECH_PARAM_EQ_MID:
  case ECH_PARAM_EQ_HIGH:
    deck->eq_db[command->param - ECH_PARAM_EQ_LOW] = command->value;
    break;
  case ECH_PARAM_CROSSFADER:
    core->crossfader = command->value;
    break;
  default:
    break;
  }
}

static void
move (struct core *core, const struct ech_command *command)
{
  struct ech_deck_report *deck = &core->decks[command->deck].report;

  switch (command->type) {
  case ECH_COMMAND_PLAY:
  case ECH_COMMAND_HOTCUE_JUMP:
    deck->state = ECH_DECK_PLAYING;
    break;
  case ECH_COMMAND_STOP:
    deck->state = ECH_DECK_STOPPED;
    break;
  case ECH_COMMAND_CUE:
    if (isnan (command->value))
      deck->state = ECH_DECK_STOPPED;
    break;
  case ECH_COMMAND_LOOP:
    deck->loop_active = command->value != 0;
    break;
  case ECH_COMMAND_SYNC:
    deck->sync = command->value != 0;
    break;
  case ECH_COMMAND_SPEED:
    deck->speed = command->value;
    break;
  default:
    break;
  }
  if ((command->type == ECH_COMMAND_PLAY || command->type == ECH_COMMAND_SEEK)
      && !isnan (command->value))
    deck->position_frames = command->value;
}

static bool
needs_track (const struct ech_command *command)
{
  return (command->type >= ECH_COMMAND_PLAY && command->type <= ECH_COMMAND_CUE)
         || (command->type >= ECH_COMMAND_LOOP && command->type <= ECH_COMMAND_HOTCUE_CLEAR);
}

static void
note_done (struct core *core, const struct ech_command *command, double frame)
{
  struct core_done done = { .serial     = command->id,
                            .type       = command->type,
                            .deck       = command->deck,
                            .was_on_air = is_on_air (core, command->deck),
                            .when       = command->when,
                            .in_phase   = command->in_phase,
                            .at         = command->at,
                            .frame      = (uint64_t) frame };

  for (uint32_t i = 0; i < core->n_decks; i++)
    done.n_on_air += is_on_air (core, i);
  done.value = command->type == ECH_COMMAND_SET_TRACK ? (command->pcm ? 1 : 0) : command->value;
  g_array_append_val (core->done, done);
}

static void
execute (struct core *core, const struct ech_command *command, double frame)
{
  struct deck *deck = &core->decks[command->deck];

  if (command->type >= ECH_COMMAND_SET_GRID && command->type <= ECH_COMMAND_BEND
      && command->generation != 0 && command->generation != deck->report.generation) {
    tell (core, ECH_FEEDBACK_STALE, command, frame);
    return;
  }
  if (needs_track (command) && !deck->pcm) {
    tell (core, ECH_FEEDBACK_REFUSED, command, frame);
    return;
  }
  note_done (core, command, frame);
  if (command->type == ECH_COMMAND_PARAM)
    set_param (core, command);
  else if (command->type == ECH_COMMAND_SET_GRID)
    deck->report.has_grid = true;
  else if (command->type == ECH_COMMAND_TEMPO)
    core->timeline =
        (struct ech_timeline){ frame, ech_timeline_beat_at (&core->timeline, frame), command->value,
                               CORE_RATE };
  else
    move (core, command);
  tell (core, ECH_FEEDBACK_EXECUTED, command, frame);
  if (command->type == ECH_COMMAND_SET_TRACK)
    set_track (core, command);
}

static void
take_back (struct core *core, uint64_t id)
{
  for (guint i = 0; i < core->pending->len; i++) {
    struct ech_command command = g_array_index (core->pending, struct ech_command, i);

    if (command.id != id)
      continue;
    g_array_remove_index (core->pending, i);
    tell (core, ECH_FEEDBACK_CANCELLED, &command, (double) core->frame);
    return;
  }
}

/* Those due before @end, by frame, ties in order of arrival; the tempo may change on the way. */
static bool
execute_next (struct core *core, double end)
{
  double due  = INFINITY;
  guint  best = 0;

  for (guint i = 0; i < core->pending->len; i++) {
    const struct ech_command *command = &g_array_index (core->pending, struct ech_command, i);
    double at = command->when == ECH_WHEN_BEAT
                    ? (double) ech_timeline_onset_frame (&core->timeline, command->at)
                : command->when == ECH_WHEN_FRAME ? command->at
                                                  : (double) core->frame;

    if (at < due) {
      due  = at;
      best = i;
    }
  }
  if (!(due < end))
    return false;
  struct ech_command command = g_array_index (core->pending, struct ech_command, best);

  g_array_remove_index (core->pending, best);
  if (due < (double) core->frame)
    tell (core, ECH_FEEDBACK_LATE, &command, (double) core->frame);
  else
    execute (core, &command, due);
  return true;
}

static void
run_deck (struct core *core, uint32_t number, uint32_t n_frames)
{
  struct deck        *deck = &core->decks[number];
  struct ech_feedback end  = { .type = ECH_FEEDBACK_END_OF_TRACK, .deck = number };

  deck->report.gain = (float) gain_of (core, number);
  deck->report.step = deck->report.state == ECH_DECK_PLAYING ? deck->report.speed : 0;
  if (deck->report.state != ECH_DECK_PLAYING || deck->report.loop_active)
    return;
  deck->report.position_frames += deck->report.step * n_frames;
  if (deck->report.position_frames < (double) atomic_load (&deck->pcm->length_frames))
    return;
  deck->report.state = ECH_DECK_STOPPED;
  deck->report.step  = 0;
  end.frame          = core->frame + n_frames;
  ech_ring_push (&core->exchange->feedback, &end);
}

void
core_cycle (struct core *core, uint32_t n_frames)
{
  struct ech_rt_report *out;
  struct ech_command    command;

  while (ech_ring_pop (&core->exchange->commands, &command)) {
    if (command.type == ECH_COMMAND_CANCEL)
      take_back (core, command.id);
    else
      g_array_append_val (core->pending, command);
  }
  while (execute_next (core, (double) core->frame + MAX (n_frames, 1))) {
  }
  for (uint32_t i = 0; i < core->n_decks; i++)
    run_deck (core, i, n_frames);
  core->frame += n_frames;
  out           = ech_triple_writable (&core->exchange->reports);
  out->frame    = core->frame;
  out->timeline = core->timeline;
  out->cycles   = ++core->cycles;
  for (uint32_t i = 0; i < core->n_decks; i++)
    out->decks[i] = core->decks[i].report;
  ech_triple_publish (&core->exchange->reports);
}

void
core_tick (struct core *core)
{
  struct ech_now now = { .frame   = (double) core->frame,
                         .time_ns = 1 + core->frame * 1000000000 / CORE_RATE,
                         .exact   = true,
                         .running = true };

  ech_scheduler_tick (core->scheduler, &now);
}

void
core_settle (struct core *core)
{
  core_tick (core);
  core_cycle (core, 0);
  core_tick (core);
}

void
core_advance (struct core *core, unsigned n_cycles, uint32_t n_frames)
{
  for (unsigned i = 0; i < n_cycles; i++) {
    core_cycle (core, n_frames);
    core_tick (core);
  }
}

uint64_t
core_frame (const struct core *core)
{
  return core->frame;
}

/* Looking */

static unsigned
take (GArray *from, void *out, unsigned n)
{
  n = MIN (n, from->len);
  if (n > 0) {
    memcpy (out, from->data, (size_t) n * g_array_get_element_size (from));
    g_array_remove_range (from, 0, n);
  }
  return n;
}

unsigned
core_take_events (struct core *core, struct ech_event *out, unsigned n)
{
  return take (core->events, out, n);
}

unsigned
core_take_done (struct core *core, struct core_done *out, unsigned n)
{
  return take (core->done, out, n);
}

void
core_state (struct core *core, struct core_state *out)
{
  ech_scheduler_snapshot (core->scheduler, core->snapshot);
  out->beat      = core->snapshot->beat;
  out->bpm       = core->snapshot->timeline.bpm;
  out->n_pending = core->snapshot->n_pending;
  out->n_sources = core->snapshot->n_sources;
  for (uint32_t i = 0; i < core->n_decks; i++) {
    const struct ech_deck_status *deck = &core->snapshot->decks[i];

    out->decks[i] = (struct core_deck_state){ deck->state, deck->generation, deck->on_air,
                                              deck->locked, deck->volume };
  }
}

unsigned
core_pending (struct core *core, struct ech_pending *out, unsigned n)
{
  ech_scheduler_snapshot (core->scheduler, core->snapshot);
  n = MIN (n, MIN (core->snapshot->n_pending, (uint32_t) ECH_MAX_PENDING_SHOWN));
  memcpy (out, core->snapshot->pending, n * sizeof *out);
  return n;
}

size_t
core_size (const char *what)
{
  static const struct {
    const char *what;
    size_t      size;
  } sizes[] = {
    { "action", sizeof (struct ech_action) },    { "event", sizeof (struct ech_event) },
    { "done", sizeof (struct core_done) },       { "state", sizeof (struct core_state) },
    { "pending", sizeof (struct ech_pending) },  { "verbs", ECH_N_VERBS },
    { "rules", ECH_N_RULES },                    { "fates", ECH_N_FATES },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
    if (strcmp (sizes[i].what, what) == 0)
      return sizes[i].size;
  }
  return 0;
}

const char *
core_rule_name (uint32_t rule)
{
  return ech_rule_name ((enum ech_rule) rule);
}

const char *
core_verb_name (uint32_t verb)
{
  return ech_verb_name ((enum ech_verb) verb);
}

const char *
core_fate_name (uint32_t fate)
{
  return ech_fate_name ((enum ech_fate) fate);
}

bool
core_is_word (uint32_t verb)
{
  unsigned               n;
  const struct ech_word *words = ech_vocabulary_words (&n);

  for (unsigned i = 0; i < n; i++) {
    if (words[i].verb == verb)
      return true;
  }
  return false;
}
