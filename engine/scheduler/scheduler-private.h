/* The scheduler's inside, shared by its own files alone.
 *
 * scheduler.c: lanes, listeners, entries, the tick; scheduler-arrival.c: judging what comes and
 * carrying it out; scheduler-confirm.c: what is held for a yes; scheduler-guards.c: what nobody
 * asked for; scheduler-orders.c: the way to the audio thread and back; scheduler-repair.c: reports
 * that were lost; scheduler-loads.c: tracks; scheduler-record.c: recording;
 * scheduler-snapshot.c: what is published.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SCHEDULER_PRIVATE_H
#define ECH_SCHEDULER_PRIVATE_H

#include "engine/scheduler/action-queue.h"
#include "engine/scheduler/beat-clock.h"
#include "engine/scheduler/executor.h"
#include "engine/scheduler/safety.h"
#include "engine/scheduler/scheduler-telemetry.h"
#include "engine/scheduler/scheduler.h"

enum {
  ECH_MAX_ENTRIES  = 16384, /* actions without a fate */
  ECH_TICK_ACTIONS = 1024,  /* taken from the lanes in one tick, at most */
  ECH_MAX_RETRIES  = 3,     /* boundaries that a late action is given */
  ECH_N_LATENCIES  = 1024,
  ECH_LANE_SHARE   = 16, /* of those, kept for each lane behind one of a higher priority */
};

enum ech_stage {
  ECH_STAGE_NEW,
  ECH_STAGE_HELD,    /* for a person's yes */
  ECH_STAGE_LOADING, /* the loader has it */
  ECH_STAGE_WAITING, /* in the schedule */
  ECH_STAGE_HANDED,  /* the audio thread has it; a cancel: waits for its target's fate */
  ECH_STAGE_WISHED,  /* the clock's driver has it */
};

struct ech_entry;

/* One action, or one batch, that waits for a yes. */
struct ech_held {
  EchLane   *lane;
  GPtrArray *entries; /* of struct ech_entry, borrowed */
  uint64_t   until_ns;
};

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
  uint64_t               wished_ns; /* a wish: since when */
  struct ech_action      action; /* timing resolved; text owned */
  EchLane               *lane;
  enum ech_stage         stage;
  bool                   waits; /* for a beat */
  bool                   is_counted_play;
  bool                   is_counted_swap;
  enum ech_rule          forbidden_by; /* taken back because of that rule; NONE = it was not */
  bool                   is_overridden; /* a person's second step stands behind it */
  bool                   is_guards;     /* a guard's own */
  bool                   is_taken;      /* taken back because a hand took the control over */
  bool                   is_overdue;    /* should have its fate: see scheduler-repair.c */
  bool                   is_repaired;   /* its feedback was lost, and its time with it */
  bool                   in_batch;
  bool                   was_known;       /* its id was used before */
  int                    counted_control; /* 1 + control of those that a hand may take; 0 = none */
  double                 handed_frame;    /* HANDED, at once: from when on it is carried out */
  uint32_t               generation;
  unsigned               n_retries;
  unsigned               n_awaited; /* EMERGENCY: feedback still to come */
  uint64_t               canceller; /* serial of the CANCEL that waits for this one's fate */
  struct ech_load       *load;      /* LOAD: owned */
  struct ech_held       *held;      /* HELD: borrowed */
};

/* The tracks of one deck, as the scheduler deals with them. */
struct ech_deck_tracks {
  struct ech_entry *loading; /* the newest load on its way */
  struct ech_load  *loaded;  /* owned */
  uint32_t          last_generation;
};

/* What the guards remember. */
struct ech_guards {
  struct {
    uint32_t generation; /* of the track that the emergency loop was made for, 0 = none */
    bool     looped;     /* and it was seen */
  } decks[ECH_MAX_DECKS];
  bool     was_heard; /* something was on air, and its end was not told yet */
  bool     excused;   /* a person took it off the air */
  bool     is_silent;
  uint64_t silent_ns; /* since then */
  uint32_t last_deck; /* that was heard */
};

enum { ECH_CLOCK_UPDATES = 64 };

/* Somebody else's clock (scheduler-clock.c). */
struct ech_clock_desk {
  /* lock */
  GMutex                 lock;
  void                  *owner;      /* who set it; a name */
  struct ech_clock_port *port;       /* in force, borrowed; NULL = our own clock */
  GPtrArray             *ports;      /* owned: all that the audio thread may still hold */
  bool                   is_changed; /* the audio thread is to be told */

  /* the driver writes, the ticking thread reads */
  struct ech_ring         updates;
  struct ech_clock_update update_slots[ECH_CLOCK_UPDATES];

  /* the ticking thread's own */
  GPtrArray *wishes; /* borrowed entries: what the driver was asked for */
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
  GMutex               lanes_lock;             /* adding; only the ticking thread takes away */
  EchLane             *lanes[ECH_MAX_SOURCES]; /* read by g_atomic_pointer_get() */
  GRecMutex            listeners_lock;
  GArray              *listeners;
  GAsyncQueue         *load_results;
  GAsyncQueue         *record_results;
  GMutex               settings_lock;
  struct ech_timing    default_timing;
  struct ech_policy    coming_policy;
  bool                 policy_is_coming;
  _Atomic uint32_t     crossfader_curve;
  GMutex               state_lock;
  struct ech_state     state; /* the newest snapshot */
  struct ech_telemetry told;  /* with it */

  /* the ticking thread's own */
  struct ech_now              now;
  double                      now_beat;
  struct ech_timing           tick_timing; /* default_timing, in this tick */
  struct ech_shared_clock     clock;
  struct ech_clock_desk       clock_desk;
  const struct ech_rt_report *report;
  struct ech_shadow           shadow;
  struct ech_policy           policy;
  struct ech_safety_state     safety;
  struct ech_safety_state    *ahead;                    /* to judge batches by */
  struct ech_action           refused[ECH_MAX_SOURCES]; /* what CONFIRM may override; text owned */
  struct ech_guards           guards;
  EchLane                    *guard_lane;                 /* nobody posts to it */
  GPtrArray                  *held;                       /* of struct ech_held, owned */
  unsigned                    n_takeable[ECH_N_CONTROLS]; /* entries by counted_control */
  struct ech_schedule         waiting;
  uint64_t                    pending_shown; /* waiting.n_changes in the snapshot, UINT64_MAX = more */
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
  bool                        latencies_changed;
  struct ech_telemetry        telemetry;
  uint64_t                    feedback_lost; /* as of the last check */
  double                      check_frame;   /* when the next one is */
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
void ech_entry_finish (EchScheduler     *s,
                       struct ech_entry *entry,
                       enum ech_fate     fate,
                       enum ech_rule     rule,
                       double            beat,
                       uint64_t          frame,
                       const char       *text);
void ech_entry_reject (EchScheduler     *s,
                       struct ech_entry *entry,
                       enum ech_rule     rule,
                       const char       *format,
                       ...) G_GNUC_PRINTF (4, 5);
void ech_entry_cancel (EchScheduler *s, struct ech_entry *entry, const char *text);
void ech_entry_refuse (EchScheduler               *s,
                       struct ech_entry           *entry,
                       const struct ech_violation *violation,
                       const char                 *text); /* NULL: the violation's */
void ech_entry_queued (EchScheduler *s, struct ech_entry *entry);
/* The serials of all entries: what one does to one of them may end others. */
GArray           *ech_entry_serials (EchScheduler *s);
struct ech_entry *ech_entry_by_serial (EchScheduler *s, uint64_t serial);
struct ech_entry *ech_entry_new (EchScheduler *s, EchLane *lane, const struct ech_lane_slot *slot);
struct ech_timeline ech_scheduler_timeline (EchScheduler *s);

/* scheduler-arrival.c */

/* Why something goes no further, and all that the judge was asked. */
struct ech_judgement {
  struct ech_petition  petition;
  struct ech_violation violation;
};

void ech_arrival_tell (EchScheduler *s, const struct ech_entry *entry);
void
ech_arrival_take_unit (EchScheduler *s, EchLane *lane, struct ech_lane_slot *slots, unsigned n);
void ech_arrival_resolve_timing (EchScheduler *s, struct ech_entry *entry);

/* Judges @entry, which is due or was kept waiting by a loader. */
bool ech_arrival_is_allowed (EchScheduler           *s,
                             const struct ech_entry *entry,
                             struct ech_violation   *out_violation);

/* Fills @out and judges; notes nothing. */
enum ech_outcome ech_arrival_judge (EchScheduler                  *s,
                                    const struct ech_safety_state *state,
                                    const struct ech_shadow       *shadow,
                                    struct ech_entry              *entry,
                                    enum ech_judge_stage           stage,
                                    struct ech_judgement          *out);

/* The same for @n that are all or nothing, each as if those before it were done.
 * Returns: the index of the one that was refused, @n when none was. */
unsigned ech_arrival_judge_all (EchScheduler         *s,
                                struct ech_entry    **entries,
                                unsigned              n,
                                enum ech_judge_stage  stage,
                                struct ech_judgement *out);
void     ech_arrival_refuse_all (EchScheduler         *s,
                                 struct ech_entry    **entries,
                                 unsigned              n,
                                 unsigned              culprit,
                                 struct ech_judgement *judgements);

/* What was allowed is done, or waits for its beat. */
void ech_arrival_carry_out (EchScheduler *s, struct ech_entry *entry);

/* Takes what waits from automation for the control that @entry, a hand's, moves. */
void ech_arrival_take_over (EchScheduler *s, const struct ech_entry *entry);

/* @entry waits from now on, so a hand may take it. */
void ech_entry_count (EchScheduler *s, struct ech_entry *entry);

/* scheduler-confirm.c */
void             ech_held_add (EchScheduler         *s,
                               struct ech_entry    **entries,
                               unsigned              n,
                               struct ech_judgement *judgements);
struct ech_held *ech_held_find (EchScheduler *s, const EchLane *confirmer, const char *id);
void             ech_held_confirm (EchScheduler *s, struct ech_entry *confirm);
void ech_held_cancel (EchScheduler *s, struct ech_held *held, enum ech_rule rule, const char *text);
void ech_held_forget (EchScheduler *s, struct ech_entry *entry);
void ech_held_expire (EchScheduler *s);
void ech_held_free (void *held);
void ech_override_remember (EchScheduler *s, const struct ech_entry *entry);
void ech_override_become (EchScheduler *s, struct ech_entry *confirm, uint32_t source);

/* scheduler-guards.c */
void ech_guards_tick (EchScheduler *s);
void ech_guards_take_executed (EchScheduler *s, const struct ech_entry *entry);

/* scheduler-repair.c */
void ech_repair_tick (EchScheduler *s);

/* scheduler-telemetry.c */
void ech_telemetry_note_event (EchScheduler *s, const struct ech_event *event);
void ech_telemetry_note_error (EchScheduler *s, const struct ech_entry *entry, uint64_t frame);
void ech_telemetry_note_latency (EchScheduler *s, const struct ech_entry *entry, uint64_t frame);
void ech_telemetry_forget_source (EchScheduler *s, uint32_t source);
void ech_telemetry_update (EchScheduler *s);

/* scheduler-orders.c */
void   ech_orders_push (EchScheduler *s, const struct ech_command *command);
void   ech_orders_flush (EchScheduler *s);
void   ech_orders_wait (EchScheduler     *s,
                        struct ech_entry *entry); /* for its beat, or not if that is near */
void   ech_orders_hand_over (EchScheduler *s, struct ech_entry *entry, bool judge_again);
void   ech_orders_hand_over_due (EchScheduler *s);
void   ech_orders_guard_swaps (EchScheduler *s);
void   ech_orders_guard_lock (EchScheduler *s, uint32_t deck);
void   ech_orders_guard_mode (EchScheduler *s);
void   ech_orders_take_back (EchScheduler *s, struct ech_entry *entry, const char *text);
void   ech_orders_take_fate (EchScheduler *s, const struct ech_feedback *feedback);
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

/* scheduler-clock.c */
void ech_clock_init (EchScheduler *s);
void ech_clock_finish (EchScheduler *s);
void ech_clock_tick (EchScheduler *s);
void ech_clock_wish (EchScheduler *s, struct ech_entry *entry);
void ech_clock_retire (EchScheduler *s, struct ech_clock_port *port);

/* scheduler-snapshot.c */
void ech_snapshot_publish (EchScheduler *s);

#endif
