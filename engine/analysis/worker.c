/* echelon-worker: decodes one file into shared memory, then analyses it.
 *
 * Started by the loader with a socket and the memory (engine/media/protocol.h).
 * Nothing that happens here can hurt the set: at worst this process dies.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/analysis/music.h"
#include "engine/analysis/peaks.h"
#include "engine/analysis/sandbox.h"
#include "engine/media/decoder.h"
#include "engine/media/loader.h"
#include "engine/media/protocol.h"

struct worker {
  struct ech_request   request;
  struct ech_decoder   decoder;
  struct ech_shared   *shared;
  struct ech_peak_bin *bins;
  float               *frames;
  uint64_t             capacity_frames;
  uint64_t             n_decoded;
  uint64_t             n_peaks;
};

/* A byte that does not fit is one among many unread: the loader is awake then. */
static void
notify (void)
{
  if (send (ECH_WORKER_SOCKET_FD, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE)
    _exit (0); /* nobody is interested any more */
}

static void
reach (struct worker *worker, enum ech_worker_stage stage)
{
  /* pairs with the loader's acquire: everything the stage promises is written */
  atomic_store_explicit (&worker->shared->stage, stage, memory_order_release);
  notify ();
}

static int
fail (struct worker *worker, enum ech_failure failure)
{
  worker->shared->failure = failure;
  reach (worker, ECH_WORKER_FAILED);
  return EXIT_FAILURE;
}

static bool
map_header (struct worker *worker)
{
  void *memory = mmap (NULL, ECH_SHARED_HEADER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                       ECH_WORKER_MEMORY_FD, 0);

  worker->shared = memory;
  return memory != MAP_FAILED;
}

static bool
receive_request (struct worker *worker)
{
  ssize_t n;

  do
    n = recv (ECH_WORKER_SOCKET_FD, &worker->request, sizeof worker->request, 0);
  while (n < 0 && errno == EINTR);
  return n == (ssize_t) sizeof worker->request && worker->request.version == ECH_PROTOCOL_VERSION
         && memchr (worker->request.path, '\0', sizeof worker->request.path);
}

/* A length that a header claims costs address space, not memory: pages come
 * with the frames. */
static bool
make_room (struct worker *worker)
{
  uint64_t length = worker->decoder.length_frames;
  uint64_t max    = worker->request.max_frames;
  uint64_t n_bytes;
  char    *memory;

  worker->capacity_frames = length > 0 && length <= max ? length : max;
  n_bytes                 = ech_shared_bytes (worker->capacity_frames);
  if (ftruncate (ECH_WORKER_MEMORY_FD, (off_t) n_bytes) < 0)
    return false;
  memory = mmap (NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                 ECH_WORKER_MEMORY_FD, 0);
  if (memory == MAP_FAILED)
    return false;
  worker->bins   = (struct ech_peak_bin *) (memory + ECH_SHARED_HEADER_BYTES);
  worker->frames = (float *) (memory + ech_shared_audio_offset (worker->capacity_frames));
  return true;
}

static void
announce (struct worker *worker)
{
  struct ech_shared *shared = worker->shared;

  shared->rate            = worker->decoder.rate;
  shared->file_channels   = worker->decoder.channels;
  shared->capacity_frames = worker->capacity_frames;
  atomic_store (&shared->length_frames, worker->capacity_frames);
  shared->length_known    = worker->decoder.length_known
                         && worker->capacity_frames == worker->decoder.length_frames;
  memcpy (shared->title, worker->decoder.title, ECH_TAG_MAX);
  memcpy (shared->artist, worker->decoder.artist, ECH_TAG_MAX);
  /* no notice yet: the first frames follow at once */
  atomic_store_explicit (&shared->stage, ECH_WORKER_OPENED, memory_order_release);
}

static void
publish (struct worker *worker)
{
  /* pairs with the loader's acquire */
  atomic_store_explicit (&worker->shared->n_peaks, worker->n_peaks, memory_order_release);
  atomic_store_explicit (&worker->shared->decoded_frames, worker->n_decoded, memory_order_release);
  notify ();
}

/* Returns: false where there is more than fits. */
static bool
decode (struct worker *worker)
{
  struct ech_peaks peaks;
  uint64_t         told = 0;
  uint64_t         step = worker->decoder.rate / 5; /* the loader calls that ready */
  float            excess[2];

  ech_peaks_init (&peaks, worker->decoder.rate);
  while (worker->n_decoded < worker->capacity_frames) {
    uint64_t room  = worker->capacity_frames - worker->n_decoded;
    uint32_t want  = room < ECH_DECODER_CHUNK ? (uint32_t) room : ECH_DECODER_CHUNK;
    float   *chunk = worker->frames + 2 * worker->n_decoded;
    uint32_t n     = ech_decoder_read (&worker->decoder, chunk, want);

    if (n == 0)
      break;
    worker->n_peaks += ech_peaks_add (&peaks, chunk, n, worker->bins + worker->n_peaks);
    worker->n_decoded += n;
    if (worker->n_decoded - told >= step) {
      publish (worker);
      told = worker->n_decoded;
      step = 65536;
    }
  }
  worker->n_peaks += ech_peaks_flush (&peaks, worker->bins + worker->n_peaks);
  publish (worker);
  return worker->n_decoded < worker->request.max_frames
         || ech_decoder_read (&worker->decoder, excess, 1) == 0;
}

static void
on_progress (void *data)
{
  (void) data;
  notify ();
}

static void
analyse (struct worker *worker)
{
  setpriority (PRIO_PROCESS, 0, 10);
  ech_music_analyse (worker->frames, worker->n_decoded, worker->decoder.rate, on_progress, NULL,
                     &worker->shared->analysis);
}

static int
serve (struct worker *worker)
{
  enum ech_failure failure;
  int              fd;

  if (worker->request.flags & ECH_LOAD_BACKGROUND)
    setpriority (PRIO_PROCESS, 0, 15);
  fd = ech_decoder_open_file (worker->request.path, &failure);
  if (fd < 0)
    return fail (worker, failure);
  ech_sandbox_close ();
  failure = ech_decoder_init (&worker->decoder, fd);
  if (failure != ECH_FAILURE_NONE)
    return fail (worker, failure);
  if (!make_room (worker))
    return fail (worker, ECH_FAILURE_MEMORY);
  announce (worker);
  if (!decode (worker))
    return fail (worker, ECH_FAILURE_TOO_LONG);
  atomic_store (&worker->shared->length_frames, worker->n_decoded);
  reach (worker, ECH_WORKER_DECODED);
  if (worker->n_decoded == 0 || (worker->request.flags & ECH_LOAD_NO_ANALYSIS))
    return EXIT_SUCCESS;
  analyse (worker);
  reach (worker, ECH_WORKER_ANALYSED);
  return EXIT_SUCCESS;
}

int
main (void)
{
  static struct worker worker;

  ech_sandbox_limit ();
  if (!map_header (&worker) || !receive_request (&worker))
    return EXIT_FAILURE;
  /* exit handlers of the libraries are of no use, and time */
  _exit (serve (&worker));
}
