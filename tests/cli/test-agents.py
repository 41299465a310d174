#!/usr/bin/python3
"""The program of docs/agents.md, as printed, mixes two tracks in a running engine.

Runs inside a PipeWire of the test's own (tests/support/with-pipewire).

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "drivers"))
from osclib import Program  # noqa: E402
from soundlab import coded_track, echelonctl, read_journal, tap  # noqa: E402

GUIDE = sys.argv[1]
FOLDER = tempfile.mkdtemp(prefix="echelon-agents-")
TRACKS = [os.path.join(FOLDER, name) for name in ("one.wav", "two.wav")]


def block(language):
    with open(GUIDE, encoding="utf-8") as guide:
        found = re.findall(r"^```%s\n(.*?)^```$" % language, guide.read(), re.S | re.M)
    assert len(found) == 1, "one block of %s is wanted, there are %d" % (language, len(found))
    return found[0]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def put(name, text, mode=0o644):
    path = os.path.join(FOLDER, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def night(policy, name):
    """A running engine, and the program's own view of what it may do; returns exit status, stderr and the journal."""
    port = free_port()
    journal = os.path.join(FOLDER, name + ".jsonl")
    run = Program(echelonctl(), "run", "--no-link", "--json", "--osc-port", str(port), "--journal", journal,
                  "--policy", put(name + ".json", policy), stderr=subprocess.STDOUT)
    run.line("driver osc: running", 30)
    # as it stands in the guide, but for the port
    put("echelonctl", '#!/bin/sh\nshift\nexec "%s" send --port %d "$@"\n' % (echelonctl(), port), 0o755)
    done = subprocess.run([sys.executable, put("mix.py", block("python")), *TRACKS], capture_output=True, text=True,
                          timeout=120, env=dict(os.environ, PATH=FOLDER + ":" + os.environ["PATH"]))
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(timeout=30) == 0
    return done.returncode, done.stderr, [line for line in read_journal(journal) if line.get("source") == "robot"]


def test_mix():
    """the guide's program mixes two tracks, as an agent, each step on its beat"""
    assert len(block("python").splitlines()) <= 36, "about 30 lines"
    status, error, journal = night(block("json"), "auto")
    assert status == 0 and error == "", error
    assert {line["class"] for line in journal if line["fate"] == "posted"} == {"agent"}
    done = [line for line in journal if line["fate"] == "executed"]
    plays = {line["deck"]: line["beat"] for line in done if line["verb"] == "play"}
    assert plays["a"] % 4 == 0 and plays["b"] % 16 == 0 and plays["b"] > plays["a"], plays
    fade = [line for line in done if line["verb"] == "crossfader"][1:]
    assert [line["value"] for line in fade] == [i / 16 for i in range(1, 17)], fade
    assert all(abs(line["beat"] - round(line["beat"])) < 1e-6 for line in fade), fade
    assert done[-1]["verb"] == "stop" and done[-1]["deck"] == "a"


def test_ghost():
    """as a ghost it is told what would be done, and does nothing"""
    policy = json.loads(block("json"))
    policy["sources"]["robot"]["mode"] = "ghost"
    status, error, journal = night(json.dumps(policy), "ghost")
    assert status == 1 and "ghost" in error and "what plays goes on" in error, error
    assert not [line for line in journal if line["fate"] == "executed"], journal


for track in TRACKS:
    coded_track(track, 48000, 60, 120)
try:
    tap([test_mix, test_ghost])
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
