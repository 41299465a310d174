#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""data-files.py [DESKTOP METAINFO]: what desktops, stores and builders read is valid."""

import copy
import json
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import jsonschema
import yaml

from tree import ROOT
from tap import Tap

APP = 'io.github.echelon_dj.Echelon'
DATA = ROOT / 'data'


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def check_desktop(tap, desktop):
    code, output = run('desktop-file-validate', desktop)
    tap.ok(code == 0 and not output.strip(), 'the desktop file is valid, without a hint', output)
    text = Path(desktop).read_text(encoding='utf-8')
    tap.ok(f'\nIcon={APP}\n' in text, 'the desktop file names our icon')
    with tempfile.NamedTemporaryFile('w', suffix='.desktop') as broken:
        broken.write(text.replace('Type=Application', 'Type=Aplication'))
        broken.flush()
        tap.ok(run('desktop-file-validate', broken.name)[0] != 0, 'a broken desktop file is noticed')


def check_metainfo(tap, metainfo):
    # Without network: the validator must not go and look at addresses.
    code, output = run('appstreamcli', 'validate', '--no-net', '--explain', metainfo)
    tap.equal(code, 0, 'the metainfo is valid')
    if code:
        tap.note(output)
    component = ElementTree.parse(metainfo).getroot()
    tap.equal(component.findtext('id'), APP, 'the metainfo has our id')
    tap.equal(component.findtext('launchable'), f'{APP}.desktop', 'the metainfo launches our entry')
    version = (ROOT / 'meson.build').read_text().split("version: '", 1)[1].split("'", 1)[0]
    releases = [r.get('version') for r in component.iter('release')]
    tap.equal(releases[:1], [version], "the newest release in the metainfo is meson's version")


def check_icons(tap):
    for name in (f'scalable/apps/{APP}.svg', f'symbolic/apps/{APP}-symbolic.svg'):
        root = ElementTree.parse(DATA / 'icons/hicolor' / name).getroot()
        tap.ok(root.tag.endswith('}svg') and root.get('width') == root.get('height'),
               f'{name} is a square SVG')


def check_schema(tap):
    code, output = run('glib-compile-schemas', '--strict', '--dry-run', DATA)
    tap.ok(code == 0, 'the settings schema compiles strictly', output)
    schema = ElementTree.parse(DATA / f'{APP}.gschema.xml').getroot().find('schema')
    tap.equal(schema.get('path'), '/io/github/echelon_dj/Echelon/', 'the schema has our path')
    bare = [key.get('name') for key in schema.iter('key') if key.find('summary') is None]
    tap.none(bare, 'every setting has a summary')
    with tempfile.TemporaryDirectory() as folder:
        text = (DATA / f'{APP}.gschema.xml').read_text(encoding='utf-8')
        Path(folder, f'{APP}.gschema.xml').write_text(text.replace("'bar'</default>", "'bra'</default>"))
        tap.ok(run('glib-compile-schemas', '--strict', '--dry-run', folder)[0] != 0,
               'a default that is no choice is noticed')


def manifest_faults(manifest, schema):
    validator = jsonschema.Draft7Validator(schema)
    faults = [f'{"/".join(map(str, e.absolute_path))}: {e.message[:200]}'
              for e in validator.iter_errors(manifest)]
    args = manifest.get('finish-args', [])
    if '--socket=fallback-x11' in args and not {'--share=ipc', '--socket=wayland'} <= set(args):
        faults.append('fallback-x11 wants share=ipc and wayland beside it')
    # The manifest builds the tree it stands in: only our own module may be unpinned.
    for module in manifest.get('modules', [])[:-1]:
        faults += [f'{module["name"]}: a source is not pinned' for source in module['sources']
                   if source.get('type') == 'dir']
    return faults


def check_manifest(tap):
    schema = json.loads((ROOT / 'tests/structure/flatpak-manifest.schema.json').read_text())
    manifest = yaml.safe_load((ROOT / f'flatpak/{APP}.yml').read_text())
    tap.none(manifest_faults(manifest, schema), 'the Flatpak manifest is valid and its modules pinned')

    def broken(change):
        other = copy.deepcopy(manifest)
        change(other)
        return manifest_faults(other, schema)

    changes = {
        'a misspelt key': lambda m: m.update({'finishargs': []}),
        'a misspelt permission': lambda m: m['finish-args'].append('--shar=ipc'),
        'an unquoted runtime version': lambda m: m.update({'runtime-version': 48}),
        'a module without a checksum': lambda m: m['modules'][0]['sources'][0].pop('sha256'),
        'a module from a folder': lambda m: m['modules'][0].update(sources=[{'type': 'dir', 'path': '..'}]),
    }
    for name, change in changes.items():
        tap.ok(broken(change), f'{name} in the manifest is noticed')
    if shutil.which('flatpak-builder'):
        code, output = run('flatpak-builder', '--show-manifest', ROOT / f'flatpak/{APP}.yml')
        tap.ok(code == 0, 'flatpak-builder reads the manifest', output)
    else:
        tap.skip('flatpak-builder is not installed')


def main():
    tap = Tap()
    if len(sys.argv) > 2:
        check_desktop(tap, sys.argv[1])
        check_metainfo(tap, sys.argv[2])
    check_icons(tap)
    check_schema(tap)
    check_manifest(tap)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
