/* Tells ThreadSanitizer of the locks that it cannot see.
 *
 * GMutex and GCond are futexes inside a libglib that is not instrumented, and so are the
 * counts and queues: whatever they order looks like a race.  This library, preloaded,
 * takes the calls on their way and annotates them.  Signals of a GCond order nothing that
 * its mutex does not.  GRecMutex and GRWLock are pthread's and need nothing, if their init
 * function made them: a static one is made by whoever comes first, and is reported.
 *
 * Calls within libglib do not come by here (-Bsymbolic-functions): no annotation is made
 * twice.  What tsan-probe's ways do not cover, GObject's counts for one, gets its annotation
 * here when a test first needs it.  In programs without ThreadSanitizer every function
 * only calls its original.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <dlfcn.h>
#include <glib.h>
#include <pthread.h>
#include <sanitizer/tsan_interface.h>

/* in ThreadSanitizer's library, but in no header of gcc's */
void AnnotateIgnoreReadsBegin (const char *file, int line);
void AnnotateIgnoreReadsEnd (const char *file, int line);
void AnnotateIgnoreWritesBegin (const char *file, int line);
void AnnotateIgnoreWritesEnd (const char *file, int line);

#pragma weak AnnotateIgnoreReadsBegin
#pragma weak AnnotateIgnoreReadsEnd
#pragma weak AnnotateIgnoreWritesBegin
#pragma weak AnnotateIgnoreWritesEnd
#pragma weak __tsan_acquire
#pragma weak __tsan_release
#pragma weak __tsan_mutex_create
#pragma weak __tsan_mutex_destroy
#pragma weak __tsan_mutex_pre_lock
#pragma weak __tsan_mutex_post_lock
#pragma weak __tsan_mutex_pre_unlock
#pragma weak __tsan_mutex_post_unlock

/* declares ORIGINAL as the function that this one stands in front of */
#define ORIGINAL(name)                   \
  static __typeof__ (&name) original;    \
  if (!g_atomic_pointer_get (&original)) \
  g_atomic_pointer_set (&original, (__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

static void
acquire (void *what)
{
  if (__tsan_acquire && what)
    __tsan_acquire (what);
}

static void
release (void *what)
{
  if (__tsan_release && what)
    __tsan_release (what);
}

/* What libglib does with memory of its own is its own lock's matter. */
static void
look_away (void)
{
  if (AnnotateIgnoreReadsBegin && AnnotateIgnoreWritesBegin) {
    AnnotateIgnoreReadsBegin (__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin (__FILE__, __LINE__);
  }
}

static void
look_again (void)
{
  if (AnnotateIgnoreReadsEnd && AnnotateIgnoreWritesEnd) {
    AnnotateIgnoreWritesEnd (__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd (__FILE__, __LINE__);
  }
}

static void
before_lock (void *mutex, unsigned flags)
{
  if (__tsan_mutex_pre_lock)
    __tsan_mutex_pre_lock (mutex, flags);
}

static void
after_lock (void *mutex, unsigned flags)
{
  if (__tsan_mutex_post_lock)
    __tsan_mutex_post_lock (mutex, flags, 0);
}

static void
before_unlock (void *mutex)
{
  if (__tsan_mutex_pre_unlock)
    __tsan_mutex_pre_unlock (mutex, 0);
}

static void
after_unlock (void *mutex)
{
  if (__tsan_mutex_post_unlock)
    __tsan_mutex_post_unlock (mutex, 0);
}

void
g_mutex_init (GMutex *mutex)
{
  ORIGINAL (g_mutex_init);
  original (mutex);
  if (__tsan_mutex_create)
    __tsan_mutex_create (mutex, __tsan_mutex_not_static);
}

void
g_mutex_clear (GMutex *mutex)
{
  ORIGINAL (g_mutex_clear);
  if (__tsan_mutex_destroy)
    __tsan_mutex_destroy (mutex, __tsan_mutex_not_static);
  original (mutex);
}

void
g_mutex_lock (GMutex *mutex)
{
  ORIGINAL (g_mutex_lock);
  before_lock (mutex, 0);
  original (mutex);
  after_lock (mutex, 0);
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  gboolean locked;
  ORIGINAL (g_mutex_trylock);

  before_lock (mutex, __tsan_mutex_try_lock);
  locked = original (mutex);
  after_lock (mutex, locked ? __tsan_mutex_try_lock : __tsan_mutex_try_lock_failed);
  return locked;
}

void
g_mutex_unlock (GMutex *mutex)
{
  ORIGINAL (g_mutex_unlock);
  before_unlock (mutex);
  original (mutex);
  after_unlock (mutex);
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  ORIGINAL (g_cond_wait);
  before_unlock (mutex);
  after_unlock (mutex);
  original (cond, mutex);
  before_lock (mutex, 0);
  after_lock (mutex, 0);
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  gboolean signalled;
  ORIGINAL (g_cond_wait_until);

  before_unlock (mutex);
  after_unlock (mutex);
  signalled = original (cond, mutex, end_time);
  before_lock (mutex, 0);
  after_lock (mutex, 0);
  return signalled;
}

/* The two names are macros too, hence the brackets. */
void (g_once_init_leave) (volatile void *location, gsize result)
{
  ORIGINAL (g_once_init_leave);
  release ((void *) location);
  original (location, result);
}

gboolean (g_once_init_enter) (volatile void *location)
{
  gboolean is_first;
  ORIGINAL (g_once_init_enter);

  is_first = original (location);
  acquire ((void *) location);
  return is_first;
}

void
g_async_queue_push (GAsyncQueue *queue, gpointer data)
{
  ORIGINAL (g_async_queue_push);
  release (queue);
  look_away();
  original (queue, data);
  look_again();
}

gpointer
g_async_queue_pop (GAsyncQueue *queue)
{
  gpointer data;
  ORIGINAL (g_async_queue_pop);

  look_away();
  data = original (queue);
  look_again();
  acquire (queue);
  return data;
}

gpointer
g_async_queue_try_pop (GAsyncQueue *queue)
{
  gpointer data;
  ORIGINAL (g_async_queue_try_pop);

  look_away();
  data = original (queue);
  look_again();
  if (data)
    acquire (queue);
  return data;
}

gpointer
g_async_queue_timeout_pop (GAsyncQueue *queue, guint64 timeout)
{
  gpointer data;
  ORIGINAL (g_async_queue_timeout_pop);

  look_away();
  data = original (queue, timeout);
  look_again();
  if (data)
    acquire (queue);
  return data;
}

/* What others did before they gave up theirs happens before the end of the last. */
gboolean
g_atomic_ref_count_dec (gatomicrefcount *count)
{
  gboolean is_last;
  ORIGINAL (g_atomic_ref_count_dec);

  release ((void *) count);
  is_last = original (count);
  if (is_last)
    acquire ((void *) count);
  return is_last;
}

/* Stands for the lock of the GMainContext, which attaching and dispatching take.  It is
 * pthread's, so that ThreadSanitizer sees it.
 */
static pthread_mutex_t context_lock = PTHREAD_MUTEX_INITIALIZER;

struct call {
  GSourceFunc    func;
  gpointer       data;
  GDestroyNotify notify;
};

static gboolean
on_call (gpointer data)
{
  struct call *call = data;

  pthread_mutex_lock (&context_lock);
  pthread_mutex_unlock (&context_lock);
  return call->func (call->data);
}

static void
call_free (gpointer data)
{
  struct call *call = data;

  if (call->notify)
    call->notify (call->data);
  g_free (call);
}

/* Only for sources whose callback is a plain GSourceFunc: idle and timeout. */
void
g_source_set_callback (GSource *source, GSourceFunc func, gpointer data, GDestroyNotify notify)
{
  struct call *call;
  ORIGINAL (g_source_set_callback);

  if (!__tsan_acquire || !func) {
    original (source, func, data, notify);
    return;
  }
  call  = g_new (struct call, 1);
  *call = (struct call){ func, data, notify };
  original (source, on_call, call, call_free);
}

guint
g_source_attach (GSource *source, GMainContext *context)
{
  guint id;
  ORIGINAL (g_source_attach);

  if (!__tsan_acquire)
    return original (source, context);
  pthread_mutex_lock (&context_lock);
  id = original (source, context);
  pthread_mutex_unlock (&context_lock);
  return id;
}
