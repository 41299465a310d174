/* Lanes, listeners, entries and the tick.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/scheduler/scheduler.h"

#include <errno.h>
#include <string.h>

#include "engine/scheduler/scheduler-private.h"
#include "engine/scheduler/vocabulary.h"

#define DEFAULT_HANDOVER_S 0.1

/* Entries */

static guint
id_hash (const void *key)
{
  const struct ech_entry *entry = key;

  return g_str_hash (entry->action.id) * 31u + entry->lane->index;
}

static gboolean
id_equal (const void *a, const void *b)
{
  const struct ech_entry *x = a, *y = b;

  return x->lane == y->lane && strcmp (x->action.id, y->action.id) == 0;
}

static void
entry_free (void *data)
{
  struct ech_entry *entry = data;

  entry->lane->n_entries--;
  g_free ((char *) entry->action.text);
  g_free (entry);
}

struct ech_entry *
ech_entry_new (EchScheduler *s, EchLane *lane, const struct ech_lane_slot *slot)
{
  struct ech_entry *entry = g_new0 (struct ech_entry, 1);

  entry->serial    = ++s->next_serial;
  entry->posted_ns = slot->posted_ns;
  entry->action    = slot->action;
  entry->lane      = lane;
  entry->due       = (struct ech_appointment){ .serial = entry->serial, .owner = entry };
  entry->deadline  = (struct ech_appointment){ .serial = entry->serial, .owner = entry };
  lane->n_entries++;
  g_hash_table_insert (s->entries, &entry->serial, entry);
  return entry;
}

GArray *
ech_entry_serials (EchScheduler *s)
{
  GArray         *serials = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  GHashTableIter  iter;
  const uint64_t *serial;

  g_hash_table_iter_init (&iter, s->entries);
  while (g_hash_table_iter_next (&iter, (void **) &serial, NULL))
    g_array_append_val (serials, *serial);
  return serials;
}

struct ech_entry *
ech_entry_by_serial (EchScheduler *s, uint64_t serial)
{
  return g_hash_table_lookup (s->entries, &serial);
}

static void
fill_event (EchScheduler           *s,
            struct ech_event       *event,
            const struct ech_entry *entry,
            enum ech_fate           fate,
            enum ech_rule           rule,
            const char             *text)
{
  const struct ech_action *action = &entry->action;

  *event = (struct ech_event){
    .serial = entry->serial,
    .fate   = fate,
    .rule   = rule,
    .verb   = action->verb,
    .deck   = action->deck,
    .source = entry->lane->index,
    .index  = action->index,
    .client = action->client,
    .value  = action->value,
  };
  if (memchr (action->id, 0, ECH_ID_MAX))
    g_strlcpy (event->id, action->id, sizeof event->id);
  g_strlcpy (event->source_name, entry->lane->name, sizeof event->source_name);
  event->deck_state = ech_shadow_deck_state (&s->shadow.decks[action->deck % ECH_MAX_DECKS]);
  if (text)
    g_strlcpy (event->text, text, sizeof event->text);
  else
    ech_action_describe (action, event->text, sizeof event->text);
}

void
ech_entry_tell (EchScheduler     *s,
                struct ech_entry *entry,
                enum ech_fate     fate,
                enum ech_rule     rule,
                double            beat,
                uint64_t          frame,
                const char       *text)
{
  struct ech_event event;

  fill_event (s, &event, entry, fate, rule, text);
  event.beat  = beat;
  event.frame = frame;
  ech_telemetry_note_event (s, &event);
  g_array_append_val (s->events, event);
}

/* After the snapshot: who is told of a fate finds it in the state that is read next. */
static void
tell_listeners (EchScheduler *s)
{
  g_rec_mutex_lock (&s->listeners_lock);
  for (guint e = 0; e < s->events->len; e++) {
    for (guint i = 0; i < s->listeners->len; i++) {
      struct ech_listener listener = g_array_index (s->listeners, struct ech_listener, i);

      listener.func (&g_array_index (s->events, struct ech_event, e), listener.data);
    }
  }
  g_rec_mutex_unlock (&s->listeners_lock);
  g_array_set_size (s->events, 0);
}

/* What a CANCEL has come to, once its target has its fate. */
static void
settle_cancel (EchScheduler *s, uint64_t serial, bool cancelled)
{
  struct ech_entry *cancel = g_hash_table_lookup (s->entries, &serial);

  if (!cancel)
    return;
  if (cancelled)
    ech_entry_finish (s, cancel, ECH_FATE_EXECUTED, ECH_RULE_NONE, s->now_beat,
                      (uint64_t) s->now.frame, NULL);
  else
    ech_entry_reject (s, cancel, ECH_RULE_UNKNOWN, "Too late: it was carried out already.");
}

void
ech_entry_finish (EchScheduler     *s,
                  struct ech_entry *entry,
                  enum ech_fate     fate,
                  enum ech_rule     rule,
                  double            beat,
                  uint64_t          frame,
                  const char       *text)
{
  struct ech_deck_tracks *tracks    = &s->tracks[entry->action.deck % ECH_MAX_DECKS];
  uint64_t                canceller = entry->canceller;

  s->n_executed += fate == ECH_FATE_EXECUTED;
  s->n_rejected += fate == ECH_FATE_REJECTED;
  ech_orders_withdraw (s, entry);
  ech_held_forget (s, entry);
  if (entry->counted_control)
    s->n_takeable[entry->counted_control - 1]--;
  if (tracks->loading == entry) {
    tracks->loading                                = NULL;
    s->shadow.decks[entry->action.deck].is_loading = false;
  }
  ech_loads_drop (s, g_steal_pointer (&entry->load));
  ech_entry_tell (s, entry, fate, rule, beat, frame, text);
  if (entry->action.id[0] && g_hash_table_lookup (s->ids, entry) == entry)
    g_hash_table_remove (s->ids, entry);
  g_hash_table_remove (s->entries, &entry->serial);
  if (canceller)
    settle_cancel (s, canceller, fate == ECH_FATE_CANCELLED);
}

void
ech_entry_reject (EchScheduler     *s,
                  struct ech_entry *entry,
                  enum ech_rule     rule,
                  const char       *format,
                  ...)
{
  char    text[ECH_TEXT_MAX];
  va_list args;

  va_start (args, format);
  g_vsnprintf (text, sizeof text, format, args);
  va_end (args);
  ech_entry_finish (s, entry, ECH_FATE_REJECTED, rule, s->now_beat, 0, text);
}

void
ech_entry_refuse (EchScheduler               *s,
                  struct ech_entry           *entry,
                  const struct ech_violation *violation,
                  const char                 *text)
{
  enum ech_fate fate =
      violation->outcome == ECH_OUTCOME_EXPIRE ? ECH_FATE_EXPIRED : ECH_FATE_REJECTED;

  ech_entry_finish (s, entry, fate, (enum ech_rule) violation->rule, s->now_beat, 0,
                    text ? text : violation->text);
}

void
ech_entry_cancel (EchScheduler *s, struct ech_entry *entry, const char *text)
{
  bool is_taken = entry->is_taken;

  ech_entry_finish (s, entry, ECH_FATE_CANCELLED, is_taken ? ECH_RULE_TAKEN : ECH_RULE_NONE,
                    s->now_beat, 0, is_taken ? "A hand took it over." : text);
}

void
ech_entry_queued (EchScheduler *s, struct ech_entry *entry)
{
  ech_entry_tell (s, entry, ECH_FATE_QUEUED, ECH_RULE_NONE,
                  entry->waits ? entry->due.beats : s->now_beat, 0, NULL);
}

struct ech_timeline
ech_scheduler_timeline (EchScheduler *s)
{
  return s->clock.local.timeline;
}

void
ech_scheduler_set_arrival_listener (EchScheduler *s, EchArrivalFunc func, void *data)
{
  s->on_arrival   = func;
  s->arrival_data = data;
}

/* Lanes */

static EchLane *
lane_at (EchScheduler *s, unsigned index)
{
  return g_atomic_pointer_get (&s->lanes[index]);
}

EchLane *
ech_scheduler_add_lane (EchScheduler         *s,
                        const char           *name,
                        enum ech_source_class source_class,
                        uint32_t              capacity)
{
  EchLane *lane = NULL;

  g_mutex_lock (&s->lanes_lock);
  for (uint32_t i = 0; i < ECH_MAX_SOURCES && !lane; i++) {
    if (lane_at (s, i))
      continue;
    lane = ech_lane_new (name, source_class, capacity, i, &s->wakeup);
    g_atomic_pointer_set (&s->lanes[i], lane);
  }
  g_mutex_unlock (&s->lanes_lock);
  return lane;
}

void
ech_scheduler_remove_lane (EchScheduler *s, EchLane *lane)
{
  if (!lane)
    return;
  atomic_store (&lane->removed, true);
  if (s->wakeup.func)
    s->wakeup.func (s->wakeup.data);
}

static void
purge_lane (EchScheduler *s, EchLane *lane)
{
  g_autoptr (GArray) serials = ech_entry_serials (s);
  struct ech_lane_slot *slots;
  unsigned              n;

  while ((n = ech_lane_take (lane, &slots)) > 0) {
    for (unsigned i = 0; i < n; i++)
      g_free ((char *) slots[i].action.text);
  }
  for (guint i = 0; i < serials->len; i++) {
    struct ech_entry *entry = ech_entry_by_serial (s, g_array_index (serials, uint64_t, i));

    if (!entry || entry->lane != lane || entry->action.verb == ECH_VERB_CANCEL)
      continue;
    if (entry->stage != ECH_STAGE_HANDED || entry->waits)
      ech_orders_take_back (s, entry, "Its source has gone.");
  }
}

static void
forget_lane (EchScheduler *s, EchLane *lane)
{
  uint32_t source = lane->index;

  ech_safety_source_finish (&s->policy, &s->safety, source);
  g_clear_pointer ((char **) &s->refused[source].text, g_free);
  ech_telemetry_forget_source (s, source);
  g_atomic_pointer_set (&s->lanes[source], NULL);
  ech_lane_free (lane);
}

/* A lane that was removed goes when the last of its actions has its fate. */
static void
purge_removed_lanes (EchScheduler *s)
{
  for (unsigned i = 0; i < ECH_MAX_SOURCES; i++) {
    EchLane *lane = lane_at (s, i);

    if (!lane || !atomic_load (&lane->removed))
      continue;
    if (!lane->purged)
      purge_lane (s, lane);
    lane->purged = true;
    if (lane->n_entries == 0)
      forget_lane (s, lane);
  }
}

/* What the judge knows of a lane begins when it is first seen here. */
static void
meet_lanes (EchScheduler *s)
{
  for (unsigned i = 0; i < ECH_MAX_SOURCES; i++) {
    EchLane *lane = lane_at (s, i);

    if (lane && !lane->is_known)
      ech_safety_source_init (&s->policy, &s->safety, i, lane->name, lane->source_class);
    if (lane)
      lane->is_known = true;
  }
}

/* Lanes to be drained: the higher priority first, ties in turn. */
struct drain {
  EchLane *lane;
  uint32_t priority;
};

static unsigned
line_up (EchScheduler *s, struct drain line[ECH_MAX_SOURCES])
{
  unsigned n = 0, first = s->first_lane++;

  for (unsigned i = 0; i < ECH_MAX_SOURCES; i++) {
    EchLane              *lane = lane_at (s, (first + i) % ECH_MAX_SOURCES);
    enum ech_source_class unused;
    unsigned              at = n;

    if (!lane || !lane->is_known || atomic_load (&lane->removed))
      continue;
    line[n++] = (struct drain){
      lane, ech_policy_rules (&s->policy, lane->name, lane->source_class, &unused)->priority
    };
    for (; at > 0 && line[at - 1].priority < line[at].priority; at--) {
      struct drain higher = line[at];

      line[at]     = line[at - 1];
      line[at - 1] = higher;
    }
  }
  return n;
}

/* One unit of each in turn, until they are empty or have taken @most. */
static unsigned
drain_equals (EchScheduler *s, struct drain *line, unsigned n, unsigned most)
{
  unsigned taken = 0, idle = 0;

  for (unsigned i = 0; idle < n && taken < most; i++) {
    EchLane              *lane = line[i % n].lane;
    struct ech_lane_slot *slots;
    unsigned              n_slots = ech_lane_take (lane, &slots);

    idle = n_slots ? 0 : idle + 1;
    taken += n_slots;
    if (n_slots)
      ech_arrival_take_unit (s, lane, slots, n_slots);
  }
  return taken;
}

/* What the audio thread's inbox has room for: what waits in front of it delays whoever comes. */
static unsigned
room (EchScheduler *s)
{
  unsigned fill = ech_ring_fill (&s->config.exchange->commands) + s->overflow->len;

  if (!s->now.running) /* it will be refused, which takes no room */
    return ECH_TICK_ACTIONS;
  return fill < ECH_COMMAND_SLOTS ? MIN (ECH_COMMAND_SLOTS - fill, (unsigned) ECH_TICK_ACTIONS) : 0;
}

/* Whoever floods leaves each one behind it a share of the tick. */
static void
drain_lanes (EchScheduler *s)
{
  struct drain line[ECH_MAX_SOURCES];
  unsigned     n = line_up (s, line), left = room (s);
  bool         all = true;

  for (unsigned i = 0; i < n;) {
    unsigned equals = 1, kept, taken;

    while (i + equals < n && line[i + equals].priority == line[i].priority)
      equals++;
    kept  = (n - i - equals) * ECH_LANE_SHARE;
    left  = MAX (left, kept + ECH_LANE_SHARE);
    taken = drain_equals (s, &line[i], equals, left - kept);
    all   = all && taken < left - kept;
    left -= MIN (taken, left);
    i += equals;
  }
  /* the rest in the next tick, which need not wait */
  if (!all && room (s) > 0 && s->wakeup.func)
    s->wakeup.func (s->wakeup.data);
}

void
ech_scheduler_set_wakeup (EchScheduler *s, void (*wakeup) (void *data), void *data)
{
  s->wakeup = (struct ech_wakeup){ wakeup, data };
}

/* Listeners */

void
ech_scheduler_add_listener (EchScheduler *s, EchEventFunc func, void *data)
{
  struct ech_listener listener = { func, data };

  g_rec_mutex_lock (&s->listeners_lock);
  g_array_append_val (s->listeners, listener);
  g_rec_mutex_unlock (&s->listeners_lock);
}

void
ech_scheduler_remove_listener (EchScheduler *s, EchEventFunc func, void *data)
{
  g_rec_mutex_lock (&s->listeners_lock);
  for (guint i = 0; i < s->listeners->len; i++) {
    const struct ech_listener *listener = &g_array_index (s->listeners, struct ech_listener, i);

    if (listener->func == func && listener->data == data) {
      g_array_remove_index (s->listeners, i);
      break;
    }
  }
  g_rec_mutex_unlock (&s->listeners_lock);
}

/* The tick */

static void
read_report (EchScheduler *s)
{
  s->report = ech_triple_read (&s->config.exchange->reports);
  ech_local_clock_update (&s->clock.local, &s->report->timeline, s->now.frame);
  s->now_beat = s->clock.local.base.interface->current_beat (&s->clock.local.base);
}

static void
apply_settings (EchScheduler *s)
{
  struct ech_command command = { .type  = ECH_COMMAND_PARAM,
                                 .param = ECH_PARAM_CROSSFADER_CURVE,
                                 .when  = ECH_WHEN_NOW };
  uint32_t           curve   = atomic_load (&s->crossfader_curve);

  g_mutex_lock (&s->settings_lock);
  s->tick_timing = s->default_timing;
  if (s->policy_is_coming) {
    ech_safety_change_policy (&s->safety, &s->policy, &s->coming_policy);
    s->policy = s->coming_policy;
  }
  s->policy_is_coming = false;
  g_mutex_unlock (&s->settings_lock);
  if (curve == s->shadow.crossfader_curve)
    return;
  s->shadow.crossfader_curve = curve;
  command.at                 = s->now.exact ? s->now.frame : NAN;
  command.value              = curve;
  ech_orders_push (s, &command);
  ech_arrival_tell (s, NULL);
}

static void
expire (EchScheduler *s)
{
  struct ech_appointment *first;

  while ((first = ech_schedule_first (&s->deadlines)) && s->now_beat > first->beats)
    ech_entry_finish (s, first->owner, ECH_FATE_EXPIRED, ECH_RULE_NONE, s->now_beat, 0,
                      "Its deadline has passed.");
}

void
ech_scheduler_tick (EchScheduler *s, const struct ech_now *now)
{
  s->now = *now;
  read_report (s);
  ech_orders_take_feedback (s);
  /* what was published behind that feedback knows more */
  read_report (s);
  ech_shadow_take_report (&s->shadow, s->report, now->exact);
  ech_loads_update_lengths (s);
  ech_orders_flush (s);
  ech_repair_tick (s);
  apply_settings (s);
  ech_loads_take_results (s);
  ech_record_take_results (s);
  ech_clock_tick (s);
  purge_removed_lanes (s);
  meet_lanes (s);
  ech_telemetry_update (s);
  expire (s);
  ech_held_expire (s);
  ech_orders_hand_over_due (s);
  drain_lanes (s);
  ech_orders_guard_swaps (s);
  ech_guards_tick (s);
  ech_telemetry_update (s);
  ech_snapshot_publish (s);
  tell_listeners (s);
}

double
ech_scheduler_next_frame (EchScheduler *s)
{
  struct ech_appointment *first = ech_schedule_first (&s->waiting);

  if (s->overflow->len)
    return s->now.frame;
  if (!first)
    return INFINITY;
  return ech_orders_frame_of (s, first->beats) - s->config.handover_s * s->clock.local.timeline.rate;
}

/* Settings, beginning and end */

void
ech_scheduler_set_default_timing (EchScheduler *s, const struct ech_timing *timing)
{
  static const struct ech_timing at_once = { ECH_TIMING_NOW, ECH_WAY_WAIT, 0 };

  g_mutex_lock (&s->settings_lock);
  s->default_timing = timing->kind == ECH_TIMING_DEFAULT ? at_once : *timing;
  g_mutex_unlock (&s->settings_lock);
}

void
ech_scheduler_set_policy (EchScheduler *s, const struct ech_policy *policy)
{
  g_mutex_lock (&s->settings_lock);
  s->coming_policy    = *policy;
  s->policy_is_coming = true;
  g_mutex_unlock (&s->settings_lock);
  if (s->wakeup.func)
    s->wakeup.func (s->wakeup.data);
}

void
ech_scheduler_set_crossfader_curve (EchScheduler *s, uint32_t curve)
{
  atomic_store (&s->crossfader_curve, MIN (curve, ECH_N_CURVES - 1));
}

EchScheduler *
ech_scheduler_new (const struct ech_scheduler_config *config)
{
  EchScheduler *s = g_new0 (EchScheduler, 1);

  s->config         = *config;
  s->config.n_decks = CLAMP (config->n_decks, 1, ECH_MAX_DECKS);
  if (!(s->config.handover_s > 0))
    s->config.handover_s = DEFAULT_HANDOVER_S;
  g_mutex_init (&s->lanes_lock);
  g_rec_mutex_init (&s->listeners_lock);
  g_mutex_init (&s->settings_lock);
  g_mutex_init (&s->state_lock);
  s->listeners    = g_array_new (FALSE, FALSE, sizeof (struct ech_listener));
  s->load_results = g_async_queue_new();
  s->record_results = g_async_queue_new_full (g_free);
  s->overflow     = g_array_new (FALSE, FALSE, sizeof (struct ech_command));
  s->events       = g_array_new (FALSE, FALSE, sizeof (struct ech_event));
  s->handed       = g_ptr_array_new();
  s->tempos       = g_ptr_array_new();
  s->entries      = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, entry_free);
  s->ids          = g_hash_table_new (id_hash, id_equal);
  s->tickets      = g_hash_table_new (g_int64_hash, g_int64_equal);
  ech_schedule_init (&s->waiting);
  ech_schedule_init (&s->deadlines);
  ech_shared_clock_init (&s->clock);
  ech_clock_init (s);
  ech_shadow_init (&s->shadow, s->config.n_decks);
  ech_safety_state_init (&s->safety);
  if (config->policy)
    s->policy = *config->policy;
  else
    ech_policy_init (&s->policy);
  s->config.policy = NULL; /* copied: nobody looks at theirs again */
  s->ahead         = g_new0 (struct ech_safety_state, 1);
  s->held          = g_ptr_array_new_with_free_func (ech_held_free);
  s->guard_lane    = ech_lane_new ("guard", ECH_SOURCE_HAND, 1, ECH_MAX_SOURCES, &s->wakeup);
  ech_scheduler_set_default_timing (s, &config->default_timing);
  s->report = ech_triple_read (&s->config.exchange->reports);
  ech_snapshot_publish (s);
  return s;
}

static void
release_commands (EchScheduler *s)
{
  struct ech_command command;

  while (ech_ring_pop (&s->config.exchange->commands, &command))
    g_array_append_val (s->overflow, command);
  for (guint i = 0; i < s->overflow->len; i++) {
    command = g_array_index (s->overflow, struct ech_command, i);
    if (command.type == ECH_COMMAND_SET_TRACK && command.pcm)
      command.pcm->release (command.pcm);
  }
}

static void
release_tracks (EchScheduler *s)
{
  g_autoptr (GList) loads = g_hash_table_get_values (s->tickets);
  struct ech_feedback     feedback;
  struct ech_load_result *result;

  while (ech_ring_pop (&s->config.exchange->feedback, &feedback)) {
    struct ech_entry *entry = g_hash_table_lookup (s->entries, &feedback.id);

    if (feedback.type == ECH_FEEDBACK_RETIRED && feedback.pcm)
      feedback.pcm->release (feedback.pcm);
    else if (feedback.type == ECH_FEEDBACK_CLOCK_RETIRED)
      continue; /* freed with the others */
    else if (feedback.type != ECH_FEEDBACK_EXECUTED && entry)
      ech_loads_returned (entry);
  }
  for (GList *l = loads; l; l = l->next)
    ech_loads_drop (s, l->data);
  while ((result = g_async_queue_try_pop (s->load_results))) {
    if (result->stage == ECH_LOAD_RESULT_READY && result->pcm)
      result->pcm->release (result->pcm);
    g_free (result);
  }
}

void
ech_scheduler_free (EchScheduler *s)
{
  if (!s)
    return;
  release_commands (s);
  release_tracks (s);
  g_ptr_array_unref (s->held);
  g_hash_table_unref (s->ids);
  g_hash_table_unref (s->entries);
  g_hash_table_unref (s->tickets);
  for (unsigned i = 0; i < ECH_MAX_SOURCES; i++)
    ech_lane_free (s->lanes[i]);
  ech_lane_free (s->guard_lane);
  for (unsigned i = 0; i < ECH_MAX_SOURCES; i++)
    g_free ((char *) s->refused[i].text);
  g_free (s->ahead);
  ech_schedule_finish (&s->waiting);
  ech_schedule_finish (&s->deadlines);
  g_ptr_array_unref (s->handed);
  g_ptr_array_unref (s->tempos);
  ech_clock_finish (s);
  g_array_unref (s->overflow);
  g_array_unref (s->events);
  g_async_queue_unref (s->load_results);
  g_async_queue_unref (s->record_results);
  g_array_unref (s->listeners);
  g_mutex_clear (&s->lanes_lock);
  g_rec_mutex_clear (&s->listeners_lock);
  g_mutex_clear (&s->settings_lock);
  g_mutex_clear (&s->state_lock);
  g_free (s);
}
