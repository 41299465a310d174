/* The tables that docs/safety.md shows, from the code's own.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib.h>
#include <string.h>

#include "engine/scheduler/safety.h"
#include "engine/scheduler/vocabulary.h"

static const char *const silence_names[ECH_N_SILENCE_ACTIONS] = { "nothing", "report", "resume" };

static void
hand_out (GString *text, char *out_text, size_t size)
{
  g_strlcpy (out_text, text->str, size);
  g_string_free (text, TRUE);
}

void
ech_safety_mask_print (char *out_text, size_t size)
{
  GString *text = g_string_new ("| |");

  for (int state = 0; state < ECH_N_DECK_STATES; state++)
    g_string_append_printf (text, " %s |", ech_deck_state_name ((enum ech_deck_state) state));
  g_string_append (text, "\n|---|---|---|---|---|---|\n");
  for (int verb = ECH_VERB_NONE + 1; verb < ECH_N_VERBS; verb++) {
    if (!ech_verb_has_deck ((enum ech_verb) verb))
      continue;
    g_string_append_printf (text, "| %s |", ech_verb_name ((enum ech_verb) verb));
    for (int state = 0; state < ECH_N_DECK_STATES; state++)
      g_string_append (text, ech_safety_mask ((enum ech_deck_state) state, (enum ech_verb) verb)
                                 ? " yes |"
                                 : " - |");
    g_string_append_c (text, '\n');
  }
  hand_out (text, out_text, size);
}

/* The policy */

static void
append_number (GString *text, double number, const char *unit)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (digits, sizeof digits, "%.10g", number);
  g_string_append_printf (text, "%s%s", digits, unit);
}

static void
append_span (GString *text, const struct ech_span *span)
{
  if (!(span->amount > 0))
    g_string_append (text, "none");
  else if (span->unit == ECH_SPAN_MS)
    append_number (text, span->amount, " ms");
  else
    append_number (text, span->amount, span->amount == 1 ? " beat" : " beats");
}

/* A group's cooldown: one for all, or each that has one of its own. */
static void
append_cooldown (GString *text, const struct ech_source_rules *rules, enum ech_verb_group group)
{
  const struct ech_span *first = NULL;
  bool                   same  = true;

  for (int verb = 1; verb < ECH_N_VERBS; verb++) {
    if (!(ech_group_verbs (group) & (UINT64_C (1) << verb)))
      continue;
    if (!first)
      first = &rules->cooldowns[verb];
    same = same && rules->cooldowns[verb].amount == first->amount
           && rules->cooldowns[verb].unit == first->unit;
  }
  if (same && first) {
    append_span (text, first);
    return;
  }
  for (int verb = 1; verb < ECH_N_VERBS; verb++) {
    if (!(ech_group_verbs (group) & (UINT64_C (1) << verb)))
      continue;
    g_string_append_printf (text, "%s ", ech_verb_name ((enum ech_verb) verb));
    append_span (text, &rules->cooldowns[verb]);
    g_string_append_c (text, ' ');
  }
}

static void
append_forbidden (GString *text, const struct ech_source_rules *rules)
{
  const char *separator = "";

  for (int verb = 1; verb < ECH_N_VERBS; verb++) {
    if (rules->verbs & (UINT64_C (1) << verb))
      continue;
    g_string_append_printf (text, "%s%s", separator, ech_verb_name ((enum ech_verb) verb));
    separator = ", ";
  }
  if (!*separator)
    g_string_append (text, "nothing");
}

enum row {
  ROW_MODE,
  ROW_PRIORITY,
  ROW_FORBIDDEN,
  ROW_RATE,
  ROW_COOLDOWN, /* one for each group */
  ROW_AFTER_UNLOCK = ROW_COOLDOWN + ECH_N_GROUPS,
  ROW_YIELD,
  ROW_AFTER_EMERGENCY,
  ROW_STOP_LAST,
  ROW_SILENCE_LAST,
  N_ROWS,
};

static void
append_cell (GString *text, const struct ech_source_rules *rules, int row)
{
  switch (row) {
  case ROW_MODE:
    g_string_append (text, ech_mode_name ((enum ech_source_mode) rules->mode));
    break;
  case ROW_PRIORITY:
    g_string_append_printf (text, "%u", rules->priority);
    break;
  case ROW_FORBIDDEN:
    append_forbidden (text, rules);
    break;
  case ROW_RATE:
    if (rules->rate_per_s > 0)
      append_number (text, rules->rate_per_s, "");
    else
      g_string_append (text, "no limit");
    break;
  case ROW_AFTER_UNLOCK:
    append_span (text, &rules->after_unlock);
    break;
  case ROW_YIELD:
    append_span (text, &rules->yield);
    break;
  case ROW_AFTER_EMERGENCY:
    append_span (text, &rules->after_emergency);
    break;
  case ROW_STOP_LAST:
    g_string_append (text, rules->may_stop_last ? "yes" : "no");
    break;
  case ROW_SILENCE_LAST:
    g_string_append (text, rules->may_silence_last ? "yes" : "no");
    break;
  default:
    append_cooldown (text, rules, (enum ech_verb_group) (row - ROW_COOLDOWN));
    break;
  }
}

static void
append_rules (GString *text, const struct ech_policy *policy)
{
  static const char *const names[N_ROWS] = {
    [ROW_MODE]            = "mode",
    [ROW_PRIORITY]        = "priority",
    [ROW_FORBIDDEN]       = "may not use",
    [ROW_RATE]            = "actions a second",
    [ROW_AFTER_UNLOCK]    = "after an unlock it waits",
    [ROW_YIELD]           = "after a hand's touch it waits",
    [ROW_AFTER_EMERGENCY] = "after an emergency stop it waits",
    [ROW_STOP_LAST]       = "may stop the last deck on air",
    [ROW_SILENCE_LAST]    = "may silence the last deck on air",
  };

  g_string_append (text, "| |");
  for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++)
    g_string_append_printf (text, " %s |", ech_source_class_name ((enum ech_source_class) i));
  g_string_append (text, "\n|---|---|---|---|---|\n");
  for (int row = 0; row < N_ROWS; row++) {
    if (row >= ROW_COOLDOWN && row < ROW_AFTER_UNLOCK)
      g_string_append_printf (text, "| cooldown: %s |",
                              ech_group_name ((enum ech_verb_group) (row - ROW_COOLDOWN)));
    else
      g_string_append_printf (text, "| %s |", names[row]);
    for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++) {
      g_string_append_c (text, ' ');
      append_cell (text, &policy->classes[i], row);
      g_string_append (text, " |");
    }
    g_string_append_c (text, '\n');
  }
}

void
ech_safety_policy_print (const struct ech_policy *policy, char *out_text, size_t size)
{
  GString *text = g_string_new (NULL);

  append_rules (text, policy);
  g_string_append (text, "\n| | |\n|---|---|\n| a deck is heard above | ");
  append_number (text, policy->on_air_db, " dB |\n");
  g_string_append_printf (text, "| a person may override what a deck on air refuses | %s |\n",
                          policy->human_override ? "yes" : "no");
  g_string_append (text, "| and confirms it after the refusal by | ");
  append_number (text, policy->override_least_ms, " to ");
  append_number (text, policy->override_window_ms, " ms |\n");
  g_string_append (text, "| what waits for a yes expires after | ");
  append_number (text, policy->confirm_wait_ms, " ms |\n");
  g_string_append_printf (text, "| emergency loop | %s |\n", policy->emergency_loop ? "yes" : "no");
  g_string_append (text, "| its length | ");
  append_number (text, policy->emergency_loop_beats, " beats |\n");
  g_string_append_printf (text, "| at silence | %s |\n",
                          silence_names[policy->silence_action % ECH_N_SILENCE_ACTIONS]);
  g_string_append (text, "| silence is so long | ");
  append_number (text, policy->silence_after_ms, " ms |\n");
  g_string_append (text, "| and under | ");
  append_number (text, policy->silence_db, " dB |\n");
  hand_out (text, out_text, size);
}
