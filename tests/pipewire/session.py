#!/usr/bin/python3
"""Beside a real session: the distribution's own PipeWire configuration and WirePlumber.

Run under dbus-run-session.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import shutil
import subprocess
import tempfile
import time

from support import Child, Host, Tap, destroy, links, make_sink, node_id, program, wait_for

tap = Tap()
servers = []
DECKS = {(f"echelon-deck-{d}:{s}", f"echelon-mixer:{d}_{s}") for d in "ab" for s in ("left", "right")}


def serve(*argv):
    with open(os.path.join(os.environ["XDG_RUNTIME_DIR"], argv[0] + ".log"), "wb") as log:
        servers.append(subprocess.Popen(argv, stdout=log, stderr=log))


def sink_links(sink):
    return {("echelon-mixer:master_left", f"{sink}:playback_FL"), ("echelon-mixer:master_right", f"{sink}:playback_FR")}


def check_links(sink, name):
    want = DECKS | (sink_links(sink) if sink else set())
    tap.check(wait_for(lambda: links() == want), name, f"{sorted(links())}, not {sorted(want)}")


def main(folder):
    for variable in ("XDG_RUNTIME_DIR", "PIPEWIRE_RUNTIME_DIR", "HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        os.environ[variable] = folder
    serve("pipewire")
    assert wait_for(lambda: os.path.exists(os.path.join(folder, "pipewire-0"))), "no PipeWire"
    serve("wireplumber")
    host = Host(program("graph-host"))
    tap.check(host.wait_state("NO_SINK"), "without a device: told so", host.text())
    before = host.counts()
    tap.check(wait_for(lambda: host.counts()["begins"] > before["begins"] + 5), "and the decks go on all the same")
    make_sink("sink-a", priority=1000)
    tap.check(host.wait_state("RUNNING", text="Sink sink-a"), "a device appears: taken", host.text())
    make_sink("sink-b", priority=2000)
    tap.check(host.wait_state("RUNNING", text="Sink sink-b"), "the session prefers another: followed", host.text())
    subprocess.run(["wpctl", "set-default", str(node_id("sink-a"))], check=True, timeout=20)
    tap.check(host.wait_state("RUNNING", text="Sink sink-a"), "somebody chooses: followed", host.text())
    check_links("sink-a", "links of ours and no others")
    time.sleep(0.5)
    check_links("sink-a", "and the session manager leaves them alone")
    destroy("sink-a")
    tap.check(host.wait_state("RUNNING", text="Sink sink-b"), "the device goes: the other one", host.text())
    check_links("sink-b", "with its links")
    destroy("sink-b")
    tap.check(host.wait_state("NO_SINK"), "the last one goes", host.text())
    check_links(None, "the decks stay linked")
    counts = host.counts()
    tap.check(counts["errors"] == 0, "each cycle in order", str(counts))
    tap.check(host.stop() == 0, "ends well")


if shutil.which("wireplumber") is None or shutil.which("wpctl") is None:
    print("1..0 # SKIP WirePlumber is not installed")
else:
    try:
        with tempfile.TemporaryDirectory() as temporary:
            main(temporary)
    finally:
        Child.stop_all()
        for server in reversed(servers):
            server.terminate()
            server.wait()
    tap.done()
