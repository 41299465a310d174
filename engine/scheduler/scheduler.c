/* Lanes, listeners, the tick, and what happens to an action when it arrives.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/scheduler/scheduler.h"

#include <errno.h>
#include <string.h>

#include "engine/scheduler/quantizer.h"
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

static struct ech_entry *
entry_new (EchScheduler *s, EchLane *lane, const struct ech_lane_slot *slot)
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

static void
fill_event (struct ech_event       *event,
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

  fill_event (&event, entry, fate, rule, text);
  event.beat  = beat;
  event.frame = frame;
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
ech_entry_cancel (EchScheduler *s, struct ech_entry *entry, const char *text)
{
  ech_entry_finish (s, entry, ECH_FATE_CANCELLED, ECH_RULE_NONE, s->now_beat, 0, text);
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
  return s->clock.timeline;
}

/* Judging what arrives */

/* Why something that has just arrived goes no further. */
struct refusal {
  enum ech_fate      fate;
  struct ech_verdict verdict;
};

static G_GNUC_PRINTF (3, 4) bool refuse (struct refusal *out,
                                         enum ech_rule   rule,
                                         const char     *format,
                                         ...)
{
  va_list args;

  va_start (args, format);
  out->fate         = ECH_FATE_REJECTED;
  out->verdict.rule = rule;
  g_vsnprintf (out->verdict.text, sizeof out->verdict.text, format, args);
  va_end (args);
  return false;
}

static bool
lands (const struct ech_entry *entry)
{
  return entry->action.timing.kind == ECH_TIMING_GRID && entry->action.timing.way == ECH_WAY_LAND
         && (ech_verb_starts (entry->action.verb) || entry->action.verb == ECH_VERB_SEEK);
}

bool
ech_entry_is_allowed (EchScheduler            *s,
                      const struct ech_shadow *shadow,
                      const struct ech_entry  *entry,
                      struct ech_verdict      *out_verdict)
{
  struct ech_petition petition = {
    .action       = &entry->action,
    .source_class = entry->lane->source_class,
    .in_time      = entry->waits || lands (entry),
  };

  return ech_safety_judge (&s->policy, shadow, &petition, out_verdict);
}

/* The default holds for what moves the playhead: a fader that waits for the bar would be broken. */
static bool
follows_default (enum ech_verb verb)
{
  return (verb >= ECH_VERB_PLAY && verb <= ECH_VERB_BEATJUMP)
         || (verb >= ECH_VERB_LOOP && verb <= ECH_VERB_HOTCUE_JUMP);
}

static bool
takes_timing (enum ech_verb verb)
{
  return verb < ECH_VERB_LOCK || (verb >= ECH_VERB_LOOP && verb <= ECH_VERB_RECORD);
}

static void
tell_arrival (EchScheduler *s, const struct ech_entry *entry)
{
  struct ech_arrival arrival = {
    .frame   = s->now.frame,
    .beat    = s->now_beat,
    .rate    = s->clock.timeline.rate,
    .time_ns = s->now.time_ns,
    .curve   = s->shadow.crossfader_curve,
  };

  if (!s->on_arrival)
    return;
  if (entry) {
    arrival.serial       = entry->serial;
    arrival.action       = entry->action;
    arrival.source_class = entry->lane->source_class;
    g_strlcpy (arrival.source_name, entry->lane->name, sizeof arrival.source_name);
    if (arrival.action.timing.kind == ECH_TIMING_DEFAULT && follows_default (arrival.action.verb))
      arrival.action.timing = s->tick_timing;
  }
  s->on_arrival (&arrival, s->arrival_data);
}

void
ech_scheduler_set_arrival_listener (EchScheduler *s, EchArrivalFunc func, void *data)
{
  s->on_arrival   = func;
  s->arrival_data = data;
}

static void
resolve_timing (EchScheduler *s, struct ech_entry *entry)
{
  static const struct ech_timing at_once = { ECH_TIMING_NOW, ECH_WAY_WAIT, 0 };
  struct ech_action             *action  = &entry->action;

  if (action->timing.kind == ECH_TIMING_DEFAULT)
    action->timing = follows_default (action->verb) ? s->tick_timing : at_once;
  if (!takes_timing (action->verb))
    action->timing = at_once;
  entry->waits = ech_timing_waits (&action->timing);
}

static bool
find_due (EchScheduler *s, struct ech_entry *entry, struct refusal *out)
{
  struct ech_timeline timeline = ech_scheduler_timeline (s);
  struct ech_due      due;
  char                beat[G_ASCII_DTOSTR_BUF_SIZE];

  if (ech_quantize_at_frame (&entry->action.timing, &timeline, s->now.frame, &due) < 0) {
    g_ascii_formatd (beat, sizeof beat, "%.10g", entry->action.timing.beats);
    return refuse (out, ECH_RULE_MISSED, "Beat %s has passed.", beat);
  }
  entry->due.beats      = due.beats;
  entry->deadline.beats = entry->action.deadline_beats;
  if (entry->action.deadline_beats != 0 && s->now_beat > entry->action.deadline_beats) {
    refuse (out, ECH_RULE_NONE, "Its deadline has passed.");
    out->fate = ECH_FATE_EXPIRED;
    return false;
  }
  return true;
}

static bool
has_room (EchScheduler *s, const struct ech_entry *entry, struct refusal *out)
{
  if (entry->action.verb == ECH_VERB_EMERGENCY || entry->action.verb == ECH_VERB_CANCEL)
    return true;
  if (g_hash_table_size (s->entries) > ECH_MAX_ENTRIES)
    return refuse (out, ECH_RULE_MISSED, "The schedule is full: %d actions wait already.",
                   ECH_MAX_ENTRIES);
  if (!s->now.running && s->overflow->len)
    return refuse (out, ECH_RULE_NO_AUDIO, "The audio is not running.");
  return true;
}

/* The waiting action that a CANCEL means: the poster's own before anybody else's. */
static struct ech_entry *
find_target (EchScheduler *s, const struct ech_entry *cancel)
{
  struct ech_entry  key = { .lane = cancel->lane };
  struct ech_entry *found;

  g_strlcpy (key.action.id, cancel->action.target, sizeof key.action.id);
  found = g_hash_table_lookup (s->ids, &key);
  for (unsigned i = 0;
       !found && i < ECH_MAX_SOURCES && cancel->lane->source_class == ECH_SOURCE_HAND; i++) {
    key.lane = g_atomic_pointer_get (&s->lanes[i]);
    found    = key.lane ? g_hash_table_lookup (s->ids, &key) : NULL;
  }
  return found && found->action.verb != ECH_VERB_CANCEL && !found->canceller ? found : NULL;
}

static bool
is_arrival_allowed (EchScheduler            *s,
                    struct ech_entry        *entry,
                    const struct ech_shadow *shadow,
                    struct refusal          *out)
{
  struct ech_action *action = &entry->action;

  out->fate         = ECH_FATE_REJECTED;
  out->verdict.rule = ECH_RULE_INVALID;
  if (ech_vocabulary_check (action, s->config.n_decks, out->verdict.text) < 0)
    return false;
  if (!ech_verb_has_deck (action->verb))
    action->deck = 0;
  if (action->id[0] && ech_lane_knows_id (entry->lane, action->id))
    return refuse (out, ECH_RULE_DUPLICATE, "The id %s was used before.", action->id);
  resolve_timing (s, entry);
  if (!has_room (s, entry, out) || !find_due (s, entry, out))
    return false;
  if (action->verb == ECH_VERB_CANCEL && !find_target (s, entry))
    return refuse (out, ECH_RULE_UNKNOWN, "No waiting action has the id %s.", action->target);
  return ech_entry_is_allowed (s, shadow, entry, &out->verdict);
}

/* Carrying out what was allowed */

static void
cancel_target (EchScheduler *s, struct ech_entry *cancel)
{
  struct ech_entry *target = find_target (s, cancel);

  /* of two in one batch the first has taken it back */
  if (!target) {
    ech_entry_reject (s, cancel, ECH_RULE_UNKNOWN, "No waiting action has the id %s.",
                      cancel->action.target);
    return;
  }
  target->canceller = cancel->serial;
  cancel->stage     = ECH_STAGE_HANDED;
  ech_orders_take_back (s, target, NULL);
}

static void
accept (EchScheduler *s, struct ech_entry *entry)
{
  struct ech_action *action = &entry->action;

  entry->generation = s->shadow.decks[action->deck].generation;
  if (action->id[0])
    g_hash_table_add (s->ids, entry);
  switch (action->verb) {
  case ECH_VERB_LOCK:
  case ECH_VERB_UNLOCK:
    ech_shadow_take_executed (&s->shadow, action, 0);
    ech_entry_finish (s, entry, ECH_FATE_EXECUTED, ECH_RULE_NONE, s->now_beat,
                      (uint64_t) s->now.frame, NULL);
    break;
  case ECH_VERB_EMERGENCY:
    ech_orders_emergency (s, entry);
    break;
  case ECH_VERB_CANCEL:
    cancel_target (s, entry);
    break;
  case ECH_VERB_LOAD:
    ech_loads_begin (s, entry);
    break;
  case ECH_VERB_RECORD:
    if (action->value != 0 || !s->recorder) {
      ech_record_begin (s, entry);
      break;
    }
    G_GNUC_FALLTHROUGH;
  default:
    if (entry->waits) {
      ech_entry_queued (s, entry);
      ech_orders_wait (s, entry);
    } else {
      ech_orders_hand_over (s, entry, false);
    }
    break;
  }
}

/* How @entry, once carried out, changes what those behind it in the batch are judged by. */
static void
foresee (struct ech_shadow *shadow, const struct ech_entry *entry)
{
  if (entry->waits)
    return;
  if (entry->action.verb == ECH_VERB_LOCK || entry->action.verb == ECH_VERB_UNLOCK)
    ech_shadow_take_executed (shadow, &entry->action, 0);
  else
    ech_shadow_expect (shadow, &entry->action, entry->serial);
}

static void
refuse_unit (EchScheduler      *s,
             struct ech_entry **entries,
             unsigned           n,
             unsigned           culprit,
             struct refusal    *refusal)
{
  struct ech_verdict *verdict = &refusal->verdict;
  char                text[ECH_TEXT_MAX];

  g_snprintf (text, sizeof text, "Refused with the rest of its bundle: %.100s", verdict->text);
  for (unsigned i = 0; i < n; i++)
    ech_entry_finish (s, entries[i], i == culprit ? refusal->fate : ECH_FATE_REJECTED,
                      verdict->rule, s->now_beat, 0, i == culprit ? verdict->text : text);
}

/* One action, or one batch: all or none. */
static void
take_unit (EchScheduler *s, EchLane *lane, struct ech_lane_slot *slots, unsigned n)
{
  g_autofree struct ech_entry **entries = g_new (struct ech_entry *, n);
  struct ech_shadow             ahead   = s->shadow;
  struct refusal                refusal;

  for (unsigned i = 0; i < n; i++) {
    entries[i] = entry_new (s, lane, &slots[i]);
    tell_arrival (s, entries[i]);
  }
  for (unsigned i = 0; i < n; i++) {
    if (!is_arrival_allowed (s, entries[i], &ahead, &refusal)) {
      refuse_unit (s, entries, n, i, &refusal);
      return;
    }
    foresee (&ahead, entries[i]);
  }
  for (unsigned i = 0; i < n; i++)
    accept (s, entries[i]);
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
  g_autoptr (GList) entries = g_hash_table_get_values (s->entries);
  struct ech_lane_slot *slots;
  unsigned              n;

  while ((n = ech_lane_take (lane, &slots)) > 0) {
    for (unsigned i = 0; i < n; i++)
      g_free ((char *) slots[i].action.text);
  }
  for (GList *l = entries; l; l = l->next) {
    uint64_t          serial = ((struct ech_entry *) l->data)->serial;
    struct ech_entry *entry  = l->data;

    if (entry->lane != lane || entry->action.verb == ECH_VERB_CANCEL
        || !g_hash_table_contains (s->entries, &serial))
      continue;
    if (entry->stage != ECH_STAGE_HANDED || entry->waits)
      ech_orders_take_back (s, entry, "Its source has gone.");
  }
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
    if (lane->n_entries == 0) {
      g_atomic_pointer_set (&s->lanes[i], NULL);
      ech_lane_free (lane);
    }
  }
}

/* One unit of each lane in turn, so that no lane waits behind another one's crowd. */
static void
drain_lanes (EchScheduler *s)
{
  unsigned taken = 0, idle = 0;

  for (unsigned i = s->first_lane++; idle < ECH_MAX_SOURCES && taken < ECH_TICK_ACTIONS; i++) {
    EchLane              *lane = lane_at (s, i % ECH_MAX_SOURCES);
    struct ech_lane_slot *slots;
    unsigned n = lane && !atomic_load (&lane->removed) ? ech_lane_take (lane, &slots) : 0;

    idle = n ? 0 : idle + 1;
    taken += n;
    if (n)
      take_unit (s, lane, slots, n);
  }
  /* the rest in the next tick, which need not wait */
  if (taken >= ECH_TICK_ACTIONS && s->wakeup.func)
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
  ech_local_clock_update (&s->clock, &s->report->timeline, s->now.frame);
  s->now_beat = s->clock.base.interface->current_beat (&s->clock.base);
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
  g_mutex_unlock (&s->settings_lock);
  if (curve == s->shadow.crossfader_curve)
    return;
  s->shadow.crossfader_curve = curve;
  command.at                 = s->now.exact ? s->now.frame : NAN;
  command.value              = curve;
  ech_orders_push (s, &command);
  tell_arrival (s, NULL);
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
  apply_settings (s);
  ech_loads_take_results (s);
  ech_record_take_results (s);
  purge_removed_lanes (s);
  expire (s);
  ech_orders_hand_over_due (s);
  drain_lanes (s);
  ech_orders_guard_swaps (s);
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
  return ech_orders_frame_of (s, first->beats) - s->config.handover_s * s->clock.timeline.rate;
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
  ech_local_clock_init (&s->clock);
  ech_shadow_init (&s->shadow, s->config.n_decks);
  ech_safety_policy_init (&s->policy);
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
  g_hash_table_unref (s->ids);
  g_hash_table_unref (s->entries);
  g_hash_table_unref (s->tickets);
  for (unsigned i = 0; i < ECH_MAX_SOURCES; i++)
    ech_lane_free (s->lanes[i]);
  ech_schedule_finish (&s->waiting);
  ech_schedule_finish (&s->deadlines);
  g_ptr_array_unref (s->handed);
  g_ptr_array_unref (s->tempos);
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
