"""What the PipeWire tests share: children with a line protocol, TAP, recordings.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import time

import numpy as np

FAKE_LATENCY_FRAMES = 96
RATE = 48000
TRACK_S = 60


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, ok, name, detail=""):
        self.count += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}", flush=True)
        if detail and not ok:
            print(f"# {detail}", flush=True)
        return ok

    def note(self, text):
        print(f"# {text}", flush=True)

    def done(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed else 0)


class Child:
    """A program led by lines; killed with the test, whatever happens."""

    all = []

    def __init__(self, *argv):
        self.argv = argv
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        Child.all.append(self)

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def expect(self, start, timeout=20):
        """The next line that begins with `start`; others before it are dropped."""
        end = time.monotonic() + timeout
        seen = []
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self.argv[0]}: no line \"{start}\" in {timeout} s, but {seen}") from None
            if line is None:
                raise AssertionError(f"{self.argv[0]} ended before \"{start}\", after {seen}")
            if line.startswith(start):
                return line
            seen.append(line)

    def ask(self, line, answer=None, timeout=20):
        self.send(line)
        return self.expect(answer or line.split()[0], timeout)

    def stop(self, timeout=20):
        """Ends it by the end of its stdin.  Returns its exit status."""
        if self.process.poll() is None:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    @classmethod
    def stop_all(cls):
        for child in cls.all:
            if child.process.poll() is None:
                child.process.kill()
                child.process.wait()


class Host(Child):
    """graph-host."""

    def state(self):
        return self.ask("state").split(" ", 2)[1]

    def text(self):
        return self.ask("state").split(" ", 2)[2]

    def counts(self):
        return {k: int(v) for k, v in (pair.split("=") for pair in self.ask("counts").split()[1:])}

    def wait_state(self, state, timeout=20, text=None):
        def is_there():
            got = self.ask("state").split(" ", 2)
            return got[1] == state and (text is None or got[2] == text)
        return wait_for(is_there, timeout)


class Driver(Child):
    """step-driver.  Its answer to `run` is the only one that waits for the graph."""

    def run(self, frames, timeout=120):
        line = self.ask(f"run {frames}", "done", timeout)
        position, cycles, stalls = (int(x) for x in line.split()[1:])
        return position, cycles, stalls


def make_track(path):
    """Noise of which each sample is unique within the track: -20 dBFS, far under the limiter."""
    values = np.random.default_rng(20261122).permutation(1 << 22)[:TRACK_S * RATE].astype(np.float64)
    left = ((values - (1 << 21)) / (1 << 21) * 0.1).astype(np.float32)
    right = -left
    data = np.stack([left, right], axis=1).tobytes()
    with open(path, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " +
                   struct.pack("<IHHIIHH", 16, 3, 2, RATE, RATE * 8, 8, 32) + b"data" +
                   struct.pack("<I", len(data)) + data)
    return left


class Engine(Child):
    """engine-host."""

    def snapshot(self):
        words = self.ask("snapshot").split()
        keys = ["audio", "running", "frame", "time_ns", "origin_frames", "origin_beats", "bpm", "rate", "lost", "decks"]
        snapshot = dict(zip(keys, words[1:]))
        for key in ("running", "frame", "time_ns", "lost"):
            snapshot[key] = int(snapshot[key])
        for key in ("origin_frames", "origin_beats", "bpm", "rate"):
            snapshot[key] = float(snapshot[key])
        return snapshot

    def act(self, action, identity, fate="executed", timeout=60):
        """Posts, and waits for the fate.  Returns (beat at which it was queued, beat and frame of the fate)."""
        self.send(f"{action} id={identity}")
        queued = None
        while True:
            words = self.expect(f"event {identity} ", timeout).split(" ", 6)
            if words[2] == "queued":
                queued = float(words[4])
                if fate == "queued":
                    return queued
            elif words[2] == fate:
                return queued, float(words[4]), int(words[5])
            else:
                raise AssertionError(f"{action}: {' '.join(words[2:])}")


def wait_for(condition, timeout=20):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def output(*argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout


def links():
    """{(output port, input port)} with names as pw-link writes them."""
    found, port = set(), None
    for line in output("pw-link", "-l").splitlines():
        if line.startswith("  |-> "):
            found.add((port, line[6:].strip()))
        elif not line.startswith(" "):
            port = line.strip()
    return found


def links_are_active():
    """Each link that there is carries sound."""
    states = [item["info"]["state"] for item in json.loads(output("pw-dump") or "[]")
              if item.get("type") == "PipeWire:Interface:Link"]
    return bool(states) and all(state == "active" for state in states)


def warm_up(host, driver, decks):
    """Runs cycles until every node takes part in each of them.  Returns the driver's position."""
    assert wait_for(links_are_active), output("pw-link", "-l")
    steady = 0
    for _ in range(200):
        before = host.counts()
        position, _, _ = driver.run(10 * 256)
        after = host.counts()
        took = [after[key] - before[key] for key in ("begins", "mixes", "decks")]
        steady = steady + 1 if took == [10, 10, 10 * decks] else 0
        if steady == 5:
            return position
        time.sleep(0.01)
    raise AssertionError(f"the graph does not come to rest: {took} calls in 10 cycles")


def link(source, sink):
    """Links two ports, waiting until both are there."""
    assert wait_for(lambda: source in output("pw-link", "-o") and sink in output("pw-link", "-i")), \
        f"{source} or {sink} is missing"
    subprocess.run(["pw-link", source, sink], check=True, timeout=20)


def unlink(source, sink):
    subprocess.run(["pw-link", "-d", source, sink], check=True, timeout=20)


def node_id(name):
    last = None
    for line in output("pw-cli", "ls", "Node").splitlines():
        words = line.split()
        if words and words[0] == "id":
            last = int(words[1].rstrip(","))
        if f'node.name = "{name}"' in line:
            return last
    return None


def make_sink(name, position="FL FR", rate=48000, priority=20000):
    """A null sink that outlives the command; returns once its ports are there."""
    n = len(position.split())
    subprocess.run(["pw-cli", "create-node", "adapter",
                    "{ factory.name = support.null-audio-sink node.name = %s node.description = \"Sink %s\" "
                    "media.class = Audio/Sink audio.rate = %d audio.channels = %d audio.position = [ %s ] "
                    "priority.driver = %d priority.session = %d object.linger = true monitor.channel-volumes = false "
                    "adapter.auto-port-config = { mode = dsp monitor = true position = preserve } }"
                    % (name, name, rate, n, position, priority, priority)],
                   check=True, timeout=20, stdout=subprocess.DEVNULL)
    assert wait_for(lambda: output("pw-link", "-i").count(f"{name}:playback_") == n), f"{name} has no ports"


def destroy(name):
    subprocess.run(["pw-cli", "destroy", str(node_id(name))], check=True, timeout=20, stdout=subprocess.DEVNULL)


def set_default_sink(name):
    argv = ["pw-metadata", "0", "default.audio.sink", '{ "name": "%s" }' % name, "Spa:String:JSON"]
    subprocess.run(argv, check=True, timeout=20, stdout=subprocess.DEVNULL)


def force_quantum(frames):
    subprocess.run(["pw-metadata", "-n", "settings", "0", "clock.force-quantum", str(frames)],
                   check=True, timeout=20, stdout=subprocess.DEVNULL)


class Block:
    __slots__ = ("clock_id", "rate", "position", "nsec", "n", "samples")


def read_recording(path):
    """The blocks of a recorder's file."""
    header = struct.Struct("=IIQQII")
    with open(path, "rb") as file:
        data = file.read()
    blocks, at = [], 0
    while at < len(data):
        block = Block()
        block.clock_id, block.rate, block.position, block.nsec, block.n, ports = header.unpack_from(data, at)
        at += header.size
        block.samples = np.frombuffer(data, np.float32, ports * block.n, at).reshape(ports, block.n)
        at += 4 * ports * block.n
        blocks.append(block)
    return blocks


def pattern(deck, side, frames):
    """The value of fake-cycle.h's fake_sample() at each of `frames`."""
    bits = (frames.astype(np.uint64) * np.uint64(7919) + np.uint64((deck * 2 + side) * 131)) & np.uint64(0xffffff)
    return ((bits.astype(np.int64) - 0x800000) / 8388608.0).astype(np.float32)


def pattern_frame(deck, side, value):
    """The graph frame (modulo 2**24) at which the pattern has `value`."""
    bits = int(round(float(value) * 8388608.0)) + 0x800000
    return (bits - (deck * 2 + side) * 131) * pow(7919, -1, 1 << 24) % (1 << 24)


def program(name):
    """A test program, beside us or in $ECH_PIPEWIRE_TOOLS."""
    return os.path.join(os.environ["ECH_PIPEWIRE_TOOLS"], name)


def kill(pid):
    os.kill(pid, signal.SIGKILL)
