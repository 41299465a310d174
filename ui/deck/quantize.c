/* See quantize.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/deck/quantize.h"

static const struct {
  const char *timing;
  const char *label;
} choices[] = {
  { "now", N_ ("Now") },     { "1/4", N_ ("¼ beat") },   { "1/2", N_ ("½ beat") },
  { "beat", N_ ("Beat") },   { "bar", N_ ("Bar") },      { "4bar", N_ ("4 bars") },
  { "16bar", N_ ("16 bars") },
};

guint
ech_quantize_n_choices (void)
{
  return G_N_ELEMENTS (choices);
}

const char *
ech_quantize_choice (guint position)
{
  g_return_val_if_fail (position < G_N_ELEMENTS (choices), "now");

  return choices[position].timing;
}

char **
ech_quantize_labels (void)
{
  g_autoptr (GStrvBuilder) labels = g_strv_builder_new ();

  for (guint i = 0; i < G_N_ELEMENTS (choices); i++)
    g_strv_builder_add (labels, _ (choices[i].label));
  return g_strv_builder_end (labels);
}

guint
ech_quantize_find (const char *quantize)
{
  guint bar = 0;

  for (guint i = 0; i < G_N_ELEMENTS (choices); i++) {
    if (g_strcmp0 (choices[i].timing, quantize) == 0)
      return i;
    if (strcmp (choices[i].timing, "bar") == 0)
      bar = i;
  }
  return bar;
}
