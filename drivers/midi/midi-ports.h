/* The MIDI devices that PipeWire knows, and our ports to them.
 *
 * Two PipeWire nodes with a fixed number of ports, one for each way; each device
 * in use is linked to a pair of them.  The audio thread's side only moves bytes
 * between the ports and bounded rings.  Devices are known by their name, which
 * they keep when they are plugged in again, not by a number.
 *
 * Names nothing of PipeWire, so that programs may use it.
 *
 * Thread: all functions on the one that calls ech_midi_ports_new(), and so are
 * the events, out of ech_midi_ports_dispatch().
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MIDI_PORTS_H
#define ECH_MIDI_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  ECH_MIDI_MAX_DEVICES = 32, /* known at once */
  ECH_MIDI_MAX_USED    = 8,  /* linked at once */
  ECH_MIDI_DEVICE_NAME = 96,
};

/* While a node of this name is there, somebody learns: drivers do nothing. */
#define ECH_MIDI_LEARN_NODE "echelon-midi-learn"
#define ECH_MIDI_NODE       "echelon-midi"

struct ech_midi_ports;

/**
 * struct ech_midi_ports_events:
 * @device: an index below ECH_MIDI_MAX_DEVICES, the device's until @removed
 * @bytes: @time_ns: CLOCK_MONOTONIC of the graph's cycle plus the offset in it; @lost: bytes
 *    before these found no room
 * @ready: the device's ways are open: what is sent from now on arrives
 * @connected: to PipeWire, or no more
 * @learning: a node called ECH_MIDI_LEARN_NODE, not ours, has come or gone
 */
struct ech_midi_ports_events {
  void (*added) (void *data, unsigned device);
  void (*removed) (void *data, unsigned device);
  void (*ready) (void *data, unsigned device);
  void (*bytes) (void          *data,
                 unsigned       device,
                 const uint8_t *bytes,
                 unsigned       n_bytes,
                 uint64_t       time_ns,
                 bool           lost);
  void (*connected) (void *data, bool connected);
  void (*learning) (void *data, bool learning);
};

/* @node_name: ours; @events and @data outlive it.  NULL when memory or files run out. */
struct ech_midi_ports *
ech_midi_ports_new (const char *node_name, const struct ech_midi_ports_events *events, void *data);
void ech_midi_ports_free (struct ech_midi_ports *ports);

/* Polls readable when ech_midi_ports_dispatch() has something to do. */
int ech_midi_ports_fd (struct ech_midi_ports *ports);

/* Does what there is to do, without waiting.  Call it also when the time below is over. */
void ech_midi_ports_dispatch (struct ech_midi_ports *ports);

/* Milliseconds until it must be called again, or -1. */
int ech_midi_ports_timeout_ms (struct ech_midi_ports *ports);

/* The device's name, NULL if there is none of that number; whether it says, and hears, anything. */
const char *ech_midi_ports_name (struct ech_midi_ports *ports, unsigned device);
bool        ech_midi_ports_has_input (struct ech_midi_ports *ports, unsigned device);
bool        ech_midi_ports_has_output (struct ech_midi_ports *ports, unsigned device);

/* Links the device, or lets it be.  Returns 0; -ENOSPC when too many are in use. */
int ech_midi_ports_use (struct ech_midi_ports *ports, unsigned device, bool use);

/**
 * ech_midi_ports_send: @time_ns: CLOCK_MONOTONIC when to, 0 = now; times never go back
 * Returns: 0; -ENOSPC when the ring is full; -ENOTCONN for a device that is not in use.
 */
int ech_midi_ports_send (struct ech_midi_ports *ports,
                         unsigned               device,
                         const uint8_t         *bytes,
                         unsigned               n_bytes,
                         uint64_t               time_ns);

#endif
