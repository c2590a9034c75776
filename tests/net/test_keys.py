# SPDX-License-Identifier: MIT
"""Where a node's keys are in its memory: locked, left out of core dumps, wiped.

    demon ── to1 ── peer        as in picture.py
"""
import base64
import os
import re

from lab import check, equal, wait_for
from picture import check_page, key_pair


def areas(pid):
    """(first, end, readable, flags) of each mapping."""
    found, head = [], None
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as f:
        for line in f:
            if m := re.match(r"([0-9a-f]+)-([0-9a-f]+) (....)", line):
                head = int(m[1], 16), int(m[2], 16), m[3][0] == "r"
            elif line.startswith("VmFlags:"):
                found.append((*head, set(line.split()[1:])))
    return found


def places(pid, secret):
    """The flags of each mapping in which SECRET lies, once for each time."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as f:
        for first, end, readable, flags in areas(pid):
            if not readable or "io" in flags:
                continue
            try:
                f.seek(first)
                data = f.read(end - first)
            except (OSError, OverflowError):  # vvar and the like
                continue
            found += [flags] * data.count(secret)
    return found


def clamped(text):
    key = bytearray(base64.b64decode(text))
    key[0] &= 248
    key[31] = key[31] & 127 | 64
    return bytes(key)


def guarded(pid, secret, what):
    where = wait_for(lambda: places(pid, secret), f"{what} is in the node's memory")
    for flags in where:
        check({"lo", "dd"} <= flags, f"{what} lies in memory with flags {sorted(flags)}")


def test_keys_are_guarded_and_wiped(picture):
    """Private and preshared keys lie only in locked memory that core dumps leave out; old ones nowhere."""
    psk, private, shared = (key_pair()[0] for _ in range(3))
    t = picture.tailnet("red", 11080, ssh=False, psk=psk)
    g = picture.gateway().start()
    g.wait_up()
    check_page(picture, t)
    node = g.worker("tsgw-wg", t)
    guarded(node, clamped(t.private), "the private key")
    guarded(node, base64.b64decode(psk), "the preshared key")
    unguarded = places(node, base64.b64decode(t.private)[:31])
    check(all({"lo", "dd"} <= f for f in unguarded), "the private key as it was given")
    with open(f"/proc/{node}/status", encoding="ascii") as f:
        locked = int(re.search(r"VmLck:\s+(\d+)", f.read())[1])
    check(locked >= 16, f"{locked} kB are locked")
    equal(os.stat(f"/proc/{node}/mem").st_uid, 0, "owner of the memory: not dumpable")
    # changed by wg(8), and by a reload
    for name, text in (("private-key", private), ("preshared-key", shared)):
        path = picture.lab.file("new.key", text)
        args = ["private-key", path] if name == "private-key" else \
            ["peer", t.peer.public, "preshared-key", path]
        picture.lab.run(["wg", "set", t.link, *args], ok=0)
        guarded(node, clamped(text) if name == "private-key" else base64.b64decode(text), name)
    equal(places(node, clamped(t.private)), [], "the old private key")
    equal(places(node, base64.b64decode(psk)), [], "the old preshared key")
    picture.lab.run(["wg", "set", t.link, "peer", t.peer.public, "remove"], ok=0)
    equal(places(node, base64.b64decode(shared)), [], "the key of a removed peer")
