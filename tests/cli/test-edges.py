#!/usr/bin/python3
"""The plan's edge cases through the whole engine, with the samples looked at.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import shutil
import tempfile

import numpy as np
from soundlab import coded_track, heard, render, tap

RATE = 44100
BEAT = RATE // 2  # at 120 BPM
FOLDER = tempfile.mkdtemp()
TRACK = os.path.join(FOLDER, "coded.wav")
OTHER = os.path.join(FOLDER, "other.wav")
coded_track(TRACK, RATE, 30, 120)
coded_track(OTHER, RATE, 30, 120)
BEGIN = '0 /tempo 120\n0 /crossfader 0\n0 /deck/a/load "%s"\n' % TRACK


def fates(journal, fate):
    return [line for line in journal if line["fate"] == fate]


def test_rapid():
    """rapid play and stop: each is done in its order, and the deck goes on where it was"""
    lines = ["%.3f /deck/a/%s" % (0.5 + 0.02 * i, "stop" if i % 2 else "play") for i in range(50)]
    sound, journal, _ = render(FOLDER, BEGIN + "\n".join(lines) + "\n2 end\n")
    moves = [line["verb"] for line in fates(journal, "executed") if line["verb"] in ("play", "stop")]
    assert moves == ["play", "stop"] * 25, moves
    assert not fates(journal, "rejected"), journal
    # 25 spans of 20 ms of the track, one behind the other, never back
    track = [heard(sound, frame) for frame in range(int(0.5 * RATE), int(1.5 * RATE)) if heard(sound, frame)]
    assert max(track) <= 25 * 0.02 * RATE + 25 * 0.003 * RATE, max(track)
    assert max(track) >= 25 * 0.02 * RATE - 25, max(track)
    assert not sound[int(1.55 * RATE):].any(), "the deck still sounds"
    assert np.abs(np.diff(sound[:, 0])).max() < 0.02, "a click"


def test_seek():
    """a seek while it plays: on its very frame, from there frame by frame"""
    sound, journal, _ = render(FOLDER, BEGIN + "0 /deck/a/play\n1.1 /deck/a/seek 10 bar\n6 end\n")
    at = fates(journal, "executed")[-1]["frame"]
    assert at == 4 * BEAT, at
    for frame in range(at, at + RATE, 997):
        assert round(heard(sound, frame)) == 10 * RATE + frame - at, (frame, heard(sound, frame))


def test_crossfader_and_load():
    """the crossfader moves while the other deck is loaded and ejected: what plays goes on"""
    moves = "\n".join('%.2f /crossfader 0.4\n%.2f /deck/b/load "%s"\n%.2f /deck/b/eject\n%.2f /crossfader 0'
                      % (1 + 0.1 * i, 1 + 0.1 * i, OTHER, 1.05 + 0.1 * i, 1.05 + 0.1 * i) for i in range(10))
    sound, journal, _ = render(FOLDER, BEGIN + "0 /deck/a/play\n" + moves + "\n3 end\n")
    assert not fates(journal, "rejected"), fates(journal, "rejected")
    for frame in range(RATE // 2, 3 * RATE - 1, 499):
        there = frame / RATE * 10 % 1  # the crossfader rests at deck A's side, or at 0.4
        gain = 1 if there > 0.8 or frame > 2 * RATE else np.sin(0.6 * np.pi / 2) if 0.3 < there < 0.45 else None
        if gain and frame > RATE:
            assert abs(heard(sound, frame) + 1 - gain * (frame + 1)) < 2, (frame, heard(sound, frame))
    assert np.abs(np.diff(sound[:, 0])).max() < 0.02, "a click"


def test_many_decks():
    """four decks start, loop and stop on the same beats: each on the frame"""
    lines = ['0 /deck/%s/load "%s"\n0 /deck/%s/volume %g' % (deck, TRACK, deck, 0.25) for deck in "abcd"]
    lines += ["0.1 /deck/%s/play bar\n3|1 /deck/%s/seek 4 bar\n4|1 /deck/%s/stop bar" % (deck, deck, deck) for deck in "abcd"]
    sound, journal, _ = render(FOLDER, "0 /tempo 120\n0 /crossfader 0.5\n" + "\n".join(lines) + "\n9 end\n")
    frames = {}
    for line in fates(journal, "executed"):
        if line["verb"] in ("play", "seek", "stop"):
            frames.setdefault(line["verb"], []).append(line["frame"])
    assert frames == {"play": [4 * BEAT] * 4, "seek": [8 * BEAT] * 4, "stop": [12 * BEAT] * 4}, frames
    assert not sound[:4 * BEAT - 200].any() and sound[4 * BEAT + 10, 0] != 0
    # four times a quarter, at half power each side of the crossfader
    gain = 4 * 0.25 * np.sin(np.pi / 4)
    for frame in range(4 * BEAT, 8 * BEAT - 200, 1009):
        assert abs(heard(sound, frame) + 1 - gain * (frame - 4 * BEAT + 1)) < 2, (frame, heard(sound, frame))
    assert not sound[12 * BEAT + 500:].any()


try:
    tap([test_rapid, test_seek, test_crossfader_and_load, test_many_decks])
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
