/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/osc/osc-sources.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S UINT64_C (1000000000)

enum { NO_NAME = ECH_OSC_MAX_NAMES };

static int __attribute__ ((format (printf, 3, 4)))
refuse (char *out_error, int code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  vsnprintf (out_error, ECH_TEXT_MAX, format, args);
  va_end (args);
  return code;
}

static unsigned
find_name (const struct ech_osc_sources *sources, const char *name)
{
  unsigned i = 0;

  while (i < ECH_OSC_MAX_NAMES && strcmp (sources->names[i].name, name) != 0)
    i++;
  return i;
}

static int
find_named (const struct ech_osc_sources *sources, ech_osc_peer peer)
{
  for (unsigned i = 0; i < sources->n_named; i++)
    if (sources->named[i].peer == peer)
      return (int) i;
  return -1;
}

static bool
is_in_use (const struct ech_osc_sources *sources, unsigned name)
{
  for (unsigned i = 0; i < sources->n_named; i++)
    if (sources->named[i].name == name)
      return true;
  return false;
}

/* The last sender of a name takes it with it. */
static void
drop_named (struct ech_osc_sources *sources, unsigned index)
{
  unsigned name = sources->named[index].name;

  sources->named[index] = sources->named[--sources->n_named];
  if (is_in_use (sources, name))
    return;
  sources->host->api->close_source (sources->host, sources->names[name].source);
  sources->names[name].name[0] = '\0';
}

/* This machine is no exception: whoever may be a hand is named. */
static bool
may_be_hand (const struct ech_osc_sources *sources, ech_osc_peer peer)
{
  uint32_t address = (uint32_t) (peer >> 16);

  for (unsigned i = 0; i < sources->hands.n; i++)
    if ((address & sources->hands.list[i].mask) == sources->hands.list[i].address)
      return true;
  return false;
}

static bool
is_good_name (const char *name)
{
  size_t length = strlen (name);

  return length > 0 && length < ECH_NAME_MAX
         && strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

int
ech_osc_sources_check (struct ech_osc_sources *sources,
                       ech_osc_peer            peer,
                       const char             *name,
                       char                   *out_error)
{
  const struct echelon_host_api *api = sources->host->api;

  if (!ECHELON_HOST_HAS (sources->host, source_class))
    return refuse (out_error, -ENOSYS, "/source: this Echelon gives no names to OSC programs.");
  if (!is_good_name (name))
    return refuse (out_error, -EINVAL, "/source: a name has 1 to %d characters of a-z, 0-9 and \"-\".",
                   ECH_NAME_MAX - 1);
  if (api->source_class (sources->host, name) == ECH_SOURCE_HAND && !may_be_hand (sources, peer))
    return refuse (out_error, -EPERM,
                   "/source: the policy calls \"%s\" a hand, and this address is not named as one that may be it.",
                   name);
  return 0;
}

static int
open_name (struct ech_osc_sources *sources, const char *name, unsigned *out_index, char *out_error)
{
  unsigned index = find_name (sources, name);
  int      result;

  *out_index = index;
  if (index < NO_NAME)
    return 0;
  index = find_name (sources, "");
  if (index == NO_NAME)
    return refuse (out_error, -ENOSPC, "/source: %d names are in use already.", ECH_OSC_MAX_NAMES);
  result = sources->host->api->open_source (sources->host, name, &sources->names[index].source);
  if (result == -EEXIST)
    return refuse (out_error, result, "/source: \"%s\" is the name of another source.", name);
  if (result < 0)
    return refuse (out_error, result, "/source: there are too many sources of actions already.");
  snprintf (sources->names[index].name, ECH_NAME_MAX, "%s", name);
  *out_index = index;
  return 0;
}

int
ech_osc_sources_take (struct ech_osc_sources *sources,
                      ech_osc_peer            peer,
                      const char             *name,
                      unsigned                lease_s,
                      uint64_t                now_ns,
                      char                   *out_error)
{
  int      place  = find_named (sources, peer);
  int      result = ech_osc_sources_check (sources, peer, name, out_error);
  unsigned index;

  if (result < 0)
    return result;
  if (lease_s == 0) {
    if (place >= 0 && strcmp (sources->names[sources->named[place].name].name, name) == 0)
      drop_named (sources, (unsigned) place);
    return 0;
  }
  if (place < 0 && sources->n_named == ECH_OSC_MAX_NAMED)
    return refuse (out_error, -ENOSPC, "/source: %d programs have names already.", ECH_OSC_MAX_NAMED);
  if ((result = open_name (sources, name, &index, out_error)) < 0)
    return result;
  if (place >= 0 && sources->named[place].name != index) {
    drop_named (sources, (unsigned) place);
    place = -1;
  }
  if (place < 0)
    place = (int) sources->n_named++;
  sources->named[place].peer     = peer;
  sources->named[place].name     = index;
  sources->named[place].lease_ns = lease_s * NS_PER_S;
  sources->named[place].until_ns = now_ns + lease_s * NS_PER_S;
  return 0;
}

int
ech_osc_sources_renew (struct ech_osc_sources *sources, ech_osc_peer peer, uint64_t now_ns)
{
  int place = find_named (sources, peer);

  if (place < 0)
    return -1;
  sources->named[place].until_ns = now_ns + sources->named[place].lease_ns;
  return (int) sources->names[sources->named[place].name].source;
}

void
ech_osc_sources_expire (struct ech_osc_sources *sources, uint64_t now_ns)
{
  for (unsigned i = 0; i < sources->n_named;) {
    const char *name    = sources->names[sources->named[i].name].name;
    bool        is_hand = sources->host->api->source_class (sources->host, name) == ECH_SOURCE_HAND;

    if (sources->named[i].until_ns <= now_ns || (is_hand && !may_be_hand (sources, sources->named[i].peer)))
      drop_named (sources, i);
    else
      i++;
  }
}

bool
ech_osc_sources_own (const struct ech_osc_sources *sources, uint32_t source)
{
  for (unsigned i = 0; i < ECH_OSC_MAX_NAMES; i++)
    if (sources->names[i].name[0] != '\0' && sources->names[i].source == source)
      return true;
  return false;
}
