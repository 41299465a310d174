# SPDX-License-Identifier: GPL-3.0-or-later
"""Test Anything Protocol for plain scripts.

    from tap import Tap
    tap = Tap()
    tap.ok(1 + 1 == 2, 'adds')
    tap.equal(found, wanted, 'finds it')
    tap.skip('needs a sound card')
    sys.exit(tap.done())
"""


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def _point(self, good, name, directive=''):
        self.count += 1
        if not good:
            self.failed += 1
        name = str(name).replace('#', '')
        print(f'{"ok" if good else "not ok"} {self.count} - {name}{directive}', flush=True)

    def ok(self, good, name, detail=''):
        """One point; @detail (lines) is printed when it is not good."""
        self._point(bool(good), name)
        if not good and detail:
            self.note(detail)
        return bool(good)

    def equal(self, found, wanted, name):
        return self.ok(found == wanted, name, f'found:  {found!r}\nwanted: {wanted!r}')

    def none(self, faults, name):
        """Good when the list @faults is empty; else it is printed."""
        faults = list(faults)
        return self.ok(not faults, name, '\n'.join(str(fault) for fault in faults))

    def skip(self, why):
        self._point(True, '', f' # SKIP {why}')

    def note(self, text):
        for line in str(text).splitlines():
            print('# ' + line, flush=True)

    def done(self):
        print(f'1..{self.count}', flush=True)
        return 1 if self.failed else 0
