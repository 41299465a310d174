#!/usr/bin/python3
"""docs/pipewire.md is true: nodes, ports, links, descriptions, latency, as PipeWire's own tools list them.

Run by with-pipewire.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import re

from support import FAKE_LATENCY_FRAMES, Child, Host, Tap, link, links, output, program, wait_for

tap = Tap()
DOC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "pipewire.md")


def documented(section):
    """The rows of the first table under a heading: {node: set of ports}."""
    with open(DOC, encoding="utf-8") as file:
        text = file.read().split(f"## {section}", 1)[1].split("\n## ", 1)[0]
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `echelon"):
            rows[cells[0].strip("`")] = (cells[1].strip("`"), set(re.findall(r"`([a-z_]+)`", " ".join(cells[2:]))))
    return rows


def dump():
    return json.loads(output("pw-dump"))


def nodes():
    """{name: (description, ports, properties)} of our nodes."""
    objects, found = dump(), {}
    for item in objects:
        if item.get("type") == "PipeWire:Interface:Node" and item["info"]["props"]["node.name"].startswith("echelon"):
            properties = item["info"]["props"]
            ports = {o["info"]["props"]["port.name"] for o in objects
                     if o.get("type") == "PipeWire:Interface:Port" and o["info"]["props"]["node.id"] == item["id"]}
            found[properties["node.name"]] = (properties["node.description"], ports, properties)
    return found


def check_nodes(section, *options):
    want = documented(section)
    host = Host(program("graph-host"), "--decks", "4", *options)
    tap.check(host.wait_state("RUNNING"), f"{section}: running")
    got = nodes()
    tap.check(set(got) == set(want), f"{section}: the nodes", f"{sorted(got)}, documented {sorted(want)}")
    for name, (description, ports) in sorted(want.items()):
        tap.check(name in got and got[name][0] == description, f"{section}: {name} is called \"{description}\"",
                  str(got.get(name)))
        tap.check(name in got and got[name][1] == ports, f"{section}: {name} has its ports",
                  str(got.get(name, (0, set()))[1] ^ ports))
    tap.check(len({got[name][2]["node.group"] for name in got}) == 1, f"{section}: one node.group")
    tap.check(all("media.class" not in got[name][2] for name in got),
              f"{section}: no media class, so no mixer applet moves or mutes them")
    return host


def check_links(host):
    made = [o for o in dump() if o.get("type") == "PipeWire:Interface:Link"]
    own = [o for o in made if o["info"]["props"].get("echelon.link")]
    tap.check(len(own) == 10 and len(made) == 10, "each of our links says that it is ours", f"{len(own)} of {len(made)}")
    host.send("stop")
    host.wait_state("STOPPED")  # what it said of itself before is read by now
    tap.check(wait_for(lambda: not links()), "and goes with us")
    host.send("start")
    host.wait_state("RUNNING")


def port_latencies(port_name, node_name):
    objects = dump()
    ids = {o["id"] for o in objects if o.get("type") == "PipeWire:Interface:Node"
           and o["info"]["props"]["node.name"] == node_name}
    for item in objects:
        if (item.get("type") == "PipeWire:Interface:Port" and item["info"]["props"]["node.id"] in ids
                and item["info"]["props"]["port.name"] == port_name):
            return {entry["direction"]: entry for entry in item["info"]["params"].get("Latency", [])}
    return {}


def late_by(frames, port_name, node_name, direction):
    """Whether the port says so in the end: PipeWire passes it on from port to port."""
    return wait_for(lambda: port_latencies(port_name, node_name).get(direction, {}).get("minRate") == frames)


def check_latency(host):
    tap.check(late_by(FAKE_LATENCY_FRAMES, "master_left", "echelon-mixer", "Output"),
              "the master says by how much it is late", str(port_latencies("master_left", "echelon-mixer")))
    tap.check(late_by(FAKE_LATENCY_FRAMES, "left", "echelon-deck-a", "Input"),
              "a deck is told what comes after it", str(port_latencies("left", "echelon-deck-a")))
    tap.check(host.ask("latency") == "latency 0", "a null sink adds nothing")
    host.stop()

    # a device that is 480 frames = 10 ms late
    host = Host(program("graph-host"), "--no-sink")
    tap.check(host.wait_state("RUNNING", text="Patched by hand"), "without a sink of ours", host.text())
    device = Child(program("recorder"), os.devnull, "--seconds", "1", "--name", "late-device", "--latency", "480")
    device.expect("ready")
    link("echelon-mixer:master_left", "late-device:in_1")
    link("echelon-mixer:master_right", "late-device:in_2")
    tap.check(wait_for(lambda: host.ask("latency") == "latency 10000000"), "a device's delay is known",
              host.ask("latency"))
    tap.check(late_by(FAKE_LATENCY_FRAMES + 480, "left", "echelon-deck-a", "Input"),
              "and told to the decks, with our own", str(port_latencies("left", "echelon-deck-a")))
    device.stop()
    return host


def check_flatpak_permission(host):
    clients = [o for o in dump() if o.get("type") == "PipeWire:Interface:Client"
               and o["info"]["props"].get("application.name") == "Echelon"]
    tap.check(len(clients) == 1 and clients[0]["info"]["props"].get("media.category") == "Manager",
              "the client asks for a manager's rights (Flatpak)", str(clients))


try:
    host = check_nodes("Nodes")
    check_links(host)
    check_flatpak_permission(host)
    host = check_latency(host)
    tap.check(host.stop() == 0, "ends well")
    host = check_nodes("Fused", "--fused")
    tap.check(host.stop() == 0, "ends well")
finally:
    Child.stop_all()
tap.done()
