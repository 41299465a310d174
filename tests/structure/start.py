#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""start.py BUILD: ./run as a person starts it, with and without a display and a sound server."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tree import ROOT
from tap import Tap

SUPPORT = ROOT / 'tests/support'
STRAY = ('DISPLAY', 'WAYLAND_DISPLAY', 'PIPEWIRE_RUNTIME_DIR', 'PIPEWIRE_REMOTE', 'XDG_RUNTIME_DIR',
         'DBUS_SESSION_BUS_ADDRESS')


def bare_environment(build, folder):
    """As on a machine where nobody is logged in: no display, no sound server, no runtime folder."""
    env = {key: value for key, value in os.environ.items() if key not in STRAY}
    return dict(env, ECHELON_BUILD=build, TMPDIR=folder, HOME=folder, LC_ALL='C.UTF-8')


def daemons_of(folder):
    """Processes whose environment names @folder: those that ./run started and left."""
    found = []
    for path in Path('/proc').glob('[0-9]*'):
        try:
            if f'PIPEWIRE_RUNTIME_DIR={folder}/'.encode() in (path / 'environ').read_bytes():
                found.append((path / 'comm').read_text().strip())
        except OSError:
            continue
    return found


def left_behind(folder):
    """What is still there, a moment after ./run has ended."""
    for _ in range(100):
        rest = daemons_of(folder) + [p.name for p in Path(folder).glob('echelon.*')]
        if not rest:
            return []
        time.sleep(0.02)
    return rest


def check_headless(tap, build):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([ROOT / 'run'], env=bare_environment(build, folder), cwd='/',
                              capture_output=True, text=True, timeout=120)
        said = done.stdout
        tap.ok('There is no sound server here' in said, './run says that there is no sound server')
        tap.ok('There is no display here' in said, './run says that there is no display')
        tap.ok(re.search(r'^(\d+) of \1 actions went as they should', said, re.MULTILINE) and
               done.returncode == 0, 'and plays the demo', said + done.stderr)
        tap.none(left_behind(folder), 'it leaves no daemon and no folder behind')


def check_end(tap, build):
    """Ended by a signal, as by Ctrl-C: the private daemon goes, too."""
    with tempfile.TemporaryDirectory() as folder:
        with subprocess.Popen([ROOT / 'run', '--headless'], env=bare_environment(build, folder), cwd='/',
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
            for line in program.stdout:
                if line.startswith('Deck B'):
                    break
            program.send_signal(signal.SIGTERM)
            code = program.wait(timeout=30)
        tap.equal(code, 143, 'SIGTERM ends ./run')
        tap.none(left_behind(folder), 'and its daemon with it')


def check_window(tap, build):
    """Under Xvfb, beside a sound server: the window opens, ./run starts no second server."""
    script = (r'"$0" >"$OUT" 2>&1 & pid=$!; for i in $(seq 300); do '
              r'xdotool search --onlyvisible --class echelon >/dev/null 2>&1 && echo window && break; '
              r'kill -0 $pid 2>/dev/null || break; sleep 0.1; done; '
              r'for i in $(seq 100); do pw-link -l | grep -q null-sink && echo linked && break; sleep 0.1; done; '
              r'kill $pid; wait $pid; echo status $?')
    with tempfile.TemporaryDirectory() as folder:
        env = dict(bare_environment(build, folder), OUT=f'{folder}/out')
        done = subprocess.run([SUPPORT / 'with-pipewire', SUPPORT / 'with-display', 'bash', '-c', script,
                               str(ROOT / 'run')], env=env, capture_output=True, text=True, timeout=120)
        said = Path(folder, 'out').read_text()
    tap.ok('window' in done.stdout, './run opens a window', said + done.stderr)
    tap.ok('linked' in done.stdout, 'its engine is linked to the sink', said)
    tap.ok('no sound server' not in said, 'and it takes the sound server that is there')
    tap.ok('status 143' in done.stdout, 'SIGTERM ends it', done.stdout)


def check_refusal(tap, build):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([ROOT / 'run', '/no/such/track.flac'], env=bare_environment(build, folder),
                              capture_output=True, text=True, timeout=60)
    tap.ok(done.returncode == 1 and '/no/such/track.flac' in done.stderr,
           'a track that is not there is refused by name', done.stderr)


def main():
    tap = Tap()
    build = str(Path(sys.argv[1]).resolve())
    check_refusal(tap, build)
    check_headless(tap, build)
    check_end(tap, build)
    check_window(tap, build)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
