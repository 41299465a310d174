/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ableton/Link.hpp>
#include <new>

#include "drivers/link/shim/abl_link.h"

using Link  = ableton::Link;
using State = Link::SessionState;

/* C has no exceptions to catch: without a network thread there is no instance, and without memory
 * for a snapshot no use of one. */
namespace
{

Link &
of (abl_link link)
{
  return *static_cast<Link *> (link.impl);
}

/* A snapshot can only be made by an instance: the room for one, and whether there is one in it. */
struct Room {
  alignas (State) unsigned char bytes[sizeof (State)];
};

/* So that one may take the place of another without memory being asked for. */
static_assert (std::is_trivially_destructible<State>::value, "a snapshot owns nothing");

State &
of (abl_link_session_state state)
{
  return *reinterpret_cast<State *> (static_cast<Room *> (state.impl)->bytes);
}

std::chrono::microseconds
micros (int64_t time)
{
  return std::chrono::microseconds (time);
}

} // namespace

extern "C" {

abl_link
abl_link_create (double bpm)
{
  try {
    return abl_link{ new Link (bpm) };
  } catch (...) {
    return abl_link{ nullptr };
  }
}

void
abl_link_destroy (abl_link link)
{
  delete static_cast<Link *> (link.impl);
}

void
abl_link_enable (abl_link link, bool enable)
{
  of (link).enable (enable);
}

bool
abl_link_is_enabled (abl_link link)
{
  return of (link).isEnabled();
}

bool
abl_link_is_start_stop_sync_enabled (abl_link link)
{
  return of (link).isStartStopSyncEnabled();
}

void
abl_link_enable_start_stop_sync (abl_link link, bool enabled)
{
  of (link).enableStartStopSync (enabled);
}

uint64_t
abl_link_num_peers (abl_link link)
{
  return of (link).numPeers();
}

int64_t
abl_link_clock_micros (abl_link link)
{
  return of (link).clock().micros().count();
}

abl_link_session_state
abl_link_create_session_state (void)
{
  return abl_link_session_state{ new (std::nothrow) Room };
}

void
abl_link_destroy_session_state (abl_link_session_state state)
{
  delete static_cast<Room *> (state.impl);
}

void
abl_link_capture_app_session_state (abl_link link, abl_link_session_state state)
{
  new (static_cast<Room *> (state.impl)->bytes) State (of (link).captureAppSessionState());
}

void
abl_link_commit_app_session_state (abl_link link, abl_link_session_state state)
{
  of (link).commitAppSessionState (of (state));
}

void
abl_link_capture_audio_session_state (abl_link link, abl_link_session_state state)
{
  new (static_cast<Room *> (state.impl)->bytes) State (of (link).captureAudioSessionState());
}

void
abl_link_commit_audio_session_state (abl_link link, abl_link_session_state state)
{
  of (link).commitAudioSessionState (of (state));
}

double
abl_link_tempo (abl_link_session_state state)
{
  return of (state).tempo();
}

void
abl_link_set_tempo (abl_link_session_state state, double bpm, int64_t at_time)
{
  of (state).setTempo (bpm, micros (at_time));
}

double
abl_link_beat_at_time (abl_link_session_state state, int64_t time, double quantum)
{
  return of (state).beatAtTime (micros (time), quantum);
}

double
abl_link_phase_at_time (abl_link_session_state state, int64_t time, double quantum)
{
  return of (state).phaseAtTime (micros (time), quantum);
}

int64_t
abl_link_time_at_beat (abl_link_session_state state, double beat, double quantum)
{
  return of (state).timeAtBeat (beat, quantum).count();
}

void
abl_link_request_beat_at_time (abl_link_session_state state, double beat, int64_t time, double quantum)
{
  of (state).requestBeatAtTime (beat, micros (time), quantum);
}

void
abl_link_set_is_playing (abl_link_session_state state, bool is_playing, uint64_t time)
{
  of (state).setIsPlaying (is_playing, micros (static_cast<int64_t> (time)));
}

bool
abl_link_is_playing (abl_link_session_state state)
{
  return of (state).isPlaying();
}

uint64_t
abl_link_time_for_is_playing (abl_link_session_state state)
{
  return static_cast<uint64_t> (of (state).timeForIsPlaying().count());
}
}
