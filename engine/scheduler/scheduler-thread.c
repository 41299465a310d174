/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/scheduler/scheduler-thread.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS 10000000

struct _EchSchedulerThread {
  EchScheduler *scheduler;
  EchNowFunc    now;
  void         *data;
  GThread      *thread;
  int           wake_fd;
  _Atomic bool  awake; /* a wake is on its way: no need for another write */
  _Atomic bool  quit;
};

void
ech_scheduler_thread_wake (EchSchedulerThread *self)
{
  uint64_t one = 1;

  if (atomic_exchange (&self->awake, true))
    return;
  /* can fail only where the counter is full, which wakes just as well */
  if (write (self->wake_fd, &one, sizeof one) < 0)
    return;
}

static void
wake (void *data)
{
  ech_scheduler_thread_wake (data);
}

static int64_t
now_ns (void)
{
  struct timespec ts;

  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
sleep_until (EchSchedulerThread *self, int64_t deadline_ns)
{
  struct pollfd   fd   = { .fd = self->wake_fd, .events = POLLIN };
  int64_t         left = deadline_ns - now_ns();
  struct timespec ts   = { .tv_sec = 0 };
  uint64_t        count;

  if (left > 0)
    ts = (struct timespec){ .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
  if (ppoll (&fd, 1, &ts, NULL) <= 0)
    return;
  if (read (self->wake_fd, &count, sizeof count) < 0)
    return;
  /* before the tick looks: whoever posts from here on wakes us again; an exchange, so that what was
   * posted before is seen */
  atomic_exchange (&self->awake, false);
}

static void *
run (void *data)
{
  EchSchedulerThread *self = data;
  int64_t             next = now_ns();

  while (!atomic_load (&self->quit)) {
    struct ech_now now = { .frame = 0 };

    self->now (&now, self->data);
    ech_scheduler_tick (self->scheduler, &now);
    if (now_ns() >= next)
      next = now_ns() + TICK_NS;
    sleep_until (self, next);
  }
  return NULL;
}

EchSchedulerThread *
ech_scheduler_thread_new (EchScheduler *scheduler, EchNowFunc now, void *data)
{
  EchSchedulerThread *self = g_new0 (EchSchedulerThread, 1);

  self->scheduler = scheduler;
  self->now       = now;
  self->data      = data;
  self->wake_fd   = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->wake_fd >= 0) {
    ech_scheduler_set_wakeup (scheduler, wake, self);
    self->thread = g_thread_try_new ("scheduler", run, self, NULL);
  }
  if (!self->thread) {
    int error = self->wake_fd < 0 ? errno : EAGAIN;

    ech_scheduler_thread_free (self);
    errno = error;
    return NULL;
  }
  return self;
}

void
ech_scheduler_thread_free (EchSchedulerThread *self)
{
  if (!self)
    return;
  atomic_store (&self->quit, true);
  if (self->thread) {
    atomic_store (&self->awake, false);
    ech_scheduler_thread_wake (self);
    g_thread_join (self->thread);
  }
  ech_scheduler_set_wakeup (self->scheduler, NULL, NULL);
  if (self->wake_fd >= 0)
    close (self->wake_fd);
  g_free (self);
}
