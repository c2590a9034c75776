# SPDX-License-Identifier: MIT
"""HTTP/3 by aioquic, a stranger's QUIC: a server, and a client behind SOCKS5's UDP ASSOCIATE.

    quic.py MODULES serve HOST PORT CERT KEY
    quic.py MODULES fetch PROXY PORT HOST PORT SIZE…

The client opens one QUIC connection to HOST through one association, and asks over it for SIZE bytes and sends as
many, all sizes at the same time; it prints the SHA-256 of what it got and what the server says of what it sent.
"""
import asyncio
import hashlib
import ipaddress
import socket
import struct
import sys

sys.path.insert(0, sys.argv[1])
from aioquic.asyncio import QuicConnectionProtocol, serve  # noqa: E402
from aioquic.h3.connection import H3_ALPN, H3Connection  # noqa: E402
from aioquic.h3.events import DataReceived, HeadersReceived  # noqa: E402
from aioquic.quic.configuration import QuicConfiguration  # noqa: E402
from aioquic.quic.connection import QuicConnection  # noqa: E402
from aioquic.quic.events import ProtocolNegotiated  # noqa: E402


def body(size):
    return (bytes(range(256)) * (size // 256 + 1))[:size]


class Http3(QuicConnectionProtocol):
    http = None

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        for e in self.http.handle_event(event) if self.http else ():
            self.heard(e)


class Server(Http3):
    """`GET /N`: N bytes; `POST`: the digest of the body."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.asked, self.got = {}, {}

    def heard(self, e):
        if isinstance(e, HeadersReceived):
            self.asked[e.stream_id] = dict(e.headers)
            self.got[e.stream_id] = hashlib.sha256()
        elif isinstance(e, DataReceived):
            self.got[e.stream_id].update(e.data)
        if e.stream_ended:
            path = self.asked[e.stream_id][b":path"].decode()
            told = self.got[e.stream_id].hexdigest().encode()
            self.http.send_headers(e.stream_id, [(b":status", b"200")])
            self.http.send_data(e.stream_id, body(int(path[1:])) if path != "/" else told, True)
            self.transmit()


class Client(Http3):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.got, self.ended = {}, {}

    def heard(self, e):
        if isinstance(e, DataReceived):
            self.got[e.stream_id] += e.data
        if e.stream_ended:
            self.ended[e.stream_id].set_result(bytes(self.got[e.stream_id]))

    async def ask(self, path, data=b""):
        stream = self._quic.get_next_available_stream_id()
        self.got[stream], self.ended[stream] = bytearray(), asyncio.get_running_loop().create_future()
        method = b"POST" if data else b"GET"
        self.http.send_headers(stream, [(b":method", method), (b":scheme", b"https"), (b":authority", b"red"),
                                        (b":path", path.encode())], not data)
        if data:
            self.http.send_data(stream, data, True)
        self.transmit()
        return await asyncio.wait_for(self.ended[stream], 60)


class Associated(asyncio.DatagramProtocol):
    """Stands between QUIC and its socket: every datagram goes by way of the relay."""

    def __init__(self, quic, to):
        self.quic, self.to, self.sent, self.received = quic, to, 0, 0

    def connection_made(self, transport):
        self.transport = transport
        self.quic.connection_made(self)

    def get_extra_info(self, name, default=None):
        return self.transport.get_extra_info(name, default)

    def sendto(self, data, to):
        self.sent += 1
        try:
            where = b"\x01" + ipaddress.ip_address(to[0]).packed
        except ValueError:
            where = b"\x03" + bytes([len(to[0])]) + to[0].encode()
        self.transport.sendto(b"\0\0\0" + where + struct.pack(">H", to[1]) + data)

    def datagram_received(self, data, addr):
        self.received += 1
        self.quic.datagram_received(data[10:], self.to)  # the relay names the address that it found

    def close(self):
        self.transport.close()


def associate(proxy, port):
    """The connection that keeps an association alive, and where its relay is."""
    s = socket.create_connection((proxy, port), 20)
    s.sendall(b"\5\1\0\5\3\0\1\0\0\0\0\0\0")
    answer = b""
    while len(answer) < 12:
        answer += s.recv(12 - len(answer))
    assert answer[:6] == b"\5\0\5\0\0\1", answer
    return s, (socket.inet_ntoa(answer[6:10]), *struct.unpack(">H", answer[10:]))


async def fetch(proxy, proxy_port, host, port, *sizes):
    control, relay = associate(proxy, int(proxy_port))
    to = (host, int(port))
    config = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=0, server_name="red")
    client = Client(QuicConnection(configuration=config))
    _, between = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Associated(client, to), remote_addr=relay)
    client.connect(to)
    await asyncio.wait_for(client.wait_connected(), 30)
    work = [client.ask(f"/{size}") for size in sizes] + [client.ask("/", body(int(size))) for size in sizes]
    done = await asyncio.gather(*work)
    for got in done[:len(sizes)]:
        print(hashlib.sha256(got).hexdigest())
    for got in done[len(sizes):]:
        print(got.decode())
    print(f"# {between.sent} datagrams out, {between.received} in", file=sys.stderr)
    client.close()
    control.close()


async def main(what, *words):
    if what == "fetch":
        await fetch(*words)
        return
    config = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    config.load_cert_chain(*words[2:])
    await serve(words[0], int(words[1]), configuration=config, create_protocol=Server)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[2:]))
