#!/usr/bin/python3
# The mappings of data/midi, each replayed as bytes into the driver's real PipeWire port.
#
# midi-controllers.py FAKE_HOST MIDI_MODULE MIDI_PEER FOLDER SCHEMA
#
# What each binding must bring about is worked out here anew, from the file.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import json
import math
import os
import re
import sys
import time

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pipewire"))
from support import Child, Tap, wait_for  # noqa: E402

FAKE_HOST, MODULE, PEER, FOLDER, SCHEMA = sys.argv[1:6]

RANGES = {"tempo": [0.92, 1, 1.08], "gain": [-24, 0, 12], "eq": [-26, 0, 12], "filter": [-1, 0, 1]}
VERBS = {"tempo": "speed", "gain": "trim", "loop/in": "loop-in", "loop/out": "loop-out"}


def verb_of(address):
    """The verb, deck and index that the fake host prints."""
    deck, index = 0, 0
    parts = address.strip("/").split("/")
    if parts[0] == "deck":
        deck, name = ord(parts[1]) - 97, "/".join(parts[2:])
        hotcue = re.match(r"hotcue/(\d)/(\w+)", name)
        if hotcue:
            return f"hotcue-{hotcue.group(2)}", deck, int(hotcue.group(1)) - 1
        return VERBS.get(name, name), deck, 0
    if parts[0] in ("eq", "filter"):
        deck = ord(parts[1]) - 97
        index = ["low", "mid", "high"].index(parts[2]) if parts[0] == "eq" else 0
        return parts[0], deck, index
    return "-".join(parts), 0, 0


def own_range(address):
    for part, numbers in RANGES.items():
        if f"/{part}" in address:
            return numbers
    return [0, 1]


def bytes_of(binding):
    """(bytes that set it off, bytes that let it go, the value that must come of it)"""
    channel, kind = binding["channel"] - 1, binding.get("kind")
    value = binding.get("value")
    mode = binding.get("mode", "press")
    if "note" in binding or kind == "button":
        status = (0x90 if "note" in binding else 0xb0) | channel
        number = binding.get("note", binding.get("cc"))
        if mode in ("cue",) or (binding["action"].endswith("/play") and value is None):
            value = math.nan
        elif value is None:
            value = 1 if mode in ("toggle", "hold") or "loop" not in binding["action"] else None
        return [status, number, 0x7f], [status, number, 0], value
    if kind == "encoder":
        step = binding.get("step", 1)
        if "cc14" in binding:
            return [0xb0 | channel, binding["cc14"], 0, 0xb0 | channel, binding["cc14"] + 32, 1], [], step
        return [0xb0 | channel, binding["cc"], 0x41 if binding.get("encoding") == "offset" else 1], [], step
    high = binding.get("range", own_range(binding["action"]))[-1]
    if "pitch" in binding:
        return [0xe0 | channel, 0, 0, 0xe0 | channel, 0x7f, 0x7f], [], high
    if "cc14" in binding:
        pair = [binding["cc14"], binding["cc14"] + 32]
        return [b for v in (0, 0x7f) for n in pair for b in (0xb0 | channel, n, v)], [], high
    return [b for v in (0, 0x7f) for b in (0xb0 | channel, binding["cc"], v)], [], high


def hexed(numbers):
    return " ".join(f"{b:02X}" for b in numbers)


class Device:
    def __init__(self, name):
        self.peer = Child(PEER, name)
        self.peer.expect("ready")
        self.heard = []

    def say(self, numbers):
        self.peer.ask("say " + hexed(numbers), "said")

    def hear(self, done, timeout=10):
        """What comes, until done() says so."""
        end = time.monotonic() + timeout
        while not done(self.heard) and time.monotonic() < end:
            try:
                self.heard.append(" ".join(self.peer.expect("heard", 0.3).split()[2:]))
            except AssertionError:
                pass
        return done(self.heard)

    def linked(self):
        return self.peer.ask("links") == "links 1 1"


def light_bytes(light, level):
    status = (0x90 if "note" in light else 0xb0) | (light["channel"] - 1)
    off, on = light.get("off", 0), light.get("on", 127)
    return hexed([status, light.get("note", light.get("cc")), off + round(level * (on - off))])


def shown(show, on):
    """The level of a light when the fake host has set all on, or off; None: not told apart here."""
    if show.endswith("/playing"):
        return 0
    if re.search("/deck/./(sync|pfl|loop|locked|loaded|cue|volume)$", show) or "/hotcue/" in show or show == "/crossfader":
        return 1 if on else 0
    return None


def check_lights(tap, device, host, name, lights):
    for on in (False, True):
        device.heard.clear()
        host.send(f"all {int(on)}")
        wanted = {light_bytes(light, level) for light in lights
                  for level in [shown(light["show"], on)] if level is not None}
        if on:  # those that do not change are not sent again
            wanted -= {light_bytes(light, level) for light in lights
                       for level in [shown(light["show"], False)] if level is not None}
        else:  # the device has just come: all is sent
            host_lit = wanted
        good = device.hear(lambda heard: wanted <= set(heard))
        tap.check(good, f"{name}: its lights are {'lit' if on else 'dark at first'} ({len(wanted)} messages)",
                  f"missing {sorted(wanted - set(device.heard))}, heard {device.heard[:20]}")
        if not on:
            assert host_lit is not None
    host.send("play 1")
    playing = {light_bytes(light, 1) for light in lights if light["show"] == "/deck/a/playing"}
    if playing:
        tap.check(device.hear(lambda heard: playing <= set(heard)), f"{name}: the play light is lit",
                  str(device.heard[-10:]))
    host.send("play 0")


def same(got, wanted):
    return wanted is None or (math.isnan(got) and math.isnan(wanted)) or abs(got - wanted) <= 1e-3 * max(1, abs(wanted))


def play_binding(device, host, binding, layers):
    """None, or what was wrong."""
    verb, deck, index = verb_of(binding["action"])
    on, off, value = bytes_of(binding)
    hold = next((layer for layer in layers if layer["name"] == binding.get("layer")), None)
    modifier = [0x90 | (hold["channel"] - 1), hold["note"]] if hold else None
    if binding.get("mode") == "pad":
        verb, value = "hotcue-set", None  # the fake host has none
    if modifier:
        device.say([*modifier, 0x7f])
    device.say(on)
    seen = []
    for _ in range(6):
        try:
            line = host.expect("post", 2 if not seen else 0.5)
        except AssertionError:
            break
        words = dict(word.split("=", 1) for word in line.split() if "=" in word)
        seen.append(line)
        if line.split()[1] == verb and int(words["deck"]) == deck and int(words["index"]) == index \
                and same(float(words["value"]), value):
            break
    else:
        line = ""
    good = bool(seen) and line.split()[1:2] == [verb]
    if off:
        device.say(off)
    if modifier:
        device.say([*modifier, 0])
    return None if good else f"{binding}: wanted {verb} {deck} {index} {value}, got {seen}"


def drain(host):
    while True:
        try:
            host.expect("post", 0.12)
        except AssertionError:
            return


def check_mapping(tap, host, path, schema):
    with open(path, encoding="utf-8") as file:
        mapping = json.load(file)
    name = mapping["name"]
    faults = [e.message for e in jsonschema.Draft7Validator(schema).iter_errors(mapping)]
    tap.check(not faults, f"{name}: is as the schema says", str(faults[:2]))
    tap.check(bool(mapping.get("source")) and bool(mapping.get("comment")), f"{name}: says where its numbers come from")
    host.send("all 0")
    device = Device(mapping["devices"][0])
    host.expect(f"status Using {mapping['devices'][0]}")
    check_lights(tap, device, host, name, mapping["lights"])
    tap.check(wait_for(device.linked), f"{name}: is linked both ways when it is plugged in")
    host.send("all 0")
    faults = []
    for binding in mapping["bindings"]:
        fault = play_binding(device, host, binding, mapping["layers"])
        if fault:
            faults.append(fault)
        if binding.get("kind") == "encoder" or binding.get("mode") in ("hold", "cue"):
            drain(host)  # what is let go
    tap.check(not faults, f"{name}: each of {len(mapping['bindings'])} bindings does what it says", "\n# ".join(faults[:5]))
    device.peer.stop()
    host.expect("status No MIDI controller")
    return mapping


def main():
    tap = Tap()
    os.environ["ECHELON_MIDI_PATH"] = FOLDER
    os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_RUNTIME_DIR"] + "/config"
    with open(SCHEMA, encoding="utf-8") as file:
        schema = json.load(file)
    host = Child(FAKE_HOST, MODULE)
    host.expect("status")
    host.send("decks 4")
    files = sorted(name for name in os.listdir(FOLDER) if name.endswith(".json"))
    tap.check(len(files) >= 10, f"there are mappings for ten controllers ({len(files)})")
    try:
        for name in files:
            check_mapping(tap, host, os.path.join(FOLDER, name), schema)
        tap.check(host.stop() == 0, "the driver stops")
    finally:
        Child.stop_all()
    tap.done()


if __name__ == "__main__":
    main()
