# SPDX-License-Identifier: GPL-3.0-or-later
"""Property tests: the scheduler against the model of its rules, whatever sources ask for.

    test-properties.py [--steps N] [--seed N] [--no-shrink]

Each example makes a policy and sources, and then does the same to the core and to the model: actions
of all verbs with all timings, deadlines and ids; batches; yes and no to what is held; time; loads that
come, fail or are late; changes of tempo and mode. After each step the fates, their rules and their
frames must be the model's, and so must be the decks; and what the orders did to the sound is held
against the invariants without asking the model.

What a step is made of comes out of numbers that Hypothesis draws: so a failure shrinks to the fewest
steps, and each to the plainest one (the first of each of the tables below).
"""
import argparse
import itertools
from math import isnan
import sys
import traceback

from hypothesis import HealthCheck, Phase, seed as hypothesis_seed, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, \
    run_state_machine_as_test

import model
from core import Core, WORDS
from model import Action, MODES, Model, Policy, Span
from tap import Tap

NOW = 0  # ECH_WHEN_NOW
STEPS = [0]
LOG = []  # what the newest example did; Hypothesis ends with the smallest that fails
FATES = {}
RULES_TO_MEET = ('none', 'invalid', 'no-track', 'state', 'locked', 'on-air', 'last-deck', 'cooldown',
                 'rate', 'no-grid', 'load', 'stale', 'missed', 'duplicate', 'unknown', 'mode',
                 'ghost', 'forbidden', 'taken', 'emergency', 'confirm')


# --- From numbers to things ---------------------------------------------------------------------

NUMBER = st.integers(0, 2 ** 24 - 1)  # wider ones are drawn unevenly, and bytes slowly
PAIR = st.tuples(NUMBER, NUMBER)


class Dice:
    """Choices out of drawn numbers; when they run out, always the first."""

    def __init__(self, numbers):
        self.rest = 0
        for number in numbers:
            self.rest = self.rest << 24 | number

    def roll(self, n):
        self.rest, rolled = divmod(self.rest, n)
        return rolled

    def of(self, things):
        return things[self.roll(len(things))]


SPANS = [Span(), Span(), Span(), Span(0.5, 'beats'), Span(60, 'ms'), Span(4, 'beats'), Span(1000, 'ms'),
         Span(1, 'beats'), Span(16, 'beats'), Span(250, 'ms')]
RATES = [0, 0, 0, 0, 0, 8, 0, 0.5, 64, 0, 2]  # powers of two: no rounding, so no doubt
LEVELS = [1.0, 0.0, 0.5, 0.0001, 0.9]
SOURCES = [('mouse', 'hand'), ('agent', 'agent'), ('osc', 'osc'), ('bridge', 'bridge'),
           ('midi', 'hand'), ('tablet', 'osc')]
VERBS_WITH_WEIGHT = [verb for verb in model.VERBS if verb not in ('emergency', 'tempo')] + [
    'play', 'play', 'stop', 'volume', 'volume', 'crossfader', 'lock', 'unlock', 'confirm',
    'confirm', 'cancel', 'seek', 'play', 'load', 'eject', 'emergency', 'tempo', 'confirm']
VERBS_WITH_WEIGHT = [verb for verb in VERBS_WITH_WEIGHT if verb in WORDS]
TIMINGS = [('now', 'wait', 0.0)] * 6 + [
    ('grid', 'wait', 4.0), ('grid', 'wait', 1.0), ('grid', 'wait', 0.25), ('in', 'wait', 0.5),
    ('in', 'wait', 2.37), ('grid', 'land', 1.0), ('at', 'wait', 1.0), ('at', 'wait', -0.3),
    ('grid', 'wait', 16.0), ('grid', 'wait', 3.0)]
UNTIMED = model.GROUPS['safety'] + ('link', 'link-startstop', 'link-nudge')
VALUES = {
    'play': [None, 1.0, 500.0], 'seek': [1.0, 30.0, 500.0], 'cue': [None, 2.0, 500.0],
    'beatjump': [4.0, -1.0], 'loop': [4.0, 0.0, 0.5], 'loop-move': [1.0, -2.0],
    'bend': [0.0, 0.02], 'speed': [1.0, 1.02], 'sync': [1, 0], 'keylock': [1, 0], 'pfl': [1, 0],
    'trim': [0.0, -59.0, 6.0], 'volume': LEVELS, 'eq': [0.0, -26.0, -3.0, -60.0],
    'filter': [0.0, 0.5], 'crossfader': [0.5, 0.0, 1.0, 0.25], 'limiter': [-1.0, -6.0],
    'master-volume': [1.0, 0.0, 0.5], 'booth-volume': LEVELS, 'headphones-volume': LEVELS,
    'headphones-mix': LEVELS, 'record': [0, 1], 'link': [0, 1], 'link-startstop': [1, 0],
    'link-nudge': [0, 1, -64, 65], 'tempo': [120.0, 60.0, 240.0, 133.7],
    'source-mode': [3, 2, 1, 0],
}
WRONG = {'volume': 1.5, 'crossfader': -0.1, 'seek': None, 'tempo': 5.0, 'loop': 65.0}


def make_rules(dice, rules):
    rules.mode = dice.of(['auto', 'auto', 'auto', 'assist', 'ghost', 'off', 'assist', 'auto'])
    rules.priority = dice.of([50, 100, 20, 0, 80])
    rules.rate_per_s = dice.of(RATES)
    for group, verbs in model.GROUPS.items():
        if dice.roll(16) == 1:
            rules.verbs -= set(verbs)
        if group != 'safety' and dice.roll(3) == 1:
            span = dice.of(SPANS)
            rules.cooldowns.update((verb, span) for verb in verbs)
    if dice.roll(4) == 1:
        rules.cooldowns['lock'] = rules.cooldowns['unlock'] = dice.of(SPANS)
    rules.verbs.add('emergency')
    rules.after_unlock = dice.of(SPANS)
    rules.takeover = dice.of(SPANS)
    rules.after_emergency = dice.of(SPANS) if dice.roll(3) == 1 else Span()
    rules.may_stop_last = dice.roll(2) == 0
    rules.may_silence_last = dice.roll(2) == 0


def make_policy(dice):
    policy = Policy()
    policy.human_override = dice.roll(4) != 1
    policy.override_least_ms = dice.of([0.0, 300.0, 100.0])
    policy.override_window_ms = dice.of([10000.0, 1000.0, 400.0])
    policy.confirm_wait_ms = dice.of([30000.0, 1000.0, 3000.0])
    policy.on_air_db = dice.of([-60.0, -40.0, -20.0])
    for name in model.CLASSES:
        make_rules(dice, policy.classes[name])
        if name == 'hand' and dice.roll(3) != 1:
            policy.classes[name].mode = 'auto'
    for name, source_class in (('tablet', dice.of(['hand', 'agent'])), ('robot', 'agent')):
        if dice.roll(2) == 1:
            rules = model.Rules()
            make_rules(dice, rules)
            policy.named[name] = (source_class, rules)
    return policy


# --- The machine --------------------------------------------------------------------------------

SCRIPT = st.lists(PAIR, min_size=1, max_size=12)


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.core = None
        self.log = LOG
        LOG.clear()

    @initialize(script=st.tuples(*[NUMBER] * 24))
    def begin(self, script):
        dice = Dice(script)
        self.policy = make_policy(dice)
        self.core = Core(self.policy)
        self.model = Model(self.policy)
        self.clients = itertools.count(1)
        self.actions = {}  # client -> Action as posted
        self.final = {}  # client -> fate
        self.hands_clients = set()
        self.locked = [False, False]  # as the events tell it
        self.alone = None  # client of the action that was posted alone just now
        self.by_name = {}
        self.ids = {}  # source -> ids used
        self.sources = []
        for name, source_class in SOURCES[:2 + dice.roll(5)]:
            source = self.model.add_source(name, source_class)
            source.number = self.core.add_source(name, source_class, 64)
            assert source.number >= 0
            self.sources.append(source)
            self.ids[name] = []
            self.by_name[name] = source
        self.settle()
        if dice.roll(4) != 1:
            self.load_both()

    def load_both(self):
        """Most of what can go wrong needs tracks on the decks."""
        hand = self.sources[0]
        mode, hand.mode = hand.mode, hand.mode
        for deck in (0, 1):
            self.post(hand, [self.action(hand, 'load', deck=deck, text='x.flac')])
            self.settle()
            self.both_answer(deck, 'ready', 600.0)
            self.settle()
            self.both_answer(deck, 'grid', 120.0)
            self.settle()
        hand.mode = mode

    # doing the same to both

    def action(self, source, verb, **fields):
        client = next(self.clients)
        fields.setdefault('id', f'i{client}')
        action = Action(verb, client=client, **fields)
        return action

    def post(self, source, actions):
        self.alone = actions[0].client if len(actions) == 1 else None
        for action in actions:
            if source.is_hand():
                self.hands_clients.add(action.client)
            self.log.append(f'{source.name}: {action!r}')
            self.actions[action.client] = action
            # whether an emergency's id is used up is left open: it is never a duplicate itself
            if action.id and action.verb != 'emergency':
                self.ids[source.name].append(action.id)
        assert self.core.post(source.number, actions) == 0
        self.model.post(source, actions)
        STEPS[0] += len(actions)

    def settle(self):
        self.core.settle()
        self.model.tick()
        self.model.cycle(0)
        self.model.tick()
        self.compare()

    def both_answer(self, deck, what, value):
        number = {'ready': Core.READY, 'grid': Core.GRID, 'none': Core.NO_GRID,
                  'failed': Core.FAILED}[what]
        asked = self.model.answer(deck, what, value)
        assert self.core.answer(deck, number, value) == asked, (deck, what, asked)

    # comparing

    def compare(self):
        found, self.model.events, wanted = self.core.events(), [], self.model.events
        assert sorted(e.key() for e in found) == sorted(e.key() for e in wanted), (
            '\nfound: ' + '\n       '.join(map(repr, found))
            + '\nmodel: ' + '\n       '.join(map(repr, wanted)))
        by_key = {}
        for event in wanted:
            by_key.setdefault(event.key(), []).append(event)
        for event in found:
            self.compare_event(event, by_key[event.key()].pop(0))
        self.check_orders(found)
        self.compare_state()

    def compare_event(self, found, wanted):
        FATES[found.fate, found.rule] = FATES.get((found.fate, found.rule), 0) + 1
        if found.fate in model.FINAL:
            assert found.client not in self.final, (found, 'has its second last fate')
            self.final[found.client] = found.fate
        if found.fate == 'rejected':
            assert found.rule != 'none' and len(found.text) > 10, found
            assert found.source == wanted.source, found
        assert found.id == wanted.id, (found, wanted)
        if wanted.beat is not None and found.fate in ('queued', 'executed'):
            assert abs(found.beat - wanted.beat) < 1e-6, (found, wanted)
        if wanted.fate == 'executed' and wanted.frame:
            assert found.frame == wanted.frame, (found, wanted)

    def compare_state(self):
        state = self.core.state()
        for number, deck in enumerate(self.model.world.decks):
            seen = state.decks[number]
            assert model.STATES[seen.state] == deck.state(), (number, model.STATES[seen.state],
                                                             deck.state())
            assert bool(seen.on_air) == self.model.world.is_on_air(number), number
            assert bool(seen.locked) == (deck.lock is not None), number

    # the invariants, without the model's word

    def check_orders(self, events):
        """What was done to the sound, seen from the audio's side."""
        by_serial = {event.serial: event for event in events if event.fate == 'executed'}
        for done in self.core.done():
            event = by_serial.get(done.serial)
            if event is None:
                continue
            action = self.actions[event.client]
            is_second_step = action.verb == 'confirm' and event.client in self.hands_clients
            if done.was_on_air and event.verb in ('load', 'eject'):
                assert is_second_step, ('cut', event)
            if done.was_on_air and done.when == NOW and not done.in_phase and (
                    event.verb in ('seek', 'hotcue-jump')
                    or event.verb in ('play', 'cue') and (event.verb == 'cue') == isnan(done.value)):
                assert is_second_step, ('out of the beat', event)
            if event.client == self.alone and done.when == NOW:
                assert event.verb == 'emergency' or not self.locked[done.deck] or not \
                    model.has_deck(event.verb), ('locked', event)
                if done.was_on_air and done.n_on_air == 1 and event.verb in ('stop', 'cue') and (
                        event.verb == 'stop' or isnan(done.value)):
                    assert self.by_name[event.source].rules.may_stop_last, ('the last', event)
        for event in events:
            if event.fate == 'executed' and event.verb in ('lock', 'unlock'):
                self.locked[self.actions[event.client].deck] = event.verb == 'lock'

    # --- The steps ------------------------------------------------------------------------------

    @rule(script=SCRIPT)
    def act(self, script):
        for numbers in script:
            dice = Dice(numbers)
            source = dice.of(self.sources)
            self.post(source, [self.decode(dice, source)])
            self.settle()
            if dice.roll(4) == 1:
                self.advance(1 + dice.roll(4), 750)

    @rule(script=st.lists(PAIR, min_size=2, max_size=4), numbers=PAIR)
    def batch(self, script, numbers):
        dice = Dice(numbers)
        source, timing = dice.of(self.sources), dice.of(TIMINGS)
        actions = [self.decode(Dice(each), source) for each in script]
        actions = [a for a in actions if a.verb not in ('emergency', 'cancel', 'confirm',
                                                        'source-mode', 'load', 'eject')]
        if len(actions) < 2:
            return
        for action in actions:
            if action.verb not in UNTIMED:
                action.timing = timing
            action.deadline = 0.0
        self.post(source, actions)
        self.settle()

    @rule(script=PAIR)
    def wait(self, script):
        dice = Dice(script)
        self.advance(1 + dice.roll(24), dice.of([750, 4500, 3000, 1500]))

    def advance(self, n, frames):
        STEPS[0] += 1
        self.log.append(('advance', n, frames))
        self.core.advance(n, frames)
        for _ in range(n):
            self.model.cycle(frames)
            self.model.tick()
        # what was taken back in the last tick is told in the next
        self.settle()

    @rule(script=PAIR)
    def loader(self, script):
        dice = Dice(script)
        STEPS[0] += 1
        waiting = sorted({e.action.deck for e in self.model.waiting if e.stage == 'loading'})
        deck = dice.of(waiting or [0, 1])
        what, value = dice.of([('ready', 600.0), ('grid', 120.0), ('ready', 20.0), ('failed', 0.0),
                               ('none', 0.0)])
        self.log.append(('answer', deck, what))
        self.both_answer(deck, what, value)
        self.settle()

    @rule(script=PAIR)
    def say_yes(self, script):
        """To what is held, or a second time to what was refused on air."""
        dice = Dice(script)
        wanted = [e.action.id for e in self.model.held]
        wanted += [s.refused_on_air[0].id for s in self.sources if s.refused_on_air]
        source = dice.of(self.sources)
        self.post(source, [self.action(source, 'confirm',
                                       target=dice.of(wanted or ['nothing']) or 'nothing')])
        self.settle()

    def decode(self, dice, source):
        verb = dice.of(VERBS_WITH_WEIGHT)
        fields = {'deck': dice.roll(2), 'index': dice.roll(3)}
        if verb in VALUES:
            fields['value'] = dice.of(VALUES[verb])
        if dice.roll(64) == 63 and verb in WRONG:
            fields['value'] = WRONG[verb]
        now = self.model.now().beat
        if verb not in UNTIMED:
            kind, way, beats = dice.of(TIMINGS)
            if verb == 'tempo':
                kind, way, beats = 'now', 'wait', 0.0
            fields['timing'] = (kind, way, beats + now if kind == 'at' else beats)
            if dice.roll(16) == 1:
                fields['deadline'] = max(0.01, now + dice.of([1.0, -0.5, 0.3, 8.0]))
        if verb == 'load':
            fields['text'] = 'x.flac'
        elif verb == 'lock':
            fields['text'] = dice.of([None, 'the guest has it'])
        elif verb == 'source-mode':
            fields['target'] = dice.of([s.name for s in self.sources] + ['robot', 'nobody'])
        elif verb in ('cancel', 'confirm'):
            ids = [e.action.id for e in self.model.held + self.model.waiting if e.action.id]
            fields['target'] = dice.of(ids + ['nothing'])
            if not ids and dice.roll(8):
                verb, fields = 'play', {'deck': fields['deck']}
        how = dice.roll(24)
        if how == 1:
            fields['id'] = ''
        elif how == 2 and self.ids[source.name]:
            fields['id'] = self.ids[source.name][-1]
        return self.action(source, verb, **fields)

    def teardown(self):
        if self.core is None:
            return
        try:
            if sys.exc_info()[0] is None:
                self.end()
        finally:
            self.core.close()

    def end(self):
        """Everything ends; each action has had exactly one last fate."""
        hand = self.sources[0]
        self.post(hand, [self.action(hand, 'emergency')])
        for _ in range(3):
            self.settle()
        lost = [self.actions[c] for c in self.actions if c not in self.final]
        assert not lost, lost


def run_examples(options):
    """Rounds of examples until enough steps were done; each round has its own seed."""
    phases = [Phase.generate] if options.no_shrink else [Phase.generate, Phase.shrink]
    for number in itertools.count(options.seed):
        machine = type('Machine', (Machine,), {})
        hypothesis_seed(number)(machine)
        run_state_machine_as_test(machine, settings=settings(
            max_examples=options.round, stateful_step_count=30, database=None, deadline=None,
            phases=phases, suppress_health_check=list(HealthCheck), print_blob=False))
        if STEPS[0] >= options.steps:
            return


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--steps', type=int, default=100000)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--round', type=int, default=300, help='examples a round')
    parser.add_argument('--no-shrink', action='store_true')
    options = parser.parse_args()
    tap = Tap()

    detail = ''
    try:
        run_examples(options)
    except BaseException as error:  # whatever a test found, and what Hypothesis makes of several
        if isinstance(error, KeyboardInterrupt):
            raise
        detail = traceback.format_exc() + '\n'.join(map(str, LOG))
    tap.ok(not detail, 'the scheduler does what the model says', detail)
    tap.ok(detail or STEPS[0] >= options.steps, f'{STEPS[0]} steps were done')
    missing = [rule for rule in RULES_TO_MEET if not any(rule == r for _, r in FATES)]
    tap.ok(detail or options.steps < 100000 or not missing, 'each rule was met', missing)
    for (fate, rule_name), n in sorted(FATES.items(), key=lambda item: -item[1]):
        tap.note(f'{n:8d} {fate} {rule_name}')
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
