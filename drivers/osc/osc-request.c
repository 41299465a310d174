/* From a datagram to posted actions: everything is checked before anything is done.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "drivers/osc/osc-private.h"

#define NS_PER_S   INT64_C (1000000000)
#define NTP_UNIX_S INT64_C (2208988800) /* 1900 to 1970 */

enum request_kind { REQUEST_ACTION, REQUEST_QUERY, REQUEST_PING, REQUEST_SUBSCRIBE, REQUEST_SOURCE };

static const struct {
  const char       *address;
  enum request_kind kind;
} services[] = {
  { "/query", REQUEST_QUERY },
  { "/ping", REQUEST_PING },
  { "/subscribe", REQUEST_SUBSCRIBE },
  { "/source", REQUEST_SOURCE },
};

/* A time tag as the session sees it. */
struct tag_time {
  uint64_t tag;
  bool     known;
  bool     later; /* else at once */
  double   beat;  /* later: the session beat then */
};

static enum request_kind
kind_of (const char *address)
{
  for (size_t i = 0; i < sizeof services / sizeof *services; i++)
    if (strcmp (address, services[i].address) == 0)
      return services[i].kind;
  return REQUEST_ACTION;
}

/* --- arguments ------------------------------------------------------------------------- */

/* OSC aligns to 4 bytes, lo_arg to 8: values are copied out, not read through it. */
static int
read_value (char type, const void *argument, struct ech_value *out_value)
{
  int32_t i;
  float   f;

  *out_value = (struct ech_value){ .type = type };
  switch (type) {
  case LO_INT32:
    memcpy (&i, argument, sizeof i);
    out_value->i = i;
    return 0;
  case LO_INT64:
    memcpy (&out_value->i, argument, sizeof out_value->i);
    return 0;
  case LO_FLOAT:
    memcpy (&f, argument, sizeof f);
    out_value->f = f;
    return 0;
  case LO_DOUBLE:
    memcpy (&out_value->f, argument, sizeof out_value->f);
    return 0;
  case LO_TRUE:
  case LO_FALSE:
    return 0;
  case LO_STRING:
    out_value->s = argument;
    return 0;
  default:
    return -EINVAL;
  }
}

static int
read_values (const struct ech_osc_message *message,
             struct ech_value             *out_values,
             unsigned                     *out_n,
             char                         *out_error)
{
  const char *types     = lo_message_get_types (message->message);
  lo_arg    **arguments = lo_message_get_argv (message->message);
  int         n         = lo_message_get_argc (message->message);

  if (n > ECH_OSC_MAX_VALUES) {
    snprintf (out_error, ECH_TEXT_MAX, "%s: %d arguments are too many.", message->address, n);
    return -EINVAL;
  }
  for (int i = 0; i < n; i++) {
    if (read_value (types[i], arguments[i], &out_values[i]) < 0) {
      snprintf (out_error, ECH_TEXT_MAX,
                "%s: argument %d has the type '%c'; understood are i, h, f, d, s, T and F.",
                message->address, i + 1, types[i]);
      return -EINVAL;
    }
  }
  *out_n = (unsigned) n;
  return 0;
}

/* --- when ------------------------------------------------------------------------------ */

static int64_t
ns_of (clockid_t clock)
{
  struct timespec t;

  clock_gettime (clock, &t);
  return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* NTP's seconds begin again in 2036; a tag is never from before 1970. */
static int64_t
unix_ns_of_tag (uint64_t tag)
{
  int64_t s = (int64_t) (tag >> 32) - NTP_UNIX_S;

  if (s < 0)
    s += INT64_C (1) << 32;
  return s * NS_PER_S + (int64_t) (((tag & UINT32_MAX) * (uint64_t) NS_PER_S) >> 32);
}

/* Too near to be handed over in time counts as late, and late means at once. */
static bool
is_too_near (const struct ech_state *state, double frame, int64_t now_ns)
{
  double rate = state->timeline.rate;
  double in_the_graph =
      (double) state->frame + ((double) now_ns - (double) state->time_ns) * 1e-9 * rate;

  return frame < in_the_graph + 2.0 * state->block_frames + 0.005 * rate;
}

static int
resolve_tag (struct ech_osc *self, uint64_t tag, struct tag_time *out_time, char *out_error)
{
  int64_t          now_ns = ns_of (CLOCK_MONOTONIC);
  int64_t          from_now_ns;
  struct ech_state state;
  double           frame;

  if (out_time->known && out_time->tag == tag)
    return 0;
  *out_time = (struct tag_time){ .tag = tag, .known = true };
  if (tag == ECH_OSC_AT_ONCE)
    return 0;
  from_now_ns = unix_ns_of_tag (tag) - ns_of (CLOCK_REALTIME);
  if (from_now_ns <= 0)
    return 0;
  if (from_now_ns > ECH_OSC_HORIZON_S * NS_PER_S) {
    snprintf (out_error, ECH_TEXT_MAX, "Bundle refused: its time is %.0f s ahead; at most %d s.",
              (double) from_now_ns * 1e-9, ECH_OSC_HORIZON_S);
    return -EINVAL;
  }
  self->api->state (self->host, &state);
  frame = self->api->frame_at (self->host, (uint64_t) now_ns)
          + (double) from_now_ns * 1e-9 * state.timeline.rate;
  if (!state.running || !isfinite (frame)) {
    snprintf (out_error, ECH_TEXT_MAX,
              "Bundle refused: its time is ahead, and no audio runs to be in time with.");
    return -EINVAL;
  }
  out_time->later = !is_too_near (&state, frame, now_ns);
  out_time->beat  = ech_timeline_beat_at (&state.timeline, frame);
  return 0;
}

static bool
takes_no_time (uint32_t verb)
{
  return verb == ECH_VERB_LOCK || verb == ECH_VERB_UNLOCK || verb == ECH_VERB_EMERGENCY
         || verb == ECH_VERB_CANCEL || verb == ECH_VERB_CONFIRM || verb == ECH_VERB_SOURCE_MODE;
}

/* The bundle's time says from when the message's own timing counts. */
static int
move_to_tag (struct ech_action     *action,
             const struct tag_time *time,
             const char            *address,
             char                  *out_error)
{
  struct ech_timing *timing = &action->timing;

  if (takes_no_time (action->verb) || timing->way == ECH_WAY_LAND) {
    snprintf (out_error, ECH_TEXT_MAX, "%s: cannot be sent in a bundle for later.", address);
    return -EINVAL;
  }
  if (timing->kind == ECH_TIMING_GRID)
    timing->beats = ceil (time->beat / timing->beats - 1e-9) * timing->beats;
  else if (timing->kind == ECH_TIMING_IN_BEATS)
    timing->beats += time->beat;
  else if (timing->kind != ECH_TIMING_AT_BEAT)
    timing->beats = time->beat;
  timing->kind = ECH_TIMING_AT_BEAT;
  return 0;
}

/* --- checking -------------------------------------------------------------------------- */

static int
check_action (struct ech_osc               *self,
              const struct ech_osc_message *message,
              struct tag_time              *time,
              struct ech_action            *out_action,
              char                         *out_error)
{
  struct ech_value values[ECH_OSC_MAX_VALUES];
  unsigned         n_values;
  char             error[ECH_TEXT_MAX] = "";

  if (message->address[strcspn (message->address, "*?[]{},")]) {
    snprintf (out_error, ECH_TEXT_MAX, "%s: no patterns here; name what you mean.",
              message->address);
    return -EINVAL;
  }
  if (read_values (message, values, &n_values, out_error) < 0)
    return -EINVAL;
  if (self->api->parse (self->host, message->address, values, n_values, out_action, error) < 0) {
    error[ECH_TEXT_MAX - 1] = '\0';
    if (strstr (error, message->address))
      snprintf (out_error, ECH_TEXT_MAX, "%s", error);
    else
      snprintf (out_error, ECH_TEXT_MAX, "%s: %.*s", message->address,
                (int) (ECH_TEXT_MAX - strlen (message->address) - 3), error);
    return -EINVAL;
  }
  if (resolve_tag (self, message->time_tag, time, out_error) < 0)
    return -EINVAL;
  return time->later ? move_to_tag (out_action, time, message->address, out_error) : 0;
}

static int
check_lease (const struct ech_value *value, unsigned most_s, unsigned *out_lease_s)
{
  double seconds;

  if (value->type == LO_INT32 || value->type == LO_INT64)
    seconds = (double) value->i;
  else if (value->type == LO_FLOAT || value->type == LO_DOUBLE)
    seconds = value->f;
  else
    return -EINVAL;
  if (!(seconds >= 0 && seconds <= most_s))
    return -EINVAL;
  *out_lease_s = (unsigned) seconds;
  return 0;
}

static int
read_lease (const struct ech_osc_message *message, unsigned *out_lease_s, char *out_error)
{
  struct ech_value values[ECH_OSC_MAX_VALUES];
  unsigned         n_values;

  *out_lease_s = ECH_OSC_LEASE_DEFAULT_S;
  if (read_values (message, values, &n_values, out_error) < 0)
    return -EINVAL;
  if (n_values == 0 || (n_values == 1 && check_lease (&values[0], ECH_OSC_LEASE_MAX_S, out_lease_s) == 0))
    return 0;
  snprintf (out_error, ECH_TEXT_MAX,
            "/subscribe: takes at most one number, the lease of 0 to %d s.", ECH_OSC_LEASE_MAX_S);
  return -EINVAL;
}

/* @out_name points into the message. */
static int
read_source (const struct ech_osc_message *message,
             const char                  **out_name,
             unsigned                     *out_lease_s,
             char                         *out_error)
{
  struct ech_value values[ECH_OSC_MAX_VALUES];
  unsigned         n_values;

  *out_lease_s = ECH_OSC_NAME_LEASE_S;
  if (read_values (message, values, &n_values, out_error) < 0)
    return -EINVAL;
  if (n_values >= 1 && n_values <= 2 && values[0].type == LO_STRING
      && (n_values == 1 || check_lease (&values[1], ECH_OSC_NAME_LEASE_MAX_S, out_lease_s) == 0)) {
    *out_name = values[0].s;
    return 0;
  }
  snprintf (out_error, ECH_TEXT_MAX,
            "/source: takes a name, and perhaps a number, the lease of 0 to %d s.",
            ECH_OSC_NAME_LEASE_MAX_S);
  return -EINVAL;
}

static int
check_source (struct ech_osc               *self,
              const struct ech_osc_message *message,
              ech_osc_peer                  from,
              char                         *out_error)
{
  const char *name;
  unsigned    lease_s;

  if (read_source (message, &name, &lease_s, out_error) < 0)
    return -EINVAL;
  return ech_osc_sources_check (&self->sources, from, name, out_error);
}

/* As run_query(), under /telemetry. */
static unsigned
query_counts (struct ech_osc *self, const char *pattern, ech_osc_peer to)
{
  struct ech_osc_counts       counts = { .rule_name = self->api->rule_name };
  unsigned                    n, n_found = 0;
  const struct ech_osc_count *table = ech_osc_count_table (&n);
  char                        address[64];

  if (!ECHELON_HOST_HAS (self->host, telemetry))
    return 0;
  self->api->state (self->host, &counts.state);
  self->api->telemetry (self->host, &counts.telemetry);
  for (unsigned i = 0; i < n; i++) {
    for (unsigned index = 0; index < table[i].n; index++) {
      lo_message message;

      if (!ech_osc_count_address (&table[i], &counts, index, address, sizeof address)
          || !ech_osc_address_fits (address, pattern))
        continue;
      n_found++;
      if (!to)
        continue;
      message = lo_message_new();
      table[i].fill (&counts, index, message);
      ech_osc_send (self, to, address, message);
    }
  }
  return n_found;
}

/* How many addresses @pattern asks for; tells each to @to unless that is 0. */
static unsigned
run_query (struct ech_osc *self, const char *pattern, ech_osc_peer to)
{
  struct ech_osc_moment      moment;
  unsigned                   n_leaves, n_found = 0;
  const struct ech_osc_leaf *leaves = ech_osc_leaves (&n_leaves);
  char                       address[64];

  n_found = query_counts (self, pattern, to);
  ech_osc_take_moment (self, &moment);
  for (unsigned i = 0; i < n_leaves; i++) {
    for (unsigned deck = 0; deck < (leaves[i].per_deck ? moment.state.n_decks : 1); deck++) {
      ech_osc_leaf_address (&leaves[i], deck, address, sizeof address);
      if (!ech_osc_address_fits (address, pattern))
        continue;
      n_found++;
      if (to)
        ech_osc_send (self, to, address, ech_osc_leaf_message (&leaves[i], deck, &moment));
    }
  }
  return n_found;
}

static int
check_query (struct ech_osc *self, const struct ech_osc_message *message, char *out_error)
{
  struct ech_value values[ECH_OSC_MAX_VALUES];
  unsigned         n_values;

  if (read_values (message, values, &n_values, out_error) < 0)
    return -EINVAL;
  if (n_values != 1 || values[0].type != LO_STRING) {
    snprintf (out_error, ECH_TEXT_MAX, "/query: takes one string, the address that is asked for.");
    return -EINVAL;
  }
  if (strlen (values[0].s) >= ECH_OSC_MAX_ADDRESS || run_query (self, values[0].s, 0) == 0) {
    snprintf (out_error, ECH_TEXT_MAX, "/query: there is no state at \"%.80s\".", values[0].s);
    return -EINVAL;
  }
  return 0;
}

static int
check_ping (const struct ech_osc_message *message, char *out_error)
{
  if (lo_message_get_argc (message->message) == 0)
    return 0;
  snprintf (out_error, ECH_TEXT_MAX, "/ping: takes no arguments.");
  return -EINVAL;
}

/* Returns 0, 1 when an action was put into @out_action, or -EINVAL. */
static int
check_message (struct ech_osc               *self,
               const struct ech_osc_message *message,
               ech_osc_peer                  from,
               struct tag_time              *time,
               struct ech_action            *out_action,
               char                         *out_error)
{
  unsigned lease_s;
  int      result;

  switch (kind_of (message->address)) {
  case REQUEST_QUERY:
    return check_query (self, message, out_error);
  case REQUEST_PING:
    return check_ping (message, out_error);
  case REQUEST_SUBSCRIBE:
    return read_lease (message, &lease_s, out_error);
  case REQUEST_SOURCE:
    return check_source (self, message, from, out_error);
  default:
    result = check_action (self, message, time, out_action, out_error);
    return result < 0 ? result : 1;
  }
}

/* --- doing ----------------------------------------------------------------------------- */

static void
tell_refused_post (struct ech_osc          *self,
                   ech_osc_peer             to,
                   const struct ech_action *action,
                   int                      result)
{
  struct ech_osc_moment moment;
  lo_message            message = lo_message_new();

  ech_osc_take_moment (self, &moment);
  lo_message_add_string (message, action->id);
  lo_message_add_string (message, self->api->fate_name (ECH_FATE_REJECTED));
  lo_message_add_string (message, self->api->rule_name (ECH_RULE_RATE));
  lo_message_add_string (
      message, result == -ENOSPC ? "Too many actions at once: the lane is full. Nothing was done."
                                 : "OSC is being switched off. Nothing was done.");
  lo_message_add_double (message, moment.beat);
  ech_osc_send (self, to, "/echelon/reply", message);
}

static void
post_actions (struct ech_osc *self, unsigned n_actions, ech_osc_peer from)
{
  int source = ech_osc_sources_renew (&self->sources, from, ech_osc_now_ns());
  int result;

  if (n_actions == 0)
    return;
  if (source >= 0)
    result = self->api->post_as (self->host, (uint32_t) source, self->actions, n_actions);
  else
    result = n_actions == 1 ? self->api->post (self->host, &self->actions[0])
                            : self->api->post_batch (self->host, self->actions, n_actions);
  for (unsigned i = 0; result < 0 && i < n_actions; i++)
    tell_refused_post (self, from, &self->actions[i], result);
}

static void
answer_ping (struct ech_osc *self, ech_osc_peer from)
{
  struct ech_osc_moment moment;
  lo_message            message = lo_message_new();

  ech_osc_renew (&self->subscribers, from, ech_osc_now_ns());
  ech_osc_take_moment (self, &moment);
  lo_message_add_int32 (message, ECH_OSC_PROTOCOL);
  lo_message_add_string (message, ECH_VERSION);
  lo_message_add_double (message, moment.beat);
  ech_osc_send (self, from, "/pong", message);
}

static void
answer_subscribe (struct ech_osc *self, const struct ech_osc_message *message, ech_osc_peer from)
{
  char     error[ECH_TEXT_MAX];
  unsigned lease_s;

  read_lease (message, &lease_s, error); /* was checked before */
  if (ech_osc_subscribe (&self->subscribers, from, lease_s, ech_osc_now_ns()) < 0) {
    snprintf (error, sizeof error, "/subscribe: %d programs are subscribed already.",
              ECH_OSC_MAX_SUBSCRIBERS);
    ech_osc_send_error (self, from, error);
  } else if (lease_s > 0) {
    ech_osc_dump (self, from);
  }
}

static void
answer_source (struct ech_osc *self, const struct ech_osc_message *message, ech_osc_peer from)
{
  static const char *const classes[ECH_N_SOURCE_CLASSES] = { "hand", "osc", "bridge", "agent" };
  char        error[ECH_TEXT_MAX];
  const char *name = "";
  unsigned    lease_s;
  uint32_t    source_class;
  lo_message  answer;

  read_source (message, &name, &lease_s, error); /* was checked before */
  if (ech_osc_sources_take (&self->sources, from, name, lease_s, ech_osc_now_ns(), error) < 0) {
    ech_osc_send_error (self, from, error);
    return;
  }
  source_class = self->api->source_class (self->host, name);
  answer       = lo_message_new();
  lo_message_add_string (answer, name);
  lo_message_add_string (answer, source_class < ECH_N_SOURCE_CLASSES ? classes[source_class] : "");
  lo_message_add_int32 (answer, (int32_t) lease_s);
  ech_osc_send (self, from, "/source", answer);
}

static void
serve (struct ech_osc *self, const struct ech_osc_message *message, ech_osc_peer from)
{
  switch (kind_of (message->address)) {
  case REQUEST_QUERY:
    run_query (self, (const char *) lo_message_get_argv (message->message)[0], from);
    break;
  case REQUEST_PING:
    answer_ping (self, from);
    break;
  case REQUEST_SUBSCRIBE:
    answer_subscribe (self, message, from);
    break;
  case REQUEST_SOURCE:
    answer_source (self, message, from);
    break;
  default:
    break;
  }
}

/* Number of actions in the packet, all of them good, or -EINVAL. */
static int
check_packet (struct ech_osc *self, ech_osc_peer from, char *out_error)
{
  struct tag_time time      = { 0 };
  unsigned        n_actions = 0;
  int             result;

  for (unsigned i = 0; i < self->packet.n_messages; i++) {
    self->actions[n_actions] = (struct ech_action){ 0 };
    result = check_message (self, &self->packet.messages[i], from, &time, &self->actions[n_actions],
                            out_error);
    if (result < 0)
      return result;
    self->actions[n_actions].client = from;
    n_actions += (unsigned) result;
  }
  return (int) n_actions;
}

static bool
may_say (struct ech_osc *self, ech_osc_peer from, double cost)
{
  enum ech_osc_pass pass = ech_osc_limit (&self->limiter, from, cost, ech_osc_now_ns());

  if (pass == ECH_OSC_DROP_AND_TELL)
    ech_osc_send_error (self, from,
                        "Too many messages: some were dropped. 1000 a second are taken.");
  return pass == ECH_OSC_PASS;
}

void
ech_osc_handle (struct ech_osc *self, size_t size, ech_osc_peer from)
{
  char error[ECH_TEXT_MAX] = "";
  int  n_actions           = -EINVAL;

  if (!ech_osc_networks_allow (&self->networks, from) || !may_say (self, from, 1))
    return;
  if (ech_osc_packet_decode (&self->packet, self->datagram, size, error) == 0) {
    if (self->packet.n_messages > 1 && !may_say (self, from, self->packet.n_messages - 1))
      goto out;
    n_actions = check_packet (self, from, error);
  }
  if (n_actions < 0) {
    ech_osc_send_error (self, from, error);
    goto out;
  }
  post_actions (self, (unsigned) n_actions, from);
  for (unsigned i = 0; i < self->packet.n_messages; i++)
    serve (self, &self->packet.messages[i], from);
out:
  ech_osc_packet_clear (&self->packet);
}
