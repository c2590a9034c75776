# SPDX-License-Identifier: MIT
"""Every card of the page, fetched as text and fed unchanged to the real client, which must reach the peer."""
import json
import os
import re
import sys

import browser
import cdp
import lab as L
from lab import BUILD, check, equal, wait_for
from picture import PRIMARY, TARGET
from run import deadline

SYSTEM_PYTHON = "/usr/bin/python3"  # which has Debian's modules
PACPARSER = """
import json, pacparser, sys
pacparser.init()
pacparser.parse_pac_file(sys.argv[1])
print(json.dumps({h: pacparser.find_proxy(f"http://{h}/", h) for h in sys.argv[2:]}))
"""
BASE = f"http://{PRIMARY}:11079"


class World:
    def __init__(self, picture, **options):
        self.picture, self.mac = picture, picture.mac
        self.red, self.blue = (picture.tailnet(w, p, **options)
                               for w, p in (("red", 11080), ("blue", 11081)))
        self.gateway = picture.gateway()
        self.home = os.path.join(picture.lab.dir, "home")
        os.makedirs(self.home, exist_ok=True)
        self.gateway.start().wait_up()

    def card(self, kind, tailnet=None):
        path = f"/setup/{kind}" + (f"/{tailnet.name}" if tailnet else "")
        return self.picture.curl(BASE + path, ok=0).stdout

    def file(self, name, text, mode=0o600):
        return self.picture.lab.file("home/" + name, text, mode)

    def run(self, command, ok=0, **options):
        env = {"HOME": self.home, "GIT_CONFIG_NOSYSTEM": "1", **options.pop("env", {})}
        return self.mac.run(command, ok=ok, env=env, **options)


def this_is(tailnet, path="/"):
    return f"this is {tailnet.word}, you asked for {path}\n"


def undo_of(card):
    """The lines that a card gives for undoing it."""
    return "".join(line[4:] + "\n" for line in card.splitlines() if re.match(r"(#|//) {3}", line))


def test_card_ssh(picture):
    """The whole card is an ssh_config: ssh finds both peers, which have the same address."""
    w = World(picture)
    config = w.file("ssh_config", w.card("ssh"))
    for t in (w.red, w.blue):
        p = w.run(["ssh", "-F", config, "-i", picture.ssh_key(), "-o", "StrictHostKeyChecking=no", "-o",
                   "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", f"root@{TARGET}.{t.name}"])
        equal(p.stdout, f"this is {t.word}\n", "ssh")


def test_card_curl_env_git(picture):
    """curl by the functions, curl, python and git by the environment and by git's own settings."""
    w = World(picture, ssh=False)
    for t in (w.red, w.blue):
        script = w.file("curl.sh", w.card("curl"))
        p = w.run(["bash", "-c", f". {script}; curl-{t.name} -sS http://{TARGET}.{t.name}:3000/a"])
        equal(p.stdout, this_is(t, "/a"), "curl")
        script = w.file("env.sh", w.card("env", t))
        p = w.run(["sh", "-c", f". {script}; curl -sS http://{TARGET}.{t.name}:3000/b"])
        equal(p.stdout, this_is(t, "/b"), "curl by environment")
        p = w.run(["sh", "-c", f". {script}; exec {sys.executable} -c 'import urllib.request as u; "
                   f"print(u.urlopen(\"http://{TARGET}.{t.name}:3000/c\").read().decode(), end=\"\")'"])
        equal(p.stdout, this_is(t, "/c"), "python by environment")
        undo = w.file("undo.sh", undo_of(w.card("env", t)))
        p = w.run(["sh", "-c", f". {script}; . {undo}; env"])
        check("proxy" not in p.stdout.lower(), f"not undone: {p.stdout}")
    w.run(["sh", w.file("git.sh", w.card("git"))])
    for t in (w.red, w.blue):
        web = t.peer.ns.spawn(["socat", "-ddd", f"TCP-LISTEN:80,bind={TARGET},fork,reuseaddr", f"TCP:{TARGET}:3000"])
        web.wait_line("listening on")
        p = w.run(["git", "ls-remote", f"http://{TARGET}.{t.name}/x.git"], ok=None, env={"GIT_CURL_VERBOSE": "1"})
        check(f"SOCKS5" in p.stderr and "HTTP/1.1 200" in p.stderr, "git: " + p.stderr[:3000].replace("\n", "|"))
    w.run(["sh", w.file("undo.sh", undo_of(w.card("git")))])
    p = w.run(["git", "config", "--global", "--list"], ok=None)
    check("proxy" not in p.stdout, f"git's settings are not undone: {p.stdout}")


def test_card_kubectl(picture):
    """The card is a kubeconfig that kubectl reads; its cluster's proxy leads to the peer."""
    w = World(picture, ssh=False)
    kubectl = L.tool("kubectl")
    config = w.file("kubeconfig", w.card("kubectl"))
    p = w.run([kubectl, "--kubeconfig", config, "config", "view", "-o", "json"])
    clusters = {c["name"]: c["cluster"] for c in json.loads(p.stdout)["clusters"]}
    for t in (w.red, w.blue):
        equal(clusters[t.name]["proxy-url"], f"socks5://{PRIMARY}:{t.port}", "proxy-url")
        p = w.run([kubectl, "--kubeconfig", config, "--cluster", t.name, "--server",
                   f"http://{TARGET}.{t.name}:3000", "get", "--raw", "/version"])
        equal(p.stdout, this_is(t, "/version"), "kubectl")


def code_blocks(picture, kind):
    """The texts to be pasted, as a script on the page sees them."""
    html = picture.curl(BASE + "/", ok=0).stdout
    part = html.split(f'<details class="card" id="{kind}"')[1].split('<p class="plain">')[0]
    import html as h
    return [h.unescape(c) for c in re.findall(r'aria-labelledby="[^"]*"><code>(.*?)</code>', part, re.S)]


def test_card_docker(picture):
    """Both files are JSON; Docker's own client library takes the proxy out of its one."""
    w = World(picture, ssh=False)
    client, daemon = code_blocks(picture, "docker")
    want = f"http://{PRIMARY}:{w.red.port}"
    equal(json.loads(daemon)["proxies"]["http-proxy"], want, "daemon.json")
    w.file(".docker/config.json", client)
    p = w.run([SYSTEM_PYTHON, "-c", "import json, docker.utils.config as c, docker.utils.proxy as p; "
               "print(json.dumps(p.ProxyConfig.from_dict(c.load_general_config()['proxies']['default'])"
               ".get_environment()))"], ok=None)
    if p.returncode and "No module named" in p.stderr:
        raise L.Skip("python3-docker is not installed")
    equal(p.returncode, 0, p.stderr)
    env = json.loads(p.stdout)
    equal((env["http_proxy"], env["HTTPS_PROXY"]), (want, want), "the containers' environment")
    p = w.run(["curl", "-sS", f"http://{TARGET}.{w.red.name}:3000/"], env=env)
    equal(p.stdout, this_is(w.red), "a container's curl")


def test_card_is_ctl(picture):
    """client-config prints what /setup/KIND shows, byte for byte; installs, shows the change, undoes."""
    w = World(picture, ssh=False)
    g = w.gateway
    for kind in w.card("").split():
        equal(g.ctl("client-config", kind, ok=0).stdout, w.card(kind), kind)
        equal(g.ctl("client-config", kind, w.red.name, ok=0).stdout, w.card(kind, w.red), kind)
    got = json.loads(g.ctl("client-config", "ssh", "--json", ok=0).stdout)
    equal((got["kind"], got["tailnet"], got["text"]), ("ssh", None, w.card("ssh")), "--json")
    text = g.ctl("client-config", "pac", "--host=demon", ok=0).stdout
    check(f"SOCKS5 demon:{w.red.port};" in text, text)
    for line, code, words in ((["macs"], 2, "did you mean macos?"), (["zzzzzz"], 2, "no kind of client"),
                              (["ssh", w.red.name + "x"], 3, f"did you mean {w.red.name}?"),
                              (["git", "--install"], 2, "--install is there for ssh and env"),
                              (["ssh", "--undo"], 2, "--undo goes with --install"),
                              (["ssh", "--host=a b"], 2, "neither a name nor an address")):
        p = g.ctl("client-config", *line)
        equal(p.returncode, code, f"{line}: {p.stderr}")
        check(words in p.stderr and p.stderr.count("\n") == 1 and not p.stdout, f"{line}: {p.stderr}{p.stdout}")
    before = "Host *\n\tUser me\n"
    config = w.file(".ssh/config", before, 0o644)
    command = [os.path.join(BUILD, "tsgwctl"), "--run-dir", g.run_dir, "--config", g.config, "client-config",
               "ssh", "--install"]

    def install(*more, ok=0):
        return picture.demon.run([*command, *more], env={"HOME": w.home}, ok=ok).stdout
    p = picture.demon.run(command, env={"HOME": w.home})
    equal((p.returncode, "say --yes" in p.stderr), (1, True), f"nobody to ask: {p.stderr}")
    equal(open(config, encoding="utf-8").read(), before, "the file before it was agreed to")
    said = install("--yes")
    check(f"+Host *.{w.red.name}" in said and "-Host" not in said, said)
    text = open(config, encoding="utf-8").read()
    check(text.endswith(before) and f"Host *.{w.blue.name}" in text, text)
    equal(os.stat(config).st_mode & 0o777, 0o644, "the file's mode")
    p = w.run(["ssh", "-G", "-F", config, f"x.{w.red.name}"])
    check(f"proxycommand nc -X 5 -x {PRIMARY}:{w.red.port}" in p.stdout, p.stdout)
    check("nothing changes" in install("--yes"), "the second time")
    check(f"-Host *.{w.red.name}" in install("--yes", "--undo"), "what undo shows")
    equal(open(config, encoding="utf-8").read(), before, "the file after undo")


def open_browser(w, *options):
    command = [c for c in browser.chromium(w.picture.lab, "data:,", "about:blank", "--remote-debugging-pipe",
                                           "--hide-scrollbars", *options) if not c.startswith("--proxy-pac-url=data")]
    return cdp.Browser(w.picture.lab, w.mac, command)


@deadline(240)
def test_pac_in_chromium(picture):
    """The page's PAC file in the engine of a real browser: names, addresses, and what goes DIRECT."""
    w = World(picture, ssh=False)
    b = open_browser(w, f"--proxy-pac-url={BASE}/proxy.pac")
    for t in (w.red, w.blue):
        for host in (f"{TARGET}.{t.name}", f"{TARGET.replace('.', '-')}.{t.name.upper()}", f"{TARGET}.{t.name}."):
            equal(b.open(f"http://{host}:3000/p"), "", host)
            equal(b.run("document.body.innerText").strip(), this_is(t, "/p").strip(), host)
    equal(b.open(BASE + "/healthz"), "", "DIRECT")
    check(b.open(f"http://{TARGET}:3000/") != "", "an address that both have goes DIRECT, to nowhere")
    w.gateway.ctl("down", w.red.name, ok=0)
    error = b.open(f"http://{TARGET}.{w.red.name}:3000/")
    check("PROXY" in error, f"never DIRECT, even while it is down: {error!r}")


@deadline(240)
def test_pac_one_network_in_chromium(picture):
    """Where one tailnet alone has an address, it goes there without any name."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    w = World.__new__(World)
    w.picture, w.mac = picture, picture.mac
    b = open_browser(w, f"--proxy-pac-url={BASE}/proxy.pac")
    equal(b.open(f"http://{TARGET}:3000/q"), "", "by address")
    equal(b.run("document.body.innerText").strip(), this_is(t, "/q").strip(), "by address")


def test_pac_by_other_rules(picture):
    """The same file by pacparser, whose engine is Mozilla's: every class of host, and the bounds of networks."""
    w = World(picture, ssh=False)
    w.red.wg_text = w.red.wg_quick().replace(
        "10.100.0.0/16", "10.100.0.0/16, 10.123.64.0/18, fd77:100::/64, 0.0.0.0/0")
    w.blue.wg_text = w.blue.wg_quick().replace("10.100.0.0/16", "10.100.128.0/17")
    w.gateway.write_config()
    w.gateway.ctl("reload", ok=0)
    text = wait_for(lambda: (t := picture.curl(BASE + "/proxy.pac").stdout) and "10,123,64,0" in t and t, "the PAC")
    red, blue = (f"SOCKS5 {PRIMARY}:{t.port}; PROXY {PRIMARY}:{t.port}" for t in (w.red, w.blue))
    n = w.red.name
    rows = {n: red, f"x.{n}": red, f"X.{n.upper()}.": red, f"x{n}": "DIRECT", f"{n}.org": "DIRECT",
            f"a.b.c.{w.blue.name}": blue, "example.org": "DIRECT", "localhost": "DIRECT", "": "DIRECT",
            "10.100.0.1": red, "10.100.127.255": red, "10.100.128.0": "DIRECT", "10.101.0.0": "DIRECT",
            "10.123.63.255": "DIRECT", "10.123.64.0": red, "10.123.127.255": red, "10.123.128.0": "DIRECT",
            "8.8.8.8": "DIRECT", "127.0.0.1": "DIRECT", "10.100.0.256": "DIRECT", "10.100.0": "DIRECT",
            "10.77.0.1": "DIRECT", "fd77:100::1": red, "[fd77:100::141]": red, "fd77:100:0:1::1": "DIRECT",
            "FD77:0100:0:0:0:0:0:1": red, "::1": "DIRECT", "fd77:100:::": "DIRECT", "fe80::1%1": "DIRECT"}
    rows.pop("")
    p = picture.mac.run([SYSTEM_PYTHON, "-W", "ignore", "-c", PACPARSER, w.file("proxy.pac", text), *rows])
    if p.returncode and "No module named" in p.stderr:
        raise L.Skip("python3-pacparser is not installed")
    equal(p.returncode, 0, f"pacparser: {p.stderr}")
    got = json.loads(p.stdout)
    equal({h: g for h, g in got.items() if g != rows[h]}, {}, "what it says")
    node = L.shutil.which("node")
    if node:  # a modern engine says the same
        script = text + ";console.log(JSON.stringify(" + json.dumps(list(rows)) + \
            ".map(function (h) { return FindProxyForURL('', h); })))"
        p = picture.mac.run([node, "-e", script], ok=0)
        equal(dict(zip(rows, json.loads(p.stdout))), rows, "what node says")


CONTRAST = """(function () {
  function lum(c) { return c.map(function (v) { v /= 255; return v <= .03928 ? v / 12.92 : Math.pow((v + .055) / 1.055, 2.4); })
    .reduce(function (s, v, i) { return s + v * [.2126, .7152, .0722][i]; }, 0); }
  function rgb(t) { var m = t.match(/[\\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m.slice(0, 3); }
  function back(e) { for (; e; e = e.parentElement) { var c = rgb(getComputedStyle(e).backgroundColor); if (c) return c; } return [255, 255, 255]; }
  var bad = [];
  document.querySelectorAll("body *").forEach(function (e) {
    if (![].some.call(e.childNodes, function (n) { return n.nodeType === 3 && n.data.trim(); })) return;
    if (!e.getClientRects().length) return;
    var a = lum(rgb(getComputedStyle(e).color)), b = lum(back(e)), r = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (r < 4.5) bad.push(e.tagName + "." + e.className + " " + r.toFixed(2) + " " + e.textContent.trim().slice(0, 20));
  });
  return bad.join("\\n");
})()"""


@deadline(240)
def test_page_in_chromium(picture):
    """Contrast in both colours, names of all controls, keyboard order, 360 px, copying, life, no script at all."""
    w = World(picture, ssh=False)
    b = open_browser(w, "--no-proxy-server")
    systems = {"macos": "Mozilla/5.0 (Macintosh; Intel Mac OS X 14)", "android": "Mozilla/5.0 (Linux; Android 14)",
               "ios": "Mozilla/5.0 (iPhone; CPU iPhone OS 18)", "windows": "Mozilla/5.0 (Windows NT 10.0)",
               "linux": "Mozilla/5.0 (X11; Linux x86_64)"}
    for i, (kind, agent) in enumerate(systems.items()):
        b.agent(agent)
        for width in (360, 1200):
            b.size(width, 800, dark=i % 2 == 1, mobile=width < 500)
            equal(b.open(BASE + "/"), "", "the page")
            equal(b.run("[...document.querySelectorAll('details.card[open]')].map(e => e.id).join()"), kind, "open")
            b.run("document.querySelectorAll('details').forEach(e => { e.open = true; })")
            equal(b.run(CONTRAST), "", f"contrast, {kind} at {width}")
            equal(b.run("document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll("
                        "'section, li, details, p, dl, form')].every(e => e.getBoundingClientRect().right <= innerWidth)"),
                  True, f"overflow at {width}")
    violations = [e for e in b.events if "Content Security" in json.dumps(e)]
    equal(violations, [], "the policy is kept")
    tree = b.call("Accessibility.getFullAXTree")["nodes"]
    for node in tree:
        role = node.get("role", {}).get("value")
        if role in ("button", "link", "textbox", "image", "heading", "region") and not node.get("ignored"):
            check(node.get("name", {}).get("value"), f"a {role} without a name: {node}")
    equal(b.run("document.documentElement.lang + [...document.querySelectorAll('h1,h2,h3')].map(e => e.tagName[1]).join('')"
                ".replace(/(.)\\1+/g, '$1')"), "en12323", "headings")
    b.size(1200, 800)
    b.open(BASE + "/")
    seen = []
    for _ in range(8):
        b.key("Tab")
        seen.append(b.run("(e => e.tagName + ' ' + (e.textContent || '').trim().slice(0, 11))(document.activeElement)"))
    equal(seen[0], "A To the set-", "the first stop of the keyboard")
    equal(seen[1], "SUMMARY Linux", "then the card that is open")
    check(any(s.startswith("BUTTON Copy") for s in seen), f"no button among {seen}")
    check(b.run("getComputedStyle(document.activeElement).outlineStyle") == "solid", "where the keyboard is")
    b.run("document.querySelector('.copy').focus()")
    b.run("window.copied = ''; document.addEventListener('copy', () => { copied = String(getSelection()) || "
          "document.activeElement.value; })")
    b.key("Enter")
    wait_for(lambda: b.run("document.querySelector('.copy').textContent") in ("Copied", "Selected"), "the button says so")
    equal(b.run("copied"), code_blocks(picture, "linux")[0], "what was copied")
    w.gateway.ctl("down", w.blue.name, ok=0)
    state = f"document.querySelector('[data-tailnet={w.blue.name}] .state').textContent"
    wait_for(lambda: b.run(state) == "down", "the page follows")
    equal(b.run("document.getElementById('news').textContent"), f"{w.blue.name} is down.", "and says it")
    b.scripts(False)
    b.open(BASE + "/")
    check("down" in b.call("Page.captureSnapshot")["data"], "the page without scripts")
    html = picture.curl(BASE + "/", ok=0).stdout
    outside = [u for u in re.findall(r'(?:src|href)="([^"]+)"', html) if not u.startswith(("/", "#"))]
    equal(outside, [], "assets from elsewhere")
    check("<noscript><meta http-equiv=\"refresh\"" in html, "freshness without scripts")
