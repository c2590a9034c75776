# SPDX-License-Identifier: MIT
"""A QUIC client, as a browser has it, over UDP ASSOCIATE: HTTP/3 through the tunnel.

    mac: aioquic ── demon: relay ── tunnel ── peer: aioquic's server at 10.100.10.141:4433/udp
"""
import hashlib
import os
import subprocess

import servers
from lab import Skip, check, equal
from picture import PRIMARY, TARGET
from test_udp import counters

PYTHON = "/usr/bin/python3"  # for which `make deps` has fetched it
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients/quic.py")
SIZES = (1, 100000, 5 << 20)


def digest(size):
    return hashlib.sha256((bytes(range(256)) * (size // 256 + 1))[:size]).hexdigest()


def test_http3(picture):
    """By address and by name: streams side by side, megabytes each way, exact bytes."""
    modules = os.path.join(servers.SERVERS, "quic")
    if not os.path.exists(modules + "/version"):
        raise Skip("aioquic is not installed (make deps)")
    t = picture.tailnet("red", 11080, ssh=False)
    cert, key = (os.path.join(picture.lab.dir, n) for n in ("cert.pem", "key.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=red", "-keyout", key, "-out", cert], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = t.peer.ns.spawn([PYTHON, SCRIPT, modules, "serve", TARGET, "4433", cert, key], "quic")
    g = picture.gateway().start()
    g.wait_up()
    server.wait_line("^ready$", timeout_s=60)
    for host in (TARGET, f"{TARGET}.{t.name}"):
        p = picture.mac.run([PYTHON, SCRIPT, modules, "fetch", PRIMARY, str(t.port), host, "4433",
                             *map(str, SIZES)], ok=0, timeout_s=100)
        equal(p.stdout.split(), [digest(size) for size in SIZES] * 2, f"what came and went by {host}")
        print(p.stderr.strip())
    told = counters(g, t)
    check(told["opened"] == 2 and told["up"] > 2 * SIZES[-1] // 1400, told)
    equal(g.stop(), 0, "exit code")
