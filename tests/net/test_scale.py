# SPDX-License-Identifier: MIT
"""Many tailnets behind one peer, in one supervisor and each in its own; no time is asserted (tests/bench/scale.py).

    mac ──── demon: tsgwd, namespaces s0x … s59x ──── hub: one WireGuard, 10.100.10.141 with a page
"""
import json
import os
import signal

import lab as L
import run
from client import connect, get, socks5
from picture import PRIMARY, TARGET, Picture, children
from test_lifecycle import run_files, traces, wait_same

MODERATE = 60


def wait_all(g, n, state, timeout_s):
    """`list` names every tailnet, and every one is in STATE."""
    seen = {}

    def there():
        p = g.ctl("list", "--json", timeout_s=60)
        seen.clear()
        if p.returncode == 0:
            seen.update({t["name"]: t["state"] for t in json.loads(p.stdout)})
        return len(seen) == n and set(seen.values()) == {state}
    L.wait_for(there, lambda: f"{n} are {state}: {sorted(set(seen.values()))}", timeout_s)


def through(picture, tailnet):
    """A client reaches the page behind TAILNET by its own listener."""
    with connect(picture.mac, PRIMARY, tailnet.port) as s:
        L.equal(socks5(s, TARGET, 3000), 0, f"SOCKS5 through {tailnet.name}")
        L.check("this is hub" in get(s, "/"), f"the page behind {tailnet.name}")


def foreign(picture, here, there):
    """The listener of HERE knows whose a name under the suffix of THERE is."""
    p = picture.curl("--proxy", f"http://{PRIMARY}:{here.port}", f"http://{TARGET}.{there.name}:3000/")
    L.check(str(there.port) in p.stdout, f"{here.name} asked for {there.name}: {p.stdout!r}")


def answers(picture, g, n, timeout_s):
    wait_all(g, n, "up", timeout_s)
    L.equal(len({t["netns"] for t in g.list().values()}), n, "namespaces")
    for t in picture.tailnets:
        through(picture, t)
    foreign(picture, picture.tailnets[0], picture.tailnets[n - 1])


def everybody(n, timeout_s):
    """One supervisor: up, one down and up again beside the others, SIGKILL and up again, down."""
    with L.Lab() as lab:
        p = Picture(lab)
        p.crowd(n)
        g = p.gateway()
        before = traces(p)
        g.start(timeout_s=timeout_s)
        answers(p, g, n, timeout_s)
        g.ctl("down", p.tailnets[1].name, ok=0)
        g.ctl("up", p.tailnets[1].name, ok=0)
        through(p, p.tailnets[1])
        g.kill()
        g.start(timeout_s=timeout_s)
        wait_all(g, n, "up", timeout_s)
        through(p, p.tailnets[n // 2])
        L.equal(g.process.stop(signal.SIGTERM, timeout_s), 0, "exit code")
        wait_same(before, p, [g], "after the stop")
        L.equal(run_files(g), [], "files in RUN")


def each_alone(n, timeout_s):
    """A supervisor for each tailnet and one for the front, as the units run them."""
    with L.Lab() as lab:
        p = Picture(lab)
        p.crowd(n)
        g = p.gateway()
        before = traces(p)
        g.start_each()
        answers(p, g, n, timeout_s)
        link = p.tailnets[0].link  # it hears of its own link, though not of those of others
        p.demon.ip(f"link del {link}")
        L.wait_for(lambda: link in p.demon.links(), f"{link} is made again")
        L.wait_for(lambda: metrics(p).count('state="up"} 1') == n, "the page knows all of them", timeout_s)
        for pid in children(g.process.pid):
            os.kill(pid, signal.SIGTERM)
        g.process.popen.wait(timeout_s)
        wait_same(before, p, [g], "after the stop")
        L.equal(run_files(g), [], "files in RUN")


def metrics(picture):
    return picture.curl(f"http://{PRIMARY}:11079/metrics", ok=0).stdout


@run.deadline(400)
def test_sixty_in_one_supervisor():
    everybody(MODERATE, 120)


@run.deadline(400)
def test_sixty_supervisors():
    each_alone(MODERATE, 120)
