# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference model of the safety rules, written from their text (docs/safety.md) alone.

It shares no code and no idea with engine/scheduler: where that has heaps, rings and shadow
states, this has lists, and says each rule as plainly as Python can. tests/safety/test-properties.py
does the same things to both and compares what becomes of each action.

The pages, in their order: time, verbs, policy, sources, decks, the rules about a deck, the life
of an action, the rules on arrival, what a source is told to wait for, the audio.

Left out, because it is not a rule of safety: the decoder's work (a test says when a load is ready), and
the sound itself (a deck plays, or it does not).
"""
import copy
import math

RATE = 48000
HANDOVER_FRAMES = 4800  # an action is judged again, and handed to the audio thread, 0.1 s ahead
KILL_DB = -26.0


# --- Time ---------------------------------------------------------------------------------------


class Now:
    """A moment: where the music is, and what the clock on the wall says."""

    __slots__ = ('beat', 'ns')

    def __init__(self, beat, ns):
        self.beat = beat
        self.ns = ns


class Span:
    """So many milliseconds, or so many session beats."""

    __slots__ = ('amount', 'unit')

    def __init__(self, amount=0.0, unit='ms'):
        self.amount = amount
        self.unit = unit

    def has_passed(self, since, now):
        """What never happened is always long ago, and so is what lies in the future: the clock
        went back, and nothing may stay locked for ever because of that."""
        if since is None or self.amount == 0:
            return True
        if self.unit == 'beats':
            return now.beat < since.beat or now.beat - since.beat >= self.amount
        return now.ns < since.ns or now.ns - since.ns >= self.amount * 1e6


class Timeline:
    """Frames and beats. A change of tempo begins a new line where it happens."""

    def __init__(self, bpm=120.0):
        self.frame = 0.0
        self.beat = 0.0
        self.bpm = bpm

    def beat_at(self, frame):
        return self.beat + (frame - self.frame) * self.bpm / (60.0 * RATE)

    def frame_at(self, beat):
        return self.frame + (beat - self.beat) * (60.0 * RATE) / self.bpm

    def onset(self, beat):
        """The frame on which a beat is heard: the nearest, halves away from zero."""
        frame = self.frame_at(beat)
        return int(math.copysign(math.floor(abs(frame) + 0.5), frame))

    def change(self, frame, bpm):
        self.beat = self.beat_at(frame)
        self.frame = frame
        self.bpm = bpm


def due_beat(timing, timeline, frame):
    """(beat, missed): when an action that comes in at @frame is due; None = at once."""
    kind, way, beats = timing
    now = timeline.beat_at(frame)
    if kind == 'at':
        return beats, timeline.onset(beats) < frame
    if kind == 'in':
        return now + beats, False
    if kind == 'grid' and way == 'wait':
        n = math.floor(now / beats) - 1  # surely passed
        while timeline.onset(n * beats) < frame:
            n += 1
        return n * beats, False
    return None, False


# --- Verbs --------------------------------------------------------------------------------------

GROUPS = {
    'transport': ('play', 'stop', 'seek', 'cue', 'beatjump', 'hotcue-jump'),
    'loops': ('loop', 'loop-in', 'loop-out', 'loop-move'),
    'loads': ('load', 'eject'),
    'marks': ('hotcue-set', 'hotcue-clear'),
    'controls': ('speed', 'sync', 'trim', 'volume', 'eq', 'filter', 'pfl', 'bend', 'keylock',
                 'crossfader'),
    'master': ('limiter', 'master-volume', 'booth-volume', 'headphones-volume', 'headphones-mix',
               'tempo', 'record', 'link', 'link-startstop', 'link-nudge'),
    'safety': ('lock', 'unlock', 'emergency', 'cancel', 'confirm', 'source-mode'),
}
GROUP_OF = {verb: group for group, verbs in GROUPS.items() for verb in verbs}
VERBS = tuple(GROUP_OF)

STARTS = ('play', 'hotcue-jump')
DECKLESS = GROUPS['master'] + ('crossfader', 'emergency', 'cancel', 'confirm', 'source-mode')


def has_deck(verb):
    return verb not in DECKLESS


class Action:
    """What a source asks for. @timing: (kind, way, beats); @value: None where there is none."""

    __slots__ = ('verb', 'deck', 'index', 'value', 'timing', 'deadline', 'text', 'id', 'target',
                 'client')

    def __init__(self, verb, deck=0, index=0, value=None, timing=('now', 'wait', 0.0),
                 deadline=0.0, text=None, id='', target='', client=0):
        self.verb = verb
        self.deck = deck
        self.index = index
        self.value = value
        self.timing = timing
        self.deadline = deadline
        self.text = text
        self.id = id
        self.target = target
        self.client = client

    def __repr__(self):
        words = [self.verb]
        if has_deck(self.verb):
            words.append('abcd'[self.deck])
        words += [f'{name}={getattr(self, name)!r}' for name in ('value', 'id', 'target')
                  if getattr(self, name) not in (None, '')]
        if self.timing[0] != 'now':
            words.append(repr(self.timing))
        if self.deadline:
            words.append(f'deadline={self.deadline}')
        return '<' + ' '.join(words) + f' #{self.client}>'

    def goes_to_cue(self):
        """A cue without a position: a jump that stops there."""
        return self.verb == 'cue' and self.value is None

    def is_in_time(self):
        """It waits for its beat, or lands in phase with it."""
        kind, way, _ = self.timing
        return kind in ('at', 'in') or kind == 'grid'

    def cools(self):
        """Setting the cue and leaving a loop are free of cooldown."""
        if self.verb == 'cue':
            return self.value is None
        return not (self.verb == 'loop' and self.value == 0)

    def control(self):
        """What a hand would have its hand on; None: nothing."""
        group = GROUP_OF[self.verb]
        if group in ('transport', 'loops', 'loads', 'marks'):
            return 'transport', self.deck
        if group == 'safety':
            return None
        if not has_deck(self.verb):
            return self.verb, None
        return self.verb, self.deck, self.index if self.verb == 'eq' else None

    def takes_over(self):
        """Does a hand's action end what automation has planned for the same control?"""
        if GROUP_OF[self.verb] in ('transport', 'loops', 'loads', 'marks'):
            return self.goes_to_cue() or self.verb in ('stop', 'load', 'eject', 'play', 'seek',
                                                       'hotcue-jump', 'beatjump')
        return True


# --- Policy -------------------------------------------------------------------------------------

MODES = ('off', 'ghost', 'assist', 'auto')
CLASSES = ('hand', 'osc', 'bridge', 'agent')


class Rules:
    """What one source may do."""

    def __init__(self):
        self.mode = 'auto'
        self.priority = 100
        self.verbs = set(VERBS)
        self.rate_per_s = 0.0
        self.cooldowns = {}
        self.after_unlock = Span()
        self.takeover = Span()  # "yield" in the policy
        self.after_emergency = Span()
        self.may_stop_last = True
        self.may_silence_last = True


class Policy:
    def __init__(self):
        self.emergency_loop = False
        self.emergency_loop_beats = 8.0
        self.silence_action = 0
        self.silence_after_ms = 4000.0
        self.silence_db = -60.0
        self.on_air_db = -60.0
        self.human_override = True
        self.override_least_ms = 300.0
        self.override_window_ms = 10000.0
        self.confirm_wait_ms = 30000.0
        self.classes = {name: Rules() for name in CLASSES}
        self.named = {}  # name -> (class, Rules)

    def rules_of(self, name, source_class):
        return self.named.get(name, (source_class, self.classes[source_class]))

    def is_heard(self, gain):
        return gain > 10 ** (self.on_air_db / 20)


# --- Sources ------------------------------------------------------------------------------------


class Source:
    """Who asks. What it has done lately is its own; it never counts against another."""

    def __init__(self, policy, name, source_class):
        self.name = name
        self.source_class, self.rules = policy.rules_of(name, source_class)
        self.mode = self.rules.mode
        self.tokens = None  # (how many, ns) after the last one was spent; None = full
        self.ids = set()
        self.accepted = {}  # (verb, deck) -> Now
        self.refused_on_air = None  # (Action, Now): the newest, of a hand
        self.is_gone = False

    def is_hand(self):
        return self.source_class == 'hand'

    def spends_token(self, now):
        rate = self.rules.rate_per_s
        if rate == 0:
            return True
        tokens = capacity = max(1.0, rate)
        if self.tokens is not None:
            left, since_ns = self.tokens
            tokens = min(capacity, left + max(0, now.ns - since_ns) * 1e-9 * rate)
        if tokens < 1.0:
            return False
        self.tokens = tokens - 1.0, now.ns
        return True

    def stamp(self, action, now):
        if action.cools():
            self.accepted[cooldown_key(action)] = now


def cooldown_key(action):
    return action.verb, action.deck if has_deck(action.verb) else 0


# --- Decks --------------------------------------------------------------------------------------

# May it happen to a deck that is empty, loading, stopped, primed, playing? What is not here always may.
MASK = {verb: states.split() for verb, states in {
    'load': 'yes yes yes yes yes', 'eject': '- yes yes - yes',
    'play': '- - yes yes yes', 'stop': '- - yes yes yes', 'seek': '- - yes yes yes',
    'cue': '- - yes yes yes', 'beatjump': '- - yes yes yes',
    'loop': '- - yes yes yes', 'loop-in': '- - yes yes yes', 'loop-out': '- - yes yes yes',
    'loop-move': '- - yes yes yes', 'hotcue-set': '- - yes yes yes',
    'hotcue-jump': '- - yes yes yes', 'hotcue-clear': '- - yes yes yes',
}.items()}
STATES = ('empty', 'loading', 'stopped', 'primed', 'playing')


class Deck:
    def __init__(self):
        self.has_track = False
        self.generation = 0
        self.length_s = 0.0
        self.has_grid = False
        self.analysed = False
        self.n_loading = 0
        self.n_starts_waiting = 0
        self.n_swaps_ahead = 0  # loads and ejects that the audio thread holds for their beat
        self.playing = False
        self.sync = False
        self.speed = 1.0
        self.trim_db = 0.0
        self.volume = 1.0
        self.eq_db = [0.0, 0.0, 0.0]
        self.lock = None  # (reason, class of who locked)
        self.unlocked = None  # Now

    def state(self):
        if not self.has_track:
            return 'loading' if self.n_loading else 'empty'
        if self.playing:
            return 'playing'
        return 'primed' if self.n_starts_waiting else 'stopped'


class World:
    """All that a deck's rules look at."""

    def __init__(self, policy, n_decks):
        self.policy = policy
        self.decks = [Deck() for _ in range(n_decks)]
        self.crossfader = 0.5
        self.master = 1.0

    def copy(self):
        other = copy.copy(self)
        other.decks = [copy.copy(deck) for deck in self.decks]
        for deck in other.decks:
            deck.eq_db = list(deck.eq_db)
        return other

    def gain(self, number):
        """Through trim, fader and crossfader of constant power; A and C are its left side."""
        deck = self.decks[number]
        angle = self.crossfader * math.pi / 2
        side = math.sin(angle) if number % 2 else math.cos(angle)
        return 10 ** (deck.trim_db / 20) * deck.volume * side

    def is_on_air(self, number):
        deck = self.decks[number]
        return (deck.has_track and deck.playing and self.policy.is_heard(self.gain(number))
                and any(db > KILL_DB for db in deck.eq_db))

    def on_air(self):
        return [n for n in range(len(self.decks)) if self.is_on_air(n)]

    def is_master_heard(self):
        return self.policy.is_heard(self.master)

    def do(self, action, source_class='hand', now=None):
        """As it is when @action has been carried out. Loads are the model's own business."""
        verb = action.verb
        if verb == 'crossfader':
            self.crossfader = action.value
        elif verb == 'master-volume':
            self.master = action.value
        if not has_deck(verb):
            return
        deck = self.decks[action.deck]
        if verb in STARTS:
            deck.playing = True
        elif verb == 'stop' or action.goes_to_cue():
            deck.playing = False
        elif verb == 'eject':
            deck.has_track = deck.playing = deck.has_grid = deck.analysed = False
            deck.generation += 1
        elif verb == 'sync':
            deck.sync = action.value != 0
        elif verb == 'trim':
            deck.trim_db = action.value
        elif verb == 'volume':
            deck.volume = action.value
        elif verb == 'eq':
            deck.eq_db[action.index] = action.value
        elif verb == 'lock':
            if deck.lock is None:
                deck.lock = (action.text or '', source_class)
            deck.unlocked = None
        elif verb == 'unlock':
            if deck.lock is not None:
                deck.unlocked = now
            deck.lock = None


# --- The rules about a deck: asked on arrival and again when due -----------------------------------


def is_jump_heard(action):
    """A jump that breaks the beat when it comes unquantised."""
    if action.verb in ('seek', 'hotcue-jump'):
        return True
    return action.verb == 'play' and action.value is not None or action.goes_to_cue()


def judge_deck(world, action, source_class, rules, now, lifted=False):
    """The first rule (10) that refuses, or None. @lifted: a person's second step was made."""
    deck = world.decks[action.deck]
    verb = action.verb

    # lock
    if deck.lock is not None:
        if verb not in ('lock', 'unlock'):
            return 'locked'
        if verb == 'unlock' and deck.lock[1] == 'hand' and source_class != 'hand':
            return 'locked'
    if verb not in ('lock', 'unlock') and not rules.after_unlock.has_passed(deck.unlocked, now):
        return 'cooldown'
    # mask
    if verb in MASK and MASK[verb][STATES.index(deck.state())] == '-':
        return 'no-track' if deck.state() == 'empty' else 'state'
    # a start in the last moment before a swap
    if verb in STARTS and deck.n_swaps_ahead:
        return 'state'
    # on air
    if world.is_on_air(action.deck) and not lifted:
        if verb in ('load', 'eject') or is_jump_heard(action) and not is_beat_kept(action):
            return 'on-air'
    # the last deck
    if (verb == 'stop' or action.goes_to_cue()) and not rules.may_stop_last:
        if world.on_air() == [action.deck]:
            return 'last-deck'
    # grid
    if needs_grid(action) and not deck.has_grid:
        if not (verb == 'sync' and not deck.analysed):
            return 'no-grid'
    # position
    if verb in ('play', 'seek', 'cue') and action.value is not None:
        if action.value >= deck.length_s:
            return 'invalid'
    return None


def is_beat_kept(action):
    """Waiting for the beat keeps it; landing in phase too, but a cue stops and lands nowhere."""
    kind, way, _ = action.timing
    if kind in ('at', 'in'):
        return True
    return kind == 'grid' and (way == 'wait' or not action.goes_to_cue())


def needs_grid(action):
    verb = action.verb
    if verb in ('beatjump', 'loop-move') or verb == 'loop' and action.value != 0:
        return True
    if verb == 'sync':
        return action.value != 0
    return verb in ('play', 'seek', 'hotcue-jump') and action.timing[:2] == ('grid', 'land')


def judge_silencing(world, action, rules):
    """Rule 11: a fader takes the last deck on air out of the master."""
    if rules.may_silence_last:
        return None
    if action.verb not in ('volume', 'trim', 'eq', 'crossfader', 'master-volume'):
        return None
    if not (world.on_air() and world.is_master_heard()):
        return None
    then = world.copy()
    then.do(action)
    if then.on_air() and then.is_master_heard():
        return None
    return 'last-deck'


# --- The life of an action ----------------------------------------------------------------------


class Entry:
    """An action that has come in. Stages: held, loading, waiting, handed, done."""

    def __init__(self, serial, source, action):
        self.serial = serial
        self.source = source
        self.action = action
        self.stage = 'new'
        self.due = None  # session beat; None = at once
        self.generation = 0
        self.lifted = False
        self.group = [self]  # held together
        self.held_since = None
        self.load = None  # Load

    def __repr__(self):
        return f'{self.source.name}:{self.action!r}:{self.stage}'


class Load:
    """A track on its way from the loader to the deck, then on the deck."""

    def __init__(self, entry):
        self.entry = entry
        self.length_s = None  # known when it is ready
        self.has_grid = False
        self.ended = False  # the loader has said its last, or was told that nobody listens
        self.on_deck = False


class Event:
    __slots__ = ('client', 'fate', 'rule', 'beat', 'frame', 'id', 'verb', 'source', 'text',
                 'serial', 'deck_state')

    def __init__(self, client, fate, rule, beat, frame, id, verb, source):
        self.client = client
        self.fate = fate
        self.rule = rule
        self.beat = beat
        self.frame = frame
        self.id = id
        self.verb = verb
        self.source = source

    def key(self):
        return self.client, self.fate, self.rule

    def __repr__(self):
        return (f'#{self.client} {self.source} {self.verb} id={self.id!r}: {self.fate} {self.rule}'
                f' beat={self.beat} frame={self.frame}')


FINAL = ('executed', 'rejected', 'expired', 'cancelled')


class Refused(Exception):
    def __init__(self, rule, fate='rejected'):
        super().__init__(rule)
        self.rule = rule
        self.fate = fate


class Model:
    """The whole: post(), tick(), cycle(), events."""

    def __init__(self, policy, n_decks=2):
        self.policy = policy
        self.world = World(policy, n_decks)
        self.timeline = Timeline()
        self.frame = 0
        self.sources = []
        self.inbox = []  # (Source, [Action]), a batch is a list of more than one
        self.held = []
        self.waiting = []  # waiting, loading and handed
        self.orders = []  # (Entry, at): what the audio thread has
        self.emergency = None  # Now
        self.touched = {}  # control -> (Now, Source), by hands
        self.remembered_modes = {}
        self.events = []
        self.serial = 0
        self.loads = [None] * n_decks  # the newest of each deck
        self.answers = []

    # what the test does

    def add_source(self, name, source_class):
        source = Source(self.policy, name, source_class)
        source.mode = self.remembered_modes.get(name, source.mode)
        self.sources.append(source)
        return source

    def post(self, source, actions):
        self.inbox.append((source, actions))

    def now(self):
        return Now(self.timeline.beat_at(self.frame), self.frame * 1000000000 // RATE)

    def tick(self):
        self.take_answers()
        self.take_back_swaps()
        self.expire()
        # of what comes in the same tick the higher priority goes first
        inbox, self.inbox = self.inbox, []
        inbox.sort(key=lambda unit: -unit[0].rules.priority)
        for source, actions in inbox:
            self.arrive(source, actions)
        self.hand_over_due()

    # being told

    def tell(self, entry, fate, rule='none', beat=None, frame=0):
        self.events.append(Event(entry.action.client, fate, rule, beat, frame, entry.action.id,
                                 entry.action.verb, entry.source.name))

    def finish(self, entry, fate, rule='none', beat=None, frame=0):
        entry.stage = 'done'
        if entry.load is not None and fate != 'executed':
            entry.load.ended = True
        self.tell(entry, fate, rule, beat, frame)
        for place in (self.held, self.waiting):
            if entry in place:
                place.remove(entry)
        self.orders = [(e, at) for e, at in self.orders if e is not entry]
        self.count_decks()

    def count_decks(self):
        for number, deck in enumerate(self.world.decks):
            mine = [e for e in self.waiting if has_deck(e.action.verb)
                    and e.action.deck == number]
            deck.n_loading = sum(e.action.verb == 'load' for e in mine)
            deck.n_starts_waiting = sum(e.action.verb in STARTS and e.due is not None
                                        for e in mine)
            deck.n_swaps_ahead = sum(e.action.verb in ('load', 'eject') and e.stage == 'handed'
                                     and e.due is not None for e in mine)

    # --- The rules on arrival ---------------------------------------------------------------------

    def arrive(self, source, actions):
        entries = []
        for action in actions:
            self.serial += 1
            entries.append(Entry(self.serial, source, action))
        if len(entries) == 1:
            self.arrive_alone(entries[0])
        else:
            self.arrive_together(entries)

    def arrive_alone(self, entry):
        if entry.action.verb == 'emergency':
            entry.source.ids.add(entry.action.id)
            self.do_emergency(entry)
            return
        try:
            self.judge_arrival(entry, self.world, entry.source.accepted)
        except Refused as refusal:
            self.note_refusal(entry, refusal)
            self.finish(entry, refusal.fate, refusal.rule)
            return
        self.accept([entry])

    def arrive_together(self, entries):
        """All or nothing, each judged as if those before it were done."""
        now = self.now()
        world, accepted = self.world.copy(), dict(entries[0].source.accepted)
        for entry in entries:
            try:
                self.judge_arrival(entry, world, accepted)
            except Refused as refusal:
                for each in entries:
                    each.source.ids.add(each.action.id)
                    self.finish(each, refusal.fate, refusal.rule)
                return
            if entry.due is None:  # what waits for its beat has changed nothing yet
                world.do(entry.action, entry.source.source_class, now)
            if entry.action.cools():
                accepted[cooldown_key(entry.action)] = now
        self.accept(entries)

    def judge_arrival(self, entry, world, accepted):
        """Rules 1 to 13, in their order; raises the first that refuses."""
        source, action, now = entry.source, entry.action, self.now()
        is_known = action.id != '' and action.id in source.ids
        source.ids.add(action.id)
        if not is_well_formed(action, len(world.decks)):
            raise Refused('invalid')
        if is_known:
            raise Refused('duplicate')
        if source.mode == 'off':
            raise Refused('mode')
        if action.verb != 'cancel' and not source.spends_token(now):
            raise Refused('rate')
        self.judge_again(entry, world)
        action = entry.action  # a CONFIRM may have become another
        if action.cools():
            span = source.rules.cooldowns.get(action.verb, Span())
            if not span.has_passed(accepted.get(cooldown_key(action)), now):
                raise Refused('cooldown')

    def judge_again(self, entry, world):
        """Rules 4 to 12: on arrival, and when a person has said yes."""
        source, action, now = entry.source, entry.action, self.now()
        rules = source.rules
        if action.verb not in rules.verbs:
            raise Refused('forbidden')
        if action.verb not in ('cancel', 'lock', 'source-mode'):
            if not rules.after_emergency.has_passed(self.emergency, now):
                raise Refused('emergency')
        entry.due, is_missed = due_beat(action.timing, self.timeline, self.frame)
        if is_missed:
            raise Refused('missed')
        if action.deadline and now.beat > action.deadline:
            raise Refused('none', 'expired')
        if action.verb == 'cancel':
            if not self.cancellable(entry):
                raise Refused('unknown')
        elif action.verb == 'confirm':
            self.judge_confirm(entry)
            if entry.action is not action:
                return
        elif action.verb == 'source-mode':
            self.judge_source_mode(source, action)
        self.judge_state(entry, world)
        control = action.control()
        if control is not None and not source.is_hand() and control in self.touched:
            if not rules.takeover.has_passed(self.touched[control], now):
                raise Refused('taken')

    def judge_state(self, entry, world):
        """Rules 10 and 11: on arrival and when due."""
        source, action = entry.source, entry.action
        rule = None
        if has_deck(action.verb):
            entry.generation = world.decks[action.deck].generation
            rule = judge_deck(world, action, source.source_class, source.rules, self.now(),
                              entry.lifted)
        rule = rule or judge_silencing(world, action, source.rules)
        if rule:
            raise Refused(rule)

    def cancellable(self, entry):
        """What the CANCEL @entry means: one's own, or, for a hand, anybody's."""
        return [e for e in self.held + self.waiting
                if e.action.id == entry.action.target and entry.action.target
                and (e.source is entry.source or entry.source.is_hand())]

    def judge_source_mode(self, source, action):
        """Rule 9."""
        if self.policy_knows(action.target) is None:
            raise Refused('unknown')
        if source.is_hand():
            return
        target = self.policy_knows(action.target)
        if target is source:
            if int(action.value) <= MODES.index(source.mode):
                return
        elif source.source_class == 'osc' and source.mode == 'auto':
            rules = target.rules if isinstance(target, Source) else target
            if rules.priority < source.rules.priority:
                return
        raise Refused('forbidden')

    def policy_knows(self, name):
        """The Source, or the Rules of one that has not come yet, or None."""
        for source in self.sources:
            if source.name == name and not source.is_gone:
                return source
        if name in self.policy.named:
            return self.policy.named[name][1]
        return None

    # --- Saying yes ---------------------------------------------------------------------------------

    def judge_confirm(self, entry):
        """Rule 8. What is confirmed is found again by confirmed()."""
        source, target = entry.source, entry.action.target
        held = [e for e in self.held if e.action.id == target]
        if held:
            if source.mode != 'auto' or held[0].source is source:
                raise Refused('forbidden')
            return
        asker = self.overridable(source, target)
        if asker is None:
            raise Refused('unknown')
        if not self.policy.human_override or source.mode != 'auto':
            raise Refused('forbidden')
        refused, since = asker.refused_on_air
        waited_ms = (self.now().ns - since.ns) / 1e6
        if not self.policy.override_least_ms <= waited_ms <= self.policy.override_window_ms:
            raise Refused('unknown')
        # it becomes that action, and is judged by all rules but on-air
        action = copy.copy(refused)
        action.id, action.client, action.target = entry.action.id, entry.action.client, ''
        entry.action = action
        entry.lifted = True
        self.judge_again(entry, self.world)
        asker.refused_on_air = None

    def overridable(self, source, target):
        """Whose refused action it is: one's own, or, for a hand, another hand's."""
        others = [source] + [s for s in self.sources if source.is_hand() and s is not source]
        for asker in others:
            if asker.is_hand() and not asker.is_gone and asker.refused_on_air is not None:
                if target and asker.refused_on_air[0].id == target:
                    return asker
        return None

    def name(self, entry):
        """What has no id gets one, so that one can say yes to it."""
        if entry.action.id == '':
            entry.action.id = f'#{entry.serial}'

    def note_refusal(self, entry, refusal):
        if refusal.rule == 'on-air' and entry.source.is_hand():
            self.name(entry)
            entry.source.refused_on_air = (entry.action, self.now())

    # --- When it is accepted --------------------------------------------------------------------------

    def accept(self, entries):
        """Rules 13 to 15: stamps; then ghost, held or done."""
        source, now = entries[0].source, self.now()
        for entry in entries:
            source.stamp(entry.action, now)
        if source.mode == 'ghost':
            for entry in entries:
                self.finish(entry, 'rejected', 'ghost')
        elif source.mode == 'assist' and not (
                len(entries) == 1 and self.is_at_once(entries[0])):
            for entry in entries:
                self.name(entry)
                entry.group = entries
                entry.stage = 'held'
                entry.held_since = now
                self.held.append(entry)
                self.tell(entry, 'queued', 'confirm')
        else:
            for entry in entries:
                self.do(entry)

    def is_at_once(self, entry):
        """What an assist source does without asking: taking back, unlocking, lowering itself."""
        action = entry.action
        if action.verb == 'source-mode':
            source = entry.source
            return (action.target == source.name
                    and int(action.value) <= MODES.index(source.mode))
        return action.verb in ('cancel', 'unlock')

    def do(self, entry):
        action, source = entry.action, entry.source
        # what a hand takes over is still with the audio thread until that answers
        entry.cuts_start = (action.verb == 'eject' and entry.due is None
                            and self.starts_this_moment(entry))
        if source.is_hand():
            self.touch(entry)
        if action.verb == 'stop' and entry.due is None:
            self.take_back_starts(action.deck)
        if action.verb == 'cancel':
            self.do_cancel(entry)
        elif action.verb == 'confirm':
            self.do_confirm(entry)
        elif action.verb == 'source-mode':
            self.do_source_mode(entry)
        elif action.verb in ('lock', 'unlock'):
            self.world.do(action, source.source_class, self.now())
            if action.verb == 'lock':
                self.forbid_handed('locked', lambda e: has_deck(e.action.verb) and e.action.deck == action.deck)
            self.finish(entry, 'executed')
        elif action.verb == 'load':
            self.begin_load(entry)
        elif action.verb == 'record':
            self.finish(entry, 'rejected', 'record')  # there is no recorder in this room
        elif action.verb in ('link', 'link-startstop', 'link-nudge'):
            self.finish(entry, 'rejected', 'state')  # nor a driver that could grant it
        elif entry.due is not None:
            entry.stage = 'waiting'
            self.waiting.append(entry)
            self.count_decks()
            self.tell(entry, 'queued', beat=entry.due)
            if self.is_near(entry):
                if self.comes_too_late(entry):
                    self.finish(entry, 'expired')
                else:
                    self.give(entry)
        else:
            self.waiting.append(entry)
            self.give(entry)

    def touch(self, entry):
        """A hand has the control now; what automation planned for it is off."""
        control = entry.action.control()
        if control is None:
            return
        self.touched[control] = self.now()
        if not entry.action.takes_over():
            return
        for other in list(self.held + self.waiting):
            if other is not entry and not other.source.is_hand() and other.stage != 'done':
                if other.action.control() == control:
                    self.cancel(other, 'taken')

    def take_back_starts(self, deck):
        """Stop means stop."""
        for other in list(self.waiting):
            if (other.action.verb in STARTS and other.action.deck == deck
                    and other.due is not None):
                self.finish(other, 'cancelled')

    def do_cancel(self, entry):
        for other in self.cancellable(entry)[:1]:
            self.cancel(other)
        self.finish(entry, 'executed')

    def cancel(self, entry, rule='none'):
        for each in entry.group if entry.stage == 'held' else [entry]:
            self.finish(each, 'cancelled', rule)

    def do_source_mode(self, entry):
        target = self.policy_knows(entry.action.target)
        mode = MODES[int(entry.action.value)]
        if isinstance(target, Source):
            target.mode = mode
            if mode == 'off':
                for held in [e for e in self.held if e.source is target]:
                    if held.stage == 'held':
                        self.cancel(held, 'mode')
                self.forbid_handed('mode', lambda e: e.source is target)
        self.remembered_modes[entry.action.target] = mode
        self.finish(entry, 'executed')

    def do_confirm(self, entry):
        held = [e for e in self.held if e.action.id == entry.action.target][0].group
        self.finish(entry, 'executed')
        world = self.world.copy()
        for each in held:
            try:
                self.judge_again(each, world)
            except Refused as refusal:
                for every in held:
                    self.finish(every, refusal.fate, refusal.rule)
                return
            if each.due is None:
                world.do(each.action, each.source.source_class, self.now())
        for each in held:
            self.held.remove(each)
            self.do(each)

    def do_emergency(self, entry):
        """One step, from anybody, always: all decks stop, nothing that waits happens any more."""
        self.emergency = self.now()
        for other in list(self.held + self.waiting):
            if other.stage != 'done':
                self.finish(other, 'cancelled')
        self.waiting.append(entry)
        self.give(entry)

    # --- Loads --------------------------------------------------------------------------------------

    def begin_load(self, entry):
        self.take_back_load(entry.action.deck)
        entry.stage = 'loading'
        entry.load = self.loads[entry.action.deck] = Load(entry)
        self.waiting.append(entry)
        self.count_decks()
        self.tell(entry, 'queued', beat=entry.due)

    def take_back_load(self, deck):
        """A second load, and an eject, take the place of one that is on its way."""
        for other in list(self.waiting):
            if other.action.verb == 'load' and other.action.deck == deck:
                self.finish(other, 'cancelled')

    def answer(self, deck, what, value=0.0):
        """The loader speaks, of the newest load; False: it has nothing to say."""
        load = self.loads[deck]
        if load is None or load.ended:
            return False
        if what != 'failed' and (load.length_s is not None) == (what == 'ready'):
            return False
        if what == 'ready':
            load.length_s = value
        else:
            load.ended = True
        self.answers.append((load, what))
        return True

    def take_answers(self):
        answers, self.answers = self.answers, []
        for load, what in answers:
            entry = load.entry
            if what == 'grid':
                load.has_grid = True
            if what == 'failed' and entry.stage == 'loading' and load.length_s is None:
                self.finish(entry, 'rejected', 'load')
            elif what == 'ready' and entry.stage == 'loading':
                self.load_is_ready(entry)
            if load.on_deck and what != 'ready':
                self.world.decks[entry.action.deck].has_grid = load.has_grid
                self.world.decks[entry.action.deck].analysed = True

    def load_is_ready(self, entry):
        if entry.due is not None and self.timeline.onset(entry.due) < self.frame:
            entry.due, is_missed = due_beat(entry.action.timing, self.timeline, self.frame)
            if is_missed or entry.action.timing[0] != 'grid':
                self.finish(entry, 'rejected', 'missed')
                return
            self.tell(entry, 'queued', beat=entry.due)
        entry.stage = 'waiting'
        if entry.due is None:
            self.hand_over(entry)

    def track_arrives(self, entry):
        deck = self.world.decks[entry.action.deck]
        load = entry.load
        deck.has_track, deck.playing = True, False
        deck.generation += 1
        deck.length_s = load.length_s
        deck.has_grid, deck.analysed = load.has_grid, load.ended
        load.on_deck = True

    def track_leaves(self, number):
        load = self.loads[number]
        if load is not None and load.on_deck:
            load.ended, load.on_deck = True, False

    # --- What waits ---------------------------------------------------------------------------------

    def expire(self):
        now = self.now()
        for entry in list(self.held):
            if entry.stage != 'held':
                continue
            waited_ms = (now.ns - entry.held_since.ns) / 1e6
            if waited_ms >= self.policy.confirm_wait_ms or self.is_too_late(entry):
                for each in entry.group:
                    self.finish(each, 'expired', 'confirm')
        for entry in list(self.waiting):
            if self.is_too_late(entry):
                self.finish(entry, 'expired')

    def is_too_late(self, entry):
        return entry.action.deadline and self.now().beat > entry.action.deadline

    def hand_over_due(self):
        """What is due within the hand-over is judged once more, then the audio thread has it."""
        due = [e for e in self.waiting if e.stage == 'waiting' and self.is_near(e)]
        for entry in sorted(due, key=lambda e: (e.due, e.serial)):
            if entry.stage == 'waiting':
                self.hand_over(entry)

    def comes_too_late(self, entry):
        """Its beat lies behind its deadline: the audio thread never gets it."""
        return entry.due is not None and entry.action.deadline and entry.due > entry.action.deadline

    def is_near(self, entry):
        return self.timeline.frame_at(entry.due) - HANDOVER_FRAMES <= self.frame

    def hand_over(self, entry):
        if self.comes_too_late(entry):
            self.finish(entry, 'expired')
            return
        try:
            self.judge_due(entry)
        except Refused as refusal:
            self.finish(entry, refusal.fate, refusal.rule)
            return
        self.give(entry)

    def give(self, entry):
        """The audio thread has it."""
        if entry.action.verb == 'eject':
            # a load is the scheduler's own business: nothing is left for the audio thread
            was_loading = self.world.decks[entry.action.deck].state() == 'loading'
            self.take_back_load(entry.action.deck)
            if was_loading:
                self.finish(entry, 'executed')
                return
            if entry.cuts_start:
                self.finish(entry, 'rejected', 'state')
                return
        entry.stage = 'handed'
        self.orders.append((entry, entry.due))
        self.count_decks()

    def take_back_swaps(self):
        """A load or an eject that the audio thread holds, and its deck has gone on air by a fader."""
        for entry in list(self.waiting):
            if entry.stage == 'handed' and entry.action.verb in ('load', 'eject'):
                if self.world.is_on_air(entry.action.deck) and not entry.lifted:
                    self.finish(entry, 'rejected', 'on-air')

    def forbid_handed(self, rule, concerns):
        """What the audio thread holds for its beat, and must not happen any more."""
        for entry in list(self.waiting):
            if entry.stage == 'handed' and entry.due is not None and concerns(entry):
                self.finish(entry, 'rejected', rule)

    def judge_due(self, entry):
        action, generation = entry.action, entry.generation
        if entry.source.mode == 'off':
            raise Refused('mode')
        if has_deck(action.verb) and action.verb in KEEPS_TRACK:
            if self.world.decks[action.deck].generation != generation:
                raise Refused('stale')
        self.judge_state(entry, self.world)
        entry.generation = generation
        if action.verb in ('load', 'eject'):
            if self.starts_this_moment(entry):
                raise Refused('state')

    def starts_this_moment(self, swap):
        """The audio thread holds a start of that deck, which a load or an eject would cut."""
        return any(other.stage == 'handed' and other.action.verb in STARTS
                   and other.action.deck == swap.action.deck for other in self.waiting)

    # --- The audio ----------------------------------------------------------------------------------

    def cycle(self, n_frames):
        """Carries out what falls into the next @n_frames, each on its own frame."""
        end = self.frame + max(n_frames, 1)
        while True:
            due = [(self.frame if at is None else self.timeline.onset(at), i, entry)
                   for i, (entry, at) in enumerate(self.orders)]
            due = [(frame, i, entry) for frame, i, entry in due if frame < end]
            if not due:
                break
            frame, _, entry = min(due, key=lambda d: d[:2])
            self.execute(entry, frame)
        self.frame += n_frames

    def execute(self, entry, frame):
        action = entry.action
        beat = self.timeline.beat_at(frame) if entry.due is None else entry.due
        if action.verb in KEEPS_TRACK and action.verb != 'eject':
            if self.world.decks[action.deck].generation != entry.generation:
                self.finish(entry, 'rejected', 'stale')
                return
        if action.verb == 'emergency':
            for deck in self.world.decks:
                deck.playing = False
        elif action.verb == 'tempo':
            self.timeline.change(frame, action.value)
        elif action.verb == 'load':
            self.track_arrives(entry)
        else:
            if action.verb == 'eject':
                self.track_leaves(action.deck)
            self.world.do(action)
        self.finish(entry, 'executed', beat=beat, frame=frame)


# what means the track on the deck, and not the deck: a fader that waits outlives it
KEEPS_TRACK = GROUPS['transport'] + GROUPS['loops'] + GROUPS['marks'] + ('eject',)


# --- Well-formed --------------------------------------------------------------------------------

RANGES = {
    'seek': (0, 86400), 'beatjump': (-4096, 4096), 'loop-move': (-4096, 4096),
    'bend': (-0.5, 0.5), 'speed': (0.25, 3), 'trim': (-60, 12), 'volume': (0, 1),
    'eq': (-math.inf, 12), 'filter': (-1, 1), 'crossfader': (0, 1), 'limiter': (-24, 0),
    'master-volume': (0, 1), 'booth-volume': (0, 1), 'headphones-volume': (0, 1),
    'headphones-mix': (0, 1), 'tempo': (20, 999), 'link-nudge': (-64, 64), 'source-mode': (0, 3),
}


def is_well_formed(action, n_decks):
    if has_deck(action.verb) and action.deck >= n_decks:
        return False
    value = action.value
    if action.verb in RANGES:
        low, high = RANGES[action.verb]
        return value is not None and low <= value <= high
    if action.verb in ('sync', 'pfl', 'keylock', 'record', 'link', 'link-startstop'):
        return value in (0, 1)
    if action.verb in ('play', 'cue'):
        return value is None or 0 <= value <= 86400
    if action.verb == 'loop':
        return value == 0 or value is not None and 1 / 32 <= value <= 64
    return True
