#!/usr/bin/python3
# The MIDI driver and a graph that changes: hot-plug, replug, twins, files, clock, floods, a daemon that dies.
#
# midi-driver.py FAKE_HOST MIDI_MODULE MIDI_PEER [FLOOD_BYTES]
#
# SPDX-License-Identifier: GPL-3.0-or-later
import json
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pipewire"))
from support import Child, Tap, kill, wait_for  # noqa: E402

FAKE_HOST, MODULE, PEER = sys.argv[1:4]
FLOOD = int(sys.argv[4]) if len(sys.argv) > 4 else 300_000
RUNTIME = os.environ["XDG_RUNTIME_DIR"]
MAPS, CONFIG = RUNTIME + "/maps", RUNTIME + "/config"
USER = CONFIG + "/echelon/midi"


def write_mapping(folder, name, device, bindings, lights=()):
    """As an editor does: beside it, then over it."""
    os.makedirs(folder, exist_ok=True)
    path = f"{folder}/{name}.json"
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump({"format": "echelon-midi-mapping", "version": 1, "name": name, "devices": [device],
                   "bindings": bindings, "lights": list(lights)}, file)
    os.rename(path + ".new", path)


class Host(Child):
    def __init__(self, *settings):
        super().__init__(FAKE_HOST, MODULE, *settings)
        self.expect("status")

    def posts(self, seconds=0.4):
        """All that is posted from now on, for so long."""
        end, got = time.monotonic() + seconds, []
        while time.monotonic() < end:
            try:
                got.append(self.expect("post", max(0.01, end - time.monotonic())))
            except AssertionError:
                break
        return [" ".join(line.split()[1:5]) for line in got]


class Peer(Child):
    def __init__(self, *names):
        super().__init__(PEER, *names)
        self.expect("ready")

    def say(self, text):
        return int(self.ask("say " + text, "said").split()[1])

    def wait_linked(self):
        assert wait_for(lambda: self.ask("links") == "links 1 1"), self.ask("links")


def check_plugging(tap):
    write_mapping(MAPS, "One", "One", [{"note": 1, "channel": 1, "action": "/deck/a/play"},
                                       {"note": 2, "channel": 1, "action": "/deck/a/bend", "mode": "hold", "value": 0.04}],
                  [{"note": 1, "channel": 1, "show": "/deck/a/playing"}])
    write_mapping(MAPS, "Two", "Two", [{"note": 1, "channel": 1, "action": "/deck/b/stop"}])
    host = Host()
    one, two, other = Peer("One"), Peer("Two"), Peer("Other")
    host.expect("status Using One, Two")
    one.wait_linked()
    two.wait_linked()
    tap.check(other.ask("links") == "links 0 0", "a device that no mapping knows is left alone")
    one.say("90 01 7F")
    two.say("90 01 7F")
    other.say("90 01 7F") if other.ask("links") == "links 1 1" else None
    got = host.posts()
    tap.check(got == ["play deck=0 index=0 value=nan", "stop deck=1 index=0 value=0"], "two devices at once", str(got))

    one.say("90 02 7F")
    assert host.posts() == ["bend deck=0 index=0 value=0.04"]
    kill(one.process.pid)
    tap.check(host.posts(2)[:1] == ["bend deck=0 index=0 value=0"], "what was held is let go when the cable is pulled")
    one = Peer("One")
    one.expect("heard")
    tap.check(True, "its lights come back with it")
    one.wait_linked()
    one.say("90 01 7F")
    tap.check(host.posts() == ["play deck=0 index=0 value=nan"], "it is known again when it is plugged in again")

    twin = Peer("One")
    host.expect("status Using One")
    twin.wait_linked()
    twin.say("90 01 7F")
    tap.check(host.posts() == ["play deck=0 index=0 value=nan"], "a second one of the same make is used too")
    kill(one.process.pid)
    time.sleep(0.3)
    twin.say("90 01 7F")
    tap.check(host.posts() == ["play deck=0 index=0 value=nan"], "and stays when the first one goes")
    for peer in (twin, two, other):
        peer.stop()
    tap.check(host.stop() == 0, "the driver stops")


def check_alsa(tap):
    """All of ALSA's ports belong to one node; a device is told by its port's alias, not by its client's number."""
    host = Host()
    one, two = Peer("Midi-Bridge", "One:One MIDI 1", "20"), Peer("Midi-Bridge", "Two:Two MIDI 1", "24")
    line = host.expect("status Using One MIDI 1, Two MIDI 1")
    tap.check(True, "ALSA's devices are told apart by their names", line)
    one.wait_linked()
    two.wait_linked()
    two.say("90 01 7F")
    tap.check(host.posts() == ["stop deck=1 index=0 value=0"], "each with its own mapping")
    one.stop()
    host.expect("status Using Two MIDI 1")
    one = Peer("Midi-Bridge", "One:One MIDI 1", "28")
    host.expect("status Using One MIDI 1")
    one.wait_linked()
    one.say("90 01 7F")
    tap.check(host.posts() == ["play deck=0 index=0 value=nan"], "and known again under another number")
    for peer in (one, two):
        peer.stop()
    host.stop()


def check_files(tap):
    host, peer = Host(), Peer("One")
    peer.wait_linked()
    write_mapping(USER, "One", "One", [{"note": 1, "channel": 1, "action": "/deck/b/play"}])

    def plays_b():
        peer.say("90 01 7F")
        return host.posts(0.3) == ["play deck=1 index=0 value=nan"]
    tap.check(wait_for(plays_b), "a mapping of the user's takes over while it runs")
    with open(USER + "/One.json", "w", encoding="utf-8") as file:
        file.write('{"format": "echelon-midi-mapping",\n "version": 7}')
    line = host.expect("status One.json", 10)
    tap.check("One.json, line 2: “version” must be 1" in line, "a broken file is told with its line", line)
    peer.say("90 01 7F")
    tap.check(host.posts() == ["play deck=0 index=0 value=nan"], "and the one that came with Echelon serves")
    os.unlink(USER + "/One.json")
    host.expect("status Using One", 10)
    peer.stop()
    host.stop()
    host, peer = Host("devices=Two"), Peer("One")
    time.sleep(0.5)
    tap.check(peer.ask("links") == "links 0 0", "a device that the settings leave out is not used")
    peer.stop()
    host.stop()


def check_clock(tap):
    host, peer = Host("clock-out=Synth"), Peer("Synth")
    heard = []
    end = time.monotonic() + 15
    while len(heard) < 200 and time.monotonic() < end:
        _, position, byte = peer.expect("heard").split()[:3]
        heard.append((int(position), byte))
    ticks = [position for position, byte in heard if byte == "F8"]
    # the fake session: 120 BPM, 48 kHz: a tick each 1000 frames
    wrong = [b - a for a, b in zip(ticks, ticks[1:]) if not 970 <= b - a <= 1030]
    # a busy machine wakes the driver late now and then; most of the ticks it must not touch
    tap.check(len(ticks) > 150 and len(wrong) <= len(ticks) // 4, f"clock goes out evenly ({len(ticks)} ticks)", str(wrong[:10]))
    starts = [i for i, (_, byte) in enumerate(heard) if byte == "FA"]
    tap.check(len(starts) == 1, "it begins with one START", str(starts))
    host.stop()
    tap.check(wait_for(lambda: drain_has(peer, "FC"), 5), "and ends with STOP")
    peer.stop()

    host, peer = Host("clock-in=Master"), Peer("Master")
    peer.wait_linked()
    peer.ask("clock 800")  # 150 BPM at 48 kHz
    got = float(host.expect("post tempo", 20).split("value=")[1].split()[0])
    tap.check(abs(got - 150) < 0.5, "a clock that comes in sets the tempo", str(got))
    peer.ask("clock 960")  # 125
    wait_for(lambda: abs(float(host.expect("post tempo", 20).split("value=")[1].split()[0]) - 125) < 0.2)
    tap.check(True, "and changes it")
    peer.stop()
    host.stop()


def drain_has(peer, byte):
    try:
        return peer.expect("heard", 0.5).split()[2] == byte
    except AssertionError:
        return False


def make_flood(path, n_bytes):
    """Running status, System Exclusive, garbage; but never note 100 on channel 16, nor what makes one."""
    rand = random.Random(20261122)
    out = bytearray()
    while len(out) < n_bytes:
        kind = rand.randrange(4)
        if kind == 0:
            out += bytes([0xB0 | rand.randrange(15)]) + bytes(rand.randrange(128) for _ in range(rand.randrange(60)))
        elif kind == 1:
            out += b"\xf0" + bytes(rand.randrange(128) for _ in range(rand.randrange(200))) + b"\xf7"
        elif kind == 2:
            out += bytes(b for b in (rand.randrange(256) for _ in range(rand.randrange(60))) if b & 15 != 15)
        else:
            out += bytes([0xE0, rand.randrange(128), rand.randrange(128), 0xF8, 0xFE, 0x90, 7, 0])
    with open(path, "wb") as file:
        file.write(out)
    return len(out)


def check_flood(tap):
    # The one on channel 16 must never come of it; the knob may, as often as there is room.
    write_mapping(MAPS, "Flood", "Flood", [{"note": 100, "channel": 16, "action": "/emergency"},
                                           {"note": 101, "channel": 16, "action": "/deck/a/play"},
                                           {"pitch": True, "channel": 1, "action": "/crossfader", "takeover": "jump"},
                                           {"cc": 7, "channel": 3, "action": "/deck/a/volume", "takeover": "jump"}])
    host, peer, calm = Host(), Peer("Flood"), Peer("Two")
    peer.wait_linked()
    calm.wait_linked()
    size = make_flood(RUNTIME + "/flood", FLOOD)
    before = time.monotonic()
    peer.send(f"flood {RUNTIME}/flood 250")
    answered, worst, verbs = 0, 0.0, {}
    while True:  # another device is heard all the while
        began = time.monotonic()
        calm.say("90 01 7F")
        while True:
            line = host.expect("post", 30)
            verbs[line.split()[1]] = verbs.get(line.split()[1], 0) + 1
            if line.startswith("post stop"):
                break
        worst = max(worst, time.monotonic() - began)
        answered += 1
        try:
            peer.expect("flooded", 0.1)
            break
        except AssertionError as error:
            assert "ended" not in str(error), error
    seconds = time.monotonic() - before
    tap.note(f"{size} bytes in {seconds:.1f} s; another device answered {answered} times, slowest {worst * 1000:.0f} ms; posts {verbs}")
    wrong = set(verbs) - {"stop", "crossfader", "volume"}
    tap.check(not wrong, f"a flood of {size} bytes brings about no wrong action", str(verbs))
    tap.check(verbs.get("crossfader", 0) > 0, "what was good in it is done")
    host.posts(0.5)
    peer.say("9F 65 7F")
    got = [post for post in host.posts(1) if post.startswith("play")]
    tap.check(got == ["play deck=0 index=0 value=nan"], "and the device works on after it", str(got))
    calm.stop()
    peer.stop()
    host.stop()


def check_full_lane(tap):
    host, peer = Host(), Peer("One")
    peer.wait_linked()
    host.send("full 1")
    for _ in range(3):
        peer.say("90 01 7F 90 01 00")
    assert host.posts(0.3) == []
    host.send("full 0")
    got = host.posts(1)
    tap.check(got == ["play deck=0 index=0 value=nan"] * 3, "presses wait in their order while the lane is full", str(got))
    peer.stop()
    host.stop()


def check_daemon(tap):
    host, peer = Host(), Peer("One")
    peer.wait_linked()
    kill(int(os.environ["ECH_PIPEWIRE_PID"]))
    tap.check(bool(host.expect("status Waiting for PipeWire", 10)), "the daemon's death is told")
    peer.process.kill()
    socket = RUNTIME + "/pipewire-0"
    if os.path.exists(socket):
        os.unlink(socket)
    daemon = subprocess.Popen(["pipewire", "-c", os.environ["ECH_PIPEWIRE_CONF"]],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: os.path.exists(socket))
        host.expect("status No MIDI", 20)
        peer = Peer("One")
        peer.wait_linked()
        peer.say("90 01 7F")
        tap.check(host.posts(2) == ["play deck=0 index=0 value=nan"], "and it goes on with the next one")
        tap.check(host.stop() == 0, "the driver stops")
        peer.stop()
    finally:
        daemon.kill()
        daemon.wait()


def main():
    tap = Tap()
    os.environ["ECHELON_MIDI_PATH"] = MAPS
    os.environ["XDG_CONFIG_HOME"] = CONFIG
    os.makedirs(MAPS)
    try:
        for check in (check_plugging, check_alsa, check_files, check_clock, check_full_lane, check_flood, check_daemon):
            check(tap)
    finally:
        Child.stop_all()
    tap.done()


if __name__ == "__main__":
    main()
