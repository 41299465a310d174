/* policy-doc FILE [--write]: is the table of keys in docs/policy.md that of the code?
 *
 * Between "<!-- keys -->" and "<!-- end -->" stands what this program prints;
 * --write puts it there.  Else a TAP test that says whether it is so already.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "engine/policy-keys.h"
#include "engine/scheduler/vocabulary.h"

/* What a value of that type looks like. */
static char *
describe_type (const struct ech_policy_key *key)
{
  g_autofree char *words = key->words != NULL ? g_strjoinv ("`, `", (char **) key->words) : NULL;

  switch (key->type) {
  case ECH_POLICY_VERSION:
    return g_strdup ("1");
  case ECH_POLICY_SWITCH:
    return g_strdup ("`true`, `false`");
  case ECH_POLICY_NUMBER:
    return g_strdup_printf ("number, %g .. %.0f", key->minimum, key->maximum);
  case ECH_POLICY_WHOLE:
    return g_strdup_printf ("whole number, %g .. %.0f", key->minimum, key->maximum);
  case ECH_POLICY_TIME:
    return g_strdup_printf ("time, %s, under %d s", key->minimum > 0 ? "more than 0" : "or 0", ECH_POLICY_MOST_S);
  case ECH_POLICY_SPAN:
    return g_strdup_printf ("span, under %d s or %d beats, or 0", ECH_POLICY_MOST_S, ECH_POLICY_MOST_BEATS);
  case ECH_POLICY_WORD:
    return g_strdup_printf ("`%s`", words);
  case ECH_POLICY_MAY:
  case ECH_POLICY_MAY_NOT:
    return g_strdup ("array of groups and verbs");
  case ECH_POLICY_COOLDOWNS:
    return g_strdup ("object: group or verb: span");
  case ECH_POLICY_CLASSES:
    return g_strdup_printf ("object: `%s`", words);
  case ECH_POLICY_SOURCES:
    return g_strdup_printf ("object: a source's name, at most %.0f", key->maximum);
  default:
    return g_strdup ("object");
  }
}

static void
add_default (GString *out, const struct ech_policy_key *key, const struct ech_policy *policy)
{
  gboolean rules = strcmp (key->section, "rules") == 0;

  if (strcmp (key->section, "source") == 0)
    return;
  for (int i = 0; i < (rules ? ECH_N_SOURCE_CLASSES : 1); i++) {
    const void      *base  = rules ? (const void *) &policy->classes[i] : policy;
    g_autofree char *value = ech_policy_key_print (key, base);

    if (rules)
      g_string_append_printf (out, "%s%s ", i > 0 ? "<br>" : "", ech_source_class_name ((enum ech_source_class) i));
    if (value[0] != '\0')
      g_string_append_printf (out, "`%s`", value);
  }
}

static char *
print_keys (void)
{
  GString *out = g_string_new ("| key | accepted | default | what it says |\n|---|---|---|---|\n");
  unsigned n_keys;
  const struct ech_policy_key *keys = ech_policy_keys (&n_keys);
  struct ech_policy            policy;

  ech_policy_init (&policy);
  for (unsigned i = 0; i < n_keys; i++) {
    g_autofree char *type  = describe_type (&keys[i]);
    const char      *above = strcmp (keys[i].section, "rules") == 0    ? "classes.CLASS"
                             : strcmp (keys[i].section, "source") == 0 ? "sources.NAME"
                                                                       : keys[i].section;

    g_string_append_printf (out, "| `%s%s%s` | %s | ", above, above[0] != '\0' ? "." : "", keys[i].name, type);
    add_default (out, &keys[i], &policy);
    g_string_append_printf (out, " | %s |\n", keys[i].help);
  }
  return g_string_free (out, FALSE);
}

static void
add_verb (GString *out, uint64_t verbs, int verb)
{
  if ((verbs & ECH_VERB_BIT (verb)) && verb != ECH_VERB_EMERGENCY)
    g_string_append_printf (out, " `%s`", ech_verb_name ((enum ech_verb) verb));
}

static char *
print_groups (void)
{
  GString *out = g_string_new ("| group | verbs |\n|---|---|\n");

  for (int group = 0; group < ECH_N_GROUPS; group++) {
    g_string_append_printf (out, "| `%s` |", ech_group_name ((enum ech_verb_group) group));
    for (int verb = 1; verb < ECH_N_VERBS; verb++)
      add_verb (out, ech_group_verbs ((enum ech_verb_group) group), verb);
    g_string_append (out, " |\n");
  }
  return g_string_free (out, FALSE);
}

/* @text (taken) with what stands between the marks replaced by @table (taken). */
static char *
fill (char *text, const char *name, char *table)
{
  g_autofree char *mark   = g_strdup_printf ("<!-- %s -->\n", name);
  g_autofree char *before = text;
  g_autofree char *taken  = table;
  char            *begin  = strstr (before, mark);
  char            *end    = begin ? strstr (begin, "<!-- end -->") : NULL;

  if (end == NULL)
    g_error ("no place for the table \"%s\"", name);
  begin += strlen (mark);
  return g_strdup_printf ("%.*s%s%s", (int) (begin - before), before, taken, end);
}

int
main (int argc, char **argv)
{
  g_autofree char *before = NULL;
  g_autofree char *after  = NULL;

  if (argc < 2 || !g_file_get_contents (argv[1], &before, NULL, NULL))
    g_error ("policy-doc FILE [--write]");
  after = fill (g_strdup (before), "keys", print_keys ());
  after = fill (g_steal_pointer (&after), "groups", print_groups ());
  if (argc > 2)
    return !g_file_set_contents (argv[1], after, -1, NULL);
  printf ("1..1\n%s 1 - the tables in docs/policy.md are those of the code\n",
          strcmp (before, after) == 0 ? "ok" : "not ok");
  return strcmp (before, after) != 0;
}
