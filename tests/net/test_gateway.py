# SPDX-License-Identifier: MIT
"""The main job: equal addresses in several tailnets, different WireGuards behind them, real clients.

    mac ── demon ──┬── red    wireguard-go        all of them: 10.77.0.1, 10.100.10.141
                   ├── blue   newest wireguard-go
                   └── …
"""
import os
import random
import threading

from client import connect, get, http_connect, ping, socks5
from lab import Failure, check, equal, wait_for
from picture import MAC, PEER_INNER, PRIMARY, TARGET, WG_PORT, check_page, engine_path, page
from run import deadline

SECOND = next((e for e in ("wireguard", "gotatun") if engine_path(e)), "wireguard-go")
THIRD = next((e for e in ("boringtun", "gotatun") if engine_path(e)), "tsgw-wg")


def dashed(address):
    return address.replace(".", "-")


def test_three_peers(picture):
    """The demo's picture: pages, names and ssh of three tailnets whose peers are three programs."""
    tailnets = [picture.tailnet(w, 11080 + i, engine=e) for i, (w, e) in enumerate(
        (("red", "wireguard-go"), ("blue", SECOND), ("gold", THIRD)))]
    g = picture.gateway().start()
    g.wait_up()
    for t in tailnets:
        check_page(picture, t)
        check_page(picture, t, how="http")
        check_page(picture, t, host=f"{dashed(TARGET)}.{t.name}")
        check_page(picture, t, host=TARGET)
        equal(picture.dig(f"{TARGET}.{t.name}", "+short").strip(), TARGET, "dig")
        banner = picture.banner(t, f"{TARGET}.{t.name}")
        check(banner.endswith(" " + t.word), f"ssh banner of {t.word}: {banner}")


def test_own_peer(picture):
    """Our own node on both sides: tsgw-wg stands alone behind the tailnet."""
    t = picture.tailnet("own", 11080, engine="tsgw-wg")
    picture.gateway().start().wait_up()
    check_page(picture, t)


def test_ssh_and_absolute_http(picture):
    """A whole ssh session through nc -X 5, and a plain http request in absolute form."""
    t = picture.tailnet("red", 11080)
    picture.gateway().start().wait_up()
    p = picture.mac.run(["ssh", "-i", picture.ssh_key(), "-o", "StrictHostKeyChecking=no",
                         "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=15",
                         "-o", f"ProxyCommand nc -X 5 -x {PRIMARY}:{t.port} %h %p",
                         f"root@{TARGET}.{t.name}", "who are you"], ok=0)
    equal(p.stdout, f"this is {t.word}\n", "ssh session")
    p = picture.curl("--proxy", f"http://{PRIMARY}:{t.port}",
                     f"http://{TARGET}.{t.name}:3000/plain", ok=0)
    equal(p.stdout, f"this is {t.word}, you asked for /plain\n", "absolute form")
    p = picture.curl("--socks5", f"{PRIMARY}:{t.port}", f"http://{TARGET}:3000/", ok=0)
    check(t.word in p.stdout, "curl --socks5 with an address")


def visit(picture, tailnet, rng, count):
    """COUNT requests over one new connection; every answer must name TAILNET and the question."""
    s = connect(picture.mac, PRIMARY, tailnet.port)
    try:
        host = rng.choice((TARGET, f"{TARGET}.{tailnet.name}", f"{dashed(TARGET)}.{tailnet.name}"))
        if rng.random() < 0.5:
            equal(socks5(s, host, 3000), 0, f"SOCKS5 to {host} in {tailnet.name}")
        else:
            equal(http_connect(s, host, 3000), 200, f"CONNECT to {host} in {tailnet.name}")
        for _ in range(count):
            token = f"/{rng.getrandbits(64):x}"
            equal(get(s, token), f"this is {tailnet.word}, you asked for {token}\n", "answer")
    finally:
        s.close()


@deadline(240)
def test_ten_thousand_interleaved(picture):
    """10,000 requests to equal addresses, interleaved over both tailnets: not one wrong answer."""
    tailnets = [picture.tailnet("red", 11080, ssh=False), picture.tailnet("blue", 11081, ssh=False)]
    picture.gateway().start().wait_up()
    left, lock, wrong = [1000], threading.Lock(), []

    def work(seed):
        rng = random.Random(seed)
        while not wrong:
            with lock:
                if not left[0]:
                    return
                left[0] -= 1
                t = tailnets[left[0] % 2]
            try:
                visit(picture, t, rng, 10)
            except (Failure, OSError) as e:
                wrong.append(f"{t.word}: {e!r}")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(12)]
    for th in threads:
        th.start()
    for th in threads:
        th.join()
    check(not wrong, f"{len(wrong)} wrong: {wrong[:3]}")


def test_two_peers_in_one_tailnet(picture):
    """Longest prefix decides between two peers of the same tailnet."""
    t = picture.tailnet("red", 11080, ssh=False)
    second = picture.add_peer(t, "other", inner="10.77.0.9", target="10.100.20.5", ssh=False)
    t.wg_text = "\n".join((
        "[Interface]", f"PrivateKey = {t.private}", "Address = 10.77.0.2/32", "",
        t.peer.section(), second.section(allowed="10.77.0.9/32, 10.100.20.0/24")))
    g = picture.gateway().start()
    g.wait_up()
    equal((g.list()[t.name]["peers"], g.list()[t.name]["peers_up"]), (2, 2), "peers")
    check_page(picture, t)
    got = page(picture, t, host=f"10.100.20.5.{t.name}")
    check(got.startswith("this is other,"), f"the second peer's page: {got!r}")


def test_ipv6_inside(picture):
    """IPv6 in the tunnel: by literal, by dashed name, by [hosts]."""
    t = picture.tailnet("six", 11080, ipv6=True, ssh=False)
    g = picture.gateway(hosts={t.name: [("web6", "fd77:100::141"), ("web4", TARGET)]})
    g.start().wait_up()
    for host in ("[fd77:100::141]", f"fd77-100--141.{t.name}", f"web6.{t.name}", f"web4.{t.name}",
                 "web4"):
        check_page(picture, t, host=host)
    check("fd77:100::141" in picture.dig(f"web6.{t.name}", "AAAA", "+short"), "AAAA of web6")


def test_preshared_key_and_endpoint_that_calls(picture):
    """With a preshared key; and a peer without endpoint that calls us first."""
    t = picture.tailnet("red", 11080, ssh=False,
                        psk="IJXsbsRzwfLNDFAVmZpmeFJIqTuN4C7bvoAcCxNqJ2k=")
    u = picture.tailnet("blue", 11081, ssh=False)
    u.wg_text = "\n".join(("[Interface]", f"PrivateKey = {u.private}", "Address = 10.77.0.2/32",
                           "ListenPort = 51999", "", u.peer.section(endpoint=False)))
    g = picture.gateway().start()
    g.wait_up(t)
    check_page(picture, t)
    picture.lab.run(["wg", "set", u.peer.ifname, "peer", u.public, "endpoint",
                     f"{u.peer.near}:51999", "persistent-keepalive", "1"], ok=0)
    wait_for(lambda: u.peer.handshake_s(u.public), "a handshake from the peer's side")
    check_page(picture, u)


def test_endpoint_roams(picture):
    """The peer goes on from another port; traffic follows without a reload."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    get(s, "/before")
    picture.lab.run(["wg", "set", t.peer.ifname, "listen-port", str(WG_PORT + 7)], ok=0)
    check(ping(t.peer.ns, "10.77.0.2"), "the peer's ping from its new port")
    equal(get(s, "/after"), f"this is {t.word}, you asked for /after\n", "after roaming")
    s.close()


def test_bulk_both_ways(picture):
    """64 MiB down and 16 MiB up arrive whole."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    p = picture.curl("-o", "/dev/null", "-w", "%{size_download}", "--socks5-hostname",
                     f"{PRIMARY}:{t.port}", f"http://{TARGET}.{t.name}:3000/bytes/{64 << 20}", ok=0)
    equal(int(p.stdout), 64 << 20, "bytes down")
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 7), 0, "SOCKS5")
    block = os.urandom(1 << 20)
    for _ in range(16):
        s.sendall(block)
    s.shutdown(1)
    equal(s.recv(100), f"{t.word} counted {16 << 20}\n".encode(), "bytes up")
    s.close()


def test_namespace_from_outside(picture):
    """ip netns exec, wg show and the page from inside the namespace, as the contract's §4 promises."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    check(ping(t.pin, TARGET), "ping from the namespace")
    p = picture.lab.run(["ip", "netns", "exec", t.netns, "curl", "-sS", "--max-time", "10",
                         f"http://{TARGET}:3000/exec"], ok=0)
    check(t.word in p.stdout, p.stdout)
    shown = picture.lab.run(["wg", "show", t.link, "peers"], ok=0).stdout.strip()
    equal(shown, t.peer.public, "wg show")
    p = picture.lab.run(["wg", "show", t.link, "private-key"], ok=0)
    equal(p.stdout.strip(), t.private, "wg show private-key")
    p = g.ctl("exec", t.name, "--", "curl", "-sS", "--max-time", "10", f"http://{TARGET}:3000/in",
              ok=0)
    check(t.word in p.stdout, p.stdout)
    check(ping(t.pin, PEER_INNER), "ping of the peer")
    check(MAC not in picture.lab.run(["ip", "-n", t.netns, "route"]).stdout, "routes")


def test_wg_set_holds(picture):
    """What `wg set` changes works at once: a peer taken away, and given back."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    picture.lab.run(["wg", "set", t.link, "peer", t.peer.public, "remove"], ok=0)
    equal(picture.lab.run(["wg", "show", t.link, "peers"], ok=0).stdout.strip(), "", "peers")
    picture.lab.run(["wg", "set", t.link, "peer", t.peer.public, "allowed-ips",
                     f"{PEER_INNER}/32,10.100.0.0/16", "endpoint",
                     f"{t.peer.underlay}:{WG_PORT}"], ok=0)
    check(ping(t.pin, TARGET, 6), "ping after the peer came back")
