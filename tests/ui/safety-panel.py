#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""safety-panel.py DEMO-FOLDER: what a program asks for is confirmed or denied in the window, refusals are listed, a
person insists, decks are locked, keys are locked and the night is recorded; by screen reader and keyboard, against
a real program's OSC."""

import os
import sys
from pathlib import Path

import pyatspi
from echelon_ui import ROOT, Window, wait_for
from tap import Tap

sys.path.insert(0, str(ROOT / 'tests' / 'drivers'))
from osclib import Peer, message  # noqa: E402

DEMO = Path(sys.argv[1])
SENTENCE = 'Deck A is on air'
ANYWAY = 'Do It Anyway Do It Anyway'  # libadwaita names the toast's button twice


class Program:
    """One OSC program; with a name it is a source of its own."""

    def __init__(self, port, name=None):
        self.peer = Peer(port, patience=10)
        self.replies = []
        if name:
            self.peer.ask(message('/source', 's', name))

    def do(self, address, types='', *values):
        self.peer.send(message(address, types, *values))

    def ask(self, address):
        """What it says first of @address; the fates that come in between are kept."""
        self.peer.send(message('/query', 's', address))
        answer, before = self.peer.wait_for(lambda got, types, values: got == address)
        self.replies += [values for got, types, values in before if got == '/echelon/reply']
        return answer[2]

    def says(self, address):
        return self.ask(address)[0]

    def becomes(self, address, good):
        def probe():
            values = self.ask(address)
            return values if good(values) else None
        return wait_for(probe)

    def fate(self, wanted):
        """The fate of the action with that id, when it is not queued any more."""
        def probe():
            self.ask('/deck/a/state')
            return next((reply[1] for reply in self.replies if reply[0] == wanted and reply[1] != 'queued'), None)
        return wait_for(probe)


def is_sensitive(window, name):
    node = window.find(name)
    if not node:
        return False
    node.clear_cache()
    return node.getState().contains(pyatspi.STATE_SENSITIVE)


def is_checked(window, name):
    node = window.find(name)
    node.clear_cache()
    return node.getState().contains(pyatspi.STATE_CHECKED) or node.getState().contains(pyatspi.STATE_PRESSED)


def lines(window, part):
    return [node.name for node in window.nodes() if node.getRoleName() == 'list item' and part in node.name]


def picture(window, name):
    if os.environ.get('ECH_SCREENSHOTS'):
        wait_for(lambda: False, 1)
        window.screenshot(Path(os.environ['ECH_SCREENSHOTS']) / name)


def show_tab(window, name):
    """The tabs are named as people read them; with a count, perhaps."""
    node = wait_for(lambda: next((n for n in window.nodes() if n.name.startswith(name)
                                  and n.getRoleName() in ('page tab', 'toggle button', 'radio button')), None))
    node.queryAction().doAction(0)
    wait_for(lambda: False, 0.3)


def choose_mode(window, source, steps):
    """In the drop-down, with the keyboard: from the first so many down."""
    show_tab(window, 'Sources')
    name = f'Mode of {source}'
    button = wait_for(lambda: window.look_for(name, 'push button') or window.look_for(name, 'toggle button'))
    button.queryAction().doAction(0)
    for key in ['Home'] + ['Down'] * steps + ['Return']:
        wait_for(lambda: False, 0.3)
        window.xdo('key', key)


def check_guard(tap, window, bot):
    """The one deck that plays is about to run out: the guard loops it, and the window says so."""
    position = 'Position in the track, deck A'
    window.set_value(position, 57.0)
    bot.becomes('/deck/a/seek', lambda v: v[0] > 56)
    window.keys('shift+q')
    tap.ok(bot.becomes('/deck/a/loop/state', lambda v: v[0] == 1), 'the emergency loop runs')
    window.keys('F2')
    tap.ok(wait_for(lambda: 'Deck A loops: it would have run out' in window.alerts()), 'the panel tells it', window.alerts())
    picture(window, 'safety-guard.png')
    window.press('Seen')
    tap.ok(wait_for(lambda: 'Deck A loops: it would have run out' not in window.alerts()), 'until it was seen')
    window.press('Close safety panel')
    window.keys('shift+q', 'shift+f')
    bot.becomes('/deck/a/state', lambda v: v[0] == 'stopped')
    bot.becomes('/deck/a/loop/state', lambda v: v[0] == 0)
    window.set_value(position, 0.0)
    bot.becomes('/deck/a/seek', lambda v: v[0] < 0.1)


def check_assist(tap, window, bot):
    window.keys('F2')
    tap.ok(wait_for(lambda: window.find('Close safety panel')), 'F2 opens the panel')
    tap.ok(wait_for(lambda: window.find('Mode of mixbot')), 'it lists the program as a source')
    choose_mode(window, 'mixbot', 2)
    picture(window, 'safety-sources.png')
    window.keys('Escape')
    tap.ok(wait_for(lambda: not window.look_for('Close safety panel', None)), 'Escape in it closes it')

    bot.do('/deck/a/play', 'ss', 'now', 'id=first')
    name = 'Yes: mixbot, Deck A: play'
    tap.ok(wait_for(lambda: window.find('Safety, 1 waiting for your yes')), 'what it asks for is counted on the button')
    tap.ok('mixbot asks: Deck A: play' in window.alerts(), 'and told to a screen reader', window.alerts())
    tap.equal(bot.says('/deck/a/state'), 'stopped', 'and not done')
    window.keys('F2')
    node = wait_for(lambda: window.find(name))
    tap.ok(node, 'the panel tells who asks and for what')
    tap.ok(wait_for(lambda: 'left' in window.description(name)), 'and how long it waits', window.description(name))
    tap.ok(wait_for(lambda: node.clear_cache() or node.getState().contains(pyatspi.STATE_FOCUSED)), 'the yes has the focus')
    picture(window, 'safety-asks.png')
    window.keys('Return')
    tap.ok(bot.becomes('/deck/a/state', lambda v: v[0] == 'playing'), 'with a yes it plays')
    tap.equal(bot.fate('first'), 'executed', 'and is told so')
    tap.ok(wait_for(lambda: not window.look_for(name, None)), 'the question is gone')

    wait_for(lambda: False, 0.6)
    bot.do('/deck/b/play', 'ss', 'now', 'id=second')
    wait_for(lambda: window.find('No: mixbot, Deck B: play'))
    window.press('No: mixbot, Deck B: play')
    tap.equal(bot.fate('second'), 'cancelled', 'with a no it is cancelled')
    tap.equal(bot.says('/deck/b/state'), 'stopped', 'and not done')


def check_load(tap, window, bot):
    bot.do('/deck/b/load', 'ss', str(DEMO / 'click.flac'), 'id=file')
    tap.ok(wait_for(lambda: window.find('Yes: mixbot, Deck B: load click.flac')), 'which file is to be loaded is told')
    wait_for(lambda: False, 0.6)
    window.press('No: mixbot, Deck B: load click.flac')
    tap.equal(bot.fate('file'), 'cancelled', 'and may be denied')
    wait_for(lambda: False, 0.6)


def check_double_click(tap, window, bot):
    """Two questions; a double click on the first yes answers the first."""
    bot.do('/deck/b/volume', 'fss', 0.5, 'now', 'id=one')
    bot.do('/deck/b/gain', 'fss', -3.0, 'now', 'id=two')
    first = 'Yes: mixbot, Deck B: volume 0.5'
    tap.ok(wait_for(lambda: window.find('Safety, 2 waiting for your yes') and window.find(first)), 'two questions wait')
    wait_for(lambda: False, 0.6)
    window.point_at(first)
    window.xdo('click', '--repeat', 4, '--delay', 60, 1)
    tap.ok(bot.becomes('/deck/b/volume', lambda v: abs(v[0] - 0.5) < 1e-3), 'the first is done')
    tap.ok(wait_for(lambda: window.find('Safety, 1 waiting for your yes')), 'clicks that came too many answer nothing',
           [n for n in window.names() if n.startswith('Safety')])
    tap.ok(abs(bot.ask('/deck/b/gain')[0]) < 1e-3, 'the second was not done')
    wait_for(lambda: False, 0.6)
    window.press('No: mixbot, Deck B: trim -3')
    tap.equal(bot.fate('two'), 'cancelled', 'and is denied')


def check_second_step(tap, window, bot):
    bot.becomes('/deck/a/state', lambda v: v[0] == 'playing')
    wait_for(lambda: 'On air' in window.names())
    window.xdo('mousemove', 640, 600)
    window.press('Eject deck A')
    tap.ok(wait_for(lambda: any('Eject' not in n and SENTENCE in n for n in window.alerts())), 'an eject on air is refused')
    tap.none([n for n in window.alerts() if 'Confirm' in n], 'in words that are of use here')
    button = wait_for(lambda: window.look_for(ANYWAY, 'push button'))
    tap.ok(button, 'with a second step')
    tap.equal(bot.says('/deck/a/state'), 'playing', 'the deck plays')
    picture(window, 'safety-second-step.png')
    tap.ok(wait_for(lambda: is_sensitive(window, ANYWAY)), 'a moment later it may be pressed')
    window.press(ANYWAY)
    tap.ok(bot.becomes('/deck/a/state', lambda v: v[0] == 'empty'), 'and the track is out')
    tap.ok(wait_for(lambda: not window.look_for(ANYWAY, None)), 'the offer is gone')


def check_key_repeat(tap, window, bot):
    """Ctrl+Return held down before the refusal is not the second step; pressed after it, it is."""
    bot.do('/deck/b/volume', 'fss', 1.0, 'now', 'id=up')
    wait_for(lambda: window.find('Yes: mixbot, Deck B: volume 1'))
    wait_for(lambda: False, 0.6)
    window.press('Yes: mixbot, Deck B: volume 1')
    bot.becomes('/deck/b/volume', lambda v: v[0] > 0.9)
    window.keys('shift+p')
    bot.becomes('/deck/b/state', lambda v: v[0] == 'playing')
    wait_for(lambda: window.find('On air'))
    window.set_value('Crossfader', 0.5)
    wait_for(lambda: False, 0.5)
    window.focus()
    window.xdo('keydown', 'ctrl', 'keydown', 'Return', 'sleep', '0.8')
    window.press('Eject deck B')
    wait_for(lambda: window.look_for(ANYWAY, 'push button'))
    wait_for(lambda: False, 1.5)
    tap.equal(bot.says('/deck/b/state'), 'playing', 'a key that repeats does not insist')
    window.xdo('keyup', 'Return', 'keyup', 'ctrl')
    wait_for(lambda: is_sensitive(window, ANYWAY))
    window.keys('ctrl+Return')
    tap.ok(bot.becomes('/deck/b/state', lambda v: v[0] == 'empty'), 'Ctrl+Return afterwards does')


def check_refusals(tap, window, bot):
    show_tab(window, 'Refused')
    tap.ok(wait_for(lambda: lines(window, SENTENCE)), 'the refusal is in the list, with its sentence', lines(window, ''))
    tap.ok(any('window' in line and 'on-air' in line for line in lines(window, SENTENCE)), 'by whom and by which rule')
    for _ in range(300):
        bot.do('/deck/a/play', 's', 'now')
    tap.ok(wait_for(lambda: any('times' in line for line in lines(window, 'mixbot'))), 'a flood is counted',
           lines(window, 'mixbot'))
    tap.ok(len(lines(window, 'mixbot')) <= 8, 'and takes few lines', len(lines(window, 'mixbot')))
    tap.ok('mixbot' in lines(window, '')[0], 'the newest is the first', lines(window, '')[:3])
    picture(window, 'safety-refused.png')


def check_lock(tap, window, bot):
    window.press('Lock deck A')
    tap.ok(bot.becomes('/lock/a', lambda v: v[0] == 1), 'the button locks the deck')
    tap.ok(wait_for(lambda: 'by hand' in window.description('Lock deck A')), 'and tells the reason',
           window.description('Lock deck A'))
    window.keys('ctrl+l')
    tap.ok(bot.becomes('/lock/a', lambda v: v[0] == 0), 'Ctrl+L unlocks it')


def check_keylock(tap, window, bot):
    window.press('Key lock, deck A')
    tap.ok(bot.becomes('/deck/a/keylock', lambda v: v[0] == 1), 'the key is locked')
    window.keys('shift+d')
    tap.ok(bot.becomes('/deck/a/keylock', lambda v: v[0] == 0), 'and unlocked by Shift+D')
    window.keys('shift+j')
    tap.ok(bot.becomes('/deck/b/keylock', lambda v: v[0] == 1), 'Shift+J is deck B')
    tap.ok(wait_for(lambda: is_checked(window, 'Key lock, deck B')), 'which its button shows')


def files():
    """Finished recordings are told from those under way by what they hold."""
    return [path for path in Path(os.environ['HOME']).rglob('*.wav') if path.stat().st_size > 100000]


def check_record(tap, window, bot):
    window.press('Record')
    tap.ok(bot.becomes('/record', lambda v: v[0] == 1 and v[1] >= 2), 'recording begins, and its time goes on')
    tap.ok(wait_for(lambda: window.description('Record').startswith('00:0')), 'the button tells it',
           window.description('Record'))
    window.keys('ctrl+r')
    tap.ok(bot.becomes('/record', lambda v: v[0] == 0), 'Ctrl+R ends it')
    name = Path(bot.ask('/record')[3]).name
    tap.ok(name and wait_for(lambda: any(node.name == f'Recorded: {name}' for node in window.nodes())),
           'the file is told', [node.name for node in window.nodes() if 'Recorded' in node.name])
    tap.ok(wait_for(lambda: [path for path in files() if path.name == name]), 'and it is there', [str(f) for f in files()])


def main():
    tap = Tap()
    window = Window(DEMO / 'harbour-lights.flac', DEMO / 'night-ferry.flac')
    try:
        wait_for(lambda: abs(float(window.text_after('BPM, deck B:')) - 128) < 0.1, 40)
        bot = Program(window.osc_port, 'mixbot')
        check_guard(tap, window, bot)
        check_assist(tap, window, bot)
        check_load(tap, window, bot)
        check_double_click(tap, window, bot)
        check_second_step(tap, window, bot)
        check_key_repeat(tap, window, bot)
        check_refusals(tap, window, bot)
        check_lock(tap, window, bot)
        check_keylock(tap, window, bot)
        check_record(tap, window, bot)
    finally:
        status = window.stop()
    tap.equal(status, 0, 'it ends cleanly')
    tap.none(window.complaints(), 'without a complaint on stderr')
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
