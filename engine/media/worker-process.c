/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/media/worker-process.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/media/loader.h"

extern char **environ;

/* Uninstalled, the worker lies in the build tree that the running program is in. */
static char *
find_in_build_tree (void)
{
  g_autofree char *exe = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *dir = exe ? g_path_get_dirname (exe) : NULL;

  for (int level = 0; dir && level < 4; level++) {
    g_autofree char *worker = g_build_filename (dir, "engine", "analysis", "echelon-worker", NULL);
    char            *parent;

    if (g_file_test (worker, G_FILE_TEST_IS_EXECUTABLE))
      return g_steal_pointer (&worker);
    parent = g_path_get_dirname (dir);
    g_free (dir);
    dir = parent;
  }
  return NULL;
}

static char *
find_program (void)
{
  const char *named = g_getenv ("ECHELON_WORKER");
  char       *found;

  if (named && *named)
    return g_strdup (named);
  found = find_in_build_tree ();
  return found ? found : g_build_filename (ECH_LIBEXECDIR, "echelon-worker", NULL);
}

/* High enough that the dup2() to 3 and 4 in the child hits neither. */
static int
move_up (int fd)
{
  int high = fd < 0 ? -1 : fcntl (fd, F_DUPFD_CLOEXEC, 16);

  if (fd >= 0)
    close (fd);
  return high;
}

static bool
make_memory (struct ech_worker_process *worker)
{
  void *header;

  worker->memory_fd = move_up (memfd_create ("echelon-track", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (worker->memory_fd < 0 || ftruncate (worker->memory_fd, ECH_SHARED_HEADER_BYTES) < 0
      || fcntl (worker->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
    return false;
  header = mmap (NULL, ECH_SHARED_HEADER_BYTES, PROT_READ, MAP_SHARED, worker->memory_fd, 0);
  if (header == MAP_FAILED)
    return false;
  worker->shared = header;
  return true;
}

static bool
make_socket (struct ech_worker_process *worker, int *out_child_fd)
{
  int pair[2];

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
    return false;
  worker->socket_fd = pair[0];
  *out_child_fd     = move_up (pair[1]);
  return *out_child_fd >= 0;
}

static int
spawn (struct ech_worker_process *worker, const char *program, int child_fd)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t          attributes;
  sigset_t                   none, all;
  char                      *argv[] = { (char *) "echelon-worker", NULL };
  const char                *log = g_getenv ("ECHELON_WORKER_LOG") ? NULL : "/dev/null";
  int                        status;

  sigemptyset (&none);
  sigfillset (&all);
  posix_spawnattr_init (&attributes);
  posix_spawnattr_setsigmask (&attributes, &none);
  posix_spawnattr_setsigdefault (&attributes, &all);
  posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_addopen (&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen (&actions, 1, "/dev/null", O_WRONLY, 0);
  if (log) /* decoders grumble about every odd file */
    posix_spawn_file_actions_addopen (&actions, 2, log, O_WRONLY, 0);
  posix_spawn_file_actions_adddup2 (&actions, child_fd, ECH_WORKER_SOCKET_FD);
  posix_spawn_file_actions_adddup2 (&actions, worker->memory_fd, ECH_WORKER_MEMORY_FD);
  status = posix_spawn (&worker->pid, program, &actions, &attributes, argv, environ);
  posix_spawn_file_actions_destroy (&actions);
  posix_spawnattr_destroy (&attributes);
  if (status != 0)
    worker->pid = 0;
  return status;
}

bool
ech_worker_process_start (struct ech_worker_process *out_worker, GError **error)
{
  g_autofree char *program  = find_program ();
  int              child_fd = -1;
  int              status;

  *out_worker = ECH_WORKER_PROCESS_NONE;
  if (make_memory (out_worker) && make_socket (out_worker, &child_fd))
    status = spawn (out_worker, program, child_fd);
  else
    status = errno;
  if (child_fd >= 0)
    close (child_fd);
  if (status == 0)
    return true;
  ech_worker_process_end (out_worker);
  g_set_error (error, ECH_LOADER_ERROR, ECH_LOADER_ERROR_WORKER,
               _ ("The decoder program %s could not be started: %s"), program, g_strerror (status));
  return false;
}

bool
ech_worker_process_ask (struct ech_worker_process *worker, const struct ech_request *request)
{
  return send (worker->socket_fd, request, sizeof *request, MSG_NOSIGNAL | MSG_DONTWAIT)
         == (ssize_t) sizeof *request;
}

bool
ech_worker_process_drain (struct ech_worker_process *worker)
{
  char    bytes[64];
  ssize_t n;

  /* bounded: a worker that never stops talking must not keep the thread */
  for (int i = 0; i < 256; i++) {
    n = recv (worker->socket_fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0)
      return false;
    if (n < 0)
      return errno == EAGAIN || errno == EINTR;
  }
  return true;
}

pid_t
ech_worker_process_end (struct ech_worker_process *worker)
{
  pid_t pid = worker->pid;

  if (pid > 0)
    kill (pid, SIGKILL);
  if (worker->shared)
    munmap (worker->shared, ECH_SHARED_HEADER_BYTES);
  if (worker->socket_fd >= 0)
    close (worker->socket_fd);
  if (worker->memory_fd >= 0)
    close (worker->memory_fd);
  *worker = ECH_WORKER_PROCESS_NONE;
  return pid;
}
