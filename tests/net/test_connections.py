# SPDX-License-Identifier: MIT
"""tsgwctl clients and the log of connections, on a real gateway."""
import json
import re
import socket
import struct

from client import connect, http_connect, socks5
from lab import check, equal, inside, wait_for
from picture import PRIMARY, TARGET

CLIENTS, MAGIC = 8, 0x77677374


def listed(g, *words):
    return json.loads(g.ctl("clients", *words, "--json", ok=0).stdout)


def test_clients_and_log(picture):
    red = picture.tailnet("red", 11080, ssh=False)
    blue = picture.tailnet("blue", 11081, ssh=False)
    red.keys.append("log-connections = yes")
    g = picture.gateway()
    g.start()
    g.wait_up(red, blue)
    equal(listed(g), [], "nobody")
    a, b = connect(picture.mac, PRIMARY, red.port), connect(picture.mac, PRIMARY, blue.port)
    equal((socks5(a, TARGET, 7), http_connect(b, f"{TARGET}.{blue.name}", 9)), (0, 200), "connected")
    a.sendall(b"x" * 5000)
    got = wait_for(lambda: [c for c in listed(g) if c["tailnet"] == red.name and
                            c["up_bytes"] >= 5000], "what was sent")[0]
    equal({k: v for k, v in got.items() if k not in ("age_s", "up_bytes", "down_bytes")},
          dict(tailnet=red.name, client="%s:%d" % a.getsockname(), user=None, protocol="socks5",
               state="open", destination=f"{TARGET}:7", address=f"{TARGET}:7"), "the one in red")
    [other] = listed(g, blue.name)
    equal((other["protocol"], other["destination"], other["address"]),
          ("connect", f"{TARGET}.{blue.name}:9", f"{TARGET}:9"), "the one in blue")
    equal(len(listed(g)), 2, "both")
    for _ in range(10):  # most thousandths are no binary fraction
        check(not re.search(r"age_s.*\.\d{4}", g.ctl("clients", "--json", ok=0).stdout), "an age has milliseconds")
    table = g.ctl("clients", ok=0).stdout
    check(re.search(rf"^{red.name} +192\S+|^{red.name} +\S+ +- +socks5 +open +{TARGET}:7", table, re.M),
          table)
    equal(g.ctl("clients", "nowhere").returncode, 3, "no such tailnet")
    a.shutdown(socket.SHUT_WR)
    equal(a.recv(100), b"red counted 5000\n", "the answer")
    b.close()
    wait_for(lambda: listed(g) == [], "both to be gone")
    line = wait_for(lambda: re.search(r"connection: (client=.*)", g.process.log()), "the log")[1]
    check(re.fullmatch(r"client=[\d.]+:\d+ user=- protocol=socks5 asked=%s:7 resolved=%s:7 up=50\d\d "
                       r"down=\d+ requests=0 seconds=\d+\.\d{3} result=ok" % (TARGET, TARGET), line), line)
    check(f"{blue.name}: connection:" not in g.process.log(), "blue does not log")
    picture.curl("--socks5-hostname", f"{PRIMARY}:{red.port}", "http://a b%22c.red:80/")
    picture.curl("--socks5-hostname", f"{PRIMARY}:{red.port}", "http://192.0.2.99:80/")
    picture.curl("--socks5-hostname", f"{PRIMARY}:{red.port}", "http://[fd99::1]:80/")
    wait_for(lambda: "asked=[fd99::1]:80 resolved=- " in g.process.log(), "an IPv6 address and its port")
    wait_for(lambda: "asked=192.0.2.99:80 resolved=- " in g.process.log() and
             "result=policy" in g.process.log(), "one that was refused")
    equal(g.stop(), 0, "exit code")


def request(name):
    return struct.pack("=IHH33sBBBI", MAGIC, 1, CLIENTS, name.encode(), 0, 0, 0, 0)


def test_many_and_rude(picture):
    """1,500 connections are told whole; who does not read holds up nobody."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway()
    g.start()
    g.wait_up(t)
    held = [connect(picture.mac, PRIMARY, t.port) for _ in range(1500)]
    wait_for(lambda: g.list()[t.name]["clients"] == 1500, "all of them")
    rude = []
    for _ in range(5):
        with inside(g.demon):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(f"{g.run_dir}/{t.name}/control.sock")
        s.send(request(t.name))
        rude.append(s)
    for _ in range(3):
        found = listed(g, t.name)
        equal(len({c["client"] for c in found}), 1500, "clients")
    equal(g.list()[t.name]["state"], "up", "the supervisor answers")
    for s in held + rude:
        s.close()
    wait_for(lambda: listed(g) == [], "all to be gone")
    equal(g.stop(), 0, "exit code")
