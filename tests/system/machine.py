# SPDX-License-Identifier: MIT
"""A Debian that is booted, with its own systemd, as the host "demon" of a Picture.

systemd-nspawn boots it in the network namespace demon of the laboratory, so clients and peers stay outside, as
programs of this machine, and outlive a reboot. Its files are an overlay over the release's root tree, in a
memory file system of a mount namespace that a holder process keeps: when that ends, all of it is gone.
"""
import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "net"))
import image  # noqa: E402
import lab as L  # noqa: E402
import picture as P  # noqa: E402
from lab import Failure, Skip, wait_for  # noqa: E402

BOOT_S = 90
HOLD = ('set -e; mount -t tmpfs -o size=2g none "$0"; mkdir "$0/u" "$0/w" "$0/m"; '
        'mount -t overlay -o "lowerdir=$1,upperdir=$0/u,workdir=$0/w" none "$0/m"; '
        'echo holding; exec cat')


class Machine:
    def __init__(self, picture, release, boot=True, install=True):
        self.picture, self.lab, self.release = picture, picture.lab, release
        try:
            self.image = image.Image(release)
            self.packages = self.image.prepare()
        except image.Missing as e:
            raise Skip(str(e)) from None
        self.name = f"{release}-{self.lab.id}"
        place = os.path.join(self.lab.dir, self.name)
        os.makedirs(place)
        os.makedirs("/run/systemd", exist_ok=True)
        self.holder = self.lab.spawn(["unshare", "-m", "--propagation", "private", "sh", "-c", HOLD, place,
                                      self.image.root], name="holder", stdin=subprocess.PIPE)
        self.holder.wait_line("^holding$")
        self.place = place + "/m"
        self.tailnets, self.nspawn, self.leader = [], None, None
        self.lab.gateways.append(self)  # is ended before its namespaces are
        self.process = self
        self.pid = self.holder.pid
        self.unpack()
        if boot:
            self.boot()
            if install:
                self.install()

    @property
    def root(self):
        """Where its files are for us; what it has mounted itself is there only while it runs."""
        return f"/proc/{self.leader}/root" if self.leader else f"/proc/{self.holder.pid}/root{self.place}"

    def unpack(self):
        for path in glob.glob(self.root + "/etc/apt/sources.list*") + glob.glob(
                self.root + "/etc/apt/sources.list.d/*"):
            if os.path.isfile(path):
                os.unlink(path)
        for path in glob.glob(self.root + "/var/lib/apt/lists/*Packages*"):
            os.unlink(path)
        self.write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/libraries ./\n"
                   "deb [trusted=yes] file:/srv/tsgw ./\n")
        self.write("/etc/apt/apt.conf.d/99languages", 'Acquire::Languages "none";\n')
        self.write("/etc/resolv.conf", "")
        self.write("/etc/hostname", "demon\n")
        self.write("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 demon\n")
        self.publish(1)

    def publish(self, number):
        """What the machine's repository of apt has: our package 1, or the higher version 2."""
        shutil.rmtree(self.root + "/srv/tsgw", ignore_errors=True)
        shutil.copytree(f"{self.packages}/{number}", self.root + "/srv/tsgw",
                        ignore=shutil.ignore_patterns("*dbgsym*"))

    # ---- life

    def boot(self, timeout_s=BOOT_S):
        self.nspawn = self.lab.spawn(
            ["nsenter", "--mount=" + f"/proc/{self.holder.pid}/ns/mnt", "systemd-nspawn", "-q", "-D", self.place,
             "--register=no", "--keep-unit", "-b", "--network-namespace-path=" + self.picture.demon.path,
             "--capability=all", "--bind=/dev/net/tun",
             "--bind-ro=" + self.image.repo + ":/srv/libraries", "--machine=" + self.name, "--console=pipe",
             "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--hostname=demon"],
            name=f"machine {self.release}",
            env={"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})
        self.leader = wait_for(self.find_leader, "the machine's first process", timeout_s)
        wait_for(self.is_running, lambda: f"{self.release} boots; {self.why()}", timeout_s)
        return self

    def why(self):
        p = self.run(["sh", "-c", "systemctl is-system-running; systemctl --failed --no-legend; "
                      "systemctl list-jobs --no-legend"])
        return p.stdout + p.stderr

    def find_leader(self):
        if not self.nspawn.alive():
            raise Failure(f"systemd-nspawn ended: {self.nspawn.log()}")
        for pid in P.children(self.nspawn.pid):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                    if f.read().strip() == "systemd":
                        return pid
        return None

    def is_running(self):
        if not self.nspawn.alive():
            raise Failure(f"systemd-nspawn ended: {self.nspawn.log()}")
        p = self.run(["systemctl", "is-system-running"])
        return p.stdout.strip() in ("running", "degraded")

    def poweroff(self, timeout_s=60):
        self.run(["systemctl", "poweroff"])
        self.nspawn.wait(timeout_s)
        self.nspawn = self.leader = None

    def reboot(self):
        self.poweroff()
        return self.boot()

    def crash(self):
        """The plug is pulled."""
        fd = os.pidfd_open(self.leader)
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)
        self.nspawn.wait()
        self.nspawn = self.leader = None

    # what Lab asks of a gateway at its end
    def send(self, _number):
        pass

    def stop(self):
        with contextlib.suppress(Exception):
            if self.leader:
                self.crash()
        self.holder.forgiven = True
        self.holder.stop()

    # ---- inside

    def run(self, cmd, ok=None, timeout_s=120, **options):
        return self.lab.run(self.enter(cmd), ok=ok, timeout_s=timeout_s, **options)

    def enter(self, cmd):
        if isinstance(cmd, str):
            cmd = ["sh", "-c", cmd]
        return ["nsenter", "-t", str(self.leader), "-a", "env", "-i", "-C", "/", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "PAGER=cat", *cmd]

    def out(self, cmd, **options):
        return self.run(cmd, ok=0, **options).stdout

    def spawn(self, cmd, name=None, **options):
        return self.lab.spawn(self.enter(cmd), name=name, **options)

    def systemctl(self, *args, ok=0, **options):
        return self.run(["systemctl", *args], ok=ok, **options)

    def show(self, unit, what):
        return self.out(["systemctl", "show", "-P", what, unit]).strip()

    def is_active(self, unit):
        return self.show(unit, "ActiveState")

    def journal(self, unit, *args):
        return self.out(["journalctl", "-q", "--no-pager", "-o", "cat", "-u", unit, *args])

    def path(self, name):
        return self.root + name

    def write(self, name, text, mode=0o644):
        path = self.root + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with contextlib.suppress(OSError):
            os.unlink(path)
        with open(path, "w", encoding="utf-8") as f:
            os.fchmod(f.fileno(), mode)
            f.write(text)

    def read(self, name):
        with open(self.root + name, encoding="utf-8", errors="replace") as f:
            return f.read()

    def exists(self, name):
        return os.path.lexists(self.root + name)

    def apt(self, *args, ok=0, timeout_s=180):
        return self.run(["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", "-o",
                         "APT::Install-Recommends=true", *args], ok=ok, timeout_s=timeout_s)

    def install(self):
        self.apt("update")
        return self.apt("install", "tsgw").stdout

    # ---- tsgw

    def add(self, *words, port=11080, **options):
        """Tailnets of these names, each with a peer outside; they are written by configure()."""
        for word in words:
            t = self.picture.tailnet(word, port + len(self.tailnets), name=word, **options)
            self.lab.tailnet_names.discard(word)
            self.tailnets.append(t)
        return self.tailnets

    def configure(self, gateway_keys=(), primary="tailscale0", extra=""):
        lines = ["[gateway]", f"primary = {primary}", f"uid-base = {self.lab.uid_base}", *gateway_keys, ""]
        for t in self.tailnets:
            self.write(f"/etc/tsgw/{t.name}.conf", t.wg_quick(), 0o600)
            lines.append(t.section())
        self.write("/etc/tsgw/tsgw.ini", "\n".join(lines) + extra)

    def ctl(self, *args, ok=None, timeout_s=60):
        return self.run(["tsgwctl", *args], ok=ok, timeout_s=timeout_s)

    def list(self):
        return {t["name"]: t for t in json.loads(self.ctl("list", "--json", ok=0).stdout)}

    def state(self, name):
        return self.list().get(getattr(name, "name", name), {}).get("state")

    def wait_state(self, name, *states, timeout_s=L.PATIENCE_S):
        name = getattr(name, "name", name)
        wait_for(lambda: self.state(name) in states,
                 lambda: f"{name} becomes {'/'.join(states)}: {self.list().get(name)}\n"
                 + self.journal(f"tsgw@{name}", "-n", "30"), timeout_s)

    def show_logs(self):
        with contextlib.suppress(Exception):
            print(self.out(["journalctl", "-q", "--no-pager", "-n", "100", "-o", "short-monotonic",
                            "-u", "tsgw*"]), file=sys.stderr)


@contextlib.contextmanager
def told(machine):
    """What went wrong comes with the machine's journal."""
    try:
        yield machine
    except Exception:
        machine.show_logs()
        raise
