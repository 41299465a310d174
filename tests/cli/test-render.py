#!/usr/bin/python3
"""Scores rendered offline: each onset on its computed frame, found in the samples.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import hashlib
import os
import shutil
import tempfile

import numpy as np

import soundlab
from soundlab import coded_track, heard, render, run

RATES = (44100, 48000, 96000)
BLOCKS = (32, 64, 256, 1000, 4096)
FOLDER = tempfile.mkdtemp(prefix="echelon-render-")
TRACKS = {}


def frame_of(seconds, rate):
    """The issue's rule: an onset belongs on frame round(due_seconds * rate)."""
    return int(np.floor(seconds * rate + 0.5))


def track(rate, bpm=120, seconds=24):
    key = (rate, bpm)
    if key not in TRACKS:
        path = os.path.join(FOLDER, "track-%d-%d.wav" % key)
        coded_track(path, rate, seconds, bpm)
        TRACKS[key] = path
    return TRACKS[key]


SCORE = """
# 128 BPM: a beat is 0.46875 s
0     /tempo 128
0     /crossfader 0.0
0     /deck/a/load "{track}"
0.2   /deck/a/play 0.0 bar          # heard from beat 4
5b    /deck/a/seek 10.0 bar         # on beat 8
8.3b  /deck/a/beatjump 4 1/2        # on beat 8.5
9.1b  /deck/a/stop beat             # on beat 10
10.5b /deck/a/play 3.0 @12.0
12.2b /deck/a/seek 1.5 beat         # on beat 13
4|1.2 /deck/a/stop @14.5            # bar 4 beat 1.2 = beat 12.2
16b   end
"""


def check_score(sound, rate):
    beat = 60.0 / 128

    def on(beats):
        return frame_of(beats * beat, rate)

    assert len(sound) == on(16), len(sound)
    # play: the track's first frame on beat 4, silence before
    assert not sound[:on(4)].any()
    assert heard(sound, on(4)) == 0.0
    assert heard(sound, on(4) + 1000) == 1000.0
    # seek on beat 8: from 10.0 s on, the old place until the ramp before it
    ramp = int(round(0.002 * rate))
    before = on(8) - ramp
    assert heard(sound, before) == before - on(4)
    assert heard(sound, on(8)) == 10.0 * rate
    assert heard(sound, on(8) + 100) == 10.0 * rate + 100
    assert heard(sound, on(8) - 1) != 10.0 * rate - 1
    # jump by four beats of the track (120 BPM: 2 s) on beat 8.5
    here = 10.0 * rate + (on(8.5) - on(8))
    # (24 bits of a float sample resolve some hundredths of a frame here)
    assert abs(heard(sound, on(8.5)) - (here + 2.0 * rate)) < 0.6, (heard(sound, on(8.5)), here)
    assert abs(heard(sound, on(8.5) - ramp) - (here - ramp)) < 0.1
    # stop: silent from beat 10 on, heard until the ramp
    assert sound[on(10) - 1, 0] != 0 and not sound[on(10):on(12) - ramp].any()
    # play again from 3.0 s on beat 12, seek on 13, stop on 14.5
    assert heard(sound, on(12)) == 3.0 * rate
    assert heard(sound, on(13)) == 1.5 * rate
    assert heard(sound, on(13) + 5000) == 1.5 * rate + 5000
    assert not sound[on(14.5):].any() and sound[on(14.5) - 1, 0] != 0


def test_onsets_at_all_blocks_and_rates():
    """plays, stops, seeks and jumps land on their frames: 3 rates, 5 block sizes, same bytes"""
    for rate in RATES:
        digests = set()
        for block in BLOCKS:
            sound, journal, path = render(FOLDER, SCORE.format(track=track(rate)), rate, block, "onsets")
            check_score(sound, rate)
            assert not [e for e in journal if e["fate"] == "rejected"], journal
            with open(path, "rb") as file:
                digests.add(hashlib.sha256(file.read()).hexdigest())
        assert len(digests) == 1, "the bytes depend on the block size at %d" % rate


def test_tempo_change_between_request_and_boundary():
    """the tempo changes between request and boundary: still the computed frame"""
    for rate in RATES:
        score = """
        0    /tempo 128
        0    /crossfader 0
        0    /deck/a/load "{track}"
        0.2  /deck/a/play bar
        1.0  /tempo 140
        1.5  /tempo 97.3
        8    end
        """.format(track=track(rate))
        beats = 1.0 * 128 / 60 + 0.5 * 140 / 60
        due = frame_of(1.5 + (4 - beats) * 60 / 97.3, rate)
        digests = set()
        for block in BLOCKS:
            sound, _, path = render(FOLDER, score, rate, block, "tempo")
            assert not sound[:due].any() and heard(sound, due) == 0.0, (rate, block)
            with open(path, "rb") as file:
                digests.add(hashlib.sha256(file.read()).hexdigest())
        assert len(digests) == 1


def test_synced_decks_beat_on_beat():
    """two synced decks of different tempo: beat on beat within one frame"""
    rate = 44100
    for bpm_a, bpm_b in ((120, 126), (124, 132)):
        score = """
        0    /tempo 128
        0    /deck/a/load "{a}"
        0    /deck/b/load "{b}"
        0    /deck/a/sync 1
        0    /deck/b/sync 1
        0.1  /deck/a/play beat
        0.1  /deck/b/play bar
        9    /tempo 125.5
        16   end
        """
        sounds = []
        for side in (0, 1):
            sound, journal, _ = render(FOLDER, "0 /crossfader %d\n" % side
                                       + score.format(a=track(rate, bpm_a), b=track(rate, bpm_b)), rate, 256, "sync")
            assert not [e for e in journal if e["fate"] == "rejected"], journal
            sounds.append(sound)
        for frame in range(int(3 * rate), int(15.9 * rate), 1777):
            beat_a = heard(sounds[0], frame) / (60 * rate / bpm_a)
            beat_b = heard(sounds[1], frame) / (60 * rate / bpm_b)
            off = abs((beat_a - beat_b + 0.5) % 1 - 0.5) * 60 * rate / 128
            assert off <= 1.0, (bpm_a, bpm_b, frame, off)


def test_bit_exact_at_defaults():
    """at defaults a track at the render's rate comes out bit-exact"""
    rate = 48000
    rng = np.random.default_rng(1)
    noise = (rng.uniform(-0.2, 0.2, (3 * rate, 2))).astype("<f4")
    path = os.path.join(FOLDER, "noise.wav")
    soundlab.write_wav(path, noise, rate)
    sound, _, _ = render(FOLDER, '0 /crossfader 1\n0 /deck/b/load "%s"\n0 /deck/b/play\n3 end\n' % path, rate)
    assert np.array_equal(sound.astype("<f4"), noise)


def test_other_rates_are_converted():
    """a track of another rate plays at its own speed"""
    for file_rate, rate in ((22050, 44100), (48000, 44100), (96000, 48000)):
        tone = np.zeros((2 * file_rate, 2))
        tone[:, 0] = tone[:, 1] = 0.25 * np.sin(2 * np.pi * 1000 * np.arange(2 * file_rate) / file_rate)
        path = os.path.join(FOLDER, "tone-%d.wav" % file_rate)
        soundlab.write_wav(path, tone, file_rate)
        sound, _, _ = render(FOLDER, '0 /crossfader 0\n0 /deck/a/load "%s"\n0 /deck/a/play\n1.9 end\n' % path, rate)
        wanted = 0.25 * np.sin(2 * np.pi * 1000 * np.arange(len(sound)) / rate)
        error = np.abs(sound[2000:-2000, 0] - wanted[2000:-2000]).max()
        assert 20 * np.log10(error / 0.25) < -80, (file_rate, rate, error)


def test_refusals_do_not_fail_the_render():
    """a refused action is in the journal and on stderr, and the render goes on"""
    rate = 44100
    path = os.path.join(FOLDER, "refused.score")
    with open(path, "w", encoding="utf-8") as file:
        file.write('0 /crossfader 0\n0 /deck/a/load "%s"\n0 /deck/a/play\n1 /deck/a/load "%s"\n1 /deck/a/eject\n'
                   '1 /deck/a/seek 5\n1 /deck/b/play\n1 /deck/c/load /no/such/file.wav\n2 end\n'
                   % (track(rate), track(rate)))
    out = path[:-5] + "wav"
    done = run("render", path, "-o", out, "--rate", rate, "--journal", path + ".jsonl")
    sound, _ = soundlab.read_wav(out)
    assert heard(sound, rate * 2 - 1) == rate * 2 - 1, "the deck went on undisturbed"
    for line, rule in ((4, "on-air"), (5, "on-air"), (6, "on-air"), (7, "state"), (8, "load")):
        wanted = "line %d: rejected (" % line
        assert wanted in done.stderr, done.stderr
    assert done.stderr.count("on-air") == 3, done.stderr


def test_bad_lines_fail_before_anything_is_written():
    """a line that cannot be read fails the render with its number, and writes nothing"""
    for bad in ("x /deck/a/play", "1 /deck/a/plai", "1 /deck/a/seek", "1 /deck/a/seek far", "1 /crossfader nan",
                "1 /crossfader 2", "0|1 /deck/a/play", "-1 /deck/a/play", '1 /deck/a/load "open', "1", "1 end 2",
                "1 /deck/e/play", "1 /deck/a/play sometime"):
        path = os.path.join(FOLDER, "bad.score")
        out = os.path.join(FOLDER, "bad.wav")
        with open(path, "w", encoding="utf-8") as file:
            file.write("# a comment\n\n0 /tempo 128\n%s\n2 end\n" % bad)
        done = run("render", path, "-o", out, check=False)
        assert done.returncode != 0, bad
        assert "line 4" in done.stderr and done.stderr.count("\n") == 1, (bad, done.stderr)
        assert not os.path.exists(out) and not os.path.exists(out + ".part"), bad


def test_order_and_units():
    """lines of one time happen in their order; beats and bars follow the tempo; lines may be unsorted"""
    rate = 48000
    score = """
    2|1  /deck/a/play 2.0 now     # bar 2 beat 1 = beat 4
    0    /crossfader 0
    0    /tempo 60
    0    /tempo 120
    0    /deck/a/load "{track}"
    6b   end
    """.format(track=track(rate))
    sound, _, _ = render(FOLDER, score, rate, 256, "order")
    assert len(sound) == frame_of(6 * 0.5, rate)
    assert not sound[:frame_of(2.0, rate)].any()
    assert heard(sound, frame_of(2.0, rate) + 500) == 2.0 * rate + 500


def test_deadlines():
    """what cannot happen by its deadline expires, and nothing is heard; what can is heard on its beat"""
    rate = 44100
    score = """
    0    /tempo 120
    0    /crossfader 0
    0    /deck/a/load "{track}"
    0.1  /deck/a/play 1.0 bar until=3.5 id=late     # its beat is 4
    2b   /tempo 60                                  # later by the clock, the same by beats
    4.5b /deck/a/play 2.0 bar until=8 id=right
    10b  end
    """.format(track=track(rate))
    sound, journal, _ = render(FOLDER, score, rate, 777, "deadline")
    fates = {line["id"]: line["fate"] for line in journal if line.get("id")}
    assert fates == {"late": "expired", "right": "executed"}, journal
    due = frame_of(1.0 + 6.0, rate)
    assert not sound[:due - rate // 100].any(), "nothing before the second play, but its ramp"
    assert heard(sound, due + 500) == round(2.0 * rate) + 500


LOOPS = """
0      /tempo 128
0      /crossfader 0.0
0      /deck/a/load "{track}"
0      /deck/a/play 1.0
3.2b   /deck/a/loop 2 bar           # beat 4 to 6 of the session, by the track's own beats
4b     /deck/a/hotcue/8/set bar
{leave} /deck/a/loop 0
14.5b  /deck/a/hotcue/8/jump bar    # on beat 16
18b    end
"""


def test_loops_and_hotcues():
    """a loop on the bar: each pass, the way out and a hot cue on their frames, at 3 rates"""
    for rate in RATES:
        beat, own = 60.0 / 128 * rate, 60.0 / 120 * rate  # frames of a beat: session, track
        start = frame_of(4 * 60.0 / 128, rate)
        position = rate + start
        length = 2 * own
        assert length == int(length)
        digests = set()
        for block in BLOCKS:
            sound, journal, out = render(FOLDER, LOOPS.format(track=track(rate), leave="12b  "), rate, block, "loops")
            with open(out, "rb") as file:
                digests.add(hashlib.sha256(file.read()).hexdigest())
        assert len(digests) == 1, "the bytes depend on the block size at %d Hz" % rate
        left = frame_of(12 * 60.0 / 128, rate)
        ramp = int(round(0.002 * rate))
        wraps = 0
        for frame in range(start, left):
            into = int((frame - start) % length)
            wraps += into == 0 and frame > start
            if into <= length - ramp:
                assert heard(sound, frame) == position + into, (rate, frame)
        assert wraps == int((left - 1 - start) // length) and wraps >= 3
        out_of = position + int((left - start) % length)
        assert heard(sound, left + 500) == out_of + 500
        cue = frame_of(16 * 60.0 / 128, rate)
        assert heard(sound, cue - ramp - 1) == out_of + cue - ramp - 1 - left
        assert heard(sound, cue) == position and heard(sound, cue + 900) == position + 900
        wanted = [("loop", 4.0), ("hotcue-set", 4.0), ("loop", 12.0), ("hotcue-jump", 16.0)]
        got = [(line["verb"], round(line["beat"], 3)) for line in journal
               if line["fate"] == "executed" and ("loop" in line["verb"] or "hotcue" in line["verb"])]
        assert got == wanted, got
        assert [line["hotcue"] for line in journal if line["verb"] == "hotcue-jump"][0] == 8


def test_formats():
    """--format pcm16 and pcm24 write those"""
    score = os.path.join(FOLDER, "format.score")
    with open(score, "w", encoding="utf-8") as file:
        file.write("1 end\n")
    for name, bits in (("pcm16", 16), ("pcm24", 24)):
        out = os.path.join(FOLDER, name + ".wav")
        run("render", score, "-o", out, "--format", name)
        with open(out, "rb") as file:
            head = file.read(200)
        at = head.index(b"fmt ")
        assert int.from_bytes(head[at + 22:at + 24], "little") == bits


try:
    soundlab.tap([test_onsets_at_all_blocks_and_rates, test_tempo_change_between_request_and_boundary,
                  test_synced_decks_beat_on_beat, test_bit_exact_at_defaults, test_other_rates_are_converted,
                  test_refusals_do_not_fail_the_render, test_bad_lines_fail_before_anything_is_written,
                  test_order_and_units, test_deadlines, test_loops_and_hotcues, test_formats])
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
