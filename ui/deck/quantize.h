/* What the quantise selectors offer.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_QUANTIZE_H
#define ECH_QUANTIZE_H

#include <gio/gio.h>

G_BEGIN_DECLS

guint ech_quantize_n_choices (void);

/* As ech_timing_parse() reads it. */
const char *ech_quantize_choice (guint position);

/* For people, NULL terminated, translated.  (transfer full) */
char **ech_quantize_labels (void);

/* The position of @quantize, that of "bar" if there is none such. */
guint ech_quantize_find (const char *quantize);

G_END_DECLS

#endif
