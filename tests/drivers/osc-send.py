#!/usr/bin/python3
# echelonctl send against a host that records posts and makes up fates.
#
# osc-send.py FAKE_HOST MODULE ECHELONCTL
#
# SPDX-License-Identifier: GPL-3.0-or-later
import json
import os
import socket
import subprocess
import sys
import tempfile

from osclib import Program, Tap

FAKE_HOST, MODULE, ECHELONCTL = map(os.path.abspath, sys.argv[1:4])


class Session:
    def __init__(self):
        self.host = Program(FAKE_HOST, MODULE, "port=0")
        self.port = int(self.host.line("status Listening on").split(":")[1])
        self.host.line("started")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.host.end()

    def begin(self, *words, **options):
        return subprocess.Popen([ECHELONCTL, "send", "--port", str(self.port), *words], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def send(self, *words, fates=(), **options):
        """(status, stdout, stderr, the post)"""
        child = self.begin(*words, **options)
        post = None
        if fates:
            post = self.host.line("post")
            for fate in fates:
                self.host.tell("event " + fate)
        out, err = child.communicate(timeout=30)
        return child.returncode, out, err, post


def fates(tap):
    with Session() as s:
        status, out, err, post = s.send("/deck/a/play", "bar", fates=["queued none 8", "executed none 8"])
        tap.equal((status, out), (0, "queued    beat 8.000\nexecuted  beat 8.000\n"), "queued, then executed: 0")
        tap.check("timing=bar" in post and "id=send-" in post, "with an id of its own", post)
        status, out, err, post = s.send("/deck/a/load", "x.wav", cwd="/usr",
                                        fates=["rejected on-air 9 Deck A is on air: stop it first."])
        tap.equal((status, out), (1, "rejected  beat 9.000  on-air  Deck A is on air: stop it first.\n"),
                  "rejected, with rule and sentence: 1")
        tap.check("text=/usr/x.wav " in post, "a path is made absolute", post)
        tap.equal(s.send("/deck/a/play", "4bar", fates=["queued none 16", "cancelled none 3"])[0], 1, "cancelled: 1")
        tap.equal(s.send("/deck/a/play", fates=["expired none 3"])[0], 1, "expired: 1")
        status, out, err, post = s.send("--no-wait", "/deck/a/play", "bar", fates=["queued none 8"])
        tap.equal((status, out.split()[0]), (0, "queued"), "--no-wait ends at queued")
        status, out, err, post = s.send("--json", "/deck/a/play", "id=mine", "bar",
                                        fates=["queued none 8", "executed none 8 Said \"go\""])
        tap.equal([json.loads(line) for line in out.splitlines()],
                  [{"id": "mine", "fate": "queued", "rule": "none", "text": "", "beat": 8.0},
                   {"id": "mine", "fate": "executed", "rule": "none", "text": "Said \"go\"", "beat": 8.0}],
                  "--json, and an id that is given")


def make_comma_locale(folder):
    """A locale "comma" in the folder, in which one half is 0,5; False where Debian's locales are not installed."""
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", os.path.join(folder, "comma")],
                          capture_output=True)
    return made.returncode == 0


def languages(tap):
    with tempfile.TemporaryDirectory() as folder, Session() as s:
        if not make_comma_locale(folder):
            tap.skip("numbers have a point in every language", "the package locales is not installed")
            return
        status, out, _, post = s.send("/crossfader", "0.5", fates=["executed none 1.5"],
                                      env=dict(os.environ, LOCPATH=folder, LC_ALL="comma"))
        tap.check(status == 0 and "value=0.5 " in post and "beat 1.500" in out,
                  "numbers have a point in every language", (post, out))


def names(tap):
    with Session() as s:
        child = s.begin("--source", "agent-1", "/deck/a/play")
        tap.equal([s.host.line(""), s.host.line("as"), s.host.line("post").split()[1]],
                  ["open agent-1", "as agent-1", "play"], "--source: the name first, then the action under it")
        s.host.tell("event executed none 8")
        out, err = child.communicate(timeout=30)
        tap.equal((child.returncode, out), (0, "executed  beat 8.000\n"), "and nothing but its fate is printed")
        status, out, err, post = s.send("--source", "hand-1", "/deck/a/play")
        tap.check(status == 2 and out == "" and "hand" in err, "a name that is refused: 2, and nothing is asked for", err)
        status, out, err, post = s.send("/source", "agent-2")
        tap.equal((status, out), (0, "/source 'agent-2' 'agent' 600\n"), "/source by itself prints the answer")
        s.host.tell("counts")
        tap.check(" actions=1" in s.host.line("counts"), "one action in all")


def arguments(tap):
    cases = [
        (["/eq/a/low", "-26", "beat"], "eq deck=0 index=0 value=-26 timing=beat"),
        (["/eq/a/low", "-inf"], "eq deck=0 index=0 value=-inf"),
        (["/crossfader", "0.3333333333"], "value=0.333333333"),
        (["/crossfader", "1"], "value=1 "),
        (["/deck/b/beatjump", "-4"], "beatjump deck=1 index=0 value=-4"),
        (["/deck/b/beatjump", "-1e1", "+2.5b"], "value=-10 timing=+2.5b"),
        (["/deck/a/play", "12.25", "@33.0"], "value=12.25 timing=@33"),
        (["/deck/a/load", "128"], "text=" + os.path.join(os.getcwd(), "128") + " "),
        (["/lock/a", "7"], "lock deck=0"),
        (["/cancel", "42"], "target=42 "),
    ]
    with Session() as s:
        for words, wanted in cases:
            status, _, err, post = s.send(*words, fates=["executed none 1"])
            tap.check(status == 0 and wanted in post, " ".join(words), (status, err, post))


def answers(tap):
    with Session() as s:
        tap.equal(s.send("/query", "/crossfader")[:2], (0, "/crossfader 0.5\n"), "a query")
        out = s.send("/query", "/deck/*/volume")[1]
        tap.equal(out, "/deck/a/volume 0.75\n/deck/b/volume 0\n", "a query with a pattern")
        status, out = s.send("--json", "/query", "/deck/b/state")[:2]
        answer = json.loads(out)
        tap.check(status == 0 and answer["address"] == "/deck/b/state" and answer["values"][0] == "empty",
                  "a query as JSON", out)
        status, out = s.send("/ping")[:2]
        tap.check(status == 0 and out.startswith("/pong 1 "), "a ping", out)
        status, out, err, _ = s.send("/deck/a/explode")
        tap.check(status == 2 and out == "" and "/deck/a/explode" in err, "an unknown address: 2", err)
        status, out, err, _ = s.send("/crossfader", "nan")
        tap.check(status == 2 and err, "NaN: 2", err)
        status, out, err, _ = s.send("/deck/*/play")
        tap.check(status == 2 and err, "a pattern: 2", err)


def failures(tap):
    for words in ([], ["crossfader", "1"], ["--port", "0", "/ping"], ["--timeout", "-1", "/ping"], ["--what"]):
        done = subprocess.run([ECHELONCTL, "send", *words], capture_output=True, text=True, timeout=30)
        tap.check(done.returncode == 2 and done.stderr.startswith("echelonctl send: "),
                  "wrong arguments: 2, and a sentence (%s)" % " ".join(words), done.stderr)
    done = subprocess.run([ECHELONCTL, "send", "--help"], capture_output=True, text=True, timeout=30)
    tap.check(done.returncode == 0 and "Exit status" in done.stdout, "--help")

    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    port = str(silent.getsockname()[1])
    done = subprocess.run([ECHELONCTL, "send", "--port", port, "--timeout", "0.2", "/ping"],
                          capture_output=True, text=True, timeout=30)
    tap.check(done.returncode == 3 and "no answer" in done.stderr, "nobody answers: 3", done.stderr)
    silent.close()
    done = subprocess.run([ECHELONCTL, "send", "--port", port, "--timeout", "600", "/ping"],
                          capture_output=True, text=True, timeout=30)
    tap.check(done.returncode == 3 and "no answer" in done.stderr, "nobody listens: 3, at once", done.stderr)

    with Session() as s:
        child = s.begin("--timeout", "1", "/deck/a/play", "16bar")
        s.host.line("post")
        s.host.tell("event queued none 64")
        tap.check(child.stdout.readline().startswith("queued"), "queued is told at once")
        s.host.end()
        out, err = child.communicate(timeout=30)
        tap.check(child.returncode == 3 and "no longer" in err, "Echelon ends under way: 3", err)


if __name__ == "__main__":
    Tap().run(fates, names, arguments, languages, answers, failures)
