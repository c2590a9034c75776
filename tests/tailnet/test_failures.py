# SPDX-License-Identifier: MIT
"""What goes wrong with tailnets, and what the gateway says and does: a scenario each.

    demon: tsgwd on 127.0.0.1 ── internet: control, DERP, STUN ── gpu1 ── 10.100.0.0/16, host 10.100.10.141
"""
import os
import re
import shutil
import time

from lab import BUILD, PATIENCE_S, check, equal, kill_all, wait_for
from run import deadline
from tailnet import Internet, Node, Router, block_udp, programs
from test_causes import BACK_S, TRIES
from test_engine import tailscaled_pid
from test_failing import in_mounts, replace_mount
from uplinks import pasta_of
from world import TARGET, Host, Joined, Tailnet

PORT = 11080


class Small:
    """One tailnet with a subnet router, and a gateway for it."""

    def __init__(self, lab, router=True, **options):
        self.lab, self.net = lab, Internet(lab)
        self.control = self.net.control(**options)
        self.control.settings(auto_routes=True)
        self.gpu = None
        if router:
            self.gpu = Router(self.net, "gpu1", "fgpu",
                              env={"SSL_CERT_FILE": self.control.ca} if options.get("tls") else None)
            self.gpu.up(self.control)
        self.host = Host(self.net)
        self.g = self.t = None

    def start(self, up=True, **values):
        self.t = Joined(Tailnet(self.control, "fgpu"), PORT, hostname="demon", **values)
        self.g = self.host.gateway([self.t]).start()
        if up:
            self.g.wait_up()
        return self

    def page(self):
        p = self.host.demon.run(["curl", "-sS", "--max-time", "10", "--socks5-hostname", f"127.0.0.1:{PORT}",
                                 f"http://{TARGET}:3000/"])
        return p.stdout

    def check_page(self, timeout_s=60):
        wait_for(lambda: self.page() == "this is fgpu, you asked for /\n", "the page behind gpu1", timeout_s)

    def row(self):
        return self.g.list()[self.t.name]

    def wait(self, state, word="", timeout_s=PATIENCE_S):
        """Waits for STATE with WORD in the reason."""
        def seen():
            r = self.row()
            return r["state"] == state and word.lower() in r["reason"].lower()
        wait_for(seen, lambda: f"{state} because of {word!r}: {self.row()}", timeout_s)

    def key_is(self, key):
        with open(self.t.values["auth-key-file"], "w", encoding="ascii") as f:
            f.write(key + "\n")
        self.g.ctl("reload", ok=0)

    def watch(self):
        """`tsgwctl events`, once it listens: what is so already is no event."""
        p = self.host.demon.spawn([os.path.join(BUILD, "tsgwctl"), "--run-dir", self.g.run_dir, "--config",
                                   self.g.config, "events"], name="tsgwctl events")
        wait_for(lambda: (self.g.ctl("down", self.t.name), self.g.ctl("up", self.t.name),
                          "  state  " in p.log())[-1], "that it listens")
        self.g.wait_up()
        return p

    def me(self):
        return self.control.node("demon")

    def dig(self):
        return self.host.demon.run(["dig", "@127.0.0.1", "+time=3", "+tries=1", f"{TARGET}.{self.t.name}"]).stdout

    def resolv_conf(self):
        with open("/etc/resolv.conf", "rb") as f:
            return f.read()


@deadline(180)
def test_without_udp(lab):
    """UDP is blocked: everything goes by the relay; it stops and comes back, and so does the page."""
    s = Small(lab)
    block_udp(s.gpu)
    s.start()
    s.check_page()
    s.control.post("derp", running=False)
    wait_for(lambda: s.page() == "", "silence without a relay", 40)
    s.control.post("derp", running=True)
    s.check_page(90)


@deadline(240)
def test_control_gone_and_back(lab):
    """The control server dies: sessions go on, new ones begin; it comes back, and news from it arrives.

    (tailscaled itself speaks of it after eight minutes.)"""
    s = Small(lab).start()
    s.check_page()
    s.control.running(False)
    s.check_page()
    wait_for(lambda: not s.me()["online"], "the server to have lost it")
    s.check_page()
    s.control.running(True)
    s.control.wait_node("demon", timeout_s=90)
    s.control.post("routes", node=s.control.node("gpu1")["id"], routes=[])
    wait_for(lambda: s.page() == "", "the route to be gone, by the server that is back", 60)


@deadline(120)
def test_private_ca(lab):
    """A Headscale behind a private CA: `login-ca-file` makes it good, without it the reason names the certificate."""
    s = Small(lab, tls=True, headscale=True)
    s.start(up=False)
    s.wait("failed", "certificate", 40)
    s.g.stop()
    s.start(login_ca_file=s.control.ca)
    s.check_page()


@deadline(120)
def test_bad_keys(lab):
    """A key that is used up or expired: needs-login with the server's words; a good one heals it by reload."""
    s = Small(lab, router=False)
    once = s.control.key(reusable=False)
    Node(s.net, "thief").up(s.control, key=once)
    s.start(up=False, key=once)
    wait_for(lambda: "already used" in s.row()["reason"], lambda: f"the server's words: {s.row()}", 40)
    before = len(s.control.asked())
    check(before < 12, f"it hammers the server: {before} registrations")
    s.key_is(s.control.key())
    s.wait("up", timeout_s=60)


@deadline(180)
def test_name_taken_and_state_lost(lab):
    """Another has the host name: joined under a numbered one; the state directory is lost: a key joins it again."""
    s = Small(lab)
    Node(s.net, "demon", ns=lab.ns("other-demon"), userspace=True).up(s.control)
    s.start()
    wait_for(lambda: s.control.node("demon-1"), "the numbered name")
    s.check_page()
    s.g.stop()
    shutil.rmtree(os.path.join(s.g.state_dir, s.t.name))
    s.g.start()
    s.g.wait_up()
    wait_for(lambda: s.control.node("demon-2"), "a new node")
    s.check_page()


@deadline(120)
def test_key_file_gone(lab):
    """auth-key-file is not there: nothing while the node is registered, else an error of `tsgwd --check`, too."""
    s = Small(lab, router=False).start()
    os.unlink(s.t.values["auth-key-file"])
    s.g.stop()
    equal(s.g.run("--check").returncode, 0, "it is registered")
    s.g.start()
    s.g.wait_up()
    s.g.stop()
    shutil.rmtree(os.path.join(s.g.state_dir, s.t.name))
    p = s.g.run("--check")
    check(p.returncode == 2 and re.search(rf"\.ini:\d+: \[tailnet {s.t.name}\] auth-key-file: .*no such file", p.stderr),
          f"{p.returncode}: {p.stderr}")
    s.g.start()
    s.wait("failed", "not registered")


@deadline(180)
def test_expiry_in_mid_life(lab):
    """The node's key expires: by itself it gets a new one, twice, with the same address; a bad auth key leaves it
    needing a login; a good one, for one use, heals it by reload."""
    s = Small(lab).start()
    address = s.me()["addresses"]
    for _ in range(2):
        key = s.me()["key"]
        s.control.post("expire", node=s.me()["id"])
        wait_for(lambda k=key: s.me()["key"] != k and not s.me()["expired"], "a new key by itself", 60)
        s.wait("up", timeout_s=60)
    s.check_page()
    s.key_is(s.control.key(expired=True))
    s.control.post("expire", node=s.me()["id"])
    s.wait("needs-login", "log in at", timeout_s=40)
    equal(s.page(), "", "nothing goes through")
    s.key_is(s.control.key(reusable=False))
    s.wait("up", timeout_s=60)
    equal(s.me()["addresses"], address, "the same address")
    s.check_page()
    equal(s.row()["reason"], "", "reason")


@deadline(240)
def test_events(lab):
    """What `tsgwctl events` tells: the key's end, nodes that come and go, and the way to them."""
    s = Small(lab)
    block_udp(s.gpu)
    s.start()
    events = s.watch()
    wait_for(lambda: (s.page(), "peer gpu1 is reached by relay" in events.log())[1], "the relay", 40)
    s.gpu.ns.run(["nft", "delete table inet noudp"], ok=0)
    wait_for(lambda: (s.page(), "peer gpu1 is reached directly at " in events.log())[1], "the direct way", 60)
    gpu2 = Node(s.net, "gpu2", userspace=True)
    gpu2.up(s.control)
    events.wait_line(rf"{s.t.name}  peer      gpu2: peer gpu2 is (new, and )?up", 40)
    gpu2.stop()
    events.wait_line(rf"{s.t.name}  peer      gpu2: peer gpu2 is down", 40)
    s.control.post("delete", node=s.control.node("gpu2")["id"])
    events.wait_line(rf"{s.t.name}  peer      gpu2: peer gpu2 is no longer in the tailnet", 40)
    s.control.post("expire", node=s.me()["id"], in_s=3600)
    events.wait_line(rf"{s.t.name}  expiry    the node's key expires at \d{{4}}-", 40)
    s.key_is(s.control.key(expired=True))
    s.control.post("expire", node=s.me()["id"])
    events.wait_line(rf"{s.t.name}  expiry    the node's key has expired", 40)
    s.key_is(s.control.key())
    events.wait_line(rf"{s.t.name}  expiry    the node's key is renewed", 60)
    events.forgiven = True
    events.stop()


@deadline(180)
def test_approval_and_login(lab):
    """No key at all: needs-login with the URL; then the administrator's approval; then up."""
    s = Small(lab)
    s.control.settings(approval=True)
    before = s.resolv_conf()
    s.start(up=False, key="")
    s.wait("needs-login", timeout_s=40)
    check("status: SERVFAIL" in s.dig(), f"the DNS responder does not know yet: {s.dig()}")
    url = wait_for(lambda: (s.control.get("logins") or [{}])[-1].get("url"), "a URL to log in at")
    check(url in s.g.ctl("status", s.t.name, ok=0).stdout, "the URL in status")
    s.control.post("login", url=url)
    s.wait("needs-approval", timeout_s=40)
    s.control.post("approve", node=s.me()["id"])
    s.wait("up", timeout_s=40)
    s.check_page()
    wait_for(lambda: "status: NOERROR" in s.dig(), s.dig)
    equal(s.resolv_conf(), before, "the host's resolv.conf")


@deadline(180)
def test_logout_and_login(lab):
    """The stock CLI logs it out: needs-login, and it stays out; `tsgwctl login` brings it back with the key."""
    s = Small(lab).start()
    s.g.ctl("logout", s.t.name, ok=0)
    s.wait("needs-login", timeout_s=40)
    wait_for(lambda: s.me()["expired"], "the administrator sees it gone")
    s.g.ctl("login", s.t.name, ok=0)
    s.wait("up", timeout_s=60)
    s.check_page()


@deadline(180)
def test_accept_dns_stays_inside(lab):
    """Somebody turns accept-dns on by the stock CLI: the host's resolv.conf stays as it is."""
    s = Small(lab, router=False).start()
    before, inode = s.resolv_conf(), os.stat("/etc/resolv.conf").st_ino
    cli = Node.cli.__get__(Control(s), Node)
    cli("set", "--accept-dns=true", ok=0)
    s.control.settings(dns={"Proxied": True, "Domains": ["tail.example"], "Resolvers": [{"Addr": "100.64.9.9"}]})
    wait_for(lambda: "100.64.9.9" in cli("dns", "status", "--all", ok=None).stdout or "MagicDNS" in
             cli("dns", "status", ok=None).stdout, "the resolver arrived")
    equal((s.resolv_conf(), os.stat("/etc/resolv.conf").st_ino), (before, inode), "the host's resolv.conf")


class Control:
    """Our node's own socket, for the stock CLI."""

    def __init__(self, small):
        self.ns = small.host.demon
        self.socket = f"{small.g.run_dir}/{small.t.name}/tailscaled.sock"


@deadline(240)
def test_killed_for_long(lab):
    """The kernel kills pasta, then tailscaled, each time that it starts, as for want of memory: pauses do not grow to
    half a minute meanwhile, the log does not fill, and it is back at once when that ends."""
    s = Small(lab)
    s.t = t = Joined(Tailnet(s.control, "fgpu"), PORT, hostname="demon")
    s.g = g = s.host.gateway([t], args=["--log-level", "debug"])
    g.start(wrap=replace_mount("true")).wait_up()
    killer = lab.file("killer", '#!/bin/sh\n[ "$1" = --version ] && echo 1.80.0 && exit\nkill -9 $$\n', 0o755)
    for name, path, runs in (("pasta", shutil.which("pasta"), lambda: pasta_of(t)),
                             ("tailscaled", programs()["tailscaled"], lambda: tailscaled_pid(g, t))):
        line = f"{name}: died of signal 9"
        path = os.path.realpath(path)
        in_mounts(g, "mount", "--bind", killer, path)
        kill_all([runs()])
        wait_for(lambda: g.process.log().count(line) >= TRIES, lambda: f"{TRIES} × {line}:\n{g.process.log()}", 60)
        in_mounts(g, "umount", path)
        start, lines = time.monotonic(), g.process.log().count(line)
        wait_for(runs, f"{name} runs", BACK_S)
        print(f"# {name}: back after {time.monotonic() - start:.2f} s, {lines} times killed")
        g.wait_up(timeout_s=60)
        s.check_page()
    equal(g.stop(), 0, "exit code")
