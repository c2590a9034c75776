# SPDX-License-Identifier: MIT
"""HTTP at the listener: smuggling, what has no body, trailers, errors that people read.

The place is that of test_proxy_alone.
"""
import re
import socket

import lab as L
import test_proxy_alone as A
from test_proxy_users import answers

GET = b"GET http://grafana/ HTTP/1.1\r\n"
POST = b"POST http://grafana/ HTTP/1.1\r\n"
# what is sent; the status; what is counted
REFUSED = [
    (POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET", 400, "bad_http"),
    (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET", 400, "bad_http"),
    (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n", 400, "bad_http"),
    (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad_http"),
    (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n", 400, "bad_http"),
    (POST + b"Transfer-Encoding: xchunked\r\n\r\n", 501, "bad_http"),
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "bad_http"),
    (POST + b"Transfer-Encoding:\r\n\r\n", 501, "bad_http"),
    (POST + b"Transfer-Encoding : chunked\r\n\r\n", 400, "bad_http"),
    (POST + b" Transfer-Encoding: chunked\r\n\r\n", 400, "bad_http"),
    (POST + b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n", 400, "bad_http"),
    (POST + b"X: y\r\n\tz\r\n\r\n", 400, "bad_http"),
    (POST + b"Transfer-Encoding: chunked\n\r\n\r\n", 400, "bad_http"),
    (POST + b"X: y\rTransfer-Encoding: chunked\r\n\r\n", 400, "bad_http"),
    (POST + b"X: y\0\r\n\r\n", 400, "bad_http"),
    (POST + b"X\0: y\r\n\r\n", 400, "bad_http"),
    (POST + b"Content-Length: +4\r\n\r\nabcd", 400, "bad_http"),
    (POST + b"Content-Length: 0x4\r\n\r\nabcd", 400, "bad_http"),
    (POST + b"Content-Length: 4 4\r\n\r\nabcd", 400, "bad_http"),
    (POST + b"Content-Length: 4, 5\r\n\r\nabcd", 400, "bad_http"),
    (POST + b"Content-Length: -1\r\n\r\nabcd", 400, "bad_http"),
    (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400, "bad_http"),
    (POST + b"Content-Length:\r\n\r\n", 400, "bad_http"),
    (POST + b"Host: a\r\nHost: b\r\n\r\n", 400, "bad_http"),
    (POST + b"no colon\r\n\r\n", 400, "bad_http"),
    (POST + b": no name\r\n\r\n", 400, "bad_http"),
    (b"POST http://grafana/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad_http"),
    (b"GET  http://grafana/ HTTP/1.1\r\n\r\n", 400, "bad_http"),
    (b"GET http://grafana/ HTTP/1.1 \r\n\r\n", 400, "bad_http"),
    (b"GET http://grafana/ HTTP/1.1\r\r\n\r\n", 400, "bad_http"),
    (b"GET http://grafana/\x0b HTTP/1.1\r\n\r\n", 400, "bad_http"),
    (b"GET http://grafana/#x HTTP/1.1\r\n\r\n", 400, "bad_http"),
    (b"GET http://grafana:99999/ HTTP/1.1\r\n\r\n", 400, "bad_http"),
    (b"GET http://grafana:0/ HTTP/1.1\r\n\r\n", 400, "bad_http"),
    (b"GET http:///x HTTP/1.1\r\n\r\n", 400, "bad_http"),
    (b"G" * 33 + b" http://grafana/ HTTP/1.1\r\n\r\n", 400, "bad_http"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_http"),
    (b"TRACE http://grafana/ HTTP/1.1\r\n\r\n", 405, "bad_command"),
    (GET + b"X: 1\r\n" * 257 + b"\r\n", 431, "head_too_large"),
    (GET + b"X: " + b"x" * 33000 + b"\r\n\r\n", 431, "head_too_large"),
    (b"GET http://grafana/" + b"x" * 33000 + b" HTTP/1.1\r\n\r\n", 431, "head_too_large"),
]


def test_smuggling(lab):
    """One answer, a close, nothing reaches the server; what was wrong is counted."""
    with A.Place(lab) as p:
        reached = []

        def server(conn):
            reached.append(conn.recv(1))
            while conn.recv(65536):  # an end of its own would be an answer, too
                pass
        p.serve(80, server)
        for data, status, counter in REFUSED:
            before = p.worker.stats()
            got = A.read_all(p.connect(data + b"GET http://grafana/second HTTP/1.1\r\n\r\n"))
            L.equal(got[9:12], b"%d" % status, f"answer to {data[:90]!r}")
            L.equal((len(re.findall(rb"HTTP/1\.1 \d{3} ", got)), b"Connection: close\r\n" in got), (1, True), "answers")
            L.check(not got.endswith(b"RESET"), f"reset behind the answer to {data[:90]!r}")
            after = p.worker.stats()
            L.equal({k: after[k] - before[k] for k in after if k in A.W.RESULTS and
                     after[k] != before[k]}, {counter: 1}, f"what {data[:90]!r} counts as")
        for data in (b"zz\r\n", b"1\r\nab\r\n", b"1\r\na\n", b"1;\x01\r\n", b"0\r\nA b\r\n\r\n",
                     b"1" * 16 + b"\r\n", b"0\r\nA: " + b"x" * 17000 + b"\r\n\r\n"):
            before = p.worker.stats()["bad_body"]
            got = A.read_all(p.connect(POST + b"Transfer-Encoding: chunked\r\n\r\n" + data))
            L.check(got[9:12] == b"400" or got.endswith(b"RESET"), f"body {data[:20]!r}: {got}")
            L.equal(p.worker.stats()["bad_body"], before + 1, f"body {data[:20]!r} counted")
        L.equal([r for r in reached if r not in (b"", b"P")], [], "the server was sent something")


def test_no_bodies(lab):
    """HEAD, 204 and 304 have none, whatever their fields say; trailers pass; the next one works."""
    script = {b"/head": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
              b"/chunked-head": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
              b"/204": b"HTTP/1.1 204 No Content\r\n\r\n",
              b"/304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n",
              b"/trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                            b"3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n",
              b"/early": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n"
                         b"Content-Length: 2\r\n\r\nok"}

    def server(conn):
        data = b""
        while more := conn.recv(65536):
            data += more
            while b"\r\n\r\n" in data:
                head, data = data.split(b"\r\n\r\n", 1)
                conn.sendall(script[head.split(b" ")[1]])

    with A.Place(lab) as p:
        p.serve(80, server)
        s = p.connect()

        def ask(method, path, wanted):
            s.sendall(method + b" http://grafana" + path + b" HTTP/1.1\r\n\r\n")
            got = A.read_exactly(s, len(wanted))
            L.equal(got, wanted, f"answer to {method} {path}")
        for method, path in ((b"HEAD", b"/head"), (b"HEAD", b"/chunked-head"), (b"GET", b"/204"),
                             (b"GET", b"/304"), (b"GET", b"/early")):
            ask(method, path, script[path])
        ask(b"GET", b"/trailers", script[b"/trailers"])
        ask(b"GET", b"/304", script[b"/304"])
        L.equal(p.worker.stats()["accepted"], 1, "all on one connection")
        got = A.read_all(p.connect(b"GET http://grafana/early HTTP/1.0\r\n\r\n"))
        L.equal(got[:15] + got[-6:], b"HTTP/1.1 200 OK\r\n\r\nok", "HTTP/1.0 has no interim answers")


def test_nothing_is_done_twice(lab):
    """A kept server ends instead of answering: only what does no more when it is done twice is asked again; of the
    rest the client hears that end, and nothing else."""
    asked = []

    def tired(conn):  # answers once, takes one request more
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b""):
            data = b""
            while b"\r\n\r\n" not in data:
                more = conn.recv(65536)
                if not more:
                    return
                data += more
            asked.append(data.split(b" ")[0])
            conn.sendall(answer)

    with A.Place(lab) as p:
        p.serve(80, tired)
        for method, more, again in (
                (b"GET", b"", True), (b"HEAD", b"", True), (b"DELETE", b"", True), (b"OPTIONS", b"", True),
                (b"PUT", b"Content-Length: 0\r\n", True), (b"POST", b"Content-Length: 0\r\n", False),
                (b"POST", b"", False), (b"PATCH", b"", False), (b"get", b"", False),
                (b"PUT", b"Content-Length: 1\r\n\r\nx", False)):
            s = p.connect(b"POST http://grafana/ HTTP/1.1\r\n\r\n")
            L.check(A.read_exactly(s, 40).endswith(b"ok"), "the first answer")
            asked.clear()
            s.sendall(method + b" http://grafana/ HTTP/1.1\r\nConnection: close\r\n" + more + b"\r\n")
            got = A.read_all(s)
            L.equal(asked, [method] * (1 + again), f"what the server was asked for {method} {more}")
            L.equal(got[:12], b"HTTP/1.1 200" if again else b"", f"the answer to {method} {more}")
        L.wait_for(lambda: not p.worker.stats()["clients"], "all clients to be gone")


def test_requests_before_the_end(lab):
    """Every request that came before the client's end is answered, those too which nobody had read by then."""
    with A.Place(lab) as p:
        p.serve(80, A.http_hello)
        for n, size in ((2, 0), (40, 3000)):
            s = p.connect(b"".join(b"GET http://grafana/%d HTTP/1.1\r\nX: %s\r\n\r\n" % (i, b"x" * size)
                                   for i in range(n)))
            s.shutdown(socket.SHUT_WR)
            got = answers(Replay(A.read_all(s)), n)
            L.equal([body.split(b" ")[1] for _, _, body in got], [b"/%d" % i for i in range(n)], "what was answered")
            L.equal([b"Connection: close" in head for _, head, _ in got], [False] * (n - 1) + [True], "the last closes")
        L.wait_for(lambda: not p.worker.stats()["clients"], "all clients to be gone")


def test_pages(lab):
    """Errors say which tailnet, which hop and why: text for curl, a page for browsers, no script."""
    with A.Place(lab) as p:
        html = b"Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
        for target, status, words in (
                (b"10.1.1.1", 403, (b"this gateway", b"does not route")),
                (b"nobody.red", 502, (b"knows the name",)),
                (b"grafana:3999", 502, (b"the destination", b"refused", b"grafana:3999")),
                (b"x.blue", 403, (b"blue", b"11081"))):
            for accept in (b"", html):
                got = A.read_all(p.connect(b"GET http://" + target + b"/ HTTP/1.1\r\n" + accept +
                                           b"\r\n"))
                [(code, head, body)] = answers(Replay(got), 1)
                L.equal((code, b"text/html" in head), (status, accept == html), f"{target}: {head}")
                L.check(all(w in body for w in words + (b"red",)), f"{target}: {body}")
                L.check(b"nosniff" in head and (b"<" in body) == (accept == html), body)
        for name in (b"<script>alert(1)</script>", b"a&lt;b", b"%22onload=x"):
            got = A.read_all(p.connect(b"GET http://" + name + b"/ HTTP/1.1\r\n" + html + b"\r\n"))
            L.check(b"<script>" not in got and got[9:12] in (b"400", b"502"), got)
        p.worker.node(0)
        got = A.read_all(p.connect(b"CONNECT grafana:80 HTTP/1.1\r\n" + html + b"\r\n"))
        L.check(got[9:12] == b"503" and b"text/plain" in got and b"tailnet is not up" in got, got)


class Replay:
    """Bytes that were received already, as a socket."""

    def __init__(self, data):
        self.data = data

    def recv(self, n):
        part, self.data = self.data[:n], self.data[n:]
        return part
