#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the laboratory's programs: tailscaled and tailscale as they are, and our control server.

    build.py            builds what is missing and says where it is
    build.py --where    only says where

They are built once by Go from the module in server/ (versions and checksums in its go.mod and go.sum) and
kept in $TSGW_CACHE, else $XDG_CACHE_HOME/tsgw, else ~/.cache/tsgw: outside of the tree, because a build
takes minutes, and what comes out depends on nothing but the names of its folder. `make clean` leaves it.

Go itself: any on this machine that is new enough. An older one, such as Debian's, fetches a newer from
the Go module proxy, checked against Go's checksum database, as newer ones do by themselves.
"""
import fcntl
import glob
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = os.path.join(HERE, "server")
GO_LEAST, GO_FETCHED = (1, 26, 6), "1.26.8"
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
KEPT = 4  # folders of each kind that stay in the cache


class NoGo(Exception):
    """There is no Go here that could build them; the text says why."""


def version():
    """Tailscale's version, from go.mod."""
    with open(os.path.join(SERVER, "go.mod"), encoding="utf-8") as f:
        return re.search(r"tailscale\.com v(\S+)", f.read())[1]


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k not in ("GOROOT", "GOOS", "GOARCH", "GOEXPERIMENT")}
    return dict(env, GOFLAGS="-mod=readonly", GOTOOLCHAIN="local", GOWORK="off", CGO_ENABLED="0", **more)


def go_version(go):
    try:
        p = subprocess.run([go, "version"], capture_output=True, text=True, check=False, env=environment(),
                           timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?", p.stdout)
    return tuple(int(n or 0) for n in found.groups()) if found else None


def find_go():
    """-> (path, version) of a Go that is new enough."""
    places = filter(None, [os.environ.get("GO"), shutil.which("go"), "/usr/local/go/bin/go",
                           *sorted(glob.glob("/usr/lib/go-*/bin/go"), reverse=True), "/usr/bin/go"])
    found = [(go, go_version(go)) for go in dict.fromkeys(places)]
    found = [(go, v) for go, v in found if v]
    for go, v in found:
        if v >= GO_LEAST:
            return go, v
    wanted = ".".join(map(str, GO_LEAST))
    if not found:
        raise NoGo(f"Go {wanted} or newer is not installed")
    return fetch_go(found[0][0], wanted)


def fetch_go(old, wanted):
    module = f"golang.org/toolchain@v0.0.1-go{GO_FETCHED}.linux-{ARCH}"
    with tempfile.TemporaryDirectory() as empty:  # in no module, so that no go.mod is in the way
        p = subprocess.run([old, "mod", "download", "-json", module], cwd=empty, capture_output=True, text=True,
                           check=False, env=dict(environment(), GOFLAGS="", GO111MODULE="on"))
    try:
        root = json.loads(p.stdout)["Dir"]
    except (ValueError, KeyError):
        raise NoGo(f"Go {wanted} or newer is not here, and {old} cannot fetch it: "
                   f"{(p.stdout + p.stderr).strip()[-300:]}") from None
    for path in glob.glob(root + "/bin/*") + glob.glob(root + "/pkg/tool/*/*"):
        os.chmod(path, 0o755)  # modules have no executable files
    go = root + "/bin/go"
    if (go_version(go) or ()) < GO_LEAST:
        raise NoGo(f"{go} does not run")
    return go, go_version(go)


def cache():
    base = os.environ.get("TSGW_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tsgw")
    os.makedirs(base, exist_ok=True)
    return base


def digest(files):
    h = hashlib.sha256()
    for path in sorted(files):
        with open(path, "rb") as f:
            h.update(os.path.basename(path).encode() + b"\0" + f.read() + b"\0")
    return h.hexdigest()[:16]


def folders():
    """-> the folder of tailscaled and tailscale, and that of the control server."""
    mod = [os.path.join(SERVER, "go.mod"), os.path.join(SERVER, "go.sum")]
    own = glob.glob(os.path.join(SERVER, "*.go"))
    return (os.path.join(cache(), f"peers-{version()}-{ARCH}-{digest(mod[:1])}"),
            os.path.join(cache(), f"control-{ARCH}-{digest(mod + own)}"))


def missing():
    peers, control = folders()
    return not (os.path.exists(peers + "/tailscaled") and os.path.exists(control + "/control"))


def paths():
    """-> {"tailscaled": …, "tailscale": …, "control": …}; they may not be there yet."""
    peers, control = folders()
    return {"tailscaled": peers + "/tailscaled", "tailscale": peers + "/tailscale",
            "control": control + "/control"}


def build_into(folder, go, packages, say):
    if os.path.exists(folder):
        return
    say(f"building {' '.join(p.rsplit('/', 1)[-1] for p in packages)} (once, kept in {folder})")
    v = version()
    with tempfile.TemporaryDirectory(dir=cache(), prefix=".new-") as new:
        out = os.path.join(new, "out") + "/"
        os.mkdir(out)
        flags = f"-s -w -X tailscale.com/version.longStamp={v} -X tailscale.com/version.shortStamp={v}"
        target = [out] if len(packages) > 1 else [out + "control"]
        subprocess.run([go, "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", *target, *packages],
                       cwd=SERVER, env=environment(), check=True)
        os.chmod(out, 0o755)
        os.rename(out, folder)


def forget_old(kind):
    """The cache keeps the newest few of each kind."""
    found = sorted(glob.glob(os.path.join(cache(), kind + "-*")), key=os.path.getmtime)
    for old in found[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def build(say=print):
    """Builds what is missing; raises NoGo if nothing here can."""
    with open(os.path.join(cache(), "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if missing():
            go, found = find_go()
            say(f"Go {'.'.join(map(str, found))}: {go}")
            peers, control = folders()
            build_into(peers, go, ["tailscale.com/cmd/tailscale", "tailscale.com/cmd/tailscaled"], say)
            build_into(control, go, ["."], say)
            forget_old("peers")
            forget_old("control")
    return paths()


def main():
    if sys.argv[1:] == ["--where"]:
        print(*paths().values(), sep="\n")
        return 0
    try:
        build(lambda text: print(text, flush=True))
    except NoGo as e:
        print(f"the tailnet tests will be skipped: {e}")
    except subprocess.CalledProcessError as e:
        print(f"building failed: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
