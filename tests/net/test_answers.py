# SPDX-License-Identifier: MIT
"""Answers tell the truth: every line of the contract's table §5, both as SOCKS5 and as HTTP, with its time."""
import signal
import socket
import threading
import time

from client import connect, http_connect, read_all, read_exact, socks5, socks5_request
from lab import Failure, check, equal, kill_all, wait_for
from picture import MAC, NO_NET, PRIMARY, SILENT, STRANGER, TARGET, UNREACHABLE, check_page
from run import deadline

AT_ONCE_S = 2.0  # what "at once" may take on a busy machine


def ask(picture, tailnet, host, port, how):
    """-> (code, seconds)"""
    s = connect(picture.mac, PRIMARY, tailnet.port)
    start = time.monotonic()
    try:
        code = socks5(s, host, port) if how == "socks5" else http_connect(s, host, port)
    finally:
        s.close()
    return code, time.monotonic() - start


def expect(picture, tailnet, host, port, socks, http, at_most_s, at_least_s=0.0):
    for how, wanted in (("socks5", socks), ("http", http)):
        code, took = ask(picture, tailnet, host, port, how)
        equal(code, wanted, f"{how} to {host}:{port}")
        check(at_least_s <= took <= at_most_s,
              f"{how} to {host}:{port} took {took:.2f} s, not {at_least_s:g} to {at_most_s:g}")


def test_never_proxied(picture):
    """Not routed, or always refused: 2 and 403, at once."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    for host in ("10.99.0.1", "8.8.8.8", "127.0.0.1", "127.1.2.3", "0.0.0.0", "169.254.169.254",
                 "224.0.0.1", "255.255.255.255", "10.200.0.1", "10.200.0.2", "10.200.77.1", PRIMARY,
                 "::1", "::", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.200.0.1",
                 "64:ff9b::7f00:1", f"127.0.0.1.{t.name}", f"127-0-0-1.{t.name}",
                 f"8.8.8.8.{t.name}", f"10.200.0.1.{t.name}"):
        expect(picture, t, host, 80, 2, 403, AT_ONCE_S)
    check_page(picture, t)


def test_wide_routes_refuse_the_forbidden(picture):
    """Even if the tailnet routes everything, what is always refused stays refused."""
    t = picture.tailnet("wide", 11080, ssh=False)
    t.wg_text = "\n".join(("[Interface]", f"PrivateKey = {t.private}", "Address = 10.77.0.2/32", "",
                           t.peer.section(allowed="0.0.0.0/0")))
    picture.gateway().start().wait_up()
    for host in ("127.0.0.1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255",
                 "10.200.0.1", "10.200.0.2"):
        expect(picture, t, host, 1080, 2, 403, AT_ONCE_S)
    check_page(picture, t)


def test_reset_and_icmp(picture):
    """Reset: 5 and 502; ICMP net and host unreachable: 3 or 4 and 502; as they arrive."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    expect(picture, t, TARGET, 4444, 5, 502, AT_ONCE_S)
    expect(picture, t, UNREACHABLE, 80, 4, 502, AT_ONCE_S)
    expect(picture, t, NO_NET, 80, 3, 502, AT_ONCE_S)


def test_silence(picture):
    """No answer to SYN: 6 and 504 after connect-timeout."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.keys = ["connect-timeout = 3"]
    picture.gateway().start().wait_up()
    expect(picture, t, SILENT, 80, 6, 504, 5.0, 2.5)


def test_ipv6_without_ipv6(picture):
    """IPv6 into a tunnel that has none: 3 and 502, at once."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    expect(picture, t, "2001:db8::1", 80, 3, 502, AT_ONCE_S)


def test_names(picture):
    """No such name: 4 and 502; another tailnet's name: refused, and HTTP names the right port."""
    t = picture.tailnet("red", 11080, ssh=False)
    u = picture.tailnet("blue", 11081, ssh=False, serve=False)
    picture.gateway().start().wait_up()
    expect(picture, t, f"nosuch.{t.name}", 80, 4, 502, 5.0)
    expect(picture, t, "nosuch.example.com", 80, 4, 502, 5.0)
    code, _ = ask(picture, t, f"{TARGET}.{u.name}", 3000, "socks5")
    check(code != 0, "a name of another tailnet was connected")
    p = picture.curl("--proxytunnel", "--proxy", f"http://{PRIMARY}:{t.port}", "-v",
                     f"http://{TARGET}.{u.name}:3000/")
    check(p.returncode != 0, "a name of another tailnet was connected")
    p = picture.curl("--proxy", f"http://{PRIMARY}:{t.port}", f"http://{TARGET}.{u.name}:3000/")
    check("11081" in p.stdout, f"the error does not name the right listener: {p.stdout!r}")


@deadline(90)
def test_peer_that_never_was(picture):
    """A peer that never completes a handshake: 3 and 503, within five seconds; state degraded."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False, start=False)
    g = picture.gateway().start()
    expect(picture, t, TARGET, 3000, 3, 503, 8.0)
    g.wait_state(t, "degraded", timeout_s=30)
    check(g.list()[t.name]["reason"] != "", "a reason")
    t.peer.start()
    t.peer.ns.spawn(["true"]).wait()
    wait_for(lambda: ask(picture, t, TARGET, 4444, "socks5")[0] == 5, "the tunnel comes up", 60)
    g.wait_up(t, timeout_s=30)


def test_node_killed(picture):
    """While the node is dead: 3 and 503 at once; afterwards it works again; the other tailnet never notices."""
    t = picture.tailnet("red", 11080, ssh=False)
    u = picture.tailnet("blue", 11081, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    pid = g.worker("tsgw-wg", t)
    kept = connect(picture.mac, PRIMARY, u.port)
    equal(socks5(kept, TARGET, 7), 0, "the other tailnet")
    kill_all([pid])
    seen = set()
    for _ in range(200):
        code, took = ask(picture, t, TARGET, 3000, "socks5")
        check(took < 6, f"an answer took {took:.1f} s")
        seen.add(code)
        if code == 0 and g.workers().get(("tsgw-wg", t.name)) not in (None, pid):
            break
    check(seen <= {0, 3}, f"codes while the node was dead and came back: {seen}")
    g.wait_up()
    check_page(picture, t)
    kept.sendall(b"x" * 10)
    kept.shutdown(socket.SHUT_WR)
    equal(read_exact(kept, 5 + len("blue")), b"blue coun", "the other tailnet's connection")
    kept.close()


@deadline(90)
def test_peer_lost(picture):
    """A peer that was there and is gone: 4 and 504 within 20 s; later, while it is known to be away, 3 and 503."""
    tailnets = {"socks5": picture.tailnet("red", 11080, ssh=False),
                "http": picture.tailnet("blue", 11081, ssh=False)}
    g = picture.gateway().start()
    g.wait_up()
    for t in tailnets.values():
        check_page(picture, t)
        t.peer.process.send(signal.SIGKILL)
        t.peer.process.wait()
    got = {}
    threads = [threading.Thread(target=lambda h=h, t=t: got.update(
        {h: ask(picture, t, TARGET, 3000, h)})) for h, t in tailnets.items()]
    for th in threads:
        th.start()
    for th in threads:
        th.join()
    for how, wanted in (("socks5", 4), ("http", 504)):
        code, took = got[how]
        equal(code, wanted, f"{how} to a lost peer")
        check(took <= 21, f"{how} to a lost peer took {took:.1f} s")
    t = tailnets["socks5"]
    g.wait_state(t, "degraded", timeout_s=10)
    expect(picture, t, TARGET, 3000, 3, 503, 8.0)
    t.peer.start()
    wait_for(lambda: ask(picture, t, TARGET, 4444, "socks5")[0] == 5, "the peer is back", 60)
    g.wait_up(t)


def test_bad_requests(picture):
    """Malformed and unknown requests get 1, 7, 8 and 400, 405, 431, at once."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    address = b"\x01" + socket.inet_aton(TARGET) + b"\x0b\xb8"
    for request, wanted in ((b"\x05\x02\x00" + address, 7), (b"\x05\x63\x00" + address, 7),
                            (b"\x05\x01\x00\x02abcd\x00\x50", 8), (b"\x04\x01\x00" + address, 1),
                            (b"\x05\x01\x00\x03\x00\x00\x50", 1),
                            (b"\x05\x01\x00\x03\x0elocalhost\x00evil\x00\x50", 1)):
        s = connect(picture.mac, PRIMARY, t.port)
        s.sendall(b"\x05\x01\x00")
        equal(read_exact(s, 2), b"\x05\x00", "greeting")
        s.sendall(request)
        equal(read_exact(s, 2)[1], wanted, f"reply to {request!r}")
        s.close()
    for request, wanted in ((b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                            (b"CONNECT nowhere HTTP/1.1\r\n\r\n", 400),
                            (b"CONNECT a:99999 HTTP/1.1\r\n\r\n", 400),
                            (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", 431)):
        s = connect(picture.mac, PRIMARY, t.port)
        try:
            s.sendall(request)
        except OSError:
            pass
        equal(status(s), wanted, f"answer to {request[:40]!r}")
        s.close()
    for greeting, wanted in ((b"\x05\x00", b"\x05\xff"), (b"\x05\x01\x09", b"\x05\xff")):
        s = connect(picture.mac, PRIMARY, t.port)
        s.sendall(greeting)
        try:
            got = s.recv(2)
        except ConnectionResetError:
            got = b""
        check(got in (wanted, b""), f"greeting {greeting!r}: {got!r}")
        s.close()


def status(s):
    data = b""
    while b"\r\n" not in data:
        try:
            part = s.recv(4096)
        except ConnectionResetError:
            part = b""
        if not part:
            raise Failure(f"no status line: {data!r}")
        data += part
    return int(data.split()[1])


def turned_away(picture, t):
    """The stranger's connection is closed or reset although it has said nothing."""
    try:
        with connect(picture.mac, PRIMARY, t.port, source=STRANGER) as s:
            equal(s.recv(1), b"", "what the stranger gets")
    except ConnectionResetError:
        pass


def test_allow(picture):
    """A client outside `allow` is closed before a byte is read; others are served."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.keys = [f"allow = {MAC}/32"]
    g = picture.gateway().start()
    g.wait_up()
    check_page(picture, t)
    turned_away(picture, t)
    g.process.wait_line(STRANGER)


def test_default_allow(picture):
    """Without `allow` the primary's own network is served (100.64.0.0/10 for a Tailscale address), others not."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    check_page(picture, t)
    turned_away(picture, t)


def test_half_close_and_reset(picture):
    """The client's end of file passes and the answer still comes; a reset passes as a reset, both ways."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 7), 0, "SOCKS5")
    s.sendall(b"x" * 100000)
    s.shutdown(socket.SHUT_WR)
    equal(read_exact(s, len("red counted 100000\n")), b"red counted 100000\n", "after half-close")
    equal(s.recv(1), b"", "end of file")
    s.close()
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 19), 0, "SOCKS5")
    equal(read_exact(s, 15), b"hello from red\n", "hello")
    s.sendall(b"reset me")
    try:
        got = s.recv(1)
    except ConnectionResetError:
        got = "reset"
    equal(got, "reset", "a reset from the target")
    s.close()


def test_early_data_and_drip(picture):
    """Greeting, request and data in one segment; and all of it byte by byte."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    everything = b"\x05\x01\x00" + socks5_request(f"{TARGET}.{t.name}", 3000) + \
        b"GET /early HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for step in (len(everything), 1):
        s = connect(picture.mac, PRIMARY, t.port)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(0, len(everything), step):
            s.sendall(everything[i:i + step])
        check(read_all(s).endswith(b"this is red, you asked for /early\n"), f"steps of {step}")
        s.close()
