/* Ableton Link for C where the distribution has its C++ headers alone (Debian's ableton-link-dev):
 * the part of Link's own abl_link.h that Echelon uses, with the same names and meanings, so that
 * the same code builds against either.
 *
 * Times are microseconds of abl_link_clock_micros(), which is CLOCK_MONOTONIC_RAW on Linux.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SHIM_ABL_LINK_H
#define ECH_SHIM_ABL_LINK_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct abl_link {
  void *impl;
} abl_link;

typedef struct abl_link_session_state {
  void *impl;
} abl_link_session_state;

/* Not real-time safe.  A new instance is disabled and silent. */
abl_link abl_link_create (double bpm);
void     abl_link_destroy (abl_link link);
void     abl_link_enable (abl_link link, bool enable);

/* Any thread, real-time safe. */
bool     abl_link_is_enabled (abl_link link);
bool     abl_link_is_start_stop_sync_enabled (abl_link link);
void     abl_link_enable_start_stop_sync (abl_link link, bool enabled);
uint64_t abl_link_num_peers (abl_link link);
int64_t  abl_link_clock_micros (abl_link link);

/* Room for a snapshot; not real-time safe. */
abl_link_session_state abl_link_create_session_state (void);
void                   abl_link_destroy_session_state (abl_link_session_state session_state);

/* The app pair may block; the audio pair is for one audio thread, and real-time safe. */
void abl_link_capture_app_session_state (abl_link link, abl_link_session_state session_state);
void abl_link_commit_app_session_state (abl_link link, abl_link_session_state session_state);
void abl_link_capture_audio_session_state (abl_link link, abl_link_session_state session_state);
void abl_link_commit_audio_session_state (abl_link link, abl_link_session_state session_state);

/* Of a snapshot; real-time safe. */
double   abl_link_tempo (abl_link_session_state session_state);
void     abl_link_set_tempo (abl_link_session_state session_state, double bpm, int64_t at_time);
double   abl_link_beat_at_time (abl_link_session_state session_state, int64_t time, double quantum);
double   abl_link_phase_at_time (abl_link_session_state session_state, int64_t time, double quantum);
int64_t  abl_link_time_at_beat (abl_link_session_state session_state, double beat, double quantum);
void     abl_link_request_beat_at_time (abl_link_session_state session_state, double beat,
                                        int64_t time, double quantum);
void     abl_link_set_is_playing (abl_link_session_state session_state, bool is_playing,
                                  uint64_t time);
bool     abl_link_is_playing (abl_link_session_state session_state);
uint64_t abl_link_time_for_is_playing (abl_link_session_state session_state);

#ifdef __cplusplus
}
#endif

#endif
