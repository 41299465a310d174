/* The way back from policy-file.c.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "engine/policy-file.h"
#include "engine/policy-keys.h"
#include "engine/scheduler/vocabulary.h"

struct writer {
  GString *out;
  unsigned depth; /* of braces */
  bool     all;
};

static void write_section (struct writer *writer, const char *section, const void *base, const void *defaults);

/* --- JSON --- */

static char *
indent (unsigned depth)
{
  return g_strdup_printf ("\n%*s", (int) (2 * depth), "");
}

static void
add (struct writer *writer, const char *name, const char *value)
{
  g_autofree char *before = indent (writer->depth);
  char             last   = writer->out->str[writer->out->len - 1];

  g_string_append_printf (writer->out, "%s%s\"", last == '{' ? "" : ",", before);
  for (const char *at = name; *at != '\0'; at++) {
    if (*at == '"' || *at == '\\')
      g_string_append_c (writer->out, '\\');
    g_string_append_c (writer->out, *at);
  }
  g_string_append_printf (writer->out, "\": %s", value);
}

static void
begin (struct writer *writer, const char *name)
{
  add (writer, name, "{");
  writer->depth++;
}

/* An object in which nothing was written is taken back, unless it must be there. */
static void
end (struct writer *writer, size_t length, bool needed)
{
  gboolean         empty  = writer->out->str[writer->out->len - 1] == '{';
  g_autofree char *before = indent (--writer->depth);

  if (empty && !needed)
    g_string_truncate (writer->out, length);
  else
    g_string_append_printf (writer->out, "%s}", empty ? "" : before);
}

static void
write_verbs (struct writer *writer, const struct ech_policy_key *may, uint64_t verbs, uint64_t defaults)
{
  const struct ech_policy_key *may_not   = ech_policy_key_find ("rules", "may_not");
  struct ech_source_rules      rules     = { .verbs = verbs };
  g_autofree char             *allowed   = ech_policy_key_print (may, &rules);
  g_autofree char             *forbidden = ech_policy_key_print (may_not, &rules);

  if (!writer->all && ((verbs ^ defaults) & ECH_POLICY_VERBS) == 0)
    return;
  if (strlen (allowed) < strlen (forbidden))
    add (writer, may->name, allowed);
  else
    add (writer, may_not->name, forbidden);
}

static void
write_cooldowns (struct writer *writer, const char *name, const struct ech_span *spans, const struct ech_span *defaults)
{
  g_autofree char *between = indent (writer->depth + 1);
  g_autofree char *last    = indent (writer->depth);
  g_autofree char *text    = ech_policy_print_cooldowns (spans, defaults, writer->all, between, last);

  if (strcmp (text, "{}") != 0)
    add (writer, name, text);
}

static void
write_classes (struct writer *writer, const char *const *names, const struct ech_source_rules *classes,
               const struct ech_source_rules *defaults)
{
  for (unsigned i = 0; i < ECH_N_SOURCE_CLASSES; i++) {
    size_t length = writer->out->len;

    begin (writer, names[i]);
    write_section (writer, "rules", &classes[i], &defaults[i]);
    end (writer, length, false);
  }
}

static void
write_sources (struct writer *writer, const struct ech_policy *policy)
{
  const struct ech_policy_key *key = ech_policy_key_find ("source", "class");

  for (uint32_t i = 0; i < policy->n_sources; i++) {
    const struct ech_named_source *source = &policy->sources[i];
    g_autofree char               *name   = g_strdup_printf ("\"%s\"", key->words[source->source_class]);

    begin (writer, source->name);
    add (writer, key->name, name);
    write_section (writer, "rules", &source->rules, &policy->classes[source->source_class]);
    end (writer, 0, true);
  }
}

static void
write_object (struct writer *writer, const struct ech_policy_key *key, const void *base, const void *defaults)
{
  g_autofree char *section = g_strjoin (key->section[0] != '\0' ? "." : "", key->section, key->name, NULL);
  size_t           length  = writer->out->len;

  begin (writer, key->name);
  if (key->type == ECH_POLICY_CLASSES)
    write_classes (writer, key->words, ((const struct ech_policy *) base)->classes,
                   ((const struct ech_policy *) defaults)->classes);
  else if (key->type == ECH_POLICY_SOURCES)
    write_sources (writer, base);
  else
    write_section (writer, section, base, defaults);
  end (writer, length, writer->all);
}

static void
write_key (struct writer *writer, const struct ech_policy_key *key, const void *base, const void *defaults)
{
  g_autofree char *value = NULL;
  g_autofree char *usual = NULL;
  const char      *field = (const char *) base + key->offset;

  switch (key->type) {
  case ECH_POLICY_MAY:
    write_verbs (writer, key, *(const uint64_t *) field, *(const uint64_t *) ((const char *) defaults + key->offset));
    return;
  case ECH_POLICY_MAY_NOT:
    return; /* with "may" */
  case ECH_POLICY_COOLDOWNS:
    write_cooldowns (writer, key->name, (const struct ech_span *) field,
                     (const struct ech_span *) ((const char *) defaults + key->offset));
    return;
  case ECH_POLICY_SECTION:
  case ECH_POLICY_CLASSES:
  case ECH_POLICY_SOURCES:
    write_object (writer, key, base, defaults);
    return;
  default:
    value = ech_policy_key_print (key, base);
    usual = ech_policy_key_print (key, defaults);
    if (writer->all || key->type == ECH_POLICY_VERSION || strcmp (value, usual) != 0)
      add (writer, key->name, value);
  }
}

static void
write_section (struct writer *writer, const char *section, const void *base, const void *defaults)
{
  unsigned                     n_keys;
  const struct ech_policy_key *keys = ech_policy_keys (&n_keys);

  for (unsigned i = 0; i < n_keys; i++)
    if (strcmp (keys[i].section, section) == 0)
      write_key (writer, &keys[i], base, defaults);
}

char *
ech_policy_print (const struct ech_policy *policy, bool all)
{
  struct writer     writer = { .out = g_string_new ("{"), .depth = 1, .all = all };
  struct ech_policy defaults;

  ech_policy_init (&defaults);
  write_section (&writer, "", policy, &defaults);
  end (&writer, 0, true);
  g_string_append_c (writer.out, '\n');
  return g_string_free (writer.out, FALSE);
}
