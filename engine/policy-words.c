/* A policy in plain words.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "engine/policy-file.h"
#include "engine/policy-keys.h"

static char *
ms (double amount)
{
  return ech_span_print (&(struct ech_span){ amount, ECH_SPAN_MS });
}

static void
explain_on_air (GString *out, const struct ech_policy *policy)
{
  g_autofree char *least  = ms (policy->override_least_ms);
  g_autofree char *window = ms (policy->override_window_ms);
  g_autofree char *wait   = ms (policy->confirm_wait_ms);

  g_string_append_printf (out, "A deck that plays above %g dB is on air: no load, eject or unquantised seek.\n",
                          policy->on_air_db);
  if (policy->human_override)
    g_string_append_printf (out, "A person may confirm such a thing all the same, from %s to %s after the refusal.\n",
                            least, window);
  else
    g_string_append (out, "Nobody can override that.\n");
  g_string_append_printf (out, "What waits for a person's yes expires after %s.\n", wait);
}

static void
explain_guards (GString *out, const struct ech_policy *policy)
{
  g_autofree char *after = ms (policy->silence_after_ms);

  if (policy->emergency_loop)
    g_string_append_printf (out, "The last deck on air loops its last %g beats before it runs out.\n",
                            policy->emergency_loop_beats);
  else
    g_string_append (out, "The last deck on air may run out: there is no emergency loop.\n");
  if (policy->silence_action == ECH_SILENCE_NOTHING)
    g_string_append (out, "Silence is not watched.\n");
  else
    g_string_append_printf (out, "A master under %g dB for %s, which nobody asked for, is reported%s.\n", policy->silence_db,
                            after,
                            policy->silence_action == ECH_SILENCE_RESUME
                                ? ", and the deck heard last plays its last bars, looped"
                                : "");
}

/* ["loads", "record"] as: loads, record. */
static char *
list (const char *key, const struct ech_source_rules *rules)
{
  g_autofree char *json = ech_policy_key_print (ech_policy_key_find ("rules", key), rules);
  GString         *out  = g_string_new (NULL);

  for (const char *at = json; *at != '\0'; at++)
    if (strchr ("[]{}\"", *at) == NULL)
      g_string_append_c (out, *at);
  return g_strstrip (g_string_free (out, FALSE));
}

static void
explain_verbs (GString *out, const struct ech_source_rules *rules)
{
  g_autofree char *may     = list ("may", rules);
  g_autofree char *may_not = list ("may_not", rules);

  if (may_not[0] == '\0')
    g_string_append (out, "  may ask for everything\n");
  else if (may[0] == '\0')
    g_string_append (out, "  may ask for nothing but an emergency stop\n");
  else if (strlen (may) < strlen (may_not))
    g_string_append_printf (out, "  may ask for nothing but: %s\n", may);
  else
    g_string_append_printf (out, "  may ask for everything but: %s\n", may_not);
}

static void
explain_span (GString *out, const char *what, const struct ech_span *span)
{
  g_autofree char *text = ech_span_print (span);

  if (span->amount > 0)
    g_string_append_printf (out, "  %s: %s\n", what, text);
}

static void
explain_rules (GString *out, const struct ech_source_rules *rules)
{
  static const char *const modes[ECH_N_MODES] = { "is off: everything is refused",
                                                  "is a ghost: judged and logged, not done",
                                                  "is assisted: waits for a person's yes",
                                                  "is automatic: what passes is done" };
  g_autofree char         *cooldowns          = list ("cooldowns", rules);

  g_string_append_printf (out, "  %s; priority %u", modes[rules->mode], rules->priority);
  if (rules->rate_per_s > 0)
    g_string_append_printf (out, "; at most %g actions a second", rules->rate_per_s);
  g_string_append_c (out, '\n');
  explain_verbs (out, rules);
  if (cooldowns[0] != '\0')
    g_string_append_printf (out, "  waits between two of the same on a deck: %s\n", cooldowns);
  explain_span (out, "waits after an unlock", &rules->after_unlock);
  explain_span (out, "waits after a hand has touched the same control", &rules->yield);
  explain_span (out, "waits after an emergency stop", &rules->after_emergency);
  g_string_append_printf (out, "  may%s stop the last deck on air, and may%s silence it by a fader or EQ\n",
                          rules->may_stop_last ? "" : " not", rules->may_silence_last ? "" : " not");
}

char *
ech_policy_explain (const struct ech_policy *policy)
{
  GString *out = g_string_new (NULL);

  explain_on_air (out, policy);
  explain_guards (out, policy);
  for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++) {
    g_string_append_printf (out, "\n%s\n", ech_source_class_name ((enum ech_source_class) i));
    explain_rules (out, &policy->classes[i]);
  }
  for (uint32_t i = 0; i < policy->n_sources; i++) {
    g_string_append_printf (out, "\nsource %s, counts as %s\n", policy->sources[i].name,
                            ech_source_class_name ((enum ech_source_class) policy->sources[i].source_class));
    explain_rules (out, &policy->sources[i].rules);
  }
  return g_string_free (out, FALSE);
}
