# SPDX-License-Identifier: MIT
"""Starts, stops, deaths: nothing is left, nothing foreign is touched, and only whose it is notices."""
import contextlib
import json
import os
import signal
import socket

import lab as L
from client import connect, get, socks5
from lab import check, equal, kill_all, wait_for
from picture import MAC, PRIMARY, TARGET, check_page, page
from run import deadline


def traces(picture, *gateways):
    """Everything by which a gateway could show: compare before and after."""
    demon, names = picture.demon, [t.name for t in picture.tailnets]
    found = {
        "namespaces": sorted(n for n in os.listdir("/run/netns") if any(w in n for w in names)),
        "links": sorted(demon.links()),
        "addresses": demon.ip("addr show").replace(" tentative", ""),
        "routes": [line for line in demon.ip("route show table all").splitlines()
                   if "fe80:" not in line and "ff00:" not in line],
        "mounts": sorted(line.split()[4] for line in open("/proc/self/mountinfo", encoding="utf-8")
                         if any(w in line for w in names) or picture.lab.dir in line),
        "sockets": sorted(line.split()[-1] for line in demon.read("net/unix").splitlines()
                          if picture.lab.dir in line or any(w in line for w in names)),
        "inet": sorted(" ".join(line.split()[:5]) for line in picture.lab.run(
            ["ss", "-Hltun"], ns=demon).stdout.splitlines()),
        "uapi": sorted(n for n in os.listdir(L.UAPI_DIR) if any(w in n for w in names))
        if os.path.isdir(L.UAPI_DIR) else [],
        "resolv": sorted(n for n in os.listdir("/etc/netns") if any(w in n for w in names))
        if os.path.isdir("/etc/netns") else [],
        "workers": sorted(g.tag for g in gateways for _ in g.workers()),
        "nft": picture.lab.run(["nft", "list", "ruleset"], ns=demon).stdout
        if L.shutil.which("nft") else "",
        "forward": [demon.sysctl("ipv4/ip_forward"), demon.sysctl("ipv4/conf/all/forwarding"),
                    demon.sysctl("ipv6/conf/all/forwarding")],
    }
    return found


def same(before, after, what):
    for key, value in before.items():
        equal(after[key], value, f"{what}: {key}")


def wait_same(before, picture, gateways, what):
    with contextlib.suppress(L.Failure):
        wait_for(lambda: traces(picture, *gateways) == before, what, 5)
    same(before, traces(picture, *gateways), what)


def run_files(g):
    """Files below the run directory that a stop must take away (locks and empty directories may stay)."""
    return sorted(os.path.join(d, f) for d, _, files in os.walk(g.run_dir) for f in files
                  if f not in ("lock", "front.lock"))


def two(picture, **options):
    return [picture.tailnet("red", 11080, ssh=False, **options),
            picture.tailnet("blue", 11081, ssh=False, **options)]


def test_stop_leaves_nothing(picture):
    """Start, use and stop three times: namespaces, links, mounts, sockets, rules, processes as before."""
    two(picture)
    g = picture.gateway()
    before = traces(picture)
    for _ in range(3):
        g.start().wait_up()
        for t in picture.tailnets:
            check_page(picture, t)
            equal(picture.lab.run(["ip", "-n", f"tsgw-{t.name}", "-6", "address", "show", "scope", "link"]).stdout,
                  "", "link-local addresses inside")
        equal(g.stop(), 0, "exit code after SIGTERM")
        wait_same(before, picture, [g], "after a stop")
        equal(run_files(g), [], "files in the run directory after a stop")


def test_sigint_stops(picture):
    """SIGINT (Ctrl-C) is a request to stop as well; signals that mean nothing here end nothing."""
    two(picture, serve=False)
    g = picture.gateway()
    before = traces(picture)
    g.start().wait_up()
    for stray in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGWINCH):
        g.process.send(stray)
    g.ctl("status", ok=0)
    equal(g.stop(signal.SIGINT), 0, "exit code after SIGINT, and stray signals before it")
    wait_same(before, picture, [g], "after SIGINT")


def test_forwarding_untouched(picture):
    """A host that forwards keeps doing so; the namespaces do not inherit it."""
    two(picture, serve=False)
    picture.demon.sysctl("ipv4/ip_forward", 1)
    picture.demon.sysctl("ipv6/conf/all/forwarding", 1)
    before = traces(picture)
    g = picture.gateway().start()
    g.wait_up()
    now = traces(picture)
    equal(now["forward"], before["forward"], "forwarding of the host while it runs")
    equal(now["nft"], before["nft"], "rules of the host while it runs")
    for t in picture.tailnets:
        for key, wanted in (("ipv4/conf/all/forwarding", "0"), ("ipv4/conf/wg0/forwarding", "0"),
                            ("ipv4/conf/veth0/forwarding", "0"), ("ipv4/conf/default/forwarding", "0"),
                            ("ipv6/conf/all/forwarding", "0"), ("ipv6/conf/wg0/forwarding", "0"),
                            ("ipv4/conf/all/rp_filter", "1"), ("ipv4/conf/wg0/rp_filter", "1"),
                            ("ipv4/conf/all/accept_redirects", "0"),
                            ("ipv4/conf/wg0/accept_redirects", "0"),
                            ("ipv4/conf/veth0/accept_redirects", "0")):
            p = picture.lab.run(["nsenter", f"--net=/run/netns/{t.netns}", "cat",
                                 "/proc/sys/net/" + key], ok=0)
            equal(p.stdout.strip(), wanted, f"{key} in {t.netns}")
    g.stop()
    wait_same(before, picture, [g], "after a stop")


def test_only_its_own_routes(picture):
    """The namespace's table has no way out but the tunnel and the /30."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    picture.gateway().start().wait_up()
    routes = picture.lab.run(["ip", "-n", t.netns, "route", "show", "table", "main"]).stdout
    for line in routes.splitlines():
        check(" dev wg0" in line or (line.startswith("10.200.") and " dev veth0" in line),
              f"route {line!r}")
    check("default" not in routes, routes)


@deadline(240)
def test_each_worker_killed(picture):
    """SIGKILL of each worker in turn: it comes back, and the other tailnet's connection lives on."""
    red, blue = two(picture)
    g = picture.gateway().start()
    g.wait_up()
    kept = connect(picture.mac, PRIMARY, blue.port)
    equal(socks5(kept, TARGET, 3000), 0, "the other tailnet")
    front = [n for n in g.workers() if n[0] == "tsgw-dns"]
    check(front, "a tsgw-dns runs")
    others = {k: p for k, p in g.workers().items() if k[1] == blue.name}
    for program, name in (("tsgw-wg", red.name), ("tsgw-proxy", red.name), front[0]):
        for _ in range(2):
            pid = g.worker(program, name)
            kill_all([pid])
            wait_for(lambda: g.workers().get((program, name)) not in (None, pid),
                     f"{program} of {name} is started again")
            equal(get(kept, "/kept"), "this is blue, you asked for /kept\n", "the other tailnet")
        g.wait_up(red)
        wait_for(lambda: page(picture, red).startswith("this is red"), f"red after {program}")
        wait_for(lambda: picture.dig(f"{TARGET}.{red.name}", "+short").strip() == TARGET,
                 f"names after {program}")
    check(g.process.alive(), "tsgwd lives")
    equal({k: p for k, p in g.workers().items() if k[1] == blue.name}, others,
          "workers of the other tailnet")
    kept.close()


@deadline(240)
def test_supervisor_killed(picture):
    """SIGKILL of tsgwd, at several moments of its life, and a start after it: works, nothing stray."""
    tailnets = two(picture)
    g = picture.gateway()
    before = traces(picture)
    for moment in ("up", "starting", "namespace", "stopping", "up"):
        if moment == "up":
            g.start().wait_up()
        elif moment == "stopping":
            g.start().wait_up()
            g.process.send(signal.SIGTERM)
        else:
            g.start(ready=False)
            what = ("/run/netns/tsgw-" + tailnets[0].name if moment == "namespace"
                    else os.path.join(g.run_dir, tailnets[0].name))
            wait_for(lambda: os.path.exists(what) or not g.process.alive(), what)
        g.kill()
    g.start().wait_up()
    for t in tailnets:
        check_page(picture, t)
    named = [(k, p) for k, p in g.workers().items()]
    found = g.lab.mine()
    mine = [p for p in found if 0 <= L.status(p)["Uid"][0] - g.uid_base < 0x10000]
    equal(sorted(mine), sorted(p for _, p in named), "processes with our uids are the live workers")
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], "after all that")
    equal(run_files(g), [], "files in the run directory")


@deadline(240)
def test_supervisor_killed_at_random(picture):
    """Twenty times SIGKILL a little later in the start each time."""
    picture.tailnet("red", 11080, ssh=False, serve=False)
    g = picture.gateway(args=["--log-level", "debug"])
    before = traces(picture)
    for i in range(20):
        g.start(ready=False)
        with contextlib.suppress(L.Failure):
            g.process.wait_line(".", timeout_s=5)
            wait_for(lambda: len(g.process.lines) > i, "lines", timeout_s=0.01 * i)
        g.kill()
    g.start().wait_up()
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], "after 20 kills")


def test_foreign_objects_are_refused(picture):
    """A namespace or a link of our name without our mark: exit 1, one line, untouched."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = picture.gateway()
    L.subprocess.run(["ip", "netns", "add", t.netns], check=True)
    inode = os.stat("/run/netns/" + t.netns).st_ino
    g.start(ready=False)
    line = g.process.wait_line("netns/" + t.netns)
    check(line, "a line that names it")
    with contextlib.suppress(L.Failure):
        wait_for(lambda: not g.process.alive(), "it ends", 5)
    g.stop()
    equal(os.stat("/run/netns/" + t.netns).st_ino, inode, "the foreign namespace")
    check(t.link not in picture.demon.links(), "no link was made")
    L.subprocess.run(["ip", "netns", "del", t.netns], check=True)

    picture.demon.ip(f"link add {t.link} type veth peer name {t.link[:12]}-x")
    g.start(ready=False)
    check(g.process.wait_line(t.link), "a line that names the link")
    with contextlib.suppress(L.Failure):
        wait_for(lambda: not g.process.alive(), "it ends", 5)
    g.stop()
    check(t.link in picture.demon.links(), "the foreign link is still there")
    check(not os.path.exists("/run/netns/" + t.netns), "no namespace was left")


def test_similar_names_untouched(picture):
    """Foreign namespaces and links with similar names survive start, SIGKILL, start and stop."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    foreign = "tsgw-" + t.name + "x"
    picture.lab.tailnet_names.add(t.name + "x")
    L.subprocess.run(["ip", "netns", "add", foreign], check=True)
    inode = os.stat("/run/netns/" + foreign).st_ino
    picture.demon.ip("link add tsgw-zz type veth peer name tsgw-zzp")
    g = picture.gateway().start()
    g.wait_up()
    g.kill()
    g.start().wait_up()
    g.stop()
    equal(os.stat("/run/netns/" + foreign).st_ino, inode, "the foreign namespace")
    check({"tsgw-zz", "tsgw-zzp"} <= picture.demon.links(), "the foreign links")


def test_two_supervisors(picture):
    """Two supervisors with redirected directories, other names and pools, side by side."""
    red, blue = two(picture)
    one = picture.gateway([red], tag="one").start()
    other = picture.gateway([blue], tag="other", pool="10.201.0.0/16", uid_offset=0x8000,
                            gateway_keys=["dns-port = 5353"]).start()
    one.wait_up()
    other.wait_up()
    check_page(picture, red)
    check_page(picture, blue)
    equal(sorted(one.list()), [red.name], "what the first lists")
    equal(one.stop(), 0, "exit code")
    check_page(picture, blue)
    equal(other.state(blue), "up", "the second goes on")


def test_second_supervisor_for_the_same(picture):
    """A second supervisor in the same run directory: one line, exit 1, nothing touched."""
    red, _ = two(picture)
    g = picture.gateway().start()
    g.wait_up()
    s = connect(picture.mac, PRIMARY, red.port)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    before, pids = traces(picture, g), g.workers()
    for args in ((), ("--tailnet", red.name), ("--front",)):
        p = g.run(*args)
        equal(p.returncode, 1, f"exit code of a second tsgwd {args}")
        equal(len(p.stderr.strip().splitlines()), 1, f"lines: {p.stderr!r}")
    equal(g.workers(), pids, "the workers")
    same(before, traces(picture, g), "after the second one's try")
    equal(get(s, "/still"), "this is red, you asked for /still\n", "a connection")
    s.close()


def test_parts_alone(picture):
    """tsgwd --tailnet NAME and --front as processes of their own; ctl sees all of them."""
    red, blue = two(picture)
    g = picture.gateway()
    runs = [("one", "--tailnet", red.name), ("two", "--tailnet", blue.name), ("front", "--front")]
    processes = []
    for _, *args in runs:
        g.start(*args)
        processes.append(g.process)
    g.wait_up()
    for t in (red, blue):
        check_page(picture, t)
        wait_for(lambda: picture.dig(f"{TARGET}.{t.name}", "+short").strip() == TARGET, "names")
    equal(processes[0].stop(), 0, "exit code of one tailnet's supervisor")
    check_page(picture, blue)
    equal(g.state(red), "down", "state of the stopped one")
    equal(g.ctl("peers", red.name).returncode, 4, "exit code without its supervisor")
    g.process = processes[0]
    g.start("--tailnet", red.name)
    g.wait_up(red)
    check_page(picture, red)
    for p in processes[1:] + [g.process]:
        equal(p.stop(), 0, "exit code")


def test_primary_comes_and_goes(picture):
    """Listeners appear when the interface or its address appears later, and vanish with it."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway(primary="late0, 127.0.0.1").start(ready=False)
    g.wait_state(t, "up", "degraded")
    g.process.wait_line("late0")
    at = lambda a: f"{a}:{t.port}" in g.list()[t.name]["listen"]  # noqa: E731
    wait_for(lambda: at("127.0.0.1"), "the listener on loopback")
    s = connect(picture.demon, "127.0.0.1", t.port)
    equal(socks5(s, TARGET, 3000), 0, "through loopback")
    picture.demon.ip("link add late0 type veth peer name late0-end", "link set late0-end up",
                     "addr add 100.99.0.1/32 dev late0", "link set late0 up")
    picture.mac.ip(f"route add 100.99.0.1 dev home0 src {MAC}")
    wait_for(lambda: at("100.99.0.1"), "the listener on late0")
    g.wait_up()
    c = connect(picture.mac, "100.99.0.1", t.port)
    equal(socks5(c, TARGET, 3000), 0, "through late0")
    wait_for(lambda: picture.dig(f"{TARGET}.{t.name}", "+short", server="100.99.0.1").strip()
             == TARGET, "names on late0")
    picture.demon.ip("addr add 100.99.0.2/32 dev late0")
    wait_for(lambda: at("100.99.0.2"), "the listener on a second address")
    picture.demon.ip("addr del 100.99.0.2/32 dev late0")
    wait_for(lambda: not at("100.99.0.2"), "the listener goes with its address")
    equal(get(c, "/kept"), "this is red, you asked for /kept\n", "a connection of the other address")
    picture.demon.ip("link del late0")
    wait_for(lambda: not at("100.99.0.1"), "the listener goes with the interface")
    equal(get(s, "/kept"), "this is red, you asked for /kept\n", "a connection through loopback")
    s.close()
    c.close()


def test_reload(picture):
    """SIGHUP and `reload`: what changed changes, what did not keeps its connections; errors change nothing."""
    red, blue = two(picture)
    gold = picture.tailnet("gold", 11082, ssh=False)
    g = picture.gateway([red, blue]).start()
    g.wait_up()
    s = connect(picture.mac, PRIMARY, red.port)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    pids = {k: v for k, v in g.workers().items() if k[1] == red.name}

    g.tailnets = [red, gold]
    blue.port = 11081
    g.write_config()
    p = g.ctl("reload", "--dry-run", ok=0)
    check(gold.name in p.stdout and blue.name in p.stdout, f"steps: {p.stdout}")
    check(os.path.exists("/run/netns/" + blue.netns), "a dry run changes nothing")
    g.ctl("reload", ok=0)
    g.wait_up(gold, red)
    check_page(picture, gold)
    wait_for(lambda: not os.path.exists("/run/netns/" + blue.netns), "the removed tailnet goes")
    equal(get(s, "/kept"), "this is red, you asked for /kept\n", "a connection of the unchanged")
    equal({k: v for k, v in g.workers().items() if k[1] == red.name}, pids, "its workers")

    red.port = 11090
    g.write_config()
    g.process.send(signal.SIGHUP)
    wait_for(lambda: f"{PRIMARY}:11090" in g.list()[red.name]["listen"], "the new port")
    told = "".join(g.notified).partition("RELOADING=1\nMONOTONIC_USEC=")[2]
    check("READY=1" in told, f"systemd is told of the reload and of its end: {g.notified}")
    equal(get(s, "/kept"), "this is red, you asked for /kept\n", "a connection over a change of port")

    with open(g.config, "a", encoding="utf-8") as f:
        f.write("nonsense = 1\n")
    before = traces(picture, g)
    p = g.ctl("reload")
    check(p.returncode != 0 and "nonsense" in p.stdout + p.stderr, f"{p.returncode} {p.stdout}")
    same(before, traces(picture, g), "after a refused reload")
    check_page(picture, red)
    s.close()


def test_up_and_down(picture):
    """down leaves the owner running without the tailnet, up brings it back; the other is not disturbed."""
    red, blue = two(picture)
    g = picture.gateway().start()
    g.wait_up()
    s = connect(picture.mac, PRIMARY, blue.port)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    for _ in range(3):
        g.ctl("down", red.name, ok=0)
        equal(g.state(red), "down", "state after down")
        check(not os.path.exists("/run/netns/" + red.netns), "the namespace is gone")
        check(red.link not in picture.demon.links(), "the link is gone")
        with contextlib.suppress(OSError):
            connect(picture.mac, PRIMARY, red.port, timeout_s=3).close()
            check(False, "the listener is still there")
        g.ctl("up", red.name, ok=0)
        g.wait_up(red)
        check_page(picture, red)
    g.ctl("restart", red.name, ok=0)
    g.wait_up(red)
    check_page(picture, red)
    equal(get(s, "/kept"), "this is blue, you asked for /kept\n", "the other tailnet's connection")
    s.close()


def test_the_same_slash_30(picture):
    """The /30 stays with the name over restarts, whatever the other tailnets do."""
    red, blue = two(picture, serve=False)
    g = picture.gateway().start()
    g.wait_up()

    def veth(t):
        out = picture.lab.run(["ip", "-n", t.netns, "-j", "addr", "show", "veth0"], ok=0).stdout
        return [a["local"] for i in json.loads(out) for a in i["addr_info"]
                if a["family"] == "inet"]
    first = veth(blue)
    g.stop()
    g.tailnets = [blue]
    g.write_config()
    g.start().wait_up()
    equal(veth(blue), first, "the /30 of the second after the first was removed from the file")
    g.stop()
    g.tailnets = [red, blue]
    g.write_config()
    g.start().wait_up()
    equal(veth(blue), first, "the /30 of the second")
    check(veth(red) != first, "not shared")


def test_many_clients_at_the_limit(picture):
    """Hundreds of connections at once, each served; the counters come back to nothing."""
    red = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    socks = [connect(picture.mac, PRIMARY, red.port) for _ in range(300)]
    for s in socks:
        equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    wait_for(lambda: g.list()[red.name]["clients"] == 300, "300 clients in the list")
    for i, s in enumerate(socks):
        equal(get(s, f"/{i}"), f"this is red, you asked for /{i}\n", "answer")
        s.close()
    wait_for(lambda: g.list()[red.name]["clients"] == 0, "no client is left")


def test_stopped_reader_does_not_block(picture):
    """A client that never reads does not hold up the others."""
    red = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    stuck = connect(picture.mac, PRIMARY, red.port)
    equal(socks5(stuck, TARGET, 3000), 0, "SOCKS5")
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.sendall(b"GET /bytes/1000000000 HTTP/1.1\r\nHost: x\r\n\r\n")
    stuck.recv(1000)
    for _ in range(20):
        check_page(picture, red)
    stuck.close()


def test_ready_is_not_early(picture):
    """Neither ready nor up before it is true: the first tailnet is broken, the second's peer has a name and
    does not answer."""
    broken = picture.tailnet("broken", 11080, ssh=False, serve=False, start=False)
    broken.keys = ["no-such-key = 1"]
    silent = picture.tailnet("silent", 11081, ssh=False, serve=False, start=False)
    silent.keys = ["ready-timeout = 2"]
    silent.wg_text = silent.wg_quick().replace(f"{silent.peer.underlay}:", "localhost:")
    g = picture.gateway().start()
    log = g.process.log()
    check(f"{silent.name}: up" not in log, f"up without an answer:\n{log}")
    check(f"{silent.name}: degraded" in log.split(": ready")[0], f"ready too early:\n{log}")
    got = g.list()[silent.name]
    equal((got["peers"], got["peers_up"]), (1, 0), "peers")
    equal(g.state(broken), "failed", "the broken one")
    shown = g.ctl("status", silent.name, ok=0).stdout
    check(shown.startswith(f"{silent.name}: degraded, started "), shown)
    shown = g.ctl("status", broken.name, ok=0).stdout
    check("namespace" not in shown and "tsgw-wg 0" not in shown, f"status of what has failed:\n{shown}")


def test_notifies_systemd(picture):
    """READY=1 when the listener answers; a tailnet that cannot come up does not hold it back."""
    red = picture.tailnet("red", 11080, ssh=False)
    dead = picture.tailnet("dead", 11081, ssh=False, serve=False, start=False)
    dead.keys = ["ready-timeout = 1"]
    red.keys = ["ready-timeout = 1"]
    g = picture.gateway().start()
    check_page(picture, red)
    check(any("STATUS=" in n for n in g.notified), f"notified: {g.notified}")
    equal(g.state(red), "up", "state")
    check(os.path.exists("/run/netns/" + dead.netns), "the other one exists as well")
