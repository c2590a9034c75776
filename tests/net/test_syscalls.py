# SPDX-License-Identifier: MIT
"""The node's system calls: what tsgw-wg(8) says, what the filter lets through, what strace(1) sees."""
import os
import re

import lab as L
from client import connect, get, socks5
from lab import BUILD, check, equal, wait_for
from netns import IN4, Arena, reach
from picture import PRIMARY, TARGET, wg
from run import deadline

CALL = re.compile(r"^(?:\d+ +)?(\w+)\(.*?(?:= (-?\d+)(?: (E\w+))?.*)?$")


def documented():
    """The lists of the manual page: of every node; standing alone, too."""
    with open(os.path.join(L.ROOT, "man/tsgw-wg.8"), encoding="utf-8") as f:
        blocks = re.findall(r"^\.Bd -ragged -offset indent\n(.*?)^\.Ed$", f.read(), re.M | re.S)
    check(len(blocks) == 2, f"{len(blocks)} lists in tsgw-wg(8)")
    return [set(b.split()) for b in blocks]


def allowed(lab, kind):
    return set(lab.run([os.path.join(BUILD, "tests/net/common-intruder"), "calls", kind], ok=0).stdout.split())


def sanitized():
    with open(os.path.join(BUILD, "tsgw-wg"), "rb") as f:
        return b"__asan_init" in f.read()


def test_manual_page(lab):
    if sanitized():
        print("# the sanitizers' run time needs more calls: nothing to compare")
        return
    node, alone = documented()
    equal(allowed(lab, "wg"), node, "of a node under the gateway")
    equal(allowed(lab, "wg-alone"), node | alone, "of one standing alone")


def watch(lab, pid, out):
    p = lab.spawn([L.tool("strace"), "-f", "-o", out, "-p", str(pid)])
    p.wait_line("attached")
    return p


def judge(out, allowed_calls, least):
    seen, refused = set(), set()
    for line in open(out, encoding="utf-8", errors="replace"):
        m = CALL.match(line)
        if m and (m[1], m[3]) == ("clone3", "ENOSYS"):
            continue  # the filter's answer: the C library then uses clone, whose flags can be judged
        if m:
            seen.add(m[1])
            if m[3] == "EPERM":
                refused.add(line.strip())
    check(seen <= allowed_calls, f"seen, but not on the list: {seen - allowed_calls}")
    check(not refused, f"refused: {refused}")
    check(seen >= least, f"too little was seen: {sorted(seen)}")
    print(f"# {len(seen)} of {len(allowed_calls)} calls were seen: {' '.join(sorted(seen))}")


@deadline(180)
def test_alone(lab):
    node, more = documented()
    a = Arena(lab, "tsgw-wg")
    a.pair()
    out = os.path.join(lab.dir, "trace")
    tracer = watch(lab, a.w1.process.pid, out)
    a.join()
    reach(a.n2, IN4[0], 3)
    a.iperf(a.n1, a.n2, IN4[1])
    a.iperf(a.n1, a.n2, IN4[1], "-R")
    a.iperf(a.n1, a.n2, IN4[1], "-u", "-b", "0")
    a.w1.set("listen-port", 5, "fwmark", 7)
    a.w1.set("fwmark", 8)
    wg("showconf", a.w1.ifname)
    a.w1.ip("link set DEV mtu 1300")
    a.n1.ip(f"link set {a.w1.ifname} netns {a.n2.name}")
    a.w1.home = a.n2
    a.w1.delete()
    tracer.wait()
    judge(out, node | more, {"read", "writev", "recvmmsg", "sendmsg", "accept4", "setsockopt", "unlink"} - (
        {"unlink"} if os.uname().machine == "aarch64" else set()))


@deadline(180)
def test_under_the_gateway(picture):
    node, _ = documented()
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    out = os.path.join(picture.lab.dir, "trace")
    tracer = watch(picture.lab, g.worker("tsgw-wg", t), out)
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    equal(len(get(s, "/bytes/3000000")), 3000000, "bytes")
    s.close()
    wg("set", t.link, "listen-port", "51777", "fwmark", "5")
    wg("showconf", t.link)
    g.ctl("reload", ok=0)
    equal(g.stop(), 0, "exit code")
    wait_for(lambda: not tracer.alive(), "strace")
    judge(out, node, {"read", "recvmmsg", "sendmsg", "recvmsg", "accept4", "dup3"})
