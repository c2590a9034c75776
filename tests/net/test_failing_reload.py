# SPDX-License-Identifier: MIT
"""Each allocation and system call of a reload, a stop and a restart by tsgwctl fails once (failing.c, test_failing.py).

TSGW_INJECT_STEP and others as there.
"""
import os

from client import get
from lab import Failure, check, equal, wait_for
from picture import check_page
from run import deadline
from test_crash import check_nothing_stray
from test_failing import Page, injected
from test_lifecycle import run_files, traces, two, wait_same
from test_resume import relay

SAMPLES = 20


class Rounds:
    """A gateway, and what is asked of it while the Nth call fails."""

    def __init__(self, picture):
        self.picture, self.page = picture, Page(picture.lab)
        self.red, self.blue = two(picture)
        self.g, self.start = injected(picture, self.page)
        self.before = traces(picture)
        self.page.set(0)
        self.start()
        self.g.wait_up()
        self.kept, self.ended, self.refused, self.wrong = relay(picture, self.blue), 0, 0, []

    def numbers(self, calls):
        step = int(os.environ.get("TSGW_INJECT_STEP") or 0) or max(1, calls // SAMPLES)
        return range(int(os.environ.get("TSGW_INJECT_FIRST") or 1), calls + 1, step)

    def ask(self, n, *words):
        """While call N fails. The exit code; None: tsgwd has ended, and has been started again."""
        self.page.set(n, int(os.environ.get("TSGW_INJECT_TIMES") or 1))
        code = self.g.ctl(*words).returncode
        failed, process = self.page.failed, self.g.process
        self.page.set(0)
        if code:
            self.refused += 1
        if process.alive():
            return code, failed
        process.forgiven = True
        equal(process.wait(), 1, f"it ended; it said:\n{process.log()}\nexit code")
        self.ended += 1
        self.kept.close()
        self.start()
        self.g.wait_up()
        self.kept = relay(self.picture, self.blue)
        return None, failed

    def well(self):
        """Everything is as it should be."""
        self.g.wait_up()
        for t in (self.red, self.blue):
            check_page(self.picture, t)
        get(self.kept, "/x")
        check_nothing_stray(self.g)

    def each(self, calls, one):
        for n in self.numbers(calls):
            try:
                one(n)
                self.well()
            except Failure as e:
                self.wrong.append(f"call {n}, {self.page.failed}: {e}")
                self.g.process.stop()
                self.page.set(0)
                self.start()
                self.g.wait_up()
                self.kept = relay(self.picture, self.blue)
        print(f"# {calls} calls, {len(self.numbers(calls))} of them failed, {self.refused} were told, "
              f"{self.ended} ended tsgwd")
        self.kept.close()
        equal(self.g.stop(), 0, "exit code")
        check(not self.wrong, f"{len(self.wrong)} wrong:\n" + "\n".join(self.wrong[:40]))
        wait_same(self.before, self.picture, [self.g], "after a stop")
        equal(run_files(self.g), [], "files")


@deadline(7200)
def test_each_call_of_a_reload(picture):
    """Whichever call fails: it is done, or told and undone; the same reload again does it; no connection breaks."""
    r = Rounds(picture)
    settings = ((11080, ["mtu = 1420", "idle-timeout = 2h"]), (11095, ["mtu = 1300", "idle-timeout = 90m",
                                                                      "forward = 3999 -> 10.100.10.141:3000"]))
    turn = [0]

    def change():
        turn[0] += 1
        r.red.port, r.red.keys = settings[turn[0] % 2]
        r.g.write_config()

    def one(n):
        change()
        code, failed = r.ask(n, "reload")
        if code:
            r.g.ctl("reload", ok=0)
        equal(r.g.ctl("reload", "--dry-run", ok=0).stdout, "", f"call {n}, {failed}: what is left to do")
        wait_for(lambda: any(at.endswith(f":{r.red.port}") for at in r.g.list()[r.red.name]["listen"]), "the port")
    change()
    r.page.set(0)
    r.g.ctl("reload", ok=0)
    calls = r.page.count
    r.well()
    r.each(calls, one)


@deadline(7200)
def test_each_call_of_down_and_up(picture):
    """Whichever call fails: what was asked for last holds in the end, or is told and holds when it is asked again."""
    r = Rounds(picture)

    def one(n):
        code, failed = r.ask(n, "down", r.red.name)
        if code or code is None:
            r.g.ctl("down", r.red.name, ok=0)
        r.g.wait_state(r.red, "down")
        wait_for(lambda: r.red.link not in picture.demon.links() and not os.path.exists(f"/run/netns/{r.red.netns}"),
                 f"call {n}, {failed}: link and namespace go")
        for word in ("up", "restart"):
            code, failed = r.ask(n, word, r.red.name)
            if code and r.g.state(r.red) == "down":  # it was not heard
                r.g.ctl(word, r.red.name, ok=0)
            r.g.wait_state(r.red, "up")
    r.page.set(0)
    r.g.ctl("down", r.red.name, ok=0)
    r.g.ctl("up", r.red.name, ok=0)
    calls = r.page.count
    r.well()
    r.each(calls, one)
