#!/usr/bin/python3
# echelonctl midi-learn, midi-monitor and midi-map with real MIDI bytes, beside a driver that runs.
#
# midi-tools.py ECHELONCTL FAKE_HOST MIDI_MODULE MIDI_PEER FOLDER
#
# SPDX-License-Identifier: GPL-3.0-or-later
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pipewire"))
from support import Child, Tap, wait_for  # noqa: E402

ECHELONCTL, FAKE_HOST, MODULE, PEER, FOLDER = sys.argv[1:6]
CONFIG = os.environ["XDG_RUNTIME_DIR"] + "/config"
USER = CONFIG + "/echelon/midi"


class Ctl(Child):
    """echelonctl with its stderr among its lines."""

    def __init__(self, *words):
        super().__init__("/bin/sh", "-c", 'exec "$@" 2>&1', "sh", ECHELONCTL, *words)


def ctl(*words):
    done = subprocess.run([ECHELONCTL, *words], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


class Peer(Child):
    def __init__(self, name):
        super().__init__(PEER, name)
        self.expect("ready")

    def say(self, text, pause=0.012):
        for message in text.split(","):
            self.ask("say " + message.strip(), "said")
            time.sleep(pause)


def bindings(name):
    """What the user's mapping of that name binds, as lines of its file."""
    path = f"{USER}/{name}.json"
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)["bindings"]


def learn(tap, peer, why, gesture, address, *options, understood, status=0, answers=()):
    """One session.  Returns all it said."""
    child = Ctl("midi-learn", "--seconds", "6", *options, address)
    child.expect("Listening to " + peer.argv[1])
    # its link must be active before anything can be heard
    assert wait_for(lambda: "1" in peer.ask("links").split()[2])
    time.sleep(0.3)
    peer.say(gesture)
    line = child.expect("Understood", 15) if understood else ""
    for answer in answers:
        child.send(answer)
    code = child.process.wait(20)
    rest = []
    while (text := child.lines.get(timeout=5)) is not None:
        rest.append(text)
    good = code == status and (understood or "") in line
    tap.check(good, why, f"status {code}, “{line}”, {rest}")
    return line + "\n" + "\n".join(rest)


def check_learn(tap, peer, host):
    name = "korg-nanokontrol2"
    learn(tap, peer, "the nanoKONTROL2's buttons are not the faders' fine halves", "B0 21 7F, B0 21 00",
          "/deck/b/play", "--replace", understood="controller 33 on channel 1, button")
    got = [b for b in bindings(name) if b.get("cc") == 33]
    tap.check(got == [{"cc": 33, "channel": 1, "kind": "button", "action": "/deck/b/play", "mode": "toggle"}],
              "and the mapping says so", str(got))
    count = len(bindings(name))

    text = learn(tap, peer, "a conflict names what the control does already, and can be cancelled",
                 "B0 00 10, B0 00 14, B0 00 19, B0 00 20, B0 00 30", "/crossfader",
                 understood="controller 0 on channel 1, fader or knob", status=1, answers=["c"])
    tap.check("controller 0 on channel 1 does /deck/a/volume already" in text and "Cancelled" in text,
              "the old target is named", text)
    tap.check(len(bindings(name)) == count, "nothing is changed when it is cancelled")
    learn(tap, peer, "keep both", "B0 00 10, B0 00 14, B0 00 19, B0 00 20, B0 00 30", "/booth/volume",
          understood="fader or knob", answers=["k"])
    tap.check([b["action"] for b in bindings(name) if b.get("cc") == 0] == ["/deck/a/volume", "/booth/volume"],
              "both are there", str(bindings(name)))
    learn(tap, peer, "replace", "B0 00 40, B0 00 44, B0 00 49, B0 00 50, B0 00 60", "/crossfader",
          understood="fader or knob", answers=["r"])
    tap.check([b["action"] for b in bindings(name) if b.get("cc") == 0] == ["/crossfader"], "only the new one is there")

    for why, gesture, address, understood, key in (
            ("the FLX4's jog is an encoder, not a fine half, and its plate no button",
             "90 36 7F, B3 22 41, B3 22 41, B3 22 42, B3 22 41, B3 22 3F, B3 22 3F, B3 22 3E, 90 36 00",
             "/deck/c/bend", "controller 34 on channel 4, encoder (offset from 64)", "offset"),
            ("a true 14-bit pair", "B6 1F 20 B6 3F 11, B6 1F 23 B6 3F 70, B6 1F 29 B6 3F 02, B6 1F 30 B6 3F 55",
             "/limiter", "controllers 31 and 63 on channel 7, 14-bit fader", None),
            ("an encoder in two's complement", "B5 50 01, B5 50 01, B5 50 02, B5 50 7F, B5 50 7F",
             "/deck/c/beatjump", "controller 80 on channel 6, encoder (two's complement)", "twos-complement"),
            ("an encoder with a sign bit", "B5 51 01, B5 51 01, B5 51 41, B5 51 41",
             "/deck/d/beatjump", "controller 81 on channel 6, encoder (sign bit)", "sign-bit")):
        learn(tap, peer, why, gesture, address, understood=understood)
        got = [b for b in bindings(name) if b["action"] == address]
        tap.check(len(got) == 1 and got[0].get("encoding") == key, f"and {address} says so", str(got))

    learn(tap, peer, "an action for a button is refused on a knob", "B4 00 10, B4 00 14, B4 00 19, B4 00 20, B4 00 30",
          "/deck/a/stop", understood="fader or knob", status=1)
    learn(tap, peer, "nothing touched, nothing changed", "F0 01 02 F7, D0 10", "/deck/a/stop", "--seconds", "1",
          understood=None, status=1)

    code, text = ctl("midi-learn", "--unmap", "--device", "nanoKONTROL2", "/limiter")
    tap.check(code == 0 and not [b for b in bindings(name) if b["action"] == "/limiter"], "unmap", text)
    code, text = ctl("midi-learn", "--undo", "--device", "nanoKONTROL2")
    tap.check(code == 0 and [b for b in bindings(name) if b["action"] == "/limiter"], "undo", text)
    code, text = ctl("midi-learn", "/deck/a/plya")
    tap.check(code == 2 and "/deck/a/play" in text, "an address that is none is told its nearest", text)

    drain(host)
    peer.say("B0 21 7F, B0 21 00")
    tap.check("deck=1" in host.expect("post play", 10), "the running driver uses what was learned, without a restart")


def drain(host):
    while True:
        try:
            host.expect("post", 0.3)
        except AssertionError:
            return


def check_swallow(tap, peer, host):
    drain(host)
    child = Ctl("midi-learn", "--seconds", "30", "/deck/a/stop")
    host.expect("status Learning", 10)
    peer.say("B0 29 7F, B0 29 00")
    child.expect("Understood", 15)
    child.send("c")
    child.process.wait(20)
    seen = []
    while not seen or not seen[-1].startswith("status Using"):
        seen.append(host.lines.get(timeout=10))
    tap.check(len(seen) == 1, "what is touched while somebody learns does nothing else", str(seen))
    peer.say("B0 29 7F, B0 29 00")
    tap.check(host.expect("post", 10).startswith("post play"), "and it is heard again when that ends")

    child = Ctl("midi-learn", "--seconds", "30", "/deck/a/stop")
    host.expect("status Learning", 10)
    child.process.kill()
    tap.check(bool(host.expect("status Using", 10)), "also when the one who learned was killed")


def check_monitor(tap, peer):
    child = Ctl("midi-monitor", "--device", "nano")
    child.expect("nanoKONTROL2 is there")
    assert wait_for(lambda: "1" in peer.ask("links").split()[2])
    time.sleep(0.3)
    for say, wanted in (("B0 2A 7F", "B0 2A 7F  controller 42, channel 1, value 127  -> /deck/a/stop"),
                        ("90 3C 40", "90 3C 40  note 60 on, channel 1, velocity 64"),
                        ("F0 7E 01 F7", "F0 7E 01 F7 system exclusive, 2 bytes"),
                        ("E0 00 40", "E0 00 40  pitch bend, channel 1, value 8192")):
        peer.say(say)
        line = child.expect("nanoKONTROL2 ")
        tap.check(wanted in line, f"the monitor tells {say}", line)
    child.process.terminate()
    tap.check(child.process.wait(10) == 0, "the monitor ends when it is told to")
    child = Ctl("midi-monitor", "--json", "--seconds", "4")
    time.sleep(1)
    peer.say("B0 2A 7F")
    line = json.loads(child.expect("{"))
    tap.check(line["bytes"] == "B0 2A 7F" and line["action"] == "/deck/a/stop", "and as JSON", str(line))
    child.process.wait(20)


def check_map(tap):
    code, text = ctl("midi-map", "list")
    tap.check(code == 0 and "Pioneer DDJ-400" in text, "midi-map list", text)
    code, text = ctl("midi-map", "check", *(os.path.join(FOLDER, f) for f in sorted(os.listdir(FOLDER))))
    tap.check(code == 0, "all mappings that come with Echelon are good", text)
    bad = CONFIG + "/bad.json"
    with open(bad, "w", encoding="utf-8") as file:
        file.write('{"format": "echelon-midi-mapping", "version": 1, "name": "Bad",\n"bindings": [\n'
                   '{"note": 200, "channel": 1, "action": "/deck/a/play"}]}')
    code, text = ctl("midi-map", "check", bad)
    tap.check(code == 1 and "bad.json, line 3: “note” is 200; whole numbers from 0 to 127 are accepted." in text,
              "a broken one is told with its line", text)
    code, text = ctl("midi-map", "import", bad)
    tap.check(code == 1 and not os.path.exists(f"{USER}/bad.json"), "and is not taken in", text)
    good = CONFIG + "/good.json"
    code, text = ctl("midi-map", "export", "pioneer ddj-t1", good)
    tap.check(code == 0 and ctl("midi-map", "check", good)[0] == 0, "export writes a mapping that reads back", text)
    code, text = ctl("midi-map", "import", good)
    tap.check(code == 0 and os.path.exists(f"{USER}/pioneer-ddj-t1.json"), "import takes it in", text)


def main():
    tap = Tap()
    os.environ["ECHELON_MIDI_PATH"] = FOLDER
    os.environ["XDG_CONFIG_HOME"] = CONFIG
    os.makedirs(CONFIG, exist_ok=True)
    host = Child(FAKE_HOST, MODULE)
    host.expect("status")
    host.send("decks 4")
    peer = Peer("nanoKONTROL2")
    host.expect("status Using nanoKONTROL2")
    try:
        check_monitor(tap, peer)
        check_swallow(tap, peer, host)
        check_learn(tap, peer, host)
        check_map(tap)
        tap.check(host.stop() == 0, "the driver stops")
    finally:
        Child.stop_all()
    tap.done()


if __name__ == "__main__":
    main()
