#!/usr/bin/python3
"""The audio thread neither allocates nor locks, waits or touches a file, while everything happens at once.

Run by with-pipewire.  watch.c does the counting, inside the engine's calls from PipeWire's data loop.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import random
import tempfile
import time

from support import Child, Engine, Tap, force_quantum, make_track, program, wait_for

KINDS = ("allocations", "locks", "files", "waits")
VALUES = {
    "/eq/{d}/low": (-30, 12), "/eq/{d}/mid": (-30, 12), "/eq/{d}/high": (-30, 12), "/deck/{d}/volume": (0, 1),
    "/deck/{d}/gain": (-12, 12), "/deck/{d}/tempo": (0.9, 1.1), "/crossfader": (0, 1), "/limiter": (-24, 0),
    "/master/volume": (0, 1), "/tempo": (90, 150), "/filter/{d}": (-1, 1), "/headphones/mix": (0, 1),
}

tap = Tap()
rng = random.Random(20261122)


def start():
    engine = Engine(program("engine-host-watched"))
    assert wait_for(lambda: engine.snapshot()["running"]), "no cycles come in"
    return engine


def counts(engine):
    """Ends it.  Returns what watch.c counted, and how many actions had been executed."""
    assert engine.stop() == 0
    executed, line = 0, engine.lines.get(timeout=5)
    while line is not None and not line.startswith("watch"):
        executed += " executed " in line
        line = engine.lines.get(timeout=5)
    return {"executed": executed, **{key: int(value) for key, value in (p.split("=") for p in line.split()[1:])}}


def perform(engine, track):
    """Loads, starts, seeks, jumps and every parameter, at once and quantised, at changing quanta."""
    for turn in range(3):
        for deck in "ab":
            engine.send(f"/deck/{deck}/stop")
            engine.send(f'/deck/{deck}/load "{track}"')
        time.sleep(0.5)
        force_quantum([256, 64, 1024][turn])
        for step in range(60):
            deck = rng.choice("ab")
            address, (low, high) = rng.choice(sorted(VALUES.items()))
            engine.send(f"{address.format(d=deck)} {rng.uniform(low, high):.3f} {rng.choice(['now', '1/4', 'beat'])}")
            if step % 6 == 0:
                engine.send(f"/deck/{deck}/play {rng.uniform(0, 40):.3f} {rng.choice(['now', '1/2', 'beat'])}")
            if step % 7 == 0:
                engine.send(f"/deck/{deck}/seek {rng.uniform(0, 40):.3f} 1/4")
            if step % 11 == 0:
                engine.send(f"/deck/{deck}/sync {step % 2}")
            if step % 13 == 0:
                engine.send(f"/deck/{deck}/eject")
            time.sleep(0.015)
    force_quantum(0)
    engine.send("/emergency")


try:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "noise.wav")
        make_track(path)
        os.environ["ECH_WATCH_PROVE"] = "1"
        proof = counts(start())
        tap.check(all(proof[kind] >= 1 for kind in KINDS), "each forbidden call is seen where it is made", str(proof))
        del os.environ["ECH_WATCH_PROVE"]
        engine = start()
        perform(engine, path)
        found = counts(engine)
        tap.check(found["calls"] > 1000 and found["executed"] > 100,
                  f"{found['calls']} calls into the engine from the data loop, {found['executed']} actions", str(found))
        for kind in KINDS:
            tap.check(found[kind] == 0, f"{kind}: none", str(found))
finally:
    Child.stop_all()
tap.done()
