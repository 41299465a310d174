/* A host without an engine: a driver's posts are kept, its events are made up.
 *
 * Shared by the program that Python tests drive (fake-host-main.c) and the
 * fuzzer.  The session runs at 120 BPM, beat 0 at the host's birth.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_TESTS_FAKE_HOST_H
#define ECH_TESTS_FAKE_HOST_H

#include <glib.h>

#include "drivers/sdk/echelon-driver.h"

enum { FAKE_SOURCE = 5, FAKE_LANE = 64, FAKE_NAMES = 8 };

struct fake_host {
  struct echelon_host handle;
  uint64_t            born_ns;
  int                 event_fd;
  GMutex              mutex;  /* all below */
  GAsyncQueue        *events; /* struct ech_event */
  struct ech_state    state;
  GHashTable         *settings; /* key -> text */
  struct ech_action   last;     /* text is NULL */
  uint32_t            last_source;
  unsigned            n_posts, n_batches, n_actions;
  bool                full;  /* posts find no room */
  bool                print; /* posts, status and failures go to stdout */
  bool                failed;
  char                status[ECH_TEXT_MAX];
  char                names[FAKE_NAMES][ECH_NAME_MAX]; /* of further sources: FAKE_SOURCE + 1 ... */
};

void fake_host_init (struct fake_host *fake);
void fake_host_finish (struct fake_host *fake);
void fake_host_set (struct fake_host *fake, const char *key, const char *text);
void fake_host_event (struct fake_host *fake, const struct ech_event *event);

uint64_t fake_now_ns (void);

#endif
