#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests' own helpers do what they say: a helper that lies makes every test lie."""

import json
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
WITH_PIPEWIRE = str(SUPPORT / 'with-pipewire')
WITH_DISPLAY = str(SUPPORT / 'with-display')


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


def count(tests, status=0):
    with tempfile.TemporaryDirectory() as folder:
        lines = [json.dumps(dict({'name': 't', 'stdout': ''}, **test)) for test in tests]
        Path(folder, 'testlog.json').write_text('\n'.join(lines))
        done = run(str(SUPPORT / 'count-results'), folder, str(status))
    return done.stdout.splitlines()[-1], done.returncode


def check_count(tap):
    good = {'result': 'OK', 'stdout': 'ok 1 - a\nok 2 - b\n1..2\n'}
    cases = [
        ('each point of a TAP test counts', [good], 0, '2 passed, 0 failed'),
        ('a test without TAP counts once', [{'result': 'OK'}, good], 0, '3 passed, 0 failed'),
        ('a bad point', [{'result': 'FAIL', 'stdout': 'ok 1 - a\nnot ok 2 - b\n1..2\n'}], 1,
         '1 passed, 1 failed'),
        ('a crash after good points', [dict(good, result='ERROR')], 1, '2 passed, 1 failed'),
        ('a time-out without a word', [good, {'result': 'TIMEOUT'}], 1, '2 passed, 1 failed'),
        ('a skipped point is neither', [{'result': 'OK', 'stdout': 'ok 1 - a # SKIP no card\nok 2\n1..2\n'}],
         0, '1 passed, 0 failed'),
        ('a skipped test is neither', [good, {'result': 'SKIP'}], 0, '2 passed, 0 failed'),
        ('no test at all is no success', [], 0, '0 passed, 1 failed'),
        ('meson was stopped half-way', [good], 124, '2 passed, 1 failed'),
    ]
    for name, tests, status, line in cases:
        found, code = count(tests, status)
        tap.equal((found, code), (line, 0 if line.endswith(' 0 failed') else 1), f'count: {name}')


def is_gone(pid):
    """Dead or a zombie; waited for, as long as a second."""
    for _ in range(100):
        try:
            if Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] == 'Z':
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def check_pipewire(tap):
    done = run(WITH_PIPEWIRE, 'bash', '-c', 'echo $ECH_PIPEWIRE_PID $XDG_RUNTIME_DIR; pw-link -io; exit 7')
    pid, folder = done.stdout.splitlines()[0].split()
    tap.equal(done.returncode, 7, "with-pipewire ends with its command's status")
    tap.ok('null-sink:playback_FL' in done.stdout, 'there is a null sink')
    tap.ok(is_gone(pid) and not os.path.exists(folder), 'daemon and folder are gone afterwards')

    done = run(WITH_PIPEWIRE, '--nodrv', 'pw-cli', 'ls', 'Node')
    tap.equal((done.returncode, done.stdout.strip()), (0, ''), '--nodrv: not a single node')

    done = run(WITH_PIPEWIRE, '--rate', '96000', '--quantum', '64', 'pw-metadata', '-n', 'settings')
    tap.ok("'clock.rate' value:'96000'" in done.stdout and "'clock.quantum' value:'64'" in done.stdout,
           '--rate and --quantum reach the daemon')
    tap.equal(run(WITH_PIPEWIRE, 'cat', input='hello').stdout, 'hello', 'the command keeps its input')
    tap.equal(run(WITH_PIPEWIRE, '--rate', 'fast', 'true').returncode, 125, 'a bad option is 125')

    with subprocess.Popen([WITH_PIPEWIRE, 'bash', '-c', 'echo $ECH_PIPEWIRE_PID; exec sleep 60'],
                          stdout=subprocess.PIPE, text=True) as helper:
        pid = helper.stdout.readline().strip()
        helper.send_signal(signal.SIGTERM)
        code = helper.wait(timeout=20)
    tap.ok(code == 143 and is_gone(pid), 'SIGTERM ends the command and the daemon')

    with subprocess.Popen([WITH_PIPEWIRE, 'bash', '-c', 'echo $ECH_PIPEWIRE_PID; exec sleep 5'],
                          stdout=subprocess.PIPE, text=True) as helper:
        pid = helper.stdout.readline().strip()
        helper.kill()
    tap.ok(is_gone(pid), 'the daemon does not outlive a helper that was killed')


def check_display(tap):
    script = ('xdpyinfo | grep dimensions; echo bus=$DBUS_SESSION_BUS_ADDRESS home=$HOME; '
              'gsettings set org.gnome.desktop.interface clock-format 12h && echo set; exit 9')
    done = run(WITH_DISPLAY, '--size', '1000x700', 'bash', '-c', script)
    tap.equal(done.returncode, 9, "with-display ends with its command's status")
    tap.ok('1000x700 pixels' in done.stdout, 'the screen has the size that was asked for')
    tap.ok('bus=unix:' in done.stdout and 'set' in done.stdout, 'there is a session bus, and settings')
    home = re.search(r'home=(\S+)', done.stdout).group(1)
    tap.ok(home != os.environ.get('HOME') and not os.path.exists(home), 'its home was private, and is gone')
    done = run(WITH_PIPEWIRE, WITH_DISPLAY, 'bash', '-c', 'pw-link -i && xdpyinfo >/dev/null && echo both')
    tap.ok('null-sink:playback_FL' in done.stdout and 'both' in done.stdout, 'both helpers nest')
    tap.equal(run(WITH_DISPLAY, '--size', 'big', 'true').returncode, 125, 'a bad size is 125')


def main():
    tap = Tap()
    check_count(tap)
    check_pipewire(tap)
    check_display(tap)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
