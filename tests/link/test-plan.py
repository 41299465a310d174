#!/usr/bin/python3
"""Ableton's test plan for Link, against Ableton's own LinkHut; AUDIOENGINE-1 is in audio-engine.py.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import time

import numpy as np

from linklab import (RATE, ClickPeer, Echelon, LinkHut, Recorder, errors, figure, is_good, main, onsets, write_clicks)

TRIALS = int(os.environ.get("ECH_LINK_TRIALS", "3"))
MASTER, HUT, PEER = "echelon-mixer:master_left", "LinkHut:out_1", "click-peer:clicks"


def clicks(folder, bpm=120.0):
    path = os.path.join(folder, f"clicks-{bpm:g}.wav")
    if not os.path.exists(path):
        write_clicks(path, bpm)
    return path


def enabled_hut():
    hut = LinkHut()
    hut.press("a")
    hut.wait("enabled", enabled=True)
    return hut


def joined(hut, *options):
    echelon = Echelon("--link", *options)
    echelon.wait("/clock", lambda v: v[3] == 1 and v[4] == 1)
    hut.wait("sees us", peers=1)
    return echelon


def record(folder, seconds, *sources):
    recorder = Recorder(folder, *sources)
    time.sleep(seconds)
    return recorder.stop()


def in_sync(tap, folder, name, sources=(MASTER, HUT), seconds=5.0):
    """Each of the first's clicks is on one of the second's."""
    ours, theirs = (onsets(track) for track in record(folder, seconds, *sources))
    found, astray = errors(ours[1:-1], theirs, 100000)
    tap.note(f"{name}: {figure(found) if len(found) else 'no clicks'}")
    tap.check(is_good(found, astray, 3000), f"{name}: in sync within 3 ms", f"{len(found)} clicks, {astray} astray")


def same_tempo(tap, echelon, hut, bpm, name):
    hut.wait(name, tempo=bpm)
    ours = echelon.wait("/clock", lambda v: abs(v[0] - bpm) < 0.01)[0]
    tap.check(True, f"{name}: Echelon {ours:.4f}, LinkHut {hut.state()['tempo']:.2f} BPM")


def tempo_1(tap, folder):
    """Tempo changes on either side, stopped and playing."""
    hut = enabled_hut()
    echelon = joined(hut)
    echelon.post("/tempo", "f", 131.0)
    same_tempo(tap, echelon, hut, 131.0, "TEMPO-1: changed by us, stopped")
    hut.tempo(134)
    same_tempo(tap, echelon, hut, 134.0, "TEMPO-1: changed by them, stopped")
    echelon.load("a", clicks(folder))
    echelon.post("/deck/a/play", "f", 0.0, timing="bar")
    hut.press(" ")
    hut.wait("plays", playing=True)
    time.sleep(2.5)
    in_sync(tap, folder, "TEMPO-1: playing")
    hut.tempo(124)
    same_tempo(tap, echelon, hut, 124.0, "TEMPO-1: changed by them, playing")
    time.sleep(1.0)
    in_sync(tap, folder, "TEMPO-1: after their change")
    echelon.post("/tempo", "f", 140.0)
    same_tempo(tap, echelon, hut, 140.0, "TEMPO-1: changed by us, playing")
    time.sleep(1.0)
    in_sync(tap, folder, "TEMPO-1: after our change")


def tempo_2(tap, folder):
    """Who comes to a session does not bring a tempo along; again and again, for it fails at times."""
    hut = LinkHut()
    hut.tempo(130)
    first = Echelon("--link")
    first.wait("/clock", lambda v: v[4] == 1)
    first.post("/tempo", "f", 100.0)
    first.end()
    hut.press("a")
    hut.wait("enabled", enabled=True)
    kept = 0
    for _ in range(TRIALS):
        echelon = Echelon()
        echelon.post("/tempo", "f", 100.0)
        echelon.post("/link", "i", 1)
        echelon.wait("/clock", lambda v: v[3] == 1)
        hut.wait("one peer", peers=1)
        time.sleep(0.5)
        kept += abs(echelon.clock()[0] - 130.0) < 0.01 and abs(hut.state()["tempo"] - 130.0) < 0.01
        echelon.end()
        hut.wait("nobody", peers=0)
    tap.check(kept == TRIALS, f"TEMPO-2: 1 Link and 130 BPM on both sides, {kept} of {TRIALS} times")


def tempo_3(tap, folder):
    hut = enabled_hut()
    hut.tempo(130)
    echelon = joined(hut)
    echelon.wait("/clock", lambda v: abs(v[0] - 130.0) < 0.01)
    echelon.load("a", clicks(folder, 101.0))
    echelon.load("b", clicks(folder, 101.0), sync=False)
    time.sleep(1.0)
    same_tempo(tap, echelon, hut, 130.0, "TEMPO-3: tracks of 101 BPM loaded, synced and not")


def tempo_4(tap, folder):
    """Tempos at which no deck plays: a multiple or a fraction of them."""
    hut = enabled_hut()
    echelon = joined(hut)
    ClickPeer()
    hut.wait("the reference too", peers=2)
    echelon.load("a", clicks(folder))
    echelon.post("/deck/a/play", "f", 0.0, timing="bar")
    for bpm in (20, 999):
        hut.tempo(bpm)
        same_tempo(tap, echelon, hut, float(bpm), f"TEMPO-4: {bpm} BPM")
        time.sleep(3.0)
        ours, theirs = (onsets(t, quiet=400) for t in record(folder, 13.0 if bpm == 20 else 4.0, MASTER, PEER))
        # the slower of the two has all its clicks on the other's
        few, many = (theirs, ours) if bpm == 20 else (ours, theirs)
        found, astray = errors(few[1:-1], many, 20000)
        rate = 60e6 / np.median(np.diff(ours))
        tap.note(f"TEMPO-4: {bpm} BPM, the deck plays at {rate:.1f}: {figure(found)}")
        tap.check(is_good(found, astray, 3000, 2) and 84 < rate < 172,
                  f"TEMPO-4: in sync at {bpm} BPM, the deck at {rate:.1f}", f"{astray} astray")


def watch(echelon, seconds):
    """[(time, BPM, beat)] as fast as it answers."""
    seen, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        before = time.monotonic()
        bpm, beat = echelon.clock()[:2]
        after = time.monotonic()
        if after - before < 0.004:
            seen.append(((before + after) / 2, bpm, beat))
        time.sleep(0.005)
    return seen


def tempo_5_beattime_1(tap, folder):
    """Alone and playing, Link goes on and off, twice: nothing changes, nothing is heard of it."""
    echelon = Echelon()
    echelon.post("/tempo", "f", 126.0)
    echelon.load("a", clicks(folder, 126.0))
    echelon.load("b", clicks(folder, 126.0), sync=False)
    echelon.post("/crossfader", "f", 0.0)
    echelon.post("/deck/a/play", "f", 0.0, timing="bar")
    echelon.post("/deck/b/play", "f", 0.0, timing="bar")
    time.sleep(0.5)
    recorder = Recorder(folder, "echelon-deck-a:left", "echelon-deck-b:left")
    seen = watch(echelon, 1.0)
    for on in (1, 0, 1, 0):
        echelon.post("/link", "i", on)
        seen += watch(echelon, 1.5)
    tracks = recorder.stop()
    tempos = [bpm for _, bpm, _ in seen]
    tap.check(max(tempos) - min(tempos) < 1e-3, f"TEMPO-5: {min(tempos):.5f} to {max(tempos):.5f} BPM", str(tempos[:5]))
    at = np.array([t for t, _, _ in seen])
    beats = np.array([b for _, _, b in seen])
    off = (beats - np.polyval(np.polyfit(at, beats, 1), at)) * 60 / 126.0 * 1e3
    tap.check(np.max(np.abs(off)) < 10, f"BEATTIME-1: no answer is further than {np.max(np.abs(off)):.2f} ms off the line")
    for name, track in zip(("synced", "not synced"), tracks):
        steps = np.diff(onsets(track)) * RATE / 1e6
        usual = np.median(steps)
        worst = np.max(np.abs(steps - usual))
        tap.check(len(steps) > 10 and worst <= 1.01, f"BEATTIME-1: the {name} deck's clicks are {usual:.0f} frames "
                  f"apart, never more than {worst:.1f} off", str(steps))


def beattime_2(tap, folder):
    """In a session alone and playing; another one comes: no jump for us."""
    hut = LinkHut()
    hut.tempo(97)
    echelon = Echelon("--link")
    echelon.wait("/clock", lambda v: v[4] == 1)
    echelon.load("a", clicks(folder))
    echelon.post("/deck/a/play", "f", 0.0, timing="bar")
    time.sleep(1.5)  # of two young sessions either may win
    recorder = Recorder(folder, MASTER)
    time.sleep(1.0)
    hut.press("a")
    hut.wait("sees us", peers=1, tempo=120.0)
    time.sleep(2.0)
    steps = np.diff(onsets(recorder.stop()[0])) * RATE / 1e6
    worst = np.max(np.abs(steps - 24000))
    tap.check(len(steps) >= 5 and worst <= 1.5, f"BEATTIME-2: no click more than {worst:.1f} frames out of step", str(steps))


def sharing(folder, sync_deck=True):
    hut = enabled_hut()
    hut.press("s")
    hut.wait("shares", shares=True)
    echelon = joined(hut)
    echelon.post("/link/startstop", "i", 1)
    echelon.load("a", clicks(folder), sync=sync_deck)
    echelon.load("b", clicks(folder), sync=False)
    time.sleep(1.2)  # what is found at joining is nobody's press
    return hut, echelon


def startstop_1(tap, folder):
    hut, echelon = sharing(folder)
    recorder = Recorder(folder, MASTER, HUT)
    time.sleep(0.3)
    hut.press(" ")
    hut.wait("plays", playing=True)
    echelon.wait_state("a", "playing")
    time.sleep(3.5)
    tap.check(echelon.state("b") == "stopped", "STARTSTOP-1: a deck without sync stays as it is")
    ours, theirs = (onsets(track) for track in recorder.stop())
    difference = (ours[0] - theirs[0]) / 1e6 * 2.0
    tap.check(abs(difference - round(difference / 4) * 4) < 0.01,
              f"STARTSTOP-1: their play starts us, {difference:+.3f} beats after their first click")
    hut.press(" ")
    hut.wait("stops", playing=False)
    echelon.wait_state("a", "stopped")
    tap.check(True, "STARTSTOP-1: their stop stops us")


def startstop_2(tap, folder):
    hut = enabled_hut()
    hut.press("s ")
    hut.wait("plays", playing=True, shares=True)
    echelon = joined(hut)
    echelon.post("/link/startstop", "i", 1)
    echelon.load("a", clicks(folder))
    time.sleep(3.0)
    tap.check(echelon.state("a") == "stopped", "STARTSTOP-2: who joins a playing session stays stopped")
    recorder = Recorder(folder, MASTER, HUT)
    time.sleep(0.3)
    echelon.post("/deck/a/play", "f", 0.0, timing="bar")
    time.sleep(2.5)
    ours, theirs = (onsets(track) for track in recorder.stop())
    found, _ = errors(ours[:1], theirs, 100000)
    tap.check(len(found) == 1 and abs(found[0]) < 3000, "STARTSTOP-2: our play starts on the quantum, "
              f"{found[0] if len(found) else float('nan'):+.1f} us from their click", str(ours[:3]))
    tap.check(hut.state()["playing"], "STARTSTOP-2: they play on meanwhile")
    echelon.post("/deck/a/stop")
    hut.wait("stops with us", playing=False)
    tap.check(True, "STARTSTOP-2: our stop stops both")
    recorder = Recorder(folder, MASTER, HUT)
    time.sleep(0.3)
    echelon.post("/deck/a/play", "f", 0.0, timing="bar")
    hut.wait("starts with us", playing=True)
    time.sleep(3.5)
    ours, theirs = (onsets(track) for track in recorder.stop())
    difference = (theirs[0] - ours[0]) / 1e6 * 2.0
    tap.check(abs(difference - round(difference / 4) * 4) < 0.01,
              f"STARTSTOP-2: our start starts both, they {difference:+.3f} beats after us")


def nudge(tap, folder):
    """Not of the plan: a wrong downbeat is put right on our side alone; no deck is moved."""
    hut = enabled_hut()
    echelon = joined(hut)
    echelon.load("a", clicks(folder))
    echelon.post("/deck/a/play", "f", 0.0, timing="bar")
    peer = ClickPeer("--no-audio")
    time.sleep(0.5)
    recorder = Recorder(folder, MASTER)
    time.sleep(0.5)
    echelon.post("/link/nudge", "i", 1)
    time.sleep(2.0)
    theirs, ours = peer.state(), echelon.clock()
    there = time.clock_gettime(time.CLOCK_MONOTONIC_RAW)
    ahead = (ours[1] - theirs["beat"] - (there - theirs["us"] / 1e6) * 2.0) % 4.0
    tap.check(abs(ahead - 1.0) < 0.1, f"nudge: our bar is {ahead:.3f} beats ahead of theirs")
    steps = np.diff(onsets(recorder.stop()[0])) * RATE / 1e6
    worst = np.max(np.abs(steps - 24000))
    tap.check(len(steps) >= 3 and worst <= 1.5, f"nudge: no click more than {worst:.1f} frames out of step", str(steps))


main(nudge, tempo_1, tempo_2, tempo_3, tempo_4, tempo_5_beattime_1, beattime_2, startstop_1, startstop_2)
