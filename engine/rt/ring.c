/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/ring.h"

#include <string.h>

void
ech_ring_init (struct ech_ring *ring, void *slots, uint32_t n_slots, uint32_t slot_size)
{
  memset (ring, 0, sizeof *ring);
  ring->slots     = slots;
  ring->slot_size = slot_size;
  ring->mask      = n_slots - 1;
}

static unsigned char *
slot_at (const struct ech_ring *ring, uint32_t index)
{
  return ring->slots + (size_t) (index & ring->mask) * ring->slot_size;
}

bool
ech_ring_push (struct ech_ring *ring, const void *slot)
{
  uint32_t head = atomic_load_explicit (&ring->head, memory_order_relaxed);

  if (head - ring->tail_copy > ring->mask) {
    /* pairs with the release in ech_ring_pop(): the slot has been read */
    ring->tail_copy = atomic_load_explicit (&ring->tail, memory_order_acquire);
    if (head - ring->tail_copy > ring->mask)
      return false;
  }
  memcpy (slot_at (ring, head), slot, ring->slot_size);
  /* pairs with the acquire in ech_ring_pop(): the slot has been written */
  atomic_store_explicit (&ring->head, head + 1, memory_order_release);
  return true;
}

bool
ech_ring_pop (struct ech_ring *ring, void *out_slot)
{
  uint32_t tail = atomic_load_explicit (&ring->tail, memory_order_relaxed);

  if (tail == ring->head_copy) {
    /* pairs with the release in ech_ring_push() */
    ring->head_copy = atomic_load_explicit (&ring->head, memory_order_acquire);
    if (tail == ring->head_copy)
      return false;
  }
  memcpy (out_slot, slot_at (ring, tail), ring->slot_size);
  /* pairs with the acquire in ech_ring_push() */
  atomic_store_explicit (&ring->tail, tail + 1, memory_order_release);
  return true;
}

uint32_t
ech_ring_fill (const struct ech_ring *ring)
{
  uint32_t tail = atomic_load_explicit (&ring->tail, memory_order_acquire);
  uint32_t head = atomic_load_explicit (&ring->head, memory_order_acquire);

  return head - tail;
}
