#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `make demo` runs: two tailnets with the very same addresses, side by side, through one gateway.

    mac ── demon (tsgwd on tailscale0 100.121.76.21) ──┬── red:  wireguard-go, 10.100.10.141
                                                       └── blue: wireguard-go, 10.100.10.141

Everything lives in network namespaces of its own and is gone at the end.
"""
import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "net"))
import lab as L  # noqa: E402
from picture import PRIMARY, TARGET, Picture  # noqa: E402

TOOLS = {"ip": "iproute2", "wg": "wireguard-tools", "wireguard-go": "wireguard-go", "curl": "curl",
         "dig": "bind9-dnsutils", "nc": "netcat-openbsd", "sshd": "openssh-server",
         "ssh-keygen": "openssh-client", "nsenter": "util-linux", "setpriv": "util-linux"}
COLOURS = ("red", "blue")
BOLD, GREEN, RED, PLAIN = ("\033[1m", "\033[32m", "\033[31m", "\033[0m") \
    if sys.stdout.isatty() else ("",) * 4


def say(text=""):
    print(text, flush=True)


def show(text):
    for line in text.strip().splitlines():
        say("      " + line)


class Demo:
    def __init__(self, lab):
        self.lab, self.number, self.title = lab, 0, "start"
        self.picture = self.gateway = None
        self.tailnets = []

    def step(self, title):
        self.number += 1
        self.title = title
        say(f"{BOLD}{self.number}. {title}{PLAIN}")

    def run(self):
        for part in (self.look_around, self.build, self.start, self.list, self.pages, self.names,
                     self.banners):
            part()

    def look_around(self):
        self.step("Look whether this machine can do it")
        if os.geteuid():
            raise L.Failure("needs root, for network namespaces: sudo make demo")
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        lacking = sorted({p for t, p in TOOLS.items() if not L.shutil.which(t, path=path)})
        if lacking:
            raise L.Failure(f"not installed: {', '.join(lacking)} (sudo make deps)")
        os.environ["PATH"] = path
        if not os.path.exists("/dev/net/tun"):
            raise L.Failure("no /dev/net/tun here (in a container: --device /dev/net/tun)")
        self.alone = L.socket.socket(L.socket.AF_UNIX)
        try:
            self.alone.bind("\0tsgw-demo")
        except OSError:
            raise L.Failure("another demo runs on this machine; its tailnets have the names that "
                            "this one needs, so stop it first") from None
        for name in COLOURS:
            pin = f"/run/netns/tsgw-{name}"
            if os.path.exists(pin):
                raise L.Failure(f"a tailnet \"{name}\" runs on this machine already ({pin} exists), "
                                "perhaps another demo; namespaces' names are global, so stop it first")

    def build(self):
        self.step("Make a home host \"demon\", a client \"mac\" and two tailnets that use the same "
                  "addresses")
        self.picture = p = Picture(self.lab)
        for port, name in zip((11080, 11081), COLOURS):
            t = p.tailnet(name, port, name=name)
            self.tailnets.append(t)
            say(f"      tailnet {name}: peer {t.peer.underlay} runs Debian's wireguard-go; behind it "
                f"{TARGET} serves a page and ssh")

    def start(self):
        self.step("Start tsgwd on demon")
        self.gateway = self.picture.gateway()
        show(open(self.gateway.config, encoding="utf-8").read())
        self.gateway.start()
        self.gateway.wait_up()

    def list(self):
        self.step("tsgwctl list")
        show(self.gateway.ctl("list", ok=0).stdout)

    def pages(self):
        self.step(f"Fetch http://{TARGET}.red:3000 and http://{TARGET}.blue:3000 from mac")
        for t in self.tailnets:
            url = f"http://{TARGET}.{t.name}:3000"
            for proxy in (["--socks5-hostname", f"{PRIMARY}:{t.port}"],
                          ["--proxy", f"http://{PRIMARY}:{t.port}"]):
                got = self.picture.curl(*proxy, url, ok=0).stdout.strip()
                say(f"      curl {' '.join(proxy)} {url}\n        -> {got}")
                if not got.startswith(f"this is {t.name},"):
                    raise L.Failure(f"the page of {t.name} says {got!r}")

    def names(self):
        self.step(f"Ask the DNS responder {PRIMARY} for both names")
        for t in self.tailnets:
            got = self.picture.dig(f"{TARGET}.{t.name}", "+short").strip()
            say(f"      dig @{PRIMARY} +short {TARGET}.{t.name}\n        -> {got}")
            if got != TARGET:
                raise L.Failure(f"the answer for {TARGET}.{t.name} is {got!r}, not {TARGET}")

    def banners(self):
        self.step("Knock at both ssh servers through the listeners")
        for t in self.tailnets:
            host = f"{TARGET}.{t.name}"
            got = self.picture.banner(t, host)
            say(f"      nc -X 5 -x {PRIMARY}:{t.port} {host} 22\n        -> {got}")
            if not got.endswith(" " + t.name):
                raise L.Failure(f"the ssh banner of {t.name} says {got!r}")

    def try_next(self):
        g, mac = self.gateway, f"sudo nsenter --net={self.picture.mac.path}"
        ctl = os.path.relpath(os.path.join(L.BUILD, "tsgwctl"))
        red = self.tailnets[0]
        say(f"\n{BOLD}It stays up until Ctrl-C. Try, in another terminal:{PLAIN}")
        for line in (
                f"{mac} curl --socks5-hostname {PRIMARY}:{red.port} http://{TARGET}.red:3000",
                f"{mac} dig @{PRIMARY} 10-100-10-141.blue",
                f"{mac} ssh -i {self.picture.ssh_key()} -o StrictHostKeyChecking=no "
                f"-o UserKnownHostsFile=/dev/null -o 'ProxyCommand nc -X 5 -x "
                f"{PRIMARY}:{red.port} %h %p' root@{TARGET}.red",
                f"sudo {ctl} --config {g.config} --run-dir {g.run_dir} status",
                f"sudo {ctl} --config {g.config} --run-dir {g.run_dir} peers red",
                f"sudo ip netns exec tsgw-blue curl http://{TARGET}:3000",
                "sudo wg show tsgw-red",
                "sudo pkill -KILL -P " + str(g.process.pid) + " tsgw-wg    # and look at status again",
        ):
            say("    " + line)


def main():
    L.catch_signals()
    demo = None
    try:
        with L.Lab() as lab:
            demo = Demo(lab)
            demo.run()
            say(f"\n{GREEN}It works: the same address {TARGET} in red and in blue, two pages, two ssh "
                f"servers, never mixed up.{PLAIN}")
            if sys.stdin.isatty() and sys.stdout.isatty():
                demo.try_next()
                threading.Event().wait()
    except KeyboardInterrupt:
        say("\nEverything is removed.")
        return 0 if demo and demo.title.startswith("Knock") else 130
    except (L.Failure, OSError, ValueError, L.subprocess.SubprocessError, L.Skip) as e:
        step = f"step {demo.number} ({demo.title})" if demo else "start"
        say(f"\n{RED}FAILED at {step}:{PLAIN} {e}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
