#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The rules that no other tool knows: Python compiles, tests do not sleep, functions have a ceiling.

    lint.py FILE.py… -- FILE.c…
"""
import os
import re
import sys

FUNCTION_MAX = 100
WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SLEEP_PY = re.compile(r"\btime\.sleep\b|\basyncio\.sleep\b|^\s*from time import .*sleep")
SLEEP_C = re.compile(r"\b(sleep|usleep|nanosleep)\s*\(")


def check_python(path):
    text = open(path, encoding="utf-8").read()
    try:
        compile(text, path, "exec")
    except SyntaxError as e:
        yield f"{path}:{e.lineno}: {e.msg}"
    if os.path.basename(path) == "lint.py":
        return
    for number, line in enumerate(text.splitlines(), 1):
        if SLEEP_PY.search(line) and not path.startswith("tests/bench/"):
            yield f"{path}:{number}: waits on time, not on a condition"
        if WORDS.search(line):
            yield f"{path}:{number}: unfinished"


def check_c(path):
    start = None
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        if WORDS.search(line):
            yield f"{path}:{number}: unfinished"
        if re.match("tests/(unit|net|fuzz)/", path) and SLEEP_C.search(line):
            yield f"{path}:{number}: waits on time, not on a condition"
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            if number - start - 1 > FUNCTION_MAX:
                yield f"{path}:{start}: a function of {number - start - 1} lines"
            start = None


def main():
    cut = sys.argv.index("--")
    bad = [b for p in sys.argv[1:cut] for b in check_python(p)]
    bad += [b for p in sys.argv[cut + 1:] for b in check_c(p)]
    print(*bad, sep="\n", end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
