#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""symbols.py LIBRARY: what engine/rt asks of the outside is on the list below.

An allow-list, so that what nobody thought of fails too: no heap, lock, log, file,
thread or GLib call can come into the audio thread's library unseen.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import tree  # noqa: F401  (finds tests/support)
from tap import Tap

MEMORY = 'memcpy memmove memset memcmp strlen strnlen strncpy strncmp'.split()
MATHS = ('sin cos tan asin acos atan atan2 sinh cosh tanh exp exp2 exp10 expm1 log log2 log10 log1p '
         'pow sqrt cbrt hypot floor ceil round trunc rint nearbyint lrint llrint lround llround fmod '
         'remainder modf ldexp frexp scalbn scalbln fabs copysign fmin fmax fma nextafter sincos '
         'logb ilogb fdim erf').split()
ALLOWED = set(MEMORY) | set(MATHS) | {name + 'f' for name in MATHS} | {
    'call_once',             # tables that set-up code builds
    '__assert_fail',         # only where NDEBUG is not set, and then the program ends
    '__stack_chk_fail', '_GLOBAL_OFFSET_TABLE_',
    # The stretcher's library.  What new and delete do is set-up; that the rest neither allocates
    # nor locks is the purity test's to show.
    *('rubberband_' + name for name in
      'new delete reset process retrieve available set_time_ratio set_max_process_size '
      'set_debug_level get_start_delay get_samples_required'.split()),
}
# What compilers put in by themselves: fortified copies, soft helpers, sanitizers, coverage.
COMPILERS = re.compile(r'__(mem|str)\w+_chk$|__(sqrt|exp|log|pow|fmod|lgamma)\w*_finite$|'
                       r'__(asan|ubsan|tsan|rtsan|sanitizer|gcov)_\w+$|__gcov\w*$|__udivti3$|'
                       r'__(u?mod|div)ti3$|__signbitf?$|__isnanf?$|__isinff?$|__fpclassifyf?$')


def undefined(library):
    """Symbols that the library uses and does not define, with the object that asks."""
    out = subprocess.run(['nm', '--format=posix', '--print-file-name', str(library)],
                         capture_output=True, text=True, check=True).stdout
    wanted, defined = {}, set()
    for line in out.splitlines():
        where, _, rest = line.partition(': ')
        fields = rest.split()
        if len(fields) < 2:
            continue
        if fields[1] in 'Uwv':
            wanted.setdefault(fields[0], set()).add(where.rsplit('[', 1)[-1].rstrip(']'))
        else:
            defined.add(fields[0])
    return {name: sorted(objects) for name, objects in wanted.items() if name not in defined}


def forbidden(symbols):
    return [f'{name}, wanted by {", ".join(objects)}' for name, objects in sorted(symbols.items())
            if name not in ALLOWED and not COMPILERS.match(name)]


def check_the_checker(tap):
    """A library that does what is forbidden, and one that does not."""
    bad = ('#include <stdlib.h>\n#include <stdio.h>\n#include <pthread.h>\n'
           'extern void g_free (void *);\npthread_mutex_t m;\n'
           'void f (void) { g_free (malloc (atoi ("8"))); printf ("%d", 1); pthread_mutex_lock (&m); }')
    good = '#include <math.h>\n#include <string.h>\nfloat g (float x) { return sinf (x); }'
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for name, source in (('bad', bad), ('good', good)):
            base = Path(folder) / name
            subprocess.run(['cc', '-x', 'c', '-c', '-o', f'{base}.o', '-'], input=source, text=True,
                           check=True)
            subprocess.run(['ar', 'rc', f'{base}.a', f'{base}.o'], check=True)
            found[name] = ' '.join(forbidden(undefined(f'{base}.a')))
    for name in ('malloc', 'g_free', 'printf', 'pthread_mutex_lock'):
        tap.ok(f'{name},' in found['bad'], f'{name} would be noticed')
    tap.equal(found['good'], '', 'sinf passes')


def main():
    tap = Tap()
    check_the_checker(tap)
    symbols = undefined(sys.argv[1])
    tap.ok(any(name in symbols for name in ('memset', 'memcpy')), 'the library was read')
    tap.none(forbidden(symbols), 'engine/rt uses memory copies and maths, nothing else')
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
