#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""window.py DEMO-FOLDER: mixing by AT-SPI and keyboard, with real music and a real PipeWire."""

import math
import sys
import tempfile
from pathlib import Path

from echelon_ui import CONTROLS, Window, wait_for
from tap import Tap

DEMO = Path(sys.argv[1])
POSITION = 'Position in the track, deck {}'


def check_names(tap, window):
    nameless = []
    for node in window.all():
        if node.getRoleName() in CONTROLS and (not node.name or node.name.startswith(('Gtk', 'Ech', 'Adw'))):
            nameless.append(f'{node.getRoleName()} {node.name!r}')
    tap.none(nameless, 'every control has a name')


def check_values(tap, window):
    faults = []
    count = 0
    for node in window.all():
        if node.getRoleName() != 'slider' or node.name.startswith('Position'):
            continue
        value = node.queryValue()
        before = value.currentValue
        target = value.minimumValue + 0.25 * (value.maximumValue - value.minimumValue)
        value.currentValue = target

        def arrived():
            node.clear_cache()
            return math.isclose(value.currentValue, target, abs_tol=0.02)
        if not wait_for(arrived, 5):
            faults.append(f'{node.name}: {value.currentValue}, not {target}')
        value.currentValue = before
        count += 1
    tap.none(faults, 'every slider and knob takes a value by AT-SPI')
    # trim, three bands, volume, tempo of two decks; master, booth, headphones' mix and level, crossfader
    tap.equal(count, 17, 'all seventeen of them')


def check_engine_took(tap, window):
    """A control shows the engine's value again half a second after the hand; so what stays there
    is what the engine has."""
    window.set_value('Crossfader', 0.25)
    stays = [window.value('Crossfader') for _ in range(20)
             if not wait_for(lambda: False, 0.1)]
    tap.ok(all(math.isclose(v, 0.25, abs_tol=0.002) for v in stays), 'the crossfader moves, and stays', stays)
    window.set_value('Crossfader', 0.0)


def check_kill(tap, window):
    window.press('Kill low, deck B')
    tap.ok(wait_for(lambda: window.value('Low EQ, deck B') == -26), 'kill turns the low EQ right down')
    window.press('Kill low, deck B')
    tap.ok(wait_for(lambda: window.value('Low EQ, deck B') == 0), 'and back to where it was')


def waits(window, name):
    return 'Waits for its beat' in (window.description(name) or '')


def check_waiting(tap, window):
    # 16 bars at 120 BPM are 32 s: nothing below comes due by itself
    window.keys('d', 'd')
    window.press('Play deck A')
    tap.ok(wait_for(lambda: waits(window, 'Play deck A')), 'play waits for its beat, and says so')
    window.press('Play deck A')
    tap.ok(wait_for(lambda: not waits(window, 'Play deck A')), 'a second press takes it back')

    window.press('Play deck A')
    wait_for(lambda: waits(window, 'Play deck A'))
    window.keys('Escape')
    tap.ok(wait_for(lambda: not waits(window, 'Play deck A')), 'Esc takes it back')
    tap.equal(window.value(POSITION.format('A')), 0.0, 'and the deck did not play')
    # round the selector: 16 bars, now, 1/4, 1/2, beat
    window.keys('d', 'd', 'd', 'd')


def check_space(tap, window):
    window.keys('space', 'space')
    wait_for(lambda: False, 1)
    tap.ok(window.find('Play deck A') and not waits(window, 'Play deck A'),
           'the space bar starts nothing')


def check_play(tap, window):
    window.press('Play deck A')
    tap.ok(wait_for(lambda: window.find('Stop deck A')), 'play on the beat plays')
    first = window.value(POSITION.format('A'))
    tap.ok(wait_for(lambda: window.value(POSITION.format('A')) > first + 0.5), 'the position moves')
    tap.ok(wait_for(lambda: window.text_after('Time, deck A:') > '00:00.5'), 'the time is told, too')
    tap.ok(wait_for(lambda: 'On air' in window.names()), 'the deck is on air')


def check_refusal(tap, window):
    window.choose_file('A', DEMO / 'north-pier.flac')
    alert = wait_for(lambda: [text for text in window.alerts() if 'air' in text.lower()], 10)
    tap.ok(alert, 'a load on the playing deck is refused with its reason', window.alerts())
    if alert:
        tap.note(alert[0])
    tap.ok('Harbour Lights' in window.names() and 'North Pier' not in window.names(),
           'and the track that plays stays')
    window.press('Eject deck A')
    tap.ok(wait_for(lambda: any('eject' in text.lower() for text in window.alerts()), 10),
           'so is an eject', window.alerts())


def check_unreadable(tap, window):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'notes.ogg'
        path.write_text('not music\n')
        window.choose_file('B', path)
        alert = wait_for(lambda: [text for text in window.alerts() if 'notes.ogg' in text], 10)
        tap.ok(alert, 'a file that is no music is refused by name', window.alerts())
        if alert:
            tap.note(alert[0])


def check_dialog(tap, window):
    tap.ok(window.choose_file('B', DEMO / 'north-pier.flac'), 'the file dialog opens and closes')
    tap.ok(wait_for(lambda: 'North Pier' in window.names(), 15), 'the file dialog loads on a stopped deck',
           window.alerts() + window.names())


def check_seek(tap, window):
    window.set_value(POSITION.format('A'), 30.0)
    tap.ok(wait_for(lambda: 29.0 < window.value(POSITION.format('A')) < 33.0),
           'the position, set on the playing deck, is reached on the beat',
           window.value(POSITION.format('A')))
    window.set_value(POSITION.format('B'), 10.0)
    tap.ok(wait_for(lambda: abs(window.value(POSITION.format('B')) - 10.0) < 0.01),
           'on a stopped deck at once, exactly')


def check_sync_and_tempo(tap, window):
    window.set_value('Session tempo in BPM', 126.0)
    window.keys('i')
    tap.ok(wait_for(lambda: window.text_after('BPM, deck B:') == '126.00'),
           'a synced deck follows the session', window.text_after('BPM, deck B:'))
    window.set_value('Session tempo in BPM', 128.0)
    tap.ok(wait_for(lambda: window.text_after('BPM, deck B:') == '128.00'),
           'and its changes', window.text_after('BPM, deck B:'))


def check_typing(tap, window):
    """Letters typed into the tempo stay there."""
    window.click('Session tempo in BPM')
    window.keys('q', 'q', 'q')
    wait_for(lambda: False, 1)
    tap.ok(window.find('Stop deck A'), 'a letter typed into an entry is no shortcut')
    window.keys('Escape')


def check_stop(tap, window):
    window.keys('shift+q')
    tap.ok(wait_for(lambda: window.find('Play deck A')), 'Shift+Q stops at once')
    window.press('Eject deck A')
    tap.ok(wait_for(lambda: 'Harbour Lights' not in window.names()), 'a stopped deck ejects')
    window.press('Play deck A')
    tap.ok(wait_for(lambda: window.alerts(), 5), 'play on an empty deck says why not', window.alerts())


def check_drop(tap, window):
    window.drop_file(DEMO / 'night-ferry.flac', POSITION.format('A'))
    tap.ok(wait_for(lambda: 'Night Ferry' in window.names(), 10), 'a file dropped on a deck is loaded',
           window.alerts())
    window.drop_file(DEMO / 'harbour-lights.flac', 'Waveform of deck A')
    tap.ok(wait_for(lambda: 'Harbour Lights' in window.names(), 10), 'so is one dropped on its waveform',
           window.alerts())


def main():
    tap = Tap()
    window = Window(DEMO / 'harbour-lights.flac', DEMO / 'night-ferry.flac')
    try:
        tap.ok(window.find('Echelon', 'frame'), 'the window opens')
        tap.ok(wait_for(lambda: 'Harbour Lights' in window.names()), 'the first file is on deck A')
        tap.ok(wait_for(lambda: 'Night Ferry' in window.names()), 'the second is on deck B')
        tap.ok(wait_for(lambda: abs(float(window.text_after('BPM, deck A:')) - 124) < 0.1, 40),
               'its tempo is found', window.text_after('BPM, deck A:'))
        for check in (check_names, check_values, check_engine_took, check_kill, check_waiting,
                      check_space, check_play, check_refusal, check_unreadable, check_dialog,
                      check_seek, check_sync_and_tempo, check_typing, check_stop,
                      check_drop):
            check(tap, window)
        tap.ok(window.process.poll() is None, 'it still runs')
    finally:
        status = window.stop()
    tap.equal(status, 0, 'it ends cleanly')
    tap.none(window.complaints(), 'and GTK has nothing to complain about')
    return tap.done()


sys.exit(main())
