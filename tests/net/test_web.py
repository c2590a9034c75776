# SPDX-License-Identifier: MIT
"""The page as curl and hostile clients see it: who may, what is there, bounds."""
import contextlib
import json
import os
import plistlib
import re
import socket
import subprocess

import lab as L
from client import connect
from lab import BUILD, Failure, check, equal, inside, wait_for
from picture import MAC, PRIMARY, STRANGER
from run import deadline

PORT = 11079
BASE = f"http://{PRIMARY}:{PORT}"
KINDS = ("macos ios windows linux android ssh curl git env docker kubectl pac firefox tailscale "
         "headscale terraform").split()


def fetch(picture, path, *args, ok=0, **options):
    return picture.curl(*args, BASE + path, ok=ok, **options).stdout


def code(picture, path, *args, **options):
    p = picture.curl("-o", "/dev/null", "-w", "%{http_code}", *args, BASE + path, **options)
    return int(p.stdout)


def raw(picture, data, timeout_s=20, source=None):
    """What comes back for these bytes, until the end."""
    s = connect(picture.mac, PRIMARY, PORT)
    s.settimeout(timeout_s)
    with contextlib.suppress(OSError):
        s.sendall(data)
    got = b""
    with contextlib.suppress(OSError), s:
        while chunk := s.recv(65536):
            got += chunk
    return got.decode(errors="replace")


def two(picture, **options):
    red, blue = (picture.tailnet(w, p, ssh=False) for w, p in (("red", 11080), ("blue", 11081)))
    g = picture.gateway(**options)
    return red, blue, g


def without_counters(value):
    """A status without what changes by itself."""
    if isinstance(value, dict):
        return {k: without_counters(v) for k, v in value.items()
                if k not in ("uptime_s", "rx_bytes", "tx_bytes")}
    if isinstance(value, list):
        return [without_counters(v) for v in value]
    return value


def test_web_status_is_ctl(picture):
    """/status.json is what `tsgwctl status --json` prints; readyz and healthz follow the states."""
    red, blue, g = two(picture)
    red.keys.append("forward = 15432 -> 10.100.10.7:5432")
    red.keys.append("publish = 22 -> 127.0.0.1:22")
    g.write_config()
    g.start().wait_up()
    page, ctl = fetch(picture, "/status.json"), g.ctl("status", "--json", ok=0).stdout
    equal(without_counters(json.loads(page)), without_counters(json.loads(ctl)), "status")
    equal(re.sub(r"\d+", "0", page), re.sub(r"\d+", "0", ctl), "spelling")
    equal(fetch(picture, "/healthz"), "ok\n", "healthz")
    equal(fetch(picture, "/readyz"), "ready\n", "readyz")
    g.ctl("down", blue.name, ok=0)
    wait_for(lambda: code(picture, "/readyz") == 503, "readyz says no")
    equal(fetch(picture, "/readyz"), f"{blue.name} is down: stopped on request\n", "readyz")
    equal(code(picture, "/healthz"), 200, "healthz")
    status = {t["name"]: t for t in json.loads(fetch(picture, "/status.json"))["tailnets"]}
    equal((status[red.name]["state"], status[blue.name]["state"]), ("up", "down"), "states")
    check(f'>{blue.name}</h3> <span class="state down"' in fetch(picture, "/"), "the page")


def test_web_other_supervisors(picture):
    """The front alone shows what other processes run, when they come, go and are killed."""
    red, blue, g = two(picture)
    front = g
    front.start("--front")
    nobody = "is down: not started: no supervisor runs it"
    equal(fetch(picture, "/readyz").splitlines(), [f"{t.name} {nobody}" for t in (red, blue)], "none")
    own = [subprocess_gateway(picture, g, t) for t in (red, blue)]
    for p in own:
        p.wait_line("ready$")
    wait_for(lambda: code(picture, "/readyz") == 200, "both are up")
    own[0].forgiven = True
    own[0].send(L.signal.SIGKILL)
    own[0].wait()
    wait_for(lambda: fetch(picture, "/readyz") == f"{red.name} {nobody}\n", "one was killed")
    again = subprocess_gateway(picture, g, red)
    again.wait_line("ready$")
    wait_for(lambda: code(picture, "/readyz") == 200, "it is back")
    for p in (again, own[1]):
        equal(p.stop(), 0, "exit code")
    wait_for(lambda: len(fetch(picture, "/readyz").splitlines()) == 2, "both are gone")


def subprocess_gateway(picture, g, tailnet):
    return picture.demon.spawn(g.command("--tailnet", tailnet.name), name=f"tsgwd {tailnet.word}")


def test_web_visibility(picture):
    """Each client sees the tailnets that admit it, everywhere; who is not in web-allow sees nothing."""
    red, blue, g = two(picture, gateway_keys=("web-allow = 100.64.0.0/10",))
    blue.keys.append(f"allow = {STRANGER}/32")
    g.write_config()
    g.start().wait_up()
    for path in ("/", "/status.json", "/metrics", "/proxy.pac", *(f"/setup/{k}" for k in KINDS)):
        text = fetch(picture, path)
        check(blue.name not in text and "11081" not in text, f"{path} tells of {blue.name}")
        check(path.startswith("/setup/") or red.name in text, f"{path} has no {red.name}")
    equal(code(picture, f"/{red.name}.pac"), 200, "its own PAC")
    for path in (f"/{blue.name}.pac", f"/setup/ssh/{blue.name}"):
        equal(code(picture, path), 404, path)
    g.ctl("down", blue.name, ok=0)
    wait_for(lambda: fetch(picture, "/readyz") == "1 other is not up\n", "readyz")
    p = picture.curl("--interface", STRANGER, BASE + "/healthz")
    check(p.returncode in (52, 56), f"a stranger got {p.returncode} {p.stdout}")
    wait_for(lambda: f"{STRANGER}:" in g.process.log() and "web-allow" in g.process.log(), "the log")
    check(re.search(r"^tsgw_web_refused_connections_total [1-9]", fetch(picture, "/metrics"), re.M),
          "the counter")


def test_web_hosts(picture):
    """Host header: our addresses, our names, web-names; all else is 421, nonsense 400."""
    _, _, g = two(picture, gateway_keys=("web-names = demon.example.org, gw",))
    g.start().wait_up()
    name = socket.gethostname()
    for host in (f"{PRIMARY}:11079", PRIMARY, name, name.upper() + ".", f"{name}:11079",
                 "Demon.Example.ORG", "gw:11079"):
        equal(code(picture, "/healthz", "-H", f"Host: {host}"), 200, host)
    for host in ("evil.example", "localhost", "127.0.0.1", "demon.example.org.evil.example", "10.77.0.2",
                 "[::1]:11079", f"{PRIMARY}.evil.example", "xgw", "gw.x"):
        equal(code(picture, "/status.json", "-H", f"Host: {host}"), 421, host)
    for host in ("", "gw:x", "gw:99999", "g w", "a@gw", "[gw", "gw/", "<script>", "\xff", ":80", "[::1",
                 "[1.2.3.4]", "gw:1:2"):
        equal(code(picture, "/", "-H", f"Host;" if not host else f"Host: {host}"), 400, repr(host))
    got = raw(picture, b"GET /healthz HTTP/1.1\r\n\r\n")
    check(got.startswith("HTTP/1.1 400"), got)
    got = raw(picture, b"GET /healthz HTTP/1.0\r\n\r\n")
    check(" 400 " in got.splitlines()[0], got)
    got = raw(picture, f"GET /healthz HTTP/1.1\r\nHost: {PRIMARY}\r\nhost: {PRIMARY}\r\n\r\n".encode())
    check(got.startswith("HTTP/1.1 400"), got)
    for host in ("gw", "demon.example.org"):  # texts and PAC name the gateway as it was asked
        text = fetch(picture, "/proxy.pac", "-H", f"Host: {host}:11079")
        check(f"SOCKS5 {host}:11080; PROXY {host}:11080" in text, text)


def test_web_headers_and_refusals(picture):
    """Safe headers everywhere, no CORS; methods, paths, sizes and bodies that are not wanted."""
    red, _, g = two(picture)
    g.start().wait_up()
    types = {"/": "text/html; charset=utf-8", "/proxy.pac": "application/x-ns-proxy-autoconfig",
             f"/{red.name}.pac": "application/x-ns-proxy-autoconfig", "/status.json": "application/json",
             "/metrics": "text/plain; version=0.0.4; charset=utf-8",
             "/setup/ssh": "text/plain; charset=utf-8", "/page.css": "text/css; charset=utf-8",
             "/page.js": "text/javascript; charset=utf-8", "/icon.svg": "image/svg+xml",
             "/tsgw.mobileconfig": "application/x-apple-aspen-config",
             "/nothing": "text/plain; charset=utf-8"}
    for path, kind in types.items():
        head = fetch(picture, path, "-D", "-", "-o", "/dev/null", "-H", "Origin: http://evil.example")
        fields = dict(line.lower().split(": ", 1) for line in head.splitlines() if ": " in line)
        equal(fields["content-type"], kind, path)
        equal(fields["x-content-type-options"], "nosniff", path)
        check("default-src 'none'" in fields["content-security-policy"], head)
        check("'unsafe" not in head and "http" not in fields["content-security-policy"], head)
        check("access-control" not in head.lower(), head)
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"):
        p = picture.curl("-i", "-X", method, BASE + "/")
        check(p.stdout.startswith("HTTP/1.1 405") and "Allow: GET, HEAD" in p.stdout, p.stdout)
    equal(code(picture, "/", "-I"), 200, "HEAD")
    equal(fetch(picture, "/metric", ), "there is no such page; did you mean /metrics?\n", "404")
    equal(code(picture, "/metric"), 404, "404")
    equal(fetch(picture, "/setup/macs"), "there is no set-up for macs (did you mean macos?); there are: "
          + " ".join(KINDS) + "\n", "an unknown kind")
    equal(fetch(picture, "/setup/").split(), KINDS, "the kinds")
    equal(fetch(picture, "/setup/ssh/"), fetch(picture, "/setup/ssh"), "a slash more")
    near = red.name[:-1] + "_"
    equal(fetch(picture, f"/setup/ssh/{red.name}x"),
          f"there is no tailnet {red.name}x; did you mean {red.name}?\n", "an unknown tailnet")
    equal(code(picture, f"/setup/ssh/{near}"), 404, "an impossible tailnet")
    for path in ("/../etc/passwd", "/%2e%2e/x", "//", "/.pac", "/%00.pac", "/a/b.pac",
                 "/setup/ssh/a/b", "/%", "/index.html"):
        equal(code(picture, path, "--path-as-is"), 404, path)
    equal(code(picture, "/" + "a" * 2000), 414, "a long path")
    check(" 414 " in raw(picture, b"GET /" + b"a" * 60000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
          .splitlines()[0], "an endless path")
    got = raw(picture, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 60000 + b"\r\n\r\n")
    check(re.match(r"HTTP/1.[01] (431|413)", got), got[:100])
    got = raw(picture, f"GET /healthz HTTP/1.1\r\nHost: {PRIMARY}\r\nContent-Length: 1000000\r\n\r\n".encode())
    check(got.startswith("HTTP/1.1 200") and "\r\nConnection: close" in got, got)
    for nonsense in (b"\x05\x01\x00", b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\r\n\r\n\0\0\0\0\r\n\r\n"):
        raw(picture, nonsense + b"\r\n\r\n", timeout_s=20)
    equal(fetch(picture, "/healthz"), "ok\n", "after all that")
    check("tsgw-web: died" not in g.process.log(), g.process.log())


@deadline(180)
def test_web_bounds(picture):
    """Who drips, holds connections or reads slowly is cut off; everybody else is served."""
    _, _, g = two(picture)
    g.start().wait_up()
    held = []
    for _ in range(80):  # more than one client may have
        with contextlib.suppress(OSError):
            s = connect(picture.mac, PRIMARY, PORT)
            s.sendall(b"GET /healthz HTTP/1.1\r\n")
            held.append(s)
    p = picture.curl("--interface", STRANGER, "--max-time", "5", BASE + "/healthz")
    check(p.returncode != 28, "another client waits")
    check(picture.curl("--max-time", "5", BASE + "/healthz").returncode in (52, 56, 7), "one more of the same")
    drip = held[0]
    ended = False
    for s in held:
        s.settimeout(0.2)
    end = L.time.monotonic() + 40
    while not ended and L.time.monotonic() < end:
        try:
            drip.sendall(b"X: y\r\n")
            ended = drip.recv(100) == b""
        except TimeoutError:
            continue
        except OSError:
            ended = True
    check(ended, "a dripping request lives on")
    for s in held:
        s.close()
    wait_for(lambda: code(picture, "/healthz") == 200, "the page is back")
    text = fetch(picture, "/metrics")
    for limit in ("connections", "time"):
        n = re.search(rf'^tsgw_web_limit_hits_total{{limit="{limit}"}} (\d+)', text, re.M)
        check(n and int(n[1]) > 0, f"the counter of {limit}: {n and n[0]}")


def test_web_metrics_are_clean(picture):
    """promtool finds nothing; numbers that must be there are there; alert rules and dashboard fit."""
    promtool = L.tool("promtool")
    red, _, g = two(picture)
    g.start().wait_up()
    picture.curl("--socks5-hostname", f"{PRIMARY}:{red.port}", f"http://10.100.10.141.{red.name}:3000/", ok=0)
    picture.curl("--socks5-hostname", f"{PRIMARY}:{red.port}", "http://192.0.2.1/")
    picture.dig(f"10.100.10.141.{red.name}")
    picture.dig("example.org")
    text = wait_for(lambda: (t := fetch(picture, "/metrics")) and
                    f'result="ok"}} 1' in t and t, "the counters")
    p = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    equal((p.returncode, p.stdout + p.stderr), (0, ""), "promtool check metrics")
    for line in (rf'tsgw_tailnet_state{{tailnet="{red.name}",state="up"}} 1',
                 rf'tsgw_tailnet_connections_total{{tailnet="{red.name}",result="policy"}} 1',
                 r'tsgw_dns_responses_total{rcode="REFUSED"} 1', r'tsgw_dns_responses_total{rcode="NOERROR"} 1',
                 rf'tsgw_tailnet_dns_responses_total{{tailnet="{red.name}",rcode="NOERROR"}} 1',
                 rf'tsgw_worker_restarts_total{{tailnet="{red.name}",worker="wg"}} 0',
                 rf'tsgw_tailnet_last_handshake_timestamp_seconds{{tailnet="{red.name}"}} [1-9]\d+',
                 rf'tsgw_worker_proportional_memory_bytes{{tailnet="{red.name}",worker="proxy"}} [1-9]\d+',
                 rf'tsgw_worker_resident_memory_bytes{{tailnet="",worker="web"}} [1-9]\d+',
                 rf'tsgw_tailnet_limit_hits_total{{tailnet="{red.name}",limit="max-clients"}} 0'):
        check(re.search(f"^{line}$".replace("{t", r"\{t").replace("{r", r"\{r"), text, re.M), f"no {line}")
    etc = os.path.join(L.ROOT, "etc")
    p = subprocess.run([promtool, "check", "rules", f"{etc}/prometheus-alerts.yml"], capture_output=True,
                       text=True, check=False)
    equal(p.returncode, 0, f"promtool check rules: {p.stdout}{p.stderr}")
    names = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    for file in ("prometheus-alerts.yml", "grafana-dashboard.json"):
        with open(f"{etc}/{file}", encoding="utf-8") as f:
            body = f.read()
        used = set(re.findall(r"\btsgw_[a-z_]+", body))
        check(used and used <= names, f"{file} uses what is not there: {used - names}")
        if file.endswith(".json"):
            json.loads(body)


def test_web_profiles(picture):
    """Apple's profiles are property lists with the PAC's address, stable, and safe with any network name."""
    _, _, g = two(picture)
    g.start().wait_up()
    p = plistlib.loads(fetch(picture, "/tsgw.mobileconfig").encode())
    equal(p["PayloadType"], "Configuration", "type")
    inner = p["PayloadContent"][0]
    equal(inner["PayloadType"], "com.apple.proxy.http.global", "payload")
    equal((inner["ProxyType"], inner["ProxyPACURL"]), ("Auto", BASE + "/proxy.pac"), "proxy")
    for uuid in (p["PayloadUUID"], inner["PayloadUUID"]):
        check(re.fullmatch(r"[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}", uuid), uuid)
    equal(plistlib.loads(fetch(picture, "/tsgw.mobileconfig").encode()), p, "the second time")
    for name in ("Home", "A & B <c>", "Café ☕", "\"'", "x" * 32):
        text = picture.curl("-G", "--data-urlencode", f"ssid={name}", BASE + "/tsgw.mobileconfig", ok=0).stdout
        inner = plistlib.loads(text.encode())["PayloadContent"][0]
        equal((inner["PayloadType"], inner["SSID_STR"]), ("com.apple.wifi.managed", name), "Wi-Fi")
        equal((inner["ProxyType"], inner["ProxyPACURL"]), ("Auto", BASE + "/proxy.pac"), "proxy")
    for query in ("ssid=", "ssid=" + "x" * 33, "ssid=a%0Ab", "ssid=%ff", "ssid=%c0%80", "ssid=%ed%a0%80"):
        equal(code(picture, "/tsgw.mobileconfig?" + query), 400, query)


def test_web_reload_and_addresses(picture):
    """A reload shows at once; the page follows the primary's addresses; web-port = 0 ends it."""
    red, blue, g = two(picture)
    g.start().wait_up()
    red.keys.append("suffix = other.example")
    red_section = red.section
    red.section = lambda: red_section().replace(f"suffix = {red.name}\n", "")
    g.write_config()
    g.ctl("reload", ok=0)
    wait_for(lambda: '"other.example"' in fetch(picture, "/proxy.pac"), "the new suffix in the PAC")
    picture.demon.ip("addr add 100.121.76.22/32 dev tailscale0")
    picture.mac.ip(f"route add 100.121.76.22 dev {picture_link(picture)} src {MAC}")
    wait_for(lambda: picture.curl("http://100.121.76.22:11079/healthz").returncode == 0, "the new address")
    text = picture.curl("http://100.121.76.22:11079/setup/macos", ok=0).stdout
    check("nameserver 100.121.76.22" in text, text)
    picture.demon.ip("addr del 100.121.76.22/32 dev tailscale0")
    wait_for(lambda: code(picture, "/healthz", "-H", "Host: 100.121.76.22") == 421, "the old address")
    os.kill(g.worker("tsgw-web", "-"), L.signal.SIGKILL)
    wait_for(lambda: picture.curl(BASE + "/readyz").stdout == "ready\n", "a new worker")
    check('tsgw_worker_restarts_total{tailnet="",worker="web"} 1' in fetch(picture, "/metrics"), "counted")
    g.gateway_keys.append("web-port = 0")
    g.write_config()
    g.ctl("reload", ok=0)
    wait_for(lambda: picture.curl(BASE + "/healthz").returncode == 7, "nothing listens")
    check(("tsgw-web", "-") not in g.workers(), "the worker is still there")
    equal(g.state(blue), "up", "the tailnets")


def picture_link(picture):
    return next(name for name in picture.mac.links() if name != "lo")


def test_web_alone(picture):
    """The worker makes no socket and opens no file, whatever it is asked."""
    L.tool("strace")
    _, _, g = two(picture)
    g.start().wait_up()
    pid = g.worker("tsgw-web", "-")
    trace = picture.demon.spawn(["strace", "-f", "-p", str(pid)], name="strace")
    trace.wait_line("attached")
    for path in ("/", "/status.json", "/metrics", "/proxy.pac", "/setup/linux", "/tsgw.mobileconfig", "/x"):
        code(picture, path)
    trace.stop()
    calls = set(re.findall(r"^(?:\[pid +\d+\] )?(\w+)\(", trace.log(), re.M))
    check({"accept4", "recvfrom"} <= calls, f"not traced: {calls}")
    bad = calls & {"open", "openat", "socket", "connect", "execve", "stat", "newfstatat", "bind"}
    check(not bad, f"calls {bad}")
    check("EPERM" not in trace.log(), "a call was refused:\n" + "\n".join(
        line for line in trace.log().splitlines() if "EPERM" in line))
