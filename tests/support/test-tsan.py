#!/usr/bin/python3
"""ThreadSanitizer sees GLib's locks with tsan-glib.c preloaded, and is not made blind by it.

test-tsan.py PROBE LIBRARY

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import subprocess
import sys

from tap import Tap

PROBE, LIBRARY = sys.argv[1:3]
RACE = 66
PTHREADS = ("rec-mutex", "rw-lock")
ANNOTATED = ("mutex", "trylock", "cond", "cond-until", "queue", "queue-try", "queue-timeout", "once", "count",
             "source")


def run(way, preload):
    environment = dict(os.environ, LD_PRELOAD=preload, TSAN_OPTIONS="exitcode=66:halt_on_error=1")
    done = subprocess.run([PROBE, way], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout


tap = Tap()
status, text = run("nothing", LIBRARY)
tap.ok(status == RACE and "data race" in text, "a race is found, preloaded too", text)
for way in ANNOTATED + PTHREADS:
    status, text = run(way, LIBRARY)
    tap.ok(status == 0, f"{way} orders two threads", text)
for way in ANNOTATED:
    tap.equal(run(way, "")[0], RACE, f"{way}: not seen without the library")
for way in PTHREADS:
    status, text = run(way, "")
    tap.ok(status == 0, f"{way}: seen without it", text)
sys.exit(tap.done())
