#!/usr/bin/python3
"""The whole path through PipeWire: what was asked for at a beat is heard on that beat's frame.

    onsets.py lockstep|realtime

A track in which every sample tells its own frame is played by the engine and recorded at the deck's node
and at the mixer's master.  Onsets are found in the recorded samples; where they belong follows from the
session's timeline alone, and which recorded frame is which graph frame from the driver's clock.  The engine's
own word on what it did is not used.  The quantum changes all the time.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import sys
import tempfile
import threading
import time

import numpy as np

from support import (RATE, Child, Driver, Engine, Tap, force_quantum, link, links, make_track, program, read_recording,
                     wait_for)

MAX_TRIES = 3
QUANTA_LOCKSTEP = "256,64,1000,32,1024,480,4096,128"
QUANTA_REALTIME = [256, 1024, 128, 2048, 512]

tap = Tap()


def frame_of(snapshot, beat):
    return snapshot["origin_frames"] + (beat - snapshot["origin_beats"]) * 60 * snapshot["rate"] / snapshot["bpm"]


def map_frames(blocks, snapshots):
    """Recorded frames to graph frames: {clock id: position - graph frame}.

    A snapshot tells the graph frame at the end of a block, and when that is; a recorded block tells when it begins,
    how long it is, and its position."""
    ends = np.array([block.nsec + block.n * 10**9 // block.rate for block in blocks], dtype=np.int64)
    found = {}
    for snapshot in snapshots:
        at = int(np.argmin(np.abs(ends - snapshot["time_ns"])))
        if abs(int(ends[at]) - snapshot["time_ns"]) < 2000:
            block = blocks[at]
            found.setdefault(block.clock_id, []).append(block.position + block.n - snapshot["frame"])
    assert found and all(len(set(all_)) == 1 for all_ in found.values()), f"frames and positions disagree: {found}"
    return {clock: all_[0] for clock, all_ in found.items()}


class Recording:
    """One input as a run of samples, by graph frame; where blocks are missing it is NaN."""

    def __init__(self, blocks, port, offsets):
        used = [block for block in blocks if block.clock_id in offsets]
        self.first = min(block.position - offsets[block.clock_id] for block in used)
        last = max(block.position - offsets[block.clock_id] + block.n for block in used)
        self.samples = np.full(last - self.first, np.nan, np.float32)
        for block in used:
            at = block.position - offsets[block.clock_id] - self.first
            self.samples[at:at + block.n] = block.samples[port]

    def onsets(self, track, start):
        """Graph frames from which the track is heard from its frame `start` on: 500 frames exactly, and the frame
        before is not (there the track only passes by)."""
        found = []
        for at in np.flatnonzero(self.samples == track[start]):
            is_exact = (self.samples[at:at + 500] == track[start:start + 500]).all()
            if is_exact and (at == 0 or self.samples[at - 1] != track[start - 1]):
                found.append(int(at) + self.first)
        return found


class Session:
    """Engine, recorder, and somebody who keeps the quantum changing."""

    def __init__(self, mode, fused, folder):
        self.mode, self.fused = mode, fused
        self.path = os.path.join(folder, f"{mode}-{fused}.rec")
        self.snapshots = []
        self.driver = None
        self.stopped = threading.Event()
        if mode == "lockstep":
            os.environ["ECHELON_NODE_GROUP"] = "step"
        self.engine = Engine(program("engine-host"), *(["--fused"] if fused else []))
        group = ["--group", "step"] if mode == "lockstep" else []
        self.recorder = Child(program("recorder"), self.path, "--ports", "4", "--seconds", "90", *group)
        self.recorder.expect("ready")
        node = "echelon" if fused else "echelon-mixer"
        if not fused:
            link("echelon-deck-a:left", "recorder:in_1")
            link("echelon-deck-a:right", "recorder:in_2")
        link(f"{node}:master_left", "recorder:in_3")
        link(f"{node}:master_right", "recorder:in_4")
        if mode == "lockstep":
            self.driver = Driver(program("step-driver"), "step")
            self.driver.expect("ready")
            self.driver.ask("pace 1")
            self.driver.ask(f"quantum {QUANTA_LOCKSTEP}")
            self.driver.send(f"run {60 * RATE}")
        else:
            assert wait_for(lambda: any("null-sink" in sink for _, sink in links()))
        self.thread = threading.Thread(target=self._change_quantum, daemon=True)
        self.thread.start()
        assert wait_for(lambda: self.engine.snapshot()["running"]), "no cycles come in"

    def _change_quantum(self):
        turn = 0
        while not self.stopped.wait(0.35):
            if self.mode == "realtime":
                force_quantum(QUANTA_REALTIME[turn % len(QUANTA_REALTIME)])
            turn += 1

    def note_time(self):
        """A few readings of which graph frame enters the graph when."""
        for _ in range(6):
            self.snapshots.append(self.engine.snapshot())
            time.sleep(0.03)
        return self.snapshots[-1]

    def stop(self):
        self.stopped.set()
        self.thread.join()
        self.recorder.stop()
        if self.driver:
            self.driver.stop()
        self.engine.stop()
        return read_recording(self.path)


def perform(session, track_path):
    """The actions, with the frame on which each onset belongs: [(name, track frame, graph frame)]."""
    engine, want = session.engine, []
    engine.act("/crossfader 0", "fade")
    engine.act(f'/deck/a/load "{track_path}"', "load")

    def ask(name, action, track_seconds, between=None):
        queued = engine.act(action, name, "queued")
        if between:
            engine.act(between, name + "-between")
        fate = None
        while fate != "executed":
            words = engine.expect(f"event {name} ").split(" ", 6)
            fate = words[2]
            assert fate in ("queued", "executed"), f"{name}: {words}"
            if fate == "queued":  # handed over too late on a busy machine, it got its next boundary
                queued = float(words[4])
        want.append((name, round(track_seconds * RATE), round(frame_of(session.note_time(), queued)), queued))

    ask("play-bar", "/deck/a/play 1.0 bar", 1)
    ask("seek-beat", "/deck/a/seek 20 beat", 20)
    ask("seek-half", "/deck/a/seek 30.000125 1/2", 30.000125)
    ask("play-at", f"/deck/a/play 5 @{int(engine.snapshot()['frame'] / RATE * 2) + 9}.3", 5)
    ask("seek-tempo", "/deck/a/seek 40 4bar", 40, between="/tempo 133.7")
    ask("seek-two-tempos", "/deck/a/seek 45.5 bar", 45.5, between="/tempo 97.25 beat")
    engine.act("/deck/a/stop beat", "stop")
    ask("play-again", "/deck/a/play 10 beat", 10)
    time.sleep(0.3)
    return want


def judge(session, want, blocks, track, name):
    """[(holds, name, detail)]"""
    results = []

    def check(ok, what, detail=""):
        results.append((ok, f"{name}: {what}", detail))
        return ok

    offsets = map_frames(blocks, session.snapshots)
    check(len({block.n for block in blocks}) >= 4, f"blocks of {sorted({b.n for b in blocks})} frames")
    deck = None if session.fused else Recording(blocks, 0, offsets)
    master = Recording(blocks, 2, offsets)
    latency = set()
    for what, start, frame, beat in want:
        if deck is not None:
            onsets = deck.onsets(track, start)
            check(onsets == [frame], f"{what}, beat {beat:g}: at the deck on frame {frame}",
                  f"found {onsets}, {[o - frame for o in onsets]} off")
        onsets = master.onsets(track, start)
        if check(len(onsets) == 1, f"{what}: once at the master", str(onsets)):
            latency.add(onsets[0] - frame)
    check(len(latency) == 1 and 0 <= min(latency) <= 1000,
          f"the master is always by our own delay later: {latency} frames", str(latency))
    return results


def count_lost(session, blocks):
    """Cycles that the machine was too slow for."""
    gaps = sum(b.position != a.position + a.n for a, b in zip(blocks, blocks[1:]) if a.clock_id == b.clock_id)
    return gaps + session.snapshots[-1]["lost"] - session.snapshots[0]["lost"]


def run(mode, fused, folder, track, track_path):
    """A lost cycle may hide an onset, which is the machine's doing: then, and only then, it is played again."""
    name = f"{mode}, {'fused' if fused else 'separate'}"
    for _ in range(MAX_TRIES):
        session = Session(mode, fused, folder)
        try:
            want = perform(session, track_path)
        finally:
            blocks = session.stop()
        results = judge(session, want, blocks, track, name)
        lost = count_lost(session, blocks)
        tap.note(f"{name}: {len(blocks)} blocks, {lost} cycles lost")
        if lost == 0 or all(result[0] for result in results):
            break
    for result in results:
        tap.check(*result)


try:
    with tempfile.TemporaryDirectory() as temporary:
        path = os.path.join(temporary, "every sample is one of a kind.wav")
        noise = make_track(path)
        for is_fused in (False, True):
            run(sys.argv[1], is_fused, temporary, noise, path)
finally:
    Child.stop_all()
tap.done()
