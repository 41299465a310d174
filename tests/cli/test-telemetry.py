#!/usr/bin/python3
"""What echelonctl run --telemetry prints, against what was done.

Runs inside a PipeWire of the test's own (tests/support/with-pipewire).

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "drivers"))
from osclib import Peer, Program, message  # noqa: E402
from soundlab import coded_track, echelonctl, tap  # noqa: E402

FOLDER = tempfile.mkdtemp(prefix="echelon-telemetry-")
TRACK = os.path.join(FOLDER, "track.wav")


class Run:
    """echelonctl run; dies with the test at the latest."""

    all = []

    def __init__(self, *arguments):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.program = Program(echelonctl(), "run", "--no-link", "--no-journal", "--no-session", "--osc-port", str(self.port),
                               *arguments, stderr=subprocess.STDOUT)
        Run.all.append(self)
        assert "running" in self.program.line("driver osc: ", 30)
        self.peer = Peer(self.port, patience=30)
        self.n = 0

    def do(self, address, types="", *values):
        """One action; its last fate and its rule."""
        self.n += 1
        name = "n%d" % self.n
        self.peer.send(message(address, types + "s", *values, "id=" + name))
        fate = self.peer.wait_for(lambda a, t, v: a == "/echelon/reply" and v[0] == name and v[1] != "queued")[0]
        return tuple(fate[2][1:4])

    def ask(self, address):
        return self.peer.ask(message("/query", "s", address))[2]

    def wait_loaded(self):
        for _ in range(2000):
            if self.ask("/deck/a/state")[0] == "stopped" and self.ask("/deck/a/state")[3] > 0:
                return
            time.sleep(0.01)
        raise AssertionError("no track")

    def end(self):
        self.program.process.send_signal(signal.SIGINT)
        assert self.program.process.wait(timeout=30) == 0
        self.peer.close()
        lines = []
        while True:
            line = self.program.lines.get(timeout=10)
            if line is None:
                return lines
            lines.append(line)


def check(run, wanted, *action):
    fate = run.do(*action)
    assert fate[:2] == wanted, (action, fate)


def some_actions(run):
    """Each is what its words say; returns what telemetry must have counted for osc."""
    run.wait_loaded()
    time.sleep(0.8)  # the console's load was a hand's: others let the deck be for a beat
    check(run, ("executed", "none"), "/crossfader", "f", 0.0)
    check(run, ("executed", "none"), "/lock/a")
    check(run, ("rejected", "locked"), "/deck/a/seek", "f", 1.0)
    check(run, ("rejected", "locked"), "/deck/a/play", "s", "beat")
    check(run, ("executed", "none"), "/unlock/a")
    check(run, ("executed", "none"), "/deck/a/play", "s", "beat")
    check(run, ("rejected", "on-air"), "/deck/a/eject")
    check(run, ("rejected", "no-track"), "/deck/b/play")
    return {"locked": 2, "on-air": 1, "no-track": 1}


def test_json():
    """--json: an object a time, its figures those of what was done"""
    coded_track(TRACK, 48000, 30, 120)
    run = Run("--json", "--telemetry", "0.2", TRACK)
    refused = some_actions(run)
    time.sleep(0.3)  # one more line is due
    lines = [json.loads(line) for line in run.end() if line.startswith("{")]
    told = [line for line in lines if line["fate"] == "telemetry"]
    fates = [line for line in lines if line["fate"] in ("executed", "rejected")]
    assert len(told) > 3, len(told)
    last = told[-1]
    assert last["locks"] == 1 and last["unlocks"] == 1 and last["refused_locked"] == 2, last
    assert last["refused"] == {"locked": {"seek": 1, "play": 1}, "on-air": {"eject": 1}, "no-track": {"play": 1}}, last
    assert last["executed"] == sum(line["fate"] == "executed" for line in fates), last
    assert last["rejected"] == sum(line["fate"] == "rejected" for line in fates) == 4, last
    osc = last["sources"]["osc"]
    assert osc["refused"] == refused and osc["posted"] == 8 and osc["refused_full"] == 0, osc
    assert (osc["class"], osc["mode"], osc["depth"]) == ("osc", "auto", 0) and osc["max_depth"] >= 1, osc
    assert last["sources"]["console"]["posted"] == 1, last["sources"]
    assert last["latency_ms"]["n"] >= 1 and 0 < last["latency_ms"]["p50"] <= last["latency_ms"]["p99"], last
    assert last["latency_ms"]["p99"] <= last["latency_ms"]["max"], last
    error = last["error_frames"]
    assert error["n"] == 1 and -0.501 <= error["min"] == error["mean"] == error["max"] <= 0.501, error
    assert last["running"] is True and last["cycles"] > 0 and last["emergency_stops"] == 0, last
    for one, next_one in zip(told, told[1:]):
        assert one["cycles"] <= next_one["cycles"] and one["rejected"] <= next_one["rejected"]


def test_query():
    """OSC tells the same under /telemetry"""
    run = Run("--json", TRACK)
    refused = some_actions(run)
    time.sleep(0.1)  # the newest snapshot is 10 ms old at most
    for rule, n in refused.items():
        assert run.ask("/telemetry/refusals/" + rule) == [n], rule
    assert run.ask("/telemetry/refusals/cooldown") == [0]
    assert run.ask("/telemetry/locks") == [1, 1, 2]
    assert run.ask("/telemetry/source/osc")[:3] == [8, 0, 4]
    assert run.ask("/telemetry/error")[0] == 1
    cycles = run.ask("/telemetry/cycles")[0]
    assert cycles > 0
    lines = [json.loads(line) for line in run.end() if line.startswith("{")]
    assert not [line for line in lines if line["fate"] == "telemetry"], "nobody asked for it"


def test_people():
    """for people: one line, what is 0 left out; without a number each second; a track is no number"""
    run = Run("--telemetry", TRACK)
    some_actions(run)
    lines = [line for line in run.end() if line.startswith("telemetry ")]
    assert lines, "no line"
    last = lines[-1]
    assert re.match(r"telemetry running, \d+ cycles, \d+ lost; \d+ done, 4 refused, 0 wait, 1 locks, 1 unlocks;", last), last
    for words in ("refused: ", "eject on-air 1", "play locked 1", "play no-track 1", "osc 8 posted, lane 0", "1 on their beat", "p50/p95/p99"):
        assert words in last, (words, last)
    assert "silences" not in last and "emergency" not in last, last
    print("# " + last)


def test_options():
    """an interval that makes no sense is refused"""
    for wrong in ("0.01", "-1", "1e9"):
        done = subprocess.run([echelonctl(), "run", "--telemetry=" + wrong], capture_output=True, text=True, timeout=30)
        assert done.returncode == 2 and "0.1 to 3600" in done.stderr, done


try:
    tap([test_json, test_query, test_people, test_options])
finally:
    for each in Run.all:
        if each.program.process.poll() is None:
            each.program.process.kill()
            each.program.process.wait()
    shutil.rmtree(FOLDER, ignore_errors=True)
