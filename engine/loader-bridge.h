/* Between the scheduler, which knows decks and tickets, and the loader, which knows files.
 *
 * Keeps what is on each deck, for those who want to draw it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_LOADER_BRIDGE_H
#define ECH_LOADER_BRIDGE_H

#include "engine/media/loader.h"
#include "engine/scheduler/scheduler.h"

typedef struct _EchLoaderBridge EchLoaderBridge;

/* @wait: answer within request(), decoded and analysed (offline), instead of as it comes. */
EchLoaderBridge *ech_loader_bridge_new (gboolean wait);

/* The scheduler's answers are no longer wanted after this.  NULL is fine. */
void ech_loader_bridge_free (EchLoaderBridge *bridge);

/* What to put into struct ech_scheduler_config; loader_data is the bridge. */
const struct ech_loader_interface *ech_loader_bridge_interface (void);

/* Attaches the scheduler: listens to its events, and answers to it. */
void ech_loader_bridge_attach (EchLoaderBridge *bridge, EchScheduler *scheduler);

/* Ends all loads and the listening, so that the scheduler can be freed. */
void ech_loader_bridge_detach (EchLoaderBridge *bridge);

/* A new reference to the track on @deck, or NULL.  Thread: any but audio. */
EchTrack *ech_loader_bridge_ref_track (EchLoaderBridge *bridge, uint32_t deck);

#endif
