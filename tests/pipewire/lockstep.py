#!/usr/bin/python3
"""The graph in lock-step: every sample at its frame, at any block length.

Run by with-pipewire --nodrv: the test's own driver is the only clock.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import tempfile

import numpy as np

from support import Child, Driver, Host, Tap, link, pattern, program, read_recording, warm_up

OUTPUTS = ["master", "headphones", "booth", "record"]
QUANTA = ["32", "64", "256", "1000", "1024", "4096", "8192", "17", "32,64,256,1000,1024,4096,1,8191"]
RUN_FRAMES = 30000

tap = Tap()


def check_recording(path, mode, start, offset):
    """From the driver's position `start` on all is exact; `offset` leads from positions to the cycle's frames."""
    blocks = [block for block in read_recording(path) if block.position >= start]
    position = start
    for block in blocks:
        if block.position != position:
            return tap.check(False, f"{mode}: blocks without gaps", f"{block.position} instead of {position}")
        position += block.n
    tap.check(len(blocks) > 100, f"{mode}: {len(blocks)} blocks without gaps, {position - start} frames")
    samples = np.concatenate([block.samples for block in blocks], axis=1)
    frames = np.arange(start, position) + offset
    for port in range(8):
        want = pattern(port // 2, port % 2, frames)
        wrong = np.flatnonzero(samples[port] != want)
        tap.check(len(wrong) == 0 and len(want) > 0, f"{mode}: {OUTPUTS[port // 2]} {['left', 'right'][port % 2]} sample-exact",
                  f"{len(wrong)} wrong, first at {wrong[:3]}: {samples[port][wrong[:3]]}, not {want[wrong[:3]]}")
    return True


def record(mode, folder):
    path = os.path.join(folder, f"{mode}.rec")
    options = ["--fused"] if mode == "fused" else []
    host = Host(program("graph-host"), "--decks", "4", "--group", "step", *options)
    recorder = Child(program("recorder"), path, "--ports", "8", "--group", "step")
    recorder.expect("ready")
    node = "echelon" if mode == "fused" else "echelon-mixer"
    tap.check(host.wait_state("NO_SINK"), f"{mode}: nodes and their links stand, no sink", host.text())
    for port in range(8):
        link(f"{node}:{OUTPUTS[port // 2]}_{['left', 'right'][port % 2]}", f"recorder:in_{port + 1}")
    # the driver comes last: whoever runs, runs under it and from its frame 0
    driver = Driver(program("step-driver"), "step")
    driver.expect("ready")
    start = warm_up(host, driver, 4)
    warm = host.counts()
    offset = warm["frame"] - start
    for quantum in QUANTA:
        driver.ask(f"quantum {quantum}")
        position, cycles, stalls = driver.run(RUN_FRAMES)
        tap.check(stalls == 0, f"{mode}: blocks of {quantum} frames, {cycles} cycles so far")
    counts = host.counts()
    recorder.stop()
    host.stop()
    driver.stop()
    tap.check(counts["errors"] == 0 and counts["skips"] == warm["skips"], f"{mode}: each cycle in order, none lost",
              str(counts))
    tap.check(counts["frame"] == position + offset, f"{mode}: the cycle keeps the driver's frames", str(counts))
    tap.check(counts["begins"] == counts["mixes"] and
              counts["decks"] - warm["decks"] == 4 * (counts["begins"] - warm["begins"]),
              f"{mode}: every deck in every cycle", str(counts))
    check_recording(path, mode, start, offset)


def skip_is_told():
    """Frames that the driver's clock went on without us move the cycle by as many."""
    host = Host(program("graph-host"), "--group", "step")
    host.wait_state("NO_SINK")
    driver = Driver(program("step-driver"), "step")
    driver.expect("ready")
    start = warm_up(host, driver, 2)
    before = host.counts()
    driver.ask("skip 777")
    position, _, _ = driver.run(2560)
    after = host.counts()
    tap.check(after["skips"] - before["skips"] == 1 and after["skipped"] - before["skipped"] == 777,
              "a jump of 777 frames is told once", f"{before} {after}")
    tap.check(after["frame"] - before["frame"] == position - start, "and the cycle keeps the driver's frames",
              f"{before} {after} {start} {position}")
    host.stop()
    driver.stop()


def rate_is_followed():
    host = Host(program("graph-host"), "--group", "step")
    host.wait_state("NO_SINK")
    driver = Driver(program("step-driver"), "step", "44100")
    driver.expect("ready")
    driver.ask("pace 1")
    driver.run(44100 // 2)
    first = host.counts()
    tap.check(first["rates"] == 1 and first["frame"] > 0, "another rate is set once, then it plays", str(first))
    driver.ask("rate 96000")
    driver.run(96000 // 2)
    second = host.counts()
    tap.check(second["rates"] == 2 and second["frame"] > first["frame"], "also while it runs", str(second))
    tap.check(second["skips"] == 0 and second["errors"] == 0, "without a jump", str(second))
    host.stop()
    driver.stop()


try:
    with tempfile.TemporaryDirectory() as folder:
        record("separate", folder)
        record("fused", folder)
        skip_is_told()
        rate_is_followed()
finally:
    Child.stop_all()
tap.done()
