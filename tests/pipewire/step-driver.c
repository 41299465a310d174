/* step-driver: a graph driver that a test leads, a cycle at a time.
 *
 *   step-driver GROUP [RATE]
 *
 * Exports the node "step-driver" without ports; the nodes of its group run when it
 * says so.  A cycle begins when everybody has finished the one before, so no cycle
 * is ever lost, at whatever speed.  Commands on stdin, each answered by a line:
 *
 *   quantum N[,N...]  block lengths, taken in turn      -> quantum N
 *   pace 0|1          1: not faster than real time      -> pace N
 *   rate N            frames a second                   -> rate N
 *   skip N            the clock jumps on by N frames    -> skip POSITION
 *   run FRAMES        cycles until so many have passed  -> done POSITION CYCLES STALLS
 *   quit
 *
 * It says "ready" when the daemon has started it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <inttypes.h>
#include <pipewire/impl.h>
#include <pipewire/pipewire.h>
#include <signal.h>
#include <spa/node/io.h>
#include <spa/node/keys.h>
#include <spa/node/node.h>
#include <spa/node/utils.h>
#include <spa/utils/result.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_QUANTA = 64, WATCHDOG_MS = 1000 };

struct driver {
  struct spa_node      node;
  struct spa_hook_list hooks;
  struct spa_callbacks callbacks;
  struct spa_node_info info;
  struct spa_io_clock *clock;
  struct pw_main_loop *loop;
  struct pw_loop      *data_loop;
  struct spa_source   *cycle_event; /* data loop: begin a cycle */
  struct spa_source   *pace_timer;  /* data loop: begin a cycle later */
  struct spa_source   *watchdog;    /* data loop */
  struct spa_source   *done_event;  /* main loop: the run is over */
  _Atomic bool         is_started;
  _Atomic bool         is_running;

  /* set by the main loop between runs */
  uint32_t rate;
  uint32_t quanta[MAX_QUANTA];
  uint32_t n_quanta;
  bool     is_paced;
  uint64_t frames_wanted;

  /* the data loop's while a run is on */
  uint64_t position;
  uint64_t frames_left;
  uint64_t next_ns;
  uint64_t cycles;
  uint64_t cycles_seen; /* by the watchdog */
  uint64_t stalls;
  uint32_t turn;
};

static uint64_t
now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return t.tv_sec * UINT64_C (1000000000) + t.tv_nsec;
}

static void
say (const char *format, uint64_t a, uint64_t b, uint64_t c)
{
  printf (format, a, b, c);
  printf ("\n");
  fflush (stdout);
}

/* Data loop */

static void
begin_cycle (struct driver *driver)
{
  struct spa_io_clock *clock = driver->clock;
  uint32_t             quantum;

  if (!driver->is_running || !driver->is_started || clock == NULL)
    return;
  quantum = driver->quanta[driver->turn++ % driver->n_quanta];
  /* Late is late: the virtual time then stands still, no cycle is lost. */
  if (driver->is_paced && driver->next_ns < now_ns())
    driver->next_ns = now_ns();
  clock->rate      = SPA_FRACTION (1, driver->rate);
  clock->position  = driver->position;
  clock->duration  = quantum;
  clock->rate_diff = 1.0;
  clock->delay     = 0;
  clock->flags     = 0;
  clock->nsec      = driver->next_ns;
  driver->next_ns += quantum * UINT64_C (1000000000) / driver->rate;
  clock->next_nsec = driver->next_ns;
  driver->position += quantum;
  driver->frames_left -= SPA_MIN (driver->frames_left, quantum);
  spa_node_call_ready (&driver->callbacks, SPA_STATUS_HAVE_DATA | SPA_STATUS_NEED_DATA);
}

static void
on_cycle_event (void *data, uint64_t count)
{
  begin_cycle (data);
}

static void
on_watchdog (void *data, uint64_t count)
{
  struct driver *driver = data;

  /* a follower died in the midst of a cycle */
  if (driver->is_running && driver->cycles == driver->cycles_seen) {
    driver->stalls++;
    begin_cycle (driver);
  }
  driver->cycles_seen = driver->cycles;
}

static void
next_cycle (struct driver *driver)
{
  uint64_t now = now_ns();

  if (driver->is_paced && driver->next_ns > now) {
    uint64_t        wait  = driver->next_ns - now;
    struct timespec value = { wait / 1000000000, wait % 1000000000 };

    pw_loop_update_timer (driver->data_loop, driver->pace_timer, &value, NULL, false);
  } else {
    pw_loop_signal_event (driver->data_loop, driver->cycle_event);
  }
}

/* Every follower has finished. */
static int
impl_process (void *object)
{
  struct driver *driver = object;

  driver->cycles++;
  if (driver->frames_left > 0) {
    next_cycle (driver);
  } else if (driver->is_running) {
    driver->is_running = false;
    pw_loop_signal_event (pw_main_loop_get_loop (driver->loop), driver->done_event);
  }
  return SPA_STATUS_HAVE_DATA;
}

/* Node */

static int
impl_add_listener (void                         *object,
                   struct spa_hook              *listener,
                   const struct spa_node_events *events,
                   void                         *data)
{
  struct driver       *driver  = object;
  struct spa_dict_item items[] = { SPA_DICT_ITEM_INIT (SPA_KEY_NODE_DRIVER, "true") };
  struct spa_dict      dict    = SPA_DICT_INIT_ARRAY (items);
  struct spa_hook_list save;

  spa_hook_list_isolate (&driver->hooks, &save, listener, events, data);
  driver->info.props       = &dict;
  driver->info.change_mask = SPA_NODE_CHANGE_MASK_FLAGS | SPA_NODE_CHANGE_MASK_PROPS;
  spa_node_emit_info (&driver->hooks, &driver->info);
  spa_hook_list_join (&driver->hooks, &save);
  return 0;
}

static int
impl_set_callbacks (void *object, const struct spa_node_callbacks *callbacks, void *data)
{
  struct driver *driver = object;

  driver->callbacks = SPA_CALLBACKS_INIT (callbacks, data);
  return 0;
}

static int
impl_set_io (void *object, uint32_t id, void *data, size_t size)
{
  struct driver *driver = object;

  if (id == SPA_IO_Clock) {
    driver->clock = data;
    if (data != NULL)
      snprintf (driver->clock->name, sizeof driver->clock->name, "test.step");
  }
  return 0;
}

static int
impl_send_command (void *object, const struct spa_command *command)
{
  struct driver *driver   = object;
  bool           is_start = SPA_NODE_COMMAND_ID (command) == SPA_NODE_COMMAND_Start;

  if (is_start && !driver->is_started)
    say ("ready", 0, 0, 0);
  driver->is_started = is_start;
  return 0;
}

static const struct spa_node_methods node_methods = {
  SPA_VERSION_NODE_METHODS, .add_listener = impl_add_listener, .set_callbacks = impl_set_callbacks,
  .set_io = impl_set_io,    .send_command = impl_send_command, .process = impl_process,
};

/* Main loop */

static void
on_done (void *data, uint64_t count)
{
  struct driver *driver = data;

  say ("done %" PRIu64 " %" PRIu64 " %" PRIu64, driver->position, driver->cycles, driver->stalls);
}

static void
set_quanta (struct driver *driver, char *list)
{
  driver->n_quanta = 0;
  driver->turn     = 0;
  for (char *part = strtok (list, ","); part != NULL && driver->n_quanta < MAX_QUANTA;
       part       = strtok (NULL, ",")) {
    uint32_t quantum = strtoul (part, NULL, 10);

    if (quantum > 0)
      driver->quanta[driver->n_quanta++] = quantum;
  }
  if (driver->n_quanta == 0)
    driver->quanta[driver->n_quanta++] = 256;
  say ("quantum %" PRIu64, driver->quanta[0], 0, 0);
}

/* Data loop: from here on the run is its own. */
static int
do_run (struct spa_loop *loop,
        bool             async,
        uint32_t         seq,
        const void      *data,
        size_t           size,
        void            *driver_data)
{
  struct driver *driver = driver_data;

  driver->frames_left = *(const uint64_t *) data;
  if (driver->next_ns == 0)
    driver->next_ns = now_ns();
  driver->cycles_seen = UINT64_MAX; /* the watchdog gives the first cycle its time too */
  driver->is_running  = true;
  next_cycle (driver);
  return 0;
}

static void
obey (struct driver *driver, char *line)
{
  char    *argument = strchr (line, ' ');
  uint64_t n;

  if (argument != NULL)
    *argument++ = '\0';
  n = argument != NULL ? strtoull (argument, NULL, 10) : 0;
  if (strcmp (line, "quantum") == 0 && argument != NULL) {
    set_quanta (driver, argument);
  } else if (strcmp (line, "pace") == 0) {
    driver->is_paced = n != 0;
    say ("pace %" PRIu64, n, 0, 0);
  } else if (strcmp (line, "rate") == 0 && n > 0) {
    driver->rate = n;
    say ("rate %" PRIu64, n, 0, 0);
  } else if (strcmp (line, "skip") == 0) {
    driver->position += n;
    say ("skip %" PRIu64, driver->position, 0, 0);
  } else if (strcmp (line, "run") == 0 && n > 0 && driver->is_started) {
    pw_loop_invoke (driver->data_loop, do_run, 0, &n, sizeof n, false, driver);
  } else if (strcmp (line, "quit") == 0) {
    pw_main_loop_quit (driver->loop);
  } else {
    say ("error", 0, 0, 0);
  }
}

static void
on_stdin (void *data, int fd, uint32_t mask)
{
  struct driver *driver = data;
  static char    buffer[1024];
  static size_t  fill;
  ssize_t        n = read (fd, buffer + fill, sizeof buffer - 1 - fill);
  char          *end;

  if (n <= 0) {
    pw_main_loop_quit (driver->loop);
    return;
  }
  fill += n;
  buffer[fill] = '\0';
  while ((end = strchr (buffer, '\n')) != NULL) {
    *end = '\0';
    obey (driver, buffer);
    fill -= end + 1 - buffer;
    memmove (buffer, end + 1, fill + 1);
  }
}

static void
on_signal (void *data, int number)
{
  pw_main_loop_quit (((struct driver *) data)->loop);
}

static struct pw_proxy *
export_node (struct driver *driver, struct pw_core *core, const char *group)
{
  struct spa_dict_item items[] = {
    SPA_DICT_ITEM_INIT (PW_KEY_NODE_NAME, "step-driver"),
    SPA_DICT_ITEM_INIT (PW_KEY_NODE_DRIVER, "true"),
    SPA_DICT_ITEM_INIT (PW_KEY_NODE_GROUP, group),
    SPA_DICT_ITEM_INIT (PW_KEY_PRIORITY_DRIVER, "50000"),
    SPA_DICT_ITEM_INIT (PW_KEY_NODE_ALWAYS_PROCESS, "true"),
  };

  spa_hook_list_init (&driver->hooks);
  driver->node.iface =
      SPA_INTERFACE_INIT (SPA_TYPE_INTERFACE_Node, SPA_VERSION_NODE, &node_methods, driver);
  driver->info       = SPA_NODE_INFO_INIT();
  driver->info.flags = SPA_NODE_FLAG_RT;
  return pw_core_export (core, SPA_TYPE_INTERFACE_Node, &SPA_DICT_INIT_ARRAY (items), &driver->node,
                         0);
}

int
main (int argc, char **argv)
{
  struct driver      driver   = { .rate = 48000, .quanta = { 256 }, .n_quanta = 1 };
  struct timespec    interval = { WATCHDOG_MS / 1000, WATCHDOG_MS % 1000 * 1000000L };
  struct pw_context *context;
  struct pw_core    *core;
  struct pw_loop    *loop;
  struct pw_proxy   *proxy;

  if (argc < 2)
    return 2;
  if (argc > 2)
    driver.rate = strtoul (argv[2], NULL, 10);
  pw_init (NULL, NULL);
  driver.loop = pw_main_loop_new (NULL);
  loop        = pw_main_loop_get_loop (driver.loop);
  /* before the context: its data thread inherits the mask */
  pw_loop_add_signal (loop, SIGTERM, on_signal, &driver);
  pw_loop_add_signal (loop, SIGINT, on_signal, &driver);
  context =
      pw_context_new (loop, pw_properties_new (PW_KEY_CONFIG_NAME, "client-rt.conf", NULL), 0);
  core = context != NULL ? pw_context_connect (context, NULL, 0) : NULL;
  if (core == NULL) {
    fprintf (stderr, "step-driver: no PipeWire\n");
    return 1;
  }
  driver.data_loop   = pw_data_loop_get_loop (pw_context_get_data_loop (context));
  driver.cycle_event = pw_loop_add_event (driver.data_loop, on_cycle_event, &driver);
  driver.pace_timer  = pw_loop_add_timer (driver.data_loop, on_cycle_event, &driver);
  driver.watchdog    = pw_loop_add_timer (driver.data_loop, on_watchdog, &driver);
  pw_loop_update_timer (driver.data_loop, driver.watchdog, &interval, &interval, false);
  driver.done_event = pw_loop_add_event (loop, on_done, &driver);
  pw_loop_add_io (loop, STDIN_FILENO, SPA_IO_IN | SPA_IO_HUP, false, on_stdin, &driver);
  proxy = export_node (&driver, core, argv[1]);
  if (proxy == NULL) {
    fprintf (stderr, "step-driver: export failed\n");
    return 1;
  }
  pw_main_loop_run (driver.loop);
  driver.is_running = false;
  pw_proxy_destroy (proxy);
  pw_core_disconnect (core);
  pw_context_destroy (context);
  pw_main_loop_destroy (driver.loop);
  pw_deinit();
  return 0;
}
