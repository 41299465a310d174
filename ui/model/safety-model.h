/* What was refused, by whom and why; what asks for a person's yes; the sources and their modes.
 *
 * Fed by the session model with every event and snapshot.  Thread: main.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SAFETY_MODEL_H
#define ECH_SAFETY_MODEL_H

#include <glib-object.h>

#include "engine/scheduler/action.h"
#include "engine/scheduler/state.h"

G_BEGIN_DECLS

/* Refusals that are kept. */
#define ECH_MAX_REFUSALS 50

/* Off, ghost, assist, auto: what ech_source_status.mode counts through. */
#define ECH_N_SAFETY_MODES 4

#define ECH_TYPE_SAFETY_MODEL (ech_safety_model_get_type ())
G_DECLARE_FINAL_TYPE (EchSafetyModel, ech_safety_model, ECH, SAFETY_MODEL, GObject)

/**
 * struct ech_ask: what a source in mode assist asks for
 * @until_us: g_get_monotonic_time() at which it is dropped
 * @answered: yes or no was said, and the engine has not taken it yet
 * @ambiguous: an older one has the same id; that is answered first
 */
struct ech_ask {
  uint64_t serial;
  gint64   until_us;
  gboolean answered;
  gboolean ambiguous;
  char     id[ECH_ID_MAX];
  char     source[ECH_NAME_MAX];
  char     text[ECH_TEXT_MAX];
};

/**
 * struct ech_refusal: an action that was not done
 * @time_us: g_get_real_time() of the newest of @count
 * @count: how often the same source was refused the same for the same reason
 * @text: the newest's sentence
 */
struct ech_refusal {
  gint64   time_us;
  guint    count;
  uint32_t fate, rule, verb, deck, index;
  char     source[ECH_NAME_MAX];
  char     text[ECH_TEXT_MAX];
};

/**
 * EchSafetyModel:
 *
 * Signals, without arguments, at most once a poll:
 *  - `asks`, `refusals`, `sources`: the list is another one now
 *  - `guard`: a guard did or saw something: ech_safety_model_get_guard()
 *  - `asked`: something asks for a yes that did not before
 */

/* Oldest first; @i < the number.  Until the next poll. */
guint                 ech_safety_model_get_n_asks (EchSafetyModel *self);
const struct ech_ask *ech_safety_model_get_ask (EchSafetyModel *self, guint i);

/* The person's answer to the one of that serial; no effect when it is gone, or answered. */
void ech_safety_model_answer (EchSafetyModel *self, uint64_t serial, gboolean yes);

/* Newest first; @i < the number.  Until the next poll. */
guint                     ech_safety_model_get_n_refusals (EchSafetyModel *self);
const struct ech_refusal *ech_safety_model_get_refusal (EchSafetyModel *self, guint i);
void                      ech_safety_model_clear_refusals (EchSafetyModel *self);

/* All but the window itself, which would lock itself out. */
guint                           ech_safety_model_get_n_sources (EchSafetyModel *self);
const struct ech_source_status *ech_safety_model_get_source (EchSafetyModel *self, guint i);
void ech_safety_model_set_mode (EchSafetyModel *self, const char *source, guint mode);

/* The guards' newest sentence; NULL: none, or dismissed. */
const char *ech_safety_model_get_guard (EchSafetyModel *self);
void        ech_safety_model_dismiss_guard (EchSafetyModel *self);

G_END_DECLS

#endif
