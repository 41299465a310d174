/* One worker process, as its parent holds it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MEDIA_WORKER_PROCESS_H
#define ECH_MEDIA_WORKER_PROCESS_H

#include <glib.h>
#include <sys/types.h>

#include "engine/media/protocol.h"

/* All zeros with fds of -1 is none: see ECH_WORKER_PROCESS_NONE. */
struct ech_worker_process {
  pid_t              pid;
  int                socket_fd; /* becomes readable when the worker got further or died */
  int                memory_fd;
  struct ech_shared *shared;    /* untrusted; read each field once */
};

#define ECH_WORKER_PROCESS_NONE ((struct ech_worker_process){ 0, -1, -1, NULL })

/**
 * ech_worker_process_start:
 *
 * Starts a worker that waits for a request.  It is killed with the calling
 * thread: call it from one that lives as long as the workers should.
 *
 * Thread: the loader's.
 * Returns: false with @error set (ECH_LOADER_ERROR_WORKER).
 */
bool ech_worker_process_start (struct ech_worker_process *out_worker, GError **error);

/* Hands over the one request.  Returns: false where the worker is dead. */
bool ech_worker_process_ask (struct ech_worker_process *worker, const struct ech_request *request);

/* Reads the wake-up bytes.  Returns: false when the worker has ended. */
bool ech_worker_process_drain (struct ech_worker_process *worker);

/* Kills it and lets go of everything but the process's exit status, which the
 * caller collects: returns the pid for waitpid(), 0 for none. */
pid_t ech_worker_process_end (struct ech_worker_process *worker);

#endif
