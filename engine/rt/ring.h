/* Bounded lock-free ring of fixed-size plain data: one writer, one reader.
 *
 * Free-running 32-bit indices over a power-of-two number of slots; each side
 * keeps a copy of the other's index on its own cache line, so that a push or
 * a pop touches shared memory only when the copy says full or empty.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_RING_H
#define ECH_RT_RING_H

#include <stdatomic.h>

#include "engine/types.h"

#define ECH_CACHE_LINE 64

struct ech_ring {
  /* set once by ech_ring_init(), read by both sides */
  unsigned char *slots;
  uint32_t       slot_size;
  uint32_t       mask;

  /* writer's line */
  _Alignas (ECH_CACHE_LINE) _Atomic uint32_t head;
  uint32_t tail_copy;

  /* reader's line */
  _Alignas (ECH_CACHE_LINE) _Atomic uint32_t tail;
  uint32_t head_copy;
};

/**
 * ech_ring_init:
 * @slots: (array) memory of @n_slots * @slot_size bytes, owned by the caller,
 *    which outlives the ring
 * @n_slots: a power of two
 *
 * Thread: any, before the two sides start.
 */
void ech_ring_init (struct ech_ring *ring, void *slots, uint32_t n_slots, uint32_t slot_size);

/**
 * ech_ring_push: copies one slot in
 * Thread: the writer.  RT-safe: yes.
 * Returns: false when the ring is full; nothing is written then.
 */
ECH_RT bool ech_ring_push (struct ech_ring *ring, const void *slot);

/**
 * ech_ring_pop: copies the oldest slot out
 * Thread: the reader.  RT-safe: yes.
 * Returns: false when the ring is empty.
 */
ECH_RT bool ech_ring_pop (struct ech_ring *ring, void *out_slot);

/**
 * ech_ring_fill: how many slots are taken; exact on either side's own thread
 * for what that side did, a moment old for the other's.
 * Thread: any.  RT-safe: yes.
 */
ECH_RT uint32_t ech_ring_fill (const struct ech_ring *ring);

#endif
