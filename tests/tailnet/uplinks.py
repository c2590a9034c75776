# SPDX-License-Identifier: MIT
"""Pieces of the tests of uplinks: a small world, and what they look at."""
import contextlib
import os
import subprocess

import leaks
import picture as P
from lab import check, equal
from tailnet import Internet, Router
from world import INNER, TARGET, Joined

# the node itself tries what its peers say of their own addresses, 10.100.0.1 too
RULES = leaks.RULES_FORWARDS.replace("10.100.0.0/16, ", "")
MACVLAN = {"uplink": "macvlan:eth0", "uplink-address": "172.30.200.9/16", "uplink-gateway": "172.30.0.1"}


PRIMARY = "100.121.76.21"


class Small:
    """demon with a client beside it, and one tailnet with a subnet router."""

    def __init__(self, lab, word="fgpu", ipv6=False):
        self.lab, self.word, self.net = lab, word, Internet(lab, ipv6)
        self.control = self.net.control(args=("-domain", f"tail-{word}.ts.net"))
        self.control.settings(addresses={f"demon-{word}": INNER}, auto_routes=True)
        self.demon, self.mac = lab.ns("demon"), lab.ns("mac")
        self.net.attach(self.demon)
        a, b = lab.link(self.demon, self.mac, a_if="home0", b_if="home0")
        self.demon.ip(f"addr add {PRIMARY}/24 dev {a}")
        self.mac.ip(f"addr add 100.121.76.22/24 dev {b}")
        self.gpu = Router(self.net, "gpu1", word)
        self.gpu.up(self.control)

    def gateway(self, *tailnets):
        return P.Gateway(self, list(tailnets), primary=PRIMARY)

    def check_page(self, t, host=TARGET):
        p = self.mac.run(["curl", "-sS", "--max-time", "20", "--noproxy", "", "--socks5-hostname",
                          f"{PRIMARY}:{t.port}", f"http://{host}:3000/"], ok=0)
        equal(p.stdout, f"this is {self.word}, you asked for /\n", f"page of {host}")


def inner(t, *command):
    """Runs in the tailnet's namespace, as `ip netns exec` does."""
    return subprocess.run(["nsenter", "--net=" + t.pin.path, *command], capture_output=True, text=True, check=False)


def forwarding(ns, *ifnames):
    return [int(ns.sysctl(f"ipv4/conf/{i}/forwarding")) for i in ifnames]


def tables(ns):
    return ns.run(["nft", "list", "tables"], ok=0).stdout


def pasta_of(t):
    """The pid of a tailnet's pasta."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
            if words[0].endswith(b"/pasta") and t.pin.path.encode() in words:
                return int(pid)
    return None


def joined(w, port=11080, uplink=None, **keys):
    t = Joined(w, port, **keys)
    if uplink:
        t.values.update(uplink if isinstance(uplink, dict) else {"uplink": uplink})
    return t


def check_closed(t, link):
    """The main table leads nowhere, and so does a socket that is bound to the outgoing link."""
    equal(inner(t, "ip", "route", "show", "default").stdout, "", "default route of the main table")
    check("unreachable" in inner(t, "ip", "route", "get", "172.30.1.1").stderr, "an unmarked packet has a way")
    check(link in inner(t, "ip", "route", "show", "table", "77").stdout, "table 77")
