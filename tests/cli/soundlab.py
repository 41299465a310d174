"""What the command line's tests share: sound files in and out, a TAP printer.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import hashlib
import json
import os
import struct
import subprocess
import sys
import traceback

import numpy as np


def echelonctl():
    return os.environ.get("ECHELONCTL", "echelonctl")


def write_wav(path, samples, rate):
    """samples: (frames, channels) float; written as 32-bit float WAV."""
    data = np.ascontiguousarray(samples, dtype="<f4").tobytes()
    channels = samples.shape[1]
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 3, channels,
                         rate, rate * channels * 4, channels * 4, 32, b"data", len(data))
    with open(path, "wb") as file:
        file.write(header + data)


def read_wav(path):
    """Returns (frames, channels) float64 and the rate, of a 32-bit float WAV."""
    with open(path, "rb") as file:
        blob = file.read()
    assert blob[:4] == b"RIFF" and blob[8:12] == b"WAVE", "not a WAV file"
    at, rate, channels = 12, None, None
    while at < len(blob):
        name, size = blob[at:at + 4], struct.unpack("<I", blob[at + 4:at + 8])[0]
        if name == b"fmt ":
            tag, channels, rate = struct.unpack("<HHI", blob[at + 8:at + 16])
            assert tag in (3, 0xFFFE), "not a float WAV"
        if name == b"data":
            return np.frombuffer(blob, "<f4", size // 4, at + 8).reshape(-1, channels).astype(float), rate
        at += 8 + size + (size & 1)
    raise AssertionError("no data chunk")


# The left channel of a coded track tells the track frame: frame / CODE.
CODE = float(1 << 22)


def coded_track(path, rate, seconds, bpm, amplitude=0.5):
    """Left: a slow ramp that is the frame's own number; right: a drum hit on each beat from frame 0."""
    n = int(seconds * rate)
    samples = np.zeros((n, 2))
    samples[:, 0] = (np.arange(n) + 1) / CODE
    t = np.arange(int(0.12 * rate)) / rate
    hit = amplitude * np.exp(-t * 40) * np.cos(2 * np.pi * (60 * t + 90 * np.exp(-t * 60) / 60))
    beat = 0
    while True:
        at = int(round(beat * 60 * rate / bpm))
        if at >= n:
            break
        end = min(n, at + len(hit))
        samples[at:end, 1] += hit[:end - at]
        beat += 1
    write_wav(path, samples, rate)
    return samples


def heard(sound, frame):
    """The track frame that a coded track sounds with at graph frame `frame`; None for silence."""
    value = sound[frame, 0]
    return None if value == 0 else value * CODE - 1


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


# Lines of a journal that tell no action's fate.
NO_FATES = ("start", "posted", "setting", "dropped", "end")


def read_journal(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def run(*args, check=True):
    done = subprocess.run([echelonctl(), *map(str, args)], capture_output=True, text=True, timeout=300)
    if check and done.returncode != 0:
        raise AssertionError("%s: exit %d\n%s" % (" ".join(map(str, args)), done.returncode, done.stderr))
    return done


def render(folder, score, rate=44100, block=1024, name="out", more=()):
    """Renders a score's text; returns the sound, the fates in the journal and the file's path."""
    path = os.path.join(folder, "%s-%d-%d.score" % (name, rate, block))
    out = path[:-5] + "wav"
    journal = path[:-5] + "jsonl"
    with open(path, "w", encoding="utf-8") as file:
        file.write(score)
    run("render", path, "-o", out, "--rate", rate, "--block", block, "--journal", journal, *more)
    sound, got = read_wav(out)
    assert got == rate
    return sound, [line for line in read_journal(journal) if line["fate"] not in NO_FATES], out


def tap(tests):
    """Runs functions, prints TAP, exits."""
    print("1..%d" % len(tests))
    failed = 0
    for number, test in enumerate(tests, 1):
        name = (test.__doc__ or test.__name__).strip().split("\n")[0]
        try:
            test()
            print("ok %d - %s" % (number, name), flush=True)
        except Exception:
            failed += 1
            print("not ok %d - %s" % (number, name), flush=True)
            for line in traceback.format_exc().splitlines():
                print("# " + line, flush=True)
    sys.exit(1 if failed else 0)
