# SPDX-License-Identifier: MIT
"""Real stub and forwarding resolvers on the client, set up with the files of dns/ as they are.

    mac: glibc, systemd-resolved, dnsmasq, unbound, CoreDNS ──► demon: tsgw-dns, suffix fgpu ──► name server

The gateway's address and suffix are those of the files, so not a byte of them is changed.
"""
import os
import re
import shlex

from lab import Skip, check, equal, wait_for
from nameserver import Dnsmasq
from picture import PRIMARY, TARGET
from run import deadline
from servers import environment, program
from test_names import rcode

SNIPPETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../dns")
RESOLVER = "10.100.0.53"
NAMES = ((f"{TARGET}.fgpu", TARGET), ("10-100-10-141.fgpu", TARGET), ("grafana.fgpu", "10.100.1.1"),
         ("gpu1.fgpu", TARGET), ("GPU1.Fgpu", TARGET), ("wiki.internal.fgpu", "10.100.1.8"))


def set_up(picture):
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    t.dns = f"{RESOLVER}, corp.example"
    t.peer.ns.ip(f"addr replace {RESOLVER}/32 dev lo")
    Dnsmasq(picture.lab, t.peer.ns, RESOLVER, [("gpu1.corp.example", TARGET), ("wiki.internal", "10.100.1.8")],
            ["corp.example", "internal"], 60, ["--txt-record=gpu1.corp.example,hello"])
    g = picture.gateway(hosts={t.name: [("grafana", "10.100.1.1")]})
    with open(g.config, encoding="utf-8") as f:
        text = f.read().replace(f"suffix = {t.name}", "suffix = fgpu")
    with open(g.config, "w", encoding="utf-8") as f:
        f.write(text)
    g.start()
    g.wait_up()
    picture.mac.ip("link set lo up")
    wait_for(lambda: rcode(picture.dig("probe.fgpu")) == "NXDOMAIN", "the tailnet's resolver is asked")
    return t, g


def snippet(name):
    with open(os.path.join(SNIPPETS, name), encoding="utf-8") as f:
        return f.read()


def in_mounts(picture, binds, command):
    """The command line that runs COMMAND with files over those of the system: (what, where)."""
    lines = [f"mount --bind {shlex.quote(picture.lab.file(what[0], what[1], 0o644))} {where}" for what, where in binds]
    return ["unshare", "-m", "sh", "-ec", "\n".join([*lines, "exec " + shlex.join(command)])]


def resolv_conf(picture, server):
    return (f"resolv.{server}", f"nameserver {server}\noptions timeout:3 attempts:1\n"), "/etc/resolv.conf"


def getent(picture, server, database, name):
    command = in_mounts(picture, [resolv_conf(picture, server)], ["getent", database, name])
    return picture.mac.run(command, timeout_s=30)


def check_server(picture, server, reverse=None):
    """The names by dig at SERVER, and by glibc with SERVER as its only resolver."""
    for name, address in NAMES:
        equal(picture.dig(name, "+short", server=server).split(), [address], f"{name} at {server}")
        p = getent(picture, server, "ahostsv4", name)
        equal((p.stdout.split() or [p.stderr])[0], address, f"{name} by glibc at {server}")
    equal(picture.dig("gpu1.fgpu", "TXT", "+short", server=server).strip(), '"hello"', "TXT")
    for name, kind, code in ((f"{TARGET}.fgpu", "AAAA", "NOERROR"), (f"{TARGET}.fgpu", "HTTPS", "NOERROR"),
                             ("nobody.fgpu", "A", "NXDOMAIN"), ("127.0.0.1.fgpu", "A", "NXDOMAIN")):
        answer = picture.dig(name, kind, server=server)
        equal((rcode(answer), "ANSWER: 0" in answer), (code, True), f"{name} {kind} at {server}")
    equal(getent(picture, server, "ahosts", "nobody.fgpu").returncode, 2, "no such name, by glibc")
    if reverse:
        p = picture.mac.run(["dig", f"@{server}", "+time=3", "+tries=1", "+short", "-x", TARGET])
        equal(p.stdout.strip(), reverse, "its name")


def test_glibc(picture):
    """resolv.conf with nothing but the gateway: A and AAAA at once, [hosts], the tailnet's names, PTR."""
    set_up(picture)
    check_server(picture, PRIMARY, "gpu1.fgpu.")
    p = getent(picture, PRIMARY, "hosts", TARGET)
    equal(p.stdout.split()[:2], [TARGET, "gpu1.fgpu"], "the name of the address, by glibc")
    for option in ("single-request", "use-vc", "edns0", "trust-ad", "rotate"):
        conf = (f"resolv.{option}", f"nameserver {PRIMARY}\noptions {option} timeout:3\n"), "/etc/resolv.conf"
        p = picture.mac.run(in_mounts(picture, [conf], ["getent", "ahosts", "gpu1.fgpu"]), timeout_s=30)
        check(TARGET in p.stdout, f"option {option}: {p.stdout}{p.stderr}")


def test_dnsmasq(picture):
    set_up(picture)
    conf = picture.lab.file("dnsmasq.conf", snippet("dnsmasq.conf"))
    p = picture.mac.spawn(["dnsmasq", "--keep-in-foreground", f"--conf-file={conf}", "--no-resolv", "--no-hosts",
                           "--listen-address=127.0.0.1", "--bind-interfaces", "--stop-dns-rebind", "--pid-file=",
                           "--user=root", "--log-facility=-"], name="dnsmasq forwarding")
    p.wait_line("started, version")
    check_server(picture, "127.0.0.1")
    equal(rcode(picture.dig("example.com", server="127.0.0.1")), "REFUSED", "other names are not ours")


@deadline(180)
def test_unbound(picture):
    set_up(picture)
    part = picture.lab.file("unbound-tsgw.conf", snippet("unbound.conf"))
    conf = picture.lab.file("unbound.conf", f"""server:
\tinterface: 127.0.0.1
\tuse-syslog: no
\tlogfile: ""
\tverbosity: 1
\tusername: ""
\tchroot: ""
\tdirectory: "{picture.lab.dir}"
\tpidfile: ""
\tdo-daemonize: no
\tprivate-address: 10.0.0.0/8
\tharden-below-nxdomain: yes
\tqname-minimisation: yes
include: "{part}"
remote-control:
\tcontrol-enable: no
""")
    p = picture.mac.run([program("unbound-checkconf"), conf], env=environment())
    equal(p.returncode, 0, p.stdout + p.stderr)
    p = picture.mac.spawn([program("unbound"), "-d", "-p", "-c", conf], name="unbound", env=environment())
    p.wait_line("start of service")
    check_server(picture, "127.0.0.1")


@deadline(180)
def test_systemd_resolved(picture):
    """With the file in resolved.conf.d: a routing domain, asked by its stub and by glibc behind that."""
    set_up(picture)
    with open("/etc/passwd", encoding="utf-8") as f:
        users = f.read()
    with open("/etc/group", encoding="utf-8") as f:
        groups = f.read()
    binds = [(("passwd", users + "systemd-resolve:x:995:995::/:/usr/sbin/nologin\n"), "/etc/passwd"),
             (("group", groups + "systemd-resolve:x:995:\n"), "/etc/group"),
             (("empty.conf", ""), "/etc/resolv.conf")]
    part = picture.lab.file("resolved-tsgw.conf", snippet("systemd-resolved.conf"), 0o644)
    script = f"""mount -t tmpfs none /etc/systemd
mkdir /etc/systemd/resolved.conf.d
install -m 644 {shlex.quote(part)} /etc/systemd/resolved.conf.d/tsgw.conf
mkdir -p /run/systemd
mount -t tmpfs none /run/systemd
mkdir /run/systemd/resolve
chown 995:995 /run/systemd/resolve
exec {shlex.quote(program("systemd-resolved"))}"""
    p = picture.mac.spawn(in_mounts(picture, binds, ["sh", "-ec", script]), name="systemd-resolved",
                          env={"SYSTEMD_LOG_TARGET": "console", "SYSTEMD_LOG_LEVEL": "info"})
    wait_for(lambda: rcode(picture.dig(f"{TARGET}.fgpu", server="127.0.0.53")) == "NOERROR",
             lambda: f"its stub answers: {p.log()}")
    check_server(picture, "127.0.0.53", "gpu1.fgpu.")
    check(re.search(r"SERVFAIL|REFUSED|NXDOMAIN", picture.dig("example.com", server="127.0.0.53")), "not ours")


@deadline(180)
def test_coredns(picture):
    """Only where `tests/server-deps` was told to build it: that takes minutes."""
    try:
        path = program("coredns")
    except FileNotFoundError as e:
        raise Skip("CoreDNS was not built (COREDNS=yes make deps)") from e
    set_up(picture)
    conf = picture.lab.file("Corefile", snippet("coredns.corefile"))
    p = picture.mac.spawn([path, "-conf", conf, "-dns.port", "53"], name="coredns")
    wait_for(lambda: rcode(picture.dig(f"{TARGET}.fgpu", server="127.0.0.1")) == "NOERROR",
             lambda: f"it answers: {p.log()}")
    check_server(picture, "127.0.0.1", "gpu1.fgpu.")
