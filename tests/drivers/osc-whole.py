#!/usr/bin/python3
# OSC through the whole program: echelonctl run beside a PipeWire of the test's own.
#
# osc-whole.py WITH_PIPEWIRE ECHELONCTL WORKER OSC_MODULE
#
# liblo's own oscsend and oscdump speak; a relay between them and Echelon gives
# both one socket, so that oscdump shows the answers to what oscsend sends.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import array
import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import wave

from osclib import AT_ONCE, Peer, Program, Tap, bundle, message, tag_at

if len(sys.argv) > 4:  # once more, inside the PipeWire
    program = [os.path.abspath(a) for a in sys.argv[1:5]]
    os.execv(program[0], [program[0], "--", sys.executable, os.path.abspath(__file__), *program[1:]])

ECHELONCTL, WORKER, MODULE = sys.argv[1:4]
RATE = 48000


def write_tone(path, seconds, hertz):
    samples = array.array("h", (int(9000 * math.sin(2 * math.pi * hertz * i / RATE)) for i in range(seconds * RATE)))
    stereo = array.array("h", (s for s in samples for _ in (0, 1)))
    with wave.open(path, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(stereo.tobytes())


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Echelon:
    def __init__(self, *tracks):
        environment = dict(os.environ, ECHELON_WORKER=WORKER, ECHELON_DRIVER_PATH=os.path.dirname(MODULE))
        for _ in range(10):
            self.port = free_port()
            self.program = Program(ECHELONCTL, "run", "--no-link", "--json", "--osc-port", str(self.port), *tracks,
                                   env=environment, stderr=subprocess.STDOUT)
            if "running" in self.program.line("driver osc: ", 30):
                break
            self.program.end()  # somebody took the port in between
        self.peer = Peer(self.port, patience=30)
        self.wait("/clock", lambda v: v[1] > 0.5)

    def pass_beats(self, n=1.5):
        """So long OSC leaves alone what a hand has touched, and does no thing twice on a deck."""
        begin = self.ask("/clock")[1]
        self.wait("/clock", lambda v: v[1] > begin + n)

    def ask(self, address):
        return self.peer.ask(message("/query", "s", address))[2]

    def wait(self, address, good):
        """Asks until the answer is good: a bounded number of times."""
        for _ in range(2000):
            values = self.ask(address)
            if good(values):
                return values
            time.sleep(0.01)
        raise AssertionError("%s stays %r" % (address, values))

    def settings(self):
        """All state that only an action changes."""
        for depth in ("/*", "/*/*", "/*/*/*", "/*/*/*/*"):
            self.peer.send(message("/query", "s", depth))
        moving = ("/clock", "/meter", "/deck/a/seek", "/deck/b/seek", "/deck/a/state", "/deck/b/state")
        got = {a[0]: a[2] for a in self.peer.settle() if not a[0].startswith("/telemetry/")}
        states = {a: got[a][0:1] + got[a][5:] for a in ("/deck/a/state", "/deck/b/state")}
        return {a: v for a, v in got.items() if a not in moving}, states

    def fates(self, packet, n, peer=None):
        """The n replies to what one packet asks for."""
        peer = peer or self.peer
        peer.send(packet)
        got = []
        while len(got) < n:
            address, _, values = peer.receive()
            if address == "/echelon/reply":
                got.append(dict(zip(("id", "fate", "rule", "text", "beat"), values)))
            elif address == "/echelon/error":
                raise AssertionError(values[0])
        return got

    def end(self):
        self.program.process.send_signal(signal.SIGINT)
        return self.program.process.wait(timeout=30)


class Relay(threading.Thread):
    """One socket to Echelon; what oscsend sends goes there, what comes back goes to oscdump."""

    def __init__(self, port, dump_port):
        super().__init__(daemon=True)
        self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.near.bind(("127.0.0.1", 0))
        self.port = self.near.getsockname()[1]
        self.echelon, self.dump = ("127.0.0.1", port), ("127.0.0.1", dump_port)
        self.start()

    def run(self):
        while True:
            data, sender = self.near.recvfrom(65536)
            self.near.sendto(data, self.dump if sender == self.echelon else self.echelon)


class LibloTools:
    def __init__(self, port):
        dump_port = free_port()
        self.dump = Program("oscdump", "-L", str(dump_port))
        self.relay = Relay(port, dump_port)
        for _ in range(200):  # oscdump says nothing when it is ready
            self.send("/ping")
            time.sleep(0.05)
            if not self.dump.lines.empty():
                break
        self.send("/query", "s", "/crossfader")
        self.dump.line_with("/crossfader")

    def send(self, *words):
        subprocess.run(["oscsend", "127.0.0.1", str(self.relay.port), *words], check=True, timeout=30)

    def answers(self):
        """All answers up to now, without their time stamps."""
        self.send("/ping")
        got = []
        while True:
            line = self.dump.line_with("")
            if " /pong " in line:
                return got
            got.append(line.split(" ", 1)[1])

    def end(self):
        self.dump.process.terminate()
        self.dump.process.wait()


def line_with(program, part):
    while True:
        line = program.line("", 30)
        if part in line:
            return line


Program.line_with = line_with


def with_liblo_tools(tap):
    tools = LibloTools(echelon.port)
    echelon.pass_beats()  # the tracks were loaded by hand
    tools.send("/deck/a/play", "s", "bar")
    queued = tools.dump.line_with("/echelon/reply").split()
    executed = tools.dump.line_with("/echelon/reply").split()
    tap.check(queued[2] == executed[2] == "ssssd", "oscdump shows replies ssssd", queued)
    tap.check('"queued"' in queued and '"executed"' in executed, "play on a bar: queued, then executed",
              (queued, executed))
    beat = float(executed[-1])
    tap.check(beat % 4 == 0 and beat > 0, "executed on a bar of the session", beat)
    tap.equal(float(queued[-1]), beat, "on the beat that was promised")
    tap.equal(echelon.ask("/deck/a/state")[0], "playing", "the deck plays")

    before = echelon.settings()
    for words, name in (
        (["/crossfader", "s", "left"], "a wrong type"),
        (["/crossfader", "f", "nan"], "NaN"),
        (["/crossfader", "d", "inf"], "infinity"),
        (["/deck/a/explode"], "an unknown address"),
        (["/deck/*/stop"], "a wildcard in a mutating address"),
        (["/deck/a/load", "f", "1"], "a number for a path"),
        (["/deck/a/play", "s", "soon"], "a timing that is none"),
    ):
        tools.send(*words)
        answers = tools.answers()
        tap.check(len(answers) == 1 and answers[0].startswith("/echelon/error s "), name + ": one error", answers)
    tools.send("/deck/b/load", "s", "/no/such/file.flac")
    last = ""
    while '"rejected"' not in last:
        last = tools.dump.line_with("/echelon/reply")
    tap.check('"load"' in last and "file.flac" in last, "a path that does not exist: rejected, and said which", last)
    tap.equal(tools.answers(), [], "and nothing more")
    tap.equal(echelon.settings(), before, "nothing of all this changed anything")
    tools.end()


def refusals(tap):
    for packet, rule in (
        (message("/deck/a/load", "s", TRACKS[1]), "on-air"),
        (message("/deck/a/eject"), "on-air"),
        (message("/deck/a/seek", "fs", 5.0, "now"), "on-air"),
        (message("/deck/a/seek", "fs", 5000.0, "bar"), "invalid"),
        (message("/deck/a/play", "s", "@0.5"), "missed"),
        (message("/cancel", "s", "nobody"), "unknown"),
    ):
        fate, = echelon.fates(packet, 1)
        tap.check(fate["fate"] == "rejected" and fate["rule"] == rule and len(fate["text"]) > 10,
                  "%s is rejected: %s" % (packet.split(b"\0")[0].decode(), rule), fate)
    queued, executed = echelon.fates(message("/deck/a/seek", "fs", 5.0, "bar"), 2)
    tap.check(executed["fate"] == "executed" and executed["beat"] == queued["beat"] and executed["beat"] % 4 == 0,
              "a seek on a bar is executed on it", (queued, executed))

    queued, = echelon.fates(message("/deck/b/play", "ss", "16bar", "id=w"), 1)
    again, = echelon.fates(message("/deck/b/play", "ss", "16bar", "id=w"), 1)
    tap.equal((again["fate"], again["rule"]), ("rejected", "duplicate"), "the same id twice does a thing once")
    tap.equal(echelon.ask("/deck/b/state")[0], "primed", "a deck with a waiting start is primed")
    got = echelon.fates(message("/cancel", "ss", "w", "id=c"), 2)
    tap.equal(sorted((f["id"], f["fate"]) for f in got), [("c", "executed"), ("w", "cancelled")], "a waiting start is taken back")
    tap.equal(echelon.ask("/deck/b/state")[0], "stopped", "and the deck stands as before")


def bundles(tap):
    echelon.pass_beats()
    both = bundle(AT_ONCE, message("/deck/b/play", "ss", "bar", "id=b"), message("/crossfader", "fss", 0.25, "bar", "id=x"))
    got = echelon.fates(both, 4)
    beats = {f["beat"] for f in got}
    tap.check(len(beats) == 1 and [f["fate"] for f in got].count("executed") == 2,
              "a bundle on a bar: all on the same beat", got)
    before = echelon.settings()
    mixed = bundle(AT_ONCE, message("/crossfader", "f", 0.9), message("/deck/a/eject"))
    got = echelon.fates(mixed, 2)
    tap.check(all(f["fate"] == "rejected" for f in got), "a bundle with one that is refused: none happens", got)
    tap.equal(echelon.settings(), before, "and nothing changed")
    other = Peer(echelon.port, patience=30)
    bpm, before, *_ = echelon.ask("/clock")
    other.send(bundle(tag_at(time.time() + 1.5), message("/crossfader", "f", 0.75)))
    after = echelon.ask("/clock")[1]
    queued, executed = (dict(fate=v[1], beat=v[4]) for _, _, v in (other.receive(), other.receive()))
    other.close()
    tap.check(executed["fate"] == "executed" and executed["beat"] == queued["beat"], "a bundle for later is executed on its beat",
              (queued, executed))
    ahead = 1.5 * bpm / 60  # the clock is read before and after: its own time tag lies between
    tap.check(before + ahead - 0.1 <= executed["beat"] <= after + ahead + 0.1, "which is that of its time tag",
              (before, after, executed))
    tap.equal(echelon.ask("/crossfader"), [0.75], "the crossfader is there")


def watching(tap):
    watcher = Peer(echelon.port, patience=30)
    watcher.send(message("/subscribe", "i", 60))
    dump = {a[0] for a in watcher.settle()}
    tap.check({"/deck/a/state", "/deck/b/state", "/crossfader", "/clock", "/meter", "/eq/b/high"} <= dump,
              "a subscriber gets all of the state first", sorted(dump))
    echelon.fates(message("/deck/b/volume", "fs", 0.5, "id=v"), 1)
    event, _ = watcher.wait_for(lambda a, t, v: a == "/event" and v[0] == "v" and v[1] == "executed")
    tap.equal(event[2][5:8], ["osc", "volume", "b"], "and each fate, with source, verb and deck")
    value, _ = watcher.wait_for(lambda a, t, v: a == "/deck/b/volume")
    tap.equal(value[2], [0.5], "and the new value on the control's address")
    first, _ = watcher.wait_for(lambda a, t, v: a == "/deck/a/state")
    later, _ = watcher.wait_for(lambda a, t, v: a == "/deck/a/state" and v[1] > first[2][1])
    tap.check(later[2][0] == "playing", "and where the decks are")
    meter, _ = watcher.wait_for(lambda a, t, v: a == "/meter" and v[0] > 0.01)
    tap.check(len(meter[2]) == 9 and meter[2][0] <= 1, "and the levels", meter)
    watcher.send(message("/subscribe", "i", 0))
    watcher.close()


def near(value, wanted):
    return abs(value - wanted) < 1e-3


def points(tap):
    """Cue, hot cues, loop and bend are told and can be asked for, in seconds."""
    watcher = Peer(echelon.port, patience=30)
    watcher.send(message("/subscribe", "i", 60))
    dump = {a[0] for a in watcher.settle()}
    tap.check({"/deck/b/cue", "/deck/b/loop", "/deck/b/loop/state", "/deck/b/bend", "/deck/b/hotcue/1",
               "/deck/b/hotcue/8"} <= dump, "a subscriber gets cue, loop, bend and hot cues first", sorted(dump))
    tap.equal(echelon.ask("/deck/b/hotcue/2"), [-1.0], "a hot cue that is not set is -1")
    tap.equal(echelon.ask("/deck/b/loop/state"), [0, -1.0, -1.0], "so are the points of no loop")

    def do(address, types="", *values):
        fates = echelon.fates(message(address, types + "s", *values, "now"), 1)
        tap.equal(fates[0]["fate"], "executed", "%s is done" % address)

    def told(address, good, what):
        answer, _ = watcher.wait_for(lambda a, t, v: a == address and good(v))
        tap.check(True, what, answer)

    do("/deck/b/stop")
    do("/deck/b/seek", "f", 1.25)
    do("/deck/b/hotcue/2/set")
    told("/deck/b/hotcue/2", lambda v: near(v[0], 1.25), "a hot cue is told in seconds")
    tap.check(near(echelon.wait("/deck/b/hotcue/2", lambda v: v[0] > 0)[0], 1.25), "and can be asked for")
    do("/deck/b/loop/in")
    told("/deck/b/loop/state", lambda v: v[0] == 0 and near(v[1], 1.25) and v[2] == -1, "an in point alone is told")
    time.sleep(0.6)  # half a beat, before the same again
    do("/deck/b/seek", "f", 3.5)
    do("/deck/b/loop/out")
    told("/deck/b/loop/state", lambda v: v[0] == 1 and near(v[1], 1.25) and near(v[2], 3.5), "and the whole loop")
    tap.equal(echelon.wait("/deck/b/loop", lambda v: v[0] != 0), [-1.0], "a tone's loop has no beats")
    do("/deck/b/loop", "f", 0.0)
    told("/deck/b/loop/state", lambda v: v[0] == 0 and near(v[2], 3.5), "a loop that was left keeps its points")
    do("/deck/b/cue", "f", 0.75)
    told("/deck/b/cue", lambda v: near(v[0], 0.75), "the cue point is told")
    do("/deck/b/bend", "f", 0.02)
    told("/deck/b/bend", lambda v: near(v[0], 0.02), "a bend is told")
    do("/deck/b/bend", "f", 0.0)
    told("/deck/b/bend", lambda v: v[0] == 0, "and its release")
    do("/deck/b/hotcue/2/clear")
    told("/deck/b/hotcue/2", lambda v: v == [-1.0], "a hot cue that goes is told")
    watcher.send(message("/subscribe", "i", 0))
    watcher.close()


def by_echelonctl(tap):
    def send(*words):
        done = subprocess.run([ECHELONCTL, "send", "--port", str(echelon.port), "--json", *words], text=True,
                              capture_output=True, timeout=60)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    status, fates, _ = send("/eq/a/low", "-6", "beat")
    tap.check(status == 0 and [f["fate"] for f in fates] == ["queued", "executed"] and fates[1]["beat"] % 1 == 0,
              "echelonctl send: executed on a beat is 0", fates)
    tap.equal(echelon.ask("/eq/a/low"), [-6.0], "and done")
    status, fates, _ = send("/deck/a/load", TRACKS[1])
    tap.check(status == 1 and fates[-1]["rule"] == "on-air", "rejected is 1", fates)
    status, fates, error = send("/deck/a/fly")
    tap.check(status == 2 and error, "an error is 2", error)


def insist(packet_of, wanted):
    """UDP loses packets when the receiver's buffer is full, and the flood has used up what OSC may ask
    for: said again, with an id of its own each time."""
    peer = Peer(echelon.port, patience=1)
    got = {}
    for i in range(60):
        peer.send(packet_of("id=through%d" % i))
        try:
            while wanted not in got:
                address, _, values = peer.receive()
                if address == "/echelon/reply":
                    got[values[1]] = values
                if address == "/echelon/reply" and values[1] == "rejected":
                    break
            if wanted in got:
                break
            time.sleep(0.02)
        except TimeoutError:
            continue
    peer.close()
    return got


def floods(tap):
    end = threading.Event()

    def flood(packets):
        peer = Peer(echelon.port)
        while not end.is_set():
            for packet in packets:
                peer.send(packet)
        peer.close()

    threads = [threading.Thread(target=flood, args=[packets]) for packets in (
        [message("/deck/b/volume", "f", i / 100) for i in range(100)],
        [bytes((i * 7 + k * 13) % 256 for k in range(4 * (i % 40))) for i in range(100)])]
    for thread in threads:
        thread.start()
    try:
        got = insist(lambda name: message("/deck/a/seek", "fss", 1.0, "beat", name), "executed")
    finally:
        end.set()
        for thread in threads:
            thread.join()
    tap.check("executed" in got and got["executed"][4] % 1 == 0,
              "while two others flood, an action is still executed on its beat", got)
    echelon.peer.socket.settimeout(1)
    for _ in range(60):
        try:
            tap.equal(echelon.ask("/deck/a/state")[0], "playing", "and the music goes on")
            break
        except TimeoutError:
            continue
    echelon.peer.socket.settimeout(30)
    echelon.peer.settle()


def the_end(tap):
    fate, = echelon.fates(message("/emergency"), 1)
    tap.equal(fate["fate"], "executed", "emergency stop is one message")
    echelon.wait("/deck/a/state", lambda v: v[0] == "stopped")
    tap.equal(echelon.end(), 0, "ends cleanly on SIGINT")


with tempfile.TemporaryDirectory() as folder:
    TRACKS = [os.path.join(folder, name) for name in ("one.wav", "two.wav")]
    write_tone(TRACKS[0], 60, 220)
    write_tone(TRACKS[1], 60, 330)
    echelon = Echelon(*TRACKS)
    echelon.wait("/deck/b/state", lambda v: v[0] == "stopped")
    Tap().run(with_liblo_tools, refusals, bundles, watching, points, by_echelonctl, floods, the_end)
