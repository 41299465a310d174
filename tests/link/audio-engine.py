#!/usr/bin/python3
"""AUDIOENGINE-1: Echelon's clicks beside a peer's, recorded together.

    audio-engine.py [long]

Ableton asks for less than 3 ms.  LinkHut goes by the time at which it is called, and so is itself up to a
quarter of a millisecond early; the reference peer goes by the graph's clock.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import sys
import time

from linklab import (ClickPeer, Echelon, LinkHut, Recorder, errors, figure, force_quantum, is_good, link, main, onsets,
                     unlink, write_clicks)

LONG = "long" in sys.argv[1:]
QUANTUMS = (64, 256, 1024) if LONG else (256,)
SECONDS = float(os.environ.get("ECH_LINK_SECONDS", "5.5"))


def take(folder, sources, seconds=SECONDS, **options):
    recorder = Recorder(folder, *sources, **options)
    time.sleep(seconds)
    return recorder.stop()


def judge(tap, folder, other, limit_us, name):
    """Recorded up to three times: a busy machine loses blocks."""
    for _ in range(3):
        ours, theirs = (onsets(track) for track in take(folder, ("echelon-mixer:master_left", other)))
        found, astray = errors(ours[1:-1], theirs, 100000)
        tap.note(f"{name}: {figure(found) if len(found) else 'no clicks'}, {astray} without a counterpart")
        if is_good(found, astray, limit_us, 6):
            break
    tap.check(is_good(found, astray, limit_us, 6), f"{name}: the median is under {limit_us / 1000:g} ms",
              f"{len(found)} clicks, {astray} without a counterpart")


def reference(tap, folder):
    """Quantised start, no sync: each click is the frame that the engine was asked for."""
    track = os.path.join(folder, "clicks.wav")
    write_clicks(track)
    ClickPeer("--tempo", "120")
    for quantum in QUANTUMS:
        force_quantum(quantum)
        echelon = Echelon("--link")
        echelon.wait("/clock", lambda v: v[3] == 1 and v[4] == 1)
        echelon.load("a", track, sync=False)
        echelon.post("/deck/a/play", "f", 0.0, timing="bar")
        judge(tap, folder, "click-peer:clicks", 50, f"against the reference, {quantum} frames")
        echelon.end()
    force_quantum(0)


def synced(tap, folder):
    """A deck that follows by its grid, at a tempo that is not the track's."""
    track = os.path.join(folder, "clicks.wav")
    write_clicks(track)
    force_quantum(256)
    ClickPeer("--tempo", "127.3")
    echelon = Echelon("--link")
    echelon.wait("/clock", lambda v: v[3] == 1 and v[4] == 1)
    echelon.load("a", track)
    echelon.post("/deck/a/play", "f", 0.0, timing="bar")
    judge(tap, folder, "click-peer:clicks", 3000, "a synced deck, 127.3 BPM")
    force_quantum(0)


def latency(tap, folder):
    """A device that says it is 20 ms late gets its clicks 20 ms earlier."""
    track = os.path.join(folder, "clicks.wav")
    write_clicks(track)
    force_quantum(256)
    ClickPeer("--tempo", "120", "--latency-us", "20000")
    echelon = Echelon("--link")
    echelon.wait("/clock", lambda v: v[3] == 1 and v[4] == 1)
    echelon.load("a", track, sync=False)
    late = Recorder(folder, "echelon-mixer:master_left", latency=960, name="late")
    # the way to that device is the only one; the peer keeps us on the sink's clock
    link("click-peer:clicks", "null-sink:playback_FL")
    for side in ("left", "right"):
        unlink(f"echelon-mixer:master_{side}", f"null-sink:playback_F{side[0].upper()}")
    time.sleep(0.5)
    echelon.post("/deck/a/play", "f", 0.0, timing="bar")
    judge(tap, folder, "click-peer:clicks", 50, "20 ms early for a device that is 20 ms late")
    late.stop()
    force_quantum(0)


def linkhut(tap, folder):
    track = os.path.join(folder, "clicks.wav")
    write_clicks(track)
    for quantum in QUANTUMS:
        force_quantum(quantum)  # before it starts: its buffers do not grow
        hut = LinkHut()
        hut.press("a")
        hut.wait("on", enabled=True)
        echelon = Echelon("--link")
        echelon.wait("/clock", lambda v: v[3] == 1 and v[4] == 1)
        echelon.load("a", track, sync=False)
        echelon.post("/deck/a/play", "f", 0.0, timing="bar")
        hut.press(" ")
        hut.wait("plays", playing=True)
        time.sleep(2.5)  # its own start waits for the quantum
        judge(tap, folder, "LinkHut:out_1", 3000, f"against LinkHut, {quantum} frames")
        echelon.end()
        hut.end()
    force_quantum(0)


main(*((reference, latency, synced, linkhut) if LONG else (reference, linkhut)))
