#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""safety-page.py: the preferences' page "Safety", as a screen reader sees and works it.

With $ECH_SCREENSHOTS set, pictures of it go there.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyatspi
from echelon_ui import Window, wait_for, walk
from tap import Tap

CONFIG = Path(os.environ['XDG_CONFIG_HOME'])
FILE = CONFIG / 'echelon/policy.json'
TALL = 2150
TITLE = '^Preferences$'
CONTROLS = ('push button', 'toggle button', 'spin button', 'combo box', 'check box', 'switch', 'page tab')


class Preferences:
    def __init__(self, window, title='Preferences'):
        self.window = window
        self.title = title

    def root(self):
        app = self.window.app
        app.clear_cache()
        for index in range(app.childCount):
            frame = app.getChildAtIndex(index)
            if frame and frame.name == self.title:
                return frame
        return None

    def nodes(self):
        root = self.root()
        return list(walk(root)) if root else []

    def find(self, name, *roles):
        return next((node for node in self.nodes()
                     if node.name == name and (not roles or node.getRoleName() in roles)), None)

    def wait(self, name, *roles):
        return wait_for(lambda: self.find(name, *roles))

    def press(self, name, *roles):
        return self.wait(name, *(roles or CONTROLS)).queryAction().doAction(0)

    def spread(self):
        """All of the page in the window: the screen is tall."""
        subprocess.run(['xdotool', 'windowsize', self.window.xwindow(TITLE), '640', str(TALL)], check=True, timeout=10)
        wait_for(lambda: self.find('Open').queryComponent().getExtents(pyatspi.WINDOW_COORDS).y > 900, 5)

    def click(self, name, role):
        box = self.wait(name, role).queryComponent().getExtents(pyatspi.WINDOW_COORDS)
        subprocess.run(['xdotool', 'mousemove', '--window', self.window.xwindow(TITLE), str(box.x + 60),
                        str(box.y + 20), 'sleep', '0.2', 'click', '1'], check=True, timeout=10)

    def choose(self, name, key):
        """Opens the list and takes its first or last (Home, End).  It goes when its window gets the focus: first that."""
        self.window.keys('Shift_L', title=TITLE)
        self.press(name, 'push button')
        for step in (key, 'Return'):
            wait_for(lambda: False, 0.5)
            subprocess.run(['xdotool', 'key', step], check=True, timeout=10)

    def texts(self):
        return ' '.join(f'{node.name} {node.description}' for node in self.nodes())

    def picture(self, name):
        if os.environ.get('ECH_SCREENSHOTS'):
            wait_for(lambda: False, 1)
            self.window.screenshot(Path(os.environ['ECH_SCREENSHOTS']) / name)

    def close(self):
        self.window.keys('Escape', title=TITLE)
        return wait_for(lambda: not self.window.xwindow_now(TITLE))


def saved():
    try:
        return json.loads(FILE.read_text())
    except (OSError, ValueError):
        return {}


def write(text):
    FILE.parent.mkdir(parents=True, exist_ok=True)
    part = FILE.with_suffix('.part')
    part.write_text(text)
    part.rename(FILE)


def open_page(window):
    page = Preferences(window)
    window.keys('ctrl+comma')
    page.wait('General')
    page.press('Safety')
    page.wait('I may insist')
    return page


def check_names(tap, page):
    nodes = [node for node in page.nodes() if node.getRoleName() in CONTROLS]
    names = [node.name for node in nodes]
    tap.none([node.getRoleName() for node in nodes if not node.name], 'every control of the page has a name')
    doubled = [name for name in names if name and name[:len(name) // 2] == name[len(name) // 2 + 1:]]
    tap.none(doubled, 'and says it once')
    for who in ('Hands', 'OSC', 'Bridges', 'Agents'):
        tap.ok(sum(name.startswith(f'{who}: ') for name in names) >= 10, f'the rules of {who} say whose they are')
    tap.ok('no seek off the beat' in page.texts(), 'a rule is told in plain words')


def check_switch(tap, page):
    page.press('I may insist')
    tap.ok(wait_for(lambda: saved().get('on_air') == {'human_override': False}), 'a switch is saved at once', saved())


def check_number(tap, page):
    page.wait('Agents: Actions a second', 'spin button').queryValue().currentValue = 7.5
    tap.ok(wait_for(lambda: saved()['classes']['agent'].get('rate_per_s') == 7.5), 'a number is saved', saved())
    page.wait('Questions wait', 'spin button').queryValue().currentValue = 12
    tap.ok(wait_for(lambda: saved().get('confirm_wait') == '12 s'), 'a time is saved', saved())


def check_choice(tap, page):
    page.choose('When it falls silent', 'End')
    tap.ok(wait_for(lambda: saved().get('guards', {}).get('silence') == {'action': 'resume'}), 'a choice is saved', saved())


def check_class(tap, page):
    """A class's rules stand in a row that is opened first."""
    page.click('Agents', 'list item')
    wait_for(lambda: page.find('Agents: May load and eject', 'check box').getState().contains(pyatspi.STATE_SENSITIVE))
    wait_for(lambda: False, 1)
    page.picture('safety-agents.png')
    page.press('Agents: May load and eject')
    tap.ok(wait_for(lambda: 'loads' in saved()['classes']['agent'].get('may_not', [])), 'a permission is saved', saved())
    page.choose('Agents: Pause between loops', 'End')
    tap.ok(wait_for(lambda: saved()['classes']['agent'].get('cooldowns') == {'loops': '32 beats'}), 'a pause is saved', saved())
    page.choose('Agents: What becomes of its actions', 'Home')
    tap.ok(wait_for(lambda: saved()['classes']['agent'].get('mode') == 'off'), 'a mode is saved', saved())
    tap.ok(wait_for(lambda: 'Programs that play by themselves. Off: refused' in page.texts()), 'and told on its row')


def check_external(tap, page):
    """Somebody edits the file; what the page does not know stays when it saves."""
    write('{"on_air": {"level_db": -42.5}, "classes": {"hand": {"cooldowns": {"stop": 0}}},\n'
          ' "sources": {"panel": {"class": "hand", "mode": "assist"}}}')
    value = page.wait('A deck is heard from', 'spin button').queryValue()
    tap.ok(wait_for(lambda: value.currentValue == -42.5), 'a change of the file is shown')
    tap.ok('One for each kind' in page.texts(), 'also what the page has no choice for')
    page.press('Emergency loop')
    tap.ok(wait_for(lambda: 'guards' in saved()), 'a row is changed after that')
    tap.equal(saved(), {'version': 1, 'on_air': {'level_db': -42.5}, 'guards': {'emergency_loop': {'on': False}},
                        'classes': {'hand': {'cooldowns': {'stop': '0 ms'}}},
                        'sources': {'panel': {'class': 'hand', 'mode': 'assist'}}}, 'and the rest of the file is kept')


def check_fault(tap, window, page):
    wrong = '{\n"on_air": {"level_db": 12}}'
    write(wrong)
    tap.ok(wait_for(lambda: 'line 2: “level_db” takes a number from -120 to 0, not 12' in page.texts()),
           'a wrong file: the page says line and reason')
    page.picture('safety-fault.png')
    tap.ok(wait_for(lambda: any('The policy file is wrong in line 2' in node.name for node in window.nodes())),
           'and so does the main window')
    tap.equal(page.wait('A deck is heard from', 'spin button').queryValue().currentValue, -42.5, 'the old rules stay')
    tap.equal(FILE.read_text(), wrong, 'and the file as it is')
    page.press('Replace File')
    tap.ok(wait_for(lambda: saved().get('on_air') == {'level_db': -42.5}), 'it is replaced by what is in force', saved())
    tap.ok(wait_for(lambda: not page.find('Replace File', 'push button')), 'and the fault is gone')
    tap.ok(wait_for(lambda: not any('The policy file is wrong' in node.name for node in window.nodes())), 'everywhere')


def check_restore(tap, window, page):
    page.press('Restore Defaults')
    dialog = Preferences(window, 'Restore all safety rules?')
    wait_for(dialog.root)
    dialog.press('Restore Defaults Restore Defaults', 'push button')
    tap.ok(wait_for(lambda: saved() == {'version': 1}), 'the defaults come back after a question', saved())
    value = page.wait('A deck is heard from', 'spin button').queryValue()
    tap.ok(wait_for(lambda: value.currentValue == -60), 'and are shown')


def check_start(tap):
    """A wrong file at the start: the defaults hold, and the window says so."""
    write('[')
    window = Window()
    try:
        tap.ok(wait_for(lambda: any('The policy file is wrong in line 1' in node.name for node in window.nodes())),
               'a wrong file at the start is told')
        page = open_page(window)
        tap.ok('line 1: ' in page.texts(), 'and explained')
        tap.ok('policy.json: line 1: ' in window.read_log(), 'and logged')
    finally:
        window.stop()


def main():
    tap = Tap()
    window = Window()
    try:
        page = open_page(window)
        page.picture('safety.png')
        page.spread()
        check_names(tap, page)
        check_switch(tap, page)
        check_number(tap, page)
        check_choice(tap, page)
        check_class(tap, page)
        check_external(tap, page)
        check_fault(tap, window, page)
        check_restore(tap, window, page)
        tap.ok(page.close(), 'Escape closes it')
        write('{"confirm_wait": "9 s"}')  # nobody looks at the page any more
        page = open_page(window)
        tap.equal(page.wait('Questions wait', 'spin button').queryValue().currentValue, 9, 'and it opens again')
    finally:
        status = window.stop()
    tap.equal(status, 0, 'it ends cleanly')
    # what it has to say of the wrong file, and of a port that somebody else on this machine has
    tap.none([line for line in window.complaints()
              if 'the policy before it stays in force' not in line and 'UDP port' not in line],
             'without a complaint on stderr')
    check_start(tap)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
