#!/usr/bin/python3
"""Recordings of a render: exactly the frames between start and stop, at any block size.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import shutil
import tempfile

import numpy as np

from soundlab import coded_track, read_wav, render, run, tap

RATE = 44100
FOLDER = tempfile.mkdtemp(prefix="echelon-record-")
TRACK = os.path.join(FOLDER, "track.wav")

SCORE = """
0     /tempo 128
0     /crossfader 0.0
0     /deck/a/load "{track}"
0.2   /deck/a/play 0.0 bar
3.1b  /record 1 bar                 # beat 4, with the track's first frame
5b    /record 1                     # changes nothing
6.3b  /record 0 beat                # beat 7
8.25b /record 1
9b    /record 0
9b    /record 1                     # the next take begins where this one ends
10b   /record 0
14b   /record 1                     # to the end
16b   end
"""


def frame(beats):
    return int(np.floor(beats * 60 / 128 * RATE + 0.5))


def takes(folder):
    return [read_wav(os.path.join(folder, name))[0] for name in sorted(os.listdir(folder), key=number)]


def number(name):
    """ "... 19.25.43.wav" comes before "... 19.25.43 2.wav"."""
    words = name[:-4].split(" ")
    return words[1], words[2], int(words[3]) if len(words) > 3 else 1


def record(block):
    folder = os.path.join(FOLDER, "takes-%d" % block)
    sound, fates, _ = render(FOLDER, SCORE.format(track=TRACK), RATE, block, "record", ("--record-folder", folder))
    return sound, fates, folder


def test_frames():
    """a take is the master from its start to its stop, sample for sample, at blocks of 32 to 4096"""
    for block in (32, 777, 1024, 4096):
        sound, fates, folder = record(block)
        want = [(4, 7), (8.25, 9), (9, 10), (14, 16)]
        got = takes(folder)
        assert len(got) == len(want), os.listdir(folder)
        for take, (start, stop) in zip(got, want):
            assert len(take) == frame(stop) - frame(start), (block, start, len(take), frame(stop) - frame(start))
            assert np.array_equal(take, sound[frame(start):frame(stop)]), (block, start)
        assert got[0][0, 0] != 0 and got[0][:, 1].any(), "the first frame is the track's"
        done = [f for f in fates if f["verb"] == "record" and f["fate"] == "executed"]
        assert [f["frame"] for f in done] == [frame(b) for b in (4, 5, 7, 8.25, 9, 9, 10, 14)], done
        assert done[0]["text"].startswith("Records into " + folder), done[0]


def test_refused():
    """without a folder, or with one that cannot be written, it is refused and says why"""
    score = "0 /record 1\n0.1 /record 0\n0.2 end\n"
    _, fates, _ = render(FOLDER, score, name="nowhere")
    assert [(f["verb"], f["fate"], f.get("rule")) for f in fates] == [
        ("record", "rejected", "record"), ("record", "rejected", "record")], fates
    blocked = os.path.join(TRACK, "folder")
    _, fates, _ = render(FOLDER, score, name="blocked", more=("--record-folder", blocked))
    assert fates[0]["fate"] == "rejected" and fates[0]["rule"] == "record", fates
    assert "Nothing can be recorded into" in fates[0]["text"] and "directory" in fates[0]["text"], fates[0]


def test_unused():
    """a file that was made and never used does not stay"""
    folder = os.path.join(FOLDER, "unused")
    render(FOLDER, "0 /record 1 @100 id=r\n0.1 /cancel r\n0.2 end\n", name="unused", more=("--record-folder", folder))
    assert os.listdir(folder) == []


def test_words():
    """/record takes 0 or 1"""
    path = os.path.join(FOLDER, "two.score")
    with open(path, "w", encoding="utf-8") as file:
        file.write("0 /record 2\n")
    done = run("render", path, "-o", path + ".wav", check=False)
    assert done.returncode != 0 and "0 or 1" in done.stderr, done.stderr


coded_track(TRACK, RATE, 12, 128)
try:
    tap([test_frames, test_refused, test_unused, test_words])
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
