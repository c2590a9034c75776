# SPDX-License-Identifier: MIT
"""Clients that look at every byte: SOCKS5 and HTTP CONNECT over plain sockets."""
import ipaddress
import os
import socket
import struct
import time

from lab import Failure, inside


def connect(ns, address, port, timeout_s=30, source=None):
    """A TCP connection that starts in NS."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with inside(ns):
        s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(timeout_s)
    try:
        if source:
            s.bind((source, 0))
        s.connect((address, port))
    except BaseException:
        s.close()
        raise
    return s


def read_exact(s, n):
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        if not part:
            raise Failure(f"end of file after {len(data)} of {n} bytes: {data!r}")
        data += part
    return data


def read_head(s):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        part = s.recv(1)
        if not part:
            raise Failure(f"end of file in an HTTP head: {data!r}")
        data += part
    return data


def read_all(s):
    data = b""
    while part := s.recv(65536):
        data += part
    return data


def socks5_request(host, port):
    try:
        ip = ipaddress.ip_address(host)
        where = bytes([1 if ip.version == 4 else 4]) + ip.packed
    except ValueError:
        where = bytes([3, len(host)]) + host.encode()
    return b"\x05\x01\x00" + where + struct.pack(">H", port)


def socks5(s, host, port):
    """CONNECT on an open connection; gives the reply code."""
    s.sendall(b"\x05\x01\x00")
    if read_exact(s, 2) != b"\x05\x00":
        raise Failure("greeting refused")
    s.sendall(socks5_request(host, port))
    reply = read_exact(s, 4)
    if reply[0] != 5 or reply[2] != 0 or reply[3] not in (1, 4):
        raise Failure(f"no SOCKS5 reply: {reply!r}")
    read_exact(s, (4 if reply[3] == 1 else 16) + 2)
    return reply[1]


def udp_header(host, port, fragment=0, reserved=0):
    """What stands before a datagram of a UDP association."""
    return struct.pack(">HB", reserved, fragment) + socks5_request(host, port)[3:]


def udp_parse(data):
    """(host, port, payload) of a datagram that came from a UDP association."""
    if data[:3] != b"\0\0\0" or data[3] not in (1, 4):
        raise Failure(f"no header of an association: {data[:24]!r}")
    n = 4 if data[3] == 1 else 16
    return (str(ipaddress.ip_address(data[4:4 + n])), *struct.unpack_from(">H", data, 4 + n),
            data[6 + n:])


class Associate:
    """A UDP association: .tcp, .udp, .relay (its address and port) and the code of the answer."""

    def __init__(self, ns, address, port, say_port=False, source=None, timeout_s=30, early=b""):
        self.ns, self.timeout_s = ns, timeout_s
        self.tcp = connect(ns, address, port, timeout_s, source)
        self.me = self.tcp.getsockname()[0]
        self.family = self.tcp.family
        self.udp = self.socket()
        where = self.udp.getsockname()[1] if say_port else 0
        self.tcp.sendall(b"\x05\x01\x00\x05\x03\x00\x01\0\0\0\0" + struct.pack(">H", where) + early)
        if read_exact(self.tcp, 2) != b"\x05\x00":
            raise Failure("greeting refused")
        reply = read_exact(self.tcp, 4)
        rest = read_exact(self.tcp, (4 if reply[3] == 1 else 16) + 2)
        self.code = reply[1]
        self.relay = (str(ipaddress.ip_address(rest[:-2])), *struct.unpack(">H", rest[-2:]))

    def socket(self, source=None):
        """A socket of the client, on the address of its connection."""
        with inside(self.ns):
            s = socket.socket(self.family, socket.SOCK_DGRAM)
        s.settimeout(self.timeout_s)
        s.bind((source or self.me, 0))
        return s

    def send(self, host, port, data, sock=None, **header):
        (sock or self.udp).sendto(udp_header(host, port, **header) + data, self.relay)

    def receive(self, sock=None):
        return udp_parse((sock or self.udp).recv(65536))

    def ask(self, host, port, data):
        """Sends, and gives the payload of the answer, which must come from there."""
        self.send(host, port, data)
        return self.receive()[2]

    def close(self):
        self.tcp.close()
        self.udp.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()


def http_connect(s, host, port):
    """CONNECT on an open connection; gives the status code."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    s.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
    head = read_head(s)
    if not head.startswith(b"HTTP/1."):
        raise Failure(f"no HTTP answer: {head!r}")
    return int(head.split()[1])


def get(s, path, host="target"):
    """One request on a kept connection; gives the body."""
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        part = s.recv(65536)
        if not part:
            raise Failure(f"end of file in an answer: {data!r}")
        data += part
    head, body = data.split(b"\r\n\r\n", 1)
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
            return (body + read_exact(s, length - len(body))).decode()
    raise Failure(f"no length in {head!r}")


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ping(ns, target, timeout_s=3.0):
    """One ICMP echo from NS; whether the answer came. (A fresh Debian has no ping.)"""
    with inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    mark = os.urandom(4)
    rest = mark + b"tsgw test"[:8]
    with s:
        end = time.monotonic() + timeout_s
        try:
            s.sendto(b"\x08\x00" + struct.pack(">H", checksum(b"\x08\x00\x00\x00" + rest)) + rest,
                     (target, 0))
            while (left := end - time.monotonic()) > 0:
                s.settimeout(left)
                data, (address, _) = s.recvfrom(2048)
                if address == target and data[20] == 0 and data[24:28] == mark:
                    return True
        except OSError:
            pass
    return False
