"""Random sets of all actions, as scores.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import glob
import os
import random

TRACKS = sorted(glob.glob(os.path.join(os.environ["DEMO_MUSIC"], "*.flac")))
TIMINGS = ("", "now", "1/4", "1/2", "beat", "bar", "+1.3b", "~beat", "~bar")


def moment(rng):
    return rng.choice(("%.4f" % rng.uniform(0, 12), "%.3fb" % rng.uniform(0, 24),
                       "%d|%.2f" % (rng.randint(1, 6), rng.uniform(1, 4.9))))


def action(rng):
    deck = rng.choice("abcd")
    return rng.choice((
        "/deck/%s/play" % deck, "/deck/%s/play %.3f" % (deck, rng.uniform(0, 20)), "/deck/%s/stop" % deck,
        "/deck/%s/seek %.3f" % (deck, rng.uniform(0, 20)), "/deck/%s/beatjump %g" % (deck, rng.choice((-4, -1, .5, 1, 8))),
        "/deck/%s/tempo %.4f" % (deck, rng.uniform(.9, 1.1)), "/deck/%s/sync %d" % (deck, rng.randint(0, 1)),
        "/deck/%s/volume %.3f" % (deck, rng.random()), "/deck/%s/gain %.2f" % (deck, rng.uniform(-12, 6)),
        "/eq/%s/%s %.2f" % (deck, rng.choice(("low", "mid", "high")), rng.uniform(-30, 12)),
        "/filter/%s %.3f" % (deck, rng.uniform(-1, 1)), "/crossfader %.3f" % rng.random(),
        "/tempo %.3f" % rng.uniform(90, 150), "/limiter %.2f" % rng.uniform(-12, 0),
        "/deck/%s/cue" % deck, "/deck/%s/cue %.2f" % (deck, rng.uniform(0, 9)), "/deck/%s/eject" % deck,
        "/deck/%s/loop %g" % (deck, rng.choice((0, 1 / 32, .25, 1, 3, 4, 16))), "/deck/%s/loop/in" % deck,
        "/deck/%s/loop/out" % deck, "/deck/%s/loop/move %g" % (deck, rng.choice((-2, -.25, .5, 4))),
        "/deck/%s/hotcue/%d/set" % (deck, rng.randint(1, 3)), "/deck/%s/hotcue/%d/jump" % (deck, rng.randint(1, 3)),
        "/deck/%s/hotcue/%d/clear" % (deck, rng.randint(1, 8)),
        "/deck/%s/keylock %d" % (deck, rng.random() < .8), "/deck/%s/bend %.3f" % (deck, rng.choice((0, rng.uniform(-.5, .5)))),
        '/deck/%s/load "%s"' % (deck, rng.choice(TRACKS)), "/master/volume %.2f" % rng.random()))


def score(seed):
    rng = random.Random(seed)
    lines = ["0 /tempo %g" % rng.uniform(90, 150)]
    lines += ['0 /deck/%s/load "%s"' % (deck, rng.choice(TRACKS)) for deck in "abcd"]
    lines += ["0.1 /deck/a/play bar", "0.1 /deck/b/play"]  # so that there is something to hear
    lines += ["%s %s %s" % (moment(rng), action(rng), rng.choice(TIMINGS)) for _ in range(80)]
    return "\n".join(lines) + "\n13 end\n"
