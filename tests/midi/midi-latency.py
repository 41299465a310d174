#!/usr/bin/python3
# From a button to the sound: measured in the graph, in frames, with a driver that the test leads.
#
# midi-latency.py ECHELONCTL WORKER MIDI_MODULE MIDI_PEER
#
# A key is pressed at a known frame of a cycle; the deck's node and the master are recorded.  Cycles come one
# by one, with time between them for the threads that are no part of the graph: what is measured is how many
# cycles the way takes, not how quick the machine is.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import json
import os
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pipewire"))
from support import Child, Driver, Tap, link, make_track, program, read_recording  # noqa: E402

ECHELONCTL, WORKER, MODULE, PEER = sys.argv[1:5]
RUNTIME = os.environ["XDG_RUNTIME_DIR"]
REST = 0.02       # seconds between two cycles
LONG_REST = 0.35  # after a key: the threads must have had their turn, also on a busy machine
TRIALS = 4
QUANTA = (64, 256, 1024)


def fate(engine, verb, step):
    """Steps until the verb is executed."""
    for _ in range(400):
        while not engine.lines.empty():
            line = engine.lines.get()
            assert line is not None, "echelonctl run ended"
            if line.startswith("{"):
                event = json.loads(line)
                if event.get("verb") == verb and event.get("fate") in ("executed", "rejected"):
                    assert event["fate"] == "executed", line
                    return event
        step()
    raise AssertionError(f"no {verb} in 400 cycles")


def onset(blocks, port, after):
    """The first frame at or after `after` at which something is heard."""
    for block in blocks:
        at = np.flatnonzero(np.nan_to_num(block.samples[port]) != 0)
        at = at[block.position + at >= after]
        if len(at):
            return block.position + int(at[0])
    return None


def measure(tap, folder):
    track, path = folder + "/track.wav", folder + "/recording"
    os.environ["ECHELON_NODE_GROUP"] = "step"
    engine = Child(ECHELONCTL, "run", "--no-osc", "--no-link", "--no-journal", "--json", track)
    recorder = Child(program("recorder"), path, "--ports", "2", "--seconds", "60", "--group", "step")
    recorder.expect("ready")
    link("echelon-deck-a:left", "recorder:in_1")
    link("echelon-mixer:master_left", "recorder:in_2")
    peer = Child(PEER, "Keys")
    peer.expect("ready")
    driver = Driver(program("step-driver"), "step")
    driver.expect("ready")
    pressed = {}

    for quantum in QUANTA:
        driver.ask(f"quantum {quantum}")

        def step(n=1, rest=REST):
            for _ in range(n):
                driver.run(quantum)
                time.sleep(rest)

        def press(key, frame=0):
            peer.send(f"at {frame} 90 {key:02X} 7F")
            step(3, LONG_REST)
            return int(peer.expect("said").split()[1])

        if quantum == QUANTA[0]:
            fate(engine, "load", step)
            for _ in range(100):
                if peer.ask("links") == "links 1 1":
                    break
                step()
        step(10)
        for trial in range(TRIALS):
            pressed.setdefault(quantum, []).append(press(1, trial * quantum // TRIALS))
            fate(engine, "play", step)
            step(6)
            press(2)
            fate(engine, "stop", step)
            step(6 + 256 // quantum)
    driver.stop()
    recorder.stop()
    engine.process.terminate()
    engine.process.wait(20)
    peer.stop()
    blocks = read_recording(path)
    for quantum, times in pressed.items():
        deck, master = ([onset(blocks, port, at) - at for at in times] for port in (0, 1))
        tap.note(f"quantum {quantum}: {deck} frames from the key to the deck's sound, {master} to the master's")
        # a start that is not on a beat fades in: its very first frame is silent
        tap.check(all(0 < frames - 1 <= 2 * quantum for frames in deck),
                  f"quantum {quantum}: from key to sound in at most two quanta", str(deck))


def main():
    tap = Tap()
    os.environ["ECHELON_WORKER"] = WORKER
    os.environ["ECHELON_DRIVER_PATH"] = os.path.dirname(MODULE)
    os.environ["ECHELON_MIDI_PATH"] = RUNTIME + "/maps"
    os.environ["XDG_CONFIG_HOME"] = RUNTIME + "/config"
    os.makedirs(RUNTIME + "/maps")
    with open(RUNTIME + "/maps/keys.json", "w", encoding="utf-8") as file:
        json.dump({"format": "echelon-midi-mapping", "version": 1, "name": "Keys", "devices": ["Keys"], "bindings": [
            {"note": 1, "channel": 1, "action": "/deck/a/play", "timing": "now"},
            {"note": 2, "channel": 1, "action": "/deck/a/stop", "timing": "now"}]}, file)
    try:
        with tempfile.TemporaryDirectory() as folder:
            make_track(folder + "/track.wav")
            measure(tap, folder)
    finally:
        Child.stop_all()
    tap.done()


if __name__ == "__main__":
    main()
