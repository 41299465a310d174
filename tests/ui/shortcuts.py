#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that the window takes, the shortcuts window and docs/keyboard.md tell the same;
so do the settings' defaults without and with the schema."""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'support'))

from tap import Tap  # noqa: E402

SIGNS = {'Left': '←', 'Right': '→', 'Down': '↓', 'Escape': 'Esc', 'BackSpace': 'Backspace', 'plus': '+',
         'equal': '=', 'minus': '-', 'comma': ',', 'period': '.', 'question': '?', 'Control': 'Ctrl'}


def keys_in_code():
    """{accelerator} of the table and of the application's own actions."""
    source = (ROOT / 'app/main-window-actions.c').read_text()
    table = source[source.index('shortcuts[] = {'):source.index('static EchDeckModel')]
    keys = set()
    for alternatives in re.findall(r'\{ "([^"]+)", "win\.', table):
        keys.update(alternatives.split('|'))
    clear = source[source.index('clear_keys[] = {'):]
    for modifiers in re.findall(r'\{ "([^"]+)", \d \}', clear[:clear.index('};')]):
        keys.update(f'{modifiers}{digit}' for digit in range(1, 9))
    held = source[source.index('bend_keys[] = {'):]
    keys.update(re.findall(r'\{ "(\w+)", \d, -?1 \}', held[:held.index('};')]))
    for line in re.findall(r'"(<Control>[^"]+)", NULL', (ROOT / 'app/application.c').read_text()):
        keys.add(line)
    return keys


def of_range(key):
    """<Control>1...8 are eight keys."""
    found = re.fullmatch(r'(.*)(\d)\.\.\.(\d)', key)
    if not found:
        return [key]
    return [f'{found[1]}{number}' for number in range(int(found[2]), int(found[3]) + 1)]


def keys_in_tooltips():
    """As people write them; those with a number for each of the eight hot cues."""
    table = (ROOT / 'ui/deck/deck-keys.c').read_text()
    pairs = re.findall(r'\{ "[\w-]+", \{ "([^"]+)", "([^"]+)" \} \}', table)
    return [key.replace('%', str(number)) for pair in pairs for key in pair
            for number in (range(1, 9) if '%' in key else [0])]


def keys_in_window():
    tree = ElementTree.parse(ROOT / 'app/shortcuts.ui')
    keys = []
    for node in tree.iter('property'):
        if node.get('name') == 'accelerator':
            for key in node.text.split():
                keys.extend(of_range(key))
    return keys


def as_people_write(key):
    parts = re.findall(r'<(\w+)>', key) + [re.sub(r'<\w+>', '', key)]
    parts = [SIGNS.get(part, part) for part in parts]
    if len(parts[-1]) == 1 and parts[-1].isalpha():
        parts[-1] = parts[-1].upper()
    return '`' + '+'.join(parts) + '`'


def schema_defaults():
    tree = ElementTree.parse(ROOT / 'data/io.github.echelon_dj.Echelon.gschema.xml')
    return {key.get('name'): key.find('default').text for key in tree.iter('key')}


def code_defaults():
    text = (ROOT / 'app/settings.c').read_text()
    text = text[text.index('defaults[] = {'):text.index('static void')]
    return dict(re.findall(r'\{ "([^"]+)", "([^"]+)" \}', text))


tap = Tap()
code, window = keys_in_code(), keys_in_window()
tap.ok(len(code) > 30, 'the table is found', sorted(code))
tap.equal(len(window), len(set(window)), 'no key does two things')
tap.none(sorted(code ^ set(window)), 'the shortcuts window lists exactly the keys that there are')
page = (ROOT / 'docs/keyboard.md').read_text()
in_ranges = {f'{key[:-2]}{digit}`' for key in re.findall(r'(`\S*1`) … `\S*8`', page) for digit in range(1, 9)}
tap.none([key for key in sorted(code) if not key.startswith('KP_') and as_people_write(key) not in page
          and as_people_write(key) not in in_ranges],
         'docs/keyboard.md has them all')
written = {as_people_write(key).strip('`') for key in code}
tooltips = keys_in_tooltips()
tap.ok(len(tooltips) > 40, 'the table of the tooltips is found', tooltips)
tap.none(sorted(set(tooltips) - written), 'the tooltips tell keys that there are')
schema = schema_defaults()
tap.none([f'{key}: {value}, in the schema {schema.get(key)}' for key, value in code_defaults().items()
          if schema.get(key) != value], 'defaults without the schema are those of the schema')
tap.none([key for key in code
          if re.sub(r'<.*>', '', key).lower() == 'space'], 'the space bar is no shortcut')
sys.exit(tap.done())
