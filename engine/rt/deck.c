/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/deck.h"

#include <string.h>

/* Track frames: what remains of a sum of beats does not put a wrap one frame off. */
#define ROUNDING 1e-6

/* Track frames: a stretcher that is so near to where a voice begins can go on for it. */
#define SAME_PLACE 4.0

/* Track frames: one that is so far from its line has lost it. */
#define LOST 8192.0

/* Id of the loop's wrap among the commands that a stretcher is primed for. */
#define STANDBY_FOR_WRAP UINT64_MAX

/* Making up for a phase that the session's clock moved: at most so much faster or slower, at least
 * for so long, and not at all for less than a few microseconds. */
#define MAX_CATCH_UP   0.04
#define CATCH_UP_S     0.25
#define LEAST_CATCH_UP 1e-5

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

/* Key lock's part of a voice */

static double
ramp_at (const struct ech_ramp *ramp, int64_t frame)
{
  double part;

  if (frame >= ramp->end)
    return ramp->to;
  if (frame <= ramp->start)
    return ramp->from;
  part = (double) (frame - ramp->start) / (double) (ramp->end - ramp->start);
  /* without a corner at either end */
  return ramp->from + (ramp->to - ramp->from) * part * part * (3.0 - 2.0 * part);
}

static void
ramp_to (struct ech_ramp *ramp, int64_t frame, double to, int64_t end)
{
  *ramp = (struct ech_ramp){ .from = ramp_at (ramp, frame), .to = to, .start = frame, .end = end };
}

static void
voice_unlock (struct ech_voice *v)
{
  if (v->keylock != NULL)
    v->keylock->in_use = false;
  v->keylock = NULL;
  v->locked  = (struct ech_ramp){ .from = 0.0 };
}

static void
voice_end (struct ech_voice *v)
{
  v->active = false;
  voice_unlock (v);
}

static struct ech_line
voice_line (const struct ech_voice *v)
{
  return (struct ech_line){ v->origin_position, v->origin_frame, v->step };
}

/* What the voices of a deck are read from. */
struct reader {
  const struct ech_sinc_tables *tables;
  const struct ech_pcm         *pcm;
  uint64_t                      readable;
};

static void
read_plain (const struct reader *reader, const struct ech_voice *v, int64_t frame, uint32_t n, float *out)
{
  ech_resample_read (reader->tables, reader->pcm->frames, reader->readable, v->origin_position,
                     v->step, frame - v->origin_frame, out, n);
}

/* In pieces of the stack's size. */
static void
read_locked (const struct reader *reader, struct ech_voice *v, int64_t frame, uint32_t n, float *out)
{
  struct ech_line line = voice_line (v);
  float           stretched[2 * ECH_KEYLOCK_GRID];

  for (uint32_t part; n > 0; n -= part, frame += part, out += 2 * part) {
    part = n < ECH_KEYLOCK_GRID ? n : ECH_KEYLOCK_GRID;
    ech_keylock_read (v->keylock, reader->tables, reader->pcm, reader->readable, &line, stretched, part);
    if (ramp_at (&v->locked, frame) < 1.0 || ramp_at (&v->locked, frame + part) < 1.0) {
      read_plain (reader, v, frame, part, out);
      for (uint32_t i = 0; i < part; i++) {
        float mix = (float) ramp_at (&v->locked, frame + i);

        out[2 * i]     = (1.0f - mix) * out[2 * i] + mix * stretched[2 * i];
        out[2 * i + 1] = (1.0f - mix) * out[2 * i + 1] + mix * stretched[2 * i + 1];
      }
    } else {
      memcpy (out, stretched, 2 * part * sizeof *out);
    }
  }
}

/* A stretcher that missed frames, in a lost cycle, is of no use any more. */
static void
read_voice (const struct reader *reader, struct ech_voice *v, int64_t frame, uint32_t n, float *out)
{
  if (v->keylock != NULL && v->keylock->frame != frame)
    voice_unlock (v);
  if (v->keylock != NULL)
    read_locked (reader, v, frame, n, out);
  else
    read_plain (reader, v, frame, n, out);
}

/* Adds the voice; silent once a ramp to nothing is over. */
static void
voice_render (struct ech_voice    *v,
              const struct reader *reader,
              int64_t              frame,
              uint32_t             n,
              float               *scratch,
              float               *out)
{
  uint32_t i = 0;

  if (!v->active)
    return;
  if (out != NULL && !(v->gain1 == 0.0 && frame >= v->ramp_end)) {
    read_voice (reader, v, frame, n, scratch);
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
  if (v->gain1 == 0.0 && frame + (int64_t) n >= v->ramp_end) {
    v->active = false;
    voice_unlock (v);
  }
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
  double step = deck->speed * (1.0 + deck->bend) * deck->pcm->rate / deck->rate;

  return is_synced (deck) ? step * deck->clock_ratio + deck->catch_up : step;
}

/* What is still to be made up for, in beats of the track. */
static double
beats_behind (const struct ech_deck *deck, int64_t frame)
{
  if (deck->catch_up == 0.0 || frame >= deck->catch_up_end)
    return 0.0;
  return deck->catch_up_beats * (double) (deck->catch_up_end - frame)
         / (double) (deck->catch_up_end - deck->catch_up_start);
}

static void
forget_catch_up (struct ech_deck *deck)
{
  deck->catch_up     = 0.0;
  deck->catch_up_end = INT64_MAX;
}

/* Makes up for @beats from @frame on, whoever listens must not hear it as a jump. */
static void
begin_catch_up (struct ech_deck *deck, int64_t frame, double beats)
{
  double way = beats * deck->grid.frames_per_beat, frames;

  forget_catch_up (deck);
  if (fabs (beats) < LEAST_CATCH_UP || !deck->playing)
    return;
  frames = fmax (fabs (way) / (MAX_CATCH_UP * deck_step (deck)), CATCH_UP_S * deck->rate);

  deck->catch_up_beats = beats;
  deck->catch_up_start = frame;
  deck->catch_up_end   = frame + (int64_t) ceil (frames);
  deck->catch_up       = way / (double) (deck->catch_up_end - deck->catch_up_start);
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

/* All that sounds, or would, ends at once. */
static void
silence (struct ech_deck *deck)
{
  voice_end (&deck->main);
  voice_end (&deck->incoming);
  for (uint32_t i = 0; i < ECH_DECK_TAILS; i++)
    voice_end (&deck->tails[i]);
  ech_deck_unprime (deck);
}

static void
make_keylocks (struct ech_deck *deck)
{
  for (int i = 0; i < ECH_DECK_KEYLOCKS; i++) {
    ech_keylock_finish (&deck->keylocks[i]);
    ech_keylock_init (&deck->keylocks[i], deck->rate);
  }
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
  deck->clock_ratio = 1.0;
  forget_catch_up (deck);
  forget_loop (deck);
  forget_hotcues (deck);
  make_keylocks (deck);
}

void
ech_deck_finish (struct ech_deck *deck)
{
  silence (deck);
  for (int i = 0; i < ECH_DECK_KEYLOCKS; i++)
    ech_keylock_finish (&deck->keylocks[i]);
}

void
ech_deck_set_rate (struct ech_deck *deck, double rate, int64_t frame)
{
  bool was_playing;

  deck->rate        = rate;
  deck->clock_ratio = 1.0;
  deck->ramp_frames = (int64_t) llround (ECH_CLICK_RAMP_S * rate);
  forget_catch_up (deck);
  ech_deck_withdraw (deck, frame);
  ech_deck_withdraw_wrap (deck, frame);
  was_playing = deck->playing;
  silence (deck);
  make_keylocks (deck);
  if (was_playing) {
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
  voice_unlock (tail);
  *tail           = *voice;
  voice->active   = false;
  voice->keylock  = NULL; /* the tail has it */
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

/* @voice, which begins where @incoming has come to, goes on with its stretcher. */
static void
take_over_lock (struct ech_voice *voice, struct ech_voice *incoming)
{
  double off;

  voice_unlock (voice);
  if (!incoming->active || incoming->keylock == NULL)
    return;
  off = voice_position (incoming, (double) voice->origin_frame) - voice->origin_position;
  if (fabs (off) > SAME_PLACE) {
    voice_unlock (incoming);
    return;
  }
  voice->keylock    = incoming->keylock;
  voice->locked     = incoming->locked;
  incoming->keylock = NULL;
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
  take_over_lock (&deck->main, &deck->incoming);
  /* The track's first frame is its own beginning, not a cut. */
  if (at_once && position > 0.0) {
    voice_set_gain (&deck->main, 0.0);
    voice_ramp (&deck->main, frame, 1.0, frame + deck->ramp_frames);
  }
  voice_end (&deck->incoming);
  deck->wrap_announced  = false;
  deck->playing         = true;
}

static void
end_playing (struct ech_deck *deck, int64_t frame, double rest, bool announced)
{
  if (!announced)
    leave_tail (deck, frame);
  voice_end (&deck->main);
  voice_end (&deck->incoming);
  deck->wrap_announced  = false;
  deck->playing         = false;
  deck->rest_frames     = rest;
  forget_catch_up (deck);
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
  if (command->type != ECH_COMMAND_JUMP) /* the others land in phase */
    forget_catch_up (deck);
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
  silence (deck);
  forget_loop (deck);
  forget_hotcues (deck);
  forget_catch_up (deck);
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

  deck->clock_ratio = deck->rate / timeline->rate;
  forget_catch_up (deck);
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
  if (is_synced (deck)) {
    join_session (deck, frame, exact_frame, timeline);
  } else if (deck->catch_up != 0.0 || deck->clock_ratio != 1.0) {
    forget_catch_up (deck);
    if (deck->pcm != NULL)
      bend_line (deck, frame, exact_frame);
  }
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
  case ECH_COMMAND_KEYLOCK:
    deck->keylock_set = command->value != 0.0;
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

/* Key lock */

static bool
is_in_reach (const struct ech_deck *deck)
{
  double ratio = deck->speed * (1.0 + deck->bend);

  return ratio != 1.0 && ratio >= ECH_STRETCH_MIN_SPEED && ratio <= ECH_STRETCH_MAX_SPEED;
}

static bool
wants_lock (const struct ech_deck *deck)
{
  return deck->keylock_set && deck->pcm != NULL && deck->keylocks[0].stretch != NULL && is_in_reach (deck);
}

static struct ech_keylock *
free_keylock (struct ech_deck *deck)
{
  for (int i = 0; i < ECH_DECK_KEYLOCKS; i++)
    if (!deck->keylocks[i].in_use && deck->keylocks[i].stretch != NULL)
      return &deck->keylocks[i];
  return NULL;
}

int64_t
ech_deck_prime_lead (const struct ech_deck *deck)
{
  return wants_lock (deck) ? ech_keylock_lead (&deck->keylocks[0]) + deck->ramp_frames : 0;
}

/* No stretcher could be primed for the next pass while this one plays. */
static bool
is_short_loop (const struct ech_deck *deck)
{
  double length = (deck->loop.out_frames - deck->loop.in_frames) / deck->main.step;

  return deck->loop.active && wants_lock (deck)
         && length < (double) (ech_deck_prime_lead (deck) + deck->ramp_frames + ECH_KEYLOCK_GRID);
}

/* Main's stretcher goes through the loop's wrap by itself. */
static bool
goes_round (const struct ech_deck *deck)
{
  const struct ech_keylock *keylock = deck->main.keylock;

  return keylock != NULL && deck->loop.active && keylock->loop.length > 0.0
         && keylock->loop.in_frames == deck->loop.in_frames
         && keylock->loop.length == deck->loop.out_frames - deck->loop.in_frames;
}

/* ... and nothing else of main is heard. */
static bool
is_round_whole (const struct ech_deck *deck, int64_t frame)
{
  return goes_round (deck) && ramp_at (&deck->main.locked, frame) >= 1.0;
}

static void
prime (struct ech_deck *deck, uint64_t id, double position, int64_t frame, int64_t due_frame)
{
  struct ech_voice *standby = &deck->standby;
  struct ech_line   line    = { position, due_frame, deck_step (deck) };

  if (standby->keylock != NULL && deck->standby_id == id
      && fabs (voice_position (standby, (double) due_frame) - position) <= SAME_PLACE) {
    voice_anchor (standby, position, due_frame, line.step);
    return;
  }
  ech_deck_unprime (deck);
  standby->keylock = free_keylock (deck);
  if (standby->keylock == NULL)
    return;
  deck->standby_id = id;
  voice_anchor (standby, position, due_frame, line.step);
  ech_keylock_start (standby->keylock, &line, frame, deck->keylock_skip);
}

void
ech_deck_prime (struct ech_deck           *deck,
                const struct ech_command  *command,
                int64_t                    frame,
                int64_t                    due_frame,
                double                     exact_frame,
                const struct ech_timeline *timeline)
{
  double target = command_target (deck, command, exact_frame, timeline);

  if (isnan (target) || (!deck->playing && !is_start (command)) || deck->announced_id == command->id)
    return;
  if (is_synced (deck))
    target += ((double) due_frame - exact_frame) * deck_step (deck);
  prime (deck, command->id, target, frame, due_frame);
}

void
ech_deck_prime_wrap (struct ech_deck *deck, int64_t frame, int64_t wrap_frame)
{
  if (deck->announced_id == 0 && !deck->wrap_announced && !is_short_loop (deck))
    prime (deck, STANDBY_FOR_WRAP, position_in_loop (deck, voice_position (&deck->main, (double) wrap_frame)),
           frame, wrap_frame);
}

void
ech_deck_unprime (struct ech_deck *deck)
{
  voice_end (&deck->standby);
  deck->standby_id = 0;
}

/* What was primed for @id is heard from the ramp on. */
static void
take_standby (struct ech_deck *deck, uint64_t id, int64_t due_frame)
{
  struct ech_voice *standby = &deck->standby, *incoming = &deck->incoming;

  if (deck->standby_id != id || standby->keylock == NULL)
    return;
  if (fabs (voice_position (standby, (double) due_frame) - incoming->origin_position) <= SAME_PLACE) {
    voice_unlock (incoming);
    incoming->keylock = standby->keylock;
    standby->keylock  = NULL;
    if (incoming->keylock->ready_frame <= due_frame)
      incoming->locked = (struct ech_ramp){ .from = 1.0, .to = 1.0 };
  }
  ech_deck_unprime (deck);
}

/* What was fed ahead of the line is not what comes there now: the loop was set, left or moved. */
static bool
is_misled (const struct ech_deck *deck)
{
  const struct ech_keylock *keylock = deck->main.keylock;

  if (goes_round (deck))
    return false;
  return ech_keylock_went_round (keylock)
         || (is_short_loop (deck) && keylock->feed - keylock->shift > deck->loop.out_frames);
}

/* The feed of a loop too short for a standby goes round in it. */
static void
follow_loop (struct ech_deck *deck)
{
  struct ech_keylock *keylock = deck->main.keylock;

  if (ech_keylock_went_round (keylock))
    return;
  keylock->loop.length = 0.0;
  if (!is_short_loop (deck))
    return;
  keylock->loop.in_frames = deck->loop.in_frames;
  keylock->loop.length    = deck->loop.out_frames - deck->loop.in_frames;
}

bool
ech_deck_wants_tending (const struct ech_deck *deck)
{
  return deck->playing && (wants_lock (deck) || deck->main.keylock != NULL);
}

static void
start_lock (struct ech_deck *deck, int64_t frame)
{
  struct ech_line line = voice_line (&deck->main);

  deck->main.keylock = free_keylock (deck);
  deck->main.locked  = (struct ech_ramp){ .from = 0.0 };
  if (deck->main.keylock == NULL)
    return;
  ech_keylock_start (deck->main.keylock, &line, frame, deck->keylock_skip);
  follow_loop (deck);
}

void
ech_deck_tend (struct ech_deck *deck, int64_t frame)
{
  struct ech_voice *main  = &deck->main;
  int64_t           cross = (int64_t) (ECH_KEYLOCK_CROSS_S * deck->rate);
  bool              wanted = wants_lock (deck);
  struct ech_line   line  = voice_line (main);

  if (main->keylock == NULL) {
    if (wanted && main->active)
      start_lock (deck, frame);
    return;
  }
  if (is_misled (deck)) {
    wanted = false;
    cross  = deck->ramp_frames;
  } else {
    follow_loop (deck);
  }
  if (fabs (ech_keylock_error (main->keylock, &line)) > LOST) {
    voice_unlock (main);
  } else if (wanted) {
    if (main->locked.to == 0.0 && frame >= main->keylock->ready_frame)
      ramp_to (&main->locked, frame, 1.0, frame + cross);
  } else if (main->locked.to != 0.0) {
    ramp_to (&main->locked, frame, 0.0, frame + cross);
  } else if (frame >= main->locked.end) {
    voice_unlock (main);
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
  take_standby (deck, command->id, due_frame);
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
  if (is_round_whole (deck, frame)) /* so has the stretcher's feed */
    return;
  if (!deck->wrap_announced)
    voice_set_gain (&deck->incoming, 0.0);
  voice_anchor (&deck->incoming, position, wrap_frame, deck->main.step);
  if (deck->wrap_announced && deck->wrap_frame == wrap_frame)
    return;
  voice_ramp (&deck->incoming, frame, 1.0, wrap_frame);
  voice_ramp (&deck->main, frame, 0.0, wrap_frame);
  take_standby (deck, STANDBY_FOR_WRAP, wrap_frame);
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

  double gone_back = voice_position (&deck->main, (double) frame) - position;

  if (goes_round (deck)) {
    ech_keylock_shift (deck->main.keylock, gone_back);
    if (!deck->wrap_announced && is_round_whole (deck, frame)) {
      voice_anchor (&deck->main, position, frame, deck->main.step);
      return;
    }
    deck->main.locked = (struct ech_ramp){ .from = 0.0 }; /* what it crosses from has jumped */
  } else if (deck->wrap_announced) {
    voice_unlock (&deck->main);
  }
  if (!deck->wrap_announced)
    leave_tail_of (deck, &deck->main, frame);
  voice_anchor (&deck->main, position, frame, deck->main.step);
  if (deck->wrap_announced) {
    voice_set_gain (&deck->main, 1.0);
    if (deck->main.keylock == NULL)
      take_over_lock (&deck->main, &deck->incoming);
    voice_end (&deck->incoming);
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
  double behind = beats_behind (deck, frame);

  if (!is_synced (deck))
    return;
  forget_catch_up (deck);
  deck->clock_ratio = deck->rate / timeline->rate;
  update_speed (deck, timeline);
  begin_catch_up (deck, frame, behind);
  bend_line (deck, frame, exact_frame);
}

void
ech_deck_follow (struct ech_deck           *deck,
                 int64_t                    frame,
                 const struct ech_timeline *before,
                 const struct ech_timeline *after)
{
  double at     = (double) frame;
  double behind = beats_behind (deck, frame);
  double moved;

  if (!is_synced (deck)) {
    deck->clock_ratio = deck->rate / after->rate;
    return;
  }
  moved = ech_timeline_beat_at (after, at) * octave_of_session (deck, after)
          - ech_timeline_beat_at (before, at) * octave_of_session (deck, before);
  /* whole beats are no matter of phase */
  moved -= rint (moved);
  if (fabs (moved) > LEAST_CATCH_UP || before->bpm != after->bpm) {
    behind += moved;
    forget_catch_up (deck);
    deck->clock_ratio = deck->rate / after->rate;
    update_speed (deck, after);
    begin_catch_up (deck, frame, behind - rint (behind));
  }
  deck->clock_ratio = deck->rate / after->rate;
  bend_line (deck, frame, at);
}

int64_t
ech_deck_catch_up_end (const struct ech_deck *deck)
{
  return deck->playing && deck->catch_up != 0.0 ? deck->catch_up_end : INT64_MAX;
}

void
ech_deck_caught_up (struct ech_deck *deck, int64_t frame)
{
  double end = (double) deck->catch_up_end; /* frames may have been lost since */

  forget_catch_up (deck);
  bend_line (deck, frame, end);
}

/* Sound */

static void
run_standby (struct ech_deck *deck, const struct reader *reader, int64_t frame, uint32_t n)
{
  struct ech_keylock *keylock = deck->standby.keylock;
  struct ech_line     line    = voice_line (&deck->standby);

  if (keylock == NULL)
    return;
  if (keylock->frame == frame)
    ech_keylock_read (keylock, reader->tables, reader->pcm, reader->readable, &line, NULL, n);
  else
    ech_deck_unprime (deck);
}

void
ech_deck_render (struct ech_deck *deck, int64_t frame, uint32_t n, float *scratch, float *out)
{
  struct reader reader;
  uint64_t      readable;

  if (deck->pcm == NULL || n == 0)
    return;
  /* pairs with the loader's release: frames below are written and paged in */
  readable = atomic_load_explicit (&deck->pcm->decoded_frames, memory_order_acquire);
  if (deck->playing
      && voice_position (&deck->main, (double) (frame + n)) > (double) readable
      && readable < atomic_load_explicit (&deck->pcm->length_frames, memory_order_relaxed))
    deck->underruns++;

  reader = (struct reader){ deck->tables, deck->pcm, readable };
  for (uint32_t i = 0; i < ECH_DECK_TAILS; i++)
    voice_render (&deck->tails[i], &reader, frame, n, scratch, out);
  voice_render (&deck->incoming, &reader, frame, n, scratch, out);
  voice_render (&deck->main, &reader, frame, n, scratch, out);
  run_standby (deck, &reader, frame, n);
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
  voice_end (&deck->main);
  voice_end (&deck->incoming);
  ech_deck_unprime (deck);
  deck->playing         = false;
  deck->announced_id    = 0;
  deck->wrap_announced  = false;
  forget_catch_up (deck);
  deck->rest_frames     = (double) atomic_load_explicit (&deck->pcm->length_frames, memory_order_relaxed);
}
