# SPDX-License-Identifier: MIT
"""The configuration protocol over real sockets, of a node alone and under the gateway."""
import contextlib
import errno
import os
import re
import select
import socket
import subprocess
import threading

import lab as L
from lab import BUILD, check, equal, wait_for
from netns import Arena, reach
from picture import check_page, key_pair, wg
from run import deadline

PEERS_MAX, ALLOWED_MAX = 4096, 262144  # tsgw-wg(8)


def dial(name):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(f"{L.UAPI_DIR}/{name}.sock")
    return s


def answer(s):
    data = b""
    while not re.search(rb"errno=-?\d+\n\n$", data[-40:]):
        part = s.recv(1 << 20)
        check(part, f"end of file after {data[-200:]!r}")
        data += part
    return data.decode()


def ask(name, text):
    with dial(name) as s:
        s.sendall(text.encode())
        return answer(s)


def errno_of(text):
    return int(re.search(r"errno=(-?\d+)\n\n$", text)[1])


def state(name):
    return re.sub(r"(?m)^(last_handshake|tx_|rx_).*\n", "", ask(name, "get=1\n\n"))


def node(lab):
    ns, name = lab.ns("a"), lab.ifname("u")
    lab.run([os.path.join(BUILD, "tsgw-wg"), name], ns=ns, ok=0)
    return ns, name


def key(n):
    return f"{n:064x}"


def test_every_key_and_every_error(lab):
    """All keys set and shown, a byte at a time; whatever is wrong changes nothing at all."""
    ns, name = node(lab)
    port = re.search(r"listen_port=(\d+)", ask(name, "get=1\n\n"))[1]
    request = (f"set=1\nprivate_key={key(0x40) }\nlisten_port={port}\nfwmark=77\nreplace_peers=true\n"
               f"public_key={key(9)}\nprotocol_version=1\npreshared_key={key(8)}\nendpoint=192.0.2.1:9\n"
               "persistent_keepalive_interval=25\nreplace_allowed_ips=true\nallowed_ip=10.0.0.0/8\n"
               f"allowed_ip=fd00::/8\npublic_key={key(10)}\nendpoint=[fe80::1%1]:9\nallowed_ip=10.1.2.3/32\n\n")
    with dial(name) as s:
        for byte in request.encode():
            s.sendall(bytes([byte]))
        equal(answer(s), "errno=0\n\n", "set")
    before = state(name)
    for line in ("fwmark=77", f"preshared_key={key(8)}", "endpoint=192.0.2.1:9", "endpoint=[fe80::1%1]:9",
                 "persistent_keepalive_interval=25", "allowed_ip=fd00::/8", "protocol_version=1"):
        check(f"\n{line}\n" in before, f"{line} in {before}")
    # every line that is wrong, after some that would change much
    good = f"set=1\nfwmark=5\nreplace_peers=true\npublic_key={key(11)}\nallowed_ip=10.0.0.0/8\n"
    for line in ("nonsense", "x=1", "public_key=12", "protocol_version=2", "endpoint=a:1", "endpoint=192.0.2.1",
                 "endpoint=192.0.2.1:0", "endpoint=192.0.2.1:65536", "endpoint=[::1:1", "allowed_ip=10.0.0.0/33",
                 "allowed_ip=::/129", "allowed_ip=", "allowed_ip=--1.1.1.1/32", "remove=false", "update_only=1",
                 "replace_allowed_ips=false", "persistent_keepalive_interval=65536",
                 "persistent_keepalive_interval=-1", "preshared_key=zz", "fwmark=1", "private_key=" + key(1),
                 "x" * 300 + "=1", "allowed_ip=10.0.0.0/8\0"):
        got = errno_of(ask(name, good + line + "\n\n"))
        check(got < 0, f"{line!r}: errno={got}")
        equal(state(name), before, f"after {line!r}")
    for request in (good, good + "fwmark=9", "set=1", "get=1\n", "get=1\nx", "se", "x=1\n", good + "protocol_version=2\n"):
        with dial(name) as s:  # as a shell's printf into socat sends it, without its blank line
            s.sendall(request.encode())
            s.shutdown(socket.SHUT_WR)
            equal(errno_of(answer(s)), -errno.EPROTONOSUPPORT if "version" in request else -errno.EINVAL, request)
            equal(s.recv(1), b"", "and then the end")
        equal(state(name), before, f"after {request!r}")
    for request, wanted in ((f"set=1\npublic_key={key(12)}\nupdate_only=true\nallowed_ip=1.1.1.1/32\n\n", before),
                            (f"set=1\npublic_key={key(10)}\nallowed_ip=-10.1.2.3/32\n\n",
                             before.replace("allowed_ip=10.1.2.3/32\n", "")),
                            (f"set=1\npublic_key={key(10)}\nallowed_ip=10.1.2.3/32\n\n", before),
                            (f"set=1\npublic_key={key(10)}\nallowed_ip=-10.0.0.0/8\n\n", before),  # not its own
                            (f"set=1\npublic_key={key(10)}\nremove=true\npublic_key={key(10)}\nremove=true\n\n",
                             before[:before.index(f"public_key={key(10)}")] + "errno=0\n\n")):
        equal(ask(name, request), "errno=0\n\n", request)
        equal(state(name), wanted, f"after {request}")
    ns.ip(f"link del {name}")


@deadline(180)
def test_limits(lab):
    """The last peer and the last allowed-ip fit; one more is ENOSPC and changes nothing."""
    ns, name = node(lab)
    peers = "".join(f"public_key={key(i + 100)}\n" for i in range(PEERS_MAX))
    equal(errno_of(ask(name, "set=1\n" + peers + f"public_key={key(5)}\n\n")), -28, "a peer too many")
    equal(ask(name, "get=1\n\n").count("public_key"), 0, "peers")
    equal(errno_of(ask(name, "set=1\n" + peers + "\n")), 0, "all peers")
    equal(errno_of(ask(name, f"set=1\npublic_key={key(5)}\n\n")), -28, "one more")
    ips = "".join(f"allowed_ip=10.{i >> 16}.{i >> 8 & 255}.{i & 255}/32\n" for i in range(ALLOWED_MAX))
    one = f"set=1\npublic_key={key(100)}\n"
    equal(errno_of(ask(name, one + ips + "allowed_ip=11.0.0.0/8\n\n")), -28, "an allowed-ip too many")
    equal(ask(name, "get=1\n\n").count("allowed_ip"), 0, "allowed-ips")
    equal(errno_of(ask(name, one + ips + "\n")), 0, "all allowed-ips")
    equal(errno_of(ask(name, one + "allowed_ip=11.0.0.0/8\n\n")), -28, "one more")
    equal(errno_of(ask(name, one + "replace_allowed_ips=true\n" + ips + "\n")), 0, "all of them again")
    equal(ask(name, "get=1\n\n").count("allowed_ip"), ALLOWED_MAX, "allowed-ips")
    p = lab.run(["wg", "set", name, "peer", key_pair()[1]])
    check(p.returncode != 0 and "No space left" in p.stderr, p.stderr)
    ns.ip(f"link del {name}")


@deadline(180)
def test_bad_clients_harm_nobody(lab):
    """Clients that do not read, stop in the middle or pile up; others and the tunnel go on."""
    a = Arena(lab, "tsgw-wg")
    a.pair()
    a.join()
    name = a.w1.ifname
    many = "".join(f"allowed_ip=11.{i >> 8}.{i & 255}.0/24\n" for i in range(60000))
    equal(errno_of(ask(name, f"set=1\npublic_key={key(7)}\n{many}\n")), 0, "a long answer")
    with contextlib.ExitStack() as stack:
        bad = [stack.enter_context(dial(name)) for _ in range(6)]
        for s in bad[:3]:
            s.sendall(b"get=1\n\n")  # 1.2 MB that nobody reads
        for s in bad[3:]:
            s.sendall(b"set=1\nprivate_key=00")
        reach(a.n1, "192.168.241.2", 10)
        check("allowed_ip=11.0.0.0/24" in ask(name, "get=1\n\n"), "another client")
        for s in bad:
            wait_for(lambda s=s: cut_off(s), "it is cut off", 30)
    equal(wg("show", name, "listen-port"), "1", "port")
    # two at once, each with a peer of its own to change, lose nothing
    failures = []

    def change(which):
        for i in range(100):
            if errno_of(ask(name, f"set=1\npublic_key={key(which)}\nallowed_ip=12.{which}.{i}.0/24\n\n")):
                failures.append((which, i))
    threads = [threading.Thread(target=change, args=(n,)) for n in (20, 21)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(failures, [], "changes")
    equal(ask(name, "get=1\n\n").count("allowed_ip=12."), 200, "changes of both")
    reach(a.n1, "192.168.241.2", 3)


def link_local(ns, ifname):
    p = subprocess.run(["nsenter", "--net=" + ns.path, "ip", "-o", "-6", "addr", "show", "dev", ifname, "-tentative"],
                       text=True, capture_output=True, check=True)
    found = re.search(r"inet6 (fe80:\S+)/64", p.stdout)
    return found[1] if found else None


def test_link_local_endpoints(lab):
    """wg(8) tells the zone of an endpoint by its name, and what it shows can be set again."""
    a, b, names, keys = lab.ns("a"), lab.ns("b"), [lab.ifname("l"), lab.ifname("l")], [key_pair(), key_pair()]
    link_a, link_b = lab.link(a, b)
    for i, ns in enumerate((a, b)):
        lab.run([os.path.join(BUILD, "tsgw-wg"), names[i]], ns=ns, ok=0)
        ns.ip(f"addr add 10.1.0.{1 + i}/24 dev {names[i]}", f"link set {names[i]} up")
        wg("set", names[i], "listen-port", "7", "private-key", lab.file(f"k{i}", keys[i][0]), "peer",
           keys[1 - i][1], "allowed-ips", f"10.1.0.{2 - i}/32")
    wait_for(lambda: link_local(a, link_a) and link_local(b, link_b), "link-local addresses")
    endpoint = f"[{link_local(b, link_b)}%{link_a}]:7"
    lab.run(["wg", "set", names[0], "peer", keys[1][1], "endpoint", endpoint], ns=a, ok=0)
    equal(lab.run(["wg", "show", names[0], "endpoints"], ns=a, ok=0).stdout, f"{keys[1][1]}\t{endpoint}\n", "shown")
    reach(a, "10.1.0.2", 3)
    # the other side has learnt one like it; what it shows is what it takes
    shown = lab.run(["wg", "showconf", names[1]], ns=b, ok=0).stdout
    check(f"%{link_b}]:7" in shown, shown)
    lab.run(["wg", "setconf", names[1], lab.file("shown", shown)], ns=b, ok=0)
    equal(lab.run(["wg", "showconf", names[1]], ns=b, ok=0).stdout, shown, "after setconf")
    reach(b, "10.1.0.1", 3)
    no_zone = f"set=1\npublic_key={key(9)}\nendpoint=[fe80::1%nowhere]:9\n\n"
    equal(errno_of(ask(names[0], no_zone)), -errno.ENODEV, "a zone that is not there")
    for i, ns in enumerate((a, b)):
        ns.ip(f"link del {names[i]}")


def cut_off(s):
    """The other side has closed; nothing is read for that, which would count as reading."""
    poll = select.poll()
    poll.register(s, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def sorted_conf(text):
    return sorted(re.split(r"[\n ,]+", text))


def test_wg_under_the_gateway(picture):
    """showconf, syncconf, addconf and setconf of a tailnet's node; the session goes on where it may."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    check_page(picture, t)
    text = wg("showconf", t.link)
    path = picture.lab.file("shown.conf", text + "\n")
    shaken = wg("show", t.link, "latest-handshakes")
    wg("syncconf", t.link, path)
    equal(sorted_conf(wg("showconf", t.link)), sorted_conf(text), "after syncconf")
    equal(wg("show", t.link, "latest-handshakes"), shaken, "the session after syncconf")
    extra = key_pair()[1]
    wg("addconf", t.link, picture.lab.file("add.conf", f"[Peer]\nPublicKey = {extra}\nAllowedIPs = 10.55.0.0/16\n"))
    check(f"{extra}\t10.55.0.0/16" in wg("show", t.link, "allowed-ips"), "addconf")
    wg("set", t.link, "peer", extra, "endpoint", "[fe80::1%lo]:9")
    check(f"{extra}\t[fe80::1%lo]:9" in wg("show", t.link, "endpoints"), "a zone by its name")
    wg("setconf", t.link, path)
    equal(sorted_conf(wg("showconf", t.link)), sorted_conf(text), "after setconf")
    check_page(picture, t)
    # what it has added is tried, as at the start: nobody knows of the others whether they are up
    wg("set", t.link, "peer", t.peer.public, "remove")
    wg("syncconf", t.link, path)
    g.wait_state(t, "up")
    wait_for(lambda: int(wg("show", t.link, "latest-handshakes").split()[1]), "a handshake that nobody asked for")
    rx, tx = map(int, wg("show", t.link, "transfer").split()[1:])
    peer_rx, peer_tx = map(int, wg("show", t.peer.ifname, "transfer").split()[1:])
    check(rx and tx and peer_rx >= tx and peer_tx >= rx, f"{rx} {tx}, the peer's {peer_rx} {peer_tx}")


def test_reload_puts_back(picture):
    """What `wg set` changes holds until the next reload of that tailnet: keys, peers, sockets."""
    red, blue = picture.tailnet("red", 11080, ssh=False), picture.tailnet("blue", 11081, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    before, other = wg("showconf", red.link), wg("showconf", blue.link)
    mine = [g.workers()[p, red.name] for p in ("tsgw-wg", "tsgw-proxy")]
    equal(g.ctl("reload", "--dry-run", ok=0).stdout, "", "steps of a reload before")
    extra = key_pair()[1]
    wg("set", red.link, "private-key", picture.lab.file("other.key", key_pair()[0]), "listen-port", "51777",
       "fwmark", "0x77", "peer", red.peer.public, "persistent-keepalive", "7", "allowed-ips", "10.55.0.0/16",
       "peer", extra, "allowed-ips", "10.56.0.0/16")
    changed = wg("showconf", red.link)
    for command in (("reload", "--dry-run"), ("reload",)):
        equal(wg("showconf", red.link), changed, "it holds")
        equal(g.ctl(*command, ok=0).stdout.splitlines(),
              [f"{red.name}: put back what wg(8) has set: {part}" for part in ("sockets", "node")], "steps")

    def shown():
        text = re.sub(r"ListenPort = (?!51777)\d+", "", wg("showconf", red.link))
        return sorted_conf(text) == sorted_conf(re.sub(r"ListenPort = \d+", "", before))
    wait_for(shown, lambda: wg("showconf", red.link))
    equal(wg("showconf", blue.link), other, "the other tailnet")
    g.wait_up()
    check_page(picture, red)
    equal([g.workers()[p, red.name] for p in ("tsgw-wg", "tsgw-proxy")], mine, "the workers")
    equal(g.ctl("reload", ok=0).stdout, "", "steps of the next one")
