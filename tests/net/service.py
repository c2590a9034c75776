# SPDX-License-Identifier: MIT
"""What runs on a host behind a tailnet: a web page that says who it is, and services with manners.

    python3 service.py NAME        serves until it is ended; says "ready" when every port listens

    3000  HTTP/1.1 with keep-alive: /PATH says who and what, /bytes/N gives N bytes
    7     reads to the end of file, then says how many bytes came (half-close)
    9     reads and forgets
    19    says "hello from NAME", then resets the connection
"""
import asyncio
import re
import socket
import struct
import sys

CHUNK = bytes(256 * 1024)


class Web(asyncio.Protocol):
    def __init__(self, name):
        self.name, self.pending, self.left, self.writable = name, b"", 0, True

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.pending += data
        while not self.left and b"\r\n\r\n" in self.pending:
            head, self.pending = self.pending.split(b"\r\n\r\n", 1)
            self.answer(head)

    def answer(self, head):
        words = head.split(b" ", 2)
        path = words[1].decode("latin-1") if len(words) == 3 else "/"
        bulk = re.fullmatch(r"/bytes/(\d+)", path)
        body = b"" if bulk else f"this is {self.name}, you asked for {path}\n".encode()
        length = int(bulk[1]) if bulk else len(body)
        close = b"connection: close" in head.lower()
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nServer: %s\r\n"
                             b"Content-Length: %d\r\n%s\r\n%s"
                             % (self.name.encode(), length,
                                b"Connection: close\r\n" if close else b"", body))
        if bulk:
            self.left = length
            self.pour()
        elif close:
            self.transport.close()

    def pour(self):
        while self.left and self.writable and not self.transport.is_closing():
            part = min(self.left, len(CHUNK))
            self.left -= part
            self.transport.write(CHUNK if part == len(CHUNK) else CHUNK[:part])

    def pause_writing(self):
        self.writable = False

    def resume_writing(self):
        self.writable = True
        self.pour()


class Count(asyncio.Protocol):
    """Half-close: answers only after the client's end of file."""

    def __init__(self, name):
        self.name, self.count = name, 0

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.count += len(data)

    def eof_received(self):
        self.transport.write(f"{self.name} counted {self.count}\n".encode())
        self.transport.close()


class Discard(asyncio.Protocol):
    pass


class Reset(asyncio.Protocol):
    def __init__(self, name):
        self.name = name

    def connection_made(self, transport):
        self.transport = transport
        transport.write(f"hello from {self.name}\n".encode())

    def data_received(self, data):
        s = self.transport.get_extra_info("socket")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


async def serve(name):
    loop = asyncio.get_running_loop()
    for port, protocol in ((3000, lambda: Web(name)), (7, lambda: Count(name)), (9, Discard),
                           (19, lambda: Reset(name))):
        for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            await loop.create_server(protocol, host, port, family=family, backlog=4096)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
