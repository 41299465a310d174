/* Finds, loads, starts and stops driver modules while music plays.
 *
 * Each started driver is a source of its own: a lane into the scheduler, a ring
 * of events back.  A module that does not fit is listed with the reason and
 * never started; a driver that fails is switched off and its waiting actions
 * are purged.  drivers/sdk/echelon-driver.h is the other side of this file.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_DRIVER_HOST_H
#define ECH_DRIVER_HOST_H

#include <glib-object.h>

#include "drivers/sdk/echelon-driver.h"
#include "engine/engine.h"

G_BEGIN_DECLS

#define ECH_TYPE_DRIVER_HOST (ech_driver_host_get_type())

/**
 * EchDriverHost:
 *
 * Belongs to the thread that made it, called the host's thread: all functions
 * below are called there, and the thread's main context must run for drivers
 * that fail by themselves to be stopped.
 *
 * Signal "changed" (guint index): state, text or status of a driver changed.
 * Emitted on the host's thread.
 */
G_DECLARE_FINAL_TYPE (EchDriverHost, ech_driver_host, ECH, DRIVER_HOST, GObject)

enum ech_driver_state {
  ECH_DRIVER_REFUSED, /* cannot be loaded; the text says why */
  ECH_DRIVER_FOUND,   /* can be started, never was */
  ECH_DRIVER_STOPPED, /* switched off */
  ECH_DRIVER_RUNNING, /* the text is its status line */
  ECH_DRIVER_FAILED,  /* did not start, or failed under way; the text says why */
  ECH_N_DRIVER_STATES,
};

/**
 * struct ech_driver_info: what there is to show about one module
 * @id: "osc"; of a refused module whose id is unknown, the file's name without ".so"
 * @name: for people; the id where unknown
 * @description: a sentence, or ""
 * @path: the module's file
 * @abi: as the module says; 0 where it could not be asked
 * @enabled: wanted: by default, by the setting "enabled", or by ech_driver_host_set_enabled()
 * @text: reason or status line, "" if there is nothing to say
 * @lost_events: events that found the driver's ring full
 * @settings: (array length=n_settings) what preferences show
 *
 * Strings live as long as the host.
 */
struct ech_driver_info {
  const char                   *id;
  const char                   *name;
  const char                   *description;
  const char                   *path;
  uint32_t                      abi;
  enum ech_driver_state         state;
  bool                          enabled;
  char                          text[ECH_TEXT_MAX];
  uint64_t                      lost_events;
  const struct echelon_setting *settings;
  uint32_t                      n_settings;
};

/**
 * EchDriverSettingFunc: where a driver's settings come from
 * @id: the driver's id, "osc"
 * @key: the setting's key, "port"; also "enabled", which the host itself asks for
 *
 * Called on the host's thread: for "enabled" in ech_driver_host_scan(), for each
 * setting in the driver's table whenever it is about to start.
 *
 * Returns: (transfer full) a value of type i, u, x, b or s (floating is fine);
 * NULL where nothing is set: the module's own fallback holds.
 */
typedef GVariant *(*EchDriverSettingFunc) (const char *id, const char *key, void *data);

/**
 * ech_driver_host_new:
 * @engine: (nullable): outlives the host; NULL for a host that only lists
 * @get_setting: (nullable): NULL: fallbacks everywhere
 *
 * Nothing is loaded yet.  Dropping the last reference stops all drivers.
 */
EchDriverHost *
ech_driver_host_new (EchEngine *engine, EchDriverSettingFunc get_setting, void *data);

/**
 * ech_driver_host_scan: loads every *.so and looks at its table
 * @path: (nullable): colon-separated folders; NULL: the environment's
 *    ECHELON_DRIVER_PATH, and without that the folder of the installation
 *
 * Call once.  The first module with an id wins; later ones are refused.
 *
 * Returns: the number of modules listed, refused ones among them.
 */
unsigned ech_driver_host_scan (EchDriverHost *self, const char *path);

unsigned ech_driver_host_get_n_drivers (EchDriverHost *self);

/* @index: 0 .. n_drivers - 1, sorted by id. */
void
ech_driver_host_get_info (EchDriverHost *self, unsigned index, struct ech_driver_info *out_info);

/* The index of the driver @id that is not refused, or -1. */
int ech_driver_host_find (EchDriverHost *self, const char *id);

/* "refused", "found", "stopped", "running", "failed". */
const char *ech_driver_state_name (enum ech_driver_state state);

/**
 * ech_driver_host_start: starts one driver; one that runs already goes on
 * Returns: FALSE with @error set (G_IO_ERROR, a sentence for the performer) when
 * the module is refused, there is no engine or lane, or its start() failed: its
 * state is FAILED then.
 */
gboolean ech_driver_host_start (EchDriverHost *self, unsigned index, GError **error);

/* Stops one driver and purges what it has waiting; one that does not run stays as it is. */
void ech_driver_host_stop (EchDriverHost *self, unsigned index);

/* Stop and start, so that changed settings take hold. */
gboolean ech_driver_host_restart (EchDriverHost *self, unsigned index, GError **error);

/* Starts or stops, and remembers the wish (the caller saves it). */
gboolean
ech_driver_host_set_enabled (EchDriverHost *self, unsigned index, gboolean enabled, GError **error);

/* Starts all that are enabled.  Returns how many run now; the others' info says why not. */
unsigned ech_driver_host_start_all (EchDriverHost *self);

/* Stops all, in reverse order.  Safe to call twice. */
void ech_driver_host_stop_all (EchDriverHost *self);

G_END_DECLS

#endif
