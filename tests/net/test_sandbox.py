# SPDX-License-Identifier: MIT
"""A test-only program under each worker's own profile tries what an intruder would try.

    common-intruder KIND UID EMPTY_DIR VICTIM ATTEMPT  ->  exit 0 it worked, 10 refused, SIGSYS killed
"""
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import lab as L

KINDS = ["wg", "proxy", "coord", "host", "dns", "web", "wg-alone", "wg-binder"]
# ends the process, whatever the kind
KILLED = set("""openat2 packet packet-high-bits raw4 raw6 alg vsock exec execveat ptrace vm-readv setns unshare
    mount open-tree chroot kill kill-group bpf perf uring keyctl userfaultfd by-handle module setuid
    x32""".split())
# may be one or the other, but never works
STOPPED = set("""shadow environ stat neighbour create create-here mkdir unlink netlink listen fork clone-user tgkill
    dumpable seccomp-prctl exec-page exec-protect raise-limit sock-filter""".split())
INET = {"inet", "inet-udp"}
WORKS = {
    "wg": {"thread", "mlock"},
    "proxy": INET | {"thread", "pipe-splice"},
    "coord": INET,
    "host": INET | {"unix", "lookup", "resolv-conf", "thread", "pipe-splice", "stat"},
    "dns": set(),
    "web": set(),
    "wg-alone": {"thread", "mlock", "stat"},
    "wg-binder": {"inet-udp", "stat"},
}


SYS_LANDLOCK_CREATE_RULESET = 444
# By hand tsgw-wg keeps root's uid and may remove files (its own socket): that it can remove no other one
# is Landlock's work alone. Every other attempt is stopped by another layer as well.
LANDLOCK_ONLY = {("wg-alone", "unlink")}
# The journal's socket of a worker takes an address with each datagram. dns and web may not have the empty root that
# leads to no path, and no worker has one that hides a name without a path from it.
JOURNAL = {"datagram", "datagram-message", "datagram-high-bits", "abstract", "duplicate"}
JOURNAL_STOPPED = {"dns": JOURNAL, "web": JOURNAL, "wg": JOURNAL - {"duplicate"}, "proxy": JOURNAL - {"duplicate"},
                   "coord": JOURNAL - {"duplicate"}}
LANDLOCK_SCOPES = 6  # the version that knows of abstract sockets


def landlock_abi():
    """0 where the kernel has no Landlock, or a container's own filter denies it."""
    return max(ctypes.CDLL(None).syscall(SYS_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1), 0)


PR_CAPBSET_DROP, CAP_SYS_CHROOT = 24, 18


def without_chroot():
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_CHROOT, 0, 0, 0)


def attempt(lab, kind, name, before=None):
    """"ok", "killed", "refused", "aborted" or what else came out."""
    program = os.path.join(L.BUILD, "tests/net/common-intruder")
    p = subprocess.run([program, kind, str(lab.uid_base + 7), os.path.join(lab.dir, "empty"),
                        os.path.join(lab.dir, "victim"), name],
                       capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL, preexec_fn=before)
    words = {0: "ok", 10: "refused", -signal.SIGSYS: "killed", -signal.SIGABRT: "aborted"}
    return words.get(p.returncode, f"exit {p.returncode} {p.stdout}{p.stderr}")


def attempts(lab, kind, names, before=None):
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(names, pool.map(lambda n: attempt(lab, kind, n, before), names)))


@contextlib.contextmanager
def neighbour(lab):
    """Sockets that anybody might speak to, if they could be reached."""
    victim = os.path.join(lab.dir, "victim")
    with contextlib.ExitStack() as stack:
        s = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        s.bind(victim + ".sock")
        s.listen(64)
        d = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        d.bind(victim + ".dgram")
        d.setblocking(False)
        a = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        a.bind("\0" + victim)
        for name in (".sock", ".dgram"):
            os.chmod(victim + name, 0o666)
        yield d


def prepare(lab):
    os.mkdir(os.path.join(lab.dir, "empty"), 0o755)
    out = lab.run([os.path.join(L.BUILD, "tests/net/common-intruder"), "list"], ok=0).stdout
    return out.split()


def test_every_kind_is_confined(lab):
    names = prepare(lab)
    with neighbour(lab):
        confined(lab, names, KINDS)


def test_front_without_chroot(lab):
    """tsgw.service takes CAP_SYS_CHROOT from root: dns and web have no call that takes a path, the others do not start."""
    names = prepare(lab)
    with neighbour(lab):
        confined(lab, names, ["dns", "web"], without_chroot)
    for kind in ("wg", "proxy", "coord"):
        L.check(attempt(lab, kind, "needs", without_chroot).startswith("exit 3"), f"{kind} runs without an empty root")


def confined(lab, names, kinds, before=None):
    wrong = []
    landlock = landlock_abi()
    for kind in kinds:
        with open(os.path.join(lab.dir, "victim"), "w", encoding="utf-8"):
            pass
        got = attempts(lab, kind, names, before)
        L.equal(got.pop("needs"), "ok", f"{kind}: what every worker needs")
        L.equal(got.pop("abort"), "aborted", f"{kind}: abort(3)")
        for name in sorted(WORKS[kind]):
            if got.pop(name) != "ok":
                wrong.append(f"{kind} needs {name}")
        for name, result in got.items():
            fine = ("killed",) if name in KILLED else ("killed", "refused")
            if result == "ok" and not landlock and (kind, name) in LANDLOCK_ONLY:
                print(f"# no Landlock here: {kind}: {name} is not stopped")
            elif name in JOURNAL:
                wrong += journal(kind, name, result, landlock)
            elif result not in fine:
                wrong.append(f"{kind}: {name}: {result}")
    L.check(not wrong, "\n".join(wrong))


def journal(kind, name, result, landlock):
    """What is wrong with that."""
    pathless = kind in ("dns", "web")
    if name == "abstract" and landlock < LANDLOCK_SCOPES and not pathless:
        print(f"# Landlock {landlock}: {kind}: {name}: {result}")
        return []
    fine = ("killed",) if pathless and name != "duplicate" else ("refused", "killed")
    return [f"{kind}: {name}: {result}"] if name in JOURNAL_STOPPED.get(kind, ()) and result not in fine else []


def test_lists_are_complete(lab):
    known = KILLED | STOPPED | JOURNAL | {"needs", "abort"} | {"inet", "inet-udp", "unix", "thread", "mlock", "lookup",
                                                     "resolv-conf", "pipe-splice"}
    L.equal(set(prepare(lab)) - known, set(), "attempts without an expectation")


def test_root_must_be_safe(lab):
    """An empty directory that others may write, or that is none, is refused."""
    prepare(lab)
    empty = os.path.join(lab.dir, "empty")
    os.chmod(empty, 0o777)
    L.check(attempt(lab, "dns", "needs").startswith("exit 3"), "a world-writable root was taken")
    os.rmdir(empty)
    L.check(attempt(lab, "dns", "needs").startswith("exit 3"), "a root that is not there was taken")
