/* Watches the audio thread while the whole path runs.
 *
 * Linked into engine-host with -Wl,--wrap for the three calls of engine/rt/cycle.h.
 * What is called inside them is counted if it allocates, frees, locks, waits, or
 * touches a file; at the end of the program the counts come on stdout:
 *
 *   watch calls=N allocations=0 locks=0 files=0 waits=0
 *
 * ECH_WATCH_PROVE=1 does one of each inside the first call, to prove that it is seen.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "engine/rt/cycle.h"

static _Thread_local volatile int inside;
static atomic_ulong               calls, allocations, locks, files, waits;

static int (*real_lock) (pthread_mutex_t *);
static int (*real_wait) (pthread_cond_t *, pthread_mutex_t *);
static int (*real_open) (const char *, int, ...);
static ssize_t (*real_read) (int, void *, size_t);
static ssize_t (*real_write) (int, const void *, size_t);
static int (*real_nanosleep) (const struct timespec *, struct timespec *);

void *__libc_malloc (size_t size);
void *__libc_calloc (size_t n, size_t size);
void *__libc_realloc (void *memory, size_t size);
void  __libc_free (void *memory);

void __real_ech_cycle_begin (struct ech_cycle *cycle,
                             uint32_t          n_frames,
                             uint64_t          time_ns,
                             uint64_t          skipped);
void
__real_ech_cycle_deck (struct ech_cycle *cycle, uint32_t deck, float *out_left, float *out_right);
void __real_ech_cycle_mix (struct ech_cycle *cycle, const struct ech_mix_ports *ports);
void __wrap_ech_cycle_begin (struct ech_cycle *cycle,
                             uint32_t          n_frames,
                             uint64_t          time_ns,
                             uint64_t          skipped);
void
__wrap_ech_cycle_deck (struct ech_cycle *cycle, uint32_t deck, float *out_left, float *out_right);
void __wrap_ech_cycle_mix (struct ech_cycle *cycle, const struct ech_mix_ports *ports);

static void
count (atomic_ulong *counter)
{
  if (inside)
    atomic_fetch_add (counter, 1);
}

void *
malloc (size_t size)
{
  count (&allocations);
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  count (&allocations);
  return __libc_calloc (n, size);
}

void *
realloc (void *memory, size_t size)
{
  count (&allocations);
  return __libc_realloc (memory, size);
}

void
free (void *memory)
{
  count (&allocations);
  __libc_free (memory);
}

/* Looked up when first wanted: others' constructors run before ours. */
#define REAL(name, symbol)                                 \
  do {                                                     \
    if (real_##name == NULL)                               \
      *(void **) &real_##name = dlsym (RTLD_NEXT, symbol); \
  } while (0)

int
pthread_mutex_lock (pthread_mutex_t *mutex)
{
  count (&locks);
  REAL (lock, "pthread_mutex_lock");
  return real_lock (mutex);
}

int
pthread_cond_wait (pthread_cond_t *condition, pthread_mutex_t *mutex)
{
  count (&waits);
  REAL (wait, "pthread_cond_wait");
  return real_wait (condition, mutex);
}

int
open (const char *path, int flags, ...)
{
  va_list list;
  int     mode;

  va_start (list, flags);
  mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg (list, int) : 0;
  va_end (list);
  count (&files);
  REAL (open, "open");
  return real_open (path, flags, mode);
}

ssize_t
read (int fd, void *buffer, size_t size)
{
  count (&files);
  REAL (read, "read");
  return real_read (fd, buffer, size);
}

ssize_t
write (int fd, const void *buffer, size_t size)
{
  count (&files);
  REAL (write, "write");
  return real_write (fd, buffer, size);
}

int
nanosleep (const struct timespec *wanted, struct timespec *rest)
{
  count (&waits);
  REAL (nanosleep, "nanosleep");
  return real_nanosleep (wanted, rest);
}

/* What must never happen, once. */
static void
prove (void)
{
  static atomic_flag     is_done = ATOMIC_FLAG_INIT;
  static pthread_mutex_t mutex   = PTHREAD_MUTEX_INITIALIZER;
  struct timespec        moment  = { 0, 1 };
  void *volatile memory;
  int fd;

  if (getenv ("ECH_WATCH_PROVE") == NULL || atomic_flag_test_and_set (&is_done))
    return;
  memory = malloc (1);
  free (memory);
  pthread_mutex_lock (&mutex);
  pthread_mutex_unlock (&mutex);
  fd = open ("/dev/null", O_WRONLY);
  if (write (fd, "", 1) < 0)
    abort();
  close (fd);
  nanosleep (&moment, NULL);
}

void
__wrap_ech_cycle_begin (struct ech_cycle *cycle,
                        uint32_t          n_frames,
                        uint64_t          time_ns,
                        uint64_t          skipped)
{
  atomic_fetch_add (&calls, 1);
  inside = 1;
  prove();
  __real_ech_cycle_begin (cycle, n_frames, time_ns, skipped);
  inside = 0;
}

void
__wrap_ech_cycle_deck (struct ech_cycle *cycle, uint32_t deck, float *out_left, float *out_right)
{
  atomic_fetch_add (&calls, 1);
  inside = 1;
  __real_ech_cycle_deck (cycle, deck, out_left, out_right);
  inside = 0;
}

void
__wrap_ech_cycle_mix (struct ech_cycle *cycle, const struct ech_mix_ports *ports)
{
  atomic_fetch_add (&calls, 1);
  inside = 1;
  __real_ech_cycle_mix (cycle, ports);
  inside = 0;
}

__attribute__ ((destructor)) static void
tell (void)
{
  printf ("watch calls=%lu allocations=%lu locks=%lu files=%lu waits=%lu\n", atomic_load (&calls),
          atomic_load (&allocations), atomic_load (&locks), atomic_load (&files),
          atomic_load (&waits));
  fflush (stdout);
}
