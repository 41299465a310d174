/* osc-doc FILE [--write]: are the tables in docs/osc.md those of the code?
 *
 * Between "<!-- NAME -->" and "<!-- end -->" stands what this program prints;
 * --write puts it there.  Else a TAP test that says whether it is so already.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "drivers/osc/osc-state.h"
#include "drivers/osc/osc-telemetry.h"
#include "engine/scheduler/vocabulary.h"

static void
add_range (GString *out, const struct ech_word *word)
{
  if (word->minimum == word->maximum)
    return;
  if (isinf (word->minimum))
    g_string_append_printf (out, "-inf .. %g", word->maximum);
  else
    g_string_append_printf (out, "%g .. %g", word->minimum, word->maximum);
}

static char *
print_addresses (void)
{
  GString *out = g_string_new ("| address | arguments | range | timing | what it does |\n"
                               "|---|---|---|---|---|\n");
  unsigned n_words;
  const struct ech_word *words = ech_vocabulary_words (&n_words);

  for (unsigned i = 0; i < n_words; i++) {
    g_string_append_printf (out, "| `%s` | %s | ", words[i].address, words[i].arguments);
    add_range (out, &words[i]);
    g_string_append_printf (out, " | %s | %s |\n", words[i].timing ? "yes" : "-", words[i].help);
  }
  return g_string_free (out, FALSE);
}

static char *
print_state (void)
{
  GString                   *out = g_string_new ("| address | types | values | told on change |\n"
                                                                   "|---|---|---|---|\n");
  unsigned                   n_leaves;
  const struct ech_osc_leaf *leaves = ech_osc_leaves (&n_leaves);

  for (unsigned i = 0; i < n_leaves; i++)
    g_string_append_printf (out, "| `%s` | %s | %s | %s |\n", leaves[i].address, leaves[i].types,
                            leaves[i].help, leaves[i].streamed ? "yes" : "-");
  return g_string_free (out, FALSE);
}

static char *
print_counts (void)
{
  GString                    *out = g_string_new ("| address | types | values |\n|---|---|---|\n");
  unsigned                    n;
  const struct ech_osc_count *table = ech_osc_count_table (&n);

  for (unsigned i = 0; i < n; i++)
    g_string_append_printf (out, "| `%s` | %s | %s |\n", table[i].address, table[i].types, table[i].help);
  return g_string_free (out, FALSE);
}

static char *
print_rules (void)
{
  GString *out = g_string_new ("");

  for (unsigned i = 0; i < ECH_N_RULES; i++)
    g_string_append_printf (out, "%s`%s`", i ? ", " : "", ech_rule_name (i));
  g_string_append (out, "\n");
  return g_string_free (out, FALSE);
}

/* @text with what stands between the marks replaced by @table (taken). */
static char *
fill (char *text, const char *name, char *table)
{
  g_autofree char *mark  = g_strdup_printf ("<!-- %s -->\n", name);
  g_autofree char *taken = table;
  char            *begin = strstr (text, mark);
  char            *end   = begin ? strstr (begin, "<!-- end -->") : NULL;
  char            *result;

  if (end == NULL)
    g_error ("no place for the table \"%s\"", name);
  begin += strlen (mark);
  result = g_strdup_printf ("%.*s%s%s", (int) (begin - text), text, taken, end);
  g_free (text);
  return result;
}

int
main (int argc, char **argv)
{
  g_autofree char *before = NULL;
  g_autofree char *after  = NULL;

  if (argc < 2 || !g_file_get_contents (argv[1], &before, NULL, NULL))
    g_error ("osc-doc FILE [--write]");
  after = fill (g_strdup (before), "addresses", print_addresses());
  after = fill (g_steal_pointer (&after), "state", print_state());
  after = fill (g_steal_pointer (&after), "telemetry", print_counts());
  after = fill (g_steal_pointer (&after), "rules", print_rules());
  if (argc > 2)
    return !g_file_set_contents (argv[1], after, -1, NULL);
  printf ("1..1\n%s 1 - the tables in docs/osc.md are those of the code\n",
          strcmp (before, after) == 0 ? "ok" : "not ok");
  return strcmp (before, after) != 0;
}
