# SPDX-License-Identifier: MIT
"""Never a leak: talk inside the tailnet goes into its tunnel or nowhere, in every state and between them.

    demon (forwards, has a default route to mac: whatever leaks gets away, and is seen)
      ├── namespace of red:  a generator that never stops
      └── peer
"""
import os
import random
import socket
import threading

from client import connect, socks5
from lab import BUILD, check, equal, kill_all, wait_for
from leaks import watched
from picture import MAC, PRIMARY, TARGET, check_page, page
from run import deadline

TRANSITIONS = int(os.environ.get("LEAK_TRANSITIONS", "1000"))


def leaky_host(picture):
    """A host that would let everything out."""
    demon = picture.demon
    demon.sysctl("ipv4/ip_forward", 1)
    demon.sysctl("ipv6/conf/all/forwarding", 1)
    demon.ip(f"route add default via {MAC} dev home0 onlink", "addr add fd99::1/64 dev home0 nodad",
             "route add default via fd99::2 dev home0")
    return demon


class Clients:
    """Ask for the tailnet's addresses and names all the time, whatever becomes of it."""

    def __init__(self, picture, tailnet, threads=2):
        self.stop, self.codes = threading.Event(), {}
        self.threads = [threading.Thread(target=self._run, args=(picture, tailnet, i))
                        for i in range(threads)]
        for t in self.threads:
            t.start()

    def _run(self, picture, tailnet, seed):
        rng = random.Random(seed)
        while not self.stop.is_set():
            host = rng.choice((TARGET, f"{TARGET}.{tailnet.name}", "fd77:100::141", "never.outside",
                               f"unknown.{tailnet.name}"))
            try:
                with connect(picture.mac, PRIMARY, tailnet.port) as s:
                    code = socks5(s, host, 3000)
            except Exception as e:  # no listener just now, or it went in the middle
                code = type(e).__name__
            self.codes[code] = self.codes.get(code, 0) + 1

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join()


@deadline(1200)
def test_no_leak_over_transitions(picture):
    """Up, down, reload, restart and killed workers, while a generator and clients never stop."""
    t = picture.tailnet("red", 11080, ssh=False, ipv6=True)
    g = picture.gateway().start()
    g.wait_up()
    rng = random.Random(1)
    with watched(leaky_host(picture), t.pin) as (generator,):
        clients = Clients(picture, t)
        try:
            for i in range(TRANSITIONS):
                what = ("down", "up", "reload", "restart")[i % 4]
                if what == "reload":
                    t.keys = [f"connect-timeout = {rng.randrange(5, 50)} s",
                              f"mtu = {rng.choice((1280, 1420))}"]
                    g.write_config()
                g.ctl(*(("reload",) if what == "reload" else (what, t.name)), ok=0)
                if i % 10 == 9:
                    for program in ("tsgw-wg", "tsgw-proxy"):
                        pid = g.workers().get((program, t.name))
                        if pid and rng.random() < 0.5:
                            kill_all([pid])
            g.ctl("up", t.name, ok=0)
            g.wait_up(t)
            wait_for(lambda: page(picture, t).startswith("this is red"), "it works in the end")
        finally:
            clients.end()
    print(f"# {TRANSITIONS} transitions, {generator.sent} packets of the generator, clients: "
          + ", ".join(f"{k}: {n}" for k, n in sorted(clients.codes.items(), key=str)))
    check(generator.sent > TRANSITIONS and clients.codes.get(0), f"somebody talked: {clients.codes}")


@deadline(300)
def test_no_leak_when_things_die(picture):
    """The node, the proxy, the peer or the supervisor is gone: nothing takes another way."""
    t = picture.tailnet("red", 11080, ssh=False, ipv6=True)
    g = picture.gateway().start()
    g.wait_up()
    with watched(leaky_host(picture), t.pin) as (generator,):
        clients = Clients(picture, t)
        try:
            def some(what):
                rounds, before = generator.rounds, sum(clients.codes.values())
                wait_for(lambda: generator.rounds > rounds + 20 and sum(clients.codes.values())
                         > before + 5, f"talk while {what}", 60)
            some("all is well")
            g.kill()
            some("the supervisor is dead")
            check_page(picture, t)  # its workers go on
            kill_all([g.worker("tsgw-wg", t)])
            some("supervisor and node are dead")
            g.start().wait_up()
            t.peer.process.stop()
            some("the peer is dead")
            t.peer.ns.ip(f"link set {'eth0'} down")
            some("the way to the peer is dead")
            picture.lab.run(["ip", "-n", t.netns, "link", "del", "wg0"], ok=0)
            some("the TUN is gone")
        finally:
            clients.end()
    equal(g.stop(), 0, "exit code")


class HostResolvers:
    """The sockets of the host's nscd and systemd-resolved, as who is run by WRAP finds them; notes who asks what."""

    def __init__(self, lab):
        run, self.asked = os.path.join(lab.dir, "hostrun"), []
        for path in ("nscd/socket", "systemd/resolve/io.systemd.Resolve", "systemd/resolve/io.systemd.Resolve.Monitor"):
            full = os.path.join(run, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            s = socket.socket(socket.AF_UNIX)
            s.bind(full)
            os.chmod(full, 0o777)
            s.listen(64)
            threading.Thread(target=self._count, args=(s, path), daemon=True).start()
        os.chmod(lab.dir, 0o755)
        self.wrap = ["unshare", "-m", "sh", "-ec",
                     f"for d in netns wireguard; do mkdir -p {run}/$d /run/$d; mount --rbind /run/$d {run}/$d; done; "
                     f'mount --rbind {run} /run; exec "$@"', "sh"]

    def _count(self, s, path):
        while True:
            conn, _ = s.accept()
            with conn:
                conn.settimeout(5)
                asked = conn.recv(1000)
            if path != "nscd/socket" or asked[12:].rstrip(b"\0") not in (b"group", b"passwd", b"tsgw"):
                self.asked.append((path, asked))  # else: the group of the control socket


@deadline(300)
def test_host_resolvers_are_not_asked(picture):
    """Neither nscd nor systemd-resolved of the host hear of a tailnet's names, not even from `tsgwctl exec`."""
    r = HostResolvers(picture.lab)
    picture.demon.run([*r.wrap, "getent", "hosts", "host.outside"])
    wait_for(lambda: b"host.outside" in b"".join(a for _, a in r.asked), "the host's own look-ups come here")
    t = picture.tailnet("red", 11080, ssh=False)
    t.dns = TARGET
    g = picture.gateway().start(wrap=r.wrap)
    g.wait_up()
    clients = Clients(picture, t)
    try:
        for what in ("reload", "restart", "down", "up") * 3:
            g.ctl(*(("reload",) if what == "reload" else (what, t.name)), ok=0)
            before = sum(clients.codes.values())
            wait_for(lambda b=before: sum(clients.codes.values()) > b + 4, "some talk")
            picture.dig(f"unknown.{t.name}")
    finally:
        clients.end()
    by_others = [a for a in r.asked if b"host.outside" in a[1] or b"hosts" in a[1]]
    where = ["--run-dir", g.run_dir, "--config", g.config]
    for command in (["getent", "hosts", "never.outside"], ["getent", "ahosts", f"unknown.{t.name}"]):
        picture.demon.run([*r.wrap, os.path.join(BUILD, "tsgwctl"), *where, "exec", t.name, "--", *command],
                          timeout_s=60)
    equal(g.stop(), 0, "exit code")
    equal([a for a in r.asked if a not in by_others], [], "who was asked")
