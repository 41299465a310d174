#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation points at is there: links, files, addresses of OSC."""

import re
import sys

from tree import ROOT, files, name_of
from tap import Tap

LINK = re.compile(r'\[[^\]]*\]\(([^)\s]+)\)')
TICKED = re.compile(r'`([^`\n]+)`')
TOPS = ('app/', 'engine/', 'drivers/', 'ui/', 'data/', 'po/', 'tests/', 'flatpak/', 'docs/')
ADDRESS = re.compile(r'(?:^|\s)(/(?:deck|eq|filter|crossfader|limiter|tempo|lock|unlock)[\w/]*)', re.MULTILINE)
# Named as what is to come.
LATER = ('engine/library',)


def expand(name):
    """engine/engine.{c,h} and scheduler/{a,b}.h are several names."""
    group = re.search(r'\{([^}]*)\}', name)
    if not group:
        return [name]
    return [name[:group.start()] + part + name[group.end():] for part in group.group(1).split(',')]


def broken_links(path, text):
    faults = []
    for target in LINK.findall(text):
        if re.match(r'[a-z]+:', target) or target.startswith('#'):
            continue
        if not (path.parent / target.split('#')[0]).exists():
            faults.append(f'{name_of(path)}: no {target}')
    return faults


def exists(name):
    """A file, a folder, or a pair of .c and .h by their common name."""
    path = ROOT / name
    return path.exists() or (path.parent.is_dir() and any(path.parent.glob(path.name + '.*')))


def absent_files(path, text):
    faults = []
    for ticked in TICKED.findall(text):
        for name in expand(ticked) if ticked.startswith(TOPS) and ' ' not in ticked else []:
            name = name.rstrip('/')
            if not name.startswith(LATER) and '*' not in name and not exists(name):
                faults.append(f'{name_of(path)}: no {name}')
    return faults


def unknown_addresses(path, text):
    """Addresses in examples that the vocabulary's table does not have."""
    table = (ROOT / 'engine/scheduler/vocabulary.c').read_text()
    known = set(re.findall(r'W \("(/[^"]+)"', table))
    faults = []
    for block in re.findall(r'```.*?```', text, re.DOTALL):
        for address in ADDRESS.findall(block):
            general = re.sub(r'/(deck|eq|filter|lock|unlock)/[a-d]\b', r'/\1/x', address)
            general = re.sub(r'/hotcue/[1-8]\b', '/hotcue/N', general)
            if general not in known:
                faults.append(f'{name_of(path)}: {address} is no address')
    return faults


def main():
    tap = Tap()
    pages = [p for p in files() if p.suffix == '.md']
    tap.ok(ROOT / 'README.md' in pages and len(pages) > 5, 'there are pages to look at')
    for title, look in (('every link leads somewhere', broken_links),
                        ('every file that is named exists', absent_files),
                        ('every address in an example is in the table', unknown_addresses)):
        tap.none([fault for p in pages for fault in look(p, p.read_text())], title)

    page = ROOT / 'README.md'
    tap.ok(broken_links(page, '[x](no-such-page.md)'), 'a broken link is noticed')
    tap.ok(absent_files(page, '`engine/no-such.{c,h}`'), 'an absent file is noticed')
    tap.ok(unknown_addresses(page, '```\n0 /deck/a/fly 1\n```'), 'an unknown address is noticed')

    opening = page.read_text().split('```', 2)[1]
    tap.ok('./run' in opening and './check' in opening, 'the README opens with the two commands')
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
