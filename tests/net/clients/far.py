# SPDX-License-Identifier: MIT
"""What strangers' clients visit behind a tailnet, besides service.py.

    far.py ADDRESS NAME CERT KEY DIRECTORY      says "ready" when every port listens

    3080  DIRECTORY as files (git's plain HTTP, for one)
    3443  HTTPS: "this is NAME, you asked for /PATH"
    3081  a page that talks by WebSocket to 3082 and then asks for /said/ANSWER, which is printed
    3082  a WebSocket that answers every message with "NAME: message"
"""
import asyncio
import contextlib
import functools
import http.server
import ssl
import sys
import threading
import urllib.parse

import websockets

PAGE = """<!doctype html><title>waiting</title><script>
const s = new WebSocket("ws://" + location.hostname + ":3082/");
s.onopen = () => s.send("are you there");
s.onmessage = m => { fetch("/said/" + encodeURIComponent(m.data)); s.close(1000); };
</script>"""


class Say(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    text, kind = "", "text/plain"

    def do_GET(self):
        if self.path.startswith("/said/"):
            print("said", urllib.parse.unquote(self.path[len("/said/"):]), flush=True)
        body = self.text.replace("PATH", self.path).encode()
        self.send_response(200)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve(address, port, handler, tls=None):
    server = http.server.ThreadingHTTPServer((address, port), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


async def main(address, name, cert, key, directory):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    serve(address, 3080, functools.partial(Files, directory=directory))
    serve(address, 3443, type("Secure", (Say,), {"text": f"this is {name}, you asked for PATH\n"}), tls)
    serve(address, 3081, type("Page", (Say,), {"text": PAGE, "kind": "text/html"}))

    async def echo(socket, *_):
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in socket:
                await socket.send(f"{name}: {message}")
    async with websockets.serve(echo, address, 3082):
        print("ready", flush=True)
        await asyncio.Future()


asyncio.run(main(*sys.argv[1:]))
