# SPDX-License-Identifier: MIT
"""`list` of tailnets with a supervisor each: the front tells of all, and of nobody what is not so now.

    mac ──── demon: tsgwd --front, tsgwd --tailnet s0x … s4x ──── hub: one WireGuard, 10.100.10.141 with a page
"""
import json
import os
import re
import signal

import lab as L
from client import connect, get, socks5
from picture import BUILD, PRIMARY, TARGET, children
from run import deadline
from test_scale import wait_all

TAILNETS = 5


def supervisor(g, name):
    """The process that runs NAME; "--front" for the front."""
    for pid in children(g.process.pid):
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
            if name in f.read().split("\0"):
                return pid
    raise L.Failure(f"nobody runs {name}")


def listed(g):
    """States by name, and what was said on the side; `list` fails where somebody does not answer."""
    p = g.ctl("list", "--json", timeout_s=60)
    return {t["name"]: t for t in json.loads(p.stdout)}, p


def asked(picture, g):
    """Whom `list` connects to."""
    trace = os.path.join(picture.lab.dir, "list.strace")
    picture.demon.run(["strace", "-o", trace, "-e", "trace=connect", os.path.join(BUILD, "tsgwctl"), "--config",
                       g.config, "--run-dir", g.run_dir, "list"], ok=0)
    with open(trace, encoding="utf-8") as f:
        return re.findall(rf'sun_path="{g.run_dir}/([^"]*)"\}}, \d+\) = 0', f.read())


@deadline(240)
def test_by_way_of_the_front(picture):
    """The front answers for all; counters are those of now; who hangs, has died or has no front is asked itself."""
    picture.crowd(TAILNETS)
    g = picture.gateway()
    g.start_each()
    wait_all(g, TAILNETS, "up", 60)
    names = [t.name for t in picture.tailnets]
    L.wait_for(lambda: set(asked(picture, g)) == {"front.sock"}, "nobody but the front is asked")

    with connect(picture.mac, PRIMARY, picture.tailnets[1].port) as s:
        L.equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
        L.check("this is hub" in get(s, "/"), "the page")
        entry = listed(g)[0][names[1]]
        L.equal(entry["clients"], 1, "clients, at once")
        L.check(entry["rx_bytes"] > listed(g)[0][names[2]]["rx_bytes"], "bytes, at once")

    hung = supervisor(g, names[2])
    os.kill(hung, signal.SIGSTOP)
    try:
        for _ in range(2):  # the second time its answer to the first question is still missing
            seen, p = listed(g)
            L.equal({n: t["state"] for n, t in seen.items()},
                    {n: "unknown" if n == names[2] else "up" for n in names}, "states while one hangs")
            L.equal((p.returncode, names[2] in p.stderr), (1, True), "it is said who does not answer")
    finally:
        os.kill(hung, signal.SIGCONT)
    wait_all(g, TAILNETS, "up", 30)
    L.wait_for(lambda: set(asked(picture, g)) == {"front.sock"}, "the front has its answer again")

    os.kill(supervisor(g, names[3]), signal.SIGKILL)
    L.wait_for(lambda: listed(g)[0][names[3]]["state"] == "down", "one that was killed is down")
    os.kill(supervisor(g, "--front"), signal.SIGTERM)
    L.wait_for(lambda: {n: t["state"] for n, t in listed(g)[0].items()} ==
               {n: "down" if n == names[3] else "up" for n in names}, "the list without a front")
    L.equal(set(asked(picture, g)), {f"{n}/control.sock" for n in names if n != names[3]}, "who is asked then")
