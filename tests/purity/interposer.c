/* Preloaded: notes each call into the heap, a lock, the clock's sleep or a file that is made while
 * the audio thread is inside the engine.
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
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

void     ech_purity_enter (void);
void     ech_purity_leave (void);
unsigned ech_purity_report (char *out_text, size_t size);

static __thread int depth __attribute__ ((tls_model ("initial-exec")));

enum { N_NAMES = 64 };

static struct {
  _Atomic (const char *) name;
  _Atomic unsigned       count;
} calls[N_NAMES];

void
ech_purity_enter (void)
{
  depth++;
}

void
ech_purity_leave (void)
{
  depth--;
}

static void
note (const char *name)
{
  if (depth == 0)
    return;
  for (int i = 0; i < N_NAMES; i++) {
    const char *none = NULL;

    if (atomic_load (&calls[i].name) == name || atomic_compare_exchange_strong (&calls[i].name, &none, name)
        || none == name) {
      atomic_fetch_add (&calls[i].count, 1);
      return;
    }
  }
}

unsigned
ech_purity_report (char *out_text, size_t size)
{
  unsigned total = 0;
  size_t   at    = 0;

  out_text[0] = '\0';
  for (int i = 0; i < N_NAMES && calls[i].name != NULL; i++) {
    total += calls[i].count;
    at += (size_t) snprintf (out_text + at, at < size ? size - at : 0, "%s %u times; ", calls[i].name, calls[i].count);
    if (at >= size)
      at = size - 1;
  }
  return total;
}

/* glibc's own entries: dlsym() itself may allocate. */
extern void *__libc_malloc (size_t);
extern void *__libc_calloc (size_t, size_t);
extern void *__libc_realloc (void *, size_t);
extern void  __libc_free (void *);
extern void *__libc_memalign (size_t, size_t);

void *
malloc (size_t size)
{
  note ("malloc");
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  note ("calloc");
  return __libc_calloc (n, size);
}

void *
realloc (void *memory, size_t size)
{
  note ("realloc");
  return __libc_realloc (memory, size);
}

void
free (void *memory)
{
  note ("free");
  __libc_free (memory);
}

void *
aligned_alloc (size_t alignment, size_t size)
{
  note ("aligned_alloc");
  return __libc_memalign (alignment, size);
}

#define REAL(name) \
  static __typeof__ (&name) real; \
  if (real == NULL) \
    real = (__typeof__ (&name)) dlsym (RTLD_NEXT, #name); \
  note (#name)

int
pthread_mutex_lock (pthread_mutex_t *mutex)
{
  REAL (pthread_mutex_lock);
  return real (mutex);
}

int
pthread_rwlock_rdlock (pthread_rwlock_t *lock)
{
  REAL (pthread_rwlock_rdlock);
  return real (lock);
}

int
pthread_rwlock_wrlock (pthread_rwlock_t *lock)
{
  REAL (pthread_rwlock_wrlock);
  return real (lock);
}

int
pthread_cond_wait (pthread_cond_t *cond, pthread_mutex_t *mutex)
{
  REAL (pthread_cond_wait);
  return real (cond, mutex);
}

int
pthread_cond_signal (pthread_cond_t *cond)
{
  REAL (pthread_cond_signal);
  return real (cond);
}

ssize_t
read (int fd, void *buffer, size_t size)
{
  REAL (read);
  return real (fd, buffer, size);
}

ssize_t
write (int fd, const void *buffer, size_t size)
{
  REAL (write);
  return real (fd, buffer, size);
}

int
open (const char *path, int flags, ...)
{
  va_list args;
  mode_t  mode;
  REAL (open);

  va_start (args, flags);
  mode = va_arg (args, mode_t);
  va_end (args);
  return real (path, flags, mode);
}

FILE *
fopen (const char *path, const char *mode)
{
  REAL (fopen);
  return real (path, mode);
}

int
puts (const char *text)
{
  REAL (puts);
  return real (text);
}

int
nanosleep (const struct timespec *wanted, struct timespec *left)
{
  REAL (nanosleep);
  return real (wanted, left);
}

int
clock_nanosleep (clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left)
{
  REAL (clock_nanosleep);
  return real (clock, flags, wanted, left);
}

/* What sanitizers do not see: GLib's locks are a futex where nobody waits. */
#define GLIB_CALL(name) \
  void name (void *lock); \
  void name (void *lock) \
  { \
    static void (*real) (void *); \
    if (real == NULL) \
      real = (void (*) (void *)) dlsym (RTLD_NEXT, #name); \
    note (#name); \
    real (lock); \
  }

GLIB_CALL (g_mutex_lock)
GLIB_CALL (g_rec_mutex_lock)
GLIB_CALL (g_rw_lock_reader_lock)
GLIB_CALL (g_rw_lock_writer_lock)
GLIB_CALL (g_cond_signal)
GLIB_CALL (g_free)
