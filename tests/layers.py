#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves who may include whom: a folder of src/ is a process or a layer, and the arrows go one way."""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# folder -> folders that it may include besides itself
MAY = {
    "common": set(),
    "ipc": {"common"},
    "relay": {"common", "ipc"},
    "config": {"common"},
    "supervisor": {"common", "ipc", "config"},
    "report": {"common", "ipc", "config"},
    "clients": {"common"},
    "ctl": {"common", "ipc", "config", "report", "clients"},
    "wg": {"common", "ipc", "path"},
    "path": {"common", "ipc", "wg"},
    "coord": {"common", "ipc"},
    "proxy": {"common", "ipc", "relay"},
    "dns": {"common", "ipc"},
    "web": {"common", "ipc", "config", "report", "clients"},
    "host": {"common", "ipc", "relay"},
}
# headers of a library -> folders that may include them
ONLY = {
    r"netlink/|libnl|libmnl|libnftnl": {"supervisor"},
    r"systemd/sd-event|systemd/sd-bus": {"supervisor", "ctl"},
    r"jansson": {"ctl", "report", "web", "host"},
    r"microhttpd": {"web"},
    r"qrencode": {"web"},
    r"ini\.h": {"config"},
    r"ares\.h": {"proxy"},
    r"seccomp\.h|linux/(landlock|seccomp)\.h": {"common"},
}
BODY_MAX = 12  # lines of a static inline function in a header
LINES_MAX = 500
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)


def included(path, folder):
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        m = INCLUDE.match(line)
        if not m:
            continue
        yield number, m[1] == '"', m[2]


def check_includes(path, folder):
    for number, ours, target in included(path, folder):
        where = f"{path}:{number}: "
        if ours:
            other = target.split("/")[0] if "/" in target else None
            if other is None:
                yield where + f'"{target}" names no folder'
            elif not os.path.exists(os.path.join("src", target)):
                yield where + f'"{target}" is no header of ours'
            elif other != folder and other not in MAY.get(folder, set()):
                yield where + f"{folder}/ may not include {other}/ ({target})"
            continue
        for pattern, folders in ONLY.items():
            if re.match(pattern, target) and folder not in folders:
                yield where + f"<{target}> belongs to {', '.join(sorted(folders))}/ only"


def check_own_header_first(path):
    own = path[len("src/"):-2] + ".h"
    if not path.endswith(".c") or not os.path.exists("src/" + own):
        return
    first = next((t for _, _, t in included(path, "")), None)
    if first != own:
        yield f"{path}:1: its own header {own} is not included first"


def check_header_bodies(path):
    """A header holds types and prototypes; a static inline of a few lines is allowed."""
    lines = strip_comments(open(path, encoding="utf-8").read()).splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{" and number > 1 and lines[number - 2].rstrip().endswith(")"):
            start = number
        elif line.startswith("}") and start:
            head = " ".join(lines[max(0, start - 4):start - 1])
            if "static inline" not in head:
                yield f"{path}:{start}: a function that is not static inline in a header"
            if number - start - 1 > BODY_MAX:
                yield f"{path}:{start}: {number - start - 1} lines of code in a header"
            start = None


def check_form(path):
    lines = open(path, encoding="utf-8").read().splitlines()
    if not lines or lines[0] != "// SPDX-License-Identifier: MIT":
        yield f"{path}:1: no SPDX line"
    elif len(lines) < 2 or not lines[1].startswith("// "):
        yield f"{path}:2: no sentence that says what this file is for"
    if len(lines) > LINES_MAX:
        yield f"{path}:{len(lines)}: more than {LINES_MAX} lines"


def main():
    os.chdir(ROOT)
    bad, n = [], 0
    for path in sorted(glob.glob("src/*/*.[ch]")):
        n += 1
        folder = path.split("/")[1]
        if folder not in MAY:
            bad.append(f"{path}:1: {folder}/ is no folder of the architecture")
        bad += check_includes(path, folder)
        bad += check_own_header_first(path)
        bad += check_form(path)
        if path.endswith(".h"):
            bad += check_header_bodies(path)
    print(*bad, sep="\n", end="\n" if bad else "")
    print(f"layers: {n} files, {len(bad)} against the rules")
    return 1 if bad or not n else 0


if __name__ == "__main__":
    sys.exit(main())
