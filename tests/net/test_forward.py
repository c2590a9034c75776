# SPDX-License-Identifier: MIT
"""forward: fixed TCP and UDP ports on the primary addresses that lead into the tailnet.

    mac: redis-cli, psql, ssh, dig ── demon: 100.121.76.21 ports 6379, 2222, 5353/udp … ── red: 10.100.10.141
"""
import glob
import hashlib
import json
import os
import shutil
import signal
import socket

from client import connect, get, read_all, read_exact
from lab import Failure, Skip, check, equal, inside, tool, wait_for
from picture import GATEWAY_INNER, MAC, NO_NET, PRIMARY, STRANGER, TARGET
from run import deadline

ECHO = ("import socket\ns = socket.socket(socket.AF_INET6 if ':' in '{0}' else socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.bind(('{0}', {1}))\nprint('ready', flush=True)\n"
        "while True:\n    d, a = s.recvfrom(70000)\n    s.sendto(b'echo ' + d, a)\n")


def gateway(picture, *keys, **options):
    """A gateway with one tailnet that forwards KEYS ("NAME" in them is the tailnet's)."""
    t = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=options.pop("ssh", False), **options)
    t.keys = ["forward = " + k.replace("NAME", t.name) for k in keys]
    g = picture.gateway().start()
    g.wait_up()
    return t, g


def reload(g, t, *keys):
    t.keys = ["forward = " + k.replace("NAME", t.name) for k in keys]
    g.write_config()
    g.ctl("reload", ok=0)


def is_reset(picture, port, source=None):
    """Whether a connection to PORT is taken and then reset before a byte comes."""
    try:
        with connect(picture.mac, PRIMARY, port, source=source) as s:
            return s.recv(1) is None
    except ConnectionResetError:
        return True


def is_refused(picture, port):
    try:
        connect(picture.mac, PRIMARY, port).close()
        return False
    except ConnectionRefusedError:
        return True


def udp(ns, address, port, source=None, port_here=0):
    with inside(ns):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(20)
    if source:
        s.bind((source, port_here))
    s.connect((address, port))
    return s


def ask(s, text, tries=20):
    """One datagram and its echo; datagrams may be lost, so it asks again."""
    s.settimeout(1)
    for _ in range(tries):
        try:
            s.send(text)
            got = s.recv(70000)
            if got == b"echo " + text:
                return
        except (TimeoutError, ConnectionRefusedError):
            continue
    raise Failure(f"no echo of {text[:40]!r}")


def start_echo(ns, address, port):
    ns.spawn(["python3", "-c", ECHO.format(address, port)], "echo").wait_line("^ready$")


def start_dns(ns, address, answer, port=53):
    """A real DNS server that knows one name."""
    ns.spawn([tool("dnsmasq"), "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
              "--bind-interfaces", f"--listen-address={address}", f"--port={port}", "--log-facility=-", "--pid-file=",
              f"--address=/one.example/{answer}"], "dnsmasq").wait_line("started")


def dig(picture, port, *args, ns=None, server=PRIMARY):
    return picture.dig("one.example", "+short", "-p", str(port), *args, ns=ns, server=server).strip()


def start_postgres(lab, ns, address):
    """A real PostgreSQL, as nobody, since it will not run as root."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    if not found:
        raise Skip("postgresql is not installed")
    bin_dir, data = os.path.dirname(found[-1]), os.path.join(lab.dir, "postgres")
    os.chmod(lab.dir, 0o755)
    os.makedirs(data, mode=0o700)
    shutil.chown(data, 65534, 65534)
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    lab.run([*nobody, bin_dir + "/initdb", "-D", data, "-U", "red", "-A", "trust", "--no-sync"], ok=0)
    with open(data + "/pg_hba.conf", "a", encoding="ascii") as f:
        f.write("host all all 0.0.0.0/0 trust\n")
    ns.spawn([*nobody, bin_dir + "/postgres", "-D", data, "-h", address, "-k", data, "-F"],
             "postgres").wait_line("ready to accept connections", timeout_s=60)


def test_real_clients(picture):
    """redis-cli, ssh and dig, each to a port of the gateway; none of them knows of a proxy."""
    t, _ = gateway(picture, f"6379 -> {TARGET}:6379", f"2222 -> {TARGET.replace('.', '-')}.NAME:22",
                   f"5353/udp -> {TARGET}:53, 5353 -> {TARGET}.NAME:53", ssh=True)
    t.peer.ns.spawn([tool("redis-server"), "--bind", TARGET, "--save", "", "--protected-mode", "no",
                     "--dir", picture.lab.dir], "redis").wait_line("eady to accept")
    start_dns(t.peer.ns, TARGET, "192.0.2.53")
    redis = ["redis-cli", "-h", PRIMARY, "-p", "6379"]
    equal(picture.mac.run([*redis, "set", "key", "red"], ok=0).stdout.strip(), "OK", "redis set")
    equal(picture.mac.run([*redis, "get", "key"], ok=0).stdout.strip(), "red", "redis get")
    p = picture.mac.run(["ssh", "-i", picture.ssh_key(), "-p", "2222", "-o", "StrictHostKeyChecking=no",
                         "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=15",
                         f"root@{PRIMARY}", "who"], ok=0)
    equal(p.stdout, "this is red\n", "ssh")
    equal(dig(picture, 5353), "192.0.2.53", "dig over UDP")
    equal(dig(picture, 5353, "+tcp"), "192.0.2.53", "dig over TCP")


def test_postgres(picture):
    """psql to a PostgreSQL behind the tailnet."""
    t, _ = gateway(picture, f"5432 -> {TARGET}:5432")
    start_postgres(picture.lab, t.peer.ns, TARGET)
    p = picture.mac.run(["psql", "-h", PRIMARY, "-U", "red", "-d", "postgres", "-Atc",
                         "select 'row ' || i from generate_series(1, 3) i"], ok=0)
    equal(p.stdout, "row 1\nrow 2\nrow 3\n", "psql")


def test_names(picture):
    """HOST may be a name that only the tailnet's own resolver knows, over TCP and UDP."""
    t = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    t.keys = [f"dns-server = {TARGET}", "forward = 3000 -> one.example:3000, 3001 -> two.example:3000",
              "forward = 4000/udp -> one.example:4000, 4001/udp -> two.example:4000"]
    start_dns(t.peer.ns, TARGET, TARGET)
    start_echo(t.peer.ns, TARGET, 4000)
    g = picture.gateway().start()
    g.wait_up()
    equal(get(connect(picture.mac, PRIMARY, 3000), "/x"), "this is red, you asked for /x\n", "page")
    many = [udp(picture.mac, PRIMARY, 4000) for _ in range(10)]
    for s in many:
        s.send(b"all at once")
    for s in many:
        ask(s, b"all at once")
    check(is_reset(picture, 3001), "a name that is none")
    udp(picture.mac, PRIMARY, 4001).send(b"to nobody")
    wait_for(lambda: detail(g, t)["forward"]["udp_failed"] == 1, "a name that is none is counted")
    equal(detail(g, t)["forward"]["connections"], 2, "connections")
    s = connect(picture.mac, PRIMARY, 3000)
    get(s, "/shown")
    shown = json.loads(g.ctl("clients", t.name, "--json", ok=0).stdout)
    check([c for c in shown if c["protocol"] == "forward"], f"clients: {shown}")


def test_relay(picture):
    """The server may speak first; half-close, resets and large transfers pass."""
    t, _ = gateway(picture, f"3000 -> {TARGET}:3000", f"7007 -> {TARGET}:7", f"19 -> {TARGET}:19",
                   f"3001 -> {TARGET}:1")
    s = connect(picture.mac, PRIMARY, 19)
    equal(read_exact(s, 15), b"hello from red\n", "the server's first words")
    s.sendall(b"x")
    try:
        s.recv(1)
        raise Failure("the server's reset did not pass")
    except ConnectionResetError:
        pass
    s = connect(picture.mac, PRIMARY, 7007)
    s.sendall(b"x" * 1000)
    s.shutdown(socket.SHUT_WR)
    equal(read_all(s), b"red counted 1000\n", "half-close")
    size = 50 << 20
    p = picture.curl("-o", os.path.join(picture.lab.dir, "bulk"), "-w", "%{size_download}",
                     f"http://{PRIMARY}:3000/bytes/{size}", ok=0)
    equal(p.stdout, str(size), "bulk")
    with open(os.path.join(picture.lab.dir, "bulk"), "rb") as f:
        equal(hashlib.file_digest(f, "sha256").hexdigest(), hashlib.sha256(bytes(size)).hexdigest(), "bytes")
    check(is_reset(picture, 3001), "a port where nobody listens resets")


def test_udp(picture):
    """Each client has a session of its own; answers come from where it asked, and from nobody else."""
    t, g = gateway(picture, f"4000/udp -> {TARGET}:4000")
    start_echo(t.peer.ns, TARGET, 4000)
    many = [udp(picture.mac, PRIMARY, 4000) for _ in range(40)]
    for i, s in enumerate(many):
        ask(s, b"client %d" % i)
    ask(many[0], b"")
    ask(many[0], bytes(1300))
    ask(many[0], bytes(9000))  # fragments, as the tunnel's MTU says
    stats = detail(g, t)["forward"]
    equal(stats["udp_sessions"], 40, "sessions")
    # somebody else behind the tailnet who knows the session's port is not heard
    with inside(t.peer.ns):
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port in udp_ports(t.pin):
        stranger.sendto(b"echo forged", (GATEWAY_INNER, port))
    ask(many[0], b"still mine")
    many[0].settimeout(0.5)
    try:
        raise Failure(f"came from nowhere: {many[0].recv(100)!r}")
    except TimeoutError:
        pass


def udp_ports(ns):
    """Local ports of the UDP sockets in a namespace."""
    return [int(line.split()[1].split(":")[1], 16) for line in ns_read(ns, "net/udp").splitlines()[1:]]


def ns_read(ns, path):
    with inside(ns), open("/proc/thread-self/" + path, encoding="ascii") as f:
        return f.read()


def detail(g, t):
    return {x["name"]: x for x in json.loads(g.ctl("status", "--json", ok=0).stdout)["tailnets"]}[t.name]


def test_refusals(picture):
    """allow counts for forwards as for everybody; a destination outside the tailnet is a reset."""
    t, g = gateway(picture, f"3000 -> {TARGET}:3000", "3001 -> 192.0.2.99:80", "3002 -> nobody.NAME:80",
                   f"3003 -> {NO_NET}:80", "3004 -> 192.0.2.99:80", f"4000/udp -> {TARGET}:4000",
                   "4001/udp -> 192.0.2.99:53")
    start_echo(t.peer.ns, TARGET, 4000)
    equal(get(connect(picture.mac, PRIMARY, 3000), "/x"), "this is red, you asked for /x\n", "page")
    check(is_reset(picture, 3000, source=STRANGER), "a stranger is sent away")
    for port in (3001, 3002, 3003):
        check(is_reset(picture, port), f"port {port} leads nowhere")
    ask(udp(picture.mac, PRIMARY, 4000), b"friend")
    s = udp(picture.mac, PRIMARY, 4000, source=STRANGER)
    s.send(b"stranger")
    s = udp(picture.mac, PRIMARY, 4001)
    s.send(b"nowhere")
    wait_for(lambda: detail(g, t)["forward"]["udp_refused"] == 1, "the stranger's datagram is counted")
    wait_for(lambda: detail(g, t)["forward"]["udp_failed"] == 1, "the policy's refusal is counted")
    g.process.wait_line("forward: from .* to 192.0.2.99:80: ")
    g.process.wait_line("not in allow")


def test_reload(picture):
    """Forwards come, go and change their destination; a running transfer and UDP session do not notice."""
    t, g = gateway(picture, f"3000 -> {TARGET}:3000", f"4000/udp -> {TARGET}:4000")
    start_echo(t.peer.ns, TARGET, 4000)
    start_echo(t.peer.ns, TARGET, 4001)
    s = connect(picture.mac, PRIMARY, 3000)
    u = udp(picture.mac, PRIMARY, 4000)
    get(s, "/before")
    ask(u, b"before")
    port_before = sorted(udp_ports(t.pin))
    reload(g, t, f"3000 -> {TARGET}:3000", f"4000/udp -> {TARGET}:4000", f"7007 -> {TARGET}:7")
    check(not is_refused(picture, 7007), "a new forward")
    get(s, "/added")
    ask(u, b"added")
    equal(sorted(udp_ports(t.pin)), port_before, "sockets of UDP sessions")
    reload(g, t, f"3000 -> {TARGET}:9", f"4000/udp -> {TARGET}:4000")
    check(is_refused(picture, 7007), "a forward that is gone")
    get(s, "/changed")
    ask(u, b"changed")
    fresh = connect(picture.mac, PRIMARY, 3000)  # discards
    fresh.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    fresh.shutdown(socket.SHUT_WR)
    reload(g, t, f"4000/udp -> {TARGET}:4001")
    check(is_refused(picture, 3000), "the last TCP forward is gone")
    get(s, "/gone")
    ask(u, b"other port")
    # the listener's own port and a forward's change places
    t.port = 3000
    reload(g, t, f"11080 -> {TARGET}:3000")
    get(s, "/swapped")
    equal(get(connect(picture.mac, PRIMARY, 11080), "/x"), "this is red, you asked for /x\n", "swapped")
    equal(g.state(t), "up", "state")
    p = g.ctl("reload", "--dry-run", ok=0)
    equal(p.stdout.strip(), "", "nothing is left to do")


def test_busy(picture):
    """A port that somebody has makes the tailnet degraded and says which; it is taken when it is free."""
    with inside(picture.demon):
        holder = socket.create_server((PRIMARY, 3000))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((PRIMARY, 4000))
    t = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    t.keys = [f"forward = 3000 -> {TARGET}:3000", f"forward = 4000/udp -> {TARGET}:4000"]
    g = picture.gateway().start()
    g.wait_state(t, "degraded")
    check(f"forward {PRIMARY}:" in g.list()[t.name]["reason"], g.list()[t.name]["reason"])
    holder.close()
    wait_for(lambda: f"forward {PRIMARY}:4000/udp: Address already in use" == g.list()[t.name]["reason"],
             "the reason names the other")
    equal(get(connect(picture.mac, PRIMARY, 3000), "/x"), "this is red, you asked for /x\n", "page")
    datagrams.close()
    g.wait_up(t)
    start_echo(t.peer.ns, TARGET, 4000)
    ask(udp(picture.mac, PRIMARY, 4000), b"free")


def test_primary_comes_and_goes(picture):
    t, g = gateway(picture, f"3000 -> {TARGET}:3000", f"4000/udp -> {TARGET}:4000")
    start_echo(t.peer.ns, TARGET, 4000)
    get(connect(picture.mac, PRIMARY, 3000), "/x")
    picture.demon.ip(f"addr del {PRIMARY}/32 dev tailscale0")
    g.wait_state(t, "degraded")
    picture.demon.ip(f"addr add {PRIMARY}/32 dev tailscale0")
    g.wait_up(t)
    get(connect(picture.mac, PRIMARY, 3000), "/x")
    ask(udp(picture.mac, PRIMARY, 4000), b"back")


def test_crash(picture):
    """tsgw-proxy is killed: who connects meanwhile waits, and is served by the next one."""
    t, g = gateway(picture, f"3000 -> {TARGET}:3000", f"4000/udp -> {TARGET}:4000")
    start_echo(t.peer.ns, TARGET, 4000)
    u = udp(picture.mac, PRIMARY, 4000)
    ask(u, b"before")
    old = g.worker("tsgw-proxy", t)
    os.kill(old, signal.SIGKILL)
    equal(get(connect(picture.mac, PRIMARY, 3000), "/x"), "this is red, you asked for /x\n", "page")
    ask(u, b"after")
    check(g.worker("tsgw-proxy", t) != old, "a new tsgw-proxy")


@deadline(240)
def test_bounds(picture):
    """One client's UDP sessions replace its own oldest one; nobody else's."""
    t, g = gateway(picture, f"4000/udp -> {TARGET}:4000")
    start_echo(t.peer.ns, TARGET, 4000)
    first = udp(picture.mac, PRIMARY, 4000, source=MAC)
    ask(first, b"first")
    for port in range(20000, 21030):
        s = udp(picture.mac, PRIMARY, 4000, source=MAC, port_here=port)
        ask(s, b"one more")
        s.close()
    wait_for(lambda: detail(g, t)["forward"]["udp_replaced"] >= 7, "the client's oldest is replaced")
    check(detail(g, t)["forward"]["udp_sessions"] <= 1024, "not more than 1024 of one client")
    ask(first, b"again")


def test_stopped(picture):
    """After a stop nothing listens any more."""
    t, g = gateway(picture, f"3000 -> {TARGET}:3000")
    g.ctl("down", t.name, ok=0)
    check(is_refused(picture, 3000), "down: nobody listens")
    g.ctl("up", t.name, ok=0)
    get(connect(picture.mac, PRIMARY, 3000), "/x")


RULES = """table inet watch {
	counter gone { }
	chain out { type filter hook output priority 0; policy accept;
		ip daddr { 10.100.0.0/16, 198.51.100.53 } counter name gone
		meta l4proto { 6, 17 } th dport 53 counter name gone
	}
	chain through { type filter hook forward priority 0; policy accept; counter name gone; }
}"""


def gone(ns, name="gone"):
    out = ns.run([tool("nft"), "-j", "list", "counter", "inet", "watch", name], ok=0).stdout
    return next(x["counter"]["packets"] for x in json.loads(out)["nftables"] if "counter" in x)


def test_leaks(picture):
    """Whatever happens to node, proxy and peer: nothing of a forward leaves by the host, DNS included."""
    t = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False)
    t.keys = [f"dns-server = {TARGET}", f"forward = 3000 -> {TARGET}:3000, 3001 -> 198.51.100.53:80",
              f"forward = 3002 -> one.example:3000, 4000/udp -> {TARGET}:4000",
              "forward = 4001/udp -> 198.51.100.53:53, 4002/udp -> one.example:4000"]
    start_dns(t.peer.ns, TARGET, TARGET)
    start_echo(t.peer.ns, TARGET, 4000)
    g = picture.gateway().start()
    g.wait_up()
    picture.demon.ip(f"route add default via {MAC}")  # a way to leak by
    picture.demon.run([tool("nft"), "-f", "-"], stdin=RULES, ok=0)
    datagrams = [udp(picture.mac, PRIMARY, port) for port in (4000, 4001, 4002)]
    ask(datagrams[0], b"the way it should go")
    ask(datagrams[2], b"and by name")

    def all_ports():
        for s in datagrams:
            try:
                s.send(b"never outside")
            except OSError:
                pass
        for port in (3000, 3001, 3002):
            try:
                with connect(picture.mac, PRIMARY, port, timeout_s=0.2) as s:
                    s.sendall(b"never outside")
                    s.recv(1)
            except OSError:
                pass

    for what in ("nothing", "tsgw-wg", "tsgw-proxy", "peer", "tsgw-wg"):
        if what == "peer":
            t.peer.process.forgiven = True
            t.peer.process.stop()
        elif what != "nothing":
            os.kill(g.worker(what, t), signal.SIGKILL)
        for _ in range(5):
            all_ports()
    g.ctl("down", t.name, ok=0)
    all_ports()
    equal(gone(picture.demon), 0, "packets that left by the host")
    udp(picture.demon, "198.51.100.53", 9).send(b"the counter counts")
    equal(gone(picture.demon), 1, "the counter")
