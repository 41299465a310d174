/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/telemetry.h"

#include <string.h>

enum { INDEX_MASK = 3, FRESH = 4 };

void
ech_triple_init (struct ech_triple *triple)
{
  memset (triple, 0, sizeof *triple);
  triple->write_index = 0;
  atomic_store (&triple->shared, 1);
  triple->read_index = 2;
}

struct ech_rt_report *
ech_triple_writable (struct ech_triple *triple)
{
  return &triple->slots[triple->write_index];
}

void
ech_triple_publish (struct ech_triple *triple)
{
  /* release: the slot is written; acquire: the reader has left the one we get */
  uint32_t old = atomic_exchange_explicit (&triple->shared, triple->write_index | FRESH,
                                           memory_order_acq_rel);

  triple->write_index = old & INDEX_MASK;
}

const struct ech_rt_report *
ech_triple_read (struct ech_triple *triple)
{
  if (atomic_load_explicit (&triple->shared, memory_order_relaxed) & FRESH) {
    uint32_t old = atomic_exchange_explicit (&triple->shared, triple->read_index,
                                             memory_order_acq_rel);

    triple->read_index = old & INDEX_MASK;
  }
  return &triple->slots[triple->read_index];
}
