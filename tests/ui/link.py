#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""link.py ECHELONCTL: Ableton Link by AT-SPI, in a network namespace of the test's own."""

import subprocess
import sys

import pyatspi

from echelon_ui import Window, wait_for
from tap import Tap

BUTTON, SHARE, EARLIER = 'Ableton Link', 'Share start and stop', 'Our bar a beat earlier'


def is_pressed(window, name):
    states = []
    for node in window.all():
        if node.name == name and node.getRoleName() != 'label':
            states += node.getState().getStates()
    return pyatspi.STATE_PRESSED in states or pyatspi.STATE_CHECKED in states


def press_inner(window, name):
    """A menu button has its name twice, a switch shares it with its label."""
    for node in window.all():
        if node.name == name and node.getRoleName() != 'label' and node.queryAction().nActions:
            node.queryAction().doAction(0)


def says(tap, window, text, why, seconds=15):
    tap.ok(wait_for(lambda: window.description(BUTTON) == text, seconds), f'{why}: "{text}"', window.description(BUTTON))


def main():
    tap = Tap()
    window = Window()
    peer = None
    try:
        tap.ok(wait_for(lambda: window.find(BUTTON, 'push button')), 'there is a button of that name')
        says(tap, window, 'Disabled', 'off at start')
        tap.ok(wait_for(lambda: window.find('Disabled')), 'the word stands in the window')
        window.press(BUTTON)
        says(tap, window, 'Enabled', 'pressed')
        tap.ok(wait_for(lambda: is_pressed(window, BUTTON)), 'the button shows it')
        peer = subprocess.Popen([sys.argv[1], 'link-test', '--tempo', '97'], stdout=subprocess.DEVNULL)
        says(tap, window, 'Enabled, 1 peer', 'a peer comes, and we are not counted')
        tap.ok(wait_for(lambda: window.find('Enabled, 1 peer')), 'the words stand in the window')
        press_inner(window, 'More of Ableton Link')
        tap.ok(wait_for(lambda: window.find(EARLIER)), 'more opens')
        window.press(EARLIER)
        tap.ok(wait_for(lambda: window.find('+1')), 'the bar is nudged')
        press_inner(window, SHARE)
        tap.ok(wait_for(lambda: is_pressed(window, SHARE)), 'start and stop are shared')
        window.keys('Escape')
        peer.terminate()
        says(tap, window, 'Enabled', 'the peer goes')
        window.press(BUTTON)
        says(tap, window, 'Disabled', 'pressed again')
        tap.ok(wait_for(lambda: not is_pressed(window, BUTTON)), 'and the button shows it')
    finally:
        if peer:
            peer.kill()
            peer.wait()
        status = window.stop()
    tap.equal(status, 0, 'it ends cleanly')
    tap.none(window.complaints(), 'and GTK has nothing to complain about')
    return tap.done()


sys.exit(main())
