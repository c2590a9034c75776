# SPDX-License-Identifier: MIT
"""Seed 003: a sandbox reaches a development host, and keeps doing so after it was suspended.

    sandbox: tsgwd on 127.0.0.1:1055 ── tailnet ── cook:7420 /healthz, /git/alice/something.git
"""
import contextlib
import os
import signal

import seeds
from client import connect, get, socks5
from lab import check, equal, wait_for
from picture import children
from run import deadline
from tailnet import Internet, Node
from test_by_hand import serve_cook
from world import Host, Joined, Tailnet, shell


def start(lab):
    net = Internet(lab)
    control = net.control()
    cook = Node(net, "cook")
    cook.up(control)
    serve_cook(lab, cook)
    host = Host(net, "sandbox")
    once = control.key(reusable=False)
    box = Joined(Tailnet(control, "box"), 1055, key=once, suffix="cook", hostname="sprites-one")
    g = host.gateway([box], gateway_keys=["dns-port = 0"]).start()
    g.wait_up()
    return host, g, box, cook


def reach(host, cook):
    """The seed's reachability test, to the letter."""
    p = shell(host.lab, host.demon, seeds.text("003:82-88", {"<owner>/<repo>": "alice/something"}),
              env={"COOK_TAIL_IP": cook.ip(), "COOK_PORT": "7420", "GIT_TERMINAL_PROMPT": "0",
                   "GIT_CONFIG_GLOBAL": "/dev/null"})
    check("healthy" in p.stdout and "refs/heads/main" in p.stdout, p.stdout)


@deadline(180)
def test_reach(lab):
    """Health by curl and git ls-remote, both through socks5h, the address and the status by the stock CLI."""
    host, g, box, cook = start(lab)
    reach(host, cook)
    socket = f"{g.run_dir}/{box.name}/tailscaled.sock"
    got = shell(lab, host.demon, f"TS_SOCK={socket}\n" + seeds.text("003:75-76")).stdout
    check("cook" in got and box.node()["addresses"][0].split("/")[0] in got.splitlines(), got)


@deadline(240)
def test_suspend_and_restart(lab):
    """An idle connection outlives a suspension; after everything was killed it starts again, without a key."""
    host, g, box, cook = start(lab)
    s = connect(host.demon, "127.0.0.1", 1055)
    equal(socks5(s, cook.ip(), 7420), 0, "a connection")
    pids = [g.process.pid, *descendants(g.process.pid)]
    each(pids, signal.SIGSTOP)
    try:
        me = box.node()["addresses"][0].split("/")[0]
        wait_for(lambda: "pong" not in cook.cli("ping", "--c=1", "--timeout=1s", me).stdout, "silence")
    finally:
        each(pids, signal.SIGCONT)
    equal(get(s, "/healthz"), "healthy\n", "the old connection after the suspension")
    g.kill()
    g.start()
    g.wait_up()
    reach(host, cook)
    equal([n for n in box.control.nodes() if n.startswith("sprites")], ["sprites-one"], "the same node")


def descendants(pid):
    found = children(pid)
    return found + [d for c in found for d in descendants(c)]


def each(pids, number):
    for p in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(p, number)
