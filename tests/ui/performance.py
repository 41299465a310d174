#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""performance.py DEMO-FOLDER: hot cues, loops, bend, headphone cue and the cue button, by screen reader,
keyboard and mouse; what the engine made of them is asked by OSC."""

import sys
from pathlib import Path

import pyatspi
from echelon_ui import ROOT, Window, wait_for
from tap import Tap

sys.path.insert(0, str(ROOT / 'tests' / 'drivers'))
from osclib import Peer, message  # noqa: E402

DEMO = Path(sys.argv[1])
POSITION = 'Position in the track, deck A'
WAVEFORM = 'Waveform of deck A'
HOTCUE_1 = (0xff, 0x9e, 0xcb)
LOOP = (125, 224, 138)
CUE = (255, 219, 89)


class Engine:
    """What the engine says by OSC."""

    def __init__(self, port):
        self.peer = Peer(port, patience=10)

    def ask(self, address):
        """Other answers, such as late fates, are passed over."""
        self.peer.send(message('/query', 's', address))
        for _ in range(100):
            got = self.peer.receive()
            if got[0] == address:
                return got[2]
        raise AssertionError(f'no answer about {address}')

    def do(self, address, types='', *values):
        self.peer.send(message(address, types, *values))

    def becomes(self, address, good, seconds=10):
        """The first answer that is good, or None."""
        def probe():
            values = self.ask(address)
            return values if good(values) else None
        return wait_for(probe, seconds)

    def stays(self, address, good, times=15):
        for _ in range(times):
            if not good(self.ask(address)):
                return False
            wait_for(lambda: False, 0.03)
        return True


def near(value, wanted, by=2e-3):
    return abs(value - wanted) < by


def waits(window, name):
    return 'Waits for its beat' in (window.description(name) or '')


def go_to(window, engine, seconds):
    window.set_value(POSITION, seconds)
    engine.becomes('/deck/a/seek', lambda v: near(v[0], seconds, 0.01))


def choose_quantize(window, wanted):
    """Round the selector with its key, until it says so."""
    order = ['now', '1/4', '1/2', 'beat', 'bar', '4bar', '16bar']
    steps = (order.index(wanted) - order.index(choose_quantize.now)) % len(order)
    if steps:
        window.keys(*['d'] * steps)
    choose_quantize.now = wanted
    wait_for(lambda: False, 0.2)


choose_quantize.now = 'bar'


def check_pads(tap, window, engine):
    empty, at_20 = 'Hot cue 1, empty, deck A', 'Hot cue 1, 0:20.0, deck A'
    names = window.names()
    tap.none([n for n in range(1, 9) for deck in 'AB' if f'Hot cue {n}, empty, deck {deck}' not in names],
             'each deck has eight pads, which say that they are empty')
    tap.equal(window.count_pixels(WAVEFORM, HOTCUE_1), 0, 'no marker in the waveform before')
    go_to(window, engine, 20.0)
    window.press(empty)
    tap.ok(wait_for(lambda: window.find(at_20)), 'a press sets the hot cue where the deck stands, and the pad tells it',
           [n for n in window.names() if n.startswith('Hot cue 1')])
    tap.ok(near(engine.ask('/deck/a/hotcue/1')[0], 20.0), 'the engine has it', engine.ask('/deck/a/hotcue/1'))
    tap.ok(wait_for(lambda: window.count_pixels(WAVEFORM, HOTCUE_1) > 50), 'its marker is in the waveform')
    tap.ok(window.count_pixels(POSITION, HOTCUE_1) > 20, 'and in the overview')

    go_to(window, engine, 5.0)
    choose_quantize(window, '16bar')
    window.press(at_20)
    tap.ok(wait_for(lambda: waits(window, at_20)), 'a jump waits as the quantise selector says')
    window.press(at_20)
    tap.ok(wait_for(lambda: not waits(window, at_20)), 'a second press takes it back')
    tap.ok(near(engine.ask('/deck/a/seek')[0], 5.0), 'and the deck stays where it is')
    choose_quantize(window, 'now')
    window.press(at_20)
    tap.ok(engine.becomes('/deck/a/seek', lambda v: 20.0 <= v[0] < 40), 'a jump goes there')
    tap.ok(engine.becomes('/deck/a/state', lambda v: v[0] == 'playing'), 'and plays, also on a stopped deck')
    window.press('Play deck A') if window.find('Play deck A') else window.press('Stop deck A')
    engine.becomes('/deck/a/state', lambda v: v[0] == 'stopped')

    window.click(at_20, 3)
    tap.ok(wait_for(lambda: window.find(empty)), 'the right mouse button clears it')
    tap.equal(engine.ask('/deck/a/hotcue/1'), [-1.0], 'in the engine, too')
    go_to(window, engine, 12.5)
    window.keys('ctrl+3')
    tap.ok(wait_for(lambda: window.find('Hot cue 3, 0:12.5, deck A')), 'Ctrl+3 sets the third')
    window.keys('ctrl+shift+3')
    tap.ok(wait_for(lambda: window.find('Hot cue 3, empty, deck A')), 'Ctrl+Shift+3 clears it')
    window.xdo('keydown', 'ctrl', 'keydown', '2')
    tap.ok(engine.becomes('/deck/a/hotcue/2', lambda v: near(v[0], 12.5)), 'Ctrl+2 sets the second')
    wait_for(lambda: False, 1.2)
    window.xdo('keyup', '2', 'keyup', 'ctrl')
    tap.ok(engine.stays('/deck/a/state', lambda v: v[0] == 'stopped'), 'and held down it does so once: the deck stays stopped')
    window.keys('ctrl+shift+2')
    window.keys('alt+8')
    tap.ok(wait_for(lambda: window.find('Hot cue 8, 0:00.0, deck B')), 'Alt+8 sets the eighth of deck B')
    tap.ok(window.tab_to('Hot cue 8, 0:00.0, deck B'), 'Tab comes to the pad')
    window.keys('Delete')
    tap.ok(engine.becomes('/deck/b/hotcue/8', lambda v: v == [-1.0]), 'Delete clears the pad that has the focus')


def loop_points(engine):
    return engine.ask('/deck/a/loop/state')


def check_loops(tap, window, engine):
    go_to(window, engine, 24.0)
    window.press('Loop 4 beats, deck A')
    tap.ok(engine.becomes('/deck/a/loop', lambda v: near(v[0], 4)), 'the loop button loops four beats')
    running = 'Loop of {} beats runs, deck A'
    tap.ok(wait_for(lambda: window.find(running.format(4))), 'and says that it runs')
    tap.ok(wait_for(lambda: window.count_pixels(WAVEFORM, LOOP) > 50), 'the loop is marked in the waveform')
    tap.ok(window.count_pixels(POSITION, LOOP) > 20, 'and in the overview')
    window.press('Halve the loop, deck A')
    tap.ok(engine.becomes('/deck/a/loop', lambda v: near(v[0], 2)), 'halved on a stopped deck')
    tap.ok(near(loop_points(engine)[1], 24.0), 'its in point stays', loop_points(engine))
    length = loop_points(engine)[2] - loop_points(engine)[1]
    window.keys('shift+s')
    tap.ok(engine.becomes('/deck/a/loop/state', lambda v: near(v[1], 24.0 + length)), 'Shift+S moves it by its length',
           loop_points(engine))
    window.press('Move the loop back, deck A')
    tap.ok(engine.becomes('/deck/a/loop/state', lambda v: near(v[1], 24.0)), 'and the button back')

    window.press('Sync deck A')
    choose_quantize(window, 'beat')
    window.press('Play deck A')
    engine.becomes('/deck/a/state', lambda v: v[0] == 'playing')
    tap.ok(engine.stays('/deck/a/seek', lambda v: 23.9 < v[0] < 24.0 + length + 0.1, 60), 'a deck that plays stays in it')
    before = loop_points(engine)
    window.keys('5')
    tap.ok(engine.becomes('/deck/a/loop', lambda v: near(v[0], 4)), 'doubled while it plays, by key')
    tap.ok(near(loop_points(engine)[1], before[1], 1e-4), 'the in point stays where it was', (before, loop_points(engine)))
    window.keys('4', '4')
    tap.ok(engine.becomes('/deck/a/loop', lambda v: near(v[0], 1)), 'halved twice while it plays')
    tap.ok(near(loop_points(engine)[1], before[1], 1e-4), 'and the in point stays again', (before, loop_points(engine)))
    tap.ok(wait_for(lambda: window.find(running.format(1))), 'the button tells the new length')
    window.press(running.format(1))
    tap.ok(engine.becomes('/deck/a/loop/state', lambda v: v[0] == 0), 'a press leaves the loop')
    tap.ok(wait_for(lambda: window.find('Loop 1 beats, deck A')), 'and the button says so')

    choose_quantize(window, 'now')
    window.keys('r')
    tap.ok(engine.becomes('/deck/a/loop/state', lambda v: v[1] > 24.1 and v[2] == -1), 'R sets the in point',
           loop_points(engine))
    wait_for(lambda: False, 0.6)
    window.press('Loop out, deck A')
    tap.ok(engine.becomes('/deck/a/loop/state', lambda v: v[0] == 1 and v[2] > v[1] + 0.3), 'loop out closes it',
           loop_points(engine))
    window.keys('f')
    tap.ok(engine.becomes('/deck/a/loop/state', lambda v: v[0] == 0), 'F leaves it')
    choose_quantize(window, '16bar')
    window.keys('f')
    button = 'Loop 1 beats, deck A'
    tap.ok(wait_for(lambda: waits(window, button)), 'a loop waits as the quantise selector says')
    window.keys('Escape')
    tap.ok(wait_for(lambda: not waits(window, button)), 'and can be taken back')
    choose_quantize(window, 'now')


def check_bend(tap, window, engine):
    """Deck A plays.  However it is let go: no bend stays."""
    faster, slower = 'Bend faster, deck A', 'Bend slower, deck A'

    def bent(value):
        return engine.becomes('/deck/a/bend', lambda v: near(v[0], value, 1e-6))

    def released(how):
        tap.ok(bent(0.0) and engine.stays('/deck/a/bend', lambda v: v == [0.0]), how, engine.ask('/deck/a/bend'))

    window.keys('f')  # in a loop, so that the track does not end meanwhile
    engine.becomes('/deck/a/loop/state', lambda v: v[0] == 1)
    window.focus()
    window.point_at(faster)
    window.xdo('mousedown', 1)
    tap.ok(bent(0.02), 'the button bends while it is held')
    tap.ok(engine.stays('/deck/a/bend', lambda v: near(v[0], 0.02, 1e-6)), 'as long as that lasts')
    window.xdo('mouseup', 1)
    released('and no longer')

    window.point_at(slower)
    window.xdo('mousedown', 1)
    tap.ok(bent(-0.02), 'the other one bends the other way')
    window.point_at(WAVEFORM)
    released('a pointer that leaves the button lets go')
    window.xdo('mouseup', 1)

    window.xdo('keydown', 'v')
    tap.ok(bent(0.02), 'so does a key')
    wait_for(lambda: False, 1)  # over its repeats
    tap.ok(bent(0.02), 'also while it repeats')
    window.xdo('keyup', 'v')
    released('until it is let go')

    with window.another_window() as title:
        for how, begin, end in (('a key', ('keydown', 'c'), ('keyup', 'c')),
                                ('a button', ('mousedown', 1), ('mouseup', 1))):
            window.focus()
            window.point_at(slower)
            window.xdo(*begin)
            tap.ok(bent(-0.02), f'{how} is held')
            window.focus(title)
            released('and lets go when another window gets the focus')
            window.xdo(*end)

    tap.ok(window.tab_to(faster, 'shift+Tab'), 'Tab comes to the button')
    window.xdo('keydown', 'space')
    tap.ok(bent(0.02), 'the space bar on the button bends')
    window.xdo('key', 'Tab')
    released('until the focus goes elsewhere')
    window.xdo('keyup', 'space')

    window.point_at(faster)
    window.xdo('mousedown', 1)
    bent(0.02)
    engine.do('/lock/a')
    engine.becomes('/lock/a', lambda v: v == [1])
    window.xdo('mouseup', 1)
    wait_for(lambda: False, 0.5)
    engine.do('/unlock/a')
    engine.becomes('/lock/a', lambda v: v == [0])
    released('let go on a locked deck, it ends when the deck is unlocked')

    window.press(faster)
    tap.ok(bent(0.02), 'a screen reader\'s click bends for a moment')
    released('and ends by itself')


def check_cue(tap, window, engine):
    window.keys('shift+q')
    engine.becomes('/deck/a/state', lambda v: v[0] == 'stopped')
    window.press('Sync deck A')  # off: a synced deck goes to the session's phase
    engine.becomes('/deck/a/sync', lambda v: v == [0])
    go_to(window, engine, 10.0)
    window.press('Cue deck A')
    tap.ok(engine.becomes('/deck/a/cue', lambda v: near(v[0], 10.0)), 'cue on a stopped deck sets the cue point there',
           [engine.ask(address) for address in ('/deck/a/cue', '/deck/a/state')] + window.alerts())
    go_to(window, engine, 11.0)  # from under the playhead
    tap.ok(wait_for(lambda: window.count_pixels(WAVEFORM, CUE) > 50), 'its marker is in the waveform')
    tap.ok(window.count_pixels(POSITION, CUE) > 20, 'and in the overview')
    window.keys('shift+w')
    tap.ok(engine.becomes('/deck/a/seek', lambda v: near(v[0], 10.0)), 'Shift+W goes there')
    window.focus()
    window.point_at('Cue deck A')
    window.xdo('mousedown', 1)
    tap.ok(engine.becomes('/deck/a/state', lambda v: v[0] == 'playing'), 'held at the cue point, it plays')
    tap.ok(engine.becomes('/deck/a/seek', lambda v: v[0] > 10.2), 'from there')
    window.xdo('mouseup', 1)
    tap.ok(engine.becomes('/deck/a/state', lambda v: v[0] == 'stopped'), 'let go, it stops')
    tap.ok(engine.becomes('/deck/a/seek', lambda v: near(v[0], 10.0)), 'and goes back to the cue point')
    window.xdo('mousedown', 1)
    engine.becomes('/deck/a/state', lambda v: v[0] == 'playing')
    window.keys('q')
    window.xdo('mouseup', 1)
    tap.ok(engine.stays('/deck/a/state', lambda v: v[0] == 'playing', 30), 'play pressed meanwhile lets it play on')
    choose_quantize(window, 'beat')
    window.press('Cue deck A')
    tap.ok(engine.becomes('/deck/a/state', lambda v: v[0] == 'stopped'), 'cue on a playing deck stops it')
    tap.ok(engine.becomes('/deck/a/seek', lambda v: near(v[0], 10.0)), 'at the cue point')


def check_headphones(tap, window, engine):
    window.press('Headphone cue, deck B')
    tap.ok(engine.becomes('/deck/b/pfl', lambda v: v == [1]), 'headphone cue on')
    tap.ok(wait_for(lambda: window.find('Headphone cue, deck B').getState().contains(pyatspi.STATE_PRESSED)
                    or window.find('Headphone cue, deck B').getState().contains(pyatspi.STATE_CHECKED)),
           'the button says so')
    window.keys('b')
    tap.ok(engine.becomes('/deck/b/pfl', lambda v: v == [0]), 'and off by key')
    window.keys('g')
    tap.ok(engine.becomes('/deck/a/pfl', lambda v: v == [1]), 'G is deck A\'s')
    for name, address in (('Headphones mix', '/headphones/mix'), ('Headphones level', '/headphones/volume'),
                          ('Booth level', '/booth/volume'), ('Master level', '/master/volume')):
        window.set_value(name, 0.3)
        tap.ok(engine.becomes(address, lambda v: near(v[0], 0.3)), f'{name} reaches the engine', engine.ask(address))


CHECKS = (check_pads, check_loops, check_bend, check_cue, check_headphones)


def main():
    tap = Tap()
    window = Window(DEMO / 'harbour-lights.flac', DEMO / 'night-ferry.flac')
    try:
        engine = Engine(window.osc_port)
        tap.ok(wait_for(lambda: 'Harbour Lights' in window.names()), 'deck A has its track')
        tap.ok(wait_for(lambda: abs(float(window.text_after('BPM, deck A:')) - 124) < 0.1, 40), 'and its beat')
        wait_for(lambda: abs(float(window.text_after('BPM, deck B:')) - 128) < 0.1, 40)
        # Off the air: what is heard would refuse much of what follows.
        window.set_value('Crossfader', 1.0)
        engine.becomes('/crossfader', lambda v: v == [1.0])
        for check in CHECKS:
            check(tap, window, engine)
        tap.ok(window.process.poll() is None, 'it still runs')
    finally:
        status = window.stop()
    tap.equal(status, 0, 'it ends cleanly')
    tap.none(window.complaints(), 'and GTK has nothing to complain about')
    return tap.done()


sys.exit(main())
