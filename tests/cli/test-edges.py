#!/usr/bin/python3
"""The plan's edge cases through the whole engine, with the samples looked at.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import shutil
import tempfile

import numpy as np
from soundlab import coded_track, digest, heard, render, tap

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


def running_out(name, more):
    """A track of 16 s at 120 BPM plays alone, for 30 s; the same at any block size."""
    path = os.path.join(FOLDER, "short.wav")
    coded_track(path, RATE, 16, 120)
    score = '0 /tempo 120\n0 /crossfader 0\n0 /deck/a/load "%s"\n0 /deck/a/play 0 now\n30 end\n' % path
    sound, journal, out = render(FOLDER, score, RATE, 1024, name, more)
    assert digest(render(FOLDER, score, RATE, 333, name, more)[2]) == digest(out)
    return sound, [line for line in journal if line.get("source") == "guard"]


def test_emergency_loop():
    """the last deck on air loops its last eight beats before it runs out"""
    sound, guard = running_out("emergency", ("--as", "hand"))
    assert [(line["fate"], line["verb"], line["value"]) for line in guard] == [
        ("queued", "loop", 8), ("executed", "loop", 8)], guard
    begin, length = guard[-1]["frame"], 8 * BEAT
    assert begin + length <= 16 * RATE, "the loop ends before the track does"
    for frame in range(0, 30 * RATE, 499):
        wanted = frame if frame < begin else begin + (frame - begin) % length
        assert round(heard(sound, frame)) == wanted, (frame, heard(sound, frame), wanted)


def test_silence():
    """after a second of silence the deck that was heard last plays its last bars, looped"""
    policy = os.path.join(FOLDER, "policy.json")
    with open(policy, "w", encoding="utf-8") as file:
        json.dump({"version": 1, "guards": {"emergency_loop": {"on": False},
                                            "silence": {"action": "resume", "after": "1000 ms"}}}, file)
    sound, guard = running_out("silence", ("--as", "hand", "--policy", policy))
    assert [line["verb"] for line in guard] == ["none", "play", "loop"], guard
    begin = guard[1]["frame"]
    assert 17 * RATE <= begin <= 17.1 * RATE, begin
    assert not sound[16 * RATE:begin - RATE // 100].any(), "silence until then"
    first, length = 12 * RATE, 8 * BEAT
    for frame in range(begin + RATE // 10, 30 * RATE, 499):
        wanted = first + (frame - begin) % length
        assert abs(heard(sound, frame) - wanted) <= 1, (frame, heard(sound, frame), wanted)


try:
    tap([test_rapid, test_seek, test_crossfader_and_load, test_many_decks,
         test_emergency_loop, test_silence])
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
