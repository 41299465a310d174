/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/analysis/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/media/protocol.h"

#define GIB (UINT64_C (1) << 30)

/* Their shadow is larger than our limits, and their reports need open() to be read. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

static void
limit (int resource, uint64_t value)
{
  struct rlimit now;

  if (getrlimit ((__rlimit_resource_t) resource, &now) == 0 && now.rlim_max < value)
    value = now.rlim_max;
  now.rlim_cur = now.rlim_max = value;
  setrlimit ((__rlimit_resource_t) resource, &now);
}

void
ech_sandbox_limit (void)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  /* a parent that died before this has closed its socket, which ends us too */
  close_range (ECH_WORKER_MEMORY_FD + 1, ~0U, 0);
#ifndef SANITIZED
  limit (RLIMIT_AS, 8 * GIB);
  limit (RLIMIT_DATA, 2 * GIB);
#endif
  limit (RLIMIT_FSIZE, 6 * GIB);
  limit (RLIMIT_CPU, 900);
  limit (RLIMIT_NOFILE, 32);
  limit (RLIMIT_CORE, 0);
}

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

#if defined(NATIVE_ARCH) && !defined(SANITIZED)

#define LOAD(field) BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, field))
#define REFUSE      BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW       BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DENY(call)  BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), REFUSE

void
ech_sandbox_close (void)
{
  static struct sock_filter filter[] = {
    LOAD (arch),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
    REFUSE,
    LOAD (nr),
#ifdef __x86_64__
    /* the x32 calls are numbered from here */
    BPF_JUMP (BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
    REFUSE,
    DENY (SYS_open),
    DENY (SYS_creat),
    DENY (SYS_fork),
    DENY (SYS_vfork),
    DENY (SYS_unlink),
    DENY (SYS_rename),
    DENY (SYS_mkdir),
    DENY (SYS_rmdir),
    DENY (SYS_link),
    DENY (SYS_symlink),
    DENY (SYS_chmod),
#endif
    DENY (SYS_openat),
    DENY (SYS_openat2),
    DENY (SYS_open_by_handle_at),
    DENY (SYS_unlinkat),
    DENY (SYS_renameat),
    DENY (SYS_renameat2),
    DENY (SYS_mkdirat),
    DENY (SYS_linkat),
    DENY (SYS_symlinkat),
    DENY (SYS_fchmodat),
    DENY (SYS_mount),
    DENY (SYS_execve),
    DENY (SYS_execveat),
    DENY (SYS_socket),
    DENY (SYS_connect),
    DENY (SYS_bind),
    DENY (SYS_ptrace),
    DENY (SYS_process_vm_readv),
    DENY (SYS_process_vm_writev),
    DENY (SYS_kill),
    DENY (SYS_tkill),
    DENY (SYS_pidfd_open),
    DENY (SYS_pidfd_send_signal),
    DENY (SYS_prlimit64),
    DENY (SYS_io_uring_setup),
    DENY (SYS_unshare),
    DENY (SYS_setns),
    DENY (SYS_bpf),
    DENY (SYS_keyctl),
    ALLOW,
  };
  struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

  prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#else

void
ech_sandbox_close (void)
{
}

#endif
