#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts are sound; the repository names no package hosts, and says whose licence holds."""

import re
import shutil
import subprocess
import sys

from tree import ROOT, code_files, files, name_of
from tap import Tap

# Put together here, else this file would be the first to be found.  The machine's own
# package configuration is what counts; who clones the repository has another.
HOSTS = re.compile('|'.join(re.escape(host) for host in (
    'deb' + '.debian.org', 'security' + '.debian.org', 'snapshot' + '.debian.org',
    'ftp' + '.debian.org', 'archive' + '.ubuntu.com', 'registry' + '.npmjs', 'pypi' + '.org',
    'files.python' + 'hosted.org', 'proxy' + '.golang.org', 'crates' + '.io')))
TEXT = {'.c', '.h', '.cc', '.py', '.md', '.txt', '.xml', '.yml', '.json', '.conf', '.ui', '.css',
        '.in', '.build', '.svg', '.sh', ''}


def is_script(path, shell):
    with path.open('rb') as file:
        first = file.readline(80)
    return first.startswith(b'#!') and shell in first


def lists():
    names = {}
    for path in sorted((ROOT / 'data/packages').glob('*.txt')):
        lines = [line.strip() for line in path.read_text().splitlines()]
        names[path.name] = [line.lstrip('?') for line in lines if line and line[0] != '#']
    return names


def main():
    tap = Tap()
    scripts = [p for p in files() if is_script(p, b'bash') or is_script(p, b'/sh')]
    tap.ok({ROOT / 'run', ROOT / 'check', ROOT / '.ci/run'} <= set(scripts), 'run, check, .ci/run are there')
    for path in scripts:
        done = subprocess.run(['bash', '-n', str(path)], capture_output=True, text=True)
        tap.ok(done.returncode == 0, f'{name_of(path)} has no syntax error', done.stderr)
        tap.ok(path.stat().st_mode & 0o111, f'{name_of(path)} is executable')
    if shutil.which('shellcheck'):
        done = subprocess.run(['shellcheck', *map(str, scripts)], capture_output=True, text=True)
        tap.ok(done.returncode == 0, 'shellcheck finds nothing', done.stdout)
    else:
        tap.skip('shellcheck is not installed')

    for name, packages in lists().items():
        odd = [p for p in packages if not re.fullmatch(r'[a-z0-9][a-z0-9.+-]+', p)]
        tap.none(odd, f'{name} holds package names only')
        tap.equal(sorted(packages), sorted(set(packages)), f'{name} names each package once')
    twice = set(lists()['run.txt']) & set(lists()['check.txt'])
    tap.none(sorted(twice), 'check.txt names nothing that run.txt has')

    for option in ('./run', './check'):
        done = subprocess.run([option, '--help'], cwd=ROOT, capture_output=True, text=True, timeout=20)
        tap.ok(done.returncode == 0 and done.stdout.startswith('Usage: '), f'{option} --help tells how')
        done = subprocess.run([option, '--no-such-option'], cwd=ROOT, capture_output=True, text=True,
                              timeout=20)
        tap.ok(done.returncode != 0 and '--no-such-option' in done.stderr,
               f'{option} refuses an option it does not know')

    tap.ok(HOSTS.search('deb http://deb' + '.debian.org/debian'), 'a package host would be found')
    named = [name_of(p) for p in files()
             if p.suffix in TEXT and HOSTS.search(p.read_text(errors='replace'))]
    tap.none(named, 'no file names a package host')

    silent = [name_of(p) for p in code_files() + [p for p in files() if p.suffix == '.py']
              if 'SPDX-License-Identifier: GPL-3.0-or-later' not in p.read_text()[:2000]]
    tap.none(silent, 'every source file says its licence')
    licence = (ROOT / 'LICENSE').read_text()
    tap.ok('GNU GENERAL PUBLIC LICENSE' in licence and 'Version 3, 29 June 2007' in licence,
           'LICENSE is the GPL, version 3')
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
