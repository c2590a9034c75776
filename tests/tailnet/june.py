# SPDX-License-Identifier: MIT
"""What seed 000 talks to: june.py serves /healthz on 8080 and a WebSocket on 7880, and says "ready"."""
import asyncio
import contextlib
import http.server
import threading

import websockets


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"healthy\n" if self.path == "/healthz" else b"orchestrator\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


async def main():
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    async def echo(socket, *_):
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in socket:
                await socket.send(f"livekit: {message}")
    async with websockets.serve(echo, "0.0.0.0", 7880):
        print("ready", flush=True)
        await asyncio.Future()


asyncio.run(main())
