/* What the models tell each other.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MODEL_PRIVATE_H
#define ECH_MODEL_PRIVATE_H

#include "ui/model/session-model.h"

/* An action that waits for its beat, or whose first answer has not come yet. */
struct ech_waiting {
  enum ech_verb verb;
  uint32_t      deck;
  uint32_t      index; /* of a hot cue */
  double        due_beats; /* NAN: no answer yet */
  gint64        posted_us; /* 0: another source's */
  char          id[ECH_ID_MAX];
};

/* The session is not referenced: it owns the decks and the mixer. */
EchDeckModel  *ech_deck_model_new (EchSessionModel *session, guint index);
EchMixerModel *ech_mixer_model_new (EchSessionModel *session);

/* Ends what is held down: no button is there any more to let it go. */
void ech_deck_model_let_go (EchDeckModel *self);

/* The session is going: no posts from now on. */
void ech_deck_model_detach (EchDeckModel *self);
void ech_mixer_model_detach (EchMixerModel *self);

void ech_deck_model_follow (EchDeckModel *self, const struct ech_state *state, gint64 now_us);
void ech_mixer_model_follow (EchMixerModel *self, const struct ech_state *state, gint64 now_us);

/* An action of the window's own on that deck, or on none, was not done. */
void ech_deck_model_refused (EchDeckModel *self, const struct ech_event *event);
void ech_mixer_model_refused (EchMixerModel *self, const struct ech_event *event);

/**
 * ech_session_model_post:
 * @action: gets an id
 *
 * Returns: 0, or -ENOSPC when the lane is full (a continuous control posts again later)
 */
int ech_session_model_post (EchSessionModel *self, struct ech_action *action);

/* The first waiting action on @deck of one of the verbs in @verbs (bits, 1 <<
 * verb), or NULL.  Borrowed until the next poll. */
const struct ech_waiting *
ech_session_model_find_waiting (EchSessionModel *self, guint deck, guint64 verbs);

/* The same, of hot cue @index. */
const struct ech_waiting *ech_session_model_find_waiting_hotcue (EchSessionModel *self,
                                                                 guint            deck,
                                                                 guint64          verbs,
                                                                 guint            index);

/* Posts CANCEL for it. */
void ech_session_model_cancel (EchSessionModel *self, const struct ech_waiting *waiting);

/* The window's own number in ech_state.sources. */
guint ech_session_model_get_source (EchSessionModel *self);

EchEngine              *ech_session_model_get_engine (EchSessionModel *self);
const struct ech_state *ech_session_model_get_state (EchSessionModel *self);

/* Owner's helper: sets *@field to a copy of @text; whether that changed it. */
gboolean ech_model_set_string (char **field, const char *text);

#endif
