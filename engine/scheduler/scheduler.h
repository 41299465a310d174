/* What is heard, when, and whether: lanes in, commands out.
 *
 * A passive object: somebody ticks it (scheduler-thread live, the offline graph
 * in a render).  In each tick it takes the audio thread's feedback in, drains
 * the lanes by priority, judges, quantises, hands over what is due soon, and
 * publishes a snapshot.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SCHEDULER_H
#define ECH_SCHEDULER_H

#include <glib.h>

#include "engine/rt/exchange.h"
#include "engine/scheduler/action.h"
#include "engine/scheduler/policy.h"
#include "engine/scheduler/scheduler-telemetry.h"
#include "engine/scheduler/state.h"

typedef struct _EchScheduler EchScheduler;
typedef struct _EchLane      EchLane;

/**
 * struct ech_now: the moment of a tick
 * @frame: graph frame at which a command pushed now is certainly still in time (fractional offline)
 * @time_ns: CLOCK_MONOTONIC (virtual offline)
 * @exact: offline: the cycle stands at this very frame, so "at once" means here
 * @running: the audio thread's cycles come in
 */
struct ech_now {
  double   frame;
  uint64_t time_ns;
  bool     exact;
  bool     running;
};

/**
 * struct ech_load_result: what the loader found
 * @ticket: the load's; the serial of its LOAD action (ech_event.serial)
 *
 * The way there is request(), called on the ticking thread; it must not block.  The answers come
 * through ech_scheduler_load_result(), from any thread, later and more than once:
 *  - READY: @pcm with a reference for the scheduler, @title, @artist;
 *  - ANALYSED: @grid (frames_per_beat 0: none found), once, after READY;
 *  - FAILED: @error.  After READY it means that no analysis comes any more.
 * Each ticket ends with ANALYSED or FAILED.  cancel(): the ticket's results are no longer
 * wanted; those that still come are released.
 */
enum ech_load_result_stage {
  ECH_LOAD_RESULT_READY,
  ECH_LOAD_RESULT_ANALYSED,
  ECH_LOAD_RESULT_FAILED,
};

struct ech_load_result {
  uint64_t        ticket;
  uint32_t        stage; /* enum ech_load_result_stage */
  struct ech_pcm *pcm;   /* READY */
  struct ech_grid grid;  /* ANALYSED */
  char            title[ECH_TITLE_MAX];
  char            artist[ECH_TITLE_MAX];
  char            error[ECH_TEXT_MAX];
};

struct ech_loader_interface {
  void (*request) (void *data, uint64_t ticket, uint32_t deck, const char *path);
  void (*cancel) (void *data, uint64_t ticket);
};

/**
 * struct ech_recorder_interface: who writes what is recorded
 *
 * prepare() makes the file that the next recording goes into, and must not block; the answer
 * comes through ech_scheduler_record_result(), from any thread.  @ticket: the serial of the
 * RECORD action.
 */
struct ech_recorder_interface {
  void (*prepare) (void *data, uint64_t ticket);
};

struct ech_scheduler_config {
  uint32_t                           n_decks;
  struct ech_exchange               *exchange; /* outlives the scheduler */
  const struct ech_loader_interface *loader;
  void                              *loader_data;
  struct ech_timing                  default_timing; /* see ech_scheduler_set_default_timing() */
  double handover_s; /* how long before its beat an action goes to the audio thread; 0.1 */
  const struct ech_policy *policy; /* copied; NULL = ech_policy_init() */
};

/* Told of each event at the end of its tick, on the ticking thread: the newest snapshot
 * shows what has happened already.  Must not block. */
typedef void (*EchEventFunc) (const struct ech_event *event, void *data);

/**
 * struct ech_arrival: an action as it came in, before it is judged
 * @serial: the same as in all its events; 0: no action, the crossfader's curve was changed
 * @action: as posted, but the default timing is the one that held; its text is borrowed
 * @frame: the instant of the tick that took it (ech_now.frame)
 * @beat: the session beat there
 * @rate: graph frames a second
 * @time_ns: CLOCK_MONOTONIC (virtual offline)
 * @curve: enum ech_crossfader_curve, in force from here on
 */
struct ech_arrival {
  uint64_t          serial;
  struct ech_action action;
  uint32_t          source_class; /* enum ech_source_class: what the policy counts the source as */
  uint32_t          curve;
  double            frame;
  double            beat;
  double            rate;
  uint64_t          time_ns;
  char              source_name[ECH_NAME_MAX];
};

/* Told of each action as it is taken from its lane, on the ticking thread; must not block. */
typedef void (*EchArrivalFunc) (const struct ech_arrival *arrival, void *data);

EchScheduler *ech_scheduler_new (const struct ech_scheduler_config *config);

/* Releases all that it still owns, also what lies in the exchange's rings: nobody ticks, posts or
 * runs the cycle any more. */
void ech_scheduler_free (EchScheduler *scheduler);

/* What an action without a timing of its own does: NOW unless set.  Holds for what moves the
 * playhead (play, stop, seek, cue, beatjump); a fader or a load never waits unasked.
 * Thread: any. */
void ech_scheduler_set_default_timing (EchScheduler *scheduler, const struct ech_timing *timing);

/* enum ech_crossfader_curve; a preference, no action.  From the next tick on.  Thread: any. */
void ech_scheduler_set_crossfader_curve (EchScheduler *scheduler, uint32_t curve);

/**
 * ech_scheduler_add_lane: a new source of actions
 * @capacity: slots, rounded up to a power of two; 0 = 64
 * Thread: any (locks).  The lane belongs to the scheduler; NULL when ECH_MAX_SOURCES are there.
 */
EchLane *ech_scheduler_add_lane (EchScheduler         *scheduler,
                                 const char           *name,
                                 enum ech_source_class source_class,
                                 uint32_t              capacity);

/* From the next tick on nothing that stands in the lane, or waits for its beat from it, happens any
 * more.  The lane is gone for the caller; its last post has returned.  Thread: any. */
void ech_scheduler_remove_lane (EchScheduler *scheduler, EchLane *lane);

/* Thread: the lane's one producer.  Lock-free.  Copies action->text.
 * Returns: 0; -ENOSPC when the lane is full, nothing is kept then. */
int ech_lane_post (EchLane *lane, const struct ech_action *action);

/* All or none: they are taken in one tick and judged, each as if those before it were done, before
 * any is carried out; if one is refused, all are, with its reason. */
int ech_lane_post_batch (EchLane *lane, const struct ech_action *actions, unsigned n_actions);

uint32_t ech_lane_source (const EchLane *lane);

/* Called after each post, on the producer's thread: wakes the ticking thread.  Set it while nobody
 * posts. */
void ech_scheduler_set_wakeup (EchScheduler *scheduler, void (*wakeup) (void *data), void *data);

/* Thread: any.  After remove has returned, @func is not called any more. */
void ech_scheduler_add_listener (EchScheduler *scheduler, EchEventFunc func, void *data);
void ech_scheduler_remove_listener (EchScheduler *scheduler, EchEventFunc func, void *data);

/* One, for the journal; set it before the first tick. */
void ech_scheduler_set_arrival_listener (EchScheduler *scheduler, EchArrivalFunc func, void *data);

/* Thread: any. */
void ech_scheduler_load_result (EchScheduler *scheduler, const struct ech_load_result *result);

/* Set it before the first tick; without one a recording is refused. */
void ech_scheduler_set_recorder (EchScheduler                        *scheduler,
                                 const struct ech_recorder_interface *recorder,
                                 void                                *data);

/* @name: of the file, for people; or @error: a sentence, why there is none.  Thread: any. */
void ech_scheduler_record_result (EchScheduler *scheduler,
                                  uint64_t      ticket,
                                  const char   *name,
                                  const char   *error);

/* Thread: one, always the same. */
void ech_scheduler_tick (EchScheduler *scheduler, const struct ech_now *now);

/* True while a load or its analysis, or a recording's file, is on its way, other than one that waits for its beat (offline:
 * the render ticks and runs empty cycles until it is false).  Ticking thread. */
bool ech_scheduler_is_loading (EchScheduler *scheduler);

/* Graph frame at which the scheduler next has something to hand over (it may have passed), or
 * INFINITY.  Ticking thread. */
double ech_scheduler_next_frame (EchScheduler *scheduler);

/* Preferences, not actions; take hold with the next tick.  Thread: any. */
void ech_scheduler_set_default_timing (EchScheduler *scheduler, const struct ech_timing *timing);
void ech_scheduler_set_crossfader_curve (EchScheduler *scheduler, uint32_t curve);

/* The whole policy, copied; in force from the next tick on.  Modes that were set while the set runs
 * stay, unless the policy's own mode for that source is another one now.  Thread: any. */
void ech_scheduler_set_policy (EchScheduler *scheduler, const struct ech_policy *policy);

/* Copies what was counted, as of the newest snapshot.  Thread: any but audio. */
void ech_scheduler_telemetry (EchScheduler *scheduler, struct ech_telemetry *out_telemetry);

/**
 * ech_scheduler_set_clock: from a cycle soon on the timeline follows @source
 * @owner: the name to unset it by
 * @self: what @source's functions are called with
 *
 * @source and @self stay valid until ech_scheduler_unset_clock() has returned.
 * Thread: any.
 * Returns: 0; -EBUSY when another source is in force.
 */
int ech_scheduler_set_clock (EchScheduler                  *scheduler,
                             const struct ech_clock_source *source,
                             void                          *owner,
                             void                          *self);

/* When this returns the audio thread is out of the source and does not enter it again, whether or
 * not it runs; the timeline goes on from where it is.  Nothing happens when @owner's source is not in
 * force.  Waits for microseconds.  Thread: any but audio. */
void ech_scheduler_unset_clock (EchScheduler *scheduler, void *owner);

/* What the source tells the rest, every 10 ms or so; the newest counts.  One producer at a time.
 * Lock-free.  Returns: false when the ring is full: nobody ticks. */
bool ech_scheduler_post_clock_update (EchScheduler                  *scheduler,
                                      const struct ech_clock_update *update);

/* Copies the newest snapshot.  Thread: any (a short lock, never the audio thread). */
void ech_scheduler_snapshot (EchScheduler *scheduler, struct ech_state *out_state);

#endif
