# SPDX-License-Identifier: MIT
"""tsgw-wg in the place of wireguard-go: each allocation and system call fails once (failing.c), of its start and while
it is configured and used.

Whichever it is: it serves without it, or says why, ends with code 1 and leaves no interface, socket or process. In one
that serves already it costs what was asked for, not the process.

TSGW_INJECT_STEP and others as in test_failing.py.
"""
import contextlib
import os
import subprocess

import lab as L
from lab import BUILD, Failure, check, equal, wait_for
from netns import IN4
from picture import key_pair, start_wireguard
from run import deadline
from test_failing import BACK_S, Page
from test_wg_alone import TSGW_WG, is_gone, pids_of, socket_of

SAMPLES = 20
ANSWER_S = 15


def wg(*args):
    """With an answer, whatever it is."""
    try:
        p = subprocess.run(["wg", *args], capture_output=True, text=True, check=False, timeout=ANSWER_S,
                           stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Failure(f"wg {' '.join(args)} gets no answer") from None
    if p.returncode:
        raise Failure(f"wg {' '.join(args)}: {p.stderr.strip()}")
    return p.stdout.strip()


def numbers(calls):
    step = int(os.environ.get("TSGW_INJECT_STEP") or 0) or max(1, calls // SAMPLES)
    return range(int(os.environ.get("TSGW_INJECT_FIRST") or 1), calls + 1, step)


class Alone:
    """A node in a namespace of its own, of which calls fail, and a plain one beside it."""

    def __init__(self, lab):
        self.lab, self.page = lab, Page(lab)
        self.ns, self.other_ns = lab.ns("a"), lab.ns("b")
        lab.link(self.ns, self.other_ns, a_if="eth0", b_if="eth0")
        self.ns.ip("addr add 192.0.2.1/24 dev eth0")
        self.other_ns.ip("addr add 192.0.2.2/24 dev eth0")
        self.name, self.other = lab.ifname("f"), lab.ifname("o")
        self.private, self.public = key_pair()
        other_private, self.other_public = key_pair()
        self.key, key = lab.file("a.key", self.private), lab.file("b.key", other_private)
        start_wireguard(lab, self.other_ns, self.other, "tsgw-wg")
        wg("set", self.other, "listen-port", "51820", "private-key", key, "peer", self.public, "allowed-ips", IN4[0] + "/32")
        self.other_ns.ip(f"addr add {IN4[1]}/24 dev {self.other}", f"link set up dev {self.other}")
        self.env = {"LD_PRELOAD": os.path.join(BUILD, "tests/net/failing.so"), "FAILING": self.page.path,
                    "FAILING_IN": f"tsgw-wg {self.name}", "ASAN_OPTIONS": "verify_asan_link_order=0"}
        self.process, self.port = None, 1000

    def answers(self):
        with contextlib.suppress(Failure):
            return wg("show", self.name, "listen-port") and self.name in self.ns.links()
        return False

    def start(self):
        self.process = self.ns.spawn([TSGW_WG, "-f", self.name], name="node", env=self.env)
        self.process.forgiven = True

    def use(self):
        """What wg(8) and a peer ask of it: other sockets, another peer, a packet there and back."""
        self.port += 1
        wg("set", self.name, "listen-port", str(self.port), "private-key", self.key, "peer", self.other_public,
           "endpoint", "192.0.2.2:51820", "allowed-ips", IN4[1] + "/32")
        equal(wg("show", self.name, "listen-port"), str(self.port), "the port")
        p = self.ns.run([L.tool("ping"), "-c", "1", "-W", "5", IN4[1]])
        equal(p.returncode, 0, f"ping: {p.stdout}")

    def works(self):
        with contextlib.suppress(Failure):
            self.use()
            return True
        return False

    def went_wrong(self, what, error):
        """The line for it; and what is left of this round is gone."""
        line = f"{what}: {error}\n{self.process.log()}"
        self.page.set(0)
        self.process.stop()
        L.kill_all(pids_of(self.name))
        with contextlib.suppress(OSError):
            os.unlink(socket_of(self.name))
        return line

    def finish(self):
        equal(self.process.stop(), 0, "exit code after SIGTERM")
        is_gone(self.ns, self.name)


def verdict(calls, wrong, ended=0):
    print(f"# {calls} calls, {len(numbers(calls))} of them failed, {ended} ended it")
    check(not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong[:40]))


@deadline(3600)
def test_each_call_of_a_start(lab):
    """In the foreground."""
    a, ended, wrong = Alone(lab), 0, []
    a.page.set(0)
    a.start()
    wait_for(a.answers, "it serves")
    calls = a.page.count
    a.finish()
    for n in numbers(calls):
        a.page.set(n)
        failed = None
        a.start()
        try:
            try:
                wait_for(lambda: not a.process.alive() or a.answers(), f"call {n}: it serves or ends", BACK_S)
            finally:
                failed = a.page.failed
            a.page.set(0)
            if a.process.alive():
                a.finish()
                continue
            ended += 1
            equal(a.process.wait(), 1, "exit code")
            a.process.reader.join(5)
            check(failed == "write" or a.process.log().strip(), "it ended without a word")
            is_gone(a.ns, a.name)
        except Failure as e:
            wrong.append(a.went_wrong(f"call {n}, {failed}", e))
    verdict(calls, wrong, ended)


@deadline(3600)
def test_each_call_of_a_daemon(lab):
    """In the background: the exit code that the caller sees is true, and comes with what it is about."""
    a, ended, wrong = Alone(lab), 0, []

    def run():
        a.process = a.ns.spawn([TSGW_WG, a.name], name="caller", env={**a.env, "LOG_LEVEL": "error"})
        a.process.forgiven = True
        return a.process.wait(BACK_S)

    def end():
        a.ns.ip(f"link del {a.name}")
        is_gone(a.ns, a.name)
    a.page.set(0)
    equal(run(), 0, "exit code")
    calls = a.page.count
    end()
    for n in numbers(calls):
        a.page.set(n)
        failed = None
        try:
            code = run()
            failed = a.page.failed
            a.page.set(0)
            if code == 0:
                wait_for(a.answers, "it serves")
                end()
                continue
            ended += 1
            equal(code, 1, "exit code")
            is_gone(a.ns, a.name)
        except Failure as e:
            wrong.append(a.went_wrong(f"call {n}, {failed}", e))
    verdict(calls, wrong, ended)


@deadline(3600)
def test_each_call_of_its_use(lab):
    """A call fails while it is configured and while packets pass: it does as before, and so does its binder."""
    a, wrong = Alone(lab), []
    a.page.set(0)
    a.start()
    wait_for(a.answers, "it serves")
    a.ns.ip(f"addr add {IN4[0]}/24 dev {a.name}", f"link set up dev {a.name}")
    for _ in range(3):
        a.use()
    a.page.set(0)
    a.use()
    calls, pids = a.page.count, sorted(pids_of(a.name))
    for n in numbers(calls):
        a.page.set(n)
        a.works()
        failed = a.page.failed
        a.page.set(0)
        try:
            wait_for(a.works, lambda f=failed, n=n: f"call {n}, {f}: it works again\n{a.process.log()}", 30)
            equal(sorted(pids_of(a.name)), pids, f"call {n}, {failed}: its processes")
        except Failure as e:
            wrong.append(str(e))
            if not a.process.alive():
                break
            pids = sorted(pids_of(a.name))
    verdict(calls, wrong)
    a.finish()
