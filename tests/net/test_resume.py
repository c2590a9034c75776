# SPDX-License-Identifier: MIT
"""A supervisor that dies where systemd keeps its descriptors: the next one takes over what runs.

    mac ── demon: tsgwd ╳ tsgwd ── red, blue         the descriptor store is played by the test (picture.Gateway)
              └ tsgw-wg, tsgw-proxy … live on
"""
import contextlib
import os
import random
import shutil
import socket

import test_forward as F
import test_publish as P
from client import Associate, connect, get, socks5
from lab import Failure, check, equal, status, wait_for
from picture import BUILD, GATEWAY_INNER, MAC, PRIMARY, STRANGER, TARGET, check_page
from run import deadline
from test_lifecycle import run_files, traces, wait_same

PROGRAMS = ("tsgwd", "tsgw-wg", "tsgw-proxy", "tsgw-dns", "tsgw-host", "tsgw-web")


def gateway(picture, **options):
    g = picture.gateway(**options)
    g.keeps = True
    return g


def again(g, up=True):
    """SIGKILL, and the start that systemd would make."""
    g.kill()
    g.start(ready=up)
    if up:
        g.wait_up()


def relay(picture, t):
    """A connection through the listener that stays open."""
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 3000), 0, "CONNECT")
    check_relay(s)
    return s


def check_relay(s):
    check("you asked for /x" in str(get(s, "/x")), "the relay answers")


def pids(g, *tailnets):
    names = {t.name for t in tailnets}
    return {k: p for k, p in g.workers().items()
            if (not names or k[1] in names) and k[0] != "tsgw-web"}  # the page starts anew


def lasting(g):
    """Those that the next supervisor takes over; the page is started anew."""
    return {k: p for k, p in pids(g).items() if k[0] != "tsgw-web"}


def stored(g, t):
    return [n for n, _ in g.stored if n.startswith(t.name + "/")]


def check_dns(picture, t):
    """A port that the worker before had may be free only a moment later."""
    wait_for(lambda: picture.dig(f"{TARGET}.{t.name}", "+short", server=PRIMARY).strip() == TARGET, "DNS")


def handshakes(picture, g, t):
    link = g.list()[t.name]["link"]
    return picture.lab.run(["wg", "show", link, "latest-handshakes"], ok=0).stdout


def test_sigkill_keeps_everything(picture):
    """Relays, UDP associations, sessions of forward and publish, handshakes, DNS: all go on, three times."""
    red = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    red.keys = [f"forward = 7007/udp -> {TARGET}:7007", f"forward = 3001 -> {TARGET}:3000",
                "publish = 8080 -> 127.0.0.1:3000", "publish = 9009/udp -> 127.0.0.1:9009"]
    P.start_web(picture.demon)
    F.start_echo(red.peer.ns, TARGET, 7007)
    F.start_echo(picture.demon, "127.0.0.1", 9009)
    g = gateway(picture)
    before = traces(picture)
    g.start().wait_up()
    s, u = relay(picture, red), F.udp(picture.mac, PRIMARY, 7007)
    p, pu = connect(red.peer.ns, GATEWAY_INNER, 8080), F.udp(red.peer.ns, GATEWAY_INNER, 9009)
    a = Associate(picture.mac, PRIMARY, red.port)
    F.ask(u, b"one")
    F.ask(pu, b"one")
    workers, shaken = lasting(g), handshakes(picture, g, red)
    equal(len(workers), 4, f"workers {workers}")
    for i in range(3):
        again(g)
        equal(lasting(g), workers, "the same processes")
        check_relay(s)
        get(p, "/x")
        F.ask(u, b"more %d" % i, tries=1)
        F.ask(pu, b"more %d" % i, tries=1)
        equal(a.ask(TARGET, 7007, b"you"), b"echo you", "the association")
        equal(handshakes(picture, g, red), shaken, "no new handshake")
        check_page(picture, red)
        check_dns(picture, red)
        with connect(picture.mac, PRIMARY, 3001) as c:
            check_relay(c)
    for c in (s, u, p, pu, a):
        c.close()
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], "after a stop")
    equal(run_files(g), [], "files")
    equal(g.list()[red.name]["state"] if g.process.alive() else "down", "down", "state")


def test_counters_and_workers_after_it(picture):
    """A worker that was taken over is watched and started again like any other, and its counters go on."""
    red = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    g = gateway(picture).start()
    g.wait_up()
    check_page(picture, red)
    sent = g.list()[red.name]["tx_bytes"]
    again(g)
    check(g.list()[red.name]["tx_bytes"] >= sent > 0, "counters go on")
    for program in ("tsgw-wg", "tsgw-proxy"):
        pid = g.worker(program, red)
        os.kill(pid, 9)
        wait_for(lambda p=program, old=pid: pids(g).get((p, red.name), old) != old, f"another {program}")
        g.wait_up()
        check_page(picture, red)
    again(g)
    check_page(picture, red)
    equal(g.ctl("down", red.name).returncode, 0, "down")
    wait_for(lambda: not stored(g, red), lambda: f"nothing is stored: {stored(g, red)}")
    g.ctl("up", red.name, ok=0)
    again(g)
    check_page(picture, red)
    equal(g.stop(), 0, "exit code")


def test_configuration_changed_meanwhile(picture):
    """What the INI and the wg file say at the next start is what holds; connections of the unchanged go on."""
    red = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    blue = picture.tailnet("blue", 11081, engine="tsgw-wg", ssh=False)
    red.keys = [f"forward = 3001 -> {TARGET}:3000", f"forward = 3002 -> {TARGET}:3000"]
    g = gateway(picture)
    before = traces(picture)
    g.start().wait_up()
    s, untouched = relay(picture, red), pids(g, red, blue)
    g.kill()
    red.port, red.keys = 11090, [f"forward = 3002 -> {TARGET}:22", f"forward = 3003 -> {TARGET}:3000",
                                 "mtu = 1300", "idle-timeout = 1h"]
    red.wg_text = red.wg_quick().replace("AllowedIPs = ", "AllowedIPs = 10.55.0.0/16, ") \
        .replace("Address = ", "Address = 10.77.0.9/32, ")
    g.write_config()
    g.start()
    g.wait_up()
    equal(pids(g, red, blue), untouched, "the same processes")
    check_relay(s)
    check_page(picture, red)
    check_page(picture, blue)
    for port in (11080, 3001):
        check(F.is_refused(picture, port), f"nobody listens on {port}")
    with connect(picture.mac, PRIMARY, 3003) as c:
        check_relay(c)
    ns = ["ip", "-n", "tsgw-" + red.name]
    shown = picture.lab.run([*ns, "addr", "show", "wg0"], ok=0).stdout
    check("10.77.0.9" in shown and "mtu 1300" in shown, shown)
    check("10.55.0.0/16" in picture.lab.run([*ns, "route"], ok=0).stdout, "the new route")
    g.kill()
    red.wg_text, red.keys = None, []
    g.write_config()
    g.start()
    g.wait_up()
    check_relay(s)
    shown = picture.lab.run([*ns, "addr", "show", "wg0"], ok=0).stdout
    check("10.77.0.9" not in shown and "mtu 1420" in shown, shown)
    check("10.55.0.0/16" not in picture.lab.run([*ns, "route"], ok=0).stdout, "the route is gone")
    s.close()
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], "after a stop")


def test_tailnet_removed_meanwhile(picture):
    """A tailnet that is not in the INI any more, or not enabled: all of it goes, the other goes on."""
    red = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    blue = picture.tailnet("blue", 11081, engine="tsgw-wg", ssh=False)
    green = picture.tailnet("green", 11082, engine="tsgw-wg", ssh=False)
    g = gateway(picture).start()
    g.wait_up()
    s = relay(picture, blue)
    g.kill()
    g.tailnets = [blue, green]
    green.keys = ["enabled = no"]
    g.write_config()
    g.start()
    g.wait_up(blue)
    check_relay(s)
    for t in (red, green):
        wait_for(lambda t=t: not pids(g, t) and not os.path.exists("/run/netns/tsgw-" + t.name), "it is gone")
        wait_for(lambda t=t: not stored(g, t), lambda t=t: f"nothing is stored: {stored(g, t)}")
    equal(g.stop(), 0, "exit code")


@deadline(300)
def test_store_that_lost_or_mixed_things(picture):
    """Whatever the store gives back, a start works and nothing stays: missing, exchanged, foreign, doubled."""
    red = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    red.keys = [f"forward = 3001 -> {TARGET}:3000", "publish = 8080 -> 127.0.0.1:3000"]
    g = gateway(picture)
    before = traces(picture)
    g.start().wait_up()
    names = sorted(n for n, _ in g.stored)
    check(len(names) >= 15, f"stored: {names}")
    random.seed(8)

    def ruin(i):
        keep = list(g.stored)
        if i < len(names):                       # one is missing
            keep = [e for e in keep if e[0] != names[i]]
        elif i == len(names):                    # every descriptor under another's name
            fds = [fd for _, fd in keep]
            keep = [(n, fd) for (n, _), fd in zip(keep, fds[1:] + fds[:1])]
        elif i == len(names) + 1:                # all of them are pipes
            keep = [(n, os.pipe()[0]) for n, _ in keep]
        elif i == len(names) + 2:                # all twice
            keep += [(n, os.dup(fd)) for n, fd in keep]
        elif i == len(names) + 3:                # names that nobody gave
            keep += [(n, os.open("/dev/null", os.O_RDONLY)) for n in
                     ("stored", "/", "a/", "/b", red.name, red.name + "/nonsense", "../../x/y", "x" * 250 + "/a",
                      "-/dns.udp/", red.name + "/listen/", red.name + "/forward/tcp/net/")]
        elif i == len(names) + 4:                # sockets of others at our listeners' names
            keep = [(n, socket.socket().detach() if "/listen/" in n or "/veth" in n else fd) for n, fd in keep]
        else:
            keep = []
        g.store_only(keep)

    for i in range(len(names) + 6):
        g.kill()
        ruin(i)
        g.start()
        g.wait_up(timeout_s=60)
        check_page(picture, red)
        check_dns(picture, red)
        found = [p for p in g.lab.mine() if 0 <= status(p)["Uid"][0] - g.uid_base < 0x10000]
        equal(sorted(found), sorted(g.workers().values()), f"round {i}: processes are the live workers")
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], "after a stop")


def build_of(lab, g, word):
    """Programs that do the same and are of another build."""
    g.programs = os.path.join(lab.dir, "programs")
    os.makedirs(g.programs, exist_ok=True)
    for name in PROGRAMS:
        path = os.path.join(g.programs, name)
        shutil.copy2(os.path.join(BUILD, name), path + ".new")
        with open(path + ".new", "ab") as f:
            f.write(word)
        os.rename(path + ".new", path)


def test_another_build(picture):
    """An upgrade: old relays stay with the old worker until they end, the new one takes new clients."""
    red = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    red.keys = ["publish = 8080 -> 127.0.0.1:3000"]
    P.start_web(picture.demon)
    g = gateway(picture)
    before = traces(picture)
    build_of(picture.lab, g, b"one")
    g.start().wait_up()
    s, p = relay(picture, red), connect(red.peer.ns, GATEWAY_INNER, 8080)
    get(p, "/x")
    old = pids(g, red)
    build_of(picture.lab, g, b"two")
    again(g)
    new = pids(g, red)
    for program in ("tsgw-wg", "tsgw-proxy", "tsgw-host"):
        check(new[program, red.name] != old[program, red.name], f"another {program}")
    check(os.path.exists(f"/proc/{old['tsgw-proxy', red.name]}"), "the old proxy lives")
    check_relay(s)
    get(p, "/x")
    check_page(picture, red)
    again(g)  # the same build now; the drained one is still known
    check_relay(s)
    get(p, "/x")
    equal(pids(g, red)["tsgw-wg", red.name], new["tsgw-wg", red.name], "the node of the same build stays")
    s.close()
    p.close()
    for program in ("tsgw-proxy", "tsgw-host"):
        wait_for(lambda pid=old[program, red.name]: not os.path.exists(f"/proc/{pid}"), "the old one has ended")
    held = relay(picture, red)
    build_of(picture.lab, g, b"three")
    again(g)
    check_relay(held)
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], "a stop ends those of earlier builds, too")
    with contextlib.suppress(OSError, Failure):
        check(not held.recv(1), "the connection ends with them")


def test_another_build_narrower(picture):
    """Who may no longer come in is cut off also where an earlier build serves him; a wider `allow` cuts nobody."""
    red = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    red.keys = [f"allow = {MAC}/32, {STRANGER}/32"]
    g = gateway(picture)
    build_of(picture.lab, g, b"one")
    g.start().wait_up()
    held, old = relay(picture, red), pids(g, red)["tsgw-proxy", red.name]
    build_of(picture.lab, g, b"two")
    again(g)
    red.keys = ["allow = 100.64.0.0/10, 192.0.2.0/24"]
    g.write_config()
    g.ctl("reload", ok=0)
    check_relay(held)
    late = relay(picture, red)
    red.keys = [f"allow = {MAC}/32"]
    g.write_config()
    g.ctl("reload", ok=0)
    g.process.wait_line(f"process {old} of an earlier build is ended with its connections: allow is narrower")
    wait_for(lambda: not os.path.exists(f"/proc/{old}"), "it has ended")
    with contextlib.suppress(ConnectionResetError):
        equal(held.recv(1), b"", "its connection")
    check_relay(late)
    equal(g.stop(), 0, "exit code")


@deadline(300)
def test_killed_at_random(picture):
    """SIGKILL of the supervisor at any moment of taking over, thirty times: works, nothing stray."""
    red = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    g = gateway(picture, args=["--log-level", "debug"])
    before = traces(picture)
    g.start().wait_up()
    s = relay(picture, red)
    for i in range(30):
        g.kill()
        g.start(ready=False)
        with contextlib.suppress(Failure):
            wait_for(lambda n=i: len(g.process.lines) > n % 10, "lines", timeout_s=0.004 * i)
    again(g)
    check_relay(s)
    check_page(picture, red)
    found = [p for p in g.lab.mine() if 0 <= status(p)["Uid"][0] - g.uid_base < 0x10000]
    equal(sorted(found), sorted(g.workers().values()), "processes are the live workers")
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], "after a stop")
