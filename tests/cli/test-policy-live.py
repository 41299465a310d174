#!/usr/bin/python3
"""A policy file that changes while `echelonctl run` plays: OSC is judged by what the file says now.

Runs inside a PipeWire of the test's own (tests/support/with-pipewire).

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "drivers"))
from osclib import Program, message  # noqa: E402
from soundlab import echelonctl, read_journal, run, tap  # noqa: E402

FOLDER = tempfile.mkdtemp(prefix="echelon-policy-live-")
POLICY = os.path.join(FOLDER, "policy.json")


def write(text, path=POLICY):
    with open(path + ".part", "w") as part:
        part.write(text)
    os.rename(path + ".part", path)


class Night:
    def __init__(self, *options):
        for _ in range(10):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind(("127.0.0.1", 0))
                self.port = s.getsockname()[1]
            self.program = Program(echelonctl(), "run", "--no-link", "--no-journal", "--json", "--osc-port", str(self.port),
                                   *options, stderr=subprocess.STDOUT)
            if "running" in self.program.line("driver osc: ", 30):
                break
            self.program.end()  # somebody took the port in between
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.n = 0

    def fade(self):
        """What becomes of a crossfader's move: its fate and rule."""
        self.n += 1
        name = "fade %d" % self.n
        self.socket.sendto(message("/crossfader", "fs", 0.1 * (self.n % 9), "id=" + name), ("127.0.0.1", self.port))
        while True:
            event = json.loads(self.program.line("{", 60))
            if event.get("id") == name and event["fate"] != "queued":
                return event["fate"], event.get("rule")

    def end(self):
        self.socket.close()
        self.program.process.send_signal(signal.SIGINT)
        assert self.program.process.wait(timeout=30) == 0


def test_change():
    """OSC does what the file says, from the change on; a wrong file changes nothing"""
    write('{"classes": {"osc": {"may_not": ["crossfader"]}}}')
    night = Night("--policy", POLICY)
    assert night.fade() == ("rejected", "forbidden")
    write("{}")
    night.program.line("echelonctl run: the policy is that of %s now" % POLICY, 60)
    assert night.fade() == ("executed", None)
    write('{\n"classes": {"osc": {"may_not": ["crosfader"]}}}')
    line = night.program.line("echelonctl run: %s: " % POLICY, 60)
    assert line.endswith("line 2: “crosfader” is no group of verbs and no verb; did you mean “crossfader”?; "
                         "the policy before it stays in force"), line
    assert night.fade() == ("executed", None)
    write('{"sources": {"osc": {"class": "osc", "mode": "ghost"}}}')
    night.program.line("echelonctl run: the policy is that of", 60)
    assert night.fade() == ("rejected", "ghost")
    os.unlink(POLICY)
    night.program.line("echelonctl run: the policy is that of", 60)
    assert night.fade() == ("executed", None)
    night.end()


def test_usual():
    """without --policy it is the user's own; a wrong one at the start is told, and the defaults hold"""
    os.environ["XDG_CONFIG_HOME"] = os.path.join(FOLDER, "config")
    path = os.path.join(FOLDER, "config", "echelon", "policy.json")
    os.makedirs(os.path.dirname(path))
    write('{"classes": {"osc": {"mode": "off"}}}', path)
    night = Night()
    assert night.fade() == ("rejected", "mode")
    night.end()
    write("[", path)
    night = Night()
    assert night.fade() == ("executed", None)
    night.end()


def test_refused():
    """a file that was asked for must be there and right"""
    for text, words in ((None, "there is no "), ("[", "line 1: ")):
        path = os.path.join(FOLDER, "bad.json")
        if text:
            write(text, path)
        done = subprocess.run([echelonctl(), "run", "--policy", path], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and words in done.stderr and path in done.stderr, done


def test_render():
    """a dry run: what a program would be refused"""
    score, out, journal = (os.path.join(FOLDER, name) for name in ("set.score", "out.wav", "out.jsonl"))
    write("0 /crossfader 0.2\n0.1 /limiter -3\n0.2 end\n", score)
    write('{"classes": {"bridge": {"may_not": ["crossfader"]}}}')

    def fates(*options):
        run("render", score, "-o", out, "--journal", journal, *options)
        return [(line["verb"], line.get("rule")) for line in read_journal(journal) if line["fate"] in ("executed", "rejected")]

    assert ("crossfader", None) in fates()
    assert ("crossfader", "forbidden") in fates("--policy", POLICY, "--as", "bridge")
    assert ("crossfader", None) in fates("--policy", POLICY, "--as", "agent")
    assert ("limiter", "forbidden") in fates("--as", "agent")
    for options, words in ((("--as", "robot"), "--as takes hand, osc, bridge or agent"), (("--policy", out), out),
                           (("--policy", "/no/file"), "/no/file")):
        done = subprocess.run([echelonctl(), "render", score, "-o", out, *options], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and words in done.stderr, done


try:
    tap([test_change, test_usual, test_refused, test_render])
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
