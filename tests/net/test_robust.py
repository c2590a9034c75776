# SPDX-License-Identifier: MIT
"""Stuck workers, many tailnets, an installed tree: the gateway keeps its temper."""
import contextlib
import os
import signal
import socket
import time

import lab as L
import picture as P
from client import connect, get, socks5
from lab import BUILD, ROOT, check, equal, inside, wait_for
from picture import PRIMARY, TARGET, check_page
from run import deadline, serial
from test_lifecycle import traces, wait_same


def test_started_without_stdio(picture):
    """As a careless script does it: no worker takes a descriptor of its own for standard input, output or errors."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway()
    g.start(wrap=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]).wait_up()
    for program, name in (("tsgw-dns", "-"), ("tsgw-web", "-"), ("tsgw-proxy", t), ("tsgw-wg", t)):
        pid = g.worker(program, name)
        equal([os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)], ["/dev/null"] * 3, f"stdio of {program}")
    equal(picture.dig(f"{TARGET}.{t.name}", "+short").strip(), TARGET, "a name")
    check_page(picture, t)


@deadline(240)
def test_stuck_worker(picture):
    """A worker that does not run (SIGSTOP) is replaced or ended; nobody else waits for it."""
    red, blue = picture.tailnet("red", 11080, ssh=False), picture.tailnet("blue", 11081, ssh=False)
    g = picture.gateway()
    before = traces(picture)
    g.start().wait_up()
    s = connect(picture.mac, PRIMARY, blue.port)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    for program in ("tsgw-proxy", "tsgw-wg"):
        os.kill(g.worker(program, red), signal.SIGSTOP)
        start = time.monotonic()
        equal(g.state(blue), "up", "the other tailnet")
        equal(get(s, "/x"), "this is blue, you asked for /x\n", "the other tailnet")
        g.ctl("down", red.name, ok=0, timeout_s=30)
        check(time.monotonic() - start < 10, f"took {time.monotonic() - start:.1f} s")
        g.ctl("up", red.name, ok=0)
        g.wait_up(red)
        check_page(picture, red)
    os.kill(g.worker("tsgw-dns", "-"), signal.SIGSTOP)
    start = time.monotonic()
    equal(g.stop(), 0, "exit code")
    check(time.monotonic() - start < 10, f"the stop took {time.monotonic() - start:.1f} s")
    wait_same(before, picture, [g], "after the stop")
    s.close()


def test_control_sockets_hold(picture):
    """Clients of the control socket that say nothing, or nonsense, disturb nobody."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    path = os.path.join(g.run_dir, t.name, "control.sock")
    silent = []
    for i in range(64):
        c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        c.settimeout(1)
        with contextlib.suppress(OSError):
            c.connect(path)
            if i % 2:
                c.send(os.urandom(200))
        silent.append(c)
    wait_for(lambda: g.ctl("list", "--json").returncode == 0, "list")
    equal(g.state(t), "up", "state")
    check_page(picture, t)
    for c in silent:
        c.close()
    silent = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(64)]
    for c in silent:
        c.settimeout(1)
        c.connect(path)
    wait_for(lambda: g.ctl("list", "--json").returncode == 0
             and g.list()[t.name]["uptime_s"] is not None, "who says nothing is cut off")
    for c in silent:
        c.close()
    equal(g.state(t), "up", "state")


def test_listener_flood(picture):
    """A thousand connections that say nothing leave room for one that does."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    idle = []
    with inside(picture.mac):
        for _ in range(1000):
            s = socket.socket()
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                s.connect((PRIMARY, t.port))
            idle.append(s)
    check_page(picture, t)
    for s in idle:
        s.close()
    wait_for(lambda: g.list()[t.name]["clients"] == 0, "no client is left")
    check_page(picture, t)


@deadline(240)
def test_forty_tailnets(picture):
    """Forty tailnets at once: all up, /30s and slots of their own, and gone afterwards."""
    picture.crowd(40)
    tailnets = picture.tailnets
    g = picture.gateway()
    before = traces(picture)
    g.start(timeout_s=60)
    wait_for(lambda: all(t["state"] == "up" for t in g.list().values()), "all up", 60)
    pairs = {}
    for t in tailnets:
        out = picture.lab.run(["ip", "-n", t.netns, "-br", "addr", "show", "veth0"], ok=0).stdout
        pairs[t.name] = out.split()[2]
    equal(len(set(pairs.values())), 40, "/30s of their own")
    uids = {p: L.status(p)["Uid"][0] for p in g.workers().values()}
    equal(len(set(uids.values())), len(uids), "a uid for each worker")
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], "after the stop")


@serial  # make(1) may relink what others run
@deadline(240)
def test_installed_tree(picture):
    """`make install` into a directory gives a gateway that runs from there."""
    root = os.path.join(picture.lab.dir, "root")
    out = os.path.relpath(BUILD, ROOT)
    picture.lab.run(["make", "-s", "-C", ROOT, f"O={out}", "install", f"DESTDIR={root}"] +
                    (["SAN=1"] if b"__asan_init" in open(f"{BUILD}/tsgwd", "rb").read() else []),
                    ok=0, timeout_s=200)
    for path in ("usr/sbin/tsgwd", "usr/bin/tsgwctl", "usr/libexec/tsgw/tsgw-wg",
                 "usr/share/man/man8/tsgwd.8", "usr/share/man/man1/tsgwctl.1",
                 "usr/share/man/man5/tsgw.ini.5", "etc/tsgw/tsgw.ini",
                 "usr/lib/systemd/system/tsgw@.service", "usr/lib/systemd/system/tsgw.service"):
        check(os.path.exists(os.path.join(root, path)), f"{path} is installed")
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway()
    installed = [os.path.join(root, "usr/sbin/tsgwd"), *g.command()[1:]]
    g.command = lambda *args: [*installed, *args]
    g.start().wait_up()
    pid = g.worker("tsgw-wg", t)
    equal(os.readlink(f"/proc/{pid}/exe"), os.path.join(root, "usr/libexec/tsgw/tsgw-wg"),
          "the node that runs")
    check_page(picture, t)


def test_front_killed(picture):
    """The front's supervisor dies by SIGKILL: tailnets go on, and a new one takes over its names."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway()
    g.start("--tailnet", t.name)
    owner = g.process
    g.start("--front")
    g.kill()
    check_page(picture, t)
    for pid in [p for (program, _), p in g.workers().items() if program == "tsgw-dns"]:
        check(os.path.exists(f"/proc/{pid}"), "the orphan serves until a new one comes")
    g.start("--front")
    wait_for(lambda: picture.dig(f"{TARGET}.{t.name}", "+short").strip() == TARGET, "names")
    equal(len([1 for program, _ in g.workers() if program == "tsgw-dns"]), 1, "one responder")
    equal(g.stop(), 0, "exit code of the front")
    equal(owner.stop(), 0, "exit code of the tailnet")


def test_orphans_serve_on(picture):
    """While the supervisor is dead its workers go on serving; the next start takes over."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    g.kill()
    equal(get(s, "/on"), "this is red, you asked for /on\n", "an open connection")
    check_page(picture, t)
    s.close()
    g.start().wait_up()
    check_page(picture, t)
    equal(P.wg("show", t.link, "peers"), t.peer.public, "wg show")
