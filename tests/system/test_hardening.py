# SPDX-License-Identifier: MIT
"""What systemd says of the units, and what the installed programs' processes may do."""
import contextlib
import json
import os
import re

from lab import check, equal, status, wait_for
from machine import Machine, told
from picture import TARGET, check_page, children
from puppet import PLAIN, REACHING, attempt, attempts, settled
from run import deadline

LIMITS = {"tsgw@fgpu.service": 51, "tsgw.service": 39}
# systemd.exec(5): what gives a unit a mount namespace of its own, which would hide the pins in /run/netns
# (exec_needs_mount_namespace() in systemd's src/core; ProtectHostname= makes one for the host's name only)
MOUNTING = re.compile(r"^(Protect(System|Home|ControlGroups|KernelTunables|KernelModules|KernelLogs|Proc)|"
                      r"ProcSubset|Private(Tmp|Devices|Mounts|Network|Users|IPC|PIDs|BPF)|MountFlags|MountAPIVFS|"
                      r"MountImages|Extension(Images|Directories)|BindPaths|BindReadOnlyPaths|BindLogSockets|"
                      r"TemporaryFileSystem|RootDirectory|RootImage|(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)Paths|"
                      r"DynamicUser|LogNamespace|(Network|IPC)NamespacePath|JoinsNamespaceOf|"
                      r"(Runtime|State|Cache|Logs|Configuration)Directory)\s*=", re.M)


def exposure(m, unit):
    """Ten times systemd's exposure level, and all that it says."""
    p = m.run(["systemd-analyze", "security", "--no-pager", unit])
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", p.stdout)
    check(level, p.stdout + p.stderr)
    return round(float(level.group(1)) * 10), p.stdout


@deadline(400)
def test_score_and_mounts(picture, release):
    """The exposure levels; no option that mounts, the host's mount namespace, and the pin is the host's."""
    with told(Machine(picture, release)) as m:
        m.add("fgpu", ssh=False)
        m.configure()
        for unit, most in LIMITS.items():
            level, said = exposure(m, unit)
            print(f"# {release}: {unit} {level / 10}")
            check(level <= most, f"{unit}: more than {most / 10}\n" + "\n".join(
                line for line in said.splitlines() if "✗" in line))
        # with what an empty root of the front's workers would take it would be more (SECURITY.md)
        for way, least in (("CapabilityBoundingSet=CAP_SYS_CHROOT", 41), ("RestrictNamespaces=user", 43)):
            m.write("/run/systemd/system/tsgw.service.d/way.conf", f"[Service]\nSystemCallFilter=chroot\n{way}\n")
            m.systemctl("daemon-reload")
            equal(exposure(m, "tsgw.service")[0], least, f"level of tsgw.service with {way}, as SECURITY.md says it")
        os.unlink(m.path("/run/systemd/system/tsgw.service.d/way.conf"))
        m.systemctl("daemon-reload")
        p = m.run(["systemd-analyze", "verify", "/usr/lib/systemd/system/tsgw.service",
                   "/usr/lib/systemd/system/tsgw@.service"])
        said = [line for line in (p.stdout + p.stderr).splitlines() if "tsgw" in line
                and "Command 'man" not in line]  # which a small system does not have
        equal(said, [], "systemd-analyze verify")
        for unit in LIMITS:
            equal(MOUNTING.findall(m.out(["systemctl", "cat", unit])), [], f"options of {unit} that mount")
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        for unit in LIMITS:
            pid = m.show(unit, "MainPID")
            equal(m.out(["readlink", f"/proc/{pid}/ns/mnt"]), m.out(["readlink", "/proc/1/ns/mnt"]),
                  f"mount namespace of {unit}")
        check("10.77.0.2" in m.out("ip netns exec tsgw-fgpu ip -br addr show wg0"), "the pin, from the host")


@deadline(500)
def test_few_capabilities(picture, release):
    """What the units leave to root is enough: a file of somebody else's, workers that are ended, the group's socket."""
    with told(Machine(picture, release)) as m:
        fgpu, = m.add("fgpu", ssh=False)
        m.configure()
        m.out("useradd -m alice && chmod 700 /home/alice && mv /etc/tsgw/fgpu.conf /home/alice/ && "
              "chown alice: /home/alice/fgpu.conf && chmod 600 /home/alice/fgpu.conf")
        m.write("/etc/tsgw/tsgw.ini", m.read("/etc/tsgw/tsgw.ini").replace("= fgpu.conf", "= /home/alice/fgpu.conf"))
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        check_page(picture, fgpu)
        wait_for(lambda: picture.dig(f"{TARGET}.fgpu", "+short").strip() == TARGET,
                 lambda: "the front answers names: " + m.journal("tsgw"))
        for unit, dropped in (("tsgw", "kill|chown|dac_override|sys_chroot|net_admin|sys_admin"), ("tsgw@fgpu", "kill")):
            left = m.show(unit, "CapabilityBoundingSet")
            check(not re.search(rf"cap_({dropped})\b", left), f"{unit} keeps {left}")
        # workers have uids of their own, and are signalled and ended all the same
        for unit in ("tsgw", "tsgw@fgpu"):
            m.systemctl("restart", unit)
            m.systemctl("kill", "-s", "KILL", "--kill-whom=main", unit)
            wait_for(lambda u=unit: m.show(u, "NRestarts") == "1" and m.is_active(u) == "active",
                     lambda u=unit: f"{u} is started again: " + m.journal(u))
        m.wait_state("fgpu", "up")
        check_page(picture, fgpu)
        m.systemctl("stop", "tsgw@fgpu", "tsgw")
        equal([p for p in m.out("ps -eo comm=").split() if p.startswith("tsgw")], [], "processes")
        refused = re.compile("not permitted|ermission denied")
        for unit in ("tsgw", "tsgw@fgpu"):
            equal([line for line in m.journal(unit).splitlines() if refused.search(line)], [], f"refused to {unit}")


def worker_of(m, program):
    """Its pid, as this machine sees it, once it is in its sandbox."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{m.leader}/ns/pid") \
                    and status(pid)["Name"] == program and settled(pid):
                return int(pid)
    return None


@deadline(300)
def test_front_taken_over(picture, release):
    """The workers of tsgw.service, which may not chroot, reach no file of the host's and nobody's socket all the same."""
    with told(Machine(picture, release)) as m:
        fgpu, = m.add("fgpu", ssh=False)
        m.configure()
        attempts(m.lab)
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        m.write("/plain.py", PLAIN)
        plain = m.spawn(["python3", "/plain.py", "/tmp/reach"], name="plain")
        plain.wait_line("^listens$")
        other = worker_of(m, "tsgw-wg")
        # what the test is worth: without a sandbox the same calls work, and the journal is where it is thought to be
        pid = worker_of(m, "tsgw-dns")
        check(os.readlink(f"/proc/{pid}/root") == "/", "tsgw-dns has the host's root")
        check(os.readlink(f"/proc/{pid}/fd/0").startswith("socket:"), "descriptor 0 of tsgw-dns leads to the journal")
        puppet, = children(plain.pid)
        for name in REACHING:
            equal(attempt(puppet, other, "/tmp/reach", name), "worked", f"{name} of a plain process")
        for program in ("tsgw-dns", "tsgw-web"):
            got = {}
            for name in REACHING:
                pid = wait_for(lambda p=program: worker_of(m, p), f"a {program} in its sandbox", 60)
                got[name] = attempt(pid, other, "/tmp/reach", name)
                if got[name] == "killed":
                    wait_for(lambda p=program, was=pid: worker_of(m, p) != was, "it is gone")
            print(f"# {release}: {program}: " + ", ".join(f"{name} {how}" for name, how in got.items()))
            equal([name for name, how in got.items() if how == "worked"], [], f"what an intruder can do in {program}")
        equal(worker_of(m, "tsgw-wg"), other, "the node")
        wait_for(lambda: picture.dig(f"{TARGET}.fgpu", "+short").strip() == TARGET, "the front answers names again", 60)
        check_page(picture, fgpu)


@deadline(240)
def test_control_socket(picture, release):
    """Root may all, the group tsgw may look, others nothing; tsgwctl is not setuid and refuses in one line."""
    with told(Machine(picture, release)) as m:
        m.add("fgpu", ssh=False)
        m.configure()
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        m.out("useradd -m looker && usermod -a -G tsgw looker && useradd -m stranger")
        as_user = ["runuser", "-u"]
        p = m.run([*as_user, "looker", "--", "tsgwctl", "list", "--json"], ok=0)
        equal(json.loads(p.stdout)[0]["state"], "up", "what a member of the group sees")
        p = m.run([*as_user, "looker", "--", "tsgwctl", "why", f"http://{TARGET}.fgpu:3000/"])
        equal((p.returncode, "accept-routes" in p.stdout), (0, False), f"and how it looks at a way: {p.stdout}{p.stderr}")
        check(re.search("skip +route .*for root alone", p.stdout), p.stdout)
        for change in (["down", "fgpu"], ["reload"]):
            p = m.run([*as_user, "looker", "--", "tsgwctl", *change])
            check(p.returncode == 1 and re.search("only root may|ermission denied", p.stderr),
                  f"a member of the group does {change}: {p.returncode} {p.stderr}")
        equal(m.state("fgpu"), "up", "its state")
        p = m.run([*as_user, "stranger", "--", "tsgwctl", "status", "fgpu"])
        check(p.returncode != 0 and "ermission" in p.stderr, f"a stranger: {p.returncode} {p.stdout}{p.stderr}")
        for sock in ("/run/tsgw/fgpu/control.sock", "/run/tsgw/front.sock"):
            equal(m.out(["stat", "-c", "%a %U %G", sock]).strip(), "660 root tsgw", sock)
        equal(m.out(["stat", "-c", "%a %U %G", "/var/lib/tsgw", "/var/lib/tsgw/fgpu"]).splitlines(),
              ["700 root root"] * 2, "the state's directories")


@deadline(240)
def test_no_key_in_sight(picture, release):
    """The private key is in no argument, environment, log, state file that others read, and in no core file."""
    with told(Machine(picture, release)) as m:
        fgpu, = m.add("fgpu", ssh=False)
        m.configure()
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        found = m.out("for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/cmdline; tr '\\0' '\\n' <$p/environ; done 2>/dev/null; "
                      "journalctl -q --no-pager; tsgwctl list --json; tsgwctl status fgpu --json; tsgwctl peers fgpu; "
                      "find /run/tsgw /var/lib/tsgw -type f -perm /044 -exec cat {} +")
        check(fgpu.private not in found, "the key is to be seen")
        for pid in m.out("pgrep -f 'tsgw-[a-z]+ --worker|tsgw-(wg|proxy|dns|host|web)'").split():
            limits = m.read(f"/proc/{pid}/limits")
            check(re.search(r"Max core file size\s+0\s+0", limits), f"core of {pid}: {limits}")
            check(re.search(r"Max file size\s+0\s+0", limits), f"file size of {pid}")
            equal(os.stat(m.path(f"/proc/{pid}/mem")).st_uid, 0, f"{pid} is not dumpable: owner of its memory")
