# SPDX-License-Identifier: MIT
"""Nothing drops: restarts, crashes and an upgrade of the package, in a real systemd.

    mac: ssh, curl, dig ── demon: Debian, tsgw@fgpu, tsgw ╳ again ── fgpu: sshd, a file of 1 GiB
"""
import hashlib
import os
import shutil
import subprocess
import sys
import threading

from client import connect, get, socks5
from lab import check, equal, wait_for
from machine import Machine, told
from picture import PRIMARY, TARGET, check_page
from releases import RELEASES
from run import deadline

WORKERS = ("tsgw-wg", "tsgw-proxy", "tsgw-dns")
FILE_BYTES = 1 << 30


def machine(picture, release, *keys):
    m = Machine(picture, release)
    fgpu = m.add("fgpu", ssh=False)[0]
    fgpu.keys = list(keys)
    m.configure(primary="tailscale0, 127.0.0.1")
    m.systemctl("enable", "--now", "tsgw@fgpu")
    m.wait_state("fgpu", "up")
    return m, fgpu


def workers(m):
    """Program -> pids, as ps sees them in there."""
    found = {}
    for line in m.out("ps -eo pid=,comm=").splitlines():
        pid, name = line.split(None, 1)
        if name.startswith("tsgw-"):
            found.setdefault(name, []).append(pid)
    return found


def adopted(m):
    """Those that the next supervisor takes over: all but the page's."""
    return {name: pids for name, pids in workers(m).items() if name != "tsgw-web"}


def relay(picture, t):
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 3000), 0, "CONNECT")
    check_relay(s)
    return s


def check_relay(s):
    check("you asked for /x" in str(get(s, "/x")), "the relay answers")


def main_pid(m, unit):
    return m.show(unit, "MainPID")


def kept(m, unit):
    return int(m.show(unit, "NFileDescriptorStore") or 0)


def nothing_left(m):
    wait_for(lambda: not workers(m), lambda: f"no worker: {workers(m)}")
    equal(m.out("ip -br link | grep tsgw- || true"), "", "links")
    equal(m.out("ls /run/netns"), "", "namespaces")
    equal(m.out("ls /run/wireguard 2>/dev/null || true"), "", "UAPI sockets")
    equal(m.out("find /run/tsgw -name made -o -name '*.sock'"), "", "records and sockets")


def check_dns(picture):
    equal(picture.dig(f"{TARGET}.fgpu", "+short").strip(), TARGET, "the front's answer")


@deadline(300)
def test_restart_and_crash(picture, release):
    """systemctl restart, SIGKILL, SIGABRT: the same workers, the same relay; a stop removes everything."""
    m, fgpu = machine(picture, release)
    with told(m):
        s, before = relay(picture, fgpu), adopted(m)
        check(all(len(before.get(p, [])) == 1 for p in WORKERS), f"workers: {before}")
        check(kept(m, "tsgw@fgpu") > 10, f"descriptors kept: {kept(m, 'tsgw@fgpu')}")
        shaken = m.out("wg show tsgw-fgpu latest-handshakes")

        def same(what):
            m.wait_state("fgpu", "up")
            equal(adopted(m), before, f"workers after {what}")
            equal(m.list()["fgpu"]["listen"], [f"{PRIMARY}:11080", "127.0.0.1:11080"], f"LISTEN after {what}")
            check_relay(s)
            check_page(picture, fgpu)
            check_dns(picture)
            equal(m.out("wg show tsgw-fgpu latest-handshakes"), shaken, f"handshakes after {what}")

        for unit in ("tsgw@fgpu", "tsgw", "tsgw@fgpu"):
            m.systemctl("restart", unit)
            same(f"a restart of {unit}")
        for unit, number in (("tsgw@fgpu", "KILL"), ("tsgw", "KILL"), ("tsgw@fgpu", "ABRT")):
            old = main_pid(m, unit)
            m.systemctl("kill", "--kill-whom=main", "-s", number, unit)
            wait_for(lambda u=unit, o=old: main_pid(m, u) not in ("0", o)
                     and m.is_active(u) == "active", f"{unit} is started again")
            same(f"SIG{number} of {unit}")
        m.systemctl("reload", "tsgw@fgpu")
        same("a reload")
        m.systemctl("stop", "tsgw@fgpu", "tsgw")
        nothing_left(m)
        equal((kept(m, "tsgw@fgpu"), kept(m, "tsgw")), (0, 0), "descriptors kept")
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        check_page(picture, fgpu)


@deadline(500)
def test_ends_that_leave_nothing(picture, release):
    """No next start: killed and stopped at once, a configuration that got bad, a bus that does not answer."""
    m, fgpu = machine(picture, release)
    with told(m):
        good = m.read("/etc/tsgw/tsgw.ini")
        # between a crash and the start that follows; with the pause as it is, and with one that is long enough for sure
        for pause in ("100ms", "3s"):
            for unit in ("tsgw", "tsgw@"):
                m.write(f"/etc/systemd/system/{unit}.service.d/pause.conf", f"[Service]\nRestartSec={pause}\n")
            m.systemctl("daemon-reload")
            m.run("systemctl kill --kill-whom=main -s KILL tsgw@fgpu tsgw", ok=0)
            if pause == "3s":
                for unit in ("tsgw@fgpu", "tsgw"):
                    wait_for(lambda u=unit: m.show(u, "SubState") == "auto-restart", f"{unit} is about to start again")
                check(m.exists("/run/netns/tsgw-fgpu") and workers(m), "so far everything stays")
            m.run("systemctl stop tsgw@fgpu tsgw", ok=0)
            for unit in ("tsgw@fgpu", "tsgw"):
                wait_for(lambda u=unit: m.is_active(u) in ("inactive", "failed"), f"{unit} is down")
            wait_for(lambda: not m.exists("/run/netns/tsgw-fgpu"), "swept after a kill and a stop")
            nothing_left(m)
            wait_for(lambda: not m.out("pgrep -x tsgwd || true"), "no guard")
            m.systemctl("start", "tsgw@fgpu")
            m.wait_state("fgpu", "up")
        # and who goes on has what was there
        wait_for(lambda: "tsgw-dns" in adopted(m), "the front has its own, too")
        before = adopted(m)
        m.run("systemctl kill --kill-whom=main -s KILL tsgw@fgpu", ok=0)
        wait_for(lambda: m.show("tsgw@fgpu", "SubState") == "auto-restart", "it is about to start again")
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        equal(adopted(m), before, "workers after a start in that moment")
        wait_for(lambda: len(m.out("pgrep -x tsgwd || true").split()) == 2, "no guard, two supervisors")
        m.write("/etc/tsgw/tsgw.ini", "[gateway]\nprimary =\nnonsense\n")
        m.systemctl("restart", "tsgw@fgpu", ok=None)
        wait_for(lambda: m.is_active("tsgw@fgpu") == "failed", "it has failed")
        wait_for(lambda: not m.exists("/run/netns/tsgw-fgpu"), "swept after a bad configuration")
        m.write("/etc/tsgw/tsgw.ini", good)
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        s = relay(picture, fgpu)
        # systemd is asked over the bus: without an answer all is removed, and made anew by the start
        bus = m.show("dbus.service", "MainPID")
        m.run(f"kill -STOP {bus}", ok=0)
        p = m.spawn(["systemctl", "restart", "tsgw@fgpu"])
        wait_for(lambda: "does not tell" in m.journal("tsgw@fgpu") or not p.alive(), "the second passes")
        m.run(f"kill -CONT {bus}", ok=0)
        p.wait()
        m.wait_state("fgpu", "up")
        check_page(picture, fgpu)
        s.close()
        m.systemctl("stop", "tsgw@fgpu", "tsgw")
        nothing_left(m)


class Session:
    """ssh through the listener, to a cat."""

    def __init__(self, picture, t):
        self.p = subprocess.Popen(
            ["nsenter", "--net=" + picture.mac.path, "ssh", "-T", "-i", picture.ssh_key(), "-o",
             "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
             "-o", f"ProxyCommand nc -X 5 -x {PRIMARY}:{t.port} %h %p", f"root@{TARGET}.{t.name}", "cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line):
        self.p.stdin.write(line + b"\n")
        self.p.stdin.flush()
        equal(self.p.stdout.readline(), line + b"\n", "ssh")

    def end(self):
        self.p.stdin.close()
        equal(self.p.wait(30), 0, "ssh's exit code")


def serve_file(picture, t):
    """1 GiB that is nowhere the same, and its hash."""
    path = os.path.join(picture.lab.dir, "file")
    os.makedirs(path)
    picture.lab.run(["sh", "-c", f"openssl enc -aes-128-ctr -nosalt -K {8:032x} -iv {8:032x} -in /dev/zero 2>/dev/null"
                     f" | head -c {FILE_BYTES} >{path}/file"], ok=0)
    t.peer.ns.spawn([sys.executable, "-u", "-m", "http.server", "-d", path, "-b", TARGET, "8000"],
                    "http.server").wait_line("Serving")
    with open(path + "/file", "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(f.read()).hexdigest()


class Download:
    def __init__(self, picture, t, rate):
        self.p = subprocess.Popen(
            ["nsenter", "--net=" + picture.mac.path, "curl", "-sS", "--noproxy", "", "--limit-rate", rate,
             "--socks5-hostname", f"{PRIMARY}:{t.port}", f"http://{TARGET}.{t.name}:8000/file"],
            stdout=subprocess.PIPE)
        self.hash, self.n = hashlib.sha256(), 0
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while part := self.p.stdout.read(1 << 20):
            self.hash.update(part)
            self.n += len(part)

    def end(self, wanted):
        self.thread.join(300)
        equal(self.p.wait(30), 0, "curl's exit code")
        equal((self.n, self.hash.hexdigest()), (FILE_BYTES, wanted), "the file")


def upgrade(picture, release, other_build):
    m, fgpu = machine(picture, release)
    with told(m):
        fgpu.peer.start_sshd("cat")
        wanted = serve_file(picture, fgpu)
        if other_build:
            for name in ("tsgw-wg", "tsgw-proxy", "tsgw-host", "tsgw-dns"):
                path = m.path(f"/usr/libexec/tsgw/{name}")
                shutil.copy2(path, path + ".new")
                with open(path + ".new", "ab") as f:
                    f.write(b"another")
                os.rename(path + ".new", path)
            m.systemctl("restart", "tsgw@fgpu", "tsgw")
            m.wait_state("fgpu", "up")
        ssh, s, before = Session(picture, fgpu), relay(picture, fgpu), workers(m)
        ssh.ask(b"before")
        download = Download(picture, fgpu, "24M")
        wait_for(lambda: download.n > 8 << 20, "the download is under way")
        m.publish(2)
        m.apt("update")
        out = m.apt("install", "tsgw").stdout
        check("9.0" in m.out("dpkg -s tsgw | grep ^Version"), f"the higher version: {out}")
        check(download.n < FILE_BYTES, "the download is still under way")
        m.wait_state("fgpu", "up")
        check("9.0" in m.out("/proc/$(systemctl show -P MainPID tsgw@fgpu)/exe --version"), "it runs")
        ssh.ask(b"after")
        check_relay(s)
        check_page(picture, fgpu)
        check_dns(picture)
        after = workers(m)
        if other_build:
            check(before["tsgw-proxy"][0] in after["tsgw-proxy"] and len(after["tsgw-proxy"]) == 2,
                  f"the old proxy keeps its connections: {before} {after}")
            check(before["tsgw-wg"] != after["tsgw-wg"], f"the node is of the new build: {before} {after}")
        else:
            for name in ("tsgw-proxy", "tsgw-dns"):  # tsgw-wg holds its version
                equal(after[name], before[name], f"{name}, which did not change, goes on")
        ssh.ask(b"and on")
        download.end(wanted)
        ssh.end()
        s.close()
        if other_build:
            wait_for(lambda: len(workers(m)["tsgw-proxy"]) == 1, lambda: f"the old one leaves: {workers(m)}")
        m.systemctl("stop", "tsgw@fgpu", "tsgw")
        nothing_left(m)


@deadline(400)
def test_upgrade(picture):
    """apt installs a higher version: an ssh session and 1 GiB run across, the hash is right. (On both releases:
    test_upgrade.py.)"""
    upgrade(picture, RELEASES[0], False)


@deadline(400)
def test_upgrade_of_every_program(picture):
    """The same where the workers' programs are others, too: the old proxy drains, the node is replaced."""
    upgrade(picture, RELEASES[-1], True)
