/* What the judge knows, and how it comes to know it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "engine/scheduler/safety.h"
#include "engine/scheduler/vocabulary.h"

static const char *const lock_state_names[ECH_N_LOCK_STATES] = { "unlocked", "locked", "cooldown" };

const char *
ech_lock_state_name (enum ech_lock_state state)
{
  return (unsigned) state < ECH_N_LOCK_STATES ? lock_state_names[state] : "unknown";
}

void
ech_safety_state_init (struct ech_safety_state *state)
{
  memset (state, 0, sizeof *state);
}

/* Sources */

enum ech_source_class
ech_safety_class (const struct ech_policy       *policy,
                  const struct ech_safety_state *state,
                  uint32_t                       source)
{
  const struct ech_safety_source *known = &state->sources[source];
  enum ech_source_class           source_class;

  ech_policy_rules (policy, known->name, (enum ech_source_class) known->source_class,
                    &source_class);
  return source_class;
}

static const struct ech_source_rules *
rules_of (const struct ech_policy *policy, const char *name, uint32_t source_class)
{
  enum ech_source_class unused;

  return ech_policy_rules (policy, name, (enum ech_source_class) source_class, &unused);
}

int32_t
ech_safety_find_source (const struct ech_safety_state *state, const char *name)
{
  for (int32_t i = 0; i < ECH_MAX_SOURCES; i++) {
    if (state->sources[i].exists && strcmp (state->sources[i].name, name) == 0)
      return i;
  }
  return -1;
}

static const struct ech_named_source *
find_named (const struct ech_policy *policy, const char *name)
{
  for (uint32_t i = 0; i < policy->n_sources; i++) {
    if (strcmp (policy->sources[i].name, name) == 0)
      return &policy->sources[i];
  }
  return NULL;
}

const struct ech_source_rules *
ech_safety_rules_by_name (const struct ech_policy       *policy,
                          const struct ech_safety_state *state,
                          const char                    *name)
{
  const struct ech_named_source *named  = find_named (policy, name);
  int32_t                        source = ech_safety_find_source (state, name);

  if (source >= 0)
    return rules_of (policy, name, state->sources[source].source_class);
  return named ? &named->rules : NULL;
}

/* The place of @name among the modes of those who are not here, or a free one, or NULL. */
static struct ech_coming_mode *
coming_place (struct ech_safety_state *state, const char *name)
{
  struct ech_coming_mode *free_place = NULL;

  for (unsigned i = 0; i < ECH_MAX_NAMED_SOURCES; i++) {
    if (strcmp (state->coming[i].name, name) == 0)
      return &state->coming[i];
    if (!free_place && !state->coming[i].name[0])
      free_place = &state->coming[i];
  }
  return free_place;
}

static void
remember_mode (struct ech_safety_state *state,
               const char              *name,
               uint32_t                 source_class,
               uint32_t                 mode)
{
  struct ech_coming_mode *place = coming_place (state, name);

  /* sixteen that went in a mode of their own: the first of them is forgotten */
  if (!place) {
    memmove (&state->coming[0], &state->coming[1],
             (ECH_MAX_NAMED_SOURCES - 1) * sizeof state->coming[0]);
    place = &state->coming[ECH_MAX_NAMED_SOURCES - 1];
  }
  snprintf (place->name, sizeof place->name, "%s", name);
  place->source_class = source_class;
  place->mode         = mode;
}

void
ech_safety_source_init (const struct ech_policy *policy,
                        struct ech_safety_state *state,
                        uint32_t                 index,
                        const char              *name,
                        enum ech_source_class    source_class)
{
  struct ech_safety_source *source = &state->sources[index];
  struct ech_coming_mode   *coming;

  memset (source, 0, sizeof *source);
  source->exists       = true;
  source->source_class = source_class;
  source->mode         = rules_of (policy, name, source_class)->mode;
  snprintf (source->name, sizeof source->name, "%s", name);
  coming = name[0] ? coming_place (state, name) : NULL;
  if (!coming || !coming->name[0])
    return;
  source->mode = coming->mode;
  memset (coming, 0, sizeof *coming);
}

void
ech_safety_source_finish (const struct ech_policy *policy,
                          struct ech_safety_state *state,
                          uint32_t                 index)
{
  struct ech_safety_source *source = &state->sources[index];

  if (source->exists && source->name[0]
      && source->mode != rules_of (policy, source->name, source->source_class)->mode)
    remember_mode (state, source->name, source->source_class, source->mode);
  memset (source, 0, sizeof *source);
}

/* The mode after a change of the policy: what was set by hand stays where the policy says nothing new. */
static uint32_t
mode_after (const struct ech_policy *last,
            const struct ech_policy *next,
            const char              *name,
            uint32_t                 source_class,
            uint32_t                 mode)
{
  uint32_t was = rules_of (last, name, source_class)->mode;
  uint32_t is  = rules_of (next, name, source_class)->mode;

  return was == is ? mode : is;
}

void
ech_safety_change_policy (struct ech_safety_state *state,
                          const struct ech_policy *last,
                          const struct ech_policy *next)
{
  for (unsigned i = 0; i < ECH_MAX_SOURCES; i++) {
    struct ech_safety_source *source = &state->sources[i];

    if (source->exists)
      source->mode = mode_after (last, next, source->name, source->source_class, source->mode);
  }
  for (unsigned i = 0; i < ECH_MAX_NAMED_SOURCES; i++) {
    struct ech_coming_mode *coming = &state->coming[i];

    if (coming->name[0])
      coming->mode = mode_after (last, next, coming->name, coming->source_class, coming->mode);
  }
}

double
ech_safety_tokens (const struct ech_source_rules  *rules,
                   const struct ech_safety_source *source,
                   uint64_t                        now_ns)
{
  double capacity = fmax (rules->rate_per_s, 1.0);
  double since_ns = now_ns > source->tokens_ns ? (double) (now_ns - source->tokens_ns) : 0.0;

  if (!(rules->rate_per_s > 0))
    return INFINITY;
  if (!source->tokens_known)
    return capacity;
  return fmin (capacity, source->tokens + since_ns * 1e-9 * rules->rate_per_s);
}

/* Controls */

int
ech_safety_control (const struct ech_action *action)
{
  enum ech_verb verb = (enum ech_verb) action->verb;
  int           deck = ech_verb_has_deck (verb) ? (int) action->deck : 0;
  int           base = deck * (ECH_N_CONTROLS / ECH_MAX_DECKS);

  switch (ech_verb_group (verb)) {
  case ECH_GROUP_TRANSPORT:
  case ECH_GROUP_LOOPS:
  case ECH_GROUP_LOADS:
  case ECH_GROUP_MARKS:
    return base + (int) ECH_VERB_PLAY;
  case ECH_GROUP_CONTROLS:
  case ECH_GROUP_MASTER:
    return base + (verb == ECH_VERB_EQ ? (int) ECH_N_VERBS + (int) action->index : (int) verb);
  default:
    return -1;
  }
}

bool
ech_safety_takes_over (const struct ech_action *action)
{
  switch (action->verb) {
  case ECH_VERB_PLAY:
  case ECH_VERB_STOP:
  case ECH_VERB_SEEK:
  case ECH_VERB_BEATJUMP:
  case ECH_VERB_HOTCUE_JUMP:
  case ECH_VERB_LOAD:
  case ECH_VERB_EJECT:
    return true;
  case ECH_VERB_CUE:
    return isnan (action->value);
  default:
    break;
  }
  switch (ech_verb_group ((enum ech_verb) action->verb)) {
  case ECH_GROUP_CONTROLS:
  case ECH_GROUP_MASTER:
    return true;
  default:
    return false;
  }
}

/* On air */

bool
ech_safety_is_on_air (const struct ech_policy *policy,
                      const struct ech_shadow *shadow,
                      uint32_t                 deck)
{
  return ech_shadow_is_playing (&shadow->decks[deck])
         && ech_shadow_is_on_air (&shadow->decks[deck], ech_policy_least_gain (policy));
}

unsigned
ech_safety_n_on_air (const struct ech_policy *policy, const struct ech_shadow *shadow)
{
  unsigned n = 0;

  for (uint32_t i = 0; i < shadow->n_decks; i++)
    n += ech_safety_is_on_air (policy, shadow, i);
  return n;
}

/* Noting */

static void
stamp_now (struct ech_stamp *stamp, const struct ech_petition *petition)
{
  *stamp = (struct ech_stamp){ petition->now_beat, petition->now_ns, true };
}

static void
note_token (const struct ech_policy   *policy,
            struct ech_safety_source  *source,
            const struct ech_petition *petition)
{
  const struct ech_source_rules *rules = rules_of (policy, source->name, source->source_class);

  source->tokens       = ech_safety_tokens (rules, source, petition->now_ns) - 1;
  source->tokens_ns    = petition->now_ns;
  source->tokens_known = true;
}

static void
note_lock (struct ech_deck_lock      *lock,
           const struct ech_petition *petition,
           enum ech_source_class      source_class)
{
  const char *reason = petition->action->text ? petition->action->text : "";

  if (petition->action->verb == ECH_VERB_LOCK && lock->state != ECH_LOCK_LOCKED) {
    memset (lock, 0, sizeof *lock);
    lock->state        = ECH_LOCK_LOCKED;
    lock->source_class = source_class;
    snprintf (lock->reason, sizeof lock->reason, "%s", reason);
  } else if (petition->action->verb == ECH_VERB_UNLOCK && lock->state == ECH_LOCK_LOCKED) {
    memset (lock, 0, sizeof *lock);
    lock->state = ECH_LOCK_COOLDOWN;
    stamp_now (&lock->unlocked, petition);
  }
}

static void
note_mode (const struct ech_policy *policy,
           struct ech_safety_state *state,
           const struct ech_action *action)
{
  const struct ech_named_source *named  = find_named (policy, action->target);
  int32_t                        source = ech_safety_find_source (state, action->target);

  if (source >= 0)
    state->sources[source].mode = (uint32_t) action->value;
  else if (named)
    remember_mode (state, action->target, named->source_class, (uint32_t) action->value);
}

static void
note_done (const struct ech_policy    *policy,
           struct ech_safety_state    *state,
           const struct ech_petition  *petition,
           const struct ech_violation *violation)
{
  const struct ech_action *action       = petition->action;
  enum ech_source_class    source_class = ech_safety_class (policy, state, petition->source);
  int                      control      = ech_safety_control (action);

  if (source_class == ECH_SOURCE_HAND && control >= 0)
    stamp_now (&state->touched[control], petition);
  switch (action->verb) {
  case ECH_VERB_LOCK:
  case ECH_VERB_UNLOCK:
    note_lock (&state->locks[violation->deck], petition, source_class);
    break;
  case ECH_VERB_EMERGENCY:
    stamp_now (&state->emergency, petition);
    break;
  case ECH_VERB_SOURCE_MODE:
    note_mode (policy, state, action);
    break;
  default:
    break;
  }
  if (petition->stage == ECH_JUDGE_OVERRIDE && petition->override_source >= 0)
    state->sources[petition->override_source].refused.id[0] = '\0';
}

/* A hand may insist on what a deck on air refused. */
static void
note_refused (const struct ech_policy   *policy,
              struct ech_safety_state   *state,
              const struct ech_petition *petition)
{
  struct ech_refused_step *step = &state->sources[petition->source].refused;

  if (petition->stage != ECH_JUDGE_ARRIVAL || petition->in_batch || !petition->action->id[0]
      || ech_safety_class (policy, state, petition->source) != ECH_SOURCE_HAND)
    return;
  snprintf (step->id, sizeof step->id, "%s", petition->action->id);
  step->ns = petition->now_ns;
}

void
ech_safety_note (const struct ech_policy    *policy,
                 struct ech_safety_state    *state,
                 const struct ech_petition  *petition,
                 const struct ech_violation *violation)
{
  struct ech_safety_source *source  = &state->sources[petition->source];
  bool                      is_done = violation->outcome == ECH_OUTCOME_DO;
  bool                      counts =
      is_done || violation->outcome == ECH_OUTCOME_HOLD || violation->rule == ECH_RULE_GHOST;

  if (violation->takes_token)
    note_token (policy, source, petition);
  if (counts && petition->stage != ECH_JUDGE_CONFIRMED
      && petition->action->verb != ECH_VERB_EMERGENCY && ech_action_cools (petition->action))
    stamp_now (&source->accepted[violation->deck][petition->action->verb], petition);
  if (is_done)
    note_done (policy, state, petition, violation);
  else if (violation->rule == ECH_RULE_ON_AIR)
    note_refused (policy, state, petition);
}

/* The lock, as it is shown */

enum ech_lock_state
ech_safety_lock_state (const struct ech_policy       *policy,
                       const struct ech_safety_state *state,
                       uint32_t                       deck,
                       double                         now_beat,
                       uint64_t                       now_ns)
{
  const struct ech_deck_lock *lock = &state->locks[deck];

  if (lock->state != ECH_LOCK_COOLDOWN)
    return (enum ech_lock_state) lock->state;
  for (unsigned i = 0; i < ECH_MAX_SOURCES; i++) {
    const struct ech_safety_source *source = &state->sources[i];

    if (source->exists
        && !ech_stamp_has_passed (
            &lock->unlocked, &rules_of (policy, source->name, source->source_class)->after_unlock,
            now_beat, now_ns))
      return ECH_LOCK_COOLDOWN;
  }
  return ECH_LOCK_UNLOCKED;
}
