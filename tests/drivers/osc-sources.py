#!/usr/bin/python3
# OSC programs with names, over real UDP, in a whole engine under a policy that knows them.
#
# osc-sources.py NAMED_HOST ECHELONCTL; inside a PipeWire of the test's own.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import array
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import wave

from osclib import AT_ONCE, Peer, Program, Tap, bundle, message

NAMED_HOST, ECHELONCTL = map(os.path.abspath, sys.argv[1:3])
FOLDER = tempfile.mkdtemp(prefix="echelon-sources-")
TRACK = os.path.join(FOLDER, "tone.wav")


def write_tone():
    samples = array.array("h", (int(9000 * math.sin(2 * math.pi * 440 * i / 48000)) for i in range(60 * 48000)))
    with wave.open(TRACK, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48000)
        out.writeframes(samples.tobytes())


class Named(Peer):
    """A program with a name, or without."""

    def __init__(self, port, name=None):
        super().__init__(port, patience=30)
        self.n = 0
        self.answer = self.ask(message("/source", "s", name)) if name else None

    def begin(self, address, types="", *values):
        self.n += 1
        self.id = "%d-%d" % (self.socket.getsockname()[1], self.n)
        self.send(message(address, types + "s", *values, "id=" + self.id))
        return self.id

    def fate(self, name=None):
        """The next fate of that action (the last one begun): fate, rule, text."""
        name = name or self.id
        return tuple(self.wait_for(lambda a, t, v: a == "/echelon/reply" and v[0] == name)[0][2][1:4])

    def do(self, *action):
        self.begin(*action)
        while True:
            fate = self.fate()
            if fate[0] != "queued" or fate[1] == "confirm":
                return fate


class Whole:
    def __init__(self, *settings):
        for _ in range(10):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind(("127.0.0.1", 0))
                self.port = s.getsockname()[1]
            self.program = Program(NAMED_HOST, str(self.port), *settings)
            try:
                self.program.line("osc listens", 30)
                break
            except AssertionError:  # somebody took the port in between
                self.program.end()
        self.watch = Peer(self.port, patience=30)
        self.wait("/clock", lambda v: v[1] > 0.5)

    def ask(self, address):
        return self.watch.ask(message("/query", "s", address))[2]

    def wait(self, address, good):
        for _ in range(3000):
            values = self.ask(address)
            if good(values):
                return values
            time.sleep(0.01)
        raise AssertionError("%s stays %r" % (address, values))

    def load(self, peer, deck="a"):
        fate = peer.do("/deck/%s/load" % deck, "s", TRACK)
        assert fate[0] == "executed", fate

    def let_go(self, beats):
        """Waits until so many beats of the session have gone by."""
        begin = self.ask("/clock")[1]
        self.wait("/clock", lambda v: v[1] > begin + beats)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.watch.close()
        self.program.end()


def agent(tap):
    with Whole() as w:
        nobody = Named(w.port)
        bot = Named(w.port, "mixbot")
        tap.equal(bot.answer[2], ["mixbot", "agent", 600], "the policy calls it an agent")
        tap.equal(Named(w.port, "surface").answer[2][:2], ["surface", "osc"], "who is not in the policy is OSC, under a name")
        w.load(nobody)
        tap.equal(bot.do("/crossfader", "f", 0.0)[0], "executed", "an agent moves what nobody holds")
        tap.equal(bot.do("/deck/a/play")[0], "executed", "and plays")
        w.let_go(1)
        tap.equal(bot.do("/deck/a/play")[1], "cooldown", "an agent's transport cools for 4 beats")
        tap.equal(nobody.do("/deck/a/play")[0], "executed", "another source's own cooldown is not the agent's")
        tap.equal(bot.do("/deck/a/stop")[1], "last-deck", "an agent does not stop the last deck")
        tap.equal(bot.do("/limiter", "f", -6.0)[1], "forbidden", "nor is it let at the limiter")
        w.let_go(4)
        tap.equal(bot.do("/deck/a/play")[0], "executed", "and not for longer")
        sources = [v for a, t, v in settle(w, "/telemetry/source/*") if a == "/telemetry/source/mixbot"]
        tap.check(sources and sources[0][0] >= 5, "it is counted by its name", sources)

        bot.do("/deck/a/volume", "f", 0.5)
        w.program.tell("hand /emergency")
        w.wait("/deck/a/state", lambda v: v[0] == "stopped")
        tap.equal(bot.do("/deck/a/volume", "f", 0.9)[1], "emergency", "after an emergency stop an agent waits")
        tap.equal(nobody.do("/deck/a/volume", "f", 0.9)[0], "executed", "OSC does not")


def settle(w, pattern):
    w.watch.send(message("/query", "s", pattern))
    return w.watch.settle()


def assist(tap):
    with Whole() as w:
        nobody = Named(w.port)
        helper = Named(w.port, "helper")
        w.load(nobody)
        tap.equal(helper.do("/deck/a/play")[:2], ("queued", "confirm"), "assist: it waits for a yes")
        held = helper.id
        w.let_go(1)
        tap.equal(w.ask("/deck/a/state")[0], "stopped", "and nothing has happened")
        tap.equal(helper.do("/confirm", "s", held)[0], "rejected", "it may not say yes to itself")
        tap.equal(nobody.do("/confirm", "s", held)[0], "executed", "an OSC program may")
        tap.equal(helper.fate(held)[0], "executed", "then it is done, and the asker told")
        w.wait("/deck/a/state", lambda v: v[0] == "playing")

        helper.send(bundle(AT_ONCE, message("/deck/a/volume", "fs", 0.25, "id=v"), message("/eq/a/low", "fs", -6.0, "id=e")))
        tap.equal([helper.fate("v")[:2], helper.fate("e")[:2]], [("queued", "confirm")] * 2, "a bundle is held as one")
        tap.equal(nobody.do("/confirm", "s", "e")[0], "executed", "one yes")
        tap.equal([helper.fate("v")[0], helper.fate("e")[0]], ["executed"] * 2, "does all of it")

        helper.begin("/deck/a/volume", "f", 0.5)
        tap.equal(helper.fate()[:2], ("queued", "confirm"), "held again")
        held = helper.id
        other = Named(w.port, "surface")
        helper.ask(message("/source", "si", "helper", 0))
        tap.equal(other.do("/confirm", "s", held)[1], "unknown",
                  "a name that is given back takes what it holds with it")
        tap.check(abs(w.ask("/deck/a/volume")[0] - 0.25) < 1e-6, "and nothing was done")


def ghost(tap):
    with Whole() as w:
        nobody = Named(w.port)
        spook = Named(w.port, "spook")
        w.load(nobody)
        before = w.ask("/crossfader")
        fate = spook.do("/crossfader", "f", 0.125)
        tap.check(fate[:2] == ("rejected", "ghost") and "Ghost" in fate[2], "a ghost is told what it would have done", fate)
        tap.equal(spook.do("/deck/a/play")[1], "ghost", "also of a start")
        w.let_go(2)
        tap.equal((w.ask("/crossfader"), w.ask("/deck/a/state")[0]), (before, "stopped"), "and nothing has happened")
        tap.equal(nobody.do("/deck/a/volume", "f", 0.5)[0], "executed", "others go on as ever")


def hands(tap):
    with Whole() as w:
        peer = Named(w.port, "desk")
        tap.check(peer.answer[0] == "/echelon/error" and "hand" in peer.answer[2][0], "nobody makes himself a hand", peer.answer)
        tap.equal(peer.do("/crossfader", "f", 0.0)[0], "executed", "and goes on as OSC")
        tap.check(not [a for a, t, v in settle(w, "/telemetry/source/desk") if a.startswith("/tele")], "no such source was made")
        for name in ("window", "osc", "null", "guard", "session"):
            answer = Named(w.port, name).answer
            tap.check(answer[0] == "/echelon/error" and "another source" in answer[2][0], "%s is taken" % name, answer)
    with Whole("hands=127.0.0.0/8") as w:
        desk = Named(w.port, "desk")
        bot = Named(w.port, "mixbot")
        tap.equal(desk.answer[2][:2], ["desk", "hand"], "an address that is named may be a hand")
        tap.equal(desk.do("/crossfader", "f", 0.75)[0], "executed", "it moves a control")
        tap.equal(bot.do("/crossfader", "f", 0.1)[1], "taken", "which is taken from an agent then")
        w.load(desk)
        tap.equal(desk.do("/deck/a/play")[0], "executed", "a hand plays")
        desk.do("/crossfader", "f", 0.0)
        tap.equal(desk.do("/deck/a/stop")[0], "executed", "and stops the last deck")


def send(tap):
    """echelonctl send is another sender each time, and the same source."""
    def once(w, *words):
        done = subprocess.run([ECHELONCTL, "send", "--port", str(w.port), *words], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    with Whole() as w:
        tap.equal(once(w, "/deck/a/load", TRACK)[0], 0, "loaded")
        tap.equal(once(w, "--source", "mixbot", "/deck/a/play")[0], 0, "the first start is done")
        tap.equal(once(w, "/crossfader", "1")[0], 0, "faded out")
        tap.equal(once(w, "/deck/a/stop")[0], 0, "and stopped by nobody in particular")
        status, text = once(w, "--source", "mixbot", "/deck/a/play")
        tap.check(status == 1 and "cooldown" in text, "the second is too soon for an agent, though it is another socket", text)
        status, text = once(w, "--source", "desk", "/deck/a/play")
        tap.check(status == 2 and "hand" in text, "a hand's name is refused, and nothing is asked for", text)
        tap.equal(w.ask("/deck/a/state")[0], "stopped", "indeed")


try:
    write_tone()
    Tap().run(agent, assist, ghost, hands, send)
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
