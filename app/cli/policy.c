/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/cli/policy.h"

#include <json-glib/json-glib.h>

#include "engine/policy-file.h"

struct options {
  char    *check; /* NULL: the one that the program reads */
  gboolean print, json;
};

static gboolean
parse_options (struct options *options, int *argc, char ***argv, GError **error)
{
  g_autoptr (GOptionContext) context   = g_option_context_new (NULL);
  const GOptionEntry         entries[] = {
    { "check", 'c', 0, G_OPTION_ARG_FILENAME, &options->check, "Read FILE instead, and say whether it is right", "FILE" },
    { "print", 'p', 0, G_OPTION_ARG_NONE, &options->print, "Print the whole policy as a file, every key", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print a JSON object: file, exists, valid, line, error, policy", NULL },
    G_OPTION_ENTRY_NULL,
  };

  g_option_context_set_summary (context, "Prints the safety policy in plain words: who may do what, how often, and what guards the show.");
  g_option_context_set_description (context,
    "It is read from $XDG_CONFIG_HOME/echelon/policy.json; without that file the defaults hold.\n"
    "The exit status is 1 when the file is wrong; its line and the reason are on stderr.\n");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc > 1) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "takes no arguments; see --help");
    return FALSE;
  }
  return TRUE;
}

static void
print_json (const char *path, gboolean exists, const struct ech_policy *policy, unsigned line, const GError *error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode)   node   = NULL;
  g_autofree char       *name   = g_filename_display_name (path);
  g_autofree char       *whole  = error == NULL ? ech_policy_print (policy, true) : NULL;
  g_autofree char       *text   = NULL;

  json_object_set_string_member (object, "file", name);
  json_object_set_boolean_member (object, "exists", exists);
  json_object_set_boolean_member (object, "valid", error == NULL);
  if (error != NULL && line > 0)
    json_object_set_int_member (object, "line", line);
  if (error != NULL)
    json_object_set_string_member (object, "error", error->message);
  if (whole != NULL)
    json_object_set_member (object, "policy", json_from_string (whole, NULL));
  node = json_node_init_object (json_node_alloc (), object);
  text = json_to_string (node, TRUE);
  g_print ("%s\n", text);
}

static void
print_text (const struct options *options, const char *path, gboolean exists, const struct ech_policy *policy)
{
  g_autofree char *text = options->print ? ech_policy_print (policy, true) : ech_policy_explain (policy);

  if (options->print)
    g_print ("%s", text);
  else if (options->check != NULL)
    g_print ("%s is right.\n\n%s", path, text);
  else if (exists)
    g_print ("From %s:\n\n%s", path, text);
  else
    g_print ("The defaults; there is no %s.\n\n%s", path, text);
}

static int
tell (const struct options *options, const char *path)
{
  struct ech_policy  policy;
  g_autoptr (GError) error  = NULL;
  unsigned           line   = 0;
  gboolean           exists = TRUE;

  if (!ech_policy_load (path, &policy, &line, &error) && options->check == NULL
      && g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    ech_policy_init (&policy);
    g_clear_error (&error);
    exists = FALSE;
  }
  if (options->json)
    print_json (path, exists, &policy, line, error);
  else if (error == NULL)
    print_text (options, path, exists, &policy);
  if (error == NULL)
    return 0;
  if (line > 0)
    g_printerr ("%s: %s\n", path, error->message);
  else
    g_printerr ("echelonctl policy: %s\n", error->message);
  return 1;
}

int
ech_cli_policy (int argc, char **argv)
{
  struct options     options = { 0 };
  g_autofree char   *path    = ech_policy_default_path ();
  g_autoptr (GError) error   = NULL;
  int                status  = 2;

  if (!parse_options (&options, &argc, &argv, &error))
    g_printerr ("echelonctl policy: %s\n", error->message);
  else
    status = tell (&options, options.check != NULL ? options.check : path);
  g_free (options.check);
  return status;
}
