/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/graph/pipewire-graph.h"

#include <errno.h>
#include <gio/gio.h>
#include <pipewire/pipewire.h>
#include <pthread.h>
#include <signal.h>
#include <spa/utils/result.h>

#include "engine/graph/cycle-gate.h"
#include "engine/graph/deck-node.h"
#include "engine/graph/device.h"
#include "engine/graph/links.h"
#include "engine/graph/mixer-node.h"
#include "engine/graph/registry.h"

enum { TICK_MS = 100, RETRY_TICKS = 5, MAX_WISHES = 2 * ECH_MAX_DECKS + 2 };

struct _EchPipewireGraph {
  struct ech_pipewire_graph_config config;
  char                            *remote;
  char                            *group;
  struct ech_cycle_gate           *gate;

  /* the loop's thread, under its lock */
  struct pw_thread_loop  *loop;
  struct pw_context      *context;
  struct spa_source      *tick;
  struct pw_core         *core;
  struct spa_hook         core_hook;
  struct ech_node_context node_context;
  struct ech_deck_node   *decks[ECH_MAX_DECKS];
  struct ech_mixer_node  *mixer;
  struct ech_registry    *registry;
  struct ech_links       *links;
  uint64_t                sink_serial; /* what we link to; 0 = nothing */
  char                   *sink_text;
  bool                    is_lost; /* to be taken down and built anew */
  unsigned                n_ticks;

  /* any thread */
  pthread_mutex_t      mutex; /* not GMutex: thread sanitizer knows this one */
  enum ech_graph_state state;
  char                 text[ECH_TEXT_MAX];
  uint64_t             latency_ns;
};

static void
set_state (EchPipewireGraph *graph, enum ech_graph_state state, const char *text)
{
  bool is_new;

  pthread_mutex_lock (&graph->mutex);
  is_new       = state != graph->state || strcmp (text, graph->text) != 0;
  graph->state = state;
  g_strlcpy (graph->text, text, sizeof graph->text);
  pthread_mutex_unlock (&graph->mutex);
  if (is_new && graph->config.changed != NULL)
    graph->config.changed (graph->config.changed_data);
}

/* Gate */

struct gate_call {
  struct ech_cycle_gate *gate;
  bool                   is_open;
};

/* Thread: audio. */
static int
do_set_gate (struct spa_loop *loop,
             bool             async,
             uint32_t         seq,
             const void      *data,
             size_t           size,
             void            *user_data)
{
  const struct gate_call *call = user_data;

  ech_cycle_gate_set_open (call->gate, call->is_open);
  return 0;
}

/* Done on the data loop: when this returns, no call into the cycle is under way. */
static void
set_gate (EchPipewireGraph *graph, bool is_open)
{
  struct gate_call call = { graph->gate, is_open };

  pw_data_loop_invoke (pw_context_get_data_loop (graph->context), do_set_gate, 0, NULL, 0, true,
                       &call);
}

static void
follow_rate (EchPipewireGraph *graph)
{
  uint32_t rate = ech_cycle_gate_wanted_rate (graph->gate);

  if (rate == 0)
    return;
  set_gate (graph, false);
  ech_cycle_gate_set_rate (graph->gate, rate);
  set_gate (graph, true);
}

/* Links */

static void
wish_deck (EchPipewireGraph *graph, uint32_t deck, struct ech_link_wish *wishes, unsigned *n_wishes)
{
  static const char *const sides[] = { "left", "right" };

  for (unsigned c = 0; c < 2; c++) {
    g_autofree char     *input = g_strdup_printf ("%c_%s", 'a' + deck, sides[c]);
    struct ech_link_wish wish  = {
       .output = ech_registry_port (graph->registry, ech_deck_node_id (graph->decks[deck]), false,
                                    sides[c]),
       .input  = ech_registry_port (graph->registry, ech_mixer_node_id (graph->mixer), true, input),
    };

    if (wish.output != NULL && wish.input != NULL)
      wishes[(*n_wishes)++] = wish;
  }
}

static const struct ech_global *
current_sink (EchPipewireGraph *graph)
{
  g_autoptr (GPtrArray) nodes = ech_registry_nodes (graph->registry);

  for (guint i = 0; i < nodes->len; i++) {
    const struct ech_global *node = nodes->pdata[i];

    if (node->serial == graph->sink_serial)
      return node;
  }
  return NULL;
}

static const struct ech_global *
choose_sink (EchPipewireGraph *graph)
{
  const struct ech_global *current = current_sink (graph);

  if (graph->config.no_sink)
    return NULL;
  /* Somebody took the output elsewhere: as long as the sink is there, their patch holds. */
  if (current != NULL && ech_links_output_is_patched (graph->links))
    return current;
  return ech_device_choose (graph->registry, current);
}

static void
wish_sink (EchPipewireGraph *graph, struct ech_link_wish *wishes, unsigned *n_wishes)
{
  uint32_t                 mixer = ech_mixer_node_id (graph->mixer);
  const struct ech_global *sink  = choose_sink (graph);
  const struct ech_global *left, *right, *inputs[2];

  graph->sink_serial = 0;
  if (sink == NULL || !ech_device_stereo_ports (graph->registry, sink, &left, &right))
    return;
  graph->sink_serial = sink->serial;
  g_free (graph->sink_text);
  graph->sink_text = g_strdup (ech_device_description (sink));
  inputs[0]        = left;
  inputs[1]        = right;
  for (unsigned c = 0; c < 2; c++) {
    const char          *name = c == 0 ? "master_left" : "master_right";
    struct ech_link_wish wish = {
      .output    = ech_registry_port (graph->registry, mixer, false, name),
      .input     = inputs[c],
      .is_output = true,
    };

    if (wish.output != NULL)
      wishes[(*n_wishes)++] = wish;
  }
}

static bool
has_nodes (EchPipewireGraph *graph)
{
  if (ech_registry_node (graph->registry, ech_mixer_node_id (graph->mixer)) == NULL)
    return false;
  for (uint32_t d = 0; d < graph->config.n_decks && !graph->config.fused; d++)
    if (ech_registry_node (graph->registry, ech_deck_node_id (graph->decks[d])) == NULL)
      return false;
  return true;
}

static void
tell_state (EchPipewireGraph *graph)
{
  if (!has_nodes (graph) || !ech_links_are_complete (graph->links))
    set_state (graph, ECH_GRAPH_CONNECTING, "Connecting to PipeWire");
  else if (graph->config.no_sink || ech_links_output_is_patched (graph->links))
    set_state (graph, ECH_GRAPH_RUNNING, "Patched by hand");
  else if (ech_links_n_outputs (graph->links) > 0)
    set_state (graph, ECH_GRAPH_RUNNING, graph->sink_text);
  else
    set_state (graph, ECH_GRAPH_NO_SINK, "No audio output found");
}

/* The registry has come to rest: links follow what is there. */
static void
on_settled (void *data)
{
  EchPipewireGraph    *graph = data;
  struct ech_link_wish wishes[MAX_WISHES];
  unsigned             n_wishes = 0;

  for (uint32_t d = 0; d < graph->config.n_decks && !graph->config.fused; d++)
    wish_deck (graph, d, wishes, &n_wishes);
  wish_sink (graph, wishes, &n_wishes);
  ech_links_update (graph->links, wishes, n_wishes);
  tell_state (graph);
}

static void
on_links_changed (void *data)
{
  EchPipewireGraph *graph = data;

  ech_registry_poke (graph->registry);
}

/* Connection */

static void
on_lost (void *data)
{
  EchPipewireGraph *graph = data;

  graph->is_lost = true;
}

static void
on_core_error (void *data, uint32_t id, int seq, int result, const char *message)
{
  EchPipewireGraph *graph = data;

  g_debug ("PipeWire, object %u: %s (%s)", id, message, spa_strerror (result));
  /* taken down at the next tick: not from inside the connection's own callback */
  if (id == PW_ID_CORE && result == -EPIPE)
    graph->is_lost = true;
}

static const struct pw_core_events core_events = {
  PW_VERSION_CORE_EVENTS,
  .error = on_core_error,
};

static void
take_down (EchPipewireGraph *graph)
{
  set_gate (graph, false);
  g_clear_pointer (&graph->links, ech_links_free);
  g_clear_pointer (&graph->registry, ech_registry_free);
  for (uint32_t d = 0; d < ECH_MAX_DECKS; d++)
    g_clear_pointer (&graph->decks[d], ech_deck_node_free);
  g_clear_pointer (&graph->mixer, ech_mixer_node_free);
  if (graph->core != NULL) {
    spa_hook_remove (&graph->core_hook);
    pw_core_disconnect (graph->core);
    graph->core = NULL;
  }
  graph->sink_serial = 0;
  graph->is_lost     = false;
}

static bool
build_nodes (EchPipewireGraph *graph)
{
  uint32_t latency = ech_cycle_latency (graph->config.cycle);

  graph->node_context = (struct ech_node_context){
    .core           = graph->core,
    .gate           = graph->gate,
    .group          = graph->group,
    .quantum_frames = graph->config.quantum_frames,
    .lost           = on_lost,
    .lost_data      = graph,
  };
  graph->mixer = ech_mixer_node_new (&graph->node_context, graph->config.n_decks,
                                     graph->config.fused, latency);
  if (graph->mixer == NULL)
    return false;
  for (uint32_t d = 0; d < graph->config.n_decks && !graph->config.fused; d++) {
    graph->decks[d] = ech_deck_node_new (&graph->node_context, d);
    if (graph->decks[d] == NULL)
      return false;
  }
  return true;
}

static struct pw_core *
connect_core (EchPipewireGraph *graph)
{
  struct pw_properties *properties;

  /* Manager: inside Flatpak the session manager gives others no right to make links */
  properties =
      pw_properties_new (PW_KEY_APP_NAME, "Echelon", PW_KEY_APP_ID, ECH_APP_ID,
                         PW_KEY_APP_ICON_NAME, ECH_APP_ID, PW_KEY_MEDIA_CATEGORY, "Manager", NULL);
  if (graph->remote != NULL)
    pw_properties_set (properties, PW_KEY_REMOTE_NAME, graph->remote);
  return pw_context_connect (graph->context, properties, 0);
}

static bool
build (EchPipewireGraph *graph)
{
  graph->core = connect_core (graph);
  if (graph->core == NULL)
    return false;
  pw_core_add_listener (graph->core, &graph->core_hook, &core_events, graph);
  if (!build_nodes (graph))
    return false;
  graph->links    = ech_links_new (graph->core, on_links_changed, graph);
  graph->registry = ech_registry_new (graph->core, on_settled, graph);
  if (graph->registry == NULL)
    return false;
  set_gate (graph, true);
  return true;
}

static void
note_latency (EchPipewireGraph *graph)
{
  uint32_t frames = atomic_load_explicit (&graph->gate->last_frames, memory_order_relaxed);
  uint32_t rate   = atomic_load_explicit (&graph->gate->last_rate, memory_order_relaxed);
  uint64_t ns = graph->mixer != NULL ? ech_mixer_node_latency_ns (graph->mixer, frames, rate) : 0;

  atomic_store_explicit (&graph->gate->delay_ns, ns, memory_order_relaxed);
  pthread_mutex_lock (&graph->mutex);
  graph->latency_ns = ns;
  pthread_mutex_unlock (&graph->mutex);
}

static void
on_tick (void *data, uint64_t expirations)
{
  EchPipewireGraph *graph = data;

  if (graph->is_lost) {
    take_down (graph);
    set_state (graph, ECH_GRAPH_CONNECTING, "PipeWire went away; waiting for it");
  }
  if (graph->core == NULL && !build (graph)) {
    take_down (graph);
    set_state (graph, ECH_GRAPH_CONNECTING, "PipeWire is not running; waiting for it");
    return;
  }
  follow_rate (graph);
  note_latency (graph);
  if (++graph->n_ticks % RETRY_TICKS == 0 && ech_links_want_retry (graph->links))
    ech_registry_poke (graph->registry);
}

/* Life */

static char *
node_group (const struct ech_pipewire_graph_config *config)
{
  if (config->node_group != NULL)
    return g_strdup (config->node_group);
  if (g_getenv ("ECHELON_NODE_GROUP") != NULL)
    return g_strdup (g_getenv ("ECHELON_NODE_GROUP"));
  /* random: process ids are alike in every sandbox */
  return g_strdup_printf ("echelon-%08x", g_random_int());
}

EchPipewireGraph *
ech_pipewire_graph_new (const struct ech_pipewire_graph_config *config)
{
  EchPipewireGraph *graph = g_new0 (EchPipewireGraph, 1);

  g_assert (config->cycle != NULL && config->n_decks >= 1 && config->n_decks <= ECH_MAX_DECKS);
  graph->config = *config;
  graph->remote = g_strdup (config->remote);
  graph->group  = node_group (config);
  graph->gate   = g_new0 (struct ech_cycle_gate, 1);
  ech_cycle_gate_init (graph->gate, config->cycle, config->n_decks, config->rate);
  pthread_mutex_init (&graph->mutex, NULL);
  return graph;
}

/* PipeWire's two threads must not take the program's signals. */
static void
block_signals (sigset_t *out_old)
{
  static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGXCPU };
  sigset_t         all;

  sigfillset (&all);
  for (unsigned i = 0; i < G_N_ELEMENTS (own); i++)
    sigdelset (&all, own[i]);
  pthread_sigmask (SIG_BLOCK, &all, out_old);
}

static struct pw_context *
new_context (EchPipewireGraph *graph)
{
#if PW_CHECK_VERSION(1, 4, 0)
  const char *file = "client.conf";
#else
  const char *file = "client-rt.conf";
#endif

  return pw_context_new (
      pw_thread_loop_get_loop (graph->loop),
      pw_properties_new (PW_KEY_CONFIG_NAME, file, "context.num-data-loops", "1", NULL), 0);
}

static bool
start_loop (EchPipewireGraph *graph)
{
  struct timespec first = { 0, 1 }, interval = { 0, TICK_MS * 1000000L };
  struct pw_loop *loop;

  graph->loop = pw_thread_loop_new ("echelon-graph", NULL);
  if (graph->loop == NULL)
    return false;
  graph->context = new_context (graph);
  if (graph->context == NULL)
    return false;
  loop        = pw_thread_loop_get_loop (graph->loop);
  graph->tick = pw_loop_add_timer (loop, on_tick, graph);
  if (graph->tick == NULL)
    return false;
  pw_loop_update_timer (loop, graph->tick, &first, &interval, false);
  return pw_thread_loop_start (graph->loop) == 0;
}

static void
end_tick (EchPipewireGraph *graph)
{
  if (graph->tick != NULL)
    pw_loop_destroy_source (pw_thread_loop_get_loop (graph->loop), g_steal_pointer (&graph->tick));
}

static void
end_loop (EchPipewireGraph *graph)
{
  end_tick (graph);
  g_clear_pointer (&graph->context, pw_context_destroy);
  g_clear_pointer (&graph->loop, pw_thread_loop_destroy);
  pw_deinit();
}

gboolean
ech_pipewire_graph_start (EchPipewireGraph *graph, GError **error)
{
  sigset_t old;
  bool     is_started;
  int      code;

  g_return_val_if_fail (graph->loop == NULL, FALSE);
  pw_init (NULL, NULL);
  set_state (graph, ECH_GRAPH_CONNECTING, "Connecting to PipeWire");
  graph->gate->has_denormals_off = false; /* the data loop's thread is a new one */
  block_signals (&old);
  is_started = start_loop (graph);
  code       = errno;
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  if (is_started)
    return TRUE;
  end_loop (graph);
  set_state (graph, ECH_GRAPH_STOPPED, "");
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "PipeWire cannot be used: %s",
               g_strerror (code));
  return FALSE;
}

void
ech_pipewire_graph_stop (EchPipewireGraph *graph)
{
  if (graph->loop == NULL)
    return;
  pw_thread_loop_lock (graph->loop);
  end_tick (graph); /* first: the next one would build it all anew */
  take_down (graph);
  pw_thread_loop_unlock (graph->loop);
  pw_thread_loop_stop (graph->loop);
  end_loop (graph);
  set_state (graph, ECH_GRAPH_STOPPED, "");
}

void
ech_pipewire_graph_free (EchPipewireGraph *graph)
{
  if (graph == NULL)
    return;
  ech_pipewire_graph_stop (graph);
  g_free (graph->sink_text);
  g_free (graph->remote);
  g_free (graph->group);
  g_free (graph->gate);
  pthread_mutex_destroy (&graph->mutex);
  g_free (graph);
}

enum ech_graph_state
ech_pipewire_graph_state (EchPipewireGraph *graph, char *out_text)
{
  enum ech_graph_state state;

  pthread_mutex_lock (&graph->mutex);
  state = graph->state;
  if (out_text != NULL)
    g_strlcpy (out_text, graph->text, ECH_TEXT_MAX);
  pthread_mutex_unlock (&graph->mutex);
  return state;
}

uint64_t
ech_pipewire_graph_latency_ns (EchPipewireGraph *graph)
{
  uint64_t ns;

  pthread_mutex_lock (&graph->mutex);
  ns = graph->latency_ns;
  pthread_mutex_unlock (&graph->mutex);
  return ns;
}
