/* tsan-probe WAY: two threads use one variable, the second after the first, ordered in the
 * named way.  ThreadSanitizer has to find a race in "nothing" and in no other.
 *
 * The turn is passed by a relaxed atomic, which orders the threads in time but, for
 * ThreadSanitizer, not in the memory model: what it says does not depend on luck.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static int             datum;
static atomic_int      turn;
static GMutex          mutex;
static GCond           cond;
static GRecMutex       rec_mutex;
static GRWLock         rw_lock;
static GAsyncQueue    *queue;
static gatomicrefcount count;
static gsize           once;
static GMainContext   *context;

static void
pass_turn (void)
{
  atomic_store_explicit (&turn, 1, memory_order_relaxed);
}

static void
wait_for_turn (void)
{
  while (!atomic_load_explicit (&turn, memory_order_relaxed))
    g_thread_yield();
}

static void
use (void)
{
  datum++;
}

static void
first_nothing (void)
{
  use();
  pass_turn();
}

static void
second_nothing (void)
{
  wait_for_turn();
  use();
}

static void
first_mutex (void)
{
  g_mutex_lock (&mutex);
  use();
  g_mutex_unlock (&mutex);
  pass_turn();
}

static void
second_mutex (void)
{
  wait_for_turn();
  g_mutex_lock (&mutex);
  use();
  g_mutex_unlock (&mutex);
}

static void
second_trylock (void)
{
  wait_for_turn();
  while (!g_mutex_trylock (&mutex))
    ;
  use();
  g_mutex_unlock (&mutex);
}

static void
first_cond (void)
{
  wait_for_turn();
  g_mutex_lock (&mutex);
  use();
  g_cond_signal (&cond);
  g_mutex_unlock (&mutex);
}

static void
second_cond (void)
{
  g_mutex_lock (&mutex);
  pass_turn();
  while (datum == 0)
    g_cond_wait (&cond, &mutex);
  use();
  g_mutex_unlock (&mutex);
}

static void
second_cond_until (void)
{
  g_mutex_lock (&mutex);
  pass_turn();
  while (datum == 0)
    g_cond_wait_until (&cond, &mutex, g_get_monotonic_time() + G_USEC_PER_SEC);
  use();
  g_mutex_unlock (&mutex);
}

static void
first_rec (void)
{
  g_rec_mutex_lock (&rec_mutex);
  use();
  g_rec_mutex_unlock (&rec_mutex);
  pass_turn();
}

static void
second_rec (void)
{
  wait_for_turn();
  g_rec_mutex_lock (&rec_mutex);
  use();
  g_rec_mutex_unlock (&rec_mutex);
}

static void
first_rw (void)
{
  g_rw_lock_writer_lock (&rw_lock);
  use();
  g_rw_lock_writer_unlock (&rw_lock);
  pass_turn();
}

static void
second_rw (void)
{
  wait_for_turn();
  g_rw_lock_writer_lock (&rw_lock);
  use();
  g_rw_lock_writer_unlock (&rw_lock);
}

static void
first_queue (void)
{
  use();
  g_async_queue_push (queue, &datum);
  pass_turn();
}

static void
second_queue (void)
{
  g_async_queue_pop (queue);
  use();
}

static void
second_queue_try (void)
{
  wait_for_turn();
  if (g_async_queue_try_pop (queue))
    use();
}

static void
second_queue_timeout (void)
{
  wait_for_turn();
  if (g_async_queue_timeout_pop (queue, G_USEC_PER_SEC))
    use();
}

static void
use_once (void)
{
  if (g_once_init_enter (&once)) {
    use();
    g_once_init_leave (&once, 1);
  }
}

static void
first_once (void)
{
  use_once();
  pass_turn();
}

static void
second_once (void)
{
  wait_for_turn();
  use_once();
  use();
}

static void
first_count (void)
{
  use();
  (void) !g_atomic_ref_count_dec (&count);
  pass_turn();
}

static void
second_count (void)
{
  wait_for_turn();
  if (g_atomic_ref_count_dec (&count))
    use();
}

static gboolean
on_idle (gpointer data)
{
  use();
  return G_SOURCE_REMOVE;
}

static void
first_source (void)
{
  GSource *source = g_idle_source_new();

  use();
  g_source_set_callback (source, on_idle, NULL, NULL);
  g_source_attach (source, context);
  g_source_unref (source);
  pass_turn();
}

static void
second_source (void)
{
  wait_for_turn();
  while (g_main_context_iteration (context, FALSE))
    ;
}

static const struct way {
  const char *name;
  void (*first) (void);
  void (*second) (void);
} ways[] = {
  { "nothing", first_nothing, second_nothing },
  { "mutex", first_mutex, second_mutex },
  { "trylock", first_mutex, second_trylock },
  { "cond", first_cond, second_cond },
  { "cond-until", first_cond, second_cond_until },
  { "rec-mutex", first_rec, second_rec },
  { "rw-lock", first_rw, second_rw },
  { "queue", first_queue, second_queue },
  { "queue-try", first_queue, second_queue_try },
  { "queue-timeout", first_queue, second_queue_timeout },
  { "once", first_once, second_once },
  { "count", first_count, second_count },
  { "source", first_source, second_source },
};

static gpointer
run_first (gpointer way)
{
  ((const struct way *) way)->first();
  return NULL;
}

static const struct way *
find_way (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++)
    if (strcmp (ways[i].name, name) == 0)
      return &ways[i];
  return NULL;
}

int
main (int argc, char **argv)
{
  const struct way *way = argc == 2 ? find_way (argv[1]) : NULL;
  GThread          *thread;

  if (way == NULL)
    return 2;
  queue   = g_async_queue_new();
  context = g_main_context_new();
  g_rec_mutex_init (&rec_mutex);
  g_rw_lock_init (&rw_lock);
  g_atomic_ref_count_init (&count);
  g_atomic_ref_count_inc (&count);
  thread = g_thread_new ("first", run_first, (gpointer) way);
  way->second();
  g_thread_join (thread);
  g_main_context_unref (context);
  g_async_queue_unref (queue);
  g_rec_mutex_clear (&rec_mutex);
  g_rw_lock_clear (&rw_lock);
  printf ("%d\n", datum);
  return datum == 2 ? 0 : 3;
}
