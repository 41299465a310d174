#!/usr/bin/python3
"""A live set, steered by OSC, heard again from its journal: each onset on the night's own frame.

Runs inside a PipeWire of the test's own (tests/support/with-pipewire).

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "drivers"))
from osclib import Program, message  # noqa: E402
from soundlab import coded_track, echelonctl, heard, read_journal, read_wav, run, tap  # noqa: E402

RATE = 48000
SETTLED = 200  # frames: past the ramp of an immediate start, which is 2 ms
FOLDER = tempfile.mkdtemp(prefix="echelon-replay-live-")
TRACK = os.path.join(FOLDER, "track.wav")
JOURNAL = os.path.join(FOLDER, "night.jsonl")
OUT = os.path.join(FOLDER, "night.wav")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Night:
    def __init__(self, *options):
        for _ in range(10):
            self.port = free_port()
            self.program = Program(echelonctl(), "run", "--no-link", "--json", "--osc-port", str(self.port), *options, TRACK,
                                   stderr=subprocess.STDOUT)
            if "running" in self.program.line("driver osc: ", 30):
                break
            self.program.end()  # somebody took the port in between
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.fate(lambda e: e["verb"] == "load" and e["fate"] == "executed")

    def fate(self, wanted):
        while True:
            line = self.program.line("{", 60)
            event = json.loads(line)
            if wanted(event):
                return event

    def do(self, address, types, *values):
        """Sends one action, with its address as the id; waits for its last fate."""
        name = "%s %s" % (address, values)
        self.socket.sendto(message(address, types + "s", *values, "id=" + name[-40:]), ("127.0.0.1", self.port))
        return self.fate(lambda e: e.get("id") == name[-40:] and e["fate"] != "queued")

    def end(self):
        self.socket.close()
        self.program.process.send_signal(signal.SIGINT)
        assert self.program.process.wait(timeout=30) == 0


DONE = {}


def test_night():
    """a night: what was asked for is carried out, or refused"""
    coded_track(TRACK, RATE, 40, 120)
    night = Night("--journal", JOURNAL)
    time.sleep(1)  # more than the beat for which OSC leaves alone what a hand has loaded
    DONE["fader"] = night.do("/crossfader", "f", 0.0)
    DONE["play"] = night.do("/deck/a/play", "f", 1.0)
    DONE["bar"] = night.do("/deck/a/seek", "fs", 10.0, "bar")
    DONE["tempo"] = night.do("/tempo", "f", 140.0)
    DONE["beat"] = night.do("/deck/a/seek", "fs", 5.0, "beat")
    DONE["eject"] = night.do("/deck/a/eject", "")
    DONE["bpm"] = night.do("/tempo", "fs", 101.5, "beat")
    DONE["half"] = night.do("/deck/a/seek", "fs", 20.0, "1/2")
    DONE["last"] = night.do("/deck/a/stop", "")
    DONE["down"] = night.do("/deck/a/volume", "fs", 0.0, "beat")
    DONE["stop"] = night.do("/deck/a/stop", "s", "beat")
    DONE["up"] = night.do("/deck/a/volume", "f", 1.0)
    DONE["again"] = night.do("/deck/a/play", "f", 3.0)
    night.end()
    assert DONE.pop("eject")["rule"] == "on-air"
    assert DONE.pop("last")["rule"] == "last-deck"
    assert all(event["fate"] == "executed" for event in DONE.values()), DONE


def test_journal():
    """the journal holds it all, up to its end"""
    lines = read_journal(JOURNAL)
    assert lines[0]["fate"] == "start" and lines[0]["clock"] == "live" and lines[-1]["fate"] == "end", lines
    posted = {line["serial"]: line for line in lines if line["fate"] == "posted"}
    assert len(posted) == 14, posted
    assert {(line["source"], line["class"]) for line in posted.values()} == {("console", "osc"), ("osc", "osc")}, posted
    for event in DONE.values():
        assert event in lines and posted[event["serial"]]["frame"] >= 0
    assert lines[-1]["frame"] >= DONE["again"]["frame"]


def test_replay():
    """each onset in the replayed sound lies on the frame that the night had"""
    done = run("replay", JOURNAL, "-o", OUT, "--journal", OUT + ".jsonl")
    assert done.stderr == "", done.stderr
    sound, rate = read_wav(OUT)
    assert rate == RATE and len(sound) == read_journal(JOURNAL)[-1]["frame"]
    frames = {name: event["frame"] for name, event in DONE.items()}
    assert not sound[:frames["play"], 0].any()
    assert heard(sound, frames["play"] + SETTLED) == 1.0 * RATE + SETTLED
    assert heard(sound, frames["bar"] - SETTLED) == 1.0 * RATE + frames["bar"] - SETTLED - frames["play"]
    for name, seconds in (("bar", 10.0), ("beat", 5.0), ("half", 20.0)):
        assert heard(sound, frames[name]) == seconds * RATE, (name, heard(sound, frames[name]))
        assert heard(sound, frames[name] + 1000) == seconds * RATE + 1000, name
        assert heard(sound, frames[name] - 1) != seconds * RATE - 1, name
    assert sound[frames["down"] - 1, 0] != 0 and not sound[frames["stop"]:frames["again"], 0].any()
    if len(sound) > frames["again"] + SETTLED:
        assert heard(sound, frames["again"] + SETTLED) == 3.0 * RATE + SETTLED
    fates = {(line["verb"], line["frame"], line["beat"]) for line in read_journal(OUT + ".jsonl") if line["fate"] == "executed"}
    for event in DONE.values():
        assert any(verb == event["verb"] and frame == event["frame"] for verb, frame, _ in fates), (event, fates)


def test_default():
    """without --journal it is kept under XDG_STATE_HOME, with --no-journal nowhere"""
    os.environ["XDG_STATE_HOME"] = os.path.join(FOLDER, "state")
    kept = os.path.join(FOLDER, "state", "echelon", "journal")
    Night("--no-journal").end()
    assert not os.path.exists(kept)
    Night().end()
    name, = os.listdir(kept)
    lines = read_journal(os.path.join(kept, name))
    assert [line["fate"] for line in lines] == ["start", "posted", "queued", "executed", "end"], lines
    run("replay", os.path.join(kept, name), "-o", OUT)


try:
    tap([test_night, test_journal, test_replay, test_default])
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
