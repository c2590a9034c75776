#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Root trees of Debian releases, and our packages built in them.

    image.py [RELEASE]…      makes what is missing

    CACHE/RELEASE/root-H     a small system that boots
    CACHE/RELEASE/build-H    what building needs on top of it, as an overlay
    CACHE/RELEASE/repo-H     every library package that ours may want, as a repository of apt
    CACHE/RELEASE/ccache     objects of earlier builds
    CACHE/RELEASE/packages-H tsgw of the sources with the hash H, and the same sources as a higher version

CACHE is TSGW_TEST_CACHE or /var/cache/tsgw-test. H is a hash of the recipe, or of the sources. The
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
import time

from releases import RELEASES

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.environ.get("TSGW_TEST_CACHE", "/var/cache/tsgw-test")
TOOLS = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "unshare": "util-linux"}
RUNTIME = ("systemd systemd-sysv dbus udev iproute2 procps openssh-server openssh-client curl nftables "
           "iputils-ping python3-minimal wireguard-tools strace").split()
BUILD = "build-essential ccache debhelper fakeroot libipsec-mb-dev python3".split()
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


def needed():
    """What building needs, as the Makefile has it."""
    return BUILD + run("make", "-s", "-C", ROOT, "--no-print-directory", "build-depends", env={
        k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}).split()


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
    """Trees are named after the recipe that they were made by, so that another state of the sources makes its own."""

    def __init__(self, release):
        self.release = release
        self.dir = os.path.join(CACHE, release)
        needs = needed()
        self.root = os.path.join(self.dir, "root-" + digest(release, *RUNTIME))
        self.build = os.path.join(self.dir, "build-" + digest(release, *RUNTIME, *needs))
        self.repo = os.path.join(self.dir, "repo-" + digest(release, *RUNTIME, *needs))
        self.needs = needs

    def prepare(self):
        look()
        trees, target = (self.root, self.build, self.repo), self.target()
        if all(os.path.isdir(path) for path in (*trees, target)):
            for path in (*trees, target):  # nobody waits for who builds other sources
                os.utime(path)
            return target
        with locked(self.dir):
            self.make_root()
            self.make_build()
            self.make_repo()
            for path in trees:
                os.utime(path)
            self.forget()
            return self.make_packages(self.target())

    def forget(self):
        """What nobody used for a week."""
        for path in glob.glob(self.dir + "/*-*"):
            if os.path.getmtime(path) < time.time() - 7 * 86400:
                remove(path)

    # ---- the trees

    def make_root(self):
        if os.path.isdir(self.root):
            return
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

    def inside(self, script, upper=None, env=None, network=False, tag=""):
        """Runs a shell SCRIPT as root in the tree, with BUILD and then UPPER laid over it."""
        layers = [d for d in (self.build, self.root) if os.path.isdir(d)]
        work = self.dir + "/work.tmp" + tag
        remove(work)
        outside = (
            'set -e; mkdir -p "$WORK"; mount -t tmpfs none "$WORK"; mkdir "$WORK/m" "$WORK/u" "$WORK/w"; '
            'if [ -n "$UPPER" ]; then mkdir -p "$UPPER" "$UPPER.work"; U=$UPPER W=$UPPER.work; '
            'else U=$WORK/u W=$WORK/w; fi; '
            'mount -t overlay -o "lowerdir=$LOWER,upperdir=$U,workdir=$W" none "$WORK/m"; '
            'mount -t proc none "$WORK/m/proc"; mount --rbind /dev "$WORK/m/dev"; '
            'if [ -n "$SHARE" ]; then mkdir -p "$WORK/m/mnt"; mount --bind "$SHARE" "$WORK/m/mnt"; '
            'mkdir "$WORK/m/ccache"; mount --bind "$CCACHE" "$WORK/m/ccache"; fi; '
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
        if os.path.isdir(self.build):
            return
        new = self.build + ".new"
        remove(new)
        remove(new + ".work")
        print(f"# {self.release}: what building needs", flush=True)
        self.inside("apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends " + " ".join(self.needs)
                    + f" && useradd -u {BUILDER} -m builder", upper=new, network=True)
        remove(new + ".work")
        os.rename(new, self.build)

    def make_repo(self):
        """The libraries' packages came with those that building needs."""
        if os.path.isdir(self.repo):
            return
        new = self.repo + ".new"
        remove(new)
        os.makedirs(new)
        for deb in glob.glob(self.build + "/var/cache/apt/archives/lib*.deb"):
            if "-dev_" not in deb and not os.path.basename(deb).startswith(("libgcc-", "libstdc")):
                shutil.copy(deb, new)
        self.index(new)
        os.rename(new, self.repo)

    @staticmethod
    def index(folder):
        p = subprocess.run(["dpkg-scanpackages", "-m", "."], cwd=folder, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, check=True)
        with open(folder + "/Packages", "wb") as f:
            f.write(p.stdout)

    # ---- our packages

    def target(self):
        """The folder for the packages of these sources: below 1/ as they are, below 2/ as a higher version.
        TSGW_TEST_PACKAGES=last takes the last ones that were made, of whatever sources."""
        made = sorted(glob.glob(self.dir + "/packages-*"), key=os.path.getmtime)
        if os.environ.get("TSGW_TEST_PACKAGES") == "last" and made:
            return made[-1]
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
        return os.path.join(self.dir, "packages-" + state.hexdigest()[:16])

    def make_packages(self, target):
        if os.path.isdir(target):
            os.utime(target)
            return target
        new = self.dir + "/packages.new"
        remove(new)
        os.makedirs(new)
        print(f"# {self.release}: packages", flush=True)
        for number in (1, 2):
            self.build_one(new, number)
        os.rename(new, target)
        return target

    def build_one(self, target, number, again=None):
        """Builds the sources into TARGET/NUMBER; AGAIN: all over, in another place, as at the time that it says."""
        source = target + "/source"
        remove(source)
        run(os.path.join(ROOT, "packaging/copy-source"), source)
        version = VERSION_2 if number == 2 else run(
            "sed", "-n", "s/^VERSION *:= *//p", os.path.join(ROOT, "Makefile")).strip()
        epoch = again or run("git", "-C", ROOT, "log", "-1", "--format=%ct").strip()
        ccache = self.dir + "/ccache"
        os.makedirs(ccache, exist_ok=True)
        run("chown", BUILDER, ccache)
        run("chown", "-R", BUILDER, target)
        self.inside(
            f"cd /mnt/source && exec setpriv --reuid {BUILDER} --regid {BUILDER} --clear-groups env HOME=/tmp "
            f"PATH=/usr/lib/ccache:$PATH CCACHE_DIR=/ccache {'CCACHE_DISABLE=1' if again else ''} "
            f"DEB_BUILD_OPTIONS=nocheck SOURCE_DATE_EPOCH={epoch} packaging/build-deb {version} "
            f"{'/tmp/elsewhere/deb' if again else '/tmp/deb'} /mnt/{number}",
            env={"SHARE": target, "CCACHE": ccache}, tag="again" if again else "")
        self.index(f"{target}/{number}")
        with open(f"{target}/{number}/epoch", "w", encoding="ascii") as f:
            f.write(epoch)
        remove(source)
        run("chown", "-R", "0:0", target)


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
