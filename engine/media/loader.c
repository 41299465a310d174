/* The loader's thread polls the workers' sockets, checks what stands in the
 * shared memory and only then publishes it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "engine/media/loader.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/media/protocol.h"
#include "engine/media/track-private.h"
#include "engine/media/worker-process.h"

enum {
  N_IDLE_WORKERS    = 2, /* two decks are often loaded at once */
  PATIENCE_MS       = 10000,
  ANALYSIS_PATIENCE = 6, /* times PATIENCE_MS: its steps are longer */
  NAME_CHARS_MAX    = 60,
};

/* Address space and memory for one track, at most: over three hours at 44.1 kHz. */
#define MAX_TRACK_BYTES (UINT64_C (4) << 30)
#define READY_SECONDS   0.2

struct load {
  /* fixed */
  EchLoadId   id;
  char       *path;
  unsigned    flags;
  EchLoadFunc callback;
  gpointer    user_data;

  /* by the loader's lock */
  bool cancelled;

  /* the loader's thread alone */
  bool                      running;
  bool                      ended;
  bool                      told_ready;
  bool                      told_decoded;
  struct ech_worker_process worker;
  EchTrack                 *track;
  uint64_t                  claimed_frames;
  bool                      length_known;
  uint64_t                  capacity_frames;
  gint64                    deadline_us;
};

struct _EchLoader {
  GThread *thread;
  int      wake_fd;
  uint64_t max_frames;

  /* by lock */
  GMutex     lock;
  GCond      call_ended;
  GPtrArray *loads; /* owned; the thread alone removes */
  EchLoadId  last_id;
  EchLoadId  calling_id;
  gint64     patience_us;
  bool       quit;

  /* the loader's thread alone */
  struct ech_worker_process idle[N_IDLE_WORKERS];
  GArray                   *dying; /* pid_t, killed, to be reaped */
  gint64                    no_idle_before_us;
};

G_DEFINE_QUARK (ech-loader-error-quark, ech_loader_error)

static void
load_free (gpointer data)
{
  struct load *load = data;

  g_clear_pointer (&load->track, ech_track_unref);
  g_free (load->path);
  g_free (load);
}

static void
bury (EchLoader *loader, struct ech_worker_process *worker)
{
  pid_t pid = ech_worker_process_end (worker);

  if (pid > 0)
    g_array_append_val (loader->dying, pid);
}

/* A process with half a gigabyte takes its time to end: never wait for it here. */
static void
reap (EchLoader *loader)
{
  for (guint i = loader->dying->len; i > 0; i--)
    if (waitpid (g_array_index (loader->dying, pid_t, i - 1), NULL, WNOHANG) != 0)
      g_array_remove_index_fast (loader->dying, i - 1);
}

static void
call (EchLoader *loader, struct load *load, enum ech_load_stage stage, const GError *error)
{
  bool wanted;

  g_mutex_lock (&loader->lock);
  wanted = !load->cancelled && !loader->quit;
  if (wanted)
    loader->calling_id = load->id;
  g_mutex_unlock (&loader->lock);
  if (!wanted)
    return;
  load->callback (load->id, stage, load->track, error, load->user_data);
  g_mutex_lock (&loader->lock);
  loader->calling_id = 0;
  g_cond_broadcast (&loader->call_ended);
  g_mutex_unlock (&loader->lock);
}

static void
end (EchLoader *loader, struct load *load)
{
  if (load->track && !ech_track_is_complete (load->track))
    ech_track_complete (load->track);
  bury (loader, &load->worker);
  load->ended = true;
}

static void
fail (EchLoader *loader, struct load *load, const GError *error)
{
  /* before the call, so that it sees the shortened length */
  end (loader, load);
  if (load->told_decoded)
    ech_track_set_analysis (load->track, &(struct ech_analysis){
                                           .done = true,
                                           .key = ECH_KEY_UNKNOWN,
                                           .lufs = NAN,
                                           .true_peak_dbtp = NAN,
                                           .grid.beats_per_bar = 4,
                                         });
  call (loader, load, load->told_decoded ? ECH_LOAD_ANALYSED : ECH_LOAD_FAILED, error);
}

static char *
shown_name (const struct load *load)
{
  g_autofree char *name  = g_path_get_basename (load->path);
  g_autofree char *shown = g_filename_display_name (name);
  char            *cut;

  if (g_utf8_strlen (shown, -1) <= NAME_CHARS_MAX)
    return g_steal_pointer (&shown);
  *g_utf8_offset_to_pointer (shown, NAME_CHARS_MAX) = '\0';
  cut = g_strconcat (shown, "…", NULL);
  return cut;
}

static const struct {
  enum ech_loader_error code;
  const char           *sentence;
} failures[] = {
  [ECH_FAILURE_NOT_FOUND]   = { ECH_LOADER_ERROR_NOT_FOUND, N_ ("%s does not exist") },
  [ECH_FAILURE_FOLDER]      = { ECH_LOADER_ERROR_NOT_A_FILE, N_ ("%s is a folder, not a track") },
  [ECH_FAILURE_NOT_REGULAR] = { ECH_LOADER_ERROR_NOT_A_FILE, N_ ("%s is not a regular file") },
  [ECH_FAILURE_PERMISSION]  = { ECH_LOADER_ERROR_PERMISSION,
                                N_ ("%s may not be read: permission denied") },
  [ECH_FAILURE_EMPTY]       = { ECH_LOADER_ERROR_EMPTY, N_ ("%s is empty") },
  [ECH_FAILURE_FORMAT]      = { ECH_LOADER_ERROR_FORMAT,
                                N_ ("%s is not an audio file that Echelon can read "
                                    "(WAV, FLAC, OGG, Opus, MP3)") },
  [ECH_FAILURE_RATE]        = { ECH_LOADER_ERROR_FORMAT,
                                N_ ("%s has a sample rate outside 8 to 192 kHz") },
  [ECH_FAILURE_NO_AUDIO]    = { ECH_LOADER_ERROR_FORMAT, N_ ("%s has no sound in it") },
  [ECH_FAILURE_TOO_LONG]    = { ECH_LOADER_ERROR_TOO_LONG, N_ ("%s is too long to load") },
  [ECH_FAILURE_READ]        = { ECH_LOADER_ERROR_READ, N_ ("%s could not be read") },
  [ECH_FAILURE_MEMORY]      = { ECH_LOADER_ERROR_TOO_LONG,
                                N_ ("There is not enough memory to load %s") },
};

static void
fail_as (EchLoader *loader, struct load *load, uint32_t failure)
{
  g_autofree char   *name  = shown_name (load);
  g_autoptr (GError) error = NULL;
  g_autofree char   *text  = NULL;

  if (failure == ECH_FAILURE_NONE || failure >= G_N_ELEMENTS (failures))
    failure = ECH_FAILURE_FORMAT;
  text  = g_strdup_printf (_ (failures[failure].sentence), name);
  error = g_error_new_literal (ECH_LOADER_ERROR, failures[failure].code, text);
  fail (loader, load, error);
}

static void
fail_by_worker (EchLoader *loader, struct load *load, const char *sentence)
{
  g_autofree char   *name  = shown_name (load);
  g_autofree char   *text  = g_strdup_printf (sentence, name);
  g_autoptr (GError) error = g_error_new_literal (ECH_LOADER_ERROR, ECH_LOADER_ERROR_WORKER, text);

  fail (loader, load, error);
}

static void
fail_by_death (EchLoader *loader, struct load *load)
{
  if (load->told_decoded)
    fail_by_worker (loader, load, _ ("The analysis of %s crashed; it can be played"));
  else if (load->told_ready)
    fail_by_worker (loader, load,
                    _ ("The decoder crashed on %s: only its beginning can be played"));
  else
    fail_by_worker (loader, load, _ ("The decoder crashed on %s"));
}

static void
fail_by_lie (EchLoader *loader, struct load *load)
{
  fail_by_worker (loader, load, _ ("The decoder gave false figures on %s and was stopped"));
}

static void
fail_by_hang (EchLoader *loader, struct load *load)
{
  if (load->told_decoded)
    fail_by_worker (loader, load, _ ("The analysis of %s hung and was stopped; it can be played"));
  else
    fail_by_worker (loader, load, _ ("The decoder hung on %s and was stopped"));
}

static void
renew_deadline (EchLoader *loader, struct load *load)
{
  gint64 patience_us;

  g_mutex_lock (&loader->lock);
  patience_us = loader->patience_us;
  g_mutex_unlock (&loader->lock);
  if (load->told_decoded)
    patience_us *= ANALYSIS_PATIENCE;
  load->deadline_us = g_get_monotonic_time () + patience_us;
}

/* One read of a number that the worker may change under our eyes. */
#define READ_ONCE(field) (*(const volatile typeof (field) *) &(field))

static void
copy_tag (char *out_tag, const char *untrusted)
{
  memcpy (out_tag, untrusted, ECH_TAG_MAX);
  out_tag[ECH_TAG_MAX - 1] = '\0';
}

/* Maps the samples, once the worker has said how many there can be.
 * Returns: false where its figures cannot be. */
static bool
open_track (EchLoader *loader, struct load *load)
{
  struct ech_shared *shared   = load->worker.shared;
  uint64_t           capacity = READ_ONCE (shared->capacity_frames);
  uint64_t           length   = atomic_load (&shared->length_frames);
  uint32_t           rate     = READ_ONCE (shared->rate);
  uint32_t           channels = READ_ONCE (shared->file_channels);
  char               title[ECH_TAG_MAX], artist[ECH_TAG_MAX];
  size_t             n_bytes;
  struct stat        info;
  char              *memory;

  if (capacity == 0 || capacity > loader->max_frames || length > capacity
      || rate < ECH_MIN_TRACK_RATE || rate > ECH_MAX_TRACK_RATE || channels == 0 || channels > 1024)
    return false;
  n_bytes = ech_shared_bytes (capacity);
  /* sealed against shrinking: what is there now stays there */
  if (fstat (load->worker.memory_fd, &info) < 0 || (uint64_t) info.st_size < n_bytes)
    return false;
  memory = mmap (NULL, n_bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, load->worker.memory_fd, 0);
  if (memory == MAP_FAILED)
    return false;
  copy_tag (title, shared->title);
  copy_tag (artist, shared->artist);
  load->capacity_frames = capacity;
  load->claimed_frames  = length;
  load->length_known    = READ_ONCE (shared->length_known) != 0;
  load->track = ech_track_new (load->path, memory, n_bytes,
                               (const struct ech_peak_bin *) (memory + ECH_SHARED_HEADER_BYTES),
                               (const float *) (memory + ech_shared_audio_offset (capacity)),
                               length, rate, channels, title, artist);
  return true;
}

/* Takes over how far decoding is.  Returns: false where the counts cannot be. */
static bool
take_progress (struct load *load)
{
  struct ech_shared *shared  = load->worker.shared;
  uint64_t           decoded = atomic_load_explicit (&shared->decoded_frames, memory_order_acquire);
  uint64_t           n_peaks = atomic_load_explicit (&shared->n_peaks, memory_order_acquire);
  size_t             n_peaks_before;

  ech_track_peaks (load->track, &n_peaks_before);
  if (decoded > load->claimed_frames || decoded < ech_track_decoded_frames (load->track)
      || n_peaks > ech_shared_max_peaks (load->capacity_frames) || n_peaks < n_peaks_before)
    return false;
  ech_track_publish (load->track, decoded, n_peaks);
  return true;
}

static double
checked (double value, double lowest, double highest, double otherwise)
{
  return value >= lowest && value <= highest ? value : otherwise;
}

/* The two flags are not read: an untrusted byte is no bool. */
static void
check_grid (struct ech_analysis *out, const struct ech_grid *grid, double rate, double length)
{
  double bpm = ech_grid_bpm (grid, rate);

  if (!(bpm >= ECH_MIN_BPM && bpm <= ECH_MAX_BPM && fabs (grid->first_beat_frames) <= length)
      || grid->beats_per_bar < 1 || grid->beats_per_bar > 16
      || grid->downbeat >= grid->beats_per_bar)
    return;
  out->has_grid        = true;
  out->grid            = *grid;
  out->bpm             = bpm;
  out->confidence      = checked (grid->confidence, 0.0, 1.0, 0.0);
  out->grid.confidence = out->confidence;
}

static void
take_analysis (struct load *load)
{
  const struct ech_analysis *theirs = &load->worker.shared->analysis;
  struct ech_analysis        ours   = { .done = true, .grid.beats_per_bar = 4 };
  struct ech_grid            grid;
  int                        key = READ_ONCE (theirs->key);
  double                     lufs = READ_ONCE (theirs->lufs);
  double                     peak = READ_ONCE (theirs->true_peak_dbtp);

  memcpy (&grid, &theirs->grid, sizeof grid);
  check_grid (&ours, &grid, ech_track_rate (load->track),
              (double) ech_track_length_frames (load->track));
  ours.key            = key >= 0 && key < 24 ? key : ECH_KEY_UNKNOWN;
  ours.lufs           = checked (lufs, -INFINITY, 60.0, NAN);
  ours.true_peak_dbtp = checked (peak, -INFINITY, 100.0, NAN);
  ech_track_set_analysis (load->track, &ours);
}

static void
tell_ready (EchLoader *loader, struct load *load)
{
  load->told_ready = true;
  call (loader, load, ECH_LOAD_READY, NULL);
}

/* A file that ends early is played as far as it goes, and the performer told. */
static GError *
short_file_error (struct load *load)
{
  uint64_t         decoded = ech_track_length_frames (load->track);
  g_autofree char *name    = NULL;

  if (decoded + ech_track_rate (load->track) / 2 >= load->claimed_frames
      || !load->length_known)
    return NULL;
  name = shown_name (load);
  return g_error_new (ECH_LOADER_ERROR, ECH_LOADER_ERROR_FORMAT,
                      _ ("%s is damaged: it ends after %d of %d seconds"), name,
                      (int) (decoded / ech_track_rate (load->track)),
                      (int) (load->claimed_frames / ech_track_rate (load->track)));
}

static void
tell_decoded (EchLoader *loader, struct load *load)
{
  g_autoptr (GError) error = NULL;

  ech_track_complete (load->track);
  error              = short_file_error (load);
  load->told_decoded = true;
  call (loader, load, ECH_LOAD_DECODED, error);
}

static bool
is_ready (struct load *load, uint32_t stage)
{
  uint64_t decoded = ech_track_decoded_frames (load->track);

  return decoded > 0
         && (stage >= ECH_WORKER_DECODED
             || decoded >= READY_SECONDS * ech_track_rate (load->track));
}

/* Takes over whatever is new in the shared memory. */
static void
take_stock (EchLoader *loader, struct load *load)
{
  struct ech_shared *shared = load->worker.shared;
  uint32_t           stage  = atomic_load_explicit (&shared->stage, memory_order_acquire);

  if (stage < ECH_WORKER_OPENED)
    return;
  if (stage == ECH_WORKER_FAILED) {
    if (load->track && !load->told_decoded)
      take_progress (load);
    fail_as (loader, load, READ_ONCE (shared->failure));
    return;
  }
  if (stage > ECH_WORKER_FAILED || (!load->track && !open_track (loader, load))) {
    fail_by_lie (loader, load);
    return;
  }
  if (!load->told_decoded && !take_progress (load)) {
    fail_by_lie (loader, load);
    return;
  }
  if (!load->told_ready && is_ready (load, stage))
    tell_ready (loader, load);
  if (stage >= ECH_WORKER_DECODED && !load->told_ready) {
    fail_as (loader, load, ECH_FAILURE_NO_AUDIO);
    return;
  }
  if (stage >= ECH_WORKER_DECODED && !load->told_decoded)
    tell_decoded (loader, load);
  if (load->told_decoded && (load->flags & ECH_LOAD_NO_ANALYSIS)) {
    end (loader, load);
  } else if (stage == ECH_WORKER_ANALYSED) {
    take_analysis (load);
    end (loader, load);
    call (loader, load, ECH_LOAD_ANALYSED, NULL);
  }
}

static void
attend (EchLoader *loader, struct load *load, bool heard)
{
  bool alive = true;

  if (heard) {
    /* drain first: what it wrote before it died or spoke counts */
    alive = ech_worker_process_drain (&load->worker);
    take_stock (loader, load);
    renew_deadline (loader, load);
  }
  if (load->ended)
    return;
  if (!alive)
    fail_by_death (loader, load);
  else if (g_get_monotonic_time () >= load->deadline_us)
    fail_by_hang (loader, load);
}

static bool
fill_request (EchLoader *loader, struct load *load, struct ech_request *out_request)
{
  memset (out_request, 0, sizeof *out_request);
  out_request->version    = ECH_PROTOCOL_VERSION;
  out_request->flags      = load->flags;
  out_request->max_frames = loader->max_frames;
  return g_strlcpy (out_request->path, load->path, sizeof out_request->path)
         < sizeof out_request->path;
}

/* An idle worker that is alive takes the request; dead ones are buried. */
static bool
ask_an_idle_one (EchLoader *loader, struct load *load, const struct ech_request *request)
{
  for (guint i = 0; i < N_IDLE_WORKERS; i++) {
    struct ech_worker_process *idle = &loader->idle[i];

    if (idle->pid == 0)
      continue;
    if (ech_worker_process_drain (idle) && ech_worker_process_ask (idle, request)) {
      load->worker = *idle;
      *idle        = ECH_WORKER_PROCESS_NONE;
      return true;
    }
    bury (loader, idle);
  }
  return false;
}

static void
start (EchLoader *loader, struct load *load)
{
  g_autoptr (GError) error = NULL;
  struct ech_request request;

  load->running = true;
  if (!fill_request (loader, load, &request)) {
    fail_as (loader, load, ECH_FAILURE_NOT_FOUND);
    return;
  }
  if (!ask_an_idle_one (loader, load, &request)) {
    if (!ech_worker_process_start (&load->worker, &error)) {
      fail (loader, load, error);
      return;
    }
    if (!ech_worker_process_ask (&load->worker, &request)) {
      fail_by_death (loader, load);
      return;
    }
  }
  renew_deadline (loader, load);
}

/* Keeps workers in reserve, but starts none while somebody waits for sound. */
static void
restock_idle (EchLoader *loader, GPtrArray *loads)
{
  gint64 now_us = g_get_monotonic_time ();

  for (guint i = 0; i < loads->len; i++) {
    struct load *load = g_ptr_array_index (loads, i);

    if (!load->ended && !load->told_ready && !(load->flags & ECH_LOAD_BACKGROUND))
      return;
  }
  for (guint i = 0; i < N_IDLE_WORKERS; i++)
    if (loader->idle[i].pid == 0 && now_us >= loader->no_idle_before_us
        && !ech_worker_process_start (&loader->idle[i], NULL))
      loader->no_idle_before_us = now_us + G_USEC_PER_SEC;
}

static void
start_those_due (EchLoader *loader, GPtrArray *loads)
{
  guint n_background = 0;

  for (guint i = 0; i < loads->len; i++) {
    struct load *load = g_ptr_array_index (loads, i);

    n_background += load->running && !load->ended && (load->flags & ECH_LOAD_BACKGROUND);
  }
  for (guint i = 0; i < loads->len; i++) {
    struct load *load       = g_ptr_array_index (loads, i);
    bool         background = load->flags & ECH_LOAD_BACKGROUND;

    if (load->running || (background && n_background >= MAX (1, g_get_num_processors () / 2)))
      continue;
    n_background += background;
    start (loader, load);
  }
}

/* The loads of now, less those that have ended; only this thread frees one. */
static GPtrArray *
take_loads (EchLoader *loader, bool *out_quit)
{
  GPtrArray *loads = g_ptr_array_new ();

  g_mutex_lock (&loader->lock);
  *out_quit = loader->quit;
  for (guint i = loader->loads->len; i > 0; i--) {
    struct load *load = g_ptr_array_index (loader->loads, i - 1);

    if (load->cancelled && !load->ended)
      end (loader, load);
    if (load->ended)
      g_ptr_array_remove_index (loader->loads, i - 1);
  }
  for (guint i = 0; i < loader->loads->len; i++)
    g_ptr_array_add (loads, g_ptr_array_index (loader->loads, i));
  g_mutex_unlock (&loader->lock);
  return loads;
}

static int
wait_ms (EchLoader *loader, GPtrArray *loads)
{
  gint64 now_us = g_get_monotonic_time ();
  gint64 due_us = G_MAXINT64;

  for (guint i = 0; i < loads->len; i++) {
    struct load *load = g_ptr_array_index (loads, i);

    if (load->running && !load->ended)
      due_us = MIN (due_us, load->deadline_us);
    if (load->ended)
      due_us = now_us;
  }
  if (loader->dying->len > 0)
    due_us = MIN (due_us, now_us + 10000);
  if (loader->no_idle_before_us > now_us)
    due_us = MIN (due_us, loader->no_idle_before_us);
  if (due_us == G_MAXINT64)
    return -1;
  return (int) CLAMP ((due_us - now_us + 999) / 1000, 0, 60000);
}

static void
wait_and_attend (EchLoader *loader, GPtrArray *loads)
{
  g_autofree struct pollfd *fds = g_new0 (struct pollfd, 1 + N_IDLE_WORKERS + loads->len);
  guint                     n   = 0;
  guint64                   count;

  fds[n++] = (struct pollfd){ .fd = loader->wake_fd, .events = POLLIN };
  for (guint i = 0; i < N_IDLE_WORKERS; i++)
    fds[n++] = (struct pollfd){ .fd = loader->idle[i].socket_fd, .events = POLLIN };
  for (guint i = 0; i < loads->len; i++) {
    struct load *load = g_ptr_array_index (loads, i);

    /* a negative fd is skipped */
    fds[n++] = (struct pollfd){ .fd = load->worker.socket_fd, .events = POLLIN };
  }
  if (poll (fds, n, wait_ms (loader, loads)) < 0)
    return;
  if (fds[0].revents && read (loader->wake_fd, &count, sizeof count) < 0)
    g_assert (errno == EAGAIN || errno == EINTR);
  for (guint i = 0; i < N_IDLE_WORKERS; i++)
    if (fds[1 + i].revents && !ech_worker_process_drain (&loader->idle[i])) {
      bury (loader, &loader->idle[i]);
      /* one that dies at once must not be restarted without end */
      loader->no_idle_before_us = g_get_monotonic_time () + G_USEC_PER_SEC;
    }
  for (guint i = 0; i < loads->len; i++) {
    struct load *load = g_ptr_array_index (loads, i);

    if (load->running && !load->ended)
      attend (loader, load, fds[1 + N_IDLE_WORKERS + i].revents != 0);
  }
}

static void
shut_down (EchLoader *loader)
{
  for (guint i = 0; i < loader->loads->len; i++) {
    struct load *load = g_ptr_array_index (loader->loads, i);

    if (!load->ended)
      end (loader, load);
  }
  for (guint i = 0; i < N_IDLE_WORKERS; i++)
    bury (loader, &loader->idle[i]);
  for (guint i = 0; i < loader->dying->len; i++)
    waitpid (g_array_index (loader->dying, pid_t, i), NULL, 0);
}

static gpointer
loader_thread (gpointer data)
{
  EchLoader *loader = data;
  bool       quit   = false;

  while (!quit) {
    g_autoptr (GPtrArray) loads = take_loads (loader, &quit);

    if (quit)
      break;
    start_those_due (loader, loads);
    restock_idle (loader, loads);
    wait_and_attend (loader, loads);
    reap (loader);
  }
  shut_down (loader);
  return NULL;
}

static void
wake (EchLoader *loader)
{
  const guint64 one = 1;

  if (write (loader->wake_fd, &one, sizeof one) < 0)
    g_assert (errno == EAGAIN);
}

/* A track may use the half of the machine's memory. */
static uint64_t
find_max_frames (void)
{
  uint64_t memory = (uint64_t) sysconf (_SC_PHYS_PAGES) * (uint64_t) sysconf (_SC_PAGESIZE);

  return MIN (MAX_TRACK_BYTES, memory / 2) / (2 * sizeof (float));
}

EchLoader *
ech_loader_new (void)
{
  EchLoader *loader = g_new0 (EchLoader, 1);

  g_mutex_init (&loader->lock);
  g_cond_init (&loader->call_ended);
  loader->loads       = g_ptr_array_new_with_free_func (load_free);
  loader->dying       = g_array_new (FALSE, FALSE, sizeof (pid_t));
  loader->patience_us = PATIENCE_MS * 1000;
  loader->max_frames  = find_max_frames ();
  loader->wake_fd     = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_assert (loader->wake_fd >= 0);
  for (guint i = 0; i < N_IDLE_WORKERS; i++)
    loader->idle[i] = ECH_WORKER_PROCESS_NONE;
  loader->thread = g_thread_new ("loader", loader_thread, loader);
  return loader;
}

void
ech_loader_free (EchLoader *loader)
{
  if (!loader)
    return;
  g_mutex_lock (&loader->lock);
  loader->quit = true;
  g_mutex_unlock (&loader->lock);
  wake (loader);
  g_thread_join (loader->thread);
  close (loader->wake_fd);
  g_ptr_array_unref (loader->loads);
  g_array_unref (loader->dying);
  g_cond_clear (&loader->call_ended);
  g_mutex_clear (&loader->lock);
  g_free (loader);
}

void
ech_loader_set_patience_ms (EchLoader *loader, unsigned patience_ms)
{
  g_mutex_lock (&loader->lock);
  loader->patience_us = patience_ms * (gint64) 1000;
  g_mutex_unlock (&loader->lock);
}

EchLoadId
ech_loader_load (EchLoader  *loader,
                 const char *path,
                 unsigned    flags,
                 EchLoadFunc callback,
                 gpointer    user_data)
{
  struct load *load = g_new0 (struct load, 1);
  EchLoadId    id;

  load->path      = g_canonicalize_filename (path, NULL);
  load->flags     = flags;
  load->callback  = callback;
  load->user_data = user_data;
  load->worker    = ECH_WORKER_PROCESS_NONE;
  g_mutex_lock (&loader->lock);
  id = load->id = ++loader->last_id;
  g_ptr_array_add (loader->loads, load);
  g_mutex_unlock (&loader->lock);
  wake (loader);
  return id;
}

static struct load *
find_load (EchLoader *loader, EchLoadId id)
{
  for (guint i = 0; i < loader->loads->len; i++) {
    struct load *load = g_ptr_array_index (loader->loads, i);

    if (load->id == id)
      return load;
  }
  return NULL;
}

void
ech_loader_cancel (EchLoader *loader, EchLoadId id)
{
  struct load *load;

  g_mutex_lock (&loader->lock);
  load = find_load (loader, id);
  if (load)
    load->cancelled = true;
  if (g_thread_self () != loader->thread)
    while (loader->calling_id == id)
      g_cond_wait (&loader->call_ended, &loader->lock);
  g_mutex_unlock (&loader->lock);
  if (load)
    wake (loader);
}

struct sync_load {
  GMutex    lock;
  GCond     changed;
  bool      ended;
  bool      wait_for_analysis;
  EchTrack *track;
  GError   *error;
};

static void
on_sync_stage (EchLoadId           id,
               enum ech_load_stage stage,
               EchTrack           *track,
               const GError       *error,
               gpointer            user_data)
{
  struct sync_load *sync = user_data;

  if (stage == ECH_LOAD_READY || (stage == ECH_LOAD_DECODED && sync->wait_for_analysis))
    return;
  g_mutex_lock (&sync->lock);
  sync->ended = true;
  if (stage == ECH_LOAD_FAILED)
    sync->error = g_error_copy (error);
  else
    sync->track = ech_track_ref (track);
  g_cond_signal (&sync->changed);
  g_mutex_unlock (&sync->lock);
}

EchTrack *
ech_loader_load_sync (EchLoader  *loader,
                      const char *path,
                      gboolean    wait_for_analysis,
                      GError    **error)
{
  struct sync_load sync = { .wait_for_analysis = wait_for_analysis };

  g_mutex_init (&sync.lock);
  g_cond_init (&sync.changed);
  EchLoadId id = ech_loader_load (loader, path,
                                  wait_for_analysis ? ECH_LOAD_NORMAL : ECH_LOAD_NO_ANALYSIS,
                                  on_sync_stage, &sync);
  g_mutex_lock (&sync.lock);
  while (!sync.ended)
    g_cond_wait (&sync.changed, &sync.lock);
  g_mutex_unlock (&sync.lock);
  /* the last call may still be on its way out */
  ech_loader_cancel (loader, id);
  g_mutex_clear (&sync.lock);
  g_cond_clear (&sync.changed);
  if (sync.error)
    g_propagate_error (error, sync.error);
  return sync.track;
}
