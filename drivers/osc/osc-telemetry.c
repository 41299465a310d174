/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/osc/osc-telemetry.h"

#include <stdio.h>
#include <string.h>

typedef const struct ech_osc_counts counts_t;

static void
add (lo_message message, uint64_t n)
{
  lo_message_add_int64 (message, (int64_t) n);
}

static void
fill_cycles (counts_t *counts, unsigned index, lo_message message)
{
  add (message, counts->state.cycles);
  add (message, counts->state.lost_cycles);
  add (message, counts->telemetry.feedback_lost);
  add (message, counts->telemetry.repaired);
}

static void
fill_actions (counts_t *counts, unsigned index, lo_message message)
{
  add (message, counts->state.n_executed);
  add (message, counts->state.n_rejected);
  add (message, counts->telemetry.refused_cooldown);
  add (message, counts->telemetry.taken_over);
  add (message, counts->telemetry.overrides);
}

static void
fill_confirmed (counts_t *counts, unsigned index, lo_message message)
{
  add (message, counts->telemetry.confirmed);
  add (message, counts->telemetry.expired_unconfirmed);
}

static void
fill_locks (counts_t *counts, unsigned index, lo_message message)
{
  add (message, counts->telemetry.locks);
  add (message, counts->telemetry.unlocks);
  add (message, counts->telemetry.refused_locked);
}

static void
fill_guards (counts_t *counts, unsigned index, lo_message message)
{
  add (message, counts->telemetry.emergency_loops);
  add (message, counts->telemetry.silences);
  add (message, counts->telemetry.resumed);
  add (message, counts->telemetry.emergency_stops);
}

static void
fill_latency (counts_t *counts, unsigned index, lo_message message)
{
  const struct ech_telemetry *t = &counts->telemetry;

  add (message, t->latency_n);
  lo_message_add_float (message, (float) t->latency_p50_ms);
  lo_message_add_float (message, (float) t->latency_p95_ms);
  lo_message_add_float (message, (float) t->latency_p99_ms);
  lo_message_add_float (message, (float) t->latency_max_ms);
}

static void
fill_error (counts_t *counts, unsigned index, lo_message message)
{
  const struct ech_telemetry *t = &counts->telemetry;

  add (message, t->error_n);
  lo_message_add_float (message, (float) t->error_min_frames);
  lo_message_add_float (message, (float) t->error_mean_frames);
  lo_message_add_float (message, (float) t->error_max_frames);
}

static const char *
rule_name (counts_t *counts, unsigned index)
{
  return index == ECH_RULE_NONE ? NULL : counts->rule_name ((enum ech_rule) index);
}

static void
fill_rule (counts_t *counts, unsigned index, lo_message message)
{
  uint64_t n = 0;

  for (unsigned verb = 0; verb < ECH_N_VERBS; verb++)
    n += counts->telemetry.refused[verb][index];
  add (message, n);
}

static const char *
source_name (counts_t *counts, unsigned index)
{
  const char *name = counts->telemetry.sources[index].name;

  return name[0] != '\0' ? name : NULL;
}

static void
fill_source (counts_t *counts, unsigned index, lo_message message)
{
  const struct ech_source_counts *source = &counts->telemetry.sources[index];
  uint64_t                        n      = 0;

  for (unsigned rule = 0; rule < ECH_N_RULES; rule++)
    n += source->refused[rule];
  add (message, source->posted);
  add (message, source->refused_full);
  add (message, n);
  lo_message_add_int32 (message, (int32_t) source->depth);
  lo_message_add_int32 (message, (int32_t) source->max_depth);
}

static const struct ech_osc_count table[] = {
  { "/telemetry/cycles", "hhhh", "audio cycles, lost ones; reports that were lost, and found again", 1,
    NULL, fill_cycles },
  { "/telemetry/actions", "hhhhh",
    "executed, rejected; of these by a cooldown; taken over by a hand; on-air rules overridden", 1, NULL,
    fill_actions },
  { "/telemetry/confirmed", "hh", "held actions that had their yes, and that nobody answered", 1, NULL,
    fill_confirmed },
  { "/telemetry/locks", "hhh", "locks, unlocks, refusals by a lock", 1, NULL, fill_locks },
  { "/telemetry/guards", "hhhh", "emergency loops, silences, decks resumed, emergency stops", 1, NULL,
    fill_guards },
  { "/telemetry/latency", "hffff",
    "immediate actions, from the post to the frame: how many; p50, p95, p99 of the last 1024, and the most, ms",
    1, NULL, fill_latency },
  { "/telemetry/error", "hfff",
    "actions that waited for a beat, frames off it: how many; least, mean, most", 1, NULL, fill_error },
  { "/telemetry/refusals/RULE", "h", "refusals by that rule", ECH_N_RULES, rule_name, fill_rule },
  { "/telemetry/source/NAME", "hhhii",
    "posted, posts that found its lane full, refused; depth of its lane now, at most",
    ECH_N_COUNTED_SOURCES, source_name, fill_source },
};

const struct ech_osc_count *
ech_osc_count_table (unsigned *out_n)
{
  *out_n = sizeof table / sizeof *table;
  return table;
}

bool
ech_osc_count_address (const struct ech_osc_count  *count,
                       const struct ech_osc_counts *counts,
                       unsigned                     index,
                       char                        *out_address,
                       size_t                       size)
{
  const char *name = count->name ? count->name (counts, index) : NULL;
  int         base = (int) (strrchr (count->address, '/') + 1 - count->address);

  if (count->name && !name)
    return false;
  if (name)
    snprintf (out_address, size, "%.*s%s", base, count->address, name);
  else
    snprintf (out_address, size, "%s", count->address);
  return true;
}
