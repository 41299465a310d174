/* The scheduler's inside, shared by its own files alone.
 *
 * scheduler.c: lanes, listeners, tick and arrival; scheduler-orders.c: the way to the audio thread
 * and back; scheduler-loads.c: tracks; scheduler-record.c: recording; scheduler-snapshot.c: what
 * is published.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SCHEDULER_PRIVATE_H
#define ECH_SCHEDULER_PRIVATE_H

#include "engine/scheduler/action-queue.h"
#include "engine/scheduler/beat-clock.h"
#include "engine/scheduler/executor.h"
#include "engine/scheduler/safety.h"
#include "engine/scheduler/scheduler.h"

enum {
  ECH_MAX_ENTRIES  = 16384, /* actions without a fate */
  ECH_TICK_ACTIONS = 1024,  /* taken from the lanes in one tick, at most */
  ECH_MAX_RETRIES  = 3,     /* boundaries that a late action is given */
  ECH_N_LATENCIES  = 256,
};

enum ech_stage {
  ECH_STAGE_NEW,
  ECH_STAGE_LOADING, /* the loader has it */
  ECH_STAGE_WAITING, /* in the schedule */
  ECH_STAGE_HANDED,  /* the audio thread has it; a cancel: waits for its target's fate */
};

struct ech_entry;

/* A track between the loader and the deck, then on the deck. */
struct ech_load {
  uint64_t          ticket;
  uint32_t          deck;
  struct ech_entry *entry; /* NULL once on the deck */
  bool              ready;
  bool              analysed;
  bool owns_pcm; /* false: the reference is the audio thread's; it passes us on its way out */
  struct ech_pcm *pcm;
  uint32_t        generation;
  struct ech_grid grid;
  char            title[ECH_TITLE_MAX];
  char            artist[ECH_TITLE_MAX];
};

/* An action that has no fate yet. */
struct ech_entry {
  struct ech_appointment due;
  struct ech_appointment deadline;
  uint64_t               serial;
  uint64_t               posted_ns;
  struct ech_action      action; /* timing resolved; text owned */
  EchLane               *lane;
  enum ech_stage         stage;
  bool                   waits; /* for a beat */
  bool                   is_counted_play;
  bool                   is_counted_swap;
  bool                   is_forbidden; /* taken back because its deck went on air */
  uint32_t               generation;
  unsigned               n_retries;
  unsigned               n_awaited; /* EMERGENCY: feedback still to come */
  uint64_t               canceller; /* serial of the CANCEL that waits for this one's fate */
  struct ech_load       *load;      /* LOAD: owned */
};

/* The tracks of one deck, as the scheduler deals with them. */
struct ech_deck_tracks {
  struct ech_entry *loading; /* the newest load on its way */
  struct ech_load  *loaded;  /* owned */
  uint32_t          last_generation;
};

struct ech_listener {
  EchEventFunc func;
  void        *data;
};

struct _EchScheduler {
  struct ech_scheduler_config config;
  struct ech_wakeup           wakeup;

  const struct ech_recorder_interface *recorder; /* nullable */
  void                                *recorder_data;

  EchArrivalFunc              on_arrival;
  void                       *arrival_data;

  /* any thread */
  GMutex            lanes_lock;             /* adding; only the ticking thread takes away */
  EchLane          *lanes[ECH_MAX_SOURCES]; /* read by g_atomic_pointer_get() */
  GRecMutex         listeners_lock;
  GArray           *listeners;
  GAsyncQueue      *load_results;
  GAsyncQueue      *record_results;
  GMutex            settings_lock;
  struct ech_timing default_timing;
  _Atomic uint32_t  crossfader_curve;
  GMutex            state_lock;
  struct ech_state  state; /* the newest snapshot */

  /* the ticking thread's own */
  struct ech_now              now;
  double                      now_beat;
  struct ech_timing           tick_timing; /* default_timing, in this tick */
  struct ech_local_clock      clock;
  const struct ech_rt_report *report;
  struct ech_shadow           shadow;
  struct ech_safety_policy    policy;
  struct ech_schedule         waiting;
  struct ech_schedule         deadlines;
  GHashTable                 *entries;  /* serial -> entry, owned */
  GHashTable                 *ids;      /* entry by lane and id -> itself */
  GHashTable                 *tickets;  /* ticket -> load, borrowed */
  GPtrArray                  *handed;   /* handed over and not due yet, borrowed */
  GPtrArray                  *tempos;   /* coming tempo changes by beat, borrowed */
  GArray                     *overflow; /* orders that found the ring full */
  GArray                     *events;   /* of this tick, told at its end */
  struct ech_deck_tracks      tracks[ECH_MAX_DECKS];
  uint64_t                    next_serial;
  unsigned                    first_lane; /* the next tick begins with another one */
  unsigned                    n_preparing; /* recordings whose file is on its way */
  char                        record_name[ECH_TEXT_MAX];
  uint64_t                    n_executed;
  uint64_t                    n_rejected;
  uint64_t                    n_latencies;
  double                      latencies_ms[ECH_N_LATENCIES];
  double                      latency_max_ms;
  double                      latency_p50_ms;
  bool                        latencies_changed;
  struct ech_state            building;
};

/* scheduler.c */
void ech_entry_tell (EchScheduler     *s,
                     struct ech_entry *entry,
                     enum ech_fate     fate,
                     enum ech_rule     rule,
                     double            beat,
                     uint64_t          frame,
                     const char       *text);

/* Tells the last fate, and frees @entry. */
void                ech_entry_finish (EchScheduler     *s,
                                      struct ech_entry *entry,
                                      enum ech_fate     fate,
                                      enum ech_rule     rule,
                                      double            beat,
                                      uint64_t          frame,
                                      const char       *text);
void                ech_entry_reject (EchScheduler     *s,
                                      struct ech_entry *entry,
                                      enum ech_rule     rule,
                                      const char       *format,
                                      ...) G_GNUC_PRINTF (4, 5);
void                ech_entry_cancel (EchScheduler *s, struct ech_entry *entry, const char *text);
void                ech_entry_queued (EchScheduler *s, struct ech_entry *entry);
bool                ech_entry_is_allowed (EchScheduler            *s,
                                          const struct ech_shadow *shadow,
                                          const struct ech_entry  *entry,
                                          struct ech_verdict      *out_verdict);
struct ech_timeline ech_scheduler_timeline (EchScheduler *s);

/* scheduler-orders.c */
void   ech_orders_push (EchScheduler *s, const struct ech_command *command);
void   ech_orders_flush (EchScheduler *s);
void   ech_orders_wait (EchScheduler     *s,
                        struct ech_entry *entry); /* for its beat, or not if that is near */
void   ech_orders_hand_over (EchScheduler *s, struct ech_entry *entry, bool judge_again);
void   ech_orders_hand_over_due (EchScheduler *s);
void   ech_orders_guard_swaps (EchScheduler *s);
void   ech_orders_take_back (EchScheduler *s, struct ech_entry *entry, const char *text);
void   ech_orders_emergency (EchScheduler *s, struct ech_entry *entry);
void   ech_orders_take_feedback (EchScheduler *s);
double ech_orders_frame_of (EchScheduler *s, double beat);
void   ech_orders_withdraw (EchScheduler *s, struct ech_entry *entry); /* out of all lists */

/* scheduler-loads.c */
void ech_loads_begin (EchScheduler *s, struct ech_entry *entry);
void ech_loads_supersede (EchScheduler *s, uint32_t deck, const char *text);
void ech_loads_order (EchScheduler *s, struct ech_entry *entry, struct ech_command *out_command);
void ech_loads_arrived (EchScheduler *s, struct ech_entry *entry, uint64_t frame);
void ech_loads_returned (struct ech_entry *entry); /* the order was not carried out */
void ech_loads_take_results (EchScheduler *s);
void ech_loads_retire (EchScheduler *s, uint32_t deck, struct ech_pcm *pcm);
void ech_loads_update_lengths (EchScheduler *s);
void ech_loads_drop (EchScheduler *s, struct ech_load *load);

/* scheduler-record.c */
void ech_record_begin (EchScheduler *s, struct ech_entry *entry);
void ech_record_take_results (EchScheduler *s);

/* scheduler-snapshot.c */
void ech_snapshot_note_latency (EchScheduler *s, const struct ech_entry *entry, uint64_t frame);
void ech_snapshot_publish (EchScheduler *s);

#endif
