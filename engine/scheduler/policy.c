/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/scheduler/policy.h"

#include <string.h>

#define BIT(verb) (UINT64_C (1) << ECH_VERB_##verb)
#define ALL_VERBS ((UINT64_C (1) << ECH_N_VERBS) - 2) /* all but NONE */

_Static_assert(ECH_N_VERBS < 64, "a set of verbs has a bit for each");

static const uint64_t group_verbs[ECH_N_GROUPS] = {
  [ECH_GROUP_TRANSPORT] =
      BIT (PLAY) | BIT (STOP) | BIT (SEEK) | BIT (CUE) | BIT (BEATJUMP) | BIT (HOTCUE_JUMP),
  [ECH_GROUP_LOOPS]    = BIT (LOOP) | BIT (LOOP_IN) | BIT (LOOP_OUT) | BIT (LOOP_MOVE),
  [ECH_GROUP_LOADS]    = BIT (LOAD) | BIT (EJECT),
  [ECH_GROUP_MARKS]    = BIT (HOTCUE_SET) | BIT (HOTCUE_CLEAR),
  [ECH_GROUP_CONTROLS] = BIT (SPEED) | BIT (SYNC) | BIT (TRIM) | BIT (VOLUME) | BIT (EQ)
                         | BIT (FILTER) | BIT (PFL) | BIT (BEND) | BIT (KEYLOCK)
                         | BIT (CROSSFADER),
  [ECH_GROUP_MASTER] = BIT (LIMITER) | BIT (MASTER_VOLUME) | BIT (BOOTH_VOLUME)
                       | BIT (HEADPHONES_VOLUME) | BIT (HEADPHONES_MIX) | BIT (TEMPO)
                       | BIT (RECORD) | BIT (LINK) | BIT (LINK_STARTSTOP)
                       | BIT (LINK_NUDGE),
  [ECH_GROUP_SAFETY] = BIT (LOCK) | BIT (UNLOCK) | BIT (EMERGENCY) | BIT (CANCEL) | BIT (CONFIRM)
                       | BIT (SOURCE_MODE),
};

static const char *const mode_names[ECH_N_MODES]             = { "off", "ghost", "assist", "auto" };
static const char *const class_names[ECH_N_SOURCE_CLASSES]   = { "hand", "osc", "bridge", "agent" };
static const char *const group_names[ECH_N_GROUPS] = { "transport", "loops",  "loads", "marks",
                                                       "controls",  "master", "safety" };

enum ech_verb_group
ech_verb_group (enum ech_verb verb)
{
  for (int group = 0; group < ECH_N_GROUPS; group++) {
    if (group_verbs[group] & (UINT64_C (1) << verb))
      return (enum ech_verb_group) group;
  }
  return ECH_GROUP_SAFETY;
}

uint64_t
ech_group_verbs (enum ech_verb_group group)
{
  return group_verbs[group];
}

bool
ech_action_cools (const struct ech_action *action)
{
  switch (action->verb) {
  case ECH_VERB_CUE:
    return isnan (action->value);
  case ECH_VERB_LOOP:
    return action->value != 0;
  default:
    return true;
  }
}

static void
cool (struct ech_source_rules *rules, enum ech_verb_group group, double amount, uint32_t unit)
{
  for (int verb = 0; verb < ECH_N_VERBS; verb++) {
    if (group_verbs[group] & (UINT64_C (1) << verb))
      rules->cooldowns[verb] = (struct ech_span){ amount, unit };
  }
}

static void
init_hand (struct ech_source_rules *rules)
{
  rules->priority         = 100;
  rules->may_stop_last    = true;
  rules->may_silence_last = true;
  cool (rules, ECH_GROUP_TRANSPORT, 60, ECH_SPAN_MS);
}

static void
init_osc (struct ech_source_rules *rules)
{
  rules->priority         = 60;
  rules->rate_per_s       = 1000;
  rules->may_silence_last = true;
  rules->yield            = (struct ech_span){ 1, ECH_SPAN_BEATS };
  cool (rules, ECH_GROUP_TRANSPORT, 0.5, ECH_SPAN_BEATS);
  cool (rules, ECH_GROUP_LOOPS, 0.5, ECH_SPAN_BEATS);
  cool (rules, ECH_GROUP_LOADS, 0.5, ECH_SPAN_BEATS);
}

static void
init_bridge (struct ech_source_rules *rules)
{
  rules->priority        = 40;
  rules->rate_per_s      = 200;
  rules->after_unlock    = (struct ech_span){ 1, ECH_SPAN_BEATS };
  rules->yield           = (struct ech_span){ 4, ECH_SPAN_BEATS };
  rules->after_emergency = (struct ech_span){ 8, ECH_SPAN_BEATS };
  rules->verbs &= ~(BIT (LIMITER) | BIT (RECORD) | BIT (CONFIRM) | BIT (SOURCE_MODE));
  cool (rules, ECH_GROUP_TRANSPORT, 1, ECH_SPAN_BEATS);
  cool (rules, ECH_GROUP_LOOPS, 1, ECH_SPAN_BEATS);
  cool (rules, ECH_GROUP_LOADS, 4, ECH_SPAN_BEATS);
}

static void
init_agent (struct ech_source_rules *rules)
{
  rules->priority        = 20;
  rules->rate_per_s      = 50;
  rules->after_unlock    = (struct ech_span){ 4, ECH_SPAN_BEATS };
  rules->yield           = (struct ech_span){ 4, ECH_SPAN_BEATS };
  rules->after_emergency = (struct ech_span){ 8, ECH_SPAN_BEATS };
  rules->verbs &= ~(BIT (LIMITER) | BIT (RECORD) | BIT (CONFIRM) | BIT (BOOTH_VOLUME)
                    | BIT (HEADPHONES_VOLUME) | BIT (HEADPHONES_MIX));
  cool (rules, ECH_GROUP_TRANSPORT, 4, ECH_SPAN_BEATS);
  cool (rules, ECH_GROUP_LOOPS, 1, ECH_SPAN_BEATS);
  cool (rules, ECH_GROUP_LOADS, 16, ECH_SPAN_BEATS);
}

void
ech_policy_init (struct ech_policy *policy)
{
  memset (policy, 0, sizeof *policy);
  policy->on_air_db            = -60;
  policy->human_override       = true;
  policy->override_least_ms    = 300;
  policy->override_window_ms   = 10000;
  policy->confirm_wait_ms      = 30000;
  policy->emergency_loop       = true;
  policy->emergency_loop_beats = 8;
  policy->silence_action       = ECH_SILENCE_REPORT;
  policy->silence_after_ms     = 4000;
  policy->silence_db           = -60;
  for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++) {
    policy->classes[i].mode  = ECH_MODE_AUTO;
    policy->classes[i].verbs = ALL_VERBS;
  }
  init_hand (&policy->classes[ECH_SOURCE_HAND]);
  init_osc (&policy->classes[ECH_SOURCE_OSC]);
  init_bridge (&policy->classes[ECH_SOURCE_BRIDGE]);
  init_agent (&policy->classes[ECH_SOURCE_AGENT]);
}

void
ech_policy_init_score (struct ech_policy *policy)
{
  ech_policy_init (policy);
  policy->emergency_loop = false;
  policy->silence_action = ECH_SILENCE_NOTHING;
  /* who wrote it down has had the time to think */
  policy->override_least_ms = 0;
  for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++) {
    policy->classes[i] = (struct ech_source_rules){ .mode             = ECH_MODE_AUTO,
                                                    .priority         = 100,
                                                    .verbs            = ALL_VERBS,
                                                    .may_stop_last    = true,
                                                    .may_silence_last = true };
  }
}

const struct ech_source_rules *
ech_policy_rules (const struct ech_policy *policy,
                  const char              *name,
                  enum ech_source_class    source_class,
                  enum ech_source_class   *out_class)
{
  for (uint32_t i = 0; i < policy->n_sources; i++) {
    const struct ech_named_source *source = &policy->sources[i];

    if (strcmp (source->name, name) == 0) {
      *out_class = (enum ech_source_class) source->source_class;
      return &source->rules;
    }
  }
  *out_class = source_class;
  return &policy->classes[source_class];
}

double
ech_policy_least_gain (const struct ech_policy *policy)
{
  return pow (10.0, policy->on_air_db / 20.0);
}

const char *
ech_mode_name (enum ech_source_mode mode)
{
  return (unsigned) mode < ECH_N_MODES ? mode_names[mode] : "unknown";
}

const char *
ech_group_name (enum ech_verb_group group)
{
  return (unsigned) group < ECH_N_GROUPS ? group_names[group] : "unknown";
}

const char *
ech_source_class_name (enum ech_source_class source_class)
{
  return (unsigned) source_class < ECH_N_SOURCE_CLASSES ? class_names[source_class] : "unknown";
}
