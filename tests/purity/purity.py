#!/usr/bin/python3
"""The audio thread's purity with the whole path running: by interposer and by RealtimeSanitizer.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["SOURCE_ROOT"]
LIVE = os.environ["PURITY_LIVE"]
TRACKS = sorted(glob.glob(os.path.join(os.environ["DEMO_MUSIC"], "*.flac"))
                + glob.glob(os.path.join(os.environ["DEMO_MUSIC"], "*.wav")))[:2]
CLANG = next((c for c in ("clang-22", "clang-21", "clang-20") if shutil.which(c)), None)
PACKAGES = ("gio-2.0", "gio-unix-2.0", "gmodule-2.0", "json-glib-1.0", "libpipewire-0.3", "rubberband", "sndfile",
            "sqlite3")


# The graph's quantum changes under way; the loop ends with the program, after a minute at the latest.
UNDER_WAY = """
for n in $(seq 120); do
  for quantum in 64 1024 256; do pw-metadata -n settings 0 clock.force-quantum $quantum >/dev/null 2>&1; sleep 0.4; done
  kill -0 $PPID 2>/dev/null || break
done &
quanta=$!
"$@"
status=$?
kill $quanta
exit $status
"""


def live(program, seconds, **more):
    env = dict(os.environ, **more)
    preload = env.pop("PRELOAD", None)
    command = [os.environ["WITH_PIPEWIRE"], "bash", "-c", UNDER_WAY, "live"]
    if "ECH_LINK_DRIVER" in env:
        command.insert(0, os.environ["IN_NAMESPACE"])
    if preload:
        command += ["env", "LD_PRELOAD=" + preload]
    done = subprocess.run(command + [program, str(seconds), *TRACKS], env=env, capture_output=True, text=True, timeout=150)
    for line in (done.stdout + done.stderr).splitlines()[-40:]:
        print("# " + line)
    return done


def test_interposer():
    """no heap, lock, sleep or file call in the audio thread, with every kind of action"""
    assert live(LIVE, 6, PRELOAD=os.environ["PURITY_INTERPOSER"]).returncode == 0


def can_link():
    return os.environ["LINK_DRIVER"] and b"SKIP" not in subprocess.run([os.environ["IN_NAMESPACE"], "true"], check=False,
                                                                       capture_output=True).stdout


def test_interposer_link():
    """the same on Ableton Link's clock: nothing but the wake-up that Link's own commit makes"""
    if not can_link():
        return "no Link, or no network namespace"
    done = live(LIVE, 6, PRELOAD=os.environ["PURITY_INTERPOSER"], ECH_LINK_DRIVER=os.environ["LINK_DRIVER"])
    told = [line for line in done.stderr.splitlines() if line.startswith("in the audio thread: ")]
    assert done.returncode == 0 or (done.returncode == 3 and len(told) == 1)
    for call in (told[0].split(": ", 1)[1].split("; ") if told else []):
        assert not call or call.startswith("pthread_cond_signal "), call
    return None


def test_interposer_finds_a_fault():
    """the same finds each kind of fault that is put there on purpose"""
    done = live(LIVE, 1, PRELOAD=os.environ["PURITY_INTERPOSER"], ECH_SABOTAGE="1")
    assert done.returncode == 3
    for call in ("malloc", "free", "pthread_mutex_lock", "g_mutex_lock", "open", "read", "nanosleep"):
        assert call + " " in done.stderr, call


def build_with_rtsan(folder):
    program = os.path.join(folder, "live-rtsan")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", *PACKAGES], capture_output=True, text=True,
                           check=True).stdout.split()
    sources = []
    for part in ("drivers/host", "engine", "engine/rt", "engine/scheduler", "engine/graph", "engine/media"):
        sources += sorted(glob.glob(os.path.join(SOURCE, part, "*.c")))
    sources = [s for s in sources if os.path.basename(s) not in ("decoder.c", "renderer.c", "offline-graph.c")]
    sources += [os.path.join(SOURCE, "engine/analysis/analysis.c"), os.path.join(SOURCE, "tests/purity/live.c")]
    defines = ["-D_GNU_SOURCE", '-DG_LOG_DOMAIN="echelon"', '-DECH_LIBEXECDIR="/nowhere"', '-DGETTEXT_PACKAGE="echelon"',
               '-DECH_VERSION="0"', '-DECH_APP_ID="test"']
    done = subprocess.run([CLANG, "-std=gnu11", "-O1", "-g", "-fsanitize=realtime", "-I" + SOURCE, *defines, *sources,
                           "-o", program, *flags, "-lm", "-lpthread"], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr[-4000:]
    return program


def test_rtsan():
    """RealtimeSanitizer finds nothing, with every kind of action"""
    folder = tempfile.mkdtemp(prefix="echelon-rtsan-")
    try:
        done = live(build_with_rtsan(folder), 6)
        assert done.returncode == 0 and "RealtimeSanitizer" not in done.stderr
    finally:
        shutil.rmtree(folder)


FAULT = """
#include <stdlib.h>
#include "engine/types.h"
void *volatile kept;
ECH_RT void audio (void);
void audio (void) { kept = malloc (16); }
int main (void) { audio (); return 0; }
"""


def test_rtsan_finds_a_fault():
    """the same finds an allocation behind our own mark for real-time code"""
    folder = tempfile.mkdtemp(prefix="echelon-rtsan-")
    try:
        source = os.path.join(folder, "fault.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(FAULT)
        subprocess.run([CLANG, "-O1", "-w", "-fsanitize=realtime", "-I" + SOURCE, source, "-o", source[:-2]], check=True, timeout=60)
        done = subprocess.run([source[:-2]], capture_output=True, text=True, timeout=60)
        assert done.returncode != 0 and "malloc" in done.stderr
    finally:
        shutil.rmtree(folder)


tests = [test_interposer, test_interposer_link, test_interposer_finds_a_fault]
print("1..5")
failed = 0
for number, test in enumerate(tests + [test_rtsan, test_rtsan_finds_a_fault], 1):
    if CLANG is None and number > len(tests):
        print("ok %d - %s # SKIP no clang with RealtimeSanitizer is installed" % (number, test.__doc__))
        continue
    try:
        skipped = test()
        print("ok %d - %s%s" % (number, test.__doc__, " # SKIP " + skipped if skipped else ""), flush=True)
    except Exception as error:
        failed += 1
        print("not ok %d - %s" % (number, test.__doc__))
        for line in str(error).splitlines()[-60:]:
            print("# " + line)
        sys.stdout.flush()
sys.exit(1 if failed else 0)
