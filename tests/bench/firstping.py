# SPDX-License-Identifier: MIT
"""Run inside a namespace: how long from starting a node to the first answered ping, in ms.

Usage: firstping.py PROGRAM IFNAME LOCAL-ADDRESS PEER-ADDRESS < UAPI-CONFIGURATION

Configures the node and its interface itself: what ip(8) and wg(8) take to start is not the node's.
"""
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time

SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8914, 0x8916, 0x891c


def echo_request():
    packet = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + bytes(56)
    total = sum(struct.unpack("!%dH" % (len(packet) // 2), packet))
    return packet[:2] + struct.pack("!H", ~total & 0xffff) + packet[4:]


def configure_link(ctl, name, address):
    def request(number, payload):
        fcntl.ioctl(ctl, number, name.encode().ljust(16, b"\0") + payload.ljust(24, b"\0"))

    request(SIOCSIFADDR, struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(address)))
    request(SIOCSIFNETMASK, struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton("255.255.255.0")))
    request(SIOCSIFFLAGS, struct.pack("=H", 0x1))


def connect(path):
    end = time.monotonic() + 10
    while True:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(path)
            return s
        except OSError:
            if time.monotonic() > end:
                raise
            s.close()


def main():
    program, name, local, peer = sys.argv[1:]
    configuration = sys.stdin.buffer.read()
    path = "/run/wireguard/%s.sock" % name
    ctl = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    raw.settimeout(10)
    env = dict(os.environ, LOG_LEVEL="error", WG_PROCESS_FOREGROUND="1", WG_SUDO="true")
    start = time.perf_counter()
    with subprocess.Popen([program, "-f", name], env=env, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as node:
        try:
            uapi = connect(path)
            ready = time.perf_counter()
            uapi.sendall(configuration)
            if b"errno=0" not in uapi.recv(4096):
                raise RuntimeError("the node does not take its configuration")
            configure_link(ctl, name, local)
            raw.sendto(echo_request(), (peer, 0))
            while raw.recv(2048)[20] != 0:
                pass
            print((ready - start) * 1000, (time.perf_counter() - start) * 1000)
        finally:
            node.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    main()
