#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs unit test programs (and the replay of fuzz seeds), two at a time, and sums what they say.

Programs for another architecture (BUILD/TRIPLET/unit/NAME) run under qemu-user."""
import argparse
import concurrent.futures
import ctypes
import fcntl
import os
import re
import socket
import struct
import subprocess
import sys

import checklist

LINE = re.compile(r"^(ok|not ok|skip) (.*)$")
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed", re.M)


good = set()  # "program::test", on this architecture


def have_loopback():
    """Without any network, not even lo (a package build): one of our own, in a user namespace."""
    clone_newuser, clone_newnet, siocgifflags, siocsifflags, iff_up = 1 << 28, 1 << 30, 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        if struct.unpack("16xh", fcntl.ioctl(s, siocgifflags, b"lo".ljust(18, b"\0")))[0] & iff_up:
            return
    ids = {"setgroups": "deny", "uid_map": f"{os.geteuid()} {os.geteuid()} 1",
           "gid_map": f"{os.getegid()} {os.getegid()} 1"}
    if ctypes.CDLL(None).unshare(clone_newuser | clone_newnet):
        print("# no loopback device is up, and no user namespace is to be had", flush=True)
        return
    for name, text in ids.items():
        with open(f"/proc/self/{name}", "w", encoding="ascii") as f:
            f.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, siocsifflags, struct.pack("16sh", b"lo", iff_up))


def foreign(path):
    """The architecture in BUILD/TRIPLET/unit/NAME, "" for BUILD/unit/NAME."""
    m = re.search(r"/(\w+)-linux-gnu/\w+/[^/]+$", path)
    return m[1] if m else ""


def run(path, seeds, timeout_s, sysroots):
    """One program -> (passed, failed, skipped names, text to show)."""
    name, arch = os.path.basename(path), foreign(path)
    label = name + (arch and f" on {arch}")
    triplet = f"{arch}-linux-gnu"
    args = [f"qemu-{arch}", "-L", f"/usr/{triplet}", "-E", f"LD_LIBRARY_PATH={sysroots}/{triplet}/usr/lib/{triplet}",
            path] if arch else [path]
    timeout_s *= 5 if arch else 1
    replay = os.path.basename(os.path.dirname(path)) == "replay"
    if replay:
        args.append(os.path.join(seeds, name))
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:" + os.environ.get("ASAN_OPTIONS", ""))
    try:
        p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout_s,
                           env=env, errors="replace", check=False, stdin=subprocess.DEVNULL)
        code, out, err = p.returncode, p.stdout, p.stderr
    except subprocess.TimeoutExpired as e:
        code = None
        out, err = ((s or b"").decode(errors="replace") if isinstance(s, (bytes, type(None))) else s
                    for s in (e.stdout, e.stderr))
        err += f"\nnot ended after {timeout_s} s"
    except OSError as e:
        return 0, 1, [], f"not ok {label}: {e}"
    words = [m.groups() for m in map(LINE.match, out.splitlines()) if m]
    passed = sum(w == "ok" for w, _ in words)
    failed = sum(w == "not ok" for w, _ in words)
    skipped = [f"{label}: {text}" for w, text in words if w == "skip"]
    good.update(f"{name}::{text}" for w, text in words if w == "ok" and not arch)
    summary = SUMMARY.findall(out)
    summed = bool(summary) or replay  # which has none
    if summary:
        passed, failed = int(summary[-1][0]), max(failed, int(summary[-1][1]))
    text = ""
    if code != 0 or failed or not summed or not passed:
        if not failed:
            failed = 1
        why = "timeout" if code is None else f"exit {code}"
        if not summed:
            why += ", no summary line"
        bad = "\n".join(line for line in out.splitlines() if line.startswith("not ok"))
        text = f"not ok {label} ({why})\n{bad}\n{err[-6000:]}".rstrip()
    return passed, failed, skipped, text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="tests/fuzz/seeds")
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--checklist", action="store_true", help="all tests of WG-CHECKLIST.md, too")
    parser.add_argument("--sysroots", default="/usr/local/lib/tsgw-sysroots", help="libraries of other architectures")
    parser.add_argument("--left-out", default="", help="architectures that cannot be tried here")
    parser.add_argument("programs", nargs="*")
    a = parser.parse_args()
    have_loopback()
    passed = failed = 0
    skipped = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(run, p, a.seeds, a.timeout, a.sysroots) for p in a.programs]
        for path, job in zip(a.programs, jobs):
            ok, bad, skips, text = job.result()
            passed, failed = passed + ok, failed + bad
            skipped += skips
            name = "/".join(path.split("/")[-2:]) + (foreign(path) and f" on {foreign(path)}")
            print(text if text else f"ok {name} ({ok})", flush=True)
    for line in checklist.missing(False, good) if a.checklist else ():
        failed += 1
        print(line)
    for triplet in a.left_out.split():
        skipped.append(f"all of {triplet}: no cross compiler, qemu-user or libraries (make deps)")
    for reason in skipped:
        print(f"skipped {reason}")
    if skipped and os.environ.get("CI") == "true":
        failed += len(skipped)
    print(f"{passed} passed, {failed} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
