#!/usr/bin/python3
"""A set that is killed comes back: the decks as they were, a second old at most, paused.

Runs inside a PipeWire of the test's own (tests/support/with-pipewire).

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from glob import glob

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "drivers"))
from osclib import Peer, Program, message  # noqa: E402
from soundlab import coded_track, echelonctl, tap  # noqa: E402

RATE = 48000
FOLDER = tempfile.mkdtemp(prefix="echelon-session-")
TRACKS = [os.path.join(FOLDER, name) for name in ("first track.wav", "zweites Stück.wav")]
STATE = os.path.join(FOLDER, "state")
DB = os.path.join(STATE, "echelon", "session.db")
NEWEST = "SELECT path FROM deck WHERE session = (SELECT max(id) FROM session) ORDER BY deck"
OFFER = "Echelon did not close properly"

# Sent as they stand; each is found again after the crash.
DESK = [("/crossfader", 0.25), ("/limiter", -3.0), ("/master/volume", 0.75), ("/booth/volume", 0.5),
        ("/headphones/volume", 0.25), ("/headphones/mix", 0.5), ("/tempo", 131.5),
        ("/deck/a/volume", 0.5), ("/deck/b/volume", 0.875), ("/deck/a/gain", -2.5), ("/eq/a/low", -26.0),
        ("/eq/a/mid", 3.0), ("/eq/b/high", -6.0), ("/filter/b", -0.25), ("/deck/a/tempo", 1.0625)]
SWITCHES = [("/deck/b/pfl", 1)]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Run:
    """echelonctl run; dies with the test at the latest."""

    all = []

    def __init__(self, *arguments, state=STATE):
        environment = dict(os.environ, XDG_STATE_HOME=state)
        self.port = free_port()
        self.program = Program(echelonctl(), "run", "--no-link", "--json", "--no-journal", "--osc-port", str(self.port),
                               *arguments, env=environment, stderr=subprocess.STDOUT)
        Run.all.append(self)
        assert "running" in self.program.line("driver osc: ", 30)
        self.peer = Peer(self.port, patience=30)
        self.n = 0

    def ask(self, address):
        return self.peer.ask(message("/query", "s", address))[2]

    def wait(self, address, good):
        for _ in range(3000):
            values = self.ask(address)
            if good(values):
                return values
            time.sleep(0.01)
        raise AssertionError("%s stays %r" % (address, values))

    def do(self, address, types="", *values):
        """One action, and its last fate, which is to be executed; a cooldown is waited for."""
        for _ in range(200):
            self.n += 1
            name = "n%d" % self.n
            tail = [] if "lock/" in address else ["now"]
            self.peer.send(message(address, types + "s" * len(tail) + "s", *values, *tail, "id=" + name))
            fate = self.peer.wait_for(lambda a, t, v: a == "/echelon/error" or
                                      (a == "/echelon/reply" and v[0] == name and v[1] != "queued"))[0]
            if fate[2][1] == "executed":
                return
            assert fate[2][2] in ("cooldown", "rate"), (address, fate)
            time.sleep(0.05)
        raise AssertionError(address)

    def lines(self, until, patience=60):
        """All lines up to one that begins so."""
        got = []
        end = time.monotonic() + patience
        while True:
            line = self.program.lines.get(timeout=max(0.01, end - time.monotonic()))
            assert line is not None, got
            got.append(line)
            if line.startswith(until):
                return [each for each in got if not each.startswith("{")]

    def kill(self):
        self.program.process.kill()
        self.program.process.wait(timeout=30)
        self.peer.close()

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


def rows(query):
    with sqlite3.connect("file:%s?mode=ro" % DB, uri=True) as db:
        return db.execute(query).fetchall()


def kept(query, wanted):
    """Waits until the newest session's rows are so."""
    for _ in range(1000):
        got = rows(query)
        if got == wanted:
            return
        time.sleep(0.01)
    raise AssertionError("%s: %r, not %r" % (query, got, wanted))


def near(a, b, by=1e-3):
    return abs(a - b) < by


def begin():
    run = Run(*TRACKS)
    for deck in "ab":
        run.wait("/deck/%s/state" % deck, lambda v: v[0] == "stopped" and v[3] > 0)
    return run


HOTCUES = [("a", 1, 3.0), ("a", 4, 7.5), ("b", 8, 12.25)]
BEFORE = {}


def put_on(run):
    for address, value in DESK:
        run.do(address, "f", value)
    for address, value in SWITCHES:
        run.do(address, "i", value)
    for deck, number, seconds in HOTCUES:
        run.do("/deck/%s/seek" % deck, "f", seconds)
        run.do("/deck/%s/hotcue/%d/set" % (deck, number))
    run.do("/deck/a/cue", "f", 5.5)
    run.do("/deck/b/seek", "f", 20.0)
    run.do("/deck/b/loop/in")
    run.do("/deck/b/seek", "f", 24.5)
    run.do("/deck/b/loop/out")
    run.do("/deck/a/seek", "f", 8.0)
    run.do("/deck/b/seek", "f", 21.0)
    run.do("/lock/a", "s", "the headliner's")


def play_and_kill(run):
    """Both decks play; what they were at just before the end."""
    run.do("/unlock/a")
    run.do("/deck/a/play")
    run.do("/deck/b/play")
    run.do("/lock/a", "s", "the headliner's")
    run.wait("/deck/a/seek", lambda v: v[0] > 10.4)
    last = {deck: run.ask("/deck/%s/seek" % deck)[0] for deck in "ab"}
    run.kill()
    return last


def age(before, after):
    """Seconds of the track lost; deck b goes round in a loop of 4.5 s."""
    return {"a": (before["a"] - after["a"]) / 1.0625, "b": (before["b"] - after["b"]) % 4.5}


def check_as_they_were(run):
    for address, value in DESK:
        assert near(run.ask(address)[0], value), (address, run.ask(address))
    for address, value in SWITCHES + [("/lock/a", 1), ("/lock/b", 0), ("/deck/a/pfl", 0)]:
        assert run.ask(address)[0] == value, address
    assert near(run.ask("/deck/a/cue")[0], 5.5)
    kept("SELECT deck, number + 1, round(position_s, 6) FROM hotcue ORDER BY 1, 2",
         [("ab".index(d), n, s) for d, n, s in HOTCUES])
    kept("SELECT round(loop_in_s, 6), round(loop_out_s, 6), loop_active FROM deck WHERE deck = 1", [(20.0, 24.5, 1)])
    kept("SELECT path, lock_reason, playing FROM deck ORDER BY deck",
         [(TRACKS[0], "the headliner's", 0), (TRACKS[1], "", 0)])


def test_crash():
    """killed while two decks play: run tells of it, and changes nothing"""
    coded_track(TRACKS[0], RATE, 40, 120)
    coded_track(TRACKS[1], RATE, 40, 125)
    run = begin()
    assert os.stat(DB).st_mode & 0o077 == 0, "others may read it"
    put_on(run)
    BEFORE.update(play_and_kill(run))
    run = Run()
    said = run.lines(OFFER)
    assert sum(OFFER in line for line in said) == 1 and "run --restore" in said[-1], said
    assert run.ask("/deck/a/state")[0] == "empty"
    assert run.end() == []


def test_restore():
    """--restore brings it all back, a second old at most, and nothing plays"""
    for attempt in range(3):
        run = Run("--restore")
        said = run.lines("The decks are back, paused.")
        assert "Bringing back, paused:" in said and any("first track" in line and "(it played)" in line for line in said), said
        after = {}
        for deck in "ab":
            state = run.ask("/deck/%s/state" % deck)
            assert state[0] == "stopped" and state[5] == 0, state
            after[deck] = run.ask("/deck/%s/seek" % deck)[0]
        time.sleep(0.3)
        assert after == {deck: run.ask("/deck/%s/seek" % deck)[0] for deck in "ab"}, "it plays"
        check_as_they_were(run)
        lost = age(BEFORE, after)
        print("# lost: %.2f s and %.2f s" % (lost["a"], lost["b"]))
        # behind by what was not saved; never ahead but by the answer's own way
        if all(-0.1 < seconds < 1.0 for seconds in lost.values()):
            run.kill()
            return
        BEFORE.update(play_and_kill(run))  # a busy machine: once more
    raise AssertionError(lost)


def test_again():
    """what was brought back and killed again comes back again, as it was"""
    run = Run("--restore")
    run.lines("The decks are back, paused.")
    check_as_they_were(run)
    run.kill()


def test_gone():
    """a file that is gone is told by its name; all else comes back"""
    aside = TRACKS[1] + ".away"
    os.rename(TRACKS[1], aside)
    try:
        run = Run("--restore")
        said = run.lines("The decks are back, paused.")
        gone = [line for line in said if "zweites Stück.wav is not there any more" in line]
        assert len(gone) == 1 and gone[0].startswith("Deck B: "), said
        assert run.ask("/deck/a/state")[0] == "stopped" and run.ask("/deck/b/state")[0] == "empty"
        assert near(run.ask("/deck/b/volume")[0], 0.875) and near(run.ask("/filter/b")[0], -0.25)
        run.end()
    finally:
        os.rename(aside, TRACKS[1])


def test_clean():
    """after a clean end there is nothing to bring back"""
    run = Run("--restore")
    run.lines("There is no session to bring back.")
    assert run.end() == []
    assert rows("SELECT count(*) FROM session") == [(0,)]


def test_two():
    """a second program keeps none, says so, and leaves the first one's alone"""
    first = begin()
    first.wait("/deck/a/state", lambda v: v[0] == "stopped")
    kept(NEWEST, [(track,) for track in TRACKS])
    second = Run()
    said = second.lines("Another Echelon")
    assert "(process %d)" % first.program.process.pid in said[-1], said
    second.end()
    kept(NEWEST, [(track,) for track in TRACKS])
    first.kill()
    third = Run()
    third.lines(OFFER)
    third.end()


def test_corrupt():
    """a damaged file: one sentence, moved aside, a new one begun"""
    for number, damage in enumerate((lambda blob: b"not a database at all" * 300,
                                     lambda blob: blob[:100] + b"\xff" * (len(blob) - 100),
                                     lambda blob: blob[:60] + (99).to_bytes(4, "big") + blob[64:])):
        run = begin()
        kept(NEWEST, [(track,) for track in TRACKS])
        run.kill()
        with sqlite3.connect(DB) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with open(DB, "rb") as file:
            blob = file.read()
        with open(DB, "wb") as file:
            file.write(damage(blob))
        run = Run("--restore")
        said = run.lines("There is no session to bring back.")
        assert sum("cannot be read" in line for line in said) == 1, said
        run.end()
        assert len(set(glob(DB + ".damaged-*")) - set(glob(DB + ".damaged-*-*-*"))) == number + 1, os.listdir(os.path.dirname(DB))
        time.sleep(1.1)  # the name has the second in it


def test_foreign():
    """a sound file with odd values in it: what is wrong is refused, the rest comes back"""
    run = begin()
    kept(NEWEST, [(track,) for track in TRACKS])
    run.kill()
    with sqlite3.connect(DB) as db:
        db.execute("UPDATE deck SET volume = 1e300, position_s = 9e99, trim_db = 'loud' WHERE deck = 0")
        db.execute("UPDATE deck SET eq_low_db = -4, path = '/dev/zero' WHERE deck = 1")
        db.execute("INSERT INTO deck SELECT session, 77, path, title, artist, lock_reason, playing, locked, sync, keylock,"
                   " pfl, loop_active, position_s, cue_s, loop_in_s, loop_out_s, speed, trim_db, volume, eq_low_db,"
                   " eq_mid_db, eq_high_db, filter FROM deck WHERE deck = 0")
        db.execute("INSERT INTO hotcue SELECT id, 0, 99, 1.0 FROM session")
    run = Run("--restore")
    said = run.lines("The decks are back, paused.")
    assert any(line.startswith("Deck A: volume") for line in said), said
    assert any(line.startswith("Deck A: seek") for line in said), said
    assert any(line.startswith("Deck B: zero was not loaded") for line in said), said
    assert run.ask("/deck/a/state")[0] == "stopped" and near(run.ask("/eq/b/low")[0], -4)
    run.end()


def test_options():
    """--no-session keeps nothing; --restore takes no track"""
    state = os.path.join(FOLDER, "nothing")
    run = Run("--no-session", TRACKS[0], state=state)
    run.wait("/deck/a/state", lambda v: v[0] == "stopped")
    run.end()
    assert not os.path.exists(os.path.join(state, "echelon"))
    for wrong in (["--restore", TRACKS[0]], ["--restore", "--no-session"]):
        done = subprocess.run([echelonctl(), "run", *wrong], capture_output=True, text=True, timeout=30,
                              env=dict(os.environ, XDG_STATE_HOME=state))
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done


try:
    tap([test_crash, test_restore, test_again, test_gone, test_clean, test_two, test_corrupt, test_foreign, test_options])
finally:
    for each in Run.all:
        if each.program.process.poll() is None:
            each.program.process.kill()
            each.program.process.wait()
    shutil.rmtree(FOLDER, ignore_errors=True)
