/* A set without a sound card: scheduler, loader and offline graph under one virtual clock.
 *
 * Deterministic: the scheduler ticks at fixed frames (each 10 ms of music) and
 * wherever an action is posted, never where a block happens to end, so the
 * output is the same, byte for byte, at any block size.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RENDERER_H
#define ECH_RENDERER_H

#include <glib.h>

#include "engine/graph/offline-graph.h"
#include "engine/scheduler/scheduler.h"

typedef struct _EchRenderer EchRenderer;

struct ech_renderer_config {
  uint32_t       n_decks;
  double         rate;  /* graph frames a second */
  uint32_t       block; /* frames a cycle */
  EchOfflineSink sink;
  void          *sink_data;
  EchEventFunc   on_event; /* nullable; each action's fate */
  void          *event_data;
  EchArrivalFunc on_arrival; /* nullable; each action as it comes */
  void          *arrival_data;
  const char    *record_folder; /* nullable: a recording is refused then */
  const struct ech_policy *policy; /* nullable, copied; NULL = ech_policy_init_score() */
};

/* Thread: one, always the same, for all calls. */
EchRenderer *ech_renderer_new (const struct ech_renderer_config *config);
void         ech_renderer_free (EchRenderer *renderer);

/**
 * ech_renderer_post: posts @action where the renderer stands
 * @exact_frame: the instant itself, within half a frame of that
 *
 * Returns when all that the action does at once is done (a load: decoded and analysed).
 */
void ech_renderer_post (EchRenderer *renderer, const struct ech_action *action, double exact_frame);

/* Preference, no action: what is posted next finds it in force.  Takes no frame. */
void ech_renderer_set_crossfader_curve (EchRenderer *renderer, uint32_t curve);

/* Renders up to @frame.  FALSE when the sink refused. */
gboolean ech_renderer_run_to (EchRenderer *renderer, uint64_t frame);

/* Lets the last frames out: the sink has then had as many frames as the renderer stands at. */
gboolean ech_renderer_finish (EchRenderer *renderer);

uint64_t            ech_renderer_frame (const EchRenderer *renderer);
struct ech_timeline ech_renderer_timeline (EchRenderer *renderer);

/* The beat at which a waiting change of the session's tempo is due, INFINITY when none waits. */
double ech_renderer_next_tempo_beats (EchRenderer *renderer);

/* Carries out what is due on the very frame where the renderer stands. */
void ech_renderer_settle (EchRenderer *renderer);

/* Something sounds, or waits for its beat. */
gboolean ech_renderer_is_busy (EchRenderer *renderer);

#endif
