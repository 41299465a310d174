/* What the audio thread calls.
 *
 * Link's clock on Linux is CLOCK_MONOTONIC_RAW, the graph's is CLOCK_MONOTONIC, which is
 * slewed by the time service: the offset between them is measured in each cycle.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <time.h>

#include "drivers/link/link-private.h"

static int64_t
read_ns (clockid_t clock)
{
  struct timespec ts;

  clock_gettime (clock, &ts);
  return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* CLOCK_MONOTONIC less CLOCK_MONOTONIC_RAW, by the tightest of three brackets: one alone is
 * microseconds wrong when the thread is put aside in it. */
static int64_t
raw_offset_ns (void)
{
  int64_t tightest = INT64_MAX, offset = 0;

  for (int i = 0; i < 3; i++) {
    int64_t before = read_ns (CLOCK_MONOTONIC);
    int64_t raw    = read_ns (CLOCK_MONOTONIC_RAW);
    int64_t after  = read_ns (CLOCK_MONOTONIC);

    if (after - before >= tightest)
      continue;
    tightest = after - before;
    offset   = before + (after - before) / 2 - raw;
  }
  return offset;
}

double
ech_link_time_us (int64_t monotonic_ns)
{
  return (double) (monotonic_ns - raw_offset_ns()) * 1e-3;
}

static double
heard_us (const struct ech_link_clock *clock, uint64_t heard_ns)
{
  return ech_link_time_us ((int64_t) heard_ns + clock->trim_ns);
}

/* Link counts whole microseconds; the rest is made up for. */
static double
beat_at (const struct ech_link_clock *clock, double us)
{
  double whole = floor (us);

  return abl_link_beat_at_time (clock->state, (int64_t) whole, clock->quantum)
         + (us - whole) * abl_link_tempo (clock->state) / 60e6 + atomic_load (&clock->nudge_beats);
}

/* The instance goes on from where we are, before it meets anybody: enabling it alone changes
 * nothing that is heard. */
static void
align (struct ech_link_clock *clock, const struct ech_clock_query *query, double us)
{
  int64_t time = (int64_t) floor (us);
  double  beat = query->beat - atomic_load (&clock->nudge_beats)
                 - (us - floor (us)) * query->bpm / 60e6;

  abl_link_set_tempo (clock->state, query->bpm, time);
  abl_link_request_beat_at_time (clock->state, beat, time, clock->quantum);
  abl_link_commit_audio_session_state (clock->link, clock->state);
  atomic_store (&clock->follows, true);
  atomic_store (&clock->wants_alignment, false);
}

static void
grant_wish (struct ech_link_clock *clock, double us)
{
  int     wish = atomic_exchange (&clock->wish, ECH_LINK_WISH_NONE);
  double  beat = atomic_load (&clock->wish_beat) - atomic_load (&clock->nudge_beats);
  int64_t time = isnan (beat) ? (int64_t) us
                              : abl_link_time_at_beat (clock->state, beat, clock->quantum);

  if (wish == ECH_LINK_WISH_NONE)
    return;
  abl_link_set_is_playing (clock->state, wish == ECH_LINK_WISH_PLAY, (uint64_t) time);
  abl_link_commit_audio_session_state (clock->link, clock->state);
}

static bool
read_session (void *self, const struct ech_clock_query *query, struct ech_clock_reading *out_reading)
{
  struct ech_link_clock *clock = self;
  double                 us    = heard_us (clock, query->heard_ns);

  if (!atomic_load (&clock->follows) && !atomic_load (&clock->wants_alignment))
    return false;
  abl_link_capture_audio_session_state (clock->link, clock->state);
  if (atomic_load (&clock->wants_alignment))
    align (clock, query, us);
  grant_wish (clock, us);
  out_reading->beat = beat_at (clock, us);
  out_reading->bpm  = abl_link_tempo (clock->state);
  return true;
}

static void
set_tempo (void *self, double bpm, uint64_t heard_ns)
{
  struct ech_link_clock *clock = self;

  abl_link_set_tempo (clock->state, bpm, (int64_t) floor (heard_us (clock, heard_ns)));
  abl_link_commit_audio_session_state (clock->link, clock->state);
}

const struct ech_clock_source ech_link_source = {
  .size      = sizeof (struct ech_clock_source),
  .read      = read_session,
  .set_tempo = set_tempo,
};
