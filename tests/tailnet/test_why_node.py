# SPDX-License-Identifier: MIT
"""tsgwctl why, in a tailnet with a control server: names and routes of the netmap, and how it is with the node."""
import os

import lab as L
import picture as P
from lab import check, equal, wait_for
from test_engine import Small
from test_why import HOPS, broken, why
from world import INNER, TARGET


def hop(told, what):
    return next(h for h in told["hops"] if h["what"] == what)


def wait_ok(g, target, *options, hops=None):
    """All hops to TARGET are well: a relay may still be in between when the first one is looked at."""
    def well():
        told = why(g, target, *options)
        return told if all(h["result"] == "ok" for h in told["hops"]) else None
    told = wait_for(well, lambda: f"all well on the way to {target}: {why(g, target, *options)}", 30)
    equal([h["what"] for h in told["hops"]], hops or HOPS, f"hops to {target}")
    return told


def test_names_and_routes(lab):
    w = Small(lab)
    t = w.joined()
    g = w.gateway(t).start()
    g.wait_up()
    w.gpu.ns.spawn([L.sys.executable, os.path.join(P.HERE, "service.py"), "gpu"], name="service").wait_line("^ready$")
    whole = f"gpu1.{w.domain}"
    told = wait_ok(g, f"gpu1.{t.name}:3000")
    check(whole in hop(told, "route")["text"] and "is 100.64.1.1" in hop(told, "name")["text"], told)
    check("is online, " in hop(told, "handshake")["text"], told)
    told = wait_ok(g, f"http://{TARGET}.{t.name}:3000/")
    check(f"node {whole} (10.100.0.0/16)" in hop(told, "route")["text"], told)
    # the name that the tailnet gave it, and the bare one: the gateway's DNS is not asked for those
    for name in (whole, "gpu1", "100.64.1.1"):
        told = wait_ok(g, name + ":3000", hops=[h for h in HOPS if h != "dns"])
        equal(told["tailnet"], t.name, f"tailnet of {name}")
    equal(why(g, f"100.100.100.100.{t.name}:80")["ok"], True, "the node's own page")
    equal(hop(why(g, f"{INNER}.{t.name}:80"), "route")["result"], "warn", "our own address")
    broken(g, "gpu1.example.org", "name", text="under no suffix")
    broken(g, f"10.9.9.9.{t.name}:80", "route", text="no node of", advice="advertise its network")
    broken(g, "10.9.9.9:80", "route", advice="advertise its network")
    t.values["accept-routes"] = "no"
    g.write_config()
    g.ctl("reload", ok=0)
    wait_for(lambda: why(g, f"{TARGET}.{t.name}:3000")["broken"] == "route",
             lambda: f"the network is not routed any more: {why(g, TARGET + chr(46) + t.name)}")
    broken(g, f"{TARGET}.{t.name}:3000", "route", text="no node of", advice="accept-routes = yes")


def test_state_of_the_node(lab):
    w = Small(lab)
    t = w.joined()
    g = w.gateway(t).start()
    g.wait_up()
    # nothing was ever sent to it, so that only the control server's word counts
    w.gpu.stop()
    w.control.wait_node("gpu1", lambda n: not n["online"], "gone")
    wait_for(lambda: why(g, f"{TARGET}.{t.name}:3000")["broken"] == "handshake", "it is seen that it is offline", 30)
    broken(g, f"{TARGET}.{t.name}:3000", "handshake", text=f"node gpu1.{w.domain} is offline", advice="Tailscale runs")
    w.gpu.start()
    w.control.wait_node("gpu1")
    wait_ok(g, f"{TARGET}.{t.name}:3000")
    w.control.post("expire", node=w.control.node("gpu1")["id"])
    wait_for(lambda: why(g, f"{TARGET}.{t.name}:3000")["broken"] == "handshake", "it is seen that its key expired", 30)
    broken(g, f"{TARGET}.{t.name}:3000", "handshake", text="has expired", advice="Log in anew")
    g.ctl("logout", t.name, ok=0)
    broken(g, f"{TARGET}.{t.name}:3000", "tailnet", text="needs-login", advice=f"tsgwctl login {t.name}")
