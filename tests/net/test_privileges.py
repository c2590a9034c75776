# SPDX-License-Identifier: MIT
"""What the workers may do, as the kernel tells it; and what a hostile peer of the tunnel reaches."""
import os
import socket

from client import connect, ping, socks5
from lab import BUILD, check, equal, inside, kill_all, status, wait_for
from picture import GATEWAY_INNER, PEER_INNER, TARGET, check_page, wg

KINDS = {"tsgw-wg": 0, "tsgw-proxy": 1, "tsgw-host": 3, "tsgw-dns": 4, "tsgw-web": 5}
CAPS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def test_workers_have_no_rights(picture):
    """Uid by slot and kind, no groups, no capability, no-new-privileges, seccomp, empty root, few descriptors."""
    tailnets = [picture.tailnet("red", 11080, ssh=False), picture.tailnet("blue", 11081, ssh=False)]
    # an endpoint by name needs the looking-up worker too
    tailnets[1].wg_text = tailnets[1].wg_quick().replace(
        f"Endpoint = {tailnets[1].peer.underlay}:", "Endpoint = localhost:")
    g = picture.gateway().start()
    g.wait_up(tailnets[0])
    g.worker("tsgw-host", tailnets[1])
    check_page(picture, tailnets[0])
    workers = g.workers()
    check({p for p, _ in workers} == set(KINDS), f"kinds that run: {sorted(workers)}")
    slots = {}
    for (program, name), pid in workers.items():
        who = f"{program} of {name}"
        wait_for(lambda: status(pid)["Seccomp"] != "0", f"{who} enters its sandbox")
        st = status(pid)
        uid = st["Uid"][0]
        equal(st["Uid"], [uid] * 4, f"uids of {who}")
        equal(st["Gid"], [st["Gid"][0]] * 4, f"gids of {who}")
        check(st["Gid"][0] != 0, f"gid of {who}")
        equal(st["Groups"], [], f"groups of {who}")
        slot, kind = divmod(uid - g.uid_base, 8)
        equal(kind, KINDS[program], f"kind in the uid of {who}")
        check(0 <= slot < 0x4000, f"slot of {who}: {slot}")
        slots.setdefault(name, set()).add(slot)
        for cap in CAPS:
            equal(int(st[cap], 16), 0, f"{cap} of {who}")
        equal(st["NoNewPrivs"], "1", f"NoNewPrivs of {who}")
        equal(st["Seccomp"], "2", f"Seccomp of {who}")
        if program != "tsgw-host":  # reads /etc/resolv.conf, held by Landlock
            equal(os.listdir(f"/proc/{pid}/root/"), [], f"root directory of {who}")
        check_descriptors(pid, who)
        home = os.stat(f"/run/netns/{tailnets[0].netns}").st_ino if name == tailnets[0].name else None
        net = os.stat(f"/proc/{pid}/ns/net").st_ino
        if program == "tsgw-proxy" and home:
            equal(net, home, f"namespace of {who}")
        elif program != "tsgw-proxy":
            equal(net, picture.demon.inode, f"namespace of {who}")
    check(all(len(s) == 1 for s in slots.values()), f"one slot each: {slots}")
    equal(len(set().union(*slots.values())), len(slots), f"slots of their own: {slots}")


def check_descriptors(pid, who):
    for fd in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{fd}")
        check(target.startswith(("socket:", "pipe:", "anon_inode:", "/memfd:", "/dev/net/tun",
                                 "/dev/null")) or int(fd) <= 2, f"{who} has {fd} -> {target}")


def test_memory_of_the_node_is_private(picture):
    """The node is not dumpable and its keys are in no argument or environment."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = picture.gateway().start()
    g.wait_up()
    pid = g.worker("tsgw-wg", t)
    for name in ("cmdline", "environ"):
        with open(f"/proc/{pid}/{name}", "rb") as f:
            check(t.private.encode() not in f.read(), f"the key is in {name}")
    equal(os.stat(f"/proc/{pid}/mem").st_uid, 0, "owner of /proc/PID/mem of what is not dumpable")
    with open(os.path.join(BUILD, "tsgw-wg"), "rb") as f:
        sanitized = b"__asan_init" in f.read()  # which makes mlock(2) do nothing
    check(sanitized or int(status(pid)["VmLck"].split()[0]) > 0, "memory is locked")
    for p in (g.ctl("status", t.name), g.ctl("list", "--json"), g.ctl("peers", t.name, "--json")):
        check(t.private not in p.stdout + p.stderr, "the key is printed")
    check(t.private not in g.process.log(), "the key is logged")


def reaches(ns, source, target, port, timeout_s=1.0):
    """Whether a TCP connection from SOURCE to TARGET opens; any answer at all counts as reached."""
    with inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with s:
        s.settimeout(timeout_s)
        if source:
            s.bind((source, 0))
        try:
            s.connect((target, port))
            return "connected"
        except ConnectionRefusedError:
            return "refused"
        except (TimeoutError, OSError):
            return ""


def test_peer_cannot_reach_the_veth(picture):
    """A peer that claims the /30 in its allowed-ips reaches neither the proxy's veth listener nor the host."""
    t = picture.tailnet("evil", 11080, ssh=False)
    t.wg_text = "\n".join(("[Interface]", f"PrivateKey = {t.private}", "Address = 10.77.0.2/32", "",
                           t.peer.section(allowed=f"{PEER_INNER}/32, 10.100.0.0/16, "
                                                  "10.200.0.0/30, 10.200.0.0/16, 0.0.0.0/0")))
    g = picture.gateway().start()
    g.wait_up()
    check_page(picture, t)
    near, far = "10.200.0.1", "10.200.0.2"
    check(far in picture.lab.run(["ip", "-n", t.netns, "addr"], ok=0).stdout, "the /30 is the first")
    wg("set", t.peer.ifname, "peer", t.public, "allowed-ips", "10.77.0.2/32,10.200.0.0/16")
    t.peer.ns.ip(f"addr add {near}/32 dev lo", f"addr add {far[:-1]}3/32 dev lo",
                 f"route add {far}/32 dev {t.peer.ifname}")
    with inside(picture.demon):
        server = socket.create_server(("0.0.0.0", 7777))
    with server:
        # the ways are open: the host reaches the listener, the peer reaches the gateway's inner address
        s = connect(picture.demon, far, 1080)
        equal(socks5(s, TARGET, 3000), 0, "the host by the veth listener")
        s.close()
        check(ping(t.peer.ns, GATEWAY_INNER), "the peer's ping of the gateway's inner address")
        for source in (near, PEER_INNER, "10.200.0.3"):
            equal(reaches(t.peer.ns, source, far, 1080), "", f"{source} -> {far}:1080")
        check(reaches(t.peer.ns, PEER_INNER, GATEWAY_INNER, 1080) != "connected",
              "the veth listener answers on the tunnel's address")
        t.peer.ns.ip(f"addr del {near}/32 dev lo", f"route add {near}/32 dev {t.peer.ifname}")
        for source in (PEER_INNER, "10.200.0.3"):
            equal(reaches(t.peer.ns, source, near, 7777), "", f"{source} -> {near}:7777")
        check(not ping(t.peer.ns, far, 1), "ping of the namespace's side")
        check(not ping(t.peer.ns, near, 1), "ping of the host's side")
        equal(reaches(t.peer.ns, PEER_INNER, "100.121.76.21", 7777), "", "the primary address")
    check_page(picture, t)


def test_veth_listener_is_for_the_host_only(picture):
    """Another address of the host's side, or another namespace, is not served on the veth listener."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    picture.mac.ip("route add 10.200.0.0/30 via 100.121.76.21 dev home0 onlink")
    picture.demon.sysctl("ipv4/ip_forward", 1)
    equal(reaches(picture.mac, None, "10.200.0.2", 1080), "", "mac -> veth listener")
    picture.demon.ip("addr add 10.123.0.1/32 dev lo")
    check(reaches(picture.demon, "10.123.0.1", "10.200.0.2", 1080) != "connected",
          "another source address is served")
    s = connect(picture.demon, "10.200.0.2", 1080)
    equal(socks5(s, TARGET, 3000), 0, "the host")
    s.close()


def test_nothing_leaves_by_the_host(picture):
    """Fail closed: without the tunnel nothing of a tailnet's traffic leaves, not by the veth, not by the host."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    picture.demon.sysctl("ipv4/ip_forward", 1)
    check(ping(t.pin, TARGET), "the way is open")
    for there in (t.peer.near, t.peer.underlay, "100.121.76.21", "100.101.102.103"):
        check(not ping(t.pin, there, 0.5), f"{there} is reached from the namespace")
    g.kill()
    for pid in [p for (program, _), p in g.workers().items() if program == "tsgw-wg"]:
        kill_all([pid])
    check(not ping(t.pin, TARGET, 1), "the target is reached without a node")
    g.start()
    g.wait_up()
    wait_for(lambda: ping(t.pin, TARGET, 1), "it works again")


AS_ANOTHER = r"""
import os, socket, sys
sockets, pids = sys.argv[1].split(","), sys.argv[2].split(",")
for path in sockets:
    for kind in (socket.SOCK_SEQPACKET, socket.SOCK_STREAM):
        try:
            socket.socket(socket.AF_UNIX, kind).connect(path)
            print("connected to", path)
        except PermissionError:
            pass
        except OSError as e:
            print(path, e) if e.errno != 91 else None  # EPROTOTYPE: it was let in as far as the type
for pid in pids:
    try:
        os.kill(int(pid), 0)
        print("may signal", pid)
    except PermissionError:
        pass
    for name in ("mem", "environ", "maps", "fd", "ns/net"):
        path = f"/proc/{pid}/{name}"
        try:
            os.listdir(path) if name == "fd" else os.readlink(path) if "/" in name else open(path, "rb").read(1)
            print("may read", path)
        except OSError:
            pass
"""


def test_others_sockets_and_processes(picture):
    """With a worker's uid alone, without its sandbox: no socket, process, memory or descriptor of anybody else."""
    tailnets = [picture.tailnet("red", 11080, ssh=False), picture.tailnet("blue", 11081, ssh=False)]
    g = picture.gateway().start()
    g.wait_up(*tailnets)
    os.chmod(picture.lab.dir, 0o755)
    for folder in (g.tag, g.tag + "/run"):
        os.chmod(os.path.join(picture.lab.dir, folder), 0o755)
    sockets = [os.path.join(d, f) for d, _, files in os.walk(g.run_dir) for f in files if f.endswith(".sock")]
    check(len(sockets) >= 3, f"sockets: {sockets}")
    workers = {key: (pid, status(pid)["Uid"][0]) for key, pid in g.workers().items()}
    for key, (pid, uid) in workers.items():
        others = [str(p) for p, u in workers.values() if u != uid] + [str(g.process.pid)]
        p = picture.demon.run(["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "python3",
                               "-c", AS_ANOTHER, ",".join(sockets), ",".join(others)], ok=0)
        equal(p.stdout, "", f"what the uid of {key} reaches")
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            limits = {line[:26].strip(): line[26:].split()[:2] for line in f}
        equal(limits["Max core file size"], ["0", "0"], f"RLIMIT_CORE of {key}")
        equal(limits["Max file size"], ["0", "0"], f"RLIMIT_FSIZE of {key}")
        equal(os.stat(f"/proc/{pid}/mem").st_uid, 0, f"{key} is not dumpable")
