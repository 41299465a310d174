/* Counting.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/scheduler/scheduler-telemetry.h"

#include <stdlib.h>
#include <string.h>

#include "engine/scheduler/scheduler-private.h"

void
ech_telemetry_note_event (EchScheduler *s, const struct ech_event *event)
{
  struct ech_telemetry *t = &s->telemetry;

  if (event->fate == ECH_FATE_EXECUTED) {
    t->locks += event->verb == ECH_VERB_LOCK;
    t->unlocks += event->verb == ECH_VERB_UNLOCK;
    t->emergency_stops += event->verb == ECH_VERB_EMERGENCY;
  }
  t->expired_unconfirmed += event->fate == ECH_FATE_EXPIRED && event->rule == ECH_RULE_CONFIRM;
  if (event->fate != ECH_FATE_REJECTED)
    return;
  t->refused_locked += event->rule == ECH_RULE_LOCKED;
  t->refused_cooldown += event->rule == ECH_RULE_COOLDOWN;
  t->refused[event->verb < ECH_N_VERBS ? event->verb : ECH_VERB_NONE][event->rule]++;
  t->sources[MIN (event->source, (uint32_t) ECH_MAX_SOURCES)].refused[event->rule]++;
}

/* Exactness */

void
ech_telemetry_note_error (EchScheduler *s, const struct ech_entry *entry, uint64_t frame)
{
  struct ech_telemetry *t        = &s->telemetry;
  struct ech_timeline   timeline = ech_scheduler_timeline (s);
  double                error;

  /* a tempo that changed behind it moved the beats that the timeline tells */
  if (!entry->waits || entry->is_repaired || (double) frame < timeline.origin_frames)
    return;
  error               = (double) frame - ech_timeline_frame_at (&timeline, entry->due.beats);
  t->error_min_frames = t->error_n ? fmin (t->error_min_frames, error) : error;
  t->error_max_frames = t->error_n ? fmax (t->error_max_frames, error) : error;
  t->error_mean_frames += (error - t->error_mean_frames) / (double) ++t->error_n;
}

/* Latency */

/* When @frame enters the graph, by the newest report. */
static double
frame_time_ns (EchScheduler *s, uint64_t frame)
{
  const struct ech_rt_report *r = s->report;

  if (r->time_ns == 0 || !(r->timeline.rate > 0))
    return (double) s->now.time_ns;
  return (double) r->time_ns + ((double) frame - (double) r->frame) * 1e9 / r->timeline.rate;
}

void
ech_telemetry_note_latency (EchScheduler *s, const struct ech_entry *entry, uint64_t frame)
{
  double ms;

  /* offline the frames' time is not the poster's */
  if (s->now.exact || entry->waits || entry->is_guards || entry->is_repaired
      || entry->action.verb == ECH_VERB_LOAD)
    return;
  ms = MAX (0.0, (frame_time_ns (s, frame) - (double) entry->posted_ns) * 1e-6);
  s->latencies_ms[s->telemetry.latency_n++ % ECH_N_LATENCIES] = ms;
  s->telemetry.latency_max_ms = MAX (s->telemetry.latency_max_ms, ms);
  s->latencies_changed        = true;
}

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static void
update_percentiles (EchScheduler *s)
{
  struct ech_telemetry *t = &s->telemetry;
  double                sorted[ECH_N_LATENCIES];
  size_t                n = MIN (t->latency_n, (uint64_t) ECH_N_LATENCIES);

  if (!s->latencies_changed)
    return;
  s->latencies_changed = false;
  memcpy (sorted, s->latencies_ms, n * sizeof sorted[0]);
  qsort (sorted, n, sizeof sorted[0], compare_doubles);
  t->latency_p50_ms = sorted[n / 2];
  t->latency_p95_ms = sorted[n * 95 / 100];
  t->latency_p99_ms = sorted[n * 99 / 100];
}

/* Sources */

void
ech_telemetry_forget_source (EchScheduler *s, uint32_t source)
{
  memset (&s->telemetry.sources[source], 0, sizeof s->telemetry.sources[source]);
}

void
ech_telemetry_update (EchScheduler *s)
{
  update_percentiles (s);
  s->telemetry.feedback_lost = s->report->feedback_lost;
  g_strlcpy (s->telemetry.sources[ECH_MAX_SOURCES].name, s->guard_lane->name, ECH_NAME_MAX);
  for (unsigned i = 0; i < ECH_MAX_SOURCES; i++) {
    struct ech_source_counts *out  = &s->telemetry.sources[i];
    EchLane                  *lane = g_atomic_pointer_get (&s->lanes[i]);

    if (!lane)
      continue;
    g_strlcpy (out->name, lane->name, sizeof out->name);
    out->depth        = ech_lane_depth (lane);
    out->max_depth    = MAX (out->max_depth, out->depth);
    out->posted       = atomic_load_explicit (&lane->posted, memory_order_relaxed);
    out->refused_full = atomic_load_explicit (&lane->refused_full, memory_order_relaxed);
  }
}

void
ech_scheduler_telemetry (EchScheduler *s, struct ech_telemetry *out_telemetry)
{
  g_mutex_lock (&s->state_lock);
  *out_telemetry = s->told;
  g_mutex_unlock (&s->state_lock);
}
