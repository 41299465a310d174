#!/usr/bin/python3
"""A journal rendered again: the same bytes, the same fates, and a sentence for one that is damaged.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import shutil
import tempfile

from randomsets import TRACKS, score
from soundlab import coded_track, digest, read_journal, read_wav, run, tap

FOLDER = tempfile.mkdtemp(prefix="echelon-replay-")
BLOCKS = (32, 777, 4096)
RATE = 44100

SET = """
0     /tempo 128
0     /crossfader 0.0
0     /deck/a/load "{a}"
0     /deck/b/load "{b}"
0.2   /deck/a/play 0.0 bar id=first
3|1   /eq/a/low -26 beat
3|1.3 /deck/a/seek 10.0 ~beat
9.1b  /deck/b/play 2 1/2
10b   /crossfader 0.5 beat
12b   /eq/a/mid -inf
13.7b /deck/a/stop bar
20b   end
"""

# Changes of tempo before, on and behind other events, also on the same frame; no end.
TEMPI = """
0    /tempo 120
0    /deck/a/load "{a}"
0.1  /deck/a/sync 1
0.1  /deck/a/play bar
1    /tempo 90 @8
1    /tempo 150 @9.5
1.5  /deck/a/seek 7 +7.9b
8b   /deck/a/volume 0.5
9.5b /deck/a/beatjump 4 1/4
10b  /tempo 97.3 bar
11b  /deck/a/stop @13
12b  /tempo 140 16bar
"""

REFUSED = """
0  /crossfader 0
0  /deck/a/load "{a}"
0  /deck/a/play
1  /deck/a/load "{b}"
1  /deck/a/eject id=out
1  /deck/a/seek 5
1  /deck/b/play
1  /lock/b "no reason"
1  /deck/b/load "{b}"
1  /deck/c/load /no/such/file.wav
1  /deck/a/stop 4bar id=late
1  /deck/a/volume 0.2 id=late
1.5 /cancel late
1.6 /cancel late
2  end
"""


# A person insists on what the deck on air refused; the second one has no id of its own.
INSISTED = """
0    /crossfader 0
0    /deck/a/load "{a}"
0    /deck/a/play
1    /deck/a/seek 6 id=jump
1.25 /confirm jump id=yes
2    /deck/a/seek 3
2.5  /confirm "#6"
3    end
"""


def write(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def render(text, *more):
    path = write("set.score", text)
    out = os.path.join(FOLDER, "set.wav")
    run("render", path, "-o", out, "--rate", RATE, "--journal", out + ".jsonl", *more)
    return out, out + ".jsonl"


def check(text, *formats):
    out, journal = render(text, *formats)
    for block in BLOCKS:
        again = os.path.join(FOLDER, "again.wav")
        run("replay", journal, "-o", again, "--block", block, "--journal", again + ".jsonl", *formats)
        assert digest(again) == digest(out), "other bytes at blocks of %d" % block
        assert digest(again + ".jsonl") == digest(journal), "other fates at blocks of %d" % block
    return out, read_journal(journal)


def tracks():
    return {"a": TRACKS[0], "b": TRACKS[1]}


def test_set():
    """a set of starts, seeks, EQ and fades: the same bytes and fates at each block size"""
    out, journal = check(SET.format(**tracks()))
    assert abs(read_wav(out)[0]).max() > 0.01
    assert sum(line["fate"] == "executed" for line in journal) == 11, journal


def test_formats():
    """the same in 16 and 24 bits"""
    for form in ("pcm16", "pcm24"):
        check(SET.format(**tracks()), "--format", form)


def test_tempi():
    """changes of tempo between and upon other events, and an end by silence"""
    _, journal = check(TEMPI.format(**tracks()))
    assert journal[-1]["fate"] == "end" and journal[-1]["quiet"] is True
    assert sum(line["fate"] == "executed" and line["verb"] == "tempo" for line in journal) == 5, journal


def test_refused():
    """what was refused stays refused, and is told with its journal's line"""
    _, journal = check(REFUSED.format(**tracks()))
    refused = {line["serial"]: line["rule"] for line in journal if line["fate"] == "rejected"}
    assert sorted(refused.values()) == ["duplicate", "load", "locked", "no-track", "on-air", "on-air", "on-air", "unknown"], refused
    done = run("replay", os.path.join(FOLDER, "set.wav.jsonl"), "-o", os.path.join(FOLDER, "again.wav"))
    for number, line in enumerate(journal, 1):
        if line["fate"] == "posted":
            assert ("line %d: rejected" % number in done.stderr) == (line["serial"] in refused), (number, done.stderr)


def test_complete():
    """each action is there as it was posted, before its fates, with what a replay needs"""
    _, journal = render(SET.format(**tracks()))
    lines = read_journal(journal)
    posted = [line for line in lines if line["fate"] == "posted"]
    assert [line["serial"] for line in posted] == list(range(1, 12))
    first = {}
    for line in lines[1:-1]:
        first.setdefault(line["serial"], line["fate"])
    assert set(first.values()) == {"posted"}
    by_verb = {(line["verb"], line.get("band")): line for line in posted}
    play = next(line for line in posted if line.get("id") == "first")
    assert (play["frame"], play["timing"], play["beats"], play["way"]) == (0.2 * RATE, "grid", 4, "wait"), play
    assert (play["source"], play["class"], play["deck"], play["value"]) == ("score", "hand", "a", 0), play
    assert by_verb["eq", "mid"]["value"] == "-inf" and by_verb["seek", None]["way"] == "land"
    assert by_verb["eq", "mid"]["frame"] == 12 * 60 * RATE / 128
    assert os.path.isabs(by_verb["load", None]["path"]) and lines[0]["decks"] == 4


def test_paths():
    """a track beside the score is found from another folder, and one whose name is no UTF-8"""
    name = os.path.join(os.fsencode(FOLDER), b"\xe9t\xe9.wav")
    plain = os.path.join(FOLDER, "beside.wav")
    coded_track(plain, RATE, 4, 120)
    shutil.copy(plain, name)
    out, journal = render('0 /deck/a/load beside.wav\n0 /deck/a/play\n1 end\n')
    lines = read_journal(journal)
    for line in lines:
        if line["fate"] == "posted" and line["verb"] == "load":
            assert line.pop("path") == plain
            line["uri"] = "file://" + FOLDER + "/%E9t%E9.wav"
    other = write("uri.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    here = os.getcwd()
    os.chdir("/")
    try:
        for source in (journal, other):
            run("replay", source, "-o", out + ".again")
            assert digest(out + ".again") == digest(out), source
    finally:
        os.chdir(here)


def test_rate():
    """another rate keeps the seconds: the length is that of a render at it"""
    text = SET.format(**tracks())
    _, journal = render(text)
    out = os.path.join(FOLDER, "rate.wav")
    run("replay", journal, "-o", out, "--rate", 96000)
    sound, rate = read_wav(out)
    assert rate == 96000 and len(sound) == 20 * 60 * 96000 // 128, len(sound)


def test_parts():
    """a set in several files is one set; a file without its beginning, or with another set's, is refused"""
    out, journal = render(SET.format(**tracks()))
    lines = read_journal(journal)
    cut = len(lines) // 2
    head = dict(lines[0], part=2)
    parts = [write("%d.jsonl" % i, "".join(json.dumps(line) + "\n" for line in part))
             for i, part in enumerate((lines[:cut], [head] + lines[cut:]))]
    again = os.path.join(FOLDER, "parts.wav")
    run("replay", *parts, "-o", again)
    assert digest(again) == digest(out)
    os.remove(again)
    for wrong in (parts[1:], [journal, journal]):
        done = run("replay", *wrong, "-o", again, check=False)
        assert done.returncode == 2 and "line 1: " in done.stderr, done.stderr
        assert not os.path.exists(again)


def test_damage():
    """a line that cannot be read fails the replay with its number, and writes nothing"""
    _, journal = render(SET.format(**tracks()))
    with open(journal, encoding="utf-8") as file:
        lines = file.read().splitlines()
    at = next(i for i, line in enumerate(lines) if '"verb":"play"' in line and '"posted"' in line)
    good = lines[at]
    out = os.path.join(FOLDER, "damaged.wav")
    for bad in ("", "{", good[:40], good.replace('"verb":"play"', '"verb":"fly"'), good.replace('"deck":"a",', ""),
                good.replace('"frame":', '"frame":"x","f":'), good.replace('"serial":5', '"serial":4'),
                good.replace('"timing":"grid"', '"timing":"soon"'), good.replace('"beats":4.0', '"beats":null'),
                good + " {}", good + "\0", '{"fate":"executed","serial":99,"verb":"stop","deck":"a","beat":1,"frame":1}'):
        assert bad != good
        path = write("damaged.jsonl", "\n".join(lines[:at] + [bad] + lines[at + 1:]) + "\n")
        done = run("replay", path, "-o", out, check=False)
        assert done.returncode == 2, (bad, done)
        assert "damaged.jsonl, line %d: " % (at + 1) in done.stderr, (bad, done.stderr)
        assert not os.path.exists(out) and not os.path.exists(out + ".part"), bad
    for text in ("", "\n".join(lines[1:])):
        done = run("replay", write("damaged.jsonl", text), "-o", out, check=False)
        assert done.returncode == 2 and "damaged.jsonl" in done.stderr and not os.path.exists(out), done
    done = run("replay", os.path.join(FOLDER, "no-such.jsonl"), "-o", out, check=False)
    assert done.returncode == 2 and "no-such.jsonl" in done.stderr


def test_lost():
    """lines that were lost are told"""
    _, journal = render(SET.format(**tracks()))
    with open(journal, "a", encoding="utf-8") as file:
        file.write('{"fate":"dropped","count":17}\n')
    done = run("replay", journal, "-o", os.path.join(FOLDER, "lost.wav"))
    assert "17 lines were lost" in done.stderr, done.stderr


def test_insisted():
    """what was insisted on is replayed as what it became, of a render and of a live set"""
    out, journal = check(INSISTED.format(**tracks()))
    done = [(line["verb"], line["frame"]) for line in journal if line["fate"] == "executed"]
    assert [verb for verb, _ in done] == ["crossfader", "load", "play", "seek", "seek"], journal
    with open(out + ".jsonl", encoding="utf-8") as file:
        live = write("live.jsonl", file.read().replace('"virtual"', '"live"', 1))
    again = os.path.join(FOLDER, "live.wav")
    run("replay", live, "-o", again, "--rate", RATE, "--journal", again + ".jsonl")
    assert [(line["verb"], line["frame"]) for line in read_journal(again + ".jsonl")
            if line["fate"] == "executed"] == done
    assert digest(again) == digest(out)


def make(seed):
    def test():
        check(score(seed))
    test.__doc__ = "random set %d: the same bytes and fates" % seed
    return test


try:
    tap([test_set, test_formats, test_tempi, test_refused, test_complete, test_paths, test_rate, test_parts, test_damage,
         test_lost, test_insisted] + [make(seed) for seed in range(500, 504)])
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
