/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/policy-keys.h"

#include <string.h>

#include "engine/scheduler/vocabulary.h"

/* Of the JSON text, in the order of the enums. */
static const char *const mode_words[]    = { "off", "ghost", "assist", "auto", NULL };
static const char *const class_words[]   = { "hand", "osc", "bridge", "agent", NULL };
static const char *const silence_words[] = { "nothing", "report", "resume", NULL };

G_STATIC_ASSERT (G_N_ELEMENTS (mode_words) == ECH_N_MODES + 1);
G_STATIC_ASSERT (G_N_ELEMENTS (class_words) == ECH_N_SOURCE_CLASSES + 1);
G_STATIC_ASSERT (G_N_ELEMENTS (silence_words) == ECH_N_SILENCE_ACTIONS + 1);

#define POLICY(field) offsetof (struct ech_policy, field)
#define RULES(field)  offsetof (struct ech_source_rules, field)

/* clang-format off */
static const struct ech_policy_key keys[] = {
  { "", "version", ECH_POLICY_VERSION, 0, 1, 1, NULL, "The format of the file." },
  { "", "on_air", ECH_POLICY_SECTION, 0, 0, 0, NULL, "What is heard, and what a person may do to it all the same." },
  { "on_air", "level_db", ECH_POLICY_NUMBER, POLICY (on_air_db), -120, 0, NULL,
    "A deck at or under this level is not heard." },
  { "on_air", "human_override", ECH_POLICY_SWITCH, POLICY (human_override), 0, 0, NULL,
    "A person may confirm what was refused because the deck is on air." },
  { "on_air", "override_least", ECH_POLICY_TIME, POLICY (override_least_ms), 0, 0, NULL,
    "The yes counts from so long after the refusal on: a double click is none." },
  { "on_air", "override_window", ECH_POLICY_TIME, POLICY (override_window_ms), 1, 0, NULL,
    "And no longer than so long after it." },
  { "", "confirm_wait", ECH_POLICY_TIME, POLICY (confirm_wait_ms), 1, 0, NULL,
    "What waits for a person's yes (mode assist) expires after so long." },
  { "", "guards", ECH_POLICY_SECTION, 0, 0, 0, NULL, "What watches over the show." },
  { "guards", "emergency_loop", ECH_POLICY_SECTION, 0, 0, 0, NULL, "For the last deck on air that runs out." },
  { "guards.emergency_loop", "on", ECH_POLICY_SWITCH, POLICY (emergency_loop), 0, 0, NULL,
    "The last deck on air loops its last beats before it runs out." },
  { "guards.emergency_loop", "beats", ECH_POLICY_NUMBER, POLICY (emergency_loop_beats), 1, ECH_MAX_LOOP_BEATS, NULL,
    "So many beats." },
  { "guards", "silence", ECH_POLICY_SECTION, 0, 0, 0, NULL, "For silence that nobody asked for." },
  { "guards.silence", "action", ECH_POLICY_WORD, POLICY (silence_action), 0, 0, silence_words,
    "What then happens: nothing; a report; a report, and the deck heard last plays its last bars, looped." },
  { "guards.silence", "after", ECH_POLICY_TIME, POLICY (silence_after_ms), 1, 0, NULL,
    "So long is silence." },
  { "guards.silence", "level_db", ECH_POLICY_NUMBER, POLICY (silence_db), -120, 0, NULL,
    "A master under this level is silent." },
  { "", "classes", ECH_POLICY_CLASSES, POLICY (classes), 0, 0, class_words, "The rules for each class of sources." },
  { "", "sources", ECH_POLICY_SOURCES, POLICY (sources), 0, ECH_MAX_NAMED_SOURCES, NULL,
    "Sources with rules of their own, by name; what is not given is as in their class." },

  { "rules", "mode", ECH_POLICY_WORD, RULES (mode), 0, 0, mode_words,
    "What becomes of its actions at the start: refused; judged and logged, not done; held for a person's yes; done." },
  { "rules", "priority", ECH_POLICY_WHOLE, RULES (priority), 0, 100, NULL,
    "Of what comes at the same time the higher goes first." },
  { "rules", "rate_per_s", ECH_POLICY_NUMBER, RULES (rate_per_s), 0, 1000000, NULL,
    "Actions a second on the long run, and at once; 0 is no limit." },
  { "rules", "may", ECH_POLICY_MAY, RULES (verbs), 0, 0, NULL,
    "Nothing but these groups and verbs." },
  { "rules", "may_not", ECH_POLICY_MAY_NOT, RULES (verbs), 0, 0, NULL,
    "Everything but these groups and verbs; not beside `may`." },
  { "rules", "cooldowns", ECH_POLICY_COOLDOWNS, RULES (cooldowns), 0, 0, NULL,
    "After an action was accepted the same verb on the same deck waits so long, by group or verb; a verb goes before its group." },
  { "rules", "after_unlock", ECH_POLICY_SPAN, RULES (after_unlock), 0, 0, NULL,
    "A deck that was unlocked takes nothing from it for so long." },
  { "rules", "yield", ECH_POLICY_SPAN, RULES (yield), 0, 0, NULL,
    "What a hand has touched takes nothing from it for so long; hands need none." },
  { "rules", "after_emergency", ECH_POLICY_SPAN, RULES (after_emergency), 0, 0, NULL,
    "After an emergency stop it is refused everything for so long." },
  { "rules", "may_stop_last", ECH_POLICY_SWITCH, RULES (may_stop_last), 0, 0, NULL,
    "It may stop the last deck on air." },
  { "rules", "may_silence_last", ECH_POLICY_SWITCH, RULES (may_silence_last), 0, 0, NULL,
    "It may take the last deck on air out of the master by a fader, EQ or volume." },
  { "source", "class", ECH_POLICY_WORD, 0, 0, 0, class_words,
    "What the source counts as, whatever it says of itself; must be given." },
};
/* clang-format on */

const struct ech_policy_key *
ech_policy_keys (unsigned *out_n_keys)
{
  *out_n_keys = G_N_ELEMENTS (keys);
  return keys;
}

const struct ech_policy_key *
ech_policy_key_find (const char *section, const char *name)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (keys); i++) {
    gboolean here = strcmp (keys[i].section, section) == 0
                    || (strcmp (section, "source") == 0 && strcmp (keys[i].section, "rules") == 0);

    if (here && strcmp (keys[i].name, name) == 0)
      return &keys[i];
  }
  return NULL;
}

/* The shortest text that reads back as the same double, never with an exponent. */
static char *
print_number (double value)
{
  char text[400];

  for (int digits = 0; digits <= 20; digits++) {
    char format[8];

    g_snprintf (format, sizeof format, "%%.%df", digits);
    g_ascii_formatd (text, sizeof text, format, value);
    if (g_ascii_strtod (text, NULL) == value)
      break;
  }
  return g_strdup (text);
}

char *
ech_span_print (const struct ech_span *span)
{
  gboolean         in_s   = span->unit == ECH_SPAN_MS && span->amount >= 1000 && fmod (span->amount, 1000) == 0;
  g_autofree char *number = print_number (in_s ? span->amount / 1000 : span->amount);

  if (span->unit == ECH_SPAN_MS)
    return g_strconcat (number, in_s ? " s" : " ms", NULL);
  return g_strconcat (number, span->amount == 1 ? " beat" : " beats", NULL);
}

uint64_t
ech_policy_verbs_of (const char *name)
{
  for (int group = 0; group < ECH_N_GROUPS; group++)
    if (strcmp (name, ech_group_name ((enum ech_verb_group) group)) == 0)
      return ech_group_verbs ((enum ech_verb_group) group) & ~ECH_VERB_BIT (ECH_VERB_EMERGENCY);
  for (int verb = 1; verb < ECH_N_VERBS; verb++)
    if (verb != ECH_VERB_EMERGENCY && strcmp (name, ech_verb_name ((enum ech_verb) verb)) == 0)
      return ECH_VERB_BIT (verb);
  return 0;
}

/* Groups that are whole, then the verbs that are left. */
static char *
print_verbs (uint64_t verbs)
{
  GString *out = g_string_new ("[");

  for (int group = 0; group < ECH_N_GROUPS; group++) {
    const char *name = ech_group_name ((enum ech_verb_group) group);
    uint64_t    all  = ech_policy_verbs_of (name);

    if ((verbs & all) != all)
      continue;
    verbs &= ~all;
    g_string_append_printf (out, "%s\"%s\"", out->len > 1 ? ", " : "", name);
  }
  for (int verb = 1; verb < ECH_N_VERBS; verb++)
    if (verbs & ECH_POLICY_VERBS & ECH_VERB_BIT (verb))
      g_string_append_printf (out, "%s\"%s\"", out->len > 1 ? ", " : "", ech_verb_name ((enum ech_verb) verb));
  g_string_append_c (out, ']');
  return g_string_free (out, FALSE);
}

static char *
quote (char *text)
{
  g_autofree char *taken = text;

  return g_strdup_printf ("\"%s\"", taken);
}

static gboolean
same (const struct ech_span *a, const struct ech_span *b)
{
  return a->amount == b->amount && a->unit == b->unit;
}

/* Whether the verbs of a group have one span. */
static gboolean
is_uniform (const struct ech_span *cooldowns, uint64_t verbs)
{
  const struct ech_span *first   = NULL;
  gboolean               uniform = TRUE;

  for (int verb = 0; verb < ECH_N_VERBS; verb++) {
    if (!(verbs & ECH_VERB_BIT (verb)))
      continue;
    if (first == NULL)
      first = &cooldowns[verb];
    uniform &= same (first, &cooldowns[verb]);
  }
  return uniform;
}

static void
add_cooldown (GString *out, const char *between, const char *name, const struct ech_span *span)
{
  g_autofree char *text = ech_span_print (span);

  g_string_append_printf (out, "%s%s\"%s\": \"%s\"", out->len > 1 ? "," : "", between, name, text);
}

char *
ech_policy_print_cooldowns (const struct ech_span *cooldowns,
                            const struct ech_span *base,
                            bool                   all,
                            const char            *between,
                            const char            *last)
{
  GString *out = g_string_new ("{");

  for (int group = 0; group < ECH_N_GROUPS; group++) {
    const char *name    = ech_group_name ((enum ech_verb_group) group);
    uint64_t    verbs   = ech_policy_verbs_of (name);
    gboolean    uniform = is_uniform (cooldowns, verbs);

    for (int verb = 0; verb < ECH_N_VERBS; verb++) {
      if (!(verbs & ECH_VERB_BIT (verb)) || (!all && same (&base[verb], &cooldowns[verb])))
        continue;
      add_cooldown (out, between, uniform ? name : ech_verb_name ((enum ech_verb) verb), &cooldowns[verb]);
      if (uniform)
        break;
    }
  }
  g_string_append_printf (out, "%s}", out->len > 1 ? last : "");
  return g_string_free (out, FALSE);
}

static char *
print_cooldowns (const struct ech_span *cooldowns)
{
  const struct ech_span none[ECH_N_VERBS] = { 0 };

  return ech_policy_print_cooldowns (cooldowns, none, FALSE, " ", " ");
}

char *
ech_policy_key_print (const struct ech_policy_key *key, const void *base)
{
  const void *field = (const char *) base + key->offset;

  switch (key->type) {
  case ECH_POLICY_VERSION:
    return g_strdup ("1");
  case ECH_POLICY_SWITCH:
    return g_strdup (*(const bool *) field ? "true" : "false");
  case ECH_POLICY_NUMBER:
    return print_number (*(const double *) field);
  case ECH_POLICY_WHOLE:
    return g_strdup_printf ("%u", *(const uint32_t *) field);
  case ECH_POLICY_TIME:
    return quote (ech_span_print (&(struct ech_span){ *(const double *) field, ECH_SPAN_MS }));
  case ECH_POLICY_SPAN:
    return quote (ech_span_print (field));
  case ECH_POLICY_WORD:
    return g_strdup_printf ("\"%s\"", key->words[*(const uint32_t *) field]);
  case ECH_POLICY_MAY:
    return print_verbs (*(const uint64_t *) field);
  case ECH_POLICY_MAY_NOT:
    return print_verbs (~*(const uint64_t *) field & ECH_POLICY_VERBS);
  case ECH_POLICY_COOLDOWNS:
    return print_cooldowns (field);
  default:
    return g_strdup ("");
  }
}
