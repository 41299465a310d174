#!/usr/bin/python3
"""Instructions a cycle, counted by callgrind: the same on every machine with the same binary.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

BENCH = os.environ["BENCH_CYCLE"]


def instructions(decks, block, cycles):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=" + os.path.join(folder, "out"),
                               "--collect-atstart=no", "--toggle-collect=run", BENCH, str(decks), str(block), str(cycles)],
                              capture_output=True, text=True, timeout=600, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


if shutil.which("valgrind") is None:
    print("valgrind is not installed: nothing is counted")
    sys.exit(77)
print("%5s %6s %16s" % ("decks", "block", "instructions"))
for decks in (2, 4):
    for block in (64, 256):
        few, many = (instructions(decks, block, cycles) for cycles in (20, 60))
        print("%5d %6d %16d" % (decks, block, (many - few) / 40))
