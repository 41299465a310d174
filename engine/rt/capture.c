/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/capture.h"

#include <string.h>

void
ech_capture_init (struct ech_capture *capture)
{
  memset (capture, 0, sizeof *capture);
  ech_ring_init (&capture->ring, capture->slots, ECH_CAPTURE_SLOTS, sizeof capture->slots[0]);
}

bool
ech_capture_set (struct ech_capture *capture, bool on, int64_t frame)
{
  if (on == capture->is_wanted)
    return true;
  if (capture->n_edges == ECH_CAPTURE_EDGES)
    return false;
  capture->edges[capture->n_edges++] = (struct ech_capture_edge){ .frame = frame, .on = on };
  capture->is_wanted                 = on;
  return true;
}

static void
pay_end (struct ech_capture *capture)
{
  if (capture->owes_end && ech_ring_push (&capture->ring, &capture->end))
    capture->owes_end = false;
}

static void
push_chunk (struct ech_capture *capture)
{
  struct ech_capture_chunk *chunk = &capture->chunk;

  if (chunk->n_frames > 0 && !ech_ring_push (&capture->ring, chunk))
    capture->lost_frames += chunk->n_frames;
  chunk->at_frames += chunk->n_frames;
  chunk->n_frames = 0;
}

static void
begin (struct ech_capture *capture, double rate, int64_t frame)
{
  capture->is_on        = true;
  capture->begin_frame  = frame;
  capture->taken_frames = 0;
  capture->chunk.take++;
  capture->chunk.rate      = rate;
  capture->chunk.at_frames = 0;
  capture->chunk.n_frames  = 0;
}

static void
end (struct ech_capture *capture, int64_t frame)
{
  push_chunk (capture);
  capture->is_on         = false;
  capture->end           = capture->chunk;
  capture->end.at_frames = (uint64_t) (frame - capture->begin_frame);
  capture->end.is_last   = true;
  capture->owes_end      = true;
  pay_end (capture);
}

/* Frames that the graph's clock went on without us are silence. */
static void
pass_over (struct ech_capture *capture, int64_t frame)
{
  uint64_t at = (uint64_t) (frame - capture->begin_frame);

  if (at == capture->taken_frames)
    return;
  push_chunk (capture);
  capture->lost_frames += at - capture->taken_frames;
  capture->chunk.at_frames = at;
  capture->taken_frames    = at;
}

static void
append (struct ech_capture *capture, int64_t frame, const float *stereo, uint32_t n)
{
  struct ech_capture_chunk *chunk = &capture->chunk;

  pass_over (capture, frame);
  capture->taken_frames += n;
  while (n > 0) {
    uint32_t room = ECH_CAPTURE_FRAMES - chunk->n_frames, part = n < room ? n : room;

    memcpy (chunk->stereo + 2 * chunk->n_frames, stereo, 2 * part * sizeof *stereo);
    chunk->n_frames += part;
    stereo += 2 * part;
    n -= part;
    if (chunk->n_frames == ECH_CAPTURE_FRAMES)
      push_chunk (capture);
  }
}

/* Carries out the edges at or before @frame. */
static void
turn (struct ech_capture *capture, double rate, int64_t frame)
{
  uint32_t n = 0;

  for (; n < capture->n_edges && capture->edges[n].frame <= frame; n++) {
    if (capture->edges[n].on)
      begin (capture, rate, frame);
    else
      end (capture, capture->edges[n].frame);
  }
  capture->n_edges -= n;
  memmove (capture->edges, capture->edges + n, capture->n_edges * sizeof capture->edges[0]);
}

void
ech_capture_take (struct ech_capture *capture, double rate, int64_t frame, const float *stereo, uint32_t n)
{
  int64_t last = frame + n;

  pay_end (capture);
  while (frame < last) {
    int64_t stretch_end = last;

    turn (capture, rate, frame);
    if (capture->n_edges > 0 && capture->edges[0].frame < stretch_end)
      stretch_end = capture->edges[0].frame;
    if (capture->is_on)
      append (capture, frame, stereo, (uint32_t) (stretch_end - frame));
    stereo += 2 * (stretch_end - frame);
    frame = stretch_end;
  }
}

void
ech_capture_split (struct ech_capture *capture, int64_t frame)
{
  bool goes_on = capture->is_wanted;

  turn (capture, capture->chunk.rate, frame);
  capture->n_edges = 0;
  if (capture->is_on)
    end (capture, frame);
  capture->is_wanted = false;
  if (goes_on)
    ech_capture_set (capture, true, frame);
}
