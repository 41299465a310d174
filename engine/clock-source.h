/* A clock that somebody else keeps, Ableton Link's for one, and what is told of it.
 *
 * Standard C only, as types.h: the audio thread, the scheduler and the driver
 * modules include this file.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_CLOCK_SOURCE_H
#define ECH_CLOCK_SOURCE_H

#include "engine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ech_clock_query: the cycle that wants to know
 * @heard_ns: CLOCK_MONOTONIC at which its first frame is at the speaker, as far as that is known
 * @beat: where the engine's timeline stands at that frame
 * @bpm: its tempo
 */
struct ech_clock_query {
  uint64_t heard_ns;
  double   beat;
  double   bpm;
};

/* Where the source's beat is at heard_ns, and its tempo there. */
struct ech_clock_reading {
  double beat;
  double bpm;
};

/**
 * struct ech_clock_source: what the audio thread calls of a source
 * @size: sizeof (struct ech_clock_source)
 * @read: once a cycle.  False: the source has nothing to say now; the engine's own timeline goes on
 * @set_tempo: somebody on our side changed the tempo: @bpm from @heard_ns on.  In the same
 *    cycle as read(), after it
 *
 * Thread: audio, one call at a time.  Neither may allocate, lock, wait or touch a file.
 */
struct ech_clock_source {
  uint32_t size;
  bool (*read) (void                         *self,
                const struct ech_clock_query *query,
                struct ech_clock_reading     *out_reading);
  void (*set_tempo) (void *self, double bpm, uint64_t heard_ns);
};

/**
 * struct ech_clock_update: what a source tells everybody but the audio thread, every 10 ms
 * @available: there is such a driver at all
 * @enabled: it takes part in a session
 * @start_stop: it shares start and stop too
 * @playing: the session's transport runs; means something with @start_stop only
 * @peers: others in the session, ourselves not counted
 * @quantum_beats: the length in which phases are shared
 * @nudge_beats: how many beats our bar is ahead of the session's
 * @beat, @bpm: at @time_ns (CLOCK_MONOTONIC)
 */
struct ech_clock_update {
  uint64_t time_ns;
  double   beat;
  double   bpm;
  double   quantum_beats;
  double   nudge_beats;
  uint32_t peers;
  bool     available;
  bool     enabled;
  bool     start_stop;
  bool     playing;
};

#ifdef __cplusplus
}
#endif

#endif
