#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strings for people are marked and in po/echelon.pot; translations are sound."""

import importlib.machinery
import importlib.util
import subprocess
import sys

from tree import ROOT
from tap import Tap

PO = ROOT / 'po'


def load_update():
    """po/update as a module (it has no .py name: people run it)."""
    loader = importlib.machinery.SourceFileLoader('po_update', str(PO / 'update'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('po_update', loader))
    loader.exec_module(module)
    return module


def main():
    tap = Tap()
    po = load_update()
    tap.none(po.faults(), 'POTFILES.in and echelon.pot match the sources (else run po/update)')

    pot = (PO / 'echelon.pot').read_text()
    tap.ok(len(po.messages(pot)) >= 10, 'the POT has messages')
    without = pot.replace('msgid "Echelon"', 'msgid "Echolon"')
    tap.ok(po.messages(without) != po.messages(pot), 'a changed message is noticed')

    for language in po.languages():
        done = subprocess.run(['msgfmt', '--check', '--statistics', '--output-file=/dev/null',
                               str(PO / f'{language}.po')], capture_output=True, text=True)
        tap.ok(done.returncode == 0, f'{language}.po is sound', done.stderr)
        tap.note(f'{language}: {done.stderr.strip()}')
        theirs = po.messages((PO / f'{language}.po').read_text())
        tap.none(sorted(po.messages(pot) - theirs), f'{language}.po has every message')
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
