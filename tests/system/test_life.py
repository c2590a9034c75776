# SPDX-License-Identifier: MIT
"""What happens to a gateway in real life: interfaces that come late and go, no network at boot, a clock that was
wrong by years, a resolv.conf without servers, files that are edited at the wrong moment. It settles by itself: the
same main process from the first to the last line of each test."""
import json
import os
import re
import shutil
import struct

from lab import BUILD, check, equal, wait_for
from machine import Machine, told
from picture import MAC, PRIMARY, TARGET, check_page, page
from releases import RELEASES
from run import deadline


def primary_down(picture):
    picture.demon.ip("link del tailscale0")


def primary_up(picture, address=PRIMARY):
    picture.demon.ip("link add tailscale0 type veth peer name tailscale0-end", "link set tailscale0-end up",
                     f"addr add {address}/32 dev tailscale0", "link set tailscale0 up")


def main_pids(m):
    return {u: (m.show(u, "MainPID"), m.show(u, "NRestarts")) for u in ("tsgw", "tsgw@fgpu")}


@deadline(300)
def test_primary_comes_late(picture, release):
    """At boot there is no tailscale0, no link to the peer, and no resolver; all of it comes later, and changes."""
    with told(Machine(picture, release)) as m:
        fgpu, = m.add("fgpu", ssh=False)
        m.configure(primary="tailscale0")
        m.systemctl("enable", "tsgw@fgpu")
        primary_down(picture)
        picture.demon.ip("link set to1 down", "link set home0 down")
        m.write("/etc/resolv.conf", "")
        m.reboot()
        wait_for(lambda: m.is_active("tsgw@fgpu") == "active", lambda: "the unit starts degraded: "
                 + m.journal("tsgw@fgpu"), 60)
        first = main_pids(m)
        check("tailscale0" in m.show("tsgw@fgpu", "StatusText") + json.dumps(m.list()),
              f"the reason names the interface: {m.show('tsgw@fgpu', 'StatusText')} {m.list()}")
        picture.demon.ip("link set to1 up", "link set home0 up", f"route replace {MAC} dev home0")
        primary_up(picture)
        m.wait_state("fgpu", "up", timeout_s=60)
        check_page(picture, fgpu)
        # another address, as when a tailnet is joined anew
        picture.demon.ip(f"addr del {PRIMARY}/32 dev tailscale0", "addr add 100.121.76.22/32 dev tailscale0")
        picture.mac.ip("route add 100.121.76.22 dev home0 src " + MAC)
        wait_for(lambda: "100.121.76.22:11080" in json.dumps(m.list()), lambda: f"the new address: {m.list()}")
        got = picture.curl("--socks5-hostname", "100.121.76.22:11080", f"http://{TARGET}.fgpu:3000/", ok=0).stdout
        check("this is fgpu" in got, f"through the new address: {got}")
        check(picture.dig(f"{TARGET}.fgpu", "+short", server="100.121.76.22").strip() == TARGET, "names there")
        # away and back
        primary_down(picture)
        m.wait_state("fgpu", "degraded")
        primary_up(picture)
        m.wait_state("fgpu", "up")
        wait_for(lambda: "this is fgpu" in page(picture, fgpu), "the page through the interface that is back")
        equal(main_pids(m), first, "main processes and restarts")


YEAR_S = 31557600


class WallClock:
    """The wall clock of tsgwd and its workers in M (tests/net/walltime.c): right, or wrong by some years. The
    machine's own is the kernel's and this laboratory's, so it cannot be set."""

    def __init__(self, m):
        self.m = m
        shutil.copy(os.path.join(BUILD, "tests/net/walltime.so"), m.path("/usr/lib/walltime.so"))
        with open(m.path("/var/walltime"), "wb") as f:
            f.write(bytes(4096))
        for unit in ("tsgw", "tsgw@"):
            m.write(f"/etc/systemd/system/{unit}.service.d/clock.conf",
                    "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/walltime.so WALLTIME=/var/walltime\n")
        m.systemctl("daemon-reload")

    def wrong_by(self, years):
        with open(self.m.path("/var/walltime"), "r+b") as f:
            f.write(struct.pack("q", int(years * YEAR_S)))


@deadline(400)
def test_time_jumps(picture, release):
    """Booted 30 years ago, for the board has no clock: the peer takes a handshake of then for an old one. Minutes later
    the clock is set; then it is wrong by 40 years for a while, and right again."""
    with told(Machine(picture, release)) as m:
        fgpu, = m.add("fgpu", ssh=False)
        m.configure()
        clock = WallClock(m)
        m.systemctl("enable", "--now", "tsgw@fgpu")
        m.wait_state("fgpu", "up")  # and the peer knows the time
        clock.wrong_by(-30)
        m.reboot()
        wait_for(lambda: m.is_active("tsgw@fgpu") == "active", lambda: "it starts: " + m.journal("tsgw@fgpu"), 60)
        first = main_pids(m)
        m.wait_state("fgpu", "degraded")
        equal(m.out("tr '\\0' '\\n' </proc/$(pidof tsgw-wg)/environ | grep -c walltime").strip(), "2", "the clock is ours")
        clock.wrong_by(0)
        m.wait_state("fgpu", "up", timeout_s=60)
        check_page(picture, fgpu)
        for years in (40, 0, -30, 0):
            clock.wrong_by(years)
            for _ in range(3):
                check_page(picture, fgpu)
                wait_for(lambda: picture.dig(f"{TARGET}.fgpu", "+short").strip() == TARGET, "names")
            row = m.list()["fgpu"]
            equal(row["state"], "up", f"the clock is wrong by {years} years: {row}")
            check(0 <= row["uptime_s"] < 3600, f"how long it is up: {row['uptime_s']} s")
        # a new session, of a node that starts at such a moment
        clock.wrong_by(40)
        before = m.out("pidof tsgw-wg")
        m.out(f"kill -KILL {before}")
        wait_for(lambda: m.out("pidof tsgw-wg || true").strip() not in ("", before.strip()), "another node")
        m.wait_state("fgpu", "up", timeout_s=60)
        check_page(picture, fgpu)
        equal(main_pids(m), first, "main processes and restarts")


@deadline(300)
def test_bad_edits(picture):
    """Half a file, nonsense, and an edit in the middle of reloads: refused in a line, nothing lost."""
    with told(Machine(picture, RELEASES[0])) as m:
        fgpu, lab = m.add("fgpu", "lab", ssh=False)
        m.configure()
        m.systemctl("start", "tsgw@fgpu", "tsgw@lab")
        for name in ("fgpu", "lab"):
            m.wait_state(name, "up")
        first = main_pids(m)
        good = m.read("/etc/tsgw/tsgw.ini")
        for what, text in (("half written", good[:len(good) * 2 // 3 // 10 * 10 + 3]),
                           ("a key that is none", good.replace("port = 11080", "port = 11080\nprot = 1")),
                           ("NUL bytes", good + "\0\0"), ("a section that stays open", good + "[tailnet x")):
            m.write("/etc/tsgw/tsgw.ini", text)
            for unit in ("tsgw@fgpu", "tsgw"):
                equal((m.systemctl("reload", unit, ok=None).returncode, m.is_active(unit)), (1, "active"),
                      f"{what}: reload of {unit}")
            wait_for(lambda: re.search(r"tsgw\.ini:\d+: |refused|not changed|unchanged|stays",
                                       m.journal("tsgw@fgpu", "-n", "6")),
                     lambda: f"{what}: a line in the journal: " + m.journal("tsgw@fgpu"))
            check_page(picture, fgpu)
            p = m.ctl("check")
            equal(p.returncode, 2, f"{what}: check says {p.stdout}{p.stderr}")
            # three supervisors have read the same file
            said = m.ctl("reload", ok=1).stderr.splitlines()
            equal(len(said), len(set(said)), f"{what}: reload says {said}")
        # edits and reloads at the same time settle in the last good text
        m.write("/root/edit", "#!/bin/sh\nfor i in $(seq 40); do head -c $((i * 9)) /root/good >/etc/tsgw/tsgw.ini; "
                "cat /root/good >/etc/tsgw/tsgw.ini; done\n", 0o755)
        m.write("/root/good", good)
        edit = m.spawn(["/root/edit"])
        while edit.alive():
            m.systemctl("reload", "tsgw@fgpu", "tsgw@lab", ok=None)
        equal(edit.wait(), 0, "the editor")
        m.systemctl("reload", "tsgw@fgpu", "tsgw@lab")
        for t in (fgpu, lab):
            m.wait_state(t, "up")
            check_page(picture, t)
        # the file is written up to the section before: the tailnet stops, and is back with the rest of the file
        m.write("/etc/tsgw/tsgw.ini", good[:good.index("[tailnet lab]")])
        m.systemctl("reload", "tsgw@lab")
        wait_for(lambda: "no more" in m.show("tsgw@lab", "StatusText"), lambda: m.show("tsgw@lab", "StatusText"))
        check(not m.exists("/run/netns/tsgw-lab"), "its namespace")
        m.write("/etc/tsgw/tsgw.ini", good)
        m.systemctl("reload", "tsgw@lab")
        m.wait_state(lab, "up")
        # a real change by reload, seen without a restart
        m.write("/etc/tsgw/tsgw.ini", good.replace("port = 11081", "port = 11089"))
        m.systemctl("reload", "tsgw@lab")
        lab.port = 11089
        wait_for(lambda: "this is lab" in page(picture, lab), "the new port")
        check(re.search(r"lab: reload: listen on .*:11089", m.journal("tsgw@lab")), "the step in the journal: "
              + m.journal("tsgw@lab", "-n", "20"))
        equal(main_pids(m), first, "main processes and restarts")


@deadline(300)
def test_crash(picture, release):
    """The supervisor is killed; the plug is pulled: it is back, with nothing stray."""
    with told(Machine(picture, release)) as m:
        fgpu, = m.add("fgpu", ssh=False)
        m.configure()
        m.systemctl("enable", "--now", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        m.systemctl("kill", "-s", "KILL", "--kill-whom=main", "tsgw@fgpu")
        wait_for(lambda: m.show("tsgw@fgpu", "NRestarts") == "1", "it is started again")
        m.wait_state("fgpu", "up", timeout_s=40)
        check_page(picture, fgpu)
        m.crash()
        m.boot()
        m.wait_state("fgpu", "up", timeout_s=60)
        check_page(picture, fgpu)
        m.systemctl("stop", "tsgw@fgpu", "tsgw")
        equal(sorted(p for p in m.out("ls /run/netns").split() if "tsgw" in p), [], "pins")
        check("tsgw-" not in m.out("ip -br link"), "links")
        journal = m.journal("tsgw@fgpu", "-b")
        check(fgpu.private not in journal, "the key is in the journal")


@deadline(300)
def test_journal_is_a_story(picture):
    """What a person reads with journalctl -u tsgw@fgpu: few lines, each a sentence that names the cause."""
    with told(Machine(picture, RELEASES[-1])) as m:
        fgpu, = m.add("fgpu", ssh=False)
        m.configure()
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        fgpu.peer.process.stop()
        page(picture, fgpu)  # WireGuard is silent until somebody wants something
        m.wait_state("fgpu", "degraded", timeout_s=180)
        fgpu.peer.start()
        m.wait_state("fgpu", "up", timeout_s=60)
        m.systemctl("stop", "tsgw@fgpu")
        story = [line for line in m.journal("tsgw@fgpu").splitlines() if "systemd" not in line]
        for what in ("up", "10.77.0.1|peer|handshake|answer"):
            check(any(re.search(what, line) for line in story), f"no line about {what}: {story}")
        check(len(story) < 30, f"{len(story)} lines: {story}")
        equal([line for line in story if len(line) > 250], [], "lines that nobody reads")
