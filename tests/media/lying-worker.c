/* A worker that misbehaves as LIE says, in place of the real one.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/media/protocol.h"

static struct ech_shared *shared;

static void
tell (uint32_t stage)
{
  atomic_store (&shared->stage, stage);
  send (ECH_WORKER_SOCKET_FD, "", 1, MSG_NOSIGNAL);
}

static void
open_honestly (uint64_t n_frames)
{
  if (ftruncate (ECH_WORKER_MEMORY_FD, (off_t) ech_shared_bytes (n_frames)) < 0)
    exit (1);
  shared->rate            = 44100;
  shared->file_channels   = 2;
  shared->capacity_frames = n_frames;
  atomic_store (&shared->length_frames, n_frames);
}

static void
lie (const char *how)
{
  open_honestly (44100);
  if (strcmp (how, "capacity") == 0) {
    shared->capacity_frames = UINT64_C (1) << 60;
  } else if (strcmp (how, "unmapped") == 0) {
    shared->capacity_frames = 10000000;
    atomic_store (&shared->decoded_frames, 10000000);
  } else if (strcmp (how, "overflow") == 0) {
    shared->capacity_frames = UINT64_MAX / 8 + 1;
  } else if (strcmp (how, "length") == 0) {
    atomic_store (&shared->length_frames, 44101);
  } else if (strcmp (how, "decoded") == 0) {
    atomic_store (&shared->decoded_frames, 44101);
  } else if (strcmp (how, "peaks") == 0) {
    atomic_store (&shared->n_peaks, 1000);
  } else if (strcmp (how, "rate") == 0) {
    shared->rate = 0;
  } else if (strcmp (how, "channels") == 0) {
    shared->file_channels = 0;
  } else if (strcmp (how, "stage") == 0) {
    tell (77);
    return;
  } else if (strcmp (how, "failure") == 0) {
    shared->failure = 12345;
    tell (ECH_WORKER_FAILED);
    return;
  } else if (strcmp (how, "backwards") == 0) {
    atomic_store (&shared->decoded_frames, 30000);
    tell (ECH_WORKER_OPENED);
    usleep (100000);
    atomic_store (&shared->decoded_frames, 20000);
  }
  tell (ECH_WORKER_OPENED);
}

static void
lie_about_music (void)
{
  open_honestly (44100);
  atomic_store (&shared->decoded_frames, 44100);
  memset (shared->title, 0xff, sizeof shared->title);
  memset (shared->artist, '\n', sizeof shared->artist);
  memset (&shared->analysis, 0xff, sizeof shared->analysis);
  shared->analysis.grid.frames_per_beat = NAN;
  shared->analysis.lufs                 = 1e300;
  tell (ECH_WORKER_ANALYSED);
}

int
main (void)
{
  static struct ech_request request;
  const char               *how = getenv ("LIE");

  shared = mmap (NULL, ECH_SHARED_HEADER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                 ECH_WORKER_MEMORY_FD, 0);
  if (shared == MAP_FAILED || !how)
    return 1;
  if (strcmp (how, "dies-idle") == 0)
    return 1;
  if (recv (ECH_WORKER_SOCKET_FD, &request, sizeof request, 0) <= 0)
    return 1;
  if (strcmp (how, "dies") == 0)
    return 1;
  if (strcmp (how, "music") == 0)
    lie_about_music ();
  else if (strcmp (how, "chatters") == 0)
    for (int i = 0; i < 5000000; i++)
      send (ECH_WORKER_SOCKET_FD, "", 1, MSG_NOSIGNAL);
  else if (strcmp (how, "shrinks") == 0)
    exit (ftruncate (ECH_WORKER_MEMORY_FD, 0) == 0 ? 0 : 1);
  else if (strcmp (how, "hangs") != 0)
    lie (how);
  pause ();
  return 0;
}
