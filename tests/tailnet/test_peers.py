# SPDX-License-Identifier: MIT
"""tsgwctl peers of a tailnet with a control server; the page while one waits for a login."""
import json

from lab import check, equal, wait_for
from tailnet import Node, block_udp
from test_engine import PRIMARY, Small
from world import TARGET


def peers(g, t):
    return {p["name"].split(".")[0]: p for p in json.loads(g.ctl("peers", t.name, "--json", ok=0).stdout)}


def line(g, t, word):
    return next(x for x in g.ctl("peers", t.name, ok=0).stdout.splitlines() if x.startswith(word))


def wait_peer(g, t, name, condition, what):
    def seen():
        p = peers(g, t).get(name)
        return p if p and condition(p) else None
    return wait_for(seen, lambda: f"{name} is {what}: {peers(g, t)}", 40)


def test_relayed_offline_exit_node(lab):
    w = Small(lab)
    exit_node = Node(w.net, "way")
    exit_node.up(w.control, "--advertise-exit-node")
    node = w.control.wait_node("way", lambda n: "0.0.0.0/0" in (n["advertised"] or []), "with its routes")
    w.control.post("routes", node=node["id"])
    block_udp(w.gpu)
    t = w.joined(exit_node="way")
    g = w.gateway(t).start()
    g.wait_up()
    w.check_page(t, TARGET)
    p = wait_peer(g, t, "gpu1", lambda p: p["active"] and p["relay"], "relayed")
    equal([p["direct"], p["online"], p["relay"], p["subnet_router"], p["exit_node"]], [False, True, "lab", True, False], p)
    text = line(g, t, "gpu1")
    for word in (f"gpu1.{w.domain}", "100.64.1.1", "relay lab", "now", "subnet router"):
        check(word in text, f"{word} in {text}")
    p = wait_peer(g, t, "way", lambda p: p["exit_node"], "the exit node")
    equal([p["offers_exit_node"], p["subnet_router"], p["allowed_ips"][0]], [True, False, "0.0.0.0/0"], p)
    check(line(g, t, "way").endswith("  exit node"), line(g, t, "way"))
    exit_node.stop()
    w.control.wait_node("way", lambda n: not n["online"], "gone")
    p = wait_peer(g, t, "way", lambda p: not p["online"], "offline")
    check(p["last_seen"], p)
    check(" ago" in line(g, t, "way") and " no " in line(g, t, "way"), line(g, t, "way"))


def test_page_while_it_waits(lab):
    """The page and /status.json show where somebody has to log in, and no more once he has."""
    w = Small(lab, router=False)
    t = w.joined(key=False)
    g = w.gateway(t).start()
    g.wait_state(t, "needs-login")
    url = wait_for(lambda: g.list()[t.name]["login_url"], "a URL")

    def page(path):
        return w.curl(f"http://{PRIMARY}:11079{path}", ok=0).stdout
    wait_for(lambda: f'href="{url}"' in page("/"), lambda: f"{url} on the page: {page('/')}")
    (told,) = json.loads(page("/status.json"))["tailnets"]
    equal((told["state"], told["login_url"]), ("needs-login", url), "status.json")
    w.control.post("login")
    g.wait_up()
    wait_for(lambda: url not in page("/"), "it is gone from the page")
