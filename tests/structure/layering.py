#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every #include in the tree against the table of layers (docs/architecture.md)."""

import json
import re
import sys

from tree import ROOT, code_files, name_of
from tap import Tap

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)

STANDARD_C = ('assert', 'complex', 'ctype', 'errno', 'fenv', 'float', 'inttypes', 'limits', 'math',
              'stdalign', 'stdarg', 'stdatomic', 'stdbool', 'stddef', 'stdint', 'stdlib', 'string',
              'time')
# The audio thread's: no <stdlib.h> (heap), no <stdio.h>, no <pthread.h>.  <threads.h> is
# there for call_once(): tables that set-up code builds; symbols.py sees to it that no
# mutex comes in with it.
RT_C = tuple(f'{name}.h' for name in STANDARD_C if name not in ('stdlib', 'time')) + (
    'threads.h', 'xmmintrin.h', 'emmintrin.h', 'pmmintrin.h', 'immintrin.h', 'arm_neon.h')
PLAIN_C = tuple(f'{name}.h' for name in STANDARD_C)

TYPES = 'engine/types.h'
CLOCK = 'engine/clock-source.h'
RT_PUBLIC = ('engine/rt/ring.h', 'engine/rt/command.h', 'engine/rt/telemetry.h', 'engine/rt/clock.h',
             'engine/rt/pcm.h', 'engine/rt/exchange.h', 'engine/rt/crossfader.h')
VOCABULARY = ('engine/scheduler/action.h', 'engine/scheduler/state.h',
              'engine/scheduler/scheduler-telemetry.h',
              'engine/scheduler/vocabulary.h')
SDK = VOCABULARY + ('drivers/sdk/', TYPES, CLOCK)

# What is pure of MIDI, and its ports without PipeWire's names: learning is the program's too.
MIDI = tuple(f'drivers/midi/midi-{name}.h' for name in ('learn', 'mapping', 'message', 'names', 'ports'))

NO_GRAPHICS = r'gtk/|adwaita|gdk/|gsk/|pango|graphene'
NO_SOUND_SERVER = r'pipewire/|spa/|lo/'

# Longest prefix wins.  ours: what it may include of the tree (a name, or a folder with "/");
# system: the only system headers (None: any), not_system: those it may not.
LAYERS = [
    ('engine/rt/stretch.c', dict(ours=('engine/rt/', TYPES), system=RT_C + ('rubberband/rubberband-c.h',))),
    ('engine/types.h', dict(ours=(), system=PLAIN_C)),
    (CLOCK, dict(ours=(TYPES,), system=PLAIN_C)),
    ('engine/rt/', dict(ours=('engine/rt/', TYPES, CLOCK), system=RT_C)),
    ('engine/scheduler/action.h', dict(ours=SDK, system=PLAIN_C)),
    ('engine/scheduler/state.h', dict(ours=SDK, system=PLAIN_C)),
    ('engine/scheduler/scheduler-telemetry.h', dict(ours=SDK, system=PLAIN_C)),
    ('engine/scheduler/vocabulary.h', dict(ours=SDK, system=PLAIN_C)),
    ('engine/scheduler/', dict(ours=('engine/scheduler/', TYPES, CLOCK) + RT_PUBLIC,
                               not_system=f'{NO_GRAPHICS}|{NO_SOUND_SERVER}|gio/')),
    ('engine/media/', dict(ours=('engine/media/', TYPES, 'engine/rt/pcm.h'),
                           not_system=f'{NO_GRAPHICS}|{NO_SOUND_SERVER}')),
    ('engine/analysis/', dict(ours=('engine/analysis/', 'engine/media/', TYPES, 'engine/rt/pcm.h'),
                              not_system=f'{NO_GRAPHICS}|{NO_SOUND_SERVER}')),
    ('engine/library/', dict(ours=('engine/library/', 'engine/analysis/', 'engine/media/', TYPES,
                                   'engine/rt/pcm.h'),
                             not_system=f'{NO_GRAPHICS}|{NO_SOUND_SERVER}')),
    ('engine/graph/', dict(ours=('engine/graph/', 'engine/rt/', TYPES),
                           not_system=f'{NO_GRAPHICS}|lo/')),  # GIO: its error domain
    ('engine/', dict(ours=('engine/',), not_system=f'{NO_GRAPHICS}|lo/')),
    ('drivers/sdk/', dict(ours=SDK, system=PLAIN_C)),
    # The host keeps an event ring for each driver.
    ('drivers/host/', dict(ours=SDK + ('drivers/host/', 'engine/engine.h', 'engine/rt/ring.h'),
                           not_system=f'{NO_GRAPHICS}|{NO_SOUND_SERVER}')),
    # Each driver: the SDK, its own folder, its own library; never GLib of ours.
    ('drivers/', dict(ours=SDK, own_folder=True, not_system=f'{NO_GRAPHICS}|gmodule')),
    # The facade hands tracks out, so their header comes with it.
    ('ui/', dict(ours=('ui/', 'engine/engine.h', 'engine/media/track.h', 'engine/library/',
                       'engine/analysis/', TYPES) + VOCABULARY,
                 not_system=NO_SOUND_SERVER)),
    ('app/cli/', dict(ours=('app/cli/', 'engine/', 'drivers/host/', 'drivers/sdk/') + MIDI,
                      not_ours='engine/rt/', not_system=NO_GRAPHICS)),
    ('app/worker', dict(ours=('app/worker', 'engine/media/', 'engine/analysis/', TYPES,
                              'engine/rt/pcm.h'),
                        not_system=f'{NO_GRAPHICS}|{NO_SOUND_SERVER}')),
    ('app/', dict(ours=('app/', 'ui/', 'engine/', 'drivers/host/', 'drivers/sdk/') + MIDI,
                  not_ours='engine/rt/', not_system=NO_SOUND_SERVER)),
]

LIBRARIES = ('ech_rt', 'ech_scheduler', 'ech_media', 'ech_analysis', 'ech_graph', 'ech_engine',
             'ech_driver_host', 'ech_ui')


def layer_of(name):
    best = None
    for prefix, rules in LAYERS:
        if name.startswith(prefix) and (best is None or len(prefix) > len(best[0])):
            best = (prefix, rules)
    return best


def may_use_ours(name, header, rules):
    if 'not_ours' in rules and header.startswith(rules['not_ours']):
        return False
    allowed = rules['ours']
    if rules.get('own_folder'):
        allowed += (name.rsplit('/', 1)[0] + '/',)
    return any(header == a or (a[-1] != 'h' and header.startswith(a)) for a in allowed)


def fault(name, quote, header):
    """Why file @name may not include @header, or None."""
    prefix, rules = layer_of(name) or (None, None)
    if rules is None:
        return f'{name}: is in no layer'
    if quote == '"':
        if not may_use_ours(name, header, rules):
            return f'{name}: layer {prefix} may not include "{header}"'
    elif rules.get('system') is not None:
        if header not in rules['system']:
            return f'{name}: layer {prefix} may not include <{header}>'
    elif re.match(rules['not_system'], header):
        return f'{name}: layer {prefix} may not include <{header}>'
    return None


def check_the_checker(tap):
    """The table catches what it is there for."""
    wrong = [
        ('engine/rt/deck.c', '<', 'glib.h'),
        ('engine/rt/deck.c', '<', 'stdlib.h'),
        ('engine/rt/deck.c', '"', 'engine/scheduler/action.h'),
        ('engine/scheduler/safety.c', '"', 'engine/rt/mixer.h'),
        ('engine/scheduler/safety.c', '"', 'engine/media/track.h'),
        ('engine/scheduler/action.h', '<', 'glib.h'),
        ('engine/media/loader.c', '"', 'engine/analysis/analysis.h'),
        ('engine/graph/links.c', '"', 'engine/scheduler/action.h'),
        ('engine/engine.c', '<', 'gtk/gtk.h'),
        ('drivers/osc/osc.c', '"', 'engine/engine.h'),
        ('drivers/osc/osc.c', '"', 'drivers/host/driver-host.h'),
        ('ui/deck/deck-view.c', '"', 'drivers/sdk/echelon-driver.h'),
        ('ui/deck/deck-view.c', '"', 'engine/rt/cycle.h'),
        ('app/main.c', '"', 'engine/rt/cycle.h'),
        ('app/cli/render.c', '<', 'gtk/gtk.h'),
        ('misc/odd.c', '<', 'stdio.h'),
    ]
    right = [
        ('engine/rt/deck.c', '"', 'engine/rt/ring.h'),
        ('engine/scheduler/safety.c', '"', 'engine/rt/command.h'),
        ('engine/analysis/beats.cc', '"', 'engine/media/track.h'),
        ('drivers/osc/osc.c', '<', 'lo/lo.h'),
        ('drivers/osc/osc.c', '"', 'drivers/osc/osc-private.h'),
        ('ui/deck/deck-view.c', '"', 'engine/engine.h'),
        ('app/main.c', '"', 'drivers/host/driver-host.h'),
    ]
    tap.none([c for c in wrong if not fault(*c)], 'the table refuses what it must')
    tap.none([fault(*c) for c in right if fault(*c)], 'the table lets pass what it must')


def main():
    tap = Tap()
    check_the_checker(tap)

    sources = [p for p in code_files('engine', 'drivers', 'ui', 'app') if 'data' not in p.parts]
    tap.ok(len(sources) > 10, 'there are sources to look at')
    faults, unrooted = [], []
    for path in sources:
        name = name_of(path)
        for quote, header in INCLUDE.findall(path.read_text()):
            found = fault(name, quote, header)
            if found:
                faults.append(found)
            elif quote == '"' and not header.endswith('-resources.h') and not (ROOT / header).is_file():
                unrooted.append(f'{name}: no file "{header}" from the root')
    tap.none(faults, 'no include goes against the layers')
    tap.none(unrooted, 'every quoted include is the path of a file from the root')

    if len(sys.argv) > 1:
        with open(sys.argv[1] + '/meson-info/intro-targets.json', encoding='utf-8') as info:
            targets = {t['name']: t['type'] for t in json.load(info)}
        for library in LIBRARIES:
            tap.equal(targets.get(library), 'static library', f'{library} is a static library')
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
