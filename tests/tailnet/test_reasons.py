# SPDX-License-Identifier: MIT
"""Servers that are none: each has one reason, in the server's or tailscaled's words, and the time of the next try.

    demon: one tsgwd, a tailnet for each ── internet: as many control servers, each with a nonsense of its own
"""
from lab import check, wait_for
from run import deadline
from tailnet import Internet
from world import Host, Joined, Tailnet

# what tailscaled tells at once, and what only silence tells, after half a minute
TOLD = {
    "html": "invalid character '<'", "500": "500 Internal Server Error", "404": "404 Not Found",
    "redirect": "stopped after 10 redirects", "json": "cannot unmarshal", "long": "invalid character 'x'",
    "garbage": "malformed HTTP response", "close": "EOF", "machine-500": "http 500", "tls": "HTTP response to HTTPS client",
}
SILENT = {"hang": "", "bad-key": "", "closed": "", "nobody": ""}


@deadline(400)
def test_each_has_its_own(lab):
    net = Internet(lab)
    host, rows = Host(net), {}
    for i, kind in enumerate([*TOLD, *SILENT]):
        c = net.control()
        url = c.url
        if kind == "tls":
            url = url.replace("http:", "https:")
        elif kind == "closed":
            url = url.replace("8080", "8099")
        elif kind == "nobody":
            url = "http://172.30.250.250:8080"
        else:
            c.post("nonsense", what=kind)
        rows[kind] = Joined(Tailnet(c, f"n{i}"), 11080 + i, hostname="demon", login_server=url)
    g = host.gateway(list(rows.values())).start(ready=False)

    def row(kind):
        return g.list()[rows[kind].name]

    def seen(kind, word):
        r = row(kind)
        return r["state"] == "failed" and word in r["reason"] and "next try at" in r["reason"]
    for kind, word in TOLD.items():
        wait_for(lambda k=kind, w=word: seen(k, w), lambda k=kind: f"{k}: {row(k)}", 90)
    for kind, word in SILENT.items():
        wait_for(lambda k=kind, w=word: seen(k, w), lambda k=kind: f"{k}: {row(k)}", 90)
    for kind, t in rows.items():
        check(row(kind)["reason"].startswith(f"login server {t.values['login-server']}: "), row(kind))
    g.stop()
