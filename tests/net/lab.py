# SPDX-License-Identifier: MIT
"""The laboratory: network namespaces as hosts, links between them, processes in them.

A Lab owns everything that it makes. Leaving it, by whatever way (end, exception, SIGINT, SIGTERM),
ends every process by its pid and removes namespaces and files. Names carry the pid of the process
that made them ("tl-PID-mac"), so that labs run side by side and a lost one can be told from a live
one. Nothing here sleeps: waiting means a condition with a deadline.
"""
import contextlib
import ctypes
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("O") or os.path.join(ROOT, "build"))
UAPI_DIR = "/var/run/wireguard"
PATIENCE_S = 20.0  # how long a condition may take that should come at once, on a busy machine


class Failure(AssertionError):
    """A test found something wrong."""


class Skip(Exception):
    """A test cannot run here; the text says why."""


def check(condition, what):
    if not condition:
        raise Failure(what)


def equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: got {got!r}, not {wanted!r}")


def wait_for(condition, what, timeout_s=PATIENCE_S):
    """Calls CONDITION until it gives something true, which is returned."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"not within {timeout_s:g} s: {what() if callable(what) else what}")
        select.select([], [], [], 0.02)


def base36(n):
    digits = ""
    while n:
        n, d = divmod(n, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[d] + digits
    return digits or "0"


def tool(name, why="is not installed"):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not path:
        raise Skip(f"{name} {why}")
    return path


@contextlib.contextmanager
def inside(namespace):
    """The calling thread is in NAMESPACE's network while the block runs: sockets made there stay."""
    with contextlib.ExitStack() as stack:
        fds = []
        for path in ("/proc/thread-self/ns/net", namespace.path):
            fds.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
            stack.callback(os.close, fds[-1])
        if LIBC.setns(fds[1], CLONE_NEWNET) < 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace.path}")
        try:
            yield
        finally:
            if LIBC.setns(fds[0], CLONE_NEWNET) < 0:
                os.abort()  # nobody may go on in the wrong namespace


class Pin:
    """A namespace that somebody else made, by its name below /run/netns."""

    def __init__(self, name):
        self.name, self.path = name, "/run/netns/" + name


class Namespace:
    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.path = "/run/netns/" + name
        subprocess.run(["ip", "netns", "add", name], check=True)
        lab.namespaces.append(self)
        self.inode = os.stat(self.path).st_ino
        self.ip("link set lo up")

    def ip(self, *lines):
        """Runs lines of ip(8), as one batch."""
        p = subprocess.run(["ip", "-n", self.name, "-batch", "-"], input="\n".join(lines) + "\n",
                           capture_output=True, text=True, check=False)
        if p.returncode:
            raise Failure(f"ip in {self.name}: {p.stderr.strip()}\n" + "\n".join(lines))
        return p.stdout

    def sysctl(self, key, value=None):
        path = "/proc/sys/net/" + key
        with inside(self):
            if value is None:
                with open(path, encoding="ascii") as f:
                    return f.read().strip()
            with open(path, "w", encoding="ascii") as f:
                f.write(str(value))
        return str(value)

    def read(self, path):
        """A file below /proc/thread-self/, as it looks from here."""
        with inside(self):
            with open("/proc/thread-self/" + path, encoding="utf-8", errors="replace") as f:
                return f.read()

    def links(self):
        with inside(self):
            return {name for _, name in socket.if_nameindex()}

    def run(self, cmd, **options):
        return self.lab.run(cmd, ns=self, **options)

    def spawn(self, cmd, name=None, **options):
        return self.lab.spawn(cmd, name=name, ns=self, **options)


class Process:
    """A child whose output is read line by line."""

    def __init__(self, lab, cmd, name=None, ns=None, env=None, stdin=None):
        self.name = name or os.path.basename(cmd[0])
        self.lines, self.changed = [], threading.Condition()
        self.forgiven = False
        full = (["nsenter", "--net=" + ns.path] if ns else []) + list(cmd)
        self.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM"] + full, stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=dict(os.environ, **(env or {})))
        self.pid = self.popen.pid
        lab.processes.append(self)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.popen.stdout:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()

    def log(self):
        with self.changed:
            return "\n".join(self.lines)

    def wait_line(self, pattern, timeout_s=PATIENCE_S, start=0):
        """Waits for a line that matches PATTERN, from the line number START on."""
        end = time.monotonic() + timeout_s
        with self.changed:
            seen = start
            while True:
                for line in self.lines[seen:]:
                    seen += 1
                    if re.search(pattern, line):
                        return line
                left = end - time.monotonic()
                if left <= 0 or (self.popen.poll() is not None and left < timeout_s - 1):
                    raise Failure(f"{self.name} never said /{pattern}/; it said:\n"
                                  + "\n".join(self.lines[-30:]))
                self.changed.wait(min(left, 0.2))

    def alive(self):
        return self.popen.poll() is None

    def send(self, number):
        if self.alive():
            self.popen.send_signal(number)

    def wait(self, timeout_s=PATIENCE_S):
        try:
            return self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {timeout_s:g} s") from None

    def stop(self, number=signal.SIGTERM, timeout_s=10):
        """Ends it, by force if it does not go; gives the exit code."""
        self.send(number)
        try:
            return self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()


class Lab:
    def __init__(self):
        self.id = base36(os.getpid())
        self.prefix = f"tl-{os.getpid()}-"
        self.namespaces, self.processes, self.gateways = [], [], []
        self.tailnet_names, self.ifnames = set(), set()
        self.uid_base = 0x60000000 + (os.getpid() % 0x4000) * 0x10000
        self.dir = tempfile.mkdtemp(prefix=self.prefix)
        self.n_links = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind and not issubclass(kind, (KeyboardInterrupt, Skip)):
            self.show_logs()
        self.close()
        if not kind:
            self.no_reports()

    # ---- making

    def ns(self, name):
        return Namespace(self, self.prefix + name)

    def link(self, a, b, a_if=None, b_if=None):
        """A veth pair between two namespaces; gives the names of its ends."""
        self.n_links += 1
        a_if, b_if = a_if or f"l{self.n_links}a", b_if or f"l{self.n_links}b"
        subprocess.run(["ip", "-n", a.name, "link", "add", a_if, "type", "veth", "peer", "name",
                        b_if, "netns", b.name], check=True)
        a.ip(f"link set {a_if} up")
        b.ip(f"link set {b_if} up")
        return a_if, b_if

    def tailnet_name(self, word):
        """A name that no other lab uses (tailnets' names are global to the machine)."""
        name = word + self.id
        self.tailnet_names.add(name)
        return name

    def ifname(self, word):
        """A name for a userspace WireGuard interface (their UAPI sockets share one directory)."""
        name = f"{word}{len(self.ifnames)}-{self.id}"
        self.ifnames.add(name)
        return name

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def run(self, cmd, ns=None, timeout_s=60, ok=None, env=None, stdin=None):
        """Runs to the end. With OK (exit codes) anything else fails."""
        full = (["nsenter", "--net=" + ns.path] if ns else []) + list(cmd)
        try:
            p = subprocess.run(full, input=stdin, capture_output=True, text=True, errors="replace",
                               timeout=timeout_s, check=False, env=dict(os.environ, **(env or {})),
                               **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))
        except subprocess.TimeoutExpired:
            raise Failure(f"not ended after {timeout_s} s: {' '.join(cmd)}") from None
        if ok is not None and p.returncode not in (ok if isinstance(ok, tuple) else (ok,)):
            raise Failure(f"exit {p.returncode}: {' '.join(cmd)}\n{p.stdout[-2000:]}{p.stderr[-2000:]}")
        return p

    def spawn(self, cmd, name=None, ns=None, **options):
        return Process(self, cmd, name, ns, **options)

    # ---- ending

    def show_logs(self, lines=60):
        for p in self.processes:
            tail = p.log().splitlines()[-lines:]
            if tail and not p.forgiven:
                print(f"--- {p.name} (pid {p.pid})", *tail, sep="\n    ", file=sys.stderr)

    def no_reports(self):
        """What a sanitizer said in passing fails the test, too."""
        for p in self.processes:
            p.reader.join(PATIENCE_S)
            report = re.search(r"(WARNING|ERROR): \w+Sanitizer|: runtime error: ", p.log())
            check(not report, f"{p.name}: {p.log()[report.start():][:4000] if report else ''}")

    def mine(self):
        """Pids in any of our namespaces or with one of our uids."""
        inodes = {n.inode for n in self.namespaces}
        for name in self.tailnet_names:
            with contextlib.suppress(OSError):
                inodes.add(os.stat("/run/netns/tsgw-" + name).st_ino)
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, ValueError):
                if (os.stat(f"/proc/{pid}/ns/net").st_ino in inodes
                        or 0 <= status(pid)["Uid"][0] - self.uid_base < 0x10000):
                    found.append(int(pid))
        return [p for p in found if p != os.getpid()]

    def close(self):
        old = {s: signal.signal(s, signal.SIG_IGN) for s in (signal.SIGINT, signal.SIGTERM)} \
            if threading.current_thread() is threading.main_thread() else {}
        try:
            self._close()
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def _close(self):
        for g in self.gateways:
            g.process and g.process.send(signal.SIGTERM)
        for g in self.gateways:
            g.process and g.process.stop()
        for p in self.processes:
            p.send(signal.SIGTERM)
        for p in self.processes:
            p.stop(timeout_s=3)
        kill_all(self.mine())
        for name in self.tailnet_names:
            remove_pin("tsgw-" + name)
            with contextlib.suppress(OSError):
                shutil.rmtree("/etc/netns/tsgw-" + name)
        for n in self.namespaces:
            remove_pin(n.name)
        for name in self.ifnames | {"tsgw-" + n for n in self.tailnet_names}:
            with contextlib.suppress(OSError):
                os.unlink(f"{UAPI_DIR}/{name}.sock")
        shutil.rmtree(self.dir, ignore_errors=True)


def status(pid):
    """/proc/PID/status, with the ids as numbers."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as f:
        found = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    for key in ("Uid", "Gid", "Groups"):
        found[key] = [int(n) for n in found.get(key, "").split()]
    return found


def kill_all(pids):
    """SIGKILL by pidfd, and waits until they are gone."""
    fds = []
    for pid in pids:
        with contextlib.suppress(OSError):
            fd = os.pidfd_open(pid)
            fds.append(fd)
            signal.pidfd_send_signal(fd, signal.SIGKILL)
    for fd in fds:
        ended = select.poll()  # not select(): this process may have thousands of descriptors
        ended.register(fd, select.POLLIN)
        ended.poll(5000)
        os.close(fd)


def remove_pin(name):
    path = "/run/netns/" + name
    if os.path.exists(path):
        subprocess.run(["umount", "-l", path], stderr=subprocess.DEVNULL, check=False)
        with contextlib.suppress(OSError):
            os.unlink(path)


def sweep(pid):
    """Removes what the lab of a process that is gone has left."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        if name.startswith(f"tl-{pid}-") or (name.startswith("tsgw-")
                                             and name.endswith(base36(pid)) and len(base36(pid)) > 2):
            inode = os.stat("/run/netns/" + name).st_ino
            for p in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):
                    if os.stat(f"/proc/{p}/ns/net").st_ino == inode:
                        kill_all([int(p)])
            remove_pin(name)
    for name in os.listdir(tempfile.gettempdir()):
        if name.startswith(f"tl-{pid}-"):
            shutil.rmtree(os.path.join(tempfile.gettempdir(), name), ignore_errors=True)


def die_by_signal(_number, _frame):
    raise SystemExit(1)


def catch_signals():
    """SIGTERM ends the main thread by an exception, so that every Lab is left and cleans up."""
    signal.signal(signal.SIGTERM, die_by_signal)
