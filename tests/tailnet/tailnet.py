# SPDX-License-Identifier: MIT
"""Real tailnets in namespaces: a control server, a DERP relay, a STUN responder and stock tailscaleds.

    namespace "internet": bridge 172.30.0.1/16
      172.30.1.1  control 8080, DERP 8443, STUN 3478 of the first tailnet
      172.30.2.1  the same of the second, …
    one namespace a host, with a veth on that bridge (172.30.100.N, default route 172.30.0.1)

(Private addresses: tailscaled insists on https 443 for a control server elsewhere when it asks twice in two
minutes, even if its URL says http.)

Internet, Control (with its HTTP interface, server/api.go), Node (a stock tailscaled and its CLI),
Router (a Node with a LAN behind it) are the pieces; World is the user's picture made of them.
"""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys

import build
import lab as L
import picture as P
from lab import Failure, Skip, check, wait_for

LAN = "10.100.0.0/16"
TARGET = P.TARGET


def programs():
    """Paths of tailscaled, tailscale and control; Skip where they could not be built."""
    if build.missing():
        try:
            build.find_go()
        except build.NoGo as e:
            raise Skip(str(e)) from None
        build.build(lambda text: print("# " + text, file=sys.stderr))
    return build.paths()


class Internet:
    """A switch with everybody on it."""

    def __init__(self, lab, ipv6=False):
        self.lab, self.ns, self.hosts, self.controls, self.ipv6 = lab, lab.ns("internet"), 0, 0, ipv6
        # its own address: a bridge without one takes the lowest of its ports', and whoever knows the old one waits
        self.ns.ip("link add br0 address 02:00:00:00:00:01 type bridge", "addr add 172.30.0.1/16 dev br0", "link set br0 up")
        if ipv6:
            self.ns.ip("addr add 2001:db8:30::1/64 dev br0 nodad")

    def attach(self, ns, address=None, ifname="eth0"):
        """Plugs NS in; gives its address."""
        self.hosts += 1
        address = address or f"172.30.100.{self.hosts}"
        self.plug(ns, ifname)
        ns.ip(f"addr add {address}/16 dev {ifname}", f"route add default via 172.30.0.1 dev {ifname}")
        if self.ipv6:
            ns.ip(f"addr add 2001:db8:30::{self.hosts + 100}/64 dev {ifname} nodad",
                  f"route add ::/0 via 2001:db8:30::1 dev {ifname}")
        return address

    def plug(self, ns, ifname):
        """Only the cable."""
        a, _ = self.lab.link(self.ns, ns, b_if=ifname)
        self.ns.ip(f"link set {a} master br0")

    def control(self, **options):
        self.controls += 1
        address = f"172.30.{self.controls}.1"
        self.ns.ip(f"addr add {address}/16 dev br0")
        if self.ipv6:
            address6 = f"2001:db8:30::c:{self.controls}"
            self.ns.ip(f"addr add {address6}/64 dev br0 nodad")
            options["args"] = ("-host6", address6, *options.get("args", ()))
        return Control(self, address, **options)


class Local(http.client.HTTPConnection):
    """HTTP on a unix socket."""

    def __init__(self, path):
        super().__init__("local", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Control:
    """A control server of its own; `get` and `post` speak its interface for tests."""

    def __init__(self, internet, address, headscale=False, tls=False, name=None, args=()):
        self.internet, self.lab, self.address = internet, internet.lab, address
        self.word = f"control{internet.controls}"
        self.admin = os.path.join(self.lab.dir, self.word + ".sock")
        self.tls = os.path.join(self.lab.dir, self.word + ".tls") if tls else None
        self.command = [programs()["control"], "-host", address, "-admin", self.admin, *args]
        if headscale:
            self.command.append("-headscale")
        if tls:
            os.makedirs(self.tls)
            self.command += ["-tls", self.tls]
        if name:
            self.command += ["-name", name]
        self.n_keys = 0
        self.process = self.url = None
        self.start()

    @property
    def ca(self):
        return self.tls + "/ca.pem"

    def start(self):
        self.process = self.internet.ns.spawn(self.command, name=self.word)
        self.url = self.process.wait_line("^ready ").split()[1]

    def get(self, verb):
        return self._call("GET", verb, None)

    def post(self, verb, **what):
        return self._call("POST", verb, json.dumps(what))

    def _call(self, method, verb, body):
        c = Local(self.admin)
        with contextlib.closing(c):
            c.request(method, "/" + verb, body)
            r = c.getresponse()
            text = r.read().decode()
        if r.status != 200:
            raise Failure(f"{self.word}: {method} /{verb} {body or ''}: {text.strip()}")
        return json.loads(text)

    def key(self, reusable=True, **options):
        """A new auth key."""
        self.n_keys += 1
        key = f"tskey-auth-lab{self.n_keys}-{self.word}"
        self.post("keys", key=key, reusable=reusable, **options)
        return key

    def settings(self, **what):
        self.post("settings", **what)

    def nodes(self):
        return {n["name"]: n for n in self.get("nodes")}

    def node(self, name):
        return self.nodes().get(name)

    def wait_node(self, name, condition=lambda n: n["online"], what="online", timeout_s=L.PATIENCE_S):
        """Waits until the administrator sees NAME so; gives what he sees."""
        def seen():
            n = self.node(name)
            return n if n and condition(n) else None
        return wait_for(seen, lambda: f"{name} is {what} at {self.word}: {self.node(name)}", timeout_s)

    def asked(self, path="/machine/register"):
        """The requests for PATH so far."""
        return [r for r in self.get("requests") if r["path"] == path]

    def running(self, yes):
        self.post("control", running=yes)


class Node:
    """A host with a stock tailscaled."""

    def __init__(self, internet, name, ns=None, args=(), env=None, userspace=False, attach=True, tag=""):
        self.internet, self.lab, self.name, self.tag = internet, internet.lab, name, tag
        self.ns = ns or self.lab.ns(name)
        self.underlay = internet.attach(self.ns) if attach else None
        self.dir = os.path.join(self.lab.dir, f"ts-{name}{tag}")  # two tailnets may both have a NAME
        os.makedirs(self.dir, mode=0o700)
        self.socket, self.state = self.dir + "/tailscaled.sock", self.dir + "/state"
        self.args, self.env = list(args), dict(env or {})
        if userspace:
            self.args += ["--tun=userspace-networking"]
        self.process = None
        self.start()

    def start(self):
        self.process = self.ns.spawn(
            [programs()["tailscaled"], f"--statedir={self.state}", f"--socket={self.socket}", "--port=0", *self.args],
            name="tailscaled " + self.name, env={"TS_NO_LOGS_NO_SUPPORT": "true", **self.env})

        def answers():
            check(self.process.alive(), f"tailscaled {self.name} ended: {self.process.log()[-3000:]}")
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as s:
                s.connect(self.socket)
                return True
        wait_for(answers, f"tailscaled {self.name} makes its socket")
        return self

    def stop(self, number=signal.SIGTERM):
        self.process.forgiven = True
        return self.process.stop(number)

    def cli(self, *args, ok=None, timeout_s=60, **options):
        return self.ns.run([programs()["tailscale"], "--socket=" + self.socket, *args], ok=ok, timeout_s=timeout_s,
                           **options)

    def up(self, control, *args, key=None, ok=0, **options):
        """tailscale up, with a new reusable key if none is given."""
        return self.cli("up", "--login-server=" + control.url, f"--auth-key={key or control.key()}",
                        "--hostname=" + self.name, "--accept-dns=false", "--timeout=30s", *args, ok=ok, **options)

    def status(self):
        p = self.cli("status", "--json", ok=(0, 1))
        return json.loads(p.stdout)

    def ip(self):
        return self.cli("ip", "-4", ok=0).stdout.strip()

    def wait_peer(self, name, online=True):
        """Waits until this node sees the peer NAME; gives it."""
        def seen():
            for p in (self.status().get("Peer") or {}).values():
                if p["DNSName"].split(".")[0] == name and p["Online"] == online:
                    return p
            return None
        return wait_for(seen, f"{self.name} sees {name} {'online' if online else 'gone'}")

    def ping(self, target, until_direct=False):
        """tailscale ping, until it is answered; with UNTIL_DIRECT until no relay is in between.

        Only traffic makes the two nodes look for a direct path (disco pings are not traffic), and after
        a change of links each may first have to ask the STUN server, which it does every 20 to 26 s."""
        def answered():
            if until_direct:
                self.cli("ping", "--tsmp", "--timeout=2s", "--c=1", target)
            more = ("--until-direct", "--c=5") if until_direct else ("--until-direct=false", "--c=1")
            p = self.cli("ping", "--timeout=2s", *more, target)
            return p.stdout if p.returncode == 0 and "pong from" in p.stdout else None
        return wait_for(answered, f"{self.name} pings {target}", 120 if until_direct else 40)


class Router(Node):
    """A Node that routes 10.100.0.0/16: the LAN behind it has one host, TARGET, with page and sshd."""

    def __init__(self, internet, name, word=None, ssh_key=None, route=LAN, target=TARGET, serve=True,
                 **options):
        self.route, self.target, self.word = route, target, word or name
        super().__init__(internet, name, **options)
        self.host = self.lab.ns(f"{name}{self.tag}-lan")
        first = route.split("/", maxsplit=1)[0].rsplit(".", 1)[0] + ".1"
        a, b = self.lab.link(self.ns, self.host, a_if="lan0", b_if="lan0")
        bits = route.split("/")[1]
        self.ns.ip(f"addr add {first}/{bits} dev {a}")
        self.host.ip(f"addr add {target}/{bits} dev {b}", f"route add default via {first}")
        self.ns.sysctl("ipv4/ip_forward", 1)
        if serve:
            self.host.spawn([sys.executable, os.path.join(P.HERE, "service.py"), self.word],
                            name="service " + self.word).wait_line("^ready$")
        self.sshd = start_sshd(self.lab, self.host, self.word, target, ssh_key) if ssh_key else None

    def up(self, control, *args, **options):
        """Joins and gets its route approved."""
        p = super().up(control, "--advertise-routes=" + self.route, *args, **options)
        node = control.wait_node(self.name, lambda n: self.route in (n["advertised"] or []), "with its route")
        control.post("routes", node=node["id"])
        return p


def ssh_keypair(lab):
    path = os.path.join(lab.dir, "ssh/client")
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def start_sshd(lab, ns, word, address, key, command=None, port=22):
    """A real sshd whose banner says who it is; its own /run, so that nothing is left in ours."""
    host_key = os.path.join(lab.dir, f"ssh/{word}.host")
    if not os.path.exists(host_key):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host_key], check=True)
    config = lab.file(f"ssh/{word}.conf", "\n".join((
        f"Port {port}", f"ListenAddress {address}", f"HostKey {host_key}", "PidFile none",
        f"VersionAddendum {word}", "UsePAM no", "PermitRootLogin yes", "StrictModes no",
        "PasswordAuthentication no", f"AuthorizedKeysFile {key}.pub",
        *([f"ForceCommand {command}"] if command else []), "")))
    script = f"mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec {L.tool('sshd')} -D -e -f {config}"
    p = ns.spawn(["unshare", "-m", "--propagation", "private", "sh", "-c", script], name="sshd " + word)
    p.wait_line("Server listening on")
    return p


def block_udp(node):
    """No UDP on the node's uplink, either way."""
    node.ns.run(["nft", "add table inet noudp; add chain inet noudp out { type filter hook output priority 0; }; "
                 "add chain inet noudp in { type filter hook input priority 0; }; "
                 "add rule inet noudp out oifname eth0 meta l4proto udp drop; "
                 "add rule inet noudp in iifname eth0 meta l4proto udp drop"], ok=0)
