/* Keeps the session while the application runs, and offers what a crash left behind.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SESSION_OFFER_H
#define ECH_SESSION_OFFER_H

#include "app/main-window.h"
#include "engine/engine.h"

G_BEGIN_DECLS

typedef struct _EchSessionOffer EchSessionOffer;

/* @engine: started; outlives the offer.  Thread: main, as for all of these. */
EchSessionOffer *ech_session_offer_new (EchEngine *engine);

/* The program ends by itself.  NULL is fine. */
void ech_session_offer_free (EchSessionOffer *self);

/* Asks once whether the decks are to come back as they were, when there is something to come back;
 * says what is wrong with the kept session.  @window: NULL once it is gone is fine. */
void ech_session_offer_present (EchSessionOffer *self, EchMainWindow *window);

G_END_DECLS

#endif
