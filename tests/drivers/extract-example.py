#!/usr/bin/python3
# extract-example.py GUIDE OUT.c: the guide's one whole C program.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import re
import sys

with open(sys.argv[1], encoding="utf-8") as guide:
    blocks = re.findall(r"^```c\n(.*?)^```$", guide.read(), re.S | re.M)
if len(blocks) != 1:
    sys.exit("%s: one C block is wanted, there are %d" % (sys.argv[1], len(blocks)))
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.write(blocks[0])
