# SPDX-License-Identifier: MIT
"""Users and passwords at the listener: both protocols, waiting in line, guessing gets slow.

The place is that of test_proxy_alone.
"""
import base64
import ctypes
import os
import pty
import socket
import threading
import time

import lab as L
import proxyworker as W
import test_proxy_alone as A

REPLY = b"\5\0\0\1"


def hashed(password, kib=8192, passes=1):
    """As tsgwctl passwd does it, but as cheap as the file says."""
    sodium = ctypes.CDLL("libsodium.so.23")
    out = ctypes.create_string_buffer(128)
    L.check(sodium.sodium_init() >= 0, "libsodium")
    L.equal(sodium.crypto_pwhash_str(out, password, ctypes.c_ulonglong(len(password)),
                                     ctypes.c_ulonglong(passes), ctypes.c_size_t(kib * 1024)), 0,
            "crypto_pwhash_str")
    return out.value.decode()


def login(user, password):
    return b"\1" + bytes([len(user)]) + user + bytes([len(password)]) + password


def basic(user, password):
    return b"Proxy-Authorization: Basic " + base64.b64encode(user + b":" + password) + b"\r\n"


LONG = b"x" * 255


def make(lab, **more):
    users = [("bob", hashed(b"secret")), ("x" * 255, hashed(LONG)), ("J\u00f6rg", hashed(b"p:w"))]
    return A.Place(lab, users=users, **more)


def test_socks(lab):
    """RFC 1929: right, wrong, malformed, in one segment and byte by byte; no way round it."""
    with make(lab) as p:
        p.serve(1, A.echo)
        for user, password in ((b"bob", b"secret"), (LONG, LONG), ("J\u00f6rg".encode(), b"p:w")):
            data = b"\5\2\0\2" + login(user, password) + A.request5(A.HOST, 1) + b"early"
            for drip in (False, True):
                s = p.connect(b"" if drip else data)
                for i in range(len(data) if drip else 0):
                    s.sendall(data[i:i + 1])
                s.shutdown(socket.SHUT_WR)
                got = A.read_all(s)
                L.equal(got[:4], b"\5\2\1\0", f"login of {user[:9]!r}")
                L.equal((got[4:8], got[-5:]), (REPLY, b"early"), "what came behind it")
        for data, wanted, counter in (
                (b"\5\1\0", b"\5\xff", "no_login"), (b"\5\2\0\1", b"\5\xff", "no_login"),
                (b"\5\1\2" + login(b"bob", b"Secret"), b"\5\2\1\1", "wrong_login"),
                (b"\5\1\2\1\0\1x", b"\5\2\1\1", "bad_login"),
                (b"\5\1\2\1\3bob\0", b"\5\2\1\1", "bad_login"),
                (b"\5\1\2\5\1\0", b"\5\2\1\1", "bad_login"),
                (b"\4\1\0\1\x0a\x09\0\2bob\0", b"\0\x5d" + bytes(6), "no_login"),
                (b"\4\1\0\1\0\0\0\1bob\0grafana\0", b"\0\x5d" + bytes(6), "no_login")):
            before = p.worker.stats()
            L.equal(A.read_all(p.connect(data)), wanted, f"answer to {data!r}")
            after = p.worker.stats()
            L.equal({k for k in W.RESULTS if after[k] != before[k]}, {counter}, "what was counted")
        # the host's own listener asks for nothing
        p.worker.listen(p.proxy, "192.0.2.1", 1080, only="192.0.2.2")
        s = p.connect(A.GREETING + A.request5(A.HOST, 1), to=("192.0.2.1", 1080))
        L.equal(A.read_exactly(s, 6), b"\5\0" + REPLY, "the veth listener")


def answers(s, n):
    """N answers with their bodies: [(status, head, body)]."""
    data, out = b"", []
    while len(out) < n:
        while b"\r\n\r\n" not in data:
            more = s.recv(65536)
            L.check(more, f"end of file after {out} and {data}")
            data += more
        head, data = data.split(b"\r\n\r\n", 1)
        length = next((int(x.split(b":")[1]) for x in head.split(b"\r\n")
                       if x.lower().startswith(b"content-length:")), 0)
        while len(data) < length:
            data += s.recv(65536)
        out.append((int(head[9:12]), head, data[:length]))
        data = data[length:]
    return out


def test_http(lab):
    """407, the retry on the same connection, keep-alive; nothing of it reaches the server."""
    with make(lab) as p:
        p.serve(80, A.http_hello)
        get, end = b"GET http://grafana/ HTTP/1.1\r\nHost: grafana\r\n", b"\r\n"
        s = p.connect(get + end)
        [(status, head, body)] = answers(s, 1)
        L.equal(status, 407, "without credentials")
        L.check(b'Proxy-Authenticate: Basic realm="tsgw red"' in head, head)
        L.check(b"Connection: close" not in head and b"Tailnet: red" in body, head + body)
        s.sendall(get + basic(b"bob", b"wrong") + end)
        L.equal(answers(s, 1)[0][0], 407, "wrong password, on the same connection")
        s.sendall(get + basic(b"bob", b"secret") + end)
        [(status, head, body)] = answers(s, 1)
        L.equal(status, 200, "right password, on the same connection")
        L.check(b"roxy-" not in body and b"Basic" not in body, f"the server was told: {body}")
        s.sendall(get + basic(b"bob", b"secret") + end + get + end + get +
                  basic("J\u00f6rg".encode(), b"p:w") + end)
        L.equal([a[0] for a in answers(s, 3)], [200, 407, 200], "pipelined")
        s.sendall(b"HEAD http://grafana/ HTTP/1.1\r\n\r\n" + get + basic(b"bob", b"secret") + end)
        L.equal(A.read_exactly(s, 12), b"HTTP/1.1 407", "HEAD")
        data = b""
        while b"\r\n\r\n" not in data:
            data += s.recv(1)
        L.equal(answers(s, 1)[0][0], 200, "behind an answer to HEAD without a body")
        connect = b"CONNECT grafana:80 HTTP/1.1\r\nHost: grafana:80\r\n"
        s = p.connect(connect + end)
        L.equal(answers(s, 1)[0][0], 407, "CONNECT without credentials")
        s.sendall(connect + basic(b"bob", b"secret") + end)
        L.equal(A.read_exactly(s, 12), b"HTTP/1.1 200", "CONNECT with them, on the same connection")
        for data, counter in ((get, "no_login"), (get + b"Proxy-Authorization: Digest x\r\n",
                                                  "bad_login"),
                              (get + b"Proxy-Authorization: Basic %%%\r\n", "bad_login"),
                              (get + b"Proxy-Authorization: Basic Ym9i\r\n", "bad_login"),
                              (get + basic(b"", b"x"), "bad_login"),
                              (get + basic(b"bob", b""), "bad_login"),
                              (get + basic(b"bob", b"x" * 256), "bad_login"),
                              (get + basic(b"bob", b"secret") * 2, "bad_login")):
            before = p.worker.stats()
            got = A.read_all(p.connect(data + b"Connection: close\r\n\r\n"))
            L.equal(got[9:12], b"407", f"answer to {data!r}")
            L.check(b"Connection: close" in got, got)
            L.equal(p.worker.stats()[counter], before[counter] + 1, counter)
        # a body, or bytes for the tunnel, that nobody will read: the connection cannot go on
        for data in (b"POST http://grafana/ HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
                     connect + end + b"\x16\3\1"):
            got = A.read_all(p.connect(data))
            L.check(got[9:12] == b"407" and b"Connection: close" in got, got)
            L.equal(got.count(b"HTTP/1.1"), 1, "answers")
        got = A.read_all(p.connect(b"GET http://grafana/ HTTP/1.0\r\n\r\n"))
        L.check(got[9:12] == b"407" and b"Connection: close" in got, got)


def test_slow_hash(lab):
    """A hash of 256 MiB holds up nobody but who waits for it; many with one password cost one."""
    with A.Place(lab, users=[("bob", hashed(b"secret", 262144, 3))]) as p:
        p.serve(1, A.echo)
        p.worker.listen(p.proxy, "192.0.2.1", 1080, only="192.0.2.2")
        data = b"\5\1\2" + login(b"bob", b"secret") + A.request5(A.HOST, 1)
        before = p.worker.cpu_s()
        waiting = [p.connect(data) for _ in range(50)]
        trusted = p.connect(A.GREETING + A.request5(A.HOST, 1), to=("192.0.2.1", 1080))
        A.read_exactly(trusted, 12)
        times = []
        while not p.worker.stats()["ok"] > 1:
            begin = time.monotonic()
            trusted.sendall(b"x")
            L.equal(trusted.recv(1), b"x", "echo beside a hash")
            times.append(time.monotonic() - begin)
        print(f"# {len(times)} echoes while a hash was made, the longest {max(times) * 1000:.1f} ms")
        L.check(len(times) >= 10, f"the loop stood still: {len(times)} echoes")
        for s in waiting:
            L.equal(A.read_exactly(s, 8), b"\5\2\1\0" + REPLY, "all of them")
        one = p.worker.cpu_s() - before
        s = p.connect(data)
        L.equal(A.read_exactly(s, 8), b"\5\2\1\0" + REPLY, "one more")
        L.check(p.worker.cpu_s() - before - one < one / 2 + 0.1, "it was hashed again")
        # other users: what was known is forgotten
        p.configure(users=[("bob", hashed(b"other"))])
        L.equal(A.read_all(p.connect(data)), b"\5\2\1\1", "the old password after a reload")
        s.sendall(b"still")
        A.read_exactly(s, 6)
        L.equal(A.read_exactly(s, 5), b"still", "a connection from before it")
        p.configure(users=[])
        L.equal(A.read_all(p.connect(data)), b"\5\2\1\1", "nobody may")
        p.configure(users=None)
        L.equal(A.read_exactly(p.connect(A.GREETING), 2), b"\5\0", "no password is asked for")


def test_guessing(lab):
    """Failures make one source slow, not another, nor those who know; an unknown user costs as much."""
    with make(lab) as p:
        p.serve(1, A.echo)
        good = b"\5\1\2" + login(b"bob", b"secret") + A.request5(A.HOST, 1)
        bad = b"\5\1\2" + login(b"bob", b"guess")

        def guess(data=bad, source="192.0.2.2"):
            begin = time.monotonic()
            L.equal(A.read_all(p.connect(data, source)), b"\5\2\1\1", "a guess")
            return time.monotonic() - begin
        start = time.monotonic()
        guess()
        times = [guess(b"\5\1\2" + login(b"user%d" % i, b"guess")) for i in range(3)]
        # 0.5, 1 and 2 s, each counted from the refusal before it, which is made before it is heard of
        L.check(time.monotonic() - start > 3.4, f"no waits: {times}")
        L.check(guess(source="192.0.2.3") < times[2], "another source waits too")
        # who is known goes on, from the same source; others wait in the line of that source
        s = p.connect(good, "192.0.2.3")
        L.equal(A.read_exactly(s, 4), b"\5\2\1\0", "from elsewhere, after a wait")
        begin = time.monotonic()
        L.equal(A.read_exactly(p.connect(good), 4), b"\5\2\1\0", "known")
        L.check(time.monotonic() - begin < 1, "one who is known had to wait")
        # a crowd of guesses does not get more of them looked at
        failed = p.worker.stats()["wrong_login"]
        crowd = [p.connect(bad) for _ in range(40)]
        L.wait_for(lambda: p.worker.stats()["wrong_login"] > failed, "one of them to be checked")
        L.check(p.worker.stats()["wrong_login"] <= failed + 2, "many at once")
        for c in crowd:
            c.close()
        L.wait_for(lambda: p.worker.stats()["clients"] <= 2, "those who left to be forgotten")


def test_login_queue(lab):
    """More passwords at once than wait: those of one address, then all; who is told so is counted, and one
    address does not take the places of the others."""
    with A.Place(lab, users=[("bob", hashed(b"secret", 262144, 3))]) as p:
        data = b"\5\1\2" + login(b"bob", b"guess")
        crowd = [p.connect(data) for _ in range(300)]
        L.wait_for(lambda: p.worker.stats()["login_queue_full"] >= 30, "the address's places to be taken")
        L.wait_for(lambda: p.worker.stats()["login_limit"] >= 30, "it to be counted")
        L.check(p.worker.stats()["login_queue_full"] < 60, "more were refused")
        s = p.connect(b"\5\1\2" + login(b"bob", b"secret"), "192.0.2.3")
        L.equal(A.read_exactly(s, 4), b"\5\2\1\0", "another address")
        for c in crowd:
            c.close()
        L.wait_for(lambda: p.worker.stats()["clients"] == 1, "the crowd to be gone")
        # their places are free again, and there are no more than so many for all
        p.client.ip(*(f"addr add 192.0.2.{n}/24 dev {p.near}" for n in range(4, 10)))
        full = p.worker.stats()["login_queue_full"]
        crowd = [p.connect(data, f"192.0.2.{n}") for n in range(4, 9) for _ in range(220)]
        L.wait_for(lambda: p.worker.stats()["login_queue_full"] > full, "the queue to be full")
        for c in crowd:
            c.close()


def nc_at_terminal(p, proxy, user, typed):
    """As a ProxyCommand of ssh: nc asks its terminal for the password."""
    L.tool("nc")
    with L.inside(p.client):
        pid, fd = pty.fork()
        if not pid:
            os.execlp("sh", "sh", "-c", "printf 'GET /nc HTTP/1.0\\r\\n\\r\\n' | exec nc -N -w 20 -X connect"
                      f" -x {proxy} -P {user} grafana.red 3000 2>&1")
    said, asked = b"", 0
    while True:
        try:
            said += os.read(fd, 1000)
        except OSError:
            break
        if said.count(b"assword") > asked:  # it may ask several times
            os.write(fd, typed)
            asked += 1
    os.close(fd)
    os.waitpid(pid, 0)
    return said


def test_real_clients(lab):
    """curl in all its ways, nc, requests with PySocks."""
    with make(lab) as p:
        p.serve(3000, A.http_hello)
        proxy = "%s:%d" % A.LISTEN
        for args in (["--socks5-hostname", proxy, "--proxy-user", "bob:secret"],
                     ["-x", "socks5h://bob:secret@" + proxy],
                     ["-x", "socks5h://J%C3%B6rg:p%3Aw@" + proxy],
                     ["--proxy", "http://" + proxy, "--proxy-user", "bob:secret"],
                     ["--proxy", "http://" + proxy, "--proxy-user", "bob:secret", "--proxy-anyauth"],
                     ["-p", "--proxy", "http://bob:secret@" + proxy],
                     ["-p", "--proxy", "http://bob:secret@" + proxy, "--proxy-anyauth"]):
            got = p.client.run(["curl", "-sSf", "-m", "30", *args, "http://grafana.red:3000/"],
                               ok=0).stdout
            L.check(got.startswith("[GET / HTTP/1.1") and "roxy" not in got, f"curl {args}: {got}")
        for args, code in ((["-x", "socks5h://" + proxy], 97), (["-x", "socks4a://" + proxy], 97),
                           (["-x", "socks5h://bob:no@" + proxy], 97),
                           (["-x", "http://bob:no@" + proxy], 22), (["-x", "http://" + proxy], 22),
                           (["-p", "-x", "http://" + proxy], 22)):
            got = p.client.run(["curl", "-sf", "-m", "40", *args, "http://grafana.red:3000/"])
            # what a refused CONNECT is called has changed between curl's versions
            L.check(got.returncode in (code, 56 if code == 22 else code),
                    f"curl {args}: {got.returncode}")
        for user, typed, wanted in (("bob", b"secret\n", b"[GET /nc HTTP/1.0"), ("bob", b"no\n", b"authentication failed")):
            said = nc_at_terminal(p, proxy, user, typed)
            L.check(wanted in said, f"nc -P {user}: {said}")
        got = p.client.run(["/usr/bin/python3", "-c", """
import sys
try:
    import requests, socks
except ImportError:
    sys.exit(77)
for url in ("socks5h://bob:secret@%s", "http://bob:secret@%s"):
    proxies = {"http": url % sys.argv[1]}
    assert requests.get("http://grafana.red:3000/r", proxies=proxies, timeout=30).text.startswith("[GET /r ")
""", proxy])
        if got.returncode == 77:
            print("# no python3-requests and python3-socks here: left out")
        else:
            L.equal(got.returncode, 0, "requests[socks]: " + got.stderr)
