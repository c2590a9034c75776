#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The scenarios of tests/net/test_netns*.py as one table, our node and a reference side by side.

    netns.py [NAME…]        NETNS_ENGINES="wireguard boringtun" names other references
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    p = subprocess.run([sys.executable, os.path.join(ROOT, "tests/net/run.py"), "-j", "2",
                        *(sys.argv[1:] or ["netns"])], stdout=subprocess.PIPE, text=True, check=False)
    rows = [re.split(r" \| ", line.strip()[len("# netns | "):]) for line in p.stdout.splitlines()
            if line.strip().startswith("# netns | ")]
    if not rows:
        sys.stdout.write(p.stdout)
        return 1
    names = [cell.split(": ", 1)[0] for cell in rows[0][1:]]
    table = [["scenario", *names]] + [[r[0], *(c.split(": ", 1)[1][:60] for c in r[1:])] for r in rows]
    widths = [max(len(r[i]) for r in table) for i in range(len(table[0]))]
    for row in table:
        print(" | ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip())
    for i, name in enumerate(names, 1):
        print(f"{name}: {sum(r[i] == 'ok' for r in table[1:])} of {len(rows)}")
    return p.returncode


if __name__ == "__main__":
    sys.exit(main())
