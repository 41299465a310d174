#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""ui.py ECHELON TRACK TRACK: start to first frame, and what a frame costs while two decks play.

Run it under with-pipewire and with-display.  GSK_RENDERER chooses the renderer.
"""

import json
import os
import statistics
import subprocess
import sys

RUNS = 3


def run(seconds):
    done = subprocess.run([sys.argv[1], '--benchmark', str(seconds), *sys.argv[2:4]],
                          capture_output=True, text=True, timeout=seconds + 60)
    for line in done.stdout.splitlines():
        if line.startswith('{'):
            return json.loads(line)
    raise SystemExit(f'no figures from {sys.argv[1]}: {done.stderr[-500:]}')


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    runs = [run(5) for _ in range(RUNS)]
    print(f'renderer {os.environ.get("GSK_RENDERER", "default")}, window {runs[0]["width"]}x{runs[0]["height"]}, '
          f'median of {RUNS} runs')
    for key, what in (('first_frame_ms', 'start to first frame, ms'),
                      ('fps', 'frames a second'),
                      ('frame_ms_p50', 'main thread a frame, ms, median'),
                      ('frame_ms_p99', 'main thread a frame, ms, 99th percentile'),
                      ('waveform_snapshot_us', 'snapshot of one scrolling waveform, us'),
                      ('tile_us', 'making one waveform tile (between frames), us')):
        print(f'  {what:45} {statistics.median(run[key] for run in runs):8.1f}')


main()
