#!/usr/bin/python3
"""echelonctl policy: what it prints, what it refuses; schema and parser agree on what a policy is.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tap import Tap  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
ECHELONCTL = os.environ["ECHELONCTL"]
FOLDER = Path(tempfile.mkdtemp(prefix="echelon-policy-"))
FILE = FOLDER / "policy.json"
SCHEMA = json.loads((ROOT / "data/schemas/policy.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def policy(*arguments, config=FOLDER / "config"):
    env = dict(os.environ, XDG_CONFIG_HOME=str(config), LC_ALL="C.UTF-8")
    return subprocess.run([ECHELONCTL, "policy", *map(str, arguments)], env=env, capture_output=True, text=True,
                          timeout=30)


def check(text):
    FILE.write_bytes(text if isinstance(text, bytes) else text.encode())
    return policy("--check", FILE)


def everything():
    """A policy with each key that there is."""
    whole = json.loads((ROOT / "data/policy.json").read_text())
    whole["sources"] = {"robot 1": dict(copy.deepcopy(whole["classes"]["agent"]), **{"class": "agent"})}
    whole["sources"]["robot 1"]["cooldowns"]["cue"] = "0.25 beats"
    return whole


def places(value, path=()):
    """The path of each value in it, itself included."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, path + (key,))


def replaced(whole, path, value):
    """A copy with another value there."""
    if not path:
        return value
    other = copy.deepcopy(whole)
    at = other
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return other


ODD = [None, True, False, 0, 1, -1, 0.5, 20.0, 100, 101, 64, 65, -120, -121, 1e6, 1000001, 1e300, "", "0", "0 ms", "0.0 s", "60 ms",
       "60ms", " 60 ms", "999999.5 ms", "1000000 ms", "999 s", "1000 s", "999.99 beats", "1000 beats", "1 beat", "1 bar", "-1 ms",
       "1e3 ms", "01 ms", "00 ms", ".5 s", "5. s", "1.123456789012345678901 s", "1.12345678901234567890 s", "ghost", "auto",
       "Auto", "report", "hand", [], ["play"], ["emergency"], ["play", "loops", "play"], ["none"], [1], {}, {"stop": "1 beat"},
       {"emergency": 0}, {"class": "hand"}, {"class": "hand", "mode": "off"}, {"on": True}, {"may": []},
       {"x": {"class": "osc", "may": ["safety"]}}, {"a/b": {"class": "osc"}}, {"é": {"class": "osc"}},
       {"x" * 31: {"class": "osc"}}, {"x" * 32: {"class": "osc"}}, {"": {"class": "osc"}},
       {"s%d" % i: {"class": "osc"} for i in range(16)}, {"s%d" % i: {"class": "osc"} for i in range(17)}]
SAMPLES = [{}, {"version": 1}, {"version": 1.0}, {"version": 2}, {"x": 1}, {"classes": {"agent": {"may": ["play"], "may_not": ["loads"]}}},
           {"classes": {"dj": {}}}, {"sources": {"x": {"class": "osc", "may": []}}}, {"sources": {"x": {"mode": "off"}}},
           {"sources": {"x": {"class": "osc", "x": 1}}}, {"guards": {"emergency_loop": {"beat": 4}}}]


def corpus():
    """Texts, good and bad in shape; each kind of value put in each kind of place."""
    whole = everything()
    yield from SAMPLES
    for path in places(whole):
        if path[:1] == ("classes",) and len(path) > 1 and path[1] != "agent":
            continue  # the same as an agent's
        if "cooldowns" in path and path[-1] not in ("cooldowns", "transport", "cue") or path and path[-1] in range(1, 99):
            continue  # the same as their neighbours
        if "robot 1" in path and path[-1] not in ("robot 1", "class", "mode", "cue", "may_not"):
            continue
        for value in ODD:
            yield replaced(whole, path, value)
        if path and isinstance(path[-1], str):
            for name in (path[-1] + "s", path[-1].upper()):
                yield replaced(whole, path[:-1] + (name,), copy.deepcopy(value))


def test_agreement(tap):
    """The schema and the program call the same things right."""
    texts = sorted({json.dumps(value) for value in corpus()})
    wrong, good = [], 0
    for text in texts:
        valid = VALIDATOR.is_valid(json.loads(text))
        done = check(text)
        if "“override_least” is longer than “override_window”" in done.stderr:
            tap.note("a schema cannot say: " + done.stderr.split(": ", 2)[2].strip())
            continue
        good += valid
        if done.returncode not in (0, 1) or valid != (done.returncode == 0):
            wrong.append(f"{'schema only' if valid else 'program only'}: {done.stderr.strip()} {text[:3000]}")
    tap.none(wrong[:5], f"schema and program agree on {len(texts)} texts, {good} of them policies")
    tap.ok(100 < good < len(texts) - 100, "many are policies and many are none")


def test_words(tap):
    """The schema's names are the program's."""
    done = check('{"classes": {"agent": {"may": ["zzzzzzzzzzzzzzzzz"]}}}')
    told = done.stderr.split("accepted: ")[1].strip().split(", ")
    tap.equal(SCHEMA["$defs"]["name"]["enum"], told, "groups and verbs")
    undescribed = [name for name, inner in walk(SCHEMA) if "description" not in inner and "$ref" not in inner]
    tap.none(undescribed, "each key has its description")


def walk(schema):
    for name, inner in schema.get("properties", {}).items():
        yield name, inner
        yield from walk(inner)
    for inner in schema.get("$defs", {}).values():
        yield from walk(inner)


def test_defaults(tap):
    text = (ROOT / "data/policy.json").read_text()
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    tap.none(VALIDATOR.iter_errors(json.loads(text)), "the installed default is valid by the schema")
    printed = policy("--print").stdout
    tap.equal(printed, text, "and is what “policy --print” prints")
    tap.equal(check(printed).returncode, 0, "and is accepted")
    tap.equal(policy("--print", "--check", FILE).stdout, printed, "there and back")


def test_told(tap):
    config = FOLDER / "told"
    mine = config / "echelon/policy.json"
    said = policy(config=config)
    tap.ok(said.returncode == 0 and f"there is no {mine}" in said.stdout, "without a file: the defaults", said.stdout)
    tap.ok("agent\n  is automatic: what passes is done; priority 20; at most 50 actions a second\n" in said.stdout
           and "transport: 4 beats, loops: 1 beat, loads: 16 beats" in said.stdout, "in plain words", said.stdout)
    mine.parent.mkdir(parents=True)
    mine.write_text('{"classes": {"agent": {"mode": "assist", "may": ["loops"]}}, "sources": {"panel": {"class": "hand"}},\n'
                    '"on_air": {"human_override": false}, "guards": {"emergency_loop": {"on": false}, "silence": {"action": "nothing"}}}')
    said = policy(config=config)
    for words in (f"From {mine}:", "agent\n  is assisted: waits for a person's yes", "may ask for nothing but: loops",
                  "source panel, counts as hand", "Nobody can override that.", "there is no emergency loop",
                  "Silence is not watched."):
        tap.ok(words in said.stdout, f"a file's rules: {words.splitlines()[-1]}", said.stdout)
    mine.write_text('{\n"clases": {}}')
    said = policy(config=config)
    tap.ok(said.returncode == 1 and said.stdout == ""
           and said.stderr.startswith(f"{mine}: line 2: “clases” is no key of a policy; did you mean “classes”?"),
           "a wrong file: its line and the reason", said.stderr)


def test_json(tap):
    told = json.loads(policy("--json").stdout)
    tap.ok(told["valid"] and not told["exists"] and VALIDATOR.is_valid(told["policy"]), "--json: the policy")
    check('{\n\n"classes": 3}')
    done = policy("--json", "--check", FILE)
    told = json.loads(done.stdout)
    tap.ok(done.returncode == 1 and not told["valid"] and told["line"] == 3 and "takes an object" in told["error"]
           and "policy" not in told, "--json: line and reason", done.stdout)


def test_use(tap):
    for arguments, status, words in ((["--check", "/no/such/file"], 1, "/no/such/file cannot be read"),
                                     (["--check", FOLDER], 1, "Is a directory"),
                                     (["--check", "/dev/zero"], 1, "1048576 bytes"),
                                     (["more"], 2, "takes no arguments"), (["--chek"], 2, "--chek")):
        done = policy(*arguments)
        tap.ok(done.returncode == status and words in done.stderr and not done.stdout, f"refused: {arguments[-1]}",
               done.stderr)
    tap.ok("--check" in policy("--help").stdout, "--help")
    link = FOLDER / "pipe"
    os.mkfifo(link)
    tap.equal(policy("--check", link).returncode, 1, "a pipe without a writer is no policy, and nobody waits for it")


def test_page(tap):
    """The examples of docs/policy.md."""
    page = (ROOT / "docs/policy.md").read_text()
    examples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    tap.ok(len(examples) >= 3, "the page has examples")
    for text in examples:
        done = check(text)
        tap.ok(done.returncode == 0 and VALIDATOR.is_valid(json.loads(text)), "an example is a policy: " + text.split("\n")[1].strip(),
               done.stderr)
    for text, said in re.findall(r"```json-wrong\n(.*?)```\n+```\n(.*?)```", page, re.DOTALL):
        tap.equal(check(text).stderr.replace(str(FOLDER) + "/", ""), said, "a wrong example is told as the page has it")


def main():
    tap = Tap()
    try:
        for test in (test_defaults, test_told, test_json, test_use, test_words, test_page, test_agreement):
            test(tap)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
