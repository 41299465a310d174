/* What the loader and a worker process share.
 *
 *   worker's fd 3   a SOCK_SEQPACKET socket: one struct ech_request in, then
 *                   single bytes out, each meaning "look at the memory"
 *   worker's fd 4   the memory, a memfd:
 *
 *     0 ............ struct ech_shared
 *     HEADER_BYTES . struct ech_peak_bin [capacity_frames / 256 + 1]
 *     page ......... float [capacity_frames][2]
 *
 * The loader makes the memory HEADER_BYTES long and seals it against
 * shrinking, so that no access of ours can meet SIGBUS; the worker makes it
 * longer when it knows the file.  The loader trusts no number in it: it reads
 * each once and checks it.
 *
 * Plain C, both processes include it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MEDIA_PROTOCOL_H
#define ECH_MEDIA_PROTOCOL_H

#include <stdatomic.h>

#include "engine/media/track.h"
#include "engine/types.h"

enum {
  ECH_PROTOCOL_VERSION = 1,
  ECH_WORKER_SOCKET_FD = 3,
  ECH_WORKER_MEMORY_FD = 4,
  ECH_SHARED_HEADER_BYTES = 4096,
  ECH_SHARED_ALIGN = 65536, /* a multiple of every page size in use */
  ECH_TAG_MAX = 256,
  ECH_PATH_BYTES_MAX = 4096,
  ECH_MIN_TRACK_RATE = 8000,
  ECH_MAX_TRACK_RATE = 192000,
};

/* How far a worker is; only grows. */
enum ech_worker_stage {
  ECH_WORKER_IDLE,
  ECH_WORKER_OPENED,   /* rate, channels, tags, length, capacity are valid */
  ECH_WORKER_DECODED,  /* length_frames is final */
  ECH_WORKER_ANALYSED, /* analysis is valid */
  ECH_WORKER_FAILED,   /* failure is valid */
};

enum ech_failure {
  ECH_FAILURE_NONE,
  ECH_FAILURE_NOT_FOUND,
  ECH_FAILURE_FOLDER,
  ECH_FAILURE_NOT_REGULAR,
  ECH_FAILURE_PERMISSION,
  ECH_FAILURE_EMPTY,
  ECH_FAILURE_FORMAT,
  ECH_FAILURE_RATE,
  ECH_FAILURE_NO_AUDIO,
  ECH_FAILURE_TOO_LONG,
  ECH_FAILURE_READ,
  ECH_FAILURE_MEMORY,
};

struct ech_request {
  uint32_t version;
  uint32_t flags;            /* enum ech_load_flags */
  uint64_t max_frames;       /* a longer track is refused */
  char     path[ECH_PATH_BYTES_MAX];
};

struct ech_shared {
  _Atomic uint32_t stage;         /* release by the worker, acquire by the loader */
  uint32_t         failure;
  uint32_t         rate;
  uint32_t         file_channels;
  uint32_t         length_known;   /* else length_frames is an upper bound */
  uint64_t         capacity_frames;
  _Atomic uint64_t length_frames;  /* never over capacity_frames */
  _Atomic uint64_t decoded_frames; /* release / acquire: the frames are written */
  _Atomic uint64_t n_peaks;        /* release / acquire: the bins are written */
  char             title[ECH_TAG_MAX];
  char             artist[ECH_TAG_MAX];
  struct ech_analysis analysis;
};

_Static_assert (sizeof (struct ech_shared) <= ECH_SHARED_HEADER_BYTES, "the header fits");

static inline uint64_t
ech_shared_max_peaks (uint64_t capacity_frames)
{
  return capacity_frames / ECH_PEAK_BIN_FRAMES + 1;
}

static inline uint64_t
ech_shared_audio_offset (uint64_t capacity_frames)
{
  uint64_t end = ECH_SHARED_HEADER_BYTES
                 + ech_shared_max_peaks (capacity_frames) * sizeof (struct ech_peak_bin);

  return (end + ECH_SHARED_ALIGN - 1) / ECH_SHARED_ALIGN * ECH_SHARED_ALIGN;
}

static inline uint64_t
ech_shared_bytes (uint64_t capacity_frames)
{
  return ech_shared_audio_offset (capacity_frames) + capacity_frames * 2 * sizeof (float);
}

#endif
