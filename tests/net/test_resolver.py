# SPDX-License-Identifier: MIT
"""Names that only the tailnet's own resolver knows, through a whole gateway.

    mac ── demon ──┬── red    name server 10.100.0.53 and .54 behind the peer
                   └── blue   the same addresses, other answers
"""
import json
import time

from client import connect, socks5
from lab import check, equal, kill_all, wait_for
from leaks import watched
from test_leaks import leaky_host
from nameserver import Dnsmasq
from picture import PRIMARY, TARGET, check_page, page
from run import deadline

RESOLVER, SECOND = "10.100.0.53", "10.100.0.54"


def resolver(picture, tailnet, hosts, address=RESOLVER, zones=("corp.example",)):
    ns = tailnet.peer.ns
    ns.ip(f"addr replace {address}/32 dev lo")
    return Dnsmasq(picture.lab, ns, address, hosts, zones)


def counters(gateway, tailnet):
    p = gateway.ctl("status", tailnet.name, "--json", ok=0)
    return json.loads(p.stdout)["tailnets"][0]["resolver"]


def reply(picture, tailnet, host):
    s = connect(picture.mac, PRIMARY, tailnet.port)
    with s:
        return socks5(s, host, 3000)


def test_two_tailnets_with_the_same_names(picture):
    """The same name means another address in each; nothing of it is asked on the host."""
    t = picture.tailnet("red", 11080, ssh=False, ipv6=True)
    u = picture.tailnet("blue", 11081, ssh=False)
    t.dns, u.dns = f"{RESOLVER}, corp.example", f"{RESOLVER}, lab.example"
    u.peer.ns.ip("addr add 10.100.7.7/32 dev lo")
    red = resolver(picture, t, [("gpu1.corp.example", TARGET, "fd77:100::141"),
                                ("same.example", TARGET), ("rebind.example", "127.0.0.1"),
                                ("meta.example", "169.254.169.254"), ("veth.example", "10.200.0.1"),
                                ("six.example", "fd77:100::141"), ("self.example", "10.77.0.2"),
                                ("dead6.example", "fd77:100::dead", TARGET)],
                   zones=["example"])
    blue = resolver(picture, u, [("gpu1.lab.example", "10.100.7.7"), ("same.example", "10.100.7.7")],
                    zones=["example"])
    t.peer.ns.ip("route add blackhole fd77:100::dead")
    g = picture.gateway().start()
    g.wait_up()
    with watched(leaky_host(picture)):
        for host in (f"gpu1.{t.name}", "gpu1", "gpu1.corp.example", "same.example", "six.example",
                     "dead6.example"):
            for how in ("socks5", "http"):
                check_page(picture, t, host=host, how=how)
        for host in (f"gpu1.{u.name}", "gpu1", "same.example"):
            check_page(picture, u, host=host)
        equal(reply(picture, t, f"nobody.{t.name}"), 4, "no such name")
        for host in ("rebind.example", "meta.example", "veth.example", "self.example"):
            equal(reply(picture, t, host), 2, host)
        equal(reply(picture, t, f"gpu1.{u.name}"), 2, "the other tailnet's suffix")
        p = picture.curl("--proxy", f"http://{PRIMARY}:{t.port}", f"http://nobody.{t.name}:3000/")
        check(RESOLVER in p.stdout and t.name in p.stdout and "no such name" in p.stdout, p.stdout)
        p = picture.curl("--proxy", f"http://{PRIMARY}:{t.port}", f"http://gpu1.{u.name}:3000/")
        check(str(u.port) in p.stdout and u.name in p.stdout, p.stdout)
    check(red.asked("gpu1.corp.example") and not red.asked("gpu1.lab.example")
          and blue.asked("gpu1.lab.example") and not blue.asked("gpu1.corp.example"), "who was asked")
    found = counters(g, t)
    check(found["asked"] >= 8 and found["answered"] >= 8 and not found["limit"], found)
    p = g.ctl("exec", t.name, "--", "getent", "hosts", "gpu1", ok=0)
    check("gpu1.corp.example" in p.stdout, f"the same name in exec: {p.stdout}")


@deadline(180)
def test_reload_restart_and_death(picture):
    """Resolvers and search domains follow a reload; the node's restart forgets; a dead one is told."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.dns = f"{RESOLVER}, corp.example"
    first = resolver(picture, t, [("gpu1.corp.example", TARGET), ("gpu1.lab.example", "10.100.1.9")])
    g = picture.gateway().start()
    g.wait_up()
    check_page(picture, t, host="gpu1")
    second = resolver(picture, t, [("gpu2.lab.example", TARGET)], SECOND, ["lab.example"])
    t.keys = [f"dns-server = {SECOND}"]
    t.dns = f"{RESOLVER}, lab.example"
    g.write_config()
    pid = g.worker("tsgw-proxy", t)
    steps = g.ctl("reload", "--dry-run", ok=0).stdout
    check("tsgw-proxy" in steps and "resolv.conf" in steps and "tsgw-wg" not in steps
          or "tsgw-proxy" in steps, steps)
    g.ctl("reload", ok=0)
    check_page(picture, t, host="gpu2")
    equal(reply(picture, t, "gpu1.corp.example"), 4, "the first resolver is not asked any more")
    equal(g.worker("tsgw-proxy", t), pid, "the proxy is the same process")
    with open(f"/etc/netns/{t.netns}/resolv.conf", encoding="utf-8") as f:
        text = f.read()
    check(f"nameserver {SECOND}\n" in text and "search lab.example" in text and RESOLVER not in text,
          text)
    asked = second.asked("gpu2.lab.example")
    kill_all([g.worker("tsgw-wg", t)])
    g.wait_up(t)
    wait_for(lambda: page(picture, t, host="gpu2").startswith("this is red"), "it works again")
    check(second.asked("gpu2.lab.example") > asked, "the answer was not kept over the node's end")
    second.stop()
    start = time.monotonic()
    equal(reply(picture, t, "unheard.example"), 4, "a dead resolver")
    check(time.monotonic() - start < 6, "within 5 s")
    t.peer.process.stop()
    start = time.monotonic()
    check(reply(picture, t, "unheard-of.example") in (3, 4), "the peer is gone, too")
    check(time.monotonic() - start < 6, "within 5 s")
    first.stop()
