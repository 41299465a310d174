#!/usr/bin/python3
"""Recording a live set: the file is what the set's journal renders to, sample for sample.

Runs inside a PipeWire of the test's own (tests/support/with-pipewire).

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "drivers"))
from osclib import Program, message  # noqa: E402
from soundlab import coded_track, echelonctl, read_wav, run, tap  # noqa: E402

RATE = 48000
TRIES = 3
FOLDER = tempfile.mkdtemp(prefix="echelon-record-live-")
TRACK = os.path.join(FOLDER, "track.wav")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Night:
    def __init__(self, *options, **more):
        for _ in range(10):
            self.port = free_port()
            self.program = Program(echelonctl(), "run", "--no-link", "--json", "--osc-port", str(self.port), *options,
                                   TRACK, stderr=subprocess.STDOUT, **more)
            if "running" in self.program.line("driver osc: ", 30):
                break
            self.program.end()  # somebody took the port in between
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        self.fate(lambda e: e["verb"] == "load" and e["fate"] == "executed")

    def fate(self, wanted):
        while True:
            event = json.loads(self.program.line("{", 60))
            if wanted(event):
                return event

    def send(self, address, types, *values):
        self.socket.sendto(message(address, types, *values), ("127.0.0.1", self.port))

    def do(self, address, types, *values):
        name = ("%s %s" % (address, values))[-40:]
        self.send(address, types + "s", *values, "id=" + name)
        return self.fate(lambda e: e.get("id") == name and e["fate"] != "queued")

    def lost(self):
        """Frames that the recording lost, as /query tells."""
        self.send("/query", "s", "/record")
        while True:
            packet = self.socket.recv(65536)
            if packet.startswith(b"/record\0") and b",ifhs" in packet:
                return int.from_bytes(packet[packet.index(b",ifhs") + 16:][:8], "big"), packet

    def end(self, sign=signal.SIGINT):
        self.socket.close()
        self.program.process.send_signal(sign)
        return self.program.process.wait(timeout=30)


def take_of(folder):
    name, = os.listdir(folder)
    return read_wav(os.path.join(folder, name))


def perform(folder):
    """Returns whether the machine kept up, the recording, and what the journal renders to in its place."""
    journal, out = os.path.join(FOLDER, "night.jsonl"), os.path.join(FOLDER, "night.wav")
    night = Night("--journal", journal, "--record-folder", folder)
    night.do("/crossfader", "f", 0.0)
    night.do("/deck/a/play", "f", 1.0)
    start = night.do("/record", "is", 1, "beat")
    assert start["fate"] == "executed" and folder in start["text"], start
    night.do("/deck/a/seek", "fs", 10.0, "bar")
    night.do("/eq/a/low", "f", -26.0)
    night.do("/deck/a/tempo", "f", 1.06)
    night.do("/deck/a/keylock", "is", 1, "beat")
    time.sleep(.5)
    night.do("/deck/a/seek", "fs", 20.0, "bar")
    time.sleep(.5)
    lost, packet = night.lost()
    assert packet[packet.index(b",ifhs") + 8:][:4] == b"\0\0\0\1", "recording is told"
    stop = night.do("/record", "i", 0)
    assert night.end() == 0
    run("replay", journal, "-o", out)
    sound, rate = read_wav(out)
    take, take_rate = take_of(folder)
    assert rate == take_rate == RATE
    assert len(take) == stop["frame"] - start["frame"], (len(take), start, stop)
    return lost == 0, take, sound[start["frame"]:stop["frame"]]


def has_gap(take, sound):
    """A deck's node came too late for a cycle: a whole block of it is silence."""
    return bool((~take.any(axis=1) & sound.any(axis=1)).sum() >= 64)


def test_same():
    """the recording is what the journal renders to, sample for sample"""
    for turn in range(TRIES):
        kept_up, take, sound = perform(os.path.join(FOLDER, "takes-%d" % turn))
        n = min(len(take), len(sound))  # the journal's end may be a block earlier
        assert n > RATE
        if (kept_up and not has_gap(take[:n], sound[:n])) or np.array_equal(take[:n], sound[:n]):
            break
        print("# cycles were lost, again", flush=True)
    off = np.flatnonzero((take[:n] != sound[:n]).any(axis=1))
    assert not len(off), (len(off), n, off[:5], take[off[:3]], sound[off[:3]])
    assert take[:, 1].any()


def test_killed():
    """after kill -9 the file can be played, but for its last second"""
    folder = os.path.join(FOLDER, "killed")
    night = Night("--no-journal", "--record-folder", folder)
    night.do("/record", "i", 1)
    time.sleep(3.5)
    night.end(signal.SIGKILL)
    take, rate = take_of(folder)
    assert rate == RATE and 1.5 * RATE < len(take), len(take)


def take_errors():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def test_no_room():
    """a disk that will not take more ends the recording, and says so"""
    folder = os.path.join(FOLDER, "full")
    night = Night("--no-journal", "--record-folder", folder, preexec_fn=take_errors)
    resource.prlimit(night.program.process.pid, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    night.do("/record", "i", 1)
    told = night.program.line("", 60)
    while "The recording ends here" not in told:
        told = night.program.line("", 60)
    stop = night.fate(lambda e: e["verb"] == "record")
    assert stop["source"] == "recorder" and stop["fate"] == "executed", stop
    time.sleep(0.6)  # the recorder speaks as a hand: others leave it alone for a beat
    again = night.do("/record", "i", 0)
    assert again["fate"] == "executed", again
    assert night.end() == 0


coded_track(TRACK, RATE, 40, 120)
try:
    tap([test_same, test_killed, test_no_room])
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
