/* What can be asked under /telemetry: who was refused what, how late, how exact.
 *
 * Not streamed: counts are for those who ask.  docs/osc.md is printed from the table.
 *
 * Thread: the driver's one.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_OSC_TELEMETRY_H
#define ECH_OSC_TELEMETRY_H

#include <lo/lo.h>

#include "drivers/sdk/echelon-driver.h"

struct ech_osc_counts {
  struct ech_state     state;
  struct ech_telemetry telemetry;
  const char *(*rule_name) (enum ech_rule rule);
};

/**
 * struct ech_osc_count: one address, or one for each RULE or NAME
 * @name: NULL: one address; else what stands in the place of the last part, NULL where there is none
 * @n: how many there are at most
 */
struct ech_osc_count {
  const char *address;
  const char *types;
  const char *help;
  unsigned    n;
  const char *(*name) (const struct ech_osc_counts *counts, unsigned index);
  void (*fill) (const struct ech_osc_counts *counts, unsigned index, lo_message message);
};

const struct ech_osc_count *ech_osc_count_table (unsigned *out_n);

/* The address of the @index-th, @size of 64 is enough.  Returns false when there is none. */
bool ech_osc_count_address (const struct ech_osc_count  *count,
                            const struct ech_osc_counts *counts,
                            unsigned                     index,
                            char                        *out_address,
                            size_t                       size);

#endif
