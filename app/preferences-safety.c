/* See preferences-safety.h.
 *
 * The rows are a table: what they say, and which field of the policy they show.  A row's widget is
 * filled from the policy whenever that changes, and changes one field of a copy that is saved.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "app/preferences-safety.h"

#include "engine/scheduler/vocabulary.h"
#include "ui/ech-ui.h"

enum row_type {
  ROW_SWITCH,  /* bool */
  ROW_NUMBER,  /* double: minimum, maximum, step */
  ROW_SECONDS, /* double in ms */
  ROW_WHOLE,   /* uint32_t */
  ROW_CHOICE,  /* uint32_t: one of `choices` */
  ROW_SPAN,    /* struct ech_span */
  ROW_COOLDOWN, /* the spans of a group's verbs; the offset is the group */
  ROW_MAY,      /* a group of verbs is allowed; the offset is the group */
};

struct row {
  const char        *title;
  const char        *subtitle;
  enum row_type      type;
  size_t             offset;
  double             minimum, maximum, step;
  const char *const *choices;
};

struct page {
  EchPolicyWatch       *watch; /* a reference */
  AdwPreferencesWindow *window;
  AdwPreferencesPage   *page;
  GPtrArray            *bindings; /* struct binding, in the order of the rows */
  AdwPreferencesGroup  *fault_group;
  AdwActionRow         *fault_row;
  GtkWidget            *groups[3]; /* that cannot be changed while the file is wrong */
  AdwExpanderRow       *class_rows[ECH_N_SOURCE_CLASSES];
  gulong                changed;
  gboolean              showing; /* widgets are being filled */
};

struct binding {
  struct page      *page;
  const struct row *row;
  GtkWidget        *widget;
  size_t            base; /* of the struct that the row's offset is in, within struct ech_policy */
  gboolean          own;  /* ROW_SPAN, ROW_COOLDOWN: the last choice stands for what is none of the others */
};

static const char *const mode_choices[] = { N_ ("Off: refused"), N_ ("Ghost: judged, not done"),
                                            N_ ("Assist: asks me first"), N_ ("Auto: done"), NULL };
static const char *const silence_choices[] = { N_ ("Do nothing"), N_ ("Tell me"), N_ ("Tell me and play on"),
                                               NULL };

static const struct ech_span spans[] = {
  { 0, ECH_SPAN_MS },      { 60, ECH_SPAN_MS },    { 250, ECH_SPAN_MS },   { 0.5, ECH_SPAN_BEATS }, { 1, ECH_SPAN_BEATS },
  { 2, ECH_SPAN_BEATS },   { 4, ECH_SPAN_BEATS },  { 8, ECH_SPAN_BEATS },  { 16, ECH_SPAN_BEATS },  { 32, ECH_SPAN_BEATS },
};

#define POLICY(field) offsetof (struct ech_policy, field)
#define RULES(field)  offsetof (struct ech_source_rules, field)

/* clang-format off */
static const struct row on_air_rows[] = {
  { N_ ("A deck is heard from"), N_ ("In dB. Above it the deck is on air: no load, no eject and no seek off the beat."),
    ROW_NUMBER, POLICY (on_air_db), -120, 0, 1, NULL },
  { N_ ("I may insist"), N_ ("What was refused because the deck is on air is done when you confirm it in a second step."),
    ROW_SWITCH, POLICY (human_override), 0, 0, 0, NULL },
  { N_ ("Time to insist"), N_ ("In seconds after the refusal."),
    ROW_SECONDS, POLICY (override_window_ms), 1, 999, 1, NULL },
  { N_ ("Questions wait"), N_ ("In seconds. What asks for your yes in mode Assist is dropped after that."),
    ROW_SECONDS, POLICY (confirm_wait_ms), 1, 999, 1, NULL },
};

static const struct row guard_rows[] = {
  { N_ ("Emergency loop"), N_ ("The last deck on air loops its last beats before the track runs out."),
    ROW_SWITCH, POLICY (emergency_loop), 0, 0, 0, NULL },
  { N_ ("Length of the emergency loop"), N_ ("In beats."),
    ROW_NUMBER, POLICY (emergency_loop_beats), 1, ECH_MAX_LOOP_BEATS, 1, NULL },
  { N_ ("When it falls silent"), N_ ("Though no person took the last deck off air. To play on is to loop what was heard last."),
    ROW_CHOICE, POLICY (silence_action), 0, 0, 0, silence_choices },
  { N_ ("Silence is"), N_ ("In seconds without a sound."),
    ROW_SECONDS, POLICY (silence_after_ms), 0.5, 999, 0.5, NULL },
  { N_ ("Silent under"), N_ ("In dB, at the master."),
    ROW_NUMBER, POLICY (silence_db), -120, 0, 1, NULL },
};

static const struct row class_rows[] = {
  { N_ ("What becomes of its actions"), N_ ("When they have passed all other rules."),
    ROW_CHOICE, RULES (mode), 0, 0, 0, mode_choices },
  { N_ ("Pause between starts, stops and jumps"), N_ ("Of the same kind on the same deck."),
    ROW_COOLDOWN, ECH_GROUP_TRANSPORT, 0, 0, 0, NULL },
  { N_ ("Pause between loops"), N_ ("Of the same kind on the same deck."),
    ROW_COOLDOWN, ECH_GROUP_LOOPS, 0, 0, 0, NULL },
  { N_ ("Pause between loads"), N_ ("And between ejects, on the same deck."),
    ROW_COOLDOWN, ECH_GROUP_LOADS, 0, 0, 0, NULL },
  { N_ ("Actions a second"), N_ ("0 is no limit."),
    ROW_NUMBER, RULES (rate_per_s), 0, 1000000, 10, NULL },
  { N_ ("May load and eject"), N_ ("Never on a deck that is on air."),
    ROW_MAY, ECH_GROUP_LOADS, 0, 0, 0, NULL },
  { N_ ("May stop the last deck"), N_ ("The last one on air."),
    ROW_SWITCH, RULES (may_stop_last), 0, 0, 0, NULL },
  { N_ ("May silence the last deck"), N_ ("By a fader, EQ or volume."),
    ROW_SWITCH, RULES (may_silence_last), 0, 0, 0, NULL },
  { N_ ("Keeps off what a hand has touched"), N_ ("For so long after the touch."),
    ROW_SPAN, RULES (yield), 0, 0, 0, NULL },
  { N_ ("Pause after an unlock"), N_ ("A deck that was just unlocked takes nothing from it."),
    ROW_SPAN, RULES (after_unlock), 0, 0, 0, NULL },
  { N_ ("Pause after an emergency stop"), N_ ("It is refused everything for so long."),
    ROW_SPAN, RULES (after_emergency), 0, 0, 0, NULL },
  { N_ ("Priority"), N_ ("0 to 100. Of what comes at the same time the higher goes first."),
    ROW_WHOLE, RULES (priority), 0, 100, 1, NULL },
};
/* clang-format on */

static const struct {
  const char *title;
  const char *subtitle;
} class_texts[ECH_N_SOURCE_CLASSES] = {
  { N_ ("Hands"), N_ ("Mouse, keyboard and MIDI controllers") },
  { N_ ("OSC"), N_ ("Programs and surfaces that speak Open Sound Control") },
  { N_ ("Bridges"), N_ ("Other DJ programs and instruments") },
  { N_ ("Agents"), N_ ("Programs that play by themselves") },
};

/* --- spans --- */

static gboolean
is_same_span (const struct ech_span *a, const struct ech_span *b)
{
  return a->amount == b->amount && (a->unit == b->unit || a->amount == 0);
}

static char *
describe_span (const struct ech_span *span)
{
  g_autofree char *number = g_strdup_printf ("%g", span->amount);

  if (span->amount == 0)
    return g_strdup (_ ("None"));
  if (span->unit == ECH_SPAN_MS)
    return g_strdup_printf (_ ("%s ms"), number);
  if (span->amount == 0.5)
    return g_strdup (_ ("½ beat"));
  return g_strdup_printf (g_dngettext (NULL, "%s beat", "%s beats", span->amount == 1 ? 1 : 2), number);
}

/* What the group's verbs have in common; FALSE when they differ. */
static gboolean
common_span (const struct ech_source_rules *rules, enum ech_verb_group group, struct ech_span *out)
{
  uint64_t        verbs = ech_group_verbs (group);
  struct ech_span first = { -1, 0 };

  for (int verb = 0; verb < ECH_N_VERBS; verb++) {
    if (!(verbs >> verb & 1))
      continue;
    if (first.amount < 0)
      first = rules->cooldowns[verb];
    else if (!is_same_span (&first, &rules->cooldowns[verb]))
      return FALSE;
  }
  *out = first;
  return TRUE;
}

/* --- showing --- */

static const void *
field_of (const struct binding *binding)
{
  return (const char *) ech_policy_watch_get_policy (binding->page->watch) + binding->base + binding->row->offset;
}

static const struct ech_source_rules *
rules_of (const struct binding *binding)
{
  return (const void *) ((const char *) ech_policy_watch_get_policy (binding->page->watch) + binding->base);
}

/* The choices, and one more for a span that is none of them. */
static void
show_span (struct binding *binding, const struct ech_span *span)
{
  GtkDropDown     *choice = GTK_DROP_DOWN (binding->widget);
  GtkStringList   *list   = GTK_STRING_LIST (gtk_drop_down_get_model (choice));
  g_autofree char *own    = span != NULL ? describe_span (span) : g_strdup (_ ("One for each kind"));

  for (guint i = 0; span != NULL && i < G_N_ELEMENTS (spans); i++) {
    if (is_same_span (span, &spans[i])) {
      gtk_drop_down_set_selected (choice, i);
      return;
    }
  }
  gtk_string_list_splice (list, G_N_ELEMENTS (spans), binding->own ? 1 : 0, (const char *const[]){ own, NULL });
  binding->own = TRUE;
  gtk_drop_down_set_selected (choice, G_N_ELEMENTS (spans));
}

static void
show_binding (struct binding *binding)
{
  const void     *field = field_of (binding);
  struct ech_span span;

  switch (binding->row->type) {
  case ROW_SWITCH:
    gtk_switch_set_active (GTK_SWITCH (binding->widget), *(const bool *) field);
    break;
  case ROW_NUMBER:
    gtk_spin_button_set_value (GTK_SPIN_BUTTON (binding->widget), *(const double *) field);
    break;
  case ROW_SECONDS:
    gtk_spin_button_set_value (GTK_SPIN_BUTTON (binding->widget), *(const double *) field / 1000);
    break;
  case ROW_WHOLE:
    gtk_spin_button_set_value (GTK_SPIN_BUTTON (binding->widget), *(const uint32_t *) field);
    break;
  case ROW_CHOICE:
    gtk_drop_down_set_selected (GTK_DROP_DOWN (binding->widget), *(const uint32_t *) field);
    break;
  case ROW_SPAN:
    show_span (binding, field);
    break;
  case ROW_COOLDOWN:
    show_span (binding, common_span (rules_of (binding), (enum ech_verb_group) binding->row->offset, &span) ? &span : NULL);
    break;
  case ROW_MAY:
    gtk_switch_set_active (GTK_SWITCH (binding->widget),
                           (ech_group_verbs ((enum ech_verb_group) binding->row->offset) & ~rules_of (binding)->verbs) == 0);
    break;
  }
}

static void
show_class (struct page *page, int i)
{
  const struct ech_source_rules *rules = &ech_policy_watch_get_policy (page->watch)->classes[i];
  g_autofree char *text = g_strdup_printf (_ ("%s. %s"), _ (class_texts[i].subtitle), _ (mode_choices[rules->mode]));
  g_autofree char *safe = g_markup_escape_text (text, -1);

  adw_expander_row_set_subtitle (page->class_rows[i], safe);
}

static void
show_fault (struct page *page)
{
  const char      *fault = ech_policy_watch_get_fault (page->watch);
  g_autofree char *text  = fault != NULL ? g_strdup_printf (_ ("%s. The rules before it stay in force; they cannot be changed "
                                                               "here until the file is right."),
                                                            fault)
                                         : NULL;
  g_autofree char *safe  = text != NULL ? g_markup_escape_text (text, -1) : NULL;

  gtk_widget_set_visible (GTK_WIDGET (page->fault_group), fault != NULL);
  if (safe != NULL)
    adw_action_row_set_subtitle (page->fault_row, safe);
  for (guint i = 0; i < G_N_ELEMENTS (page->groups); i++)
    gtk_widget_set_sensitive (page->groups[i], fault == NULL);
}

static void
show_policy (struct page *page)
{
  page->showing = TRUE;
  for (guint i = 0; i < page->bindings->len; i++)
    show_binding (g_ptr_array_index (page->bindings, i));
  for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++)
    show_class (page, i);
  show_fault (page);
  page->showing = FALSE;
}

/* --- changing --- */

static void
toast (struct page *page, const char *text)
{
  g_autofree char *safe = g_markup_escape_text (text, -1);

  adw_preferences_window_add_toast (page->window, adw_toast_new (safe));
}

static void
save (struct page *page, const struct ech_policy *policy, gboolean replace)
{
  g_autoptr (GError) error = NULL;

  if (ech_policy_watch_save (page->watch, policy, replace, &error))
    return;
  toast (page, error->message);
  show_policy (page);
}

static void
set_cooldown (struct ech_source_rules *rules, enum ech_verb_group group, const struct ech_span *span)
{
  for (int verb = 0; verb < ECH_N_VERBS; verb++)
    if (ech_group_verbs (group) >> verb & 1)
      rules->cooldowns[verb] = *span;
}

static void
set_may (struct ech_source_rules *rules, enum ech_verb_group group, gboolean may)
{
  if (may)
    rules->verbs |= ech_group_verbs (group);
  else
    rules->verbs &= ~ech_group_verbs (group);
}

/* FALSE where the widget shows what is no choice. */
static gboolean
take_value (const struct binding *binding, struct ech_policy *policy)
{
  char                    *base  = (char *) policy + binding->base;
  void                    *field = base + binding->row->offset;
  struct ech_source_rules *rules = (void *) base;
  enum ech_verb_group      group = (enum ech_verb_group) binding->row->offset;
  guint                    index = GTK_IS_DROP_DOWN (binding->widget)
                                       ? gtk_drop_down_get_selected (GTK_DROP_DOWN (binding->widget))
                                       : 0;
  double                   value = GTK_IS_SPIN_BUTTON (binding->widget)
                                       ? gtk_spin_button_get_value (GTK_SPIN_BUTTON (binding->widget))
                                       : 0;
  gboolean                 on = GTK_IS_SWITCH (binding->widget) && gtk_switch_get_active (GTK_SWITCH (binding->widget));

  if ((binding->row->type == ROW_SPAN || binding->row->type == ROW_COOLDOWN) && index >= G_N_ELEMENTS (spans))
    return FALSE;
  switch (binding->row->type) {
  case ROW_SWITCH:
    *(bool *) field = on;
    break;
  case ROW_NUMBER:
    *(double *) field = value;
    break;
  case ROW_SECONDS:
    *(double *) field = round (value * 1000);
    break;
  case ROW_WHOLE:
    *(uint32_t *) field = (uint32_t) value;
    break;
  case ROW_CHOICE:
    *(uint32_t *) field = index;
    break;
  case ROW_SPAN:
    *(struct ech_span *) field = spans[index];
    break;
  case ROW_COOLDOWN:
    set_cooldown (rules, group, &spans[index]);
    break;
  case ROW_MAY:
    set_may (rules, group, on);
    break;
  }
  return TRUE;
}

static void
on_changed (struct binding *binding)
{
  struct ech_policy policy = *ech_policy_watch_get_policy (binding->page->watch);

  if (!binding->page->showing && take_value (binding, &policy))
    save (binding->page, &policy, FALSE);
}

/* --- the file --- */

static void
on_shown (GObject *parent, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  if (gtk_show_uri_full_finish (GTK_WINDOW (parent), result, &error))
    return;
  adw_preferences_window_add_toast (ADW_PREFERENCES_WINDOW (parent), adw_toast_new (_ ("No program opens the file")));
}

/* There is one to open, also where the defaults were enough so far. */
static void
on_open (struct page *page)
{
  g_autofree char *uri = g_filename_to_uri (ech_policy_watch_get_path (page->watch), NULL, NULL);

  if (!g_file_test (ech_policy_watch_get_path (page->watch), G_FILE_TEST_EXISTS))
    save (page, ech_policy_watch_get_policy (page->watch), FALSE);
  gtk_show_uri_full (GTK_WINDOW (page->window), uri, GDK_CURRENT_TIME, NULL, on_shown, NULL);
}

static void
on_replace (struct page *page)
{
  save (page, ech_policy_watch_get_policy (page->watch), TRUE);
}

static void
on_restore_answer (struct page *page, const char *response)
{
  struct ech_policy policy;

  if (strcmp (response, "restore") != 0)
    return;
  ech_policy_init (&policy);
  save (page, &policy, TRUE);
}

static void
on_restore (struct page *page)
{
  GtkWidget *dialog = adw_message_dialog_new (GTK_WINDOW (page->window), _ ("Restore all safety rules?"),
                                              _ ("Rules of your own go, those for sources by name, too."));

  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "keep", _ ("Keep Mine"), "restore",
                                    _ ("Restore Defaults"), NULL);
  adw_message_dialog_set_response_appearance (ADW_MESSAGE_DIALOG (dialog), "restore", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "keep");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "keep");
  g_signal_connect_swapped (dialog, "response", G_CALLBACK (on_restore_answer), page);
  gtk_window_present (GTK_WINDOW (dialog));
}

/* --- building --- */

/* A wheel that scrolls the page must not change the rule that comes under the pointer. */
static void
ignore_scroll (GtkWidget *widget)
{
  g_autoptr (GListModel) controllers = gtk_widget_observe_controllers (widget);

  for (guint i = 0; i < g_list_model_get_n_items (controllers); i++) {
    g_autoptr (GtkEventController) controller = g_list_model_get_item (controllers, i);

    if (GTK_IS_EVENT_CONTROLLER_SCROLL (controller))
      gtk_event_controller_set_propagation_phase (controller, GTK_PHASE_NONE);
  }
}

/* 10, not 10.00. */
static gboolean
print_value (GtkSpinButton *spin)
{
  g_autofree char *text = g_strdup_printf ("%.9g", gtk_spin_button_get_value (spin));

  if (strcmp (text, gtk_editable_get_text (GTK_EDITABLE (spin))) != 0)
    gtk_editable_set_text (GTK_EDITABLE (spin), text);
  return TRUE;
}

static GtkWidget *
make_spin (const struct row *row)
{
  GtkWidget *spin = gtk_spin_button_new_with_range (row->minimum, row->maximum, row->step);

  g_signal_connect (spin, "output", G_CALLBACK (print_value), NULL);
  gtk_editable_set_width_chars (GTK_EDITABLE (spin), 5);
  gtk_spin_button_set_digits (GTK_SPIN_BUTTON (spin), row->type == ROW_WHOLE ? 0 : row->type == ROW_SECONDS ? 2 : 1);
  ignore_scroll (spin);
  return spin;
}

static GtkWidget *
make_choice (const char *const *choices)
{
  GtkStringList *list = gtk_string_list_new (NULL);

  for (guint i = 0; choices != NULL && choices[i] != NULL; i++)
    gtk_string_list_append (list, _ (choices[i]));
  for (guint i = 0; choices == NULL && i < G_N_ELEMENTS (spans); i++) {
    g_autofree char *text = describe_span (&spans[i]);

    gtk_string_list_append (list, text);
  }
  return gtk_drop_down_new (G_LIST_MODEL (list), NULL);
}

static GtkWidget *
make_control (struct binding *binding)
{
  switch (binding->row->type) {
  case ROW_SWITCH:
  case ROW_MAY:
    binding->widget = gtk_switch_new ();
    g_signal_connect_swapped (binding->widget, "notify::active", G_CALLBACK (on_changed), binding);
    break;
  case ROW_NUMBER:
  case ROW_SECONDS:
  case ROW_WHOLE:
    binding->widget = make_spin (binding->row);
    g_signal_connect_swapped (binding->widget, "value-changed", G_CALLBACK (on_changed), binding);
    break;
  default:
    binding->widget = make_choice (binding->row->choices);
    g_signal_connect_swapped (binding->widget, "notify::selected", G_CALLBACK (on_changed), binding);
  }
  gtk_widget_set_valign (binding->widget, GTK_ALIGN_CENTER);
  return binding->widget;
}

/* @who: before the accessible name, for rows that stand there once for each class. */
static GtkWidget *
make_row (struct page *page, const struct row *source, size_t base, const char *who)
{
  struct binding  *binding = g_new0 (struct binding, 1);
  GtkWidget       *row     = adw_action_row_new ();
  g_autofree char *name    = who != NULL ? g_strdup_printf (_ ("%s: %s"), who, _ (source->title)) : g_strdup (_ (source->title));

  *binding = (struct binding){ .page = page, .row = source, .base = base };
  g_ptr_array_add (page->bindings, binding);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), _ (source->title));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), _ (source->subtitle));
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), make_control (binding));
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), binding->widget);
  /* The row names its widget, too: read with ours it would be heard twice. */
  gtk_accessible_reset_relation (GTK_ACCESSIBLE (binding->widget), GTK_ACCESSIBLE_RELATION_LABELLED_BY);
  ech_ui_set_accessible (GTK_ACCESSIBLE (binding->widget), name, _ (source->subtitle));
  if (GTK_IS_DROP_DOWN (binding->widget)) /* its inner button is met by screen readers, too */
    ech_ui_set_accessible (GTK_ACCESSIBLE (gtk_widget_get_first_child (binding->widget)), name, NULL);
  return row;
}

static AdwPreferencesGroup *
add_group (struct page *page, const char *title, const char *description)
{
  AdwPreferencesGroup *group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());

  adw_preferences_group_set_title (group, title);
  adw_preferences_group_set_description (group, description);
  adw_preferences_page_add (page->page, group);
  return group;
}

static void
add_rows (struct page *page, AdwPreferencesGroup *group, const struct row *rows, guint n)
{
  for (guint i = 0; i < n; i++)
    adw_preferences_group_add (group, make_row (page, &rows[i], 0, NULL));
}

static void
add_class (struct page *page, AdwPreferencesGroup *group, int i)
{
  size_t base = POLICY (classes) + (size_t) i * sizeof (struct ech_source_rules);

  page->class_rows[i] = ADW_EXPANDER_ROW (adw_expander_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (page->class_rows[i]), _ (class_texts[i].title));
  for (guint j = 0; j < G_N_ELEMENTS (class_rows); j++) {
    gboolean of_hands = class_rows[j].type == ROW_SPAN && class_rows[j].offset == RULES (yield);

    if (i != ECH_SOURCE_HAND || !of_hands)
      adw_expander_row_add_row (page->class_rows[i], make_row (page, &class_rows[j], base, _ (class_texts[i].title)));
  }
  adw_preferences_group_add (group, GTK_WIDGET (page->class_rows[i]));
}

static GtkWidget *
add_button (AdwActionRow *row, const char *label, const char *description, GCallback on_clicked, struct page *page)
{
  GtkWidget *button = gtk_button_new_with_label (label);

  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  ech_ui_set_accessible (GTK_ACCESSIBLE (button), label, description);
  g_signal_connect_swapped (button, "clicked", on_clicked, page);
  adw_action_row_add_suffix (row, button);
  return button;
}

static void
add_fault (struct page *page)
{
  page->fault_group = add_group (page, _ ("The policy file is wrong"), NULL);
  page->fault_row   = ADW_ACTION_ROW (adw_action_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (page->fault_row), _ ("What is wrong"));
  adw_action_row_set_subtitle_lines (page->fault_row, 0);
  add_button (page->fault_row, _ ("Open File"), _ ("Opens the policy file in a text editor"), G_CALLBACK (on_open), page);
  gtk_widget_add_css_class (add_button (page->fault_row, _ ("Replace File"),
                                        _ ("Writes the rules that are in force over the wrong file"),
                                        G_CALLBACK (on_replace), page),
                            "destructive-action");
  adw_preferences_group_add (page->fault_group, GTK_WIDGET (page->fault_row));
}

static void
add_file (struct page *page)
{
  AdwPreferencesGroup *group = add_group (page, _ ("Policy file"), _ ("It takes more than this page shows: rules for a source by its "
                                                                      "name, and for single actions."));
  AdwActionRow        *row   = ADW_ACTION_ROW (adw_action_row_new ());
  g_autofree char     *path  = g_filename_display_name (ech_policy_watch_get_path (page->watch));
  g_autofree char     *safe  = g_markup_escape_text (path, -1);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), _ ("File"));
  adw_action_row_set_subtitle (row, safe);
  add_button (row, _ ("Open"), _ ("Opens the policy file in a text editor"), G_CALLBACK (on_open), page);
  add_button (row, _ ("Restore Defaults"), _ ("All safety rules as they came"), G_CALLBACK (on_restore), page);
  adw_preferences_group_add (group, GTK_WIDGET (row));
}

static void
on_destroy (struct page *page)
{
  g_signal_handler_disconnect (page->watch, page->changed);
  page->showing = TRUE; /* widgets that go have nothing to say */
  g_ptr_array_unref (page->bindings);
  g_object_unref (page->watch);
  g_free (page);
}

AdwPreferencesPage *
ech_preferences_safety_new (EchPolicyWatch *watch, AdwPreferencesWindow *window)
{
  struct page         *page = g_new0 (struct page, 1);
  AdwPreferencesGroup *on_air, *guards, *classes;

  page->watch    = g_object_ref (watch);
  page->window   = window;
  page->page     = ADW_PREFERENCES_PAGE (adw_preferences_page_new ());
  page->bindings = g_ptr_array_new_with_free_func (g_free);
  adw_preferences_page_set_title (page->page, _ ("Safety"));
  adw_preferences_page_set_name (page->page, "safety");
  adw_preferences_page_set_icon_name (page->page, "security-high-symbolic");
  add_fault (page);
  on_air = add_group (page, _ ("On air"), _ ("What is heard is not cut off by mistake, whoever asks."));
  add_rows (page, on_air, on_air_rows, G_N_ELEMENTS (on_air_rows));
  guards = add_group (page, _ ("Guards"), _ ("What watches over the show."));
  add_rows (page, guards, guard_rows, G_N_ELEMENTS (guard_rows));
  classes = add_group (page, _ ("Who may do what"), _ ("An emergency stop is always allowed, from everybody."));
  for (int i = 0; i < ECH_N_SOURCE_CLASSES; i++)
    add_class (page, classes, i);
  add_file (page);
  page->groups[0] = GTK_WIDGET (on_air);
  page->groups[1] = GTK_WIDGET (guards);
  page->groups[2] = GTK_WIDGET (classes);
  page->changed   = g_signal_connect_swapped (watch, "changed", G_CALLBACK (show_policy), page);
  g_signal_connect_swapped (window, "destroy", G_CALLBACK (on_destroy), page);
  show_policy (page);
  return page->page;
}
