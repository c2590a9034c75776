# SPDX-License-Identifier: MIT
"""Crash-only: whatever dies, whenever, and whoever asks for what at the same time.

TSGW_CRASH_ROUNDS (40) is how often; the part "crash" of tests/long.py (make check-long) makes it 1,000.
"""
import contextlib
import os
import random
import signal
import subprocess
import threading

import lab as L
from client import get
from lab import Failure, check, equal, status, wait_for
from picture import BUILD, PRIMARY, check_page
from run import deadline
from test_lifecycle import run_files, traces, two, wait_same
from test_resume import again, gateway, relay

ROUNDS = int(os.environ.get("TSGW_CRASH_ROUNDS", "40"))


def processes(g):
    """Live processes with our uids, whoever knows of them."""
    return sorted(p for p in g.lab.mine() if 0 <= status(p)["Uid"][0] - g.uid_base < 0x10000)


def check_nothing_stray(g):
    wait_for(lambda: processes(g) == sorted(g.workers().values()),
             lambda: f"processes {processes(g)} are the live workers {g.workers()}")


@deadline(7200)
def test_any_process_killed(picture):
    """SIGKILL of supervisor or workers at random, with and without a descriptor store: all is up again, nothing
    is stray, and the connection of a tailnet of which nothing died goes on."""
    red, blue = two(picture)
    g = gateway(picture)
    before = traces(picture)
    g.start().wait_up()
    random.seed(1)
    s, untouched = relay(picture, blue), True
    for i in range(ROUNDS):
        victims = {k: p for k, p in g.workers().items() if k[1] != blue.name}
        name, pid = random.choice([*sorted(victims.items()), ("tsgwd", g.process.pid)])
        if name == "tsgwd":
            if random.random() < 0.2:
                g.store_only([])  # systemd lost it, or there is none
                untouched = False
            again(g, up=False)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if random.random() < 0.5:
            continue  # the next one comes before this one is mended
        g.wait_up(timeout_s=60)
        if untouched:
            check("/x" in get(s, "/x"), f"round {i}: blue's connection")
        else:
            s.close()
            s, untouched = relay(picture, blue), True
    wait_for(lambda: g.process.alive(), "tsgwd lives")
    g.wait_up(timeout_s=60)
    for t in (red, blue):
        check_page(picture, t)
    check_nothing_stray(g)
    s.close()
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], f"after {ROUNDS} kills")
    equal(run_files(g), [], "files")


@deadline(7200)
def test_everybody_at_once(picture):
    """up, down, restart and reload from several at the same time settle in the last state that is asked for."""
    red, blue = two(picture)
    g = picture.gateway()
    before = traces(picture)
    g.start().wait_up()
    ctl = [os.path.join(BUILD, "tsgwctl"), "--run-dir", g.run_dir, "--config", g.config]
    failed = []

    def ask(seed):
        rng = random.Random(seed)
        for _ in range(ROUNDS // 4):
            words = rng.choice((["up", red.name], ["down", red.name], ["restart", red.name], ["reload"],
                                ["reload", "--dry-run"], ["list", "--json"]))
            p = subprocess.run(["nsenter", "--net=" + picture.demon.path, *ctl, *words], capture_output=True,
                               text=True, check=False, timeout=120)
            # somebody else's `down` may be what an `up` ends with
            if p.returncode not in (0, 1) or "panic" in p.stderr:
                failed.append((words, p.returncode, p.stderr))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(failed, [], "answers")
    for word, state in (("down", "down"), ("up", "up"), ("down", "down"), ("restart", "up")):
        g.ctl(word, red.name)
        g.wait_state(red, state)
    check_page(picture, red)
    check_page(picture, blue)
    check_nothing_stray(g)
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], "after a stop")


def test_dry_run_tells_what_reload_does(picture):
    """The steps that `reload --dry-run` prints are the ones that `reload` prints and does; a second does nothing."""
    red, blue = two(picture)
    g = picture.gateway().start()
    g.wait_up()
    s = relay(picture, blue)
    red.port, red.keys = 11095, ["mtu = 1300", "idle-timeout = 90m"]
    g.write_config()
    told = g.ctl("reload", "--dry-run", ok=0).stdout
    check("mtu 1300" not in g.ctl("list", ok=0).stdout, "a dry run changes nothing")
    equal(g.list()[red.name]["listen"], [f"{PRIMARY}:11080"], "listeners after a dry run")
    equal(g.ctl("reload", ok=0).stdout, told, "the same steps")
    check("11095" in told and "MTU 1300" in told and f"{blue.name}: change" not in told, told)
    equal(g.ctl("reload", "--dry-run", ok=0).stdout, "", "nothing is left to do")
    check_page(picture, red)
    get(s, "/still")
    equal(g.stop(), 0, "exit code")


def test_worker_that_exits_at_once(picture):
    """A worker that cannot run: growing pauses, no CPU, `list` says why; it comes when it can."""
    red = picture.tailnet("red", 11080, ssh=False)
    programs = os.path.join(picture.lab.dir, "programs")
    os.makedirs(programs)
    for name in ("tsgwd", "tsgw-wg", "tsgw-proxy", "tsgw-dns", "tsgw-host", "tsgw-web"):
        L.shutil.copy2(os.path.join(BUILD, name), programs)
    os.rename(programs + "/tsgw-proxy", programs + "/good")
    with open(programs + "/tsgw-proxy", "w", encoding="ascii") as f:
        f.write("#!/bin/sh\nexit 7\n")
    os.chmod(programs + "/tsgw-proxy", 0o755)
    g = picture.gateway()
    g.programs = programs
    g.start(ready=False)
    wait_for(lambda: g.process.log().count("starting it again in") >= 5, "five tries", 30)
    pauses = [float(line.split(" in ")[1].split()[0]) for line in g.process.log().splitlines()
              if "starting it again in" in line]
    check(all(b >= 1.5 * a for a, b in zip(pauses, pauses[1:5])), f"growing pauses: {pauses}")
    wait_for(lambda: "exited with code 7" in g.list()[red.name]["reason"], lambda: g.list()[red.name]["reason"])
    os.rename(programs + "/good", programs + "/tsgw-proxy")
    g.wait_up(timeout_s=60)
    check_page(picture, red)
    equal(g.stop(), 0, "exit code")


def test_run_dir_full(picture):
    """A full run directory: what must be recorded cannot be made, the other tailnet goes on; then it heals."""
    red, blue = two(picture)
    g = picture.gateway()
    os.makedirs(g.run_dir, exist_ok=True)
    picture.lab.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "none", g.run_dir], ok=0)
    try:
        before = traces(picture)
        g.start().wait_up()
        s = relay(picture, blue)
        g.ctl("down", red.name, ok=0)
        with contextlib.suppress(OSError), open(g.run_dir + "/fill", "wb", buffering=0) as f:
            while True:
                f.write(bytes(4096))
        p = g.ctl("up", red.name)
        check(p.returncode == 1 and "No space left" in p.stdout + p.stderr, p.stdout + p.stderr)
        get(s, "/x")
        os.unlink(g.run_dir + "/fill")
        wait_for(lambda: g.state(red) == "up", "it is up by itself", 40)
        check_page(picture, red)
        s.close()
        equal(g.stop(), 0, "exit code")
        with contextlib.suppress(Failure):
            wait_same(before, picture, [g], "after a stop")
    finally:
        picture.lab.run(["umount", "-l", g.run_dir])
