# SPDX-License-Identifier: MIT
"""tsgwctl doctor: a gateway that is well, and each thing that it looks for, broken once."""
import contextlib
import json
import os
import signal
import socket

from lab import BUILD, check, equal, inside, wait_for
from picture import PRIMARY, STRANGER, check_page


def gateway(picture, keys=(), **options):
    return picture.gateway(gateway_keys=keys, **options)


def doctor(g, code=None):
    p = g.ctl("doctor", "--json")
    told = json.loads(p.stdout)
    equal(p.returncode, 0 if told["ok"] else 1, f"exit code {told}")
    if code is not None:
        equal(p.returncode, code, f"exit code; {told}")
    for c in told["checks"]:
        check(c["result"] in ("ok", "warn", "fail", "skip") and c["what"] and c["text"], c)
    return told["checks"]


def found(checks, what, result, *words):
    for c in checks:
        text = f"{c['text']} {c['advice'] or ''}"
        if c["what"] == what and c["result"] == result and all(w in text for w in words):
            return c
    raise AssertionError(f"no {result} of {what} with {words} in " + "\n".join(map(str, checks)))


def not_bad(checks, *whats):
    for c in checks:
        check(c["what"] not in whats or c["result"] in ("ok", "skip"), f"{c}")


def test_well(picture):
    red = picture.tailnet("red", 11080, ssh=False)
    picture.tailnet("blue", 11081, ssh=False, serve=False)
    g = gateway(picture).start()
    g.wait_up()
    check_page(picture, red)
    checks = doctor(g, 0)
    for what in ("config", "netns", "tun", "veth", "sandbox", "primary", "allow", "port", "dns",
                 "tailnet", "mtu", "leftover", "resolv"):
        found(checks, what, "ok")
    found(checks, "overlap", "ok", "red", "blue")
    text = g.ctl("doctor").stdout
    for secret in (red.private, red.peer.private):
        check(secret not in text and secret not in json.dumps(checks), "no secret is printed")
    equal(set(os.listdir("/sys/class/net")) & {"probe0"}, set(), "nothing is left of the trials")


def test_ports(picture):
    """Another has the DNS port and a listener's: its name and pid are told."""
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    with inside(picture.demon):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((PRIMARY, 53))
        tcp = socket.create_server(("0.0.0.0", red.port))
    g = gateway(picture)
    checks = doctor(g, 1)  # before a start
    me = open("/proc/self/comm", encoding="utf-8").read().strip()
    found(checks, "port", "fail", f"dns-port {PRIMARY}:53/udp", f"{me} (pid {os.getpid()})")
    found(checks, "port", "fail", f"port {PRIMARY}:{red.port}", f"pid {os.getpid()}", red.name)
    g.start(ready=False)
    wait_for(lambda: red.name in g.list() and g.list()[red.name]["state"] == "degraded", "degraded")
    found(doctor(g, 1), "port", "fail", f"{PRIMARY}:53/udp", f"pid {os.getpid()}")
    udp.close()
    tcp.close()
    # who asked for the port tries again
    wait_for(lambda: g.list()[red.name]["state"] == "up", "up", 60)
    wait_for(lambda: not [c for c in doctor(g) if c["what"] in ("port", "dns") and c["result"] == "fail"],
             "the ports are ours", 60)


def test_primary_and_allow(picture):
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = gateway(picture, primary="tailscale0, nosuch0", keys=["allow = 172.16.0.0/12"]).start()
    g.wait_state(red, "up", "degraded")
    checks = doctor(g)
    found(checks, "primary", "warn", "nosuch0", PRIMARY)
    found(checks, "allow", "warn", "lets in nobody of 100.64.0.0/10")
    g.stop()
    g.gateway_keys = ["allow = 0.0.0.0/0"]
    g.primary = "nosuch0"
    g.write_config()
    checks = doctor(g, 1)
    found(checks, "primary", "fail", "nosuch0")
    found(checks, "allow", "warn", "lets in 0.0.0.0/0", "users-file")
    found(checks, "tailnet", "warn", "nothing runs", red.name)


def test_refused_clients(picture):
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = gateway(picture, keys=["allow = 100.64.0.0/10, 127.0.0.0/8"]).start()
    g.wait_up()
    not_bad(doctor(g, 0), "allow")
    with inside(picture.mac):
        s = socket.socket()
        s.bind((STRANGER, 0))
        s.settimeout(10)
        with contextlib.suppress(ConnectionResetError):  # perhaps before connect() has returned
            s.connect((PRIMARY, red.port))
            check(s.recv(1) == b"", "it is closed")
    wait_for(lambda: [c for c in doctor(g, 0) if c["what"] == "allow" and "turned away 1 " in c["text"]],
             "it is told")


def test_mtu(picture):
    """The encrypted side's way is too narrow; or nobody says so and full packets vanish."""
    red = picture.tailnet("red", 11080, ssh=False)
    g = gateway(picture).start()
    g.wait_up()
    not_bad(doctor(g, 0), "mtu")
    red.peer.ns.run(["nft", "-f", "-"], ok=0, stdin="table ip hole {\n chain in {\n type filter "
                    "hook input priority 0\n udp dport 51820 ip length > 1300 drop\n }\n}\n")
    found(doctor(g, 1), "mtu", "fail", "full ones (1420 bytes) get lost", f"mtu = 1280 in [tailnet {red.name}]")
    red.peer.ns.run(["nft", "delete", "table", "ip", "hole"], ok=0)
    not_bad(doctor(g, 0), "mtu")
    picture.demon.ip("link set to1 mtu 1400")
    found(doctor(g), "mtu", "warn", "takes 1400 bytes", "need 1480", "mtu = 1340")


def test_leftovers_and_states(picture):
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = gateway(picture).start()
    g.wait_up()
    g.ctl("down", red.name, ok=0)
    found(doctor(g, 0), "tailnet", "warn", f"{red.name} is down")
    g.ctl("up", red.name, ok=0)
    g.kill()
    found(doctor(g), "leftover", "warn", f"/run/netns/{red.netns}", f"link {red.link}", f"tsgwctl up {red.name}")
    g.start().wait_up()
    not_bad(doctor(g, 0), "leftover", "tailnet")
    g.stop()
    not_bad(doctor(g), "leftover")
    picture.lab.run(["ip", "netns", "add", red.netns], ok=0)  # somebody else's
    found(doctor(g), "leftover", "warn", "not made by us", red.netns)


def test_config_and_unprivileged(picture):
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = gateway(picture).start()
    g.wait_up()
    for directory in (picture.lab.dir, os.path.dirname(g.config), os.path.dirname(os.path.dirname(g.config))):
        os.chmod(directory, 0o755)
    os.chmod(g.config, 0o644)
    p = picture.demon.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                           os.path.join(BUILD, "tsgwctl"), "--run-dir", g.run_dir, "--config", g.config,
                           "doctor", "--json"])
    checks = json.loads(p.stdout)["checks"]
    equal(p.returncode, 0, f"{checks} {p.stderr}")
    found(checks, "kernel", "skip", "root")
    found(checks, "config", "skip", "Permission denied")
    found(checks, "tailnet", "skip", "group tsgw")
    found(checks, "dns", "ok", PRIMARY)
    g.process.send(signal.SIGTERM)
    g.process.wait()
    red.keys = ["mtu = 7", "nosuch = 1"]
    g.write_config()
    checks = doctor(g, 1)
    found(checks, "config", "fail", "mtu")
    found(checks, "config", "fail", "nosuch")


def test_foreign_supervisor(picture):
    """What answers at our sockets but is no supervisor."""
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = gateway(picture)
    os.makedirs(os.path.join(g.run_dir, red.name))
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.bind(os.path.join(g.run_dir, red.name, "control.sock"))
    s.listen(9)
    found(doctor(g, 1), "tailnet", "fail", "gives no answer")
    s.close()
