/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/osc/osc-packet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char bundle_mark[8] = "#bundle";

static int
fail (char *out_error, const char *sentence)
{
  snprintf (out_error, ECH_TEXT_MAX, "%s", sentence);
  return -EINVAL;
}

static uint32_t
read_u32 (const unsigned char *data)
{
  return (uint32_t) data[0] << 24 | (uint32_t) data[1] << 16 | (uint32_t) data[2] << 8 | data[3];
}

/* The address is told back to people and compared with our own: plain ASCII only. */
static bool
address_is_good (const char *address, size_t size)
{
  size_t length = strnlen (address, size);

  if (length == size || length >= ECH_OSC_MAX_ADDRESS)
    return false;
  for (size_t i = 0; i < length; i++)
    if (address[i] <= ' ' || address[i] > '~' || address[i] == '#')
      return false;
  return true;
}

static const char *
message_fault (int result)
{
  switch (result) {
  case LO_ENOTYPE:
    return "Message refused: it has no type tag string.";
  case LO_EBADTYPE:
  case LO_EINVALIDTYPE:
    return "Message refused: its type tag string is broken.";
  case LO_EINVALIDARG:
    return "Message refused: an argument is broken, or its type is not known.";
  case LO_ESIZE:
    return "Message refused: its length and its type tags do not agree.";
  default:
    return "Message refused: it cannot be read.";
  }
}

static int
decode_message (struct ech_osc_packet *packet,
                unsigned char         *data,
                size_t                 size,
                uint64_t               time_tag,
                char                  *out_error)
{
  struct ech_osc_message *message;
  int                     result = 0;

  if (packet->n_messages == ECH_OSC_MAX_MESSAGES)
    return fail (out_error, "Bundle refused: it has more than 1024 messages.");
  if (data[0] != '/' || !address_is_good ((char *) data, size))
    return fail (out_error, "Message refused: an address begins with / and is short plain ASCII.");
  message          = &packet->messages[packet->n_messages];
  message->message = lo_message_deserialise (data, size, &result);
  if (message->message == NULL)
    return fail (out_error, message_fault (result < 0 ? -result : result));
  message->address  = (const char *) data;
  message->time_tag = time_tag;
  packet->n_messages++;
  return 0;
}

static int decode_element (struct ech_osc_packet *packet,
                           unsigned char         *data,
                           size_t                 size,
                           uint64_t               outer_tag,
                           unsigned               depth,
                           char                  *out_error);

/* @outer_tag: no inner bundle may come before its outer one. */
static int
decode_bundle (struct ech_osc_packet *packet,
               unsigned char         *data,
               size_t                 size,
               uint64_t               outer_tag,
               unsigned               depth,
               char                  *out_error)
{
  uint64_t tag;
  size_t   at = 16;

  if (depth >= ECH_OSC_MAX_DEPTH)
    return fail (out_error, "Bundle refused: bundles are nested too deep.");
  if (size < at)
    return fail (out_error, "Bundle refused: it ends before its time tag.");
  tag = (uint64_t) read_u32 (data + 8) << 32 | read_u32 (data + 12);
  if (tag < outer_tag)
    return fail (out_error, "Bundle refused: its time is before the time of the bundle around it.");
  while (at < size) {
    uint32_t length;

    if (size - at < 4)
      return fail (out_error, "Bundle refused: it ends within a length.");
    length = read_u32 (data + at);
    at += 4;
    if (length == 0 || length % 4 != 0 || length > size - at)
      return fail (out_error, "Bundle refused: an element's length is wrong.");
    if (decode_element (packet, data + at, length, tag, depth + 1, out_error) < 0)
      return -EINVAL;
    at += length;
  }
  return 0;
}

static int
decode_element (struct ech_osc_packet *packet,
                unsigned char         *data,
                size_t                 size,
                uint64_t               outer_tag,
                unsigned               depth,
                char                  *out_error)
{
  if (size >= sizeof bundle_mark && memcmp (data, bundle_mark, sizeof bundle_mark) == 0)
    return decode_bundle (packet, data, size, outer_tag, depth, out_error);
  return decode_message (packet, data, size, depth == 0 ? ECH_OSC_AT_ONCE : outer_tag, out_error);
}

int
ech_osc_packet_decode (struct ech_osc_packet *packet, void *data, size_t size, char *out_error)
{
  packet->n_messages = 0;
  if (size == 0 || size % 4 != 0)
    return fail (out_error, "Packet refused: an OSC packet's length is a multiple of 4.");
  return decode_element (packet, data, size, 0, 0, out_error);
}

void
ech_osc_packet_clear (struct ech_osc_packet *packet)
{
  for (unsigned i = 0; i < packet->n_messages; i++)
    lo_message_free (packet->messages[i].message);
  packet->n_messages = 0;
}
