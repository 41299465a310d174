/* Modules that are wrong in one way each, for the host's tests; ODD says which.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "drivers/sdk/echelon-driver.h"

#define ODD_ABI        1
#define ODD_SHORT      2
#define ODD_NO_TABLE   3
#define ODD_ID         4
#define ODD_DUPLICATE  5
#define ODD_UNRESOLVED 6
#define ODD_NO_STOP    7
#define ODD_NO_SYMBOL  8
#define ODD_LATE       9  /* sound, but posts in stop() */
#define ODD_OLD        10 /* sound, made before the flags came */

#if ODD == ODD_UNRESOLVED
extern int echelon_no_such_function (void);
#endif

static struct echelon_host *the_host;

static int
odd_start (struct echelon_host *host, void **out_self, char *out_error)
{
  the_host  = host;
  *out_self = &the_host;
#if ODD == ODD_UNRESOLVED
  return echelon_no_such_function();
#else
  return 0;
#endif
}

#if ODD != ODD_NO_STOP
static void
odd_stop (void *self)
{
  struct ech_action action = { .verb = ECH_VERB_EMERGENCY };
  char              text[64];
  int               result = the_host->api->post (the_host, &action);

  snprintf (text, sizeof text, "post in stop: %s", result == -ESHUTDOWN ? "shut down" : "taken");
  the_host->api->log (the_host, ECHELON_LOG_INFO, text);
}
#endif

static const struct echelon_driver driver = {
  .abi         = ODD == ODD_ABI ? ECHELON_DRIVER_ABI + 1 : ECHELON_DRIVER_ABI,
  .size        = ODD == ODD_SHORT ? 24
                 : ODD == ODD_OLD ? offsetof (struct echelon_driver, flags)
                                  : sizeof (struct echelon_driver),
  .id          = ODD == ODD_ID          ? "Odd One!"
                 : ODD == ODD_DUPLICATE ? "null"
                 : ODD == ODD_OLD       ? "old"
                                        : "late",
  .name        = "Odd",
  .description = "A module for tests.",
  .start       = odd_start,
#if ODD != ODD_NO_STOP
  .stop = odd_stop,
#endif
  .flags = ODD == ODD_OLD ? ECHELON_DRIVER_OFF_BY_DEFAULT : 0, /* lies behind the size: not read */
};

#if ODD == ODD_NO_SYMBOL
ECHELON_EXPORT const struct echelon_driver *echelon_other_entry (void);

const struct echelon_driver *
echelon_other_entry (void)
#else
const struct echelon_driver *
echelon_driver_entry (void)
#endif
{
  return ODD == ODD_NO_TABLE ? NULL : &driver;
}
