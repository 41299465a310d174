#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every header compiles alone; those that a driver includes compile as C++ too."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tree import ROOT, code_files, name_of
from tap import Tap

PACKAGES = ['gtk4', 'libadwaita-1', 'libpipewire-0.3', 'liblo', 'json-glib-1.0', 'gmodule-2.0',
            'gio-unix-2.0', 'sndfile', 'libebur128', 'sqlite3']
DRIVERS_TOO = ['engine/types.h', 'engine/clock-source.h', 'engine/scheduler/action.h', 'engine/scheduler/state.h',
               'engine/scheduler/vocabulary.h', 'drivers/sdk/echelon-driver.h']


def flags():
    """Without a package that is not there: a header that wants it will say so."""
    found = []
    for package in PACKAGES:
        run = subprocess.run(['pkg-config', '--cflags', package], capture_output=True, text=True)
        found += run.stdout.split() if run.returncode == 0 else []
    # Link's C interface, where only our own is there; behind what the system has.
    return sorted(set(found)) + ['-idirafter', f'{ROOT}/drivers/link/shim']


def compile_alone(header, compiler, language, standard, cflags):
    # Twice: a guard that does not guard shows here.
    source = f'#include "{header}"\n#include "{header}"\nint ech_header_alone;\n'
    run = subprocess.run(
        [compiler, '-x', language, f'-std={standard}', '-fsyntax-only', '-Wall', '-Wextra', '-Werror',
         '-Wno-unused-parameter', '-Wno-missing-field-initializers', '-D_GNU_SOURCE',
         '-DG_LOG_DOMAIN="echelon"', '-DGETTEXT_PACKAGE="echelon"', f'-I{ROOT}', *cflags, '-'],
        input=source, capture_output=True, text=True, timeout=60)
    return run.stderr if run.returncode else ''


def main():
    tap = Tap()
    system = [flag.replace('-I', '-isystem', 1) if flag.startswith('-I') else flag
              for flag in flags()]
    headers = [name_of(p) for p in code_files('engine', 'drivers', 'ui', 'app') if p.suffix == '.h']
    jobs = [(h, 'cc', 'c', 'gnu11', system) for h in headers]
    jobs += [(h, 'c++', 'c++', 'c++17', []) for h in DRIVERS_TOO]
    jobs += [(h, 'cc', 'c', 'c11', []) for h in DRIVERS_TOO]
    clang = shutil.which('clang-22')
    if clang:
        jobs += [(h, clang, 'c', 'gnu11', system) for h in headers if h.startswith('engine/rt/')]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda job: compile_alone(*job), jobs))
    for (header, compiler, _, standard, _), errors in zip(jobs, results):
        how = f'{compiler.rsplit("/", 1)[-1]} {standard}'
        tap.ok(not errors, f'{header} compiles alone ({how})', errors)

    broken = compile_alone('engine/no-such-header.h', 'cc', 'c', 'gnu11', [])
    tap.ok('no-such-header' in broken, 'a header that is not there is noticed')
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
