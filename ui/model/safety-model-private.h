/* What the session model tells the safety model.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SAFETY_MODEL_PRIVATE_H
#define ECH_SAFETY_MODEL_PRIVATE_H

#include "ui/model/session-model.h"

/* The session is not referenced: it owns the model. */
EchSafetyModel *ech_safety_model_new (EchSessionModel *session);
void            ech_safety_model_detach (EchSafetyModel *self);

/* Each event of each source, before the snapshot of the same poll is followed. */
void ech_safety_model_take (EchSafetyModel *self, const struct ech_event *event);
void ech_safety_model_follow (EchSafetyModel         *self,
                              const struct ech_state *state,
                              gint64                  now_us);

#endif
