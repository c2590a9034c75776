# SPDX-License-Identifier: MIT
"""Ports that a reload gives to a worker which has connections, and finds no memory or descriptors for (failing.c).

Its connections go on; list says what is not served and why; once there is memory it is served, by the same process.
"""
from client import connect, get
from lab import check, equal, wait_for
from picture import GATEWAY_INNER, PRIMARY, TARGET, check_page
from run import deadline
from test_failing import Page, injected
from test_publish import PAGE, start_web
from test_publish import page as published
from test_resume import check_relay, relay

ALWAYS = 0xffffffff
OLD, NEW = 11080, 11095
FORWARDS = [f"forward = 3999 -> {TARGET}:3000", f"forward = 3998/udp -> {TARGET}:4000"]


def reason(g, t):
    return g.list()[t.name]["reason"]


def lacks(g, t, what):
    g.wait_state(t, "degraded")
    wait_for(lambda: what in reason(g, t), lambda: f"the reason says {what}: {reason(g, t)}")


def reload(g, t, port, keys):
    t.port, t.keys = port, keys
    g.write_config()
    g.ctl("reload", ok=0)


def check_forward(picture):
    p = picture.curl(f"http://{PRIMARY}:3999/x", ok=0)
    equal(p.stdout, "this is red, you asked for /x\n", "the forwarded port")


@deadline(240)
def test_proxy(picture):
    """The listener at another port, and forwards of both kinds."""
    red = picture.tailnet("red", OLD, ssh=False)
    page = Page(picture.lab)
    g, start = injected(picture, page, f"tsgw-proxy {red.name}")
    start()
    g.wait_up()
    pid = g.worker("tsgw-proxy", red)
    kept = relay(picture, red)
    # calloc is not one of them: the settings need it, and without these it ends (no narrower allow may be left undone)
    for call in ("epoll_ctl", "fcntl"):
        page.set(1, ALWAYS, call)
        reload(g, red, NEW, FORWARDS)
        lacks(g, red, "tsgw-proxy cannot serve the ")
        print(f"# {call}: {reason(g, red)}")
        check_relay(kept)
        page.set(0)
        g.wait_up()
        check_page(picture, red)
        check_forward(picture)
        # what is taken back is not waited for
        page.set(1, ALWAYS, call)
        reload(g, red, NEW, FORWARDS + [f"forward = 3997 -> {TARGET}:3000"])
        lacks(g, red, "tsgw-proxy cannot serve the forwarded port 3997 yet: ")
        page.set(1, ALWAYS, call)
        reload(g, red, NEW, FORWARDS)
        g.wait_up()
        page.set(0)
        reload(g, red, OLD, [])
        g.wait_up()
        check_page(picture, red)
        check_relay(kept)
    equal(g.worker("tsgw-proxy", red), pid, "its pid")
    # clients that came meanwhile were waiting in the socket's queue
    page.set(1, ALWAYS, "epoll_ctl")
    reload(g, red, OLD, FORWARDS)
    lacks(g, red, "tsgw-proxy cannot serve the forwarded port 3999 yet: ")
    early = connect(picture.mac, PRIMARY, 3999)
    page.set(0)
    equal(get(early, "/x"), "this is red, you asked for /x\n", "a client that came early")
    g.wait_up()
    early.close()
    kept.close()
    # who loses nothing is started anew, as before
    wait_for(lambda: not g.list()[red.name]["clients"], "nobody is there")
    reload(g, red, OLD, [])
    g.wait_up()
    page.set(1, 1, "epoll_ctl")
    reload(g, red, NEW, FORWARDS)
    wait_for(lambda: g.worker("tsgw-proxy", red) != pid, "a new process")
    g.wait_up()
    check_page(picture, red)
    check_forward(picture)


@deadline(240)
def test_next_supervisor(picture):
    """One that takes the worker over meanwhile learns of it, too, and the worker serves in the end."""
    red = picture.tailnet("red", OLD, ssh=False)
    page = Page(picture.lab)
    g, start = injected(picture, page, f"tsgw-proxy {red.name}")
    g.keeps = True
    start()
    g.wait_up()
    pid, kept = g.worker("tsgw-proxy", red), relay(picture, red)
    page.set(1, ALWAYS, "epoll_ctl")
    reload(g, red, OLD, FORWARDS)
    lacks(g, red, "tsgw-proxy cannot serve the forwarded port ")
    g.kill()
    start()
    wait_for(lambda: g.ctl("list").returncode == 0, "the next one answers")
    lacks(g, red, "tsgw-proxy cannot serve the ")
    check_relay(kept)
    page.set(0)
    g.wait_up()
    check_page(picture, red)
    check_forward(picture)
    check_relay(kept)
    equal(g.worker("tsgw-proxy", red), pid, "its pid")
    kept.close()


@deadline(240)
def test_host(picture):
    """Published ports of both kinds."""
    red = picture.tailnet("red", OLD, engine="tsgw-wg", ssh=False)
    red.keys = ["publish = 8080 -> 127.0.0.1:3000"]
    start_web(picture.demon)
    page = Page(picture.lab)
    g, start = injected(picture, page, f"tsgw-host {red.name}")
    start()
    g.wait_up()
    pid = g.worker("tsgw-host", red)
    kept = connect(red.peer.ns, GATEWAY_INNER, 8080)
    equal(get(kept, "/x"), PAGE, "a connection that stays")
    for call in ("calloc", "epoll_ctl", "fcntl"):
        page.set(1, ALWAYS, call)
        reload(g, red, OLD, ["publish = 8080 -> 127.0.0.1:3000", "publish = 8090 -> 127.0.0.1:3000, "
                             "8091/udp -> 127.0.0.1:4000"])
        lacks(g, red, "tsgw-host cannot serve the published port 809")
        print(f"# {call}: {reason(g, red)}")
        equal(get(kept, "/x"), PAGE, "the connection")
        page.set(0)
        g.wait_up()
        equal(published(red, 8090), PAGE, "the new port")
        reload(g, red, OLD, ["publish = 8080 -> 127.0.0.1:3000"])
        g.wait_up()
        equal(get(kept, "/x"), PAGE, "the connection")
    check(g.worker("tsgw-host", red) == pid, "its pid")
    kept.close()
