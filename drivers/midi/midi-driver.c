/* MIDI: one thread between the devices' bytes and the scheduler.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <gio/gio.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "drivers/midi/midi-clock.h"
#include "drivers/midi/midi-map.h"
#include "drivers/midi/midi-ports.h"
#include "drivers/sdk/echelon-driver.h"

#define MS UINT64_C (1000000)

#define LIGHT_NS  (20 * MS) /* between two looks at the lights */
#define FLUSH_NS  (4 * MS)  /* between two posts of one moving control */
#define CLOCK_NS  (10 * MS)
#define AHEAD_NS  (100 * MS) /* the clock's ticks are in the ring so long before */
#define TEMPO_NS  (250 * MS)
#define RELOAD_NS (50 * MS) /* an editor writes more than once */

enum { WAITING = 128, EVENTS_AT_A_TIME = 256, GOODBYE_US = 30000 };

/* A control that moves: only where it stands last is posted. */
struct moving {
  struct ech_action action;
  bool              is_dirty;
};

struct device {
  struct ech_midi         *self; /* NULL: not in use */
  unsigned                 index;
  struct ech_midi_mapping *mapping; /* borrowed */
  struct ech_midi_map     *map;
  struct moving           *moving; /* of each binding */
  unsigned                 n_dirty;
  uint64_t                 flushed_ns;
  struct ech_midi_parser   parser;
  bool                     is_clocked; /* gets our clock */
  bool                     leads;      /* its clock sets the tempo */
  bool                     wants_all;  /* some light found no room */
};

struct ech_midi {
  /* fixed from start to stop */
  struct echelon_host           *host;
  const struct echelon_host_api *api;
  int                            stop_fd;
  pthread_t                      thread;
  sem_t                          begun; /* the ports are there, or not to be had */
  char                          *user_folder, *default_folder;
  char                          *wanted, *clock_out, *clock_in; /* settings */

  /* the driver's thread */
  struct ech_midi_ports    *ports;
  GPtrArray                *mappings;
  int                       watch_fd;
  int                       watches[2]; /* of the two folders, -1 = not there */
  uint64_t                  reload_ns;  /* 0 = nothing has changed */
  struct device             devices[ECH_MIDI_MAX_DEVICES];
  struct ech_state          state;
  uint64_t                  now_ns;
  bool                      is_learning;
  bool                      is_connected;
  bool                      is_status_stale;
  struct ech_action         waiting[WAITING]; /* presses that found the lane full */
  unsigned                  n_waiting;
  uint64_t                  n_dropped;
  uint64_t                  light_ns, clock_ns, tempo_ns;
  struct ech_midi_clock_out clock;
  struct ech_midi_clock_in  tempo;
  double                    tempo_sent;
  char                      trouble[ECH_TEXT_MAX]; /* the last mapping that cannot be used */
};

static uint64_t
clock_now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (uint64_t) t.tv_sec * UINT64_C (1000000000) + (uint64_t) t.tv_nsec;
}

static void
take_moment (struct ech_midi *self)
{
  self->now_ns = clock_now_ns();
  self->api->state (self->host, &self->state);
}

static double
beat_now (struct ech_midi *self)
{
  double frame = self->api->frame_at (self->host, self->now_ns);

  if (!self->state.running || !isfinite (frame))
    return self->state.beat;
  return ech_timeline_beat_at (&self->state.timeline, frame);
}

static int
parse_word (void                   *data,
            const char             *address,
            const struct ech_value *values,
            unsigned                n_values,
            struct ech_action      *out_action,
            char                   *out_error)
{
  struct ech_midi *self = data;

  return self->api->parse (self->host, address, values, n_values, out_action, out_error);
}

/* --- status ---------------------------------------------------------------------------- */

static void
show_status (struct ech_midi *self)
{
  g_autoptr (GString) names = g_string_new (NULL);
  char     text[ECH_TEXT_MAX];
  unsigned n_others = 0;

  for (unsigned i = 0; i < ECH_MIDI_MAX_DEVICES; i++) {
    const char *name = ech_midi_ports_name (self->ports, i);

    if (self->devices[i].self)
      g_string_append_printf (names, "%s%s", names->len ? ", " : "", name);
    else if (name)
      n_others++;
  }
  if (!self->is_connected)
    snprintf (text, sizeof text, "Waiting for PipeWire");
  else if (self->is_learning)
    snprintf (text, sizeof text, "Learning: controllers do nothing meanwhile");
  else if (self->trouble[0])
    snprintf (text, sizeof text, "%s", self->trouble);
  else if (self->n_dropped > 0)
    snprintf (text, sizeof text, "Too many presses at once: %u were dropped",
              (unsigned) self->n_dropped);
  else if (names->len)
    snprintf (text, sizeof text, "Using %.120s", names->str);
  else if (n_others)
    snprintf (text, sizeof text, "No controller that a mapping knows (%u other MIDI ports)",
              n_others);
  else
    snprintf (text, sizeof text, "No MIDI controller is connected");
  self->is_status_stale = false;
  self->api->status (self->host, text);
}

/* --- posting --------------------------------------------------------------------------- */

static void
drop_waiting (struct ech_midi *self)
{
  self->is_status_stale = true;
  if (self->n_dropped++ == 0)
    self->api->log (self->host, ECHELON_LOG_WARNING,
                    "Too many presses at once: some were dropped.");
}

/* In their order: nothing new before what waits. */
static void
post_waiting (struct ech_midi *self)
{
  unsigned n = 0;

  while (n < self->n_waiting && self->api->post (self->host, &self->waiting[n]) != -ENOSPC)
    n++;
  self->n_waiting -= n;
  memmove (self->waiting, self->waiting + n, self->n_waiting * sizeof *self->waiting);
}

static void
flush_moving (struct device *device)
{
  struct ech_midi *self = device->self;

  for (guint i = 0; device->n_dirty > 0 && i < device->mapping->bindings->len; i++) {
    struct moving *moving = &device->moving[i];

    if (!moving->is_dirty)
      continue;
    if (self->n_waiting > 0 || self->api->post (self->host, &moving->action) == -ENOSPC)
      return;
    moving->is_dirty = false;
    device->n_dirty--;
  }
  device->flushed_ns = self->now_ns;
}

static void
on_post (void *data, const struct ech_action *action, unsigned binding, bool continuous)
{
  struct device   *device = data;
  struct ech_midi *self   = device->self;
  struct moving   *moving = &device->moving[binding];

  if (continuous) {
    device->n_dirty += !moving->is_dirty;
    moving->action   = *action;
    moving->is_dirty = true;
    return;
  }
  /* a press comes after what was turned before it; its own older turns are void */
  if (moving->is_dirty) {
    moving->is_dirty = false;
    device->n_dirty--;
  }
  flush_moving (device);
  if (self->n_waiting == 0 && self->api->post (self->host, action) != -ENOSPC)
    return;
  if (self->n_waiting == WAITING)
    drop_waiting (self);
  else
    self->waiting[self->n_waiting++] = *action;
}

static void
on_send (void *data, const uint8_t *bytes, unsigned n_bytes)
{
  struct device *device = data;

  if (ech_midi_ports_send (device->self->ports, device->index, bytes, n_bytes, 0) == -ENOSPC)
    device->wants_all = true;
}

/* --- devices --------------------------------------------------------------------------- */

/* Is @name in the list "a, b"?  "*" is everything. */
static bool
is_listed (const char *list, const char *name)
{
  g_auto (GStrv) parts    = g_strsplit (list, ",", -1);
  g_autofree char *folded = g_utf8_casefold (name, -1);

  for (char **part = parts; *part; part++) {
    g_autofree char *wanted = g_utf8_casefold (g_strstrip (*part), -1);

    if (strcmp (wanted, "*") == 0 || (*wanted && strstr (folded, wanted)))
      return true;
  }
  return false;
}

/* The mapping that names the device most exactly; of equals, the user's. */
static struct ech_midi_mapping *
find_mapping (struct ech_midi *self, const char *name)
{
  struct ech_midi_mapping *best = NULL;
  unsigned                 most = 0;

  for (guint i = 0; i < self->mappings->len; i++) {
    struct ech_midi_mapping *mapping = self->mappings->pdata[i];
    unsigned                 fit     = ech_midi_mapping_fits (mapping, name);

    if (fit > most) {
      most = fit;
      best = mapping;
    }
  }
  return best;
}

static void
let_go (struct device *device)
{
  take_moment (device->self);
  ech_midi_map_let_go (device->map, device->self->now_ns, &device->self->state);
  flush_moving (device);
}

static void
close_device (struct device *device, bool is_gone)
{
  struct ech_midi *self = device->self;

  if (self == NULL)
    return;
  if (device->map) {
    let_go (device);
    if (!is_gone)
      ech_midi_map_dark (device->map);
  }
  if (device->leads)
    self->tempo = (struct ech_midi_clock_in){ 0 };
  ech_midi_map_free (device->map);
  g_free (device->moving);
  *device = (struct device){ 0 };
}

static void
open_device (struct ech_midi *self, unsigned index)
{
  const char              *name    = ech_midi_ports_name (self->ports, index);
  struct device           *device  = &self->devices[index];
  bool                     clocked = is_listed (self->clock_out, name);
  bool                     leads   = is_listed (self->clock_in, name);
  struct ech_midi_mapping *mapping = NULL;
  struct ech_midi_map_out  out     = { on_post, on_send, device };

  if (self->wanted[0] == '\0' || is_listed (self->wanted, name))
    mapping = find_mapping (self, name);
  if (mapping == NULL && !clocked && !leads)
    return;
  if (ech_midi_ports_use (self->ports, index, true) < 0) {
    self->api->log (self->host, ECHELON_LOG_WARNING, "Eight MIDI devices are in use: no more fit.");
    return;
  }
  *device = (struct device){ .self = self, .index = index, .is_clocked = clocked, .leads = leads };
  if (mapping == NULL)
    return;
  device->mapping = mapping;
  device->moving  = g_new0 (struct moving, mapping->bindings->len + 1);
  device->map     = ech_midi_map_new (mapping, &out);
}

static void
greet (struct device *device)
{
  if (device->map == NULL)
    return;
  if (device->mapping->init->len > 0)
    on_send (device, device->mapping->init->data, device->mapping->init->len);
  ech_midi_map_forget_lights (device->map);
  device->self->light_ns = 0;
}

static void
on_added (void *data, unsigned index)
{
  struct ech_midi *self = data;

  open_device (self, index);
  self->is_status_stale = true;
}

static void
on_removed (void *data, unsigned index)
{
  struct ech_midi *self = data;

  close_device (&self->devices[index], true);
  self->is_status_stale = true;
}

static void
on_ready (void *data, unsigned index)
{
  struct ech_midi *self = data;

  if (self->devices[index].self)
    greet (&self->devices[index]);
}

static void
on_connected (void *data, bool connected)
{
  struct ech_midi *self = data;

  self->is_connected    = connected;
  self->is_status_stale = true;
}

static void
on_learning (void *data, bool learning)
{
  struct ech_midi *self = data;

  self->is_learning     = learning;
  self->is_status_stale = true;
  for (unsigned i = 0; learning && i < ECH_MIDI_MAX_DEVICES; i++)
    if (self->devices[i].map)
      let_go (&self->devices[i]);
}

/* --- what comes in --------------------------------------------------------------------- */

static void
follow_clock (struct ech_midi *self, uint64_t time_ns)
{
  double            bpm    = ech_midi_clock_in_tick (&self->tempo, time_ns);
  struct ech_action action = { .verb = ECH_VERB_TEMPO };

  if (bpm <= 0 || self->state.link_enabled) /* Link leads where it is on */
    return;
  action.value = round (bpm * 10) / 10;
  if (fabs (action.value - self->tempo_sent) < 0.05 || self->now_ns - self->tempo_ns < TEMPO_NS)
    return;
  if (self->api->post (self->host, &action) == 0) {
    self->tempo_sent = action.value;
    self->tempo_ns   = self->now_ns;
  }
}

static void
take_message (struct device *device, const struct ech_midi_message *message, uint64_t time_ns)
{
  struct ech_midi *self = device->self;

  if (self->is_learning)
    return;
  if (message->type == ECH_MIDI_REALTIME) {
    if (message->number == 0xf8 && device->leads)
      follow_clock (self, time_ns);
    return;
  }
  if (device->map)
    ech_midi_map_take (device->map, message, self->now_ns, &self->state);
}

static void
on_bytes (void          *data,
          unsigned       index,
          const uint8_t *bytes,
          unsigned       n_bytes,
          uint64_t       time_ns,
          bool           lost)
{
  struct ech_midi        *self   = data;
  struct device          *device = &self->devices[index];
  struct ech_midi_message message;

  if (device->self == NULL)
    return;
  if (lost)
    ech_midi_parser_reset (&device->parser);
  for (unsigned i = 0; i < n_bytes; i++)
    if (ech_midi_parser_feed (&device->parser, bytes[i], &message))
      take_message (device, &message, time_ns);
}

static const struct ech_midi_ports_events ports_events = {
  .added     = on_added,
  .removed   = on_removed,
  .ready     = on_ready,
  .bytes     = on_bytes,
  .connected = on_connected,
  .learning  = on_learning,
};

/* --- mappings -------------------------------------------------------------------------- */

static void
on_mapping_error (const char *sentence, void *data)
{
  struct ech_midi *self = data;

  snprintf (self->trouble, sizeof self->trouble, "%s", sentence);
  self->api->log (self->host, ECHELON_LOG_WARNING, sentence);
}

static void
load_mappings (struct ech_midi *self)
{
  const char *const     folders[] = { self->user_folder, self->default_folder, NULL };
  struct ech_midi_words words     = { parse_word, self };

  self->trouble[0] = '\0';
  self->mappings   = ech_midi_mappings_load (folders, &words, on_mapping_error, self);
}

/* Files have changed, while music plays. */
static void
reload_mappings (struct ech_midi *self)
{
  self->reload_ns = 0;
  for (unsigned i = 0; i < ECH_MIDI_MAX_DEVICES; i++)
    close_device (&self->devices[i], false);
  g_ptr_array_unref (self->mappings);
  load_mappings (self);
  for (unsigned i = 0; i < ECH_MIDI_MAX_DEVICES; i++) {
    if (ech_midi_ports_name (self->ports, i) == NULL)
      continue;
    open_device (self, i);
    if (self->devices[i].self)
      greet (&self->devices[i]);
    else
      ech_midi_ports_use (self->ports, i, false);
  }
  self->is_status_stale = true;
}

/* Watches @path for changes, or what there is of the way to it for its coming.  The watch of
 * @path itself, or -1 while it is not there. */
static int
watch_folder (struct ech_midi *self, const char *path)
{
  const uint32_t changes = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
  int            watch   = inotify_add_watch (self->watch_fd, path, changes);

  if (watch < 0) {
    g_autofree char *above = g_path_get_dirname (path);

    while (inotify_add_watch (self->watch_fd, above, IN_CREATE | IN_MOVED_TO) < 0
           && strcmp (above, "/") != 0 && strcmp (above, ".") != 0) {
      char *next = g_path_get_dirname (above);

      g_free (above);
      above = next;
    }
  }
  return watch;
}

static void
watch_folders (struct ech_midi *self)
{
  if (self->watch_fd < 0)
    self->watch_fd = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC);
  if (self->watch_fd < 0)
    return; /* the mappings are read at the next start */
  self->watches[0] = watch_folder (self, self->user_folder);
  self->watches[1] = watch_folder (self, self->default_folder);
}

static void
take_changes (struct ech_midi *self)
{
  _Alignas(struct inotify_event) char events[4096];
  int                                 old[2]  = { self->watches[0], self->watches[1] };
  bool                                changed = false;
  ssize_t                             n;

  while ((n = read (self->watch_fd, events, sizeof events)) > 0) {
    const struct inotify_event *event;

    for (char *p = events; p < events + n; p += sizeof *event + event->len) {
      event = (const struct inotify_event *) p;
      changed |= event->wd == old[0] || event->wd == old[1] || (event->mask & IN_Q_OVERFLOW);
    }
  }
  watch_folders (self); /* a folder may have come, or gone */
  if (changed || self->watches[0] != old[0] || self->watches[1] != old[1])
    self->reload_ns = clock_now_ns() + RELOAD_NS;
}

/* --- what goes out --------------------------------------------------------------------- */

static void
run_lights (struct ech_midi *self)
{
  double beat = beat_now (self);

  for (unsigned i = 0; i < ECH_MIDI_MAX_DEVICES; i++) {
    struct device *device = &self->devices[i];

    if (device->map == NULL || device->mapping->lights->len == 0)
      continue;
    if (device->wants_all)
      ech_midi_map_forget_lights (device->map);
    device->wants_all = false;
    ech_midi_map_light (device->map, &self->state, beat);
  }
  self->light_ns = self->now_ns + LIGHT_NS;
}

static void
send_clock (void *data, uint8_t byte, uint64_t time_ns)
{
  struct ech_midi *self = data;

  for (unsigned i = 0; i < ECH_MIDI_MAX_DEVICES; i++)
    if (self->devices[i].is_clocked)
      ech_midi_ports_send (self->ports, i, &byte, 1, time_ns);
}

static bool
has_clocked (struct ech_midi *self)
{
  for (unsigned i = 0; i < ECH_MIDI_MAX_DEVICES; i++)
    if (self->devices[i].is_clocked)
      return true;
  return false;
}

static void
run_clock (struct ech_midi *self)
{
  if (!has_clocked (self) || !self->state.running || self->state.timeline.bpm <= 0) {
    self->clock = (struct ech_midi_clock_out){ 0 };
    return;
  }
  ech_midi_clock_out_fill (&self->clock, beat_now (self), self->state.timeline.bpm, self->now_ns,
                           self->now_ns + AHEAD_NS, send_clock, self);
  self->clock_ns = self->now_ns + CLOCK_NS;
}

static bool
has_lights (struct ech_midi *self)
{
  for (unsigned i = 0; i < ECH_MIDI_MAX_DEVICES; i++)
    if (self->devices[i].map && self->devices[i].mapping->lights->len > 0)
      return true;
  return false;
}

/* --- the thread ------------------------------------------------------------------------ */

static void
sooner (uint64_t *when_ns, uint64_t other_ns)
{
  if (other_ns < *when_ns)
    *when_ns = other_ns;
}

/* All that has its time; returns when the next thing has. */
static uint64_t
run_due (struct ech_midi *self)
{
  uint64_t next_ns = UINT64_MAX;

  if (self->reload_ns && self->now_ns >= self->reload_ns)
    reload_mappings (self);
  if (self->reload_ns)
    sooner (&next_ns, self->reload_ns);
  post_waiting (self);
  for (unsigned i = 0; i < ECH_MIDI_MAX_DEVICES; i++) {
    struct device *device = &self->devices[i];
    uint64_t       tick_ns;

    if (device->map == NULL)
      continue;
    tick_ns = ech_midi_map_tick (device->map, self->now_ns, &self->state);
    if (tick_ns)
      sooner (&next_ns, tick_ns);
    if (device->n_dirty && self->now_ns >= device->flushed_ns + FLUSH_NS)
      flush_moving (device);
    if (device->n_dirty)
      sooner (&next_ns, MAX (device->flushed_ns + FLUSH_NS, self->now_ns + MS));
  }
  if (self->n_waiting)
    sooner (&next_ns, self->now_ns + FLUSH_NS);
  if (has_lights (self)) {
    if (self->now_ns >= self->light_ns)
      run_lights (self);
    sooner (&next_ns, self->light_ns);
  }
  if (self->now_ns >= self->clock_ns)
    run_clock (self);
  if (has_clocked (self))
    sooner (&next_ns, MAX (self->clock_ns, self->now_ns + MS));
  return next_ns;
}

static int
timeout_ms (struct ech_midi *self, uint64_t next_ns)
{
  int      ports_ms = ech_midi_ports_timeout_ms (self->ports);
  uint64_t now_ns   = clock_now_ns();
  int      due_ms   = -1;

  if (next_ns != UINT64_MAX)
    due_ms = next_ns <= now_ns ? 0 : (int) MIN ((next_ns - now_ns + MS - 1) / MS, 1000);
  return ports_ms < 0 ? due_ms : due_ms < 0 ? ports_ms : MIN (ports_ms, due_ms);
}

/* Lights answer at once when something has been done, not at the next look. */
static void
take_events (struct ech_midi *self)
{
  struct ech_event event;

  for (int i = 0; i < EVENTS_AT_A_TIME && self->api->next_event (self->host, &event) == 0; i++)
    self->light_ns = MIN (self->light_ns, self->now_ns + LIGHT_NS / 4);
}

static void
loop (struct ech_midi *self)
{
  struct pollfd fds[]   = { { .fd = self->stop_fd, .events = POLLIN },
                            { .fd = self->api->event_fd (self->host), .events = POLLIN },
                            { .fd = ech_midi_ports_fd (self->ports), .events = POLLIN },
                            { .fd = self->watch_fd, .events = POLLIN } };
  uint64_t      next_ns = 0;

  for (;;) {
    if (poll (fds, 4, timeout_ms (self, next_ns)) < 0 && errno != EINTR)
      break;
    if (fds[0].revents)
      return;
    take_moment (self);
    if (fds[1].revents)
      take_events (self);
    if (fds[3].revents)
      take_changes (self);
    ech_midi_ports_dispatch (self->ports);
    next_ns = run_due (self);
    if (self->is_status_stale)
      show_status (self);
  }
  self->api->failed (self->host, "Its devices cannot be waited for.");
}

/* What is sent at the end must have left before the ports go. */
static void
say_goodbye (struct ech_midi *self)
{
  const uint8_t stop = 0xfc;
  bool          any  = has_lights (self) || has_clocked (self);

  for (unsigned i = 0; i < ECH_MIDI_MAX_DEVICES; i++) {
    if (self->devices[i].is_clocked)
      ech_midi_ports_send (self->ports, i, &stop, 1, 0);
    close_device (&self->devices[i], false);
  }
  if (any && self->is_connected)
    g_usleep (GOODBYE_US);
}

static void *
run (void *data)
{
  struct ech_midi *self = data;

  self->ports = ech_midi_ports_new (ECH_MIDI_NODE, &ports_events, self);
  sem_post (&self->begun);
  if (self->ports == NULL)
    return NULL;
  show_status (self);
  loop (self);
  say_goodbye (self);
  ech_midi_ports_free (self->ports);
  return NULL;
}

/* --- start and stop -------------------------------------------------------------------- */

static void
destroy (struct ech_midi *self)
{
  if (self->stop_fd >= 0)
    close (self->stop_fd);
  if (self->watch_fd >= 0)
    close (self->watch_fd);
  g_clear_pointer (&self->mappings, g_ptr_array_unref);
  g_free (self->user_folder);
  g_free (self->default_folder);
  g_free (self->wanted);
  g_free (self->clock_out);
  g_free (self->clock_in);
  sem_destroy (&self->begun);
  g_free (self);
}

static struct ech_midi *
make (struct echelon_host *host)
{
  struct ech_midi *self = g_new0 (struct ech_midi, 1);

  self->host           = host;
  self->api            = host->api;
  self->watch_fd       = -1;
  self->stop_fd        = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  self->user_folder    = ech_midi_user_folder();
  self->default_folder = ech_midi_default_folder();
  self->wanted         = g_strdup (self->api->setting_string (host, "devices", ""));
  self->clock_out      = g_strdup (self->api->setting_string (host, "clock-out", ""));
  self->clock_in       = g_strdup (self->api->setting_string (host, "clock-in", ""));
  sem_init (&self->begun, 0, 0);
  return self;
}

/* The thread inherits the mask: signals are the program's own. */
static int
start_thread (struct ech_midi *self)
{
  sigset_t all, old;
  int      code;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &old);
  code = pthread_create (&self->thread, NULL, run, self);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  if (code != 0)
    return -code;
  while (sem_wait (&self->begun) < 0 && errno == EINTR)
    ;
  if (self->ports)
    return 0;
  pthread_join (self->thread, NULL);
  return -ENOMEM;
}

static int
midi_start (struct echelon_host *host, void **out_self, char *out_error)
{
  struct ech_midi *self = make (host);
  int              code = self->stop_fd < 0 ? -EMFILE : 0;

  if (code == 0) {
    load_mappings (self);
    watch_folders (self);
    code = start_thread (self);
  }
  if (code < 0) {
    snprintf (out_error, ECH_TEXT_MAX, "PipeWire's client cannot be made: %s.", g_strerror (-code));
    destroy (self);
    return code;
  }
  *out_self = self;
  return 0;
}

static void
midi_stop (void *data)
{
  struct ech_midi *self = data;
  uint64_t         one  = 1;

  while (write (self->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
  pthread_join (self->thread, NULL);
  destroy (self);
}

static const struct echelon_setting settings[] = {
  { "devices", "Controllers to use (all that a mapping knows, when empty)", "", 's', 0, 0 },
  { "clock-out", "Devices that get MIDI clock (names, or *)", "", 's', 0, 0 },
  { "clock-in", "Device whose MIDI clock sets the tempo", "", 's', 0, 0 },
};

static const struct echelon_driver driver = {
  .abi          = ECHELON_DRIVER_ABI,
  .size         = sizeof (struct echelon_driver),
  .id           = "midi",
  .name         = "MIDI",
  .description  = "Controllers with MIDI, through PipeWire.",
  .source_class = ECH_SOURCE_HAND,
  .settings     = settings,
  .n_settings   = G_N_ELEMENTS (settings),
  .start        = midi_start,
  .stop         = midi_stop,
};

const struct echelon_driver *
echelon_driver_entry (void)
{
  return &driver;
}
