# SPDX-License-Identifier: MIT
"""What the supervisor asks for and does not get: every allocation and system call of a start fails once
(failing.c), and the real shortages: descriptors, memory, a file system that cannot be written, no TUN.

TSGW_INJECT_STEP: the call of which number is failed, 1 = each; without it some 20 of them. From TSGW_INJECT_FIRST
on, and TSGW_INJECT_TIMES (1) calls one after the other.
"""
import contextlib
import mmap
import os
import resource
import struct

import lab as L
from client import get
from lab import BUILD, Failure, check, equal, wait_for
from picture import check_page
from run import deadline
from test_crash import check_nothing_stray
from test_lifecycle import run_files, traces, two, wait_same
from test_resume import relay

SAMPLES = 20
BACK_S = 15  # far more than a pause between two tries: the machine may be busy


class Page:
    """The page that failing.so reads."""

    def __init__(self, lab):
        path = lab.file("failing", "\0" * 4096, 0o600)
        with open(path, "r+b") as f:
            self.path, self.memory = path, mmap.mmap(f.fileno(), 4096)

    def set(self, at, times=1, only=""):
        """The call number AT from now on, of all or of those named ONLY."""
        self.memory[:64] = struct.pack("=IIII24s24s", 0, times, 0, 0, b"", only.encode())
        struct.pack_into("=I", self.memory, 0, at)

    @property
    def count(self):
        return struct.unpack_from("=I", self.memory, 8)[0]

    @property
    def live(self):
        """What a worker has allocated and not freed, but for a constant."""
        return struct.unpack_from("=i", self.memory, 64)[0]

    @property
    def starts(self):
        """How often it was started."""
        return struct.unpack_from("=I", self.memory, 68)[0]

    @property
    def failed(self):
        """The name of what failed, or None."""
        n, what = struct.unpack_from("=I24s", self.memory, 12)
        return what.rstrip(b"\0").decode() if n else None


def injected(picture, page, program="tsgwd", wrap=(), **options):
    """A gateway of which PROGRAM ("tsgw-host NAME") is run with PAGE."""
    g = picture.gateway(**options)
    wrap = [*wrap, "env", "LD_PRELOAD=" + os.path.join(BUILD, "tests/net/failing.so"), "FAILING=" + page.path,
            "FAILING_IN=" + program, "ASAN_OPTIONS=verify_asan_link_order=0"]
    return g, lambda: g.start(ready=False, wrap=wrap)


def settles(g, what):
    """It is up by itself within a moment, or has ended with code 1 and says why."""
    def settled():
        if not g.process.alive():
            return "ended"
        with contextlib.suppress(Failure, ValueError):
            if all(t["state"] == "up" for t in g.list().values()):
                return "up"
        return None
    how = wait_for(settled, lambda: f"{what}: it is up or has ended; it said:\n{g.process.log()}", BACK_S)
    if how == "ended":
        g.process.forgiven = True
        equal(g.process.wait(), 1, f"{what}: exit code; it said:\n{g.process.log()}\n")
        g.process.reader.join(5)
        check(g.process.log().strip(), f"{what}: it ended without a word")
    return how


@deadline(7200)
def test_each_call_of_a_start(picture):
    """Whichever call fails: up at the next try, or ended with a reason; the next start is up and leaves nothing."""
    red = picture.tailnet("red", 11080, ssh=False)
    page = Page(picture.lab)
    g, start = injected(picture, page)
    before = traces(picture)
    page.set(0)
    start()
    g.wait_up()
    calls = page.count
    g.stop()
    step = int(os.environ.get("TSGW_INJECT_STEP") or 0) or max(1, calls // SAMPLES)
    ended, wrong = 0, []
    first = int(os.environ.get("TSGW_INJECT_FIRST") or 1)
    for n in range(first, calls + 1, step):
        page.set(n, int(os.environ.get("TSGW_INJECT_TIMES") or 1))
        start()
        try:
            if settles(g, f"call {n}") == "ended":
                ended += 1
                page.set(0)
                start()
                g.wait_up()
            check_page(picture, red)
            equal(g.stop(), 0, f"call {n}: exit code")
            wait_same(before, picture, [g], f"call {n}: after a stop")
            equal(run_files(g), [], f"call {n}: files")
        except Failure as e:
            wrong.append(f"call {n}, {page.failed}: {e}")
            g.process.stop()
        page.set(0)
    print(f"# {calls} calls, one in {step} failed, {ended} of them ended tsgwd")
    check(not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong[:60]))


def replace_mount(script):
    """To run tsgwd in a mount namespace in which SCRIPT was run."""
    return ["unshare", "-m", "sh", "-ec", script + ' && exec "$@"', "sh"]


def in_mounts(g, *cmd):
    return g.lab.run(["nsenter", "-m", "-t", str(g.process.pid), *cmd], ok=0)


def test_tun_goes_and_comes(picture):
    """/dev/net/tun is gone: who needs it anew fails with that reason, the other goes on; it comes: up again."""
    red, blue = two(picture)
    g = picture.gateway()
    g.start(wrap=replace_mount("mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200")).wait_up()
    s, untouched = relay(picture, blue), {k: p for k, p in g.workers().items() if k[1] == blue.name}
    in_mounts(g, "rm", "/dev/net/tun")
    g.ctl("restart", red.name)
    g.wait_state(red, "failed")
    reason = g.list()[red.name]["reason"]
    check("/dev/net/tun" in reason, f"reason: {reason}")
    check(red.link not in picture.demon.links(), "no link stays behind")
    get(s, "/x")
    in_mounts(g, "mknod", "-m", "666", "/dev/net/tun", "c", "10", "200")
    g.wait_state(red, "up", timeout_s=40)
    check_page(picture, red)
    get(s, "/x")
    equal({k: p for k, p in g.workers().items() if k[1] == blue.name}, untouched, "blue's workers")
    equal(g.stop(), 0, "exit code")


def test_etc_read_only(picture):
    """A read-only /etc costs names in `ip netns exec`, and is told; all else works, and can be stopped."""
    red = picture.tailnet("red", 11080, ssh=False)
    red.dns = "10.100.10.53"
    g = picture.gateway()
    before = traces(picture)
    g.start(wrap=replace_mount("mount --bind /etc /etc && mount -o remount,bind,ro /etc")).wait_up()
    g.process.wait_line("/etc/netns is read-only")
    check_page(picture, red)
    g.ctl("restart", red.name, ok=0)
    g.wait_up()
    red.keys = ["mtu = 1300"]
    g.write_config()
    g.ctl("reload", ok=0)
    check_page(picture, red)
    written = f"/etc/netns/{red.netns}/resolv.conf"
    check(not os.path.exists(written), written)
    in_mounts(g, "mount", "-o", "remount,bind,rw", "/etc")
    wait_for(lambda: os.path.exists(written), "it is written as soon as that is possible", BACK_S)
    # read-only again: what is there cannot be removed, which is told and keeps nobody from a start
    in_mounts(g, "mount", "-o", "remount,bind,ro", "/etc")
    g.ctl("down", red.name, ok=0)
    g.process.wait_line("resolv.conf: /etc/netns is read-only: it stays for now")
    check(os.path.exists(written), written)
    g.ctl("up", red.name, ok=0)
    equal(g.state(red), "up", "state")
    check_page(picture, red)
    in_mounts(g, "mount", "-o", "remount,bind,rw", "/etc")
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], "after a stop")


@contextlib.contextmanager
def memory_group(lab, most):
    """A control group of MOST bytes; gives the file that takes pids."""
    v1, v2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
    is_v1 = os.path.isdir(v1)
    path = os.path.join(v1 if is_v1 else v2, lab.prefix + "memory")
    try:
        os.mkdir(path)
    except OSError as e:
        raise L.Skip(f"no control group can be made: {e}") from None
    try:
        limit = os.path.join(path, "memory.limit_in_bytes" if is_v1 else "memory.max")
        if not os.path.exists(limit):
            raise L.Skip("no memory controller for control groups")
        with open(limit, "w", encoding="ascii") as f:
            f.write(str(most))
        yield path + "/cgroup.procs"
    finally:
        def removed():
            with contextlib.suppress(OSError):
                os.rmdir(path)
            return not os.path.exists(path)
        wait_for(removed, "the control group is empty")


def test_memory_limit(picture):
    """A worker that is killed by its control group's limit: back within a moment, no other notices."""
    red, blue = two(picture)
    g = picture.gateway().start()
    g.wait_up()
    s, before = relay(picture, blue), g.workers()
    victim = before["tsgw-proxy", red.name]
    with memory_group(picture.lab, 65536) as procs, contextlib.ExitStack() as stack:
        with open(procs, "w", encoding="ascii") as f:
            f.write(str(victim))

        def killed():  # each client takes some memory
            with contextlib.suppress(OSError, Failure, IndexError):
                stack.enter_context(relay(picture, red))
            return "tsgw-proxy: died of signal 9 (KILL)" in g.process.log()
        wait_for(killed, "the limit kills it", 60)
    g.wait_up()
    check_page(picture, red)
    get(s, "/x")
    after = g.workers()
    check(after.pop(("tsgw-proxy", red.name)) != before.pop(("tsgw-proxy", red.name)), "a new proxy")
    equal(after, before, "the other workers")
    check_nothing_stray(g)
    equal(g.stop(), 0, "exit code")


def cpu_s(pid, children=False):
    """CPU time of a process, and of those of its children that have ended."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return sum(int(n) for n in words[11:15 if children else 13]) / os.sysconf("SC_CLK_TCK")


def test_no_descriptors(picture):
    """The supervisor has no descriptor left: it says so, does not spin, others go on; then it heals by itself."""
    red, blue = two(picture)
    g = picture.gateway()
    before = traces(picture)
    g.start().wait_up()
    s, pid = relay(picture, blue), g.process.pid
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, old[1]))
    used = cpu_s(pid)
    L.kill_all([g.workers()["tsgw-wg", red.name]])
    waiting = g.demon.spawn([os.path.join(BUILD, "tsgwctl"), "--run-dir", g.run_dir, "list"], "tsgwctl")
    waiting.forgiven = True
    wait_for(lambda: g.process.log().count("Too many open files") >= 4, "it says why", 40)
    used = cpu_s(pid) - used
    check(used < 0.5, f"{used:.2f} s of CPU time meanwhile")
    get(s, "/x")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
    g.wait_up(timeout_s=40)
    waiting.stop()
    check_page(picture, red)
    get(s, "/x")
    check_nothing_stray(g)
    equal(g.stop(), 0, "exit code")
    wait_same(before, picture, [g], "after a stop")
    equal(run_files(g), [], "files")


def unnumbered(picture):
    """traces() without the numbers of the ports that UDP associations have in store."""
    found = traces(picture)
    found["inet"] = sorted(line.rsplit(":", 1)[0] if line.startswith("udp") else line for line in found["inet"])
    return found


def test_reload_step_fails(picture):
    """A step that fails half-way: all before it is undone, connections go on, the reason is told; then it works."""
    red, blue = two(picture)
    page = Page(picture.lab)
    page.set(0, only="ioctl")
    g, start = injected(picture, page)
    start()
    g.wait_up()
    kept = [relay(picture, t) for t in (red, blue)]
    workers, before = g.workers(), unnumbered(picture)
    was = [g.list()[t.name]["listen"] for t in (red, blue)]
    red.port, blue.keys = 11095, ["mtu = 1300", "tun-offload = off"]
    g.write_config()
    page.set(1, only="ioctl")  # blue's TUN; what red has done by then is undone
    p = g.ctl("reload")
    equal(page.failed, "ioctl", "what failed")
    check(p.returncode == 1 and f"{blue.name}: tun cannot be changed: Cannot allocate memory" in p.stderr,
          f"{p.returncode} {p.stdout} {p.stderr}")
    check("undone" in p.stderr, p.stderr)
    page.set(0, only="ioctl")
    g.wait_up()
    equal([g.list()[t.name]["listen"] for t in (red, blue)], was, "listeners")
    mtu = picture.lab.run(["ip", "-n", blue.netns, "link", "show", "wg0"], ok=0).stdout
    check("mtu 1420" in mtu, mtu)
    for s in kept:
        get(s, "/x")
    equal(g.workers(), workers, "workers")
    equal(unnumbered(picture), before, "traces after a reload that failed")
    g.ctl("reload", ok=0)
    g.wait_up()
    wait_for(lambda: g.list()[red.name]["listen"][0].endswith(":11095"), "the new port")
    mtu = picture.lab.run(["ip", "-n", blue.netns, "link", "show", "wg0"], ok=0).stdout
    check("mtu 1300" in mtu, mtu)
    for s in kept:
        get(s, "/x")
    for t in (red, blue):
        check_page(picture, t)
    equal(g.stop(), 0, "exit code")


def test_reload_cannot_start_one(picture):
    """Another supervisor has the tailnet that a reload adds: nothing is changed, the stopped one is back."""
    red, blue = two(picture)
    gold = picture.tailnet("gold", 11082, ssh=False)
    g = picture.gateway([red, blue]).start()
    g.wait_up()
    s = relay(picture, blue)
    other = picture.gateway([gold], tag="other", gateway_keys=["dns-port = 5354"], uid_offset=0x8000,
                            args=["--tailnet", gold.name])
    other.run_dir = g.run_dir
    other.start().wait_up()
    blue_port, blue.port = blue.port, 11096
    g.tailnets = [blue, gold]
    g.write_config()
    p = g.ctl("reload")
    check(p.returncode == 1 and f"{gold.name}: tailnet cannot be started" in p.stderr, f"{p.stdout} {p.stderr}")
    g.tailnets, blue.port = [red, blue], blue_port
    g.wait_up()
    for t in (red, blue, gold):
        check_page(picture, t)
    get(s, "/x")
    other.stop()
    equal(g.stop(), 0, "exit code")
