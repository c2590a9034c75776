# SPDX-License-Identifier: MIT
"""The one line that a user types, in a real systemd, with the real package: and what follows from it."""
import time

from machine import Machine, told
from lab import check, equal, wait_for
from picture import TARGET, check_page


def test_one_line(picture, release):
    """enable --now is all; the front comes along; a reboot brings both back; a stop takes one away."""
    with told(Machine(picture, release)) as m:
        out = m.run("systemctl list-units --all --plain --no-legend 'tsgw*'; ls /run/tsgw; getent group tsgw",
                    ok=0).stdout
        check("tsgw@" not in out and "active" not in out, f"an installation starts nothing: {out!r}")
        check("tsgw:x:" in out, f"the group tsgw: {out!r}")
        equal(m.out("stat -c '%a %U %G' /etc/tsgw/tsgw.ini").strip(), "640 root tsgw", "the configuration as installed")
        p = m.run("useradd stranger && runuser -u stranger -- tsgwd --check")
        equal((p.returncode, p.stdout, p.stderr), (2, "", "/etc/tsgw/tsgw.ini: Permission denied\n"), "a stranger's check")
        fgpu, lab = m.add("fgpu", "lab", ssh=False)
        m.configure()
        m.systemctl("enable", "--now", "tsgw@fgpu")
        equal(m.is_active("tsgw@fgpu"), "active", "tsgw@fgpu")
        equal(m.is_active("tsgw"), "active", "the front, which tsgw@fgpu pulls in")
        m.wait_state("fgpu", "up")
        check_page(picture, fgpu)
        equal(picture.dig(f"{TARGET}.fgpu", "+short").strip(), TARGET, "the front's answer")
        check("up" in m.show("tsgw@fgpu", "StatusText"), m.show("tsgw@fgpu", "StatusText"))
        # systemd, which keeps our sockets for the next supervisor, too, has not taken our ports
        p = m.ctl("doctor")
        equal((p.returncode, [line for line in p.stdout.splitlines() if line.startswith("fail")]), (0, []), "doctor")
        # the pin is the host's, not hidden in a mount namespace of the unit
        p = m.out("ip netns exec tsgw-fgpu ip -br addr show wg0")
        check("10.77.0.2" in p, f"wg0 through the pin: {p!r}")
        m.systemctl("start", "tsgw@lab")
        m.wait_state("lab", "up")
        m.reboot()
        m.wait_state("fgpu", "up", timeout_s=60)
        check_page(picture, fgpu)
        equal(m.is_active("tsgw"), "active", "the front after a reboot")
        equal(m.is_active("tsgw@lab"), "inactive", "what was only started, not enabled")
        m.systemctl("start", "tsgw@lab")
        m.systemctl("stop", "tsgw")
        equal(m.is_active("tsgw@fgpu"), "active", "a tailnet when the front stops")
        check_page(picture, fgpu)
        m.systemctl("stop", "tsgw@fgpu")
        check(not m.exists("/run/netns/tsgw-fgpu"), "the pin is gone")
        equal([m.show(u, "StatusText") for u in ("tsgw@fgpu", "tsgw")], ["down", "down"], "the last words")
        m.wait_state("lab", "up")
        check_page(picture, lab)


def test_nonsense(picture, release):
    """What is not in the INI does not start, and one line says so."""
    with told(Machine(picture, release)) as m:
        m.add("fgpu", ssh=False)
        m.configure()
        p = m.systemctl("start", "tsgw@nonsense", ok=None)
        check(p.returncode != 0, "tsgw@nonsense does not start")
        said = [line for line in m.journal("tsgw@nonsense").splitlines() if "nonsense" in line
                and "systemd" not in line and "tsgw@nonsense.service" not in line]
        equal(len(said), 1, f"lines about it: {said}")
        wait_for(lambda: m.is_active("tsgw@nonsense") == "failed", "no restart of what cannot mend itself")
        check(not m.exists("/run/netns/tsgw-nonsense"), "nothing is left")
        # nor does what can be no name; the sweep of it does not say so again
        check(m.systemctl("start", "tsgw@-x", ok=None).returncode != 0, "tsgw@-x does not start")
        wait_for(lambda: m.is_active("tsgw@-x") == "failed", "no restart")
        said = [line for line in m.journal("tsgw@-x").splitlines() if "not a name" in line]
        equal(len(said), 1, f"lines about it: {said}")


def test_somebody_else_has_it(picture, release):
    """A gateway by hand owns the tailnet; then a link of that name is somebody else's: the unit fails in a line, and
    what systemd does about it costs next to nothing. When it is out of the way, the unit is up."""
    with told(Machine(picture, release)) as m:
        fgpu, = m.add("fgpu", ssh=False)
        m.configure()
        by_hand = m.spawn(["tsgwd"], name="tsgwd by hand")
        m.wait_state(fgpu, "up")
        begin = time.monotonic()
        check(m.systemctl("start", "tsgw@fgpu", ok=None).returncode != 0, "it does not start")
        wait_for(lambda: m.show("tsgw@fgpu", "NRestarts") == "2", "it is tried again", 60)
        check(time.monotonic() - begin > 5, "tried again all the time")
        said = m.journal("tsgw@fgpu")
        check("fgpu: runs already, under process" in said, said)
        check_page(picture, fgpu)
        m.out("kill $(pgrep -fx tsgwd)")
        equal(by_hand.wait(), 0, "its exit code")
        m.wait_state(fgpu, "up", timeout_s=60)
        check_page(picture, fgpu)
        m.systemctl("stop", "tsgw@fgpu")
        m.out("ip link add tsgw-fgpu type veth peer name not-ours")
        p = m.systemctl("start", "tsgw@fgpu", ok=None)
        check(p.returncode != 0 and "tsgw-fgpu exists and is not ours" in m.journal("tsgw@fgpu"), m.journal("tsgw@fgpu"))
        m.systemctl("stop", "tsgw@fgpu")  # in the pause
        m.out("ip link del tsgw-fgpu")
