# SPDX-License-Identifier: MIT
"""tsgwctl remove of a tailnet with a control server: the node is logged out first."""
import os

from lab import check, equal, wait_for
from tailnet import programs
from test_engine import Small


def added(w, g, word):
    """A tailnet of `tsgwctl add` whose node is up; gives its name and the file of its state."""
    name = w.lab.tailnet_name(word)
    w.lab.tailnet_names.add(name)
    key = w.lab.file(f"keys/{word}.key", w.control.key() + "\n")
    g.ctl("add", name, "--login-server", w.control.url, "--auth-key-file", key, "--node=stock",
          f"--hostname=demon-{word}", "--set", "tailscaled-path=" + programs()["tailscaled"], ok=0)
    wait_for(lambda: g.list()[name]["state"] == "up", lambda: f"{name} is up: {g.list()[name]}")
    return name, os.path.join(g.state_dir, name, "tailscaled/tailscaled.state")


def gone(w, word):
    """The control server has nobody of that name, or one who has left."""
    node = w.control.node(f"demon-{word}")
    return node is None or node["expired"]


def test_logs_out(lab):
    w = Small(lab, router=False)
    g = w.gateway().start()
    name, state = added(w, g, "red")
    check(not gone(w, "red"), "it is there")
    p = g.ctl("remove", name, "--state-dir", g.state_dir, ok=0)
    check("is logged out" in p.stdout and "stay (--purge)" in p.stdout, p.stdout)
    wait_for(lambda: gone(w, "red"), lambda: f"the node has left: {w.control.node('demon-red')}")
    check(os.path.exists(state), "its state stays")
    check(name not in g.list(), "it is gone")


def test_says_what_it_cannot(lab):
    """One that does not run is not logged out, which is said; with --purge everything goes all the same."""
    w = Small(lab, router=False)
    g = w.gateway().start()
    name, state = added(w, g, "red")
    g.ctl("down", name, ok=0)
    p = g.ctl("remove", name, "--purge", "--state-dir", g.state_dir, ok=0)
    check("not logged out, as it does not run" in p.stderr, p.stderr)
    check(not gone(w, "red"), "its node is still known there")
    check(not os.path.exists(state), "its state is gone")
    equal(g.list(), {}, "tailnets")
