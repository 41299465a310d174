/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/deck.h"

#include <string.h>

/* Track frames: what remains of a sum of beats does not put a wrap one frame off. */
#define ROUNDING 1e-6

/* Voices */

static double
voice_position (const struct ech_voice *v, double frame)
{
  return v->origin_position + (frame - (double) v->origin_frame) * v->step;
}

static double
voice_gain (const struct ech_voice *v, int64_t frame)
{
  if (frame >= v->ramp_end)
    return v->gain1;
  if (frame <= v->ramp_start)
    return v->gain0;
  return v->gain0 + (v->gain1 - v->gain0) * (double) (frame - v->ramp_start)
                      / (double) (v->ramp_end - v->ramp_start);
}

static void
voice_anchor (struct ech_voice *v, double position, int64_t frame, double step)
{
  v->active          = true;
  v->origin_position = position;
  v->origin_frame    = frame;
  v->step            = step;
}

/* From its gain at @frame to @gain at @end. */
static void
voice_ramp (struct ech_voice *v, int64_t frame, double gain, int64_t end)
{
  v->gain0      = voice_gain (v, frame);
  v->gain1      = gain;
  v->ramp_start = frame;
  v->ramp_end   = end;
}

static void
voice_set_gain (struct ech_voice *v, double gain)
{
  v->gain0 = v->gain1 = gain;
  v->ramp_start = v->ramp_end = INT64_MIN;
}

/* Adds the voice; silent once a ramp to nothing is over. */
static void
voice_render (struct ech_voice             *v,
              const struct ech_sinc_tables *tables,
              const struct ech_pcm         *pcm,
              uint64_t                      readable,
              int64_t                       frame,
              uint32_t                      n,
              float                        *scratch,
              float                        *out)
{
  uint32_t i = 0;

  if (!v->active)
    return;
  if (out != NULL && !(v->gain1 == 0.0 && frame >= v->ramp_end)) {
    ech_resample_read (tables, pcm->frames, readable, v->origin_position, v->step,
                       frame - v->origin_frame, scratch, n);
    for (; i < n && frame + (int64_t) i < v->ramp_end; i++) {
      float gain = (float) voice_gain (v, frame + (int64_t) i);

      out[2 * i] += gain * scratch[2 * i];
      out[2 * i + 1] += gain * scratch[2 * i + 1];
    }
    if (v->gain1 != 0.0) {
      for (; i < n; i++) {
        out[2 * i] += (float) v->gain1 * scratch[2 * i];
        out[2 * i + 1] += (float) v->gain1 * scratch[2 * i + 1];
      }
    }
  }
  if (v->gain1 == 0.0 && frame + (int64_t) n >= v->ramp_end)
    v->active = false;
}

/* Speed and phase */

/* Track beats a session beat: a session at half or double the track's tempo is
 * followed at the nearest octave. */
static double
octave_of_session (const struct ech_deck *deck, const struct ech_timeline *timeline)
{
  double ratio = timeline->bpm / ech_grid_bpm (&deck->grid, deck->pcm->rate);

  return exp2 (-rint (log2 (ratio)));
}

static double
synced_speed (const struct ech_deck *deck, const struct ech_timeline *timeline)
{
  return timeline->bpm * octave_of_session (deck, timeline)
         / ech_grid_bpm (&deck->grid, deck->pcm->rate);
}

static bool
is_synced (const struct ech_deck *deck)
{
  return deck->sync && deck->has_grid && deck->pcm != NULL;
}

static void
update_speed (struct ech_deck *deck, const struct ech_timeline *timeline)
{
  deck->speed = is_synced (deck) ? synced_speed (deck, timeline) : deck->speed_set;
}

static double
deck_step (const struct ech_deck *deck)
{
  return deck->speed * (1.0 + deck->bend) * deck->pcm->rate / deck->rate;
}

/* Where a change at @exact_frame, heard on the nearest frame, meets the track: synced decks at the
 * very instant, others on the frame, so that their positions stay whole. */
static double
meeting_frame (const struct ech_deck *deck, double exact_frame)
{
  return is_synced (deck) ? exact_frame : round (exact_frame);
}

/* The position nearest to @position whose phase within @quantum beats is the session's at
 * @exact_frame.  The track's bars count from its downbeat, the session's from beat 0. */
static double
position_in_phase (const struct ech_deck     *deck,
                   const struct ech_timeline *timeline,
                   double                     position,
                   double                     exact_frame,
                   double                     quantum)
{
  double session = ech_timeline_beat_at (timeline, exact_frame)
                   * (is_synced (deck) ? octave_of_session (deck, timeline) : 1.0);
  double track   = ech_grid_beat_at (&deck->grid, position) - deck->grid.downbeat;
  double shift   = ech_beat_phase (session, quantum) - ech_beat_phase (track, quantum);

  shift -= quantum * rint (shift / quantum);
  position += shift * deck->grid.frames_per_beat;
  /* A hair before the first frame is rounding, not a beat too early. */
  if (position < -0.5)
    position += quantum * deck->grid.frames_per_beat;
  return position < 0.0 ? 0.0 : position;
}

/* Loops */

static void
forget_loop (struct ech_deck *deck)
{
  deck->loop = (struct ech_loop){ .in_frames = NAN, .out_frames = NAN };
}

/* @position, from the out point on counted anew from the in point. */
static double
position_in_loop (const struct ech_deck *deck, double position)
{
  const struct ech_loop *loop   = &deck->loop;
  double                 length = loop->out_frames - loop->in_frames;

  if (!loop->active || position < loop->out_frames - ROUNDING)
    return position;
  return position - length * floor ((position - loop->in_frames + ROUNDING) / length);
}

static bool
is_loop_possible (const struct ech_deck *deck, const struct ech_loop *loop)
{
  uint64_t length = atomic_load_explicit (&deck->pcm->length_frames, memory_order_relaxed);

  return loop->in_frames >= 0.0 && loop->out_frames <= (double) length + ROUNDING
         && loop->out_frames - loop->in_frames >= ECH_MIN_LOOP_S * deck->pcm->rate;
}

/* A jump to @position ends the loop, unless it stays within. */
static void
leave_loop_at (struct ech_deck *deck, double position)
{
  if (deck->loop.active
      && (position < deck->loop.in_frames - 0.5 || position >= deck->loop.out_frames - ROUNDING))
    deck->loop.active = false;
}

int64_t
ech_deck_wrap_frame (const struct ech_deck *deck)
{
  double frames;

  if (!deck->playing || !deck->loop.active)
    return INT64_MAX;
  frames = ceil ((deck->loop.out_frames - ROUNDING - deck->main.origin_position) / deck->main.step);
  return frames < 1e15 ? deck->main.origin_frame + (int64_t) frames : INT64_MAX;
}

int64_t
ech_deck_wrap_ramp (const struct ech_deck *deck)
{
  double half = 0.5 * (deck->loop.out_frames - deck->loop.in_frames) / deck->main.step;

  return half < (double) deck->ramp_frames ? (int64_t) half : deck->ramp_frames;
}

double
ech_deck_position (const struct ech_deck *deck, double frame)
{
  return deck->playing ? position_in_loop (deck, voice_position (&deck->main, frame))
                       : deck->rest_frames;
}

/* Set-up */

static void
forget_hotcues (struct ech_deck *deck)
{
  for (int i = 0; i < ECH_N_HOTCUES; i++)
    deck->hotcues[i] = NAN;
}

void
ech_deck_init (struct ech_deck *deck, const struct ech_sinc_tables *tables, double rate)
{
  memset (deck, 0, sizeof *deck);
  deck->tables      = tables;
  deck->rate        = rate;
  deck->ramp_frames = (int64_t) llround (ECH_CLICK_RAMP_S * rate);
  deck->speed_set   = 1.0;
  deck->speed       = 1.0;
  forget_loop (deck);
  forget_hotcues (deck);
}

void
ech_deck_set_rate (struct ech_deck *deck, double rate, int64_t frame)
{
  deck->rate        = rate;
  deck->ramp_frames = (int64_t) llround (ECH_CLICK_RAMP_S * rate);
  ech_deck_withdraw (deck, frame);
  ech_deck_withdraw_wrap (deck, frame);
  deck->incoming.active = false;
  memset (deck->tails, 0, sizeof deck->tails);
  if (deck->playing) {
    voice_anchor (&deck->main, voice_position (&deck->main, frame), frame, deck_step (deck));
    voice_set_gain (&deck->main, 1.0);
  }
}

/* Changes */

/* @voice goes on as a tail that dies away within the ramp. */
static void
leave_tail_of (struct ech_deck *deck, struct ech_voice *voice, int64_t frame)
{
  struct ech_voice *tail;

  if (!voice->active)
    return;
  tail            = &deck->tails[deck->next_tail];
  deck->next_tail = (deck->next_tail + 1) % ECH_DECK_TAILS;
  *tail           = *voice;
  voice->active   = false;
  voice_ramp (tail, frame, 0.0, frame + deck->ramp_frames);
}

/* So does all that sounds now; whatever was announced is to be announced again. */
static void
leave_tail (struct ech_deck *deck, int64_t frame)
{
  leave_tail_of (deck, &deck->main, frame);
  leave_tail_of (deck, &deck->incoming, frame);
  deck->announced_id = 0;
}

/* Begins to sound at @position on @frame.  @at_once: nobody announced it. */
static void
begin_playing (struct ech_deck *deck,
               double           position,
               int64_t          frame,
               double           exact_frame,
               bool             at_once,
               bool             announced)
{
  double step = deck_step (deck);

  if (!announced)
    leave_tail (deck, frame);
  /* An unsynced start is a whole frame of the track on a whole frame of the
   * graph: the track's own samples. */
  if (is_synced (deck))
    position += ((double) frame - exact_frame) * step;
  voice_anchor (&deck->main, position, frame, step);
  voice_set_gain (&deck->main, 1.0);
  /* The track's first frame is its own beginning, not a cut. */
  if (at_once && position > 0.0) {
    voice_set_gain (&deck->main, 0.0);
    voice_ramp (&deck->main, frame, 1.0, frame + deck->ramp_frames);
  }
  deck->incoming.active = false;
  deck->wrap_announced  = false;
  deck->playing         = true;
}

static void
end_playing (struct ech_deck *deck, int64_t frame, double rest, bool announced)
{
  if (!announced)
    leave_tail (deck, frame);
  deck->main.active     = false;
  deck->incoming.active = false;
  deck->wrap_announced  = false;
  deck->playing         = false;
  deck->rest_frames     = rest;
}

static bool
is_in_track (const struct ech_deck *deck, double position)
{
  uint64_t length = atomic_load_explicit (&deck->pcm->length_frames, memory_order_relaxed);

  return position >= 0.0 && position < (double) length;
}

/* Where @command takes the playhead at @exact_frame; NAN = nowhere. */
static double
command_target (const struct ech_deck     *deck,
                const struct ech_command  *command,
                double                     exact_frame,
                const struct ech_timeline *timeline)
{
  double position = ech_deck_position (deck, exact_frame);

  switch (command->type) {
  case ECH_COMMAND_PLAY:
    if (!isnan (command->value))
      position = command->value;
    else if (deck->playing)
      return NAN;
    break;
  case ECH_COMMAND_SEEK:
    position = command->value;
    break;
  case ECH_COMMAND_JUMP:
    position += command->value * deck->grid.frames_per_beat;
    return is_in_track (deck, position) ? position : NAN;
  case ECH_COMMAND_HOTCUE_JUMP:
    position = deck->hotcues[command->param % ECH_N_HOTCUES];
    break;
  case ECH_COMMAND_LOOP_OUT:
    return deck->loop.in_frames;
  case ECH_COMMAND_LOOP_MOVE:
    position = ech_deck_position (deck, meeting_frame (deck, exact_frame));
    return deck->loop.active ? position + command->value * deck->grid.frames_per_beat : NAN;
  default:
    return NAN;
  }
  if ((command->in_phase || is_synced (deck)) && deck->has_grid)
    position = position_in_phase (deck, timeline, position, exact_frame, fmax (command->in_phase, 1.0));
  return is_in_track (deck, position) ? position : NAN;
}

static bool
is_start (const struct ech_command *command)
{
  return command->type == ECH_COMMAND_PLAY || command->type == ECH_COMMAND_HOTCUE_JUMP;
}

static enum ech_deck_outcome
go_to (struct ech_deck           *deck,
       const struct ech_command  *command,
       int64_t                    frame,
       double                     exact_frame,
       const struct ech_timeline *timeline,
       bool                       announced)
{
  double target = command_target (deck, command, exact_frame, timeline);
  bool   starts = deck->playing || is_start (command);

  if (command->type == ECH_COMMAND_PLAY && deck->playing && isnan (command->value))
    return ECH_DECK_DONE; /* it plays already */
  if (isnan (target))
    return ECH_DECK_IMPOSSIBLE;
  /* who goes on from where the deck stands stays in the loop, wherever the beat shifts it */
  if (command->type == ECH_COMMAND_PLAY && isnan (command->value))
    target = position_in_loop (deck, target);
  else
    leave_loop_at (deck, target);
  if (starts)
    begin_playing (deck, target, frame, exact_frame, command->when == ECH_WHEN_NOW, announced);
  else
    deck->rest_frames = target;
  return ECH_DECK_DONE;
}

static void
stop (struct ech_deck *deck, int64_t frame, double exact_frame, bool announced)
{
  if (deck->playing)
    end_playing (deck, frame, ech_deck_position (deck, exact_frame), announced);
}

static void
cue (struct ech_deck *deck, const struct ech_command *command, int64_t frame, bool announced)
{
  if (!isnan (command->value)) {
    deck->cue_frames = command->value;
    return;
  }
  if (deck->playing)
    end_playing (deck, frame, deck->cue_frames, announced);
  deck->rest_frames = deck->cue_frames;
  leave_loop_at (deck, deck->rest_frames);
}

/* A loop of @beats from here; 0 = leave. */
static enum ech_deck_outcome
set_loop (struct ech_deck *deck, double beats, double exact_frame)
{
  double          here = ech_deck_position (deck, meeting_frame (deck, exact_frame));
  struct ech_loop loop = { .active = true, .in_frames = here };

  if (beats == 0.0) {
    deck->loop.active = false;
    return ECH_DECK_DONE;
  }
  loop.out_frames = here + beats * deck->grid.frames_per_beat;
  if (!deck->has_grid || !is_loop_possible (deck, &loop))
    return ECH_DECK_IMPOSSIBLE;
  deck->loop = loop;
  return ECH_DECK_DONE;
}

/* In a loop that runs: makes it begin here.  Else the out point is still to come. */
static enum ech_deck_outcome
set_loop_in (struct ech_deck *deck, double exact_frame)
{
  struct ech_loop loop = deck->loop;

  loop.in_frames = ech_deck_position (deck, meeting_frame (deck, exact_frame));
  if (!loop.active)
    loop.out_frames = NAN;
  else if (!is_loop_possible (deck, &loop))
    return ECH_DECK_IMPOSSIBLE;
  deck->loop = loop;
  return ECH_DECK_DONE;
}

/* LOOP_OUT and LOOP_MOVE: the loop changes and the playhead goes into it. */
static enum ech_deck_outcome
loop_and_jump (struct ech_deck           *deck,
               const struct ech_command  *command,
               int64_t                    frame,
               double                     exact_frame,
               const struct ech_timeline *timeline,
               bool                       announced)
{
  double          target = command_target (deck, command, exact_frame, timeline);
  double          shift  = command->value * deck->grid.frames_per_beat;
  double          at     = meeting_frame (deck, exact_frame);
  struct ech_loop loop   = deck->loop;

  if (command->type == ECH_COMMAND_LOOP_OUT) {
    loop.active     = true;
    loop.out_frames = deck->playing ? voice_position (&deck->main, at) : deck->rest_frames;
  } else {
    loop.in_frames += shift;
    loop.out_frames += shift;
  }
  if (!is_loop_possible (deck, &loop))
    return ECH_DECK_IMPOSSIBLE;
  deck->loop = loop;
  if (isnan (target)) /* a loop in which nobody plays */
    return ECH_DECK_DONE;
  if (deck->playing)
    begin_playing (deck, target, frame, exact_frame, command->when == ECH_WHEN_NOW, announced);
  else
    deck->rest_frames = target;
  return ECH_DECK_DONE;
}

static void
set_track (struct ech_deck *deck, const struct ech_command *command, struct ech_pcm **out_retired)
{
  *out_retired          = deck->pcm;
  deck->pcm             = command->pcm;
  deck->generation      = command->generation;
  deck->has_grid        = false;
  deck->playing         = false;
  deck->rest_frames     = 0.0;
  deck->cue_frames      = 0.0;
  deck->announced_id    = 0;
  deck->wrap_announced  = false;
  deck->speed           = deck->speed_set;
  deck->bend            = 0.0;
  deck->main.active     = false;
  deck->incoming.active = false;
  memset (deck->tails, 0, sizeof deck->tails);
  forget_loop (deck);
  forget_hotcues (deck);
}

/* The speed changed: the playhead goes on from where it is. */
static void
bend_line (struct ech_deck *deck, int64_t frame, double exact_frame)
{
  double position;

  if (!deck->playing)
    return;
  position = voice_position (&deck->main, exact_frame);
  voice_anchor (&deck->main, position + ((double) frame - exact_frame) * deck_step (deck), frame,
                deck_step (deck));
}

/* Sync was switched on, or the grid has come: take the session's speed and its phase. */
static void
join_session (struct ech_deck           *deck,
              int64_t                    frame,
              double                     exact_frame,
              const struct ech_timeline *timeline)
{
  double position;

  update_speed (deck, timeline);
  if (!deck->playing)
    return;
  position = ech_deck_position (deck, exact_frame);
  position = position_in_phase (deck, timeline, position, exact_frame, 1.0);
  position = position_in_loop (deck, position);
  if (is_in_track (deck, position))
    begin_playing (deck, position, frame, exact_frame, true, false);
  else
    bend_line (deck, frame, exact_frame);
}

static void
set_sync (struct ech_deck           *deck,
          bool                       sync,
          int64_t                    frame,
          double                     exact_frame,
          const struct ech_timeline *timeline)
{
  if (sync == deck->sync)
    return;
  /* What sync made of the speed stays when it goes: no lurch. */
  if (!sync)
    deck->speed_set = deck->speed;
  deck->sync = sync;
  if (is_synced (deck))
    join_session (deck, frame, exact_frame, timeline);
}

static enum ech_deck_outcome
execute_with_track (struct ech_deck           *deck,
                    const struct ech_command  *command,
                    int64_t                    frame,
                    double                     exact_frame,
                    const struct ech_timeline *timeline,
                    bool                       announced)
{
  switch (command->type) {
  case ECH_COMMAND_SET_GRID:
    deck->grid     = command->grid;
    deck->has_grid = command->grid.frames_per_beat > 0.0;
    if (is_synced (deck))
      join_session (deck, frame, exact_frame, timeline);
    return ECH_DECK_DONE;
  case ECH_COMMAND_JUMP:
    if (!deck->has_grid)
      return ECH_DECK_IMPOSSIBLE;
    return go_to (deck, command, frame, exact_frame, timeline, announced);
  case ECH_COMMAND_PLAY:
  case ECH_COMMAND_SEEK:
  case ECH_COMMAND_HOTCUE_JUMP:
    return go_to (deck, command, frame, exact_frame, timeline, announced);
  case ECH_COMMAND_STOP:
    stop (deck, frame, exact_frame, announced);
    return ECH_DECK_DONE;
  case ECH_COMMAND_CUE:
    cue (deck, command, frame, announced);
    return ECH_DECK_DONE;
  case ECH_COMMAND_LOOP:
    return set_loop (deck, command->value, exact_frame);
  case ECH_COMMAND_LOOP_IN:
    return set_loop_in (deck, exact_frame);
  case ECH_COMMAND_LOOP_OUT:
    return loop_and_jump (deck, command, frame, exact_frame, timeline, announced);
  case ECH_COMMAND_LOOP_MOVE:
    if (!deck->has_grid)
      return ECH_DECK_IMPOSSIBLE;
    return loop_and_jump (deck, command, frame, exact_frame, timeline, announced);
  case ECH_COMMAND_HOTCUE_SET:
    deck->hotcues[command->param % ECH_N_HOTCUES] =
        ech_deck_position (deck, meeting_frame (deck, exact_frame));
    return ECH_DECK_DONE;
  case ECH_COMMAND_HOTCUE_CLEAR:
    deck->hotcues[command->param % ECH_N_HOTCUES] = NAN;
    return ECH_DECK_DONE;
  default:
    return ECH_DECK_IMPOSSIBLE;
  }
}

enum ech_deck_outcome
ech_deck_execute (struct ech_deck           *deck,
                  const struct ech_command  *command,
                  int64_t                    frame,
                  double                     exact_frame,
                  const struct ech_timeline *timeline,
                  struct ech_pcm           **out_retired)
{
  bool                  announced = deck->announced_id != 0 && deck->announced_id == command->id;
  enum ech_deck_outcome outcome;

  *out_retired = NULL;
  if (command->type == ECH_COMMAND_SET_TRACK) {
    set_track (deck, command, out_retired);
    return ECH_DECK_DONE;
  }
  if (command->generation != 0 && command->generation != deck->generation)
    return ECH_DECK_STALE;
  if (announced)
    deck->announced_id = 0;

  switch (command->type) {
  case ECH_COMMAND_SPEED:
    deck->speed_set = command->value;
    if (!is_synced (deck)) {
      deck->speed = deck->speed_set;
      if (deck->pcm != NULL)
        bend_line (deck, frame, exact_frame);
    }
    return ECH_DECK_DONE;
  case ECH_COMMAND_BEND:
    deck->bend = command->value;
    if (deck->pcm != NULL)
      bend_line (deck, frame, exact_frame);
    return ECH_DECK_DONE;
  case ECH_COMMAND_SYNC:
    set_sync (deck, command->value != 0.0, frame, exact_frame, timeline);
    return ECH_DECK_DONE;
  default:
    if (deck->pcm == NULL)
      return ECH_DECK_IMPOSSIBLE;
    outcome = execute_with_track (deck, command, frame, exact_frame, timeline, announced);
    /* It was faded for nothing. */
    if (announced && deck->playing && deck->main.gain1 == 0.0) {
      leave_tail_of (deck, &deck->incoming, frame);
      deck->main.active = true;
      voice_ramp (&deck->main, frame, 1.0, frame + deck->ramp_frames);
    }
    return outcome;
  }
}

/* Announcements: the ramp before the beat */

void
ech_deck_announce (struct ech_deck           *deck,
                   const struct ech_command  *command,
                   int64_t                    frame,
                   int64_t                    due_frame,
                   double                     exact_frame,
                   const struct ech_timeline *timeline)
{
  bool   known  = deck->announced_id == command->id;
  double target = command_target (deck, command, exact_frame, timeline);
  bool   stops  = command->type == ECH_COMMAND_STOP
               || (command->type == ECH_COMMAND_CUE && isnan (command->value));

  if (known && deck->announced_frame == due_frame)
    return;
  if (isnan (target) && !(stops && deck->playing))
    return;
  if (!deck->playing && !is_start (command))
    return;

  ech_deck_withdraw_wrap (deck, frame);
  if (is_synced (deck))
    target += ((double) due_frame - exact_frame) * deck_step (deck);
  deck->announced_id    = command->id;
  deck->announced_frame = due_frame;
  if (deck->main.active)
    voice_ramp (&deck->main, frame, 0.0, due_frame);
  if (stops)
    return;
  if (!known)
    voice_set_gain (&deck->incoming, 0.0);
  voice_anchor (&deck->incoming, target, due_frame, deck_step (deck));
  voice_ramp (&deck->incoming, frame, 1.0, due_frame);
}

void
ech_deck_withdraw (struct ech_deck *deck, int64_t frame)
{
  if (deck->announced_id == 0)
    return;
  deck->announced_id = 0;
  if (deck->main.active)
    voice_ramp (&deck->main, frame, 1.0, frame + deck->ramp_frames);
  leave_tail_of (deck, &deck->incoming, frame);
}

void
ech_deck_announce_wrap (struct ech_deck *deck, int64_t frame, int64_t wrap_frame)
{
  double position = position_in_loop (deck, voice_position (&deck->main, (double) wrap_frame));

  if (deck->announced_id != 0) /* a jump has the ramp already */
    return;
  if (!deck->wrap_announced)
    voice_set_gain (&deck->incoming, 0.0);
  voice_anchor (&deck->incoming, position, wrap_frame, deck->main.step);
  if (deck->wrap_announced && deck->wrap_frame == wrap_frame)
    return;
  voice_ramp (&deck->incoming, frame, 1.0, wrap_frame);
  voice_ramp (&deck->main, frame, 0.0, wrap_frame);
  deck->wrap_announced = true;
  deck->wrap_frame     = wrap_frame;
}

void
ech_deck_withdraw_wrap (struct ech_deck *deck, int64_t frame)
{
  if (!deck->wrap_announced)
    return;
  deck->wrap_announced = false;
  deck->main.active    = true;
  voice_ramp (&deck->main, frame, 1.0, frame + deck->ramp_frames);
  leave_tail_of (deck, &deck->incoming, frame);
}

void
ech_deck_wrap (struct ech_deck *deck, int64_t frame)
{
  double position = position_in_loop (deck, voice_position (&deck->main, (double) frame));

  if (!deck->wrap_announced)
    leave_tail_of (deck, &deck->main, frame);
  voice_anchor (&deck->main, position, frame, deck->main.step);
  if (deck->wrap_announced) {
    voice_set_gain (&deck->main, 1.0);
    deck->incoming.active = false;
    deck->wrap_announced  = false;
    return;
  }
  voice_set_gain (&deck->main, 0.0);
  if (deck->announced_id == 0) /* else it is fading out for a jump: silent until then */
    voice_ramp (&deck->main, frame, 1.0, frame + deck->ramp_frames);
}

void
ech_deck_retime (struct ech_deck           *deck,
                 int64_t                    frame,
                 double                     exact_frame,
                 const struct ech_timeline *timeline)
{
  if (!is_synced (deck))
    return;
  update_speed (deck, timeline);
  bend_line (deck, frame, exact_frame);
}

/* Sound */

void
ech_deck_render (struct ech_deck *deck, int64_t frame, uint32_t n, float *scratch, float *out)
{
  uint64_t readable;

  if (deck->pcm == NULL || n == 0)
    return;
  /* pairs with the loader's release: frames below are written and paged in */
  readable = atomic_load_explicit (&deck->pcm->decoded_frames, memory_order_acquire);
  if (deck->playing
      && voice_position (&deck->main, (double) (frame + n)) > (double) readable
      && readable < atomic_load_explicit (&deck->pcm->length_frames, memory_order_relaxed))
    deck->underruns++;

  for (uint32_t i = 0; i < ECH_DECK_TAILS; i++)
    voice_render (&deck->tails[i], deck->tables, deck->pcm, readable, frame, n, scratch, out);
  voice_render (&deck->incoming, deck->tables, deck->pcm, readable, frame, n, scratch, out);
  voice_render (&deck->main, deck->tables, deck->pcm, readable, frame, n, scratch, out);
}

int64_t
ech_deck_end_frame (const struct ech_deck *deck)
{
  double length, frames;

  if (!deck->playing)
    return INT64_MAX;
  length = (double) atomic_load_explicit (&deck->pcm->length_frames, memory_order_relaxed);
  frames = ceil ((length - deck->main.origin_position) / deck->main.step);
  return frames < 1e15 ? deck->main.origin_frame + (int64_t) frames : INT64_MAX;
}

void
ech_deck_run_out (struct ech_deck *deck)
{
  deck->main.active     = false;
  deck->incoming.active = false;
  deck->playing         = false;
  deck->announced_id    = 0;
  deck->wrap_announced  = false;
  deck->rest_frames     = (double) atomic_load_explicit (&deck->pcm->length_frames, memory_order_relaxed);
}
