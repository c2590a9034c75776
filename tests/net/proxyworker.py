# SPDX-License-Identifier: MIT
"""A tsgw-proxy of its own, without a supervisor: this plays the parent on its channel."""
import ctypes
import ipaddress
import mmap
import os
import resource
import socket
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import lab as L  # noqa: E402

HELLO, BEGIN, COMMIT, READY = 1, 2, 3, 4
(CONFIG, SUFFIX, HOST, ROUTE, ALLOW, DENY, LISTEN, UNLISTEN, PEER_UP, NODE, UDP,
 UDP_USED, USER, RESOLVER, SEARCH) = range(32, 47)
CLIENTS_WANTED, CLIENT, CLIENTS_END = range(80, 83)
SUFFIXES = 87
CLIENT_PROTOCOLS = "- socks5 socks4 http connect udp forward".split()
CLIENT_STATES = "greeting login connecting open closing".split()
UNKNOWN, UP, DOWN = 0, 1, 2
CHANNEL = 3
PR_CAPBSET_DROP, CAP_SYS_RESOURCE = 24, 24
RESULTS = ("ok bad_request bad_command bad_address_type refused_client policy no_name no_ipv6 "
           "tailnet_down peer_lost net_unreachable host_unreachable conn_refused conn_timeout "
           "greeting_timeout limit internal limit_address no_method bad_http head_too_large bad_body "
           "abandoned bad_login no_login wrong_login login_limit").split()
UDP_STATS = ("associations opened up down up_bytes down_bytes source malformed fragment policy no_name "
             "down unreachable too_long full stranger").split()
UDP_STATS[11] = "node_down"
COUNTERS = (["clients", "accepted"] + RESULTS +
            "up down paused login_queue_full login_sources_full".split())
DNS_STATS = ["asked", "answered", "timeouts", "cache_hits", "limit"]


def addr(text):
    if not text:
        return bytes(20)
    a = ipaddress.ip_address(text)
    return struct.pack("=B3x16s", a.version, a.packed)


def prefix(text):
    n = ipaddress.ip_network(text, strict=False)
    return addr(str(n.network_address)) + struct.pack("=B3x", n.prefixlen)


def hostport(text, port):
    return addr(text) + struct.pack("=HHI", port, 0, 0)


def prefixes(*texts):
    body = b"".join(map(prefix, texts))
    return struct.pack("=I", len(texts)) + body.ljust(32 * 24, b"\0")


def key(n):
    return bytes([n]) * 32


def program():
    return os.path.join(L.BUILD, "tsgw-proxy")


def sanitized():
    """Is it a build whose memory says nothing?"""
    with open(program(), "rb") as f:
        return b"__asan_init" in f.read()


class Worker:
    """Started in namespace NS; keyword arguments as in config()."""

    def __init__(self, ns, uid=1900000001, tailnet="red", level=6, env=None, descriptors=None):
        self.generation = 0
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.memfd = os.memfd_create("stats")
        os.ftruncate(self.memfd, 4096)
        self.stats_page = mmap.mmap(self.memfd, 4096)
        self.pid = self._start(ns, theirs, uid, tailnet, env or {},
                               descriptors)
        theirs.close()
        self.send(HELLO, struct.pack("=Ii", 1, level), [self.memfd])

    def _start(self, ns, theirs, uid, tailnet, env, descriptors):
        self.empty = tempfile.mkdtemp(prefix="tsgw-proxy-")
        pid = os.fork()
        if pid:
            return pid
        try:
            fd = os.open(ns.path, os.O_RDONLY)
            if L.LIBC.setns(fd, L.CLONE_NEWNET) < 0:
                os._exit(126)
            if descriptors:  # and no right to ask for more
                L.LIBC.prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0)
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
            os.dup2(theirs.fileno(), CHANNEL, inheritable=True)
            os.closerange(4, 1024)
            os.execve(program(), [program(), "--worker", tailnet, str(uid), self.empty],
                      dict(os.environ, **env))
        finally:
            os._exit(127)

    def send(self, kind, body=b"", fds=()):
        data = struct.pack("=HH", kind, len(body) + 4) + body
        socket.send_fds(self.ours, [data], list(fds))

    def configure(self, routes=(), allow=(), deny=(), hosts=(), suffixes=("red",), foreign=(),
                  connect_s=30, idle_s=7200, half_s=300, clients=65536, per_address=65536, keep=False,
                  udp=1024, udp_per_address=1024, ipv6=True, greeting_s=10, users=None, log=False,
                  resolvers=(), search=()):
        """routes: (peer number, prefix…); hosts: (name, address); foreign: (suffix, name, port);
        users: (name, hash)."""
        self.generation += 1
        self.send(BEGIN, struct.pack("=I", self.generation))
        self.send(CONFIG, struct.pack("=8I4B", connect_s, idle_s, half_s, clients, per_address, udp,
                                      udp_per_address, greeting_s, ipv6, users is not None, log, keep))
        for s in suffixes:
            self.send(SUFFIX, struct.pack("=254s2x", s.encode()))
        if foreign:
            table = os.memfd_create("suffixes")
            entries = words = b""
            for s, name, port in sorted(foreign):
                at = len(foreign) * 12 + len(words)
                entries += struct.pack("=IIH2x", at, at + len(s) + 1, port)
                words += s.encode() + b"\0" + name.encode() + b"\0"
            os.write(table, entries + words)
            self.send(SUFFIXES, struct.pack("=IQ", len(foreign), 1), [table])
            os.close(table)
        for name, a in hosts:
            self.send(HOST, struct.pack("=254s2x", name.encode()) + addr(a))
        if resolvers:
            self.send(RESOLVER, struct.pack("=I", len(resolvers))
                      + b"".join(map(addr, resolvers)).ljust(8 * 20, b"\0"))
        for domain in search:
            self.send(SEARCH, struct.pack("=254s2x", domain.encode()))
        for n, *nets in routes:
            self.send(ROUTE, key(n) + prefixes(*nets))
        if allow:
            self.send(ALLOW, prefixes(*allow))
        if deny:
            self.send(DENY, prefixes(*deny))
        for name, hashed in users or ():
            self.send(USER, struct.pack("=256s128s", name.encode(), hashed.encode()))
        self.send(COMMIT, struct.pack("=I", self.generation))
        self.ours.settimeout(20)
        got = self.ours.recv(2048)
        L.equal(got, struct.pack("=HHI", READY, 8, self.generation), "the answer to COMMIT")

    def listen(self, ns, host, port, only=""):
        with L.inside(ns):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            s = socket.socket(family, socket.SOCK_STREAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((host, port))
            s.listen(4096)
        body = hostport(host, port) + addr(only) + struct.pack("=I", 1 if only else 0)
        self.send(LISTEN, body, [s.fileno()])
        s.close()

    def clients(self, after=0, number=1):
        """A page of its connections, and whether there are more."""
        self.send(CLIENTS_WANTED, struct.pack("=IQ", number, after))
        page = []
        while True:
            data = self.ours.recv(2048)
            kind, size = struct.unpack_from("=HH", data)
            L.equal(size, len(data), "size")
            if kind == CLIENTS_END:
                id_, more = struct.unpack_from("=II", data, 4)
                L.equal(id_, number, "id of the page")
                return page, bool(more)
            L.equal(kind, CLIENT, "kind of a report")
            id_, n, up, down, age = struct.unpack_from("=IQQQQ", data, 4)
            at = 40
            def place(off):
                family, = struct.unpack_from("=B", data, off)
                port, = struct.unpack_from("=H", data, off + 20)
                raw = data[off + 4:off + 20]
                return (str(ipaddress.ip_address(raw[:4] if family == 4 else raw)), port) if family else None
            asked_port, protocol, state = struct.unpack_from("=HBB", data, at + 56)
            user, asked = (data[a:a + n].split(b"\0")[0].decode() for a, n in ((at + 60, 256), (at + 316, 254)))
            L.equal(id_, number, "id of a connection")
            page.append(dict(number=n, up=up, down=down, age_ms=age, client=place(at),
                             resolved=place(at + 28), asked_port=asked_port, user=user, asked=asked,
                             protocol=CLIENT_PROTOCOLS[protocol], state=CLIENT_STATES[state]))

    def udp(self, ns, host, port, count=4):
        """COUNT sockets for UDP associations of that listener; gives their ports."""
        ports = []
        for _ in range(count):
            with L.inside(ns):
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                with socket.socket(family, socket.SOCK_DGRAM) as any_port:
                    any_port.bind((host, 0))
                    where = any_port.getsockname()
                s = socket.socket(family, socket.SOCK_DGRAM)
            s.bind(where)  # by number, so that it keeps its port
            self.send(UDP, hostport(host, port), [s.fileno()])
            s.close()
            ports.append(where[1])
        return ports

    def udp_used(self, timeout_s=20):
        """The next report of sockets in use."""
        self.ours.settimeout(timeout_s)
        got = self.ours.recv(2048)
        L.equal(struct.unpack_from("=HH", got), (UDP_USED, 36), "a report of sockets in use")
        return struct.unpack_from("=I", got, 32)[0]

    def unlisten(self, host, port):
        self.send(UNLISTEN, hostport(host, port) + addr("") + struct.pack("=I", 0))

    def peer(self, n, state):
        self.send(PEER_UP, key(n) + struct.pack("=I", state))

    def node(self, alive):
        self.send(NODE, struct.pack("=I", alive))

    def stats(self):
        size = 8 * len(COUNTERS)
        return dict(zip(COUNTERS, struct.unpack(f"={len(COUNTERS)}Q", self.stats_page[:size])))

    def udp_stats(self):
        v = struct.unpack("=16Q", self.stats_page[8 * len(COUNTERS):][:128])
        return dict(zip(UDP_STATS, v))

    def dns_stats(self):
        v = struct.unpack("=5Q", self.stats_page[8 * (len(COUNTERS) + len(UDP_STATS)):][:40])
        return dict(zip(DNS_STATS, v))

    def switches(self):
        """How often it went to sleep."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return next(int(x.split()[1]) for x in f if x.startswith("voluntary_ctxt_switches"))

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
            v = f.read().rsplit(")", 1)[1].split()
        return (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")

    def memory_kib(self, what="Pss"):
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(what + ":"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def stop(self):
        """Its exit status."""
        if not self.pid:
            return None
        self.ours.close()
        os.kill(self.pid, 15)
        return self.wait()

    def wait(self):
        status = os.waitpid(self.pid, 0)[1]
        self.pid = 0
        os.rmdir(self.empty)
        return os.waitstatus_to_exitcode(status)
