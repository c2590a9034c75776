# SPDX-License-Identifier: MIT
"""What does not survive a restart, as tsgwd(8) lists it: that it is lost, how it is lost, and what comes back.

SHOWN says which test shows each entry of that list.
"""
import contextlib
import os
import re
import socket
import time

import test_forward as F
from client import connect, get
from lab import BUILD, ROOT, check, equal, inside, wait_for
from picture import GATEWAY_INNER, PRIMARY, TARGET, check_page, wg
from test_resume import again, build_of, gateway, handshakes, pids, relay
from test_uplink import macvlan_picture, veth_picture

PAGE = 11079
# how an entry of the list begins -> what shows it
SHOWN = {
    "the WireGuard session when the program": ["tests/net/test_lost.py::another_program"],
    "UDP sessions of forward and publish when": ["tests/net/test_lost.py::another_program"],
    "requests to the page, which is away": ["tests/net/test_lost.py::the_same_program"],
    "the column UP of tsgwctl 1": ["tests/net/test_lost.py::the_same_program", "tests/net/test_lost.py::commands"],
    "what wg set has changed": ["tests/net/test_lost.py::the_same_program"],
    "a tailnet with uplink other than host": [
        "tests/net/test_lost.py::uplink_of_its_own", "tests/net/test_lost.py::macvlan",
        "tests/tailnet/test_engine.py::advertised_routes_after_a_restart", "tests/system/test_tailnet.py::stock_node"],
    "everything of a tailnet of which anything": ["tests/net/test_resume.py::store_that_lost_or_mixed_things"],
    "anything at all without systemd": ["tests/net/test_lost.py::nobody_keeps_descriptors",
                                        "tests/system/test_resume.py::ends_that_leave_nothing"],
}
BACK_S = 20


def test_the_manuals_list():
    """Each entry is shown by tests that are there, and nothing is shown that is not listed."""
    with open(os.path.join(ROOT, "man/tsgwd.8"), encoding="utf-8") as f:
        part = re.search(r"^What does not survive:\n\.Bl .*?\n(.*?)^\.El", f.read(), re.M | re.S)
    entries = []
    for item in re.split(r"^\.It\n", part.group(1), flags=re.M)[1:]:
        lines = [re.sub(r"^\.[A-Z][a-z] ?|[ ,]+$", "", line) for line in item.splitlines()]
        entries.append(" ".join(lines))
    for entry in entries:
        check(sum(entry.startswith(b) for b in SHOWN) == 1, f"nothing shows, or more than one: {entry}")
    for begin, tests in SHOWN.items():
        check(any(entry.startswith(begin) for entry in entries), f"not in the list: {begin}")
        for test in tests:
            path, name = test.split("::")
            with open(os.path.join(ROOT, path), encoding="utf-8") as f:
                check(f"\ndef test_{name}(" in f.read(), f"no such test: {test}")


def receiver(ns, address, port):
    with inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    s.settimeout(1)
    return s


def reaches(client, server, text):
    """Datagrams may be lost: until one arrives. Gives from where it came."""
    def once():
        with contextlib.suppress(TimeoutError, ConnectionRefusedError):
            client.send(text)
            got, source = server.recvfrom(1000)
            return source if got == text else None
        return None
    return wait_for(once, f"{text} arrives")


def spawn_wait(picture, g, t, state):
    return picture.demon.spawn([os.path.join(BUILD, "tsgwctl"), "--run-dir", g.run_dir, "--config", g.config, "wait",
                                t.name, f"--for={state}", "--timeout=600"], name="tsgwctl wait")


def waiting(process):
    """It speaks to somebody."""
    with contextlib.suppress(OSError):
        return any(os.readlink(f"/proc/{process.pid}/fd/{fd}").startswith("socket:")
                   for fd in os.listdir(f"/proc/{process.pid}/fd"))
    return False


def test_another_program(picture):
    """After an upgrade to other programs: the node shakes hands again, and TCP goes on; a UDP session of forward and of
    publish is another one, to which answers to the old do not belong."""
    red = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    red.keys = [f"forward = 7007/udp -> {TARGET}:7007", "publish = 9009/udp -> 127.0.0.1:9009"]
    g = gateway(picture)
    build_of(picture.lab, g, b"one")
    g.start().wait_up()
    there, here = receiver(red.peer.ns, TARGET, 7007), receiver(picture.demon, "127.0.0.1", 9009)
    out, back = F.udp(picture.mac, PRIMARY, 7007), F.udp(red.peer.ns, GATEWAY_INNER, 9009)
    held, shaken, old = relay(picture, red), handshakes(picture, g, red), pids(g, red)
    before = [(c, s, reaches(c, s, b"before")) for c, s in ((out, there), (back, here))]
    wait_for(lambda: time.time() > int(shaken.split()[-1]) + 1, "a handshake of now would be another one")
    build_of(picture.lab, g, b"two")
    again(g)
    check(all(pids(g, red)[k] != p for k, p in old.items()), "every worker is another one")
    wait_for(lambda: handshakes(picture, g, red) != shaken, "another handshake")
    check("you asked for /x" in str(get(held, "/x")), "the TCP relay goes on")
    for client, server, source in before:
        check(reaches(client, server, b"after") != source, "another session of UDP")
        server.sendto(b"late", source)
        client.settimeout(0.5)
        with contextlib.suppress(TimeoutError, ConnectionRefusedError):
            check(client.recv(1000) != b"late", "an answer to the old session")
    for s in (there, here, out, back, held):
        s.close()
    check_page(picture, red)


def test_the_same_program(picture):
    """Whatever the programs: a connection to the page ends, UP counts anew, and what `wg set` changed is as the
    configuration has it. `tsgwctl wait` waits on, for a supervisor that comes back; not for one that does not."""
    red = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    g = gateway(picture).start()
    g.wait_up()
    link = g.list()[red.name]["link"]
    wg("set", link, "peer", red.peer.public, "persistent-keepalive", "7")
    check(wg("show", link, "persistent-keepalive").endswith("\t7"), "wg set works")
    page = connect(picture.mac, PRIMARY, PAGE)
    get(page, "/healthz", PRIMARY)
    waits = spawn_wait(picture, g, red, "failed")
    wait_for(lambda: g.list()[red.name]["uptime_s"] >= 2, "it has been up for a while")
    wait_for(lambda: waiting(waits), "the command is connected")
    since = time.monotonic()
    again(g)
    equal(page.recv(1), b"", "the connection to the page ends")
    wait_for(lambda: picture.curl(f"http://{PRIMARY}:{PAGE}/healthz").returncode == 0, "the page is back")
    check(waits.alive(), f"wait waits on: {waits.log()}")
    check(g.list()[red.name]["uptime_s"] <= time.monotonic() - since + 1, "UP counts anew")
    wait_for(lambda: wg("show", link, "persistent-keepalive").endswith("\toff"), "the configuration holds again")
    check_page(picture, red)
    g.ctl("down", red.name, ok=0)  # until the next start
    sees = spawn_wait(picture, g, red, "up")
    wait_for(lambda: waiting(sees), "the command is connected")
    again(g)
    equal(sees.wait(60), 0, f"it sees what it waits for, of the next supervisor: {sees.log()}")
    g.kill()
    equal(waits.wait(60), 4, f"none comes back: {waits.log()}")
    g.start()
    g.wait_up()
    waits = spawn_wait(picture, g, red, "failed")
    wait_for(lambda: waiting(waits), "the command is connected")
    g.stop()
    equal((waits.wait(60), waits.log().strip()), (1, "tsgwctl: the supervisor stops"), "a stop on request")


def check_anew(p, g, t, restart):
    """After RESTART the tailnet works, by other processes, and a connection of before has ended."""
    held, old = relay(p, t), pids(g, t)
    restart()
    check(all(pids(g, t)[k] != pid for k, pid in old.items()), f"every worker is another one: {old} {pids(g, t)}")
    with contextlib.suppress(ConnectionResetError):
        equal(held.recv(1), b"", "the connection ends")
    held.close()
    check_page(p, t)


def test_uplink_of_its_own(lab):
    """An uplink other than the host: the tailnet is made anew, and others go on."""
    p, (red, blue) = veth_picture(lab, 2)
    blue.keys = []
    g = gateway(p).start()
    g.wait_up()
    going, old = relay(p, blue), pids(g, blue)
    check_anew(p, g, red, lambda: again(g))
    equal(pids(g, blue), old, "the workers of the other tailnet")
    check("you asked for /x" in str(get(going, "/x")), "its connection")
    going.close()


def test_macvlan(lab):
    """The same of a macvlan, which has its hardware address again."""
    p, t = macvlan_picture(lab)
    g = gateway(p).start()
    g.wait_up()
    since = time.monotonic()
    check_anew(p, g, t, lambda: again(g))
    print(f"# back after {time.monotonic() - since:.1f} s")


def test_commands(picture):
    """A command that waits for the end of what it asked for says that nobody answers; events goes on."""
    red = picture.tailnet("red", 11080, ssh=False)
    g = gateway(picture).start()
    g.wait_up()
    words = [os.path.join(BUILD, "tsgwctl"), "--run-dir", g.run_dir, "--config", g.config]
    events = picture.demon.spawn([*words, "events"], name="tsgwctl events")

    def listens():
        g.ctl("up", red.name, ok=0)
        g.ctl("down", red.name, ok=0)
        return f"{red.name}  state     down" in events.log()
    wait_for(listens, "events tells")
    red.peer.process.forgiven = True
    red.peer.process.stop()  # so that a start takes ready-timeout
    ups = picture.demon.spawn([*words, "up", red.name], name="tsgwctl up")
    g.wait_state(red, "starting")
    g.kill()
    check(ups.wait(BACK_S) not in (0, None), "its exit code says that it did not come to its end")
    check(len(ups.log().strip().splitlines()) == 1, f"in one line: {ups.log()}")
    seen = len(events.log())
    red.peer.start()
    g.start(ready=False)
    g.wait_up()
    wait_for(lambda: f"{red.name}  state     up" in events.log()[seen:], lambda: f"events goes on: {events.log()}", BACK_S)
    check(events.alive(), "events")


def test_nobody_keeps_descriptors(picture):
    """Without systemd's store a start after SIGKILL makes everything anew."""
    red = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    check_anew(picture, g, red, lambda: again(g))
