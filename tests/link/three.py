#!/usr/bin/python3
"""Two Echelons and LinkHut on a network of three: join, leave, fights over the tempo, a cut.

    three.py [long]

Each has a network namespace of its own, tied to a bridge; the sound of all meets in one graph.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np

from linklab import (RATE, Echelon, LinkHut, Namespace, Recorder, errors, figure, is_good, main, onsets, output, wait_for,
                     write_clicks)

LONG = "long" in sys.argv[1:]
CUT_S = 10.0 if LONG else 2.0
STAY_S = 600.0 if LONG else 6.0
NAMES = ("e1", "e2", "hut")


class Network:
    def __init__(self):
        ip("link", "add", "lab", "type", "bridge", "mcast_snooping", "0")
        ip("link", "set", "lab", "up")
        self.spaces = {}
        for i, name in enumerate(NAMES):
            space = Namespace()
            ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(space.holder.pid))
            ip("link", "set", name, "master", "lab", "up")
            space.run("ip", "address", "add", f"10.77.0.{i + 1}/24", "dev", "eth0")
            space.run("ip", "link", "set", "eth0", "up")
            self.spaces[name] = space

    def cut(self, name, is_cut):
        ip("link", "set", name, "down" if is_cut else "up")

    def end(self):
        ip("link", "del", "lab")
        for space in self.spaces.values():
            space.end()


def ip(*argv):
    subprocess.run(["ip", *argv], check=True, timeout=20)


def master_port(echelon):
    """The id of its left master output: the two have nodes of the same names."""
    pid = echelon.program.process.pid

    def find():
        dump = json.loads(output("pw-dump") or "[]")
        clients = {o["id"] for o in dump if o["type"].endswith(":Client")
                   and o["info"]["props"].get("application.process.id") in (pid, str(pid))}
        nodes = {o["id"] for o in dump if o["type"].endswith(":Node")
                 and o["info"]["props"].get("node.name") == "echelon-mixer"
                 and o["info"]["props"].get("client.id") in clients}
        return [o["id"] for o in dump if o["type"].endswith(":Port")
                and o["info"]["props"].get("node.id") in nodes
                and o["info"]["props"].get("port.name") == "master_left"]
    assert wait_for(lambda: len(find()) == 1), "no master output"
    return find()[0]


class Lab:
    """The three, playing and joined."""

    def __init__(self, folder):
        self.folder = folder
        self.network = Network()
        self.track = os.path.join(folder, "clicks.wav")
        write_clicks(self.track, seconds=120)
        self.e1 = self.echelon("e1")
        self.play(self.e1)
        time.sleep(1.5)

    def echelon(self, name):
        return Echelon("--link", namespace=self.network.spaces[name])

    def play(self, echelon):
        echelon.load("a", self.track)
        echelon.post("/deck/a/play", "f", 0.0, timing="bar")
        echelon.post("/deck/a/loop", "f", 64.0, timing="bar")  # the track is shorter than the test

    def all_at(self, bpm, name, tap, timeout=10):
        said = [e.wait("/clock", lambda v: abs(v[0] - bpm) < 0.01, timeout)[0] for e in (self.e1, self.e2)]
        if self.hut:
            self.hut.wait(name, tempo=round(bpm, 2))
            said.append(self.hut.state()["tempo"])
        tap.check(True, f"{name}: all at {' / '.join(f'{s:.4f}' for s in said)} BPM")

    def in_sync(self, tap, name, seconds=4.0, hut=True):
        self.n = getattr(self, "n", 0) + 1
        recorder = Recorder(self.folder, *([master_port(self.e1), master_port(self.e2)] +
                                           (["LinkHut:out_1"] if hut else [])), name=f"lab{self.n}")
        time.sleep(seconds)
        first, second, *third = (onsets(track) for track in recorder.stop())
        for who, other, limit in [("the other Echelon", second, 100)] + [("LinkHut", t, 3000) for t in third]:
            found, astray = errors(first[1:-1], other, 100000)
            tap.note(f"{name}, {who}: {figure(found) if len(found) else 'no clicks'}")
            tap.check(is_good(found, astray, limit),
                      f"{name}: in sync with {who} within {limit} us", f"{len(found)} clicks, {astray} astray")

    def end(self):
        self.network.end()


def undisturbed(tap, recorder, name):
    """e1's clicks went on while something happened to the others."""
    times = onsets(recorder.stop()[0])
    steps = np.diff(times) * RATE / 1e6
    worst = np.max(np.abs(steps - np.median(steps)))
    tap.check(len(steps) >= 3 and worst < 3, f"{name}: no click of ours more than {worst:.1f} frames out of step",
              str(steps))


def three(tap, folder):
    lab = Lab(folder)
    try:
        recorder = Recorder(folder, master_port(lab.e1), name="join")
        lab.hut = None
        lab.e2 = lab.echelon("e2")
        lab.e2.wait("/clock", lambda v: v[3] == 1)
        lab.play(lab.e2)
        lab.hut = LinkHut(namespace=lab.network.spaces["hut"])
        lab.hut.tempo(93)
        lab.hut.press("a")
        lab.hut.wait("sees two", peers=2)
        for e in (lab.e1, lab.e2):
            e.wait("/clock", lambda v: v[3] == 2)
        lab.all_at(120.0, "join", tap)
        undisturbed(tap, recorder, "join")
        lab.hut.press(" ")
        lab.hut.wait("plays", playing=True)
        time.sleep(2.5)
        lab.in_sync(tap, "join")
        fights(tap, lab)
        cut(tap, lab)
        stay(tap, lab)
        leave(tap, lab)
    finally:
        lab.end()


def fights(tap, lab):
    """All three want another tempo, in quick succession; in the end there is one."""
    rng = random.Random(4)
    for _ in range(12):
        who = rng.choice((lab.e1, lab.e2, lab.hut))
        if who is lab.hut:
            who.press(rng.choice("we") * 3)
        else:
            who.post("/tempo", "f", float(rng.randrange(100, 150)))
        time.sleep(rng.random() * 0.15)
    time.sleep(2.5)
    bpm = lab.e1.clock()[0]
    lab.all_at(bpm, "after the fights", tap)
    lab.e2.post("/tempo", "f", 125.0)
    lab.all_at(125.0, "peace", tap)
    time.sleep(8.0)  # a synced deck has up to half a beat to make up for
    lab.in_sync(tap, "after the fights")


def cut(tap, lab):
    recorder = Recorder(lab.folder, master_port(lab.e1), name="cut")
    lab.network.cut("e2", True)
    time.sleep(CUT_S)
    if LONG:
        lab.e2.wait("/clock", lambda v: v[3] == 0)
        lab.e1.wait("/clock", lambda v: v[3] == 1)
        tap.check(True, "cut: each side sees who is left")
    lab.network.cut("e2", False)
    for e in (lab.e1, lab.e2):
        e.wait("/clock", lambda v: v[3] == 2, 30)
    undisturbed(tap, recorder, f"cut for {CUT_S:g} s")
    lab.all_at(125.0, "after the cut", tap)
    time.sleep(3.0)
    lab.in_sync(tap, "after the cut")


def stay(tap, lab):
    """Sampled: a recording of ten minutes would tell no more."""
    end = time.monotonic() + STAY_S
    while True:
        left = end - time.monotonic()
        lab.in_sync(tap, f"{STAY_S - max(0.0, left):.0f} s on", seconds=5.0)
        if time.monotonic() > end:
            return
        time.sleep(max(0.0, min(60.0, end - time.monotonic())))


def leave(tap, lab):
    recorder = Recorder(lab.folder, master_port(lab.e1), name="leave")
    lab.hut.end()
    lab.e1.wait("/clock", lambda v: v[3] == 1, 5)
    lab.e2.program.process.send_signal(signal.SIGKILL)
    lab.e1.wait("/clock", lambda v: v[3] == 0, 15)
    bpm = lab.e1.clock()[0]
    tap.check(abs(bpm - 125.0) < 0.01, f"leave: one takes leave, one is killed; we stay at {bpm:.4f} BPM")
    undisturbed(tap, recorder, "leave")


main(three)
