#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""screenshots.py DEMO-FOLDER WIDTH HEIGHT: nothing is clipped at this size; takes a picture.

The picture goes into $ECH_SCREENSHOTS, if that is set (that is how those in docs/ are made).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyatspi
from echelon_ui import CONTROLS, Window, wait_for
from tap import Tap

DEMO, WIDTH, HEIGHT = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])


def fresh(node):
    node.clear_cache()
    return node


def extents(node):
    return fresh(node).queryComponent().getExtents(pyatspi.WINDOW_COORDS)


def shown(node):
    """GTK 4.8 gives what is not mapped no size."""
    box = extents(node)
    return box.width > 0 and box.height > 0


def check_inside(tap, window, frame):
    faults = []
    count = 0
    for node in window.nodes():
        if node.getRoleName() not in CONTROLS or not shown(node):
            continue
        box = extents(node)
        count += 1
        # extents on GTK 4.8 are shifted by a widget's padding and the window's edge
        if box.x < -8 or box.y < -8 or box.x + box.width > frame.width + 24 \
                or box.y + box.height > frame.height + 24:
            faults.append(f'{node.name}: {box.x},{box.y} {box.width}x{box.height}')
    tap.none(faults, f'each control lies within {frame.width}x{frame.height}')
    tap.ok(count >= 90, 'and all are there', count)


def check_heights(tap, window):
    faults = []
    for name in ('Play deck A', 'Stop deck A', 'Cue deck B', 'Crossfader', 'Low EQ, deck B', 'Load a file on deck B',
                 'Hot cue 1, empty, deck A', 'Loop in, deck B', 'Halve the loop, deck A',
                 'Bend slower, deck A', 'Headphone cue, deck B', 'Waveform of deck A', 'Waveform of deck B', 'Position in the track, deck B'):
        node = window.find(name)
        if node and shown(node) and min(extents(node).width, extents(node).height) < 20:
            faults.append(f'{name}: {extents(node)}')
    tap.none(faults, 'what a hand must hit is large enough')


def check_picture(tap, window):
    folder = os.environ.get('ECH_SCREENSHOTS')
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(folder or scratch) / f'window-{WIDTH}x{HEIGHT}.png'
        window.screenshot(path)
        found = subprocess.run(['identify', '-format', '%w %h %k', str(path)], capture_output=True, text=True,
                               timeout=60).stdout.split()
        tap.equal(found[:2], [str(WIDTH), str(HEIGHT)], 'the picture has its size')
        tap.ok(int(found[2]) > 500, 'and shows something', f'{found[2]} colours')


def place_cues(window):
    """Hot cues on both decks; B has a loop that waits for it."""
    for deck, number, seconds in (('A', 1, 7.742), ('A', 2, 23.226), ('A', 4, 38.71), ('A', 8, 54.194),
                                  ('B', 1, 30.0), ('B', 2, 45.0), ('B', 3, 0.0)):
        slider = window.find(f'Position in the track, deck {deck}')
        slider.queryValue().currentValue = seconds
        wait_for(lambda: abs(fresh(slider).queryValue().currentValue - seconds) < 0.01)
        window.press(f'Hot cue {number}, empty, deck {deck}')
        wait_for(lambda: not window.look_for(f'Hot cue {number}, empty, deck {deck}', None))
    window.press('Loop 4 beats, deck B')
    window.press('Headphone cue, deck B')


def set_the_scene(window):
    """A mix under way: A plays on air and has refused an eject, B waits for its sixteenth bar.

    Looks for each widget before anything moves: a window that draws all the time is slow to walk
    through on a machine without a graphics card.
    """
    place_cues(window)
    play_a, play_b = window.find('Play deck A'), window.find('Play deck B')
    slider = window.find('Position in the track, deck A')
    position = slider.queryValue()
    eject = window.find('Eject deck A')
    alerts = [node for node in window.nodes() if node.getRoleName() == 'alert']
    window.set_value('Crossfader', 0.35)
    window.set_value('High EQ, deck B', -8)
    window.set_value('Volume, deck B', 0.8)
    window.press('Kill low, deck B')
    window.press('Sync deck A')
    window.press('Sync deck B')
    window.set_value('Session tempo in BPM', 126.0)
    position.currentValue = 24.0
    window.keys('j', 'j')
    wait_for(lambda: abs(fresh(slider).queryValue().currentValue - 24) < 1)
    window.keys('shift+q')
    wait_for(lambda: fresh(play_a).name == 'Stop deck A')
    play_b.queryAction().doAction(0)
    wait_for(lambda: 'Waits' in fresh(play_b).description)
    wait_for(lambda: fresh(slider).queryValue().currentValue > 26)
    eject.queryAction().doAction(0)
    wait_for(lambda: any('eject' in fresh(node).name for node in alerts))
    wait_for(lambda: False, 0.5)


def main():
    tap = Tap()
    window = Window(DEMO / 'harbour-lights.flac', DEMO / 'night-ferry.flac')
    try:
        window.resize(WIDTH, HEIGHT)
        wait_for(lambda: extents(window.find('Echelon', 'frame')).width >= WIDTH - 80)
        wait_for(lambda: abs(float(window.text_after('BPM, deck B:')) - 128) < 0.1, 40)
        frame = extents(window.find('Echelon', 'frame'))
        check_inside(tap, window, frame)
        check_heights(tap, window)
        set_the_scene(window)
        check_picture(tap, window)
    finally:
        status = window.stop()
    tap.equal(status, 0, 'it ends cleanly')
    return tap.done()


sys.exit(main())
