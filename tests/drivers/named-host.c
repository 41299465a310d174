/* named-host: an engine and the drivers of ECHELON_DRIVER_PATH under a policy that names sources.
 *
 * named-host PORT [KEY=VALUE...]: OSC on that port, with these settings; "osc listens" on stdout.  Lines on
 * stdin: "hand VERB-ADDRESS": the hand at the desk does it; the end of stdin ends it.  The policy:
 *
 *   mixbot  agent           as agents are
 *   helper  agent, assist   waits for a yes
 *   spook   agent, ghost    is only noted
 *   desk    hand
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#include "drivers/host/driver-host.h"
#include "engine/engine.h"
#include "engine/scheduler/policy.h"

struct program {
  GMainLoop     *loop;
  EchEngine     *engine;
  EchDriverHost *host;
  EchLane       *hand;
  char         **settings;
};

static void
add_source (struct ech_policy *policy, const char *name, enum ech_source_class source_class, enum ech_source_mode mode)
{
  struct ech_named_source *source = &policy->sources[policy->n_sources++];

  g_strlcpy (source->name, name, sizeof source->name);
  source->source_class = source_class;
  source->rules        = policy->classes[source_class];
  source->rules.mode   = mode;
}

static GVariant *
get_setting (const char *id, const char *key, void *data)
{
  struct program *self = data;

  if (strcmp (id, "osc") != 0)
    return NULL;
  if (strcmp (key, "port") == 0)
    return g_variant_new_int32 (atoi (self->settings[0]));
  for (char **setting = self->settings + 1; *setting; setting++)
    if (g_str_has_prefix (*setting, key) && (*setting)[strlen (key)] == '=')
      return g_variant_new_string (*setting + strlen (key) + 1);
  return NULL;
}

/* "/deck/a/stop" */
static void
act (struct program *self, const char *address)
{
  struct ech_action action = { 0 };
  char              error[ECH_TEXT_MAX];

  if (ech_vocabulary_parse (address, NULL, 0, 2, &action, error) < 0)
    g_error ("%s: %s", address, error);
  if (ech_lane_post (self->hand, &action) < 0)
    g_error ("the lane is full");
}

static gboolean
on_line (GIOChannel *channel, GIOCondition condition, gpointer data)
{
  struct program *self       = data;
  g_autofree char *line      = NULL;
  gsize            terminator = 0;

  if (g_io_channel_read_line (channel, &line, NULL, &terminator, NULL) != G_IO_STATUS_NORMAL) {
    g_main_loop_quit (self->loop);
    return G_SOURCE_REMOVE;
  }
  line[terminator] = '\0';
  if (g_str_has_prefix (line, "hand "))
    act (self, line + strlen ("hand "));
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  struct ech_policy        policy;
  struct program           self   = { .settings = argv + 1 };
  struct ech_engine_config config = { .n_decks = 2, .policy = &policy, .default_timing = { .kind = ECH_TIMING_NOW } };
  g_autoptr (GError)       error  = NULL;
  g_autoptr (GIOChannel)   input  = g_io_channel_unix_new (0);
  int                      osc;

  if (argc < 2)
    return 2;
  ech_policy_init (&policy);
  add_source (&policy, "mixbot", ECH_SOURCE_AGENT, ECH_MODE_AUTO);
  add_source (&policy, "helper", ECH_SOURCE_AGENT, ECH_MODE_ASSIST);
  add_source (&policy, "spook", ECH_SOURCE_AGENT, ECH_MODE_GHOST);
  add_source (&policy, "desk", ECH_SOURCE_HAND, ECH_MODE_AUTO);
  self.engine = ech_engine_new (&config);
  self.hand   = ech_engine_add_source (self.engine, "window", ECH_SOURCE_HAND);
  if (!ech_engine_start (self.engine, &error))
    g_error ("%s", error->message);
  self.host = ech_driver_host_new (self.engine, get_setting, &self);
  ech_driver_host_scan (self.host, NULL);
  osc = ech_driver_host_find (self.host, "osc");
  if (osc < 0 || !ech_driver_host_start (self.host, (unsigned) osc, &error))
    g_error ("%s", error ? error->message : "no OSC");
  printf ("osc listens\n");
  fflush (stdout);
  self.loop = g_main_loop_new (NULL, FALSE);
  g_io_add_watch (input, G_IO_IN | G_IO_HUP, on_line, &self);
  g_main_loop_run (self.loop);
  g_main_loop_unref (self.loop);
  ech_driver_host_stop_all (self.host);
  g_object_unref (self.host);
  ech_engine_free (self.engine);
  return 0;
}
