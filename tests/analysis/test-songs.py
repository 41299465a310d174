#!/usr/bin/python3
"""Music of known tempo that others made, analysed by the program itself.

Hydrogen's demo songs are rendered here, each with the tempo that its project file
tells; Sonic Pi's loops are as long as their beats.  usage: test-songs.py ECHELONCTL

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

SONGS = Path('/usr/share/hydrogen/data/demo_songs')
LOOPS = Path('/usr/share/sonic-pi/samples')
# beats in the loop, and its tempo
LOOP_TEMPOS = {'loop_amen_full': 140.0, 'loop_breakbeat': 126.0, 'loop_compus': 148.0,
               'loop_mika': 120.0, 'loop_garzul': 120.0, 'loop_amen': 136.88}
RENDER_SECONDS = 120

results = []


def ok(passed, name, note=''):
    results.append(passed)
    print(f"{'ok' if passed else 'not ok'} {len(results)} - {name}{' # ' + note if note else ''}",
          flush=True)


def render_songs(folder):
    """Starts all renderings beside each other: each mostly waits.  h2cli says when it is
    done, and is not waited for after that, since it may hang on leaving."""
    started = []
    for song in sorted(SONGS.glob('*.h2song')):
        bpm = float(re.search(r'<bpm>([\d.]+)</bpm>', song.read_text(errors='replace')).group(1))
        out = folder / (song.stem + '.wav')
        log = open(folder / (song.stem + '.log'), 'w+b')
        process = subprocess.Popen(['timeout', str(RENDER_SECONDS), 'h2cli', '-s', str(song), '-d', 'auto',
                                    '-o', str(out)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        started.append((process, out, bpm))
    for process, _, _ in started:
        process.wait()
    return [(out, bpm) for _, out, bpm in started if out.exists() and out.stat().st_size > 500000]


def repeat_loops(folder):
    made = []
    for name, bpm in LOOP_TEMPOS.items():
        source, out = LOOPS / (name + '.flac'), folder / (name + '.wav')
        if not source.exists():
            continue
        subprocess.run(['sox', str(source), '-b', '16', str(out), 'repeat', '30'], check=True,
                       stderr=subprocess.DEVNULL)
        with wave.open(str(out)) as wav:
            seconds = wav.getnframes() / wav.getframerate() / 31
        # the loop's length is the truth: its beats are a whole number
        made.append((out, round(seconds * bpm / 60) * 60 / seconds))
    return made


def analyse(program, files):
    process = subprocess.run([program, 'analyze', '--json', *map(str, files)], capture_output=True,
                             text=True, timeout=240)
    found = [json.loads(line) for line in process.stdout.splitlines()]
    assert len(found) == len(files), process.stderr
    return found


def octave_error(found_bpm, bpm):
    """Off by how much, once folded into 88 .. 176 as our tempos are."""
    while bpm < 88:
        bpm *= 2
    while bpm >= 176:
        bpm /= 2
    return abs(found_bpm / bpm - 1)


def judge(kind, songs, found, least):
    exact = in_phase = 0
    for (path, bpm), result in zip(songs, found):
        good = result.get('bpm') and octave_error(result['bpm'], bpm) < 0.0005
        exact += bool(good)
        beat = 60 / result['bpm'] if good else 1
        phase = (result['first_beat'] + beat / 2) % beat - beat / 2 if good else 1
        in_phase += abs(phase) < 0.010
        print(f"# {path.stem}: {bpm:.3f} BPM, found {result.get('bpm')}, first beat {phase * 1000:.1f} ms off, "
              f"confidence {result.get('confidence')}")
    ok(exact >= least, f'{kind}: tempo within 0.05 % in {least} of {len(songs)}', f'{exact}')
    ok(in_phase >= least - 1, f'{kind}: first beat within 10 ms in {least - 1} of {len(songs)}', f'{in_phase}')


def main():
    program = sys.argv[1]
    folder = Path(tempfile.mkdtemp(prefix='echelon-songs-'))
    try:
        if shutil.which('h2cli') and SONGS.is_dir():
            songs = render_songs(folder)
            judge('Hydrogen', songs, analyse(program, [path for path, _ in songs]), len(songs))
        else:
            ok(True, 'Hydrogen', 'SKIP hydrogen-data is not installed')
        loops = repeat_loops(folder) if LOOPS.is_dir() and shutil.which('sox') else []
        if loops:
            judge('loops', loops, analyse(program, [path for path, _ in loops]), len(loops))
        else:
            ok(True, 'loops', 'SKIP sonic-pi-samples is not installed')
    finally:
        shutil.rmtree(folder)
    print(f'1..{len(results)}')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
