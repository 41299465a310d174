/* Numbers too small for full precision are taken as zero: filters that ring out into them would
 * cost up to a hundred times as much, and live and offline sound would differ.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_DENORMALS_H
#define ECH_RT_DENORMALS_H

#include <stdint.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* For the calling thread.  Returns: what ech_denormals_restore() wants.  RT-safe: yes. */
static inline uint64_t
ech_denormals_off (void)
{
  uint64_t old = 0;

#if defined(__SSE__)
  old = _mm_getcsr();
  _mm_setcsr ((unsigned) old | 0x8040); /* flush to zero, denormals are zero */
#elif defined(__aarch64__)
  __asm__ volatile ("mrs %0, fpcr" : "=r"(old));
  __asm__ volatile ("msr fpcr, %0" : : "r"(old | UINT64_C (1) << 24));
#endif
  return old;
}

static inline void
ech_denormals_restore (uint64_t old)
{
#if defined(__SSE__)
  _mm_setcsr ((unsigned) old);
#elif defined(__aarch64__)
  __asm__ volatile ("msr fpcr, %0" : : "r"(old));
#else
  (void) old;
#endif
}

#endif
