/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/journal.h"

#include <json-glib/json-glib.h>

#include "engine/scheduler/vocabulary.h"

static JsonObject *
describe (const struct ech_event *event)
{
  JsonObject *object  = json_object_new ();
  const char  deck[2] = { (char) ('a' + event->deck), '\0' };

  json_object_set_int_member (object, "serial", (gint64) event->serial);
  json_object_set_string_member (object, "fate", ech_fate_name (event->fate));
  json_object_set_string_member (object, "verb", ech_verb_name (event->verb));
  if (ech_verb_has_deck (event->verb))
    json_object_set_string_member (object, "deck", deck);
  if (ech_verb_has_hotcue (event->verb))
    json_object_set_int_member (object, "hotcue", event->index + 1);
  json_object_set_double_member (object, "beat", event->beat);
  if (event->fate == ECH_FATE_EXECUTED)
    json_object_set_int_member (object, "frame", (gint64) event->frame);
  if (isfinite (event->value))
    json_object_set_double_member (object, "value", event->value);
  if (event->rule != ECH_RULE_NONE)
    json_object_set_string_member (object, "rule", ech_rule_name (event->rule));
  if (event->text[0] != '\0')
    json_object_set_string_member (object, "text", event->text);
  if (event->id[0] != '\0')
    json_object_set_string_member (object, "id", event->id);
  json_object_set_string_member (object, "source", event->source_name);
  return object;
}

void
ech_journal_write (FILE *file, const struct ech_event *event)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), describe (event));
  g_autofree char     *line = NULL;

  json_object_unref (json_node_get_object (node));
  line = json_to_string (node, FALSE);
  fprintf (file, "%s\n", line);
}
