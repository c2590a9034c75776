# SPDX-License-Identifier: MIT
"""Strangers' clients, each doing through the listener what people do with it.

    mac: curl, git, ssh, scp, rsync, python, go, node, proxychains, chromium
     └── demon ── red: pages, files, HTTPS, a WebSocket and a whole sshd at 10.100.10.141

psql and redis-cli go through `forward` (test_forward.py), dig and datagrams through UDP ASSOCIATE
(test_udp.py), names and passwords are in test_users.py.
"""
import base64
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading

import browser
from lab import BUILD, Failure, Skip, check, equal
from picture import PRIMARY, TARGET
from run import deadline

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = os.path.join(HERE, "clients")
PYTHON = "/usr/bin/python3"  # the one that Debian's modules belong to
GIB = 1 << 30


class World:
    """A gateway with one tailnet and everything that clients visit behind it."""

    def __init__(self, picture, engine="tsgw-wg", far=True):
        self.picture, self.lab = picture, picture.lab
        self.tailnet = picture.tailnet("red", 11080, engine=engine, ssh=False)
        self.name = self.tailnet.name
        self.host = f"{TARGET}.{self.name}"
        self.socks = f"socks5h://{PRIMARY}:{self.tailnet.port}"
        self.http = f"http://{PRIMARY}:{self.tailnet.port}"
        self.files = os.path.join(self.lab.dir, "files")
        os.makedirs(self.files)
        if far:
            self.start_far()
        self.gateway = picture.gateway().start()
        self.gateway.wait_up()

    def start_far(self):
        cert, key = (os.path.join(self.lab.dir, n) for n in ("cert.pem", "key.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2",
                        "-subj", "/CN=red", "-keyout", key, "-out", cert], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.far = self.tailnet.peer.ns.spawn(
            [PYTHON, os.path.join(CLIENTS, "far.py"), TARGET, "red", cert, key, self.files], "far")
        self.far.wait_line("^ready$", timeout_s=60)

    def start_sshd(self):
        """A whole sshd: any command, scp, sftp."""
        host_key = os.path.join(self.lab.dir, "whole.host")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host_key], check=True)
        config = self.lab.file("whole.conf", "\n".join((
            "Port 22", f"ListenAddress {TARGET}", f"HostKey {host_key}", "PidFile none",
            "UsePAM no", "PermitRootLogin yes", "StrictModes no", "PasswordAuthentication no",
            f"AuthorizedKeysFile {self.picture.ssh_key()}.pub", "Subsystem sftp internal-sftp", "")))
        sshd = shutil.which("sshd", path="/usr/sbin:/sbin:/usr/bin")
        self.tailnet.peer.ns.spawn(
            ["unshare", "-m", "--propagation", "private", "sh", "-c",
             "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && "
             f"exec {sshd} -D -e -f {config}"], "sshd").wait_line("Server listening on")

    def nc(self):
        return f"nc -X 5 -x {PRIMARY}:{self.tailnet.port} %h %p"

    def tsgwctl_nc(self):
        g = self.gateway
        return (f"nsenter --net={self.picture.demon.path} {BUILD}/tsgwctl --config {g.config} "
                f"--run-dir {g.run_dir} nc {self.name} %h %p")

    def ssh_options(self, proxy_command):
        return ["-i", self.picture.ssh_key(), "-o", "StrictHostKeyChecking=no", "-o",
                "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=30", "-o", "LogLevel=ERROR",
                "-o", f"ProxyCommand {proxy_command}"]

    def run(self, *cmd, env=None, timeout_s=90):
        """Runs a client on the Mac; a proxy of the caller's own environment does not count."""
        bare = {k: "" for k in os.environ if k.lower().endswith("_proxy")}
        return self.picture.mac.run(list(cmd), ok=0, env={**bare, "HOME": self.lab.dir, **(env or {})},
                                    timeout_s=timeout_s).stdout

    def says(self, got, path="/"):
        equal(got, f"this is red, you asked for {path}\n", "answer")


def url_of(w, scheme, path):
    return f"{scheme}://{w.host}:{3000 if scheme == 'http' else 3443}{path}"


def test_curl(picture):
    """Every way in which curl can use a proxy, to http and https."""
    w = World(picture)
    at = f"{PRIMARY}:{w.tailnet.port}"
    for i, (options, host) in enumerate((
            (["--socks5", at], TARGET), (["--socks5-hostname", at], w.host),
            (["--socks4", at], TARGET), (["--socks4a", at], w.host),
            (["--proxy", w.http], w.host), (["--proxy", w.http, "--proxytunnel"], w.host),
            (["--proxy", w.http, "--proxytunnel", "--http1.0"], TARGET),
            (["--proxy", w.socks], w.host), (["--proxy", f"socks4a://{at}"], w.host))):
        for scheme, port in (("http", 3000), ("https", 3443)):
            path = f"/{i}/{scheme}"
            w.says(picture.curl("-k", *options, f"{scheme}://{host}:{port}{path}", ok=0).stdout, path)
    # several on one client connection, which curl keeps
    got = picture.curl("-v", "--proxy", w.http, *(url_of(w, "http", f"/{i}") for i in range(5)), ok=0)
    equal(got.stdout, "".join(f"this is red, you asked for /{i}\n" for i in range(5)), "five")
    equal(len(re.findall(r"(?i)re-?using existing", got.stderr)), 4, "connections kept")


def test_environment(picture):
    """ALL_PROXY, HTTP_PROXY and HTTPS_PROXY for a whole process and all that it starts."""
    w = World(picture)
    for env in ({"ALL_PROXY": w.socks}, {"all_proxy": w.socks},
                {"http_proxy": w.http, "HTTPS_PROXY": w.http},
                {"http_proxy": w.socks, "https_proxy": w.socks}):
        got = w.run("sh", "-c", f"curl -sS -k {url_of(w, 'http', '/a')} {url_of(w, 'https', '/b')}",
                    env=env)
        equal(got, "this is red, you asked for /a\nthis is red, you asked for /b\n", str(env))
    got = w.run(PYTHON, "-c", "import requests, sys; print(requests.get(sys.argv[1]).text, end='')",
                url_of(w, "http", "/c"), env={"ALL_PROXY": w.socks})
    w.says(got, "/c")


def test_python(picture):
    """requests, httpx and aiohttp: http and https, by SOCKS5 and by HTTP."""
    w = World(picture)
    for library in ("requests", "httpx", "aiohttp"):
        for proxy in (w.socks, w.http):
            if library != "requests":
                proxy = proxy.replace("socks5h", "socks5")  # their word for it; names go along anyway
            for scheme in ("http", "https"):
                path = f"/{library}/{scheme}"
                w.says(w.run(PYTHON, "-W", "ignore", os.path.join(CLIENTS, "fetch.py"), library,
                             proxy, url_of(w, scheme, path)), path)


@deadline(240)
def test_go(picture):
    """Go's net/http with the proxy from the environment."""
    w = World(picture)
    program = os.path.join(w.lab.dir, "fetch")
    go = next((p for p in ("/usr/bin/go", shutil.which("go")) if p and os.access(p, os.X_OK)), None)
    if not go:
        raise Skip("go is not installed")
    w.lab.run([go, "build", "-o", program, os.path.join(CLIENTS, "fetch.go")], ok=0, timeout_s=200,
              env={"GOCACHE": os.path.join(w.lab.dir, "go"), "GO111MODULE": "off", "HOME": w.lab.dir,
                   "GOFLAGS": "", "CGO_ENABLED": "0"})
    for proxy in (w.socks.replace("socks5h", "socks5"), w.http):
        for scheme in ("http", "https"):
            env = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy}
            w.says(w.run(program, url_of(w, scheme, "/go"), env=env), "/go")


def test_node(picture):
    """undici, https-proxy-agent, and ws through it."""
    w = World(picture)
    env = {"NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs", "NODE_NO_WARNINGS": "1"}
    js = ["node", os.path.join(CLIENTS, "fetch.js")]
    for library in ("undici", "https-proxy-agent"):
        for scheme in ("http", "https"):
            w.says(w.run(*js, library, w.http, url_of(w, scheme, "/n"), env=env), "/n")
    equal(w.run(*js, "ws", w.http, f"ws://{w.host}:3082/", env=env), "red: are you there", "ws")


def test_websocket(picture):
    """A WebSocket through SOCKS5, through CONNECT, and as an upgrade of an absolute-form request."""
    w = World(picture)
    for proxy in (w.socks, w.http):
        got = w.run(PYTHON, os.path.join(CLIENTS, "fetch.py"), "websockets", proxy,
                    f"ws://{w.host}:3082/")
        equal(got, "red: are you there", proxy)
    key = base64.b64encode(bytes(16)).decode()
    p = picture.curl("-i", "--http1.1", "--max-time", "3", "--proxy", w.http, "-H", "Upgrade: websocket",
                     "-H", "Connection: Upgrade", "-H", f"Sec-WebSocket-Key: {key}", "-H",
                     "Sec-WebSocket-Version: 13", f"http://{w.host}:3082/")
    check(p.stdout.startswith("HTTP/1.1 101 "), f"upgrade of an absolute-form request: {p.stdout!r}")


def test_proxychains(picture):
    """proxychains4 puts a program that knows no proxy through SOCKS5, SOCKS4 and HTTP."""
    w = World(picture)
    for kind in ("socks5", "socks4", "http"):
        config = w.lab.file(f"chains.{kind}", "\n".join((
            "strict_chain", "quiet_mode", "proxy_dns", "tcp_read_time_out 30000",
            "tcp_connect_time_out 30000", "[ProxyList]", f"{kind} {PRIMARY} {w.tailnet.port}", "")))
        host = TARGET if kind == "socks4" else w.host
        w.says(w.run("proxychains4", "-f", config, "curl", "-sS", "--noproxy", "*",
                     f"http://{host}:3000/{kind}"), f"/{kind}")


def commit_something(path):
    """A repository at PATH with one commit; gives its id."""
    git = ["git", "-C", path, "-c", "user.name=t", "-c", "user.email=t@example"]
    subprocess.run(["git", "init", "-q", "-b", "main", path], check=True)
    for i in range(20):
        with open(os.path.join(path, f"file{i}"), "wb") as f:
            f.write(hashlib.sha512(str(i).encode()).digest() * 500)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "something"], check=True)
    subprocess.run([*git, "update-server-info"], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True,
                          text=True).stdout.strip()


def test_git(picture):
    """git clone over http, by http.proxy of either kind, and over ssh."""
    w = World(picture)
    w.start_sshd()
    head = commit_something(os.path.join(w.files, "something"))
    ssh = "ssh " + " ".join(f"'{o}'" for o in w.ssh_options(w.nc()))
    for i, (options, url, env) in enumerate((
            (["-c", f"http.proxy={w.socks}"], f"http://{w.host}:3080/something/.git", {}),
            (["-c", f"http.proxy={w.http}"], f"http://{w.host}:3080/something/.git", {}),
            ([], f"ssh://root@{w.host}{w.files}/something", {"GIT_SSH_COMMAND": ssh}))):
        clone = os.path.join(w.lab.dir, f"clone{i}")
        w.run("git", *options, "clone", "-q", url, clone,
              env={"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", **env})
        got = subprocess.run(["git", "-C", clone, "rev-parse", "HEAD"], check=True,
                             capture_output=True, text=True).stdout.strip()
        equal(got, head, url)
        subprocess.run(["git", "-C", clone, "fsck", "--strict"], check=True, capture_output=True)


def test_ssh(picture):
    """ssh with the seeds' nc -X 5, with nc -X connect, and with tsgwctl nc: commands, input, exit codes."""
    w = World(picture, far=False)
    w.start_sshd()
    for command in (w.nc(), w.nc().replace("-X 5", "-X connect"), w.tsgwctl_nc()):
        ssh = ["ssh", *w.ssh_options(command), f"root@{w.host}"]
        equal(w.run(*ssh, "echo hello; ip -br addr show lo | grep -o 10.100.10.141"),
              "hello\n10.100.10.141\n", command)
        p = picture.mac.run([*ssh, "sha256sum; exit 7"], stdin="typed\n" * 1000, timeout_s=60)
        equal((p.returncode, p.stdout.split()[0]),
              (7, hashlib.sha256(b"typed\n" * 1000).hexdigest()), "input and exit code by " + command)


def write_random(path, size):
    """A file that does not compress; gives its hash."""
    block, digest = os.urandom(1 << 20), hashlib.sha256()
    with open(path, "wb") as f:
        for i in range(size >> 20):
            part = i.to_bytes(8, "big") + block[8:]
            digest.update(part)
            f.write(part)
    return digest.hexdigest()


def hash_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while part := f.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def copy_both_ways(w, here, there, back):
    wanted = write_random(here, GIB)
    options = ["-c", "aes128-gcm@openssh.com", *w.ssh_options(w.nc())]
    remote = f"root@{w.host}:{there}"
    rsh = "ssh " + " ".join(f"'{o}'" for o in options)
    for out, home in ((["scp", "-q", *options, here, remote], ["scp", "-q", *options, remote, back]),
                      (["rsync", "-W", "-e", rsh, here, remote], ["rsync", "-W", "-e", rsh, remote, back])):
        for cmd, made in ((out, there), (home, back)):
            w.run(*cmd, timeout_s=150)
            equal(hash_of(made), wanted, cmd[0] + " of " + made)
        for made in (there, back):
            os.unlink(made)


@deadline(400)
def test_copies_of_a_gibibyte(picture):
    """scp and rsync of 1 GiB each way, hashes compared."""
    w = World(picture, far=False)
    w.start_sshd()
    with tempfile.TemporaryDirectory(prefix=w.lab.prefix, dir="/var/tmp") as place:  # /tmp may be memory
        copy_both_ways(w, *(os.path.join(place, n) for n in ("here", "there", "back")))


PAC = """function FindProxyForURL(url, host) {
	if (dnsDomainIs(host, ".%s")) return "%s";
	return "DIRECT";
}"""


def chromium(w, route, url, *options):
    """Chromium's command line for URL, with a PAC file that sends the suffix by ROUTE."""
    return browser.chromium(w.lab, browser.pac_url(PAC % (w.name, route)), url, *options)


def browse(w, route, url):
    """What Chromium shows of URL."""
    return w.run(*chromium(w, route, url, "--dump-dom"), timeout_s=120)


@deadline(400)
def test_chromium(picture):
    """Chromium with a PAC file, by SOCKS5 and by PROXY: a page, and a page that talks by WebSocket."""
    w = World(picture)
    at = f"{PRIMARY}:{w.tailnet.port}"
    for route in (f"SOCKS5 {at}", f"PROXY {at}"):
        dom = browse(w, route, f"http://{w.host}:3000/chromium")
        check("this is red, you asked for /chromium" in dom, f"{route}: {dom}")
        before = len(w.far.lines)
        p = picture.mac.spawn(chromium(w, route, f"http://{w.host}:3081/", "--remote-debugging-port=0"),
                              "chromium", env={"HOME": w.lab.dir})
        w.far.wait_line("^said red: are you there$", start=before, timeout_s=90)
        p.stop()


def test_chromium_shows_why(picture):
    """What a person sees in the browser when an address is not reachable: which tailnet, and why."""
    w = World(picture, far=False)
    dom = browse(w, f"PROXY {PRIMARY}:{w.tailnet.port}", f"http://{TARGET}.{w.name}:3999/")
    check(w.name in dom and re.search("refused", dom, re.I), f"the error page: {dom}")


@deadline(300)
def test_keystrokes_beside_downloads(picture):
    """An interactive stream is served while four downloads saturate the listener."""
    w = World(picture, far=False)
    stop = threading.Event()
    failures = []

    def download():
        while not stop.is_set():
            try:
                picture.curl("--socks5-hostname", f"{PRIMARY}:{w.tailnet.port}", "-o", "/dev/null",
                             f"http://{w.host}:3000/bytes/{256 << 20}", ok=0, timeout_s=120)
            except Failure as e:
                failures.append(str(e))
                return
    threads = [threading.Thread(target=download) for _ in range(4)]
    for t in threads:
        t.start()
    try:
        from client import connect, get, socks5
        s = connect(picture.mac, PRIMARY, w.tailnet.port)
        with contextlib.closing(s):
            equal(socks5(s, w.host, 3000), 0, "SOCKS5")
            for i in range(300):
                equal(get(s, f"/key{i}"), f"this is red, you asked for /key{i}\n", "keystroke")
    finally:
        stop.set()
        for t in threads:
            t.join()
    check(not failures, f"downloads: {failures[:1]}")
