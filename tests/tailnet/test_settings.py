# SPDX-License-Identifier: MIT
"""Keys of the configuration with a stock node, each seen from the other side; and reloads, which are a difference.

    demon: tsgwd on 127.0.0.1 ── internet: control, relay ─┬─ gpu1 ── 10.100.0.0/16, host 10.100.10.141
                                                           └─ way (exit node) ── 198.51.100.7
"""
import os
import re
import select
import shutil
import socket
import sys
import threading

import lab as L
import picture as P
from client import Associate
from lab import check, equal, inside, wait_for
from run import deadline
from tailnet import Node, Router
from test_failures import PORT, Small
from test_seed004 import serve
from world import TARGET

FAR = "198.51.100.7"  # behind a router: what is on its own networks an exit node does not let in


def get(s, host):
    """curl's exit code and the page."""
    p = s.host.demon.run(["curl", "-sS", "--max-time", "10", "--noproxy", "", "--socks5-hostname",
                          f"127.0.0.1:{PORT}", f"http://{host}:3000/"])
    return p.returncode, p.stdout + p.stderr


def node_pid(s):
    """tailscaled's."""
    for pid in s.lab.mine():
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            if b"tailscaled" in f.read() and os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat(s.t.pin.path).st_ino:
                return pid
    return None


def reload(s, **values):
    for k, v in values.items():
        s.t.values[k.replace("_", "-")] = v
    s.g.write_config()
    return s.g.ctl("reload")


class Way:
    """An exit node with a network of its own behind it."""

    def __init__(self, s):
        lab = s.lab
        self.node = Node(s.net, "way", env={"TS_DEBUG_FIREWALL_MODE": "nftables"})
        self.far = lab.ns("far")
        a, b = lab.link(self.node.ns, self.far)
        self.node.ns.ip(f"addr add 203.0.113.1/24 dev {a}")
        self.far.ip(f"addr add 203.0.113.7/24 dev {b}", f"addr add {FAR}/32 dev lo")
        self.node.ns.ip(f"route add {FAR}/32 via 203.0.113.7")
        self.node.ns.sysctl("ipv4/ip_forward", 1)
        self.node.ns.run(["nft", f"add table ip way; add chain ip way post {{ type nat hook postrouting priority 90; }}; "
                          f"add rule ip way post oifname {a} masquerade"], ok=0)
        self.far.spawn([sys.executable, os.path.join(P.HERE, "service.py"), "far"], "service far").wait_line("^ready$")
        self.node.up(s.control, "--advertise-exit-node")
        node = s.control.wait_node("way", lambda n: "0.0.0.0/0" in (n["advertised"] or []), "with its routes")
        s.control.post("routes", node=node["id"])


@deadline(180)
def test_exit_node(lab):
    """Everything goes to it, and arrives; not what is this host's own, and nothing without it."""
    s = Small(lab)
    Way(s)
    s.start()
    s.check_page()
    code, text = get(s, FAR)
    check(code == 97 and "(2)" in text, f"without an exit node it is not routed: {text}")
    equal(reload(s, exit_node="way").returncode, 0, "reload")
    wait_for(lambda: get(s, FAR)[1] == "this is far, you asked for /\n", lambda: f"the far side: {get(s, FAR)}", 60)
    s.check_page()  # a subnet stays its router's
    own = s.host.underlay
    for host in ("169.254.169.254", "127.0.0.1", "10.200.0.1", "10.200.0.2"):
        code, text = get(s, host)
        check(code == 97 and "(2)" in text, f"{host}: {text}")
    # the gateway's own network is the exit node's to reach, never ours by this way
    s.host.demon.spawn([sys.executable, os.path.join(P.HERE, "service.py"), "demon"], "service demon").wait_line("^ready$")
    check("this is demon" not in get(s, own)[1], "the host itself")
    reload(s, exit_node=None)
    wait_for(lambda: get(s, FAR)[0] == 97, "it is not routed any more", 40)


@deadline(180)
def test_wide_routes(lab):
    """A peer offers networks that hold our /30 and the uplink's own addresses: nothing of ours goes there."""
    s = Small(lab, router=False)
    wide = Router(s.net, "wide", "wide", route="10.0.0.0/8", target="10.77.0.9")
    s.gpu = wide
    wide.up(s.control)
    wide.cli("set", "--advertise-routes=10.0.0.0/8,172.16.0.0/12,0.0.0.0/1,128.0.0.0/1", ok=0)
    node = s.control.wait_node("wide", lambda n: len(n["advertised"] or []) == 4, "with its routes")
    s.control.post("routes", node=node["id"])
    for uplink in (None, "veth"):
        s.start(uplink=uplink)
        wait_for(lambda: get(s, "10.77.0.9")[1] == "this is wide, you asked for /\n", lambda: get(s, "10.77.0.9"), 40)
        # by the host's side of the /30, whose answers must come back
        near = re.search(r"inet (\S+)/30", L.subprocess.run(
            ["nsenter", "--net=" + s.t.pin.path, "ip", "-4", "addr", "show", "veth0"], capture_output=True, text=True,
            check=True).stdout)[1]
        p = s.host.demon.run(["curl", "-sS", "--max-time", "10", "--noproxy", "", "--socks5-hostname", f"{near}:1080",
                              "http://10.77.0.9:3000/"])
        equal(p.stdout, "this is wide, you asked for /\n", f"by the veth: {p.stderr}")
        wide.ping("demon", until_direct=True)
        s.control.running(False)
        s.wait("degraded", "login server is not reached", 40)
        s.control.running(True)
        s.wait("up", timeout_s=60)
        for host in ("10.200.0.1", near):
            check("(2)" in get(s, host)[1], f"{host} is refused")
        s.g.stop()


@deadline(120)
def test_ephemeral(lab):
    """Gone from the tailnet when it stops, and when it is logged out."""
    s = Small(lab, router=False)
    s.start(ephemeral="yes")
    check(s.me()["ephemeral"], s.me())
    first = s.me()["id"]
    s.g.ctl("down", s.t.name, ok=0)
    wait_for(lambda: s.me() is None, lambda: f"it is gone: {s.me()}", 30)
    s.g.ctl("up", s.t.name, ok=0)
    s.wait("up", timeout_s=40)
    check(s.me()["id"] != first, "a new node")
    s.g.ctl("logout", s.t.name, ok=0)
    wait_for(lambda: s.me() is None, "it is gone by logout", 30)
    s.g.stop()


@deadline(180)
def test_reload_is_a_difference(lab):
    """Everything that a node can be told is told to the one that runs."""
    s = Small(lab)
    s.start()
    s.check_page()
    pid = node_pid(s)
    check(pid, "tailscaled runs")

    def told(what, **values):
        p = reload(s, **values)
        equal(p.returncode, 0, f"reload of {what}: {p.stderr}")
        equal(node_pid(s), pid, f"the process after another {what}")
    told("hostname", hostname="other")
    s.control.wait_node("other")
    told("advertise-routes", advertise_routes="192.168.20.0/24")
    s.control.wait_node("other", lambda n: n["advertised"] == ["192.168.20.0/24"], "with its route")
    told("advertise-routes", advertise_routes=None)
    s.control.wait_node("other", lambda n: not n["advertised"], "without")
    told("tags", tags="tag:server, tag:gpu")
    s.control.wait_node("other", lambda n: n["tags"] == ["tag:server", "tag:gpu"], "with its tags")
    told("accept-routes", accept_routes="no")
    wait_for(lambda: get(s, TARGET)[0] == 97, "the subnet is not routed any more")
    told("accept-routes", accept_routes="yes")
    s.check_page()
    s.key_is(s.control.key())
    s.wait("up")
    told("exit-node", exit_node="gpu1")
    s.wait("degraded", "does not offer to be one")
    told("exit-node", exit_node=None)
    s.wait("up")
    s.check_page()
    equal(node_pid(s), pid, "the process")


@deadline(120)
def test_reload_without_its_key_is_refused(lab):
    """A key file that is needed and not there is an error like any other: a reload with it changes nothing."""
    s = Small(lab, router=False)
    s.start()
    s.g.stop()
    extra = s.lab.tailnet_name("more")
    s.g.start()
    s.g.wait_up()
    pid = node_pid(s)
    s.t.keys = ["", f"[tailnet {extra}]", "engine = tailscale", "node = stock", "port = 11099",
                f"auth-key-file = {lab.dir}/keys/none.key", f"tailscaled-path = {s.t.values['tailscaled-path']}"]
    p = reload(s, hostname="never")
    check(p.returncode == 1 and re.search(rf":\d+: \[tailnet {extra}\] auth-key-file: there is no such file, and the node "
                                          "is not registered", p.stdout + p.stderr), f"{p.returncode} {p.stdout}{p.stderr}")
    equal((sorted(t for t in s.g.list() if s.g.list()[t]["state"] == "up"), node_pid(s)), ([s.t.name], pid), "nothing changed")
    check(s.me() and not s.control.node("never"), "the name")
    # who is registered needs none
    s.t.keys = []
    os.unlink(s.t.values["auth-key-file"])
    equal(reload(s, hostname="later").returncode, 0, "reload of who is registered")
    s.control.wait_node("later")


class Tunnels:
    """An HTTP proxy for CONNECT alone."""

    def __init__(self, ns, address, port=3128):
        self.ns, self.asked = ns, []
        with inside(ns):
            self.listener = socket.create_server((address, port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            s, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        with s:
            head = b""
            while b"\r\n\r\n" not in head:
                more = s.recv(4096)
                if not more:
                    return
                head += more
            method, to, _ = head.split(b"\r\n")[0].decode().split(" ")
            self.asked.append((method, to))
            if method != "CONNECT":
                s.sendall(b"HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n")
                return
            host, port = to.rsplit(":", 1)
            try:
                with inside(self.ns):
                    far = socket.create_connection((host, int(port)), timeout=10)
            except OSError:
                s.sendall(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n")
                return
            with far:
                s.sendall(b"HTTP/1.1 200 Yes\r\n\r\n")
                while True:
                    for a in select.select([s, far], [], [])[0]:
                        data = a.recv(65536)
                        if not data:
                            return
                        (far if a is s else s).sendall(data)


@deadline(180)
def test_http_proxy(lab):
    """The control server is reached through an HTTP proxy and by no other way."""
    s = Small(lab, tls=True)
    s.net.ns.ip("addr add 172.30.9.9/16 dev br0")
    tunnels = Tunnels(s.net.ns, "172.30.9.9")
    s.host.demon.run(["nft", "add table inet only; add chain inet only out { type filter hook output priority 0; }; "
                      f"add rule inet only out oifname eth0 ip daddr {s.control.address} tcp dport 8080 counter drop"], ok=0)
    s.start(login_ca_file=s.control.ca, http_proxy="http://172.30.9.9:3128")
    s.check_page()

    asked = {to for method, to in tunnels.asked if method == "CONNECT"}
    check(f"{s.control.address}:8080" in asked, f"asked for {asked}")
    s.g.stop()
    shutil.rmtree(os.path.join(s.g.state_dir, s.t.name))
    s.start(up=False, login_ca_file=s.control.ca)
    s.wait("failed", timeout_s=60)


@deadline(120)
def test_publish_udp_to_userspace(lab):
    """A userspace node asks a published UDP port through its own SOCKS server (seed 004's other half)."""
    s = Small(lab, router=False)
    third = Node(s.net, "third", userspace=True, args=["--socks5-server=127.0.0.1:1055"])
    third.up(s.control)
    serve(lab, s.host.demon, "salad")
    s.start(publish="5300/udp -> 127.0.0.1:7000")
    us = s.me()["addresses"][0].split("/")[0]
    third.ping("demon")
    with Associate(third.ns, "127.0.0.1", 1055) as a:
        equal(a.ask(us, 5300, b"u"), b"salad u", "UDP")
