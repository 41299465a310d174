# SPDX-License-Identifier: GPL-3.0-or-later
"""The window as a screen reader sees it, for tests.

Everything goes through AT-SPI, or through the X server's keyboard: what works here
works for somebody who does not see the window.
"""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'support'))

import pyatspi  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent

# Roles that a person operates.
CONTROLS = ('push button', 'toggle button', 'slider', 'spin button', 'combo box', 'check box', 'entry')


def wait_for(probe, seconds=20):
    """The first true answer of @probe, or None when there was none in so many seconds."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = probe()
        except Exception:  # a widget that went away while we looked
            answer = None
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.05)


def free_port():
    """For OSC: whoever else runs on this machine may have its usual one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def walk(node):
    yield node
    node.clear_cache()
    for index in range(node.childCount):
        child = node.getChildAtIndex(index)
        if child:
            yield from walk(child)


class Window:
    def __init__(self, *arguments):
        self.known = {}
        self.osc_port = free_port()
        keyfile = Path(os.environ['XDG_CONFIG_HOME']) / 'glib-2.0/settings/keyfile'
        keyfile.parent.mkdir(parents=True, exist_ok=True)
        keyfile.write_text(f'[io/github/echelon_dj/Echelon]\nosc-port={self.osc_port}\n')
        environment = dict(os.environ, GSETTINGS_BACKEND='keyfile')
        self.log = tempfile.NamedTemporaryFile('w+', prefix='echelon-ui.', suffix='.log')
        self.process = subprocess.Popen([os.environ['ECH_APP'], *map(str, arguments)],
                                        stdout=self.log, stderr=subprocess.STDOUT, env=environment)
        self.app = wait_for(self._find_app, 60)
        if not self.app:
            self.stop()
            raise SystemExit('the window did not come\n' + self.read_log())
        wait_for(lambda: self.find('Play deck A'), 30)

    def _find_app(self):
        if self.process.poll() is not None:
            return None
        for app in pyatspi.Registry.getDesktop(0):
            if app and app.name == 'echelon' and app.childCount:
                return app
        return None

    # --- looking ---

    def nodes(self):
        """All of the main window, without the dialogs."""
        for frame in (self.app.getChildAtIndex(index) for index in range(self.app.childCount)):
            if frame and frame.name == 'Echelon':
                yield from walk(frame)

    def all(self):
        return list(self.nodes())

    def find(self, name, role=None):
        """By exact name.  A node is kept, and looked for again when it has another name by now."""
        known = self.known.get((name, role))
        try:
            if known:
                known.clear_cache()
                if known.name == name:
                    return known
        except Exception:  # it is gone
            pass
        node = self.look_for(name, role)
        if node:
            self.known[name, role] = node
        return node

    def look_for(self, name, role):
        for node in self.nodes():
            if node.name == name and (role is None or node.getRoleName() == role):
                return node
        return None

    def find_prefix(self, prefix):
        known = self.known.get(prefix)
        if known:
            known.clear_cache()
            if known.name.startswith(prefix):
                return known
        for node in self.nodes():
            if node.name.startswith(prefix):
                self.known[prefix] = node
                return node
        return None

    def text_after(self, prefix):
        """The number that a readout named "prefix number" shows."""
        node = self.find_prefix(prefix)
        return node.name[len(prefix):].strip() if node else ''

    def names(self):
        return [node.name for node in self.nodes()]

    def alerts(self):
        return [node.name for node in self.nodes()
                if node.getRoleName() == 'alert' and node.name]

    def value(self, name):
        node = self.find(name)
        if not node:
            return None
        node.clear_cache()
        return node.queryValue().currentValue

    def description(self, name):
        node = self.find(name)
        if not node:
            return None
        node.clear_cache()
        return node.description

    # --- doing ---

    def press(self, name):
        node = self.find(name)
        action = node.queryAction()
        for index in range(action.nActions):
            if action.getName(index) in ('click', 'toggle'):
                return action.doAction(index)
        raise AssertionError(f'{name} has no action')

    def set_value(self, name, value):
        self.find(name).queryValue().currentValue = value

    def xwindow_now(self, title):
        found = subprocess.run(['xdotool', 'search', '--onlyvisible', '--name', title],
                               capture_output=True, text=True, timeout=10).stdout.split()
        return found[0] if found else None

    def xwindow(self, title):
        return wait_for(lambda: self.xwindow_now(title), 20)

    def keys(self, *keys, title='^Echelon$'):
        window = self.xwindow(title)
        subprocess.run(['xdotool', 'windowfocus', '--sync', window], check=True, timeout=10)
        subprocess.run(['xdotool', 'key', '--delay', '30', *keys], check=True, timeout=20)

    def type(self, text, title):
        subprocess.run(['xdotool', 'windowfocus', '--sync', self.xwindow(title)], check=True, timeout=10)
        subprocess.run(['xdotool', 'type', '--delay', '10', text], check=True, timeout=30)

    def choose_file(self, deck, path):
        """Loads through the file dialog, as a person without a mouse does."""
        self.press(f'Load a file on deck {deck}')
        title = f'^Load on Deck {deck}$'
        if not self.xwindow(title):
            return False
        self.type(str(path), title)
        # The entry's completion may take the first Return for itself.
        for _ in range(5):
            self.keys('Return', title=title)
            if wait_for(lambda: not self.xwindow_now(title), 1):
                return True
        return False

    def middle(self, name):
        box = self.find(name).queryComponent().getExtents(pyatspi.WINDOW_COORDS)
        return box.x + box.width // 2, box.y + box.height // 2

    @contextlib.contextmanager
    def another_window(self, path=ROOT / 'README.md'):
        """Another program's window, from which @path can be dragged, in a corner where it covers nothing
        that is pressed; its title."""
        source = subprocess.Popen([os.environ['ECH_DRAG_SOURCE'], str(path)])
        title = '^drag source$'
        try:
            window = self.xwindow(title)
            self.xdo('windowmove', '--sync', window, '560', '2', 'windowraise', window)
            yield title
        finally:
            source.terminate()
            source.wait(10)

    def drop_file(self, path, name):
        """Drags @path out of another window and drops it on the middle of @name."""
        x, y = self.middle(name)
        with self.another_window(path):
            self.xdo('mousemove', '600', '20', 'sleep', '0.3', 'mousedown', '1')
            for step in range(1, 21):
                self.xdo('mousemove', 600 + (x - 600) * step // 20, 20 + (y - 20) * step // 20, 'sleep', '0.03')
            self.xdo('sleep', '0.5', 'mouseup', '1')
            wait_for(lambda: False, 0.5)

    def point_at(self, name):
        x, y = self.middle(name)
        subprocess.run(['xdotool', 'mousemove', '--window', self.xwindow('^Echelon$'), str(x), str(y)],
                       check=True, timeout=10)

    def click(self, name, button=1):
        """With the mouse, in the middle."""
        self.point_at(name)
        self.xdo('click', button)

    def xdo(self, *words):
        """What xdotool does with the pointer or the keys, where they are."""
        subprocess.run(['xdotool', *map(str, words)], check=True, timeout=10)

    def focus(self, title='^Echelon$'):
        self.xdo('windowfocus', '--sync', self.xwindow(title))

    def tab_to(self, name, key='Tab', most=80):
        """Brings the keyboard's focus to @name as a person does; whether it came there."""
        node = self.find(name)
        self.focus()
        for _ in range(most):
            node.clear_cache()
            if node.getState().contains(pyatspi.STATE_FOCUSED):
                return True
            self.xdo('key', key, 'sleep', '0.05')
        return False

    def count_pixels(self, name, color):
        """How many pixels of this colour, (red, green, blue) but for rounding, the widget @name shows."""
        box = self.find(name).queryComponent().getExtents(pyatspi.WINDOW_COORDS)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / 'window.png'
            subprocess.run(['import', '-window', self.xwindow('^Echelon$'), str(path)], check=True, timeout=60)
            pixels = subprocess.run(['convert', str(path), '-crop', f'{box.width}x{box.height}+{box.x}+{box.y}',
                                     '-depth', '8', 'rgb:-'], check=True, timeout=60, capture_output=True).stdout
        near = [range(max(part - 1, 0), min(part + 1, 255) + 1) for part in color]
        wanted = {bytes(triple) for triple in itertools.product(*near)}
        return sum(pixels[at:at + 3] in wanted for at in range(0, len(pixels), 3))

    def resize(self, width, height):
        window = self.xwindow('^Echelon$')
        subprocess.run(['xdotool', 'windowmove', window, '0', '0'], check=True, timeout=10)
        subprocess.run(['xdotool', 'windowsize', window, str(width), str(height)], check=True, timeout=10)

    def screenshot(self, path):
        subprocess.run(['import', '-window', 'root', str(path)], check=True, timeout=60)

    # --- the end ---

    def read_log(self):
        self.log.seek(0)
        return self.log.read()

    def complaints(self):
        return [line for line in self.read_log().splitlines()
                if 'CRITICAL' in line or 'WARNING' in line or 'Sanitizer' in line]

    def stop(self):
        """Ends the application as a session's end does; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            return None
