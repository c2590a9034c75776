#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The listener's relay alone: tsgw-proxy beside microsocks and the plain routed path.

    client ── proxy (tsgw-proxy, microsocks, or a router) ── server (nginx)

Bulk: curl of a 1 GiB file. Rate: connect + SOCKS5 + HTTP GET of 100 bytes + close, in THREADS
processes for some seconds. Prints one line for each; compare only within one run.
"""
import multiprocessing
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net"))
import lab as L  # noqa: E402
import proxyworker as W  # noqa: E402

SECONDS, THREADS, ROUNDS = 3, 32, 3
REQUEST5 = b"\5\1\0\1" + socket.inet_aton("10.9.0.2") + struct.pack("!H", 3000)
GET = b"GET /small HTTP/1.0\r\n\r\n"


def build(lab):
    client, proxy, server = (lab.ns(n) for n in ("client", "proxy", "server"))
    a, b = lab.link(client, proxy)
    client.ip(f"addr add 192.0.2.2/24 dev {a}", "route add 10.9.0.0/24 via 192.0.2.1")
    proxy.ip(f"addr add 192.0.2.1/24 dev {b}")
    a, b = lab.link(proxy, server)
    proxy.ip(f"addr add 10.9.0.1/24 dev {a}")
    server.ip(f"addr add 10.9.0.2/24 dev {b}", "route add 192.0.2.0/24 via 10.9.0.1")
    proxy.sysctl("ipv4/ip_forward", 1)
    for ns in (client, proxy):
        ns.sysctl("ipv4/ip_local_port_range", "1024 65535")
        ns.sysctl("ipv4/tcp_tw_reuse", 1)
    os.chmod(lab.dir, 0o755)
    lab.file("small", "x" * 100, 0o644)
    with open(lab.file("big", "", 0o644), "r+b") as f:
        block = os.urandom(1 << 20)
        for _ in range(1024):
            f.write(block)
    conf = lab.file("nginx.conf", f"""daemon off; pid {lab.dir}/pid; error_log stderr crit;
        events {{ worker_connections 8192; }}
        http {{ access_log off; sendfile on; server {{ listen 3000 backlog=4096;
        root {lab.dir}; }} }}""")
    server.spawn([L.tool("nginx"), "-c", conf, "-p", lab.dir])
    L.wait_for(lambda: server.run(["ss", "-Hltn", "sport = 3000"]).stdout.strip(), "nginx")
    return client, proxy


def bulk(client, options):
    rates = []
    for _ in range(ROUNDS):
        out = client.run(["curl", "-sSf", "-o", "/dev/null", "-w", "%{speed_download}", *options,
                          "http://10.9.0.2:3000/big"], ok=0).stdout
        rates.append(float(out) * 8 / 1e9)
    return sorted(rates)[ROUNDS // 2]


def one(where, socks):
    s = socket.create_connection(where)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if socks:
        s.sendall(b"\5\1\0")
        assert s.recv(2) == b"\5\0"
        s.sendall(REQUEST5)
        assert s.recv(10)[:2] == b"\5\0"
    s.sendall(GET)
    size = 0
    while data := s.recv(4096):
        size += len(data)
    s.close()
    assert size > 100


def hammer(client, where, socks, end, queue):
    times = []
    with L.inside(client):
        while time.monotonic() < end:
            begin = time.monotonic()
            one(where, socks)
            times.append(time.monotonic() - begin)
    queue.put(times)


def rate(client, where, socks, threads):
    queue, end = multiprocessing.Queue(), time.monotonic() + SECONDS
    workers = [multiprocessing.Process(target=hammer, args=(client, where, socks, end, queue))
               for _ in range(threads)]
    for w in workers:
        w.start()
    times = sorted(t for _ in workers for t in queue.get())
    for w in workers:
        w.join()
    return len(times) / SECONDS, times[len(times) // 2] * 1e3, times[len(times) * 99 // 100] * 1e3


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        v = f.read().rsplit(")", 1)[1].split()
    return (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")


def measure(name, client, options, where, socks, pid=None):
    before = cpu_s(pid) if pid else 0
    gbits = bulk(client, options)
    cpu = f"{(cpu_s(pid) - before) / (ROUNDS * 1.074):.2f}" if pid else "-"
    one_s, one_p50, _ = rate(client, where, socks, 1)
    before = cpu_s(pid) if pid else 0
    many_s, _, p99 = rate(client, where, socks, THREADS)
    us = f"{(cpu_s(pid) - before) / (many_s * SECONDS) * 1e6:.0f}" if pid else "-"
    print(f"{name:12} {gbits:6.2f} Gb/s  {cpu:>5} CPU-s/GB  {one_s:7.0f}/s x1 (p50 {one_p50:.2f} ms)"
          f"  {many_s:7.0f}/s x{THREADS} (p99 {p99:.1f} ms, {us} CPU-us each)", flush=True)


def main():
    with L.Lab() as lab:
        client, proxy = build(lab)
        measure("routed", client, [], ("10.9.0.2", 3000), False)
        w = W.Worker(proxy, uid=lab.uid_base + 1)
        try:
            w.configure(routes=[(1, "10.9.0.0/24")], allow=["192.0.2.0/24"])
            w.peer(1, W.UP)
            w.listen(proxy, "192.0.2.1", 11080)
            start = w.memory_kib()
            measure("tsgw-proxy", client, ["--socks5", "192.0.2.1:11080"], ("192.0.2.1", 11080),
                    True, w.pid)
            print(f"tsgw-proxy   {bulk(client, ['--proxy', 'http://192.0.2.1:11080']):6.2f} Gb/s"
                  f"  over HTTP; Pss {start} KiB at start, {w.memory_kib()} KiB after load")
        finally:
            w.stop()
        m = proxy.spawn([L.tool("microsocks"), "-i", "192.0.2.1", "-p", "1080"])
        L.wait_for(lambda: proxy.run(["ss", "-Hltn", "sport = 1080"]).stdout.strip(), "microsocks")
        measure("microsocks", client, ["--socks5", "192.0.2.1:1080"], ("192.0.2.1", 1080), True,
                m.pid)


if __name__ == "__main__":
    main()
