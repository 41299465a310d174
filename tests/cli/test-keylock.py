#!/usr/bin/python3
"""Key lock in a render: pitch, place, crossing, jumps and loops, all found in the samples.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import shutil
import tempfile

import numpy as np

from soundlab import coded_track, digest, heard, render, tap, write_wav

RATE = 44100
BPM = 120
SPEEDS = (0.92, 1.06, 1.25)
FOLDER = tempfile.mkdtemp(prefix="echelon-keylock-")
MS = RATE / 1000.0
HOP = 560  # frames that the stretcher moves on by at once, at most
PLACE_MS = 0.2  # of what sounds on


def path(name):
    return os.path.join(FOLDER, name + ".wav")


def jitter_ms(speed):
    """The stretcher moves an attack as a whole with the hop it is in (docs/decisions/0014)."""
    return HOP * abs(1 - 1 / speed) / MS + .1


def hilbert(x):
    """The analytic signal: its magnitude is the envelope."""
    spectrum = np.fft.fft(x)
    spectrum[(len(x) + 1) // 2:] = 0
    spectrum[1:(len(x) + 1) // 2] *= 2
    return np.fft.ifft(spectrum)


def blackmanharris(size):
    angle = 2 * np.pi * np.arange(size) / (size - 1)
    return .35875 - .48829 * np.cos(angle) + .14128 * np.cos(2 * angle) - .01168 * np.cos(3 * angle)


def make_tracks():
    t = np.arange(RATE * 24) / RATE
    write_wav(path("tone"), np.stack([.25 * np.sin(2 * np.pi * 1000 * t), .25 * np.sin(2 * np.pi * 440 * t)], 1), RATE)
    swell = .2 * (1 + .8 * np.sin(2 * np.pi * 3 * t)) * np.sin(2 * np.pi * 2000 * t)
    write_wav(path("swell"), np.stack([swell, swell], 1), RATE)
    clicks = np.zeros((RATE * 24, 2))
    hit = .5 * np.hanning(33) * np.cos(2 * np.pi * 4000 * (np.arange(33) - 16) / RATE)
    for n in range(1, 47):
        clicks[n * RATE // 2 - 16:n * RATE // 2 + 17] += hit[:, None]
    write_wav(path("clicks"), clicks, RATE)
    coded_track(path("coded"), RATE, 24, BPM)


def play(track, speed, more, end, block=1024, name="x"):
    score = '0 /tempo 120\n0 /crossfader 0\n0 /deck/a/load "%s"\n0 /deck/a/tempo %s\n%s\n%s end\n' % (path(track), speed, more, end)
    return render(FOLDER, score, RATE, block, name)


def spectrum_peak(x, low, high):
    size = 8 * len(x)
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)), size))
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    band = (frequencies > low) & (frequencies < high)
    return frequencies[band][power[band].argmax()]


def test_pitch():
    """the pitch stays within 5 cents, the level within 0.1 dB"""
    for speed in SPEEDS:
        sound, _, _ = play("tone", speed, "0 /deck/a/keylock 1\n0 /deck/a/play 1", 4)
        x = sound[RATE:3 * RATE]
        for channel, pitch in ((0, 1000), (1, 440)):
            cents = 1200 * np.log2(spectrum_peak(x[:, channel], .6 * pitch, 1.6 * pitch) / pitch)
            assert abs(cents) < 5, (speed, pitch, cents)
            level = 20 * np.log10(np.sqrt(2 * np.mean(x[:, channel]**2)) / .25)
            assert abs(level) < .1, (speed, pitch, level)
        plain, _, _ = play("tone", speed, "0 /deck/a/play 1", 4)
        assert abs(spectrum_peak(plain[RATE:3 * RATE, 0], 600, 1600) - 1000 * speed) < 1, "without it the pitch goes along"


def delays_ms(sound, speed, position, start, end):
    """How late a swell of 3 Hz is that began at `position` on frame 0, in windows of one period."""
    envelope = np.abs(hilbert(sound))
    found = []
    for begin in np.arange(start, end, .25):
        t = np.arange(int(begin * RATE), int((begin + 1 / (3 * speed)) * RATE) + 1)
        phase = 2 * np.pi * 3 * (position + speed * t / RATE)
        fit = np.linalg.lstsq(np.stack([np.sin(phase), np.cos(phase), np.ones(len(t))], 1), envelope[t], rcond=None)[0]
        found.append(-np.arctan2(fit[1], fit[0]) / (2 * np.pi * 3 * speed) * 1000)
    return np.array(found)


def test_place():
    """the sound is where the deck's own clock says, also after the tempo was moved and bent"""
    for speed in SPEEDS:
        sound, _, _ = play("swell", speed, "0 /deck/a/keylock 1\n0 /deck/a/play 1", 9)
        late = delays_ms(sound[:, 0], speed, 1, .5, 8)
        assert np.abs(late).max() < PLACE_MS, (speed, late)
    moved, _, _ = play("swell", 1.25, "0 /deck/a/keylock 1\n0 /deck/a/play 1\n1 /deck/a/bend 0.08\n1.5 /deck/a/bend 0\n"
                       "2 /deck/a/tempo 0.92\n3 /deck/a/tempo 1.06", 7)
    here = 1 + 1.25 * 1 + 1.25 * 1.08 * .5 + 1.25 * .5 + .92 * 1
    late = delays_ms(moved[:, 0], 1.06, here - 1.06 * 3, 4.5, 6)
    assert np.abs(late).max() < PLACE_MS, late


def clicks_ms(sound, expected):
    """By how much the strongest moment near each expected frame is off."""
    envelope = np.abs(hilbert(sound))
    return np.array([np.argmax(envelope[c - 800:c + 800]) - 800 for c in np.round(expected).astype(int)]) / MS


def test_clicks():
    """each click within what a hop makes of the difference in speed; mono stays mono"""
    for speed in SPEEDS:
        sound, _, _ = play("clicks", speed, "0 /deck/a/keylock 1\n0 /deck/a/play 0.25", 15)
        n = np.arange(2, int(2 * (.25 + 14 * speed)))
        off = clicks_ms(sound[:, 0], (n / 2 - .25) / speed * RATE)
        print("# speed %.2f: clicks %+.3f ms, rms %.3f, max %.3f" % (speed, off.mean(), off.std(), np.abs(off).max()))
        assert np.abs(off).max() < jitter_ms(speed), (speed, off)
        assert np.array_equal(sound[:, 0], sound[:, 1]), speed


def splash_db(sound, low, high):
    """The loudest moment outside of the band, by the loudest inside."""
    size = 2048
    window = blackmanharris(size)
    frames = np.stack([sound[at:at + size] * window for at in range(0, len(sound) - size, 256)])
    power = np.abs(np.fft.rfft(frames, axis=1))
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    inside = (frequencies > low) & (frequencies < high)
    return 20 * np.log10(power[:, ~inside].max() / power[:, inside].max())


def test_no_click():
    """on and off under way: no splash over -60 dB; out of reach and back: no more than the change of speed itself"""
    sound, _, _ = play("tone", 1.06, "0 /deck/a/play 1\n1 /deck/a/keylock 1\n2 /deck/a/keylock 0\n2.5 /deck/a/keylock 1\n"
                       "2.52 /deck/a/keylock 0\n3 /deck/a/keylock 1\n3.1 /deck/a/keylock 0", 5, name="switched")
    db = splash_db(sound[RATE // 2:, 0], 250, 3500)
    print("# switched: %.1f dB" % db)
    assert db < -60, db
    moved = "0 /deck/a/play 1\n0.2 /deck/a/keylock %d\n1 /deck/a/tempo 1\n2 /deck/a/tempo 1.06\n3 /deck/a/tempo 2.1\n4 /deck/a/tempo 1.06"
    locked, plain = (splash_db(play("tone", 1.06, moved % on, 5, name="reach")[0][RATE // 2:, 0], 250, 3500) for on in (1, 0))
    print("# moved out of reach: %.1f dB, without key lock %.1f dB" % (locked, plain))
    assert locked < plain + .5, (locked, plain)


def test_exact():
    """at the recorded speed, and switched off, the track's own samples"""
    for more in ("0 /deck/a/keylock 1\n0 /deck/a/play 1", "0 /deck/a/play 1"):
        sound, _, _ = play("coded", 1.0, more, 3)
        assert heard(sound, 1000) == RATE + 1000 and heard(sound, 2 * RATE) == 3 * RATE
    sound, _, _ = play("coded", 1.06, "0 /deck/a/keylock 1\n0 /deck/a/play 1\n2 /deck/a/tempo 1", 4)
    here = RATE + 1.06 * 2 * RATE + np.arange(RATE)
    assert np.abs(sound[3 * RATE:, 0] * (1 << 22) - 1 - here[:len(sound) - 3 * RATE] - RATE).max() < .6


JUMPS = """0 /deck/a/keylock 1
0 /deck/a/play 2.25
3b /deck/a/seek 5 @4.6
5b /deck/a/seek 9.5 @6.13
7b /deck/a/stop @8
7b /deck/a/play 12 @9.3
10b /deck/a/hotcue/1/set
10.5b /deck/a/seek 3 @11
12b /deck/a/hotcue/1/jump @12.77"""


def test_jumps():
    """seeks, starts and hot cues on a beat: the click is on the due frame, and nothing of it is early"""
    for speed in SPEEDS:
        sound, fates, _ = play("clicks", speed, JUMPS, 8, name="jumps")
        assert not [f for f in fates if f["fate"] == "rejected"], fates
        due = np.array([4.6, 6.13, 9.3, 11]) * RATE / 2
        off = clicks_ms(sound[:, 0], due)
        print("# speed %.2f: %s ms" % (speed, off.round(3)))
        assert np.abs(off).max() < jitter_ms(speed), (speed, off)
        for frame in due:
            at = int(round(frame))
            assert np.abs(sound[at - 400:at - 100, 0]).max() < .05 * np.abs(sound[at - 30:at + 30, 0]).max(), (speed, frame)
        # the hot cue lies where the deck was: 12 s and what was played since
        since = (10 - 9.3) / 2 * speed
        nearest = np.ceil(2 * (12 + since)) / 2 - (12 + since)
        off = clicks_ms(sound[:, 0], np.array([12.77 * RATE / 2 + nearest / speed * RATE]))
        assert np.abs(off).max() < jitter_ms(speed), (speed, off)


def test_loops():
    """each pass of a loop on its frame, long ones and ones too short for a second stretcher"""
    for speed in SPEEDS:
        for beats, at in ((1, 4.0), (.5, 4.0), (.25, 4.0), (.125, 4.0), (.0625, 4.0)):
            # the deck is started so that it stands on a click of the track on beat 4
            start = 6 - 2 * speed
            sound, fates, _ = play("coded", speed, "0 /deck/a/keylock 1\n0 /deck/a/play %.9f\n3.5b /deck/a/loop %g @%g\n"
                                   % (start, beats, at), 5, name="loop")
            assert not [f for f in fates if f["fate"] == "rejected"], fates
            passes = at * RATE / 2 + np.arange(1, int(4 / beats)) * beats * .5 / speed * RATE
            passes = passes[passes < 4.5 * RATE]
            envelope = np.abs(np.diff(sound[:, 1]))
            off = np.array([np.argmax(envelope[c - 300:c + 300]) - 299 for c in np.round(passes).astype(int)]) / MS
            print("# speed %.2f, %g beats: %d passes, %+.3f ms, max %.3f" % (speed, beats, len(off), off.mean(), np.abs(off).max()))
            assert np.abs(off).max() < 2 * jitter_ms(speed), (speed, beats, off)


def test_blocks():
    """the same bytes at blocks of 32, 777 and 4096 frames, with all that moves"""
    more = JUMPS + ("\n13b /deck/a/keylock 0\n13.5b /deck/a/keylock 1\n14b /deck/a/loop 0.125 beat\n15.3b /deck/a/loop 0\n"
                    "15.5b /deck/a/loop 1\n15.9b /tempo 131\n16b /deck/a/tempo 0.97\n17b /deck/a/sync 1\n18b /deck/a/bend 0.03\n"
                    "19b /deck/a/beatjump 2 beat\n20b /deck/a/bend 0\n20.5b /deck/a/loop/move 1")
    seen = {digest(play("coded", 1.06, more, 12, block, "blocks")[2]) for block in (32, 777, 1024, 4096)}
    assert len(seen) == 1, seen


make_tracks()
try:
    tap([test_pitch, test_place, test_clicks, test_no_click, test_exact, test_jumps, test_loops, test_blocks])
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
