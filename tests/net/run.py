#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the network tests: every function test_* of DIR/test_*.py, each in a process of its own.

    run.py [-j N] [-d DIR] [NAME…]      NAME: part of "file::function"; DIR: tests/net, or another of tests/

A test that names a parameter `lab` gets a fresh Lab, `picture` a fresh Picture, `o` the build
directory; one with `release` is a test for each of the folder's RELEASES (releases.py). @run.serial
tests run alone, @run.deadline(S) changes the 120 s that each may take. A test_*.py without such
functions is run as a program, and like the programs O/tests/net/*-root it counts by its lines "ok …",
"not ok …" and "skip …". Lines "# …" are shown also of a test that passed.
"""
import argparse
import ast
import concurrent.futures
import glob
import importlib
import inspect
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import lab as L  # noqa: E402

sys.path.insert(1, os.path.dirname(HERE))
import checklist  # noqa: E402

DEADLINE_S = 120
AGAIN_MAX = 12  # more than so many have a common cause
LINE = re.compile(r"^(ok|not ok|skip)\b[ :]*(.*)$")


def serial(f):
    f.serial = True
    return f


def deadline(seconds):
    def mark(f):
        f.deadline_s = seconds
        return f
    return mark


class Job:
    def __init__(self, name, command, deadline_s, alone=False, program=False):
        self.name, self.command, self.deadline_s = name, command, deadline_s
        self.alone, self.program = alone, program


def decorators(f):
    for d in f.decorator_list:
        call = d.func if isinstance(d, ast.Call) else d
        yield (call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "")), d


def variants(directory, function):
    """What a test is run for: ("", []) once, or each release with its name as an argument."""
    if "release" not in [a.arg for a in function.args.args]:
        return [("", [])]
    sys.path.insert(0, directory)
    return [(f"[{r}]", [r]) for r in importlib.import_module("releases").RELEASES]


def discover(directory):
    """Jobs of all test files, found without importing them: a broken file fails alone."""
    for path in sorted(glob.glob(os.path.join(directory, "test_*.py"))):
        short = os.path.basename(path)[5:-3]
        try:
            tree = ast.parse(open(path, encoding="utf-8").read())
        except SyntaxError:
            tree = ast.Module([], [])
        functions = [f for f in tree.body
                     if isinstance(f, ast.FunctionDef) and f.name.startswith("test_")]
        for f in functions:
            marks = dict(decorators(f))
            seconds = ast.literal_eval(marks["deadline"].args[0]) if "deadline" in marks \
                else DEADLINE_S
            for suffix, given in variants(directory, f):
                yield Job(f"{short}::{f.name[5:]}{suffix}",
                          [sys.executable, __file__, "--one", path, f.name, *given],
                          seconds, "serial" in marks)
        if not functions:
            yield Job(short, [sys.executable, path], 300, program=True)
    for path in sorted(glob.glob(os.path.join(L.BUILD, os.path.relpath(directory, L.ROOT), "*-root"))):
        yield Job(os.path.basename(path), [path], 300, alone=True, program=True)


# ---- one test, in its own process

def run_one(path, function, release=None):
    L.catch_signals()
    sys.path.insert(0, os.path.dirname(path))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # a login's 1,024 are few for a crowd of clients
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    import faulthandler
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    try:
        f = getattr(importlib.import_module(os.path.basename(path)[:-3]), function)
        names = inspect.signature(f).parameters
        given = {"o": L.BUILD} if "o" in names else {}
        if release:
            given["release"] = release
        if "lab" not in names and "picture" not in names:
            f(**given)
            return 0
        with L.Lab() as lab:
            if "lab" in names:
                given["lab"] = lab
            if "picture" in names:
                import picture
                given["picture"] = picture.Picture(lab)
            f(**given)
        return 0
    except L.Skip as e:
        print(f"skip {e}")
        return 0
    except Exception:
        traceback.print_exc()
        return 1


# ---- the runner

running = {}
lock = threading.Lock()


def execute(job):
    """-> (passed, failed, [skip reasons], text to show)."""
    start = time.monotonic()
    env = dict(os.environ, O=L.BUILD, PYTHONUNBUFFERED="1", PYTHONDONTWRITEBYTECODE="1")
    p = subprocess.Popen(job.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                         stdin=subprocess.DEVNULL)
    with lock:
        running[p.pid] = p
    late = False
    try:
        out = p.communicate(timeout=job.deadline_s)[0]
    except subprocess.TimeoutExpired:
        late = True
        if not job.program:
            p.send_signal(signal.SIGUSR1)  # says where it hangs
        p.send_signal(signal.SIGTERM)
        try:
            out = p.communicate(timeout=30)[0]
        except subprocess.TimeoutExpired:
            p.kill()
            out = p.communicate()[0]
    with lock:
        running.pop(p.pid, None)
    if p.returncode not in (0, 1):
        L.sweep(p.pid)
    out = out.decode(errors="replace")
    took = f"{time.monotonic() - start:.1f} s"
    return judge(job, p.returncode, late, out, took)


def judge(job, code, late, out, took):
    words = [m.groups() for m in map(LINE.match, out.splitlines()) if m]
    skips = [text for word, text in words if word == "skip"]
    bad = [text for word, text in words if word == "not ok"]
    notes = "".join(f"\n    {line}" for line in out.splitlines() if line.startswith("# "))
    why = f"not ended after {job.deadline_s} s" if late else None
    if not job.program:
        if code == 0 and skips:
            return 0, 0, [f"{job.name}: {skips[0]}"], f"skip {job.name}: {skips[0]}"
        if code == 0:
            return 1, 0, [], f"ok {job.name} ({took}){notes}"
        last = [line for line in out.splitlines() if re.match(r"[\w.]*(Failure|Error|Exit)\b", line)]
        why = why or (last[-1].strip() if last else f"exit {code}")
        return 0, 1, [], f"not ok {job.name}: {why} ({took})\n" + indent(out)
    good = sum(word == "ok" for word, _ in words)
    if code == 0 and not bad and (good or skips):
        return good, 0, [f"{job.name}: {s}" for s in skips], f"ok {job.name} ({good}, {took}){notes}"
    why = why or (bad[0] if bad else f"exit {code}")
    return good, max(len(bad), 1), [f"{job.name}: {s}" for s in skips], \
        f"not ok {job.name}: {why} ({took})\n" + indent(out)


def indent(text):
    lines = text.splitlines()
    if len(lines) > 300:
        lines = lines[:100] + [f"… {len(lines) - 300} lines …"] + lines[-200:]
    return "\n".join("    " + line for line in lines)


def run_all(jobs, workers):
    passed = failed = 0
    skipped, good, again = [], set(), []

    def count(result, job=None):
        """What came of JOB; one that failed gets, where JOB is given, a second chance alone."""
        nonlocal passed, failed
        print(result[3], flush=True)
        if result[1] and job:
            again.append(job)
            return
        if result[0]:
            good.add(result[3].split()[1])
        passed, failed = passed + result[0], failed + result[1]
        skipped.extend(result[2])

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        try:
            futures = {pool.submit(execute, j): j for j in jobs if not j.alone}
            for f in concurrent.futures.as_completed(futures):
                count(f.result(), futures[f])
            for j in jobs:
                if j.alone:
                    count(execute(j), j)
            # beside two others on a busy machine much can be late: what fails alone as well has failed
            for j in again[:AGAIN_MAX]:
                print(f"again, alone: {j.name}", flush=True)
                count(execute(j))
            failed += len(again[AGAIN_MAX:])
        except (KeyboardInterrupt, SystemExit):
            pool.shutdown(wait=False, cancel_futures=True)
            with lock:
                for p in running.values():
                    p.send_signal(signal.SIGTERM)
            raise
    return passed, failed, skipped, good


def main():
    if sys.argv[1:2] == ["--one"]:
        return run_one(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-j", type=int, default=int(os.environ.get("TEST_JOBS", "3")))
    parser.add_argument("-d", "--dir", default=HERE)
    parser.add_argument("-l", "--list", action="store_true")
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    jobs = [j for j in discover(os.path.abspath(a.dir)) if not a.names or any(n in j.name for n in a.names)]
    if a.list:
        print(*(j.name for j in jobs), sep="\n")
        return 0
    if os.geteuid():
        print("the network tests make namespaces: run them as root", file=sys.stderr)
        return 1
    L.catch_signals()
    passed, failed, skipped, good = run_all(jobs, a.j)
    gone = [] if os.path.abspath(a.dir) != HERE \
        else checklist.missing(True, good | {s.split(": ")[0] for s in skipped})
    for line in gone if not a.names else ():
        failed += 1
        print(line)
    for reason in skipped:
        print(f"skipped {reason}")
    if skipped and os.environ.get("CI") == "true":
        print("with CI=true every skip is a failure")
        failed += len(skipped)
    print(f"{passed} passed, {failed} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
