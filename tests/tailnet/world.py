# SPDX-License-Identifier: MIT
"""The user's world: two work tailnets with the very same addresses, and a home tailnet to come from.

    mac 100.101.102.103 ─ home tailnet ─ demon 100.121.76.21 (stock tailscaled, tailscale0)
                                           │
         gateway (ours, or the rival) ─────┼── fgpu: demon-fgpu 100.68.152.46, gpu1 100.64.1.1 ── 10.100.0.0/16
                                           │                                  box  100.64.1.2     10.100.10.141
                                           └── lab:  the same addresses, other machines

Each of the three has a control server and a DERP relay of its own. Joined is one tailnet as our gateway's
configuration has it; Rival is the layout of seed 002: a namespace, NAT, tailscaled, microsocks and socat.
"""
import os
import sys

import lab as L
import picture as P
from lab import equal
from tailnet import Internet, Node, Router, programs, ssh_keypair, start_sshd

DEMON, MAC = "100.121.76.21", "100.101.102.103"
INNER, GPU, BOX = "100.68.152.46", "100.64.1.1", "100.64.1.2"
TARGET = P.TARGET


class Work:
    """A tailnet at work: its control server, a subnet router and one more peer."""

    def __init__(self, world, word, headscale=False, ssh=True, box=True):
        self.world, self.lab, self.word = world, world.lab, word
        self.domain = f"tail-{word}.ts.net"
        self.control = world.net.control(headscale=headscale, args=("-domain", self.domain))
        self.control.settings(addresses={f"demon-{word}": INNER, "gpu1": GPU, "box": BOX}, auto_routes=True)
        key = ssh_keypair(self.lab) if ssh else None
        self.gpu = Router(world.net, "gpu1", word, key, ns=self.lab.ns(f"gpu1-{word}"), tag=word)
        self.gpu.up(self.control)
        self.box = None
        if box:
            self.box = Node(world.net, "box", ns=self.lab.ns(f"box-{word}"), tag=word)
            self.box.up(self.control)
            self.box.ns.spawn([sys.executable, os.path.join(P.HERE, "service.py"), f"{word}-box"],
                              name=f"service {word}-box").wait_line("^ready$")


class World:
    """demon and mac at home, and as many tailnets at work as words are named."""

    def __init__(self, lab, *words, ssh=True, box=True, headscale=False):
        self.lab, self.net = lab, Internet(lab)
        self.home = self.net.control(args=("-domain", "home.example"))
        self.home.settings(addresses={"demon": DEMON, "mac": MAC})
        self.demon_node, self.mac_node = Node(self.net, "demon"), Node(self.net, "mac")
        self.demon, self.mac = self.demon_node.ns, self.mac_node.ns
        self.demon.sysctl("ipv4/ip_forward", 0)
        for n in (self.demon_node, self.mac_node):
            n.up(self.home)
        self.works = [Work(self, w, ssh=ssh, box=box, headscale=headscale) for w in words]
        self.mac_node.wait_peer("demon")
        self.mac_node.ping("demon", until_direct=True)

    def gateway(self, joined, **options):
        """A tsgwd on demon; JOINED are Joined tailnets."""
        return P.Gateway(self, joined, **options)

    def curl(self, *args, ok=None, ns=None):
        return (ns or self.mac).run(["curl", "-sS", "--max-time", "20", "--noproxy", "", *args], timeout_s=30, ok=ok)

    def dig(self, name, *args, server=DEMON):
        return self.mac.run(["dig", f"@{server}", "+time=3", "+tries=1", *args, name]).stdout

    def ssh(self, proxy, host, *command, user="root"):
        """ssh as seed 002 does it: ProxyCommand nc -X 5."""
        return self.mac.run(["ssh", "-i", ssh_keypair(self.lab), "-o", "StrictHostKeyChecking=no", "-o",
                             "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=20", "-o", "LogLevel=ERROR", "-o",
                             f"ProxyCommand nc -X 5 -x {proxy} %h %p", f"{user}@{host}", *command], ok=0).stdout


def shell(lab, ns, script, env=None, nameserver=None, search="", ok=0, hosts=(), timeout_s=60):
    """Runs SCRIPT by bash in NS like a person at that machine: `sudo` and Tailscale's programs are in PATH, and
    /etc/resolv.conf and /etc/hosts are that machine's own."""
    bin_dir = os.path.join(lab.dir, "bin")
    if not os.path.exists(bin_dir):
        lab.file("bin/sudo", '#!/bin/sh\nexec "$@"\n', 0o755)
        for program in ("tailscale", "tailscaled"):
            os.symlink(programs()[program], os.path.join(bin_dir, program))
    lab.n_shells = getattr(lab, "n_shells", 0) + 1
    resolv = lab.file(f"shell/{lab.n_shells}.resolv", "".join((
        f"nameserver {nameserver}\n" if nameserver else "", f"search {search}\n" if search else "",
        "options timeout:3 attempts:2\n")), 0o644)
    table = lab.file(f"shell/{lab.n_shells}.hosts", "127.0.0.1 localhost\n" + "".join(f"{h}\n" for h in hosts), 0o644)
    bare = {k: "" for k in os.environ if k.lower().endswith("_proxy")}
    outer = f"mount --bind {resolv} /etc/resolv.conf && mount --bind {table} /etc/hosts && exec bash -c \"$1\""
    return ns.run(["unshare", "-m", "--propagation", "private", "sh", "-c", outer, "sh", script], ok=ok,
                  timeout_s=timeout_s, env={**bare, "HOME": lab.dir, "PATH": f"{bin_dir}:{os.environ['PATH']}",
                                            **(env or {})})


def own_files(lab, nameserver=None, hosts=()):
    """A command before tsgwd's, for Gateway.start(wrap=…): a resolv.conf and hosts of its own. /run/netns stays
    shared, so that what it pins is there for everybody."""
    resolv = lab.file("gateway.resolv", f"nameserver {nameserver}\n" if nameserver else "", 0o644)
    table = lab.file("gateway.hosts", "127.0.0.1 localhost\n" + "".join(f"{h}\n" for h in hosts), 0o644)
    return ["unshare", "-m", "--propagation", "unchanged", "sh", "-c",
            f"mount --make-private / && mount --bind {resolv} /etc/resolv.conf && mount --bind {table} /etc/hosts && "
            'exec "$@"', "sh"]


class Host:
    """A machine that runs our gateway, without a tailnet of its own (what picture.Gateway wants to know)."""

    def __init__(self, net, name="demon"):
        self.lab, self.net = net.lab, net
        self.demon = net.lab.ns(name)
        self.underlay = net.attach(self.demon)
        self.demon.sysctl("ipv4/ip_forward", 0)

    def gateway(self, joined, **options):
        return P.Gateway(self, joined, primary="127.0.0.1", **options)


class Tailnet:
    """A tailnet without machines of its own."""

    def __init__(self, control, word):
        self.control, self.word = control, word


class Joined:
    """A tailnet (its `control` and `word`) in our gateway's configuration: what picture.Gateway wants to know."""

    def __init__(self, work, port, key=None, name=None, **keys):
        control = work.control
        self.control, self.lab, self.word, self.port = control, control.lab, work.word, port
        self.name = name or self.lab.tailnet_name(work.word)
        self.lab.tailnet_names.add(self.name)
        self.link = self.netns = "tsgw-" + self.name
        self.pin = L.Pin(self.netns)
        self.values = {"engine": "tailscale", "node": "stock", "port": port, "suffix": self.name,
                       "tailscaled-path": programs()["tailscaled"], "login-server": control.url,
                       "hostname": "demon-" + work.word, "accept-routes": "yes"}
        if key is None:
            key = control.key()
        if key:
            self.values["auth-key-file"] = self.lab.file(f"keys/{self.name}.key", key + "\n")
        self.values.update({k.replace("_", "-"): v for k, v in keys.items()})
        self.keys = []

    @staticmethod
    def wg_quick():
        return ""

    def section(self):
        lines = [f"{k} = {v}" for k, v in self.values.items() if v is not None]
        return "\n".join([f"[tailnet {self.name}]", *lines, *self.keys, ""])

    def node(self):
        """What the tailnet's administrator sees of the gateway."""
        return self.control.node(self.values["hostname"])


class Rival:
    """Seed 002's five units by hand: ts-netns, tailscaled, microsocks, socat (CoreDNS is left out)."""

    def __init__(self, world, work, port, slot=1, up=None, address=DEMON):
        self.lab, self.work, self.port = world.lab, work, port
        demon = world.demon
        self.ns = self.lab.ns("ts-" + work.word)
        net = f"10.200.0.{slot * 4}"
        self.near, self.far = f"10.200.0.{slot * 4 + 1}", f"10.200.0.{slot * 4 + 2}"
        a, b = self.lab.link(demon, self.ns, a_if=f"veth-{work.word}", b_if="veth-ns")
        demon.ip(f"addr add {self.near}/30 dev {a}")
        self.ns.ip(f"addr add {self.far}/30 dev {b}", f"route add default via {self.near}")
        demon.sysctl("ipv4/ip_forward", 1)
        demon.run(["nft", f"add table ip rival{slot}; add chain ip rival{slot} post "
                   "{ type nat hook postrouting priority 100; }; "
                   f"add rule ip rival{slot} post ip saddr {net}/30 oifname eth0 masquerade"], ok=0)
        self.node = Node(world.net, "demon-" + work.word, ns=self.ns, attach=False)
        if up:
            up()
        else:
            self.node.up(work.control, "--accept-routes")
        self.socks = self.ns.spawn([L.tool("microsocks"), "-i", self.far, "-p", "1080"], "microsocks")
        self.expose = demon.spawn([L.tool("socat"), f"TCP-LISTEN:{port},bind={address},fork,reuseaddr,backlog=4096",
                                   f"TCP:{self.far}:1080"], "socat")
        self.proxy = f"{address}:{port}"


def check_page(world, proxy, word, host=TARGET):
    got = world.curl("--socks5-hostname", proxy, f"http://{host}:3000/", ok=0).stdout
    equal(got, f"this is {word}, you asked for /\n", f"page of {word} through {proxy}")


__all__ = ["BOX", "DEMON", "GPU", "INNER", "MAC", "TARGET", "Host", "Joined", "Rival", "Tailnet", "Work", "World",
           "check_page", "own_files", "shell", "start_sshd"]
