/* The engine's front door: start, stop, post an action, read a snapshot.
 *
 * Joins the scheduler's thread, the loader and the audio graph.  No GTK.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ENGINE_H
#define ECH_ENGINE_H

#include <gio/gio.h>

#include "engine/media/track.h"
#include "engine/scheduler/action.h"
#include "engine/scheduler/scheduler.h"
#include "engine/scheduler/state.h"
#include "engine/scheduler/vocabulary.h"

typedef struct _EchEngine EchEngine;

/**
 * struct ech_engine_config
 * @n_decks: 1 .. ECH_MAX_DECKS
 * @fused: all decks and the mixer in one PipeWire node
 * @default_timing: for actions that name none
 * @remote: PipeWire socket name, NULL = the usual one
 * @journal_file: (nullable) keep the journal in this file, written anew
 * @record_folder: (nullable) where recordings go; NULL or "": "Echelon" in the user's music folder
 * @record_pcm24: recordings are 24-bit integers instead of 32-bit float
 * @journal_folder: (nullable) keep it here, in files by date (engine/journal.h); neither: no journal
 * @policy: (nullable) the safety policy, copied; NULL = ech_policy_init()
 */
struct ech_engine_config {
  uint32_t          n_decks;
  bool              fused;
  struct ech_timing default_timing;
  const char       *remote;
  const char       *journal_file;
  const char       *journal_folder;
  const char       *record_folder;
  bool              record_pcm24;
  const struct ech_policy *policy;
};

/* What the audio side is doing, for people. */
enum ech_audio_state {
  ECH_AUDIO_STOPPED,
  ECH_AUDIO_CONNECTING, /* no PipeWire, or it went away; tried again by itself */
  ECH_AUDIO_NO_DEVICE,  /* connected, no sink to play to */
  ECH_AUDIO_RUNNING,
};

/* A journal that cannot be written is no reason not to play: a warning, and no journal. */
EchEngine *ech_engine_new (const struct ech_engine_config *config);
void       ech_engine_free (EchEngine *engine); /* stops it first */

/* Starts the scheduler's thread and the audio graph.  A missing PipeWire is no
 * error: the engine keeps trying and says so (ech_engine_audio_state()). */
gboolean ech_engine_start (EchEngine *engine, GError **error);
void     ech_engine_stop (EchEngine *engine);

/* @out_text: (size ECH_TEXT_MAX, nullable) a sentence: the sink's name, or what is missing.  Thread: any. */
enum ech_audio_state ech_engine_audio_state (EchEngine *engine, char *out_text);

/* Changes the default timing.  Thread: any. */
void ech_engine_set_default_timing (EchEngine *engine, const struct ech_timing *timing);

/* Where recordings go from the next one on, and how (struct ech_engine_config).  Thread: any. */
void ech_engine_set_record (EchEngine *engine, const char *folder, bool pcm24);
/* The whole safety policy, in force from the scheduler's next tick on.  Thread: any. */
void ech_engine_set_policy (EchEngine *engine, const struct ech_policy *policy);

/* What was refused, by whom, how late and how exact; as of the newest snapshot.  Thread: any but audio. */
void ech_engine_telemetry (EchEngine *engine, struct ech_telemetry *out_telemetry);

/* A lane for one source; each lane has one posting thread.  Thread: any. */
EchLane *ech_engine_add_source (EchEngine *engine, const char *name, enum ech_source_class source_class);
void     ech_engine_remove_source (EchEngine *engine, EchLane *lane);

/* What a source of that name and class counts as by the policy.  Thread: any. */
enum ech_source_class ech_engine_source_class (EchEngine            *engine,
                                               const char           *name,
                                               enum ech_source_class source_class);

/* then: ech_lane_post (lane, &action) */

/* Told of each event on the scheduler's thread; must not block.  Thread: any. */
void ech_engine_add_listener (EchEngine *engine, EchEventFunc func, void *data);
void ech_engine_remove_listener (EchEngine *engine, EchEventFunc func, void *data);

/* Copies the newest snapshot (10 ms old at most).  Thread: any but audio. */
void ech_engine_snapshot (EchEngine *engine, struct ech_state *out_state);

/* The graph frame that the *listener hears* at CLOCK_MONOTONIC @time_ns, by the newest snapshot. */
double ech_state_frame_at (const struct ech_state *state, uint64_t time_ns);

/* @deck's playhead, in track frames, at graph frame @frame. */
double ech_state_position_at (const struct ech_state *state, uint32_t deck, double frame);

/* A new reference to the track on @deck, or NULL.  @generation tells which it is
 * (compare with ech_deck_status.generation).  Thread: any but audio. */
EchTrack *ech_engine_ref_track (EchEngine *engine, uint32_t deck);

/* Somebody else's clock: see ech_scheduler_set_clock() and its like. */
int  ech_engine_set_clock (EchEngine *engine, const struct ech_clock_source *source, void *owner, void *self);
void ech_engine_unset_clock (EchEngine *engine, void *owner);
bool ech_engine_post_clock_update (EchEngine *engine, const struct ech_clock_update *update);

/* Crossfader curve (enum ech_crossfader_curve) is a preference, not an action.  Thread: any. */
void ech_engine_set_crossfader_curve (EchEngine *engine, uint32_t curve);

#endif
