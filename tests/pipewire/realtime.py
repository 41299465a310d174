#!/usr/bin/python3
"""The graph in real time, beside a null sink: quanta change, sinks come and go, people patch, daemons die.

Run by with-pipewire.  A loaded machine may lose cycles; what must hold all the same: each block
that is heard stands at its frame, which the recorder tells from the driver's clock.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import subprocess
import tempfile
import time

import numpy as np

from support import (Child, Host, Tap, destroy, force_quantum, kill, link, links, make_sink, node_id, output, pattern,
                     pattern_frame, program, read_recording, set_default_sink, unlink, wait_for)

tap = Tap()
DECKS = {(f"echelon-deck-{d}:{s}", f"echelon-mixer:{d}_{s}") for d in "ab" for s in ("left", "right")}


def sink_links(sink, left="FL", right="FR"):
    return {("echelon-mixer:master_left", f"{sink}:playback_{left}"),
            ("echelon-mixer:master_right", f"{sink}:playback_{right}")}


def wait_links(want, name):
    tap.check(wait_for(lambda: links() == want), name, f"{sorted(links())}, not {sorted(want)}")


class Verdict:
    """What became of the blocks of one input.

    For each of the driver's clocks the cycle's frame is a fixed number of frames from the clock's position; most
    blocks tell which.  A block that came too late for its cycle is heard in a following one: PipeWire's xrun."""

    def __init__(self, blocks, port, deck, side):
        self.good = self.late = self.empty = 0
        self.astray, self.steps = [], []
        runs = []
        for block in blocks:
            samples = block.samples[port]
            if np.isnan(samples[0]) or not samples.any():
                self.empty += 1
                continue
            frame = pattern_frame(deck, side, samples[0])
            whole = (samples == pattern(deck, side, frame + np.arange(block.n))).all()
            if not runs or runs[-1][0] != block.clock_id:
                runs.append((block.clock_id, []))
                self.steps.append((block.clock_id, frame))
            runs[-1][1].append(((frame - block.position) % (1 << 24), whole, block))
        for _, run in runs:
            self._judge_run(run)

    def _judge_run(self, run):
        offsets = [offset for offset, whole, _ in run if whole]
        usual = max(set(offsets), key=offsets.count) if offsets else None
        for offset, whole, block in run:
            behind = (usual - offset) % (1 << 24) if whole else None
            if behind == 0:
                self.good += 1
            elif behind is not None and behind <= 4 * 8192:
                self.late += 1
            else:
                self.astray.append((block.position, block.n, behind))

    def __str__(self):
        return f"{self.good} blocks at their frame, {self.late} late, {self.empty} empty, {len(self.astray)} astray"

    def holds(self):
        return not self.astray and self.good > 9 * (self.late + self.empty)


def quanta(folder):
    path = os.path.join(folder, "quanta.rec")
    host = Host(program("graph-host"))
    tap.check(host.wait_state("RUNNING", text="Null output"), "running, on the default sink", host.text())
    wait_links(DECKS | sink_links("null-sink"), "nodes link themselves and to the sink")
    recorder = Child(program("recorder"), path, "--ports", "3")
    recorder.expect("ready")
    link("echelon-mixer:master_left", "recorder:in_1")
    link("echelon-mixer:headphones_right", "recorder:in_2")
    link("echelon-deck-b:left", "recorder:in_3")
    wanted = [256, 64, 1024, 32, 4096, 1000, 8192, 128]
    for quantum in wanted:
        force_quantum(quantum)
        time.sleep(max(0.3, 4 * quantum / 48000))
    counts = host.counts()
    recorder.stop()
    blocks = read_recording(path)
    heard = {block.n for block in blocks}
    tap.check(heard >= set(wanted) - {1000}, f"the graph ran at blocks of {sorted(heard)} frames")
    for port, deck, side in ((0, 0, 0), (1, 1, 1), (2, 1, 0)):
        verdict = Verdict(blocks, port, deck, side)
        tap.check(verdict.holds(), f"input {port + 1}: {verdict}", str(verdict.astray[:5]))
    tap.check(counts["errors"] == 0, "each cycle in order", str(counts))
    tap.note(f"cycles {counts['begins']}, lost {counts['skips']} times")
    force_quantum(0)
    return host


def patches(host):
    """A deck past the mixer, and links that somebody removed."""
    unlink("echelon-deck-b:left", "echelon-mixer:b_left")
    unlink("echelon-deck-b:right", "echelon-mixer:b_right")
    make_sink("sink-bystander", priority=100)
    rest = DECKS - {("echelon-deck-b:left", "echelon-mixer:b_left"), ("echelon-deck-b:right", "echelon-mixer:b_right")}
    time.sleep(0.5)
    wait_links(rest | sink_links("null-sink"), "a link that somebody removed is not made again")
    destroy("sink-bystander")
    time.sleep(0.5)
    wait_links(rest | sink_links("null-sink"), "also when devices come and go")
    before = host.counts()
    time.sleep(0.3)
    after = host.counts()
    tap.check(after["begins"] > before["begins"] and
              after["decks"] - before["decks"] >= 2 * (after["begins"] - before["begins"]) - 2,
              "an unlinked deck keeps its place in time", f"{before} {after}")
    tap.check(after["errors"] == 0, "each cycle in order", str(after))
    return rest


def patch_past_the_mixer(host, folder):
    path = os.path.join(folder, "past.rec")
    recorder = Child(program("recorder"), path, "--ports", "2")
    recorder.expect("ready")
    link("echelon-deck-b:left", "recorder:in_1")
    link("echelon-mixer:master_right", "recorder:in_2")
    time.sleep(1)
    recorder.stop()
    blocks = read_recording(path)
    for port, deck, side in ((0, 1, 0), (1, 0, 1)):
        verdict = Verdict(blocks, port, deck, side)
        tap.check(verdict.holds(), f"deck b past the mixer, input {port + 1}: {verdict}", str(verdict.astray[:5]))


def sinks(host, rest):
    make_sink("sink-b", priority=1000)
    set_default_sink("sink-b")
    wait_links(rest | sink_links("sink-b"), "the default sink is followed")
    tap.check(host.wait_state("RUNNING", text="Sink sink-b"), "and named", host.text())
    set_default_sink("null-sink")
    wait_links(rest | sink_links("null-sink"), "and back")
    set_default_sink("sink-b")
    wait_links(rest | sink_links("sink-b"), "and again")
    destroy("sink-b")
    wait_links(rest | sink_links("null-sink"), "a default sink that disappears: the best of the others")
    make_sink("sink-mono", "MONO", priority=500)
    set_default_sink("sink-mono")
    wait_links(rest | sink_links("sink-mono", "MONO", "MONO"), "one channel takes both sides")
    make_sink("sink-six", "FC LFE FR FL RL RR")
    set_default_sink("sink-six")
    wait_links(rest | sink_links("sink-six"), "of six channels front left and right, wherever they stand")
    make_sink("sink-aux", "AUX0 AUX1 AUX2 AUX3")
    set_default_sink("sink-aux")
    wait_links(rest | sink_links("sink-aux", "AUX0", "AUX1"), "of nameless channels the first two")
    set_default_sink("sink-that-is-not-there")
    time.sleep(0.3)
    wait_links(rest | sink_links("sink-aux", "AUX0", "AUX1"), "a default that is not there: all stays")
    destroy("sink-aux")
    wait_links(rest | sink_links("sink-six"), "a sink that disappears: the highest priority of the others")
    destroy("sink-six")
    destroy("sink-mono")
    wait_links(rest | sink_links("null-sink"), "and the last one that there is")


def own_output(host, rest):
    """Somebody takes the output elsewhere; the default changes; their patch holds."""
    make_sink("sink-c", priority=1000)
    unlink("echelon-mixer:master_left", "null-sink:playback_FL")
    unlink("echelon-mixer:master_right", "null-sink:playback_FR")
    link("echelon-mixer:master_left", "sink-c:playback_FR")
    by_hand = {("echelon-mixer:master_left", "sink-c:playback_FR")}
    set_default_sink("sink-c")
    tap.check(host.wait_state("RUNNING", text="Patched by hand"), "an output patched by hand is called so", host.text())
    wait_links(rest | by_hand, "and left alone")
    unlink("echelon-mixer:master_left", "sink-c:playback_FR")
    destroy("null-sink")
    wait_links(rest | sink_links("sink-c"), "until the sink that it was taken from goes away")
    destroy("sink-c")
    tap.check(host.wait_state("NO_SINK"), "no sink at all is told", host.text())
    before = host.counts()
    wait_for(lambda: host.counts()["begins"] > before["begins"] + 10)
    after = host.counts()
    tap.check(after["begins"] > before["begins"] + 10 and after["errors"] == 0,
              "and the cycles go on under another driver", f"{before} {after}")
    make_sink("sink-d")
    wait_links(rest | sink_links("sink-d"), "a sink that appears is taken")
    make_sink("sink-higher", priority=25000)
    time.sleep(0.3)
    wait_links(rest | sink_links("sink-d"), "one that nobody named does not take over")
    destroy("sink-higher")
    tap.check(host.wait_state("RUNNING", text="Sink sink-d"), "running again", host.text())


def switch_is_continuous(folder):
    """Over a change of drivers the music goes on where it was, not a minute before or after."""
    path = os.path.join(folder, "switch.rec")
    make_sink("sink-e", priority=19000)
    host = Host(program("graph-host"), "--fused")
    host.wait_state("RUNNING")
    recorder = Child(program("recorder"), path, "--ports", "1")
    recorder.expect("ready")
    link("echelon:master_left", "recorder:in_1")
    for name in ("sink-e", "sink-d", "sink-e"):
        time.sleep(0.4)
        set_default_sink(name)
        host.wait_state("RUNNING", text=f"Sink {name}")
    time.sleep(0.4)
    recorder.stop()
    verdict = Verdict(read_recording(path), 0, 0, 0)
    tap.check(verdict.holds(), f"over changes of the sink: {verdict}", str(verdict.astray[:5]))
    steps = verdict.steps
    tap.check(len(steps) >= 4 and all(b[1] > a[1] for a, b in zip(steps, steps[1:])), "and the frame only grows",
              str(steps))
    tap.note(f"clocks and first frames: {steps}")
    host.stop()


def taken_away(host):
    """Somebody destroys one of our nodes."""
    old = node_id("echelon-mixer")
    subprocess.run(["pw-cli", "destroy", str(old)], check=True, timeout=20, stdout=subprocess.DEVNULL)
    wait_for(lambda: node_id("echelon-mixer") not in (None, old))
    tap.check(host.wait_state("RUNNING"), "a node that somebody destroyed is built anew", host.text())
    wait_links(DECKS | sink_links("sink-e"), "with its links")


def daemon_dies(host):
    pid = int(os.environ["ECH_PIPEWIRE_PID"])
    own = None
    for turn in range(3):
        before = host.counts()
        if own is None:
            kill(pid)
        else:
            own.kill()
            own.wait()
        tap.check(host.wait_state("CONNECTING"), f"death {turn + 1}: told", host.text())
        dead = host.counts()
        time.sleep(0.3)
        tap.check(host.counts()["begins"] == dead["begins"], "the cycle stands still")
        own = subprocess.Popen(["pipewire", "-c", os.environ["ECH_PIPEWIRE_CONF"]])
        Daemons.append(own)
        tap.check(host.wait_state("RUNNING", text="Null output"), "another daemon: running again", host.text())
        wait_links(DECKS | sink_links("null-sink"), "with all links")
        wait_for(lambda: host.counts()["begins"] > dead["begins"] + 20)
        after = host.counts()
        tap.check(after["begins"] > dead["begins"] + 20 and after["frame"] > dead["frame"] >= before["frame"],
                  "and goes on from where it was", f"{before} {dead} {after}")
        tap.check(after["skipped"] - dead["skipped"] < 48000 and after["errors"] == 0, "without a jump", str(after))


Daemons = []
try:
    with tempfile.TemporaryDirectory() as folder:
        host = quanta(folder)
        rest = patches(host)
        patch_past_the_mixer(host, folder)
        sinks(host, rest)
        own_output(host, rest)
        switch_is_continuous(folder)
        taken_away(host)
        daemon_dies(host)
        counts = host.counts()
        tap.check(counts["times_back"] == 0 and counts["errors"] == 0, "no block began before the one before it",
                  str(counts))
        host.send("stop")
        tap.check(wait_for(lambda: "echelon" not in output("pw-cli", "ls", "Node")), "stopped: no node is left")
        host.send("start")
        tap.check(host.wait_state("RUNNING"), "started again", host.text())
        tap.check(host.stop() == 0, "ends well")
finally:
    Child.stop_all()
    for daemon in Daemons:
        daemon.kill()
        daemon.wait()
tap.done()
