# OSC by hand, and TAP: the tests share no code with what they test.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import queue
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback

NTP_UNIX_S = 2208988800
AT_ONCE = 1


def pad(data):
    return data + b"\0" * (-len(data) % 4)


def string(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return pad(raw + b"\0")


def message(address, types="", *values):
    """types: as in OSC, without the comma; T and F take no value."""
    out = string(address) + string("," + types)
    values = list(values)
    for t in types:
        if t == "i":
            out += struct.pack(">i", values.pop(0))
        elif t == "h":
            out += struct.pack(">q", values.pop(0))
        elif t == "f":
            out += struct.pack(">f", values.pop(0))
        elif t == "d":
            out += struct.pack(">d", values.pop(0))
        elif t == "s":
            out += string(values.pop(0))
        elif t == "b":
            blob = values.pop(0)
            out += pad(struct.pack(">I", len(blob)) + blob)
        elif t not in "TFNI":
            raise ValueError(t)
    return out


def tag_at(unix_s):
    """NTP's seconds begin again in 2036."""
    return int((unix_s + NTP_UNIX_S) * 2**32) % 2**64


def bundle(tag, *elements):
    out = b"#bundle\0" + struct.pack(">Q", tag)
    for element in elements:
        out += struct.pack(">I", len(element)) + element
    return out


def take_string(data, at):
    end = data.index(b"\0", at)
    return data[at:end].decode("utf-8"), at + (end - at + 4) // 4 * 4


def decode(data):
    """(address, types, [values]) of one message; strict."""
    assert len(data) % 4 == 0, "length"
    address, at = take_string(data, 0)
    types, at = take_string(data, at)
    assert types[0] == ",", "types"
    values = []
    for t in types[1:]:
        if t == "s":
            value, at = take_string(data, at)
        else:
            form = {"i": ">i", "f": ">f", "d": ">d", "h": ">q"}[t]
            value = struct.unpack_from(form, data, at)[0]
            at += struct.calcsize(form)
        values.append(value)
    assert at == len(data), "left-over bytes"
    return address, types[1:], values


class Peer:
    """A UDP socket of its own on loopback."""

    def __init__(self, port, patience=5.0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(patience)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.to = ("127.0.0.1", port)

    def send(self, data):
        self.socket.sendto(data, self.to)

    def receive(self):
        return decode(self.socket.recv(65536))

    def ask(self, data):
        self.send(data)
        return self.receive()

    def settle(self):
        """All that came before the answer to a ping: packets are taken in their order."""
        self.send(message("/ping"))
        got = []
        while True:
            answer = self.receive()
            if answer[0] == "/pong":
                return got
            got.append(answer)

    def wait_for(self, wanted, limit=2000):
        """Reads until wanted(address, types, values); returns that and what came before."""
        before = []
        for _ in range(limit):
            answer = self.receive()
            if wanted(*answer):
                return answer, before
            before.append(answer)
        raise AssertionError("it did not come within %d messages" % limit)

    def close(self):
        self.socket.close()


class Program:
    """A child with lines on stdin and stdout."""

    def __init__(self, *argv, **options):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        bufsize=1, **options)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def line(self, begins, patience=10.0):
        """The next line that begins so; others are passed over."""
        end = time.monotonic() + patience
        while True:
            line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            if line is None:
                raise AssertionError("the program ended")
            if line.startswith(begins):
                return line

    def waiting(self):
        """Lines that have come by now."""
        got = []
        while not self.lines.empty():
            got.append(self.lines.get())
        return got

    def end(self):
        try:
            self.process.stdin.close()
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Tap:
    def __init__(self):
        self.n = 0
        self.failed = 0

    def check(self, good, name, detail=""):
        self.n += 1
        if not good:
            self.failed += 1
        print("%s %d - %s" % ("ok" if good else "not ok", self.n, name.replace("#", "")))
        if not good and detail != "":
            print("# " + repr(detail))
        sys.stdout.flush()

    def equal(self, got, wanted, name):
        self.check(got == wanted, name, (got, wanted))

    def skip(self, name, reason):
        self.n += 1
        print("ok %d - %s # SKIP %s" % (self.n, name, reason))

    def run(self, *cases):
        """Each case is a function of one argument, this."""
        for case in cases:
            try:
                case(self)
            except Exception:
                traceback.print_exc()
                self.check(False, "%s came to its end" % case.__name__)
        print("1..%d" % self.n)
        sys.exit(1 if self.failed else 0)
