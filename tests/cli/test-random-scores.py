#!/usr/bin/python3
"""Random sets of all actions: the same bytes and the same journal at every block size.

usage: test-random-scores.py FIRST_SEED N_SEEDS

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import shutil
import sys
import tempfile

from randomsets import score
from soundlab import digest, read_wav, run, tap

FIRST, COUNT = int(sys.argv[1]), int(sys.argv[2])
BLOCKS = (32, 777, 4096)
FOLDER = tempfile.mkdtemp(prefix="echelon-random-")


def check(seed):
    path = os.path.join(FOLDER, "random.score")
    with open(path, "w", encoding="utf-8") as file:
        file.write(score(seed))
    results = set()
    for block in BLOCKS:
        out = os.path.join(FOLDER, "random.wav")
        run("render", path, "-o", out, "--rate", 44100, "--block", block, "--journal", out + ".jsonl")
        results.add((digest(out), digest(out + ".jsonl")))
    assert len(results) == 1, "the bytes of seed %d depend on the block size" % seed
    peak = abs(read_wav(os.path.join(FOLDER, "random.wav"))[0]).max()
    assert 0.001 < peak <= 1.0, (seed, peak)


def make(seed):
    def test():
        check(seed)
    test.__doc__ = "seed %d: the same at blocks of %s" % (seed, ", ".join(map(str, BLOCKS)))
    return test


try:
    tap([make(seed) for seed in range(FIRST, FIRST + COUNT)])
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
