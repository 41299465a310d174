/* All that a control driver of Echelon includes.
 *
 * A driver is a shared module that exports one function, echelon_driver_entry(),
 * which returns one static table.  It links nothing of Echelon: every call out
 * goes through the host's table.  docs/driver-guide.md shows one whole.
 *
 * Versions: a module whose `abi` differs from the host's is not loaded.  Tables
 * grow at the end only; `size` tells how much of one the other side knows.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECHELON_DRIVER_H
#define ECHELON_DRIVER_H

#include "engine/clock-source.h"
#include "engine/scheduler/action.h"
#include "engine/scheduler/scheduler-telemetry.h"
#include "engine/scheduler/state.h"
#include "engine/scheduler/vocabulary.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ECHELON_DRIVER_ABI 1

#define ECHELON_EXPORT __attribute__ ((visibility ("default")))

enum echelon_log_level {
  ECHELON_LOG_ERROR,
  ECHELON_LOG_WARNING,
  ECHELON_LOG_INFO,
  ECHELON_LOG_DEBUG,
};

struct echelon_host;

/**
 * struct echelon_host_api: what the host does for a driver
 *
 * All functions may be called from any thread of the driver's, between the begin of start() and
 * the return of stop(), except post(): one thread at a time (each driver has one lane).
 */
struct echelon_host_api {
  uint32_t abi;
  uint32_t size;

  /* Puts @action into the driver's lane; wakes the scheduler.
   * Returns 0; -ENOSPC when the lane is full (nothing is kept); -ESHUTDOWN when
   * the driver has been switched off. @action->text is copied. */
  int (*post) (struct echelon_host *host, const struct ech_action *action);

  /* All of @n actions or none: they stand together in the lane.  -ENOSPC as above. */
  int (*post_batch) (struct echelon_host *host, const struct ech_action *actions, unsigned n);

  /* Copies the newest snapshot. */
  void (*state) (struct echelon_host *host, struct ech_state *out_state);

  /* The graph frame that is heard at CLOCK_MONOTONIC @time_ns, which is within a second of now;
   * the timeline in state() makes a beat of it. */
  double (*frame_at) (struct echelon_host *host, uint64_t time_ns);

  /* Takes the next event out of the driver's event ring: every action's fate, anybody's.
   * A ring that is not read for long loses the newest; the host counts and logs that.
   * One thread at a time.  Returns 0 or -EAGAIN when there is none. */
  int (*next_event) (struct echelon_host *host, struct ech_event *out_event);

  /* A file descriptor that polls readable while events may be waiting; the host's own:
   * poll it, then call next_event() until -EAGAIN; never read or close it. */
  int (*event_fd) (struct echelon_host *host);

  /* This source's index in ech_state.sources and in ech_event.source. */
  uint32_t (*source) (struct echelon_host *host);

  /* The shared vocabulary (vocabulary.h has the meaning); the driver links no code of ours. */
  int (*parse) (struct echelon_host *host, const char *address, const struct ech_value *values,
                unsigned n_values, struct ech_action *out_action, char *out_error);
  const char *(*fate_name) (enum ech_fate fate);
  const char *(*rule_name) (enum ech_rule rule);
  const char *(*verb_name) (enum ech_verb verb);
  const char *(*deck_state_name) (enum ech_deck_state state);
  void (*timing_format) (const struct ech_timing *timing, char *out_text, size_t size);

  void (*log) (struct echelon_host *host, enum echelon_log_level level, const char *text);

  /* The driver's own settings; a setting that is not there gives @fallback.  The string is the
   * host's, valid until stop() returns. */
  int64_t (*setting_int) (struct echelon_host *host, const char *key, int64_t fallback);
  bool (*setting_bool) (struct echelon_host *host, const char *key, bool fallback);
  const char *(*setting_string) (struct echelon_host *host, const char *key, const char *fallback);

  /* The driver cannot go on (its device is gone, its socket broke): the host shows @reason, purges
   * its lane and calls stop() later, from the host's thread. */
  void (*failed) (struct echelon_host *host, const char *reason);

  /* One line for preferences: what the driver is doing now ("listening on 127.0.0.1:8000"). */
  void (*status) (struct echelon_host *host, const char *text);

  /* What a source called @name would count as by the policy: enum ech_source_class; the driver's
   * own class where the policy does not name it. */
  uint32_t (*source_class) (struct echelon_host *host, const char *name);

  /* A further source of the driver's, for a program that it speaks for: a lane of its own, with the
   * rules that the policy has for @name (1 to 31 of a-z, 0-9, "-").  At most 8; they end with stop().
   * Returns 0; -EINVAL for such a name, -EEXIST when another source has it; -ENOSPC; -ESHUTDOWN. */
  int (*open_source) (struct echelon_host *host, const char *name, uint32_t *out_source);

  /* What waits from it is cancelled. */
  void (*close_source) (struct echelon_host *host, uint32_t source);

  /* As post_batch(), for a source that open_source() gave; -ENOENT: it is not open. */
  int (*post_as) (struct echelon_host *host, uint32_t source, const struct ech_action *actions,
                  unsigned n);

  /* Copies what the scheduler has counted: refusals, lateness, depths, guards. */
  void (*telemetry) (struct echelon_host *host, struct ech_telemetry *out_telemetry);

  /* The engine's timeline follows @source, which the audio thread calls once a cycle
   * (engine/clock-source.h) with @self.  Both stay valid until withdraw_clock() has returned; the
   * host withdraws what is left before it calls stop().
   * Returns 0; -EBUSY when another driver's clock is in force; -ESHUTDOWN when switched off. */
  int (*publish_clock) (struct echelon_host *host, const struct ech_clock_source *source,
                        void *self);

  /* When this returns the audio thread does not call the source any more.  The music goes on at the
   * tempo and from the beat where it is. */
  void (*withdraw_clock) (struct echelon_host *host);

  /* What the clock's driver tells everybody but the audio thread, every 10 ms or so (the session's
   * peers, for one); the newest counts.  One thread at a time.  Returns 0; -EAGAIN when nobody reads. */
  int (*clock_update) (struct echelon_host *host, const struct ech_clock_update *update);
};

/* Does the host know @field?  One that is older than the driver does not know the last ones. */
#define ECHELON_HOST_HAS(host, field)                                                              \
  ((host)->api->size >= offsetof (struct echelon_host_api, field) + sizeof ((host)->api->field))

struct echelon_host {
  const struct echelon_host_api *api;
  void                          *reserved;
};

/* One setting that preferences show.  type: 'i', 'b', 's'. */
struct echelon_setting {
  const char *key;
  const char *label;
  const char *fallback; /* as text */
  char        type;
  double      minimum, maximum; /* 'i' only */
};

/* echelon_driver.flags */
enum {
  ECHELON_DRIVER_OFF_BY_DEFAULT = 1u << 0, /* started only when somebody asks for it */
};

struct echelon_driver {
  uint32_t    abi;  /* ECHELON_DRIVER_ABI */
  uint32_t    size; /* sizeof (struct echelon_driver) */
  const char *id;   /* "osc": lower case, unique; the source's name */
  const char *name; /* "Open Sound Control", for people */
  const char *description;
  uint32_t    source_class; /* enum ech_source_class */

  const struct echelon_setting *settings;
  uint32_t                      n_settings;

  /* Begins work; returns 0 and *out_self, or a negative errno after writing one sentence of at most
   * ECH_TEXT_MAX bytes into @out_error.  Host's thread. */
  int (*start) (struct echelon_host *host, void **out_self, char *out_error);

  /* Ends work.  Returns after the driver's last call into the host.  Host's thread. */
  void (*stop) (void *self);

  uint32_t flags; /* ECHELON_DRIVER_OFF_BY_DEFAULT ... */
};

/* The one symbol a module exports. */
ECHELON_EXPORT const struct echelon_driver *echelon_driver_entry (void);

#ifdef __cplusplus
}
#endif

#endif
