/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/scheduler/action-queue.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static uint32_t
round_up (uint32_t capacity)
{
  uint32_t rounded = 1;

  capacity = capacity ? MIN (capacity, (uint32_t) ECH_LANE_MAX_CAPACITY) : ECH_LANE_CAPACITY;
  while (rounded < capacity)
    rounded *= 2;
  return rounded;
}

EchLane *
ech_lane_new (const char              *name,
              enum ech_source_class    source_class,
              uint32_t                 capacity,
              uint32_t                 index,
              const struct ech_wakeup *wakeup)
{
  /* the ring's two sides stand on cache lines of their own */
  EchLane *lane = g_aligned_alloc0 (1, sizeof *lane, ECH_CACHE_LINE);

  g_strlcpy (lane->name, name, sizeof lane->name);
  lane->source_class = source_class;
  lane->index        = index;
  lane->capacity     = round_up (capacity);
  lane->wakeup       = wakeup;
  lane->slots        = g_new0 (struct ech_lane_slot, lane->capacity);
  lane->batch        = g_array_new (FALSE, FALSE, sizeof (struct ech_lane_slot));
  ech_ring_init (&lane->ring, lane->slots, lane->capacity, sizeof (struct ech_lane_slot));
  return lane;
}

static unsigned
batch_length (const EchLane *lane)
{
  return lane->batch->len ? g_array_index (lane->batch, struct ech_lane_slot, 0).n_batch : 0;
}

static void
drop_texts (GArray *batch)
{
  for (unsigned i = 0; i < batch->len; i++)
    g_free ((char *) g_array_index (batch, struct ech_lane_slot, i).action.text);
  g_array_set_size (batch, 0);
}

void
ech_lane_free (EchLane *lane)
{
  struct ech_lane_slot slot;

  if (!lane)
    return;
  /* a batch that is whole was taken, texts and all */
  if (lane->batch->len < batch_length (lane))
    drop_texts (lane->batch);
  while (ech_ring_pop (&lane->ring, &slot))
    g_free ((char *) slot.action.text);
  g_array_unref (lane->batch);
  g_free (lane->slots);
  g_aligned_free (lane);
}

static uint64_t
now_ns (void)
{
  struct timespec ts;

  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

int
ech_lane_post_batch (EchLane *lane, const struct ech_action *actions, unsigned n_actions)
{
  uint64_t ns = now_ns();

  if (n_actions > lane->capacity - ech_ring_fill (&lane->ring)) {
    atomic_fetch_add_explicit (&lane->refused_full, n_actions, memory_order_relaxed);
    return -ENOSPC;
  }
  for (unsigned i = 0; i < n_actions; i++) {
    struct ech_lane_slot slot = { .action = actions[i], .posted_ns = ns };

    slot.n_batch     = i == 0 ? n_actions : 0;
    slot.action.text = g_strdup (actions[i].text);
    /* room was counted, and only the reader can change it: by making more */
    ech_ring_push (&lane->ring, &slot);
  }
  atomic_fetch_add_explicit (&lane->posted, n_actions, memory_order_relaxed);
  if (lane->wakeup->func)
    lane->wakeup->func (lane->wakeup->data);
  return 0;
}

int
ech_lane_post (EchLane *lane, const struct ech_action *action)
{
  return ech_lane_post_batch (lane, action, 1);
}

uint32_t
ech_lane_source (const EchLane *lane)
{
  return lane->index;
}

uint32_t
ech_lane_depth (const EchLane *lane)
{
  return ech_ring_fill (&lane->ring);
}

unsigned
ech_lane_take (EchLane *lane, struct ech_lane_slot **out_slots)
{
  struct ech_lane_slot slot;

  if (lane->batch->len && lane->batch->len == batch_length (lane))
    g_array_set_size (lane->batch, 0); /* the one taken last time */
  while (lane->batch->len == 0 || lane->batch->len < batch_length (lane)) {
    if (!ech_ring_pop (&lane->ring, &slot))
      return 0;
    g_array_append_val (lane->batch, slot);
  }
  *out_slots = (struct ech_lane_slot *) lane->batch->data;
  return lane->batch->len;
}

bool
ech_lane_knows_id (EchLane *lane, const char *id)
{
  uint32_t hash = g_str_hash (id), at;

  for (unsigned i = 0; i < ECH_RECENT_IDS; i++) {
    if (lane->id_hashes[i] == hash && strcmp (lane->ids[i], id) == 0)
      return true;
  }
  at                  = lane->next_id++ % ECH_RECENT_IDS;
  lane->id_hashes[at] = hash;
  g_strlcpy (lane->ids[at], id, ECH_ID_MAX);
  return false;
}
