# SPDX-License-Identifier: MIT
"""The contract's picture, built from namespaces.

    mac 100.101.102.103 ──── demon: tailscale0 100.121.76.21, tsgwd
        192.0.2.7               │ 198.18.N.1
                                │ 198.18.N.2
                             peer of a tailnet: a WireGuard that is not ours
                                10.77.0.1 on its tunnel (the gateway is 10.77.0.2)
                                10.100.10.141  web page on 3000, sshd on 22, see service.py
                                10.100.10.200  swallowed     10.100.10.201  host unreachable
                                10.100.99.0/24 net unreachable

Every tailnet has the very same inner addresses.
"""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import lab as L
from lab import BUILD, Failure, Skip, check, wait_for

PRIMARY = "100.121.76.21"
MAC = "100.101.102.103"
STRANGER = "192.0.2.7"
TARGET = "10.100.10.141"
SILENT, UNREACHABLE, NO_NET = "10.100.10.200", "10.100.10.201", "10.100.99.1"
GATEWAY_INNER, PEER_INNER = "10.77.0.2", "10.77.0.1"
WG_PORT = 51820
HERE = os.path.dirname(os.path.abspath(__file__))

# name -> (program, its arguments for an interface name, its environment)
ENGINES = {
    "wireguard-go": ("wireguard-go", ["-f"], {"WG_PROCESS_FOREGROUND": "1"}),
    "wireguard": ("wireguard", ["-f"], {"WG_PROCESS_FOREGROUND": "1"}),
    "boringtun": ("boringtun-cli", ["-f", "--disable-drop-privileges"], {}),
    "gotatun": ("gotatun", ["-f", "--disable-drop-privileges"], {}),
    "tsgw-wg": (os.path.join(BUILD, "tsgw-wg"), ["-f"], {}),
}


def engine_path(engine):
    program = ENGINES[engine][0]
    if engine == "wireguard" and os.environ.get("WIREGUARD_GO"):
        program = os.environ["WIREGUARD_GO"]
    found = [p for p in (program,) if os.path.isabs(p) and os.access(p, os.X_OK)]
    if not found:
        places = [os.environ.get("PATH", ""), "/usr/sbin:/sbin",
                  os.path.expanduser("~/go/bin"), os.path.expanduser("~/.cargo/bin")]
        found = [p for p in (L.shutil.which(program, path=d) for d in places) if p]
    return found[0] if found else None


def wg(*args, stdin=None):
    p = subprocess.run(["wg", *args], input=stdin, capture_output=True, text=True, check=False)
    if p.returncode:
        raise Failure(f"wg {' '.join(args)}: {p.stderr.strip()}")
    return p.stdout.strip()


def key_pair():
    private = wg("genkey")
    return private, wg("pubkey", stdin=private)


def start_wireguard(lab, ns, ifname, engine):
    """A userspace WireGuard with interface IFNAME in NS; gives its process once it can be configured."""
    _, args, env = ENGINES[engine]
    path = engine_path(engine)
    if not path:
        raise Skip(f"{engine} is not installed")
    p = ns.spawn([path, *args, ifname], name=f"{engine} {ifname}", env=env)

    def answers():
        if not p.alive():
            raise Failure(f"{engine} ended: {p.log()}")
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as s:
            s.connect(f"{L.UAPI_DIR}/{ifname}.sock")
            return ifname in ns.links()
    wait_for(answers, f"{engine} makes {ifname}")
    return p


class Peer:
    """One host behind a tailnet, linked to demon; the far end of its tunnel."""

    def __init__(self, picture, name, engine="wireguard-go", index=1, ssh=True, serve=True,
                 ipv6=False, inner=PEER_INNER, target=TARGET, psk=None, start=True, underlay6=False):
        lab = self.lab = picture.lab
        self.picture, self.name, self.engine, self.index = picture, name, engine, index
        self.inner, self.target, self.psk, self.ipv6 = inner, target, psk, ipv6
        self.private, self.public = key_pair()
        self.ns = lab.ns("peer-" + name)
        self.ifname = lab.ifname("p")
        self.underlay = f"198.18.{index // 64}.{index % 64 * 4 + 2}"
        near = f"198.18.{index // 64}.{index % 64 * 4 + 1}"
        a, b = lab.link(picture.demon, self.ns, a_if=f"to{index}", b_if="eth0")
        picture.demon.ip(f"addr add {near}/30 dev {a}")
        self.near, self.endpoint = near, f"{self.underlay}:{WG_PORT}"
        if underlay6:
            self.endpoint = f"[fd18:{index:x}::2]:{WG_PORT}"
            picture.demon.ip(f"addr add fd18:{index:x}::1/64 dev {a} nodad")
            self.ns.ip(f"addr add fd18:{index:x}::2/64 dev {b} nodad")
        self.ns.ip(f"addr add {self.underlay}/30 dev {b}", f"addr add {target}/32 dev lo",
                   f"route add blackhole {SILENT}", f"route add unreachable {UNREACHABLE}")
        self.ns.sysctl("ipv4/ip_forward", 1)
        self.ns.sysctl("ipv4/icmp_ratelimit", 0)
        self.process = self.web = self.sshd = None
        if start:
            self.start()
        if serve:
            self.web = self.ns.spawn([sys.executable, os.path.join(HERE, "service.py"), name],
                                     name="service " + name)
            self.web.wait_line("^ready$")
        if ssh:
            self.start_sshd()

    def start(self):
        self.process = start_wireguard(self.lab, self.ns, self.ifname, self.engine)
        self.configure()

    def configure(self):
        picture = self.picture
        key = self.lab.file(f"keys/{self.name}.private", self.private)
        args = ["set", self.ifname, "listen-port", str(WG_PORT), "private-key", key]
        for public in picture.gateway_publics.get(self.name, []):
            allowed = GATEWAY_INNER + "/32" + (",fd77::2/128" if self.ipv6 else "")
            args += ["peer", public, "allowed-ips", allowed]
            if self.psk:
                args += ["preshared-key", self.lab.file(f"keys/{self.name}.psk", self.psk)]
        wg(*args)
        lines = [f"addr replace {self.inner}/32 dev {self.ifname}",
                 f"link set {self.ifname} mtu 1420 up",
                 f"route replace {GATEWAY_INNER}/32 dev {self.ifname}"]
        if self.ipv6:
            lines += [f"addr replace fd77::1/128 dev {self.ifname}",
                      "addr replace fd77:100::141/128 dev lo",
                      f"route replace fd77::2/128 dev {self.ifname}"]
        self.ns.ip(*lines)

    def restart_wireguard(self):
        self.process.stop()
        self.start()

    def start_sshd(self, command=None):
        """A real sshd whose banner says who it is; its own /run, so that nothing is left in ours."""
        sshd = L.shutil.which("sshd", path="/usr/sbin:/sbin:/usr/bin")
        if not sshd:
            raise Failure("openssh-server is not installed")
        host_key = os.path.join(self.lab.dir, f"ssh/{self.name}.host")
        os.makedirs(os.path.dirname(host_key), exist_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host_key], check=True)
        config = self.lab.file(f"ssh/{self.name}.conf", "\n".join((
            "Port 22", f"ListenAddress {self.target}", f"HostKey {host_key}", "PidFile none",
            f"VersionAddendum {self.name}", "UsePAM no", "PermitRootLogin yes", "StrictModes no",
            "PasswordAuthentication no", f"AuthorizedKeysFile {self.picture.ssh_key()}.pub",
            f"ForceCommand {command or 'echo this is ' + self.name}", "MaxStartups 1000", "")))
        script = (f"mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec {sshd} -D -e "
                  f"-f {config}")
        self.sshd = self.ns.spawn(["unshare", "-m", "--propagation", "private", "sh", "-c",
                                   script], name="sshd " + self.name)
        self.sshd.wait_line("Server listening on")

    def handshake_s(self, public=None):
        """When the last handshake was, as the peer's own wg says it; 0 = never."""
        for line in wg("show", self.ifname, "latest-handshakes").splitlines():
            key, when = line.split()
            if public in (None, key):
                return int(when)
        return 0

    def section(self, allowed=None, endpoint=True, extra=""):
        """Our [Peer] in the gateway's wg-quick file."""
        if allowed is None:
            allowed = f"{self.inner}/32, 10.100.0.0/16" + (
                ", fd77::1/128, fd77:100::/64" if self.ipv6 else "")
        return "\n".join(filter(None, (
            "[Peer]", f"PublicKey = {self.public}",
            f"PresharedKey = {self.psk}" if self.psk else "", f"AllowedIPs = {allowed}",
            f"Endpoint = {self.endpoint}" if endpoint else "", extra, "")))


class Tailnet:
    def __init__(self, picture, word, port, peers, private, name=None):
        self.word, self.port, self.peers, self.private = word, port, peers, private
        self.name = name or picture.lab.tailnet_name(word)
        picture.lab.tailnet_names.add(self.name)
        self.link, self.netns = "tsgw-" + self.name, "tsgw-" + self.name
        self.keys = []  # lines of its section
        self.dns = ""   # for DNS = of its wg-quick file
        self.wg_text = None
        self.pin = L.Pin(self.netns)
        self.ipv6 = any(p.ipv6 for p in peers)

    @property
    def peer(self):
        return self.peers[0]

    def wg_quick(self):
        return self.wg_text or "\n".join((
            "[Interface]", f"PrivateKey = {self.private}",
            f"Address = {GATEWAY_INNER}/32" + (", fd77::2/128" if self.ipv6 else ""),
            f"DNS = {self.dns}" if self.dns else "", *(p.section() for p in self.peers)))

    def section(self):
        return "\n".join((f"[tailnet {self.name}]", "engine = wireguard", f"port = {self.port}",
                          f"suffix = {self.name}", f"wg-config = {self.name}.conf", *self.keys, ""))


class Picture:
    """demon and mac; tailnets are added, then gateway() gives a tsgwd for them."""

    def __init__(self, lab):
        self.lab = lab
        self.demon, self.mac = lab.ns("demon"), lab.ns("mac")
        self.gateway_publics, self.tailnets, self.n_peers = {}, [], 0
        self._ssh_key = None
        a, b = lab.link(self.demon, self.mac, a_if="home0", b_if="home0")
        # not a dummy: minimal kernels have none
        self.demon.ip("link add tailscale0 type veth peer name tailscale0-end",
                      "link set tailscale0-end up", f"addr add {PRIMARY}/32 dev tailscale0",
                      "link set tailscale0 up", f"route add {MAC} dev {a}",
                      f"route add {STRANGER} dev {a}")
        self.mac.ip(f"addr add {MAC}/32 dev {b}", f"addr add {STRANGER}/32 dev {b}",
                    f"route add {PRIMARY} dev {b} src {MAC}")
        self.demon.sysctl("ipv4/ip_forward", 0)

    def ssh_key(self):
        if not self._ssh_key:
            self._ssh_key = os.path.join(self.lab.dir, "ssh/client")
            os.makedirs(os.path.dirname(self._ssh_key), exist_ok=True)
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._ssh_key],
                           check=True)
        return self._ssh_key

    def tailnet(self, word, port, engine="wireguard-go", name=None, **options):
        """A tailnet with one peer behind it."""
        private, public = key_pair()
        self.n_peers += 1
        self.gateway_publics[word] = [public]
        peer = Peer(self, word, engine, self.n_peers, **options)
        t = Tailnet(self, word, port, [peer], private, name)
        t.public = public
        self.tailnets.append(t)
        return t

    def add_peer(self, tailnet, word, **options):
        """One more peer for a tailnet."""
        self.n_peers += 1
        self.gateway_publics[word] = [tailnet.public]
        peer = Peer(self, word, index=self.n_peers, **options)
        tailnet.peers.append(peer)
        return peer

    def crowd(self, n, engine="wireguard-go"):
        """N tailnets behind one peer: equal networks, own keys; the far end tells them by address."""
        self.n_peers += 1
        hub = Peer(self, "hub", engine, self.n_peers, ssh=False)
        hub.ns.ip(f"route add 10.78.0.0/16 dev {hub.ifname}")
        args = []
        for i in range(n):
            private, public = key_pair()
            t = Tailnet(self, f"s{i}x", 12000 + i, [hub], private)
            inner = f"10.78.{i // 200}.{i % 200 + 1}"
            t.word = "hub"  # which is whose page it is
            t.wg_text = "\n".join(("[Interface]", f"PrivateKey = {private}", f"Address = {inner}/32", "",
                                   hub.section()))
            args += ["peer", public, "allowed-ips", inner + "/32"]
            self.tailnets.append(t)
        for at in range(0, len(args), 4000):
            wg("set", hub.ifname, *args[at:at + 4000])
        return hub

    def gateway(self, tailnets=None, **options):
        return Gateway(self, tailnets if tailnets is not None else self.tailnets, **options)

    # ---- what a client does

    def curl(self, *args, ok=None, ns=None, timeout_s=20):
        return (ns or self.mac).run(["curl", "-sS", "--max-time", str(timeout_s), "--noproxy", "", *args],
                                    timeout_s=timeout_s + 10, ok=ok)

    def dig(self, name, *args, server=PRIMARY, ns=None):
        p = (ns or self.mac).run(["dig", f"@{server}", "+time=3", "+tries=1", *args, name])
        return p.stdout

    def banner(self, tailnet, host):
        """The first line of the sshd behind a tailnet, by way of nc -X 5."""
        p = self.mac.spawn(["nc", "-X", "5", "-x", f"{PRIMARY}:{tailnet.port}", host, "22"], "nc")
        try:
            return p.wait_line("^SSH-2.0-").strip()
        finally:
            p.forgiven = True
            p.stop()


class Gateway:
    """A tsgwd on demon with its own directories."""

    def __init__(self, picture, tailnets, gateway_keys=(), tag="gw", primary="tailscale0",
                 pool="10.200.0.0/16", args=(), hosts=None, uid_offset=0):
        self.picture, self.lab, self.tailnets = picture, picture.lab, list(tailnets)
        self.demon, self.tag, self.args = picture.demon, tag, list(args)
        base = os.path.join(self.lab.dir, tag)
        self.run_dir, self.state_dir = base + "/run", base + "/state"
        self.config = base + "/etc/tsgw.ini"
        self.uid_base = self.lab.uid_base + uid_offset
        self.primary, self.pool, self.gateway_keys = primary, pool, list(gateway_keys)
        self.hosts, self.extra = hosts or {}, ""
        self.process, self.notified = None, []
        self.is_ready = None
        self.keeps, self.stored = False, []  # like a unit with FileDescriptorStoreMax=
        self.programs = BUILD
        self.write_config()
        self.lab.gateways.append(self)

    def write_config(self):
        lines = ["[gateway]", f"primary = {self.primary}", f"veth-pool = {self.pool}",
                 f"uid-base = {self.uid_base}", *self.gateway_keys, ""]
        for t in self.tailnets:
            self.lab.file(f"{self.tag}/etc/{t.name}.conf", t.wg_quick())
            lines.append(t.section())
        for name, entries in self.hosts.items():
            lines += [f"[hosts {name}]", *(f"{k} = {v}" for k, v in entries), ""]
        self.lab.file(f"{self.tag}/etc/tsgw.ini", "\n".join(lines) + self.extra, 0o640)

    def command(self, *args):
        return [os.path.join(self.programs, "tsgwd"), "--config", self.config, "--run-dir", self.run_dir,
                "--state-dir", self.state_dir, *args]

    def start_each(self):
        """A supervisor for each tailnet and one for the front, as the units run them: children of .process."""
        words, names = " ".join(self.command()), " ".join(t.name for t in self.tailnets)
        path = self.lab.file("each.sh", f"trap : TERM; {words} --front & for n in {names}; do "
                                        f"{words} --tailnet $n & done; while ! wait; do :; done")
        self.process = self.demon.spawn(["sh", path], name="supervisors")

    def start(self, *args, ready=True, wrap=(), timeout_s=L.PATIENCE_S):
        """Starts it; with READY, waits for sd_notify's READY=1 and that no tailnet is still starting."""
        path = os.path.join(self.lab.dir, f"{self.tag}.notify")
        with contextlib.suppress(OSError):
            os.unlink(path)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(path)
        self.notified, self.is_ready = [], threading.Event()
        threading.Thread(target=self._hear, args=(notify, self.notified, self.is_ready),
                         daemon=True).start()
        if self.keeps:
            wrap = [*wrap, sys.executable, os.path.join(os.path.dirname(__file__), "handover.py"),
                    self._hand_over()]
        self.process = self.demon.spawn([*wrap, *self.command(*self.args, *args)],
                                        name=f"tsgwd {self.tag}", env={"NOTIFY_SOCKET": path})
        if ready:
            self.wait_ready(timeout_s)
        return self

    def _hear(self, notify, notified, is_ready):
        """Takes what tsgwd tells systemd, all the time: it waits while nobody does."""
        while True:
            text, fds, _, _ = socket.recv_fds(notify, 8192, 253)
            notified.append(text.decode(errors="replace"))
            self._store(dict(line.split("=", 1) for line in notified[-1].splitlines() if "=" in line),
                        fds)
            if "READY=1" in notified[-1]:
                is_ready.set()

    def _store(self, told, fds):
        """The descriptor store: systemd's own keeps every descriptor that it has not yet."""
        name = told.get("FDNAME")
        if told.get("FDSTOREREMOVE"):
            for _, fd in [e for e in self.stored if e[0] == name]:
                os.close(fd)
            self.stored = [e for e in self.stored if e[0] != name]
        for fd in fds:
            if told.get("FDSTORE") and self.keeps:
                check(name and ":" not in name and len(name) < 256, f"a name for systemd: {told}")
                self.stored.append((name, fd))
            else:
                os.close(fd)

    def _hand_over(self):
        """Gives the next process what is stored, once; returns where."""
        path = os.path.join(self.lab.dir, f"{self.tag}.handover")
        with contextlib.suppress(OSError):
            os.unlink(path)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server.bind(path)
        server.listen(1)

        def serve():
            with server, server.accept()[0] as s:
                for i in range(0, len(self.stored), 200):
                    some = self.stored[i:i + 200]
                    socket.send_fds(s, [":".join(n for n, _ in some).encode()], [fd for _, fd in some])
        threading.Thread(target=serve, daemon=True).start()
        return path

    def wait_ready(self, timeout_s=L.PATIENCE_S):
        end = L.time.monotonic() + timeout_s
        while not self.is_ready.wait(0.05):
            if not self.process.alive():
                raise Failure(f"tsgwd ended with {self.process.popen.returncode}:\n"
                              + self.process.log())
            if L.time.monotonic() > end:
                raise Failure(f"no READY=1 within {timeout_s:g} s; tsgwd said:\n"
                              + self.process.log())

    def run(self, *args, **options):
        """tsgwd in the foreground, to the end: for --check and for starts that must fail."""
        return self.demon.run(self.command(*self.args, *args), **options)

    def stop(self, number=signal.SIGTERM):
        code = self.process.stop(number)
        self.store_only([])  # systemd keeps a store while it has a reason to start the unit again
        return code

    def store_only(self, entries):
        kept = {fd for _, fd in entries}
        for _, fd in self.stored:
            if fd not in kept:
                os.close(fd)
        self.stored = list(entries)

    def kill(self):
        self.process.forgiven = True
        self.process.send(signal.SIGKILL)
        self.process.wait()

    def ctl(self, *args, ok=None, timeout_s=40, config=True):
        where = ["--run-dir", self.run_dir] + (["--config", self.config] if config else [])
        return self.demon.run([os.path.join(BUILD, "tsgwctl"), *where, *args], ok=ok,
                              timeout_s=timeout_s)

    def list(self):
        return {t["name"]: t for t in json.loads(self.ctl("list", "--json", ok=0).stdout)}

    def state(self, tailnet):
        return self.list()[tailnet.name]["state"]

    def wait_state(self, tailnet, *states, timeout_s=L.PATIENCE_S):
        seen = {}

        def reached():
            p = self.ctl("list", "--json")
            if p.returncode == 0:
                seen.update({t["name"]: t for t in json.loads(p.stdout)})
            return seen.get(tailnet.name, {}).get("state") in states
        wait_for(reached, lambda: f"{tailnet.name} becomes {'/'.join(states)}, is "
                 f"{seen.get(tailnet.name)}", timeout_s)

    def wait_up(self, *tailnets, timeout_s=L.PATIENCE_S):
        for t in tailnets or self.tailnets:
            self.wait_state(t, "up", timeout_s=timeout_s)

    def workers(self):
        """(program, NAME) -> pid of every worker of ours."""
        return self.workers_below([self.process.pid] if self.process else [])

    def workers_below(self, supervisors):
        """The same, of these processes."""
        found = {}
        for pid in self.lab.mine() + [c for s in supervisors for c in children(s)]:
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
                if b"--worker" in words:
                    name = words[words.index(b"--worker") + 1].decode()
                    found[os.path.basename(words[0].decode()), name] = pid
        return found

    def worker(self, program, tailnet):
        name = tailnet if isinstance(tailnet, str) else tailnet.name
        return wait_for(lambda: self.workers().get((program, name)), f"a {program} of {name}")


def children(pid):
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(p) for p in f.read().split()]
    return []


def page(picture, tailnet, host=None, how="socks5", port=3000, **options):
    """Fetches the page behind a tailnet as a client would."""
    proxy = {"socks5": ["--socks5-hostname", f"{PRIMARY}:{tailnet.port}"],
             "http": ["--proxy", f"http://{PRIMARY}:{tailnet.port}", "--proxytunnel"]}[how]
    url = f"http://{host or f'{TARGET}.{tailnet.name}'}:{port}/"
    p = picture.curl(*proxy, url, **options)
    return p.stdout


def check_page(picture, tailnet, **options):
    got = page(picture, tailnet, ok=0, **options)
    check(got == f"this is {tailnet.word}, you asked for /\n",
          f"page of {tailnet.name}: {got!r}")
