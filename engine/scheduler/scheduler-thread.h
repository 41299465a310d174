/* The thread that ticks the scheduler: every 10 ms, and at once when somebody posts.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SCHEDULER_THREAD_H
#define ECH_SCHEDULER_THREAD_H

#include "engine/scheduler/scheduler.h"

typedef struct _EchSchedulerThread EchSchedulerThread;

/* Tells the moment; called on the scheduler's thread before each tick.  Must not block. */
typedef void (*EchNowFunc) (struct ech_now *out_now, void *data);

/**
 * ech_scheduler_thread_new: starts ticking
 * @scheduler: borrowed; nobody else ticks it
 *
 * Nobody posts yet: this sets the scheduler's wakeup.
 *
 * Returns: NULL with errno when no thread or event descriptor can be had.
 */
EchSchedulerThread *ech_scheduler_thread_new (EchScheduler *scheduler, EchNowFunc now, void *data);

/* Ticks now.  Thread: any, also the audio thread (one write to an eventfd). */
void ech_scheduler_thread_wake (EchSchedulerThread *thread);

/* Ends after the tick that is going on, then takes the wakeup away: nobody posts any more.  Not
 * from the scheduler's own thread.  NULL is fine. */
void ech_scheduler_thread_free (EchSchedulerThread *thread);

#endif
