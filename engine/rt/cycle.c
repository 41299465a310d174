/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/cycle.h"

#include <string.h>

#include "engine/rt/deck.h"
#include "engine/rt/follower.h"
#include "engine/rt/mixer.h"

enum { BACKLOG_SLOTS = 64, METER_FRAMES = 1024, KEYLOCK_SKIP = 128 };

/* A command that is carried out in this block. */
struct planned {
  struct ech_command  command;
  int64_t             frame;
  double              exact_frame; /* within half a frame of it */
  struct ech_timeline timeline;    /* from there on */
};

struct due {
  int64_t  frame;
  uint32_t index; /* into pending */
};

struct meter_latch {
  uint32_t frames;
  float    peak[2];
  float    rms[2];
};

struct ech_cycle {
  struct ech_exchange *exchange;
  struct ech_capture  *capture; /* NULL = nobody records */
  uint32_t             n_decks;
  double               rate;

  /* the block: [frame, frame + n_frames) */
  int64_t             frame;
  uint32_t            n_frames;
  uint64_t            time_ns;
  bool                is_open;
  bool                deck_done[ECH_MAX_DECKS];
  struct ech_timeline timeline; /* at the block's start */

  /* somebody else's clock */
  struct ech_clock_port *clock; /* NULL = our own; borrowed until we send it back */
  struct ech_follower    follower;
  bool                   follows;  /* in this block */
  uint64_t               delay_ns; /* from our outputs to the speaker */

  /* commands that wait, in their order of arrival, and those of this block, in theirs */
  uint32_t           n_pending;
  struct ech_command pending[ECH_COMMAND_SLOTS];
  uint32_t           n_planned;
  struct planned     plan[ECH_COMMAND_SLOTS];
  struct due         due[ECH_COMMAND_SLOTS];

  /* feedback that found the ring full */
  uint32_t            n_backlog;
  struct ech_feedback backlog[BACKLOG_SLOTS];
  uint64_t            feedback_lost;

  struct ech_deck    decks[ECH_MAX_DECKS];
  struct ech_mixer   mixer;
  struct meter_latch deck_meters[ECH_MAX_DECKS];
  struct meter_latch master_meter;
  uint64_t           cycles;
  uint64_t           lost_cycles;

  /* interleaved stereo */
  float deck_out[2 * ECH_MAX_BLOCK];
  float deck_scratch[2 * ECH_MAX_BLOCK];
  float mix_in[ECH_MAX_DECKS][2 * ECH_MAX_BLOCK];
  float mix_out[4][2 * ECH_MAX_BLOCK];
  float mix_scratch[6 * ECH_MAX_BLOCK];
};

size_t
ech_cycle_size (void)
{
  return (sizeof (struct ech_cycle) + 63) & ~(size_t) 63;
}

void
ech_cycle_init (struct ech_cycle *cycle, struct ech_exchange *exchange, uint32_t n_decks, double rate)
{
  const struct ech_sinc_tables *tables = ech_sinc_tables_get ();

  memset (cycle, 0, sizeof *cycle);
  cycle->exchange = exchange;
  cycle->n_decks  = n_decks;
  cycle->rate     = rate;
  cycle->timeline = (struct ech_timeline){ .bpm = 120.0, .rate = rate };
  for (uint32_t i = 0; i < ECH_MAX_DECKS; i++) {
    ech_deck_init (&cycle->decks[i], tables, rate);
    cycle->decks[i].keylock_skip = i * KEYLOCK_SKIP;
  }
  ech_mixer_init (&cycle->mixer, n_decks, rate);
}

void
ech_cycle_finish (struct ech_cycle *cycle)
{
  struct ech_command command;

  cycle->clock = NULL;
  for (uint32_t i = 0; i < ECH_MAX_DECKS; i++) {
    struct ech_pcm *pcm = cycle->decks[i].pcm;

    ech_deck_finish (&cycle->decks[i]);
    cycle->decks[i].pcm     = NULL;
    cycle->decks[i].playing = false;
    if (pcm != NULL)
      pcm->release (pcm);
  }
  for (uint32_t i = 0; i < cycle->n_pending; i++)
    if (cycle->pending[i].type == ECH_COMMAND_SET_TRACK && cycle->pending[i].pcm != NULL)
      cycle->pending[i].pcm->release (cycle->pending[i].pcm);
  cycle->n_pending = 0;
  while (ech_ring_pop (&cycle->exchange->commands, &command))
    if (command.type == ECH_COMMAND_SET_TRACK && command.pcm != NULL)
      command.pcm->release (command.pcm);
}

void
ech_cycle_set_capture (struct ech_cycle *cycle, struct ech_capture *capture)
{
  cycle->capture = capture;
}

void
ech_cycle_set_rate (struct ech_cycle *cycle, double rate)
{
  double beat = ech_timeline_beat_at (&cycle->timeline, (double) cycle->frame);

  cycle->timeline.origin_frames = (double) cycle->frame;
  cycle->timeline.origin_beats  = beat;
  cycle->timeline.rate          = rate;
  cycle->rate                   = rate;
  ech_follower_init (&cycle->follower); /* another device */
  for (uint32_t i = 0; i < ECH_MAX_DECKS; i++)
    ech_deck_set_rate (&cycle->decks[i], rate, cycle->frame);
  if (cycle->capture != NULL)
    ech_capture_split (cycle->capture, cycle->frame);
  ech_mixer_set_rate (&cycle->mixer, rate);
}

uint32_t
ech_cycle_latency (const struct ech_cycle *cycle)
{
  return ech_limiter_latency (&cycle->mixer.limiter);
}

void
ech_cycle_set_delay (struct ech_cycle *cycle, uint64_t delay_ns)
{
  cycle->delay_ns = delay_ns;
}

uint64_t
ech_cycle_frame (const struct ech_cycle *cycle)
{
  return (uint64_t) cycle->frame + (cycle->is_open ? cycle->n_frames : 0);
}

struct ech_timeline
ech_cycle_timeline (const struct ech_cycle *cycle)
{
  return cycle->timeline;
}

/* Feedback */

static void
flush_backlog (struct ech_cycle *cycle)
{
  uint32_t sent = 0;

  while (sent < cycle->n_backlog
         && ech_ring_push (&cycle->exchange->feedback, &cycle->backlog[sent]))
    sent++;
  cycle->n_backlog -= sent;
  memmove (cycle->backlog, cycle->backlog + sent, cycle->n_backlog * sizeof cycle->backlog[0]);
}

static void
send_feedback (struct ech_cycle *cycle, const struct ech_feedback *feedback)
{
  if (cycle->n_backlog == 0 && ech_ring_push (&cycle->exchange->feedback, feedback))
    return;
  if (cycle->n_backlog < BACKLOG_SLOTS)
    cycle->backlog[cycle->n_backlog++] = *feedback;
  else
    cycle->feedback_lost++;
}

static void
tell (struct ech_cycle          *cycle,
      enum ech_feedback_type     type,
      const struct ech_command  *command,
      int64_t                    frame,
      const struct ech_timeline *timeline)
{
  struct ech_feedback feedback = {
    .type  = type,
    .deck  = command->deck,
    .id    = command->id,
    .frame = (uint64_t) frame,
    .beat  = command->when == ECH_WHEN_BEAT ? command->at
                                            : ech_timeline_beat_at (timeline, (double) frame),
  };

  if (command->id != 0)
    send_feedback (cycle, &feedback);
}

/* Planning */

/* The frame on which @command is due if @timeline goes on; @block_frame for what is due at once. */
static int64_t
onset_of (const struct ech_command  *command,
          const struct ech_timeline *timeline,
          int64_t                    block_frame,
          double                    *out_exact)
{
  switch (command->when) {
  case ECH_WHEN_BEAT:
    *out_exact = ech_timeline_frame_at (timeline, command->at);
    break;
  case ECH_WHEN_FRAME:
    *out_exact = command->at;
    break;
  default:
    *out_exact = isnan (command->at) || fabs (command->at - (double) block_frame) > 0.5
                   ? (double) block_frame
                   : command->at;
    return block_frame;
  }
  return *out_exact < 9e15 ? (int64_t) llround (*out_exact) : INT64_MAX;
}

static bool
is_deck_command (const struct ech_command *command)
{
  return command->type >= ECH_COMMAND_SET_TRACK && command->type <= ECH_COMMAND_KEYLOCK;
}

/* Something that is prepared by a ramp before its frame. */
static bool
is_announced (const struct ech_command *command)
{
  if (command->when == ECH_WHEN_NOW)
    return false;
  switch (command->type) {
  case ECH_COMMAND_PLAY:
  case ECH_COMMAND_STOP:
  case ECH_COMMAND_SEEK:
  case ECH_COMMAND_JUMP:
  case ECH_COMMAND_LOOP_OUT:
  case ECH_COMMAND_LOOP_MOVE:
  case ECH_COMMAND_HOTCUE_JUMP:
    return true;
  case ECH_COMMAND_CUE:
    return isnan (command->value);
  default:
    return false;
  }
}

static void
take_back (struct ech_cycle *cycle, const struct ech_command *cancel)
{
  for (uint32_t i = 0; i < cycle->n_pending; i++) {
    struct ech_command *command = &cycle->pending[i];

    if (command->id != cancel->id || command->type == ECH_COMMAND_NONE)
      continue;
    if (is_deck_command (command) && cycle->decks[command->deck].announced_id == command->id)
      ech_deck_withdraw (&cycle->decks[command->deck], cycle->frame);
    tell (cycle, ECH_FEEDBACK_CANCELLED, command, cycle->frame, &cycle->timeline);
    memmove (command, command + 1, (cycle->n_pending - i - 1) * sizeof *command);
    cycle->n_pending--;
    return;
  }
  /* Not here any more: its EXECUTED is on the way. */
}

/* The old one goes back at once: what lies behind it may be gone already. */
static void
change_clock (struct ech_cycle *cycle, struct ech_clock_port *clock)
{
  struct ech_feedback feedback = { .type = ECH_FEEDBACK_CLOCK_RETIRED, .clock = cycle->clock };

  if (cycle->clock != NULL)
    send_feedback (cycle, &feedback);
  cycle->clock = clock;
  ech_follower_init (&cycle->follower);
}

static void
take_commands (struct ech_cycle *cycle)
{
  struct ech_command command;

  while (cycle->n_pending < ECH_COMMAND_SLOTS
         && ech_ring_pop (&cycle->exchange->commands, &command)) {
    if (command.type == ECH_COMMAND_CANCEL)
      take_back (cycle, &command);
    else if (command.type == ECH_COMMAND_CLOCK)
      change_clock (cycle, command.clock);
    else if (!is_deck_command (&command) || command.deck < cycle->n_decks)
      cycle->pending[cycle->n_pending++] = command;
  }
}

/* Those of pending that fall before @end under @timeline, by frame, then by arrival. */
static uint32_t
collect_due (struct ech_cycle *cycle, const struct ech_timeline *timeline, int64_t from, int64_t end)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < cycle->n_pending; i++) {
    struct ech_command *command = &cycle->pending[i];
    double              exact;
    int64_t             frame;
    uint32_t            at;

    if (command->type == ECH_COMMAND_NONE)
      continue;
    frame = onset_of (command, timeline, cycle->frame, &exact);
    if (frame >= end)
      continue;
    if (frame < cycle->frame && command->when == ECH_WHEN_BEAT) {
      tell (cycle, ECH_FEEDBACK_LATE, command, cycle->frame, timeline);
      if (is_deck_command (command) && cycle->decks[command->deck].announced_id == command->id)
        ech_deck_withdraw (&cycle->decks[command->deck], cycle->frame);
      command->type = ECH_COMMAND_NONE;
      continue;
    }
    frame = frame < from ? from : frame;
    for (at = n; at > 0 && cycle->due[at - 1].frame > frame; at--)
      cycle->due[at] = cycle->due[at - 1];
    cycle->due[at] = (struct due){ .frame = frame, .index = i };
    n++;
  }
  return n;
}

static void
change_tempo (struct ech_timeline *timeline, double exact_frame, double bpm)
{
  timeline->origin_beats  = ech_timeline_beat_at (timeline, exact_frame);
  timeline->origin_frames = exact_frame;
  timeline->bpm           = bpm;
}

/* Somebody else's clock */

/* CLOCK_MONOTONIC at which what enters the decks' outputs at @frame is at the speaker. */
static uint64_t
heard_ns (const struct ech_cycle *cycle, double frame)
{
  double frames = frame - (double) cycle->frame + ech_cycle_latency (cycle);

  return cycle->time_ns + cycle->delay_ns + (uint64_t) llround (frames * 1e9 / cycle->rate);
}

/* An announced start that this moved away from is announced again when it is near. */
static void
follow_timeline (struct ech_cycle *cycle, const struct ech_timeline *timeline, bool is_jump)
{
  for (uint32_t i = 0; i < cycle->n_decks; i++) {
    if (is_jump)
      ech_deck_withdraw (&cycle->decks[i], cycle->frame);
    ech_deck_follow (&cycle->decks[i], cycle->frame, &cycle->timeline, timeline);
  }
  cycle->timeline = *timeline;
}

/* The source has no more to say: on from where we are, at the graph's own rate. */
static void
leave_clock (struct ech_cycle *cycle)
{
  struct ech_timeline timeline = {
    .origin_frames = (double) cycle->frame,
    .origin_beats  = ech_timeline_beat_at (&cycle->timeline, (double) cycle->frame),
    .bpm           = cycle->timeline.bpm,
    .rate          = cycle->rate,
  };

  ech_follower_init (&cycle->follower);
  follow_timeline (cycle, &timeline, false);
}

static bool
read_clock (struct ech_cycle *cycle, struct ech_clock_reading *out_reading)
{
  struct ech_clock_port *port  = cycle->clock;
  struct ech_clock_query query = {
    .heard_ns = heard_ns (cycle, (double) cycle->frame),
    .beat     = ech_timeline_beat_at (&cycle->timeline, (double) cycle->frame),
    .bpm      = cycle->timeline.bpm,
  };
  bool is_read;

  if (port == NULL || !ech_clock_port_enter (port))
    return false;
  is_read = port->source->read (port->self, &query, out_reading);
  ech_clock_port_leave (port);
  return is_read && isfinite (out_reading->beat) && out_reading->bpm > 0.0;
}

/* Once a block, before anything in it is planned. */
static void
follow_clock (struct ech_cycle *cycle)
{
  struct ech_timeline      timeline = cycle->timeline;
  struct ech_clock_reading reading;
  bool                     followed = cycle->follows;

  if (cycle->n_frames == 0) /* no time passes */
    return;
  cycle->follows = read_clock (cycle, &reading);
  if (cycle->follows) {
    bool is_jump = ech_follower_take (&cycle->follower, &reading, (double) cycle->frame,
                                      cycle->n_frames, cycle->rate, &timeline);

    follow_timeline (cycle, &timeline, is_jump);
  } else if (followed) {
    leave_clock (cycle);
  }
}

/* Our side changed the tempo: it is everybody's. */
static void
tell_clock (struct ech_cycle *cycle, double exact_frame, double bpm)
{
  struct ech_clock_port *port = cycle->clock;

  if (!cycle->follows || !ech_clock_port_enter (port))
    return;
  port->source->set_tempo (port->self, bpm, heard_ns (cycle, exact_frame));
  ech_clock_port_leave (port);
}

/* Moves due commands into the plan, up to and with the first change of tempo. */
static bool
plan_until_tempo (struct ech_cycle *cycle, uint32_t n_due, struct ech_timeline *timeline, int64_t *from)
{
  for (uint32_t i = 0; i < n_due; i++) {
    struct ech_command *command = &cycle->pending[cycle->due[i].index];
    struct planned     *planned = &cycle->plan[cycle->n_planned++];
    bool                tempo   = command->type == ECH_COMMAND_TEMPO;

    planned->command = *command;
    planned->frame   = cycle->due[i].frame;
    onset_of (command, timeline, cycle->frame, &planned->exact_frame);
    if (fabs (planned->exact_frame - (double) planned->frame) > 0.5)
      planned->exact_frame = (double) planned->frame;
    command->type = ECH_COMMAND_NONE;
    if (tempo) {
      change_tempo (timeline, planned->exact_frame, planned->command.value);
      tell_clock (cycle, planned->exact_frame, planned->command.value);
      tell (cycle, ECH_FEEDBACK_EXECUTED, &planned->command, planned->frame, timeline);
      *from = planned->frame;
    }
    planned->timeline = *timeline;
    if (tempo)
      return true;
  }
  return false;
}

static void
plan_block (struct ech_cycle *cycle)
{
  struct ech_timeline timeline = cycle->timeline;
  int64_t             from     = cycle->frame;
  int64_t             end      = cycle->frame + (cycle->n_frames > 0 ? cycle->n_frames : 1);
  uint32_t            kept     = 0;

  cycle->n_planned = 0;
  while (plan_until_tempo (cycle, collect_due (cycle, &timeline, from, end), &timeline, &from)) {
    /* the new tempo moved all later beats: look again */
  }
  for (uint32_t i = 0; i < cycle->n_pending; i++)
    if (cycle->pending[i].type != ECH_COMMAND_NONE)
      cycle->pending[kept++] = cycle->pending[i];
  cycle->n_pending = kept;
}

/* Decks */

static void
execute_deck_command (struct ech_cycle *cycle, uint32_t deck, const struct planned *planned)
{
  struct ech_pcm           *retired = NULL;
  enum ech_deck_outcome     outcome;
  enum ech_feedback_type    type;

  outcome = ech_deck_execute (&cycle->decks[deck], &planned->command, planned->frame,
                              planned->exact_frame, &planned->timeline, &retired);
  type    = outcome == ECH_DECK_DONE    ? ECH_FEEDBACK_EXECUTED
            : outcome == ECH_DECK_STALE ? ECH_FEEDBACK_STALE
                                        : ECH_FEEDBACK_REFUSED;
  tell (cycle, type, &planned->command, planned->frame, &planned->timeline);
  if (retired != NULL) {
    struct ech_feedback feedback = { .type = ECH_FEEDBACK_RETIRED, .deck = deck, .pcm = retired };

    send_feedback (cycle, &feedback);
  }
}

/* The nearest command that wants a ramp before it, judged at @frame with what is known there. */
static const struct ech_command *
nearest_announced (const struct ech_cycle    *cycle,
                   uint32_t                   deck,
                   uint32_t                   first_planned,
                   int64_t                    frame,
                   const struct ech_timeline *timeline,
                   int64_t                   *out_due,
                   double                    *out_exact)
{
  const struct ech_command *nearest = NULL;
  double                    exact;

  *out_due = INT64_MAX;
  for (uint32_t i = first_planned; i < cycle->n_planned + cycle->n_pending; i++) {
    const struct ech_command *command = i < cycle->n_planned
                                          ? &cycle->plan[i].command
                                          : &cycle->pending[i - cycle->n_planned];
    int64_t                   due;

    if (command->deck != deck || !is_announced (command)
        || (command->generation != 0 && command->generation != cycle->decks[deck].generation))
      continue;
    due = onset_of (command, timeline, cycle->frame, &exact);
    if (due > frame && due < *out_due) {
      *out_due   = due;
      *out_exact = fabs (exact - (double) due) > 0.5 ? (double) due : exact;
      nearest    = command;
    }
  }
  return nearest;
}

/* The frame at which a known command changes @deck's loop without a jump; a wrap from there on is
 * not yet certain.  A loop that is set on the frame of a wrap begins behind it; one that is left
 * there does not wrap any more. */
static int64_t
next_loop_change (const struct ech_cycle    *cycle,
                  uint32_t                   deck,
                  uint32_t                   first_planned,
                  const struct ech_timeline *timeline)
{
  int64_t nearest = INT64_MAX;
  double  exact;

  for (uint32_t i = first_planned; i < cycle->n_planned + cycle->n_pending; i++) {
    const struct ech_command *command = i < cycle->n_planned
                                          ? &cycle->plan[i].command
                                          : &cycle->pending[i - cycle->n_planned];
    bool                      leaves  = command->value == 0.0;
    int64_t                   due;

    if (command->deck != deck || command->when == ECH_WHEN_NOW
        || (command->type != ECH_COMMAND_LOOP && command->type != ECH_COMMAND_LOOP_IN)
        || (command->generation != 0 && command->generation != cycle->decks[deck].generation))
      continue;
    due = onset_of (command, timeline, cycle->frame, &exact);
    if (command->type == ECH_COMMAND_LOOP_IN || !leaves)
      due++;
    if (due < nearest)
      nearest = due;
  }
  return nearest;
}

/* Carries out all that is planned for @deck at or before @frame; returns the next entry. */
static uint32_t
execute_planned (struct ech_cycle *cycle, uint32_t deck, uint32_t entry, int64_t frame, struct ech_timeline *timeline)
{
  for (; entry < cycle->n_planned && cycle->plan[entry].frame <= frame; entry++) {
    const struct planned *planned = &cycle->plan[entry];

    if (planned->command.type == ECH_COMMAND_TEMPO) {
      *timeline = planned->timeline;
      ech_deck_retime (&cycle->decks[deck], planned->frame, planned->exact_frame, timeline);
    } else if (is_deck_command (&planned->command) && planned->command.deck == deck) {
      execute_deck_command (cycle, deck, planned);
    }
  }
  return entry;
}

static void
run_out (struct ech_cycle *cycle, uint32_t deck, int64_t frame, const struct ech_timeline *timeline)
{
  struct ech_feedback feedback = {
    .type  = ECH_FEEDBACK_END_OF_TRACK,
    .deck  = deck,
    .frame = (uint64_t) frame,
    .beat  = ech_timeline_beat_at (timeline, (double) frame),
  };

  ech_deck_run_out (&cycle->decks[deck]);
  send_feedback (cycle, &feedback);
}

/* Prepares what comes next, a command or the loop's wrap, whichever is nearer; returns up to
 * where nothing of that begins or happens. */
static int64_t
look_ahead (struct ech_cycle          *cycle,
            uint32_t                   deck,
            uint32_t                   entry,
            int64_t                    frame,
            const struct ech_timeline *timeline)
{
  struct ech_deck          *d    = &cycle->decks[deck];
  int64_t                   wrap = ech_deck_wrap_frame (d), due, start;
  int64_t                   lead = ech_deck_prime_lead (d); /* 0: none is primed */
  double                    exact;
  const struct ech_command *announced =
    nearest_announced (cycle, deck, entry, frame, timeline, &due, &exact);

  if (wrap < due) {
    start = wrap - ech_deck_wrap_ramp (d);
    if (wrap < next_loop_change (cycle, deck, entry, timeline)) {
      if (start > frame) {
        ech_deck_withdraw_wrap (d, frame);
        if (wrap - lead > frame)
          return wrap - lead < start ? wrap - lead : start;
        ech_deck_prime_wrap (d, frame, wrap);
        return start;
      }
      ech_deck_announce_wrap (d, frame, wrap);
      return wrap;
    }
    ech_deck_unprime (d);
    ech_deck_withdraw_wrap (d, frame);
    return wrap;
  }
  ech_deck_withdraw_wrap (d, frame);
  if (announced == NULL) {
    ech_deck_unprime (d);
    return INT64_MAX;
  }
  start = due - d->ramp_frames;
  if (start > frame) {
    if (due - lead > frame)
      return due - lead < start ? due - lead : start;
    ech_deck_prime (d, announced, frame, due, exact, timeline);
    return start;
  }
  ech_deck_announce (d, announced, frame, due, exact, timeline);
  return INT64_MAX;
}

/* Renders @deck's block in straight stretches; @out NULL lets time pass in silence. */
static void
run_deck (struct ech_cycle *cycle, uint32_t deck, float *out)
{
  struct ech_deck    *d        = &cycle->decks[deck];
  struct ech_timeline timeline = cycle->timeline;
  int64_t             frame    = cycle->frame;
  int64_t             end      = cycle->frame + cycle->n_frames;
  uint32_t            entry    = 0;

  cycle->deck_done[deck] = true;
  for (;;) {
    int64_t stretch_end = end, next, track_end, caught_up;

    /* before the commands of the same frame: they find the deck at the loop's beginning */
    if (d->wrap_announced && d->wrap_frame <= frame)
      ech_deck_wrap (d, frame);
    entry = execute_planned (cycle, deck, entry, frame, &timeline);
    if (frame >= end)
      return;
    if (ech_deck_wrap_frame (d) <= frame)
      ech_deck_wrap (d, frame);
    if (entry < cycle->n_planned && cycle->plan[entry].frame < stretch_end)
      stretch_end = cycle->plan[entry].frame;
    if (frame % ECH_KEYLOCK_GRID == 0)
      ech_deck_tend (d, frame);
    if (ech_deck_wants_tending (d) && stretch_end > frame + ECH_KEYLOCK_GRID - frame % ECH_KEYLOCK_GRID)
      stretch_end = frame + ECH_KEYLOCK_GRID - frame % ECH_KEYLOCK_GRID;
    next = look_ahead (cycle, deck, entry, frame, &timeline);
    if (next < stretch_end)
      stretch_end = next;

    caught_up = ech_deck_catch_up_end (d);
    if (caught_up <= frame) {
      ech_deck_caught_up (d, frame);
      continue;
    }
    if (caught_up < stretch_end)
      stretch_end = caught_up;
    track_end = ech_deck_end_frame (d);
    if (track_end <= frame) {
      run_out (cycle, deck, frame, &timeline);
      continue;
    }
    if (track_end < stretch_end)
      stretch_end = track_end;

    ech_deck_render (d, frame, (uint32_t) (stretch_end - frame), cycle->deck_scratch,
                     out != NULL ? out + 2 * (frame - cycle->frame) : NULL);
    frame = stretch_end;
  }
}

void
ech_cycle_deck (struct ech_cycle *cycle, uint32_t deck, float *out_left, float *out_right)
{
  float *out = cycle->deck_out;

  if (deck >= cycle->n_decks || cycle->deck_done[deck])
    return;
  memset (out, 0, 2 * cycle->n_frames * sizeof *out);
  run_deck (cycle, deck, out);
  for (uint32_t i = 0; out_left != NULL && i < cycle->n_frames; i++)
    out_left[i] = out[2 * i];
  for (uint32_t i = 0; out_right != NULL && i < cycle->n_frames; i++)
    out_right[i] = out[2 * i + 1];
}

/* Mixer */

static void
interleave (const float *left, const float *right, float *out, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    out[2 * i]     = left != NULL ? left[i] : 0.0f;
    out[2 * i + 1] = right != NULL ? right[i] : 0.0f;
  }
}

static void
deinterleave (const float *in, float *const out[2], uint32_t n)
{
  for (int side = 0; side < 2; side++)
    for (uint32_t i = 0; out[side] != NULL && i < n; i++)
      out[side][i] = in[2 * i + side];
}

/* What is due on a frame of the graph is in the outputs so much later. */
static void
record (struct ech_cycle *cycle, const struct planned *planned)
{
  bool done = cycle->capture != NULL
              && ech_capture_set (cycle->capture, planned->command.value != 0.0,
                                  planned->frame + ech_cycle_latency (cycle));

  tell (cycle, done ? ECH_FEEDBACK_EXECUTED : ECH_FEEDBACK_REFUSED, &planned->command,
        planned->frame, &planned->timeline);
}

/* Sets all parameters that are planned at or before @frame; returns the next entry. */
static uint32_t
set_planned (struct ech_cycle *cycle, uint32_t entry, int64_t frame)
{
  for (; entry < cycle->n_planned && cycle->plan[entry].frame <= frame; entry++) {
    const struct planned *planned = &cycle->plan[entry];

    if (planned->command.type == ECH_COMMAND_RECORD)
      record (cycle, planned);
    if (planned->command.type != ECH_COMMAND_PARAM)
      continue;
    ech_mixer_set (&cycle->mixer, planned->command.deck, planned->command.param,
                   planned->command.value);
    tell (cycle, ECH_FEEDBACK_EXECUTED, &planned->command, planned->frame, &planned->timeline);
  }
  return entry;
}

static void
run_mixer (struct ech_cycle *cycle, const float *const decks[ECH_MAX_DECKS])
{
  int64_t  frame = cycle->frame, end = cycle->frame + cycle->n_frames;
  uint32_t entry = 0;

  for (;;) {
    struct ech_mix_span span = { .master = NULL };
    int64_t             stretch_end = end;
    size_t              at          = 2 * (size_t) (frame - cycle->frame);

    entry = set_planned (cycle, entry, frame);
    if (frame >= end)
      break;
    if (entry < cycle->n_planned && cycle->plan[entry].frame < stretch_end)
      stretch_end = cycle->plan[entry].frame;
    for (uint32_t i = 0; i < cycle->n_decks; i++)
      span.decks[i] = decks[i] != NULL ? decks[i] + at : NULL;
    span.master     = cycle->mix_out[0] + at;
    span.headphones = cycle->mix_out[1] + at;
    span.booth      = cycle->mix_out[2] + at;
    span.record     = cycle->mix_out[3] + at;
    ech_mixer_process (&cycle->mixer, &span, (uint32_t) (stretch_end - frame), cycle->mix_scratch);
    frame = stretch_end;
  }
  if (cycle->capture != NULL)
    ech_capture_take (cycle->capture, cycle->rate, cycle->frame, cycle->mix_out[3], cycle->n_frames);
}

/* Reports */

static void
latch_meter (struct meter_latch *latch, struct ech_meter *meter, uint32_t n)
{
  latch->frames += n;
  if (latch->frames < METER_FRAMES)
    return;
  latch->frames = 0;
  ech_meter_take (meter, latch->peak, latch->rms);
}

static void
report_deck (const struct ech_cycle *cycle, uint32_t i, struct ech_deck_report *out)
{
  const struct ech_deck    *deck    = &cycle->decks[i];
  const struct ech_channel *channel = &cycle->mixer.channels[i];

  out->state           = deck->pcm == NULL  ? ECH_DECK_EMPTY
                         : deck->playing    ? ECH_DECK_PLAYING
                                            : ECH_DECK_STOPPED;
  out->generation      = deck->generation;
  out->position_frames = ech_deck_position (deck, (double) cycle->frame);
  out->step            = deck->playing ? deck->main.step : 0.0;
  out->cue_frames      = deck->cue_frames;
  out->speed           = deck->speed;
  out->sync            = deck->sync;
  out->has_grid        = deck->has_grid;
  out->underruns       = deck->underruns;
  out->bend            = deck->bend;
  out->keylock         = deck->keylock_set;
  out->loop_active     = deck->loop.active;
  out->loop_in_frames  = deck->loop.in_frames;
  out->loop_out_frames = deck->loop.out_frames;
  memcpy (out->hotcue_frames, deck->hotcues, sizeof out->hotcue_frames);
  out->gain            = (float) (channel->fader.target * channel->trim.target);
  memcpy (out->peak, cycle->deck_meters[i].peak, sizeof out->peak);
  memcpy (out->rms, cycle->deck_meters[i].rms, sizeof out->rms);
}

static void
report (struct ech_cycle *cycle)
{
  struct ech_rt_report *out = ech_triple_writable (&cycle->exchange->reports);

  out->frame          = (uint64_t) cycle->frame;
  out->time_ns        = cycle->time_ns;
  out->block_frames   = cycle->n_frames > 0 ? cycle->n_frames : out->block_frames;
  out->latency_frames = ech_cycle_latency (cycle);
  out->timeline       = cycle->timeline;
  out->cycles         = cycle->cycles;
  out->lost_cycles    = cycle->lost_cycles;
  out->feedback_lost  = cycle->feedback_lost;
  out->limiter_gain   = ech_limiter_take_min_gain (&cycle->mixer.limiter);
  for (uint32_t i = 0; i < cycle->n_decks; i++)
    report_deck (cycle, i, &out->decks[i]);
  if (cycle->capture != NULL) {
    out->recording          = cycle->capture->is_wanted;
    out->record_frames      = cycle->capture->taken_frames;
    out->record_lost_frames = cycle->capture->lost_frames;
  }
  memcpy (out->master_peak, cycle->master_meter.peak, sizeof out->master_peak);
  memcpy (out->master_rms, cycle->master_meter.rms, sizeof out->master_rms);
  ech_triple_publish (&cycle->exchange->reports);
}

/* The block */

/* What was planned happens, also when a node of ours was not called in time. */
static void
close_block (struct ech_cycle *cycle)
{
  for (uint32_t i = 0; i < cycle->n_decks; i++)
    if (!cycle->deck_done[i])
      run_deck (cycle, i, NULL);
  for (uint32_t i = 0; i < cycle->n_decks; i++)
    latch_meter (&cycle->deck_meters[i], &cycle->mixer.channels[i].meter, cycle->n_frames);
  latch_meter (&cycle->master_meter, &cycle->mixer.master_meter, cycle->n_frames);

  if (cycle->n_planned > 0)
    cycle->timeline = cycle->plan[cycle->n_planned - 1].timeline;
  cycle->frame += cycle->n_frames;
  cycle->time_ns += (uint64_t) llround (cycle->n_frames * 1e9 / cycle->rate);
  cycle->is_open = false;
  cycle->cycles++;
  report (cycle);
}

void
ech_cycle_begin (struct ech_cycle *cycle, uint32_t n_frames, uint64_t time_ns, uint64_t skipped_frames)
{
  static const float *const silence[ECH_MAX_DECKS] = { NULL };

  if (cycle->is_open) { /* the mixer was not called */
    run_mixer (cycle, silence);
    close_block (cycle);
    cycle->lost_cycles++;
  }
  if (skipped_frames > 0)
    cycle->lost_cycles++;
  cycle->frame += (int64_t) skipped_frames;
  cycle->n_frames = n_frames < ECH_MAX_BLOCK ? n_frames : ECH_MAX_BLOCK;
  cycle->time_ns  = time_ns;
  cycle->is_open  = true;
  memset (cycle->deck_done, 0, sizeof cycle->deck_done);
  flush_backlog (cycle);
  take_commands (cycle);
  follow_clock (cycle);
  plan_block (cycle);
}

void
ech_cycle_mix (struct ech_cycle *cycle, const struct ech_mix_ports *ports)
{
  const float *decks[ECH_MAX_DECKS] = { NULL };
  uint32_t     n                    = cycle->n_frames;

  if (!cycle->is_open)
    return;
  for (uint32_t i = 0; i < cycle->n_decks; i++) {
    if (ports->deck_left[i] == NULL && ports->deck_right[i] == NULL)
      continue;
    interleave (ports->deck_left[i], ports->deck_right[i], cycle->mix_in[i], n);
    decks[i] = cycle->mix_in[i];
  }
  run_mixer (cycle, decks);
  deinterleave (cycle->mix_out[0], ports->master, n);
  deinterleave (cycle->mix_out[1], ports->headphones, n);
  deinterleave (cycle->mix_out[2], ports->booth, n);
  deinterleave (cycle->mix_out[3], ports->record, n);
  close_block (cycle);
}
