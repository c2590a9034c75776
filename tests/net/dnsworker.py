# SPDX-License-Identifier: MIT
"""A tsgw-dns of its own, without a supervisor: this plays the parent on its channel."""
import mmap
import os
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import lab as L  # noqa: E402
from proxyworker import addr, hostport, prefixes  # noqa: E402

HELLO, BEGIN, COMMIT, READY = 1, 2, 3, 4
ZONE, SUFFIX, ROUTE, HOST, ALLOW, LISTEN, UNLISTEN, LINK, LINK_LOST = range(48, 57)
CHANNEL = 3
RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"] + [""] * 9 + ["BADVERS"]
EVERYONE = ("0.0.0.0/0", "::/0")


class Worker:
    """Started in this process' namespace; its sockets are made where they are to listen."""

    def __init__(self, lab, level=6):
        self.generation, self.zones = 0, ()
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.memfd = os.memfd_create("stats")
        os.ftruncate(self.memfd, 2 << 20)
        self.page = mmap.mmap(self.memfd, 2 << 20)
        empty = os.path.join(lab.dir, "empty")
        os.makedirs(empty, mode=0o755, exist_ok=True)
        os.chmod(lab.dir, 0o755)
        self.pid = self._start(theirs, lab.uid_base + 4, empty)
        theirs.close()
        self.send(HELLO, struct.pack("=Ii", 1, level), [self.memfd])

    def _start(self, theirs, uid, empty):
        program = os.path.join(L.BUILD, "tsgw-dns")
        pid = os.fork()
        if pid:
            return pid
        try:
            os.dup2(theirs.fileno(), CHANNEL, inheritable=True)
            os.closerange(4, 1024)
            os.execv(program, [program, "--worker", "-", str(uid), empty])
        finally:
            os._exit(127)

    def send(self, kind, body=b"", fds=()):
        socket.send_fds(self.ours, [struct.pack("=HH", kind, len(body) + 4) + body], list(fds))

    def configure(self, *zones):
        """Each zone: a dict of name, suffixes, routes, hosts, allow."""
        self.generation += 1
        self.zones = zones
        self.send(BEGIN, struct.pack("=I", self.generation))
        for z in zones:
            self.send(ZONE, struct.pack("=33sBBx", z["name"].encode(), z.get("asks", False), z.get("unsure", False)))
            for s in z.get("suffixes", [z["name"]]):
                self.send(SUFFIX, struct.pack("=254s2x", s.encode()))
            for name, a in z.get("hosts", ()):
                self.send(HOST, struct.pack("=254s2x", name.encode()) + addr(a))
            self.send(ROUTE, prefixes(*z.get("routes", ())))
            self.send(ALLOW, prefixes(*z.get("allow", EVERYONE)))
        self.send(COMMIT, struct.pack("=I", self.generation))
        self.ours.settimeout(20)
        L.equal(self.ours.recv(2048), struct.pack("=HHI", READY, 8, self.generation), "READY")

    def listen(self, ns, host, port=53):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with L.inside(ns):
            udp = socket.socket(family, socket.SOCK_DGRAM)
            udp.bind((host, port))
            tcp = socket.socket(family, socket.SOCK_STREAM)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.bind((host, port))
            tcp.listen(512)
        for s in (udp, tcp):
            s.setblocking(False)
        if family == socket.AF_INET:
            udp.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
        else:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        self.send(LISTEN, hostport(host, port), [udp.fileno(), tcp.fileno()])
        udp.close()
        tcp.close()

    def link(self, tailnet):
        """A connection to the resolver of a tailnet, which the worker has taken: our end of it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.setsockopt(socket.SOL_SOCKET, 32, 1 << 20)  # SO_SNDBUFFORCE, as tsgwd does
        self.send(LINK, struct.pack("=33s3x", tailnet.encode()), [theirs.fileno()])
        theirs.close()
        self.configure(*self.zones)  # its answer comes after that
        ours.settimeout(20)
        return ours

    def lost(self):
        """The tailnet of the next LINK_LOST."""
        kind, _, name = struct.unpack("=HH33s3x", self.ours.recv(2048))
        L.equal(kind, LINK_LOST, "the report")
        return name.rstrip(b"\0").decode()

    def zone_stats(self, tailnet):
        """The counters of a tailnet; see struct dns_zone_stats."""
        for at in range(28 * 8, 28 * 8 + 4096 * 224, 224):
            if self.page[at:at + 40].rstrip(b"\0") == tailnet.encode():
                v = struct.unpack("=23Q", self.page[at + 40:at + 224])
                return dict(zip(("asked", "answered", "hits", "timeouts", "down", "full", "unrouted"), v[16:]),
                            rcodes=v[:16])
        raise L.Failure(f"no counters of {tailnet}")

    def unlisten(self, host, port=53):
        self.send(UNLISTEN, hostport(host, port))

    def stats(self):
        v = struct.unpack("=19Q", self.page[:152])
        return {"udp": v[0], "tcp": v[1], "rcodes": v[2:18], "dropped": v[18]}

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
            v = f.read().rsplit(")", 1)[1].split()
        return (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")

    def alive(self):
        return os.waitpid(self.pid, os.WNOHANG)[0] == 0

    def wait(self):
        status = os.waitpid(self.pid, 0)[1]
        return os.waitstatus_to_exitcode(status)

    def stop(self):
        os.kill(self.pid, 15)
        return self.wait()
