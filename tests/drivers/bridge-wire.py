#!/usr/bin/python3
# The bridge on the wire: peers on loopback that speak AbletonOSC's and Carabiner's protocols, well and badly.
#
# bridge-wire.py FAKE_HOST MODULE ECHELONCTL WITH_PIPEWIRE
#
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import random
import shutil
import json
import socket
import struct
import subprocess
import sys
import tempfile
import time

from osclib import Program, Tap, decode, message

FAKE_HOST, MODULE, ECHELONCTL, WITH_PIPEWIRE = sys.argv[1:5]
ENV = dict(os.environ, ECHELON_DRIVER_PATH=os.path.dirname(MODULE))
SESSION_BPM = 120.0  # the fake host's


def udp_socket():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.settimeout(0.05)
    return s


def free_port():
    with udp_socket() as s:
        return s.getsockname()[1]


class Live:
    """What AbletonOSC does: answers on its reply port, and tells its listener of the tempo."""

    def __init__(self, version=(11, 3), bpm=128.0):
        self.socket = udp_socket()
        self.port = self.socket.getsockname()[1]
        self.reply_port = free_port()
        self.version, self.bpm = version, bpm
        self.silent = False
        self.got = []

    def settings(self, *more):
        return ["live-port=%d" % self.port, "live-reply-port=%d" % self.reply_port, "carabiner=false", *more]

    def say(self, data):
        self.socket.sendto(data, ("127.0.0.1", self.reply_port))

    def tell_tempo(self):
        self.say(message("/live/song/get/tempo", "f", self.bpm))

    def answer(self, address, values):
        if address == "/live/test":
            self.say(message("/live/test", "s", "ok"))
        elif address == "/live/application/get/version":
            self.say(message("/live/application/get/version", "ii", *self.version))
        elif address == "/live/song/get/tempo":
            self.tell_tempo()
        elif address == "/live/song/set/tempo":
            self.bpm = values[0]

    def serve(self, seconds, until=lambda: False):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            try:
                address, _, values = decode(self.socket.recv(4096))
            except socket.timeout:
                continue
            self.got.append((address, values))
            if not self.silent:
                self.answer(address, values)


class Carabiner:
    """One client at a time, line by line."""

    def __init__(self, version="1.1.6", bpm=126.0):
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1)
        self.listener.settimeout(0.05)
        self.port = self.listener.getsockname()[1]
        self.version, self.bpm = version, bpm
        self.client = None
        self.rest = b""
        self.got = []
        self.silent = False
        self.chunk = 4096

    def settings(self, *more):
        return ["carabiner-port=%d" % self.port, "live=false", *more]

    def say(self, text):
        data = text if isinstance(text, bytes) else (text + "\n").encode()
        for at in range(0, len(data), self.chunk):
            self.client.sendall(data[at:at + self.chunk])
            if self.chunk < 64:
                time.sleep(0.005)

    def status(self):
        self.say("status { :peers 1 :bpm %.6f :start 73743731220 :beat 597.737570 }" % self.bpm)

    def answer(self, line):
        if line == "version":
            self.say('version "%s"' % self.version)
        elif line == "status":
            self.status()
        elif line.startswith("bpm "):
            self.bpm = float(line.split()[1])
            self.status()
        else:
            self.say("unsupported " + line.split()[0])

    def hang_up(self):
        self.client.close()
        self.client = None
        self.rest = b""

    def serve(self, seconds, until=lambda: False):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            try:
                if self.client is None:
                    self.client, _ = self.listener.accept()
                    self.client.settimeout(0.05)
                    if not self.silent:
                        self.status()
                data = self.client.recv(4096)
            except socket.timeout:
                continue
            if not data:
                self.hang_up()
                continue
            self.rest += data
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                self.got.append(line.decode())
                if not self.silent:
                    self.answer(line.decode())


class Session:
    def __init__(self, *settings):
        self.host = Program(FAKE_HOST, MODULE, *settings)
        self.host.line("started")
        self.lines = []

    def look(self):
        self.lines += self.host.waiting()
        return self.lines

    def says(self, text):
        return any(line and line.startswith("status") and text in line for line in self.look())

    def posts(self):
        return [line for line in self.look() if line and line.startswith("post")]

    def posted(self, bpm):
        return any(" value=%.9g " % bpm in line for line in self.posts())

    def forget(self):
        self.look()
        self.lines = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.code = self.host.end()


def live_follows(tap):
    live = Live()
    with Session(*live.settings()) as s:
        live.serve(8, lambda: s.posted(128.0) and s.says("Live 11.3"))
        tap.check(s.says("AbletonOSC: connected (Live 11.3), 128.00 BPM"), "the handshake, the version, the tempo", s.lines)
        tap.check(s.posted(128.0), "the session is asked for Live's tempo", s.lines)
        s.forget()
        live.bpm = 131.25
        live.tell_tempo()
        live.serve(8, lambda: s.posted(131.25))
        tap.check(s.posted(131.25), "a change in Live is followed", s.lines)
        s.forget()
        live.bpm = 5000.0
        live.tell_tempo()
        live.serve(2, lambda: False)
        tap.check(not s.posted(5000.0), "an impossible tempo is shown and not posted", s.lines)
    live.serve(0.5)
    asked = [address for address, _ in live.got]
    tap.check("/live/song/start_listen/tempo" in asked and asked[-1] == "/live/song/stop_listen/tempo",
              "it listens to the tempo, and stops when it leaves", asked[-3:])
    tap.check(all(a in ("/live/test", "/live/application/get/version", "/live/song/start_listen/tempo",
                        "/live/song/get/tempo", "/live/song/stop_listen/tempo") for a in asked),
              "who follows sets nothing", set(asked))
    tap.check(all(line.startswith("post tempo ") for line in s.posts()), "nothing but tempo is ever posted", s.posts())


def live_leads(tap):
    live = Live(bpm=140.0)
    with Session(*live.settings("tempo=lead")) as s:
        live.serve(8, lambda: live.bpm == SESSION_BPM)
        tap.equal(live.bpm, SESSION_BPM, "Live takes the session's tempo")
        tap.equal(s.posts(), [], "who leads posts nothing")


def live_silence_and_garbage(tap):
    live = Live()
    rand = random.Random(5)
    with Session(*live.settings()) as s:
        live.serve(8, lambda: s.says("connected"))
        live.silent = True
        end = time.monotonic() + 8
        while time.monotonic() < end and not s.says("stale"):
            live.serve(0.2)
            for _ in range(50):
                live.say(rand.randbytes(rand.randrange(0, 200)))
            live.say(message("/live/song/get/tempo", "s", "fast")[:-4])
            live.say(message("/other/song/get/tempo", "f", 77.0))
        tap.check(s.says("AbletonOSC: stale"), "silence is stale, and garbage is no sign of life", s.lines[-3:])
        tap.check(not s.posted(77.0), "a foreign word is not believed")
        s.forget()
        live.silent = False
        live.serve(8, lambda: s.says("connected"))
        tap.check(s.says("AbletonOSC: connected"), "it comes back", s.lines)
        with udp_socket() as stranger:
            stranger.sendto(message("/live/song/get/tempo", "f", float("nan")), ("127.0.0.1", live.reply_port))
        live.serve(0.5)
        tap.check(not [p for p in s.posts() if "nan" in p.split("value=")[1].split()[0]], "NaN is no tempo", s.posts())


def live_before_the_handshake(tap):
    live = Live()
    live.silent = True
    with Session(*live.settings()) as s:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            live.serve(0.1)
            live.say(message("/live/song/get/tempo", "f", 150.0))
        tap.check(not s.posted(150.0), "nobody is believed before the handshake", s.posts())
        live.serve(6, lambda: s.says("waiting, no answer"))
        tap.check(s.says("AbletonOSC: waiting, no answer"), "no answer is given up for a while", s.lines)


def live_too_old(tap):
    live = Live(version=(10, 1))
    with Session(*live.settings()) as s:
        live.serve(8, lambda: s.says("too old"))
        tap.check(s.says("AbletonOSC: waiting, it is too old a Live"), "another version is told, and left alone", s.lines)


def port_in_use(tap):
    live = Live()
    with udp_socket() as taken:
        with Session(*live.settings("live-reply-port=%d" % taken.getsockname()[1])) as s:
            live.serve(5, lambda: s.says("in use"))
            tap.check(s.says("waiting, the reply port is in use"), "a taken port is told", s.lines)


def carabiner_follows(tap):
    carabiner = Carabiner()
    carabiner.chunk = 7  # half lines
    with Session(*carabiner.settings()) as s:
        carabiner.serve(8, lambda: s.posted(126.0) and s.says("1.1.6"))
        tap.check(s.says("Carabiner: connected (1.1.6), 126.00 BPM"), "the handshake, in pieces of 7 bytes", s.lines)
        tap.check(s.posted(126.0), "the session is asked for Link's tempo", s.lines)
        s.forget()
        carabiner.hang_up()
        carabiner.serve(8, lambda: s.says("connected"))
        tap.check(s.says("waiting, it hung up") and s.says("Carabiner: connected"), "after a hang-up it is tried again", s.lines)
        tap.check("force-beat-at-time" not in " ".join(carabiner.got), "the beat is never forced", carabiner.got)
        tap.check(set(carabiner.got) <= {"version", "status"}, "who follows sets nothing", carabiner.got)


def carabiner_leads(tap):
    carabiner = Carabiner()
    with Session(*carabiner.settings("tempo=lead")) as s:
        carabiner.serve(8, lambda: carabiner.bpm == SESSION_BPM)
        tap.check("bpm 120.000000" in carabiner.got, "Carabiner takes the session's tempo", carabiner.got)
        tap.equal(s.posts(), [], "who leads posts nothing")


def carabiner_faults(tap):
    other = Carabiner(version="2.0.0")
    with Session(*other.settings()) as s:
        other.serve(6, lambda: s.says("not 1.x"))
        tap.check(s.says("Carabiner: waiting, its version is not 1.x"), "another version is told, and left alone", s.lines)

    silent = Carabiner()
    silent.silent = True
    with Session(*silent.settings()) as s:
        silent.serve(6, lambda: s.says("no answer"))
        tap.check(s.says("Carabiner: waiting, no answer"), "a peer that accepts and says nothing is given up", s.lines)

    loud = Carabiner()
    with Session(*loud.settings()) as s:
        loud.serve(6, lambda: s.says("connected"))
        loud.silent = True
        rand = random.Random(9)
        end = time.monotonic() + 8
        try:
            while time.monotonic() < end and not s.says("stale"):
                loud.serve(0.2)
                loud.say(rand.randbytes(2000) + b"\n")
        except OSError:
            pass
        tap.check(s.says("Carabiner: stale"), "garbage is no sign of life", s.lines[-3:])

    port = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    port.bind(("127.0.0.1", 0))  # nobody listens there
    with Session("carabiner-port=%d" % port.getsockname()[1], "live=false") as s:
        end = time.monotonic() + 6
        while time.monotonic() < end and not s.says("not running"):
            time.sleep(0.05)
        tap.check(s.says("Carabiner: waiting, it is not running"), "a refused connection is told", s.lines)
    port.close()


def chunk(tag, content):
    tag = tag.encode() if isinstance(tag, str) else struct.pack(">I", tag)
    return tag + struct.pack(">I", len(content)) + content


def entry(deck, start, artist, title):
    fields = (chunk(6, (title + "\0").encode("utf-16-be")) + chunk(7, (artist + "\0").encode("utf-16-be"))
              + chunk(28, struct.pack(">I", start)) + chunk(31, struct.pack(">I", deck)))
    return chunk("oent", chunk("adat", fields))


def serato(tap):
    folder = tempfile.mkdtemp(prefix="echelon-serato-")
    try:
        with Session("live=false", "carabiner=false", "serato-folder=" + folder) as s:
            wait(s, "track log only")
            tap.check(s.says("Serato: track log only, no control exists"), "it says that there is no control", s.lines)
            with open(os.path.join(folder, "7.session"), "wb") as file:
                file.write(chunk("vrsn", "1.0/Serato".encode("utf-16-be")) + entry(1, 100, "Róisín", "One"))
                file.flush()
                wait(s, "One")
                tap.check(s.says("deck 1: Róisín - One"), "a track that Serato writes down is shown", s.lines)
                file.write(entry(2, 200, "Two", "Second")[:30])  # it is being written
                file.flush()
                time.sleep(2.5)
                file.write(entry(2, 200, "Two", "Second")[30:])
                file.flush()
                wait(s, "Second")
            tap.check(s.says("deck 2: Two - Second"), "and the next one, when it is whole", s.lines)
            tap.equal(s.posts(), [], "nothing is posted for it")
    finally:
        shutil.rmtree(folder)
    with Session("live=false", "carabiner=false", "serato-folder=/nowhere") as s:
        wait(s, "cannot be read")
        tap.check(s.says("Serato: its folder cannot be read"), "a folder that is not there is told", s.lines)


def wait(session, text):
    end = time.monotonic() + 8
    while time.monotonic() < end and not session.says(text):
        time.sleep(0.05)


def bad_settings(tap):
    for setting, sentence in (("tempo=faster", "The tempo is one of: follow, lead, off."),
                              ("live-host=mac.local", "A machine is named by its number"),
                              ("carabiner-port=70000", "A port must be 1 to 65535.")):
        host = Program(FAKE_HOST, MODULE, setting)
        lines = []
        while True:
            line = host.lines.get(timeout=10)
            if line is None:
                break
            lines.append(line)
        host.end()
        tap.check(any(sentence in line for line in lines), "refused: " + setting, lines)


def bad_options(tap):
    for option, sentence in ((["--driver", "abridge"], 'there is no driver "abridge"'),
                             (["--set", "bridge.tempi=lead"], '"bridge.tempi=lead" is none'),
                             (["--set", "bridge.live-port=soon"], '"bridge.live-port=soon" is none')):
        done = subprocess.run([ECHELONCTL, "run", "--no-osc", "--no-journal", *option], capture_output=True, text=True,
                              timeout=30, env=ENV)
        tap.check(done.returncode == 2 and sentence in done.stderr, "refused: " + " ".join(option), done.stderr)


def whole(tap):
    """A running engine takes Live's tempo, as an action of class bridge."""
    live = Live(bpm=133.5)
    options = [word for s in live.settings() for word in ("--set", "bridge." + s)]
    run = Program(WITH_PIPEWIRE, ECHELONCTL, "run", "--json", "--no-osc", "--no-journal", "--driver", "bridge", *options,
                  env=ENV)
    got = []
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end and not got:
            live.serve(0.1)
            got = [line for line in map(json.loads, filter(None, run.waiting()))
                   if line.get("verb") == "tempo" and line["fate"] == "executed"]
    finally:
        run.process.terminate()
        run.end()
    tap.check(got and got[0]["source"] == "bridge" and got[0]["value"] == 133.5, "the session has Live's tempo", got)


tap = Tap()
tap.run(live_follows, live_leads, live_silence_and_garbage, live_before_the_handshake, live_too_old, port_in_use,
        carabiner_follows, carabiner_leads, carabiner_faults, serato, bad_settings, bad_options, whole)
