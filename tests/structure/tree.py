# SPDX-License-Identifier: GPL-3.0-or-later
"""What the structure tests share: the files of the tree."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))

CODE = {'.c', '.h', '.cc', '.cpp'}
SKIPPED = ('build', '.git', '.flatpak-builder')


def is_ours(path):
    top = path.relative_to(ROOT).parts[0]
    return not (top in SKIPPED or top.startswith('build-')) and '__pycache__' not in path.parts


def files():
    """All files that are, or could be, in the repository."""
    listed = subprocess.run(
        ['git', '-C', str(ROOT), 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        capture_output=True, text=True)
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split('\0') if name]
    else:  # an unpacked release has no git
        paths = list(ROOT.rglob('*'))
    return sorted({p for p in paths if p.is_file() and not p.is_symlink() and is_ours(p)})


def code_files(*tops):
    return [p for p in files()
            if p.suffix in CODE and (not tops or p.relative_to(ROOT).parts[0] in tops)]


def name_of(path):
    return path.relative_to(ROOT).as_posix()
