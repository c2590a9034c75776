# SPDX-License-Identifier: MIT
"""Seed 001, a home lab whose compose file becomes a section of ours: subnet routes, serve, macvlan.

    phone ── tailnet ── truenas: tsgwd ── eno1 192.168.20.0/24 ── 192.168.20.22:8096 (Jellyfin)
                          └── jellyfin, sonarr, radarr: services whose addresses change
"""
import re
import shlex

import seeds
from lab import check, equal, wait_for
from nameserver import Dnsmasq
from run import deadline
from tailnet import Internet, Node
from world import Host, Joined, Tailnet, own_files, shell

LAN = "192.168.20"


def compose(ref):
    """A compose file's TS_EXTRA_ARGS as keys of our section."""
    line = seeds.text(ref)
    keys = {}
    for word in shlex.split(re.search(r"TS_EXTRA_ARGS=(.*)", line)[1]):
        name, _, value = word.removeprefix("--").partition("=")
        keys[name.replace("-", "_")] = value or "yes"
    return keys


class HomeLab:
    def __init__(self, lab):
        self.lab, self.net = lab, Internet(lab)
        self.control = self.net.control()
        self.control.settings(auto_routes=True)
        self.phone = Node(self.net, "phone")
        self.phone.up(self.control, "--accept-routes")
        self.host = Host(self.net, "truenas")
        self.lan = lab.ns("lan")
        self.lan.ip("link add br0 address 02:00:00:00:00:01 type bridge", "link set br0 up", f"addr add {LAN}.1/24 dev br0")
        self.plug(self.host.demon, 10, "eno1")
        self.nas = lab.ns("nas")
        self.plug(self.nas, 22, "eth0")
        self.serve(self.nas, "Jellyfin of the nas")

    def plug(self, ns, number, ifname):
        a, b = self.lab.link(self.lan, ns, b_if=ifname)
        self.lan.ip(f"link set {a} master br0")
        ns.ip(f"addr add {LAN}.{number}/24 dev {b}")

    def serve(self, ns, text, port=8096):
        word = text.split()[0]
        self.lab.file(f"www/{text}/index.html", text + "\n", 0o644)
        p = ns.spawn(["python3", "-u", "-m", "http.server", "-d", f"{self.lab.dir}/www/{text}", str(port)], word)
        p.wait_line("Serving HTTP")
        return p

    def start(self, keys=(), wrap=(), **values):
        truenas = Joined(Tailnet(self.control, "truenas"), 11080, hostname="truenas", **values)
        truenas.keys = list(keys)
        g = self.host.gateway([truenas], gateway_keys=["dns-port = 0"]).start(wrap=wrap)
        g.wait_up()
        return g, truenas, truenas.node()["addresses"][0].split("/")[0]


def page(home, url, ok=0):
    return home.phone.ns.run(["curl", "-sS", "--max-time", "10", url], ok=ok).stdout


@deadline(180)
def test_subnet_routes(lab):
    """Option A and its tests: the phone pings and fetches what is on the LAN, and the gateway's own page."""
    home = HomeLab(lab)
    home.serve(home.host.demon, "Jellyfin of the gateway")
    g, truenas, us = home.start(["publish = 8096 -> 127.0.0.1:8096"], **compose("001:41"))
    home.control.wait_node("truenas", lambda n: n["routes"] == [f"{LAN}.0/24"], "with its route")
    once = {"ping ": "ping -c 1 -W 10 "}
    wait_for(lambda: shell(lab, home.phone.ns, seeds.text("001:59", once), ok=None).returncode == 0, "a ping")
    for ref, put, wanted in (("001:58", {"<truenas-tailscale-ip>": us}, "the gateway"),
                             ("001:196", {}, "the nas")):
        got = shell(lab, home.phone.ns, seeds.text(ref, put)).stdout
        check(wanted in got, f"{ref}: {got}")
    for ref, put in (("001:192", {**once, "<truenas-tailscale-ip>": us}), ("001:195", once)):
        shell(lab, home.phone.ns, seeds.text(ref, put))
    got = shell(lab, home.phone.ns, f"tailscale --socket={home.phone.socket} status --json").stdout
    check(f"{LAN}.0/24" in got, "the route in the phone's status")
    cli = {"tailscale ": f"tailscale --socket={g.run_dir}/{truenas.name}/tailscaled.sock "}
    check("phone" in shell(lab, home.host.demon, seeds.text("001:55", cli)).stdout, "our node's status")
    check("eno1" in shell(lab, home.host.demon, seeds.text("001:152")).stdout, "ip addr")
    # the other way: truenas accepts routes, too, and what is on the LAN stays the host's own
    check("Jellyfin" in home.host.demon.run(["curl", "-sS", f"http://{LAN}.22:8096"], ok=0).stdout, "the LAN itself")


@deadline(180)
def test_serve(lab):
    """Option B: three services by name, `publish` for `tailscale serve`; a new address is found at once."""
    home = HomeLab(lab)
    names = []
    keys = []
    for i, ref in enumerate(("001:95", "001:96", "001:97")):
        name, port = re.search(r"http://(\w+):(\d+)", seeds.text(ref)).groups()
        home.host.demon.ip(f"addr add 127.0.1.{i + 1}/8 dev lo")
        home.serve(home.host.demon, f"{name} one", int(port))
        names.append((name, f"127.0.1.{i + 1}"))
        keys.append(f"publish = {port} -> {name}:{port}")
    dns = Dnsmasq(lab, home.host.demon, "127.0.0.53", names)
    _, _, us = home.start(keys, wrap=own_files(lab, "127.0.0.53"))
    for (name, _), key in zip(names, keys):
        port = key.split()[2]
        equal(page(home, f"http://{us}:{port}/"), f"{name} one\n", key)
    dns.stop()
    moved = lab.ns("moved")
    a, b = lab.link(home.host.demon, moved)
    home.host.demon.ip(f"addr add 172.18.0.1/24 dev {a}")
    moved.ip(f"addr add 172.18.0.9/24 dev {b}")
    home.serve(moved, "jellyfin two")
    Dnsmasq(lab, home.host.demon, "127.0.0.53", [("jellyfin", "172.18.0.9")])
    wait_for(lambda: page(home, f"http://{us}:8096/", ok=None) == "jellyfin two\n", "the service at its new address")


@deadline(180)
def test_macvlan(lab):
    """Option C: the node has an address of its own on the LAN, the yaml's; the host does not forward."""
    home = HomeLab(lab)
    text = seeds.text("001:121-130")
    parent = re.search(r"parent: (\w+)", text)[1]
    gateway = re.search(r"gateway: (\S+)", text)[1]
    bits = re.search(r"subnet: \S+/(\d+)", text)[1]
    address = re.search(r"ipv4_address: (\S+)", seeds.text("001:146-148"))[1]
    # the LAN's router leads to the internet
    home.lan.sysctl("ipv4/ip_forward", 1)
    home.net.attach(home.lan, ifname="wan0")
    home.lan.run(["nft", "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; "
                  "add rule ip nat post oifname wan0 masquerade"], ok=0)
    home.host.demon.ip("route del default", "link set eth0 down")  # the only way out is the LAN's
    g, truenas, us = home.start(**compose("001:142"), uplink=f"macvlan:{parent}", uplink_address=f"{address}/{bits}",
                                uplink_gateway=gateway)
    equal(truenas.node()["hostname"], "truenas", "in the tailnet")
    wait_for(lambda: "pong" in home.phone.cli("ping", "--c=1", "--timeout=2s", us).stdout, "a path")
    check(address in home.lan.run(["ip", "neigh"], ok=0).stdout, "it is seen on the LAN by its own address")
    home.lan.ip("neigh flush dev br0")
    home.lan.run(["ping", "-c", "1", "-W", "2", address])  # which the node's filter drops, but not the question before it
    check("lladdr" in home.lan.run(["ip", "neigh", "show", address], ok=0).stdout, "it answers by ARP")
    equal(home.host.demon.sysctl("ipv4/ip_forward"), "0", "the host forwards nothing")
    p = home.host.demon.run(["curl", "-sS", "--socks5-hostname", "127.0.0.1:11080",
                             f"http://{home.phone.ip()}:1/"])
    check("refused" in p.stderr or p.returncode in (97, 7), f"by the listener: {p.stderr}")
    check(g.process.alive(), "alive")
