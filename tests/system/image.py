#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Root trees of Debian releases, and our packages built in them.

    image.py [RELEASE]…      makes what is missing

    CACHE/RELEASE/root       a small system that boots
    CACHE/RELEASE/build      what building needs on top of it, as an overlay
    CACHE/RELEASE/repo       every library package that ours may want, as a repository of apt
    CACHE/RELEASE/packages-H tsgw of the sources with the hash H, and the same sources as a higher version

CACHE is TSGW_TEST_CACHE or /var/cache/tsgw-test. A tree is made anew when the recipe here changes. The
mirror is that of this machine's apt (TSGW_TEST_MIRROR overrides), and signatures are checked by its keys.
The packages are built by an unprivileged user in a network namespace without any link.
"""
import concurrent.futures
import contextlib
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import sys

from releases import RELEASES

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.environ.get("TSGW_TEST_CACHE", "/var/cache/tsgw-test")
TOOLS = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "unshare": "util-linux"}
RUNTIME = ("systemd systemd-sysv dbus udev iproute2 procps openssh-server openssh-client curl nftables "
           "iputils-ping python3-minimal wireguard-tools strace").split()
BUILD = ("build-essential debhelper fakeroot libc-ares-dev libinih-dev libipsec-mb-dev libjansson-dev "
         "libnl-3-dev libnl-route-3-dev libseccomp-dev libsodium-dev libsystemd-dev pkg-config python3").split()
VERSION_2 = "9.0"  # the higher version, for upgrades
BUILDER = "1000"


class Missing(Exception):
    """What is not installed here."""


def look():
    gone = sorted(p for t, p in TOOLS.items() if not shutil.which(t))
    if gone:
        raise Missing("not installed: " + ", ".join(gone))
    if os.geteuid():
        raise Missing("root trees are made by root")


def run(*cmd, **options):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                       stdin=subprocess.DEVNULL, check=False, **options)
    if p.returncode:
        raise RuntimeError(f"exit {p.returncode}: {' '.join(cmd)[:300]}\n" + p.stdout[-6000:])
    return p.stdout


def mirror():
    """Debian's mirror in this machine's apt configuration."""
    if os.environ.get("TSGW_TEST_MIRROR"):
        return os.environ["TSGW_TEST_MIRROR"]
    p = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian",
                        "Created-By: Packages"], capture_output=True, text=True, check=False)
    found = [u for u in p.stdout.split() if "security" not in u]
    return found[0].rstrip("/") if found else "http://deb.debian.org/debian"


def apt_options():
    """How this machine's apt reaches and judges its mirror."""
    text = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    return [line.rstrip(";") for line in text.splitlines()
            if line.startswith(("Acquire::Check-", "Acquire::http::Proxy", "Acquire::https::Proxy"))
            and not line.endswith('"";')]


def digest(*texts):
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


@contextlib.contextmanager
def locked(folder):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def remove(path):
    run("rm", "-rf", "--one-file-system", path)


class Image:
    def __init__(self, release):
        self.release = release
        self.dir = os.path.join(CACHE, release)
        self.root, self.build, self.repo = (os.path.join(self.dir, d) for d in ("root", "build", "repo"))

    def made(self, what, key):
        with contextlib.suppress(OSError):
            with open(os.path.join(self.dir, what + ".key"), encoding="ascii") as f:
                return f.read() == key and os.path.isdir(os.path.join(self.dir, what))
        return False

    def note(self, what, key):
        with open(os.path.join(self.dir, what + ".key"), "w", encoding="ascii") as f:
            f.write(key)

    def prepare(self):
        look()
        with locked(self.dir):
            self.make_root()
            self.make_build()
            self.make_repo()
            return self.make_packages()

    # ---- the trees

    def make_root(self):
        key = digest("root", self.release, *RUNTIME)
        if self.made("root", key):
            return
        remove(self.root)
        remove(self.build)
        new = self.root + ".new"
        remove(new)
        print(f"# {self.release}: a root tree", flush=True)
        options = [f"--aptopt={o}" for o in apt_options()]
        run("mmdebstrap", "--variant=minbase", "--mode=root", "--skip=cleanup/apt/lists", *options,
            "--include=" + ",".join(RUNTIME), self.release, new, mirror())
        for unit in ("ssh.service", "systemd-resolved.service", "apt-daily.timer", "apt-daily-upgrade.timer"):
            path = os.path.join(new, "etc/systemd/system", unit)
            with contextlib.suppress(FileExistsError):
                os.symlink("/dev/null", path)
        os.rename(new, self.root)
        self.note("root", key)

    def inside(self, script, upper=None, env=None, network=False):
        """Runs a shell SCRIPT as root in the tree, with BUILD and then UPPER laid over it."""
        layers = [d for d in (self.build, self.root) if os.path.isdir(d) and d != upper]
        work = self.dir + "/work.tmp"
        remove(work)
        outside = (
            'set -e; mkdir -p "$WORK"; mount -t tmpfs none "$WORK"; mkdir "$WORK/m" "$WORK/u" "$WORK/w"; '
            'if [ -n "$UPPER" ]; then mkdir -p "$UPPER" "$UPPER.work"; U=$UPPER W=$UPPER.work; '
            'else U=$WORK/u W=$WORK/w; fi; '
            'mount -t overlay -o "lowerdir=$LOWER,upperdir=$U,workdir=$W" none "$WORK/m"; '
            'mount -t proc none "$WORK/m/proc"; mount --rbind /dev "$WORK/m/dev"; '
            'if [ -n "$SHARE" ]; then mkdir -p "$WORK/m/mnt"; mount --bind "$SHARE" "$WORK/m/mnt"; fi; '
            'for f in resolv.conf hosts; do rm -f "$WORK/m/etc/$f"; cat "/etc/$f" >"$WORK/m/etc/$f"; done; '
            'exec chroot "$WORK/m" sh -c "$SCRIPT"')
        full = {"LOWER": ":".join(layers), "WORK": work, "UPPER": upper or "", "SCRIPT": script,
                "SHARE": "", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
                "DEBIAN_FRONTEND": "noninteractive", **(env or {})}
        flags = ["-m"] if network else ["-m", "-n"]
        try:
            return run("unshare", *flags, "--propagation", "private", "sh", "-c", outside, env=full)
        finally:
            remove(work)

    def make_build(self):
        key = digest("build", self.release, *RUNTIME, *BUILD)
        if self.made("build", key):
            return
        remove(self.build)
        remove(self.repo)
        new = self.build + ".new"
        remove(new)
        remove(new + ".work")
        print(f"# {self.release}: what building needs", flush=True)
        self.inside("apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends " + " ".join(BUILD)
                    + f" && useradd -u {BUILDER} -m builder", upper=new, network=True)
        remove(new + ".work")
        os.rename(new, self.build)
        self.note("build", key)

    def make_repo(self):
        """The libraries' packages came with those that building needs."""
        key = digest("repo", self.release, *RUNTIME, *BUILD)
        if self.made("repo", key):
            return
        remove(self.repo)
        os.makedirs(self.repo)
        for deb in glob.glob(self.build + "/var/cache/apt/archives/lib*.deb"):
            if "-dev_" not in deb and not os.path.basename(deb).startswith(("libgcc-", "libstdc")):
                shutil.copy(deb, self.repo)
        self.index(self.repo)
        self.note("repo", key)

    @staticmethod
    def index(folder):
        p = subprocess.run(["dpkg-scanpackages", "-m", "."], cwd=folder, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, check=True)
        with open(folder + "/Packages", "wb") as f:
            f.write(p.stdout)

    # ---- our packages

    def make_packages(self):
        """The folder with the packages of these sources: below 1/ as they are, below 2/ as a higher version."""
        with open("/dev/null", encoding="ascii") as null:
            files = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], text=True,
                                   stdout=subprocess.PIPE, stdin=null, check=True).stdout.split("\n")
        state = hashlib.sha256()
        for name in sorted(filter(None, files)):
            # what the packages are made of; not the tests, but for those of a package build
            path = os.path.join(ROOT, name)
            if os.path.isfile(path) and name.split("/")[0] not in ("tests", ".ci"):
                with open(path, "rb") as f:
                    state.update(name.encode() + b"\0" + hashlib.sha256(f.read()).digest())
        target = os.path.join(self.dir, "packages-" + state.hexdigest()[:16])
        if os.path.isdir(target):
            os.utime(target)
            return target
        for old in sorted(glob.glob(self.dir + "/packages-*"), key=os.path.getmtime)[:-5]:
            remove(old)
        new = self.dir + "/packages.new"
        remove(new)
        os.makedirs(new)
        print(f"# {self.release}: packages", flush=True)
        run(os.path.join(ROOT, "packaging/copy-source"), new + "/source")
        version = run("sed", "-n", "s/^VERSION *:= *//p", os.path.join(ROOT, "Makefile")).strip()
        epoch = run("git", "-C", ROOT, "log", "-1", "--format=%ct").strip()
        run("chown", "-R", BUILDER, new)
        for number, v in ((1, version), (2, VERSION_2)):
            self.inside(
                f"cd /mnt/source && exec setpriv --reuid {BUILDER} --regid {BUILDER} --clear-groups env "
                f"HOME=/tmp DEB_BUILD_OPTIONS=nocheck SOURCE_DATE_EPOCH={epoch} "
                f"packaging/build-deb {v} /tmp/deb /mnt/{number}", env={"SHARE": new})
            self.index(f"{new}/{number}")
        remove(new + "/source")
        run("chown", "-R", "0:0", new)
        os.rename(new, target)
        return target


def main():
    try:
        look()
    except Missing as e:
        print(f"# {e}")  # the tests will be skipped, and say so
        return
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for folder in pool.map(lambda r: Image(r).prepare(), sys.argv[1:] or RELEASES):
            print("# " + folder)


if __name__ == "__main__":
    main()
