#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""session.py DEMO-FOLDER: after a crash the window asks, and brings the decks back when told to."""

import shutil
import sys
import tempfile
from pathlib import Path

from echelon_ui import Window, wait_for, walk
from tap import Tap

DEMO = Path(sys.argv[1])
POSITION = 'Position in the track, deck {}'
QUESTION = 'Echelon did not close properly'
PROBLEM = 'Not everything could be brought back'


def texts(window):
    return [node.name for node in walk(window.app) if node.name]


def asks(window, heading=QUESTION, seconds=20):
    return wait_for(lambda: heading in texts(window), seconds)


def answer(window, label):
    """Presses a button of a dialog as a screen reader does."""
    def press():
        dialogs = [node for node in walk(window.app) if node.getRoleName() == 'dialog']
        for node in walk(dialogs[0]):
            # libadwaita 1.2 tells the label twice
            if node.name in (label, f'{label} {label}') and node.getRoleName() == 'push button':
                return node.queryAction().doAction(0)
        return None
    return wait_for(press, 5)


def crash(window):
    window.process.kill()
    window.process.wait(10)


def check_first(tap, folder):
    tracks = [folder / name for name in ('harbour-lights.flac', 'night-ferry.flac')]
    window = Window(*tracks)
    tap.ok(wait_for(lambda: 'Harbour Lights' in window.names() and 'Night Ferry' in window.names(), 40), 'two tracks are on')
    tap.ok(not asks(window, seconds=1), 'after no crash nothing is asked')
    window.set_value('Crossfader', 0.25)
    window.set_value(POSITION.format('B'), 17.0)
    wait_for(lambda: abs(window.value(POSITION.format('B')) - 17.0) < 0.01)
    window.press('Play deck A')
    tap.ok(wait_for(lambda: window.find('Stop deck A'), 10), 'deck A plays')
    tap.ok(wait_for(lambda: window.value(POSITION.format('A')) > 3.0), 'for some seconds')
    position = window.value(POSITION.format('A'))
    crash(window)
    return position


def check_later(tap):
    window = Window()
    tap.ok(asks(window), 'the next start asks')
    window.keys('Escape', title='.*')
    tap.ok(wait_for(lambda: QUESTION not in texts(window)), 'Esc leaves the question open')
    tap.ok('Harbour Lights' not in window.names(), 'and the decks empty')
    tap.equal(window.stop(), 0, 'it ends cleanly')


def check_restore(tap, position):
    window = Window()
    tap.ok(asks(window), 'so it is asked again')
    said = '\n'.join(texts(window))
    for line in ('Nothing starts by itself', 'Deck A: Harbour Lights', 'Deck B: Night Ferry', '0:17', '(it played)'):
        tap.ok(line in said, f'the question tells: {line}', said)
    tap.ok(answer(window, 'Restore'), 'Restore is a button')
    tap.ok(wait_for(lambda: 'Harbour Lights' in window.names() and 'Night Ferry' in window.names(), 40),
           'both tracks are back', texts(window))
    tap.ok(wait_for(lambda: abs(window.value(POSITION.format('B')) - 17.0) < 0.01), 'deck B stands where it stood')
    tap.ok(wait_for(lambda: abs(window.value('Crossfader') - 0.25) < 0.01), 'so does the crossfader')
    tap.ok(wait_for(lambda: any('are back, paused' in text for text in texts(window)), 10), 'and it says so')
    back = window.value(POSITION.format('A'))
    tap.ok(position - 2.5 < back <= position + 1.0, 'deck A is where it was heard last', (position, back))
    tap.note(f'heard at {position:.2f} s, restored at {back:.2f} s')
    wait_for(lambda: False, 1)
    tap.ok(window.find('Play deck A') and window.find('Play deck B') and window.value(POSITION.format('A')) == back,
           'and nothing plays')
    tap.none(window.complaints(), 'GTK has nothing to complain about')
    wait_for(lambda: False, 1)  # it is on disk within a second
    crash(window)


def check_gone(tap, folder):
    (folder / 'night-ferry.flac').unlink()
    window = Window()
    tap.ok(asks(window), 'what was brought back is offered again after the next crash')
    answer(window, 'Restore')
    tap.ok(asks(window, PROBLEM), 'a file that is gone is told')
    tap.ok(any('night-ferry.flac is not there any more' in text for text in texts(window)), 'by its name', texts(window))
    tap.ok(wait_for(lambda: 'Harbour Lights' in window.names()), 'the other deck is back')
    answer(window, 'Close')
    wait_for(lambda: False, 1)
    crash(window)


def check_empty(tap):
    window = Window()
    tap.ok(asks(window), 'asked once more')
    tap.ok(answer(window, 'Start Empty'), 'Start Empty is a button')
    wait_for(lambda: False, 1)
    tap.ok('Harbour Lights' not in window.names(), 'the decks stay empty')
    crash(window)
    window = Window()
    tap.ok(not asks(window, seconds=2), 'and it is not offered again')
    tap.equal(window.stop(), 0, 'it ends cleanly')
    tap.none(window.complaints(), 'GTK has nothing to complain about')


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for track in ('harbour-lights.flac', 'night-ferry.flac'):
            shutil.copy(DEMO / track, folder)
        position = check_first(tap, folder)
        check_later(tap)
        check_restore(tap, position)
        check_gone(tap, folder)
        check_empty(tap)
    return tap.done()


sys.exit(main())
