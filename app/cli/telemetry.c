/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/telemetry.h"

#include <json-glib/json-glib.h>

#include "engine/scheduler/policy.h"

typedef const struct ech_state     state_t;
typedef const struct ech_telemetry telemetry_t;

/* What is loaded under the name of @counts; NULL: the guards. */
static const struct ech_source_status *
status_of (state_t *state, const struct ech_source_counts *counts)
{
  for (uint32_t i = 0; i < state->n_sources && i < ECH_MAX_SOURCES; i++)
    if (strcmp (state->sources[i].name, counts->name) == 0)
      return &state->sources[i];
  return NULL;
}

static uint64_t
count_rule (telemetry_t *t, unsigned rule)
{
  uint64_t n = 0;

  for (unsigned verb = 0; verb < ECH_N_VERBS; verb++)
    n += t->refused[verb][rule];
  return n;
}

/* For people */

static void
add_count (GString *text, uint64_t n, const char *name)
{
  if (n > 0)
    g_string_append_printf (text, ", %" G_GUINT64_FORMAT " %s", n, name);
}

static void
add_exactness (GString *text, telemetry_t *t)
{
  if (t->latency_n > 0)
    g_string_append_printf (text, "; at once in %.1f/%.1f/%.1f ms (p50/p95/p99), most %.1f ms", t->latency_p50_ms,
                            t->latency_p95_ms, t->latency_p99_ms, t->latency_max_ms);
  if (t->error_n > 0)
    g_string_append_printf (text, "; %" G_GUINT64_FORMAT " on their beat, off by %.3f..%.3f frames, mean %.3f",
                            t->error_n, t->error_min_frames, t->error_max_frames, t->error_mean_frames);
}

static void
add_safety (GString *text, telemetry_t *t)
{
  add_count (text, t->locks, "locks");
  add_count (text, t->unlocks, "unlocks");
  add_count (text, t->taken_over, "taken over");
  add_count (text, t->overrides, "overridden");
  add_count (text, t->confirmed, "confirmed");
  add_count (text, t->expired_unconfirmed, "not confirmed");
  add_count (text, t->emergency_loops, "emergency loops");
  add_count (text, t->silences, "silences");
  add_count (text, t->resumed, "resumed");
  add_count (text, t->emergency_stops, "emergency stops");
  add_count (text, t->feedback_lost, "reports lost");
  add_count (text, t->repaired, "repaired");
}

/* "refused: load on-air 2, play cooldown 1" */
static void
add_refusals (GString *text, telemetry_t *t)
{
  const char *before = "; refused: ";

  for (unsigned verb = 0; verb < ECH_N_VERBS; verb++) {
    for (unsigned rule = 0; rule < ECH_N_RULES; rule++) {
      if (t->refused[verb][rule] == 0)
        continue;
      g_string_append_printf (text, "%s%s %s %" G_GUINT64_FORMAT, before, ech_verb_name (verb), ech_rule_name (rule),
                              t->refused[verb][rule]);
      before = ", ";
    }
  }
}

/* "; osc 12 posted, lane 0 (most 3), refused: on-air 1" */
static void
add_source (GString *text, const struct ech_source_counts *source)
{
  const char *before = ", refused: ";

  if (source->name[0] == '\0')
    return;
  g_string_append_printf (text, "; %s %" G_GUINT64_FORMAT " posted, lane %u (most %u)", source->name, source->posted,
                          source->depth, source->max_depth);
  add_count (text, source->refused_full, "found it full");
  for (unsigned rule = 0; rule < ECH_N_RULES; rule++) {
    if (source->refused[rule] == 0)
      continue;
    g_string_append_printf (text, "%s%s %" G_GUINT64_FORMAT, before, ech_rule_name (rule), source->refused[rule]);
    before = ", ";
  }
}

char *
ech_cli_telemetry_text (state_t *state, telemetry_t *t)
{
  GString *text = g_string_new ("telemetry ");

  g_string_append_printf (text, "%s %" G_GUINT64_FORMAT " cycles, %" G_GUINT64_FORMAT " lost; %" G_GUINT64_FORMAT
                                " done, %" G_GUINT64_FORMAT " refused, %u wait",
                          state->running ? "running," : "no audio,", state->cycles, state->lost_cycles,
                          state->n_executed, state->n_rejected, state->n_pending);
  add_safety (text, t);
  add_exactness (text, t);
  add_refusals (text, t);
  for (unsigned i = 0; i < ECH_N_COUNTED_SOURCES; i++)
    add_source (text, &t->sources[i]);
  return g_string_free (text, FALSE);
}

/* For programs */

static void
set_int (JsonBuilder *builder, const char *name, uint64_t n)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, (gint64) n);
}

static void
set_number (JsonBuilder *builder, const char *name, double number)
{
  json_builder_set_member_name (builder, name);
  if (isfinite (number))
    json_builder_add_double_value (builder, number);
  else
    json_builder_add_null_value (builder);
}

static void
set_text (JsonBuilder *builder, const char *name, const char *text)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, text);
}

static void
begin (JsonBuilder *builder, const char *name)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
}

static void
set_exactness (JsonBuilder *builder, telemetry_t *t)
{
  begin (builder, "latency_ms");
  set_int (builder, "n", t->latency_n);
  set_number (builder, "p50", t->latency_p50_ms);
  set_number (builder, "p95", t->latency_p95_ms);
  set_number (builder, "p99", t->latency_p99_ms);
  set_number (builder, "max", t->latency_max_ms);
  json_builder_end_object (builder);
  begin (builder, "error_frames");
  set_int (builder, "n", t->error_n);
  set_number (builder, "min", t->error_min_frames);
  set_number (builder, "mean", t->error_mean_frames);
  set_number (builder, "max", t->error_max_frames);
  json_builder_end_object (builder);
}

static void
set_safety (JsonBuilder *builder, telemetry_t *t)
{
  set_int (builder, "locks", t->locks);
  set_int (builder, "unlocks", t->unlocks);
  set_int (builder, "refused_locked", t->refused_locked);
  set_int (builder, "refused_cooldown", t->refused_cooldown);
  set_int (builder, "taken_over", t->taken_over);
  set_int (builder, "overrides", t->overrides);
  set_int (builder, "confirmed", t->confirmed);
  set_int (builder, "expired_unconfirmed", t->expired_unconfirmed);
  set_int (builder, "emergency_loops", t->emergency_loops);
  set_int (builder, "silences", t->silences);
  set_int (builder, "resumed", t->resumed);
  set_int (builder, "emergency_stops", t->emergency_stops);
  set_int (builder, "feedback_lost", t->feedback_lost);
  set_int (builder, "repaired", t->repaired);
}

static void
set_refusals (JsonBuilder *builder, telemetry_t *t)
{
  begin (builder, "refused");
  for (unsigned rule = 0; rule < ECH_N_RULES; rule++) {
    if (count_rule (t, rule) == 0)
      continue;
    begin (builder, ech_rule_name (rule));
    for (unsigned verb = 0; verb < ECH_N_VERBS; verb++)
      if (t->refused[verb][rule] > 0)
        set_int (builder, ech_verb_name (verb), t->refused[verb][rule]);
    json_builder_end_object (builder);
  }
  json_builder_end_object (builder);
}

static void
set_source (JsonBuilder *builder, state_t *state, const struct ech_source_counts *source)
{
  const struct ech_source_status *status = status_of (state, source);

  begin (builder, source->name);
  if (status != NULL) {
    set_text (builder, "class", ech_source_class_name (status->source_class));
    set_text (builder, "mode", ech_mode_name (status->mode));
  }
  set_int (builder, "posted", source->posted);
  set_int (builder, "refused_full", source->refused_full);
  set_int (builder, "depth", source->depth);
  set_int (builder, "max_depth", source->max_depth);
  begin (builder, "refused");
  for (unsigned rule = 0; rule < ECH_N_RULES; rule++)
    if (source->refused[rule] > 0)
      set_int (builder, ech_rule_name (rule), source->refused[rule]);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
}

char *
ech_cli_telemetry_json (state_t *state, telemetry_t *t)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode)    root    = NULL;

  json_builder_begin_object (builder);
  set_text (builder, "fate", "telemetry");
  json_builder_set_member_name (builder, "running");
  json_builder_add_boolean_value (builder, state->running);
  set_int (builder, "cycles", state->cycles);
  set_int (builder, "lost_cycles", state->lost_cycles);
  set_int (builder, "executed", state->n_executed);
  set_int (builder, "rejected", state->n_rejected);
  set_int (builder, "waiting", state->n_pending);
  set_safety (builder, t);
  set_exactness (builder, t);
  set_refusals (builder, t);
  begin (builder, "sources");
  for (unsigned i = 0; i < ECH_N_COUNTED_SOURCES; i++)
    if (t->sources[i].name[0] != '\0')
      set_source (builder, state, &t->sources[i]);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  return json_to_string (root, FALSE);
}
