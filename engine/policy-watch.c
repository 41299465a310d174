/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/policy-watch.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

/* Editors write in steps: empty, then whole; or a new file, then its name. */
enum { SETTLED_MS = 120 };

struct _EchPolicyWatch {
  GObject parent_instance;

  /* owned */
  char         *path;
  char         *target;      /* where a link leads, NULL when @path is no link */
  GFileMonitor *monitors[2]; /* of both */
  GBytes       *text;        /* as read last, NULL for none */
  char         *fault;
  unsigned      fault_line;
  guint         reading; /* source, 0 = none */

  struct ech_policy policy;
};

G_DEFINE_FINAL_TYPE (EchPolicyWatch, ech_policy_watch, G_TYPE_OBJECT)

enum { SIGNAL_CHANGED, N_SIGNALS };

static guint signals[N_SIGNALS];

static gboolean on_settled (gpointer data);

static void
on_event (EchPolicyWatch *self)
{
  g_clear_handle_id (&self->reading, g_source_remove);
  self->reading = g_timeout_add (SETTLED_MS, on_settled, self);
}

static void
watch (EchPolicyWatch *self, unsigned i, const char *path)
{
  g_autoptr (GFile)  file  = g_file_new_for_path (path);
  g_autoptr (GError) error = NULL;

  g_clear_object (&self->monitors[i]);
  self->monitors[i] = g_file_monitor_file (file, G_FILE_MONITOR_WATCH_MOVES, NULL, &error);
  if (self->monitors[i] == NULL) {
    g_warning ("%s is not watched for changes: %s", path, error->message);
    return;
  }
  g_file_monitor_set_rate_limit (self->monitors[i], SETTLED_MS / 2);
  g_signal_connect_swapped (self->monitors[i], "changed", G_CALLBACK (on_event), self);
}

static void
follow_link (EchPolicyWatch *self)
{
  g_autofree char *target = g_file_test (self->path, G_FILE_TEST_IS_SYMLINK) ? realpath (self->path, NULL) : NULL;

  if (g_strcmp0 (target, self->target) == 0)
    return;
  g_clear_object (&self->monitors[1]);
  g_free (self->target);
  self->target = g_steal_pointer (&target);
  if (self->target != NULL)
    watch (self, 1, self->target);
}

static void
set_fault (EchPolicyWatch *self, unsigned line, const char *fault)
{
  g_free (self->fault);
  self->fault      = g_strdup (fault);
  self->fault_line = line;
}

/* Whether it was another text than the last time. */
static gboolean
read_again (EchPolicyWatch *self)
{
  g_autoptr (GBytes) text   = NULL;
  g_autoptr (GError) error  = NULL;
  size_t             length = 0;
  char              *read   = ech_policy_read (self->path, &length, &error);
  unsigned           line   = 0;

  gboolean           none   = g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);

  if (none)
    g_clear_error (&error);
  if (read != NULL)
    text = g_bytes_new_take (read, length);
  if (text != NULL && self->text != NULL && g_bytes_equal (text, self->text))
    return FALSE;
  if (text == NULL && self->text == NULL && g_strcmp0 (self->fault, error != NULL ? error->message : NULL) == 0)
    return FALSE;
  g_clear_pointer (&self->text, g_bytes_unref);
  self->text = g_steal_pointer (&text);
  if (read != NULL)
    ech_policy_parse (read, length, &self->policy, &line, &error);
  else if (none)
    ech_policy_init (&self->policy);
  set_fault (self, line, error != NULL ? error->message : NULL);
  return TRUE;
}

static gboolean
on_settled (gpointer data)
{
  EchPolicyWatch *self = data;

  self->reading = 0;
  follow_link (self);
  if (read_again (self))
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
  return G_SOURCE_REMOVE;
}

static void
ech_policy_watch_finalize (GObject *object)
{
  EchPolicyWatch *self = ECH_POLICY_WATCH (object);

  g_clear_handle_id (&self->reading, g_source_remove);
  for (unsigned i = 0; i < G_N_ELEMENTS (self->monitors); i++) {
    if (self->monitors[i] != NULL)
      g_signal_handlers_disconnect_by_data (self->monitors[i], self);
    g_clear_object (&self->monitors[i]);
  }
  g_clear_pointer (&self->text, g_bytes_unref);
  g_free (self->path);
  g_free (self->target);
  g_free (self->fault);

  G_OBJECT_CLASS (ech_policy_watch_parent_class)->finalize (object);
}

static void
ech_policy_watch_class_init (EchPolicyWatchClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ech_policy_watch_finalize;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", ECH_TYPE_POLICY_WATCH, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 0);
}

static void
ech_policy_watch_init (EchPolicyWatch *self)
{
  ech_policy_init (&self->policy);
}

EchPolicyWatch *
ech_policy_watch_new (const char *path)
{
  EchPolicyWatch *self = g_object_new (ECH_TYPE_POLICY_WATCH, NULL);

  self->path = g_canonicalize_filename (path, NULL);
  /* Watched before it is read: what changes in between is read twice. */
  watch (self, 0, self->path);
  follow_link (self);
  read_again (self);
  return self;
}

const char *
ech_policy_watch_get_path (EchPolicyWatch *self)
{
  return self->path;
}

const struct ech_policy *
ech_policy_watch_get_policy (EchPolicyWatch *self)
{
  return &self->policy;
}

const char *
ech_policy_watch_get_fault (EchPolicyWatch *self)
{
  return self->fault;
}

unsigned
ech_policy_watch_get_fault_line (EchPolicyWatch *self)
{
  return self->fault_line;
}

gboolean
ech_policy_watch_save (EchPolicyWatch *self, const struct ech_policy *policy, gboolean replace, GError **error)
{
  gboolean changed = read_again (self);
  gboolean saved   = FALSE;

  if (!replace && (changed || self->fault != NULL)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_WRONG_ETAG, "%s was changed by somebody else: nothing is saved", self->path);
  } else if (ech_policy_save (self->path, policy, error)) {
    g_clear_handle_id (&self->reading, g_source_remove);
    changed |= read_again (self);
    saved = TRUE;
  }
  if (changed)
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
  return saved;
}
