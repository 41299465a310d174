"""What the Link tests share: Echelon, LinkHut and the reference peer in network namespaces; onsets.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import ctypes
import math
import os
import pty
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import wave

import numpy as np

from osclib import Peer, Program, message
from support import Child, Tap, force_quantum, link, output, read_recording, unlink, wait_for  # noqa: F401

RATE = 48000
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def setns(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        if LIBC.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(fd)


class Namespace:
    """A network of its own; ends with the test."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up; echo ready; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n", "no network namespace"
        self.path = f"/proc/{self.holder.pid}/ns/net"

    def enter(self):
        setns(self.path)

    def run(self, *argv):
        subprocess.run(["nsenter", f"--net={self.path}", *argv], check=True, timeout=20)

    def end(self):
        self.holder.stdin.close()
        self.holder.wait(20)


class Inside:
    """with Inside(namespace): sockets and children made here belong there."""

    def __init__(self, namespace):
        self.namespace = namespace

    def __enter__(self):
        if self.namespace:
            self.namespace.enter()

    def __exit__(self, *_):
        if self.namespace:
            setns(HOME)


HOME = f"/proc/{os.getpid()}/ns/net"
# Held open: the path above is of the thread that changes.
_home = os.open(HOME, os.O_RDONLY)
HOME = f"/proc/self/fd/{_home}"


def tool(name):
    return os.environ["ECH_" + name]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Echelon:
    all = []

    def __init__(self, *options, namespace=None):
        environment = dict(os.environ, ECHELON_WORKER=tool("WORKER"),
                           ECHELON_DRIVER_PATH=tool("DRIVERS"))
        # who tests speaks OSC, and stops the last deck that is heard like a hand
        policy = tempfile.NamedTemporaryFile("w", suffix=".json")
        policy.write('{"version": 1, "classes": {"osc": {"may_stop_last": true}}}')
        policy.flush()
        self.policy = policy  # for as long as the program watches it
        with Inside(namespace):
            self.port = free_port()
            self.program = Program(tool("ECHELONCTL"), "run", "--json", "--no-journal", "--no-session", "--policy", policy.name,
                                   "--osc-port", str(self.port), *options, env=environment, stderr=subprocess.STDOUT)
            self.peer = Peer(self.port, patience=20)
        Echelon.all.append(self)
        assert "running" in self.program.line("driver osc: ", 30)
        self.wait("/clock", lambda v: v[1] > 0.5)
        self.ids = 0

    def ask(self, address):
        self.peer.send(message("/query", "s", address))
        (_, _, values), _ = self.peer.wait_for(lambda a, t, v: a == address)
        return values

    def wait(self, address, good, timeout=15):
        """Asks until the answer is good."""
        end = time.monotonic() + timeout
        while True:
            values = self.ask(address)
            if good(values):
                return values
            if time.monotonic() > end:
                raise AssertionError(f"{address} stays {values}")
            time.sleep(0.01)

    def clock(self):
        """(BPM, beat, phase, peers, link)"""
        return self.ask("/clock")

    def post(self, address, types="", *values, timing=None, until="executed"):
        """Posts; returns the beat of the fate that is waited for."""
        self.ids += 1
        own = f"t{self.ids}"
        words = [timing] if timing else []
        self.peer.send(message(address, types + "s" * (len(words) + 1), *values, *words, f"id={own}"))
        (_, _, got), _ = self.peer.wait_for(lambda a, t, v: a == "/echelon/error" or
                                            (a == "/echelon/reply" and v[0] == own and (v[1] == until or v[1] in
                                             ("rejected", "expired", "cancelled", "executed"))))
        if len(got) < 5 or got[1] != until:
            raise AssertionError(f"{address} {values}: {got}")
        return got[4]

    def load(self, deck, path, sync=True):
        self.post(f"/deck/{deck}/load", "s", path)
        if sync:
            # the grid is known a moment after the track is there
            for _ in range(500):
                try:
                    self.post(f"/deck/{deck}/sync", "i", 1)
                    self.post(f"/deck/{deck}/beatjump", "f", 0.0)
                    return
                except AssertionError:
                    time.sleep(0.02)
            raise AssertionError("the deck has no grid")

    def state(self, deck):
        return self.ask(f"/deck/{deck}/state")[0]

    def wait_state(self, deck, state, timeout=15):
        return self.wait(f"/deck/{deck}/state", lambda v: v[0] == state, timeout)

    def end(self):
        if self.program.process.poll() is None:
            self.program.process.send_signal(signal.SIGINT)
        try:
            return self.program.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.program.process.kill()
            return self.program.process.wait()


class LinkHut:
    """Ableton's own peer, through PipeWire's JACK; keys in, its line of state out."""

    all = []

    def __init__(self, namespace=None):
        near, far = pty.openpty()
        with Inside(namespace):
            self.process = subprocess.Popen(["pw-jack", "LinkHut"], stdin=far, stdout=far, stderr=far, close_fds=True)
        os.close(far)
        self.fd = near
        self.seen = b""
        self.ended = False
        LinkHut.all.append(self)
        threading.Thread(target=self._read, daemon=True).start()
        assert wait_for(lambda: self.state() is not None), "LinkHut does not start"

    def _read(self):
        while not self.ended:
            ready, _, _ = select.select([self.fd], [], [], 0.2)
            if not ready:
                continue
            try:
                self.seen = (self.seen + os.read(self.fd, 65536))[-4096:]
            except OSError:
                return

    def state(self):
        """dict of its last whole line, or None."""
        for line in reversed(self.seen.split(b"\r")[:-1]):
            words = [w.strip() for w in line.decode("utf-8", "replace").split("|")]
            if len(words) == 7 and words[0] in ("yes", "no"):
                return {"enabled": words[0] == "yes", "peers": int(words[1]), "quantum": float(words[2]),
                        "shares": words[3].startswith("yes"), "playing": "[playing]" in words[3],
                        "tempo": float(words[4]), "beat": float(words[5])}
        return None

    def press(self, keys):
        for key in keys:
            os.write(self.fd, key.encode())
            time.sleep(0.004)

    def wait(self, what, **wanted):
        def is_so():
            state = self.state()
            return all(abs(state[k] - v) < 0.006 if isinstance(v, float) else state[k] == v for k, v in wanted.items())
        if not wait_for(is_so, 15):
            raise AssertionError(f"{what}: LinkHut stays {self.state()}")
        return self.state()

    def tempo(self, bpm):
        """By its keys, in steps of 1."""
        for _ in range(8):
            steps = round(bpm - self.state()["tempo"])
            if steps == 0:
                return
            self.press(("e" if steps > 0 else "w") * abs(steps))
            time.sleep(0.3)
        assert abs(self.state()["tempo"] - bpm) < 0.51, self.state()

    def end(self):
        if self.process.poll() is None:
            try:
                os.write(self.fd, b"q")
                self.process.wait(5)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()
        self.ended = True


class ClickPeer(Child):
    """The reference."""

    def __init__(self, *options, namespace=None, enable=True):
        with Inside(namespace):
            super().__init__(tool("CLICK_PEER"), *options)
        self.expect("state")
        if enable:
            time.sleep(0.5)
            self.ask("enable", "state")

    def state(self):
        words = self.ask("state").split()[1:]
        return {"us": int(words[0]), "tempo": float(words[1]), "beat": float(words[2]), "phase": float(words[3]),
                "peers": int(words[4]), "playing": words[5] == "1"}


def write_clicks(path, bpm=120.0, seconds=240):
    """A click on each beat from frame 0 on: its first sample is its loudest."""
    n = int(seconds * RATE)
    samples = np.zeros(n)
    burst = np.exp(-np.arange(480) / 80.0) * np.cos(2 * math.pi * 1500 * np.arange(480) / RATE)
    step = 60.0 * RATE / bpm
    for k in range(int(n / step)):
        at = round(k * step)
        length = min(480, n - at)
        samples[at:at + length] += (0.6 if k % 4 == 0 else 0.4) * burst[:length]
    data = np.repeat((samples * 32767).astype("<i2"), 2)
    with wave.open(path, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(data.tobytes())


def connect(source, sink):
    """source: a port's name, or its id."""
    if isinstance(source, str):
        link(source, sink)
        return
    ids = lambda: [line.split()[0] for line in output("pw-link", "-iI").splitlines() if line.endswith(f" {sink}")]
    assert wait_for(ids), f"{sink} is missing"
    subprocess.run(["pw-link", str(source), ids()[0]], check=True, timeout=20)


class Recorder:
    """Inputs named in `sources`, recorded together for a while."""

    def __init__(self, folder, *sources, latency=0, name="lab"):
        self.path = os.path.join(folder, f"{name}.rec")
        self.sources = sources
        with Inside(None):
            self.child = Child(tool("RECORDER"), self.path, "--ports", str(len(sources)), "--seconds", "90", "--name",
                               name, "--latency", str(latency))
        self.child.expect("ready")
        for i, source in enumerate(sources):
            connect(source, f"{name}:in_{i + 1}")

    def stop(self):
        """[(times in us of CLOCK_MONOTONIC, samples)] of each input; NaN where nothing came."""
        self.child.stop()
        blocks = read_recording(self.path)
        times = np.concatenate([b.nsec / 1e3 + np.arange(b.n) * 1e6 / b.rate for b in blocks])
        return [(times, np.concatenate([b.samples[i] for b in blocks])) for i in range(len(self.sources))]


def onsets(track, threshold=0.02, quiet=600):
    """Times at which a sound begins after so many frames of silence."""
    times, samples = track
    loud = np.flatnonzero(np.abs(np.nan_to_num(samples)) > threshold)
    first = np.ones(len(loud), bool)
    first[1:] = np.diff(loud) > quiet
    return times[loud[first]]


def errors(onset_times, reference_times, reach_us):
    """Each onset's distance in us to the nearest of the reference, less what is beyond reach."""
    at = np.clip(np.searchsorted(reference_times, onset_times), 1, len(reference_times) - 1)
    before, after = onset_times - reference_times[at - 1], onset_times - reference_times[at]
    nearest = np.where(np.abs(before) < np.abs(after), before, after)
    return nearest[np.abs(nearest) < reach_us], int(np.sum(np.abs(nearest) >= reach_us))


def is_good(found, astray, limit_us, least=3):
    """By the median, and four pairs of five.  A loaded machine loses a block now and then, and with it a click of
    one side; what is not there to be compared is no error, but most of it has to be there."""
    if len(found) < least or astray > len(found) / 2:
        return False
    return bool(abs(np.median(found)) < limit_us and np.sum(np.abs(found) < limit_us) >= 0.8 * len(found))


def figure(us):
    return f"median {np.median(us):+.1f} us, mean {np.mean(us):+.1f}, sd {np.std(us):.1f}, from {np.min(us):+.1f} to {np.max(us):+.1f} ({len(us)} clicks)"


def end_all():
    for echelon in Echelon.all:
        echelon.end()
    for hut in LinkHut.all:
        hut.end()
    Child.stop_all()


def main(*cases):
    """Each case takes the TAP and a folder; what fails says so and the next goes on."""
    import traceback
    tap = Tap()
    wanted = os.environ.get("ECH_LINK_CASES", "").split()
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            if wanted and case.__name__ not in wanted:
                continue
            try:
                case(tap, folder)
            except Exception:
                for line in traceback.format_exc().splitlines():
                    tap.note(line)
                for hut in LinkHut.all:
                    tap.note(f"LinkHut: {hut.state()}, exit status {hut.process.poll()}")
                tap.check(False, f"{case.__name__} came to its end")
            finally:
                end_all()
                Echelon.all.clear()
                LinkHut.all.clear()
                Child.all.clear()
    tap.done()
