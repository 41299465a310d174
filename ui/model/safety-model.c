/* See safety-model.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "engine/scheduler/vocabulary.h"
#include "ui/model/model-private.h"
#include "ui/model/safety-model-private.h"

/* A refusal is counted on the line of its like if that is as far up the list, and as fresh: two
 * floods at a time are two lines, and yesterday's is not today's. */
#define NEAR_LINES 8
#define FRESH_US   (30 * G_TIME_SPAN_SECOND)

/* The answer was lost (a full lane, an event queue that was full): ask again. */
#define ANSWER_US (2 * G_TIME_SPAN_SECOND)

/* The engine's name for its guards. */
#define GUARD "guard"

/* What the program posts itself, in the person's name: no mode of theirs is anybody's business. */
static const char *const own_sources[] = { GUARD, "recorder", "session", NULL };

struct _EchSafetyModel {
  GObject parent_instance;

  /* borrowed: owns us, and detaches us first */
  EchSessionModel *session;

  /* owned */
  char *guard;

  struct ech_event         told[ECH_MAX_PENDING_SHOWN]; /* the newest that were held, in a ring */
  guint                    n_told;
  struct ech_ask           asks[ECH_MAX_PENDING_SHOWN];
  gint64                   answered_us[ECH_MAX_PENDING_SHOWN];
  guint                    n_asks;
  struct ech_refusal       refusals[ECH_MAX_REFUSALS];
  guint                    n_refusals;
  struct ech_source_status sources[ECH_MAX_SOURCES];
  guint                    n_sources;
  gboolean                 refusals_changed, guard_changed;
};

enum { SIGNAL_ASKS, SIGNAL_ASKED, SIGNAL_REFUSALS, SIGNAL_SOURCES, SIGNAL_GUARD, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (EchSafetyModel, ech_safety_model, G_TYPE_OBJECT)

/* --- events --- */

static gboolean
is_alike (const struct ech_refusal *refusal, const struct ech_event *event)
{
  return refusal->fate == event->fate && refusal->rule == event->rule &&
         refusal->verb == event->verb && refusal->deck == event->deck &&
         refusal->index == event->index && strcmp (refusal->source, event->source_name) == 0;
}

/* The line of its like, or a new one; that is the first now. */
static struct ech_refusal *
get_line (EchSafetyModel *self, const struct ech_event *event, gint64 now_us)
{
  struct ech_refusal line = { .fate  = event->fate,
                              .rule  = event->rule,
                              .verb  = event->verb,
                              .deck  = event->deck,
                              .index = event->index };
  guint              at   = 0;

  for (; at < self->n_refusals; at++)
    if (at < NEAR_LINES && now_us - self->refusals[at].time_us < FRESH_US &&
        is_alike (&self->refusals[at], event))
      break;
  if (at < self->n_refusals)
    line = self->refusals[at];
  else if (self->n_refusals < ECH_MAX_REFUSALS)
    at = self->n_refusals++;
  else
    at = ECH_MAX_REFUSALS - 1;
  memmove (&self->refusals[1], &self->refusals[0], at * sizeof self->refusals[0]);
  self->refusals[0] = line;
  return &self->refusals[0];
}

static void
take_refusal (EchSafetyModel *self, const struct ech_event *event)
{
  gint64              now_us = g_get_real_time ();
  struct ech_refusal *line   = get_line (self, event, now_us);

  line->time_us = now_us;
  line->count++;
  g_strlcpy (line->source, event->source_name, sizeof line->source);
  g_strlcpy (line->text, event->text, sizeof line->text);
  self->refusals_changed = TRUE;
}

static void
take_guard (EchSafetyModel *self, const struct ech_event *event)
{
  g_autofree char *text = NULL;

  if (event->fate == ECH_FATE_CANCELLED)
    return;
  if (ech_verb_has_deck (event->verb) && event->fate != ECH_FATE_REJECTED)
    text = g_strdup_printf (event->verb == ECH_VERB_PLAY ? _ ("Deck %c plays on: it was silent")
                                                         : _ ("Deck %c loops: it would have run out"),
                            'A' + (char) event->deck);
  else
    text = g_strdup (event->text);
  if (*text && ech_model_set_string (&self->guard, text))
    self->guard_changed = TRUE;
}

void
ech_safety_model_take (EchSafetyModel *self, const struct ech_event *event)
{
  if (event->fate == ECH_FATE_QUEUED && event->rule == ECH_RULE_CONFIRM)
    self->told[self->n_told++ % ECH_MAX_PENDING_SHOWN] = *event;
  else if (strcmp (event->source_name, GUARD) == 0)
    take_guard (self, event);
  else if (event->fate == ECH_FATE_REJECTED || event->fate == ECH_FATE_EXPIRED ||
           (event->fate == ECH_FATE_CANCELLED && event->rule != ECH_RULE_NONE))
    take_refusal (self, event);
}

/* --- snapshots --- */

static const char *
get_source_name (const struct ech_state *state, uint32_t source)
{
  return source < state->n_sources ? state->sources[source].name : "";
}

/* "Deck A: volume 0.50"; of what has a value that says something. */
static void
describe (const struct ech_pending *p, char *out, gsize size)
{
  struct ech_action action = { .verb = p->verb, .deck = p->deck, .index = p->index, .value = p->value };
  gsize             length;

  ech_action_describe (&action, out, size);
  length = strlen (out);
  switch (p->verb) {
  case ECH_VERB_PLAY:
  case ECH_VERB_CUE:
    if (isnan (p->value))
      return;
    break;
  case ECH_VERB_LOAD:
  case ECH_VERB_EJECT:
  case ECH_VERB_STOP:
  case ECH_VERB_LOCK:
  case ECH_VERB_UNLOCK:
  case ECH_VERB_LOOP_IN:
  case ECH_VERB_LOOP_OUT:
  case ECH_VERB_HOTCUE_SET:
  case ECH_VERB_HOTCUE_JUMP:
  case ECH_VERB_HOTCUE_CLEAR:
  case ECH_VERB_CANCEL:
  case ECH_VERB_CONFIRM:
  case ECH_VERB_SOURCE_MODE:
  case ECH_VERB_EMERGENCY: return;
  default: break;
  }
  g_snprintf (out + length, size - length, " %.4g", p->value);
}

/* The snapshot does not tell which file: what the event said between its quotation marks. */
static gboolean
describe_load (EchSafetyModel *self, uint64_t serial, char *out, gsize size)
{
  for (guint i = 0; i < ECH_MAX_PENDING_SHOWN; i++) {
    const struct ech_event *told = &self->told[i];
    const char             *end  = strrchr (told->text, '"');
    g_autofree char        *what = NULL;
    g_autofree char        *safe = NULL;

    if (told->serial != serial || told->text[0] != '"' || !end || end == told->text)
      continue;
    what = g_strndup (told->text + 1, (gsize) (end - told->text - 1));
    safe = g_utf8_make_valid (what, -1);
    g_strlcpy (out, safe, size);
    return TRUE;
  }
  return FALSE;
}

static struct ech_ask *
find_ask (EchSafetyModel *self, uint64_t serial)
{
  for (guint i = 0; i < self->n_asks; i++)
    if (self->asks[i].serial == serial)
      return &self->asks[i];
  return NULL;
}

static void
fill_ask (EchSafetyModel           *self,
          struct ech_ask           *ask,
          const struct ech_state   *state,
          const struct ech_pending *p)
{
  ask->serial   = p->serial;
  ask->until_us = (gint64) (p->until_ns / 1000);
  g_strlcpy (ask->id, p->id, sizeof ask->id);
  g_strlcpy (ask->source, get_source_name (state, p->source), sizeof ask->source);
  if (p->verb != ECH_VERB_LOAD || !describe_load (self, p->serial, ask->text, sizeof ask->text))
    describe (p, ask->text, sizeof ask->text);
}

/* In the order in which they were asked, whatever the snapshot's is. */
static guint
collect_asks (EchSafetyModel *self, const struct ech_state *state, struct ech_ask *out)
{
  guint n = 0;

  for (guint i = 0; i < MIN (state->n_pending, ECH_MAX_PENDING_SHOWN); i++) {
    struct ech_ask ask = { 0 };
    guint          at  = n;

    if (!state->pending[i].held)
      continue;
    fill_ask (self, &ask, state, &state->pending[i]);
    for (; at > 0 && out[at - 1].serial > ask.serial; at--)
      out[at] = out[at - 1];
    out[at] = ask;
    n++;
  }
  return n;
}

static void
mark_ambiguous (struct ech_ask *asks, guint n)
{
  for (guint i = 1; i < n; i++)
    for (guint j = 0; j < i; j++)
      asks[i].ambiguous |= strcmp (asks[i].id, asks[j].id) == 0;
}

static void
follow_asks (EchSafetyModel *self, const struct ech_state *state, gint64 now_us)
{
  struct ech_ask asks[ECH_MAX_PENDING_SHOWN]        = { 0 };
  gint64         answered_us[ECH_MAX_PENDING_SHOWN] = { 0 };
  guint          n     = collect_asks (self, state, asks);
  gboolean       asked = FALSE;

  mark_ambiguous (asks, n);
  for (guint i = 0; i < n; i++) {
    const struct ech_ask *old = find_ask (self, asks[i].serial);

    asked |= old == NULL;
    if (!old || !old->answered || now_us - self->answered_us[old - self->asks] > ANSWER_US)
      continue;
    asks[i].answered = TRUE;
    answered_us[i]   = self->answered_us[old - self->asks];
  }
  if (n == self->n_asks && memcmp (asks, self->asks, sizeof asks) == 0)
    return;
  memcpy (self->asks, asks, sizeof asks);
  memcpy (self->answered_us, answered_us, sizeof answered_us);
  self->n_asks = n;
  g_signal_emit (self, signals[SIGNAL_ASKS], 0);
  if (asked)
    g_signal_emit (self, signals[SIGNAL_ASKED], 0);
}

static gboolean
is_source_same (const struct ech_source_status *a, const struct ech_source_status *b)
{
  return strcmp (a->name, b->name) == 0 && a->source_class == b->source_class &&
         a->mode == b->mode && a->violations == b->violations;
}

static void
follow_sources (EchSafetyModel *self, const struct ech_state *state)
{
  guint    own     = ech_session_model_get_source (self->session);
  guint    n       = 0;
  gboolean changed = FALSE;

  for (guint i = 0; i < MIN (state->n_sources, ECH_MAX_SOURCES); i++) {
    const struct ech_source_status *source = &state->sources[i];

    if (i == own || source->name[0] == '\0' || g_strv_contains (own_sources, source->name))
      continue;
    changed |= n >= self->n_sources || !is_source_same (&self->sources[n], source);
    self->sources[n++] = *source;
  }
  changed |= n != self->n_sources;
  self->n_sources = n;
  if (changed)
    g_signal_emit (self, signals[SIGNAL_SOURCES], 0);
}

void
ech_safety_model_follow (EchSafetyModel *self, const struct ech_state *state, gint64 now_us)
{
  gboolean refusals = self->refusals_changed, guard = self->guard_changed;

  self->refusals_changed = self->guard_changed = FALSE;
  follow_asks (self, state, now_us);
  follow_sources (self, state);
  if (refusals)
    g_signal_emit (self, signals[SIGNAL_REFUSALS], 0);
  if (guard)
    g_signal_emit (self, signals[SIGNAL_GUARD], 0);
}

/* --- what the person does --- */

guint
ech_safety_model_get_n_asks (EchSafetyModel *self)
{
  g_return_val_if_fail (ECH_IS_SAFETY_MODEL (self), 0);

  return self->n_asks;
}

const struct ech_ask *
ech_safety_model_get_ask (EchSafetyModel *self, guint i)
{
  g_return_val_if_fail (ECH_IS_SAFETY_MODEL (self) && i < self->n_asks, NULL);

  return &self->asks[i];
}

void
ech_safety_model_answer (EchSafetyModel *self, uint64_t serial, gboolean yes)
{
  struct ech_action action = { .verb   = yes ? ECH_VERB_CONFIRM : ECH_VERB_CANCEL,
                               .timing = { .kind = ECH_TIMING_NOW } };
  struct ech_ask   *ask;

  g_return_if_fail (ECH_IS_SAFETY_MODEL (self));

  ask = find_ask (self, serial);
  if (!ask || ask->answered || ask->ambiguous || !self->session)
    return;
  g_strlcpy (action.target, ask->id, sizeof action.target);
  if (ech_session_model_post (self->session, &action) != 0)
    return;
  ask->answered                         = TRUE;
  self->answered_us[ask - self->asks] = g_get_monotonic_time ();
  g_signal_emit (self, signals[SIGNAL_ASKS], 0);
}

guint
ech_safety_model_get_n_refusals (EchSafetyModel *self)
{
  g_return_val_if_fail (ECH_IS_SAFETY_MODEL (self), 0);

  return self->n_refusals;
}

const struct ech_refusal *
ech_safety_model_get_refusal (EchSafetyModel *self, guint i)
{
  g_return_val_if_fail (ECH_IS_SAFETY_MODEL (self) && i < self->n_refusals, NULL);

  return &self->refusals[i];
}

void
ech_safety_model_clear_refusals (EchSafetyModel *self)
{
  g_return_if_fail (ECH_IS_SAFETY_MODEL (self));

  self->n_refusals = 0;
  g_signal_emit (self, signals[SIGNAL_REFUSALS], 0);
}

guint
ech_safety_model_get_n_sources (EchSafetyModel *self)
{
  g_return_val_if_fail (ECH_IS_SAFETY_MODEL (self), 0);

  return self->n_sources;
}

const struct ech_source_status *
ech_safety_model_get_source (EchSafetyModel *self, guint i)
{
  g_return_val_if_fail (ECH_IS_SAFETY_MODEL (self) && i < self->n_sources, NULL);

  return &self->sources[i];
}

void
ech_safety_model_set_mode (EchSafetyModel *self, const char *source, guint mode)
{
  struct ech_action action = { .verb   = ECH_VERB_SOURCE_MODE,
                               .value  = mode,
                               .timing = { .kind = ECH_TIMING_NOW } };

  g_return_if_fail (ECH_IS_SAFETY_MODEL (self));
  g_return_if_fail (mode < ECH_N_SAFETY_MODES);

  g_strlcpy (action.target, source, sizeof action.target);
  if (self->session)
    ech_session_model_post (self->session, &action);
}

const char *
ech_safety_model_get_guard (EchSafetyModel *self)
{
  g_return_val_if_fail (ECH_IS_SAFETY_MODEL (self), NULL);

  return self->guard;
}

void
ech_safety_model_dismiss_guard (EchSafetyModel *self)
{
  g_return_if_fail (ECH_IS_SAFETY_MODEL (self));

  g_clear_pointer (&self->guard, g_free);
  g_signal_emit (self, signals[SIGNAL_GUARD], 0);
}

/* --- object --- */

static void
ech_safety_model_finalize (GObject *object)
{
  g_free (ECH_SAFETY_MODEL (object)->guard);

  G_OBJECT_CLASS (ech_safety_model_parent_class)->finalize (object);
}

static void
ech_safety_model_class_init (EchSafetyModelClass *klass)
{
  static const char *const names[N_SIGNALS] = { "asks", "asked", "refusals", "sources", "guard" };

  G_OBJECT_CLASS (klass)->finalize = ech_safety_model_finalize;

  for (guint i = 0; i < N_SIGNALS; i++)
    signals[i] = g_signal_new (names[i], G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                               NULL, G_TYPE_NONE, 0);
}

static void
ech_safety_model_init (EchSafetyModel *self)
{
}

EchSafetyModel *
ech_safety_model_new (EchSessionModel *session)
{
  EchSafetyModel *self = g_object_new (ECH_TYPE_SAFETY_MODEL, NULL);

  self->session = session;
  return self;
}

void
ech_safety_model_detach (EchSafetyModel *self)
{
  self->session = NULL;
}
