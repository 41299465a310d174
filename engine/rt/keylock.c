/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/keylock.h"

#include <string.h>

enum { PIECE = 256 };

/* Of what the feed is off, so much is put right in each hop. */
#define PULL 0.125

/* The most that putting it right changes the speed, as a part of it. */
#define MAX_PULL 0.1

/* Where reading goes back in a loop the sounds cross within so many seconds. */
#define SPLICE_S 0.002

int
ech_keylock_init (struct ech_keylock *keylock, double rate)
{
  memset (keylock, 0, sizeof *keylock);
  keylock->rate    = rate;
  keylock->stretch = ech_stretch_create (rate);
  return keylock->stretch != NULL ? 0 : -1;
}

void
ech_keylock_finish (struct ech_keylock *keylock)
{
  ech_stretch_destroy (keylock->stretch);
  keylock->stretch = NULL;
  keylock->in_use  = false;
}

int64_t
ech_keylock_lead (const struct ech_keylock *keylock)
{
  return ech_stretch_lead (keylock->stretch);
}

static double
line_at (const struct ech_line *line, int64_t frame)
{
  return line->position + (double) (frame - line->frame) * line->step;
}

void
ech_keylock_start (struct ech_keylock *keylock, const struct ech_line *line, int64_t frame, uint32_t skip)
{
  ech_stretch_reset (keylock->stretch);
  keylock->in_use          = true;
  keylock->frame           = frame;
  keylock->ready_frame     = frame + ech_keylock_lead (keylock);
  keylock->centre_frame    = frame - skip + ech_stretch_pivot (keylock->stretch);
  keylock->centre_position = line_at (line, keylock->centre_frame);
  keylock->feed            = NAN; /* the track's rate is known with the first hop */
  keylock->shift           = 0.0;
  keylock->skip            = skip;
  keylock->loop.length     = 0.0;
  keylock->n_ready = keylock->taken = 0;
}

void
ech_keylock_shift (struct ech_keylock *keylock, double frames)
{
  keylock->shift += frames;
}

bool
ech_keylock_went_round (const struct ech_keylock *keylock)
{
  return keylock->loop.length > 0.0 && !isnan (keylock->feed)
         && keylock->feed - keylock->shift >= keylock->loop.in_frames + keylock->loop.length;
}

double
ech_keylock_error (const struct ech_keylock *keylock, const struct ech_line *line)
{
  return line_at (line, keylock->centre_frame) + keylock->shift - keylock->centre_position;
}

/* The feed */

struct source {
  const struct ech_sinc_tables *tables;
  const struct ech_pcm         *pcm;
  uint64_t                      readable;
  double                        step; /* track frames a frame at the recorded speed */
};

static void
read_track (const struct source *source, double position, float *out, uint32_t n)
{
  ech_resample_read (source->tables, source->pcm->frames, source->readable, position, source->step, 0,
                     out, n);
}

/* How often the feed has gone round at @position, and how far it is to the next time. */
static double
rounds_at (const struct ech_keylock *keylock, double position, double *out_left)
{
  double rounds = floor ((position - keylock->loop.in_frames) / keylock->loop.length);

  if (rounds < 0.0)
    rounds = 0.0;
  *out_left = keylock->loop.in_frames + (rounds + 1.0) * keylock->loop.length - position;
  return rounds;
}

/* In a loop: what comes before its end dies away under what comes before its beginning. */
static void
read_loop (const struct ech_keylock *keylock, const struct source *source, double position, float *out, uint32_t n)
{
  double splice = fmin (SPLICE_S * source->pcm->rate, 0.5 * keylock->loop.length);

  for (uint32_t i = 0; i < n;) {
    double   at = position + (double) i * source->step, left;
    double   rounds  = rounds_at (keylock, at, &left);
    double   to_edge = left > splice ? left - splice : left;
    uint32_t part    = (uint32_t) fmin (ceil (to_edge / source->step), n - i);
    float    other[2 * PIECE];

    if (part == 0)
      part = 1;
    at -= rounds * keylock->loop.length;
    read_track (source, at, out + 2 * i, part);
    if (left <= splice) {
      read_track (source, at - keylock->loop.length, other, part);
      for (uint32_t k = 0; k < part; k++) {
        float gain = (float) fmax (0.0, (left - (double) k * source->step) / splice);

        for (int side = 0; side < 2; side++)
          out[2 * (i + k) + side] = gain * out[2 * (i + k) + side] + (1.0f - gain) * other[2 * k + side];
      }
    }
    i += part;
  }
}

static void
feed (struct ech_keylock *keylock, const struct source *source)
{
  float    in[2 * PIECE];
  uint32_t n;

  while ((n = ech_stretch_wanted (keylock->stretch)) > 0) {
    double position = keylock->feed - keylock->shift;

    n = n < PIECE ? n : PIECE;
    if (keylock->loop.length > 0.0)
      read_loop (keylock, source, position, in, n);
    else
      read_track (source, position, in, n);
    ech_stretch_feed (keylock->stretch, in, n);
    keylock->feed += n * source->step;
  }
}

/* The speed at which the window after the next one meets the line, or comes nearer to it. */
static double
next_speed (const struct ech_keylock *keylock, const struct ech_line *line)
{
  double hop  = (double) ech_stretch_lead (keylock->stretch) * 0.2;
  double pull = PULL * ech_keylock_error (keylock, line) / hop;
  double most = MAX_PULL * line->step;

  return line->step + (pull > most ? most : pull < -most ? -most : pull);
}

static void
hop (struct ech_keylock *keylock, const struct source *source, const struct ech_line *line)
{
  double speed = next_speed (keylock, line) / source->step;

  if (isnan (keylock->feed))
    keylock->feed = keylock->centre_position - ech_stretch_pivot (keylock->stretch) * source->step;
  speed = fmin (fmax (speed, 0.9 * ECH_STRETCH_MIN_SPEED), 1.1 * ECH_STRETCH_MAX_SPEED);
  ech_stretch_set_speed (keylock->stretch, speed);
  feed (keylock, source);
  keylock->n_ready = ech_stretch_take (keylock->stretch, keylock->ready, ECH_KEYLOCK_HOP);
  keylock->taken   = keylock->skip < keylock->n_ready ? keylock->skip : 0;
  keylock->skip    = 0;
  /* what is wanted for the next window is by how much this one was moved on */
  keylock->centre_position += ech_stretch_wanted (keylock->stretch) * source->step;
  keylock->centre_frame += keylock->n_ready;
}

void
ech_keylock_read (struct ech_keylock           *keylock,
                  const struct ech_sinc_tables *tables,
                  const struct ech_pcm         *pcm,
                  uint64_t                      readable_frames,
                  const struct ech_line        *line,
                  float                        *out,
                  uint32_t                      n)
{
  struct source source = { tables, pcm, readable_frames, pcm->rate / keylock->rate };

  keylock->frame += n;
  while (n > 0) {
    uint32_t part;

    if (keylock->taken == keylock->n_ready)
      hop (keylock, &source, line);
    part = keylock->n_ready - keylock->taken;
    part = part < n ? part : n;
    if (part == 0) { /* it gave nothing: silence, rather than no end */
      if (out != NULL)
        memset (out, 0, 2 * n * sizeof *out);
      return;
    }
    if (out != NULL) {
      memcpy (out, keylock->ready + 2 * keylock->taken, 2 * part * sizeof *out);
      out += 2 * part;
    }
    keylock->taken += part;
    n -= part;
  }
}
