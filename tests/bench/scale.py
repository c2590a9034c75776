#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Time from start to ready, and memory per tailnet, for 1 and for 100 tailnets.

Ready means: READY=1 came and every tailnet is `up`, so every tunnel has completed its handshake. One
WireGuard host is the peer of all of them.
"""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import L, machine, median, pss_kb, table  # noqa: E402
import picture as P  # noqa: E402


def many(picture, n, engine):
    """N tailnets behind one peer: equal networks, own keys; the far end tells them by address."""
    hub = P.Peer(picture, "hub", engine, 1, ssh=False, serve=False)
    tailnets, args = [], []
    for i in range(n):
        private, public = P.key_pair()
        t = P.Tailnet(picture, f"s{i}x", 12000 + i, [hub], private)
        inner = f"10.78.{i // 200}.{i % 200 + 1}"
        t.wg_text = "\n".join(("[Interface]", f"PrivateKey = {private}", f"Address = {inner}/32", "",
                               hub.section()))
        args += ["peer", public, "allowed-ips", inner + "/32"]
        tailnets.append(t)
    P.wg("set", hub.ifname, *args)
    return tailnets, hub


def once(n, engine):
    with L.Lab() as lab:
        picture = P.Picture(lab)
        tailnets, _ = many(picture, n, engine)
        g = picture.gateway(tailnets)
        start = time.monotonic()
        g.start(timeout_s=120)
        notified = time.monotonic() - start
        L.wait_for(lambda: all(t["state"] == "up" for t in g.list().values()),
                   lambda: {k: v["state"] for k, v in g.list().items() if v["state"] != "up"}, 60)
        up = time.monotonic() - start
        workers = g.workers()
        own = sum(pss_kb(p) for (k, _), p in workers.items() if k != "tsgw-dns") / 1024
        everything = own + sum(pss_kb(p) for (k, _), p in workers.items()
                               if k == "tsgw-dns") / 1024 + pss_kb(g.process.pid) / 1024
        start = time.monotonic()
        code = g.stop()
        if code:
            raise L.Failure(f"tsgwd ended with {code}: {g.process.log()[-2000:]}")
        return notified, up, own / n, everything / n, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--tailnets", type=int, nargs="*", default=[1, 100])
    a = parser.parse_args()
    L.catch_signals()
    engine = "wireguard" if P.engine_path("wireguard") else "wireguard-go"
    rows = []
    for n in a.tailnets:
        runs = [once(n, engine) for _ in range(a.repeat)]
        m = [median(column) for column in zip(*runs)]
        rows.append([n, f"{m[0]:.2f}", f"{max(r[0] for r in runs):.2f}", f"{m[1]:.2f}",
                     f"{m[2]:.2f}", f"{m[3]:.2f}", f"{m[4]:.2f}"])
    print(f"Start to ready; {machine()}; median of {a.repeat}; the peer is {engine}")
    table(["tailnets", "READY=1 s", "worst s", "all up s", "workers' PSS MB each",
           "all PSS MB each", "stop s"], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
