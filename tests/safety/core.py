# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduler as a Python object: tests/safety/core-shim.h by ctypes.

    core = Core(policy)             # a model.Policy
    hand = core.add_source('mouse', 'hand')
    core.post(hand, [action])       # a model.Action
    core.settle()
    core.events()                   # [model.Event]
"""
import ctypes
import math
import os

import model

MAX_EVENTS = 512
ID, NAME, TEXT = 48, 32, 160
TIMINGS = {'default': 0, 'now': 1, 'grid': 2, 'at': 3, 'in': 4}
WAYS = {'wait': 0, 'land': 1}
UNITS = {'ms': 0, 'beats': 1}


class CTiming(ctypes.Structure):
    _fields_ = [('kind', ctypes.c_uint32), ('way', ctypes.c_uint32), ('beats', ctypes.c_double)]


class CAction(ctypes.Structure):
    _fields_ = [('verb', ctypes.c_uint32), ('deck', ctypes.c_uint32), ('index', ctypes.c_uint32),
                ('value', ctypes.c_double), ('timing', CTiming), ('deadline', ctypes.c_double),
                ('text', ctypes.c_char_p), ('client', ctypes.c_uint64),
                ('id', ctypes.c_char * ID), ('target', ctypes.c_char * ID)]


class CEvent(ctypes.Structure):
    _fields_ = [('serial', ctypes.c_uint64), ('fate', ctypes.c_uint32), ('rule', ctypes.c_uint32),
                ('verb', ctypes.c_uint32), ('deck', ctypes.c_uint32), ('source', ctypes.c_uint32),
                ('index', ctypes.c_uint32), ('client', ctypes.c_uint64), ('value', ctypes.c_double),
                ('beat', ctypes.c_double), ('frame', ctypes.c_uint64), ('id', ctypes.c_char * ID),
                ('source_name', ctypes.c_char * NAME), ('text', ctypes.c_char * TEXT),
                ('deck_state', ctypes.c_uint32)]


class CDone(ctypes.Structure):
    _fields_ = [('serial', ctypes.c_uint64), ('type', ctypes.c_uint32), ('deck', ctypes.c_uint32),
                ('was_on_air', ctypes.c_uint32), ('when', ctypes.c_uint32),
                ('in_phase', ctypes.c_uint32), ('n_on_air', ctypes.c_uint32),
                ('value', ctypes.c_double), ('at', ctypes.c_double), ('frame', ctypes.c_uint64)]


class CDeckState(ctypes.Structure):
    _fields_ = [('state', ctypes.c_uint32), ('generation', ctypes.c_uint32),
                ('on_air', ctypes.c_uint32), ('locked', ctypes.c_uint32),
                ('volume', ctypes.c_double)]


class CState(ctypes.Structure):
    _fields_ = [('beat', ctypes.c_double), ('bpm', ctypes.c_double),
                ('n_pending', ctypes.c_uint32), ('n_sources', ctypes.c_uint32),
                ('decks', CDeckState * 4)]


def _bind():
    lib = ctypes.CDLL(os.environ.get('ECH_CORE', 'libechelon-core.so'))
    p, d, u, i = ctypes.c_void_p, ctypes.c_double, ctypes.c_uint32, ctypes.c_int
    for name, result, arguments in (
            ('core_policy_new', p, []),
            ('core_policy_free', None, [p]),
            ('core_policy_set', i, [p, ctypes.c_char_p, d]),
            ('core_policy_name', i, [p, ctypes.c_char_p, u]),
            ('core_rules_set', i, [p, i, ctypes.c_char_p, d, i]),
            ('core_rules_set_verbs', i, [p, i, ctypes.c_uint64]),
            ('core_rules_set_cooldown', i, [p, i, u, d, u]),
            ('core_new', p, [p, u]),
            ('core_free', None, [p]),
            ('core_add_source', i, [p, ctypes.c_char_p, u, u]),
            ('core_remove_source', None, [p, i]),
            ('core_post', i, [p, i, ctypes.POINTER(CAction), ctypes.c_uint]),
            ('core_tick', None, [p]),
            ('core_cycle', None, [p, u]),
            ('core_settle', None, [p]),
            ('core_advance', None, [p, ctypes.c_uint, u]),
            ('core_frame', ctypes.c_uint64, [p]),
            ('core_answer', ctypes.c_bool, [p, u, u, d]),
            ('core_take_events', ctypes.c_uint, [p, ctypes.POINTER(CEvent), ctypes.c_uint]),
            ('core_take_done', ctypes.c_uint, [p, ctypes.POINTER(CDone), ctypes.c_uint]),
            ('core_state', None, [p, ctypes.POINTER(CState)]),
            ('core_size', ctypes.c_size_t, [ctypes.c_char_p]),
            ('core_rule_name', ctypes.c_char_p, [u]),
            ('core_verb_name', ctypes.c_char_p, [u]),
            ('core_fate_name', ctypes.c_char_p, [u]),
            ('core_is_word', ctypes.c_bool, [u])):
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    for what, struct in (('action', CAction), ('event', CEvent), ('done', CDone),
                         ('state', CState)):
        assert lib.core_size(what.encode()) == ctypes.sizeof(struct), what
    return lib


LIB = _bind()


def _names(what, function):
    return [function(n).decode() for n in range(LIB.core_size(what))]


VERB_NAMES = _names(b'verbs', LIB.core_verb_name)
RULE_NAMES = _names(b'rules', LIB.core_rule_name)
FATE_NAMES = _names(b'fates', LIB.core_fate_name)
VERB = {name: number for number, name in enumerate(VERB_NAMES)}
WORDS = {name for name in VERB if LIB.core_is_word(VERB[name])}


def _check(result):
    assert result >= 0, 'the core knows no such field'
    return result


def c_policy(policy):
    """The same policy as plain C data; the caller frees it."""
    pointer = LIB.core_policy_new()
    for field in ('on_air_db', 'human_override', 'override_least_ms', 'override_window_ms',
                  'confirm_wait_ms', 'emergency_loop', 'emergency_loop_beats', 'silence_action',
                  'silence_after_ms', 'silence_db'):
        _check(LIB.core_policy_set(pointer, field.encode(), float(getattr(policy, field))))
    for number, name in enumerate(model.CLASSES):
        _set_rules(pointer, number, policy.classes[name])
    for name, (source_class, rules) in policy.named.items():
        who = _check(LIB.core_policy_name(pointer, name.encode(),
                                          model.CLASSES.index(source_class)))
        _set_rules(pointer, who, rules)
    return pointer


def _set_rules(pointer, who, rules):
    def put(field, value, unit=0):
        _check(LIB.core_rules_set(pointer, who, field.encode(), float(value), unit))

    put('mode', model.MODES.index(rules.mode))
    for field in ('priority', 'rate_per_s', 'may_stop_last', 'may_silence_last'):
        put(field, getattr(rules, field))
    for field, span in (('after_unlock', rules.after_unlock), ('yield', rules.takeover),
                        ('after_emergency', rules.after_emergency)):
        put(field, span.amount, UNITS[span.unit])
    LIB.core_rules_set_verbs(pointer, who, sum(1 << VERB[verb] for verb in rules.verbs))
    for verb in model.VERBS:
        span = rules.cooldowns.get(verb, model.Span())
        LIB.core_rules_set_cooldown(pointer, who, VERB[verb], span.amount, UNITS[span.unit])


def c_action(action, out):
    out.verb = VERB[action.verb]
    out.deck = action.deck
    out.index = action.index
    out.value = math.nan if action.value is None else action.value
    kind, way, beats = action.timing
    out.timing.kind = TIMINGS[kind]
    out.timing.way = WAYS[way]
    out.timing.beats = beats
    out.deadline = action.deadline
    out.text = action.text.encode() if action.text is not None else None
    out.client = action.client
    out.id = action.id.encode()
    out.target = action.target.encode()
    return out


class Core:
    READY, GRID, NO_GRID, FAILED = range(4)

    def __init__(self, policy, n_decks=2):
        pointer = c_policy(policy)
        self.core = LIB.core_new(pointer, n_decks)
        LIB.core_policy_free(pointer)
        self.n_decks = n_decks
        self._actions = (CAction * 64)()
        self._events = (CEvent * MAX_EVENTS)()
        self._done = (CDone * MAX_EVENTS)()
        self._state = CState()
        self.texts = {}

    def close(self):
        LIB.core_free(self.core)
        self.core = None

    def add_source(self, name, source_class, capacity=0):
        return LIB.core_add_source(self.core, name.encode(), model.CLASSES.index(source_class),
                                   capacity)

    def remove_source(self, source):
        LIB.core_remove_source(self.core, source)

    def post(self, source, actions):
        for number, action in enumerate(actions):
            c_action(action, self._actions[number])
        return LIB.core_post(self.core, source, self._actions, len(actions))

    def tick(self):
        LIB.core_tick(self.core)

    def cycle(self, n_frames):
        LIB.core_cycle(self.core, n_frames)

    def settle(self):
        LIB.core_settle(self.core)

    def advance(self, n_cycles, n_frames):
        LIB.core_advance(self.core, n_cycles, n_frames)

    def answer(self, deck, answer, value=0.0):
        return LIB.core_answer(self.core, deck, answer, value)

    def events(self):
        """Those since the last call, with their C text (what a person reads) as an extra."""
        found = []
        while True:
            n = LIB.core_take_events(self.core, self._events, MAX_EVENTS)
            for event in self._events[:n]:
                one = model.Event(event.client, FATE_NAMES[event.fate], RULE_NAMES[event.rule],
                                  event.beat, event.frame, event.id.decode(),
                                  VERB_NAMES[event.verb], event.source_name.decode())
                one.text = event.text.decode(errors='replace')
                one.serial = event.serial
                one.deck_state = event.deck_state
                found.append(one)
            if n < MAX_EVENTS:
                return found

    def done(self):
        """The orders that the audio thread carried out since the last call (CDone copies)."""
        found = []
        while True:
            n = LIB.core_take_done(self.core, self._done, MAX_EVENTS)
            found += [CDone.from_buffer_copy(one) for one in self._done[:n]]
            if n < MAX_EVENTS:
                return found

    def state(self):
        """Valid until the next call."""
        LIB.core_state(self.core, ctypes.byref(self._state))
        return self._state
