/* A bounded ring of short byte strings: one writer, one reader, no lock.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MIDI_RING_H
#define ECH_MIDI_RING_H

#include <spa/utils/ringbuffer.h>
#include <stdbool.h>
#include <string.h>

enum {
  ECH_MIDI_RING_BYTES = 1 << 18,
  ECH_MIDI_RING_MOST  = 4096, /* of one entry's bytes */
};

/* In front of each entry's bytes; entries begin at multiples of its alignment. */
struct ech_midi_entry {
  uint64_t time_ns;
  uint16_t slot;
  uint16_t lost; /* 1: entries before this found no room */
  uint32_t n_bytes;
};

struct ech_midi_ring {
  struct spa_ringbuffer buffer;
  uint8_t               bytes[ECH_MIDI_RING_BYTES];
};

static inline uint32_t
ech_midi_entry_size (uint32_t n_bytes)
{
  return (uint32_t) sizeof (struct ech_midi_entry) + ((n_bytes + 7u) & ~7u);
}

/* RT-safe.  False when there is no room: nothing is written then. */
static inline bool
ech_midi_ring_push (struct ech_midi_ring        *ring,
                    const struct ech_midi_entry *entry,
                    const uint8_t               *bytes)
{
  uint32_t index, size = ech_midi_entry_size (entry->n_bytes);
  int32_t  filled = spa_ringbuffer_get_write_index (&ring->buffer, &index);

  if (filled < 0 || (uint32_t) filled + size > ECH_MIDI_RING_BYTES)
    return false;
  spa_ringbuffer_write_data (&ring->buffer, ring->bytes, ECH_MIDI_RING_BYTES,
                             index & (ECH_MIDI_RING_BYTES - 1), entry, sizeof *entry);
  spa_ringbuffer_write_data (&ring->buffer, ring->bytes, ECH_MIDI_RING_BYTES,
                             (index + (uint32_t) sizeof *entry) & (ECH_MIDI_RING_BYTES - 1), bytes,
                             entry->n_bytes);
  spa_ringbuffer_write_update (&ring->buffer, (int32_t) (index + size));
  return true;
}

/* RT-safe.  The oldest entry without taking it; @out_bytes of ECH_MIDI_RING_MOST. */
static inline bool
ech_midi_ring_peek (struct ech_midi_ring  *ring,
                    struct ech_midi_entry *out_entry,
                    uint8_t               *out_bytes)
{
  uint32_t index;
  int32_t  filled = spa_ringbuffer_get_read_index (&ring->buffer, &index);

  if (filled < (int32_t) sizeof *out_entry)
    return false;
  spa_ringbuffer_read_data (&ring->buffer, ring->bytes, ECH_MIDI_RING_BYTES,
                            index & (ECH_MIDI_RING_BYTES - 1), out_entry, sizeof *out_entry);
  spa_ringbuffer_read_data (&ring->buffer, ring->bytes, ECH_MIDI_RING_BYTES,
                            (index + (uint32_t) sizeof *out_entry) & (ECH_MIDI_RING_BYTES - 1),
                            out_bytes, out_entry->n_bytes);
  return true;
}

/* RT-safe.  Takes what was peeked at. */
static inline void
ech_midi_ring_drop (struct ech_midi_ring *ring, const struct ech_midi_entry *entry)
{
  uint32_t index;

  spa_ringbuffer_get_read_index (&ring->buffer, &index);
  spa_ringbuffer_read_update (&ring->buffer,
                              (int32_t) (index + ech_midi_entry_size (entry->n_bytes)));
}

#endif
