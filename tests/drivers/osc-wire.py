#!/usr/bin/python3
# The OSC driver on the wire: real UDP on loopback against a host that records posts.
#
# osc-wire.py FAKE_HOST MODULE
#
# SPDX-License-Identifier: GPL-3.0-or-later
import math
import os
import struct
import sys
import time

from osclib import AT_ONCE, Peer, Program, Tap, bundle, message, pad, string, tag_at

FAKE_HOST, MODULE = sys.argv[1:3]


class Session:
    """A driver in a recording host, and one peer."""

    def __init__(self, *settings):
        self.host = Program(FAKE_HOST, MODULE, "port=0", *settings)
        self.port = int(self.host.line("status Listening on").split()[3].split(":")[1].rstrip(","))
        self.host.line("started")
        self.peer = Peer(self.port)

    def tell(self, line):
        """Returns when the host has done it."""
        self.host.tell(line)
        self.host.tell("counts")
        self.host.line("counts")

    def posts(self, peer=None):
        """All posts up to now, after the peer's packets were taken."""
        self.answers = (peer or self.peer).settle()
        self.host.tell("counts")
        got = []
        while True:
            line = self.host.line("")
            if line.startswith("counts"):
                return got
            if line.startswith("post"):
                got.append(line)

    def end(self):
        self.peer.close()
        return self.host.end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def fields(post):
    return dict(word.split("=", 1) for word in post.split()[2:] if "=" in word)


def valid_messages(tap):
    cases = [
        ("/crossfader", "f", [0.25], "crossfader", {"value": "0.25"}),
        ("/crossfader", "i", [1], "crossfader", {"value": "1"}),
        ("/crossfader", "h", [0], "crossfader", {"value": "0"}),
        ("/crossfader", "d", [0.75], "crossfader", {"value": "0.75"}),
        ("/deck/b/play", "s", ["bar"], "play", {"deck": "1", "timing": "bar", "value": "nan"}),
        ("/deck/a/play", "fss", [12.5, "id=go", "@33.0"], "play",
         {"deck": "0", "timing": "@33", "id": "go", "value": "12.5"}),
        ("/deck/a/sync", "T", [], "sync", {"value": "1"}),
        ("/deck/a/sync", "F", [], "sync", {"value": "0"}),
        ("/eq/b/mid", "fs", [-26.0, "beat"], "eq", {"deck": "1", "index": "1", "value": "-26"}),
        ("/eq/a/low", "f", [-math.inf], "eq", {"value": "-inf"}),
        ("/tempo", "f", [128.0], "tempo", {"value": "128"}),
        ("/deck/a/load", "s", ["/music/a.flac"], "load", {"text": "/music/a.flac"}),
        ("/cancel", "s", ["go"], "cancel", {"target": "go"}),
        ("/emergency", "", [], "emergency", {}),
    ]
    with Session() as s:
        for address, types, values, verb, wanted in cases:
            s.peer.send(message(address, types, *values))
            posts = s.posts()
            got = fields(posts[0]) if posts else {}
            good = len(posts) == 1 and posts[0].split()[1] == verb and not s.answers
            good = good and all(got.get(k) == v for k, v in wanted.items())
            tap.check(good, "%s ,%s is one post and no error" % (address, types), (posts, s.answers))


def malformed_packets(tap):
    good = message("/crossfader", "f", 0.5)
    nan = struct.pack(">f", math.nan)
    cases = [
        ("a length that is no multiple of 4", good[:-1]),
        ("a truncated argument", good[:-4]),
        ("bytes after the last argument", good + b"\0\0\0\0"),
        ("an address without an end", b"/abc"),
        ("an address that does not begin with /", pad(b"crossfader\0") + pad(b",f\0") + nan),
        ("an address with a space", message("/cross fader", "f", 0.5)),
        ("an address that is not ASCII", message("/crossf\u00e4der", "f", 0.5)),
        ("an address of 200 bytes", message("/" + "a" * 200, "f", 0.5)),
        ("no type tags", string("/crossfader")),
        ("type tags without a comma", string("/crossfader") + string("f") + nan),
        ("an unknown type tag", string("/crossfader") + string(",q") + b"\0\0\0\0"),
        ("padding that is not zero", b"/limit\0x" + string(",f") + struct.pack(">f", -3)),
        ("a blob where a number belongs", message("/crossfader", "b", b"1234")),
        ("a blob longer than the packet", string("/crossfader") + string(",b") + struct.pack(">I", 2**31 - 4)),
        ("an infinite number", message("/crossfader", "f", math.inf)),
        ("NaN as a float", message("/crossfader", "f", math.nan)),
        ("NaN as a double", message("/tempo", "d", math.nan)),
        ("a string for a number", message("/crossfader", "s", "half")),
        ("a number for a string", message("/deck/a/load", "f", 1.0)),
        ("no argument where one belongs", message("/crossfader")),
        ("too many arguments", message("/crossfader", "ff", 0.1, 0.2)),
        ("seventeen arguments", message("/crossfader", "f" * 17, *[0.1] * 17)),
        ("a value out of range", message("/crossfader", "f", 1.5)),
        ("an unknown address", message("/deck/a/explode")),
        ("a deck that is not there", message("/deck/d/play")),
        ("an unknown timing", message("/deck/a/play", "s", "soon")),
        ("an address that ends in /", message("/deck/a/")),
        ("the root", message("/")),
        ("a * in an address", message("/deck/*/play")),
        ("a ? in an address", message("/deck/?/stop")),
        ("[] in an address", message("/deck/[ab]/play")),
        ("{} in an address", message("/{crossfader,limiter}", "f", 0.5)),
        ("// in an address", message("//play")),
        ("an empty bundle's head cut off", b"#bundle\0"),
        ("a time tag cut off", b"#bundle\0\0\0\0\0"),
        ("a bundle element longer than the bundle", b"#bundle\0" + struct.pack(">QI", 1, 64) + good),
        ("a bundle element of length 0", b"#bundle\0" + struct.pack(">QI", 1, 0)),
        ("a bundle element of odd length", b"#bundle\0" + struct.pack(">QI", 1, 7) + good[:8]),
        ("a bundle element of length 2**32 - 4", b"#bundle\0" + struct.pack(">QI", 1, 2**32 - 4) + good),
        ("a packet of 65000 zero bytes", b"\0" * 65000),
        ("a string of 60000 bytes for a number", message("/crossfader", "s", "x" * 60000)),
        ("a path of 60000 bytes", message("/deck/a/load", "s", "x" * 60000)),
        ("60000 type tags", string("/crossfader") + string("," + "T" * 60000)),
        ("/subscribe with a word", message("/subscribe", "s", "long")),
        ("/subscribe for a day", message("/subscribe", "i", 86400)),
        ("/subscribe for -1 s", message("/subscribe", "i", -1)),
        ("/subscribe for NaN s", message("/subscribe", "f", math.nan)),
        ("/query without an address", message("/query")),
        ("/query of no address", message("/query", "s", "/nothing")),
        ("/query of a number", message("/query", "i", 1)),
        ("/ping with an argument", message("/ping", "i", 1)),
    ]
    deep = good
    for _ in range(20):
        deep = bundle(AT_ONCE, deep)
    cases.append(("20 bundles in each other", deep))
    cases.append(("a bundle within, before its outer time",
                  bundle(tag_at(time.time() + 5), bundle(tag_at(time.time() + 2), good))))
    with Session() as s:
        for name, packet in cases:
            s.peer.send(packet)
            posts = s.posts()
            errors = [a for a in s.answers if a[0] == "/echelon/error"]
            good_answer = (len(s.answers) == 1 and len(errors) == 1 and errors[0][1] == "s"
                           and 10 < len(errors[0][2][0]) < 160)
            tap.check(good_answer and not posts, name + ": one error, nothing posted", (s.answers, posts))
        s.peer.send(b"")
        tap.check(not s.posts() and len(s.answers) == 1, "an empty datagram: one error")


def bundles(tap):
    move = [message("/crossfader", "f", i / 1000) for i in range(1000)]
    with Session() as s:
        s.peer.send(bundle(AT_ONCE, message("/crossfader", "f", 0.5), message("/deck/a/volume", "f", 1.0),
                           bundle(AT_ONCE, message("/eq/a/low", "f", -6.0))))
        posts = s.posts()
        tap.check([p.rsplit("=", 1)[1] for p in posts] == ["1/3", "2/3", "3/3"],
                  "a bundle and what is nested in it is one batch, in order", posts)
        s.peer.send(bundle(AT_ONCE))
        tap.check(not s.posts() and not s.answers, "an empty bundle is nothing")

        for bad_at in (0, 500, 999):
            bad = list(move)
            bad[bad_at] = message("/crossfader", "f", math.nan)
            peer = Peer(s.port)
            peer.send(bundle(AT_ONCE, *bad))
            posts = s.posts(peer)
            tap.check(not posts and len(s.answers) == 1 and s.answers[0][0] == "/echelon/error",
                      "1000 messages, number %d bad: one error, nothing posted" % bad_at, s.answers)
            peer.close()
        peer = Peer(s.port)
        peer.send(bundle(AT_ONCE, *move))
        posts = s.posts(peer)
        tap.check(not posts and len(s.answers) == 1000
                  and all(a[2][1:3] == ["rejected", "rate"] for a in s.answers),
                  "1000 good messages do not fit into the lane: each is rejected, none is posted",
                  (len(posts), len(s.answers)))
        peer.close()
        s.peer.send(bundle(AT_ONCE, *(move + move)[:1025]))
        tap.check(not s.posts() and len(s.answers) == 1, "more than 1024 messages: one error")

    with Session() as s:
        peer = s.peer
        beat = lambda: peer.ask(message("/ping"))[2][2]

        now, unix_now = beat(), time.time()
        peer.send(bundle(tag_at(unix_now + 2), message("/crossfader", "f", 0.1),
                         message("/deck/a/play", "s", "bar"), message("/deck/b/play", "s", "+2b"),
                         message("/deck/b/stop", "s", "@1000")))
        timings = [fields(p)["timing"] for p in s.posts()]
        due = [float(t[1:]) for t in timings if t[0] == "@"]
        tap.check(len(due) == 4, "in a bundle for later all have their beat", timings)
        tap.check(abs(due[0] - (now + 4)) < 0.5, "2 s ahead at 120 BPM are 4 beats", (now, due))
        tap.check(due[1] % 4 == 0 and due[0] <= due[1] < due[0] + 4, "a bar is counted from the bundle's time", due)
        tap.check(abs(due[2] - due[0] - 2) < 1e-6, "beats ahead are counted from the bundle's time", due)
        tap.equal(due[3], 1000.0, "an absolute beat stays")

        peer.send(bundle(tag_at(time.time() - 3), message("/crossfader", "fs", 0.1, "now")))
        posts = s.posts()
        tap.equal([fields(p)["timing"] for p in posts], ["now"], "a late bundle happens at once")
        for ahead, name in ((31, "31 s"), (3600, "an hour"), (86400 * 3650, "ten years")):
            peer.send(bundle(tag_at(time.time() + ahead), message("/crossfader", "f", 0.1)))
            tap.check(not s.posts() and len(s.answers) == 1, "%s ahead: one error" % name, s.answers)
        peer.send(bundle(2**64 - 1, message("/crossfader", "f", 0.1)))
        tap.check(not s.posts() and len(s.answers) == 1, "the last of all time tags: one error", s.answers)
        for address, types, values in (("/emergency", "", []), ("/lock/a", "", []), ("/cancel", "s", ["x"]),
                                       ("/deck/a/play", "s", ["~beat"])):
            peer.send(bundle(tag_at(time.time() + 2), message("/crossfader", "f", 0.1),
                             message(address, types, *values)))
            tap.check(not s.posts() and len(s.answers) == 1, "%s in a bundle for later: one error" % address,
                      s.answers)
        s.tell("running 0")
        peer.send(bundle(tag_at(time.time() + 2), message("/crossfader", "f", 0.1)))
        tap.check(not s.posts() and len(s.answers) == 1, "for later, without audio: one error", s.answers)


def replies(tap):
    with Session() as s:
        other = Peer(s.port)
        s.peer.send(message("/deck/a/play", "ss", "bar", "id=mine"))
        s.posts()
        s.host.tell("event queued none 8")
        s.host.tell("event executed none 8")
        tap.equal(s.peer.receive(), ("/echelon/reply", "ssssd", ["mine", "queued", "none", "", 8.0]), "queued")
        tap.equal(s.peer.receive(), ("/echelon/reply", "ssssd", ["mine", "executed", "none", "", 8.0]), "executed")
        s.peer.send(message("/deck/a/load", "s", "/x"))
        s.posts()
        s.host.tell("event rejected on-air 9.5 Deck A is on air")
        tap.equal(s.peer.receive(),
                  ("/echelon/reply", "ssssd", ["", "rejected", "on-air", "Deck A is on air", 9.5]),
                  "rejected, with rule and sentence; no id is an empty one")
        s.host.tell("other executed")
        tap.equal(s.peer.settle(), [], "another source's event is no reply of ours")
        tap.equal(other.settle(), [], "nobody else gets our replies")
        s.tell("full 1")
        s.peer.send(message("/crossfader", "fs", 0.5, "id=x"))
        answers = s.peer.settle()
        tap.check(len(answers) == 1 and answers[0][2][:3] == ["x", "rejected", "rate"],
                  "a full lane: rejected at once", answers)
        other.close()


def subscriptions(tap):
    with Session() as s:
        watcher, late = Peer(s.port), Peer(s.port)
        s.tell("play 0")
        watcher.send(message("/subscribe"))
        dump = {a[0]: a for a in watcher.settle()}
        tap.check(dump.get("/deck/a/state", [0, 0])[1] == "sffffiis", "the dump has the deck's state", dump)
        tap.equal(dump["/deck/a/state"][2][0], "stopped", "the deck stands")
        tap.equal(dump["/deck/a/state"][2][7], "Song", "its title")
        tap.equal(dump["/crossfader"][1:], ("f", [0.5]), "the crossfader")
        tap.equal(dump["/clock"][1], "fdfii", "the clock")
        tap.check(set(dump["/meter"][1]) == {"f"} and len(dump["/meter"][2]) == 9, "the meters")
        tap.check("/deck/c/state" not in dump, "only the decks that are there")

        s.host.tell("play 1")
        first, _ = watcher.wait_for(lambda a, t, v: a == "/deck/a/state" and v[0] == "playing")
        second, _ = watcher.wait_for(lambda a, t, v: a == "/deck/a/state" and v[1] > first[2][1])
        tap.check(second[2][1] - first[2][1] >= 0.04, "at most some twenty times a second",
                  (first[2][1], second[2][1]))
        tap.check(abs(second[2][1] + second[2][2] - 60) < 0.01, "position and remaining make the track")
        wanted_phase = second[2][1] * 2 % 1
        tap.check(abs(second[2][4] - wanted_phase) < 0.01, "the beat's phase", second)

        s.host.tell("crossfader 0.9")
        change, _ = watcher.wait_for(lambda a, t, v: a == "/crossfader")
        tap.equal(round(change[2][0], 4), 0.9, "a change comes on the control's own address")

        # Feedback, but no echo: the mover has its reply, the watcher the event and the value.
        s.peer.send(message("/subscribe"))
        s.peer.settle()
        s.peer.send(message("/crossfader", "fs", 0.2, "id=m"))
        s.posts()
        s.host.tell("event executed none 5")
        s.host.tell("crossfader 0.2")
        event, _ = watcher.wait_for(lambda a, t, v: a == "/event")
        tap.equal(event[1:], ("ssssdsssh", ["m", "executed", "none", "", 5.0, "osc", "crossfader", "a", 7]),
                  "subscribers are told of each fate")
        change, _ = watcher.wait_for(lambda a, t, v: a == "/crossfader")
        tap.equal(round(change[2][0], 4), 0.2, "and of the new value")
        got = [s.peer.receive() for _ in range(200)]
        tap.check(any(a[0] == "/echelon/reply" for a in got), "the mover has its reply")
        tap.check(not any(a[0] in ("/event", "/crossfader") for a in got), "and no echo",
                  [a for a in got if a[0] in ("/event", "/crossfader")])
        s.host.tell("other executed")
        event, _ = s.peer.wait_for(lambda a, t, v: a == "/event")
        tap.equal(event[2][5], "window", "other sources' events go to all subscribers")
        tap.equal(late.settle(), [], "who has not subscribed is told nothing")

        watcher.send(message("/subscribe", "i", 0))
        watcher.settle()
        tap.equal(watcher.settle(), [], "a lease of 0 s ends it")

    with Session() as s:
        brief, kept = Peer(s.port), Peer(s.port)
        s.tell("play 1")
        brief.send(message("/subscribe", "i", 1))
        kept.send(message("/subscribe", "i", 600))
        s.host.line("status Listening on 127.0.0.1:%d, 2 subscribed" % s.port)
        s.host.line("status Listening on 127.0.0.1:%d, 1 subscribed" % s.port)
        brief.settle()
        tap.equal(brief.settle(), [], "a lease that nobody renews runs out")
        kept.wait_for(lambda a, t, v: a == "/deck/a/state")
        tap.check(True, "the other one goes on")

    with Session() as s:
        peers = [Peer(s.port) for _ in range(33)]
        for peer in peers:
            peer.send(message("/subscribe"))
            answers = peer.settle()
        tap.check(len(answers) == 1 and answers[0][0] == "/echelon/error", "the 33rd subscriber is refused", answers)
        for peer in peers:
            peer.close()
        s.host.tell("play 1")
        tap.check(s.peer.ask(message("/ping"))[0] == "/pong", "32 that went away hurt nobody")


def queries(tap):
    with Session() as s:
        s.tell("play 1")
        ask = lambda address: s.peer.ask(message("/query", "s", address))
        tap.equal(ask("/crossfader"), ("/crossfader", "f", [0.5]), "the crossfader")
        tap.equal(ask("/deck/a/volume"), ("/deck/a/volume", "f", [0.75]), "a fader")
        tap.equal(ask("/eq/a/low"), ("/eq/a/low", "f", [-6.0]), "an EQ band")
        tap.equal(ask("/tempo"), ("/tempo", "f", [120.0]), "the tempo")
        tap.equal(ask("/deck/b/state")[2][0], "empty", "a deck's state")
        tap.equal(ask("/deck/a/seek")[1], "f", "a position")
        s.peer.send(message("/query", "s", "/deck/*/state"))
        tap.equal([a[0] for a in s.peer.settle()], ["/deck/a/state", "/deck/b/state"], "a pattern in a query")
        s.peer.send(message("/query", "s", "/" + "*" * 100 + "a"))
        tap.equal(len(s.peer.settle()), 1, "a costly pattern costs little and finds nothing")
        pong = s.peer.ask(message("/ping"))
        tap.check(pong[1] == "isd" and pong[2][0] == 1, "/pong has protocol, version and beat", pong)
        tap.check(s.posts() == [], "nothing of this is an action")


def too_much(tap):
    with Session() as s:
        noisy, calm = Peer(s.port), s.peer
        noisy.socket.setblocking(False)
        begin, error, n = time.monotonic(), None, 0
        while error is None and n < 200000:
            noisy.send(message("/crossfader", "f", (n % 100) / 100))
            n += 1
            try:
                error = noisy.receive()
            except BlockingIOError:
                pass
        tap.check(error and error[0] == "/echelon/error" and "1000 a second" in error[2][0],
                  "a sender that floods is told so", (n, error))
        tap.check(calm.ask(message("/ping"))[0] == "/pong", "another sender is served all the same")
        s.host.tell("counts")
        actions = int(s.host.line("counts").split("actions=")[1])
        most = 2000 + 1000 * (time.monotonic() - begin)
        tap.check(2000 <= actions <= most, "2000 at once, then 1000 a second", (actions, most))
        noisy.close()


def as_lines(s, begins=("post", "as ", "open", "close")):
    """What the host was asked for up to now."""
    s.answers = s.peer.settle()
    s.host.tell("counts")
    got = []
    while True:
        line = s.host.line("")
        if line.startswith("counts"):
            return [" ".join(line.split()[:2]) for line in got]
        if line.startswith(begins):
            got.append(line)


def counts(tap):
    wanted = {"locks": ("hhh", [1, 2, 3]), "guards": ("hhhh", [5, 6, 7, 8]), "confirmed": ("hh", [10, 11]),
              "latency": ("hffff", [16, 1.5, 2.5, 3.5, 4.5]), "error": ("hfff", [15, -0.5, 0.25, 0.75]),
              "cycles": ("hhhh", [0, 0, 14, 13]), "actions": ("hhhhh", [0, 0, 4, 12, 9]),
              "refusals/on-air": ("h", [18]), "refusals/locked": ("h", [0]), "source/osc": ("hhhii", [19, 20, 21, 21, 22])}
    with Session() as s:
        for name, answer in wanted.items():
            address = "/telemetry/" + name
            tap.equal(s.peer.ask(message("/query", "s", address)), (address, *answer), "/query " + address)
        for unknown in ("/telemetry/refusals/none", "/telemetry/source/", "/telemetry/source/window", "/telemetry"):
            answer = s.peer.ask(message("/query", "s", unknown))
            tap.check(answer[0] == "/echelon/error" and "no state" in answer[2][0], "nothing at " + unknown, answer)
        s.peer.send(message("/query", "s", "/telemetry/source/*"))
        tap.equal([a[0] for a in s.peer.settle()], ["/telemetry/source/osc"], "all sources there are")
        s.peer.send(message("/query", "s", "/telemetry/*"))
        tap.equal(len(s.peer.settle()), 7, "a pattern stays in its part of the address")
        s.peer.send(message("/subscribe"))
        tap.check(not [a for a in s.peer.settle() if a[0].startswith("/telemetry")], "subscribers are not told of it")


def names(tap):
    with Session() as s:
        tap.equal(s.peer.ask(message("/source", "s", "agent-1")), ("/source", "ssi", ["agent-1", "agent", 600]),
                  "a name is taken, and its class told")
        s.peer.send(message("/crossfader", "f", 0.5))
        s.peer.send(bundle(AT_ONCE, message("/crossfader", "f", 0.5), message("/tempo", "f", 120.0)))
        tap.equal(as_lines(s), ["open agent-1", "as agent-1", "post crossfader", "as agent-1", "post crossfader",
                                "post tempo"], "from then on the sender is that source, in bundles too")
        s.tell("event rejected cooldown 3 Too soon.")
        tap.equal(s.peer.receive()[2][:3], ["", "rejected", "cooldown"], "and has the answers")

        other = Peer(s.port)
        other.send(message("/crossfader", "f", 0.1))
        tap.equal((s.posts(other), s.answers)[0][0].split()[1], "crossfader", "another sender has no name")
        other.ask(message("/source", "s", "agent-1"))
        s.peer.ask(message("/source", "si", "agent-1", 0))
        tap.equal(as_lines(s), [], "two may share a name; the lane stays for the second")
        s.peer.send(message("/crossfader", "f", 0.5))
        tap.equal(as_lines(s), ["post crossfader"], "who gave it back is nobody in particular again")
        other.ask(message("/source", "s", "second"))
        tap.equal(as_lines(s), ["open second", "close agent-1"], "another name: the first one's lane is closed")
        other.ask(message("/source", "si", "second", 0))
        tap.equal(as_lines(s), ["close second"], "given back by the last: closed")

        bad = [("hand", "s", ["hand-1"]), ("hand", "s", ["window"]), ("a name", "s", [""]), ("a name", "s", ["Bot"]),
               ("a name", "s", ["a b"]), ("a name", "s", ["x" * 32]), ("a name", "s", ["../x"]), ("takes a name", "", []),
               ("takes a name", "i", [7]), ("takes a name", "ss", ["bot", "now"]), ("takes a name", "si", ["bot", -1]),
               ("takes a name", "si", ["bot", 90000]), ("takes a name", "sis", ["bot", 1, "x"])]
        for word, types, values in bad:
            answer = s.peer.ask(message("/source", types, *values))
            tap.check(answer[0] == "/echelon/error" and (word in answer[2][0] or "another source" in answer[2][0]),
                      "refused, with a sentence: /source %r" % values, answer)
        tap.equal(as_lines(s), [], "and nothing was opened")
        answer = s.peer.ask(bundle(AT_ONCE, message("/source", "s", "Bad"), message("/crossfader", "f", 0.5)))
        tap.equal((answer[0], as_lines(s)), ("/echelon/error", []), "a bundle with a name that is refused does nothing")

        peers = [Peer(s.port) for _ in range(9)]
        answers = [peer.ask(message("/source", "s", "bot-%d" % i)) for i, peer in enumerate(peers)]
        tap.check(all(a[0] == "/source" for a in answers[:8]) and "8 names" in answers[8][2][0], "eight names, no ninth", answers[8])
        as_lines(s)
        for peer in peers[:8]:
            peer.ask(message("/source", "si", "bot-%d" % peers.index(peer), 1))
        before = time.monotonic()
        closed = []
        for _ in range(100):
            peers[3].settle()  # a ping keeps its sender's name
            closed += as_lines(s)
            if len(closed) >= 7:
                break
            time.sleep(0.1)
        tap.equal((sorted(closed), time.monotonic() - before > 0.5), (["close bot-%d" % i for i in (0, 1, 2, 4, 5, 6, 7)], True),
                  "a lease that has run out closes its lane; who speaks keeps it")
    with Session("hands=127.0.0.1") as s:
        tap.equal(s.peer.ask(message("/source", "s", "hand-1"))[2][:2], ["hand-1", "hand"],
                  "an address that is named may be a hand")
    with Session("hands=10.0.0.0/8") as s:
        answer = s.peer.ask(message("/source", "s", "hand-1"))
        tap.check("not named" in answer[2][0], "this machine is no exception", answer)
    bad = Program(FAKE_HOST, MODULE, "port=0", "hands=everybody")
    tap.check("hands" in bad.line("refused"), "addresses of hands that cannot be read: no start")
    bad.end()


def life(tap):
    with Session() as s:
        second = Program(FAKE_HOST, MODULE, "port=%d" % s.port)
        line = second.line("refused")
        tap.check(str(s.port) in line and "Choose another" in line, "a port in use: no start, and a sentence", line)
        second.end()
        with open("/proc/net/udp") as table:
            rows = [row.split()[1] for row in table.readlines()[1:]]
        mine = [row for row in rows if row.endswith(":%04X" % s.port)]
        tap.equal(mine, ["0100007F:%04X" % s.port], "bound to 127.0.0.1 and nothing else")
        tap.equal(s.end(), 0, "stops when told")
    with Session("open=true", "allow=10.1.2.0/24") as s:
        with open("/proc/net/udp") as table:
            rows = [row.split()[1] for row in table.readlines()[1:]]
        tap.check("00000000:%04X" % s.port in rows, "open: bound to all interfaces")
        tap.check(s.peer.ask(message("/ping"))[0] == "/pong", "this machine is always allowed")
    bad = Program(FAKE_HOST, MODULE, "port=0", "allow=10.1.2.0/40")
    tap.check("networks" in bad.line("refused"), "networks that cannot be read: no start")
    bad.end()
    with Session() as s:
        for _ in range(200):
            s.peer.send(os.urandom(64))
        tap.equal(s.end(), 0, "stops in the middle of rubbish")


if __name__ == "__main__":
    Tap().run(valid_messages, malformed_packets, bundles, replies, subscriptions, queries, too_much, counts, names, life)
