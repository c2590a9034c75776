# SPDX-License-Identifier: MIT
"""What a worker asks for and does not get: each allocation and system call of its start, and of serving what it is
there for, fails once (failing.c).

Whichever it is: the worker serves without it, or says why and ends, and the next one is there within a moment and
in a whole sandbox; in one that serves already it costs a request, not the worker, and leaves no memory and no descriptor.
Nobody else notices.

TSGW_INJECT_STEP and others as in test_failing.py.
"""
import contextlib
import functools
import os
import re
import subprocess

import lab as L
from client import get
from lab import BUILD, Failure, check, equal, status, wait_for
from nameserver import Dnsmasq
from picture import GATEWAY_INNER, PRIMARY, TARGET, check_page
from run import deadline
from test_crash import check_nothing_stray
from test_failing import BACK_S, Page, injected
from test_lifecycle import run_files, traces, two, wait_same
from test_publish import page as published, start_web
from test_resume import relay
from test_transport import hosts_wrap

SAMPLES = 10
RESOLVER = "10.100.0.53"
PATHS = ("/", "/status.json", "/metrics", "/proxy.pac", "/tsgw.mobileconfig", "/setup/ios", "/readyz", "/page.css")
# what is imported and asks the kernel for nothing, or for nothing that could be refused
HARMLESS = re.compile(
    r"_|str|mem|is[a-z]+$|inet_|json_|MHD_|QRcode_|crypto_|ares_|sodium_|seccomp_(release|syscall_)|sig(nal|action|procmask|addset|emptyset|fillset)$|"
    r"pthread_(attr|cond|mutex|sigmask)|(free|malloc|calloc|realloc|reallocarray)$|(set|get)env$|get(e?uid|pid)$|kill$|"
    r"(shutdown|clock_gettime|time|timegm|tzset|qsort|exit|snprintf|freeaddrinfo|fwrite|fputc|fputs|putc|fflush|fclose|"
    r"open_memstream|fwrite_unlocked|mallopt|sysconf|randombytes_[a-z]+|dl(sym|close)|umask|abort|puts)$")


class Place:
    """Two tailnets; .use() is all that the worker under test is there for, and fails where it does not serve."""

    def __init__(self, picture, program):
        self.picture, self.program, self.page = picture, program, Page(picture.lab)
        self.red, self.blue = two(picture)
        self.whose = "-" if program in ("tsgw-dns", "tsgw-web") else self.red.name
        self.red.wg_text = self.red.wg_quick().replace(f"{self.red.peer.underlay}:", "vpn.tsgw.test:")
        self.red.dns = f"{RESOLVER}, corp.example"
        self.red.keys = ["publish = 8080 -> service.tsgw.test:3000, 8081 -> 127.0.0.1:3000"]
        self.blue.keys = ["publish = 8080 -> 127.0.0.1:3000"]
        self.red.wg_text = self.red.wg_text.replace("[Interface]", f"[Interface]\nDNS = {self.red.dns}")
        start_web(picture.demon)
        self.red.peer.ns.ip(f"addr replace {RESOLVER}/32 dev lo")
        Dnsmasq(picture.lab, self.red.peer.ns, RESOLVER, [("gpu1.corp.example", TARGET)], ["corp.example"])
        hosts = picture.lab.file("hosts", f"127.0.0.1 localhost service.tsgw.test\n{self.red.peer.underlay} "
                                          "vpn.tsgw.test\n", 0o644)
        os.chmod(picture.lab.dir, 0o755)
        self.g, start = injected(picture, self.page, f"{program} {self.whose}", hosts_wrap(hosts))
        self.before = traces(picture)
        self.page.set(0)
        start()
        self.g.wait_up()
        self.use = {"tsgw-dns": self.use_dns, "tsgw-web": self.use_web, "tsgw-host": self.use_host,
                    "tsgw-proxy": self.use_proxy, "tsgw-wg": self.use_wg}[program]
        # what is asked of it at its start
        self.first = functools.partial(self.use_web, PATHS[:1]) if program == "tsgw-web" else self.use
        wait_for(self.serves, "it serves")
        self.kept, self.others = relay(picture, self.blue), self.workers()
        self.pid, self.ended, self.wrong = self.others.pop(self.key), 0, []

    @property
    def key(self):
        return self.program, self.whose

    def workers(self):
        return self.g.workers()

    # ---- what it is there for

    def use_dns(self):
        for name, address in (("gpu1", TARGET), (f"{TARGET}", TARGET)):
            for how in ("+notcp", "+tcp"):
                got = self.picture.dig(f"{name}.{self.red.name}", "+short", how, "+time=1").strip()
                equal(got, address, f"{name} by {how}")

    def use_web(self, paths=PATHS):
        for path in paths:
            p = self.picture.curl("-f", f"http://{PRIMARY}:11079{path}", timeout_s=5)
            equal(p.returncode, 0, f"curl of {path}: {p.stderr}")

    def use_host(self):
        for port in (8080, 8081):
            check("this is host" in published(self.red, port, timeout_s=2), f"the service behind {port}")

    def use_proxy(self):
        for host in (TARGET, "gpu1.corp.example"):
            p = self.picture.curl("--socks5-hostname", f"{PRIMARY}:{self.red.port}", f"http://{host}:3000/",
                                  timeout_s=5)
            check("this is red" in p.stdout, f"{host}: {p.stderr}")

    def use_wg(self):
        p = self.picture.curl("--socks5-hostname", f"{PRIMARY}:{self.red.port}", f"http://{TARGET}:3000/", timeout_s=5)
        check("this is red" in p.stdout, p.stderr)

    def serves(self):
        with contextlib.suppress(Failure, OSError):
            self.use()
            return True
        return False

    # ---- what must hold after each round

    def well(self, what):
        wait_for(self.serves, lambda: f"{what}: it serves again; tsgwd said:\n{self.g.process.log()[-3000:]}", BACK_S)
        what = f"{what}, {self.page.failed or ''}"
        found = self.workers()
        self.pid = found.pop(self.key)
        equal(found, self.others, f"{what}: the other workers")
        check("/x" in get(self.kept, "/x"), f"{what}: blue's connection")
        self.check_sandbox(what)

    def check_sandbox(self, what):
        st = status(self.pid)
        equal((st["NoNewPrivs"], st["Seccomp"], st["Groups"]), ("1", "2", []), f"{what}: no-new-privileges, seccomp, groups")
        check(self.g.uid_base <= st["Uid"][0] == st["Uid"][2] < self.g.uid_base + 0x10000, f"{what}: uid {st['Uid']}")
        for cap in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            equal(int(st[cap], 16), 0, f"{what}: {cap}")
        if self.program != "tsgw-host":
            equal(os.listdir(f"/proc/{self.pid}/root/"), [], f"{what}: its root")

    def holds(self):
        """(allocations, descriptors)"""
        return self.page.live, len(os.listdir(f"/proc/{self.pid}/fd"))

    def rounds(self, calls, one):
        step = int(os.environ.get("TSGW_INJECT_STEP") or 0) or max(1, calls // SAMPLES)
        numbers = range(int(os.environ.get("TSGW_INJECT_FIRST") or 1), calls + 1, step)
        for n in numbers:
            try:
                one(n)
            except Failure as e:
                self.wrong.append(f"call {n}, {self.page.failed}: {e}")
                print(self.wrong[-1], flush=True)
                self.page.set(0)
                wait_for(self.serves, "it serves at last", 60)
                self.pid = self.workers()[self.key]
        return len(numbers)

    def end(self):
        self.kept.close()
        check_nothing_stray(self.g)
        equal(self.g.stop(), 0, "exit code")
        check(not self.wrong, f"{len(self.wrong)} wrong:\n" + "\n".join(self.wrong[:40]))
        wait_same(self.before, self.picture, [self.g], "after a stop")
        equal(run_files(self.g), [], "files")


def starts(place):
    """It is killed, and a call of the next one's start, or of what it does first, fails."""
    def again(at):
        starts = place.page.starts
        L.kill_all([place.pid])
        place.page.set(at, int(os.environ.get("TSGW_INJECT_TIMES") or 1))
        wait_for(lambda: place.page.starts > starts, "the next one", BACK_S)
        return starts + 1

    def one(n):
        starts = again(n)
        place.well(f"start, call {n}")
        place.ended += place.page.starts - starts
        place.page.set(0)
    use, place.use = place.use, place.first
    again(0)
    place.well("start")
    calls = place.page.count
    n = place.rounds(calls, one)
    place.use = use
    return calls, n


def serving(place):
    """A call fails while it serves: afterwards it does as before, with as much as before."""
    for _ in range(3):
        place.use()
    place.page.set(0)
    place.use()
    calls, kept = place.page.count, [place.holds()]  # and what it may keep from its first failure on

    def one(n):
        pid = place.pid
        place.page.set(n, int(os.environ.get("TSGW_INJECT_TIMES") or 1))
        place.serves()
        failed = place.page.failed
        place.page.set(0)
        place.well(f"serving, call {n}, {failed}")
        equal(place.pid, pid, f"serving, call {n}, {failed}: its pid")
        if n == 1:
            kept[0] = max(kept[0], place.holds())
        wait_for(lambda: place.holds() <= kept[0], lambda: f"serving, call {n}, {failed}: allocations and descriptors "
                                                           f"{place.holds()} as {kept[0]}")
    return calls, place.rounds(calls, one)


def each_call(picture, program):
    place = Place(picture, program)
    calls, n = starts(place)
    print(f"# a start: {calls} calls, {n} of them failed, {place.ended} ended it")
    calls, n = serving(place)
    print(f"# serving: {calls} calls, {n} of them failed")
    place.end()


@deadline(7200)
def test_dns(picture):
    each_call(picture, "tsgw-dns")


@deadline(7200)
def test_web(picture):
    each_call(picture, "tsgw-web")


@deadline(7200)
def test_host(picture):
    each_call(picture, "tsgw-host")


def test_an_answer_that_does_not_wake(picture):
    """The thread that has asked the host's resolver fails to wake the loop: the name is known a moment later all the same."""
    place = Place(picture, "tsgw-host")
    place.use()
    place.page.set(0, only="write")
    place.use()
    writes = place.page.count
    check(writes > 0, "a look-up ends with a write")
    for n in range(1, writes + 1):
        place.page.set(n, only="write")
        place.well(f"write {n}")
        check(place.page.failed, f"write {n} failed")
    place.end()


@deadline(7200)
def test_proxy(picture):
    each_call(picture, "tsgw-proxy")


@deadline(7200)
def test_wg(picture):
    each_call(picture, "tsgw-wg")


def names(path, which):
    out = subprocess.run(["nm", "-D", which, path], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines()}


def test_every_call_can_fail():
    """What these workers import is known to the injector, or asks the kernel for nothing."""
    known = names(os.path.join(BUILD, "tests/net/failing.so"), "--defined-only")
    for program in ("tsgw-dns", "tsgw-web", "tsgw-host", "tsgw-proxy", "tsgw-wg"):
        imported = names(os.path.join(BUILD, program), "--undefined-only")
        unknown = sorted(n for n in imported - known if not HARMLESS.match(n))
        equal(unknown, [], f"calls of {program} that failing.c does not know")
